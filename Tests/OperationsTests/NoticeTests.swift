import Database
import Foundation
import Ledger
import Receivables
import TestSupport
import Testing

@testable import Operations

/// What people are written to about their own accounts.
@Suite struct NoticeTests {
    private static let password = "quite another sentence"

    private func notices(_ company: TestCompany, _ holder: String = "a") -> AccountNotices {
        AccountNotices(of: company.store, holder: holder, leaseSeconds: 60)
    }

    /// Everything that is to be told, each noted as sent.
    private func all(_ company: TestCompany, _ holder: String = "a") throws -> [AccountNotices.Notice] {
        let notices = notices(company, holder)
        var all: [AccountNotices.Notice] = []
        while let notice = try notices.take(now: company.now) {
            try notices.note(.sent, of: notice, now: company.now)
            all.append(notice)
        }
        return all
    }

    private func own(_ company: TestCompany, _ permission: Permission, _ key: String = "a@b.c") -> AccountCommands {
        AccountCommands(in: company.store, company.request(permission, by: key))
    }

    @Test("Whoever's password, second factor, link or token is another one is told, once, by whom, and what to do")
    func told() async throws {
        let company = try await TestCompany(now: "2026-06-01T04:00:00Z")
        try await company.add("a@b.c", [.accountant])
        let office = AccountCommands(in: company.store, company.request("set-person"))
        // The first password is no change, and somebody's own one told to nobody else.
        try await own(company, .changePassword).changePassword(from: "", to: Self.password)
        #expect(try all(company).isEmpty)
        try await own(company, .changePassword).changePassword(from: Self.password, to: "a third sentence of mine")
        let changed = try all(company)
        #expect(changed.map(\.recipient) == ["a@b.c"])
        let first = try #require(changed.first)
        #expect(first.subject == "测试公司: something changed about your account")
        #expect(
            first.text.hasPrefix(
                "Name of a@b.c,\n\nThe password of your account at 测试公司 was changed on 2026-06-01 12:00"))
        #expect(first.text.contains("(Asia/Shanghai)") && first.text.contains("If that was you"))
        #expect(!first.text.contains("It was done by"))

        try await office.setInitialPassword(Self.password, of: "a@b.c")
        _ = try await AccountCommands(in: company.store, company.request("change-password")).signInLink(for: "a@b.c")
        let secret = AccountCommands.newSecondFactor(for: "a@b.c", company: "x").secret
        let step = company.now.microseconds / 30_000_000
        try await own(company, .setSecondFactor).setSecondFactor(
            secret, code: OneTimeCode.code(OneTimeCode.bytes(ofBase32: secret), step: step))
        try await office.removeSecondFactor(of: "a@b.c")
        _ = try await own(company, .makeToken).makeToken(name: "nightly", scopes: [.seeInvoices], days: 30)
        let said = try all(company)
        let expected = [
            "An initial password was set", "A second factor (authenticator app) was set",
            "The second factor of your account", "A link that signs in as you", "A token for programs, “nightly”",
        ]
        #expect(said.count == expected.count)
        for text in expected { #expect(said.contains { $0.text.contains(text) }, "\(text)") }
        let byOthers = said.filter { $0.text.contains("It was done by operator:test.") }
        #expect(byOthers.count == 3 && byOthers.allSatisfy { $0.text.contains("If you didn’t expect that") })
        #expect(Set(said.map(\.identity)).count == said.count)
        // Told once, whoever asks, and in the person's own language.
        #expect(try all(company, "b").isEmpty)
        let viewer = try Viewer.of(.person(key: "a@b.c"), on: company.today, in: company.store)
        try SignIn(in: company.store, clock: { company.now }).setPreference("language", "zh-Hans", of: viewer)
        try await office.setInitialPassword("yet another sentence", of: "a@b.c")
        #expect(try all(company).first?.text.contains("设置初始密码") ?? false)
        #expect(try company.fault() == nil)
    }

    @Test("A token that ends within a week is told of once, that of a service account to whoever made it")
    func endingTokens() async throws {
        let company = try await TestCompany(now: "2026-06-01T04:00:00Z")
        try await company.add("a@b.c", [.accountant])
        try await company.add("admin@b.c", [.admin])
        try await company.add("boss@b.c", [.management])
        _ = try await own(company, .makeToken).makeToken(name: "long", scopes: [.seeInvoices], days: 30)
        _ = try await own(company, .makeToken).makeToken(name: "revoked", scopes: [.seeInvoices], days: 30)
        _ = try await own(company, .makeToken).makeToken(name: "short", scopes: [.seeInvoices], days: 3)
        _ = try await ServiceAccounts(in: company.store, company.request("add-service-account")).add(
            "erp", roles: [.accountant], scope: nil)
        _ = try await ServiceAccounts(in: company.store, company.request(.makeServiceToken, by: "admin@b.c")).makeToken(
            of: "erp", called: "gateway", scopes: [.seeInvoices], days: 30)
        let made = try all(company)
        #expect(made.map(\.recipient).sorted() == ["a@b.c", "a@b.c", "a@b.c", "admin@b.c"])
        let revoked = try company.store.read {
            try $0.row("SELECT id FROM access_token WHERE name = 'revoked'")?.integer(0) ?? 0
        }
        _ = try await own(company, .makeToken).revokeToken(revoked)
        company.setClock("2026-06-23T04:00:00Z")
        #expect(try all(company).isEmpty)
        company.setClock("2026-06-25T04:00:00Z")
        let ending = try all(company)
        #expect(ending.count == 2)
        for (recipient, name) in [("a@b.c", "long"), ("admin@b.c", "gateway")] {
            let notice = ending.first { $0.recipient == recipient }
            #expect(notice?.text.contains("The token “\(name)” at 测试公司 ends in 6 days, on 2026-07-01") ?? false)
            #expect(notice?.text.contains("Make a new one before") ?? false)
        }
        #expect(try all(company, "b").isEmpty)
        company.setClock("2026-07-02T04:00:00Z")
        #expect(try all(company).isEmpty)
    }

    @Test("Of several servers one tells; who dies loses the lease, and what a mail server refuses comes again later")
    func leases() async throws {
        let company = try await TestCompany(now: "2026-06-01T04:00:00Z")
        try await company.add("a@b.c", [.accountant])
        _ = try await own(company, .makeToken).makeToken(name: "t", scopes: [.seeInvoices], days: 5)
        let taken = try #require(try notices(company, "dead").take(now: company.now))
        #expect(try notices(company, "b").take(now: company.now) == nil)
        company.setClock("2026-06-01T04:01:01Z")
        let again = try #require(try notices(company, "b").take(now: company.now))
        #expect(again.identity == taken.identity && again.attempt == 2)
        // Whoever lost it says nothing any more.
        try notices(company, "dead").note(.sent, of: taken, now: company.now)
        try notices(company, "b").note(.notNow("busy"), of: again, now: company.now)
        #expect(try notices(company, "b").take(now: company.now) == nil)
        company.setClock("2026-06-01T04:02:00Z")
        // Before the mail server took anything, a refusal may be about us.
        let third = try #require(try notices(company, "c").take(now: company.now))
        try notices(company, "c").note(.never("550"), of: third, now: company.now)
        company.setClock("2026-06-01T05:00:00Z")
        let fourth = try #require(try notices(company, "c").take(now: company.now))
        #expect(fourth.identity == taken.identity)
        _ = try await own(company, .makeToken).makeToken(name: "sent", scopes: [.seeInvoices], days: 5)
        let other = try #require(try notices(company, "d").take(now: company.now))
        try notices(company, "d").note(.sent, of: other, now: company.now)
        try notices(company, "c").note(.never("550"), of: fourth, now: company.now)
        company.setClock("2026-06-01T06:00:00Z")
        #expect(try notices(company, "c").take(now: company.now) == nil)
        // What is older than a week interests nobody any more, also where no mail server was there.
        _ = try await own(company, .makeToken).makeToken(name: "u", scopes: [.seeInvoices], days: 12)
        company.setClock("2026-06-09T04:00:00Z")
        #expect(try notices(company, "c").take(now: company.now) == nil)
    }

    @Test("A person who has no address is written to by nobody, and holds nobody else up")
    func withoutAddress() async throws {
        let company = try await TestCompany(now: "2026-06-01T04:00:00Z")
        try await company.add("li", [.accountant])
        try await company.add("a@b.c", [.accountant])
        _ = try await own(company, .makeToken, "li").makeToken(name: "t", scopes: [.seeInvoices], days: 5)
        _ = try await own(company, .makeToken).makeToken(name: "t", scopes: [.seeInvoices], days: 5)
        #expect(try all(company).map(\.recipient) == ["a@b.c"])
    }
}
