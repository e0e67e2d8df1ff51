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

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Attacks the site through what it shows to the world: addresses, forms, files, cookies and its log; everything real.
///
/// What could stop the whole server is tried in a process of its own, so that it stops that one alone.
@Suite struct AttackTests {
    // MARK: Forged forms

    @Test("A form without this session's token, or sent from elsewhere, changes nothing on any route")
    func forgedForms() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let staff = try await Staff(served)
        let wire = Wire(port: served.port)
        let foreign = try await served.signIn("other@b.c", .accountant).formToken()
        // A 403 could come of a missing permission too: these people have it, and the page says why.
        let refused = String(decoding: HTML(served.site.wording(.english)(.foreignFormTitle)).bytes, as: UTF8.self)
        let before = try Self.state(company)
        var routes = 0
        for route in served.site.routes
        where route.method == .post && (route.access != .anybody || route.path == "/preferences") {
            routes += 1
            let browser = staff.whoMay(route.access)
            let path = try Self.path(route, company)
            let own = try await browser.formToken()
            let forgeries: [(about: String, headers: [String: String], token: String?)] = [
                ("without a token", [:], nil), ("with an empty token", [:], ""),
                ("with another session's token", [:], foreign),
                ("from another site", ["Sec-Fetch-Site": "cross-site"], own),
                ("from a neighbour", ["Sec-Fetch-Site": "same-site"], own),
                ("from another origin", ["Origin": "https://evil.example"], own),
                ("from no origin", ["Origin": "null"], own),
            ]
            for forgery in forgeries {
                let token: [(String, String)] = forgery.token.map { [("form", $0)] } ?? []
                let page = try await wire.post(
                    path, token + [("reason", "x"), ("theme", "dark"), ("key", forgery.about)],
                    cookie: browser.cookieHeader, forgery.headers)
                #expect(
                    page.status == 403 && page.text.contains(refused),
                    "\(route.path) \(forgery.about): \(page.status)")
            }
        }
        #expect(routes > 40)
        #expect(try Self.state(company) == before)
        // Nobody was signed out on the way.
        for person in staff.all { #expect(try await person.browser.get("/account").status == 200) }
        let right = try await wire.post(
            "/preferences", [("form", try await staff.office.formToken()), ("theme", "dark")],
            cookie: staff.office.cookieHeader,
            ["Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:\(served.port)"])
        #expect(right.status == 303)
    }

    // MARK: Attacks in fields and addresses

    @Test("What is typed into any field of any form comes back as text, stops nothing, and leaves the books whole")
    func fields() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let staff = try await Staff(served)
        // A request that waits, so that the page of decisions has a form.
        _ = try await staff.admin.post("/people/invite", ["email": "new@b.c", "name": "New", "role": "cashier"])
        let tables = try company.store.read { try $0.tableNames() }
        let mapping = try await Self.mapping(staff.office)
        var turn = 0
        var done: Set<String> = []
        for (browser, roles) in staff.all {
            var forms: [Form] = []
            for path in try Self.pages(served, roles) { forms += Form.all(on: try await browser.get(path).text) }
            if browser === staff.office { forms += try await Self.formsOfScript(mapping, browser) }
            // What takes something back, closes or locks comes last: it would be in the way of the others.
            let hard = ["reverse", "unapply", "period", "entity", "password", "active", "finish"]
            func isHard(_ form: Form) -> Bool { hard.contains { form.action.contains($0) } }
            try await Self.attack(
                forms.filter { !isHard($0) } + forms.filter(isHard), by: browser, isSignedIn: true, &turn, &done)
        }
        #expect(done.count > 150, "\(done.count) fields were found")
        let stranger = served.stranger()
        let door = Form.all(on: try await stranger.get("/sign-in").text)
        #expect(door.contains { $0.action == "/sign-in" })
        try await Self.attack(door, by: stranger, isSignedIn: false, &turn, &done)
        // What stands in the security log came from strangers.
        stranger.headers = ["User-Agent": Self.markup[0], "X-Forwarded-For": Self.markup[1]]
        _ = try await stranger.post("/sign-in", ["user": "\(Self.markup[0])@b.c", "password": "x"], token: "")
        // What was stored is looked at wherever it is shown.
        for (browser, roles) in staff.all {
            try await Self.crawl(browser, from: try Self.pages(served, roles), most: 130)
        }
        #expect(try company.fault() == nil)
        #expect(try company.store.read { try $0.tableNames() } == tables)
    }

    @Test("No value in an address stops a page, comes back raw, or becomes a header")
    func addresses() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let staff = try await Staff(served)
        let stranger = served.stranger()
        let texts = Self.markup + Self.words
        let usual = [
            "q", "customer", "sort", "after", "before", "cursor", "asOf", "knownAt", "by", "cross", "key", "bucket",
            "tab", "next", "back", "part", "at", "format", "skip", "language",
        ]
        var turn = 0
        // Links are used up, and wrong ones counted: they are tried elsewhere.
        for route in served.site.routes where route.method == .get && !route.path.contains("{token}") {
            let browser = route.access == .anybody ? stranger : staff.whoMay(route.access)
            let address = try Self.address(route, company)
            let glue = address.contains("?") ? "&" : "?"
            func ask(_ query: String) async throws {
                Self.check(try await browser.get(address + glue + query), "\(route.path) \(query.prefix(60))")
            }
            let names = Set(usual + Form.asked(on: try await browser.get(address).text)).sorted()
            for name in names {
                turn += 1
                try await ask("\(name)=\(URLText.encode(texts[turn % texts.count]))")
            }
            for text in [Self.markup[0], Self.markup[1], "a\u{0}b\r\nSet-Cookie: a=b"] {
                try await ask(names.map { "\($0)=\(URLText.encode(text))" }.joined(separator: "&"))
            }
            for odd in ["q=%FF%FE%80", "=", "&&&", "q", String(repeating: "q=1&", count: 2_000)] { try await ask(odd) }
            guard route.path.contains("{") else { continue }
            for _ in 1...5 {
                turn += 1
                let path = try Self.path(route, company, place: texts[turn % texts.count])
                Self.check(try await browser.get(path), String(path.prefix(60)))
            }
        }
        for text in texts {
            let page = try await stranger.get("/assets/\(URLText.encode(text))")
            #expect(page.status == 404, "\(text.prefix(40))")
        }
        #expect(try company.fault() == nil)
    }

    @Test("What separates the fields of a record in the store can't come in with one of them")
    func separators() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("a@b.c", .accountant)
        for (number, name) in ["Li\u{1F}CFO\u{1F}away@evil.example", "Li\u{1F}CFO\u{1F}away@evil.example\u{1F}1"]
            .enumerated()
        {
            let page = try await browser.post(
                "/customers/C2/contact",
                [
                    "name": name, "purpose": "project", "title": "", "email": "li@customer.example", "phone": "1",
                    "reason": "x", "key": "k\(number)",
                ])
            #expect(page.status != 303)
        }
        #expect(try await !browser.get("/customers/C2").text.contains("mailto:away@evil.example"))
    }

    // MARK: What could stop the server

    @Test("No number in an address is too large for a page")
    func largeNumbers() async {
        await #expect(processExitsWith: .success) { try await AttackTests.askWithLargeNumbers() }
    }

    @Test("No number in a policy is too large to be refused")
    func largePolicies() async {
        await #expect(processExitsWith: .success) { try await AttackTests.tryLargePolicies() }
    }

    @Test("Text of YAML whose lines stand for each other without end is refused at once")
    func aliases() async {
        await #expect(processExitsWith: .success) { try await AttackTests.sendAliases() }
    }

    private static func askWithLargeNumbers() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let staff = try await Staff(served)
        let largest = "9223372036854775807"
        let names = ["skip", "before", "year", "proposal", "bucket", "limit", "act", "version"]
        var queries: [String] = []
        for number in [largest, "-9223372036854775808"] {
            let all = names.map { "\($0)=\(number)" }.joined(separator: "&")
            queries += [all, "\(all)&q=C&state=open&after=\(number)_\(number)&sort=name&tab=calendar"]
        }
        queries += [
            "asOf=9999-12-31&knownAt=0001-01-01", "asOf=2199-12-31&from=1970-01-01&to=2199-12-31&knownAt=9999-12-31",
            "asOf=1970-01-01&from=2199-12-31&day=0001-01-01&knownAt=9999-12-31T23:59", "knownAt=%23\(largest)",
        ]
        for route in served.site.routes where route.method == .get && route.access != .anybody {
            let browser = staff.whoMay(route.access)
            let address = try path(route, company)
            let rest = query(of: route).map { "&\($0.dropFirst())" } ?? ""
            for query in queries {
                let page = try await browser.get("\(address)?\(query)\(rest)")
                #expect(page.status < 500, "\(route.path) \(query): \(page.status)")
            }
            guard route.path.contains("{") else { continue }
            for number in [largest, "-9223372036854775808", "0", "99999999999999999999"] {
                let page = try await browser.get(try path(route, company, place: number))
                #expect(page.status < 500, "\(route.path) \(number): \(page.status)")
            }
        }
    }

    private static func tryLargePolicies() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("f@b.c", .financeManager)
        let wire = Wire(port: served.port, seconds: 60)
        let token = try await browser.formToken()
        let policy = try Policies.newest(in: company.store).text
        let values = [
            "9223372036854775807", "-9223372036854775808", "9223372036854775807,9223372036854775807", "1e300", "nan",
            "4000000000",
        ]
        for field in try PolicyFields.fields(of: policy) {
            for value in values {
                // Tried out only: nothing is put in force, and a day is run in thought.
                let page = try await wire.post(
                    "/settings/policy",
                    [
                        ("form", token), ("policy", policy), ("version", "1"), ("value:\(field.name)", value),
                        ("from", "2026-06-02"), ("reason", "x"), ("act", "try"),
                    ], cookie: browser.cookieHeader)
                #expect([200, 422].contains(page.status), "\(field.name) = \(value): \(page.status)")
            }
        }
        #expect(try Policies.newest(in: company.store).version == 1)
    }

    private static func sendAliases() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("f@b.c", .accountant, .financeManager)
        // Each list is ten times the one before. The last one is a key: whoever makes a hash of it is busy for years.
        var lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        for number in 1...14 {
            let ten = Array(repeating: "*a\(number - 1)", count: 10).joined(separator: ", ")
            lines.append("a\(number): &a\(number) [\(ten)]")
        }
        let bomb = lines.joined(separator: "\n") + "\n? *a14\n: x\n"
        let token = try await browser.formToken()
        let wire = Wire(port: served.port, seconds: 60)
        let place = try await mapping(browser).prefix { $0 != "?" }
        let commit = try await wire.post(
            "\(place)/commit", [("form", token), ("kind", "invoices"), ("mapping", bomb)],
            cookie: browser.cookieHeader)
        #expect(commit.status == 422)
        let policy = try await wire.post(
            "/settings/policy", [("form", token), ("version", "1"), ("policy", bomb), ("reason", "x"), ("act", "try")],
            cookie: browser.cookieHeader)
        #expect(policy.status == 422)
    }

    // MARK: Headers and cookies

    @Test("Every answer says what browsers may do with it, and nothing of what serves it")
    func headers() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let staff = try await Staff(served)
        let stranger = served.stranger()
        // Another site that asks is told nothing that would let it read the answer.
        for browser in [staff.office, staff.auditor, staff.admin, stranger] {
            browser.headers["Origin"] = "https://evil.example"
        }
        for route in served.site.routes where route.method == .get {
            let isKept = ["/assets/{name}", "/icon.svg"].contains(route.path)
            let paths =
                route.path == "/assets/{name}"
                ? [served.site.assets.stylesheet, served.site.assets.script] : [try Self.address(route, company)]
            for path in paths {
                for browser in [stranger, staff.whoMay(route.access)] {
                    let page = try await browser.get(path)
                    #expect(page.status < 500, "\(path): \(page.status)")
                    Self.checkHeaders(page.headers, "\(path) \(page.status)", isKept: isKept)
                    let type = page.headers["content-type"] ?? ""
                    #expect(page.bytes.isEmpty || !type.isEmpty, "\(path) has no type")
                    #expect(!type.hasPrefix("text/") || type.contains("charset=utf-8"), "\(path): \(type)")
                }
            }
        }
        Self.checkHeaders(try await stranger.get("/nowhere").headers, "404")
        Self.checkHeaders(try await stranger.get("/tasks/finish").headers, "405")
        let wire = Wire(port: served.port)
        for method in ["OPTIONS", "PUT", "DELETE"] {
            let page = try await wire.send(method, "/customers", ["Origin": "https://evil.example"])
            #expect([404, 405].contains(page.status), "\(method): \(page.status)")
            Self.checkHeaders(page.headers, method)
        }
    }

    @Test("An answer to a program sets no cookie and takes none, and no token stands in an address")
    func headersOfPrograms() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("a@b.c", .accountant, scope: .all)
        let program = try await served.program("p@b.c", officeRoles, scope: .all)
        let wire = Wire(port: served.port)
        for operation in served.site.operations where operation.method == .get {
            let path = operation.path.replacing(/\{[A-Za-z]+\}/, with: "1")
            let replies = [
                try await wire.send("GET", "/api/v1\(path)", ["Authorization": "Bearer \(program.token)"]),
                try await wire.send(
                    "GET", "/api/v1\(path)", ["Cookie": browser.cookieHeader, "Origin": "https://evil.example"]),
                try await wire.send("GET", "/api/v1\(path)?token=\(program.token)&access_token=\(program.token)"),
            ]
            for reply in replies {
                #expect(reply.status < 500, "\(operation.name): \(reply.status)")
                #expect(reply.headers["set-cookie"] == nil, "\(operation.name)")
                Self.checkHeaders(reply.headers, operation.name)
            }
            guard operation.access != .anybody else { continue }
            #expect(replies[1].status == 401 && replies[2].status == 401, "\(operation.name)")
        }
    }

    @Test("A session's cookie is for the server alone, for this site, and for TLS where TLS is spoken")
    func cookies() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        _ = try await Self.withPassword("a@b.c", served)
        for isSecure in [false, true] {
            let door = served.stranger()
            if isSecure { door.headers["X-Forwarded-Proto"] = "https" }
            let byPassword = try await door.post("/sign-in", ["user": "a@b.c", "password": Self.password], token: "")
            let byLink = try await served.stranger(door.headers).get("/link/\(try await Self.link("a@b.c", company))")
            for page in [byPassword, byLink] {
                #expect(page.status == 303)
                let cookie = page.headers["set-cookie"] ?? ""
                let parts = cookie.split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }
                #expect((Self.session(in: page) ?? "").count >= 43, "\(cookie)")
                #expect(parts.contains("HttpOnly") && parts.contains("SameSite=Lax") && parts.contains("Path=/"))
                #expect(parts.contains("Secure") == isSecure)
                // Browsers take this name from the host itself alone.
                #expect(cookie.hasPrefix("__Host-hk_session=") == isSecure)
                let token = Self.session(in: page) ?? ""
                for isPlanted in [false, true] {
                    let name = isSecure != isPlanted ? "__Host-hk_session" : "hk_session"
                    let other = served.stranger(door.headers.merging(["Cookie": "\(name)=\(token)"]) { $1 })
                    #expect(try await other.get("/account").status == (isPlanted ? 303 : 200))
                }
                #expect(!cookie.contains("Domain") && !cookie.contains("Expires"))
            }
            let left = try await door.post("/sign-out", [:])
            #expect(left.headers["set-cookie"]?.contains("Max-Age=0") ?? false)
        }
        // Whatever else is kept in a browser holds nothing of the books and opens nothing.
        let browser = try await served.signIn("b@b.c", .accountant)
        var names: Set<String> = []
        for (path, fields) in [
            ("/preferences", [("language", "en")]),
            ("/new/customers", [("code", "N1"), ("name", "New"), ("key", "k")]),
        ] {
            let set = try await browser.post(path, fields).headers["set-cookie"] ?? ""
            names.formUnion(set.matches(of: /(hk_[a-z]+)=/).map { String($0.1) })
        }
        #expect(names == ["hk_language", "hk_done"])
    }

    // MARK: Sessions

    @Test("A session that somebody laid into a browser before is not the session afterwards")
    func fixation() async throws {
        let company = try await TestCompany()
        let served = try await Served(company)
        _ = try await Self.withPassword("victim@b.c", served)
        let attacker = try await served.signIn("evil@b.c", .sales)
        let live = try #require(attacker.cookies["hk_session"])
        for chosen in ["chosen-by-somebody-else-0123456789-0123456789", live] {
            for isByLink in [false, true] {
                let victim = served.stranger(["Cookie": "hk_session=\(chosen)"])
                let page =
                    isByLink
                    ? try await victim.get("/link/\(try await Self.link("victim@b.c", company))")
                    : try await victim.post(
                        "/sign-in", ["user": "victim@b.c", "password": Self.password], token: "")
                let given = try #require(Self.session(in: page))
                #expect(page.status == 303 && given != chosen)
                #expect(try await victim.get("/account").text.contains("<p class=\"meta\">victim@b.c "))
                let thief = served.stranger(["Cookie": "hk_session=\(chosen)"])
                let seen = try await thief.get("/account")
                #expect(!seen.text.contains("<p class=\"meta\">victim@b.c "))
                #expect(chosen == live || seen.location?.hasPrefix("/sign-in") ?? false)
            }
        }
        #expect(try await attacker.get("/account").text.contains("<p class=\"meta\">evil@b.c "))
    }

    @Test("People see where they are signed in, and end what they don't know; nobody else's")
    func sessions() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        _ = try await Self.withPassword("a@b.c", served)
        func signedIn(_ agent: String) async throws -> Browser {
            let browser = served.stranger(["User-Agent": agent])
            _ = try await browser.post("/sign-in", ["user": "a@b.c", "password": Self.password], token: "")
            return browser
        }
        func ends(_ browser: Browser) async throws -> [String] {
            try await browser.get("/account").text.matches(of: /action="(\/account\/sessions\/[0-9a-f]+\/end)"/).map {
                String($0.1)
            }
        }
        let here = try await signedIn("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        let there = try await signedIn(
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0")
        let page = try await here.get("/account").text
        #expect(page.contains("Firefox, Linux") && page.contains("Edge, Windows") && page.contains("This browser"))
        let before = try await ends(here)
        #expect(!before.isEmpty)
        // Somebody else knows its name, and ends nothing with it.
        let other = try await served.signIn("b@b.c", .accountant)
        for address in before { #expect(try await other.post(address, [:]).status == 303) }
        #expect(try await there.get("/account").status == 200)
        for address in before { #expect(try await here.post(address, [:]).status == 303) }
        #expect(try await there.get("/account").location?.hasPrefix("/sign-in") ?? false)
        #expect(try await here.get("/account").status == 200)
        #expect(try await ends(here).isEmpty)
        #expect(try AccountQueries.securityEvents(limit: 20, in: company.store).contains { $0.kind == "session-ended" })
    }

    @Test("A stolen cookie ends with the sign-out, the account, and the holder's new password")
    func theft() async throws {
        let company = try await TestCompany()
        let served = try await Served(company)
        func expectEnded(_ cookie: String, _ about: String, _ place: SourceLocation = #_sourceLocation) async throws {
            let thief = served.stranger(["Cookie": cookie])
            let page = try await thief.get("/customers")
            #expect(
                page.status == 303 && page.location?.hasPrefix("/sign-in") ?? false, "\(about): \(page.status)",
                sourceLocation: place)
            let form = try await thief.post("/new/customers", ["code": "T", "name": "T", "key": "t"], token: "x")
            #expect(form.status == 401, "\(about): \(form.status)", sourceLocation: place)
        }
        let one = try await served.signIn("one@b.c", .accountant)
        let first = one.cookieHeader
        let second = try await served.signIn("one@b.c", .accountant).cookieHeader
        #expect(try await one.post("/sign-out", [:]).location == "/sign-in")
        try await expectEnded(first, "signed out")
        // The other browser of the same person goes on.
        #expect(try await served.stranger(["Cookie": second]).get("/customers").status == 200)

        let two = try await served.signIn("two@b.c", .accountant)
        let other = try await served.signIn("two@b.c", .accountant).cookieHeader
        #expect(try await two.post("/password", ["password": Self.password]).status == 303)
        #expect(try await two.get("/customers").status == 200)
        try await expectEnded(other, "a new password")

        let three = try await served.signIn("three@b.c", .accountant).cookieHeader
        let accounts = AccountCommands(in: company.store, company.request("disable-account"))
        _ = try await accounts.setActive(false, person: "three@b.c")
        try await expectEnded(three, "a closed account")
        _ = try await accounts.setActive(true, person: "three@b.c")
        try await expectEnded(three, "an account that was closed for a while")

        let four = try await served.signIn("four@b.c", .accountant).cookieHeader
        try await AccountCommands(in: company.store, company.request("set-person")).setInitialPassword(
            Self.password, of: "four@b.c")
        try await expectEnded(four, "a password by the command line")
    }

    @Test("Nobody is led to another site, whatever a form or address names")
    func redirects() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        _ = try await Self.withPassword("a@b.c", served)
        let browser = try await served.signIn("b@b.c", .accountant)
        let token = try await browser.formToken()
        let away = [
            "//evil.example", "///evil.example", "https://evil.example", "http:evil.example", "/\\evil.example",
            "\\\\evil.example", "/\t/evil.example", "/\u{0}/evil.example", "javascript:alert(1)",
            "data:text/html,<script>alert(1)</script>", "/%2F/evil.example",
            "/\r\nLocation: https://evil.example\r\nSet-Cookie: a=b", " //evil.example", "\u{FEFF}//evil.example",
        ]
        for (number, next) in away.enumerated() {
            func expectHere(_ page: Browser.Page, _ about: String) {
                // What nobody types is refused as it is.
                #expect([303, 422].contains(page.status), "\(about) \(next.debugDescription): \(page.status)")
                Self.check(page, "\(about) \(next.debugDescription)")
            }
            let fields = [("next", next), ("back", next), ("at", next), ("list", next), ("form", token)]
            let door = served.stranger(["X-Forwarded-For": "192.0.2.\(number + 1)"])
            expectHere(
                try await door.post(
                    "/sign-in", [("user", "a@b.c"), ("password", Self.password), ("next", next)], token: ""),
                "sign-in")
            expectHere(try await served.stranger().post("/preferences", fields, token: ""), "a stranger's preferences")
            expectHere(try await browser.post("/preferences", fields), "preferences")
            expectHere(try await browser.post("/columns", fields), "columns")
            expectHere(try await browser.post("/views", fields + [("name", "n\(number)")]), "views")
            expectHere(try await browser.post("/views/remove", fields + [("view", "view:/customers:n")]), "no view")
            expectHere(try await browser.post("/tasks/finish", fields), "tasks")
            expectHere(
                try await browser.post(
                    "/notes",
                    fields + [("kind", "customer"), ("subject", "C2"), ("text", "x"), ("key", "r\(number)")]),
                "notes")
            expectHere(try await browser.get("/sign-in?next=\(URLText.encode(next))"), "sign-in while signed in")
            let way = try await served.stranger().get("/customers?next=\(URLText.encode(next))")
            expectHere(way, "the way to sign in")
        }
    }

    @Test("No link of a page leads to another machine, however its own address was written")
    func slashes() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let staff = try await Staff(served)
        for route in served.site.routes where route.method == .get && route.access != .anybody {
            // A browser takes "//customers" in a link for a machine of that name.
            let path = try "/" + Self.path(route, company) + (Self.query(of: route) ?? "")
            let page = try await staff.whoMay(route.access).get(path)
            #expect(page.status < 500 && Self.isOurs(page.location), "\(path): \(page.location ?? "")")
            for mark in [" href=\"//", " action=\"//", " value=\"//", "data-edit=\"//", "data-poll=\"//"] {
                #expect(!page.text.contains(mark), "\(path) has\(mark)")
            }
        }
    }

    // MARK: Files

    @Test("Files that want to be run are refused or only ever kept as they are, and never shown")
    func uploads() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("a@b.c", .accountant, scope: .all)
        for (number, file) in Self.files.enumerated() {
            let about = "\(file.name): \(file.about)"
            let note = try await browser.upload(
                "/notes",
                [
                    "kind": "customer", "subject": "C2", "text": "x", "back": "/customers/C2", "key": "n\(number)",
                ], file: file.name, file.content)
            Self.check(note, "a note with \(about)")
            #expect(note.status == (file.isRefused ? 422 : 303), "a note with \(about): \(note.status)")
            let brought = try await browser.upload("/imports", ["kind": "customers"], file: file.name, file.content)
            Self.check(brought, "an import of \(about)")
            #expect([303, 422].contains(brought.status), "an import of \(about): \(brought.status)")
            guard let place = brought.location else { continue }
            let mapping = try await browser.get(place)
            Self.check(mapping, "the columns of \(about)")
            for form in Form.all(on: mapping.text) where form.action.hasSuffix("/try") {
                Self.check(try await browser.post(form.action, form.sent(number)), "a try of \(about)")
            }
        }
        Self.check(try await browser.get("/customers/C2"), "the customer")
        let ids = try company.store.read { session in
            try session.rows("SELECT id FROM attachment ORDER BY id").map { $0.integer(0) }
        }
        let kept = Self.files.filter { !$0.isRefused }
        #expect(ids.count == kept.count)
        #expect(!FileManager.default.fileExists(atPath: "/tmp/huikuan-evil"))
        for id in ids {
            for part in ["", "?part=main", "?format=html"] {
                let file = try await browser.get("/attachments/\(id)\(part)")
                #expect(file.status == 200)
                #expect(file.headers["content-disposition"]?.hasPrefix("attachment; filename=\"") ?? false)
                #expect(
                    ["application/pdf", "application/zip", "text/plain"].contains(file.headers["content-type"] ?? ""))
                Self.checkHeaders(file.headers, "attachment \(id)")
            }
        }
        #expect(try company.fault() == nil)
    }

    @Test("The name of a file that is saved holds no path, no line end, no quote, and shows as it reads")
    func namesOfFiles() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("a@b.c", .accountant, scope: .all)
        let names = [
            "../../etc/passwd", "..\\..\\boot.ini", "a\"; filename=\"evil.html", "x\r\nSet-Cookie: a=b.pdf", "x\ny.pdf",
            "a\u{0}b.pdf", "a\u{1B}[31mb.pdf", "abc\u{202E}fdp.exe", "\u{2066}abc\u{2069}.pdf",
            "<img src=x onerror=alert(1)>.pdf", "发票.pdf", "", "a\u{7F}b.pdf", "a\\", String(repeating: "n", count: 400),
        ]
        for (number, name) in names.enumerated() {
            let page = try await browser.upload(
                "/notes",
                ["kind": "customer", "subject": "C2", "text": "x", "back": "/customers/C2", "key": "n\(number)"],
                file: name, Data("%PDF-1.4 x".utf8))
            Self.check(page, "a file called \(name.debugDescription)")
        }
        Self.check(try await browser.get("/customers/C2"), "the customer")
        let ids = try company.store.read { session in
            try session.rows("SELECT id FROM attachment ORDER BY id").map { $0.integer(0) }
        }
        #expect(!ids.isEmpty)
        for id in ids {
            let file = try await browser.get("/attachments/\(id)")
            let said = file.headers["content-disposition"] ?? ""
            let found = try #require(
                said.wholeMatch(of: /attachment; filename="([^"]*)"; filename\*=UTF-8''([A-Za-z0-9%._~-]*)/), "\(said)")
            #expect(file.headers["set-cookie"] == nil)
            for name in [String(found.1), URLText.decode(found.2, isForm: false)] {
                #expect(!name.contains("/") && !name.contains("\\"), "\(name.debugDescription)")
                #expect(name.unicodeScalars.allSatisfy { !Self.isTrick($0) }, "\(name.debugDescription)")
            }
        }
    }

    @Test("A body that is cut off, has thousands of parts or no sense at all is refused, and stops nothing")
    func bodies() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("a@b.c", .accountant, scope: .all)
        let wire = Wire(port: served.port)
        let token = try await browser.formToken()
        func part(_ name: String, _ value: String, _ more: String = "") -> String {
            "--b\r\nContent-Disposition: form-data; name=\"\(name)\"\(more)\r\n\r\n\(value)\r\n"
        }
        let file = part("file", "code,name\nC9,Nine\n", "; filename=\"x.csv\"")
        let start = part("form", token) + part("kind", "customers")
        let usual = "multipart/form-data; boundary=b"
        let many = String(repeating: part("x", "1"), count: 5_000)
        let files = String(repeating: file, count: 5_000)
        let marks = String(repeating: "--b\r\n", count: 5_000)
        let nameless = String(repeating: "--b\r\n\r\n\r\n\r\n", count: 5_000)
        let long = String(repeating: "b", count: 100)
        let pairs = String(repeating: "amount:1=1&", count: 5_000)
        let form = "application/x-www-form-urlencoded"
        let bodies: [(about: String, type: String, body: String)] = [
            ("no end", usual, "\(start)\(file)"),
            ("no end of a part", usual, "\(start)--b\r\nContent-Disposition: form-data"),
            ("no parts", usual, "--b--\r\n"), ("nothing", usual, ""), ("a mark alone", usual, "--b"),
            ("an end alone", usual, "\r\n\r\n\r\n"), ("5,000 parts", usual, "\(start)\(many)\(file)--b--\r\n"),
            ("5,000 files", usual, "\(start)\(files)--b--\r\n"),
            ("5,000 marks", usual, "\(start)\(marks)--b--\r\n"),
            ("nameless parts", usual, "\(start)\(nameless)--b--\r\n"),
            ("a long head", usual, "\(start)--b\r\n\(String(repeating: "x", count: 200_000))\r\n\r\n\r\n--b--"),
            ("no boundary", "multipart/form-data", "\(start)\(file)--b--\r\n"),
            ("an empty boundary", "multipart/form-data; boundary=", "\(start)\(file)--b--\r\n"),
            ("a long boundary", "multipart/form-data; boundary=\(long)", "\(start)\(file)--b--\r\n"),
            ("another type", "application/json", "{\"form\":\"\(token)\",\"kind\":\"customers\"}"),
            ("no type", "", "\(start)\(file)--b--\r\n"),
            ("escapes cut off", form, "form=\(token)&text=%&kind=%z&%%%=%0&subject=%F"),
            ("5,000 fields", form, "form=\(token)&\(pairs)"),
        ]
        let before = try Self.state(company)
        for path in ["/imports", "/notes", "/new/customers", "/preferences"] {
            for one in bodies {
                let page = try await wire.send(
                    "POST", path, ["Content-Type": one.type, "Cookie": browser.cookieHeader], Data(one.body.utf8))
                #expect([303, 400, 403, 413, 422].contains(page.status), "\(path) with \(one.about): \(page.status)")
                Self.check(page, "\(path) with \(one.about)")
            }
        }
        #expect(try Self.state(company) == before)
        #expect(try await browser.get("/customers").status == 200)
    }

    // MARK: The log

    @Test(
        "No line of the log holds a password, a token, a link's secret, a cookie, or what somebody wrote or looked for")
    func log() async throws {
        let company = try await SmallCompany.make()
        let lines = Lines()
        let site = try Site(company.store, clock: { company.now })
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        let logger = Logger(label: "test") { _ in Keeping(lines: lines) }
        let service = WebServer(site, logger: logger).service(host: "127.0.0.1", port: 0) { port in
            found.yield(port)
            found.finish()
        }
        let task = Task { try await service.run() }
        defer { task.cancel() }
        var port = 0
        for await number in ports { port = number }
        let wire = Wire(port: port)
        var secrets: [String: String] = [
            "password": "Kaltes-Wasser-am-Morgen", "wrong password": "Warmes-Bier-am-Abend",
            "wrong token": "hk_Falscher-Schluessel-zur-Tuer", "wrong link": "Kein-Verweis-ins-Haus",
            "text of a note": "Geheimnis-der-Frau-Wang", "word that is looked for": "Zauberwort",
            "address of a contact": "geheim.wang", "name of a contact": "Wang-Meiling", "who signed in": "an.li",
        ]
        func secret(_ name: String) -> String { secrets[name] ?? "" }

        let invited = try #require(
            try await AccountCommands(in: company.store, company.request("invite")).invite(
                "an.li@b.c", name: "Li An", roles: Set(officeRoles)))
        secrets["invitation"] = invited.token
        let first = try await wire.post("/invitation/\(invited.token)", [("password", secret("password"))])
        #expect(first.status == 303)
        let wrong = try await wire.post(
            "/sign-in", [("user", "an.li@b.c"), ("password", secret("wrong password"))])
        #expect(wrong.status == 401)
        let right = try await wire.post("/sign-in", [("user", "an.li@b.c"), ("password", secret("password"))])
        let session = try #require(Self.session(in: right))
        secrets["session"] = session
        let cookie = "hk_session=\(session)"
        let account = try await wire.send("GET", "/account", ["Cookie": cookie])
        let form = String(try #require(account.text.firstMatch(of: /name="form" value="([^"]+)"/)?.1))
        secrets["token of forms"] = form
        for path in ["/search?q=", "/customers?q=", "/receipts?q=", "/customers/", "/nowhere/"] {
            _ = try await wire.send("GET", path + secret("word that is looked for"), ["Cookie": cookie])
        }
        _ = try await wire.send("GET", "/link/\(secret("wrong link"))")

        let made = try await AccountCommands(in: company.store, company.request(.makeToken, by: "an.li@b.c"))
            .makeToken(name: "t", scopes: [.seeCustomers], days: 1)
        let token = try #require(made?.token)
        secrets["token"] = token
        for (given, status) in [(token, 200), (secret("wrong token"), 401)] {
            let reply = try await wire.send(
                "GET", "/api/v1/search?q=\(secret("word that is looked for"))", ["Authorization": "Bearer \(given)"])
            #expect(reply.status == status)
        }
        let link = try await Self.link("an.li@b.c", company)
        secrets["link"] = link
        #expect(try await wire.send("GET", "/link/\(link)").status == 303)

        let note = try await wire.post(
            "/notes",
            [
                ("form", form), ("kind", "customer"), ("subject", "C2"), ("text", secret("text of a note")),
                ("back", "/customers/C2"), ("key", "k"),
            ], cookie: cookie)
        #expect(note.status == 303)
        let contacts = """
            customer,name,purpose,email
            C2,\(secret("name of a contact")),project,\(secret("address of a contact"))@customer.example

            """
        let body = """
            --b\r\nContent-Disposition: form-data; name="form"\r\n\r\n\(form)\r\n\
            --b\r\nContent-Disposition: form-data; name="kind"\r\n\r\ncontacts\r\n\
            --b\r\nContent-Disposition: form-data; name="file"; filename="\(secret("name of a contact")).csv"\r\n\r\n\
            \(contacts)\r\n--b--\r\n
            """
        let brought = try await wire.send(
            "POST", "/imports", ["Content-Type": "multipart/form-data; boundary=b", "Cookie": cookie],
            Data(body.utf8))
        let place = String(try #require(brought.location).prefix { $0 != "?" })
        let fields = [("form", form), ("kind", "contacts"), ("mapping", "columns: {}\n")]
        #expect(try await wire.post("\(place)/try", fields, cookie: cookie).status == 200)
        #expect(try await wire.post("\(place)/commit", fields, cookie: cookie).status == 303)
        for _ in 1...200 {
            let progress = try await wire.send("GET", "\(place)/progress", ["Cookie": cookie])
            if !progress.text.contains("data-poll") { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        let customer = try await wire.send("GET", "/customers/C2", ["Cookie": cookie])
        #expect(customer.text.contains(secret("address of a contact")))
        #expect(try await wire.post("/sign-out", [("form", form)], cookie: cookie).status == 303)

        let all = lines.all
        for route in ["/sign-in", "/link/{token}", "/notes", "/imports", "/search", "/api/v1/search"] {
            #expect(all.contains { $0.contains(route) }, "no line tells of \(route)")
        }
        #expect(!all.contains { $0.contains("?q=") })
        for (name, text) in secrets.sorted(by: { $0.key < $1.key }) {
            #expect(!text.isEmpty)
            let line = all.first { $0.contains(text) }
            #expect(line == nil, "the log tells the \(name): \(line?.replacing(text, with: "…") ?? "")")
        }
    }

    // MARK: What answers give away

    @Test("Who isn't known, whose password is wrong, who has none and whose account is closed are answered alike")
    func unknownAccounts() async throws {
        let company = try await TestCompany()
        let served = try await Served(company)
        for key in ["known@b.c", "closed@b.c"] { _ = try await Self.withPassword(key, served) }
        _ = try await served.signIn("none@b.c", .accountant)
        _ = try await AccountCommands(in: company.store, company.request("disable-account")).setActive(
            false, person: "closed@b.c")
        var tries = 0
        func answer(_ user: String, _ password: String) async throws -> (text: String, time: Duration) {
            tries += 1
            // Each from an address of its own: those are counted too.
            let door = served.stranger(["X-Forwarded-For": "192.0.2.\(tries)"])
            let begun = ContinuousClock.now
            let page = try await door.post("/sign-in", ["user": user, "password": password], token: "")
            let time = ContinuousClock.now - begun
            #expect(page.status == 401, "\(user): \(page.status)")
            return (Self.plain(page.text, without: [user]), time)
        }
        let unknown = try await answer("nobody@b.c", "wrong horse staple").text
        #expect(unknown.contains("E-mail, password or code is not right"))
        for (user, password) in [
            ("known@b.c", "wrong horse staple"), ("none@b.c", "wrong horse staple"), ("closed@b.c", Self.password),
            ("KNOWN@b.c ", "wrong horse staple"), ("", ""), ("' OR 1=1 --@b.c", Self.password),
        ] {
            #expect(try await answer(user, password).text == unknown, "\(user)")
        }
        // Who isn't known takes as long: a hash is made for nobody too.
        var times: (unknown: [Duration], known: [Duration]) = ([], [])
        for _ in 1...2 {
            times.unknown.append(try await answer("nobody@b.c", "wrong horse staple").time)
            times.known.append(try await answer("known@b.c", "wrong horse staple").time)
        }
        let (fastest, usual) = (times.unknown.min() ?? .zero, times.known.min() ?? .zero)
        #expect(fastest * 5 > usual, "\(fastest) against \(usual)")
    }

    @Test("A record of somebody else's is answered like one that isn't there")
    func foreignRecords() async throws {
        let company = try await SmallCompany.make()
        try await Self.addForeign(company)
        let served = try await Served(company)
        let office = try await served.signIn("a@b.c", .accountant, scope: .all)
        let kept = try await office.upload(
            "/notes", ["kind": "customer", "subject": "KUNDE-FREMD", "text": "x", "back": "/", "key": "k"],
            file: "x.pdf", Data("%PDF-1.4 x".utf8))
        #expect(kept.status == 303)
        let ids = try Self.foreignIDs(company)
        #expect(ids.receipt > 0 && ids.task > 0 && ids.attachment > 0)
        let browser = try await served.signIn("mine@b.c", .sales)
        let names = Self.foreignNames
        for (foreign, none) in [
            ("/customers/KUNDE-FREMD", "/customers/KUNDE-KEINE"),
            ("/customers/KUNDE-FREMD?part=drawer", "/customers/KUNDE-KEINE?part=drawer"),
            ("/customers/KUNDE-FREMD/contact", "/customers/KUNDE-KEINE/contact"),
            ("/invoices/RECHNUNG-FREMD", "/invoices/RECHNUNG-KEINE"),
            ("/invoices?customer=KUNDE-FREMD", "/invoices?customer=KUNDE-KEINE"),
            ("/search?q=KUNDE-FREMD", "/search?q=KUNDE-KEINE"), ("/receipts/\(ids.receipt)", "/receipts/999999"),
            ("/tasks/\(ids.task)", "/tasks/999999"), ("/attachments/\(ids.attachment)", "/attachments/999999"),
            ("/aging/items?key=KUNDE-FREMD", "/aging/items?key=KUNDE-KEINE"),
        ] {
            let (one, other) = (try await browser.get(foreign), try await browser.get(none))
            #expect(one.status == other.status, "\(foreign): \(one.status), \(none): \(other.status)")
            #expect(Self.plain(one.text, without: names) == Self.plain(other.text, without: names), "\(foreign)")
        }
    }

    @Test("A command about a record of somebody else's is refused like one about nothing")
    func foreignCommands() async throws {
        let company = try await SmallCompany.make()
        try await Self.addForeign(company)
        let served = try await Served(company)
        let ids = try Self.foreignIDs(company)
        let browser = try await served.signIn("mine@b.c", .sales, .collector, scope: .own)
        func note(_ kind: String, _ subject: String) -> [(String, String)] {
            [("kind", kind), ("subject", subject), ("text", "x"), ("back", "/")]
        }
        let contact = [("name", "X"), ("purpose", "project"), ("email", "x@y.z"), ("reason", "x")]
        let pause = [("kind", "dispute"), ("until", "2026-06-20"), ("reason", "x")]
        typealias Command = (path: String, fields: [(String, String)])
        var pairs: [(foreign: Command, none: Command)] = []
        pairs.append((("/customers/KUNDE-FREMD/contact", contact), ("/customers/KUNDE-KEINE/contact", contact)))
        pairs.append((("/notes", note("customer", "KUNDE-FREMD")), ("/notes", note("customer", "KUNDE-KEINE"))))
        pairs.append((("/notes", note("invoice", "RECHNUNG-FREMD")), ("/notes", note("invoice", "RECHNUNG-KEINE"))))
        pairs.append((("/notes", note("receipt", "\(ids.receipt)")), ("/notes", note("receipt", "999999"))))
        pairs.append((("/notes", note("task", "\(ids.task)")), ("/notes", note("task", "999999"))))
        pairs.append((("/tasks/finish", [("task", "\(ids.task)")]), ("/tasks/finish", [("task", "999999")])))
        pairs.append((("/invoices/RECHNUNG-FREMD/pause", pause), ("/invoices/RECHNUNG-KEINE/pause", pause)))
        pairs.append(
            (
                ("/invoices/RECHNUNG-FREMD/resume", [("reason", "x")]),
                ("/invoices/RECHNUNG-KEINE/resume", [("reason", "x")])
            ))
        for (foreign, none) in pairs {
            let one = try await browser.post(foreign.path, foreign.fields)
            let other = try await browser.post(none.path, none.fields)
            let about = "\(foreign.path) \(foreign.fields.first?.1 ?? "")"
            #expect(one.status == other.status, "\(about): \(one.status), \(other.status)")
            #expect(
                Self.plain(one.text, without: Self.foreignNames) == Self.plain(other.text, without: Self.foreignNames),
                "\(about)")
        }
    }
}

// MARK: - What is sent

extension AttackTests {
    fileprivate static let password = "quite another sentence"

    /// What would run as markup or lead away, if it came back as it was sent.
    private static let markup = [
        "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'><svg onload=alert(1)>",
        "javascript:alert(1)", "</textarea></title><script>alert(1)</script>", "\" autofocus onfocus=\"alert(1)",
    ]

    /// What means something to a database, a spreadsheet, a template, a file system, a terminal or a protocol.
    private static let words = [
        "'; DROP TABLE customer; --", "' OR '1'='1", "=HYPERLINK(\"http://evil\")", "{{7*7}}", "${7*7}#{7*7}",
        "../../etc/passwd", "\u{202E}abc", "%00", "a\u{0}b", "x\r\nSet-Cookie: a=b",
        String(repeating: "x", count: 10_000),
        "%s%n%x", "\u{FEFF}\u{200B}", "*) OR 1=1", "#1 && #2",
    ]

    /// What none of our pages says by itself.
    private static let raw = [
        "<script>alert(1)", "<img src=x onerror", "<svg onload", " onfocus=\"alert", "href=\"javascript:",
        "action=\"javascript:", "root:x:0:0:",
    ].map { (text: $0, bytes: Data($0.utf8)) }

    /// What no answer may be, to whatever was sent.
    private static func check(_ page: Browser.Page, _ about: String, _ place: SourceLocation = #_sourceLocation) {
        #expect(page.status < 500, "\(about): \(page.status)", sourceLocation: place)
        #expect(
            !(page.headers["set-cookie"] ?? "").contains("a=b"), "\(about) sets a cookie", sourceLocation: place)
        #expect(isOurs(page.location), "\(about) leads to \(page.location ?? "")", sourceLocation: place)
        guard page.headers["content-type"]?.hasPrefix("text/html") ?? false else { return }
        for mark in raw {
            #expect(page.bytes.range(of: mark.bytes) == nil, "\(about) shows \(mark.text)", sourceLocation: place)
        }
    }

    /// Whether a redirect stays on this site, as every browser reads it.
    private static func isOurs(_ location: String?) -> Bool {
        guard let location else { return true }
        return location.hasPrefix("/") && !location.hasPrefix("//") && !location.hasPrefix("/\\")
            && location.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value < 127 }
    }

    /// What makes a name look like another one, or ends a line.
    private static func isTrick(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 32 || scalar.value == 127 || (0x200B...0x200F).contains(scalar.value)
            || (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
    }

    private static func checkHeaders(
        _ headers: [String: String], _ about: String, isKept: Bool = false, _ place: SourceLocation = #_sourceLocation
    ) {
        let policy = headers["content-security-policy"] ?? ""
        #expect(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'")
                && !policy.contains("unsafe") && !policy.contains("*"), "\(about): \(policy)", sourceLocation: place)
        #expect(headers["x-content-type-options"] == "nosniff", "\(about)", sourceLocation: place)
        #expect(headers["x-frame-options"] == "DENY", "\(about)", sourceLocation: place)
        #expect(
            ["same-origin", "no-referrer"].contains(headers["referrer-policy"] ?? ""), "\(about)",
            sourceLocation: place)
        #expect(headers["permissions-policy"]?.contains("camera=()") ?? false, "\(about)", sourceLocation: place)
        let kept = headers["cache-control"] ?? ""
        #expect(isKept ? kept.contains("max-age=") : kept == "no-store", "\(about): \(kept)", sourceLocation: place)
        #expect(!(headers["server"] ?? "").contains { $0.isNumber }, "\(about)", sourceLocation: place)
        #expect(
            !headers.keys.contains { $0 == "x-powered-by" || $0.hasPrefix("access-control-") }, "\(about)",
            sourceLocation: place)
    }

    /// A page's text without what differs between two pages of one kind: names, numbers, the keys of forms.
    private static func plain(_ text: String, without names: [String]) -> String {
        var plain = text.replacing(/name="key" value="[^"]*"/, with: "")
        for name in names where !name.isEmpty {
            plain = plain.replacing(String(decoding: HTML(name).bytes, as: UTF8.self), with: "")
            plain = plain.replacing(String(decoding: HTML(name.trimmed).bytes, as: UTF8.self), with: "")
        }
        return plain.replacing(/[0-9]+/, with: "0")
    }

    /// What a form could change: the journal, sessions, and what people set for themselves.
    private static func state(_ company: TestCompany) throws -> [Int64] {
        try company.store.read { session in
            [
                try session.row("SELECT last_act FROM head")?.integer(0) ?? -1,
                try session.row("SELECT count(*) FROM session")?.integer(0) ?? -1,
                try session.row("SELECT count(*) FROM preference")?.integer(0) ?? -1,
            ]
        }
    }

    // MARK: People and their sessions

    /// Who between them see every page: all of the office's work, the auditor, the administrator.
    private struct Staff {
        let office: Browser
        let auditor: Browser
        let admin: Browser

        init(_ served: Served) async throws {
            // Somebody whose rights may be changed without harm to the others.
            _ = try await served.signIn("who@b.c", .sales)
            office = try await served.signIn(
                "office@b.c", .sales, .credit, .accountant, .cashier, .collector, .legal, .financeManager, .management,
                scope: .all)
            auditor = try await served.signIn("auditor@b.c", .auditor, scope: .all)
            admin = try await served.signIn("admin@b.c", .admin, scope: .all)
        }

        var all: [(browser: Browser, roles: Set<Role>)] {
            [(office, Set(officeRoles)), (auditor, [.auditor]), (admin, [.admin])]
        }

        func whoMay(_ access: Route.Access) -> Browser {
            guard case .permission(let permission) = access else { return office }
            return all.first { permission.isAllowed($0.roles) }?.browser ?? office
        }
    }

    /// Somebody with a password of their own, signed in.
    private static func withPassword(_ key: String, _ served: Served) async throws -> Browser {
        let browser = try await served.signIn(key, .accountant)
        #expect(try await browser.post("/password", ["password": password]).status == 303)
        return browser
    }

    /// The secret of a link that signs somebody in once.
    private static func link(_ key: String, _ company: TestCompany) async throws -> String {
        try await AccountCommands(in: company.store, company.request("change-password")).signInLink(for: key).token
    }

    private static func session(in page: Browser.Page) -> String? {
        page.headers["set-cookie"]?.firstMatch(of: /hk_session=([^;,]+)/).map { String($0.1) }
    }

    // MARK: Records of somebody else's

    private static let foreignNames = ["KUNDE-FREMD", "KUNDE-KEINE", "RECHNUNG-FREMD", "RECHNUNG-KEINE"]

    /// A customer and an invoice that `mine@b.c` doesn't see, under names that stand nowhere else.
    private static func addForeign(_ company: TestCompany) async throws {
        try await company.take(
            .customers, "code,name,sales_owner,collector", "KUNDE-FREMD,Fremd Ltd,theirs@b.c,coll@b.c")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount",
            "RECHNUNG-FREMD,KUNDE-FREMD,2026-04-01,2026-04-20,100")
    }

    private static func foreignIDs(
        _ company: TestCompany
    ) throws -> (receipt: Int64, task: Int64, attachment: Int64) {
        try company.store.read { session in
            (
                try session.row("SELECT id FROM credit WHERE reference = 'R1'")?.integer(0) ?? 0,
                try session.row(
                    "SELECT max(t.id) FROM task t JOIN customer c ON c.id = t.customer WHERE c.code = 'C2'")?
                    .optionalInteger(0) ?? 0,
                try session.row("SELECT max(id) FROM attachment")?.optionalInteger(0) ?? 0
            )
        }
    }

    // MARK: Pages

    /// A path of a route with its places filled in, with records that are there unless something else is given.
    private static func path(_ route: Route, _ company: TestCompany, place: String? = nil) throws -> String {
        let (receipt, task) = try company.store.read { session in
            (
                try session.row("SELECT id FROM credit WHERE reference = 'R1'")?.integer(0) ?? 0,
                try session.row("SELECT min(id) FROM task")?.optionalInteger(0) ?? 0
            )
        }
        let places = [
            "code": "C2", "fact": "\(receipt)", "account": "receivable", "kind": "invoices", "webhook": "erp",
            "name": route.path.hasPrefix("/people") ? "gateway" : "none",
            "number": route.path.hasPrefix("/acts/") ? "2" : "I2", "token": "no-such-token",
            "id": route.path.hasPrefix("/tasks/") ? "\(task)" : "1",
        ]
        let segments = route.path.split(separator: "/").map { segment -> String in
            guard segment.hasPrefix("{") else { return String(segment) }
            return URLText.encode(place ?? places[String(segment.dropFirst().dropLast())] ?? "none")
        }
        return "/" + segments.joined(separator: "/")
    }

    /// What pages need that are about something in particular.
    private static func query(of route: Route) -> String? {
        switch route.path {
        case "/aging/items": "?by=customer&key=C2&bucket=0"
        case "/people/change": "?person=who@b.c"
        case "/views": "?at=/customers"
        default: nil
        }
    }

    private static func address(_ route: Route, _ company: TestCompany) throws -> String {
        try path(route, company) + (query(of: route) ?? "")
    }

    /// The pages that somebody of these roles may see.
    private static func pages(_ served: Served, _ roles: Set<Role>) throws -> [String] {
        let pages = try served.site.routes.compactMap { route -> String? in
            guard route.method == .get, route.access != .anybody, !route.path.hasPrefix("/imports/{id}"),
                route.path != "/attachments/{id}"
            else { return nil }
            if case .permission(let permission) = route.access, !permission.isAllowed(roles) { return nil }
            return try address(route, served.company)
        }
        let tabs = ["calendar", "bank", "accounts", "periods", "company"].map { "/settings?tab=\($0)" }
        return pages + (Permission.seeSettings.isAllowed(roles) ? tabs : [])
    }

    /// Brings a small file of invoices, and says where its columns are assigned.
    private static func mapping(_ browser: Browser) async throws -> String {
        let lines = "number,customer,issue_date,due_date,amount\nX1,C2,2026-05-01,2026-05-31,1\n"
        let page = try await browser.upload("/imports", ["kind": "invoices"], file: "x.csv", Data(lines.utf8))
        return try #require(page.location)
    }

    /// Forms that stand on no page by themselves: of an import that goes on, and those that the script sends.
    private static func formsOfScript(_ mapping: String, _ browser: Browser) async throws -> [Form] {
        var forms = Form.all(on: try await browser.get(mapping).text)
        for form in forms where form.action.hasSuffix("/try") {
            forms += Form.all(on: try await browser.post(form.action, form.sent(0)).text).filter {
                $0.action.hasSuffix("/commit")
            }
        }
        forms.append(Form(action: "/undo", fields: [.init(name: "act", value: "2"), .init(name: "key")]))
        forms.append(
            Form(
                action: "/customers/C2/field",
                fields: [.init(name: "field", value: "collector"), .init(name: "value", value: "theirs@b.c")]))
        return forms
    }

    /// Sends two attacks in each field of forms, the others as they stand; each field of a path once.
    private static func attack(
        _ forms: [Form], by browser: Browser, isSignedIn: Bool, _ turn: inout Int, _ done: inout Set<String>
    ) async throws {
        for form in forms where form.action != "/sign-out" {
            let path = form.action.prefix { $0 != "?" }
            for name in form.names where name != "form" && done.insert("\(path) \(name)").inserted {
                for text in [markup[turn / 2 % markup.count], words[turn / 2 % words.count]] {
                    turn += 1
                    // Wrong sign-ins are counted by address.
                    if !isSignedIn { browser.headers["X-Forwarded-For"] = "192.0.2.\(turn % 250)" }
                    let page = try await browser.post(form.action, form.sent(turn, with: name, text))
                    let about = "\(path) \(name)=\(text.prefix(24).debugDescription)"
                    check(page, about)
                    #expect(!isSignedIn || page.status != 401, "\(about) signed somebody out")
                }
            }
        }
    }

    /// Follows the links of pages and of what they lead to: a few of each kind.
    private static func crawl(_ browser: Browser, from start: [String], most: Int) async throws {
        var queue = start
        var known = Set(start)
        var kinds: [String: Int] = [:]
        var next = 0
        while next < min(queue.count, most) {
            let path = queue[next]
            next += 1
            let page = try await browser.get(path)
            check(page, String(path.prefix(100)))
            for link in Form.links(on: page.text) where known.insert(link).inserted {
                let kind = link.replacing(/[0-9]+/, with: "0").replacing(/[=][^&]*/, with: "")
                guard kinds[kind, default: 0] < 5 else { continue }
                kinds[kind, default: 0] += 1
                queue.append(link)
            }
        }
    }

    // MARK: Forms

    /// A form that writes, as it stands on a page.
    private struct Form {
        struct Field {
            let name: String
            var value = ""
            var type = "text"
            /// Whether a browser would send it as it stands.
            var isSent = true
            var isRequired = false
        }

        let action: String
        let fields: [Field]

        var names: [String] {
            var seen: Set<String> = []
            return fields.map(\.name).filter { seen.insert($0).inserted }
        }

        /// The pairs that somebody would send who fills in what must be, chooses the first where something has to be
        /// chosen, and writes something else into one field.
        ///
        /// - Parameter number: Makes codes and the form's key new.
        func sent(_ number: Int, with attacked: String = "", _ text: String = "") -> [(String, String)] {
            var pairs: [(String, String)] = attacked.isEmpty ? [] : [(attacked, text)]
            let choices = Dictionary(grouping: fields.filter { $0.type == "checkbox" }, by: \.name)
            var chosen: Set<String> = []
            for field in fields where field.name != attacked {
                if field.isSent {
                    pairs.append((field.name, field.name == "key" ? "t\(number)" : filled(field, number)))
                } else if let all = choices[field.name], all.count > 1, !all.contains(where: \.isSent),
                    chosen.insert(field.name).inserted
                {
                    pairs.append((field.name, field.value))
                }
            }
            return pairs
        }

        private func filled(_ field: Field, _ number: Int) -> String {
            guard field.value.isEmpty, field.isRequired || field.name == "reason" else { return field.value }
            switch (field.type, field.name) {
            case ("email", _): return "x\(number)@b.example"
            case ("date", _): return "2026-06-05"
            case ("month", _): return "2026-04"
            case ("number", _), (_, "amount"): return "1"
            case ("url", _): return "https://receiver.example/\(number)"
            case ("password", _): return "a sentence of many words \(number)"
            case (_, "customer"): return "C2"
            case (_, "invoice"): return "I2"
            case (_, "currency"): return "CNY"
            default: return "x\(number)"
            }
        }

        // MARK: Reading pages

        static func all(on page: String) -> [Form] {
            forms(on: page).compactMap { text in
                let tag = String(text.prefix { $0 != ">" })
                guard attribute("method", of: tag) == "post", let action = attribute("action", of: tag) else {
                    return nil
                }
                return Form(action: action, fields: fields(in: text))
            }
        }

        /// The names of fields that only ask.
        static func asked(on page: String) -> [String] {
            forms(on: page).filter { attribute("method", of: String($0.prefix { $0 != ">" })) == nil }.flatMap {
                fields(in: $0).map(\.name)
            }
        }

        static func links(on page: String) -> [String] {
            page.components(separatedBy: " href=\"").dropFirst().map { rest in
                unescaped(String(rest.prefix { $0 != "\"" }))
            }.filter { link in
                link.hasPrefix("/") && !link.hasPrefix("//") && !link.contains("format=")
                    && !["/assets/", "/icon", "/api/v1", "/imports/template"].contains { link.hasPrefix($0) }
            }
        }

        /// No angle bracket stands in an attribute: it would be escaped.
        private static func forms(on page: String) -> [String] {
            page.components(separatedBy: "<form ").dropFirst().map { rest in
                " " + (rest.components(separatedBy: "</form>").first ?? "")
            }
        }

        private static func fields(in text: String) -> [Field] {
            var fields: [Field] = []
            var list: Int?
            for piece in text.components(separatedBy: "<").dropFirst() {
                let tag = String(piece.prefix { $0 != ">" })
                let kind = String(tag.prefix { $0 != " " })
                let name = attribute("name", of: tag) ?? ""
                let isRequired = tag.contains(" required")
                switch kind {
                case "input" where !name.isEmpty:
                    let type = attribute("type", of: tag) ?? "text"
                    guard !["file", "submit"].contains(type) else { continue }
                    let isChoice = ["checkbox", "radio"].contains(type)
                    fields.append(
                        Field(
                            name: name, value: attribute("value", of: tag) ?? "", type: type,
                            isSent: !isChoice || tag.contains(" checked"), isRequired: isRequired))
                case "textarea" where !name.isEmpty:
                    fields.append(
                        Field(
                            name: name, value: unescaped(String(piece.dropFirst(tag.count + 1))), type: "textarea",
                            isRequired: isRequired))
                case "button" where !name.isEmpty:
                    fields.append(
                        Field(name: name, value: attribute("value", of: tag) ?? "", type: "button", isSent: false))
                case "select":
                    list = fields.count
                    fields.append(Field(name: name, type: "select"))
                case "option":
                    guard let list else { continue }
                    let value = attribute("value", of: tag) ?? ""
                    if tag.contains(" selected") || fields[list].type == "select" { fields[list].value = value }
                    // From the second on, only the one that is selected counts.
                    fields[list].type = "select-one"
                case "/select", "datalist": list = nil
                default: continue
                }
            }
            return fields
        }

        private static func attribute(_ name: String, of tag: String) -> String? {
            guard let start = tag.range(of: " \(name)=\"") else { return nil }
            return unescaped(String(tag[start.upperBound...].prefix { $0 != "\"" }))
        }

        private static func unescaped(_ text: String) -> String {
            guard text.contains("&") else { return text }
            return text.replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&quot;", with: "\"")
                .replacing("&#39;", with: "'").replacing("&amp;", with: "&")
        }
    }

    // MARK: Files

    private struct HostileFile {
        let name: String
        let about: String
        let content: Data
        /// Whether it may not stand beside a record.
        var isRefused = false
    }

    private static let files: [HostileFile] = {
        func text(_ name: String, _ about: String, _ text: String, isRefused: Bool = false) -> HostileFile {
            HostileFile(name: name, about: about, content: Data(text.utf8), isRefused: isRefused)
        }
        func program(_ name: String, _ about: String, _ start: [UInt8]) -> HostileFile {
            let content = Data(start) + Data(repeating: 0, count: 64)
            return HostileFile(name: name, about: about, content: content, isRefused: true)
        }
        func book(_ about: String, _ sheet: String, more: [(String, String)] = []) -> HostileFile {
            HostileFile(
                name: "book.xlsx", about: about, content: Zip.file(AttackTests.workbook(sheet) + more))
        }
        func sheet(_ rows: String, _ before: String = "") -> String {
            "\(before)<worksheet><sheetData>\(rows)</sheetData></worksheet>"
        }
        let rows = "<row r='1'><c r='A1' t='str'><v>code</v></c><c r='B1' t='str'><v>name</v></c></row>"
        let script = "<script>alert(1)</script>"
        let much = String(repeating: "a,b\n", count: 400)
        let deep = "\(String(repeating: "<a>", count: 100_000))\(String(repeating: "</a>", count: 100_000))"
        let entity = "<!DOCTYPE worksheet [<!ENTITY b SYSTEM \"file:///etc/passwd\">]>"
        let laughs = "<!DOCTYPE worksheet [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>"
        let filled = "<row r='1'><c r='A1' t='inlineStr'><is><t>&b;</t></is></c></row>"
        let shown = "<row r='2'><c t='str'><v>&lt;script>alert(1)&lt;/script></v></c></row>"
        let drawn = "<x:img xmlns:x=\"http://www.w3.org/1999/xhtml\" src=\"x\" onerror=\"alert(1)\"/>"
        let whole = Zip.file(AttackTests.workbook(sheet(rows)))
        return [
            text("page.html", "a page", "<!doctype html><html><body>\(script)</body></html>", isRefused: true),
            text("page.csv", "a page called a table", "<html>\(script)</html>", isRefused: true),
            text("late.txt", "markup behind much text", "\(much)\(script)"),
            text("drawing.svg", "a drawing with a script", "<svg>\(script)</svg>", isRefused: true),
            text("data.xml", "XML that draws a page", "<?xml version=\"1.0\"?>\(drawn)"),
            text("paper.pdf", "a paper with markup", "%PDF-1.4\n\(script)"),
            text(
                "table.csv", "a table of markup", "code,<img src=x onerror=alert(1)>\nC9,<svg onload=alert(1)>\n",
                isRefused: true),
            text("columns.csv", "a table of columns that are markup", "code,<img src=x onerror=alert(1)>\nC9,x\n"),
            text("sum.csv", "a table of formulas", "code,name\n=cmd|'/c calc'!A1,@SUM(1)\n"),
            text("run.sh", "a script of a shell", "#!/bin/sh\nid\n", isRefused: true),
            program("program.csv", "a program (ELF)", [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1]),
            program("program.xlsx", "a program (MZ)", [0x4D, 0x5A, 0x90, 0, 3, 0xFF]),
            book(
                "as many rows and columns as there can be",
                "<worksheet><dimension ref='A1:XFD1048576'/>\(sheet(rows).dropFirst(11))"),
            book("a row beyond all rows", sheet("<row r='1048577'/>")),
            book("a column beyond all columns", sheet("<row r='1'><c r='ZZZZZZZZZZZZZZZ1'/></row>")),
            book("a file of the server in an entity", sheet(filled, entity)),
            book("entities of entities", sheet(filled, laughs)),
            book("a hundred thousand elements in each other", sheet(deep)),
            book("a part that leads out of it", sheet(rows), more: [("../../../../tmp/huikuan-evil", "x")]),
            book("markup in a cell", sheet("\(rows)\(shown)")),
            HostileFile(
                name: "bomb.xlsx", about: "a few bytes that say they are gigabytes",
                content: Zip.file(AttackTests.workbook(sheet(rows)), saying: 0xF000_0000)),
            HostileFile(name: "half.xlsx", about: "half a workbook", content: whole.prefix(400)),
        ]
    }()

    /// The fewest parts that a sheet needs.
    private static func workbook(_ sheet: String) -> [(String, String)] {
        [
            (
                "xl/workbook.xml",
                "<workbook xmlns:r='urn:r'><sheets><sheet name='S' sheetId='1' r:id='rId1'/></sheets></workbook>"
            ),
            (
                "xl/_rels/workbook.xml.rels",
                """
                <Relationships><Relationship Id='rId1' Type='urn/worksheet' Target='/xl/worksheets/sheet1.xml'/>\
                </Relationships>
                """
            ), ("xl/worksheets/sheet1.xml", sheet),
        ]
    }

    /// A zip file of parts as they are, without compression.
    private enum Zip {
        /// - Parameter saying: What the archive says that each part is unpacked; the truth unless given.
        static func file(_ parts: [(String, String)], saying: UInt32? = nil) -> Data {
            var archive: [UInt8] = []
            var directory: [UInt8] = []
            for (name, text) in parts {
                let content = Array(text.utf8)
                var header = number(UInt16(20)) + number(UInt16(0))
                // What is said to be larger is said to be compressed too.
                header += number(UInt16(saying == nil ? 0 : 8)) + number(UInt32(0x5CC8_0000))
                header += number(checksum(content)) + number(UInt32(content.count))
                header += number(saying ?? UInt32(content.count))
                header += number(UInt16(name.utf8.count)) + number(UInt16(0))
                directory += [0x50, 0x4B, 1, 2, 20, 0] + header + [UInt8](repeating: 0, count: 10)
                directory += number(UInt32(archive.count)) + Array(name.utf8)
                archive += [0x50, 0x4B, 3, 4] + header + Array(name.utf8) + content
            }
            let start = archive.count
            archive += directory + [0x50, 0x4B, 5, 6, 0, 0, 0, 0]
            archive += number(UInt16(parts.count)) + number(UInt16(parts.count))
            archive += number(UInt32(directory.count)) + number(UInt32(start)) + number(UInt16(0))
            return Data(archive)
        }

        private static func number(_ value: some FixedWidthInteger) -> [UInt8] {
            withUnsafeBytes(of: value.littleEndian) { Array($0) }
        }

        private static let table: [UInt32] = (0..<256).map { byte in
            (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
        }

        private static func checksum(_ bytes: [UInt8]) -> UInt32 {
            ~bytes.reduce(~0) { value, byte in value >> 8 ^ table[Int(UInt8(truncatingIfNeeded: value) ^ byte)] }
        }
    }

    // MARK: What no browser sends

    /// Sends whatever it is given; keeps no cookie and follows no redirect.
    private final class Wire: Sendable {
        private let port: Int
        private let session: URLSession

        /// - Parameter seconds: How long an answer may take; beside all other tests on few cores it takes its time.
        init(port: Int, seconds: Double = 300) {
            self.port = port
            let configuration = URLSessionConfiguration.ephemeral
            configuration.httpShouldSetCookies = false
            configuration.httpCookieAcceptPolicy = .never
            configuration.timeoutIntervalForRequest = seconds
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

        func send(
            _ method: String, _ path: String, _ headers: [String: String] = [:], _ body: Data? = nil
        ) async throws -> Browser.Page {
            guard let url = URL(string: "http://127.0.0.1:\(port)\(path)") else { throw URLError(.badURL) }
            var request = URLRequest(url: url)
            request.httpMethod = method
            request.httpBody = body
            request.setValue("en", forHTTPHeaderField: "Accept-Language")
            for (name, value) in headers where !value.isEmpty { request.setValue(value, forHTTPHeaderField: name) }
            let (data, response) = try await session.data(for: request)
            guard let answer = response as? HTTPURLResponse else { throw URLError(.badServerResponse) }
            var found: [String: String] = [:]
            for (name, value) in answer.allHeaderFields { found["\(name)".lowercased()] = "\(value)" }
            return Browser.Page(
                status: answer.statusCode, text: String(decoding: data, as: UTF8.self), headers: found, bytes: data)
        }

        /// A form's fields and nothing else.
        func post(
            _ path: String, _ fields: [(String, String)], cookie: String = "", _ headers: [String: String] = [:]
        ) async throws -> Browser.Page {
            let body = fields.map { "\(URLText.encode($0.0))=\(URLText.encode($0.1))" }.joined(separator: "&")
            var all = headers
            all["Cookie"] = cookie
            all["Content-Type"] = "application/x-www-form-urlencoded"
            return try await send("POST", path, all, Data(body.utf8))
        }
    }

    // MARK: The log

    /// The lines of a log.
    private final class Lines: @unchecked Sendable {
        // `kept` is guarded by `lock`.
        private let lock = NSLock()
        private var kept: [String] = []

        func add(_ line: String) { lock.withLock { kept.append(line) } }
        var all: [String] { lock.withLock { kept } }
    }

    /// Keeps everything that is logged, also what no server of ours would write down.
    private struct Keeping: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .trace
        var metadataProvider: Logger.MetadataProvider?

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let error = event.error.map { "\($0)" } ?? ""
            lines.add("\(event.level) \(event.message) \(metadata) \(event.metadata ?? [:]) \(error)")
        }
    }
}

extension Browser {
    /// The cookies as a browser sends them.
    var cookieHeader: String {
        cookies.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
    }
}

extension Served {
    /// Somebody who isn't signed in, with headers of their own.
    func stranger(_ headers: [String: String]) -> Browser {
        let browser = stranger()
        browser.headers = headers
        return browser
    }
}
