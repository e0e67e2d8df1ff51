internal import Database
internal import Ledger

/// Named settings of the company, each a list of versions.
final class SettingRepository {
    private let session: any SQLSession
    private let facts: FactWriter
    private let today: LocalDate

    init(session: any SQLSession, facts: FactWriter, today: LocalDate) {
        self.session = session
        self.facts = facts
        self.today = today
    }

    /// The last version of a setting.
    func content(_ name: String) throws -> String? { try Self.content(name, in: session) }

    static func content(_ name: String, in session: any SQLSession) throws -> String? {
        try session.row("SELECT content FROM setting_version WHERE name = \(name) ORDER BY n DESC LIMIT 1")?.text(0)
    }

    /// Appends a version, unless the last one says the same.
    func set(_ name: String, _ content: String) throws {
        let last = try session.row(
            "SELECT n, content FROM setting_version WHERE name = \(name) ORDER BY n DESC LIMIT 1")
        if last?.text(1) == content { return }
        try facts.append(.settingVersion) { row in
            row.text(name)
            row.integer((last?.integer(0) ?? 0) + 1)
            row.integer(Int64(today.dayNumber))
            row.text(content)
        }
    }

    func appendPolicy(code: String, content: String, validFrom: LocalDate) throws -> Int64 {
        let last =
            try session.row("SELECT coalesce(max(n), 0) FROM policy_version WHERE code = \(code)")?.integer(0) ?? 0
        try facts.append(.policyVersion) { row in
            row.text(code)
            row.integer(last + 1)
            row.integer(Int64(validFrom.dayNumber))
            row.text(content)
        }
        return last + 1
    }
}
