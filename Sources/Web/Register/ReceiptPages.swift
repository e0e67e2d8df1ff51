internal import Formats
internal import Foundation
internal import Ledger
internal import Operations
internal import Receivables

/// Money received, and which invoices it paid (收款核销).
enum ReceiptPages {
    static let routes: [Route] = [
        Route(.get, "/receipts", .permission(.seeReceipts)) { try await show($0, fact: nil) },
        Route(.get, "/receipts/{fact}", .permission(.seeReceipts)) {
            try await show($0, fact: Int64($0.place("fact")) ?? 0)
        },
        Route(.post, "/receipts/{fact}/allocate", .permission(.allocate), allocate),
        Route(.post, "/receipts/{fact}/unapply", .permission(.reverseAllocation), unapply),
        Route(.post, "/undo", .permission(.reverseAllocation), undo),
        Route(.post, "/receipts/{fact}/reverse", .permission(.reverseReceipt), reverse),
    ]

    /// What went wrong with a form, and where.
    struct Refused: Sendable {
        let refusal: Refusal
        /// The invoice whose part it is.
        let invoice: String?
    }

    private static func show(_ asking: Asking, fact: Int64?, refused: Refused? = nil) async throws -> Reply {
        var filter = Look.ReceiptFilter()
        filter.state = Look.ReceiptState(rawValue: asking.query["state"]) ?? .waiting
        filter.text = String(asking.query["q"].prefix(80))
        filter.customer = asking.query["customer"].isEmpty ? nil : asking.query["customer"]
        filter.before = Int64(asking.query["before"])
        filter.limit = 25
        if !asking.query["format"].isEmpty { filter.limit = 10_000 }
        let adding = String(asking.query["add"].prefix(80))
        let asked = filter
        let (page, receipt, notes) = try await asking.look(.seeReceipts) {
            look -> (Look.ReceiptPage, Look.ReceiptPicture?, [Look.NoteRow]) in
            let page = try look.receipts(asked)
            let chosen = fact ?? page.rows.first?.fact
            let receipt = try chosen.map { try look.receipt(fact: $0, and: adding) }
            return (page, receipt, try receipt.map { try look.notes(.receipt, about: $0.row.fact) } ?? [])
        }
        if let file = try await Parts(asking).file(report(page, asking), name: asking.w(.navReceipts)) { return file }
        return ReceiptPage(asking: asking, page: page, receipt: receipt, notes: notes, filter: filter, refused: refused)
            .reply
    }

    private static func report(_ page: Look.ReceiptPage, _ asking: Asking) -> ReportTable {
        let w = asking.w
        return ReportTable(
            title: w(.navReceipts), notes: ["\(asking.site.company.name) · \(asking.today)"],
            columns: [
                .init(w(.reference), .text), .init(w(.valueDay), .day), .init(w(.customerCode), .text),
                .init(w(.customer), .text),
                .init(w(.payer), .text), .init(w(.currency), .text), .init(w(.amount), .amount),
                .init(w(.waitingMoney), .amount),
            ],
            rows: page.rows.map { row in
                [
                    .text(row.reference), .day(row.day), .text(row.customer ?? ""), .text(row.customerName ?? ""),
                    .text(row.payer ?? ""), .text(row.amount.currency.code),
                    .amount(Int128(row.amount.minorUnits), exponent: row.amount.currency.exponent),
                    .amount(Int128(row.unapplied.minorUnits), exponent: row.amount.currency.exponent),
                ]
            }, sheetName: w(.navReceipts))
    }

    private struct ReceiptPage {
        let asking: Asking
        let page: Look.ReceiptPage
        let receipt: Look.ReceiptPicture?
        let notes: [Look.NoteRow]
        let filter: Look.ReceiptFilter
        let refused: Refused?
        private var w: Wording { asking.w }
        private var parts: Parts { Parts(asking) }

        var reply: Reply {
            Layout(asking).page(
                w(.navReceipts), at: .receipts, status: refused == nil ? 200 : 422,
                """
                \(parts.head(w(.navReceipts), actions: (asking.may(.registerReceipt) ? parts.button(w(.newReceipt), "/new/receipts", .plus) : .nothing) + (asking.may(.importReceipts) ? parts.button(w(.importStatement), "/imports?kind=receipts", .up) : .nothing) + parts.exports()))
                \(parts.answer(answer))
                <div class="bench sec">
                <section aria-label="\(w(.navReceipts))">
                <div class="row">\(parts.segments(w(.show), "state", [("waiting", w(.receiptsWaiting)), ("all", w(.showAll))], selected: filter.state.rawValue))</div>
                <form class="filters" action="/receipts" data-live><input type="hidden" name="state" value="\(filter.state.rawValue)">\(Parts(asking, form: "list").field("q", w(.receiptSearch), value: asking.query["q"], type: "search"))<div class="end"><button class="btn small quiet" type="submit">\(w(.apply))</button>\(SavedViews.link(asking))</div></form>\(SavedViews.list(asking))
                \(if: page.rows.isEmpty, parts.empty(w(filter.text.isEmpty ? .receiptsNone : .emptyFiltered)))
                <ol class="lines">\(each: page.rows, line)</ol>
                \(parts.pager("", next: page.next.map { asking.address(("before", "\($0)")) }, back: filter.before != nil))
                </section>
                \(receipt.map(detail) ?? "<section>\(parts.empty(w(.receiptNoneChosen)))</section>")
                </div>
                """)
        }

        private var answer: HTML {
            guard !page.waiting.isEmpty else { return HTML(w(.allAllocated)) }
            return w.html(
                .receiptsAnswer,
                ["amount": parts.bold(w.list(page.waiting.map { w.amount($0.amount, $0.currency) }))])
        }

        private func line(_ row: Look.ReceiptRow) -> HTML {
            let isDone = !row.unapplied.isPositive
            let current: HTML = row.fact == receipt?.row.fact ? " aria-current=\"page\"" : .nothing
            let note =
                row.isReversed
                ? w(.takenBack) : isDone ? w(.fullyAllocated) : w(.leftOf, ["left": .text(w.amount(row.unapplied))])
            return """
                <li data-row><a\(if: isDone, " class=\"done\"") href="/receipts/\(row.fact)\(asking.query.with(("part", nil), ("format", nil)).query)" data-open data-main\(current)><span>\(row.customerName ?? row.payer ?? w(.unknownPayer))</span><span class="amt num">\(w.figure(row.amount.minorUnits, row.amount.currency))</span><small>\(w.day(row.day)) · \(row.reference) · \(note)</small></a></li>
                """
        }

        private func detail(_ receipt: Look.ReceiptPicture) -> HTML {
            let row = receipt.row
            return """
                <section aria-labelledby="rc"><header class="row"><div><p class="meta">\(w.name(.event, row.kind == .receipt ? "receipt" : "credit-note")) \(row.reference) · \(w.date(row.day, today: asking.today))\(if: !row.bankAccount.isEmpty, HTML(" · \(row.bankAccount)"))</p>\
                <h2 id="rc">\(row.customer.map { "<a href=\"/customers/\(URLText.encode($0))\">\(row.customerName ?? $0)</a>" } ?? HTML(row.payer ?? w(.unknownPayer)))</h2>\
                \(if: row.payer != nil && row.payer != row.customerName, "<p class=\"meta\">\(w(.payer)) \(row.payer ?? "")</p>")</div><p class="phone num">\(w.amount(row.amount))</p></header>
                \(row.remittance.map { "<blockquote class=\"memo\">\(marked($0, receipt))</blockquote>" } ?? .nothing)
                \(refused.map { parts.callout(HTML(w.message($0.refusal)), isBad: true) } ?? .nothing)
                \(if: row.isReversed, parts.callout(HTML(w(.takenBack))))
                \(if: row.unapplied.isPositive && !row.isReversed, allocateForm(receipt))
                \(if: !receipt.allocations.isEmpty, allocated(receipt))
                <section class="sec"><h3>\(w(.postings))</h3>\(TransferTable(asking: asking).table(receipt.transfers))</section>
                <p class="meta">\(w(.registeredBy, ["who": .text(parts.actor(receipt.registeredBy))])) \(w.moment(receipt.registeredAt, asking.site.company, today: asking.today)) \(if: asking.may(.seeActs), "<a href=\"/acts/\(receipt.act)\">#\(receipt.act)</a>")</p>
                \(if: asking.may(.reverseReceipt) && !row.isReversed, reverseForm(row))
                \(NotePages.section(notes, Notes.Subject(.receipt, "\(row.fact)"), asking))
                </section>
                """
        }

        /// The remittance text with the numbers it names marked.
        private func marked(_ text: String, _ receipt: Look.ReceiptPicture) -> HTML {
            let named = Look.named(receipt.candidates, in: text).flatMap {
                [$0.number, $0.taxNumber].compactMap { $0 }
            }
            var html = HTML.nothing
            var rest = Substring(text)
            while !rest.isEmpty {
                var best: Range<Substring.Index>?
                for number in named {
                    let digits = String(number.reversed().prefix { $0.isNumber }.reversed())
                    for form in [number, digits] where form == number || form.count >= 4 {
                        guard let range = rest.range(of: form) else { continue }
                        if best.map({ range.lowerBound < $0.lowerBound }) ?? true { best = range }
                    }
                }
                guard let best else { break }
                html += HTML(String(rest[..<best.lowerBound])) + "<mark>\(String(rest[best]))</mark>"
                rest = rest[best.upperBound...]
            }
            return html + HTML(String(rest))
        }

        private func allocateForm(_ receipt: Look.ReceiptPicture) -> HTML {
            guard asking.may(.allocate) else { return parts.callout(HTML(w(.allocateNotYours))) }
            if receipt.isOwn {
                return parts.callout(
                    HTML(w.message(Refusal(.accessRegisteredByYou, ["receipt": .text(receipt.row.reference)]))))
            }
            if receipt.candidates.isEmpty {
                return parts.callout(HTML(w(receipt.row.customer == nil ? .payerUnknownText : .noCandidates)))
                    + adder(receipt)
            }
            let chosen = Int(asking.query["proposal"]) ?? 0
            let proposal = receipt.proposals.indices.contains(chosen) ? receipt.proposals[chosen] : nil
            var shown = receipt.candidates.filter { $0.number == asking.query["add"] }
            shown += (proposal?.parts.map(\.item) ?? []).filter { item in !shown.contains { $0.fact == item.fact } }
            let known = Set(shown.map(\.fact))
            shown += receipt.candidates.filter { !known.contains($0.fact) }.prefix(max(0, 12 - shown.count))
            let currency = receipt.row.amount.currency
            let amounts = Dictionary(proposal?.parts.map { ($0.item.fact, $0.amount) } ?? [], uniquingKeysWith: +)
            return """
                \(if: !receipt.proposals.isEmpty, proposals(receipt, chosen))
                <form method="post" action="/receipts/\(receipt.row.fact)/allocate\(asking.query.with(("part", nil)).query)" data-split data-amount="\(receipt.row.unapplied.minorUnits)" data-exponent="\(currency.exponent)">\(Layout.formFields(asking))
                <section class="sec"><div class="sec-head"><h3>\(w(.splitTitle))</h3></div>
                <table class="figures slim line-items stackable"><thead><tr><th scope="col">\(w(.number))</th><th scope="col" class="r">\(w(.dueDay))</th><th scope="col" class="r">\(w(.openAmount))</th><th scope="col" class="r">\(w(.thisTime))</th><th scope="col" class="r">\(w(.openAfter))</th></tr></thead>
                <tbody>\(each: shown, { splitRow($0, amounts[$0.fact], currency) })</tbody>
                <tfoot><tr class="sum"><th scope="row">\(w(.total))</th><td class="wide"></td><td class="wide"></td><td class="r" data-sum>\(w.figure(amounts.values.reduce(0, +), currency))</td><td class="wide"></td></tr></tfoot></table></section>
                <details\(if: !asking.form["day"].isEmpty || !asking.form["reason"].isEmpty, " open")><summary>\(w(.moreChoices))</summary><div class="form two-columns">\(parts.field("day", w(.allocationDay), value: asking.form["day"], type: "date", hint: w(.allocationDayHint)))\(parts.field("reason", w(.reason), value: asking.form["reason"], hint: w(.allocationReasonHint)))</div></details>
                <div class="left"><p>\(w(.received)) <span class="num">\(w.figure(receipt.row.unapplied.minorUnits, currency))</span> · \(w(.leftOver)) <b class="num" data-left>\(w.figure(receipt.row.unapplied.minorUnits - amounts.values.reduce(0, +), currency))</b></p><p class="acts">\(next(receipt))\(parts.submit(w(.allocateAct)))</p></div>
                <p class="meta">\(w(.allocateText))</p></form>
                \(adder(receipt))
                """
        }

        /// The way to an invoice that isn't among the candidates: it comes first then.
        private func adder(_ receipt: Look.ReceiptPicture) -> HTML {
            let number = asking.query["add"]
            let isThere = receipt.candidates.contains { $0.number == number }
            return """
                <form class="filters" action="/receipts/\(receipt.row.fact)">\(each: asking.query.with(("add", nil), ("part", nil), ("proposal", nil)).pairs, { "<input type=\"hidden\" name=\"\($0.name)\" value=\"\($0.value)\">" })\(Parts(asking, form: "other").field("add", w(.otherInvoice), value: number, error: !number.isEmpty && !isThere ? w(.otherInvoiceNone) : nil))<div class="end"><button class="btn small" type="submit">\(w(.otherInvoiceAct))</button></div></form>
                """
        }

        private func proposals(_ receipt: Look.ReceiptPicture, _ chosen: Int) -> HTML {
            """
            <h3>\(w(.proposalsTitle))</h3><ul class="props">\(each: receipt.proposals.enumerated().map { ($0.offset, $0.element) }, { index, proposal in
                "<li>\(index == chosen ? Icon.check.html : "<span></span>")<span><a href=\"\(asking.address(("proposal", "\(index)")))\" data-main\(if: index == chosen, " aria-current=\"true\"")><b>\(w.name(.proposal, proposal.reason.rawValue))</b></a> \(w.list(proposal.parts.prefix(4).map { $0.item.number }))\(if: proposal.parts.count > 4, "…")</span>\(proposal.left == 0 && proposal.parts.allSatisfy { $0.amount == $0.item.open } ? parts.tag(w(.exact), "good") : parts.tag(w(.leftOf, ["left": .text(w.amount(proposal.left, receipt.row.amount.currency))])))<p class=\"why\">\(w.name(.proposal, proposal.reason.rawValue + "-why"))</p></li>"
            })</ul>
            """
        }

        private func splitRow(_ item: Look.ItemRow, _ amount: Int64?, _ currency: Currency) -> HTML {
            let name = "amount:\(item.fact)"
            let typed = asking.form.has(name) ? asking.form[name] : amount.map { w.input($0, currency) } ?? ""
            let isWrong = refused?.invoice == item.number
            let after = item.open - (amount ?? 0)
            return """
                <tr data-row><th scope="row"><a href="/invoices/\(URLText.encode(item.number))" data-drawer>\(item.number)</a>\(if: item.instalments > 1, "<small>\(item.instalment)/\(item.instalments)</small>")</th>\
                <td class="r wide">\(w.day(item.dueDay))<small\(if: item.daysOverdue > 0, " class=\"bad\"")>\(w.lateness(item.daysOverdue))</small></td><td class="r wide">\(w.figure(item.open, currency))</td>\
                <td class="r"><label class="hidden" for="s\(item.fact)">\(w(.allocateTo, ["invoice": .text(item.number)]))</label><input class="money" id="s\(item.fact)" name="\(name)" inputmode="decimal" autocomplete="off" value="\(typed)" data-open="\(item.open)"\(if: isWrong, " aria-invalid=\"true\"")></td>\
                <td class="r wide" data-after>\(after == 0 ? "–" : w.figure(after, currency))</td></tr>
                """
        }

        private func next(_ receipt: Look.ReceiptPicture) -> HTML {
            guard let index = page.rows.firstIndex(where: { $0.fact == receipt.row.fact }), index + 1 < page.rows.count
            else {
                return .nothing
            }
            return
                "<a class=\"btn\" href=\"/receipts/\(page.rows[index + 1].fact)\(asking.query.with(("part", nil), ("proposal", nil)).query)\" data-key=\"n\" data-main>\(w(.skipReceipt)) <kbd>N</kbd></a>"
        }

        private func allocated(_ receipt: Look.ReceiptPicture) -> HTML {
            let invoices = receipt.allocations.filter { !$0.isReversed && !$0.isReversal }.map(\.invoice)
            return """
                <section class="sec"><h3>\(w(.allocatedTo))</h3><table class="figures slim"><thead><tr><th scope="col">\(w(.number))</th><th scope="col">\(w(.postingDay))</th><th scope="col" class="r">\(w(.amount))</th><th scope="col">\(w(.note))</th></tr></thead><tbody>\(each: receipt.allocations, { row in
                    "<tr><th scope=\"row\"><a href=\"/invoices/\(URLText.encode(row.invoice))\" data-drawer>\(row.invoice)</a></th><td>\(w.day(row.postingDay))</td>\(w.cell(row.amount.minorUnits, row.amount.currency))<td>\(if: row.isReversed, parts.tag(w(.takenBack), "warn"))\(if: row.isReversal, parts.tag(w(.takesBack), "warn"))</td></tr>"
                })</tbody></table>
                \(if: asking.may(.reverseAllocation) && !invoices.isEmpty, unapplyForm(receipt, invoices))</section>
                """
        }

        private func unapplyForm(_ receipt: Look.ReceiptPicture, _ invoices: [String]) -> HTML {
            let parts = Parts(asking, form: "unapply")
            return """
                <details><summary>\(w(.unapplyAct))</summary><form class="form narrow" method="post" action="/receipts/\(receipt.row.fact)/unapply">\(Layout.formFields(asking))
                \(parts.select("invoice", w(.number), invoices.map { ($0, $0) }, selected: asking.form["invoice"]))\(parts.field("reason", w(.reason), value: asking.form["reason"], isRequired: true))
                <p class="acts">\(parts.submit(w(.unapplyAct), main: false, danger: true))</p></form></details>
                """
        }

        private func reverseForm(_ row: Look.ReceiptRow) -> HTML {
            let parts = Parts(asking, form: "reverse")
            return """
                <details><summary>\(w(.reverseAct))</summary><form class="form narrow" method="post" action="/receipts/\(row.fact)/reverse">\(Layout.formFields(asking))
                <p class="caution">\(Icon.warn.html)<span>\(w(.reverseText))</span></p>\(parts.field("day", w(.reverseDay), value: asking.form["day"], type: "date", hint: w(.reverseDayHint)))\(parts.field("reason", w(.reason), value: asking.form["reason"], isRequired: true))
                <p class="acts">\(parts.submit(w(.reverseAct), main: false, danger: true))</p></form></details>
                """
        }
    }

    // MARK: What is done with them

    private static func name(_ receipt: Look.ReceiptPicture) -> CorrectRegister.CreditName {
        CorrectRegister.CreditName(
            receipt.row.reference, bankAccount: receipt.row.bankAccount, entity: receipt.row.entity,
            kind: receipt.row.kind)
    }

    private static func find(_ asking: Asking, _ permission: Permission) async throws -> (Int64, Look.ReceiptPicture) {
        let fact = Int64(asking.place("fact")) ?? 0
        let adding = String(asking.query["add"].prefix(80))
        return (fact, try await asking.look(permission) { try $0.receipt(fact: fact, and: adding) })
    }

    @Sendable private static func allocate(_ asking: Asking) async throws -> Reply {
        let (fact, receipt) = try await find(asking, .allocate)
        // Also what was settled meanwhile has a name; the command says what is wrong with it.
        let facts = asking.form.pairs.compactMap { pair in
            pair.name.hasPrefix("amount:") ? Int64(pair.name.dropFirst("amount:".count)) : nil
        }
        let items = try await asking.look(.allocate) { try $0.items(facts: Array(facts.prefix(250))) }
        let byFact = Dictionary(items.map { ("amount:\($0.fact)", $0) }) { first, _ in first }
        var parts: [AllocateReceipt.Part] = []
        for (field, value) in asking.form.pairs where field.hasPrefix("amount:") {
            let plain = AmountText.plain(value)
            guard !plain.isEmpty, plain != "0" else { continue }
            guard let item = byFact[field] else { throw Refusal(.invoiceUnknown, ["invoice": .text(field)]) }
            parts.append(
                AllocateReceipt.Part(
                    invoice: item.number, instalment: item.instalments > 1 ? item.instalment : nil, amount: plain))
        }
        let reason = asking.form["reason"]
        do {
            let done = try await AllocateReceipt(in: asking.store, asking.request(.allocate)).run(
                name(receipt), parts, on: asking.day("day"), reason: reason.isEmpty ? nil : reason)
            // On to the next one that waits.
            return Notice.redirect(
                "/receipts" + asking.query.with(("part", nil), ("proposal", nil), ("add", nil)).query, "allocated",
                undo: asking.may(.reverseAllocation) ? done.act : nil)
        } catch let refused as PartRefused {
            return try await show(
                asking, fact: fact, refused: Refused(refusal: refused.refusal, invoice: parts[refused.index].invoice))
        } catch let refusal as Refusal where refusal.code != .accessRegisteredByYou {
            return try await show(asking, fact: fact, refused: Refused(refusal: refusal, invoice: nil))
        }
    }

    @Sendable private static func unapply(_ asking: Asking) async throws -> Reply {
        let (fact, receipt) = try await find(asking, .reverseAllocation)
        do {
            _ = try await CorrectRegister(in: asking.store, asking.request(.reverseAllocation)).unapply(
                name(receipt), invoice: asking.form["invoice"], on: nil, reason: asking.form["reason"])
            return Notice.redirect("/receipts/\(fact)", "unapplied")
        } catch let refusal as Refusal {
            return try await show(asking, fact: fact, refused: Refused(refusal: refusal, invoice: nil))
        }
    }

    /// Takes back what one just allocated.
    @Sendable private static func undo(_ asking: Asking) async throws -> Reply {
        let act = Int64(asking.form["act"]) ?? 0
        let fact = try await CorrectRegister(in: asking.store, asking.request(.reverseAllocation)).undoAllocation(
            act: act, reason: asking.w(.undone))
        return Notice.redirect(fact.map { "/receipts/\($0)" } ?? "/receipts", "unapplied")
    }

    @Sendable private static func reverse(_ asking: Asking) async throws -> Reply {
        let (fact, receipt) = try await find(asking, .reverseReceipt)
        do {
            _ = try await CorrectRegister(
                in: asking.store, asking.request(receipt.row.kind == .receipt ? .reverseReceipt : .reverseCreditNote)
            ).reverse(
                name(receipt), on: asking.day("day"), reason: asking.form["reason"])
            return Notice.redirect("/receipts/\(fact)", "reversed")
        } catch let refusal as Refusal {
            return try await show(asking, fact: fact, refused: Refused(refusal: refusal, invoice: nil))
        }
    }
}

/// Amounts as people type them: full-width digits, thousands separated by commas, spaces.
enum AmountText {
    /// A plain decimal; text that can't be one comes back as it is, to be refused with what was typed.
    static func plain(_ text: String) -> String {
        var plain = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "０"..."９": plain.unicodeScalars.append(Unicode.Scalar(scalar.value - 0xFEE0) ?? scalar)
            case "，", ",", " ", "\u{a0}", "\u{3000}", "¥", "￥": continue
            case "．", "。": plain.append(".")
            default: plain.unicodeScalars.append(scalar)
            }
        }
        return plain
    }
}
