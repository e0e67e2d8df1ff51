internal import Database
package import Ledger
internal import OpenItems
package import Receivables

extension Look {
    /// One invoice with its items, what paid it, what happened to it, and what it posted.
    package struct InvoicePicture: Sendable {
        /// The number of the invoice's fact.
        package let fact: Int64
        package let number: String
        package let entity: String
        package let customer: String
        package let customerName: String
        package let salesOwner: String?
        package let currency: Currency
        package let gross: Int64
        package let net: Int64?
        package let tax: Int64?
        package let open: Int64
        package let issueDay: LocalDate
        package let postingDay: LocalDate
        package let recognisedDay: LocalDate
        package let acceptedDay: LocalDate?
        package let deliveredDay: LocalDate?
        package let contract: String?
        package let milestone: String?
        package let productLine: String?
        package let eInvoiceNumber: String?
        package let taxStatus: Invoice.TaxStatus
        package let items: [ItemRow]
        package let allocations: [AllocationRow]
        package let transfers: [TransferRow]
        package let events: [Event]
        package let pauses: [PauseRow]
    }

    package struct AllocationRow: Sendable {
        package let fact: Int64
        package let kind: Credit.Kind
        package let reference: String
        package let bankAccount: String
        package let invoice: String
        package let instalment: Int
        package let postingDay: LocalDate
        package let amount: Money
        /// The allocation that this one takes back, or whether something took this one back.
        package let isReversal: Bool
        package let isReversed: Bool
        package let reason: String?
    }

    package struct TransferRow: Sendable {
        package let fact: Int64
        package let act: Int64
        package let postingDay: LocalDate
        package let debit: AccountRole
        package let credit: AccountRole
        package let amount: Money
        package let functional: Int64?
    }

    package struct PauseRow: Sendable {
        package let kind: Pause.Kind
        package let from: LocalDate
        package let until: LocalDate
        package let reason: String
        package let isEnded: Bool
    }

    /// Something that happened, from the fact that says so.
    package struct Event: Sendable {
        /// `invoice`, `receipt`, `allocation`, …: the table of the fact.
        package let kind: String
        package let fact: Int64
        package let act: Int64
        package let instant: Instant
        package let actor: String
        package let day: LocalDate
        package let amount: Money?
        /// A number, reference or name, and more of it.
        package let subject: String
        package let detail: String
        /// Numbers of the invoices that it is about, where the page doesn't say so itself; at most a few.
        package var about: [String] = []
    }

    /// - Throws: `Refusal` `invoice.unknown`, also for one outside of the scope.
    package func invoice(_ number: String, entity code: String? = nil) throws -> InvoicePicture {
        let unknown = Refusal(.invoiceUnknown, ["invoice": .text(number)])
        let found = try session.row(
            """
            SELECT v.id, v.number, e.code, v.customer, v.currency, v.amount, v.net_amount, v.tax_amount, v.issue_day,
                v.posting_day, v.recognised_day, v.accepted_day, v.delivered_day, v.contract, v.milestone, v.product_line,
                t.number, v.sales_owner,
                coalesce((SELECT s.status FROM tax_invoice_event s WHERE s.invoice = v.id ORDER BY s.n DESC LIMIT 1),
                    v.tax_status)
              FROM invoice v JOIN entity e ON e.id = v.entity LEFT JOIN tax_invoice t ON t.invoice = v.id
             WHERE v.entity IN (SELECT id FROM entity WHERE \(code == nil ? 1 : 0) = 1 OR code = \(code ?? ""))
               AND v.number = \(number) ORDER BY v.generation DESC, v.entity LIMIT 1
            """)
        guard let row = found, sees(row.integer(3)), let currency = Currency(row.text(4)) else { throw unknown }
        let id = row.integer(0)
        let itemFacts = try session.rows("SELECT id FROM item WHERE invoice = \(id) ORDER BY n").map { $0.integer(0) }
        let positions = itemFacts.compactMap { outlook.position(ofFact: $0) }
        let items = try rows(of: positions)
        let allocations = try allocations(where: "a.item", itemFacts)
        func day(_ column: Int) -> LocalDate? {
            row.optionalInteger(column).map { LocalDate(dayNumber: Int($0)) }
        }
        let entry = outlook.attributes[row.integer(3)]
        return InvoicePicture(
            fact: id, number: row.text(1), entity: row.text(2), customer: entry?.code ?? "",
            customerName: entry?.name ?? "",
            salesOwner: outlook.names[row.optionalInteger(17) ?? entry?.salesOwner], currency: currency,
            gross: row.integer(5), net: row.optionalInteger(6), tax: row.optionalInteger(7),
            open: positions.reduce(0) { $0 + outlook.open[$1] }, issueDay: LocalDate(dayNumber: Int(row.integer(8))),
            postingDay: LocalDate(dayNumber: Int(row.integer(9))),
            recognisedDay: LocalDate(dayNumber: Int(row.integer(10))), acceptedDay: day(11), deliveredDay: day(12),
            contract: row.optionalText(13), milestone: row.optionalText(14), productLine: row.optionalText(15),
            eInvoiceNumber: row.optionalText(16), taxStatus: Invoice.TaxStatus(rawValue: row.integer(18)) ?? .delivered,
            items: items, allocations: allocations,
            transfers: try transfers(of: [id] + allocations.map(\.fact)),
            events: try invoiceEvents(id, itemFacts, allocations, currency, row.text(1)),
            pauses: try pauses(ofItems: itemFacts))
    }

    private func pauses(ofItems items: [Int64]) throws -> [PauseRow] {
        var found: [PauseRow] = []
        for item in items.prefix(50) {
            for row in try session.rows(
                """
                SELECT p.kind, p.from_day, p.until_day, p.reason, e.id FROM pause p LEFT JOIN pause_end e ON e.pause = p.id
                 WHERE p.item = \(item) ORDER BY p.id DESC LIMIT 20
                """)
            {
                guard let kind = Pause.Kind(rawValue: row.integer(0)) else { continue }
                found.append(
                    PauseRow(
                        kind: kind, from: LocalDate(dayNumber: Int(row.integer(1))),
                        until: LocalDate(dayNumber: Int(row.integer(2))), reason: row.text(3),
                        isEnded: row.optionalInteger(4) != nil))
            }
        }
        return found
    }

    /// Allocations to items or of a credit, oldest first; at most some hundred.
    func allocations(where column: String, _ keys: [Int64]) throws -> [AllocationRow] {
        var found: [AllocationRow] = []
        try session.rows(
            about: keys.prefix(250).map { .integer($0) }, [],
            { places in
                """
                SELECT a.id, k.kind, k.reference, k.bank_account, v.number, i.n, a.posting_day, a.item_amount, v.currency,
                    a.reverses, (SELECT r.id FROM allocation r WHERE r.reverses = a.id), a.reason
                  FROM allocation a JOIN credit k ON k.id = a.credit JOIN item i ON i.id = a.item
                  JOIN invoice v ON v.id = i.invoice WHERE \(column) IN (\(places)) ORDER BY a.id LIMIT 500
                """
            },
            visit: { row in
                guard let kind = Credit.Kind(rawValue: row.integer(1)), let currency = Currency(row.text(8)) else {
                    return
                }
                found.append(
                    AllocationRow(
                        fact: row.integer(0), kind: kind, reference: row.text(2), bankAccount: row.text(3),
                        invoice: row.text(4), instalment: Int(row.integer(5)),
                        postingDay: LocalDate(dayNumber: Int(row.integer(6))),
                        amount: Money(minorUnits: row.integer(7), currency: currency),
                        isReversal: row.optionalInteger(9) != nil, isReversed: row.optionalInteger(10) != nil,
                        reason: row.optionalText(11)))
            })
        return found
    }

    /// What facts posted. Transfers follow their fact in the same act, so few numbers have to be looked at.
    func transfers(of facts: [Int64]) throws -> [TransferRow] {
        var found: [TransferRow] = []
        let acts = ActRepository(session: session)
        for fact in facts.prefix(60) where fact < .max - 600 {
            let rows = try session.rows(
                """
                SELECT t.id, t.posting_day, t.debit, t.credit, t.currency, t.amount, n.functional FROM transfer t
                  LEFT JOIN translation n ON n.transfer = t.id
                 WHERE t.id > \(fact) AND t.id <= \(fact + 600) AND t.fact = \(fact) ORDER BY t.id LIMIT 20
                """)
            for row in rows {
                guard let debit = AccountRole(rawValue: row.integer(2)),
                    let credit = AccountRole(rawValue: row.integer(3)),
                    let currency = Currency(row.text(4))
                else { continue }
                found.append(
                    TransferRow(
                        fact: fact, act: try acts.act(ofFact: row.integer(0))?.seq ?? 0,
                        postingDay: LocalDate(dayNumber: Int(row.integer(1))), debit: debit, credit: credit,
                        amount: Money(minorUnits: row.integer(5), currency: currency),
                        functional: row.optionalInteger(6)))
            }
        }
        return found
    }

    private func invoiceEvents(
        _ invoice: Int64, _ items: [Int64], _ allocations: [AllocationRow], _ currency: Currency, _ number: String
    ) throws -> [Event] {
        var drafts: [Draft] = [Draft("invoice", invoice, day: nil, nil, number, "")]
        for allocation in allocations {
            drafts.append(
                Draft(
                    allocation.isReversal ? "unallocation" : "allocation", allocation.fact, day: allocation.postingDay,
                    allocation.amount, allocation.reference, allocation.reason ?? ""))
        }
        for item in items.prefix(50) {
            for row in try session.rows(
                "SELECT id, value_day, due_day, reason FROM item_event WHERE item = \(item) ORDER BY id DESC LIMIT 50")
            {
                let due = row.optionalInteger(2).map { "\(LocalDate(dayNumber: Int($0)))" } ?? ""
                drafts.append(
                    Draft(
                        "due-change", row.integer(0), day: LocalDate(dayNumber: Int(row.integer(1))), nil, due,
                        row.text(3)))
            }
            for row in try session.rows(
                """
                SELECT r.id, r.day, r.held, x.open_amount, r.state FROM reminder_item x JOIN reminder r ON r.id = x.reminder
                 WHERE x.item = \(item) ORDER BY r.id DESC LIMIT 50
                """)
            {
                drafts.append(
                    Draft(
                        "reminder", row.integer(0), day: LocalDate(dayNumber: Int(row.integer(1))),
                        Money(minorUnits: row.integer(3), currency: currency),
                        ReminderState(rawValue: row.integer(4))?.name ?? "", row.text(2)))
            }
            for row in try session.rows(
                """
                SELECT t.id, t.opened_day, t.rule, t.kind FROM task_item s JOIN task t ON t.id = s.task
                 WHERE s.subject = \(item) ORDER BY t.id DESC LIMIT 50
                """)
            {
                drafts.append(
                    Draft(
                        "task", row.integer(0), day: LocalDate(dayNumber: Int(row.integer(1))), nil,
                        WorkTask.Kind(rawValue: row.integer(3))?.name ?? "",
                        RuleCode(rawValue: row.integer(2))?.name ?? ""))
            }
            for row in try session.rows(
                "SELECT id, from_day, reason FROM pause WHERE item = \(item) ORDER BY id DESC LIMIT 20")
            {
                drafts.append(
                    Draft(
                        "pause", row.integer(0), day: LocalDate(dayNumber: Int(row.integer(1))), nil, "", row.text(2)))
            }
        }
        for row in try session.rows(
            "SELECT id, value_day, status FROM tax_invoice_event WHERE invoice = \(invoice) ORDER BY id DESC LIMIT 50")
        {
            drafts.append(
                Draft(
                    "tax-status", row.integer(0), day: LocalDate(dayNumber: Int(row.integer(1))), nil, "",
                    Invoice.TaxStatus(rawValue: row.integer(2))?.name ?? ""))
        }
        return try events(drafts.sorted { $0.fact > $1.fact }, limit: 60)
    }

    /// An event before its act was looked up.
    struct Draft {
        let kind: String
        let fact: Int64
        let day: LocalDate?
        let amount: Money?
        let subject: String
        let detail: String

        init(_ kind: String, _ fact: Int64, day: LocalDate?, _ amount: Money?, _ subject: String, _ detail: String) {
            self.kind = kind
            self.fact = fact
            self.day = day
            self.amount = amount
            self.subject = subject
            self.detail = detail
        }
    }

    /// The first drafts with who recorded them and when.
    func events(_ drafts: [Draft], limit: Int) throws -> [Event] {
        let acts = ActRepository(session: session)
        var last: (fact: Int64, act: (seq: Int64, actor: String, source: String, instant: Instant))?
        return try drafts.prefix(limit).compactMap { draft in
            // Facts that follow each other are mostly of one act.
            if last?.fact != draft.fact { last = try acts.act(ofFact: draft.fact).map { (draft.fact, $0) } }
            guard let act = last?.act else { return nil }
            return Event(
                kind: draft.kind, fact: draft.fact, act: act.seq, instant: act.instant,
                actor: outlook.names.called(act.actor),
                day: draft.day ?? company.day(of: act.instant), amount: draft.amount, subject: draft.subject,
                detail: draft.detail)
        }
    }
}
