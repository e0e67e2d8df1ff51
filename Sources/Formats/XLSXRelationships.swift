/// What a part says of other parts: its `.rels` part.
struct XLSXRelationships {
    struct Target {
        /// The last word of the type's address, the same in both editions of the standard: `worksheet`, `styles`, ….
        let kind: Substring
        /// The part's name in the archive.
        let part: String
    }

    /// Bytes that a part of this kind, or the workbook's own, may have.
    static let largestPart = 16 << 20

    private(set) var byID: [String: Target] = [:]

    /// - Parameter part: The part whose relationships are read; "" for those of the whole archive. There are none when
    ///   it has no `.rels` part.
    init(of part: String, in archive: XLSXArchive) throws(XLSXFault) {
        let slash = part.lastIndex(of: "/").map(part.index(after:)) ?? part.startIndex
        let folder = part[..<slash]
        guard let file = try archive.part("\(folder)_rels/\(part[slash...]).rels", limit: Self.largestPart) else {
            return
        }
        let markup = try XLSXMarkup(file)
        while true {
            switch try markup.next() {
            case .finish: return
            case .end: break
            case .start where markup.depth == 1:
                guard markup.name == .relationships else { throw markup.malformed }
            case .start where markup.depth == 2 && markup.name == .relationship:
                guard markup.textAttribute(.targetMode) != "External" else { continue }
                guard let id = markup.textAttribute(.relationshipID), let type = markup.textAttribute(.type),
                    let target = markup.textAttribute(.target)
                else { throw markup.malformed }
                let kind = type[(type.lastIndex(of: "/").map(type.index(after:)) ?? type.startIndex)...]
                byID[id] = Target(kind: kind, part: Self.resolve(target, against: folder))
            case .start: break
            }
        }
    }

    /// The first part of a kind; relationships come in any order, so that the order of identifiers decides.
    func part(_ kind: String) -> String? {
        byID.filter { $0.value.kind == kind }.min { $0.key < $1.key }?.value.part
    }

    /// `worksheets/sheet1.xml` next to `xl/workbook.xml` is `xl/worksheets/sheet1.xml`; `/xl/…` starts at the top.
    private static func resolve(_ target: String, against folder: Substring) -> String {
        var steps: [Substring] = target.hasPrefix("/") ? [] : folder.split(separator: "/")
        for step in target.split(separator: "/") {
            switch step {
            case ".": break
            case "..": _ = steps.popLast()
            default: steps.append(step)
            }
        }
        return steps.joined(separator: "/")
    }
}
