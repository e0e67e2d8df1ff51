internal import CCrypto
internal import Foundation
package import Ledger
internal import Receivables

/// What a provider says of somebody who signed in there (ID token, OpenID Connect Core 1.0).
package struct IdentityClaims: Hashable, Sendable {
    package let issuer: String
    /// Whoever it is, at this issuer, for good.
    package let subject: String
    package let email: String
    package let isEmailVerified: Bool
    package let name: String
    package let groups: Set<String>

    package init(
        issuer: String, subject: String, email: String, isEmailVerified: Bool, name: String, groups: Set<String>
    ) {
        self.issuer = issuer
        self.subject = subject
        self.email = email
        self.isEmailVerified = isEmailVerified
        self.name = name
        self.groups = groups
    }
}

/// Checks ID tokens: signature, issuer, audience, times, nonce (OpenID Connect Core 1.0, 3.1.3.7).
///
/// Only signatures by a key of the provider are believed: `none` and those by a shared secret are not, whatever a token says
/// of itself.
package struct IdentityTokenCheck: Sendable {
    package let issuer: String
    package let client: String
    /// The claim that holds groups, such as `groups`.
    package let groupsClaim: String

    package init(issuer: String, client: String, groupsClaim: String) {
        self.issuer = issuer
        self.client = client
        self.groupsClaim = groupsClaim
    }

    /// Why a token isn't believed; for the log, never for whoever sent it.
    package enum Fault: Error, Equatable, Sendable {
        case unreadable, algorithm
        /// No key of this name: the provider may have new ones.
        case unknownKey
        case signature, issuer, audience, expired, notYet, nonce, subject
    }

    private static let skewSeconds: Int64 = 60

    /// - Parameters:
    ///   - keys: The provider's key set as it was fetched (JWKS).
    ///   - nonce: The one that was sent with the request.
    package func claims(
        of token: String, keys: [UInt8], nonce: String, now: Instant
    ) throws(Fault) -> IdentityClaims {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, token.utf8.count < 100_000, let head = Self.object(Self.decoded(parts[0])),
            let body = Self.object(Self.decoded(parts[1])), let signature = Self.decoded(parts[2])
        else { throw .unreadable }
        guard let algorithm = head["alg"] as? String, ["RS256", "PS256", "ES256"].contains(algorithm),
            head["crit"] == nil
        else { throw .algorithm }
        let key = try Self.key(head["kid"] as? String, algorithm, keys)
        guard Self.verify(Array("\(parts[0]).\(parts[1])".utf8), signature, algorithm, key) else { throw .signature }
        try check(body, nonce, now)
        guard let subject = body["sub"] as? String, !subject.isEmpty, subject.utf8.count <= 255 else { throw .subject }
        let groups = (body[groupsClaim] as? [Any])?.compactMap { $0 as? String } ?? []
        return IdentityClaims(
            issuer: issuer, subject: subject,
            email: (body["email"] as? String ?? "").trimmingCharacters(in: .whitespaces).lowercased(),
            isEmailVerified: body["email_verified"] as? Bool ?? false,
            name: body["name"] as? String ?? "", groups: Set(groups))
    }

    private func check(_ body: [String: Any], _ nonce: String, _ now: Instant) throws(Fault) {
        guard body["iss"] as? String == issuer else { throw .issuer }
        let audiences = (body["aud"] as? [Any])?.compactMap { $0 as? String } ?? [body["aud"] as? String ?? ""]
        guard audiences.contains(client) else { throw .audience }
        if audiences.count > 1 || body["azp"] != nil {
            guard body["azp"] as? String == client else { throw .audience }
        }
        let seconds = now.microseconds / 1_000_000
        func time(_ name: String) -> Int64? { (body[name] as? NSNumber)?.int64Value }
        guard let end = time("exp"), end > seconds - Self.skewSeconds else { throw .expired }
        guard let made = time("iat"), made <= seconds + Self.skewSeconds else { throw .notYet }
        if let from = time("nbf"), from > seconds + Self.skewSeconds { throw .notYet }
        guard let given = body["nonce"] as? String, Secret.areEqual(given, nonce) else { throw .nonce }
    }

    // MARK: Keys and signatures

    /// The key that a token names; without a name the only one that fits.
    private static func key(
        _ name: String?, _ algorithm: String, _ set: [UInt8]
    ) throws(Fault) -> [String: Any] {
        let keys = (object(set)?["keys"] as? [Any])?.compactMap { $0 as? [String: Any] } ?? []
        let fitting = keys.filter { key in
            (key["kty"] as? String) == (algorithm == "ES256" ? "EC" : "RSA")
                && ["sig", nil].contains(key["use"] as? String) && [algorithm, nil].contains(key["alg"] as? String)
        }
        let named = name.map { name in fitting.filter { $0["kid"] as? String == name } } ?? fitting
        guard named.count == 1 else { throw .unknownKey }
        return named[0]
    }

    private static func verify(
        _ text: [UInt8], _ signature: [UInt8], _ algorithm: String, _ key: [String: Any]
    ) -> Bool {
        func number(_ name: String) -> [UInt8] { decoded((key[name] as? String ?? "")[...]) ?? [] }
        guard algorithm == "ES256" else {
            let (n, e) = (number("n"), number("e"))
            return huikuan_verify_rsa(
                n, n.count, e, e.count, algorithm == "PS256" ? 1 : 0, text, text.count, signature, signature.count) == 1
        }
        let (x, y) = (number("x"), number("y"))
        guard key["crv"] as? String == "P-256", x.count == 32, y.count == 32, signature.count == 64 else {
            return false
        }
        return huikuan_verify_p256(x, y, text, text.count, signature) == 1
    }

    private static func decoded(_ text: Substring) -> [UInt8]? {
        guard !text.contains(where: { $0 == "+" || $0 == "/" || $0 == "=" }) else { return nil }
        var plain = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        while plain.utf8.count % 4 != 0 { plain += "=" }
        return Data(base64Encoded: plain).map { Array($0) }
    }

    private static func object(_ bytes: [UInt8]?) -> [String: Any]? {
        bytes.flatMap { try? JSONSerialization.jsonObject(with: Data($0)) as? [String: Any] }
    }
}
