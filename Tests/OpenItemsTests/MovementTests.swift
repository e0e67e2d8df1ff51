import Ledger
import OpenItems
import Testing

@Suite("The movement between two days")
struct MovementTests {
    @Test("tells what was added, what was settled by what, and what rolled")
    func example() throws {
        // Buckets: not due, 1–30, 31–60, over 60 days overdue.
        let buckets = try #require(BucketSet(basis: .due, bounds: "0,30,60"))
        let may = try #require(LocalDate("2026-05-31")), june = try #require(LocalDate("2026-06-30"))
        func day(_ text: String) throws -> LocalDate { try #require(LocalDate(text)) }
        var books = PlainBooks()
        // Rolls on: 20 days overdue in May, 50 in June; 300 of it paid and 50 credited between.
        let rolling = try books.invoice(1_000, posted: day("2026-04-01"), due: day("2026-05-11"))
        try books.allocate(300, to: rolling, on: day("2026-06-10"), kind: 1)
        try books.allocate(50, to: rolling, on: day("2026-06-11"), kind: 2)
        // Paid before: in neither.
        let settled = try books.invoice(500, posted: day("2026-04-01"), due: day("2026-05-01"))
        books.allocate(500, to: settled, on: may)
        // Paid in May and taken back in June: nothing opens, and it stands 41 days overdue in the end.
        let returned = try books.invoice(70, posted: day("2026-04-01"), due: day("2026-05-20"))
        try books.allocate(70, to: returned, on: day("2026-05-25"))
        try books.allocate(-70, to: returned, on: day("2026-06-02"))
        // New, partly paid at once.
        let new = try books.invoice(2_000, posted: day("2026-06-01"), due: day("2026-06-29"))
        books.allocate(900, to: new, on: june)
        // Its due day was moved on: back from 15 days overdue to not due.
        let moved = try books.invoice(40, posted: day("2026-04-01"), due: day("2026-05-16"))
        try books.moveDueDay(of: moved, to: day("2026-12-31"), from: day("2026-06-15"))
        // Stays where it is.
        _ = try books.invoice(7, posted: may, due: day("2026-07-31"))
        // In another currency, and after the last day.
        let abroad = OpenItems.Debtor(entity: 1, customer: 2, currency: .yen)
        _ = books.invoice(5, posted: june, due: june, to: abroad)
        _ = try books.invoice(9_999, posted: day("2026-07-01"), due: june)

        for shape in [PlainBooks.Shape.unsorted, .sorted] {
            let found = books.picture(shape).movement(after: may, through: june, knownFact: .max, buckets)
            #expect(Set(found.keys) == [.yuan, .yen])
            let yuan = try #require(found[.yuan])
            #expect(yuan.opening == [7, 1_040, 0, 0])
            #expect(yuan.added == [0, 2_000, 0, 0])
            // 300 paid, 70 taken back, and 900 of the new one.
            #expect(yuan.settled[1] == [0, 1_130, 0, 0])
            #expect(yuan.settled[2] == [0, 50, 0, 0])
            #expect(yuan.settled.count == 2)
            // 650 and 70 rolled on, 40 rolled back.
            #expect(yuan.rolled == [40, -760, 720, 0])
            #expect(yuan.closing == [47, 1_100, 720, 0])
            let yen = try #require(found[.yen])
            #expect(yen.added == [5, 0, 0, 0] && yen.closing == [5, 0, 0, 0])
            #expect(yen.opening == [0, 0, 0, 0] && yen.rolled == [0, 0, 0, 0] && yen.settled.isEmpty)
        }
    }

    private static let bucketSets: [BucketSet] = [
        .standardDue, BucketSet(basis: .invoice, bounds: "30,60,3m,6m,1y"),
        BucketSet(basis: .recognition, bounds: "1m,3m,6m,1y"),
    ].compactMap { $0 }

    @Test(
        "leads from the opening to the closing in every bucket, and both are the aging of their days",
        arguments: PlainBooks.Shape.allCases, [11, 12] as [UInt64])
    func balances(shape: PlainBooks.Shape, seed: UInt64) throws {
        let books = PlainBooks.random(seed: seed)
        let picture = books.picture(shape)
        try #require(Self.bucketSets.count == 3)
        var random = SeededGenerator(seed: seed)
        for buckets in Self.bucketSets {
            for _ in 0..<5 {
                let first = books.randomQuery(buckets, &random)
                var last = first
                last.asOf = first.asOf.adding(days: .random(in: 0...200, using: &random))
                let found = picture.movement(
                    after: first.asOf, through: last.asOf, knownFact: first.knownFact, buckets)
                let openings = books.aging(first) { $0.debtor.currency }
                let closings = books.aging(last) { $0.debtor.currency }
                #expect(found.mapValues(\.opening).withoutZeros == openings)
                #expect(found.mapValues(\.closing).withoutZeros == closings)
                for (currency, movement) in found {
                    let settled = movement.settled.total(width: buckets.buckets.count)
                    for bucket in buckets.buckets.indices {
                        let expected =
                            movement.opening[bucket] + movement.added[bucket] - settled[bucket]
                            + movement.rolled[bucket]
                        #expect(movement.closing[bucket] == expected)
                    }
                    #expect(movement.rolled.reduce(0, +) == 0)
                    #expect(movement.added.reduce(0, +) == books.added(currency, first, last))
                    for (kind, amounts) in movement.settled {
                        #expect(amounts.reduce(0, +) == books.settled(currency, kind, first, last))
                    }
                }
            }
        }
    }

    @Test("within one day is none")
    func sameDay() {
        let books = PlainBooks.random(seed: 13)
        let day = PlainBooks.firstDay.adding(days: 400)
        let found = books.picture(.sorted).movement(after: day, through: day, knownFact: .max, .standardDue)
        #expect(found.count == 2)
        for movement in found.values {
            #expect(movement.opening == movement.closing)
            #expect(movement.settled.isEmpty)
            #expect((movement.added + movement.rolled).allSatisfy { $0 == 0 })
        }
    }
}

extension PlainBooks {
    /// What was invoiced after one day, through another.
    fileprivate func added(_ currency: Currency, _ first: OpenItems.Query, _ last: OpenItems.Query) -> Int128 {
        let days = first.asOf.number + 1..<last.asOf.number + 1
        return items.values.filter {
            $0.debtor.currency == currency && $0.fact <= last.knownFact && days.contains($0.postingDay)
        }.reduce(0) { $0 + Int128($1.amount) }
    }

    /// What was settled by credits of a kind after one day, through another.
    fileprivate func settled(
        _ currency: Currency, _ kind: UInt8, _ first: OpenItems.Query, _ last: OpenItems.Query
    ) -> Int128 {
        let days = first.asOf.number + 1..<last.asOf.number + 1
        return allocations.filter { fact, part in
            fact <= last.knownFact && part.kind == kind && days.contains(part.day)
                && items[part.item]?.debtor.currency == currency
        }.reduce(0) { $0 + Int128($1.value.amount) }
    }
}
