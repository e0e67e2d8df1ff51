import Database
import Ledger
import Receivables
import TestSupport
import Testing

@testable import Operations

/// What customers get to read: one message a day, of what still holds.
@Suite struct MessageTests {
    /// A company past its go-live weeks, whose bank data are in.
    private func company(_ invoices: String...) async throws -> TestCompany {
        let company = try await TestCompany()
        try await company.take(
            .customers, "code,name,sales_owner,collector,kind", "C1,One,sales@x.cn,call@x.cn,foreign")
        try await company.take(.contacts, "customer,name,purpose,email", "C1,Payer,payment,pay@c1.example")
        company.setClock("2026-03-02T00:00:00Z")
        try await company.run(day: "2026-03-02")
        for invoice in invoices {
            try await company.take(.invoices, "number,customer,issue_date,due_date,amount,invoice_status", invoice)
        }
        return company
    }

    /// Imports an empty bank file and runs the day in its morning.
    private func live(_ company: TestCompany, _ day: String, bank: Bool = true) async throws {
        company.setClock("\(day)T00:00:00Z")
        if bank { try await company.take(.receipts, "reference,date,amount") }
        try await company.run(day: day)
    }

    private func messages(_ company: TestCompany, _ state: String? = nil) throws -> [TrackingQueries.ReminderRow] {
        try TrackingQueries.reminders(customer: "C1", state: state, since: nil, limit: 100, in: company.store).rows
            .filter { $0.audience == .customer }
    }

    @Test("Held messages become one when their reason is gone, without what was paid, for what is left of the rest")
    func merged() async throws {
        let company = try await company(
            "A,C1,2026-04-01,2026-05-18,100,delivered", "B,C1,2026-04-01,2026-05-19,200,delivered",
            "D,C1,2026-04-01,2026-05-20,300,delivered")
        for day in ["2026-05-18", "2026-05-19", "2026-05-20", "2026-05-21"] {
            try await live(company, day, bank: false)
        }
        #expect(try messages(company, "held").count >= 3)
        try await company.take(
            .receipts, "reference,date,amount,customer", "R1,2026-05-21,100,C1", "R2,2026-05-21,150,C1")
        try await company.take(.allocations, "receipt,invoice,amount", "R1,A,100", "R2,B,150")
        _ = try await WorkCommands(in: company.store, company.request("pause")).pause(
            invoice: "D", .dispute, from: company.today, until: try #require(LocalDate("2026-06-10")), amount: nil,
            reason: "wrong goods")
        try await live(company, "2026-05-22")
        let sent = try messages(company, "queued")
        #expect(sent.count == 1)
        let message = try #require(sent.first)
        #expect(message.items.map(\.number) == ["B"] && message.items.first?.open.minorUnits == 5_000)
        #expect(message.text.contains("50.00 CNY") && !message.text.contains("300.00"))
        // What is paused waits, and goes when the pause ends.
        #expect(try messages(company, "held").contains { $0.items.map(\.number) == ["D"] && $0.held == ["paused"] })
        try await live(company, "2026-06-11")
        #expect(try messages(company, "queued").contains { $0.items.map(\.number) == ["D"] })
        #expect(try company.fault() == nil)
    }

    @Test("What falls due over a weekend is one message on Monday")
    func weekend() async throws {
        let company = try await company()
        try await live(company, "2026-05-21")
        // Registered late, so that their reminder before they fall due is one too.
        for (number, due) in [("A", "22"), ("B", "23"), ("D", "24")] {
            try await company.take(
                .invoices, "number,customer,issue_date,due_date,amount", "\(number),C1,2026-04-01,2026-05-\(due),100")
        }
        for day in ["2026-05-22", "2026-05-23", "2026-05-24", "2026-05-25"] { try await live(company, day) }
        let overdue = try messages(company, "queued").filter { $0.items.contains { $0.rule == "overdue-start" } }
        #expect(overdue.count == 1)
        #expect(overdue.first?.items.map(\.number).sorted() == ["A", "B", "D"])
        let days = try company.store.read { session in
            try session.rows(
                """
                SELECT o.not_before_day, count(*) FROM outbox o JOIN reminder r ON r.id = o.reminder
                 WHERE NOT EXISTS (SELECT 1 FROM reminder_event e WHERE e.reminder = r.id AND e.kind = 4)
                 GROUP BY o.not_before_day ORDER BY o.not_before_day
                """)
        }
        #expect(days.allSatisfy { $0.integer(1) == 1 })
    }

    @Test("An invoice that the customer never got is held alone, and goes when it was delivered")
    func undelivered() async throws {
        let company = try await company(
            "M1,C1,2026-05-01,2026-05-21,100,delivered", "M2,C1,2026-05-01,2026-05-21,200,issued")
        try await live(company, "2026-05-18")
        #expect(try messages(company, "queued").map { $0.items.map(\.number) } == [["M1"]])
        #expect(try messages(company, "held").map { $0.items.map(\.number) } == [["M2"]])
        let correcting = CorrectRegister(in: company.store, company.request("invoice-status"))
        _ = try await correcting.changeTaxStatus(invoice: "M2", to: .delivered, on: nil)
        try await live(company, "2026-05-19")
        #expect(try messages(company, "queued").first?.items.map(\.number) == ["M2"])
        await #expect(throws: Refusal(.invoiceSameStatus, ["invoice": .text("M2"), "status": .text("delivered")])) {
            _ = try await correcting.changeTaxStatus(invoice: "M2", to: .delivered, on: nil)
        }
        #expect(try company.fault() == nil)
    }

    @Test("A part in dispute is not asked for, and parts of several pauses add up")
    func partDispute() async throws {
        let company = try await company("P,C1,2026-05-01,2026-05-21,1000,delivered")
        let work = WorkCommands(in: company.store, company.request("pause"))
        let until = try #require(LocalDate("2026-06-20"))
        for amount in ["0", "-5", "1000.01", "x"] {
            await #expect(throws: Refusal.self, "\(amount)") {
                _ = try await work.pause(
                    invoice: "P", .dispute, from: company.today, until: until, amount: amount, reason: "short")
            }
        }
        _ = try await work.pause(
            invoice: "P", .dispute, from: try #require(LocalDate("2026-05-01")), until: until, amount: "300",
            reason: "short")
        try await live(company, "2026-05-18")
        #expect(try messages(company, "queued").first?.items.first?.open.minorUnits == 70_000)
        _ = try await work.pause(
            invoice: "P", .dispute, from: try #require(LocalDate("2026-05-01")), until: until, amount: "700",
            reason: "late")
        try await live(company, "2026-05-22")
        #expect(try messages(company).count { $0.items.contains { $0.rule == "overdue-start" } } == 0)
    }

    @Test("What is held for go-live waits for a person, and a stale one goes with the next message")
    func goLive() async throws {
        let company = try await TestCompany()
        try await company.take(.customers, "code,name,sales_owner,kind", "C1,One,sales@x.cn,foreign")
        try await company.take(.contacts, "customer,name,purpose,email", "C1,Payer,payment,pay@c1.example")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "A,C1,2026-05-01,2026-05-21,100",
            "B,C1,2026-05-01,2026-05-22,200")
        try await live(company, "2026-05-18")
        try await live(company, "2026-05-19")
        let held = try messages(company, "held")
        #expect(held.count == 2 && held.allSatisfy { $0.held == ["go_live"] })
        let work = WorkCommands(in: company.store, company.request("release"))
        let first = try #require(held.first { $0.items.map(\.number) == ["A"] })
        let second = try #require(held.first { $0.items.map(\.number) == ["B"] })
        #expect(try await work.release(reminders: [first.id]).outcome.sent == 1)
        // The customer is written to that day already, so the second goes with the next day's run.
        #expect(try await work.release(reminders: [second.id]).outcome.merged == 1)
        await #expect(throws: Refusal(.reminderNotHeld, ["reminder": .text("\(first.id)")])) {
            _ = try await work.release(reminders: [first.id])
        }
        await #expect(throws: Refusal(.reminderUnknown, ["reminder": .text("1")])) {
            _ = try await work.release(reminders: [1])
        }
        try await live(company, "2026-05-20")
        #expect(try messages(company, "queued").first?.items.map(\.number) == ["B"])
        #expect(try company.fault() == nil)
    }

    @Test("Without an address nothing can be released")
    func noContact() async throws {
        let company = try await TestCompany()
        try await company.take(.customers, "code,name,sales_owner,kind", "C1,One,sales@x.cn,foreign")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "A,C1,2026-05-01,2026-05-21,100")
        try await live(company, "2026-05-18")
        let held = try #require(try messages(company, "held").first)
        #expect(held.held.contains("contact_missing"))
        await #expect(throws: Refusal(.reminderNoContact, ["reminder": .text("\(held.id)")])) {
            _ = try await WorkCommands(in: company.store, company.request("release")).release(reminders: [held.id])
        }
    }

    @Test("No more messages go to a customer in a week than the policy allows, also when each day is a process")
    func frequencyCap() async throws {
        let invoices = (0..<5).map { "I\($0),C1,2026-05-01,2026-06-0\($0 + 1),100,delivered" }
        let company = try await company()
        for invoice in invoices {
            try await company.take(.invoices, "number,customer,issue_date,due_date,amount,invoice_status", invoice)
        }
        // A run of its own for every day, as a scheduler calls it.
        for day in ["2026-05-27", "2026-05-28", "2026-05-29", "2026-06-01", "2026-06-02", "2026-06-03"] {
            try await live(company, day)
        }
        let sent = try messages(company, "queued")
        #expect(sent.count <= 3)
        #expect(try messages(company, "held").contains { $0.held == ["frequency_cap"] })
    }

    @Test("Re-importing old receipts doesn't say that today's bank data are in")
    func bankData() async throws {
        let company = try await company("A,C1,2026-05-01,2026-05-21,100,delivered")
        try await company.take(.receipts, "reference,date,amount,customer", "R0,2026-05-14,1,C1")
        company.setClock("2026-05-18T00:00:00Z")
        try await company.take(.receipts, "reference,date,amount,customer", "R0,2026-05-14,1,C1")
        try await company.run(day: "2026-05-18")
        #expect(try messages(company, "held").first?.held == ["bank_data_stale"])
        var importing = FileImport(.receipts, .text("reference,date,amount\n"))
        importing.options.through = LocalDate("2026-05-18")
        _ = try await importing.run(
            in: company.store, actor: company.actor, source: "test", now: company.now, today: company.today)
        company.setClock("2026-05-19T00:00:00Z")
        try await company.run(day: "2026-05-19")
        #expect(try messages(company, "queued").count == 1)
    }

    @Test("An item that was settled by mistake and is open again is collected anew, in a case and task of its own")
    func settledByMistake() async throws {
        let company = try await company("A,C1,2026-03-01,2026-05-01,100,delivered")
        try await live(company, "2026-05-06")
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-05-06,100,C1")
        try await company.take(.allocations, "receipt,invoice,amount", "R1,A,100")
        try await live(company, "2026-05-07")
        let before = try TrackingQueries.tasks(
            owner: nil, customer: "C1", includingClosed: false, limit: 9, in: company.store)
        #expect(before.rows.isEmpty)
        _ = try await CorrectRegister(in: company.store, company.request("unapply")).unapply(
            .init("R1"), invoice: "A", on: nil, reason: "another invoice")
        company.setClock("2026-05-08T00:00:00Z")
        let reports = try await company.run(day: "2026-05-08")
        #expect(reports.last?.rules[RuleCode.overdueStart.name]?.created == 1)
        let after = try TrackingQueries.tasks(
            owner: nil, customer: "C1", includingClosed: false, limit: 9, in: company.store)
        #expect(after.rows.map(\.dueDay) == [LocalDate("2026-05-08")])
        let again = try await company.run(day: "2026-05-09")
        #expect(again.last?.rules[RuleCode.overdueStart.name]?.created == 0)
        #expect(try company.fault() == nil)
    }

    @Test("What falls overdue later gets a task that is due later, not the late one of before")
    func tasksOfTheirOwn() async throws {
        let company = try await company(
            "A,C1,2026-03-01,2026-05-11,100,delivered", "B,C1,2026-03-01,2026-05-18,100,delivered")
        try await live(company, "2026-05-12")
        try await live(company, "2026-05-19")
        let open = try TrackingQueries.tasks(
            owner: nil, customer: "C1", includingClosed: false, limit: 9, in: company.store)
        #expect(open.rows.map(\.dueDay) == ["2026-05-12", "2026-05-19"].map { LocalDate($0) })
    }

    @Test("Days caught up look at customers as they were on each day")
    func attributesOfTheDay() async throws {
        let company = try await company("A,C1,2026-05-01,2026-05-30,100,delivered")
        company.setClock("2026-05-28T00:00:00Z")
        try await company.take(.customers, "code,name,collector", "C1,One,new@x.cn", update: true)
        company.setClock("2026-06-01T00:00:00Z")
        try await company.run(day: "2026-05-31", from: "2026-05-26")
        let task = try TrackingQueries.tasks(
            owner: "new@x.cn", customer: "C1", includingClosed: false, limit: 9, in: company.store)
        #expect(task.rows.count == 1)
    }

    @Test("A rehearsal catches up first, and leaves nothing behind")
    func rehearsal() async throws {
        let company = try await company("A,C1,2026-05-01,2026-05-15,100,delivered")
        company.setClock("2026-05-10T00:00:00Z")
        try await company.run(day: "2026-05-10")
        let before = try Verify().run(in: company.store)
        let rehearsed = try #require(try await company.run(day: "2026-05-17", isDryRun: true).first)
        #expect(rehearsed.rules[RuleCode.overdueStart.name]?.created == 0)
        #expect(try Verify().run(in: company.store).headHash == before.headHash)
        company.setClock("2026-05-17T00:00:00Z")
        let real = try #require(try await company.run(day: "2026-05-17").last)
        #expect(real.rules == rehearsed.rules)
    }
}
