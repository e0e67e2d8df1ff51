internal import CCrypto
internal import CCurl
internal import Foundation

/// Asks other systems over HTTP: webhooks, and who signs people in.
///
/// TLS with a certificate that is checked; without TLS this machine alone. Nothing follows a redirect, nothing is sent to
/// link-local or multicast addresses whatever a name resolves to, and of an answer no more than a
/// largest size is read.
package struct WebClient: Sendable {
    package struct Answer: Sendable {
        package let status: Int
        package let body: [UInt8]
    }

    /// Why there is no answer; what is said holds no part of the request.
    package struct Failure: Error, Sendable {
        package let said: String
    }

    private let secondsToConnect: Int
    private let seconds: Int
    private let mostBytes: Int

    /// - Parameters:
    ///   - seconds: All the time that a request may take.
    ///   - mostBytes: What is kept of an answer; the rest is passed over.
    package init(seconds: Int = 10, mostBytes: Int = 1 << 20) {
        self.seconds = seconds
        self.mostBytes = mostBytes
        secondsToConnect = min(5, seconds)
        _ = Self.isReady
    }

    private static let isReady: Bool = {
        huikuan_keep_crypto()
        return curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
    }()

    package func get(_ url: String, headers: [(String, String)] = []) throws(Failure) -> Answer {
        try perform(url, nil, headers)
    }

    package func post(_ url: String, _ body: String, headers: [(String, String)] = []) throws(Failure) -> Answer {
        try perform(url, body, headers)
    }

    /// Whether an address may be asked at all: `https://`, or `http://` on this machine.
    package static func isAllowed(_ url: String) -> Bool {
        guard let parts = URLComponents(string: url), let host = parts.host, !host.isEmpty else { return false }
        return parts.scheme == "https" || parts.scheme == "http" && isHere(host)
    }

    private static func isHere(_ host: String) -> Bool {
        ["127.0.0.1", "localhost", "[::1]", "::1"].contains(host)
    }

    private func perform(_ url: String, _ body: String?, _ headers: [(String, String)]) throws(Failure) -> Answer {
        guard Self.isAllowed(url), let curl = curl_easy_init() else {
            throw Failure(said: "this address isn't asked: https, or http on this machine")
        }
        defer { curl_easy_cleanup(curl) }
        var list: UnsafeMutablePointer<curl_slist>?
        for (name, value) in headers { list = curl_slist_append(list, "\(name): \(value)") }
        // No waiting for the other side to say that it will take the body.
        list = curl_slist_append(list, "Expect:")
        defer { curl_slist_free_all(list) }
        var answer = huikuan_answer(bytes: nil, length: 0, most: mostBytes)
        defer { free(answer.bytes) }
        huikuan_curl_set_text(curl, CURLOPT_URL, url)
        huikuan_curl_set_text(curl, CURLOPT_PROTOCOLS_STR, "http,https")
        huikuan_curl_set_text(curl, CURLOPT_USERAGENT, "Huikuan")
        huikuan_curl_set_list(curl, CURLOPT_HTTPHEADER, list)
        huikuan_curl_set_number(curl, CURLOPT_FOLLOWLOCATION, 0)
        huikuan_curl_set_number(curl, CURLOPT_CONNECTTIMEOUT, secondsToConnect)
        huikuan_curl_set_number(curl, CURLOPT_TIMEOUT, seconds)
        huikuan_curl_set_number(curl, CURLOPT_NOSIGNAL, 1)
        huikuan_curl_set_text(curl, CURLOPT_NOPROXY, "127.0.0.1,localhost,::1")
        huikuan_curl_guard_address(curl, URLComponents(string: url)?.scheme == "https" ? 0 : 1)
        if let body { huikuan_curl_set_body(curl, body, body.utf8.count) }
        let result = withUnsafeMutablePointer(to: &answer) { pointer in
            huikuan_curl_set_answer(curl, pointer)
            return curl_easy_perform(curl)
        }
        guard result == CURLE_OK else { throw Failure(said: String(cString: curl_easy_strerror(result))) }
        let bytes = answer.bytes.map { buffer in
            Array(UnsafeRawBufferPointer(start: buffer, count: answer.length))
        }
        return Answer(status: huikuan_curl_response(curl), body: bytes ?? [])
    }
}
