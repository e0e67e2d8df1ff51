import Database
import Foundation
import Ledger
import Receivables
import TestSupport
import Testing

@testable import Operations
@testable import Web

/// A small company with something of everything on its pages.
enum SmallCompany {
    static func make() async throws -> TestCompany {
        let company = try await TestCompany(now: "2026-06-01T04:00:00Z")
        try await company.take(
            .customers, "code,name,sales_owner,collector", "C1,=HYPERLINK(1) <b>&\"Ltd\"',mine@b.c,coll@b.c",
            "C2,北京银行科技有限公司,theirs@b.c,coll@b.c", "C3,Third,theirs@b.c,")
        try await company.take(.contacts, "customer,name,purpose,email", "C1,Ms Zhao,payment,zhao@c.example")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount,contract",
            "I/1 <x>,C1,2026-04-01,2026-04-20,100,K-1",
            "I2,C2,2026-05-01,2026-05-31,200,", "I3,C2,2026-05-20,2026-06-30,300.50,")
        try await company.take(
            .receipts, "reference,date,amount,customer,payer,remittance",
            "R1,2026-05-28,150,C2,Payer,for I2 and others",
            "R2,2026-05-29,10,,Stranger,=1+1")
        try await company.run(day: "2026-06-01")
        _ = try await Webhooks(in: company.store, company.request("set-webhook")).add(
            "erp", .init(url: "https://erp.example/secret-part", events: [.invoiceRegistered]))
        _ = try await Webhooks(in: company.store, company.request("set-webhook")).test("erp")
        _ = try await ServiceAccounts(in: company.store, company.request("add-service-account")).add(
            "gateway", roles: [.accountant], scope: nil)
        _ = try await ServiceAccounts(in: company.store, company.request("make-service-token")).makeToken(
            of: "gateway", called: "nightly", scopes: [.seeInvoices], days: 30)
        return company
    }
}

@Suite struct PageTests {
    /// A path of a route with places filled in so that the record is there.
    private static func path(_ route: Route, _ company: TestCompany) throws -> String {
        let ids = try company.store.read { session in
            (
                try session.row("SELECT id FROM credit WHERE reference = 'R1'")?.integer(0) ?? 0,
                try session.row("SELECT min(id) FROM task")?.integer(0) ?? 0
            )
        }
        return route.path.replacing("{code}", with: "C2").replacing("{fact}", with: "\(ids.0)")
            .replacing("/aging/items", with: "/aging/items?by=customer&key=C2&bucket=0")
            .replacing("/people/change", with: "/people/change?person=who@b.c").replacing(
                "{account}", with: "receivable"
            ).replacing("{kind}", with: "invoices").replacing("{webhook}", with: "erp").replacing(
                "{name}", with: "gateway"
            )
            .replacing("/invoices/{number}", with: "/invoices/I2").replacing("/acts/{number}", with: "/acts/2")
            .replacing("/tasks/{id}", with: "/tasks/\(ids.1)").replacing("{id}", with: "1")
    }

    @Test(
        "Every page answers every role as the matrix says, in both languages, without a word that has no text",
        arguments: Role.allCases)
    func pagesOfRoles(role: Role) async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company, isDevelopment: true)
        let browser = try await served.signIn("who@b.c", role, scope: .all)
        for language in ["en", "zh-Hans"] {
            _ = try await browser.post("/preferences", ["language": language])
            for route in served.site.routes where route.method == .get && route.access != .anybody {
                guard !route.path.hasPrefix("/imports/{id}"), !["/views", "/attachments/{id}"].contains(route.path)
                else { continue }
                let path = try Self.path(route, company)
                let page = try await browser.get(path)
                var isAllowed = true
                if case .permission(let permission) = route.access { isAllowed = permission.isAllowed([role]) }
                #expect(page.status == (isAllowed ? 200 : 403), "\(role) \(path): \(page.status)")
                let isHTML = page.headers["content-type"]?.hasPrefix("text/html") ?? false
                guard isHTML else { continue }
                // What completes a field or counts is no page of its own.
                #expect(
                    page.text.contains("<html lang=\"\(language)\"")
                        || ["/customers/options", "/approvals/count"].contains(route.path), "\(path)")
                #expect(!page.text.contains("web."), "\(path) shows a text's key")
                #expect(
                    page.text.firstMatch(of: /\{[a-z]+\}/) == nil || ["/templates", "/api"].contains(route.path),
                    "\(path) shows \(page.text.firstMatch(of: /.{30}\{[a-z]+\}/)?.0 ?? "")")
                #expect(!page.text.contains(" style="), "\(path) has an inline style")
                for markup in ["&lt;a href", "&lt;span", "&lt;p ", "&lt;td"] {
                    #expect(!page.text.contains(markup), "\(path) shows markup: \(markup)")
                }
                let ids = page.text.matches(of: /\ id="([^"]+)"/).map { String($0.1) }
                let twice = Dictionary(grouping: ids) { $0 }.filter { $0.value.count > 1 }.keys.sorted()
                #expect(twice.isEmpty, "\(path) has ids twice: \(twice)")
                #expect(!page.text.contains("<b>&\""), "\(path) doesn't escape")
                #expect(page.bytes.count < 100_000, "\(path) has \(page.bytes.count) bytes")
                let csp = page.headers["content-security-policy"] ?? ""
                #expect(csp.contains("script-src 'self'") && !csp.contains("unsafe"), "\(path)")
                #expect(page.headers["cache-control"] == "no-store", "\(path)")
            }
        }
    }

    @Test("Every form that a role may not send is refused before anything is read", arguments: Role.allCases)
    func formsOfRoles(role: Role) async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("who@b.c", role, scope: .all)
        let before = try company.store.read { try $0.row("SELECT last_act FROM head")?.integer(0) }
        let token = try await browser.formToken()
        for route in served.site.routes where route.method == .post {
            guard case .permission(let permission) = route.access, !permission.isAllowed([role]) else { continue }
            let page = try await browser.post(try Self.path(route, company), ["reason": "x"], token: token)
            #expect(page.status == 403, "\(role) \(route.path): \(page.status)")
        }
        #expect(try company.store.read { try $0.row("SELECT last_act FROM head")?.integer(0) } == before)
    }

    @Test("Whoever sees their own customers alone finds nothing of others' on any page, list, search or export")
    func scopesOnPages() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("mine@b.c", .sales)
        for route in served.site.routes where route.method == .get {
            guard case .permission(let permission) = route.access, permission.isAllowed([.sales]),
                !route.path.hasPrefix("/imports/{id}")
            else { continue }
            let page = try await browser.get(try Self.path(route, company))
            for foreign in ["北京银行", "I3", "Payer", "Stranger"] {
                #expect(!page.text.contains(foreign), "\(route.path) shows \(foreign)")
            }
        }
        let fact = try company.store.read {
            try $0.row("SELECT id FROM credit WHERE reference = 'R1'")?.integer(0) ?? 0
        }
        for path in ["/customers/C2", "/invoices/I2", "/receipts/\(fact)", "/customers/C2/contact"]
        where path != "/customers/C2/contact" {
            #expect(try await browser.get(path).status == 404, "\(path)")
        }
        for path in [
            "/customers?format=csv", "/invoices?state=all&format=csv", "/receipts?state=all&format=csv",
            "/aging?format=csv", "/aging?by=owner", "/aging/items", "/aging/items?by=owner&key=theirs@b.c",
            "/customers/options?q=C2", "/templates",
            "/search?q=I2", "/search?part=suggest&q=bjyh", "/customers?q=C2",
        ] {
            let page = try await browser.get(path)
            #expect([200, 303].contains(page.status), "\(path): \(page.status)")
            #expect(!page.text.contains("北京银行") && !page.text.contains("I3"), "\(path)")
        }
        let foreign = try await browser.post(
            "/customers/C2/contact",
            ["name": "X", "purpose": "billing", "email": "x@y.z", "reason": "x", "key": "k1"])
        #expect(foreign.status == 404)
    }

    @Test("What was just allocated is undone by whoever did it, once")
    func undoing() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("a@b.c", .accountant)
        let other = try await served.signIn("a2@b.c", .accountant)
        let (receipt, item) = try company.store.read { session in
            (
                try session.row("SELECT id FROM credit WHERE reference = 'R1'")?.integer(0) ?? 0,
                try session.row("SELECT i.id FROM item i JOIN invoice v ON v.id = i.invoice WHERE v.number = 'I2'")?
                    .integer(0) ?? 0
            )
        }
        _ = try await browser.post("/receipts/\(receipt)/allocate", ["amount:\(item)": "150", "key": "k1"])
        let page = try await browser.get("/receipts")
        let act = try #require(page.text.firstMatch(of: /action="\/undo".*name="act" value="(\d+)"/)?.1)
        func open() throws -> Int64 {
            try company.store.read {
                try $0.row("SELECT open FROM item_balance WHERE item = \(item)")?.integer(0) ?? -1
            }
        }
        #expect(try open() == 50_00)
        #expect(try await other.post("/undo", ["act": String(act), "key": "k2"]).status == 422)
        let undone = try await browser.post("/undo", ["act": String(act), "key": "k3"])
        #expect(undone.status == 303 && undone.location == "/receipts/\(receipt)")
        #expect(try open() == 200_00)
        #expect(try await browser.post("/undo", ["act": String(act), "key": "k4"]).status == 422)
        #expect(try company.fault() == nil)
    }

    @Test("A customer is changed by its fields; who types a customer's name means its code")
    func changing() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("a@b.c", .accountant)
        let form = try await browser.get("/customers/C2/change")
        #expect(form.text.contains("<select id=\"kind\"") && form.text.contains("list=\"people\""))
        let wrong = try await browser.post(
            "/customers/C2/change", ["name": "北京银行", "terms_days": "soon", "key": "k"])
        #expect(wrong.status == 422 && wrong.text.contains("id=\"terms_days-error\""))
        for (field, value) in [("sales_owner", "new@b.c"), ("kind", "odd"), ("group", "C9"), ("currency", "人民币")] {
            let refused = try await browser.post(
                "/customers/C2/change", ["name": "北京银行", field: value, "key": field].map { ($0.key, $0.value) })
            #expect(refused.status == 422 && refused.text.contains("id=\"\(field)-error\""), "\(field)")
        }
        let done = try await browser.post(
            "/customers/C2/change",
            ["name": "北京银行", "terms_days": "45", "sales_owner": "mine@b.c", "kind": "soe", "key": "l"])
        #expect(done.status == 303 && done.location == "/customers/C2")
        let page = try await browser.get("/customers/C2")
        #expect(page.text.contains("mine@b.c") && page.text.contains("45"))
        let stale = try await browser.post(
            "/customers/C2/change", ["name": "北京银行", "industry": "x", "version": "1", "key": "o"])
        #expect(stale.status == 422 && stale.text.contains("meanwhile"))
        // What a colleague changed stays, in the form that comes back too; what was typed is still there.
        let typed = [
            ("name", "北京银行"), ("was:name", "北京银行"), ("terms_days", "30"), ("was:terms_days", "30"),
            ("industry", "banks"), ("was:industry", ""), ("version", "1"), ("key", "r"),
        ]
        let back = try await browser.post("/customers/C2/change", typed)
        #expect(back.status == 422 && back.text.contains("value=\"45\"") && back.text.contains("value=\"banks\""))
        let kept = typed.filter { !["version", "key"].contains($0.0) } + [("key", "s")]
        #expect(try await browser.post("/customers/C2/change", kept).status == 303)
        let now = try await browser.get("/customers/C2/change")
        #expect(now.text.contains("value=\"45\"") && now.text.contains("value=\"banks\""))
        _ = try await browser.post("/customers/C2/change", ["name": "北京银行", "kind": "", "key": "p"])
        #expect(try await browser.get("/customers/C2/change").text.contains("<option value=\"\" selected>"))
        #expect(try await browser.post("/customers/C7/change", ["name": "x", "key": "q"]).status == 404)
        #expect(try await browser.get("/customers/options?q=bjyh").text.contains("value=\"C2\""))
        // One field in its place in the list.
        let cell = try await browser.post(
            "/customers/C2/field", ["field": "collector", "value": "theirs@b.c"])
        #expect(cell.status == 200 && cell.text.contains("<td data-edit=\"/customers/C2/field\""))
        #expect(try await browser.get("/customers").text.contains("data-value=\"theirs@b.c\""))
        let nobody = try await browser.post("/customers/C2/field", ["field": "collector", "value": "nobody"])
        #expect(nobody.status == 422 && nobody.text.contains("nobody"))
        #expect(try await browser.get("/customers").text.contains("data-value=\"theirs@b.c\""))
        let same = try await browser.post("/customers/C2/field", ["field": "name", "value": "x"])
        #expect(same.status == 303)
        #expect(try await browser.get("/customers/C2").text.contains("北京银行"))
        // A part of a name is nobody's in a record.
        let part = try await browser.post(
            "/new/invoices",
            ["number": "N3", "customer": "北京", "issue_date": "2026-05-05", "amount": "9", "key": "n"])
        #expect(part.status == 422 && part.text.contains("id=\"customer-error\""))
        let invoice = try await browser.post(
            "/new/invoices",
            ["number": "N2", "customer": "北京银行", "issue_date": "2026-05-05", "amount": "9", "key": "m"])
        #expect(invoice.status == 303, "\(invoice.text)")
        #expect(try await browser.get("/invoices/N2").text.contains("2026-06-19"))
    }

    @Test("A calendar's day is set and changed by hand; months are closed with those before them; a manager is set")
    func settings() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("f@b.c", .financeManager)
        for kind in ["holiday", "working"] {
            let set = try await browser.post(
                "/new/calendar", ["date": "2026-08-15", "kind": kind, "name": "Ours", "key": kind])
            #expect(set.status == 303, "\(set.text)")
        }
        let calendar = try await browser.get("/settings?tab=calendar&year=2026")
        #expect(calendar.text.contains("2026-08-15") && calendar.text.contains("Ours"))
        let alone = try await browser.post(
            "/settings/period", ["month": "2026-05", "state": "closed", "reason": "x", "key": "k"])
        #expect(alone.status == 422)
        let closed = try await browser.post(
            "/settings/period", ["month": "2026-05", "state": "closed", "reason": "x", "earlier": "1", "key": "l"])
        #expect(closed.status == 303)
        #expect(try PeriodQueries.closed(in: company.store).map(\.month).contains("2026-05"))
        let admin = try await served.signIn("d@b.c", .admin)
        _ = try await served.signIn("v@b.c", .sales)
        func manage(_ manager: String, _ person: String, _ role: String, _ key: String) async throws -> Browser.Page {
            try await admin.post(
                "/people/roles", ["person": person, "role": role, "manager": manager, "key": key])
        }
        #expect(try await manage("f@b.c", "v@b.c", "sales", "m").status == 303)
        let circle = try await manage("v@b.c", "f@b.c", "finance_manager", "n")
        #expect(circle.status == 422)
        #expect(try await admin.get("/people").text.contains("f@b.c"))
        #expect(
            try AccountQueries.people(in: company.store, now: company.now).first { $0.key == "v@b.c" }?.managerKey
                == "f@b.c")
    }

    @Test("A template is shown with what a customer owes, refused at its part, and waits for a second person")
    func templates() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("f@b.c", .financeManager)
        var fields = [
            "language": "en", "version": "0", "subject": "From {company}", "greeting": "Dear {customer},",
            "due-soon": "soon:", "overdue": "late:", "line": "{invoice} {amount}", "closing": "Bye\r\n{company}",
            "from": "2026-06-05", "reason": "shorter", "act": "try", "key": "k",
        ]
        let tried = try await browser.post("/templates", fields.map { ($0.key, $0.value) })
        #expect(tried.status == 200 && tried.text.contains("I2 200.00 CNY") && tried.text.contains("Bye\n"))
        fields["greeting"] = "Dear {who},"
        let wrong = try await browser.post("/templates", fields.map { ($0.key, $0.value) })
        #expect(wrong.status == 422 && wrong.text.contains("id=\"greeting-error\"") && wrong.text.contains("{who}"))
        fields["greeting"] = "Dear all,"
        fields["act"] = nil
        #expect(try await browser.post("/templates", fields.map { ($0.key, $0.value) }).status == 303)
        #expect(try await browser.get("/templates?language=en").text.contains("href=\"/approvals\""))
        let manager = try await served.signIn("m@b.c", .management)
        let waiting = try await manager.get("/approvals")
        #expect(waiting.text.contains("Dear all,") && waiting.text.contains("Dear {customer},"))
        #expect(try await manager.get("/").text.contains("data-refresh=\"/approvals/count\">1<"))
        let id = try #require(waiting.text.firstMatch(of: /action="\/approvals\/(\d+)"/)?.1)
        #expect(try await manager.post("/approvals/\(id)", ["answer": "1", "key": "l"]).status == 303)
        #expect(try MessageTemplates.newest(.english, in: company.store).template[.closing] == "Bye\n{company}")
    }

    @Test("A number with a slash, a name with markup and a search by initials find their way")
    func strangeNames() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("a@b.c", .accountant)
        #expect(try await browser.get("/invoices/I%2F1%20%3Cx%3E").text.contains("I/1 &lt;x&gt;"))
        #expect(try await browser.get("/customers/C1").text.contains("&lt;b&gt;&amp;&quot;Ltd&quot;&#39;"))
        #expect(try await browser.get("/search?q=bjyh").location == "/customers/C2")
        #expect(try await browser.get("/search?part=suggest&q=yhkj").text.contains("北京银行科技有限公司"))
        #expect(try await browser.get("/search?q=%27%20OR%201=1--").status == 200)
        #expect(try await browser.get("/search?q=%25").text.contains("<h1>"))
    }

    @Test("What a spreadsheet would take for a formula is text in exports")
    func formulas() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("a@b.c", .accountant)
        let csv = try await browser.get("/customers?format=csv")
        #expect(csv.headers["content-disposition"]?.contains("attachment") ?? false)
        #expect(csv.text.contains("'=HYPERLINK"))
        #expect(!csv.text.contains(",=HYPERLINK") && !csv.text.contains(",\"=HYPERLINK"))
        let xlsx = try await browser.get("/invoices?state=all&format=xlsx")
        #expect(xlsx.bytes.starts(with: Array("PK".utf8)))
        let pdf = try await browser.get("/aging?format=pdf")
        #expect(pdf.bytes.starts(with: Array("%PDF".utf8)))
    }

    @Test("A receipt is split over invoices, or refused at its place, and taken back; a form sent twice does it once")
    func allocating() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("a@b.c", .accountant)
        let ids = try company.store.read { session in
            (
                try session.row("SELECT id FROM credit WHERE reference = 'R1'")?.integer(0) ?? 0,
                try session.row("SELECT i.id FROM item i JOIN invoice v ON v.id = i.invoice WHERE v.number = 'I2'")?
                    .integer(0) ?? 0,
                try session.row("SELECT i.id FROM item i JOIN invoice v ON v.id = i.invoice WHERE v.number = 'I3'")?
                    .integer(0) ?? 0
            )
        }
        let (receipt, second, third) = ids
        #expect(try await browser.get("/receipts/\(receipt)").text.contains("<mark>"))
        let tooMuch = try await browser.post(
            "/receipts/\(receipt)/allocate", ["amount:\(second)": "200", "amount:\(third)": "", "key": "k0"])
        #expect(tooMuch.status == 422 && tooMuch.text.contains("aria-invalid"))
        #expect(tooMuch.text.contains("value=\"200\""))
        for _ in 1...2 {
            let done = try await browser.post(
                "/receipts/\(receipt)/allocate", ["amount:\(second)": "100.00", "amount:\(third)": "５０", "key": "k1"])
            #expect(done.status == 303)
        }
        func open(_ number: String) throws -> Int64 {
            try company.store.read {
                try $0.row(
                    "SELECT b.open FROM item_balance b JOIN item i ON i.id = b.item JOIN invoice v ON v.id = i.invoice WHERE v.number = \(number)"
                )?.integer(0) ?? -1
            }
        }
        #expect(try open("I2") == 100_00 && open("I3") == 250_50)
        let other = try await browser.post("/receipts/\(receipt)/allocate", ["amount:\(second)": "1", "key": "k1"])
        #expect(other.status == 422 && other.text.contains("key"))
        let back = try await browser.post(
            "/receipts/\(receipt)/unapply", ["invoice": "I2", "reason": "wrong", "key": "k2"])
        #expect(back.status == 303)
        #expect(try open("I2") == 200_00)
        #expect(try company.fault() == nil)
    }

    @Test("A record typed by hand is refused at its field, keeps what was typed, and is registered")
    func byHand() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("a@b.c", .accountant)
        let wrong = try await browser.post(
            "/new/invoices",
            [
                "number": "N1", "customer": "C1", "issue_date": "2026-05-05", "due_date": "2026-06-05",
                "amount": "12.345", "key": "k",
            ])
        #expect(wrong.status == 422)
        #expect(wrong.text.contains("id=\"amount-error\"") && wrong.text.contains("value=\"12.345\""))
        let right = try await browser.post(
            "/new/invoices",
            [
                "number": "N1", "customer": "C1", "issue_date": "2026-05-05", "due_date": "2026-06-05",
                "amount": "1,234.50", "key": "l",
            ])
        #expect(right.status == 303 && right.location == "/invoices/N1")
        #expect(try await browser.get("/invoices/N1").text.contains("1,234.50"))
    }

    @Test("A file is mapped, tried out with its errors in place, and imported")
    func importing() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("a@b.c", .accountant)
        let file = "发票号,客户编码,开票日期,到期日,金额\nX1,C1,2026/5/1,2026/5/31,10\nX2,C1,2026/5/1,2026/5/31,zehn\n"
        let uploaded = try await browser.upload("/imports", ["kind": "invoices"], file: "发票.csv", Data(file.utf8))
        let path = try #require(uploaded.location)
        let mapping = try await browser.get(path)
        #expect(mapping.text.contains("<option value=\"发票号\" selected>"))
        let id = String(path.dropFirst("/imports/".count).prefix { $0 != "?" })
        func fields(_ more: (String, String)...) -> KeyValuePairs<String, String> {
            [
                "kind": "invoices", "column:number": "发票号", "column:customer": "客户编码", "column:issue_date": "开票日期",
                "column:due_date": "到期日", "column:amount": "金额", "dates": "yyyy/M/d",
            ]
        }
        let tried = try await browser.post("/imports/\(id)/try", fields())
        #expect(tried.text.contains("zehn") && tried.text.contains("1 error."))
        let stranger = try await served.signIn("b@b.c", .accountant)
        #expect(try await stranger.get(path).status != 200)
        let good = file.replacingOccurrences(of: "zehn", with: "20")
        let again = try await browser.upload("/imports", ["kind": "invoices"], file: "发票.csv", Data(good.utf8))
        let second = String(try #require(again.location).dropFirst("/imports/".count).prefix { $0 != "?" })
        let ready = try await browser.post("/imports/\(second)/try", fields())
        let yaml = try #require(ready.text.firstMatch(of: /name="mapping" value="([^"]*)"/)?.1)
            .replacing("&quot;", with: "\"")
        let committed = try await browser.post(
            "/imports/\(second)/commit", ["kind": "invoices", "mapping": String(yaml)])
        #expect(committed.status == 303)
        var page = ""
        for _ in 1...200 {
            page = try await browser.get("/imports/\(second)/progress").text
            if !page.contains("data-poll") { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(page.contains("2 new"))
        #expect(try await browser.get("/invoices/X2").status == 200)
        let empty = try await browser.upload("/imports", ["kind": "invoices"], file: "x.csv", Data())
        #expect(empty.status == 422)
        let forbidden = try await browser.upload("/imports", ["kind": "receipts"], file: "x.csv", Data("a,b\n".utf8))
        #expect(forbidden.status == 403)
    }

    @Test("A note and a file are put beside a record, read by who sees it, and refused with a reason")
    func notes() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("a@b.c", .accountant)
        let pdf = Data("%PDF-1.4 x".utf8)
        let done = try await browser.upload(
            "/notes",
            [
                "kind": "invoice", "subject": "I2", "entity": "main", "text": "see <b>", "back": "/invoices/I2",
                "key": "k",
            ],
            file: "收货单.pdf", pdf)
        #expect(done.status == 303 && done.location == "/invoices/I2")
        let page = try await browser.get("/invoices/I2")
        #expect(page.text.contains("see &lt;b&gt;") && page.text.contains("收货单.pdf"))
        let address = try #require(page.text.firstMatch(of: /href="(\/attachments\/\d+)"/)?.1)
        let file = try await browser.get(String(address))
        #expect(file.bytes == pdf && file.headers["content-type"] == "application/pdf")
        #expect(file.headers["content-disposition"]?.hasPrefix("attachment") ?? false)
        let own = try await served.signIn("mine@b.c", .sales)
        #expect(try await own.get(String(address)).status == 404)
        let cashier = try await served.signIn("cash@b.c", .cashier)
        #expect(try await cashier.get(String(address)).status == 404)
        let wrong = try await browser.upload(
            "/notes", ["kind": "customer", "subject": "C2", "text": "x", "back": "/", "key": "l"], file: "x.pdf",
            Data([0x7F, 0x45, 0x4C, 0x46]))
        #expect(wrong.status == 422 && wrong.text.contains("x.pdf"))
        #expect(try company.fault() == nil)
    }

    @Test("The policy is changed by its fields, tried without a change, and refused where it was changed meanwhile")
    func policyFields() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("a@b.c", .financeManager)
        let page = try await browser.get("/settings")
        #expect(page.text.contains("name=\"value:tracking.rules.due-soon.offset_days\""))
        let text = try Policies.newest(in: company.store).text
        let fields: KeyValuePairs = [
            "policy": text, "version": "1", "value:tracking.rules.due-soon.offset_days": "-5", "from": "2026-06-02",
            "reason": "earlier",
        ]
        let tried = try await browser.post("/settings/policy", fields.with("act", "try"))
        #expect(tried.status == 200 && tried.text.contains("value=\"-5\""))
        #expect(try Policies.newest(in: company.store).version == 1)
        let wrong = try await browser.post(
            "/settings/policy",
            ["policy": text, "version": "1", "value:tracking.rules.due-soon.offset_days": "soon", "reason": "x"])
        #expect(wrong.status == 422)
        #expect(try await browser.post("/settings/policy", fields.with("key", "k1")).status == 303)
        let changed = try Policies.newest(in: company.store)
        #expect(changed.version == 2 && changed.text == text.replacing("offset_days: -3", with: "offset_days: -5"))
        let late = try await browser.post("/settings/policy", fields.with("key", "k2"))
        #expect(late.status == 422 && late.text.contains("version 2"))
        do {
            _ = try await Policies.set(
                text, from: company.today.adding(days: 1), reason: "x", insteadOf: 1, in: company.store,
                company.request("set-policy"))
            Issue.record("a policy that was changed meanwhile was put in force")
        } catch let refusal as Refusal {
            #expect(refusal.code == .policyChanged)
        }
    }

    @Test("What was done is said once; a link to be sent is a whole address; what isn't there comes with a search")
    func notices() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("a@b.c", .accountant)
        let done = try await browser.post(
            "/new/customers", ["code": "N1", "name": "New", "key": "k"])
        #expect(done.status == 303)
        #expect(try await browser.get("/customers/N1").text.contains("class=\"toast\""))
        #expect(try await !browser.get("/customers/N1").text.contains("class=\"toast\""))
        #expect(try await browser.get("/customers/N9").text.contains("action=\"/search\""))
        let admin = try await served.signIn("d@b.c", .admin)
        let invited = try await admin.post("/people/invite", ["email": "n@b.c", "name": "N", "key": "k"])
        #expect(invited.text.contains("href=\"http://127.0.0.1:\(served.port)/invitation/"))
    }

    @Test("What is too large, has no such address or no such method is told so, with a number for faults")
    func limits() async throws {
        let company = try await SmallCompany.make()
        let served = try await Served(company)
        let browser = try await served.signIn("a@b.c", .accountant)
        let large = try await browser.post("/preferences", ["theme": String(repeating: "x", count: 400_000)])
        #expect(large.status == 413)
        // Nothing is read of what a stranger sends, or somebody who may not send it.
        let body = String(repeating: "x", count: 400_000)
        #expect(try await served.stranger().post("/preferences", ["form": "", "theme": body]).status == 413)
        #expect(try await served.stranger().post("/tasks/finish", ["form": "", "note": body]).status == 401)
        let auditor = try await served.signIn("aud@b.c", .auditor)
        #expect(try await auditor.post("/tasks/finish", ["note": body]).status == 403)
        #expect(try await auditor.get("/reminders/preview?day=2199-12-31").text.contains("2 July"))
        #expect(try await browser.get("/nowhere").status == 404)
        #expect(try await browser.get("/tasks/finish").status != 200)
        #expect(try await browser.get("/invoices?after=nonsense&bucket=99&dueFrom=never&sort=x").status == 200)
        #expect(try await browser.get("/aging?by=nonsense&asOf=x&knownAt=nonsense").status == 422)
        #expect(try await browser.get("/aging?by=nonsense&asOf=x&knownAt=2026-05-29").status == 200)
        #expect(try await browser.get("/aging/items?by=nonsense&key=C2&bucket=99").status == 200)
        #expect(try await browser.get("/acts/999999").status == 404)
        let voucher = try await browser.get("/ledger/entries/999999")
        #expect(voucher.status == 404 && RefusalCode.entryUnknown.rawValue == "entry.unknown")
    }

    @Test("Every text of the pages is in the catalogues of both languages, with the same places, and used")
    func texts() throws {
        let english = try Catalogue(.english)
        let chinese = try Catalogue(.chinese)
        for word in Word.allCases {
            #expect(english.keys.contains(word.rawValue) && chinese.keys.contains(word.rawValue), "\(word)")
        }
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Sources/Web")
        let files =
            FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
        let code = try files.filter { $0.pathExtension == "swift" && $0.lastPathComponent != "Word.swift" }
            .map { try String(contentsOf: $0, encoding: .utf8) }.joined()
        for word in Word.allCases { #expect(code.contains(".\(word)"), "nothing says \(word)") }
        // Words between tags that stand in the code and not in a catalogue.
        for match in code.matches(of: />([^<>\\"{}()]*[A-Za-z]{3,}[^<>\\"{}()]*)<\//) {
            let text = String(match.1).trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(text.isEmpty || ["CSV", "PDF", "Enter"].contains(text), "\(text) stands in the code")
        }
        for kind in Wording.NameKind.allCases where kind != .table && kind != .source {
            #expect(english.keys.contains { $0.hasPrefix("name.\(kind.rawValue).") }, "\(kind)")
        }
        for permission in Permission.allCases {
            #expect(english.keys.contains("name.permission.\(permission.rawValue)"), "\(permission)")
            #expect(
                !permission.isCommand || english.keys.contains("name.command.\(permission.rawValue)"), "\(permission)")
        }
        for table in FactTable.all {
            #expect(english.keys.contains("name.table.\(table.name)"), "\(table.name)")
            for column in table.columns {
                #expect(english.keys.contains("name.column.\(column.name)"), "\(column.name)")
            }
        }
        for field in try PolicyFields.fields(of: Resources.text("policy/default.yaml")) {
            for part in field.path.dropFirst()
            where RuleCode.allCases.allSatisfy({ $0.name != part }) && part != "rules" {
                #expect(english.keys.contains("name.policy.\(part)"), "\(part)")
            }
        }
        for column in ImportKind.allCases.flatMap(\.columns) {
            #expect(english.keys.contains("name.column.\(column.name)"), "\(column.name)")
        }
    }
}

extension KeyValuePairs<String, String> {
    /// The same with one more; literals alone make such pairs.
    fileprivate func with(_ name: String, _ value: String) -> [(String, String)] {
        map { ($0.key, $0.value) } + [(name, value)]
    }
}
