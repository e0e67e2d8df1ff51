internal import Database
internal import Ledger
internal import Receivables

/// Contacts and their versions; what is personal about them is encrypted.
final class ContactRepository {
    private let session: any SQLSession
    private let facts: FactWriter
    private let personal: PersonalRepository

    init(session: any SQLSession, facts: FactWriter, personal: PersonalRepository) {
        self.session = session
        self.facts = facts
        self.personal = personal
    }

    /// The contact of a customer by name and purpose, with its last version.
    func find(
        customer: ID<Customer>, name: String, purpose: Contact.Purpose
    ) throws -> (id: Int64, n: Int64, content: Contact.Content)? {
        let identity = try identity(customer, name, purpose)
        let row = try session.row(
            """
            SELECT c.id, v.n, v.personal FROM contact c JOIN contact_version v ON v.contact = c.id
             WHERE c.identity = \(identity) ORDER BY v.n DESC LIMIT 1
            """)
        guard let row else { return nil }
        let content = try personal.fields(row.integer(2)).map(Self.content) ?? Contact.Content(name: name)
        return (row.integer(0), row.integer(1), content)
    }

    func register(
        customer: ID<Customer>, purpose: Contact.Purpose, _ content: Contact.Content, on day: LocalDate
    ) throws {
        let identity = try identity(customer, content.name, purpose)
        let id = try facts.append(.contact) { row in
            row.integer(customer.rawValue)
            row.blob(identity)
        }
        try appendVersion(of: id, n: 1, customer: customer, purpose: purpose, content, on: day)
    }

    func appendVersion(
        of id: Int64, n: Int64, customer: ID<Customer>, purpose: Contact.Purpose, _ content: Contact.Content,
        on day: LocalDate
    ) throws {
        let fields = [content.name, content.title ?? "", content.email ?? "", content.phone ?? ""]
        let personalFact = try personal.append(fields, subject: customer.rawValue)
        try facts.append(.contactVersion) { row in
            row.integer(id)
            row.integer(n)
            row.integer(Int64(day.dayNumber))
            row.integer(purpose.rawValue)
            row.integer(personalFact)
        }
    }

    static func content(_ fields: [String]) -> Contact.Content {
        func optional(_ index: Int) -> String? {
            fields.indices.contains(index) && !fields[index].isEmpty ? fields[index] : nil
        }
        return Contact.Content(
            name: fields.first ?? "", title: optional(1), email: optional(2), phone: optional(3))
    }

    private func identity(_ customer: ID<Customer>, _ name: String, _ purpose: Contact.Purpose) throws -> [UInt8] {
        try personal.identity(["contact", "\(customer.rawValue)", name, purpose.name])
    }
}
