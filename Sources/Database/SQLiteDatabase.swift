internal import CSQLite
internal import Foundation
internal import GRDB

/// One SQLite file: one writer, concurrent readers on snapshots (WAL).
package final class SQLiteDatabase: DatabaseEngine, @unchecked Sendable {
    // GRDB's pool is safe for concurrent use; the class adds no state that changes.

    /// How long a writer waits for another process before it gives up; `HUIKUAN_LOCK_SECONDS` names another time.
    package static let secondsToWait: Int = {
        let named = ProcessInfo.processInfo.environment["HUIKUAN_LOCK_SECONDS"].flatMap { Int($0) }
        return named.map { min(max($0, 1), 3600) } ?? 60
    }()

    package let path: String
    private let pool: DatabasePool

    package enum Opening: Sendable { case existing, new }

    /// Opens the file for reading and writing.
    ///
    /// - Parameter onWait: Called about once a second with the seconds spent waiting for another
    ///   process's write lock.
    /// - Throws: `DatabaseFailure`: `missing`, `exists`, `notAStore`, `readOnly`, `corrupt`, `cannotOpen`.
    package init(path: String, _ opening: Opening, onWait: (@Sendable (Int) -> Void)? = nil) throws {
        self.path = path
        _ = Self.isConfigured
        let exists = FileManager.default.fileExists(atPath: path)
        if opening == .existing {
            guard exists else { throw DatabaseFailure.missing(path: path) }
            try Self.checkHeader(path)
            guard FileManager.default.isWritableFile(atPath: path) else { throw DatabaseFailure.readOnly }
        } else if exists {
            throw DatabaseFailure.exists(path: path)
        }

        if opening == .new { try Self.createPrivately(path) }
        var configuration = Configuration()
        configuration.busyMode = .callback { attempts in Self.wait(attempts, onWait: onWait) }
        configuration.maximumReaderCount = 2 * ProcessInfo.processInfo.activeProcessorCount
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA cache_size = -262144; PRAGMA temp_store = MEMORY")
        }
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
            try pool.writeWithoutTransaction { database in
                // GRDB sets NORMAL when it opens a pool; an acknowledged act must survive a power cut.
                try database.execute(sql: "PRAGMA synchronous = FULL")
                // The log goes back into the file after 64 MB rather than 4: pages that change with each act are written
                // there once instead of sixteen times.
                try database.execute(sql: "PRAGMA wal_autocheckpoint = 16384")
                let level = try Int.fetchOne(database, sql: "PRAGMA synchronous")
                guard level == 2 else {
                    throw DatabaseFailure.other(code: 0, detail: "synchronous = \(level ?? -1), FULL was asked for")
                }
            }
        } catch let error as DatabaseError {
            throw DatabaseFailure(error, path: path)
        }
    }

    /// The engine is in this process: nobody waits for its answers, and they don't get lost.
    package func write<Result>(
        ahead: [Foreseen], _ body: (any WriteTransaction) throws -> Result, isThere: (any SQLSession) throws -> Bool
    ) throws -> Result {
        do {
            return try pool.writeWithoutTransaction { database in
                try inTransaction("BEGIN IMMEDIATE TRANSACTION", database) {
                    try body(SQLiteTransaction(database, path: path))
                }
            }
        } catch let error as DatabaseError {
            throw DatabaseFailure(error, path: path)
        }
    }

    package func read<Result>(_ body: (any SQLSession) throws -> Result) throws -> Result {
        do {
            return try pool.unsafeRead { database in
                try inTransaction("BEGIN DEFERRED TRANSACTION", database) {
                    try body(SQLiteSession(database, path: path))
                }
            }
        } catch let error as DatabaseError {
            throw DatabaseFailure(error, path: path)
        }
    }

    /// By statements that stay prepared: the library prepares its own anew each time.
    private func inTransaction<Result>(
        _ begin: SQL, _ database: Database, _ body: () throws -> Result
    ) throws -> Result {
        let session = SQLiteSession(database, path: path)
        _ = try session.execute(begin)
        do {
            let result = try body()
            _ = try session.execute("COMMIT TRANSACTION")
            return result
        } catch {
            // After some failures SQLite has undone the whole transaction already.
            if sqlite3_get_autocommit(database.sqliteConnection) == 0 {
                _ = try? session.execute("ROLLBACK TRANSACTION")
            }
            throw error
        }
    }

    /// The `synchronous` level of the writer: 2 is FULL.
    package func synchronousLevel() throws -> Int {
        try pool.writeWithoutTransaction { try Int.fetchOne($0, sql: "PRAGMA synchronous") ?? -1 }
    }

    /// Moves the write-ahead log into the file and empties it, as far as readers allow.
    package func checkpoint() throws {
        do {
            try pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY || error.resultCode == .SQLITE_LOCKED
        {
            // A reader still needs the log: the next checkpoint gets it.
        }
    }

    /// Copies the last committed state into a file while the store goes on working.
    ///
    /// - Parameter replacing: Whether an (empty) file may stand there already.
    package func backup(to target: String, replacing: Bool = false) throws {
        guard replacing || !FileManager.default.fileExists(atPath: target) else {
            throw DatabaseFailure.exists(path: target)
        }
        do {
            let copy = try DatabaseQueue(path: target)
            try pool.backup(to: copy)
            try copy.close()
        } catch let error as DatabaseError {
            try? FileManager.default.removeItem(atPath: target)
            throw DatabaseFailure(error, path: target)
        }
    }

    /// Copies a closed store's file, which may be on a medium that can't be written, into a new one.
    package static func copy(_ source: String, to target: String) throws {
        guard FileManager.default.fileExists(atPath: source) else { throw DatabaseFailure.missing(path: source) }
        try checkHeader(source)
        guard !FileManager.default.fileExists(atPath: target) else { throw DatabaseFailure.exists(path: target) }
        do {
            var configuration = Configuration()
            configuration.readonly = true
            let original = try DatabaseQueue(path: source, configuration: configuration)
            try createPrivately(target)
            let copy = try DatabaseQueue(path: target)
            try original.backup(to: copy)
            try copy.close()
            try original.close()
        } catch let error as DatabaseError {
            try? FileManager.default.removeItem(atPath: target)
            throw DatabaseFailure(error, path: source)
        }
    }

    /// Makes an empty file that only its owner can read: a store holds the keys of what is personal. What SQLite
    /// keeps beside a file gets the file's own rights.
    private static func createPrivately(_ path: String) throws {
        let descriptor = Foundation.open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            if errno == EEXIST { throw DatabaseFailure.exists(path: path) }
            if errno == ENOSPC { throw DatabaseFailure.full }
            throw DatabaseFailure.cannotOpen(path: path, detail: String(cString: strerror(errno)))
        }
        Foundation.close(descriptor)
    }

    /// Makes a closed store's file whole by itself, without a write-ahead log beside it.
    package static func seal(_ path: String) throws {
        do {
            let queue = try DatabaseQueue(path: path)
            try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
            try queue.close()
        } catch let error as DatabaseError {
            throw DatabaseFailure(error, path: path)
        }
    }

    /// What the schema of a store in memory looks like after `body`: type, name and text of each part.
    package static func schema(_ body: (any SQLSession) throws -> Void) throws -> [SQLRow] {
        do {
            let queue = try DatabaseQueue()
            return try queue.writeWithoutTransaction { database in
                let session = SQLiteSession(database, path: ":memory:")
                try body(session)
                return try parts(of: session)
            }
        } catch let error as DatabaseError {
            throw DatabaseFailure(error, path: ":memory:")
        }
    }

    /// Type, name and text of each part of a store's schema.
    package static func parts(of session: any SQLSession) throws -> [SQLRow] {
        try session.rows(
            """
            SELECT type, name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name
            """)
    }

    /// Rewrites the file without free pages, so that what was deleted is gone.
    package func compact() throws {
        do {
            try pool.writeWithoutTransaction { try $0.execute(sql: "VACUUM") }
            try checkpoint()
        } catch let error as DatabaseError {
            throw DatabaseFailure(error, path: path)
        }
    }

    /// SQLite's own check of the file's structure; empty when it is sound.
    package static func structuralFaults(in session: any SQLSession) throws -> [String] {
        try session.rows("PRAGMA integrity_check(10)").map { $0.text(0) }.filter { $0 != "ok" }
    }

    package var file: String? { path }

    /// Looks at the file and its log now and then: another process says nothing of what it commits.
    package func waitForChange(atMost seconds: Double) {
        func trace() -> [Int] {
            ["", "-wal"].flatMap { ending -> [Int] in
                var status = stat()
                guard stat(path + ending, &status) == 0 else { return [0, 0, 0] }
                return [Int(status.st_size), status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
            }
        }
        let before = trace()
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end, trace() == before {
            Thread.sleep(forTimeInterval: min(0.1, seconds))
        }
    }

    package func close() throws { try pool.close() }

    /// Settings of the library as a whole; they take effect only before its first use in the process.
    private static let isConfigured = sqlite3_without_memory_statistics()

    private static func checkHeader(_ path: String) throws {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
            throw DatabaseFailure.notAStore(path: path)
        }
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw DatabaseFailure.cannotOpen(path: path, detail: "not readable")
        }
        defer { try? file.close() }
        let head = try file.read(upToCount: 16) ?? Data()
        guard head == Data("SQLite format 3\0".utf8) else { throw DatabaseFailure.notAStore(path: path) }
    }

    private static func wait(_ attempts: Int, onWait: (@Sendable (Int) -> Void)?) -> Bool {
        let pause = 0.02
        if Double(attempts) * pause >= Double(secondsToWait) { return false }
        if attempts > 0, attempts % 50 == 0 { onWait?(attempts / 50) }
        Thread.sleep(forTimeInterval: pause)
        return true
    }
}

private final class SQLiteTransaction: WriteTransaction {
    let session: any SQLSession
    private let database: Database
    private let path: String

    init(_ database: Database, path: String) {
        self.database = database
        self.path = path
        session = SQLiteSession(database, path: path)
    }

    /// The library's own savepoints are prepared anew each time, which costs as much as a small command.
    func savepoint<Result>(_ body: () throws -> Result) throws -> Result {
        _ = try session.execute("SAVEPOINT command")
        do {
            let result = try body()
            _ = try session.execute("RELEASE command")
            return result
        } catch {
            // After some failures SQLite has undone the whole transaction: there is nothing to go back to then.
            if sqlite3_get_autocommit(database.sqliteConnection) == 0 {
                _ = try session.execute("ROLLBACK TO command")
                _ = try session.execute("RELEASE command")
            }
            throw error
        }
    }
}
