internal import Database
internal import Ledger
internal import Receivables

/// Periods of the books, by month: open, soft-closed, closed.
final class PeriodRepository {
    enum State: Int64 { case open = 1, softClosed, closed }

    private let session: any SQLSession
    private let facts: FactWriter
    /// Months that are not open, by entity.
    private var closed: [Int64: [Int64: State]] = [:]

    init(session: any SQLSession, facts: FactWriter) {
        self.session = session
        self.facts = facts
    }

    /// The month of a day, counted from year 0.
    static func month(_ day: LocalDate) -> Int64 {
        let parts = day.parts
        return Int64(parts.year * 12 + parts.month - 1)
    }

    static func firstDay(ofMonth month: Int64) -> LocalDate {
        LocalDate(year: Int(month / 12), month: Int(month % 12) + 1, day: 1) ?? LocalDate(dayNumber: 0)
    }

    func state(entity: Int64, month: Int64) throws -> State { try states(entity)[month] ?? .open }

    /// The day a fact is posted: its value day, or the first day after the last month that isn't open.
    ///
    /// Months are closed from the earliest on, so whatever lies before a closed month is closed too.
    func postingDay(entity: Int64, valueDay: LocalDate) throws -> LocalDate {
        guard let lastClosed = try states(entity).keys.max(), Self.month(valueDay) <= lastClosed else {
            return valueDay
        }
        return Self.firstDay(ofMonth: lastClosed + 1)
    }

    private func states(_ entity: Int64) throws -> [Int64: State] {
        if let known = closed[entity] { return known }
        var states: [Int64: State] = [:]
        let rows = try session.rows("SELECT month, state FROM period_event WHERE entity = \(entity) ORDER BY month, n")
        for row in rows {
            let state = State(rawValue: row.integer(1)) ?? .open
            states[row.integer(0)] = state == .open ? nil : state
        }
        closed[entity] = states
        return states
    }

    func append(entity: Int64, month: Int64, _ state: State, reason: String?) throws {
        let last = try session.row(
            "SELECT coalesce(max(n), 0) FROM period_event WHERE entity = \(entity) AND month = \(month)")
        try facts.append(.periodEvent) { row in
            row.integer(entity)
            row.integer(month)
            row.integer((last?.integer(0) ?? 0) + 1)
            row.integer(state.rawValue)
            row.text(reason)
        }
        closed[entity] = nil
    }
}

/// Questions about months of the books.
package enum PeriodQueries {
    /// Months that are not open, the earliest first: `2026-01` and `closed` or `soft_closed`.
    package static func closed(entity code: String? = nil, in store: Store) throws -> [(month: String, state: String)] {
        try store.read { session in
            let entity = try EntityRepository(session: session, facts: nil).find(code)
            let rows = try session.rows(
                """
                SELECT month, state FROM period_event p WHERE entity = \(entity) AND state <> 1
                   AND n = (SELECT max(n) FROM period_event q WHERE q.entity = p.entity AND q.month = p.month)
                 ORDER BY month
                """)
            return rows.map { row in
                let day = PeriodRepository.firstDay(ofMonth: row.integer(0))
                return (String("\(day)".prefix(7)), row.integer(1) == 3 ? "closed" : "soft_closed")
            }
        }
    }
}
