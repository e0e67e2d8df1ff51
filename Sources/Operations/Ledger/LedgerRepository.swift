internal import Database
internal import Ledger

/// Posts entries: each transfer is a fact that names the fact it belongs to.
final class LedgerRepository {
    private let facts: FactWriter

    init(session: any SQLSession, facts: FactWriter) { self.facts = facts }

    func post(_ entry: JournalEntry, of fact: Int64, entity: Int64, customer: Int64?) throws {
        for transfer in entry.transfers {
            try facts.append(.transfer) { row in
                row.integer(fact)
                row.integer(entity)
                row.integer(Int64(entry.postingDay.dayNumber))
                row.integer(transfer.debit.rawValue)
                row.integer(transfer.credit.rawValue)
                row.text(transfer.amount.currency.code)
                row.integer(transfer.amount.minorUnits)
                row.integer(customer)
            }
        }
    }
}
