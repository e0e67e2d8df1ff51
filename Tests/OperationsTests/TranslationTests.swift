import Database
import Formats
import Ledger
import OpenItems
import Receivables
import TestSupport
import Testing

@testable import Operations

/// Functional amounts of what is posted in other currencies (spec 09, ENGINEERING E-4).
@Suite struct TranslationTests {
    private func company() async throws -> TestCompany {
        let company = try await TestCompany(now: "2026-08-01T04:00:00Z")
        try await company.take(.customers, "code,name,currency", "C1,One,USD", "C2,Two,USD", "J,Tokyo,JPY")
        return company
    }

    private func balance(
        _ company: TestCompany, _ account: AccountRole, _ currency: String, on day: String = "2026-07-31"
    ) throws -> Int128 {
        let balance = try LedgerBalances.trialBalance(
            in: company.store, asOf: try #require(LocalDate(day)))
        #expect(balance.lines.reduce(0) { $0 + $1.functional } == 0, "functional debits and credits differ")
        let wanted = try #require(Currency(currency))
        return balance.lines.filter { $0.account == account && $0.currency == wanted }.reduce(0) { $0 + $1.functional }
    }

    @Test("USD 100,000 invoiced at 7.18 and paid at 7.21 win 3,000 yuan")
    func golden() async throws {
        let company = try await company()
        try await company.take(
            .rates, "day,from,to,rate", "2026-06-01,USD,CNY,7.18", "2026-07-10,USD,CNY,7.21")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-06-01,2026-07-01,100000")
        #expect(try balance(company, .receivable, "USD") == 71_800_000)
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-07-10,100000,C1")
        try await company.take(.allocations, "receipt,invoice,amount", "R1,I1,100000")
        #expect(try balance(company, .receivable, "USD") == 0)
        #expect(try balance(company, .unapplied, "USD") == 0)
        #expect(try balance(company, .exchangeDifference, "USD") == -300_000)
        #expect(try balance(company, .bank, "USD") == 72_100_000)
        // Taken back, the difference goes back too, and comes again.
        _ = try await CorrectRegister(in: company.store, company.request("unapply")).unapply(
            .init("R1"), invoice: "I1", on: nil, reason: "wrong")
        #expect(try balance(company, .exchangeDifference, "USD") == 0)
        #expect(try balance(company, .receivable, "USD") == 71_800_000)
        try await company.take(.allocations, "receipt,invoice,amount,date", "R1,I1,100000,2026-07-11")
        #expect(try balance(company, .exchangeDifference, "USD") == -300_000)
        #expect(try company.fault() == nil)
    }

    @Test("Without a rate nothing is translated 1:1; the rate's import completes what waited, days apart included")
    func waits() async throws {
        let company = try await company()
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-06-01,2026-07-01,10",
            "I2,C1,2026-06-09,2026-07-01,10")
        let before = try LedgerBalances.trialBalance(in: company.store, asOf: company.today)
        #expect(before.untranslated == [try #require(Currency("USD")): 2])
        #expect(before.lines.allSatisfy { $0.functional == 0 })
        // The rate of the 1st serves the 1st to the 8th: at most seven days back.
        try await company.take(.rates, "day,from,to,rate", "2026-06-01,USD,CNY,7")
        let after = try LedgerBalances.trialBalance(in: company.store, asOf: company.today)
        #expect(after.untranslated == [try #require(Currency("USD")): 1])
        #expect(try balance(company, .receivable, "USD") == 7_000)
        #expect(try company.fault() == nil)
    }

    @Test("Parts add up to the whole, whatever the rate: the last part takes what is left")
    func parts() async throws {
        let company = try await company()
        try await company.take(
            .rates, "day,from,to,rate", "2026-06-01,USD,CNY,7.12345678", "2026-06-20,USD,CNY,6.98765432")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-06-01,2026-07-01,100.01")
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-06-20,100.01,C1")
        try await company.take(
            .allocations, "receipt,invoice,amount,date", "R1,I1,33.33,2026-06-20", "R1,I1,33.34,2026-06-21",
            "R1,I1,33.34,2026-06-22")
        for account in [AccountRole.receivable, .unapplied] { #expect(try balance(company, account, "USD") == 0) }
        // 100.01 × (7.12345678 − 6.98765432), both rounded to cents: 712.42 − 698.84.
        #expect(try balance(company, .exchangeDifference, "USD") == 1_358)
        #expect(try company.fault() == nil)
    }

    @Test("Across currencies and across customers the clearing account empties itself")
    func crossing() async throws {
        let company = try await company()
        try await company.take(
            .rates, "day,from,to,rate", "2026-06-01,USD,CNY,7.2", "2026-06-01,JPY,CNY,0.05",
            "2026-06-20,USD,CNY,7.1", "2026-06-20,JPY,CNY,0.048")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount,currency", "U,C1,2026-06-01,2026-07-01,100,USD",
            "Y,J,2026-06-01,2026-07-01,10000,JPY", "N,C1,2026-06-01,2026-07-01,720,CNY",
            "V,C2,2026-06-01,2026-07-01,50,USD")
        try await company.take(
            .receipts, "reference,date,amount,currency,customer", "RC,2026-06-20,715,CNY,C1",
            "RU,2026-06-20,70,USD,J", "RD,2026-06-20,101,USD,C1", "RV,2026-06-20,50,USD,C1")
        try await company.take(
            .allocations, "receipt,invoice,amount,invoice_amount,reason", "RC,U,715,100,", "RU,Y,70,10000,",
            "RD,N,101,720,", "RV,V,50,,sister company")
        for currency in ["USD", "JPY", "CNY"] {
            #expect(try balance(company, .receivable, currency) == 0, "\(currency)")
        }
        let clearing = try LedgerBalances.trialBalance(in: company.store, asOf: company.today).lines.filter {
            $0.account == .exchangeClearing
        }
        #expect(clearing.reduce(0) { $0 + $1.functional } == 0)
        #expect(try company.fault() == nil)
        for (receipt, invoice) in [("RC", "U"), ("RU", "Y"), ("RD", "N"), ("RV", "V")] {
            _ = try await CorrectRegister(in: company.store, company.request("unapply")).unapply(
                .init(receipt), invoice: invoice, on: nil, reason: "again")
        }
        #expect(
            try LedgerBalances.trialBalance(in: company.store, asOf: company.today).lines
                .filter { $0.account == .exchangeDifference }.reduce(0) { $0 + $1.functional } == 0)
        #expect(try company.fault() == nil)
    }

    @Test("An amount in one currency only has one amount")
    func twoAmounts() async throws {
        let company = try await company()
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-06-01,2026-07-01,10")
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-07-10,10,C1")
        #expect(
            try await company.refusal(.allocations, "receipt,invoice,amount,invoice_amount", "R1,I1,10,9")
                == .allocationTwoAmounts)
        try await company.take(
            .invoices, "number,customer,issue_date,instalments,amount,currency",
            "Y,J,2026-06-01,2026-07-01:50; 2026-08-01:50,100,JPY")
        try await company.take(.receipts, "reference,date,amount,customer,currency", "R2,2026-07-10,0.01,J,USD")
        #expect(
            try await company.refusal(.allocations, "receipt,invoice,amount,invoice_amount", "R2,Y,0.01,100")
                == .allocationTooSmall)
    }

    @Test("A report as known before a rate came knows nothing of it")
    func knownAt() async throws {
        let company = try await company()
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-06-01,2026-07-01,10")
        let act = try Verify().run(in: company.store).acts
        try await company.take(.rates, "day,from,to,rate", "2026-06-01,USD,CNY,7")
        var request = AgingReport.Request(asOf: try #require(LocalDate("2026-06-05")), buckets: .standardDue)
        #expect(try AgingReport.make(request, in: company.store).translated.total?.open == 7_000)
        request.knownAt = .act(act)
        let then = try AgingReport.make(request, in: company.store)
        #expect(then.translated.total == nil && then.translated.missing.map(\.code) == ["USD"])
    }

    @Test("Vouchers carry the functional amounts, and balance in them")
    func vouchers() async throws {
        let company = try await company()
        try await company.take(.rates, "day,from,to,rate", "2026-06-01,USD,CNY,7.18", "2026-07-10,USD,CNY,7.21")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-06-01,2026-07-01,100000")
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-07-10,100000,C1")
        try await company.take(.allocations, "receipt,invoice,amount", "R1,I1,100000")
        var text = ""
        try ExportJournal(.csv).run(in: company.store) { text += $0 }
        let lines = text.split(separator: "\n").dropFirst().map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        let sums = lines.reduce((debit: 0.0, credit: 0.0)) {
            ($0.debit + (Double($1[10]) ?? 0), $0.credit + (Double($1[11]) ?? 0))
        }
        #expect(sums.debit == sums.credit && sums.debit > 0)
        #expect(lines.contains { $0[13] == "exchange_difference" && $0[11] == "3000.00" })
    }
}
