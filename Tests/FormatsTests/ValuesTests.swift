import Foundation
import Ledger
import Testing

@testable import Formats

@Suite("The encoding of a file")
struct TextEncodingTests {
    /// 客户 in GB18030, a comma and a yuan's 元.
    private static let chinese: [UInt8] = [0xBF, 0xCD, 0xBB, 0xA7, 0x2C, 0xD4, 0xAA, 0x0A]

    private func recognised(_ bytes: [UInt8]) throws -> (encoding: TextEncoding, seen: [UInt8]) {
        var seen: [UInt8] = []
        let encoding = try TextEncoding.recognise(
            MemoryBytes(bytes), alternative: { () throws(ByteSourceFault) -> any ByteSource in MemoryBytes(bytes) }
        ) { seen.append(contentsOf: $0) }
        return (encoding, seen)
    }

    private func all(_ source: any ByteSource, at once: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: once, alignment: 1)
        defer { buffer.deallocate() }
        while true {
            let count = try source.read(into: buffer)
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[0..<count])
        }
    }

    @Test("is recognised")
    func recognition() throws {
        #expect(try recognised(Array("客户,元\n".utf8)).encoding == .utf8)
        #expect(try recognised([]).encoding == .utf8)
        let found = try recognised(Self.chinese)
        #expect(found.encoding == .gb18030)
        #expect(found.seen == Self.chinese)
        #expect(throws: ByteSourceFault.encoding(name: "GB18030")) { try recognised([0x61, 0xFF, 0xFF, 0x61]) }
        // The last character is cut in two.
        #expect(throws: ByteSourceFault.encoding(name: "GB18030")) { try recognised(Self.chinese.dropLast(2)) }
    }

    @Test("is converted, however small the parts", arguments: [1, 2, 3, 7, 4096])
    func conversion(once: Int) throws {
        let many = Array(repeatElement(Self.chinese, count: 500).joined())
        let expected = Array(String(repeating: "客户,元\n", count: 500).utf8)
        #expect(try all(ConvertedBytes(from: .gb18030, MemoryBytes(many)), at: once) == expected)
        #expect(try all(ConvertedBytes(from: .gb18030, ChoppedBytes(many, seed: 1)), at: once) == expected)
    }

    @Test("is UTF-8 exactly where the standard library says so")
    func validation() {
        var random = SeededGenerator(seed: 12)
        let lead: [UInt8] = [0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xDF, 0xE0, 0xED, 0xEF]
        let bytes = lead + [0xF0, 0xF3, 0xF4, 0xF5, 0xFF]
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                bytes[Int.random(in: 0..<bytes.count, using: &random)]
            }
            let cut = Int.random(in: 0...text.count, using: &random)
            var validator = UTF8Validator()
            text.withUnsafeBytes {
                validator.take(UnsafeRawBufferPointer(rebasing: $0[..<cut]))
                validator.take(UnsafeRawBufferPointer(rebasing: $0[cut...]))
            }
            #expect(validator.isValidAtEnd == (String(validating: text, as: UTF8.self) != nil), "\(text)")
        }
    }

    @Test("of a file that isn't there can't be known")
    func missing() {
        #expect(throws: ByteSourceFault.missing(path: "/nowhere/a.csv")) { try FileBytes(path: "/nowhere/a.csv") }
        #expect(throws: ByteSourceFault.missing(path: "/tmp")) { try FileBytes(path: "/tmp") }
    }
}

@Suite("A pattern of days")
struct DateFormatTests {
    @Test(
        "reads days",
        arguments: [
            ("yyyy-MM-dd", "2026-03-01", "2026-03-01"), ("M/d/yyyy", "3/1/2026", "2026-03-01"),
            ("M/d/yyyy", "12/31/2026", "2026-12-31"), ("yyyy年M月d日", "2026年3月1日", "2026-03-01"),
            ("yyyyMMdd", "20260301", "2026-03-01"), ("d.M.yy", "1.3.26", "2026-03-01"),
            ("dd/MM/yyyy", "29/02/2024", "2024-02-29"), ("yyyy-M-d", "2026-03-01", "2026-03-01"),
        ])
    func days(pattern: String, text: String, day: String) throws {
        let format = try #require(DateFormat(pattern))
        #expect(try Array(text.utf8).withUnsafeBufferPointer { try format.day($0) } == LocalDate(day))
    }

    @Test(
        "refuses other texts",
        arguments: [
            ("yyyy-MM-dd", "2026-3-01", DateFormat.Fault.notOfPattern), ("yyyy-MM-dd", "", .notOfPattern),
            ("yyyy-MM-dd", "2026-03-01 ", .notOfPattern), ("yyyy-MM-dd", "26-03-01", .notOfPattern),
            ("M/d/yyyy", "123/1/2026", .notOfPattern), ("M/d/yyyy", "/1/2026", .notOfPattern),
            ("yyyy-MM-dd", "2026-02-30", .noSuchDay), ("yyyy-MM-dd", "2026-13-01", .noSuchDay),
            ("yyyy-MM-dd", "0000-01-01", .noSuchDay), ("M/d/yyyy", "0/1/2026", .noSuchDay),
        ])
    func faults(pattern: String, text: String, fault: DateFormat.Fault) throws {
        let format = try #require(DateFormat(pattern))
        #expect(throws: fault) { try Array(text.utf8).withUnsafeBufferPointer { try format.day($0) } }
    }

    @Test(
        "needs year, month and day once each",
        arguments: ["", "yyyy-MM", "yyy-MM-dd", "yyyy-MM-dd-dd", "MMM d yyyy", "yyyyy-MM-dd", "dd.MM.", "y-M-d"])
    func unsound(pattern: String) { #expect(DateFormat(pattern) == nil) }
}

@Suite("A mapping")
struct ImportMappingTests {
    @Test("says how somebody's file is read")
    func good() throws {
        let mapping = try ImportMapping(
            yaml: """
                columns: {customer: 客户, amount: "金额"}
                ignore: [备注, 序号]
                date_format: yyyy年M月d日
                decimal: ","
                constants: {currency: CNY}
                create_missing: [customers]
                skip_lines: 2
                encoding: GBK
                separator: tab
                """)
        #expect(mapping.columns == ["customer": "客户", "amount": "金额"])
        #expect(mapping.ignore == ["备注", "序号"])
        #expect(mapping.dateFormat == DateFormat("yyyy年M月d日"))
        #expect(mapping.decimalMark == 44)
        #expect(mapping.constants == ["currency": "CNY"])
        #expect(mapping.createMissing == ["customers"])
        #expect(mapping.skipLines == 2)
        #expect(mapping.encoding == .gb18030)
        #expect(mapping.separator == 9)
        #expect(try ImportMapping(yaml: "") == ImportMapping())
        #expect(try ImportMapping(yaml: "# nothing\n") == ImportMapping())
    }

    @Test(
        "is refused with the key at fault",
        arguments: [
            ("date_format: yyyy", "date_format"), ("decimal: ;", "decimal"), ("skip_lines: -1", "skip_lines"),
            ("skip_lines: 1001", "skip_lines"), ("skip_lines: x", "skip_lines"), ("encoding: big5", "encoding"),
            ("separator: '|'", "separator"), ("colums: {a: b}", "colums"), ("columns: [a]", nil), ("ignore: a", nil),
            ("decimal: [a]", nil), ("constants: {a: [b]}", nil), ("ignore: [[a]]", nil), ("- a", nil), ("a", nil),
            ("columns: {a: b", nil), ("decimal: '", nil), ("\u{1}: b", nil),
        ] as [(String, String?)])
    func bad(yaml: String, key: String?) {
        let error = #expect(throws: ImportMapping.Fault.self) { try ImportMapping(yaml: yaml) }
        switch error {
        case .unreadable: #expect(key == nil)
        case .unknownKey(let found, let known): #expect(found == key && known.contains("columns"))
        case .badValue(let found, _, _): #expect(found == key)
        case nil: break
        }
    }
}

@Suite("JSON")
struct JSONValueTests {
    @Test("keeps the order of members and escapes what it must")
    func text() {
        let value = JSONValue.object([
            "z": .integer(.min), "a": .array([.null, .bool(true), .bool(false), .optional(nil), .optional("x")]),
            "n": .count(0), "q\"": .string("\"\\\n\r\t\u{1}\u{1F}\u{7F}/客😀"), "e": .object([:]), "l": .array([]),
        ])
        #expect(
            value.text == """
                {"z":-9223372036854775808,"a":[null,true,false,null,"x"],"n":0,\
                "q\\"":"\\"\\\\\\n\\r\\t\\u0001\\u001f\\u007f/客😀","e":{},"l":[]}
                """)
    }

    @Test("an object written member by member is the same")
    func writer() {
        let text = "\"\\\n\r\t\u{1}\u{7F}/客😀"
        var object = JSONObjectWriter(capacity: 8)
        #expect(object.finish() == Array(JSONValue.object([:]).text.utf8))
        object.add("text", text)
        object.add("none", String?.none)
        object.add("some", String?.some("x"))
        object.add("least", Int64.min)
        object.add("yes", true)
        object.add("no", false)
        object.addNull("nothing")
        let whole = JSONValue.object([
            "text": .string(text), "none": .null, "some": .string("x"), "least": .integer(.min), "yes": .bool(true),
            "no": .bool(false), "nothing": .null,
        ])
        #expect(object.finish() == Array(whole.text.utf8))
    }

    @Test("gives every character back to another reader")
    func everyCharacter() throws {
        let scalars = (0...0x3000).compactMap { Unicode.Scalar(UInt32($0)) }.map { "a\($0)b" }
        let text = JSONValue.array(scalars.map(JSONValue.string)).text
        let read = try JSONDecoder().decode([String].self, from: Data(text.utf8))
        #expect(zip(read, scalars).allSatisfy { Array($0.utf8) == Array($1.utf8) } && read.count == scalars.count)
    }
}

@Suite("Whatever somebody hands in")
struct FuzzTests {
    private static let seeds = [
        "客户,金额,到期\n\"上海, \"\"龘\"\"\",1\n,,\r\n", "columns: {customer: 客户}\nignore: [a, b]\ndecimal: ','\n",
        "date_format: &a yyyy-MM-dd\nskip_lines: 3\nconstants: {x: *a}\n", "yyyy年M月d日", "M/d/yyyy", "2026-03-01",
        "-1,234,567.89", "+0.00000000000000000001", "9223372036854775807",
    ]

    @Test(
        "YAML that grows out of a few lines, is nested without end or very long ends in a short fault",
        .timeLimit(.minutes(1)))
    func hostileYAML() {
        var lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        for level in 1..<9 {
            let tenTimes = [String](repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            lines.append("a\(level): &a\(level) [\(tenTimes)]")
        }
        let nested = String(repeating: "[", count: 200_000)
        let maps = String(repeating: "{a: ", count: 50_000) + "1" + String(repeating: "}", count: 50_000)
        let long = String(repeating: "a: [1]\n", count: 200_000)
        for text in [lines.joined(separator: "\n"), "columns: " + nested, "a: " + maps, long] {
            do throws(YAMLValue.Fault) {
                _ = try YAMLValue(yaml: text)
                Issue.record("read: \(text.prefix(40))")
            } catch {
                #expect(error.detail.count < 300)
            }
            do throws(ImportMapping.Fault) {
                _ = try ImportMapping(yaml: text)
                Issue.record("read: \(text.prefix(40))")
            } catch {
                #expect("\(error)".count < 400)
            }
        }
    }

    @Test("ends in a value or a fault", .timeLimit(.minutes(1)))
    func mutations() {
        var random = SeededGenerator(seed: 13)
        var ended = 0
        for _ in 0..<4000 {
            var bytes = Array(Self.seeds[Int.random(in: 0..<Self.seeds.count, using: &random)].utf8)
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 0...bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes.insert(.random(in: 0...255, using: &random), at: place)
                case 1 where place < bytes.count: bytes.remove(at: place)
                case 2 where place < bytes.count: bytes[place] = .random(in: 0...255, using: &random)
                default: bytes.append(contentsOf: bytes.prefix(place))
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            let records = ReadResult(CSVReader(MemoryBytes(bytes), cellLimit: 64))
            #expect(records.records.allSatisfy { !$0.isEmpty })
            _ = try? ImportMapping(yaml: text)
            _ = try? YAMLValue(yaml: text)
            let format = DateFormat(text) ?? .iso
            bytes.withUnsafeBufferPointer { buffer in
                if let day = try? format.day(buffer) { #expect(LocalDate(day.description) == day) }
                for mark: UInt8 in [44, 46] {
                    guard let number = try? DecimalNumber(parsing: buffer, decimalMark: mark) else { continue }
                    _ = try? number.timesHundredMillion()
                    #expect(number.scale >= 0)
                }
            }
            ended += 1
        }
        #expect(ended == 4000)
    }
}
