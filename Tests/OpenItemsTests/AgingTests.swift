import Ledger
import OpenItems
import Testing

@Suite("Aging")
struct AgingTests {
    /// Short bounds, so that random books fall into all buckets.
    private static let bucketSets: [BucketSet] = [
        .standardDue, BucketSet(basis: .invoice, bounds: "30,60,3m,6m,1y"),
        BucketSet(basis: .recognition, bounds: "1m,3m,6m,1y"),
    ].compactMap { $0 }

    @Test(
        "is what a plain computation finds, on any day and as known at any time",
        arguments: PlainBooks.Shape.allCases, [1, 2, 3] as [UInt64])
    func plain(shape: PlainBooks.Shape, seed: UInt64) throws {
        let books = PlainBooks.random(seed: seed)
        let picture = books.picture(shape)
        #expect(picture.itemCount == books.items.count)
        #expect(picture.allocationCount == books.allocations.count)
        #expect(picture.lastFact == books.lastFact)
        try #require(Self.bucketSets.count == 3)
        var random = SeededGenerator(seed: seed + 100)
        for buckets in Self.bucketSets {
            for _ in 0..<6 {
                let query = books.randomQuery(buckets, &random)
                let found = picture.aging(query)
                #expect(found.bucketCount == buckets.buckets.count)
                #expect(rows(found, picture) == books.aging(query) { $0.debtor }, "\(query)")

                let open = picture.openAmounts(asOf: query.asOf, knownFact: query.knownFact)
                let expectedOpen = books.open(query)
                #expect(open.indices.allSatisfy { Int128(open[$0]) == expectedOpen[picture.fact(of: $0)] ?? 0 })

                let unapplied = books.unapplied(query)
                #expect(found.unapplied == picture.debtors.map { unapplied[$0] ?? 0 })
                #expect(picture.unapplied(query) == found.unapplied)
            }
        }
    }

    @Test(
        "by any two dimensions is what a plain computation finds", arguments: PlainBooks.Shape.allCases,
        [4, 5] as [UInt64])
    func crossed(shape: PlainBooks.Shape, seed: UInt64) {
        let books = PlainBooks.random(seed: seed)
        let picture = books.picture(shape)
        let customers = picture.debtors.map { Int32($0.customer) }
        // The invoice's own owner, or the customer's, who is number 10 or 11 here.
        let owners = OpenItems.Key.owner(
            picture.owners.map { Int32($0) }, elseDebtor: picture.debtors.map { 10 + Int32($0.customer % 2) })
        func owner(_ item: OpenItems.NewItem) -> String {
            item.owner == 0 ? "\(10 + item.debtor.customer % 2)" : "\(item.owner)"
        }
        let contracts = picture.contracts
        let lines = picture.productLines
        let wanted = picture.debtors.map { $0.entity == 1 }
        var random = SeededGenerator(seed: seed + 100)
        for buckets in Self.bucketSets {
            let query = books.randomQuery(buckets, &random)
            func found(_ keys: [OpenItems.Key], _ name: (OpenItems.CrossKey) -> String) -> [String: [Int128]] {
                let sums = picture.aging(query, by: keys, where: wanted)
                let named = sums.map { ("\(name($0)) \($0.currency)", $1) }
                return Dictionary(named) { zip($0, $1).map(+) }.withoutZeros
            }
            func expected(_ name: (OpenItems.NewItem) -> String) -> [String: [Int128]] {
                books.aging(query) { $0.debtor.entity == 1 ? "\(name($0)) \($0.debtor.currency)" : nil }
            }
            #expect(found([.debtor(customers)]) { "\($0.first)" } == expected { "\($0.debtor.customer)" })
            #expect(found([owners]) { "\($0.first)" } == expected(owner))
            #expect(found([.contract]) { contracts[Int($0.first)] } == expected { $0.contract })
            #expect(found([.productLine]) { lines[Int($0.first)] } == expected { $0.productLine })
            #expect(
                found([.contract, owners]) { "\(contracts[Int($0.first)]), \($0.second)" }
                    == expected { "\($0.contract), \(owner($0))" })
            #expect(
                found([.debtor(customers), .productLine]) { "\($0.first), \(lines[Int($0.second)])" }
                    == expected { "\($0.debtor.customer), \($0.productLine)" })
            #expect(picture.aging(query, by: [.contract], where: wanted).keys.allSatisfy { $0.second == 0 })
        }
    }

    @Test("adds up to the same by debtor, by contract and item by item", arguments: PlainBooks.Shape.allCases)
    func totals(shape: PlainBooks.Shape) {
        let books = PlainBooks.random(seed: 6)
        let picture = books.picture(shape)
        let everybody = picture.debtors.map { _ in true }
        var random = SeededGenerator(seed: 7)
        for buckets in Self.bucketSets {
            let query = books.randomQuery(buckets, &random)
            let width = buckets.buckets.count
            let open = picture.openAmounts(asOf: query.asOf, knownFact: query.knownFact)
            let byContract = picture.aging(query, by: [.contract], where: everybody)
            let byDebtor = rows(picture.aging(query), picture)
            for currency in [Currency.yuan, .yen] {
                let ofDebtors = byDebtor.filter { $0.key.currency == currency }.total(width: width)
                #expect(byContract.filter { $0.key.currency == currency }.total(width: width) == ofDebtors)
                let items = open.indices.filter { picture.debtors[Int(picture.debtor(of: $0))].currency == currency }
                #expect(items.reduce(Int128(0)) { $0 + Int128(open[$1]) } == ofDebtors.reduce(0, +))
            }
        }
    }

    private func rows(_ aging: OpenItems.DebtorAging, _ picture: OpenItems) -> [OpenItems.Debtor: [Int128]] {
        let rows = picture.debtors.indices.map { (picture.debtors[$0], Array(aging.row($0))) }
        return Dictionary(uniqueKeysWithValues: rows).withoutZeros
    }

    @Test("is what was known after each fact", arguments: PlainBooks.Shape.allCases)
    func knownAfterEachFact(shape: PlainBooks.Shape) {
        var books = PlainBooks.random(seed: 8, steps: 40)
        _ = books.invoice(100, posted: PlainBooks.firstDay, due: PlainBooks.firstDay)
        let picture = books.picture(shape)
        for known in 0...books.lastFact + 1 {
            let query = OpenItems.Query(
                asOf: PlainBooks.firstDay.adding(days: 600), knownFact: known, buckets: .standardDue)
            let found = picture.aging(query)
            #expect(rows(found, picture) == books.aging(query) { $0.debtor }, "known \(known)")
            let unapplied = books.unapplied(query)
            #expect(found.unapplied == picture.debtors.map { unapplied[$0] ?? 0 }, "known \(known)")
        }
    }

    @Test("of nothing is nothing")
    func empty() {
        var picture = OpenItems()
        let query = OpenItems.Query(asOf: PlainBooks.firstDay, buckets: .standardDue)
        #expect(picture.aging(query).amounts.isEmpty)
        picture.sort()
        #expect(picture.aging(query).amounts.isEmpty)
        #expect(picture.aging(query, by: [.contract], where: []).isEmpty)
        _ = picture.index(of: .northInYuan)
        #expect(picture.aging(query).amounts == [Int128](repeating: 0, count: 7))
        let isThere = picture.addAllocation(fact: 2, item: 1, day: 0, amount: 1, kind: 1)
        let isMoved = picture.addDueChange(fact: 2, item: 1, valueDay: 0, due: 0)
        #expect(!isThere && !isMoved)
        #expect(picture.lastFact == 0)
        picture.sawFacts(through: 9)
        picture.sawFacts(through: 3)
        #expect(picture.lastFact == 9)
    }

    @Test("wants the picture sorted when more than an eighth of it came after the last sorting")
    func sorting() {
        var books = PlainBooks()
        for _ in 0..<9 { _ = books.invoice(100, posted: PlainBooks.firstDay, due: PlainBooks.firstDay) }
        for _ in 0..<2 { books.allocate(1, to: 1, on: PlainBooks.firstDay) }
        var picture = OpenItems()
        #expect(!picture.wantsSorting)
        books.add(1...7, to: &picture)
        #expect(picture.wantsSorting)
        picture.sort()
        #expect(!picture.wantsSorting)
        books.add(8...8, to: &picture)
        #expect(!picture.wantsSorting)
        books.add(9...9, to: &picture)
        #expect(picture.wantsSorting)
        picture.sort()
        books.add(10...10, to: &picture)
        #expect(picture.wantsSorting)
    }

    @Test("shows an item by its due day in force, and what is open of it, as known at the time")
    func history() {
        let start = PlainBooks.firstDay
        var books = PlainBooks()
        let item = books.invoice(1_000, posted: start, due: start.adding(days: 30))
        books.allocate(400, to: item, on: start.adding(days: 40))
        books.allocate(-400, to: item, on: start.adding(days: 50))
        books.moveDueDay(of: item, to: start.adding(days: 90), from: start.adding(days: 60))
        let picture = books.picture(.sorted)
        func aging(on day: Int, known: Int64 = .max) -> [Int128] {
            let query = OpenItems.Query(asOf: start.adding(days: day), knownFact: known, buckets: .standardDue)
            return Array(picture.aging(query).row(0))
        }
        #expect(aging(on: -1) == [0, 0, 0, 0, 0, 0, 0])
        #expect(aging(on: 0) == [1_000, 0, 0, 0, 0, 0, 0])
        #expect(aging(on: 0, known: 0) == [0, 0, 0, 0, 0, 0, 0])
        #expect(aging(on: 39) == [0, 1_000, 0, 0, 0, 0, 0])
        #expect(aging(on: 40) == [0, 600, 0, 0, 0, 0, 0])
        #expect(aging(on: 40, known: 1) == [0, 1_000, 0, 0, 0, 0, 0])
        #expect(aging(on: 50, known: 2) == [0, 600, 0, 0, 0, 0, 0])
        #expect(aging(on: 50) == [0, 1_000, 0, 0, 0, 0, 0])
        // It was 30 days late when the new due day came into force.
        #expect(aging(on: 59) == [0, 1_000, 0, 0, 0, 0, 0])
        #expect(aging(on: 60) == [1_000, 0, 0, 0, 0, 0, 0])
        #expect(aging(on: 61, known: 3) == [0, 0, 1_000, 0, 0, 0, 0])
        #expect(aging(on: 91) == [0, 1_000, 0, 0, 0, 0, 0])
        let view = picture.view(0, open: 1_000, on: start.adding(days: 60))
        #expect(view.dueDay == start.adding(days: 90) && view.postingDay == start && view.fact == item)
        #expect(picture.view(0, open: 1_000, on: start.adding(days: 59)).dueDay == start.adding(days: 30))
        #expect(picture.itemFacts(ofDebtors: [0]) == [item] && picture.itemFacts(ofDebtors: [1]).isEmpty)
    }
}
