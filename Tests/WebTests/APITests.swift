import Database
import Formats
import Foundation
import Ledger
import Receivables
import TestSupport
import Testing

@testable import Operations
@testable import Web

@Suite struct APITests {
    /// Records of the small company for the places of paths, of a customer that `mine@b.c` doesn't see.
    private static func foreign(_ company: TestCompany) throws -> [String: String] {
        let (receipt, task) = try company.store.read { session in
            (
                try session.row("SELECT id FROM credit WHERE reference = 'R1'")?.integer(0) ?? 0,
                try session.row(
                    "SELECT max(t.id) FROM task t JOIN customer c ON c.id = t.customer WHERE c.code = 'C2'")?
                    .optionalInteger(0) ?? 0
            )
        }
        return [
            "code": "C2", "number": "I2", "id": "\(receipt)", "task": "\(task)", "act": "2", "account": "receivable",
            "month": "2026-04", "language": "en", "person": "theirs@b.c", "name": "m", "import": "none",
            "date": "2026-10-01", "service": "none", "webhook": "erp",
        ]
    }

    private static func path(_ operation: Web.Operation, _ places: [String: String]) -> String {
        let segments = operation.path.split(separator: "/").map { segment -> String in
            guard segment.hasPrefix("{") else { return String(segment) }
            let name = String(segment.dropFirst().dropLast())
            let isTask = operation.path.hasPrefix("/tasks/")
            return URLText.encode(places[isTask && name == "id" ? "task" : name] ?? "1")
        }
        return "/" + segments.joined(separator: "/")
    }

    private static func permissions(_ operation: Web.Operation) -> [Permission] {
        switch operation.access {
        case .anybody, .token: []
        case .permission(let permission): [permission]
        case .anyOf(let permissions): permissions
        }
    }

    @Test("For everything that the pages offer there is an operation")
    func completeness() {
        let offered = Set(APIOperations.all.flatMap(Self.permissions))
        // A person's own secrets are changed by the person, in a browser.
        let personal: Set<Permission> = [.changePassword, .setSecondFactor]
        let missing = Set(Permission.allCases).subtracting(offered).subtracting(personal)
        #expect(missing.isEmpty, "\(missing.map(\.rawValue).sorted())")
        let names = APIOperations.all.map(\.name)
        #expect(Set(names).count == names.count)
    }

    @Test("A token may what its holder's roles allow, for every operation and role", arguments: Role.allCases)
    func roles(role: Role) async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let program = try await served.program("who@b.c", [role], scope: .all)
        let places = try Self.foreign(company)
        for operation in served.site.operations {
            let needed = Self.permissions(operation)
            let isAllowed = needed.isEmpty || needed.contains { $0.isAllowed([role]) }
            // An empty key changes nothing, and is looked at after the permission.
            let reply = try await program.ask(operation.method.rawValue, Self.path(operation, places), nil)
            if isAllowed, operation.method == .get {
                #expect([200, 400, 404, 409].contains(reply.status), "\(role) \(operation.name): \(reply.status)")
            } else if isAllowed {
                #expect(reply.status == 400, "\(role) \(operation.name): \(reply.status)")
            } else {
                #expect(reply.status == 403, "\(role) \(operation.name): \(reply.status)")
                #expect(reply.code == "access.denied")
            }
        }
    }

    @Test("A token may nothing but what it names, whatever its holder may")
    func narrowed() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let program = try await served.program("who@b.c", officeRoles, scopes: [.seeCustomers])
        let places = try Self.foreign(company)
        for operation in served.site.operations {
            let needed = Self.permissions(operation)
            let isAllowed = needed.isEmpty || needed.contains(.seeCustomers)
            let reply = try await program.ask(operation.method.rawValue, Self.path(operation, places), nil)
            #expect(
                isAllowed ? reply.status != 403 : reply.status == 403, "\(operation.name): \(reply.status)")
        }
        // Also in the writer, where a command could be reached by another way.
        var request = company.request(.registerCustomer, by: "who@b.c")
        request.narrowedTo = [.seeCustomers]
        let narrowed = request
        #expect(
            try await refusal {
                _ = try await ChangeCustomer(in: company.store, narrowed).run("C1", ["name": "x"])
            } == .accessDenied)
    }

    @Test("Records outside of the data scope are not there: in no answer, and for no command")
    func foreignScope() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        // Everything but the scope is allowed.
        let program = try await served.program("mine@b.c", officeRoles, scope: .own)
        let office = try await served.program("office@b.c", officeRoles, scope: .all)
        let places = try Self.foreign(company)
        let before = try company.store.read { try $0.row("SELECT last_act FROM head")?.integer(0) }
        for operation in served.site.operations where operation.method == .get && operation.access != .anybody {
            for query in ["", "?kind=customer&subject=C2", "?customer=C2", "?q=I2", "?by=owner&key=theirs@b.c"] {
                let reply = try await program.get(Self.path(operation, places) + query)
                for secret in ["北京银行", "\"I3\"", "\"Payer\"", "Stranger"] {
                    #expect(!reply.text.contains(secret), "\(operation.name)\(query) shows \(secret)")
                }
            }
            guard operation.path.contains("{") else { continue }
            let isAboutRecord = ["{code}", "{number}"].contains { operation.path.contains($0) }
            guard isAboutRecord || ["/receipts/{id}", "/tasks/{id}"].contains(operation.path) else { continue }
            let reply = try await program.get(Self.path(operation, places))
            #expect(reply.status == 404, "\(operation.name): \(reply.status)")
            #expect(try await office.get(Self.path(operation, places)).status == 200, "\(operation.name)")
        }
        let bodies = [
            "changeCustomer": "{\"industry\":\"x\"}",
            "setContact": "{\"name\":\"X\",\"purpose\":\"payment\",\"email\":\"x@y.z\",\"reason\":\"x\"}",
            "reverseInvoice": "{\"reason\":\"x\"}", "changeDueDate": "{\"dueDate\":\"2026-07-01\",\"reason\":\"x\"}",
            "changeTaxStatus": "{\"status\":\"booked\"}",
            "pauseInvoice": "{\"kind\":\"dispute\",\"until\":\"2026-06-20\",\"reason\":\"x\"}",
            "resumeInvoice": "{\"reason\":\"x\"}",
            "allocateReceipt": "{\"parts\":[{\"invoice\":\"I/1 <x>\",\"amount\":\"1\"}]}",
            "unapplyReceipt": "{\"invoice\":\"I2\",\"reason\":\"x\"}", "reverseReceipt": "{\"reason\":\"x\"}",
            "reverseCreditNote": "{\"reason\":\"x\"}", "finishTask": "{\"note\":\"x\"}",
        ]
        for (name, body) in bodies {
            let operation = try #require(served.site.operations.first { $0.name == name })
            let reply = try await program.ask(
                operation.method.rawValue, Self.path(operation, places), body,
                ["Idempotency-Key": name, "If-Match": "\"1\""])
            #expect(reply.status == 404, "\(name): \(reply.status) \(reply.text)")
        }
        let elsewhere = [
            ("/notes", "{\"kind\":\"customer\",\"subject\":\"C2\",\"text\":\"x\"}"),
            ("/tasks/finished", "{\"tasks\":[\"\(places["task"] ?? "")\"]}"),
            ("/credit-notes", "{\"number\":\"N\",\"invoice\":\"I2\",\"date\":\"2026-06-01\",\"amount\":\"1\"}"),
        ]
        for (path, body) in elsewhere {
            let reply = try await program.post(path, body)
            #expect([404, 409].contains(reply.status), "\(path): \(reply.status) \(reply.text)")
            #expect(reply.code.hasSuffix(".unknown"), "\(path): \(reply.code)")
        }
        #expect(try company.store.read { try $0.row("SELECT last_act FROM head")?.integer(0) } == before)
    }

    @Test("Every example runs, and every answer is as the description says")
    func examples() async throws {
        let company = try await SmallCompany.make()
        try await company.take(.creditNotes, "number,invoice,date,amount", "CN1,I3,2026-05-25,1")
        let served = try await Served(company)
        let office = try await served.program("office@b.c", officeRoles)
        let programs = [
            office, try await served.program("audit@b.c", [.auditor]), try await served.program("admin@b.c", [.admin]),
        ]
        try await company.add("colleague@b.c", [.sales])
        let holders = ["office@b.c", "audit@b.c", "admin@b.c"]
        let (store, now, today) = (company.store, company.now, company.today)
        var ran = 0
        for operation in served.site.operations where operation.example.needs == nil {
            let needed = Self.permissions(operation)
            var values: Examples?
            var chosen = office
            for (program, key) in zip(programs, holders) {
                let viewer = try Viewer.of(.person(key: key), on: today, in: store)
                guard needed.isEmpty || needed.contains(where: viewer.may) else { continue }
                chosen = program
                values = try Examples.find(for: viewer, on: today, now: now, in: store)
                break
            }
            let examples = try #require(values, "nobody may \(operation.name)")
            var headers: [String: String] = operation.isCommand ? ["Idempotency-Key": operation.name] : [:]
            if operation.example.file != nil { headers["Content-Type"] = "text/csv" }
            if operation.needsVersion { headers["If-Match"] = "\"\(operation.example.version)\"" }
            // What earlier examples did may be in the way of later ones: the token that is ended is one more.
            var path = examples.path(operation)
            if operation.name == "revokeToken" {
                let made = try await office.get("/tokens")
                let id = made.body.list("items").first { $0.text("name") == "reports" }?.text("id") ?? ""
                path = "/tokens/\(id)"
            }
            let reply = try await chosen.ask(operation.method.rawValue, path, examples.body(operation), headers)
            #expect((200...299).contains(reply.status), "\(operation.name) \(path): \(reply.status) \(reply.text)")
            if reply.status >= 400 { continue }
            ran += 1
            if case .json(let schema) = operation.result, operation.name != "getDescription" {
                let faults = schema.faults(reply.body)
                #expect(faults.isEmpty, "\(operation.name): \(faults.prefix(3)) in \(reply.text.prefix(300))")
            }
            if operation.method == .get {
                let tag = try #require(reply.headers["etag"], "\(operation.name)")
                let same = try await chosen.get(path, ["If-None-Match": tag])
                // A webhook's queue and a person's account change without their version, so they are always told anew.
                let isSame = same.headers["etag"] == tag && !["getWebhook", "getPerson"].contains(operation.name)
                #expect([200, 304].contains(same.status) && (same.status == 304) == isSame, "\(operation.name)")
            }
        }
        #expect(ran > 85)
        #expect(try company.fault() == nil)
    }

    @Test("The lines on the page of examples run in a shell as they stand")
    func shell() async throws {
        let company = try await SmallCompany.make()
        try await company.take(.creditNotes, "number,invoice,date,amount", "CN1,I3,2026-05-25,1")
        let served = try await Served(company)
        let browser = try await served.signIn("office@b.c", .accountant, .financeManager, .collector)
        let token = try await AccountCommands(
            in: company.store, company.request(.makeToken, by: "office@b.c")
        ).makeToken(
            name: "shell",
            scopes: Set(Permission.allCases.filter { $0.isAllowed([.accountant, .financeManager, .collector]) }),
            days: 1)
        let page = try await browser.get("/api")
        let lines = page.text.matches(of: /<pre class="wide-text code" tabindex="0">(curl [^<]*)<\/pre>/).map { match in
            String(match.1).replacing("&quot;", with: "\"").replacing("&#39;", with: "'").replacing("&lt;", with: "<")
                .replacing("&gt;", with: ">").replacing("&amp;", with: "&")
        }
        #expect(lines.count > 60)
        let script = lines.map { "\($0) -o /dev/null -w '%{http_code}\\n'" }.joined(separator: "\n")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", script]
        process.environment = ProcessInfo.processInfo.environment.merging([
            "HUIKUAN": "http://127.0.0.1:\(served.port)", "TOKEN": token?.token ?? "",
        ]) { $1 }
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let statuses = String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
        #expect(statuses.count == lines.count)
        for (line, status) in zip(lines, statuses) {
            let needs = served.site.operations.contains { operation in
                operation.example.needs != nil && line.contains(operation.path.prefix { $0 != "{" })
            }
            // An earlier line may have done what a later one asks for: well formed, but not any more.
            #expect(status.hasPrefix("2") || status == "409" || needs && status == "404", "\(status) \(line)")
        }
        #expect(statuses.filter { $0.hasPrefix("2") }.count > 55, "\(statuses)")
    }

    @Test("The description is OpenAPI 3.1, names every operation once, and what it refers to is there")
    func description() async throws {
        let served = try await Served(try await SmallCompany.make())
        let reply = try await Program(served, "").get("/openapi.json")
        #expect(reply.status == 200 && reply.body.text("openapi") == "3.1.0")
        guard case .record(let paths) = reply.body["paths"],
            case .record(let schemas) = reply.body["components"]["schemas"]
        else {
            Issue.record("no paths")
            return
        }
        var names: [String] = []
        for methods in paths.values {
            guard case .record(let operations) = methods else { continue }
            names += operations.values.compactMap { $0.text("operationId") }
        }
        #expect(names.sorted() == served.site.operations.map(\.name).sorted())
        for match in reply.text.matches(of: /#\/components\/schemas\/([A-Za-z]+)/) {
            #expect(schemas[String(match.1)] != nil, "\(match.1)")
        }
        let chinese = try await Program(served, "").get("/openapi.json", ["Accept-Language": "zh-CN"])
        #expect(chinese.text != reply.text)
        #expect(!reply.text.contains("style"))
    }

    @Test("The same key and request is done once and answered alike, however often and how many at once")
    func idempotency() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let program = try await served.program("a@b.c", officeRoles)
        let body = "{\"code\":\"N1\",\"name\":\"New Ltd\"}"
        let before = try ActFeed.last(in: company.store)
        let replies = try await withThrowingTaskGroup(of: Program.Reply.self) { group in
            for _ in 0..<40 { group.addTask { try await program.post("/customers", body, key: "same") } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(replies.allSatisfy { $0.status == 201 && $0.text == replies[0].text }, "\(replies.map(\.status))")
        #expect(try ActFeed.last(in: company.store) == before + 1)
        // Fields in another order are the same request; another value isn't.
        let turned = try await program.post("/customers", "{\"name\":\"New Ltd\",\"code\":\"N1\"}", key: "same")
        #expect(turned.text == replies[0].text)
        let other = try await program.post("/customers", "{\"code\":\"N2\",\"name\":\"Other Ltd\"}", key: "same")
        #expect(other.status == 409 && other.code == RefusalCode.keyReused.rawValue)
        let elsewhere = try await program.post(
            "/notes", "{\"kind\":\"customer\",\"subject\":\"C1\",\"text\":\"x\"}", key: "same")
        #expect(elsewhere.status == 409)
        // A refused command leaves no key behind.
        let refused =
            "{\"number\":\"X1\",\"customer\":\"N9\",\"issueDate\":\"2026-06-01\",\"dueDate\":\"2026-06-09\",\"amount\":\"1\"}"
        #expect(try await program.post("/invoices", refused, key: "later").status == 409)
        _ = try await program.post("/customers", "{\"code\":\"N9\",\"name\":\"Nine Ltd\"}")
        #expect(try await program.post("/invoices", refused, key: "later").status == 201)
        // Many keys at once: each is done.
        let many = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<60 {
                group.addTask {
                    try await program.post("/customers", "{\"code\":\"M\(number)\",\"name\":\"Many \(number)\"}").status
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(many.allSatisfy { $0 == 201 })
        #expect(try company.fault() == nil)
    }

    @Test("A change names the version that it is about; whoever comes second is told so")
    func versions() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let program = try await served.program("a@b.c", officeRoles)
        let record = try await program.get("/customers/C2")
        let tag = try #require(record.headers["etag"])
        #expect(tag == "\"1\"" && record.body.whole("version") == 1)
        func change(_ body: String, _ tag: String?) async throws -> Program.Reply {
            var headers = ["Idempotency-Key": UUID().uuidString]
            if let tag { headers["If-Match"] = tag }
            return try await program.ask("PATCH", "/customers/C2", body, headers)
        }
        let without = try await change("{\"industry\":\"banks\"}", nil)
        #expect(without.status == 400 && without.code == RefusalCode.requestNoVersion.rawValue)
        #expect(try await change("{\"industry\":\"banks\",\"termsDays\":45}", tag).status == 200)
        let late = try await change("{\"industry\":\"other\"}", tag)
        #expect(late.status == 409 && late.code == RefusalCode.customerChanged.rawValue)
        let next = try await program.get("/customers/C2")
        #expect(next.body.text("industry") == "banks" && next.body.whole("termsDays") == 45)
        #expect(try await change("{\"industry\":null}", next.headers["etag"]).status == 200)
        #expect(try await program.get("/customers/C2").body["industry"] == .null)
        let wrong = try await change("{\"group\":\"C9\"}", "\"3\"")
        #expect(wrong.status == 409 && wrong.body.text("field") == "/group")
        #expect(try await program.get("/customers/C2", ["If-None-Match": "\"3\""]).status == 304)
        let policy = try await program.get("/settings/policy")
        let text = JSONValue.object(["text": .string(policy.body.text("text") ?? ""), "reason": .string("x")]).text
        let headers = ["Idempotency-Key": "p", "If-Match": "\"7\""]
        let stale = try await program.ask("PUT", "/settings/policy", text, headers)
        #expect(stale.status == 409 && stale.code == RefusalCode.policyChanged.rawValue)
    }

    @Test("A person's roles, scope and manager are changed as they were seen, by programs and on pages")
    func versionsOfPeople() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let admin = try await served.program("admin@b.c", [.admin])
        try await company.add("x@b.c", [.sales])
        func set(_ what: String, _ body: String, _ tag: String?) async throws -> Program.Reply {
            var headers = ["Idempotency-Key": UUID().uuidString]
            if let tag { headers["If-Match"] = tag }
            return try await admin.ask("PUT", "/people/x@b.c/\(what)", body, headers)
        }
        let bodies = [
            ("roles", "{\"roles\":[\"sales\",\"collector\"]}"), ("scope", "{\"scope\":\"all\"}"),
            ("manager", "{\"manager\":\"admin@b.c\"}"),
        ]
        for (what, body) in bodies {
            let before = try #require(try await admin.get("/people/x@b.c").headers["etag"])
            let stale = try await set(what, body, "\"1\"")
            #expect(stale.status == 409 && stale.code == RefusalCode.personChanged.rawValue, "\(what)")
            #expect(try await set(what, body, "nonsense").code == RefusalCode.requestNoVersion.rawValue)
            #expect(try await admin.get("/people/x@b.c").headers["etag"] == before)
            #expect(try await set(what, body, before).status == 200)
            let after = try await admin.get("/people/x@b.c")
            #expect(after.headers["etag"] != before && after.body.whole("version") ?? 0 > 1, "\(what)")
            // Who doesn't name what they saw changes what is there.
            #expect(try await set(what, body, nil).status == 200)
        }
        #expect(try await admin.get("/people/nobody@b.c").status == 404)
        let nobody = try await admin.ask(
            "PUT", "/people/nobody@b.c/scope", "{\"scope\":\"all\"}", ["Idempotency-Key": "n"])
        #expect(nobody.status == 404 && nobody.code == RefusalCode.actorUnknown.rawValue)
        #expect(try await set("manager", "{\"manager\":\"nobody@b.c\"}", nil).status == 409)
        let browser = try await served.signIn("admin2@b.c", .admin)
        let form = try await browser.get("/people/change?person=x@b.c").text
        let version = try #require(form.firstMatch(of: /name="version" value="([0-9]+)"/)?.1)
        _ = try await set("scope", "{\"scope\":\"own\"}", nil)
        let late = try await browser.post(
            "/people/roles", ["person": "x@b.c", "version": String(version), "role": "sales", "key": "k1"])
        #expect(late.status == 422 && late.text.contains("Somebody else changed the roles, data scope or manager"))
        // All of a form or nothing of it: roles that don't go together leave the manager and the scope as they were.
        let now = try await admin.get("/people/x@b.c").body
        let refused = try await browser.post(
            "/people/roles",
            [
                "person": "x@b.c", "version": "\(now.whole("version") ?? 0)", "role": "sales", "role": "auditor",
                "manager": "", "scope": "all", "key": "k2",
            ])
        #expect(refused.status == 422)
        let after = try await admin.get("/people/x@b.c").body
        #expect(after.text("manager") == "admin@b.c" && after.text("scope") == "own")
        #expect(after.whole("version") == now.whole("version"))
    }

    @Test("What can't be understood is told by its place, what is wrong and what to do, in the caller's language")
    func problems() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let program = try await served.program("a@b.c", officeRoles)
        func expect(
            _ reply: Program.Reply, _ status: Int, _ code: RefusalCode, field: String? = nil,
            _ place: SourceLocation = #_sourceLocation
        ) {
            #expect(reply.status == status && reply.code == code.rawValue, "\(reply.text)", sourceLocation: place)
            #expect(reply.headers["content-type"] == "application/problem+json", sourceLocation: place)
            #expect(!(reply.body.text("cure") ?? "").isEmpty, sourceLocation: place)
            if let field { #expect(reply.body.text("field") == field, "\(reply.text)", sourceLocation: place) }
            #expect(Problem.schema.faults(reply.body).isEmpty, "\(reply.text)", sourceLocation: place)
        }
        expect(try await program.get("/nowhere"), 404, .requestPath)
        let method = try await program.ask("DELETE", "/customers", nil, ["Idempotency-Key": "k"])
        expect(method, 405, .requestMethod)
        #expect(method.headers["allow"] == "GET, POST")
        expect(try await program.get("/customers?limit=0"), 400, .requestWrong, field: "limit")
        expect(try await program.get("/customers?limt=5"), 400, .requestUnknown, field: "limt")
        expect(try await program.get("/search"), 400, .requestMissing, field: "q")
        expect(try await program.get("/customers?cursor=abc"), 409, .requestCursor)
        expect(try await program.get("/items?state=odd"), 400, .requestWrong, field: "state")
        expect(try await program.get("/receipts/0"), 400, .requestWrong, field: "id")
        expect(try await program.ask("POST", "/customers", "{}"), 400, .requestNoKey, field: "Idempotency-Key")
        expect(try await program.post("/customers", "{"), 400, .requestUnreadable)
        expect(try await program.post("/customers", "[]"), 400, .requestWrong, field: "/")
        expect(try await program.post("/customers", "{\"code\":\"X\"}"), 400, .requestMissing, field: "/name")
        expect(
            try await program.post("/customers", "{\"code\":\"X\",\"name\":\"a\\u0000b\"}"), 400, .requestWrong,
            field: "/name")
        expect(
            try await program.post("/customers", "{\"code\":\"X\",\"name\":\"N\",\"colour\":1}"), 400, .requestUnknown,
            field: "/colour")
        expect(
            try await program.post("/customers", "x", ["Content-Type": "text/plain"]), 415, .requestMedia)
        expect(
            try await program.post(
                "/invoices",
                "{\"number\":\"X\",\"customer\":\"C1\",\"issueDate\":\"2026-06-01\",\"dueDate\":\"2026-06-09\",\"amount\":12.5}"
            ),
            400, .requestWrong, field: "/amount")
        expect(
            try await program.post(
                "/receipts/\(try Self.foreign(company)["id"] ?? "")/allocations",
                "{\"parts\":[{\"invoice\":\"I2\",\"amount\":\"1\"},{\"invoice\":\"I9\",\"amount\":\"1\"}]}"), 409,
            .invoiceUnknown, field: "/parts/1")
        let large = "{\"text\":\"\(String(repeating: "x", count: 17 << 20))\"}"
        expect(try await program.post("/notes", large), 413, .requestTooLarge)
        let chinese = try await program.get("/customers?limit=0", ["Accept-Language": "zh-CN"])
        #expect(chinese.text.contains("请填写") && chinese.headers["content-language"] == "zh-Hans")
        #expect(RefusalCode.requestFailed.rawValue == "request.failed")
    }

    @Test("Every refusal says first what is wrong and then what to do, in both languages")
    func cures() throws {
        for language in Catalogue.Language.allCases {
            let catalogue = try Catalogue(language)
            for code in RefusalCode.allCases {
                let (said, cure) = catalogue.parts(Refusal(code))
                #expect(!said.isEmpty && !cure.isEmpty && said != cure, "\(language) \(code.rawValue): \(said)")
                #expect(said + (language == .english ? " " : "") + cure == catalogue.message(Refusal(code)))
            }
        }
    }

    @Test("Who asks too often waits; who tries tokens is noted, and waits after many")
    func limits() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company, requestsPerSecond: 1)
        let program = try await served.program("a@b.c", [.accountant])
        let replies = try await withThrowingTaskGroup(of: Program.Reply.self) { group in
            for _ in 0..<60 { group.addTask { try await program.get("/me") } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(replies.contains { $0.status == 200 })
        let late = try #require(replies.first { $0.status == 429 })
        #expect(late.code == RefusalCode.requestTooMany.rawValue && late.headers["retry-after"] == "1")
        // A browser's session is no token: what it may do, another page could make it do.
        let browser = try await served.signIn("b@b.c", .accountant)
        #expect(try await browser.get("/api/v1/me").status == 401)
        let guesser = Program(served, "hk_guess")
        let wrong = try await guesser.get("/me")
        #expect(wrong.status == 401 && wrong.code == RefusalCode.tokenInvalid.rawValue)
        #expect(wrong.headers["www-authenticate"] == "Bearer error=\"invalid_token\"")
        let none = try await Program(served, "").get("/me")
        #expect(none.status == 401 && none.code == RefusalCode.tokenMissing.rawValue)
        let noted = try AccountQueries.securityEvents(limit: 50, in: company.store)
        #expect(noted.contains { $0.kind == "token-refused" })
    }

    @Test("A share of requests fills again with time, and never beyond its burst")
    func shares() {
        let limits = RateLimits(perSecond: 2, burst: 4)
        let start = ContinuousClock.now
        func take(_ subject: String, after milliseconds: Int) -> Int? {
            limits.take(subject, now: start + .milliseconds(milliseconds)).wait
        }
        for _ in 0..<4 { #expect(take("a", after: 0) == nil) }
        #expect(take("a", after: 0) == 1 && take("b", after: 0) == nil)
        #expect(take("a", after: 400) == 1 && take("a", after: 500) == nil && take("a", after: 500) == 1)
        for _ in 0..<4 { #expect(take("a", after: 90_000) == nil) }
        #expect(take("a", after: 90_000) == 1)
        let none = RateLimits(perSecond: 0, burst: 0)
        for _ in 0..<100 { #expect(none.take("a").wait == nil) }
    }

    @Test("Every operation is described in Chinese too, and nothing else is")
    func chinese() throws {
        let catalogue = try Catalogue(.chinese)
        let described = catalogue.keys.filter { $0.hasPrefix("api.") }.map { String($0.dropFirst(4)) }
        #expect(Set(described) == Set(APIOperations.all.map(\.name)))
    }

    @Test(
        "Tokens end with their time, when they are revoked, and with their holder's account; a holder's roles are asked anew"
    )
    func tokens() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let program = try await served.program("a@b.c", officeRoles, days: 2)
        let made = try await program.post(
            "/tokens", "{\"name\":\"t\",\"scopes\":[\"see-customers\"],\"days\":1}", key: "t")
        let token = try #require(made.body.text("token"))
        let again = try await program.post(
            "/tokens", "{\"name\":\"t\",\"scopes\":[\"see-customers\"],\"days\":1}", key: "t")
        #expect(again.status == 201 && again.body["token"] == .null)
        #expect(try await program.post("/tokens", "{\"name\":\"t\",\"scopes\":[\"set-scope\"]}").code == "token.scope")
        let small = Program(served, token)
        #expect(try await small.get("/me").body.texts("permissions") == ["see-customers"])
        #expect(try company.store.read { try $0.rows("SELECT 1 FROM access_token WHERE name = \("t")").count } == 1)
        let listed = try await program.get("/tokens")
        let id = listed.body.list("items").first { $0.text("name") == "t" }?.text("id") ?? ""
        let own = listed.body.list("items").first { $0.text("name") == "test" }?.text("id") ?? ""
        let self_ = try await program.ask("DELETE", "/tokens/\(own)", nil, ["Idempotency-Key": "o"])
        #expect(self_.status == 409 && self_.code == RefusalCode.tokenOwn.rawValue)
        #expect(try await program.ask("DELETE", "/tokens/\(id)", nil, ["Idempotency-Key": "d"]).status == 200)
        #expect(try await small.get("/me").status == 401)
        // A role that is taken away is gone with the next request.
        #expect(try await program.get("/ledger/balances").status == 200)
        _ = try await AccountCommands(in: company.store, company.request("propose-roles")).setRoles(
            [.sales], of: "a@b.c")
        #expect(try await program.get("/ledger/balances").status == 403)
        _ = try await AccountCommands(in: company.store, company.request("disable-account")).setActive(
            false, person: "a@b.c")
        #expect(try await program.get("/me").status == 401)
        _ = try await AccountCommands(in: company.store, company.request("disable-account")).setActive(
            true, person: "a@b.c")
        let later = try await served.program("a@b.c", [.sales], days: 1)
        #expect(try await later.get("/me").status == 200)
        company.setClock("2026-06-02T04:00:01Z")
        #expect(try await later.get("/me").status == 401)
    }

    @Test("A service account's roles and token wait for management, and nobody signs in with one")
    func serviceAccounts() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let boss = try await served.program("boss@b.c", [.management])
        let admin = try await served.program("admin@b.c", [.admin])
        let body = "{\"name\":\"erp\",\"roles\":[\"accountant\"],\"scope\":\"all\"}"
        #expect(try await admin.post("/service-accounts", body).status == 201)
        let twice = try await admin.post("/service-accounts", body)
        #expect(twice.status == 409 && twice.code == RefusalCode.serviceName.rawValue)
        let token = "{\"name\":\"nightly\",\"scopes\":[\"see-invoices\"]}"
        #expect(
            try await admin.post("/service-accounts/none/tokens", token).code == RefusalCode.serviceUnknown.rawValue)
        // Its roles were not agreed to yet.
        #expect(try await admin.post("/service-accounts/erp/tokens", token).code == "token.scope")
        func approve() async throws {
            let waiting = try await boss.get("/approvals?waiting=true")
            for row in waiting.body.list("items") {
                let reply = try await boss.post(
                    "/approvals/\(row.text("id") ?? "")/decision", "{\"answer\":\"approved\"}")
                #expect(reply.status == 200, "\(reply.text)")
            }
        }
        try await approve()
        let made = try await admin.post("/service-accounts/erp/tokens", token)
        #expect(made.status == 201 && made.body.flag("waits") == true)
        let erp = Program(served, made.body.text("token") ?? "")
        #expect(try await erp.get("/items").status == 401)
        let listed = try await admin.get("/service-accounts")
        let waiting = listed.body.list("items").first?.list("tokens").first
        #expect(waiting?.flag("waits") == true)
        try await approve()
        #expect(try await erp.get("/items").status == 200)
        #expect(try await erp.get("/receipts").status == 403)
        #expect(try await erp.get("/me").body.text("person") == "service:erp")
        let id = waiting?.text("id") ?? ""
        let foreign = try await admin.ask(
            "DELETE", "/service-accounts/other/tokens/\(id)", nil, ["Idempotency-Key": "f"])
        #expect(foreign.status == 404)
        #expect(
            try await admin.ask("DELETE", "/service-accounts/erp/tokens/\(id)", nil, ["Idempotency-Key": "d"]).status
                == 200)
        #expect(try await erp.get("/items").status == 401)
        #expect(
            try await refusal {
                _ = try await AccountCommands(in: company.store, company.request("invite")).invite(
                    "service:erp", name: "", roles: [])
            } == .personNotAnEmail)
    }

    @Test("Whoever follows the journal gets every act once, in its order, while others write")
    func feed() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let program = try await served.program("a@b.c", officeRoles)
        let writing = Task {
            for number in 0..<30 {
                _ = try await program.post("/customers", "{\"code\":\"F\(number)\",\"name\":\"F \(number)\"}")
            }
        }
        var seen: [String] = []
        var after: Int64 = 0
        var hash = ""
        while seen.filter({ $0 == "register-customer" }).count < 30 {
            let page = try await program.get("/acts?after=\(after)&limit=7&wait=2")
            #expect(page.status == 200)
            for row in page.body.list("items") {
                #expect(row.text("act") == "\(after + 1)", "a gap after \(after)")
                if !hash.isEmpty { #expect(row.text("previousHash") == hash) }
                hash = row.text("hash") ?? ""
                after += 1
                seen.append(row.text("command") ?? "")
            }
        }
        try await writing.value
        #expect(after == (try ActFeed.last(in: company.store)))
        // The facts of an act, page by page.
        let acts = try await program.get("/acts?limit=1000")
        let invoices = try #require(acts.body.list("items").first { $0.text("command") == "import-invoices" })
        var facts: [String] = []
        var cursor = ""
        repeat {
            let page = try await program.get("/acts/\(invoices.text("act") ?? "")/facts?limit=2\(cursor)")
            facts += page.body.list("items").compactMap { $0.text("fact") }
            cursor = page.body.text("next").map { "&cursor=\($0)" } ?? ""
        } while !cursor.isEmpty
        #expect(Int64(facts.count) == invoices.whole("facts") && Set(facts).count == facts.count)
        let sales = try await served.program("mine@b.c", [.financeManager], scope: .own)
        #expect(try await sales.get("/acts").code == RefusalCode.accessScope.rawValue)
    }

    @Test("Lists are read to their end by cursors, whatever the page's size")
    func paging() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let program = try await served.program("a@b.c", officeRoles)
        let admin = try await served.program("admin@b.c", [.admin])
        for name in ["erp", "crm", "bi"] {
            let body = "{\"name\":\"\(name)\",\"roles\":[\"accountant\"],\"scope\":\"all\"}"
            #expect(try await admin.post("/service-accounts", body).status == 201)
            #expect(try await Program(served, "hk_guess").get("/me").status == 401)
        }
        for path in [
            "/customers?", "/items?state=all&", "/receipts?", "/tasks?", "/reports/customers?", "/reminders?",
            "/customers/C2/timeline?", "/ledger/accounts/receivable/entries?", "/approvals?", "/security-events?",
        ] {
            let program = path.hasPrefix("/approvals") || path.hasPrefix("/security") ? admin : program
            let whole = try await program.get("\(path)limit=100")
            #expect(whole.status == 200, "\(whole.text)")
            var rows: [JSONInput] = []
            var cursor = ""
            for _ in 0..<100 {
                let page = try await program.get("\(path)limit=1\(cursor)")
                rows += page.body.list("items")
                guard let next = page.body.text("next") else { break }
                cursor = "&cursor=\(next)"
            }
            #expect(rows == whole.body.list("items") && !rows.isEmpty, "\(path)")
            if program === admin { #expect(rows.count >= 3, "\(path)") }
        }
        let foreign = try await program.get("/customers?limit=1")
        let cursor = foreign.body.text("next") ?? ""
        #expect(try await program.get("/items?cursor=\(cursor)").code == RefusalCode.requestCursor.rawValue)
    }

    @Test("A file is imported while the program asks how far it is; the same key is one import")
    func imports() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let program = try await served.program("a@b.c", officeRoles)
        func bring(_ kind: String, _ lines: String, key: String, _ more: String = "") async throws -> Program.Reply {
            try await program.post("/imports?kind=\(kind)\(more)", lines, key: key, ["Content-Type": "text/csv"])
        }
        func ended(_ reply: Program.Reply) async throws -> Program.Reply {
            let place = try #require(reply.headers["location"])
            #expect(reply.status == 202)
            for _ in 0..<200 {
                let state = try await program.get(String(place.dropFirst("/api/v1".count)))
                if state.body.text("state") != "running" { return state }
                try await Task.sleep(for: .milliseconds(20))
            }
            return reply
        }
        let file = "code,name\nB1,One\nB2,Two\n"
        let rehearsed = try await ended(try await bring("customers", file, key: "r", "&dryRun=true"))
        #expect(rehearsed.body.text("state") == "done" && rehearsed.body.whole("created") == 2)
        #expect(try await program.get("/customers/B1").status == 404)
        let started = try await bring("customers", file, key: "k")
        let done = try await ended(started)
        #expect(done.body.text("state") == "done" && done.body.whole("progress") == 100 && done.body.text("act") != nil)
        let again = try await bring("customers", file, key: "k")
        #expect(again.headers["location"] == started.headers["location"])
        let same = try await ended(try await bring("customers", file, key: "k2"))
        #expect(same.body.whole("created") == 0 && same.body.whole("unchanged") == 2)
        let wrong = try await ended(try await bring("customers", "code,name\nB3,\nB4,Four\n", key: "w"))
        #expect(wrong.body.text("state") == "rejected" && wrong.body.whole("created") == 0)
        #expect(wrong.body.list("errors").first?.text("code") == "value.missing")
        #expect(try await program.get("/customers/B4").status == 404)
        #expect(try await program.get("/imports/none").code == RefusalCode.importUnknown.rawValue)
        #expect(try await bring("customers", file, key: "m", "&mapping=none").code == "mapping.not-found")
        let cashier = try await served.program("c@b.c", [.cashier])
        let foreign = try await cashier.post("/imports?kind=invoices", "x", ["Content-Type": "text/csv"])
        #expect(foreign.status == 403)
        let place = String(try #require(started.headers["location"]).dropFirst("/api/v1".count))
        #expect(try await cashier.get(place).status == 404)
        #expect(try company.fault() == nil)
    }

    @Test(
        "A program gets an account and a token on the pages; it works once management has agreed, until it is revoked")
    func servicePages() async throws {
        let company = try await TestCompany(now: "2026-06-01T04:00:00Z")
        try await company.take(.customers, "code,name", "C1,One")
        let served = try await Served(company)
        let admin = try await served.signIn("admin@b.c", .admin)
        let boss = try await served.signIn("boss@b.c", .management)
        let taken = try await admin.post(
            "/people/services", ["name": "erp", "role": "accountant", "scope": "", "key": "s1"])
        #expect(taken.status == 303)
        let bad = try await admin.post("/people/services", ["name": "E R P", "role": "accountant", "key": "s2"])
        #expect(bad.status == 422)
        func approve() async throws {
            let id = try company.store.read { try $0.row("SELECT max(id) FROM approval")?.integer(0) ?? 0 }
            #expect(
                try await boss.post("/approvals/\(id)", ["answer": "1", "key": "a\(id)"]).status
                    == 303)
        }
        try await approve()
        let form = try await admin.get("/people/services/erp/token").text
        #expect(form.contains("value=\"see-customers\"") && !form.contains("value=\"set-policy\""))
        let none = try await admin.post("/people/services/erp/token", ["label": "x", "days": "30", "key": "t0"])
        #expect(none.status == 422)
        let made = try await admin.post(
            "/people/services/erp/token", ["label": "nightly", "days": "30", "scope": "see-customers", "key": "t1"])
        let shown = try #require(made.text.firstMatch(of: /hk_[A-Za-z0-9_-]{43}/)?.0)
        let program = Program(served, String(shown))
        #expect(try await program.get("/customers").status == 401)
        #expect(try await !admin.get("/people/services").text.contains(shown))
        try await approve()
        #expect(try await program.get("/customers").status == 200)
        #expect(try await program.get("/invoices/I1").status == 403)
        let page = try await admin.get("/people/services").text
        let end = try #require(page.firstMatch(of: /\/people\/services\/erp\/tokens\/[0-9]+\/revoke/)?.0)
        #expect(try await boss.post(String(end), ["key": "r0"]).status == 403)
        #expect(try await admin.post(String(end), ["key": "r1"]).status == 303)
        #expect(try await program.get("/customers").status == 401)
    }

    @Test("A key of an import means one file; what was refused leaves its key to the next")
    func importKeys() async throws {
        let company = try await TestCompany(now: "2026-06-01T04:00:00Z")
        let served = try await Served(company)
        let office = try await served.program("a@b.c", [.accountant])
        func send(_ text: String, _ key: String, _ query: String = "") async throws -> Program.Reply {
            try await office.post(
                "/imports?kind=customers\(query)", text, key: key, ["Content-Type": "text/csv"])
        }
        func ended(_ started: Program.Reply) async throws -> String {
            let place = String(try #require(started.headers["location"]).dropFirst("/api/v1".count))
            for _ in 0..<600 {
                let state = try await office.get(place).body.text("state") ?? ""
                if ["done", "rejected", "failed"].contains(state) { return state }
                try await Task.sleep(for: .milliseconds(50))
            }
            return "no end"
        }
        let first = try await send("code,name\nA1,One\n", "k1")
        #expect(try await ended(first) == "done")
        let again = try await send("code,name\nA1,One\n", "k1")
        #expect(again.status == 202 && again.headers["location"] == first.headers["location"])
        #expect(try await send("code,name\nA2,Two\n", "k1").code == "key.reused")
        #expect(try await send("code,name\nA1,One\n", "k1", "&update=true").code == "key.reused")
        // Two at once are one.
        async let left = send("code,name\nA3,Three\n", "k2")
        async let right = send("code,name\nA3,Three\n", "k2")
        let both = try await [left, right]
        #expect(both[0].headers["location"] == both[1].headers["location"])
        #expect(try await ended(both[0]) == "done")
        let bad = try await send("code,name\n,Nobody\n", "k3")
        #expect(try await ended(bad) == "rejected")
        #expect(try await ended(try await send("code,name\nA4,Four\n", "k3")) == "done")
        #expect(try company.store.read { try $0.row("SELECT count(*) FROM customer")?.integer(0) } == 3)
    }

    @Test("What was done is told again to nobody who may no longer ask for it")
    func replayOfLostRight() async throws {
        let company = try await TestCompany(now: "2026-06-01T04:00:00Z")
        let served = try await Served(company)
        let program = try await served.program("a@b.c", [.accountant])
        let body = "{\"code\": \"N1\", \"name\": \"New\"}"
        #expect(try await program.post("/customers", body, key: "once").status == 201)
        #expect(try await program.post("/customers", body, key: "once").status == 201)
        _ = try await WorkCommands(in: company.store, company.request("set-person")).setPerson(
            "a@b.c", manager: nil, roles: [.cashier], without: [.accountant])
        #expect(try await program.post("/customers", body, key: "once").status == 403)
    }

    private static func acts(_ company: TestCompany) throws -> Int64 {
        try company.store.read { try $0.row("SELECT max(seq) FROM act")?.integer(0) ?? 0 }
    }

    @Test(
        "What a server believes of a token is proven before anything is done or said, whoever changed it meanwhile",
        arguments: ["role", "token", "account", "scope"])
    func beliefs(_ change: String) async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let other = try await served.program("boss@b.c", officeRoles)
        let program = try await served.program("a@b.c", [.accountant], scope: .all)
        let second = try await served.program("a@b.c", [.accountant])
        func rename(_ name: String, _ key: String? = nil) async throws -> Program.Reply {
            let version = try #require(try await other.get("/customers/C2").headers["etag"])
            return try await program.ask(
                "PATCH", "/customers/C2", "{\"name\": \"\(name)\"}",
                ["Idempotency-Key": key ?? name, "If-Match": version])
        }
        // From here on the server believes that the token may.
        let first = try await rename("First", "k")
        #expect(first.status == 200, "\(first.text)")
        #expect(try await second.get("/me").status == 200)
        let acts = try Self.acts(company)
        // Another server of the same store, of which this one hears nothing.
        let elsewhere = try company.reopen()
        let token = try company.store.read {
            // The first of a@b.c's two; the office's is before both.
            try $0.rows("SELECT id FROM access_token WHERE name = 'test' ORDER BY id")[1].integer(0)
        }
        func request(_ command: String) -> ActRequest { company.request(command) }
        switch change {
        case "role":
            _ = try await WorkCommands(in: elsewhere, request("set-person")).setPerson(
                "a@b.c", manager: nil, roles: [.cashier], without: [.accountant])
        case "token":
            _ = try await AccountCommands(in: elsewhere, company.request(.makeToken, by: "a@b.c")).revokeToken(token)
        case "account":
            _ = try await AccountCommands(in: elsewhere, request("disable-account")).setActive(false, person: "a@b.c")
        default: _ = try await AccountCommands(in: elsewhere, request("set-scope")).setScope(.own, of: "a@b.c")
        }
        let changed = try Self.acts(company)
        #expect(changed == acts + 1)
        let status = ["role": 403, "scope": 404][change] ?? 401
        let reply = try await rename("Second")
        #expect(reply.status == status, "\(reply.text)")
        // What can't be understood is told to nobody whose token doesn't work either.
        let unreadable = try await second.post("/customers", "{", key: "u")
        // Only the other one of the two tokens was ended.
        let toBeTold = ["role": 403, "account": 401][change] ?? 400
        #expect(unreadable.status == toBeTold, "\(unreadable.text)")
        // Nor anything of a key, but to whoever may still ask for such acts: it was used for another version.
        #expect(try await rename("First", "k").status == (status == 404 ? 409 : status))
        #expect(try Self.acts(company) == changed)
        #expect(try await other.get("/customers/C2").body.text("name") == "First")
        try elsewhere.close()
    }

    @Test("A token that another server ended does nothing more by any operation")
    func ended() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let token = try await served.program("a@b.c", officeRoles)
        let elsewhere = try company.reopen()
        var walked = 0
        for operation in APIOperations.all where operation.isCommand && operation.access != .anybody {
            let program = try await served.program("a@b.c", officeRoles)
            // Known and believed from here on.
            #expect(try await program.get("/me").status == 200)
            let id = try company.store.read {
                try $0.row("SELECT max(id) FROM access_token WHERE name = 'test'")?.integer(0) ?? 0
            }
            _ = try await AccountCommands(in: elsewhere, company.request(.makeToken, by: "a@b.c")).revokeToken(id)
            let acts = try Self.acts(company)
            var headers = ["Idempotency-Key": "e\(walked)"]
            if operation.needsVersion { headers["If-Match"] = "\"\(operation.example.version)\"" }
            let reply = try await program.ask(
                operation.method.rawValue, Self.path(operation, try Self.foreign(company)),
                operation.example.body?.text,
                headers)
            #expect(reply.status == 401, "\(operation.name): \(reply.status)")
            #expect(try Self.acts(company) == acts, "\(operation.name)")
            walked += 1
        }
        #expect(walked > 45)
        #expect(try await token.get("/me").status == 200)
        try elsewhere.close()
    }

    @Test("Who was given a right elsewhere may at once, and whoever was believed less is asked for again")
    func beliefsGrow() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let all: Set<Permission> = [.registerCustomer, .registerInvoice, .seeCustomers]
        let program = try await served.program("a@b.c", [.accountant], scopes: all)
        _ = try await WorkCommands(in: company.store, company.request("set-person")).setPerson(
            "a@b.c", manager: nil, roles: [.sales], without: [.accountant])
        #expect(try await program.post("/customers", "{\"code\": \"N1\", \"name\": \"New\"}").status == 201)
        let invoice =
            "{\"number\": \"N-1\", \"customer\": \"C2\", \"issueDate\": \"2026-05-01\", \"termsDays\": 30, \"amount\": \"5\"}"
        #expect(try await program.post("/invoices", invoice).status == 403)
        let elsewhere = try company.reopen()
        _ = try await WorkCommands(in: elsewhere, company.request("set-person")).setPerson(
            "a@b.c", manager: nil, roles: [.accountant], without: [.sales])
        let reply = try await program.post("/invoices", invoice)
        #expect(reply.status == 201, "\(reply.text)")
        try elsewhere.close()
    }
}
