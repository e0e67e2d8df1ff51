package import Ledger

extension OpenItems {
    /// One item as the day's rules look at it.
    package struct ItemView: Sendable {
        package let position: Int
        package let fact: Int64
        package let debtor: Int32
        package let postingDay: LocalDate
        package let issueDay: LocalDate
        package let dueDay: LocalDate
        package let amount: Int64
        package let open: Int64
        /// Fact number of the invoice's own sales owner, 0 when it has none.
        package let owner: Int64
    }

    /// The item at a position, with what is open of it on a day.
    package func view(_ item: Int, open: Int64, on day: LocalDate, knownFact: Int64 = .max) -> ItemView {
        ItemView(
            position: item, fact: items.fact[item], debtor: items.debtor[item],
            postingDay: LocalDate(dayNumber: Int(items.posting[item])),
            issueDay: LocalDate(dayNumber: Int(items.issue[item])),
            dueDay: LocalDate(dayNumber: Int(dueDay(of: item, asOf: Int32(day.dayNumber), knownFact: knownFact))),
            amount: items.amount[item], open: open, owner: owners[Int(items.owner[item])])
    }

    /// The debtor of the item at a position.
    package func debtor(of item: Int) -> Int32 { items.debtor[item] }

    /// The numbers of overdue episodes on `day` of the items that can have more than one: those from which
    /// something allocated was taken back, or whose due day was changed. An episode is a maximal run of days
    /// that an item was open and past one due day (ENGINEERING E-32).
    package func laterEpisodes(on day: LocalDate) -> [Int: Int] {
        var movements: [Int32: [(day: Int32, amount: Int64)]] = [:]
        for index in 0..<allocations.count where allocations.amount[index] < 0 {
            movements[allocations.item[index]] = []
        }
        for item in dueChanges.keys { movements[item] = [] }
        if movements.isEmpty { return [:] }
        for index in 0..<allocations.count where Int(allocations.day[index]) <= day.dayNumber {
            movements[allocations.item[index]]?.append((allocations.day[index], allocations.amount[index]))
        }
        var episodes: [Int: Int] = [:]
        for (item, list) in movements { episodes[Int(item)] = episode(of: Int(item), list, on: Int32(day.dayNumber)) }
        return episodes
    }

    private func episode(of item: Int, _ movements: [(day: Int32, amount: Int64)], on day: Int32) -> Int {
        // Only on these days can an item become overdue, or cease to be.
        let changes = dueChanges[Int32(item)] ?? []
        let dueDays = [items.due[item]] + changes.map(\.due)
        let moments = Set(
            movements.map(\.day) + changes.map(\.valueDay) + dueDays.map { $0 + 1 } + [items.posting[item]])
        var count = 0
        var overdueSince: Int32?  // the due day that it is overdue by
        for moment in moments.sorted() where moment >= items.posting[item] && moment <= day {
            let open = movements.reduce(items.amount[item]) { $1.day <= moment ? $0 - $1.amount : $0 }
            let due = dueDay(of: item, asOf: moment, knownFact: .max)
            let isOverdue = open > 0 && moment > due
            if isOverdue, overdueSince != due { count += 1 }
            overdueSince = isOverdue ? due : nil
        }
        return max(count, 1)
    }

    /// Facts of the items of some debtors, for drill-down.
    package func itemFacts(ofDebtors wanted: Set<Int32>) -> [Int64] {
        (0..<items.count).filter { wanted.contains(items.debtor[$0]) }.map { items.fact[$0] }
    }
}
