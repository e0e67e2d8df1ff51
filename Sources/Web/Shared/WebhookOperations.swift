internal import Formats
internal import Ledger
internal import Operations
internal import Receivables

/// Webhooks, for programs.
enum WebhookOperations {
    static let all: [Operation] = [list, events, add, record, change, renewSecret, test, replay, messages, resend]

    private static let eventNames = WebhookEvent.allCases.map(\.rawValue)
    private static let fields: [Schema.Field] = [
        .init("code", .line()), .init("version", .count), .init("url", .line(0...500)),
        .init("events", .list(of: .choice(eventNames))), .init("active", .flag),
        .init("act", .count, "The last act all of whose facts were looked at."),
        .init("waiting", .count, "Messages on their way."), .init("givenUp", .count),
    ]
    private static let shape = Schema.named("Webhook", .record(fields))

    private static func json(_ row: Webhooks.Row) -> JSONValue {
        .object([
            "code": .string(row.code), "version": .integer(row.version), "url": .string(row.url),
            "events": .texts(row.events.map(\.rawValue).sorted()), "active": .bool(row.isActive),
            "act": .integer(row.act), "waiting": .count(row.waiting), "givenUp": .count(row.givenUp),
        ])
    }

    private static let list = Operation.ask(
        "/webhooks", "listWebhooks", .seeWebhooks, "Addresses that are told of facts.",
        result: Shape.page("WebhookPage", shape)
    ) { call in
        let store = call.store
        return call.page(try await call.work { try WebhookQueries.all(in: store) }.map(json), next: nil)
    }

    private static let events = Operation.ask(
        "/webhook-events", "listWebhookEvents", .seeWebhooks, "What a webhook can be told of.",
        result: Shape.page("WebhookEventPage", .choice(eventNames))
    ) { call in call.page(eventNames.map(JSONValue.string), next: nil) }

    private static let wish: [Schema.Field] = [
        .init("url", .line(10...500), "`https://…`; `http://` on this machine alone."),
        .init("events", .list(.choice(eventNames), 1...eventNames.count)),
        .maybe("active", .flag, "True unless given; what happens meanwhile isn't told when it is switched on again."),
    ]

    private static func wish(_ call: Call) -> Webhooks.Wish {
        Webhooks.Wish(
            url: call.body.text("url") ?? "",
            events: Set(call.body.texts("events").compactMap { WebhookEvent(rawValue: $0) }),
            isActive: call.body.flag("active") ?? true)
    }

    private static let secret = Schema.Field.orNull(
        "secret", .line(), "Signs the messages; shown this once: the same request again shows none.")

    private static let add = Operation.act(
        .post, "/webhooks", "addWebhook", .setWebhook, "Makes an address known that is told of facts from now on.",
        about: """
            Messages are signed as Standard Webhooks 1.0 says: `webhook-signature` is `v1,` and the base64 of \
            HMAC-SHA256 over `webhook-id`, `webhook-timestamp` and the body, joined by dots, with the secret's bytes. \
            Refuse what is older than five minutes. A message comes at least once, with the same id each time; any answer \
            but 2xx within ten seconds is tried again, for three days.
            """,
        body: .named("NewWebhook", .record([.init("code", .line(1...40))] + wish)), status: 201,
        result: Shape.act("MadeWebhook", [secret]),
        example: .init(
            body: .object([
                "code": .string("warehouse"), "url": .string("https://warehouse.example/huikuan"),
                "events": .array([.string("invoice.registered"), .string("receipt.applied")]),
            ]))
    ) { call in
        let code = call.body.text("code") ?? ""
        let made = try await Webhooks(in: call.store, call.request(.setWebhook)).add(code, wish(call))
        return .act(made.act, ["secret": .optional(made.secret)], at: "/webhooks/\(URLText.encode(code))")
    }

    private static let record = Operation.ask(
        "/webhooks/{webhook}", "getWebhook", .seeWebhooks, "One webhook.", result: shape, isVersioned: true,
        example: .init(places: ["webhook": "warehouse"])
    ) { call in
        let (code, store) = (call.place("webhook"), call.store)
        let row = try await call.work { try WebhookQueries.webhook(code, in: store) }
        // What waits and was given up changes without a version.
        return Answer(body: json(row), version: row.version, isWhole: false)
    }

    private static let change = Operation.act(
        .put, "/webhooks/{webhook}", "changeWebhook", .setWebhook, "Changes a webhook's address, events or state.",
        body: .named("WebhookChange", .record(wish)), needsVersion: true,
        example: .init(
            places: ["webhook": "warehouse"],
            body: .object([
                "url": .string("https://warehouse.example/huikuan"),
                "events": .array([.string("invoice.registered")]),
            ]))
    ) { call in
        .act(
            try await Webhooks(in: call.store, call.request(.setWebhook)).change(
                call.place("webhook"), wish(call), seen: call.version))
    }

    private static let renewSecret = Operation.act(
        .post, "/webhooks/{webhook}/secret", "renewWebhookSecret", .setWebhook,
        "Makes a new secret; for a day messages carry the signatures of both.",
        result: Shape.act("RenewedWebhook", [secret]), example: .init(places: ["webhook": "warehouse"])
    ) { call in
        let made = try await Webhooks(in: call.store, call.request(.setWebhook)).renewSecret(call.place("webhook"))
        return .act(made.act, ["secret": .optional(made.secret)])
    }

    private static let test = Operation.act(
        .post, "/webhooks/{webhook}/test", "testWebhook", .setWebhook,
        "Sends a message that says nothing, to see whether it comes.",
        result: .named("TestedWebhook", .record([.init("message", .identifier)])),
        example: .init(places: ["webhook": "warehouse"])
    ) { call in
        let number = try await Webhooks(in: call.store, call.request(.setWebhook)).test(call.place("webhook"))
        return .json(.object(["message": Shape.id(number)]))
    }

    private static let done = Schema.named("WebhookDone", .record([.init("webhook", .line())]))

    private static let replay = Operation.act(
        .post, "/webhooks/{webhook}/replay", "replayWebhook", .setWebhook,
        "Tells again all that was recorded after an act; a message over the same records has the same id.",
        body: .named("Replay", .record([.init("after", .count, "The number of an act; 0 tells everything.")])),
        result: done, example: .init(places: ["webhook": "warehouse"], body: .object(["after": .integer(1)]))
    ) { call in
        try await Webhooks(in: call.store, call.request(.setWebhook)).replay(
            call.place("webhook"), after: call.body.whole("after") ?? 0)
        return .json(.object(["webhook": .string(call.place("webhook"))]))
    }

    private static let messages = Operation.ask(
        "/webhooks/{webhook}/messages", "listWebhookMessages", .seeWebhooks,
        "What became of a webhook's messages, newest first; delivered ones are kept for 30 days.",
        query: [.cursor, .limit(200)],
        result: Shape.page(
            "WebhookMessagePage",
            .named(
                "WebhookMessage",
                .record([
                    .init("number", .identifier), .init("id", .line(0...200), "As the receiver got it."),
                    .init("event", .line()), .init("act", .count), .init("attempts", .count),
                    .init("state", .choice(["waiting", "delivered", "givenUp"])),
                    .init("status", .count, "What was answered last; 0 where nobody answered."),
                    .init("answer", .line(0...400)), .orNull("triedAt", .instant), .orNull("nextAt", .instant),
                ]))), example: .init(places: ["webhook": "warehouse"])
    ) { call in
        let (code, before, limit, store) = (
            call.place("webhook"), try call.numberCursor(), call.limit, call.store
        )
        let rows = try await call.work {
            try WebhookQueries.messages(of: code, before: before, limit: limit + 1, in: store)
        }
        let shown = rows.prefix(limit)
        return call.page(
            shown.map { row in
                .object([
                    "number": Shape.id(row.number), "id": .string(row.id), "event": .string(row.event),
                    "act": .integer(row.act), "attempts": .count(row.attempts), "state": .string("\(row.state)"),
                    "status": .count(row.status), "answer": .string(row.answer),
                    "triedAt": Shape.instant(row.notedAt), "nextAt": Shape.instant(row.nextAt),
                ])
            }, next: rows.count > limit ? shown.last.map { "\($0.number)" } : nil)
    }

    private static let resend = Operation.act(
        .post, "/webhooks/{webhook}/messages/{id}/resend", "resendWebhookMessage", .setWebhook,
        "Sends a message once more, now.", result: done,
        example: .init(places: ["webhook": "warehouse", "id": "1"], needs: "a message of the webhook")
    ) { call in
        try await Webhooks(in: call.store, call.request(.setWebhook)).resend(call.id, of: call.place("webhook"))
        return .json(.object(["webhook": .string(call.place("webhook"))]))
    }
}
