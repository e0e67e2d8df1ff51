import ArgumentParser
import Formats
import Ledger
import Operations
import Receivables

struct TasksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks", abstract: "The work to be done, by urgency; tasks ID shows what one is about.")

    @Argument(help: "A task's number: shows the records that it is about.") var task: Int64?
    @OptionGroup var options: StoreOptions
    @OptionGroup var list: ListOptions
    @Option(help: "Whose tasks: an e-mail or name.") var owner: String?
    @Option(help: ArgumentHelp("Due before this day.", valueName: "day")) var dueBefore: DayArgument?
    @Option(help: "A customer's code.") var customer: String?
    @Flag(help: "Closed tasks too.") var all = false
    @Option(help: ArgumentHelp("Finish a task.", valueName: "id")) var done: Int64?
    @Option(help: "What came of it.") var note: String?

    func run() async throws {
        let session = try Session(options)
        if let done {
            let request = session.request(.finishTask, "\(done)|\(note ?? "")")
            return session.done(try await WorkCommands(in: session.store, request).finish(task: done, note: note))
        }
        let viewer = try session.viewer(for: .seeTasks)
        if let task { return show(try TrackingQueries.subjects(ofTask: task, in: session.store), session) }
        let page = try TrackingQueries.tasks(
            owner: owner, customer: customer, includingClosed: all, dueBefore: dueBefore?.day,
            limit: list.limit(json: options.json), for: viewer, in: session.store)
        if options.json { return Console.emit(.list(page, list) { json($0, session) }) }
        session.show(
            ReportTable(
                title: "",
                columns: [
                    session.column(.columnNumber), session.column(.columnDue, .day), session.column(.columnTask),
                    session.column(.columnAssignee),
                ],
                rows: list.page(page).rows.map { row in
                    let role = session.catalogue.text("role.\(row.role.name)")
                    let mark = row.closedDay == nil && row.dueDay < session.today ? "!" : ""
                    let closed = row.closedDay.map { session.catalogue.text("task.closed-on", ["day": .day($0)]) }
                    let words = [title(row, session), closed.map { "(\($0))" } ?? ""].filter { !$0.isEmpty }
                    return [
                        .text("\(row.id)\(mark)"), .day(row.dueDay), .text(words.joined(separator: " ")),
                        .text(row.assignee ?? session.catalogue.text("task.role", ["role": .text(role)])),
                    ]
                }), more: page.more, textLimit: 90)
    }

    private func show(_ subjects: [TrackingQueries.Subject], _ session: Session) {
        if options.json {
            return Console.emit(
                .list(
                    subjects.map { subject in
                        .object([
                            "kind": .string(subject.kind), "key": .string(subject.key),
                            "customer": .string(subject.customer), "customerName": .string(subject.name),
                            "open": subject.amount.map(JSONValue.money) ?? .null,
                        ])
                    }))
        }
        session.show(
            ReportTable(
                title: "",
                columns: [
                    session.column(.columnKind), session.column(.columnNumber), session.column(.columnCustomer),
                    session.column(.columnName), session.column(.agingCurrency), session.column(.columnOpen, .amount),
                ],
                rows: subjects.map { subject in
                    [
                        .text(session.catalogue.text("subject.\(subject.kind)")), .text(subject.key),
                        .text(subject.customer), .text(subject.name), .text(subject.amount?.currency.code ?? ""),
                        subject.amount.map { .amount(Int128($0.minorUnits), exponent: $0.currency.exponent) } ?? .empty,
                    ]
                }), more: 0)
    }

    private func title(_ row: TrackingQueries.TaskRow, _ session: Session) -> String {
        let key = row.check.map { "task.mend.\($0)" } ?? "task.\(row.kind.name)"
        return session.catalogue.text(
            key,
            [
                "customer": .text(row.customerName ?? row.customer ?? ""), "count": .count(row.count),
                "amount": .text(row.open.map(\.description).joined(separator: " + ")),
            ])
    }

    private func json(_ row: TrackingQueries.TaskRow, _ session: Session) -> JSONValue {
        .object([
            "id": .string("\(row.id)"), "kind": .string(row.kind.name), "check": .optional(row.check),
            "title": .string(title(row, session)), "customer": .optional(row.customer),
            "assignee": .optional(row.assignee),
            "role": .string(row.role.name), "opened": .string("\(row.openedDay)"), "due": .string("\(row.dueDay)"),
            "items": .count(row.count), "open": .array(row.open.map(JSONValue.money)),
            "escalations": .count(row.escalations), "closed": .optional(row.closedDay?.description),
        ])
    }
}

struct RemindersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reminders", abstract: "Reminders with their text and state; --release ID lets held ones go.")

    @OptionGroup var options: StoreOptions
    @OptionGroup var list: ListOptions
    @Option(help: "A customer's code.") var customer: String?
    @Option(help: ArgumentHelp(Self.states.joined(separator: ", "))) var state: String?
    @Option(help: ArgumentHelp("Of this day or later.", valueName: "day")) var since: DayArgument?
    @Flag(help: "Show the texts.") var text = false
    @Option(help: ArgumentHelp("Release a held message.", valueName: "id")) var release: [Int64] = []

    private static let states = [
        "queued", "held", "past", "noted", "released", "approved", "superseded", "expired", "settled",
    ]

    func validate() throws {
        if let state, !Self.states.contains(state) {
            throw ValidationError("--state takes one of \(Self.states.joined(separator: ", "))")
        }
    }

    private func letGo(_ session: Session) async throws {
        let request = session.request(.releaseReminders, release.map(String.init).joined(separator: ","))
        let written = try await WorkCommands(in: session.store, request).release(reminders: release)
        let outcome = written.outcome
        if options.json {
            return Console.emit(
                .object([
                    "act": .optional(written.act.map(String.init)), "sent": .count(outcome.sent),
                    "merged": .count(outcome.merged),
                ]))
        }
        Console.say(
            session.catalogue.text(
                .reminderReleased, ["sent": .count(outcome.sent), "merged": .count(outcome.merged)]))
    }

    func run() async throws {
        let session = try Session(options)
        if !release.isEmpty { return try await letGo(session) }
        let page = try TrackingQueries.reminders(
            customer: customer, state: state, since: since?.day, limit: list.limit(json: options.json),
            for: try session.viewer(for: .seeReminders), in: session.store)
        if options.json { return Console.emit(.list(page, list, Self.json)) }
        if text {
            for row in list.page(page).rows {
                Console.say(Console.bold("\(row.day)  \(row.recipient)  \(row.subject)"))
                Console.say(row.text + "\n")
            }
            return
        }
        session.show(
            ReportTable(
                title: "",
                columns: [
                    session.column(.columnNumber), session.column(.columnDay, .day), session.column(.columnCustomer),
                    session.column(.columnName), session.column(.columnRecipient), session.column(.columnItems, .count),
                    session.column(.columnState), session.column(.columnReasons),
                ],
                rows: list.page(page).rows.map { row in
                    [
                        .text("\(row.id)"), .day(row.day), .text(row.customer), .text(row.customerName),
                        .text(row.recipient), .count(row.items.count),
                        .text(session.catalogue.text("state.\(row.state)")),
                        .text(row.held.map { session.catalogue.text("reason.\($0)") }.joined(separator: ", ")),
                    ]
                }), more: page.more)
    }

    private static func json(_ row: TrackingQueries.ReminderRow) -> JSONValue {
        .object([
            "id": .string("\(row.id)"), "date": .string("\(row.day)"), "customer": .string(row.customer),
            "audience": .string(row.audience == .customer ? "customer" : "sales_owner"),
            "recipient": .string(row.recipient), "state": .string(row.state),
            "held": .array(row.held.map(JSONValue.string)),
            "items": .array(
                row.items.map { item in
                    .object(["invoice": .string(item.number), "rule": .string(item.rule), "open": .money(item.open)])
                }),
            "subject": .string(row.subject), "text": .string(row.text),
        ])
    }
}

struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Stop dunning on an invoice for a while, with a reason; --end resumes it.")

    @Argument(help: "The invoice's number.") var invoice: String
    @OptionGroup var options: StoreOptions
    @Option(help: "dispute or agreed.") var kind = "agreed"
    @Option(help: ArgumentHelp("First day; today unless given.", valueName: "day")) var from: DayArgument?
    @Option(help: ArgumentHelp("Last day, inclusive.", valueName: "day")) var until: DayArgument?
    @Option(help: "Only this part of it is disputed.") var amount: String?
    @Option(help: "Only this instalment, from 1.") var instalment: Int?
    @Option(help: ArgumentHelp("The legal entity; the main one unless given.", valueName: "code")) var entity: String?
    @Option(help: "Why.") var reason: String
    @Flag(help: "End the pause instead.") var end = false

    func validate() throws {
        guard Pause.Kind.allCases.contains(where: { $0.name == kind }) else {
            throw ValidationError("--kind takes dispute or agreed")
        }
        guard end || until != nil else { throw ValidationError("--until says when the pause ends") }
    }

    func run() async throws {
        let session = try Session(options)
        let first = from?.day ?? session.today
        if end {
            let request = session.request(.resume, "\(invoice)|\(entity ?? "")|\(first)|\(reason)")
            return session.done(
                try await WorkCommands(in: session.store, request).resume(
                    invoice: invoice, entity: entity, on: first, reason: reason))
        }
        guard let kind = Pause.Kind.allCases.first(where: { $0.name == kind }), let until = until?.day else { return }
        let request = session.request(
            .pause,
            "\(invoice)|\(kind.name)|\(first)|\(until)|\(amount ?? "")|\(instalment ?? 0)|\(entity ?? "")|\(reason)")
        session.done(
            try await WorkCommands(in: session.store, request).pause(
                invoice: invoice, entity: entity, instalment: instalment, kind, from: first, until: until,
                amount: amount,
                reason: reason))
    }
}

struct PersonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "person", abstract: "Register a person, a manager and roles.")

    @Argument(help: "E-mail or name.") var key: String
    @OptionGroup var options: StoreOptions
    @Option(help: "The manager's e-mail or name.") var manager: String?
    @Option(help: ArgumentHelp(Role.allCases.map(\.name).joined(separator: ", "))) var role: [String] = []
    @Option(help: "A role to take away.") var withoutRole: [String] = []

    func validate() throws {
        for name in role + withoutRole where Role.named(name) == nil {
            throw ValidationError("\(name) is no role; roles are \(Role.allCases.map(\.name).joined(separator: ", "))")
        }
    }

    func run() async throws {
        let session = try Session(options)
        let request = session.request(.setPerson, "\(key)|\(manager ?? "")|\(role)|\(withoutRole)")
        session.done(
            try await WorkCommands(in: session.store, request).setPerson(
                key, manager: manager, roles: role.compactMap(Role.named), without: withoutRole.compactMap(Role.named)))
    }
}
