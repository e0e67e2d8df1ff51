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
        /// Escalation steps that were taken.
        var escalations = 0
    }

    struct Case {
        let id: Int64
        let customer: Int64
        /// The due day that each item was overdue by when it joined.
        var items: [Int64: LocalDate]
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

    /// A message that hasn't gone: held by the gate, or queued for a later day.
    struct WaitingMessage {
        struct Line {
            let item: Int64
            let rule: RuleCode
            /// What the message asks for.
            let open: Int64
        }

        let id: Int64
        let customer: Int64
        let day: LocalDate
        let isHeld: Bool
        let sendDay: LocalDate?
        /// Held by go-live: nothing but a person lets it go.
        let needsPerson: Bool
        /// A person has let it go.
        let isApproved: Bool
        let lines: [Line]
    }

    /// An item that a closed case covered: being overdue again is a new episode.
    private struct Covered: Hashable {
        let item: Int64
        let dueDay: Int64
    }

    var firstRun: LocalDate?
    var lastRun: LocalDate?
    var occurrences: Set<OccurrenceKey> = []
    private(set) var tasks: [Int64: Task] = [:]
    private(set) var cases: [Int64: Case] = [:]
    /// The open case of a customer, and its open task of a kind: looked up for every customer of a day.
    private var caseOfCustomer: [Int64: Int64] = [:]
    private var taskOfCustomer: [TaskKey: Int64] = [:]
    private var mendTasks: [String: Int64] = [:]

    private struct TaskKey: Hashable {
        let customer: Int64
        let kind: WorkTask.Kind
    }

    private(set) var waiting: [Int64: [WaitingMessage]] = [:]
    private var closedCoverage: [Covered: Int] = [:]
    /// Days on which a customer was or will be sent something, for the frequency cap.
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
        let statement = try session.scan(
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
            SELECT t.id, t.kind, t.customer, t.assignee, t.due_day, t.detail, min(e.value_day),
                (SELECT count(*) FROM task_event s WHERE s.task = t.id AND s.kind = 3) FROM task t
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
                    closedDay: row.optionalInteger(6).map { LocalDate(dayNumber: Int($0)) },
                    escalations: Int(row.integer(7))))
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
        for row in rows { keep(Case(id: row.integer(0), customer: row.integer(1), items: [:])) }
        for row in try session.rows("SELECT collection_case, item, due_day FROM case_item ORDER BY id") {
            if cases[row.integer(0)] != nil {
                cases[row.integer(0)]?.items[row.integer(1)] = LocalDate(dayNumber: Int(row.integer(2)))
            } else {
                closedCoverage[Covered(item: row.integer(1), dueDay: row.integer(2)), default: 0] += 1
            }
        }
    }

    /// How many closed cases covered an item for a due day.
    func closedCases(ofItem item: Int64, dueDay: LocalDate) -> Int {
        closedCoverage.isEmpty ? 0 : closedCoverage[Covered(item: item, dueDay: Int64(dueDay.dayNumber))] ?? 0
    }

    private mutating func loadReminders(_ session: any SQLSession) throws {
        let last = lastRun?.dayNumber ?? -1_000_000
        let rows = try session.rows(
            """
            SELECT r.id, r.customer, r.day, r.state, r.held, o.not_before_day,
                (SELECT e.kind FROM reminder_event e WHERE e.reminder = r.id ORDER BY e.n DESC LIMIT 1)
              FROM reminder r LEFT JOIN outbox o ON o.message_key = 'reminder-' || r.id
             WHERE r.audience = 1 AND r.state IN (1, 2) AND (r.state = 2 OR o.not_before_day > \(last))
               AND NOT EXISTS (SELECT 1 FROM reminder_event e WHERE e.reminder = r.id AND e.kind IN (2, 3, 4))
             ORDER BY r.id
            """)
        for row in rows {
            let event = row.optionalInteger(6).flatMap(ReminderEvent.init)
            let sendDay = row.optionalInteger(5).map { LocalDate(dayNumber: Int($0)) }
            if let sendDay, sendDay.dayNumber <= last { continue }
            let items = try session.rows(
                "SELECT item, rule, open_amount FROM reminder_item WHERE reminder = \(row.integer(0)) ORDER BY id")
            let reasons = row.text(4).split(separator: ",").compactMap { HoldReason(rawValue: String($0)) }
            keep(
                WaitingMessage(
                    id: row.integer(0), customer: row.integer(1), day: LocalDate(dayNumber: Int(row.integer(2))),
                    isHeld: sendDay == nil, sendDay: sendDay,
                    needsPerson: reasons.contains(.goLive) && event != .approved && sendDay == nil,
                    isApproved: event == .approved,
                    lines: items.compactMap { item in
                        RuleCode(rawValue: item.integer(1)).map {
                            WaitingMessage.Line(item: item.integer(0), rule: $0, open: item.integer(2))
                        }
                    }))
        }
        let sent = try session.rows(
            """
            SELECT r.customer, o.not_before_day FROM outbox o JOIN reminder r ON r.id = o.reminder
             WHERE o.not_before_day > \(last - 8)
               AND NOT EXISTS (SELECT 1 FROM reminder_event e WHERE e.reminder = r.id AND e.kind IN (4, 7)) ORDER BY o.id
            """)
        for row in sent { messageDays[row.integer(0), default: []].append(LocalDate(dayNumber: Int(row.integer(1)))) }
    }

    mutating func keep(_ message: WaitingMessage) { waiting[message.customer, default: []].append(message) }

    mutating func forget(_ message: WaitingMessage) {
        waiting[message.customer]?.removeAll { $0.id == message.id }
        if waiting[message.customer]?.isEmpty == true { waiting[message.customer] = nil }
    }

    /// A message was taken out of the outbox before its day.
    mutating func unsend(_ customer: Int64, _ day: LocalDate) {
        if let index = messageDays[customer]?.firstIndex(of: day) { messageDays[customer]?.remove(at: index) }
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

    /// How much of an item isn't dunned on a day: pauses of parts add up, one without an amount stops all.
    func pausedAmount(ofItem item: Int64, customer: Int64, open: Int64, on day: LocalDate) -> Int64 {
        let ofItem = pausesByItem[item] ?? []
        let ofCustomer = pausesByCustomer[customer] ?? []
        if ofItem.isEmpty, ofCustomer.isEmpty { return 0 }
        return min(open, (ofItem + ofCustomer).reduce(0) { $1.covers(day) ? min(open, $0 + ($1.amount ?? open)) : $0 })
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

    /// The open task of a register check and owner.
    func openMendTask(_ detail: String, on day: LocalDate) -> Task? {
        mendTasks[detail].flatMap { tasks[$0] }.flatMap { task in
            task.closedDay.map { $0 > day } ?? true ? task : nil
        }
    }

    mutating func noteEscalation(of task: Int64) { tasks[task]?.escalations += 1 }

    mutating func keep(_ task: Task) {
        tasks[task.id] = task
        if let customer = task.customer { taskOfCustomer[TaskKey(customer: customer, kind: task.kind)] = task.id }
        if task.kind == .mendRegister { mendTasks[task.detail] = task.id }
    }

    mutating func forget(task: Task) {
        tasks[task.id] = nil
        if mendTasks[task.detail] == task.id { mendTasks[task.detail] = nil }
        guard let customer = task.customer else { return }
        let key = TaskKey(customer: customer, kind: task.kind)
        if taskOfCustomer[key] == task.id { taskOfCustomer[key] = nil }
    }

    mutating func keep(_ entry: Case) {
        cases[entry.id] = entry
        caseOfCustomer[entry.customer] = entry.id
    }

    /// A case was closed: what it covered can be overdue anew.
    mutating func close(_ entry: Case) {
        for (item, dueDay) in entry.items {
            closedCoverage[Covered(item: item, dueDay: Int64(dueDay.dayNumber)), default: 0] += 1
        }
        cases[entry.id] = nil
        if caseOfCustomer[entry.customer] == entry.id { caseOfCustomer[entry.customer] = nil }
    }
}
