package import Ledger

/// Something a named person must do by a date (待办).
package enum WorkTask {
    /// The raw value stands in the store: never renumber one.
    package enum Kind: Int64, CaseIterable, Sendable {
        /// Call and write to a customer whose items fell overdue.
        case collect = 1
        /// Assess the risk of items more than 30 days overdue.
        case assessRisk
        /// Mend what a register check found.
        case mendRegister

        package var name: String {
            switch self {
            case .collect: "collect"
            case .assessRisk: "assess-risk"
            case .mendRegister: "mend-register"
            }
        }
    }

    package enum EventKind: Int64, Sendable {
        case done = 1
        /// What it was about has settled itself.
        case obsolete
        case escalated
    }
}

/// All collection work on one customer's overdue items, at one stage (催收案件).
package enum CollectionCase {
    package enum EventKind: Int64, Sendable { case opened = 1, closed }

    /// 1: by phone and e-mail. Later stages belong to the collections chapter.
    package static let firstStage: Int64 = 1
}

/// Stops dunning on items for a while; aging, signals and provisions go on.
package enum Pause {
    package enum Kind: Int64, CaseIterable, Sendable {
        /// 争议: the customer refuses the item, in part or whole.
        case dispute = 1
        /// An agreed waiting time, with reason.
        case agreed

        package var name: String { self == .dispute ? "dispute" : "agreed" }
    }

    /// Checks a new pause against the policy.
    ///
    /// - Throws: `Refusal` `pause.backwards`, `pause.too-long`, `reason.missing`.
    package static func check(
        _ kind: Kind, from: LocalDate, until: LocalDate, reason: String, _ policy: TrackingPolicy
    ) throws(Refusal) {
        guard !reason.isEmpty else { throw Refusal(.reasonMissing) }
        guard until >= from else { throw Refusal(.pauseBackwards) }
        let limit = kind == .dispute ? policy.disputeMaximumDays : policy.agreedPauseMaximumDays
        guard until.days(since: from) <= limit else { throw Refusal(.pauseTooLong, ["limit": .count(limit)]) }
    }
}

/// Who a reminder goes to.
package enum Audience: Int64, Sendable {
    case customer = 1
    /// The sales owner of the customer.
    case salesOwner
}

/// What became of a reminder when it was made.
package enum ReminderState: Int64, Sendable {
    /// In the outbox.
    case queued = 1
    /// Held by the safe-to-send gate.
    case held
    /// The day lies too far back: a fact, but not sent.
    case past
    /// A note to a colleague, shown in the program.
    case noted

    package var name: String {
        switch self {
        case .queued: "queued"
        case .held: "held"
        case .past: "past"
        case .noted: "noted"
        }
    }
}

package enum ReminderEvent: Int64, Sendable {
    /// A person let it go as it stood.
    case released = 1
    /// Held for too long.
    case expired
    /// Everything in it was paid.
    case settled
    /// What of it still held went into a newer message.
    case superseded
    /// A person let it go; what of it still holds goes with the customer's next message.
    case approved
    /// A mail server took it.
    case sent
    /// It could not be sent while it was of use.
    case undelivered

    package var name: String {
        switch self {
        case .sent: "sent"
        case .undelivered: "undelivered"
        case .released: "released"
        case .expired: "expired"
        case .settled: "settled"
        case .superseded: "superseded"
        case .approved: "approved"
        }
    }
}

/// A dated early-warning fact (预警信号).
package enum Signal {
    package enum Severity: Int64, CaseIterable, Sendable {
        case info = 1, watch, serious, critical

        package static func named(_ name: String) -> Severity? { allCases.first { "\($0)" == name } }
    }

    /// An item of the customer went more than 30 days overdue.
    package static let overdueOver30 = "overdue-30"
}
