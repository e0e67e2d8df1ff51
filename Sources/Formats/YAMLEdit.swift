internal import Yams

/// The values of a YAML text by their paths, and the text with some of them changed: comments, order and layout stay.
package struct YAMLEdit: Sendable {
    /// A value that can be changed in place.
    package struct Leaf: Hashable, Sendable {
        /// The names on the way, from the outermost.
        package let path: [String]
        /// As it stands there, without quotes; a list's members are joined by commas.
        package let text: String
        package let isList: Bool
        fileprivate let place: Range<Int>
        fileprivate let quote: Unicode.Scalar?

        package var name: String { path.joined(separator: ".") }
    }

    private let scalars: [Unicode.Scalar]
    package private(set) var leaves: [Leaf] = []

    /// Lists that stand over several lines, and texts that do, are left out.
    ///
    /// - Throws: `YAMLValue.Fault` when the text is not YAML.
    package init(_ yaml: String) throws(YAMLValue.Fault) {
        scalars = Array(yaml.unicodeScalars)
        guard let node = try YAMLText.compose(yaml) else { return }
        var starts = [0]
        for (index, scalar) in scalars.enumerated() where scalar == "\n" { starts.append(index + 1) }
        collect(node, [], starts)
    }

    private mutating func collect(_ node: Node, _ path: [String], _ starts: [Int]) {
        if let members = node.mapping {
            for (key, value) in members { collect(value, path + [key.string ?? ""], starts) }
            return
        }
        guard let mark = node.mark, starts.indices.contains(mark.line - 1) else { return }
        let start = starts[mark.line - 1] + mark.column - 1
        if let members = node.sequence {
            let texts = members.compactMap(\.scalar?.string)
            guard texts.count == members.count, let end = end(of: "]", from: start, opening: "[") else { return }
            leaves.append(
                Leaf(path: path, text: texts.joined(separator: ", "), isList: true, place: start..<end, quote: nil))
        } else if let scalar = node.scalar {
            guard let (end, quote) = end(of: scalar.string, from: start) else { return }
            leaves.append(Leaf(path: path, text: scalar.string, isList: false, place: start..<end, quote: quote))
        }
    }

    /// Where a scalar ends that begins here; `nil` for one that doesn't stand there as it reads.
    private func end(of text: String, from start: Int) -> (Int, Unicode.Scalar?)? {
        guard start < scalars.count else { return nil }
        if scalars[start] == "\"" || scalars[start] == "'" {
            guard let end = end(of: scalars[start], from: start + 1, opening: nil) else { return nil }
            return (end, scalars[start])
        }
        let plain = Array(text.unicodeScalars)
        guard start + plain.count <= scalars.count, scalars[start..<start + plain.count].elementsEqual(plain) else {
            return nil
        }
        return (start + plain.count, nil)
    }

    private func end(of mark: Unicode.Scalar, from start: Int, opening: Unicode.Scalar?) -> Int? {
        if let opening, start >= scalars.count || scalars[start] != opening { return nil }
        var index = start
        while index < scalars.count, scalars[index] != "\n" {
            if scalars[index] == mark { return index + 1 }
            index += 1
        }
        return nil
    }

    /// The text with other values in the places of those that differ, by their names.
    ///
    /// - Throws: `YAMLValue.Fault` for a name that stands for no value, and when the text would read otherwise then.
    package func setting(_ values: [String: String]) throws(YAMLValue.Fault) -> String {
        var changed = scalars
        var wanted: [String: String] = [:]
        for (name, value) in values where !leaves.contains(where: { $0.name == name }) {
            throw YAMLValue.Fault(detail: "\(name): \(value)")
        }
        for leaf in leaves.sorted(by: { $0.place.lowerBound > $1.place.lowerBound }) {
            guard let value = values[leaf.name], value != leaf.text else { continue }
            wanted[leaf.name] = value
            changed.replaceSubrange(leaf.place, with: Array(Self.written(value, like: leaf).unicodeScalars))
        }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: changed)
        let result = String(text)
        for leaf in try YAMLEdit(result).leaves {
            guard let value = wanted.removeValue(forKey: leaf.name) else { continue }
            guard leaf.text.filter({ $0 != " " }) == value.filter({ $0 != " " }) else {
                throw YAMLValue.Fault(detail: "\(leaf.name): \(value)")
            }
        }
        if let lost = wanted.first { throw YAMLValue.Fault(detail: "\(lost.key): \(lost.value)") }
        return result
    }

    private static func written(_ value: String, like leaf: Leaf) -> String {
        if leaf.isList { return "[\(value)]" }
        let isPlain =
            !value.isEmpty
            && value.unicodeScalars.allSatisfy {
                $0.properties.isAlphabetic || "0123456789_.-".unicodeScalars.contains($0)
            }
        if leaf.quote == nil, isPlain { return value }
        return "\"" + value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
