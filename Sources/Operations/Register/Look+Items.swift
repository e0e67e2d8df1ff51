internal import Database
internal import Foundation
package import Ledger
internal import OpenItems
package import Receivables

extension Look {
    package enum ItemState: String, CaseIterable, Sendable { case open, overdue, settled, all }

    package enum ItemSort: String, CaseIterable, Sendable { case due, issue, open, amount }

    /// Which items of the register, and in which order.
    package struct ItemFilter: Sendable {
        package var state = ItemState.open
        package var customer: String?
        /// The sales owner's or collector's key.
        package var person: String?
        package var currency: Currency?
        package var contract: String?
        /// A part of the invoice's number.
        package var number = ""
        package var dueFrom: LocalDate?
        package var dueTo: LocalDate?
        /// Index into the standard buckets of days overdue.
        package var bucket: Int?
        package var sort = ItemSort.due
        package var isReversed = false
        /// Where the page before ended: its last row's sort value and fact.
        package var after: Cursor?
        package var limit = 50

        package init() {}
    }

    /// A place in a list that stays where it is when rows come or go.
    package struct Cursor: Hashable, Sendable {
        package let value: Int64
        package let fact: Int64

        package init(value: Int64, fact: Int64) {
            self.value = value
            self.fact = fact
        }

        /// - Returns: `nil` for text that isn't a cursor's.
        package init?(_ text: String) {
            let parts = text.split(separator: "_", omittingEmptySubsequences: false)
            guard parts.count == 2, let value = Int64(parts[0]), let fact = Int64(parts[1]) else { return nil }
            self.init(value: value, fact: fact)
        }

        package var text: String { "\(value)_\(fact)" }
    }

    /// One item; amounts in minor units of `currency`.
    package struct ItemRow: Sendable {
        package let fact: Int64
        package let number: String
        package let entity: String
        package let instalment: Int
        package let instalments: Int
        package let customer: String
        package let customerName: String
        package let salesOwner: String?
        package let issueDay: LocalDate
        package let dueDay: LocalDate
        package let currency: Currency
        package let amount: Int64
        package let open: Int64
        package let contract: String?
        package let taxStatus: Invoice.TaxStatus
        /// The tax invoice's own number (数电票号码), which payers quote.
        package let taxNumber: String?
        /// Negative before the due day.
        package let daysOverdue: Int
    }

    package struct ItemPage: Sendable {
        package let rows: [ItemRow]
        package let count: Int
        /// Whether there may be more than were counted: a part of a number was looked for that many have.
        package var isCut = false
        /// Of all items that fit: by currency, open and amount.
        package let totals: [(currency: Currency, open: Int128, amount: Int128)]
        package let next: Cursor?

        init(
            rows: [ItemRow], count: Int, totals: [(currency: Currency, open: Int128, amount: Int128)], next: Cursor?
        ) {
            self.rows = rows
            self.count = count
            self.totals = totals
            self.next = next
        }

        /// Some rows without a sum.
        package init(of rows: [ItemRow]) { self.init(rows: rows, count: rows.count, totals: [], next: nil) }
    }

    /// Items of the register. All are looked at in memory; only those shown are read.
    ///
    /// - Throws: `Refusal` `customer.unknown`.
    package func items(_ filter: ItemFilter) throws -> ItemPage {
        // Lists that everybody opens are made once per act.
        guard viewer.seesAll, filter.customer == nil, filter.number.isEmpty, filter.limit <= 100 else {
            return try find(filter)
        }
        let parts: [String] = [
            "items", "\(day)", filter.state.rawValue, filter.person ?? "", filter.currency?.code ?? "",
            filter.contract ?? "", filter.dueFrom.map { "\($0)" } ?? "", filter.dueTo.map { "\($0)" } ?? "",
            filter.bucket.map { "\($0)" } ?? "", filter.sort.rawValue, "\(filter.isReversed)",
            filter.after?.text ?? "", "\(filter.limit)",
        ]
        return try store.outlooks.reports.report(parts.joined(separator: "\n"), act: act) { try find(filter) }
    }

    private func find(_ filter: ItemFilter) throws -> ItemPage {
        let picture = outlook.items
        let today = Int32(day.dayNumber)
        let wanted = try wantedDebtors(filter)
        let contract = filter.contract.map { wanted in
            picture.contracts.firstIndex(of: wanted).map(Int32.init) ?? -1
        }
        let table = Outlook.buckets.table(on: day)
        let person = filter.person
        var isCut = false
        var top = TopList<(key: Int64, fact: Int64, position: Int)>(filter.limit + 1) { left, right in
            left.key != right.key ? left.key < right.key : left.fact < right.fact
        }
        var totals: [Int32: (open: Int128, amount: Int128)] = [:]
        var count = 0
        func consider(_ position: Int) {
            let debtor = picture.debtor(of: position)
            if let wanted, !wanted[Int(debtor)] { return }
            if let person, !isOf(person, position, debtor) { return }
            let open = outlook.open[position]
            let due = outlook.due[position]
            switch filter.state {
            case .open: if open == 0 { return }
            case .overdue: if open == 0 || due >= today { return }
            case .settled: if open != 0 { return }
            case .all: break
            }
            if let contract, picture.contract(at: position) != contract { return }
            if let from = filter.dueFrom, due < Int32(from.dayNumber) { return }
            if let to = filter.dueTo, due > Int32(to.dayNumber) { return }
            if let bucket = filter.bucket, open == 0 || table.bucket(ofAge: today &- due) != bucket { return }
            count += 1
            totals[debtor, default: (0, 0)].open += Int128(open)
            totals[debtor, default: (0, 0)].amount += Int128(picture.amount(at: position))
            var key: Int64
            switch filter.sort {
            case .due: key = Int64(due)
            case .issue: key = -Int64(picture.issueDay(at: position))
            case .open: key = -open
            case .amount: key = -picture.amount(at: position)
            }
            if filter.isReversed { key = -key }
            let fact = picture.fact(at: position)
            if let after = filter.after, (key, fact) <= (after.value, after.fact) { return }
            top.add((key, fact, position))
        }
        if !filter.number.isEmpty {
            let numbered = try items(numbered: filter.number, limit: Self.mostNumbered)
            isCut = numbered.count >= Self.mostNumbered
            for fact in numbered {
                let position = outlook.position(ofFact: fact)
                if let position { consider(position) }
            }
        } else if let wanted, filter.customer != nil {
            let debtors = Set(wanted.indices.filter { wanted[$0] }.map(Int32.init))
            for position in picture.positions(ofDebtors: debtors) { consider(position) }
        } else {
            for position in 0..<picture.itemCount { consider(position) }
        }
        let sorted = top.sorted()
        let shown = Array(sorted.prefix(filter.limit))
        let rows = try rows(of: shown.map(\.position))
        var byCurrency: [Currency: (open: Int128, amount: Int128)] = [:]
        for (debtor, sums) in totals {
            let currency = picture.debtors[Int(debtor)].currency
            byCurrency[currency, default: (0, 0)].open += sums.open
            byCurrency[currency, default: (0, 0)].amount += sums.amount
        }
        var page = ItemPage(
            rows: rows, count: count,
            totals: byCurrency.sorted { $0.key < $1.key }.map { ($0.key, $0.value.open, $0.value.amount) },
            next: sorted.count > filter.limit ? shown.last.map { Cursor(value: $0.key, fact: $0.fact) } : nil)
        page.isCut = isCut
        return page
    }

    private static let mostNumbered = 2_000

    /// Items by their facts, of those in the scope.
    package func items(facts: [Int64]) throws -> [ItemRow] {
        try rows(
            of: facts.compactMap { outlook.position(ofFact: $0) }.filter {
                sees(outlook.items.debtors[Int(outlook.items.debtor(of: $0))].customer)
            })
    }

    private func wantedDebtors(_ filter: ItemFilter) throws -> [Bool]? {
        var wanted = visibleDebtors()
        func narrow(_ keep: (OpenItems.Debtor) -> Bool) {
            let debtors = outlook.items.debtors
            var list = wanted ?? [Bool](repeating: true, count: debtors.count)
            for index in debtors.indices where list[index] && !keep(debtors[index]) { list[index] = false }
            wanted = list
        }
        if let code = filter.customer {
            let id = try customer(code)
            narrow { $0.customer == id }
        }
        if let currency = filter.currency { narrow { $0.currency == currency } }
        return wanted
    }

    /// Whether a person is an item's collector or sales owner: the invoice's own where it names one.
    private func isOf(_ person: String, _ position: Int, _ debtor: Int32) -> Bool {
        let entry = outlook.attributes[outlook.items.debtors[Int(debtor)].customer]
        let own = outlook.items.owner(at: position)
        return outlook.people[own == 0 ? entry?.salesOwner : own] == person
            || outlook.people[entry?.collector] == person
    }

    /// Items of invoices whose number has a part: the ones that begin with it first.
    func items(numbered part: String, limit: Int) throws -> [Int64] {
        let text = part.trimmingCharacters(in: .whitespaces)
        guard !text.isEmpty else { return [] }
        let end = text + "\u{10FFFF}"
        var found = try session.rows(
            """
            SELECT i.id FROM invoice v JOIN item i ON i.invoice = v.id WHERE v.entity IN (SELECT id FROM entity)
               AND v.number >= \(text) AND v.number < \(end) ORDER BY v.number, i.id LIMIT \(limit)
            """
        ).map { $0.integer(0) }
        guard found.count < limit, text.count >= 3 else { return found }
        let known = Set(found)
        let invoices = try store.outlooks.invoices(numbered: text, limit: limit, in: session)
        var items: [Int64: [Int64]] = [:]
        try session.rows(
            about: invoices.map { .integer($0) }, [],
            { "SELECT id, invoice FROM item WHERE invoice IN (\($0)) ORDER BY invoice, id" },
            visit: { items[$0.integer(1), default: []].append($0.integer(0)) })
        for item in invoices.flatMap({ items[$0] ?? [] }) where !known.contains(item) { found.append(item) }
        return Array(found.prefix(limit))
    }

    /// Reads what the picture doesn't have, for the items that are shown.
    func rows(of positions: [Int]) throws -> [ItemRow] {
        var read: [Int64: SQLRow] = [:]
        try session.rows(
            about: positions.map { .integer(outlook.items.fact(at: $0)) }, [],
            { places in
                """
                SELECT i.id, v.number, e.code, i.n, v.contract,
                    coalesce((SELECT s.status FROM tax_invoice_event s WHERE s.invoice = v.id ORDER BY s.n DESC LIMIT 1),
                        v.tax_status),
                    (SELECT max(x.n) FROM item x WHERE x.invoice = v.id),
                    (SELECT t.number FROM tax_invoice t WHERE t.invoice = v.id)
                  FROM item i JOIN invoice v ON v.id = i.invoice JOIN entity e ON e.id = v.entity WHERE i.id IN (\(places))
                """
            }, visit: { read[$0.integer(0)] = $0 })
        return positions.compactMap { position in
            let fact = outlook.items.fact(at: position)
            guard let row = read[fact] else { return nil }
            let debtor = outlook.items.debtors[Int(outlook.items.debtor(of: position))]
            let entry = outlook.attributes[debtor.customer]
            let own = outlook.items.owner(at: position)
            let due = LocalDate(dayNumber: Int(outlook.due[position]))
            return ItemRow(
                fact: fact, number: row.text(1), entity: row.text(2), instalment: Int(row.integer(3)),
                instalments: Int(row.integer(6)), customer: entry?.code ?? "", customerName: entry?.name ?? "",
                salesOwner: outlook.names[own == 0 ? entry?.salesOwner : own],
                issueDay: LocalDate(dayNumber: Int(outlook.items.issueDay(at: position))), dueDay: due,
                currency: debtor.currency, amount: outlook.items.amount(at: position), open: outlook.open[position],
                contract: row.optionalText(4), taxStatus: Invoice.TaxStatus(rawValue: row.integer(5)) ?? .delivered,
                taxNumber: row.optionalText(7), daysOverdue: day.days(since: due))
        }
    }
}
