internal import Database
package import Ledger
package import Receivables

/// What people do about the day's work: finish tasks, pause dunning, release held messages.
package struct WorkCommands: Sendable {
    private let store: Store
    private let request: ActRequest

    package init(in store: Store, _ request: ActRequest) {
        self.store = store
        self.request = request
    }

    /// - Throws: `Refusal` `task.unknown`, `task.closed`.
    package func finish(task id: Int64, note: String?) async throws -> Int64? {
        try await finish(tasks: [id], note: note)
    }

    package func finish(tasks ids: [Int64], note: String?) async throws -> Int64? {
        try await store.write(request) { [request] books in
            for id in ids {
                try Self.needOwnTask(id, books)
                let closed = try books.session.row(
                    "SELECT id FROM task_event WHERE task = \(id) AND kind IN (1, 2) LIMIT 1")
                guard closed == nil else { throw Refusal(.taskClosed, ["task": .text("\(id)")]) }
                var person: Int64?
                if case .person(let key) = request.actor { person = try books.people.find(key)?.rawValue }
                try books.tracking.appendEvent(ofTask: id, .done, person: person, on: books.today, note: note)
            }
            return ids.count
        }.act
    }

    /// A task is finished by who has it, by their deputy, by who manages them, or, when it is nobody's, by its role.
    private static func needOwnTask(_ id: Int64, _ books: Books) throws {
        let row = try books.session.row("SELECT assignee, role, customer FROM task WHERE id = \(id)")
        guard let row else { throw Refusal(.taskUnknown, ["task": .text("\(id)")]) }
        let viewer = try books.viewer()
        guard let person = viewer.person else { return }
        // Somebody else's is answered like one that isn't there.
        if let customer = row.optionalInteger(2) {
            try books.needInScope(customer: customer, or: Refusal(.taskUnknown, ["task": .text("\(id)")]))
        }
        if viewer.roles.contains(.financeManager) { return }
        let role = Role(rawValue: row.integer(1))
        if let assignee = row.optionalInteger(0) {
            if assignee == person || viewer.standsInFor.contains(assignee) { return }
        } else if let role, viewer.roles.union(viewer.lentRoles).contains(role) {
            return
        }
        throw Refusal(
            .accessDenied,
            ["permission": .text("finish-task"), "roles": .text(role?.name ?? Role.financeManager.name)])
    }

    /// Stops dunning on an invoice's items, or on one instalment; with an amount, on that much of them, the ones due
    /// first before the others.
    ///
    /// - Throws: `Refusal` `invoice.unknown`, `item.unknown`, `pause.amount` and those of `Pause.check`.
    package func pause(
        invoice number: String, entity code: String? = nil, instalment: Int? = nil, _ kind: Pause.Kind, from: LocalDate,
        until: LocalDate,
        amount: String?, reason: String
    ) async throws -> Int64? {
        try await store.write(request) { books in
            let (version, policy) = try TrackingPolicy.load(in: books.session, on: from)
            books.policyVersion = version
            try Pause.check(kind, from: from, until: until, reason: reason, policy)
            let entity = try books.entities.find(code)
            guard let invoice = try books.invoices().find(entity: entity, number: number) else {
                throw Refusal(.invoiceUnknown, ["invoice": .text(number)])
            }
            try books.needInScope(
                customer: invoice.customer.rawValue, or: Refusal(.invoiceUnknown, ["invoice": .text(number)]))
            var items = try books.invoices().items(of: invoice.id)
            if let instalment {
                items = items.filter { $0.n == Int64(instalment) }
                guard !items.isEmpty else {
                    throw Refusal(.itemUnknown, ["invoice": .text(number), "instalment": .count(instalment)])
                }
            }
            guard let amount else {
                for item in items {
                    _ = try books.tracking.appendPause(
                        customer: nil, item: item.id, kind, from: from, until: until, amount: nil, reason: reason)
                }
                return items.count
            }
            let open = Money(minorUnits: items.reduce(0) { $0 + $1.open }, currency: invoice.currency)
            guard let part = try? Money(amount, currency: invoice.currency), part.isPositive,
                part.minorUnits <= open.minorUnits
            else { throw Refusal(.pauseAmount, ["amount": .text(amount), "open": .money(open)]) }
            var left = part.minorUnits
            for item in items where item.open > 0 && left > 0 {
                let share = min(item.open, left)
                left -= share
                _ = try books.tracking.appendPause(
                    customer: nil, item: item.id, kind, from: from, until: until, amount: share, reason: reason)
            }
            return items.count
        }.act
    }

    /// Ends all pauses of an invoice that run on a day.
    package func resume(invoice number: String, entity code: String? = nil, on day: LocalDate, reason: String)
        async throws -> Int64?
    {
        try await store.write(request) { books in
            let entity = try books.entities.find(code)
            guard let invoice = try books.invoices().find(entity: entity, number: number) else {
                throw Refusal(.invoiceUnknown, ["invoice": .text(number)])
            }
            try books.needInScope(
                customer: invoice.customer.rawValue, or: Refusal(.invoiceUnknown, ["invoice": .text(number)]))
            guard !reason.isEmpty else { throw Refusal(.reasonMissing) }
            let rows = try books.session.rows(
                """
                SELECT p.id FROM pause p JOIN item i ON i.id = p.item LEFT JOIN pause_end e ON e.pause = p.id
                 WHERE i.invoice = \(invoice.id) AND e.id IS NULL AND p.until_day >= \(day.dayNumber) ORDER BY p.id
                """)
            for row in rows {
                try books.facts.append(.pauseEnd) { end in
                    end.integer(row.integer(0))
                    end.integer(Int64(day.dayNumber))
                    end.text(reason)
                }
            }
            return rows.count
        }.act
    }

    /// What became of messages that a person let go.
    package struct Released: Codable, Hashable, Sendable {
        /// In the outbox as they stood.
        package var sent = 0
        /// Something in them changed, or another message goes to the customer that day: what still holds goes with
        /// the next day's run.
        package var merged = 0
    }

    /// A person lets held messages go.
    ///
    /// - Throws: `Refusal` `reminder.unknown`, `reminder.not-held`, `reminder.no-contact`.
    package func release(reminders ids: [Int64]) async throws -> Store.Written<Released> {
        try await store.write(request) { books in
            let company = try CompanySettings.load(in: books.session)
            let sendDay = try CalendarRepository.load(country: company.country, in: books.session)
                .onOrAfter(books.today)
            var released = Released()
            for id in ids {
                let name = Refusal.Parameter.text("\(id)")
                let row = try books.session.row(
                    """
                    SELECT state, recipient, customer, (SELECT e.kind FROM reminder_event e WHERE e.reminder = r.id
                        ORDER BY e.n DESC LIMIT 1) FROM reminder r WHERE id = \(id)
                    """)
                guard let row, try books.isInScope(customer: row.integer(2)) else {
                    throw Refusal(.reminderUnknown, ["reminder": name])
                }
                guard row.integer(0) == ReminderState.held.rawValue, row.optionalInteger(3) == nil else {
                    throw Refusal(.reminderNotHeld, ["reminder": name])
                }
                guard row.integer(1) != 0 else { throw Refusal(.reminderNoContact, ["reminder": name]) }
                if try Self.holdsStill(id, on: books.today, books),
                    try !Self.isSpokenTo(customer: row.integer(2), on: sendDay, books)
                {
                    try books.tracking.appendEvent(ofReminder: id, .released, on: books.today)
                    try books.tracking.enqueue(reminder: id, notBefore: sendDay)
                    released.sent += 1
                } else {
                    try books.tracking.appendEvent(ofReminder: id, .approved, on: books.today)
                    released.merged += 1
                }
            }
            return released
        }
    }

    /// Whether everything a message says is still so: amounts, due days, nothing paused since.
    private static func holdsStill(_ reminder: Int64, on day: LocalDate, _ books: Books) throws -> Bool {
        try books.session.row(
            """
            SELECT 1 FROM reminder_item r JOIN item i ON i.id = r.item JOIN item_balance b ON b.item = i.id
              JOIN invoice v ON v.id = i.invoice
             WHERE r.reminder = \(reminder) AND (b.open <> r.open_amount
                OR (r.rule = \(RuleCode.dueSoon.rawValue) AND i.due_day < \(day.dayNumber))
                OR EXISTS (SELECT 1 FROM item_event e WHERE e.item = i.id AND e.id > r.id)
                OR EXISTS (SELECT 1 FROM pause p WHERE p.id > r.id AND (p.item = i.id OR p.customer = v.customer))) LIMIT 1
            """) == nil
    }

    private static func isSpokenTo(customer: Int64, on day: LocalDate, _ books: Books) throws -> Bool {
        try books.session.row(
            """
            SELECT 1 FROM outbox o JOIN reminder r ON r.id = o.reminder
             WHERE r.customer = \(customer) AND r.audience = 1 AND o.not_before_day = \(day.dayNumber)
               AND NOT EXISTS (SELECT 1 FROM reminder_event e WHERE e.reminder = r.id AND e.kind IN (4, 7)) LIMIT 1
            """) != nil
    }

    /// Registers a person, a manager and roles; asked for by a person, roles wait for management.
    ///
    /// - Throws: `Refusal` `role.exclusive`.
    package func setPerson(_ key: String, manager: String?, roles: [Role], without: [Role]) async throws -> Int64? {
        try await store.write(request) { books in
            let person = try books.people.findOrRegister(key)
            if let manager { try books.people.setManager(person, try books.people.findOrRegister(manager)) }
            for role in without { try books.people.grant(role, to: person, false) }
            try books.approvals.giveOrProposeRoles(
                Set(roles), of: person.rawValue, held: Viewer.roles(of: person.rawValue, in: books.session), in: books)
            return 1
        }.act
    }
}
