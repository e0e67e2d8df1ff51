internal import Database
internal import Foundation
package import Ledger
package import Receivables

/// Lists of the register for pages and the command line, from one snapshot, bounded by a limit.
package enum RegisterQueries {
    /// A page of a list, and how many more there are.
    package struct Page<Row: Sendable>: Sendable {
        package let rows: [Row]
        package let more: Int
    }

    package struct InvoiceFilter: Sendable {
        package var customer: String?
        package var status: Invoice.Status?
        package var owner: String?
        package var number: String?
        package var contract: String?
        package var dueBefore: LocalDate?
        package var onlyOpen = false
        package var limit = 100

        package init() {}
    }

    /// One item of an invoice with everything that is known of it; amounts in minor units of `currency`.
    package struct InvoiceRow: Sendable {
        package let number: String
        package let entity: String
        package let customer: String
        package let customerName: String
        package let instalment: Int
        package let issueDay: LocalDate
        package let postingDay: LocalDate
        package let dueDay: LocalDate
        package let originalDueDay: LocalDate
        package let currency: Currency
        package let amount: Int64
        package let open: Int64
        package let net: Int64?
        package let tax: Int64?
        package let status: Invoice.Status
        package let taxStatus: Invoice.TaxStatus
        package let eInvoiceNumber: String?
        package let contract: String?
        package let milestone: String?
        package let productLine: String?
        package let owner: String?
    }

    /// Items in order of their due days.
    package static func invoices(_ filter: InvoiceFilter, in store: Store) throws -> Page<InvoiceRow> {
        try store.read { session in
            let people = try PersonKeys(session)
            var conditions: [String] = []
            var values: [SQLValue] = []
            func add(_ condition: String, _ value: SQLValue) {
                values.append(value)
                conditions.append(condition.replacingFirst("?", with: "$\(values.count)"))
            }
            if let customer = filter.customer { add("c.code = ?", .text(customer)) }
            if let number = filter.number { add("v.number = ?", .text(number)) }
            if let contract = filter.contract { add("v.contract = ?", .text(contract)) }
            if let day = filter.dueBefore {
                add(
                    "coalesce((SELECT e.due_day FROM item_event e WHERE e.item = i.id ORDER BY e.n DESC LIMIT 1), i.due_day) < ?",
                    .integer(Int64(day.dayNumber)))
            }
            if filter.onlyOpen { conditions.append("b.open > 0") }
            if let owner = filter.owner {
                add("coalesce(v.sales_owner, cv.sales_owner) = (SELECT id FROM person WHERE key = ?)", .text(owner))
            }
            let statement = try session.statement(invoiceText(conditions))
            for (index, value) in values.enumerated() { statement.bind(index + 1, value: value) }
            var rows: [InvoiceRow] = []
            var more = 0
            while try statement.step() {
                guard let row = invoice(statement, people), filter.status == nil || filter.status == row.status else {
                    continue
                }
                if rows.count < filter.limit { rows.append(row) } else { more += 1 }
            }
            return Page(rows: rows, more: more)
        }
    }

    private static func invoiceText(_ conditions: [String]) -> String {
        """
        SELECT v.number, en.code, c.code, cv.name, i.n, v.issue_day, v.posting_day,
            coalesce((SELECT e.due_day FROM item_event e WHERE e.item = i.id ORDER BY e.n DESC LIMIT 1), i.due_day) AS due,
            i.due_day, v.currency, i.amount, b.open, v.net_amount, v.tax_amount,
            coalesce((SELECT s.status FROM tax_invoice_event s WHERE s.invoice = v.id ORDER BY s.n DESC LIMIT 1), v.tax_status),
            t.number, v.contract, v.milestone, v.product_line, coalesce(v.sales_owner, cv.sales_owner),
            (SELECT coalesce(sum(a.item_amount), 0) FROM allocation a JOIN credit k ON k.id = a.credit WHERE a.item = i.id AND k.kind = 1),
            (SELECT coalesce(sum(a.item_amount), 0) FROM allocation a JOIN credit k ON k.id = a.credit WHERE a.item = i.id AND k.kind = 8)
          FROM item i JOIN invoice v ON v.id = i.invoice JOIN item_balance b ON b.item = i.id JOIN entity en ON en.id = v.entity
          JOIN customer c ON c.id = v.customer
          JOIN customer_version cv ON cv.customer = c.id AND cv.n = (SELECT max(n) FROM customer_version w WHERE w.customer = c.id)
          LEFT JOIN tax_invoice t ON t.invoice = v.id
        \(conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND "))
         ORDER BY due, v.number, i.n
        """
    }

    private static func invoice(_ row: any SQLStatement, _ people: PersonKeys) -> InvoiceRow? {
        guard let currency = Currency(row.text(9)) else { return nil }
        func text(_ column: Int) -> String? { row.isNull(column) ? nil : row.text(column) }
        func day(_ column: Int) -> LocalDate { LocalDate(dayNumber: Int(row.integer(column))) }
        let byReceipts = row.integer(20)
        let byCorrection = row.integer(21)
        let amount = row.integer(10)
        let open = row.integer(11)
        return InvoiceRow(
            number: row.text(0), entity: row.text(1), customer: row.text(2), customerName: row.text(3),
            instalment: Int(row.integer(4)), issueDay: day(5), postingDay: day(6), dueDay: day(7),
            originalDueDay: day(8),
            currency: currency, amount: amount, open: open, net: row.optionalInteger(12), tax: row.optionalInteger(13),
            status: Invoice.Status(
                gross: amount, open: open, byReceipts: byReceipts,
                byCredits: amount - open - byReceipts - byCorrection, byCorrection: byCorrection),
            taxStatus: Invoice.TaxStatus(rawValue: row.integer(14)) ?? .delivered, eInvoiceNumber: text(15),
            contract: text(16), milestone: text(17), productLine: text(18), owner: people[row.optionalInteger(19)])
    }

    package struct CustomerRow: Sendable {
        package let code: String
        package let name: String
        package let group: String?
        package let kind: Customer.Kind?
        package let salesOwner: String?
        package let collector: String?
        package let uscc: String?
        package let isIncomplete: Bool
    }

    package static func customers(matching text: String?, limit: Int, in store: Store) throws -> Page<CustomerRow> {
        try store.read { session in
            let people = try PersonKeys(session)
            let attributes = try CustomerAttributes(session, on: LocalDate(dayNumber: 1_000_000), knownFact: .max)
            let wanted = text.map(CustomerRepository.nameKey)
            let entries = attributes.byID.values.filter { entry in
                guard let wanted, let text else { return true }
                return entry.nameKey.contains(wanted) || entry.code.lowercased().contains(text.lowercased())
            }.sorted { $0.code < $1.code }
            return Page(
                rows: entries.prefix(limit).map { entry in
                    CustomerRow(
                        code: entry.code, name: entry.name, group: entry.group.flatMap { attributes[$0]?.code },
                        kind: entry.kind, salesOwner: people[entry.salesOwner], collector: people[entry.collector],
                        uscc: entry.uscc, isIncomplete: entry.isIncomplete)
                }, more: max(0, entries.count - limit))
        }
    }

    package struct ReceiptRow: Sendable {
        package let reference: String
        package let bankAccount: String
        package let day: LocalDate
        package let customer: String?
        package let payer: String?
        package let amount: Money
        package let unapplied: Money
        package let isReversed: Bool
    }

    /// Receipts, newest first.
    package static func receipts(
        customer: String?, onlyUnapplied: Bool, limit: Int, in store: Store
    ) throws -> Page<ReceiptRow> {
        try store.read { session in
            let personal = PersonalRepository(session: session, facts: nil)
            let rows = try session.rows(
                """
                SELECT c.reference, c.bank_account, c.value_day, k.code, c.payer, c.currency, c.amount, b.unapplied,
                    b.reversed, c.personal, count(*) OVER ()
                  FROM credit c JOIN credit_balance b ON b.credit = c.id LEFT JOIN customer k ON k.id = b.customer
                 WHERE c.kind = 1 AND (\(customer == nil ? 1 : 0) = 1 OR k.code = \(customer ?? ""))
                   AND (\(onlyUnapplied ? 0 : 1) = 1 OR b.unapplied > 0)
                 ORDER BY c.value_day DESC, c.id DESC LIMIT \(limit)
                """)
            let found = try rows.compactMap { row -> ReceiptRow? in
                guard let currency = Currency(row.text(5)) else { return nil }
                let payer = try row.optionalInteger(9).map { try personal.fields($0)?.first } ?? row.optionalText(4)
                return ReceiptRow(
                    reference: row.text(0), bankAccount: row.text(1), day: LocalDate(dayNumber: Int(row.integer(2))),
                    customer: row.optionalText(3), payer: payer,
                    amount: Money(minorUnits: row.integer(6), currency: currency),
                    unapplied: Money(minorUnits: row.integer(7), currency: currency), isReversed: row.integer(8) == 1)
            }
            return Page(rows: found, more: max(0, Int(rows.first?.integer(10) ?? 0) - found.count))
        }
    }

    package struct ActRow: Sendable {
        package let number: Int64
        package let instant: Instant
        package let command: String
        package let actor: String
        package let source: String
        package let facts: Int64
        package let outcome: String
        package let hash: String
    }

    /// The journal of acts, newest first.
    package static func acts(command: String?, limit: Int, in store: Store) throws -> Page<ActRow> {
        try store.read { session in
            let rows = try session.rows(
                """
                SELECT seq, recorded_at, command, actor, source, fact_count, outcome, hash, count(*) OVER () FROM act
                 WHERE (\(command == nil ? 1 : 0) = 1 OR command = \(command ?? "")) ORDER BY seq DESC LIMIT \(limit)
                """)
            return Page(
                rows: rows.map { row in
                    ActRow(
                        number: row.integer(0), instant: Instant(microseconds: row.integer(1)), command: row.text(2),
                        actor: row.text(3), source: row.text(4), facts: row.integer(5), outcome: row.text(6),
                        hash: row.blob(7).hexadecimal)
                }, more: max(0, Int(rows.first?.integer(8) ?? 0) - rows.count))
        }
    }
}

extension String {
    func replacingFirst(_ part: String, with other: String) -> String {
        guard let range = range(of: part) else { return self }
        return replacingCharacters(in: range, with: other)
    }
}
