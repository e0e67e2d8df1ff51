internal import Database
internal import Foundation
package import Ledger
package import Receivables

/// Signing in by what a provider says (单点登录): who somebody is here, and which roles their groups there give.
package struct ExternalSignIn: Sendable {
    /// How the company's provider is believed.
    package struct Rules: Sendable {
        /// Roles by the provider's groups. Where there are any, they decide on the roles that they name: whoever leads the
        /// groups has agreed to them, and a group that is left takes its role away.
        package var roles: [String: Set<Role>]
        /// Takes e-mail addresses that the provider doesn't call verified, because it gives them itself.
        package var trustsEmails: Bool

        package init(roles: [String: Set<Role>] = [:], trustsEmails: Bool = false) {
            self.roles = roles
            self.trustsEmails = trustsEmails
        }

        func roles(of groups: Set<String>) -> Set<Role> {
            groups.reduce(into: []) { $0.formUnion(roles[$1] ?? []) }
        }
    }

    private let store: Store

    package init(in store: Store) { self.store = store }

    /// Finds the person whose claims these are, notes what is new of them, and gives them the roles of their groups.
    ///
    /// The first time somebody is known by a verified e-mail address; from then on by the provider's own name for them, so
    /// that an address that is given to somebody else opens nothing.
    ///
    /// - Returns: The person's key, for the session.
    /// - Throws: `Refusal` `provider.unknown-person`, `provider.email`, `account.disabled`, `role.exclusive`.
    package func person(_ claims: IdentityClaims, _ rules: Rules, now: Instant, today: LocalDate) async throws -> String
    {
        let subject = Secret.digest(claims.subject)
        let mapped = rules.roles(of: claims.groups)
        let request = ActRequest(
            command: "sign-in-provider", actor: .systemSignIn, source: "web", now: now, today: today)
        return try await store.write(request) { books in
            let (key, person) = try Self.find(claims, subject, rules, mapped, books)
            guard let account = try AccountRepository.account(of: person, in: books.session) else {
                throw Refusal(.providerUnknownPerson, ["email": .text(claims.email)])
            }
            guard account.isActive else { throw Refusal(.accountDisabled, ["person": .text(key)]) }
            if !rules.roles.isEmpty { try Self.setRoles(mapped, rules, of: person, books) }
            return key
        }.outcome
    }

    private static func find(
        _ claims: IdentityClaims, _ subject: [UInt8], _ rules: Rules, _ mapped: Set<Role>, _ books: Books
    ) throws -> (key: String, person: Int64) {
        let known = try books.session.row(
            """
            SELECT p.key, p.id FROM external_identity x JOIN account a ON a.id = x.account
              JOIN person p ON p.id = a.person WHERE x.issuer = \(claims.issuer) AND x.subject = \(subject)
            """)
        if let known { return (known.text(0), known.integer(1)) }
        guard claims.email.contains("@"), claims.email.utf8.count <= 200,
            claims.isEmailVerified || rules.trustsEmails
        else { throw Refusal(.providerEmail) }
        let account: AccountRepository.Account
        if let person = try books.people.find(claims.email)?.rawValue,
            let found = try AccountRepository.account(of: person, in: books.session)
        {
            // An address that somebody else came with before isn't theirs alone.
            let other = try books.session.row(
                "SELECT 1 FROM external_identity WHERE account = \(found.id) AND issuer = \(claims.issuer)")
            guard other == nil else { throw Refusal(.providerUnknownPerson, ["email": .text(claims.email)]) }
            account = found
        } else {
            guard !mapped.isEmpty else { throw Refusal(.providerUnknownPerson, ["email": .text(claims.email)]) }
            let person = try books.people.findOrRegister(claims.email).rawValue
            account = try books.accounts.findOrRegister(person: person)
            try books.accounts.setDetail(
                claims.name.isEmpty ? claims.email : String(claims.name.prefix(120)), email: claims.email, of: person)
        }
        try books.facts.append(.externalIdentity) { row in
            row.integer(account.id)
            row.text(claims.issuer)
            row.blob(subject)
        }
        return (claims.email, account.person)
    }

    private static func setRoles(
        _ mapped: Set<Role>, _ rules: Rules, of person: Int64, _ books: Books
    ) throws {
        let managed = rules.roles.values.reduce(into: Set<Role>()) { $0.formUnion($1) }
        let held = try Viewer.roles(of: person, in: books.session)
        let gone = held.intersection(managed).subtracting(mapped)
        let all = held.subtracting(gone).union(mapped)
        for lonely in [Role.auditor, .admin] where all.contains(lonely) && all.count > 1 {
            throw Refusal(.roleExclusive, ["role": .text(lonely.name)])
        }
        for role in gone.sorted(by: { $0.rawValue < $1.rawValue }) {
            try books.people.grant(role, to: ID(person), false)
        }
        for role in mapped.subtracting(held).sorted(by: { $0.rawValue < $1.rawValue }) {
            try books.people.grant(role, to: ID(person), true)
        }
    }
}
