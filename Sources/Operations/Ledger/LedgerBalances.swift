internal import Database
package import Ledger
internal import Receivables

/// Balances of the ledger's accounts from its transfers; debits positive, minor units.
package enum LedgerBalances {
    static func read(
        _ session: any SQLSession, asOf: LocalDate, knownFact: Int64, entity: Int64? = nil
    ) throws -> [AccountRole: [Currency: Int128]] {
        var balances: [AccountRole: [Currency: Int128]] = [:]
        let rows = try session.rows(
            """
            SELECT debit, credit, currency, CAST(sum(amount / 1000000) AS BIGINT), CAST(sum(amount % 1000000) AS BIGINT)
              FROM transfer WHERE posting_day <= \(asOf.dayNumber) AND id <= \(knownFact)
               AND (\(entity == nil ? 1 : 0) = 1 OR entity = \(entity ?? 0))
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
        /// The balance in the functional currency; debits positive.
        package let functional: Int128
    }

    package struct TrialBalance: Sendable {
        package let lines: [Line]
        package let functionalCurrency: Currency
        /// How many postings up to the day have no functional amount yet, by currency: they are not in `functional`.
        package let untranslated: [Currency: Int]

        /// What debits exceed credits by, in the currencies and in the functional one; empty in sound books.
        package var differences: [(currency: Currency, amount: Int128)] {
            var sums: [Currency: Int128] = [:]
            for line in lines { sums[line.currency, default: 0] += line.debit - line.credit }
            let functional = lines.reduce(Int128(0)) { $0 + $1.functional }
            let off = sums.filter { $0.value != 0 }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
            return off + (functional == 0 ? [] : [(functionalCurrency, functional)])
        }
    }

    /// Turnover and balance of every account of a legal entity as of a day.
    ///
    /// - Parameter entity: The code; `nil` is the main one.
    /// - Throws: `Refusal` `entity.unknown`.
    package static func trialBalance(in store: Store, entity code: String? = nil, asOf: LocalDate) throws
        -> TrialBalance
    {
        try store.read { session in
            let entities = EntityRepository(session: session, facts: nil)
            let entity = try entities.find(code)
            let base = try entities.functionalCurrency(of: entity)
            let balances = try read(session, asOf: asOf, knownFact: .max, entity: entity)
            let functional = try functional(session, entity, base, balances, asOf)
            let codes = try accountCodes(session)
            let lines = AccountRole.allCases.flatMap { account -> [Line] in
                let own = (balances[account] ?? [:]).keys
                let currencies = Set(own).union((functional[account] ?? [:]).keys)
                return currencies.sorted().map { currency in
                    let balance = balances[account]?[currency] ?? 0
                    return Line(
                        account: account, code: codes[account]?.code ?? "", name: codes[account]?.name ?? account.name,
                        currency: currency, debit: max(balance, 0), credit: max(-balance, 0),
                        functional: functional[account]?[currency] ?? 0)
                }
            }
            let waiting = try session.rows(
                """
                SELECT u.currency, count(*) FROM untranslated u JOIN transfer t ON t.id = u.transfer
                 WHERE t.entity = \(entity) AND u.posting_day <= \(asOf.dayNumber) GROUP BY u.currency ORDER BY u.currency
                """)
            var untranslated: [Currency: Int] = [:]
            for row in waiting {
                if let currency = Currency(row.text(0)) { untranslated[currency] = Int(row.integer(1)) }
            }
            return TrialBalance(lines: lines, functionalCurrency: base, untranslated: untranslated)
        }
    }

    /// Functional balances by account and transaction currency: what is in the functional currency itself, and
    /// what was translated into it.
    private static func functional(
        _ session: any SQLSession, _ entity: Int64, _ base: Currency, _ balances: [AccountRole: [Currency: Int128]],
        _ asOf: LocalDate
    ) throws -> [AccountRole: [Currency: Int128]] {
        var sums: [AccountRole: [Currency: Int128]] = [:]
        for (account, byCurrency) in balances { if let own = byCurrency[base] { sums[account] = [base: own] } }
        let rows = try session.rows(
            """
            SELECT t.debit, t.credit, t.currency, CAST(sum(l.functional / 1000000) AS BIGINT),
                CAST(sum(l.functional % 1000000) AS BIGINT), CAST(sum(l.difference) AS BIGINT)
              FROM translation l JOIN transfer t ON t.id = l.transfer
             WHERE t.entity = \(entity) AND t.posting_day <= \(asOf.dayNumber)
             GROUP BY t.debit, t.credit, t.currency ORDER BY t.debit, t.credit, t.currency
            """)
        for row in rows {
            guard let debit = AccountRole(rawValue: row.integer(0)), let credit = AccountRole(rawValue: row.integer(1)),
                let currency = Currency(row.text(2))
            else { continue }
            let amount = Int128(row.integer(3)) * 1_000_000 + Int128(row.integer(4))
            let difference = Int128(row.integer(5))
            sums[debit, default: [:]][currency, default: 0] += amount
            sums[credit, default: [:]][currency, default: 0] -= amount
            guard difference != 0 else { continue }
            sums[differenceAccount(debit, credit), default: [:]][currency, default: 0] += difference
            sums[.exchangeDifference, default: [:]][currency, default: 0] -= difference
        }
        return sums
    }

    /// The account that a translation's exchange difference moves, against `exchangeDifference`: where the two
    /// currencies meet, else where the credit waited.
    static func differenceAccount(_ debit: AccountRole, _ credit: AccountRole) -> AccountRole {
        if debit == .exchangeClearing || credit == .exchangeClearing { return .exchangeClearing }
        return debit == .receivable ? credit : debit
    }

    static func accountCodes(_ session: any SQLSession) throws -> [AccountRole: (code: String, name: String)] {
        var codes = Dictionary(uniqueKeysWithValues: AccountRole.allCases.map { ($0, $0.inChineseChart) })
        for row in try session.rows("SELECT role, code, name FROM account_code ORDER BY role, n") {
            if let role = AccountRole(rawValue: row.integer(0)) { codes[role] = (row.text(1), row.text(2)) }
        }
        return codes
    }
}

/// The company's own code and name for an account role; what was exported before keeps what it had.
package enum AccountCodes {
    /// - Throws: `Refusal` `account.unknown`, `account.taken`.
    package static func set(
        _ role: String, code: String, name: String, in store: Store, _ request: ActRequest
    ) async throws -> Int64? {
        guard let account = AccountRole.allCases.first(where: { $0.name == role }) else {
            let known = AccountRole.allCases.map(\.name).joined(separator: ", ")
            throw Refusal(.accountUnknown, ["account": .text(role), "known": .text(known)])
        }
        return try await store.write(request) { books in
            let codes = try LedgerBalances.accountCodes(books.session)
            if let other = codes.first(where: { $0.key != account && $0.value.code == code }) {
                throw Refusal(.accountTaken, ["code": .text(code), "account": .text(other.key.name)])
            }
            let last = try books.session.row(
                "SELECT coalesce(max(n), 0) FROM account_code WHERE role = \(account.rawValue)")
            try books.facts.append(.accountCode) { row in
                row.integer(account.rawValue)
                row.integer((last?.integer(0) ?? 0) + 1)
                row.integer(Int64(books.today.dayNumber))
                row.text(code)
                row.text(name)
            }
            return 1
        }.act
    }

    package static func all(in store: Store) throws -> [(role: String, code: String, name: String)] {
        try store.read { session in
            let codes = try LedgerBalances.accountCodes(session)
            return AccountRole.allCases.map { ($0.name, codes[$0]?.code ?? "", codes[$0]?.name ?? "") }
        }
    }
}
