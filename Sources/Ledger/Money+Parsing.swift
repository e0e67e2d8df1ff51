/// Why a text is not an amount.
package enum AmountError: Error, Hashable, Sendable {
    case notANumber
    /// More decimals than the currency has; the payload is how many it has.
    case tooManyDecimals(allowed: Int)
    /// Beyond `Money.largestFact`.
    case tooLarge
}

extension Money {
    /// Reads an amount of `currency`; see `DecimalNumber.init(parsing:decimalMark:)`.
    ///
    /// - Throws: `AmountError`.
    package init(_ text: String, currency: Currency) throws(AmountError) {
        var copy = text
        let result: Result<Money, AmountError> = copy.withUTF8 { bytes in
            do throws(AmountError) {
                return .success(try DecimalNumber(parsing: bytes).money(in: currency))
            } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }
}
