internal import Ledger
internal import Operations
internal import Receivables

/// Trial balance, one account, and the journal of acts (账簿).
enum LedgerPages {
    static let routes: [Route] = [
        Route(.get, "/ledger", .permission(.seeLedger), balances),
        Route(.get, "/ledger/{account}", .permission(.seeLedger), account),
        Route(.get, "/acts", .permission(.seeActs), acts),
        Route(.get, "/acts/{number}", .permission(.seeActs), act),
    ]

    @Sendable private static func balances(_ asking: Asking) async throws -> Reply {
        let asOf = asking.day("asOf") ?? asking.today
        let store = asking.store
        let lines = try await asking.look(.seeLedger) { try $0.balances(on: asOf) }
        let periods = try await asking.work { try PeriodQueries.closed(in: store) }
        let w = asking.w
        let parts = Parts(asking)
        let currencies = Array(Set(lines.map(\.currency))).sorted()
        let groups = currencies.map { currency in (currency: currency, lines: lines.filter { $0.currency == currency })
        }
        return Layout(asking).page(
            w(.navLedger), at: .ledger,
            """
            \(parts.head(w(.trialBalance), meta: w.html(.ledgerMeta, ["day": w.date(asOf, today: asking.today)])))
            \(parts.answer(HTML(w(.ledgerText))))
            \(parts.filters(parts.field("asOf", w(.asOf), value: "\(asOf)", type: "date")))
            <div class="scroll"><table class="figures"><caption class="hidden">\(w(.trialBalance))</caption><thead><tr><th scope="col">\(w(.account))</th><th scope="col" class="r">\(w(.debitMonth))</th><th scope="col" class="r">\(w(.creditMonth))</th><th scope="col" class="r">\(w(.debitBalance))</th><th scope="col" class="r">\(w(.creditBalance))</th></tr></thead>
            \(each: groups, { group in
                "<tbody><tr class=\"group\"><th colspan=\"5\" scope=\"rowgroup\">\(group.currency.code)</th></tr>\(each: group.lines, { line($0, w) })<tr class=\"sum\"><th scope=\"row\">\(w(.total))</th>\(w.cell(group.lines.reduce(0) { $0 + $1.debit }, group.currency))\(w.cell(group.lines.reduce(0) { $0 + $1.credit }, group.currency))\(w.cell(group.lines.reduce(0) { $0 + max($1.balance, 0) }, group.currency))\(w.cell(group.lines.reduce(0) { $0 + max(-$1.balance, 0) }, group.currency))</tr></tbody>"
            })</table></div>
            \(each: groups, { group in
                let sum = group.lines.reduce(Int128(0)) { $0 + $1.balance }
                return parts.proof(sum == 0, w.html(.ledgerProof, ["currency": HTML(group.currency.code), "difference": HTML(w.figure(sum, group.currency))]))
            })
            <section class="sec"><h2>\(w(.periods))</h2>\(if: periods.isEmpty, parts.empty(w(.periodsNone)))<ul class="check">\(each: periods.suffix(24), { "<li>\(Icon.lock.html)<span>\($0.month) \(w.name(.period, $0.state))</span></li>" })</ul></section>
            """)
    }

    private static func line(_ line: Look.AccountLine, _ w: Wording) -> HTML {
        """
        <tr data-row><th scope="row"><a href="/ledger/\(line.account.name)" data-open>\(line.code) \(w.isEnglish ? w.name(.account, line.account.name) : line.name)</a></th>\(w.cell(line.debit, line.currency))\(w.cell(line.credit, line.currency))\(w.cell(max(line.balance, 0), line.currency))\(w.cell(max(-line.balance, 0), line.currency))</tr>
        """
    }

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
        let page = try await asking.look(.seeLedger) { try $0.entries(of: role, before: before) }
        let w = asking.w
        let parts = Parts(asking)
        return Layout(asking).page(
            w.name(.account, role.name), at: .ledger,
            """
            \(parts.head(w.name(.account, role.name), trail: [(w(.navLedger), "/ledger")]))
            \(if: page.rows.isEmpty && !page.isCut, parts.empty(w(.noPostings)))
            <div class="scroll"><table class="figures"><caption class="hidden">\(w(.postings))</caption><thead><tr><th scope="col">\(w(.postingDay))</th><th scope="col">\(w(.subject))</th><th scope="col">\(w(.customer))</th><th scope="col">\(w(.against))</th><th scope="col" class="r">\(w(.debit))</th><th scope="col" class="r">\(w(.credit))</th><th scope="col">\(w(.act))</th></tr></thead><tbody>\(each: page.rows, { row in
                "<tr data-row><th scope=\"row\">\(w.day(row.postingDay))</th><td>\(row.subject)<small>\(row.amount.currency.code)</small></td><td>\(row.customer.map { code -> HTML in "<a href=\"/customers/\(URLText.encode(code))\">\(row.customerName ?? code)</a>" } ?? HTML("–"))</td><td>\(w.name(.account, row.other.name))</td>\(w.cell(max(row.amount.minorUnits, 0), row.amount.currency))\(w.cell(max(-row.amount.minorUnits, 0), row.amount.currency))<td><a href=\"/acts/\(row.act)\" data-open>#\(row.act)</a></td></tr>"
            })</tbody></table></div>
            \(if: page.isCut, "<p class=\"meta\">\(w(.lookedSoFar))</p>")
            \(parts.pager("", next: page.next.map { asking.address(("before", "\($0)")) }, back: before != nil))
            """)
    }

    // MARK: The journal of acts

    @Sendable private static func acts(_ asking: Asking) async throws -> Reply {
        var filter = Look.ActFilter()
        filter.command = asking.query["command"]
        filter.actor = asking.query["actor"]
        filter.before = Int64(asking.query["before"])
        let asked = filter
        let (page, commands, actors, head) = try await asking.look(.seeActs) { look in
            (try look.acts(asked), try look.commands(), look.actors(), look.act)
        }
        let w = asking.w
        let parts = Parts(asking)
        return Layout(asking).page(
            w(.navActs), at: .acts,
            """
            \(parts.head(w(.navActs)))
            \(parts.answer(w.html(.actsAnswer, ["count": parts.bold("\(head)")])))
            \(parts.filters(
                """
                \(parts.select("command", w(.command), [("", w(.showAll))] + commands.map { ($0, w.name(.command, $0)) }, selected: filter.command))
                \(parts.select("actor", w(.actor), [("", w(.everybody))] + actors.map { ($0.key, $0.name) }, selected: filter.actor))
                """))
            <div class="scroll"><table class="figures slim"><caption class="hidden">\(w(.navActs))</caption><thead><tr><th scope="col">\(w(.act))</th><th scope="col">\(w(.time))</th><th scope="col">\(w(.command))</th><th scope="col">\(w(.actor))</th><th scope="col" class="r">\(w(.factsHead))</th></tr></thead><tbody>\(each: page.rows, { row in
                "<tr data-row><th scope=\"row\"><a href=\"/acts/\(row.number)\" data-open data-drawer>#\(row.number)</a></th><td>\(w.moment(row.instant, asking.site.company, today: asking.today))</td><td>\(w.name(.command, row.command))</td><td>\(parts.actor(row.actor))<small>\(w.name(.source, row.source))</small></td><td class=\"r\">\(row.facts)</td></tr>"
            })</tbody></table></div>
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
