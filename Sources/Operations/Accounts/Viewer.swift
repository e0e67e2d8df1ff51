internal import Database
package import Ledger
package import Receivables

/// Somebody who asks or acts, with what they may do and which customers they see, as the store knows it now.
///
/// Made here and nowhere else, so that a page can't make one up.
package struct Viewer: Sendable {
    package let actor: Actor
    /// The person's number; `nil` for the command line and the system.
    package let person: Int64?
    package let roles: Set<Role>
    /// Roles lent by colleagues who are away, for decisions and tasks alone.
    package let lentRoles: Set<Role>
    /// Whose work lands on this person's desk while they are away.
    package let standsInFor: Set<Int64>
    package let scope: DataScope
    /// Whose customers are seen; `nil` sees all.
    let owners: Set<Int64>?
    /// What a token narrows its holder to; `nil` narrows nothing.
    let narrowedTo: Set<Permission>?

    package func may(_ permission: Permission) -> Bool {
        if let narrowedTo, !narrowedTo.contains(permission) { return false }
        switch actor {
        case .systemDay, .systemOutbox, .systemSignIn: return true
        // Whoever can open the file can do this anyway; the journal shows it (ENGINEERING E-12).
        case .operatorOfSystem: return permission != .decide
        case .person:
            // Auditor and administrator decide on nothing, for nobody.
            let isAlone = !roles.isDisjoint(with: [.auditor, .admin])
            let lent: Set<Role> =
                [.decide, .finishTask, .finishTasks].contains(permission) && !isAlone ? lentRoles : []
            return permission.isAllowed(roles.union(lent))
        }
    }

    /// - Throws: `Refusal` `access.denied`, which says whose work it is.
    package func need(_ permission: Permission) throws {
        guard !may(permission) else { return }
        throw Refusal(
            .accessDenied,
            [
                "permission": .text(permission.rawValue),
                "roles": .text(permission.roles.map(\.name).sorted().joined(separator: ", ")),
            ])
    }

    /// Whether a customer with this owner and collector is in the data scope.
    func sees(salesOwner: Int64?, collector: Int64?) -> Bool {
        guard let owners else { return true }
        return salesOwner.map(owners.contains) ?? false || collector.map(owners.contains) ?? false
    }

    package var seesAll: Bool { owners == nil }

    /// The same for those who see the same customers.
    var scopeKey: String { owners.map { $0.sorted().map { "\($0)" }.joined(separator: ",") } ?? "all" }

    package var key: String { actor.name }

    /// What the token of whoever asks names; `nil` where it isn't a token that asks.
    package var narrowing: Set<Permission>? { narrowedTo }

    /// Somebody who may nothing and sees nobody.
    package static let nobody = Viewer(
        actor: .person(key: ""), person: nil, roles: [], lentRoles: [], standsInFor: [], scope: .own, owners: [],
        narrowedTo: [])

    /// The command line and the system, which see everything.
    package static func everything(_ actor: Actor) -> Viewer {
        Viewer(
            actor: actor, person: nil, roles: [], lentRoles: [], standsInFor: [], scope: .all, owners: nil,
            narrowedTo: nil)
    }

    /// - Throws: `Refusal` `actor.unknown`, `account.disabled`.
    package static func of(_ actor: Actor, on day: LocalDate, in store: Store) throws -> Viewer {
        try store.read { try load(actor, on: day, in: $0) }
    }

    /// - Throws: `Refusal` `actor.unknown`, `account.disabled`.
    static func load(
        _ actor: Actor, on day: LocalDate, narrowedTo: Set<Permission>? = nil, in session: any SQLSession
    ) throws -> Viewer {
        guard case .person(let key) = actor else { return everything(actor) }
        guard let person = try session.row("SELECT id FROM person WHERE key = \(key)")?.integer(0) else {
            throw Refusal(.actorUnknown, ["person": .text(key)])
        }
        if let account = try AccountRepository.account(of: person, in: session), !account.isActive {
            throw Refusal(.accountDisabled, ["person": .text(key)])
        }
        let absent = try session.rows(
            """
            SELECT d.person FROM delegation d LEFT JOIN delegation_end e ON e.delegation = d.id
             WHERE d.deputy = \(person) AND d.from_day <= \(day.dayNumber) AND d.until_day >= \(day.dayNumber)
               AND (e.id IS NULL OR e.value_day > \(day.dayNumber)) ORDER BY d.person
            """
        ).map { $0.integer(0) }
        let present = try absent.filter { try AccountRepository.account(of: $0, in: session)?.isActive ?? true }
        let roles = try roles(of: person, in: session)
        let set = try session.row(
            "SELECT scope FROM data_scope WHERE person = \(person) ORDER BY n DESC LIMIT 1")?.integer(0)
        let scope = set.flatMap(DataScope.init) ?? .usual(for: roles)
        var owners: Set<Int64>?
        switch scope {
        case .all: owners = nil
        case .own: owners = [person]
        case .team: owners = try team(of: person, in: session)
        }
        for colleague in present where owners != nil { owners?.insert(colleague) }
        return Viewer(
            actor: actor, person: person, roles: roles,
            lentRoles: try present.reduce(into: []) { $0.formUnion(try Self.roles(of: $1, in: session)) },
            standsInFor: Set(present), scope: scope, owners: owners, narrowedTo: narrowedTo)
    }

    static func roles(of person: Int64, in session: any SQLSession) throws -> Set<Role> {
        Set(
            try session.rows(
                """
                SELECT g.role FROM role_grant g WHERE g.person = \(person) AND g.granted = 1
                   AND g.n = (SELECT max(h.n) FROM role_grant h WHERE h.person = g.person AND h.role = g.role)
                """
            ).compactMap { Role(rawValue: $0.integer(0)) })
    }

    /// The person and everybody below them, however deep.
    private static func team(of person: Int64, in session: any SQLSession) throws -> Set<Int64> {
        var reports: [Int64: [Int64]] = [:]
        let rows = try session.rows(
            """
            SELECT v.person, v.manager FROM person_version v WHERE v.manager IS NOT NULL
               AND v.n = (SELECT max(w.n) FROM person_version w WHERE w.person = v.person)
            """)
        for row in rows { reports[row.integer(1), default: []].append(row.integer(0)) }
        var team: Set<Int64> = [person]
        var next = [person]
        while let manager = next.popLast() {
            for report in reports[manager] ?? [] where team.insert(report).inserted { next.append(report) }
        }
        return team
    }
}

extension Books {
    /// Asked of every command before it begins: a command that the list doesn't know is nobody's.
    ///
    /// - Throws: `Refusal` `access.denied`, `actor.unknown`, `account.disabled`.
    func needPermission() throws {
        guard case .person = request.actor else { return }
        guard let permission = Permission(rawValue: request.command) else {
            throw Refusal(.accessDenied, ["permission": .text(request.command), "roles": .text("-")])
        }
        try viewer().need(permission)
    }

    /// Whether a customer is in the data scope of whoever acts; money and records of nobody's are seen by those who see
    /// everybody.
    func isInScope(customer: Int64?) throws -> Bool {
        let viewer = try viewer()
        if viewer.seesAll { return true }
        guard let customer else { return false }
        let row = try session.row(
            """
            SELECT sales_owner, collector FROM customer_version WHERE customer = \(customer) ORDER BY n DESC LIMIT 1
            """)
        return viewer.sees(salesOwner: row?.optionalInteger(0), collector: row?.optionalInteger(1))
    }

    /// - Throws: What is said of a record that isn't there, for one whose customer is outside of the data scope.
    func needInScope(customer: Int64, or unknown: Refusal) throws {
        guard try isInScope(customer: customer) else { throw unknown }
    }

    /// - Throws: `Refusal` `customer.unknown` for a customer outside of the data scope: it doesn't say that there is one.
    func needInScope(customer: Int64, named name: String) throws {
        guard try isInScope(customer: customer) else { throw Refusal(.customerUnknown, ["customer": .text(name)]) }
    }
}
