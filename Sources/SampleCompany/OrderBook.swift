import Ledger

/// Signs contracts with customers and issues the invoices that follow from them.
struct OrderBook {
    private let seed: UInt64
    private let season: Season
    private var first: LocalDate { season.first }
    private var last: LocalDate { season.last }

    init(seed: UInt64, from first: LocalDate, to last: LocalDate) {
        self.seed = seed
        season = Season(first: first, last: last)
    }

    /// Fills `history` with contracts, about `count` invoices and the credit notes of those issued by mistake.
    func fill(_ history: inout History, invoices count: Int) {
        history.invoices.reserveCapacity(count + count / 20)
        let totalWeight = history.customers.reduce(0) { $0 + $1.weight }
        var weightSoFar = 0
        for position in history.customers.indices {
            // Counting from the start, what one customer has too many the next one has too few.
            weightSoFar += history.customers[position].weight
            let wanted = count * weightSoFar / max(1, totalWeight) - history.invoices.count
            var customer = CustomerOrders(
                customer: history.customers[position], position: position, season: season,
                generator: SeededGenerator(seed: seed, stream: .orders, index: position))
            customer.fill(&history, wanted: wanted)
        }
    }
}
