/// The sample company's two bank accounts; neither exists.
enum Bank: String, Sendable {
    case bankOfChina = "BOC"
    case merchantsBank = "CMB"

    var account: String {
        switch self {
        case .bankOfChina: "000034456012987"
        case .merchantsBank: "571000186610402"
        }
    }
}
