internal import Database
internal import Ledger
internal import Receivables

/// What is known of customers for grouping and naming, in force on a day as known at an act.
struct CustomerAttributes {
    struct Entry {
        var code: String
        var name: String
        var group: Int64?
        var salesOwner: Int64?
        var collector: Int64?
        var kind: Customer.Kind?
        var size: Customer.Size?
        var industry: String?
        var language: String?
        var currency: String?
        var termsDays: Int?
        var uscc: String?
        var nameKey: String
        var isIncomplete: Bool
    }

    private(set) var byID: [Int64: Entry] = [:]

    /// Whether a customer is in somebody's data scope: whose it is now counts, whatever day is looked at.
    func isSeen(_ customer: Int64, by viewer: Viewer?) -> Bool {
        guard let viewer, !viewer.seesAll else { return true }
        let entry = byID[customer]
        return viewer.sees(salesOwner: entry?.salesOwner, collector: entry?.collector)
    }
    /// Days on which some version comes into force.
    private var validFrom: Set<Int> = []

    /// Whether what was in force on one day is in force on a later one.
    func isValid(from day: LocalDate, through later: LocalDate) -> Bool {
        later >= day && !validFrom.contains { $0 > day.dayNumber && $0 <= later.dayNumber }
    }

    /// The last version in force on `day`; a customer first described later is described by its first version.
    init(_ session: any SQLSession, on day: LocalDate, knownFact: Int64) throws {
        let statement = try session.scan(
            """
            SELECT c.id, c.code, v.n, v.valid_from, v.name, v.group_id, v.sales_owner, v.collector, v.kind, v.size,
                v.industry, v.language, v.uscc, v.name_key, v.incomplete, v.currency, v.terms_days
              FROM customer_version v JOIN customer c ON c.id = v.customer WHERE v.id <= $1 ORDER BY v.id
            """)
        statement.bind(1, knownFact)
        while try statement.step() {
            let id = statement.integer(0)
            validFrom.insert(Int(statement.integer(3)))
            guard statement.integer(2) == 1 || statement.integer(3) <= Int64(day.dayNumber) || byID[id] == nil else {
                continue
            }
            byID[id] = Entry(
                code: statement.text(1), name: statement.text(4), group: statement.optionalInteger(5),
                salesOwner: statement.optionalInteger(6), collector: statement.optionalInteger(7),
                kind: statement.optionalInteger(8).flatMap(Customer.Kind.init),
                size: statement.optionalInteger(9).flatMap(Customer.Size.init),
                industry: statement.isNull(10) ? nil : statement.text(10),
                language: statement.isNull(11) ? nil : statement.text(11),
                currency: statement.isNull(15) ? nil : statement.text(15),
                termsDays: statement.optionalInteger(16).map(Int.init),
                uscc: statement.isNull(12) ? nil : statement.text(12), nameKey: statement.text(13),
                isIncomplete: statement.integer(14) == 1)
        }
    }

    subscript(id: Int64) -> Entry? { byID[id] }

    /// The top of a customer's group: itself when it has no parent.
    func groupTop(of id: Int64) -> Int64 {
        var top = id
        // Cycles are refused when they are registered; a store from elsewhere must not hang a report.
        for _ in 0..<100 {
            guard let parent = byID[top]?.group, byID[parent] != nil else { break }
            top = parent
        }
        return top
    }
}

/// People's keys by number.
struct PersonKeys {
    private var keys: [Int64: String] = [:]

    init(_ session: any SQLSession) throws {
        for row in try session.rows("SELECT id, key FROM person ORDER BY id") { keys[row.integer(0)] = row.text(1) }
    }

    subscript(id: Int64?) -> String? { id.flatMap { keys[$0] } }
}
