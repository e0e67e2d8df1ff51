import Database
import Foundation

/// What goes wrong in the middle of a write: at which statement of the transaction, counted from 1.
struct Fault: Sendable, CustomStringConvertible {
    enum Kind: String, CaseIterable, Sendable {
        /// Something throws that nobody thought of.
        case exception
        /// The engine can't go on.
        case failure
        /// The disk is full: on SQLite really so, for the pages that the store may have.
        case full
        /// The process is killed, and what it had written to files is what the next one finds.
        case kill
        /// The process is killed after the commit, before anybody is told.
        case killAfterCommit
        /// The commit is done, its answer is lost.
        case lostAnswer
    }

    let kind: Kind
    let statement: Int

    var description: String { "\(kind.rawValue) at statement \(statement)" }
}

/// Somebody's mistake in the middle of a transaction.
struct Mishap: Error {}

/// A place whose stores fail when they are told to.
final class FaultyPlace: StorePlace {
    private let place: any StorePlace
    let trap = Trap()

    init(_ place: any StorePlace) { self.place = place }

    func exists(_ name: String) throws -> Bool { try place.exists(name) }
    func shown(_ name: String) -> String { place.shown(name) }
    func open(_ name: String, onWait: (@Sendable (Int) -> Void)?) throws -> any DatabaseEngine {
        FaultyEngine(try place.open(name, onWait: onWait), trap)
    }
    func draft(of name: String) throws -> String { try place.draft(of: name) }
    func make(_ draft: String) throws -> any DatabaseEngine { FaultyEngine(try place.make(draft), trap) }
    func putInPlace(_ draft: String, as name: String) throws { try place.putInPlace(draft, as: name) }
    func discard(_ draft: String) { place.discard(draft) }
}

/// Holds the fault that waits for its statement, and counts commits.
final class Trap: @unchecked Sendable {
    // Everything is guarded by `lock`; sessions are used by one thread at a time.
    private let lock = NSLock()
    private var armed: Fault?
    private var statements = 0
    private var committed = 0
    private var hasSprung = false
    private var counts: [String: Int] = [:]

    /// Loses a change without a word, once: what the simulation must find.
    private var losesChange: Int?

    func arm(_ fault: Fault?) {
        lock.withLock {
            armed = fault
            statements = 0
            hasSprung = false
        }
    }

    func loseChange(_ number: Int?) { lock.withLock { losesChange = number } }

    /// Whether this change is to be lost.
    func loses(_ text: String) -> Bool {
        lock.withLock {
            guard let left = losesChange, text.hasPrefix("UPDATE item_balance") else { return false }
            losesChange = left > 1 ? left - 1 : nil
            return left <= 1
        }
    }

    /// The fault whose statement has come, once.
    func next() -> Fault.Kind? {
        lock.withLock {
            guard let fault = armed, !hasSprung else { return nil }
            statements += 1
            guard statements == fault.statement, fault.kind != .lostAnswer, fault.kind != .killAfterCommit else {
                return nil
            }
            hasSprung = true
            counts[fault.kind.rawValue, default: 0] += 1
            return fault.kind
        }
    }

    /// Called after a commit: the fault that comes then.
    func commit() -> Fault.Kind? {
        lock.withLock {
            committed += 1
            guard let fault = armed, !hasSprung, [.lostAnswer, .killAfterCommit].contains(fault.kind) else {
                return nil
            }
            hasSprung = true
            counts[fault.kind.rawValue, default: 0] += 1
            return fault.kind
        }
    }

    /// How often each kind of fault came.
    var sprung: [String: Int] { lock.withLock { counts } }

    var commits: Int { lock.withLock { committed } }
}

private final class FaultyEngine: DatabaseEngine {
    private let engine: any DatabaseEngine
    private let trap: Trap

    init(_ engine: any DatabaseEngine, _ trap: Trap) {
        self.engine = engine
        self.trap = trap
    }

    func waitForChange(atMost seconds: Double) { engine.waitForChange(atMost: seconds) }

    func write<Result>(
        ahead: [Foreseen], _ body: (any WriteTransaction) throws -> Result, isThere: (any SQLSession) throws -> Bool
    ) throws -> Result {
        let result = try engine.write(
            ahead: ahead,
            { transaction in
                if engine.file != nil {
                    _ = try transaction.session.rows(SQL(stringLiteral: "PRAGMA max_page_count = 1073741823"))
                }
                return try body(FaultyTransaction(transaction, engine.file, trap))
            }, isThere: isThere)
        switch trap.commit() {
        case .killAfterCommit?:
            FaultySession.keepFiles(engine.file)
            throw DatabaseFailure.cannotOpen(path: "", detail: "killed after the commit")
        case .lostAnswer?: throw DatabaseFailure.cannotOpen(path: "", detail: "the answer to the commit was lost")
        default: return result
        }
    }

    func read<Result>(_ body: (any SQLSession) throws -> Result) throws -> Result { try engine.read(body) }
    var file: String? { engine.file }
    func checkpoint() throws { try engine.checkpoint() }
    func close() throws { try engine.close() }
}

private final class FaultyTransaction: WriteTransaction {
    private let transaction: any WriteTransaction
    let session: any SQLSession

    init(_ transaction: any WriteTransaction, _ file: String?, _ trap: Trap) {
        self.transaction = transaction
        session = FaultySession(transaction.session, file, trap)
    }

    func savepoint<Result>(_ body: () throws -> Result) throws -> Result { try transaction.savepoint(body) }
}

/// Passes everything on, until the statement comes at which something goes wrong.
final class FaultySession: SQLSession {
    private let session: any SQLSession
    private let file: String?
    private let trap: Trap

    init(_ session: any SQLSession, _ file: String?, _ trap: Trap) {
        self.session = session
        self.file = file
        self.trap = trap
    }

    /// - Throws: What goes wrong now.
    fileprivate func count() throws {
        switch trap.next() {
        case nil, .lostAnswer?, .killAfterCommit?: return
        case .exception?: throw Mishap()
        case .failure?: try fail(DatabaseFailure.other(code: 10, detail: "the disk said no"))
        case .kill?:
            Self.keepFiles(file)
            try fail(DatabaseFailure.cannotOpen(path: file ?? "", detail: "killed"))
        case .full?:
            guard file != nil else { throw DatabaseFailure.full }
            // No page more than there are: the engine itself fails, at its next page or at the commit.
            let pages = try session.row(SQL(stringLiteral: "PRAGMA page_count"))?.integer(0) ?? 1
            _ = try session.rows(SQL(stringLiteral: "PRAGMA max_page_count = \(pages)"))
        }
    }

    /// On a server the connection is really cut; on a file the failure is told.
    private func fail(_ failure: DatabaseFailure) throws {
        if file == nil { _ = try session.rows("SELECT pg_terminate_backend(pg_backend_pid())") }
        throw failure
    }

    /// What a process that is killed now leaves in its files.
    static func keepFiles(_ file: String?) {
        guard let file else { return }
        for ending in ["", "-wal"] {
            try? FileManager.default.removeItem(atPath: "\(file).killed\(ending)")
            try? FileManager.default.copyItem(atPath: file + ending, toPath: "\(file).killed\(ending)")
        }
    }

    func execute(_ sql: SQL) throws -> Int {
        try count()
        return try session.execute(sql)
    }

    func run(_ sql: SQL) throws {
        try count()
        try session.run(sql)
    }

    func rows(_ sql: SQL) throws -> [SQLRow] {
        try count()
        return try session.rows(sql)
    }

    func statement(_ text: String) throws -> any SQLStatement {
        FaultyStatement(try session.statement(text), text, self, trap)
    }

    func scan(_ text: String) throws -> any SQLStatement { FaultyStatement(try session.scan(text), text, self, trap) }
    func tableNames() throws -> [String] { try session.tableNames() }
    func columnNames(of table: String) throws -> [String] { try session.columnNames(of: table) }
    var dialect: SQLDialect { session.dialect }
    var looksAhead: Bool { session.looksAhead }
}

private final class FaultyStatement: SQLStatement {
    private let statement: any SQLStatement
    private let text: String
    private let session: FaultySession
    private let trap: Trap
    private var isAtRow = false

    init(_ statement: any SQLStatement, _ text: String, _ session: FaultySession, _ trap: Trap) {
        self.statement = statement
        self.text = text
        self.session = session
        self.trap = trap
    }

    func run() throws -> Int {
        try session.count()
        return trap.loses(text) ? 1 : try statement.run()
    }

    func step() throws -> Bool {
        // A query counts once, whatever the number of its rows.
        if !isAtRow { try session.count() }
        isAtRow = try statement.step()
        return isAtRow
    }

    func reset() {
        isAtRow = false
        statement.reset()
    }

    func bind(_ position: Int, _ value: Int64) { statement.bind(position, value) }
    func bind(_ position: Int, text: String) { statement.bind(position, text: text) }
    func bind(_ position: Int, utf8 bytes: UnsafeBufferPointer<UInt8>) { statement.bind(position, utf8: bytes) }
    func bind(_ position: Int, blob: [UInt8]) { statement.bind(position, blob: blob) }
    func bindNull(_ position: Int) { statement.bindNull(position) }
    func integer(_ column: Int) -> Int64 { statement.integer(column) }
    func isNull(_ column: Int) -> Bool { statement.isNull(column) }
    func text(_ column: Int) -> String { statement.text(column) }
    func blob(_ column: Int) -> [UInt8] { statement.blob(column) }
    func value(_ column: Int) -> SQLValue { statement.value(column) }
    func withBytes<Result>(_ column: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result) rethrows -> Result {
        try statement.withBytes(column, body)
    }
}
