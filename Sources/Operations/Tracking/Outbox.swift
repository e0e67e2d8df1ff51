internal import Database
package import Ledger
internal import Receivables

/// What waits to go to customers (发件箱), for those who hand it to a mail server.
///
/// A message is taken under a lease, so that of several servers one sends it. A server that dies in between loses the
/// lease, and another one sends the message, under the same identity. What a mail server took is noted at once, and
/// becomes a fact of the reminder. What it says is looked at once more before it goes: what was paid, re-dated or
/// paused since it was written isn't sent.
package struct Outbox: Sendable {
    package struct Message: Sendable {
        package let number: Int64
        /// The same for each attempt.
        package let key: String
        /// As the key, and different from every other company's.
        package let identity: String
        package let recipient: String
        package let subject: String
        package let text: String
        /// From 1.
        package let attempt: Int
    }

    package enum Result: Sendable {
        case sent
        /// Try again later; with what was said.
        case notNow(String)
        /// There is no such recipient; with what was said.
        case never(String)
    }

    private let store: Store
    /// Who sends: different for each server.
    private let holder: String
    private let leaseSeconds: Int

    package init(of store: Store, holder: String, leaseSeconds: Int) {
        self.store = store
        self.holder = holder
        self.leaseSeconds = leaseSeconds
    }

    /// Takes the next message that may go now and that nobody else is sending; `nil` when there is none.
    ///
    /// Whoever takes it sends it within the lease, or not at all.
    package func take(now: Instant) throws -> Message? {
        // Mostly there is nothing to do, and nobody need be kept from writing for that.
        guard try store.read({ try !waiting(limit: 1, now, $0).isEmpty }) else { return nil }
        return try store.engine.write { transaction in
            let session = transaction.session
            for row in try waiting(limit: 20, now, session) {
                let isOutdated = try Self.isOutdated(row, now, session)
                try claim(row, now, isOutdated: isOutdated, session)
                if !isOutdated { return try message(row, session) }
            }
            return nil
        }
    }

    private func claim(_ row: SQLRow, _ now: Instant, isOutdated: Bool, _ session: any SQLSession) throws {
        let until = isOutdated ? 0 : now.microseconds + Int64(leaseSeconds) * 1_000_000
        try session.execute(
            """
            INSERT INTO delivery (message, attempts, holder, leased_until, not_before, result, answer)
            VALUES (\(row.integer(0)), \(row.integer(3) + 1), \(holder), \(until), 0, \(isOutdated ? 2 : 0),
                \(isOutdated ? "outdated" : ""))
            ON CONFLICT (message) DO UPDATE SET attempts = excluded.attempts, holder = excluded.holder,
                leased_until = excluded.leased_until, result = excluded.result, answer = excluded.answer
            """)
    }

    private func message(_ row: SQLRow, _ session: any SQLSession) throws -> Message {
        let company = try session.row("SELECT hash FROM act WHERE seq = 1")?.blob(0).hexadecimal.prefix(16) ?? ""
        // Without its key there is nobody to write to, which the mail server needn't be asked about.
        let fields = try PersonalRepository(session: session, facts: nil).fields(row.integer(2)) ?? []
        func field(_ index: Int) -> String { fields.indices.contains(index) ? fields[index] : "" }
        return Message(
            number: row.integer(0), key: row.text(1), identity: "\(row.text(1)).\(company)", recipient: field(0),
            subject: field(1), text: field(2), attempt: Int(row.integer(3) + 1))
    }

    /// Whether a message says what isn't so any more, or a newer one goes to the customer instead: a mail server that
    /// was away for a day must not have the customer written to twice, or about what is paid.
    private static func isOutdated(_ row: SQLRow, _ now: Instant, _ session: any SQLSession) throws -> Bool {
        let today = try CompanySettings.load(in: session).day(of: now)
        let changed = try session.row(
            """
            SELECT 1 FROM reminder_item r JOIN item i ON i.id = r.item JOIN item_balance b ON b.item = i.id
              JOIN invoice v ON v.id = i.invoice
             WHERE r.reminder = \(row.integer(4)) AND (b.open < r.open_amount
                OR (r.rule = \(RuleCode.dueSoon.rawValue) AND i.due_day < \(today.dayNumber))
                OR EXISTS (SELECT 1 FROM item_event e WHERE e.item = i.id AND e.id > r.id AND e.due_day IS NOT NULL)
                OR EXISTS (SELECT 1 FROM pause p WHERE p.id > r.id AND (p.item = i.id OR p.customer = v.customer))) LIMIT 1
            """)
        if changed != nil { return true }
        return try session.row(
            """
            SELECT 1 FROM outbox o JOIN reminder r ON r.id = o.reminder
             WHERE r.customer = \(row.integer(5)) AND r.audience = 1 AND o.id > \(row.integer(0))
               AND o.not_before_day > \(row.integer(6)) AND o.not_before_day <= \(today.dayNumber)
               AND NOT EXISTS (SELECT 1 FROM reminder_event e WHERE e.reminder = r.id AND e.kind IN (2, 3, 4)) LIMIT 1
            """) != nil
    }

    /// Messages go on the day they are for, once today was run (so that what waited was looked at), and not long after.
    private func waiting(limit: Int, _ now: Instant, _ session: any SQLSession) throws -> [SQLRow] {
        guard let (first, last, isRun) = try days(now, session), isRun else { return [] }
        return try session.rows(
            """
            SELECT o.id, o.message_key, r.personal, coalesce(d.attempts, 0), r.id, r.customer, o.not_before_day
              FROM outbox o JOIN reminder r ON r.id = o.reminder LEFT JOIN delivery d ON d.message = o.id
             WHERE o.not_before_day >= \(first.dayNumber) AND o.not_before_day <= \(last.dayNumber) AND r.audience = 1
               AND (d.message IS NULL OR (d.result = 0 AND d.not_before <= \(now.microseconds)
                    AND d.leased_until < \(now.microseconds)))
               AND NOT EXISTS (SELECT 1 FROM reminder_event e WHERE e.reminder = r.id AND e.kind IN (2, 3, 4, 6, 7))
             ORDER BY o.id LIMIT \(limit)
            """)
    }

    /// The first and last day whose messages may go, and whether the last one was run; `nil` before the first day run.
    private func days(_ now: Instant, _ session: any SQLSession) throws -> (LocalDate, LocalDate, isRun: Bool)? {
        guard let run = try session.row("SELECT max(day) FROM day_run")?.optionalInteger(0) else { return nil }
        let today = try CompanySettings.load(in: session).day(of: now)
        let policy = try TrackingPolicy.load(in: session, on: today).policy
        return (today.adding(days: -policy.messagesMaximumAgeDays), today, Int(run) >= today.dayNumber)
    }

    /// Notes what a mail server said to a message.
    ///
    /// - Returns: Whether the message was still ours.
    @discardableResult
    package func note(_ result: Result, of message: Message, now: Instant) throws -> Bool {
        try store.engine.write { transaction in
            var (state, answer, wait): (Int64, String, Int64) = (1, "", 0)
            switch result {
            case .sent: break
            case .never(let said) where try Self.isProven(now, transaction.session): (state, answer) = (2, said)
            case .notNow(let said), .never(let said):
                (state, answer, wait) = (0, said, Self.secondsToWait(after: message.attempt))
            }
            let changed = try transaction.session.execute(
                """
                UPDATE delivery SET result = \(state), answer = \(answer), leased_until = 0,
                    not_before = \(now.microseconds + wait * 1_000_000)
                 WHERE message = \(message.number) AND holder = \(holder) AND result = 0
                """)
            return changed > 0
        }
    }

    /// Whether the mail server took something lately: only then is a refusal about the recipient, and not about us.
    static func isProven(_ now: Instant, _ session: any SQLSession) throws -> Bool {
        let today = try CompanySettings.load(in: session).day(of: now)
        let last = try session.row(
            "SELECT max(value_day) FROM reminder_event WHERE kind = \(ReminderEvent.sent.rawValue)")
        if let day = last?.optionalInteger(0), day >= Int64(today.dayNumber - 7) { return true }
        return try session.row("SELECT message FROM delivery WHERE result = 1 LIMIT 1") != nil
    }

    /// Ten seconds, twenty, forty … up to some hours.
    static func secondsToWait(after attempt: Int) -> Int64 { 10 << Int64(min(max(attempt, 1) - 1, 11)) }

    /// Makes facts of what was sent, and of what never will be.
    ///
    /// - Returns: How many reminders were noted.
    package func record(now: Instant, today: LocalDate) async throws -> Int {
        guard try store.read({ try !settled(now, $0).isEmpty }) else { return 0 }
        let request = ActRequest(
            command: "record-deliveries", actor: .systemOutbox, source: "server", now: now, today: today)
        return try await store.write(request) { books in
            let settled = try settled(now, books.session)
            for (reminder, message, event) in settled {
                try books.tracking.appendEvent(ofReminder: reminder, event, on: books.today)
                // Why a message wasn't sent stays to be read.
                if event == .sent { try books.session.execute("DELETE FROM delivery WHERE message = \(message)") }
            }
            return settled.count
        }.outcome
    }

    /// Reminders whose message was sent, was refused, or came too late to be sent.
    private func settled(
        _ now: Instant, _ session: any SQLSession
    ) throws -> [(reminder: Int64, message: Int64, event: ReminderEvent)] {
        var found: [(reminder: Int64, message: Int64, event: ReminderEvent)] = []
        let rows = try session.rows(
            """
            SELECT o.reminder, o.id, d.result FROM delivery d JOIN outbox o ON o.id = d.message WHERE d.result IN (1, 2)
               AND NOT EXISTS (SELECT 1 FROM reminder_event e WHERE e.reminder = o.reminder AND e.kind IN (6, 7))
             ORDER BY o.id
            """)
        for row in rows { found.append((row.integer(0), row.integer(1), row.integer(2) == 1 ? .sent : .undelivered)) }
        guard let (first, _, _) = try days(now, session) else { return found }
        let late = try session.rows(
            """
            SELECT o.reminder, o.id FROM outbox o JOIN reminder r ON r.id = o.reminder
              LEFT JOIN delivery d ON d.message = o.id
             WHERE o.not_before_day < \(first.dayNumber) AND o.not_before_day >= \(first.dayNumber - 60) AND r.audience = 1
               AND coalesce(d.result, 0) = 0 AND coalesce(d.leased_until, 0) < \(now.microseconds)
               AND NOT EXISTS (SELECT 1 FROM reminder_event e WHERE e.reminder = r.id AND e.kind IN (2, 3, 4, 6, 7))
             ORDER BY o.id
            """)
        for row in late { found.append((row.integer(0), row.integer(1), .undelivered)) }
        return found
    }
}
