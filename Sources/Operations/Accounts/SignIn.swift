internal import Database
internal import Foundation
package import Ledger
internal import Receivables

/// Signing in and out, and the sessions that come of it.
///
/// A session is a row with the hash of its token; it ends after some time without use, at a fixed time whatever
/// happens, and with its account. None of this is in the journal of acts: these are security events, kept two years
/// (ENGINEERING E-42).
package struct SignIn: Sendable {
    private let store: Store
    private let clock: @Sendable () -> Instant
    private let seen = SeenNotes()

    package init(in store: Store, clock: @escaping @Sendable () -> Instant) {
        self.store = store
        self.clock = clock
    }

    /// Without use a session ends after this many minutes, and in any case after so many hours.
    package static let idleMinutes: Int64 = 30
    package static let absoluteHours: Int64 = 12
    /// Wrong sign-ins in a row until an account waits, and an address.
    package static let failuresOfAccount: Int64 = 5
    package static let failuresOfAddress: Int64 = 30
    package static let lockMinutes = Attempts.lockMinutes

    private static let minute: Int64 = 60_000_000
    private static let keptYears: Int64 = 2
    private static let mostPreferences = 300

    /// A browser's session, for the edge to put into a cookie.
    package struct Started: Sendable {
        package let token: String
        package let person: String
        package let mustChangePassword: Bool
    }

    /// The session that a request belongs to.
    package struct Current: Sendable {
        package let viewer: Viewer
        package let name: String
        package let formToken: String
        package let mustChangePassword: Bool
        package let hasPassword: Bool
        package let hasSecondFactor: Bool
        /// Whether the company's own service signed them in, which has factors of its own.
        package let isByProvider: Bool
        /// The last act that the person had seen when they came.
        package let lastSeenAct: Int64
        package let preferences: [String: String]
        /// How many requests wait for the person's decision.
        package let decisions: Int
    }

    /// Where a request came from.
    package struct Origin: Sendable {
        package let address: String
        package let agent: String

        package init(address: String, agent: String) {
            self.address = String(address.prefix(64))
            self.agent = String(agent.prefix(200))
        }

        /// What tries are counted by: an IPv4 address, or the half of an IPv6 address that one subscriber has.
        package var network: String {
            var bytes = in6_addr()
            guard inet_pton(AF_INET6, address, &bytes) == 1 else { return address }
            let all = withUnsafeBytes(of: bytes) { Array($0) }
            // An IPv4 address in IPv6's clothes is one of its own.
            let isMapped = all.prefix(10).allSatisfy { $0 == 0 } && all[10] == 0xff && all[11] == 0xff
            return (isMapped ? all : Array(all.prefix(8))).hexadecimal
        }
    }

    /// Signs in by e-mail and password, with the code where a second factor is set.
    ///
    /// The answer never says which of them was wrong.
    /// - Throws: `Refusal` `sign-in.wrong`, `sign-in.locked`.
    package func signIn(
        _ email: String, password: String, code: String, from origin: Origin
    ) async throws -> Started {
        let key = String(email.trimmingCharacters(in: .whitespaces).lowercased().prefix(200))
        let now = clock()
        let subjects = [
            Attempts.Subject("account:\(key)", most: Self.failuresOfAccount),
            Attempts.Subject("address:\(origin.network)", most: Self.failuresOfAddress),
        ]
        // Counted before anything is compared: many tries at once are still many tries.
        let left = try count(subjects, key, origin, now)
        let found = try store.read { session -> Candidate? in try candidate(key, session) }
        // Beside the threads that serve: it takes its time on purpose, and nobody else shall wait for it.
        let isMatch = try await Password.isMatch(password, found?.password ?? Password.decoy)
        let isRight = isMatch && found?.password != nil
        let secret = found?.secret.map { OneTimeCode.bytes(ofBase32: $0) }
        func step(after last: Int64) -> Int64? {
            secret.flatMap {
                OneTimeCode.step(
                    of: code.filter(\.isNumber), $0, seconds: now.microseconds / 1_000_000, after: last)
            }
        }
        func wrong() throws -> Refusal {
            try store.engine.write { try note("sign-in-failed", key, origin, "", $0.session) }
            return left > 0
                ? Refusal(.signInWrong, ["left": .count(left)])
                : Refusal(.signInLocked, ["minutes": .count(Int(Self.lockMinutes))])
        }
        guard let found, isRight, found.isActive, secret == nil || step(after: found.lastStep) != nil else {
            throw try wrong()
        }
        let started = try store.engine.write { transaction -> Started? in
            let session = transaction.session
            if secret != nil {
                // A code works once, also for two who give it at the same moment.
                let last = try Preferences.all(of: found.person, session)["second-factor-step"].flatMap { Int64($0) }
                guard let step = step(after: last ?? 0) else { return nil }
                try Preferences.set("second-factor-step", "\(step)", of: found.person, session)
            }
            try Attempts.forget(subjects[0], session)
            try Attempts.takeBack(subjects[1], session)
            return try start(
                found.account, found.person, key, found.mustChange, secret == nil ? .none : .code, "sign-in", origin,
                session)
        }
        guard let started else { throw try wrong() }
        return started
    }

    /// Signs in by a one-time link.
    ///
    /// - Throws: `Refusal` `link.invalid`, `sign-in.locked`.
    package func signIn(
        link token: String, from origin: Origin, _ request: (_ person: String) -> ActRequest
    ) async throws -> Started {
        let now = clock()
        let address = Attempts.Subject("address:\(origin.network)", most: Self.failuresOfAddress)
        _ = try count([address], "", origin, now)
        let digest = Secret.digest(token)
        let found = try store.read { session -> (link: AccountRepository.Token, key: String, person: Int64)? in
            guard let link = try AccountRepository.token(digest, in: session), link.kind == .signIn, !link.isEnded,
                link.expiresAt > now.microseconds,
                let row = try session.row(
                    "SELECT p.key, p.id FROM account a JOIN person p ON p.id = a.person WHERE a.id = \(link.account)")
            else { return nil }
            return (link, row.text(0), row.integer(1))
        }
        guard let found else {
            try store.engine.write { try note("sign-in-failed", "", origin, "", $0.session) }
            throw Refusal(.linkInvalid)
        }
        _ = try await store.write(request(found.key)) { books in
            guard let link = try AccountRepository.token(digest, in: books.session), !link.isEnded else {
                throw Refusal(.linkInvalid)
            }
            try books.accounts.end(token: link.id, .used)
            return 1
        }
        return try store.engine.write { transaction in
            try Attempts.takeBack(address, transaction.session)
            return try start(
                found.link.account, found.person, found.key, false, .none, "sign-in-link", origin, transaction.session)
        }
    }

    /// How the security log calls a sign-in at the company's own service.
    package static let byProvider = "sign-in-provider"

    /// Starts a session for somebody who has just set a password of their own by a link, or whom a provider named.
    ///
    /// - Parameter kind: As the security log calls it.
    package func start(for key: String, _ kind: String = "sign-in-invitation", from origin: Origin) throws -> Started {
        try store.engine.write { transaction in
            let session = transaction.session
            guard let person = try session.row("SELECT id FROM person WHERE key = \(key)")?.integer(0),
                let account = try AccountRepository.account(of: person, in: session), account.isActive
            else { throw Refusal(.linkInvalid) }
            return try start(
                account.id, person, key, false, kind == Self.byProvider ? .provider : .none, kind, origin, session)
        }
    }

    /// The session of a token, or `nil` when there is none any more. Notes that it is used, once a minute.
    package func current(_ token: String, today: (Instant) -> LocalDate) throws -> Current? {
        let digest = Secret.digest(token)
        let now = clock()
        let found = try store.read { session -> (Current, seen: Int64)? in
            guard
                let row = try session.row(
                    """
                    SELECT s.account, s.form_token, s.seen_at, s.ends_at, s.last_act, p.key, p.id, s.second_factor FROM session s
                      JOIN account a ON a.id = s.account JOIN person p ON p.id = a.person
                     WHERE s.token_digest = \(digest)
                    """),
                row.integer(3) > now.microseconds,
                row.integer(2) + Self.idleMinutes * Self.minute > now.microseconds,
                let account = try AccountRepository.account(of: row.integer(6), in: session), account.isActive
            else { return nil }
            let viewer = try Viewer.load(.person(key: row.text(5)), on: today(now), in: session)
            let detail = try session.row(
                "SELECT personal FROM person_detail WHERE person = \(row.integer(6)) ORDER BY n DESC LIMIT 1")
            let name = try detail.flatMap {
                try PersonalRepository(session: session, facts: nil).fields($0.integer(0))?.first
            }
            return (
                Current(
                    viewer: viewer, name: name ?? row.text(5), formToken: row.text(1),
                    mustChangePassword: account.mustChange, hasPassword: account.passwordFact != nil,
                    hasSecondFactor: account.secondFactorFact != nil,
                    isByProvider: row.integer(7) == Factor.provider.rawValue,
                    lastSeenAct: row.integer(4), preferences: try Preferences.all(of: row.integer(6), session),
                    decisions: try ApprovalQueries.waiting(for: viewer, on: today(now), in: store, session)),
                row.integer(2)
            )
        }
        guard let found else { return nil }
        // No page waits for whoever writes just now.
        if now.microseconds - found.seen > Self.minute { seen.note(digest, now, in: store) }
        return found.0
    }

    package func signOut(_ token: String, _ key: String, from origin: Origin) throws {
        let digest = Secret.digest(token)
        try store.engine.write { transaction in
            let session = transaction.session
            if let row = try session.row("SELECT account FROM session WHERE token_digest = \(digest)") {
                let last = try ActRepository(session: session).head().lastAct
                try session.execute("DELETE FROM session WHERE token_digest = \(digest)")
                let person = try session.row("SELECT person FROM account WHERE id = \(row.integer(0))")?.integer(0)
                if let person { try Preferences.set("last-act", "\(last)", of: person, session) }
            }
            try note("sign-out", key, origin, "", session)
        }
    }

    /// A session that lasts, as its owner sees it.
    package struct OpenSession: Sendable {
        /// A part of the token's digest: it names the session, and opens nothing.
        package let id: String
        package let seenAt: Instant
        package let address: String
        package let agent: String
        /// Whether it is the one that asks.
        package let isCurrent: Bool
    }

    /// A person's sessions, the last used first.
    ///
    /// - Parameter token: Of the session that asks.
    package func sessions(of viewer: Viewer, current token: String) throws -> [OpenSession] {
        guard let person = viewer.person else { return [] }
        let (now, digest) = (clock(), Secret.digest(token))
        return try store.read { session in
            try session.rows(
                """
                SELECT s.token_digest, s.seen_at, s.address, s.agent FROM session s JOIN account a ON a.id = s.account
                 WHERE a.person = \(person) AND s.ends_at > \(now.microseconds)
                   AND s.seen_at > \(now.microseconds - Self.idleMinutes * Self.minute) ORDER BY s.seen_at DESC LIMIT 50
                """
            ).map { row in
                OpenSession(
                    id: Self.name(row.blob(0)), seenAt: Instant(microseconds: row.integer(1)), address: row.text(2),
                    agent: row.text(3), isCurrent: row.blob(0) == digest)
            }
        }
    }

    private static func name(_ digest: [UInt8]) -> String { Array(digest.prefix(12)).hexadecimal }

    /// Ends one of a person's own sessions; of one that has ended, nothing is said.
    package func end(session id: String, of viewer: Viewer, from origin: Origin) throws {
        guard let person = viewer.person else { return }
        try store.engine.write { transaction in
            let session = transaction.session
            let digests = try session.rows(
                "SELECT token_digest FROM session WHERE account IN (SELECT id FROM account WHERE person = \(person))")
            guard let digest = digests.map({ $0.blob(0) }).first(where: { Self.name($0) == id }) else { return }
            try session.execute("DELETE FROM session WHERE token_digest = \(digest)")
            try note("session-ended", viewer.key, origin, "", session)
        }
    }

    /// Ends all sessions of a person but one.
    package func endOthers(of viewer: Viewer, but token: String) throws {
        guard let person = viewer.person else { return }
        try store.engine.write { transaction in
            _ = try transaction.session.execute(
                """
                DELETE FROM session WHERE token_digest <> \(Secret.digest(token))
                   AND account IN (SELECT id FROM account WHERE person = \(person))
                """)
        }
    }

    package func setPreference(_ name: String, _ content: String, of viewer: Viewer) throws {
        guard let person = viewer.person else { return }
        let name = String(name.prefix(300))
        try store.engine.write { transaction in
            // They come with each request: nobody needs hundreds.
            let known = try Preferences.all(of: person, transaction.session)
            guard known[name] != nil || known.count < Self.mostPreferences else { return }
            try Preferences.set(name, content, of: person, transaction.session)
        }
    }

    package func removePreference(_ name: String, of viewer: Viewer) throws {
        guard let person = viewer.person else { return }
        try store.engine.write { transaction in
            _ = try transaction.session.execute("DELETE FROM preference WHERE key = \("\(person)/\(name)")")
        }
    }

    /// Notes something for the security log.
    package func note(_ kind: String, _ person: String, from origin: Origin, _ detail: String) throws {
        try store.engine.write { try note(kind, person, origin, detail, $0.session) }
    }

    // MARK: Parts

    /// How a session's holder was known beside the password. The raw value stands in the store: never renumber one.
    private enum Factor: Int64 { case none, code, provider }

    private struct Candidate {
        let account: Int64
        let person: Int64
        let password: String?
        let secret: String?
        let isActive: Bool
        let mustChange: Bool
        let lastStep: Int64
    }

    private func candidate(_ key: String, _ session: any SQLSession) throws -> Candidate? {
        guard let person = try session.row("SELECT id FROM person WHERE key = \(key)")?.integer(0),
            let account = try AccountRepository.account(of: person, in: session)
        else { return nil }
        let personal = PersonalRepository(session: session, facts: nil)
        return Candidate(
            account: account.id, person: person,
            password: try account.passwordFact.flatMap { try personal.fields($0)?.first },
            secret: try account.secondFactorFact.flatMap { try personal.fields($0)?.first },
            isActive: account.isActive, mustChange: account.mustChange,
            lastStep: try Preferences.all(of: person, session)["second-factor-step"].flatMap { Int64($0) } ?? 0)
    }

    private func count(
        _ subjects: [Attempts.Subject], _ key: String, _ origin: Origin, _ now: Instant
    ) throws -> Int {
        try Attempts(in: store).count(subjects, now: now) { try note("sign-in-locked", key, origin, "", $0) }
    }

    private func start(
        _ account: Int64, _ person: Int64, _ key: String, _ mustChange: Bool, _ factor: Factor, _ kind: String,
        _ origin: Origin, _ session: any SQLSession
    ) throws -> Started {
        let now = clock()
        let token = Secret.token()
        let head = try ActRepository(session: session).head().lastAct
        let last = try Preferences.all(of: person, session)["last-act"].flatMap { Int64($0) } ?? 0
        try session.execute("DELETE FROM session WHERE ends_at < \(now.microseconds)")
        try session.execute(
            """
            INSERT INTO session (token_digest, account, form_token, begun_at, seen_at, ends_at, second_factor, address,
                agent, last_act)
            VALUES (\(Secret.digest(token)), \(account), \(Secret.token()), \(now.microseconds), \(now.microseconds),
                \(now.microseconds + Self.absoluteHours * 60 * Self.minute), \(factor.rawValue),
                \(origin.address), \(origin.agent), \(last))
            """)
        try Preferences.set("last-act", "\(head)", of: person, session)
        try note(kind, key, origin, "", session)
        return Started(token: token, person: key, mustChangePassword: mustChange)
    }

    private func note(
        _ kind: String, _ person: String, _ origin: Origin, _ detail: String, _ session: any SQLSession
    ) throws {
        let now = clock().microseconds
        let number = (try session.row("SELECT max(number) FROM security_event")?.optionalInteger(0) ?? 0) + 1
        try session.execute(
            """
            INSERT INTO security_event (number, at, kind, person, address, detail)
            VALUES (\(number), \(now), \(kind), \(String(person.prefix(200))), \(origin.address),
                \(String(detail.prefix(500))))
            """)
        if number % 100 == 0 {
            try session.execute(
                "DELETE FROM security_event WHERE at < \(now - Self.keptYears * 366 * 24 * 60 * Self.minute)")
        }
    }
}

/// What a person set for themselves: language, theme, columns, saved views. Lost, nothing of the books is missing.
enum Preferences {
    static func all(of person: Int64, _ session: any SQLSession) throws -> [String: String] {
        var all: [String: String] = [:]
        for row in try session.rows(
            "SELECT name, content FROM preference WHERE key >= \("\(person)/") AND key < \("\(person)0") ORDER BY key")
        {
            all[row.text(0)] = row.text(1)
        }
        return all
    }

    static func set(_ name: String, _ content: String, of person: Int64, _ session: any SQLSession) throws {
        try session.execute(
            """
            INSERT INTO preference (key, person, name, content)
            VALUES (\("\(person)/\(name)"), \(person), \(name), \(content))
            ON CONFLICT (key) DO UPDATE SET content = excluded.content
            """)
    }
}

/// Notes beside the requests that sessions are used.
private final class SeenNotes: @unchecked Sendable {
    // Guarded by `lock`: sessions whose note is on its way.
    private let lock = NSLock()
    private var waiting: Set<[UInt8]> = []
    private let queue = DispatchQueue(label: "huikuan.seen")

    func note(_ digest: [UInt8], _ now: Instant, in store: Store) {
        guard lock.withLock({ waiting.insert(digest).inserted }) else { return }
        queue.async { [self] in
            // A note that fails is made again with the next page.
            try? store.engine.write {
                _ = try $0.session.execute(
                    "UPDATE session SET seen_at = \(now.microseconds) WHERE token_digest = \(digest)")
            }
            _ = lock.withLock { waiting.remove(digest) }
        }
    }
}
