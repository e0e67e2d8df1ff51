import Foundation
import Ledger
import Operations
import Receivables
import TestSupport

@testable import Web

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A program that asks the API with a token.
final class Program: Sendable {
    private let port: Int
    let token: String
    private let session: URLSession

    struct Reply: Sendable {
        let status: Int
        let bytes: [UInt8]
        let headers: [String: String]
        var text: String { String(decoding: bytes, as: UTF8.self) }
        /// The decoded body; `null` where it is no JSON.
        var body: JSONInput { (try? JSONInput(bytes)) ?? .null }
        var code: String { body.text("code") ?? "" }
    }

    init(_ served: Served, _ token: String) {
        port = served.port
        self.token = token
        let configuration = URLSessionConfiguration.ephemeral
        configuration.timeoutIntervalForRequest = 300
        configuration.httpMaximumConnectionsPerHost = 64
        session = URLSession(configuration: configuration)
    }

    func get(_ path: String, _ headers: [String: String] = [:]) async throws -> Reply {
        try await ask("GET", path, nil, headers)
    }

    func post(_ path: String, _ body: String?, key: String? = nil, _ headers: [String: String] = [:]) async throws
        -> Reply
    {
        try await ask("POST", path, body, headers.merging(["Idempotency-Key": key ?? UUID().uuidString]) { $1 })
    }

    func ask(_ method: String, _ path: String, _ body: String?, _ headers: [String: String] = [:]) async throws -> Reply
    {
        guard let url = URL(string: "http://127.0.0.1:\(port)/api/v1\(path)") else { throw URLError(.badURL) }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.httpBody = body.map { Data($0.utf8) }
        if body != nil { request.setValue("application/json", forHTTPHeaderField: "Content-Type") }
        if !token.isEmpty { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        request.setValue("en", forHTTPHeaderField: "Accept-Language")
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let (data, response) = try await session.data(for: request)
        guard let answer = response as? HTTPURLResponse else { throw URLError(.badServerResponse) }
        var found: [String: String] = [:]
        for (name, value) in answer.allHeaderFields { found["\(name)".lowercased()] = "\(value)" }
        return Reply(status: answer.statusCode, bytes: Array(data), headers: found)
    }
}

extension Served {
    /// A token of somebody with roles; of all that they may do unless scopes are named.
    func program(
        _ key: String, _ roles: [Role], scope: DataScope? = nil, scopes: Set<Permission>? = nil, days: Int = 30
    ) async throws -> Program {
        try await company.add(key, roles)
        if let scope {
            _ = try await AccountCommands(in: company.store, company.request("set-scope")).setScope(scope, of: key)
        }
        let all = Set(Permission.allCases.filter { $0.isAllowed(Set(roles)) })
        let link = try await AccountCommands(in: company.store, company.request(.makeToken, by: key)).makeToken(
            name: "test", scopes: scopes ?? all, days: days)
        return Program(self, link?.token ?? "")
    }
}

/// The roles of somebody who does all of the office's work; auditor and admin stand alone.
let officeRoles: [Role] = [
    .sales, .credit, .accountant, .cashier, .collector, .legal, .financeManager, .management,
]
