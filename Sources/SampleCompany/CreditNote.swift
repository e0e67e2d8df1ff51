import Ledger

/// What an invoice is reduced by, and why.
struct CreditNote: Sendable {
    let invoice: Int32
    let day: LocalDate
    let amount: Int64
    let reason: String
    /// Its place among the credit notes of its day; set when all are known.
    var sequence: Int32 = 0

    /// For example `YQC20250131-0002`.
    var number: String { "\(Seller.numberPrefix)C\(Digits.compact(day))-\(Digits.padded(Int(sequence), to: 4))" }
}
