import ArgumentParser
import Database
import Foundation
import Ledger
import OpenItems
import Operations
import Receivables

/// Measures the jobs of spec 11.1 and prints rates, and ratios to a floor measured in the same run.
@main
struct Benchmarks: AsyncParsableCommand {
    @Option(help: "How many invoices are imported.") var invoices = 1_000_000
    @Option(help: "How many items are aged in memory.") var items = 10_000_000
    @Option(help: "A folder with canonical CSV files; they are generated otherwise.") var files: String?

    @Option(help: "The program to serve: measures its pages under load instead.") var pages: String?

    @Option(help: "The program to serve: measures its API instead; with --server on both engines.") var api: String?

    @Flag(help: "With --api, acts in this process alone: what a group in one commit is worth.") var acts = false

    @Option(help: "A PostgreSQL database: measures both engines side by side instead.") var server: String?

    func run() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("huikuan-bench-\(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let source = Files(folder: files.map { URL(fileURLWithPath: $0) } ?? folder, invoices: invoices)
        if files == nil { try source.write() }
        if let pages { return try await Pages(source: source, program: pages, folder: folder).run() }
        if let api {
            let requests = Requests(source: source, program: api, folder: folder, server: server, actsAlone: acts)
            return try await requests.run()
        }
        if let server {
            return try await Engines(source: source).run(
                file: folder.appendingPathComponent("side.db").path, server: server)
        }
        let store = try await imports(source, folder)
        try await reports(store)
        try await day(store)
        agingInMemory()
        report("memory, most", "\(Measure.peakMemory) MiB")
    }

    private static let clock: @Sendable () -> Instant = {
        Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6))
    }
    private var actor: Actor { .operatorOfSystem(user: "bench") }

    private func company(_ path: String) async throws -> Store {
        guard let currency = Currency("USD") else { throw CleanExit.message("USD") }
        let settings = CompanySettings(
            name: "Bench", currency: currency, language: "en", timeZone: "UTC", country: "CN", kind: .test)
        return try await CreateCompany(settings).run(path: path, actor: actor, now: Self.clock(), clock: Self.clock)
    }

    // MARK: Import

    private static let tables: [(kind: ImportKind, tables: [(name: String, key: String)])] = [
        (.customers, [("customer", "id"), ("customer_version", "id")]),
        (.invoices, [("invoice", "id"), ("item", "id"), ("item_balance", "item")]),
        (.receipts, [("credit", "id"), ("credit_balance", "credit")]),
        (.allocations, [("allocation", "id"), ("transfer", "id")]),
    ]

    private func imports(_ source: Files, _ folder: URL) async throws -> Store {
        let path = folder.appendingPathComponent("bench.db").path
        let store = try await company(path)
        let today = Self.clock().utcDay
        var total = Measure(wall: 0, processor: 0)
        for (kind, _) in Self.tables {
            let (measure, result) = try await Measure.take {
                try await FileImport(kind, .file(path: source.path(kind.rawValue))).run(
                    in: store, actor: actor, source: "bench", now: Self.clock(), today: today)
            }
            let count = Double(max(result.report.created, 1))
            report(
                "import \(kind.rawValue)",
                "\(format(measure.wall)) s, \(format(count / measure.wall / 1000, 0)) k lines/s, "
                    + "\(format(measure.processor / count * 1e6, 1)) µs of processor each")
            total = Measure(wall: total.wall + measure.wall, processor: total.processor + measure.processor)
        }
        try store.checkpoint()
        let floorPath = folder.appendingPathComponent("floor.db").path
        _ = try await company(floorPath)
        guard let floor = BareInsert.run(from: path, into: floorPath, tables: Self.tables.flatMap(\.tables)) else {
            return store
        }
        report(
            "all imports, floor",
            "bare inserts of all rows \(format(floor.processor)) s; "
                + "imports \(format(total.processor)) s of processor: \(format(total.processor / floor.processor))×")
        for ending in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: floorPath + ending) }
        return store
    }

    // MARK: Reports

    private func reports(_ store: Store) async throws {
        guard let asOf = LocalDate("2025-12-31"), let earlier = LocalDate("2025-06-30") else { return }
        func make(_ day: LocalDate, _ store: Store) throws {
            var request = AgingReport.Request(asOf: day, buckets: .standardDue)
            request.dimensions = [.customer]
            _ = try AgingReport.make(request, in: store)
        }
        let (cold, _) = try Measure.take { try make(asOf, store) }
        report("aging by customer, from facts", "\(format(cold.wall)) s for the first answer of a process")
        let (image, _) = try Measure.take {
            try make(asOf, Store.open(path: store.path, clock: Self.clock))
        }
        report(
            "aging by customer, from the image",
            "\(format(image.wall, 3)) s for the first answer of a process, opening included")
        let warm = try Measure.best(of: 5) { try make(earlier, store) }
        report("aging by customer, warm", "\(format(warm.wall * 1000, 1)) ms for any day, names and proof included")
    }

    private func day(_ store: Store) async throws {
        guard let first = LocalDate("2025-12-15") else { return }
        let running = RunDay(in: store, actor: actor, source: "bench")
        let today = Self.clock().utcDay
        for offset in 0..<4 {
            let day = first.adding(days: offset)
            let (measure, reports) = try await Measure.take {
                try await running.run(to: day, now: Self.clock(), today: today)
            }
            let hits = reports.flatMap { $0.rules.values }.reduce(0) { $0 + $1.created }
            report(
                "day \(day)",
                "\(format(measure.wall, 3)) s, \(hits) new, \(format(measure.processor / Double(max(hits, 1)) * 1e6, 1)) µs of processor each"
            )
        }
    }

    // MARK: Aging in memory

    /// The kernel against one read of the bytes that it needs.
    private func agingInMemory() {
        guard let currency = Currency("USD"), let start = LocalDate("2023-01-01"), let asOf = LocalDate("2025-12-31")
        else { return }
        var picture = OpenItems()
        picture.reserve(items: items, allocations: items * 6 / 5, lastFact: Int64(items) * 3)
        let debtors = max(20, items / 50)
        let indexes = (0..<debtors).map {
            picture.index(of: OpenItems.Debtor(entity: 1, customer: Int64($0 + 1), currency: currency))
        }
        var state: UInt64 = 7
        func next(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(limit))
        }
        var item = OpenItems.NewItem(
            fact: 0, debtor: OpenItems.Debtor(entity: 1, customer: 1, currency: currency), postingDay: 0, issueDay: 0,
            recognisedDay: 0, dueDay: 0, amount: 0, owner: 0, contract: "", productLine: "")
        for number in 0..<items {
            item.fact = Int64(number + 1)
            item.postingDay = Int32(start.dayNumber + number * 1096 / items)
            item.issueDay = item.postingDay
            item.recognisedDay = item.postingDay
            item.dueDay = item.postingDay + Int32(next(91))
            item.amount = Int64(1_000 + next(1_000_000))
            picture.add(item, debtor: indexes[next(debtors)])
        }
        var fact = Int64(items)
        for number in 0..<items {
            for _ in 0..<(number % 5 == 0 ? 2 : 1) {
                fact += 1
                let day = Int32(start.dayNumber + number * 1096 / items + next(200))
                _ = picture.addAllocation(fact: fact, item: Int64(number + 1), day: day, amount: 400, kind: 1)
            }
        }
        picture.sort()
        let query = OpenItems.Query(asOf: asOf, buckets: .standardDue)
        let warm = Measure.best(of: 5) { _ = picture.aging(query) }
        let bytes = picture.itemCount * 16 + picture.allocationCount * 16
        let columns = (0..<bytes / 8).map { Int64($0 & 1023) }
        // The sum is looked at, so that no compiler leaves the reading out.
        var sums: Set<Int64> = []
        let floor = Measure.best(of: 5) {
            sums.insert(columns.withUnsafeBufferPointer { buffer in buffer.reduce(Int64(sums.count)) { $0 &+ $1 } })
        }
        report(
            "aging \(items / 1_000_000) M in memory",
            "\(format(warm.wall * 1000, 1)) ms, \(format(warm.wall / Double(items) * 1e9)) ns an item; one read of "
                + "\(bytes >> 20) MiB \(format(floor.wall * 1000, 1)) ms: \(format(warm.wall / floor.wall))×"
        )
    }
}
