import Database
import Foundation
import Glibc
import Ledger
import Operations
import Receivables

/// Pages under load: a server in a process of its own on a large store, and people who ask for pages one after the
/// other. Everything stays on this machine and ends by itself.
struct Pages {
    let source: Files
    let program: String
    let folder: URL
    private let actor = Actor.operatorOfSystem(user: "bench")
    private let clock: @Sendable () -> Instant = {
        Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6))
    }

    private static let people = 50

    struct Failed: Error, CustomStringConvertible {
        let text: String
        var description: String { text }
    }

    func run() async throws {
        let path = folder.appendingPathComponent("pages.db").path
        let cookie = try await makeStore(path)
        let (server, port) = try start(path)
        defer {
            server.terminate()
            server.waitUntilExit()
        }
        let session = try HTTPConnection(port: port).cookie(of: "/link/\(cookie)")
        let pages = try addresses(port, session)
        report("", "first      median     bytes")
        for page in pages {
            let connection = try HTTPConnection(port: port, header: "Cookie: \(session)")
            var times: [Double] = []
            var bytes = 0
            for _ in 0..<15 {
                let (seconds, size) = try connection.get(page.path)
                times.append(seconds * 1000)
                bytes = size
            }
            report(
                page.name,
                "\(format(times[0], 1)) ms".padding(toLength: 11, withPad: " ", startingAt: 0)
                    + "\(format(times.sorted()[7], 1)) ms".padding(toLength: 11, withPad: " ", startingAt: 0)
                    + "\(bytes)")
        }
        load("\(Self.people) people, a page a second each", pages, port, session, pause: 1, seconds: 20)
        load("\(Self.people) people without a pause", pages, port, session, pause: 0, seconds: 10)
    }

    /// Imports the files, and makes a link for a finance manager.
    private func makeStore(_ path: String) async throws -> String {
        guard let currency = Currency("USD") else { return "" }
        let settings = CompanySettings(
            name: "Bench", currency: currency, language: "en", timeZone: "UTC", country: "CN", kind: .test)
        let store = try await CreateCompany(settings).run(path: path, actor: actor, now: clock(), clock: clock)
        for kind in [ImportKind.customers, .invoices, .receipts, .allocations] {
            _ = try await FileImport(kind, .file(path: source.path(kind.rawValue))).run(
                in: store, actor: actor, source: "bench", now: clock(), today: clock().utcDay)
        }
        func request(_ permission: Permission) -> ActRequest {
            ActRequest(
                command: permission.rawValue, actor: actor, source: "bench", now: clock(), today: clock().utcDay)
        }
        _ = try await WorkCommands(in: store, request(.setPerson)).setPerson(
            "bench@example.com", manager: nil, roles: [.financeManager, .accountant], without: [])
        let link = try await AccountCommands(in: store, request(.changePassword)).signInLink(for: "bench@example.com")
        try store.checkpoint()
        try store.close()
        return link.token
    }

    private func start(_ path: String) throws -> (Process, Int) {
        let server = Process()
        server.executableURL = URL(fileURLWithPath: program)
        server.arguments = ["serve", "--store", path, "--port", "0", "--language", "en"]
        let output = Pipe()
        server.standardOutput = output
        let log = folder.appendingPathComponent("serve.log")
        _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        server.standardError = try FileHandle(forWritingTo: log)
        let begun = ContinuousClock.now
        try server.run()
        var text = ""
        while true {
            let data = output.fileHandleForReading.availableData
            guard !data.isEmpty else {
                throw Failed(text: "serve ended: \(text)\((try? String(contentsOf: log, encoding: .utf8)) ?? "")")
            }
            text += String(decoding: data, as: UTF8.self)
            if let match = text.firstMatch(of: /127\.0\.0\.1:(\d+)\n/), let port = Int(match.1) {
                report("start of serve until it takes connections", "\(seconds(since: begun)) s")
                return (server, port)
            }
        }
    }

    private func seconds(since begun: ContinuousClock.Instant) -> String {
        let passed = (ContinuousClock.now - begun).components
        return format(Double(passed.seconds) + Double(passed.attoseconds) / 1e18, 2)
    }

    /// The pages of a day's work, with records that are there.
    private func addresses(_ port: Int, _ session: String) throws -> [(name: String, path: String)] {
        let connection = try HTTPConnection(port: port, header: "Cookie: \(session)")
        let customers = try connection.text("/customers")
        let customer =
            customers.firstMatch(of: /href="(\/customers\/[^"?]+)" data-open/).map { String($0.1) } ?? "/customers"
        let invoices = try connection.text("/invoices?state=overdue")
        let invoice =
            invoices.firstMatch(of: /href="(\/invoices\/[^"?]+)" data-open/).map { String($0.1) } ?? "/invoices"
        let number = invoice.split(separator: "/").last.map(String.init) ?? "1"
        let receipts = try connection.text("/receipts")
        let receipt = receipts.firstMatch(of: /href="(\/receipts\/\d+)/).map { String($0.1) } ?? "/receipts"
        return [
            ("my day", "/"), ("customers", "/customers"), ("customers, by name", "/customers?sort=name&skip=5000"),
            ("one customer", customer), ("register, overdue", "/invoices?state=overdue"),
            ("register, all by amount", "/invoices?state=all&sort=amount"), ("one invoice", invoice),
            ("receipts", "/receipts"), ("one receipt", receipt), ("aging", "/aging"),
            ("aging, a year ago", "/aging?asOf=2025-03-31"), ("aging by owner", "/aging?by=owner"), ("tasks", "/tasks"),
            ("ledger", "/ledger"), ("journal of acts", "/acts"),
            ("search, a number", "/search?q=\(number)&part=suggest"),
            ("search, nothing found", "/search?q=zzzzqq&part=suggest"),
        ]
    }

    private func load(
        _ title: String, _ pages: [(name: String, path: String)], _ port: Int, _ session: String, pause: Double,
        seconds: Double
    ) {
        let results = RequestTimes()
        let end = Date().addingTimeInterval(seconds)
        let group = DispatchGroup()
        for person in 0..<Self.people {
            group.enter()
            let thread = Thread {
                defer { group.leave() }
                var random = UInt64(person) &* 0x9E37_79B9_7F4A_7C15 &+ 1
                func next() -> UInt64 {
                    random ^= random << 13
                    random ^= random >> 7
                    random ^= random << 17
                    return random
                }
                guard let connection = try? HTTPConnection(port: port, header: "Cookie: \(session)") else {
                    return results.fail()
                }
                if pause > 0 { Thread.sleep(forTimeInterval: Double(next() % 1000) / 1000 * pause) }
                while Date() < end {
                    let page = pages[Int(next() % UInt64(pages.count))]
                    do { results.add(try connection.get(page.path).seconds * 1000) } catch { return results.fail() }
                    if pause > 0 { Thread.sleep(forTimeInterval: pause * (0.5 + Double(next() % 1000) / 1000)) }
                }
            }
            thread.start()
        }
        group.wait()
        report(title, results.text("pages/s", seconds: seconds))
    }
}
