internal import Database
internal import Ledger

/// Posts entries: each transfer is a fact that names the fact it belongs to.
final class LedgerRepository {
    private let session: any SQLSession
    private let facts: FactWriter
    private let entities: EntityRepository
    private var functional: [Int64: Currency] = [:]
    /// Whether something was posted that waits for its functional amount.
    private(set) var postedForeign = false

    init(session: any SQLSession, facts: FactWriter, entities: EntityRepository) {
        self.session = session
        self.facts = facts
        self.entities = entities
    }

    /// - Parameters:
    ///   - customer: Whose receivable it is about.
    ///   - payer: Whose money it is about, where that is another customer.
    func post(_ entry: JournalEntry, of fact: Int64, entity: Int64, customer: Int64?, payer: Int64? = nil) throws {
        let base = try functional[entity] ?? entities.functionalCurrency(of: entity)
        functional[entity] = base
        for transfer in entry.transfers {
            let id = try facts.append(.transfer) { row in
                row.integer(fact)
                row.integer(entity)
                row.integer(Int64(entry.postingDay.dayNumber))
                row.integer(transfer.debit.rawValue)
                row.integer(transfer.credit.rawValue)
                row.text(transfer.amount.currency.code)
                row.integer(transfer.amount.minorUnits)
                let isAboutMoney = transfer.debit != .receivable && transfer.credit != .receivable
                row.integer(isAboutMoney ? payer ?? customer : customer)
            }
            guard transfer.amount.currency != base else { continue }
            postedForeign = true
            let waiting = try session.statement(
                "INSERT INTO untranslated (transfer, currency, posting_day) VALUES ($1, $2, $3)")
            waiting.bind(1, id)
            waiting.bind(2, text: transfer.amount.currency.code)
            waiting.bind(3, Int64(entry.postingDay.dayNumber))
            try waiting.run()
        }
    }
}
