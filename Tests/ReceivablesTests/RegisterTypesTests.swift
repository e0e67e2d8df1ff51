import Foundation
import Ledger
import Receivables
import Testing

@Suite("A unified social credit code")
struct UnifiedSocialCreditCodeTests {
    @Test(
        "is accepted with its check character, in lower case and full width too",
        arguments: ["91350100M000100Y43", "91350100m000100y43", "９１３５０１００Ｍ０００１００Ｙ４３"])
    func valid(text: String) throws {
        #expect(try UnifiedSocialCreditCode(text).text == "91350100M000100Y43")
    }

    @Test(
        "is refused with its first fault",
        arguments: [
            ("91350100M000100Y44", UnifiedSocialCreditCode.Fault.checkCharacter(expected: "3")),
            ("91350100M000100Y4", .length), ("91350100M000100Y433", .length), ("", .length),
            ("9135010OM000100Y43", .character("O")), ("91350100M000100Y4I", .character("I")),
            ("91350100-000100Y43", .character("-")), ("91350100客000100Y43", .character("客")),
        ])
    func invalid(text: String, fault: UnifiedSocialCreditCode.Fault) {
        #expect(throws: fault) { try UnifiedSocialCreditCode(text) }
    }

    @Test("finds every single wrong character")
    func anyOneCharacter() throws {
        let right = Array("91350100M000100Y43")
        for index in right.indices {
            for other in "0123456789ABCDEFGHJKLMNPQRTUWXY" where other != right[index] {
                var wrong = right
                wrong[index] = other
                #expect((try? UnifiedSocialCreditCode(String(wrong))) == nil)
            }
        }
    }

    @Test("is refused for a letter that has two in upper case")
    func letterWithTwoInUpperCase() {
        // `ß` in upper case is `SS`, which is no single character.
        #expect(throws: UnifiedSocialCreditCode.Fault.character("ß")) {
            try UnifiedSocialCreditCode("91350100ß000100Y43")
        }
    }

    private static let shared = ProcessInfo.processInfo.environment["HUIKUAN_SHARED"]

    @Test("is judged like the collected examples", .enabled(if: shared != nil, "HUIKUAN_SHARED names no folder"))
    func examples() throws {
        let path = try #require(Self.shared) + "/data/16_uscc/uscc_vectors.csv"
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(whereSeparator: \.isNewline).dropFirst()
        #expect(lines.count > 100)
        for line in lines {
            let cells = line.split(separator: ",", omittingEmptySubsequences: false)
            var found = "valid"
            do throws(UnifiedSocialCreditCode.Fault) {
                _ = try UnifiedSocialCreditCode(cells[0])
            } catch {
                switch error {
                case .length: found = "invalid:length"
                case .character: found = "invalid:format"
                case .checkCharacter: found = "invalid:checksum"
                }
            }
            // Some are marked `invalid:checksum(computed)`.
            #expect(found == cells[1].prefix { $0 != "(" }, "\(line)")
        }
    }
}

@Suite("An invoice")
struct InvoiceTests {
    @Test(
        "has the status that its facts give it",
        arguments: [
            (100, 0, 0, 0, Invoice.Status.open), (40, 60, 0, 0, .partlyPaid), (40, 0, 60, 0, .open),
            (40, 30, 30, 0, .partlyPaid), (0, 100, 0, 0, .paid), (0, 1, 99, 0, .paid), (0, 0, 100, 0, .credited),
            (0, 0, 0, 100, .cancelled), (0, 0, 10, 90, .cancelled),
        ] as [(Int64, Int64, Int64, Int64, Invoice.Status)])
    func status(open: Int64, byReceipts: Int64, byCredits: Int64, byCorrection: Int64, status: Invoice.Status) {
        let found = Invoice.Status(
            gross: 100, open: open, byReceipts: byReceipts, byCredits: byCredits, byCorrection: byCorrection)
        #expect(found == status)
    }

    @Test("completes net and tax, and refuses those that don't add up")
    func netAndTax() throws {
        let yuan = try #require(Currency("CNY"))
        func money(_ units: Int64?) -> Money? { units.map { Money(minorUnits: $0, currency: yuan) } }
        let table: [(net: Int64?, tax: Int64?, expectedNet: Int64?, expectedTax: Int64?)] = [
            (nil, nil, nil, nil), (100, nil, 100, 13), (nil, 13, 100, 13), (100, 13, 100, 13), (113, nil, 113, 0),
        ]
        for row in table {
            let gross = Money(minorUnits: 113, currency: yuan)
            let found = try Invoice.netAndTax(gross: gross, net: money(row.net), tax: money(row.tax))
            #expect(found.net == money(row.expectedNet))
            #expect(found.tax == money(row.expectedTax))
        }
        let error = #expect(throws: Refusal.self) {
            try Invoice.netAndTax(gross: Money(minorUnits: 113, currency: yuan), net: money(100), tax: money(12))
        }
        #expect(error?.code == .invoiceNetTaxGross)
    }

    @Test("may be chased once its tax invoice has reached the customer")
    func taxStatus() {
        #expect(Invoice.TaxStatus.allCases.filter(\.hasReachedCustomer) == [.delivered, .booked])
    }

    @Test("stands in the books on its issue day unless something else is said")
    func content() throws {
        let issued = try day("2026-03-05"), yuan = try #require(Currency("CNY"))
        let content = Invoice.Content(number: "F-1", customer: ID(1), issueDay: issued, currency: yuan, gross: 1)
        #expect([content.valueDay, content.postingDay, content.recognisedDay].allSatisfy { $0 == issued })
        #expect(content.taxStatus == .delivered)
    }
}

@Suite("Codes in files, answers and the store")
struct CodeTests {
    @Test("are different for different things")
    func unique() {
        func areUnique(_ names: [String]) -> Bool { Set(names).count == names.count && !names.contains("") }
        #expect(areUnique(RefusalCode.allCases.map(\.rawValue)))
        #expect(areUnique(Role.allCases.map(\.name)))
        #expect(areUnique(Credit.Kind.allCases.map(\.name)))
        #expect(areUnique(Customer.Kind.allCases.map(\.name)))
        #expect(areUnique(Invoice.TaxStatus.allCases.map(\.name)))
        #expect(areUnique(RuleCode.allCases.map(\.name)))
        #expect(areUnique(DataQualityCheck.allCases.map(\.name)))
    }
}
