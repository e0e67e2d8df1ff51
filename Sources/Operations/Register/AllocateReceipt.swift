internal import Database
package import Ledger
package import Receivables

/// Allocates a receipt, or another credit, by hand: to one invoice or split over several, all or nothing.
package struct AllocateReceipt: Sendable {
    /// A part for one invoice; the amount as somebody typed it, in the credit's currency.
    package struct Part: Sendable {
        package var invoice: String
        package var instalment: Int?
        package var amount: String

        package init(invoice: String, instalment: Int? = nil, amount: String) {
            self.invoice = invoice
            self.instalment = instalment
            self.amount = amount
        }
    }

    /// What is left of the credit afterwards, in minor units.
    package struct Outcome: Codable, Hashable, Sendable {
        package let parts: Int
        package let left: Int64
    }

    private let store: Store
    private let request: ActRequest

    package init(in store: Store, _ request: ActRequest) {
        self.store = store
        self.request = request
    }

    /// - Throws: `PartRefused` with the place of the part that is wrong; `Refusal` `receipt.unknown`, `receipt.reversed`,
    ///   `access.registered-by-you`, `access.one-hand`.
    package func run(
        _ name: CorrectRegister.CreditName, _ parts: [Part], on day: LocalDate? = nil, reason: String? = nil
    ) async throws -> Store.Written<Outcome> {
        try await store.write(request) { books in
            let entity = try books.entities.find(name.entity)
            var credit = try CorrectRegister.find(name, entity, books)
            guard !credit.isReversed else { throw Refusal(.receiptReversed, ["receipt": .text(name.reference)]) }
            let hands = SeparateHands(books: books)
            try hands.needForAllocating(credit)
            guard !parts.isEmpty else { throw Refusal(.valueMissing, ["column": .text("amount")]) }
            for (index, part) in parts.enumerated() {
                do {
                    let invoice = try CorrectRegister.find(invoice: part.invoice, entity, books)
                    try hands.needForAllocating(credit, to: invoice)
                    let amount: Money
                    do { amount = try Money(part.amount, currency: credit.currency) } catch {
                        throw Refusal(.valueNotAnAmount, ["value": .text(part.amount)])
                    }
                    guard amount.isPositive else { throw Refusal(.valueNotPositive, ["value": .text(part.amount)]) }
                    try Allocating(books: books).allocate(
                        amount, of: &credit, to: invoice, instalment: part.instalment, on: day, source: .hand,
                        reason: reason)
                } catch let refusal as Refusal {
                    throw PartRefused(index: index, refusal: refusal)
                }
            }
            return Outcome(parts: parts.count, left: credit.unapplied)
        }
    }
}

/// One part of several is refused, and with it all of them.
package struct PartRefused: Error, Sendable {
    /// From 0.
    package let index: Int
    package let refusal: Refusal
}
