internal import Database
internal import Ledger

/// Reads and writes the journal of acts and its head.
struct ActRepository {
    let session: any SQLSession

    func head() throws -> Head {
        guard let row = try session.row(Foreseen.head.question) else {
            throw DatabaseFailure.corrupt(detail: "no head row")
        }
        return Head(
            lastAct: row.integer(0), lastFact: row.integer(1), lastHash: row.blob(2),
            lastInstant: Instant(microseconds: row.integer(3)))
    }

    func save(_ head: Head) throws {
        try session.run(
            """
            UPDATE head SET last_act = \(head.lastAct), last_fact = \(head.lastFact), last_hash = \(head.lastHash),
                last_instant = \(head.lastInstant.microseconds) WHERE id = 1
            """)
    }

    /// The act that already answered a key, with the hash of what it was asked for.
    func find(scope: String, key: String) throws -> (seq: Int64, inputHash: [UInt8], outcome: String)? {
        try session.row("SELECT seq, input_hash, outcome FROM act WHERE scope = \(scope) AND key = \(key)")
            .map { ($0.integer(0), $0.blob(1), $0.text(2)) }
    }

    /// Whether an act is in the journal, just as it was recorded.
    func holds(_ act: (act: Int64, hash: [UInt8])) throws -> Bool {
        try session.row("SELECT hash FROM act WHERE seq = \(act.act)")?.blob(0) == act.hash
    }

    private static let columns = [
        "seq", "recorded_at", "command", "actor", "source", "scope", "key", "input_hash", "policy_version",
        "first_fact",
        "fact_count", "facts_digest", "outcome", "app_version", "body", "previous_hash", "hash",
    ]
    private static let insertText: String = {
        let places = columns.indices.map { "$\($0 + 1)" }.joined(separator: ", ")
        return "INSERT INTO act (\(columns.joined(separator: ", "))) VALUES (\(places))"
    }()

    func append(_ act: ActRecord, body: [UInt8], hash: [UInt8]) throws {
        let values: [any SQLConvertible] = [
            act.seq, act.recordedAt.microseconds, act.command, act.actor, act.source, act.scope,
            act.key?.sqlValue ?? SQLValue.null, act.inputHash, act.policyVersion?.sqlValue ?? SQLValue.null,
            act.firstFact,
            act.factCount, act.factsDigest, act.outcome, act.appVersion, body, act.previousHash, hash,
        ]
        try session.run(SQL(Self.insertText, values.map(\.sqlValue)))
    }

    /// The act that recorded a fact. Acts own ranges of fact numbers that follow each other, so halving finds it.
    func act(ofFact fact: Int64) throws -> (seq: Int64, actor: String, source: String, instant: Instant)? {
        var low: Int64 = 1
        var high = try head().lastAct
        while low < high {
            let middle = (low + high + 1) / 2
            guard let first = try session.row("SELECT first_fact FROM act WHERE seq = \(middle)")?.integer(0) else {
                return nil
            }
            if first <= fact { low = middle } else { high = middle - 1 }
        }
        // An act without facts shares its first number with the next one, which is the one that is found.
        return try session.row("SELECT seq, actor, source, recorded_at FROM act WHERE seq = \(low)").map {
            ($0.integer(0), $0.text(1), $0.text(2), Instant(microseconds: $0.integer(3)))
        }
    }

    /// Who recorded a range of facts, and by what.
    struct Registrar {
        let facts: ClosedRange<Int64>
        let actor: String
        let source: String
    }

    /// Who recorded a fact; `nil` for one that no act in the journal has.
    func registrar(ofFact fact: Int64) throws -> Registrar? {
        guard let seq = try act(ofFact: fact)?.seq,
            let row = try session.row("SELECT first_fact, fact_count, actor, source FROM act WHERE seq = \(seq)"),
            row.integer(1) > 0
        else { return nil }
        let facts = row.integer(0)...row.integer(0) + row.integer(1) - 1
        return facts.contains(fact) ? Registrar(facts: facts, actor: row.text(2), source: row.text(3)) : nil
    }

    func instant(ofFact fact: Int64) throws -> Instant {
        try act(ofFact: fact)?.instant ?? Instant(microseconds: 0)
    }
}
