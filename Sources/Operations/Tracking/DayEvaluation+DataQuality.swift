internal import Database
internal import Ledger
internal import OpenItems
internal import Receivables

/// Register checks (登记检查): once a week each, one task for each check and owner with the list inside.
extension DayEvaluation {
    /// What a check found, by the person who owns it (0 for nobody) and the records concerned.
    typealias Findings = [Int64: [Int64]]

    func checkRegister(_ state: inout DayState) throws {
        let week = day.startOfWeek
        // The first run of a week looks; the week's other days would say the same again.
        let isFirstOfWeek = state.lastRun.map { $0.startOfWeek < week } ?? true
        guard isFirstOfWeek else { return }
        for check in DataQualityCheck.allCases {
            let findings = try findingsToday[check] ?? find(check)
            try closeMended(check, findings, &state)
            for owner in findings.keys.sorted() {
                try makeTask(check, owner, findings[owner] ?? [], week, &state)
            }
        }
    }

    private func closeMended(_ check: DataQualityCheck, _ findings: Findings, _ state: inout DayState) throws {
        for task in state.openTasks(on: day) where task.kind == .mendRegister {
            let parts = task.detail.split(separator: "|")
            guard parts.first.map(String.init) == check.name else { continue }
            if findings[Int64(parts.last ?? "") ?? 0] == nil { try close(task, &state) }
        }
    }

    private func makeTask(
        _ check: DataQualityCheck, _ owner: Int64, _ subjects: [Int64], _ week: LocalDate, _ state: inout DayState
    ) throws {
        let detailText = "\(check.name)|\(owner)"
        let known = state.openMendTask(detailText, on: day)
        let key = DayState.OccurrenceKey(
            rule: RuleCode.dataQuality.rawValue, subject: owner, occasion: Int64(week.dayNumber),
            episode: check.rawValue)
        if var known {
            // The list of an open task grows with what is found; a longer one is worked through by its command.
            for subject in subjects.sorted() where known.subjects.count < Self.longestList {
                if known.subjects.insert(subject).inserted {
                    try books.tracking.append(subject: subject, toTask: known.id)
                }
            }
            state.keep(known)
            return
        }
        guard !state.occurrences.contains(key) else { return }
        if policy.switchedOff.contains(.dataQuality) {
            report.rules[RuleCode.dataQuality.name]?.skipped += 1
            return
        }
        try books.tracking.appendOccurrence(
            .dataQuality, subject: owner, occasion: Int64(week.dayNumber), episode: check.rawValue, on: day, .made,
            reason: nil)
        state.occurrences.insert(key)
        report.rules[RuleCode.dataQuality.name]?.created += 1
        let assignee = try holder(of: .accountant) ?? (owner == 0 ? nil : owner)
        let due = calendar.adding(workingDays: policy.dataQuality.taskDueWorkingDays, to: day)
        let id = try books.tracking.append(
            TrackingRepository.NewTask(
                kind: .mendRegister, customer: nil, assignee: assignee, role: .accountant, openedDay: day, dueDay: due,
                rule: .dataQuality, detail: detailText))
        let listed = subjects.sorted().prefix(Self.longestList)
        for subject in listed { try books.tracking.append(subject: subject, toTask: id) }
        state.keep(
            DayState.Task(
                id: id, kind: .mendRegister, customer: nil, assignee: assignee, dueDay: due, detail: detailText,
                subjects: Set(listed)))
        report.tasks += 1
        detail(.dataQuality, 0, check.name, effect: "task", reason: "\(subjects.count)")
    }

    private static let longestList = 1000

    /// Whether what a task lists was mended since the week's check.
    func isMended(_ task: DayState.Task) throws -> Bool {
        let parts = task.detail.split(separator: "|")
        guard let check = DataQualityCheck.allCases.first(where: { $0.name == parts.first.map(String.init) }) else {
            return false
        }
        let findings = try findingsToday[check] ?? find(check)
        findingsToday[check] = findings
        return findings[Int64(parts.last ?? "") ?? 0] == nil
    }

    private func find(_ check: DataQualityCheck) throws -> Findings {
        switch check {
        case .contactMissing: try customersWithOpenItems { try self.contact(of: $0) == nil }
        case .ownerMissing: try customersWithOpenItems { self.customers[$0]?.salesOwner == nil }
        case .customerIncomplete: try customersWithOpenItems { self.customers[$0]?.isIncomplete == true }
        case .usccMissing:
            try customersWithOpenItems { id in
                guard let customer = self.customers[id], self.company.country == "CN", customer.uscc == nil else {
                    return false
                }
                return customer.kind != .foreign && customer.kind != .individual
            }
        case .usccInvalid:
            try customersWithOpenItems { id in
                guard let code = self.customers[id]?.uscc else { return false }
                return (try? UnifiedSocialCreditCode(code)) == nil
            }
        case .customersAlike: alikeCustomers()
        case .dueBeforeIssue: itemsOpen { $0.dueDay < $0.issueDay }
        case .invoicesAlike: try alikeInvoices()
        case .invoiceNotDelivered: try undelivered()
        case .unappliedOld: try waitingCredits(knownPayer: true, days: policy.dataQuality.unappliedDays)
        case .payerUnknown: try waitingCredits(knownPayer: false, days: policy.dataQuality.unknownPayerDays)
        }
    }

    private func customersWithOpenItems(_ condition: (Int64) throws -> Bool) throws -> Findings {
        var found: Findings = [:]
        for customer in openCustomers where try condition(customer) {
            found[customers[customer]?.salesOwner ?? 0, default: []].append(customer)
        }
        return found
    }

    /// Customers with the same code of credit or the same name but for its form.
    private func alikeCustomers() -> Findings {
        var byCode: [String: [Int64]] = [:]
        for (id, customer) in customers.byID {
            if let code = customer.uscc { byCode["uscc \(code)", default: []].append(id) }
            if !customer.nameKey.isEmpty { byCode["name \(customer.nameKey)", default: []].append(id) }
        }
        let alike = Set(byCode.values.filter { $0.count > 1 }.joined())
        return alike.isEmpty ? [:] : [0: Array(alike)]
    }

    private func itemsOpen(_ condition: (OpenItemView) -> Bool) -> Findings {
        var found: Findings = [:]
        for position in 0..<picture.itemCount where open[position] > 0 {
            let item = picture.view(position, open: open[position], on: day)
            guard condition(OpenItemView(issueDay: item.issueDay, dueDay: item.dueDay)) else { continue }
            let customer = picture.debtors[Int(item.debtor)].customer
            found[item.owner != 0 ? item.owner : customers[customer]?.salesOwner ?? 0, default: []].append(item.fact)
        }
        return found
    }

    struct OpenItemView {
        let issueDay: LocalDate
        let dueDay: LocalDate
    }

    /// Open invoices of one customer that look like one registered twice: the same amount issued within three days
    /// of each other, or numbers that differ by their form alone.
    private func alikeInvoices() throws -> Findings {
        struct Invoice {
            let fact: Int64
            let day: Int64
            let number: String
            let owner: Int64?
        }
        struct Key: Hashable {
            let customer: Int64
            let what: String
        }
        // Found by what the picture holds; only candidates are read from the store.
        var byAmount: [Key: [(fact: Int64, day: Int)]] = [:]
        for position in 0..<picture.itemCount where open[position] > 0 {
            let item = picture.view(position, open: open[position], on: day)
            let debtor = picture.debtors[Int(item.debtor)]
            byAmount[Key(customer: debtor.customer, what: "\(debtor.currency) \(item.amount)"), default: []].append(
                (item.fact, item.issueDay.dayNumber))
        }
        var found: Set<Int64> = []
        for candidates in byAmount.values where candidates.count > 1 {
            let sorted = candidates.sorted { ($0.day, $0.fact) < ($1.day, $1.fact) }
            for (earlier, later) in zip(sorted, sorted.dropFirst()) where later.day - earlier.day <= 3 {
                let pair = try [earlier, later].map { try invoice(ofItem: $0.fact) }
                // Instalments of one invoice are meant to be alike.
                if pair[0].id != pair[1].id { found.formUnion([earlier.fact, later.fact]) }
            }
        }
        return try byOwner(found.sorted())
    }

    private func invoice(ofItem fact: Int64) throws -> (id: Int64, owner: Int64?) {
        let statement = try books.session.statement(
            "SELECT v.id, v.sales_owner FROM item i JOIN invoice v ON v.id = i.invoice WHERE i.id = $1")
        statement.bind(1, fact)
        defer { statement.reset() }
        guard try statement.step() else { throw DatabaseFailure.corrupt(detail: "item \(fact)") }
        return (statement.integer(0), statement.optionalInteger(1))
    }

    /// Items by who owns their invoice, else their customer.
    private func byOwner(_ items: [Int64]) throws -> Findings {
        var found: Findings = [:]
        for item in items {
            let customer = picture.debtors[Int(picture.debtor(of: Int(picture.position(ofFact: item))))].customer
            let owner = try invoice(ofItem: item).owner ?? customers[customer]?.salesOwner ?? 0
            found[owner, default: []].append(item)
        }
        return found
    }

    private func undelivered() throws -> Findings {
        let rows = try books.session.rows(
            """
            SELECT i.id, v.customer, v.sales_owner FROM invoice v JOIN item i ON i.invoice = v.id
             WHERE v.tax_status NOT IN (4, 5) AND v.issue_day <= \(day.dayNumber) AND NOT EXISTS
                (SELECT 1 FROM tax_invoice_event e WHERE e.invoice = v.id AND e.status IN (4, 5)) ORDER BY i.id
            """)
        var found: Findings = [:]
        for row in rows where openAmount(ofItem: row.integer(0)) > 0 {
            let owner = row.optionalInteger(2) ?? customers[row.integer(1)]?.salesOwner ?? 0
            found[owner, default: []].append(row.integer(0))
        }
        return found
    }

    /// Receipts of which something waits longer than `days`, as of the day.
    private func waitingCredits(knownPayer: Bool, days: Int) throws -> Findings {
        // On a day in the past, allocations after it must not count; today the kept balance says the same.
        let isPast = day < books.today
        let latest = day.dayNumber - days
        let rows =
            isPast
            ? try books.session.rows(
                """
                SELECT c.id, b.customer FROM credit c JOIN credit_balance b ON b.credit = c.id
                 WHERE c.kind = 1 AND c.posting_day <= \(latest) AND c.amount
                    - coalesce((SELECT sum(a.credit_amount) FROM allocation a WHERE a.credit = c.id AND a.posting_day <= \(day.dayNumber)), 0)
                    - coalesce((SELECT r.amount FROM reversal r WHERE r.fact = c.id AND r.posting_day <= \(day.dayNumber)), 0) > 0
                 ORDER BY c.id
                """)
            : try books.session.rows(
                """
                SELECT c.id, b.customer FROM credit_balance b JOIN credit c ON c.id = b.credit
                 WHERE b.unapplied > 0 AND c.kind = 1 AND c.posting_day <= \(latest) ORDER BY c.id
                """)
        var found: Findings = [:]
        for row in rows where (row.optionalInteger(1) != nil) == knownPayer {
            let owner = row.optionalInteger(1).flatMap { customers[$0]?.salesOwner } ?? 0
            found[owner, default: []].append(row.integer(0))
        }
        return found
    }
}
