internal import Database
package import Ledger
internal import Receivables

/// The journal of acts in its order, for programs that follow it: every number from the last one on, none left out.
///
/// Numbers have no gaps and an act is never changed, so whoever remembers the last number that they have seen misses
/// nothing, however long they were away.
package enum ActFeed {
    package struct Row: Sendable {
        package let number: Int64
        package let recordedAt: Instant
        package let command: String
        /// The actor's key, as in the journal.
        package let actor: String
        package let source: String
        package let firstFact: Int64
        package let facts: Int64
        package let outcome: String
        package let hash: String
        package let previousHash: String
    }

    /// The facts of an act, or some of them, with their fields as they are stored.
    package struct Fact: Sendable {
        package enum Value: Sendable {
            case null
            case integer(Int64)
            case text(String)
            /// Hexadecimal digits of bytes.
            case bytes(String)
        }

        package let number: Int64
        package let table: String
        package let fields: [(name: String, value: Value)]
    }

    /// Acts after a number, in their order.
    ///
    /// - Throws: `Refusal` `access.denied`, `access.scope`: the journal is of all customers together.
    package static func acts(after number: Int64, limit: Int, for viewer: Viewer, in store: Store) throws -> [Row] {
        try need(viewer)
        return try store.read { session in
            try session.rows(
                """
                SELECT seq, recorded_at, command, actor, source, first_fact, fact_count, outcome, hash, previous_hash
                  FROM act WHERE seq > \(number) ORDER BY seq LIMIT \(limit)
                """
            ).map(row)
        }
    }

    /// - Throws: `Refusal` `access.denied`, `access.scope`, `act.unknown`.
    package static func act(_ number: Int64, for viewer: Viewer, in store: Store) throws -> Row {
        try need(viewer)
        return try store.read { try act(number, $0) }
    }

    private static func act(_ number: Int64, _ session: any SQLSession) throws -> Row {
        let found = try session.row(
            """
            SELECT seq, recorded_at, command, actor, source, first_fact, fact_count, outcome, hash, previous_hash
              FROM act WHERE seq = \(number)
            """)
        guard let found else { throw Refusal(.actUnknown, ["act": .text("#\(number)")]) }
        return row(found)
    }

    private static func row(_ row: SQLRow) -> Row {
        Row(
            number: row.integer(0), recordedAt: Instant(microseconds: row.integer(1)), command: row.text(2),
            actor: row.text(3), source: row.text(4), firstFact: row.integer(5), facts: row.integer(6),
            outcome: row.text(7), hash: row.blob(8).hexadecimal, previousHash: row.blob(9).hexadecimal)
    }

    /// The number of the last act.
    package static func last(in store: Store) throws -> Int64 {
        try store.read { try ActRepository(session: $0).head().lastAct }
    }

    /// An act's facts after a number, in their order.
    ///
    /// - Throws: `Refusal` `access.denied`, `access.scope`, `act.unknown`.
    package static func facts(
        ofAct number: Int64, after fact: Int64, limit: Int, for viewer: Viewer, in store: Store
    ) throws -> [Fact] {
        try need(viewer)
        return try store.read { session in
            let act = try act(number, session)
            let first = max(act.firstFact, fact + 1)
            let last = min(act.firstFact + act.facts - 1, first + Int64(limit) - 1)
            guard first <= last else { return [] }
            var facts: [Fact] = []
            for table in FactTable.all {
                let columns = table.columns.map(\.name).joined(separator: ", ")
                let rows = try session.rows(
                    SQL(
                        "SELECT id, \(columns) FROM \(table.name) WHERE id BETWEEN $1 AND $2 ORDER BY id",
                        [.integer(first), .integer(last)]))
                for row in rows {
                    facts.append(
                        Fact(
                            number: row.integer(0), table: table.name,
                            fields: table.columns.indices.map { position in
                                (table.columns[position].name, value(row[position + 1]))
                            }))
                }
            }
            return facts.sorted { $0.number < $1.number }
        }
    }

    private static func value(_ value: SQLValue) -> Fact.Value {
        switch value {
        case .null: .null
        case .integer(let number): .integer(number)
        case .text(let text): .text(text)
        case .blob(let bytes): .bytes(bytes.hexadecimal)
        }
    }

    private static func need(_ viewer: Viewer) throws {
        try viewer.need(.seeActs)
        guard viewer.seesAll else { throw Refusal(.accessScope) }
    }
}
