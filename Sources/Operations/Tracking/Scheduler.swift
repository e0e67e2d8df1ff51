internal import Database
package import Ledger
internal import Receivables

/// Runs each day once, when its time has come, on whichever server wakes first.
///
/// No lease is needed: one writer at a time holds the store, whoever comes second finds the day run, and a server that
/// dies in the middle of a day gives the store back with nothing of that day in it.
package struct Scheduler: Sendable {
    private let store: Store
    private let running: RunDay

    package init(for store: Store) {
        self.store = store
        running = RunDay(in: store, actor: .systemDay, source: "server")
    }

    /// Runs today, and the days missed before it, if its time has come and nobody did it yet.
    ///
    /// A company starts with its first invoice: days before that would use up the weeks in which messages are looked
    /// at by a person.
    package func runDue(now: Instant) async throws -> [DayReport] {
        let due = try store.read { session -> LocalDate? in
            let company = try CompanySettings.load(in: session)
            let today = company.day(of: now)
            let last = try session.row("SELECT max(day) FROM day_run")?.optionalInteger(0)
            if let last, last >= today.dayNumber { return nil }
            if last == nil, try session.row("SELECT id FROM invoice LIMIT 1") == nil { return nil }
            let policy = try TrackingPolicy.load(in: session, on: today).policy
            return company.minuteOfDay(of: now) >= policy.runAtMinute ? today : nil
        }
        guard let due else { return [] }
        return try await running.run(to: due, now: now, today: due).filter { !$0.isRepeat }
    }
}
