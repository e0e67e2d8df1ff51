internal import Ledger
internal import Receivables

/// Applies credits to items: the one place where totals, days in between and balances are checked together.
struct Allocating {
    let books: Books

    /// Allocates `amount` of a credit to the items of an invoice, the one due first before the others.
    ///
    /// Everything is decided before anything is written, so a refusal leaves no part behind.
    /// - Parameters:
    ///   - itemAmount: In the invoice's currency, when it differs from the credit's.
    ///   - known: The invoice's items, where they were read just before.
    ///   - day: The value day; `nil` takes the later of credit and invoice.
    ///   - instalment: Only this item, counted from 1.
    ///   - line: Which line of a file this is, as `AllocationLine` names it.
    /// - Throws: `Refusal`.
    func allocate(
        _ amount: Money, itemAmount: Money? = nil, of credit: inout CreditRepository.State,
        to invoice: InvoiceRepository.Reference, _ known: [InvoiceRepository.ItemState]? = nil, instalment: Int? = nil,
        on day: LocalDate?,
        line: String? = nil, source: CreditRepository.Source, reason: String?
    ) throws {
        let credits = try books.credits()
        let invoices = try books.invoices()
        guard credit.entity == invoice.entity else {
            throw Refusal(
                .allocationOtherEntity, ["receipt": .text(credit.reference), "invoice": .text(invoice.number)])
        }
        var items = try known ?? invoices.items(of: invoice.id)
        if let instalment {
            items = items.filter { $0.n == Int64(instalment) }
            guard !items.isEmpty else {
                throw Refusal(.itemUnknown, ["invoice": .text(invoice.number), "instalment": .count(instalment)])
            }
        }
        let mayCross =
            try reason != nil
            || credit.customer.map {
                try $0 == invoice.customer || books.customers.areInOneGroup($0, invoice.customer)
            } ?? true

        let valueDay = day ?? max(credit.valueDay, invoice.valueDay)
        let earliestValue = max(credit.valueDay, invoice.valueDay)
        guard valueDay >= earliestValue else {
            throw Refusal(.allocationTooEarly, ["day": .day(valueDay), "earliest": .day(earliestValue)])
        }
        let earliest = max(credit.postingDay, invoice.postingDay)
        let posted = try books.periods.postingDay(entity: credit.entity, valueDay: valueDay)
        let postingDay = max(posted, earliest)
        let whole = Allocation.Target(
            invoice: invoice.number, customer: invoice.customer, postingDay: invoice.postingDay,
            currency: invoice.currency, open: items.reduce(0) { $0 + $1.open })
        _ = try Allocation.decide(
            amount, itemAmount: itemAmount, of: credit.source, to: whole, on: postingDay, mayCross: mayCross)

        var parts: [(state: InvoiceRepository.ItemState, credit: Money, item: Money)] = []
        var left = (itemAmount ?? amount).minorUnits
        for item in items where item.open > 0 && left > 0 {
            let part = min(item.open, left)
            left -= part
            let itemPart = Money(minorUnits: part, currency: invoice.currency)
            parts.append((item, itemPart, itemPart))
        }
        if itemAmount != nil {
            let shares = amount.shared(by: parts.map(\.item.minorUnits))
            for index in parts.indices { parts[index].credit = shares[index] }
            guard parts.allSatisfy({ $0.credit.isPositive }) else {
                throw Refusal(.allocationTooSmall, ["amount": .money(amount), "count": .count(parts.count)])
            }
        }
        try check(parts, credit, on: postingDay, invoice)
        if credit.customer == nil {
            try credits.identify(
                &credit, customer: invoice.customer,
                postingDay: try books.periods.postingDay(entity: credit.entity, valueDay: credit.valueDay))
        }
        for part in parts {
            let target = Allocation.Target(
                invoice: invoice.number, customer: invoice.customer, postingDay: invoice.postingDay,
                currency: invoice.currency, open: part.state.open)
            let decided = try Allocation.decide(
                part.credit, itemAmount: itemAmount == nil ? nil : part.item, of: credit.source, to: target,
                on: postingDay,
                mayCross: mayCross)
            try credits.append(
                decided, credit: &credit, item: part.state, invoice: invoice.id, valueDay: valueDay, line: line,
                customer: invoice.customer, source: source, reason: reason)
            invoices.noteAllocated(decided.itemAmount.minorUnits, to: part.state.id, of: invoice.number)
        }
    }

    /// Where something was un-applied, every day in between must stay within bounds, not only the total.
    private func check(
        _ parts: [(state: InvoiceRepository.ItemState, credit: Money, item: Money)], _ credit: CreditRepository.State,
        on day: LocalDate, _ invoice: InvoiceRepository.Reference
    ) throws {
        for part in parts where part.state.isUnwound {
            let movements = try books.invoices().movements(ofItem: part.state.id)
            let least = Allocation.leastLeft(of: part.state.amount, after: movements, from: day)
            guard part.item.minorUnits <= least else {
                throw Refusal(
                    .allocationAboveOpen,
                    [
                        "amount": .money(part.item), "invoice": .text(invoice.number),
                        "open": .money(Money(minorUnits: least, currency: invoice.currency)),
                    ])
            }
        }
        guard credit.isUnwound else { return }
        let movements = try books.credits().movements(ofCredit: credit.id)
        let least = Allocation.leastLeft(of: credit.amount, after: movements, from: day)
        let sum = parts.reduce(Int64(0)) { $0 + $1.credit.minorUnits }
        guard sum <= least else {
            throw Refusal(
                .allocationAboveReceipt,
                [
                    "amount": .money(Money(minorUnits: sum, currency: credit.currency)),
                    "receipt": .text(credit.reference),
                    "available": .money(Money(minorUnits: least, currency: credit.currency)),
                ])
        }
    }
}
