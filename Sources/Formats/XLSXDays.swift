internal import Ledger

/// Writes the days of a workbook in the pattern that the import reads.
struct XLSXDays {
    let format: DateFormat
    let isFrom1904: Bool

    /// 9999-12-31 from 1900 and from 1904.
    private var last: Int { isFrom1904 ? 2_957_003 : 2_958_465 }

    /// Writes the day of a day number; `false` when it has none.
    ///
    /// From 1900, day 1 is 1900-01-01 and day 60 a 29 February 1900 that never was. It is written as the spreadsheet
    /// shows it, and refused by who reads it. Day 0 is what a time without a day has.
    func append(_ number: Int, to output: XLSXOutput) -> Bool {
        guard number <= last else { return false }
        if isFrom1904 {
            append(LocalDate(dayNumber: number - 24_107), to: output)
            return true
        }
        guard number > 0 else { return false }
        if number == 60 {
            format.append(year: 1900, month: 2, day: 29, to: output)
        } else {
            append(LocalDate(dayNumber: number - (number > 60 ? 25_569 : 25_568)), to: output)
        }
        return true
    }

    /// Writes the day of `2026-06-30T08:00:00`; `false` when the text doesn't start with one.
    func append(iso text: UnsafeBufferPointer<UInt8>, to output: XLSXOutput) -> Bool {
        guard text.count == 10 || text.dropFirst(10).first == 84,
            let day = LocalDate(String(decoding: text.prefix(10), as: UTF8.self))
        else { return false }
        append(day, to: output)
        return true
    }

    private func append(_ day: LocalDate, to output: XLSXOutput) {
        let (year, month, day) = day.parts
        format.append(year: year, month: month, day: day, to: output)
    }
}
