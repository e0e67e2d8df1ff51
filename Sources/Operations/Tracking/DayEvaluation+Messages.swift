internal import Database
internal import Ledger
internal import OpenItems
internal import Receivables

/// Messages: at most one goes to a customer on a day, composed of everything that waits for that day and
/// checked by the safe-to-send gate; and a note to the sales owner.
///
/// What waits (held by the gate, or queued for the next working day) is looked at again on every day: items
/// that were paid, re-dated or paused in the meantime drop out, and what is left goes as one new message.
extension DayEvaluation {
    /// What a message says of one item.
    struct MessageLine {
        let hit: Hit
        let number: String
        /// What is asked for: the open amount without what is in dispute.
        let amount: Money
        let hasReachedCustomer: Bool
    }

    /// The message lines of a day for one customer.
    private struct Lines {
        /// To be sent as soon as the gate lets them.
        var ready: [MessageLine] = []
        /// Undelivered or paused: kept back whatever the gate says.
        var keptBack: [MessageLine] = []
        var reasons: Set<HoldReason> = []

        var all: [MessageLine] { ready + keptBack }
    }

    /// Customers to whom something is to be said, or for whom something waits.
    func customersToRemind(_ hits: [Int64: [Hit]], _ state: DayState) -> [Int64] {
        Set(hits.keys).union(state.waiting.keys).sorted()
    }

    func remind(_ customer: Int64, _ hits: [Hit], _ state: inout DayState) throws {
        // For a day of history nothing is sent, whatever the gate would say of it today.
        if !isReturn, day.adding(days: policy.messagesMaximumAgeDays) < books.today {
            return try remindInThePast(customer, hits, &state)
        }
        var waiting = try endWhatIsOver(customer, &state)
        // What go-live holds waits for a person (`huikuan reminders --release`).
        waiting.removeAll { $0.needsPerson }
        guard !hits.isEmpty || waiting.contains(where: { $0.isHeld || $0.sendDay.map { $0 >= day } ?? false }) else {
            return
        }
        // A day that is caught up is spoken of today: nothing can be sent back then.
        let sendDay = calendar.onOrAfter(max(day, books.today))
        let mergeable = waiting.filter { $0.isHeld || $0.sendDay == sendDay }
        var lines = Lines()
        for hit in hits { try add(hit, isNew: true, to: &lines, state) }
        let known = Set(hits.map(\.item.fact))
        for message in mergeable {
            for line in message.lines where !known.contains(line.item) {
                if let hit = try stillValid(line, customer, state) { try add(hit, isNew: false, to: &lines, state) }
            }
        }
        let contact = try contact(of: customer)
        let reasons = try gate(customer, contact: contact, lines.all, on: sendDay, merging: mergeable, state).reasons
        let mayGo = reasons.isEmpty && !lines.ready.isEmpty
        if mayGo, hits.isEmpty, try isUnchanged(mergeable, lines, sendDay) { return }
        // What stands in the outbox for the day and may not go any more is held again.
        let recalled = mayGo ? [] : mergeable.filter { !$0.isHeld }
        for message in recalled { try end(message, .superseded, &state) }
        // What was held and still is stays as it was; only what is new is held beside it.
        if !mayGo, hits.isEmpty, recalled.isEmpty { return }
        for hit in hits {
            let isSent = mayGo && lines.ready.contains { $0.hit.item.fact == hit.item.fact }
            let why = Set(reasons).union(isSent ? [] : lines.reasons)
            try record(
                hit, isSent ? .made : .held, reason: isSent ? nil : Self.text(why), &state)
        }
        if mayGo {
            for message in mergeable {
                try end(message, .superseded, &state)
                report.messages["released", default: 0] += message.isHeld ? 1 : 0
            }
            try write(to: customer, contact, lines.ready, .queued, [], sendDay, &state)
            if !lines.keptBack.isEmpty {
                try write(to: customer, nil, lines.keptBack, .held, lines.reasons, nil, &state)
            }
        } else {
            let back = known.union(recalled.flatMap { $0.lines.map(\.item) })
            let new = lines.all.filter { back.contains($0.hit.item.fact) }
            try write(to: customer, contact, new, .held, Set(reasons).union(lines.reasons), nil, &state)
        }
        try tellSalesOwners(customer, lines.all.filter { $0.hit.rule == .dueSoon && known.contains($0.hit.item.fact) })
    }

    private func remindInThePast(_ customer: Int64, _ hits: [Hit], _ state: inout DayState) throws {
        _ = try endWhatIsOver(customer, &state)
        guard !hits.isEmpty else { return }
        for hit in hits { try record(hit, .made, reason: nil, &state) }
        let lines = try hits.map { try line($0, asked: $0.item.open) }
        try write(to: customer, try contact(of: customer), lines, .past, [], nil, &state)
        try tellSalesOwners(customer, lines.filter { $0.hit.rule == .dueSoon })
    }

    // MARK: What waits

    /// Ends what is paid or too old, and forgets what has gone; returns what still waits.
    private func endWhatIsOver(_ customer: Int64, _ state: inout DayState) throws -> [DayState.WaitingMessage] {
        for message in state.waiting[customer] ?? [] where message.day < day {
            if let sendDay = message.sendDay, sendDay < max(day, books.today) {
                state.forget(message)
            } else if message.lines.allSatisfy({ openAmount(ofItem: $0.item) == 0 }) {
                try end(message, .settled, &state)
            } else if message.isHeld, day.days(since: message.day) > policy.heldExpiresDays {
                try end(message, .expired, &state)
            }
        }
        return (state.waiting[customer] ?? []).filter { $0.day < day }
    }

    /// A line that may still be sent: open, due as it was, and for what the rule says.
    private func stillValid(
        _ line: DayState.WaitingMessage.Line, _ customer: Int64, _ state: DayState
    ) throws -> Hit? {
        let position = Int(picture.position(ofFact: line.item))
        guard open[position] > 0 else { return nil }
        let item = picture.view(position, open: open[position], on: day)
        let isOverdue = day > item.dueDay
        guard line.rule == .dueSoon ? !isOverdue : isOverdue else { return nil }
        let occasion = Occasion(
            dueDay: item.dueDay, episode: line.rule == .dueSoon ? 0 : episode(ofItem: position, item, state))
        guard state.hasOccurred(line.rule, subject: line.item, occasion) else { return nil }
        return Hit(
            rule: line.rule, occasion: occasion, item: item, customer: customer,
            currency: picture.debtors[Int(item.debtor)].currency)
    }

    private func add(_ hit: Hit, isNew: Bool, to lines: inout Lines, _ state: DayState) throws {
        let paused = state.pausedAmount(
            ofItem: hit.item.fact, customer: hit.customer, open: hit.item.open, on: day)
        let line = try line(hit, asked: hit.item.open - min(paused, hit.item.open))
        if !line.amount.isPositive {
            lines.keptBack.append(try self.line(hit, asked: hit.item.open))
            lines.reasons.insert(.paused)
        } else if line.hasReachedCustomer {
            lines.ready.append(line)
        } else {
            lines.keptBack.append(line)
            lines.reasons.insert(.invoiceNotDelivered)
        }
    }

    /// Whether one message already stands in the outbox for the day and says just this.
    private func isUnchanged(
        _ messages: [DayState.WaitingMessage], _ lines: Lines, _ sendDay: LocalDate
    ) throws -> Bool {
        guard messages.count == 1, let message = messages.first, message.sendDay == sendDay else { return false }
        let now = Dictionary(lines.ready.map { ($0.hit.item.fact, $0.amount.minorUnits) }) { first, _ in first }
        let then = Dictionary(message.lines.map { ($0.item, $0.open) }) { first, _ in first }
        return now == then && lines.keptBack.isEmpty
    }

    private func end(_ message: DayState.WaitingMessage, _ event: ReminderEvent, _ state: inout DayState) throws {
        try books.tracking.appendEvent(ofReminder: message.id, event, on: day)
        state.forget(message)
        guard event == .superseded, let sendDay = message.sendDay else { return }
        state.unsend(message.customer, sendDay)
        // It was counted when it was put in the outbox, on this day or on one caught up before.
        report.messages[ReminderState.queued.name, default: 0] -= 1
    }

    // MARK: The gate

    /// What the gate sees of a customer on the day.
    private func gate(
        _ customer: Int64, contact: (id: Int64, email: String)?, _ lines: [MessageLine], on sendDay: LocalDate,
        merging: [DayState.WaitingMessage], _ state: DayState
    ) throws -> SendGate {
        var gate = SendGate()
        let firstRun = state.firstRun ?? day
        // Few working days can't be more than as many days, so most days need no counting.
        gate.isGoLive =
            day.days(since: firstRun) <= policy.goLiveDays * 3
            && calendar.workingDays(after: firstRun, through: day) < policy.goLiveDays
        // A person has looked at what was approved, so the rest of the day's message goes with it.
        if merging.contains(where: \.isApproved) { gate.isGoLive = false }
        gate.hasContact = contact != nil
        gate.isComplete = customers[customer].map { !$0.isIncomplete && $0.salesOwner != nil } ?? false
        gate.isBankDataCurrent = try isBankDataCurrent()
        gate.hasUnappliedCash = hasUnappliedCash(customer)
        let replaced = Set(merging.compactMap(\.sendDay))
        gate.messagesThisWeek = (state.messageDays[customer] ?? []).count {
            !replaced.contains($0) && abs(sendDay.days(since: $0)) < 7
        }
        gate.frequencyCap = policy.frequencyCapPerWeek
        return gate
    }

    private func hasUnappliedCash(_ customer: Int64) -> Bool {
        (debtorsOfCustomer[customer] ?? []).contains { debtor in
            let limit = policy.unappliedMateriality * picture.debtors[debtor].currency.minorUnitsPerUnit
            return unapplied[debtor] > Int128(limit)
        }
    }

    /// Whether every bank account's data reach through the last working day.
    private func isBankDataCurrent() throws -> Bool {
        if let known = bankDataIsCurrent { return known }
        var oldest = calendar.onOrBefore(day.adding(days: -1))
        for _ in 1..<max(policy.bankDataMaximumAgeWorkingDays, 1) {
            oldest = calendar.onOrBefore(oldest.adding(days: -1))
        }
        let isCurrent = try BankCoverage.isCurrent(since: oldest, in: books.session)
        bankDataIsCurrent = isCurrent
        return isCurrent
    }

    // MARK: Words

    /// Looks up at once what the lines and messages of the day's hits will ask for.
    func lookAhead(_ hits: [Hit]) throws {
        guard books.looksAhead else { return }
        try books.session.rows(
            about: Set(hits.map(\.item.fact)).sorted().map { .integer($0) }, [], { Self.lineText("i.id IN (\($0))") },
            visit: { invoices[$0.integer(3)] = Self.invoice($0) })
        let customers = Set(hits.map(\.customer))
        let people = Set(hits.map(\.item.owner)).union(customers.compactMap { self.customers[$0]?.salesOwner })
        try books.personal.lookAhead(customers.union(people))
        for customer in customers where contacts[customer] == nil { contacts[customer] = .some(nil) }
        try books.session.rows(
            about: customers.sorted().map { .integer($0) }, [], { Self.contactText("c.customer IN (\($0))") },
            visit: { row in
                guard let known = contacts[row.integer(3)], known == nil else { return }
                let email = try books.personal.fields(subject: row.integer(1), row.blob(2))
                    .map(ContactRepository.content)?.email
                if let email { contacts[row.integer(3)] = .some((row.integer(0), email)) }
            })
    }

    private static func lineText(_ condition: String) -> String {
        """
        SELECT v.number, v.tax_status, (SELECT e.status FROM tax_invoice_event e WHERE e.invoice = v.id
            ORDER BY e.n DESC LIMIT 1), i.id FROM item i JOIN invoice v ON v.id = i.invoice WHERE \(condition)
        """
    }

    private static func invoice(_ row: some SQLColumns) -> (number: String, hasReachedCustomer: Bool) {
        let status = Invoice.TaxStatus(rawValue: row.optionalInteger(2) ?? row.integer(1))
        return (row.text(0), status?.hasReachedCustomer ?? false)
    }

    private func line(_ hit: Hit, asked: Int64) throws -> MessageLine {
        var found = invoices[hit.item.fact]
        if found == nil {
            let statement = try books.session.statement(Self.lineText("i.id = $1"))
            statement.bind(1, hit.item.fact)
            defer { statement.reset() }
            guard try statement.step() else { throw DatabaseFailure.corrupt(detail: "item \(hit.item.fact)") }
            found = Self.invoice(statement)
        }
        return MessageLine(
            hit: hit, number: found?.number ?? "", amount: Money(minorUnits: asked, currency: hit.currency),
            hasReachedCustomer: found?.hasReachedCustomer ?? false)
    }

    /// The customer's contact for payments, else for billing, with an address.
    func contact(of customer: Int64) throws -> (id: Int64, email: String)? {
        if let known = contacts[customer] { return known }
        let rows = try books.session.rows(SQL(Self.contactText("c.customer = $1"), [.integer(customer)]))
        var found: (id: Int64, email: String)?
        for row in rows {
            let fields = try books.personal.fields(subject: row.integer(1), row.blob(2))
            if let email = fields.map(ContactRepository.content)?.email {
                found = (row.integer(0), email)
                break
            }
        }
        contacts[customer] = .some(found)
        return found
    }

    /// Contacts for payments before those for billing.
    private static func contactText(_ condition: String) -> String {
        """
        SELECT c.id, p.subject, p.ciphertext, c.customer FROM contact c JOIN contact_version v ON v.contact = c.id
          JOIN personal p ON p.id = v.personal
         WHERE \(condition) AND v.purpose IN (1, 2)
           AND v.n = (SELECT max(n) FROM contact_version w WHERE w.contact = c.id)
         ORDER BY v.purpose, c.id
        """
    }

    private static func text(_ reasons: Set<HoldReason>) -> String {
        HoldReason.allCases.filter(reasons.contains).map(\.rawValue).joined(separator: ",")
    }

    private func write(
        to customer: Int64, _ contact: (id: Int64, email: String)?, _ lines: [MessageLine], _ result: ReminderState,
        _ reasons: Set<HoldReason>, _ sendDay: LocalDate?, _ state: inout DayState
    ) throws {
        let catalogue = try catalogue(of: customers[customer]?.language)
        let letter = ReminderLetter(
            catalogue: catalogue, company: company.name, customer: customers[customer]?.name ?? "",
            accounts: try accounts(), lines: lines.map(Self.letterLine))
        let personal = try books.personal.append(
            [contact?.email ?? "", letter.subject, letter.text], subject: customer)
        let held = HoldReason.allCases.filter(reasons.contains)
        let id = try books.tracking.append(
            TrackingRepository.NewReminder(
                customer: customer, day: day, audience: .customer, recipient: contact?.id ?? 0,
                language: catalogue.language.rawValue, personal: personal, state: result, held: held,
                items: lines.map { ($0.hit.item.fact, $0.hit.rule, $0.amount.minorUnits) }))
        report.messages[result.name, default: 0] += 1
        let kept = DayState.WaitingMessage(
            id: id, customer: customer, day: day, isHeld: result == .held, sendDay: sendDay,
            needsPerson: reasons.contains(.goLive), isApproved: false,
            lines: lines.map { .init(item: $0.hit.item.fact, rule: $0.hit.rule, open: $0.amount.minorUnits) })
        switch result {
        case .queued:
            let sendDay = sendDay ?? day
            try books.tracking.enqueue(reminder: id, notBefore: sendDay)
            state.messageDays[customer, default: []].append(sendDay)
            // Until its day has come, what it says is looked at again.
            if sendDay > day { state.keep(kept) }
        case .held: state.keep(kept)
        case .past, .noted: break
        }
        for line in lines {
            detail(
                line.hit.rule, customer, line.number, effect: "message:\(result.name)",
                reason: held.isEmpty ? contact?.email ?? "" : held.map(\.rawValue).joined(separator: ","))
        }
    }

    private func catalogue(of language: String?) throws -> Catalogue {
        let wanted = Catalogue.Language(rawValue: language ?? company.language) ?? .chinese
        if let known = catalogues[wanted] { return known }
        let catalogue = try MessageTemplates.catalogue(wanted, on: day, in: books.session)
        catalogues[wanted] = catalogue
        return catalogue
    }

    /// Where customers pay to.
    private func accounts() throws -> String {
        if let known = accountsText { return known }
        let text = try MessageTemplates.accounts(in: books.session)
        accountsText = text
        return text
    }

    private static func letterLine(_ line: MessageLine) -> ReminderLetter.Line {
        ReminderLetter.Line(
            isOverdue: line.hit.rule == .overdueStart, invoice: line.number, issueDay: line.hit.item.issueDay,
            dueDay: line.hit.item.dueDay, amount: line.amount)
    }

    /// The sales owners learn what of theirs falls due, one note each per customer and day, in the program itself.
    private func tellSalesOwners(_ customer: Int64, _ lines: [MessageLine]) throws {
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
                    language: catalogue.language.rawValue, personal: personal, state: .noted, held: [],
                    items: own.map { ($0.hit.item.fact, $0.hit.rule, $0.hit.item.open) }))
        }
    }
}
