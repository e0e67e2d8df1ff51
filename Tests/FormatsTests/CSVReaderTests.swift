import Foundation
import Testing

@testable import Formats

/// SplitMix64: the same numbers on every run, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Hands bytes out a few at a time, as a pipe may do.
final class ChoppedBytes: ByteSource {
    private let bytes: [UInt8]
    private var position = 0
    private var random: SeededGenerator

    init(_ bytes: [UInt8], seed: UInt64) {
        self.bytes = bytes
        random = SeededGenerator(seed: seed)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ByteSourceFault) -> Int {
        let count = min(Int.random(in: 1...7, using: &random), buffer.count, bytes.count - position)
        buffer.copyBytes(from: bytes[position..<position + count])
        position += count
        return count
    }
}

/// What a reader finds: the records with their lines, up to the fault if there is one.
struct ReadResult: Equatable {
    var records: [[String]] = []
    var lines: [Int] = []
    var fault: CSVFault?

    init(_ reader: CSVReader) {
        do throws(CSVFault) {
            while try reader.next() {
                records.append(reader.fields)
                lines.append(reader.line)
            }
        } catch {
            fault = error
        }
    }

    init(_ text: String, separator: UInt8? = nil) {
        self.init(CSVReader(MemoryBytes(text), separator: separator))
    }
}

@Suite("A CSV file")
struct CSVReaderTests {
    @Test(
        "is read as RFC 4180 says",
        arguments: [
            ("", []), ("\n\r\n\n", []), ("a", [["a"]]), ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
            ("a,b\r\n1,2\r\n", [["a", "b"], ["1", "2"]]), ("a,b\r\n1,2", [["a", "b"], ["1", "2"]]),
            ("a,b\n\n1,2\n\n", [["a", "b"], ["1", "2"]]), ("a,\n,b\n,", [["a", ""], ["", "b"], ["", ""]]),
            ("\"a\",\"b\"\n", [["a", "b"]]), ("\"a,b\",c\n", [["a,b", "c"]]), ("\"a\nb\",c\n", [["a\nb", "c"]]),
            ("\"a\r\nb\",\"c\"\r\n", [["a\r\nb", "c"]]), ("\"a\"\"b\",\"\"\"\"\n", [["a\"b", "\""]]),
            ("\"\"\n", [[""]]), ("\"\",\"\"", [["", ""]]), ("a\"b,c\n", [["a\"b", "c"]]),
            (" a , b \n", [[" a ", " b "]]),
            ("客户,金额\n龘,1\n", [["客户", "金额"], ["龘", "1"]]), ("\u{FEFF}a,b\n", [["a", "b"]]),
            ("\u{FEFF}\"a\",b\n", [["a", "b"]]), ("\u{FEFF}", []), ("a\rb,c\r", [["a"], ["b", "c"]]),
            ("\"a\"\rb\n", [["a"], ["b"]]),
        ] as [(String, [[String]])])
    func table(text: String, records: [[String]]) {
        let result = ReadResult(text)
        #expect(result.records == records)
        #expect(result.fault == nil)
    }

    @Test(
        "shows its separator in its first record",
        arguments: [
            ("a;b;c\n1,5;2;3\n", ["a", "b", "c"]), ("a\tb\n", ["a", "b"]), ("a,b;c\n", ["a", "b;c"]),
            ("\"x,y,z\";b;c\n", ["x,y,z", "b", "c"]), ("\r\n\na;b\n", ["a", "b"]), ("a\n1;2\n", ["a"]),
        ])
    func separators(text: String, first: [String]) { #expect(ReadResult(text).records.first == first) }

    @Test("is read with the separator that a mapping names")
    func givenSeparator() {
        #expect(ReadResult("a,b;c\n", separator: 59).records == [["a,b", "c"]])
        #expect(ReadResult("a;b\n", separator: 44).records == [["a;b"]])
    }

    @Test("tells the line that a record starts on")
    func lines() throws {
        #expect(ReadResult("a\n\n\"b\nc\"\nd\n").lines == [1, 3, 5])
        let reader = CSVReader(MemoryBytes("title \"\nsecond\na,b\n1,2\n"))
        try reader.skipLines(2)
        let result = ReadResult(reader)
        #expect(result.records == [["a", "b"], ["1", "2"]])
        #expect(result.lines == [3, 4])
        #expect(reader.bytesRead == 23)
    }

    @Test(
        "is refused with the line of its fault",
        arguments: [
            ("a\n\0b\n", CSVFault.nul(line: 2)), ("a\n\"b\n\0\"\n", .nul(line: 3)),
            ("a\n\"b\nc\n", .unclosedQuote(line: 2)), ("\"", .unclosedQuote(line: 1)),
            ("a\n\"b\"c\n", .strayQuote(line: 2)),
            ("\"a\" ,b\n", .strayQuote(line: 1)),
        ])
    func faults(text: String, fault: CSVFault) { #expect(ReadResult(text).fault == fault) }

    @Test("may have cells up to the limit")
    func cellLimit() {
        func result(_ text: String) -> ReadResult { ReadResult(CSVReader(MemoryBytes(text), cellLimit: 4)) }
        #expect(result("abcd,abcd\nabcd").fault == nil)
        #expect(result("a\nabcde\n").fault == .cellTooLarge(line: 2, limit: 4))
        #expect(result("abcde").fault == .cellTooLarge(line: 1, limit: 4))
        #expect(result("a\n\"bc\ndefghijkl").fault == .cellTooLarge(line: 2, limit: 4))
        #expect(result("abcd\r\nabcd\r\n").fault == nil)
        #expect(result("\"abcd\"\n").fault == nil)
        #expect(result("\"a\"\"\"\"b\"\n").fault == nil)
        #expect(result("x,\"a\"\"\"\"bc\"\n").fault == .cellTooLarge(line: 1, limit: 4))
    }

    @Test("holds cells larger than the buffer")
    func largeCells() {
        let large = String(repeating: "客户\"\n", count: 60_000)
        let text = CSVText.line(["a", large]) + CSVText.line([large, "b"])
        #expect(ReadResult(text).records == [["a", large], [large, "b"]])
    }

    @Test("reads the same whether it comes at once or by a few bytes")
    func chopped() {
        var random = SeededGenerator(seed: 10)
        let pieces = [
            "a", "b", ",", ",", ";", "\t", "\"", "\"", "\"\"", "\n", "\r\n", "\r", "客", "\u{FEFF}", "1", "\0",
        ]
        for seed in 0..<3000 {
            // A fault ends the reading, so most texts go without a NUL.
            let usable = seed % 5 == 0 ? pieces : pieces.dropLast()
            let text = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                usable[Int.random(in: 0..<usable.count, using: &random)]
            }.joined()
            let chopped = ReadResult(CSVReader(ChoppedBytes(Array(text.utf8), seed: UInt64(seed))))
            #expect(ReadResult(text) == chopped, "\(text.debugDescription)")
        }
    }
}

@Suite("Text in CSV")
struct CSVTextTests {
    @Test(
        "is never taken for a formula",
        arguments: [
            ("=1+1", "'=1+1"), ("+86 138", "'+86 138"), ("-2+3", "'-2+3"), ("@SUM(A1)", "'@SUM(A1)"), ("-", "'-"),
            ("\tx", "'\tx"), ("-5", "-5"), ("+5", "+5"), ("-1234.50", "-1234.50"), ("a=b", "a=b"), ("", ""),
            ("=a,b", "\"'=a,b\""), ("-1,234.50", "\"-1,234.50\""), ("\rx", "\"'\rx\""), ("=\"x\"", "\"'=\"\"x\"\"\""),
        ])
    func neutralised(text: String, field: String) { #expect(CSVText.line([text]) == field + "\n") }

    @Test("comes back from the file")
    func roundTrip() {
        var random = SeededGenerator(seed: 11)
        let pieces = ["a", ",", "\"", "\n", "\r\n", "客", " ", ";"]
        for _ in 0..<2000 {
            let fields = (0..<3).map { _ in
                "x"
                    + (0..<Int.random(in: 0...6, using: &random)).map { _ in
                        pieces[Int.random(in: 0..<pieces.count, using: &random)]
                    }.joined()
            }
            #expect(ReadResult(CSVText.line(fields), separator: 44).records == [fields])
        }
    }
}
