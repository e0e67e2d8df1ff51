internal import Formats
package import Receivables

/// A policy as fields of a form: each of its values with what may stand there. The text stays the truth; its comments
/// and order are kept when values change.
package enum PolicyFields {
    package enum Kind: Hashable, Sendable {
        case flag
        case number
        case text
        /// Whole numbers, joined by commas.
        case numbers
        case choice([String])
    }

    package struct Field: Sendable {
        /// The names on the way to the value, such as `tracking`, `rules`, `due-soon`, `offset_days`.
        package let path: [String]
        package let value: String
        package let kind: Kind

        package var name: String { path.joined(separator: ".") }
    }

    /// What decides something, in the order of the text.
    ///
    /// - Throws: `Refusal` `policy.unreadable`.
    package static func fields(of policy: String) throws(Refusal) -> [Field] {
        try edit(policy).leaves.filter { ["tracking", "aging"].contains($0.path.first) }.map { leaf in
            Field(path: leaf.path, value: leaf.text, kind: kind(leaf))
        }
    }

    /// The policy with other values.
    ///
    /// - Throws: `Refusal` `policy.unreadable`.
    package static func setting(_ values: [String: String], in policy: String) throws(Refusal) -> String {
        let edit = try edit(policy)
        do { return try edit.setting(values) } catch {
            throw Refusal(.policyUnreadable, ["detail": .text(error.detail)])
        }
    }

    private static func edit(_ policy: String) throws(Refusal) -> YAMLEdit {
        do { return try YAMLEdit(policy) } catch { throw Refusal(.policyUnreadable, ["detail": .text(error.detail)]) }
    }

    private static func kind(_ leaf: YAMLEdit.Leaf) -> Kind {
        if leaf.isList { return leaf.text.contains { $0.isLetter } ? .text : .numbers }
        switch leaf.path.last {
        case "shift": return .choice(DayShift.allCases.map(\.rawValue))
        case "signal": return .choice(Signal.Severity.allCases.map { "\($0)" })
        default: break
        }
        if ["true", "false"].contains(leaf.text) { return .flag }
        return Int(leaf.text) != nil ? .number : .text
    }
}
