import Ledger

/// A signed promise of one customer; only its number appears in the files.
struct Contract: Sendable {
    let signed: LocalDate
    /// Its place among the contracts of its year; set when all are known.
    var sequence: Int32 = 0

    /// For example `HT-2025-0131`.
    var number: String { "HT-\(signed.year)-\(Digits.padded(Int(sequence), to: 4))" }
}
