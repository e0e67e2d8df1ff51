import Foundation
import Ledger
import OpenItems
import Receivables
import TestSupport
import Testing

@testable import Operations

@Suite struct RegisterTests {
    /// A company with one customer, an invoice of 100 and a receipt of 100.
    private func company() async throws -> TestCompany {
        let company = try await TestCompany(now: "2026-08-01T04:00:00Z")
        try await company.take(.customers, "code,name,group", "C1,One,", "C2,Two,C1", "C3,Three,")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-01-01,2026-01-31,100")
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-06-01,100,C1")
        return company
    }

    @Test("A file that registers, renames and groups customers on one page is taken on every engine")
    func customersOfOnePage() async throws {
        let company = try await TestCompany()
        try await company.take(.customers, "code,name", "C1,One")
        let taken = try await company.take(
            .customers, "code,name,group", "C9,Nine,", "C1,Renamed,", "C10,Ten,C9", "C9,Nine,", update: true)
        #expect(taken.report.created == 2 && taken.report.updated == 1 && taken.report.unchanged == 1)
        #expect(try company.fault() == nil)
    }

    @Test("Un-applying is a dated counter-entry: reports before it stay, and the item is open again after it")
    func unapply() async throws {
        let company = try await company()
        try await company.take(.allocations, "receipt,invoice,amount,date", "R1,I1,100,2026-06-01")
        let correcting = CorrectRegister(in: company.store, company.request("reverse-allocation"))
        _ = try await correcting.unapply(
            .init("R1"), invoice: "I1", on: LocalDate("2026-07-01"), reason: "wrong invoice")
        #expect(try company.aging("C1", on: "2026-06-15").allSatisfy { $0 == "0.00" })
        #expect(try company.aging("C1", on: "2026-07-01")[4] == "100.00")
        #expect(try company.fault() == nil)
    }

    @Test("Never above what is open holds on every day in between, not only in total")
    func runningBound() async throws {
        let company = try await company()
        try await company.take(.allocations, "receipt,invoice,amount,date", "R1,I1,100,2026-06-01")
        let correcting = CorrectRegister(in: company.store, company.request("reverse-allocation"))
        _ = try await correcting.unapply(.init("R1"), invoice: "I1", on: LocalDate("2026-07-01"), reason: "wrong")
        try await company.take(.receipts, "reference,date,amount,customer", "R2,2026-06-10,100,C1")
        let refused = try await company.refusal(.allocations, "receipt,invoice,amount,date", "R2,I1,100,2026-06-15")
        #expect(refused == .allocationAboveOpen)
        let taken = try await company.take(.allocations, "receipt,invoice,amount,date", "R2,I1,100,2026-07-01")
        #expect(taken.report.created == 1)
        #expect(try company.fault() == nil)
    }

    @Test("A receipt taken back opens its invoices with their old due days, and cannot be allocated again")
    func reverseReceipt() async throws {
        let company = try await company()
        try await company.take(.allocations, "receipt,invoice,amount,date", "R1,I1,70,2026-06-02")
        let correcting = CorrectRegister(in: company.store, company.request("reverse-receipt"))
        _ = try await correcting.reverse(.init("R1"), on: LocalDate("2026-06-20"), reason: "returned transfer")
        #expect(try company.aging("C1", on: "2026-06-10")[4] == "30.00")
        #expect(try company.aging("C1", on: "2026-06-20")[4] == "100.00")
        let refused = try await company.refusal(.allocations, "receipt,invoice,amount", "R1,I1,10")
        #expect(refused == .receiptReversed)
        #expect(try company.fault() == nil)
    }

    @Test("An invoice registered by mistake leaves the books as if it had not been, and stays visible")
    func reverseInvoice() async throws {
        let company = try await company()
        let correcting = CorrectRegister(in: company.store, company.request("reverse-invoice"))
        _ = try await correcting.reverseInvoice("I1", on: nil, reason: "typed twice")
        #expect(try company.aging("C1", on: "2026-06-30").allSatisfy { $0 == "0.00" })
        var filter = RegisterQueries.InvoiceFilter()
        filter.number = "I1"
        #expect(
            try RegisterQueries.invoices(filter, today: company.today, in: company.store).rows.first?.status
                == .cancelled)
        #expect(try company.fault() == nil)
    }

    @Test("A credit note on a paid invoice waits as credit of the customer")
    func creditNoteOnPaidInvoice() async throws {
        let company = try await company()
        try await company.take(.allocations, "receipt,invoice,amount", "R1,I1,100")
        try await company.take(.creditNotes, "number,invoice,date,amount", "N1,I1,2026-06-05,40")
        let report = try AgingReport.make(
            AgingReport.Request(asOf: try #require(LocalDate("2026-06-30")), buckets: .standardDue), in: company.store)
        #expect(report.rows.first { $0.key == "C1" }?.unapplied == 4000)
        #expect(report.proof.allSatisfy { $0.holds })
        #expect(try company.fault() == nil)
    }

    @Test("Across customers: within a group, or with a reason, else refused")
    func acrossCustomers() async throws {
        let company = try await company()
        try await company.take(
            .receipts, "reference,date,amount,customer", "R2,2026-06-01,10,C2", "R3,2026-06-01,10,C3")
        let inGroup = try await company.take(.allocations, "receipt,invoice,amount", "R2,I1,10")
        #expect(inGroup.report.created == 1)
        let refused = try await company.refusal(.allocations, "receipt,invoice,amount", "R3,I1,10")
        #expect(refused == .allocationOtherCustomer)
        let reasoned = try await company.take(.allocations, "receipt,invoice,amount,reason", "R3,I1,10,代付")
        #expect(reasoned.report.created == 1)
        #expect(try company.fault() == nil)
    }

    @Test("A receipt of an unknown payer waits in suspense until its allocation finds the payer")
    func unknownPayer() async throws {
        let company = try await company()
        try await company.take(.receipts, "reference,date,amount,payer", "R9,2026-06-03,50,Somebody")
        let request = AgingReport.Request(asOf: try #require(LocalDate("2026-06-30")), buckets: .standardDue)
        let before = try AgingReport.make(request, in: company.store)
        #expect(before.rows.first { $0.key.isEmpty }?.unapplied == 5000)
        try await company.take(.allocations, "receipt,invoice,amount", "R9,I1,20")
        let after = try AgingReport.make(request, in: company.store)
        #expect(after.rows.first { $0.key == "C1" }?.unapplied == 13000)
        #expect(after.rows.first { $0.key.isEmpty }?.unapplied ?? 0 == 0)
        #expect(after.proof.allSatisfy { $0.holds })
        #expect(try company.fault() == nil)
    }

    @Test("Instalments age one by one and are paid the earliest first")
    func instalments() async throws {
        let company = try await TestCompany()
        try await company.take(.customers, "code,name", "C1,One")
        try await company.take(
            .invoices, "number,customer,issue_date,instalments,amount",
            "I1,C1,2026-01-01,2026-01-31:500.00; 2026-02-28:500.00,1000")
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-02-01,600,C1")
        try await company.take(.allocations, "receipt,invoice,amount", "R1,I1,600")
        #expect(
            try company.aging("C1", on: "2026-02-10") == ["400.00", "0.00", "0.00", "0.00", "0.00", "0.00", "0.00"])
        #expect(try company.aging("C1", on: "2026-01-31")[0] == "1000.00")
        #expect(try company.fault() == nil)
    }

    @Test("A changed due day moves the item from its day on, and an old file is still the same")
    func changedDueDay() async throws {
        let company = try await company()
        let correcting = CorrectRegister(in: company.store, company.request("change-due"))
        _ = try await correcting.changeDueDay(
            invoice: "I1", instalment: 1, to: try #require(LocalDate("2026-03-31")), from: LocalDate("2026-02-15"),
            reason: "agreed")
        #expect(try company.aging("C1", on: "2026-02-10")[1] == "100.00")
        #expect(try company.aging("C1", on: "2026-02-15")[0] == "100.00")
        let again = try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-01-01,2026-01-31,100")
        #expect(again.report.unchanged == 1 && again.report.created == 0)
        #expect(try company.fault() == nil)
    }

    @Test("Into a closed month nothing is posted: the posting day moves, the value day stays")
    func closedPeriod() async throws {
        let company = try await company()
        for month in ["2026-01-01", "2026-02-01", "2026-03-01"] {
            _ = try await CorrectRegister(in: company.store, company.request("period-close", input: month)).setPeriod(
                month: try #require(LocalDate(month)), to: .closed, reason: nil)
        }
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I2,C1,2026-02-10,2026-03-10,50")
        #expect(try company.aging("C1", on: "2026-03-31").reduce(0) { $0 + (Double($1) ?? 0) } == 100)
        #expect(try company.aging("C1", on: "2026-04-01").reduce(0) { $0 + (Double($1) ?? 0) } == 150)
        await #expect(throws: Refusal.self) {
            _ = try await CorrectRegister(in: company.store, company.request("period-open")).setPeriod(
                month: try #require(LocalDate("2026-01-01")), to: .open, reason: nil)
        }
        #expect(try company.fault() == nil)
    }

    @Test("The same files again change nothing, whatever happened since")
    func importIsIdempotent() async throws {
        let company = try await company()
        try await company.take(
            .allocations, "receipt,invoice,amount,date", "R1,I1,30,2026-06-02", "R1,I1,30,2026-06-02")
        let correcting = CorrectRegister(in: company.store, company.request("reverse-allocation"))
        _ = try await correcting.unapply(.init("R1"), invoice: "I1", on: LocalDate("2026-07-01"), reason: "wrong")
        let again = try await company.take(
            .allocations, "receipt,invoice,amount,date", "R1,I1,30,2026-06-02", "R1,I1,30,2026-06-02")
        #expect(again.report.created == 0 && again.report.unchanged == 2)
        // Taken back, the line is free for what it should have said; after that it differs from what it says.
        let corrected = try await company.take(.allocations, "receipt,invoice,amount,date", "R1,I1,31,2026-06-02")
        #expect(corrected.report.created == 1)
        let other = try await company.refusal(.allocations, "receipt,invoice,amount,date", "R1,I1,32,2026-06-02")
        #expect(other == .allocationDiffers)
        #expect(try company.fault() == nil)
    }

    @Test(
        "What a contact is called and how it is reached stands nowhere readable in the store",
        .enabled(if: TestCompany.server == nil, StoreTests.aboutFiles))
    func personalDataIsEncrypted() async throws {
        let company = try await company()
        try await company.take(
            .contacts, "customer,name,purpose,email,phone", "C1,Zhang Unlikely,payment,zhang@unlikely.example,10086000")
        try company.store.checkpoint()
        let bytes = try Data(contentsOf: URL(fileURLWithPath: company.path))
        #expect(bytes.range(of: Data("Unlikely".utf8)) == nil)
        #expect(bytes.range(of: Data("unlikely.example".utf8)) == nil)
        let again = try await company.take(
            .contacts, "customer,name,purpose,email,phone", "C1,Zhang Unlikely,payment,zhang@unlikely.example,10086000")
        #expect(again.report.unchanged == 1)
    }
}
