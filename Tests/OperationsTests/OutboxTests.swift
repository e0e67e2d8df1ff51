import Foundation
import Ledger
import Receivables
import TestSupport
import Testing

@testable import Operations

/// What servers do by themselves: the day when its time has come, and messages that go once.
@Suite struct OutboxTests {
    /// Two customers with an invoice due on Friday 2026-06-12, on Wednesday, whose messages may go at once.
    private static func company() async throws -> TestCompany {
        let company = try await TestCompany(now: "2026-06-10T04:00:00Z")
        try await company.take(.customers, "code,name,sales_owner", "C1,One,s@x.cn", "C2,Two,s@x.cn")
        try await company.take(
            .contacts, "customer,name,purpose,email", "C1,P,payment,p1@x.cn", "C2,P,payment,p2@x.cn")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-05-12,2026-06-12,100",
            "I2,C2,2026-05-12,2026-06-12,100")
        try await company.take(.receipts, "reference,date,amount")
        _ = try await Policies.set(
            "tracking: {go_live: {days: 0}}", from: try #require(LocalDate("2026-01-01")), reason: "x",
            in: company.store, company.request("set-policy"))
        return company
    }

    private static func states(_ company: TestCompany) throws -> [String: String] {
        let rows = try TrackingQueries.reminders(customer: nil, state: nil, since: nil, limit: 100, in: company.store)
        return Dictionary(
            rows.rows.filter { $0.audience == .customer }.map { ($0.customer, $0.state) }, uniquingKeysWith: { $1 })
    }

    private static func instant(_ text: String) throws -> Instant { try #require(Instant(text)) }

    private func outbox(_ company: TestCompany, _ holder: String = "a") -> Outbox {
        Outbox(of: company.store, holder: holder, leaseSeconds: 60)
    }

    @Test("A message goes once its day was run, to one of several servers, and its sending is a fact")
    func once() async throws {
        let company = try await Self.company()
        let now = company.now
        #expect(try outbox(company).take(now: now) == nil, "before the day was run")
        try await company.run(day: "2026-06-10")
        let first = try #require(try outbox(company, "a").take(now: now))
        let second = try #require(try outbox(company, "b").take(now: now))
        #expect(Set([first.recipient, second.recipient]) == ["p1@x.cn", "p2@x.cn"])
        #expect(first.identity != second.identity && first.attempt == 1)
        #expect(try outbox(company, "c").take(now: now) == nil)
        #expect(try outbox(company, "a").note(.sent, of: first, now: now))
        #expect(try !outbox(company, "c").note(.sent, of: second, now: now), "it isn't theirs")
        #expect(try outbox(company, "b").note(.sent, of: second, now: now))
        #expect(try await outbox(company).record(now: now, today: company.today) == 2)
        #expect(try await outbox(company).record(now: now, today: company.today) == 0)
        #expect(try Self.states(company) == ["C1": "sent", "C2": "sent"])
        #expect(try outbox(company).take(now: now) == nil)
        #expect(try company.fault() == nil)
    }

    @Test("Who dies loses the lease; who is refused tries again later and later")
    func leases() async throws {
        let company = try await Self.company()
        try await company.run(day: "2026-06-10")
        let taken = try #require(try outbox(company, "dead").take(now: company.now))
        let other = try #require(try outbox(company, "b").take(now: company.now))
        _ = try outbox(company, "b").note(.sent, of: other, now: company.now)
        #expect(try outbox(company, "b").take(now: Self.instant("2026-06-10T04:00:59Z")) == nil)
        let again = try #require(try outbox(company, "b").take(now: Self.instant("2026-06-10T04:01:01Z")))
        #expect(again.identity == taken.identity && again.attempt == 2)
        let late = try Self.instant("2026-06-10T04:01:02Z")
        #expect(try !outbox(company, "dead").note(.sent, of: taken, now: late))
        _ = try outbox(company, "b").note(.notNow("busy"), of: again, now: late)
        #expect(try outbox(company, "b").take(now: Self.instant("2026-06-10T04:01:21Z")) == nil)
        #expect(try outbox(company, "b").take(now: Self.instant("2026-06-10T04:01:23Z"))?.attempt == 3)
    }

    @Test("A refused recipient is believed from a server that has taken something, and not from one that refuses all")
    func refused() async throws {
        let company = try await Self.company()
        try await company.run(day: "2026-06-10")
        let first = try #require(try outbox(company).take(now: company.now))
        _ = try outbox(company).note(.never("550"), of: first, now: company.now)
        #expect(try await outbox(company).record(now: company.now, today: company.today) == 0)
        let second = try #require(try outbox(company).take(now: company.now))
        _ = try outbox(company).note(.sent, of: second, now: company.now)
        let again = try #require(try outbox(company).take(now: Self.instant("2026-06-10T05:00:00Z")))
        _ = try outbox(company).note(.never("550"), of: again, now: company.now)
        _ = try await outbox(company).record(now: company.now, today: company.today)
        #expect(Set(try Self.states(company).values) == ["sent", "undelivered"])
    }

    @Test(
        "What was paid, re-dated or disputed since isn't sent, nor what is too old; and a day must have been run first")
    func outdated() async throws {
        let company = try await Self.company()
        try await company.run(day: "2026-06-10")
        try await company.take(.settlements, "invoice,date", "I1,2026-06-10")
        let left = try #require(try outbox(company).take(now: company.now))
        #expect(left.recipient == "p2@x.cn")
        #expect(try outbox(company).take(now: company.now) == nil)
        _ = try await outbox(company).record(now: company.now, today: company.today)
        #expect(try Self.states(company)["C1"] == "undelivered")

        company.setClock("2026-06-11T04:00:00Z")
        #expect(try outbox(company).take(now: company.now) == nil, "the day was not run yet")
        try await company.run(day: "2026-06-11")
        #expect(try outbox(company).take(now: company.now)?.recipient == "p2@x.cn")
        company.setClock("2026-06-15T04:00:00Z")
        try await company.run(day: "2026-06-15")
        _ = try await outbox(company).record(now: company.now, today: company.today)
        let old = try TrackingQueries.reminders(
            customer: "C2", state: "undelivered", since: nil, limit: 10, in: company.store)
        #expect(old.rows.count == 1)
        #expect(try company.fault() == nil)
    }

    @Test("A mail server that was away has nobody written to twice on one day")
    func oneADay() async throws {
        let company = try await Self.company()
        try await company.run(day: "2026-06-10")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I3,C1,2026-05-12,2026-06-13,50")
        company.setClock("2026-06-11T04:00:00Z")
        try await company.take(.receipts, "reference,date,amount")
        try await company.run(day: "2026-06-11")
        var recipients: [String] = []
        while let message = try outbox(company).take(now: company.now) {
            recipients.append(message.recipient)
            _ = try outbox(company).note(.sent, of: message, now: company.now)
        }
        #expect(recipients.sorted() == ["p1@x.cn", "p2@x.cn"])
    }

    @Test(
        "A server runs the day when its time has come in the company's zone, with what was missed, once",
        arguments: [("2026-06-09T21:59:00Z", 0), ("2026-06-09T22:00:00Z", 1), ("2026-06-10T15:59:00Z", 1)])
    func scheduled(now: String, days: Int) async throws {
        let company = try await Self.company()
        company.setClock(now)
        let scheduler = Scheduler(for: company.store)
        #expect(try await scheduler.runDue(now: company.now).count == days)
        #expect(try await Scheduler(for: company.reopen()).runDue(now: company.now).isEmpty)
        // The clock steps back by a day: nothing is run again.
        #expect(try await scheduler.runDue(now: Self.instant("2026-06-09T10:00:00Z")).isEmpty || days == 0)
        let later = try await scheduler.runDue(now: Self.instant("2026-06-13T00:00:00Z"))
        #expect(later.count == (days == 0 ? 4 : 3))
        #expect(try company.fault() == nil)
    }

    @Test("A company without an invoice has no day yet, and a time that is none is no policy")
    func notYet() async throws {
        let company = try await TestCompany(now: "2026-06-10T04:00:00Z")
        #expect(try await Scheduler(for: company.store).runDue(now: company.now).isEmpty)
        await #expect(throws: Refusal.self) {
            _ = try await Policies.set(
                "tracking: {run_at: \"25:00\"}", from: try #require(LocalDate("2026-07-01")), reason: "x",
                in: company.store, company.request("set-policy"))
        }
    }
}
