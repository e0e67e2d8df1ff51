/// How a company tracks its items: one version of the policy's `tracking` part.
package struct TrackingPolicy: Sendable {
    package var dueSoon: DueSoonRule
    package var overdueStart: OverdueStartRule
    package var overdueRisk: OverdueRiskRule
    package var taskLate: TaskLateRule
    package var dataQuality: DataQualityRule
    /// Rules that the company has switched off: what they would do is counted as skipped.
    package var switchedOff: Set<RuleCode>
    /// How serious it is that an item went more than 30 days overdue.
    package var overdueSignal: Signal.Severity
    /// Messages of a day further back than this are facts, but are not sent.
    package var messagesMaximumAgeDays: Int
    /// Working days from the first day run in which nothing goes to a customer without a person.
    package var goLiveDays: Int
    /// When a server runs the day: minutes after midnight, in the company's time zone.
    package var runAtMinute = 360
    package var bankDataMaximumAgeWorkingDays: Int
    /// Unapplied money of a customer above this, in units of its currency, holds messages.
    package var unappliedMateriality: Int64
    package var heldExpiresDays: Int
    package var frequencyCapPerWeek: Int
    package var disputeMaximumDays: Int
    package var agreedPauseMaximumDays: Int

    package init(
        dueSoon: DueSoonRule, overdueStart: OverdueStartRule, overdueRisk: OverdueRiskRule, taskLate: TaskLateRule,
        dataQuality: DataQualityRule, switchedOff: Set<RuleCode>,
        overdueSignal: Signal.Severity = .serious, messagesMaximumAgeDays: Int, goLiveDays: Int,
        bankDataMaximumAgeWorkingDays: Int, unappliedMateriality: Int64, heldExpiresDays: Int, frequencyCapPerWeek: Int,
        disputeMaximumDays: Int, agreedPauseMaximumDays: Int
    ) {
        self.dueSoon = dueSoon
        self.overdueStart = overdueStart
        self.overdueRisk = overdueRisk
        self.taskLate = taskLate
        self.dataQuality = dataQuality
        self.switchedOff = switchedOff
        self.overdueSignal = overdueSignal
        self.messagesMaximumAgeDays = messagesMaximumAgeDays
        self.goLiveDays = goLiveDays
        self.bankDataMaximumAgeWorkingDays = bankDataMaximumAgeWorkingDays
        self.unappliedMateriality = unappliedMateriality
        self.heldExpiresDays = heldExpiresDays
        self.frequencyCapPerWeek = frequencyCapPerWeek
        self.disputeMaximumDays = disputeMaximumDays
        self.agreedPauseMaximumDays = agreedPauseMaximumDays
    }

    /// The rules about single items, in the order in which a day looks at them.
    package var itemRules: [any DayRule] { [dueSoon, overdueStart, overdueRisk] }
}

/// Checks the register and makes a task for each check and owner that something is wrong with.
package struct DataQualityRule: Sendable {
    package let taskDueWorkingDays: Int
    /// Unapplied receipts older than this are listed.
    package let unappliedDays: Int
    /// Receipts from an unknown payer older than this are listed.
    package let unknownPayerDays: Int

    package init(taskDueWorkingDays: Int, unappliedDays: Int, unknownPayerDays: Int) {
        self.taskDueWorkingDays = taskDueWorkingDays
        self.unappliedDays = unappliedDays
        self.unknownPayerDays = unknownPayerDays
    }
}

/// Checks of the register (登记检查). The raw value stands in stored occurrences: never renumber one.
package enum DataQualityCheck: Int64, CaseIterable, Sendable {
    case contactMissing = 1, ownerMissing, customerIncomplete, usccMissing, usccInvalid, customersAlike
    case dueBeforeIssue, invoicesAlike, invoiceNotDelivered, unappliedOld, payerUnknown

    /// The code in JSON and catalogues.
    package var name: String {
        switch self {
        case .contactMissing: "contact-missing"
        case .ownerMissing: "owner-missing"
        case .customerIncomplete: "customer-incomplete"
        case .usccMissing: "uscc-missing"
        case .usccInvalid: "uscc-invalid"
        case .customersAlike: "customers-alike"
        case .dueBeforeIssue: "due-before-issue"
        case .invoicesAlike: "invoices-alike"
        case .invoiceNotDelivered: "invoice-not-delivered"
        case .unappliedOld: "unapplied-old"
        case .payerUnknown: "payer-unknown"
        }
    }
}
