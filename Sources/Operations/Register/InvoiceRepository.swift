internal import Database
internal import Ledger
internal import Receivables

/// Invoices, their items, and what is open of them.
final class InvoiceRepository {
    /// What other commands need of an invoice.
    struct Reference {
        let id: Int64
        let entity: Int64
        let number: String
        let customer: ID<Customer>
        let issueDay: LocalDate
        let valueDay: LocalDate
        let postingDay: LocalDate
        let currency: Currency
        let gross: Int64
        let generation: Int64
    }

    struct ItemState {
        let id: Int64
        let n: Int64
        let amount: Int64
        /// The due day in force, after changes.
        var dueDay: LocalDate
        var open: Int64
        let isUnwound: Bool
    }

    private let session: any SQLSession
    private let facts: FactWriter
    private let ledger: LedgerRepository
    private let findStatement: any SQLStatement
    private let itemsStatement: any SQLStatement
    private let wholeStatement: any SQLStatement
    private let balanceStatement: any SQLStatement
    private var anyDueChange: Bool?
    private var page: Page?

    /// What a page of lines asks for, looked up at once; follows what the lines do.
    private struct Page {
        let entity: Int64
        var invoices: [String: (reference: Reference, items: [ItemState])?] = [:]
        var holders: [String: String?] = [:]
    }

    private static let columns =
        "id, entity, number, customer, issue_day, value_day, posting_day, currency, amount, generation"

    init(session: any SQLSession, facts: FactWriter, ledger: LedgerRepository) throws {
        self.session = session
        self.facts = facts
        self.ledger = ledger
        findStatement = try session.statement(
            "SELECT \(Self.columns) FROM invoice WHERE entity = $1 AND number = $2 ORDER BY generation DESC LIMIT 1")
        itemsStatement = try session.statement(
            """
            SELECT i.id, i.n, i.amount, i.due_day, b.open, b.unwound FROM item i JOIN item_balance b ON b.item = i.id
             WHERE i.invoice = $1
            """)
        wholeStatement = try session.statement(Self.wholeText("v.number = $2"))
        balanceStatement = try session.statement("INSERT INTO item_balance (item, amount, open) VALUES ($1, $2, $3)")
    }

    /// Looks up at once what a page of lines will ask for, each with its items.
    ///
    /// - Parameter eInvoices: Numbers of digital tax invoices.
    func lookAhead(entity: Int64, numbers: Set<String>, eInvoices: Set<String> = []) throws {
        var page = Page(entity: entity)
        for number in numbers { page.invoices[number] = .some(nil) }
        for number in eInvoices { page.holders[number] = .some(nil) }
        try session.rows(
            about: numbers.sorted().map { .text($0) }, [.integer(entity)],
            { Self.wholeText("v.number IN (\($0)) ORDER BY v.number, v.generation") },
            visit: { row in
                guard let reference = Self.reference(row) else { return }
                var known = page.invoices[reference.number] ?? nil
                if known?.reference.id != reference.id { known = (reference, []) }
                known?.items.append(Self.item(row))
                page.invoices[reference.number] = .some(known)
            })
        for (number, known) in page.invoices {
            if let known { page.invoices[number] = .some((known.reference, try inOrder(known.items))) }
        }
        try session.rows(
            about: eInvoices.sorted().map { .text($0) }, [],
            {
                """
                SELECT t.number, v.number FROM tax_invoice t JOIN invoice v ON v.id = t.invoice WHERE t.number IN (\($0))
                """
            }, visit: { page.holders[$0.text(0)] = .some($0.text(1)) })
        self.page = page
    }

    func forgetPage() { page = nil }

    /// The invoice of a number, as it was registered last.
    func find(entity: Int64, number: String) throws -> Reference? {
        if let page, page.entity == entity, let known = page.invoices[number] { return known?.reference }
        findStatement.bind(1, entity)
        findStatement.bind(2, text: number)
        defer { findStatement.reset() }
        guard try findStatement.step() else { return nil }
        return Self.reference(findStatement)
    }

    /// The invoice and its items, the one due first before the others, in one look.
    func findWithItems(entity: Int64, number: String) throws -> (Reference, [ItemState])? {
        if let page, page.entity == entity, let known = page.invoices[number] { return known }
        wholeStatement.bind(1, entity)
        wholeStatement.bind(2, text: number)
        defer { wholeStatement.reset() }
        var found: Reference?
        var items: [ItemState] = []
        // Sorted here: most invoices are there once, with one item, and a sorter in the engine costs as much as the look.
        while try wholeStatement.step() {
            if found.map({ $0.generation < wholeStatement.integer(9) }) ?? true {
                found = Self.reference(wholeStatement)
                items.removeAll(keepingCapacity: true)
            }
            guard wholeStatement.integer(0) == found?.id else { continue }
            items.append(Self.item(wholeStatement))
        }
        return try found.map { ($0, try inOrder(items)) }
    }

    /// The invoice of a row of `wholeText` or `columns`.
    private static func reference(_ row: some SQLColumns) -> Reference? {
        guard let currency = Currency(row.text(7)) else { return nil }
        func day(_ column: Int) -> LocalDate { LocalDate(dayNumber: Int(row.integer(column))) }
        return Reference(
            id: row.integer(0), entity: row.integer(1), number: row.text(2), customer: ID(row.integer(3)),
            issueDay: day(4), valueDay: day(5), postingDay: day(6), currency: currency, gross: row.integer(8),
            generation: row.integer(9))
    }

    private static func wholeText(_ condition: String) -> String {
        """
        SELECT v.id, v.entity, v.number, v.customer, v.issue_day, v.value_day, v.posting_day, v.currency, v.amount,
            v.generation, i.id, i.n, i.amount, i.due_day, b.open, b.unwound
          FROM invoice v JOIN item i ON i.invoice = v.id JOIN item_balance b ON b.item = i.id
         WHERE v.entity = $1 AND \(condition)
        """
    }

    /// The item of a row of `wholeText`.
    private static func item(_ row: some SQLColumns) -> ItemState {
        ItemState(
            id: row.integer(10), n: row.integer(11), amount: row.integer(12),
            dueDay: LocalDate(dayNumber: Int(row.integer(13))), open: row.integer(14), isUnwound: row.integer(15) == 1)
    }

    /// What the page knows follows what was allocated.
    func noteAllocated(_ amount: Int64, to item: Int64, of number: String) {
        guard var known = page?.invoices[number] ?? nil,
            let index = known.items.firstIndex(where: { $0.id == item })
        else { return }
        known.items[index].open -= amount
        page?.invoices[number] = .some(known)
    }

    /// The invoice's items, the one due first before the others.
    func items(of invoice: Int64) throws -> [ItemState] {
        itemsStatement.bind(1, invoice)
        defer { itemsStatement.reset() }
        var items: [ItemState] = []
        while try itemsStatement.step() {
            items.append(
                ItemState(
                    id: itemsStatement.integer(0), n: itemsStatement.integer(1), amount: itemsStatement.integer(2),
                    dueDay: LocalDate(dayNumber: Int(itemsStatement.integer(3))), open: itemsStatement.integer(4),
                    isUnwound: itemsStatement.integer(5) == 1))
        }
        return try inOrder(items)
    }

    /// Items with the due days in force, the earliest first.
    private func inOrder(_ items: [ItemState]) throws -> [ItemState] {
        if items.count < 2 { return items }
        var items = items
        if try hasDueChanges() {
            for index in items.indices { items[index].dueDay = try dueDay(of: items[index].id) ?? items[index].dueDay }
        }
        return items.sorted { ($0.dueDay, $0.n) < ($1.dueDay, $1.n) }
    }

    /// Most companies change few due days, so an import needn't ask for each item.
    private func hasDueChanges() throws -> Bool {
        if let known = anyDueChange { return known }
        let found = try session.row("SELECT id FROM item_event WHERE due_day IS NOT NULL LIMIT 1") != nil
        anyDueChange = found
        return found
    }

    /// Whether an invoice was taken back as a whole, so that its number can be registered anew.
    func isTakenBack(_ invoice: Reference) throws -> Bool {
        try session.row(
            """
            SELECT id FROM credit WHERE entity = \(invoice.entity) AND kind = \(Credit.Kind.correction.rawValue)
                AND reference = \(invoice.number) AND bank_account = '' AND generation = \(invoice.generation)
            """) != nil
    }

    /// The number of the invoice that has a digital tax invoice, when one has.
    func holder(ofEInvoice number: String) throws -> String? {
        if let known = page?.holders[number] { return known }
        return try session.row(
            "SELECT v.number FROM tax_invoice t JOIN invoice v ON v.id = t.invoice WHERE t.number = \(number)")?.text(0)
    }

    /// The tax invoice's status in force.
    func taxStatus(of invoice: Int64) throws -> Invoice.TaxStatus? {
        let changed = try session.row(
            "SELECT status FROM tax_invoice_event WHERE invoice = \(invoice) ORDER BY n DESC LIMIT 1")
        let status = try changed ?? session.row("SELECT tax_status FROM invoice WHERE id = \(invoice)")
        return status.flatMap { Invoice.TaxStatus(rawValue: $0.integer(0)) }
    }

    /// Notes that the tax invoice has another status from a day on.
    func changeTaxStatus(of invoice: Int64, to status: Invoice.TaxStatus, on day: LocalDate) throws {
        let last = try session.row("SELECT coalesce(max(n), 0) FROM tax_invoice_event WHERE invoice = \(invoice)")
        try facts.append(.taxInvoiceEvent) { row in
            row.integer(invoice)
            row.integer((last?.integer(0) ?? 0) + 1)
            row.integer(status.rawValue)
            row.integer(Int64(day.dayNumber))
        }
    }

    /// The invoice as it was registered, whatever happened to it since.
    func content(_ id: Int64) throws -> Invoice.Content? {
        let row = try session.row(
            """
            SELECT number, customer, issue_day, value_day, posting_day, recognised_day, accepted_day, delivered_day,
                currency, amount, net_amount, tax_amount, contract, milestone, product_line, sales_owner, tax_status,
                generation
              FROM invoice WHERE id = \(id)
            """)
        guard let row, let currency = Currency(row.text(8)) else { return nil }
        func day(_ column: Int) -> LocalDate { LocalDate(dayNumber: Int(row.integer(column))) }
        var content = Invoice.Content(
            number: row.text(0), customer: ID(row.integer(1)), issueDay: day(2), currency: currency,
            gross: row.integer(9))
        content.valueDay = day(3)
        content.postingDay = day(4)
        content.recognisedDay = day(5)
        content.acceptedDay = row.optionalInteger(6).map { LocalDate(dayNumber: Int($0)) }
        content.deliveredDay = row.optionalInteger(7).map { LocalDate(dayNumber: Int($0)) }
        content.net = row.optionalInteger(10)
        content.tax = row.optionalInteger(11)
        content.contract = row.optionalText(12)
        content.milestone = row.optionalText(13)
        content.productLine = row.optionalText(14)
        content.salesOwner = row.optionalInteger(15).map { ID($0) }
        content.taxStatus = Invoice.TaxStatus(rawValue: row.integer(16)) ?? .delivered
        content.generation = row.integer(17)
        content.instalments = try session.rows("SELECT due_day, amount FROM item WHERE invoice = \(id) ORDER BY n").map
        {
            Invoice.Instalment(dueDay: LocalDate(dayNumber: Int($0.integer(0))), amount: $0.integer(1))
        }
        content.eInvoiceNumber = try session.row("SELECT number FROM tax_invoice WHERE invoice = \(id)")?.optionalText(
            0)
        return content
    }

    /// Registers a claim with its items and posts it: receivable / clearing.
    func register(_ invoice: Invoice.Content, entity: Int64) throws {
        let id = try facts.append(.invoice) { row in
            row.integer(entity)
            row.text(invoice.number)
            row.integer(invoice.customer.rawValue)
            row.integer(Int64(invoice.issueDay.dayNumber))
            row.integer(Int64(invoice.valueDay.dayNumber))
            row.integer(Int64(invoice.postingDay.dayNumber))
            row.integer(Int64(invoice.recognisedDay.dayNumber))
            row.integer(invoice.acceptedDay.map { Int64($0.dayNumber) })
            row.integer(invoice.deliveredDay.map { Int64($0.dayNumber) })
            row.text(invoice.currency.code)
            row.integer(invoice.gross)
            row.integer(invoice.net)
            row.integer(invoice.tax)
            row.text(invoice.contract)
            row.text(invoice.milestone)
            row.text(invoice.productLine)
            row.integer(invoice.salesOwner?.rawValue)
            row.integer(invoice.taxStatus.rawValue)
            row.integer(invoice.generation)
        }
        var items: [ItemState] = []
        for (index, instalment) in invoice.instalments.enumerated() {
            let item = try facts.append(.item) { row in
                row.integer(id)
                row.integer(Int64(index + 1))
                row.integer(instalment.amount)
                row.integer(Int64(instalment.dueDay.dayNumber))
            }
            balanceStatement.bind(1, item)
            balanceStatement.bind(2, instalment.amount)
            balanceStatement.bind(3, instalment.amount)
            try balanceStatement.run()
            guard page != nil else { continue }
            items.append(
                ItemState(
                    id: item, n: Int64(index + 1), amount: instalment.amount, dueDay: instalment.dueDay,
                    open: instalment.amount, isUnwound: false))
        }
        keep(invoice, id, entity, items)
        if let number = invoice.eInvoiceNumber {
            try facts.append(.taxInvoice) { row in
                row.integer(id)
                row.text(number)
            }
        }
        let amount = Money(minorUnits: invoice.gross, currency: invoice.currency)
        let entry = JournalEntry(
            on: invoice.postingDay, Transfer(debit: .receivable, credit: .clearing, amount: amount))
        try ledger.post(entry, of: id, entity: entity, customer: invoice.customer.rawValue)
    }

    /// What the page knows follows what was registered.
    private func keep(_ invoice: Invoice.Content, _ id: Int64, _ entity: Int64, _ items: [ItemState]) {
        guard page?.entity == entity else { return }
        let reference = Reference(
            id: id, entity: entity, number: invoice.number, customer: invoice.customer, issueDay: invoice.issueDay,
            valueDay: invoice.valueDay, postingDay: invoice.postingDay, currency: invoice.currency,
            gross: invoice.gross, generation: invoice.generation)
        page?.invoices[invoice.number] = .some((reference, items.sorted { ($0.dueDay, $0.n) < ($1.dueDay, $1.n) }))
        if let number = invoice.eInvoiceNumber { page?.holders[number] = .some(invoice.number) }
    }

    /// The due day in force, after changes.
    func dueDay(of item: Int64) throws -> LocalDate? {
        let changed = try session.row(
            """
            SELECT due_day FROM item_event WHERE item = \(item) AND due_day IS NOT NULL
            ORDER BY value_day DESC, id DESC LIMIT 1
            """)
        let day = try changed ?? session.row("SELECT due_day FROM item WHERE id = \(item)")
        return day.map { LocalDate(dayNumber: Int($0.integer(0))) }
    }

    /// Changes an item's due day from `valueDay` on; the original stays.
    func changeDueDay(of item: Int64, to due: LocalDate, valueDay: LocalDate, reason: String) throws {
        anyDueChange = true
        let last = try session.row("SELECT coalesce(max(n), 0) FROM item_event WHERE item = \(item)")?.integer(0) ?? 0
        try facts.append(.itemEvent) { row in
            row.integer(item)
            row.integer(last + 1)
            row.integer(1)
            row.integer(Int64(valueDay.dayNumber))
            row.integer(Int64(due.dayNumber))
            row.text(reason)
        }
    }

    /// What was allocated to an item so far, for the check of every day in between.
    func movements(ofItem item: Int64) throws -> [Allocation.Movement] {
        try session.rows("SELECT posting_day, item_amount FROM allocation WHERE item = \(item)").map {
            Allocation.Movement(day: LocalDate(dayNumber: Int($0.integer(0))), amount: $0.integer(1))
        }
    }
}
