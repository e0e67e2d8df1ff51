internal import Database
package import Ledger
internal import Receivables

/// Legal entities by their code.
final class EntityRepository {
    private let session: any SQLSession
    /// `nil` reads only.
    private let facts: FactWriter?
    private var byCode: [String: Int64] = [:]
    private var currencies: [Int64: Currency] = [:]
    private var codes: [Int64: String] = [:]

    init(session: any SQLSession, facts: FactWriter?) {
        self.session = session
        self.facts = facts
    }

    /// - Throws: `Refusal` `entity.unknown`.
    func find(_ code: String?) throws -> Int64 {
        let code = code ?? Entity.mainCode
        if let known = byCode[code] { return known }
        guard let id = try session.row("SELECT id FROM entity WHERE code = \(code)")?.integer(0) else {
            let codes = try session.rows("SELECT code FROM entity ORDER BY id LIMIT 20").map { $0.text(0) }
            throw Refusal(.entityUnknown, ["entity": .text(code), "known": .text(codes.joined(separator: ", "))])
        }
        byCode[code] = id
        return id
    }

    func code(of entity: Int64) throws -> String {
        if let known = codes[entity] { return known }
        let code = try session.row("SELECT code FROM entity WHERE id = \(entity)")?.text(0) ?? ""
        codes[entity] = code
        return code
    }

    /// The functional currency of an entity.
    func functionalCurrency(of entity: Int64) throws -> Currency {
        if let known = currencies[entity] { return known }
        let row = try session.row(
            "SELECT functional_currency FROM entity_version WHERE entity = \(entity) ORDER BY n DESC LIMIT 1")
        guard let currency = row.flatMap({ Currency($0.text(0)) }) else {
            throw DatabaseFailure.corrupt(detail: "entity \(entity) has no functional currency")
        }
        currencies[entity] = currency
        return currency
    }

    /// - Throws: `Refusal` `entity.exists`.
    func register(code: String, name: String, currency: Currency, on day: LocalDate) throws -> Int64 {
        guard try session.row("SELECT id FROM entity WHERE code = \(code)") == nil else {
            throw Refusal(.entityExists, ["entity": .text(code)])
        }
        return try append(code: code, name: name, currency: currency, on: day)
    }

    func append(code: String, name: String, currency: Currency, on day: LocalDate) throws -> Int64 {
        guard let facts else { preconditionFailure("this repository only reads") }
        let id = try facts.append(.entity) { $0.text(code) }
        try facts.append(.entityVersion) { row in
            row.integer(id)
            row.integer(1)
            row.integer(Int64(day.dayNumber))
            row.text(name)
            row.text(currency.code)
            row.text("cas")
            row.text("sub_ledger")
        }
        return id
    }
}

/// Adds a legal entity of the company; the first one is `main`.
package struct AddEntity: Sendable {
    package let code: String
    package let name: String
    package let currency: Currency

    package init(code: String, name: String, currency: Currency) {
        self.code = code
        self.name = name
        self.currency = currency
    }

    /// - Throws: `Refusal` `entity.exists`.
    package func run(in store: Store, _ request: ActRequest) async throws -> Int64? {
        try await store.write(request) { books in
            try books.entities.register(code: code, name: name, currency: currency, on: books.today)
        }.act
    }
}

/// Questions about legal entities.
package enum EntityQueries {
    package struct Row: Sendable {
        package let code: String
        package let name: String
        /// ISO 4217 code of the functional currency.
        package let currency: String
    }

    package static func all(in store: Store) throws -> [Row] {
        try store.read { session in
            try session.rows(
                """
                SELECT e.code, v.name, v.functional_currency FROM entity e JOIN entity_version v ON v.entity = e.id
                 WHERE v.n = (SELECT max(n) FROM entity_version w WHERE w.entity = e.id) ORDER BY e.id
                """
            ).map { Row(code: $0.text(0), name: $0.text(1), currency: $0.text(2)) }
        }
    }
}
