package import Database
internal import Foundation
package import Ledger
internal import OpenItems
internal import Receivables

/// A company's store: commands go in one at a time, questions are answered from snapshots.
package final class Store: Sendable {
    let engine: any DatabaseEngine
    private let writer: Writer
    package let path: String
    /// Where the picture of open items is kept between runs; `nil` keeps none.
    let imagePath: String?
    let picture: Picture
    let outlooks = OutlookKeeper()
    let rights = RightsWatch()
    private let chance: @Sendable (Int) -> [UInt8]

    /// Version of the program, as acts name it.
    package static let appVersion = "0.1.0"

    /// What became of a command.
    package struct Written<Outcome: Sendable>: Sendable {
        package let outcome: Outcome
        /// The act's number; `nil` when nothing changed and so nothing was recorded.
        package let act: Int64?
        /// Whether an earlier act with the same key gave this outcome.
        package let isReplay: Bool
    }

    /// Opens an existing store and brings its schema up to date.
    ///
    /// - Parameters:
    ///   - path: The store's name in its place: a file's path, or a server's address.
    ///   - clock: The time for the journal of acts.
    ///   - onWait: Called about once a second while another process holds the write lock.
    ///   - chance: Makes bytes for keys; `nil` asks the system. Only simulations, which repeat themselves, have another.
    /// - Throws: `DatabaseFailure`.
    package static func open(
        path: String, in place: any StorePlace = FilePlace(), clock: @escaping @Sendable () -> Instant,
        onWait: (@Sendable (Int) -> Void)? = nil, chance: (@Sendable (Int) -> [UInt8])? = nil
    ) throws -> Store {
        let engine = try place.open(path, onWait: onWait)
        let current = try engine.read { try Schema.migrator.current(in: $0) }
        guard current > 0 else { throw DatabaseFailure.notAStore(path: place.shown(path)) }
        if current != Schema.migrator.latest { try engine.write { try Schema.migrator.migrate($0.session) } }
        return Store(engine, path: path, clock: clock, chance: chance)
    }

    /// Makes a draft of a store with an empty schema, for `CreateCompany` to fill.
    static func create(
        _ path: String, in place: any StorePlace, clock: @escaping @Sendable () -> Instant,
        chance: (@Sendable (Int) -> [UInt8])?
    ) throws -> Store {
        let engine = try place.make(path)
        try engine.write { try Schema.migrator.migrate($0.session) }
        return Store(engine, path: path, clock: clock, chance: chance)
    }

    private init(
        _ engine: any DatabaseEngine, path: String, clock: @escaping @Sendable () -> Instant,
        chance: (@Sendable (Int) -> [UInt8])?
    ) {
        self.chance = chance ?? PersonalRepository.system
        self.engine = engine
        self.path = path
        imagePath = engine.file.map { $0 + ".openitems" }
        picture = Picture()
        writer = Writer(engine, clock: clock, watch: rights)
    }

    deinit { writer.close() }

    /// Runs a command in a transaction of its own and records its act.
    ///
    /// The closure is synchronous: it waits for nothing but the engine. Anything it throws leaves
    /// the store as it was. A command that appends no fact and has no key leaves no act either.
    package func write<Outcome: Codable & Sendable>(
        _ request: ActRequest, _ body: @escaping @Sendable (Books) throws -> Outcome
    ) async throws -> Written<Outcome> {
        try await write(request, foreseeing: [], body)
    }

    /// - Parameter foreseen: Questions that the closure will ask, so that a server is asked all at once.
    func write<Outcome: Codable & Sendable>(
        _ request: ActRequest, foreseeing foreseen: [Foreseen], _ body: @escaping @Sendable (Books) throws -> Outcome
    ) async throws -> Written<Outcome> {
        try await withCheckedThrowingContinuation { continuation in
            writer.submit(CommandJob(request, foreseen, body, chance, continuation))
        }
    }

    /// Answers a question from one snapshot of the store.
    package func read<Result>(_ body: (any SQLSession) throws -> Result) throws -> Result {
        try engine.read(body)
    }

    /// How the writer does just now.
    package var writing: WriterFigures { writer.look() }

    /// Tells of each act that this process records, once it is durable and before its command is answered.
    package func observeActs(_ observer: @escaping @Sendable (CommittedAct) -> Void) { writer.observe(observer) }

    /// Ends all work on the file: nothing can be read or written afterwards.
    package func close() throws {
        writer.close()
        try engine.close()
    }

    /// Waits until somebody may have recorded an act, at most so many seconds.
    package func waitForChange(atMost seconds: Double) { engine.waitForChange(atMost: seconds) }

    /// Brings the picture of open items up to the last act, so that the next answer needn't.
    package func keepUp() throws {
        try read { _ = try picture.current(in: $0, imagePath: imagePath) }
    }

    /// Moves what was committed from the write-ahead log into the file (after large imports).
    package func checkpoint() throws { try engine.checkpoint() }
}

/// An outcome of commands that come by the thousand: it writes itself, as `JSONEncoder` would, in a tenth of the time.
protocol StoredOutcome: Codable, Sendable {
    /// JSON, its members in alphabetical order.
    var storedText: String { get }
}

/// A command with its answer's address.
private final class CommandJob<Outcome: Codable & Sendable>: WriterJob {
    private let request: ActRequest
    let foreseen: [Foreseen]
    private let body: @Sendable (Books) throws -> Outcome
    private let chance: @Sendable (Int) -> [UInt8]
    private let continuation: CheckedContinuation<Store.Written<Outcome>, any Error>
    private var outcome: Outcome?
    private var replayedAct: Int64?
    private var refusal: (any Error)?
    private(set) var act: ActRecord?

    var command: String { request.command }
    var trace: String? { request.trace }
    var isRefused: Bool { refusal != nil }
    var scopeAndKey: (scope: String, key: String)? { request.key.map { (request.scope, $0) } }

    init(
        _ request: ActRequest, _ foreseen: [Foreseen], _ body: @escaping @Sendable (Books) throws -> Outcome,
        _ chance: @escaping @Sendable (Int) -> [UInt8],
        _ continuation: CheckedContinuation<Store.Written<Outcome>, any Error>
    ) {
        self.request = request
        self.foreseen = foreseen
        self.body = body
        self.chance = chance
        self.continuation = continuation
    }

    func perform(_ session: any SQLSession, _ memory: WriterMemory, lastFact: Int64) throws -> Int64 {
        (act, outcome, replayedAct, refusal) = (nil, nil, nil, nil)
        let books = Books(session, request, memory, lastFact: lastFact, chance: chance)
        // Also for what was done before: who has lost the right to ask isn't told either.
        if let belief = request.belief { try belief.prove(memory.rights(session)) }
        try books.needPermission()
        let inputHash = SHA256.hash(Array(request.command.utf8) + [0] + request.input)
        if let key = request.key,
            let earlier = try memory.earlier(scope: request.scope, key: key, session)
        {
            guard earlier.inputHash == inputHash else { throw Self.reused(key) }
            outcome = try JSONDecoder().decode(Outcome.self, from: Data(earlier.outcome.utf8))
            replayedAct = earlier.seq
            return lastFact
        }
        defer { memory.note(books.facts.kinds) }
        let result = try body(books)
        try books.finish()
        outcome = result
        guard books.facts.count > 0 || request.key != nil else { return lastFact }
        act = ActRecord(
            seq: 0, recordedAt: request.now, command: request.command, actor: request.actor.name,
            source: request.source, scope: request.scope, key: request.key, inputHash: inputHash,
            policyVersion: books.policyVersion, firstFact: books.facts.firstFact, factCount: books.facts.count,
            factsDigest: books.facts.finish(), outcome: try Self.text(of: result),
            appVersion: Store.appVersion, previousHash: [])
        return books.facts.lastFact
    }

    /// The outcome as the journal keeps it, in the members' alphabetical order.
    private static func text(of outcome: Outcome) throws -> String {
        if let quick = outcome as? any StoredOutcome { return quick.storedText }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(outcome), as: UTF8.self)
    }

    /// Before the caller's own key stands the form or kind of caller that it is for.
    private static func reused(_ key: String) -> Refusal {
        Refusal(.keyReused, ["key": .text(key.split(separator: " ").last.map(String.init) ?? key)])
    }

    func recorded(_ act: ActRecord) { self.act = act }

    /// What was undone leaves no act and no answer, also when the engine tells late that it didn't take it.
    func refuse(_ error: any Error) {
        refusal = error
        act = nil
        outcome = nil
    }

    func answer(_ failure: (any Error)?) {
        if let error = failure ?? refusal {
            continuation.resume(throwing: error)
        } else if let outcome {
            continuation.resume(
                returning: Store.Written(outcome: outcome, act: act?.seq ?? replayedAct, isReplay: replayedAct != nil))
        }
    }
}
