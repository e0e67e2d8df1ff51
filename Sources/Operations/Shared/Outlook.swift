internal import Database
internal import Foundation
internal import Ledger
internal import OpenItems
internal import Receivables

/// What all pages of one moment are made of: open items, customers and people as of one act and one day.
///
/// Made once per act, by whoever asks first, and shared by all: nothing in it changes. It can be thrown away at any
/// time; every figure in it is made from facts.
final class Outlook: Sendable {
    let act: Int64
    let lastFact: Int64
    let instant: Instant
    let day: LocalDate
    let items: OpenItems
    let attributes: CustomerAttributes
    let directory: Directory
    let people: PersonKeys
    let names: PersonNames
    let company: CompanySettings
    /// What is open of each item, by position, and when it is due.
    let open: [Int64]
    let due: [Int32]
    /// By debtor: open amounts by days overdue, and money that waits.
    let aging: OpenItems.DebtorAging
    let debtorsOfCustomer: [Int64: [Int32]]
    /// Units of the functional currency for one unit of another, times 10⁸; currencies without a rate are left out.
    let rates: [Currency: Int64]

    /// Tasks that nobody finished yet.
    let tasks: OpenTasks

    // What only some pages ask for.
    let figures = Lazily<[Int64: Look.CustomerFigures]>()
    let orders = Look.CustomerSort.allCases.reduce(into: [Look.CustomerSort: Lazily<[Int64]>]()) { $0[$1] = Lazily() }
    let everybody = Lazily<Look.CustomerFigures>()
    let taskOrder = Lazily<[OpenTasks.Entry]>()
    let dueSoon = Lazily<[Int32: (count: Int, sum: Int128)]>()
    /// Who keeps this.
    private unowned let keeper: OutlookKeeper

    static let buckets = BucketSet.standardDue

    init(
        _ head: Head, _ items: OpenItems, _ parts: OutlookParts, _ tasks: OpenTasks, on day: LocalDate,
        _ keeper: OutlookKeeper, _ session: any SQLSession
    ) throws {
        self.tasks = tasks
        self.keeper = keeper
        act = head.lastAct
        lastFact = head.lastFact
        instant = head.lastInstant
        self.day = day
        self.items = items
        attributes = parts.attributes
        directory = parts.directory
        people = parts.people
        names = parts.names
        company = try CompanySettings.load(in: session)
        open = items.openAmounts(asOf: day)
        due = items.dueDays(asOf: day)
        aging = items.aging(OpenItems.Query(asOf: day, buckets: Self.buckets))
        var debtors: [Int64: [Int32]] = [:]
        for (index, debtor) in items.debtors.enumerated() { debtors[debtor.customer, default: []].append(Int32(index)) }
        debtorsOfCustomer = debtors
        var rates: [Currency: Int64] = [:]
        for currency in Set(items.debtors.map(\.currency)) {
            rates[currency] = try RateRepository.rate(from: currency, to: company.currency, on: day, in: session)
        }
        self.rates = rates
    }

    /// Facts that changed the money of some debtors, ascending.
    func moneyFacts(ofDebtors debtors: Set<Int32>) -> [Int64] {
        items.moneyFacts(ofDebtors: debtors, keeper.money(items))
    }

    func position(ofFact fact: Int64) -> Int? { items.knownPosition(ofFact: fact).map(Int.init) }

    /// An amount in the functional currency at the day's rate; `nil` without a rate.
    func functional(_ amount: Int128, _ currency: Currency) -> Int128? {
        guard let rate = rates[currency] else { return nil }
        // minor units: amount × rate / 10⁸ × 10^(exponents' difference), half away from zero
        let numerator = amount * Int128(rate) * Int128(company.currency.minorUnitsPerUnit)
        let denominator = Int128(100_000_000) * Int128(currency.minorUnitsPerUnit)
        return (numerator + (numerator < 0 ? -denominator / 2 : denominator / 2)) / denominator
    }
}

/// Parts of an outlook that change seldom, kept from one act to the next.
struct OutlookParts: Sendable {
    /// The last facts of what they are made of.
    let stamp: [Int64]
    let attributes: CustomerAttributes
    let directory: Directory
    let people: PersonKeys
    let names: PersonNames

    static func stamp(_ session: any SQLSession) throws -> [Int64] {
        let row = try session.row(
            """
            SELECT (SELECT max(id) FROM customer_version), (SELECT max(id) FROM person),
                (SELECT max(id) FROM person_detail)
            """)
        return (0..<3).map { row?.optionalInteger($0) ?? 0 }
    }

    init(_ stamp: [Int64], _ session: any SQLSession) throws {
        self.stamp = stamp
        attributes = try CustomerAttributes(session, on: LocalDate(dayNumber: 1_000_000), knownFact: .max)
        directory = Directory(attributes)
        people = try PersonKeys(session)
        names = try PersonNames(session)
    }
}

/// Keeps the last outlook.
final class OutlookKeeper: @unchecked Sendable {
    // `outlook` and `parts` are guarded by `lock`.
    private let lock = NSLock()
    private var outlook: Outlook?
    private var parts: OutlookParts?
    private var tasks = OpenTasks()
    private let moneyLock = NSLock()
    private var moneyIndex = OpenItems.MoneyIndex()
    private let numberLock = NSLock()
    private var numbers = NumberIndex()
    /// Whole reports: some megabytes each, where somebody sees all customers.
    let reports = ReportCache(most: 48)
    /// Answers of a few words or lines.
    let figures = ReportCache(most: 2_000)
    let months = MonthCache()

    /// An index that knows all movements but a few of the last.
    func money(_ items: OpenItems) -> OpenItems.MoneyIndex {
        moneyLock.withLock {
            let behind = items.movementCount - moneyIndex.count
            if behind > 20_000 || behind < 0 || moneyIndex.count == 0 { moneyIndex = items.moneyIndex() }
            return moneyIndex
        }
    }

    /// Invoices whose numbers hold a text, the newest first.
    func invoices(numbered text: String, limit: Int, in session: any SQLSession) throws -> [Int64] {
        try numberLock.withLock {
            try numbers.update(session)
            return numbers.search(text, limit: limit)
        }
    }

    /// The outlook of a session's snapshot on a day.
    ///
    /// Whoever finds none makes it while others wait, so that it is made once.
    func current(_ store: Store, on day: LocalDate, in session: any SQLSession) throws -> Outlook {
        lock.lock()
        defer { lock.unlock() }
        let head = try ActRepository(session: session).head()
        if let outlook, outlook.act == head.lastAct, outlook.day == day { return outlook }
        let known = try currentParts(session)
        // The columns are not copied while they grow when nobody else has them.
        outlook = nil
        let items = try store.picture.current(in: session, imagePath: store.imagePath, forLookUps: true)
        try tasks.update(session)
        let made = try Outlook(head, items, known, tasks, on: day, self, session)
        outlook = made
        return made
    }

    /// Customers and people as they are now.
    func parts(in session: any SQLSession) throws -> OutlookParts {
        lock.lock()
        defer { lock.unlock() }
        return try currentParts(session)
    }

    private func currentParts(_ session: any SQLSession) throws -> OutlookParts {
        let stamp = try OutlookParts.stamp(session)
        if let parts, parts.stamp == stamp { return parts }
        let made = try OutlookParts(stamp, session)
        parts = made
        return made
    }
}
