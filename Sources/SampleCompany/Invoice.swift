import Ledger

/// One claim on a customer. Amounts are minor units of the customer's currency.
struct Invoice: Sendable {
    /// The position of the customer in the list of customers.
    let customer: Int32
    /// The position of the contract in the list of contracts.
    let contract: Int32?
    let milestone: Milestone
    let line: ProductLine
    let schedule: Schedule
    var issued: LocalDate
    /// The day when it is registered: its day of issue, or somewhat later.
    var registered: LocalDate
    /// The due day of its first part.
    var due: LocalDate
    let gross: Int64
    let net: Int64
    /// Whether it was issued by mistake and taken back in full.
    var isWithdrawn = false
    var hasElectronicInvoice = true
    /// Its place among the invoices of its day; set when all are known.
    var sequence: Int32 = 0
    /// The 20-digit number's running part; set when all are known.
    var electronicSerial: Int64 = 0

    var tax: Int64 { gross - net }

    /// For example `YQ20250131-0007`.
    var number: String { "\(Seller.numberPrefix)\(Digits.compact(issued))-\(Digits.padded(Int(sequence), to: 4))" }

    /// 数电票号码: year, province (33 Zhejiang), issuing channel, running number; nil without one.
    var electronicNumber: String? {
        guard hasElectronicInvoice else { return nil }
        return "\(Digits.padded(issued.year % 100, to: 2))332\(Digits.padded(Int(electronicSerial), to: 15))"
    }
}
