internal import Database
internal import Foundation
internal import Ledger
internal import Receivables

/// The one writer of a store: a thread that commits waiting commands in groups.
///
/// Commands run one after the other, each in a savepoint of one transaction, so that one `fsync`
/// makes many acts durable. A refused command is undone alone; a failure of the engine is the answer
/// to the whole group. Whoever waits may go away: the group commits all the same.
final class Writer: @unchecked Sendable {
    // `waiting`, `wanted`, `isClosed`, `figures` and `observer` are guarded by `condition`; everything else is used by the
    // thread alone.

    /// PostgreSQL slows beyond 64 subtransactions.
    private static let largestGroup = 64

    private let engine: any DatabaseEngine
    private let clock: @Sendable () -> Instant
    private let condition = SteadyCondition()
    private var waiting: [Waiting] = []
    /// How many have to wait before the thread is woken.
    private var wanted = 1
    private var figures = WriterFigures()
    private var observer: (@Sendable (CommittedAct) -> Void)?
    private let memory: WriterMemory
    private var isClosed = false

    private typealias Waiting = (job: any WriterJob, since: ContinuousClock.Instant)

    init(_ engine: any DatabaseEngine, clock: @escaping @Sendable () -> Instant, watch: RightsWatch) {
        self.engine = engine
        self.clock = clock
        memory = WriterMemory(watch)
        let thread = Thread { [self] in loop() }
        thread.name = "huikuan.writer"
        thread.stackSize = 8 << 20
        thread.start()
    }

    func submit(_ job: any WriterJob) {
        let since = ContinuousClock.now
        condition.withLock {
            waiting.append((job, since))
            if waiting.count >= wanted { condition.signal() }
        }
    }

    func close() {
        condition.withLock {
            isClosed = true
            condition.signal()
        }
    }

    /// How it does just now.
    func look() -> WriterFigures {
        condition.withLock {
            var figures = figures
            figures.waiting = waiting.count
            return figures
        }
    }

    /// Tells of each act once it is durable, before its command is answered.
    func observe(_ observer: @escaping @Sendable (CommittedAct) -> Void) {
        condition.withLock { self.observer = observer }
    }

    private func loop() {
        while let group = condition.withLock({ nextGroup() }) {
            let begun = ContinuousClock.now
            commit(group)
            took = ContinuousClock.now - begun
        }
    }

    /// How long the last group took, and how many it was together with those that waited when it was answered.
    private var took = Duration.zero
    private var expected = 0

    /// Under the lock.
    private func nextGroup() -> [Waiting]? {
        while waiting.isEmpty {
            if isClosed { return nil }
            condition.wait()
        }
        gather()
        // Two commands with one key go one after the other, so that the second finds the first's answer.
        var keys: Set<String> = []
        let group = Array(
            waiting.prefix(Self.largestGroup).prefix { next in
                next.job.scopeAndKey.map { keys.insert("\($0.scope)\u{0}\($0.key)").inserted } ?? true
            })
        waiting.removeFirst(group.count)
        return group
    }

    /// Waits a moment for those who were just answered, who often ask again at once: without, they and those who came
    /// meanwhile would stay two groups that take turns, each with a sync of its own.
    ///
    /// In vain nobody waits longer than a sixteenth of what the last group took, and 2 ms at most.
    private func gather() {
        wanted = min(expected, Self.largestGroup)
        defer { wanted = 1 }
        guard waiting.count < wanted else { return }
        let end = SteadyCondition.deadline(in: min(took / 16, .milliseconds(2)))
        while waiting.count < wanted, !isClosed, condition.wait(until: end) {}
    }

    private func commit(_ waited: [Waiting]) {
        let group = waited.map(\.job)
        var last: (act: Int64, hash: [UInt8])?
        let foreseen = memory.foreseen(group.compactMap(\.scopeAndKey)) + group.flatMap(\.foreseen)
        do {
            try engine.write(
                ahead: foreseen,
                { last = try perform(group, $0) },
                // Where nothing was recorded, there is nothing to be there.
                isThere: { session in try last.map { try ActRepository(session: session).holds($0) } ?? true })
            if let last { memory.noteCommitted(last.hash) }
            note(waited)
            for job in group { job.answer(nil) }
        } catch DatabaseFailure.constraint where group.count > 1 {
            // A server may tell of what one command wrote only after others went on: each shows by itself whose it was.
            memory.forget()
            for one in waited { commit([one]) }
        } catch {
            // What was learnt in a transaction that was undone may never have been so.
            memory.forget()
            note(waited, failure: error)
            for job in group { job.answer(error) }
        }
    }

    private func note(_ group: [Waiting], failure: (any Error)? = nil) {
        let now = ContinuousClock.now
        let isRefusal = failure is Refusal || (failure as? DatabaseFailure)?.endsTransaction == false
        let acts = failure != nil ? [] : group.compactMap { $0.job.act == nil ? nil : $0.job }
        let observer = condition.withLock {
            expected = group.count + waiting.count
            if failure == nil { figures.groups += 1 }
            figures.acts += acts.count
            // Alone, a refused command undoes its transaction; a failure of the engine is no refusal.
            figures.refused += isRefusal ? group.count : group.count { $0.job.isRefused }
            for one in group {
                let passed = (now - one.since).components
                figures.note(Double(passed.seconds) + Double(passed.attoseconds) / 1e18)
            }
            return self.observer
        }
        guard let observer else { return }
        for job in acts {
            if let act = job.act { observer(CommittedAct(number: act.seq, command: act.command, trace: job.trace)) }
        }
    }

    /// Runs the commands of a group, one after the other, and records their acts.
    ///
    /// - Returns: The last act that was recorded.
    private func perform(
        _ group: [any WriterJob], _ transaction: any WriteTransaction
    ) throws -> (act: Int64, hash: [UInt8])? {
        let long = group.first { WriterNote.isWorthIt($0.command) }?.command
        let noted = long == nil ? nil : engine.file
        if let long, let noted { WriterNote.leave(long, store: noted) }
        defer { if let noted { WriterNote.remove(store: noted) } }
        let acts = ActRepository(session: transaction.session)
        var head = try acts.head()
        let before = head
        try memory.begin(group.compactMap(\.scopeAndKey), head, transaction.session)
        for job in group {
            do {
                // Alone, a command is undone with its transaction: no savepoint has to be kept.
                head.lastFact =
                    group.count == 1
                    ? try job.perform(transaction.session, memory, lastFact: head.lastFact)
                    : try transaction.savepoint {
                        try job.perform(transaction.session, memory, lastFact: head.lastFact)
                    }
                if let act = job.act { memory.note(act) }
            } catch let failure as DatabaseFailure where failure.endsTransaction {
                throw failure
            } catch {
                if group.count == 1 { throw error }
                job.refuse(error)
            }
        }
        try record(group, acts, &head)
        if head != before { try acts.save(head) }
        return head.lastAct == before.lastAct ? nil : (head.lastAct, head.lastHash)
    }

    /// Gives each act its number, instant and hash. The clock is read here, last before the commit, so
    /// that whoever reads "known at" an instant sees all that was committed by then.
    private func record(_ group: [any WriterJob], _ acts: ActRepository, _ head: inout Head) throws {
        for job in group {
            guard var act = job.act else { continue }
            let now = clock()
            act.seq = head.lastAct + 1
            act.recordedAt = max(now, Instant(microseconds: head.lastInstant.microseconds + 1))
            act.previousHash = head.lastHash
            let body = act.body
            let hash = ActRecord.hash(previous: head.lastHash, body: body)
            try acts.append(act, body: body, hash: hash)
            head.lastAct = act.seq
            head.lastHash = hash
            head.lastInstant = act.recordedAt
            job.recorded(act)
        }
    }
}

/// One command waiting for the writer.
protocol WriterJob: AnyObject {
    var command: String { get }
    /// The number of the request that it came with.
    var trace: String? { get }
    var isRefused: Bool { get }
    /// Scope and idempotency key, where there is one.
    var scopeAndKey: (scope: String, key: String)? { get }
    /// Questions that the command will ask of the store.
    var foreseen: [Foreseen] { get }
    /// Runs the command, from its beginning, and returns the number of the last fact.
    func perform(_ session: any SQLSession, _ memory: WriterMemory, lastFact: Int64) throws -> Int64
    /// The act to be recorded, or `nil` when nothing came of the command.
    var act: ActRecord? { get }
    func recorded(_ act: ActRecord)
    /// The command alone is refused; its group goes on.
    func refuse(_ error: any Error)
    /// After the commit, or with what failed for all.
    func answer(_ failure: (any Error)?)
}
