import Database
import Ledger
import OpenItems
import Receivables
import TestSupport
import Testing

@testable import Operations

/// People's rights: asked of every command, whoever sends it.
@Suite struct AccountTests {
    /// What each role may, walked: a command that isn't allowed is refused before it begins, whatever it would do.
    @Test(
        "Every command is refused to every role that the list doesn't name, and to nobody else",
        arguments: Role.allCases)
    func matrix(role: Role) async throws {
        let company = try await TestCompany()
        try await company.add("a@b.c", [role])
        for permission in Permission.allCases where permission.isCommand {
            let code = try await refusal {
                _ = try await company.store.write(company.request(permission, by: "a@b.c")) { _ in 1 }
            }
            #expect((code == .accessDenied) != permission.isAllowed([role]), "\(role) \(permission.rawValue)")
        }
        let viewer = try company.store.read {
            try Viewer.load(.person(key: "a@b.c"), on: company.today, in: $0)
        }
        for permission in Permission.allCases where !permission.isCommand {
            let code = try await refusal {
                _ = try company.store.look(as: viewer, for: permission, on: company.today) { $0.act }
            }
            #expect((code == .accessDenied) != permission.isAllowed([role]), "\(role) \(permission.rawValue)")
        }
    }

    @Test("A command that the list doesn't know is nobody's, and a closed account's commands are refused")
    func unknownAndClosed() async throws {
        let company = try await TestCompany()
        try await company.add("a@b.c", [.accountant])
        let unknown = ActRequest(
            command: "secret-command", actor: .person(key: "a@b.c"), source: "web", now: company.now,
            today: company.today)
        #expect(try await refusal { _ = try await company.store.write(unknown) { _ in 1 } } == .accessDenied)
        _ = try await AccountCommands(in: company.store, company.request("disable-account")).setActive(
            false, person: "a@b.c")
        #expect(
            try await refusal {
                _ = try await company.store.write(company.request(.allocate, by: "a@b.c")) { _ in 1 }
            } == .accountDisabled)
        try await company.add("d@b.c", [.admin])
        let own = AccountCommands(in: company.store, company.request(.disableAccount, by: "d@b.c"))
        #expect(try await refusal { _ = try await own.setActive(false, person: "d@b.c") } == .accountOwn)
        _ = try await WorkCommands(in: company.store, company.request("set-person")).setPerson(
            "w@b.c", manager: nil, roles: [], without: [])
        #expect(try await refusal { _ = try await own.setActive(false, person: "w@b.c") } == .accountUnknownPerson)
    }

    @Test("Who registered money by hand doesn't allocate it, also with both roles; money from a file anybody may")
    func registeredByYou() async throws {
        let company = try await TestCompany()
        try await company.add("both@b.c", [.cashier, .accountant])
        try await company.add("other@b.c", [.accountant])
        try await company.take(.customers, "code,name", "C1,Customer")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-05-01,2026-05-31,100",
            "I2,C1,2026-05-01,2026-06-30,50")
        var byHand = FileImport(.receipts, .text("reference,date,amount,customer\nR1,2026-05-20,120,C1\n"))
        byHand.command = "register-receipt"
        _ = try await byHand.run(
            in: company.store, actor: .person(key: "both@b.c"), source: "web", now: company.now, today: company.today)
        let name = CorrectRegister.CreditName("R1")
        let parts = [
            AllocateReceipt.Part(invoice: "I1", amount: "100"), AllocateReceipt.Part(invoice: "I2", amount: "20"),
        ]
        #expect(
            try await refusal {
                _ = try await AllocateReceipt(in: company.store, company.request(.allocate, by: "both@b.c")).run(
                    name, parts)
            } == .accessRegisteredByYou)
        let allocating = AllocateReceipt(in: company.store, company.request(.allocate, by: "other@b.c"))
        #expect(try await refusal { _ = try await allocating.run(name, []) } == .valueMissing)
        #expect(
            try await refusal {
                _ = try await allocating.run(name, [parts[0], AllocateReceipt.Part(invoice: "I2", amount: "60")])
            } == .allocationAboveReceipt)
        #expect(
            try await refusal { _ = try await allocating.run(name, [.init(invoice: "I1", amount: "1.2.3")]) }
                == .valueNotAnAmount)
        #expect(
            try await refusal { _ = try await allocating.run(name, [.init(invoice: "I1", amount: "-1")]) }
                == .valueNotPositive)
        let done = try await allocating.run(name, parts)
        #expect(done.outcome == AllocateReceipt.Outcome(parts: 2, left: 0))
        #expect(try company.fault() == nil)
    }

    @Test("Who sees their own customers alone neither sees nor touches those of others")
    func scopes() async throws {
        let company = try await TestCompany()
        try await company.add("mine@b.c", [.sales])
        try await company.add("theirs@b.c", [.sales])
        try await company.add("boss@b.c", [.sales])
        _ = try await WorkCommands(in: company.store, company.request("set-person")).setPerson(
            "theirs@b.c", manager: "boss@b.c", roles: [], without: [])
        _ = try await AccountCommands(in: company.store, company.request("set-scope")).setScope(.team, of: "boss@b.c")
        try await company.take(
            .customers, "code,name,sales_owner", "C1,Mine,mine@b.c", "C2,Theirs,theirs@b.c", "C3,Nobody's,")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-05-01,2026-05-31,100",
            "I2,C2,2026-05-01,2026-05-31,200")
        func look<Answer>(_ key: String, _ body: (Look) throws -> Answer) throws -> Answer {
            let viewer = try company.store.read { try Viewer.load(.person(key: key), on: company.today, in: $0) }
            return try company.store.look(as: viewer, for: .seeCustomers, on: company.today, body)
        }
        #expect(try look("mine@b.c") { $0.customers(.init()).rows.map(\.code) } == ["C1"])
        #expect(try look("boss@b.c") { $0.customers(.init()).rows.map(\.code) } == ["C2"])
        #expect(try look("mine@b.c") { try $0.items(.init()).rows.map(\.number) } == ["I1"])
        #expect(try look("mine@b.c") { try $0.search("I", limit: 5).items.map(\.number) } == ["I1"])
        #expect(try await refusal { _ = try look("mine@b.c") { try $0.invoice("I2") } } == .invoiceUnknown)
        #expect(try await refusal { _ = try look("mine@b.c") { try $0.customerPicture("C2") } } == .customerUnknown)
        #expect(
            try await refusal { _ = try look("mine@b.c") { try $0.timeline(of: "C2", before: nil) } }
                == .customerUnknown)
        let proposal = Approvals.ContactProposal(
            customer: "C2", name: "X", purpose: .billing, title: "", email: "x@y.z", phone: "", reason: "")
        #expect(
            try await refusal {
                _ = try await Approvals(in: company.store, company.request(.proposeContact, by: "mine@b.c"))
                    .setContact(proposal)
            } == .customerUnknown)
        // A report of a scope counts the scope alone.
        var aging = AgingReport.Request(asOf: company.today, buckets: .standardDue)
        aging.viewer = try company.store.read { try Viewer.load(.person(key: "mine@b.c"), on: company.today, in: $0) }
        #expect(try AgingReport.make(aging, in: company.store).rows.map(\.key) == ["C1"])
    }

    @Test("A payment contact takes effect once a second person agrees, whoever asks")
    func makerChecker() async throws {
        let company = try await TestCompany()
        try await company.add("maker@b.c", [.accountant])
        try await company.add("checker@b.c", [.financeManager])
        try await company.add("sales@b.c", [.sales])
        try await company.take(.customers, "code,name,sales_owner", "C1,Customer,sales@b.c")
        var proposal = Approvals.ContactProposal(
            customer: "C1", name: "Ms Zhao", purpose: .payment, title: "CFO", email: "zhao@c.example", phone: "",
            reason: "called back on the known number")
        let making = Approvals(in: company.store, company.request(.proposeContact, by: "maker@b.c"))
        proposal.email = "no address"
        #expect(try await refusal { _ = try await making.setContact(proposal) } == .contactUnreachable)
        proposal.email = "zhao@c.example"
        #expect(try await making.setContact(proposal))
        func contacts() throws -> [String] {
            try RegisterQueries.contacts(customer: "C1", limit: 10, in: company.store).rows.map(\.name)
        }
        #expect(try contacts().isEmpty)
        let viewer = try company.store.read { try Viewer.load(.person(key: "checker@b.c"), on: company.today, in: $0) }
        let waiting = try ApprovalQueries.list(for: viewer, onlyWaiting: true, limit: 10, in: company.store)
        let id = try #require(waiting.first?.id)
        #expect(waiting.first?.proposed == ["Ms Zhao", "CFO", "zhao@c.example", ""])
        func decide(_ key: String, _ answer: Approval.Answer, _ reason: String = "") async throws -> RefusalCode? {
            try await refusal {
                _ = try await Approvals(in: company.store, company.request(.decide, by: key)).decide(
                    id, answer, reason: reason)
            }
        }
        #expect(try await decide("maker@b.c", .approved) == .approvalOwn)
        #expect(try await decide("sales@b.c", .approved) == .accessDenied)
        #expect(try await decide("checker@b.c", .rejected) == .reasonMissing)
        #expect(try await decide("checker@b.c", .approved) == nil)
        #expect(try contacts() == ["Ms Zhao"])
        #expect(try await decide("checker@b.c", .approved) == .approvalDecided)
        #expect(
            try await refusal {
                _ = try await Approvals(in: company.store, company.request(.decide, by: "checker@b.c")).decide(
                    999_999, .approved, reason: "")
            } == .approvalUnknown)
        #expect(
            try await refusal {
                _ = try await Approvals(in: company.store, company.request(.proposeBankAccount, by: "maker@b.c"))
                    .proposeBankAccount(
                        code: "main", entity: nil, bank: "Bank", number: "12", isActive: true, reason: "x")
            } == .bankAccountUnreadable)
        #expect(try company.fault() == nil)
    }

    @Test("Roles wait for management once somebody of it can sign in; auditor and administrator stand alone")
    func roles() async throws {
        let company = try await TestCompany()
        try await company.add("admin@b.c", [.admin])
        let inviting = AccountCommands(in: company.store, company.request(.invite, by: "admin@b.c"))
        #expect(try await refusal { _ = try await inviting.invite("nobody", name: "", roles: []) } == .personNotAnEmail)
        #expect(
            try await refusal { _ = try await inviting.invite("x@b.c", name: "", roles: [.auditor, .sales]) }
                == .roleExclusive)
        _ = try await inviting.invite("head@b.c", name: "Head", roles: [.management])
        func held(_ key: String) throws -> Set<Role> {
            try company.store.read { try Viewer.load(.person(key: key), on: company.today, in: $0).roles }
        }
        #expect(try held("head@b.c") == [.management])
        _ = try await inviting.invite("new@b.c", name: "New", roles: [.accountant])
        #expect(try held("new@b.c").isEmpty)
        let viewer = try company.store.read { try Viewer.load(.person(key: "head@b.c"), on: company.today, in: $0) }
        let id = try #require(
            try ApprovalQueries.list(for: viewer, onlyWaiting: true, limit: 5, in: company.store).first?.id)
        _ = try await Approvals(in: company.store, company.request(.decide, by: "head@b.c")).decide(
            id, .approved, reason: "")
        #expect(try held("new@b.c") == [.accountant])
        let link = try #require(try await inviting.invite("late@b.c", name: "Late", roles: []))
        _ = try await AccountCommands(in: company.store, company.request(.changePassword, by: "late@b.c")).accept(
            link.token, password: "correct horse staple")
        #expect(try await refusal { _ = try await inviting.invite("late@b.c", name: "", roles: []) } == .accountActive)
        #expect(
            try await refusal {
                _ = try await AccountCommands(in: company.store, company.request(.changePassword, by: "late@b.c"))
                    .accept(link.token, password: "correct horse staple")
            } == .linkInvalid)
        #expect(
            try await refusal {
                try await AccountCommands(in: company.store, company.request("set-person")).setUp(
                    "z@b.c", name: "", password: "correct horse staple")
            } == .accountNotFirst)
    }

    @Test(
        "A colleague stands in from the first to the last day, with lent roles, and still not for the asker's own requests"
    )
    func delegation() async throws {
        let company = try await TestCompany()
        try await company.add("away@b.c", [.financeManager])
        try await company.add("deputy@b.c", [.collector])
        let day = company.today
        let handing = AccountCommands(in: company.store, company.request(.delegate, by: "away@b.c"))
        #expect(
            try await refusal { _ = try await handing.delegate(to: "away@b.c", from: day, until: day, reason: "") }
                == .delegationSelf)
        #expect(
            try await refusal {
                _ = try await handing.delegate(to: "deputy@b.c", from: day, until: day.adding(days: -1), reason: "")
            } == .delegationBackwards)
        #expect(
            try await refusal {
                _ = try await handing.delegate(to: "deputy@b.c", from: day, until: day.adding(days: 100), reason: "")
            } == .delegationTooLong)
        _ = try await handing.delegate(to: "deputy@b.c", from: day, until: day.adding(days: 3), reason: "leave")
        func may(_ permission: Permission, on day: LocalDate) throws -> Bool {
            try company.store.read { try Viewer.load(.person(key: "deputy@b.c"), on: day, in: $0).may(permission) }
        }
        #expect(try may(.decide, on: day))
        #expect(try !may(.setPeriod, on: day))
        #expect(try !may(.decide, on: day.adding(days: 4)))
    }

    @Test("A deputy sees and decides what waits for whom they stand in for, and is told how many there are")
    func deputies() async throws {
        let company = try await TestCompany(now: "2026-06-01T04:00:00Z")
        for (key, roles) in [
            ("boss@b.c", [Role.financeManager]), ("call@b.c", [.collector]), ("sell@b.c", [.sales]),
        ] {
            try await company.add(key, roles)
        }
        try await company.take(.customers, "code,name,sales_owner", "C1,One,sell@b.c")
        _ = try await Approvals(in: company.store, company.request(.proposeContact, by: "sell@b.c")).setContact(
            .init(
                customer: "C1", name: "P", purpose: .payment, title: "", email: "p@c.d", phone: "", reason: "new"))
        func seen(_ key: String) throws -> (list: Int, count: Int) {
            let viewer = try Viewer.of(.person(key: key), on: company.today, in: company.store)
            let list = try ApprovalQueries.list(for: viewer, onlyWaiting: true, limit: 9, in: company.store)
            let count = try company.store.read {
                try ApprovalQueries.waiting(for: viewer, on: company.today, in: company.store, $0)
            }
            return (list.count { $0.isMine }, count)
        }
        #expect(try seen("boss@b.c") == (1, 1))
        #expect(try seen("call@b.c") == (0, 0))
        _ = try await AccountCommands(in: company.store, company.request(.delegate, by: "boss@b.c")).delegate(
            to: "call@b.c", from: company.today, until: company.today.adding(days: 3), reason: "away")
        #expect(try seen("call@b.c") == (1, 1))
        #expect(try seen("sell@b.c") == (0, 0))
        // Who asked takes it back also when the customer is another's by then.
        try await company.take(.customers, "code,name,sales_owner", "C1,One,other@b.c", update: true)
        let viewer = try Viewer.of(.person(key: "sell@b.c"), on: company.today, in: company.store)
        let own = try #require(
            try ApprovalQueries.list(for: viewer, onlyWaiting: true, limit: 9, in: company.store).first)
        _ = try await Approvals(in: company.store, company.request(.withdrawProposal, by: "sell@b.c")).withdraw(own.id)
        #expect(try seen("boss@b.c") == (0, 0))
    }

    @Test("Somebody with a narrow scope who gives a customer to a colleague doesn't become its owner")
    func handingOver() async throws {
        let company = try await TestCompany(now: "2026-06-01T04:00:00Z")
        for (key, roles) in [("acc@b.c", [Role.accountant]), ("call@b.c", [.collector])] {
            try await company.add(key, roles)
        }
        _ = try await AccountCommands(in: company.store, company.request("set-scope")).setScope(.own, of: "acc@b.c")
        try await company.take(
            .customers, "code,name,sales_owner,collector", "C1,One,sell@b.c,acc@b.c", "C2,Two,sell@b.c,")
        func change(_ code: String, _ fields: [String: String], seen: Int64? = nil) async throws {
            let request = ActRequest(
                command: "change-customer", actor: .person(key: "acc@b.c"), source: "web", now: company.now,
                today: company.today)
            _ = try await ChangeCustomer(in: company.store, request).run(code, fields, seen: seen)
        }
        let stale = await #expect(throws: Refusal.self) { try await change("C1", ["industry": "x"], seen: 7) }
        #expect(stale?.code == .customerChanged)
        let foreign = await #expect(throws: Refusal.self) { try await change("C2", ["industry": "x"]) }
        #expect(foreign?.code == .customerUnknown)
        try await change("C1", ["collector": "call@b.c", "industry": "  software "], seen: 1)
        let all = Viewer.everything(company.actor)
        let fields = try company.store.look(as: all, for: .seeCustomers, on: company.today) {
            try $0.customerFields("C1")
        }
        #expect(fields["sales_owner"] == "sell@b.c" && fields["collector"] == "call@b.c")
        #expect(fields["industry"] == "software" && fields["version"] == "2")
    }

    @Test("Nobody stands above themselves, over however many others")
    func managers() async throws {
        let company = try await TestCompany()
        for key in ["a@b.c", "b@b.c", "c@b.c"] {
            try await AccountCommands(in: company.store, company.request("set-person")).register(key, name: key)
        }
        func set(_ manager: String, over key: String) async throws {
            _ = try await AccountCommands(in: company.store, company.request("set-person")).setManager(manager, of: key)
        }
        try await set("b@b.c", over: "a@b.c")
        try await set("c@b.c", over: "b@b.c")
        for (manager, person) in [("a@b.c", "a@b.c"), ("a@b.c", "b@b.c"), ("a@b.c", "c@b.c")] {
            let refusal = await #expect(throws: Refusal.self) { try await set(manager, over: person) }
            #expect(refusal?.code == .personOwnManager)
        }
        try await set("", over: "b@b.c")
        try await set("a@b.c", over: "c@b.c")
    }

    @Test("A token may what its holder may, and of that only what it names")
    func tokens() async throws {
        let company = try await TestCompany()
        try await company.add("a@b.c", [.accountant])
        let making = AccountCommands(in: company.store, company.request(.makeToken, by: "a@b.c"))
        #expect(try await refusal { _ = try await making.makeToken(name: "x", scopes: [], days: 1) } == .tokenNoScope)
        #expect(
            try await refusal { _ = try await making.makeToken(name: "x", scopes: [.setPeriod], days: 1) }
                == .tokenScope)
        let link = try #require(try await making.makeToken(name: "ERP", scopes: [.seeInvoices], days: 30))
        #expect(link.token.hasPrefix("hk_"))
        let narrowed = try company.store.read {
            try Viewer.load(.person(key: "a@b.c"), on: company.today, narrowedTo: [.seeInvoices], in: $0)
        }
        #expect(narrowed.may(.seeInvoices) && !narrowed.may(.allocate))
        var narrow = company.request(.allocate, by: "a@b.c")
        narrow.narrowedTo = [.seeInvoices]
        let asked = narrow
        #expect(try await refusal { _ = try await company.store.write(asked) { _ in 1 } } == .accessDenied)
    }

    @Test("Passwords and codes are refused with what to do")
    func secrets() async throws {
        let company = try await TestCompany()
        try await company.add("a@b.c", [.accountant])
        let changing = AccountCommands(in: company.store, company.request(.changePassword, by: "a@b.c"))
        #expect(try await refusal { try await changing.changePassword(from: "", to: "short") } == .passwordTooShort)
        #expect(
            try await refusal { try await changing.changePassword(from: "", to: String(repeating: "ab ", count: 50)) }
                == .passwordTooLong)
        #expect(
            try await refusal { try await changing.changePassword(from: "", to: "aaaaaaaaaaaaaaa") } == .passwordEasy)
        try await changing.changePassword(from: "", to: "correct horse staple")
        #expect(
            try await refusal { try await changing.changePassword(from: "wrong", to: "another fine sentence") }
                == .passwordWrong)
        #expect(
            try await refusal {
                try await changing.changePassword(from: "correct horse staple", to: "correct horse staple")
            } == .passwordSame)
        let factor = AccountCommands(in: company.store, company.request(.setSecondFactor, by: "a@b.c"))
        #expect(
            try await refusal { try await factor.setSecondFactor("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", code: "12") }
                == .codeWrong)
        let signing = SignIn(in: company.store, clock: { company.now })
        let origin = SignIn.Origin(address: "203.0.113.9", agent: "test")
        #expect(
            try await refusal { _ = try await signing.signIn("a@b.c", password: "no", code: "", from: origin) }
                == .signInWrong)
        for _ in 1...4 {
            _ = try await refusal { _ = try await signing.signIn("a@b.c", password: "no", code: "", from: origin) }
        }
        #expect(
            try await refusal {
                _ = try await signing.signIn("a@b.c", password: "correct horse staple", code: "", from: origin)
            }
                == .signInLocked)
        // None of it stands in the journal of acts in a readable form.
        try company.store.read { session in
            for row in try session.rows("SELECT outcome FROM act ORDER BY seq") {
                #expect(!row.text(0).contains("horse"))
            }
            #expect(
                try session.row("SELECT count(*) FROM security_event WHERE kind = 'sign-in-failed'")?.integer(0) == 5)
        }
    }
}
