import Ledger

/// When the parts of one invoice fall due.
enum Schedule: Hashable, Sendable {
    case once
    /// Four equal parts, three months apart.
    case quarterly
    /// Three quarters on acceptance, one quarter when the warranty ends a year later.
    case withRetention

    /// The parts of `amount`, the first one due on `day`; they add up to it.
    func parts(of amount: Int64, in currency: Currency, dueFrom day: LocalDate) -> [(due: LocalDate, amount: Int64)] {
        let (weights, months): ([Int64], Int) =
            switch self {
            case .once: ([1], 0)
            case .quarterly: ([1, 1, 1, 1], 3)
            case .withRetention: ([3, 1], 12)
            }
        let shares = Money(minorUnits: amount, currency: currency).shared(by: weights)
        return shares.enumerated().map { (day.adding(months: $0 * months), $1.minorUnits) }
    }
}
