import Database
import Ledger
import Receivables
import TestSupport
import Testing

@testable import Operations

/// What somebody may do who guesses: little, and nothing to others.
@Suite struct AttemptTests {
    private static let right = "correct horse staple"

    private func company(_ people: String...) async throws -> (TestCompany, SignIn) {
        let company = try await TestCompany(now: "2026-06-01T04:00:00Z")
        for key in people {
            try await company.add(key, [.accountant])
            try await AccountCommands(in: company.store, company.request("set-person")).setInitialPassword(
                Self.right, of: key)
        }
        return (company, SignIn(in: company.store, clock: { company.now }))
    }

    private func events(_ kind: String, _ company: TestCompany) throws -> Int64? {
        try company.store.read { try $0.row("SELECT count(*) FROM security_event WHERE kind = \(kind)")?.integer(0) }
    }

    @Test("An address that waits locks nobody else out, and writes nothing more")
    func lockedAddress() async throws {
        let (company, signing) = try await company("a@b.c")
        // The halves of one subscriber's IPv6 addresses are one.
        func origin(_ place: Int) -> SignIn.Origin { .init(address: "2001:db8:1:2::\(place)", agent: "") }
        var found: Set<RefusalCode> = []
        for place in 0..<Int(SignIn.failuresOfAddress) {
            let code = try await refusal {
                _ = try await signing.signIn("\(place)@no.where", password: "x", code: "", from: origin(place))
            }
            if let code { found.insert(code) }
        }
        #expect(found == [.signInWrong, .signInLocked])
        #expect(try events("sign-in-locked", company) == 1)
        let rows = try company.store.read { try $0.row("SELECT count(*) FROM sign_in_attempt")?.integer(0) }
        for place in 0..<20 {
            #expect(
                try await refusal {
                    _ = try await signing.signIn("a@b.c", password: "x", code: "", from: origin(place))
                } == .signInLocked)
        }
        #expect(try events("sign-in-locked", company) == 1)
        #expect(try company.store.read { try $0.row("SELECT count(*) FROM sign_in_attempt")?.integer(0) } == rows)
        // From elsewhere the account is open.
        _ = try await signing.signIn(
            "a@b.c", password: Self.right, code: "", from: .init(address: "2001:db8:1:3::1", agent: ""))
        // An IPv4 address stands for itself, written either way.
        #expect(SignIn.Origin(address: "203.0.113.9", agent: "").network == "203.0.113.9")
        #expect(
            SignIn.Origin(address: "::ffff:203.0.113.9", agent: "").network
                != SignIn.Origin(address: "::ffff:203.0.113.8", agent: "").network)
    }

    @Test("Nobody tries passwords or codes without end in a session they came upon")
    func ownSecrets() async throws {
        let (company, signing) = try await company("a@b.c", "d@b.c")
        let account = AccountCommands(in: company.store, company.request(.changePassword, by: "a@b.c"))
        for _ in 0..<5 {
            #expect(
                try await refusal { try await account.changePassword(from: "guessed", to: "a wholly new sentence") }
                    == .passwordWrong)
        }
        #expect(
            try await refusal { try await account.changePassword(from: Self.right, to: "a wholly new sentence") }
                == .signInLocked)
        // Signing in is a series of its own.
        _ = try await signing.signIn(
            "a@b.c", password: Self.right, code: "", from: .init(address: "203.0.113.1", agent: ""))

        let factor = AccountCommands(in: company.store, company.request(.setSecondFactor, by: "d@b.c"))
        let secret = OneTimeCode.base32(Array(1...20))
        func code(_ offset: Int64 = 0) -> String {
            OneTimeCode.code(
                Array(1...20), step: company.now.microseconds / 1_000_000 / OneTimeCode.secondsPerStep + offset)
        }
        try await factor.setSecondFactor(secret, code: code(-1))
        _ = try await signing.signIn(
            "d@b.c", password: Self.right, code: code(), from: .init(address: "203.0.113.1", agent: ""))
        // The code that signed in turns nothing off.
        #expect(try await refusal { try await factor.setSecondFactor(nil, code: code()) } == .codeWrong)
        for _ in 0..<4 {
            #expect(try await refusal { try await factor.setSecondFactor(nil, code: "000000") } == .codeWrong)
        }
        #expect(try await refusal { try await factor.setSecondFactor(nil, code: code(1)) } == .signInLocked)
        company.setClock("2026-06-01T04:16:00Z")
        try await AccountCommands(in: company.store, company.request(.setSecondFactor, by: "d@b.c")).setSecondFactor(
            nil, code: code())
    }

    @Test("A lost second factor is taken away by whoever has the machine, and by nobody else")
    func lostFactor() async throws {
        let (company, signing) = try await company("a@b.c")
        let origin = SignIn.Origin(address: "203.0.113.1", agent: "")
        let step = company.now.microseconds / 1_000_000 / OneTimeCode.secondsPerStep
        let own = AccountCommands(in: company.store, company.request(.setSecondFactor, by: "a@b.c"))
        try await own.setSecondFactor(
            OneTimeCode.base32(Array(1...20)), code: OneTimeCode.code(Array(1...20), step: step))
        #expect(
            try await refusal { _ = try await signing.signIn("a@b.c", password: Self.right, code: "", from: origin) }
                == .signInWrong)
        #expect(try await refusal { try await own.removeSecondFactor(of: "a@b.c") } == .accessDenied)
        let machine = AccountCommands(in: company.store, company.request("set-second-factor"))
        try await machine.removeSecondFactor(of: "a@b.c")
        _ = try await signing.signIn("a@b.c", password: Self.right, code: "", from: origin)
    }

    @Test("A password that could never match is not taken, and no character that parts what is kept")
    func unmatchable() async throws {
        let (company, _) = try await company("a@b.c")
        let account = AccountCommands(in: company.store, company.request(.changePassword, by: "a@b.c"))
        let families = [
            "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}\u{200D}\u{1F466}", "a", "b", "c", "d", "e", "f", "g",
        ]
        let long = (0..<10).flatMap { _ in families + [families[0], families[0]] }.joined()
        #expect(long.count < 128 && long.utf8.count > 512)
        #expect(
            try await refusal { try await account.changePassword(from: Self.right, to: long) } == .passwordTooLong)
        #expect(
            try await refusal {
                try await AccountCommands(in: company.store, company.request("set-person")).register(
                    "n@b.c", name: "Name\u{1f}other@evil.example")
            } == .valueControlCharacter)
    }
}
