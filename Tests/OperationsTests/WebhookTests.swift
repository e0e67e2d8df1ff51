import Database
import Formats
import Foundation
import Ledger
import Receivables
import TestSupport
import Testing

@testable import Operations

@Suite struct WebhookTests {
    private static func company(_ events: Set<WebhookEvent>) async throws -> (TestCompany, secret: String) {
        let company = try await TestCompany(now: "2026-06-01T04:00:00Z")
        try await company.take(.customers, "code,name", "C1,One")
        let made = try await Webhooks(in: company.store, company.request("set-webhook")).add(
            "erp", .init(url: "https://erp.example/hook", events: events))
        return (company, made.secret ?? "")
    }

    private static func register(_ numbers: Range<Int>, _ company: TestCompany) async throws {
        let lines = numbers.map { "I\($0),C1,2026-05-01,2026-05-31,\($0 + 1)" }
        let text = (["number,customer,issue_date,due_date,amount"] + lines).joined(separator: "\n") + "\n"
        _ = try await FileImport(.invoices, .text(text)).run(
            in: company.store, actor: company.actor, source: "test", now: company.now, today: company.today)
    }

    /// Takes all that is due, and answers it alike.
    private static func deliver(
        _ delivery: WebhookDelivery, _ company: TestCompany, _ result: WebhookDelivery.Result = .answered(200)
    ) throws -> [WebhookDelivery.Message] {
        var sent: [WebhookDelivery.Message] = []
        while true {
            try delivery.prepare(now: company.now)
            guard let message = try delivery.take(now: company.now, except: []) else { break }
            sent.append(message)
            try delivery.note(result, of: message, now: company.now)
        }
        return sent
    }

    private static func data(_ message: WebhookDelivery.Message) throws -> [[String: Any]] {
        let body = try JSONSerialization.jsonObject(with: Data(message.body.utf8)) as? [String: Any]
        return body?["data"] as? [[String: Any]] ?? []
    }

    @Test("However much waits for some that hang, the others' messages come at once")
    func fairness() async throws {
        let (company, _) = try await Self.company([.invoiceRegistered])
        let hanging = ["h1", "h2", "h3", "h4"]
        let webhooks = Webhooks(in: company.store, company.request("set-webhook"))
        for code in hanging + ["late"] {
            _ = try await webhooks.add(code, .init(url: "https://\(code).example/", events: [.dayRun]))
        }
        for code in hanging { for _ in 0..<60 { _ = try await webhooks.test(code) } }
        _ = try await webhooks.test("late")
        let delivery = WebhookDelivery(of: company.store, holder: "one", leaseSeconds: 40)
        _ = try delivery.prepare(now: company.now)
        #expect(try delivery.take(now: company.now, except: Set(hanging))?.webhook == "late")
        #expect(try delivery.take(now: company.now, except: [], only: "h4")?.webhook == "h4")
    }

    @Test("Every fact of an event is told once, in the order of the journal, a hundred in a message")
    func everything() async throws {
        let (company, _) = try await Self.company([.invoiceRegistered, .receiptApplied])
        try await Self.register(0..<250, company)
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-05-20,3,C1")
        try await company.take(.allocations, "receipt,invoice,amount", "R1,I0,1", "R1,I1,2")
        let delivery = WebhookDelivery(of: company.store, holder: "a")
        let sent = try Self.deliver(delivery, company)
        let told = try sent.flatMap { try Self.data($0) }
        #expect(
            sent.map { $0.id.split(separator: "_")[1] } == Array(repeating: "invoice.registered", count: 3) + [
                "receipt.applied"
            ])
        #expect(told.compactMap { $0["number"] as? String } == (0..<250).map { "I\($0)" })
        let facts = told.compactMap { ($0["fact"] as? String).flatMap { Int64($0) } }
        #expect(facts.count == 252 && facts == facts.sorted() && Set(facts).count == 252)
        let applied = try #require(told.last)
        #expect(applied["invoice"] as? String == "I1" && applied["reference"] as? String == "R1")
        #expect((applied["amount"] as? [String: String]) == ["amount": "2.00", "currency": "CNY"])
        #expect(try Self.deliver(delivery, company).isEmpty)
        // What was recorded before it was made known isn't told; afterwards all is, whoever looks.
        try await Self.register(250..<251, company)
        let other = WebhookDelivery(of: company.store, holder: "b")
        #expect(try Self.deliver(other, company).count == 1)
        let rows = try WebhookQueries.messages(of: "erp", before: nil, limit: 10, in: company.store)
        #expect(rows.count == 5 && rows.allSatisfy { $0.state == .delivered && $0.status == 200 })
        #expect(try company.fault() == nil)
    }

    @Test("However much there is to tell, only so much waits; the rest follows as it is taken")
    func bounded() async throws {
        let (company, _) = try await Self.company([.customerRegistered, .customerChanged])
        let lines = (0..<9_000).map { "K\($0),Name \($0)" }
        let text = (["code,name"] + lines).joined(separator: "\n") + "\n"
        _ = try await FileImport(.customers, .text(text)).run(
            in: company.store, actor: company.actor, source: "test", now: company.now, today: company.today)
        let delivery = WebhookDelivery(of: company.store, holder: "a")
        #expect(try delivery.prepare(now: company.now))
        let first = try WebhookQueries.webhook("erp", in: company.store)
        #expect(first.waiting == 60)
        let told = try Self.deliver(delivery, company).flatMap { try Self.data($0) }
        #expect(told.compactMap { $0["code"] as? String } == (0..<9_000).map { "K\($0)" })
    }

    @Test("What isn't taken is tried again later and later, and given up after three days; what is gone isn't")
    func retries() async throws {
        let (company, _) = try await Self.company([.invoiceRegistered])
        try await Self.register(0..<1, company)
        let delivery = WebhookDelivery(of: company.store, holder: "a")
        var at = company.now.microseconds
        var attempts = 0
        try delivery.prepare(now: company.now)
        while attempts < 40 {
            let now = Instant(microseconds: at)
            guard let message = try delivery.take(now: now, except: []) else {
                let row = try #require(
                    try WebhookQueries.messages(of: "erp", before: nil, limit: 1, in: company.store).first)
                guard row.state == .waiting, let next = row.nextAt else { break }
                at = next.microseconds
                continue
            }
            attempts += 1
            #expect(message.attempt == attempts)
            #expect(try delivery.take(now: now, except: []) == nil)
            let result: WebhookDelivery.Result = attempts % 2 == 0 ? .answered(500) : .failed("Timeout was reached")
            try delivery.note(result, of: message, now: now)
        }
        #expect(attempts == WebhookDelivery.mostAttempts)
        let hours = (at - company.now.microseconds) / 3_600_000_000
        #expect((36...96).contains(hours), "\(hours) h")
        let row = try #require(try WebhookQueries.messages(of: "erp", before: nil, limit: 1, in: company.store).first)
        #expect(row.state == .givenUp && row.status == 0 && row.answer == "Timeout was reached")
        // Somebody sends it again.
        try await Webhooks(in: company.store, company.request("set-webhook")).resend(row.number, of: "erp")
        let again = try #require(try delivery.take(now: Instant(microseconds: at), except: []))
        #expect(again.id == row.id)
        try delivery.note(.answered(410), of: again, now: Instant(microseconds: at))
        #expect(try WebhookQueries.webhook("erp", in: company.store).givenUp == 1)
    }

    @Test("Of several servers one sends a message; when it dies, another sends it under the same id")
    func leases() async throws {
        let (company, _) = try await Self.company([.invoiceRegistered])
        try await Self.register(0..<1, company)
        let one = WebhookDelivery(of: company.store, holder: "a", leaseSeconds: 60)
        let other = WebhookDelivery(of: company.store, holder: "b", leaseSeconds: 60)
        try one.prepare(now: company.now)
        let taken = try #require(try one.take(now: company.now, except: []))
        #expect(try other.take(now: company.now, except: []) == nil)
        company.setClock("2026-06-01T04:01:01Z")
        let again = try #require(try other.take(now: company.now, except: []))
        #expect(again.id == taken.id && again.body == taken.body)
        // The first one comes back too late.
        #expect(try !one.note(.answered(200), of: taken, now: company.now))
        #expect(try other.note(.answered(200), of: again, now: company.now))
        #expect(try other.take(now: company.now, except: ["erp"]) == nil)
    }

    @Test("A message that was delivered stays in the log for thirty days, one that wasn't until somebody acts")
    func forgotten() async throws {
        let (company, _) = try await Self.company([.invoiceRegistered, .receiptRegistered])
        let delivery = WebhookDelivery(of: company.store, holder: "a")
        try await Self.register(0..<1, company)
        #expect(try Self.deliver(delivery, company).count == 1)
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-05-20,3,C1")
        #expect(try Self.deliver(delivery, company, .answered(410)).count == 1)
        func kept() throws -> Int64 {
            try company.store.read { try $0.row("SELECT count(*) FROM webhook_message")?.integer(0) ?? 0 }
        }
        for (day, count) in [("2026-06-30T04:00:00Z", 2), ("2026-07-02T04:00:00Z", 1), ("2027-06-01T04:00:00Z", 1)] {
            company.setClock(day)
            // Something to tell has the log looked at.
            try await company.take(.customers, "code,name", "D\(day.prefix(7).replacing("-", with: "")),Day")
            try delivery.prepare(now: company.now)
            #expect(try kept() == Int64(count), "\(day)")
        }
    }

    @Test("The journal is told again from any act on, with the same ids")
    func replay() async throws {
        let (company, _) = try await Self.company([.invoiceRegistered, .customerRegistered])
        try await Self.register(0..<3, company)
        let act = try ActFeed.last(in: company.store)
        try await Self.register(3..<5, company)
        let delivery = WebhookDelivery(of: company.store, holder: "a")
        let first = try Self.deliver(delivery, company)
        func replay(after act: Int64) async throws -> [WebhookDelivery.Message] {
            try await Webhooks(in: company.store, company.request("set-webhook")).replay("erp", after: act)
            return try Self.deliver(delivery, company)
        }
        #expect(try await replay(after: act).map(\.id) == [first[1].id])
        let all = try await replay(after: 0)
        #expect(Array(all.map(\.id).suffix(2)) == first.map(\.id))
        #expect(all[0].id.contains("customer.registered") && all.count == 3)
        #expect(try await refusal { _ = try await replay(after: 9_999) } == .actUnknown)
    }

    @Test("Messages are signed with the secret, and for a day after a new one with both")
    func signatures() async throws {
        // The example of the Standard Webhooks specification.
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        #expect(
            Webhooks.signature(
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330,
                body: "{\"test\": 2432232314}") == expected)
        let (company, secret) = try await Self.company([.invoiceRegistered])
        try await Self.register(0..<1, company)
        let delivery = WebhookDelivery(of: company.store, holder: "a")
        func signed(_ message: WebhookDelivery.Message, _ secret: String) -> Bool {
            message.signature.split(separator: " ").contains { part in
                part == Webhooks.signature(secret, id: message.id, timestamp: message.timestamp, body: message.body)
            }
        }
        #expect(try Self.deliver(delivery, company).allSatisfy { signed($0, secret) })
        let renewed = try await Webhooks(in: company.store, company.request("set-webhook")).renewSecret("erp")
        let fresh = try #require(renewed.secret)
        try await Self.register(1..<2, company)
        #expect(try Self.deliver(delivery, company).allSatisfy { signed($0, secret) && signed($0, fresh) })
        company.setClock("2026-06-02T04:00:01Z")
        try await Self.register(2..<3, company)
        #expect(try Self.deliver(delivery, company).allSatisfy { !signed($0, secret) && signed($0, fresh) })
        // Neither address nor secret stand in the store as they are.
        let bytes = try company.store.read {
            try $0.rows("SELECT content FROM setting_version UNION SELECT outcome FROM act")
        }
        #expect(!bytes.contains { $0.text(0).contains("whsec_") || $0.text(0).contains("erp.example") })
    }

    @Test("Who sets a webhook sees all customers, names an address of its own, and knows its version")
    func refusals() async throws {
        let (company, _) = try await Self.company([.invoiceRegistered])
        let webhooks = Webhooks(in: company.store, company.request("set-webhook"))
        func add(_ code: String, _ url: String, _ events: Set<WebhookEvent> = [.dayRun]) async throws -> RefusalCode? {
            try await refusal { _ = try await webhooks.add(code, .init(url: url, events: events)) }
        }
        for url in [
            "http://erp.example/x", "ftp://x.example", "https://u:p@x.example/", "https://", "javascript:alert(1)",
            "https://x.example/#a", "https://x.example/ a", "file:///etc/passwd", "http://127.0.0.1.example/",
        ] {
            #expect(try await add("a", url) == .webhookAddress, "\(url)")
        }
        #expect(try await add("a", "https://x.example/", []) == .webhookNoEvent)
        for code in ["", "A", "a b", "erp", String(repeating: "a", count: 41)] {
            #expect(try await add(code, "https://x.example/") == .webhookCode, "\(code)")
        }
        #expect(try await add("here", "http://127.0.0.1:9/hook") == nil)
        let wish = Webhooks.Wish(url: "https://x.example/", events: [.dayRun], isActive: false)
        #expect(try await refusal { _ = try await webhooks.change("erp", wish, seen: 9) } == .webhookChanged)
        #expect(try await refusal { _ = try await webhooks.change("none", wish, seen: nil) } == .webhookUnknown)
        #expect(try await refusal { try await webhooks.resend(99, of: "erp") } == .webhookMessageUnknown)
        _ = try await webhooks.change("erp", wish, seen: 1)
        // Nothing is told while it is switched off, nor afterwards.
        try await company.run(day: "2026-06-01")
        let delivery = WebhookDelivery(of: company.store, holder: "a")
        let before = try Self.deliver(delivery, company).filter { $0.webhook == "erp" }
        _ = try await webhooks.change("erp", .init(url: "https://x.example/", events: [.dayRun]), seen: 2)
        #expect(before.isEmpty)
        #expect(try Self.deliver(delivery, company).filter { $0.webhook == "erp" }.isEmpty)
        let number = try await webhooks.test("erp")
        let message = try #require(try Self.deliver(delivery, company).first { $0.webhook == "erp" })
        #expect(message.number == number && message.body.contains("\"type\":\"webhook.test\""))
        try await company.add("f@x.cn", [.financeManager])
        _ = try await AccountCommands(in: company.store, company.request("set-scope")).setScope(.own, of: "f@x.cn")
        let narrow = Webhooks(in: company.store, company.request(.setWebhook, by: "f@x.cn"))
        #expect(
            try await refusal { _ = try await narrow.add("b", .init(url: "https://x.example/", events: [.dayRun])) }
                == .accessScope)
        #expect(try company.fault() == nil)
    }

    @Test("Every event tells its facts in the same words", arguments: WebhookEvent.allCases)
    func events(event: WebhookEvent) async throws {
        let company = try await TestCompany.withOneOfEverything()
        try await company.add("f@x.cn", [.financeManager])
        try await company.add("a2@x.cn", [.accountant])
        try await company.add("f2@x.cn", [.financeManager])
        _ = try await ChangeCustomer(in: company.store, company.request("change-customer")).run("C1", ["industry": "x"])
        let proposal = Approvals.ContactProposal(
            customer: "C1", name: "Q", purpose: .payment, title: "", email: "q@x.cn", phone: "", reason: "x")
        _ = try await Approvals(in: company.store, company.request(.proposeContact, by: "f@x.cn")).setContact(proposal)
        _ = try await Approvals(in: company.store, company.request(.proposeBankAccount, by: "a2@x.cn"))
            .proposeBankAccount(
                code: "main", entity: nil, bank: "ICBC", number: "6222 0000 1111", isActive: true, reason: "new")
        let ids = try company.store.read {
            try $0.rows("SELECT id FROM approval ORDER BY id DESC LIMIT 2").map { $0.integer(0) }
        }
        for id in ids {
            let decider = id == ids.first ? "f2@x.cn" : "a2@x.cn"
            _ = try await Approvals(in: company.store, company.request(.decide, by: decider)).decide(
                id, .approved, reason: "")
        }
        _ = try await CorrectRegister(in: company.store, company.request("reverse-invoice")).reverseInvoice(
            "U2", on: nil, reason: "twice")
        let (facts, data) = try company.store.read { session in
            let facts = try event.facts(after: 0, through: .max, limit: 1_000, session)
            return (facts, try event.data(from: 0, through: .max, session))
        }
        // A mail server is needed for the one.
        #expect(event == .reminderSent || !facts.isEmpty, "\(event)")
        #expect(data.count == facts.count)
        for row in data {
            guard case .object(let members) = row else { continue }
            #expect(members.first?.name == "fact")
            for member in members where member.name == "kind" || member.name == "amount" || member.name == "state" {
                #expect(member.value != .null, "\(event) \(member.name)")
            }
        }
        // What only some events tell, word by word.
        let told: [WebhookEvent: String] = [
            .invoiceReversed:
                #""number":"U2","entity":"main","customer":"C1","amount":{"amount":"10.00","currency":"USD"},"date":"2026-05-20","reason":"twice"}"#,
            .invoiceStatusChanged:
                #""number":"I1","entity":"main","customer":"C1","invoiceStatus":"booked","date":"2026-06-10"}"#,
            .pauseSet:
                #""customer":"C1","invoice":"U1","instalment":1,"from":"2026-04-01","until":"2026-04-30","reason":"x"}"#,
            .pauseEnded: #""customer":"C1","invoice":"U1","instalment":1,"date":"2026-04-20","reason":"solved"}"#,
            .contactChanged: #""customer":"C1","purpose":"payment","version":1}"#,
            .bankAccountChanged: #""entity":"main","code":"main","bank":"ICBC","active":true}"#,
            .roleChanged: #""person":"f2@x.cn","role":"finance_manager","granted":true}"#,
        ]
        if let words = told[event] {
            #expect(data.contains { $0.text.hasSuffix(words) }, "\(data.map(\.text))")
        }
    }
}
