internal import Yams

/// YAML that somebody handed in, within bounds; a part can't stand for another one, because few such lines become billions.
enum YAMLText {
    static let mostBytes = 1 << 20
    static let mostNodes = 100_000

    /// - Throws: `YAMLValue.Fault` when the text is too long, not YAML, or grows beyond all bounds.
    static func compose(_ text: String) throws(YAMLValue.Fault) -> Node? {
        guard text.utf8.count <= mostBytes else {
            throw YAMLValue.Fault(detail: "more than \(mostBytes >> 20) MiB")
        }
        // Their values are compared as keys while they are read, each as often as it is named: that may never end.
        if let name = alias(in: text) { throw YAMLValue.Fault(detail: "*\(name): write out what it stands for") }
        let node: Node?
        do { node = try Yams.compose(yaml: text) } catch { throw YAMLValue.Fault(detail: short("\(error)")) }
        var count = 0
        if let node { try add(node, to: &count) }
        return node
    }

    /// The first name that stands for another part of the text, where there is one.
    private static func alias(in text: String) -> String? {
        var names: (anchors: Set<Substring>, aliases: Set<Substring>) = ([], [])
        var before: Character = "\n"
        var rest = text[...]
        while let mark = rest.first {
            rest = rest.dropFirst()
            if mark == "&" || mark == "*", before.isWhitespace || "[{,:?-".contains(before) {
                let name = rest.prefix { !$0.isWhitespace && !"[]{},".contains($0) }
                if mark == "&" { names.anchors.insert(name) } else { names.aliases.insert(name) }
            }
            before = mark
        }
        return names.aliases.intersection(names.anchors).subtracting([""]).min().map { String($0.prefix(60)) }
    }

    /// Counts what a node holds.
    private static func add(_ node: Node, to count: inout Int) throws(YAMLValue.Fault) {
        count += 1
        guard count <= mostNodes else { throw YAMLValue.Fault(detail: "more than \(mostNodes) values") }
        if let members = node.mapping {
            for (key, value) in members {
                try add(key, to: &count)
                try add(value, to: &count)
            }
        } else if let members = node.sequence {
            for member in members { try add(member, to: &count) }
        }
    }

    /// The place and the first words of a parser's complaint; it quotes whole lines.
    private static func short(_ complaint: String) -> String {
        let line = complaint.split(separator: "\n").prefix(2).joined(separator: " ")
        return line.count > 200 ? line.prefix(200) + "…" : line
    }
}
