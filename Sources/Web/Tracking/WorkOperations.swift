internal import Formats
internal import Ledger
internal import Operations
internal import Receivables

/// Tasks, reminders, checks and the day, for programs.
enum WorkOperations {
    static let all: [Operation] = [
        myDay, tasks, task, finishTasks, finishTask, reminders, release, preview, checks, runDay, templates,
        proposeTemplate,
    ]

    // MARK: Tasks

    private static let taskFields: [Schema.Field] = [
        .init("id", .identifier), .init("kind", .choice(WorkTask.Kind.allCases.map(\.name))),
        .orNull("check", .line(), "The register's check that found it."), .init("rule", .line(0...80)),
        .orNull("customer", .line()), .orNull("customerName", .line(0...400)), .orNull("assignee", .line(0...400)),
        .init("role", .choice(Role.allCases.map(\.name))), .init("openedDate", .day), .init("dueDate", .day),
        .init("count", .count, "Records that it is about."), .init("open", .list(of: .money)),
        .init("daysOverdue", .count, "Of the item that is overdue longest."), .init("escalations", .count),
        .orNull("closedDate", .day), .init("mayFinish", .flag),
    ]
    private static let taskShape = Schema.named("Task", .record(taskFields))

    private static func members(_ row: Look.TaskRow) -> [JSONValue.Member] {
        [
            .init(name: "id", value: Shape.id(row.id)), .init(name: "kind", value: .string(row.kind.name)),
            .init(name: "check", value: .optional(row.check)), .init(name: "rule", value: .string(row.rule)),
            .init(name: "customer", value: .optional(row.customer)),
            .init(name: "customerName", value: .optional(row.customerName)),
            .init(name: "assignee", value: .optional(row.assignee)),
            .init(name: "role", value: .string(row.role.name)),
            .init(name: "openedDate", value: .string("\(row.openedDay)")),
            .init(name: "dueDate", value: .string("\(row.dueDay)")), .init(name: "count", value: .count(row.count)),
            .init(name: "open", value: .array(row.open.map(Shape.money))),
            .init(name: "daysOverdue", value: .count(row.daysOverdue)),
            .init(name: "escalations", value: .count(row.escalations)),
            .init(name: "closedDate", value: Shape.day(row.closedDay)),
            .init(name: "mayFinish", value: .bool(row.mayFinish)),
        ]
    }

    private static func json(_ row: Look.TaskRow) -> JSONValue { .object(members(row)) }

    private static let tasks = Operation.ask(
        "/tasks", "listTasks", .seeTasks, "Tasks, the ones due first before the others.",
        query: [
            .init("whose", .choice(Look.TaskWhose.allCases.map(\.rawValue)), "`all` unless given."),
            .init("kind", .choice(WorkTask.Kind.allCases.map(\.name)), "Only these."),
            .init("customer", .line(), "A customer's code."), .init("closed", .flag, "Finished ones instead."),
            .init("dueTo", .day, "Due on this day or before."), .cursor, .limit(),
        ],
        result: Shape.page("TaskPage", taskShape)
    ) { call in
        var filter = Look.TaskFilter()
        filter.whose = call.query.text("whose").flatMap(Look.TaskWhose.init) ?? .all
        filter.kind = WorkTask.Kind.allCases.first { $0.name == call.query.text("kind") }
        filter.customer = call.query.text("customer")
        filter.isClosed = call.query.flag("closed") ?? false
        filter.dueTo = call.day("dueTo")
        let place = try call.numberCursor()
        if filter.isClosed {
            filter.after = place.map { Look.Cursor(value: 0, fact: $0) }
        } else {
            filter.skip = Int(min(place ?? 0, 100_000_000))
        }
        filter.limit = call.limit
        let asked = filter
        let page = try await call.look(.seeTasks) { try $0.tasks(asked) }
        let next = page.hasMore ? "\(asked.skip + asked.limit)" : page.next.map { "\($0.fact)" }
        return call.page(page.rows.map(json), next: next)
    }

    private static let task = Operation.ask(
        "/tasks/{id}", "getTask", .seeTasks, "A task with the records that it is about.",
        result: .named(
            "TaskRecord",
            .record(
                taskFields + [
                    .init(
                        "items",
                        .list(
                            of: .named(
                                "TaskItem",
                                .record([
                                    .init("number", .line()), .init("instalment", .count), .init("dueDate", .day),
                                    .init("open", .money),
                                ])))),
                    .init(
                        "records",
                        .list(
                            of: .named(
                                "TaskSubject",
                                .record([
                                    .init("kind", .choice(["customer", "invoice", "receipt"])),
                                    .init("key", .line(0...400)), .init("customer", .line(0...400)),
                                ])))),
                ])), example: .init(places: ["id": "{task}"])
    ) { call in
        let id = call.id
        let (row, items, others) = try await call.look(.seeTasks) { try $0.task(id) }
        return .json(
            .object(
                members(row) + [
                    .init(
                        name: "items",
                        value: .array(
                            items.map { item in
                                .object([
                                    "number": .string(item.number), "instalment": .count(item.instalment),
                                    "dueDate": .string("\(item.dueDay)"),
                                    "open": Shape.money(item.open, item.currency),
                                ])
                            })),
                    .init(
                        name: "records",
                        value: .array(
                            others.map { subject in
                                .object([
                                    "kind": .string(subject.kind), "key": .string(subject.key),
                                    "customer": .string(subject.customer),
                                ])
                            })),
                ]))
    }

    private static let note = Schema.Field.maybe("note", .lines(1...2_000), "What came of it.")

    private static let finishTasks = Operation.act(
        .post, "/tasks/finished", "finishTasks", .finishTasks, "Finishes several tasks, all or none.",
        body: .named(
            "FinishedTasks", .record([.init("tasks", .list(.identifier, 1...200)), note])),
        example: .init(body: .object(["tasks": .array([.string("{otherTask}")]), "note": .string("done")]))
    ) { call in
        let ids = call.body.texts("tasks").compactMap { Int64($0) }
        return .act(
            try await WorkCommands(in: call.store, call.request(.finishTasks)).finish(
                tasks: ids, note: call.body.text("note")))
    }

    private static let finishTask = Operation.act(
        .post, "/tasks/{id}/finish", "finishTask", .finishTask, "Finishes a task.",
        body: .named("FinishedTask", .record([note])),
        example: .init(places: ["id": "{task}"], body: .object(["note": .string("pays on Friday")]))
    ) { call in
        .act(
            try await WorkCommands(in: call.store, call.request(.finishTask)).finish(
                task: call.id, note: call.body.text("note")))
    }

    // MARK: My day

    private static let myDay = Operation.ask(
        "/my-day", "getMyDay", .seeDay, "What the day of the token's holder begins with.",
        result: .named(
            "MyDay",
            .record([
                .init("late", .list(of: taskShape)), .init("today", .list(of: taskShape)),
                .init("week", .list(of: taskShape)), .init("lateCount", .count), .init("todayCount", .count),
                .init("weekCount", .count), .init("doneToday", .count), .init("unknownPayers", .count),
                .init("heldReminders", .count), .orNull("lastDayRun", .day),
                .init(
                    "bank",
                    .list(
                        of: .named("BankThrough", .record([.init("account", .line(0...400)), .init("through", .day)]))),
                    "Through which day each bank account's receipts were brought in."),
                .init(
                    "rules",
                    .list(
                        of: .named(
                            "RuleCount",
                            .record([.init("rule", .line()), .init("made", .count), .init("held", .count)]))),
                    "What the last day's run did."),
            ]))
    ) { call in
        let day = try await call.look(.seeDay) { try $0.myDay(lastSeen: $0.act) }
        return .json(
            .object([
                "late": .array(day.late.map(json)), "today": .array(day.today.map(json)),
                "week": .array(day.week.map(json)), "lateCount": .count(day.counts.late),
                "todayCount": .count(day.counts.today), "weekCount": .count(day.counts.week),
                "doneToday": .count(day.doneToday), "unknownPayers": .count(day.unknownPayers),
                "heldReminders": .count(day.heldReminders), "lastDayRun": Shape.day(day.lastDayRun),
                "bank": .array(
                    day.bankThrough.map { .object(["account": .string($0.account), "through": .string("\($0.day)")]) }),
                "rules": .array(
                    day.rules.map {
                        .object(["rule": .string($0.rule), "made": .count($0.made), "held": .count($0.held)])
                    }),
            ]))
    }

    // MARK: Reminders

    private static let reminders = Operation.ask(
        "/reminders", "listReminders", .seeReminders, "Messages to customers and colleagues, newest first.",
        query: [
            .init("state", .choice(reminderStates), "Only these."), .init("customer", .line(), "A customer's code."),
            .init("from", .day, "Written on this day or later."), .init("to", .day, "On this day or before."), .cursor,
            .limit(200),
        ],
        result: Shape.page(
            "ReminderPage",
            .named(
                "Reminder",
                .record([
                    .init("id", .identifier), .init("date", .day), .init("customer", .line(0...400)),
                    .init("customerName", .line(0...400)), .init("audience", .line()),
                    .init("recipient", .line(0...400)), .init("state", .line()),
                    .init("held", .list(of: .line()), "Why it is held."), .init("subject", .lines(0...4_000)),
                    .init("text", .lines(0...40_000)),
                    .init(
                        "items",
                        .list(
                            of: .named(
                                "ReminderItem",
                                .record([
                                    .init("number", .line()), .init("rule", .line()), .init("open", .money),
                                ])))),
                ])))
    ) { call in
        var filter = Look.ReminderFilter()
        filter.state = call.query.text("state") ?? ""
        filter.customer = call.query.text("customer")
        filter.from = call.day("from")
        filter.to = call.day("to")
        filter.before = try call.numberCursor()
        filter.limit = call.limit
        let asked = filter
        let page = try await call.look(.seeReminders) { try $0.reminders(asked) }
        return call.page(
            page.rows.map { row in
                .object([
                    "id": Shape.id(row.id), "date": .string("\(row.day)"), "customer": .string(row.customer),
                    "customerName": .string(row.customerName), "audience": .string("\(row.audience)"),
                    "recipient": .string(row.recipient), "state": .string(row.state), "held": .texts(row.held),
                    "subject": .string(row.subject), "text": .string(row.text),
                    "items": .array(
                        row.items.map { item in
                            .object([
                                "number": .string(item.number), "rule": .string(item.rule),
                                "open": Shape.money(item.open),
                            ])
                        }),
                ])
            }, next: page.next.map { "\($0)" })
    }

    static let reminderStates = [
        "queued", "held", "past", "noted", "released", "expired", "settled", "superseded", "approved", "sent",
        "undelivered",
    ]

    private static let release = Operation.act(
        .post, "/reminders/released", "releaseReminders", .releaseReminders, "Lets held messages go, all or none.",
        body: .named("ReleasedReminders", .record([.init("reminders", .list(.identifier, 1...200))])),
        result: Shape.act(
            "Released",
            [
                .init("sent", .count, "In the outbox as they stood."),
                .init("merged", .count, "Something in them changed: what still holds goes with the next day's run."),
            ]),
        example: .init(
            body: .object(["reminders": .array([.string("{heldReminder}")])]), needs: "a message that is held")
    ) { call in
        let ids = call.body.texts("reminders").compactMap { Int64($0) }
        let done = try await WorkCommands(in: call.store, call.request(.releaseReminders)).release(reminders: ids)
        return .act(done.act, ["sent": .count(done.outcome.sent), "merged": .count(done.outcome.merged)])
    }

    // MARK: The day

    private static let counts = Schema.named(
        "RuleCounts",
        .record([.init("created", .count), .init("held", .count), .init("skipped", .count)]))
    private static let days = Schema.named(
        "DayReports",
        .record([
            .init(
                "days",
                .list(
                    of: .named(
                        "DayReport",
                        .record([
                            .init("date", .day), .init("repeat", .flag, "Whether it had been run before."),
                            .init("rules", .map(counts)), .init("tasks", .count),
                            .init("warnings", .list(of: .lines())),
                        ]))))
        ]))

    private static func json(_ reports: [DayReport]) -> JSONValue {
        .object([
            "days": .array(
                reports.map { report in
                    .object([
                        "date": .string("\(report.date)"), "repeat": .bool(report.isRepeat),
                        "rules": .object(
                            report.rules.sorted { $0.key < $1.key }.map { rule, counts in
                                .init(
                                    name: rule,
                                    value: .object([
                                        "created": .count(counts.created), "held": .count(counts.held),
                                        "skipped": .count(counts.skipped),
                                    ]))
                            }), "tasks": .count(report.tasks), "warnings": .texts(report.warnings),
                    ])
                })
        ])
    }

    private static let preview = Operation.ask(
        "/days/preview", "previewDay", .seeReminders, "What a day's run would do; nothing is changed.",
        about: "For tokens that see all customers.",
        query: [.init("date", .day, "Tomorrow unless given, at most 31 days from now.")], result: days
    ) { call in
        guard call.viewer.seesAll else { throw Refusal(.accessScope) }
        let day = min(
            max(call.day("date") ?? call.today.adding(days: 1), .earliestInBooks), call.today.adding(days: 31))
        let reports = try await RunDay(in: call.store, actor: .systemDay, source: "api").run(
            to: day, now: call.now, today: call.today, isDryRun: true)
        return .json(json(reports))
    }

    private static let runDay = Operation.act(
        .post, "/days", "runDay", .runDay, "Runs the rules of a day, and of the days missed before it.",
        about: "A day that was run is not run again.",
        body: .named("NewDay", .record([.maybe("date", .day, "Today unless given; never in the future.")])),
        result: days, example: .init(body: .object([]))
    ) { call in
        let day = try call.bookDay("date") ?? call.today
        // A day long before the books would run all days since.
        guard call.today.days(since: day) <= 400 else {
            throw Refusal(.dayTooFar, ["day": .day(day), "today": .day(call.today)])
        }
        let reports = try await RunDay(in: call.store, actor: call.viewer.actor, source: "api").run(
            to: day, now: call.now, today: call.today)
        return .json(json(reports))
    }

    // MARK: Checks

    private static let checks = Operation.ask(
        "/checks", "listChecks", .seeChecks, "What the checks of the register found and nobody mended yet.",
        result: Shape.page(
            "CheckPage",
            .named(
                "Check",
                .record([
                    .init("check", .line(0...200)), .init("count", .count), .init("tasks", .list(of: .identifier)),
                ])))
    ) { call in
        var filter = Look.TaskFilter()
        filter.kind = .mendRegister
        filter.whose = .all
        filter.limit = 500
        let asked = filter
        let page = try await call.look(.seeChecks) { try $0.tasks(asked) }
        let byCheck = Dictionary(grouping: page.rows) { $0.check ?? "" }.sorted { $0.key < $1.key }
        return call.page(
            byCheck.map { check, tasks in
                .object([
                    "check": .string(check), "count": .count(tasks.reduce(0) { $0 + $1.count }),
                    "tasks": .array(tasks.map { Shape.id($0.id) }),
                ])
            }, next: nil)
    }

    // MARK: Templates

    private static let parts = MessageTemplate.Part.allCases.map { part in
        Schema.Field(FieldName.ours(part.rawValue.replacing("-", with: "_")), .lines(0...8_000))
    }

    private static let templates = Operation.ask(
        "/templates/{language}", "getTemplate", .seeReminders, "The words of messages to customers in a language.",
        result: .named(
            "Template",
            .record([.init("version", .count), .orNull("from", .day)] + parts)),
        isVersioned: true, example: .init(places: ["language": "en"])
    ) { call in
        let language = Catalogue.Language(rawValue: call.place("language")) ?? .english
        let store = call.store
        let newest = try await call.work { try MessageTemplates.newest(language, in: store) }
        return Answer(
            body: .object(
                [
                    .init(name: "version", value: .integer(newest.number)),
                    .init(name: "from", value: Shape.day(newest.from)),
                ]
                    + MessageTemplate.Part.allCases.map { part in
                        .init(
                            name: FieldName.ours(part.rawValue.replacing("-", with: "_")),
                            value: .string(newest.template[part]))
                    }), version: newest.number)
    }

    private static let proposeTemplate = Operation.act(
        .put, "/templates/{language}", "proposeTemplate", .proposeTemplate,
        "Proposes other words for messages to customers; a second person decides.",
        body: .named(
            "TemplateChange",
            .record(
                [.maybe("from", .day, "Tomorrow unless given."), Shape.reason]
                    + parts.map { .init($0.name, .lines(1...4_000)) })), needsVersion: true,
        example: .init(
            places: ["language": "en"],
            body: .object([
                "reason": .string("friendlier"), "subject": .string("Statement from {company}"),
                "greeting": .string("Dear {placeOfCustomer},"), "dueSoon": .string("These fall due soon:"),
                "overdue": .string("These are past due:"), "line": .string("{placeOfInvoice}: {amount}, due {due}"),
                "closing": .string("Kind regards, {company}"),
            ]), version: 0)
    ) { call in
        let language = Catalogue.Language(rawValue: call.place("language")) ?? .english
        var texts: [MessageTemplate.Part: String] = [:]
        for part in MessageTemplate.Part.allCases {
            texts[part] = call.body.text(FieldName.ours(part.rawValue.replacing("-", with: "_"))) ?? ""
        }
        return .act(
            try await MessageTemplates.propose(
                MessageTemplate(texts), language, from: try call.bookDay("from") ?? call.today.adding(days: 1),
                reason: call.body.text("reason") ?? "", insteadOf: call.version, in: call.store,
                call.request(.proposeTemplate)))
    }
}
