package import Ledger

/// Whatever can reduce an invoice. Only an allocation of a credit to an item does reduce it.
package enum Credit {
    package enum Kind: Int64, CaseIterable, Sendable {
        case receipt = 1, creditNote, bill, discount, charge, offset, writeOff
        /// Takes back an invoice that was registered by mistake.
        case correction

        package var name: String {
            switch self {
            case .receipt: "receipt"
            case .creditNote: "credit_note"
            case .bill: "bill"
            case .discount: "discount"
            case .charge: "charge"
            case .offset: "offset"
            case .writeOff: "write_off"
            case .correction: "correction"
            }
        }

        /// The account that is debited when the credit arises.
        var source: AccountRole { self == .receipt ? .bank : .clearing }
    }

    package enum Method: Int64, CaseIterable, Sendable {
        case transfer = 1, cheque, bill, offset, cash, settlement

        package var name: String { String(describing: self) }
    }

    /// Where a credit waits until it is allocated: with its customer, or in suspense when nobody is known.
    package static func waitingAccount(customerIsKnown: Bool) -> AccountRole {
        customerIsKnown ? .unapplied : .suspense
    }

    /// The entry of a new credit.
    package static func entry(
        _ kind: Kind, _ amount: Money, on postingDay: LocalDate, customerIsKnown: Bool
    ) -> JournalEntry {
        let waiting = waitingAccount(customerIsKnown: customerIsKnown)
        return JournalEntry(on: postingDay, Transfer(debit: kind.source, credit: waiting, amount: amount))
    }

    /// The entry when the payer of a receipt in suspense is found; `amount` is what still waits.
    package static func identification(_ amount: Money, on postingDay: LocalDate) -> JournalEntry {
        JournalEntry(on: postingDay, Transfer(debit: .suspense, credit: .unapplied, amount: amount))
    }
}
