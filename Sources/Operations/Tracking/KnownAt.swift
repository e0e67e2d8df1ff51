internal import Database
package import Ledger
package import Receivables

/// The state of knowledge a report is made from: an act of the journal.
package enum KnownAt: Hashable, Sendable {
    case now
    /// All acts recorded at or before an instant.
    case instant(Instant)
    /// All acts up to and including a number.
    case act(Int64)

    /// Reads `#1234` or an instant in UTC.
    ///
    /// - Throws: `Refusal` `instant.unreadable`.
    package init(_ text: String) throws(Refusal) {
        if text.hasPrefix("#"), let number = Int64(text.dropFirst()), number >= 0 {
            self = .act(number)
        } else if let instant = Instant(text) {
            self = .instant(instant)
        } else {
            throw Refusal(.instantUnreadable, ["value": .text(text)])
        }
    }

    /// Reads what people type too: `#1234`, a day (all of it) or a day and a time, in the company's time zone.
    ///
    /// - Throws: `Refusal` `instant.unreadable`.
    package init(_ text: String, in company: CompanySettings) throws(Refusal) {
        let parts = text.split(whereSeparator: { $0 == " " || $0 == "T" })
        guard (1...2).contains(parts.count), !text.hasSuffix("Z"), let day = LocalDate(String(parts[0])) else {
            self = try KnownAt(text)
            return
        }
        var minute = 24 * 60
        if parts.count == 2 {
            let time = parts[1].split(separator: ":").map { Int($0) ?? -1 }
            guard time.count == 2, (0..<24).contains(time[0]), (0..<60).contains(time[1]) else {
                throw Refusal(.instantUnreadable, ["value": .text(text)])
            }
            // The minute that is named, to its end.
            minute = time[0] * 60 + time[1] + 1
        }
        self = .instant(company.instant(before: day, minute: minute))
    }

    /// As it is written: `#12` or an instant.
    private var name: String {
        switch self {
        case .now: "now"
        case .act(let number): "#\(number)"
        case .instant(let instant): "\(instant)"
        }
    }

    /// What was known: the last act, its instant, and the last fact.
    package struct State: Hashable, Sendable {
        package let act: Int64
        package let instant: Instant
        package let lastFact: Int64
        /// Whether that is all there is.
        package let isNow: Bool
    }

    /// - Throws: `Refusal` `act.unknown`.
    func state(in session: any SQLSession) throws -> State {
        let head = try ActRepository(session: session).head()
        let row: SQLRow?
        switch self {
        case .now:
            return State(act: head.lastAct, instant: head.lastInstant, lastFact: head.lastFact, isNow: true)
        case .instant(let instant):
            row = try session.row(
                """
                SELECT seq, recorded_at, first_fact + fact_count - 1 FROM act WHERE recorded_at <= \(instant.microseconds)
                ORDER BY seq DESC LIMIT 1
                """)
            if row == nil { return State(act: 0, instant: instant, lastFact: 0, isNow: head.lastAct == 0) }
        case .act(let number):
            row = try session.row("SELECT seq, recorded_at, first_fact + fact_count - 1 FROM act WHERE seq = \(number)")
            if row == nil, number == 0 {
                return State(act: 0, instant: Instant(microseconds: 0), lastFact: 0, isNow: head.lastAct == 0)
            }
        }
        guard let row else {
            throw Refusal(.actUnknown, ["act": .text(name), "last": .count(Int(head.lastAct))])
        }
        return State(
            act: row.integer(0), instant: Instant(microseconds: row.integer(1)), lastFact: row.integer(2),
            isNow: row.integer(0) == head.lastAct)
    }
}
