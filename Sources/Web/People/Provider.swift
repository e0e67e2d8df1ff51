internal import Foundation
internal import Ledger
package import Operations
internal import Outbound
package import Receivables

/// How people sign in at the company's own sign-in service (OpenID Connect).
package struct ProviderSettings: Sendable {
    package let issuer: String
    package let client: String
    /// `nil` for a client that the provider knows by its address alone.
    package let secret: String?
    /// As the button calls it.
    package let name: String
    package let groupsClaim: String
    package let rules: ExternalSignIn.Rules

    /// - Throws: `Refusal` `provider.settings`.
    package init(
        issuer: String, client: String, secret: String?, name: String, groupsClaim: String, rules: ExternalSignIn.Rules
    ) throws(Refusal) {
        let plain = issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer
        guard WebClient.isAllowed(plain), !plain.contains("?"), !plain.contains("#") else {
            throw Refusal(.providerSettings, ["detail": .text("issuer \(issuer.prefix(200)): https://…")])
        }
        guard !client.isEmpty else { throw Refusal(.providerSettings, ["detail": .text("client")]) }
        self.issuer = issuer
        self.client = client
        self.secret = secret
        self.name = name
        self.groupsClaim = groupsClaim
        self.rules = rules
    }
}

/// The provider's side: where it is, which keys it signs with, what it says for a code.
///
/// Authorisation code with PKCE (RFC 7636) and a nonce; the code is worth nothing without what the browser's cookie holds.
final class Provider: @unchecked Sendable {
    // `endpoints`, `keys` and `asking` are guarded by `lock`.
    let settings: ProviderSettings
    private let client = WebClient(seconds: 10, mostBytes: 1 << 20)
    private let lock = NSLock()
    private var endpoints: (found: Endpoints, at: Date)?
    private var keys: (bytes: [UInt8], at: Date)?

    private var asking = 0

    private static let mostAsking = 8
    private static let keptSeconds = 3_600.0
    /// Unknown keys are asked for so often at most: a forged name must not make us ask without end.
    private static let keysAgainSeconds = 5.0

    struct Endpoints: Sendable {
        let authorization: String
        let token: String
        let keys: String
        let takesBasic: Bool
    }

    /// What the browser keeps between leaving and coming back.
    struct Pending: Sendable {
        let state: String
        let nonce: String
        let verifier: String
        let next: String

        init(next: String) {
            state = Secret.oneTime()
            nonce = Secret.oneTime()
            verifier = Secret.oneTime()
            self.next = next
        }

        init?(cookie: String) {
            let parts = cookie.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 4, parts[0].count >= 32, parts[1].count >= 32, parts[2].count >= 43 else { return nil }
            (state, nonce, verifier) = (parts[0], parts[1], parts[2])
            next = URLText.decode(parts[3], isForm: false)
        }

        /// Four words that need no quoting.
        var cookie: String {
            let quoted = URLText.encode(next).replacingOccurrences(of: ".", with: "%2E")
            return [state, nonce, verifier, quoted].joined(separator: ".")
        }
    }

    init(_ settings: ProviderSettings) { self.settings = settings }

    /// Asks the service beside the threads that serve pages, few at once: one that hangs keeps nobody else waiting.
    ///
    /// - Throws: `Refusal` `provider.unreachable` where too many wait for it already.
    func ask<Answer: Sendable>(_ body: @escaping @Sendable () throws -> Answer) async throws -> Answer {
        guard
            lock.withLock({
                asking < Self.mostAsking
                    ? {
                        asking += 1; return true
                    }() : false
            })
        else {
            throw Refusal(.providerUnreachable)
        }
        defer { lock.withLock { asking -= 1 } }
        return try await Beside.run(body)
    }

    /// Where the browser goes to sign in.
    ///
    /// - Throws: `Refusal` `provider.unreachable`.
    func address(_ pending: Pending, redirect: String) throws -> String {
        let endpoints = try discover()
        let challenge = Secret.base64URL(Secret.digest(pending.verifier))
        let query = Fields([
            ("response_type", "code"), ("client_id", settings.client), ("redirect_uri", redirect),
            ("scope", "openid email profile"), ("state", pending.state), ("nonce", pending.nonce),
            ("code_challenge", challenge), ("code_challenge_method", "S256"),
        ]).query
        return endpoints.authorization + (endpoints.authorization.contains("?") ? "&" + query.dropFirst() : query)
    }

    /// Exchanges a code for what the provider says of whoever signed in.
    ///
    /// - Throws: `Refusal` `provider.unreachable`; `IdentityTokenCheck.Fault` for a token that can't be believed.
    func claims(code: String, _ pending: Pending, redirect: String, now: Instant) throws -> IdentityClaims {
        let endpoints = try discover()
        var form: [(name: String, value: String)] = [
            ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect),
            ("client_id", settings.client), ("code_verifier", pending.verifier),
        ]
        var headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")]
        if let secret = settings.secret {
            if endpoints.takesBasic {
                let pair = "\(URLText.encode(settings.client)):\(URLText.encode(secret))"
                headers.append(("Authorization", "Basic \(Data(pair.utf8).base64EncodedString())"))
            } else {
                form.append(("client_secret", secret))
            }
        }
        let answer: WebClient.Answer
        do {
            answer = try client.post(endpoints.token, String(Fields(form).query.dropFirst()), headers: headers)
        } catch { throw Refusal(.providerUnreachable) }
        guard answer.status == 200, let token = Self.object(answer.body)?["id_token"] as? String else {
            throw IdentityTokenCheck.Fault.unreadable
        }
        let check = IdentityTokenCheck(
            issuer: settings.issuer, client: settings.client, groupsClaim: settings.groupsClaim)
        do {
            return try check.claims(of: token, keys: try keySet(endpoints), nonce: pending.nonce, now: now)
        } catch let fault as IdentityTokenCheck.Fault where fault == .unknownKey || fault == .signature {
            // Providers change their keys, some without giving the new one another name: they are asked for again.
            let fresh = try keySet(endpoints, olderThan: Self.keysAgainSeconds)
            return try check.claims(of: token, keys: fresh, nonce: pending.nonce, now: now)
        }
    }

    // MARK: What the provider says of itself

    private func discover() throws(Refusal) -> Endpoints {
        if let known = lock.withLock({ endpoints }), -known.at.timeIntervalSinceNow < Self.keptSeconds {
            return known.found
        }
        let plain = settings.issuer.hasSuffix("/") ? String(settings.issuer.dropLast()) : settings.issuer
        let document = try get(plain + "/.well-known/openid-configuration")
        guard let found = Self.object(document), found["issuer"] as? String == settings.issuer,
            let authorization = found["authorization_endpoint"] as? String,
            let token = found["token_endpoint"] as? String, let keys = found["jwks_uri"] as? String,
            [authorization, token, keys].allSatisfy(WebClient.isAllowed)
        else { throw Refusal(.providerUnreachable) }
        let methods = found["token_endpoint_auth_methods_supported"] as? [String] ?? ["client_secret_basic"]
        let made = Endpoints(
            authorization: authorization, token: token, keys: keys,
            takesBasic: methods.contains("client_secret_basic"))
        lock.withLock { endpoints = (made, Date()) }
        return made
    }

    private func keySet(_ endpoints: Endpoints, olderThan seconds: Double = keptSeconds) throws(Refusal) -> [UInt8] {
        if let known = lock.withLock({ keys }), -known.at.timeIntervalSinceNow < seconds { return known.bytes }
        let bytes = try get(endpoints.keys)
        lock.withLock { keys = (bytes, Date()) }
        return bytes
    }

    private func get(_ url: String) throws(Refusal) -> [UInt8] {
        let answer: WebClient.Answer
        do { answer = try client.get(url, headers: [("Accept", "application/json")]) } catch {
            throw Refusal(.providerUnreachable)
        }
        guard answer.status == 200 else { throw Refusal(.providerUnreachable) }
        return answer.body
    }

    private static func object(_ bytes: [UInt8]) -> [String: Any]? {
        try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
    }
}
