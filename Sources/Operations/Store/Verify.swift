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
                try checkRunningBalances(session)
                try checkTranslations(session)
                try checkPersonal(session)
                try checkAttachments(session)
                try checkBooks(session, store)
                try checkSchema(session, store)
            } catch let found as Fault {
                fault = found.text
            } catch let failure as DatabaseFailure {
                fault = "\(failure)"
            }
            return Result(acts: head.lastAct, facts: head.lastFact, headHash: head.lastHash.hexadecimal, fault: fault)
        }
    }

    /// Keys, checks and guards are the ones that the migrations make: a store that lost one defends itself no more.
    private func checkSchema(_ session: any SQLSession, _ store: Store) throws {
        if let missing = try session.dialect.missingGuard(of: Schema.migrator.appendOnly, in: session) {
            throw Fault(text: "schema: the guard \(missing) is not as the program made it")
        }
        guard store.engine is SQLiteDatabase else { return }
        let expected = try SQLiteDatabase.schema { try Schema.migrator.migrate($0) }
        let found = try SQLiteDatabase.parts(of: session)
        guard expected.map(\.values) != found.map(\.values) else { return }
        let wanted = Set(expected.map(\.values))
        let there = Set(found.map(\.values))
        let first = wanted.symmetricDifference(there).compactMap { values -> String? in
            if case .text(let name) = values[1] { name } else { nil }
        }.min()
        throw Fault(text: "schema: \(first ?? "order") is not as the program made it")
    }

    /// What is personal reads as it was written, wherever its key is there.
    private func checkPersonal(_ session: any SQLSession) throws {
        let personal = PersonalRepository(session: session, facts: nil)
        let statement = try session.scan("SELECT id, subject, ciphertext FROM personal ORDER BY id")
        defer { statement.reset() }
        while try statement.step() {
            guard try personal.isSound(subject: statement.integer(1), statement.blob(2)) else {
                throw Fault(text: "personal \(statement.integer(0)) can't be read with its key")
            }
        }
    }

    /// Every file that a note names is there, and is what was put there.
    private func checkAttachments(_ session: any SQLSession) throws {
        let missing = try session.row(
            """
            SELECT a.id FROM attachment a LEFT JOIN attachment_content c ON c.sha256 = a.sha256
             WHERE c.sha256 IS NULL ORDER BY a.id LIMIT 1
            """)
        if let missing { throw Fault(text: "attachment \(missing.integer(0)): its content is missing") }
        let statement = try session.scan("SELECT sha256, content FROM attachment_content ORDER BY sha256")
        defer { statement.reset() }
        while try statement.step() {
            guard NoteCommands.digest(statement.blob(1)) == statement.blob(0) else {
                throw Fault(text: "attachment: a file's content is not what was put there")
            }
        }
    }

    /// No table stands beside the known ones, so nobody keeps books in a drawer.
    private func checkTables(_ session: any SQLSession) throws {
        let known = Set(FactTable.all.map(\.name)).union(FactTable.otherTables.keys)
        if let unknown = try session.tableNames().first(where: { !known.contains($0) }) {
            throw Fault(text: "table \(unknown) is unknown")
        }
    }

    // MARK: The journal of acts

    private func checkChain(_ session: any SQLSession, _ head: Head) throws {
        let statement = try session.scan(
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
            statement = try session.scan("SELECT \(names) FROM \(table.name) ORDER BY id")
            try advance()
        }

        func advance() throws { next = try statement.step() ? statement.integer(0) : nil }
    }

    /// Reads all facts in order of their numbers and encodes them again as they were when their acts were hashed.
    private func checkFacts(_ session: any SQLSession, _ head: Head, _ onProgress: ((Double) -> Void)?) throws {
        let acts = try session.scan("SELECT seq, fact_count, facts_digest FROM act ORDER BY seq")
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
            // Whole tables against each other: an engine on a server plans that in its own way.
            let found = try session.scan(sql.text)
            defer { found.reset() }
            if try found.step() { throw Fault(text: "\(what) \(found.integer(0))") }
        }
        try first(
            "balance of item",
            """
            SELECT i.id FROM item i LEFT JOIN item_balance b ON b.item = i.id
              LEFT JOIN (SELECT item, sum(item_amount) AS applied, min(item_amount) AS least FROM allocation GROUP BY item) a
                ON a.item = i.id
             WHERE b.item IS NULL OR b.amount <> i.amount OR b.open <> i.amount - coalesce(a.applied, 0)
                OR b.open < 0 OR b.unwound <> CASE WHEN coalesce(a.least, 1) < 0 THEN 1 ELSE 0 END LIMIT 1
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
                OR b.unwound <> CASE WHEN coalesce(a.least, 1) < 0 THEN 1 ELSE 0 END OR b.reversed <> CASE WHEN r.id IS NULL THEN 0 ELSE 1 END
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

    /// On no posting day is more allocated than there is, of an item or of a credit.
    private func checkRunningBalances(_ session: any SQLSession) throws {
        let early = try session.row(
            """
            SELECT a.id FROM allocation a JOIN credit c ON c.id = a.credit JOIN item i ON i.id = a.item
              JOIN invoice v ON v.id = i.invoice
             WHERE a.posting_day < c.posting_day OR a.posting_day < v.posting_day LIMIT 1
            """)
        if let early { throw Fault(text: "allocation \(early.integer(0)) is posted before its credit or invoice") }
        let reversed = try session.row(
            """
            SELECT r.id FROM reversal r JOIN credit c ON c.id = r.fact WHERE r.posting_day < c.posting_day LIMIT 1
            """)
        if let reversed { throw Fault(text: "reversal \(reversed.integer(0)) is posted before its credit") }
        // Where nothing was taken back, what is left only falls, and its end was checked.
        try checkRunning(
            session, "item",
            """
            SELECT a.item, i.amount, a.posting_day, a.item_amount FROM allocation a JOIN item_balance b ON b.item = a.item
              JOIN item i ON i.id = a.item WHERE b.unwound = 1 ORDER BY a.item, a.posting_day, a.id
            """)
        try checkRunning(
            session, "credit",
            """
            SELECT m.credit, c.amount, m.posting_day, m.amount
              FROM (SELECT credit, posting_day, credit_amount AS amount FROM allocation
                    UNION ALL SELECT fact, posting_day, amount FROM reversal) m
              JOIN credit_balance b ON b.credit = m.credit JOIN credit c ON c.id = m.credit
             WHERE b.unwound = 1 OR b.reversed = 1 ORDER BY m.credit, m.posting_day, m.amount
            """)
    }

    /// Rows are: what, its amount, day, what was taken of it; ordered by what and day.
    private func checkRunning(_ session: any SQLSession, _ what: String, _ text: String) throws {
        let statement = try session.scan(text)
        defer { statement.reset() }
        var subject: Int64 = -1
        var day: Int64 = 0
        var amount: Int64 = 0
        var used: Int64 = 0
        func check() throws {
            guard subject >= 0, used < 0 || used > amount else { return }
            throw Fault(text: "\(what) \(subject): \(used) of \(amount) is used on \(LocalDate(dayNumber: Int(day)))")
        }
        while try statement.step() {
            if statement.integer(0) != subject || statement.integer(2) != day { try check() }
            if statement.integer(0) != subject { used = 0 }
            subject = statement.integer(0)
            amount = statement.integer(1)
            day = statement.integer(2)
            used += statement.integer(3)
        }
        try check()
    }

    /// Every foreign posting has a functional amount or waits for one, and what claims and credits carry follows
    /// from their translations.
    private func checkTranslations(_ session: any SQLSession) throws {
        let wrong = try session.row(
            """
            SELECT t.id FROM transfer t JOIN entity_version e ON e.entity = t.entity
              LEFT JOIN translation l ON l.transfer = t.id LEFT JOIN untranslated u ON u.transfer = t.id
             WHERE e.n = (SELECT max(n) FROM entity_version f WHERE f.entity = e.entity)
               AND ((t.currency <> e.functional_currency AND (l.id IS NULL) = (u.transfer IS NULL))
                 OR (t.currency = e.functional_currency AND (l.id IS NOT NULL OR u.transfer IS NOT NULL))
                 OR (u.transfer IS NOT NULL AND (u.currency <> t.currency OR u.posting_day <> t.posting_day))) LIMIT 1
            """)
        if let wrong { throw Fault(text: "functional amount of transfer \(wrong.integer(0))") }
        let astray = try session.row(
            "SELECT transfer FROM untranslated WHERE transfer NOT IN (SELECT id FROM transfer) LIMIT 1")
        if let astray { throw Fault(text: "untranslated transfer \(astray.integer(0)) isn't there") }
        try checkCarrying(session)
    }

    private func checkCarrying(_ session: any SQLSession) throws {
        struct Carrying: Equatable {
            var functional: Int64 = 0
            var used: Int64 = 0
            var usedFunctional: Int64 = 0
        }
        var expected: [Int64: Carrying] = [:]
        let rows = try session.scan(
            """
            SELECT t.fact, t.debit, t.credit, l.functional, l.difference, a.credit, i.invoice, a.credit_amount,
                a.item_amount, r.id, e.id
              FROM translation l JOIN transfer t ON t.id = l.transfer LEFT JOIN allocation a ON a.id = t.fact
              LEFT JOIN item i ON i.id = a.item LEFT JOIN reversal r ON r.id = t.fact
              LEFT JOIN credit_event e ON e.id = t.fact ORDER BY l.id
            """)
        defer { rows.reset() }
        while try rows.step() {
            guard rows.isNull(9), rows.isNull(10) else { continue }
            guard let credit = rows.optionalInteger(5) else {
                expected[rows.integer(0), default: Carrying()].functional += rows.integer(3)
                continue
            }
            let isTaken = rows.integer(7) > 0
            let functional = isTaken ? rows.integer(3) : -rows.integer(3)
            let accounts = Set([rows.integer(1), rows.integer(2)])
            if accounts.contains(AccountRole.receivable.rawValue) {
                expected[rows.integer(6), default: Carrying()].used += rows.integer(8)
                expected[rows.integer(6), default: Carrying()].usedFunctional += functional
            }
            if accounts.contains(AccountRole.unapplied.rawValue) {
                expected[credit, default: Carrying()].used += rows.integer(7)
                let difference = accounts.contains(AccountRole.receivable.rawValue) ? rows.integer(4) : 0
                expected[credit, default: Carrying()].usedFunctional += functional + difference
            }
        }
        let kept = try session.rows("SELECT subject, functional, used, used_functional FROM carrying ORDER BY subject")
        for row in kept {
            let carrying = Carrying(
                functional: row.integer(1), used: row.integer(2), usedFunctional: row.integer(3))
            guard expected.removeValue(forKey: row.integer(0)) == carrying else {
                throw Fault(text: "what fact \(row.integer(0)) carries in the functional currency")
            }
        }
        if let missing = expected.keys.min() { throw Fault(text: "what fact \(missing) carries is missing") }
    }

    /// Aging, the ledger's control account and where unapplied money waits agree at several dates; the picture
    /// agrees with SQL item by item; and the figures kept each day come out again.
    private func checkBooks(_ session: any SQLSession, _ store: Store) throws {
        let span = try session.row("SELECT min(posting_day), max(posting_day) FROM transfer")
        guard let firstDay = span?.optionalInteger(0), let lastDay = span?.optionalInteger(1) else { return }
        var picture = OpenItems()
        let head = try ActRepository(session: session).head()
        try OpenItemsLoader(session).load(into: &picture, through: head.lastFact)
        picture.sort()
        let kept = try store.picture.current(in: session, imagePath: store.imagePath)
        if let fact = picture.firstDifference(from: kept) {
            throw Fault(
                text: "the picture of open items differs from the facts at fact \(fact): delete \(store.path).openitems"
            )
        }
        try checkItems(session, picture)
        try checkCustomers(session, picture, on: LocalDate(dayNumber: Int(lastDay)))
        try checkSnapshots(session, picture)
        let days = [firstDay, firstDay + (lastDay - firstDay) / 3, firstDay + (lastDay - firstDay) * 2 / 3, lastDay]
        for number in Set(days).sorted() {
            let day = LocalDate(dayNumber: Int(number))
            let query = OpenItems.Query(asOf: day, buckets: .standardDue)
            try compare(sums(picture, query), with: ledger(session, on: day), on: day)
            try compare(sums(kept, query), with: sums(picture, query), on: day)
        }
    }

    /// What is open of each item, by the picture and by the store's balances.
    private func checkItems(_ session: any SQLSession, _ picture: OpenItems) throws {
        let open = picture.openAmounts(asOf: LocalDate.latestInBooks)
        let statement = try session.scan("SELECT item, open FROM item_balance ORDER BY item")
        defer { statement.reset() }
        let order = (0..<picture.itemCount).sorted { picture.fact(of: $0) < picture.fact(of: $1) }
        for position in order {
            guard try statement.step(), statement.integer(0) == picture.fact(of: position),
                statement.integer(1) == open[position]
            else { throw Fault(text: "open amount of item \(picture.fact(of: position))") }
        }
    }

    /// Each customer's receivables and unapplied money, by the picture and by the ledger.
    private func checkCustomers(_ session: any SQLSession, _ picture: OpenItems, on day: LocalDate) throws {
        var sums: Sums = [:]
        let aging = picture.aging(OpenItems.Query(asOf: day, buckets: .standardDue))
        for (index, debtor) in picture.debtors.enumerated() {
            sums["receivables of customer \(debtor.customer) \(debtor.currency)", default: 0] +=
                aging.row(index).reduce(0, +)
            sums["unapplied of customer \(debtor.customer) \(debtor.currency)", default: 0] += aging.unapplied[index]
        }
        var accounts: Sums = [:]
        let statement = try session.scan(
            "SELECT debit, credit, currency, amount, customer FROM transfer WHERE posting_day <= $1 ORDER BY id")
        statement.bind(1, Int64(day.dayNumber))
        defer { statement.reset() }
        while try statement.step() {
            let amount = Int128(statement.integer(3))
            for (account, signed) in [(statement.integer(0), amount), (statement.integer(1), -amount)] {
                switch AccountRole(rawValue: account) {
                case .receivable?:
                    accounts["receivables of customer \(statement.integer(4)) \(statement.text(2))", default: 0] +=
                        signed
                case .unapplied?, .advance?:
                    accounts["unapplied of customer \(statement.integer(4)) \(statement.text(2))", default: 0] -= signed
                case .suspense?: accounts["unapplied of customer 0 \(statement.text(2))", default: 0] -= signed
                default: continue
                }
            }
        }
        try compare(sums, with: accounts, on: day)
    }

    /// The figures that a day kept, made again from what was known then.
    private func checkSnapshots(_ session: any SQLSession, _ picture: OpenItems) throws {
        let statement = try session.scan(
            "SELECT as_of, last_fact, content FROM snapshot WHERE report = $1 ORDER BY id")
        statement.bind(1, text: AgingSnapshot.report)
        defer { statement.reset() }
        while try statement.step() {
            let day = LocalDate(dayNumber: Int(statement.integer(0)))
            let again = AgingSnapshot.content(picture, asOf: day, knownFact: statement.integer(1))
            guard again == statement.text(2) else {
                throw Fault(text: "the aging kept on \(day) doesn't come out again")
            }
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
