internal import Database
internal import Ledger
internal import Receivables

/// One line of an exchange file, as values.
protocol ImportLine {
    /// Reads the cells; what is wrong with them is noted in `cells.faults`.
    init(_ cells: LineReader)

    /// Registers the line, or answers that it was registered before.
    ///
    /// Everything is checked before anything is written. Faults of a cell are noted in `cells`;
    /// - Throws: `Refusal` for what is wrong with the line as a whole.
    func register(_ cells: LineReader, in books: Books, _ context: ImportContext) throws -> LineOutcome

    /// Looks up what the line names, for a line whose cells are wrong: its other mistakes are told beside those.
    /// Registers nothing.
    func checkReferences(_ cells: LineReader, in books: Books, _ context: ImportContext) throws

    /// Looks up at once what a page of lines will ask for, where each look-up waits for a server.
    static func lookAhead(_ lines: [Self], in books: Books) throws

    /// What registering the line will ask of the store first, as far as it is known from the line alone.
    var foreseen: [Foreseen] { get }
}

extension ImportLine {
    var foreseen: [Foreseen] { [] }

    static func lookAhead(_ lines: [Self], in books: Books) throws {}
}

extension ImportKind {
    /// What reads and registers its lines.
    var line: any ImportLine.Type {
        switch self {
        case .customers: CustomerLine.self
        case .contacts: ContactLine.self
        case .invoices: InvoiceLine.self
        case .creditNotes: CreditNoteLine.self
        case .receipts: ReceiptLine.self
        case .allocations: AllocationLine.self
        case .settlements: SettlementLine.self
        case .calendar: CalendarLine.self
        case .rates: RateLine.self
        }
    }
}

enum LineOutcome {
    case created, unchanged, updated, rejected
    /// Waits for a second person.
    case proposed
    /// Names something that a later line of the same file may bring.
    case deferred
}

/// What lasts for the whole of one file.
final class ImportContext {
    let updates: Bool
    let createsCustomers: Bool
    let baseCurrency: Currency
    /// Whether lines that waited for later ones are being looked at.
    var isLastLook = false
    /// Customers registered on the way.
    var alsoCreated = 0
    /// The newest day of each bank account's receipts that this file brought.
    private(set) var receiptDays: [String: LocalDate] = [:]
    /// Lines that the rule of periods posted on a later day.
    var postedLater = 0
    private var seen: [Int: UInt32] = [:]

    /// What a line that is left out must not have changed.
    var mark: (alsoCreated: Int, receiptDays: [String: LocalDate]) {
        get { (alsoCreated, receiptDays) }
        set { (alsoCreated, receiptDays) = newValue }
    }

    func noteReceipt(account: String, on day: LocalDate) {
        receiptDays[account] = max(receiptDays[account] ?? day, day)
    }

    init(updates: Bool, createsCustomers: Bool, baseCurrency: Currency) {
        self.updates = updates
        self.createsCustomers = createsCustomers
        self.baseCurrency = baseCurrency
    }

    /// What tells the lines of one file apart that allocate one credit to one invoice on one day.
    struct LineKey: Hashable {
        let credit: Int64
        let invoice: Int64
        let day: Int32
        let place: Int32
    }

    /// Which of several equal lines of this file one is, from 1.
    func ordinal(_ key: LineKey) -> Int64 {
        // Kept by hash: 16 bytes a line, and two keys that share one only make a line look like the second.
        let ordinal = (seen[key.hashValue] ?? 0) + 1
        seen[key.hashValue] = ordinal
        return Int64(ordinal)
    }

    /// Notes a customer that is neither known nor to be registered on the way.
    ///
    /// - Parameter code: Empty when the cell itself is wrong, which was noted before.
    func checkCustomer(_ code: String, _ column: Int, _ cells: LineReader, in books: Books) throws {
        guard !code.isEmpty, !createsCustomers, try books.customers.find(code) == nil else { return }
        cells.add(column, Refusal(.customerUnknown, ["customer": .text(code)]))
    }

    /// The legal entity of a code (`nil` is the main one), or `nil` after its fault was noted.
    func entity(_ code: String?, _ column: Int, _ cells: LineReader, in books: Books) throws -> Int64? {
        do {
            return try books.entities.find(code)
        } catch let refusal as Refusal where refusal.code == .entityUnknown {
            cells.add(column, refusal)
            return nil
        }
    }

    /// The invoice of a number, or `nil` after its fault was noted.
    func invoice(
        _ number: String, entity: Int64, _ column: Int, _ cells: LineReader, in books: Books
    ) throws -> InvoiceRepository.Reference? {
        try invoiceWithItems(number, entity: entity, column, cells, in: books)?.0
    }

    /// The invoice of a number and its items, the one due first before the others; `nil` after its fault was noted.
    func invoiceWithItems(
        _ number: String, entity: Int64, _ column: Int, _ cells: LineReader, in books: Books
    ) throws -> (InvoiceRepository.Reference, [InvoiceRepository.ItemState])? {
        guard !number.isEmpty else { return nil }
        if let found = try books.invoices().findWithItems(entity: entity, number: number),
            try books.isInScope(customer: found.0.customer.rawValue)
        {
            return found
        }
        cells.add(column, Refusal(.invoiceUnknown, ["invoice": .text(number)]))
        return nil
    }

    /// The customer of a code, registered with its code as name when the mapping says so.
    func customer(_ code: String, _ column: Int, _ cells: LineReader, in books: Books) throws -> CustomerRepository
        .Reference?
    {
        if let known = try books.customers.find(code) {
            if try books.isInScope(customer: known.id.rawValue) { return known }
            cells.add(column, Refusal(.customerUnknown, ["customer": .text(code)]))
            return nil
        }
        try checkCustomer(code, column, cells, in: books)
        guard createsCustomers else { return nil }
        try books.customers.register(code: code, Customer.Content(name: code), on: books.today, isIncomplete: true)
        alsoCreated += 1
        return try books.customers.find(code)
    }
}

/// Compares what a line gives with what was registered; columns not given are not compared.
struct Differences {
    private var found: [String] = []

    var isEmpty: Bool { found.isEmpty }
    /// For a message: each differing column with the registered and the given value.
    var parameter: Refusal.Parameter { .text(found.joined(separator: "; ")) }

    mutating func compare<Value: Equatable>(
        _ column: String, registered: Value?, given: Value?, _ text: (Value) -> String = { "\($0)" }
    ) {
        guard let given, given != registered else { return }
        found.append("\(column): \(registered.map(text) ?? "–") ≠ \(text(given))")
    }
}
