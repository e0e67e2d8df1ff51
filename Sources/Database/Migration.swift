/// One step of the schema. Numbers follow each other from 1; a step that was released is never edited.
///
/// Data definition uses one vocabulary for all engines: INTEGER, TEXT, BLOB, and `STRICT` tables.
package struct Migration: Sendable {
    package let number: Int
    package let name: String
    package let statements: [String]
    /// Tables whose rows are never changed or deleted: the engine refuses it.
    package let appendOnly: [String]
    /// First rows, whose values are bound because engines write literals differently.
    package let fill: @Sendable (any SQLSession) throws -> Void

    package init(
        number: Int, name: String, statements: [String], appendOnly: [String] = [],
        fill: @escaping @Sendable (any SQLSession) throws -> Void = { _ in }
    ) {
        self.number = number
        self.name = name
        self.statements = statements
        self.appendOnly = appendOnly
        self.fill = fill
    }
}

package struct Migrator: Sendable {
    let migrations: [Migration]

    /// - Precondition: The migrations are numbered 1, 2, 3, …
    package init(_ migrations: [Migration]) {
        precondition(migrations.map(\.number) == Array(1...migrations.count), "migrations are numbered without gaps")
        self.migrations = migrations
    }

    /// All statements of data definition, in order.
    package var statements: [String] { migrations.flatMap(\.statements) }

    /// All tables whose rows are never changed or deleted.
    package var appendOnly: [String] { migrations.flatMap(\.appendOnly) }

    package var latest: Int { migrations.count }

    /// The number of the last migration in the store; 0 in an empty file.
    package func current(in session: any SQLSession) throws -> Int {
        guard try session.tableNames().contains("migration") else { return 0 }
        return Int(try session.row("SELECT coalesce(max(number), 0) FROM migration")?.integer(0) ?? 0)
    }

    /// Applies what is missing, all in the caller's transaction.
    ///
    /// - Throws: `DatabaseFailure.newerVersion` when the store is ahead of the program.
    package func migrate(_ session: any SQLSession) throws {
        let applied = try current(in: session)
        guard applied <= latest else { throw DatabaseFailure.newerVersion(found: applied, known: latest) }
        if applied == 0 {
            try define("CREATE TABLE migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT", session)
        }
        for migration in migrations.dropFirst(applied) {
            for statement in migration.statements { try define(statement, session) }
            for statement in session.dialect.guards(of: migration.appendOnly) {
                try session.execute(SQL(stringLiteral: statement))
            }
            try migration.fill(session)
            try session.execute("INSERT INTO migration (number, name) VALUES (\(migration.number), \(migration.name))")
        }
    }

    private func define(_ statement: String, _ session: any SQLSession) throws {
        try session.execute(SQL(stringLiteral: session.dialect.definition(statement)))
    }
}
