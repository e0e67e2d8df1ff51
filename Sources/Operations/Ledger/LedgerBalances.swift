internal import Database
package import Ledger

/// Balances of the ledger's accounts from its transfers; debits positive, minor units.
package enum LedgerBalances {
    static func read(
        _ session: any SQLSession, asOf: LocalDate, knownFact: Int64
    ) throws -> [AccountRole: [Currency: Int128]] {
        var balances: [AccountRole: [Currency: Int128]] = [:]
        let rows = try session.rows(
            """
            SELECT debit, credit, currency, CAST(sum(amount / 1000000) AS INTEGER), CAST(sum(amount % 1000000) AS INTEGER)
              FROM transfer WHERE posting_day <= \(asOf.dayNumber) AND id <= \(knownFact)
             GROUP BY debit, credit, currency ORDER BY debit, credit, currency
            """)
        for row in rows {
            guard let currency = Currency(row.text(2)) else { continue }
            // Summed in two halves, so that not even the sum of all amounts can overflow the engine's integers.
            let amount = Int128(row.integer(3)) * 1_000_000 + Int128(row.integer(4))
            if let debit = AccountRole(rawValue: row.integer(0)) {
                balances[debit, default: [:]][currency, default: 0] += amount
            }
            if let credit = AccountRole(rawValue: row.integer(1)) {
                balances[credit, default: [:]][currency, default: 0] -= amount
            }
        }
        return balances
    }

    /// One line of a trial balance (试算平衡表).
    package struct Line: Sendable {
        package let account: AccountRole
        package let code: String
        package let name: String
        package let currency: Currency
        package let debit: Int128
        package let credit: Int128
    }

    /// Turnover and balance of every account as of a day.
    package static func trialBalance(in store: Store, asOf: LocalDate) throws -> [Line] {
        try store.read { session in
            let balances = try read(session, asOf: asOf, knownFact: .max)
            let codes = try accountCodes(session)
            return AccountRole.allCases.flatMap { account in
                (balances[account] ?? [:]).sorted { $0.key < $1.key }.map { currency, balance in
                    Line(
                        account: account, code: codes[account]?.code ?? "", name: codes[account]?.name ?? account.name,
                        currency: currency, debit: max(balance, 0), credit: max(-balance, 0))
                }
            }
        }
    }

    static func accountCodes(_ session: any SQLSession) throws -> [AccountRole: (code: String, name: String)] {
        var codes: [AccountRole: (code: String, name: String)] = [:]
        for row in try session.rows("SELECT role, code, name FROM account_code ORDER BY role, n") {
            if let role = AccountRole(rawValue: row.integer(0)) { codes[role] = (row.text(1), row.text(2)) }
        }
        return codes
    }
}
