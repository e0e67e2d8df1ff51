import Foundation
import Testing

/// `docs/SECURITY.md` names the test that shows each line: every one that it names is there.
@Suite struct SecurityDocumentTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The tests' sources by the names of their files, without endings.
    private static func sources() throws -> [String: String] {
        var found: [String: String] = [:]
        let files = FileManager.default.enumerator(
            at: root.appendingPathComponent("Tests"), includingPropertiesForKeys: nil)
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            found[file.deletingPathExtension().lastPathComponent] = try String(contentsOf: file, encoding: .utf8)
        }
        return found
    }

    @Test("Every test and script that the security document names is there, and every line has its four columns")
    func namedTests() throws {
        let text = try String(contentsOf: Self.root.appendingPathComponent("docs/SECURITY.md"), encoding: .utf8)
        let sources = try Self.sources()
        var named = 0
        for match in text.matches(of: /`([A-Z][A-Za-z]*Tests)(?:\.([a-z][A-Za-z]*))?`/) {
            let file = String(match.1)
            // A suite may stand in another's file.
            let found = sources[file] ?? sources.values.first { $0.contains("struct \(file) ") }
            let source = try #require(found, "there is no \(file)")
            guard let function = match.2, function != "swift" else { continue }
            #expect(source.contains("func \(function)("), "\(file) has no test \(function)")
            named += 1
        }
        #expect(named > 150)
        for match in text.matches(of: /`(script\/[a-z-]+)/) {
            #expect(
                FileManager.default.fileExists(atPath: Self.root.appendingPathComponent(String(match.1)).path),
                "\(match.1)")
        }
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| V") }
        #expect(Set(rows.map { $0.split(separator: "|")[0] }).count == rows.count)
        for row in rows {
            #expect(row.split(separator: "|", omittingEmptySubsequences: false).count == 6, "\(row)")
        }
    }
}
