import Ledger

/// Money that arrived on one of the bank accounts. Amounts are minor units of its currency.
struct Receipt: Sendable {
    /// Who is known to have paid; nil while nobody knows.
    enum Payer: Sendable {
        case customer
        /// The finance company of the customer's group.
        case treasury
        /// Somebody else in the customer's name, unknown to the sample company.
        case thirdParty(String)
        /// Nobody who owes anything.
        case stranger(String)
    }

    enum Method: String, Sendable { case transfer, cheque, cash }

    /// The position of the paying customer; nil for strangers.
    let customer: Int32?
    let payer: Payer
    let day: LocalDate
    let amount: Int64
    let currency: Currency
    let bank: Bank
    let method: Method
    /// Its intended allocations: a range of positions in the list of allocations.
    var firstAllocation: Int32
    var allocationCount: Int32
    /// Chooses how the remittance text is worded.
    let wording: UInt32
    /// The bank's running number of the day; set when all are known.
    var sequence: Int32 = 0

    /// For example `BOC2025013100021`.
    var reference: String { "\(bank.rawValue)\(Digits.compact(day))\(Digits.padded(Int(sequence), to: 5))" }
}
