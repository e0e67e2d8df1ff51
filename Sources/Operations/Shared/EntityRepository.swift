internal import Database
internal import Ledger
internal import Receivables

/// Legal entities by their code.
final class EntityRepository {
    private let session: any SQLSession
    private let facts: FactWriter
    private var byCode: [String: Int64] = [:]

    init(session: any SQLSession, facts: FactWriter) {
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

    func append(code: String, name: String, currency: Currency, on day: LocalDate) throws -> Int64 {
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
