import Foundation
import Ledger
import OpenItems
import Testing

@Suite("The picture kept as a file")
struct ImageTests {
    private static let hash = (0..<32).map { UInt8($0 * 7) }

    /// Books with turnovers, and their picture as it is kept.
    private static func picture(seed: UInt64, steps: Int = 300) -> (books: PlainBooks, picture: OpenItems) {
        let books = PlainBooks.random(seed: seed, steps: steps)
        var picture = books.picture(.sorted)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<20 {
            picture.addTurnover(
                account: .receivable, currency: Bool.random(using: &random) ? .yuan : .yen,
                day: PlainBooks.firstDay.number + .random(in: 0...50, using: &random),
                amount: Int128(Int64.random(in: .min ... .max, using: &random)) * .random(in: 0...900, using: &random))
        }
        return (books, picture)
    }

    private func expectSame(_ kept: OpenItems, _ picture: OpenItems, _ books: PlainBooks, seed: UInt64) {
        #expect(kept.firstDifference(from: picture) == nil)
        #expect(picture.firstDifference(from: kept) == nil)
        #expect(kept.lastFact == picture.lastFact)
        #expect(kept.debtors == picture.debtors && kept.owners == picture.owners)
        #expect(kept.contracts == picture.contracts && kept.productLines == picture.productLines)
        var random = SeededGenerator(seed: seed)
        for basis in BucketSet.Basis.allCases {
            let query = books.randomQuery(.standard(basis), &random)
            #expect(kept.aging(query).amounts == picture.aging(query).amounts)
            #expect(kept.unapplied(query) == picture.unapplied(query))
        }
        #expect(episodes(kept) == episodes(picture))
        for offset in [-1, 0, 10, 25, 50, 1_000] {
            let day = PlainBooks.firstDay.adding(days: offset)
            for account in AccountRole.allCases {
                #expect(nonZero(kept.balances(of: account, on: day)) == nonZero(picture.balances(of: account, on: day)))
            }
        }
    }

    /// By fact, because positions change with each sorting.
    private func episodes(_ picture: OpenItems) -> [Int64: Int] {
        let episodes = picture.laterEpisodes(on: PlainBooks.firstDay.adding(days: 600))
        return Dictionary(uniqueKeysWithValues: episodes.map { (picture.fact(of: $0), $1) })
    }

    private func nonZero(_ balances: [Currency: Int128]) -> [Currency: Int128] { balances.filter { $0.value != 0 } }

    @Test("comes back as it was", arguments: [31, 32] as [UInt64])
    func roundTrip(seed: UInt64) throws {
        let (books, picture) = Self.picture(seed: seed)
        try KeptFile.use { file in
            try picture.writeImage(to: file.path, act: 1_234, hash: Self.hash)
            let kept = try #require(OpenItems.readImage(from: file.path))
            #expect(kept.act == 1_234 && kept.hash == Self.hash)
            expectSame(kept.items, picture, books, seed: seed)
            #expect(file.others.isEmpty)
        }
    }

    @Test("takes the place of the one kept before")
    func replaced() throws {
        let (_, old) = Self.picture(seed: 33), (books, new) = Self.picture(seed: 34, steps: 100)
        try KeptFile.use { file in
            try old.writeImage(to: file.path, act: 1, hash: Self.hash)
            try new.writeImage(to: file.path, act: 2, hash: Self.hash.reversed())
            let kept = try #require(OpenItems.readImage(from: file.path))
            #expect(kept.act == 2 && kept.hash == Self.hash.reversed())
            expectSame(kept.items, new, books, seed: 34)
        }
    }

    @Test("may be of nothing")
    func empty() throws {
        try KeptFile.use { file in
            try OpenItems().writeImage(to: file.path, act: 0, hash: Self.hash)
            var kept = try #require(OpenItems.readImage(from: file.path)).items
            #expect(kept.itemCount == 0 && kept.lastFact == 0)
            let books = PlainBooks.random(seed: 35)
            kept.prepareToAdd()
            books.add(1...books.lastFact, to: &kept)
            #expect(kept.firstDifference(from: books.picture(.unsorted)) == nil)
        }
    }

    @Test("takes more facts and says the same as one that never was a file", arguments: [36, 37] as [UInt64])
    func goesOn(seed: UInt64) throws {
        let books = PlainBooks.random(seed: seed)
        let half = books.lastFact / 2
        var picture = OpenItems()
        books.add(1...half, to: &picture)
        picture.sort()
        try KeptFile.use { file in
            try picture.writeImage(to: file.path, act: 1, hash: Self.hash)
            var kept = try #require(OpenItems.readImage(from: file.path)).items
            kept.prepareToAdd()
            #expect(books.items.keys.allSatisfy { $0 > half || kept.fact(of: Int(kept.position(ofFact: $0))) == $0 })
            books.add(half + 1...books.lastFact, to: &kept)
            let whole = books.picture(.sorted)
            for isSorted in [false, true] {
                if isSorted { kept.sort() }
                #expect(kept.firstDifference(from: whole) == nil)
                var random = SeededGenerator(seed: seed)
                for basis in BucketSet.Basis.allCases {
                    let query = books.randomQuery(.standard(basis), &random)
                    let aging = kept.aging(query)
                    let rows = kept.debtors.indices.map { (kept.debtors[$0], Array(aging.row($0))) }
                    let found = Dictionary(uniqueKeysWithValues: rows).withoutZeros
                    #expect(found == books.aging(query) { $0.debtor })
                    let unapplied = books.unapplied(query)
                    #expect(aging.unapplied == kept.debtors.map { unapplied[$0] ?? 0 })
                }
            }
            // What was kept can be kept again.
            try kept.writeImage(to: file.path, act: 2, hash: Self.hash)
            let again = try #require(OpenItems.readImage(from: file.path)).items
            #expect(again.firstDifference(from: whole) == nil)
            #expect(episodes(again) == episodes(whole))
        }
    }

    @Test("differs from another by the first fact that isn't the same")
    func differences() throws {
        let books = PlainBooks.random(seed: 38)
        let picture = books.picture(.sorted)
        for shape in PlainBooks.Shape.allCases { #expect(picture.firstDifference(from: books.picture(shape)) == nil) }
        for (fact, part) in books.allocations.sorted(by: { $0.key < $1.key }).prefix(5) {
            var other = books
            other.allocations[fact]?.amount += 1
            #expect(picture.firstDifference(from: other.picture(.unsorted)) == fact)
            other = books
            other.allocations[fact]?.day += 1
            #expect(picture.firstDifference(from: other.picture(.unsorted)) == fact)
            other = books
            other.items[part.item]?.contract += "x"
            #expect(picture.firstDifference(from: other.picture(.sorted)) == part.item)
            other = books
            other.allocations[fact] = nil
            #expect(picture.firstDifference(from: other.picture(.sorted)) != nil)
        }
    }
}
