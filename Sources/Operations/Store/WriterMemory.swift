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

    private var stamp: [Int64]?
    private var isStampFresh = false
    private var viewers: [String: Viewer] = [:]
    private var settings: CompanySettings?
    private var keys: [String: Earlier] = [:]
    private var knowsKeys = false

    /// Facts of these kinds change who may what, or the company.
    private static let watched: Set<UInt16> = Set(
        [
            FactTable.settingVersion, .person, .personVersion, .roleGrant, .account, .accountEvent, .accessTokenEnd,
            .dataScope, .delegation, .delegationEnd, .approvalDecision,
        ].map(\.kind))

    /// A group begins: others may have written meanwhile.
    ///
    /// - Parameter wanted: Scope and key of the commands that have one.
    func begin(_ wanted: [(scope: String, key: String)], _ session: any SQLSession) throws {
        isStampFresh = false
        keys = [:]
        knowsKeys = false
        // Where each look-up waits for a server, all of a group are made at once.
        guard session.looksAhead, wanted.count > 1 else { return }
        knowsKeys = true
        let scopes = Dictionary(grouping: wanted, by: \.scope)
        for (scope, entries) in scopes.sorted(by: { $0.key < $1.key }) {
            // A few sizes alone, so that each is prepared once.
            let count = [4, 16, 64].first { $0 >= entries.count } ?? entries.count
            let names = entries.map(\.key)
            let padded = names + [String](repeating: names[names.count - 1], count: count - names.count)
            let places = (2...count + 1).map { "$\($0)" }.joined(separator: ", ")
            let rows = try session.rows(
                SQL(
                    "SELECT key, seq, input_hash, outcome FROM act WHERE scope = $1 AND key IN (\(places))",
                    [.text(scope)] + padded.map { .text($0) }))
            for row in rows {
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
        let narrowed = request.narrowedTo.map { $0.map(\.rawValue).sorted().joined(separator: " ") } ?? "-"
        let name = "\(request.actor.name)\u{0}\(request.today.dayNumber)\u{0}\(narrowed)"
        if let known = viewers[name] { return known }
        let viewer = try Viewer.load(request.actor, on: request.today, narrowedTo: request.narrowedTo, in: session)
        if viewers.count > 1_000 { viewers = [:] }
        viewers[name] = viewer
        return viewer
    }

    func company(_ session: any SQLSession) throws -> CompanySettings {
        try look(session)
        if let settings { return settings }
        let company = try CompanySettings.load(in: session)
        settings = company
        return company
    }

    /// Once for each group, whether anything changed.
    private func look(_ session: any SQLSession) throws {
        guard !isStampFresh else { return }
        let row = try session.row(
            """
            SELECT (SELECT max(id) FROM setting_version), (SELECT max(id) FROM person), (SELECT max(id) FROM person_version),
                (SELECT max(id) FROM role_grant), (SELECT max(id) FROM account_event), (SELECT max(id) FROM access_token_end),
                (SELECT max(id) FROM data_scope), (SELECT max(id) FROM delegation), (SELECT max(id) FROM delegation_end)
            """)
        let now = (0..<9).map { row?.optionalInteger($0) ?? 0 }
        if now != stamp { forget() }
        stamp = now
        isStampFresh = true
    }
}
