package import Ledger

/// A part of a credit applied to an item (收款核销).
package struct Allocation: Hashable, Sendable {
    /// What the decision knows of the credit.
    package struct Source: Hashable, Sendable {
        package let reference: String
        package let customer: ID<Customer>?
        package let postingDay: LocalDate
        package let currency: Currency
        /// All of it that can ever be allocated: 0 once the credit itself was reversed.
        package let unapplied: Int64
        package let isReversed: Bool

        package init(
            reference: String, customer: ID<Customer>?, postingDay: LocalDate, currency: Currency,
            unapplied: Int64, isReversed: Bool
        ) {
            self.reference = reference
            self.customer = customer
            self.postingDay = postingDay
            self.currency = currency
            self.unapplied = unapplied
            self.isReversed = isReversed
        }
    }

    /// What the decision knows of the item.
    package struct Target: Hashable, Sendable {
        package let invoice: String
        package let customer: ID<Customer>
        package let postingDay: LocalDate
        package let currency: Currency
        package let open: Int64

        package init(
            invoice: String, customer: ID<Customer>, postingDay: LocalDate, currency: Currency, open: Int64
        ) {
            self.invoice = invoice
            self.customer = customer
            self.postingDay = postingDay
            self.currency = currency
            self.open = open
        }
    }

    package let postingDay: LocalDate
    package let creditAmount: Money
    package let itemAmount: Money
    package let entry: JournalEntry

    /// Decides an allocation; reasons for a refusal in order of precedence.
    ///
    /// - Parameters:
    ///   - amount: In the currency of the credit; positive.
    ///   - itemAmount: In the currency of the item when it differs from the credit's.
    ///   - day: The posting day; `nil` takes the later one of credit and item.
    ///   - mayCross: Whether credit and item may belong to different customers (one group, or a reason given).
    package static func decide(
        _ amount: Money, itemAmount: Money? = nil, of source: Source, to target: Target, on day: LocalDate?,
        mayCross: Bool
    ) throws(Refusal) -> Allocation {
        guard !source.isReversed else {
            throw Refusal(.receiptReversed, ["receipt": .text(source.reference)])
        }
        guard source.currency == target.currency || itemAmount != nil else {
            throw Refusal(
                .allocationOtherCurrency,
                [
                    "receipt": .text(source.reference), "currency": .text(source.currency.code),
                    "invoice": .text(target.invoice), "expected": .text(target.currency.code),
                ])
        }
        if let payer = source.customer, payer != target.customer, !mayCross {
            throw Refusal(
                .allocationOtherCustomer,
                ["receipt": .text(source.reference), "invoice": .text(target.invoice)])
        }
        let earliest = max(source.postingDay, target.postingDay)
        let postingDay = day ?? earliest
        guard postingDay >= earliest else {
            throw Refusal(.allocationTooEarly, ["day": .day(postingDay), "earliest": .day(earliest)])
        }
        guard amount.minorUnits <= source.unapplied else {
            throw Refusal(
                .allocationAboveReceipt,
                [
                    "amount": .money(amount), "receipt": .text(source.reference),
                    "available": .money(Money(minorUnits: source.unapplied, currency: source.currency)),
                ])
        }
        let applied = source.currency == target.currency ? amount : itemAmount ?? amount
        guard applied.minorUnits <= target.open else {
            throw Refusal(
                .allocationAboveOpen,
                [
                    "amount": .money(applied), "invoice": .text(target.invoice),
                    "open": .money(Money(minorUnits: target.open, currency: target.currency)),
                ])
        }
        return Allocation(
            postingDay: postingDay, creditAmount: amount, itemAmount: applied,
            entry: entry(
                amount, applied, on: postingDay,
                crossesCustomers: source.customer.map { $0 != target.customer } ?? false))
    }

    /// The entry of an allocation. Across currencies or customers both sides meet in the clearing account, so that
    /// each customer's and each currency's accounts are right by themselves.
    package static func entry(
        _ credit: Money, _ item: Money, on day: LocalDate, crossesCustomers: Bool
    ) -> JournalEntry {
        guard credit.currency != item.currency || crossesCustomers else {
            return JournalEntry(on: day, Transfer(debit: .unapplied, credit: .receivable, amount: item))
        }
        return JournalEntry(
            on: day,
            Transfer(debit: .unapplied, credit: .exchangeClearing, amount: credit),
            Transfer(debit: .exchangeClearing, credit: .receivable, amount: item))
    }

    /// A dated change of what is open on an item or left of a credit.
    package struct Movement: Hashable, Sendable {
        package let day: LocalDate
        /// Positive reduces what is left.
        package let amount: Int64

        package init(day: LocalDate, amount: Int64) {
            self.day = day
            self.amount = amount
        }
    }

    /// The least that is ever left of `amount` from `day` on, over the movements so far.
    ///
    /// Needed where something was un-applied: totals alone don't show that a back-dated allocation
    /// would leave less than nothing on a day in between (ENGINEERING E-13).
    package static func leastLeft(of amount: Int64, after movements: [Movement], from day: LocalDate) -> Int64 {
        var left = amount
        for movement in movements where movement.day <= day { left -= movement.amount }
        var least = left
        let later = movements.filter { $0.day > day }.sorted { $0.day < $1.day }
        var index = 0
        while index < later.count {
            let current = later[index].day
            while index < later.count, later[index].day == current {
                left -= later[index].amount
                index += 1
            }
            least = min(least, left)
        }
        return least
    }
}
