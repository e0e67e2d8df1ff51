import Ledger

/// A part of a receipt applied to an invoice. It may lie beyond the end of the history: then nobody has done it yet.
struct Allocation: Sendable {
    let receipt: Int32
    let invoice: Int32
    let amount: Int64
    let day: LocalDate
}
