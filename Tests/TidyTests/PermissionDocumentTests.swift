import Foundation
import Receivables
import Testing

@testable import Operations

/// `docs/PERMISSIONS.md` is what the code says of commands and roles; `HUIKUAN_DOCS=accept` writes it anew.
@Suite struct PermissionDocumentTests {
    @Test("The matrix of commands and roles in the documents is that of the code")
    func matrix() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("docs/PERMISSIONS.md")
        let text = Self.text
        if ProcessInfo.processInfo.environment["HUIKUAN_DOCS"] == "accept" {
            try Data(text.utf8).write(to: file)
        }
        let written = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        #expect(written == text, "run this test with HUIKUAN_DOCS=accept")
    }

    private static var text: String {
        let roles = Role.allCases
        var lines = [
            "# Who may what", "",
            "Made from `Permission` by a test (`HUIKUAN_DOCS=accept swift test --filter PermissionDocumentTests`); another test",
            "walks it: every command and question is refused to every role that has no mark here. The command line without",
            "a named person may everything but `decide` (docs/DECISIONS.md).", "",
            "Beyond the role: a data scope (`own`, `team`, `all`) hides the customers outside of it; nobody decides on what",
            "they asked for; who registered a receipt by hand neither allocates it, nor made the invoice that it pays or a",
            "credit note on that; auditor and admin are combined with no other role; who stands in for a colleague has their roles for `decide` and for tasks alone.",
            "",
        ]
        for isCommand in [true, false] {
            lines += [isCommand ? "## Commands" : "## Questions", ""]
            lines.append("| | " + roles.map { "\($0.name)" }.joined(separator: " | ") + " |")
            lines.append("|---|" + roles.map { _ in ":-:" }.joined(separator: "|") + "|")
            for permission in Permission.allCases where permission.isCommand == isCommand {
                let marks = roles.map { permission.isAllowed([$0]) ? "✓" : "" }
                lines.append("| `\(permission.rawValue)` | " + marks.joined(separator: " | ") + " |")
            }
            lines.append("")
        }
        lines += [
            "## What a second person decides", "",
            "Segregation of duties (不相容职务分离): who may ask with a command, and who may decide on what others asked for.",
            "In the last column stands who may decide on their own request; a test asks and decides in every cell.", "",
            "| Request | Command | " + roles.map(\.name).joined(separator: " | ") + " | On their own |",
            "|---|---|" + roles.map { _ in ":-:" }.joined(separator: "|") + "|:-:|",
        ]
        for kind in Approval.Kind.allCases {
            for command in kind.askedBy {
                let cells = roles.map { role in
                    let asks = command.isAllowed([role]) ? ["asks"] : []
                    return (asks + (kind.deciders.contains(role) ? ["decides"] : [])).joined(separator: ", ")
                }
                lines.append("| `\(kind.name)` | `\(command.rawValue)` | \(cells.joined(separator: " | ")) | nobody |")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
