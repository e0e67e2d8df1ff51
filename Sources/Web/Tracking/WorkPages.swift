internal import Formats
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
        filter.sort = Look.TaskSort(rawValue: asking.query["sort"]) ?? .due
        filter.isReversed = asking.query["reversed"] == "1"
        filter.skip = asking.skipped
        let asked = filter
        let columns = list(asking, canFinish: false)
        let file = try await columns.file(name: asking.w(.navTasks), most: 5_000) {
            var all = asked
            (all.limit, all.after, all.skip) = (5_000, nil, 0)
            let whole = all
            return try await asking.look(.seeTasks) { try $0.tasks(whole).rows }
        }
        if let file { return file }
        let page = try await asking.look(.seeTasks) { try $0.tasks(asked) }
        let w = asking.w
        let parts = Parts(asking)
        let late = page.rows.filter { $0.dueDay < asking.today }.count
        let next =
            page.hasMore
            ? asking.address(("skip", "\(filter.skip + filter.limit)"))
            : page.next.map { asking.address(("after", $0.text)) }
        let whose: [(String, String)] = Look.TaskWhose.allCases.map {
            ($0.rawValue, w([.mine: .tasksMine, .role: .tasksOfRole, .all: .tasksAll][$0] ?? .tasksAll))
        }
        return Layout(asking).page(
            w(.navTasks), at: .tasks, status: refused == nil ? 200 : 422,
            """
            \(parts.head(w(.navTasks), actions: columns.actions))
            \(refused.map { parts.callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            \(parts.answer(page.rows.isEmpty ? HTML(w(filter.isClosed ? .tasksNoneClosed : .tasksNone)) : filter.isClosed ? HTML(w(.tasksClosedText)) : w.html(.tasksAnswer, ["late": late > 0 ? parts.bad("\(late)") : parts.bold("0")])))
            \(parts.filters(
                """
                \(parts.segments(w(.whose), "whose", whose, selected: filter.whose.rawValue))
                \(parts.select("kind", w(.kind), [("", w(.showAll))] + WorkTask.Kind.allCases.map { ($0.name, w.name(.task, $0.name)) }, selected: asking.query["kind"]))
                \(parts.segments(w(.state), "closed", [("", w(.tasksOpen)), ("1", w(.tasksClosed))], selected: filter.isClosed ? "1" : ""))
                """, keep: ["whose", "closed", "sort", "reversed"], end: SavedViews.link(asking)))
            \(SavedViews.list(asking))
            \(page.rows.isEmpty ? parts.empty(w(.nothingToDo)) : table(page, asking, filter))
            \(parts.pager("", next: next, back: filter.after != nil || filter.skip > 0))
            \(if: !page.rows.isEmpty, parts.keys([("J K", .keyRows), ("Enter", .keyOpen), ("X", .keySelect)]))
            """)
    }

    private static func table(_ page: Look.TaskPage, _ asking: Asking, _ filter: Look.TaskFilter) -> HTML {
        let w = asking.w
        let canFinish = !filter.isClosed && page.rows.contains { $0.mayFinish }
        let table = list(asking, canFinish: canFinish, isSorted: !filter.isClosed).html(
            page.rows, sort: filter.sort.rawValue, isReversed: filter.isReversed)
        guard canFinish else { return table }
        return """
            <form method="post" action="/tasks/finish" data-bulk data-loose>\(Layout.formFields(asking))<input type="hidden" name="back" value="\(asking.address())">
            <div class="bulk"><span>\(w(.selected)) <b data-bulk-count>0</b></span><label class="hidden" for="note">\(w(.note))</label><input id="note" name="note" placeholder="\(w(.noteHint))"><button class="btn small main-act" type="submit" data-busy="\(w(.busy))">\(w(.finishTasks))</button></div>
            \(table)</form>
            """
    }

    /// The columns of tasks.
    ///
    /// - Parameter isSorted: Whether heads sort the list: finished tasks stand as they were finished.
    private static func list(
        _ asking: Asking, canFinish: Bool, isSorted: Bool = false
    ) -> ListTable<Look.TaskRow> {
        let w = asking.w
        func subject(_ task: Look.TaskRow) -> String { task.customerName ?? w.name(.check, task.check ?? "") }
        func person(_ task: Look.TaskRow) -> String { task.assignee ?? w.name(.role, task.role.name) }
        func why(_ task: Look.TaskRow) -> String {
            task.kind == .mendRegister
                ? w(.records, ["count": .count(task.count)])
                : w(.whyOverdue, ["count": .count(task.count), "days": .count(task.daysOverdue)])
        }
        let pick = ListColumn<Look.TaskRow>(
            id: "pick", title: w(.selectAll), kind: .text, isAlways: true,
            headCell:
                "<th scope=\"col\"><input type=\"checkbox\" data-pick-all aria-label=\"\(w(.selectAll))\"></th>",
            cell: { task in
                task.mayFinish
                    ? "<td><input type=\"checkbox\" name=\"task\" value=\"\(task.id)\" data-pick aria-label=\"\(w(.selectTask, ["task": .text(subject(task))]))\"></td>"
                    : "<td></td>"
            })
        let customer = ListColumn<Look.TaskRow>(
            id: "customer", title: w(.customer), kind: .text,
            sort: isSorted ? Look.TaskSort.customer.rawValue : nil, rises: true, isAlways: true,
            cell: { task in
                "<th scope=\"row\"><a href=\"/tasks/\(task.id)\" data-open data-drawer>\(subject(task))</a><small>\(task.customer ?? "")</small></th>"
            }, value: { .text(subject($0)) })
        let code = ListColumn<Look.TaskRow>(
            id: "code", title: w(.customerCode), kind: .text, isFileOnly: true, cell: { _ in .nothing },
            value: { .text($0.customer ?? "") })
        let kind = ListColumn<Look.TaskRow>(
            id: "kind", title: w(.task), kind: .text,
            cell: { task in
                "<td>\(w.name(.task, task.kind.name))<small>\(why(task)) <code>\(task.rule)</code></small></td>"
            }, value: { .text("\(w.name(.task, $0.kind.name)) \(why($0))") })
        let assignee = ListColumn<Look.TaskRow>(
            id: "assignee", title: w(.assignee), kind: .text,
            cell: { task in
                "<td>\(person(task))\(if: task.escalations > 0, "<small class=\"bad\">\(w(.escalated))</small>")</td>"
            }, value: { .text(person($0)) })
        let open = ListColumn<Look.TaskRow>(
            id: "open", title: w(.openAmount), kind: .text, isRight: true,
            cell: {
                "<td class=\"r strong\(if: $0.open.isEmpty, " nil")\">\(w.list($0.open.map { w.amount($0) }))</td>"
            },
            value: { .text(w.list($0.open.map { w.amount($0) })) })
        let due = ListColumn<Look.TaskRow>(
            id: "due", title: w(.dueDay), kind: .day, sort: isSorted ? Look.TaskSort.due.rawValue : nil, rises: true,
            isRight: true,
            cell: { task in
                let late = asking.today.days(since: task.dueDay)
                let closed: HTML =
                    task.closedDay.map { "<small class=\"good\">\(w(.doneOn, ["day": .text("\($0)")]))</small>" }
                    ?? .nothing
                return """
                    <td class="r">\(w.day(task.dueDay))\(if: late > 0 && task.closedDay == nil, "<small class=\"bad\">\(w(.lateBy, ["days": .count(late)]))</small>")\(closed)</td>
                    """
            }, value: { .day($0.dueDay) })
        return ListTable(
            asking: asking, title: w(.navTasks),
            columns: (canFinish ? [pick] : []) + [customer, code, kind, assignee, open, due])
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
        if !asking.query["customer"].isEmpty {
            // Half a name on its way to a whole one finds nothing yet.
            let typed = asking.query["customer"]
            filter.customer = try await asking.look(.seeReminders) { $0.customerMeant(by: typed) } ?? ""
        }
        filter.from = asking.day("from")
        filter.to = asking.day("to")
        let asked = filter
        let columns = reminderList(asking)
        let file = try await columns.file(name: asking.w(.navReminders), most: 5_000) {
            var all = asked
            (all.limit, all.before) = (5_000, nil)
            let whole = all
            return try await asking.look(.seeReminders) { try $0.reminders(whole).rows }
        }
        if let file { return file }
        let page = try await asking.look(.seeReminders) { try $0.reminders(asked) }
        let w = asking.w
        let parts = Parts(asking)
        let states: [(String, String)] =
            [("", w(.showAll))]
            + ["held", "queued", "sent", "undelivered", "past", "noted"].map { ($0, w.name(.reminder, $0)) }
        return Layout(asking).page(
            w(.navReminders), at: .reminders, status: refused == nil ? 200 : 422,
            """
            \(parts.head(w(.navReminders), actions: parts.button(w(.navTemplates), "/templates") + parts.button(w(.previewTomorrow), "/reminders/preview") + columns.actions))
            \(refused.map { parts.callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            \(parts.answer(HTML(w(filter.state == "held" ? .remindersHeldText : .remindersText))))
            \(parts.filters(
                """
                \(parts.segments(w(.state), "state", states, selected: filter.state))
                \(parts.field("customer", w(.customer), value: asking.query["customer"], type: "search", more: " list=\"customer-options\" data-options=\"/customers/options\" autocomplete=\"off\""))<datalist id="customer-options"></datalist>
                \(parts.field("from", w(.fromDay), value: asking.query["from"], type: "date"))
                \(parts.field("to", w(.toDay), value: asking.query["to"], type: "date"))
                """, keep: ["state"], end: SavedViews.link(asking)))
            \(SavedViews.list(asking))
            \(page.rows.isEmpty ? parts.empty(w(.remindersNone)) : columns.html(page.rows))
            \(parts.pager("", next: page.next.map { asking.address(("before", "\($0)")) }, back: filter.before != nil))
            """)
    }

    /// The columns of reminders.
    private static func reminderList(_ asking: Asking) -> ListTable<TrackingQueries.ReminderRow> {
        typealias Row = TrackingQueries.ReminderRow
        let w = asking.w
        let parts = Parts(asking)
        func reasons(_ row: Row) -> String { w.list(row.held.map { w.name(.held, $0) }) }
        func audience(_ row: Row) -> String {
            w.name(.reminder, row.audience == .customer ? "to-customer" : "to-sales")
        }
        let customer = ListColumn<Row>(
            id: "customer", title: w(.customer), kind: .text, isAlways: true,
            cell: { row in
                "<th scope=\"row\"><a href=\"/customers/\(URLText.encode(row.customer))\" data-open>\(row.customerName)</a><small>\(w.list(row.items.prefix(4).map(\.number)))\(if: row.items.count > 4, "…")</small></th>"
            }, value: { .text($0.customerName) })
        let invoices = ListColumn<Row>(
            id: "invoices", title: w(.navInvoices), kind: .text, isFileOnly: true, cell: { _ in .nothing },
            value: { .text(w.list($0.items.map(\.number))) })
        let day = ListColumn<Row>(
            id: "day", title: w(.day), kind: .day, cell: { "<td>\(w.day($0.day))</td>" }, value: { .day($0.day) })
        let recipient = ListColumn<Row>(
            id: "recipient", title: w(.recipient), kind: .text,
            cell: { "<td>\($0.recipient.isEmpty ? "–" : $0.recipient)<small>\(audience($0))</small></td>" },
            value: { .text($0.recipient) })
        let state = ListColumn<Row>(
            id: "state", title: w(.state), kind: .text,
            cell: { row in
                let kind =
                    row.state == "held"
                    ? "warn" : row.state == "sent" ? "good" : row.state == "undelivered" ? "bad" : ""
                let release: HTML = """
                    <form class="inline" method="post" action="/reminders/release" data-loose>\(Layout.formFields(asking))<input type="hidden" name="reminder" value="\(row.id)"><button class="link">\(w(.release))</button></form>
                    """
                return """
                    <td>\(parts.status(w.name(.reminder, row.state), kind))\(if: row.state == "held" && !row.held.isEmpty, "<small>\(reasons(row))</small>")\(if: row.state == "held" && asking.may(.releaseReminders), release)</td>
                    """
            },
            value: {
                .text([w.name(.reminder, $0.state), reasons($0)].filter { !$0.isEmpty }.joined(separator: " · "))
            })
        let message = ListColumn<Row>(
            id: "message", title: w(.message), kind: .text,
            cell: { row in
                "<td>\(row.text.isEmpty ? HTML(row.subject) : "<details><summary>\(row.subject.isEmpty ? w(.message) : row.subject)</summary><p class=\"wide-text\">\(row.text)</p></details>")</td>"
            }, value: { .text($0.text.isEmpty ? $0.subject : $0.text) })
        return ListTable(
            asking: asking, title: w(.navReminders), columns: [customer, invoices, day, recipient, state, message])
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
        let rows = Dictionary(grouping: page.rows) { $0.check ?? "" }.map { CheckRow(check: $0, tasks: $1) }.sorted {
            ($1.count, $0.check) < ($0.count, $1.check)
        }
        let columns = checkList(asking)
        if let file = try await columns.file(name: w(.navChecks), most: .max, { rows }) { return file }
        return Layout(asking).page(
            w(.navChecks), at: .checks,
            """
            \(parts.head(w(.navChecks), actions: columns.actions))
            \(parts.answer(count == 0 ? HTML(w(.checksNone)) : w.html(.checksAnswer, ["count": parts.bold("\(count)"), "checks": parts.bold("\(rows.count)")])))
            \(if: !rows.isEmpty, columns.html(rows))
            """)
    }

    /// One check of the register, with the tasks that came of it.
    private struct CheckRow {
        let check: String
        let tasks: [Look.TaskRow]

        var count: Int { tasks.reduce(0) { $0 + $1.count } }
    }

    private static func checkList(_ asking: Asking) -> ListTable<CheckRow> {
        let w = asking.w
        func task(_ row: Look.TaskRow) -> String {
            w(
                .taskOfPerson,
                [
                    "person": .text(row.assignee ?? w.name(.role, row.role.name)), "count": .count(row.count),
                    "day": .text(w.dateText(row.dueDay, today: asking.today)),
                ])
        }
        let check = ListColumn<CheckRow>(
            id: "check", title: w(.check), kind: .text, isAlways: true,
            cell: { row in
                "<th scope=\"row\"><a href=\"/tasks/\(row.tasks[0].id)\" data-open data-drawer>\(w.name(.check, row.check))</a><small><code>\(row.check)</code></small></th>"
            }, value: { .text(w.name(.check, $0.check)) })
        let mend = ListColumn<CheckRow>(
            id: "mend", title: w(.howToMend), kind: .text,
            cell: { "<td>\(w.name(.check, $0.check + "-mend"))</td>" },
            value: { .text(w.name(.check, $0.check + "-mend")) })
        let records = ListColumn<CheckRow>(
            id: "records", title: w(.recordsHead), kind: .text, isRight: true,
            cell: { "<td class=\"r strong\">\($0.count)</td>" }, value: { .text("\($0.count)") })
        let tasks = ListColumn<CheckRow>(
            id: "tasks", title: w(.task), kind: .text,
            cell: { row in
                "<td>\(each: row.tasks.prefix(6), { "<a class=\"tag\" href=\"/tasks/\($0.id)\" data-drawer>\(task($0))</a> " })</td>"
            }, value: { .text(w.list($0.tasks.map(task))) })
        return ListTable(asking: asking, title: w(.navChecks), columns: [check, mend, records, tasks])
    }
}
