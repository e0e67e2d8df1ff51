/// 统一社会信用代码: the 18 characters that identify a legal entity in China (GB 32100-2015).
package struct UnifiedSocialCreditCode: Hashable, Sendable {
    package let text: String

    package enum Fault: Error, Hashable, Sendable {
        case length
        /// A character outside 0–9 and A–Z without I, O, S, V, Z.
        case character(Character)
        /// The eighteenth character; the payload is what it should be.
        case checkCharacter(expected: Character)
    }

    /// Creates the code, folding lower case and full-width characters.
    ///
    /// - Throws: `Fault`, the first that holds.
    package init(_ raw: some StringProtocol) throws(Fault) {
        let folded = raw.unicodeScalars.map { scalar -> Character in
            let isFullWidth = (0xFF01...0xFF5E).contains(scalar.value)
            let value = isFullWidth ? scalar.value - 0xFEE0 : scalar.value
            // Only the Latin letters a–z: a letter such as ß has two in upper case, and none of them belongs here.
            let isLowerCase = (0x61...0x7A).contains(value)
            return Character(Unicode.Scalar(isLowerCase ? value - 0x20 : value) ?? scalar)
        }
        guard folded.count == 18 else { throw .length }
        var sum = 0
        var weight = 1
        for character in folded.prefix(17) {
            guard let value = Self.values[character] else { throw .character(character) }
            sum += value * weight
            weight = weight * 3 % 31
        }
        guard Self.values[folded[17]] != nil else { throw .character(folded[17]) }
        let expected = Self.alphabet[(31 - sum % 31) % 31]
        guard folded[17] == expected else { throw .checkCharacter(expected: expected) }
        text = String(folded)
    }

    private static let alphabet = Array("0123456789ABCDEFGHJKLMNPQRTUWXY")
    private static let values = Dictionary(uniqueKeysWithValues: alphabet.enumerated().map { ($1, $0) })
}
