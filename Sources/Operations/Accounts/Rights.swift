internal import Database
internal import Foundation

/// The last facts of everything that decides who may what, and of the company's settings: while they are the same, nobody
/// may more or less than before.
struct RightsStamp: Hashable, Sendable {
    private let facts: [Int64]

    static let none = RightsStamp(facts: [])

    /// Tables whose facts change who may what.
    static let tables: [FactTable] = [
        .settingVersion, .person, .personVersion, .roleGrant, .account, .accountEvent, .accessTokenEnd, .dataScope,
        .delegation, .delegationEnd, .approvalDecision, .externalIdentity,
    ]
    static let kinds = Set(tables.map(\.kind))

    private static let question = SQL(
        "SELECT " + tables.map { "(SELECT max(id) FROM \($0.name))" }.joined(separator: ", "), [])

    static func load(_ session: any SQLSession) throws -> RightsStamp {
        let row = try session.row(question)
        return RightsStamp(facts: tables.indices.map { row?.optionalInteger($0) ?? 0 })
    }
}

/// Remembers the stamp of the journal's last act, so that it is looked for once after each act of another server, and not
/// at all after our own.
final class RightsWatch: @unchecked Sendable {
    // Guarded by `lock`.
    private let lock = NSLock()
    private var last: (hash: [UInt8], stamp: RightsStamp)?

    /// The stamp as of an act, where it is known.
    func stamp(asOf hash: [UInt8]) -> RightsStamp? {
        lock.withLock { last?.hash == hash ? last?.stamp : nil }
    }

    func note(_ stamp: RightsStamp, asOf hash: [UInt8]) { lock.withLock { last = (hash, stamp) } }

    /// The stamp of a snapshot.
    func stamp(_ session: any SQLSession) throws -> RightsStamp {
        let hash = try session.row("SELECT last_hash FROM head WHERE id = 1")?.blob(0) ?? []
        if let known = stamp(asOf: hash) { return known }
        let found = try RightsStamp.load(session)
        note(found, asOf: hash)
        return found
    }
}

/// What somebody may as it was found for an earlier request, and wasn't asked for again.
///
/// The writer proves it in the transaction of a command, where it has to look anyway. Nobody gets an answer that rests on
/// a belief that was never proven: whoever answers asks then.
package final class Belief: @unchecked Sendable {
    // Guarded by `lock`.
    private let lock = NSLock()
    private var wasProven = false
    private let stamp: RightsStamp

    /// - Parameter holder: As it was last found.
    package init(in holder: AccessTokens.Holder) { stamp = holder.stamp }

    /// Whether a command's transaction found that nothing changed since.
    package var isProven: Bool { lock.withLock { wasProven } }

    /// Whether somebody who was asked for since may what was believed.
    package func isStill(_ holder: AccessTokens.Holder) -> Bool { holder.stamp == stamp }

    /// - Throws: `BeliefBroken` when something changed since.
    func prove(_ now: RightsStamp) throws {
        // A transaction that is undone may be done again later, when things have changed.
        lock.withLock { wasProven = now == stamp }
        guard now == stamp else { throw BeliefBroken() }
    }
}

/// Rights changed since they were found: to be asked for again. Nothing was done.
package struct BeliefBroken: Error {}
