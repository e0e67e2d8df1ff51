internal import Database
internal import Foundation
package import Ledger
internal import OpenItems
package import Receivables

extension Look {
    package enum TaskWhose: String, CaseIterable, Sendable { case mine, role, all }

    package enum TaskSort: String, CaseIterable, Sendable { case due, customer, opened }

    package struct TaskFilter: Sendable {
        package var whose = TaskWhose.mine
        package var kind: WorkTask.Kind?
        package var customer: String?
        package var isClosed = false
        package var dueTo: LocalDate?
        package var sort = TaskSort.due
        package var isReversed = false
        /// Rows to leave out at the start, of open tasks: their list is sorted in memory, within one act.
        package var skip = 0
        /// Where to go on with finished ones.
        package var after: Cursor?
        package var limit = 50

        package init() {}
    }

    package struct TaskRow: Sendable {
        package let id: Int64
        package let kind: WorkTask.Kind
        /// The register check of a `mend-register` task.
        package let check: String?
        package let rule: String
        package let customer: String?
        package let customerName: String?
        package let assignee: String?
        package let role: Role
        package let openedDay: LocalDate
        package let dueDay: LocalDate
        package let count: Int
        /// What is open of its items, by currency; and of them the one overdue longest.
        package let open: [Money]
        package let daysOverdue: Int
        package let escalations: Int
        package let closedDay: LocalDate?
        package let mayFinish: Bool
    }

    package struct TaskPage: Sendable {
        package let rows: [TaskRow]
        package let next: Cursor?
        /// Whether there are more open ones.
        package var hasMore = false
    }

    /// Tasks, the ones due first before the others. What the scope hides is passed over.
    ///
    /// - Throws: `Refusal` `customer.unknown`.
    package func tasks(_ filter: TaskFilter) throws -> TaskPage {
        if filter.isClosed { return try closedTasks(filter) }
        let customer = try filter.customer.map { try self.customer($0) }
        let wanted = isWanted(filter)
        let order = outlook.taskOrder.get {
            outlook.tasks.byID.values.sorted { ($0.dueDay, $0.id) < ($1.dueDay, $1.id) }
        }
        var ids: [Int64] = []
        var skipped = 0
        for entry in sorted(order, filter) {
            if let customer, entry.customer != customer { continue }
            if let kind = filter.kind, entry.kind != kind.rawValue { continue }
            if let to = filter.dueTo, Int(entry.dueDay) > to.dayNumber { continue }
            guard wanted(entry.assignee, entry.role),
                entry.customer.map(sees) ?? (viewer.seesAll || entry.assignee == viewer.person)
            else { continue }
            skipped += 1
            guard skipped > filter.skip else { continue }
            ids.append(entry.id)
            if ids.count > filter.limit { break }
        }
        var rows: [TaskRow] = []
        var read: [Int64: SQLRow] = [:]
        try session.rows(
            about: ids.prefix(filter.limit).map { .integer($0) }, [], { Self.taskText("t.id IN (\($0))") },
            visit: { read[$0.integer(0)] = $0 })
        for id in ids.prefix(filter.limit) {
            if let row = read[id], let task = try task(row) { rows.append(task) }
        }
        return TaskPage(rows: rows, next: nil, hasMore: ids.count > filter.limit)
    }

    /// Open tasks in the order that is asked for; `order` has them by due day.
    private func sorted(_ order: [OpenTasks.Entry], _ filter: TaskFilter) -> [OpenTasks.Entry] {
        var sorted = order
        switch filter.sort {
        case .due: break
        case .opened: sorted.sort { $0.id < $1.id }
        case .customer:
            func name(_ entry: OpenTasks.Entry) -> String {
                entry.customer.flatMap { outlook.attributes[$0]?.name } ?? ""
            }
            sorted = sorted.map { (name($0), $0) }.sorted {
                ($0.0, $0.1.dueDay, $0.1.id) < ($1.0, $1.1.dueDay, $1.1.id)
            }
            .map(\.1)
        }
        return filter.isReversed ? sorted.reversed() : sorted
    }

    /// Whose tasks are asked for, by assignee and role.
    private func isWanted(_ filter: TaskFilter) -> (_ assignee: Int64?, _ role: Int64) -> Bool {
        let people = Set([viewer.person].compactMap { $0 }).union(viewer.standsInFor)
        let roles = Set(viewer.roles.union(viewer.lentRoles).map(\.rawValue))
        return { assignee, role in
            switch filter.whose {
            case .all: true
            case .mine: assignee.map(people.contains) ?? false
            case .role: assignee == nil && roles.contains(role)
            }
        }
    }

    private static func taskText(_ condition: String) -> String {
        """
        SELECT t.id, t.kind, t.detail, t.customer, t.assignee, t.role, t.opened_day, t.due_day, t.rule,
            (SELECT min(e.value_day) FROM task_event e WHERE e.task = t.id AND e.kind IN (1, 2)),
            (SELECT count(*) FROM task_event e WHERE e.task = t.id AND e.kind = 3)
          FROM task t WHERE \(condition)
        """
    }

    /// Finished tasks, the ones finished last before the others; a page looks at some thousand of them at most.
    private func closedTasks(_ filter: TaskFilter) throws -> TaskPage {
        let customer = try filter.customer.map { try self.customer($0) }
        let wanted = isWanted(filter)
        func fits(_ row: SQLRow) -> Bool {
            wanted(row.optionalInteger(4), row.integer(5)) && (customer == nil || row.optionalInteger(3) == customer)
                && (filter.kind == nil || row.integer(1) == filter.kind?.rawValue)
        }
        var rows: [TaskRow] = []
        var cursor = filter.after?.fact ?? Int64.max
        var looked = 0
        while looked < 10_000 {
            let found = try session.rows(
                """
                SELECT t.id, t.kind, t.detail, t.customer, t.assignee, t.role, t.opened_day, t.due_day, t.rule, x.value_day,
                    (SELECT count(*) FROM task_event e WHERE e.task = t.id AND e.kind = 3), x.id
                  FROM task_event x JOIN task t ON t.id = x.task WHERE x.id < \(cursor) AND x.kind IN (1, 2)
                 ORDER BY x.id DESC LIMIT 500
                """)
            for row in found {
                cursor = row.integer(11)
                guard fits(row), let task = try task(row) else { continue }
                rows.append(task)
                if rows.count == filter.limit { return TaskPage(rows: rows, next: Cursor(value: 0, fact: cursor)) }
            }
            looked += found.count
            if found.count < 500 { return TaskPage(rows: rows, next: nil) }
        }
        return TaskPage(rows: rows, next: Cursor(value: 0, fact: cursor))
    }

    /// What came of the last collection task that somebody finished for a customer with a word on it.
    ///
    /// - Throws: `Refusal` `customer.unknown`.
    package func lastContact(of code: String) throws -> (day: LocalDate, person: String?, note: String)? {
        guard viewer.may(.seeTasks) else { return nil }
        let id = try customer(code)
        let row = try session.row(
            """
            SELECT e.value_day, e.person, e.note FROM task t JOIN task_event e ON e.task = t.id
             WHERE t.customer = \(id) AND t.kind = \(WorkTask.Kind.collect.rawValue) AND e.kind = 1
               AND e.note IS NOT NULL AND e.note <> '' ORDER BY e.id DESC LIMIT 1
            """)
        return row.map {
            (LocalDate(dayNumber: Int($0.integer(0))), outlook.names[$0.optionalInteger(1)], $0.text(2))
        }
    }

    private func task(_ row: SQLRow) throws -> TaskRow? {
        guard let kind = WorkTask.Kind(rawValue: row.integer(1)), let role = Role(rawValue: row.integer(5)) else {
            return nil
        }
        let customer = row.optionalInteger(3)
        guard customer.map(sees) ?? (viewer.seesAll || row.optionalInteger(4) == viewer.person) else { return nil }
        let entry = customer.flatMap { outlook.attributes[$0] }
        let count = try session.row("SELECT count(*) FROM task_item WHERE task = \(row.integer(0))")?.integer(0) ?? 0
        let subjects = try session.rows(
            "SELECT subject FROM task_item WHERE task = \(row.integer(0)) ORDER BY id LIMIT 5000")
        var open: [Currency: Int64] = [:]
        var oldest = 0
        if kind != .mendRegister, viewer.may(.seeInvoices) {
            for subject in subjects {
                guard let position = outlook.position(ofFact: subject.integer(0)), outlook.open[position] > 0 else {
                    continue
                }
                let currency = outlook.items.debtors[Int(outlook.items.debtor(of: position))].currency
                open[currency, default: 0] += outlook.open[position]
                oldest = max(oldest, day.dayNumber - Int(outlook.due[position]))
            }
        }
        let assignee = row.optionalInteger(4)
        let isMine =
            assignee.map { $0 == viewer.person || viewer.standsInFor.contains($0) }
            ?? viewer.roles.union(viewer.lentRoles).contains(role)
        return TaskRow(
            id: row.integer(0), kind: kind,
            check: kind == .mendRegister ? row.text(2).split(separator: "|").first.map(String.init) : nil,
            rule: RuleCode(rawValue: row.integer(8))?.name ?? "", customer: entry?.code, customerName: entry?.name,
            assignee: outlook.names[assignee], role: role, openedDay: LocalDate(dayNumber: Int(row.integer(6))),
            dueDay: LocalDate(dayNumber: Int(row.integer(7))), count: Int(count),
            open: open.sorted { $0.key < $1.key }.map { Money(minorUnits: $0.value, currency: $0.key) },
            daysOverdue: oldest, escalations: Int(row.integer(10)),
            closedDay: row.optionalInteger(9).map { LocalDate(dayNumber: Int($0)) },
            mayFinish: viewer.may(.finishTask) && (isMine || viewer.roles.contains(.financeManager)))
    }

    /// One task with the records that it is about.
    ///
    /// - Throws: `Refusal` `task.unknown`, also for one outside of the scope.
    package func task(_ id: Int64) throws -> (row: TaskRow, items: [ItemRow], others: [TrackingQueries.Subject]) {
        let found = try session.row(
            """
            SELECT t.id, t.kind, t.detail, t.customer, t.assignee, t.role, t.opened_day, t.due_day, t.rule,
                (SELECT min(e.value_day) FROM task_event e WHERE e.task = t.id AND e.kind IN (1, 2)),
                (SELECT count(*) FROM task_event e WHERE e.task = t.id AND e.kind = 3) FROM task t WHERE t.id = \(id)
            """)
        guard let found, let row = try task(found) else { throw Refusal(.taskUnknown, ["task": .text("\(id)")]) }
        let subjects = try session.rows("SELECT subject FROM task_item WHERE task = \(id) ORDER BY id LIMIT 200")
        let positions = subjects.compactMap { outlook.position(ofFact: $0.integer(0)) }
        let others = row.kind == .mendRegister ? try TrackingQueries.subjects(ofTask: id, limit: 200, session) : []
        return (row, viewer.may(.seeInvoices) ? try rows(of: positions) : [], others)
    }

    /// What a day of work begins with.
    package struct MyDay: Sendable {
        package let late: [TaskRow]
        package let today: [TaskRow]
        package let week: [TaskRow]
        /// How many there are of each, also of those that don't stand above.
        package let counts: (late: Int, today: Int, week: Int)
        package let doneToday: Int
        /// Through which day each bank account's receipts were brought in, the one furthest behind first.
        package let bankThrough: [(account: String, day: LocalDate)]
        /// Receipts whose payer nobody knows yet.
        package let unknownPayers: Int
        package let lastDayRun: LocalDate?
        /// What the last day's run did, by rule.
        package let rules: [(rule: String, made: Int, held: Int)]
        package let heldReminders: Int
        package let waiting: [(currency: Currency, count: Int, amount: Int128)]
        /// Open, overdue and beyond 90 days of the viewer's scope, functional currency.
        package let figures: CustomerFigures
        package let worst: [CustomerRow]
        package let changes: [Event]
        package let dueSoon: (count: Int, sums: [Currency: Int128])
    }

    /// Of so many that are due first, so many are shown.
    private static let rankedOfMyDay = 160
    private static let shownOfMyDay = 60

    /// - Parameter lastSeen: The act that the person had seen when they came.
    package func myDay(lastSeen: Int64) throws -> MyDay {
        var filter = TaskFilter()
        filter.limit = Self.rankedOfMyDay
        let mine = try tasks(filter).rows
        var counts = openCounts(filter)
        filter.whose = .role
        let ofRole = try tasks(filter).rows
        let others = openCounts(filter)
        counts = (counts.late + others.late, counts.today + others.today, counts.week + others.week)
        // Of what is due on one day, where most is at stake for longest.
        func stake(_ task: TaskRow) -> Int128 {
            task.open.reduce(Int128(0)) { $0 + (outlook.functional(Int128($1.minorUnits), $1.currency) ?? 0) }
                * Int128(max(task.daysOverdue, 1))
        }
        let all = (mine + ofRole).map { (task: $0, stake: stake($0)) }.sorted {
            ($0.task.dueDay, $1.stake, $0.task.id) < ($1.task.dueDay, $0.stake, $1.task.id)
        }.map(\.task).prefix(Self.shownOfMyDay)
        let week = day.adding(days: 7)
        let late = Array(all.filter { $0.dueDay < day })
        let today = Array(all.filter { $0.dueDay == day })
        let soon = Array(all.filter { $0.dueDay > day && $0.dueDay <= week })
        let done =
            try viewer.person.flatMap { person in
                try session.row(
                    """
                    SELECT count(*) FROM task_event WHERE person = \(person) AND kind = 1 AND value_day = \(day.dayNumber)
                    """)?.integer(0)
            } ?? 0
        let worst = viewer.may(.seeAging) ? mostOverdue(.beyond90, limit: 5) : nil
        let lastRun = try session.row("SELECT max(day) FROM day_run")?.optionalInteger(0)
        return MyDay(
            late: late, today: today, week: soon, counts: counts, doneToday: Int(done),
            bankThrough: viewer.may(.seeReceipts) ? try BankCoverage.days(in: session) : [],
            unknownPayers: viewer.may(.seeReceipts) && viewer.seesAll ? try unknownPayers() : 0,
            lastDayRun: lastRun.map { LocalDate(dayNumber: Int($0)) }, rules: try rulesOfLastRun(),
            heldReminders: try heldReminders(),
            waiting: viewer.may(.seeReceipts) ? try receipts(ReceiptFilter.none).waiting : [],
            figures: worst.map { _ in scopeFigures() } ?? CustomerFigures(buckets: []), worst: worst ?? [],
            changes: try changes(after: lastSeen, limit: 8), dueSoon: dueSoon())
    }

    /// How many open tasks fit a filter, by when they are due.
    private func openCounts(_ filter: TaskFilter) -> (late: Int, today: Int, week: Int) {
        let wanted = isWanted(filter)
        var counts = (late: 0, today: 0, week: 0)
        for entry in outlook.tasks.byID.values where Int(entry.dueDay) <= day.dayNumber + 7 {
            guard wanted(entry.assignee, entry.role),
                entry.customer.map(sees) ?? (viewer.seesAll || entry.assignee == viewer.person)
            else { continue }
            if Int(entry.dueDay) < day.dayNumber {
                counts.late += 1
            } else if Int(entry.dueDay) == day.dayNumber {
                counts.today += 1
            } else {
                counts.week += 1
            }
        }
        return counts
    }

    private func unknownPayers() throws -> Int {
        Int(
            try session.row(
                "SELECT count(*) FROM credit_balance WHERE unapplied > 0 AND customer IS NULL")?.integer(0) ?? 0)
    }

    /// Of all customers in the scope, in the functional currency.
    package func scopeFigures() -> CustomerFigures {
        var filter = CustomerFilter()
        filter.limit = 0
        return customers(filter).totals
    }

    private func dueSoon() -> (count: Int, sums: [Currency: Int128]) {
        let byDebtor = outlook.dueSoon.get {
            var sums: [Int32: (count: Int, sum: Int128)] = [:]
            let from = Int32(day.dayNumber)
            for position in outlook.open.indices
            where outlook.open[position] > 0 && outlook.due[position] >= from && outlook.due[position] <= from + 7 {
                let debtor = outlook.items.debtor(of: position)
                sums[debtor, default: (0, 0)].count += 1
                sums[debtor, default: (0, 0)].sum += Int128(outlook.open[position])
            }
            return sums
        }
        let visible = visibleDebtors()
        var result: (count: Int, sums: [Currency: Int128]) = (0, [:])
        for (debtor, sum) in byDebtor where visible?[Int(debtor)] ?? true {
            result.count += sum.count
            result.sums[outlook.items.debtors[Int(debtor)].currency, default: 0] += sum.sum
        }
        return result
    }

    private func rulesOfLastRun() throws -> [(rule: String, made: Int, held: Int)] {
        guard let run = try session.row("SELECT id, day FROM day_run ORDER BY id DESC LIMIT 1"),
            let act = try ActRepository(session: session).act(ofFact: run.integer(0)),
            let range = try session.row("SELECT first_fact, fact_count, outcome FROM act WHERE seq = \(act.seq)"),
            let data = range.text(2).data(using: .utf8),
            let report = try? JSONDecoder().decode(DayReport.self, from: data)
        else { return [] }
        return report.rules.sorted { $0.key < $1.key }.filter { $0.value.created > 0 || $0.value.held > 0 }
            .map { ($0.key, $0.value.created, $0.value.held) }
    }

    private func heldReminders() throws -> Int {
        guard viewer.may(.seeReminders) else { return 0 }
        return Int(
            try session.row(
                """
                SELECT count(*) FROM reminder r WHERE r.day >= \(day.dayNumber - 60)
                   AND r.state = \(ReminderState.held.rawValue)
                   AND NOT EXISTS (SELECT 1 FROM reminder_event e WHERE e.reminder = r.id)
                """)?.integer(0) ?? 0)
    }

    /// What changed since somebody was last here, of what they see: receipts and signals first of all.
    func changes(after act: Int64, limit: Int) throws -> [Event] {
        let seen = try session.row("SELECT first_fact, fact_count FROM act WHERE seq = \(act)")
        let from = seen.map { $0.integer(0) + $0.integer(1) - 1 } ?? max(0, outlook.lastFact - 20_000)
        var drafts: [Draft] = []
        for row in try session.rows(
            "SELECT id, customer, kind, value_day FROM signal WHERE id > \(from) ORDER BY id DESC LIMIT 40")
        where viewer.may(.seeCustomers) && sees(row.integer(1)) {
            drafts.append(
                Draft(
                    "signal", row.integer(0), day: LocalDate(dayNumber: Int(row.integer(3))), nil,
                    outlook.attributes[row.integer(1)]?.name ?? "", row.text(2)))
        }
        for row in try session.rows(
            """
            SELECT id, customer, amount, currency, value_day, reference FROM credit WHERE id > \(from) AND kind = 1
             ORDER BY id DESC LIMIT 40
            """)
        {
            let customer = row.optionalInteger(1)
            guard viewer.may(.seeReceipts), customer.map(sees) ?? viewer.seesAll, let currency = Currency(row.text(3))
            else { continue }
            drafts.append(
                Draft(
                    "receipt", row.integer(0), day: LocalDate(dayNumber: Int(row.integer(4))),
                    Money(minorUnits: row.integer(2), currency: currency),
                    customer.flatMap { outlook.attributes[$0]?.name } ?? "", row.text(5)))
        }
        return try events(drafts.sorted { $0.fact > $1.fact }, limit: limit)
    }
}

extension Look.ReceiptFilter {
    /// Nothing but the sums.
    static var none: Self {
        var filter = Self()
        filter.limit = 0
        return filter
    }
}
