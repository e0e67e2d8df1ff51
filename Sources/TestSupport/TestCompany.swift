internal import Database
internal import DatabasePostgres
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
        if let server = Self.server {
            place = PostgresPlace()
            let schema = "t_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
            name = server + (server.contains("?") ? "&" : "?") + "schema=" + schema
        } else {
            place = FilePlace()
            name = folder.appendingPathComponent("company.db").path
        }
        store = try await CreateCompany(settings).run(
            path: name, in: place, actor: actor, now: start, clock: { box.now })
    }

    /// `HUIKUAN_TEST_SERVER` names a PostgreSQL database in which each company gets a schema of its own; without it
    /// companies are files.
    package static let server = ProcessInfo.processInfo.environment["HUIKUAN_TEST_SERVER"]

    private let place: any StorePlace
    private let name: String

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

    deinit {
        try? FileManager.default.removeItem(at: folder)
        if Self.server != nil { place.discard(name) }
    }

    /// The store's name: a file's path, or a server's address.
    package var path: String { name }

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

    /// What a person asks for on a page.
    package func request(_ permission: Permission, by key: String) -> ActRequest {
        ActRequest(
            command: permission.rawValue, actor: .person(key: key), source: "web", now: now, today: today)
    }

    /// A person with an account and roles.
    package func add(_ key: String, _ roles: [Role]) async throws {
        _ = try await WorkCommands(in: store, request("set-person")).setPerson(
            key, manager: nil, roles: roles, without: [])
        try await AccountCommands(in: store, request("set-person")).register(key, name: "Name of \(key)")
    }

    /// Opens the same store again, as another process would.
    package func reopen() throws -> Store {
        let box = clockBox
        return try Store.open(path: path, in: place, clock: { box.now })
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

    /// A company in whose store nearly every table has a row.
    package static func withOneOfEverything() async throws -> TestCompany {
        let company = try await TestCompany(now: "2026-06-10T04:00:00Z")
        let actor = WorkCommands(in: company.store, company.request("set-person"))
        _ = try await actor.setPerson("a@x.cn", manager: "boss@x.cn", roles: [.collector], without: [])
        try await company.take(
            .customers, "code,name,uscc,industry,kind,size,group,sales_owner,collector,currency,terms_days,language",
            "G,Group,,,,,,,,,,", "C1,One,91350211M000100Y43,tech,foreign,sme,G,s@x.cn,a@x.cn,CNY,30,en")
        try await company.take(.contacts, "customer,name,purpose,title,email,phone", "C1,P,payment,Ms,p@x.cn,1")
        try await company.take(.rates, "day,from,to,rate,source", "2026-04-01,USD,CNY,7.1,bank")
        try await company.take(
            .invoices,
            "number,customer,issue_date,instalments,amount,net,tax,accepted_date,delivered_date,contract,milestone,product_line,sales_owner,einvoice_number",
            "I1,C1,2026-04-01,2026-04-20:50; 2026-05-20:50,100,90,10,2026-04-02,2026-04-03,K1,M1,P1,s@x.cn,12345678901234567890"
        )
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount,currency,invoice_status",
            "U1,C1,2026-04-01,2026-04-20,10,USD,delivered", "U2,C1,2026-05-20,2026-06-11,10,USD,issued")
        try await company.take(.creditNotes, "number,invoice,date,amount,reason", "N1,I1,2026-04-10,10,short")
        try await company.take(
            .receipts, "reference,date,amount,currency,customer,payer,payer_account,method,remittance,bank_account",
            "R1,2026-04-15,30,CNY,C1,One Ltd,123,transfer,I1,b", "S1,2026-04-15,5,CNY,,Nobody,9,transfer,,b",
            "RU,2026-04-16,10,USD,C1,,,,,b", "RX,2026-04-16,1,CNY,C1,,,,,b")
        try await company.take(
            .allocations, "receipt,invoice,amount,date,reason", "R1,I1,20,2026-04-15,", "S1,I1,5,2026-04-16,found",
            "RU,U1,4,2026-04-16,")
        let correcting = CorrectRegister(in: company.store, company.request("correct"))
        _ = try await correcting.unapply(.init("S1"), invoice: "I1", on: nil, reason: "no")
        _ = try await correcting.reverse(.init("RX"), on: nil, reason: "twice")
        _ = try await correcting.changeDueDay(
            invoice: "I1", instalment: 2, to: try day("2026-05-25"), from: try day("2026-05-01"), reason: "agreed")
        _ = try await correcting.changeTaxStatus(invoice: "I1", to: .booked, on: nil)
        _ = try await WorkCommands(in: company.store, company.request("pause")).pause(
            invoice: "U1", .dispute, from: try day("2026-04-01"), until: try day("2026-04-30"), amount: "1", reason: "x"
        )
        _ = try await WorkCommands(in: company.store, company.request("resume")).resume(
            invoice: "U1", on: try day("2026-04-20"), reason: "solved")
        try await company.run(day: "2026-06-09", from: "2026-04-01")
        try await company.take(.receipts, "reference,date,amount")
        try await company.run(day: "2026-06-10")
        let tasks = try TrackingQueries.tasks(
            owner: nil, customer: nil, includingClosed: false, limit: 1, in: company.store)
        if let task = tasks.rows.first {
            _ = try await WorkCommands(in: company.store, company.request("done")).finish(task: task.id, note: "called")
        }
        _ = try await correcting.setPeriod(month: try day("2026-03-01"), to: .closed, reason: "done")
        return company
    }

    private static func day(_ text: String) throws -> LocalDate {
        guard let day = LocalDate(text) else { throw Unusable() }
        return day
    }
}

/// The code of what refuses something; `nil` where nothing does. Anything else that goes wrong is thrown.
package func refusal(_ body: () async throws -> Void) async throws -> RefusalCode? {
    do {
        try await body()
        return nil
    } catch let refusal as Refusal {
        return refusal.code
    } catch let refused as PartRefused {
        return refused.refusal.code
    } catch let rejected as ImportRejected {
        return rejected.faults.first?.refusal.code
    }
}
