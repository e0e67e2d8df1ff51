package import Ledger

/// The columnar picture of all items and of everything that was ever allocated to them.
///
/// It is made from facts alone and can be thrown away and rebuilt at any time; `huikuan verify`
/// compares it with SQL. Facts only ever come on top, so any past state is a filter: facts with a
/// posting day up to `asOf` and a number up to the last one known.
///
/// Rows are sorted by debtor, and allocations by item, because a pass in order of memory costs
/// 1–2 ns a row and one out of order up to seven times as much. What came after the last sorting
/// stands in a tail, which is merged now and then.
package struct OpenItems: Sendable {
    /// One legal entity's claim on one customer in one currency: the grain of aging.
    package struct Debtor: Hashable, Sendable {
        package let entity: Int64
        /// 0 for receipts whose payer is unknown.
        package let customer: Int64
        package let currency: Currency

        package init(entity: Int64, customer: Int64, currency: Currency) {
            self.entity = entity
            self.customer = customer
            self.currency = currency
        }
    }

    /// A new item as its facts say it; days as day numbers, the amount in minor units.
    package struct NewItem: Sendable {
        package var fact: Int64
        package var debtor: Debtor
        package var postingDay: Int32
        package var issueDay: Int32
        package var recognisedDay: Int32
        package var dueDay: Int32
        package var amount: Int64
        /// Fact number of the sales owner given with the invoice; 0 = the customer's.
        package var owner: Int64
        package var contract: String
        package var productLine: String

        package init(
            fact: Int64, debtor: Debtor, postingDay: Int32, issueDay: Int32, recognisedDay: Int32, dueDay: Int32,
            amount: Int64, owner: Int64, contract: String, productLine: String
        ) {
            self.fact = fact
            self.debtor = debtor
            self.postingDay = postingDay
            self.issueDay = issueDay
            self.recognisedDay = recognisedDay
            self.dueDay = dueDay
            self.amount = amount
            self.owner = owner
            self.contract = contract
            self.productLine = productLine
        }
    }

    struct Items: Sendable {
        var fact: [Int64] = []
        var debtor: [Int32] = []
        var posting: [Int32] = []
        var issue: [Int32] = []
        var recognised: [Int32] = []
        /// The due day last known; earlier ones stand in `dueChanges`.
        var due: [Int32] = []
        var amount: [Int64] = []
        var owner: [Int32] = []
        var contract: [Int32] = []
        var product: [Int32] = []
        var count: Int { fact.count }
    }

    struct Allocations: Sendable {
        var item: [Int32] = []
        var day: [Int32] = []
        var amount: [Int64] = []
        var fact: [Int64] = []
        /// What kind of credit it is a part of, as the store numbers kinds.
        var kind: [UInt8] = []
        var count: Int { fact.count }
    }

    /// What changed the unapplied money of a debtor: a credit (+), its allocation or reversal (−).
    struct Movements: Sendable {
        var debtor: [Int32] = []
        var day: [Int32] = []
        var amount: [Int64] = []
        var fact: [Int64] = []
        var count: Int { fact.count }
    }

    /// A due day in force from `valueDay` on, as known from `fact` on; the first is the original.
    struct DueChange: Sendable {
        let valueDay: Int32
        let due: Int32
        let fact: Int64
    }

    var items = Items()
    var allocations = Allocations()
    var movements = Movements()
    /// By item position; holds the original due day first, then each change in order of its fact.
    var dueChanges: [Int32: [DueChange]] = [:]
    package internal(set) var debtors: [Debtor] = []
    package internal(set) var owners: [Int64] = [0]
    package internal(set) var contracts: [String] = [""]
    package internal(set) var productLines: [String] = [""]

    /// Turnover of the ledger's accounts by day.
    var turnovers: [Turnover: [Int32: Int128]] = [:]

    /// Items before this position are sorted by debtor; `firstItem[d] ..< firstItem[d + 1]` are those of debtor `d`.
    var sortedItems = 0
    var firstItem: [Int32] = [0]
    /// Allocations before this index belong to sorted items and are sorted by them.
    var sortedAllocations = 0

    /// The number of the last fact in the picture; `knownFact` of a query is compared with it.
    package internal(set) var lastFact: Int64 = 0

    private var debtorIndex: [Debtor: Int32] = [:]
    private var ownerIndex: [Int64: Int32] = [0: 0]
    private var contractIndex: [String: Int32] = ["": 0]
    private var productIndex: [String: Int32] = ["": 0]
    /// Position by fact number minus `factsOffset`, kept only while facts are being added.
    private var positionOfFact: [Int64: Int32] = [:]
    private var densePositions: [Int32] = []
    /// An image was read: positions by fact have to be made before they are asked for.
    private var positionsAreStale = false

    package init() {}

    package var itemCount: Int { items.count }
    package var allocationCount: Int { allocations.count }

    // MARK: Adding facts

    /// Makes room for a load of so many rows whose fact numbers go up to `lastFact`.
    package mutating func reserve(items count: Int, allocations allocationCount: Int, lastFact: Int64) {
        items.fact.reserveCapacity(count)
        items.debtor.reserveCapacity(count)
        items.posting.reserveCapacity(count)
        items.issue.reserveCapacity(count)
        items.recognised.reserveCapacity(count)
        items.due.reserveCapacity(count)
        items.amount.reserveCapacity(count)
        items.owner.reserveCapacity(count)
        items.contract.reserveCapacity(count)
        items.product.reserveCapacity(count)
        allocations.item.reserveCapacity(allocationCount)
        allocations.day.reserveCapacity(allocationCount)
        allocations.amount.reserveCapacity(allocationCount)
        allocations.fact.reserveCapacity(allocationCount)
        allocations.kind.reserveCapacity(allocationCount)
        // A table by fact number is far faster than a dictionary while millions are added.
        if items.count == 0, count > 10_000 { densePositions = [Int32](repeating: -1, count: Int(lastFact) + 1) }
    }

    /// The index of a debtor, added when it is new.
    package mutating func index(of debtor: Debtor) -> Int32 {
        if let index = debtorIndex[debtor] { return index }
        let index = Int32(debtors.count)
        debtors.append(debtor)
        debtorIndex[debtor] = index
        return index
    }

    package mutating func add(_ item: NewItem) {
        add(item, debtor: index(of: item.debtor))
    }

    /// Adds an item whose debtor's index is known.
    package mutating func add(_ item: NewItem, debtor: Int32) {
        prepareToAdd()
        let position = Int32(items.count)
        items.fact.append(item.fact)
        items.debtor.append(debtor)
        items.posting.append(item.postingDay)
        items.issue.append(item.issueDay)
        items.recognised.append(item.recognisedDay)
        items.due.append(item.dueDay)
        items.amount.append(item.amount)
        items.owner.append(item.owner == 0 ? 0 : Self.code(of: item.owner, in: &owners, &ownerIndex))
        items.contract.append(item.contract.isEmpty ? 0 : Self.code(of: item.contract, in: &contracts, &contractIndex))
        items.product.append(
            item.productLine.isEmpty ? 0 : Self.code(of: item.productLine, in: &productLines, &productIndex))
        note(position, ofFact: item.fact)
        lastFact = max(lastFact, item.fact)
    }

    /// Adds an allocation to an item, in minor units of the item's currency; negative takes one back.
    ///
    /// - Returns: `false`, and nothing was added, when there is no such item.
    package mutating func addAllocation(fact: Int64, item: Int64, day: Int32, amount: Int64, kind: UInt8) -> Bool {
        prepareToAdd()
        guard let position = knownPosition(ofFact: item) else { return false }
        allocations.item.append(position)
        allocations.day.append(day)
        allocations.amount.append(amount)
        allocations.fact.append(fact)
        allocations.kind.append(kind)
        lastFact = max(lastFact, fact)
        return true
    }

    /// Adds a change of the unapplied money of a debtor, in minor units of its currency.
    package mutating func addMovement(fact: Int64, debtor: Int32, day: Int32, amount: Int64) {
        movements.debtor.append(debtor)
        movements.day.append(day)
        movements.amount.append(amount)
        movements.fact.append(fact)
        lastFact = max(lastFact, fact)
    }

    /// Adds an approved change of an item's due day, in force from `valueDay` on.
    ///
    /// - Returns: `false`, and nothing was added, when there is no such item.
    package mutating func addDueChange(fact: Int64, item: Int64, valueDay: Int32, due: Int32) -> Bool {
        prepareToAdd()
        guard let position = knownPosition(ofFact: item) else { return false }
        let original = DueChange(valueDay: .min, due: items.due[Int(position)], fact: 0)
        dueChanges[position, default: [original]].append(DueChange(valueDay: valueDay, due: due, fact: fact))
        items.due[Int(position)] = due
        lastFact = max(lastFact, fact)
        return true
    }

    /// Notes that every fact up to `fact` is in the picture, whether or not it shows in it.
    package mutating func sawFacts(through fact: Int64) { lastFact = max(lastFact, fact) }

    private static func code<Label: Hashable>(of label: Label, in labels: inout [Label], _ index: inout [Label: Int32])
        -> Int32
    {
        if let code = index[label] { return code }
        let code = Int32(labels.count)
        labels.append(label)
        index[label] = code
        return code
    }

    /// Where the item of a fact stands, of an item that is known to be there.
    package func position(ofFact fact: Int64) -> Int32 {
        guard let position = knownPosition(ofFact: fact) else {
            preconditionFailure("fact \(fact) is no item of this picture")
        }
        return position
    }

    /// Where the item of a fact stands; `nil` when the fact is no item. Asks for `prepareToAdd` after an image was read.
    package func knownPosition(ofFact fact: Int64) -> Int32? {
        if fact >= 0, fact < densePositions.count, densePositions[Int(fact)] >= 0 { return densePositions[Int(fact)] }
        return positionOfFact[fact]
    }

    // MARK: Sorting

    /// Whether enough came after the last sorting to make a new one worth its time.
    package var wantsSorting: Bool {
        (items.count - sortedItems) * 8 > items.count || (allocations.count - sortedAllocations) * 8 > allocations.count
    }

    /// Sorts items by debtor and allocations by item.
    package mutating func sort() {
        let (order, first) = Self.countingSort(items.debtor, keys: debtors.count)
        var newPosition = [Int32](repeating: 0, count: order.count)
        for (new, old) in order.enumerated() { newPosition[Int(old)] = Int32(new) }

        items.fact = Self.gather(items.fact, order)
        items.debtor = Self.gather(items.debtor, order)
        items.posting = Self.gather(items.posting, order)
        items.issue = Self.gather(items.issue, order)
        items.recognised = Self.gather(items.recognised, order)
        items.due = Self.gather(items.due, order)
        items.amount = Self.gather(items.amount, order)
        items.owner = Self.gather(items.owner, order)
        items.contract = Self.gather(items.contract, order)
        items.product = Self.gather(items.product, order)
        firstItem = first
        sortedItems = items.count

        for index in allocations.item.indices { allocations.item[index] = newPosition[Int(allocations.item[index])] }
        let (allocationOrder, _) = Self.countingSort(allocations.item, keys: items.count)
        allocations.item = Self.gather(allocations.item, allocationOrder)
        allocations.day = Self.gather(allocations.day, allocationOrder)
        allocations.amount = Self.gather(allocations.amount, allocationOrder)
        allocations.fact = Self.gather(allocations.fact, allocationOrder)
        allocations.kind = Self.gather(allocations.kind, allocationOrder)
        sortedAllocations = allocations.count

        dueChanges = Dictionary(uniqueKeysWithValues: dueChanges.map { (newPosition[Int($0.key)], $0.value) })
        rebuildPositions()
    }

    /// Positions by fact for what comes later; after a load the dense table has served its purpose.
    private mutating func rebuildPositions() {
        positionsAreStale = false
        positionOfFact.removeAll(keepingCapacity: true)
        for (position, fact) in items.fact.enumerated() { note(Int32(position), ofFact: fact) }
    }

    /// Facts after the load that the dense table was made for are beyond its end.
    private mutating func note(_ position: Int32, ofFact fact: Int64) {
        if fact < densePositions.count { densePositions[Int(fact)] = position } else { positionOfFact[fact] = position }
    }

    /// After an image was read: everything but the columns.
    mutating func rebuildIndexes() {
        debtorIndex = Dictionary(uniqueKeysWithValues: debtors.enumerated().map { ($1, Int32($0)) })
        ownerIndex = Dictionary(uniqueKeysWithValues: owners.enumerated().map { ($1, Int32($0)) })
        contractIndex = Dictionary(uniqueKeysWithValues: contracts.enumerated().map { ($1, Int32($0)) })
        productIndex = Dictionary(uniqueKeysWithValues: productLines.enumerated().map { ($1, Int32($0)) })
        let (_, first) = Self.countingSort(items.debtor, keys: debtors.count)
        firstItem = first
        sortedItems = items.count
        sortedAllocations = allocations.count
        positionsAreStale = true
    }

    /// Positions by fact are needed only to add facts, and cost time to make after an image was read.
    package mutating func prepareToAdd() {
        guard positionsAreStale else { return }
        positionsAreStale = false
        densePositions = [Int32](repeating: -1, count: Int(lastFact) + 1)
        for (position, fact) in items.fact.enumerated() { densePositions[Int(fact)] = Int32(position) }
    }

    private static func countingSort(_ keys: [Int32], keys count: Int) -> (order: [Int32], first: [Int32]) {
        var next = [Int32](repeating: 0, count: count + 1)
        for key in keys { next[Int(key) + 1] += 1 }
        for key in 0..<count { next[key + 1] += next[key] }
        let first = next
        var order = [Int32](repeating: 0, count: keys.count)
        for (index, key) in keys.enumerated() {
            order[Int(next[Int(key)])] = Int32(index)
            next[Int(key)] += 1
        }
        return (order, first)
    }

    private static func gather<Element>(_ column: [Element], _ order: [Int32]) -> [Element] {
        [Element](unsafeUninitializedCapacity: order.count) { target, count in
            column.withUnsafeBufferPointer { source in
                for index in order.indices { target.initializeElement(at: index, to: source[Int(order[index])]) }
            }
            count = order.count
        }
    }
}
