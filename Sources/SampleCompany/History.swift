/// Everything that happens in the sample company's life; the lists refer to each other by position.
struct History: Sendable {
    var customers: [Customer] = []
    var contracts: [Contract] = []
    var invoices: [Invoice] = []
    var creditNotes: [CreditNote] = []
    var receipts: [Receipt] = []
    var allocations: [Allocation] = []
    var pauses: [Pause] = []
}
