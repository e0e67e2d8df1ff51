internal import CCrypto
internal import CSodium
internal import Foundation
internal import Receivables

/// Secrets that people and programs show: made by chance, kept as hashes, compared in constant time.
package enum Secret {
    /// 256 bits as 43 letters and digits that need no quoting in a link or cookie.
    static func token(_ chance: (Int) -> [UInt8] = PersonalRepository.system) -> String { base64URL(chance(32)) }

    /// What is kept of a token. It has too many bits to be guessed, so one round of SHA-256 is enough.
    package static func digest(_ token: String) -> [UInt8] { SHA256.hash(Array(token.utf8)) }

    /// A short text that stands for bytes: the same for the same ones.
    package static func tag(of bytes: [UInt8]) -> String { String(SHA256.hash(bytes).hexadecimal.prefix(32)) }

    /// Whether two texts are equal, in a time that doesn't depend on where they differ.
    package static func areEqual(_ left: String, _ right: String) -> Bool {
        let one = SHA256.hash(Array(left.utf8))
        let other = SHA256.hash(Array(right.utf8))
        return sodium_memcmp(one, other, one.count) == 0
    }

    /// A secret that is used once, such as a state or a verifier of PKCE.
    package static func oneTime() -> String { token() }

    package static func base64URL(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }
}

/// Passwords as Argon2id hashes (libsodium; RFC 9106).
package enum Password {
    /// ASVS 2.1.1 and 2.1.2: long, any characters, no rules of composition.
    package static let shortest = 12
    package static let longest = 128
    /// One character may be many bytes long, as a family of emoji is.
    static let mostBytes = longest * 4

    private static let operations = UInt64(crypto_pwhash_OPSLIMIT_INTERACTIVE)
    private static let memory = Int(crypto_pwhash_MEMLIMIT_INTERACTIVE)
    private static let isReady = sodium_init() >= 0

    /// Takes about a tenth of a second and 64 MiB, on purpose.
    static func hash(_ password: String) -> String {
        precondition(isReady)
        var text = [CChar](repeating: 0, count: Int(crypto_pwhash_STRBYTES))
        let plain = normal(password)
        let result = crypto_pwhash_str(&text, plain, UInt64(plain.count), operations, memory)
        precondition(result == 0, "no memory for a password's hash")
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func matches(_ password: String, _ hash: String) -> Bool {
        guard isReady, password.utf8.count <= mostBytes else { return false }
        let plain = normal(password)
        return crypto_pwhash_str_verify(hash, plain, UInt64(plain.count)) == 0
    }

    /// A hash, made beside the threads that serve: it takes its time on purpose.
    static func hashed(_ password: String) async throws -> String { try await Beside.run { hash(password) } }

    static func isMatch(_ password: String, _ hash: String) async throws -> Bool {
        try await Beside.run { matches(password, hash) }
    }

    /// A hash of nothing anybody knows, so that an unknown account takes as long as a wrong password.
    static let decoy = hash(Secret.token())

    /// Composed characters are typed differently by different keyboards.
    private static func normal(_ password: String) -> [CChar] {
        password.precomposedStringWithCompatibilityMapping.utf8.map { CChar(bitPattern: $0) }
    }

    /// Passwords that were found in other places' breaches, one in a line: the file that `HUIKUAN_COMMON_PASSWORDS` names.
    static let known: Set<String> = {
        guard let path = ProcessInfo.processInfo.environment["HUIKUAN_COMMON_PASSWORDS"], !path.isEmpty else {
            return []
        }
        return list(path)
    }()

    /// - Throws: `Refusal` `file.missing` where a list is named and can't be read: whoever named it relies on it.
    package static func needList(
        _ path: String? = ProcessInfo.processInfo.environment["HUIKUAN_COMMON_PASSWORDS"]
    ) throws {
        guard let path, !path.isEmpty, !FileManager.default.isReadableFile(atPath: path) else { return }
        throw Refusal(.fileMissing, ["path": .text(path)])
    }

    /// - Returns: What the file holds in small letters, without lines that begin with `#`; nothing where it can't be read.
    static func list(_ path: String) -> Set<String> {
        guard let bytes = FileManager.default.contents(atPath: path) else { return [] }
        // Lists of that kind have signs of many encodings.
        let text = String(decoding: bytes, as: UTF8.self)
        return Set(text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("#") }.map { $0.lowercased() })
    }

    /// Whether it is among the first that somebody would try: one character or a run over and over, a keyboard row,
    /// or made of what everybody knows of the person.
    static func isEasy(
        _ password: String, knowing words: [String], common known: Set<String> = Password.known
    ) -> Bool {
        var rest = password.lowercased()
        if Set(rest).count < 5 || known.contains(rest) { return true }
        // One of them with a year or a sign behind it is no other.
        let stem = rest.prefix(while: \.isLetter)
        if stem.count >= 4, rest.count - stem.count <= 5, known.contains(String(stem)) { return true }
        let common = [
            "password", "passwort", "qwertyuiop", "qwerty", "asdfghjkl", "zxcvbnm", "1234567890", "123456789",
            "12345678",
            "123456", "letmein", "welcome", "admin", "iloveyou", "huikuan", "woaini", "changeme", "abc123",
        ]
        for word in (words.map { $0.lowercased() } + common).sorted(by: { $0.count > $1.count }) where word.count >= 4 {
            rest = rest.replacingOccurrences(of: word, with: "")
        }
        return rest.count < 6
    }
}

/// One-time codes that change every 30 seconds (TOTP, RFC 6238, with SHA-1 as authenticator apps have it).
package enum OneTimeCode {
    static let secondsPerStep: Int64 = 30

    static func newSecret(_ chance: (Int) -> [UInt8] = PersonalRepository.system) -> [UInt8] { chance(20) }

    /// The code of a step, six digits.
    package static func code(_ secret: [UInt8], step: Int64) -> String {
        let counter = withUnsafeBytes(of: step.bigEndian) { Array($0) }
        var digest = [UInt8](repeating: 0, count: 20)
        huikuan_hmac(1, secret, secret.count, counter, counter.count, &digest)
        let offset = Int(digest[19] & 0x0f)
        let number =
            UInt32(digest[offset] & 0x7f) << 24 | UInt32(digest[offset + 1]) << 16 | UInt32(digest[offset + 2]) << 8
            | UInt32(digest[offset + 3])
        let text = "\(number % 1_000_000)"
        return String(repeating: "0", count: 6 - text.count) + text
    }

    /// The step whose code this is, of the one that runs and its neighbours; only steps after `last` count, so that no
    /// code works twice.
    static func step(of code: String, _ secret: [UInt8], seconds: Int64, after last: Int64) -> Int64? {
        let now = seconds / secondsPerStep
        return (now - 1...now + 1).first { $0 > last && Secret.areEqual(Self.code(secret, step: $0), code) }
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")

    /// RFC 4648 base 32 without padding, as apps take it by hand.
    package static func base32(_ bytes: [UInt8]) -> String {
        var text = ""
        var bits = 0
        var value = 0
        for byte in bytes {
            value = (value << 8 | Int(byte)) & 0xffff
            bits += 8
            while bits >= 5 {
                text.append(alphabet[(value >> (bits - 5)) & 31])
                bits -= 5
            }
        }
        if bits > 0 { text.append(alphabet[(value << (5 - bits)) & 31]) }
        return text
    }

    static func bytes(ofBase32 text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var bits = 0
        var value = 0
        for character in text {
            guard let digit = alphabet.firstIndex(of: character) else { continue }
            value = (value << 5 | digit) & 0xffff
            bits += 5
            if bits >= 8 {
                bytes.append(UInt8((value >> (bits - 8)) & 255))
                bits -= 8
            }
        }
        return bytes
    }
}
