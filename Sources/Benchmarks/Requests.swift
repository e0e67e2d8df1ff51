import CPQ
import CSQLite
import Database
import DatabasePostgres
import Foundation
import Ledger
import Operations
import Receivables

/// The API under load on both engines: reads and writes of one client and of fifty, beside the bare commit of one row by
/// the same engine in the same run. Everything stays on this machine and ends by itself.
struct Requests {
    let source: Files
    let program: String
    let folder: URL
    /// A PostgreSQL database; `nil` measures files alone.
    let server: String?
    /// Nothing over HTTP.
    let actsAlone: Bool
    private let actor = Actor.operatorOfSystem(user: "bench")
    private let clock: @Sendable () -> Instant = {
        Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6))
    }
    private static let clients = 50

    func run() async throws {
        let path = folder.appendingPathComponent("api.db").path
        report("", "a file (SQLite)")
        try await measure(
            path, FilePlace(), floor: { count in Self.bareFile(folder.appendingPathComponent("floor.db").path, count) })
        guard let server else { return }
        let address = server + (server.contains("?") ? "&" : "?") + "schema=bench_api_\(getpid())"
        defer { PostgresPlace().discard(address) }
        report("", "a server (PostgreSQL)")
        try await measure(address, PostgresPlace(), floor: { count in Self.bareServer(server, count) })
    }

    /// - Parameter floor: Seconds of one bare commit of one row, the median of so many.
    private func measure(_ name: String, _ place: any StorePlace, floor: (Int) -> Double) async throws {
        let token = try await makeStore(name, place)
        let bare = floor(400)
        report("bare commit of one row", "\(format(bare * 1000, 3)) ms (median of 400)")
        try await inProcess(name, place, bare)
        if actsAlone { return }
        let (process, port) = try start(name)
        defer {
            process.terminate()
            process.waitUntilExit()
        }
        let header = "Authorization: Bearer \(token)"
        let one = try HTTPConnection(port: port, header: header)
        let alone = RequestTimes()
        for number in 0..<400 {
            alone.add(try one.post("/api/v1/customers", Self.customer("one-\(number)")) * 1000)
        }
        report(
            "a write over HTTP, alone",
            "\(format(alone.median, 3)) ms: \(format(alone.median / (bare * 1000), 1))× bare; twice bare and 1 ms are "
                + "\(format(bare * 2000 + 1, 3)) ms")
        let reading = RequestTimes()
        for number in 0..<400 { reading.add(try one.get("/api/v1/customers/one-\(number)").seconds * 1000) }
        report("a read over HTTP, alone", "\(format(reading.median, 3)) ms")
        let items = try one.text("/api/v1/items?limit=200&sort=amount")
        let numbers = items.matches(of: /"number":"([^"]+)"/).map { String($0.1) }
        load("\(Self.clients) clients reading records", port, header) { connection, next in
            if next() % 2 == 0 {
                return try connection.get("/api/v1/customers/one-\(next() % 400)").seconds
            }
            return try connection.get("/api/v1/invoices/\(numbers[Int(next() % UInt64(numbers.count))])").seconds
        }
        load("\(Self.clients) clients reading lists of 50", port, header) { connection, next in
            let lists = ["/items?state=overdue", "/customers?limit=50", "/receipts", "/reports/customers"]
            return try connection.get("/api/v1\(lists[Int(next() % 4)])").seconds
        }
        load("\(Self.clients) clients writing", port, header) { connection, next in
            try connection.post("/api/v1/customers", Self.customer("w\(next())"))
        }
        load("\(Self.clients) clients, every tenth a write", port, header) { connection, next in
            if next() % 10 == 0 { return try connection.post("/api/v1/customers", Self.customer("m\(next())")) }
            return try connection.get("/api/v1/invoices/\(numbers[Int(next() % UInt64(numbers.count))])").seconds
        }
    }

    private static func customer(_ code: String) -> String { "{\"code\":\"\(code)\",\"name\":\"Customer \(code)\"}" }

    // MARK: Without HTTP

    /// One act per commit, and the acts of fifty writers at once, in this process.
    private func inProcess(_ name: String, _ place: any StorePlace, _ bare: Double) async throws {
        let store = try Store.open(path: name, in: place, clock: clock)
        let times = RequestTimes()
        let begun = ContinuousClock.now
        let count = 1_000
        for number in 0..<count {
            let before = ContinuousClock.now
            try await write("p\(number)", store)
            times.add(Self.seconds(since: before) * 1000)
        }
        let alone = Double(count) / Self.seconds(since: begun)
        report(
            "an act, one per commit",
            "\(format(times.median, 3)) ms: \(format(times.median / bare / 1000, 1))× bare; \(format(alone, 0)) acts/s")
        let before = store.writing.groups
        let start = ContinuousClock.now
        let each = 2_000
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<Self.clients {
                group.addTask { for number in 0..<each { try await write("g\(writer)-\(number)", store) } }
            }
            try await group.waitForAll()
        }
        let together = Double(Self.clients * each) / Self.seconds(since: start)
        report(
            "acts of \(Self.clients) writers",
            "\(format(together, 0)) acts/s: \(format(together / alone, 1))× one per commit, \(format(together * bare, 1))× bare commits; "
                + "\(format(Double(Self.clients * each) / Double(store.writing.groups - before), 1)) acts in a commit")
        try store.checkpoint()
        try store.close()
    }

    private func write(_ code: String, _ store: Store) async throws {
        let now = clock()
        var importing = FileImport(.customers, .text("code,name\n\(code),Customer \(code)\n"))
        importing.command = Permission.registerCustomer.rawValue
        importing.key = "bench \(code)"
        _ = try await importing.run(
            in: store, actor: .person(key: Self.person), source: "api", now: now, today: now.utcDay)
    }

    private static func seconds(since begun: ContinuousClock.Instant) -> Double {
        let passed = (ContinuousClock.now - begun).components
        return Double(passed.seconds) + Double(passed.attoseconds) / 1e18
    }

    // MARK: Floors

    /// One row, one commit, fully synced, by SQLite itself.
    private static func bareFile(_ path: String, _ count: Int) -> Double {
        var connection: OpaquePointer?
        guard sqlite3_open(path, &connection) == SQLITE_OK else { return 1 }
        defer { sqlite3_close(connection) }
        for text in [
            "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
            "CREATE TABLE bare (id INTEGER PRIMARY KEY, code TEXT NOT NULL, name TEXT NOT NULL)",
        ] {
            sqlite3_exec(connection, text, nil, nil, nil)
        }
        var times: [Double] = []
        for number in 0..<count {
            let begun = ContinuousClock.now
            sqlite3_exec(
                connection, "INSERT INTO bare (code, name) VALUES ('c\(number)', 'Customer \(number)')", nil, nil, nil)
            times.append(seconds(since: begun))
        }
        return times.sorted()[count / 2]
    }

    /// The same by libpq.
    private static func bareServer(_ address: String, _ count: Int) -> Double {
        let connection = PQconnectdb(address)
        defer { PQfinish(connection) }
        PQclear(PQexec(connection, "CREATE TEMP TABLE IF NOT EXISTS nothing (id bigint)"))
        let table = "bare_\(getpid())"
        PQclear(
            PQexec(
                connection, "CREATE TABLE \(table) (id bigserial PRIMARY KEY, code text NOT NULL, name text NOT NULL)"))
        defer { PQclear(PQexec(connection, "DROP TABLE \(table)")) }
        var times: [Double] = []
        for number in 0..<count {
            let begun = ContinuousClock.now
            PQclear(PQexec(connection, "INSERT INTO \(table) (code, name) VALUES ('c\(number)', 'Customer \(number)')"))
            times.append(seconds(since: begun))
        }
        return times.sorted()[count / 2]
    }

    // MARK: The store and its server

    private static let person = "bench@example.com"

    private func makeStore(_ name: String, _ place: any StorePlace) async throws -> String {
        guard let currency = Currency("USD") else { return "" }
        let settings = CompanySettings(
            name: "Bench", currency: currency, language: "en", timeZone: "UTC", country: "CN", kind: .test)
        let store = try await CreateCompany(settings).run(
            path: name, in: place, actor: actor, now: clock(), clock: clock)
        for kind in [ImportKind.customers, .invoices, .receipts, .allocations] {
            _ = try await FileImport(kind, .file(path: source.path(kind.rawValue))).run(
                in: store, actor: actor, source: "bench", now: clock(), today: clock().utcDay)
        }
        func request(_ permission: Permission, _ actor: Actor) -> ActRequest {
            ActRequest(
                command: permission.rawValue, actor: actor, source: "bench", now: clock(), today: clock().utcDay)
        }
        let roles: [Role] = [.financeManager, .accountant, .sales]
        _ = try await WorkCommands(in: store, request(.setPerson, actor)).setPerson(
            Self.person, manager: nil, roles: roles, without: [])
        _ = try await AccountCommands(in: store, request(.setPerson, actor)).register(Self.person, name: "Bench")
        let scopes = Set(Permission.allCases.filter { $0.isAllowed(Set(roles)) })
        let made = try await AccountCommands(in: store, request(.makeToken, .person(key: Self.person))).makeToken(
            name: "bench", scopes: scopes, days: 1)
        // Everybody can see all customers.
        _ = try await AccountCommands(in: store, request(.setScope, actor)).setScope(.all, of: Self.person)
        try store.checkpoint()
        try store.close()
        return made?.token ?? ""
    }

    private func start(_ name: String) throws -> (Process, Int) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["serve", "--store", name, "--port", "0", "--language", "en", "--requests-per-second", "0"]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        var text = ""
        while true {
            let data = output.fileHandleForReading.availableData
            guard !data.isEmpty else { throw Pages.Failed(text: "serve ended: \(text)") }
            text += String(decoding: data, as: UTF8.self)
            if let match = text.firstMatch(of: /127\.0\.0\.1:(\d+)\n/), let port = Int(match.1) {
                return (process, port)
            }
        }
    }

    private func load(
        _ title: String, _ port: Int, _ header: String,
        _ ask: @escaping @Sendable (HTTPConnection, () -> UInt64) throws -> Double
    ) {
        let results = RequestTimes()
        let seconds = 5.0
        let end = Date().addingTimeInterval(seconds)
        let group = DispatchGroup()
        for client in 0..<Self.clients {
            group.enter()
            Thread {
                defer { group.leave() }
                var random = UInt64(client) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(title.utf8.count) &+ 1
                func next() -> UInt64 {
                    random ^= random << 13
                    random ^= random >> 7
                    random ^= random << 17
                    return random >> 8
                }
                guard let connection = try? HTTPConnection(port: port, header: header) else { return results.fail() }
                while Date() < end {
                    do { results.add(try ask(connection, next) * 1000) } catch { return results.fail() }
                }
            }.start()
        }
        group.wait()
        report(title, results.text("requests/s", seconds: seconds))
    }
}
