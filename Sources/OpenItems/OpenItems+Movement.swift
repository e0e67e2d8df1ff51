package import Ledger

extension OpenItems {
    /// What happened to open amounts between two days, by bucket, in one currency (spec 04, 4.3); minor units.
    ///
    /// For every bucket: opening + added − settled + rolled = closing. What was settled counts where the item stood at
    /// the opening, or at the closing when it is new.
    package struct Movement: Sendable {
        package var opening: [Int128]
        /// Posted after the opening day.
        package var added: [Int128]
        /// Reduced by credits, by their kind as the store numbers kinds; negative where more was taken back.
        package var settled: [UInt8: [Int128]] = [:]
        /// Came into the bucket from others, less what left it for others.
        package var rolled: [Int128]
        package var closing: [Int128]

        init(width: Int) {
            let none = [Int128](repeating: 0, count: width)
            (opening, added, rolled, closing) = (none, none, none, none)
        }
    }

    /// The movement between the ends of two days, by currency, as known with the facts up to `knownFact`.
    package func movement(
        after first: LocalDate, through last: LocalDate, knownFact: Int64, _ buckets: BucketSet
    ) -> [Currency: Movement] {
        let width = buckets.buckets.count
        let openBefore = openAmounts(asOf: first, knownFact: knownFact)
        let openAfter = openAmounts(asOf: last, knownFact: knownFact)
        let (from, to) = (Int32(first.dayNumber), Int32(last.dayNumber))
        let (tableBefore, tableAfter) = (buckets.table(on: first), buckets.table(on: last))
        var byCurrency: [Currency: Movement] = [:]
        /// Where what is settled of an item counts; −1 for items that don't matter.
        var bucketOf = [Int8](repeating: -1, count: itemCount)

        for item in 0..<itemCount where items.posting[item] <= to && items.fact[item] <= knownFact {
            let currency = debtors[Int(items.debtor[item])].currency
            let isNew = items.posting[item] > from
            let before = bucket(of: item, from, tableBefore, buckets.basis, knownFact)
            let after = bucket(of: item, to, tableAfter, buckets.basis, knownFact)
            bucketOf[item] = Int8(isNew ? after : before)
            guard isNew || openBefore[item] != 0 || openAfter[item] != 0 else { continue }
            byCurrency[currency, default: Movement(width: width)].closing[after] += Int128(openAfter[item])
            if isNew {
                byCurrency[currency]?.added[after] += Int128(items.amount[item])
            } else {
                byCurrency[currency]?.opening[before] += Int128(openBefore[item])
                if before != after {
                    byCurrency[currency]?.rolled[before] -= Int128(openAfter[item])
                    byCurrency[currency]?.rolled[after] += Int128(openAfter[item])
                }
            }
        }
        for index in 0..<allocationCount
        where allocations.day[index] > from && allocations.day[index] <= to && allocations.fact[index] <= knownFact {
            let item = Int(allocations.item[index])
            guard bucketOf[item] >= 0 else { continue }
            let currency = debtors[Int(items.debtor[item])].currency
            let none = [Int128](repeating: 0, count: width)
            byCurrency[currency, default: Movement(width: width)].settled[allocations.kind[index], default: none][
                Int(bucketOf[item])] += Int128(allocations.amount[index])
        }
        return byCurrency
    }

    private func bucket(
        of item: Int, _ day: Int32, _ table: BucketTable, _ basis: BucketSet.Basis, _ knownFact: Int64
    ) -> Int {
        let start: Int32
        switch basis {
        case .due: start = dueDay(of: item, asOf: day, knownFact: knownFact)
        case .invoice: start = items.issue[item]
        case .recognition: start = items.recognised[item]
        }
        return table.bucket(ofAge: day &- start)
    }

    /// Whether another picture says the same of every item and allocation, whatever order it keeps them in; else the
    /// number of the first fact that differs.
    package func firstDifference(from other: OpenItems) -> Int64? {
        guard items.count == other.items.count, allocations.count == other.allocations.count else {
            return min(lastFact, other.lastFact)
        }
        let mine = items.fact.indices.sorted { items.fact[$0] < items.fact[$1] }
        let theirs = other.items.fact.indices.sorted { other.items.fact[$0] < other.items.fact[$1] }
        for (left, right) in zip(mine, theirs) where !sameItem(left, other, right) { return items.fact[left] }
        let own = allocations.fact.indices.sorted { allocations.fact[$0] < allocations.fact[$1] }
        let foreign = other.allocations.fact.indices.sorted { other.allocations.fact[$0] < other.allocations.fact[$1] }
        for (left, right) in zip(own, foreign) where !sameAllocation(left, other, right) {
            return allocations.fact[left]
        }
        return nil
    }

    private func sameItem(_ left: Int, _ other: OpenItems, _ right: Int) -> Bool {
        items.fact[left] == other.items.fact[right]
            && debtors[Int(items.debtor[left])] == other.debtors[Int(other.items.debtor[right])]
            && items.posting[left] == other.items.posting[right] && items.issue[left] == other.items.issue[right]
            && items.recognised[left] == other.items.recognised[right] && items.due[left] == other.items.due[right]
            && items.amount[left] == other.items.amount[right]
            && owners[Int(items.owner[left])] == other.owners[Int(other.items.owner[right])]
            && contracts[Int(items.contract[left])] == other.contracts[Int(other.items.contract[right])]
            && productLines[Int(items.product[left])] == other.productLines[Int(other.items.product[right])]
    }

    private func sameAllocation(_ left: Int, _ other: OpenItems, _ right: Int) -> Bool {
        allocations.fact[left] == other.allocations.fact[right]
            && items.fact[Int(allocations.item[left])] == other.items.fact[Int(other.allocations.item[right])]
            && allocations.day[left] == other.allocations.day[right]
            && allocations.amount[left] == other.allocations.amount[right]
            && allocations.kind[left] == other.allocations.kind[right]
    }

    /// The fact of the item at a position.
    package func fact(of item: Int) -> Int64 { items.fact[item] }
}
