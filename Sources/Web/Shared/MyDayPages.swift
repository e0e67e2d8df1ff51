internal import Ledger
internal import Operations
internal import Receivables

/// What a person does today, and what happened without them (工作台).
enum MyDayPages {
    static let routes: [Route] = [Route(.get, "/", .permission(.seeDay), show)]

    @Sendable private static func show(_ asking: Asking) async throws -> Reply {
        let seen = asking.session?.lastSeenAct ?? 0
        let day = try await asking.look(.seeDay) { try $0.myDay(lastSeen: seen) }
        let (viewer, store) = (asking.viewer, asking.store)
        let approvals =
            asking.may(.seeApprovals) || asking.may(.withdrawProposal)
            ? try await asking.work { try ApprovalQueries.list(for: viewer, onlyWaiting: true, limit: 50, in: store) }
            : []
        return MyDayPage(asking: asking, day: day, approvals: approvals).reply
    }
}

private struct MyDayPage {
    let asking: Asking
    let day: Look.MyDay
    let approvals: [ApprovalQueries.Row]
    private var w: Wording { asking.w }
    private var parts: Parts { Parts(asking) }
    private var company: CompanySettings { asking.site.company }

    private var all: [Look.TaskRow] { day.late + day.today + day.week }
    private var count: Int { day.counts.late + day.counts.today + day.counts.week }

    /// What the person's role does every day, one click away.
    private var shortcuts: HTML {
        let entries: [(Permission, Word, String)] = [
            (.importReceipts, .importStatement, "/imports?kind=receipts"),
            (.registerReceipt, .newReceipt, "/new/receipts"), (.allocate, .toAllocateAct, "/receipts"),
            (.registerInvoice, .newInvoice, "/new/invoices"), (.releaseReminders, .heldAct, "/reminders?state=held"),
            (.decide, .navApprovals, "/approvals"), (.invite, .inviteAct, "/people"),
            (.seeSecurity, .securityLog, "/security"),
        ]
        let mine = entries.filter { asking.may($0.0) }.prefix(4)
        return mine.isEmpty
            ? .nothing
            : "<nav class=\"acts sec\" aria-label=\"\(w(.oftenDone))\">\(each: mine, { parts.button(w($0.1), $0.2) })</nav>"
    }

    var reply: Reply {
        Layout(asking).page(
            w(.navMyDay), at: .myDay,
            """
            \(head)
            \(parts.answer(answer))
            \(figures)
            \(shortcuts)
            \(all.isEmpty && day.worst.isEmpty ? "<div class=\"two-columns sec\">\(rail)</div>" : split)
            """)
    }

    private var split: HTML {
        let first = all.first
        let rest: (Look.TaskRow) -> Bool = { $0.id != first?.id }
        return """
            <div class="split"><div>
            \(first.map(next) ?? .nothing)
            \(work(.late, day.late.filter(rest), day.counts.late, "late"))
            \(work(.today, day.today.filter(rest), day.counts.today, "today"))
            \(work(.thisWeek, day.week.filter(rest), day.counts.week, "week"))
            \(if: all.count < count, "<p><a class=\"btn small\" href=\"/tasks?whose=mine\">\(w(.allTasks, ["count": .count(count)]))</a></p>")
            \(if: !all.isEmpty, parts.keys([("J K", .keyRows), ("Enter", .keyOpen), ("/", .keySearch), ("?", .keyHelp)]))
            \(worst)
            </div>
            <aside class="rail" aria-label="\(w(.todaysState))">\(rail)</aside></div>
            """
    }

    private var head: HTML {
        let minutes = company.minuteOfDay(of: asking.now)
        let greeting: Word = minutes < 12 * 60 ? .goodMorning : minutes < 18 * 60 ? .goodAfternoon : .goodEvening
        let done = day.doneToday
        let whole = done + day.counts.late + day.counts.today
        return """
            <header class="head"><div><p class="meta">\(w.html(.dayAndWeekday, ["day": w.date(asking.today, today: asking.today), "weekday": HTML(w.weekday(asking.today))]))</p>\
            <h1>\(w(greeting, ["name": .text(asking.session?.name ?? "")]))</h1></div>\
            \(if: whole > 0, "<p class=\"acts\"><label class=\"meta\" for=\"done\">\(w(.doneOf, ["done": .count(done), "all": .count(whole)]))</label> <progress id=\"done\" max=\"\(whole)\" value=\"\(done)\">\(done) / \(whole)</progress></p>")</header>
            """
    }

    private func sum(_ rows: [Look.TaskRow]) -> String {
        var sums: [Currency: Int64] = [:]
        for money in rows.flatMap(\.open) { sums[money.currency, default: 0] += money.minorUnits }
        return w.list(sums.sorted { $0.key < $1.key }.map { w.amount($0.value, $0.key) })
    }

    private var answer: HTML {
        let mine = asking.session?.decisions ?? 0
        let decide: HTML =
            mine == 0
            ? .nothing
            : w.html(
                .answerApprovals,
                ["count": "<a href=\"/approvals\">\(w(.approvalsToDo, ["count": .count(mine)]))</a>"], count: mine)
        guard !all.isEmpty else { return mine == 0 ? HTML(w(.answerNothing)) : decide }
        // A sum of some would be taken for that of all.
        let total = all.count < count ? "" : sum(all)
        let sentence = w.html(
            total.isEmpty ? .answerTasks : .answerTasksAmount,
            [
                "count": parts.bold(w(.thingsToDo, ["count": .count(count)])),
                "amount": parts.bold(total),
            ])
        let late: HTML =
            day.counts.late == 0 ? .nothing : w.html(.answerLate, ["count": parts.bad("\(day.counts.late)")])
        return w.sentences(sentence, late, decide)
    }

    /// The manager's question, above the fold: who owes us, how late, how bad.
    private var figures: HTML {
        guard asking.may(.seeAging), !day.figures.buckets.isEmpty else { return .nothing }
        let f = day.figures
        let currency = company.currency
        return parts.stats([
            (w(.openAmount), "<a href=\"/aging\">\(w.amount(f.open, currency))</a>"),
            (
                w(.overdueAmount),
                "<a href=\"/invoices?state=overdue\">\(w.amount(f.overdue, currency))</a><small>\(w.percent(f.overdue, of: f.open))</small>"
            ),
            (w(.beyond90), "<a href=\"/customers?sort=beyond90\">\(w.amount(f.beyond90, currency))</a>"),
            (
                w(.dueIn7Days),
                "<a href=\"/invoices?dueFrom=\("\(asking.today)")&dueTo=\("\(asking.today.adding(days: 7))")\">\(day.dueSoon.count)</a><small>\(w.list(day.dueSoon.sums.sorted { $0.key < $1.key }.map { w.amount($0.value, $0.key) }))</small>"
            ),
        ])
    }

    private func next(_ task: Look.TaskRow) -> HTML {
        """
        <section class="next" aria-labelledby="nx"><div><p class="meta">\(w(.doFirst))</p><h2 id="nx">\(title(task))</h2>\
        <p class="why">\(why(task))</p></div><p class="big num">\(w.list(task.open.map { w.amount($0) }))</p>\
        <p class="acts"><a class="btn main-act" href="/tasks/\(task.id)" data-key="enter">\(w(.openTask)) <kbd>Enter</kbd></a>\
        \(task.customer.map { "<a class=\"btn\" href=\"/customers/\(URLText.encode($0))\">\(w(.seeCustomer))</a>" } ?? .nothing)</p></section>
        """
    }

    private func title(_ task: Look.TaskRow) -> String {
        guard let name = task.customerName else { return w.name(.task, task.kind.name) }
        return w(
            task.kind == .collect ? .callCustomer : .taskAbout,
            ["task": .text(w.name(.task, task.kind.name)), "customer": .text(name)])
    }

    private func why(_ task: Look.TaskRow) -> HTML {
        var text: HTML
        switch task.kind {
        case .collect, .assessRisk:
            text = HTML(w(.whyOverdue, ["count": .count(task.count), "days": .count(task.daysOverdue)]))
        case .mendRegister:
            text = HTML(
                w(.checkRecords, ["check": .text(w.name(.check, task.check ?? "")), "count": .count(task.count)]))
        }
        if task.escalations > 0 { text += HTML(w(.escalatedToo)) }
        return text + " <code>\(task.rule)</code>"
    }

    private func work(_ title: Word, _ rows: [Look.TaskRow], _ count: Int, _ id: String) -> HTML {
        guard !rows.isEmpty else { return .nothing }
        return """
            <section aria-labelledby="w-\(id)"><div class="worktitle"><h2 id="w-\(id)">\(w(title))</h2><span class="meta">\(w(.items, ["count": .count(count)]))</span></div><ol class="work">\(each: rows, entry)</ol></section>
            """
    }

    private func entry(_ task: Look.TaskRow) -> HTML {
        let late = asking.today.days(since: task.dueDay)
        let when =
            late > 0
            ? w(.lateBy, ["days": .count(late)]) : late == 0 ? w(.today) : w.dateText(task.dueDay, today: asking.today)
        return """
            <li data-row><span class="kind">\(w.name(.task, task.kind.name))</span><span class="who"><a href="/tasks/\(task.id)" data-open>\(task.customerName ?? w.name(.check, task.check ?? ""))</a></span>\
            <span class="amt num">\(w.list(task.open.map { w.amount($0) }))</span><span class="do" aria-hidden="true">\(w(task.kind == .mendRegister ? .doMend : task.kind == .collect ? .doCall : .doAssess))</span>\
            <span class="why">\(why(task))</span><span class="when\(if: late > 0, " bad")">\(when)</span></li>
            """
    }

    private var worst: HTML {
        guard !day.worst.isEmpty else { return .nothing }
        let currency = company.currency
        return """
            <section class="sec" aria-labelledby="ws"><header class="sec-head"><h2 id="ws">\(w(.whoOwesMost))</h2><p class="meta">\(w(.beyond90Long))</p><p class="acts"><a href="/customers?sort=beyond90">\(w(.seeAll))</a></p></header>
            <div class="scroll"><table class="figures slim fit"><thead><tr><th scope="col">\(w(.customer))</th><th scope="col">\(w(.mix))</th><th scope="col" class="r">\(w(.overdueAmount))</th><th scope="col" class="r">\(w(.beyond90))</th></tr></thead><tbody>\(each: day.worst, { row in
                "<tr data-row><th scope=\"row\"><a href=\"/customers/\(URLText.encode(row.code))\" data-open>\(row.name)</a><small>\(row.salesOwner ?? "")</small></th><td class=\"barcell\">\(parts.bucketBar(row.figures.buckets, labels: parts.bucketLabels))</td>\(w.cell(row.figures.overdue, currency))\(w.cell(row.figures.beyond90, currency, strong: true))</tr>"
            })</tbody></table></div></section>
            """
    }

    private var rail: HTML {
        """
        \(if: approvals.contains { $0.isMine || $0.isOwn }, approvalList)
        \(if: !day.rules.isEmpty, rules)
        \(if: asking.may(.seeReceipts), receipts)
        \(if: !day.changes.isEmpty, changes)
        """
    }

    private var approvalList: HTML {
        """
        <section><h2>\(w(.waitingForMe))</h2><ul>\(each: approvals.filter { $0.isMine }.prefix(5), { row in
            "<li><div class=\"row\"><a href=\"/approvals\">\(w.name(.approval, row.kind.name)) \(row.subjectName)</a></div><p class=\"meta\">\(row.requestedBy) \(w.moment(row.requestedAt, company, today: asking.today))</p></li>"
        })</ul>\(if: (asking.session?.decisions ?? 0) > 5, "<p class=\"meta\"><a href=\"/approvals\">\(w(.approvalsToDo, ["count": .count(asking.session?.decisions ?? 0)]))</a></p>")\(if: !approvals.contains { $0.isMine }, "<p class=\"meta\">\(w(.nothingWaits))</p>")\
        \(if: approvals.contains { $0.isOwn }, "<h2>\(w(.waitingForOthers))</h2><ul>\(each: approvals.filter { $0.isOwn }.prefix(5), { "<li><a href=\"/approvals\">\(w.name(.approval, $0.kind.name)) \($0.subjectName)</a></li>" })</ul>")</section>
        """
    }

    private var rules: HTML {
        """
        <section><h2>\(w(.didByItself, ["day": .text(day.lastDayRun.map { w.dateText($0, today: asking.today) } ?? "")]))</h2><dl class="facts">\(each: day.rules, { rule in
            "<dt>\(w.name(.rule, rule.rule))</dt><dd class=\"r\">\(w(rule.held > 0 ? .madeAndHeld : .madeOnly, ["made": .count(rule.made), "held": .count(rule.held)]))</dd>"
        })</dl>\(if: day.heldReminders > 0, "<p class=\"meta\"><a href=\"/reminders?state=held\">\(w(.heldMessages, ["count": .count(day.heldReminders)]))</a></p>")</section>
        """
    }

    private var receipts: HTML {
        """
        <section><h2>\(w(.bank))</h2>\(if: day.waiting.isEmpty, "<p class=\"why\">\(w(.allAllocated))</p>")<dl class="facts">\(each: day.waiting, { waiting in
            "<dt>\(w(.waitingMoney))</dt><dd class=\"r num\">\(w.amount(waiting.amount, waiting.currency))</dd>"
        })\(each: day.bankThrough.prefix(3), { bank in
            let late = bank.day < asking.today.adding(days: -4)
            return "<dt>\(bank.account.isEmpty ? w(day.bankThrough.count > 1 ? .bankThroughOther : .bankThrough) : w(.bankThroughOf, ["account": .text(String(bank.account.suffix(4)))]))</dt><dd class=\"r\(if: late, " bad")\">\(w.date(bank.day, today: asking.today))</dd>"
        })\(if: day.unknownPayers > 0, "<dt>\(w(.unknownPayer))</dt><dd class=\"r num\">\(day.unknownPayers)</dd>")</dl>\(if: !day.waiting.isEmpty, "<p class=\"meta\"><a href=\"/receipts\">\(w(.toAllocate))</a></p>")</section>
        """
    }

    private var changes: HTML {
        """
        <section><h2>\(w(.changedSince))</h2><ul>\(each: day.changes, { event in
            let amount: HTML = event.amount.map { " <span class=\"num\">\(w.amount($0))</span>" } ?? .nothing
            let what: HTML = event.kind == "signal" ? HTML(w.name(.signal, event.detail)) : HTML(w.name(.event, event.kind))
            return "<li>\(event.subject.isEmpty ? w(.unknownPayer) : event.subject) \(what)\(amount)<p class=\"meta\">\(w.moment(event.instant, company, today: asking.today))</p></li>"
        })</ul></section>
        """
    }
}
