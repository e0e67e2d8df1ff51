import Ledger
import Receivables
import TestSupport
import Testing

@testable import Operations

@Suite struct DayTests {
    private func company(_ invoices: String...) async throws -> TestCompany {
        let company = try await TestCompany()
        try await company.take(
            .customers, "code,name,sales_owner,collector,kind", "C1,One,sales@x.cn,call@x.cn,foreign")
        try await company.take(.contacts, "customer,name,purpose,email", "C1,Payer,payment,pay@c1.example")
        for invoice in invoices {
            try await company.take(.invoices, "number,customer,issue_date,due_date,amount", invoice)
        }
        return company
    }

    private func created(_ reports: [DayReport], _ rule: RuleCode) -> Int {
        reports.reduce(0) { $0 + ($1.rules[rule.name]?.created ?? 0) }
    }

    @Test("Each item is reminded once before it is due, collected from the first day overdue, assessed past thirty")
    func life() async throws {
        let company = try await company("I1,C1,2026-03-02,2026-04-01,100")
        var fired: [String: [RuleCode]] = [:]
        for report in try await company.run(day: "2026-05-31", from: "2026-03-02") {
            for rule in RuleCode.allCases where rule != .dataQuality && rule != .taskLate {
                if (report.rules[rule.name]?.created ?? 0) > 0 { fired["\(report.date)", default: []].append(rule) }
            }
        }
        // 29 March 2026 is a Sunday: the reminder goes on the Friday before.
        #expect(fired == ["2026-03-27": [.dueSoon], "2026-04-02": [.overdueStart], "2026-05-02": [.overdueRisk]])
        #expect(try company.fault() == nil)
    }

    @Test("Down for days: each notice once on the return; the same days again do nothing")
    func catchesUp() async throws {
        let company = try await company("I1,C1,2026-03-02,2026-04-01,100", "I2,C1,2026-03-02,2026-04-03,100")
        let first = try await company.run(day: "2026-03-20")
        #expect(created(first, .dueSoon) == 0)
        let back = try await company.run(day: "2026-04-02")
        #expect(back.count == 13)
        #expect(created(back, .dueSoon) == 2)
        #expect(created(back, .overdueStart) == 1)
        let again = try await company.run(day: "2026-04-02", from: "2026-03-20")
        #expect(again.allSatisfy { $0.isRepeat })
        #expect(RuleCode.allCases.allSatisfy { created(again, $0) == 0 })
    }

    @Test("Several items of a customer on a day are one message, and one note to the sales owner")
    func oneMessage() async throws {
        let company = try await company("I1,C1,2026-03-02,2026-04-01,100", "I2,C1,2026-03-02,2026-04-01,200")
        try await company.run(day: "2026-03-27")
        let reminders = try TrackingQueries.reminders(
            customer: nil, state: nil, since: nil, limit: 100, in: company.store)
        #expect(reminders.rows.count { $0.audience == .customer } == 1)
        #expect(reminders.rows.count { $0.audience == .salesOwner } == 1)
        let message = try #require(reminders.rows.first { $0.audience == .customer })
        #expect(message.items.map(\.number).sorted() == ["I1", "I2"])
        #expect(message.recipient == "pay@c1.example")
        #expect(message.text.contains("200.00 CNY"))
    }

    @Test("A message is held for each reason, and goes when the reason is gone")
    func gate() async throws {
        let company = try await company("I0,C1,2026-01-02,2026-02-01,1")
        // The first weeks are go-live: nothing goes without a person.
        company.setClock("2026-03-01T04:00:00Z")
        try await company.run(day: "2026-03-01")
        company.setClock("2026-05-20T04:00:00Z")
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-05-19,50,C1")
        try await company.run(day: "2026-05-20")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-05-01,2026-05-21,100")
        company.setClock("2026-05-21T04:00:00Z")
        try await company.take(.receipts, "reference,date,amount")
        let held = try await company.run(day: "2026-05-21")
        #expect(held.last?.messages["held"] == 1)
        var reminder = try #require(
            TrackingQueries.reminders(
                customer: "C1", state: "held", since: LocalDate("2026-05-21"), limit: 1, in: company.store
            )
            .rows.first)
        #expect(reminder.held == ["unapplied_cash"])
        try await company.take(.allocations, "receipt,invoice,amount", "R1,I1,50")
        company.setClock("2026-05-22T04:00:00Z")
        try await company.take(.receipts, "reference,date,amount")
        let next = try await company.run(day: "2026-05-22")
        #expect(next.last?.messages["released"] == 1)
        // What was held says more than is open now, so a new message takes its place.
        reminder = try #require(
            TrackingQueries.reminders(customer: "C1", state: "queued", since: nil, limit: 1, in: company.store).rows
                .first)
        #expect(reminder.items.map(\.number) == ["I1"] && reminder.items.first?.open.minorUnits == 5000)
        let old = try TrackingQueries.reminders(
            customer: "C1", state: "superseded", since: nil, limit: 9, in: company.store)
        #expect(old.rows.map(\.held) == [["unapplied_cash"]])
        #expect(try company.fault() == nil)
    }

    @Test("A pause stops dunning and not the assessment of the risk; when it ends, collection starts")
    func pauses() async throws {
        let company = try await company("I1,C1,2026-03-02,2026-04-01,100")
        let pausing = WorkCommands(in: company.store, company.request("pause"))
        _ = try await pausing.pause(
            invoice: "I1", .dispute, from: try #require(LocalDate("2026-03-20")),
            until: try #require(LocalDate("2026-05-10")), amount: nil, reason: "wrong goods")
        let paused = try await company.run(day: "2026-05-10", from: "2026-03-20")
        #expect(created(paused, .dueSoon) == 0 && created(paused, .overdueStart) == 0)
        #expect(created(paused, .overdueRisk) == 1)
        #expect(paused.contains { $0.rules[RuleCode.overdueStart.name]?.skipped == 1 })
        #expect(created(try await company.run(day: "2026-05-11"), .overdueStart) == 1)
    }

    @Test("An item settled and opened again by a returned transfer is a new episode, with collection of its own")
    func secondEpisode() async throws {
        let company = try await company("I1,C1,2026-03-02,2026-04-01,100")
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-04-10,100,C1")
        try await company.take(.allocations, "receipt,invoice,amount", "R1,I1,100")
        #expect(created(try await company.run(day: "2026-04-12", from: "2026-04-02"), .overdueStart) == 1)
        let correcting = CorrectRegister(in: company.store, company.request("reverse-receipt"))
        _ = try await correcting.reverse(.init("R1"), on: LocalDate("2026-04-20"), reason: "returned")
        #expect(created(try await company.run(day: "2026-04-19"), .overdueStart) == 0)
        #expect(created(try await company.run(day: "2026-04-20"), .overdueStart) == 1)
        #expect(try company.fault() == nil)
    }

    @Test("Tasks about settled items close themselves; late ones are escalated step by step")
    func tasks() async throws {
        let company = try await company("I1,C1,2026-03-02,2026-04-01,100", "I2,C1,2026-03-02,2026-04-20,100")
        let reports = try await company.run(day: "2026-04-15", from: "2026-04-02")
        #expect(created(reports, .taskLate) >= 3)
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-04-16,100,C1")
        try await company.take(.allocations, "receipt,invoice,amount", "R1,I1,100")
        try await company.run(day: "2026-04-17")
        let open = try TrackingQueries.tasks(
            owner: nil, customer: "C1", includingClosed: false, limit: 10, in: company.store)
        #expect(open.rows.isEmpty)
    }

    @Test("A dry run tells what tomorrow does and why, and changes nothing")
    func dryRun() async throws {
        let company = try await company("I1,C1,2026-03-02,2026-04-01,100")
        let before = try Verify().run(in: company.store).headHash
        let report = try #require(try await company.run(day: "2026-03-27", isDryRun: true).first)
        #expect(report.rules[RuleCode.dueSoon.name]?.created == 1)
        #expect(report.details.contains { $0.subject == "I1" && $0.effect.hasPrefix("message") })
        #expect(try Verify().run(in: company.store).headHash == before)
    }

    @Test("A day in the future is refused, so that a typing error can't skip the days between")
    func future() async throws {
        let company = try await company("I1,C1,2026-03-02,2026-04-01,100")
        await #expect(
            throws: Refusal(
                .dayTooFar, ["day": .day(try #require(LocalDate("2036-01-01"))), "today": .day(company.today)])
        ) {
            _ = try await RunDay(in: company.store, actor: company.actor, source: "test").run(
                to: try #require(LocalDate("2036-01-01")), now: company.now, today: company.today)
        }
    }
}
