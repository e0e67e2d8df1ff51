internal import Database
internal import Foundation
package import Ledger
package import Receivables

/// Accounts of programs that act in nobody's name: an ERP's, a warehouse's (服务账号). They have roles and a data scope like
/// people, and tokens; nobody signs in with one.
///
/// Who makes its token would have its roles. So a token that a person makes waits for somebody of management, as roles
/// do.
package struct ServiceAccounts: Sendable {
    private let store: Store
    private let request: ActRequest

    package init(in store: Store, _ request: ActRequest) {
        self.store = store
        self.request = request
    }

    /// How the keys of service accounts begin; no person's does.
    package static let prefix = "service:"

    private static func key(_ name: String) throws(Refusal) -> String {
        let isGood =
            (2...40).contains(name.utf8.count)
            && name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
        guard isGood else { throw Refusal(.serviceName, ["name": .text(String(name.prefix(80)))]) }
        return prefix + name
    }

    /// Registers an account with roles, which wait for management as a person's do.
    ///
    /// - Throws: `Refusal` `service.name`, `role.exclusive`.
    package func add(_ name: String, roles: Set<Role>, scope: DataScope?) async throws -> Int64? {
        let key = try Self.key(name)
        return try await store.write(request) { books in
            guard try books.people.find(key) == nil else { throw Refusal(.serviceName, ["name": .text(name)]) }
            let person = try books.people.findOrRegister(key).rawValue
            _ = try books.accounts.findOrRegister(person: person)
            try books.accounts.setDetail(name, email: key, of: person)
            if let scope { try books.accounts.setScope(scope, of: person) }
            try books.approvals.giveOrProposeRoles(roles, of: person, held: [], in: books)
            return person
        }.act
    }

    /// A token of a service account, shown once; `nil` when the same was asked for before.
    ///
    /// - Returns: And whether it waits for somebody of management.
    /// - Throws: `Refusal` `service.unknown`, `token.no-scope`, `token.scope`.
    package func makeToken(
        of name: String, called label: String, scopes: Set<Permission>, days: Int
    ) async throws -> (link: AccountCommands.Link?, waits: Bool) {
        let key = Self.prefix + name
        let token = "hk_" + Secret.token()
        guard !scopes.isEmpty else { throw Refusal(.tokenNoScope) }
        let expiresAt = Instant(microseconds: request.now.microseconds + Int64(min(max(days, 1), 366)) * 86_400_000_000)
        let words = scopes.map(\.rawValue).sorted()
        let written = try await store.write(request) { books in
            guard let person = try books.people.find(key)?.rawValue,
                let account = try AccountRepository.account(of: person, in: books.session)
            else { throw Refusal(.serviceUnknown, ["name": .text(name)]) }
            let holder = try Viewer.load(.person(key: key), on: books.today, in: books.session)
            // Who holds the token would decide with it on what they asked for themselves.
            if let foreign = words.first(where: { word in
                Permission(rawValue: word).map { $0 == .decide || !holder.may($0) } ?? true
            }) {
                throw Refusal(.tokenScope, ["scope": .text(foreign)])
            }
            let id = try books.accounts.appendToken(
                .api, digest: Secret.digest(token), of: account.id, name: String(label.prefix(80)),
                scopes: words.joined(separator: " "), expiresAt: expiresAt)
            guard let asker = try books.viewer().person,
                try AccountRepository.wasEverHeld(.management, in: books.session)
            else { return false }
            _ = try books.approvals.propose(
                .serviceToken, about: id, nil, content: words.joined(separator: " "), by: asker, reason: label)
            return true
        }
        let link = written.isReplay ? nil : AccountCommands.Link(token: token, person: key, expiresAt: expiresAt)
        return (link, written.outcome)
    }

    /// Ends a token of a service account.
    ///
    /// - Throws: `Refusal` `link.invalid` for a token that is none of its.
    package func revoke(_ token: Int64, of name: String) async throws -> Int64? {
        try await store.write(request) { books in
            let row = try books.session.row(
                """
                SELECT p.key FROM access_token t JOIN account a ON a.id = t.account JOIN person p ON p.id = a.person
                 WHERE t.id = \(token) AND t.kind = \(AccountRepository.TokenKind.api.rawValue)
                """)
            guard let row, row.text(0) == Self.prefix + name else { throw Refusal(.linkInvalid) }
            try books.accounts.end(token: token, .revoked)
            return 1
        }.act
    }

    package struct Row: Sendable {
        package let name: String
        package let roles: Set<Role>
        package let pendingRoles: Set<Role>
        package let scope: DataScope
        package let isActive: Bool
        package let tokens: [TokenRow]
    }

    package struct TokenRow: Sendable {
        package let id: Int64
        package let name: String
        package let scopes: [String]
        package let expiresAt: Instant
        package let isRevoked: Bool
        /// Waits for somebody of management.
        package let waits: Bool
    }

    /// All service accounts by name, with their tokens, newest first.
    package static func all(in store: Store, now: Instant) throws -> [Row] {
        let people = try AccountQueries.people(in: store, now: now).filter { $0.key.hasPrefix(prefix) }
        return try store.read { session in
            try people.map { person in
                let tokens = try session.rows(
                    """
                    SELECT t.id, t.name, t.scopes, t.expires_at, e.id, (SELECT count(*) FROM approval v WHERE v.subject = t.id
                        AND v.kind = \(Approval.Kind.serviceToken.rawValue) AND NOT EXISTS
                        (SELECT 1 FROM approval_decision d WHERE d.approval = v.id))
                      FROM access_token t JOIN account a ON a.id = t.account JOIN person p ON p.id = a.person
                      LEFT JOIN access_token_end e ON e.access_token = t.id
                     WHERE p.key = \(person.key) AND t.kind = 3 ORDER BY t.id DESC LIMIT 50
                    """)
                return Row(
                    name: String(person.key.dropFirst(prefix.count)), roles: person.roles,
                    pendingRoles: person.pendingRoles, scope: person.scope, isActive: person.isActive,
                    tokens: tokens.map { row in
                        TokenRow(
                            id: row.integer(0), name: row.text(1),
                            scopes: row.text(2).split(separator: " ").map(String.init),
                            expiresAt: Instant(microseconds: row.integer(3)),
                            isRevoked: row.optionalInteger(4) != nil, waits: row.integer(5) > 0)
                    })
            }
        }
    }
}
