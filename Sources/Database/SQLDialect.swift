/// What engines say differently: data definition and guards. Queries are written once, in what all of them share.
package enum SQLDialect: Sendable {
    case sqlite, postgres

    /// A statement of data definition in the engine's words (ENGINEERING E-8): INTEGER has 64 bits, TEXT is ordered by
    /// its bytes, and STRICT is what PostgreSQL is anyway.
    func definition(_ text: String) -> String {
        guard self == .postgres else { return text }
        let words = ["INTEGER": "BIGINT", "TEXT": "TEXT COLLATE \"C\"", "BLOB": "BYTEA", "STRICT": ""]
        var result = ""
        var word = ""
        func flush() {
            result += words[word] ?? word
            word = ""
        }
        for character in text {
            if character.isLetter || character == "_" {
                word.append(character)
            } else {
                flush()
                result.append(character)
            }
        }
        flush()
        return result
    }

    /// Statements that make the engine refuse changes and deletions of rows: no logic, nothing but a refusal.
    func guards(of tables: [String]) -> [String] {
        if tables.isEmpty { return [] }
        let actions = ["UPDATE", "DELETE"]
        switch self {
        case .sqlite:
            return actions.flatMap { action in
                tables.map { table in
                    """
                    CREATE TRIGGER \(table)_no_\(action.lowercased()) BEFORE \(action) ON \(table)
                    BEGIN SELECT RAISE(ABORT, '\(table) is append-only'); END
                    """
                }
            }
        case .postgres:
            let refusal = """
                CREATE OR REPLACE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = '23000'; END $$
                """
            return [refusal]
                + actions.flatMap { action in
                    tables.map { table in
                        """
                        CREATE TRIGGER \(table)_no_\(action.lowercased()) BEFORE \(action) ON \(table)
                        FOR EACH ROW EXECUTE FUNCTION append_only()
                        """
                    }
                }
        }
    }

    /// A guard of append-only tables or a reference's own that isn't there or doesn't work; `nil` when all do.
    ///
    /// SQLite's stand in the text of the schema, which is compared as a whole.
    package func missingGuard(of tables: [String], in session: any SQLSession) throws -> String? {
        guard self == .postgres else { return nil }
        let rows = try session.rows(
            """
            SELECT t.tgname::text, t.tgenabled = 'O' FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
             WHERE c.relnamespace = to_regnamespace(current_schema()::text) ORDER BY t.tgname
            """)
        if let idle = rows.first(where: { $0.integer(1) == 0 }) { return idle.text(0) }
        let there = Set(rows.map { $0.text(0) })
        return tables.flatMap { ["\($0)_no_update", "\($0)_no_delete"] }.first { !there.contains($0) }
    }
}
