internal import Database
internal import Foundation
package import Ledger
internal import Receivables

/// What people are written to about their own accounts, so that nobody else uses one without its owner's hearing of it:
/// another password, a second factor set or taken away, a token or link that was made, a token that ends soon.
///
/// Made of the facts themselves: no command has to think of it. What is older than a week is told to nobody any more. As
/// messages to customers do, a notice goes under a lease, so that of several servers one sends it.
package final class AccountNotices: @unchecked Sendable {
    // `bound` and `lookedForEnds` are guarded by `lock`.

    /// A letter to somebody, for as long as the lease lasts.
    package struct Notice: Sendable {
        fileprivate let number: Int64
        /// The same for each attempt, and different from every other company's.
        package let identity: String
        /// An e-mail address.
        package let recipient: String
        package let subject: String
        package let text: String
        /// From 1.
        package let attempt: Int
    }

    /// The raw value stands in the store: never renumber one.
    fileprivate enum Kind: Int64 {
        /// Something happened.
        case made = 1
        /// A token ends soon.
        case ends
    }

    /// What a notice is about, as it was found.
    private struct Subject {
        let fact: Int64
        let kind: Kind
        let person: Int64
        let what: TextKey
        let name: String
        /// When a token ends.
        let end: Instant?
        let attempts: Int64

        /// In the table of what became of notices.
        var number: Int64 { fact * 2 + kind.rawValue - 1 }
    }

    static let daysTold: Int64 = 7
    /// Before a token's end; one that was made for a shorter time than twice that is known to end.
    static let daysAhead: Int64 = 7
    private static let day: Int64 = 86_400_000_000
    private static let secondsBetweenBounds: Int64 = 600

    private let store: Store
    private let holder: String
    private let leaseSeconds: Int64
    private let lock = NSLock()
    /// The last fact that is too old to be told of, and when that was looked for.
    private var bound: (fact: Int64, at: Instant)?
    /// When no token was found last that ends soon.
    private var lookedForEnds: Instant?

    /// - Parameter holder: Who sends: different for each server.
    package init(of store: Store, holder: String, leaseSeconds: Int) {
        self.store = store
        self.holder = holder
        self.leaseSeconds = Int64(leaseSeconds)
    }

    /// Takes the next notice that nobody else is sending; `nil` when there is none.
    ///
    /// Whoever takes it sends it within the lease, or not at all.
    package func take(now: Instant) throws -> Notice? {
        let bound = try bound(now)
        let ends = endsAreDue(now)
        // Mostly there is nothing to do, and nobody need be kept from writing for that.
        guard try store.read({ try !waiting(bound, ends, now, $0).isEmpty }) else {
            if ends { lock.withLock { lookedForEnds = now } }
            return nil
        }
        return try store.engine.write { transaction in
            let session = transaction.session
            for subject in try waiting(bound, ends, now, session) {
                let notice = try notice(subject, now, session)
                try claim(subject, isFor: notice != nil, now, session)
                if let notice { return notice }
            }
            return nil
        }
    }

    /// Notes what a mail server said to a notice.
    package func note(_ result: Outbox.Result, of notice: Notice, now: Instant) throws {
        try store.engine.write { transaction in
            let (state, wait): (Int64, Int64) =
                switch result {
                case .sent: (1, 0)
                // A refusal is about the recipient only where the server took something else lately.
                case .never where try Self.isProven(now, transaction.session): (2, 0)
                case .never, .notNow: (0, Outbox.secondsToWait(after: notice.attempt))
                }
            _ = try transaction.session.execute(
                """
                UPDATE account_notice SET result = \(state), leased_until = 0,
                    not_before = \(now.microseconds + wait * 1_000_000)
                 WHERE number = \(notice.number) AND holder = \(holder) AND result = 0
                """)
        }
    }

    private static func isProven(_ now: Instant, _ session: any SQLSession) throws -> Bool {
        let since = now.microseconds - daysTold * day
        let own = try session.row(
            "SELECT 1 FROM account_notice WHERE result = 1 AND not_before >= \(since) LIMIT 1")
        return try own != nil || Outbox.isProven(now, session)
    }

    /// Tokens end slowly, and there are many: they are looked through now and then.
    private func endsAreDue(_ now: Instant) -> Bool {
        lock.withLock { lookedForEnds }.map {
            $0 > now || now.microseconds - $0.microseconds >= Self.secondsBetweenBounds * 1_000_000
        } ?? true
    }

    private func bound(_ now: Instant) throws -> Int64 {
        if let known = lock.withLock({ bound }), known.at <= now,
            now.microseconds - known.at.microseconds < Self.secondsBetweenBounds * 1_000_000
        {
            return known.fact
        }
        let first = Instant(microseconds: now.microseconds - Self.daysTold * Self.day)
        let fact = try store.read { try KnownAt.instant(first).state(in: $0).lastFact }
        lock.withLock { bound = (fact, now) }
        return fact
    }

    private func claim(_ subject: Subject, isFor somebody: Bool, _ now: Instant, _ session: any SQLSession) throws {
        let until = somebody ? now.microseconds + leaseSeconds * 1_000_000 : 0
        try session.execute(
            """
            INSERT INTO account_notice (number, attempts, holder, leased_until, not_before, result)
            VALUES (\(subject.number), \(subject.attempts + 1), \(holder), \(until), 0, \(somebody ? 0 : 2))
            ON CONFLICT (number) DO UPDATE SET attempts = excluded.attempts, holder = excluded.holder,
                leased_until = excluded.leased_until, result = excluded.result
            """)
    }

    /// What somebody has to be told and nobody is telling them.
    ///
    /// - Parameters:
    ///   - bound: The last fact that is too old.
    ///   - ends: Whether to look for tokens that end soon.
    private func waiting(
        _ bound: Int64, _ ends: Bool, _ now: Instant, _ session: any SQLSession
    ) throws -> [Subject] {
        // Nobody of a company that is made up has an address.
        guard try ![.sample, .drill].contains(CompanySettings.load(in: session).kind) else { return [] }
        let events = try session.rows(
            """
            SELECT e.id, a.person, e.kind, coalesce(n.attempts, 0) FROM account_event e JOIN account a ON a.id = e.account
              LEFT JOIN account_notice n ON n.number = e.id * 2
             WHERE e.id > \(bound) AND e.kind IN (1, 2, 3, 4) AND \(raw: Self.mayGo) AND (n.number IS NULL
                    OR (n.not_before <= \(now.microseconds) AND n.leased_until < \(now.microseconds)))
               AND (e.kind <> 1 OR EXISTS (
                    SELECT 1 FROM account_event b WHERE b.account = e.account AND b.n < e.n AND b.kind IN (1, 2)))
             ORDER BY e.id LIMIT 20
            """
        ).compactMap { row in
            Self.texts[row.integer(2)].map {
                Subject(
                    fact: row.integer(0), kind: .made, person: row.integer(1), what: $0, name: "", end: nil,
                    attempts: row.integer(3))
            }
        }
        let made = try session.rows(
            """
            SELECT t.id, a.person, t.kind, t.name, t.expires_at, coalesce(n.attempts, 0)
              FROM access_token t JOIN account a ON a.id = t.account LEFT JOIN account_notice n ON n.number = t.id * 2
             WHERE t.id > \(bound) AND t.kind IN (2, 3) AND t.expires_at > \(now.microseconds) AND \(raw: Self.mayGo)
               AND (n.number IS NULL
                    OR (n.not_before <= \(now.microseconds) AND n.leased_until < \(now.microseconds)))
             ORDER BY t.id LIMIT 20
            """
        ).map { token($0, .made) }
        guard ends else { return events + made }
        let soon = now.microseconds + Self.daysAhead * Self.day
        let ending = try session.rows(
            """
            SELECT t.id, a.person, t.kind, t.name, t.expires_at, coalesce(n.attempts, 0)
              FROM access_token t JOIN account a ON a.id = t.account LEFT JOIN account_notice n ON n.number = t.id * 2 + 1
             WHERE t.kind = 3 AND t.expires_at > \(now.microseconds) AND t.expires_at < \(soon) AND \(raw: Self.mayGo)
               AND (n.number IS NULL
                    OR (n.not_before <= \(now.microseconds) AND n.leased_until < \(now.microseconds)))
               AND NOT EXISTS (SELECT 1 FROM access_token_end x WHERE x.access_token = t.id)
             ORDER BY t.id LIMIT 20
            """
        ).map { token($0, .ends) }
        return events + made + ending
    }

    private func token(_ row: SQLRow, _ kind: Kind) -> Subject {
        Subject(
            fact: row.integer(0), kind: kind, person: row.integer(1),
            what: row.integer(2) == 2 ? .noticeLink : kind == .ends ? .noticeTokenEnds : .noticeToken,
            name: row.text(3), end: Instant(microseconds: row.integer(4)), attempts: row.integer(5))
    }

    /// It wasn't sent and may still be.
    private static let mayGo = "coalesce(n.result, 0) = 0"

    /// By the kind of an account's event.
    private static let texts: [Int64: TextKey] = [
        1: .noticePassword, 2: .noticeInitialPassword, 3: .noticeSecondFactor, 4: .noticeWithoutSecondFactor,
    ]

    /// The letter; `nil` where there is nobody to write to, or nothing worth writing of.
    private func notice(_ subject: Subject, _ now: Instant, _ session: any SQLSession) throws -> Notice? {
        guard let act = try ActRepository(session: session).act(ofFact: subject.fact) else { return nil }
        let end = subject.end ?? now
        let lasts = end.microseconds - act.instant.microseconds
        if subject.kind == .ends, lasts < 2 * Self.daysAhead * Self.day { return nil }
        guard let owner = try address(of: subject.person, orOf: act.actor, session) else { return nil }
        let company = try CompanySettings.load(in: session)
        let asked = try Preferences.all(of: owner.person, session)["language"] ?? company.language
        let catalogue = try Catalogue(Catalogue.Language(rawValue: asked) ?? .english)
        let places: [String: Refusal.Parameter] = [
            "company": .text(company.name), "person": .text(owner.name), "token": .text(subject.name),
            "at": .text(company.shown(act.instant)), "until": .text(company.shown(end)), "by": .text(act.actor),
            "days": .count(Int((end.microseconds - now.microseconds) / Self.day)),
        ]
        let isOwn = act.actor == owner.key
        let parts: [TextKey] =
            [.noticeGreeting, subject.what] + (isOwn ? [] : [.noticeBy])
            + [subject.kind == .ends ? .noticeRenew : isOwn ? .noticeIfNotYou : .noticeUnexpected]
        let first = try session.row("SELECT hash FROM act WHERE seq = 1")?.blob(0).hexadecimal.prefix(16) ?? ""
        return Notice(
            number: subject.number,
            identity: "account-\(subject.fact)-\(subject.kind.rawValue).\(first)", recipient: owner.email,
            subject: catalogue.text(.noticeSubject, places),
            text: parts.map { catalogue.text($0, places) }.joined(separator: "\n\n"),
            attempt: Int(subject.attempts + 1))
    }

    /// Where a person is written to; for what has no address, as a service account, whoever did it.
    private func address(
        of person: Int64, orOf actor: String, _ session: any SQLSession
    ) throws -> (person: Int64, key: String, name: String, email: String)? {
        let rows = try session.rows("SELECT id, key FROM person WHERE id = \(person) OR key = \(actor)")
        for row in rows.sorted(by: { $0.integer(0) == person && $1.integer(0) != person }) {
            let detail = try session.row(
                "SELECT personal FROM person_detail WHERE person = \(row.integer(0)) ORDER BY n DESC LIMIT 1")
            let fields = try detail.flatMap {
                try PersonalRepository(session: session, facts: nil).fields($0.integer(0))
            }
            let known = fields.flatMap { $0.count > 1 ? $0[1] : nil } ?? ""
            let email = known.contains("@") ? known : row.text(1)
            guard email.contains("@"), !row.text(1).hasPrefix(ServiceAccounts.prefix) else { continue }
            return (row.integer(0), row.text(1), fields?.first ?? row.text(1), email)
        }
        return nil
    }
}
