internal import Ledger
internal import Operations
internal import Receivables

/// Addresses of other systems that are told of facts, and what became of what they were told.
enum WebhookPages {
    static let routes: [Route] = [
        Route(.get, "/webhooks", .permission(.seeWebhooks)) { try await list($0) },
        Route(.post, "/webhooks", .permission(.setWebhook), add),
        Route(.get, "/webhooks/{webhook}", .permission(.seeWebhooks)) { try await show($0) },
        Route(.post, "/webhooks/{webhook}", .permission(.setWebhook), change),
        Route(.post, "/webhooks/{webhook}/secret", .permission(.setWebhook), renewSecret),
        Route(.post, "/webhooks/{webhook}/test", .permission(.setWebhook), test),
        Route(.post, "/webhooks/{webhook}/replay", .permission(.setWebhook), replay),
        Route(.post, "/webhooks/{webhook}/resend", .permission(.setWebhook), resend),
    ]

    private static func list(_ asking: Asking, refused: Refusal? = nil) async throws -> Reply {
        let w = asking.w
        let parts = Parts(asking)
        let store = asking.store
        let rows = try await asking.work { try WebhookQueries.all(in: store) }
        let form: HTML = """
            <details class="sec"\(if: refused != nil, " open")><summary>\(w(.webhookAdd))</summary><form class="form" method="post" action="/webhooks">\(Layout.formFields(asking))
            \(parts.field("code", w(.webhookName), value: asking.form["code"], hint: w(.webhookNameHint), isRequired: true))\(wish(asking, url: asking.form["url"], events: Set(asking.form.all("event"))))
            <p class="acts">\(parts.submit(w(.webhookAdd)))</p></form></details>
            """
        return Layout(asking).page(
            w(.webhooksTitle), at: .settings, status: refused == nil ? 200 : 422,
            """
            \(parts.head(w(.webhooksTitle), trail: [(w(.navSettings), "/settings")]))
            \(refused.map { parts.callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            \(parts.answer(HTML(w(.webhooksText))))
            \(rows.isEmpty ? parts.empty(w(.nothingYet)) : table(rows, asking))
            \(if: asking.may(.setWebhook), form)
            """)
    }

    private static func table(_ rows: [Webhooks.Row], _ asking: Asking) -> HTML {
        let w = asking.w
        let parts = Parts(asking)
        return """
            <div class="scroll"><table class="figures slim"><thead><tr><th scope="col">\(w(.webhookName))</th><th scope="col">\(w(.address))</th><th scope="col">\(w(.state))</th><th scope="col" class="r">\(w(.lastAct))</th><th scope="col" class="r">\(w(.messagesWaiting))</th><th scope="col" class="r">\(w(.messagesUndelivered))</th></tr></thead><tbody>\(each: rows, { row in
                "<tr data-row><th scope=\"row\"><a href=\"/webhooks/\(URLText.encode(row.code))\" data-open>\(row.code)</a></th><td>\(host(row.url))</td><td>\(row.isActive ? parts.tag(w(.on), "good") : parts.tag(w(.off)))</td><td class=\"r\">#\(row.act)</td><td class=\"r\">\(row.waiting)</td><td class=\"r\">\(row.givenUp > 0 ? parts.bad("\(row.givenUp)") : "0")</td></tr>"
            })</tbody></table></div>
            """
    }

    /// Without what stands behind the host, where secrets often stand.
    private static func host(_ url: String) -> String {
        let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        return parts.count > 2 ? "\(parts[0])//\(parts[2])/…" : url
    }

    private static func wish(_ asking: Asking, url: String, events: Set<String>) -> HTML {
        let w = asking.w
        let choices: HTML =
            "\(each: WebhookEvent.allCases, { "<label><input type=\"checkbox\" name=\"event\" value=\"\($0.rawValue)\"\(if: events.contains($0.rawValue), " checked")>\(w.name(.webhookEvent, $0.rawValue))</label>" })"
        return """
            \(Parts(asking).field("url", w(.address), value: url, type: "url", hint: w(.webhookAddressHint), isRequired: true))
            <fieldset><legend>\(w(.webhookEvents))</legend><div class="choices">\(choices)</div></fieldset>
            """
    }

    private static func wish(_ asking: Asking) -> Webhooks.Wish {
        Webhooks.Wish(
            url: asking.form["url"],
            events: Set(asking.form.all("event").compactMap { WebhookEvent(rawValue: $0) }),
            isActive: asking.form["active"] != "0")
    }

    @Sendable private static func add(_ asking: Asking) async throws -> Reply {
        do {
            let code = asking.form["code"]
            let made = try await Webhooks(in: asking.store, asking.request(.setWebhook)).add(code, wish(asking))
            // A page that is asked for again shows no second secret.
            guard let secret = made.secret else { return .redirect("/webhooks/\(URLText.encode(code))") }
            return try await show(asking, code: code, secret: secret)
        } catch let refusal as Refusal {
            return try await list(asking, refused: refusal)
        }
    }

    // MARK: One

    private static func show(
        _ asking: Asking, code named: String? = nil, secret: String? = nil, refused: Refusal? = nil
    ) async throws -> Reply {
        let w = asking.w
        let parts = Parts(asking)
        let code = named ?? asking.place("webhook")
        let store = asking.store
        let before = Int64(asking.query["before"])
        let (row, messages) = try await asking.work {
            (
                try WebhookQueries.webhook(code, in: store),
                try WebhookQueries.messages(of: code, before: before, limit: 51, in: store)
            )
        }
        let made: HTML =
            secret.map {
                "<section class=\"sec\"><h2>\(w(.webhookSecret))</h2><p class=\"lead\">\(w(.webhookSecretText))</p><p class=\"secret\">\($0)</p></section>"
            } ?? .nothing
        let more: HTML =
            messages.count > 50
            ? "<p class=\"acts\">\(parts.button(w(.olderMessages), asking.address(("before", "\(messages[49].number)"))))</p>"
            : .nothing
        return Layout(asking).page(
            row.code, at: .settings, status: refused == nil ? 200 : 422,
            """
            \(parts.head(row.code, meta: HTML(row.isActive ? w(.on) : w(.off)), trail: [(w(.webhooksTitle), "/webhooks")]))
            \(refused.map { parts.callout(HTML(w.message($0)), isBad: true) } ?? .nothing)\(made)
            \(parts.stats([(w(.lastAct), HTML("#\(row.act)")), (w(.messagesWaiting), HTML("\(row.waiting)")), (w(.messagesUndelivered), HTML("\(row.givenUp)"))]))
            \(if: asking.may(.setWebhook), forms(row, asking))
            <section class="sec"><h2>\(w(.webhookMessages))</h2>\(messages.isEmpty ? parts.empty(w(.nothingYet)) : log(Array(messages.prefix(50)), row, asking))\(more)</section>
            """)
    }

    private static func forms(_ row: Webhooks.Row, _ asking: Asking) -> HTML {
        let w = asking.w
        let path = "/webhooks/\(URLText.encode(row.code))"
        let parts = Parts(asking)
        let isTyped = asking.form.has("url")
        let change: HTML = """
            <form class="form" method="post" action="\(path)">\(Layout.formFields(asking))<input type="hidden" name="version" value="\(row.version)">
            \(wish(asking, url: isTyped ? asking.form["url"] : row.url, events: isTyped ? Set(asking.form.all("event")) : Set(row.events.map(\.rawValue))))
            \(parts.select("active", w(.state), [("1", w(.on)), ("0", w(.off))], selected: row.isActive ? "1" : "0"))<p class="acts">\(parts.submit(w(.save)))</p></form>
            """
        return """
            <div class="acts sec"><form method="post" action="\(path)/test" data-loose>\(Layout.formFields(asking))<button class="btn">\(w(.webhookTest))</button></form><form method="post" action="\(path)/secret" data-loose>\(Layout.formFields(asking))<button class="btn">\(w(.webhookRenew))</button></form></div>
            <details><summary>\(w(.webhookReplay))</summary><form class="form narrow" method="post" action="\(path)/replay">\(Layout.formFields(asking))<p class="lead">\(w(.webhookReplayText))</p>\(Parts(asking, form: "replay").field("after", w(.webhookReplayAfter), value: asking.form["after"], type: "number", isRequired: true))<p class="acts">\(parts.submit(w(.webhookReplay), main: false))</p></form></details>
            <details\(if: isTyped, " open")><summary>\(w(.change))</summary>\(change)</details>
            """
    }

    private static func log(_ rows: [WebhookQueries.MessageRow], _ webhook: Webhooks.Row, _ asking: Asking) -> HTML {
        let w = asking.w
        let parts = Parts(asking)
        func state(_ row: WebhookQueries.MessageRow) -> HTML {
            switch row.state {
            case .delivered: parts.tag(w(.messageDelivered), "good")
            case .givenUp: parts.tag(w(.messageGivenUp), "bad")
            case .waiting: parts.tag(w(.messageWaiting), row.attempts > 0 ? "warn" : "")
            }
        }
        func time(_ row: WebhookQueries.MessageRow) -> HTML {
            row.notedAt.map { w.moment($0, asking.site.company, today: asking.today) } ?? "–"
        }
        func act(_ row: WebhookQueries.MessageRow) -> HTML {
            guard row.act > 0 else { return "–" }
            return asking.may(.seeActs)
                ? "<a href=\"/acts/\(row.act)\" data-drawer>#\(row.act)</a>" : HTML("#\(row.act)")
        }
        let path = "/webhooks/\(URLText.encode(webhook.code))/resend"
        func again(_ row: WebhookQueries.MessageRow) -> HTML {
            guard asking.may(.setWebhook) else { return .nothing }
            return
                "<form method=\"post\" action=\"\(path)\" data-loose>\(Layout.formFields(asking))<input type=\"hidden\" name=\"message\" value=\"\(row.number)\"><button class=\"link\">\(w(.sendAgain))<span class=\"hidden\"> \(row.number)</span></button></form>"
        }
        return """
            <div class="scroll"><table class="figures slim"><thead><tr><th scope="col" class="r">\(w(.number))</th><th scope="col">\(w(.webhookEvent))</th><th scope="col">\(w(.act))</th><th scope="col">\(w(.state))</th><th scope="col" class="r">\(w(.attempts))</th><th scope="col">\(w(.answerHead))</th><th scope="col">\(w(.time))</th><th scope="col"><span class="hidden">\(w(.sendAgain))</span></th></tr></thead><tbody>\(each: rows, { row in
                "<tr data-row><th scope=\"row\" class=\"r\">\(row.number)</th><td>\(w.name(.webhookEvent, row.event))</td><td>\(act(row))</td><td>\(state(row))</td><td class=\"r\">\(row.attempts)</td><td>\(row.status > 0 ? "\(row.status)" : row.answer)</td><td>\(time(row))</td><td>\(again(row))</td></tr>"
            })</tbody></table></div>
            """
    }

    @Sendable private static func change(_ asking: Asking) async throws -> Reply {
        do {
            _ = try await Webhooks(in: asking.store, asking.request(.setWebhook)).change(
                asking.place("webhook"), wish(asking), seen: Int64(asking.form["version"]))
            return Notice.redirect("/webhooks/\(URLText.encode(asking.place("webhook")))", "saved")
        } catch let refusal as Refusal where refusal.code != .webhookUnknown {
            return try await show(asking, refused: refusal)
        }
    }

    @Sendable private static func renewSecret(_ asking: Asking) async throws -> Reply {
        let made = try await Webhooks(in: asking.store, asking.request(.setWebhook)).renewSecret(
            asking.place("webhook"))
        return try await show(asking, secret: made.secret)
    }

    @Sendable private static func test(_ asking: Asking) async throws -> Reply {
        _ = try await Webhooks(in: asking.store, asking.request(.setWebhook)).test(asking.place("webhook"))
        return Notice.redirect("/webhooks/\(URLText.encode(asking.place("webhook")))", "saved")
    }

    @Sendable private static func replay(_ asking: Asking) async throws -> Reply {
        do {
            guard let after = Int64(asking.form["after"]), after >= 0 else {
                throw Refusal(.actUnknown, ["act": .text(asking.form["after"])])
            }
            try await Webhooks(in: asking.store, asking.request(.setWebhook)).replay(
                asking.place("webhook"), after: after)
            return Notice.redirect("/webhooks/\(URLText.encode(asking.place("webhook")))", "saved")
        } catch let refusal as Refusal where refusal.code == .actUnknown {
            return try await show(asking, refused: refusal)
        }
    }

    @Sendable private static func resend(_ asking: Asking) async throws -> Reply {
        try await Webhooks(in: asking.store, asking.request(.setWebhook)).resend(
            Int64(asking.form["message"]) ?? 0, of: asking.place("webhook"))
        return Notice.redirect("/webhooks/\(URLText.encode(asking.place("webhook")))", "saved")
    }
}
