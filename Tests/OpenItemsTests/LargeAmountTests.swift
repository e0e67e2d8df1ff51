import Ledger
import OpenItems
import Testing

@Suite("Sums of open amounts")
struct LargeAmountTests {
    private static let day = PlainBooks.firstDay

    /// So many facts of the largest amount that there may be are more than an `Int64` holds.
    private static let tooMany = Int(Int64.max / Money.largestFact) + 1

    private func item(_ fact: Int64, _ amount: Int64, due: LocalDate = day, of debtor: OpenItems.Debtor = .northInYuan)
        -> OpenItems.NewItem
    {
        OpenItems.NewItem(
            fact: fact, debtor: debtor, postingDay: Self.day.number, issueDay: Self.day.number,
            recognisedDay: Self.day.number, dueDay: due.number, amount: amount, owner: 0, contract: "", productLine: "")
    }

    @Test("of one debtor are exact where they exceed 64 bits")
    func oneDebtor() throws {
        #expect(Self.tooMany == 922_338)
        let largest = Money.largestFact
        let other = OpenItems.Debtor(entity: 1, customer: 2, currency: .yuan)
        let last = Int64(Self.tooMany)
        var picture = OpenItems()
        picture.reserve(items: Self.tooMany + 2, allocations: 6, lastFact: last + 8)
        let debtor = picture.index(of: .northInYuan)
        for fact in 1...last { picture.add(item(fact, largest), debtor: debtor) }
        picture.add(item(last + 1, 5), debtor: picture.index(of: other))
        picture.add(item(last + 2, 7, due: Self.day.adding(days: -400)), debtor: debtor)
        // Among items at which a long row might be added up in parts.
        for (index, fact) in [1, 399_999, 400_000, 400_001, 800_000, last].enumerated() {
            let isThere = picture.addAllocation(
                fact: last + 3 + Int64(index), item: fact, day: Self.day.number, amount: Int64(index) + 1, kind: 1)
            #expect(isThere)
        }
        picture.sort()
        let open = Int128(largest) * Int128(last) - 21
        #expect(open > Int128(Int64.max) - 21)
        let aging = picture.aging(OpenItems.Query(asOf: Self.day, buckets: .standardDue))
        #expect(aging.row(0) == [open, 0, 0, 0, 0, 0, 7])
        #expect(aging.row(1) == [5, 0, 0, 0, 0, 0, 0])
        // Also when facts have to be compared.
        let known = OpenItems.Query(asOf: Self.day, knownFact: last, buckets: .standardDue)
        #expect(picture.aging(known).row(0) == [open + 21, 0, 0, 0, 0, 0, 0])
    }

    @Test("over debtors, rows and days are exact, too", arguments: [false, true])
    func manyDebtors(isSorted: Bool) throws {
        // Far larger than a fact may be, so that few are enough.
        let amount = Int64.max - 3
        let debtors = (1...4).map { OpenItems.Debtor(entity: 1, customer: $0, currency: .yuan) }
        var picture = OpenItems()
        for (index, debtor) in debtors.enumerated() { picture.add(item(Int64(index) + 1, amount, of: debtor)) }
        let moved = picture.addDueChange(
            fact: 5, item: 4, valueDay: Self.day.number, due: Self.day.adding(days: 50).number)
        #expect(moved)
        for index in debtors.indices {
            let debtor = picture.index(of: debtors[index])
            for fact in Int64(10)..<13 {
                picture.addMovement(fact: fact, debtor: debtor, day: Self.day.number, amount: amount)
            }
        }
        if isSorted { picture.sort() }

        let buckets = try #require(BucketSet(basis: .due, bounds: "0,30"))
        let query = OpenItems.Query(asOf: Self.day.adding(days: 10), buckets: buckets)
        let whole = Int128(amount)
        #expect(picture.aging(query).amounts == [0, whole, 0, 0, whole, 0, 0, whole, 0, whole, 0, 0])
        #expect(picture.unapplied(query) == [Int128](repeating: 3 * whole, count: 4))
        let byContract = picture.aging(query, by: [.contract], where: [true, true, true, true])
        #expect(Array(byContract.values) == [[whole, 3 * whole, 0]])
        let movement = picture.movement(
            after: Self.day.adding(days: -1), through: query.asOf, knownFact: .max, buckets)
        #expect(movement[.yuan]?.added == [whole, 3 * whole, 0])
        #expect(movement[.yuan]?.closing == [whole, 3 * whole, 0])
        let rolling = picture.movement(after: Self.day, through: query.asOf, knownFact: .max, buckets)
        #expect(rolling[.yuan]?.opening == [4 * whole, 0, 0])
        #expect(rolling[.yuan]?.rolled == [-3 * whole, 3 * whole, 0])
    }
}
