package import Ledger

/// An invented Chinese technology company and what happens to its receivables, day by day.
///
/// Nothing in it exists: names, codes, accounts and telephone numbers are composed so that they
/// look right and belong to nobody. The same arguments always give the same company.
///
/// It tells some stories on purpose: a group whose treasury pays for its subsidiaries, a start-up
/// that pays later and later, two customers that stop paying, an invoice that is refused, a large
/// payment made twice, and a customer that was entered twice.
package struct SampleCompany: Sendable {
    private let first: LocalDate
    private let last: LocalDate
    private let files: ExchangeFiles
    private let pace: StaffPace
    private let customers: DayBuckets
    private let invoices: DayBuckets
    private let creditNotes: DayBuckets
    private let receipts: DayBuckets
    private let allocations: DayBuckets
    private let pauses: DayBuckets

    /// Lives through the whole history.
    ///
    /// - Parameters:
    ///   - seed: Chooses the company; any number will do.
    ///   - customers: How many customers there are in the end.
    ///   - invoices: About how many invoices are issued in all.
    ///   - from: The first day of the history.
    ///   - to: Its last day, inclusive; nothing is dated later but due days and the ends of pauses.
    /// - Precondition: There are at least 5 customers, and the history isn't turned around.
    package init(seed: UInt64, customers: Int, invoices: Int, from: LocalDate, to: LocalDate) {
        precondition(customers >= 5, "the stories need at least 5 customers")
        precondition(from <= to, "a history ends after it begins")

        var history = History()
        var cast = Cast(seed: seed, from: from, to: to)
        history.customers = cast.customers(count: customers)
        OrderBook(seed: seed, from: from, to: to).fill(&history, invoices: max(0, invoices))
        var settlement = Settlement(seed: seed, from: from, to: to)
        settlement.settle(&history)
        var numbering = Numbering(seed: seed, from: from, to: to)
        numbering.number(&history)

        first = from
        last = to
        files = ExchangeFiles(history: history, seed: seed)
        pace = StaffPace(seed: seed)
        func byDay(_ count: Int, _ day: (Int) -> LocalDate) -> DayBuckets {
            DayBuckets(count: count, from: from, to: to, day: day)
        }
        self.customers = byDay(history.customers.count) { history.customers[$0].joined }
        self.invoices = byDay(history.invoices.count) { history.invoices[$0].registered }
        creditNotes = byDay(history.creditNotes.count) { history.creditNotes[$0].day }
        receipts = byDay(history.receipts.count) { history.receipts[$0].day }
        allocations = byDay(history.allocations.count) { history.allocations[$0].day }
        pauses = byDay(history.pauses.count) { history.pauses[$0].from }
    }

    /// The company's legal name.
    package var companyName: String { Seller.legalName }

    /// Who works for the company: an e-mail address, a role and the manager's address.
    package var staff: [(address: String, name: String, role: String, manager: String?)] {
        let head = Seller.finance.first { $0.role == "management" }?.address
        let financeHead = Seller.finance.first { $0.role == "finance_manager" }?.address
        func manager(_ role: String) -> String? {
            switch role {
            case "management": nil
            case "finance_manager", "auditor", "admin": head
            default: financeHead
            }
        }
        return Seller.finance.map { ($0.address, Seller.name($0.address), $0.role, manager($0.role)) }
            + Seller.salesOwners.map { ($0, Seller.name($0), "sales", head) }
            + Seller.collectors.map { ($0, Seller.name($0), "collector", financeHead) }
    }

    /// What is known before the first day: customers and their contacts.
    package var opening: [SampleFile] {
        let known = customers[first].map { Int($0) }
        return [files.customers(known), files.contacts(known)].compactMap { $0 }
    }

    /// What happens on `day`, in order; nothing outside of the history.
    package func day(_ day: LocalDate) -> SampleDay {
        guard day >= first, day <= last else { return SampleDay(files: [], pauses: [], finishedTaskShare: 0) }
        let joining = day == first ? [] : customers[day].map { Int($0) }
        let written = [
            files.customers(joining), files.contacts(joining), files.invoices(invoices[day]),
            files.creditNotes(creditNotes[day]), files.receipts(receipts[day]),
            files.allocations(allocations[day]),
        ]
        return SampleDay(
            files: written.compactMap { $0 }, pauses: files.pauses(pauses[day]),
            finishedTaskShare: pace.finishedTaskShare(on: day))
    }
}
