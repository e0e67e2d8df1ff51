internal import Database
internal import Foundation
internal import Ledger
internal import OpenItems
internal import Receivables

extension Look {
    /// What happened with a customer, newest first: facts of all kinds on one line of time.
    ///
    /// - Throws: `Refusal` `customer.unknown`.
    package func timeline(of code: String, before: Int64?, limit: Int = 30) throws -> (events: [Event], next: Int64?) {
        let id = try customer(code)
        let end = before ?? Int64.max
        let debtors = Set(outlook.debtorsOfCustomer[id] ?? [])
        let most = limit + 1
        var drafts: [Draft] = []
        let items = outlook.items.positions(ofDebtors: debtors).map { outlook.items.fact(at: $0) }.filter { $0 < end }
            .sorted(by: >)
        // Instalments of one invoice are told once, by the first: as many are read as it takes.
        var next = 0
        while drafts.count < most, next < items.count {
            let page = items[next..<min(next + 250, items.count)]
            next += 250
            try session.rows(
                about: page.map { .integer($0) }, [],
                {
                    "SELECT i.id, v.number, v.amount, v.currency, v.issue_day, i.n, v.id FROM item i JOIN invoice v ON v.id = i.invoice WHERE i.id IN (\($0))"
                },
                visit: { row in
                    guard row.integer(5) == 1, let currency = Currency(row.text(3)) else { return }
                    drafts.append(
                        Draft(
                            "invoice", row.integer(0), day: LocalDate(dayNumber: Int(row.integer(4))),
                            Money(minorUnits: row.integer(2), currency: currency), row.text(1), ""))
                })
        }
        let money = outlook.moneyFacts(ofDebtors: debtors).reversed().filter { $0 < end }.prefix(most)
        try moneyDrafts(Array(money), &drafts)
        try workDrafts(id, end, most, &drafts)
        drafts = drafts.filter { mayKnow($0.kind) }.sorted { $0.fact > $1.fact }
        let events = try events(drafts, limit: limit).map { event in
            var told = event
            told.about = try numbers(ofEvent: event)
            return told
        }
        return (events, drafts.count > limit ? events.last?.fact : nil)
    }

    /// The first invoices that a reminder or task is about.
    private func numbers(ofEvent event: Event) throws -> [String] {
        let items: SQL
        switch event.kind {
        case "reminder": items = "SELECT item FROM reminder_item WHERE reminder = \(event.fact) ORDER BY id LIMIT 4"
        case "task": items = "SELECT subject FROM task_item WHERE task = \(event.fact) ORDER BY id LIMIT 4"
        case "task-done":
            items = """
                SELECT subject FROM task_item WHERE task = (SELECT task FROM task_event WHERE id = \(event.fact))
                 ORDER BY id LIMIT 4
                """
        default: return []
        }
        return try session.rows(items).compactMap { row in
            try session.row(
                "SELECT v.number FROM item i JOIN invoice v ON v.id = i.invoice WHERE i.id = \(row.integer(0))")?.text(
                    0)
        }
    }

    /// Customers' names by code, of those in the scope.
    package func customerNames(_ codes: Set<String>) throws -> [String: String] {
        var names: [String: String] = [:]
        for code in codes.sorted().prefix(1_000) {
            guard let id = try session.row("SELECT id FROM customer WHERE code = \(code)")?.integer(0), sees(id) else {
                continue
            }
            names[code] = outlook.attributes[id]?.name
        }
        return names
    }

    /// Whether the viewer's roles show facts of a kind: a timeline is no way around the lists.
    private func mayKnow(_ kind: String) -> Bool {
        switch kind {
        case "invoice", "due-change", "tax-status", "pause": viewer.may(.seeInvoices)
        case "receipt", "reversal": viewer.may(.seeReceipts)
        case "allocation", "unallocation", "credit-note", "correction":
            viewer.may(.seeReceipts) && viewer.may(.seeInvoices)
        case "reminder": viewer.may(.seeReminders)
        case "task", "task-done": viewer.may(.seeTasks)
        default: viewer.may(.seeCustomers)
        }
    }

    private func moneyDrafts(_ facts: [Int64], _ drafts: inout [Draft]) throws {
        let keys = facts.map { SQLValue.integer($0) }
        try session.rows(
            about: keys, [],
            { "SELECT id, kind, reference, amount, currency, value_day, reason FROM credit WHERE id IN (\($0))" },
            visit: { row in
                guard let kind = Credit.Kind(rawValue: row.integer(1)), let currency = Currency(row.text(4)) else {
                    return
                }
                drafts.append(
                    Draft(
                        kind == .receipt ? "receipt" : kind == .creditNote ? "credit-note" : "correction",
                        row.integer(0), day: LocalDate(dayNumber: Int(row.integer(5))),
                        Money(minorUnits: row.integer(3), currency: currency), row.text(2),
                        row.optionalText(6) ?? ""))
            })
        for row in try allocations(where: "a.id", facts) {
            drafts.append(
                Draft(
                    row.isReversal ? "unallocation" : "allocation", row.fact, day: row.postingDay, row.amount,
                    "\(row.reference) → \(row.invoice)", row.reason ?? ""))
        }
        try session.rows(
            about: keys, [],
            {
                "SELECT r.id, c.reference, r.amount, c.currency, r.value_day, r.reason FROM reversal r JOIN credit c ON c.id = r.fact WHERE r.id IN (\($0))"
            },
            visit: { row in
                guard let currency = Currency(row.text(3)) else { return }
                drafts.append(
                    Draft(
                        "reversal", row.integer(0), day: LocalDate(dayNumber: Int(row.integer(4))),
                        Money(minorUnits: row.integer(2), currency: currency), row.text(1), row.text(5)))
            })
    }

    private func workDrafts(_ id: Int64, _ end: Int64, _ most: Int, _ drafts: inout [Draft]) throws {
        func day(_ row: SQLRow, _ column: Int) -> LocalDate { LocalDate(dayNumber: Int(row.integer(column))) }
        for row in try session.rows(
            """
            SELECT id, day, state, held FROM reminder WHERE customer = \(id) AND id < \(end) ORDER BY id DESC LIMIT \(most)
            """)
        {
            drafts.append(
                Draft(
                    "reminder", row.integer(0), day: day(row, 1), nil,
                    ReminderState(rawValue: row.integer(2))?.name ?? "", row.text(3)))
        }
        for row in try session.rows(
            """
            SELECT id, opened_day, kind, rule FROM task WHERE customer = \(id) AND id < \(end) ORDER BY id DESC LIMIT \(most)
            """)
        {
            drafts.append(
                Draft(
                    "task", row.integer(0), day: day(row, 1), nil,
                    WorkTask.Kind(rawValue: row.integer(2))?.name ?? "",
                    RuleCode(rawValue: row.integer(3))?.name ?? ""))
        }
        for row in try session.rows(
            """
            SELECT e.id, e.value_day, e.note, t.kind FROM task t JOIN task_event e ON e.task = t.id
             WHERE t.customer = \(id) AND e.kind = 1 AND e.id < \(end) ORDER BY e.id DESC LIMIT \(most)
            """)
        {
            drafts.append(
                Draft(
                    "task-done", row.integer(0), day: day(row, 1), nil,
                    WorkTask.Kind(rawValue: row.integer(3))?.name ?? "", row.optionalText(2) ?? ""))
        }
        for row in try session.rows(
            """
            SELECT id, value_day, kind FROM signal WHERE customer = \(id) AND id < \(end) ORDER BY id DESC LIMIT \(most)
            """)
        {
            drafts.append(Draft("signal", row.integer(0), day: day(row, 1), nil, row.text(2), ""))
        }
        for row in try session.rows(
            """
            SELECT id, opened_day FROM collection_case WHERE customer = \(id) AND id < \(end) ORDER BY id DESC LIMIT \(most)
            """)
        {
            drafts.append(Draft("case", row.integer(0), day: day(row, 1), nil, "", ""))
        }
        for row in try session.rows(
            """
            SELECT id, n FROM customer_version WHERE customer = \(id) AND id < \(end) ORDER BY id DESC LIMIT \(most)
            """)
        {
            drafts.append(
                Draft("customer", row.integer(0), day: nil, nil, row.integer(1) == 1 ? "first" : "change", ""))
        }
        for row in try session.rows(
            """
            SELECT v.id, v.purpose, v.n FROM contact c JOIN contact_version v ON v.contact = c.id
             WHERE c.customer = \(id) AND v.id < \(end) ORDER BY v.id DESC LIMIT \(most)
            """)
        {
            drafts.append(
                Draft(
                    "contact", row.integer(0), day: nil, nil, Contact.Purpose(rawValue: row.integer(1))?.name ?? "",
                    ""))
        }
    }
}
