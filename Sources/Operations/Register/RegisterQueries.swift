internal import Database
internal import Foundation
package import Ledger
package import OpenItems
package import Receivables

/// Lists of the register for pages and the command line, from one snapshot, bounded by a limit.
package enum RegisterQueries {
    /// A page of a list, and how many more there are.
    package struct Page<Row: Sendable>: Sendable {
        package let rows: [Row]
        package let more: Int
    }

    /// Which items of invoices, and as of when: the same day and state of knowledge that an aging report was made for
    /// give the items that its figures are made of.
    package struct InvoiceFilter: Sendable {
        package var customer: String?
        package var status: Invoice.Status?
        package var owner: String?
        package var collector: String?
        /// The code of the customer at a group's top.
        package var group: String?
        package var number: String?
        package var contract: String?
        package var currency: Currency?
        package var dueBefore: LocalDate?
        package var onlyOpen = false
        /// Facts posted up to this day; `nil` takes all.
        package var asOf: LocalDate?
        package var knownAt = KnownAt.now
        /// Only items of one bucket of an aging report, by its code.
        package var bucket: (set: BucketSet, code: String)?
        /// Who asks: only customers in their data scope are listed. `nil` lists all.
        package var viewer: Viewer?
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
        package let recognisedDay: LocalDate
        package let dueDay: LocalDate
        package let originalDueDay: LocalDate
        package let currency: Currency
        /// Of the item, and of the whole invoice.
        package let amount: Int64
        package let gross: Int64
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
    ///
    /// - Parameter today: The day whose due days and lateness count when `filter.asOf` is not given.
    /// - Throws: `Refusal` `customer.unknown`, `act.unknown`.
    package static func invoices(
        _ filter: InvoiceFilter, today: LocalDate, in store: Store
    ) throws -> Page<InvoiceRow> {
        try store.read { session in
            let known = try filter.knownAt.state(in: session)
            let day = filter.asOf ?? today
            let people = try PersonKeys(session)
            let attributes = try CustomerAttributes(session, on: day, knownFact: known.lastFact)
            for code in [filter.customer, filter.group].compactMap({ $0 }) { try need(customer: code, in: session) }
            var values: [SQLValue] = [
                .integer(Int64(filter.asOf?.dayNumber ?? 1_000_000)), .integer(known.lastFact),
                .integer(Int64(day.dayNumber)),
            ]
            var conditions = ["v.posting_day <= $1", "v.id <= $2"]
            func add(_ condition: String, _ value: SQLValue) {
                values.append(value)
                conditions.append(condition.replacingFirst("?", with: "$\(values.count)"))
            }
            if let customer = filter.customer { add("c.code = ?", .text(customer)) }
            // The key begins with the entity, of which there are few.
            if let number = filter.number { add("v.entity IN (SELECT id FROM entity) AND v.number = ?", .text(number)) }
            if let contract = filter.contract { add("v.contract = ?", .text(contract)) }
            if let currency = filter.currency { add("v.currency = ?", .text(currency.code)) }
            let statement = try session.scan(invoiceText(conditions))
            for (index, value) in values.enumerated() { statement.bind(index + 1, value: value) }
            var rows: [InvoiceRow] = []
            var more = 0
            while try statement.step() {
                let entry = attributes[statement.integer(23)]
                guard let row = invoice(statement, people, entry), Self.sees(filter.viewer, entry) else { continue }
                guard filter.status == nil || filter.status == row.status, !filter.onlyOpen || row.open > 0,
                    filter.dueBefore.map({ row.dueDay < $0 }) ?? true, filter.owner == nil || filter.owner == row.owner,
                    filter.collector == nil || filter.collector == people[entry?.collector],
                    filter.group == nil
                        || filter.group == attributes[attributes.groupTop(of: statement.integer(23))]?.code,
                    filter.bucket.map({ row.open != 0 && isIn($0, row, day) }) ?? true
                else { continue }
                if rows.count < filter.limit { rows.append(row) } else { more += 1 }
            }
            return Page(rows: rows, more: more)
        }
    }

    static func sees(_ viewer: Viewer?, _ entry: CustomerAttributes.Entry?) -> Bool {
        viewer?.sees(salesOwner: entry?.salesOwner, collector: entry?.collector) ?? true
    }

    /// - Throws: `Refusal` `customer.unknown`.
    static func need(customer code: String, in session: any SQLSession) throws {
        guard try session.row("SELECT id FROM customer WHERE code = \(code)") != nil else {
            throw Refusal(.customerUnknown, ["customer": .text(code)])
        }
    }

    private static func isIn(_ bucket: (set: BucketSet, code: String), _ row: InvoiceRow, _ day: LocalDate) -> Bool {
        let start: LocalDate
        switch bucket.set.basis {
        case .due: start = row.dueDay
        case .invoice: start = row.issueDay
        case .recognition: start = row.recognisedDay
        }
        return bucket.set.buckets[bucket.set.index(of: start, on: day)].code == bucket.code
    }

    /// $1 is the last posting day that counts, $2 the last fact, $3 the day whose due days are in force.
    private static func invoiceText(_ conditions: [String]) -> String {
        """
        SELECT v.number, en.code, c.code, v.recognised_day, i.n, v.issue_day, v.posting_day,
            coalesce((SELECT e.due_day FROM item_event e WHERE e.item = i.id AND e.due_day IS NOT NULL AND e.id <= $2
                AND e.value_day <= $3 ORDER BY e.value_day DESC, e.id DESC LIMIT 1), i.due_day) AS due,
            i.due_day, v.currency, i.amount,
            i.amount - (SELECT coalesce(sum(a.item_amount), 0) FROM allocation a
                WHERE a.item = i.id AND a.posting_day <= $1 AND a.id <= $2),
            v.net_amount, v.tax_amount,
            coalesce((SELECT s.status FROM tax_invoice_event s WHERE s.invoice = v.id AND s.id <= $2
                ORDER BY s.n DESC LIMIT 1), v.tax_status),
            t.number, v.contract, v.milestone, v.product_line, v.sales_owner,
            \(applied("k.kind = 1")), \(applied("k.kind = 8")), \(applied("1 = 1")), c.id, v.amount
          FROM item i JOIN invoice v ON v.id = i.invoice JOIN entity en ON en.id = v.entity
          JOIN customer c ON c.id = v.customer LEFT JOIN tax_invoice t ON t.invoice = v.id
         WHERE \(conditions.joined(separator: " AND "))
         ORDER BY due, v.number, i.n, i.id
        """
    }

    /// What credits of a kind paid of the whole invoice: its status is that of all its items.
    private static func applied(_ kind: String) -> String {
        """
        (SELECT coalesce(sum(a.item_amount), 0) FROM item x JOIN allocation a ON a.item = x.id
            JOIN credit k ON k.id = a.credit
          WHERE x.invoice = v.id AND a.posting_day <= $1 AND a.id <= $2 AND \(kind))
        """
    }

    private static func invoice(
        _ row: any SQLStatement, _ people: PersonKeys, _ entry: CustomerAttributes.Entry?
    ) -> InvoiceRow? {
        guard let currency = Currency(row.text(9)) else { return nil }
        func text(_ column: Int) -> String? { row.isNull(column) ? nil : row.text(column) }
        func day(_ column: Int) -> LocalDate { LocalDate(dayNumber: Int(row.integer(column))) }
        let byReceipts = row.integer(20)
        let byCorrection = row.integer(21)
        let applied = row.integer(22)
        let gross = row.integer(24)
        return InvoiceRow(
            number: row.text(0), entity: row.text(1), customer: row.text(2), customerName: entry?.name ?? "",
            instalment: Int(row.integer(4)), issueDay: day(5), postingDay: day(6), recognisedDay: day(3),
            dueDay: day(7),
            originalDueDay: day(8), currency: currency, amount: row.integer(10), gross: gross,
            open: row.integer(11),
            net: row.optionalInteger(12), tax: row.optionalInteger(13),
            status: Invoice.Status(
                gross: gross, open: gross - applied, byReceipts: byReceipts,
                byCredits: applied - byReceipts - byCorrection, byCorrection: byCorrection),
            taxStatus: Invoice.TaxStatus(rawValue: row.integer(14)) ?? .delivered, eInvoiceNumber: text(15),
            contract: text(16), milestone: text(17), productLine: text(18),
            owner: people[row.optionalInteger(19) ?? entry?.salesOwner])
    }

    package struct CustomerRow: Sendable {
        package let code: String
        package let name: String
        package let group: String?
        package let kind: Customer.Kind?
        package let size: Customer.Size?
        package let industry: String?
        package let salesOwner: String?
        package let collector: String?
        package let uscc: String?
        package let currency: String?
        package let termsDays: Int?
        package let language: String?
        package let isIncomplete: Bool
    }

    package static func customers(
        matching text: String?, owner: String? = nil, limit: Int, for viewer: Viewer? = nil, in store: Store
    ) throws -> Page<CustomerRow> {
        try store.read { session in
            let people = try PersonKeys(session)
            let attributes = try CustomerAttributes(session, on: LocalDate(dayNumber: 1_000_000), knownFact: .max)
            let wanted = text.map(CustomerRepository.nameKey)
            let entries = attributes.byID.values.filter { entry in
                guard owner == nil || people[entry.salesOwner] == owner, sees(viewer, entry) else { return false }
                guard let wanted, let text else { return true }
                return (!wanted.isEmpty && entry.nameKey.contains(wanted))
                    || entry.code.lowercased().contains(text.lowercased())
            }.sorted { $0.code < $1.code }
            return Page(
                rows: entries.prefix(limit).map { entry in
                    CustomerRow(
                        code: entry.code, name: entry.name, group: entry.group.flatMap { attributes[$0]?.code },
                        kind: entry.kind, size: entry.size, industry: entry.industry,
                        salesOwner: people[entry.salesOwner], collector: people[entry.collector], uscc: entry.uscc,
                        currency: entry.currency, termsDays: entry.termsDays, language: entry.language,
                        isIncomplete: entry.isIncomplete)
                }, more: max(0, entries.count - limit))
        }
    }

    package struct ContactRow: Sendable {
        package let customer: String
        package let name: String
        package let purpose: Contact.Purpose
        package let title: String?
        package let email: String?
        package let phone: String?
    }

    /// Contacts by customer; empty names where the person was erased.
    ///
    /// - Throws: `Refusal` `customer.unknown`.
    package static func contacts(
        customer: String?, limit: Int, for viewer: Viewer? = nil, in store: Store
    ) throws -> Page<ContactRow> {
        try store.read { session in
            if let customer { try need(customer: customer, in: session) }
            let personal = PersonalRepository(session: session, facts: nil)
            let rows = try session.rows(
                """
                SELECT k.code, v.purpose, v.personal, count(*) OVER (), k.id
                  FROM contact c JOIN customer k ON k.id = c.customer JOIN contact_version v ON v.contact = c.id
                 WHERE v.n = (SELECT max(n) FROM contact_version w WHERE w.contact = c.id)
                   AND (\(raw: customer == nil ? "1 = 1 OR " : "")k.code = \(customer ?? ""))
                 ORDER BY k.code, v.purpose, c.id LIMIT \(limit)
                """)
            let attributes = try hidden(from: viewer, session)
            let found = try rows.compactMap { row -> ContactRow? in
                guard let purpose = Contact.Purpose(rawValue: row.integer(1)),
                    attributes.map({ sees(viewer, $0[row.integer(4)]) }) ?? true
                else { return nil }
                let content = try personal.fields(row.integer(2)).map(ContactRepository.content)
                return ContactRow(
                    customer: row.text(0), name: content?.name ?? "", purpose: purpose, title: content?.title,
                    email: content?.email, phone: content?.phone)
            }
            return Page(rows: found, more: max(0, Int(rows.first?.integer(3) ?? 0) - found.count))
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
        customer: String?, onlyUnapplied: Bool, limit: Int, for viewer: Viewer? = nil, in store: Store
    ) throws -> Page<ReceiptRow> {
        try store.read { session in
            if let customer { try need(customer: customer, in: session) }
            let personal = PersonalRepository(session: session, facts: nil)
            let rows = try session.rows(
                """
                SELECT c.reference, c.bank_account, c.value_day, k.code, c.payer, c.currency, c.amount, b.unapplied,
                    b.reversed, c.personal, count(*) OVER (), b.customer
                  FROM credit c JOIN credit_balance b ON b.credit = c.id LEFT JOIN customer k ON k.id = b.customer
                 WHERE c.kind = 1 AND (\(raw: customer == nil ? "1 = 1 OR " : "")k.code = \(customer ?? ""))
                   AND \(raw: onlyUnapplied ? "b.unapplied > 0" : "1 = 1")
                 ORDER BY c.value_day DESC, c.id DESC LIMIT \(limit)
                """)
            let attributes = try hidden(from: viewer, session)
            let found = try rows.compactMap { row -> ReceiptRow? in
                guard let currency = Currency(row.text(5)),
                    attributes.map({ all in sees(viewer, row.optionalInteger(11).flatMap { all[$0] }) }) ?? true
                else { return nil }
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

    /// What says whose customers they are, where somebody doesn't see all.
    private static func hidden(from viewer: Viewer?, _ session: any SQLSession) throws -> CustomerAttributes? {
        guard let viewer, !viewer.seesAll else { return nil }
        return try CustomerAttributes(session, on: LocalDate(dayNumber: 1_000_000), knownFact: .max)
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
                 WHERE (\(raw: command == nil ? "1 = 1 OR " : "")command = \(command ?? "")) ORDER BY seq DESC LIMIT \(limit)
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
