import Database
import Foundation
import Hummingbird
import Ledger
import Logging
import NIOCore
import Receivables
import TestSupport
import Testing

@testable import Operations
@testable import Web

/// Lines of `docs/SECURITY.md` that nothing else shows.
@Suite struct SecurityTests {
    private static let password = "quite another sentence"

    private func events(_ kind: String, _ company: TestCompany) throws -> [AccountQueries.SecurityRow] {
        try AccountQueries.securityEvents(limit: 500, in: company.store).filter { $0.kind == kind }
    }

    @Test("Where a role needs a second factor, its holders set one before anything else, and so do their tokens")
    func secondFactorNeeded() async throws {
        let company = try await TestCompany()
        let served = try await Served(company, secondFactorFor: [.admin, .financeManager])
        let admin = try await served.signIn("d@b.c", .admin)
        for path in ["/people", "/", "/settings", "/security"] {
            #expect(try await admin.get(path).location == "/account", "\(path)")
        }
        _ = try await admin.post("/password", ["password": Self.password])
        let program = try await served.program("d@b.c", [.admin])
        let refused = try await program.get("/people")
        #expect(refused.status == 403 && refused.code == RefusalCode.tokenSecondFactor.rawValue)
        #expect(
            try await program.ask("PUT", "/people/d@b.c/scope", "{\"scope\":\"all\"}", ["Idempotency-Key": "k"]).status
                == 403)
        let added = try await admin.post(
            "/people/invite", ["email": "x@b.c", "name": "X", "key": "k"], token: try await admin.formToken())
        #expect(added.location == "/account")
        #expect(try await admin.get("/account").text.contains("With your roles a second factor is needed"))
        let secret = AccountCommands.newSecondFactor(for: "d@b.c", company: "x").secret
        let code = OneTimeCode.code(OneTimeCodeTests.bytes(secret), step: company.now.microseconds / 30_000_000)
        #expect(try await admin.post("/account/second-factor", ["secret": secret, "code": code]).status == 303)
        #expect(try await admin.get("/people").status == 200)
        #expect(try await program.get("/people").status == 200)
        #expect(try await !admin.get("/account").text.contains("With your roles a second factor is needed"))
        // Other roles go on without.
        let sales = try await served.signIn("s@b.c", .sales)
        _ = try await sales.post("/password", ["password": Self.password])
        #expect(try await sales.get("/customers").status == 200)
        // The company's own service has factors of its own.
        let started = try served.site.signIn.start(
            for: "d@b.c", SignIn.byProvider, from: SignIn.Origin(address: "127.0.0.1", agent: ""))
        #expect(try await program.get("/people").status == 200)
        _ = try await AccountCommands(in: company.store, company.request("set-second-factor")).removeSecondFactor(
            of: "d@b.c")
        // A token isn't a way around it, also of somebody who came by a link.
        #expect(try await program.get("/people").status == 403)
        #expect(try events("access-denied", company).contains { $0.detail.hasPrefix("second-factor ") })
        let byLink = try await served.signIn("d@b.c", .admin)
        #expect(try await byLink.get("/people").location == "/account")
        let again = try served.site.signIn.start(
            for: "d@b.c", SignIn.byProvider, from: SignIn.Origin(address: "127.0.0.1", agent: ""))
        #expect(started.token != again.token)
        #expect(try await served.stranger(["Cookie": "hk_session=\(again.token)"]).get("/people").status == 200)
    }

    @Test("Who asks for what their roles don't allow is noted with who, what and where")
    func denied() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let sales = try await served.signIn("s@b.c", .sales)
        #expect(try await sales.get("/people").status == 403)
        let program = try await served.program("p@b.c", [.sales])
        #expect(try await program.get("/ledger/balances").status == 403)
        let invoice =
            "{\"number\":\"N\",\"customer\":\"C2\",\"issueDate\":\"2026-05-01\",\"termsDays\":3,\"amount\":\"1\"}"
        #expect(try await program.post("/invoices", invoice).status == 403)
        let noted = try events("access-denied", company)
        #expect(
            Set(noted.map { "\($0.person) \($0.detail)" }) == [
                "s@b.c see-people /people", "p@b.c see-ledger /api/v1/ledger/balances",
                "p@b.c register-invoice /api/v1/invoices",
            ])
        #expect(noted.allSatisfy { !$0.address.isEmpty })
    }

    @Test("One person's browser asks for no more pages than its share, and others go on")
    func shares() async throws {
        let company = try await TestCompany()
        let served = try await Served(company, pagesPerSecond: 1)
        let one = try await served.signIn("a@b.c", .accountant).cookieHeader
        let other = try await served.signIn("o@b.c", .accountant)
        let refused = try await withThrowingTaskGroup(of: Browser.Page?.self) { group in
            for _ in 0..<40 {
                group.addTask {
                    let page = try await served.stranger(["Cookie": one]).get("/customers")
                    return page.status == 429 ? page : nil
                }
            }
            return try await group.reduce(into: [Browser.Page]()) { pages, page in if let page { pages.append(page) } }
        }
        let page = try #require(refused.first, "none of forty at once was refused")
        #expect(page.headers["retry-after"] == "1" && page.text.contains("Too many requests"))
        #expect(try await other.get("/customers").status == 200)
    }

    @Test("Only a proxy on this machine says that TLS is spoken")
    func proxies() {
        for here in ["127.0.0.1", "::1"] {
            #expect(Responder.speaksTLS("https", from: here))
            #expect(!Responder.speaksTLS("http", from: here) && !Responder.speaksTLS(nil, from: here))
        }
        for elsewhere in ["203.0.113.9", "10.0.0.7", "2001:db8::1"] {
            #expect(!Responder.speaksTLS("https", from: elsewhere))
        }
    }

    @Test("Answers to programs are never shown as pages, and tell nothing of the program that gives them")
    func programs() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let program = try await served.program("a@b.c", officeRoles)
        for path in ["/customers", "/openapi.json", "/me"] {
            let reply = try await program.get(path)
            #expect(reply.status == 200)
            #expect(reply.headers["content-disposition"] == "attachment; filename=\"api.json\"", "\(path)")
            #expect(reply.headers["server"] == nil)
        }
        let problem = try await program.get("/customers/none")
        #expect(problem.headers["content-disposition"] == "attachment; filename=\"api.json\"")
        let info = try await Program(served, "").get("/openapi.json").body["info"]
        #expect(info.text("version") == APIServer.version && APIServer.version != Store.appVersion)
    }

    @Test("A parameter that comes twice is refused by the API, and the first one counts on pages")
    func twice() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let program = try await served.program("a@b.c", officeRoles)
        let reply = try await program.get("/customers?limit=1&limit=2")
        #expect(reply.status == 400 && reply.text.contains("limit"))
        let browser = try await served.signIn("b@b.c", .accountant)
        let page = try await browser.get("/customers?q=C2&q=C1").text
        #expect(page.contains("北京银行科技有限公司") && !page.contains("HYPERLINK"))
    }

    @Test("One person's files have a room together; what was imported gives its own back")
    func quota() async throws {
        let uploads = Uploads(quota: 1_000)
        let first = try uploads.keep([UInt8](repeating: 65, count: 600), name: "a.csv", owner: "a")
        #expect(throws: Refusal(.uploadQuota, ["limit": .count(0)])) {
            try uploads.keep([UInt8](repeating: 65, count: 500), name: "b.csv", owner: "a")
        }
        _ = try uploads.keep([UInt8](repeating: 65, count: 500), name: "b.csv", owner: "other")
        // As it comes, without being told its length.
        let parts = AsyncStream<ByteBuffer> { stream in
            for _ in 0..<5 { stream.yield(ByteBuffer(bytes: [UInt8](repeating: 65, count: 100))) }
            stream.finish()
        }
        await #expect(throws: Refusal(.uploadQuota, ["limit": .count(0)])) {
            try await uploads.keep(parts, name: "c.csv", owner: "a", most: 10_000, tooLarge: Refusal(.requestTooLarge))
        }
        #expect(uploads.all(owner: "a").map(\.id) == [first.id])
        uploads.change(first.id) { $0.outcome = .imported(summary: "", act: nil) }
        _ = try uploads.keep([UInt8](repeating: 65, count: 900), name: "d.csv", owner: "a")
        #expect(!FileManager.default.fileExists(atPath: first.path))
    }

    @Test("A list of passwords that is named and can't be read is told of")
    func list() {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("list-\(UUID().uuidString)").path
        #expect(throws: Refusal(.fileMissing, ["path": .text(path)])) { try Password.needList(path) }
        _ = FileManager.default.createFile(atPath: path, contents: Data("# nothing yet\n".utf8))
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(throws: Never.self) { try Password.needList(path) }
        #expect(throws: Never.self) { try Password.needList(nil) }
        #expect(throws: Never.self) { try Password.needList("") }
    }

    @Test("Files that wait are in a folder of the server's user alone")
    func folder() throws {
        let uploads = Uploads()
        let upload = try uploads.keep([65], name: "a.csv", owner: "a")
        let folder = (upload.path as NSString).deletingLastPathComponent
        let rights = try FileManager.default.attributesOfItem(atPath: folder)[.posixPermissions] as? Int
        #expect(rights == 0o700)
    }

    @Test("Signing out has the browser forget what it kept")
    func signOut() async throws {
        let served = try await Served(try await TestCompany())
        let browser = try await served.signIn("a@b.c", .accountant)
        #expect(try await browser.post("/sign-out", [:]).headers["clear-site-data"] == "\"cache\"")
    }

    @Test("What goes wrong unexpectedly is told by a number alone, on pages and to programs, and logged with its cause")
    func lastResort() async throws {
        let company = try await SmallCompany.make()
        let (lines, sink) = AsyncStream.makeStream(of: Logger.Metadata.self)
        let served = try await Served(company, logger: Logger(label: "test") { _ in MetricsTests.RecordingLog(sink) })
        let browser = try await served.signIn("a@b.c", .accountant)
        let program = try await served.program("p@b.c", [.accountant])
        #expect(try await program.get("/customers").status == 200)
        // As if somebody had laid hands on the store.
        try company.store.engine.write { _ = try $0.session.execute("ALTER TABLE contact RENAME TO gone") }
        let page = try await browser.get("/customers/C2")
        let reply = try await program.get("/customers/C2/contacts")
        #expect(page.status == 500 && reply.status == 500)
        sink.finish()
        var logged: [String] = []
        for await line in lines { if let error = line["error"] { logged.append("\(error)") } }
        #expect(logged.count == 2)
        for (text, id) in [(page.text, page.headers["x-request-id"]), (reply.text, reply.headers["x-request-id"])] {
            #expect(text.contains(id ?? "?"))
            for secret in ["contact_version", "SELECT", "no such", "relation", company.path] {
                #expect(!text.contains(secret), "\(secret)")
            }
        }
    }

    @Test("The gallery of elements is there for development alone")
    func gallery() async throws {
        let company = try await TestCompany()
        let served = try await Served(company)
        #expect(try await served.signIn("a@b.c", .accountant).get("/gallery").status == 404)
        let developing = try await Served(company, isDevelopment: true)
        #expect(try await developing.signIn("a@b.c", .accountant).get("/gallery").status == 200)
    }
}
