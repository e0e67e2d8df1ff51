internal import Database
internal import Ledger
internal import OpenItems
internal import Receivables

/// Recomputes everything that a store claims, and names the first difference.
///
/// It reads facts alone: the chain of acts over the bytes as stored, every act's digest over its facts,
/// gaps in their numbers, balances, statuses, control accounts, and the picture of open items.
package struct Verify: Sendable {
    package struct Result: Sendable {
        package let acts: Int64
        package let facts: Int64
        /// The last act's hash, to be kept elsewhere: cutting off the last acts is found only with it.
        package let headHash: String
        /// What was found first, in words; `nil` when the store is sound.
        package let fault: String?
    }

    /// A head noted down earlier: `number:hash`.
    package var expectedHead: (act: Int64, hash: String)?

    package init() {}

    private struct Fault: Error { let text: String }

    package func run(in store: Store, onProgress: ((Double) -> Void)? = nil) throws -> Result {
        try store.read { session in
            var head = Head(lastAct: 0, lastFact: 0, lastHash: [], lastInstant: Instant(microseconds: 0))
            var fault: String?
            do {
                if store.engine is SQLiteDatabase, let first = try SQLiteDatabase.structuralFaults(in: session).first {
                    throw Fault(text: "file: \(first)")
                }
                head = try ActRepository(session: session).head()
                try checkTables(session)
                try checkChain(session, head)
                try checkFacts(session, head, onProgress)
                try checkBalances(session)
                try checkBooks(session, store)
            } catch let found as Fault {
                fault = found.text
            } catch let failure as DatabaseFailure {
                fault = "\(failure)"
            }
            return Result(acts: head.lastAct, facts: head.lastFact, headHash: head.lastHash.hexadecimal, fault: fault)
        }
    }

    /// No table stands beside the known ones, so nobody keeps books in a drawer.
    private func checkTables(_ session: any SQLSession) throws {
        let known = Set(FactTable.all.map(\.name)).union(FactTable.otherTables.keys)
        for row in try session.rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name") {
            let name = row.text(0)
            guard known.contains(name) || name.hasPrefix("sqlite_") else {
                throw Fault(text: "table \(name) is unknown")
            }
        }
    }

    // MARK: The journal of acts

    private func checkChain(_ session: any SQLSession, _ head: Head) throws {
        let statement = try session.statement(
            """
            SELECT seq, recorded_at, command, actor, source, scope, key, input_hash, policy_version, first_fact,
                fact_count, facts_digest, outcome, app_version, previous_hash, body, hash FROM act ORDER BY seq
            """)
        var previous: [UInt8] = []
        var lastInstant: Int64 = 0
        var lastFact: Int64 = 0
        var seq: Int64 = 0
        while try statement.step() {
            seq += 1
            guard statement.integer(0) == seq else { throw Fault(text: "act #\(seq) is missing") }
            let act = ActRecord(
                seq: seq, recordedAt: Instant(microseconds: statement.integer(1)), command: statement.text(2),
                actor: statement.text(3), source: statement.text(4), scope: statement.text(5),
                key: statement.isNull(6) ? nil : statement.text(6), inputHash: statement.blob(7),
                policyVersion: statement.optionalInteger(8), firstFact: statement.integer(9),
                factCount: statement.integer(10), factsDigest: statement.blob(11), outcome: statement.text(12),
                appVersion: statement.text(13), previousHash: statement.blob(14))
            let body = statement.blob(15)
            guard act.previousHash == previous else {
                throw Fault(text: "act #\(seq): its link to the act before is broken")
            }
            guard statement.blob(16) == ActRecord.hash(previous: previous, body: body) else {
                throw Fault(text: "act #\(seq): its hash is not that of its content")
            }
            guard act.body == body else {
                throw Fault(text: "act #\(seq): its columns differ from its recorded content")
            }
            guard act.recordedAt.microseconds > lastInstant else {
                throw Fault(text: "act #\(seq): its time is before the act before")
            }
            guard act.firstFact == lastFact + 1 else {
                throw Fault(text: "act #\(seq): its facts don't follow those before")
            }
            lastFact += act.factCount
            lastInstant = act.recordedAt.microseconds
            previous = statement.blob(16)
            if let expectedHead, expectedHead.act == seq, expectedHead.hash != previous.hexadecimal {
                throw Fault(text: "act #\(seq): not the head that was noted down")
            }
        }
        guard head.lastAct == seq, head.lastHash == previous, head.lastFact == lastFact,
            seq == 0 || head.lastInstant.microseconds == lastInstant
        else { throw Fault(text: "head: it isn't the last act (#\(seq))") }
        if let expectedHead, expectedHead.act > seq {
            throw Fault(text: "acts after #\(seq) are missing, up to #\(expectedHead.act)")
        }
    }

    // MARK: Facts

    /// One table's rows in order of their numbers.
    private final class Cursor {
        let table: FactTable
        let statement: any SQLStatement
        private(set) var next: Int64?

        init(_ table: FactTable, _ session: any SQLSession) throws {
            self.table = table
            let names = (["id"] + table.columns.map(\.name)).joined(separator: ", ")
            statement = try session.statement("SELECT \(names) FROM \(table.name) ORDER BY id")
            try advance()
        }

        func advance() throws { next = try statement.step() ? statement.integer(0) : nil }
    }

    /// Reads all facts in order of their numbers and encodes them again as they were when their acts were hashed.
    private func checkFacts(_ session: any SQLSession, _ head: Head, _ onProgress: ((Double) -> Void)?) throws {
        let acts = try session.statement("SELECT seq, fact_count, facts_digest FROM act ORDER BY seq")
        let cursors = try FactTable.all.map { try Cursor($0, session) }
        defer { for cursor in cursors { cursor.statement.reset() } }
        var number: Int64 = 0
        var recent: [Cursor] = cursors
        while try acts.step() {
            let digest = FactDigest()
            for _ in 0..<acts.integer(1) {
                number += 1
                if number % 100_000 == 0 { onProgress?(Double(number) / Double(max(head.lastFact, 1))) }
                // Neighbouring facts come from few tables: the one used last is looked at first.
                guard let index = recent.firstIndex(where: { $0.next == number }) else {
                    throw Fault(text: "fact \(number) of act #\(acts.integer(0)) is missing")
                }
                if index > 0 { recent.swapAt(index, index / 2) }
                let cursor = recent[index > 0 ? index / 2 : 0]
                encode(cursor, into: digest)
                try cursor.advance()
            }
            guard digest.finish() == acts.blob(2) else {
                throw Fault(text: "act #\(acts.integer(0)): one of its facts was changed since")
            }
        }
        for cursor in cursors {
            if let surplus = cursor.next { throw Fault(text: "\(cursor.table.name) \(surplus) belongs to no act") }
        }
    }

    private func encode(_ cursor: Cursor, into digest: FactDigest) {
        digest.beginFact(cursor.table)
        for (index, column) in cursor.table.columns.enumerated() where !cursor.statement.isNull(index + 1) {
            let field = UInt8(index + 1)
            switch column.type {
            case .integer: digest.field(field, cursor.statement.integer(index + 1))
            case .text, .blob:
                cursor.statement.withBytes(index + 1) { digest.field(field, column.type, UnsafeRawBufferPointer($0)) }
            }
        }
    }

    // MARK: What follows from the facts

    private func checkBalances(_ session: any SQLSession) throws {
        func first(_ what: String, _ sql: SQL) throws {
            if let row = try session.row(sql) { throw Fault(text: "\(what) \(row.integer(0))") }
        }
        try first(
            "balance of item",
            """
            SELECT i.id FROM item i LEFT JOIN item_balance b ON b.item = i.id
              LEFT JOIN (SELECT item, sum(item_amount) AS applied, min(item_amount) AS least FROM allocation GROUP BY item) a
                ON a.item = i.id
             WHERE b.item IS NULL OR b.amount <> i.amount OR b.open <> i.amount - coalesce(a.applied, 0)
                OR b.open < 0 OR b.unwound <> (coalesce(a.least, 1) < 0) LIMIT 1
            """)
        try first(
            "balance of an item that isn't there:",
            "SELECT item FROM item_balance WHERE item NOT IN (SELECT id FROM item) LIMIT 1")
        try first(
            "balance of credit",
            """
            SELECT c.id FROM credit c LEFT JOIN credit_balance b ON b.credit = c.id
              LEFT JOIN (SELECT credit, sum(credit_amount) AS applied, min(credit_amount) AS least FROM allocation GROUP BY credit) a
                ON a.credit = c.id
              LEFT JOIN reversal r ON r.fact = c.id
              LEFT JOIN (SELECT credit, max(customer) AS customer FROM credit_event WHERE kind = 1 GROUP BY credit) e ON e.credit = c.id
             WHERE b.credit IS NULL OR b.amount <> c.amount OR b.unapplied < 0
                OR b.unapplied <> c.amount - coalesce(a.applied, 0) - coalesce(r.amount, 0)
                OR b.unwound <> (coalesce(a.least, 1) < 0) OR b.reversed <> (r.id IS NOT NULL)
                OR coalesce(b.customer, 0) <> coalesce(c.customer, e.customer, 0) LIMIT 1
            """)
        try first(
            "balance of a credit that isn't there:",
            "SELECT credit FROM credit_balance WHERE credit NOT IN (SELECT id FROM credit) LIMIT 1")
        try first(
            "instalments don't add up to their invoice",
            """
            SELECT v.id FROM invoice v JOIN item i ON i.invoice = v.id GROUP BY v.id, v.amount HAVING sum(i.amount) <> v.amount LIMIT 1
            """)
    }

    /// Aging, the ledger's control account and where unapplied money waits agree at several dates; and the
    /// picture agrees with SQL.
    private func checkBooks(_ session: any SQLSession, _ store: Store) throws {
        let span = try session.row("SELECT min(posting_day), max(posting_day) FROM transfer")
        guard let firstDay = span?.optionalInteger(0), let lastDay = span?.optionalInteger(1) else { return }
        var picture = OpenItems()
        let head = try ActRepository(session: session).head()
        try OpenItemsLoader(session).load(into: &picture, through: head.lastFact)
        picture.sort()
        let kept = try store.picture.current(in: session, imagePath: store.imagePath)
        let days = [firstDay, firstDay + (lastDay - firstDay) / 3, firstDay + (lastDay - firstDay) * 2 / 3, lastDay]
        for number in Set(days).sorted() {
            let day = LocalDate(dayNumber: Int(number))
            let query = OpenItems.Query(asOf: day, buckets: .standardDue)
            try compare(sums(picture, query), with: ledger(session, on: day), on: day)
            try compare(sums(kept, query), with: sums(picture, query), on: day)
        }
    }

    private typealias Sums = [String: Int128]

    private func sums(_ picture: OpenItems, _ query: OpenItems.Query) -> Sums {
        let aging = picture.aging(query)
        var sums: Sums = [:]
        for (index, debtor) in picture.debtors.enumerated() {
            sums["receivables \(debtor.currency)", default: 0] += aging.row(index).reduce(0, +)
            sums["unapplied \(debtor.currency)", default: 0] += aging.unapplied[index]
        }
        return sums
    }

    private func ledger(_ session: any SQLSession, on day: LocalDate) throws -> Sums {
        let balances = try LedgerBalances.read(session, asOf: day, knownFact: .max)
        var sums: Sums = [:]
        for (currency, amount) in balances[.receivable] ?? [:] { sums["receivables \(currency)", default: 0] += amount }
        for account in [AccountRole.unapplied, .suspense, .advance] {
            for (currency, amount) in balances[account] ?? [:] { sums["unapplied \(currency)", default: 0] -= amount }
        }
        var total: [Currency: Int128] = [:]
        for account in balances.values { for (currency, amount) in account { total[currency, default: 0] += amount } }
        if let off = total.first(where: { $0.value != 0 }) {
            throw Fault(text: "debits and credits differ in \(off.key)")
        }
        return sums
    }

    private func compare(_ left: Sums, with right: Sums, on day: LocalDate) throws {
        for key in Set(left.keys).union(right.keys).sorted() where left[key] ?? 0 != right[key] ?? 0 {
            throw Fault(
                text: "\(key) on \(day): items say \(left[key] ?? 0), accounts say \(right[key] ?? 0) minor units")
        }
    }
}
