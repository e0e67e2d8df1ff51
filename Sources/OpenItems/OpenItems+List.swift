package import Ledger

extension OpenItems {
    /// The due day of every item by position, in force on a day.
    package func dueDays(asOf day: LocalDate, knownFact: Int64 = .max) -> [Int32] {
        var due = items.due
        for item in dueChanges.keys {
            due[Int(item)] = dueDay(of: Int(item), asOf: Int32(day.dayNumber), knownFact: knownFact)
        }
        return due
    }

    /// The positions of the items of some debtors, in no particular order.
    package func positions(ofDebtors wanted: Set<Int32>) -> [Int] {
        var found: [Int] = []
        for debtor in wanted where Int(debtor) < firstItem.count - 1 {
            found.append(contentsOf: Int(firstItem[Int(debtor)])..<Int(firstItem[Int(debtor) + 1]))
        }
        for item in sortedItems..<items.count where wanted.contains(items.debtor[item]) { found.append(item) }
        return found
    }

    /// Where the movements of each debtor stand. Movements only come on top, so that an index stays true for those that it
    /// knows.
    package struct MoneyIndex: Sendable {
        fileprivate var first: [Int32] = [0]
        fileprivate var order: [Int32] = []

        package init() {}

        /// How many movements it knows.
        package var count: Int { order.count }
    }

    /// An index of all movements: two passes over them.
    package func moneyIndex() -> MoneyIndex {
        var index = MoneyIndex()
        var first = [Int32](repeating: 0, count: debtors.count + 1)
        for debtor in movements.debtor { first[Int(debtor) + 1] += 1 }
        for debtor in 0..<debtors.count { first[debtor + 1] += first[debtor] }
        var next = first
        index.order = [Int32](repeating: 0, count: movements.count)
        for (place, debtor) in movements.debtor.enumerated() {
            index.order[Int(next[Int(debtor)])] = Int32(place)
            next[Int(debtor)] += 1
        }
        index.first = first
        return index
    }

    package var movementCount: Int { movements.count }

    /// Facts that changed the unapplied money of some debtors: credits, their allocations and reversals; ascending.
    package func moneyFacts(ofDebtors wanted: Set<Int32>, _ index: MoneyIndex) -> [Int64] {
        var found: [Int64] = []
        for debtor in wanted where Int(debtor) + 1 < index.first.count {
            for place in index.first[Int(debtor)]..<index.first[Int(debtor) + 1] {
                found.append(movements.fact[Int(index.order[Int(place)])])
            }
        }
        for place in index.count..<movements.count where wanted.contains(movements.debtor[place]) {
            found.append(movements.fact[place])
        }
        return found.sorted()
    }

    /// The earliest day that facts after one changed; no later day is as it was. The largest number when there are none.
    package func earliestDay(afterFact fact: Int64) -> Int32 {
        var earliest = Int32.max
        for place in 0..<items.count where items.fact[place] > fact { earliest = min(earliest, items.posting[place]) }
        for place in 0..<allocations.count where allocations.fact[place] > fact {
            earliest = min(earliest, allocations.day[place])
        }
        for place in 0..<movements.count where movements.fact[place] > fact {
            earliest = min(earliest, movements.day[place])
        }
        for change in dueChanges.values.joined() where change.fact > fact { earliest = min(earliest, change.valueDay) }
        return earliest
    }

    package func fact(at position: Int) -> Int64 { items.fact[position] }
    package func amount(at position: Int) -> Int64 { items.amount[position] }
    package func issueDay(at position: Int) -> Int32 { items.issue[position] }
    package func postingDay(at position: Int) -> Int32 { items.posting[position] }
    /// Index into `contracts`.
    package func contract(at position: Int) -> Int32 { items.contract[position] }
    package func owner(at position: Int) -> Int64 { owners[Int(items.owner[position])] }

    /// An account's turnover by day, debits positive, ascending; days without one are left out.
    package func turnover(of account: AccountRole, _ currency: Currency) -> [(day: LocalDate, amount: Int128)] {
        (turnovers[Turnover(account: account.rawValue, currency: currency)] ?? [:]).filter { $0.value != 0 }
            .sorted { $0.key < $1.key }.map { (LocalDate(dayNumber: Int($0.key)), $0.value) }
    }

    /// When items were settled, by position: the day of the last allocation; items without one are left out.
    package func settledDays(of positions: [Int]) -> [Int: Int] {
        var days: [Int: Int] = [:]
        let wanted = Set(positions.map(Int32.init))
        guard !wanted.isEmpty else { return [:] }
        for index in rangesOfAllocations(wanted) {
            let item = Int(allocations.item[index])
            days[item] = max(days[item] ?? Int.min, Int(allocations.day[index]))
        }
        return days
    }

    /// Indexes of the allocations to some items: sorted ones are found by halving, the others looked through.
    private func rangesOfAllocations(_ wanted: Set<Int32>) -> [Int] {
        var found: [Int] = []
        for item in wanted.sorted() {
            var low = 0
            var high = sortedAllocations
            while low < high {
                let middle = (low + high) / 2
                if allocations.item[middle] < item { low = middle + 1 } else { high = middle }
            }
            while low < sortedAllocations, allocations.item[low] == item {
                found.append(low)
                low += 1
            }
        }
        for index in sortedAllocations..<allocations.count where wanted.contains(allocations.item[index]) {
            found.append(index)
        }
        return found
    }
}
