internal import Ledger
internal import Operations
internal import Receivables

/// Tasks, reminders, and what the register's checks found (待办、提醒、登记检查).
enum WorkPages {
    static let routes: [Route] = [
        Route(.get, "/tasks", .permission(.seeTasks)) { try await tasks($0) },
        Route(.get, "/tasks/{id}", .permission(.seeTasks)) { try await task($0) },
        Route(.post, "/tasks/finish", .permission(.finishTask), finish),
        Route(.get, "/reminders", .permission(.seeReminders)) { try await reminders($0) },
        Route(.get, "/reminders/preview", .permission(.seeReminders), preview),
        Route(.post, "/reminders/release", .permission(.releaseReminders), release),
        Route(.get, "/checks", .permission(.seeChecks)) { try await checks($0) },
    ]

    // MARK: Tasks

    private static func tasks(_ asking: Asking, refused: Refusal? = nil) async throws -> Reply {
        var filter = Look.TaskFilter()
        filter.whose =
            Look.TaskWhose(rawValue: asking.query["whose"])
            ?? (asking.viewer.roles.contains(.financeManager) || asking.viewer.roles.contains(.management)
                || asking.viewer.roles.contains(.auditor) ? .all : .mine)
        filter.kind = WorkTask.Kind.allCases.first { $0.name == asking.query["kind"] }
        filter.isClosed = asking.query["closed"] == "1"
        filter.after = Look.Cursor(asking.query["after"])
        let asked = filter
        let page = try await asking.look(.seeTasks) { try $0.tasks(asked) }
        let w = asking.w
        let parts = Parts(asking)
        let late = page.rows.filter { $0.dueDay < asking.today }.count
        let whose: [(String, String)] = Look.TaskWhose.allCases.map {
            ($0.rawValue, w([.mine: .tasksMine, .role: .tasksOfRole, .all: .tasksAll][$0] ?? .tasksAll))
        }
        return Layout(asking).page(
            w(.navTasks), at: .tasks, status: refused == nil ? 200 : 422,
            """
            \(parts.head(w(.navTasks)))
            \(refused.map { parts.callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            \(parts.answer(page.rows.isEmpty ? HTML(w(filter.isClosed ? .tasksNoneClosed : .tasksNone)) : filter.isClosed ? HTML(w(.tasksClosedText)) : w.html(.tasksAnswer, ["late": late > 0 ? parts.bad("\(late)") : parts.bold("0")])))
            \(parts.filters(
                """
                \(parts.segments(w(.whose), "whose", whose, selected: filter.whose.rawValue))
                \(parts.select("kind", w(.kind), [("", w(.showAll))] + WorkTask.Kind.allCases.map { ($0.name, w.name(.task, $0.name)) }, selected: asking.query["kind"]))
                \(parts.segments(w(.state), "closed", [("", w(.tasksOpen)), ("1", w(.tasksClosed))], selected: filter.isClosed ? "1" : ""))
                """, keep: ["whose", "closed"], end: SavedViews.link(asking)))
            \(SavedViews.list(asking))
            \(page.rows.isEmpty ? parts.empty(w(.nothingToDo)) : table(page, asking, filter))
            \(parts.pager("", next: page.next.map { asking.address(("after", $0.text)) }, back: filter.after != nil))
            \(parts.keys([("J K", .keyRows), ("Enter", .keyOpen), ("X", .keySelect)]))
            """)
    }

    private static func table(_ page: Look.TaskPage, _ asking: Asking, _ filter: Look.TaskFilter) -> HTML {
        let w = asking.w
        let canFinish = !filter.isClosed && page.rows.contains { $0.mayFinish }
        let rows: HTML = "\(each: page.rows, { row(of: $0, asking, canFinish) })"
        let head: HTML = """
            <thead><tr>\(if: canFinish, "<th scope=\"col\"><input type=\"checkbox\" data-pick-all aria-label=\"\(w(.selectAll))\"></th>")<th scope="col">\(w(.customer))</th><th scope="col">\(w(.task))</th><th scope="col">\(w(.assignee))</th><th scope="col" class="r">\(w(.openAmount))</th><th scope="col" class="r">\(w(.dueDay))</th></tr></thead>
            """
        let table: HTML =
            "<div class=\"scroll\"><table class=\"figures slim stackable listed\"><caption class=\"hidden\">\(w(.navTasks))</caption>\(head)<tbody>\(rows)</tbody></table></div>"
        guard canFinish else { return table }
        return """
            <form method="post" action="/tasks/finish" data-bulk data-loose>\(Layout.formFields(asking))<input type="hidden" name="back" value="\(asking.address())">
            <div class="bulk"><span>\(w(.selected)) <b data-bulk-count>0</b></span><label class="hidden" for="note">\(w(.note))</label><input id="note" name="note" placeholder="\(w(.noteHint))"><button class="btn small main-act" type="submit" data-busy="\(w(.busy))">\(w(.finishTasks))</button></div>
            \(table)</form>
            """
    }

    private static func row(of task: Look.TaskRow, _ asking: Asking, _ canFinish: Bool) -> HTML {
        let w = asking.w
        let late = asking.today.days(since: task.dueDay)
        let subject = task.customerName ?? w.name(.check, task.check ?? "")
        let pick: HTML =
            task.mayFinish
            ? "<td><input type=\"checkbox\" name=\"task\" value=\"\(task.id)\" data-pick aria-label=\"\(w(.selectTask, ["task": .text(subject)]))\"></td>"
            : "<td></td>"
        let closed: HTML =
            task.closedDay.map { "<small class=\"good\">\(w(.doneOn, ["day": .text("\($0)")]))</small>" } ?? .nothing
        return """
            <tr data-row>\(if: canFinish, pick)<th scope="row"><a href="/tasks/\(task.id)" data-open data-drawer>\(subject)</a><small>\(task.customer ?? "")</small></th>\
            <td>\(w.name(.task, task.kind.name))<small>\(if: task.kind != .mendRegister, HTML(w(.whyOverdue, ["count": .count(task.count), "days": .count(task.daysOverdue)])))\(if: task.kind == .mendRegister, HTML(w(.records, ["count": .count(task.count)]))) <code>\(task.rule)</code></small></td>\
            <td>\(task.assignee ?? w.name(.role, task.role.name))\(if: task.escalations > 0, "<small class=\"bad\">\(w(.escalated))</small>")</td><td class="r strong">\(w.list(task.open.map { w.amount($0) }))</td>\
            <td class="r">\(w.day(task.dueDay))\(if: late > 0 && task.closedDay == nil, "<small class=\"bad\">\(w(.lateBy, ["days": .count(late)]))</small>")\(closed)</td></tr>
            """
    }

    private static func task(_ asking: Asking, refused: Refusal? = nil) async throws -> Reply {
        let id = Int64(asking.place("id")) ?? 0
        let found = try await asking.look(.seeTasks) { look -> TaskContent in
            let (row, items, others) = try look.task(id)
            let contacts = try row.customer.map { try look.customerPicture($0).contacts } ?? []
            return TaskContent(
                row: row, items: items, others: others, contacts: contacts, notes: try look.notes(.task, about: id))
        }
        let w = asking.w
        let parts = Parts(asking)
        let row = found.row
        let title = row.customerName.map { "\(w.name(.task, row.kind.name)) · \($0)" } ?? w.name(.task, row.kind.name)
        let finishForm: HTML = """
            <form class="form sec" method="post" action="/tasks/finish">\(Layout.formFields(asking))<input type="hidden" name="task" value="\(id)"><input type="hidden" name="back" value="/tasks">\(Parts(asking, form: "finish").area("note", w(.note), hint: w(.noteHint)))<p class="acts">\(parts.submit(w(.finishTask)))</p></form>
            """
        return Layout(asking).drawer(
            title, at: .tasks,
            """
            <p class="lead">\(if: row.customer != nil, "<a href=\"/customers/\(URLText.encode(row.customer ?? ""))\">\(row.customerName ?? "")</a> ")\(w.list(row.open.map { w.amount($0) }))</p>
            \(refused.map { parts.callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            \(parts.facts([
                (w(.assignee), HTML(row.assignee ?? w.name(.role, row.role.name))), (w(.openedDay), w.day(row.openedDay)),
                (w(.dueDay), w.day(row.dueDay)), (w(.rule), "<code>\(row.rule)</code>"),
                (w(.check), HTML(row.check.map { w.name(.check, $0) } ?? "")),
            ]))
            \(if: !found.contacts.isEmpty && row.kind == .collect, contacts(found, asking))
            \(if: !found.items.isEmpty, "<section class=\"sec\"><h3>\(w(.itemsConcerned))</h3>\(ItemTable(asking: asking).table(Look.ItemPage(of: found.items), showsCustomer: false, isSlim: true))</section>")
            \(if: !found.others.isEmpty, others(found, asking))
            \(if: row.closedDay == nil && row.mayFinish, finishForm)
            \(row.closedDay.map { "<p class=\"good sec\">\(w(.doneOn, ["day": .text("\($0)")]))</p>" } ?? .nothing)
            \(NotePages.section(found.notes, Notes.Subject(.task, "\(id)"), asking))
            """)
    }

    private struct TaskContent: Sendable {
        let row: Look.TaskRow
        let items: [Look.ItemRow]
        let others: [TrackingQueries.Subject]
        let contacts: [Look.CustomerPicture.Contact]
        let notes: [Look.NoteRow]
    }

    private static func contacts(_ found: TaskContent, _ asking: Asking) -> HTML {
        """
        <section class="sec"><h3>\(asking.w(.whomToCall))</h3><ul class="check">\(each: found.contacts.prefix(3), { contact in
            "<li>\(Icon.phone.html)<div><b>\(contact.name)</b> <span class=\"meta\">\(asking.w.name(.purpose, contact.purpose.name))</span> \(contact.phone.map { "<a class=\"num\" href=\"tel:\($0)\">\($0)</a>" } ?? .nothing) \(contact.email ?? "")</div></li>"
        })</ul></section>
        """
    }

    private static func others(_ found: TaskContent, _ asking: Asking) -> HTML {
        """
        <section class="sec"><h3>\(asking.w(.recordsConcerned))</h3><ul class="check">\(each: found.others, { subject in
            let path = subject.kind == "invoice" ? "/invoices/\(URLText.encode(subject.key.split(separator: "/").first.map(String.init) ?? subject.key))" : subject.kind == "customer" ? "/customers/\(URLText.encode(subject.key))" : "/receipts?state=all&q=\(URLText.encode(subject.key))"
            let amount: HTML = subject.amount.map { "<span class=\"num\">\(asking.w.amount($0))</span>" } ?? .nothing
            return "<li>\(Icon.file.html)<div class=\"row\"><span><a href=\"\(path)\">\(subject.key)</a> \(subject.name)</span>\(amount)</div></li>"
        })</ul></section>
        """
    }

    @Sendable private static func finish(_ asking: Asking) async throws -> Reply {
        let ids = asking.form.all("task").compactMap { Int64($0) }
        let note = asking.form["note"]
        do {
            guard !ids.isEmpty else { return Notice.redirect(AccountPages.local(asking.form["back"]), "nothing") }
            _ = try await WorkCommands(in: asking.store, asking.request(.finishTask)).finish(
                tasks: ids, note: note.isEmpty ? nil : note)
            return Notice.redirect(AccountPages.local(asking.form["back"]), "finished")
        } catch let refusal as Refusal where refusal.code == .taskClosed {
            return try await tasks(asking, refused: refusal)
        }
    }

    // MARK: Reminders

    private static func reminders(_ asking: Asking, refused: Refusal? = nil) async throws -> Reply {
        var filter = Look.ReminderFilter()
        filter.state = asking.query["state"]
        filter.before = Int64(asking.query["before"])
        filter.customer = asking.query["customer"].isEmpty ? nil : asking.query["customer"]
        let asked = filter
        let page = try await asking.look(.seeReminders) { try $0.reminders(asked) }
        let w = asking.w
        let parts = Parts(asking)
        let states: [(String, String)] =
            [("", w(.showAll))]
            + ["held", "queued", "sent", "undelivered", "past", "noted"].map { ($0, w.name(.reminder, $0)) }
        let mayRelease = asking.may(.releaseReminders)
        let list: HTML = "\(each: page.rows, { reminder($0, asking, mayRelease) })"
        return Layout(asking).page(
            w(.navReminders), at: .reminders, status: refused == nil ? 200 : 422,
            """
            \(parts.head(w(.navReminders), actions: "\(parts.button(w(.navTemplates), "/templates"))\(parts.button(w(.previewTomorrow), "/reminders/preview"))"))
            \(refused.map { parts.callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            \(parts.answer(HTML(w(filter.state == "held" ? .remindersHeldText : .remindersText))))
            \(parts.filters(parts.segments(w(.state), "state", states, selected: filter.state), keep: ["state", "customer"]))
            \(if: page.rows.isEmpty, parts.empty(w(.remindersNone)))
            <div class="scroll"><table class="figures slim"><caption class="hidden">\(w(.navReminders))</caption><thead><tr><th scope="col">\(w(.customer))</th><th scope="col">\(w(.day))</th><th scope="col">\(w(.recipient))</th><th scope="col">\(w(.state))</th><th scope="col">\(w(.message))</th></tr></thead><tbody>\(list)</tbody></table></div>
            \(parts.pager("", next: page.next.map { asking.address(("before", "\($0)")) }, back: filter.before != nil))
            """)
    }

    private static func reminder(_ row: TrackingQueries.ReminderRow, _ asking: Asking, _ mayRelease: Bool) -> HTML {
        let w = asking.w
        let kind = row.state == "held" ? "warn" : row.state == "sent" ? "good" : row.state == "undelivered" ? "bad" : ""
        let reasons = row.held.map { w.name(.held, $0) }
        let release: HTML = """
            <form class="inline" method="post" action="/reminders/release" data-loose>\(Layout.formFields(asking))<input type="hidden" name="reminder" value="\(row.id)"><button class="link">\(w(.release))</button></form>
            """
        return """
            <tr data-row><th scope="row"><a href="/customers/\(URLText.encode(row.customer))" data-open>\(row.customerName)</a><small>\(w.list(row.items.prefix(4).map(\.number)))\(if: row.items.count > 4, "…")</small></th><td>\(w.day(row.day))</td><td>\(row.recipient.isEmpty ? "–" : row.recipient)<small>\(w.name(.reminder, row.audience == .customer ? "to-customer" : "to-sales"))</small></td>\
            <td>\(Parts(asking).status(w.name(.reminder, row.state), kind))\(if: row.state == "held" && !reasons.isEmpty, "<small>\(w.list(reasons))</small>")\(if: row.state == "held" && mayRelease, release)</td>\
            <td>\(row.text.isEmpty ? HTML(row.subject) : "<details><summary>\(row.subject.isEmpty ? w(.message) : row.subject)</summary><p class=\"wide-text\">\(row.text)</p></details>")</td></tr>
            """
    }

    @Sendable private static func release(_ asking: Asking) async throws -> Reply {
        do {
            _ = try await WorkCommands(in: asking.store, asking.request(.releaseReminders)).release(
                reminders: asking.form.all("reminder").compactMap { Int64($0) })
            return Notice.redirect("/reminders?state=held", "released")
        } catch let refusal as Refusal where refusal.code != .reminderUnknown {
            return try await reminders(asking, refused: refusal)
        }
    }

    /// What tomorrow would send and do, and why what is skipped is skipped: the day's run, taken back.
    @Sendable private static func preview(_ asking: Asking) async throws -> Reply {
        let w = asking.w
        let parts = Parts(asking)
        guard asking.viewer.seesAll else {
            return Layout(asking).page(
                w(.previewTomorrow), at: .reminders,
                "\(parts.head(w(.previewTomorrow)))\(parts.callout(HTML(w(.previewAllOnly))))")
        }
        // A month at most: each day until then is run in thought.
        let tomorrow = min(asking.day("day") ?? asking.today.adding(days: 1), asking.today.adding(days: 31))
        let reports = try await RunDay(in: asking.store, actor: .systemDay, source: "web").run(
            to: tomorrow, now: asking.now, today: asking.today, isDryRun: true)
        let report = reports.last
        let rules = report?.rules.sorted { $0.key < $1.key } ?? []
        let details = Array((report?.details ?? []).prefix(300))
        let codes = Set(details.map(\.customer))
        let names = try await asking.look(.seeReminders) { try $0.customerNames(codes) }
        return Layout(asking).page(
            w(.previewTomorrow), at: .reminders,
            """
            \(parts.head(w(.previewTomorrow), meta: w.date(tomorrow, today: asking.today), trail: [(w(.navReminders), "/reminders")]))
            \(parts.answer(HTML(w(.previewText))))
            <div class="scroll"><table class="figures slim"><thead><tr><th scope="col">\(w(.rule))</th><th scope="col" class="r">\(w(.made))</th><th scope="col" class="r">\(w(.heldBack))</th><th scope="col" class="r">\(w(.skipped))</th></tr></thead><tbody>\(each: rules, { rule in
                "<tr><th scope=\"row\">\(w.name(.rule, rule.key))<small><code>\(rule.key)</code></small></th><td class=\"r\">\(rule.value.created)</td><td class=\"r\">\(rule.value.held)</td><td class=\"r\">\(rule.value.skipped)</td></tr>"
            })</tbody></table></div>
            \(each: (report?.warnings ?? []), { parts.callout(HTML($0)) })
            \(if: !details.isEmpty, "<section class=\"sec\"><h2>\(w(.oneByOne))</h2><div class=\"scroll\"><table class=\"figures slim\"><caption class=\"hidden\">\(w(.oneByOne))</caption><thead><tr><th scope=\"col\">\(w(.customer))</th><th scope=\"col\">\(w(.subject))</th><th scope=\"col\">\(w(.what))</th><th scope=\"col\">\(w(.rule))</th></tr></thead><tbody>\(each: details, { effect($0, names, asking) })</tbody></table></div></section>")
            """)
    }

    private static func effect(_ detail: DayReport.Detail, _ names: [String: String], _ asking: Asking) -> HTML {
        let w = asking.w
        // A late task is named by its number, what else happens by an invoice's.
        let subject: HTML =
            detail.rule == RuleCode.taskLate.name
            ? "<a href=\"/tasks/\(detail.subject)\" data-drawer>\(w(.taskNumber, ["task": .text(detail.subject)]))</a>"
            : detail.rule == RuleCode.dataQuality.name
                ? HTML(w.name(.check, detail.subject))
                : "<a href=\"/invoices/\(URLText.encode(detail.subject))\">\(detail.subject)</a>"
        let reasons = detail.reason.split(separator: ",").map { w.name(.held, String($0)) }
        return """
            <tr data-row><th scope="row">\(if: !detail.customer.isEmpty, "<a href=\"/customers/\(URLText.encode(detail.customer))\" data-open>\(names[detail.customer] ?? detail.customer)</a>")</th><td>\(subject)</td><td>\(w.name(.effect, detail.effect.replacing(":", with: "-")))\(if: !reasons.isEmpty, "<small>\(w.list(reasons))</small>")</td><td><code>\(detail.rule)</code></td></tr>
            """
    }

    // MARK: Checks

    private static func checks(_ asking: Asking) async throws -> Reply {
        var filter = Look.TaskFilter()
        filter.kind = .mendRegister
        filter.whose = .all
        filter.limit = 100
        let asked = filter
        let page = try await asking.look(.seeChecks) { try $0.tasks(asked) }
        let w = asking.w
        let parts = Parts(asking)
        let count = page.rows.reduce(0) { $0 + $1.count }
        let byCheck = Dictionary(grouping: page.rows) { $0.check ?? "" }.sorted {
            $0.value.reduce(0) { $0 + $1.count } > $1.value.reduce(0) { $0 + $1.count }
        }
        return Layout(asking).page(
            w(.navChecks), at: .checks,
            """
            \(parts.head(w(.navChecks)))
            \(parts.answer(count == 0 ? HTML(w(.checksNone)) : w.html(.checksAnswer, ["count": parts.bold("\(count)"), "checks": parts.bold("\(byCheck.count)")])))
            <div class="scroll"><table class="figures slim"><caption class="hidden">\(w(.navChecks))</caption><thead><tr><th scope="col">\(w(.check))</th><th scope="col">\(w(.howToMend))</th><th scope="col" class="r">\(w(.recordsHead))</th><th scope="col">\(w(.task))</th></tr></thead><tbody>\(each: byCheck, { check, rows in
                "<tr data-row><th scope=\"row\"><a href=\"/tasks/\(rows[0].id)\" data-open data-drawer>\(w.name(.check, check))</a><small><code>\(check)</code></small></th><td>\(w.name(.check, check + "-mend"))</td><td class=\"r strong\">\(rows.reduce(0) { $0 + $1.count })</td><td>\(each: rows.prefix(6), { "<a class=\"tag\" href=\"/tasks/\($0.id)\" data-drawer>\(w(.taskOfPerson, ["person": .text($0.assignee ?? w.name(.role, $0.role.name)), "count": .count($0.count), "day": .text(w.dateText($0.dueDay, today: asking.today))]))</a> " })</td></tr>"
            })</tbody></table></div>
            """)
    }
}
