internal import Formats
internal import Ledger
internal import Operations
internal import Receivables

/// Customers: the list, and one customer from all sides.
enum CustomerPages {
    static let routes: [Route] = [
        Route(.get, "/customers", .permission(.seeCustomers), list),
        Route(.get, "/customers/{code}", .permission(.seeCustomers), show),
        Route(.get, "/customers/{code}/contact", .permission(.proposeContact)) { contactForm($0) },
        Route(.post, "/customers/{code}/contact", .permission(.proposeContact), setContact),
    ]

    // MARK: The list

    @Sendable private static func list(_ asking: Asking) async throws -> Reply {
        let filter = filter(asking)
        let (page, owners) = try await asking.look(.seeCustomers) { look in (look.customers(filter), look.owners()) }
        let w = asking.w
        let parts = Parts(asking)
        let currency = asking.site.company.currency
        if !asking.query["format"].isEmpty {
            var all = filter
            all.skip = 0
            all.limit = 100_000
            let exported = all
            let whole = try await asking.look(.seeCustomers) { $0.customers(exported) }
            if let file = try await parts.file(table(whole, asking), name: w(.navCustomers)) { return file }
        }
        let labels = parts.bucketLabels
        let first = page.rows.first
        let sentence: HTML =
            page.rows.isEmpty
            ? HTML(w(.customersNone))
            : w.html(
                .customersAnswer,
                [
                    "count": parts.bold("\(page.count)"), "open": parts.bold(w.amount(page.totals.open, currency)),
                    "overdue": parts.bad(w.amount(page.totals.overdue, currency)),
                    "share": HTML(w.percent(page.totals.overdue, of: page.totals.open)),
                    "first": parts.bold(first?.name ?? ""),
                ])
        func head(_ word: Word, _ sort: Look.CustomerSort, right: Bool = true) -> HTML {
            parts.sortHead(
                w(word), sort.rawValue, current: filter.sort.rawValue, isReversed: filter.isReversed, right: right)
        }
        let next =
            filter.skip + filter.limit < page.count ? asking.address(("skip", "\(filter.skip + filter.limit)")) : nil
        return Layout(asking).page(
            w(.navCustomers), at: .customers,
            """
            \(parts.head(w(.navCustomers), actions: (asking.may(.registerCustomer) ? parts.button(w(.newCustomer), "/new/customers", .plus) : .nothing) + parts.exports()))
            \(parts.answer(sentence))
            \(parts.filters(
                """
                \(parts.field("q", w(.search), value: asking.query["q"], type: "search", hint: ""))
                \(parts.select("person", w(.person), [("", w(.everybody))] + owners.map { ($0.key, $0.name) }, selected: asking.query["person"]))
                \(parts.select("state", w(.show), [("", w(.showAll)), ("open", w(.showOpen)), ("overdue", w(.showOverdue))], selected: asking.query["state"]))
                """, keep: ["sort", "reversed"], end: SavedViews.link(asking)))
            \(SavedViews.list(asking))
            \(if: page.totals.isPartial, parts.callout(HTML(w(.someUntranslated))))
            <div class="scroll"><table class="figures"><caption class="hidden">\(w(.navCustomers))</caption><thead><tr>\(head(.customer, .name, right: false))<th scope="col">\(w(.owner))</th>\(head(.openAmount, .open))<th scope="col" class="barcell">\(w(.mix))</th>\(head(.overdueAmount, .overdue))\(head(.beyond90, .beyond90))\(head(.unapplied, .unapplied))</tr></thead>
            <tbody>\(each: page.rows, { row in
                "<tr data-row><th scope=\"row\"><a href=\"/customers/\(URLText.encode(row.code))\" data-open>\(row.name)</a><small>\(row.code)\(if: row.isIncomplete, HTML(" · \(w(.incomplete))"))</small></th><td>\(row.salesOwner ?? "–")\(row.collector.map { "<small>\($0)</small>" } ?? .nothing)</td>\(w.cell(row.figures.open, currency, strong: true))<td class=\"barcell\">\(parts.bucketBar(row.figures.buckets, labels: labels))</td>\(w.cell(row.figures.overdue, currency))\(w.cell(row.figures.beyond90, currency))\(w.cell(-row.figures.unapplied, currency))</tr>"
            })</tbody>
            <tfoot><tr class="sum"><th scope="row">\(w(.total))<small>\(currency.code)</small></th><td></td>\(w.cell(page.totals.open, currency))<td></td>\(w.cell(page.totals.overdue, currency))\(w.cell(page.totals.beyond90, currency))\(w.cell(-page.totals.unapplied, currency))</tr></tfoot></table></div>
            \(parts.pager(w(.shownOf, ["from": .count(page.rows.isEmpty ? 0 : filter.skip + 1), "to": .count(filter.skip + page.rows.count), "all": .count(page.count)]), next: next, back: filter.skip > 0))
            \(parts.keys([("J K", .keyRows), ("Enter", .keyOpen), ("E", .keyExport)]))
            """)
    }

    private static func filter(_ asking: Asking) -> Look.CustomerFilter {
        var filter = Look.CustomerFilter()
        filter.text = String(asking.query["q"].prefix(80))
        filter.person = asking.query["person"].isEmpty ? nil : asking.query["person"]
        filter.onlyOpen = asking.query["state"] == "open"
        filter.onlyOverdue = asking.query["state"] == "overdue"
        filter.sort = Look.CustomerSort(rawValue: asking.query["sort"]) ?? .overdue
        filter.isReversed = asking.query["reversed"] == "1"
        filter.skip = max(0, Int(asking.query["skip"]) ?? 0)
        return filter
    }

    private static func table(_ page: Look.CustomerPage, _ asking: Asking) -> ReportTable {
        let w = asking.w
        let currency = asking.site.company.currency
        func amount(_ value: Int128) -> ReportTable.Cell { .amount(value, exponent: currency.exponent) }
        let labels = Parts(asking).bucketLabels
        return ReportTable(
            title: w(.navCustomers), notes: ["\(asking.site.company.name) · \(asking.today) · \(currency.code)"],
            columns: [
                .init(w(.code), .text), .init(w(.customer), .text), .init(w(.owner), .text),
                .init(w(.openAmount), .amount),
            ]
                + labels.map { .init($0, .amount) } + [.init(w(.unapplied), .amount)],
            rows: page.rows.map { row in
                [.text(row.code), .text(row.name), .text(row.salesOwner ?? ""), amount(row.figures.open)]
                    + row.figures.buckets.map(amount) + [amount(row.figures.unapplied)]
            },
            totals: [
                [.text(w(.total)), .empty, .empty, amount(page.totals.open)] + page.totals.buckets.map(amount)
                    + [amount(page.totals.unapplied)]
            ], sheetName: w(.navCustomers))
    }

    // MARK: One customer

    private struct Content: Sendable {
        let picture: Look.CustomerPicture
        let items: Look.ItemPage
        let receipts: [Look.ReceiptRow]
        let events: [Look.Event]
        let next: Int64?
        let tasks: [Look.TaskRow]
    }

    @Sendable private static func show(_ asking: Asking) async throws -> Reply {
        let code = asking.place("code")
        let before = Int64(asking.query["before"])
        let (seesInvoices, seesReceipts) = (asking.may(.seeInvoices), asking.may(.seeReceipts))
        let content = try await asking.look(.seeCustomers) { look in
            var items = Look.ItemFilter()
            items.customer = code
            items.limit = 30
            var receipts = Look.ReceiptFilter()
            receipts.customer = code
            receipts.limit = 5
            var tasks = Look.TaskFilter()
            tasks.customer = code
            tasks.whose = .all
            tasks.limit = 5
            let (events, next) = try look.timeline(of: code, before: before)
            return Content(
                picture: try look.customerPicture(code),
                items: seesInvoices ? try look.items(items) : Look.ItemPage(of: []),
                receipts: seesReceipts ? try look.receipts(receipts).rows : [], events: events, next: next,
                tasks: try look.tasks(tasks).rows)
        }
        return CustomerPage(asking: asking, code: code, content: content).reply
    }

    private struct CustomerPage {
        let asking: Asking
        let code: String
        let content: Content
        private var w: Wording { asking.w }
        private var parts: Parts { Parts(asking) }
        private var picture: Look.CustomerPicture { content.picture }
        private var currency: Currency { asking.site.company.currency }

        var reply: Reply {
            let figures = picture.row.figures
            return Layout(asking).page(
                picture.row.name, at: .customers,
                """
                \(parts.head(picture.row.name, meta: meta, trail: [(w(.navCustomers), "/customers")], actions: actions))
                \(parts.answer(answer))
                \(if: figures.open != 0, "<div class=\"sec\">\(parts.bucketBar(figures.buckets, labels: parts.bucketLabels))\(key)</div>")
                <div class="split sec"><div>
                \(if: asking.may(.seeInvoices), items)
                <section class="sec" aria-labelledby="ev"><header class="sec-head"><h2 id="ev">\(w(.whatHappened))</h2></header>\(parts.timeline(content.events))
                \(content.next.map { "<p><a class=\"btn small\" href=\"\(asking.address(("before", "\($0)")))\" data-main>\(w(.older))</a></p>" } ?? .nothing)</section></div>
                <aside class="rail" aria-label="\(w(.customerFacts))">\(rail)</aside></div>
                """)
        }

        private var meta: HTML {
            var parts = [picture.row.code]
            if let industry = picture.row.industry { parts.append(industry) }
            if let kind = picture.kind { parts.append(w.name(.customerKind, kind.name)) }
            if let owner = picture.row.salesOwner { parts.append("\(w(.salesOwner)) \(owner)") }
            if let collector = picture.row.collector { parts.append("\(w(.collector)) \(collector)") }
            return HTML(parts.joined(separator: " · "))
        }

        private var actions: HTML {
            (asking.may(.registerInvoice)
                ? parts.button(w(.newInvoice), "/new/invoices?customer=\(URLText.encode(code))", .plus) : .nothing)
                + (asking.may(.proposeContact)
                    ? "<a class=\"btn\" href=\"/customers/\(URLText.encode(code))/contact\" data-drawer>\(w(.newContact))</a>"
                    : .nothing)
        }

        private var answer: HTML {
            let figures = picture.row.figures
            guard figures.byCurrency.contains(where: { $0.open != 0 }) else { return HTML(w(.owesNothing)) }
            let owed = w.list(figures.byCurrency.filter { $0.open != 0 }.map { w.amount($0.open, $0.currency) })
            let overdue = w.list(
                figures.byCurrency.filter { $0.overdue != 0 }.map { w.amount($0.overdue, $0.currency) })
            let sentence =
                overdue.isEmpty
                ? w.html(.owesNotDue, ["open": parts.bold(owed)])
                : w.html(
                    .owesOverdue,
                    [
                        "open": parts.bold(owed), "overdue": parts.bad(overdue),
                        "days": parts.bold("\(picture.oldestOverdueDays)"),
                    ])
            guard let task = content.tasks.first else { return sentence }
            let next = w.html(
                .nextStep,
                [
                    "task": "<a href=\"/tasks/\(task.id)\">\(w.name(.task, task.kind.name))</a>",
                    "person": HTML(task.assignee ?? w.name(.role, task.role.name)),
                    "day": w.date(task.dueDay, today: asking.today),
                ])
            return w.sentences(sentence, next)
        }

        private var key: HTML {
            let labels = parts.bucketLabels
            return """
                <p class="key">\(each: picture.row.figures.buckets.enumerated().filter { $0.element != 0 }, { bucket in
                    "<span>\(parts.swatch(bucket.offset))\(labels[bucket.offset]) <a class=\"num\" href=\"/invoices?customer=\(URLText.encode(code))&bucket=\(bucket.offset)\" data-drawer>\(w.figure(bucket.element, currency))</a></span>"
                })</p>
                """
        }

        private var items: HTML {
            """
            <section aria-labelledby="oi"><header class="sec-head"><h2 id="oi">\(w(.openItems))</h2><p class="meta">\(w(.itemsByDue, ["count": .count(content.items.count)]))</p><p class="acts"><a href="/invoices?customer=\(URLText.encode(code))&state=all">\(w(.seeAll))</a></p></header>
            \(content.items.rows.isEmpty ? parts.empty(w(.noOpenItems)) : ItemTable(asking: asking).table(content.items, showsCustomer: false))</section>
            """
        }

        private var rail: HTML {
            """
            \(if: !content.tasks.isEmpty, tasks)
            <section><h2>\(w(.paymentHabits))</h2>\(parts.facts([
                (w(.settledLastYear), HTML("\(picture.settled)")),
                (w(.onTime), picture.settled == 0 ? "–" : HTML("\(picture.onTime) / \(picture.settled)")),
                (w(.averageLate), HTML(picture.daysLate.map { w(.days, ["days": .count($0)]) } ?? "–")),
                (w(.lastReceipt), w.day(picture.lastReceiptDay)),
            ]))</section>
            <section><h2>\(w(.contacts))</h2>\(if: picture.contacts.isEmpty, "<p class=\"meta\">\(w(.noContacts))</p>")<ul>\(each: picture.contacts, { contact in
                "<li><div class=\"row\"><b>\(contact.name)</b><span class=\"meta\">\(w.name(.purpose, contact.purpose.name))\(contact.title.map { HTML(" · \($0)") } ?? .nothing)</span></div>\(contact.phone.map { "<p class=\"num\">\($0)</p>" } ?? .nothing)\(contact.email.map { "<p>\($0)</p>" } ?? .nothing)</li>"
            })</ul></section>
            \(if: !content.receipts.isEmpty, receipts)
            <section><h2>\(w(.customerFacts))</h2>\(parts.facts([
                (w(.uscc), HTML(picture.uscc ?? "")), (w(.group), HTML(picture.groupName ?? "")),
                (w(.currency), HTML(picture.currency ?? "")),
                (w(.terms), HTML(picture.termsDays.map { w(.days, ["days": .count($0)]) } ?? "")),
                (w(.size), HTML(picture.size.map { w.name(.size, $0.name) } ?? "")),
                (w(.language), HTML(picture.language ?? "")),
            ]))</section>
            """
        }

        private var tasks: HTML {
            """
            <section><h2>\(w(.navTasks))</h2><ul>\(each: content.tasks, { task in
                "<li><div class=\"row\"><a href=\"/tasks/\(task.id)\" data-drawer>\(w.name(.task, task.kind.name))</a><span class=\"meta\">\(w.date(task.dueDay, today: asking.today))</span></div><p class=\"meta\">\(task.assignee ?? w.name(.role, task.role.name))</p></li>"
            })</ul></section>
            """
        }

        private var receipts: HTML {
            """
            <section><h2>\(w(.lastReceipts))</h2><ul>\(each: content.receipts, { row in
                "<li><div class=\"row\"><a href=\"/receipts/\(row.fact)\">\(row.reference)</a><span class=\"num\">\(w.amount(row.amount))</span></div><p class=\"meta\">\(w.day(row.day))\(if: row.unapplied.isPositive, HTML(" · \(w(.waitingMoney)) \(w.amount(row.unapplied))"))</p></li>"
            })</ul></section>
            """
        }
    }

    // MARK: Contacts

    private static func contactForm(_ asking: Asking, refused: Refusal? = nil) -> Reply {
        let w = asking.w
        let parts = Parts(asking)
        let code = asking.place("code")
        return Layout(asking).drawer(
            w(.newContact), at: .customers,
            """
            <p class="lead">\(w(.contactText))</p>
            \(refused.map { parts.callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            <form class="form sec" method="post" action="/customers/\(URLText.encode(code))/contact">\(Layout.formFields(asking))
            \(parts.field("name", w(.contactName), value: asking.form["name"], isRequired: true))
            \(parts.select("purpose", w(.purpose), Contact.Purpose.allCases.map { ($0.name, w.name(.purpose, $0.name)) }, selected: asking.form["purpose"]))
            \(parts.field("title", w(.jobTitle), value: asking.form["title"]))
            \(parts.field("email", w(.email), value: asking.form["email"], type: "email"))
            \(parts.field("phone", w(.phone), value: asking.form["phone"], type: "tel"))
            \(parts.area("reason", w(.reason), value: asking.form["reason"], hint: w(.contactReasonHint)))
            <p class="acts">\(parts.submit(w(.save)))</p></form>
            """)
    }

    @Sendable private static func setContact(_ asking: Asking) async throws -> Reply {
        let code = asking.place("code")
        do {
            let waits = try await Approvals(in: asking.store, asking.request(.proposeContact)).setContact(
                Approvals.ContactProposal(
                    customer: code, name: asking.form["name"],
                    purpose: Contact.Purpose.allCases.first { $0.name == asking.form["purpose"] } ?? .payment,
                    title: asking.form["title"], email: asking.form["email"], phone: asking.form["phone"],
                    reason: asking.form["reason"]))
            return Notice.redirect("/customers/\(URLText.encode(code))", waits ? "proposed" : "saved")
        } catch let refusal as Refusal where refusal.code != .customerUnknown {
            return contactForm(asking, refused: refusal)
        }
    }
}
