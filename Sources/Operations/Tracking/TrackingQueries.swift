internal import Database
package import Ledger
package import Receivables

/// Tasks and reminders for pages and the command line.
package enum TrackingQueries {
    package struct TaskRow: Sendable {
        package let id: Int64
        package let kind: WorkTask.Kind
        /// The register check of a `mend-register` task.
        package let check: String?
        package let customer: String?
        package let customerName: String?
        package let assignee: String?
        package let role: Role
        package let openedDay: LocalDate
        package let dueDay: LocalDate
        package let count: Int
        /// What is open of the task's items now, by currency.
        package let open: [Money]
        package let escalations: Int
        package let closedDay: LocalDate?
    }

    /// Tasks by urgency: the ones due first, then the larger amounts.
    package static func tasks(
        owner: String?, customer: String?, includingClosed: Bool, dueBefore: LocalDate? = nil, limit: Int,
        for viewer: Viewer? = nil, in store: Store
    ) throws -> RegisterQueries.Page<TaskRow> {
        try store.read { session in
            if let customer { try RegisterQueries.need(customer: customer, in: session) }
            let people = try PersonKeys(session)
            let attributes = try CustomerAttributes(session, on: LocalDate(dayNumber: 1_000_000), knownFact: .max)
            let rows = try session.rows(
                """
                SELECT t.id, t.kind, t.detail, t.customer, t.assignee, t.role, t.opened_day, t.due_day,
                    (SELECT min(e.value_day) FROM task_event e WHERE e.task = t.id AND e.kind IN (1, 2)),
                    (SELECT count(*) FROM task_event e WHERE e.task = t.id AND e.kind = 3)
                  FROM task t ORDER BY t.due_day, t.id
                """)
            var found: [TaskRow] = []
            for row in rows {
                guard let kind = WorkTask.Kind(rawValue: row.integer(1)), let role = Role(rawValue: row.integer(5))
                else { continue }
                let closedDay = row.optionalInteger(8).map { LocalDate(dayNumber: Int($0)) }
                let assignee = people[row.optionalInteger(4)]
                let entry = row.optionalInteger(3).flatMap { attributes[$0] }
                guard includingClosed || closedDay == nil, RegisterQueries.sees(viewer, entry),
                    dueBefore.map({ row.integer(7) < Int64($0.dayNumber) }) ?? true, owner == nil || owner == assignee,
                    customer == nil || customer == entry?.code
                else { continue }
                let (count, open) = try subjects(ofTask: row.integer(0), kind, session)
                found.append(
                    TaskRow(
                        id: row.integer(0), kind: kind,
                        check: kind == .mendRegister ? row.text(2).split(separator: "|").first.map(String.init) : nil,
                        customer: entry?.code, customerName: entry?.name, assignee: assignee, role: role,
                        openedDay: LocalDate(dayNumber: Int(row.integer(6))),
                        dueDay: LocalDate(dayNumber: Int(row.integer(7))), count: count, open: open,
                        escalations: Int(row.integer(9)), closedDay: closedDay))
            }
            let sorted = found.sorted {
                ($0.dueDay, $1.open.first?.minorUnits ?? 0, $0.id) < ($1.dueDay, $0.open.first?.minorUnits ?? 0, $1.id)
            }
            return RegisterQueries.Page(rows: Array(sorted.prefix(limit)), more: max(0, sorted.count - limit))
        }
    }

    private static func subjects(
        ofTask task: Int64, _ kind: WorkTask.Kind, _ session: any SQLSession
    ) throws -> (Int, [Money]) {
        let count = Int(try session.row("SELECT count(*) FROM task_item WHERE task = \(task)")?.integer(0) ?? 0)
        guard kind != .mendRegister else { return (count, []) }
        let sums = try session.rows(
            """
            SELECT v.currency, sum(b.open) FROM task_item t JOIN item i ON i.id = t.subject
              JOIN item_balance b ON b.item = i.id JOIN invoice v ON v.id = i.invoice
             WHERE t.task = \(task) GROUP BY v.currency ORDER BY v.currency
            """)
        return (
            count,
            sums.compactMap { row in Currency(row.text(0)).map { Money(minorUnits: row.integer(1), currency: $0) } }
        )
    }

    /// A record that a task is about, by the name that people know it by.
    package struct Subject: Sendable {
        /// `customer`, `invoice`, `receipt`.
        package let kind: String
        package let key: String
        package let customer: String
        package let name: String
        package let amount: Money?
    }

    /// What a task is about, in the order it was added.
    ///
    /// - Throws: `Refusal` `task.unknown`.
    package static func subjects(ofTask id: Int64, in store: Store) throws -> [Subject] {
        try store.read { session in
            guard try session.row("SELECT id FROM task WHERE id = \(id)") != nil else {
                throw Refusal(.taskUnknown, ["task": .text("\(id)")])
            }
            return try subjects(ofTask: id, limit: .max, session)
        }
    }

    static func subjects(ofTask id: Int64, limit: Int, _ session: any SQLSession) throws -> [Subject] {
        let attributes = try CustomerAttributes(session, on: LocalDate(dayNumber: 1_000_000), knownFact: .max)
        let rows = try session.rows(
            """
            SELECT s.subject, k.id, v.number, i.n, v.customer, v.currency, b.open, c.reference, d.customer,
                c.currency, d.unapplied
              FROM task_item s LEFT JOIN customer k ON k.id = s.subject LEFT JOIN item i ON i.id = s.subject
              LEFT JOIN invoice v ON v.id = i.invoice LEFT JOIN item_balance b ON b.item = i.id
              LEFT JOIN credit c ON c.id = s.subject LEFT JOIN credit_balance d ON d.credit = c.id
             WHERE s.task = \(id) ORDER BY s.id LIMIT \(limit)
            """)
        return rows.map { row in
            let customer = row.optionalInteger(1) ?? row.optionalInteger(4) ?? row.optionalInteger(8)
            let entry = customer.flatMap { attributes[$0] }
            let number = row.optionalText(2).map { row.integer(3) > 1 ? "\($0)/\(row.integer(3))" : $0 }
            let currency = (row.optionalText(5) ?? row.optionalText(9)).flatMap { Currency($0) }
            let amount = row.optionalInteger(6) ?? row.optionalInteger(10)
            return Subject(
                kind: row.optionalInteger(1) != nil ? "customer" : number != nil ? "invoice" : "receipt",
                key: number ?? row.optionalText(7) ?? entry?.code ?? "\(row.integer(0))",
                customer: entry?.code ?? "",
                name: entry?.name ?? "",
                amount: currency.flatMap { currency in
                    amount.map { Money(minorUnits: $0, currency: currency) }
                })
        }
    }

    package struct ReminderRow: Sendable {
        package let id: Int64
        package let day: LocalDate
        package let customer: String
        package let customerName: String
        package let audience: Audience
        /// The address or person; empty when nobody is known.
        package let recipient: String
        package let state: String
        package let held: [String]
        package let items: [(number: String, rule: String, open: Money)]
        package let subject: String
        package let text: String
    }

    /// Reminders, newest first.
    package static func reminders(
        customer: String?, state: String?, since: LocalDate?, limit: Int, for viewer: Viewer? = nil, in store: Store
    ) throws -> RegisterQueries.Page<ReminderRow> {
        try store.read { session in
            if let customer { try RegisterQueries.need(customer: customer, in: session) }
            let personal = PersonalRepository(session: session, facts: nil)
            let attributes = try CustomerAttributes(session, on: LocalDate(dayNumber: 1_000_000), knownFact: .max)
            let rows = try session.rows(
                """
                SELECT r.id, r.day, r.customer, r.audience, r.state, r.held, r.personal,
                    (SELECT e.kind FROM reminder_event e WHERE e.reminder = r.id ORDER BY e.n DESC LIMIT 1)
                  FROM reminder r WHERE r.day >= \(since?.dayNumber ?? -1_000_000) ORDER BY r.day DESC, r.id DESC
                """)
            var found: [ReminderRow] = []
            var more = 0
            for row in rows {
                let entry = attributes[row.integer(2)]
                let made = ReminderState(rawValue: row.integer(4)) ?? .queued
                let stateName = row.optionalInteger(7).flatMap(ReminderEvent.init)?.name ?? made.name
                guard customer == nil || customer == entry?.code, state == nil || state == stateName,
                    RegisterQueries.sees(viewer, entry)
                else { continue }
                guard found.count < limit else {
                    more += 1
                    continue
                }
                let fields = try personal.fields(row.integer(6)) ?? ["", "", ""]
                found.append(
                    ReminderRow(
                        id: row.integer(0), day: LocalDate(dayNumber: Int(row.integer(1))), customer: entry?.code ?? "",
                        customerName: entry?.name ?? "", audience: Audience(rawValue: row.integer(3)) ?? .customer,
                        recipient: fields[0], state: stateName,
                        held: row.text(5).split(separator: ",").map(String.init),
                        items: try items(ofReminder: row.integer(0), session),
                        subject: fields.count > 1 ? fields[1] : "",
                        text: fields.count > 2 ? fields[2] : ""))
            }
            return RegisterQueries.Page(rows: found, more: more)
        }
    }

    static func items(
        ofReminder reminder: Int64, _ session: any SQLSession
    ) throws -> [(number: String, rule: String, open: Money)] {
        try session.rows(
            """
            SELECT v.number, r.rule, r.open_amount, v.currency FROM reminder_item r JOIN item i ON i.id = r.item
              JOIN invoice v ON v.id = i.invoice WHERE r.reminder = \(reminder) ORDER BY r.id
            """
        ).compactMap { row in
            guard let currency = Currency(row.text(3)) else { return nil }
            let rule = RuleCode(rawValue: row.integer(1))?.name ?? ""
            return (row.text(0), rule, Money(minorUnits: row.integer(2), currency: currency))
        }
    }
}
