internal import CCurl
internal import Foundation

/// A mail server that takes letters: `smtp://user:password@host:587` (with STARTTLS) or `smtps://…` (TLS from the start).
///
/// A server on this machine may do without TLS; any other one may not.
package struct MailServer: Hashable, Sendable {
    private let url: String
    private let user: String?
    private let password: String?
    private let needsTLS: Bool

    /// The address for messages: without the password.
    package let shown: String

    /// - Returns: `nil` unless the address is `smtp://` or `smtps://` with a host.
    package init?(_ address: String) {
        guard let parts = URLComponents(string: address), let scheme = parts.scheme?.lowercased(),
            ["smtp", "smtps"].contains(scheme), let host = parts.host, !host.isEmpty
        else { return nil }
        let port = parts.port.map { ":\($0)" } ?? (scheme == "smtps" ? ":465" : ":587")
        url = "\(scheme)://\(host)\(port)"
        user = parts.user
        password = parts.password
        shown = url
        needsTLS = scheme == "smtp" && !["127.0.0.1", "localhost", "[::1]", "::1"].contains(host)
    }

    /// What the server said to a letter.
    package enum Answer: Hashable, Sendable {
        case taken
        /// Try again later: the server can't be reached, or says so.
        case notNow(String)
        /// It will never take this letter: nobody there, or refused for what it is.
        case never(String)
    }

    /// Hands a letter over.
    package func send(_ letter: Letter) -> Answer {
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
        huikuan_curl_set_number(
            curl, CURLOPT_USE_SSL, Int(needsTLS ? CURLUSESSL_ALL.rawValue : CURLUSESSL_TRY.rawValue))
        huikuan_curl_set_number(curl, CURLOPT_CONNECTTIMEOUT, 15)
        huikuan_curl_set_number(curl, CURLOPT_TIMEOUT, 40)
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
                    // 5xx of the server is its last word; anything else may be better later.
                    let isRefusal = (500..<600).contains(code) && result != CURLE_LOGIN_DENIED
                    return isRefusal ? .never("\(code) \(text)") : .notNow(text)
                }
            }
        }
    }

    private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
}
