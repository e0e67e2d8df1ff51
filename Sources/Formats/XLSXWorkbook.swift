/// Which parts of the archive a workbook's sheets, texts and formats are.
struct XLSXWorkbook {
    private struct Sheet {
        let name: String
        let isVisible: Bool
        let part: String
    }

    /// How many names of sheets a fault tells.
    private static let namesTold = 100

    /// Whether day 0 is 1904-01-01, as workbooks of old Macintoshes count, and not before 1900.
    private(set) var isFrom1904 = false
    private(set) var sharedStrings: String?
    private(set) var styles: String?
    private var worksheets: [Sheet] = []

    init(_ archive: XLSXArchive) throws(XLSXFault) {
        let name = try XLSXRelationships(of: "", in: archive).part("officeDocument") ?? "xl/workbook.xml"
        guard !name.hasSuffix(".bin"), let part = try archive.part(name, limit: XLSXRelationships.largestPart) else {
            throw .noWorkbook
        }
        let targets = try XLSXRelationships(of: name, in: archive)
        sharedStrings = targets.part("sharedStrings")
        styles = targets.part("styles")

        let markup = try XLSXMarkup(part)
        var isInSheets = false
        reading: while true {
            switch try markup.next() {
            case .finish: break reading
            case .end: break
            case .start:
                switch markup.depth {
                case 1: guard markup.name == .workbook else { throw .noWorkbook }
                case 2:
                    isInSheets = markup.name == .sheets
                    if markup.name == .workbookPr {
                        isFrom1904 = ["1", "true", "on"].contains(markup.textAttribute(.date1904))
                    }
                case 3 where isInSheets && markup.name == .sheet:
                    guard let name = markup.textAttribute(.name),
                        let id = markup.textAttribute(.id, isPrefixed: true)
                    else { throw markup.malformed }
                    // Charts and the like have sheets too.
                    guard let target = targets.byID[id], target.kind == "worksheet" else { continue }
                    let isVisible = ["visible", nil].contains(markup.textAttribute(.state))
                    worksheets.append(Sheet(name: name, isVisible: isVisible, part: target.part))
                default: break
                }
            }
        }
        if worksheets.isEmpty { throw .noWorkbook }
    }

    /// The part of the sheet with this name or, without a name, of the first one that a person sees.
    func worksheet(_ name: String?) throws(XLSXFault) -> String {
        guard let name else { return (worksheets.first(where: \.isVisible) ?? worksheets[0]).part }
        // A workbook has no two names that differ in case alone.
        let sheet =
            worksheets.first { $0.name == name } ?? worksheets.first { $0.name.lowercased() == name.lowercased() }
        guard let sheet else {
            throw .sheetUnknown(name: name, known: worksheets.prefix(Self.namesTold).map(\.name))
        }
        return sheet.part
    }
}
