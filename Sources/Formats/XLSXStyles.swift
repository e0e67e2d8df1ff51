/// Which styles of cells show a number as a day.
struct XLSXStyles {
    private static let largestPart = 64 << 20
    /// Styles and formats that a workbook may have; spreadsheets stop at 65,490 and about 250.
    private static let most = 1 << 16

    private var isDay: [Bool] = []

    /// A workbook without styles.
    init() {}

    init(_ part: String, in archive: XLSXArchive) throws(XLSXFault) {
        guard let file = try archive.part(part, limit: Self.largestPart) else { return }
        let markup = try XLSXMarkup(file)
        var custom: [Int: Bool] = [:]
        var formats: [Int] = []
        var section = XLSXName.other
        reading: while true {
            switch try markup.next() {
            case .finish: break reading
            case .end: break
            case .start:
                switch (markup.depth, section, markup.name) {
                case (1, _, let name): guard name == .styleSheet else { throw markup.malformed }
                case (2, _, let name): section = name
                case (3, .numFmts, .numFmt):
                    guard let id = markup.textAttribute(.numFmtID).flatMap({ Int($0) }),
                        let code = markup.attribute(.formatCode), custom.count < Self.most
                    else { throw markup.malformed }
                    custom[id] = Self.showsDay(code)
                case (3, .cellXfs, .xf):
                    guard formats.count < Self.most else { throw markup.malformed }
                    formats.append(markup.textAttribute(.numFmtID).flatMap { Int($0) } ?? 0)
                default: break
                }
            }
        }
        // Formats may be told after the styles that have them.
        isDay = formats.map { custom[$0] ?? Self.isBuiltInDay($0) }
    }

    /// Whether a number in a cell of this style is a day; a style that there isn't shows numbers as they are.
    func showsDay(_ style: Int) -> Bool { isDay.indices.contains(style) && isDay[style] }

    /// The formats that every workbook has, those of East Asian editions included (ECMA-376 part 1, 18.8.30).
    private static func isBuiltInDay(_ id: Int) -> Bool {
        switch id {
        case 14...22, 27...36, 45...47, 50...58: true
        default: false
        }
    }

    /// Whether a format shows year, month or day: outside of quotes, brackets and escapes there is a `y` or `d`, or an
    /// `m` that isn't a time's minutes.
    static func showsDay(_ code: UnsafeBufferPointer<UInt8>) -> Bool {
        var hasMonthOrMinute = false
        var hasTime = false
        var index = 0
        while index < code.count {
            let byte = code[index]
            index += 1
            switch byte {
            case 34:
                while index < code.count, code[index] != 34 { index += 1 }
                index += 1
            case 91:
                // `[h]` counts hours beyond a day; `[Red]` and `[$-804]` say nothing of time.
                let start = index
                while index < code.count, code[index] != 93 { index += 1 }
                let content = code[start..<min(index, code.count)]
                if !content.isEmpty, content.allSatisfy({ [104, 109, 115].contains($0 | 32) }) { hasTime = true }
                index += 1
            case 92, 95, 42: index += 1  // the next character stands for itself, for its width, or fills the cell
            default:
                switch byte | 32 {
                case 121, 100: return true
                case 109: hasMonthOrMinute = true
                case 104, 115: hasTime = true
                case 97:
                    // AM/PM
                    let word = code[index...].prefix(4)
                    if word.elementsEqual("M/PM".utf8) || word.elementsEqual("m/pm".utf8) {
                        hasTime = true
                        index += 4
                    }
                default: break
                }
            }
        }
        return hasMonthOrMinute && !hasTime
    }
}
