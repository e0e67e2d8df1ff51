import Database
import Ledger
import Receivables
import TestSupport
import Testing

@testable import Operations

/// Notes and files beside records.
@Suite struct NoteTests {
    private static let pdf = Array("%PDF-1.7\n1 0 obj\n".utf8)

    private func company() async throws -> TestCompany {
        let company = try await TestCompany(now: "2026-06-01T04:00:00Z")
        try await company.take(.customers, "code,name,sales_owner", "C1,One,mine@b.c", "C2,Two,theirs@b.c")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-05-01,2026-05-31,100",
            "I2,C2,2026-05-01,2026-05-31,100")
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-05-28,100,C2")
        for (key, role) in [("mine@b.c", Role.sales), ("acc@b.c", .accountant), ("aud@b.c", .auditor)] {
            _ = try await WorkCommands(in: company.store, company.request("set-person")).setPerson(
                key, manager: nil, roles: [role], without: [])
            try await AccountCommands(in: company.store, company.request("set-person")).register(key, name: "N \(key)")
        }
        return company
    }

    private func commands(_ company: TestCompany, by key: String) -> NoteCommands {
        NoteCommands(
            in: company.store,
            ActRequest(
                command: "add-note", actor: .person(key: key), source: "web", now: company.now, today: company.today))
    }

    private func refusal(_ body: () async throws -> Void) async -> RefusalCode? {
        do {
            try await body()
            return nil
        } catch let refusal as Refusal {
            return refusal.code
        } catch {
            Issue.record("\(error)")
            return nil
        }
    }

    private func look<Answer>(
        _ company: TestCompany, as key: String, _ permission: Permission, _ body: (Look) throws -> Answer
    ) throws -> Answer {
        let viewer = try Viewer.of(.person(key: key), on: company.today, in: company.store)
        return try company.store.look(as: viewer, for: permission, on: company.today, body)
    }

    @Test("What was said and brought stands beside its record, with who and when, and the store verifies")
    func notesOfRecords() async throws {
        let company = try await company()
        let notes = commands(company, by: "acc@b.c")
        _ = try await notes.add(" Called: pays on Friday \n", file: nil, to: Notes.Subject(.customer, "C1"))
        _ = try await notes.add(
            "", file: Notes.File(name: "合同.pdf", bytes: Self.pdf), to: Notes.Subject(.invoice, "I1"))
        let receipt = try company.store.read { try $0.row("SELECT id FROM credit")?.integer(0) ?? 0 }
        _ = try await notes.add(
            "Copy", file: Notes.File(name: "b.pdf", bytes: Self.pdf), to: Notes.Subject(.receipt, "\(receipt)"))

        let (ofCustomer, ofInvoice) = try look(company, as: "acc@b.c", .seeInvoices) { look in
            (try look.notes(ofCustomer: "C1"), try look.notes(.invoice, about: look.invoice("I1").fact))
        }
        #expect(ofCustomer.map(\.text) == ["Called: pays on Friday"])
        #expect(ofCustomer.map(\.author) == ["N acc@b.c"])
        #expect(ofInvoice.flatMap(\.files).map(\.name) == ["合同.pdf"])
        let file = try #require(ofInvoice.first?.files.first)
        let (row, bytes) = try look(company, as: "acc@b.c", .seeDay) { try $0.attachment(file.id) }
        #expect(row.mediaType == "application/pdf" && row.size == Self.pdf.count && bytes == Self.pdf)
        // The same bytes are kept once.
        #expect(try company.store.read { try $0.row("SELECT count(*) FROM attachment_content")?.integer(0) } == 1)
        #expect(try Verify().run(in: company.store).fault == nil)
    }

    @Test("What nobody may bring, or where, is refused, and nothing is written")
    func refusals() async throws {
        let company = try await company()
        let notes = commands(company, by: "acc@b.c")
        let customer = Notes.Subject(.customer, "C1")
        let before = try company.store.read { try $0.row("SELECT last_act FROM head")?.integer(0) }
        func code(_ text: String, _ file: Notes.File? = nil, _ subject: Notes.Subject) async -> RefusalCode? {
            await refusal { _ = try await notes.add(text, file: file, to: subject) }
        }
        #expect(await code("  \n", nil, customer) == .noteEmpty)
        #expect(await code(String(repeating: "长", count: 4_001), nil, customer) == .noteTooLong)
        let program = Notes.File(name: "a.pdf", bytes: [0x7F, 0x45, 0x4C, 0x46, 0, 1])
        #expect(await code("x", program, customer) == .attachmentType)
        for page in ["<html><script>1</script>", "  <!DOCTYPE html>", "<svg onload=1>", "#!/bin/sh"] {
            #expect(await code("x", Notes.File(name: "a.txt", bytes: Array(page.utf8)), customer) == .attachmentType)
        }
        let large = Notes.File(name: "l.pdf", bytes: Self.pdf + [UInt8](repeating: 65, count: Notes.mostBytes))
        #expect(await code("x", large, customer) == .attachmentTooLarge)
        #expect(await code("x", nil, Notes.Subject(.customer, "C9")) == .customerUnknown)
        #expect(await code("x", nil, Notes.Subject(.invoice, "I9")) == .invoiceUnknown)
        #expect(await code("x", nil, Notes.Subject(.receipt, "9999")) == .receiptUnknown)
        #expect(await code("x", nil, Notes.Subject(.task, "9999")) == .taskUnknown)
        let auditor = commands(company, by: "aud@b.c")
        #expect(await refusal { _ = try await auditor.add("x", file: nil, to: customer) } == .accessDenied)
        #expect(try company.store.read { try $0.row("SELECT last_act FROM head")?.integer(0) } == before)
    }

    @Test("Whoever sees their own customers alone neither writes nor reads beside others'")
    func scopes() async throws {
        let company = try await company()
        let foreign = commands(company, by: "acc@b.c")
        _ = try await foreign.add(
            "", file: Notes.File(name: "x.pdf", bytes: Self.pdf), to: Notes.Subject(.invoice, "I2"))
        let id = try company.store.read { try $0.row("SELECT id FROM attachment")?.integer(0) ?? 0 }
        let own = commands(company, by: "mine@b.c")
        #expect(
            await refusal { _ = try await own.add("x", file: nil, to: Notes.Subject(.invoice, "I2")) }
                == .invoiceUnknown)
        #expect(
            await refusal { _ = try look(company, as: "mine@b.c", .seeDay) { try $0.attachment(id) } }
                == .attachmentUnknown)
        #expect(
            await refusal { _ = try look(company, as: "acc@b.c", .seeDay) { try $0.attachment(9_999) } }
                == .attachmentUnknown)
        #expect(try look(company, as: "acc@b.c", .seeDay) { try $0.attachment(id).bytes } == Self.pdf)
    }

    @Test("A file that was changed or lost is told by verify, and not handed out")
    func damage() async throws {
        let company = try await company()
        _ = try await commands(company, by: "acc@b.c").add(
            "", file: Notes.File(name: "x.pdf", bytes: Self.pdf), to: Notes.Subject(.customer, "C1"))
        let id = try company.store.read { try $0.row("SELECT id FROM attachment")?.integer(0) ?? 0 }
        _ = try company.store.engine.write { transaction in
            try transaction.session.execute("UPDATE attachment_content SET content = \([UInt8](Self.pdf.reversed()))")
        }
        #expect(try Verify().run(in: company.store).fault?.contains("not what was put there") ?? false)
        #expect(throws: DatabaseFailure.self) {
            try look(company, as: "acc@b.c", .seeDay) { try $0.attachment(id) }
        }
        _ = try company.store.engine.write { try $0.session.execute("DELETE FROM attachment_content") }
        #expect(try Verify().run(in: company.store).fault?.contains("missing") ?? false)
    }
}
