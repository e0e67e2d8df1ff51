internal import Database
internal import Ledger
internal import Receivables

/// What earlier days left behind, kept in memory from one day to the next.
///
/// It is read from the store once and follows the facts that days append; a day that finds that
/// somebody else recorded an act in between reads what may have changed again.
struct DayState {
    struct OccurrenceKey: Hashable {
        let rule: Int64
        let subject: Int64
        let occasion: Int64
        let episode: Int64
    }

    struct Task {
        let id: Int64
        let kind: WorkTask.Kind
        let customer: Int64?
        let assignee: Int64?
        let dueDay: LocalDate
        let detail: String
        var subjects: Set<Int64>
        var closedDay: LocalDate?
    }

    struct Case {
        let id: Int64
        let customer: Int64
        var items: Set<Int64>
        var closedDay: LocalDate?
    }

    struct PauseEntry {
        let customer: Int64?
        let item: Int64?
        let kind: Pause.Kind
        let from: LocalDate
        let until: LocalDate
        let endedOn: LocalDate?
        let amount: Int64?

        func covers(_ day: LocalDate) -> Bool { from <= day && day <= until && (endedOn.map { day < $0 } ?? true) }
    }

    struct HeldReminder {
        let id: Int64
        let customer: Int64
        let day: LocalDate
        let reasons: [HoldReason]
        let items: [Int64]
    }

    var firstRun: LocalDate?
    var lastRun: LocalDate?
    var occurrences: Set<OccurrenceKey> = []
    private(set) var tasks: [Int64: Task] = [:]
    private(set) var cases: [Int64: Case] = [:]
    /// The open case of a customer, and its open task of a kind: looked up for every customer of a day.
    private var caseOfCustomer: [Int64: Int64] = [:]
    private var taskOfCustomer: [TaskKey: Int64] = [:]

    private struct TaskKey: Hashable {
        let customer: Int64
        let kind: WorkTask.Kind
    }

    var held: [Int64: HeldReminder] = [:]
    /// Days on which a customer was sent something, for the frequency cap.
    var messageDays: [Int64: [LocalDate]] = [:]
    var pausesByItem: [Int64: [PauseEntry]] = [:]
    var pausesByCustomer: [Int64: [PauseEntry]] = [:]

    init(_ session: any SQLSession) throws {
        let run = try session.row("SELECT min(day), max(day) FROM day_run")
        firstRun = run?.optionalInteger(0).map { LocalDate(dayNumber: Int($0)) }
        lastRun = run?.optionalInteger(1).map { LocalDate(dayNumber: Int($0)) }
        try loadOccurrences(session)
        try loadTasks(session)
        try loadCases(session)
        try loadReminders(session)
        try loadPauses(session)
    }

    private mutating func loadOccurrences(_ session: any SQLSession) throws {
        let statement = try session.statement(
            "SELECT rule, subject, occasion, episode FROM occurrence ORDER BY rule, subject, occasion, episode")
        while try statement.step() {
            occurrences.insert(
                OccurrenceKey(
                    rule: statement.integer(0), subject: statement.integer(1), occasion: statement.integer(2),
                    episode: statement.integer(3)))
        }
    }

    private mutating func loadTasks(_ session: any SQLSession) throws {
        // Closed tasks matter no more, but for those closed on a day that a replay hasn't reached.
        let rows = try session.rows(
            """
            SELECT t.id, t.kind, t.customer, t.assignee, t.due_day, t.detail, min(e.value_day) FROM task t
              LEFT JOIN task_event e ON e.task = t.id AND e.kind IN (1, 2)
             GROUP BY t.id, t.kind, t.customer, t.assignee, t.due_day, t.detail
            HAVING min(e.value_day) IS NULL OR min(e.value_day) > \(lastRun?.dayNumber ?? 0) ORDER BY t.id
            """)
        for row in rows {
            guard let kind = WorkTask.Kind(rawValue: row.integer(1)) else { continue }
            keep(
                Task(
                    id: row.integer(0), kind: kind, customer: row.optionalInteger(2), assignee: row.optionalInteger(3),
                    dueDay: LocalDate(dayNumber: Int(row.integer(4))), detail: row.text(5), subjects: [],
                    closedDay: row.optionalInteger(6).map { LocalDate(dayNumber: Int($0)) }))
        }
        for row in try session.rows("SELECT task, subject FROM task_item ORDER BY id") {
            tasks[row.integer(0)]?.subjects.insert(row.integer(1))
        }
    }

    private mutating func loadCases(_ session: any SQLSession) throws {
        let rows = try session.rows(
            """
            SELECT c.id, c.customer FROM collection_case c WHERE NOT EXISTS
                (SELECT 1 FROM case_event e WHERE e.collection_case = c.id AND e.kind = 2) ORDER BY c.id
            """)
        for row in rows { keep(Case(id: row.integer(0), customer: row.integer(1), items: [])) }
        for row in try session.rows("SELECT collection_case, item FROM case_item ORDER BY id") {
            cases[row.integer(0)]?.items.insert(row.integer(1))
        }
    }

    private mutating func loadReminders(_ session: any SQLSession) throws {
        let rows = try session.rows(
            """
            SELECT r.id, r.customer, r.day, r.held FROM reminder r WHERE r.audience = 1 AND r.state = 2
               AND NOT EXISTS (SELECT 1 FROM reminder_event e WHERE e.reminder = r.id) ORDER BY r.id
            """)
        for row in rows {
            let items = try session.rows(
                "SELECT item FROM reminder_item WHERE reminder = \(row.integer(0)) ORDER BY id")
            held[row.integer(0)] = HeldReminder(
                id: row.integer(0), customer: row.integer(1), day: LocalDate(dayNumber: Int(row.integer(2))),
                reasons: row.text(3).split(separator: ",").compactMap { HoldReason(rawValue: String($0)) },
                items: items.map { $0.integer(0) })
        }
        let since = (lastRun?.dayNumber ?? 0) - 7
        let sent = try session.rows(
            "SELECT customer, day FROM reminder WHERE audience = 1 AND state = 1 AND day > \(since)")
        for row in sent { messageDays[row.integer(0), default: []].append(LocalDate(dayNumber: Int(row.integer(1)))) }
    }

    /// Pauses are opened by people, so they are read again whenever somebody recorded an act.
    mutating func loadPauses(_ session: any SQLSession) throws {
        pausesByItem = [:]
        pausesByCustomer = [:]
        let rows = try session.rows(
            """
            SELECT p.customer, p.item, p.kind, p.from_day, p.until_day, p.amount, e.value_day FROM pause p
              LEFT JOIN pause_end e ON e.pause = p.id ORDER BY p.id
            """)
        for row in rows {
            let entry = PauseEntry(
                customer: row.optionalInteger(0), item: row.optionalInteger(1),
                kind: Pause.Kind(rawValue: row.integer(2)) ?? .agreed, from: LocalDate(dayNumber: Int(row.integer(3))),
                until: LocalDate(dayNumber: Int(row.integer(4))),
                endedOn: row.optionalInteger(6).map { LocalDate(dayNumber: Int($0)) }, amount: row.optionalInteger(5))
            if let item = entry.item { pausesByItem[item, default: []].append(entry) }
            if let customer = entry.customer { pausesByCustomer[customer, default: []].append(entry) }
        }
    }

    /// Whether dunning on an item stops on a day: a part in dispute stops nothing while more is open.
    func isPaused(item: Int64, customer: Int64, open: Int64, on day: LocalDate) -> Bool {
        let ofItem = pausesByItem[item] ?? []
        let ofCustomer = pausesByCustomer[customer] ?? []
        return (ofItem + ofCustomer).contains { $0.covers(day) && ($0.amount.map { $0 >= open } ?? true) }
    }

    func hasOccurred(_ rule: RuleCode, subject: Int64, _ occasion: Occasion) -> Bool {
        occurrences.contains(
            OccurrenceKey(
                rule: rule.rawValue, subject: subject, occasion: Int64(occasion.dueDay.dayNumber),
                episode: Int64(occasion.episode)))
    }

    mutating func note(_ rule: RuleCode, subject: Int64, occasion: Int64, episode: Int64) {
        occurrences.insert(OccurrenceKey(rule: rule.rawValue, subject: subject, occasion: occasion, episode: episode))
    }

    func openTasks(on day: LocalDate) -> [Task] {
        tasks.values.filter { $0.closedDay.map { $0 > day } ?? true }.sorted { $0.id < $1.id }
    }

    func openCase(ofCustomer customer: Int64) -> Case? { caseOfCustomer[customer].flatMap { cases[$0] } }

    func openTask(_ kind: WorkTask.Kind, ofCustomer customer: Int64, on day: LocalDate) -> Task? {
        let task = taskOfCustomer[TaskKey(customer: customer, kind: kind)].flatMap { tasks[$0] }
        return task.flatMap { task in task.closedDay.map { $0 > day } ?? true ? task : nil }
    }

    mutating func keep(_ task: Task) {
        tasks[task.id] = task
        if let customer = task.customer { taskOfCustomer[TaskKey(customer: customer, kind: task.kind)] = task.id }
    }

    mutating func forget(task: Task) {
        tasks[task.id] = nil
        guard let customer = task.customer else { return }
        let key = TaskKey(customer: customer, kind: task.kind)
        if taskOfCustomer[key] == task.id { taskOfCustomer[key] = nil }
    }

    mutating func keep(_ entry: Case) {
        cases[entry.id] = entry
        caseOfCustomer[entry.customer] = entry.id
    }

    mutating func forget(_ entry: Case) {
        cases[entry.id] = nil
        if caseOfCustomer[entry.customer] == entry.id { caseOfCustomer[entry.customer] = nil }
    }
}
