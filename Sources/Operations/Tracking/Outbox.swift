internal import Database
package import Ledger
internal import Receivables

/// What waits to go to customers (发件箱), for those who hand it to a mail server.
///
/// A message is taken under a lease, so that of several servers one sends it. A server that dies in between loses the
/// lease, and another one sends the message, under the same identity. What a mail server took is noted at once, and
/// becomes a fact of the reminder.
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

    /// Takes messages whose day has been run and that nobody else is sending.
    package func take(atMost limit: Int, now: Instant) throws -> [Message] {
        // Mostly there is nothing to do, and nobody need be kept from writing for that.
        guard try store.read({ try !waiting(limit: 1, now, $0).isEmpty }) else { return [] }
        return try store.engine.write { transaction in
            let session = transaction.session
            let rows = try waiting(limit: limit, now, session)
            let personal = PersonalRepository(session: session, facts: nil)
            let until = now.microseconds + Int64(leaseSeconds) * 1_000_000
            let company = try session.row("SELECT hash FROM act WHERE seq = 1")?.blob(0).hexadecimal.prefix(16) ?? ""
            return try rows.map { row in
                let attempt = row.integer(3) + 1
                try session.execute(
                    """
                    INSERT INTO delivery (message, attempts, holder, leased_until, not_before, result, answer)
                    VALUES (\(row.integer(0)), \(attempt), \(holder), \(until), 0, 0, '')
                    ON CONFLICT (message) DO UPDATE SET attempts = excluded.attempts, holder = excluded.holder,
                        leased_until = excluded.leased_until
                    """)
                // Without its key there is nobody to write to, which the mail server needn't be asked about.
                let fields = try personal.fields(row.integer(2)) ?? ["", "", ""]
                return Message(
                    number: row.integer(0), key: row.text(1), identity: "\(row.text(1)).\(company)",
                    recipient: fields[0], subject: fields.count > 1 ? fields[1] : "",
                    text: fields.count > 2 ? fields[2] : "",
                    attempt: Int(attempt))
            }
        }
    }

    /// Messages go on the day they are for, at the earliest after that day was run, and not long after.
    private func waiting(limit: Int, _ now: Instant, _ session: any SQLSession) throws -> [SQLRow] {
        guard let (first, last) = try days(now, session) else { return [] }
        return try session.rows(
            """
            SELECT o.id, o.message_key, r.personal, coalesce(d.attempts, 0)
              FROM outbox o JOIN reminder r ON r.id = o.reminder LEFT JOIN delivery d ON d.message = o.id
             WHERE o.not_before_day >= \(first.dayNumber) AND o.not_before_day <= \(last.dayNumber) AND r.audience = 1
               AND (d.message IS NULL OR (d.result = 0 AND d.not_before <= \(now.microseconds)
                    AND d.leased_until < \(now.microseconds)))
               AND NOT EXISTS (SELECT 1 FROM reminder_event e WHERE e.reminder = r.id AND e.kind IN (2, 3, 4, 6, 7))
             ORDER BY o.id LIMIT \(limit)
            """)
    }

    /// The first and last day whose messages may go now; `nil` before the first day run.
    private func days(_ now: Instant, _ session: any SQLSession) throws -> (LocalDate, LocalDate)? {
        let company = try CompanySettings.load(in: session)
        guard let run = try session.row("SELECT max(day) FROM day_run")?.optionalInteger(0) else { return nil }
        let today = company.day(of: now)
        let policy = try TrackingPolicy.load(in: session, on: today).policy
        return (today.adding(days: -policy.messagesMaximumAgeDays), min(today, LocalDate(dayNumber: Int(run))))
    }

    /// Notes what a mail server said to a message.
    package func note(_ result: Result, of message: Message, now: Instant) throws {
        var (state, answer, wait): (Int64, String, Int64) = (1, "", 0)
        switch result {
        case .sent: break
        case .notNow(let said): (state, answer, wait) = (0, said, Self.secondsToWait(after: message.attempt))
        case .never(let said): (state, answer) = (2, said)
        }
        _ = try store.engine.write { transaction in
            try transaction.session.execute(
                """
                UPDATE delivery SET result = \(state), answer = \(answer), leased_until = 0,
                    not_before = \(now.microseconds + wait * 1_000_000)
                 WHERE message = \(message.number) AND holder = \(holder)
                """)
        }
    }

    /// One minute, two, four … up to an hour.
    private static func secondsToWait(after attempt: Int) -> Int64 { 60 << Int64(min(attempt - 1, 6)) }

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
        guard let (first, _) = try days(now, session) else { return found }
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
