internal import Database
package import Formats
package import Ledger
internal import Receivables

/// Writes the journal as text for other programs, entry by entry, in memory of a fixed size.
package struct ExportJournal: Sendable {
    package let format: JournalFormat
    /// Posting days, inclusive; `nil` is without bound.
    package let from: LocalDate?
    package let to: LocalDate?

    /// Texts of summaries; English without one.
    package var catalogue: Catalogue?

    package init(_ format: JournalFormat, from: LocalDate? = nil, to: LocalDate? = nil) {
        self.format = format
        self.from = from
        self.to = to
    }

    package func run(in store: Store, _ write: (String) throws -> Void) throws {
        try store.read { session in
            let first = from?.dayNumber ?? -1_000_000
            let last = to?.dayNumber ?? 10_000_000
            let bounds = try session.row("SELECT min(posting_day) FROM transfer WHERE posting_day >= \(first)")
            let firstDay = LocalDate(dayNumber: Int(bounds?.optionalInteger(0) ?? 0))
            let currencies = try session.rows("SELECT DISTINCT currency FROM transfer ORDER BY currency")
                .compactMap { Currency($0.text(0)) }
            try write(format.head(firstDay: firstDay, currencies: currencies))

            let describer = try FactDescriber(session, try catalogue ?? Catalogue(.english))
            let codes = try LedgerBalances.accountCodes(session)
            let acts = try ActRanges(session)
            let statement = try session.scan(
                """
                SELECT t.fact, t.posting_day, t.debit, t.credit, t.currency, t.amount, c.code, t.entity, l.functional,
                    l.difference
                  FROM transfer t LEFT JOIN customer c ON c.id = t.customer LEFT JOIN translation l ON l.transfer = t.id
                 WHERE t.posting_day BETWEEN $1 AND $2 ORDER BY t.posting_day, t.fact, t.id
                """)
            statement.bind(1, Int64(first))
            statement.bind(2, Int64(last))
            defer { statement.reset() }
            let entities = EntityRepository(session: session, facts: nil)
            var lines: [VoucherLine] = []
            var isFirst = true
            func flush() throws {
                guard !lines.isEmpty else { return }
                try write(format.entry(Self.merged(lines), isFirst: isFirst))
                isFirst = false
                lines.removeAll(keepingCapacity: true)
            }
            while try statement.step() {
                let fact = statement.integer(0)
                if let previous = lines.first, previous.entry != fact { try flush() }
                guard let currency = Currency(statement.text(4)),
                    let debit = AccountRole(rawValue: statement.integer(2)),
                    let credit = AccountRole(rawValue: statement.integer(3))
                else { throw DatabaseFailure.corrupt(detail: "transfer of fact \(fact)") }
                let amount = Money(minorUnits: statement.integer(5), currency: currency)
                let day = LocalDate(dayNumber: Int(statement.integer(1)))
                let customer = statement.isNull(6) ? "" : statement.text(6)
                let summary = try lines.first?.summary ?? describer.describe(fact)
                let entityCode = try entities.code(of: statement.integer(7))
                let base = try entities.functionalCurrency(of: statement.integer(7))
                func add(_ account: AccountRole, _ amount: Money, _ functional: Money?) {
                    lines.append(
                        VoucherLine(
                            day: day, entry: fact, act: acts.act(of: fact), account: account,
                            accountCode: codes[account]?.code ?? "", accountName: codes[account]?.name ?? "",
                            entity: entityCode, amount: amount, functional: functional,
                            customer: customer, summary: summary))
                }
                let functional =
                    currency == base
                    ? amount : statement.optionalInteger(8).map { Money(minorUnits: $0, currency: base) }
                add(debit, amount, functional)
                add(credit, -amount, functional.map { -$0 })
                if format.showsFunctionalAmounts, let difference = statement.optionalInteger(9), difference != 0 {
                    let realised = Money(minorUnits: difference, currency: base)
                    add(LedgerBalances.differenceAccount(debit, credit), .zero(currency), realised)
                    add(.exchangeDifference, .zero(currency), -realised)
                }
            }
            try flush()
            try write(format.foot)
        }
    }

    /// Equal accounts of one entry are added up, as a voucher shows them.
    private static func merged(_ lines: [VoucherLine]) -> [VoucherLine] {
        var merged: [VoucherLine] = []
        for line in lines {
            if let index = merged.firstIndex(where: {
                $0.account == line.account && $0.amount.currency == line.amount.currency
            }) {
                let old = merged[index]
                merged[index] = VoucherLine(
                    day: old.day, entry: old.entry, act: old.act, account: old.account, accountCode: old.accountCode,
                    accountName: old.accountName, entity: old.entity, amount: old.amount + line.amount,
                    functional: old.functional.flatMap { before in line.functional.map { before + $0 } },
                    customer: old.customer, summary: old.summary)
            } else {
                merged.append(line)
            }
        }
        return merged
    }
}

/// Says in a few words what a fact is, for the summary of a voucher.
final class FactDescriber {
    private let catalogue: Catalogue
    private let statement: any SQLStatement

    init(_ session: any SQLSession, _ catalogue: Catalogue) throws {
        self.catalogue = catalogue
        statement = try session.statement(
            """
            SELECT v.number, c.kind, c.reference, a.reverses, ac.reference, av.number, rc.kind, rc.reference,
                ec.reference
              FROM (SELECT CAST($1 AS BIGINT) AS fact) f LEFT JOIN invoice v ON v.id = f.fact LEFT JOIN credit c ON c.id = f.fact
              LEFT JOIN allocation a ON a.id = f.fact LEFT JOIN credit ac ON ac.id = a.credit
              LEFT JOIN item i ON i.id = a.item LEFT JOIN invoice av ON av.id = i.invoice
              LEFT JOIN reversal r ON r.id = f.fact LEFT JOIN credit rc ON rc.id = r.fact
              LEFT JOIN credit_event e ON e.id = f.fact LEFT JOIN credit ec ON ec.id = e.credit
            """)
    }

    func describe(_ fact: Int64) throws -> String {
        statement.bind(1, fact)
        defer { statement.reset() }
        guard try statement.step() else { return "" }
        func text(_ key: String, _ name: Int, invoice: Int? = nil) -> String {
            catalogue.text(
                "voucher.\(key)",
                ["name": .text(statement.text(name)), "invoice": .text(invoice.map { statement.text($0) } ?? "")])
        }
        func kind(_ column: Int) -> String { Credit.Kind(rawValue: statement.integer(column))?.name ?? "receipt" }
        if !statement.isNull(0) { return text("invoice", 0) }
        if !statement.isNull(2) { return text(kind(1), 2) }
        if !statement.isNull(4) { return text(statement.isNull(3) ? "allocation" : "unallocation", 4, invoice: 5) }
        if !statement.isNull(7) { return text("reversed_\(kind(6))", 7) }
        return statement.isNull(8) ? "" : text("identified", 8)
    }
}

/// Which act a fact belongs to, from the ranges that acts name.
struct ActRanges {
    private var firstFacts: [Int64] = []
    private var acts: [Int64] = []

    init(_ session: any SQLSession) throws {
        let statement = try session.scan("SELECT seq, first_fact FROM act WHERE fact_count > 0 ORDER BY seq")
        while try statement.step() {
            acts.append(statement.integer(0))
            firstFacts.append(statement.integer(1))
        }
    }

    func act(of fact: Int64) -> Int64 {
        var low = 0
        var high = firstFacts.count
        while low < high {
            let middle = (low + high) / 2
            if firstFacts[middle] <= fact { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? acts[low - 1] : 0
    }
}
