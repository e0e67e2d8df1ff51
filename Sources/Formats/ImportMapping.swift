internal import Yams

/// How the columns of somebody's file become those of an exchange file (spec 10.6).
package struct ImportMapping: Hashable, Sendable {
    /// The name in the file by our column.
    package var columns: [String: String] = [:]
    /// Columns of the file that are not used.
    package var ignore: Set<String> = []
    package var dateFormat = DateFormat.iso
    /// The byte between units and decimals: `.` or `,`.
    package var decimalMark: UInt8 = 46
    /// A value for every line, by our column.
    package var constants: [String: String] = [:]
    /// Kinds whose unknown codes are registered on the way; `customers` is one.
    package var createMissing: Set<String> = []
    /// Lines before the header.
    package var skipLines = 0
    /// `nil` recognises it.
    package var encoding: TextEncoding?
    /// `nil` recognises it.
    package var separator: UInt8?
    /// The worksheet of a workbook; `nil` is the first that isn't hidden.
    package var sheet: String?

    package init() {}

    /// The mapping as text, the same for equal mappings.
    package var canonicalText: String {
        func sorted(_ pairs: [String: String]) -> String {
            pairs.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ";")
        }
        return [
            sorted(columns), ignore.sorted().joined(separator: ";"), dateFormat.pattern, "\(decimalMark)",
            sorted(constants), createMissing.sorted().joined(separator: ";"), "\(skipLines)", encoding?.name ?? "",
            separator.map(String.init) ?? "", sheet ?? "",
        ].joined(separator: "\n")
    }

    package enum Fault: Error, Hashable, Sendable {
        /// Not YAML, or not of the right shape; the detail says where.
        case unreadable(detail: String)
        case unknownKey(String, known: [String])
        case badValue(key: String, value: String, expected: String)
    }

    private static let keys = [
        "columns", "ignore", "date_format", "decimal", "constants", "create_missing", "skip_lines", "encoding",
        "separator", "sheet",
    ]

    /// Reads a mapping written in YAML.
    package init(yaml: String) throws(Fault) {
        self.init()
        let root: Node?
        do { root = try YAMLText.compose(yaml) } catch { throw .unreadable(detail: error.detail) }
        guard let root else { return }
        guard let members = root.mapping else { throw .unreadable(detail: "a mapping is a list of `key: value`") }
        for (keyNode, value) in members {
            let key = keyNode.string ?? ""
            guard Self.keys.contains(key) else { throw .unknownKey(key, known: Self.keys) }
            switch key {
            case "columns":
                for (ours, theirs) in try Self.pairs(value, key) { columns[ours] = theirs }
            case "ignore": ignore = Set(try Self.list(value, key))
            case "constants": constants = Dictionary(try Self.pairs(value, key)) { _, last in last }
            case "create_missing": createMissing = Set(try Self.list(value, key))
            default: try take(key, try Self.scalar(value, key))
            }
        }
    }

    private mutating func take(_ key: String, _ text: String) throws(Fault) {
        switch key {
        case "date_format":
            guard let format = DateFormat(text) else {
                throw .badValue(key: key, value: text, expected: "yyyy-MM-dd, M/d/yyyy, …")
            }
            dateFormat = format
        case "decimal":
            guard text == "." || text == "," else { throw .badValue(key: key, value: text, expected: "\".\", \",\"") }
            decimalMark = text == "," ? 44 : 46
        case "skip_lines":
            guard let count = Int(text), (0...1000).contains(count) else {
                throw .badValue(key: key, value: text, expected: "0 … 1000")
            }
            skipLines = count
        case "encoding":
            guard let known = TextEncoding(named: text) else {
                throw .badValue(key: key, value: text, expected: "UTF-8, GB18030")
            }
            encoding = known
        case "separator":
            let known: [String: UInt8] = [",": 44, ";": 59, "\t": 9, "tab": 9]
            guard let byte = known[text] else { throw .badValue(key: key, value: text, expected: "\",\" \";\" tab") }
            separator = byte
        case "sheet": sheet = text
        default: throw .unknownKey(key, known: Self.keys)
        }
    }

    private static func scalar(_ node: Node, _ key: String) throws(Fault) -> String {
        guard let text = node.scalar?.string else { throw .unreadable(detail: "`\(key)` takes one value") }
        return text
    }

    private static func list(_ node: Node, _ key: String) throws(Fault) -> [String] {
        guard let sequence = node.sequence else { throw .unreadable(detail: "`\(key)` takes a list: [a, b]") }
        var texts: [String] = []
        for member in sequence { texts.append(try scalar(member, key)) }
        return texts
    }

    private static func pairs(_ node: Node, _ key: String) throws(Fault) -> [(String, String)] {
        guard let members = node.mapping else { throw .unreadable(detail: "`\(key)` takes pairs: {a: b}") }
        var pairs: [(String, String)] = []
        for (name, value) in members { pairs.append((try scalar(name, key), try scalar(value, key))) }
        return pairs
    }
}
