internal import Database
internal import Ledger
internal import Receivables

/// Appends what a day brings: occurrences, reminders, tasks, cases, signals, pauses.
final class TrackingRepository {
    private let session: any SQLSession
    private let facts: FactWriter

    init(session: any SQLSession, facts: FactWriter) {
        self.session = session
        self.facts = facts
    }

    enum OccurrenceResult: Int64 { case made = 1, held }

    func appendRun(_ day: LocalDate, policyVersion: Int64, warnings: [String]) throws {
        try facts.append(.dayRun) { row in
            row.integer(Int64(day.dayNumber))
            row.integer(policyVersion)
            row.text(warnings.joined(separator: ","))
        }
    }

    /// - Throws: a constraint failure when the rule fired on this occasion before.
    func appendOccurrence(
        _ rule: RuleCode, subject: Int64, occasion: Int64, episode: Int64, on day: LocalDate,
        _ result: OccurrenceResult,
        reason: String?
    ) throws {
        try facts.append(.occurrence) { row in
            row.integer(rule.rawValue)
            row.integer(subject)
            row.integer(occasion)
            row.integer(episode)
            row.integer(Int64(day.dayNumber))
            row.integer(result.rawValue)
            row.text(reason)
        }
    }

    struct NewReminder {
        let customer: Int64
        let day: LocalDate
        let audience: Audience
        /// Contact or person; 0 when nobody is known.
        let recipient: Int64
        let language: String
        let personal: Int64
        let state: ReminderState
        let held: [HoldReason]
        /// Item, the rule that names it, what was open of it.
        let items: [(item: Int64, rule: RuleCode, open: Int64)]
    }

    func append(_ reminder: NewReminder) throws -> Int64 {
        let id = try facts.append(.reminder) { row in
            row.integer(reminder.customer)
            row.integer(Int64(reminder.day.dayNumber))
            row.integer(reminder.audience.rawValue)
            row.integer(reminder.recipient)
            row.text(reminder.audience == .customer ? "email" : "in_app")
            row.text(reminder.language)
            row.integer(reminder.personal)
            row.text("reminder-1")
            row.integer(reminder.state.rawValue)
            row.text(reminder.held.map(\.rawValue).joined(separator: ","))
        }
        for item in reminder.items {
            try facts.append(.reminderItem) { row in
                row.integer(id)
                row.integer(item.item)
                row.integer(item.rule.rawValue)
                row.integer(item.open)
            }
        }
        return id
    }

    func appendEvent(ofReminder reminder: Int64, _ kind: ReminderEvent, on day: LocalDate) throws {
        let n = try next("reminder_event", "reminder", reminder)
        try facts.append(.reminderEvent) { row in
            row.integer(reminder)
            row.integer(n)
            row.integer(kind.rawValue)
            row.integer(Int64(day.dayNumber))
        }
    }

    /// Puts a message where its sending is durable; its key makes every delivery of it one message.
    func enqueue(reminder: Int64, notBefore day: LocalDate) throws {
        try facts.append(.outbox) { row in
            row.text("reminder-\(reminder)")
            row.integer(reminder)
            row.integer(Int64(day.dayNumber))
        }
    }

    struct NewTask {
        let kind: WorkTask.Kind
        let customer: Int64?
        let assignee: Int64?
        let role: Role
        let openedDay: LocalDate
        let dueDay: LocalDate
        let rule: RuleCode
        let detail: String
    }

    func append(_ task: NewTask) throws -> Int64 {
        try facts.append(.task) { row in
            row.integer(task.kind.rawValue)
            row.integer(task.customer)
            row.integer(task.assignee)
            row.integer(task.role.rawValue)
            row.integer(Int64(task.openedDay.dayNumber))
            row.integer(Int64(task.dueDay.dayNumber))
            row.integer(task.rule.rawValue)
            row.text(task.detail)
        }
    }

    func append(subject: Int64, toTask task: Int64) throws {
        try facts.append(.taskItem) { row in
            row.integer(task)
            row.integer(subject)
        }
    }

    func appendEvent(
        ofTask task: Int64, _ kind: WorkTask.EventKind, person: Int64?, on day: LocalDate, note: String?
    ) throws {
        let n = try next("task_event", "task", task)
        try facts.append(.taskEvent) { row in
            row.integer(task)
            row.integer(n)
            row.integer(kind.rawValue)
            row.integer(person)
            row.integer(Int64(day.dayNumber))
            row.text(note)
        }
    }

    func openCase(customer: Int64, on day: LocalDate) throws -> Int64 {
        let id = try facts.append(.collectionCase) { row in
            row.integer(customer)
            row.integer(Int64(day.dayNumber))
        }
        try append(ofCase: id, n: 1, .opened, on: day)
        return id
    }

    func appendEvent(ofCase id: Int64, _ kind: CollectionCase.EventKind, on day: LocalDate) throws {
        try append(ofCase: id, n: try next("case_event", "collection_case", id), kind, on: day)
    }

    private func append(
        ofCase id: Int64, n: Int64, _ kind: CollectionCase.EventKind, on day: LocalDate
    ) throws {
        try facts.append(.caseEvent) { row in
            row.integer(id)
            row.integer(n)
            row.integer(kind.rawValue)
            row.integer(CollectionCase.firstStage)
            row.integer(Int64(day.dayNumber))
        }
    }

    /// - Throws: a constraint failure when a case covers the item's episode already.
    func join(item: Int64, _ occasion: Occasion, toCase id: Int64) throws {
        try facts.append(.caseItem) { row in
            row.integer(id)
            row.integer(item)
            row.integer(Int64(occasion.dueDay.dayNumber))
            row.integer(Int64(occasion.episode))
        }
    }

    func appendSignal(customer: Int64, _ kind: String, _ severity: Signal.Severity, on day: LocalDate, source: Int64)
        throws
    {
        try facts.append(.signal) { row in
            row.integer(customer)
            row.text(kind)
            row.integer(severity.rawValue)
            row.integer(Int64(day.dayNumber))
            row.integer(source)
        }
    }

    func appendPause(
        customer: Int64?, item: Int64?, _ kind: Pause.Kind, from: LocalDate, until: LocalDate, amount: Int64?,
        reason: String
    ) throws -> Int64 {
        try facts.append(.pause) { row in
            row.integer(customer)
            row.integer(item)
            row.integer(kind.rawValue)
            row.integer(Int64(from.dayNumber))
            row.integer(Int64(until.dayNumber))
            row.integer(amount)
            row.text(reason)
        }
    }

    private func next(_ table: String, _ column: String, _ number: Int64) throws -> Int64 {
        let row = try session.row(
            "SELECT coalesce(max(n), 0) + 1 FROM \(raw: table) WHERE \(raw: column) = \(number)")
        return row?.integer(0) ?? 1
    }
}
