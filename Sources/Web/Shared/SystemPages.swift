internal import Formats
internal import Foundation
internal import Ledger
internal import Operations
internal import Receivables

/// What is for machines and administrators: files of the site, health, metrics, status, the security log.
enum SystemPages {
    static let routes: [Route] = [
        Route(.get, "/assets/{name}", .anybody, asset),
        Route(.get, "/icon.svg", .anybody) { _ in
            Reply.text(Assets.icon, type: "image/svg+xml").with("Cache-Control", "public, max-age=86400")
        },
        Route(.get, "/health", .anybody) { _ in .text("ok\n") },
        Route(.get, "/ready", .anybody, ready),
        Route(.get, "/metrics", .anybody, metrics),
        Route(.get, "/status", .permission(.seeStatus), status),
        Route(.get, "/security", .permission(.seeSecurity), security),
    ]

    @Sendable private static func asset(_ asking: Asking) async throws -> Reply {
        guard let asset = asking.site.assets.find(asking.place("name")) else {
            return ErrorPages.plain(404, asking.w, asking.site, asking.requestID)
        }
        return Reply(
            headers: [("Content-Type", asset.type), ("Cache-Control", "public, max-age=31536000, immutable")],
            body: asset.bytes)
    }

    /// Whether the store answers.
    @Sendable private static func ready(_ asking: Asking) async throws -> Reply {
        let store = asking.store
        do {
            _ = try await asking.work { try AccountQueries.hasAny(in: store) }
            return .text("ready\n")
        } catch {
            return .text("not ready\n", status: 503)
        }
    }

    /// For watchers on this machine, or who come by a proxy that lets them.
    @Sendable private static func metrics(_ asking: Asking) async throws -> Reply {
        guard asking.origin.address.hasPrefix("127.") || asking.origin.address == "::1" || asking.may(.seeStatus) else {
            return ErrorPages.plain(404, asking.w, asking.site, asking.requestID)
        }
        let (store, now) = (asking.store, asking.now)
        let figures = try await asking.work { try SettingQueries.figures(in: store, now: now) }
        let writing = store.writing
        let gauges: [(name: String, help: String, value: Int64)] = [
            ("huikuan_last_act", "Number of the last act.", figures.acts),
            ("huikuan_facts", "Facts in the store.", figures.facts),
            ("huikuan_outbox_waiting", "Messages that wait.", figures.waitingMessages),
            ("huikuan_outbox_undelivered", "Messages given up.", figures.undelivered),
            ("huikuan_sessions", "Sessions of browsers.", figures.sessions),
            (
                "huikuan_last_day_run", "The last day run, as days since 1970.",
                Int64(figures.lastDayRun?.dayNumber ?? 0)
            ),
            (
                "huikuan_day_run_behind_days", "Days since the last day run; more than one is late.",
                Int64(figures.lastDayRun.map { asking.today.days(since: $0) } ?? -1)
            ),
            ("huikuan_commands_waiting", "Commands that wait for the writer.", Int64(writing.waiting)),
            ("huikuan_webhook_waiting", "Messages to other systems that wait.", figures.waitingWebhooks),
            ("huikuan_webhook_undelivered", "Messages to other systems given up.", figures.undeliveredWebhooks),
        ]
        return .text(
            asking.site.metrics.text(gauges, writing), type: "text/plain; version=0.0.4; charset=utf-8")
    }

    @Sendable private static func status(_ asking: Asking) async throws -> Reply {
        let (store, now) = (asking.store, asking.now)
        let figures = try await asking.work { try SettingQueries.figures(in: store, now: now) }
        let w = asking.w
        let parts = Parts(asking)
        let isBehind = figures.lastDayRun.map { asking.today.days(since: $0) > 1 } ?? true
        return Layout(asking).page(
            w(.navStatus), at: .status,
            """
            \(parts.head(w(.navStatus), actions: asking.may(.seeSecurity) ? parts.button(w(.securityLog), "/security") : .nothing))
            \(parts.answer(w.html(isBehind ? .statusBehind : .statusGood, ["day": figures.lastDayRun.map { w.date($0, today: asking.today) } ?? "–"])))
            \(parts.stats([
                (w(.actsHead), HTML("\(figures.acts)")), (w(.factsHead), HTML("\(figures.facts)")),
                (w(.messagesWaiting), HTML("\(figures.waitingMessages)")), (w(.messagesUndelivered), HTML("\(figures.undelivered)")),
                (w(.sessions), HTML("\(figures.sessions)")), (w(.accountsHead), HTML("\(figures.people)")),
            ]))
            <div class="sheet">\(parts.facts([
                (w(.programVersion), HTML(Store.appVersion)), (w(.lastAct), w.moment(figures.lastInstant, asking.site.company, today: asking.today)),
                (w(.chainHead), "<code>#\(figures.acts) \(String(figures.headHash.prefix(32)))…</code>"),
                (w(.storeKind), HTML(w.name(.store, asking.site.company.kind.rawValue))),
            ]))</div>
            <p class="meta sec">\(w(.statusHint))</p>
            """)
    }

    @Sendable private static func security(_ asking: Asking) async throws -> Reply {
        let store = asking.store
        typealias Row = AccountQueries.SecurityRow
        let w = asking.w
        let parts = Parts(asking)
        let company = asking.site.company
        let time = ListColumn<Row>(
            id: "time", title: w(.time), kind: .text, isAlways: true,
            cell: { "<th scope=\"row\">\(w.moment($0.instant, company, today: asking.today))</th>" },
            value: { .text(w.momentText($0.instant, company)) })
        func text(_ id: String, _ word: Word, _ value: @escaping (Row) -> String) -> ListColumn<Row> {
            ListColumn(
                id: id, title: w(word), kind: .text, cell: { "<td>\(value($0))</td>" }, value: { .text(value($0)) })
        }
        let columns = ListTable<Row>(
            asking: asking, title: w(.securityLog),
            columns: [
                time, text("what", .what) { w.name(.security, $0.kind) }, text("person", .person) { $0.person },
                text("address", .address) { $0.address },
            ])
        let file = try await columns.file(name: w(.securityLog), most: 20_000) {
            try await asking.work { try AccountQueries.securityEvents(limit: 20_000, in: store) }
        }
        if let file { return file }
        let rows = try await asking.work { try AccountQueries.securityEvents(limit: 200, in: store) }
        return Layout(asking).page(
            w(.securityLog), at: .status,
            """
            \(parts.head(w(.securityLog), trail: [(w(.navStatus), "/status")], actions: columns.actions))
            \(rows.isEmpty ? parts.empty(w(.nothingYet)) : columns.html(rows))
            """)
    }
}

/// All pages of the site.
enum Routes {
    static func all(isDevelopment: Bool) -> [Route] {
        SystemPages.routes + AccountPages.routes + ProviderPages.routes + MyDayPages.routes + SearchPages.routes
            + SavedViews.routes
            + ColumnChoice.routes
            + CustomerPages.routes + InvoicePages.routes + ReceiptPages.routes + NewRecordPages.routes
            + ImportPages.routes + AgingPages.routes + WorkPages.routes + TemplatePages.routes + LedgerPages.routes
            + PeoplePages.routes + ServicePages.routes
            + SettingsPages.routes + NotePages.routes + APIPages.routes + WebhookPages.routes
            + (isDevelopment ? GalleryPage.routes : [])
    }
}
