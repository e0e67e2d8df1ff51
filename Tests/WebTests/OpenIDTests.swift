import Database
import Foundation
import Hummingbird
import Ledger
import Logging
import Receivables
import TestSupport
import Testing

@testable import Operations
@testable import Web

/// Signing in at the company's service: what is refused, and to whom. Whole sign-ins at a real provider, and tokens that
/// lie, are in `Tests/API/openid.py`.
@Suite struct OpenIDTests {
    /// A service that says where it is, and gives whatever token it was told.
    private final class Service: Sendable {
        let port: Int
        private let task: Task<Void, any Error>
        var issuer: String { "http://127.0.0.1:\(port)" }

        init(token: String) async throws {
            let (ports, found) = AsyncStream.makeStream(of: Int.self)
            let router = Router()
            router.get("/.well-known/openid-configuration") { request, _ in
                let here = "http://\(request.head.authority ?? "")"
                return """
                    {"issuer": "\(here)", "authorization_endpoint": "\(here)/in", "token_endpoint": "\(here)/token",
                     "jwks_uri": "\(here)/keys"}
                    """
            }
            router.get("/keys") { _, _ in "{\"keys\": []}" }
            router.post("/token") { _, _ in "{\"id_token\": \"\(token)\"}" }
            let application = Application(
                router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
                onServerRunning: { channel in
                    found.yield(channel.localAddress?.port ?? 0)
                    found.finish()
                }, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            task = Task { try await application.run() }
            var port = 0
            for await number in ports { port = number }
            self.port = port
        }

        deinit { task.cancel() }
    }

    private func settings(_ issuer: String) throws -> ProviderSettings {
        try ProviderSettings(
            issuer: issuer, client: "huikuan", secret: "s", name: "Yunqiao", groupsClaim: "groups", rules: .init())
    }

    private func text(_ code: RefusalCode) throws -> Substring {
        // What a refusal says first, up to its first place for a value.
        let said = try Catalogue(.english).text(code.rawValue)
        return said.prefix { $0 != "{" && $0 != "." && $0 != "'" && $0 != "," }
    }

    @Test("Settings that can't be right are refused when the server starts")
    func badSettings() async throws {
        for issuer in ["http://login.example", "login.example", "https://x.example/?a=b", "https://x.example/#a", ""] {
            #expect(try await refusal { _ = try settings(issuer) } == .providerSettings, "\(issuer)")
        }
        let noClient = try await refusal {
            _ = try ProviderSettings(
                issuer: "https://x.example", client: "", secret: nil, name: "", groupsClaim: "groups", rules: .init())
        }
        #expect(noClient == .providerSettings)
    }

    @Test("Without a service there is no button, and no way")
    func none() async throws {
        let served = try await Served(try await TestCompany())
        let browser = served.stranger()
        #expect(try await !browser.get("/sign-in").text.contains("/sign-in/provider"))
        #expect(try await browser.get("/sign-in/provider").status == 404)
        #expect(try await browser.get("/sign-in/provider/return?state=a&code=b").status == 404)
    }

    @Test("A service that doesn't answer is said so, and passwords still work")
    func unreachable() async throws {
        let served = try await Served(try await TestCompany(), provider: try settings("http://127.0.0.1:1"))
        let page = try await served.stranger().get("/sign-in/provider")
        #expect(page.status == 401)
        #expect(page.text.contains(try text(.providerUnreachable)))
        #expect(page.text.contains("name=\"password\""))
        // Each of them makes us ask; one address doesn't make us ask without end.
        let answers = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<240 { group.addTask { try await served.stranger().get("/sign-in/provider").text } }
            return try await group.reduce(into: [String]()) { $0.append($1) }
        }
        let tooMany = try text(.requestTooMany)
        #expect(answers.contains { $0.contains(tooMany) })
    }

    @Test("An answer that this browser didn't ask for, a denial and a token that can't be read lead nowhere")
    func answers() async throws {
        let service = try await Service(token: "e30.e30.e30")
        let served = try await Served(try await TestCompany(), provider: try settings(service.issuer))
        let browser = served.stranger()
        let unasked = try await browser.get(
            "/sign-in/provider/return?code=x&state=\(String(repeating: "a", count: 43))")
        #expect(unasked.status == 401)
        #expect(unasked.text.contains(try text(.providerState)))
        func begin() async throws -> String {
            let away = try await browser.get("/sign-in/provider?next=/customers")
            #expect(away.status == 303)
            let items = URLComponents(string: away.location ?? "")?.queryItems
            return items?.first { $0.name == "state" }?.value ?? "no state"
        }
        let state = try await begin()
        let foreign = try await browser.get(
            "/sign-in/provider/return?code=x&state=\(state)&iss=https%3A%2F%2Fevil.example")
        #expect(foreign.text.contains(try text(.providerState)))
        let denied = try await browser.get(
            "/sign-in/provider/return?error=access_denied%3Cb%3E&state=\(try await begin())")
        #expect(denied.status == 401)
        #expect(denied.text.contains("access_deniedb"))
        #expect(denied.text.contains(try text(.providerRefused)))
        let forged = try await browser.get("/sign-in/provider/return?code=x&state=\(try await begin())")
        #expect(forged.status == 401)
        #expect(forged.text.contains(try text(.providerToken)))
        #expect(browser.cookies["hk_session"] == nil)
        // Why it wasn't believed is for whoever looks after the server.
        let noted = try served.company.store.read {
            try $0.row("SELECT count(*) FROM security_event WHERE kind = 'provider-token'")?.integer(0)
        }
        #expect(noted == 1)
    }

    @Test("Who somebody is: by a confirmed address once, then by the service's own name; groups give and take roles")
    func people() async throws {
        let company = try await TestCompany()
        try await company.add("a@b.c", [.sales])
        let signing = ExternalSignIn(in: company.store)
        var rules = ExternalSignIn.Rules()
        func come(
            _ subject: String, _ email: String, isVerified: Bool = true, groups: Set<String> = []
        ) async throws -> String {
            let claims = IdentityClaims(
                issuer: "https://x.example", subject: subject, email: email, isEmailVerified: isVerified, name: "",
                groups: groups)
            return try await signing.person(claims, rules, now: company.now, today: company.today)
        }
        func roles(_ key: String) throws -> Set<Role> {
            try Viewer.of(.person(key: key), on: company.today, in: company.store).roles
        }
        #expect(try await refusal { _ = try await come("s1", "a@b.c", isVerified: false) } == .providerEmail)
        #expect(try await refusal { _ = try await come("s1", "") } == .providerEmail)
        #expect(try await refusal { _ = try await come("s1", "new@b.c") } == .providerUnknownPerson)
        #expect(try await come("s1", "a@b.c") == "a@b.c")
        // The address was given to somebody else there; and whoever it was has another one now.
        #expect(try await refusal { _ = try await come("s2", "a@b.c") } == .providerUnknownPerson)
        #expect(try await come("s1", "married@b.c") == "a@b.c")

        rules.roles = ["ar": [.accountant, .collector], "audit": [.auditor]]
        // Roles that no group names are given here, and stay.
        _ = try await come("s1", "a@b.c", groups: ["ar", "unknown"])
        #expect(try roles("a@b.c") == [.sales, .accountant, .collector])
        _ = try await come("s1", "a@b.c")
        #expect(try roles("a@b.c") == [.sales])
        #expect(try await come("s9", "fresh@b.c", groups: ["ar"]) == "fresh@b.c")
        #expect(try roles("fresh@b.c") == [.accountant, .collector])
        #expect(
            try await refusal { _ = try await come("s1", "a@b.c", groups: ["audit"]) } == .roleExclusive)
        #expect(try roles("a@b.c") == [.sales])

        let admin = AccountCommands(in: company.store, company.request("disable-account"))
        _ = try await admin.setActive(false, person: "a@b.c")
        #expect(try await refusal { _ = try await come("s1", "a@b.c") } == .accountDisabled)
    }
}
