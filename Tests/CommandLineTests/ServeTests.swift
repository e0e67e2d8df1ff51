import Foundation
import Testing

/// Servers as processes, and a mail server that is a process too.
@Suite struct ServeTests {
    @Test(
        "Three servers: the day is run once, each message is sent once, a refused one is told as such",
        .enabled(if: PostOffice.isThere, PostOffice.howToGet))
    func sendsOnce() throws {
        let program = try Self.company(customers: 9)
        let office = try PostOffice(in: program.folder)
        let servers = try (0..<3).map { _ in try Server(program, office) }
        try office.wait(for: 9)
        try Self.wait("all is noted") { try Self.states(program) == ["sent": 9, "undelivered": 1] }
        for server in servers { #expect(server.stop() == 0) }
        let letters = try office.letters()
        #expect(Set(letters.map(\.to)).count == 9 && letters.count == 9)
        #expect(Set(letters.map(\.id)).count == 9 && letters.allSatisfy { $0.id.hasPrefix("<reminder-") })
        #expect(letters.allSatisfy { $0.subject.contains("蓝海软件") && $0.text.contains("Customer") })
        #expect(try Self.daysRun(program) == 1)
        #expect(try program.run("verify").exitCode == 0)
    }

    @Test(
        "A server that dies with a message in its hands is taken over by another one",
        .enabled(if: PostOffice.isThere, PostOffice.howToGet))
    func takesOver() throws {
        let program = try Self.company(customers: 4)
        let office = try PostOffice(in: program.folder, hangsAt: 2)
        let first = try Server(program, office, lease: 8)
        try office.wait(for: 2)
        first.kill()
        let second = try Server(program, office, lease: 8)
        try Self.wait("all is noted") { try Self.states(program)["sent"] == 4 }
        #expect(second.stop() == 0)
        let letters = try office.letters()
        // What hung was given twice, under one identity; nothing else was.
        #expect(letters.count == 5 && Set(letters.map(\.id)).count == 4)
        #expect(try Self.daysRun(program) == 1)
        #expect(try program.run("verify").exitCode == 0)
    }

    @Test("A mail server that asks who it is is told", .enabled(if: PostOffice.isThere, PostOffice.howToGet))
    func signsIn() throws {
        let program = try Self.company(customers: 2)
        let office = try PostOffice(in: program.folder, password: "s3cret")
        let server = try Server(program, office)
        try office.wait(for: 2)
        #expect(server.stop() == 0)
    }

    @Test(
        "Three servers: somebody whose account was given another password is written to once",
        .enabled(if: PostOffice.isThere, PostOffice.howToGet))
    func tellsOwners() throws {
        let program = try Self.company(customers: 1)
        for password in ["correct horse staple", "quite another sentence"] {
            let process = program.process(["user", "add", "wu@x.cn", "--name", "Wu", "--password-stdin"])
            process.environment = ProcessInfo.processInfo.environment.merging(Self.now) { $1 }
            let input = Pipe()
            process.standardInput = input
            try input.fileHandleForWriting.write(contentsOf: Data("\(password)\n".utf8))
            try input.fileHandleForWriting.close()
            #expect(try Program.finish(process).exitCode == 0)
        }
        let office = try PostOffice(in: program.folder)
        let servers = try (0..<3).map { _ in try Server(program, office) }
        try office.wait(for: 3)
        sleep(2)
        for server in servers { #expect(server.stop() == 0) }
        let told = try office.letters().filter { $0.to == "wu@x.cn" }
        #expect(told.count == 2 && Set(told.map(\.id)).count == 2)
        for letter in told {
            #expect(letter.subject == "蓝海软件: something changed about your account")
            #expect(letter.text.contains("Wu,") && letter.text.contains("An initial password was set"))
            #expect(letter.text.contains("It was done by operator:"))
        }
        #expect(try program.run("verify").exitCode == 0)
    }

    @Test("What a server says of requests is a JSON object in a line, and holds what it takes to find one again")
    func logLines() throws {
        let program = try Program()
        try program.company()
        let process = program.process(["serve", "--port", "0"])
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        defer { process.terminate() }
        var said = ""
        while !said.contains(/http:\/\/127\.0\.0\.1:\d+/) {
            let part = output.fileHandleForReading.availableData
            try #require(!part.isEmpty, "it ended: \(said)")
            said += String(decoding: part, as: UTF8.self)
        }
        let port = try #require(said.firstMatch(of: /http:\/\/127\.0\.0\.1:(\d+)/)?.1)
        _ = try? String(contentsOf: #require(URL(string: "http://127.0.0.1:\(port)/api/v1/me")), encoding: .utf8)
        var text = ""
        while !text.contains(/\/api\/v1\/me.*\n/) {
            let part = errors.fileHandleForReading.availableData
            try #require(!part.isEmpty, "it ended: \(text)")
            text += String(decoding: part, as: UTF8.self)
        }
        let entries = try text.split(separator: "\n").map {
            try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
        let entry = entries.compactMap { $0 }.first { $0["message"] as? String == "request" }
        #expect(entry?["route"] as? String == "/api/v1/me" && entry?["status"] as? String == "401")
        for name in ["time", "level", "message", "method", "request", "ms"] { #expect(entry?[name] != nil, "\(name)") }
    }

    @Test("A mail server or a sender that can't be read is refused")
    func refusals() throws {
        let program = try Program()
        try program.company()
        func code(_ arguments: String...) throws -> String? {
            let answer = try Program.finish(program.process(["serve", "--json"] + arguments))
            return (try answer.json()["error"] as? [String: Any])?["code"] as? String
        }
        #expect(try code("--smtp", "mail.example") == "mail.server-unreadable")
        #expect(try code("--smtp", "smtp://mail.example", "--from", "nobody") == "mail.sender-unreadable")
        #expect(try program.run("serve", "--lease", "4").exitCode == 2)
    }

    // MARK: The company

    private static let now = ["HUIKUAN_NOW": "2026-06-10T04:00:00Z"]

    /// Customers with an invoice due in two days each, whose messages may go at once; and one whose address is wrong.
    private static func company(customers: Int) throws -> Program {
        let program = try Program()
        func run(_ arguments: String...) throws {
            let process = program.process(arguments)
            process.environment = ProcessInfo.processInfo.environment.merging(now) { $1 }
            let answer = try Program.finish(process)
            try #require(answer.exitCode == 0, "\(arguments): \(answer.complaint)")
        }
        try run("init", "--kind", "test", "--language", "en", "--company", "蓝海软件")
        let names = (1...customers).map { "C\($0)" } + (customers > 4 ? ["nobody"] : [])
        try program.write(
            "customers.csv", "code,name,sales_owner\n" + names.map { "\($0),Customer \($0),s@x.cn\n" }.joined())
        try program.write(
            "contacts.csv",
            "customer,name,purpose,email\n" + names.map { "\($0),P,payment,\($0)@x.cn\n" }.joined())
        try program.write(
            "invoices.csv",
            "number,customer,issue_date,due_date,amount\n"
                + names.map { "I-\($0),\($0),2026-05-12,2026-06-12,100\n" }.joined())
        try program.write("receipts.csv", "reference,date,amount\n")
        try program.write("policy.yaml", "tracking: {go_live: {days: 0}}\n")
        for kind in ["customers", "contacts", "invoices", "receipts"] {
            try run("import", kind, program.path("\(kind).csv"))
        }
        try run("policy", "set", program.path("policy.yaml"), "--from", "2026-01-01", "--reason", "x")
        return program
    }

    private static func states(_ program: Program) throws -> [String: Int] {
        let items = try program.run("reminders", "--json", "--limit", "100").json()["items"] as? [[String: Any]] ?? []
        let toCustomers = items.filter { ($0["audience"] as? String) == "customer" }
        return Dictionary(grouping: toCustomers) { $0["state"] as? String ?? "" }.mapValues(\.count)
    }

    private static func daysRun(_ program: Program) throws -> Int {
        let acts = try program.run("acts", "--json", "--limit", "1000").json()["items"] as? [[String: Any]] ?? []
        return acts.count { ($0["command"] as? String) == "run-day" }
    }

    static func wait(_ what: Comment, _ isSo: () throws -> Bool) throws {
        let end = ContinuousClock.now + .seconds(60)
        while try !isSo() {
            try #require(ContinuousClock.now < end, what)
            usleep(100_000)
        }
    }

    /// `huikuan serve` as a process.
    private final class Server {
        private let process: Process

        init(_ program: Program, _ office: PostOffice, lease: Int = 60) throws {
            process = program.process(
                ["serve", "--port", "0", "--smtp", office.address, "--from", "ar@blue.example", "--lease", "\(lease)"])
            process.environment = ProcessInfo.processInfo.environment.merging(ServeTests.now) { $1 }
                .merging(["HUIKUAN_SMTP_PASSWORD": office.password]) { $1 }
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
        }

        deinit { if process.isRunning { kill() } }

        func kill() {
            Foundation.kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }

        func stop() -> Int32 {
            Foundation.kill(process.processIdentifier, SIGTERM)
            process.waitUntilExit()
            return process.terminationStatus
        }
    }
}

/// A mail server (aiosmtpd) that writes down what it takes, and knows nobody called `nobody`.
final class PostOffice {
    struct Letter: Decodable {
        let to: String
        let id: String
        let subject: String
        let text: String
    }

    static let isThere = (try? python("import aiosmtpd")) == 0
    static let howToGet: Comment = "skipped: there is no mail server to send to; install python3-aiosmtpd"

    let address: String
    let password: String
    private let process: Process
    private let list: URL

    /// - Parameter hangsAt: The letter that it takes down and doesn't answer.
    init(in folder: URL, hangsAt: Int = 0, password: String = "") throws {
        self.password = password
        list = folder.appendingPathComponent("letters.jsonl")
        _ = FileManager.default.createFile(atPath: list.path, contents: nil)
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = ["-c", Self.program, list.path, "\(hangsAt)", password]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let port = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        address =
            "smtp://\(password.isEmpty ? "" : "me@")127.0.0.1:" + port.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    deinit {
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    func letters() throws -> [Letter] {
        try String(contentsOf: list, encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode(Letter.self, from: Data($0.utf8))
        }
    }

    func wait(for count: Int) throws { try ServeTests.wait("\(count) letters") { try letters().count >= count } }

    private static func python(_ program: String) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = ["-c", program]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    private static let program = """
        import asyncio, email, email.policy, json, sys
        from aiosmtpd.smtp import SMTP, AuthResult
        count = 0
        class Office:
            async def handle_RCPT(self, server, session, envelope, address, options):
                if address.startswith('nobody'):
                    return '550 nobody of that name'
                envelope.rcpt_tos.append(address)
                return '250 OK'
            async def handle_DATA(self, server, session, envelope):
                global count
                count += 1
                m = email.message_from_bytes(envelope.content, policy=email.policy.default)
                with open(sys.argv[1], 'a') as f:
                    f.write(json.dumps({'to': envelope.rcpt_tos[0], 'id': m['Message-ID'], 'subject': m['Subject'],
                                        'text': m.get_content()}) + '\\n')
                if count == int(sys.argv[2]):
                    await asyncio.sleep(3600)
                return '250 taken'
        async def main():
            loop = asyncio.get_running_loop()
            password = sys.argv[3].encode()
            def check(server, session, envelope, mechanism, data):
                return AuthResult(success=data.login == b'me' and data.password == password)
            options = dict(authenticator=check, auth_required=True, auth_require_tls=False) if password else {}
            server = await loop.create_server(lambda: SMTP(Office(), **options), '127.0.0.1', 0)
            print(server.sockets[0].getsockname()[1], flush=True)
            await server.serve_forever()
        asyncio.run(main())
        """
}
