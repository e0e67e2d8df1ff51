import Foundation
import Ledger
import Testing

@testable import Formats

@Suite("A workbook's cells")
struct XLSXCellTests {
    @Test(
        "are read as a spreadsheet program wrote them", .enabled(if: Python.isThere, Python.howToGet),
        arguments: [("", "2024-02-29", "1900-03-01"), ("book.epoch = CALENDAR_MAC_1904", "2024-02-29", "1904-01-02")])
    func typed(epoch: String, leapDay: String, early: String) throws {
        let rows = try Scratch.use { folder in
            try Python.run(
                """
                import sys, datetime, openpyxl
                from openpyxl.utils.datetime import CALENDAR_MAC_1904
                book = openpyxl.Workbook()
                \(epoch)
                sheet = book.active
                sheet.append(["客户", "编号", "金额", "日期", "时刻", "付清", "备注"])
                sheet.append(["上海龘靐有限公司", "00123", 1234.5, datetime.date(2024, 2, 29),
                    datetime.datetime(2024, 12, 31, 23, 59, 59), True, "=\\"a\\", 甲;乙"])
                sheet["G2"].data_type = "s"
                sheet.append(["A & <B>", "1-2", -0.07, datetime.date.fromisoformat("\(early)"), None, False, "#N/A"])
                sheet.append(["2024-02-29", 123456789012345, 99999999999.99, "2024/2/29", None, None, "一\\n二"])
                sheet["D2"].number_format = "yyyy年m月d日"
                book.save(sys.argv[1])
                """, folder.path("typed.xlsx"))
            return try folder.read("typed.xlsx")
        }
        #expect(
            rows == [
                ["客户", "编号", "金额", "日期", "时刻", "付清", "备注"],
                ["上海龘靐有限公司", "00123", "1234.5", leapDay, "2024-12-31", "TRUE", "=\"a\", 甲;乙"],
                ["A & <B>", "1-2", "-0.07", early, "", "FALSE", "#N/A"],
                ["2024-02-29", "123456789012345", "99999999999.99", "2024/2/29", "", "", "一 二"],
            ])
    }

    @Test("come back from our own reports")
    func ownReports() throws {
        let table = ReportTable(
            title: "应收账款账龄表", notes: ["截至 2026-06-30"],
            columns: [.init("客户", .text), .init("到期日", .day), .init("金额", .amount), .init("笔数", .count)],
            rows: [
                [
                    .text("甲, \"乙\""), .day(try #require(LocalDate(year: 2026, month: 6, day: 30))),
                    .amount(-999_999_999_999_999, exponent: 2), .count(67),
                ],
                [.text("=1+1"), .empty, .amount(1, exponent: 2), .empty],
                [.text("A & <B>"), .empty, .amount(10_000_000_000_000, exponent: 2), .empty],
            ],
            proof: ["合计"])
        try Scratch.use { folder in
            try table.writeXLSX(to: folder.path("own.xlsx"))
            var mapping = ImportMapping()
            mapping.skipLines = 3
            let text = try folder.text("own.xlsx", mapping: mapping)
            #expect(
                text == """
                    应收账款账龄表
                    截至 2026-06-30

                    客户,到期日,金额,笔数
                    "甲, ""乙\""",2026-06-30,-9999999999999.99,67
                    =1+1,,0.01,
                    A & <B>,,100000000000,

                    合计,,,

                    """)
        }
    }

    @Test(
        "hold numbers, which come as plain decimals",
        arguments: [
            ("0", "0"), ("-0", "-0"), ("12", "12"), ("1.50", "1.50"), ("-7.25", "-7.25"), ("1E3", "1000"),
            ("1e+3", "1000"), ("1.5E-3", "0.0015"), ("-1.5E-3", "-0.0015"), ("0E5", "0"), ("+5", "5"), (".5", "0.5"),
            ("5.", "5"), ("0.30000000000000004", "0.3"), ("1234567.8900000001", "1234567.89"),
            ("0.07000000000000001", "0.07"), ("99999999999.99001", "99999999999.99"),
            ("99999999999.990005", "99999999999.99"), ("100000000000.01", "100000000000.01"),
            ("9999999999.995001", "9999999999.995"), ("9.9999999999999995", "10"), ("1.0000000000000000000", "1"),
            ("6222021234567890123", "6222021234567890123"), ("6.22202123456789E+18", "6222021234567890000"),
            ("0.000000000000000123", "0.000000000000000123"), ("1.2345678901234568E+16", "12345678901234600"),
            (" 5 ", "5"), ("1E999", "1E999"), ("NaN", "NaN"), ("1,5", "\"1,5\""), ("0x10", "0x10"), ("1E", "1E"),
            ("--1", "--1"), ("1.2.3", "1.2.3"), ("", ""),
        ])
    func numbers(value: String, field: String) throws {
        #expect(try Handmade.text(of: "<c r='A1'><v>\(value)</v></c>") == field + "\n")
    }

    @Test("hold numbers, which come with the mapping's decimal mark and separator")
    func marks() throws {
        var mapping = ImportMapping()
        mapping.decimalMark = 44
        let cells = """
            <c r='A1'><v>1.5</v></c><c r='B1'><v>0.30000000000000004</v></c><c r='C1'><v>6222021234567890123</v></c>
            <c r='D1' t='str'><v>1.5</v></c>
            """
        #expect(try Handmade.text(of: cells, mapping: mapping) == "\"1,5\",\"0,3\",6222021234567890123,1.5\n")
        mapping.separator = 59
        // A comma stands in quotes although it separates nothing: whoever recognises separators counts it.
        #expect(try Handmade.text(of: cells, mapping: mapping) == "\"1,5\";\"0,3\";6222021234567890123;1.5\n")
        mapping.separator = 9
        mapping.decimalMark = 46
        #expect(try Handmade.text(of: cells, mapping: mapping) == "1.5\t0.3\t6222021234567890123\t1.5\n")
    }

    @Test(
        "hold days by their number and format",
        arguments: [
            ("1", false, "1900-01-01"), ("59", false, "1900-02-28"), ("60", false, "1900-02-29"),
            ("61", false, "1900-03-01"), ("45351", false, "2024-02-29"), ("45351.99999", false, "2024-02-29"),
            ("4.5351E4", false, "2024-02-29"), ("2958465", false, "9999-12-31"), ("2958466", false, "2958466"),
            ("0", false, "0"), ("0.75", false, "0.75"), ("-1", false, "-1"), ("1E300", false, nil),
            ("45350.99999999999999", false, "2024-02-29"), ("0", true, "1904-01-01"), ("43889", true, "2024-02-29"),
            ("2957003", true, "9999-12-31"), ("2957004", true, "2957004"), ("abc", false, "abc"),
        ] as [(String, Bool, String?)])
    func days(value: String, isFrom1904: Bool, field: String?) throws {
        let text = try Handmade.text(of: "<c r='A1' s='1'><v>\(value)</v></c>", isFrom1904: isFrom1904)
        #expect(text == (field ?? "1" + String(repeating: "0", count: 300)) + "\n")
    }

    @Test("hold days, which come in the mapping's pattern")
    func pattern() throws {
        var mapping = ImportMapping()
        mapping.dateFormat = try #require(DateFormat("d,M,yy"))
        let cells = """
            <c r='A1' s='1'><v>45351</v></c><c r='B1' t='d'><v>2026-06-30T08:00:00</v></c>
            <c r='C1' t='d'><v>T08:00</v></c><c r='D1' s='1'><v>36000</v></c>
            """
        #expect(
            try Handmade.text(of: cells, mapping: mapping) == "\"29,2,24\",\"30,6,26\",T08:00,1998-07-24\n")
    }

    @Test(
        "show a day if their format does",
        arguments: [
            ("yyyy-mm-dd", true), ("yyyy\"年\"m\"月\"d\"日\";@", true), ("[$-804]yyyy/m/d", true), ("d-mmm", true),
            ("YYYY/MM", true), ("mmmm", true), ("m/d/yy h:mm AM/PM", true), ("[$-F800]dddd\\,\\ mmmm", true),
            ("General", false), ("@", false), ("#,##0.00;[Red]-#,##0.00", false), ("h:mm", false), ("mm:ss.0", false),
            ("[h]:mm", false), ("[mm]:ss", false), ("h AM/PM", false), ("0\"天 days\"", false), ("0.0\\d", false),
            ("_d0", false), ("0*y", false), ("0.00E+00", false), ("[Yellow]0", false), ("\"y", false), ("[y", false),
            ("0\\", false),
        ])
    func formats(code: String, isDay: Bool) {
        let bytes = Array(code.utf8)
        #expect(bytes.withUnsafeBufferPointer(XLSXStyles.showsDay) == isDay)
    }

    @Test(
        "show a day in the formats that every workbook has",
        arguments: [(0, false), (13, false), (14, true), (22, true), (31, true), (37, false), (49, false), (57, true)])
    func builtInFormats(id: Int, isDay: Bool) throws {
        let text = try Handmade.text(of: "<c r='A1' s='2'><v>45351</v></c>", thirdFormat: id)
        #expect(text == (isDay ? "2024-02-29\n" : "45351\n"))
    }

    @Test(
        "hold texts, booleans, errors and results",
        arguments: [
            ("<c r='A1' t='s'><v>0</v></c>", "客户"), ("<c r='A1' t='s'><v>1</v></c>", "红字\"发票\""),
            ("<c r='A1' t='s'><v>2</v></c>", ""), ("<c r='A1' t='s'><v>3</v></c>", "東京"),
            ("<c r='A1' t='s'><v>4</v></c>", "a b c d"), ("<c r='A1' t='s'><v> 5 </v></c>", "007"),
            ("<c r='A1' t='inlineStr'><is><t>甲</t></is></c>", "甲"),
            (
                "<c r='A1' t='inlineStr'><is><r><rPr><b/></rPr><t>甲</t></r><r><t xml:space='preserve'> 乙</t></r>"
                    + "<rPh sb='0' eb='1'><t>jia</t></rPh><phoneticPr fontId='1'/></is></c>", "甲 乙"
            ),
            ("<c r='A1' t='inlineStr'><is><t><![CDATA[<a> & ]]]]><![CDATA[>]]></t></is></c>", "<a> & ]]>"),
            ("<c r='A1' t='inlineStr'><is><t>a&#13;&#10;b&#10;&#10;c</t></is></c>", "a b  c"),
            (
                "<c r='A1' t='inlineStr'><is><t>a_x000D_\nb_x0041__x005F_x0041__xD800__x00_</t></is></c>",
                "a bA_x0041__xD800__x00_"
            ),
            ("<c r='A1' t='inlineStr'><is><t>&lt;&#x9F98;&#40857;&amp;&quot;&apos;&gt;</t></is></c>", "<龘龙&\"'>"),
            ("<c r='A1' t='str'><f>\"0\"&amp;\"1\"</f><v>01</v></c>", "01"),
            ("<c r='A1' t='str'><f>\"\"</f><v></v></c>", ""), ("<c r='A1'><f>6*7</f><v>42</v></c>", "42"),
            ("<c r='A1' t='b'><v>1</v></c>", "TRUE"), ("<c r='A1' t='b'><f>A2</f><v>0</v></c>", "FALSE"),
            ("<c r='A1' t='e'><v>#N/A</v></c>", "#N/A"), ("<c r='A1' t='e'><f>1/0</f><v>#DIV/0!</v></c>", "#DIV/0!"),
            ("<c r='A1' t='n'><v>45351</v></c>", "45351"), ("<c r='A1' s='9'><v>1</v></c>", "1"),
            ("<c r='A1'/>", ""), ("<c r='A1' s='1'></c>", ""), ("<!-- <c> --><?app x?><c r='A1'><v>1</v></c>", "1"),
            ("<x:c xmlns:x='urn' r='A1'><x:v>1</x:v></x:c>", "1"),
        ])
    func values(cell: String, value: String) throws {
        let text = try Handmade.text(of: cell)
        let reader = CSVReader(MemoryBytes(text), separator: 44)
        #expect(try reader.next() ? reader.fields == [value] : value.isEmpty, "\(text.debugDescription)")
        #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count == 2)
    }

    @Test("of all kinds are found under prefixed names")
    func prefixes() throws {
        var book = Handmade()
        book["xl/worksheets/sheet1.xml"] = """
            <?xml version="1.0" encoding='utf-8'?>\r\n<x:worksheet xmlns:x="urn">\r\n<x:sheetData><x:row r="1">
            <x:c r="A1" t="inlineStr"><x:is><x:t>甲</x:t></x:is></x:c></x:row></x:sheetData></x:worksheet>
            """
        #expect(try book.text() == "甲\n")
    }

    @Test("may stand without their places")
    func places() throws {
        let rows = "<row><c><v>1</v></c><c><v>2</v></c></row><row><c r='B2'><v>3</v></c><c><v>4</v></c></row>"
        #expect(try Handmade(rows: rows).text() == "1,2\n,3,4\n")
    }

    @Test("without a result of their formula are refused, except before the heading")
    func notCalculated() throws {
        let rows = "<row r='1'><c r='A1'><f>1+1</f></c></row><row r='2'><c r='C2'><f>1+1</f><v/></c></row>"
        #expect(Handmade(rows: rows).fault() == .notCalculated(row: 1, column: 1))
        var mapping = ImportMapping()
        mapping.skipLines = 1
        #expect(Handmade(rows: rows).fault(mapping: mapping) == .notCalculated(row: 2, column: 3))
    }
}

@Suite("A workbook's sheet")
struct XLSXSheetTests {
    @Test("keeps its rows' numbers and has as many fields as its heading")
    func rows() throws {
        let rows = """
            <row r='3'><c r='B3'><v>1</v></c><c r='C3' s='1'/></row>
            <row r='4'/><row r='6'><c r='A6' t='inlineStr'><is><t>a\nb</t></is></c></row>
            <row r='7' hidden='1'><c r='A7'><v>5</v></c><c r='D7'><v>6</v></c></row><row r='9'><c r='A9' s='1'/></row>
            """
        let text = try Handmade(rows: rows).text()
        #expect(text == "\n\n,1\n\n\na b,\n5,,,6\n\n\n")
        let result = ReadResult(text)
        #expect(result.lines == [3, 6, 7])
    }

    @Test("shows its own separator, whatever its heading says")
    func separators() throws {
        let text = try Handmade.text(
            of: "<c r='A1' t='str'><v>a;b;c</v></c><c r='B1' t='str'><v>d\te</v></c>")
        #expect(ReadResult(text).records == [["a;b;c", "d\te"]])
    }

    @Test("is the one named, or the first that a person sees")
    func choice() throws {
        let book = Handmade.ofThreeSheets
        #expect(try book.text() == "2\n")
        #expect(try book.text(sheet: "隐藏") == "1\n")
        #expect(try book.text(sheet: "发票 2026") == "2\n")
        #expect(try book.text(sheet: "SUMMARY") == "3\n")
        #expect(
            book.fault(sheet: "发票") == .sheetUnknown(name: "发票", known: ["隐藏", "发票 2026", "Summary"]))
    }

    @Test(
        "is the one named, as a spreadsheet program wrote it", .enabled(if: Python.isThere, Python.howToGet))
    func choiceOfSpreadsheet() throws {
        try Scratch.use { folder in
            try Python.run(
                """
                import sys, openpyxl
                book = openpyxl.Workbook()
                book.active.title = "隐藏"
                book.active.append([1])
                book.active.sheet_state = "hidden"
                book.create_chartsheet("图")
                book.create_sheet("发票").append([2])
                book.create_sheet("A'B").append([3])
                book.active = 2
                book.save(sys.argv[1])
                """, folder.path("sheets.xlsx"))
            #expect(try folder.read("sheets.xlsx") == [["2"]])
            #expect(try folder.read("sheets.xlsx", sheet: "隐藏") == [["1"]])
            #expect(try folder.read("sheets.xlsx", sheet: "A'B") == [["3"]])
            #expect(
                folder.fault("sheets.xlsx", sheet: "图") == .sheetUnknown(name: "图", known: ["隐藏", "发票", "A'B"]))
        }
    }

    @Test("reads the same by large and by small parts, beyond the buffer's size")
    func portions() throws {
        let name = String(repeating: "客户", count: 20)
        let rows = (1...9000).map { row in
            "<row r='\(row)'><c r='A\(row)' t='inlineStr'><is><t>\(name)\(row)&amp;</t></is></c>"
                + "<c r='C\(row)'><v>\(row).5</v></c></row>"
        }
        let book = Handmade(rows: rows.joined(separator: "\r\n"))
        let expected = (1...9000).map { "\(name)\($0)&,,\($0).5\n" }.joined()
        #expect(try book.text() == expected)
        #expect(try book.text(portion: 7) == expected)
    }
}

@Suite("A bad workbook")
struct XLSXFaultTests {
    @Test(
        "is refused for its XML",
        arguments: [
            "<a>", "<a></b>", "</a>", "<a b='1' b='2'/>", "<a b=1/>", "<a b/>", "<a b='<'/>", "<a b='&x;'/>",
            "<a b='1'c='2'/>", "&nbsp;", "&#0;", "&#xD800;", "&#x110000;", "&#xFFFE;", "&#;", "&#x;", "&amp", "& ",
            "]]>", "\u{1}", "<a b='\u{1}'/>", "<1a/>", "<a:b:c/>", "<:a/>", "<a:/>", "< a/>", "<!-- -- -->", "<!--",
            "<![CDATA[", "<!>", "<!", "<?", "<??>", "<?xml version='1.0'?>", "<", "</", "</sheetData", "<a", "<a b",
            "<a b=", "<a b='", "<a b='1'", "<a /b>", "\0", "<a\0/>", "</worksheet></worksheet>",
        ])
    func notWellFormed(text: String) {
        var book = Handmade()
        book["xl/worksheets/sheet1.xml"] = "<worksheet>\n<sheetData/>\n\(text)"
        #expect(book.fault() == .malformed(part: "xl/worksheets/sheet1.xml", line: 3))
        book["xl/worksheets/sheet1.xml"] = "<worksheet><sheetData/>\n\(text)\n</worksheet>"
        if case .malformed = book.fault() { return }
        Issue.record("\(text.debugDescription): \(String(describing: book.fault()))")
    }

    @Test(
        "is refused for what stands around its root",
        arguments: [
            "", " ", "x<worksheet/>", "<worksheet/>x", "<worksheet/><worksheet/>", "<worksheet/>&amp;",
            "<![CDATA[ ]]><worksheet/>", "<sst/>", "\n<?xml version='1.0'?><worksheet/>", "<?xml version='1.0'",
            "<?xml version='1.0' encoding='GB18030'?><worksheet/>", "<?xml encoding=?><worksheet/>", "PK",
        ])
    func noDocument(text: String) {
        var book = Handmade()
        book["xl/worksheets/sheet1.xml"] = text
        guard case .malformed = book.fault() else {
            Issue.record("\(text.debugDescription): \(String(describing: book.fault()))")
            return
        }
    }

    @Test(
        "is refused for bytes that are no UTF-8",
        arguments: [
            [0xFF], [0xC3], [0xE5, 0xAE], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xBF], [0xF5, 0x80, 0x80, 0x80],
        ] as [[UInt8]])
    func encoding(bytes: [UInt8]) {
        for padding in [0, 262_100, 262_101, 262_102, 262_103] {
            var book = Handmade()
            let start = "<worksheet><!-- " + String(repeating: "x", count: padding)
            book.parts["xl/worksheets/sheet1.xml"] = Array(start.utf8) + bytes + Array(" --></worksheet>".utf8)
            #expect(book.fault() == .malformed(part: "xl/worksheets/sheet1.xml", line: 1), "\(padding)")
        }
        var book = Handmade()
        book.parts["xl/worksheets/sheet1.xml"] = Array("<worksheet>".utf16.flatMap { [UInt8($0), 0] })
        #expect(book.fault() == .malformed(part: "xl/worksheets/sheet1.xml", line: 1))
    }

    @Test(
        "is refused for a document type",
        arguments: [
            "<!DOCTYPE worksheet>", "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>", "<!ENTITY a 'b'>",
            "<!ELEMENT a ANY>",
        ])
    func declarations(text: String) {
        for part in ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/sharedStrings.xml", "xl/styles.xml"] {
            var book = Handmade()
            book.parts[part] = Array("<?xml version='1.0'?>\n\(text)\n".utf8) + (book.parts[part] ?? [])
            #expect(book.fault() == .declaration(part: part, line: 2))
        }
    }

    @Test(
        "is refused for rows and cells where none can be",
        arguments: [
            "<row r='2'/><row r='1'/>", "<row r='2'/><row r='2'/>", "<row r='0'/>", "<row r=''/>", "<row r='-1'/>",
            "<row r='1.5'/>", "<row r='99999999999999999999'/>", "<row r='1'><c r='B1'/><c r='A1'/></row>",
            "<row r='1'><c r='A1'/><c r='A1'/></row>", "<row r='1'><c r='A2'/></row>", "<row r='1'><c r='a1'/></row>",
            "<row r='1'><c r='A'/></row>", "<row r='1'><c r='1'/></row>", "<row r='1'><c r=''/></row>",
            "<row r='1'><c r='A1' s='x'/></row>", "<row r='1'><c r='A1' t='x'/></row>",
            "<row r='1'><c r='A1' t='s'><v>6</v></c></row>", "<row r='1'><c r='A1' t='s'><v>-1</v></c></row>",
            "<row r='1'><c r='A1' t='s'><v>x</v></c></row>", "<row r='1'><c r='A1' t='b'><v>2</v></c></row>",
            "<row r='1'><c r='A1'><v>1</v><v>2</v></c></row>", "<row r='1'><c r='A1'><is><t>1</t></is></c></row>",
            "<row r='1'><c r='A1' t='inlineStr'><v>1</v></c></row>", "</sheetData><sheetData>",
        ])
    func misplaced(rows: String) {
        #expect(Handmade(rows: rows).fault() == .malformed(part: "xl/worksheets/sheet1.xml", line: 1))
    }

    @Test("is refused for more rows, columns, depth or text than there may be")
    func limits() throws {
        #expect(try Handmade(rows: "<row r='1048576'/>").text().utf8.count == 1_048_576)
        #expect(Handmade(rows: "<row r='1048577'/>").fault() == .tooManyRows(limit: 1_048_576))
        #expect(Handmade(rows: "<row r='1048576'/><row/>").fault() == .tooManyRows(limit: 1_048_576))
        let last = try Handmade(rows: "<row r='1'><c r='XFD1'><v>1</v></c></row>").text()
        #expect(last == String(repeating: ",", count: 16_383) + "1\n")
        let tooManyColumns = XLSXFault.tooManyColumns(row: 1, limit: 16_384)
        #expect(Handmade(rows: "<row r='1'><c r='XFE1'/></row>").fault() == tooManyColumns)
        #expect(Handmade(rows: "<row r='1'><c r='ZZZZZZZZZZZZZZZ1'/></row>").fault() == tooManyColumns)
        #expect(Handmade(rows: "<row r='1'><c r='XFD1'/><c/></row>").fault() == tooManyColumns)

        func nested(_ depth: Int) -> Handmade {
            Handmade(
                rows: String(repeating: "<a>", count: depth - 2) + String(repeating: "</a>", count: depth - 2))
        }
        let part = "xl/worksheets/sheet1.xml"
        #expect(nested(64).fault() == nil)
        #expect(nested(65).fault() == .tooDeep(part: part, limit: 64))
        #expect(nested(100_000).fault() == .tooDeep(part: part, limit: 64))

        let longText = String(repeating: "x", count: 1 << 20)
        #expect(try Handmade.text(of: "<c t='str'><v>\(longText)</v></c>") == longText + "\n")
        #expect(
            Handmade(rows: "<row><c t='str'><v>\(longText)x</v></c></row>").fault()
                == .tooLarge(part: part, limit: 1 << 20))
        #expect(Handmade(rows: "<row a='\(longText)'/>").fault() == .tooLarge(part: part, limit: 1 << 18))
        #expect(Handmade(rows: "<\(longText)/>").fault() == .tooLarge(part: part, limit: 1 << 18))
        let manyAttributes = (0...256).map { "a\($0)='' " }.joined()
        #expect(Handmade(rows: "<row \(manyAttributes)/>").fault() == .malformed(part: part, line: 1))
    }

    @Test("is refused for missing parts")
    func missingParts() throws {
        for part in ["xl/workbook.xml", "xl/_rels/workbook.xml.rels"] {
            var book = Handmade()
            book.parts[part] = nil
            #expect(book.fault() == .noWorkbook, "\(part)")
        }
        var book = Handmade()
        book.parts["xl/worksheets/sheet1.xml"] = nil
        guard case .damaged = book.fault() else {
            Issue.record("\(String(describing: book.fault()))")
            return
        }
        var other = Handmade()
        other.parts = ["mimetype": Array("application/vnd.oasis.opendocument.spreadsheet".utf8), "content.xml": []]
        #expect(other.fault() == .noWorkbook)
        other.parts = [:]
        #expect(other.fault() == .noWorkbook)
        // Without these there is still a sheet.
        var bare = Handmade(rows: "<row><c s='1'><v>45351</v></c></row>")
        for part in ["_rels/.rels", "xl/styles.xml", "xl/sharedStrings.xml"] { bare.parts[part] = nil }
        #expect(try bare.text() == "45351\n")
    }

    @Test("is refused when it asks for a password")
    func encrypted() {
        var book = Handmade()
        book.flags = 1
        #expect(book.fault() == .encrypted)
    }

    @Test("is refused for sizes that it says, before it is unpacked")
    func sizesSaid() {
        var book = Handmade()
        let part = "xl/worksheets/sheet1.xml"
        book.sizes = [part: 30 << 20]
        book.method = 8
        #expect(book.fault(of: [part]) == .archiveBomb(part: part))
        book.sizes = [part: 0x9000_0000]
        book.parts[part] = [UInt8](repeating: 0, count: 3 << 20)
        #expect(book.fault(of: [part]) == .tooLarge(part: part, limit: 2 << 30))
        // More and fewer than there are.
        for size in [UInt32(1), 100_000] {
            var book = Handmade()
            book.sizes = [part: size]
            guard case .damaged = book.fault(of: [part]) else {
                Issue.record("\(size): \(String(describing: book.fault(of: [part])))")
                continue
            }
        }
        var compressed = Handmade()
        compressed.method = 14
        guard case .damaged = compressed.fault() else {
            Issue.record("\(String(describing: compressed.fault()))")
            return
        }
    }

    @Test("is refused when it is a bomb", .enabled(if: Python.isThere, Python.howToGet))
    func bombs() throws {
        try Scratch.use { folder in
            let parts = Handmade()
            try parts.write(to: folder.path("plain.xlsx"))
            // The second says of itself that it is small.
            try Python.run(
                """
                import sys, zipfile
                for name, lies in (("bomb", False), ("liar", True)):
                    source = zipfile.ZipFile(sys.argv[1] + "plain.xlsx")
                    target = zipfile.ZipFile(sys.argv[1] + name + ".xlsx", "w", zipfile.ZIP_DEFLATED)
                    for part in source.namelist():
                        data = source.read(part)
                        if part.endswith("sharedStrings.xml"): data = data[:-6] + b" " * (64 << 20) + data[-6:]
                        target.writestr(part, data, compresslevel=9)
                    size = len(source.read("xl/sharedStrings.xml")) + (64 << 20)
                    target.close()
                    if lies:
                        data = open(sys.argv[1] + name + ".xlsx", "rb").read()
                        data = data.replace(size.to_bytes(4, "little"), (5000).to_bytes(4, "little"))
                        open(sys.argv[1] + name + ".xlsx", "wb").write(data)
                """, folder.path(""))
            #expect(try folder.size("bomb.xlsx") < 100_000)
            #expect(folder.fault("bomb.xlsx") == .archiveBomb(part: "xl/sharedStrings.xml"))
            guard case .damaged = folder.fault("liar.xlsx") else {
                Issue.record("\(String(describing: folder.fault("liar.xlsx")))")
                return
            }
        }
    }

    @Test("is no workbook unless it begins like an archive")
    func firstBytes() throws {
        try Scratch.use { folder in
            let kinds: [(String, [UInt8], Bool)] = [
                ("book.xlsx", Handmade().bytes(), true), ("old.xls", [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1], false),
                ("text.csv", Array("PK,a\n".utf8), false), ("short", [0x50, 0x4B, 3], false), ("empty", [], false),
            ]
            for (name, bytes, isXLSX) in kinds {
                try Data(bytes).write(to: URL(filePath: folder.path(name)))
                #expect(try XLSXBytes.isXLSX(path: folder.path(name)) == isXLSX, "\(name)")
                if isXLSX { continue }
                guard case .damaged = folder.fault(name) else {
                    Issue.record("\(name): \(String(describing: folder.fault(name)))")
                    continue
                }
            }
            let missing = folder.path("missing.xlsx")
            #expect(throws: ByteSourceFault.missing(path: missing)) { try XLSXBytes.isXLSX(path: missing) }
            #expect(throws: ByteSourceFault.missing(path: missing)) {
                try XLSXBytes(path: missing, mapping: ImportMapping())
            }
            #expect(throws: ByteSourceFault.notAFile(path: "/dev/null")) {
                try XLSXBytes(path: "/dev/null", mapping: ImportMapping())
            }
        }
    }

    @Test("is refused again when it is read on")
    func readOn() throws {
        try Scratch.use { folder in
            try Handmade(rows: "<row r='2'/><row r='1'/>").write(to: folder.path("bad.xlsx"))
            let source = try XLSXBytes(path: folder.path("bad.xlsx"), mapping: ImportMapping())
            var buffer = [UInt8](repeating: 0, count: 10)
            for _ in 0..<3 {
                #expect(throws: ByteSourceFault.self) {
                    try buffer.withUnsafeMutableBytes { try source.read(into: $0) }
                }
            }
        }
    }

    @Test("ends the reading wherever it is cut off")
    func truncated() throws {
        try Scratch.use { folder in
            try ReportTable.ofManyRows.writeXLSX(to: folder.path("whole.xlsx"))
            let bytes = try Data(contentsOf: URL(filePath: folder.path("whole.xlsx")))
            for count in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 97)) {
                try bytes.prefix(count).write(to: URL(filePath: folder.path("cut.xlsx")))
                guard case .damaged = folder.fault("cut.xlsx") else {
                    Issue.record("\(count): \(String(describing: folder.fault("cut.xlsx")))")
                    continue
                }
            }
        }
        // The same within the XML.
        let whole = Handmade.ofThreeSheets.parts["xl/worksheets/sheet2.xml"] ?? []
        for count in whole.indices {
            var book = Handmade.ofThreeSheets
            book.parts["xl/worksheets/sheet2.xml"] = Array(whole.prefix(count))
            guard case .malformed = book.fault() else {
                Issue.record("\(count): \(String(describing: book.fault()))")
                continue
            }
        }
    }

    @Test("never ends the program, whatever bytes are wrong in the file", .timeLimit(.minutes(2)))
    func flippedFile() throws {
        try Scratch.use { folder in
            try ReportTable.ofManyRows.writeXLSX(to: folder.path("whole.xlsx"))
            let bytes = [UInt8](try Data(contentsOf: URL(filePath: folder.path("whole.xlsx"))))
            let expected = try folder.text("whole.xlsx")
            var random = SeededGenerator(seed: 20)
            for _ in 0..<600 {
                var flipped = bytes
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    flipped[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                }
                try Data(flipped).write(to: URL(filePath: folder.path("flipped.xlsx")))
                // The checksums find what the parts don't.
                if let text = folder.outcome("flipped.xlsx").text { #expect(text == expected) }
            }
        }
    }

    @Test("never ends the program, whatever bytes are wrong in its XML", .timeLimit(.minutes(2)))
    func flippedXML() throws {
        var random = SeededGenerator(seed: 21)
        let book = Handmade.ofAllKinds
        let names = book.parts.keys.sorted()
        let pieces = ["<", ">", "/", "&", ";", "'", "\"", "=", "]]>", "<!--", "\0", "999999999", "<c>", "r='A1'", "龘"]
        try Scratch.use { folder in
            for _ in 0..<2000 {
                var damaged = book
                let name = names[Int.random(in: 0..<names.count, using: &random)]
                var bytes = book.parts[name] ?? []
                for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    case 1: bytes.remove(at: place)
                    case 2: bytes.replaceSubrange(place..<min(place + 9, bytes.count), with: [])
                    default:
                        let piece = pieces[Int.random(in: 0..<pieces.count, using: &random)]
                        bytes.insert(contentsOf: piece.utf8, at: place)
                    }
                }
                damaged.parts[name] = bytes
                try damaged.write(to: folder.path("damaged.xlsx"))
                guard let text = folder.outcome("damaged.xlsx").text else { continue }
                // What is read is UTF-8 and a table.
                #expect(!text.unicodeScalars.contains("\u{FFFD}"))
                #expect(ReadResult(text, separator: 44).fault == nil, "\(text.debugDescription)")
            }
        }
    }
}

@Suite("A day's pattern")
struct DateFormatTextTests {
    @Test(
        "writes days as it reads them",
        arguments: ["yyyy-MM-dd", "M/d/yyyy", "d.M.yy", "yyyy年M月d日", "yyyyMMdd", "dd--MM--yyyy"])
    func roundTrip(pattern: String) throws {
        let format = try #require(DateFormat(pattern))
        for number in stride(from: 10_957, to: 20_000, by: 13) {
            let day = LocalDate(dayNumber: number)
            var text = format.text(of: day)
            let read = try text.withUTF8 { try format.day($0) }
            #expect(read == day, "\(text)")
        }
    }

    @Test(
        "writes nothing that says another day",
        arguments: [
            ("yy-MM-dd", 1999, "1999-01-02"), ("yy-MM-dd", 2000, "00-01-02"), ("yy-M-d", 2099, "99-1-2"),
            ("d/M/yy", 2100, "2100-01-02"), ("yyyy/M/d", 987, "0987/1/2"),
        ])
    func centuries(pattern: String, year: Int, text: String) throws {
        let day = try #require(LocalDate(year: year, month: 1, day: 2))
        #expect(try #require(DateFormat(pattern)).text(of: day) == text)
    }
}

// MARK: - Files

/// Makes workbooks with openpyxl.
private enum Python {
    private static let path = "/usr/bin/python3"

    /// Skipped tests show this text.
    static let howToGet: Comment = "skipped: \(path) cannot write workbooks here; install python3-openpyxl"

    static let isThere: Bool =
        FileManager.default.isExecutableFile(atPath: path) && (try? run("import openpyxl")) != nil

    struct Failure: Error {
        let message: String
    }

    static func run(_ script: String, _ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = ["-c", script] + arguments
        let complaint = Pipe()
        process.standardError = complaint
        try process.run()
        let message = String(decoding: complaint.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(message: message) }
    }
}

/// A folder that is gone afterwards.
private struct Scratch {
    private let url: URL

    static func use<Result>(_ body: (Scratch) throws -> Result) throws -> Result {
        let url = FileManager.default.temporaryDirectory.appending(path: "huikuan-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        return try body(Scratch(url: url))
    }

    func path(_ name: String) -> String { url.path() + "/" + name }

    func size(_ name: String) throws -> Int { try Data(contentsOf: URL(filePath: path(name))).count }

    func text(
        _ name: String, sheet: String? = nil, mapping: ImportMapping = ImportMapping(), portion: Int = 1 << 16
    ) throws -> String {
        let source = try XLSXBytes(path: path(name), sheet: sheet, mapping: mapping)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: portion, alignment: 1)
        defer { buffer.deallocate() }
        var bytes: [UInt8] = []
        while case let count = try source.read(into: buffer), count > 0 { bytes.append(contentsOf: buffer[0..<count]) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The records that the import sees.
    func read(_ name: String, sheet: String? = nil) throws -> [[String]] {
        ReadResult(try text(name, sheet: sheet)).records
    }

    /// Why the file can't be read to its end; `nil` when it can.
    func fault(_ name: String, sheet: String? = nil, mapping: ImportMapping = ImportMapping()) -> XLSXFault? {
        outcome(name, sheet: sheet, mapping: mapping).fault
    }

    /// The whole text, or why there is none.
    func outcome(
        _ name: String, sheet: String? = nil, mapping: ImportMapping = ImportMapping()
    ) -> (text: String?, fault: XLSXFault?) {
        do {
            return (try text(name, sheet: sheet, mapping: mapping), nil)
        } catch ByteSourceFault.spreadsheet(let fault) {
            return (nil, fault)
        } catch {
            Issue.record("\(error)")
            return (nil, nil)
        }
    }
}

/// A workbook that no program would write: parts as they are given, stored in an archive.
private struct Handmade {
    var parts: [String: [UInt8]] = [:]
    var flags: UInt16 = 0
    var method: UInt16 = 0
    /// What the archive says of a part's size when unpacked, where it lies.
    var sizes: [String: UInt32] = [:]

    subscript(part: String) -> String {
        get { String(decoding: parts[part] ?? [], as: UTF8.self) }
        set { parts[part] = Array(newValue.utf8) }
    }

    init(rows: String = "", isFrom1904: Bool = false, thirdFormat: Int = 0) {
        self["_rels/.rels"] = """
            <?xml version="1.0" encoding="UTF-8" standalone="yes"?>
            <Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
            <Relationship Id="rId1" Target="xl/workbook.xml"
                Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/>
            </Relationships>
            """
        self["xl/workbook.xml"] = """
            <workbook xmlns:r="urn:r"><workbookPr date1904="\(isFrom1904)"/>
            <sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>
            """
        self["xl/_rels/workbook.xml.rels"] = Self.relationships(sheets: 1)
        self["xl/styles.xml"] = """
            <styleSheet><cellStyleXfs><xf numFmtId="0"/></cellStyleXfs>
            <cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="\(thirdFormat)"/></cellXfs>
            <numFmts><numFmt numFmtId="164" formatCode="yyyy&quot;年&quot;m&quot;月&quot;d&quot;日&quot;"/></numFmts>
            </styleSheet>
            """
        self["xl/sharedStrings.xml"] = """
            <sst><si><t>客户</t></si><si><r><rPr><color rgb="FFFF0000"/></rPr><t>红字</t></r><r><t>"发票"</t></r></si>
            <si><t/></si><si><t>東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh><phoneticPr fontId="1"/></si>
            <si><t>a\r\nb\nc_x000D_\nd</t></si><si><t>007</t></si></sst>
            """
        self["xl/worksheets/sheet1.xml"] = "<worksheet><sheetData>\(rows)</sheetData></worksheet>"
    }

    private static func relationships(sheets: Int) -> String {
        let sheets = (1...sheets).map { sheet in
            "<Relationship Id='rId\(sheet)' Type='urn/worksheet' Target='/xl/worksheets/sheet\(sheet).xml'/>"
        }
        return """
            <Relationships>\(sheets.joined())<Relationship Id="rId8" Type="urn/styles" Target="styles.xml"/>
            <Relationship Id="rId9" Type="urn/sharedStrings" Target="../xl/./sharedStrings.xml"/></Relationships>
            """
    }

    static var ofThreeSheets: Handmade {
        var book = Handmade(rows: "<row><c><v>1</v></c></row>")
        book["xl/workbook.xml"] = """
            <workbook xmlns:r="urn:r"><sheets><sheet name="隐藏" sheetId="3" r:id="rId1" state="hidden"/>
            <sheet name="发票 2026" sheetId="1" r:id="rId2"/><sheet name="Summary" sheetId="2" r:id="rId3"/></sheets>
            </workbook>
            """
        book["xl/_rels/workbook.xml.rels"] = relationships(sheets: 3)
        for sheet in 2...3 {
            book["xl/worksheets/sheet\(sheet).xml"] =
                "<worksheet><sheetData><row><c><v>\(sheet)</v></c></row></sheetData></worksheet>"
        }
        return book
    }

    static var ofAllKinds: Handmade {
        Handmade(
            rows: """
                <row r="1" spans="1:5"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>
                <!-- x --><row r="2"><c r="A2" s="1"><v>45351.5</v></c><c r="B2"><v>0.30000000000000004</v></c></row>
                <row r="5"><c r="A5" t="inlineStr"><is><r><t>甲&amp;</t></r><rPh><t>x</t></rPh></is></c>
                <c r="C5" t="b"><v>1</v></c><c r="D5" t="e"><v>#N/A</v></c>
                <c r="E5" t="str"><f>A1</f><v>客户</v></c></row>
                """)
    }

    /// The CSV of one row's cells.
    static func text(
        of cells: String, isFrom1904: Bool = false, thirdFormat: Int = 0, mapping: ImportMapping = ImportMapping()
    ) throws -> String {
        try Handmade(rows: "<row r='1'>\(cells)</row>", isFrom1904: isFrom1904, thirdFormat: thirdFormat)
            .text(mapping: mapping)
    }

    func text(sheet: String? = nil, mapping: ImportMapping = ImportMapping(), portion: Int = 1 << 16) throws -> String {
        try Scratch.use { folder in
            try write(to: folder.path("book.xlsx"))
            return try folder.text("book.xlsx", sheet: sheet, mapping: mapping, portion: portion)
        }
    }

    /// - Parameter lying: The parts that `flags`, `method` and `sizes` are said of; `nil` is all.
    func fault(
        sheet: String? = nil, mapping: ImportMapping = ImportMapping(), of lying: Set<String>? = nil
    ) -> XLSXFault? {
        try? Scratch.use { folder in
            try write(to: folder.path("book.xlsx"), lying: lying)
            return folder.fault("book.xlsx", sheet: sheet, mapping: mapping)
        }
    }

    func write(to path: String, lying: Set<String>? = nil) throws {
        try Data(bytes(lying: lying)).write(to: URL(filePath: path))
    }

    func bytes(lying: Set<String>? = nil) -> [UInt8] {
        var archive: [UInt8] = []
        var directory: [UInt8] = []
        func append<Number: FixedWidthInteger>(_ number: Number, to bytes: inout [UInt8]) {
            for index in 0..<Number.bitWidth / 8 { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * index))) }
        }
        for (name, content) in parts.sorted(by: { $0.key < $1.key }) {
            let lies = lying?.contains(name) ?? true
            var header: [UInt8] = []
            append(UInt16(20), to: &header)
            append(lies ? flags : 0, to: &header)
            append(lies ? method : 0, to: &header)
            append(UInt32(0x5CC8_0000), to: &header)
            append(Self.checksum(content), to: &header)
            append(UInt32(content.count), to: &header)
            append(sizes[name] ?? UInt32(content.count), to: &header)
            append(UInt16(name.utf8.count), to: &header)
            append(UInt16(0), to: &header)

            directory += [0x50, 0x4B, 1, 2, 20, 0] + header
            directory += [UInt8](repeating: 0, count: 10)
            append(UInt32(archive.count), to: &directory)
            directory += name.utf8
            archive += [0x50, 0x4B, 3, 4] + header + name.utf8 + content
        }
        let start = archive.count
        archive += directory + [0x50, 0x4B, 5, 6, 0, 0, 0, 0]
        append(UInt16(parts.count), to: &archive)
        append(UInt16(parts.count), to: &archive)
        append(UInt32(directory.count), to: &archive)
        append(UInt32(start), to: &archive)
        append(UInt16(0), to: &archive)
        return archive
    }

    private static let checksums: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~0) { value, byte in value >> 8 ^ checksums[Int(UInt8(truncatingIfNeeded: value) ^ byte)] }
    }
}

extension ReportTable {
    fileprivate static var ofManyRows: ReportTable {
        ReportTable(
            title: "账龄表", columns: [.init("客户", .text), .init("到期日", .day), .init("金额", .amount)],
            rows: (0..<300).map { row in
                [
                    .text("客户\(row * 7919 % 1000)"), .day(LocalDate(dayNumber: 20_000 + row)),
                    .amount(Int128(row) * 1_234_567, exponent: 2),
                ]
            })
    }
}
