internal import Database
internal import Formats
package import Ledger
package import OpenItems
internal import Receivables

extension TrackingPolicy {
    /// Reads the `tracking` part of a policy; what it leaves out takes the default's value.
    ///
    /// - Throws: `YAMLValue.Fault`; `Refusal` `policy.unreadable` for a number that no company means.
    init(yaml: String) throws {
        let tracking = try YAMLValue(yaml: yaml)["tracking"]
        func number(_ value: YAMLValue?, _ range: ClosedRange<Int>, or usual: Int) throws -> Int {
            guard let value else { return usual }
            guard let number = value.integer ?? Int(value.text ?? "") else { return usual }
            return try Self.within(range, number)
        }
        let offsets = -366...366
        let workingDays = 0...366
        let days = 0...3_660
        func rule(_ code: RuleCode, _ key: String) -> YAMLValue? { tracking?["rules"]?[code.name]?[key] }
        let gate = tracking?["safe_to_send"]
        let steps = try (rule(.taskLate, "escalate_wd")?.list.compactMap(\.integer) ?? []).map {
            try Self.within(workingDays, $0)
        }
        self.init(
            dueSoon: DueSoonRule(
                offsetDays: try number(rule(.dueSoon, "offset_days"), offsets, or: -3),
                shift: rule(.dueSoon, "shift")?.text.flatMap(DayShift.init) ?? .previous),
            overdueStart: OverdueStartRule(
                offsetDays: try number(rule(.overdueStart, "offset_days"), offsets, or: 1),
                shift: rule(.overdueStart, "shift")?.text.flatMap(DayShift.init) ?? .none),
            overdueRisk: OverdueRiskRule(
                offsetDays: try number(rule(.overdueRisk, "offset_days"), offsets, or: 31),
                shift: rule(.overdueRisk, "shift")?.text.flatMap(DayShift.init) ?? .none,
                taskDueWorkingDays: try number(rule(.overdueRisk, "task_due_wd"), workingDays, or: 5)),
            taskLate: TaskLateRule(escalateAfter: steps.isEmpty ? [1, 3, 7] : steps.sorted()),
            dataQuality: DataQualityRule(
                taskDueWorkingDays: try number(rule(.dataQuality, "task_due_wd"), workingDays, or: 3),
                unappliedDays: try number(rule(.dataQuality, "unapplied_days"), days, or: 10),
                unknownPayerDays: try number(rule(.dataQuality, "unknown_payer_days"), days, or: 5)),
            switchedOff: Set(RuleCode.allCases.filter { rule($0, "enabled")?.bool == false }),
            overdueSignal: rule(.overdueRisk, "signal")?.text.flatMap(Signal.Severity.named) ?? .serious,
            messagesMaximumAgeDays: try number(tracking?["catch_up"]?["messages_max_age_days"], days, or: 3),
            goLiveDays: try number(tracking?["go_live"]?["days"], days, or: 20),
            bankDataMaximumAgeWorkingDays: try number(gate?["bank_data_max_age_wd"], workingDays, or: 1),
            unappliedMateriality: try Self.amount(gate?["unapplied_materiality"]?.text.flatMap(Double.init) ?? 1),
            heldExpiresDays: try number(gate?["held_expires_days"], days, or: 30),
            frequencyCapPerWeek: try number(
                tracking?["contact_rules"]?["frequency_cap_per_customer_per_week"], 0...10_000, or: 3),
            disputeMaximumDays: try number(tracking?["pauses"]?["dispute_max_days"], days, or: 60),
            agreedPauseMaximumDays: try number(tracking?["pauses"]?["agreed_max_days"], days, or: 30))
        if let time = tracking?["run_at"]?.text {
            let parts = time.split(separator: ":").map { Int($0) ?? -1 }
            guard parts.count == 2, (0..<24).contains(parts[0]), (0..<60).contains(parts[1]) else {
                throw Refusal(.policyUnreadable, ["detail": .text("tracking.run_at: \(time) (06:00)")])
            }
            runAtMinute = parts[0] * 60 + parts[1]
        }
    }

    private static func within(_ range: ClosedRange<Int>, _ number: Int) throws(Refusal) -> Int {
        guard range.contains(number) else {
            throw Refusal(
                .policyUnreadable, ["detail": .text("tracking: \(number) (\(range.lowerBound) – \(range.upperBound))")])
        }
        return number
    }

    /// Whole units of a currency.
    private static func amount(_ number: Double) throws(Refusal) -> Int64 {
        guard number >= 0, number <= 1e12 else {
            throw Refusal(
                .policyUnreadable, ["detail": .text("tracking.safe_to_send.unapplied_materiality: \(number)")])
        }
        return Int64(number)
    }

    /// The bucket sets of a policy; the standard ones where it names none.
    ///
    /// - Throws: `Refusal` `buckets.unreadable`.
    static func buckets(_ yaml: String, _ basis: BucketSet.Basis) throws -> BucketSet {
        guard let text = try YAMLValue(yaml: yaml)["aging"]?["buckets"]?[basis.rawValue]?.text else {
            return .standard(basis)
        }
        guard let set = BucketSet(basis: basis, bounds: text) else {
            throw Refusal(.bucketsUnreadable, ["value": .text(text)])
        }
        return set
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

/// The company's policies: data with versions and days, changed with a reason.
package enum Policies {
    /// The text of the version in force on a day, and its number.
    package static func text(on day: LocalDate, in store: Store) throws -> (version: Int64, text: String) {
        try store.read { session in
            let row = try session.row(
                """
                SELECT n, content FROM policy_version WHERE code = 'default' AND valid_from <= \(day.dayNumber)
                ORDER BY n DESC LIMIT 1
                """)
            guard let row else { throw DatabaseFailure.corrupt(detail: "no policy in force on \(day)") }
            return (row.integer(0), row.text(1))
        }
    }

    /// The version that was made last, in force or still to come: what a change begins with.
    package static func newest(in store: Store) throws -> (version: Int64, text: String) {
        try store.read { session in
            let row = try session.row(
                "SELECT n, content FROM policy_version WHERE code = 'default' ORDER BY n DESC LIMIT 1")
            guard let row else { throw DatabaseFailure.corrupt(detail: "no policy") }
            return (row.integer(0), row.text(1))
        }
    }

    /// The bucket set in force on a day.
    package static func buckets(_ basis: BucketSet.Basis, on day: LocalDate, in store: Store) throws -> BucketSet {
        try TrackingPolicy.buckets(try text(on: day, in: store).text, basis)
    }

    /// Puts a policy in force from a day on.
    ///
    /// - Parameter seen: The newest version that whoever changes it knows; `nil` where nobody looked.
    /// - Throws: `Refusal` `policy.unreadable`, `policy.too-early`, `policy.changed`, `buckets.unreadable`,
    ///   `reason.missing`.
    package static func set(
        _ text: String, from day: LocalDate, reason: String, insteadOf seen: Int64? = nil, in store: Store,
        _ request: ActRequest
    ) async throws -> Int64? {
        guard !reason.isEmpty else { throw Refusal(.reasonMissing) }
        try check(text)
        return try await store.write(request) { books in
            let last = try books.session.row(
                "SELECT max(day) FROM day_run")?.optionalInteger(0).map { LocalDate(dayNumber: Int($0)) }
            // What a day was decided by must not change behind it.
            if let last, day <= last {
                throw Refusal(.policyTooEarly, ["day": .day(day), "earliest": .day(last.adding(days: 1))])
            }
            let newest = try books.session.row("SELECT max(n) FROM policy_version WHERE code = 'default'")?
                .optionalInteger(0)
            if let seen, let newest, newest != seen {
                throw Refusal(.policyChanged, ["version": .text("\(newest)")])
            }
            let version = try books.settings.appendPolicy(code: "default", content: text, validFrom: day)
            try books.settings.set("policy-reason", reason)
            return ["version": version]
        }.act
    }

    static func check(_ text: String) throws {
        let value: YAMLValue
        do throws(YAMLValue.Fault) {
            value = try YAMLValue(yaml: text)
        } catch {
            throw Refusal(.policyUnreadable, ["detail": .text(error.detail)])
        }
        guard value["tracking"] != nil else {
            throw Refusal(.policyUnreadable, ["detail": .text("tracking: …")])
        }
        // What the default policy doesn't have would be passed over in silence.
        let known = try YAMLValue(yaml: try Resources.text("policy/default.yaml"))
        for part in ["tracking", "aging"] {
            if let given = value[part], let model = known[part] { try compare(given, model, at: part) }
        }
        _ = try TrackingPolicy(yaml: text)
        for basis in BucketSet.Basis.allCases { _ = try TrackingPolicy.buckets(text, basis) }
    }

    /// Every key stands in the model, and every value is of the model's kind.
    private static func compare(_ given: YAMLValue, _ model: YAMLValue, at path: String) throws {
        func wrong(_ detail: String) -> Refusal { Refusal(.policyUnreadable, ["detail": .text(detail)]) }
        // A list of rules in the place of a map of them would be passed over.
        guard case .map = given else { throw wrong("\(path): a: …, b: …") }
        for member in given.members {
            let place = "\(path).\(member)"
            guard let value = given[member], let expected = model[member] else { throw wrong(place) }
            if !expected.members.isEmpty {
                try compare(value, expected, at: place)
            } else if let text = expected.text {
                let fits =
                    Int(text) != nil
                    ? value.integer != nil
                    : expected.bool != nil
                        ? value.bool != nil
                        : member == "shift"
                            ? value.text.flatMap(DayShift.init) != nil
                            : member == "signal" ? value.text.flatMap(Signal.Severity.named) != nil : value.text != nil
                guard fits else { throw wrong("\(place): \(value.text ?? "…")") }
            } else if value.list.isEmpty {
                throw wrong(place)
            }
        }
    }
}
