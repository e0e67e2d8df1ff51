import Ledger
import OpenItems

/// SplitMix64: the same numbers on every run, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

extension PlainBooks {
    /// The first day that something happens in random books.
    static let firstDay = LocalDate(dayNumber: 19_723)  // 2024-01-01

    /// Books of a few debtors in which everything happens: credit notes, allocations taken back, due days moved
    /// (also back-dated and more than once), payers found late, all of it in the order of its recording.
    static func random(seed: UInt64, steps: Int = 300) -> PlainBooks {
        var random = SeededGenerator(seed: seed)
        var books = PlainBooks()
        var left: [(item: Int64, amount: Int64)] = []
        var takeable: [Int64] = []
        for _ in 0..<steps {
            // Other facts have numbers too.
            books.lastFact += .random(in: 0...2, using: &random)
            let item = left.indices.randomElement(using: &random)
            switch (Int.random(in: 0..<10, using: &random), item) {
            case (0..<4, _), (_, nil):
                let amount = books.invoiceSomething(&random)
                left.append((books.lastFact, amount))
            case (4..<6, let item?):
                guard left[item].amount > 0, let posted = books.items[left[item].item]?.postingDay else { continue }
                let isWhole = Bool.random(using: &random)
                let amount = isWhole ? left[item].amount : .random(in: 1...left[item].amount, using: &random)
                left[item].amount -= amount
                books.allocate(
                    amount, to: left[item].item,
                    on: LocalDate(number: posted + .random(in: 0...200, using: &random)),
                    kind: .random(in: 1...3, using: &random))
                takeable.append(books.lastFact)
            case (6, _):
                guard let index = takeable.indices.randomElement(using: &random),
                    let taken = books.allocations[takeable.remove(at: index)],
                    let owner = left.firstIndex(where: { $0.item == taken.item })
                else { continue }
                left[owner].amount += taken.amount
                let later = Bool.random(using: &random) ? 0 : Int32.random(in: 1...90, using: &random)
                books.allocate(
                    -taken.amount, to: taken.item, on: LocalDate(number: taken.day + later), kind: taken.kind)
            case (7, let item?):
                guard let changed = books.items[left[item].item] else { continue }
                books.moveDueDay(
                    of: changed.fact, to: LocalDate(number: changed.dueDay + .random(in: -60...200, using: &random)),
                    from: LocalDate(number: changed.postingDay + .random(in: -30...200, using: &random)))
            default: books.creditSomebody(&random)
            }
        }
        return books
    }

    private mutating func invoiceSomething(_ random: inout SeededGenerator) -> Int64 {
        let posted = Self.firstDay.adding(days: .random(in: 0...700, using: &random))
        let largest = Money.largestFact >> Int64.random(in: 0...40, using: &random)
        let amount =
            Int64.random(in: 1...largest, using: &random) * (Int.random(in: 0..<10, using: &random) == 0 ? -1 : 1)
        let issued = posted.adding(days: -Int.random(in: 0...10, using: &random))
        _ = invoice(
            amount, posted: posted, due: issued.adding(days: .random(in: -5...150, using: &random)), issued: issued,
            recognised: issued.adding(days: -Int.random(in: 0...200, using: &random)), to: Self.debtor(&random),
            owner: .random(in: 0...2, using: &random),
            contract: ["", "框架合同", "C-2"].randomElement(using: &random) ?? "",
            productLine: ["", "云", "服务"].randomElement(using: &random) ?? "")
        return amount
    }

    /// A receipt, or one of an unknown payer that is found later.
    private mutating func creditSomebody(_ random: inout SeededGenerator) {
        let day = Self.firstDay.adding(days: .random(in: 0...800, using: &random))
        let amount = Int64.random(in: 1...Money.largestFact, using: &random)
        let known = Self.debtor(&random)
        guard Bool.random(using: &random) else { return credit(amount, to: known, on: day) }
        let unknown = OpenItems.Debtor(entity: known.entity, customer: 0, currency: known.currency)
        credit(amount, to: unknown, on: day)
        let found = day.adding(days: .random(in: 0...30, using: &random)).number
        lastFact += 1
        movements[lastFact] = [
            Movement(debtor: unknown, day: found, amount: -amount), Movement(debtor: known, day: found, amount: amount),
        ]
    }

    private static func debtor(_ random: inout SeededGenerator) -> OpenItems.Debtor {
        OpenItems.Debtor(
            entity: .random(in: 1...2, using: &random), customer: .random(in: 1...3, using: &random),
            currency: [.yuan, .yen].randomElement(using: &random) ?? .yuan)
    }

    /// A question about any day of the books, often as known at an earlier time.
    func randomQuery(_ buckets: BucketSet, _ random: inout SeededGenerator) -> OpenItems.Query {
        let day = Self.firstDay.adding(days: .random(in: -20...1000, using: &random))
        let known = Bool.random(using: &random) ? Int64.max : .random(in: 0...lastFact + 2, using: &random)
        return OpenItems.Query(asOf: day, knownFact: known, buckets: buckets)
    }
}

extension PlainBooks {
    /// In which state of sorting the picture of the books is.
    enum Shape: CaseIterable {
        case unsorted, sorted, withTail, sortedTwice, sortedTwiceWithTail
        /// As the store loads them: in batches, each kind by kind, the first with a table of positions.
        case loadedInBatches
    }

    func picture(_ shape: Shape) -> OpenItems {
        var picture = OpenItems()
        switch shape {
        case .unsorted, .sorted: add(1...lastFact, to: &picture)
        case .withTail:
            add(1...lastFact * 2 / 3, to: &picture)
            picture.sort()
            add(lastFact * 2 / 3 + 1...lastFact, to: &picture)
        case .sortedTwice, .sortedTwiceWithTail:
            add(1...lastFact / 2, to: &picture)
            picture.sort()
            add(lastFact / 2 + 1...lastFact - 20, to: &picture)
            picture.sort()
            add(lastFact - 19...lastFact, to: &picture)
            if shape == .sortedTwice { picture.sort() }
        case .loadedInBatches:
            picture.reserve(items: 20_000, allocations: 20_000, lastFact: lastFact / 4)
            for batch in Int64(0)..<4 {
                add(batch * lastFact / 4 + 1...(batch + 1) * lastFact / 4, to: &picture, kindByKind: true)
                if picture.wantsSorting { picture.sort() }
            }
        }
        if shape == .sorted { picture.sort() }
        return picture
    }

    /// Adds the facts of some numbers.
    func add(_ facts: ClosedRange<Int64>, to picture: inout OpenItems, kindByKind: Bool = false) {
        let kinds: [Set<Int>] = kindByKind ? [[0], [1], [2]] : [[0, 1, 2]]
        for kind in kinds {
            for fact in facts {
                if kind.contains(0), let item = items[fact] { picture.add(item) }
                if kind.contains(1) { addCredit(fact, to: &picture) }
                if kind.contains(2), let change = dueChanges[fact] {
                    let isThere = picture.addDueChange(
                        fact: fact, item: change.item, valueDay: change.valueDay, due: change.due)
                    precondition(isThere, "the item of due day \(fact) is there")
                }
            }
        }
        picture.sawFacts(through: facts.upperBound)
    }

    private func addCredit(_ fact: Int64, to picture: inout OpenItems) {
        if let part = allocations[fact] {
            let isThere = picture.addAllocation(
                fact: fact, item: part.item, day: part.day, amount: part.amount, kind: part.kind)
            precondition(isThere, "the item of allocation \(fact) is there")
        }
        for movement in movements[fact] ?? [] {
            let debtor = picture.index(of: movement.debtor)
            picture.addMovement(fact: fact, debtor: debtor, day: movement.day, amount: movement.amount)
        }
    }
}
