/// What sort of customer it is, as the exchange files write it.
enum CustomerKind: String, Sendable {
    case stateOwned = "soe"
    case listed
    case privateCompany = "private"
    case startup
    case publicBody = "public_body"
    case foreign
}
