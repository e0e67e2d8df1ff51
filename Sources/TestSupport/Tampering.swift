internal import CSQLite

/// Changes rows as somebody with the file would: without guards, foreign keys and checks.
package enum Tampering {
    /// - Returns: Whether the change was made.
    package static func change(_ path: String, _ statement: String) -> Bool {
        var connection: OpaquePointer?
        guard sqlite3_open(path, &connection) == SQLITE_OK else { return false }
        defer { sqlite3_close(connection) }
        func run(_ text: String) -> Bool { sqlite3_exec(connection, text, nil, nil, nil) == SQLITE_OK }
        guard run("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON") else { return false }
        for trigger in triggers(connection) {
            guard run("DROP TRIGGER \(trigger)") else { return false }
        }
        return run(statement)
    }

    private static func triggers(_ connection: OpaquePointer?) -> [String] {
        var statement: OpaquePointer?
        sqlite3_prepare_v2(connection, "SELECT name FROM sqlite_master WHERE type = 'trigger'", -1, &statement, nil)
        defer { sqlite3_finalize(statement) }
        var names: [String] = []
        while sqlite3_step(statement) == SQLITE_ROW {
            if let text = sqlite3_column_text(statement, 0) { names.append(String(cString: text)) }
        }
        return names
    }
}
