import Ledger

/// One customer as the sample company knows it, and how it will behave.
struct Customer: Sendable {
    let number: Int
    let name: CompanyName
    let kind: CustomerKind
    let role: CustomerRole
    let isLarge: Bool
    /// 统一社会信用代码; nil abroad and where nobody has asked for it yet.
    var creditCode: String?
    let salesOwner: String
    let collector: String
    let currency: Currency
    let termsDays: Int
    /// The day when it is entered; the first day of the history for those known before.
    let joined: LocalDate
    let habit: PaymentHabit
    /// How much it buys, beside the others.
    let weight: Int
    let payerAccount: String
    let bank: Bank
    /// The position of the group's parent in the list of customers.
    var parent: Int?

    var code: String { Self.code(number) }

    static func code(_ number: Int) -> String {
        let digits = String(number)
        return "C" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
