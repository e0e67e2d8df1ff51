import Foundation
import Ledger
import Testing

@testable import Formats

@Suite("A report as a workbook")
struct ReportWorkbookTests {
    @Test("holds real numbers and dates", .enabled(if: Reader.spreadsheet.isThere, Reader.spreadsheet.howToGet))
    func numbersAndDates() throws {
        let sheet = try readBack(.agingOfTwo)
        #expect(sheet.name == "账龄表")
        #expect(sheet.title == "应收账款账龄表")
        // Not the clock's time, or equal reports would give unequal files.
        #expect(sheet.created == "2000-01-01")
        #expect(sheet.cells["A5"]?.value == "上海龘靐有限公司")
        #expect(sheet.cells["C5"] == Sheet.Cell(value: "2026-06-30", type: "d", format: "yyyy-mm-dd"))
        #expect(sheet.cells["D5"] == Sheet.Cell(value: "1234.5", type: "n", format: "#,##0.00;[Red]-#,##0.00"))
        #expect(sheet.cells["D6"] == Sheet.Cell(value: "-98765", type: "n", format: "#,##0;[Red]-#,##0"))
        #expect(sheet.cells["E6"] == Sheet.Cell(value: "67", type: "n", format: "#,##0;[Red]-#,##0"))
        #expect(sheet.cells["C6"] == nil)
        #expect(sheet.cells["D7"]?.format == "#,##0.000;[Red]-#,##0.000")
    }

    @Test(
        "freezes and repeats its heading, sets totals apart and ends with the proof",
        .enabled(if: Reader.spreadsheet.isThere, Reader.spreadsheet.howToGet))
    func parts() throws {
        let sheet = try readBack(.agingOfTwo)
        #expect(sheet.frozen == "A5")
        #expect(sheet.repeated == "$4:$4")
        #expect(sheet.orientation == "landscape")
        #expect(sheet.fitsWidth)
        #expect(sheet.footer == "回款 && 示例 | &P / &N")
        #expect(sheet.bold == ["A1", "A4", "B4", "C4", "D4", "E4", "A7", "B7", "C7", "D7", "E7"])
        #expect(sheet.filled == ["A4", "B4", "C4", "D4", "E4"])
        #expect(sheet.ruledAbove == ["A7", "B7", "C7", "D7", "E7"])
        #expect(sheet.cells["A9"]?.value == "账龄合计 = 总账 1122")
        // Eight Chinese characters are as wide as sixteen digits.
        #expect(try #require(sheet.widths["A"]) >= 16)
    }

    @Test(
        "keeps texts that look like formulas as texts",
        .enabled(if: Reader.spreadsheet.isThere, Reader.spreadsheet.howToGet),
        arguments: ["=1+1", "+86 21 5555 0101", "-12", "@SUM(A1)", "=HYPERLINK(\"http://example.com\")", "<b>&amp;"])
    func formulas(text: String) throws {
        let sheet = try readBack(.single(.text(text), .text))
        #expect(sheet.cells["A4"] == Sheet.Cell(value: text, type: "s", format: "General"))
    }

    @Test(
        "replaces characters that a workbook cannot hold",
        .enabled(if: Reader.spreadsheet.isThere, Reader.spreadsheet.howToGet))
    func refusedCharacters() throws {
        let sheet = try readBack(.single(.text("a\u{0}b\u{ffff}c"), .text))
        #expect(sheet.cells["A4"]?.value == "a\u{fffd}b\u{fffd}c")
    }

    @Test(
        "never rounds a figure", .enabled(if: Reader.spreadsheet.isThere, Reader.spreadsheet.howToGet),
        arguments: [
            (Int128(999_999_999_999_999), 2, "9999999999999.99", "n"),
            (-999_999_999_999_999, 3, "-999999999999.999", "n"),
            (1, 2, "0.01", "n"),
            (1_000_000_000_000_000, 2, "10,000,000,000,000.00", "s"),
            (-9_007_199_254_740_993, 0, "-9,007,199,254,740,993", "s"),
            (170_141_183_460_469_231_731_687_303_715_884, 2, "1,701,411,834,604,692,317,316,873,037,158.84", "s"),
        ])
    func exactness(minorUnits: Int128, exponent: Int, value: String, type: String) throws {
        let cell = try readBack(.single(.amount(minorUnits, exponent: exponent), .amount)).cells["A4"]
        #expect(cell?.value == value)
        #expect(cell?.type == type)
    }

    @Test(
        "writes days that a spreadsheet miscounts as texts",
        .enabled(if: Reader.spreadsheet.isThere, Reader.spreadsheet.howToGet),
        arguments: [("1900-02-28", "s"), ("1900-03-01", "d"), ("9999-12-31", "d"), ("0001-01-01", "s")])
    func earlyDays(text: String, type: String) throws {
        let day = try #require(LocalDate(text))
        let cell = try readBack(.single(.day(day), .day)).cells["A4"]
        #expect(cell?.value == text)
        #expect(cell?.type == type)
    }

    @Test(
        "gives its worksheet an allowed name", .enabled(if: Reader.spreadsheet.isThere, Reader.spreadsheet.howToGet),
        arguments: [
            ("账龄/客户: [全部]", "账龄-客户- -全部-"), ("'quoted'", "-quoted-"), ("", "Sheet1"),
            (String(repeating: "龘", count: 40), String(repeating: "龘", count: 31)),
        ])
    func worksheetName(name: String, expected: String) throws {
        var table = ReportTable.agingOfTwo
        table.sheetName = name
        #expect(try readBack(table).name == expected)
    }

    @Test("is the same file when the report is the same")
    func repeatable() throws {
        try TemporaryFolder.use { folder in
            let files = try ["first", "second"].map { name in
                let path = folder.path(name)
                try ReportTable.aging(rows: 50).writeXLSX(to: path)
                return try Data(contentsOf: URL(filePath: path))
            }
            #expect(files[0] == files[1])
        }
    }

    @Test("says why it cannot be written")
    func refusals() throws {
        try TemporaryFolder.use { folder in
            let missing = folder.path("missing/report.xlsx")
            let error = #expect(throws: ReportFileError.self) { try ReportTable.agingOfTwo.writeXLSX(to: missing) }
            #expect(error?.path == missing)
            #expect(error?.reason == "No such file or directory")

            let tooLong = ReportTable.single(.text(String(repeating: "长", count: 32_768)), .text)
            #expect(throws: ReportFileError.self) { try tooLong.writeXLSX(to: folder.path("long.xlsx")) }
        }
        // The library mentions the full disk on standard error too.
        #expect(throws: ReportFileError.self) { try ReportTable.agingOfTwo.writeXLSX(to: "/dev/full") }
    }

    private func readBack(_ table: ReportTable) throws -> Sheet {
        try TemporaryFolder.use { folder in
            let path = folder.path("report.xlsx")
            try table.writeXLSX(to: path)
            let answer = try Reader.spreadsheet.run(["-c", Sheet.script, path])
            return try JSONDecoder().decode(Sheet.self, from: Data(answer.utf8))
        }
    }
}

@Suite("A report as a PDF")
struct ReportPDFTests {
    @Test("gives its text back", .enabled(if: Reader.text.isThere, Reader.text.howToGet))
    func text() throws {
        let text = try readBack(.agingOfTwo)
        for expected in [
            "应收账款账龄表", "截至 2026-06-30", "上海龘靐有限公司", "1,234.50", "−98,765", "2026-06-30", "0.500", "账龄合计 = 总账 1122",
            "回款 & 示例",
        ] {
            #expect(text.contains(expected))
        }
    }

    @Test("embeds its fonts", .enabled(if: Reader.fonts.isThere, Reader.fonts.howToGet))
    func fonts() throws {
        try TemporaryFolder.use { folder in
            let path = folder.path("report.pdf")
            try ReportTable.agingOfTwo.writePDF(to: path)
            let fonts = try Reader.fonts.run([path]).split(separator: "\n").dropFirst(2)
            #expect(fonts.count == 2)
            for font in fonts {
                #expect(font.contains("NotoSansCJKsc"))
                // Embedded, a subset, and with its way back to Unicode.
                #expect(font.contains("yes yes yes"))
            }
        }
    }

    @Test("bears its title and no clock's time", .enabled(if: Reader.facts.isThere, Reader.facts.howToGet))
    func facts() throws {
        try TemporaryFolder.use { folder in
            let path = folder.path("report.pdf")
            try ReportTable.agingOfTwo.writePDF(to: path)
            let facts = try Reader.facts.run(["-isodates", path])
            #expect(facts.contains("应收账款账龄表"))
            #expect(facts.contains("2000-01-01T00:00:00Z"))
            #expect(facts.contains("595.276 x 841.89 pts (A4)"))
        }
    }

    @Test("repeats its heading and counts its pages", .enabled(if: Reader.text.isThere, Reader.text.howToGet))
    func pages() throws {
        let pages = try readBack(.aging(rows: 100)).split(separator: "\u{c}")
        #expect(pages.count > 2)
        for (index, page) in pages.enumerated() {
            #expect(page.contains("到期日"))
            #expect(page.contains("回款 & 示例"))
            // pdftotext takes the narrow spaces of small type for none.
            #expect(page.contains(try Regex("\(index + 1) ?/ ?\(pages.count)")))
            #expect(page.contains("应收账款账龄表") == (index == 0))
            #expect(page.contains("账龄合计 = 总账 1122") == (index == pages.count - 1))
        }
        let numbers = pages.joined().matches(of: /INV-(\d+)/).map { Int($0.output.1) }
        #expect(numbers == Array(1...100))
    }

    @Test(
        "keeps its totals with the last row, however many rows there are",
        .enabled(if: Reader.text.isThere, Reader.text.howToGet), arguments: 30...45)
    func totalsStayWithTheLastRow(count: Int) throws {
        let page = try #require(try readBack(.aging(rows: count)).split(separator: "\u{c}").last)
        #expect(page.contains("INV-\(count)"))
        #expect(page.contains("0.500"))
        #expect(page.contains("账龄合计 = 总账 1122"))
    }

    @Test("shortens texts but no figure", .enabled(if: Reader.text.isThere, Reader.text.howToGet))
    func narrowColumns() throws {
        let amount = ReportTable.Cell.amount(-123_456_789_012_345_678, exponent: 2)
        let long = String(repeating: "有限公司", count: 50)
        let table = ReportTable(
            title: "", columns: [.init("客户", .text)] + (1...20).map { .init("第\($0)段", .amount) },
            rows: [[.text(long)] + (1...20).map { _ in amount }])
        let words = try readBack(table, "-bbox").matches(of: /xMin="([0-9.]+)".* xMax="([0-9.]+)".*>(.+)<\/word>/)
        let name = words.filter { $0.output.3 == long }
        let figures = words.filter { $0.output.3 == "−1,234,567,890,123,456.78" }
        #expect(name.count == 1)
        #expect(figures.count == 20)
        let edges = try (name + figures).flatMap { word in
            [try #require(Double(word.output.1)), try #require(Double(word.output.2))]
        }
        #expect(edges == edges.sorted(), "a cell lies over the next one")
        #expect(try #require(edges.last) < 842 - 35, "the last column lies in the margin")
    }

    @Test("is the same file when the report is the same, also when several are written at once")
    func repeatable() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let table = ReportTable.aging(rows: 60)
        let files = try await withThrowingTaskGroup(of: Data.self) { group in
            for number in 1...6 {
                let path = folder.path("\(number).pdf")
                group.addTask {
                    try table.writePDF(to: path)
                    return try Data(contentsOf: URL(filePath: path))
                }
            }
            return try await group.reduce(into: Set<Data>()) { $0.insert($1) }
        }
        #expect(files.count == 1)
    }

    @Test("can be empty")
    func empty() throws {
        try TemporaryFolder.use { folder in
            let table = ReportTable(title: "", columns: [], rows: [])
            try table.writePDF(to: folder.path("report.pdf"))
            try table.writeXLSX(to: folder.path("report.xlsx"))
        }
    }

    @Test("says why it cannot be written")
    func refusals() throws {
        try TemporaryFolder.use { folder in
            let error = #expect(throws: ReportFileError.self) {
                try ReportTable.agingOfTwo.writePDF(to: folder.path(""))
            }
            #expect(error?.path == folder.path(""))
            #expect(error?.reason == "Is a directory")
        }
        let error = #expect(throws: ReportFileError.self) { try ReportTable.agingOfTwo.writePDF(to: "/dev/full") }
        #expect(error?.reason == "No space left on device")
        #expect(throws: ReportFileError.self) { try ReportTable.agingOfTwo.writePDF(to: "a\u{0}b") }
    }

    private func readBack(_ table: ReportTable, _ mode: String = "-layout") throws -> String {
        try TemporaryFolder.use { folder in
            let path = folder.path("report.pdf")
            try table.writePDF(to: path)
            return try Reader.text.run([mode, path, "-"])
        }
    }
}

// MARK: - Reports to write

extension ReportTable {
    fileprivate static let agingOfTwo = ReportTable(
        title: "应收账款账龄表", notes: ["截至 2026-06-30"],
        columns: [
            .init("客户", .text), .init("币种", .text), .init("到期日", .day), .init("未收金额", .amount), .init("逾期天数", .count),
        ],
        rows: [
            [.text("上海龘靐有限公司"), .text("CNY"), .day(june30), .amount(123_450, exponent: 2), .count(0)],
            [.text("東京商事"), .text("JPY"), .empty, .amount(-98_765, exponent: 0), .count(67)],
        ],
        // A total may be shorter than the table is wide.
        totals: [[.text("合计"), .text("KWD"), .empty, .amount(500, exponent: 3)]],
        proof: ["账龄合计 = 总账 1122"], footer: "回款 & 示例", sheetName: "账龄表")

    fileprivate static func aging(rows count: Int) -> ReportTable {
        var table = agingOfTwo
        table.rows = (1...count).map { number in
            let amount = ReportTable.Cell.amount(Int128(number * 12_345), exponent: 2)
            return [.text("INV-\(number)"), .text("CNY"), .day(june30.adding(days: number)), amount, .count(number)]
        }
        return table
    }

    /// One cell, which stands in A4 of a worksheet.
    fileprivate static func single(_ cell: Cell, _ kind: Kind) -> ReportTable {
        ReportTable(title: "单元格", columns: [Column("值", kind)], rows: [[cell]])
    }

    private static var june30: LocalDate { LocalDate(dayNumber: 20_634) }
}

// MARK: - Programs that read what was written

/// A program outside this project that reads the files, so that we do not grade our own homework.
private struct Reader: Sendable {
    let path: String
    let package: String
    /// Arguments with which the program succeeds when it and all it needs is there.
    let trial: [String]

    /// Skipped tests show this text.
    var howToGet: Comment { "skipped: \(path) cannot read the file here; install \(package)" }

    static let spreadsheet = Reader(
        path: "/usr/bin/python3", package: "python3-openpyxl", trial: ["-c", "import openpyxl"])
    static let text = Reader(path: "/usr/bin/pdftotext", package: "poppler-utils", trial: ["-v"])
    static let facts = Reader(path: "/usr/bin/pdfinfo", package: "poppler-utils", trial: ["-v"])
    static let fonts = Reader(path: "/usr/bin/pdffonts", package: "poppler-utils", trial: ["-v"])

    var isThere: Bool {
        FileManager.default.isExecutableFile(atPath: path) && (try? run(trial)) != nil
    }

    struct Failure: Error {
        let path: String
        let status: Int32
        let message: String
    }

    /// Runs the program and returns what it wrote to standard output.
    func run(_ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        let output = Pipe()
        let complaint = Pipe()
        process.standardOutput = output
        process.standardError = complaint
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let message = String(decoding: complaint.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(path: path, status: process.terminationStatus, message: message)
        }
        return text
    }
}

/// A worksheet as openpyxl understands it.
private struct Sheet: Decodable {
    struct Cell: Decodable, Hashable {
        let value: String
        /// `n` number, `d` date, `s` text, `f` formula.
        let type: String
        let format: String
    }

    let name: String
    let title: String
    let created: String
    let cells: [String: Cell]
    let frozen: String?
    let repeated: String?
    let orientation: String
    let fitsWidth: Bool
    let footer: String
    let bold: [String]
    let filled: [String]
    let ruledAbove: [String]
    let widths: [String: Double]

    static let script = """
        import json, sys, openpyxl
        book = openpyxl.load_workbook(sys.argv[1])
        sheet = book.worksheets[0]
        cells = [cell for row in sheet.iter_rows() for cell in row]
        def text(cell):
            if cell.data_type == "d": return cell.value.date().isoformat()
            return str(cell.value)
        print(json.dumps({
            "name": sheet.title,
            "title": book.properties.title,
            "created": book.properties.created.date().isoformat(),
            "cells": {c.coordinate: {"value": text(c), "type": c.data_type, "format": c.number_format}
                      for c in cells if c.value is not None},
            "frozen": sheet.freeze_panes,
            "repeated": sheet.print_title_rows,
            "orientation": sheet.page_setup.orientation,
            "fitsWidth": sheet.sheet_properties.pageSetUpPr.fitToPage and sheet.page_setup.fitToHeight == 0,
            "footer": f"{sheet.oddFooter.left.text} | {sheet.oddFooter.right.text}",
            "bold": [c.coordinate for c in cells if c.font.b],
            "filled": [c.coordinate for c in cells if c.fill.patternType == "solid"],
            "ruledAbove": [c.coordinate for c in cells if c.border.top and c.border.top.style],
            "widths": {letter: column.width for letter, column in sheet.column_dimensions.items()},
        }))
        """
}

private struct TemporaryFolder: Sendable {
    private let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "huikuan-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    func path(_ name: String) -> String { url.path() + "/" + name }
    func remove() { try? FileManager.default.removeItem(at: url) }

    /// Lends a folder that is gone afterwards.
    static func use<Result>(_ body: (TemporaryFolder) throws -> Result) throws -> Result {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        return try body(folder)
    }
}
