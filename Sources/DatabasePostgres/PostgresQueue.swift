internal import Database
internal import Foundation

/// Rows and changes of a write transaction whose answer nobody waits for, gathered so that many go at once.
///
/// Rows go first, some at a time or by COPY where they are many, table by table, so that a row stands behind those that it
/// names; then the changes in their order. A new row never needs a change that was asked for before it: it names what is there.
struct PostgresQueue {
    /// An INSERT of nothing but values; one for each text and connection, so that it is known by itself.
    final class Insert: Hashable {
        let text: String
        let table: String
        let columns: String
        let names: [String]
        private var longer: [Int: String] = [:]

        static func == (one: Insert, other: Insert) -> Bool { one === other }
        func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }

        /// So many rows go at once, the most first: in a few sizes alone, so that each is prepared once.
        static let rowsAtOnce = [16, 4, 1]

        /// The same for several rows.
        func text(rows: Int) -> String {
            if rows == 1 { return text }
            if let known = longer[rows] { return known }
            let parts = (0..<rows).map { row in
                "(" + (1...names.count).map { "$\(row * names.count + $0)" }.joined(separator: ", ") + ")"
            }
            let made = "INSERT INTO \(table) (\(columns)) VALUES " + parts.joined(separator: ", ")
            longer[rows] = made
            return made
        }

        /// - Returns: `nil` for anything but `INSERT INTO table (a, b) VALUES ($1, $2)`.
        init?(_ text: String) {
            guard text.hasPrefix("INSERT INTO "), text.hasSuffix(")"),
                let open = text.firstIndex(of: "("), let values = text.range(of: ") VALUES ("), open < values.lowerBound
            else { return nil }
            columns = String(text[text.index(after: open)..<values.lowerBound])
            names = columns.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            guard
                text[values.upperBound...] == (1...max(names.count, 1)).map({ "$\($0)" }).joined(separator: ", ") + ")"
            else {
                return nil
            }
            self.text = text
            table = text[text.index(text.startIndex, offsetBy: 12)..<open].trimmingCharacters(in: .whitespaces)
        }
    }

    private(set) var rows: [Insert: [[SQLValue]]] = [:]
    private(set) var changes: [(text: String, values: [SQLValue])] = []
    /// The tables of both.
    private var tables: Set<String> = []
    private(set) var count = 0
    private(set) var rowCount = 0

    mutating func add(_ insert: Insert, _ values: [SQLValue]) {
        if rows[insert] == nil { tables.insert(insert.table) }
        rows[insert, default: []].append(values)
        rowCount += 1
        count += 1
    }

    mutating func add(change text: String, of table: String, _ values: [SQLValue]) {
        tables.insert(table)
        changes.append((text, values))
        count += 1
    }

    /// What came after this.
    mutating func add(_ later: PostgresQueue) {
        guard count > 0 else {
            self = later
            return
        }
        for (insert, more) in later.rows { rows[insert, default: []].append(contentsOf: more) }
        changes += later.changes
        tables.formUnion(later.tables)
        count += later.count
        rowCount += later.rowCount
    }

    /// Whether a statement made of these words may read what stands here.
    func isTouched(by words: Set<String>) -> Bool { count > 0 && !tables.isDisjoint(with: words) }

    /// The table of a change of one row that is named by its key: `UPDATE table SET … WHERE key = …`. Such a one may come
    /// after rows that were asked for later; `nil` for anything else.
    static func changedTable(_ text: String) -> String? {
        guard text.hasPrefix("UPDATE ") else { return nil }
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count > 5, words[words.count - 4] == "WHERE", words[words.count - 2] == "=" else { return nil }
        return String(words[1])
    }

    /// The words of a statement, the names of tables among them.
    static func words(of text: String) -> Set<String> {
        Set(text.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init))
    }

    /// Rows as COPY's text format: columns between tabs, `\N` for nothing.
    static func copyText(_ rows: [[SQLValue]]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(rows.count * 96)
        for row in rows {
            for (index, value) in row.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: "\t")) }
                append(value, to: &bytes)
            }
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }

    private static func append(_ value: SQLValue, to bytes: inout [UInt8]) {
        switch value {
        case .null: bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "N")])
        case .integer(let number): append(number, to: &bytes)
        case .text(let text):
            for byte in text.utf8 {
                switch byte {
                case UInt8(ascii: "\\"): bytes.append(contentsOf: [byte, byte])
                case UInt8(ascii: "\t"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "t")])
                case UInt8(ascii: "\n"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "n")])
                case UInt8(ascii: "\r"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "r")])
                default: bytes.append(byte)
                }
            }
        case .blob(let blob):
            bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "\\"), UInt8(ascii: "x")])
            let digits = Array("0123456789abcdef".utf8)
            for byte in blob {
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            }
        }
    }

    private static func append(_ number: Int64, to bytes: inout [UInt8]) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        let start = bytes.count
        var rest = number.magnitude
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    /// Tables in an order in which each stands behind those that it names.
    ///
    /// - Parameter names: Pairs of a table and one that it names.
    static func order(_ names: [(table: String, named: String)]) -> [String: Int] {
        let named = Dictionary(grouping: names, by: \.table).mapValues { $0.map(\.named).sorted() }
        var order: [String: Int] = [:]
        func place(_ table: String, _ above: Set<String>) {
            guard order[table] == nil, !above.contains(table) else { return }
            for other in named[table] ?? [] { place(other, above.union([table])) }
            order[table] = order.count
        }
        for table in named.keys.sorted() { place(table, []) }
        return order
    }
}
