import Foundation
import Formats
import Ledger
import Receivables
import TestSupport
import Testing

@testable import Operations

/// Every way in which a file can be wrong: the place, the code, and a store that stays as it was.
@Suite struct ImportRefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let kind: ImportKind
        let lines: String
        let code: RefusalCode
        var line = 2
        var column = ""
        var testDescription: String { "\(code.rawValue): \(lines.suffix(40))" }
    }

    private static func invoice(_ line: String, _ code: RefusalCode, _ column: String, at number: Int = 2) -> Case {
        Case(
            kind: .invoices, lines: "number,customer,issue_date,due_date,amount,currency\n" + line, code: code,
            line: number,
            column: column)
    }

    static let cases: [Case] = [
        Case(
            kind: .invoices, lines: "number,customer,issue_date,due_date\nI2,C1,2026-01-01,2026-01-31",
            code: .columnMissing, line: 1, column: "amount"),
        Case(kind: .customers, lines: "code,name,colour\nC9,Nine,red", code: .columnUnknown, line: 1, column: "colour"),
        Case(kind: .customers, lines: "code,name,name\nC9,Nine,Nine", code: .columnTwice, line: 1, column: "name"),
        Case(kind: .customers, lines: "code,name\n,Nine", code: .valueMissing, column: "code"),
        Case(
            kind: .customers, lines: "code,name\nC9,\(String(repeating: "n", count: 2001))", code: .valueTooLong,
            column: "name"),
        Case(kind: .customers, lines: "code,name\nC9,a\u{1}b", code: .valueControlCharacter, column: "name"),
        Case(kind: .customers, lines: "code,name,kind\nC9,Nine,shop", code: .valueNotAChoice, column: "kind"),
        Case(
            kind: .customers, lines: "code,name,terms_days\nC9,Nine,soon", code: .valueNotACount, column: "terms_days"),
        Case(kind: .customers, lines: "code,name,group\nC9,Nine,C9", code: .customerInOwnGroup, column: "group"),
        Case(kind: .customers, lines: "code,name,group\nC9,Nine,C7", code: .customerUnknown, column: "group"),
        Case(kind: .customers, lines: "code,name\nC1,Another", code: .customerDiffers),
        Case(kind: .contacts, lines: "customer,name,purpose,email\nC1,P,payment,other@x.cn", code: .contactDiffers),
        invoice("I2,C1,01/02/2026,2026-01-31,1,CNY", .valueNotADate, "issue_date"),
        invoice("I2,C1,2026-02-30,2026-03-31,1,CNY", .valueImpossibleDate, "issue_date"),
        invoice("I2,C1,1066-10-14,2026-03-31,1,CNY", .valueDateOutOfRange, "issue_date"),
        invoice("I2,C1,2026-01-01,2026-01-31,1.234,CNY", .valueTooManyDecimals, "amount"),
        invoice("I2,C1,2026-01-01,2026-01-31,1.5,JPY", .valueTooManyDecimals, "amount"),
        invoice("I2,C1,2026-01-01,2026-01-31,\"1,00\",CNY", .valueNotAnAmount, "amount"),
        invoice("I2,C1,2026-01-01,2026-01-31,ten,CNY", .valueNotAnAmount, "amount"),
        invoice("I2,C1,2026-01-01,2026-01-31,100000000000.01,CNY", .valueTooLarge, "amount"),
        invoice("I2,C1,2026-01-01,2026-01-31,99999999999999999999,CNY", .valueTooLarge, "amount"),
        invoice("I2,C1,2026-01-01,2026-01-31,0,CNY", .valueNotPositive, "amount"),
        invoice("I2,C1,2026-01-01,2026-01-31,-5,CNY", .valueNotPositive, "amount"),
        invoice("I2,C1,2026-01-01,2026-01-31,5,XYZ", .valueUnknownCurrency, "currency"),
        invoice("I2,C7,2026-01-01,2026-01-31,5,CNY", .customerUnknown, "customer"),
        invoice("I1,C1,2026-01-01,2026-01-31,101,CNY", .invoiceDiffers, ""),
        invoice("I2,C1,2026-01-01,2026-01-31,5,CNY\nI2,C1,2026-01-01,2026-01-31,6,CNY", .invoiceDiffers, "", at: 3),
        invoice("I2,C1,2026-01-01,,5,CNY", .invoiceNoDueDate, ""),
        invoice("I2,C1,2026-01-01,2026-01-31,5", .fileRagged, ""),
        Case(
            kind: .invoices,
            lines: "number,customer,issue_date,due_date,instalments,amount\nI2,C1,2026-01-01,2026-01-31,2026-01-31:5,5",
            code: .invoiceTwoDueDates, column: "due_date"),
        Case(
            kind: .invoices, lines: "number,customer,issue_date,instalments,amount\nI2,C1,2026-01-01,2026-01-31:4,5",
            code: .invoiceInstalmentsSum, column: "instalments"),
        Case(
            kind: .invoices, lines: "number,customer,issue_date,instalments,amount\nI2,C1,2026-01-01,soon,5",
            code: .valueNotInstalments, column: "instalments"),
        Case(
            kind: .invoices,
            lines: "number,customer,issue_date,due_date,amount,net,tax\nI2,C1,2026-01-01,2026-01-31,113,100,12",
            code: .invoiceNetTaxGross),
        Case(
            kind: .invoices,
            lines: "number,customer,issue_date,due_date,amount,einvoice_number\nI2,C1,2026-01-01,2026-01-31,1,123",
            code: .valueNotAnEInvoiceNumber, column: "einvoice_number"),
        Case(
            kind: .invoices,
            lines: "number,customer,issue_date,due_date,amount,entity\nI2,C1,2026-01-01,2026-01-31,1,north",
            code: .entityUnknown, column: "entity"),
        Case(
            kind: .creditNotes, lines: "number,invoice,date,amount\nN2,I7,2026-01-05,1", code: .invoiceUnknown,
            column: "invoice"),
        Case(
            kind: .creditNotes, lines: "number,invoice,date,amount\nN2,I1,2025-12-31,1", code: .creditNoteBeforeInvoice,
            column: "date"),
        Case(
            kind: .creditNotes, lines: "number,invoice,date,amount\nN2,I1,2026-01-05,100.01",
            code: .creditNoteAboveInvoice, column: "amount"),
        Case(kind: .creditNotes, lines: "number,invoice,date,amount\nN1,I1,2026-01-05,2", code: .creditNoteDiffers),
        Case(kind: .receipts, lines: "reference,date,amount,customer\nR1,2026-02-01,61,C1", code: .receiptDiffers),
        Case(kind: .allocations, lines: "receipt,invoice,amount\nR7,I1,1", code: .receiptUnknown, column: "receipt"),
        Case(kind: .allocations, lines: "receipt,invoice,amount\nRR,I1,1", code: .receiptAmbiguous, column: "receipt"),
        Case(kind: .allocations, lines: "receipt,invoice,amount\nR1,I7,1", code: .invoiceUnknown, column: "invoice"),
        Case(
            kind: .allocations, lines: "receipt,invoice,amount\nR1,I1,60.01", code: .allocationAboveReceipt,
            column: "amount"),
        Case(
            kind: .allocations, lines: "receipt,invoice,amount\nR2,I1,99.01", code: .allocationAboveOpen,
            column: "amount"),
        Case(
            kind: .allocations, lines: "receipt,invoice,amount,date\nR1,I1,1,2026-01-31", code: .allocationTooEarly,
            column: "date"),
        Case(kind: .allocations, lines: "receipt,invoice,amount\nRU,I1,1", code: .allocationOtherCurrency),
        Case(kind: .allocations, lines: "receipt,invoice,amount\nR3,I1,1", code: .allocationOtherCustomer),
        Case(
            kind: .allocations, lines: "receipt,invoice,amount,instalment\nR1,I1,1,2", code: .itemUnknown,
            column: "instalment"),
        Case(
            kind: .allocations, lines: "receipt,invoice,amount,date\nR1,I1,1,2026-02-02\nR1,I1,2,2026-02-02",
            code: .allocationDiffers, line: 3),
        Case(kind: .settlements, lines: "invoice,date\nI1,2025-12-01", code: .allocationTooEarly, column: "date"),
        Case(
            kind: .settlements, lines: "invoice,date,amount\nI1,2026-02-01,100", code: .allocationAboveOpen,
            column: "amount"),
        Case(
            kind: .settlements, lines: "invoice,date\nI1,2026-02-01\nI1,2026-02-02", code: .settlementNothingOpen,
            line: 3),
        Case(
            kind: .settlements, lines: "invoice,date,amount\nI1,2026-02-01,5\nI1,2026-02-01,6",
            code: .settlementDiffers, line: 3),
        Case(kind: .calendar, lines: "country,date,kind\nCN,2026-10-01,working", code: .calendarDiffers),
        Case(
            kind: .rates, lines: "day,from,to,rate\n2026-01-01,USD,CNY,7.1\n2026-01-01,USD,CNY,7.2", code: .rateDiffers,
            line: 3),
        Case(kind: .rates, lines: "day,from,to,rate\n2026-01-01,USD,CNY,-7", code: .valueNotARate, column: "rate"),
        Case(kind: .customers, lines: "", code: .fileEmpty, line: 1),
        Case(kind: .customers, lines: "code,name\nC9,\"Nine", code: .fileUnclosedQuote),
        Case(kind: .customers, lines: "code,name\nC9,\"Nine\" x", code: .fileStrayQuote),
        Case(kind: .customers, lines: "code,name\nC9,a\u{0}b", code: .fileNul),
        Case(
            kind: .customers, lines: "code,name\nC9," + String(repeating: "x", count: 10_000_000),
            code: .fileCellTooLarge),
    ]

    /// Something of everything, so that each case has what it collides with.
    private static func company() async throws -> TestCompany {
        let company = try await TestCompany()
        try await company.take(.customers, "code,name", "C1,One", "C2,Two")
        try await company.take(.contacts, "customer,name,purpose,email", "C1,P,payment,p@x.cn")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-01-01,2026-01-31,100")
        try await company.take(.creditNotes, "number,invoice,date,amount", "N1,I1,2026-01-05,1")
        try await company.take(
            .receipts, "reference,date,amount,currency,customer,bank_account", "R1,2026-02-01,60,CNY,C1,",
            "R2,2026-02-01,500,CNY,C1,", "R3,2026-02-01,10,CNY,C2,", "RU,2026-02-01,10,USD,C1,",
            "RR,2026-02-01,1,CNY,C1,a",
            "RR,2026-02-01,1,CNY,C1,b")
        return company
    }

    @Test("Wrong input is refused with its place and changes nothing", arguments: cases)
    func refused(_ example: Case) async throws {
        let company = try await Self.company()
        let before = try Verify().run(in: company.store)
        do {
            _ = try await FileImport(example.kind, .text(example.lines)).run(
                in: company.store, actor: company.actor, source: "test", now: company.now, today: company.today)
            Issue.record("taken")
        } catch let rejected as ImportRejected {
            let fault = try #require(rejected.faults.first)
            #expect(fault.refusal.code == example.code)
            #expect(fault.line == example.line)
            #expect(fault.column == example.column)
            for language in Catalogue.Language.allCases {
                let message = try Catalogue(language).message(fault.refusal)
                #expect(!message.contains("{") && message != example.code.rawValue, "\(message)")
            }
        }
        let after = try Verify().run(in: company.store)
        #expect(after.fault == nil && after.headHash == before.headHash && after.facts == before.facts)
    }

    @Test("All mistakes of a file are told at once, in the order of its lines")
    func allAtOnce() async throws {
        let company = try await Self.company()
        await #expect {
            try await company.take(
                .invoices, "number,customer,issue_date,due_date,amount", "I2,C7,2026-01-01,2026-01-31,1",
                "I3,C1,2026-02-30,soon,x", "I4,C1,2026-01-01,2026-01-31,1", "I5,C1,2026-01-01,2026-01-31,-1")
        } throws: { error in
            let faults = (error as? ImportRejected)?.faults ?? []
            return faults.map(\.line) == [2, 3, 3, 3, 5] && faults.map(\.refusal.code).contains(.valueNotPositive)
        }
    }

    @Test("Good lines are taken when that is asked for, and a dry run only tells")
    func partialAndDryRun() async throws {
        let company = try await Self.company()
        let header = "number,customer,issue_date,due_date,amount"
        var importing = FileImport(
            .invoices, .text("\(header)\nI2,C1,2026-01-01,2026-01-31,1\nI3,C7,2026-01-01,2026-01-31,1\n"))
        importing.options.isDryRun = true
        importing.options.takesGoodLines = true
        let before = try Verify().run(in: company.store).headHash
        let dry = try await importing.run(
            in: company.store, actor: company.actor, source: "test", now: company.now, today: company.today)
        #expect(dry.report.created == 1 && dry.report.rejected == 1 && dry.act == nil)
        #expect(try Verify().run(in: company.store).headHash == before)
        let taken = try await company.take(
            .invoices, header, "I2,C1,2026-01-01,2026-01-31,1", "I3,C7,2026-01-01,2026-01-31,1", partial: true)
        #expect(taken.report.created == 1 && taken.report.rejected == 1)
    }

    @Test("A parent named before its own line is found at the end of the file")
    func forwardGroup() async throws {
        let company = try await Self.company()
        let taken = try await company.take(.customers, "code,name,group", "A,Aa,B", "B,Bb,D", "D,Dd,")
        #expect(taken.report.created == 3)
        #expect(
            try RegisterQueries.customers(matching: "A", limit: 9, in: company.store).rows.contains { $0.group == "B" })
    }

    @Test("A file in GB18030 is read as what it says")
    func chineseEncoding() async throws {
        let company = try await Self.company()
        let path = company.folder.appendingPathComponent("gb.csv").path
        // 客户 in GB18030.
        let bytes = Array("code;name\r\nC9;".utf8) + [0xBF, 0xCD, 0xBB, 0xA7] + Array("\r\n".utf8)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        _ = try await FileImport(.customers, .file(path: path)).run(
            in: company.store, actor: company.actor, source: "test", now: company.now, today: company.today)
        #expect(try RegisterQueries.customers(matching: "C9", limit: 1, in: company.store).rows.first?.name == "客户")
        try Data(bytes + [0xFF, 0xFF, 0x0A]).write(to: URL(fileURLWithPath: path))
        await #expect {
            _ = try await FileImport(.customers, .file(path: path)).run(
                in: company.store, actor: company.actor, source: "test", now: company.now, today: company.today)
        } throws: { ($0 as? ImportRejected)?.faults.first?.refusal.code == .fileEncoding }
        await #expect {
            _ = try await FileImport(.customers, .file(path: path + ".none")).run(
                in: company.store, actor: company.actor, source: "test", now: company.now, today: company.today)
        } throws: { ($0 as? ImportRejected)?.faults.first?.refusal.code == .fileMissing }
    }

    @Test("A mapping that can't be used says so")
    func mappings() throws {
        #expect(throws: Refusal.self) { try SavedMapping.read("columns: [") }
        #expect { try SavedMapping.read("colums: {a: b}") } throws: { ($0 as? Refusal)?.code == .mappingUnknownKey }
        #expect { try SavedMapping.read("decimal: ';'") } throws: { ($0 as? Refusal)?.code == .mappingUnreadable }
        #expect(try SavedMapping.read("columns: {number: No}\nskip_lines: 3").columns == ["number": "No"])
    }
}
