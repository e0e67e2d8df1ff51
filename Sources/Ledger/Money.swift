/// An exact amount, counted in the minor unit of one currency (1050 is €10.50).
///
/// Overflow and mixed currencies trap: amounts are checked where they enter the system
/// (`Money.largestFact`), so meeting either inside a sum is a bug, and a wrong total is worse
/// than a stopped request. Sums over many facts are taken in `Int128`.
package struct Money: Hashable, Sendable {
    /// The amount in minor units of `currency`; negative amounts are allowed.
    package let minorUnits: Int64
    package let currency: Currency

    /// The largest magnitude of one fact, in minor units: 10¹³ (one hundred billion yuan).
    package static let largestFact: Int64 = 10_000_000_000_000

    package init(minorUnits: Int64, currency: Currency) {
        self.minorUnits = minorUnits
        self.currency = currency
    }

    package static func zero(_ currency: Currency) -> Money { Money(minorUnits: 0, currency: currency) }

    package var isPositive: Bool { minorUnits > 0 }
    package var isZero: Bool { minorUnits == 0 }

    package static func + (left: Money, right: Money) -> Money {
        precondition(left.currency == right.currency, "cannot add \(right) to \(left)")
        return Money(minorUnits: left.minorUnits + right.minorUnits, currency: left.currency)
    }

    package static func - (left: Money, right: Money) -> Money { left + -right }

    package static prefix func - (money: Money) -> Money {
        Money(minorUnits: -money.minorUnits, currency: money.currency)
    }

    /// Shares the amount out in proportion to `weights` without losing a minor unit.
    ///
    /// Units left after rounding down go to the largest remainders, the earlier weight first,
    /// so the shares always add up to `self` and the same input always gives the same shares.
    package func shared(by weights: [Int64]) -> [Money] {
        let total = weights.reduce(Int128(0)) { $0 + Int128($1) }
        precondition(total > 0 && weights.allSatisfy { $0 >= 0 }, "weights need a positive total")

        let exact = weights.map { Int128(minorUnits.magnitude) * Int128($0) }
        var units = exact.map { $0 / total }
        let leftover = Int(Int128(minorUnits.magnitude) - units.reduce(0, +))
        let byRemainder = exact.indices.sorted { (exact[$1] % total, $0) < (exact[$0] % total, $1) }
        for index in byRemainder.prefix(leftover) { units[index] += 1 }

        return units.map { Money(minorUnits: Int64($0) * minorUnits.signum(), currency: currency) }
    }

    /// The amount in another currency at `rate`, rounded half away from zero to its minor unit.
    ///
    /// `rate` is the units of `target` for one unit of this currency, times 10⁸.
    /// - Returns: `nil` when the result is beyond `Int64`.
    package func converted(to target: Currency, rate: Int64) -> Money? {
        // minor(target) = minor(self) / 10^e(self) × rate / 10^8 × 10^e(target)
        let (numerator, overflow) = (Int128(minorUnits) * Int128(rate))
            .multipliedReportingOverflow(by: Int128(target.minorUnitsPerUnit))
        guard !overflow, numerator.magnitude < 1 << 126 else { return nil }
        let denominator = Int128(100_000_000) * Int128(currency.minorUnitsPerUnit)
        let half = denominator / 2
        let rounded = (numerator + (numerator < 0 ? -half : half)) / denominator
        guard let units = Int64(exactly: rounded) else { return nil }
        return Money(minorUnits: units, currency: target)
    }
}

extension Money: CustomStringConvertible {
    /// The amount and its currency for messages, for example `1,234.50 CNY`.
    package var description: String { "\(decimal(grouped: true)) \(currency)" }

    /// The amount as a decimal number: `1234.50`, or `1,234.50` when `grouped`.
    package func decimal(grouped: Bool = false) -> String {
        Money.decimal(of: Int128(minorUnits), exponent: currency.exponent, grouped: grouped)
    }

    /// A count of minor units as a decimal number with `exponent` decimals.
    package static func decimal(of minorUnits: Int128, exponent: Int, grouped: Bool = false) -> String {
        var digits = Array(String(minorUnits.magnitude).utf8)
        if digits.count <= exponent {
            digits.insert(contentsOf: [UInt8](repeating: 48, count: exponent + 1 - digits.count), at: 0)
        }
        var text: [UInt8] = minorUnits < 0 ? [45] : []
        let whole = digits.count - exponent
        for (index, digit) in digits.enumerated() {
            if index == whole {
                text.append(46)
            } else if grouped, index > 0, index < whole, (whole - index) % 3 == 0 {
                text.append(44)
            }
            text.append(digit)
        }
        return String(decoding: text, as: UTF8.self)
    }
}
