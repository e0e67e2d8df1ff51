internal import Database
package import Ledger
internal import Receivables

/// Questions about settings and their history.
package enum SettingQueries {
    package struct PolicyRow: Sendable {
        package let version: Int64
        package let from: LocalDate
        package let act: Int64
        package let actor: String
        package let instant: Instant
    }

    /// Versions of the policy, newest first.
    package static func policies(in store: Store) throws -> [PolicyRow] { try versions(of: "default", in: store) }

    static func versions(of code: String, in store: Store) throws -> [PolicyRow] {
        try store.read { session in
            let acts = ActRepository(session: session)
            let names = try PersonNames(session)
            return try session.rows(
                "SELECT id, n, valid_from FROM policy_version WHERE code = \(code) ORDER BY n DESC LIMIT 50"
            ).compactMap { row in
                try acts.act(ofFact: row.integer(0)).map { act in
                    PolicyRow(
                        version: row.integer(1), from: LocalDate(dayNumber: Int(row.integer(2))), act: act.seq,
                        actor: names.called(act.actor), instant: act.instant)
                }
            }
        }
    }

    package struct CalendarYear: Sendable {
        package let year: Int
        package let country: String
        package let holidays: Int
        package let working: Int
    }

    /// How many days of each year's holiday list are known, newest first.
    package static func calendar(in store: Store) throws -> [CalendarYear] {
        try store.read { session in
            var years: [Int: (country: String, holidays: Int, working: Int)] = [:]
            for row in try session.rows(
                """
                SELECT d.country, d.day, d.kind FROM calendar_day d
                 WHERE d.n = (SELECT max(e.n) FROM calendar_day e WHERE e.country = d.country AND e.day = d.day)
                 ORDER BY d.day LIMIT 5000
                """)
            {
                let year = LocalDate(dayNumber: Int(row.integer(1))).year
                years[year, default: (row.text(0), 0, 0)].holidays += row.integer(2) == 1 ? 1 : 0
                years[year, default: (row.text(0), 0, 0)].working += row.integer(2) == 2 ? 1 : 0
            }
            return years.sorted { $0.key > $1.key }.map {
                CalendarYear(
                    year: $0.key, country: $0.value.country, holidays: $0.value.holidays, working: $0.value.working)
            }
        }
    }

    package struct CalendarDay: Sendable {
        package let day: LocalDate
        /// Else a weekend's day that is worked.
        package let isHoliday: Bool
        package let name: String
    }

    /// A year's days that are no usual weekday or weekend, in their order.
    package static func days(of year: Int, country: String, in store: Store) throws -> [CalendarDay] {
        guard let first = LocalDate(year: year, month: 1, day: 1), let last = LocalDate(year: year, month: 12, day: 31)
        else { return [] }
        return try store.read { session in
            try session.rows(
                """
                SELECT d.day, d.kind, d.name FROM calendar_day d
                 WHERE d.country = \(country) AND d.day BETWEEN \(first.dayNumber) AND \(last.dayNumber)
                   AND d.n = (SELECT max(e.n) FROM calendar_day e WHERE e.country = d.country AND e.day = d.day)
                 ORDER BY d.day
                """
            ).map {
                CalendarDay(
                    day: LocalDate(dayNumber: Int($0.integer(0))), isHoliday: $0.integer(1) == 1,
                    name: $0.optionalText(2) ?? "")
            }
        }
    }

    package struct StoreFigures: Sendable {
        package let acts: Int64
        package let facts: Int64
        package let lastInstant: Instant
        package let headHash: String
        package let lastDayRun: LocalDate?
        package let waitingMessages: Int64
        package let undelivered: Int64
        /// Messages to other systems that wait, and those given up.
        package let waitingWebhooks: Int64
        package let undeliveredWebhooks: Int64
        package let sessions: Int64
        package let people: Int64
    }

    /// What somebody who watches the system looks at.
    package static func figures(in store: Store, now: Instant) throws -> StoreFigures {
        try store.read { session in
            let head = try ActRepository(session: session).head()
            func count(_ sql: SQL) throws -> Int64 { try session.row(sql)?.optionalInteger(0) ?? 0 }
            return StoreFigures(
                acts: head.lastAct, facts: head.lastFact, lastInstant: head.lastInstant,
                headHash: head.lastHash.hexadecimal,
                lastDayRun: try session.row("SELECT max(day) FROM day_run")?.optionalInteger(0)
                    .map { LocalDate(dayNumber: Int($0)) },
                waitingMessages: try count(
                    """
                    SELECT count(*) FROM outbox o LEFT JOIN delivery d ON d.message = o.id
                     WHERE coalesce(d.result, 0) = 0 AND o.not_before_day >= \(now.utcDay.dayNumber - 7)
                    """),
                undelivered: try count("SELECT count(*) FROM delivery WHERE result = 2"),
                waitingWebhooks: try count("SELECT count(*) FROM webhook_message WHERE state = 0"),
                undeliveredWebhooks: try count("SELECT count(*) FROM webhook_message WHERE state = 2"),
                sessions: try count("SELECT count(*) FROM session WHERE ends_at > \(now.microseconds)"),
                people: try count("SELECT count(*) FROM account"))
        }
    }
}
