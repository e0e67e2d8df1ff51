import Ledger

/// The oracle: what a company's books must say, kept in plain lists and computed as simply as can be.
///
/// It shares nothing with the product but days, and looks everything up anew each time. Where both agree, they do so
/// for different reasons.
struct PlainCompany: Sendable {
    struct Invoice: Sendable {
        let number: String
        let customer: String
        let issued: LocalDate
        let posted: LocalDate
        let currency: String
        let amount: Int
        var items: [Item]
        var isTakenBack = false
    }

    struct Item: Sendable {
        let amount: Int
        let due: LocalDate
        /// In the order in which they were noted.
        var changes: [(from: LocalDate, due: LocalDate)] = []
    }

    enum CreditKind: Sendable { case receipt, note, correction }

    struct Credit: Sendable {
        let kind: CreditKind
        let reference: String
        /// Tells settlements of one invoice apart by their days; empty for everything else.
        var account = ""
        let registeredCustomer: String?
        var customer: String?
        let day: LocalDate
        let posted: LocalDate
        let currency: String
        let amount: Int
        /// The invoice that a credit note is about, by its place.
        var about: Int?
        var isReversed = false
    }

    /// A part of a credit applied to an item; negative where it was taken back.
    struct Part: Sendable {
        let credit: Int
        let invoice: Int
        let item: Int
        let day: LocalDate
        let posted: LocalDate
        let amount: Int
        let line: String?
        /// Which allocation it is a part of; one to several items has several parts.
        let allocation: Int
        var isTakenBack = false
    }

    /// Money that waits with a customer, or with nobody known.
    struct Movement: Sendable {
        let customer: String?
        let currency: String
        let posted: LocalDate
        let amount: Int
    }

    /// Why something is refused: its code in messages.
    struct No: Error, Equatable {
        let code: String
        init(_ code: String) { self.code = code }
    }

    var today: LocalDate
    var customers: [String: String] = [:]
    var invoices: [Invoice] = []
    var credits: [Credit] = []
    var parts: [Part] = []
    var movements: [Movement] = []
    var allocations = 0
    /// Months that are closed or soft-closed, counted from year 0.
    var closedMonths: [Int: Int] = [:]
    var policies: [(from: LocalDate, remindBefore: Int)] = [(LocalDate(dayNumber: 0), 3)]
    var tracking = Tracking()
    let workingDays: WorkingDays

    init(today: LocalDate, workingDays: WorkingDays) {
        self.today = today
        self.workingDays = workingDays
    }

    // MARK: Finding

    func invoice(_ number: String) -> Int? { invoices.lastIndex { $0.number == number } }

    /// The credits of a reference: one for each account, as it was registered last.
    func credits(_ kind: CreditKind, _ reference: String) -> [Int] {
        let all = credits.indices.filter { credits[$0].kind == kind && credits[$0].reference == reference }
        let accounts = Set(all.map { credits[$0].account }).sorted()
        return accounts.compactMap { account in all.last { credits[$0].account == account } }
    }

    // MARK: Sums

    func open(_ invoice: Int, _ item: Int, on day: LocalDate? = nil) -> Int {
        let used = parts.filter { part in
            part.invoice == invoice && part.item == item && (day.map { part.posted <= $0 } ?? true)
        }
        return invoices[invoice].items[item].amount - used.reduce(0) { $0 + $1.amount }
    }

    func left(_ credit: Int, on day: LocalDate? = nil) -> Int {
        if day == nil, credits[credit].isReversed { return 0 }
        let used = parts.filter { part in part.credit == credit && (day.map { part.posted <= $0 } ?? true) }
        return credits[credit].amount - used.reduce(0) { $0 + $1.amount }
    }

    /// The least that is left of something from a day on, over its dated changes.
    func least(of amount: Int, _ used: [Part], from day: LocalDate) -> Int {
        let days = [day] + used.map(\.posted).filter { $0 > day }
        return days.map { day in amount - used.filter { $0.posted <= day }.reduce(0) { $0 + $1.amount } }.min()
            ?? amount
    }

    func dueDay(_ invoice: Int, _ item: Int, on day: LocalDate = LocalDate(dayNumber: 1_000_000)) -> LocalDate {
        let item = invoices[invoice].items[item]
        var inForce: (from: LocalDate, due: LocalDate)?
        for change in item.changes where change.from <= day {
            if let last = inForce, last.from > change.from { continue }
            inForce = change
        }
        return inForce?.due ?? item.due
    }

    // MARK: Periods

    static func month(_ day: LocalDate) -> Int { day.parts.year * 12 + day.parts.month - 1 }

    /// The day something is posted that happened on a day: then, or when the books are open again.
    func postingDay(_ day: LocalDate) -> LocalDate {
        guard let last = closedMonths.keys.max(), Self.month(day) <= last else { return day }
        return LocalDate(year: (last + 1) / 12, month: (last + 1) % 12 + 1, day: 1) ?? day
    }

    var firstPosting: LocalDate? { (invoices.map(\.posted) + credits.map(\.posted)).min() }
}
