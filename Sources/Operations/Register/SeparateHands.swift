internal import Database
internal import Ledger
internal import Receivables

/// Duties that don't go together on one document, whatever roles somebody has (segregation of duties, domain §8).
///
/// Whoever takes money in by hand could keep some of it, and hide that in the records: by saying what the money paid, by an
/// invoice that is only there to be paid, or by a credit note for what never came. Files of a bank are nobody's hand, nor
/// is a program that brings all records of another system.
/// The command line without a named person stands for whoever has the store, and is not asked.
struct SeparateHands {
    let books: Books

    /// Who acts; `nil` where it is nobody with a name.
    private var person: String? {
        if case .person(let key) = books.request.actor { return key }
        return nil
    }

    /// Who registered a record by hand; `nil` where a file, a program or the system did.
    private func hand(of fact: Int64) throws -> String? {
        guard let act = try books.registrar(ofFact: fact), act.source != "import",
            !["operator:", "system:"].contains(where: act.actor.hasPrefix)
        else { return nil }
        return act.actor
    }

    /// Cash receipt ↔ its application; cash receipt ↔ the invoice or a credit note that it meets.
    ///
    /// - Throws: `Refusal` `access.registered-by-you`.
    func needForAllocating(_ credit: CreditRepository.State) throws {
        guard let person, try hand(of: credit.id) == person else { return }
        throw Refusal(.accessRegisteredByYou, ["receipt": .text(credit.reference)])
    }

    /// - Throws: `Refusal` `access.one-hand` where whoever took the money in also made the invoice, or a credit note on it.
    func needForAllocating(_ credit: CreditRepository.State, to invoice: InvoiceRepository.Reference) throws {
        guard person != nil, credit.kind == .receipt, let cashier = try hand(of: credit.id),
            !cashier.hasPrefix(ServiceAccounts.prefix)
        else { return }
        let records = try [invoice.id] + creditNotes(on: invoice.id)
        guard try records.contains(where: { try hand(of: $0) == cashier }) else { return }
        throw Refusal(
            .accessOneHand,
            ["receipt": .text(credit.reference), "invoice": .text(invoice.number), "person": .text(cashier)])
    }

    /// Cash receipt ↔ credit note: not of one hand on one invoice.
    ///
    /// - Throws: `Refusal` `access.one-hand`.
    func needForCreditNote(on invoice: InvoiceRepository.Reference) throws {
        guard let person, !person.hasPrefix(ServiceAccounts.prefix) else { return }
        let receipts = try books.session.rows(
            """
            SELECT DISTINCT k.id, k.reference FROM item i JOIN allocation a ON a.item = i.id JOIN credit k ON k.id = a.credit
              LEFT JOIN allocation r ON r.reverses = a.id
             WHERE i.invoice = \(invoice.id) AND k.kind = \(Credit.Kind.receipt.rawValue) AND a.credit_amount > 0
               AND r.id IS NULL ORDER BY k.id
            """)
        for receipt in receipts where try hand(of: receipt.integer(0)) == person {
            throw Refusal(
                .accessOneHand,
                ["receipt": .text(receipt.text(1)), "invoice": .text(invoice.number), "person": .text(person)])
        }
    }

    private func creditNotes(on invoice: Int64) throws -> [Int64] {
        try books.session.rows(
            """
            SELECT c.id FROM credit c JOIN credit_balance b ON b.credit = c.id
             WHERE c.about_invoice = \(invoice) AND c.kind = \(Credit.Kind.creditNote.rawValue) AND b.reversed = 0
             ORDER BY c.id
            """
        ).map { $0.integer(0) }
    }
}
