/// Something that a person may be allowed to do or to see, and the roles that allow it (spec 00, "The people").
///
/// The raw value of a command is its name in the journal of acts; questions begin with `see-`. `docs/PERMISSIONS.md`
/// is made from this list, and a test walks it. What else is asked of a person stands in the command itself: nobody
/// decides on what they proposed, and nobody touches a customer outside of their data scope.
package enum Permission: String, CaseIterable, Sendable {
    // Files.
    case importCustomers = "import-customers"
    case importContacts = "import-contacts"
    case importInvoices = "import-invoices"
    case importReceipts = "import-receipts"
    case importAllocations = "import-allocations"
    case importSettlements = "import-settlements"
    case importCreditNotes = "import-credit-notes"
    case importCalendar = "import-calendar"
    case importRates = "import-rates"
    case saveMapping = "save-mapping"
    // The register, by hand.
    case registerCustomer = "register-customer"
    case changeCustomer = "change-customer"
    case registerInvoice = "register-invoice"
    case registerReceipt = "register-receipt"
    case registerCreditNote = "register-credit-note"
    case allocate
    case reverseAllocation = "reverse-allocation"
    case reverseReceipt = "reverse-receipt"
    case reverseCreditNote = "reverse-credit-note"
    case reverseInvoice = "reverse-invoice"
    case invoiceStatus = "invoice-status"
    case changeDue = "change-due"
    case proposeContact = "propose-contact"
    case proposeBankAccount = "propose-bank-account"
    // Work.
    case runDay = "run-day"
    case finishTask = "finish-task"
    case finishTasks = "finish-tasks"
    case pause
    case addNote = "add-note"
    case resume
    case releaseReminders = "release-reminders"
    // Books and settings.
    case setPeriod = "set-period"
    case translate
    case setAccount = "set-account"
    case setPolicy = "set-policy"
    case proposeTemplate = "propose-template"
    case addEntity = "add-entity"
    case setWebhook = "set-webhook"
    // People and accounts.
    case setPerson = "set-person"
    case invite
    case disableAccount = "disable-account"
    case proposeRoles = "propose-roles"
    case setScope = "set-scope"
    case delegate
    case changePassword = "change-password"
    case setSecondFactor = "set-second-factor"
    case makeToken = "make-token"
    case addServiceAccount = "add-service-account"
    case makeServiceToken = "make-service-token"
    case decide
    case withdrawProposal = "withdraw-proposal"
    // Questions.
    case seeDay = "see-day"
    case seeCustomers = "see-customers"
    case seeInvoices = "see-invoices"
    case seeReceipts = "see-receipts"
    case seeAging = "see-aging"
    case seeTasks = "see-tasks"
    case seeReminders = "see-reminders"
    case seeChecks = "see-checks"
    case seeImports = "see-imports"
    case seeLedger = "see-ledger"
    case seeActs = "see-acts"
    case seeSettings = "see-settings"
    case seePeople = "see-people"
    case seeApprovals = "see-approvals"
    case seeWebhooks = "see-webhooks"
    case seeStatus = "see-status"
    case seeSecurity = "see-security"

    /// Any one of these roles allows it.
    package var roles: Set<Role> {
        switch self {
        case .importCustomers, .importContacts, .importCalendar, .importRates: [.accountant, .financeManager]
        case .importInvoices, .importAllocations, .importCreditNotes: [.accountant]
        case .importReceipts, .registerReceipt: [.cashier]
        // Money and its allocation in one act: only where one person may do both, and then marked as imported.
        case .importSettlements: [.accountant]
        case .saveMapping: [.accountant, .cashier, .financeManager]
        // Terms and owners decide who is reminded of what, and when.
        case .changeCustomer: [.accountant, .financeManager]
        case .registerCustomer: [.sales, .accountant, .financeManager]
        case .registerInvoice, .registerCreditNote, .allocate, .reverseAllocation, .reverseReceipt, .reverseCreditNote,
            .reverseInvoice,
            .invoiceStatus, .translate:
            [.accountant]
        case .changeDue, .setPeriod, .setPolicy, .addEntity, .setWebhook: [.financeManager]
        case .setAccount: [.accountant, .financeManager]
        case .proposeTemplate: [.collector, .financeManager]
        case .proposeContact: [.sales, .accountant, .collector, .financeManager]
        case .proposeBankAccount: [.cashier, .accountant]
        case .runDay: [.financeManager]
        case .finishTask, .finishTasks, .addNote: Role.business
        case .pause, .resume, .releaseReminders: [.collector, .financeManager]
        case .setPerson, .invite, .disableAccount, .proposeRoles, .setScope, .addServiceAccount, .makeServiceToken:
            [.admin]
        case .delegate, .changePassword, .setSecondFactor, .makeToken: Role.everybody
        case .decide: [.accountant, .financeManager, .management]
        // Whoever may ask for something that needs a second person.
        case .withdrawProposal: [.sales, .accountant, .cashier, .collector, .financeManager, .admin]
        case .seeDay: Role.everybody
        case .seeCustomers, .seeTasks: Role.readers
        case .seeReceipts, .seeImports: Role.readers.subtracting([.legal])
        // The cashier keeps no receivable books, and doesn't look into them either (Accounting Law, art. 37).
        case .seeInvoices, .seeAging, .seeReminders: Role.readers.subtracting([.cashier])
        case .seeChecks: [.accountant, .credit, .collector, .financeManager, .management, .auditor]
        case .seeLedger: [.accountant, .financeManager, .management, .auditor]
        case .seeActs: [.accountant, .financeManager, .management, .auditor]
        case .seeSettings: [.accountant, .financeManager, .management, .auditor, .admin]
        case .seePeople: [.financeManager, .management, .auditor, .admin]
        case .seeApprovals: [.accountant, .financeManager, .management, .auditor]
        case .seeWebhooks: [.financeManager, .management, .auditor, .admin]
        case .seeStatus: [.financeManager, .management, .auditor, .admin]
        case .seeSecurity: [.auditor, .admin, .management]
        }
    }

    /// Whether somebody of these roles may. Auditor and admin never change business records, whatever else they are
    /// given: the two are exclusive, which granting sees to.
    package func isAllowed(_ held: Set<Role>) -> Bool {
        // One's own account is everybody's, also before any role was given.
        roles == Role.everybody || !roles.isDisjoint(with: held)
    }

    /// Whether it changes anything.
    package var isCommand: Bool { !rawValue.hasPrefix("see-") }
}

extension Role {
    package static let everybody = Set(Role.allCases)
    /// Who works on receivables.
    package static let business: Set<Role> = [
        .sales, .credit, .accountant, .cashier, .collector, .legal, .financeManager,
    ]
    /// Who sees customers and what they owe: all but the administrator, whose business is not the company's.
    package static let readers: Set<Role> = everybody.subtracting([.admin])

    package static func named(_ name: String) -> Role? { allCases.first { $0.name == name } }
}

/// Which customers a person sees, and may act on (data scope, 数据范围). The raw value stands in the store.
package enum DataScope: Int64, CaseIterable, Sendable {
    /// Those whose sales owner or collector the person is.
    case own = 1
    /// Those, and those of everybody whose manager (directly or not) the person is.
    case team
    case all

    package var name: String {
        switch self {
        case .own: "own"
        case .team: "team"
        case .all: "all"
        }
    }

    /// What holds until somebody sets another: who only sells sees their own, and who has no role yet nobody else's.
    package static func usual(for roles: Set<Role>) -> DataScope { roles.isEmpty || roles == [.sales] ? .own : .all }
}

/// A change that needs a second person (maker-checker, 复核).
package enum Approval {
    /// The raw value stands in the store: never renumber one.
    package enum Kind: Int64, CaseIterable, Sendable {
        /// Whom a customer's payment messages go to: that is how payment fraud starts.
        case paymentContact = 1
        /// Where customers are asked to pay to.
        case bankAccount
        case roleGrant
        /// What customers are written: other words can name another account.
        case messageTemplate
        /// What a program may do in nobody's name: who makes its token would otherwise have its roles.
        case serviceToken

        package var name: String {
            switch self {
            case .paymentContact: "payment-contact"
            case .bankAccount: "bank-account"
            case .roleGrant: "role-grant"
            case .messageTemplate: "message-template"
            case .serviceToken: "service-token"
            }
        }

        /// The commands that ask for it.
        package var askedBy: [Permission] {
            switch self {
            case .paymentContact: [.proposeContact]
            case .bankAccount: [.proposeBankAccount]
            case .roleGrant: [.proposeRoles, .invite, .addServiceAccount]
            case .messageTemplate: [.proposeTemplate]
            case .serviceToken: [.makeServiceToken]
            }
        }

        /// Who may decide; never the one who asked.
        package var deciders: Set<Role> {
            switch self {
            case .paymentContact: [.accountant, .financeManager]
            case .bankAccount, .messageTemplate: [.financeManager, .management]
            case .roleGrant, .serviceToken: [.management]
            }
        }
    }

    package enum Answer: Int64, Sendable { case approved = 1, rejected, withdrawn }
}
