package import Ledger

/// An agreement not to chase an invoice for some time.
package struct SamplePause: Hashable, Sendable {
    package enum Kind: String, Sendable {
        /// The customer refuses the invoice.
        case dispute
        /// Both sides have agreed to wait.
        case agreed
    }

    /// The number of the invoice.
    package let invoice: String
    package let kind: Kind
    package let from: LocalDate
    /// The last day; at most 60 days after `from`, and perhaps after the end of the history.
    package let until: LocalDate
    /// Why, in Chinese.
    package let reason: String
}
