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
        let generation: Int64

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
        /// 2 and on for what is registered anew after it was taken back.
        var generation: Int64 = 1
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
    private let placeStatement: any SQLStatement
    private var page: Page?

    /// What a page of lines asks for, looked up at once; follows what the lines do.
    private struct Page {
        struct Name: Hashable {
            let entity: Int64
            let kind: Credit.Kind
            let reference: String
        }

        var credits: [Name: [State]] = [:]
        /// The allocations of each credit that was looked up, in the order of their facts.
        var parts: [Int64: [Part]] = [:]
    }

    /// An allocation of a credit, as far as a line has to know it.
    private struct Part {
        let fact: Int64
        let invoice: Int64
        let item: Int64
        let day: Int64
        let n: Int64
        let amount: Int64
        let line: String?
        /// The counter-entry that took it back.
        var counterEntry: Int64?
    }

    private static let columns = """
        c.id, c.entity, c.kind, c.reference, c.bank_account, b.customer, c.value_day, c.posting_day, c.currency,
        c.amount, b.unapplied, b.unwound, b.reversed, c.generation
        """

    init(session: any SQLSession, facts: FactWriter, ledger: LedgerRepository) throws {
        self.session = session
        self.facts = facts
        self.ledger = ledger
        findStatement = try session.statement(
            """
            SELECT \(Self.columns) FROM credit c JOIN credit_balance b ON b.credit = c.id
             WHERE c.entity = $1 AND c.kind = $2 AND c.reference = $3 ORDER BY c.bank_account, c.generation LIMIT 40
            """)
        insertBalance = try session.statement(
            "INSERT INTO credit_balance (credit, amount, unapplied, customer) VALUES ($1, $2, $3, $4)")
        reduceCredit = try session.statement(
            "UPDATE credit_balance SET unapplied = unapplied - $1, unwound = CASE WHEN $2 = 1 THEN 1 ELSE unwound END WHERE credit = $3"
        )
        reduceItem = try session.statement(
            "UPDATE item_balance SET open = open - $1, unwound = CASE WHEN $2 = 1 THEN 1 ELSE unwound END WHERE item = $3"
        )
        // `credit_amount > 0` says the same as `reverses IS NULL`, which would lead the planner to the wrong index.
        allocatedStatement = try session.statement(
            Self.partsText("a.credit = $1 AND i.invoice = $2 AND a.value_day = $3 AND a.credit_amount > 0"))
        placeStatement = try session.statement(
            "SELECT coalesce(max(n), 0) FROM allocation WHERE credit = $1 AND item = $2 AND value_day = $3")
    }

    private static func partsText(_ condition: String) -> String {
        """
        SELECT a.id, i.invoice, a.item, a.value_day, a.n, a.credit_amount, a.line, r.id, a.credit FROM allocation a
          JOIN item i ON i.id = a.item LEFT JOIN allocation r ON r.reverses = a.id
         WHERE \(condition) ORDER BY a.id
        """
    }

    /// Looks up at once what a page of lines will ask for.
    ///
    /// - Parameter withParts: Whether lines will also ask what was allocated of the credits.
    func lookAhead(entity: Int64, kind: Credit.Kind, references: Set<String>, withParts: Bool) throws {
        var page = self.page ?? Page()
        var used: Set<Int64> = []
        for reference in references { page.credits[Page.Name(entity: entity, kind: kind, reference: reference)] = [] }
        try session.rows(
            about: references.sorted().map { .text($0) }, [.integer(entity), .integer(kind.rawValue)],
            {
                """
                SELECT \(Self.columns) FROM credit c JOIN credit_balance b ON b.credit = c.id
                 WHERE c.entity = $1 AND c.kind = $2 AND c.reference IN (\($0))
                 ORDER BY c.reference, c.bank_account, c.generation
                """
            },
            visit: { row in
                guard let state = Self.state(row) else { return }
                let name = Page.Name(entity: entity, kind: kind, reference: state.reference)
                Self.add(state, to: &page.credits[name, default: []])
                guard withParts else { return }
                page.parts[state.id] = []
                if state.unapplied < state.amount || state.isUnwound { used.insert(state.id) }
            })
        try session.rows(
            about: used.sorted().map { .integer($0) }, [], { Self.partsText("a.credit IN (\($0))") },
            visit: { page.parts[$0.integer(8), default: []].append(Self.part($0)) })
        self.page = page
    }

    func forgetPage() { page = nil }

    /// One credit for each bank account: as it was registered last.
    private static func add(_ state: State, to states: inout [State]) {
        if let index = states.firstIndex(where: { $0.bankAccount == state.bankAccount }) {
            states[index] = state
        } else {
            states.append(state)
        }
    }

    /// What the page knows follows what a line did to a credit.
    private func keep(_ state: State) {
        let name = Page.Name(entity: state.entity, kind: state.kind, reference: state.reference)
        guard var known = page?.credits[name] else { return }
        if !known.contains(where: { $0.id == state.id }) { page?.parts[state.id] = [] }
        Self.add(state, to: &known)
        page?.credits[name] = known
    }

    /// Credits of a kind by reference: one for each bank account that has it, as it was registered last.
    func find(entity: Int64, kind: Credit.Kind, reference: String) throws -> [State] {
        if let known = page?.credits[Page.Name(entity: entity, kind: kind, reference: reference)] { return known }
        findStatement.bind(1, entity)
        findStatement.bind(2, kind.rawValue)
        findStatement.bind(3, text: reference)
        defer { findStatement.reset() }
        var found: [State] = []
        while try findStatement.step() {
            if let state = Self.state(findStatement) { Self.add(state, to: &found) }
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

    /// A credit from a row of `columns`.
    private static func state(_ row: some SQLColumns) -> State? {
        guard let kind = Credit.Kind(rawValue: row.integer(2)), let currency = Currency(row.text(8)) else { return nil }
        return State(
            id: row.integer(0), entity: row.integer(1), kind: kind, reference: row.text(3), bankAccount: row.text(4),
            customer: row.optionalInteger(5).map { ID($0) }, valueDay: LocalDate(dayNumber: Int(row.integer(6))),
            postingDay: LocalDate(dayNumber: Int(row.integer(7))), currency: currency, amount: row.integer(9),
            unapplied: row.integer(10), isUnwound: row.integer(11) == 1, isReversed: row.integer(12) == 1,
            generation: row.integer(13))
    }

    /// The content as registered, for comparing a file's line with it.
    func content(_ id: Int64) throws -> Content? {
        let row = try session.row(
            """
            SELECT kind, reference, bank_account, customer, value_day, posting_day, currency, amount, about_invoice,
                method, payer, payer_account, remittance, personal, reason, generation FROM credit WHERE id = \(id)
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
            reason: row.optionalText(14), generation: row.integer(15))
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
            row.integer(content.generation)
        }
        insertBalance.bind(1, id)
        insertBalance.bind(2, content.amount.minorUnits)
        insertBalance.bind(3, content.amount.minorUnits)
        insertBalance.bind(4, value: content.customer.map { .integer($0.rawValue) } ?? .null)
        try insertBalance.run()
        let entry = Credit.entry(
            content.kind, content.amount, on: content.postingDay, customerIsKnown: content.customer != nil)
        try ledger.post(entry, of: id, entity: entity, customer: content.customer?.rawValue)
        let state = State(
            id: id, entity: entity, kind: content.kind, reference: content.reference, bankAccount: content.bankAccount,
            customer: content.customer, valueDay: content.valueDay, postingDay: content.postingDay,
            currency: content.amount.currency, amount: content.amount.minorUnits,
            unapplied: content.amount.minorUnits, isUnwound: false, isReversed: false, generation: content.generation)
        keep(state)
        return state
    }

    /// Finds the payer of a receipt in suspense: dated as the receipt, because the money was the customer's then.
    ///
    /// - Parameter postingDay: By the rule of periods; never before the receipt's.
    func identify(_ credit: inout State, customer: ID<Customer>, postingDay: LocalDate) throws {
        guard credit.customer == nil else { return }
        let postingDay = max(postingDay, credit.postingDay)
        let waiting = credit.unapplied
        let state = credit
        let last = try session.row("SELECT coalesce(max(n), 0) FROM credit_event WHERE credit = \(credit.id)")
        let fact = try facts.append(.creditEvent) { row in
            row.integer(state.id)
            row.integer((last?.integer(0) ?? 0) + 1)
            row.integer(1)
            row.integer(Int64(state.valueDay.dayNumber))
            row.integer(Int64(postingDay.dayNumber))
            row.integer(customer.rawValue)
            row.integer(waiting)
        }
        try session.execute("UPDATE credit_balance SET customer = \(customer.rawValue) WHERE credit = \(credit.id)")
        let amount = Money(minorUnits: waiting, currency: credit.currency)
        try ledger.post(
            Credit.identification(amount, on: postingDay), of: fact, entity: credit.entity,
            customer: customer.rawValue)
        credit.customer = customer
        keep(credit)
    }

    /// What credit notes say of an invoice so far, in minor units; those taken back don't count.
    func notedOn(invoice: InvoiceRepository.Reference) throws -> Int64 {
        try session.row(
            """
            SELECT coalesce(sum(c.amount), 0) FROM credit c JOIN credit_balance b ON b.credit = c.id
             WHERE c.about_invoice = \(invoice.id) AND c.kind = \(Credit.Kind.creditNote.rawValue) AND b.reversed = 0
            """)?.integer(0) ?? 0
    }

    /// What files allocated of a credit to an invoice on a value day, by their lines.
    struct AllocatedLine {
        /// As in `AllocationLine.key`.
        let line: String
        var amount: Int64
        /// Whether all of it was taken back.
        var isReversed: Bool
    }

    func allocatedLines(credit: Int64, invoice: Int64, on day: LocalDate) throws -> [AllocatedLine] {
        if let known = page?.parts[credit] {
            return Self.lines(
                of: known.filter { $0.invoice == invoice && $0.day == Int64(day.dayNumber) && $0.amount > 0 })
        }
        allocatedStatement.bind(1, credit)
        allocatedStatement.bind(2, invoice)
        allocatedStatement.bind(3, Int64(day.dayNumber))
        defer { allocatedStatement.reset() }
        var parts: [Part] = []
        while try allocatedStatement.step() { parts.append(Self.part(allocatedStatement)) }
        return Self.lines(of: parts)
    }

    /// An allocation from a row of `partsText`.
    private static func part(_ row: some SQLColumns) -> Part {
        Part(
            fact: row.integer(0), invoice: row.integer(1), item: row.integer(2), day: row.integer(3),
            n: row.integer(4), amount: row.integer(5), line: row.optionalText(6),
            counterEntry: row.optionalInteger(7))
    }

    /// Puts the parts of a pair together as lines, in the order of their facts.
    private static func lines(of parts: [Part]) -> [AllocatedLine] {
        var lines: [AllocatedLine] = []
        // By line: the counter-entry of its last part, and its items.
        var takenBackBy: [Int64] = []
        var items: [Set<Int64>] = []
        var withoutLine: Int?
        for part in parts {
            var known: Int?
            if let line = part.line {
                known = lines.firstIndex { $0.line == line }
            } else {
                // What a settlement, a rule or a person allocated stands for a line; its instalments are one.
                known = withoutLine.flatMap {
                    takenBackBy[$0] > part.fact && !items[$0].contains(part.item) ? $0 : nil
                }
                withoutLine = known ?? lines.count
            }
            let isReversed = part.counterEntry != nil
            guard let index = known else {
                lines.append(
                    AllocatedLine(
                        line: part.line ?? ":\(lines.count + 1)", amount: part.amount, isReversed: isReversed))
                takenBackBy.append(part.counterEntry ?? .max)
                items.append([part.item])
                continue
            }
            // What comes after the line was taken back is the line as it was registered anew; what comes before is
            // another instalment's part of it.
            let isAnew = takenBackBy[index] < part.fact
            lines[index].amount = isAnew ? part.amount : lines[index].amount + part.amount
            lines[index].isReversed = isReversed
            takenBackBy[index] = part.counterEntry ?? .max
            items[index].insert(part.item)
        }
        return lines
    }

    /// The next free place of an allocation of a credit to an item on a day.
    private func nextPlace(_ credit: State, item: Int64, on day: LocalDate) throws -> Int64 {
        // Nothing was ever allocated of a credit that is whole.
        if credit.unapplied == credit.amount, !credit.isUnwound { return 1 }
        if let known = page?.parts[credit.id] {
            return (known.filter { $0.item == item && $0.day == Int64(day.dayNumber) }.map(\.n).max() ?? 0) + 1
        }
        placeStatement.bind(1, credit.id)
        placeStatement.bind(2, item)
        placeStatement.bind(3, Int64(day.dayNumber))
        defer { placeStatement.reset() }
        return try placeStatement.step() ? placeStatement.integer(0) + 1 : 1
    }

    /// Writes an allocation that was decided, and posts it.
    func append(
        _ allocation: Allocation, credit: inout State, item: InvoiceRepository.ItemState, invoice: Int64,
        valueDay: LocalDate, line: String?, customer: ID<Customer>, source: Source, reason: String?
    ) throws {
        let state = credit
        let n = try nextPlace(credit, item: item.id, on: valueDay)
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
            row.text(line)
        }
        try reduce(
            credit: credit.id, by: allocation.creditAmount.minorUnits, item: item.id,
            by: allocation.itemAmount.minorUnits, unwinds: false)
        credit.unapplied -= allocation.creditAmount.minorUnits
        keep(credit)
        page?.parts[credit.id]?.append(
            Part(
                fact: fact, invoice: invoice, item: item.id, day: Int64(valueDay.dayNumber), n: n,
                amount: allocation.creditAmount.minorUnits, line: line))
        try ledger.post(
            allocation.entry, of: fact, entity: credit.entity, customer: customer.rawValue,
            payer: credit.customer?.rawValue)
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
        let payer: ID<Customer>?
        let entity: Int64
        let isReversed: Bool
    }

    func made(where condition: String, _ number: Int64) throws -> [Made] {
        let rows = try session.rows(
            """
            SELECT a.id, a.credit, a.item, a.value_day, a.posting_day, a.credit_amount, a.item_amount, c.currency,
                v.currency, v.customer, v.entity, r.id, b.customer
              FROM allocation a JOIN credit c ON c.id = a.credit JOIN credit_balance b ON b.credit = c.id
              JOIN item i ON i.id = a.item JOIN invoice v ON v.id = i.invoice LEFT JOIN allocation r ON r.reverses = a.id
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
                payer: row.optionalInteger(12).map { ID($0) }, entity: row.integer(10),
                isReversed: row.optionalInteger(11) != nil)
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
            row.null()
        }
        try reduce(
            credit: made.credit, by: -made.creditAmount.minorUnits, item: made.item, by: -made.itemAmount.minorUnits,
            unwinds: true)
        let forth = Allocation.entry(
            made.creditAmount, made.itemAmount, on: postingDay,
            crossesCustomers: made.payer.map { $0 != made.customer } ?? false)
        try ledger.post(
            forth.reversed(on: postingDay), of: fact, entity: made.entity, customer: made.customer.rawValue,
            payer: made.payer?.rawValue)
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
