import Ledger
import SampleCompany
import Testing

/// What a demonstration wants to show is there, whatever the seed.
@Suite struct SampleStoriesTests {
    static let lives = SampleCompanyTests.lives

    @Test("At the end about 30 % of the invoices are open, half of it not due, and some in every bucket")
    func openItems() throws {
        for life in Self.lives {
            let invoices = life["invoices"]
            let reduced = Dictionary(grouping: life.reductions, by: \.invoice).mapValues {
                $0.reduce(0) { $0 + $1.amount }
            }
            let bounds = [0, 30, 60, 90, 180, 365, Int.max]
            var buckets = [Int64](repeating: 0, count: bounds.count)
            var overdueByCustomer: [String: Int64] = [:]
            var open = 0
            for row in invoices {
                let currency = try #require(row.currency)
                let amount = try #require(row.amount("amount", in: currency))
                var settled = reduced[row["number"]] ?? 0
                if settled < amount { open += 1 }
                for (due, part) in try items(row, amount: amount, currency: currency) {
                    let rest = part - min(part, settled)
                    settled -= part - rest
                    let late = SampleLife.last.days(since: due)
                    let yuan = rest * Self.fenPerMinorUnit(currency) / 100
                    buckets[bounds.firstIndex { late <= $0 } ?? 0] += yuan
                    if late > 0 { overdueByCustomer[row["customer"], default: 0] += yuan }
                }
            }

            let total = buckets.reduce(0, +)
            #expect((20...38).contains(open * 100 / invoices.count))
            #expect((40...72).contains(buckets[0] * 100 / total))
            #expect(buckets.allSatisfy { $0 > 0 })
            let overdue = total - buckets[0]
            let largest = overdueByCustomer.values.sorted(by: >).prefix(6).reduce(0, +)
            #expect(largest * 100 / overdue >= 40, "the tail sits with few customers")
            #expect(overdueByCustomer.count >= 15, "but many are somewhat late")
        }
    }

    @Test("Credit codes are right, a few are missing, and exactly one is there twice")
    func creditCodes() {
        for life in Self.lives {
            let domestic = life["customers"].filter { $0["kind"] != "foreign" }
            let codes = domestic.map { $0["uscc"] }.filter { !$0.isEmpty }
            #expect(codes.allSatisfy(Self.isValidCreditCode))
            #expect(codes.count < domestic.count && codes.count > domestic.count * 8 / 10)
            #expect(Set(codes).count == codes.count - 1)
            #expect(life["customers"].allSatisfy { $0["kind"] != "foreign" || $0["uscc"].isEmpty })
        }
    }

    @Test("There are customers of every kind, in several currencies, of few people's")
    func variety() {
        for life in Self.lives {
            let customers = life["customers"]
            #expect(
                Set(customers.map { $0["kind"] }) == ["soe", "listed", "private", "startup", "public_body", "foreign"])
            #expect(Set(customers.map { $0["currency"] }).isSuperset(of: ["CNY", "USD"]))
            #expect(Set(customers.map { $0["size"] }) == ["large", "sme"])
            #expect((6...8).contains(Set(customers.flatMap { [$0["sales_owner"], $0["collector"]] }).count))
            #expect(customers.contains { $0.fileDay != nil }, "some join later")
            #expect(life["contacts"].allSatisfy { $0["email"].hasSuffix(".example") })
            let reachable = Set(life["contacts"].filter { $0["purpose"] == "payment" }.map { $0["customer"] })
            #expect(reachable.count < customers.count, "somewhere the payment contact is missing")
        }
    }

    @Test("Projects are claimed by stages, some invoices by instalments")
    func contracts() {
        for life in Self.lives {
            let invoices = life["invoices"]
            #expect(Set(invoices.map { $0["milestone"] }).isSuperset(of: ["M1", "M2", "M3", "M4"]))
            #expect(invoices.contains { !$0["instalments"].isEmpty })
            // A claim that was taken back and issued again is the only one that stands twice.
            let withdrawn = Set(life["credit-notes"].filter { $0["reason"].contains("重开") }.map { $0["invoice"] })
            let claims = invoices.filter { !$0["contract"].isEmpty && !withdrawn.contains($0["number"]) }
                .map { "\($0["contract"]) \($0["milestone"])" }
            #expect(Set(claims).count == claims.count)
            #expect(!withdrawn.isEmpty)
        }
    }

    @Test("A treasury pays for its group, and its receipts reach several companies")
    func treasury() {
        for life in Self.lives {
            let customers = life.byNumber("customers", "code")
            let invoices = life.byNumber("invoices", "number")
            let receipts = life.byNumber("receipts", "reference")
            var reached: [String: Set<String>] = [:]
            for row in life["allocations"] {
                guard let payer = receipts[row["receipt"]]?["customer"],
                    let owing = invoices[row["invoice"]]?["customer"],
                    !payer.isEmpty, payer != owing
                else { continue }
                #expect(customers[owing]?["group"] == payer, "only the parent pays for another customer")
                reached[payer, default: []].insert(owing)
            }
            #expect(reached.count == 1)
            #expect(reached.values.allSatisfy { $0.count == 3 })
        }
    }

    @Test("Money is paid twice, by unknown payers, and waits for its allocation")
    func receipts() throws {
        for life in Self.lives {
            var used: [String: Int64] = [:]
            var waited = 0
            let receipts = life.byNumber("receipts", "reference")
            for row in life["allocations"] {
                let receipt = try #require(receipts[row["receipt"]])
                let currency = try #require(receipt.currency)
                used[row["receipt"], default: 0] += row.amount("amount", in: currency) ?? 0
                if row["date"] != receipt["date"] { waited += 1 }
            }
            #expect(waited > life["allocations"].count / 10)

            let unused = life["receipts"].filter { used[$0["reference"]] == nil }
            let again = unused.filter { row in
                life["receipts"].contains {
                    $0["reference"] != row["reference"] && $0["customer"] == row["customer"]
                        && $0["amount"] == row["amount"] && $0["remittance"] == row["remittance"]
                }
            }
            #expect(!again.isEmpty)
            let unknown = life["receipts"].filter { $0["customer"].isEmpty }
            #expect((5...60).contains(unknown.count))
            #expect(unknown.contains { used[$0["reference"]] != nil }, "some payers are found in the end")
            #expect(unknown.allSatisfy { !$0["payer"].isEmpty })
            #expect(Set(life["receipts"].map { $0["bank_account"] }).count == 2)
            #expect(Set(life["receipts"].map { $0["method"] }).isSuperset(of: ["transfer", "cheque"]))
        }
    }

    @Test("Somebody pays later and later, and two stop paying at all")
    func badPayers() throws {
        for life in Self.lives {
            let invoices = life.byNumber("invoices", "number")
            let lastAllocated = Dictionary(
                life["allocations"].compactMap { row in row.day("date").map { (row["invoice"], $0) } },
                uniquingKeysWith: max)
            let middle = SampleLife.first.adding(days: 365)
            let byCustomer = Dictionary(grouping: invoices.values) { $0["customer"] }

            let stopped = byCustomer.values.filter { claims in
                let overdue = claims.filter { claim in
                    lastAllocated[claim["number"]] == nil
                        && claim.day("due_date").map { $0 < SampleLife.last.adding(days: -60) } == true
                }
                let lastPayment = claims.compactMap { lastAllocated[$0["number"]] }.max()
                return overdue.count >= 3 && lastPayment.map { $0 < SampleLife.last.adding(days: -100) } == true
            }
            #expect(stopped.count >= 2)

            let worsened = byCustomer.values.filter { claims in
                let delays = claims.compactMap { claim -> (isEarly: Bool, days: Int)? in
                    guard let due = claim.day("due_date") else { return nil }
                    let paid = lastAllocated[claim["number"]] ?? SampleLife.last
                    return (due < middle, paid.days(since: due))
                }
                let early = delays.filter { $0.isEarly && $0.days > -30 }.map(\.days)
                let late = delays.filter { !$0.isEarly && $0.days > -30 }.map(\.days)
                guard early.count >= 3, late.count >= 3 else { return false }
                return early.reduce(0, +) / early.count < 45
                    && late.reduce(0, +) / late.count > early.reduce(0, +) / early.count + 20
            }
            #expect(!worsened.isEmpty)
        }
    }

    private func items(
        _ row: SampleLife.Row, amount: Int64, currency: Currency
    ) throws -> [(due: LocalDate, amount: Int64)] {
        if let due = row.day("due_date") { return [(due, amount)] }
        return try row["instalments"].split(separator: ";").map { part in
            let pair = part.drop { $0 == " " }.split(separator: ":")
            return (try #require(LocalDate(pair[0])), try Money(String(pair[1]), currency: currency).minorUnits)
        }
    }

    private static func fenPerMinorUnit(_ currency: Currency) -> Int64 {
        switch currency.code {
        case "USD": 710
        case "EUR": 780
        case "JPY": 500
        default: 100
        }
    }

    /// GB 32100-2015: the weighted sum of all characters, the check character's weight 1, is a multiple of 31.
    private static func isValidCreditCode(_ code: String) -> Bool {
        let alphabet = Array("0123456789ABCDEFGHJKLMNPQRTUWXY")
        let weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28, 1]
        let values = code.compactMap { alphabet.firstIndex(of: $0) }
        guard code.count == 18, values.count == 18 else { return false }
        return zip(values, weights).reduce(0) { $0 + $1.0 * $1.1 } % 31 == 0
    }
}
