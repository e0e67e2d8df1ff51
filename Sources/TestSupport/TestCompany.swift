package import Foundation
package import Ledger
internal import OpenItems
package import Operations
package import Receivables

/// A company's store in a folder of its own, with a clock that tests set; real parts, nothing mocked.
package final class TestCompany: Sendable {
    package let folder: URL
    package let store: Store
    package let settings: CompanySettings
    package let actor = Actor.operatorOfSystem(user: "test")

    /// - Parameter currency: The functional currency.
    package init(currency: String = "CNY", now: String = "2026-06-01T04:00:00Z") async throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("huikuan-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        guard let money = Currency(currency), let start = Instant(now) else { throw Unusable() }
        settings = CompanySettings(
            name: "测试公司", currency: money, language: "en", timeZone: "Asia/Shanghai", country: "CN", kind: .test)
        let box = ClockBox(start)
        clockBox = box
        store = try await CreateCompany(settings).run(
            path: folder.appendingPathComponent("company.db").path, actor: actor, now: start, clock: { box.now })
    }

    private struct Unusable: Error {}

    private let clockBox: ClockBox

    private final class ClockBox: @unchecked Sendable {
        private let lock = NSLock()
        private var instant: Instant

        init(_ instant: Instant) { self.instant = instant }

        var now: Instant {
            get {
                lock.lock()
                defer { lock.unlock() }
                return instant
            }
            set {
                lock.lock()
                instant = newValue
                lock.unlock()
            }
        }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    package var path: String { store.path }

    /// Sets the clock; may step back, as real clocks do.
    package func setClock(_ text: String) {
        if let instant = Instant(text) { clockBox.now = instant }
    }

    package var now: Instant { clockBox.now }

    package var today: LocalDate { settings.day(of: now) }

    package func request(_ command: String, key: String? = nil, input: String = "") -> ActRequest {
        ActRequest(
            command: command, actor: actor, source: "test", key: key, input: Array(input.utf8), now: now, today: today)
    }

    /// Opens the same store again, as another process would.
    package func reopen() throws -> Store {
        let box = clockBox
        return try Store.open(path: path, clock: { box.now })
    }

    /// Imports lines of a kind; the first is the header.
    @discardableResult
    package func take(_ kind: ImportKind, _ lines: String..., partial: Bool = false, update: Bool = false) async throws
        -> FileImport.Result
    {
        var importing = FileImport(kind, .text(lines.joined(separator: "\n") + "\n"))
        importing.options.takesGoodLines = partial
        importing.options.updates = update
        return try await importing.run(in: store, actor: actor, source: "test", now: now, today: today)
    }

    /// The code of the first fault that an import is rejected for.
    package func refusal(_ kind: ImportKind, _ lines: String...) async throws -> RefusalCode? {
        do {
            _ = try await FileImport(kind, .text(lines.joined(separator: "\n") + "\n")).run(
                in: store, actor: actor, source: "test", now: now, today: today)
            return nil
        } catch let rejected as ImportRejected {
            return rejected.faults.first?.refusal.code
        }
    }

    /// Runs a day (and what was missed before it).
    @discardableResult
    package func run(day: String, from: String? = nil, isDryRun: Bool = false) async throws -> [DayReport] {
        guard let day = LocalDate(day) else { throw Unusable() }
        return try await RunDay(in: store, actor: actor, source: "test").run(
            from: from.flatMap { LocalDate($0) }, to: day, now: now, today: max(today, day), isDryRun: isDryRun)
    }

    /// Open amounts by bucket of a customer, as decimals, without trailing zero buckets of an empty row.
    package func aging(_ customer: String, on day: String, known: KnownAt = .now) throws -> [String] {
        guard let asOf = LocalDate(day) else { throw Unusable() }
        var request = AgingReport.Request(asOf: asOf, buckets: .standardDue)
        request.knownAt = known
        let report = try AgingReport.make(request, in: store)
        guard report.proof.allSatisfy(\.holds) else { throw Unusable() }
        guard let row = report.rows.first(where: { $0.key == customer }) else { return [] }
        return row.buckets.map { Money.decimal(of: $0, exponent: row.currency.exponent) }
    }

    /// What `verify` finds; `nil` when the store is sound.
    package func fault() throws -> String? { try Verify().run(in: store).fault }
}
