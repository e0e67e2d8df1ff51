internal import Ledger

/// Reads a worksheet from its first row to its last and writes it as CSV.
final class XLSXSheet {
    static let mostRows = 1_048_576
    static let mostColumns = 16_384

    /// How the value of a cell is to be understood: its `t`.
    private enum Kind { case number, text, shared, boolean, error, day, inline }

    private let markup: XLSXMarkup
    private let strings: XLSXSharedStrings
    private let styles: XLSXStyles
    private let text: XLSXText
    private let days: XLSXDays
    private let separator: UInt8
    private let decimalMark: UInt8
    private let skippedRows: Int
    private let output: XLSXOutput
    private let field = XLSXOutput(capacity: 256)

    private var sheetDataCount = 0
    private var isInSheetData = false
    private var isInRow = false
    private var row = 0
    /// The line of the CSV that is being written.
    private var line = 1
    /// The column of the last cell in the row, and of the last one that was written; 0 before the first.
    private var column = 0
    private var writtenColumn = 0
    /// How many columns the heading has; every later row with cells is written with as many at least.
    private var headingColumns: Int?

    private var isInCell = false
    private var kind = Kind.number
    private var style = 0
    private var hasFormula = false
    private var hasValue = false
    /// The child of an inline string that is open.
    private var inlineChild = XLSXName.other

    init(
        _ markup: XLSXMarkup, strings: XLSXSharedStrings, styles: XLSXStyles, text: XLSXText, isFrom1904: Bool,
        mapping: ImportMapping, separator: UInt8, output: XLSXOutput
    ) {
        self.markup = markup
        self.strings = strings
        self.styles = styles
        self.text = text
        days = XLSXDays(format: mapping.dateFormat, isFrom1904: isFrom1904)
        self.separator = separator
        decimalMark = mapping.decimalMark
        skippedRows = mapping.skipLines
        self.output = output
    }

    /// The part's name, for faults.
    var part: String { markup.part.name }

    /// Appends to the output until it has `enough` bytes; `false` when the sheet has ended.
    func write(until enough: Int) throws(XLSXFault) -> Bool {
        while output.count < enough {
            switch try markup.next() {
            case .start: try begin()
            case .end: try end()
            case .finish: return false
            }
        }
        return true
    }

    // MARK: Elements

    private func begin() throws(XLSXFault) {
        switch markup.depth {
        case 1: guard markup.name == .worksheet else { throw markup.malformed }
        case 2:
            isInSheetData = markup.name == .sheetData
            if isInSheetData { sheetDataCount += 1 }
            guard sheetDataCount <= 1 else { throw markup.malformed }
        case 3: if isInSheetData, markup.name == .row { try beginRow() }
        case 4: if isInRow, markup.name == .c { try beginCell() }
        case 5: if isInCell { try beginValue() }
        default:
            guard isInCell, kind == .inline else { return }
            if markup.depth == 6 { inlineChild = markup.name }
            // Runs are joined; how a text is pronounced (`rPh`) isn't part of it.
            if markup.name == .t, markup.depth == 6 || (markup.depth == 7 && inlineChild == .r) { markup.keepText() }
        }
    }

    private func end() throws(XLSXFault) {
        markup.ignoreText()
        switch markup.depth {
        case 3 where isInCell:
            try endCell()
            isInCell = false
        case 2 where isInRow:
            endRow()
            isInRow = false
        default: break
        }
    }

    private func beginRow() throws(XLSXFault) {
        isInRow = true
        column = 0
        writtenColumn = 0
        let previous = row
        if let number = markup.attribute(.r) {
            row = try wholeNumber(number)
        } else {
            row += 1
        }
        guard row <= Self.mostRows else { throw .tooManyRows(limit: Self.mostRows) }
        guard row > previous else { throw markup.malformed }
        // Rows without cells are not in the file.
        output.append(10, times: row - line)
        line = row
    }

    private func endRow() {
        if writtenColumn > 0 {
            if let headingColumns {
                output.append(separator, times: headingColumns - writtenColumn)
            } else if row > skippedRows {
                headingColumns = writtenColumn
            }
        }
        output.append(10)
        line = row + 1
    }

    // MARK: Cells

    private func beginCell() throws(XLSXFault) {
        isInCell = true
        hasFormula = false
        hasValue = false
        markup.clearText()
        let previous = column
        if let reference = markup.attribute(.r) {
            try readReference(reference)
        } else {
            column += 1
        }
        guard column <= Self.mostColumns else { throw .tooManyColumns(row: row, limit: Self.mostColumns) }
        guard column > previous else { throw markup.malformed }
        style = 0
        if let number = markup.attribute(.s) { style = try wholeNumber(number) }
        kind = try markup.attribute(.t).map(readKind) ?? .number
    }

    /// Reads `AB12`: the column, and the row that it must be in.
    private func readReference(_ reference: UnsafeBufferPointer<UInt8>) throws(XLSXFault) {
        var index = 0
        column = 0
        while index < reference.count, case let letter = reference[index] &- 65, letter < 26 {
            column = column * 26 + Int(letter) + 1
            guard column <= Self.mostColumns else { throw .tooManyColumns(row: row, limit: Self.mostColumns) }
            index += 1
        }
        guard column > 0, try wholeNumber(UnsafeBufferPointer(rebasing: reference[index...])) == row else {
            throw markup.malformed
        }
    }

    private func readKind(_ kind: UnsafeBufferPointer<UInt8>) throws(XLSXFault) -> Kind {
        switch (kind.count, kind.first) {
        case (1, 115): return .shared
        case (1, 110): return .number
        case (1, 98): return .boolean
        case (1, 101): return .error
        case (1, 100): return .day
        default:
            if kind.elementsEqual("str".utf8) { return .text }
            guard kind.elementsEqual("inlineStr".utf8) else { throw markup.malformed }
            return .inline
        }
    }

    private func beginValue() throws(XLSXFault) {
        switch markup.name {
        case .v:
            guard !hasValue, kind != .inline else { throw markup.malformed }
            hasValue = true
            markup.keepText()
        case .inlineString:
            guard !hasValue, kind == .inline else { throw markup.malformed }
            hasValue = true
            inlineChild = .other
        case .f: hasFormula = true
        default: break
        }
    }

    private func endCell() throws(XLSXFault) {
        let value = markup.text
        if value.isEmpty {
            // Only a text can have an empty result; some programs write an empty value for one that they don't know.
            let isCalculated = !hasFormula || (hasValue && kind == .text)
            guard isCalculated || row <= skippedRows else { throw .notCalculated(row: row, column: column) }
            return
        }
        switch kind {
        case .shared:
            guard let field = strings.field(try wholeNumber(trimmed(value))) else { throw markup.malformed }
            put(field)
        case .number: putNumber(trimmed(value))
        case .text, .inline, .error: putText(value)
        case .boolean:
            let value = trimmed(value)
            field.removeAll()
            switch (value.count, value.first) {
            case (1, 49): field.append("TRUE")
            case (1, 48): field.append("FALSE")
            default: throw markup.malformed
            }
            put(field.bytes)
        case .day:
            field.removeAll()
            if days.append(iso: trimmed(value), to: field) { putText(field.bytes) } else { putText(value) }
        }
    }

    // MARK: Fields

    /// Writes a field that is in its CSV form.
    @inline(__always)
    private func put(_ field: UnsafeBufferPointer<UInt8>) {
        guard !field.isEmpty else { return }
        moveToColumn()
        output.append(field)
    }

    private func putText(_ value: UnsafeBufferPointer<UInt8>) {
        guard !value.isEmpty else { return }
        moveToColumn()
        text.append(value, to: output)
    }

    /// Writes the separators that lie before the cell.
    @inline(__always)
    private func moveToColumn() {
        output.append(separator, times: column - max(writtenColumn, 1))
        writtenColumn = column
    }

    private func putNumber(_ value: UnsafeBufferPointer<UInt8>) {
        guard let number = XLSXNumber(value) else {
            // Whoever wants a number here refuses it with its text.
            putText(value)
            return
        }
        field.removeAll()
        if styles.showsDay(style), let day = number.day, days.append(day, to: field) {
            putText(field.bytes)
        } else if number.staysAsItIs {
            if decimalMark == 46 { return put(value) }
            for byte in value { field.append(byte == 46 ? decimalMark : byte) }
            putText(field.bytes)
        } else {
            number.append(to: field, decimalMark: decimalMark)
            putText(field.bytes)
        }
    }

    // MARK: Values

    private func trimmed(_ value: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        guard let first = value.first, let last = value.last, first <= 32 || last <= 32 else { return value }
        let start = value.firstIndex { $0 > 32 } ?? value.endIndex
        let end = value.lastIndex { $0 > 32 }.map { $0 + 1 } ?? start
        return UnsafeBufferPointer(rebasing: value[start..<end])
    }

    @inline(__always)
    private func wholeNumber(_ value: UnsafeBufferPointer<UInt8>) throws(XLSXFault) -> Int {
        var number = 0
        guard !value.isEmpty, value.count <= 10 else { throw markup.malformed }
        for byte in value {
            let digit = byte &- 48
            guard digit < 10 else { throw markup.malformed }
            number = number * 10 + Int(digit)
        }
        return number
    }
}
