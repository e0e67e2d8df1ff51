internal import Database
internal import Ledger
internal import Receivables

/// What the writer remembers from one command to the next: who may what, the company, and which keys of a group were used
/// before. So a command of a busy program asks the store for little more than what it is about.
///
/// What anybody may is remembered until something changes that it depends on: another server's commands are seen with the
/// next group, as the journal then ends with an act that isn't this writer's.
final class WriterMemory {
    // Used by the writer's thread alone.

    /// An act that answered a key before.
    struct Earlier {
        let seq: Int64
        let inputHash: [UInt8]
        let outcome: String
    }

    private struct Known: Hashable {
        let actor: String
        let day: LocalDate
        let narrowedTo: Set<Permission>?
    }

    private let watch: RightsWatch
    /// As of the beginning of the group, once it was looked for.
    private var stamp: RightsStamp?
    private var head: [UInt8] = []
    /// What the things below were found as of.
    private var found: RightsStamp?
    private var viewers: [Known: Viewer] = [:]
    private var settings: CompanySettings?
    private var keys: [String: Earlier] = [:]
    private var knowsKeys = false
    /// Whose the facts of the group's commands are, which the journal has only at its end.
    private var registrars: [ActRepository.Registrar] = []

    init(_ watch: RightsWatch) { self.watch = watch }

    /// What a group of commands will ask: which of their keys were used before.
    ///
    /// - Parameter wanted: Scope and key of the commands that have one.
    func foreseen(_ wanted: [(scope: String, key: String)]) -> [Foreseen] {
        Self.questions(wanted).map { Foreseen($0.question, from: [Foreseen.Source("act")]) }
    }

    /// One question for each scope; in a few sizes alone, so that each is prepared once.
    private static func questions(_ wanted: [(scope: String, key: String)]) -> [(scope: String, question: SQL)] {
        Dictionary(grouping: wanted, by: \.scope).sorted { $0.key < $1.key }.map { scope, entries in
            let count = [1, 4, 16, 64].first { $0 >= entries.count } ?? entries.count
            let names = entries.map(\.key)
            let padded = names + [String](repeating: names[names.count - 1], count: count - names.count)
            // Key by key, so that no engine reads all acts of a scope instead, whatever it knows of the table.
            let places = (2...count + 1).map { "($\($0))" }.joined(separator: ", ")
            return (
                scope,
                SQL(
                    """
                    SELECT a.key, a.seq, a.input_hash, a.outcome FROM (VALUES \(places)) v
                      JOIN act a ON a.scope = $1 AND a.key = v.column1
                    """, [.text(scope)] + padded.map { .text($0) })
            )
        }
    }

    /// A group begins: others may have written meanwhile.
    ///
    /// - Parameters:
    ///   - wanted: As foreseen.
    ///   - head: As it stands.
    func begin(_ wanted: [(scope: String, key: String)], _ head: Head, _ session: any SQLSession) throws {
        stamp = nil
        self.head = head.lastHash
        keys = [:]
        knowsKeys = false
        registrars = []
        // Where each look-up waits for a server, all of a group are made at once.
        guard session.looksAhead else { return }
        knowsKeys = true
        for (scope, question) in Self.questions(wanted) {
            for row in try session.rows(question) {
                keys["\(scope)\u{0}\(row.text(0))"] = Earlier(
                    seq: row.integer(1), inputHash: row.blob(2), outcome: row.text(3))
            }
        }
    }

    /// The act that already answered a key.
    func earlier(scope: String, key: String, _ session: any SQLSession) throws -> Earlier? {
        if knowsKeys { return keys["\(scope)\u{0}\(key)"] }
        return try ActRepository(session: session).find(scope: scope, key: key).map {
            Earlier(seq: $0.seq, inputHash: $0.inputHash, outcome: $0.outcome)
        }
    }

    /// A command ended, whether it was done or undone: what it changed isn't known any more.
    func note(_ kinds: some Sequence<UInt16>) {
        guard kinds.contains(where: RightsStamp.kinds.contains) else { return }
        forget()
        // Within this transaction it is another one for each such command.
        head = []
    }

    /// A command of the group was done.
    func note(_ act: ActRecord) {
        guard act.factCount > 0 else { return }
        registrars.append(
            ActRepository.Registrar(
                facts: act.firstFact...act.firstFact + act.factCount - 1, actor: act.actor, source: act.source))
    }

    /// Who recorded a fact, also in this group.
    func registrar(ofFact fact: Int64, _ session: any SQLSession) throws -> ActRepository.Registrar? {
        try registrars.last { $0.facts.contains(fact) } ?? ActRepository(session: session).registrar(ofFact: fact)
    }

    /// A group was committed, with this act as its last one: where nothing of it changed, the stamp is as it was.
    func noteCommitted(_ hash: [UInt8]) {
        if let stamp, !head.isEmpty { watch.note(stamp, asOf: hash) }
    }

    func forget() {
        viewers = [:]
        settings = nil
        stamp = nil
        found = nil
    }

    /// Whoever acts, with what they may now.
    ///
    /// - Throws: `Refusal` `actor.unknown`, `account.disabled`.
    func viewer(_ request: ActRequest, _ session: any SQLSession) throws -> Viewer {
        try look(session)
        let key = Known(actor: request.actor.name, day: request.today, narrowedTo: request.narrowedTo)
        if let known = viewers[key] { return known }
        let viewer = try Viewer.load(request.actor, on: request.today, narrowedTo: request.narrowedTo, in: session)
        if viewers.count > 1_000 { viewers = [:] }
        viewers[key] = viewer
        return viewer
    }

    func company(_ session: any SQLSession) throws -> CompanySettings {
        try look(session)
        if let settings { return settings }
        let company = try CompanySettings.load(in: session)
        settings = company
        return company
    }

    /// The stamp as of now, in this transaction.
    func rights(_ session: any SQLSession) throws -> RightsStamp {
        if let stamp { return stamp }
        let now = try (head.isEmpty ? nil : watch.stamp(asOf: head)) ?? RightsStamp.load(session)
        stamp = now
        return now
    }

    /// Forgets what was found before something changed; looks once for each group.
    private func look(_ session: any SQLSession) throws {
        let now = try rights(session)
        guard now != found else { return }
        viewers = [:]
        settings = nil
        found = now
    }
}
