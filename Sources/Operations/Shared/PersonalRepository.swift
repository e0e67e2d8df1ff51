internal import CSodium
internal import Database
internal import Receivables

/// Personal data: encrypted under a key per subject, so that destroying the key erases it for good
/// while facts and their digests stay whole (ENGINEERING E-22).
final class PersonalRepository {
    /// A subject that stands for the store itself; its key makes keyed hashes of identities.
    static let storeSubject: Int64 = 0

    private let session: any SQLSession
    private let facts: FactWriter?
    private let chance: Chance
    private var keys: [Int64: [UInt8]] = [:]
    /// Subjects that were looked up ahead and have no key.
    private var absent: Set<Int64> = []

    /// Makes so many bytes that nobody can guess.
    typealias Chance = @Sendable (Int) -> [UInt8]

    /// - Parameter facts: `nil` for reading only.
    init(session: any SQLSession, facts: FactWriter?, chance: @escaping Chance = PersonalRepository.system) {
        self.session = session
        self.facts = facts
        self.chance = chance
        _ = Self.isReady
    }

    /// The system's own source of chance.
    static let system: Chance = { count in
        var bytes = [UInt8](repeating: 0, count: count)
        randombytes_buf(&bytes, count)
        return bytes
    }

    private static let isReady = sodium_init() >= 0

    /// Stores texts under the key of `subject` (a customer's or person's number) and returns the fact's number.
    ///
    /// - Throws: `Refusal` `value.control-character`.
    func append(_ fields: [String], subject: Int64) throws -> Int64 {
        guard let facts else { throw DatabaseFailure.readOnly }
        // What separates the fields must not come in with one: an address would stand in another's place.
        guard !fields.contains(where: { $0.utf8.contains { $0 < 32 && $0 != 9 && $0 != 10 && $0 != 13 } }) else {
            throw Refusal(.valueControlCharacter)
        }
        let key = try key(of: subject, creating: true)
        let nonce = chance(Int(crypto_secretbox_NONCEBYTES))
        let ciphertext = Self.encrypt(Array(fields.joined(separator: "\u{1f}").utf8), key, nonce)
        return try facts.append(.personal) { row in
            row.integer(subject)
            row.blob(ciphertext)
        }
    }

    /// Whether a fact's text is what was encrypted; `true` where its key was destroyed, because nobody can tell.
    func isSound(subject: Int64, _ ciphertext: [UInt8]) throws -> Bool {
        let key = try key(of: subject, creating: false)
        return key.isEmpty || Self.decrypt(ciphertext, key) != nil
    }

    /// The texts of a fact, or `nil` when their key was destroyed.
    func fields(_ id: Int64) throws -> [String]? {
        guard let row = try session.row("SELECT subject, ciphertext FROM personal WHERE id = \(id)") else { return nil }
        return try fields(subject: row.integer(0), row.blob(1))
    }

    /// Looks up at once the keys that will be asked for; a key that isn't there is known not to be.
    func lookAhead(_ subjects: Set<Int64>) throws {
        absent = subjects.filter { keys[$0] == nil }
        try session.rows(
            about: absent.sorted().map { .integer($0) }, [],
            { "SELECT subject, key FROM personal_key WHERE subject IN (\($0))" },
            visit: { row in
                keys[row.integer(0)] = row.blob(1)
                absent.remove(row.integer(0))
            })
    }

    /// The texts of a fact that was read; `nil` when their key was destroyed.
    func fields(subject: Int64, _ ciphertext: [UInt8]) throws -> [String]? {
        let key = try key(of: subject, creating: false)
        guard !key.isEmpty, let plain = Self.decrypt(ciphertext, key) else { return nil }
        return String(decoding: plain, as: UTF8.self).split(separator: "\u{1f}", omittingEmptySubsequences: false).map(
            String.init)
    }

    func createStoreKey() throws { _ = try key(of: Self.storeSubject, creating: true) }

    /// A keyed hash by which equal identities are found without being readable.
    ///
    /// - Throws: `Refusal` `personal.key-missing` where the store was restored without its keys: with a new one, every
    ///   contact would be taken for a new one.
    func identity(_ parts: [String]) throws -> [UInt8] {
        let key = try key(of: Self.storeSubject, creating: false)
        guard !key.isEmpty else { throw Refusal(.personalKeyMissing) }
        let input = Array(parts.joined(separator: "\u{1f}").utf8)
        var output = [UInt8](repeating: 0, count: 32)
        crypto_generichash(&output, 32, input, UInt64(input.count), key, key.count)
        return output
    }

    private func key(of subject: Int64, creating: Bool) throws -> [UInt8] {
        if let known = keys[subject] { return known }
        if !absent.contains(subject),
            let stored = try session.row("SELECT key FROM personal_key WHERE subject = \(subject)")?.blob(0)
        {
            keys[subject] = stored
            return stored
        }
        guard creating, facts != nil else { return [] }
        let key = chance(Int(crypto_secretbox_KEYBYTES))
        let insert = try session.statement("INSERT INTO personal_key (subject, key) VALUES ($1, $2)")
        insert.bind(1, subject)
        insert.bind(2, blob: key)
        try insert.run()
        keys[subject] = key
        absent.remove(subject)
        return key
    }

    private static func encrypt(_ plain: [UInt8], _ key: [UInt8], _ nonce: [UInt8]) -> [UInt8] {
        var box = [UInt8](repeating: 0, count: plain.count + Int(crypto_secretbox_MACBYTES))
        crypto_secretbox_easy(&box, plain, UInt64(plain.count), nonce, key)
        return nonce + box
    }

    private static func decrypt(_ bytes: [UInt8], _ key: [UInt8]) -> [UInt8]? {
        let nonceCount = Int(crypto_secretbox_NONCEBYTES)
        let overhead = nonceCount + Int(crypto_secretbox_MACBYTES)
        guard bytes.count >= overhead else { return nil }
        var plain = [UInt8](repeating: 0, count: bytes.count - overhead)
        let box = Array(bytes[nonceCount...])
        let nonce = Array(bytes[..<nonceCount])
        return crypto_secretbox_open_easy(&plain, box, UInt64(box.count), nonce, key) == 0 ? plain : nil
    }
}
