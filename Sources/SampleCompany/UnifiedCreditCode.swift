/// Makes 统一社会信用代码 whose check characters are right (GB 32100-2015, GB 11714).
enum UnifiedCreditCode {
    /// Whom the code is given to: the first two characters.
    enum Registration: String {
        case enterprise = "91"
        case publicInstitution = "12"
    }

    private static let alphabet = Array("0123456789ABCDEFGHJKLMNPQRTUWXY".utf8)

    static func make(
        _ registration: Registration, region: String, using generator: inout SeededGenerator
    ) -> String {
        var code = Array(registration.rawValue.utf8) + Array(region.utf8)
        code += organisation(registration, using: &generator)
        code.append(checkCharacter(of: code))
        return String(decoding: code, as: UTF8.self)
    }

    /// The organisation's own nine characters, the last one its check digit.
    private static func organisation(
        _ registration: Registration, using generator: inout SeededGenerator
    ) -> [UInt8] {
        // Companies founded since 2015 have codes that begin with MA; older ones have digits only.
        var code: [UInt8] = []
        if registration == .enterprise, generator.chance(perMille: 550) {
            code = Array("MA".utf8) + (0..<6).map { _ in generator.pick(alphabet) }
        } else {
            code = Array(generator.digits(8).utf8)
        }
        let weights = [3, 7, 9, 10, 5, 8, 4, 2]
        let sum = zip(code, weights).reduce(0) { $0 + letterValue($1.0) * $1.1 }
        switch 11 - sum % 11 {
        case 10: code.append(UInt8(ascii: "X"))
        case 11: code.append(UInt8(ascii: "0"))
        case let digit: code.append(UInt8(48 + digit))
        }
        return code
    }

    private static func checkCharacter(of code: [UInt8]) -> UInt8 {
        var weight = 1
        var sum = 0
        for character in code {
            sum += (alphabet.firstIndex(of: character) ?? 0) * weight
            weight = weight * 3 % 31
        }
        return alphabet[(31 - sum % 31) % 31]
    }

    /// GB 11714 counts letters from A = 10 without gaps.
    private static func letterValue(_ character: UInt8) -> Int {
        character >= 65 ? Int(character) - 55 : Int(character) - 48
    }
}
