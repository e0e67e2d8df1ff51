import Database
import DatabasePostgres
import Foundation
import Ledger
import OpenItems
import Operations
import Receivables

/// The same jobs on a file and on a server, side by side: imports, a day, opening, and commands of many at once.
struct Engines {
    let source: Files
    let actor = Actor.operatorOfSystem(user: "bench")
    private let clock: @Sendable () -> Instant = {
        Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6))
    }

    private struct Figures {
        var rows: [(job: String, value: Double, unit: String)] = []
    }

    func run(file: String, server: String) async throws {
        let schema = "bench_\(getpid())"
        let address = server + (server.contains("?") ? "&" : "?") + "schema=" + schema
        defer { PostgresPlace().discard(address) }
        let inFile = try await figures(file, FilePlace())
        let onServer = try await figures(address, PostgresPlace())
        report("", "file (SQLite)      server (PostgreSQL)   ratio")
        for (one, other) in zip(inFile.rows, onServer.rows) {
            let pair = [one, other].map { "\(format($0.value, $0.value < 10 ? 2 : 0)) \($0.unit)" }
            report(
                one.job,
                pair[0].padding(toLength: 19, withPad: " ", startingAt: 0)
                    + pair[1].padding(toLength: 22, withPad: " ", startingAt: 0)
                    + "\(format(other.value / max(one.value, 1e-9), 1))×")
        }
    }

    private func figures(_ name: String, _ place: any StorePlace) async throws -> Figures {
        var figures = Figures()
        guard let currency = Currency("USD"), let asOf = LocalDate("2025-12-31"), let day = LocalDate("2025-12-15")
        else { return figures }
        let settings = CompanySettings(
            name: "Bench", currency: currency, language: "en", timeZone: "UTC", country: "CN", kind: .test)
        let store = try await CreateCompany(settings).run(
            path: name, in: place, actor: actor, now: clock(), clock: clock)
        for kind in [ImportKind.customers, .invoices, .receipts, .allocations] {
            let (measure, result) = try await Measure.take {
                try await FileImport(kind, .file(path: source.path(kind.rawValue))).run(
                    in: store, actor: actor, source: "bench", now: clock(), today: clock().utcDay)
            }
            let count = Double(max(result.report.created, 1))
            figures.rows.append(("import \(kind.rawValue), a line", measure.wall / count * 1e6, "µs"))
        }
        try store.checkpoint()
        let (running, _) = try await Measure.take {
            try await RunDay(in: store, actor: actor, source: "bench").run(
                to: day, now: clock(), today: clock().utcDay)
        }
        figures.rows.append(("first day", running.wall, "s"))
        let (opening, _) = try Measure.take {
            var request = AgingReport.Request(asOf: asOf, buckets: .standardDue)
            request.dimensions = [.currency]
            _ = try AgingReport.make(request, in: Store.open(path: name, in: place, clock: clock))
        }
        figures.rows.append(("opening and first aging", opening.wall, "s"))
        try await manyAtOnce(store, &figures)
        return figures
    }

    // MARK: Many at once

    private static let writers = 8
    private static let readers = 32
    private static let commandsEach = 250

    /// Writers that register a receipt each time, and readers that look an invoice up, all of them without a pause.
    private func manyAtOnce(_ store: Store, _ figures: inout Figures) async throws {
        let alone = try await commands(of: 0, 200, store, prefix: "A")
        figures.rows.append(("a command alone, median", alone.part(0.5), "ms"))
        let reading = Reading(store, readers: Self.readers, invoices: source.invoices)
        reading.start()
        let begin = ContinuousClock.now
        let taken = try await withThrowingTaskGroup(of: Latencies.self) { group in
            for writer in 0..<Self.writers {
                group.addTask { try await commands(of: writer, Self.commandsEach, store, prefix: "W") }
            }
            return try await group.reduce(into: Latencies()) { $0.add($1) }
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        let read = reading.end()
        figures.rows.append(("8 writers: commands a second", Double(taken.count) / seconds, "/s"))
        figures.rows.append(("8 writers: median", taken.part(0.5), "ms"))
        figures.rows.append(("8 writers: 99 of 100 within", taken.part(0.99), "ms"))
        figures.rows.append(("32 readers: look-ups a second", Double(read.count) / seconds, "/s"))
        figures.rows.append(("32 readers: median", read.part(0.5), "ms"))
        figures.rows.append(("32 readers: 99 of 100 within", read.part(0.99), "ms"))
    }

    private func commands(of writer: Int, _ count: Int, _ store: Store, prefix: String) async throws -> Latencies {
        var latencies = Latencies()
        for number in 0..<count {
            let text = "reference,date,amount,currency\n\(prefix)\(writer)-\(number),2025-12-20,10.00,USD\n"
            let (measure, _) = try await Measure.take {
                try await FileImport(.receipts, .text(text)).run(
                    in: store, actor: actor, source: "bench", now: clock(), today: clock().utcDay)
            }
            latencies.add(measure.wall * 1000)
        }
        return latencies
    }
}

/// How long each of many took, in milliseconds.
struct Latencies: Sendable {
    private var all: [Double] = []

    var count: Int { all.count }
    mutating func add(_ value: Double) { all.append(value) }
    mutating func add(_ other: Latencies) { all += other.all }

    /// The time within which a share of them was done.
    func part(_ share: Double) -> Double {
        all.isEmpty ? 0 : all.sorted()[min(all.count - 1, Int(Double(all.count) * share))]
    }
}

/// Threads that look invoices up, one after the other, until they are told to end.
private final class Reading: @unchecked Sendable {
    // `latencies`, `left` and `isEnding` are guarded by `condition`.
    private let store: Store
    private let readers: Int
    private let invoices: Int
    private let condition = NSCondition()
    private var latencies = Latencies()
    private var left = 0
    private var isEnding = false

    init(_ store: Store, readers: Int, invoices: Int) {
        self.store = store
        self.readers = readers
        self.invoices = invoices
    }

    func start() {
        left = readers
        for reader in 0..<readers {
            Thread { [self] in
                var own = Latencies()
                var number = reader
                while !condition.withLock({ isEnding }) {
                    number = (number + 7_919) % invoices
                    let (measure, _) = Measure.take { look(number) }
                    own.add(measure.wall * 1000)
                }
                condition.withLock {
                    latencies.add(own)
                    left -= 1
                    condition.signal()
                }
            }.start()
        }
    }

    private func look(_ number: Int) {
        var filter = RegisterQueries.InvoiceFilter()
        filter.number = "INV-\(number)"
        guard let today = LocalDate("2025-12-31") else { return }
        _ = try? RegisterQueries.invoices(filter, today: today, in: store)
    }

    func end() -> Latencies {
        condition.lock()
        defer { condition.unlock() }
        isEnding = true
        while left > 0 { condition.wait() }
        return latencies
    }
}
