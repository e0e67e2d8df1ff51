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
    ///
    /// - Parameter wanted: By debtor index, whether its items count; `nil` for all.
    package func movement(
        after first: LocalDate, through last: LocalDate, knownFact: Int64, _ buckets: BucketSet,
        where wanted: [Bool]? = nil
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
            if let wanted, !wanted[Int(items.debtor[item])] { continue }
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

    /// The number of the first fact of which another picture says something else, whatever order it keeps them in;
    /// `nil` when both say the same. 0 when only sums by day differ.
    package func firstDifference(from other: OpenItems) -> Int64? {
        let differences = [
            Self.first(items.fact, other.items.fact) { sameItem($0, other, $1) },
            Self.first(allocations.fact, other.allocations.fact) { sameAllocation($0, other, $1) },
            movementDifference(other),
        ].compactMap { $0 }
        if let first = differences.min() { return first }
        func sums(_ picture: OpenItems) -> [Turnover: [Int32: Int128]] {
            picture.turnovers.mapValues { $0.filter { $0.value != 0 } }.filter { !$0.value.isEmpty }
        }
        return sums(self) == sums(other) ? nil : 0
    }

    /// The first fact in one list and not in the other, or not the same in both.
    private static func first(_ mine: [Int64], _ theirs: [Int64], _ same: (Int, Int) -> Bool) -> Int64? {
        let left = mine.indices.sorted { mine[$0] < mine[$1] }
        let right = theirs.indices.sorted { theirs[$0] < theirs[$1] }
        for (one, another) in zip(left, right) {
            if mine[one] != theirs[another] { return min(mine[one], theirs[another]) }
            if !same(one, another) { return mine[one] }
        }
        if left.count > right.count { return mine[left[right.count]] }
        return right.count > left.count ? theirs[right[left.count]] : nil
    }

    /// A fact can move money twice (a payer was found), so its movements are compared together.
    private func movementDifference(_ other: OpenItems) -> Int64? {
        struct Key: Hashable {
            let fact: Int64
            let debtor: Debtor
            let day: Int32
        }
        func sums(_ picture: OpenItems) -> [Key: Int64] {
            var sums: [Key: Int64] = [:]
            for index in 0..<picture.movements.count {
                let debtor = picture.debtors[Int(picture.movements.debtor[index])]
                let key = Key(fact: picture.movements.fact[index], debtor: debtor, day: picture.movements.day[index])
                sums[key, default: 0] += picture.movements.amount[index]
            }
            return sums
        }
        let (mine, theirs) = (sums(self), sums(other))
        if mine == theirs { return nil }
        return Set(mine.keys).union(theirs.keys).filter { mine[$0] != theirs[$0] }.map(\.fact).min()
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
            && sameDueDays(Int32(left), other, Int32(right))
    }

    private func sameDueDays(_ left: Int32, _ other: OpenItems, _ right: Int32) -> Bool {
        if dueChanges.isEmpty, other.dueChanges.isEmpty { return true }
        let (mine, theirs) = (dueChanges[left] ?? [], other.dueChanges[right] ?? [])
        return mine.count == theirs.count
            && zip(mine, theirs).allSatisfy { $0.valueDay == $1.valueDay && $0.due == $1.due && $0.fact == $1.fact }
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
