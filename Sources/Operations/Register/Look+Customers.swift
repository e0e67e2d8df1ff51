internal import Database
internal import Foundation
package import Ledger
internal import OpenItems
package import Receivables

extension Look {
    /// A customer's figures; amounts in minor units of the functional currency at the day's rate.
    package struct CustomerFigures: Sendable {
        /// By bucket of days overdue, the first not due.
        package var buckets: [Int128]
        package var unapplied: Int128 = 0
        /// By transaction currency: open, overdue, unapplied.
        package var byCurrency: [(currency: Currency, open: Int128, overdue: Int128, unapplied: Int128)] = []
        /// Whether something could not be translated, and is missing above.
        package var isPartial = false

        package var open: Int128 { buckets.reduce(0, +) }
        package var overdue: Int128 { buckets.dropFirst().reduce(0, +) }
        /// Past the last day of the bucket that ends at 90.
        package var beyond90: Int128 { buckets.dropFirst(4).reduce(0, +) }
    }

    package struct CustomerRow: Sendable {
        package let code: String
        package let name: String
        package let salesOwner: String?
        package let collector: String?
        /// Their e-mail addresses.
        package let salesOwnerKey: String?
        package let collectorKey: String?
        package let group: String?
        package let industry: String?
        package let isIncomplete: Bool
        package let figures: CustomerFigures
    }

    package enum CustomerSort: String, CaseIterable, Sendable { case overdue, beyond90, open, code, name, unapplied }

    package struct CustomerFilter: Sendable {
        package var text = ""
        /// A person's key, as sales owner or collector.
        package var person: String?
        package var onlyOpen = false
        package var onlyOverdue = false
        package var sort = CustomerSort.overdue
        package var isReversed = false
        /// Rows to leave out at the start: pages of a list that is sorted in memory, within one act.
        package var skip = 0
        package var limit = 50

        package init() {}
    }

    package struct CustomerPage: Sendable {
        package let rows: [CustomerRow]
        package let count: Int
        /// Of all that fit, not of the page alone.
        package let totals: CustomerFigures
    }

    /// A customer's figures, of all that it owes; nothing for those whose roles don't show what customers owe.
    func figures(of customer: Int64) -> CustomerFigures {
        guard viewer.may(.seeAging) || viewer.may(.seeInvoices) else { return Self.noFigures }
        return allFigures[customer] ?? Self.noFigures
    }

    private static let noFigures = CustomerFigures(
        buckets: [Int128](repeating: 0, count: Outlook.buckets.buckets.count))

    /// Of everybody, made once per act.
    private var allFigures: [Int64: CustomerFigures] {
        outlook.figures.get {
            outlook.debtorsOfCustomer.mapValues { debtors in
                var figures = Self.noFigures
                for index in debtors { add(Int(index), to: &figures) }
                return figures
            }
        }
    }

    /// What all customers owe together, for those whose roles show it.
    private func everybody() -> CustomerFigures {
        guard viewer.may(.seeAging) || viewer.may(.seeInvoices) else { return Self.noFigures }
        return outlook.everybody.get {
            var totals = Totals()
            for id in outlook.debtorsOfCustomer.keys where outlook.attributes[id] != nil { add(id, to: &totals) }
            return figures(of: totals)
        }
    }

    /// What several customers owe, each currency added up exactly: translated once, so that a total is the same
    /// wherever it stands.
    private struct Totals {
        var byCurrency: [Currency: (buckets: [Int128], unapplied: Int128)] = [:]
    }

    private func add(_ customer: Int64, to totals: inout Totals) {
        for debtor in outlook.debtorsOfCustomer[customer] ?? [] {
            let currency = outlook.items.debtors[Int(debtor)].currency
            var sum = totals.byCurrency[currency] ?? (Self.noFigures.buckets, 0)
            for (bucket, amount) in outlook.aging.row(Int(debtor)).enumerated() { sum.buckets[bucket] += amount }
            sum.unapplied += outlook.aging.unapplied[Int(debtor)]
            totals.byCurrency[currency] = sum
        }
    }

    private func figures(of totals: Totals) -> CustomerFigures {
        var figures = Self.noFigures
        for (currency, sum) in totals.byCurrency {
            guard outlook.rates[currency] != nil else {
                figures.isPartial =
                    figures.isPartial || sum.unapplied != 0 || sum.buckets.contains { $0 != 0 }
                continue
            }
            for (bucket, amount) in sum.buckets.enumerated() where amount != 0 {
                figures.buckets[bucket] += outlook.functional(amount, currency) ?? 0
            }
            figures.unapplied += outlook.functional(sum.unapplied, currency) ?? 0
        }
        return figures
    }

    /// The first customers in an order that are overdue, of the scope.
    func mostOverdue(_ sort: CustomerSort, limit: Int) -> [CustomerRow] {
        var rows: [CustomerRow] = []
        for id in order(sort) where sees(id) {
            guard rows.count < limit else { break }
            let figures = figures(of: id)
            guard figures.byCurrency.contains(where: { $0.overdue != 0 }), let entry = outlook.attributes[id] else {
                continue
            }
            rows.append(row(id, entry, figures))
        }
        return rows
    }

    /// Everybody in an order, made once per act.
    private func order(_ sort: CustomerSort) -> [Int64] {
        let make = {
            let figures = allFigures
            return outlook.directory.entries.map { ($0.id, figures[$0.id] ?? Self.noFigures) }
                .sorted { isBefore(($0.0, $0.1), ($1.0, $1.1), sort) }.map(\.0)
        }
        return outlook.orders[sort]?.get(make) ?? make()
    }

    private func add(_ debtor: Int, to figures: inout CustomerFigures) {
        let currency = outlook.items.debtors[debtor].currency
        let row = outlook.aging.row(debtor)
        let unapplied = outlook.aging.unapplied[debtor]
        let open = row.reduce(0, +)
        guard open != 0 || unapplied != 0 else { return }
        let overdue = row.dropFirst().reduce(0, +)
        if let index = figures.byCurrency.firstIndex(where: { $0.currency == currency }) {
            figures.byCurrency[index].open += open
            figures.byCurrency[index].overdue += overdue
            figures.byCurrency[index].unapplied += unapplied
        } else {
            figures.byCurrency.append((currency, open, overdue, unapplied))
        }
        guard let _ = outlook.rates[currency] else {
            figures.isPartial = true
            return
        }
        for (bucket, amount) in row.enumerated() where amount != 0 {
            figures.buckets[bucket] += outlook.functional(amount, currency) ?? 0
        }
        figures.unapplied += outlook.functional(unapplied, currency) ?? 0
    }

    /// Customers in the scope, the ones that owe most beyond their time first.
    package func customers(_ filter: CustomerFilter) -> CustomerPage {
        let attributes = outlook.attributes
        if viewer.seesAll, filter.text.isEmpty, filter.person == nil, !filter.onlyOpen, !filter.onlyOverdue {
            // Everybody: nothing has to be looked at but what is shown.
            let order = order(filter.sort)
            let places = order.indices.dropFirst(filter.skip).prefix(filter.limit)
            let rows = places.compactMap { place -> CustomerRow? in
                let id = order[filter.isReversed ? order.count - 1 - place : place]
                return attributes[id].map { row(id, $0, figures(of: id)) }
            }
            return CustomerPage(rows: rows, count: order.count, totals: everybody())
        }
        let mayKnow = viewer.may(.seeAging) || viewer.may(.seeInvoices)
        var totals = Totals()
        var shown: [Int64] = []
        var count = 0
        let wanted =
            filter.text.isEmpty
            ? nil : Set(outlook.directory.search(filter.text, limit: .max, where: { _ in true }))
        let order = order(filter.sort)
        let last = filter.skip + filter.limit
        for place in order.indices {
            let id = order[filter.isReversed ? order.count - 1 - place : place]
            guard wanted?.contains(id) ?? true, sees(id), let entry = attributes[id] else { continue }
            if let person = filter.person,
                outlook.people[entry.salesOwner] != person, outlook.people[entry.collector] != person
            {
                continue
            }
            let figures = figures(of: id)
            let isOpen = figures.open != 0 || figures.byCurrency.contains { $0.open != 0 }
            let isOverdue = figures.overdue != 0 || figures.byCurrency.contains { $0.overdue != 0 }
            if filter.onlyOpen && !isOpen || filter.onlyOverdue && !isOverdue { continue }
            if mayKnow { add(id, to: &totals) }
            if count >= filter.skip, count < last { shown.append(id) }
            count += 1
        }
        let rows = shown.compactMap { id in attributes[id].map { row(id, $0, figures(of: id)) } }
        return CustomerPage(rows: rows, count: count, totals: figures(of: totals))
    }

    private func isBefore(
        _ left: (id: Int64, figures: CustomerFigures), _ right: (id: Int64, figures: CustomerFigures),
        _ sort: CustomerSort
    ) -> Bool {
        let (one, other) = (left.figures, right.figures)
        switch sort {
        case .overdue where one.overdue != other.overdue: return one.overdue > other.overdue
        case .beyond90 where one.beyond90 != other.beyond90: return one.beyond90 > other.beyond90
        case .open where one.open != other.open: return one.open > other.open
        case .unapplied where one.unapplied != other.unapplied: return one.unapplied > other.unapplied
        case .name:
            let (a, b) = (outlook.attributes[left.id]?.name ?? "", outlook.attributes[right.id]?.name ?? "")
            return (a, left.id) < (b, right.id)
        default:
            let (a, b) = (outlook.attributes[left.id]?.code ?? "", outlook.attributes[right.id]?.code ?? "")
            return a < b
        }
    }

    private func row(_ id: Int64, _ entry: CustomerAttributes.Entry, _ figures: CustomerFigures) -> CustomerRow {
        CustomerRow(
            code: entry.code, name: entry.name, salesOwner: outlook.names[entry.salesOwner],
            collector: outlook.names[entry.collector],
            salesOwnerKey: entry.salesOwner.flatMap { outlook.people[$0] },
            collectorKey: entry.collector.flatMap { outlook.people[$0] },
            group: entry.group.flatMap { outlook.attributes[$0]?.code },
            industry: entry.industry, isIncomplete: entry.isIncomplete, figures: figures)
    }

    /// Everything about one customer that fits on the first screen.
    package struct CustomerPicture: Sendable {
        package let row: CustomerRow
        package let uscc: String?
        package let kind: Customer.Kind?
        package let size: Customer.Size?
        package let groupName: String?
        package let currency: String?
        package let termsDays: Int?
        package let language: String?
        package let contacts: [Contact]
        /// How the customer paid: settled items of the last year, those settled by their due day, days late on average.
        package let settled: Int
        package let onTime: Int
        package let daysLate: Int?
        package let oldestOverdueDays: Int
        package let lastReceiptDay: LocalDate?

        package struct Contact: Sendable {
            package let name: String
            package let purpose: Receivables.Contact.Purpose
            package let title: String?
            package let email: String?
            package let phone: String?
        }
    }

    /// - Throws: `Refusal` `customer.unknown`.
    package func customerPicture(_ code: String) throws -> CustomerPicture {
        let id = try customer(code)
        guard let entry = outlook.attributes[id] else { throw Refusal(.customerUnknown, ["customer": .text(code)]) }
        let personal = PersonalRepository(session: session, facts: nil)
        let contacts = try session.rows(
            """
            SELECT v.purpose, v.personal FROM contact c JOIN contact_version v ON v.contact = c.id
             WHERE c.customer = \(id) AND v.n = (SELECT max(n) FROM contact_version w WHERE w.contact = c.id)
             ORDER BY v.purpose, c.id LIMIT 50
            """
        ).compactMap { row -> CustomerPicture.Contact? in
            guard let purpose = Receivables.Contact.Purpose(rawValue: row.integer(0)),
                let content = try personal.fields(row.integer(1)).map(ContactRepository.content)
            else { return nil }
            return CustomerPicture.Contact(
                name: content.name, purpose: purpose, title: content.title, email: content.email, phone: content.phone)
        }
        let habits = habits(of: id)
        return CustomerPicture(
            row: row(id, entry, figures(of: id)), uscc: entry.uscc, kind: entry.kind, size: entry.size,
            groupName: entry.group.flatMap { outlook.attributes[$0]?.name }, currency: entry.currency,
            termsDays: entry.termsDays, language: entry.language, contacts: contacts, settled: habits.settled,
            onTime: habits.onTime, daysLate: habits.settled == 0 ? nil : habits.lateDays / habits.settled,
            oldestOverdueDays: habits.oldest, lastReceiptDay: try lastReceiptDay(of: id))
    }

    /// Payment history of the last year from the picture: an item counts when it is settled; its day is that of its last
    /// allocation.
    private func habits(of customer: Int64) -> (settled: Int, onTime: Int, lateDays: Int, oldest: Int) {
        let debtors = Set(outlook.debtorsOfCustomer[customer] ?? [])
        let positions = outlook.items.positions(ofDebtors: debtors)
        let settledDays = outlook.items.settledDays(of: positions)
        var result = (settled: 0, onTime: 0, lateDays: 0, oldest: 0)
        let today = day.dayNumber
        for position in positions {
            let due = Int(outlook.due[position])
            if outlook.open[position] > 0 {
                if due < today { result.oldest = max(result.oldest, today - due) }
            } else if let settled = settledDays[position], settled > today - 365, settled <= today {
                result.settled += 1
                result.lateDays += max(0, settled - due)
                if settled <= due { result.onTime += 1 }
            }
        }
        return result
    }

    private func lastReceiptDay(of customer: Int64) throws -> LocalDate? {
        let facts = outlook.moneyFacts(ofDebtors: Set(outlook.debtorsOfCustomer[customer] ?? []))
        for fact in facts.suffix(200).reversed() {
            if let day = try session.row("SELECT value_day FROM credit WHERE id = \(fact) AND kind = 1")?.integer(0) {
                return LocalDate(dayNumber: Int(day))
            }
        }
        return nil
    }

    /// People who own customers, for filters.
    /// The code of the customer that somebody means who typed a code, a name or a part of one; `nil` where it could be
    /// several or none.
    package func customerMeant(by text: String) -> String? {
        if let exact = customerNamed(text) { return exact }
        let typed = text.trimmingCharacters(in: .whitespaces)
        let found = outlook.directory.search(typed, limit: 2, where: sees).compactMap { outlook.attributes[$0] }
        return found.count == 1 ? found[0].code : nil
    }

    /// The code of the customer whose code or whole name this is; `nil` where it is none's, or several have the name.
    /// What is registered goes by this: a part of a name is nobody's.
    package func customerNamed(_ text: String) -> String? {
        let typed = text.trimmingCharacters(in: .whitespaces)
        if let id = try? customer(typed) { return outlook.attributes[id]?.code }
        let same = outlook.directory.search(typed, limit: 200, where: sees).compactMap { outlook.attributes[$0] }
            .filter { $0.name == typed }
        return same.count == 1 ? same[0].code : nil
    }

    /// Customers whose code, name or pinyin initials fit what somebody types.
    package func customerOptions(_ text: String, limit: Int = 12) -> [(code: String, name: String)] {
        guard !text.isEmpty else { return [] }
        return outlook.directory.search(String(text.prefix(80)), limit: limit, where: sees).compactMap { id in
            outlook.attributes[id].map { ($0.code, $0.name) }
        }
    }

    /// What is registered of a customer, by the columns of a customers file.
    ///
    /// - Throws: `Refusal` `customer.unknown`.
    package func customerFields(_ code: String) throws -> [String: String] {
        let id = try customer(code)
        guard let entry = outlook.attributes[id] else { throw Refusal(.customerUnknown, ["customer": .text(code)]) }
        func key(_ person: Int64?) -> String { person.flatMap { outlook.people[$0] } ?? "" }
        return [
            "code": entry.code, "name": entry.name, "uscc": entry.uscc ?? "", "industry": entry.industry ?? "",
            "kind": entry.kind?.name ?? "", "size": entry.size?.name ?? "",
            "group": entry.group.flatMap { outlook.attributes[$0]?.code } ?? "", "sales_owner": key(entry.salesOwner),
            "collector": key(entry.collector), "currency": entry.currency ?? "",
            "version":
                "\(try session.row("SELECT max(n) FROM customer_version WHERE customer = \(id)")?.integer(0) ?? 0)",
            "terms_days": entry.termsDays.map { "\($0)" } ?? "", "language": entry.language ?? "",
        ]
    }

    /// Everybody who is registered, by name: whom something may be given to.
    package func colleagues() -> [(key: String, name: String)] { outlook.names.all }

    /// Who has customers, by name.
    package func owners() -> [(key: String, name: String)] {
        var ids: Set<Int64> = []
        for entry in outlook.attributes.byID.values {
            if let owner = entry.salesOwner { ids.insert(owner) }
            if let collector = entry.collector { ids.insert(collector) }
        }
        return ids.compactMap { id in outlook.people[id].map { ($0, outlook.names[id] ?? $0) } }
            .sorted { $0.name < $1.name }
    }
}
