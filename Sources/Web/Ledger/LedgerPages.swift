internal import Formats
internal import Ledger
internal import Operations
internal import Receivables

/// Trial balance, one account, and the journal of acts (账簿).
enum LedgerPages {
    static let routes: [Route] = [
        Route(.get, "/ledger", .permission(.seeLedger), balances),
        Route(.get, "/ledger/{account}", .permission(.seeLedger), account),
        Route(.get, "/ledger/entries/{fact}", .permission(.seeLedger), entry),
        Route(.get, "/acts", .permission(.seeActs), acts),
        Route(.get, "/acts/{number}", .permission(.seeActs), act),
    ]

    @Sendable private static func balances(_ asking: Asking) async throws -> Reply {
        let asOf = asking.day("asOf") ?? asking.today
        let from = min(asking.day("from") ?? asOf.startOfMonth, asOf)
        let store = asking.store
        let lines = try await asking.look(.seeLedger) { try $0.balances(from: from, on: asOf) }
        let w = asking.w
        let parts = Parts(asking)
        if let file = try await parts.file(report(lines, from, asOf, asking), name: w(.trialBalance)) { return file }
        let periods = try await asking.work { try PeriodQueries.closed(in: store) }
        let currencies = Array(Set(lines.map(\.currency))).sorted()
        let groups = currencies.map { currency in
            (currency: currency, lines: lines.filter { $0.currency == currency })
        }
        let heads: [Word] = [
            .openingDebit, .openingCredit, .debitPeriod, .creditPeriod, .debitBalance, .creditBalance,
        ]
        return Layout(asking).page(
            w(.navLedger), at: .ledger,
            """
            \(parts.head(w(.trialBalance), meta: w.html(.ledgerMeta, ["from": w.date(from, today: asking.today), "day": w.date(asOf, today: asking.today)]), actions: parts.exports()))
            \(parts.answer(HTML(w(.ledgerText))))
            \(parts.filters(parts.field("from", w(.fromDay), value: "\(from)", type: "date") + parts.field("asOf", w(.toDay), value: "\(asOf)", type: "date")))
            <div class="scroll"><table class="figures"><caption class="hidden">\(w(.trialBalance))</caption><thead><tr><th scope="col">\(w(.account))</th>\(each: heads, { "<th scope=\"col\" class=\"r\">\(w($0))</th>" })</tr></thead>
            \(each: groups, { group in
                "<tbody><tr class=\"group\"><th colspan=\"7\" scope=\"rowgroup\">\(group.currency.code)</th></tr>\(each: group.lines, { line($0, w) })<tr class=\"sum\"><th scope=\"row\">\(w(.total))</th>\(each: heads.indices, { column in w.cell(group.lines.reduce(Int128(0)) { $0 + figures($1)[column] }, group.currency) })</tr></tbody>"
            })</table></div>
            \(each: groups, { group in
                let sum = group.lines.reduce(Int128(0)) { $0 + $1.balance }
                return parts.proof(sum == 0, w.html(.ledgerProof, ["currency": HTML(group.currency.code), "difference": HTML(w.figure(sum, group.currency))]))
            })
            <section class="sec"><h2>\(w(.periods))</h2>\(if: periods.isEmpty, parts.empty(w(.periodsNone)))<ul class="check">\(each: periods.suffix(24), { "<li>\(Icon.lock.html)<span>\($0.month) \(w.name(.period, $0.state))</span></li>" })</ul></section>
            """)
    }

    /// Opening, turnover and closing, debit and credit each.
    private static func figures(_ line: Look.AccountLine) -> [Int128] {
        [
            max(line.opening, 0), max(-line.opening, 0), line.debit, line.credit, max(line.balance, 0),
            max(-line.balance, 0),
        ]
    }

    private static func name(_ line: Look.AccountLine, _ w: Wording) -> String {
        "\(line.code) \(w.isEnglish ? w.name(.account, line.account.name) : line.name)"
    }

    private static func report(
        _ lines: [Look.AccountLine], _ from: LocalDate, _ asOf: LocalDate, _ asking: Asking
    ) -> ReportTable {
        let w = asking.w
        let heads: [Word] = [
            .openingDebit, .openingCredit, .debitPeriod, .creditPeriod, .debitBalance, .creditBalance,
        ]
        return ReportTable(
            title: w(.trialBalance), notes: ["\(asking.site.company.name) · \(from) – \(asOf)"],
            columns: [.init(w(.account), .text), .init(w(.currency), .text)] + heads.map { .init(w($0), .amount) },
            rows: lines.map { line in
                [.text(name(line, w)), .text(line.currency.code)]
                    + figures(line).map { .amount($0, exponent: line.currency.exponent) }
            }, sheetName: w(.trialBalance))
    }

    private static func line(_ line: Look.AccountLine, _ w: Wording) -> HTML {
        """
        <tr data-row><th scope="row"><a href="/ledger/\(line.account.name)" data-open>\(name(line, w))</a></th>\(each: figures(line), { w.cell($0, line.currency) })</tr>
        """
    }

    private static let mostInFile = 5_000

    @Sendable private static func account(_ asking: Asking) async throws -> Reply {
        guard let role = AccountRole.allCases.first(where: { $0.name == asking.place("account") }) else {
            throw Refusal(
                .accountUnknown,
                [
                    "account": .text(asking.place("account")),
                    "known": .text(AccountRole.allCases.map(\.name).joined(separator: ", ")),
                ])
        }
        let before = Int64(asking.query["before"])
        let today = asking.today
        let isFile = !asking.query["format"].isEmpty
        let (page, lines) = try await asking.look(.seeLedger) { look in
            (
                try look.entries(of: role, before: isFile ? nil : before, limit: isFile ? Self.mostInFile : 50),
                try look.balances(of: role, on: today)
            )
        }
        let w = asking.w
        let parts = Parts(asking)
        if let file = try await parts.file(report(page, asking), name: w.name(.account, role.name)) { return file }
        let balances: [(String, HTML)] = lines.filter { $0.amount != 0 }.map {
            (w(.balanceOf, ["currency": .text($0.currency.code)]), HTML(w.amount($0.amount, $0.currency)))
        }
        return Layout(asking).page(
            w.name(.account, role.name), at: .ledger,
            """
            \(parts.head(w.name(.account, role.name), trail: [(w(.navLedger), "/ledger")], actions: parts.exports()))
            \(if: !balances.isEmpty, parts.stats(balances))
            \(if: page.rows.isEmpty && !page.isCut, parts.empty(w(.noPostings)))
            <div class="scroll"><table class="figures"><caption class="hidden">\(w(.postings))</caption><thead><tr><th scope="col">\(w(.postingDay))</th><th scope="col">\(w(.subject))</th><th scope="col">\(w(.customer))</th><th scope="col">\(w(.against))</th><th scope="col" class="r">\(w(.debit))</th><th scope="col" class="r">\(w(.credit))</th><th scope="col">\(w(.act))</th></tr></thead><tbody>\(each: page.rows, { row in
                "<tr data-row><th scope=\"row\"><a href=\"/ledger/entries/\(row.fact)\" data-drawer data-open>\(w.day(row.postingDay))</a></th><td>\(row.subject)<small>\(row.amount.currency.code)</small></td><td>\(row.customer.map { code -> HTML in "<a href=\"/customers/\(URLText.encode(code))\">\(row.customerName ?? code)</a>" } ?? HTML("–"))</td><td>\(w.name(.account, row.other.name))</td>\(w.cell(max(row.amount.minorUnits, 0), row.amount.currency))\(w.cell(max(-row.amount.minorUnits, 0), row.amount.currency))<td><a href=\"/acts/\(row.act)\" data-drawer>#\(row.act)</a></td></tr>"
            })</tbody></table></div>
            \(if: page.isCut, "<p class=\"meta\">\(w(.lookedSoFar))</p>")
            \(parts.pager("", next: page.next.map { asking.address(("before", "\($0)")) }, back: before != nil))
            """)
    }

    /// One entry, as a voucher has it.
    @Sendable private static func entry(_ asking: Asking) async throws -> Reply {
        let fact = Int64(asking.place("fact")) ?? 0
        let entry = try await asking.look(.seeLedger) { try $0.entry(ofFact: fact) }
        let w = asking.w
        let parts = Parts(asking)
        let base = asking.site.company.currency
        let record: HTML =
            switch entry.table {
            case "invoice":
                "<a href=\"/invoices/\(URLText.encode(entry.subject))\(entry.entity == "main" ? "" : "?entity=\(URLText.encode(entry.entity))")\">\(entry.subject)</a>"
            case "credit": "<a href=\"/receipts/\(entry.fact)\">\(entry.subject)</a>"
            default: HTML(entry.subject)
            }
        func line(_ role: AccountRole, _ row: Look.TransferRow, isDebit: Bool) -> HTML {
            let amount = w.cell(row.amount.minorUnits, row.amount.currency)
            let translated: HTML =
                row.amount.currency == base || row.functional == nil
                ? .nothing
                : "<small>\(w.amount(row.functional ?? 0, base))</small>"
            return """
                <tr><th scope="row"><a href="/ledger/\(role.name)">\(w.name(.account, role.name))</a>\(translated)</th><td>\(row.amount.currency.code)</td>\(isDebit ? amount : "<td></td>")\(isDebit ? "<td></td>" : amount)</tr>
                """
        }
        return Layout(asking).drawer(
            w(.entryTitle, ["number": .count(Int(entry.fact))]), at: .ledger,
            """
            \(parts.facts([
                (w(.subject), "\(w.name(.table, entry.table)) \(record)"),
                (w(.customer), entry.customer.map { "<a href=\"/customers/\(URLText.encode($0))\">\(entry.customerName ?? $0)</a>" } ?? .nothing),
                (w(.postingDay), w.day(entry.transfers[0].postingDay)),
                (w(.actor), HTML(entry.act.map { parts.actor($0.actor) } ?? "")),
                (w(.time), entry.act.map { w.moment($0.instant, asking.site.company, today: asking.today) } ?? .nothing),
                (w(.act), entry.act.map { act in asking.may(.seeActs) ? "<a href=\"/acts/\(act.number)\">#\(act.number)</a>" : HTML("#\(act.number)") } ?? .nothing),
            ]))
            <div class="scroll sec"><table class="figures slim fit"><caption class="hidden">\(w(.postings))</caption><thead><tr><th scope="col">\(w(.account))</th><th scope="col">\(w(.currency))</th><th scope="col" class="r">\(w(.debit))</th><th scope="col" class="r">\(w(.credit))</th></tr></thead><tbody>\(each: entry.transfers, { line($0.debit, $0, isDebit: true) + line($0.credit, $0, isDebit: false) })</tbody></table></div>
            """)
    }

    private static func report(_ page: Look.EntryPage, _ asking: Asking) -> ReportTable {
        let w = asking.w
        return ReportTable(
            title: w(.postings),
            notes: ["\(asking.site.company.name) · \(asking.today)"]
                + (page.next != nil || page.isCut ? [w(.firstOnly, ["count": .count(page.rows.count)])] : []),
            columns: [
                .init(w(.postingDay), .day), .init(w(.subject), .text), .init(w(.customer), .text),
                .init(w(.against), .text), .init(w(.currency), .text), .init(w(.debit), .amount),
                .init(w(.credit), .amount), .init(w(.act), .text),
            ],
            rows: page.rows.map { row in
                let exponent = row.amount.currency.exponent
                return [
                    .day(row.postingDay), .text(row.subject), .text(row.customerName ?? ""),
                    .text(w.name(.account, row.other.name)), .text(row.amount.currency.code),
                    .amount(Int128(max(row.amount.minorUnits, 0)), exponent: exponent),
                    .amount(Int128(max(-row.amount.minorUnits, 0)), exponent: exponent), .text("#\(row.act)"),
                ]
            }, sheetName: w(.postings))
    }

    // MARK: The journal of acts

    /// The columns of acts.
    static func list(_ asking: Asking) -> ListTable<RegisterQueries.ActRow> {
        typealias Row = RegisterQueries.ActRow
        let (w, company) = (asking.w, asking.site.company)
        let parts = Parts(asking)
        let number = ListColumn<Row>(
            id: "act", title: w(.act), kind: .text, isAlways: true,
            cell: {
                "<th scope=\"row\"><a href=\"/acts/\($0.number)\" data-open data-drawer>#\($0.number)</a></th>"
            }, value: { .text("#\($0.number)") })
        let time = ListColumn<Row>(
            id: "time", title: w(.time), kind: .text,
            cell: { "<td>\(w.moment($0.instant, company, today: asking.today))</td>" },
            value: { .text(w.momentText($0.instant, company)) })
        let command = ListColumn<Row>(
            id: "command", title: w(.command), kind: .text,
            cell: { "<td>\(w.name(.command, $0.command))</td>" }, value: { .text(w.name(.command, $0.command)) })
        let actor = ListColumn<Row>(
            id: "actor", title: w(.actor), kind: .text,
            cell: { "<td>\(parts.actor($0.actor))<small>\(w.name(.source, $0.source))</small></td>" },
            value: { .text(parts.actor($0.actor)) })
        let source = ListColumn<Row>(
            id: "source", title: w(.source), kind: .text, isFileOnly: true, cell: { _ in .nothing },
            value: { .text(w.name(.source, $0.source)) })
        let facts = ListColumn<Row>(
            id: "facts", title: w(.factsHead), kind: .text, isRight: true,
            cell: { "<td class=\"r\">\($0.facts)</td>" }, value: { .text("\($0.facts)") })
        let hash = ListColumn<Row>(
            id: "hash", title: w(.hash), kind: .text, isFileOnly: true, cell: { _ in .nothing },
            value: { .text($0.hash) })
        return ListTable(
            asking: asking, title: w(.navActs), columns: [number, time, command, actor, source, facts, hash])
    }

    @Sendable private static func acts(_ asking: Asking) async throws -> Reply {
        var filter = Look.ActFilter()
        filter.command = asking.query["command"]
        filter.actor = asking.query["actor"]
        filter.before = Int64(asking.query["before"])
        let company = asking.site.company
        filter.since = asking.day("from").map { company.start(of: $0) }
        filter.until = asking.day("to").map { company.start(of: $0.adding(days: 1)) }
        let asked = filter
        let columns = list(asking)
        let file = try await columns.file(name: asking.w(.navActs), most: 20_000) {
            var all = asked
            (all.limit, all.before) = (20_000, nil)
            let whole = all
            return try await asking.look(.seeActs) { try $0.acts(whole).rows }
        }
        if let file { return file }
        let (page, commands, actors, head) = try await asking.look(.seeActs) { look in
            (try look.acts(asked), try look.commands(), look.colleagues(), look.act)
        }
        let w = asking.w
        let parts = Parts(asking)
        return Layout(asking).page(
            w(.navActs), at: .acts,
            """
            \(parts.head(w(.navActs), actions: columns.actions))
            \(parts.answer(w.html(.actsAnswer, ["count": parts.bold("\(head)")])))
            \(parts.filters(
                """
                \(parts.select("command", w(.command), [("", w(.showAll))] + commands.map { ($0, w.name(.command, $0)) }, selected: filter.command))
                \(parts.select("actor", w(.actor), [("", w(.everybody))] + actors.map { ($0.key, $0.name) }, selected: filter.actor))
                \(parts.field("from", w(.fromDay), value: asking.query["from"], type: "date"))
                \(parts.field("to", w(.toDay), value: asking.query["to"], type: "date"))
                """, end: SavedViews.link(asking)))
            \(SavedViews.list(asking))
            \(page.rows.isEmpty ? parts.empty(w(.emptyFiltered)) : columns.html(page.rows))
            \(parts.pager("", next: page.next.map { asking.address(("before", "\($0)")) }, back: filter.before != nil))
            """)
    }

    /// A field in words, with what stood there before.
    private static func factField(
        _ field: (name: String, before: String?, now: String), of table: String, _ w: Wording
    ) -> HTML {
        func text(_ value: String) -> String {
            switch (table, field.name) {
            case ("transfer", "debit"), ("transfer", "credit"), ("account_code", "role"): w.name(.account, value)
            case ("role_grant", "role"): w.name(.role, value)
            case ("customer_version", "kind"): w.name(.customerKind, value)
            case ("customer_version", "size"): w.name(.size, value)
            case (_, "purpose"): w.name(.purpose, value)
            case (_, "rule"): w.name(.rule, value)
            default: value
            }
        }
        let before: HTML =
            field.before.map { $0 == field.now ? .nothing : "<span class=\"before\">\(text($0))</span> " } ?? .nothing
        return "<dt>\(w.name(.column, field.name))</dt><dd class=\"r\">\(before)\(text(field.now))</dd>"
    }

    @Sendable private static func act(_ asking: Asking) async throws -> Reply {
        let number = Int64(asking.place("number")) ?? 0
        let (act, facts) = try await asking.look(.seeActs) { try $0.act(number) }
        let w = asking.w
        let parts = Parts(asking)
        return Layout(asking).drawer(
            "#\(act.number) \(w.name(.command, act.command))", at: .acts,
            """
            \(parts.facts([
                (w(.time), w.moment(act.instant, asking.site.company, today: asking.today)), (w(.actor), HTML(parts.actor(act.actor))),
                (w(.source), HTML(w.name(.source, act.source))), (w(.factsHead), HTML("\(act.facts)")),
                (w(.hash), "<code>\(String(act.hash.prefix(24)))…</code>"),
            ]))
            <section class="sec"><h3>\(w(.factsHead))</h3>\(each: facts, { fact in
                "<details open><summary>\(w.name(.table, fact.table)) <span class=\"meta\">\(fact.number)</span></summary><dl class=\"facts\">\(each: fact.fields, { factField($0, of: fact.table, w) })</dl></details>"
            })\(if: act.facts > Int64(facts.count), "<p class=\"meta\">\(w(.moreFacts, ["count": .count(Int(act.facts) - facts.count)]))</p>")</section>
            """)
    }
}
