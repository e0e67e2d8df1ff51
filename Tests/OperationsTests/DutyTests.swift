import Database
import Ledger
import Receivables
import TestSupport
import Testing

@testable import Operations

/// Segregation of duties (docs/PERMISSIONS.md, the last table): asked and decided in every cell.
@Suite struct DutyTests {
    private static let cells = Approval.Kind.allCases.flatMap { kind in kind.askedBy.map { (kind, $0) } }

    /// Somebody of each role twice, a customer, and a service account whose token can be asked for.
    private func company() async throws -> TestCompany {
        let company = try await TestCompany(now: "2026-06-01T04:00:00Z")
        try await company.take(.customers, "code,name", "C1,One")
        for role in Role.allCases {
            for place in ["one", "two"] {
                let key = "\(place).\(role.name)@b.c"
                try await company.add(key, [role])
                _ = try await AccountCommands(in: company.store, company.request("set-scope")).setScope(.all, of: key)
            }
        }
        try await company.add("aim@b.c", [])
        _ = try await ServiceAccounts(in: company.store, company.request("add-service-account")).add(
            "erp", roles: [.accountant], scope: nil)
        return company
    }

    private func ask(_ command: Permission, _ number: Int, by key: String, _ company: TestCompany) async throws {
        let request = company.request(command, by: key)
        switch command {
        case .proposeContact:
            _ = try await Approvals(in: company.store, request).setContact(
                .init(
                    customer: "C1", name: "Payer \(number)", purpose: .payment, title: "",
                    email: "p\(number)@c1.example",
                    phone: "", reason: "they wrote"))
        case .proposeBankAccount:
            _ = try await Approvals(in: company.store, request).proposeBankAccount(
                code: "B\(number)", entity: nil, bank: "Bank", number: "62220000000\(100 + number)", isActive: true,
                reason: "opened")
        case .proposeRoles: _ = try await AccountCommands(in: company.store, request).setRoles([.sales], of: "aim@b.c")
        case .invite:
            _ = try await AccountCommands(in: company.store, request).invite(
                "new\(number)@b.c", name: "New", roles: [.sales])
        case .addServiceAccount:
            _ = try await ServiceAccounts(in: company.store, request).add(
                "service\(number)", roles: [.accountant], scope: nil)
        case .proposeTemplate:
            let template = try MessageTemplates.newest(.english, in: company.store).template
            let day = company.today.adding(days: 30 + number)
            _ = try await MessageTemplates.propose(
                template, .english, from: day, reason: "clearer", in: company.store, request)
        case .makeServiceToken:
            _ = try await ServiceAccounts(in: company.store, request).makeToken(
                of: "erp", called: "t\(number)", scopes: [.seeInvoices], days: 10)
        default: Issue.record("\(command.rawValue) asks for nothing")
        }
    }

    private func newest(_ company: TestCompany) throws -> Int64? {
        try company.store.read { try $0.row("SELECT max(id) FROM approval")?.optionalInteger(0) }
    }

    @Test("No token of a program decides: its holder would decide on what they asked for")
    func programsDontDecide() async throws {
        let company = try await company()
        #expect(
            try await refusal {
                _ = try await ServiceAccounts(
                    in: company.store, company.request(.makeServiceToken, by: "one.admin@b.c")
                ).makeToken(of: "erp", called: "t", scopes: [.decide], days: 10)
            } == .tokenScope)
    }

    @Test("Who may ask asks, who may decide decides, and nobody on their own", arguments: cells.indices)
    func walk(cell: Int) async throws {
        let (kind, command) = Self.cells[cell]
        let company = try await company()
        var number = 0
        for asking in Role.allCases {
            let asker = "one.\(asking.name)@b.c"
            number += 1
            let before = try newest(company)
            let code = try await refusal { try await ask(command, number, by: asker, company) }
            guard command.isAllowed([asking]) else {
                #expect(code == .accessDenied, "\(asking.name) asked with \(command.rawValue)")
                continue
            }
            #expect(code == nil, "\(asking.name) may ask with \(command.rawValue)")
            for deciding in Role.allCases {
                let id = try #require(try newest(company))
                #expect(id != before, "\(command.rawValue) asked for nothing")
                let own = try await refusal {
                    _ = try await Approvals(in: company.store, company.request(.decide, by: asker)).decide(
                        id, .approved, reason: "")
                }
                let ownExpected: RefusalCode = Permission.decide.isAllowed([asking]) ? .approvalOwn : .accessDenied
                #expect(own == ownExpected, "\(asking.name) on their own \(kind.name)")
                let theirs = try await refusal {
                    _ = try await Approvals(in: company.store, company.request(.decide, by: "two.\(deciding.name)@b.c"))
                        .decide(id, .rejected, reason: "not now")
                }
                if kind.deciders.contains(deciding) {
                    #expect(theirs == nil, "\(deciding.name) may decide on \(kind.name)")
                    number += 1
                    try await ask(command, number, by: asker, company)
                } else {
                    #expect(theirs == .accessDenied, "\(deciding.name) decided on \(kind.name)")
                }
            }
        }
    }
}
