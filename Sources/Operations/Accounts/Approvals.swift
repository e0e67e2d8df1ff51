internal import Database
package import Ledger
package import Receivables

/// Changes that wait for a second person.
final class ApprovalRepository {
    private let session: any SQLSession
    private let facts: FactWriter
    private let personal: PersonalRepository

    init(session: any SQLSession, facts: FactWriter, personal: PersonalRepository) {
        self.session = session
        self.facts = facts
        self.personal = personal
    }

    /// - Parameters:
    ///   - subject: The customer, person or entity that it is about.
    ///   - fields: What is proposed and personal, encrypted under the subject's key.
    func propose(
        _ kind: Approval.Kind, about subject: Int64, _ fields: [String]?, content: String = "", by person: Int64,
        reason: String
    ) throws -> Int64 {
        let fact = try fields.map { try personal.append($0, subject: subject) }
        return try facts.append(.approval) { row in
            row.integer(kind.rawValue)
            row.integer(subject)
            row.integer(fact)
            row.text(content)
            row.integer(person)
            row.text(reason)
        }
    }

    /// Roles that are new wait for somebody of management. They hold at once while nobody ever held that role with an
    /// account, and for the command line: closing the accounts of management opens no way around it.
    ///
    /// - Throws: `Refusal` `role.exclusive`.
    func giveOrProposeRoles(_ wanted: Set<Role>, of person: Int64, held: Set<Role>, in books: Books) throws {
        let all = wanted.union(held)
        for lonely in [Role.auditor, .admin] where all.contains(lonely) && all.count > 1 {
            throw Refusal(.roleExclusive, ["role": .text(lonely.name)])
        }
        let new = wanted.subtracting(held)
        guard !new.isEmpty else { return }
        let viewer = try books.viewer()
        if let asker = viewer.person, try AccountRepository.wasEverHeld(.management, in: session) {
            _ = try propose(
                .roleGrant, about: person, nil, content: new.map(\.name).sorted().joined(separator: " "), by: asker,
                reason: "")
        } else {
            for role in new.sorted(by: { $0.rawValue < $1.rawValue }) {
                try books.people.grant(role, to: ID(person), true)
            }
        }
    }
}

/// Asking for a change that needs a second person, and deciding on it.
package struct Approvals: Sendable {
    private let store: Store
    private let request: ActRequest

    package init(in store: Store, _ request: ActRequest) {
        self.store = store
        self.request = request
    }

    /// A contact of a customer, as somebody wants it to be.
    package struct ContactProposal: Sendable {
        package var customer: String
        package var name: String
        package var purpose: Contact.Purpose
        package var title: String
        package var email: String
        package var phone: String
        package var reason: String

        package init(
            customer: String, name: String, purpose: Contact.Purpose, title: String, email: String, phone: String,
            reason: String
        ) {
            self.customer = customer
            self.name = name
            self.purpose = purpose
            self.title = title
            self.email = email
            self.phone = phone
            self.reason = reason
        }
    }

    /// Changes a contact: at once, or for payment contacts once a second person agrees.
    ///
    /// - Returns: Whether it waits.
    /// - Throws: `Refusal` `customer.unknown`, `contact.unreachable`, `reason.missing`.
    package func setContact(_ proposal: ContactProposal) async throws -> Bool {
        guard !proposal.name.isEmpty else { throw Refusal(.valueMissing, ["column": .text("name")]) }
        guard proposal.email.contains("@") || (proposal.email.isEmpty && !proposal.phone.isEmpty) else {
            throw Refusal(.contactUnreachable)
        }
        return try await store.write(request) { books in
            guard let customer = try books.customers.find(proposal.customer) else {
                throw Refusal(.customerUnknown, ["customer": .text(proposal.customer)])
            }
            try books.needInScope(customer: customer.id.rawValue, named: proposal.customer)
            let viewer = try books.viewer()
            if proposal.purpose.getsPaymentMessages, let person = viewer.person {
                guard !proposal.reason.isEmpty else { throw Refusal(.reasonMissing) }
                _ = try books.approvals.propose(
                    .paymentContact, about: customer.id.rawValue,
                    [proposal.name, proposal.title, proposal.email, proposal.phone], content: proposal.purpose.name,
                    by: person, reason: proposal.reason)
                return true
            }
            try Self.apply(
                [proposal.name, proposal.title, proposal.email, proposal.phone], proposal.purpose, customer.id, books)
            return false
        }.outcome
    }

    /// Where customers are asked to pay to; always decided by a second person.
    ///
    /// - Throws: `Refusal` `bank-account.unreadable`, `reason.missing`, `entity.unknown`.
    package func proposeBankAccount(
        code: String, entity: String?, bank: String, number: String, isActive: Bool, reason: String
    ) async throws -> Int64? {
        let digits = number.filter { !$0.isWhitespace && $0 != "-" }
        guard !code.isEmpty, !bank.isEmpty, (6...34).contains(digits.count),
            digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0.isLetter) })
        else { throw Refusal(.bankAccountUnreadable) }
        guard !reason.isEmpty else { throw Refusal(.reasonMissing) }
        return try await store.write(request) { books in
            let viewer = try books.viewer()
            let entity = try books.entities.find(entity)
            let content = [code, bank, digits, isActive ? "1" : "0"].joined(separator: "\u{1f}")
            guard let person = viewer.person else {
                try Self.applyBankAccount(content, entity, books)
                return Int64(0)
            }
            return try books.approvals.propose(
                .bankAccount, about: entity, nil, content: content, by: person, reason: reason)
        }.act
    }

    /// Agrees or not; with yes, what was asked for happens in the same act.
    ///
    /// - Throws: `Refusal` `approval.unknown`, `approval.decided`, `approval.own`, `access.denied`, `reason.missing`.
    package func decide(_ id: Int64, _ answer: Approval.Answer, reason: String) async throws -> Int64? {
        try await decide([id], answer, reason: reason)
    }

    /// Decides alike on several, all or none; yes or no, nobody withdraws here.
    package func decide(_ ids: [Int64], _ answer: Approval.Answer, reason: String) async throws -> Int64? {
        guard answer != .withdrawn else { throw Refusal(.approvalOwn) }
        return try await store.write(request) { books in
            for id in ids { try Self.decide(id, answer, reason, books) }
            return ids.count
        }.act
    }

    /// Takes back what one asked for, before anybody decided.
    ///
    /// - Throws: `Refusal` `approval.unknown`, `approval.decided`, `approval.own`.
    package func withdraw(_ id: Int64) async throws -> Int64? {
        try await store.write(request) { books in
            try Self.decide(id, .withdrawn, "", books)
            return id
        }.act
    }

    private static func decide(_ id: Int64, _ answer: Approval.Answer, _ reason: String, _ books: Books) throws {
        let row = try books.session.row(
            """
            SELECT a.kind, a.subject, a.personal, a.content, a.requested_by, d.id FROM approval a
              LEFT JOIN approval_decision d ON d.approval = a.id WHERE a.id = \(id)
            """)
        let name = Refusal.Parameter.text("\(id)")
        guard let row, let kind = Approval.Kind(rawValue: row.integer(0)) else {
            throw Refusal(.approvalUnknown, ["approval": name])
        }
        guard row.optionalInteger(5) == nil else { throw Refusal(.approvalDecided, ["approval": name]) }
        let viewer = try books.viewer()
        let isTakenBack = answer == .withdrawn && row.integer(4) == viewer.person
        if kind == .paymentContact, !viewer.seesAll, !isTakenBack {
            do { try books.needInScope(customer: row.integer(1), named: "") } catch is Refusal {
                throw Refusal(.approvalUnknown, ["approval": name])
            }
        }
        guard let person = viewer.person else { throw Refusal(.approvalOwn) }
        if answer == .withdrawn {
            guard row.integer(4) == person else { throw Refusal(.approvalOwn) }
        } else {
            // Not the one who asked, nor one who only stands in for them.
            guard row.integer(4) != person, !viewer.standsInFor.contains(row.integer(4)) else {
                throw Refusal(.approvalOwn)
            }
            if kind == .roleGrant, row.integer(1) == person { throw Refusal(.approvalOwn) }
            guard !kind.deciders.isDisjoint(with: viewer.roles.union(viewer.lentRoles)) else {
                throw Refusal(
                    .accessDenied,
                    [
                        "permission": .text("decide"),
                        "roles": .text(kind.deciders.map(\.name).sorted().joined(separator: ", ")),
                    ])
            }
        }
        guard answer != .rejected || !reason.isEmpty else { throw Refusal(.reasonMissing) }
        try books.facts.append(.approvalDecision) { decision in
            decision.integer(id)
            decision.integer(person)
            decision.integer(answer.rawValue)
            decision.text(reason)
        }
        if answer == .approved { try apply(kind, row, books) }
    }

    private static func apply(_ kind: Approval.Kind, _ row: SQLRow, _ books: Books) throws {
        switch kind {
        case .paymentContact:
            guard let fields = try row.optionalInteger(2).flatMap({ try books.personal.fields($0) }) else {
                throw Refusal(.personalKeyMissing)
            }
            let purpose = Contact.Purpose.allCases.first { $0.name == row.text(3) } ?? .payment
            try apply(fields, purpose, ID(row.integer(1)), books)
        case .bankAccount: try applyBankAccount(row.text(3), row.integer(1), books)
        case .messageTemplate: try MessageTemplates.apply(row.text(3), books)
        // The token works from the moment that the decision stands.
        case .serviceToken: break
        case .roleGrant:
            let roles = Set(row.text(3).split(separator: " ").compactMap { Role.named(String($0)) })
            let held = try Viewer.roles(of: row.integer(1), in: books.session)
            let all = roles.union(held)
            for lonely in [Role.auditor, .admin] where all.contains(lonely) && all.count > 1 {
                throw Refusal(.roleExclusive, ["role": .text(lonely.name)])
            }
            for role in roles.sorted(by: { $0.rawValue < $1.rawValue }) {
                try books.people.grant(role, to: ID(row.integer(1)), true)
            }
        }
    }

    private static func apply(
        _ fields: [String], _ purpose: Contact.Purpose, _ customer: ID<Customer>, _ books: Books
    ) throws {
        let content = ContactRepository.content(fields)
        if let known = try books.contacts.find(customer: customer, name: content.name, purpose: purpose) {
            if known.content == content { return }
            try books.contacts.appendVersion(
                of: known.id, n: known.n + 1, customer: customer, purpose: purpose, content, on: books.today)
        } else {
            try books.contacts.register(customer: customer, purpose: purpose, content, on: books.today)
        }
    }

    private static func applyBankAccount(_ content: String, _ entity: Int64, _ books: Books) throws {
        let parts = content.split(separator: "\u{1f}", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4 else { throw Refusal(.bankAccountUnreadable) }
        let known = try books.session.row(
            "SELECT id FROM bank_account WHERE entity = \(entity) AND code = \(parts[0])")?.integer(0)
        let id =
            try known
            ?? books.facts.append(.bankAccount) { row in
                row.integer(entity)
                row.text(parts[0])
            }
        let n =
            try books.session.row("SELECT coalesce(max(n), 0) FROM bank_account_version WHERE bank_account = \(id)")?
            .integer(0) ?? 0
        try books.facts.append(.bankAccountVersion) { row in
            row.integer(id)
            row.integer(n + 1)
            row.text(parts[1])
            row.text(parts[2])
            row.integer(parts[3] == "1" ? 1 : 0)
        }
    }
}

/// What waits for a second person, and what became of it.
package enum ApprovalQueries {
    package struct Row: Sendable {
        package let id: Int64
        package let kind: Approval.Kind
        /// The customer's or entity's code, or the person's name.
        package let subject: String
        package let subjectName: String
        /// What is asked for, field by field; empty where a person was erased.
        package let proposed: [String]
        package let requestedBy: String
        package let requestedAt: Instant
        package let reason: String
        package let answer: Approval.Answer?
        package let decidedBy: String?
        package let decisionReason: String
        /// Whether the viewer may decide on it.
        package let isMine: Bool
        package let isOwn: Bool
    }

    private static let rowsAtOnce = 200

    /// What the viewer may see of it: everybody's with `see-approvals`, else what they asked for or may decide on; newest
    /// first.
    ///
    /// - Parameter before: Only those with a lower number; `nil` begins with the newest.
    package static func list(
        for viewer: Viewer, onlyWaiting: Bool, before: Int64? = nil, limit: Int, in store: Store
    ) throws -> [Row] {
        try store.read { session in
            let names = try PersonNames(session)
            var found: [Row] = []
            var before = before ?? .max
            while found.count < limit {
                let page = try session.rows(
                    """
                    SELECT a.id, a.kind, a.subject, a.personal, a.content, a.requested_by, a.reason, d.person, d.answer,
                        d.reason FROM approval a LEFT JOIN approval_decision d ON d.approval = a.id
                     WHERE a.id < \(before) AND \(raw: onlyWaiting ? "d.id IS NULL" : "1 = 1")
                     ORDER BY a.id DESC LIMIT \(rowsAtOnce)
                    """)
                for row in page where found.count < limit {
                    if let one = try read(row, for: viewer, names, session) { found.append(one) }
                }
                guard page.count == rowsAtOnce, let last = page.last else { break }
                before = last.integer(0)
            }
            return found
        }
    }

    /// A request as the viewer sees it; `nil` when it is none of theirs.
    private static func read(
        _ row: SQLRow, for viewer: Viewer, _ names: PersonNames, _ session: any SQLSession
    ) throws -> Row? {
        guard let kind = Approval.Kind(rawValue: row.integer(1)) else { return nil }
        let isOwn = row.integer(5) == viewer.person
        let mayDecide = mayDecide(viewer, kind, subject: row.integer(2), requestedBy: row.integer(5))
        // A deputy sees what they may decide on for somebody.
        guard isOwn || mayDecide || viewer.may(.seeApprovals) else { return nil }
        let (subject, name) = try subject(kind, row.integer(2), names, session)
        guard try isOwn || sees(viewer, kind, subject: row.integer(2), session) else { return nil }
        let personal = PersonalRepository(session: session, facts: nil)
        return Row(
            id: row.integer(0), kind: kind, subject: subject, subjectName: name,
            proposed: try row.optionalInteger(3).map { try personal.fields($0) ?? [] }
                ?? row.text(4).split(
                    separator: kind == .roleGrant || kind == .serviceToken ? " " : "\u{1f}",
                    omittingEmptySubsequences: false
                ).map(String.init),
            requestedBy: names[row.integer(5)] ?? "",
            requestedAt: try ActRepository(session: session).instant(ofFact: row.integer(0)), reason: row.text(6),
            answer: row.optionalInteger(8).flatMap(Approval.Answer.init),
            decidedBy: names[row.optionalInteger(7)],
            decisionReason: row.optionalText(9) ?? "", isMine: mayDecide && row.optionalInteger(8) == nil,
            isOwn: isOwn)
    }

    /// Whether somebody may decide on a request.
    private static func mayDecide(
        _ viewer: Viewer, _ kind: Approval.Kind, subject: Int64, requestedBy: Int64
    ) -> Bool {
        viewer.may(.decide) && requestedBy != viewer.person && !viewer.standsInFor.contains(requestedBy)
            && !(kind == .roleGrant && subject == viewer.person)
            && !kind.deciders.isDisjoint(with: viewer.roles.union(viewer.lentRoles))
    }

    /// Whether the customer that a request is about is in the data scope.
    private static func sees(
        _ viewer: Viewer, _ kind: Approval.Kind, subject: Int64, _ session: any SQLSession
    ) throws -> Bool {
        guard kind == .paymentContact, !viewer.seesAll else { return true }
        let owner = try session.row(
            "SELECT sales_owner, collector FROM customer_version WHERE customer = \(subject) ORDER BY n DESC LIMIT 1")
        return viewer.sees(salesOwner: owner?.optionalInteger(0), collector: owner?.optionalInteger(1))
    }

    /// How many requests wait for somebody's decision; counted once per act.
    static func waiting(for viewer: Viewer, on day: LocalDate, in store: Store, _ session: any SQLSession) throws -> Int
    {
        guard viewer.may(.decide) else { return 0 }
        let head = try ActRepository(session: session).head().lastAct
        return try store.outlooks.figures.report("decisions|\(viewer.key)|\(day)", act: head) {
            try session.rows(
                """
                SELECT a.kind, a.subject, a.requested_by FROM approval a
                 WHERE NOT EXISTS (SELECT 1 FROM approval_decision d WHERE d.approval = a.id) ORDER BY a.id DESC LIMIT 2000
                """
            ).count { row in
                guard let kind = Approval.Kind(rawValue: row.integer(0)),
                    mayDecide(viewer, kind, subject: row.integer(1), requestedBy: row.integer(2))
                else { return false }
                return try sees(viewer, kind, subject: row.integer(1), session)
            }
        }
    }

    private static func subject(
        _ kind: Approval.Kind, _ id: Int64, _ names: PersonNames, _ session: any SQLSession
    ) throws -> (String, String) {
        switch kind {
        case .roleGrant: return (names[id] ?? "", names[id] ?? "")
        case .messageTemplate: return ("", "")
        case .serviceToken:
            let row = try session.row(
                """
                SELECT a.person, t.name FROM access_token t JOIN account a ON a.id = t.account WHERE t.id = \(id)
                """)
            return (names[row?.optionalInteger(0)] ?? "", row?.text(1) ?? "")
        case .bankAccount:
            let code = try session.row("SELECT code FROM entity WHERE id = \(id)")?.text(0) ?? ""
            return (code, code)
        case .paymentContact:
            let row = try session.row(
                """
                SELECT c.code, v.name FROM customer c JOIN customer_version v ON v.customer = c.id WHERE c.id = \(id)
                 ORDER BY v.n DESC LIMIT 1
                """)
            return (row?.text(0) ?? "", row?.text(1) ?? "")
        }
    }

    package struct BankAccountRow: Sendable {
        package let entity: String
        package let code: String
        package let bank: String
        package let number: String
        package let isActive: Bool
    }

    /// Where customers are asked to pay to.
    package static func bankAccounts(in store: Store) throws -> [BankAccountRow] {
        try store.read { session in
            try session.rows(
                """
                SELECT e.code, b.code, v.bank, v.number, v.is_active FROM bank_account b JOIN entity e ON e.id = b.entity
                  JOIN bank_account_version v ON v.bank_account = b.id
                 WHERE v.n = (SELECT max(w.n) FROM bank_account_version w WHERE w.bank_account = b.id)
                 ORDER BY e.code, b.code
                """
            ).map {
                BankAccountRow(
                    entity: $0.text(0), code: $0.text(1), bank: $0.text(2), number: $0.text(3),
                    isActive: $0.integer(4) == 1)
            }
        }
    }
}
