internal import Database
internal import Ledger
internal import Receivables

/// A line of `invoices`.
struct InvoiceLine: ImportLine {
    private enum Column {
        static let number = 0, customer = 1, issueDate = 2, dueDate = 3, termsDays = 4, instalments = 5, amount = 6
        static let net = 7, tax = 8, currency = 9, postingDate = 10, recognisedDate = 11, acceptedDate = 12
        static let contract = 13, milestone = 14, productLine = 15, salesOwner = 16, eInvoiceNumber = 17
        static let status = 18, deliveredDate = 19, entity = 20
    }

    private let number: String
    private let customer: String
    private let issueDay: LocalDate
    private let dueDay: LocalDate?
    private let termsDays: Int?
    private let instalments: [(day: LocalDate, amount: DecimalNumber)]
    private let amount: DecimalNumber?
    private let net: DecimalNumber?
    private let tax: DecimalNumber?
    private let currency: Currency?
    private let postingDay: LocalDate?
    private let recognisedDay: LocalDate?
    private let acceptedDay: LocalDate?
    private let deliveredDay: LocalDate?
    private let contract: String?
    private let milestone: String?
    private let productLine: String?
    private let salesOwner: String?
    private let eInvoiceNumber: String?
    private let status: Invoice.TaxStatus?
    private let entity: String?

    init(_ cells: LineReader) {
        number = cells.required(Column.number)
        customer = cells.required(Column.customer)
        issueDay = cells.requiredDay(Column.issueDate)
        dueDay = cells.day(Column.dueDate)
        termsDays = cells.count(Column.termsDays, atMost: 3650)
        instalments = Self.instalments(cells)
        amount = cells.number(Column.amount)
        net = cells.number(Column.net)
        tax = cells.number(Column.tax)
        currency = cells.currency(Column.currency)
        postingDay = cells.day(Column.postingDate)
        recognisedDay = cells.day(Column.recognisedDate)
        acceptedDay = cells.day(Column.acceptedDate)
        contract = cells.text(Column.contract)
        milestone = cells.text(Column.milestone)
        productLine = cells.text(Column.productLine)
        salesOwner = cells.text(Column.salesOwner)
        eInvoiceNumber = cells.text(Column.eInvoiceNumber)
        status = cells.choice(Column.status) { (status: Invoice.TaxStatus) in status.name }
        deliveredDay = cells.day(Column.deliveredDate)
        entity = cells.text(Column.entity)
        if let eInvoiceNumber,
            eInvoiceNumber.utf8.count != 20 || !eInvoiceNumber.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 })
        {
            cells.refuse(Column.eInvoiceNumber, .valueNotAnEInvoiceNumber)
        }
        if dueDay != nil, !instalments.isEmpty { cells.refuse(Column.dueDate, .invoiceTwoDueDates) }
    }

    /// Reads `2026-01-31:500.00; 2026-02-28:500.00`.
    private static func instalments(_ cells: LineReader) -> [(day: LocalDate, amount: DecimalNumber)] {
        guard let text = cells.text(Column.instalments) else { return [] }
        var found: [(day: LocalDate, amount: DecimalNumber)] = []
        for part in text.split(separator: ";") {
            let pair = part.split(separator: ":", maxSplits: 1).map { LineReader.trimmed(String($0)) }
            var amount = pair.count == 2 ? pair[1] : ""
            let number = amount.withUTF8 { try? DecimalNumber(parsing: $0) }
            guard pair.count == 2, let day = LocalDate(pair[0]), LineReader.isInRange(day), let number else {
                cells.refuse(Column.instalments, .valueNotInstalments)
                return []
            }
            found.append((day, number))
        }
        if found.isEmpty { cells.refuse(Column.instalments, .valueNotInstalments) }
        return found
    }

    static func lookAhead(_ lines: [Self], in books: Books) throws {
        try books.customers.lookAhead(Set(lines.map(\.customer)))
        // Lines about other entities are few, and look for themselves.
        guard let entity = try? books.entities.find(nil) else { return }
        try books.invoices().lookAhead(
            entity: entity, numbers: Set(lines.map(\.number)), eInvoices: Set(lines.compactMap(\.eInvoiceNumber)))
    }

    var foreseen: [Foreseen] { [CustomerRepository.foreseen(customer)] }

    func checkReferences(_ cells: LineReader, in books: Books, _ context: ImportContext) throws {
        try context.checkCustomer(customer, Column.customer, cells, in: books)
        _ = try context.entity(entity, Column.entity, cells, in: books)
        let payer = customer.isEmpty ? nil : try books.customers.find(customer)
        _ = cells.money(Column.amount, amount, in: currency ?? payer?.currency ?? context.baseCurrency)
    }

    func register(_ cells: LineReader, in books: Books, _ context: ImportContext) throws -> LineOutcome {
        let found = try context.entity(entity, Column.entity, cells, in: books)
        guard let payer = try context.customer(customer, Column.customer, cells, in: books), let entityID = found
        else { return .rejected }
        let invoices = try books.invoices()
        let known = try invoices.find(entity: entityID, number: number)
        // A line that names no currency says the same as ever, whatever the customer's is by now.
        let currency = self.currency ?? known?.currency ?? payer.currency ?? context.baseCurrency
        guard let gross = cells.money(Column.amount, amount, in: currency) else { return .rejected }
        let givenNet = cells.money(Column.net, net, in: currency, allowing: .zeroAndMore)
        let givenTax = cells.money(Column.tax, tax, in: currency, allowing: .zeroAndMore)
        guard cells.faults.isEmpty else { return .rejected }
        let completed = try Invoice.netAndTax(gross: gross, net: givenNet, tax: givenTax)
        guard let schedule = try schedule(cells, gross, payer) else { return .rejected }

        var content = Invoice.Content(
            number: number, customer: payer.id, issueDay: issueDay, currency: currency, gross: gross.minorUnits)
        content.valueDay = postingDay ?? issueDay
        content.postingDay = try books.periods.postingDay(entity: entityID, valueDay: content.valueDay)
        content.recognisedDay = recognisedDay ?? issueDay
        content.acceptedDay = acceptedDay
        content.deliveredDay = deliveredDay
        content.net = completed.net?.minorUnits
        content.tax = completed.tax?.minorUnits
        content.contract = contract
        content.milestone = milestone
        content.productLine = productLine
        content.salesOwner = try salesOwner.flatMap { try books.people.find($0) }
        content.taxStatus = status ?? .delivered
        content.eInvoiceNumber = eInvoiceNumber
        content.instalments = schedule

        if let known, let registered = try invoices.content(known.id) {
            guard let differences = difference(content, from: registered) else { return .unchanged }
            if let outcome = try changeStatus(of: known, from: registered, content, books, context) { return outcome }
            // Taken back as a whole, the number is free for what it should have said.
            guard try invoices.isTakenBack(known) else {
                throw Refusal(.invoiceDiffers, ["invoice": .text(number), "differences": differences])
            }
            content.generation = known.generation + 1
        }
        if let eInvoiceNumber, let holder = try invoices.holder(ofEInvoice: eInvoiceNumber), holder != number {
            cells.add(Column.eInvoiceNumber, Refusal(.invoiceEInvoiceTaken, ["invoice": .text(holder)]))
            return .rejected
        }
        if content.generation > 1, eInvoiceNumber != nil { content.eInvoiceNumber = nil }
        content.salesOwner = try salesOwner.map { try books.people.findOrRegister($0) }
        try invoices.register(content, entity: entityID)
        if content.postingDay != content.valueDay { context.postedLater += 1 }
        return .created
    }

    /// The one thing of a registered invoice that goes on: its tax invoice's status, taken over with `--update`.
    private func changeStatus(
        of known: InvoiceRepository.Reference, from registered: Invoice.Content, _ given: Invoice.Content,
        _ books: Books, _ context: ImportContext
    ) throws -> LineOutcome? {
        guard let status else { return nil }
        var same = given
        same.taxStatus = registered.taxStatus
        same.deliveredDay = registered.deliveredDay
        guard difference(same, from: registered, ignoresStatus: true) == nil else { return nil }
        let inForce = try books.invoices().taxStatus(of: known.id)
        if inForce == status { return .unchanged }
        guard context.updates else { return nil }
        try books.invoices().changeTaxStatus(of: known.id, to: status, on: deliveredDay ?? books.today)
        return .updated
    }

    /// When the parts fall due: as given, or by the terms of the line or the customer.
    private func schedule(
        _ cells: LineReader, _ gross: Money, _ payer: CustomerRepository.Reference
    ) throws -> [Invoice.Instalment]? {
        if !instalments.isEmpty {
            var parts: [Invoice.Instalment] = []
            for instalment in instalments {
                guard let part = cells.money(Column.instalments, instalment.amount, in: gross.currency) else {
                    return nil
                }
                parts.append(Invoice.Instalment(dueDay: instalment.day, amount: part.minorUnits))
            }
            let sum = parts.reduce(Int128(0)) { $0 + Int128($1.amount) }
            guard sum == Int128(gross.minorUnits) else {
                let text = Money.decimal(of: sum, exponent: gross.currency.exponent, grouped: true)
                cells.add(
                    Column.instalments, Refusal(.invoiceInstalmentsSum, ["sum": .text(text), "amount": .money(gross)]))
                return nil
            }
            return parts
        }
        if let dueDay { return [Invoice.Instalment(dueDay: dueDay, amount: gross.minorUnits)] }
        guard let days = termsDays ?? payer.termsDays else {
            throw Refusal(.invoiceNoDueDate, ["customer": .text(customer)])
        }
        return [Invoice.Instalment(dueDay: issueDay.adding(days: days), amount: gross.minorUnits)]
    }

    /// Each column that the line gives and that was registered with another value; `nil` when there is none.
    private func difference(
        _ given: Invoice.Content, from registered: Invoice.Content, ignoresStatus: Bool = false
    ) -> Refusal.Parameter? {
        var differences = Differences()
        if given.customer != registered.customer { differences.compare("customer", registered: "…", given: customer) }
        differences.compare("issue_date", registered: registered.issueDay, given: given.issueDay)
        differences.compare("currency", registered: registered.currency, given: given.currency)
        let exponent = registered.currency.exponent
        func decimal(_ amount: Int64) -> String { Money.decimal(of: Int128(amount), exponent: exponent, grouped: true) }
        differences.compare("amount", registered: registered.gross, given: given.gross, decimal)
        if net != nil { differences.compare("net", registered: registered.net, given: given.net, decimal) }
        if tax != nil { differences.compare("tax", registered: registered.tax, given: given.tax, decimal) }
        if dueDay != nil || termsDays != nil || !instalments.isEmpty {
            func text(_ parts: [Invoice.Instalment]) -> String {
                parts.count == 1
                    ? "\(parts[0].dueDay)" : parts.map { "\($0.dueDay):\(decimal($0.amount))" }.joined(separator: ";")
            }
            if text(given.instalments) != text(registered.instalments) {
                differences.compare(
                    instalments.isEmpty ? "due_date" : "instalments", registered: text(registered.instalments),
                    given: text(given.instalments))
            }
        }
        differences.compare("posting_date", registered: registered.valueDay, given: postingDay)
        differences.compare("recognised_date", registered: registered.recognisedDay, given: recognisedDay)
        differences.compare("accepted_date", registered: registered.acceptedDay, given: acceptedDay)
        if !ignoresStatus {
            differences.compare("delivered_date", registered: registered.deliveredDay, given: deliveredDay)
            differences.compare("invoice_status", registered: registered.taxStatus, given: status) { $0.name }
        }
        differences.compare("contract", registered: registered.contract, given: contract)
        differences.compare("milestone", registered: registered.milestone, given: milestone)
        differences.compare("product_line", registered: registered.productLine, given: productLine)
        if salesOwner != nil, given.salesOwner != registered.salesOwner {
            differences.compare("sales_owner", registered: "…", given: salesOwner)
        }
        differences.compare("einvoice_number", registered: registered.eInvoiceNumber, given: eInvoiceNumber)
        return differences.isEmpty ? nil : differences.parameter
    }
}
