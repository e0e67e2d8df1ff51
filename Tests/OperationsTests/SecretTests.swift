import Database
import Foundation
import Ledger
import Receivables
import TestSupport
import Testing

@testable import Operations

/// Passwords and what is encrypted, seen from inside: what no request can show.
@Suite struct SecretTests {
    @Test("A password is hashed by Argon2id with 64 MiB and two passes, and never twice alike")
    func hashes() {
        let one = Password.hash("correct horse staple")
        let other = Password.hash("correct horse staple")
        #expect(one.hasPrefix("$argon2id$v=19$m=65536,t=2,p=1$") && one != other)
        // 128 bits of salt in base64.
        #expect(one.split(separator: "$").map(\.count)[3] == 22)
        #expect(Password.matches("correct horse staple", one) && Password.matches("correct horse staple", other))
        #expect(!Password.matches("correct horse stapl", one))
    }

    @Test("A password counts whole, to its last character, however it was composed")
    func whole() {
        let long = String(repeating: "é", count: 127)
        let hash = Password.hash(long + "a")
        #expect(
            Password.matches(long + "a", hash) && !Password.matches(long + "b", hash) && !Password.matches(long, hash))
        #expect(Password.matches(String(repeating: "e\u{301}", count: 127) + "a", hash))
    }

    @Test("A password of a list that the operator names is refused, also with a year or a sign behind it")
    func breached() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("list-\(UUID().uuidString).txt")
        defer { try? FileManager.default.removeItem(at: path) }
        try "#!comment: x\nWinnieThePooh\n1qaz2wsx3edc\nliverpool\n".write(to: path, atomically: true, encoding: .utf8)
        let list = Password.list(path.path)
        #expect(list == ["winniethepooh", "1qaz2wsx3edc", "liverpool"])
        for password in ["winniethepooh", "WinnieThePooh", "1qaz2wsx3edc", "Liverpool2024", "liverpool!!!!"] {
            #expect(Password.isEasy(password, knowing: [], common: list), "\(password)")
        }
        for password in ["liverpool is a town on a river", "tidy-otter-lamp-41"] {
            #expect(!Password.isEasy(password, knowing: [], common: list), "\(password)")
        }
        #expect(Password.list("/there/is/no/such/file").isEmpty)
    }

    @Test("What was changed by a byte opens under no key, and reads as nothing rather than as something else")
    func tampered() async throws {
        let company = try await TestCompany()
        try await company.take(.customers, "code,name", "C1,One")
        try await company.take(.contacts, "customer,name,purpose,email", "C1,Ms Zhao,payment,zhao@c.example")
        let (subject, text) = try company.store.read { session -> (Int64, [UInt8]) in
            let row = try #require(try session.row("SELECT subject, ciphertext FROM personal ORDER BY id LIMIT 1"))
            return (row.integer(0), row.blob(1))
        }
        try company.store.read { session in
            let personal = PersonalRepository(session: session, facts: nil)
            let sound = try personal.fields(subject: subject, text)
            #expect(sound?.first == "Ms Zhao")
            for place in text.indices {
                var changed = text
                changed[place] ^= 1
                let fields = try personal.fields(subject: subject, changed)
                #expect(fields == nil, "byte \(place)")
            }
            let (shorter, nothing) = (
                try personal.fields(subject: subject, Array(text.dropLast())), try personal.fields(subject: subject, [])
            )
            #expect(shorter == nil && nothing == nil)
        }
    }

    @Test("Neither a second factor's secret nor a token, link or password stands readable in the store")
    func atRest() async throws {
        let company = try await TestCompany()
        try await company.add("a@b.c", [.accountant])
        let own = AccountCommands(in: company.store, company.request(.changePassword, by: "a@b.c"))
        try await own.changePassword(from: "", to: "quite another sentence")
        let secret = AccountCommands.newSecondFactor(for: "a@b.c", company: "x").secret
        let step = company.now.microseconds / 30_000_000
        try await AccountCommands(in: company.store, company.request(.setSecondFactor, by: "a@b.c")).setSecondFactor(
            secret, code: OneTimeCode.code(OneTimeCode.bytes(ofBase32: secret), step: step))
        let token = try #require(
            try await AccountCommands(in: company.store, company.request(.makeToken, by: "a@b.c")).makeToken(
                name: "t", scopes: [.seeInvoices], days: 5))
        let link = try await AccountCommands(in: company.store, company.request("change-password")).signInLink(
            for: "a@b.c")
        let secrets = [secret, token.token, link.token, "quite another sentence"].map { Array($0.utf8) }
        let all = try company.store.read { session -> [(String, [UInt8])] in
            try session.tableNames().flatMap { table -> [(String, [UInt8])] in
                try session.rows(SQL("SELECT * FROM \(table)", [])).flatMap { row in
                    row.values.compactMap { value -> (String, [UInt8])? in
                        switch value {
                        case .text(let text): (table, Array(text.utf8))
                        case .blob(let bytes): (table, bytes)
                        default: nil
                        }
                    }
                }
            }
        }
        #expect(all.count > 100)
        for (table, bytes) in all {
            for secret in secrets where bytes.count >= secret.count {
                #expect(Data(bytes).range(of: Data(secret)) == nil, "in \(table)")
            }
        }
    }

    @Test("What the security log and tries of signing in say goes when it is old")
    func old() async throws {
        let company = try await TestCompany(now: "2026-06-01T04:00:00Z")
        let signing = SignIn(in: company.store, clock: { company.now })
        let origin = SignIn.Origin(address: "203.0.113.9", agent: "")
        func count(_ table: String) throws -> Int64 {
            try company.store.read { try $0.row(SQL("SELECT count(*) FROM \(table)", []))?.integer(0) ?? 0 }
        }
        for _ in 0..<3 {
            _ = try await refusal { _ = try await signing.signIn("x@b.c", password: "no", code: "", from: origin) }
        }
        let (tries, events) = (try count("sign_in_attempt"), try count("security_event"))
        #expect(tries > 0 && events == 3)
        company.setClock("2026-06-02T04:00:01Z")
        _ = try await refusal {
            _ = try await signing.signIn(
                "y@b.c", password: "no", code: "", from: SignIn.Origin(address: "203.0.113.8", agent: ""))
        }
        #expect(
            try company.store.read {
                try $0.row("SELECT count(*) FROM sign_in_attempt WHERE subject LIKE '%x@b.c' OR subject LIKE '%.9'")?
                    .integer(0)
            } == 0)
        company.setClock("2028-06-10T04:00:00Z")
        // It is swept now and then, not at each event.
        for _ in 0..<200 { try signing.note("test", "", from: origin, "") }
        let oldest = try company.store.read { try $0.row("SELECT min(at) FROM security_event")?.integer(0) ?? 0 }
        #expect(oldest >= company.now.microseconds)
    }
}
