/// Which part of a contract an invoice claims.
enum Milestone: Hashable, Sendable {
    case none
    /// Of a project: 1 advance 预付款, 2 delivery 到货款, 3 acceptance 验收款, 4 retention 质保金.
    case stage(Int8)
    /// The n-th delivery under a framework contract.
    case batch(Int16)
    /// The year (and quarter, 0 for the whole year) that a subscription covers.
    case period(year: Int16, quarter: Int8)

    var code: String {
        switch self {
        case .none: ""
        case .stage(let number): "M\(number)"
        case .batch(let number): number < 10 ? "B0\(number)" : "B\(number)"
        case .period(let year, 0): "S\(year)"
        case .period(let year, let quarter): "S\(year)Q\(quarter)"
        }
    }

    /// What the customer's accountant calls the payment.
    var paymentName: String {
        switch self {
        case .none: "货款"
        case .stage(1): "预付款"
        case .stage(2): "到货款"
        case .stage(3): "验收款"
        case .stage: "质保金"
        case .batch(let number): "第\(number)批货款"
        case .period(let year, 0): "\(year)年度服务费"
        case .period(let year, let quarter): "\(year)年\(quarter)季度服务费"
        }
    }
}
