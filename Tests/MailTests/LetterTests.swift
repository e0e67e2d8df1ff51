import Testing

@testable import Mail

@Suite struct LetterTests {
    @Test("An address says nothing but an address")
    func addresses() {
        for refused in [
            "", "a", "@x.cn", "a@", "a@b@c", "a b@x.cn", "a@x.cn\r\nBcc: b@x.cn", "<a@x.cn>", "a@x.cn,b@x.cn",
        ] {
            #expect(MailAddress(refused) == nil, "\(refused)")
        }
        #expect(MailAddress("pay@x.cn", name: "Blue Sea Ltd")?.header == "Blue Sea Ltd <pay@x.cn>")
        #expect(MailAddress("pay@x.cn", name: "蓝海")?.header == "=?utf-8?B?6JOd5rW3?= <pay@x.cn>")
        #expect(MailAddress("pay@x.cn", name: "A\r\nBcc: b@x.cn")?.header.contains("\n") == false)
    }

    @Test("A subject of any length and language stands in words that no server cuts, and can't end its line")
    func subjects() {
        #expect(Letter.words("Invoice I1") == "Invoice I1")
        let long = Letter.words(String(repeating: "龘", count: 60))
        let lines = long.split(separator: "\r\n")
        #expect(lines.count > 1 && lines.allSatisfy { $0.utf8.count <= 76 })
        #expect(!Letter.words("a\r\nBcc: b@x.cn").contains("Bcc"))
    }

    @Test("A server's address is read, shown without its password, and refused when it is none")
    func servers() {
        #expect(MailServer("smtp://me:secret@mail.example:587")?.shown == "smtp://mail.example:587")
        #expect(MailServer("smtps://mail.example")?.shown == "smtps://mail.example:465")
        for refused in ["", "mail.example", "http://mail.example", "smtp://", "file:///etc/passwd"] {
            #expect(MailServer(refused) == nil, "\(refused)")
        }
    }

    @Test("A server that isn't there is one to try again")
    func nobodyThere() throws {
        let server = try #require(MailServer("smtp://127.0.0.1:1"))
        let address = try #require(MailAddress("a@x.cn"))
        let letter = Letter(identity: "1", from: address, to: address, subject: "s", text: "t", date: 0)
        guard case .notNow(let said) = server.send(letter, within: 5) else {
            Issue.record("somebody took it")
            return
        }
        #expect(!said.isEmpty)
    }
}
