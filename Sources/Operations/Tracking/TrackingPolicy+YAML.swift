internal import Database
internal import Formats
internal import Ledger
internal import Receivables

extension TrackingPolicy {
    /// Reads the `tracking` part of a policy; what it leaves out takes the default's value.
    ///
    /// - Throws: `YAMLValue.Fault`.
    init(yaml: String) throws {
        let tracking = try YAMLValue(yaml: yaml)["tracking"]
        func rule(_ code: RuleCode, _ key: String) -> YAMLValue? { tracking?["rules"]?[code.name]?[key] }
        let gate = tracking?["safe_to_send"]
        let steps = rule(.taskLate, "escalate_wd")?.list.compactMap(\.integer) ?? []
        self.init(
            dueSoon: DueSoonRule(
                offsetDays: rule(.dueSoon, "offset_days")?.integer ?? -3,
                shift: rule(.dueSoon, "shift")?.text.flatMap(DayShift.init) ?? .previous),
            overdueStart: OverdueStartRule(offsetDays: rule(.overdueStart, "offset_days")?.integer ?? 1),
            overdueRisk: OverdueRiskRule(
                offsetDays: rule(.overdueRisk, "offset_days")?.integer ?? 31,
                taskDueWorkingDays: rule(.overdueRisk, "task_due_wd")?.integer ?? 5),
            taskLate: TaskLateRule(escalateAfter: steps.isEmpty ? [1, 3, 7] : steps.sorted()),
            dataQuality: DataQualityRule(
                taskDueWorkingDays: rule(.dataQuality, "task_due_wd")?.integer ?? 3,
                unappliedDays: rule(.dataQuality, "unapplied_days")?.integer ?? 10,
                unknownPayerDays: rule(.dataQuality, "unknown_payer_days")?.integer ?? 5),
            switchedOff: Set(RuleCode.allCases.filter { rule($0, "enabled")?.bool == false }),
            messagesMaximumAgeDays: tracking?["catch_up"]?["messages_max_age_days"]?.integer ?? 3,
            goLiveDays: tracking?["go_live"]?["days"]?.integer ?? 20,
            bankDataMaximumAgeWorkingDays: gate?["bank_data_max_age_wd"]?.integer ?? 1,
            unappliedMateriality: Int64(gate?["unapplied_materiality"]?.text.flatMap(Double.init) ?? 1),
            heldExpiresDays: gate?["held_expires_days"]?.integer ?? 30,
            frequencyCapPerWeek: tracking?["contact_rules"]?["frequency_cap_per_customer_per_week"]?.integer ?? 3,
            disputeMaximumDays: tracking?["pauses"]?["dispute_max_days"]?.integer ?? 60,
            agreedPauseMaximumDays: tracking?["pauses"]?["agreed_max_days"]?.integer ?? 30)
    }

    /// The version in force on a day.
    static func load(in session: any SQLSession, on day: LocalDate) throws -> (version: Int64, policy: TrackingPolicy) {
        let row = try session.row(
            """
            SELECT n, content FROM policy_version WHERE code = 'default' AND valid_from <= \(day.dayNumber)
            ORDER BY n DESC LIMIT 1
            """)
        guard let row else { throw DatabaseFailure.corrupt(detail: "no policy in force on \(day)") }
        return (row.integer(0), try TrackingPolicy(yaml: row.text(1)))
    }
}
