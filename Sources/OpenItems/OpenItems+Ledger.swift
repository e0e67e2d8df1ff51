package import Ledger

extension OpenItems {
    /// An account's turnover by posting day, in one currency.
    struct Turnover: Hashable, Sendable {
        let account: Int64
        let currency: Currency
    }

    /// Adds a transfer's effect on an account: debits positive, in minor units.
    ///
    /// Kept by day, so that every aging report can print the control account beside its buckets
    /// without reading the ledger again.
    package mutating func addTurnover(account: AccountRole, currency: Currency, day: Int32, amount: Int128) {
        turnovers[Turnover(account: account.rawValue, currency: currency), default: [:]][day, default: 0] += amount
    }

    /// Balances of an account up to and including a day, by currency; debits positive.
    package func balances(of account: AccountRole, on day: LocalDate) -> [Currency: Int128] {
        var balances: [Currency: Int128] = [:]
        let last = Int32(day.dayNumber)
        for (key, days) in turnovers where key.account == account.rawValue {
            balances[key.currency, default: 0] += days.reduce(Int128(0)) { $1.key <= last ? $0 + $1.value : $0 }
        }
        return balances
    }
}
