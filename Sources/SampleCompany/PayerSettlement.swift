import Ledger

/// Makes the receipts of one payer, day by day, and allocates them.
struct PayerSettlement {
    /// The position of the payer in the list of customers.
    let payer: Int
    let paysForGroup: Bool
    let last: LocalDate
    var generator: SeededGenerator

    /// Money that the payer has paid too much, and from which day on somebody may use it.
    private struct Credit {
        let receipt: Int32
        var amount: Int64
        let usableFrom: LocalDate
    }

    private var credits: [Credit] = []

    init(payer: Int, paysForGroup: Bool, last: LocalDate, generator: SeededGenerator) {
        self.payer = payer
        self.paysForGroup = paysForGroup
        self.last = last
        self.generator = generator
    }

    /// One receipt takes the money for a page of invoices at most.
    private static let invoicesPerReceipt = 9

    mutating func settle(_ payments: [IntendedPayment], _ history: inout History) {
        let ordered = payments.sorted { ($0.day, $0.invoice) < ($1.day, $1.invoice) }
        let combines = paysForGroup || history.customers[payer].habit.combinesInvoices
        var index = 0
        while index < ordered.count {
            let day = ordered[index].day
            var merged: [IntendedPayment] = []
            while index < ordered.count, ordered[index].day == day {
                let payment = ordered[index]
                if let same = merged.last, same.invoice == payment.invoice {
                    // Two instalments of one invoice: the importer sees one line per receipt, invoice and day.
                    merged[merged.count - 1] = IntendedPayment(
                        day: day, invoice: same.invoice, amount: same.amount + payment.amount)
                } else if merged.isEmpty || (combines && merged.count < Self.invoicesPerReceipt) {
                    merged.append(payment)
                } else {
                    break
                }
                index += 1
            }
            receive(merged, on: day, &history)
        }
        if history.customers[payer].role == .paysTwice { payAgain(&history) }
    }

    private mutating func receive(_ payments: [IntendedPayment], on day: LocalDate, _ history: inout History) {
        let customer = history.customers[payer]
        var owed: [(invoice: Int32, amount: Int64)] = []
        for payment in payments {
            let rest = useCredit(for: payment, &history)
            if rest > 0 { owed.append((payment.invoice, rest)) }
        }
        guard !owed.isEmpty else { return }
        let total = owed.reduce(0) { $0 + $1.amount }

        var amount = total
        if generator.chance(perMille: customer.habit.deductsBankCharges), let charge = bankCharge(customer, total) {
            // The last invoice is short by what the banks kept.
            amount -= charge
            owed[owed.count - 1].amount -= charge
            forgive(charge, of: owed[owed.count - 1].invoice, after: day, &history)
        } else if customer.currency == .yuan, generator.chance(perMille: 24) {
            amount += excess(over: total)
        }

        var payerKind: Receipt.Payer = paysForGroup ? .treasury : .customer
        if !customer.isLarge, !paysForGroup, customer.currency == .yuan, generator.chance(perMille: 55) {
            payerKind = .thirdParty(thirdParty(paying: amount))
        }
        let allocationDay = allocationDay(after: day, payer: payerKind)
        let receipt = Int32(history.receipts.count)
        history.receipts.append(
            Receipt(
                customer: Int32(payer), payer: payerKind, day: day, amount: amount, currency: customer.currency,
                bank: customer.bank, method: method(customer, payerKind, amount),
                firstAllocation: Int32(history.allocations.count), allocationCount: Int32(owed.count),
                wording: UInt32(truncatingIfNeeded: generator.next())))
        for part in owed {
            let registered = history.invoices[Int(part.invoice)].registered
            history.allocations.append(
                Allocation(
                    receipt: receipt, invoice: part.invoice, amount: part.amount, day: max(allocationDay, registered)))
        }
        if amount > total {
            let usable = allocationDay.adding(days: generator.number(in: 7...60))
            credits.append(Credit(receipt: receipt, amount: amount - total, usableFrom: usable))
        }
    }

    /// Pays from what was paid too much before, and returns what is still to be paid.
    private mutating func useCredit(for payment: IntendedPayment, _ history: inout History) -> Int64 {
        var rest = payment.amount
        for index in credits.indices where credits[index].amount > 0 && credits[index].usableFrom <= payment.day {
            let used = min(rest, credits[index].amount)
            guard used > 0 else { break }
            credits[index].amount -= used
            rest -= used
            history.allocations.append(
                Allocation(
                    receipt: credits[index].receipt, invoice: payment.invoice, amount: used,
                    day: max(payment.day, history.invoices[Int(payment.invoice)].registered)))
        }
        return rest
    }

    /// Repeats the largest payment of the last months; nobody has noticed by the last day.
    private mutating func payAgain(_ history: inout History) {
        var largest: Receipt?
        for receipt in history.receipts.reversed() where receipt.customer == Int32(payer) {
            guard receipt.day >= last.adding(days: -150) else { break }
            guard receipt.day <= last.adding(days: -14), receipt.allocationCount > 0 else { continue }
            if receipt.amount > largest?.amount ?? 0 { largest = receipt }
        }
        guard let paid = largest else { return }
        let again = paid.day.adding(days: generator.number(in: 5...11)).workingDayOnOrAfter
        guard again <= last else { return }
        history.receipts.append(
            Receipt(
                customer: paid.customer, payer: paid.payer, day: again, amount: paid.amount,
                currency: paid.currency, bank: paid.bank, method: paid.method,
                firstAllocation: paid.firstAllocation, allocationCount: paid.allocationCount, wording: paid.wording))
    }

    // MARK: What goes wrong

    private mutating func bankCharge(_ customer: Customer, _ total: Int64) -> Int64? {
        let charge: Int64 =
            customer.currency.code == "JPY" ? 2_500 : generator.pick([1_500, 2_000, 2_500, 3_500, 4_500])
        return total > charge * 20 ? charge : nil
    }

    /// Small differences of bank charges are usually taken over after some weeks.
    private mutating func forgive(_ charge: Int64, of invoice: Int32, after day: LocalDate, _ history: inout History) {
        let noted = max(day, history.invoices[Int(invoice)].registered).adding(
            workingDays: generator.number(in: 8...30))
        guard noted <= last, generator.chance(perMille: 880) else { return }
        history.creditNotes.append(
            CreditNote(invoice: invoice, day: noted, amount: charge, reason: "境外汇款银行手续费，由我方承担"))
    }

    private mutating func excess(over total: Int64) -> Int64 {
        switch generator.number(from: 0, to: 9) {
        // Rounded up to whole thousands of yuan, or two digits exchanged.
        case 0...5: (100_000 - total % 100_000) % 100_000
        case 6...7: Int64(generator.number(in: 1...9)) * 90_000
        default: total / 10
        }
    }

    private mutating func thirdParty(paying amount: Int64) -> String {
        // Owners pay from their own accounts, but not everything.
        amount < 30_000_000 && generator.chance(perMille: 450)
            ? PersonName.chinese(using: &generator).full : CompanyNaming.stranger(using: &generator)
    }

    private mutating func allocationDay(after day: LocalDate, payer: Receipt.Payer) -> LocalDate {
        if case .thirdParty = payer { return day.adding(workingDays: generator.number(in: 5...32)) }
        return switch generator.number(from: 0, to: 99) {
        case 0..<58: day
        case 58..<84: day.adding(workingDays: 1)
        case 84..<93: day.adding(workingDays: 2)
        default: day.adding(workingDays: generator.smallish(in: 3...18))
        }
    }

    private mutating func method(_ customer: Customer, _ payer: Receipt.Payer, _ amount: Int64) -> Receipt.Method {
        guard case .customer = payer, customer.currency == .yuan, !customer.isLarge else { return .transfer }
        if amount < 1_000_000, generator.chance(perMille: 40) { return .cash }
        return generator.chance(perMille: 35) ? .cheque : .transfer
    }
}
