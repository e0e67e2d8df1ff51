package import Ledger

/// A pattern of days in a file, such as `M/d/yyyy` or `yyyy年M月d日`.
///
/// `yyyy` is four digits; `yy` two, of this century; `MM` and `dd` two; `M` and `d` one or two. Everything else stands
/// for itself.
package struct DateFormat: Hashable, Sendable {
    private enum Part: Hashable, Sendable {
        case year(digits: Int)
        case month(digits: Int)
        case day(digits: Int)
        case literal(UInt8)
    }

    package enum Fault: Error, Hashable, Sendable {
        /// The text is not of the pattern.
        case notOfPattern
        /// The calendar has no such day, for example 30 February.
        case noSuchDay
    }

    package let pattern: String
    private let parts: [Part]

    package static let iso = DateFormat(
        pattern: "yyyy-MM-dd",
        parts: [
            .year(digits: 4), .literal(45), .month(digits: 2), .literal(45), .day(digits: 2),
        ])

    private init(pattern: String, parts: [Part]) {
        self.pattern = pattern
        self.parts = parts
    }

    /// - Returns: `nil` unless year, month and day stand in the pattern once each.
    package init?(_ pattern: String) {
        var parts: [Part] = []
        var rest = Array(pattern.utf8)[...]
        while let byte = rest.first {
            let run = rest.prefix { $0 == byte }.count
            switch (byte, run) {
            case (121, 4), (121, 2): parts.append(.year(digits: run))
            case (77, 1), (77, 2): parts.append(.month(digits: run))
            case (100, 1), (100, 2): parts.append(.day(digits: run))
            case (121, _), (77, _), (100, _): return nil
            default: parts.append(contentsOf: [Part](repeating: .literal(byte), count: run))
            }
            rest = rest.dropFirst(run)
        }
        var years = 0, months = 0, days = 0
        for part in parts {
            switch part {
            case .year: years += 1
            case .month: months += 1
            case .day: days += 1
            case .literal: break
            }
        }
        guard years == 1, months == 1, days == 1 else { return nil }
        self.init(pattern: pattern, parts: parts)
    }

    /// Reads a day.
    package func day(_ text: UnsafeBufferPointer<UInt8>) throws(Fault) -> LocalDate {
        var index = 0
        func number(atLeast minimum: Int, atMost maximum: Int) throws(Fault) -> Int {
            var value = 0
            var count = 0
            while count < maximum, index < text.count, text[index] >= 48, text[index] <= 57 {
                value = value * 10 + Int(text[index] - 48)
                count += 1
                index += 1
            }
            guard count >= minimum else { throw .notOfPattern }
            return value
        }
        var year = 0, month = 0, day = 0
        for part in parts {
            switch part {
            case .year(let digits):
                year = try number(atLeast: digits, atMost: digits)
                if digits == 2 { year += 2000 }
            case .month(let digits): month = try number(atLeast: digits, atMost: 2)
            case .day(let digits): day = try number(atLeast: digits, atMost: 2)
            case .literal(let byte):
                guard index < text.count, text[index] == byte else { throw .notOfPattern }
                index += 1
            }
        }
        guard index == text.count else { throw .notOfPattern }
        guard let date = LocalDate(year: year, month: month, day: day) else { throw .noSuchDay }
        return date
    }
}
