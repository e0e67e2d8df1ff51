internal import Database
internal import Foundation
internal import Ledger
internal import OpenItems
internal import Receivables

/// A value that is made when it is first asked for, once for all who ask.
final class Lazily<Value: Sendable>: @unchecked Sendable {
    // `value` is guarded by `lock`.
    private let lock = NSLock()
    private var value: Value?

    func get(_ make: () throws -> Value) rethrows -> Value {
        lock.lock()
        defer { lock.unlock() }
        if let value { return value }
        let made = try make()
        value = made
        return made
    }
}

/// Reports that everybody may see, kept as long as no act comes: fifty people who look at the aging make it once.
final class ReportCache: @unchecked Sendable {
    // Everything is guarded by `lock`; whoever waits for a report that is being made waits on it.
    private let lock = NSCondition()
    private var kept: [String: (act: Int64, report: any Sendable)] = [:]
    private var inTheMaking: Set<String> = []
    private let most: Int

    init(most: Int) { self.most = most }

    func report<Report: Sendable>(_ key: String, act: Int64, _ make: () throws -> Report) throws -> Report {
        lock.lock()
        while true {
            if let known = kept[key], known.act == act, let report = known.report as? Report {
                lock.unlock()
                return report
            }
            if inTheMaking.insert(key).inserted { break }
            lock.wait()
        }
        lock.unlock()
        defer {
            lock.lock()
            inTheMaking.remove(key)
            lock.broadcast()
            lock.unlock()
        }
        let made = try make()
        lock.lock()
        if kept.count >= most { kept = kept.filter { $0.value.act == act } }
        if kept.count >= most { kept.removeAll() }
        kept[key] = (act, made)
        lock.unlock()
        return made
    }
}

/// The ends of past months, kept while nothing changes on or before them: what comes on top mostly is of today.
final class MonthCache: @unchecked Sendable {
    // Guarded by `lock`.
    private let lock = NSLock()
    private var kept: [String: (fact: Int64, rows: [TrendReport.Row])] = [:]

    func rows(
        _ buckets: String, _ day: LocalDate, _ picture: OpenItems, earliestChange: (Int64) -> Int32,
        _ make: () -> [TrendReport.Row]
    ) -> [TrendReport.Row] {
        let key = "\(buckets) \(day)"
        let known = lock.withLock { kept[key] }
        if let known {
            let isSame = known.fact == picture.lastFact
            if isSame || known.fact < picture.lastFact && earliestChange(known.fact) > Int32(day.dayNumber) {
                if !isSame { lock.withLock { kept[key] = (picture.lastFact, known.rows) } }
                return known.rows
            }
        }
        let made = make()
        lock.withLock {
            if kept.count > 200 { kept.removeAll() }
            kept[key] = (picture.lastFact, made)
        }
        return made
    }
}

/// Tasks that nobody has finished yet: few, however many there ever were.
struct OpenTasks: Sendable {
    struct Entry: Sendable {
        let id: Int64
        let kind: Int64
        let customer: Int64?
        let assignee: Int64?
        let role: Int64
        let dueDay: Int32
    }

    private(set) var byID: [Int64: Entry] = [:]
    private var lastTask: Int64 = 0
    private var lastEvent: Int64 = 0

    /// Takes in what came since.
    mutating func update(_ session: any SQLSession) throws {
        let tasks = try session.scan(
            "SELECT id, kind, customer, assignee, role, due_day FROM task WHERE id > $1 ORDER BY id")
        tasks.bind(1, lastTask)
        defer { tasks.reset() }
        while try tasks.step() {
            let id = tasks.integer(0)
            byID[id] = Entry(
                id: id, kind: tasks.integer(1), customer: tasks.optionalInteger(2), assignee: tasks.optionalInteger(3),
                role: tasks.integer(4), dueDay: Int32(tasks.integer(5)))
            lastTask = id
        }
        let events = try session.scan("SELECT id, task, kind FROM task_event WHERE id > $1 ORDER BY id")
        events.bind(1, lastEvent)
        defer { events.reset() }
        while try events.step() {
            if events.integer(2) == 1 || events.integer(2) == 2 { byID[events.integer(1)] = nil }
            lastEvent = events.integer(0)
        }
    }
}

/// Many short texts one after the other, to find those that hold some bytes.
struct TextBlob: Sendable {
    private var bytes: [UInt8] = []
    private var starts: [Int] = []

    var count: Int { starts.count }

    mutating func append(_ text: String) {
        starts.append(bytes.count)
        bytes.append(contentsOf: text.utf8)
        bytes.append(0)
    }

    /// Calls `body` with each text from one to another that holds the bytes, and with the place in it, until it answers
    /// `false`; of one text with each place, until it answers that it has seen enough of that.
    func find(_ wanted: [UInt8], from first: Int, to end: Int, _ body: (_ text: Int, _ isAtWord: Bool) -> Bool) {
        guard !wanted.isEmpty, first < end else { return }
        bytes.withUnsafeBytes { all in
            guard let base = all.baseAddress else { return }
            let stop = end < starts.count ? starts[end] : bytes.count
            var place = starts[first]
            while let hit = Self.find(wanted, in: base, from: place, to: stop) {
                let text = index(of: hit, first, end)
                let isAtWord = hit == starts[text] || all[hit - 1] == UInt8(ascii: "\n")
                let isEnough = body(text, isAtWord)
                place = isEnough ? (text + 1 < starts.count ? starts[text + 1] : bytes.count) : hit + 1
            }
        }
    }

    /// The first place of some bytes within others.
    private static func find(_ wanted: [UInt8], in base: UnsafeRawPointer, from start: Int, to end: Int) -> Int? {
        var place = start
        while place + wanted.count <= end {
            guard let hit = memchr(base + place, Int32(wanted[0]), end - place - wanted.count + 1) else { return nil }
            place = base.distance(to: UnsafeRawPointer(hit))
            if memcmp(base + place, wanted, wanted.count) == 0 { return place }
            place += 1
        }
        return nil
    }

    /// The last text that begins at or before an offset.
    private func index(of offset: Int, _ first: Int, _ end: Int) -> Int {
        var low = first
        var high = end
        while low + 1 < high {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle } else { high = middle }
        }
        return low
    }
}

/// All invoices' numbers in memory, for any part of one.
struct NumberIndex: Sendable {
    private var texts = TextBlob()
    private var ids: [Int64] = []

    mutating func update(_ session: any SQLSession) throws {
        let rows = try session.scan("SELECT id, number FROM invoice WHERE id > $1 ORDER BY id")
        rows.bind(1, ids.last ?? 0)
        defer { rows.reset() }
        while try rows.step() {
            ids.append(rows.integer(0))
            texts.append(rows.text(1).lowercased())
        }
    }

    /// Invoices whose numbers hold a text, the newest first, at most so many.
    func search(_ text: String, limit: Int) -> [Int64] {
        let wanted = Array(text.lowercased().utf8).filter { $0 != 0 }
        var found: [Int64] = []
        var end = ids.count
        while end > 0, found.count < limit {
            let first = max(0, end - 20_000)
            var chunk: [Int64] = []
            texts.find(wanted, from: first, to: end) { text, _ in
                chunk.append(ids[text])
                return true
            }
            found.append(contentsOf: chunk.reversed())
            end = first
        }
        return Array(found.prefix(limit))
    }
}

extension BucketSet {
    /// What tells two sets of buckets apart.
    var cacheKey: String { basis.rawValue + ":" + buckets.map(\.code).joined(separator: ",") }
}
