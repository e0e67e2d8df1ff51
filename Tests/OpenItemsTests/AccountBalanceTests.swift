import Ledger
import OpenItems
import Testing

@Suite("An account's balance")
struct AccountBalanceTests {
    @Test("counts each day up to and including the one asked for, in each currency by itself")
    func days() throws {
        let day = PlainBooks.firstDay
        var picture = OpenItems()
        #expect(picture.balances(of: .receivable, on: day).isEmpty)
        picture.addTurnover(account: .receivable, currency: .yuan, day: day.number, amount: 1_000)
        picture.addTurnover(account: .receivable, currency: .yuan, day: day.number, amount: -300)
        picture.addTurnover(account: .receivable, currency: .yuan, day: day.number + 1, amount: -700)
        picture.addTurnover(account: .receivable, currency: .yen, day: day.number + 1, amount: 50)
        picture.addTurnover(account: .unapplied, currency: .yuan, day: day.number, amount: -20)
        #expect(picture.balances(of: .receivable, on: day.adding(days: -1))[.yuan, default: 0] == 0)
        #expect(picture.balances(of: .receivable, on: day)[.yuan] == 700)
        #expect(picture.balances(of: .receivable, on: day)[.yen, default: 0] == 0)
        #expect(picture.balances(of: .receivable, on: day.adding(days: 1)) == [.yuan: 0, .yen: 50])
        #expect(picture.balances(of: .receivable, on: day.adding(days: 500)) == [.yuan: 0, .yen: 50])
        #expect(picture.balances(of: .unapplied, on: day) == [.yuan: -20])
        #expect(picture.balances(of: .bank, on: day).isEmpty)
    }

    @Test("is the sum of its turnovers, in whatever order they come")
    func sums() {
        var random = SeededGenerator(seed: 1)
        var picture = OpenItems()
        var turnovers: [(account: AccountRole, currency: Currency, day: Int32, amount: Int128)] = []
        for _ in 0..<300 {
            let account: AccountRole = Bool.random(using: &random) ? .receivable : .bank
            let currency: Currency = Bool.random(using: &random) ? .yuan : .yen
            // Beyond an `Int64`: a day's turnover is a sum over all debtors.
            let amount = Int128(Int64.random(in: .min ... .max, using: &random)) * 1_000
            turnovers.append((account, currency, .random(in: 19_700...19_760, using: &random), amount))
        }
        for (index, each) in turnovers.enumerated() {
            picture.addTurnover(account: each.account, currency: each.currency, day: each.day, amount: each.amount)
            if index % 100 == 50 { picture.sort() }
        }
        for day in Int32(19_699)...19_761 {
            for account in [AccountRole.receivable, .bank] {
                let found = picture.balances(of: account, on: LocalDate(number: day))
                for currency in [Currency.yuan, .yen] {
                    let counted = turnovers.filter {
                        $0.account == account && $0.currency == currency && $0.day <= day
                    }
                    #expect(found[currency, default: 0] == counted.reduce(Int128(0)) { $0 + $1.amount })
                }
            }
        }
    }
}
