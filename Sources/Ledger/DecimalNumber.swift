/// A decimal number as a file says it, before its currency is known: 12.50 is 1250 × 10⁻².
package struct DecimalNumber: Hashable, Sendable {
    /// The digits without the decimal mark.
    package let mantissa: Int64
    /// How many of the digits are decimals; trailing zeros of the decimals are dropped.
    package let scale: Int

    /// Reads a number such as `1234.5`, `-12`, `+3.00` or, well grouped, `1,234.50`.
    ///
    /// - Parameters:
    ///   - text: The UTF-8 bytes, without surrounding spaces.
    ///   - decimalMark: The byte between units and decimals: `.` or `,`. The other one of the two,
    ///     and the apostrophe and space, may group digits by three.
    /// - Throws: `AmountError.notANumber` or `.tooLarge`.
    package init(parsing text: UnsafeBufferPointer<UInt8>, decimalMark: UInt8 = 46) throws(AmountError) {
        var index = text.startIndex
        var isNegative = false
        if index < text.endIndex, text[index] == 45 || text[index] == 43 {
            isNegative = text[index] == 45
            index += 1
        }

        let groupMark: UInt8 = decimalMark == 46 ? 44 : 46
        let limit = Int64.max / 10 - 1
        var digits: Int64 = 0
        var count = 0
        var countInGroup: Int?
        while index < text.endIndex {
            let byte = text[index]
            if byte >= 48, byte <= 57 {
                guard digits <= limit else { throw .tooLarge }
                digits = digits * 10 + Int64(byte - 48)
                count += 1
                if let already = countInGroup { countInGroup = already + 1 }
            } else if byte == groupMark || byte == 39 || byte == 32, count > 0 {
                guard countInGroup == nil ? count <= 3 : countInGroup == 3 else { throw .notANumber }
                countInGroup = 0
            } else {
                break
            }
            index += 1
        }
        guard countInGroup == nil || countInGroup == 3 else { throw .notANumber }

        var decimals = 0
        var pendingZeros = 0
        if index < text.endIndex {
            guard text[index] == decimalMark, index + 1 < text.endIndex else { throw .notANumber }
            index += 1
            while index < text.endIndex {
                let byte = text[index]
                guard byte >= 48, byte <= 57 else { throw .notANumber }
                // Zeros at the end change nothing, so they count only when a digit follows.
                if byte == 48 {
                    pendingZeros += 1
                } else {
                    for _ in 0...pendingZeros {
                        guard digits <= limit else { throw .tooLarge }
                        digits *= 10
                    }
                    digits += Int64(byte - 48)
                    decimals += pendingZeros + 1
                    pendingZeros = 0
                }
                count += 1
                index += 1
            }
        }
        guard count > 0 else { throw .notANumber }
        mantissa = isNegative ? -digits : digits
        scale = decimals
    }

    /// The number as an amount of `currency`, exactly.
    ///
    /// - Throws: `AmountError.tooManyDecimals`, or `.tooLarge` beyond `Money.largestFact`.
    package func money(in currency: Currency) throws(AmountError) -> Money {
        guard scale <= currency.exponent else { throw .tooManyDecimals(allowed: currency.exponent) }
        let (units, overflow) = mantissa.multipliedReportingOverflow(by: powersOfTen[currency.exponent - scale])
        guard !overflow, units.magnitude <= UInt64(Money.largestFact) else { throw .tooLarge }
        return Money(minorUnits: units, currency: currency)
    }

    /// The number times 10⁸, for exchange rates.
    ///
    /// - Throws: `AmountError.tooManyDecimals` beyond eight decimals, `.tooLarge` beyond `Int64`.
    package func timesHundredMillion() throws(AmountError) -> Int64 {
        guard scale <= 8 else { throw .tooManyDecimals(allowed: 8) }
        let (value, overflow) = mantissa.multipliedReportingOverflow(by: powersOfTen[8 - scale])
        guard !overflow else { throw .tooLarge }
        return value
    }
}
