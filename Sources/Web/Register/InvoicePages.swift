internal import Formats
internal import Ledger
internal import OpenItems
internal import Operations
internal import Receivables

/// The register: items in a list, and one invoice with its facts, postings and history (应收台账).
enum InvoicePages {
    static let routes: [Route] = [
        Route(.get, "/invoices", .permission(.seeInvoices), list),
        Route(.get, "/invoices/{number}", .permission(.seeInvoices)) { try await show($0) },
        Route(.post, "/invoices/{number}/due", .permission(.changeDue), changeDue),
        Route(.post, "/invoices/{number}/status", .permission(.invoiceStatus), changeStatus),
        Route(.post, "/invoices/{number}/pause", .permission(.pause), pause),
        Route(.post, "/invoices/{number}/resume", .permission(.resume), resume),
        Route(.post, "/invoices/{number}/reverse", .permission(.reverseInvoice), reverse),
    ]

    @Sendable private static func list(_ asking: Asking) async throws -> Reply {
        let filter = filter(asking)
        let (page, owners) = try await asking.look(.seeInvoices) { look in (try look.items(filter), look.owners()) }
        let w = asking.w
        let parts = Parts(asking)
        if !asking.query["format"].isEmpty {
            var all = filter
            all.after = nil
            all.limit = 100_000
            let exported = all
            let whole = try await asking.look(.seeInvoices) { try $0.items(exported) }
            let report = ItemTable(asking: asking).list(whole).report(
                whole.rows,
                notes: ["\(asking.site.company.name) · \(asking.today)"]
                    + (whole.rows.count < whole.count
                        ? [w(.shownCount, ["count": .count(whole.rows.count), "all": .count(whole.count)])] : []))
            if let file = try await parts.file(report, name: w(.navInvoices)) { return file }
        }
        let table = ItemTable(asking: asking)
        let sums = w.list(
            page.totals.map {
                w.amount(filter.state == .settled || filter.state == .all ? $0.amount : $0.open, $0.currency)
            })
        let sentence: HTML =
            page.count == 0
            ? HTML(w(.itemsNone))
            : w.html(
                [.open: .itemsOpen, .overdue: .itemsOverdue, .settled: .itemsSettled, .all: .itemsAll][filter.state]
                    ?? .itemsAll,
                ["count": parts.bold("\(page.count)"), "amount": parts.bold(sums)], count: page.count)
        if asking.part == "drawer" {
            let title = drawerTitle(asking, parts)
            return Layout(asking).drawer(
                title.isEmpty ? w(.navInvoices) : title, at: .invoices,
                """
                <p class="lead">\(sentence)</p>\(table.table(page, showsCustomer: filter.customer == nil, isSlim: true))
                <p class="sec"><a class="btn" href="\(asking.address())">\(w(.asList))</a></p>
                """)
        }
        let isFiltered = !asking.query.with(("part", nil), ("sort", nil), ("reversed", nil), ("after", nil)).pairs
            .isEmpty
        return Layout(asking).page(
            w(.navInvoices), at: .invoices,
            """
            \(parts.head(w(.navInvoices), meta: HTML(drawerTitle(asking, parts)), actions: (asking.may(.registerInvoice) ? parts.button(w(.newInvoice), "/new/invoices", .plus) : .nothing) + table.list(page).chooser + parts.exports()))
            \(parts.answer(sentence))
            \(parts.filters(
                """
                \(parts.segments(w(.state), "state", Look.ItemState.allCases.map { ($0.rawValue, w.name(.status, $0.rawValue)) }, selected: filter.state.rawValue))
                \(parts.field("number", w(.number), value: asking.query["number"], type: "search"))
                \(parts.select("person", w(.person), [("", w(.everybody))] + owners.map { ($0.key, $0.name) }, selected: asking.query["person"]))
                \(parts.field("dueFrom", w(.dueFrom), value: asking.query["dueFrom"], type: "date"))
                \(parts.field("dueTo", w(.dueTo), value: asking.query["dueTo"], type: "date"))
                """, keep: ["state", "customer", "bucket", "currency", "contract", "sort", "reversed"], end: SavedViews.link(asking)))
            \(SavedViews.list(asking))
            \(if: page.isCut, parts.callout(HTML(w(.atLeast, ["count": .count(page.count)]))))
            \(if: isFiltered, "<p class=\"meta\"><a href=\"/invoices\" data-main>\(w(.clearFilters))</a></p>")
            \(page.rows.isEmpty ? parts.empty(w(isFiltered ? .emptyFiltered : .emptyRegister)) : table.list(page).html(page.rows, sort: filter.sort.rawValue, isReversed: filter.isReversed, foot: table.sums(page)))
            \(parts.pager(w(.shownCount, ["count": .count(page.rows.count), "all": .count(page.count)]), next: page.next.map { asking.address(("after", $0.text)) }, back: filter.after != nil))
            \(parts.keys([("J K", .keyRows), ("Enter", .keyOpen), ("E", .keyExport)]))
            """)
    }

    private static func drawerTitle(_ asking: Asking, _ parts: Parts) -> String {
        var title: [String] = []
        if !asking.query["customer"].isEmpty { title.append(asking.query["customer"]) }
        if let bucket = Int(asking.query["bucket"]), parts.bucketLabels.indices.contains(bucket) {
            title.append(parts.bucketLabels[bucket])
        }
        if !asking.query["currency"].isEmpty { title.append(asking.query["currency"]) }
        if !asking.query["contract"].isEmpty { title.append(asking.query["contract"]) }
        return title.joined(separator: " · ")
    }

    private static func filter(_ asking: Asking) -> Look.ItemFilter {
        var filter = Look.ItemFilter()
        filter.state = Look.ItemState(rawValue: asking.query["state"]) ?? .open
        filter.customer = asking.query["customer"].isEmpty ? nil : asking.query["customer"]
        filter.person = asking.query["person"].isEmpty ? nil : asking.query["person"]
        filter.currency = Currency(asking.query["currency"])
        filter.contract = asking.query["contract"].isEmpty ? nil : asking.query["contract"]
        filter.number = String(asking.query["number"].prefix(80))
        filter.dueFrom = asking.day("dueFrom")
        filter.dueTo = asking.day("dueTo")
        filter.bucket = Int(asking.query["bucket"]).flatMap { (0..<7).contains($0) ? $0 : nil }
        filter.sort = Look.ItemSort(rawValue: asking.query["sort"]) ?? .due
        filter.isReversed = asking.query["reversed"] == "1"
        filter.after = Look.Cursor(asking.query["after"])
        return filter
    }

    // MARK: One invoice

    private static func show(_ asking: Asking, refused: (action: String, refusal: Refusal)? = nil) async throws -> Reply
    {
        let number = asking.place("number")
        let entity = asking.query["entity"].isEmpty ? nil : asking.query["entity"]
        let (picture, notes) = try await asking.look(.seeInvoices) { look in
            let picture = try look.invoice(number, entity: entity)
            return (picture, try look.notes(.invoice, about: picture.fact))
        }
        return InvoicePage(asking: asking, picture: picture, notes: notes, refused: refused).reply
    }

    private struct InvoicePage {
        let asking: Asking
        let picture: Look.InvoicePicture
        let notes: [Look.NoteRow]
        let refused: (action: String, refusal: Refusal)?
        private var w: Wording { asking.w }
        private var parts: Parts { Parts(asking) }
        private var currency: Currency { picture.currency }
        private var path: String { "/invoices/\(URLText.encode(picture.number))" }

        var reply: Reply {
            let content: HTML = """
                \(refused.map { parts.callout(HTML(w.message($0.refusal)), isBad: true) } ?? .nothing)
                \(parts.answer(answer))
                <div class="split sec"><div>
                \(if: picture.items.count > 1, instalments)
                <section aria-labelledby="al"><header class="sec-head"><h2 id="al">\(w(.whatPaid))</h2></header>\(allocations)</section>
                <section class="sec" aria-labelledby="tr"><header class="sec-head"><h2 id="tr">\(w(.postings))</h2></header>\(TransferTable(asking: asking).table(picture.transfers))</section>
                <section class="sec" aria-labelledby="ev"><header class="sec-head"><h2 id="ev">\(w(.whatHappened))</h2></header>\(parts.timeline(picture.events))</section>
                \(NotePages.section(notes, Notes.Subject(.invoice, picture.number, entity: picture.entity), asking))
                </div><aside class="rail" aria-label="\(w(.invoiceFacts))">\(rail)</aside></div>
                """
            if asking.part == "drawer" {
                return Layout(asking).drawer(
                    picture.number, at: .invoices,
                    """
                    <p class="meta"><a href="/customers/\(URLText.encode(picture.customer))">\(picture.customerName)</a></p><p class="lead">\(answer)</p>
                    \(parts.facts(facts))<section class="sec"><h3>\(w(.whatPaid))</h3>\(allocations)</section><section class="sec"><h3>\(w(.whatHappened))</h3>\(parts.timeline(Array(picture.events.prefix(8))))</section><p class="sec"><a class="btn" href="\(path)">\(w(.wholePage))</a></p>
                    """)
            }
            return Layout(asking).page(
                picture.number, at: .invoices,
                """
                \(parts.head(picture.number, meta: "<a href=\"/customers/\(URLText.encode(picture.customer))\">\(picture.customerName)</a> · \(w.amount(picture.gross, currency)) · \(w.name(.taxStatus, picture.taxStatus.name))", trail: [(w(.navInvoices), "/invoices")]))
                \(content)
                """)
        }

        private var answer: HTML {
            guard picture.open > 0 else {
                return w.html(.invoiceSettled, ["amount": parts.bold(w.amount(picture.gross, currency))])
            }
            let next = picture.items.filter { $0.open > 0 }.min { $0.dueDay < $1.dueDay }
            let days = next?.daysOverdue ?? 0
            return w.html(
                days > 0 ? .invoiceOverdue : .invoiceOpen,
                [
                    "open": days > 0
                        ? parts.bad(w.amount(picture.open, currency)) : parts.bold(w.amount(picture.open, currency)),
                    "amount": HTML(w.amount(picture.gross, currency)),
                    "late": parts.bold(w.lateness(days)),
                    "day": next.map { w.date($0.dueDay, today: asking.today) } ?? .nothing,
                ])
        }

        private var instalments: HTML {
            """
            <section><header class="sec-head"><h2>\(w(.instalments))</h2></header>\(ItemTable(asking: asking).table(Look.ItemPage(of: picture.items), showsCustomer: false))</section>
            """
        }

        private var allocations: HTML {
            if picture.allocations.isEmpty { return parts.empty(w(.nothingPaid)) }
            return """
                <div class="scroll"><table class="figures slim"><thead><tr><th scope="col">\(w(.paidBy))</th><th scope="col">\(w(.postingDay))</th><th scope="col" class="r">\(w(.amount))</th><th scope="col">\(w(.note))</th></tr></thead><tbody>\(each: picture.allocations, { row in
                    "<tr\(if: row.isReversed || row.isReversal, " class=\"done\"")><th scope=\"row\">\(row.reference)<small>\(w.name(.event, row.kind == .receipt ? "receipt" : row.kind == .creditNote ? "credit-note" : "correction"))</small></th><td>\(w.day(row.postingDay))</td>\(w.cell(row.amount.minorUnits, row.amount.currency))<td>\(if: row.isReversed, parts.tag(w(.takenBack), "warn"))\(if: row.isReversal, parts.tag(w(.takesBack), "warn")) \(row.reason ?? "")</td></tr>"
                })</tbody></table></div>
                """
        }

        private var facts: [(String, HTML)] {
            [
                (w(.issueDay), w.day(picture.issueDay)),
                (w(.dueDay), picture.items.first.map { w.day($0.dueDay) } ?? "–"),
                (w(.postingDay), w.day(picture.postingDay)), (w(.recognisedDay), w.day(picture.recognisedDay)),
                (w(.acceptedDay), picture.acceptedDay.map { w.day($0) } ?? .nothing),
                (w(.deliveredDay), picture.deliveredDay.map { w.day($0) } ?? .nothing),
                (w(.netAmount), picture.net.map { HTML(w.figure($0, currency)) } ?? .nothing),
                (w(.taxAmount), picture.tax.map { HTML(w.figure($0, currency)) } ?? .nothing),
                (w(.grossAmount), HTML(w.figure(picture.gross, currency))),
                (
                    w(.contract),
                    picture.contract.map { "<a href=\"/invoices?state=all&contract=\(URLText.encode($0))\">\($0)</a>" }
                        ?? .nothing
                ),
                (w(.milestone), HTML(picture.milestone ?? "")), (w(.productLine), HTML(picture.productLine ?? "")),
                (w(.eInvoice), HTML(picture.eInvoiceNumber ?? "")), (w(.salesOwner), HTML(picture.salesOwner ?? "")),
                (w(.entity), picture.entity == "main" ? .nothing : HTML(picture.entity)),
            ]
        }

        private var rail: HTML {
            """
            <section><h2>\(w(.invoiceFacts))</h2>\(parts.facts(facts))</section>
            \(if: !picture.pauses.isEmpty, pauses)
            \(if: asking.may(.pause) && picture.open > 0, action("pause", .pauseAct, pauseFields))
            \(if: asking.may(.resume) && picture.pauses.contains { !$0.isEnded }, action("resume", .resumeAct, Parts(asking, form: "resume").field("reason", w(.reason), isRequired: true)))
            \(if: asking.may(.invoiceStatus), action("status", .statusAct, statusFields))
            \(if: asking.may(.changeDue) && picture.open > 0, action("due", .changeDueAct, dueFields))
            \(if: asking.may(.reverseInvoice) && picture.open == picture.gross, action("reverse", .reverseInvoiceAct, "<p class=\"caution\">\(Icon.warn.html)<span>\(w(.reverseInvoiceText))</span></p>\(Parts(asking, form: "reverse").field("reason", w(.reason), isRequired: true))", isDanger: true))
            """
        }

        private var pauses: HTML {
            """
            <section><h2>\(w(.pauses))</h2><ul>\(each: picture.pauses, { pause in
                "<li><div class=\"row\"><span>\(w.name(.pause, pause.kind.name))</span>\(pause.isEnded ? parts.tag(w(.ended)) : parts.tag(w(.until, ["day": .text("\(pause.until)")]), "warn"))</div><p class=\"meta\">\(pause.reason)</p></li>"
            })</ul></section>
            """
        }

        private var pauseFields: HTML {
            let parts = Parts(asking, form: "pause")
            return """
                \(parts.select("kind", w(.kind), Pause.Kind.allCases.map { ($0.name, w.name(.pause, $0.name)) }, selected: asking.form["kind"]))
                \(parts.field("until", w(.untilDay), value: asking.form.has("until") ? asking.form["until"] : "\(asking.today.adding(days: 14))", type: "date", isRequired: true))
                \(parts.field("amount", w(.disputedAmount), value: asking.form["amount"]))
                \(parts.field("reason", w(.reason), value: asking.form["reason"], isRequired: true))
                """
        }

        private var statusFields: HTML {
            let parts = Parts(asking, form: "status")
            return """
                \(parts.select("status", w(.taxStatus), Invoice.TaxStatus.allCases.map { ($0.name, w.name(.taxStatus, $0.name)) }, selected: picture.taxStatus.name))
                """
        }

        private var dueFields: HTML {
            let parts = Parts(asking, form: "due")
            return """
                \(if: picture.items.count > 1, parts.select("instalment", w(.instalment), picture.items.map { ("\($0.instalment)", "\($0.instalment)") }, selected: asking.form["instalment"]))
                \(parts.field("due", w(.newDueDay), value: asking.form["due"], type: "date", isRequired: true))\(parts.field("reason", w(.reason), value: asking.form["reason"], isRequired: true))
                """
        }

        private func action(_ name: String, _ word: Word, _ fields: HTML, isDanger: Bool = false) -> HTML {
            """
            <details\(if: refused?.action == name, " open")><summary>\(w(word))</summary><form class="form" method="post" action="\(path)/\(name)?entity=\(URLText.encode(picture.entity))">\(Layout.formFields(asking))\(fields)<p class="acts">\(parts.submit(w(word), main: false, danger: isDanger))</p></form></details>
            """
        }
    }

    private static func act(
        _ asking: Asking, _ action: String, _ notice: String,
        _ body: (_ number: String, _ entity: String?) async throws -> Int64?
    ) async throws -> Reply {
        let number = asking.place("number")
        let entity = asking.query["entity"].isEmpty ? nil : asking.query["entity"]
        do {
            _ = try await body(number, entity)
            return Notice.redirect(
                "/invoices/\(URLText.encode(number))\(entity.map { "?entity=\(URLText.encode($0))" } ?? "")", notice)
        } catch let refusal as Refusal where refusal.code != .invoiceUnknown && refusal.code != .accessDenied {
            // Whoever may not see invoices can't be shown this one with what is wrong.
            guard asking.may(.seeInvoices) else { throw refusal }
            return try await show(asking, refused: (action, refusal))
        }
    }

    @Sendable private static func changeDue(_ asking: Asking) async throws -> Reply {
        try await act(asking, "due", "saved") { number, entity in
            guard let due = asking.day("due") else {
                throw Refusal(.valueNotADate, ["value": .text(asking.form["due"]), "format": .text("yyyy-MM-dd")])
            }
            return try await CorrectRegister(in: asking.store, asking.request(.changeDue)).changeDueDay(
                invoice: number, entity: entity, instalment: Int(asking.form["instalment"]) ?? 1, to: due, from: nil,
                reason: asking.form["reason"])
        }
    }

    @Sendable private static func changeStatus(_ asking: Asking) async throws -> Reply {
        try await act(asking, "status", "saved") { number, entity in
            let status = Invoice.TaxStatus.allCases.first { $0.name == asking.form["status"] } ?? .delivered
            return try await CorrectRegister(in: asking.store, asking.request(.invoiceStatus)).changeTaxStatus(
                invoice: number, entity: entity, to: status, on: nil)
        }
    }

    @Sendable private static func pause(_ asking: Asking) async throws -> Reply {
        try await act(asking, "pause", "paused") { number, entity in
            guard let until = asking.day("until") else { throw Refusal(.pauseBackwards) }
            let amount = asking.form["amount"]
            return try await WorkCommands(in: asking.store, asking.request(.pause)).pause(
                invoice: number, entity: entity,
                Pause.Kind.allCases.first { $0.name == asking.form["kind"] } ?? .agreed, from: asking.today,
                until: until, amount: amount.isEmpty ? nil : amount.replacing(",", with: ""),
                reason: asking.form["reason"])
        }
    }

    @Sendable private static func resume(_ asking: Asking) async throws -> Reply {
        try await act(asking, "resume", "saved") { number, entity in
            try await WorkCommands(in: asking.store, asking.request(.resume)).resume(
                invoice: number, entity: entity, on: asking.today, reason: asking.form["reason"])
        }
    }

    @Sendable private static func reverse(_ asking: Asking) async throws -> Reply {
        try await act(asking, "reverse", "reversed") { number, entity in
            try await CorrectRegister(in: asking.store, asking.request(.reverseInvoice)).reverseInvoice(
                number, entity: entity, on: nil, reason: asking.form["reason"])
        }
    }
}

/// Items as rows of a table.
struct ItemTable {
    let asking: Asking
    private var w: Wording { asking.w }

    init(asking: Asking) { self.asking = asking }

    func table(_ page: Look.ItemPage, showsCustomer: Bool, isSlim: Bool = false) -> HTML {
        let parts = Parts(asking)
        func head(_ word: Word) -> HTML { "<th scope=\"col\" class=\"r\">\(w(word))</th>" }
        return """
            <div class="scroll"><table class="figures\(if: !showsCustomer || isSlim, " slim")\(if: isSlim || !showsCustomer, " stackable")"><caption class="hidden">\(w(.navInvoices))</caption><thead><tr><th scope="col">\(w(.number))</th>\(if: showsCustomer, "<th scope=\"col\">\(w(.customer))</th>")\(if: !isSlim, "<th scope=\"col\">\(w(.state))</th>\(head(.issueDay))")\(head(.dueDay))\(if: !isSlim, head(.amount))\(head(.openAmount))</tr></thead>
            <tbody>\(each: page.rows, { row(of: $0, showsCustomer, isSlim, parts) })</tbody>\(if: !page.totals.isEmpty, foot(page, showsCustomer, isSlim))</table></div>
            """
    }

    private func row(of row: Look.ItemRow, _ showsCustomer: Bool, _ isSlim: Bool, _ parts: Parts) -> HTML {
        let late: HTML =
            row.open == 0
            ? .nothing : "<small\(if: row.daysOverdue > 0, " class=\"bad\"")>\(w.lateness(row.daysOverdue))</small>"
        let number = row.instalments > 1 ? "\(row.number) · \(row.instalment)/\(row.instalments)" : row.number
        let address =
            "/invoices/\(URLText.encode(row.number))"
            + (row.entity == "main" ? "" : "?entity=\(URLText.encode(row.entity))")
        return """
            <tr data-row><th scope="row"><a href="\(address)" data-open>\(number)</a>\(row.contract.map { "<small>\($0)</small>" } ?? .nothing)</th>\
            \(if: showsCustomer, "<td><a href=\"/customers/\(URLText.encode(row.customer))\">\(row.customerName)</a>\(row.salesOwner.map { "<small>\($0)</small>" } ?? .nothing)</td>")\
            \(if: !isSlim, "<td class=\"wide\">\(parts.itemStatus(row))</td><td class=\"r wide\">\(w.day(row.issueDay))</td>")<td class="r">\(w.day(row.dueDay))\(late)</td>\
            \(if: !isSlim, "<td class=\"r wide\">\(w.figure(row.amount, row.currency))<small>\(row.currency.code)</small></td>")\
            <td class="r strong">\(row.open == 0 ? "–" : w.figure(row.open, row.currency))\(if: isSlim, "<small>\(row.currency.code)</small>")</td></tr>
            """
    }

    private func foot(_ page: Look.ItemPage, _ showsCustomer: Bool, _ isSlim: Bool) -> HTML {
        """
        <tfoot>\(each: page.totals, { total in
            "<tr class=\"sum\"><th scope=\"row\">\(w(.total)) \(total.currency.code)</th>\(if: showsCustomer, "<td class=\"wide\"></td>")\(if: !isSlim, "<td class=\"wide\"></td><td class=\"wide\"></td>")<td class=\"wide\"></td>\(if: !isSlim, "<td class=\"r wide\">\(w.figure(total.amount, total.currency))</td>")<td class=\"r\">\(w.figure(total.open, total.currency))</td></tr>"
        })</tfoot>
        """
    }

    /// The register's own list, with columns to choose.
    func list(_ page: Look.ItemPage) -> ListTable<Look.ItemRow> {
        let parts = Parts(asking)
        let w = w
        func text(_ id: String, _ word: Word, _ value: @escaping (Look.ItemRow) -> String?) -> ListColumn<Look.ItemRow>
        {
            ListColumn(
                id: id, title: w(word), kind: .text, isWide: true, cell: { "<td>\(value($0) ?? "–")</td>" },
                value: { .text(value($0) ?? "") })
        }
        let number = ListColumn<Look.ItemRow>(
            id: "number", title: w(.number), kind: .text, isAlways: true,
            cell: { row in
                let shown = row.instalments > 1 ? "\(row.number) · \(row.instalment)/\(row.instalments)" : row.number
                return "<th scope=\"row\"><a href=\"\(address(row))\" data-open>\(shown)</a></th>"
            }, value: { .text($0.number) })
        let customer = ListColumn<Look.ItemRow>(
            id: "customer", title: w(.customer), kind: .text,
            cell: { row in
                "<td><a href=\"/customers/\(URLText.encode(row.customer))\">\(row.customerName)</a><small>\(row.customer)</small></td>"
            }, value: { .text($0.customerName) })
        let code = ListColumn<Look.ItemRow>(
            id: "code", title: w(.customerCode), kind: .text, isFileOnly: true, cell: { _ in .nothing },
            value: { .text($0.customer) })
        let state = ListColumn<Look.ItemRow>(
            id: "state", title: w(.state), kind: .text, cell: { "<td>\(parts.itemStatus($0))</td>" },
            value: { .text(parts.itemState($0)) })
        let issue = ListColumn<Look.ItemRow>(
            id: "issue", title: w(.issueDay), kind: .day, sort: Look.ItemSort.issue.rawValue, isRight: true,
            isWide: true,
            cell: { "<td class=\"r\">\(w.day($0.issueDay))</td>" }, value: { .day($0.issueDay) })
        let due = ListColumn<Look.ItemRow>(
            id: "due", title: w(.dueDay), kind: .day, sort: Look.ItemSort.due.rawValue, rises: true, isRight: true,
            cell: { "<td class=\"r\">\(w.day($0.dueDay))\(lateness($0))</td>" }, value: { .day($0.dueDay) })
        let currency = ListColumn<Look.ItemRow>(
            id: "currency", title: w(.currency), kind: .text, isWide: true, cell: { "<td>\($0.currency.code)</td>" },
            value: { .text($0.currency.code) })
        let amount = ListColumn<Look.ItemRow>(
            id: "amount", title: w(.amount), kind: .amount, sort: Look.ItemSort.amount.rawValue, isRight: true,
            isWide: true,
            cell: { w.cell($0.amount, $0.currency) },
            value: { .amount(Int128($0.amount), exponent: $0.currency.exponent) })
        let open = ListColumn<Look.ItemRow>(
            id: "open", title: w(.openAmount), kind: .amount, sort: Look.ItemSort.open.rawValue, isRight: true,
            cell: { w.cell($0.open, $0.currency, strong: true) },
            value: { .amount(Int128($0.open), exponent: $0.currency.exponent) })
        return ListTable(
            asking: asking, title: w(.navInvoices),
            columns: [
                number, code, customer, text("sales", .salesOwner) { $0.salesOwner },
                text("contract", .contract) { $0.contract }, state, issue, due, currency, amount, open,
            ])
    }

    /// The list's totals, one line for each currency.
    func sums(_ page: Look.ItemPage) -> HTML {
        let list = list(page)
        return page.totals.map { total in
            list.foot { column in
                switch column.id {
                case "number": "<th scope=\"row\">\(w(.total)) \(total.currency.code)</th>"
                case "amount": w.cell(total.amount, total.currency)
                case "open": w.cell(total.open, total.currency, strong: true)
                default: nil
                }
            }
        }.joined()
    }

    private func address(_ row: Look.ItemRow) -> String {
        "/invoices/\(URLText.encode(row.number))"
            + (row.entity == "main" ? "" : "?entity=\(URLText.encode(row.entity))")
    }

    private func lateness(_ row: Look.ItemRow) -> HTML {
        if row.open == 0 { return .nothing }
        return "<small\(if: row.daysOverdue > 0, " class=\"bad\"")>\(w.lateness(row.daysOverdue))</small>"
    }
}

/// Postings as debit and credit.
struct TransferTable {
    let asking: Asking

    func table(_ rows: [Look.TransferRow]) -> HTML {
        let w = asking.w
        if rows.isEmpty { return Parts(asking).empty(w(.noPostings)) }
        return """
            <div class="scroll"><table class="figures slim"><thead><tr><th scope="col">\(w(.postingDay))</th><th scope="col">\(w(.debit))</th><th scope="col">\(w(.credit))</th><th scope="col" class="r">\(w(.amount))</th><th scope="col">\(w(.act))</th></tr></thead><tbody>\(each: rows, { row in
                "<tr><th scope=\"row\">\(entry(row, w))</th><td>\(account(row.debit))</td><td>\(account(row.credit))</td><td class=\"r\">\(w.figure(row.amount.minorUnits, row.amount.currency))<small>\(row.amount.currency.code)</small></td><td>\(act(row.act))</td></tr>"
            })</tbody></table></div>
            """
    }

    private func entry(_ row: Look.TransferRow, _ w: Wording) -> HTML {
        asking.may(.seeLedger) && asking.viewer.seesAll
            ? "<a href=\"/ledger/entries/\(row.fact)\" data-drawer>\(w.day(row.postingDay))</a>" : w.day(row.postingDay)
    }

    private func account(_ role: AccountRole) -> HTML {
        let name = asking.w.name(.account, role.name)
        return asking.may(.seeLedger) ? "<a href=\"/ledger/\(role.name)\">\(name)</a>" : HTML(name)
    }

    private func act(_ number: Int64) -> HTML {
        asking.may(.seeActs) ? "<a href=\"/acts/\(number)\">#\(number)</a>" : "#\(number)"
    }
}
