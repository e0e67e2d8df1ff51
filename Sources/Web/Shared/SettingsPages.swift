internal import Ledger
internal import Operations
internal import Receivables

/// Settings: what rules decide by, where customers pay to, accounts, entities, periods (设置).
enum SettingsPages {
    static let routes: [Route] = [
        Route(.get, "/settings", .permission(.seeSettings)) { try await show($0) },
        Route(.post, "/settings/policy", .permission(.setPolicy), bodyLimit: 1 << 20) { try await setPolicy($0) },
        Route(.post, "/settings/bank-account", .permission(.proposeBankAccount), proposeBankAccount),
        Route(.post, "/settings/account", .permission(.setAccount), setAccount),
        Route(.post, "/settings/period", .permission(.setPeriod), setPeriod),
        Route(.post, "/settings/entity", .permission(.addEntity), addEntity),
    ]

    private struct Content: Sendable {
        let policy: (version: Int64, text: String)
        let newest: (version: Int64, text: String)
        let history: [SettingQueries.PolicyRow]
        let accounts: [(role: String, code: String, name: String)]
        let entities: [EntityQueries.Row]
        let banks: [ApprovalQueries.BankAccountRow]
        let periods: [(month: String, state: String)]
        let calendar: [SettingQueries.CalendarYear]
        let days: [SettingQueries.CalendarDay]
    }

    private static let tabs: [(String, Word)] = [
        ("policy", .settingsPolicy), ("calendar", .settingsCalendar), ("bank", .settingsBank),
        ("accounts", .settingsAccounts),
        ("periods", .periods), ("company", .settingsCompany),
    ]

    private static func show(
        _ asking: Asking, tab chosen: String? = nil, refused: Refusal? = nil, effect: HTML = .nothing
    ) async throws -> Reply {
        let (store, today) = (asking.store, asking.today)
        let year = Int(asking.query["year"]) ?? today.year
        let country = asking.site.company.country
        let content = try await asking.work {
            Content(
                policy: try Policies.text(on: today, in: store), newest: try Policies.newest(in: store),
                history: try SettingQueries.policies(in: store),
                accounts: try AccountCodes.all(in: store), entities: try EntityQueries.all(in: store),
                banks: try ApprovalQueries.bankAccounts(in: store), periods: try PeriodQueries.closed(in: store),
                calendar: try SettingQueries.calendar(in: store),
                days: try SettingQueries.days(of: year, country: country, in: store))
        }
        let w = asking.w
        let parts = Parts(asking)
        let tab = chosen ?? (tabs.contains { $0.0 == asking.query["tab"] } ? asking.query["tab"] : "policy")
        let body: HTML =
            switch tab {
            case "calendar": calendar(content, asking)
            case "bank": banks(content, asking)
            case "accounts": accounts(content, asking)
            case "periods": periods(content, asking)
            case "company": company(content, asking)
            default: policy(content, asking, effect)
            }
        return Layout(asking).page(
            w(.navSettings), at: .settings, status: refused == nil ? 200 : 422,
            """
            \(parts.head(w(.navSettings)))
            <nav class="tabs" aria-label="\(w(.navSettings))">\(each: tabs, { entry in
                "<a href=\"/settings?tab=\(entry.0)\" data-main\(if: entry.0 == tab, " aria-current=\"page\"")>\(w(entry.1))</a>"
            })\(if: asking.may(.seeReminders), "<a href=\"/templates\">\(w(.navTemplates))</a>")\(if: asking.may(.seeWebhooks), "<a href=\"/webhooks\">\(w(.webhooksTitle))</a>")</nav>
            \(refused.map { parts.callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            \(body)
            """)
    }

    // MARK: Policies

    private static func policy(_ content: Content, _ asking: Asking, _ effect: HTML) -> HTML {
        let w = asking.w
        let parts = Parts(asking)
        let mayChange = asking.may(.setPolicy)
        let typed = asking.form.has("policy") ? asking.form.raw("policy") : content.newest.text
        let fields = (try? PolicyFields.fields(of: content.newest.text)) ?? []
        let from = asking.form.has("from") ? asking.form["from"] : "\(asking.today.adding(days: 1))"
        let isText = !asking.form["policy"].isEmpty && typed.trimmed != content.newest.text.trimmed
        let form: HTML = """
            <form class="form" method="post" action="/settings/policy">\(Layout.formFields(asking))<input type="hidden" name="version" value="\(content.newest.version)">
            <div class="rule-grid">\(each: groups(fields), { group($0, asking) })</div>
            <details\(if: isText, " open")><summary>\(w(.policyAsText))</summary><div class="field"><label class="hidden" for="policy">\(w(.policyNew))</label><textarea class="code" id="policy" name="policy" rows="24" spellcheck="false">\(typed)</textarea><span class="hint">\(w(.policyHint))</span></div></details>
            <div class="two-columns">\(parts.field("from", w(.fromDay), value: from, type: "date", isRequired: true))\(parts.field("reason", w(.reason), value: asking.form["reason"], isRequired: true))</div>
            <p class="acts"><button class="btn" name="act" value="try" formnovalidate data-busy="\(w(.busy))">\(w(.policyTry))</button>\(parts.submit(w(.policySet)))</p></form>
            """
        let shown: HTML = """
            <div class="rule-grid">\(each: groups(fields), { values($0, asking) })</div><details><summary>\(w(.policyAsText))</summary><p class="wide-text code">\(content.newest.text)</p></details>
            """
        return """
            \(parts.answer(w.html(.policyAnswer, ["version": parts.bold("\(content.policy.version)")])))
            \(if: content.newest.version != content.policy.version, parts.callout(HTML(w(.policyToCome, ["version": .count(Int(content.newest.version))]))))
            \(effect)
            <div class="split sec"><div>\(mayChange ? form : shown)</div>
            <aside class="rail" aria-label="\(w(.history))"><section><h2>\(w(.history))</h2><ul>\(each: content.history, { history($0, asking) })</ul></section></aside></div>
            """
    }

    static func history(_ row: SettingQueries.PolicyRow, _ asking: Asking) -> HTML {
        let w = asking.w
        let since =
            row.from <= LocalDate.earliestInBooks ? w(.fromTheStart) : w(.sinceDay, ["day": .text("\(row.from)")])
        return """
            <li><div class="row"><b>\(w(.version, ["n": .count(Int(row.version))]))</b><span class="meta">\(since)</span></div><p class="meta">\(Parts(asking).actor(row.actor)) \(w.moment(row.instant, asking.site.company, today: asking.today)) \(if: asking.may(.seeActs), "<a href=\"/acts/\(row.act)\">#\(row.act)</a>")</p></li>
            """
    }

    /// Fields that stand under one name of the policy, in its order.
    private static func groups(_ fields: [PolicyFields.Field]) -> [(path: [String], fields: [PolicyFields.Field])] {
        var groups: [(path: [String], fields: [PolicyFields.Field])] = []
        for field in fields {
            let path = Array(field.path.dropLast())
            if groups.last?.path == path {
                groups[groups.count - 1].fields.append(field)
            } else {
                groups.append((path, [field]))
            }
        }
        return groups
    }

    private static func title(_ path: [String], _ w: Wording) -> String {
        guard let last = path.last else { return "" }
        return path.dropLast().last == "rules" ? w.name(.rule, last) : w.name(.policy, last)
    }

    private static func group(_ group: (path: [String], fields: [PolicyFields.Field]), _ asking: Asking) -> HTML {
        """
        <fieldset><legend>\(title(group.path, asking.w))</legend>\(each: group.fields, { control($0, asking) })</fieldset>
        """
    }

    private static func control(_ field: PolicyFields.Field, _ asking: Asking) -> HTML {
        let w = asking.w
        let parts = Parts(asking)
        let name = "value:\(field.name)"
        let value = asking.form.has(name) ? asking.form[name] : field.value
        let label = w.name(.policy, field.path.last ?? "")
        switch field.kind {
        case .flag: return parts.select(name, label, [("true", w(.on)), ("false", w(.off))], selected: value)
        case .choice(let options):
            return parts.select(name, label, options.map { ($0, w.name(.policy, $0)) }, selected: value)
        case .number: return parts.field(name, label, value: value, more: " inputmode=\"numeric\" autocomplete=\"off\"")
        case .numbers, .text: return parts.field(name, label, value: value, more: " autocomplete=\"off\"")
        }
    }

    private static func values(_ group: (path: [String], fields: [PolicyFields.Field]), _ asking: Asking) -> HTML {
        let w = asking.w
        func value(_ field: PolicyFields.Field) -> String {
            switch field.kind {
            case .flag: w(field.value == "true" ? .on : .off)
            case .choice: w.name(.policy, field.value)
            default: field.value
            }
        }
        return """
            <section><h3>\(title(group.path, w))</h3>\(Parts(asking).facts(group.fields.map { (w.name(.policy, $0.path.last ?? ""), HTML(value($0))) }))</section>
            """
    }

    /// Puts a policy in force, or only shows what tomorrow's run would do differently with it.
    private static func setPolicy(_ asking: Asking) async throws -> Reply {
        let store = asking.store
        let current = try await asking.work { try Policies.newest(in: store) }
        let typed = asking.form.raw("policy").replacing("\r\n", with: "\n")
        // What was typed as text counts; the fields, where the text was left alone.
        let isText = !typed.isEmpty && typed.trimmed != current.text.trimmed
        let values = asking.form.pairs.filter { $0.name.hasPrefix("value:") }.map {
            (String($0.name.dropFirst(6)), $0.value)
        }
        let from = asking.day("from") ?? asking.today.adding(days: 1)
        do {
            let text =
                isText
                ? typed
                : try PolicyFields.setting(Dictionary(values) { first, _ in first }, in: current.text)
            if asking.form["act"] == "try" {
                let effect = try await PolicyEffect.preview(
                    text, on: min(from, asking.today.adding(days: 31)), in: asking.store, now: asking.now,
                    today: asking.today)
                return try await show(asking, tab: "policy", effect: preview(effect, asking))
            }
            _ = try await Policies.set(
                text, from: from, reason: asking.form["reason"], insteadOf: Int64(asking.form["version"]),
                in: asking.store,
                asking.request(.setPolicy))
            return Notice.redirect("/settings?tab=policy", "saved")
        } catch let refusal as Refusal {
            return try await show(asking, tab: "policy", refused: refusal)
        }
    }

    private static func preview(_ effect: PolicyEffect, _ asking: Asking) -> HTML {
        let w = asking.w
        return """
            <section class="sec"><h2>\(w(.policyEffect))</h2><p class="lead">\(w.html(.policyEffectText, ["day": w.date(effect.day, today: asking.today)]))</p><div class="scroll"><table class="figures slim"><thead><tr><th scope="col">\(w(.rule))</th><th scope="col" class="r">\(w(.nowHead))</th><th scope="col" class="r">\(w(.thenHead))</th></tr></thead><tbody>\(each: effect.rules, { rule in
                "<tr><th scope=\"row\">\(w.name(.rule, rule.rule))<small><code>\(rule.rule)</code></small></th><td class=\"r\">\(rule.before)</td><td class=\"r\(if: rule.before != rule.after, " strong")\">\(rule.after)</td></tr>"
            })</tbody></table></div></section>
            """
    }

    // MARK: The others

    private static func calendar(_ content: Content, _ asking: Asking) -> HTML {
        let w = asking.w
        let parts = Parts(asking)
        let next = asking.today.year + 1
        let shown = Int(asking.query["year"]) ?? asking.today.year
        return """
            \(parts.answer(HTML(w(.calendarText))))
            \(if: !content.calendar.contains { $0.year == asking.today.year }, parts.callout(HTML(w(.calendarMissing, ["year": .count(asking.today.year)]))))
            \(if: asking.may(.importCalendar), "<p class=\"sec acts\"><a class=\"btn\" href=\"/new/calendar\">\(w(.calendarDayAct))</a><a class=\"btn\" href=\"/imports?kind=calendar\">\(w(.importCalendarAct, ["year": .count(next)]))</a></p>")
            <nav class="tabs sec" aria-label="\(w(.year))">\(each: content.calendar.prefix(8), { row in
                "<a href=\"/settings?tab=calendar&year=\("\(row.year)")\" data-main\(if: row.year == shown, " aria-current=\"page\"")>\("\(row.year)")</a>"
            })</nav>
            \(calendarDays(content, asking))
            <details class="sec"><summary>\(w(.allYears))</summary><div class="scroll"><table class="figures slim"><thead><tr><th scope="col">\(w(.year))</th><th scope="col">\(w(.country))</th><th scope="col" class="r">\(w(.holidays))</th><th scope="col" class="r">\(w(.workingDays))</th></tr></thead><tbody>\(each: content.calendar, { "<tr><th scope=\"row\"><a href=\"/settings?tab=calendar&year=\("\($0.year)")\" data-main>\("\($0.year)")</a></th><td>\(w.name(.country, $0.country))</td><td class=\"r\">\($0.holidays)</td><td class=\"r\">\($0.working)</td></tr>" })</tbody></table></div></details>
            """
    }

    /// The days of a year that are no usual weekday or weekend.
    private static func calendarDays(_ content: Content, _ asking: Asking) -> HTML {
        let w = asking.w
        guard let first = content.days.first else { return .nothing }
        return """
            <section class="sec"><h2>\(w(.calendarDays, ["year": .count(first.day.year)]))</h2><div class="scroll"><table class="figures slim fit"><caption class="hidden">\(w(.calendarDays, ["year": .count(first.day.year)]))</caption><thead><tr><th scope="col">\(w(.day))</th><th scope="col">\(w(.kind))</th><th scope="col">\(w(.name))</th></tr></thead><tbody>\(each: content.days, { row in
                "<tr data-row><th scope=\"row\">\(w.day(row.day)) <span class=\"meta\">\(w.weekday(row.day))</span></th><td>\(row.isHoliday ? parts(asking).status(w(.dayOff), "good") : parts(asking).status(w(.workingDay)))</td><td>\(row.name)</td></tr>"
            })</tbody></table></div></section>
            """
    }

    private static func parts(_ asking: Asking) -> Parts { Parts(asking) }

    private static func banks(_ content: Content, _ asking: Asking) -> HTML {
        let w = asking.w
        let parts = Parts(asking)
        let form: HTML = """
            <form class="form narrow sec" method="post" action="/settings/bank-account">\(Layout.formFields(asking))\(parts.field("code", w(.shortName), value: asking.form["code"], isRequired: true))\(parts.field("bank", w(.bankName), value: asking.form["bank"], isRequired: true))\(parts.field("number", w(.bankNumber), value: asking.form["number"], isRequired: true))\(parts.select("active", w(.state), [("1", w(.inUse)), ("0", w(.notInUse))], selected: asking.form["active"]))\(parts.field("reason", w(.reason), value: asking.form["reason"], isRequired: true))<p class="acts">\(parts.submit(w(.proposeAct)))</p></form>
            """
        return """
            \(parts.answer(HTML(w(.banksText))))
            \(if: content.banks.isEmpty, parts.empty(w(.banksNone)))<ul class="check sec">\(each: content.banks, { row in
                "<li>\(Icon.bank.html)<div class=\"row\"><span>\(row.code) · \(row.bank) · <span class=\"num\">\(row.number)</span></span>\(row.isActive ? parts.status(w(.inUse), "good") : parts.status(w(.notInUse)))</div></li>"
            })</ul>\(if: asking.may(.proposeBankAccount), form)
            """
    }

    private static func accounts(_ content: Content, _ asking: Asking) -> HTML {
        let w = asking.w
        let parts = Parts(asking)
        let form: HTML = """
            <form class="form narrow sec" method="post" action="/settings/account">\(Layout.formFields(asking))\(parts.select("role", w(.accountRole), content.accounts.map { ($0.role, w.name(.account, $0.role)) }, selected: asking.form["role"]))\(parts.field("code", w(.recordCode), value: asking.form["code"], isRequired: true))\(parts.field("name", w(.name), value: asking.form["name"], isRequired: true))<p class="acts">\(parts.submit(w(.save)))</p></form>
            """
        return """
            \(parts.answer(HTML(w(.accountsText))))
            <div class="scroll sec"><table class="figures slim"><thead><tr><th scope="col">\(w(.accountRole))</th><th scope="col">\(w(.recordCode))</th><th scope="col">\(w(.name))</th></tr></thead><tbody>\(each: content.accounts, { "<tr><th scope=\"row\">\(w.name(.account, $0.role))</th><td>\($0.code)</td><td>\($0.name)</td></tr>" })</tbody></table></div>\(if: asking.may(.setAccount), form)
            """
    }

    private static func periods(_ content: Content, _ asking: Asking) -> HTML {
        let w = asking.w
        let parts = Parts(asking)
        let month = asking.today.startOfMonth.adding(days: -1)
        let form: HTML = """
            <form class="form narrow sec" method="post" action="/settings/period">\(Layout.formFields(asking))\(parts.field("month", w(.month), value: asking.form.has("month") ? asking.form["month"] : String("\(month)".prefix(7)), type: "month", isRequired: true))\(parts.select("state", w(.state), [("softClosed", w(.periodSoft)), ("closed", w(.periodClosed)), ("open", w(.periodOpen))], selected: asking.form["state"]))<label class="inline"><input type="checkbox" name="earlier" value="1"> \(w(.periodEarlier))</label>\(parts.field("reason", w(.reason), value: asking.form["reason"]))<p class="acts">\(parts.submit(w(.periodAct)))</p></form>
            """
        return """
            \(parts.answer(HTML(w(.periodsText))))\(if: content.periods.isEmpty, parts.empty(w(.periodsNone)))<ul class="check sec">\(each: content.periods.suffix(36), { "<li>\(Icon.lock.html)<span>\($0.month) \(w.name(.period, $0.state))</span></li>" })</ul>\(if: asking.may(.setPeriod), form)
            """
    }

    private static func company(_ content: Content, _ asking: Asking) -> HTML {
        let w = asking.w
        let parts = Parts(asking)
        let company = asking.site.company
        let form: HTML = """
            <form class="form narrow sec" method="post" action="/settings/entity">\(Layout.formFields(asking))\(parts.field("code", w(.recordCode), value: asking.form["code"], isRequired: true))\(parts.field("name", w(.name), value: asking.form["name"], isRequired: true))\(parts.field("currency", w(.currency), value: asking.form.has("currency") ? asking.form["currency"] : company.currency.code, isRequired: true))<p class="acts">\(parts.submit(w(.entityAct)))</p></form>
            """
        return """
            <div class="sheet">\(parts.facts([(w(.name), HTML(company.name)), (w(.currency), HTML(company.currency.code)), (w(.timeZone), HTML(company.timeZone)), (w(.country), HTML(w.name(.country, company.country))), (w(.language), HTML(w.name(.language, company.language))), (w(.storeKind), HTML(w.name(.store, company.kind.rawValue)))]))</div>
            <section class="sec"><h2>\(w(.entities))</h2><ul class="check">\(each: content.entities, { "<li>\(Icon.book.html)<span>\($0.code) · \($0.name) · \($0.currency)</span></li>" })</ul>\(if: asking.may(.addEntity), form)</section>
            """
    }

    private static func attempt(_ asking: Asking, _ tab: String, _ notice: String, _ body: () async throws -> Void)
        async throws -> Reply
    {
        do {
            try await body()
            let target = asking.may(.seeSettings) ? "/settings?tab=\(tab)" : "/"
            return Notice.redirect(target, notice)
        } catch let refusal as Refusal where asking.may(.seeSettings) {
            return try await show(asking, tab: tab, refused: refusal)
        }
    }

    @Sendable private static func proposeBankAccount(_ asking: Asking) async throws -> Reply {
        try await attempt(asking, "bank", "proposed") {
            _ = try await Approvals(in: asking.store, asking.request(.proposeBankAccount)).proposeBankAccount(
                code: asking.form["code"], entity: nil, bank: asking.form["bank"], number: asking.form["number"],
                isActive: asking.form["active"] != "0", reason: asking.form["reason"])
        }
    }

    @Sendable private static func setAccount(_ asking: Asking) async throws -> Reply {
        try await attempt(asking, "accounts", "saved") {
            _ = try await AccountCodes.set(
                asking.form["role"], code: asking.form["code"], name: asking.form["name"], in: asking.store,
                asking.request(.setAccount))
        }
    }

    @Sendable private static func setPeriod(_ asking: Asking) async throws -> Reply {
        try await attempt(asking, "periods", "saved") {
            guard let month = LocalDate(asking.form["month"] + "-01") else {
                throw Refusal(.valueNotADate, ["value": .text(asking.form["month"]), "format": .text("yyyy-MM")])
            }
            let state: CorrectRegister.PeriodState =
                asking.form["state"] == "closed" ? .closed : asking.form["state"] == "open" ? .open : .softClosed
            let reason = asking.form["reason"]
            _ = try await CorrectRegister(in: asking.store, asking.request(.setPeriod)).setPeriod(
                month: month, to: state, withEarlier: asking.form["earlier"] == "1",
                reason: reason.isEmpty ? nil : reason)
        }
    }

    @Sendable private static func addEntity(_ asking: Asking) async throws -> Reply {
        try await attempt(asking, "company", "saved") {
            guard let currency = Currency(asking.form["currency"]) else { throw Refusal(.valueUnknownCurrency) }
            _ = try await AddEntity(code: asking.form["code"], name: asking.form["name"], currency: currency).run(
                in: asking.store, asking.request(.addEntity))
        }
    }
}
