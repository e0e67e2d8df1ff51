internal import Database
internal import Ledger
internal import Receivables

/// Questions about people.
package enum PersonQueries {
    /// Whether somebody is registered under an e-mail address or name.
    package static func isKnown(_ key: String, in store: Store) throws -> Bool {
        try store.read { try $0.row("SELECT id FROM person WHERE key = \(key)") != nil }
    }
}

/// People of the company by e-mail or name.
final class PersonRepository {
    private let session: any SQLSession
    private let facts: FactWriter
    private let today: LocalDate
    private var byKey: [String: ID<Person>] = [:]

    init(session: any SQLSession, facts: FactWriter, today: LocalDate) {
        self.session = session
        self.facts = facts
        self.today = today
    }

    func find(_ key: String) throws -> ID<Person>? {
        if let known = byKey[key] { return known }
        guard let id = try session.row("SELECT id FROM person WHERE key = \(key)")?.integer(0) else { return nil }
        byKey[key] = ID(id)
        return ID(id)
    }

    /// The person of a key, registered without an account when nobody has it yet.
    func findOrRegister(_ key: String) throws -> ID<Person> {
        if let known = try find(key) { return known }
        let id = try facts.append(.person) { $0.text(key) }
        try facts.append(.personVersion) { row in
            row.integer(id)
            row.integer(1)
            row.integer(Int64(today.dayNumber))
            row.null()
        }
        byKey[key] = ID(id)
        return ID(id)
    }

    func setManager(_ person: ID<Person>, _ manager: ID<Person>?) throws {
        let last = try session.row(
            "SELECT n, manager FROM person_version WHERE person = \(person.rawValue) ORDER BY n DESC LIMIT 1")
        if let last, last.optionalInteger(1) == manager?.rawValue { return }
        try facts.append(.personVersion) { row in
            row.integer(person.rawValue)
            row.integer((last?.integer(0) ?? 0) + 1)
            row.integer(Int64(today.dayNumber))
            row.integer(manager?.rawValue)
        }
    }

    func grant(_ role: Role, to person: ID<Person>, _ granted: Bool) throws {
        let last = try session.row(
            """
            SELECT n, granted FROM role_grant WHERE person = \(person.rawValue) AND role = \(role.rawValue)
            ORDER BY n DESC LIMIT 1
            """)
        if (last?.integer(1) ?? 0) == (granted ? 1 : 0) { return }
        try facts.append(.roleGrant) { row in
            row.integer(person.rawValue)
            row.integer(role.rawValue)
            row.integer((last?.integer(0) ?? 0) + 1)
            row.integer(granted ? 1 : 0)
        }
    }
}
