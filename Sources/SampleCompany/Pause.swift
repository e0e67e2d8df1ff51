import Ledger

/// A time during which an invoice is not chased.
struct Pause: Sendable {
    let invoice: Int32
    let kind: SamplePause.Kind
    let from: LocalDate
    let until: LocalDate
    let reason: String
}
