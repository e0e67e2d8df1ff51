internal import CCrypto
internal import Database
internal import Foundation
package import Ledger
internal import Receivables

/// Addresses of other systems that are told of facts (Webhook). What they are told is in the order of the journal, signed,
/// and sent again until they have it.
package struct Webhooks: Sendable {
    private let store: Store
    private let request: ActRequest

    package init(in store: Store, _ request: ActRequest) {
        self.store = store
        self.request = request
    }

    /// What somebody wants an address to be told.
    package struct Wish: Sendable {
        package var url: String
        package var events: Set<WebhookEvent>
        package var isActive: Bool

        package init(url: String, events: Set<WebhookEvent>, isActive: Bool = true) {
            self.url = url
            self.events = events
            self.isActive = isActive
        }
    }

    /// A webhook as it is now.
    package struct Row: Sendable {
        package let code: String
        package let version: Int64
        package let url: String
        package let events: Set<WebhookEvent>
        package let isActive: Bool
        /// The last act all of whose facts were looked at.
        package let act: Int64
        package let waiting: Int
        package let givenUp: Int
    }

    /// Makes an address known. It is told of what is recorded from now on.
    ///
    /// - Returns: The secret that signs, shown this once; `nil` when the same was asked for before.
    /// - Throws: `Refusal` `webhook.code`, `webhook.address`, `webhook.no-event`, `access.scope`.
    package func add(_ code: String, _ wish: Wish) async throws -> (secret: String?, act: Int64?) {
        let isGood =
            (1...40).contains(code.utf8.count)
            && code.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
        guard isGood else { throw Refusal(.webhookCode, ["webhook": .text(String(code.prefix(80)))]) }
        try Self.check(wish)
        let secret = Self.newSecret()
        let written = try await store.write(request) { books in
            try Self.needEverything(books)
            guard try Self.find(code, books.session) == nil else {
                throw Refusal(.webhookCode, ["webhook": .text(code)])
            }
            let id = try books.facts.append(.webhook) { $0.text(code) }
            try Self.append(id, n: 1, wish, secret: secret, previous: ("", 0), books)
            try books.session.execute(
                "INSERT INTO webhook_place (webhook, fact) VALUES (\(id), \(books.facts.lastFact))")
            return id
        }
        return (written.isReplay ? nil : secret, written.act)
    }

    /// Changes where it is, what it is told, or whether at all.
    ///
    /// - Parameter seen: The version that whoever changes it knows.
    /// - Throws: `Refusal` `webhook.unknown`, `webhook.changed`, `webhook.address`, `webhook.no-event`.
    package func change(_ code: String, _ wish: Wish, seen: Int64?) async throws -> Int64? {
        try Self.check(wish)
        return try await store.write(request) { books in
            try Self.needEverything(books)
            let known = try Self.need(code, books.session)
            if let seen, seen != known.n { throw Refusal(.webhookChanged, ["webhook": .text(code)]) }
            try Self.append(
                known.id, n: known.n + 1, wish, secret: known.secret, previous: known.previous, books)
            return known.id
        }.act
    }

    /// A new secret; for a day messages carry the signatures of both.
    ///
    /// - Returns: The secret, shown this once; `nil` when the same was asked for before.
    /// - Throws: `Refusal` `webhook.unknown`.
    package func renewSecret(_ code: String) async throws -> (secret: String?, act: Int64?) {
        let secret = Self.newSecret()
        let written = try await store.write(request) { [request] books in
            try Self.needEverything(books)
            let known = try Self.need(code, books.session)
            let wish = Wish(url: known.url, events: known.events, isActive: known.isActive)
            let until = request.now.microseconds + 86_400_000_000
            try Self.append(known.id, n: known.n + 1, wish, secret: secret, previous: (known.secret, until), books)
            return known.id
        }
        return (written.isReplay ? nil : secret, written.act)
    }

    /// Tells again all that was recorded after an act; a message over the same records has the same id, so
    /// that who has it can tell.
    ///
    /// - Throws: `Refusal` `webhook.unknown`, `act.unknown`.
    package func replay(_ code: String, after act: Int64) async throws {
        _ = try await store.write(request) { books in
            try Self.needEverything(books)
            let known = try Self.need(code, books.session)
            var fact: Int64 = 0
            if act > 0 {
                let row = try books.session.row("SELECT first_fact + fact_count - 1 FROM act WHERE seq = \(act)")
                guard let row else { throw Refusal(.actUnknown, ["act": .text("#\(act)")]) }
                fact = row.integer(0)
            }
            // What waits is told again too, in its place.
            try books.session.execute("DELETE FROM webhook_message WHERE webhook = \(known.id) AND state = 0")
            try books.session.execute("UPDATE webhook_place SET fact = \(fact) WHERE webhook = \(known.id)")
            return known.id
        }
    }

    /// Sends a message once more, now.
    ///
    /// - Throws: `Refusal` `webhook.unknown`, `webhook.message-unknown`.
    package func resend(_ number: Int64, of code: String) async throws {
        _ = try await store.write(request) { books in
            try Self.needEverything(books)
            let known = try Self.need(code, books.session)
            let changed = try books.session.execute(
                """
                UPDATE webhook_message SET state = 0, attempts = 0, not_before = 0, leased_until = 0
                 WHERE number = \(number) AND webhook = \(known.id)
                """)
            guard changed > 0 else { throw Refusal(.webhookMessageUnknown, ["message": .text("\(number)")]) }
            return number
        }
    }

    /// Sends a message that says nothing, to see whether it comes.
    ///
    /// - Throws: `Refusal` `webhook.unknown`.
    package func test(_ code: String) async throws -> Int64 {
        try await store.write(request) { books in
            try Self.needEverything(books)
            let known = try Self.need(code, books.session)
            return try WebhookDelivery.insert(
                webhook: known.id, event: WebhookDelivery.testEvent, act: 0, first: 0, last: 0, books.session)
        }.outcome
    }

    // MARK: Parts

    struct Known {
        let id: Int64
        let code: String
        let n: Int64
        let url: String
        let secret: String
        /// The secret before, which signs too up to an instant (exclusive, microseconds since 1970).
        let previous: (secret: String, until: Int64)
        let events: Set<WebhookEvent>
        let isActive: Bool
        /// The number of the version's fact.
        let fact: Int64
    }

    static func find(_ code: String, _ session: any SQLSession) throws -> Known? {
        try all(session).first { $0.code == code }
    }

    private static func need(_ code: String, _ session: any SQLSession) throws -> Known {
        guard let known = try find(code, session) else { throw Refusal(.webhookUnknown, ["webhook": .text(code)]) }
        return known
    }

    static func all(_ session: any SQLSession) throws -> [Known] {
        let personal = PersonalRepository(session: session, facts: nil)
        return try session.rows(
            """
            SELECT w.id, w.code, v.n, v.events, v.is_active, v.personal, v.id FROM webhook w
              JOIN webhook_version v ON v.webhook = w.id
               AND v.n = (SELECT max(o.n) FROM webhook_version o WHERE o.webhook = w.id) ORDER BY w.code
            """
        ).map { row in
            let fields = try personal.fields(row.integer(5)) ?? []
            func field(_ index: Int) -> String { fields.indices.contains(index) ? fields[index] : "" }
            return Known(
                id: row.integer(0), code: row.text(1), n: row.integer(2), url: field(0), secret: field(1),
                previous: (field(2), Int64(field(3)) ?? 0),
                events: Set(row.text(3).split(separator: " ").compactMap { WebhookEvent(rawValue: String($0)) }),
                isActive: row.integer(4) == 1, fact: row.integer(6))
        }
    }

    private static func append(
        _ webhook: Int64, n: Int64, _ wish: Wish, secret: String, previous: (secret: String, until: Int64),
        _ books: Books
    ) throws {
        // Addresses hold secrets of their own often enough.
        let personal = try books.personal.append(
            [wish.url, secret, previous.secret, "\(previous.until)"], subject: webhook)
        try books.facts.append(.webhookVersion) { row in
            row.integer(webhook)
            row.integer(n)
            row.text(wish.events.map(\.rawValue).sorted().joined(separator: " "))
            row.integer(wish.isActive ? 1 : 0)
            row.integer(personal)
        }
    }

    /// They are told of all customers.
    private static func needEverything(_ books: Books) throws {
        guard try books.viewer().seesAll else { throw Refusal(.accessScope) }
    }

    /// TLS everywhere but on this machine, where nobody listens in between; no names or passwords in the address.
    private static func check(_ wish: Wish) throws(Refusal) {
        guard !wish.events.isEmpty else { throw Refusal(.webhookNoEvent) }
        let shown = Refusal(.webhookAddress, ["url": .text(String(wish.url.prefix(200)))])
        guard wish.url.utf8.count <= 500, wish.url.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            let parts = URLComponents(string: wish.url), let host = parts.host, !host.isEmpty, parts.user == nil,
            parts.password == nil, parts.fragment == nil
        else { throw shown }
        let isHere = ["127.0.0.1", "localhost", "[::1]", "::1"].contains(host)
        guard parts.scheme == "https" || parts.scheme == "http" && isHere else { throw shown }
    }

    private static func newSecret() -> String {
        "whsec_" + Data(PersonalRepository.system(32)).base64EncodedString()
    }

    /// The signature of a message (Standard Webhooks 1.0): HMAC-SHA256 over id, time and body, base64.
    package static func signature(_ secret: String, id: String, timestamp: Int64, body: String) -> String {
        let key = secret.hasPrefix("whsec_") ? String(secret.dropFirst(6)) : secret
        let bytes = Array(Data(base64Encoded: key) ?? Data(key.utf8))
        let text = Array("\(id).\(timestamp).\(body)".utf8)
        var digest = [UInt8](repeating: 0, count: 32)
        huikuan_hmac(0, bytes, bytes.count, text, text.count, &digest)
        return "v1," + Data(digest).base64EncodedString()
    }
}

/// Questions about webhooks and what became of their messages.
package enum WebhookQueries {
    package static func all(in store: Store) throws -> [Webhooks.Row] {
        try store.read { session in
            try Webhooks.all(session).map { known in
                let place =
                    try session.row("SELECT fact FROM webhook_place WHERE webhook = \(known.id)")?.integer(0) ?? 0
                let act = place == 0 ? 0 : try ActRepository(session: session).act(ofFact: place)?.seq ?? 0
                func count(_ state: Int) throws -> Int {
                    Int(
                        try session.row(
                            "SELECT count(*) FROM webhook_message WHERE webhook = \(known.id) AND state = \(state)")?
                            .integer(0) ?? 0)
                }
                return Webhooks.Row(
                    code: known.code, version: known.n, url: known.url, events: known.events, isActive: known.isActive,
                    act: act, waiting: try count(0), givenUp: try count(2))
            }
        }
    }

    /// - Throws: `Refusal` `webhook.unknown`.
    package static func webhook(_ code: String, in store: Store) throws -> Webhooks.Row {
        guard let row = try all(in: store).first(where: { $0.code == code }) else {
            throw Refusal(.webhookUnknown, ["webhook": .text(code)])
        }
        return row
    }

    /// What became of a message.
    package struct MessageRow: Sendable {
        package enum State: Int64, Sendable { case waiting = 0, delivered, givenUp }

        package let number: Int64
        package let id: String
        package let event: String
        package let act: Int64
        package let attempts: Int
        package let state: State
        /// What the other side answered last; 0 where it gave no answer.
        package let status: Int
        package let answer: String
        package let notedAt: Instant?
        /// When it is tried again, of one that waits.
        package let nextAt: Instant?
    }

    /// Messages of a webhook, newest first.
    ///
    /// - Throws: `Refusal` `webhook.unknown`.
    package static func messages(
        of code: String, before: Int64?, limit: Int, in store: Store
    ) throws -> [MessageRow] {
        try store.read { session in
            guard let known = try Webhooks.find(code, session) else {
                throw Refusal(.webhookUnknown, ["webhook": .text(code)])
            }
            return try session.rows(
                """
                SELECT number, event, act, first_fact, attempts, state, status, answer, noted_at, not_before, last_fact
                  FROM webhook_message WHERE webhook = \(known.id) AND number < \(before ?? .max)
                 ORDER BY number DESC LIMIT \(limit)
                """
            ).map { row in
                let state = MessageRow.State(rawValue: row.integer(5)) ?? .waiting
                return MessageRow(
                    number: row.integer(0),
                    id: WebhookDelivery.id(
                        known.code, row.text(1), row.integer(3), row.integer(10), number: row.integer(0)),
                    event: row.text(1), act: row.integer(2), attempts: Int(row.integer(4)), state: state,
                    status: Int(row.integer(6)), answer: row.text(7),
                    notedAt: row.integer(8) == 0 ? nil : Instant(microseconds: row.integer(8)),
                    nextAt: state == .waiting && row.integer(9) > 0 ? Instant(microseconds: row.integer(9)) : nil)
            }
        }
    }
}
