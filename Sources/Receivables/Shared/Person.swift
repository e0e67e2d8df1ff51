package import Ledger

/// Somebody of the company, known by e-mail or name. A person needs no account to own work.
package struct Person: Hashable, Sendable {
    package let id: ID<Person>
    /// The e-mail address or name as given in files; unique in the company.
    package let key: String
    /// Who escalations go to.
    package let manager: ID<Person>?

    package init(id: ID<Person>, key: String, manager: ID<Person>?) {
        self.id = id
        self.key = key
        self.manager = manager
    }
}

/// What a person may do (spec 00, "The people").
package enum Role: Int64, CaseIterable, Sendable {
    case sales = 1, credit, accountant, cashier, collector, legal
    case financeManager, management, auditor, admin

    /// The name in files, JSON and the policy, for example `finance_manager`.
    package var name: String {
        switch self {
        case .sales: "sales"
        case .credit: "credit"
        case .accountant: "accountant"
        case .cashier: "cashier"
        case .collector: "collector"
        case .legal: "legal"
        case .financeManager: "finance_manager"
        case .management: "management"
        case .auditor: "auditor"
        case .admin: "admin"
        }
    }
}

/// Who does an act.
package enum Actor: Hashable, Sendable {
    /// The command line without a named person: may import, run the day, report, back up; never approve.
    case operatorOfSystem(user: String)
    case person(key: String)
    /// Scheduler and rules.
    case systemDay
    /// Whatever hands messages to mail servers.
    case systemOutbox
    /// Whatever takes a provider's word for who somebody is.
    case systemSignIn

    /// How the actor stands in the journal of acts.
    package var name: String {
        switch self {
        case .operatorOfSystem(let user): "operator:\(user)"
        case .person(let key): key
        case .systemDay: "system:day"
        case .systemOutbox: "system:outbox"
        case .systemSignIn: "system:sign-in"
        }
    }
}
