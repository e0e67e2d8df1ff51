import Ledger

/// An amount that a customer means to pay on one invoice on one day.
struct IntendedPayment: Sendable {
    let day: LocalDate
    let invoice: Int32
    let amount: Int64
}
