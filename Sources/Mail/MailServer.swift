internal import CCrypto
internal import CCurl
internal import Foundation

/// A mail server that takes letters: `smtp://user:password@host:587` (with STARTTLS) or `smtps://…` (TLS from the start).
///
/// A server on this machine is spoken to without TLS, any other one never is.
package struct MailServer: Hashable, Sendable {
    private let url: String
    private let user: String?
    private let password: String?
    private let security: curl_usessl

    /// The address for messages: without the password.
    package let shown: String

    /// - Parameter password: Where the address names none, as it shouldn't.
    /// - Returns: `nil` unless the address is `smtp://` or `smtps://` with a host.
    package init?(_ address: String, password other: String? = nil) {
        guard let parts = URLComponents(string: address), let scheme = parts.scheme?.lowercased(),
            ["smtp", "smtps"].contains(scheme), let host = parts.host, !host.isEmpty
        else { return nil }
        let port = parts.port.map { ":\($0)" } ?? (scheme == "smtps" ? ":465" : ":587")
        url = "\(scheme)://\(host)\(port)"
        user = parts.user
        password = parts.password ?? other
        shown = url
        // A server on this machine often has a certificate that nobody vouches for, and nobody listens in between.
        let isHere = ["127.0.0.1", "localhost", "[::1]", "::1"].contains(host)
        security = isHere && scheme == "smtp" ? CURLUSESSL_NONE : CURLUSESSL_ALL
    }

    /// What the server said to a letter.
    package enum Answer: Hashable, Sendable {
        case taken
        /// Try again later: the server can't be reached, or says so.
        case notNow(String)
        /// It knows no such recipient; what was said holds no address.
        case never(String)
    }

    /// Hands a letter over.
    ///
    /// - Parameter seconds: All the time that it may take: afterwards somebody else may send it.
    package func send(_ letter: Letter, within seconds: Int) -> Answer {
        _ = Self.isReady
        guard let curl = curl_easy_init() else { return .notNow("libcurl") }
        defer { curl_easy_cleanup(curl) }
        var error = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))
        let bytes = letter.bytes
        let recipients = curl_slist_append(nil, letter.to.address)
        defer { curl_slist_free_all(recipients) }
        huikuan_curl_set_text(curl, CURLOPT_URL, url)
        huikuan_curl_set_text(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps")
        huikuan_curl_set_text(curl, CURLOPT_MAIL_FROM, letter.from.address)
        huikuan_curl_set_list(curl, CURLOPT_MAIL_RCPT, recipients)
        if let user { huikuan_curl_set_text(curl, CURLOPT_USERNAME, user) }
        if let password { huikuan_curl_set_text(curl, CURLOPT_PASSWORD, password) }
        huikuan_curl_set_number(curl, CURLOPT_USE_SSL, Int(security.rawValue))
        huikuan_curl_set_number(curl, CURLOPT_CONNECTTIMEOUT, min(15, seconds))
        huikuan_curl_set_number(curl, CURLOPT_TIMEOUT, seconds)
        huikuan_curl_set_number(curl, CURLOPT_NOSIGNAL, 1)
        return bytes.withUnsafeBytes { buffer in
            error.withUnsafeMutableBufferPointer { words in
                var upload = huikuan_upload(
                    bytes: buffer.baseAddress?.assumingMemoryBound(to: CChar.self), length: buffer.count, position: 0)
                return withUnsafeMutablePointer(to: &upload) { upload in
                    huikuan_curl_set_upload(curl, upload)
                    huikuan_curl_set_error(curl, words.baseAddress)
                    let result = curl_easy_perform(curl)
                    if result == CURLE_OK { return .taken }
                    let code = huikuan_curl_response(curl)
                    let said = words.baseAddress.map { String(cString: $0) } ?? ""
                    let text = said.isEmpty ? String(cString: curl_easy_strerror(result)) : said
                    // What a server refuses at another point is about us, not about the recipient: somebody will
                    // mend it. Its own words may hold the address, and are left out.
                    let isAboutRecipient = text.hasPrefix("RCPT failed") && [550, 551, 553].contains(code)
                    return isAboutRecipient ? .never("\(code)") : .notNow(text.contains("@") ? "\(code)" : text)
                }
            }
        }
    }

    private static let isReady: Bool = {
        huikuan_keep_crypto()
        return curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
    }()
}
