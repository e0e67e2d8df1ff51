internal import Database
internal import Foundation
internal import Ledger
internal import Receivables

/// Customers and their versions.
final class CustomerRepository {
    /// What importing a line needs of a customer.
    struct Reference {
        let id: ID<Customer>
        let currency: Currency?
        let termsDays: Int?
        let group: ID<Customer>?
        let isIndividual: Bool
    }

    private let session: any SQLSession
    private let facts: FactWriter
    private var byCode: [String: Reference] = [:]
    /// Codes that were looked up ahead and are nobody's.
    private var absent: Set<String> = []
    private var groups: [ID<Customer>: ID<Customer>?] = [:]

    init(session: any SQLSession, facts: FactWriter) {
        self.session = session
        self.facts = facts
    }

    func find(_ code: String) throws -> Reference? {
        if let known = byCode[code] { return known }
        if absent.contains(code) { return nil }
        guard let row = try session.row(Self.question(code)) else {
            absent.insert(code)
            return nil
        }
        return keep(row, code)
    }

    private static func question(_ code: String) -> SQL {
        """
        SELECT c.id, v.currency, v.terms_days, v.group_id, v.kind FROM customer c
          JOIN customer_version v ON v.customer = c.id WHERE c.code = \(code) ORDER BY v.n DESC LIMIT 1
        """
    }

    /// What a line that names a customer will ask.
    static func foreseen(_ code: String) -> Foreseen {
        Foreseen(
            question(code),
            from: [
                Foreseen.Source("customer", .value(column: "code", .text(code))),
                Foreseen.Source("customer_version", .answer(column: "customer", place: 0)),
            ])
    }

    /// Looks up at once what a page of lines will ask for.
    func lookAhead(_ codes: Set<String>) throws {
        absent = codes.filter { byCode[$0] == nil }
        let unknown = absent.sorted().map { SQLValue.text($0) }
        try session.rows(
            about: unknown, [],
            { places in
                """
                SELECT c.id, v.currency, v.terms_days, v.group_id, v.kind, c.code FROM customer c
                  JOIN customer_version v ON v.customer = c.id WHERE c.code IN (\(places)) ORDER BY v.n
                """
            },
            visit: { row in
                _ = keep(row, row.text(5))
                absent.remove(row.text(5))
            })
    }

    private func keep(_ row: SQLRow, _ code: String) -> Reference {
        let reference = Reference(
            id: ID(row.integer(0)), currency: row.optionalText(1).flatMap { Currency($0) },
            termsDays: row.optionalInteger(2).map(Int.init), group: row.optionalInteger(3).map { ID($0) },
            isIndividual: row.optionalInteger(4) == Customer.Kind.individual.rawValue)
        byCode[code] = reference
        groups[reference.id] = .some(reference.group)
        return reference
    }

    /// Whether two customers belong to one group: the same one stands at the top of both.
    func areInOneGroup(_ one: ID<Customer>, _ other: ID<Customer>) throws -> Bool {
        try one == other || top(of: one) == top(of: other)
    }

    /// Whether a customer is another's parent, at whatever distance, or the other itself.
    func isAbove(_ customer: ID<Customer>, _ other: ID<Customer>) throws -> Bool {
        var next: ID<Customer>? = other
        for _ in 0..<Self.deepestGroup {
            guard let current = next else { return false }
            if current == customer { return true }
            next = try group(of: current)
        }
        return true
    }

    private static let deepestGroup = 100

    private func top(of customer: ID<Customer>) throws -> ID<Customer> {
        var top = customer
        for _ in 0..<Self.deepestGroup {
            guard let parent = try group(of: top) else { break }
            top = parent
        }
        return top
    }

    private func group(of customer: ID<Customer>) throws -> ID<Customer>? {
        if let known = groups[customer] { return known }
        let row = try session.row(
            "SELECT group_id FROM customer_version WHERE customer = \(customer.rawValue) ORDER BY n DESC LIMIT 1")
        let group = row?.optionalInteger(0).map { ID<Customer>($0) }
        groups[customer] = .some(group)
        return group
    }

    /// The last version.
    func content(_ id: ID<Customer>) throws -> (n: Int64, content: Customer.Content, isIncomplete: Bool)? {
        let row = try session.row(
            """
            SELECT n, name, uscc, industry, kind, size, group_id, sales_owner, collector, currency, terms_days,
                language, incomplete
              FROM customer_version WHERE customer = \(id.rawValue) ORDER BY n DESC LIMIT 1
            """)
        guard let row else { return nil }
        var content = Customer.Content(name: row.text(1))
        content.uscc = row.optionalText(2)
        content.industry = row.optionalText(3)
        content.kind = row.optionalInteger(4).flatMap(Customer.Kind.init)
        content.size = row.optionalInteger(5).flatMap(Customer.Size.init)
        content.group = row.optionalInteger(6).map { ID($0) }
        content.salesOwner = row.optionalInteger(7).map { ID($0) }
        content.collector = row.optionalInteger(8).map { ID($0) }
        content.currency = row.optionalText(9).flatMap { Currency($0) }
        content.termsDays = row.optionalInteger(10).map(Int.init)
        content.language = row.optionalText(11)
        return (row.integer(0), content, row.integer(12) == 1)
    }

    @discardableResult
    func register(code: String, _ content: Customer.Content, on day: LocalDate, isIncomplete: Bool) throws -> ID<
        Customer
    > {
        let id = ID<Customer>(try facts.append(.customer) { $0.text(code) })
        try appendVersion(of: id, n: 1, content, on: day, isIncomplete: isIncomplete)
        absent.remove(code)
        byCode[code] = Reference(
            id: id, currency: content.currency, termsDays: content.termsDays, group: content.group,
            isIndividual: content.kind == .individual)
        groups[id] = .some(content.group)
        return id
    }

    /// - Throws: a constraint failure when somebody else appended version `n` first.
    func appendVersion(
        of id: ID<Customer>, n: Int64, _ content: Customer.Content, on day: LocalDate, isIncomplete: Bool
    ) throws {
        try facts.append(.customerVersion) { row in
            row.integer(id.rawValue)
            row.integer(n)
            row.integer(Int64(day.dayNumber))
            row.text(content.name)
            row.text(Self.nameKey(content.name))
            row.text(content.uscc)
            row.text(content.industry)
            row.integer(content.kind?.rawValue)
            row.integer(content.size?.rawValue)
            row.integer(content.group?.rawValue)
            row.integer(content.salesOwner?.rawValue)
            row.integer(content.collector?.rawValue)
            row.text(content.currency?.code)
            row.integer(content.termsDays.map(Int64.init))
            row.text(content.language)
            row.integer(isIncomplete ? 1 : 0)
        }
        guard n > 1 else { return }
        byCode.removeAll()
        absent.removeAll()
        groups.removeAll()
    }

    /// A name reduced to what tells companies apart: compatibility forms and case folded, the company
    /// form at its end, brackets, spaces and punctuation dropped.
    static func nameKey(_ name: String) -> String {
        if name.utf8.allSatisfy({ $0 < 0x80 }) { return plainNameKey(name) }
        var key = name.precomposedStringWithCompatibilityMapping.lowercased()
        while let form = companyForms.first(where: { key.hasSuffix($0) && key.utf8.count > $0.utf8.count }) {
            key.removeLast(form.count)
        }
        return String(
            String.UnicodeScalarView(
                key.unicodeScalars.filter { $0.properties.isAlphabetic || ("0"..."9").contains($0) }))
    }

    /// The same of a name of plain letters, byte by byte.
    private static func plainNameKey(_ name: String) -> String {
        var key = name.utf8.map { (65...90).contains($0) ? $0 + 32 : $0 }
        func isAtEnd(_ form: [UInt8]) -> Bool {
            key.count > form.count && key[(key.count - form.count)...].elementsEqual(form)
        }
        while let form = plainForms.first(where: isAtEnd) { key.removeLast(form.count) }
        return String(decoding: key.filter { (97...122).contains($0) || (48...57).contains($0) }, as: UTF8.self)
    }

    private static let plainForms = companyForms.filter { $0.utf8.allSatisfy { $0 < 0x80 } }.map { Array($0.utf8) }

    private static let companyForms = [
        "股份有限公司", "有限责任公司", "集团有限公司", "有限公司", "股份公司", "公司", " co., ltd.", " co.,ltd.", " co ltd", " co.",
        " limited", " ltd.", " ltd", " gmbh", " inc.", " inc", " corp.", " corp", " llc", " ag", " s.a.", " k.k.", ",",
        " ",
    ]
}
