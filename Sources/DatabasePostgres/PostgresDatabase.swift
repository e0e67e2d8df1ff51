package import Database
internal import Foundation

/// A schema on a PostgreSQL server (or what speaks its protocol): one writer at a time, readers on snapshots.
///
/// A write transaction first locks the row `head`, so that the journal is gapless and serial whoever writes
/// (ENGINEERING E-11); readers see one state of it by REPEATABLE READ.
package final class PostgresDatabase: DatabaseEngine, @unchecked Sendable {
    // `idle` and `writer` are guarded by `lock`; a connection taken from either belongs to its taker alone.

    /// How long a writer waits for another one before it gives up; `HUIKUAN_LOCK_SECONDS` names another time.
    package static let secondsToWait: Int = {
        let named = ProcessInfo.processInfo.environment["HUIKUAN_LOCK_SECONDS"].flatMap { Int($0) }
        return named.map { min(max($0, 1), 3600) } ?? 60
    }()

    package let address: PostgresAddress
    private let onWait: (@Sendable (Int) -> Void)?
    private let lock = NSCondition()
    private var idle: [PostgresConnection] = []
    private var readersOut = 0
    private let mostReaders = 2 * ProcessInfo.processInfo.activeProcessorCount
    private var writer: PostgresConnection?

    private var knowsHead = false

    init(_ address: PostgresAddress, _ first: PostgresConnection, onWait: (@Sendable (Int) -> Void)?) {
        self.address = address
        self.onWait = onWait
        idle = [first]
    }

    /// Nothing of the store is a file here.
    package var file: String? { nil }

    /// The server does it when it wants.
    package func checkpoint() {}

    package func close() {
        lock.lock()
        idle.removeAll()
        writer = nil
        lock.unlock()
    }

    package func write<Result>(_ body: (any WriteTransaction) throws -> Result) throws -> Result {
        lock.lock()
        let kept = writer
        writer = nil
        lock.unlock()
        var connection = try kept ?? PostgresConnection(address)
        var number: String
        do {
            number = try begin(connection)
        } catch  where kept != nil && !connection.isAlive {
            // The kept connection was cut while it was idle: nothing was asked of it yet.
            connection = try PostgresConnection(address)
            number = try begin(connection)
        }
        defer {
            lock.lock()
            if connection.isIdle { writer = connection }
            lock.unlock()
        }
        let session = PostgresSession(connection)
        defer { session.close() }
        connection.beginPipeline()
        let result: Result
        do {
            result = try body(PostgresTransaction(session))
            try connection.endPipeline()
        } catch {
            try? connection.endPipeline()
            if connection.isAlive { try? connection.run("ROLLBACK") }
            throw error
        }
        do {
            try connection.commit()
        } catch {
            // Whoever doesn't hear the answer asks again what became of it, so that nothing is done twice.
            guard !connection.isAlive, try isCommitted(number, error) else { throw error }
        }
        return result
    }

    /// What became of a transaction whose answer was lost: the server knows it by its number.
    ///
    /// - Throws: `cannotOpen` when the server doesn't come back; the journal of acts tells then.
    private func isCommitted(_ number: String, _ error: any Error) throws -> Bool {
        for _ in 0..<Self.secondsToWait {
            if let connection = try? PostgresConnection(address),
                let answer = try? connection.answer(to: "SELECT txid_status($1::bigint)", [.text(number)])
            {
                switch answer.text(0, 0) {
                case "committed": return true
                case "in progress": break
                default: return false
                }
            }
            Thread.sleep(forTimeInterval: 1)
        }
        throw DatabaseFailure.cannotOpen(
            path: address.shown, detail: "the answer to a commit was lost (\(error)): look at the journal of acts")
    }

    /// Starts a transaction that holds the head, waiting for whoever holds it.
    ///
    /// - Returns: The transaction's number on the server.
    private func begin(_ connection: PostgresConnection) throws -> String {
        let start = "BEGIN ISOLATION LEVEL READ COMMITTED"
        let number = "SELECT txid_current()"
        if !knowsHead {
            knowsHead = try !connection.answer(to: "SELECT to_regclass('head')::text", []).isNull(0, 0)
        }
        guard knowsHead else { return try connection.begin("\(start); \(number)") }
        for second in 0..<Self.secondsToWait {
            do {
                return try connection.begin(
                    """
                    \(start); SET LOCAL lock_timeout = '1s'; SELECT last_act FROM head WHERE id = 1 FOR UPDATE;
                    SET LOCAL lock_timeout = 0; \(number)
                    """)
            } catch let failure as DatabaseFailure {
                guard connection.isAlive else { throw failure }
                try connection.run("ROLLBACK")
                guard case .locked = failure else { throw failure }
                onWait?(second + 1)
            }
        }
        throw DatabaseFailure.locked(seconds: Self.secondsToWait)
    }

    package func read<Result>(_ body: (any SQLSession) throws -> Result) throws -> Result {
        let start = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        var connection = try takeReader()
        defer { giveBack(connection) }
        do {
            try connection.begin(start)
        } catch  where !connection.isAlive {
            // Cut while it was idle.
            connection = try PostgresConnection(address)
            try connection.begin(start)
        }
        let session = PostgresSession(connection)
        defer { session.close() }
        do {
            let result = try body(session)
            try connection.run("COMMIT")
            return result
        } catch {
            if connection.isAlive { try? connection.run("ROLLBACK") }
            throw error
        }
    }

    private func takeReader() throws -> PostgresConnection {
        lock.lock()
        while readersOut >= mostReaders { lock.wait() }
        readersOut += 1
        let kept = idle.popLast()
        lock.unlock()
        if let kept, kept.isAlive { return kept }
        do {
            return try PostgresConnection(address)
        } catch {
            lock.lock()
            readersOut -= 1
            lock.signal()
            lock.unlock()
            throw error
        }
    }

    private func giveBack(_ connection: PostgresConnection) {
        lock.lock()
        readersOut -= 1
        if connection.isIdle { idle.append(connection) }
        lock.signal()
        lock.unlock()
    }

    /// What the server answers to `SHOW synchronous_commit`: `on` keeps an acknowledged act through a power cut.
    package func synchronousCommit() throws -> String {
        try read { try $0.row("SHOW synchronous_commit")?.text(0) ?? "" }
    }
}

private final class PostgresTransaction: WriteTransaction {
    private let postgres: PostgresSession
    private var depth = 0

    init(_ session: PostgresSession) { postgres = session }

    var session: any SQLSession { postgres }

    func savepoint<Result>(_ body: () throws -> Result) throws -> Result {
        depth += 1
        defer { depth -= 1 }
        let name = "p\(depth)"
        try postgres.connection.run("SAVEPOINT \(name)")
        do {
            let result = try body()
            // What was sent without waiting is answered before the savepoint is given up.
            try postgres.connection.run("RELEASE SAVEPOINT \(name)")
            return result
        } catch let failure as DatabaseFailure where failure.endsTransaction {
            throw failure
        } catch {
            try postgres.connection.run("ROLLBACK TO SAVEPOINT \(name)")
            try postgres.connection.run("RELEASE SAVEPOINT \(name)")
            throw error
        }
    }
}
