internal import Database
internal import Foundation
internal import Ledger
internal import OpenItems

/// Keeps the picture of open items up to the last act, whoever recorded it.
///
/// Every answer first reads the head; what another process committed since is applied before
/// anything is said (ENGINEERING E-16).
final class Picture: @unchecked Sendable {
    // `items` and `act` are guarded by `lock`.
    private let lock = NSLock()
    private var items: OpenItems?
    private var act: Int64 = 0

    /// Below this many rows a load is faster than an image is worth.
    private static let rowsWorthAnImage = 20_000

    /// The picture as of the session's snapshot.
    ///
    /// - Parameter forLookUps: Whether items will be looked up by their facts, which an image can't do at once.
    func current(in session: any SQLSession, imagePath: String?, forLookUps: Bool = false) throws -> OpenItems {
        lock.lock()
        defer { lock.unlock() }
        let head = try ActRepository(session: session).head()
        if items != nil, act == head.lastAct {
            if forLookUps { items?.prepareToAdd() }
            if let items { return items }
        }
        var picture = items ?? image(imagePath, session) ?? OpenItems()
        items = nil  // so that the columns are not copied while they grow
        let before = picture.itemCount + picture.allocationCount
        try OpenItemsLoader(session).load(into: &picture, through: head.lastFact)
        if picture.wantsSorting { picture.sort() }
        if forLookUps { picture.prepareToAdd() }
        let after = picture.itemCount + picture.allocationCount
        if let imagePath, after >= Self.rowsWorthAnImage, after - before > after / 10 {
            picture.sort()
            // A picture that can't be kept is made again: that costs time, nothing else.
            try? picture.writeImage(to: imagePath, act: head.lastAct, hash: head.lastHash)
        }
        items = picture
        act = head.lastAct
        return picture
    }

    /// The image beside the store, if the journal still has the act it was made at.
    private func image(_ path: String?, _ session: any SQLSession) -> OpenItems? {
        guard let path, let image = OpenItems.readImage(from: path) else { return nil }
        let row = try? session.row("SELECT hash FROM act WHERE seq = \(image.act)")
        guard row?.blob(0) == image.hash else { return nil }
        return image.items
    }
}

/// Reads facts into the picture, in the order of their numbers and never through an index.
struct OpenItemsLoader {
    private let session: any SQLSession

    init(_ session: any SQLSession) { self.session = session }

    /// Adds all facts after the picture's last one.
    func load(into picture: inout OpenItems, through lastFact: Int64) throws {
        let from = picture.lastFact
        guard from < lastFact else { return }
        if from == 0 {
            let counts = try session.row("SELECT (SELECT count(*) FROM item), (SELECT count(*) FROM allocation)")
            picture.reserve(
                items: Int(counts?.integer(0) ?? 0), allocations: Int(counts?.integer(1) ?? 0), lastFact: lastFact)
        } else {
            picture.prepareToAdd()
        }
        try loadItems(into: &picture, after: from, lastFact)
        try loadCredits(into: &picture, after: from, lastFact: lastFact)
        try loadDueChanges(into: &picture, after: from, lastFact)
        try loadTurnovers(into: &picture, after: from, lastFact)
        picture.sawFacts(through: lastFact)
    }

    /// An invoice's items follow it, so two scans side by side join without a look-up.
    private func loadItems(into picture: inout OpenItems, after from: Int64, _ lastFact: Int64) throws {
        let invoices = try session.scan(
            """
            SELECT id, entity, customer, currency, posting_day, issue_day, recognised_day, sales_owner, contract,
                product_line FROM invoice WHERE id > $1 AND id <= $2 ORDER BY id
            """)
        let items = try session.scan(
            "SELECT id, invoice, amount, due_day FROM item WHERE id > $1 AND id <= $2 ORDER BY id")
        for statement in [invoices, items] {
            statement.bind(1, from)
            statement.bind(2, lastFact)
        }
        defer {
            invoices.reset()
            items.reset()
        }
        var invoice: Int64 = -1
        var debtor: Int32 = 0
        var template = OpenItems.NewItem(
            fact: 0, debtor: OpenItems.Debtor(entity: 0, customer: 0, currency: Self.someCurrency), postingDay: 0,
            issueDay: 0, recognisedDay: 0, dueDay: 0, amount: 0, owner: 0, contract: "", productLine: "")
        var currencies = CurrencyCache()
        while try items.step() {
            while invoice != items.integer(1) {
                guard try invoices.step() else {
                    throw DatabaseFailure.corrupt(detail: "item \(items.integer(0)) has no invoice")
                }
                invoice = invoices.integer(0)
                let currency = try currencies.currency(invoices, 3)
                debtor = picture.index(
                    of: OpenItems.Debtor(
                        entity: invoices.integer(1), customer: invoices.integer(2), currency: currency))
                template.postingDay = Int32(truncatingIfNeeded: invoices.integer(4))
                template.issueDay = Int32(truncatingIfNeeded: invoices.integer(5))
                template.recognisedDay = Int32(truncatingIfNeeded: invoices.integer(6))
                template.owner = invoices.integer(7)
                template.contract = invoices.isNull(8) ? "" : invoices.text(8)
                template.productLine = invoices.isNull(9) ? "" : invoices.text(9)
            }
            template.fact = items.integer(0)
            template.amount = items.integer(2)
            template.dueDay = Int32(truncatingIfNeeded: items.integer(3))
            picture.add(template, debtor: debtor)
        }
    }

    private func loadCredits(into picture: inout OpenItems, after from: Int64, lastFact: Int64) throws {
        var debtors = CreditDebtors(isFull: from == 0, lastFact: lastFact)
        let credits = try session.scan(
            "SELECT id, entity, customer, currency, posting_day, amount, kind FROM credit WHERE id > $1 AND id <= $2 ORDER BY id"
        )
        credits.bind(1, from)
        credits.bind(2, lastFact)
        var currencies = CurrencyCache()
        while try credits.step() {
            let currency = try currencies.currency(credits, 3)
            let debtor = picture.index(
                of: OpenItems.Debtor(entity: credits.integer(1), customer: credits.integer(2), currency: currency))
            debtors.set(credits.integer(0), debtor, kind: UInt8(truncatingIfNeeded: credits.integer(6)))
            picture.addMovement(
                fact: credits.integer(0), debtor: debtor, day: Int32(truncatingIfNeeded: credits.integer(4)),
                amount: credits.integer(5))
        }
        let identified = try loadIdentifications(into: &picture, after: from, lastFact)

        let allocations = try session.scan(
            "SELECT id, credit, item, posting_day, credit_amount, item_amount FROM allocation WHERE id > $1 AND id <= $2 ORDER BY id"
        )
        allocations.bind(1, from)
        allocations.bind(2, lastFact)
        while try allocations.step() {
            let fact = allocations.integer(0)
            let credit = allocations.integer(1)
            let day = Int32(truncatingIfNeeded: allocations.integer(3))
            let debtor = try debtor(of: credit, at: fact, identified, &debtors, &picture)
            guard
                picture.addAllocation(
                    fact: fact, item: allocations.integer(2), day: day, amount: allocations.integer(5),
                    kind: debtors.kind(of: credit))
            else { throw DatabaseFailure.corrupt(detail: "allocation \(fact) has no item") }
            picture.addMovement(fact: fact, debtor: debtor, day: day, amount: -allocations.integer(4))
        }
        for row in try session.rows(
            "SELECT id, fact, posting_day, amount FROM reversal WHERE id > \(from) AND id <= \(lastFact) ORDER BY id")
        {
            let debtor = try debtor(of: row.integer(1), at: row.integer(0), identified, &debtors, &picture)
            picture.addMovement(
                fact: row.integer(0), debtor: debtor, day: Int32(truncatingIfNeeded: row.integer(2)),
                amount: -row.integer(3))
        }
    }

    /// A payer was found: what waited moves from the unknown debtor to the customer's.
    private func loadIdentifications(
        into picture: inout OpenItems, after from: Int64, _ lastFact: Int64
    ) throws -> [Int64: (fact: Int64, debtor: Int32)] {
        var identified: [Int64: (fact: Int64, debtor: Int32)] = [:]
        let rows = try session.rows(
            """
            SELECT e.id, e.credit, e.posting_day, e.amount, e.customer, c.entity, c.currency FROM credit_event e
              JOIN credit c ON c.id = e.credit WHERE e.kind = 1 AND e.id <= \(lastFact) ORDER BY e.id
            """)
        for row in rows {
            guard let currency = Currency(row.text(6)) else { continue }
            let unknown = OpenItems.Debtor(entity: row.integer(5), customer: 0, currency: currency)
            let known = OpenItems.Debtor(entity: row.integer(5), customer: row.integer(4), currency: currency)
            let debtor = picture.index(of: known)
            identified[row.integer(1)] = (row.integer(0), debtor)
            guard row.integer(0) > from else { continue }
            let day = Int32(truncatingIfNeeded: row.integer(2))
            let before = picture.index(of: unknown)
            picture.addMovement(fact: row.integer(0), debtor: before, day: day, amount: -row.integer(3))
            picture.addMovement(fact: row.integer(0), debtor: debtor, day: day, amount: row.integer(3))
        }
        return identified
    }

    private func debtor(
        of credit: Int64, at fact: Int64, _ identified: [Int64: (fact: Int64, debtor: Int32)],
        _ debtors: inout CreditDebtors, _ picture: inout OpenItems
    ) throws -> Int32 {
        if let known = debtors.find(credit) {
            if !identified.isEmpty, let found = identified[credit], found.fact < fact { return found.debtor }
            return known
        }
        let row = try session.row("SELECT entity, customer, currency, kind FROM credit WHERE id = \(credit)")
        guard let row, let currency = Currency(row.text(2)) else {
            throw DatabaseFailure.corrupt(detail: "allocation \(fact) has no credit")
        }
        let debtor = picture.index(
            of: OpenItems.Debtor(entity: row.integer(0), customer: row.integer(1), currency: currency))
        debtors.set(credit, debtor, kind: UInt8(truncatingIfNeeded: row.integer(3)))
        if !identified.isEmpty, let found = identified[credit], found.fact < fact { return found.debtor }
        return debtor
    }

    private func loadDueChanges(into picture: inout OpenItems, after from: Int64, _ lastFact: Int64) throws {
        let rows = try session.rows(
            "SELECT id, item, value_day, due_day FROM item_event WHERE id > \(from) AND id <= \(lastFact) AND due_day IS NOT NULL ORDER BY id"
        )
        for row in rows {
            guard
                picture.addDueChange(
                    fact: row.integer(0), item: row.integer(1), valueDay: Int32(truncatingIfNeeded: row.integer(2)),
                    due: Int32(truncatingIfNeeded: row.integer(3)))
            else { throw DatabaseFailure.corrupt(detail: "due day \(row.integer(0)) has no item") }
        }
    }

    private func loadTurnovers(into picture: inout OpenItems, after from: Int64, _ lastFact: Int64) throws {
        let statement = try session.scan(
            "SELECT posting_day, debit, credit, currency, amount FROM transfer WHERE id > $1 AND id <= $2 ORDER BY id")
        statement.bind(1, from)
        statement.bind(2, lastFact)
        var currencies = CurrencyCache()
        var sums = TurnoverSums()
        while try statement.step() {
            let currency = try currencies.index(statement, 3)
            let day = Int32(truncatingIfNeeded: statement.integer(0))
            let debit = statement.integer(1)
            let credit = statement.integer(2)
            guard AccountRole(rawValue: debit) != nil, AccountRole(rawValue: credit) != nil,
                (0...200_000).contains(day)
            else { throw DatabaseFailure.corrupt(detail: "a transfer has no account or no day") }
            sums.add(debit, currency, day, statement.integer(4))
            sums.add(credit, currency, day, -statement.integer(4))
        }
        sums.visit { account, currency, day, amount in
            guard let role = AccountRole(rawValue: account) else { return }
            picture.addTurnover(account: role, currency: currencies.known[currency], day: day, amount: amount)
        }
    }

    /// Stands in for a row not read yet.
    private static let someCurrency: Currency = {
        guard let currency = Currency("CNY") else { preconditionFailure("CNY is an ISO 4217 code") }
        return currency
    }()
}

/// Currencies of consecutive rows are mostly equal, so their three letters are compared before anything is made.
private struct CurrencyCache {
    private(set) var known: [Currency] = []
    private var codes: [UInt32] = []

    mutating func index(_ row: any SQLStatement, _ column: Int) throws -> Int {
        let code = row.withBytes(column) { bytes in
            bytes.count == 3 ? UInt32(bytes[0]) << 16 | UInt32(bytes[1]) << 8 | UInt32(bytes[2]) : 0
        }
        if let index = codes.firstIndex(of: code) { return index }
        guard let currency = Currency(row.text(column)) else {
            throw DatabaseFailure.corrupt(detail: "unknown currency \(row.text(column))")
        }
        codes.append(code)
        known.append(currency)
        return known.count - 1
    }

    mutating func currency(_ row: any SQLStatement, _ column: Int) throws -> Currency {
        known[try index(row, column)]
    }
}

/// The debtor and kind of each credit: a table by fact number for a whole load, a dictionary for a few.
private struct CreditDebtors {
    private var dense: [Int32]
    private var denseKinds: [UInt8]
    private var sparse: [Int64: (debtor: Int32, kind: UInt8)] = [:]

    init(isFull: Bool, lastFact: Int64) {
        dense = isFull ? [Int32](repeating: -1, count: Int(lastFact) + 1) : []
        denseKinds = isFull ? [UInt8](repeating: 0, count: Int(lastFact) + 1) : []
    }

    mutating func set(_ credit: Int64, _ debtor: Int32, kind: UInt8) {
        if credit >= 0, credit < dense.count {
            dense[Int(credit)] = debtor
            denseKinds[Int(credit)] = kind
        } else {
            sparse[credit] = (debtor, kind)
        }
    }

    func find(_ credit: Int64) -> Int32? {
        guard credit >= 0, credit < dense.count else { return sparse[credit]?.debtor }
        return dense[Int(credit)] >= 0 ? dense[Int(credit)] : nil
    }

    func kind(of credit: Int64) -> UInt8 {
        credit >= 0 && credit < dense.count ? denseKinds[Int(credit)] : sparse[credit]?.kind ?? 0
    }
}

/// Sums by account, currency and day, in a table by day: every transfer of a load is added twice.
private struct TurnoverSums {
    private struct Days {
        /// The day of the first entry.
        var first: Int
        var sums: [Int128]

        mutating func add(_ amount: Int64, on day: Int) {
            if day < first {
                sums.insert(contentsOf: [Int128](repeating: 0, count: first - day), at: 0)
                first = day
            }
            while sums.count <= day - first { sums.append(0) }
            sums[day - first] += Int128(amount)
        }
    }

    private var byKey: [Days?] = []
    private static let accounts = AccountRole.allCases.count + 1

    mutating func add(_ account: Int64, _ currency: Int, _ day: Int32, _ amount: Int64) {
        let key = currency * Self.accounts + Int(account)
        while byKey.count <= key { byKey.append(nil) }
        if byKey[key] == nil { byKey[key] = Days(first: Int(day), sums: []) }
        byKey[key]?.add(amount, on: Int(day))
    }

    /// Each account's sums that are not zero.
    func visit(_ body: (_ account: Int64, _ currency: Int, _ day: Int32, _ amount: Int128) -> Void) {
        for (key, days) in byKey.enumerated() {
            guard let days else { continue }
            let (currency, account) = key.quotientAndRemainder(dividingBy: Self.accounts)
            for (offset, amount) in days.sums.enumerated() where amount != 0 {
                body(Int64(account), currency, Int32(days.first + offset), amount)
            }
        }
    }
}
