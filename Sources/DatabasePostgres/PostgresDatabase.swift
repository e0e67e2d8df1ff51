package import Database
internal import Foundation

/// A schema on a PostgreSQL server (or what speaks its protocol): one writer at a time, readers on snapshots.
///
/// A write transaction first locks the row `head`, so that the journal is gapless and serial whoever writes
/// (ENGINEERING E-11); readers see one state of it by REPEATABLE READ.
package final class PostgresDatabase: DatabaseEngine, @unchecked Sendable {
    // `idle`, `idleWriters`, `listener`, `knowsHead`, `bell` and `isClosed` are guarded by `lock`; a connection taken from one belongs
    // to its taker alone.

    /// How long a writer waits for another one before it gives up; `HUIKUAN_LOCK_SECONDS` names another time.
    package static let secondsToWait: Int = {
        let named = ProcessInfo.processInfo.environment["HUIKUAN_LOCK_SECONDS"].flatMap { Int($0) }
        return named.map { min(max($0, 1), 3600) } ?? 60
    }()

    package let address: PostgresAddress
    private let onWait: (@Sendable (Int) -> Void)?
    private let lock = NSCondition()
    private var idle: [PostgresConnection] = []
    private var idleWriters: [PostgresConnection] = []
    private var readersOut = 0
    private let mostReaders = 2 * ProcessInfo.processInfo.activeProcessorCount
    private var listener: PostgresConnection?

    private var knowsHead = false
    private var bell = Bell()
    private var isClosed = false

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
        // Who waits for the bell is told before.
        if lock.withLock({ bell.isAboutToRing && !idleWriters.isEmpty }) { ring(connects: false) }
        lock.lock()
        isClosed = true
        idle.removeAll()
        idleWriters.removeAll()
        listener = nil
        lock.unlock()
    }

    // MARK: Writing

    /// When others were last told of a commit: they look at most so often, and are told no more often.
    private struct Bell {
        static let seconds = 0.1
        var rungAt: ContinuousClock.Instant?
        var isAboutToRing = false

        var isDue: Bool { rungAt.map { ContinuousClock.now - $0 >= .seconds(Self.seconds) } ?? true }
    }

    /// Tells others a moment later, together with what is committed until then. Where that fails, they look by themselves.
    private func ringSoon() {
        lock.lock()
        defer { lock.unlock() }
        guard !bell.isAboutToRing else { return }
        bell.isAboutToRing = true
        DispatchQueue.global().asyncAfter(deadline: .now() + Bell.seconds) { [weak self] in self?.ring() }
    }

    private func ring(connects: Bool = true) {
        lock.lock()
        let isOver = isClosed
        bell.isAboutToRing = false
        bell.rungAt = .now
        let kept = idleWriters.popLast()
        lock.unlock()
        guard !isOver else { return }
        let usable = kept.flatMap { $0.isUsable ? $0 : nil }
        guard let connection = usable ?? (connects ? try? makeWriter() : nil) else { return }
        _ = try? connection.answer(to: Self.notice, [.text(address.channel)])
        giveBack(writer: connection)
    }

    private static let notice = "SELECT pg_notify($1, '')"

    /// A connection that waits for the head a second at a time.
    private func makeWriter() throws -> PostgresConnection {
        let connection = try PostgresConnection(address)
        try connection.run("SET lock_timeout = '1s'")
        return connection
    }

    private func giveBack(writer connection: PostgresConnection) {
        lock.withLock { if connection.isIdle { idleWriters.append(connection) } }
    }

    package func write<Result>(
        ahead: [Foreseen], _ body: (any WriteTransaction) throws -> Result, isThere: (any SQLSession) throws -> Bool
    ) throws -> Result {
        let kept = lock.withLock { idleWriters.popLast() }
        var connection = try kept.flatMap { $0.isUsable ? $0 : nil } ?? makeWriter()
        let answers: [(Foreseen, PostgresResult)]
        do {
            answers = try begin(connection, ahead)
        } catch  where kept != nil && !connection.isAlive {
            // The kept connection was cut while it was idle: nothing was asked of it yet.
            connection = try makeWriter()
            answers = try begin(connection, ahead)
        }
        defer { giveBack(writer: connection) }
        let session = PostgresSession(connection, foreseen: answers)
        defer { session.close() }
        let result: Result
        let rings: Bool
        do {
            result = try body(PostgresTransaction(session))
            try session.flush()
            // Other servers follow the journal: they are told with the commit.
            rings = lock.withLock { bell.isDue }
            if rings { try connection.send(Self.notice, [.text(address.channel)]) }
        } catch {
            session.discard()
            try? connection.endPipeline()
            if connection.isAlive { try? connection.run("ROLLBACK") }
            throw error
        }
        do {
            try connection.commit()
        } catch {
            guard !connection.isAlive else {
                try? connection.run("ROLLBACK")
                throw error
            }
            // Whoever doesn't hear the answer asks again what became of it, so that nothing is done twice.
            guard try isThereAfterAll(isThere) else { throw error }
        }
        if rings { lock.withLock { bell.rungAt = .now } } else { ringSoon() }
        connection.analyseGrown()
        return result
    }

    /// What became of a commit whose answer was lost: looked for in the store, once nobody is at it any more.
    ///
    /// - Throws: `cannotOpen` when the server doesn't come back; the journal of acts tells then.
    private func isThereAfterAll(_ isThere: (any SQLSession) throws -> Bool) throws -> Bool {
        var secondsWithout = 0
        while secondsWithout < Self.secondsToWait {
            do {
                // Holding the head means that the lost transaction has ended, one way or the other.
                let connection = try makeWriter()
                _ = try begin(connection, [])
                let session = PostgresSession(connection)
                defer { session.close() }
                let found = try isThere(session)
                try connection.endPipeline()
                try connection.run("ROLLBACK")
                return found
            } catch DatabaseFailure.locked {
                // Whoever else writes for long is waited for: to give up would be taken for “not saved”.
            } catch {
                secondsWithout += 1
                onWait?(secondsWithout)
                Thread.sleep(forTimeInterval: 1)
            }
        }
        throw DatabaseFailure.cannotOpen(
            path: address.shown,
            detail: "the answer to a commit was lost and the server didn't come back; the journal of acts tells")
    }

    /// The lock, and the end of the time that it may take: all else is waited for as long as it needs.
    private static let lockQuestion = """
        SELECT h.last_act, h.last_fact, h.last_hash, h.last_instant, set_config('lock_timeout', '0', true)
          FROM (SELECT last_act, last_fact, last_hash, last_instant FROM head WHERE id = 1 FOR UPDATE) h
        """

    /// Starts a transaction that holds the head, waiting for whoever holds it, and asks what is foreseen.
    private func begin(
        _ connection: PostgresConnection, _ ahead: [Foreseen]
    ) throws -> [(Foreseen, PostgresResult)] {
        let start: SQL = "BEGIN ISOLATION LEVEL READ COMMITTED"
        var knows = lock.withLock { knowsHead }
        if !knows {
            knows = try !connection.answer(to: "SELECT to_regclass('head')::text", []).isNull(0, 0)
            lock.withLock { knowsHead = knows }
        }
        guard knows else {
            // A schema is made: whoever else makes one is waited for.
            _ = try connection.begin([start, "SET LOCAL lock_timeout = 0"])
            return []
        }
        let questions = [start, SQL(Self.lockQuestion, [])] + ahead.map(\.question)
        for second in 0..<Self.secondsToWait {
            do {
                let answers = try connection.begin(questions)
                return [(.head, answers[1])] + zip(ahead, answers.dropFirst(2))
            } catch let failure as DatabaseFailure {
                guard connection.isAlive else { throw failure }
                try? connection.endPipeline()
                try connection.run("ROLLBACK")
                guard case .locked = failure else { throw failure }
                onWait?(second + 1)
            }
        }
        throw DatabaseFailure.locked(seconds: Self.secondsToWait)
    }

    package func read<Result>(_ body: (any SQLSession) throws -> Result) throws -> Result {
        let connection = try takeReader()
        defer { giveBack(connection) }
        // Nobody waits for the beginning, which goes with the first question, nor for the end.
        try connection.beginReading()
        let session = PostgresSession(connection, isReading: true)
        defer { session.close() }
        do {
            let result = try body(session)
            try connection.endReading()
            return result
        } catch {
            try? connection.endPipeline()
            if connection.isAlive { try? connection.run("ROLLBACK") }
            throw error
        }
    }

    /// Listens for commits of others; where that fails, the time passes, and whoever waits looks by itself.
    package func waitForChange(atMost seconds: Double) {
        lock.lock()
        let kept = listener
        listener = nil
        lock.unlock()
        do {
            let connection = try kept ?? PostgresConnection(address)
            if kept == nil {
                try connection.run("LISTEN \"\(address.channel)\"")
                // What was committed before it listened is looked for at once.
                lock.withLock { listener = connection }
                return
            }
            try connection.waitForNotice(atMost: seconds)
            lock.withLock { listener = connection }
        } catch {
            Thread.sleep(forTimeInterval: min(seconds, 1))
        }
    }

    private func takeReader() throws -> PostgresConnection {
        lock.lock()
        while readersOut >= mostReaders { lock.wait() }
        readersOut += 1
        let kept = idle.popLast()
        lock.unlock()
        if let kept, kept.isUsable { return kept }
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

    init(_ session: PostgresSession) { postgres = session }

    var session: any SQLSession { postgres }

    func savepoint<Result>(_ body: () throws -> Result) throws -> Result {
        try postgres.sendKept()
        postgres.beginSpan()
        do {
            let result = try body()
            try postgres.keepSpan()
            return result
        } catch let failure as DatabaseFailure where failure.endsTransaction {
            throw failure
        } catch {
            try postgres.undoSpan()
            throw error
        }
    }
}
