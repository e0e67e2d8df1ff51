internal import CXlsx
internal import Glibc
internal import Ledger

extension ReportTable {
    /// Writes the report as an XLSX workbook with one worksheet.
    ///
    /// Amounts and counts become numbers, days become dates, and texts stay texts even where they
    /// look like a formula. A figure of more than 15 digits, or a day before March 1900, is written
    /// as text, because a spreadsheet would change it. Equal reports give equal files.
    ///
    /// - Parameter path: The file to write; an existing one is replaced. After an error it may be
    ///   empty or incomplete.
    /// - Throws: `ReportFileError` when the file cannot be written, or when the report is larger
    ///   than a worksheet (1,048,576 rows, 16,384 columns, 32,767 characters in one cell).
    package func writeXLSX(to path: String) throws(ReportFileError) {
        // The library knows only that it cannot create a file, and tells standard error; the system knows why.
        fclose(try ReportFileError.open(path))
        guard let worksheet = ReportWorksheet(path: path, name: sheetName) else {
            throw ReportFileError(path: path, reason: String(cString: lxw_strerror(LXW_ERROR_CREATING_TMPFILE)))
        }
        worksheet.setWidths(of: self)
        worksheet.writeLine(title, .title)
        for note in notes { worksheet.writeLine(note, .note) }
        worksheet.skipRow()
        worksheet.setUpPrint(of: self)
        worksheet.writeHeading(columns)
        for row in rows { worksheet.writeRow(row, columns, isTotal: false) }
        for row in totals { worksheet.writeRow(row, columns, isTotal: true) }
        worksheet.skipRow()
        for line in proof { worksheet.writeLine(line, .note) }

        let error = worksheet.close()
        guard error == LXW_NO_ERROR else {
            throw ReportFileError(path: path, reason: String(cString: lxw_strerror(error)))
        }
    }
}

/// The worksheet while it is written from top to bottom.
private final class ReportWorksheet {
    /// Everything that sets one cell's look apart from another's.
    enum Style: Hashable {
        case title, note
        case heading(isRight: Bool)
        case text(isTotal: Bool, isRight: Bool, isNegative: Bool = false)
        case number(decimals: Int, isTotal: Bool)
        case day(isTotal: Bool)
    }

    private let workbook: UnsafeMutablePointer<lxw_workbook>
    private let worksheet: UnsafeMutablePointer<lxw_worksheet>
    private var formats: [Style: UnsafeMutablePointer<lxw_format>] = [:]
    private var nextRow: lxw_row_t = 0
    private var firstError = LXW_NO_ERROR

    /// Creates the worksheet, or returns `nil` when the system has no room for temporary files.
    init?(path: String, name: String) {
        // Rows leave memory as they are written, so that a long report needs no more than a short one.
        var options = lxw_workbook_options()
        options.constant_memory = 1
        guard let workbook = workbook_new_opt(path, &options) else { return nil }
        guard let worksheet = workbook_add_worksheet(workbook, worksheetName(name)) else {
            lxw_workbook_free(workbook)
            return nil
        }
        self.workbook = workbook
        self.worksheet = worksheet
    }

    /// Ends the workbook; nothing may be written afterwards.
    /// - Returns: The first error of all that was written. The file is incomplete then.
    func close() -> lxw_error {
        guard firstError == LXW_NO_ERROR else {
            // Freeing the workbook leaves the temporary file of its rows open.
            if let rows = worksheet.pointee.optimize_tmpfile { fclose(rows) }
            lxw_workbook_free(workbook)
            return firstError
        }
        return workbook_close(workbook)
    }

    // MARK: Rows

    func skipRow() { nextRow += 1 }

    func writeLine(_ text: String, _ style: Style) {
        writeText(text, column: 0, style)
        nextRow += 1
    }

    func writeHeading(_ columns: [ReportTable.Column]) {
        for (index, column) in columns.enumerated() {
            writeText(column.title, column: index, .heading(isRight: column.kind.isFigure))
        }
        nextRow += 1
        note(worksheet_repeat_rows(worksheet, nextRow - 1, nextRow - 1))
        worksheet_freeze_panes(worksheet, nextRow, 0)
    }

    func writeRow(_ cells: [ReportTable.Cell], _ columns: [ReportTable.Column], isTotal: Bool) {
        for (index, column) in columns.enumerated() {
            let cell = index < cells.count ? cells[index] : .empty
            write(cell, column: index, isTotal: isTotal, isRight: column.kind.isFigure)
        }
        nextRow += 1
    }

    private func write(_ cell: ReportTable.Cell, column: Int, isTotal: Bool, isRight: Bool) {
        switch cell {
        case .text(let text):
            writeText(text, column: column, .text(isTotal: isTotal, isRight: isRight))
        case .amount(let minorUnits, let exponent):
            writeFigure(minorUnits, exponent: exponent, column: column, isTotal: isTotal)
        case .count(let count):
            writeFigure(Int128(count), exponent: 0, column: column, isTotal: isTotal)
        case .day(let day):
            writeDay(day, column: column, isTotal: isTotal)
        case .empty:
            // A total's rule runs through its empty cells too.
            guard isTotal else { return }
            let style = Style.text(isTotal: true, isRight: isRight)
            note(worksheet_write_blank(worksheet, nextRow, lxw_col_t(clamping: column), format(style)))
        }
    }

    private func writeFigure(_ minorUnits: Int128, exponent: Int, column: Int, isTotal: Bool) {
        // Fifteen digits are what a binary number keeps exactly and what a spreadsheet shows.
        guard minorUnits.magnitude < 1_000_000_000_000_000, exponent <= 15 else {
            let text = Money.decimal(of: minorUnits, exponent: exponent, grouped: true)
            let style = Style.text(isTotal: isTotal, isRight: true, isNegative: minorUnits < 0)
            writeText(text, column: column, style)
            return
        }
        // Both operands are exact, so the quotient is the number nearest to the decimal amount.
        let scale = (0..<exponent).reduce(1.0) { product, _ in product * 10 }
        writeNumber(Double(minorUnits) / scale, column: column, .number(decimals: exponent, isTotal: isTotal))
    }

    private func writeDay(_ day: LocalDate, column: Int, isTotal: Bool) {
        // Day 1 is 1900-01-01, but spreadsheets count a 29 February 1900 that never was.
        let serial = day.dayNumber + 25_569
        guard serial > 60 else {
            writeText(day.description, column: column, .text(isTotal: isTotal, isRight: false))
            return
        }
        writeNumber(Double(serial), column: column, .day(isTotal: isTotal))
    }

    private func writeNumber(_ number: Double, column: Int, _ style: Style) {
        note(worksheet_write_number(worksheet, nextRow, lxw_col_t(clamping: column), number, format(style)))
    }

    private func writeText(_ text: String, column: Int, _ style: Style) {
        note(worksheet_write_string(worksheet, nextRow, lxw_col_t(clamping: column), text.storable, format(style)))
    }

    private func note(_ error: lxw_error) {
        if firstError == LXW_NO_ERROR { firstError = error }
    }
}

// MARK: - Columns and print

extension ReportWorksheet {
    /// Makes each column as wide as its longest cell, within bounds.
    func setWidths(of table: ReportTable) {
        var widths = table.columns.map { displayWidth(of: $0.title) }
        for row in table.rows + table.totals {
            for (index, cell) in row.prefix(widths.count).enumerated() {
                widths[index] = max(widths[index], displayWidth(of: cell.text))
            }
        }
        for (index, width) in widths.enumerated() {
            let column = lxw_col_t(clamping: index)
            let characters = Double(min(max(width, 6), 60)) + 2
            note(worksheet_set_column(worksheet, column, column, characters, nil))
        }
    }

    func setUpPrint(of table: ReportTable) {
        worksheet_set_landscape(worksheet)
        worksheet_set_paper(worksheet, 9)  // A4
        worksheet_fit_to_pages(worksheet, 1, 0)
        worksheet_set_margins(worksheet, 0.5, 0.5, 0.6, 0.7)

        // `&` begins a code in a footer, and a footer has at most 255 characters.
        let scalars = table.footer.storable.unicodeScalars.prefix(120)
        let footer = scalars.map { $0 == "&" ? "&&" : String($0) }.joined()
        note(worksheet_set_footer(worksheet, "&L\(footer)&R&P / &N"))

        var title = Array(table.title.storable.utf8CString)
        title.withUnsafeMutableBufferPointer { text in
            var properties = lxw_doc_properties()
            properties.title = text.baseAddress
            properties.created = 946_684_800  // 2000-01-01, so that equal reports give equal files
            note(workbook_set_properties(workbook, &properties))
        }
    }
}

// MARK: - Formats

extension ReportWorksheet {
    private func format(_ style: Style) -> UnsafeMutablePointer<lxw_format>? {
        if let known = formats[style] { return known }
        guard let format = workbook_add_format(workbook) else { return nil }
        apply(style, to: format)
        formats[style] = format
        return format
    }

    private func apply(_ style: Style, to format: UnsafeMutablePointer<lxw_format>) {
        switch style {
        case .title:
            format_set_bold(format)
            format_set_font_size(format, 14)
        case .note:
            format_set_font_color(format, 0x4b5157)
        case .heading(let isRight):
            format_set_bold(format)
            format_set_bg_color(format, 0xe5e4de)
            format_set_bottom(format, UInt8(LXW_BORDER_THIN.rawValue))
            align(format, isRight: isRight)
        case .text(let isTotal, let isRight, let isNegative):
            setTotal(format, isTotal)
            if isNegative { format_set_font_color(format, lxw_color_t(LXW_COLOR_RED.rawValue)) }
            align(format, isRight: isRight)
        case .number(let decimals, let isTotal):
            setTotal(format, isTotal)
            let digits = "#,##0" + (decimals > 0 ? "." + String(repeating: "0", count: decimals) : "")
            format_set_num_format(format, "\(digits);[Red]-\(digits)")
        case .day(let isTotal):
            setTotal(format, isTotal)
            format_set_num_format(format, "yyyy-mm-dd")
            align(format, isRight: false)
        }
    }

    private func setTotal(_ format: UnsafeMutablePointer<lxw_format>, _ isTotal: Bool) {
        guard isTotal else { return }
        format_set_bold(format)
        format_set_top(format, UInt8(LXW_BORDER_THIN.rawValue))
    }

    private func align(_ format: UnsafeMutablePointer<lxw_format>, isRight: Bool) {
        format_set_align(format, UInt8(isRight ? LXW_ALIGN_RIGHT.rawValue : LXW_ALIGN_LEFT.rawValue))
    }
}

// MARK: - Texts

extension String {
    /// The text with U+FFFD in place of the three characters that neither a workbook nor a C string holds.
    var storable: String {
        guard unicodeScalars.contains(where: \.isRefused) else { return self }
        var kept = String.UnicodeScalarView()
        for scalar in unicodeScalars { kept.append(scalar.isRefused ? "\u{fffd}" : scalar) }
        return String(kept)
    }
}

extension Unicode.Scalar {
    fileprivate var isRefused: Bool { self == "\u{0}" || self == "\u{fffe}" || self == "\u{ffff}" }

    /// Whether the character takes the room of two digits, as Chinese, Japanese and Korean do.
    fileprivate var isWide: Bool {
        switch value {
        case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe4f, 0xff00...0xff60,
            0xffe0...0xffe6, 0x1f300...0x1faff, 0x20000...0x3fffd:
            true
        default: false
        }
    }
}

/// The name as a worksheet may bear it: at most 31 UTF-16 units, some characters replaced.
private func worksheetName(_ name: String) -> String {
    var allowed = ""
    for character in name.storable {
        let next: Character = "[]:*?/\\".contains(character) ? "-" : character
        guard allowed.utf16.count + next.utf16.count <= 31 else { break }
        allowed.append(next)
    }
    // An apostrophe at either end would be taken for a quotation mark in formulas.
    if allowed.first == "'" { allowed = "-" + allowed.dropFirst() }
    if allowed.last == "'" { allowed = allowed.dropLast() + "-" }
    return allowed.isEmpty ? "Sheet1" : allowed
}

/// The width of a text, in digits.
private func displayWidth(of text: String) -> Int {
    text.unicodeScalars.reduce(0) { $0 + ($1.isWide ? 2 : 1) }
}
