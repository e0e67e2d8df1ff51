internal import CCrypto

/// SHA-256 over bytes that come in parts.
///
/// libcrypto uses the processor's own instructions: 1.7 GB/s here, where libsodium's portable code
/// does 0.24 GB/s (docs/DECISIONS.md).
final class SHA256 {
    private let context: OpaquePointer?

    init() {
        context = EVP_MD_CTX_new()
        EVP_DigestInit_ex(context, Self.method, nil)
    }

    /// Fetched once: libcrypto looks `EVP_sha256()` up anew for every hash.
    nonisolated(unsafe) private static let method: OpaquePointer? = {
        huikuan_keep_crypto()
        return EVP_MD_fetch(nil, "SHA256", nil)
    }()

    deinit { EVP_MD_CTX_free(context) }

    func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return }
        EVP_DigestUpdate(context, start, bytes.count)
    }

    func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes(update) }

    /// The 32 bytes; the hash can't be updated afterwards.
    func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 0
        EVP_DigestFinal_ex(context, &digest, &length)
        return digest
    }

    static func hash(_ bytes: [UInt8]) -> [UInt8] {
        let hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }
}

extension [UInt8] {
    /// Lower-case hexadecimal digits.
    package var hexadecimal: String {
        func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }
        return String(unsafeUninitializedCapacity: count * 2) { text in
            for (index, byte) in enumerated() {
                text[2 * index] = digit(byte >> 4)
                text[2 * index + 1] = digit(byte & 15)
            }
            return count * 2
        }
    }
}
