import Ledger

/// The days that are worked, as a calendar file says.
struct WorkingDays: Sendable {
    private var exceptions: [LocalDate: Bool] = [:]

    /// - Parameter file: Lines of `country,date,kind,name`.
    init(file: String) {
        for line in file.split(separator: "\n").dropFirst() {
            let cells = line.split(separator: ",", omittingEmptySubsequences: false)
            if let day = LocalDate(String(cells[1])) { exceptions[day] = cells[2] == "working" }
        }
    }

    func isWorked(_ day: LocalDate) -> Bool { exceptions[day] ?? (day.weekday <= 5) }

    func onOrBefore(_ day: LocalDate) -> LocalDate {
        var found = day
        while !isWorked(found) { found = found.adding(days: -1) }
        return found
    }
}

/// The day's rules about items (spec 04, 4.1): what fires, once for each occasion.
extension PlainCompany {
    struct Tracking: Sendable {
        struct Occasion: Hashable, Sendable {
            let rule: String
            let invoice: Int
            let item: Int
            let due: LocalDate
            let episode: Int
        }

        var lastRun: LocalDate?
        var occurred: Set<Occasion> = []
        /// The open case of each customer: its items, with the due days that they were overdue by.
        var cases: [String: [Int: [Int: LocalDate]]] = [:]
        /// How often an item was covered by a case that is closed, for each due day.
        var closed: [Occasion: Int] = [:]
    }

    /// Runs a day and those missed before it; a day that was run answers with nothing.
    mutating func run(through day: LocalDate) -> [LocalDate: [String: Int]] {
        var fired: [LocalDate: [String: Int]] = [:]
        var next = tracking.lastRun.map { min($0.adding(days: 1), day) } ?? day
        while next <= day {
            if tracking.lastRun.map({ next > $0 }) ?? true { fired[next] = runOne(next) }
            next = next.adding(days: 1)
        }
        return fired
    }

    mutating func runOne(_ day: LocalDate) -> [String: Int] {
        closeSettledCases(on: day)
        var fired = ["due-soon": 0, "overdue-start": 0, "overdue-risk": 0]
        let before = policies.last { $0.from <= day }?.remindBefore ?? 3
        for index in invoices.indices where invoices[index].posted <= day {
            for item in invoices[index].items.indices where open(index, item, on: day) > 0 {
                let due = dueDay(index, item, on: day)
                var rules: [(name: String, episode: Int)] = []
                if day <= due, day >= workingDays.onOrBefore(due.adding(days: -before)) {
                    rules.append(("due-soon", 0))
                }
                if day > due {
                    let episode = max(episode(index, item, on: day), 1 + closedCases(index, item, due))
                    rules.append(("overdue-start", episode))
                    if day.days(since: due) > 30 { rules.append(("overdue-risk", episode)) }
                }
                for rule in rules {
                    let occasion = Tracking.Occasion(
                        rule: rule.name, invoice: index, item: item, due: due, episode: rule.episode)
                    guard tracking.occurred.insert(occasion).inserted else { continue }
                    fired[rule.name, default: 0] += 1
                    if rule.name == "overdue-start" {
                        tracking.cases[invoices[index].customer, default: [:]][index, default: [:]][item] = due
                    }
                }
            }
        }
        tracking.lastRun = day
        return fired
    }

    private func key(_ index: Int, _ item: Int, _ due: LocalDate) -> Tracking.Occasion {
        Tracking.Occasion(rule: "closed", invoice: index, item: item, due: due, episode: 0)
    }

    private func closedCases(_ index: Int, _ item: Int, _ due: LocalDate) -> Int {
        tracking.closed[key(index, item, due)] ?? 0
    }

    private mutating func closeSettledCases(on day: LocalDate) {
        for (customer, items) in tracking.cases {
            let isSettled = items.allSatisfy { index, dues in dues.keys.allSatisfy { open(index, $0, on: day) == 0 } }
            guard isSettled else { continue }
            for (index, dues) in items {
                for (item, due) in dues { tracking.closed[key(index, item, due), default: 0] += 1 }
            }
            tracking.cases[customer] = nil
        }
    }

    /// Counts the runs of days on which an item was open and past one due day, day by day.
    private func episode(_ index: Int, _ item: Int, on day: LocalDate) -> Int {
        let used = parts.filter { $0.invoice == index && $0.item == item }
        let changes = invoices[index].items[item].changes
        // Nothing was taken back and nothing was moved: what is open was open since.
        guard !changes.isEmpty || used.contains(where: { $0.amount < 0 }) else { return 1 }
        var count = 0
        var overdueBy: LocalDate?
        var current = invoices[index].posted
        while current <= day {
            let open =
                invoices[index].items[item].amount
                - used.filter { $0.posted <= current }.reduce(0) { $0 + $1.amount }
            let due = dueDay(index, item, on: current)
            let isOverdue = open > 0 && current > due
            if isOverdue, overdueBy != due { count += 1 }
            overdueBy = isOverdue ? due : nil
            current = current.adding(days: 1)
        }
        return count
    }
}
