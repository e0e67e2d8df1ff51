/// What an account is for. A company maps each role to a code of its own chart of accounts.
///
/// The raw value stands in stored transfers: never renumber one.
package enum AccountRole: Int64, CaseIterable, Hashable, Sendable {
    /// 应收账款: what customers owe; the control account that aging must equal.
    case receivable = 1
    /// 应收结转: empties into the general ledger in sub-ledger mode.
    case clearing = 2
    /// 银行存款: money received.
    case bank = 3
    /// 待核销收款: received from a known customer, not yet matched.
    case unapplied = 4
    /// 待认领: received from an unknown payer.
    case suspense = 5
    /// 预收: a real prepayment.
    case advance = 6
    /// 往来结转: links the two sides of an allocation between currencies or between customers.
    case exchangeClearing = 7
    /// 财务费用—汇兑损益: what an exchange rate won or lost between invoice and payment; functional currency alone.
    case exchangeDifference = 8

    /// The name in the product's files and JSON, for example `exchange_clearing`.
    package var name: String {
        switch self {
        case .receivable: "receivable"
        case .clearing: "clearing"
        case .bank: "bank"
        case .unapplied: "unapplied"
        case .suspense: "suspense"
        case .advance: "advance"
        case .exchangeClearing: "exchange_clearing"
        case .exchangeDifference: "exchange_difference"
        }
    }
}

/// An amount moved from the `credit` account to the `debit` account.
///
/// The two sides cannot differ, so an unbalanced entry cannot be represented in any currency.
package struct Transfer: Hashable, Sendable {
    package let debit: AccountRole
    package let credit: AccountRole
    package let amount: Money

    /// - Precondition: The accounts differ and the amount is not negative.
    package init(debit: AccountRole, credit: AccountRole, amount: Money) {
        precondition(debit != credit, "a transfer moves between two accounts")
        precondition(amount.minorUnits >= 0, "a transfer moves an amount forward; swap the accounts instead")
        self.debit = debit
        self.credit = credit
        self.amount = amount
    }

    /// The transfer that undoes this one.
    package var reversed: Transfer { Transfer(debit: credit, credit: debit, amount: amount) }
}

/// What one fact posts on one day: one or more transfers.
package struct JournalEntry: Hashable, Sendable {
    package let postingDay: LocalDate
    package let transfers: [Transfer]

    package init(on postingDay: LocalDate, _ transfers: Transfer...) {
        self.postingDay = postingDay
        self.transfers = transfers
    }

    /// The entry that undoes this one on `day`.
    package func reversed(on day: LocalDate) -> JournalEntry {
        JournalEntry(postingDay: day, transfers: transfers.map(\.reversed))
    }

    private init(postingDay: LocalDate, transfers: [Transfer]) {
        self.postingDay = postingDay
        self.transfers = transfers
    }
}
