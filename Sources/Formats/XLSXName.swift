/// The local name of an element or attribute, packed so that a comparison is one of two words.
///
/// A name of more than sixteen bytes, which none of those that are looked for has, is `other`.
struct XLSXName: Hashable, Sendable {
    private let head: UInt64
    private let tail: UInt64

    static let other = XLSXName(head: .max, tail: .max)

    private init(head: UInt64, tail: UInt64) {
        self.head = head
        self.tail = tail
    }

    init(_ text: StaticString) {
        var words: (head: UInt64, tail: UInt64) = (0, 0)
        text.withUTF8Buffer { bytes in
            for (index, byte) in bytes.prefix(16).enumerated() {
                let shifted = UInt64(byte) << UInt64(index % 8 * 8)
                if index < 8 { words.head |= shifted } else { words.tail |= shifted }
            }
        }
        self.init(head: words.head, tail: words.tail)
    }

    /// - Parameter start: Sixteen bytes must be readable from here, however short the name is.
    @inline(__always)
    init(_ start: UnsafeRawPointer, count: Int) {
        func word(_ offset: Int, _ count: Int) -> UInt64 {
            let word = UInt64(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            return count >= 8 ? word : word & (1 << UInt64(count * 8) - 1)
        }
        if count <= 8 {
            self.init(head: word(0, count), tail: 0)
        } else if count <= 16 {
            self.init(head: word(0, 8), tail: word(8, count - 8))
        } else {
            self = .other
        }
    }
}

extension XLSXName {
    // A worksheet.
    static let worksheet = XLSXName("worksheet")
    static let sheetData = XLSXName("sheetData")
    static let row = XLSXName("row")
    static let c = XLSXName("c")
    static let f = XLSXName("f")
    static let v = XLSXName("v")
    static let inlineString = XLSXName("is")
    static let s = XLSXName("s")
    static let t = XLSXName("t")

    // Shared strings; `r` is also a cell's reference.
    static let sst = XLSXName("sst")
    static let si = XLSXName("si")
    static let r = XLSXName("r")

    // Styles.
    static let styleSheet = XLSXName("styleSheet")
    static let numFmts = XLSXName("numFmts")
    static let numFmt = XLSXName("numFmt")
    static let numFmtID = XLSXName("numFmtId")
    static let formatCode = XLSXName("formatCode")
    static let cellXfs = XLSXName("cellXfs")
    static let xf = XLSXName("xf")

    // The workbook and the relationships between parts.
    static let workbook = XLSXName("workbook")
    static let workbookPr = XLSXName("workbookPr")
    static let date1904 = XLSXName("date1904")
    static let sheets = XLSXName("sheets")
    static let sheet = XLSXName("sheet")
    static let name = XLSXName("name")
    static let state = XLSXName("state")
    static let id = XLSXName("id")
    static let relationships = XLSXName("Relationships")
    static let relationship = XLSXName("Relationship")
    static let relationshipID = XLSXName("Id")
    static let type = XLSXName("Type")
    static let target = XLSXName("Target")
    static let targetMode = XLSXName("TargetMode")
}
