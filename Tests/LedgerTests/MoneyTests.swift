import Ledger
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

@Suite("An amount read from text")
struct MoneyParsingTests {
    @Test(
        "is counted in minor units of its currency",
        arguments: [
            ("0", "CNY", 0), ("-0", "CNY", 0), ("1234.50", "CNY", 123_450), ("1,234.50", "CNY", 123_450),
            ("1'234.5", "CNY", 123_450), ("1 234 567.89", "CNY", 123_456_789), ("-12", "CNY", -1200),
            ("+3.00", "CNY", 300), ("0.01", "CNY", 1), ("-0.01", "CNY", -1), ("12.5000", "CNY", 1250),
            (".5", "CNY", 50), ("007", "CNY", 700), ("1200", "JPY", 1200), ("1200.00", "JPY", 1200),
            ("1,200", "JPY", 1200), ("1.234", "KWD", 1234), ("-1.2", "KWD", -1200), ("1.2345", "CLF", 12345),
            ("100000000000.00", "CNY", 10_000_000_000_000), ("-100,000,000,000", "CNY", -10_000_000_000_000),
        ])
    func readable(text: String, code: String, minorUnits: Int64) throws {
        let currency = try #require(Currency(code))
        #expect(try Money(text, currency: currency) == Money(minorUnits: minorUnits, currency: currency))
    }

    @Test(
        "is refused with its reason",
        arguments: [
            ("", "CNY", AmountError.notANumber), ("-", "CNY", .notANumber), (".", "CNY", .notANumber),
            ("5.", "CNY", .notANumber), ("--1", "CNY", .notANumber), ("1-", "CNY", .notANumber),
            (" 1", "CNY", .notANumber), ("1 ", "CNY", .notANumber), ("1,23", "CNY", .notANumber),
            ("12,34,567", "CNY", .notANumber), ("1234,567", "CNY", .notANumber), (",123", "CNY", .notANumber),
            ("1,234,56", "CNY", .notANumber), ("1,,234", "CNY", .notANumber), ("1.2.3", "CNY", .notANumber),
            ("1.234,50", "CNY", .notANumber), ("1e5", "CNY", .notANumber), ("NaN", "CNY", .notANumber),
            ("１２", "CNY", .notANumber), ("¥12", "CNY", .notANumber), ("1.234", "CNY", .tooManyDecimals(allowed: 2)),
            ("1.5", "JPY", .tooManyDecimals(allowed: 0)), ("1.2345", "KWD", .tooManyDecimals(allowed: 3)),
            ("1.23456", "CLF", .tooManyDecimals(allowed: 4)), ("100000000000.01", "CNY", .tooLarge),
            ("-100000000000.01", "CNY", .tooLarge), ("9223372036854775807", "JPY", .tooLarge),
            ("99999999999999999999999", "CNY", .tooLarge),
        ])
    func unreadable(text: String, code: String, reason: AmountError) throws {
        let currency = try #require(Currency(code))
        #expect(throws: reason) { try Money(text, currency: currency) }
    }

    @Test("may have a decimal comma")
    func decimalComma() throws {
        func number(_ text: String) throws -> DecimalNumber {
            try Array(text.utf8).withUnsafeBufferPointer { try DecimalNumber(parsing: $0, decimalMark: 44) }
        }
        let euro = try #require(Currency("EUR"))
        #expect(try number("1.234,50").money(in: euro).minorUnits == 123_450)
        #expect(try number("1,5").money(in: euro).minorUnits == 150)
        #expect(throws: AmountError.notANumber) { try number("1,234.50") }
        #expect(try number("7,12345678").timesHundredMillion() == 712_345_678)
        #expect(throws: AmountError.tooManyDecimals(allowed: 8)) { try number("7,123456789").timesHundredMillion() }
    }

    @Test("comes back from the text that it writes")
    func roundTrip() throws {
        var random = SeededGenerator(seed: 1)
        for code in ["JPY", "CNY", "KWD", "CLF"] {
            let currency = try #require(Currency(code))
            for _ in 0..<2000 {
                let bound = Money.largestFact >> Int64.random(in: 0...43, using: &random)
                let money = Money(minorUnits: .random(in: -bound...bound, using: &random), currency: currency)
                #expect(try Money(money.decimal(), currency: currency) == money)
                #expect(try Money(money.decimal(grouped: true), currency: currency) == money)
            }
            #expect(Money(minorUnits: -5, currency: currency).description.hasSuffix(" \(code)"))
        }
    }

    @Test("is written with its separators and currency")
    func text() throws {
        let yuan = try #require(Currency("CNY")), yen = try #require(Currency("JPY"))
        #expect(Money(minorUnits: 123_450, currency: yuan).description == "1,234.50 CNY")
        #expect(Money(minorUnits: -5, currency: yuan).decimal() == "-0.05")
        #expect(Money(minorUnits: 1_234_567, currency: yen).decimal(grouped: true) == "1,234,567")
    }

    @Test("needs a code of ISO 4217", arguments: ["cny", "CN", "CNYY", "XYZ", "", "ＣＮＹ", "XAU"])
    func unknownCurrency(code: String) { #expect(Currency(code) == nil) }
}

@Suite("An amount")
struct MoneyArithmeticTests {
    @Test("is shared out without losing a minor unit")
    func sharing() throws {
        let yuan = try #require(Currency("CNY"))
        let thirds = Money(minorUnits: 100, currency: yuan).shared(by: [1, 1, 1]).map(\.minorUnits)
        #expect(thirds == [34, 33, 33])
        var random = SeededGenerator(seed: 2)
        for _ in 0..<5000 {
            let amount = Int64.random(in: -Money.largestFact...Money.largestFact, using: &random)
            let heaviest = Int64.max >> Int64.random(in: 1...62, using: &random)
            var weights = (0..<Int.random(in: 1...9, using: &random)).map { _ in
                Int64.random(in: 0...heaviest, using: &random)
            }
            weights[0] += 1
            let shares = Money(minorUnits: amount, currency: yuan).shared(by: weights).map(\.minorUnits)
            #expect(shares.reduce(0, +) == amount)
            let total = weights.reduce(Int128(0)) { $0 + Int128($1) }
            for (share, weight) in zip(shares, weights) {
                // Each share is less than one unit away from the exact one.
                #expect((Int128(share) * total - Int128(amount) * Int128(weight)).magnitude < total.magnitude)
            }
        }
    }

    @Test("is converted half away from zero")
    func conversion() throws {
        let yuan = try #require(Currency("CNY")), yen = try #require(Currency("JPY"))
        let dinar = try #require(Currency("KWD"))
        let half: Int64 = 50_000_000
        #expect(Money(minorUnits: 1, currency: yuan).converted(to: yuan, rate: half)?.minorUnits == 1)
        #expect(Money(minorUnits: -1, currency: yuan).converted(to: yuan, rate: half)?.minorUnits == -1)
        #expect(Money(minorUnits: 1, currency: yuan).converted(to: yuan, rate: half - 1)?.minorUnits == 0)
        #expect(Money(minorUnits: 100, currency: yen).converted(to: yuan, rate: 5_000_000)?.minorUnits == 500)
        #expect(Money(minorUnits: 149, currency: yuan).converted(to: yen, rate: 100_000_000)?.minorUnits == 1)
        #expect(Money(minorUnits: 150, currency: yuan).converted(to: yen, rate: 100_000_000)?.minorUnits == 2)
        #expect(Money(minorUnits: .max, currency: yen).converted(to: dinar, rate: .max) == nil)
        var random = SeededGenerator(seed: 3)
        for _ in 0..<2000 {
            let units = Int64.random(in: -Money.largestFact...Money.largestFact, using: &random)
            let rate = Int64.random(in: 1...2_000_000_000, using: &random)
            let result = try #require(Money(minorUnits: units, currency: yuan).converted(to: dinar, rate: rate))
            let exact = Int128(units) * Int128(rate) * 1000
            #expect((2 * (Int128(result.minorUnits) * 10_000_000_000 - exact)).magnitude <= 10_000_000_000)
        }
    }

    @Test("moved by an entry comes back by the reversed one")
    func reversal() throws {
        let yuan = try #require(Currency("CNY")), day = try #require(LocalDate("2026-03-01"))
        let transfer = Transfer(debit: .bank, credit: .unapplied, amount: Money(minorUnits: 7, currency: yuan))
        let entry = JournalEntry(on: day, transfer)
        let back = entry.reversed(on: day.adding(days: 1))
        #expect(back.postingDay == day.adding(days: 1))
        #expect(back.transfers == [Transfer(debit: .unapplied, credit: .bank, amount: transfer.amount)])
        #expect(back.reversed(on: day) == entry)
    }
}
