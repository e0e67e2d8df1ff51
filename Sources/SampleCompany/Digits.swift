import Ledger

/// Numbers as the documents print them.
enum Digits {
    static func padded(_ number: Int, to width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// `yyyyMMdd`.
    static func compact(_ day: LocalDate) -> String {
        let (year, month, dayOfMonth) = day.parts
        return padded(year * 10_000 + month * 100 + dayOfMonth, to: 8)
    }
}
