import Foundation
import Ledger
import OpenItems
import Receivables
import TestSupport
import Testing

@testable import Operations

/// Refusals of commands, and the list that keeps every code provoked by a test.
@Suite struct RefusalTests {
    private func code(_ body: () async throws -> Void) async -> RefusalCode? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? Refusal)?.code
        }
    }

    @Test("Commands refuse what can't be, and say which")
    func commands() async throws {
        let company = try await TestCompany()
        try await company.take(.customers, "code,name", "C1,One")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-01-01,2026-01-31,100")
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-02-01,60,C1")
        try await company.take(.allocations, "receipt,invoice,amount", "R1,I1,10")
        let correct = CorrectRegister(in: company.store, company.request("correct"))
        let work = WorkCommands(in: company.store, company.request("work"))
        let day = try #require(LocalDate("2026-01-15"))
        let later = try #require(LocalDate("2026-09-15"))

        #expect(await code { _ = try await correct.reverseInvoice("I1", on: nil, reason: "x") } == .invoiceAllocated)
        #expect(await code { _ = try await correct.reverseInvoice("I7", on: nil, reason: "x") } == .invoiceUnknown)
        #expect(
            await code { _ = try await correct.unapply(.init("R1"), invoice: "I1", on: day, reason: "x") }
                == .reversalTooEarly)
        #expect(
            await code { _ = try await correct.unapply(.init("R1"), invoice: "I1", on: nil, reason: "") }
                == .reasonMissing)
        #expect(await code { _ = try await correct.unapply(.init("R1"), invoice: "I1", on: nil, reason: "x") } == nil)
        #expect(
            await code { _ = try await correct.unapply(.init("R1"), invoice: "I1", on: nil, reason: "x") }
                == .allocationReversed)
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I2,C1,2026-01-01,2026-01-31,100")
        #expect(
            await code { _ = try await correct.unapply(.init("R1"), invoice: "I2", on: nil, reason: "x") }
                == .allocationUnknown)
        #expect(
            await code {
                _ = try await correct.changeDueDay(
                    invoice: "I1", instalment: 1, to: try #require(LocalDate("2026-01-31")), from: nil, reason: "x")
            } == .dueDateSame)
        #expect(await code { _ = try await correct.setPeriod(month: day, to: .open, reason: nil) } == .periodState)
        #expect(await code { _ = try await correct.setPeriod(month: later, to: .closed, reason: nil) } == .periodFuture)
        let may = try #require(LocalDate("2026-05-01"))
        #expect(await code { _ = try await correct.setPeriod(month: may, to: .closed, reason: nil) } == .periodOrder)
        #expect(await code { _ = try await work.finish(task: 1, note: nil) } == .taskUnknown)
        #expect(
            await code {
                _ = try await work.pause(invoice: "I1", .agreed, from: day, until: later, amount: nil, reason: "x")
            } == .pauseTooLong)
        #expect(
            await code {
                _ = try await work.pause(invoice: "I1", .agreed, from: later, until: day, amount: nil, reason: "x")
            } == .pauseBackwards)
        try await company.run(day: "2026-03-15")
        let task = try #require(
            TrackingQueries.tasks(owner: nil, customer: nil, includingClosed: false, limit: 1, in: company.store).rows
                .first)
        #expect(await code { _ = try await work.finish(task: task.id, note: nil) } == nil)
        #expect(await code { _ = try await work.finish(task: task.id, note: nil) } == .taskClosed)
        #expect(await code { try await company.run(day: "2026-03-15", from: "2026-04-15") } == .dayRangeBackwards)
        #expect(try company.fault() == nil)
    }

    @Test("Reports refuse what they can't know")
    func reports() async throws {
        let company = try await TestCompany()
        #expect(throws: Refusal.self) { try KnownAt("yesterday") }
        var request = AgingReport.Request(asOf: company.today, buckets: .standardDue)
        request.knownAt = .act(99)
        #expect { try AgingReport.make(request, in: company.store) } throws: { ($0 as? Refusal)?.code == .actUnknown }
        request.knownAt = .now
        request.customers = ["C7"]
        #expect { try AgingReport.make(request, in: company.store) } throws: {
            ($0 as? Refusal)?.code == .customerUnknown
        }
        request.customers = []
        request.dimensions = [.customer, .group, .kind]
        #expect { try AgingReport.make(request, in: company.store) } throws: {
            ($0 as? Refusal)?.code == .dimensionUnknown
        }
    }

    @Test("A file that changes while it is read is not taken")
    func changedFile() async throws {
        let company = try await TestCompany()
        let path = company.folder.appendingPathComponent("customers.csv").path
        let lines = (0..<25_000).map { "C\($0),Customer \($0)\n" }.joined()
        try Data(("code,name\n" + lines).utf8).write(to: URL(fileURLWithPath: path))
        var importing = FileImport(.customers, .file(path: path))
        importing.onProgress = { share in
            guard share < 0.15, let file = FileHandle(forWritingAtPath: path) else { return }
            file.seekToEndOfFile()
            file.write(Data("X,Added meanwhile\n".utf8))
            try? file.close()
        }
        await #expect {
            _ = try await importing.run(
                in: company.store, actor: company.actor, source: "test", now: company.now, today: company.today)
        } throws: { ($0 as? ImportRejected)?.faults.first?.refusal.code == .fileChanged }
        #expect(try RegisterQueries.customers(matching: nil, limit: 1, in: company.store).rows.isEmpty)
    }

    @Test("Money of one legal entity pays no invoice of another, and a pause covers no more than is open")
    func entitiesAndAmounts() async throws {
        let company = try await TestCompany(now: "2026-08-01T04:00:00Z")
        let base = try #require(Currency("CNY"))
        _ = try await AddEntity(code: "south", name: "South", currency: base).run(
            in: company.store, company.request("add-entity"))
        try await company.take(.customers, "code,name", "C1,One")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount,entity", "I1,C1,2026-01-01,2026-01-31,5,south")
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-06-01,5,C1")
        await #expect {
            _ = try await company.store.write(company.request("allocate")) { books in
                let south = try books.entities.find("south")
                guard let invoice = try books.invoices().find(entity: south, number: "I1"),
                    var receipt = try books.credits().find(
                        entity: books.entities.find(nil), kind: .receipt, reference: "R1"
                    ).first
                else { return 0 }
                try Allocating(books: books).allocate(
                    Money(minorUnits: 500, currency: base), of: &receipt, to: invoice, on: nil, source: .hand,
                    reason: nil)
                return 1
            }
        } throws: { ($0 as? Refusal)?.code == .allocationOtherEntity }
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-01-01,2026-01-31,5")
        await #expect {
            _ = try await WorkCommands(in: company.store, company.request("pause")).pause(
                invoice: "I1", .dispute, from: company.today, until: company.today, amount: "5.01", reason: "x")
        } throws: { ($0 as? Refusal)?.code == .pauseAmount }
    }
}
