internal import Database
internal import Foundation
internal import Ledger
internal import Receivables

/// People's accounts: events that are added, never changed; what is secret in them is encrypted under the person's key.
final class AccountRepository {
    /// The raw value stands in the store: never renumber one.
    enum EventKind: Int64 {
        case password = 1
        /// Given by somebody else; to be changed at the first sign-in.
        case initialPassword
        case secondFactor
        case withoutSecondFactor
        case disabled
        case enabled
    }

    /// What a one-time link or token is for.
    enum TokenKind: Int64 {
        case invitation = 1
        /// Signs in once; for those who have the machine, and the sample company.
        case signIn
        case api
    }

    enum TokenEnd: Int64 { case used = 1, revoked }

    struct Account {
        var id: Int64
        var person: Int64
        var isActive = true
        var passwordFact: Int64?
        var mustChange = false
        var secondFactorFact: Int64?
        var lastEvent: Int64 = 0
    }

    struct Token {
        let id: Int64
        let account: Int64
        let kind: TokenKind
        let name: String
        let scopes: String
        let expiresAt: Int64
        let isEnded: Bool
    }

    private let session: any SQLSession
    private let facts: FactWriter
    private let personal: PersonalRepository

    init(session: any SQLSession, facts: FactWriter, personal: PersonalRepository) {
        self.session = session
        self.facts = facts
        self.personal = personal
    }

    static func account(of person: Int64, in session: any SQLSession) throws -> Account? {
        guard let id = try session.row("SELECT id FROM account WHERE person = \(person)")?.integer(0) else {
            return nil
        }
        var account = Account(id: id, person: person)
        for row in try session.rows("SELECT n, kind, personal FROM account_event WHERE account = \(id) ORDER BY n") {
            account.lastEvent = row.integer(0)
            switch EventKind(rawValue: row.integer(1)) {
            case .password, .initialPassword:
                account.passwordFact = row.optionalInteger(2)
                account.mustChange = row.integer(1) == EventKind.initialPassword.rawValue
            case .secondFactor: account.secondFactorFact = row.optionalInteger(2)
            case .withoutSecondFactor: account.secondFactorFact = nil
            case .disabled: account.isActive = false
            case .enabled: account.isActive = true
            case nil: break
            }
        }
        return account
    }

    /// The last fact that changed a person's roles, those asked for, the data scope or the manager.
    static func version(ofPerson person: Int64, in session: any SQLSession) throws -> Int64 {
        let row = try session.row(
            """
            SELECT (SELECT max(id) FROM role_grant WHERE person = \(person)),
                (SELECT max(id) FROM data_scope WHERE person = \(person)),
                (SELECT max(id) FROM person_version WHERE person = \(person)),
                (SELECT max(id) FROM approval WHERE subject = \(person) AND kind = \(Approval.Kind.roleGrant.rawValue)),
                (SELECT max(d.id) FROM approval a JOIN approval_decision d ON d.approval = a.id
                  WHERE a.subject = \(person) AND a.kind = \(Approval.Kind.roleGrant.rawValue))
            """)
        return (0..<5).compactMap { row?.optionalInteger($0) }.max() ?? 0
    }

    /// - Parameter seen: The version that whoever changes the person knows; `nil` where nobody looked.
    /// - Throws: `Refusal` `person.changed` when there is a later one.
    static func need(_ seen: Int64?, ofPerson person: Int64, called key: String, in session: any SQLSession) throws {
        guard let seen, try version(ofPerson: person, in: session) != seen else { return }
        throw Refusal(.personChanged, ["person": .text(key)])
    }

    static func token(_ digest: [UInt8], in session: any SQLSession) throws -> Token? {
        try session.row(
            """
            SELECT t.id, t.account, t.kind, t.name, t.scopes, t.expires_at, e.id FROM access_token t
              LEFT JOIN access_token_end e ON e.access_token = t.id WHERE t.token_hash = \(digest)
            """
        ).flatMap { row in
            TokenKind(rawValue: row.integer(2)).map { kind in
                Token(
                    id: row.integer(0), account: row.integer(1), kind: kind, name: row.text(3), scopes: row.text(4),
                    expiresAt: row.integer(5), isEnded: row.optionalInteger(6) != nil)
            }
        }
    }

    func findOrRegister(person: Int64) throws -> Account {
        if let known = try Self.account(of: person, in: session) { return known }
        let id = try facts.append(.account) { $0.integer(person) }
        return Account(id: id, person: person)
    }

    /// Appends an event; `secret` is encrypted under the person's key.
    func append(_ kind: EventKind, _ secret: String? = nil, to account: inout Account) throws {
        let fact = try secret.map { try personal.append([$0], subject: account.person) }
        account.lastEvent += 1
        try facts.append(.accountEvent) { row in
            row.integer(account.id)
            row.integer(account.lastEvent)
            row.integer(kind.rawValue)
            row.integer(fact)
        }
    }

    @discardableResult
    func appendToken(
        _ kind: TokenKind, digest: [UInt8], of account: Int64, name: String = "", scopes: String = "",
        expiresAt: Instant
    ) throws -> Int64 {
        try facts.append(.accessToken) { row in
            row.integer(account)
            row.integer(kind.rawValue)
            row.text(name)
            row.blob(digest)
            row.text(scopes)
            row.integer(expiresAt.microseconds)
        }
    }

    func end(token: Int64, _ reason: TokenEnd) throws {
        guard try session.row("SELECT id FROM access_token_end WHERE access_token = \(token)") == nil else { return }
        try facts.append(.accessTokenEnd) { row in
            row.integer(token)
            row.integer(reason.rawValue)
        }
    }

    /// Ends links of a kind that were not used.
    func endTokens(of account: Int64, _ kind: TokenKind) throws {
        let rows = try session.rows(
            """
            SELECT t.id FROM access_token t LEFT JOIN access_token_end e ON e.access_token = t.id
             WHERE t.account = \(account) AND t.kind = \(kind.rawValue) AND e.id IS NULL ORDER BY t.id
            """)
        for row in rows { try end(token: row.integer(0), .revoked) }
    }

    /// A person's name and e-mail for people to read.
    func setDetail(_ name: String, email: String, of person: Int64) throws {
        let last = try session.row(
            "SELECT n, personal FROM person_detail WHERE person = \(person) ORDER BY n DESC LIMIT 1")
        if let last, try personal.fields(last.integer(1)) == [name, email] { return }
        let fact = try personal.append([name, email], subject: person)
        try facts.append(.personDetail) { row in
            row.integer(person)
            row.integer((last?.integer(0) ?? 0) + 1)
            row.integer(fact)
        }
    }

    func setScope(_ scope: DataScope, of person: Int64) throws {
        let last = try session.row("SELECT n, scope FROM data_scope WHERE person = \(person) ORDER BY n DESC LIMIT 1")
        if last?.integer(1) == scope.rawValue { return }
        try facts.append(.dataScope) { row in
            row.integer(person)
            row.integer((last?.integer(0) ?? 0) + 1)
            row.integer(scope.rawValue)
        }
    }

    /// Whether somebody with an account ever held a role, whatever became of either.
    static func wasEverHeld(_ role: Role, in session: any SQLSession) throws -> Bool {
        try session.row(
            """
            SELECT 1 FROM role_grant g JOIN account a ON a.person = g.person
             WHERE g.role = \(role.rawValue) AND g.granted = 1 LIMIT 1
            """) != nil
    }

    /// How many can sign in and hold a role.
    static func holders(of role: Role, in session: any SQLSession) throws -> Set<Int64> {
        let rows = try session.rows(
            """
            SELECT g.person FROM role_grant g WHERE g.role = \(role.rawValue) AND g.granted = 1
               AND g.n = (SELECT max(h.n) FROM role_grant h WHERE h.person = g.person AND h.role = g.role)
            """)
        var holders: Set<Int64> = []
        for row in rows {
            if let account = try account(of: row.integer(0), in: session), account.isActive {
                holders.insert(row.integer(0))
            }
        }
        return holders
    }
}
