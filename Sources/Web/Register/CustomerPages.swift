internal import Formats
internal import Ledger
internal import Operations
internal import Receivables

/// Customers: the list, and one customer from all sides.
enum CustomerPages {
    static let routes: [Route] = [
        Route(.get, "/customers", .permission(.seeCustomers), list),
        Route(.get, "/customers/{code}", .permission(.seeCustomers), show),
        Route(.post, "/customers/{code}/field", .permission(.changeCustomer), setField),
        Route(.get, "/customers/{code}/contact", .permission(.proposeContact)) { contactForm($0) },
        Route(.post, "/customers/{code}/contact", .permission(.proposeContact), setContact),
    ]

    // MARK: The list

    @Sendable private static func list(_ asking: Asking) async throws -> Reply {
        let filter = filter(asking)
        let mayChange = asking.may(.changeCustomer)
        let (page, owners, colleagues) = try await asking.look(.seeCustomers) { look in
            (look.customers(filter), look.owners(), mayChange ? look.colleagues() : [])
        }
        let w = asking.w
        let parts = Parts(asking)
        let currency = asking.site.company.currency
        let table = table(asking)
        if !asking.query["format"].isEmpty {
            var all = filter
            all.skip = 0
            all.limit = 100_000
            let exported = all
            let whole = try await asking.look(.seeCustomers) { $0.customers(exported) }
            let report = table.report(
                whole.rows, notes: ["\(asking.site.company.name) · \(asking.today) · \(currency.code)"])
            if let file = try await parts.file(report, name: w(.navCustomers)) { return file }
        }
        let first = page.rows.first
        let isFiltered = !asking.query.with(("part", nil), ("sort", nil), ("reversed", nil), ("skip", nil)).pairs
            .isEmpty
        let sentence: HTML =
            page.rows.isEmpty
            ? HTML(w(.customersNone))
            : !(asking.may(.seeAging) || asking.may(.seeInvoices))
                ? HTML(w(.customersCount, ["count": .count(page.count)]))
                : w.html(
                    .customersAnswer,
                    [
                        "count": parts.bold("\(page.count)"), "open": parts.bold(w.amount(page.totals.open, currency)),
                        "overdue": parts.bad(w.amount(page.totals.overdue, currency)),
                        "share": HTML(w.percent(page.totals.overdue, of: page.totals.open)),
                        "first": parts.bold(first?.name ?? ""),
                    ], count: page.count)
        let next =
            filter.skip + filter.limit < page.count ? asking.address(("skip", "\(filter.skip + filter.limit)")) : nil
        return Layout(asking).page(
            w(.navCustomers), at: .customers,
            """
            \(parts.head(w(.navCustomers), actions: (asking.may(.registerCustomer) ? parts.button(w(.newCustomer), "/new/customers", .plus) : .nothing) + table.chooser + parts.exports()))
            \(parts.answer(sentence))
            \(parts.filters(
                """
                \(Parts(asking, form: "list").field("q", w(.search), value: asking.query["q"], type: "search"))
                \(parts.select("person", w(.person), [("", w(.everybody))] + owners.map { ($0.key, $0.name) }, selected: asking.query["person"]))
                \(parts.select("state", w(.show), [("", w(.showAll)), ("open", w(.showOpen)), ("overdue", w(.showOverdue))], selected: asking.query["state"]))
                """, keep: ["sort", "reversed"], end: SavedViews.link(asking)))
            \(SavedViews.list(asking))
            \(if: page.totals.isPartial, parts.callout(HTML(w(.someUntranslated))))
            \(if: isFiltered, "<p class=\"meta\"><a href=\"/customers\" data-main>\(w(.clearFilters))</a></p>")
            \(page.rows.isEmpty ? parts.empty(w(isFiltered ? .emptyFiltered : .customersNone)) : table.html(page.rows, sort: filter.sort.rawValue, isReversed: filter.isReversed, foot: page.rows.isEmpty ? nil : totals(table, page.totals, asking)))
            \(page.rows.isEmpty ? .nothing : parts.pager(w(.shownOf, ["from": .count(page.rows.isEmpty ? 0 : filter.skip + 1), "to": .count(filter.skip + page.rows.count), "all": .count(page.count)]), next: next, back: filter.skip > 0))
            \(if: mayChange, "<datalist id=\"people\">\(each: colleagues.prefix(300), { "<option value=\"\($0.key)\">\($0.name)</option>" })</datalist>")
            \(if: !page.rows.isEmpty, parts.keys([("J K", .keyRows), ("Enter", .keyOpen), ("E", .keyExport)] + (mayChange ? [("F2", .keyEdit)] : [])))
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
        filter.skip = asking.skipped
        return filter
    }

    private static func totals(
        _ table: ListTable<Look.CustomerRow>, _ totals: Look.CustomerFigures, _ asking: Asking
    ) -> HTML {
        let (w, currency) = (asking.w, asking.site.company.currency)
        return table.foot { column in
            switch column.id {
            case "name": "<th scope=\"row\">\(w(.total))<small>\(currency.code)</small></th>"
            case "open": w.cell(totals.open, currency, strong: true)
            case "overdue": w.cell(totals.overdue, currency)
            case "beyond90": w.cell(totals.beyond90, currency)
            case "unapplied": w.cell(-totals.unapplied, currency)
            default: nil
            }
        }
    }

    private static func table(_ asking: Asking) -> ListTable<Look.CustomerRow> {
        let w = asking.w
        let parts = Parts(asking)
        let labels = parts.bucketLabels
        let currency = asking.site.company.currency
        let showsFigures = asking.may(.seeAging) || asking.may(.seeInvoices)
        func amount(
            _ id: String, _ title: String, _ sort: Look.CustomerSort? = nil, strong: Bool = false,
            isFileOnly: Bool = false,
            _ of: @escaping (Look.CustomerFigures) -> Int128
        ) -> ListColumn<Look.CustomerRow> {
            ListColumn(
                id: id, title: title, kind: .amount, sort: sort?.rawValue, isRight: true, isFileOnly: isFileOnly,
                cell: { w.cell(of($0.figures), currency, strong: strong) },
                value: { .amount(of($0.figures), exponent: currency.exponent) })
        }

        let name = ListColumn<Look.CustomerRow>(
            id: "name", title: w(.customer), kind: .text, sort: Look.CustomerSort.name.rawValue, rises: true,
            isAlways: true,
            cell: { row in
                """
                <th scope="row"><a href="/customers/\(URLText.encode(row.code))" data-open>\(row.name)</a><small>\(row.code)\(if: row.isIncomplete, HTML(" · \(w(.incomplete))"))</small></th>
                """
            }, value: { .text($0.name) })
        let code = ListColumn<Look.CustomerRow>(
            id: "code", title: w(.customerCode), kind: .text, isFileOnly: true, cell: { _ in .nothing },
            value: { .text($0.code) })
        let owner = ListColumn<Look.CustomerRow>(
            id: "owner", title: w(.salesOwner), kind: .text,
            cell: { person("sales_owner", $0.salesOwner, $0.salesOwnerKey, $0.code, asking) },
            value: { .text($0.salesOwner ?? "") })
        let collector = ListColumn<Look.CustomerRow>(
            id: "collector", title: w(.collector), kind: .text,
            cell: { person("collector", $0.collector, $0.collectorKey, $0.code, asking) },
            value: { .text($0.collector ?? "") })
        let mix = ListColumn<Look.CustomerRow>(
            id: "mix", title: w(.mix), kind: .text,
            cell: { "<td class=\"barcell\">\(parts.bucketBar($0.figures.buckets, labels: labels))</td>" })
        guard showsFigures else {
            return ListTable(asking: asking, title: w(.navCustomers), columns: [code, name, owner, collector])
        }
        return ListTable(
            asking: asking, title: w(.navCustomers),
            columns: [
                code, name, owner, collector, amount("open", w(.openAmount), .open, strong: true) { $0.open }, mix,
                amount("overdue", w(.overdueAmount), .overdue) { $0.overdue },
                amount("beyond90", w(.beyond90), .beyond90) { $0.beyond90 },
            ]
                + labels.enumerated().map { index, label in
                    amount("bucket\(index)", label, isFileOnly: true) { $0.buckets[index] }
                } + [amount("unapplied", w(.unapplied), .unapplied) { -$0.unapplied }])
    }

    /// A person of a customer; who may change it does so in place.
    private static func person(
        _ column: String, _ name: String?, _ key: String?, _ code: String, _ asking: Asking
    ) -> HTML {
        guard asking.may(.changeCustomer) else { return "<td>\(name ?? "–")</td>" }
        return """
            <td data-edit="/customers/\(URLText.encode(code))/field" data-field="\(column)" data-value="\(key ?? "")" data-list="people" title="\(asking.w(.editHint))">\(name ?? "–")</td>
            """
    }

    /// Changes one field in its place in the list; answers with the cell as it is then.
    @Sendable private static func setField(_ asking: Asking) async throws -> Reply {
        let column = asking.form["field"]
        guard ["sales_owner", "collector"].contains(column) else { return .redirect("/customers") }
        let code = asking.place("code")
        do {
            _ = try await ChangeCustomer(in: asking.store, asking.request(.changeCustomer, isOnce: false)).run(
                code, [column: asking.form["value"]])
        } catch let refused as FieldRefused {
            return .html("<p class=\"error\">\(asking.w.message(refused.refusal))</p>", status: 422)
        }
        let picture = try await asking.look(.seeCustomers) { try $0.customerPicture(code).row }
        let (name, key) =
            column == "collector"
            ? (picture.collector, picture.collectorKey) : (picture.salesOwner, picture.salesOwnerKey)
        return .html("<table><tbody><tr>\(person(column, name, key, code, asking))</tr></tbody></table>")
    }

    // MARK: One customer

    private struct Content: Sendable {
        let picture: Look.CustomerPicture
        let items: Look.ItemPage
        let receipts: [Look.ReceiptRow]
        let events: [Look.Event]
        let next: Int64?
        let tasks: [Look.TaskRow]
        let notes: [Look.NoteRow]
        let lastContact: (day: LocalDate, person: String?, note: String)?
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
                tasks: try look.tasks(tasks).rows, notes: try look.notes(ofCustomer: code),
                lastContact: try look.lastContact(of: code))
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
                \(if: !answer.isEmpty, parts.answer(answer))
                \(if: figures.open != 0, "<div class=\"sec\">\(parts.bucketBar(figures.buckets, labels: parts.bucketLabels))\(key)</div>")
                <div class="split sec"><div>
                \(if: asking.may(.seeInvoices), items)
                \(NotePages.section(content.notes, Notes.Subject(.customer, code), asking))
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
            (asking.may(.changeCustomer)
                ? "<a class=\"btn\" href=\"/customers/\(URLText.encode(code))/change\">\(w(.changeCustomerAct))</a>"
                : .nothing)
                + (asking.may(.registerInvoice)
                    ? parts.button(w(.newInvoice), "/new/invoices?customer=\(URLText.encode(code))", .plus) : .nothing)
                + (asking.may(.proposeContact)
                    ? "<a class=\"btn\" href=\"/customers/\(URLText.encode(code))/contact\" data-drawer>\(w(.newContact))</a>"
                    : .nothing)
        }

        private var answer: HTML {
            let figures = picture.row.figures
            guard asking.may(.seeAging) || asking.may(.seeInvoices) else { return .nothing }
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
            let last: HTML =
                content.lastContact.map { contact in
                    w.html(
                        .lastContact,
                        [
                            "day": w.date(contact.day, today: asking.today), "person": HTML(contact.person ?? ""),
                            "note": HTML(String(contact.note.prefix(120))),
                        ])
                } ?? .nothing
            guard let task = content.tasks.first else {
                // Overdue, and nobody has to do anything about it: that mustn't go unseen.
                let none: HTML =
                    overdue.isEmpty || !asking.may(.seeTasks) ? .nothing : parts.bad(w(.noNextStep))
                return w.sentences(sentence, last, none)
            }
            let next = w.html(
                .nextStep,
                [
                    "task": "<a href=\"/tasks/\(task.id)\">\(w.name(.task, task.kind.name))</a>",
                    "person": HTML(task.assignee ?? w.name(.role, task.role.name)),
                    "day": w.date(task.dueDay, today: asking.today),
                ])
            return w.sentences(sentence, last, next)
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
                "<li><div class=\"row\"><b>\(contact.name)</b><span class=\"meta\">\(w.name(.purpose, contact.purpose.name))\(contact.title.map { HTML(" · \($0)") } ?? .nothing)</span></div>\(contact.phone.map { "<p class=\"num\"><a href=\"tel:\($0)\">\($0)</a></p>" } ?? .nothing)\(contact.email.map { "<p><a href=\"mailto:\($0)\">\($0)</a></p>" } ?? .nothing)</li>"
            })</ul></section>
            \(if: !content.receipts.isEmpty, receipts)
            <section><h2>\(w(.customerFacts))</h2>\(parts.facts([
                (w(.uscc), HTML(picture.uscc ?? "")), (w(.group), HTML(picture.groupName ?? "")),
                (w(.currency), HTML(picture.currency ?? "")),
                (w(.terms), HTML(picture.termsDays.map { w(.days, ["days": .count($0)]) } ?? "")),
                (w(.size), HTML(picture.size.map { w.name(.size, $0.name) } ?? "")),
                (w(.language), HTML(picture.language.map { w($0 == "en" ? .english : .chinese) } ?? "")),
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
