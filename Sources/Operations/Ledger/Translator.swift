internal import Database
internal import Ledger
internal import Receivables

/// Gives what was posted in foreign currencies its functional amounts, as far as rates are known (spec 09).
///
/// A claim or a credit is worth what the rate of its posting day says (or of the last day before it, at most
/// seven days back), and that stays so. An allocation takes from both sides what they carry, in proportion,
/// the last part taking the rest; where the two differ, an exchange difference was realised. What was taken
/// back takes its amounts back. Nothing is ever translated 1:1 for want of a rate: it waits.
final class Translator {
    private let books: Books
    private let session: any SQLSession
    private let firstTransfer: Int64
    private var rates: [RateKey: Int64?] = [:]

    private struct RateKey: Hashable {
        let currency: Currency
        let base: Currency
        let day: LocalDate
    }

    /// One transfer that waits, and what its fact is.
    private struct Waiting {
        let transfer: Int64
        let fact: Int64
        let entity: Int64
        let day: LocalDate
        let debit: AccountRole
        let credit: AccountRole
        let amount: Money
        /// Set for allocations: the credit, the invoice, and the allocation that is taken back.
        let allocation: (credit: Int64, invoice: Int64, reverses: Int64?)?
        /// The credit that a reversal takes back, or whose payer was found.
        let ofCredit: Int64?
        /// The invoice that a credit note or a correction is about.
        let aboutInvoice: Int64?

        var touchesReceivable: Bool { debit == .receivable || credit == .receivable }
    }

    /// What a foreign claim or credit is worth, and how much of it was allocated so far.
    private struct Carrying {
        var functional: Int64
        var used: Int64
        var usedFunctional: Int64
    }

    /// - Parameter firstTransfer: Only what was posted from this fact on; 1 looks at everything that waits.
    init(_ books: Books, from firstTransfer: Int64 = 1) {
        self.books = books
        session = books.session
        self.firstTransfer = firstTransfer
    }

    /// - Returns: How many transfers got their functional amount.
    func run() throws -> Int {
        // Without any rate nothing can be done, however much waits.
        guard try session.row("SELECT id FROM rate LIMIT 1") != nil else { return 0 }
        var count = 0
        var after = firstTransfer - 1
        while true {
            let group = try nextWaiting(after: after)
            guard let last = group.last else { return count }
            after = last.transfer
            if try translate(group) { count += group.count }
        }
    }

    /// The waiting transfers of the next fact that has any.
    private func nextWaiting(after transfer: Int64) throws -> [Waiting] {
        let statement = try session.statement(
            """
            SELECT t.id, t.fact, t.entity, t.posting_day, t.debit, t.credit, t.currency, t.amount, a.credit, i.invoice,
                a.reverses, r.fact, e.credit, c.about_invoice
              FROM untranslated u JOIN transfer t ON t.id = u.transfer LEFT JOIN allocation a ON a.id = t.fact
              LEFT JOIN item i ON i.id = a.item LEFT JOIN reversal r ON r.id = t.fact
              LEFT JOIN credit_event e ON e.id = t.fact LEFT JOIN credit c ON c.id = t.fact
             WHERE u.transfer > $1 ORDER BY u.transfer LIMIT 2
            """)
        statement.bind(1, transfer)
        defer { statement.reset() }
        var group: [Waiting] = []
        while try statement.step() {
            guard let debit = AccountRole(rawValue: statement.integer(4)),
                let credit = AccountRole(rawValue: statement.integer(5)), let currency = Currency(statement.text(6))
            else { throw DatabaseFailure.corrupt(detail: "transfer \(statement.integer(0))") }
            let waiting = Waiting(
                transfer: statement.integer(0), fact: statement.integer(1), entity: statement.integer(2),
                day: LocalDate(dayNumber: Int(statement.integer(3))), debit: debit, credit: credit,
                amount: Money(minorUnits: statement.integer(7), currency: currency),
                allocation: statement.isNull(8)
                    ? nil : (statement.integer(8), statement.integer(9), statement.optionalInteger(10)),
                ofCredit: statement.optionalInteger(11) ?? statement.optionalInteger(12),
                aboutInvoice: statement.optionalInteger(13))
            if let first = group.first, first.fact != waiting.fact { break }
            group.append(waiting)
        }
        return group
    }

    /// Translates the transfers of one fact, all or none.
    private func translate(_ group: [Waiting]) throws -> Bool {
        guard let first = group.first else { return false }
        if let allocation = first.allocation {
            if let original = allocation.reverses { return try takeBack(group, original) }
            return try allocate(group, allocation.credit, allocation.invoice)
        }
        if let credit = first.ofCredit {
            guard let worth = try carrying(credit) else { return false }
            let functional = Self.share(of: worth, first.amount.minorUnits, total: try amount(ofCredit: credit))
            try append(first, rate: nil, functional: functional)
            return true
        }
        if let invoice = first.aboutInvoice {
            // What reduces a claim is worth what the claim carries: nobody paid, so no exchange is realised.
            guard let worth = try carrying(invoice),
                let total = try session.row("SELECT amount FROM invoice WHERE id = \(invoice)")?.integer(0)
            else { return false }
            try begin(first, rate: nil, Self.proportion(of: worth.functional, first.amount.minorUnits, total))
            return true
        }
        let base = try books.entities.functionalCurrency(of: first.entity)
        guard let rate = try rate(first.amount.currency, base, first.day),
            let functional = first.amount.converted(to: base, rate: rate)
        else { return false }
        try begin(first, rate: rate, functional.minorUnits)
        return true
    }

    /// A claim or credit starts to carry its worth.
    private func begin(_ waiting: Waiting, rate: Int64?, _ functional: Int64) throws {
        try append(waiting, rate: rate, functional: functional)
        try session.execute(
            """
            INSERT INTO carrying (subject, functional, used, used_functional)
            VALUES (\(waiting.fact), \(functional), 0, 0)
            """)
    }

    /// An allocation: both sides give up what they carry, and the difference is realised.
    private func allocate(_ group: [Waiting], _ credit: Int64, _ invoice: Int64) throws -> Bool {
        let row = try session.row(
            """
            SELECT a.credit_amount, a.item_amount, c.currency, v.currency, c.amount, v.amount
              FROM allocation a, credit c, invoice v
             WHERE a.id = \(group[0].fact) AND c.id = \(credit) AND v.id = \(invoice)
            """)
        guard let row, let creditCurrency = Currency(row.text(2)), let itemCurrency = Currency(row.text(3)) else {
            throw DatabaseFailure.corrupt(detail: "allocation \(group[0].fact)")
        }
        let base = try books.entities.functionalCurrency(of: group[0].entity)
        // A side in the functional currency is worth its own amount.
        guard let fromCredit = try side(credit, row.integer(0), total: row.integer(4), isBase: creditCurrency == base),
            let fromInvoice = try side(invoice, row.integer(1), total: row.integer(5), isBase: itemCurrency == base)
        else { return false }
        for (index, waiting) in group.enumerated() {
            try append(
                waiting, rate: nil, functional: waiting.touchesReceivable ? fromInvoice : fromCredit,
                difference: index == group.count - 1 ? fromCredit - fromInvoice : 0)
        }
        if creditCurrency != base { try use(credit, row.integer(0), fromCredit) }
        if itemCurrency != base { try use(invoice, row.integer(1), fromInvoice) }
        return true
    }

    /// What an allocated amount takes from one side; a side in the functional currency is worth its own amount.
    private func side(_ subject: Int64, _ amount: Int64, total: Int64, isBase: Bool) throws -> Int64? {
        if isBase { return amount }
        return try carrying(subject).map { Self.share(of: $0, amount, total: total) }
    }

    /// A part of what is left, in proportion to the whole, half away from zero; the last part takes the rest.
    private static func share(of worth: Carrying, _ amount: Int64, total: Int64) -> Int64 {
        if worth.used + amount == total { return worth.functional - worth.usedFunctional }
        return proportion(of: worth.functional, amount, total)
    }

    private static func proportion(of whole: Int64, _ part: Int64, _ total: Int64) -> Int64 {
        Int64((Int128(whole) * Int128(part) * 2 + Int128(total)) / (Int128(total) * 2))
    }

    /// An allocation that is taken back gives back what it took, difference and all.
    private func takeBack(_ group: [Waiting], _ original: Int64) throws -> Bool {
        // Transfers stand right behind their fact.
        let legs = try session.rows(
            """
            SELECT t.debit, t.credit, t.currency, l.functional, l.difference FROM transfer t
              JOIN translation l ON l.transfer = t.id
             WHERE t.id BETWEEN \(original + 1) AND \(original + 2) AND t.fact = \(original)
            """)
        guard legs.count == group.count else { return false }
        for waiting in group {
            let leg = legs.first {
                $0.integer(0) == waiting.credit.rawValue && $0.integer(1) == waiting.debit.rawValue
                    && $0.text(2) == waiting.amount.currency.code
            }
            guard let leg else { throw DatabaseFailure.corrupt(detail: "transfer \(waiting.transfer)") }
            try append(waiting, rate: nil, functional: leg.integer(3), difference: -leg.integer(4))
            if waiting.touchesReceivable, let invoice = waiting.allocation?.invoice {
                try use(invoice, -waiting.amount.minorUnits, -leg.integer(3))
            }
        }
        guard let first = group.first, let credit = first.allocation?.credit, try carrying(credit) != nil else {
            return true
        }
        let amount = try session.row("SELECT credit_amount FROM allocation WHERE id = \(first.fact)")?.integer(0) ?? 0
        // Where one leg goes from credit to claim, the credit gave what the claim took and the difference.
        guard let leg = legs.first(where: { $0.integer(0) == AccountRole.unapplied.rawValue }) else { return true }
        let isDirect = leg.integer(1) == AccountRole.receivable.rawValue
        try use(credit, amount, -(leg.integer(3) + (isDirect ? leg.integer(4) : 0)))
        return true
    }

    private func carrying(_ subject: Int64) throws -> Carrying? {
        try session.row("SELECT functional, used, used_functional FROM carrying WHERE subject = \(subject)").map {
            Carrying(functional: $0.integer(0), used: $0.integer(1), usedFunctional: $0.integer(2))
        }
    }

    private func use(_ subject: Int64, _ amount: Int64, _ functional: Int64) throws {
        try session.execute(
            """
            UPDATE carrying SET used = used + \(amount), used_functional = used_functional + \(functional)
             WHERE subject = \(subject)
            """)
    }

    private func amount(ofCredit credit: Int64) throws -> Int64 {
        try session.row("SELECT amount FROM credit WHERE id = \(credit)")?.integer(0) ?? 0
    }

    private func rate(_ currency: Currency, _ base: Currency, _ day: LocalDate) throws -> Int64? {
        let key = RateKey(currency: currency, base: base, day: day)
        if let known = rates[key] { return known }
        let rate = try RateRepository.rate(from: currency, to: base, on: day, in: session)
        rates[key] = .some(rate)
        return rate
    }

    private func append(_ waiting: Waiting, rate: Int64?, functional: Int64, difference: Int64 = 0) throws {
        try books.facts.append(.translation) { row in
            row.integer(waiting.transfer)
            row.integer(rate)
            row.integer(functional)
            row.integer(difference)
        }
        try session.execute("DELETE FROM untranslated WHERE transfer = \(waiting.transfer)")
    }
}

/// Appends the functional amounts that have become possible (`huikuan translate`; importing rates does it too).
package struct Translate: Sendable {
    package struct Outcome: Codable, Hashable, Sendable {
        /// Transfers that got their functional amount.
        package let translated: Int
        /// Those that still have none, by currency.
        package let waiting: [String: Int]
    }

    package init() {}

    package func run(in store: Store, _ request: ActRequest) async throws -> Store.Written<Outcome> {
        try await store.write(request) { books in
            let count = try Translator(books).run()
            let rows = try books.session.rows(
                "SELECT currency, count(*) FROM untranslated GROUP BY currency ORDER BY currency")
            return Outcome(
                translated: count,
                waiting: Dictionary(uniqueKeysWithValues: rows.map { ($0.text(0), Int($0.integer(1))) }))
        }
    }
}
