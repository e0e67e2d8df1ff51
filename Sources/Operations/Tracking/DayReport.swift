package import Ledger
internal import Receivables

/// What one day did, by rule.
package struct DayReport: Codable, Hashable, Sendable {
    package struct Counts: Codable, Hashable, Sendable {
        /// New occasions, whatever messages, cases or tasks they share.
        package var created = 0
        /// Those of them whose message to the customer the gate holds.
        package var held = 0
        /// Candidates stopped by a pause or because their rule is switched off.
        package var skipped = 0

        package init() {}
    }

    /// One thing a dry run would do, or wouldn't and why.
    package struct Detail: Codable, Hashable, Sendable {
        package let rule: String
        package let customer: String
        package let subject: String
        /// `reminder`, `case`, `task`, `message`, `none`.
        package let effect: String
        /// Reasons for holding or skipping, or the recipient.
        package let reason: String
    }

    package let day: Int
    package var rules: [String: Counts]
    /// Messages to customers by state: queued, held, past; and held ones let go.
    package var messages: [String: Int] = [:]
    package var tasks = 0
    package var warnings: [String] = []
    /// The day was run before; nothing was evaluated.
    package var isRepeat = false
    package var details: [Detail] = []

    package init(day: LocalDate) {
        self.day = day.dayNumber
        rules = Dictionary(uniqueKeysWithValues: RuleCode.allCases.map { ($0.name, Counts()) })
    }

    package var date: LocalDate { LocalDate(dayNumber: day) }
}
