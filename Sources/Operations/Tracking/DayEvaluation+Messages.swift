internal import Database
internal import Ledger
internal import OpenItems
internal import Receivables

/// Messages: one per customer and day, through the safe-to-send gate; and a note to the sales owner.
extension DayEvaluation {
    /// What a message says of one item.
    private struct Line {
        let hit: Hit
        let number: String
        let amount: Money
        let hasReachedCustomer: Bool
    }

    func remind(_ customer: Int64, _ hits: [Hit], _ state: inout DayState) throws {
        guard !hits.isEmpty else { return }
        let lines = try hits.map(line)
        let contact = try contact(of: customer)
        let gate = try gate(customer, contact: contact, lines, state)
        let reasons = gate.reasons
        let isPast = day.adding(days: policy.messagesMaximumAgeDays) < books.today
        // On a past day nothing is sent, whatever the gate would say of it today.
        let result: ReminderState = isPast ? .past : reasons.isEmpty ? .queued : .held
        for hit in hits {
            try record(
                hit, result == .held ? .held : .made,
                reason: result == .held ? reasons.map(\.rawValue).joined(separator: ",") : nil, &state)
        }
        try write(to: customer, contact, lines, result, reasons, &state)
        try tellSalesOwners(customer, lines.filter { $0.hit.rule == .dueSoon })
    }

    /// What the gate sees of a customer on the day.
    private func gate(
        _ customer: Int64, contact: (id: Int64, email: String)?, _ lines: [Line], _ state: DayState
    ) throws -> SendGate {
        var gate = SendGate()
        let firstRun = state.firstRun ?? day
        // Few working days can't be more than as many days, so most days need no counting.
        gate.isGoLive =
            day.days(since: firstRun) <= policy.goLiveDays * 3
            && calendar.workingDays(after: firstRun, through: day) < policy.goLiveDays
        gate.hasContact = contact != nil
        gate.isComplete = customers[customer].map { !$0.isIncomplete && $0.salesOwner != nil } ?? false
        gate.isBankDataCurrent = try isBankDataCurrent()
        gate.hasUnappliedCash = hasUnappliedCash(customer)
        gate.isEveryInvoiceUndelivered = lines.allSatisfy { !$0.hasReachedCustomer }
        gate.messagesThisWeek = (state.messageDays[customer] ?? []).count { day.days(since: $0) < 7 }
        gate.frequencyCap = policy.frequencyCapPerWeek
        return gate
    }

    private func hasUnappliedCash(_ customer: Int64) -> Bool {
        (debtorsOfCustomer[customer] ?? []).contains { debtor in
            let limit = policy.unappliedMateriality * picture.debtors[debtor].currency.minorUnitsPerUnit
            return unapplied[debtor] > Int128(limit)
        }
    }

    /// Whether receipts through the last working day were brought in: one is dated so, or a file was imported since.
    private func isBankDataCurrent() throws -> Bool {
        if let known = bankDataIsCurrent { return known }
        var oldest = day.adding(days: -1)
        for _ in 0..<max(policy.bankDataMaximumAgeWorkingDays, 1) { oldest = calendar.onOrBefore(oldest) }
        let imported = try SettingRepository.content(FileImport.bankDataSetting, in: books.session).flatMap {
            LocalDate($0)
        }
        let newest = try books.session.row(
            "SELECT coalesce(max(value_day), 0) FROM credit WHERE kind = 1 AND value_day <= \(day.dayNumber)")
        let isCurrent = imported.map { $0 >= oldest } ?? false || (newest?.integer(0) ?? 0) >= Int64(oldest.dayNumber)
        bankDataIsCurrent = isCurrent
        return isCurrent
    }

    private func line(_ hit: Hit) throws -> Line {
        let row = try books.session.row(
            """
            SELECT v.number, v.tax_status, (SELECT e.status FROM tax_invoice_event e WHERE e.invoice = v.id
                ORDER BY e.n DESC LIMIT 1) FROM item i JOIN invoice v ON v.id = i.invoice WHERE i.id = \(hit.item.fact)
            """)
        let status = Invoice.TaxStatus(rawValue: row?.optionalInteger(2) ?? row?.integer(1) ?? 0)
        return Line(
            hit: hit, number: row?.text(0) ?? "", amount: Money(minorUnits: hit.item.open, currency: hit.currency),
            hasReachedCustomer: status?.hasReachedCustomer ?? false)
    }

    /// The customer's contact for payments, else for billing, with an address.
    private func contact(of customer: Int64) throws -> (id: Int64, email: String)? {
        let rows = try books.session.rows(
            """
            SELECT c.id, v.personal FROM contact c JOIN contact_version v ON v.contact = c.id
             WHERE c.customer = \(customer) AND v.purpose IN (1, 2)
               AND v.n = (SELECT max(n) FROM contact_version w WHERE w.contact = c.id)
             ORDER BY v.purpose, c.id
            """)
        for row in rows {
            if let email = try books.personal.fields(row.integer(1)).map(ContactRepository.content)?.email {
                return (row.integer(0), email)
            }
        }
        return nil
    }

    private func write(
        to customer: Int64, _ contact: (id: Int64, email: String)?, _ lines: [Line], _ result: ReminderState,
        _ reasons: [HoldReason], _ state: inout DayState
    ) throws {
        let catalogue = try catalogue(of: customers[customer]?.language)
        // What the customer never got an invoice for is not asked for; a register check sees to it.
        let sendable = lines.filter(\.hasReachedCustomer)
        let text = text(customer, sendable.isEmpty ? lines : sendable, catalogue)
        let personal = try books.personal.append(
            [contact?.email ?? "", catalogue.text(.reminderSubject, ["company": .text(company.name)]), text],
            subject: customer)
        let id = try books.tracking.append(
            TrackingRepository.NewReminder(
                customer: customer, day: day, audience: .customer, recipient: contact?.id ?? 0,
                language: catalogue.language.rawValue, personal: personal, state: result,
                held: result == .held ? reasons : [],
                items: lines.map { ($0.hit.item.fact, $0.hit.rule, $0.hit.item.open) }))
        report.messages[result.name, default: 0] += 1
        switch result {
        case .queued:
            try books.tracking.enqueue(reminder: id, notBefore: calendar.onOrAfter(day))
            state.messageDays[customer, default: []].append(day)
        case .held:
            state.held[id] = DayState.HeldReminder(
                id: id, customer: customer, day: day, reasons: reasons, items: lines.map(\.hit.item.fact))
        case .past: break
        }
        for line in lines {
            detail(
                line.hit.rule, customer, line.number, effect: "message:\(result.name)",
                reason: reasons.isEmpty ? contact?.email ?? "" : reasons.map(\.rawValue).joined(separator: ","))
        }
    }

    private func text(_ customer: Int64, _ lines: [Line], _ catalogue: Catalogue) -> String {
        var parts = [catalogue.text(.reminderGreeting, ["customer": .text(customers[customer]?.name ?? "")])]
        let sections: [(RuleCode, TextKey)] = [(.dueSoon, .reminderDueSoon), (.overdueStart, .reminderOverdue)]
        for (rule, heading) in sections {
            let items = lines.filter { $0.hit.rule == rule }
            if items.isEmpty { continue }
            parts.append(catalogue.text(heading))
            for item in items {
                parts.append(
                    catalogue.text(
                        .reminderLine,
                        [
                            "invoice": .text(item.number), "due": .day(item.hit.item.dueDay),
                            "amount": .money(item.amount),
                        ]))
            }
        }
        parts.append(catalogue.text(.reminderClosing, ["company": .text(company.name)]))
        return parts.joined(separator: "\n")
    }

    private func catalogue(of language: String?) throws -> Catalogue {
        let wanted = Catalogue.Language(rawValue: language ?? company.language) ?? .chinese
        if let known = catalogues[wanted] { return known }
        let catalogue = try Catalogue(wanted)
        catalogues[wanted] = catalogue
        return catalogue
    }

    /// The sales owners learn what of theirs falls due, one note each per customer and day.
    private func tellSalesOwners(_ customer: Int64, _ lines: [Line]) throws {
        let byOwner = Dictionary(grouping: lines) { line -> Int64 in
            line.hit.item.owner != 0 ? line.hit.item.owner : customers[customer]?.salesOwner ?? 0
        }
        let catalogue = try catalogue(of: company.language)
        for owner in byOwner.keys.sorted() where owner != 0 {
            let own = byOwner[owner] ?? []
            let text = catalogue.text(
                .reminderInternal, ["customer": .text(customers[customer]?.name ?? ""), "count": .count(own.count)])
            let personal = try books.personal.append([people[owner] ?? "", text, ""], subject: owner)
            _ = try books.tracking.append(
                TrackingRepository.NewReminder(
                    customer: customer, day: day, audience: .salesOwner, recipient: owner,
                    language: catalogue.language.rawValue, personal: personal, state: .queued, held: [],
                    items: own.map { ($0.hit.item.fact, $0.hit.rule, $0.hit.item.open) }))
        }
    }

    /// Held messages go when what held them is gone; they lapse when they are too old or all is paid.
    func releaseHeldMessages(_ state: inout DayState) throws {
        for message in state.held.values.sorted(by: { $0.id < $1.id }) where message.day < day {
            if message.items.allSatisfy({ openAmount(ofItem: $0) == 0 }) {
                try end(message, .settled, &state)
            } else if day.days(since: message.day) > policy.heldExpiresDays {
                try end(message, .expired, &state)
            } else if !message.reasons.contains(.goLive), day.adding(days: policy.messagesMaximumAgeDays) >= books.today
            {
                // What go-live holds waits for a person (`huikuan reminders --release`).
                let hits = message.items.compactMap { hit(ofItem: $0, customer: message.customer) }
                let contact = try contact(of: message.customer)
                let lines = try hits.map(line)
                guard try gate(message.customer, contact: contact, lines, state).reasons.isEmpty else { continue }
                try end(message, .released, &state)
                try books.tracking.enqueue(reminder: message.id, notBefore: calendar.onOrAfter(day))
                state.messageDays[message.customer, default: []].append(day)
                report.messages["released", default: 0] += 1
            }
        }
    }

    private func end(_ message: DayState.HeldReminder, _ event: ReminderEvent, _ state: inout DayState) throws {
        try books.tracking.appendEvent(ofReminder: message.id, event, on: day)
        state.held[message.id] = nil
    }

    private func hit(ofItem fact: Int64, customer: Int64) -> Hit? {
        let position = Int(picture.position(ofFact: fact))
        guard open[position] > 0 else { return nil }
        let item = picture.view(position, open: open[position], on: day)
        return Hit(
            rule: .dueSoon, occasion: Occasion(dueDay: item.dueDay, episode: 0), item: item, customer: customer,
            currency: picture.debtors[Int(item.debtor)].currency)
    }
}
