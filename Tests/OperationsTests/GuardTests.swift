import Database
import Foundation
import Ledger
import OpenItems
import Receivables
import TestSupport
import Testing

@testable import Operations

/// Ways around the rules of accounts, roles and data scopes that somebody looked for: each is closed.
@Suite struct GuardTests {
    private func company() async throws -> TestCompany {
        let company = try await TestCompany(now: "2026-06-01T04:00:00Z")
        for (key, roles) in [
            ("admin@b.c", [Role.admin]), ("acc@b.c", [.accountant]), ("cash@b.c", [.cashier]), ("mine@b.c", [.sales]),
            ("theirs@b.c", [.sales]), ("own@b.c", [.collector]), ("boss@b.c", [.financeManager]),
        ] {
            try await company.add(key, roles)
        }
        _ = try await AccountCommands(in: company.store, company.request("set-scope")).setScope(.own, of: "own@b.c")
        try await company.take(
            .customers, "code,name,sales_owner", "C1,Mine,mine@b.c", "C2,Theirs,theirs@b.c")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-03-01,2026-03-31,100",
            "I2,C2,2026-03-01,2026-03-31,200")
        try await company.take(.receipts, "reference,date,amount,customer", "R2,2026-05-01,50,C2", "R9,2026-05-02,7,")
        return company
    }

    private func viewer(_ key: String, _ company: TestCompany) throws -> Viewer {
        try Viewer.of(.person(key: key), on: company.today, in: company.store)
    }

    private func look<Answer>(
        _ company: TestCompany, as key: String, _ permission: Permission, _ body: (Look) throws -> Answer
    ) throws -> Answer {
        try company.store.look(as: try viewer(key, company), for: permission, on: company.today, body)
    }

    private func bring(
        _ kind: ImportKind, _ text: String, by key: String, as permission: Permission? = nil, _ company: TestCompany
    ) async throws -> ImportReport {
        var importing = FileImport(kind, .text(text))
        if let permission { importing.command = permission.rawValue }
        return try await importing.run(
            in: company.store, actor: .person(key: key), source: "web", now: company.now, today: company.today
        ).report
    }

    @Test("Nobody is invited into an account that somebody has, open or closed")
    func takeover() async throws {
        let company = try await company()
        let inviting = AccountCommands(in: company.store, company.request(.invite, by: "admin@b.c"))
        let link = try #require(try await inviting.invite("new@b.c", name: "New", roles: []))
        _ = try await AccountCommands(in: company.store, company.request(.changePassword, by: "new@b.c")).accept(
            link.token, password: "correct horse staple")
        let closing = AccountCommands(in: company.store, company.request(.disableAccount, by: "admin@b.c"))
        _ = try await closing.setActive(false, person: "new@b.c")
        #expect(
            try await refusal { _ = try await inviting.invite("new@b.c", name: "New", roles: []) } == .accountActive)
    }

    @Test("With all of management closed or gone, roles still wait; and by no other command are they given")
    func rolesStillWait() async throws {
        let company = try await company()
        try await company.add("head@b.c", [.management])
        let closing = AccountCommands(in: company.store, company.request(.disableAccount, by: "admin@b.c"))
        _ = try await closing.setActive(false, person: "head@b.c")
        let granting = AccountCommands(in: company.store, company.request(.proposeRoles, by: "admin@b.c"))
        _ = try await granting.setRoles([.management], of: "admin@b.c")
        #expect(try viewer("admin@b.c", company).roles.isEmpty)
        let setting = WorkCommands(in: company.store, company.request(.setPerson, by: "admin@b.c"))
        _ = try? await setting.setPerson("mine@b.c", manager: nil, roles: [.management], without: [])
        #expect(try viewer("mine@b.c", company).roles == [.sales])
        let operating = WorkCommands(in: company.store, company.request("set-person"))
        #expect(
            try await refusal {
                _ = try await operating.setPerson("mine@b.c", manager: nil, roles: [.auditor], without: [])
            } == .roleExclusive)
    }

    @Test("Contacts who get payment messages wait for a second person, also from a file and also for billing")
    func contactsWait() async throws {
        let company = try await company()
        let head = "customer,name,purpose,email\n"
        let report = try await bring(
            .contacts,
            head + "C1,Eve,payment,eve@e.example\nC1,Ada,billing,ada@e.example\nC1,Law,legal,law@e.example\n",
            by: "acc@b.c", company)
        #expect(report.created == 1 && report.proposed == 2)
        func contacts() throws -> [String] {
            try RegisterQueries.contacts(customer: "C1", limit: 10, in: company.store).rows.map(\.name).sorted()
        }
        #expect(try contacts() == ["Law"])
        let waiting = try ApprovalQueries.list(
            for: try viewer("boss@b.c", company), onlyWaiting: true, limit: 10, in: company.store)
        let deciding = Approvals(in: company.store, company.request(.decide, by: "boss@b.c"))
        #expect(
            try await refusal { _ = try await deciding.decide(waiting.map(\.id) + [999_999], .approved, reason: "") }
                == .approvalUnknown)
        #expect(try contacts() == ["Law"])
        _ = try await deciding.decide(waiting.map(\.id), .approved, reason: "")
        #expect(try contacts() == ["Ada", "Eve", "Law"])
        #expect(
            try company.store.read {
                try $0.row("SELECT count(*) FROM contact_version WHERE purpose = 2")?.integer(0)
            } == 1)
    }

    @Test("Many tries at once are counted as many, and a lock is never taken away by another try")
    func parallelTries() async throws {
        let company = try await company()
        try await AccountCommands(in: company.store, company.request("set-person")).setInitialPassword(
            "correct horse staple", of: "acc@b.c")
        let signing = SignIn(in: company.store, clock: { company.now })
        let results = try await withThrowingTaskGroup(of: RefusalCode?.self) { group in
            for place in 0..<12 {
                group.addTask {
                    let origin = SignIn.Origin(address: "203.0.113.\(place)", agent: "")
                    return try await refusal {
                        _ = try await signing.signIn("acc@b.c", password: "wrong \(place)", code: "", from: origin)
                    }
                }
            }
            return try await group.reduce(into: [RefusalCode?]()) { $0.append($1) }
        }
        #expect(results.filter { $0 == .signInWrong }.count <= 4)
        let origin = SignIn.Origin(address: "203.0.113.99", agent: "")
        #expect(
            try await refusal {
                _ = try await signing.signIn("acc@b.c", password: "correct horse staple", code: "", from: origin)
            } == .signInLocked)
        company.setClock("2026-06-01T04:16:00Z")
        #expect(
            try await refusal {
                _ = try await signing.signIn("acc@b.c", password: "correct horse staple", code: "", from: origin)
            } == nil)
    }

    @Test("What roles don't show in their lists they don't see on the first page, a timeline, a task or a customer")
    func rolesOnOtherPages() async throws {
        let company = try await company()
        try await company.run(day: "2026-06-01")
        try await company.add("new@b.c", [])
        for key in ["admin@b.c", "new@b.c"] {
            let day = try look(company, as: key, .seeDay) { try $0.myDay(lastSeen: 0) }
            #expect(day.changes.isEmpty && day.waiting.isEmpty && day.worst.isEmpty, "\(key)")
        }
        #expect(try !viewer("new@b.c", company).seesAll)
        let kinds = try look(company, as: "cash@b.c", .seeCustomers) { try $0.timeline(of: "C2", before: nil).events }
        #expect(!kinds.contains { $0.kind == "invoice" } && kinds.contains { $0.kind == "receipt" })
        let row = try look(company, as: "cash@b.c", .seeCustomers) { try #require($0.customers(.init()).rows.first) }
        #expect(row.figures.open == 0 && row.figures.byCurrency.isEmpty)
        #expect(try look(company, as: "acc@b.c", .seeCustomers) { $0.customers(.init()).totals.open } == 300_00)
    }

    @Test("Commands hold the data scope: by hand, by file, on other people's messages and decisions")
    func commandsInScope() async throws {
        let company = try await company()
        try await company.take(.contacts, "customer,name,purpose,email", "C2,Ms Zhao,payment,zhao@c.example")
        try await company.run(day: "2026-06-01")
        _ = try await AccountCommands(in: company.store, company.request("set-scope")).setScope(.own, of: "acc@b.c")
        let invoice = "number,customer,issue_date,due_date,amount\nX1,C2,2026-05-01,2026-05-31,10\n"
        #expect(
            try await refusal { _ = try await bring(.invoices, invoice, by: "acc@b.c", company) } == .customerUnknown)
        let allocation = "receipt,invoice,amount\nR2,I2,50\n"
        #expect(try await refusal { _ = try await bring(.allocations, allocation, by: "acc@b.c", company) } != nil)
        let note = "number,invoice,date,amount,reason\nN1,I2,2026-05-05,1,x\n"
        #expect(
            try await refusal { _ = try await bring(.creditNotes, note, by: "acc@b.c", company) } == .invoiceUnknown)
        let correcting = CorrectRegister(in: company.store, company.request(.reverseReceipt, by: "acc@b.c"))
        #expect(
            try await refusal { _ = try await correcting.reverse(.init("R2"), on: nil, reason: "x") } == .receiptUnknown
        )
        let held = try company.store.read { try $0.row("SELECT max(id) FROM reminder")?.optionalInteger(0) }
        if let held {
            let releasing = WorkCommands(in: company.store, company.request(.releaseReminders, by: "own@b.c"))
            #expect(try await refusal { _ = try await releasing.release(reminders: [held]) } == .reminderUnknown)
        }
        // A customer of somebody else's is neither completed nor told about; one's own is one's own.
        let foreign = "code,name\nC2,Taken over\n"
        #expect(
            try await refusal {
                _ = try await bring(.customers, foreign, by: "mine@b.c", as: .registerCustomer, company)
            }
                == .customerDiffers)
        _ = try await bring(.customers, "code,name\nC5,New\n", by: "mine@b.c", as: .registerCustomer, company)
        #expect(
            try look(company, as: "mine@b.c", .seeCustomers) { $0.customers(.init()).rows.map(\.code) }.contains("C5"))
        // The books and the journal are of everybody together.
        for body: (Look) throws -> Void in [
            { _ = try $0.acts(.init()) }, { _ = try $0.act(1) },
            { _ = try $0.balances(from: company.today, on: company.today) },
            { _ = try $0.entries(of: .receivable, before: nil) },
        ] {
            #expect(try await refusal { try look(company, as: "acc@b.c", .seeActs, body) } == .accessScope)
        }
        #expect(try company.fault() == nil)
    }

    @Test("Whose customer it is now decides who sees the aging of a day long past")
    func agingOfThen() async throws {
        let company = try await company()
        company.setClock("2026-06-10T04:00:00Z")
        var moving = FileImport(.customers, .text("code,name,sales_owner\nC1,Mine,theirs@b.c\n"))
        moving.options.updates = true
        _ = try await moving.run(
            in: company.store, actor: .operatorOfSystem(user: "x"), source: "cli", now: company.now,
            today: company.today)
        var aging = AgingReport.Request(asOf: LocalDate("2026-05-01") ?? company.today, buckets: .standardDue)
        aging.viewer = try viewer("mine@b.c", company)
        #expect(try AgingReport.make(aging, in: company.store).rows.isEmpty)
    }

    @Test("Money registered by hand isn't allocated by a file of whoever registered it")
    func byFileToo() async throws {
        let company = try await company()
        try await company.add("both@b.c", [.cashier, .accountant])
        _ = try await bring(
            .receipts, "reference,date,amount,customer\nR3,2026-05-20,20,C1\n", by: "both@b.c", as: .registerReceipt,
            company)
        let code = try await refusal {
            _ = try await bring(.allocations, "receipt,invoice,amount\nR3,I1,20\n", by: "both@b.c", company)
        }
        #expect(code == .accessRegisteredByYou)
    }

    @Test("Who took money in by hand made neither the invoice that it pays nor a credit note on it, in any order")
    func oneHand() async throws {
        let company = try await company()
        for key in ["both@b.c", "other@b.c"] { try await company.add(key, [.cashier, .accountant]) }
        func invoice(_ number: String, _ key: String) async throws {
            _ = try await bring(
                .invoices, "number,customer,issue_date,due_date,amount\n\(number),C1,2026-05-01,2026-05-31,100\n",
                by: key,
                as: .registerInvoice, company)
        }
        func receipt(_ reference: String, _ key: String) async throws {
            _ = try await bring(
                .receipts, "reference,date,amount,customer\n\(reference),2026-05-20,20,C1\n", by: key,
                as: .registerReceipt, company)
        }
        func note(_ number: String, _ invoice: String, _ key: String) async throws -> RefusalCode? {
            try await refused {
                _ = try await bring(
                    .creditNotes, "number,invoice,date,amount,reason\n\(number),\(invoice),2026-05-25,10,short\n",
                    by: key,
                    as: .registerCreditNote, company)
            }
        }
        func allocate(_ reference: String, _ invoice: String, _ key: String) async throws -> RefusalCode? {
            try await refused {
                _ = try await AllocateReceipt(in: company.store, company.request(.allocate, by: key)).run(
                    .init(reference), [.init(invoice: invoice, amount: "20")])
            }
        }
        try await invoice("J1", "both@b.c")
        try await receipt("T1", "both@b.c")
        // Whoever allocates: the invoice is of the same hand as the money.
        #expect(try await allocate("T1", "J1", "acc@b.c") == .accessOneHand)
        #expect(
            try await refused {
                _ = try await bring(.allocations, "receipt,invoice,amount\nT1,J1,20\n", by: "acc@b.c", company)
            } == .accessOneHand)
        #expect(try await allocate("T1", "I1", "acc@b.c") == nil)
        // A credit note on what the money paid is another one's to write.
        #expect(try await note("N1", "I1", "both@b.c") == .accessOneHand)
        #expect(try await note("N1", "I1", "other@b.c") == nil)
        // Nor does money of the same hand pay it afterwards.
        try await receipt("T2", "other@b.c")
        #expect(try await allocate("T2", "I1", "acc@b.c") == .accessOneHand)
        #expect(try await allocate("T2", "J1", "acc@b.c") == nil)
        // What was taken back binds nobody's hands any more.
        let correcting = CorrectRegister(in: company.store, company.request("correct"))
        _ = try await correcting.unapply(.init("T1"), invoice: "I1", on: nil, reason: "x")
        #expect(try await note("N2", "I1", "both@b.c") == nil)
        _ = try await correcting.reverse(.init("N1", kind: .creditNote), on: nil, reason: "x")
        try await receipt("T3", "other@b.c")
        #expect(try await allocate("T3", "I1", "acc@b.c") == nil)
        // Money of a file is nobody's hand.
        _ = try await FileImport(.receipts, .text("reference,date,amount,customer\nF1,2026-05-20,20,C1\n")).run(
            in: company.store, actor: .person(key: "both@b.c"), source: "import", now: company.now,
            today: company.today)
        #expect(try await allocate("F1", "J1", "acc@b.c") == nil)
        #expect(try company.fault() == nil)
    }

    @Test("Hands are told apart within one group of commands, whose acts the journal doesn't have yet")
    func oneHandAtOnce() async throws {
        let company = try await company()
        try await company.add("both@b.c", [.cashier, .accountant])
        let groups = company.store.writing.groups
        var seen = 0
        for round in 0..<10 {
            // Many at once, so that some go in one group.
            seen += try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<6 {
                    let reference = "G\(round)-\(number)"
                    group.addTask {
                        _ = try await self.bring(
                            .receipts, "reference,date,amount,customer\n\(reference),2026-05-20,1,C1\n", by: "both@b.c",
                            as: .registerReceipt, company)
                        return false
                    }
                    group.addTask {
                        let code = try await self.refused {
                            _ = try await AllocateReceipt(
                                in: company.store, company.request(.allocate, by: "both@b.c")
                            ).run(.init(reference), [.init(invoice: "I1", amount: "1")])
                        }
                        #expect([.accessRegisteredByYou, .receiptUnknown].contains(code), "\(reference)")
                        return code == .accessRegisteredByYou
                    }
                }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
        }
        #expect(company.store.writing.groups - groups < 120, "some shared a commit")
        #expect(seen > 0, "some came after the receipt")
    }

    /// The first reason why something isn't done, of a command or of a line.
    private func refused(_ body: () async throws -> Void) async throws -> RefusalCode? {
        do {
            return try await refusal(body)
        } catch let rejected as ImportRejected {
            return rejected.faults.first?.refusal.code
        } catch let part as PartRefused {
            return part.refusal.code
        }
    }

    @Test("The cancellation of an invoice is neither shown nor taken back as a receipt")
    func corrections() async throws {
        let company = try await company()
        _ = try await CorrectRegister(in: company.store, company.request("reverse-invoice")).reverseInvoice(
            "I1", on: nil, reason: "x")
        let fact = try company.store.read { try $0.row("SELECT id FROM credit WHERE kind = 8")?.integer(0) ?? 0 }
        #expect(
            try await refusal { _ = try look(company, as: "acc@b.c", .seeReceipts) { try $0.receipt(fact: fact) } }
                == .receiptUnknown)
        let name = CorrectRegister.CreditName("I1", kind: .correction)
        let correcting = CorrectRegister(in: company.store, company.request(.reverseReceipt, by: "acc@b.c"))
        #expect(try await refusal { _ = try await correcting.reverse(name, on: nil, reason: "x") } == .receiptUnknown)
    }

    @Test("What pages keep from one act to the next is what a fresh look makes: months, numbers, tasks, orders")
    func kept() async throws {
        let company = try await company()
        func months(_ store: Store) throws -> [String] {
            try TrendReport.make(
                upTo: company.today, knownAt: .now, buckets: .standardDue, in: store
            ).rows.map { "\($0.day) \($0.buckets)" }
        }
        func tasks(_ store: Store) throws -> [Int64] {
            try store.look(as: viewer("boss@b.c", company), for: .seeTasks, on: company.today) { look in
                var filter = Look.TaskFilter()
                filter.whose = .all
                return try look.tasks(filter).rows.map(\.id)
            }
        }
        func customers(_ store: Store) throws -> [String] {
            try store.look(as: viewer("boss@b.c", company), for: .seeCustomers, on: company.today) { look in
                Look.CustomerSort.allCases.flatMap { sort in
                    var filter = Look.CustomerFilter()
                    filter.sort = sort
                    return look.customers(filter).rows.map { "\($0.code) \($0.figures.open)" }
                }
            }
        }
        func found(_ store: Store, _ text: String) throws -> [String] {
            try store.look(as: viewer("boss@b.c", company), for: .seeInvoices, on: company.today) {
                try $0.search(text, limit: 9).items.map(\.number).sorted()
            }
        }
        func isAsFresh() throws {
            let fresh = try company.reopen()
            #expect(try months(company.store) == months(fresh))
            #expect(try tasks(company.store) == tasks(fresh))
            #expect(try customers(company.store) == customers(fresh))
            try fresh.close()
        }
        try isAsFresh()
        try await company.run(day: "2026-06-01")
        try isAsFresh()
        // Something that changes the past: months before it stay, the others are made anew.
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "AB-late-77,C1,2026-02-10,2026-02-20,40")
        try isAsFresh()
        try await company.take(.allocations, "receipt,invoice,amount,date", "R2,I2,50,2026-05-03")
        try isAsFresh()
        let open = try tasks(company.store)
        let first = try #require(open.first)
        _ = try await WorkCommands(in: company.store, company.request("finish-task")).finish(task: first, note: nil)
        #expect(try !tasks(company.store).contains(first))
        try isAsFresh()
        #expect(try found(company.store, "b-LATE") == ["AB-late-77"])
        #expect(try found(company.store, "I") == ["I1", "I2"])
    }
}
