internal import Database
internal import Foundation
package import Ledger
package import Receivables

/// What happens to people's accounts: invited, given a password, secured, lent, closed.
package struct AccountCommands: Sendable {
    private let store: Store
    private let request: ActRequest

    package init(in store: Store, _ request: ActRequest) {
        self.store = store
        self.request = request
    }

    /// A link that works once, to be handed over by the one who asked for it; only its hash is kept.
    package struct Link: Sendable {
        package let token: String
        package let person: String
        package let expiresAt: Instant
    }

    /// Registers a person with a name and, as far as nobody has to agree, roles; and makes an invitation.
    ///
    /// Roles given by a person wait for somebody of management (spec 00), except while nobody of management can sign in.
    /// An invitation made again ends the one before.
    ///
    /// - Returns: `nil` when the same was asked for before: its link was shown then.
    ///
    /// - Throws: `Refusal` `person.not-an-email`, `role.exclusive`, `account.active`.
    package func invite(
        _ email: String, name: String, roles: Set<Role>, days: Int = 7
    ) async throws -> Link? {
        let token = Secret.token()
        let expiresAt = Instant(microseconds: request.now.microseconds + Int64(days) * 86_400_000_000)
        let key = email.trimmingCharacters(in: .whitespaces).lowercased()
        guard key.contains("@"), key.count >= 3, key.count <= 200, !key.contains(where: \.isWhitespace) else {
            throw Refusal(.personNotAnEmail, ["value": .text(email)])
        }
        let written = try await store.write(request) { books in
            let person = try books.people.findOrRegister(key).rawValue
            var account = try books.accounts.findOrRegister(person: person)
            // A new password for somebody who had one would make whoever invites them into them.
            guard account.passwordFact == nil, account.secondFactorFact == nil else {
                throw Refusal(.accountActive, ["person": .text(key)])
            }
            if !account.isActive { try books.accounts.append(.enabled, to: &account) }
            try books.accounts.setDetail(name.isEmpty ? key : name, email: key, of: person)
            let held = try Viewer.roles(of: person, in: books.session)
            try books.approvals.giveOrProposeRoles(roles, of: person, held: held, in: books)
            try books.accounts.endTokens(of: account.id, .invitation)
            try books.accounts.appendToken(
                .invitation, digest: Secret.digest(token), of: account.id, expiresAt: expiresAt)
            return 1
        }
        return written.isReplay ? nil : Link(token: token, person: key, expiresAt: expiresAt)
    }

    /// The first person of a store, who has the set-up link: administrator, with a password of their own.
    ///
    /// - Throws: `Refusal` `account.not-first`, `person.not-an-email`, and those of passwords.
    package func setUp(_ email: String, name: String, password: String) async throws {
        let key = try Self.check(newAccount: email, name: name, password: password)
        let hash = Password.hash(password)
        _ = try await store.write(request) { books in
            guard try !AccountQueries.hasAny(books.session) else { throw Refusal(.accountNotFirst) }
            let person = try books.people.findOrRegister(key)
            var account = try books.accounts.findOrRegister(person: person.rawValue)
            try books.accounts.setDetail(name.isEmpty ? key : name, email: key, of: person.rawValue)
            try books.people.grant(.admin, to: person, true)
            try books.accounts.append(.password, hash, to: &account)
            return 1
        }
    }

    /// What is asked of a new account, before anything is made for it.
    ///
    /// - Returns: The e-mail as it is kept.
    /// - Throws: `Refusal` `person.not-an-email` and those of passwords.
    @discardableResult
    package static func check(newAccount email: String, name: String, password: String) throws -> String {
        let key = email.trimmingCharacters(in: .whitespaces).lowercased()
        guard key.contains("@"), key.count <= 200, !key.contains(where: \.isWhitespace) else {
            throw Refusal(.personNotAnEmail, ["value": .text(email)])
        }
        try check(password, knowing: [name] + key.split(whereSeparator: { "@.".contains($0) }).map(String.init))
        return key
    }

    /// Gives a person a name and an account without a password: they come by a link.
    package func register(_ key: String, name: String) async throws {
        _ = try await store.write(request) { books in
            let person = try books.people.findOrRegister(key).rawValue
            _ = try books.accounts.findOrRegister(person: person)
            try books.accounts.setDetail(name, email: key, of: person)
            return 1
        }
    }

    /// A link that signs a person in once, without a password: for whoever has the machine (a lost second factor, the
    /// sample company).
    package func signInLink(for key: String, minutes: Int = 30) async throws -> Link {
        guard case .operatorOfSystem = request.actor else {
            throw Refusal(.accessDenied, ["permission": .text(request.command), "roles": .text("-")])
        }
        let token = Secret.token()
        let expiresAt = Instant(microseconds: request.now.microseconds + Int64(minutes) * 60_000_000)
        _ = try await store.write(request) { books in
            let account = try Self.account(of: key, orRegister: true, books)
            guard account.isActive else { throw Refusal(.accountDisabled, ["person": .text(key)]) }
            try books.accounts.endTokens(of: account.id, .signIn)
            try books.accounts.appendToken(.signIn, digest: Secret.digest(token), of: account.id, expiresAt: expiresAt)
            return 1
        }
        return Link(token: token, person: key, expiresAt: expiresAt)
    }

    /// Gives a person a password by the command line; they change it when they sign in.
    package func setInitialPassword(_ password: String, of key: String, name: String = "") async throws {
        guard case .operatorOfSystem = request.actor else {
            throw Refusal(.accessDenied, ["permission": .text(request.command), "roles": .text("-")])
        }
        try Self.check(password, knowing: [key])
        let hash = Password.hash(password)
        _ = try await store.write(request) { books in
            var account = try Self.account(of: key, orRegister: true, books)
            if !name.isEmpty { try books.accounts.setDetail(name, email: key, of: account.person) }
            try books.accounts.append(.initialPassword, hash, to: &account)
            try books.session.execute("DELETE FROM session WHERE account = \(account.id)")
            return 1
        }
    }

    /// Takes an invitation: the person's own password, and the link is used up.
    ///
    /// - Throws: `Refusal` `link.invalid` and those of passwords.
    package func accept(_ token: String, password: String) async throws -> String {
        let digest = Secret.digest(token)
        guard let invited = try AccountQueries.invitation(token, now: request.now, in: store) else {
            throw Refusal(.linkInvalid)
        }
        try Self.check(
            password,
            knowing: [invited.name] + invited.email.split(whereSeparator: { "@.".contains($0) }).map(String.init))
        let hash = try await Password.hashed(password)
        return try await store.write(request) { [request] books in
            guard let link = try AccountRepository.token(digest, in: books.session), link.kind == .invitation,
                !link.isEnded, link.expiresAt > request.now.microseconds,
                let row = try books.session.row(
                    "SELECT a.person, p.key FROM account a JOIN person p ON p.id = a.person WHERE a.id = \(link.account)"
                ),
                var account = try AccountRepository.account(of: row.integer(0), in: books.session), account.isActive,
                account.passwordFact == nil, account.secondFactorFact == nil
            else { throw Refusal(.linkInvalid) }
            try books.accounts.append(.password, hash, to: &account)
            try books.accounts.end(token: link.id, .used)
            return row.text(1)
        }.outcome
    }

    /// Changes the password of the one who acts; all other sessions of theirs end.
    ///
    /// - Throws: `Refusal` `password.wrong`, `sign-in.locked` and those of new passwords.
    package func changePassword(from old: String, to new: String) async throws {
        let key = request.actor.name
        try Self.check(new, knowing: key.split(whereSeparator: { "@.".contains($0) }).map(String.init))
        let known = try store.read { session -> String? in
            guard let account = try Self.account(of: key, session), let fact = account.passwordFact else { return nil }
            return try PersonalRepository(session: session, facts: nil).fields(fact)?.first
        }
        // Who came by a link has no password yet.
        if let known {
            try countTry()
            guard try await Password.isMatch(old, known) else { throw Refusal(.passwordWrong) }
            if try await Password.isMatch(new, known) { throw Refusal(.passwordSame) }
        }
        let hash = try await Password.hashed(new)
        _ = try await store.write(request) { books in
            var account = try Self.account(of: key, orRegister: false, books)
            try Attempts.forget(tries, books.session)
            try books.accounts.append(.password, hash, to: &account)
            // Whoever had the old password may also have made links and tokens with it.
            for kind in [AccountRepository.TokenKind.signIn, .api] {
                try books.accounts.endTokens(of: account.id, kind)
            }
            return 1
        }
    }

    /// Turns the second factor on, once a code of the new secret was given; or off, with a code of the present one.
    ///
    /// - Throws: `Refusal` `code.wrong`, `sign-in.locked`.
    package func setSecondFactor(_ secret: String?, code: String) async throws {
        let key = request.actor.name
        let present = try store.read { session -> String? in
            guard let fact = try Self.account(of: key, session)?.secondFactorFact else { return nil }
            return try PersonalRepository(session: session, facts: nil).fields(fact)?.first
        }
        if present != nil { try countTry() }
        _ = try await store.write(request) { [request] books in
            var account = try Self.account(of: key, orRegister: false, books)
            if let asked = present ?? secret {
                let bytes = OneTimeCode.bytes(ofBase32: asked)
                // A code that signed somebody in has done its work.
                let last = try Preferences.all(of: account.person, books.session)["second-factor-step"]
                guard bytes.count >= 16,
                    let step = OneTimeCode.step(
                        of: code.filter(\.isNumber), bytes, seconds: request.now.microseconds / 1_000_000,
                        after: present == nil ? 0 : last.flatMap { Int64($0) } ?? 0)
                else { throw Refusal(.codeWrong) }
                try Preferences.set("second-factor-step", "\(step)", of: account.person, books.session)
            }
            try Attempts.forget(tries, books.session)
            try books.accounts.append(secret == nil ? .withoutSecondFactor : .secondFactor, secret, to: &account)
            return 1
        }
    }

    /// Takes somebody's second factor away: for whoever has the machine, when the telephone is lost.
    ///
    /// Sessions and links end with it.
    /// - Throws: `Refusal` `access.denied`, `actor.unknown`, `account.unknown-person`.
    package func removeSecondFactor(of key: String) async throws {
        guard case .operatorOfSystem = request.actor else {
            throw Refusal(.accessDenied, ["permission": .text(request.command), "roles": .text("-")])
        }
        _ = try await store.write(request) { books in
            var account = try Self.account(of: key, orRegister: false, books)
            guard account.secondFactorFact != nil else { return 0 }
            try books.accounts.append(.withoutSecondFactor, nil, to: &account)
            try books.accounts.endTokens(of: account.id, .signIn)
            try books.session.execute("DELETE FROM session WHERE account = \(account.id)")
            return 1
        }
    }

    private var tries: Attempts.Subject {
        Attempts.Subject("own:\(request.actor.name)", most: SignIn.failuresOfAccount)
    }

    /// Somebody who came upon an open session shall not try passwords and codes in it without end.
    private func countTry() throws {
        _ = try Attempts(in: store).count([tries], now: request.now) { _ in }
    }

    /// A new secret for an authenticator app, and the address its QR code or link holds.
    ///
    /// - Parameter given: One that was made before and not used yet; empty for a new one.
    package static func newSecondFactor(
        for key: String, company: String, secret given: String = ""
    ) -> (secret: String, address: String) {
        let isGood = OneTimeCode.bytes(ofBase32: given).count >= 16 && given.count <= 64
        let secret = isGood ? given : OneTimeCode.base32(OneTimeCode.newSecret())
        func quoted(_ text: String) -> String {
            text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? text
        }
        return (
            secret, "otpauth://totp/Huikuan:\(quoted(key))?secret=\(secret)&issuer=Huikuan%20\(quoted(company))"
        )
    }

    /// Closes an account, or opens it again: sessions and links end, work stays where it is.
    ///
    /// - Throws: `Refusal` `account.unknown`, `account.own`.
    package func setActive(_ isActive: Bool, person key: String) async throws -> Int64? {
        guard key != request.actor.name else { throw Refusal(.accountOwn) }
        return try await store.write(request) { books in
            var account = try Self.account(of: key, orRegister: false, books)
            guard account.isActive != isActive else { return 0 }
            try books.accounts.append(isActive ? .enabled : .disabled, to: &account)
            if !isActive {
                for kind in [AccountRepository.TokenKind.invitation, .signIn, .api] {
                    try books.accounts.endTokens(of: account.id, kind)
                }
                try books.session.execute("DELETE FROM session WHERE account = \(account.id)")
            }
            return 1
        }.act
    }

    /// Asks for roles, or takes some away at once.
    ///
    /// - Parameter seen: The version that whoever asks knows; `nil` where nobody looked.
    /// - Throws: `Refusal` `actor.unknown`, `role.exclusive`, `person.changed`.
    package func setRoles(_ roles: Set<Role>, of key: String, seen: Int64? = nil) async throws -> Int64? {
        try await store.write(request) { books in
            let person = try Self.person(key, seen: seen, books)
            try Self.put(roles, of: person, books)
            return 1
        }.act
    }

    /// Who stands above a person: late tasks are told there, and the team's data scope follows it. Empty for nobody.
    ///
    /// - Throws: `Refusal` `actor.unknown`, `person.own-manager`, `person.changed`.
    package func setManager(_ manager: String, of key: String, seen: Int64? = nil) async throws -> Int64? {
        try await store.write(request) { books in
            let person = try Self.person(key, seen: seen, books)
            try Self.put(manager: manager, of: person, called: key, books)
            return 1
        }.act
    }

    /// - Throws: `Refusal` `actor.unknown`, `person.changed`.
    package func setScope(_ scope: DataScope, of key: String, seen: Int64? = nil) async throws -> Int64? {
        try await store.write(request) { books in
            let person = try Self.person(key, seen: seen, books)
            try books.accounts.setScope(scope, of: person.rawValue)
            return 1
        }.act
    }

    /// All that a form sets of a person, or nothing of it.
    ///
    /// - Parameters:
    ///   - manager: Empty for nobody; `nil` leaves them.
    ///   - scope: `nil` leaves it.
    /// - Throws: As each of them, and `Refusal` `access.denied`.
    package func setDuties(
        _ roles: Set<Role>, manager: String?, scope: DataScope?, of key: String, seen: Int64?
    ) async throws -> Int64? {
        try await store.write(request) { books in
            let person = try Self.person(key, seen: seen, books)
            if let manager {
                try books.viewer().need(.setPerson)
                try Self.put(manager: manager, of: person, called: key, books)
            }
            try Self.put(roles, of: person, books)
            if let scope {
                try books.viewer().need(.setScope)
                try books.accounts.setScope(scope, of: person.rawValue)
            }
            return 1
        }.act
    }

    private static func person(_ key: String, seen: Int64?, _ books: Books) throws -> ID<Person> {
        guard let person = try books.people.find(key) else {
            throw Refusal(.actorUnknown, ["person": .text(key)])
        }
        try AccountRepository.need(seen, ofPerson: person.rawValue, called: key, in: books.session)
        return person
    }

    private static func put(_ roles: Set<Role>, of person: ID<Person>, _ books: Books) throws {
        let held = try Viewer.roles(of: person.rawValue, in: books.session)
        for role in held.subtracting(roles) { try books.people.grant(role, to: person, false) }
        try books.approvals.giveOrProposeRoles(
            roles, of: person.rawValue, held: held.intersection(roles), in: books)
    }

    private static func put(
        manager: String, of person: ID<Person>, called key: String, _ books: Books
    ) throws {
        let above = try manager.isEmpty ? nil : Self.person(manager, seen: nil, books)
        // Nobody may stand above themselves, over however many others.
        var next = above?.rawValue
        var seen: Set<Int64> = []
        while let one = next, seen.insert(one).inserted {
            guard one != person.rawValue else {
                throw Refusal(.personOwnManager, ["person": .text(key), "manager": .text(manager)])
            }
            next = try books.session.row(
                "SELECT manager FROM person_version WHERE person = \(one) ORDER BY n DESC LIMIT 1")?
                .optionalInteger(0)
        }
        try books.people.setManager(person, above)
    }

    /// Lends the actor's tasks and decisions to a colleague while they are away.
    ///
    /// - Throws: `Refusal` `actor.unknown`, `delegation.self`, `delegation.backwards`, `delegation.too-long`.
    package func delegate(to deputy: String, from: LocalDate, until: LocalDate, reason: String) async throws -> Int64? {
        let key = request.actor.name
        guard deputy != key else { throw Refusal(.delegationSelf) }
        guard until >= from, until >= request.today else { throw Refusal(.delegationBackwards) }
        guard until.days(since: from) <= 92 else { throw Refusal(.delegationTooLong, ["limit": .count(92)]) }
        return try await store.write(request) { books in
            guard let person = try books.people.find(key) else { throw Refusal(.actorUnknown, ["person": .text(key)]) }
            guard let other = try books.people.find(deputy) else {
                throw Refusal(.actorUnknown, ["person": .text(deputy)])
            }
            return try books.facts.append(.delegation) { row in
                row.integer(person.rawValue)
                row.integer(other.rawValue)
                row.integer(Int64(from.dayNumber))
                row.integer(Int64(until.dayNumber))
                row.text(reason)
            }
        }.act
    }

    package func endDelegation(_ id: Int64) async throws -> Int64? {
        let key = request.actor.name
        return try await store.write(request) { books in
            guard
                try books.session.row(
                    """
                    SELECT d.id FROM delegation d JOIN person p ON p.id = d.person
                      LEFT JOIN delegation_end e ON e.delegation = d.id WHERE d.id = \(id) AND p.key = \(key) AND e.id IS NULL
                    """) != nil
            else { return Int64(0) }
            return try books.facts.append(.delegationEnd) { row in
                row.integer(id)
                row.integer(Int64(books.today.dayNumber))
            }
        }.act
    }

    /// A token for programs, shown once; `nil` when the same was asked for before. It may do what its holder may, and of that only what it names.
    ///
    /// - Throws: `Refusal` `token.no-scope`, `token.scope`.
    package func makeToken(name: String, scopes: Set<Permission>, days: Int) async throws -> Link? {
        let token = "hk_" + Secret.token()
        let key = request.actor.name
        guard !scopes.isEmpty else { throw Refusal(.tokenNoScope) }
        let expiresAt = Instant(microseconds: request.now.microseconds + Int64(min(max(days, 1), 366)) * 86_400_000_000)
        let written = try await store.write(request) { books in
            let viewer = try books.viewer()
            if let foreign = scopes.map(\.rawValue).sorted().first(where: {
                Permission(rawValue: $0).map { !viewer.may($0) } ?? true
            }) {
                throw Refusal(.tokenScope, ["scope": .text(foreign)])
            }
            let account = try Self.account(of: key, orRegister: false, books)
            return try books.accounts.appendToken(
                .api, digest: Secret.digest(token), of: account.id, name: String(name.prefix(80)),
                scopes: scopes.map(\.rawValue).sorted().joined(separator: " "), expiresAt: expiresAt)
        }
        return written.isReplay ? nil : Link(token: token, person: key, expiresAt: expiresAt)
    }

    package func revokeToken(_ id: Int64) async throws -> Int64? {
        let key = request.actor.name
        return try await store.write(request) { books in
            let account = try Self.account(of: key, orRegister: false, books)
            guard
                try books.session.row("SELECT id FROM access_token WHERE id = \(id) AND account = \(account.id)") != nil
            else { throw Refusal(.linkInvalid) }
            try books.accounts.end(token: id, .revoked)
            return 1
        }.act
    }

    // MARK: Parts

    /// - Throws: `Refusal` `password.too-short`, `password.too-long`, `password.easy`.
    private static func check(_ password: String, knowing words: [String]) throws {
        guard password.count >= Password.shortest else {
            throw Refusal(.passwordTooShort, ["count": .count(Password.shortest)])
        }
        guard password.count <= Password.longest, password.utf8.count <= Password.mostBytes else {
            throw Refusal(.passwordTooLong, ["count": .count(Password.longest)])
        }
        guard !Password.isEasy(password, knowing: words) else { throw Refusal(.passwordEasy) }
    }

    private static func account(
        of key: String, orRegister: Bool, _ books: Books
    ) throws -> AccountRepository.Account {
        guard let person = try books.people.find(key) else { throw Refusal(.actorUnknown, ["person": .text(key)]) }
        if orRegister { return try books.accounts.findOrRegister(person: person.rawValue) }
        guard let known = try AccountRepository.account(of: person.rawValue, in: books.session) else {
            throw Refusal(.accountUnknownPerson, ["person": .text(key)])
        }
        return known
    }

    private static func account(of key: String, _ session: any SQLSession) throws -> AccountRepository.Account? {
        guard let person = try session.row("SELECT id FROM person WHERE key = \(key)")?.integer(0) else { return nil }
        return try AccountRepository.account(of: person, in: session)
    }
}
