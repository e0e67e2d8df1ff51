internal import Formats
internal import Foundation
internal import Ledger
internal import Receivables

/// The cells of one line by our columns, read into values; faults are collected, so that a person
/// sees all of a line's mistakes at once.
package final class LineReader {
    private let layout: Layout
    private var columns: [ImportKind.Column] { layout.columns }
    private var mapping: ImportMapping { layout.mapping }
    private var positions: [Int] { layout.positions }
    private var constants: [[UInt8]?] { layout.constants }
    private var unnamed: [Int] { layout.unnamed }
    private var names: [String] { layout.names }
    private var record: CSVReader?
    /// The cells of a line that is looked at again after the reader went on.
    private var kept: (line: Int, fields: [[UInt8]])?

    package private(set) var faults: [LineFault] = []

    /// What `--partial` adds to the lines that it didn't take; a mended file of them is imported as it is.
    package static let rejectedColumns = ["rejected_line", "rejected_reason"]

    /// Longest text kept: names, remittance texts and reasons are shorter than this.
    private static let longestText = 2000
    static func isInRange(_ day: LocalDate) -> Bool {
        day >= LocalDate.earliestInBooks && day <= LocalDate.latestInBooks
    }

    init(_ layout: Layout) { self.layout = layout }

    /// Starts on the reader's current record.
    func begin(_ record: CSVReader) {
        self.record = record
        kept = nil
        faults.removeAll(keepingCapacity: true)
    }

    /// Notes a cell in a column that has no heading.
    func checkUnnamed() {
        guard let record else { return }
        for position in unnamed where position < record.count && !trimmed(record.bytes(position)).isEmpty {
            let value = String(decoding: record.bytes(position).prefix(120), as: UTF8.self)
            faults.append(
                LineFault(
                    line: line, column: "", value: value,
                    refusal: Refusal(.columnUnnamed, ["position": .count(position + 1)])))
        }
    }

    /// Starts on a line that was kept.
    func begin(_ fields: [[UInt8]], line: Int) {
        kept = (line, fields)
        faults.removeAll(keepingCapacity: true)
    }

    /// The current line's cells, for another look at the end of the file.
    var fields: [[UInt8]] {
        if let kept { return kept.fields }
        guard let record else { return [] }
        return (0..<record.count).map { Array(record.bytes($0)) }
    }

    var line: Int { kept?.line ?? record?.line ?? 0 }

    // MARK: Cells

    /// The cell without surrounding spaces, also those that only look like one; empty when it is not given.
    private func trimmed(_ cell: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        var from = 0
        var to = cell.count
        while from < to, let length = Self.spaceLength(cell, at: from, before: to) { from += length }
        while to > from, let length = Self.spaceLength(cell, endingAt: to, from: from) { to -= length }
        return UnsafeBufferPointer(rebasing: cell[from..<to])
    }

    /// Space, tab, no-break space, ideographic space, zero-width space and byte order mark, in UTF-8.
    private static let spaces: [[UInt8]] = [
        [32], [9], [0xC2, 0xA0], [0xE3, 0x80, 0x80], [0xE2, 0x80, 0x8B], [0xEF, 0xBB, 0xBF],
    ]

    private static func spaceLength(_ cell: UnsafeBufferPointer<UInt8>, at index: Int, before end: Int) -> Int? {
        let first = cell[index]
        guard first == 32 || first == 9 || first >= 0xC2 else { return nil }
        return spaces.first { $0.count <= end - index && cell[index..<index + $0.count].elementsEqual($0) }?.count
    }

    private static func spaceLength(_ cell: UnsafeBufferPointer<UInt8>, endingAt end: Int, from start: Int) -> Int? {
        let last = cell[end - 1]
        guard last == 32 || last == 9 || last >= 0x80 else { return nil }
        return spaces.first { $0.count <= end - start && cell[end - $0.count..<end].elementsEqual($0) }?.count
    }

    /// Text in the composed form that the store keeps (NFC); nearly every cell is in it already.
    private static func composed(_ cell: UnsafeBufferPointer<UInt8>) -> String {
        let text = String(decoding: cell, as: UTF8.self)
        // Combining marks, Japanese voiced marks and Hangul jamo: nothing else is composed with what stands before it.
        let mayDecompose = cell.indices.contains { index in
            let byte = cell[index]
            return byte == 0xCC || byte == 0xCD || byte == 0xE1
                || (byte == 0xE3 && index + 1 < cell.count && cell[index + 1] == 0x82)
        }
        return mayDecompose ? text.precomposedStringWithCanonicalMapping : text
    }

    private func withCell<Result>(_ column: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        let position = positions[column]
        if position >= 0 {
            if let kept {
                if !kept.fields[position].isEmpty {
                    return kept.fields[position].withUnsafeBufferPointer { body(trimmed($0)) }
                }
            } else if let record {
                let cell = trimmed(record.bytes(position))
                if !cell.isEmpty { return body(cell) }
            }
        }
        if let constant = constants[column] { return constant.withUnsafeBufferPointer(body) }
        return body(UnsafeBufferPointer(start: nil, count: 0))
    }

    /// Whether the line says anything in this column.
    func has(_ column: Int) -> Bool { withCell(column) { !$0.isEmpty } }

    func refuse(_ column: Int, _ code: RefusalCode, _ parameters: [String: Refusal.Parameter] = [:]) {
        add(column, Refusal(code, parameters))
    }

    /// Adds a fault at a column.
    func add(_ column: Int, _ refusal: Refusal) {
        let value = withCell(column) { String(decoding: $0.prefix(120), as: UTF8.self) }
        faults.append(LineFault(line: line, column: names[column], value: value, refusal: refusal))
    }

    /// Adds a fault of the line as a whole.
    func note(_ refusal: Refusal) {
        faults.append(LineFault(line: line, column: "", value: "", refusal: refusal))
    }

    func text(_ column: Int) -> String? {
        withCell(column) { cell in
            guard !cell.isEmpty else {
                if columns[column].isRequired { refuse(column, .valueMissing, ["column": .text(names[column])]) }
                return nil
            }
            guard cell.count <= Self.longestText else {
                refuse(column, .valueTooLong, ["limit": .count(Self.longestText)])
                return nil
            }
            guard !cell.contains(where: { $0 < 32 && $0 != 9 && $0 != 10 && $0 != 13 || $0 == 127 }) else {
                refuse(column, .valueControlCharacter)
                return nil
            }
            return Self.composed(cell)
        }
    }

    /// A text that must be there; "" after the fault was noted.
    func required(_ column: Int) -> String { text(column) ?? "" }

    func day(_ column: Int) -> LocalDate? {
        withCell(column) { cell in
            guard !cell.isEmpty else {
                if columns[column].isRequired { refuse(column, .valueMissing, ["column": .text(names[column])]) }
                return nil
            }
            do throws(DateFormat.Fault) {
                let day = try mapping.dateFormat.day(cell)
                guard Self.isInRange(day) else {
                    refuse(
                        column, .valueDateOutOfRange,
                        ["earliest": .day(LocalDate.earliestInBooks), "latest": .day(LocalDate.latestInBooks)])
                    return nil
                }
                return day
            } catch {
                let code = error == .noSuchDay ? RefusalCode.valueImpossibleDate : .valueNotADate
                refuse(column, code, ["pattern": .text(mapping.dateFormat.pattern)])
                return nil
            }
        }
    }

    func requiredDay(_ column: Int) -> LocalDate { day(column) ?? LocalDate(dayNumber: 0) }

    /// An amount whose currency is not known yet.
    func number(_ column: Int) -> DecimalNumber? {
        withCell(column) { cell in
            guard !cell.isEmpty else {
                if columns[column].isRequired { refuse(column, .valueMissing, ["column": .text(names[column])]) }
                return nil
            }
            do throws(AmountError) {
                return try DecimalNumber(parsing: cell, decimalMark: mapping.decimalMark)
            } catch {
                let mark = String(decoding: [mapping.decimalMark], as: UTF8.self)
                let limit = Money.decimal(of: Int128(Money.largestFact), exponent: 2, grouped: true)
                refuse(
                    column, error == .tooLarge ? .valueTooLarge : .valueNotAnAmount,
                    ["mark": .text(mark), "limit": .text(limit)])
                return nil
            }
        }
    }

    enum Allowed { case positive, zeroAndMore }

    /// A number as an amount of `currency`; `nil` after the fault was noted.
    func money(
        _ column: Int, _ number: DecimalNumber?, in currency: Currency, allowing allowed: Allowed = .positive
    ) -> Money? {
        guard let number else { return nil }
        do throws(AmountError) {
            let money = try number.money(in: currency)
            guard money.isPositive || (allowed == .zeroAndMore && money.isZero) else {
                refuse(column, allowed == .positive ? .valueNotPositive : .valueNegative)
                return nil
            }
            return money
        } catch {
            switch error {
            case .tooManyDecimals(let allowed):
                refuse(
                    column, .valueTooManyDecimals, ["currency": .text(currency.code), "decimals": .count(allowed)])
            case .tooLarge, .notANumber:
                let limit = Money(minorUnits: Money.largestFact, currency: currency)
                refuse(column, .valueTooLarge, ["limit": .money(limit)])
            }
            return nil
        }
    }

    func currency(_ column: Int) -> Currency? {
        guard let code = text(column) else { return nil }
        guard let currency = Currency(code) else {
            refuse(column, .valueUnknownCurrency)
            return nil
        }
        return currency
    }

    /// A whole number from 0 to `limit`.
    func count(_ column: Int, atMost limit: Int) -> Int? {
        guard let text = text(column) else { return nil }
        guard let count = Int(text), (0...limit).contains(count) else {
            refuse(column, .valueNotACount, ["limit": .count(limit)])
            return nil
        }
        return count
    }

    /// One of a fixed list of words.
    func choice<Choice: CaseIterable>(_ column: Int, _ name: (Choice) -> String) -> Choice? {
        guard let text = text(column) else { return nil }
        if let choice = Choice.allCases.first(where: { name($0) == text }) { return choice }
        let words = Choice.allCases.map(name).joined(separator: ", ")
        refuse(column, .valueNotAChoice, ["choices": .text(words)])
        return nil
    }

    static func trimmed(_ text: String) -> String {
        var scalars = text.unicodeScalars[...]
        while let first = scalars.first, first.value == 32 || first.value == 9 || first.value == 0xFEFF {
            scalars.removeFirst()
        }
        while let last = scalars.last, last.value == 32 || last.value == 9 { scalars.removeLast() }
        return String(scalars)
    }
}
