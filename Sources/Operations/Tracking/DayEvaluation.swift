internal import Database
internal import Ledger
internal import OpenItems
internal import Receivables

/// One day's evaluation inside of its act: finds what is new, and appends what follows from it.
final class DayEvaluation {
    let day: LocalDate
    let books: Books
    let policy: TrackingPolicy
    let policyVersion: Int64
    let company: CompanySettings
    let calendar: WorkingCalendar
    let picture: OpenItems
    let customers: CustomerAttributes
    let people: PersonKeys
    /// Whether the day was missed for a short time only, so that its messages still go.
    let isReturn: Bool
    let wantsDetails: Bool

    var report: DayReport
    /// What is open of each item on the day, by its position in the picture.
    let open: [Int64]
    /// What register checks found, for those that were looked at today.
    var findingsToday: [DataQualityCheck: Findings] = [:]
    private lazy var laterEpisodes = picture.laterEpisodes(on: day)
    private(set) lazy var unapplied = picture.unapplied(
        OpenItems.Query(asOf: day, buckets: .standardDue))
    private(set) lazy var debtorsOfCustomer: [Int64: [Int]] = Dictionary(
        grouping: picture.debtors.indices, by: { self.picture.debtors[$0].customer })
    /// Customers with something open on the day, in order.
    private(set) lazy var openCustomers: [Int64] = {
        var found: Set<Int32> = []
        for position in 0..<picture.itemCount where open[position] > 0 { found.insert(picture.debtor(of: position)) }
        return Set(found.map { picture.debtors[Int($0)].customer }).sorted()
    }()
    var contacts: [Int64: (id: Int64, email: String)?] = [:]
    /// Of the items that were looked up ahead: the invoice's number, and whether the customer has it.
    var invoices: [Int64: (number: String, hasReachedCustomer: Bool)] = [:]
    var bankDataIsCurrent: Bool?
    var catalogues: [Catalogue.Language: Catalogue] = [:]
    var accountsText: String?
    private var roleHolders: [Role: Int64?] = [:]

    /// A rule's new occasion of an item.
    struct Hit {
        let rule: RuleCode
        let occasion: Occasion
        let item: OpenItems.ItemView
        let customer: Int64
        let currency: Currency
    }

    init(
        day: LocalDate, books: Books, policy: TrackingPolicy, policyVersion: Int64, company: CompanySettings,
        calendar: WorkingCalendar, picture: OpenItems, customers: CustomerAttributes, people: PersonKeys,
        isReturn: Bool, wantsDetails: Bool
    ) {
        self.day = day
        self.books = books
        self.policy = policy
        self.policyVersion = policyVersion
        self.company = company
        self.calendar = calendar
        self.picture = picture
        self.customers = customers
        self.people = people
        self.isReturn = isReturn
        self.wantsDetails = wantsDetails
        report = DayReport(day: day)
        open = picture.openAmounts(asOf: day)
    }

    func run(_ state: inout DayState) throws -> DayReport {
        if !calendar.knows(year: day.year) { report.warnings.append("calendar") }
        if state.firstRun == nil { state.firstRun = day }

        try closeWhatIsSettled(&state)
        try escalateLateTasks(&state)
        let hits = findHits(&state)
        try lookAhead(hits)
        let byCustomer = Dictionary(grouping: hits, by: \.customer)
        for customer in customersToRemind(byCustomer, state) {
            let hits = byCustomer[customer] ?? []
            try remind(customer, hits.filter { $0.rule != .overdueRisk }, &state)
            try startCollection(customer, hits.filter { $0.rule == .overdueStart }, &state)
            try startRiskAssessment(customer, hits.filter { $0.rule == .overdueRisk }, &state)
        }
        try checkRegister(&state)
        try keepSnapshot()
        try books.tracking.appendRun(day, policyVersion: policyVersion, warnings: report.warnings)
        state.lastRun = day
        return report
    }

    /// The day's aging, kept as figures: the audit recomputes it from the facts known before this act.
    private func keepSnapshot() throws {
        let content = AgingSnapshot.content(picture, asOf: day, knownFact: .max)
        try books.facts.append(.snapshot) { row in
            row.text(AgingSnapshot.report)
            row.integer(Int64(day.dayNumber))
            row.integer(picture.lastFact)
            row.text(content)
        }
    }

    // MARK: What is new

    /// One pass over all items: each rule says on which occasion it fires, and old occasions drop out.
    private func findHits(_ state: inout DayState) -> [Hit] {
        let rules = policy.itemRules
        var hits: [Hit] = []
        for position in 0..<picture.itemCount where open[position] > 0 {
            let item = picture.view(position, open: open[position], on: day)
            let due = DueItem(dueDay: item.dueDay, episode: episode(ofItem: position, item, state))
            for rule in rules {
                guard let occasion = rule.occasion(of: due, on: day, calendar),
                    !state.hasOccurred(rule.code, subject: item.fact, occasion)
                else { continue }
                let debtor = picture.debtors[Int(item.debtor)]
                // Pauses stop dunning; the risk of an item is assessed all the same.
                let isPaused =
                    rule.code != .overdueRisk
                    && state.pausedAmount(
                        ofItem: item.fact, customer: debtor.customer, open: item.open, on: day) >= item.open
                if isPaused || policy.switchedOff.contains(rule.code) {
                    report.rules[rule.code.name]?.skipped += 1
                    let reason = isPaused ? "paused" : "switched-off"
                    detail(rule.code, debtor.customer, number(of: item.fact), effect: "none", reason: reason)
                    continue
                }
                hits.append(
                    Hit(
                        rule: rule.code, occasion: occasion, item: item, customer: debtor.customer,
                        currency: debtor.currency))
            }
        }
        return hits
    }

    /// The number of an item's overdue episode, from 1: as its facts tell, and never less than the closed cases
    /// that covered it, because what was settled as far as anybody knew and is overdue again is collected anew.
    func episode(ofItem position: Int, _ item: OpenItems.ItemView, _ state: DayState) -> Int {
        let closed = day > item.dueDay ? state.closedCases(ofItem: item.fact, dueDay: item.dueDay) : 0
        return max(laterEpisodes[position] ?? 1, closed + 1)
    }

    /// Records that a rule fired, so that it never does on this occasion again.
    func record(_ hit: Hit, _ result: TrackingRepository.OccurrenceResult, reason: String?, _ state: inout DayState)
        throws
    {
        let occasion = Int64(hit.occasion.dueDay.dayNumber)
        let episode = Int64(hit.occasion.episode)
        try books.tracking.appendOccurrence(
            hit.rule, subject: hit.item.fact, occasion: occasion, episode: episode, on: day, result, reason: reason)
        state.note(hit.rule, subject: hit.item.fact, occasion: occasion, episode: episode)
        report.rules[hit.rule.name]?.created += 1
        if result == .held { report.rules[hit.rule.name]?.held += 1 }
    }

    func detail(
        _ rule: RuleCode, _ customer: Int64, _ subject: @autoclosure () -> String, effect: String, reason: String
    ) {
        guard wantsDetails, report.details.count < 10_000 else { return }
        report.details.append(
            DayReport.Detail(
                rule: rule.name, customer: customers[customer]?.code ?? "", subject: subject(), effect: effect,
                reason: reason))
    }

    func openAmount(ofItem fact: Int64) -> Int64 { open[Int(picture.position(ofFact: fact))] }

    /// The first person with a role, for work that belongs to a role rather than to a customer.
    func holder(of role: Role) throws -> Int64? {
        if let known = roleHolders[role] { return known }
        let row = try books.session.row(
            """
            SELECT g.person FROM role_grant g WHERE g.role = \(role.rawValue) AND g.granted = 1 AND g.n =
                (SELECT max(n) FROM role_grant h WHERE h.person = g.person AND h.role = g.role) ORDER BY g.person LIMIT 1
            """)
        let holder = row?.integer(0)
        roleHolders[role] = .some(holder)
        return holder
    }

    // MARK: Cases and tasks

    /// Cases whose items are all settled are closed, and the tasks about them with them.
    private func closeWhatIsSettled(_ state: inout DayState) throws {
        for entry in state.cases.values.sorted(by: { $0.id < $1.id }) {
            guard entry.items.keys.allSatisfy({ openAmount(ofItem: $0) == 0 }) else { continue }
            try books.tracking.appendEvent(ofCase: entry.id, .closed, on: day)
            state.close(entry)
        }
        for task in state.openTasks(on: day) where task.kind != .mendRegister {
            guard task.subjects.allSatisfy({ openAmount(ofItem: $0) == 0 }) else { continue }
            try close(task, &state)
        }
    }

    func close(_ task: DayState.Task, _ state: inout DayState) throws {
        try books.tracking.appendEvent(ofTask: task.id, .obsolete, person: nil, on: day, note: nil)
        state.forget(task: task)
    }

    private func escalateLateTasks(_ state: inout DayState) throws {
        let steps = policy.taskLate.escalateAfter.count
        for task in state.openTasks(on: day) where task.dueDay < day && task.escalations < steps {
            let level = policy.taskLate.level(dueDay: task.dueDay, on: day, calendar)
            guard level > task.escalations else { continue }
            // Whoever mended the register in time isn't told on.
            if task.kind == .mendRegister, try isMended(task) {
                try close(task, &state)
                continue
            }
            for step in task.escalations..<level {
                let key = DayState.OccurrenceKey(
                    rule: RuleCode.taskLate.rawValue, subject: task.id, occasion: Int64(step + 1), episode: 0)
                guard !state.occurrences.contains(key) else { continue }
                if policy.switchedOff.contains(.taskLate) {
                    report.rules[RuleCode.taskLate.name]?.skipped += 1
                    continue
                }
                try books.tracking.appendOccurrence(
                    .taskLate, subject: task.id, occasion: Int64(step + 1), episode: 0, on: day, .made, reason: nil)
                let person =
                    try step == 0 ? manager(of: task.assignee) : holder(of: step == 1 ? .financeManager : .management)
                try books.tracking.appendEvent(
                    ofTask: task.id, .escalated, person: person, on: day, note: "\(step + 1)")
                state.occurrences.insert(key)
                state.noteEscalation(of: task.id)
                report.rules[RuleCode.taskLate.name]?.created += 1
                detail(.taskLate, task.customer ?? 0, "\(task.id)", effect: "escalation", reason: people[person] ?? "")
            }
        }
    }

    private func manager(of person: Int64?) throws -> Int64? {
        guard let person else { return nil }
        return try books.session.row(
            "SELECT manager FROM person_version WHERE person = \(person) ORDER BY n DESC LIMIT 1")?.optionalInteger(0)
    }

    /// The items join the customer's case, and the collector gets a task for the first working day.
    private func startCollection(_ customer: Int64, _ hits: [Hit], _ state: inout DayState) throws {
        guard !hits.isEmpty else { return }
        var entry: DayState.Case
        if let known = state.openCase(ofCustomer: customer) {
            entry = known
        } else {
            let id = try books.tracking.openCase(customer: customer, on: day)
            entry = DayState.Case(id: id, customer: customer, items: [:])
        }
        for hit in hits {
            try books.tracking.join(item: hit.item.fact, hit.occasion, toCase: entry.id)
            entry.items[hit.item.fact] = hit.occasion.dueDay
            detail(.overdueStart, customer, number(of: hit.item.fact), effect: "case", reason: "")
        }
        state.keep(entry)
        try addTask(
            .collect, customer, role: .collector,
            assignee: customers[customer]?.collector ?? holder(of: .collector) ?? customers[customer]?.salesOwner,
            dueDay: calendar.onOrAfter(day), rule: .overdueStart, hits, &state)
    }

    /// A task for credit and a signal on the customer.
    private func startRiskAssessment(_ customer: Int64, _ hits: [Hit], _ state: inout DayState) throws {
        guard !hits.isEmpty else { return }
        for hit in hits {
            try record(hit, .made, reason: nil, &state)
            detail(.overdueRisk, customer, number(of: hit.item.fact), effect: "task", reason: "")
        }
        let due = calendar.adding(workingDays: policy.overdueRisk.taskDueWorkingDays, to: day)
        try addTask(
            .assessRisk, customer, role: .credit, assignee: holder(of: .credit), dueDay: due, rule: .overdueRisk, hits,
            &state)
        try books.tracking.appendSignal(
            customer: customer, Signal.overdueOver30, policy.overdueSignal, on: day, source: hits[0].item.fact)
    }

    /// Items go to the customer's open task of the kind when that is due no earlier, or to a new one: a customer is
    /// called once, and nothing is late before it began.
    private func addTask(
        _ kind: WorkTask.Kind, _ customer: Int64, role: Role, assignee: @autoclosure () throws -> Int64?,
        dueDay: LocalDate, rule: RuleCode, _ hits: [Hit], _ state: inout DayState
    ) throws {
        let known = state.openTask(kind, ofCustomer: customer, on: day)
        var task: DayState.Task
        if let known, known.dueDay >= day {
            task = known
        } else {
            let person = try assignee()
            let id = try books.tracking.append(
                TrackingRepository.NewTask(
                    kind: kind, customer: customer, assignee: person, role: role, openedDay: day, dueDay: dueDay,
                    rule: rule, detail: ""))
            task = DayState.Task(
                id: id, kind: kind, customer: customer, assignee: person, dueDay: dueDay, detail: "", subjects: [])
            report.tasks += 1
        }
        for hit in hits where task.subjects.insert(hit.item.fact).inserted {
            try books.tracking.append(subject: hit.item.fact, toTask: task.id)
        }
        state.keep(task)
    }

    func number(of item: Int64) -> String {
        let row = try? books.session.row(
            "SELECT v.number FROM item i JOIN invoice v ON v.id = i.invoice WHERE i.id = \(item)")
        return row?.text(0) ?? "\(item)"
    }
}
