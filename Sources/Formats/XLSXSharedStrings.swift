/// The texts that cells refer to by number, in the form in which they enter the CSV.
///
/// They are the one thing of a workbook that must be in memory as a whole, since any cell may refer to any of them.
final class XLSXSharedStrings {
    /// Bytes that all texts together may take, the four that each costs anyway included.
    private static let largest = 256 << 20

    private let fields: XLSXOutput
    private var ends: ContiguousArray<UInt32> = []

    /// A workbook without shared strings.
    init() { fields = XLSXOutput(capacity: 0) }

    init(_ part: String, in archive: XLSXArchive, text: XLSXText) throws(XLSXFault) {
        guard let file = try archive.part(part) else {
            fields = XLSXOutput(capacity: 0)
            return
        }
        // The markup is longer than what it says; memory that isn't written to isn't taken.
        fields = XLSXOutput(capacity: min(file.size, Self.largest))
        let markup = try XLSXMarkup(file)
        var isInString = false
        // The child of the string that is open: `t`, a run `r`, or what says how to pronounce it, which isn't read.
        var child = XLSXName.other
        reading: while true {
            switch try markup.next() {
            case .finish: break reading
            case .start:
                switch markup.depth {
                case 1: guard markup.name == .sst else { throw markup.malformed }
                case 2: isInString = markup.name == .si
                case 3:
                    child = markup.name
                    if isInString, child == .t { markup.keepText() }
                case 4: if isInString, child == .r, markup.name == .t { markup.keepText() }
                default: break
                }
            case .end:
                markup.ignoreText()
                guard markup.depth == 1, isInString else { continue }
                text.append(markup.text, to: fields)
                markup.clearText()
                ends.append(UInt32(truncatingIfNeeded: fields.count))
                guard fields.count + 4 * ends.count <= Self.largest else {
                    throw .tooLarge(part: part, limit: Self.largest)
                }
            }
        }
    }

    /// The field of a text, or `nil` when there is none of this number.
    @inline(__always)
    func field(_ index: Int) -> UnsafeBufferPointer<UInt8>? {
        guard index >= 0, index < ends.count else { return nil }
        let start = index == 0 ? 0 : Int(ends[index - 1])
        return UnsafeBufferPointer(rebasing: fields.bytes[start..<Int(ends[index])])
    }
}
