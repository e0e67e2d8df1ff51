import Ledger

extension Currency {
    /// The sample company's own currency. ISO 4217 lists it, so the code is always known.
    static let yuan = Currency("CNY")!
}
