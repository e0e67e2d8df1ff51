internal import Database
internal import Foundation
package import Ledger
package import Receivables

/// Questions about people and their accounts.
package enum AccountQueries {
    package struct PersonRow: Sendable {
        package let key: String
        package let name: String
        package let roles: Set<Role>
        package let scope: DataScope
        /// Set by somebody; otherwise the scope follows the roles.
        package let isScopeSet: Bool
        package let manager: String?
        package let managerKey: String?
        /// Asked for, and waiting for management.
        package let pendingRoles: Set<Role>
        package let hasAccount: Bool
        package let isActive: Bool
        /// Invited, and the link not used yet.
        package let isInvited: Bool
        package let hasSecondFactor: Bool
        package let lastSeen: Instant?
        /// Another one with each change of roles, asked-for roles, scope or manager.
        package let version: Int64
    }

    package struct Invitation: Sendable {
        package let email: String
        package let name: String
    }

    package struct TokenRow: Sendable {
        package let id: Int64
        package let name: String
        package let scopes: [String]
        package let expiresAt: Instant
        package let isRevoked: Bool
    }

    package struct DelegationRow: Sendable {
        package let id: Int64
        package let person: String
        package let deputy: String
        /// The keys of both: two may have one name.
        package let keys: (person: String, deputy: String)
        package let from: LocalDate
        package let until: LocalDate
        package let reason: String
    }

    package struct SecurityRow: Sendable {
        /// Its number among all of the store.
        package let number: Int64
        package let instant: Instant
        package let kind: String
        package let person: String
        package let address: String
        package let detail: String
    }

    /// Whether anybody can sign in, or could with an invitation: a store without is being set up.
    package static func hasAny(in store: Store) throws -> Bool { try store.read { try hasAny($0) } }

    static func hasAny(_ session: any SQLSession) throws -> Bool {
        try session.row("SELECT 1 FROM account LIMIT 1") != nil
    }

    /// What an invitation says, as long as it works.
    package static func invitation(_ token: String, now: Instant, in store: Store) throws -> Invitation? {
        let digest = Secret.digest(token)
        return try store.read { session in
            guard let link = try AccountRepository.token(digest, in: session), link.kind == .invitation, !link.isEnded,
                link.expiresAt > now.microseconds,
                let row = try session.row(
                    "SELECT p.key, p.id FROM account a JOIN person p ON p.id = a.person WHERE a.id = \(link.account)")
            else { return nil }
            let names = try PersonNames(session)
            return Invitation(email: row.text(0), name: names[row.integer(1)] ?? row.text(0))
        }
    }

    /// People by name.
    ///
    /// - Parameter one: A key; `nil` for everybody.
    package static func people(in store: Store, now: Instant, only one: String? = nil) throws -> [PersonRow] {
        try store.read { session in
            let names = try PersonNames(session)
            let keys = try PersonKeys(session)
            var managers: [Int64: Int64] = [:]
            for row in try session.rows("SELECT person, manager FROM person_version ORDER BY person, n") {
                managers[row.integer(0)] = row.optionalInteger(1)
            }
            var pending: [Int64: Set<Role>] = [:]
            for row in try session.rows(
                """
                SELECT a.subject, a.content FROM approval a WHERE a.kind = \(Approval.Kind.roleGrant.rawValue)
                   AND NOT EXISTS (SELECT 1 FROM approval_decision d WHERE d.approval = a.id)
                """)
            {
                pending[row.integer(0), default: []].formUnion(
                    row.text(1).split(separator: " ").compactMap { Role.named(String($0)) })
            }
            return try session.rows(
                "SELECT id, key FROM person WHERE \(raw: one == nil ? "1 = 1 OR " : "")key = \(one ?? "") ORDER BY key"
            ).map { row in
                let person = row.integer(0)
                let account = try AccountRepository.account(of: person, in: session)
                let roles = try Viewer.roles(of: person, in: session)
                let set = try session.row(
                    "SELECT scope FROM data_scope WHERE person = \(person) ORDER BY n DESC LIMIT 1")?.integer(0)
                let invited = try account.flatMap { account in
                    try session.row(
                        """
                        SELECT 1 FROM access_token t LEFT JOIN access_token_end e ON e.access_token = t.id
                         WHERE t.account = \(account.id) AND t.kind = 1 AND e.id IS NULL
                           AND t.expires_at > \(now.microseconds) LIMIT 1
                        """)
                }
                let seen = try account.flatMap { account in
                    try session.row("SELECT max(seen_at) FROM session WHERE account = \(account.id)")?
                        .optionalInteger(0)
                }
                return PersonRow(
                    key: row.text(1), name: names[person] ?? row.text(1), roles: roles,
                    scope: set.flatMap(DataScope.init) ?? .usual(for: roles), isScopeSet: set != nil,
                    manager: managers[person].flatMap { names[$0] ?? keys[$0] },
                    managerKey: managers[person].flatMap { keys[$0] },
                    pendingRoles: (pending[person] ?? []).subtracting(roles), hasAccount: account != nil,
                    isActive: account?.isActive ?? false, isInvited: invited != nil,
                    hasSecondFactor: account?.secondFactorFact != nil,
                    lastSeen: seen.map { Instant(microseconds: $0) },
                    version: try AccountRepository.version(ofPerson: person, in: session))
            }
        }
    }

    package static func tokens(of viewer: Viewer, in store: Store) throws -> [TokenRow] {
        guard let person = viewer.person else { return [] }
        return try store.read { session in
            try session.rows(
                """
                SELECT t.id, t.name, t.scopes, t.expires_at, e.id FROM access_token t JOIN account a ON a.id = t.account
                  LEFT JOIN access_token_end e ON e.access_token = t.id
                 WHERE a.person = \(person) AND t.kind = 3 ORDER BY t.id DESC LIMIT 100
                """
            ).map { row in
                TokenRow(
                    id: row.integer(0), name: row.text(1), scopes: row.text(2).split(separator: " ").map(String.init),
                    expiresAt: Instant(microseconds: row.integer(3)), isRevoked: row.optionalInteger(4) != nil)
            }
        }
    }

    /// Who stands in for whom, now or later.
    package static func delegations(on day: LocalDate, in store: Store) throws -> [DelegationRow] {
        try store.read { session in
            let names = try PersonNames(session)
            return try session.rows(
                """
                SELECT d.id, d.person, d.deputy, d.from_day, d.until_day, d.reason, p.key, q.key FROM delegation d
                  JOIN person p ON p.id = d.person JOIN person q ON q.id = d.deputy
                  LEFT JOIN delegation_end e ON e.delegation = d.id
                 WHERE e.id IS NULL AND d.until_day >= \(day.dayNumber) ORDER BY d.from_day, d.id LIMIT 200
                """
            ).map { row in
                DelegationRow(
                    id: row.integer(0), person: names[row.integer(1)] ?? "", deputy: names[row.integer(2)] ?? "",
                    keys: (row.text(6), row.text(7)),
                    from: LocalDate(dayNumber: Int(row.integer(3))), until: LocalDate(dayNumber: Int(row.integer(4))),
                    reason: row.text(5))
            }
        }
    }

    /// Sign-ins and what was refused, newest first.
    ///
    /// - Parameter before: Only those with a lower number; `nil` begins with the newest.
    package static func securityEvents(before: Int64? = nil, limit: Int, in store: Store) throws -> [SecurityRow] {
        try store.read { session in
            try session.rows(
                """
                SELECT at, kind, person, address, detail, number FROM security_event WHERE number < \(before ?? .max)
                 ORDER BY number DESC LIMIT \(limit)
                """
            ).map { row in
                SecurityRow(
                    number: row.integer(5), instant: Instant(microseconds: row.integer(0)), kind: row.text(1),
                    person: row.text(2), address: row.text(3), detail: row.text(4))
            }
        }
    }
}

/// What people are called, by number: their name where it is known, else their e-mail.
struct PersonNames {
    private var names: [Int64: String] = [:]
    private var ids: [String: Int64] = [:]

    init(_ session: any SQLSession) throws {
        let personal = PersonalRepository(session: session, facts: nil)
        for row in try session.rows("SELECT id, key FROM person ORDER BY id") {
            names[row.integer(0)] = row.text(1)
            ids[row.text(1)] = row.integer(0)
        }
        let details = try session.rows("SELECT person, personal FROM person_detail ORDER BY person, n")
        for row in details {
            if let name = try personal.fields(row.integer(1))?.first, !name.isEmpty { names[row.integer(0)] = name }
        }
    }

    subscript(id: Int64?) -> String? { id.flatMap { names[$0] } }

    /// What an actor of the journal is called; what is no person's key stays as it is.
    func called(_ actor: String) -> String { self[ids[actor]] ?? actor }

    /// Everybody's key and name, by name.
    var all: [(key: String, name: String)] {
        ids.map { ($0.key, names[$0.value] ?? $0.key) }.sorted { ($0.name, $0.key) < ($1.name, $1.key) }
    }
}
