import Ledger
import OpenItems

/// What a made-up company recorded, by fact number, and what follows from it, computed as plainly as can be.
///
/// It shares no code with the picture, so that both can only agree when both are right.
struct PlainBooks {
    struct Allocation {
        var item: Int64
        var day: Int32
        var amount: Int64
        var kind: UInt8
    }

    struct Movement {
        var debtor: OpenItems.Debtor
        var day: Int32
        var amount: Int64
    }

    struct DueChange {
        var item: Int64
        var valueDay: Int32
        var due: Int32
    }

    var items: [Int64: OpenItems.NewItem] = [:]
    var allocations: [Int64: Allocation] = [:]
    var movements: [Int64: [Movement]] = [:]
    var dueChanges: [Int64: DueChange] = [:]
    var lastFact: Int64 = 0

    // MARK: Recording

    /// - Returns: The number of the item's fact.
    mutating func invoice(
        _ amount: Int64, posted: LocalDate, due: LocalDate, issued: LocalDate? = nil, recognised: LocalDate? = nil,
        to debtor: OpenItems.Debtor = .northInYuan, owner: Int64 = 0, contract: String = "", productLine: String = ""
    ) -> Int64 {
        lastFact += 1
        items[lastFact] = OpenItems.NewItem(
            fact: lastFact, debtor: debtor, postingDay: posted.number, issueDay: (issued ?? posted).number,
            recognisedDay: (recognised ?? posted).number, dueDay: due.number, amount: amount, owner: owner,
            contract: contract, productLine: productLine)
        return lastFact
    }

    /// Money received, or another credit, before it is allocated.
    mutating func credit(_ amount: Int64, to debtor: OpenItems.Debtor, on day: LocalDate) {
        lastFact += 1
        movements[lastFact] = [Movement(debtor: debtor, day: day.number, amount: amount)]
    }

    /// Allocates what the item's debtor has; a negative amount takes it back.
    mutating func allocate(_ amount: Int64, to item: Int64, on day: LocalDate, kind: UInt8 = 1) {
        lastFact += 1
        allocations[lastFact] = Allocation(item: item, day: day.number, amount: amount, kind: kind)
        if let debtor = items[item]?.debtor {
            movements[lastFact] = [Movement(debtor: debtor, day: day.number, amount: -amount)]
        }
    }

    mutating func moveDueDay(of item: Int64, to due: LocalDate, from valueDay: LocalDate) {
        lastFact += 1
        dueChanges[lastFact] = DueChange(item: item, valueDay: valueDay.number, due: due.number)
    }

    // MARK: What follows

    /// Open amounts of all items that are posted and known, by fact.
    func open(_ query: OpenItems.Query) -> [Int64: Int128] {
        let (day, known) = (query.asOf.number, query.knownFact)
        var open: [Int64: Int128] = [:]
        for (fact, item) in items where fact <= known && item.postingDay <= day { open[fact] = Int128(item.amount) }
        for (fact, allocation) in allocations where fact <= known && allocation.day <= day {
            open[allocation.item, default: 0] -= Int128(allocation.amount)
        }
        return open
    }

    func unapplied(_ query: OpenItems.Query) -> [OpenItems.Debtor: Int128] {
        var sums: [OpenItems.Debtor: Int128] = [:]
        for (fact, list) in movements where fact <= query.knownFact {
            for movement in list where movement.day <= query.asOf.number {
                sums[movement.debtor, default: 0] += Int128(movement.amount)
            }
        }
        return sums.filter { $0.value != 0 }
    }

    func dueDay(of item: Int64, on day: LocalDate, known: Int64) -> Int32 {
        let changes = dueChanges.filter { fact, change in
            change.item == item && fact <= known && change.valueDay <= day.number
        }
        let last = changes.sorted { ($0.value.valueDay, $0.key) < ($1.value.valueDay, $1.key) }.last
        return last?.value.due ?? items[item]?.dueDay ?? 0
    }

    func bucket(of item: OpenItems.NewItem, _ query: OpenItems.Query) -> Int {
        let start =
            switch query.buckets.basis {
            case .due: dueDay(of: item.fact, on: query.asOf, known: query.knownFact)
            case .invoice: item.issueDay
            case .recognition: item.recognisedDay
            }
        return query.buckets.plainIndex(of: LocalDate(number: start), on: query.asOf)
    }

    /// Open amounts by row and bucket; rows of nothing but zeros are left out.
    func aging<Row: Hashable>(_ query: OpenItems.Query, by row: (OpenItems.NewItem) -> Row?) -> [Row: [Int128]] {
        var sums: [Row: [Int128]] = [:]
        let none = [Int128](repeating: 0, count: query.buckets.buckets.count)
        for (fact, amount) in open(query) {
            guard let item = items[fact], let key = row(item) else { continue }
            sums[key, default: none][bucket(of: item, query)] += amount
        }
        return sums.withoutZeros
    }
}

extension BucketSet {
    /// Counts the bounds that lie before `day`, with anniversaries found by going back to a day that exists.
    func plainIndex(of start: LocalDate, on day: LocalDate) -> Int {
        buckets.prefix { bucket in
            switch bucket.last {
            case .days(let days)?: return start.dayNumber + days < day.dayNumber
            case .months(let months)?:
                let (year, month, dayOfMonth) = start.parts
                let count = month - 1 + months
                let end = (0...3).lazy.compactMap { back in
                    LocalDate(year: year + count / 12, month: count % 12 + 1, day: dayOfMonth - back)
                }.first
                return end.map { $0 < day } ?? false
            case nil: return false
            }
        }.count
    }
}

extension Dictionary where Value == [Int128] {
    var withoutZeros: [Key: Value] { filter { $0.value.contains { $0 != 0 } } }

    /// All rows in one.
    func total(width: Int) -> [Int128] {
        values.reduce([Int128](repeating: 0, count: width)) { sum, row in zip(sum, row).map(+) }
    }
}

extension LocalDate {
    init(number: Int32) { self.init(dayNumber: Int(number)) }
    var number: Int32 { Int32(dayNumber) }
}

extension OpenItems.Debtor {
    static let northInYuan = OpenItems.Debtor(entity: 1, customer: 1, currency: .yuan)
}

extension Currency {
    static let yuan = known("CNY"), yen = known("JPY"), dollar = known("USD")

    private static func known(_ code: String) -> Currency {
        guard let currency = Currency(code) else { preconditionFailure("\(code) is no currency") }
        return currency
    }
}
