package import Ledger

extension OpenItems {
    /// What a report asks for.
    package struct Query: Sendable {
        /// Facts with a posting day up to and including this one count.
        package var asOf: LocalDate
        /// Facts with a number up to and including this one count.
        package var knownFact: Int64
        package var buckets: BucketSet

        package init(asOf: LocalDate, knownFact: Int64 = .max, buckets: BucketSet) {
            self.asOf = asOf
            self.knownFact = knownFact
            self.buckets = buckets
        }
    }

    /// Where an item's row in a report comes from.
    package enum Key: Sendable {
        /// By debtor index.
        case debtor([Int32])
        /// By the invoice's own owner (index into `owners`), or by the debtor where it has none (0).
        case owner([Int32], elseDebtor: [Int32])
        /// By contract or product line (index into `contracts`, `productLines`).
        case contract
        case productLine
    }

    /// Amounts by debtor and bucket, row after row, in minor units of the debtor's currency.
    package struct DebtorAging: Sendable {
        package let bucketCount: Int
        package let amounts: [Int128]
        package let unapplied: [Int128]

        package func row(_ debtor: Int) -> ArraySlice<Int128> {
            amounts[debtor * bucketCount..<(debtor + 1) * bucketCount]
        }
    }

    /// Open amounts by debtor and bucket: one pass over items and their allocations.
    package func aging(_ query: Query) -> DebtorAging {
        let width = query.buckets.buckets.count
        var amounts = [Int128](repeating: 0, count: debtors.count * width)
        let start = startColumn(query.buckets.basis)
        addSorted(query, start: start, width: width, to: &amounts)
        addTail(query, start: start, width: width, to: &amounts)
        correctDueChanges(query, width: width, in: &amounts)
        return DebtorAging(bucketCount: width, amounts: amounts, unapplied: unapplied(query))
    }

    private func startColumn(_ basis: BucketSet.Basis) -> [Int32] {
        switch basis {
        case .due: items.due
        case .invoice: items.issue
        case .recognition: items.recognised
        }
    }

    /// So many items of one debtor can't overflow an `Int64` (each fact is at most 10¹³).
    private static let itemsBetweenFlushes = 400_000

    private func addSorted(_ query: Query, start: [Int32], width: Int, to amounts: inout [Int128]) {
        let table = query.buckets.table(on: query.asOf)
        let asOf = Int32(query.asOf.dayNumber)
        let known = query.knownFact
        let checksFacts = known < lastFact
        let lowest = asOf &- table.lowest
        let top = Int32(table.entries.count - 1)
        let sortedDebtors = firstItem.count - 1
        let allocationEnd = sortedAllocations

        start.withUnsafeBufferPointer { start in
            items.posting.withUnsafeBufferPointer { posting in
                items.amount.withUnsafeBufferPointer { amount in
                    items.fact.withUnsafeBufferPointer { fact in
                        allocations.item.withUnsafeBufferPointer { allocationItem in
                            allocations.day.withUnsafeBufferPointer { allocationDay in
                                allocations.amount.withUnsafeBufferPointer { allocationAmount in
                                    allocations.fact.withUnsafeBufferPointer { allocationFact in
                                        table.entries.withUnsafeBufferPointer { entries in
                                            withUnsafeTemporaryAllocation(of: Int64.self, capacity: width) { sums in
                                                sums.initialize(repeating: 0)
                                                var allocation = 0
                                                for debtor in 0..<sortedDebtors {
                                                    var untilFlush = Self.itemsBetweenFlushes
                                                    for item in Int(firstItem[debtor])..<Int(firstItem[debtor + 1]) {
                                                        let counts =
                                                            posting[item] <= asOf
                                                            && (!checksFacts || fact[item] <= known)
                                                        var open = counts ? amount[item] : 0
                                                        while allocation < allocationEnd,
                                                            allocationItem[allocation]
                                                                == Int32(truncatingIfNeeded: item)
                                                        {
                                                            let applies =
                                                                allocationDay[allocation] <= asOf
                                                                && (!checksFacts || allocationFact[allocation] <= known)
                                                            open &-= applies ? allocationAmount[allocation] : 0
                                                            allocation += 1
                                                        }
                                                        let age = min(max(lowest &- start[item], 0), top)
                                                        sums[Int(entries[Int(age)])] &+= open
                                                        untilFlush -= 1
                                                        if untilFlush == 0 {
                                                            for bucket in 0..<width {
                                                                amounts[debtor * width + bucket] += Int128(
                                                                    sums[bucket]);
                                                                sums[bucket] = 0
                                                            }
                                                            untilFlush = Self.itemsBetweenFlushes
                                                        }
                                                    }
                                                    for bucket in 0..<width where sums[bucket] != 0 {
                                                        amounts[debtor * width + bucket] += Int128(sums[bucket])
                                                        sums[bucket] = 0
                                                    }
                                                }
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Items and allocations that came after the last sorting. Both add up linearly, so their order is free.
    private func addTail(_ query: Query, start: [Int32], width: Int, to amounts: inout [Int128]) {
        let table = query.buckets.table(on: query.asOf)
        let asOf = Int32(query.asOf.dayNumber)
        func cell(_ item: Int) -> Int {
            Int(items.debtor[item]) * width + table.bucket(ofAge: asOf &- start[item])
        }
        for item in sortedItems..<items.count
        where items.posting[item] <= asOf && items.fact[item] <= query.knownFact {
            amounts[cell(item)] += Int128(items.amount[item])
        }
        for index in sortedAllocations..<allocations.count
        where allocations.day[index] <= asOf && allocations.fact[index] <= query.knownFact {
            amounts[cell(Int(allocations.item[index]))] -= Int128(allocations.amount[index])
        }
    }

    /// Moves the few items with a changed due day to the bucket of the day in force at the time.
    private func correctDueChanges(_ query: Query, width: Int, in amounts: inout [Int128]) {
        guard query.buckets.basis == .due, !dueChanges.isEmpty else { return }
        let table = query.buckets.table(on: query.asOf)
        let asOf = Int32(query.asOf.dayNumber)
        let open = openAmounts(of: dueChanges.keys.map(Int.init), query)
        for position in dueChanges.keys {
            let item = Int(position)
            let wrong = table.bucket(ofAge: asOf &- items.due[item])
            let right = table.bucket(ofAge: asOf &- dueDay(of: item, asOf: asOf, knownFact: query.knownFact))
            guard wrong != right, let amount = open[item] else { continue }
            let row = Int(items.debtor[item]) * width
            amounts[row + wrong] -= Int128(amount)
            amounts[row + right] += Int128(amount)
        }
    }

    /// The due day in force on a day, as known with the facts up to `knownFact`.
    package func dueDay(of item: Int, asOf: Int32, knownFact: Int64) -> Int32 {
        guard !dueChanges.isEmpty, let changes = dueChanges[Int32(item)] else { return items.due[item] }
        let inForce = changes.filter { $0.valueDay <= asOf && $0.fact <= knownFact }
            .max { ($0.valueDay, $0.fact) < ($1.valueDay, $1.fact) }
        return inForce?.due ?? items.due[item]
    }

    private func openAmounts(of wanted: [Int], _ query: Query) -> [Int: Int64] {
        let asOf = Int32(query.asOf.dayNumber)
        var open: [Int: Int64] = [:]
        for item in wanted where items.posting[item] <= asOf && items.fact[item] <= query.knownFact {
            open[item] = items.amount[item]
        }
        for index in 0..<allocations.count {
            let item = Int(allocations.item[index])
            guard let before = open[item], allocations.day[index] <= asOf, allocations.fact[index] <= query.knownFact
            else { continue }
            open[item] = before - allocations.amount[index]
        }
        return open
    }

    /// Money received and not yet allocated, by debtor.
    package func unapplied(_ query: Query) -> [Int128] {
        let asOf = Int32(query.asOf.dayNumber)
        var sums = [Int128](repeating: 0, count: debtors.count)
        let known = query.knownFact
        movements.debtor.withUnsafeBufferPointer { debtor in
            movements.day.withUnsafeBufferPointer { day in
                movements.amount.withUnsafeBufferPointer { amount in
                    movements.fact.withUnsafeBufferPointer { fact in
                        for index in 0..<debtor.count where day[index] <= asOf && fact[index] <= known {
                            sums[Int(debtor[index])] += Int128(amount[index])
                        }
                    }
                }
            }
        }
        return sums
    }

    /// What is open of every item, by position, in minor units of its currency; 0 for items not yet posted.
    package func openAmounts(asOf day: LocalDate, knownFact: Int64 = .max) -> [Int64] {
        let asOf = Int32(day.dayNumber)
        var open = [Int64](repeating: 0, count: items.count)
        for item in 0..<items.count where items.posting[item] <= asOf && items.fact[item] <= knownFact {
            open[item] = items.amount[item]
        }
        for index in 0..<allocations.count
        where allocations.day[index] <= asOf && allocations.fact[index] <= knownFact {
            open[Int(allocations.item[index])] -= allocations.amount[index]
        }
        return open
    }

    /// Open amounts by report row, bucket and currency, for rows that are finer than a debtor.
    ///
    /// - Parameters:
    ///   - keys: One dimension, or two that are crossed.
    ///   - wanted: By debtor index, whether its items count.
    /// - Returns: Sums by the keys' indexes (the second is 0 when there is one) and currency.
    package func aging(_ query: Query, by keys: [Key], where wanted: [Bool]) -> [CrossKey: [Int128]] {
        let width = query.buckets.buckets.count
        let table = query.buckets.table(on: query.asOf)
        let asOf = Int32(query.asOf.dayNumber)
        let start = startColumn(query.buckets.basis)
        let isDue = query.buckets.basis == .due
        let open = openAmounts(asOf: query.asOf, knownFact: query.knownFact)
        var sums: [CrossKey: [Int128]] = [:]
        for item in 0..<items.count where open[item] != 0 && wanted[Int(items.debtor[item])] {
            let from = isDue ? dueDay(of: item, asOf: asOf, knownFact: query.knownFact) : start[item]
            let key = CrossKey(
                first: value(of: keys[0], item), second: keys.count > 1 ? value(of: keys[1], item) : 0,
                currency: debtors[Int(items.debtor[item])].currency)
            sums[key, default: [Int128](repeating: 0, count: width)][table.bucket(ofAge: asOf &- from)] += Int128(
                open[item])
        }
        return sums
    }

    /// The largest of many by open amount, those of one amount in their order.
    private func largest(
        _ items: [(item: Int, debtor: Int, open: Int64, due: Int32)], _ limit: Int
    ) -> [(item: Int, debtor: Int, open: Int64, due: Int32)] {
        func isBefore(
            _ left: (item: Int, debtor: Int, open: Int64, due: Int32),
            _ right: (item: Int, debtor: Int, open: Int64, due: Int32)
        ) -> Bool { (left.open.magnitude, right.item) > (right.open.magnitude, left.item) }
        // Of a million items most are out at the first look: they are smaller than the smallest that is kept.
        var kept: [(item: Int, debtor: Int, open: Int64, due: Int32)] = []
        var least: UInt64 = 0
        for entry in items where entry.open.magnitude >= least {
            kept.append(entry)
            if kept.count >= max(limit, 64) * 4 {
                kept = Array(kept.sorted(by: isBefore).prefix(limit))
                least = kept.last?.open.magnitude ?? 0
            }
        }
        return Array(kept.sorted(by: isBefore).prefix(limit))
    }

    /// The open items behind one figure of a report.
    ///
    /// - Parameters:
    ///   - keys: Which values of which keys count; none for all.
    ///   - bucket: One bucket's index, or all.
    /// - Returns: The largest `limit` of them by open amount, how many there are, and what is open of all by currency.
    package func openItems(
        _ query: Query, of keys: [(key: Key, rows: Set<Int32>)], where wanted: [Bool], bucket: Int?, limit: Int
    ) -> (items: [(item: Int, debtor: Int, open: Int64, due: Int32)], count: Int, sums: [Currency: Int128]) {
        let table = query.buckets.table(on: query.asOf)
        let asOf = Int32(query.asOf.dayNumber)
        let start = startColumn(query.buckets.basis)
        let isDue = query.buckets.basis == .due
        let open = openAmounts(asOf: query.asOf, knownFact: query.knownFact)
        var found: [(item: Int, debtor: Int, open: Int64, due: Int32)] = []
        var sums: [Currency: Int128] = [:]
        for item in 0..<items.count where open[item] != 0 && wanted[Int(items.debtor[item])] {
            guard keys.allSatisfy({ $0.rows.contains(value(of: $0.key, item)) }) else { continue }
            let due = dueDay(of: item, asOf: asOf, knownFact: query.knownFact)
            if let bucket, table.bucket(ofAge: asOf &- (isDue ? due : start[item])) != bucket { continue }
            let debtor = Int(items.debtor[item])
            found.append((item, debtor, open[item], due))
            sums[debtors[debtor].currency, default: 0] += Int128(open[item])
        }
        return (largest(found, limit), found.count, sums)
    }

    package struct CrossKey: Hashable, Sendable {
        package let first: Int32
        package let second: Int32
        package let currency: Currency

        package init(first: Int32, second: Int32, currency: Currency) {
            self.first = first
            self.second = second
            self.currency = currency
        }
    }

    private func value(of key: Key, _ item: Int) -> Int32 {
        switch key {
        case .debtor(let rows): rows[Int(items.debtor[item])]
        case .owner(let rows, let debtorRows):
            items.owner[item] == 0 ? debtorRows[Int(items.debtor[item])] : rows[Int(items.owner[item])]
        case .contract: items.contract[item]
        case .productLine: items.product[item]
        }
    }
}
