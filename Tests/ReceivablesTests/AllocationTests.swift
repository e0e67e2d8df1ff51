import Ledger
import Receivables
import Testing

/// SplitMix64: the same numbers on every run, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

@Suite("An allocation")
struct AllocationTests {
    /// Faults of a request, in the order in which they must be told.
    private static let faults: [RefusalCode] = [
        .receiptReversed, .allocationOtherCurrency, .allocationOtherCustomer, .allocationTooEarly,
        .allocationAboveReceipt, .allocationAboveOpen,
    ]

    /// Decides a request that has exactly the faults given.
    private func refusal(of faults: Set<RefusalCode>) throws -> RefusalCode? {
        let yuan = try #require(Currency("CNY")), dollar = try #require(Currency("USD"))
        let source = Allocation.Source(
            reference: "R-1", customer: ID(1), postingDay: try day("2026-03-05"),
            currency: faults.contains(.allocationOtherCurrency) ? dollar : yuan,
            unapplied: faults.contains(.allocationAboveReceipt) ? 99 : 100,
            isReversed: faults.contains(.receiptReversed))
        let target = Allocation.Target(
            invoice: "F-1", customer: ID(faults.contains(.allocationOtherCustomer) ? 2 : 1),
            postingDay: try day("2026-03-01"), currency: yuan,
            open: faults.contains(.allocationAboveOpen) ? 99 : 100)
        let on = try day(faults.contains(.allocationTooEarly) ? "2026-03-04" : "2026-03-05")
        do throws(Refusal) {
            _ = try Allocation.decide(
                Money(minorUnits: 100, currency: source.currency), of: source, to: target, on: on, mayCross: false)
            return nil
        } catch {
            return error.code
        }
    }

    @Test("is refused for the first of its faults")
    func precedence() throws {
        for mask in 0..<(1 << Self.faults.count) {
            let present = Self.faults.indices.filter { mask & 1 << $0 != 0 }.map { Self.faults[$0] }
            #expect(try refusal(of: Set(present)) == present.first)
        }
    }

    @Test("posts on the later day of credit and item unless a day is given")
    func postingDay() throws {
        let yuan = try #require(Currency("CNY"))
        let amount = Money(minorUnits: 40, currency: yuan)
        let source = Allocation.Source(
            reference: "R-1", customer: nil, postingDay: try day("2026-03-05"), currency: yuan, unapplied: 40,
            isReversed: false)
        let target = Allocation.Target(
            invoice: "F-1", customer: ID(2), postingDay: try day("2026-04-01"), currency: yuan, open: 40)
        let made = try Allocation.decide(amount, of: source, to: target, on: nil, mayCross: false)
        #expect(try made.postingDay == day("2026-04-01"))
        #expect(made.entry.transfers == [Transfer(debit: .unapplied, credit: .receivable, amount: amount)])
        let later = try Allocation.decide(
            amount, of: source, to: target, on: day("2026-05-01"), mayCross: false)
        #expect(try later.postingDay == day("2026-05-01"))
    }

    @Test("crosses customers where it may")
    func crossing() throws {
        let yuan = try #require(Currency("CNY")), today = try day("2026-03-05")
        let source = Allocation.Source(
            reference: "R-1", customer: ID(1), postingDay: today, currency: yuan, unapplied: 1, isReversed: false)
        let target = Allocation.Target(invoice: "F-1", customer: ID(2), postingDay: today, currency: yuan, open: 1)
        let amount = Money(minorUnits: 1, currency: yuan)
        let made = try Allocation.decide(amount, of: source, to: target, on: today, mayCross: true)
        #expect(made.itemAmount == amount)
    }

    @Test("between currencies meets in the exchange clearing account")
    func currencies() throws {
        let yuan = try #require(Currency("CNY")), dollar = try #require(Currency("USD"))
        let today = try day("2026-03-05")
        let source = Allocation.Source(
            reference: "R-1", customer: ID(1), postingDay: today, currency: dollar, unapplied: 100, isReversed: false)
        let target = Allocation.Target(invoice: "F-1", customer: ID(1), postingDay: today, currency: yuan, open: 712)
        let paid = Money(minorUnits: 100, currency: dollar), settled = Money(minorUnits: 712, currency: yuan)
        let made = try Allocation.decide(paid, itemAmount: settled, of: source, to: target, on: nil, mayCross: false)
        #expect(made.creditAmount == paid)
        #expect(made.itemAmount == settled)
        #expect(
            made.entry.transfers == [
                Transfer(debit: .unapplied, credit: .exchangeClearing, amount: paid),
                Transfer(debit: .exchangeClearing, credit: .receivable, amount: settled),
            ])
        let above = Money(minorUnits: 713, currency: yuan)
        let error = #expect(throws: Refusal.self) {
            try Allocation.decide(paid, itemAmount: above, of: source, to: target, on: nil, mayCross: false)
        }
        #expect(error?.code == .allocationAboveOpen)
        #expect(error?.parameters["open"] == .money(settled))
    }

    @Test("leaves the least that a walk over all days finds")
    func leastLeft() {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<5000 {
            let amount = Int64.random(in: 0...50, using: &random)
            let movements = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                Allocation.Movement(
                    day: LocalDate(dayNumber: .random(in: 0...15, using: &random)),
                    amount: .random(in: -20...20, using: &random))
            }
            let from = Int.random(in: -2...17, using: &random)
            let naive = (from...20).map { today in
                movements.reduce(amount) { $1.day.dayNumber <= today ? $0 - $1.amount : $0 }
            }.min()
            #expect(Allocation.leastLeft(of: amount, after: movements, from: LocalDate(dayNumber: from)) == naive)
        }
    }
}

@Suite("A credit")
struct CreditTests {
    @Test("waits with its customer, or in suspense")
    func waiting() throws {
        let amount = Money(minorUnits: 5, currency: try #require(Currency("CNY"))), today = try day("2026-03-05")
        func transfers(_ kind: Credit.Kind, known: Bool) -> [Transfer] {
            Credit.entry(kind, amount, on: today, customerIsKnown: known).transfers
        }
        #expect(transfers(.receipt, known: true) == [Transfer(debit: .bank, credit: .unapplied, amount: amount)])
        #expect(transfers(.receipt, known: false) == [Transfer(debit: .bank, credit: .suspense, amount: amount)])
        for kind in Credit.Kind.allCases where kind != .receipt {
            #expect(transfers(kind, known: true) == [Transfer(debit: .clearing, credit: .unapplied, amount: amount)])
        }
        let found = Credit.identification(amount, on: today).transfers
        #expect(found == [Transfer(debit: .suspense, credit: .unapplied, amount: amount)])
    }
}
