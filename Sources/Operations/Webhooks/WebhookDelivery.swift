internal import Database
internal import Formats
internal import Foundation
package import Ledger
internal import Receivables

/// Brings messages to webhooks, for whoever has a connection to the outside.
///
/// The journal is followed fact by fact: a webhook's place is the last fact that was looked at, so that nothing is left out,
/// however long nobody delivered. Of several servers one sends a message at a time (lease); a message that a receiver
/// didn't take in time is sent again with the same id.
package struct WebhookDelivery: Sendable {
    package struct Message: Sendable {
        package let number: Int64
        /// The webhook's code.
        package let webhook: String
        package let url: String
        /// The same for each attempt and for replays.
        package let id: String
        package let body: String
        package let timestamp: Int64
        /// One signature, or two after the secret was renewed.
        package let signature: String
        /// From 1.
        package let attempt: Int
    }

    package enum Result: Sendable {
        /// What the other side answered.
        case answered(Int)
        /// Nobody answered in time; with what was said.
        case failed(String)
    }

    /// So many facts are told in one message at most.
    package static let factsPerMessage = 100
    /// So many messages wait at most before more are made.
    private static let mostWaiting = 60
    /// After so many attempts, which take three days, somebody has to look at it.
    package static let mostAttempts = 23
    private static let keptDays: Int64 = 30
    static let testEvent = "webhook.test"

    private let store: Store
    private let holder: String
    private let leaseSeconds: Int64

    package init(of store: Store, holder: String, leaseSeconds: Int = 60) {
        self.store = store
        self.holder = holder
        self.leaseSeconds = Int64(leaseSeconds)
    }

    // MARK: Making messages

    /// Makes messages of what was recorded since, as many as may wait.
    ///
    /// - Returns: Whether there may be more.
    @discardableResult
    package func prepare(now: Instant) throws -> Bool {
        let behind = try store.read { session in
            let head = try ActRepository(session: session).head().lastFact
            return try session.row("SELECT 1 FROM webhook_place WHERE fact < \(head) LIMIT 1") != nil
        }
        guard behind else { return false }
        return try store.engine.write { transaction in
            let session = transaction.session
            let head = try ActRepository(session: session).head().lastFact
            var hasMore = false
            for webhook in try Webhooks.all(session) {
                if try advance(webhook, head, session) { hasMore = true }
            }
            try session.execute(
                """
                DELETE FROM webhook_message WHERE state = 1
                   AND noted_at < \(now.microseconds - Self.keptDays * 86_400_000_000)
                """)
            return hasMore
        }
    }

    /// - Returns: Whether there is more to tell.
    private func advance(_ webhook: Webhooks.Known, _ head: Int64, _ session: any SQLSession) throws -> Bool {
        let row = try session.row("SELECT fact FROM webhook_place WHERE webhook = \(webhook.id)")
        guard let place = row?.integer(0), place < head else { return false }
        guard webhook.isActive else {
            // What happens while it is switched off isn't told, unless somebody asks for it.
            try session.execute("UPDATE webhook_place SET fact = \(head) WHERE webhook = \(webhook.id)")
            return false
        }
        let waiting =
            try session.row(
                "SELECT count(*) FROM webhook_message WHERE webhook = \(webhook.id) AND state = 0")?.integer(0) ?? 0
        let room = Self.mostWaiting - Int(waiting)
        guard room > 0 else { return false }
        let limit = room * Self.factsPerMessage
        var found: [(fact: Int64, event: WebhookEvent)] = []
        var end = head
        for event in webhook.events.sorted(by: { $0.rawValue < $1.rawValue }) {
            let facts = try event.facts(after: place, through: end, limit: limit, session)
            if facts.count == limit, let last = facts.last { end = min(end, last) }
            found += facts.map { ($0, event) }
        }
        found = found.filter { $0.fact <= end }.sorted { $0.fact < $1.fact }
        let acts = ActRepository(session: session)
        var groups: [(event: WebhookEvent, act: Int64, first: Int64, last: Int64, count: Int)] = []
        var open: [WebhookEvent: Int] = [:]
        var lastAct: (act: Int64, through: Int64)?
        for (fact, event) in found {
            if lastAct.map({ fact > $0.through }) ?? true {
                guard let act = try acts.act(ofFact: fact)?.seq,
                    let range = try session.row("SELECT first_fact + fact_count - 1 FROM act WHERE seq = \(act)")
                else { continue }
                lastAct = (act, range.integer(0))
                open = [:]
            }
            if let index = open[event], groups[index].count < Self.factsPerMessage {
                groups[index].last = fact
                groups[index].count += 1
            } else {
                guard groups.count < room else {
                    end = fact - 1
                    break
                }
                open[event] = groups.count
                groups.append((event, lastAct?.act ?? 0, fact, fact, 1))
            }
        }
        // A group that was cut goes on where the next look begins.
        for group in groups where group.first <= end {
            _ = try Self.insert(
                webhook: webhook.id, event: group.event.rawValue, act: group.act, first: group.first,
                last: min(group.last, end), session)
        }
        try session.execute("UPDATE webhook_place SET fact = \(end) WHERE webhook = \(webhook.id)")
        return end < head
    }

    static func insert(
        webhook: Int64, event: String, act: Int64, first: Int64, last: Int64, _ session: any SQLSession
    ) throws -> Int64 {
        let number = (try session.row("SELECT max(number) FROM webhook_message")?.optionalInteger(0) ?? 0) + 1
        try session.execute(
            """
            INSERT INTO webhook_message (number, webhook, event, act, first_fact, last_fact, attempts, holder,
                leased_until, not_before, state, status, answer, noted_at)
            VALUES (\(number), \(webhook), \(event), \(act), \(first), \(last), 0, \(""), 0, 0, 0, 0, \(""), 0)
            """)
        return number
    }

    /// The same for the same records, so that no receiver takes other ones for those that it has.
    static func id(_ code: String, _ event: String, _ first: Int64, _ last: Int64, number: Int64) -> String {
        "\(code)_\(event)_\(first == 0 ? "\(number)" : first == last ? "\(first)" : "\(first)-\(last)")"
    }

    // MARK: Sending them

    /// Takes the next message that may go now, of webhooks that nobody is busy with.
    ///
    /// - Parameter only: Of this webhook alone.
    package func take(now: Instant, except busy: Set<String>, only: String? = nil) throws -> Message? {
        func due(_ session: any SQLSession) throws -> [SQLRow] {
            try session.rows(
                """
                SELECT m.number, m.event, m.act, m.first_fact, m.last_fact, m.attempts, w.code FROM webhook_message m
                  JOIN webhook w ON w.id = m.webhook
                 WHERE m.number IN (SELECT min(d.number) FROM webhook_message d WHERE d.state = 0
                    AND d.not_before <= \(now.microseconds) AND d.leased_until < \(now.microseconds) GROUP BY d.webhook)
                 ORDER BY m.number
                """
            ).filter { row in !busy.contains(row.text(6)) && (only == nil || only == row.text(6)) }
        }
        guard try store.read({ try !due($0).isEmpty }) else { return nil }
        return try store.engine.write { transaction in
            let session = transaction.session
            let all = Dictionary(uniqueKeysWithValues: try Webhooks.all(session).map { ($0.code, $0) })
            // One of each webhook: however many wait for one that hangs, the others' come at once.
            var waiting = try due(session)
            while let row = waiting.first {
                waiting.removeFirst()
                guard let webhook = all[row.text(6)] else { continue }
                let isUseless = !webhook.isActive || webhook.secret.isEmpty
                let until = isUseless ? 0 : now.microseconds + leaseSeconds * 1_000_000
                try session.execute(
                    """
                    UPDATE webhook_message SET attempts = attempts + 1, holder = \(holder), leased_until = \(until),
                        state = \(isUseless ? 2 : 0), answer = \(isUseless ? "switched off" : ""),
                        noted_at = \(isUseless ? now.microseconds : 0) WHERE number = \(row.integer(0))
                    """)
                if isUseless {
                    if waiting.isEmpty { waiting = try due(session) }
                    continue
                }
                return try message(row, webhook, now, session)
            }
            return nil
        }
    }

    private func message(
        _ row: SQLRow, _ webhook: Webhooks.Known, _ now: Instant, _ session: any SQLSession
    ) throws -> Message {
        let event = row.text(1)
        let id = Self.id(webhook.code, event, row.integer(3), row.integer(4), number: row.integer(0))
        let act = try session.row("SELECT recorded_at, actor, command FROM act WHERE seq = \(row.integer(2))")
        let data =
            try WebhookEvent(rawValue: event)?.data(from: row.integer(3), through: row.integer(4), session) ?? []
        let body = JSONValue.object([
            "id": .string(id), "type": .string(event), "act": .string("\(row.integer(2))"),
            "recordedAt": .optional(act.map { "\(Instant(microseconds: $0.integer(0)))" }),
            "command": .optional(act?.text(2)), "actor": .optional(act?.text(1)), "data": .array(data),
        ]).text
        let timestamp = now.microseconds / 1_000_000
        var secrets = [webhook.secret]
        if !webhook.previous.secret.isEmpty, now.microseconds < webhook.previous.until {
            secrets.append(webhook.previous.secret)
        }
        return Message(
            number: row.integer(0), webhook: webhook.code, url: webhook.url, id: id, body: body, timestamp: timestamp,
            signature: secrets.map { Webhooks.signature($0, id: id, timestamp: timestamp, body: body) }.joined(
                separator: " "), attempt: Int(row.integer(5)) + 1)
    }

    /// Notes what came of an attempt.
    ///
    /// - Returns: Whether the message was still ours.
    @discardableResult
    package func note(_ result: Result, of message: Message, now: Instant) throws -> Bool {
        var (state, status, answer): (Int64, Int, String)
        switch result {
        case .answered(let code) where (200...299).contains(code): (state, status, answer) = (1, code, "")
        // Gone: whoever is there wants no more.
        case .answered(410): (state, status, answer) = (2, 410, "")
        case .answered(let code): (state, status, answer) = (0, code, "")
        case .failed(let said): (state, status, answer) = (0, 0, String(said.prefix(200)))
        }
        if state == 0, message.attempt >= Self.mostAttempts { state = 2 }
        let wait = state == 0 ? Self.secondsToWait(after: message.attempt) : 0
        let (newState, newStatus, newAnswer) = (state, status, answer)
        return try store.engine.write { transaction in
            try transaction.session.execute(
                """
                UPDATE webhook_message SET state = \(newState), status = \(newStatus), answer = \(newAnswer),
                    leased_until = 0, not_before = \(now.microseconds + wait * 1_000_000), noted_at = \(now.microseconds)
                 WHERE number = \(message.number) AND holder = \(holder) AND state = 0
                """) > 0
        }
    }

    /// Two seconds, four, eight … up to eight hours.
    static func secondsToWait(after attempt: Int) -> Int64 { min(2 << Int64(min(max(attempt, 1), 20) - 1), 8 * 3600) }
}
