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
    /// something allocated was taken back. An episode is a maximal run of days that an item was open and
    /// past its due day (ENGINEERING E-32).
    package func laterEpisodes(on day: LocalDate) -> [Int: Int] {
        var movements: [Int32: [(day: Int32, amount: Int64)]] = [:]
        for index in 0..<allocations.count where allocations.amount[index] < 0 {
            movements[allocations.item[index]] = []
        }
        if movements.isEmpty { return [:] }
        for index in 0..<allocations.count where Int(allocations.day[index]) <= day.dayNumber {
            movements[allocations.item[index]]?.append((allocations.day[index], allocations.amount[index]))
        }
        var episodes: [Int: Int] = [:]
        for (item, list) in movements { episodes[Int(item)] = episode(of: Int(item), list) }
        return episodes
    }

    private func episode(of item: Int, _ movements: [(day: Int32, amount: Int64)]) -> Int {
        let firstDay = max(items.posting[item], items.due[item] + 1)
        var open = items.amount[item]
        var count = 0
        var wasOverdue = false
        var rest = movements.sorted { $0.day < $1.day }[...]
        var moment = firstDay
        while true {
            while let next = rest.first, next.day <= moment {
                open -= next.amount
                rest = rest.dropFirst()
            }
            if open > 0, !wasOverdue { count += 1 }
            wasOverdue = open > 0
            guard let next = rest.first else { return max(count, 1) }
            moment = next.day
        }
    }

    /// Facts of the items of some debtors, for drill-down.
    package func itemFacts(ofDebtors wanted: Set<Int32>) -> [Int64] {
        (0..<items.count).filter { wanted.contains(items.debtor[$0]) }.map { items.fact[$0] }
    }
}
