internal import Database
internal import Foundation
package import Ledger
internal import OpenItems
internal import Receivables

extension Look {
    package struct AccountLine: Sendable {
        package let account: AccountRole
        package let code: String
        package let name: String
        package let currency: Currency
        /// The balance before the period, debits positive.
        package let opening: Int128
        /// Turnover of the period: what was debited, and what was credited.
        package let debit: Int128
        package let credit: Int128
        /// The balance at the end of the period, debits positive.
        package let balance: Int128
    }

    /// Balances of all accounts before a period and at its end, from memory, with its turnover from the entries.
    ///
    /// - Parameter from: The first day of the period; `asOf` is the last.
    package func balances(from: LocalDate, on asOf: LocalDate) throws -> [AccountLine] {
        try needEverything()
        let codes = try LedgerBalances.accountCodes(session)
        let turnovers: Turnovers = try store.outlooks.figures.report("turnover|\(from)|\(asOf)", act: outlook.act) {
            try grossTurnovers(from, asOf)
        }
        var lines: [AccountLine] = []
        let currencies = Set(outlook.items.debtors.map(\.currency)).union(turnovers.keys.map(\.currency))
            .union([company.currency]).sorted()
        for account in AccountRole.allCases {
            for currency in currencies {
                let days = outlook.items.turnover(of: account, currency)
                let turnover = turnovers[TurnoverKey(account: account, currency: currency)]
                // Also what comes to nothing each day moved.
                guard !days.isEmpty || turnover != nil else { continue }
                var (opening, balance) = (Int128(0), Int128(0))
                for (day, amount) in days where day <= asOf {
                    balance += amount
                    if day < from { opening += amount }
                }
                let (debit, credit) = turnover ?? (0, 0)
                lines.append(
                    AccountLine(
                        account: account, code: codes[account]?.code ?? "", name: codes[account]?.name ?? account.name,
                        currency: currency, opening: opening, debit: debit, credit: credit, balance: balance))
            }
        }
        return lines
    }

    /// What an account has on a day by currency, debits positive; from memory.
    package func balances(of account: AccountRole, on asOf: LocalDate) throws -> [(currency: Currency, amount: Int128)]
    {
        try needEverything()
        return Set(outlook.items.debtors.map(\.currency)).union([company.currency]).sorted().map { currency in
            let days = outlook.items.turnover(of: account, currency)
            return (currency, days.reduce(Int128(0)) { $1.day <= asOf ? $0 + $1.amount : $0 })
        }
    }

    private typealias Turnovers = [TurnoverKey: (debit: Int128, credit: Int128)]

    private struct TurnoverKey: Hashable, Sendable {
        let account: AccountRole
        let currency: Currency
    }

    private func grossTurnovers(_ from: LocalDate, _ asOf: LocalDate) throws -> [TurnoverKey: (
        debit: Int128, credit: Int128
    )] {
        var sums: [TurnoverKey: (debit: Int128, credit: Int128)] = [:]
        // Summed in two halves, so that not even the sum of all amounts can overflow the engine's integers.
        for row in try session.rows(
            """
            SELECT debit, credit, currency, CAST(sum(amount / 1000000) AS BIGINT), CAST(sum(amount % 1000000) AS BIGINT)
              FROM transfer WHERE posting_day BETWEEN \(from.dayNumber) AND \(asOf.dayNumber)
             GROUP BY debit, credit, currency
            """)
        {
            guard let currency = Currency(row.text(2)) else { continue }
            let amount = Int128(row.integer(3)) * 1_000_000 + Int128(row.integer(4))
            if let debit = AccountRole(rawValue: row.integer(0)) {
                sums[TurnoverKey(account: debit, currency: currency), default: (0, 0)].debit += amount
            }
            if let credit = AccountRole(rawValue: row.integer(1)) {
                sums[TurnoverKey(account: credit, currency: currency), default: (0, 0)].credit += amount
            }
        }
        return sums
    }

    /// The books and the journal are of all customers together: a narrower data scope sees neither.
    private func needEverything() throws {
        guard viewer.seesAll else { throw Refusal(.accessScope) }
    }

    package struct EntryRow: Sendable {
        package let id: Int64
        package let fact: Int64
        package let act: Int64
        package let actor: String
        package let postingDay: LocalDate
        package let other: AccountRole
        /// Debits of the account positive.
        package let amount: Money
        package let customer: String?
        package let customerName: String?
        package let subject: String
    }

    package struct EntryPage: Sendable {
        package let rows: [EntryRow]
        package let next: Int64?
        /// Whether older ones were not looked at yet, though the page isn't full.
        package let isCut: Bool
    }

    /// Entries of an account, newest first. At most some thousand transfers are looked at for one page.
    package func entries(of account: AccountRole, before: Int64?, limit: Int = 50) throws -> EntryPage {
        try needEverything()
        let acts = ActRepository(session: session)
        var rows: [EntryRow] = []
        var cursor = before ?? outlook.lastFact + 1
        var looked = 0
        while rows.count <= limit, looked < 20_000, cursor > 0 {
            let found = try session.rows(
                """
                SELECT t.id, t.fact, t.posting_day, t.debit, t.credit, t.currency, t.amount, t.customer FROM transfer t
                 WHERE t.id < \(cursor) ORDER BY t.id DESC LIMIT 1000
                """)
            guard let last = found.last else { return EntryPage(rows: rows, next: nil, isCut: false) }
            for row in found {
                let isDebit = row.integer(3) == account.rawValue
                guard isDebit || row.integer(4) == account.rawValue, rows.count <= limit,
                    let other = AccountRole(rawValue: isDebit ? row.integer(4) : row.integer(3)),
                    let currency = Currency(row.text(5))
                else { continue }
                let entry = row.optionalInteger(7).flatMap { outlook.attributes[$0] }
                let act = try acts.act(ofFact: row.integer(0))
                rows.append(
                    EntryRow(
                        id: row.integer(0), fact: row.integer(1), act: act?.seq ?? 0,
                        actor: act.map { outlook.names.called($0.actor) } ?? "",
                        postingDay: LocalDate(dayNumber: Int(row.integer(2))), other: other,
                        amount: Money(minorUnits: isDebit ? row.integer(6) : -row.integer(6), currency: currency),
                        customer: entry?.code, customerName: entry?.name, subject: try subject(ofFact: row.integer(1))))
            }
            looked += found.count
            cursor = last.integer(0)
        }
        let shown = Array(rows.prefix(limit))
        if rows.count > limit { return EntryPage(rows: shown, next: shown.last?.id, isCut: false) }
        return EntryPage(rows: shown, next: cursor, isCut: true)
    }

    /// One entry of the books (凭证): all that a fact posted.
    package struct EntryPicture: Sendable {
        package let fact: Int64
        /// What it is called, and in which table it stands.
        package let subject: String
        package let table: String
        /// The code of the entity whose books it is in.
        package let entity: String
        package let customer: String?
        package let customerName: String?
        package let transfers: [TransferRow]
        package let act: RegisterQueries.ActRow?
    }

    /// - Throws: `Refusal` `entry.unknown` where a fact posted nothing, or is none.
    package func entry(ofFact fact: Int64) throws -> EntryPicture {
        try needEverything()
        let transfers = try transfers(of: [fact])
        guard !transfers.isEmpty else { throw Refusal(.entryUnknown, ["entry": .text("\(fact)")]) }
        let number = try ActRepository(session: session).act(ofFact: fact)?.seq
        let customer = try session.row(
            """
            SELECT t.customer, e.code FROM transfer t JOIN entity e ON e.id = t.entity
             WHERE t.id > \(fact) AND t.id <= \(fact + 600) AND t.fact = \(fact) LIMIT 1
            """)
        var table = ""
        for candidate in ["invoice", "credit", "allocation", "reversal"] where table.isEmpty {
            if try session.row(SQL("SELECT 1 FROM \(candidate) WHERE id = $1", [.integer(fact)])) != nil {
                table = candidate
            }
        }
        let entry = customer?.optionalInteger(0).flatMap { outlook.attributes[$0] }
        return EntryPicture(
            fact: fact, subject: try subject(ofFact: fact), table: table, entity: customer?.text(1) ?? "main",
            customer: entry?.code,
            customerName: entry?.name, transfers: transfers, act: try number.map { try act($0, factLimit: 0).act })
    }

    /// What a posted fact is called: an invoice's number, a credit's reference, an allocation's both.
    func subject(ofFact fact: Int64) throws -> String {
        if let row = try session.row("SELECT number FROM invoice WHERE id = \(fact)") { return row.text(0) }
        if let row = try session.row("SELECT reference FROM credit WHERE id = \(fact)") { return row.text(0) }
        if let row = try session.row(
            """
            SELECT c.reference, v.number FROM allocation a JOIN credit c ON c.id = a.credit JOIN item i ON i.id = a.item
              JOIN invoice v ON v.id = i.invoice WHERE a.id = \(fact)
            """)
        {
            return "\(row.text(0)) → \(row.text(1))"
        }
        return ""
    }

    // MARK: The journal of acts

    package struct ActFilter: Sendable {
        package var command = ""
        package var actor = ""
        /// When they were recorded, exclusive of the end.
        package var since: Instant?
        package var until: Instant?
        package var before: Int64?
        package var limit = 50

        package init() {}
    }

    package struct ActPage: Sendable {
        package let rows: [RegisterQueries.ActRow]
        package let next: Int64?
    }

    /// Acts, newest first.
    package func acts(_ filter: ActFilter) throws -> ActPage {
        try needEverything()
        var rows: [RegisterQueries.ActRow] = []
        var cursor = filter.before ?? outlook.act + 1
        // Acts stand in the order of their time, so the end of the range is found by halving.
        if let until = filter.until { cursor = min(cursor, try firstAct(at: until)) }
        let lowest = try filter.since.map { try firstAct(at: $0) } ?? 0
        var looked = 0
        while rows.count <= filter.limit, looked < max(20_000, filter.limit * 4), cursor > lowest {
            let found = try session.rows(
                """
                SELECT seq, recorded_at, command, actor, source, fact_count, outcome, hash FROM act
                 WHERE seq < \(cursor) AND seq >= \(lowest)\(raw: filter.command.isEmpty ? "" : " AND command = '\(filter.command.filter { $0.isLetter || $0 == "-" })'")
                 ORDER BY seq DESC LIMIT 500
                """)
            guard let last = found.last else { break }
            for row in found where filter.actor.isEmpty || row.text(3) == filter.actor {
                rows.append(act(row))
                if rows.count > filter.limit { break }
            }
            looked += found.count
            cursor = last.integer(0)
        }
        let shown = Array(rows.prefix(filter.limit))
        let isCut = rows.count <= filter.limit && looked >= max(20_000, filter.limit * 4)
        return ActPage(rows: shown, next: rows.count > filter.limit ? shown.last?.number : isCut ? cursor : nil)
    }

    /// The first act that was recorded at or after an instant; one past the last where none was.
    private func firstAct(at instant: Instant) throws -> Int64 {
        var (low, high) = (Int64(1), outlook.act + 1)
        while low < high {
            let middle = (low + high) / 2
            let at = try session.row("SELECT recorded_at FROM act WHERE seq = \(middle)")?.integer(0) ?? .max
            if at < instant.microseconds { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// With the actor as people call them.
    private func act(_ row: SQLRow) -> RegisterQueries.ActRow {
        RegisterQueries.ActRow(
            number: row.integer(0), instant: Instant(microseconds: row.integer(1)), command: row.text(2),
            actor: outlook.names.called(row.text(3)), source: row.text(4), facts: row.integer(5), outcome: row.text(6),
            hash: row.blob(7).hexadecimal)
    }

    /// One fact of an act, with its fields as they are stored, and those of the version before.
    package struct FactRow: Sendable {
        package let number: Int64
        package let table: String
        package let fields: [(name: String, before: String?, now: String)]
    }

    /// An act with its facts, at most so many.
    ///
    /// - Throws: `Refusal` `act.unknown`.
    package func act(_ number: Int64, factLimit: Int = 60) throws -> (act: RegisterQueries.ActRow, facts: [FactRow]) {
        let found = try session.row(
            """
            SELECT seq, recorded_at, command, actor, source, fact_count, outcome, hash, first_fact FROM act
             WHERE seq = \(number)
            """)
        try needEverything()
        guard let found else { throw Refusal(.actUnknown, ["act": .text("#\(number)")]) }
        let first = found.integer(8)
        let last = first + min(found.integer(5), Int64(factLimit)) - 1
        var facts: [FactRow] = []
        for table in FactTable.all where last >= first {
            let columns = table.columns.map(\.name).joined(separator: ", ")
            let rows = try session.rows(
                SQL(
                    "SELECT id, \(columns) FROM \(table.name) WHERE id BETWEEN $1 AND $2 ORDER BY id",
                    [.integer(first), .integer(last)]))
            for row in rows { facts.append(try fact(row, table)) }
        }
        return (act(found), facts.sorted { $0.number < $1.number })
    }

    private func fact(_ row: SQLRow, _ table: FactTable) throws -> FactRow {
        // A version stands beside the one before it.
        var before: SQLRow?
        if let place = table.columns.firstIndex(where: { $0.name == "n" }), place > 0, row.integer(place + 1) > 1,
            table.columns[0].type == .integer
        {
            let columns = table.columns.map(\.name).joined(separator: ", ")
            before = try session.row(
                SQL(
                    "SELECT id, \(columns) FROM \(table.name) WHERE \(table.columns[0].name) = $1 AND n = $2",
                    [.integer(row.integer(1)), .integer(row.integer(place + 1) - 1)]))
        }
        func text(_ row: SQLRow, _ position: Int) throws -> String {
            let column = table.columns[position]
            switch column.type {
            case .text: return row.optionalText(position + 1) ?? ""
            case .blob: return String(row.blob(position + 1).hexadecimal.prefix(16)) + "…"
            case .integer:
                guard let value = row.optionalInteger(position + 1) else { return "" }
                if column.name == "day" || column.name.hasSuffix("_day") || column.name == "valid_from" {
                    return "\(LocalDate(dayNumber: Int(value)))"
                }
                return try called(value, column.name, in: table, row)
            }
        }
        return FactRow(
            number: row.integer(0), table: table.name,
            fields: try table.columns.indices.compactMap { position in
                let now = try text(row, position)
                let was = try before.map { try text($0, position) }
                return now.isEmpty && (was ?? "").isEmpty ? nil : (table.columns[position].name, was, now)
            })
    }

    /// What a number in a fact stands for, as people call it: a person's name, a record's number, an amount of money.
    private func called(_ value: Int64, _ column: String, in table: FactTable, _ row: SQLRow) throws -> String {
        let plain = "\(value)"
        switch column {
        case "person", "manager", "sales_owner", "collector", "assignee", "deputy", "requested_by":
            return outlook.names[value] ?? plain
        case "customer", "group_id":
            return outlook.attributes[value].map { "\($0.code) \($0.name)" } ?? plain
        case "debit",
            "credit" where table.name == "transfer", "role" where table.name == "account_code":
            return AccountRole(rawValue: value)?.name ?? plain
        case "role" where table.name == "role_grant": return Role(rawValue: value)?.name ?? plain
        case "kind" where table.name == "customer_version": return Customer.Kind(rawValue: value)?.name ?? plain
        case "size": return Customer.Size(rawValue: value)?.name ?? plain
        case "purpose": return Contact.Purpose(rawValue: value)?.name ?? plain
        case "rule": return RuleCode(rawValue: value)?.name ?? plain
        case "invoice", "about_invoice":
            return try session.row("SELECT number FROM invoice WHERE id = \(value)")?.text(0) ?? plain
        case "credit": return try session.row("SELECT reference FROM credit WHERE id = \(value)")?.text(0) ?? plain
        case "item",
            "subject" where table.name == "task_item", "subject" where table.name == "occurrence":
            let number = try session.row(
                "SELECT v.number FROM item i JOIN invoice v ON v.id = i.invoice WHERE i.id = \(value)")
            return number?.text(0) ?? plain
        case "amount", "net_amount", "tax_amount":
            guard let place = table.columns.firstIndex(where: { $0.name == "currency" }),
                let currency = row.optionalText(place + 1).flatMap({ Currency($0) })
            else { return plain }
            return Money.decimal(of: Int128(value), exponent: currency.exponent)
        default: return plain
        }
    }

    /// Commands that stand in the journal, for the filter.
    package func commands() throws -> [String] {
        // By the index one step per command, however many acts there are.
        var found: [String] = []
        var last = ""
        while found.count < 200,
            let next = try session.row("SELECT min(command) FROM act WHERE command > \(last)")?.optionalText(0)
        {
            found.append(next)
            last = next
        }
        return found
    }
}
