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
                guard try books.session.row("SELECT id FROM task WHERE id = \(id)") != nil else {
                    throw Refusal(.taskUnknown, ["task": .text("\(id)")])
                }
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

    /// Stops dunning on an invoice's items; with an amount, on that part only.
    ///
    /// - Throws: `Refusal` `invoice.unknown` and those of `Pause.check`.
    package func pause(
        invoice number: String, _ kind: Pause.Kind, from: LocalDate, until: LocalDate, amount: String?, reason: String
    ) async throws -> Int64? {
        try await store.write(request) { books in
            let (version, policy) = try TrackingPolicy.load(in: books.session, on: from)
            books.policyVersion = version
            try Pause.check(kind, from: from, until: until, reason: reason, policy)
            let entity = try books.entities.find(nil)
            guard let invoice = try books.invoices().find(entity: entity, number: number) else {
                throw Refusal(.invoiceUnknown, ["invoice": .text(number)])
            }
            var part: Int64?
            if let amount {
                do throws(AmountError) {
                    part = try Money(amount, currency: invoice.currency).minorUnits
                } catch {
                    throw Refusal(.valueNotAnAmount, ["mark": .text("."), "limit": .text("")])
                }
            }
            for item in try books.invoices().items(of: invoice.id) {
                _ = try books.tracking.appendPause(
                    customer: nil, item: item.id, kind, from: from, until: until, amount: part, reason: reason)
            }
            return 1
        }.act
    }

    /// Ends all pauses of an invoice that run on a day.
    package func resume(invoice number: String, on day: LocalDate, reason: String) async throws -> Int64? {
        try await store.write(request) { books in
            let entity = try books.entities.find(nil)
            guard let invoice = try books.invoices().find(entity: entity, number: number) else {
                throw Refusal(.invoiceUnknown, ["invoice": .text(number)])
            }
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

    /// A person lets held messages go: they are put in the outbox as they stand.
    package func release(reminders ids: [Int64]) async throws -> Int64? {
        try await store.write(request) { books in
            var count = 0
            for id in ids {
                let isHeld = try books.session.row(
                    """
                    SELECT id FROM reminder r WHERE id = \(id) AND state = 2 AND recipient <> 0
                       AND NOT EXISTS (SELECT 1 FROM reminder_event e WHERE e.reminder = r.id)
                    """)
                guard isHeld != nil else { continue }
                try books.tracking.appendEvent(ofReminder: id, .released, on: books.today)
                try books.tracking.enqueue(reminder: id, notBefore: books.today)
                count += 1
            }
            return count
        }.act
    }

    /// Registers a person, a manager and roles.
    package func setPerson(_ key: String, manager: String?, roles: [Role], without: [Role]) async throws -> Int64? {
        try await store.write(request) { books in
            let person = try books.people.findOrRegister(key)
            if let manager { try books.people.setManager(person, try books.people.findOrRegister(manager)) }
            for role in roles { try books.people.grant(role, to: person, true) }
            for role in without { try books.people.grant(role, to: person, false) }
            return 1
        }.act
    }
}
