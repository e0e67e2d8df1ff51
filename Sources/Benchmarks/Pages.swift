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
        let session = try Connection(port: port, cookie: "").cookie(of: "/link/\(cookie)")
        let pages = try addresses(port, session)
        report("", "first      median     bytes")
        for page in pages {
            let connection = try Connection(port: port, cookie: session)
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
        let connection = try Connection(port: port, cookie: session)
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
        let results = Results()
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
                guard let connection = try? Connection(port: port, cookie: session) else { return results.fail() }
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
        let (times, failures) = results.all
        let sorted = times.sorted()
        func part(_ share: Double) -> String {
            sorted.isEmpty ? "-" : format(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))], 1)
        }
        report(
            title,
            "\(format(Double(times.count) / seconds, 0)) pages/s, p50 \(part(0.5)) ms, p95 \(part(0.95)) ms, p99 \(part(0.99)) ms, failed \(failures)"
        )
    }

    private final class Results: @unchecked Sendable {
        // Guarded by `lock`.
        private let lock = NSLock()
        private var times: [Double] = []
        private var failures = 0

        func add(_ time: Double) { lock.withLock { times.append(time) } }
        func fail() { lock.withLock { failures += 1 } }
        var all: ([Double], Int) { lock.withLock { (times, failures) } }
    }

    /// One connection that asks for pages and waits for each.
    private final class Connection {
        private let socket: Int32
        private let cookie: String
        private let port: Int
        private var buffer: [UInt8] = []

        struct Broken: Error {}

        init(port: Int, cookie: String) throws {
            self.port = port
            self.cookie = cookie
            socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            let result = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard result == 0 else { throw Broken() }
        }

        deinit { close(socket) }

        func get(_ path: String) throws -> (seconds: Double, bytes: Int) {
            let begun = ContinuousClock.now
            let (head, body) = try ask(path)
            guard head.hasPrefix("HTTP/1.1 200") else { throw Broken() }
            let passed = (ContinuousClock.now - begun).components
            return (Double(passed.seconds) + Double(passed.attoseconds) / 1e18, body.count)
        }

        func text(_ path: String) throws -> String { String(decoding: try ask(path).body, as: UTF8.self) }

        /// The session that a link gives.
        func cookie(of path: String) throws -> String {
            let head = try ask(path).head
            return head.firstMatch(of: /(hk_session=[^;]+)/).map { String($0.1) } ?? ""
        }

        private func ask(_ path: String) throws -> (head: String, body: [UInt8]) {
            let request = "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nCookie: \(cookie)\r\n\r\n"
            let sent = Array(request.utf8)
            guard write(socket, sent, sent.count) == sent.count else { throw Broken() }
            buffer.removeAll(keepingCapacity: true)
            var headEnd: Int?
            var length = 0
            var chunk = [UInt8](repeating: 0, count: 1 << 16)
            while true {
                let count = read(socket, &chunk, chunk.count)
                guard count > 0 else { throw Broken() }
                buffer.append(contentsOf: chunk[0..<count])
                if headEnd == nil, let end = Self.end(of: buffer) {
                    headEnd = end
                    let head = String(decoding: buffer[0..<end], as: UTF8.self).lowercased()
                    length = head.firstMatch(of: /content-length: (\d+)/).flatMap { Int($0.1) } ?? 0
                }
                if let headEnd, buffer.count >= headEnd + 4 + length {
                    return (
                        String(decoding: buffer[0..<headEnd], as: UTF8.self),
                        Array(buffer[headEnd + 4..<headEnd + 4 + length])
                    )
                }
            }
        }

        private static func end(of bytes: [UInt8]) -> Int? {
            guard bytes.count >= 4 else { return nil }
            return (0...bytes.count - 4).first {
                bytes[$0] == 13 && bytes[$0 + 1] == 10 && bytes[$0 + 2] == 13 && bytes[$0 + 3] == 10
            }
        }
    }
}
