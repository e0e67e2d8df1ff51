/// Why a message to a customer is held back. Each reason is visible, and the message goes when it is gone.
package enum HoldReason: String, CaseIterable, Sendable {
    /// A new installation: a person looks at every message.
    case goLive = "go_live"
    case contactMissing = "contact_missing"
    /// Customer, owner or the like is not registered completely.
    case incomplete = "incomplete_registration"
    /// The bank's data of the last working day aren't in: the customer may have paid.
    case bankDataStale = "bank_data_stale"
    /// Money of this customer waits to be matched.
    case unappliedCash = "unapplied_cash"
    /// The customer hasn't got the tax invoice.
    case invoiceNotDelivered = "invoice_not_delivered"
    case frequencyCap = "frequency_cap"
    /// In dispute or paused since the rule fired.
    case paused
}

/// What the safe-to-send gate looks at before anything goes to a customer.
package struct SendGate: Hashable, Sendable {
    package var isGoLive = false
    package var hasContact = true
    package var isComplete = true
    package var isBankDataCurrent = true
    package var hasUnappliedCash = false
    package var messagesThisWeek = 0
    package var frequencyCap = Int.max

    package init() {}

    /// Everything that stands against sending; empty when it may go.
    package var reasons: [HoldReason] {
        var reasons: [HoldReason] = []
        if isGoLive { reasons.append(.goLive) }
        if !hasContact { reasons.append(.contactMissing) }
        if !isComplete { reasons.append(.incomplete) }
        if !isBankDataCurrent { reasons.append(.bankDataStale) }
        if hasUnappliedCash { reasons.append(.unappliedCash) }
        if messagesThisWeek >= frequencyCap { reasons.append(.frequencyCap) }
        return reasons
    }
}
