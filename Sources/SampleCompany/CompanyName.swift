/// The invented name of a customer, and what follows from it.
struct CompanyName: Sendable {
    let legal: String
    /// The part people say, for example 澜序.
    let brand: String
    /// The domain of its mail addresses, always under `.example`.
    let domain: String
    let industry: String
    /// The code of the region where it is registered; nil abroad.
    let region: String?
}
