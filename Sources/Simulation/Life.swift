import Database
import DatabasePostgres
import Foundation
import Ledger
import OpenItems
import Operations
import Receivables

/// A store that lives through steps beside its oracle.
final class Life {
    private let folder: URL
    private let place: FaultyPlace
    private let name: String
    private let settings: CompanySettings
    private let clock: ClockHand
    private let chance: @Sendable (Int) -> [UInt8]
    private(set) var store: Store
    private(set) var oracle: PlainCompany
    private var files: [(kind: ImportKind, lines: [[String]])] = []
    private var acts: Int64
    /// What was known after some acts, to be asked for later.
    private var memories: [(act: Int64, books: PlainCompany)] = []
    private let isCalm: Bool

    /// What is not as it must be.
    struct Difference: Error {
        let text: String
    }

    /// - Parameters:
    ///   - server: A PostgreSQL database, in which the life gets a schema of its own; `nil` lives in a file.
    ///   - isCalm: Nothing goes wrong and nothing happens at once, so that the same seed gives the same bytes anywhere.
    init(seed: UInt64, server: String?, isCalm: Bool, losesChange: Int?) async throws {
        self.isCalm = isCalm
        let template = try await Template.shared.path()
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("simulation-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        settings = Template.settings
        let clock = ClockHand(Template.start)
        self.clock = clock
        let dice = Dice(seed)
        chance = { dice.bytes($0) }
        if let server {
            place = FaultyPlace(PostgresPlace())
            let schema = "s_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
            name = server + (server.contains("?") ? "&" : "?") + "schema=" + schema
            let source = try Store.open(path: template, clock: { clock.now })
            _ = try CopyStore().run(from: source, to: name, in: PostgresPlace())
            try source.close()
        } else {
            place = FaultyPlace(FilePlace())
            name = folder.appendingPathComponent("company.db").path
            try FileManager.default.copyItem(atPath: template, toPath: name)
        }
        store = try Store.open(path: name, in: place, clock: { clock.now }, chance: chance)
        oracle = PlainCompany(
            today: settings.day(of: clock.now), workingDays: WorkingDays(file: try Resources.text("calendar/CN.csv")))
        acts = try Self.lastAct(store)
        place.trap.loseChange(losesChange)
        let customers = ["C1", "C2", "C3", "C4"].map { [$0, "\($0) Ltd"] }
        try await carryOut(.take(.customers, lines: customers, partial: false), nil, key: "start")
    }

    deinit {
        try? store.close()
        place.discard(name)
        try? FileManager.default.removeItem(at: folder)
    }

    // MARK: One step

    /// - Returns: What was done, in words.
    /// - Throws: `Difference`.
    func live(_ step: Step, say: (String) -> Void) async throws {
        var chance = Chance(step.seed)
        let drawn = chance.oneIn(3) ? Self.fault(&chance) : nil
        let fault = isCalm ? nil : drawn
        passTime(&chance)
        let question = chance.number(-60...60)
        // A chance of its own, so that what comes after doesn't depend on what it drew.
        var imagination = Imagination(chance: Chance(chance.next()), books: oracle, files: files)
        let deed = imagination.deed()
        say("\(oracle.today) \(deed)\(fault.map { " — \($0)" } ?? "")")
        if case .take(let kind, let lines, _) = deed { files.append((kind, lines)) }
        if case .rush(let kind, let lines) = deed {
            try await rush(kind, lines, fault)
        } else {
            try await carryOut(deed, fault, key: "step-\(step.number)")
            // The same once more, as somebody does who isn't sure: it changes nothing.
            if chance.oneIn(5) { try await repeatOnce(deed, key: "step-\(step.number)") }
        }
        try compare(on: oracle.today.adding(days: question))
        if step.number % 10 == 0 { try verify() }
        if chance.oneIn(12) { memories.append((acts, oracle)) }
    }

    /// Everything that is written is true, and the books verify.
    func verify() throws {
        if let fault = try Verify().run(in: store).fault { throw Difference(text: "verify: \(fault)") }
        for memory in memories.suffix(2) { try compareAging(memory.books, on: memory.books.today, .act(memory.act)) }
    }

    func digest() throws -> String { try StoreDigest.make(of: store) }

    /// What went wrong so far, by kind.
    var sprung: [String: Int] { place.trap.sprung }

    private static func fault(_ chance: inout Chance) -> Fault {
        let most = chance.pick([6, 30, 150])
        return Fault(kind: chance.pick(Fault.Kind.allCases), statement: chance.number(1...most))
    }

    private func passTime(_ chance: inout Chance) {
        let days = chance.oneIn(15) ? chance.number(5...40) : chance.number(0...2)
        oracle.today = oracle.today.adding(days: days)
        let noon = Int64(oracle.today.dayNumber) * 86_400_000_000 + 14_400_000_000
        // Clocks step back: by minutes or hours, never so that the day would be another.
        let back = chance.oneIn(5) ? Int64(chance.number(1...200)) * 60_000_000 : 0
        clock.now = Instant(microseconds: noon + Int64(chance.number(0...3_000)) * 1_000_000 - back)
    }

    // MARK: Doing it

    private func carryOut(_ deed: Deed, _ fault: Fault?, key: String) async throws {
        let before = oracle
        place.trap.arm(fault)
        let commits = place.trap.commits
        var answer: Answer?
        do {
            answer = try await ask(deed, key)
        } catch  where fault != nil && (error is Mishap || error is DatabaseFailure) {
            answer = nil
        }
        place.trap.arm(nil)
        let committed = place.trap.commits - commits
        if let answer {
            try expect(answer, of: deed)
            return
        }
        if fault?.kind == .kill || fault?.kind == .killAfterCommit { try restart(asKilled: true) }
        if committed == 0 {
            try compareOpen()
            return try await carryOut(deed, nil, key: key)
        }
        // It was done, though nobody was told; a day that was run before the fault too.
        if case .runDay(let last) = deed {
            let first = before.tracking.lastRun.map { $0.adding(days: 1) } ?? last
            for number in 0..<committed where first.adding(days: number) <= last {
                acts += Int64(oracle.run(through: first.adding(days: number)).count)
            }
        } else {
            acts += Self.acts(of: oracle.perform(deed), isPartial: deed.isPartial)
        }
        try compareOpen()
        try await repeatOnce(deed, key: key)
    }

    /// Asks for what was done before: with a key for the first answer again, without one for what it says of itself.
    private func repeatOnce(_ deed: Deed, key: String) async throws {
        let answer = try await ask(deed, key)
        switch deed {
        case .take, .runDay: try expect(answer, of: deed)
        default:
            // A refusal leaves no key, and is decided anew.
            if case .refused = answer { try expect(answer, of: deed) }
        }
        try compareOpen()
    }

    private func expect(_ answer: Answer, of deed: Deed) throws {
        let expected = oracle.perform(deed)
        acts += Self.acts(of: expected, isPartial: deed.isPartial)
        guard answer == expected else { throw Difference(text: "answered: \(answer); expected: \(expected)") }
    }

    /// How many acts an answer leaves in the journal.
    private static func acts(of answer: Answer, isPartial: Bool = false) -> Int64 {
        switch answer {
        case .imported(let created, _, let updated, let faults):
            (faults.isEmpty || isPartial) && created + updated > 0 ? 1 : 0
        case .done: 1
        case .days(let days): Int64(days.count)
        case .refused, .rushed: 0
        }
    }

    private func ask(_ deed: Deed, _ key: String) async throws -> Answer {
        do {
            return try await askStore(deed, key)
        } catch let refusal as Refusal {
            return .refused(refusal.code.rawValue)
        } catch let rejected as ImportRejected {
            return .imported(
                created: rejected.report.created, unchanged: rejected.report.unchanged,
                updated: rejected.report.updated, faults: rejected.faults.map(\.refusal.code.rawValue))
        }
    }

    private func askStore(_ deed: Deed, _ key: String) async throws -> Answer {
        let today = oracle.today
        let request = ActRequest(
            command: "simulated", actor: .operatorOfSystem(user: "simulation"), source: "simulation", key: key,
            input: Array(deed.description.utf8), now: clock.now, today: today)
        let correct = CorrectRegister(in: store, request)
        switch deed {
        case .take(let kind, let lines, let partial): return try await take(kind, lines, partial).answer
        case .rush: break
        case .unapply(let credit, let isNote, let invoice, let day):
            _ = try await correct.unapply(
                .init(credit, kind: isNote ? .creditNote : .receipt), invoice: invoice, on: day, reason: "simulated")
        case .reverse(let credit, let isNote, let day):
            _ = try await correct.reverse(
                .init(credit, kind: isNote ? .creditNote : .receipt), on: day, reason: "simulated")
        case .reverseInvoice(let number, let day):
            _ = try await correct.reverseInvoice(number, on: day, reason: "simulated")
        case .moveDueDay(let invoice, let n, let due, let from):
            _ = try await correct.changeDueDay(
                invoice: invoice, instalment: n, to: due, from: from, reason: "simulated")
        case .setPeriod(let month, let state):
            _ = try await correct.setPeriod(month: month, to: state, reason: "simulated")
        case .remindBefore(let days, let from):
            _ = try await Policies.set(
                "tracking:\n  rules:\n    due-soon: {offset_days: -\(days)}\n", from: from,
                reason: "simulated", in: store, request)
        case .runDay(let day):
            let reports = try await RunDay(in: store, actor: .systemDay, source: "simulation").run(
                to: day, now: clock.now, today: today)
            var days: [LocalDate: [String: Int]] = [:]
            for report in reports where !report.isRepeat {
                days[report.date] = report.rules.filter {
                    ["due-soon", "overdue-start", "overdue-risk"].contains($0.key)
                }
                .mapValues(\.created)
            }
            return .days(days)
        }
        return .done
    }

    private func take(_ kind: ImportKind, _ lines: [[String]], _ partial: Bool) async throws -> (
        answer: Answer, act: Int64?
    ) {
        var file = FileImport(kind, .text(Deed.text(kind, lines)))
        file.options.takesGoodLines = partial
        let result = try await file.run(
            in: store, actor: .operatorOfSystem(user: "simulation"), source: "simulation", now: clock.now,
            today: oracle.today)
        return (
            .imported(
                created: result.report.created, unchanged: result.report.unchanged, updated: result.report.updated,
                faults: result.faults.map(\.refusal.code.rawValue)), result.act
        )
    }

    /// Many ask at once: the journal says in which order they were heard, and the oracle must agree with each.
    ///
    /// A fault strikes the whole group that is being committed; those that it struck ask again, one by one.
    private func rush(_ kind: ImportKind, _ lines: [[String]], _ fault: Fault?) async throws {
        typealias Heard = (line: [String], answer: Answer?, act: Int64?)
        let (store, now, today) = (store, clock.now, oracle.today)
        @Sendable func one(_ line: [String]) async -> Heard {
            let file = FileImport(kind, .text(Deed.text(kind, [line])))
            do {
                let result = try await file.run(
                    in: store, actor: .operatorOfSystem(user: "simulation"), source: "simulation", now: now,
                    today: today)
                let answer = Answer.imported(
                    created: result.report.created, unchanged: result.report.unchanged, updated: 0, faults: [])
                return (line, answer, result.act)
            } catch let rejected as ImportRejected {
                return (line, .refused(rejected.faults.map(\.refusal.code.rawValue).joined()), nil)
            } catch {
                return (line, error is Mishap || error is DatabaseFailure ? nil : .refused("\(error)"), nil)
            }
        }
        let strikes = fault.flatMap { [.exception, .failure, .full].contains($0.kind) ? $0 : nil }
        place.trap.arm(strikes)
        var heard: [Heard] = []
        if isCalm {
            for line in lines { heard.append(await one(line)) }
        } else {
            heard = await withTaskGroup(of: Heard.self) { group in
                for line in lines { group.addTask { await one(line) } }
                return await group.reduce(into: []) { $0.append($1) }
            }
        }
        place.trap.arm(nil)
        let struck = heard.filter { $0.answer == nil }
        guard struck.isEmpty || strikes != nil else { throw Difference(text: "at once: the engine failed by itself") }
        for entry in struck { heard.append(await one(entry.line)) }
        for entry in heard.sorted(by: { $0.act ?? .max < $1.act ?? .max }) {
            guard let answer = entry.answer else { continue }
            let expected = oracle.take(kind, [entry.line], partial: false)
            acts += Self.acts(of: expected)
            if case .refused(let code) = answer {
                guard case .imported(_, _, _, let faults) = expected, Self.says(faults, code) else {
                    throw Difference(text: "at once, refused: \(entry.line) \(answer); expected: \(expected)")
                }
            } else if answer != expected {
                throw Difference(text: "at once: \(entry.line) \(answer); expected: \(expected)")
            }
        }
    }

    /// Whether a refusal is what the oracle says at the end of a rush. Which bound an allocation ran into, and whose
    /// the money was by then, depends on when it was heard.
    private static func says(_ faults: [String], _ code: String) -> Bool {
        let bounds = ["allocation.above-open", "allocation.above-receipt", "allocation.other-customer"]
        return faults.joined() == code
            || (bounds.contains(code) && faults.allSatisfy(bounds.contains) && !faults.isEmpty)
    }

    /// The process ends and another one begins, on what the first one left.
    private func restart(asKilled: Bool) throws {
        try? store.close()
        let files = FileManager.default
        if asKilled, files.fileExists(atPath: name + ".killed") {
            for ending in ["", "-wal", "-shm"] { try? files.removeItem(atPath: name + ending) }
            for ending in ["", "-wal"] where files.fileExists(atPath: "\(name).killed\(ending)") {
                try files.moveItem(atPath: "\(name).killed\(ending)", toPath: name + ending)
            }
        }
        let clock = clock
        store = try Store.open(path: name, in: place, clock: { clock.now }, chance: chance)
    }

    // MARK: Comparing

    private static func lastAct(_ store: Store) throws -> Int64 {
        try RegisterQueries.acts(command: nil, limit: 1, in: store).rows.first?.number ?? 0
    }

    private func compare(on day: LocalDate) throws {
        try compareOpen()
        try compareAging(oracle, on: day, .now)
    }

    /// Acts, what is open of each item, and what is left of each receipt.
    private func compareOpen() throws {
        let last = try Self.lastAct(store)
        guard last == acts else { throw Difference(text: "the journal ends with act \(last); expected: \(acts)") }
        var filter = RegisterQueries.InvoiceFilter()
        filter.limit = .max
        var found: [String: [Int]] = [:]
        for row in try RegisterQueries.invoices(filter, today: oracle.today, in: store).rows {
            found["\(row.number)#\(row.instalment)", default: []].append(Int(row.open))
        }
        var expected: [String: [Int]] = [:]
        for index in oracle.invoices.indices {
            for item in oracle.invoices[index].items.indices {
                expected["\(oracle.invoices[index].number)#\(item + 1)", default: []].append(oracle.open(index, item))
            }
        }
        try same("open", found.mapValues { $0.sorted() }, expected.mapValues { $0.sorted() })

        var unapplied: [String: [Int]] = [:]
        for row in try RegisterQueries.receipts(customer: nil, onlyUnapplied: false, limit: 100_000, in: store).rows {
            unapplied["\(row.reference)@\(row.bankAccount)", default: []].append(Int(row.unapplied.minorUnits))
        }
        var left: [String: [Int]] = [:]
        for (index, credit) in oracle.credits.enumerated() where credit.kind == .receipt {
            left["\(credit.reference)@\(credit.account)", default: []].append(oracle.left(index))
        }
        try same("unapplied", unapplied.mapValues { $0.sorted() }, left.mapValues { $0.sorted() })
    }

    private func compareAging(_ books: PlainCompany, on day: LocalDate, _ known: KnownAt) throws {
        var request = AgingReport.Request(asOf: day, buckets: .standardDue)
        request.knownAt = known
        let report = try AgingReport.make(request, in: store)
        guard report.proof.allSatisfy(\.holds) else { throw Difference(text: "aging on \(day): its proof fails") }
        var found: [String: [Int]] = [:]
        for row in report.rows { found["\(row.key) \(row.currency.code)"] = row.buckets.map { Int($0) } }
        var expected: [String: [Int]] = [:]
        for (debtor, buckets) in books.aging(on: day) { expected["\(debtor.customer) \(debtor.currency)"] = buckets }
        let nothing = [Int](repeating: 0, count: 7)
        try same("aging on \(day)", found.filter { $0.value != nothing }, expected)

        var waiting: [String: Int] = [:]
        for total in report.totals where total.unapplied != 0 { waiting[total.currency.code] = Int(total.unapplied) }
        var expectedWaiting: [String: Int] = [:]
        for (debtor, amount) in books.unapplied(on: day) { expectedWaiting[debtor.currency, default: 0] += amount }
        try same("unapplied on \(day)", waiting, expectedWaiting.filter { $0.value != 0 })
        for row in report.rows where row.unapplied != 0 && books.customers[row.key] != nil {
            let debtor = PlainCompany.Debtor(customer: row.key, currency: row.currency.code)
            try same("unapplied of \(row.key) on \(day)", Int(row.unapplied), books.unapplied(on: day)[debtor] ?? 0)
        }
    }

    private func same<Value: Equatable>(_ what: String, _ found: Value, _ expected: Value) throws {
        guard found != expected else { return }
        throw Difference(text: "\(what): \(found); expected: \(expected)")
    }

    private func same<Value: Equatable>(
        _ what: String, _ found: [String: Value], _ expected: [String: Value]
    ) throws {
        guard found != expected else { return }
        let keys = Set(found.keys).union(expected.keys).filter { found[$0] != expected[$0] }.sorted()
        let texts = keys.map { key in
            "\(key): \(found[key].map { "\($0)" } ?? "–") ≠ \(expected[key].map { "\($0)" } ?? "–")"
        }
        throw Difference(text: "\(what): " + texts.joined(separator: "; "))
    }
}

/// The clock of a simulated life.
private final class ClockHand: @unchecked Sendable {
    // Guarded by `lock`.
    private let lock = NSLock()
    private var instant: Instant

    init(_ instant: Instant) { self.instant = instant }

    var now: Instant {
        get { lock.withLock { instant } }
        set { lock.withLock { instant = newValue } }
    }
}

/// Bytes for keys that are the same on each run of a seed.
private final class Dice: @unchecked Sendable {
    // Guarded by `lock`.
    private let lock = NSLock()
    private var chance: Chance

    init(_ seed: UInt64) { chance = Chance(~seed) }

    func bytes(_ count: Int) -> [UInt8] {
        lock.withLock { (0..<count).map { _ in UInt8(truncatingIfNeeded: chance.next()) } }
    }
}

/// A new company's store, made once and copied for each life.
private actor Template {
    static let shared = Template()
    static let start = Instant(microseconds: 1_767_240_000_000_000)  // 2026-01-01 04:00
    static let settings: CompanySettings = {
        guard let currency = Currency("CNY") else { preconditionFailure("CNY is an ISO 4217 code") }
        return CompanySettings(
            name: "Simulated Ltd", currency: currency, language: "en", timeZone: "Asia/Shanghai", country: "CN",
            kind: .test)
    }()

    private var made: Task<String, any Error>?

    func path() async throws -> String {
        if let made { return try await made.value }
        let making = Task {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("template-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let path = folder.appendingPathComponent("new.db").path
            let dice = Dice(1)
            let store = try await CreateCompany(Self.settings).run(
                path: path, actor: .operatorOfSystem(user: "simulation"), now: Self.start, clock: { Self.start },
                chance: { dice.bytes($0) })
            try store.checkpoint()
            try store.close()
            return path
        }
        made = making
        return try await making.value
    }
}
