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
}
