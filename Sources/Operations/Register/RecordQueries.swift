internal import Database
package import Ledger
package import Receivables

/// Single records by what they are called, read from their own rows: no figure of anybody else is made for them.
package enum RecordQueries {
    /// What is registered of a customer, with the version that it is.
    package struct CustomerRecord: Sendable {
        package let code: String
        package let version: Int64
        package let name: String
        package let uscc: String?
        package let industry: String?
        package let kind: Customer.Kind?
        package let size: Customer.Size?
        package let group: String?
        /// People's keys.
        package let salesOwner: String?
        package let collector: String?
        package let currency: String?
        package let termsDays: Int?
        package let language: String?
        package let isIncomplete: Bool
    }

    /// - Throws: `Refusal` `access.denied`; `customer.unknown`, also for one outside of the data scope.
    package static func customer(_ code: String, for viewer: Viewer, in store: Store) throws -> CustomerRecord {
        try viewer.need(.seeCustomers)
        return try store.read { session in
            let row = try session.row(
                """
                \(raw: customerColumns) FROM customer c \(raw: customerTables) WHERE c.code = \(code)
                """)
            guard let row, viewer.sees(salesOwner: row.optionalInteger(8), collector: row.optionalInteger(9)) else {
                throw Refusal(.customerUnknown, ["customer": .text(code)])
            }
            return customer(row)
        }
    }

    /// Codes of customers in the data scope, in their order.
    package static func customers(
        after code: String, limit: Int, for viewer: Viewer, in store: Store
    ) throws -> [CustomerRecord] {
        try viewer.need(.seeCustomers)
        return try store.read { session in
            var found: [CustomerRecord] = []
            var last = code
            // Of those who see some customers alone, more are looked at than will be shown.
            let atOnce = viewer.seesAll ? limit : 500
            while found.count < limit {
                let rows = try session.rows(
                    """
                    \(raw: customerColumns) FROM (
                        SELECT id, code FROM customer WHERE code > \(last) ORDER BY code LIMIT \(atOnce)) c
                    \(raw: customerTables) ORDER BY c.code
                    """)
                for row in rows {
                    last = row.text(0)
                    guard found.count < limit,
                        viewer.sees(salesOwner: row.optionalInteger(8), collector: row.optionalInteger(9))
                    else { continue }
                    found.append(customer(row))
                }
                if rows.count < atOnce { break }
            }
            return found
        }
    }

    private static let customerColumns = """
        SELECT c.code, v.n, v.name, v.uscc, v.industry, v.kind, v.size, g.code, v.sales_owner, v.collector, s.key, k.key,
            v.currency, v.terms_days, v.language, v.incomplete
        """
    private static let customerTables = """
        JOIN customer_version v ON v.customer = c.id
            AND v.n = (SELECT max(w.n) FROM customer_version w WHERE w.customer = c.id)
        LEFT JOIN customer g ON g.id = v.group_id
        LEFT JOIN person s ON s.id = v.sales_owner LEFT JOIN person k ON k.id = v.collector
        """

    private static func customer(_ row: SQLRow) -> CustomerRecord {
        CustomerRecord(
            code: row.text(0), version: row.integer(1), name: row.text(2), uscc: row.optionalText(3),
            industry: row.optionalText(4), kind: row.optionalInteger(5).flatMap(Customer.Kind.init),
            size: row.optionalInteger(6).flatMap(Customer.Size.init), group: row.optionalText(7),
            salesOwner: row.optionalText(10), collector: row.optionalText(11), currency: row.optionalText(12),
            termsDays: row.optionalInteger(13).map(Int.init), language: row.optionalText(14),
            isIncomplete: row.integer(15) == 1)
    }

    /// An invoice with its instalments, as of now.
    package struct InvoiceRecord: Sendable {
        package struct Item: Sendable {
            package let instalment: Int
            package let dueDay: LocalDate
            package let originalDueDay: LocalDate
            /// In minor units of the invoice's currency.
            package let amount: Int64
            package let open: Int64
        }

        package let fact: Int64
        package let number: String
        package let entity: String
        package let customer: String
        package let currency: Currency
        package let amount: Int64
        package let net: Int64?
        package let tax: Int64?
        package let open: Int64
        package let status: Invoice.Status
        package let taxStatus: Invoice.TaxStatus
        package let eInvoiceNumber: String?
        package let issueDay: LocalDate
        package let postingDay: LocalDate
        package let recognisedDay: LocalDate
        package let acceptedDay: LocalDate?
        package let deliveredDay: LocalDate?
        package let contract: String?
        package let milestone: String?
        package let productLine: String?
        package let salesOwner: String?
        package let items: [Item]
    }

    /// - Throws: `Refusal` `access.denied`; `invoice.unknown`, also for one outside of the data scope.
    package static func invoice(
        _ number: String, entity code: String? = nil, for viewer: Viewer, in store: Store
    ) throws -> InvoiceRecord {
        try viewer.need(.seeInvoices)
        let unknown = Refusal(.invoiceUnknown, ["invoice": .text(number)])
        return try store.read { session in
            let found = try session.row(
                """
                SELECT v.id, v.number, e.code, c.code, v.currency, v.amount, v.net_amount, v.tax_amount, t.number,
                    v.issue_day, v.posting_day, v.recognised_day, v.accepted_day, v.delivered_day, v.contract,
                    v.milestone, v.product_line, p.key, v.customer,
                    coalesce((SELECT s.status FROM tax_invoice_event s WHERE s.invoice = v.id ORDER BY s.n DESC LIMIT 1),
                        v.tax_status)
                  FROM invoice v JOIN entity e ON e.id = v.entity JOIN customer c ON c.id = v.customer
                  LEFT JOIN tax_invoice t ON t.invoice = v.id LEFT JOIN person p ON p.id = v.sales_owner
                 WHERE v.entity IN (SELECT id FROM entity WHERE \(code == nil ? 1 : 0) = 1 OR code = \(code ?? ""))
                   AND v.number = \(number) ORDER BY v.generation DESC, v.entity LIMIT 1
                """)
            guard let row = found, let currency = Currency(row.text(4)),
                try sees(viewer, customer: row.integer(18), session)
            else { throw unknown }
            let items = try session.rows(
                """
                SELECT i.n, coalesce((SELECT e.due_day FROM item_event e WHERE e.item = i.id AND e.due_day IS NOT NULL
                    ORDER BY e.id DESC LIMIT 1), i.due_day), i.due_day, i.amount, b.open
                  FROM item i JOIN item_balance b ON b.item = i.id WHERE i.invoice = \(row.integer(0)) ORDER BY i.n
                """
            ).map { item in
                InvoiceRecord.Item(
                    instalment: Int(item.integer(0)), dueDay: LocalDate(dayNumber: Int(item.integer(1))),
                    originalDueDay: LocalDate(dayNumber: Int(item.integer(2))), amount: item.integer(3),
                    open: item.integer(4))
            }
            var applied: [Int64: Int64] = [:]
            for sum in try session.rows(
                """
                SELECT k.kind, sum(a.item_amount) FROM item i JOIN allocation a ON a.item = i.id
                  JOIN credit k ON k.id = a.credit WHERE i.invoice = \(row.integer(0)) GROUP BY k.kind ORDER BY k.kind
                """)
            {
                applied[sum.integer(0)] = sum.integer(1)
            }
            let receipts = applied[Credit.Kind.receipt.rawValue] ?? 0
            let correction = applied[Credit.Kind.correction.rawValue] ?? 0
            let all = applied.values.reduce(0, +)
            func day(_ column: Int) -> LocalDate? {
                row.optionalInteger(column).map { LocalDate(dayNumber: Int($0)) }
            }
            return InvoiceRecord(
                fact: row.integer(0), number: row.text(1), entity: row.text(2), customer: row.text(3),
                currency: currency, amount: row.integer(5), net: row.optionalInteger(6), tax: row.optionalInteger(7),
                open: items.reduce(0) { $0 + $1.open },
                status: Invoice.Status(
                    gross: row.integer(5), open: row.integer(5) - all, byReceipts: receipts,
                    byCredits: all - receipts - correction, byCorrection: correction),
                taxStatus: Invoice.TaxStatus(rawValue: row.integer(19)) ?? .delivered,
                eInvoiceNumber: row.optionalText(8), issueDay: LocalDate(dayNumber: Int(row.integer(9))),
                postingDay: LocalDate(dayNumber: Int(row.integer(10))),
                recognisedDay: LocalDate(dayNumber: Int(row.integer(11))), acceptedDay: day(12),
                deliveredDay: day(13), contract: row.optionalText(14), milestone: row.optionalText(15),
                productLine: row.optionalText(16), salesOwner: row.optionalText(17), items: items)
        }
    }

    /// A receipt's or credit note's own names, for commands about it.
    ///
    /// - Throws: `Refusal` `receipt.unknown` for what is none, or stands outside of the data scope.
    package static func creditName(
        _ fact: Int64, for viewer: Viewer, in store: Store
    ) throws -> CorrectRegister.CreditName {
        try store.read { session in
            let found = try session.row(
                """
                SELECT k.kind, k.reference, k.bank_account, e.code, b.customer FROM credit k
                  JOIN credit_balance b ON b.credit = k.id JOIN entity e ON e.id = k.entity WHERE k.id = \(fact)
                """)
            guard let row = found, let kind = Credit.Kind(rawValue: row.integer(0)),
                kind == .receipt || kind == .creditNote,
                try sees(viewer, customer: row.optionalInteger(4), session)
            else { throw Refusal(.receiptUnknown, ["receipt": .text("\(fact)")]) }
            return CorrectRegister.CreditName(
                row.text(1), bankAccount: row.text(2), entity: row.text(3), kind: kind)
        }
    }

    /// - Throws: `Refusal` `receipt.unknown`.
    package static func currency(ofCredit fact: Int64, for viewer: Viewer, in store: Store) throws -> Currency {
        try store.read { session in
            let row = try session.row("SELECT currency FROM credit WHERE id = \(fact)")
            guard let currency = row.flatMap({ Currency($0.text(0)) }) else {
                throw Refusal(.receiptUnknown, ["receipt": .text("\(fact)")])
            }
            return currency
        }
    }

    /// Money of nobody's is seen by those who see everybody.
    private static func sees(_ viewer: Viewer, customer: Int64?, _ session: any SQLSession) throws -> Bool {
        if viewer.seesAll { return true }
        guard let customer else { return false }
        let row = try session.row(
            "SELECT sales_owner, collector FROM customer_version WHERE customer = \(customer) ORDER BY n DESC LIMIT 1")
        return viewer.sees(salesOwner: row?.optionalInteger(0), collector: row?.optionalInteger(1))
    }
}
