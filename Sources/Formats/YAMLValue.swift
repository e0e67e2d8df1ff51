internal import Yams

/// A YAML document as plain values, every scalar as the text that stands in the file.
package indirect enum YAMLValue: Hashable, Sendable {
    case scalar(String)
    case list([YAMLValue])
    case map([String: YAMLValue])

    package struct Fault: Error, Hashable, Sendable { package let detail: String }

    /// - Throws: `Fault` when the text is not YAML.
    package init(yaml: String) throws(Fault) {
        let node = try YAMLText.compose(yaml)
        self = node.map(YAMLValue.init) ?? .map([:])
    }

    private init(_ node: Node) {
        if let members = node.mapping {
            self = .map(Dictionary(members.map { ($0.key.string ?? "", YAMLValue($0.value)) }) { _, last in last })
        } else if let members = node.sequence {
            self = .list(members.map(YAMLValue.init))
        } else {
            self = .scalar(node.scalar?.string ?? "")
        }
    }

    /// The member of a map; `nil` when there is none or this is no map.
    package subscript(key: String) -> YAMLValue? {
        if case .map(let members) = self { members[key] } else { nil }
    }

    /// The names of a map's members, in order.
    package var members: [String] {
        if case .map(let members) = self { members.keys.sorted() } else { [] }
    }

    package var text: String? {
        if case .scalar(let text) = self { text } else { nil }
    }

    package var integer: Int? { text.flatMap { Int($0) } }

    package var bool: Bool? {
        switch text {
        case "true", "yes", "on": true
        case "false", "no", "off": false
        default: nil
        }
    }

    package var list: [YAMLValue] {
        if case .list(let members) = self { members } else { [] }
    }
}
