import Foundation
import Ledger
import Receivables
import TestSupport
import Testing

@testable import Operations

/// The company's own words in messages to customers.
@Suite struct TemplateTests {
    /// A company past its go-live weeks, with one customer and one invoice that is due on 18 May.
    private func company() async throws -> TestCompany {
        let company = try await TestCompany(now: "2026-03-02T00:00:00Z")
        try await company.take(
            .customers, "code,name,sales_owner,collector,kind", "C1,One,sales@x.cn,call@x.cn,foreign")
        try await company.take(.contacts, "customer,name,purpose,email", "C1,Payer,payment,pay@c1.example")
        try await company.run(day: "2026-03-02")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount,invoice_status",
            "A,C1,2026-04-01,2026-05-18,100,delivered")
        return company
    }

    private func message(on day: String, in company: TestCompany) async throws -> TrackingQueries.ReminderRow? {
        company.setClock("\(day)T00:00:00Z")
        try await company.take(.receipts, "reference,date,amount")
        try await company.run(day: day)
        return try TrackingQueries.reminders(customer: "C1", state: nil, since: nil, limit: 100, in: company.store).rows
            .first { $0.audience == .customer && "\($0.day)" == day }
    }

    private func template(_ company: TestCompany, _ change: (inout MessageTemplate) -> Void) throws -> MessageTemplate {
        var template = try MessageTemplates.newest(.english, in: company.store).template
        change(&template)
        return template
    }

    private func set(
        _ template: MessageTemplate, from day: String, by key: String? = nil, reason: String = "shorter",
        seen: Int64? = nil, in company: TestCompany
    ) async throws -> Int64? {
        let request = ActRequest(
            command: "propose-template", actor: key.map { .person(key: $0) } ?? company.actor, source: "test",
            now: company.now, today: company.today)
        return try await MessageTemplates.propose(
            template, .english, from: try #require(LocalDate(day)), reason: reason, insteadOf: seen, in: company.store,
            request)
    }

    @Test("From its day on messages have the company's words, with its accounts; those before keep theirs")
    func changed() async throws {
        let company = try await company()
        let before = try #require(try await message(on: "2026-05-15", in: company))
        #expect(before.text.contains("fall due soon"))
        _ = try await Approvals(in: company.store, company.request("propose-bank-account")).proposeBankAccount(
            code: "main", entity: nil, bank: "First Bank", number: "6222000011112222", isActive: true, reason: "new")
        let own = try template(company) {
            $0.texts[.subject] = "{company}: {customer}"
            $0.texts[.line] = "{invoice}|{amount}"
            $0.texts[.closing] = "Pay to:\n{accounts}\nC:\\{company}"
        }
        _ = try await set(own, from: "2026-05-17", in: company)
        let after = try #require(try await message(on: "2026-05-19", in: company))
        #expect(after.subject == "测试公司: One")
        #expect(after.text.contains("A|100.00 CNY"))
        #expect(after.text.hasSuffix("Pay to:\nFirst Bank 6222000011112222\nC:\\测试公司"))
        let kept = try TrackingQueries.reminders(
            customer: "C1", state: nil, since: nil, limit: 100, in: company.store
        ).rows.first { $0.id == before.id }
        #expect(kept?.text == before.text)
        // The other language has its own.
        #expect(try MessageTemplates.newest(.chinese, in: company.store).number == 0)
        #expect(try MessageTemplates.newest(.english, in: company.store).template == own)
        let sample = try #require(
            try MessageTemplates.sample(own, .english, today: company.today, in: company.store))
        #expect(sample.customer == "One" && sample.text == after.text)
        #expect(try company.fault() == nil)
    }

    @Test(
        "What a template can't say is refused when it is saved, not when a message is written",
        arguments: [
            (MessageTemplate.Part.greeting, "Dear {custommer}", RefusalCode.templateUnknownPlace),
            (.greeting, "Dear {customer", .templateUnknownPlace), (.overdue, "{invoice}", .templateUnknownPlace),
            (.line, "{invoice}", .templatePlaceMissing), (.closing, " \n", .templateEmpty),
            (.subject, "One\nBcc: all@x.cn", .templateLineBreak),
            (.closing, String(repeating: "long", count: 501), .templateTooLong),
        ])
    func refused(part: MessageTemplate.Part, text: String, code: RefusalCode) async throws {
        let company = try await company()
        let own = try template(company) { $0.texts[part] = text }
        let refusal = await #expect(throws: Refusal.self) { _ = try await set(own, from: "2026-05-17", in: company) }
        #expect(refusal?.code == code)
        #expect(refusal?.parameters["part"] == .text(part.rawValue))
        #expect(try MessageTemplates.newest(.english, in: company.store).number == 0)
    }

    @Test("As text a template keeps line breaks and backslashes; a line that is none is refused with its number")
    func asText() throws {
        let template = MessageTemplate([.closing: "a\nb\\n c", .line: "{invoice} = {amount}"])
        let read = try MessageTemplate(lines: "# words\n\n" + template.lines)
        #expect(read[.closing] == template[.closing] && read[.line] == template[.line])
        // As another system's editor saves it; what nobody could see isn't kept.
        let other = try MessageTemplate(lines: template.lines.replacingOccurrences(of: "\n", with: "\r\n"))
        #expect(other == read)
        #expect(MessageTemplate([.subject: "a\u{1f}b\u{0}", .closing: "a\r\nb"])[.subject] == "ab")
        let refusal = #expect(throws: Refusal.self) { try MessageTemplate(lines: "subject = x\nfooter = y\n") }
        #expect(refusal?.code == .templateUnreadable && refusal?.parameters["line"] == .count(2))
    }

    @Test("A person's change waits for a second one; days that were run, and what changed meanwhile, are kept")
    func secondPerson() async throws {
        let company = try await company()
        for (key, roles) in [
            ("boss@b.c", [Role.financeManager]), ("head@b.c", [.management]), ("call@b.c", [.collector]),
        ] {
            try await company.add(key, roles)
        }
        let own = try template(company) { $0.texts[.subject] = "Ours" }
        let early = await #expect(throws: Refusal.self) {
            _ = try await set(own, from: "2026-03-02", by: "call@b.c", in: company)
        }
        #expect(early?.code == .policyTooEarly)
        let silent = await #expect(throws: Refusal.self) {
            _ = try await set(own, from: "2026-03-05", by: "call@b.c", reason: "", in: company)
        }
        #expect(silent?.code == .reasonMissing)
        _ = try await set(own, from: "2026-03-05", by: "call@b.c", seen: 0, in: company)
        #expect(try MessageTemplates.newest(.english, in: company.store).number == 0)
        let collector = try Viewer.of(.person(key: "call@b.c"), on: company.today, in: company.store)
        let mine = try ApprovalQueries.list(for: collector, onlyWaiting: true, limit: 5, in: company.store)
        #expect(mine.map(\.isOwn) == [true] && MessageTemplates.Proposal(mine[0].proposed)?.template == own)
        let id = try #require(mine.first?.id)
        func deciding(_ key: String, _ permission: Permission = .decide) -> Approvals {
            Approvals(in: company.store, company.request(permission, by: key))
        }
        // Runs its first day before anybody decides: it holds from the next.
        try await company.run(day: "2026-03-06")
        _ = try await deciding("boss@b.c").decide(id, .approved, reason: "")
        let version = try MessageTemplates.newest(.english, in: company.store)
        #expect(version.number == 1 && version.template == own && version.from == LocalDate("2026-03-07"))
        #expect(try MessageTemplates.history(.english, in: company.store).map(\.actor) == ["Name of boss@b.c"])
        // Two at once: the second doesn't undo the first without a word.
        let stale = await #expect(throws: Refusal.self) {
            _ = try await set(own, from: "2026-04-05", by: "call@b.c", seen: 0, in: company)
        }
        #expect(stale?.code == .policyChanged)
        _ = try await set(own, from: "2026-04-05", by: "call@b.c", seen: 1, in: company)
        _ = try await set(own, from: "2026-04-06", by: "boss@b.c", seen: 1, in: company)
        let head = try Viewer.of(.person(key: "head@b.c"), on: company.today, in: company.store)
        let both = try ApprovalQueries.list(for: head, onlyWaiting: true, limit: 5, in: company.store).map(\.id)
        let late = await #expect(throws: Refusal.self) {
            _ = try await deciding("head@b.c").decide(both, .approved, reason: "")
        }
        #expect(late?.code == .policyChanged && both.count == 2)
        // Who asked takes it back; nobody else does.
        let first = try #require(both.last)
        let foreign = await #expect(throws: Refusal.self) {
            _ = try await deciding("boss@b.c", .withdrawProposal).withdraw(first)
        }
        #expect(foreign?.code == .approvalOwn)
        _ = try await deciding("call@b.c", .withdrawProposal).withdraw(first)
        #expect(try ApprovalQueries.list(for: head, onlyWaiting: true, limit: 5, in: company.store).count == 1)
        let gone = try ApprovalQueries.list(for: collector, onlyWaiting: false, limit: 5, in: company.store)
        #expect(gone.map(\.answer) == [.withdrawn, .approved])
        #expect(try company.fault() == nil)
    }
}
