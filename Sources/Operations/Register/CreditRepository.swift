internal import Database
internal import Ledger
internal import Receivables

/// Credits (receipts, credit notes, corrections) and their allocations to items.
final class CreditRepository {
    /// A credit and what is left of it.
    struct State {
        let id: Int64
        let entity: Int64
        let kind: Credit.Kind
        let reference: String
        let bankAccount: String
        var customer: ID<Customer>?
        let valueDay: LocalDate
        let postingDay: LocalDate
        let currency: Currency
        let amount: Int64
        var unapplied: Int64
        let isUnwound: Bool
        let isReversed: Bool

        var source: Allocation.Source {
            Allocation.Source(
                reference: reference, customer: customer, postingDay: postingDay, currency: currency,
                unapplied: unapplied, isReversed: isReversed)
        }
    }

    /// What is registered of a new credit.
    struct Content {
        var kind: Credit.Kind
        var reference: String
        var bankAccount = ""
        var customer: ID<Customer>?
        var valueDay: LocalDate
        var postingDay: LocalDate
        var amount: Money
        var aboutInvoice: Int64?
        var method: Credit.Method?
        var payer: String?
        var payerAccount: String?
        var remittance: String?
        /// Fact of the payer's texts when the payer is an individual.
        var personal: Int64?
        var reason: String?
    }

    /// How an allocation came about.
    enum Source: Int64 { case hand = 1, imported, rule }

    private let session: any SQLSession
    private let facts: FactWriter
    private let ledger: LedgerRepository
    private let findStatement: any SQLStatement
    private let insertBalance: any SQLStatement
    private let reduceCredit: any SQLStatement
    private let reduceItem: any SQLStatement
    private let allocatedStatement: any SQLStatement

    private static let columns = """
        c.id, c.entity, c.kind, c.reference, c.bank_account, b.customer, c.value_day, c.posting_day, c.currency,
        c.amount, b.unapplied, b.unwound, b.reversed
        """

    init(session: any SQLSession, facts: FactWriter, ledger: LedgerRepository) throws {
        self.session = session
        self.facts = facts
        self.ledger = ledger
        findStatement = try session.statement(
            """
            SELECT \(Self.columns) FROM credit c JOIN credit_balance b ON b.credit = c.id
             WHERE c.entity = $1 AND c.kind = $2 AND c.reference = $3 ORDER BY c.bank_account LIMIT 20
            """)
        insertBalance = try session.statement(
            "INSERT INTO credit_balance (credit, amount, unapplied, customer) VALUES ($1, $2, $3, $4)")
        reduceCredit = try session.statement(
            "UPDATE credit_balance SET unapplied = unapplied - $1, unwound = max(unwound, $2) WHERE credit = $3")
        reduceItem = try session.statement(
            "UPDATE item_balance SET open = open - $1, unwound = max(unwound, $2) WHERE item = $3")
        // `credit_amount > 0` says the same as `reverses IS NULL`, which would lead the planner to the wrong index.
        allocatedStatement = try session.statement(
            """
            SELECT n, item_amount, credit_amount FROM allocation
             WHERE credit = $1 AND item = $2 AND value_day = $3 AND credit_amount > 0 ORDER BY n
            """)
    }

    /// Credits of a kind by reference: one for each bank account that has it.
    func find(entity: Int64, kind: Credit.Kind, reference: String) throws -> [State] {
        findStatement.bind(1, entity)
        findStatement.bind(2, kind.rawValue)
        findStatement.bind(3, text: reference)
        defer { findStatement.reset() }
        var found: [State] = []
        while try findStatement.step() {
            guard let state = Self.state(findStatement) else { continue }
            found.append(state)
        }
        return found
    }

    func find(id: Int64) throws -> State? {
        let statement = try session.statement(
            "SELECT \(Self.columns) FROM credit c JOIN credit_balance b ON b.credit = c.id WHERE c.id = $1")
        statement.bind(1, id)
        defer { statement.reset() }
        return try statement.step() ? Self.state(statement) : nil
    }

    private static func state(_ row: any SQLStatement) -> State? {
        guard let kind = Credit.Kind(rawValue: row.integer(2)), let currency = Currency(row.text(8)) else { return nil }
        return State(
            id: row.integer(0), entity: row.integer(1), kind: kind, reference: row.text(3), bankAccount: row.text(4),
            customer: row.optionalInteger(5).map { ID($0) }, valueDay: LocalDate(dayNumber: Int(row.integer(6))),
            postingDay: LocalDate(dayNumber: Int(row.integer(7))), currency: currency, amount: row.integer(9),
            unapplied: row.integer(10), isUnwound: row.integer(11) == 1, isReversed: row.integer(12) == 1)
    }

    /// The content as registered, for comparing a file's line with it.
    func content(_ id: Int64) throws -> Content? {
        let row = try session.row(
            """
            SELECT kind, reference, bank_account, customer, value_day, posting_day, currency, amount, about_invoice,
                method, payer, payer_account, remittance, personal, reason FROM credit WHERE id = \(id)
            """)
        guard let row, let currency = Currency(row.text(6)), let kind = Credit.Kind(rawValue: row.integer(0)) else {
            return nil
        }
        return Content(
            kind: kind, reference: row.text(1), bankAccount: row.text(2),
            customer: row.optionalInteger(3).map { ID($0) }, valueDay: LocalDate(dayNumber: Int(row.integer(4))),
            postingDay: LocalDate(dayNumber: Int(row.integer(5))),
            amount: Money(minorUnits: row.integer(7), currency: currency), aboutInvoice: row.optionalInteger(8),
            method: row.optionalInteger(9).flatMap(Credit.Method.init), payer: row.optionalText(10),
            payerAccount: row.optionalText(11), remittance: row.optionalText(12), personal: row.optionalInteger(13),
            reason: row.optionalText(14))
    }

    /// Registers a credit and posts it to where it waits.
    func register(_ content: Content, entity: Int64) throws -> State {
        let id = try facts.append(.credit) { row in
            row.integer(entity)
            row.integer(content.kind.rawValue)
            row.text(content.reference)
            row.text(content.bankAccount)
            row.integer(content.customer?.rawValue)
            row.integer(Int64(content.valueDay.dayNumber))
            row.integer(Int64(content.postingDay.dayNumber))
            row.text(content.amount.currency.code)
            row.integer(content.amount.minorUnits)
            row.integer(content.aboutInvoice)
            row.integer(content.method?.rawValue)
            row.text(content.payer)
            row.text(content.payerAccount)
            row.text(content.remittance)
            row.integer(content.personal)
            row.text(content.reason)
        }
        insertBalance.bind(1, id)
        insertBalance.bind(2, content.amount.minorUnits)
        insertBalance.bind(3, content.amount.minorUnits)
        insertBalance.bind(4, value: content.customer.map { .integer($0.rawValue) } ?? .null)
        try insertBalance.run()
        let entry = Credit.entry(
            content.kind, content.amount, on: content.postingDay, customerIsKnown: content.customer != nil)
        try ledger.post(entry, of: id, entity: entity, customer: content.customer?.rawValue)
        return State(
            id: id, entity: entity, kind: content.kind, reference: content.reference, bankAccount: content.bankAccount,
            customer: content.customer, valueDay: content.valueDay, postingDay: content.postingDay,
            currency: content.amount.currency, amount: content.amount.minorUnits,
            unapplied: content.amount.minorUnits, isUnwound: false, isReversed: false)
    }

    /// Finds the payer of a receipt in suspense: dated as the receipt, because the money was the customer's then.
    func identify(_ credit: inout State, customer: ID<Customer>) throws {
        guard credit.customer == nil else { return }
        let waiting = credit.unapplied
        let state = credit
        let last = try session.row("SELECT coalesce(max(n), 0) FROM credit_event WHERE credit = \(credit.id)")
        let fact = try facts.append(.creditEvent) { row in
            row.integer(state.id)
            row.integer((last?.integer(0) ?? 0) + 1)
            row.integer(1)
            row.integer(Int64(state.valueDay.dayNumber))
            row.integer(Int64(state.postingDay.dayNumber))
            row.integer(customer.rawValue)
            row.integer(waiting)
        }
        try session.execute("UPDATE credit_balance SET customer = \(customer.rawValue) WHERE credit = \(credit.id)")
        let amount = Money(minorUnits: waiting, currency: credit.currency)
        try ledger.post(
            Credit.identification(amount, on: credit.postingDay), of: fact, entity: credit.entity,
            customer: customer.rawValue)
        credit.customer = customer
    }

    /// Allocations of a credit to an item on a value day, first to last, as they were made.
    func allocated(credit: Int64, item: Int64, on day: LocalDate) throws -> [(n: Int64, credit: Int64, item: Int64)] {
        allocatedStatement.bind(1, credit)
        allocatedStatement.bind(2, item)
        allocatedStatement.bind(3, Int64(day.dayNumber))
        defer { allocatedStatement.reset() }
        var found: [(n: Int64, credit: Int64, item: Int64)] = []
        while try allocatedStatement.step() {
            found.append((allocatedStatement.integer(0), allocatedStatement.integer(2), allocatedStatement.integer(1)))
        }
        return found
    }

    /// Writes an allocation that was decided, and posts it.
    func append(
        _ allocation: Allocation, credit: inout State, item: InvoiceRepository.ItemState, valueDay: LocalDate, n: Int64,
        customer: ID<Customer>, source: Source, reason: String?
    ) throws {
        let state = credit
        let fact = try facts.append(.allocation) { row in
            row.integer(state.id)
            row.integer(item.id)
            row.integer(Int64(valueDay.dayNumber))
            row.integer(n)
            row.integer(Int64(allocation.postingDay.dayNumber))
            row.integer(allocation.creditAmount.minorUnits)
            row.integer(allocation.itemAmount.minorUnits)
            row.null()
            row.integer(source.rawValue)
            row.text(reason)
        }
        try reduce(
            credit: credit.id, by: allocation.creditAmount.minorUnits, item: item.id,
            by: allocation.itemAmount.minorUnits, unwinds: false)
        credit.unapplied -= allocation.creditAmount.minorUnits
        try ledger.post(allocation.entry, of: fact, entity: credit.entity, customer: customer.rawValue)
    }

    private func reduce(credit: Int64, by creditAmount: Int64, item: Int64, by itemAmount: Int64, unwinds: Bool) throws
    {
        reduceCredit.bind(1, creditAmount)
        reduceCredit.bind(2, unwinds ? 1 : 0)
        reduceCredit.bind(3, credit)
        try reduceCredit.run()
        reduceItem.bind(1, itemAmount)
        reduceItem.bind(2, unwinds ? 1 : 0)
        reduceItem.bind(3, item)
        try reduceItem.run()
    }

    /// An allocation as it was made, for taking it back.
    struct Made {
        let id: Int64
        let credit: Int64
        let item: Int64
        let valueDay: LocalDate
        let postingDay: LocalDate
        let creditAmount: Money
        let itemAmount: Money
        let customer: ID<Customer>
        let entity: Int64
        let isReversed: Bool
    }

    func made(where condition: String, _ number: Int64) throws -> [Made] {
        let rows = try session.rows(
            """
            SELECT a.id, a.credit, a.item, a.value_day, a.posting_day, a.credit_amount, a.item_amount, c.currency,
                v.currency, v.customer, v.entity, r.id
              FROM allocation a JOIN credit c ON c.id = a.credit JOIN item i ON i.id = a.item
              JOIN invoice v ON v.id = i.invoice LEFT JOIN allocation r ON r.reverses = a.id
             WHERE \(raw: condition) = \(number) AND a.credit_amount > 0 ORDER BY a.id
            """)
        return rows.compactMap { row in
            guard let creditCurrency = Currency(row.text(7)), let itemCurrency = Currency(row.text(8)) else {
                return nil
            }
            return Made(
                id: row.integer(0), credit: row.integer(1), item: row.integer(2),
                valueDay: LocalDate(dayNumber: Int(row.integer(3))),
                postingDay: LocalDate(dayNumber: Int(row.integer(4))),
                creditAmount: Money(minorUnits: row.integer(5), currency: creditCurrency),
                itemAmount: Money(minorUnits: row.integer(6), currency: itemCurrency), customer: ID(row.integer(9)),
                entity: row.integer(10), isReversed: row.optionalInteger(11) != nil)
        }
    }

    /// Takes an allocation back with a dated counter-entry; what was allocated is open again from `postingDay` on.
    func reverse(_ made: Made, valueDay: LocalDate, postingDay: LocalDate, reason: String) throws {
        let used = try session.row(
            """
            SELECT coalesce(max(n), 0) FROM allocation WHERE credit = \(made.credit) AND item = \(made.item)
                AND value_day = \(valueDay.dayNumber)
            """)
        let fact = try facts.append(.allocation) { row in
            row.integer(made.credit)
            row.integer(made.item)
            row.integer(Int64(valueDay.dayNumber))
            row.integer((used?.integer(0) ?? 0) + 1)
            row.integer(Int64(postingDay.dayNumber))
            row.integer(-made.creditAmount.minorUnits)
            row.integer(-made.itemAmount.minorUnits)
            row.integer(made.id)
            row.integer(Source.hand.rawValue)
            row.text(reason)
        }
        try reduce(
            credit: made.credit, by: -made.creditAmount.minorUnits, item: made.item, by: -made.itemAmount.minorUnits,
            unwinds: true)
        let back: JournalEntry =
            made.creditAmount.currency == made.itemAmount.currency
            ? JournalEntry(
                on: postingDay, Transfer(debit: .receivable, credit: .unapplied, amount: made.itemAmount))
            : JournalEntry(
                on: postingDay,
                Transfer(debit: .receivable, credit: .exchangeClearing, amount: made.itemAmount),
                Transfer(debit: .exchangeClearing, credit: .unapplied, amount: made.creditAmount))
        try ledger.post(back, of: fact, entity: made.entity, customer: made.customer.rawValue)
    }

    /// Takes a whole credit back whose allocations were taken back before.
    func reverse(_ credit: State, valueDay: LocalDate, postingDay: LocalDate, reason: String) throws {
        let fact = try facts.append(.reversal) { row in
            row.integer(credit.id)
            row.integer(Int64(valueDay.dayNumber))
            row.integer(Int64(postingDay.dayNumber))
            row.integer(credit.amount)
            row.text(reason)
        }
        try session.execute(
            "UPDATE credit_balance SET unapplied = unapplied - \(credit.amount), reversed = 1 WHERE credit = \(credit.id)"
        )
        let amount = Money(minorUnits: credit.amount, currency: credit.currency)
        let entry = Credit.entry(credit.kind, amount, on: postingDay, customerIsKnown: credit.customer != nil)
        try ledger.post(
            entry.reversed(on: postingDay), of: fact, entity: credit.entity, customer: credit.customer?.rawValue)
    }

    /// What left a credit so far: allocations and its reversal.
    func movements(ofCredit credit: Int64) throws -> [Allocation.Movement] {
        try session.rows(
            """
            SELECT posting_day, credit_amount FROM allocation WHERE credit = \(credit)
            UNION ALL SELECT posting_day, amount FROM reversal WHERE fact = \(credit)
            """
        ).map { Allocation.Movement(day: LocalDate(dayNumber: Int($0.integer(0))), amount: $0.integer(1)) }
    }
}
