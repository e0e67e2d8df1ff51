import Database
import Foundation
import Ledger
import Operations
import Receivables
import TestSupport
import Testing

@testable import Web

@Suite struct SignInTests {
    @Test("Who isn't signed in gets a form at the first page and nothing else anywhere")
    func everythingIsBehindTheDoor() async throws {
        let served = try await Served(try await TestCompany())
        let stranger = served.stranger()
        let first = try await stranger.get("/")
        #expect(first.status == 200)
        #expect(first.text.contains("<form") && first.text.contains("type=\"password\""))
        for route in served.site.routes where route.access != .anybody && route.method == .get && route.path != "/" {
            let path = route.path.replacing("{code}", with: "C1").replacing("{number}", with: "1")
                .replacing("{fact}", with: "1").replacing("{id}", with: "1").replacing("{account}", with: "bank")
                .replacing("{kind}", with: "invoices")
            let page = try await stranger.get(path)
            #expect(page.status == 303 && page.location?.hasPrefix("/sign-in") ?? false, "\(path): \(page.status)")
        }
        for route in served.site.routes where route.access != .anybody && route.method == .post {
            let page = try await stranger.post(
                route.path.replacing("{", with: "").replacing("}", with: ""), [:], token: "x")
            #expect([401, 403].contains(page.status), "\(route.path): \(page.status)")
        }
    }

    @Test("A password signs in once it was set by an invitation; the link works once, and wrong words never tell which")
    func passwords() async throws {
        let company = try await TestCompany()
        let served = try await Served(company)
        let link = try #require(
            try await AccountCommands(in: company.store, company.request("invite")).invite(
                "An.Li@example.com", name: "Li An", roles: [.financeManager]))
        let browser = served.stranger()
        #expect(try await browser.get("/invitation/\(link.token)").text.contains("Li An"))
        let easy = try await browser.post("/invitation/\(link.token)", ["password": "passwordpassword"], token: "")
        #expect(easy.status == 422 && easy.text.contains("easily guessed"))
        let short = try await browser.post("/invitation/\(link.token)", ["password": "kurz"], token: "")
        #expect(short.text.contains("at least 12"))
        let long = try await browser.post(
            "/invitation/\(link.token)", ["password": String(repeating: "lang ", count: 30)], token: "")
        #expect(long.text.contains("at most 128"))
        let set = try await browser.post("/invitation/\(link.token)", ["password": "correct horse staple"], token: "")
        #expect(set.status == 303)
        #expect(try await browser.get("/").text.contains("Li An"))
        #expect(try await served.stranger().get("/invitation/\(link.token)").status == 404)

        let other = served.stranger()
        let wrong = try await other.post("/sign-in", ["user": "an.li@example.com", "password": "wrong"], token: "")
        let unknown = try await other.post("/sign-in", ["user": "nobody@example.com", "password": "wrong"], token: "")
        #expect(wrong.status == 401 && unknown.status == 401)
        #expect(wrong.text.contains("E-mail, password or code is not right"))
        let right = try await other.post(
            "/sign-in", ["user": "an.li@example.com", "password": "correct horse staple", "next": "/aging"], token: "")
        #expect(right.status == 303 && right.location == "/aging")
        let cookie = right.headers["set-cookie"] ?? ""
        #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"))
    }

    @Test("Five wrong tries lock an account for fifteen minutes, also for the right password")
    func lockOut() async throws {
        let company = try await TestCompany()
        let served = try await Served(company)
        let request = company.request("set-person")
        _ = try await WorkCommands(in: company.store, request).setPerson(
            "a@b.c", manager: nil, roles: [.sales], without: [])
        try await AccountCommands(in: company.store, request).setInitialPassword("correct horse staple", of: "a@b.c")
        let browser = served.stranger()
        for _ in 1...5 {
            _ = try await browser.post("/sign-in", ["user": "a@b.c", "password": "wrong"], token: "")
        }
        let locked = try await browser.post(
            "/sign-in", ["user": "a@b.c", "password": "correct horse staple"], token: "")
        #expect(locked.status == 401 && locked.text.contains("too many tries"))
        company.setClock("2026-06-01T04:16:00Z")
        let later = try await browser.post(
            "/sign-in", ["user": "a@b.c", "password": "correct horse staple"], token: "")
        #expect(later.status == 303)
        // A password that somebody else gave is changed first of all.
        #expect(try await browser.get("/customers").location == "/password")
        let same = try await browser.post(
            "/password", ["old": "correct horse staple", "password": "correct horse staple"])
        #expect(same.status == 422 && same.text.contains("Take another one"))
        let wrongOld = try await browser.post("/password", ["old": "x", "password": "quite another sentence"])
        #expect(wrongOld.text.contains("present password is not right"))
        let changed = try await browser.post(
            "/password", ["old": "correct horse staple", "password": "quite another sentence"])
        #expect(changed.status == 303)
        #expect(try await browser.get("/customers").status == 200)
    }

    @Test("A second factor is asked for once it is set, and no code works twice")
    func secondFactor() async throws {
        let company = try await TestCompany()
        let served = try await Served(company)
        let browser = try await served.signIn("a@b.c", .accountant)
        _ = try await browser.post("/password", ["password": "quite another sentence"])
        let secret = AccountCommands.newSecondFactor(for: "a@b.c", company: "x").secret
        let wrong = try await browser.post("/account/second-factor", ["secret": secret, "code": "000000"])
        #expect(wrong.status == 422)
        let step = company.now.microseconds / 30_000_000
        let bytes = OneTimeCodeTests.bytes(secret)
        let right = try await browser.post(
            "/account/second-factor", ["secret": secret, "code": OneTimeCode.code(bytes, step: step)])
        #expect(right.status == 303)
        func signIn(_ code: String) async throws -> Int {
            try await served.stranger().post(
                "/sign-in", ["user": "a@b.c", "password": "quite another sentence", "code": code], token: ""
            ).status
        }
        #expect(try await signIn("") == 401)
        // The code that set it up has done its work, and so has each that signed in.
        #expect(try await signIn(OneTimeCode.code(bytes, step: step)) == 401)
        #expect(try await signIn(OneTimeCode.code(bytes, step: step + 1)) == 303)
        #expect(try await signIn(OneTimeCode.code(bytes, step: step + 1)) == 401)
    }

    @Test("Sessions end without use, at a fixed time, by signing out, and with the account")
    func sessionsEnd() async throws {
        let company = try await TestCompany()
        let served = try await Served(company)
        let one = try await served.signIn("a@b.c", .accountant)
        #expect(try await one.get("/customers").status == 200)
        company.setClock("2026-06-01T05:01:00Z")
        #expect(try await one.get("/customers").status == 303)
        let two = try await served.signIn("d@b.c", .accountant)
        for tenth in 31...101 {
            let (hour, minute) = (tenth / 6, tenth % 6 * 10)
            company.setClock("2026-06-01T\(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute):00Z")
            #expect(try await two.get("/customers").status == 200)
            // That it was used is noted beside the request.
            let now = company.now.microseconds
            let end = ContinuousClock.now + .seconds(30)
            while try company.store.read({ try $0.row("SELECT max(seen_at) FROM session")?.integer(0) }) != now,
                ContinuousClock.now < end
            {
                try await Task.sleep(for: .milliseconds(2))
            }
        }
        company.setClock("2026-06-01T16:55:00Z")
        #expect(try await two.get("/customers").status == 200)
        company.setClock("2026-06-01T17:02:00Z")
        #expect(try await two.get("/customers").status == 303)
        let three = try await served.signIn("e@b.c", .accountant)
        let cookies = three.cookies
        _ = try await three.post("/sign-out", [:])
        let thief = served.stranger()
        thief.headers["Cookie"] = cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
        #expect(try await thief.get("/customers").status == 303)
        let four = try await served.signIn("f@b.c", .accountant)
        _ = try await AccountCommands(in: company.store, company.request("disable-account")).setActive(
            false, person: "f@b.c")
        #expect(try await four.get("/customers").status == 303)
    }

    @Test("A form without its session's token, or sent from another site, changes nothing")
    func foreignForms() async throws {
        let company = try await TestCompany()
        let served = try await Served(company)
        let browser = try await served.signIn("a@b.c", .accountant)
        let victim = try await served.signIn("v@b.c", .accountant)
        let foreign = try await browser.formToken()
        #expect(try await victim.post("/preferences", ["theme": "dark"], token: foreign).status == 403)
        #expect(try await victim.post("/preferences", ["theme": "dark"], token: "").status == 403)
        let own = try await victim.formToken()
        victim.headers["Origin"] = "http://evil.example"
        #expect(try await victim.post("/preferences", ["theme": "dark"], token: own).status == 403)
        victim.headers = ["Sec-Fetch-Site": "cross-site"]
        #expect(try await victim.post("/preferences", ["theme": "dark"], token: own).status == 403)
        victim.headers = ["Sec-Fetch-Site": "same-origin"]
        #expect(try await victim.post("/preferences", ["theme": "dark"], token: own).status == 303)
    }

    @Test(
        "Nobody is sent to another site after signing in",
        arguments: [
            "https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nSet-Cookie: x=y",
        ])
    func noOpenRedirect(next: String) { #expect(AccountPages.local(next) == "/") }

    @Test("The set-up link makes the first administrator, and then no other")
    func setUp() async throws {
        let company = try await TestCompany()
        let served = try await Served(company)
        let path = try #require(served.site.setUpPath)
        let browser = served.stranger()
        #expect(try await browser.get("/set-up/wrong").status == 404)
        #expect(try await browser.get(path).text.contains("first administrator"))
        let bad = try await browser.post(
            path, ["name": "Li", "user": "nobody", "password": "correct horse staple"], token: "")
        #expect(bad.status == 422 && bad.text.contains("no e-mail address"))
        let made = try await browser.post(
            path, ["name": "Li", "user": "li@b.c", "password": "correct horse staple"], token: "")
        #expect(made.status == 303 && made.location == "/people")
        #expect(try await browser.get("/people").status == 200)
        let again = try await served.stranger().post(
            path, ["name": "Wu", "user": "wu@b.c", "password": "correct horse staple"], token: "")
        #expect(again.status == 422 && again.text.contains("has people already"))
    }
}

@Suite struct OneTimeCodeTests {
    static func bytes(_ base32: String) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        var bytes: [UInt8] = []
        var bits = 0
        var value = 0
        for character in base32 {
            value = (value << 5 | (alphabet.firstIndex(of: character) ?? 0)) & 0xffff
            bits += 5
            if bits >= 8 {
                bytes.append(UInt8((value >> (bits - 8)) & 255))
                bits -= 8
            }
        }
        return bytes
    }

    @Test(
        "Codes are those of RFC 6238's table",
        arguments: [
            (59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (1_234_567_890, "005924"),
            (2_000_000_000, "279037"), (20_000_000_000, "353130"),
        ])
    func vectors(seconds: Int64, code: String) {
        #expect(OneTimeCode.code(Array("12345678901234567890".utf8), step: seconds / 30) == code)
    }
}
