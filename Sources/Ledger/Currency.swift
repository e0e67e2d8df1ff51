/// A currency by its ISO 4217 code, with the number of decimals that its minor unit has.
///
/// Only codes of the ISO 4217 list of active currencies can be made, so an unknown code is
/// refused where it enters the system.
package struct Currency: Hashable, Sendable {
    /// The three letters of the code, packed from the first (high) to the last (low) byte.
    private let packed: UInt32

    /// Decimals between the unit and its minor unit: 2 for CNY, 0 for JPY, 3 for KWD.
    package let exponent: Int

    /// Creates the currency, or returns `nil` when ISO 4217 has no such active code.
    package init?(_ code: some StringProtocol) {
        guard let packed = Self.pack(code.utf8), let exponent = Self.exponents[packed] else { return nil }
        self.packed = packed
        self.exponent = exponent
    }

    fileprivate init(packed: UInt32) {
        self.packed = packed
        exponent = Self.exponents[packed] ?? 2
    }

    /// The ISO 4217 code, for example `CNY`.
    package var code: String {
        String(decoding: [UInt8(packed >> 16 & 0xff), UInt8(packed >> 8 & 0xff), UInt8(packed & 0xff)], as: UTF8.self)
    }

    /// How many minor units make one unit: 100 for CNY, 1 for JPY.
    package var minorUnitsPerUnit: Int64 { powersOfTen[exponent] }

    private static func pack(_ letters: some Sequence<UInt8>) -> UInt32? {
        var packed: UInt32 = 0
        var count = 0
        for letter in letters {
            guard letter >= 65, letter <= 90, count < 3 else { return nil }
            packed = packed << 8 | UInt32(letter)
            count += 1
        }
        return count == 3 ? packed : nil
    }

    /// Active codes of ISO 4217 by their exponent (list one, without funds codes and metals).
    fileprivate static let exponents: [UInt32: Int] = {
        let codes: [(exponent: Int, codes: String)] = [
            (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
            (
                2,
                """
                AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF \
                CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD \
                HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK \
                MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD \
                RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS \
                UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
                """
            ),
            (3, "BHD IQD JOD KWD LYD OMR TND"),
            (4, "CLF UYW"),
        ]
        var table: [UInt32: Int] = [:]
        for group in codes {
            for code in group.codes.split(separator: " ") { table[pack(code.utf8)!] = group.exponent }
        }
        return table
    }()
}

extension Currency {
    /// All active codes, in their alphabetical order.
    package static let all: [Currency] = exponents.keys.map { Currency(packed: $0) }.sorted()
}

extension Currency: Comparable, CustomStringConvertible {
    package static func < (left: Currency, right: Currency) -> Bool { left.packed < right.packed }
    package var description: String { code }
}

/// 10⁰ … 10¹⁸, all that fit in an `Int64`.
let powersOfTen: [Int64] = (0...18).map { power in (0..<power).reduce(Int64(1)) { product, _ in product * 10 } }
