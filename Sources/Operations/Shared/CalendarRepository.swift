internal import Database
internal import Ledger
internal import Receivables

/// Working-day calendars and exchange rates: reference data with versions by day.
final class CalendarRepository {
    private let session: any SQLSession
    private let facts: FactWriter

    init(session: any SQLSession, facts: FactWriter) {
        self.session = session
        self.facts = facts
    }

    func find(country: String, day: LocalDate) throws -> (n: Int64, kind: WorkingCalendar.Kind)? {
        let row = try session.row(
            """
            SELECT n, kind FROM calendar_day WHERE country = \(country) AND day = \(day.dayNumber)
            ORDER BY n DESC LIMIT 1
            """)
        return row.flatMap { row in WorkingCalendar.Kind(rawValue: row.integer(1)).map { (row.integer(0), $0) } }
    }

    func append(country: String, day: LocalDate, n: Int64, _ kind: WorkingCalendar.Kind, name: String?) throws {
        try facts.append(.calendarDay) { row in
            row.text(country)
            row.integer(Int64(day.dayNumber))
            row.integer(n)
            row.integer(kind.rawValue)
            row.text(name)
        }
    }

    /// The calendar of a country as known now.
    static func load(country: String, in session: any SQLSession) throws -> WorkingCalendar {
        var days: [LocalDate: WorkingCalendar.Kind] = [:]
        for row in try session.rows("SELECT day, kind FROM calendar_day WHERE country = \(country) ORDER BY day, n") {
            days[LocalDate(dayNumber: Int(row.integer(0)))] = WorkingCalendar.Kind(rawValue: row.integer(1))
        }
        return WorkingCalendar(exceptions: days)
    }
}

final class RateRepository {
    private let session: any SQLSession
    private let facts: FactWriter

    init(session: any SQLSession, facts: FactWriter) {
        self.session = session
        self.facts = facts
    }

    func find(day: LocalDate, from: Currency, to: Currency) throws -> (n: Int64, rate: Int64)? {
        try session.row(
            """
            SELECT n, rate_e8 FROM rate WHERE day = \(day.dayNumber) AND from_currency = \(from.code)
                AND to_currency = \(to.code) ORDER BY n DESC LIMIT 1
            """
        ).map { ($0.integer(0), $0.integer(1)) }
    }

    /// The rate of a day, or of the last day before it that has one, at most seven days back; times 10⁸.
    ///
    /// - Parameter knownFact: Only rates known with the facts up to this one.
    static func rate(
        from: Currency, to: Currency, on day: LocalDate, knownFact: Int64 = .max, in session: any SQLSession
    ) throws -> Int64? {
        if from == to { return 100_000_000 }
        return try session.row(
            """
            SELECT rate_e8 FROM rate WHERE from_currency = \(from.code) AND to_currency = \(to.code)
                AND day BETWEEN \(day.dayNumber - 7) AND \(day.dayNumber) AND id <= \(knownFact) ORDER BY day DESC, n DESC LIMIT 1
            """
        )?.integer(0)
    }

    func append(day: LocalDate, from: Currency, to: Currency, n: Int64, rate: Int64, source: String?) throws {
        try facts.append(.rate) { row in
            row.integer(Int64(day.dayNumber))
            row.text(from.code)
            row.text(to.code)
            row.integer(n)
            row.integer(rate)
            row.text(source)
        }
    }
}
