internal import Database
internal import Ledger
internal import Receivables

/// What the writer remembers from one command to the next: who may what, the company, and which keys of a group were used
/// before. So a command of a busy program asks the store for little more than what it is about.
///
/// What anybody may is remembered until something changes that it depends on: another server's commands are seen with the
/// next group, as each begins by looking at the numbers of the last facts.
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

    private var stamp: [Int64]?
    private var isStampFresh = false
    /// The last act that this writer recorded, when all before it is known.
    private var lastHash: [UInt8]?
    private var viewers: [Known: Viewer] = [:]
    private var settings: CompanySettings?
    private var keys: [String: Earlier] = [:]
    private var knowsKeys = false

    /// Facts of these kinds change who may what, or the company.
    private static let watched: Set<UInt16> = Set(
        [
            FactTable.settingVersion, .person, .personVersion, .roleGrant, .account, .accountEvent, .accessTokenEnd,
            .dataScope, .delegation, .delegationEnd, .approvalDecision,
        ].map(\.kind))

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
            let places = (2...count + 1).map { "$\($0)" }.joined(separator: ", ")
            return (
                scope,
                SQL(
                    "SELECT key, seq, input_hash, outcome FROM act WHERE scope = $1 AND key IN (\(places))",
                    [.text(scope)] + padded.map { .text($0) })
            )
        }
    }

    /// A group begins: others may have written meanwhile.
    ///
    /// - Parameters:
    ///   - wanted: As foreseen.
    ///   - head: As it stands: still as this writer left it, it says that nobody else wrote.
    func begin(_ wanted: [(scope: String, key: String)], _ head: Head, _ session: any SQLSession) throws {
        isStampFresh = stamp != nil && head.lastHash == lastHash
        keys = [:]
        knowsKeys = false
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
        if kinds.contains(where: Self.watched.contains) { forget() }
    }

    /// A group was committed, with this act as its last one. Where nobody looked, others may have written before it.
    func noteCommitted(_ hash: [UInt8]) { lastHash = isStampFresh ? hash : nil }

    func forget() {
        viewers = [:]
        settings = nil
        stamp = nil
        isStampFresh = false
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

    private static let watchedTables = [
        "setting_version", "person", "person_version", "role_grant", "account_event", "access_token_end", "data_scope",
        "delegation", "delegation_end",
    ]
    private static let stampQuestion = SQL(
        "SELECT " + watchedTables.map { "(SELECT max(id) FROM \($0))" }.joined(separator: ", "), [])

    /// Once for each group, whether anything changed.
    private func look(_ session: any SQLSession) throws {
        guard !isStampFresh else { return }
        let row = try session.row(Self.stampQuestion)
        let now = Self.watchedTables.indices.map { row?.optionalInteger($0) ?? 0 }
        if now != stamp { forget() }
        stamp = now
        isStampFresh = true
    }
}
