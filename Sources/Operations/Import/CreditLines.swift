internal import Database
internal import Ledger
internal import Receivables

/// A line of `credit-notes`: reduces its invoice by itself, up to what is open of it.
struct CreditNoteLine: ImportLine {
    private enum Column { static let number = 0, invoice = 1, date = 2, amount = 3, reason = 4, entity = 5 }

    private let number: String
    private let invoice: String
    private let day: LocalDate
    private let amount: DecimalNumber?
    private let reason: String?
    private let entity: String?

    init(_ cells: LineReader) {
        number = cells.required(Column.number)
        invoice = cells.required(Column.invoice)
        day = cells.requiredDay(Column.date)
        amount = cells.number(Column.amount)
        reason = cells.text(Column.reason)
        entity = cells.text(Column.entity)
    }

    func checkReferences(_ cells: LineReader, in books: Books, _ context: ImportContext) throws {
        guard let entityID = try context.entity(entity, Column.entity, cells, in: books) else { return }
        _ = try context.invoice(invoice, entity: entityID, Column.invoice, cells, in: books)
    }

    func register(_ cells: LineReader, in books: Books, _ context: ImportContext) throws -> LineOutcome {
        guard let entityID = try context.entity(entity, Column.entity, cells, in: books),
            let target = try context.invoice(invoice, entity: entityID, Column.invoice, cells, in: books)
        else { return .rejected }
        guard let money = cells.money(Column.amount, amount, in: target.currency) else { return .rejected }
        let credits = try books.credits()
        var generation: Int64 = 1
        if let known = try credits.find(entity: entityID, kind: .creditNote, reference: number).first,
            let registered = try credits.content(known.id)
        {
            var differences = Differences()
            if registered.aboutInvoice != target.id { differences.compare("invoice", registered: "…", given: invoice) }
            differences.compare("date", registered: registered.valueDay, given: day)
            differences.compare("amount", registered: registered.amount, given: money)
            differences.compare("reason", registered: registered.reason, given: reason)
            if differences.isEmpty { return .unchanged }
            // Taken back, the number is free for what it should have said.
            guard known.isReversed else {
                throw Refusal(.creditNoteDiffers, ["number": .text(number), "differences": differences.parameter])
            }
            generation = known.generation + 1
        }
        guard day >= target.issueDay else {
            cells.add(
                Column.date, Refusal(.creditNoteBeforeInvoice, ["day": .day(day), "earliest": .day(target.issueDay)]))
            return .rejected
        }
        try SeparateHands(books: books).needForCreditNote(on: target)
        let noted = try credits.notedOn(invoice: target)
        guard money.minorUnits <= target.gross - noted else {
            let gross = Money(minorUnits: target.gross, currency: target.currency)
            let before = Money(minorUnits: noted, currency: target.currency)
            cells.add(
                Column.amount,
                Refusal(
                    .creditNoteAboveInvoice,
                    ["amount": .money(money), "gross": .money(gross), "before": .money(before)]))
            return .rejected
        }
        let valueDay = max(day, target.valueDay)
        let posted = try books.periods.postingDay(entity: entityID, valueDay: valueDay)
        var content = CreditRepository.Content(
            kind: .creditNote, reference: number, customer: target.customer, valueDay: day,
            postingDay: max(posted, target.postingDay), amount: money, aboutInvoice: target.id, reason: reason)
        content.generation = generation
        var credit = try credits.register(content, entity: entityID)
        try applyWhatIsOpen(&credit, to: target, in: books)
        if credit.postingDay != valueDay { context.postedLater += 1 }
        return .created
    }

    /// What is open may be less at a later day than now seems: the lesser counts.
    private func applyWhatIsOpen(
        _ credit: inout CreditRepository.State, to invoice: InvoiceRepository.Reference, in books: Books
    ) throws {
        for item in try books.invoices().items(of: invoice.id) where item.open > 0 && credit.unapplied > 0 {
            var applicable = min(item.open, credit.unapplied)
            if item.isUnwound {
                let movements = try books.invoices().movements(ofItem: item.id)
                applicable = min(
                    applicable, Allocation.leastLeft(of: item.amount, after: movements, from: credit.postingDay))
            }
            guard applicable > 0 else { continue }
            let part = Money(minorUnits: applicable, currency: invoice.currency)
            try Allocating(books: books).allocate(
                part, of: &credit, to: invoice, instalment: Int(item.n), on: nil, source: .rule, reason: nil)
        }
    }
}

/// A line of `receipts`.
struct ReceiptLine: ImportLine {
    private enum Column {
        static let reference = 0, date = 1, amount = 2, currency = 3, customer = 4, payer = 5, payerAccount = 6
        static let method = 7, remittance = 8, bankAccount = 9, valueDate = 10, entity = 11
    }

    private let reference: String
    private let day: LocalDate
    private let amount: DecimalNumber?
    private let currency: Currency?
    private let customer: String?
    private let payer: String?
    private let payerAccount: String?
    private let method: Credit.Method?
    private let remittance: String?
    private let bankAccount: String?
    private let valueDay: LocalDate?
    private let entity: String?

    init(_ cells: LineReader) {
        reference = cells.required(Column.reference)
        day = cells.requiredDay(Column.date)
        amount = cells.number(Column.amount)
        currency = cells.currency(Column.currency)
        customer = cells.text(Column.customer)
        payer = cells.text(Column.payer)
        payerAccount = cells.text(Column.payerAccount)
        method = cells.choice(Column.method) { (method: Credit.Method) in method.name }
        remittance = cells.text(Column.remittance)
        bankAccount = cells.text(Column.bankAccount)
        valueDay = cells.day(Column.valueDate)
        entity = cells.text(Column.entity)
    }

    var foreseen: [Foreseen] { [customer].compactMap { $0 }.map(CustomerRepository.foreseen) }

    static func lookAhead(_ lines: [Self], in books: Books) throws {
        try books.customers.lookAhead(Set(lines.compactMap(\.customer)))
        guard let entity = try? books.entities.find(nil) else { return }
        let credits = try books.credits()
        credits.forgetPage()
        try credits.lookAhead(
            entity: entity, kind: .receipt, references: Set(lines.map(\.reference)), withParts: false)
    }

    func checkReferences(_ cells: LineReader, in books: Books, _ context: ImportContext) throws {
        if let customer { try context.checkCustomer(customer, Column.customer, cells, in: books) }
        _ = try context.entity(entity, Column.entity, cells, in: books)
        let payer = try customer.flatMap { try books.customers.find($0) }
        _ = cells.money(Column.amount, amount, in: currency ?? payer?.currency ?? context.baseCurrency)
    }

    func register(_ cells: LineReader, in books: Books, _ context: ImportContext) throws -> LineOutcome {
        var known: CustomerRepository.Reference?
        let found = try context.entity(entity, Column.entity, cells, in: books)
        if let customer { known = try context.customer(customer, Column.customer, cells, in: books) }
        guard let entityID = found, cells.faults.isEmpty else { return .rejected }
        let credits = try books.credits()
        let account = bankAccount ?? ""
        let registered = try credits.find(entity: entityID, kind: .receipt, reference: reference)
            .first { $0.bankAccount == account }
        // A line that names no currency says the same as ever, whatever the customer's is by now.
        let currency = self.currency ?? registered?.currency ?? known?.currency ?? context.baseCurrency
        guard let money = cells.money(Column.amount, amount, in: currency) else { return .rejected }
        var generation: Int64 = 1
        if let registered, let content = try credits.content(registered.id) {
            guard let differences = try difference(from: content, money, known?.id, entityID, books) else {
                return .unchanged
            }
            // Taken back, the reference is free for what it should have said.
            guard registered.isReversed else {
                throw Refusal(.receiptDiffers, ["receipt": .text(reference), "differences": differences])
            }
            generation = registered.generation + 1
        }
        var content = CreditRepository.Content(
            kind: .receipt, reference: reference, bankAccount: account, customer: known?.id, valueDay: valueDay ?? day,
            postingDay: try books.periods.postingDay(entity: entityID, valueDay: day), amount: money)
        content.method = method
        content.generation = generation
        if known?.isIndividual == true {
            let texts = [payer ?? "", payerAccount ?? "", remittance ?? ""]
            content.personal = try books.personal.append(texts, subject: known?.id.rawValue ?? 0)
        } else {
            content.payer = payer
            content.payerAccount = payerAccount
            content.remittance = remittance
        }
        _ = try credits.register(content, entity: entityID)
        context.noteReceipt(account: account, on: day)
        if content.postingDay != day { context.postedLater += 1 }
        return .created
    }

    /// Each column that the line gives and that was registered with another value; `nil` when there is none.
    private func difference(
        from registered: CreditRepository.Content, _ money: Money, _ customerID: ID<Customer>?, _ entity: Int64,
        _ books: Books
    ) throws -> Refusal.Parameter? {
        var differences = Differences()
        if let valueDay { differences.compare("value_date", registered: registered.valueDay, given: valueDay) }
        // The day in the books is the line's, or what the rule of periods made of it.
        let posted = try books.periods.postingDay(entity: entity, valueDay: day)
        if ![registered.valueDay, registered.postingDay].contains(day), posted != registered.postingDay {
            differences.compare("date", registered: registered.postingDay, given: day)
        } else if valueDay != nil, day == registered.valueDay, posted != registered.postingDay {
            differences.compare("date", registered: registered.postingDay, given: day)
        }
        differences.compare("amount", registered: registered.amount, given: money)
        if customerID != registered.customer, customerID != nil {
            differences.compare("customer", registered: registered.customer == nil ? nil : "…", given: customer)
        }
        var texts = [registered.payer, registered.payerAccount, registered.remittance]
        if let personal = registered.personal, let fields = try books.personal.fields(personal), fields.count == 3 {
            texts = fields.map { $0.isEmpty ? nil : $0 }
        }
        differences.compare("payer", registered: texts[0], given: payer)
        differences.compare("payer_account", registered: texts[1], given: payerAccount)
        differences.compare("method", registered: registered.method, given: method) { $0.name }
        differences.compare("remittance", registered: texts[2], given: remittance)
        return differences.isEmpty ? nil : differences.parameter
    }
}

/// A line of `allocations`.
struct AllocationLine: ImportLine {
    private enum Column {
        static let receipt = 0, invoice = 1, amount = 2, date = 3, instalment = 4, invoiceAmount = 5, bankAccount = 6
        static let reason = 7, entity = 8
    }

    private let receipt: String
    private let invoice: String
    private let amount: DecimalNumber?
    private let day: LocalDate?
    private let instalment: Int?
    private let invoiceAmount: DecimalNumber?
    private let bankAccount: String?
    private let reason: String?
    private let entity: String?

    init(_ cells: LineReader) {
        receipt = cells.required(Column.receipt)
        invoice = cells.required(Column.invoice)
        amount = cells.number(Column.amount)
        day = cells.day(Column.date)
        instalment = cells.count(Column.instalment, atMost: 1000)
        invoiceAmount = cells.number(Column.invoiceAmount)
        bankAccount = cells.text(Column.bankAccount)
        reason = cells.text(Column.reason)
        entity = cells.text(Column.entity)
    }

    static func lookAhead(_ lines: [Self], in books: Books) throws {
        guard let entity = try? books.entities.find(nil) else { return }
        let credits = try books.credits()
        credits.forgetPage()
        let references = Set(lines.map(\.receipt))
        try credits.lookAhead(entity: entity, kind: .receipt, references: references, withParts: true)
        let others = try references.filter {
            try credits.find(entity: entity, kind: .receipt, reference: $0).isEmpty
        }
        try credits.lookAhead(entity: entity, kind: .creditNote, references: others, withParts: true)
        try books.invoices().lookAhead(entity: entity, numbers: Set(lines.map(\.invoice)))
    }

    func checkReferences(_ cells: LineReader, in books: Books, _ context: ImportContext) throws {
        guard let entityID = try context.entity(entity, Column.entity, cells, in: books) else { return }
        _ = try source(cells, entityID, books)
        _ = try context.invoice(invoice, entity: entityID, Column.invoice, cells, in: books)
    }

    func register(_ cells: LineReader, in books: Books, _ context: ImportContext) throws -> LineOutcome {
        guard let entityID = try context.entity(entity, Column.entity, cells, in: books) else { return .rejected }
        let found = try source(cells, entityID, books)
        let named = try context.invoiceWithItems(invoice, entity: entityID, Column.invoice, cells, in: books)
        guard var credit = found, let (target, items) = named else { return .rejected }
        guard let money = cells.money(Column.amount, amount, in: credit.currency) else { return .rejected }
        let applied = cells.money(Column.invoiceAmount, invoiceAmount, in: target.currency)
        guard cells.faults.isEmpty else { return .rejected }

        if credit.currency == target.currency, let applied, applied != money {
            cells.add(Column.invoiceAmount, Refusal(.allocationTwoAmounts, ["amount": .money(money)]))
            return .rejected
        }
        let valueDay = day ?? max(credit.valueDay, target.valueDay)
        let place = instalment.map(String.init) ?? ""
        let n = context.ordinal(
            ImportContext.LineKey(
                credit: credit.id, invoice: target.id, day: Int32(valueDay.dayNumber), place: Int32(instalment ?? 0)))
        let line = "\(place):\(n)"
        if let outcome = try earlier(credit, target, money, valueDay, line, books) { return outcome }
        let hands = SeparateHands(books: books)
        do {
            try hands.needForAllocating(credit)
            try hands.needForAllocating(credit, to: target)
            try Allocating(books: books).allocate(
                money, itemAmount: credit.currency == target.currency ? nil : applied, of: &credit, to: target, items,
                instalment: instalment, on: day, line: line, source: .imported, reason: reason)
        } catch let refusal as Refusal {
            guard let column = Self.column(of: refusal.code) else { throw refusal }
            cells.add(column, refusal)
            return .rejected
        }
        return .created
    }

    /// The cell that a refusal is about, where it is one cell.
    private static func column(of code: RefusalCode) -> Int? {
        switch code {
        case .allocationAboveOpen, .allocationAboveReceipt, .allocationTooSmall: Column.amount
        case .allocationTooEarly: Column.date
        case .itemUnknown: Column.instalment
        default: nil
        }
    }

    private func source(_ cells: LineReader, _ entityID: Int64, _ books: Books) throws -> CreditRepository.State? {
        guard !receipt.isEmpty else { return nil }
        var found = try books.credits().find(entity: entityID, kind: .receipt, reference: receipt)
            .filter { bankAccount == nil || $0.bankAccount == bankAccount }
        // What a credit note has left can be applied to other invoices too.
        if found.isEmpty { found = try books.credits().find(entity: entityID, kind: .creditNote, reference: receipt) }
        found = try found.filter { try books.isInScope(customer: $0.customer?.rawValue) }
        guard let first = found.first else {
            cells.add(Column.receipt, Refusal(.receiptUnknown, ["receipt": .text(receipt)]))
            return nil
        }
        guard found.count == 1 else {
            let accounts = found.map(\.bankAccount).joined(separator: ", ")
            cells.add(
                Column.receipt, Refusal(.receiptAmbiguous, ["receipt": .text(receipt), "accounts": .text(accounts)]))
            return nil
        }
        return first
    }

    /// What an earlier import or line made of this one: the line was registered, or the pair has another amount on
    /// that day; `nil` when it is to be registered.
    private func earlier(
        _ credit: CreditRepository.State, _ target: InvoiceRepository.Reference, _ money: Money, _ day: LocalDate,
        _ line: String, _ books: Books
    ) throws -> LineOutcome? {
        // A credit that is whole was never allocated, and most lines of a file are about such ones.
        if credit.unapplied == credit.amount, !credit.isUnwound { return nil }
        let made = try books.credits().allocatedLines(credit: credit.id, invoice: target.id, on: day)
        let place = line.prefix { $0 != ":" }
        if let same = made.first(where: { $0.line == line }) {
            if same.amount == money.minorUnits { return .unchanged }
            // Taken back, the line is free for what it should have said.
            if same.isReversed { return nil }
        }
        let other = made.first {
            !$0.isReversed && $0.line.prefix { $0 != ":" } == place && $0.amount != money.minorUnits
        }
        guard let other else { return nil }
        throw Refusal(
            .allocationDiffers,
            [
                "receipt": .text(receipt), "invoice": .text(invoice), "day": .day(day),
                "registered": .money(Money(minorUnits: other.amount, currency: credit.currency)),
                "given": .money(money),
            ])
    }
}

/// A line of `settlements`: a "paid on" column of a spreadsheet, which makes the receipt and its allocation.
struct SettlementLine: ImportLine {
    private enum Column { static let invoice = 0, date = 1, amount = 2, entity = 3 }

    private let invoice: String
    private let day: LocalDate
    private let amount: DecimalNumber?
    private let entity: String?

    init(_ cells: LineReader) {
        invoice = cells.required(Column.invoice)
        day = cells.requiredDay(Column.date)
        amount = cells.number(Column.amount)
        entity = cells.text(Column.entity)
    }

    static func lookAhead(_ lines: [Self], in books: Books) throws {
        guard let entity = try? books.entities.find(nil) else { return }
        let numbers = Set(lines.map(\.invoice))
        let credits = try books.credits()
        credits.forgetPage()
        try credits.lookAhead(entity: entity, kind: .receipt, references: numbers, withParts: false)
        try books.invoices().lookAhead(entity: entity, numbers: numbers)
    }

    func checkReferences(_ cells: LineReader, in books: Books, _ context: ImportContext) throws {
        guard let entityID = try context.entity(entity, Column.entity, cells, in: books) else { return }
        _ = try context.invoice(invoice, entity: entityID, Column.invoice, cells, in: books)
    }

    func register(_ cells: LineReader, in books: Books, _ context: ImportContext) throws -> LineOutcome {
        let credits = try books.credits()
        guard let entityID = try context.entity(entity, Column.entity, cells, in: books),
            let (target, items) = try context.invoiceWithItems(
                invoice, entity: entityID, Column.invoice, cells, in: books)
        else { return .rejected }
        let given = amount == nil ? nil : cells.money(Column.amount, amount, in: target.currency)
        guard cells.faults.isEmpty else { return .rejected }
        // The identity of a settlement is its invoice and day; both stand in the receipt's own key.
        let origin = "settlement \(day)"
        let known = try credits.find(entity: entityID, kind: .receipt, reference: invoice).first {
            $0.bankAccount == origin
        }
        if let known, !known.isReversed || given == nil || given?.minorUnits == known.amount {
            let registered = Money(minorUnits: known.amount, currency: known.currency)
            guard given == nil || given == registered else {
                throw Refusal(
                    .settlementDiffers,
                    [
                        "invoice": .text(invoice), "day": .day(day), "registered": .money(registered),
                        "given": .text("\(given ?? registered)"),
                    ])
            }
            return .unchanged
        }
        let open = items.reduce(0) { $0 + $1.open }
        let money = given ?? Money(minorUnits: open, currency: target.currency)
        guard money.isPositive else { throw Refusal(.settlementNothingOpen, ["invoice": .text(invoice)]) }
        guard money.minorUnits <= open else {
            cells.add(
                Column.amount,
                Refusal(
                    .allocationAboveOpen,
                    [
                        "amount": .money(money), "invoice": .text(invoice),
                        "open": .money(Money(minorUnits: open, currency: target.currency)),
                    ]))
            return .rejected
        }
        guard day >= target.valueDay else {
            cells.add(Column.date, Refusal(.allocationTooEarly, ["day": .day(day), "earliest": .day(target.valueDay)]))
            return .rejected
        }
        let posted = try books.periods.postingDay(entity: entityID, valueDay: day)
        var content = CreditRepository.Content(
            kind: .receipt, reference: invoice, bankAccount: origin, customer: target.customer, valueDay: day,
            postingDay: max(posted, target.postingDay), amount: money)
        content.method = .settlement
        content.generation = (known?.generation ?? 0) + 1
        var credit = try credits.register(content, entity: entityID)
        try Allocating(books: books).allocate(
            money, of: &credit, to: target, items, on: nil, source: .imported, reason: nil)
        return .created
    }
}
