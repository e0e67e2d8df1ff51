import Foundation
import Hummingbird
import Ledger
import Logging
import Operations
import Receivables
import TestSupport

@testable import Web

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A company with its pages served on a free port, and browsers that ask for them; everything real.
final class Served: Sendable {
    let company: TestCompany
    let site: Site
    let port: Int
    private let task: Task<Void, any Error>

    init(
        _ company: TestCompany, isDevelopment: Bool = false, requestsPerSecond: Int = Site.usualRequestsPerSecond,
        provider: ProviderSettings? = nil, secondFactorFor: Set<Role> = [], pagesPerSecond: Int? = nil,
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    ) async throws {
        self.company = company
        site = try Site(
            company.store, clock: { company.now }, isDevelopment: isDevelopment, requestsPerSecond: requestsPerSecond,
            provider: provider, secondFactorFor: secondFactorFor, pagesPerSecond: pagesPerSecond)
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        let service = WebServer(site, logger: logger).service(host: "127.0.0.1", port: 0) { port in
            found.yield(port)
            found.finish()
        }
        task = Task { try await service.run() }
        var port = 0
        for await number in ports { port = number }
        self.port = port
    }

    deinit { task.cancel() }

    /// Registers somebody with roles and signs them in by a one-time link.
    func signIn(_ key: String, _ roles: Role..., scope: DataScope? = nil) async throws -> Browser {
        _ = try await WorkCommands(in: company.store, company.request("set-person")).setPerson(
            key, manager: nil, roles: roles, without: [])
        try await AccountCommands(in: company.store, company.request("set-person")).register(key, name: key)
        if let scope {
            _ = try await AccountCommands(in: company.store, company.request("set-scope")).setScope(scope, of: key)
        }
        let link = try await AccountCommands(in: company.store, company.request("change-password")).signInLink(for: key)
        let browser = Browser(self)
        _ = try await browser.get("/link/\(link.token)")
        return browser
    }

    func stranger() -> Browser { Browser(self) }
}

/// What a browser does: keeps cookies, asks for pages, sends their forms. It follows no redirect by itself.
final class Browser: @unchecked Sendable {
    // Used by one test at a time.
    private let port: Int
    private(set) var cookies: [String: String] = [:]
    private let session: URLSession
    /// Sent with every request.
    var headers: [String: String] = [:]

    struct Page: Sendable {
        let status: Int
        let text: String
        let headers: [String: String]
        let bytes: Data
        var location: String? { headers["location"] }
    }

    init(_ served: Served) {
        port = served.port
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpShouldSetCookies = false
        configuration.httpCookieAcceptPolicy = .never
        // Beside all other tests on few cores an answer may take its time.
        configuration.timeoutIntervalForRequest = 300
        session = URLSession(configuration: configuration, delegate: NoRedirects(), delegateQueue: nil)
    }

    private final class NoRedirects: NSObject, URLSessionTaskDelegate {
        func urlSession(
            _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
            newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
        ) {
            completionHandler(nil)
        }
    }

    func get(_ path: String) async throws -> Page { try await ask("GET", path, body: nil, type: nil) }

    /// Sends a form's fields with the token of this session, as a page's form has it.
    func post(_ path: String, _ fields: KeyValuePairs<String, String>, token: String? = nil) async throws -> Page {
        try await post(path, fields.map { ($0.key, $0.value) }, token: token)
    }

    func post(_ path: String, _ fields: [(String, String)], token: String? = nil) async throws -> Page {
        var pairs = fields
        if !pairs.contains(where: { $0.0 == "form" }) {
            let found: String
            if let token { found = token } else { found = try await formToken() }
            pairs.append(("form", found))
        }
        let body = pairs.map { "\(URLText.encode($0.0))=\(URLText.encode($0.1))" }.joined(separator: "&")
        return try await ask("POST", path, body: Data(body.utf8), type: "application/x-www-form-urlencoded")
    }

    func upload(_ path: String, _ fields: KeyValuePairs<String, String>, file: String, _ content: Data) async throws
        -> Page
    {
        let boundary = "test-boundary-1234567890"
        var body = Data()
        var pairs = fields.map { ($0.key, $0.value) }
        pairs.append(("form", try await formToken()))
        for (name, value) in pairs {
            body.append(
                Data("--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n".utf8))
        }
        body.append(
            Data("--\(boundary)\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\(file)\"\r\n\r\n".utf8))
        body.append(content)
        body.append(Data("\r\n--\(boundary)--\r\n".utf8))
        return try await ask("POST", path, body: body, type: "multipart/form-data; boundary=\(boundary)")
    }

    /// The token of this session's forms, from any page that has one.
    func formToken() async throws -> String {
        var page = try await get("/account").text
        if page.isEmpty { page = try await get("/password").text }
        guard let range = page.range(of: "name=\"form\" value=\"") else { return "" }
        return String(page[range.upperBound...].prefix { $0 != "\"" })
    }

    private func ask(_ method: String, _ path: String, body: Data?, type: String?) async throws -> Page {
        guard let url = URL(string: "http://127.0.0.1:\(port)\(path)") else { throw URLError(.badURL) }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.httpBody = body
        request.setValue("en", forHTTPHeaderField: "Accept-Language")
        if let type { request.setValue(type, forHTTPHeaderField: "Content-Type") }
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        if !cookies.isEmpty {
            request.setValue(
                cookies.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "; "),
                forHTTPHeaderField: "Cookie")
        }
        let (data, response) = try await session.data(for: request)
        guard let answer = response as? HTTPURLResponse else { throw URLError(.badServerResponse) }
        var found: [String: String] = [:]
        for (name, value) in answer.allHeaderFields { found["\(name)".lowercased()] = "\(value)" }
        if let set = found["set-cookie"] { take(set) }
        return Page(
            status: answer.statusCode, text: String(decoding: data, as: UTF8.self), headers: found, bytes: data)
    }

    private func take(_ header: String) {
        // Several cookies come joined by commas; ours have none in their values.
        for part in header.split(separator: ",") {
            let pair = part.split(separator: ";")[0].split(separator: "=", maxSplits: 1)
            guard pair.count == 2 || part.contains("Max-Age=0") else { continue }
            let name = pair[0].trimmingCharacters(in: .whitespaces)
            if part.contains("Max-Age=0") { cookies[name] = nil } else { cookies[name] = String(pair[1]) }
        }
    }
}
