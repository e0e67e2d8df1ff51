import Formats
import Foundation
import Ledger
import OpenItems
import Receivables
import TestSupport
import Testing

@testable import Operations

/// What was registered wrongly can be put right: taken back, and registered anew under its own name.
@Suite struct CorrectionTests {
    private func company() async throws -> TestCompany {
        let company = try await TestCompany(now: "2026-08-01T04:00:00Z")
        try await company.take(.customers, "code,name", "C1,One", "C2,Two")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-01-01,2026-01-31,100")
        return company
    }

    private func correct(_ company: TestCompany) -> CorrectRegister {
        CorrectRegister(in: company.store, company.request("correct"))
    }

    @Test("A receipt taken back can be registered with what it should have said; the first one's line says so no more")
    func receiptAnew() async throws {
        let company = try await company()
        let header = "reference,date,amount,customer"
        try await company.take(.receipts, header, "R1,2026-06-01,100,C1")
        #expect(try await company.refusal(.receipts, header, "R1,2026-06-01,110,C1") == .receiptDiffers)
        _ = try await correct(company).reverse(.init("R1"), on: nil, reason: "typed wrong")
        #expect(try await company.take(.receipts, header, "R1,2026-06-01,100,C1").report.unchanged == 1)
        #expect(try await company.take(.receipts, header, "R1,2026-06-01,110,C1").report.created == 1)
        try await company.take(.allocations, "receipt,invoice,amount", "R1,I1,100")
        #expect(try await company.refusal(.receipts, header, "R1,2026-06-01,120,C1") == .receiptDiffers)
        #expect(try company.fault() == nil)
    }

    @Test("An invoice taken back can be registered under its number with what it should have said")
    func invoiceAnew() async throws {
        let company = try await company()
        let header = "number,customer,issue_date,due_date,amount"
        #expect(try await company.refusal(.invoices, header, "I1,C1,2026-01-01,2026-01-31,1000") == .invoiceDiffers)
        _ = try await correct(company).reverseInvoice("I1", on: nil, reason: "a zero too few")
        #expect(try await company.take(.invoices, header, "I1,C1,2026-01-01,2026-01-31,100").report.unchanged == 1)
        #expect(try await company.take(.invoices, header, "I1,C1,2026-01-01,2026-01-31,1000").report.created == 1)
        #expect(try company.aging("C1", on: "2026-02-01").contains("1000.00"))
        _ = try await correct(company).reverseInvoice("I1", on: nil, reason: "and again")
        await #expect(throws: Refusal(.invoiceReversed, ["invoice": .text("I1")])) {
            _ = try await correct(company).reverseInvoice("I1", on: nil, reason: "thrice")
        }
        #expect(try company.fault() == nil)
    }

    @Test("A credit note opens its invoice again when it is taken back, and its rest can be applied elsewhere")
    func creditNotes() async throws {
        let company = try await company()
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I2,C1,2026-01-01,2026-01-31,40")
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-02-01,80,C1")
        try await company.take(.allocations, "receipt,invoice,amount", "R1,I1,80")
        try await company.take(.creditNotes, "number,invoice,date,amount", "N1,I1,2026-03-01,50")
        // 20 were open; the other 30 wait, and may pay another invoice.
        #expect(try company.aging("C1", on: "2026-03-01").contains("40.00"))
        try await company.take(.allocations, "receipt,invoice,amount", "N1,I2,30")
        #expect(try company.aging("C1", on: "2026-03-01").contains("10.00"))
        #expect(
            try await company.refusal(.creditNotes, "number,invoice,date,amount", "N2,I1,2026-03-01,50.01")
                == .creditNoteAboveInvoice)
        _ = try await correct(company).reverse(.init("N1", kind: .creditNote), on: nil, reason: "wrong invoice")
        #expect(try company.aging("C1", on: "2026-03-01").contains("60.00"))
        #expect(
            try await company.take(.creditNotes, "number,invoice,date,amount", "N1,I1,2026-03-01,60").report.created
                == 1)
        await #expect(throws: Refusal(.creditNoteUnknown, ["receipt": .text("N9")])) {
            _ = try await correct(company).reverse(.init("N9", kind: .creditNote), on: nil, reason: "x")
        }
        #expect(try company.fault() == nil)
    }

    @Test("Several settlements of one invoice can be told apart")
    func settlements() async throws {
        let company = try await company()
        try await company.take(.settlements, "invoice,date,amount", "I1,2026-02-01,40", "I1,2026-03-01,60")
        await #expect(throws: Refusal.self) {
            _ = try await correct(company).reverse(.init("I1"), on: nil, reason: "which?")
        }
        _ = try await correct(company).reverse(
            .init("I1", bankAccount: "settlement 2026-03-01"), on: nil, reason: "not paid")
        #expect(try company.aging("C1", on: "2026-04-01").contains("60.00"))
        #expect(
            try await company.take(.settlements, "invoice,date,amount", "I1,2026-03-01,50").report.created == 1)
        #expect(try company.fault() == nil)
    }

    @Test("However many settlements a file has, each line counts with what those before it did")
    func manySettlements() async throws {
        let company = try await company()
        // More than are looked up at once, with the lines of one invoice on both sides of the border.
        let numbers = (1...400).map { "S\($0)" }
        let invoices = numbers.map { "\($0),C1,2026-01-01,2026-01-31,100" }.joined(separator: "\n")
        try await company.take(.invoices, "number,customer,issue_date,due_date,amount\n" + invoices)
        let lines = numbers.map { "\($0),2026-02-01,40\n\($0),2026-02-01,40\n\($0),2026-03-01," }.joined(
            separator: "\n")
        let first = try await company.take(.settlements, "invoice,date,amount\n" + lines).report
        #expect(first.created == 800 && first.unchanged == 400)
        let again = try await company.take(.settlements, "invoice,date,amount\n" + lines).report
        #expect(again.created == 0 && again.unchanged == 1200)

        _ = try await correct(company).reverse(
            .init("S400", bankAccount: "settlement 2026-03-01"), on: nil, reason: "not paid")
        let rejected = await #expect(throws: ImportRejected.self) {
            try await company.take(.settlements, "invoice,date,amount\n" + lines + "\nS400,2026-04-01,61")
        }
        #expect(rejected?.faults.map(\.line) == [1202])
        #expect(rejected?.faults.first?.refusal.code == .allocationAboveOpen)
        let anew = try await company.take(.settlements, "invoice,date,amount\n" + lines + "\nS400,2026-04-01,60")
        #expect(anew.report.created == 1 && anew.report.unchanged == 1200)
        #expect(try company.fault() == nil)
    }

    @Test("Nothing is taken back on a day that has not come")
    func future() async throws {
        let company = try await company()
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-06-01,100,C1")
        let day = try #require(LocalDate("2026-08-02"))
        await #expect(throws: Refusal(.reversalInFuture, ["day": .day(day), "today": .day(company.today)])) {
            _ = try await correct(company).reverse(.init("R1"), on: day, reason: "x")
        }
    }

    @Test("A receipt leaves the books not before it came into them")
    func valueDate() async throws {
        let company = try await company()
        try await company.take(
            .receipts, "reference,date,value_date,amount,customer", "R1,2026-06-01,2026-05-28,100,C1")
        _ = try await correct(company).reverse(.init("R1"), on: nil, reason: "typed twice")
        #expect(try company.fault() == nil)
        let again = try await company.take(
            .receipts, "reference,date,amount,customer", "R1,2026-06-01,100,C1")
        #expect(again.report.unchanged == 1)
        #expect(
            try await company.refusal(
                .receipts, "reference,date,value_date,amount,customer", "R2,2026-06-01,2026-05-28,1,C1",
                "R2,2026-06-09,2026-05-28,1,C1") == .receiptDiffers)
    }

    @Test("Closed months take nothing more, nor do those before them; a payer found later is booked in the open month")
    func closedMonths() async throws {
        let company = try await company()
        try await company.take(.receipts, "reference,date,amount", "S1,2026-01-15,50")
        for month in ["2026-01-01", "2026-02-01"] {
            _ = try await correct(company).setPeriod(month: try #require(LocalDate(month)), to: .closed, reason: nil)
        }
        func january() throws -> [String] {
            try LedgerBalances.trialBalance(in: company.store, asOf: try #require(LocalDate("2026-01-31"))).lines.map {
                "\($0.account.name) \($0.debit) \($0.credit)"
            }
        }
        let before = try january()
        try await company.take(.allocations, "receipt,invoice,amount,date", "S1,I1,50,2026-03-05")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I0,C1,2025-12-15,2026-01-15,77")
        #expect(try january() == before)
        #expect(try company.aging("C1", on: "2026-02-28").contains("100.00"))
        #expect(try company.aging("C1", on: "2026-03-05").contains("127.00"))
        #expect(
            try await company.refusal(
                .allocations, "receipt,invoice,amount,date", "S1,I0,1,2025-01-01") == .allocationTooEarly)
        #expect(try company.fault() == nil)
    }

    @Test("A month that has not begun isn't closed; with those before it a month is closed in one act")
    func closingMonths() async throws {
        let company = try await company()
        func close(_ month: String, withEarlier: Bool) async throws {
            _ = try await correct(company).setPeriod(
                month: try #require(LocalDate(month)), to: .closed, withEarlier: withEarlier, reason: nil)
        }
        let far = await #expect(throws: Refusal.self) { try await close("2062-03-01", withEarlier: true) }
        #expect(far?.code == .periodFuture)
        let alone = await #expect(throws: Refusal.self) { try await close("2026-03-01", withEarlier: false) }
        #expect(alone?.code == .periodOrder)
        #expect(try PeriodQueries.closed(in: company.store).isEmpty)
        try await close("2026-03-01", withEarlier: true)
        let months = try PeriodQueries.closed(in: company.store).map(\.month)
        #expect(months.last == "2026-03" && months.count > 1)
        #expect(try company.fault() == nil)
    }

    @Test("Whoever pays for another customer leaves each customer's accounts right")
    func crossCustomer() async throws {
        let company = try await company()
        try await company.take(.receipts, "reference,date,amount,customer", "R2,2026-02-01,100,C2")
        try await company.take(
            .allocations, "receipt,invoice,amount,reason", "R2,I1,100,paid by the sister company")
        #expect(try company.fault() == nil)
        _ = try await correct(company).unapply(.init("R2"), invoice: "I1", on: nil, reason: "no")
        #expect(try company.fault() == nil)
    }

    @Test("A line with an instalment and one without are two lines, whatever their amounts")
    func instalmentLines() async throws {
        let company = try await company()
        try await company.take(
            .invoices, "number,customer,issue_date,instalments,amount",
            "P,C1,2026-01-01,2026-02-01:50; 2026-03-01:50,100")
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-06-01,100,C1")
        let lines = ["R1,P,50,2026-06-01,1", "R1,P,50,2026-06-01,"]
        let taken = try await company.take(
            .allocations, "receipt,invoice,amount,date,instalment", lines[0], lines[1])
        #expect(taken.report.created == 2)
        let again = try await company.take(
            .allocations, "receipt,invoice,amount,date,instalment", lines[0], lines[1])
        #expect(again.report.unchanged == 2)
        #expect(try company.fault() == nil)
    }

    @Test("Allocated again on the day it was taken back, a line finds its place")
    func sameDayAgain() async throws {
        let company = try await company()
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-06-01,100,C1")
        for amount in ["30", "40", "50"] {
            try await company.take(.allocations, "receipt,invoice,amount,date", "R1,I1,\(amount),2026-06-01")
            _ = try await correct(company).unapply(
                .init("R1"), invoice: "I1", on: LocalDate("2026-06-01"), reason: "again")
        }
        #expect(try company.fault() == nil)
    }

    @Test("A line that was registered anew and taken back again is known by what it said last (simulate, seed 76)")
    func knownByTheLast() async throws {
        let company = try await company()
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-06-01,100,C1")
        let header = "receipt,invoice,amount,date"
        for amount in ["30", "40"] {
            try await company.take(.allocations, header, "R1,I1,\(amount),2026-06-01")
            _ = try await correct(company).unapply(
                .init("R1"), invoice: "I1", on: LocalDate("2026-06-01"), reason: "again")
        }
        let last = try await company.take(.allocations, header, "R1,I1,40,2026-06-01")
        #expect(last.report.unchanged == 1)
        let other = try await company.take(.allocations, header, "R1,I1,30,2026-06-01")
        #expect(other.report.created == 1)
    }

    @Test(
        "A settlement of two instalments stands for one line: the same sum said again adds nothing (simulate, seed 95)")
    func settlementIsOneLine() async throws {
        let company = try await company()
        try await company.take(
            .invoices, "number,customer,issue_date,instalments,amount",
            "P1,C1,2026-05-01,2026-05-10:30;2026-05-20:20,50")
        try await company.take(.settlements, "invoice,date", "P1,2026-06-01")
        let said = try await company.take(.allocations, "receipt,invoice,amount,date", "P1,P1,50,2026-06-01")
        #expect(said.report.unchanged == 1)
        #expect(try company.fault() == nil)
    }

    @Test("A digital invoice belongs to one claim")
    func eInvoiceOnce() async throws {
        let company = try await company()
        let header = "number,customer,issue_date,due_date,amount,einvoice_number"
        try await company.take(.invoices, header, "E1,C1,2026-01-01,2026-01-31,1,12345678901234567890")
        await #expect {
            try await company.take(.invoices, header, "E2,C1,2026-01-01,2026-01-31,1,12345678901234567890")
        } throws: { error in
            let fault = (error as? ImportRejected)?.faults.first
            return fault?.refusal.code == .invoiceEInvoiceTaken && fault?.column == "einvoice_number"
        }
    }

    @Test("A tax invoice's status goes on with --update, and nothing else of the invoice does")
    func statusByFile() async throws {
        let company = try await company()
        let header = "number,customer,issue_date,due_date,amount,invoice_status"
        try await company.take(.invoices, header, "E1,C1,2026-01-01,2026-01-31,1,issued")
        #expect(
            try await company.refusal(.invoices, header, "E1,C1,2026-01-01,2026-01-31,1,delivered") == .invoiceDiffers)
        let updated = try await company.take(
            .invoices, header, "E1,C1,2026-01-01,2026-01-31,1,delivered", update: true)
        #expect(updated.report.updated == 1)
        #expect(
            try await company.take(.invoices, header, "E1,C1,2026-01-01,2026-01-31,1,delivered").report.unchanged == 1)
        await #expect(throws: ImportRejected.self) {
            try await company.take(.invoices, header, "E1,C1,2026-01-01,2026-01-31,2,booked", update: true)
        }
    }

    @Test("A line left out leaves nothing behind: no receipt, no customer, no person")
    func partialLeavesNothing() async throws {
        let company = try await company()
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-06-01,100,C1")
        try await company.take(.allocations, "receipt,invoice,amount,date", "R1,I1,100,2026-06-01")
        _ = try await correct(company).unapply(.init("R1"), invoice: "I1", on: LocalDate("2026-07-01"), reason: "x")
        let facts = try Verify().run(in: company.store).facts
        let settled = try await company.take(.settlements, "invoice,date,amount", "I1,2026-06-15,100", partial: true)
        #expect(settled.report.rejected == 1)
        var importing = FileImport(
            .invoices,
            .text(
                "number,customer,issue_date,due_date,amount,sales_owner\nX,NEW,2026-01-01,2026-01-31,-5,a@x.cn\n"
                    + "I1,C1,2026-01-01,2026-01-31,99,b@x.cn\n"))
        importing.mapping.createMissing = ["customers"]
        importing.options.takesGoodLines = true
        let result = try await importing.run(
            in: company.store, actor: company.actor, source: "test", now: company.now, today: company.today)
        #expect(result.report.rejected == 2 && result.report.alsoCreated == 0)
        #expect(try Verify().run(in: company.store).facts == facts)
        #expect(try company.fault() == nil)
        // And good lines between bad ones are whole.
        let mixed = try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount,sales_owner",
            "A1,C1,2026-01-01,2026-01-31,5,c@x.cn", "I1,C1,2026-01-01,2026-01-31,99,d@x.cn",
            "A2,C1,2026-01-01,2026-01-31,6,c@x.cn", partial: true)
        #expect(mixed.report.created == 2 && mixed.report.rejected == 1)
        #expect(try company.fault() == nil)
    }

    @Test("A group has one top, whoever stands between; it can't be a circle")
    func groups() async throws {
        let company = try await company()
        try await company.take(.customers, "code,name,group", "A,Top,", "B,Middle,A", "D,Leaf,B")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "G1,D,2026-01-01,2026-01-31,7")
        try await company.take(.receipts, "reference,date,amount,customer", "G,2026-06-01,7,A")
        #expect(try await company.take(.allocations, "receipt,invoice,amount", "G,G1,3").report.created == 1)
        var request = AgingReport.Request(asOf: try #require(LocalDate("2026-06-30")), buckets: .standardDue)
        request.dimensions = [.group]
        let rows = try AgingReport.make(request, in: company.store).rows
        #expect(rows.first { $0.key == "A" }?.open == 400)
        #expect(!rows.contains { ["B", "D"].contains($0.key) })
        await #expect {
            try await company.take(.customers, "code,name,group", "A,Top,D", update: true)
        } throws: { ($0 as? ImportRejected)?.faults.first?.refusal.code == .customerGroupCircle }
        await #expect(throws: ImportRejected.self) {
            try await company.take(.customers, "code,name,group", "X,Ex,Y", "Y,Why,X")
        }
    }

    @Test("A legal entity keeps books of its own")
    func entities() async throws {
        let company = try await company()
        let base = try #require(Currency("CNY"))
        _ = try await AddEntity(code: "south", name: "South Ltd", currency: base).run(
            in: company.store, company.request("add-entity"))
        await #expect(throws: Refusal(.entityExists, ["entity": .text("south")])) {
            _ = try await AddEntity(code: "south", name: "Again", currency: base).run(
                in: company.store, company.request("add-entity"))
        }
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount,entity", "I1,C1,2026-01-01,2026-01-31,5,south")
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-06-01,100,C1")
        #expect(
            try await company.refusal(.allocations, "receipt,invoice,amount,entity", "R1,I1,5,south")
                == .receiptUnknown)
        #expect(
            try LedgerBalances.trialBalance(in: company.store, entity: "south", asOf: company.today).lines
                .first { $0.account == .receivable }?.debit == 500)
        #expect(try EntityQueries.all(in: company.store).map(\.code) == ["main", "south"])
        #expect(try company.fault() == nil)
    }
}
