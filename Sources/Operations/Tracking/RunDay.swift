internal import Database
internal import Foundation
package import Ledger
package import Receivables

/// Runs the day: every rule over every item that is open as of the day, each occasion once.
///
/// Days missed since the last run are caught up in order, each in an act of its own. A day that was
/// run before answers with nothing new.
package final class RunDay: @unchecked Sendable {
    // `memory` is used by the writer's thread alone, inside of commands.

    private let store: Store
    private let actor: Actor
    private let source: String
    private let memory = Memory()

    private final class Memory {
        var state: DayState?
        /// The last act that `state` knows of.
        var act: Int64 = -1
        var customers: CustomerAttributes?
        var customersFact: Int64 = -1
        var customersDay = LocalDate(dayNumber: 0)
        /// Set while days missed for a short time are caught up.
        var returnsSince: LocalDate?
    }

    package init(in store: Store, actor: Actor, source: String) {
        self.store = store
        self.actor = actor
        self.source = source
    }

    /// Runs `from … to`, and before it the days missed since the last run.
    ///
    /// - Parameters:
    ///   - from: `nil` runs `to` alone (and what was missed).
    ///   - today: The company's calendar day of `now`.
    ///   - isDryRun: Evaluates `to` alone, tells each effect and its reasons, and rolls back.
    /// - Throws: `Refusal` `day.range-backwards`, `day.too-far`.
    package func run(
        from: LocalDate? = nil, to: LocalDate, now: Instant, today: LocalDate, isDryRun: Bool = false,
        onDay: (@Sendable (LocalDate) -> Void)? = nil
    ) async throws -> [DayReport] {
        if let from, from > to { throw Refusal(.dayRangeBackwards) }
        if isDryRun { return try await rehearse(to, now, today) }
        guard to <= today else { throw Refusal(.dayTooFar, ["day": .day(to), "today": .day(today)]) }
        let lastRun = try store.read { session in
            try session.row("SELECT max(day) FROM day_run")?.optionalInteger(0).map { LocalDate(dayNumber: Int($0)) }
        }
        let asked = from ?? to
        let first = lastRun.map { min($0.adding(days: 1), asked) } ?? asked
        memory.returnsSince = Self.gap(after: lastRun, to, today)
        var reports: [DayReport] = []
        var day = first
        while day <= to {
            reports.append(try await runOne(day, now, today))
            onDay?(day)
            day = day.adding(days: 1)
        }
        return reports
    }

    /// The last day run before a short time in which nobody ran the days: what they missed is sent on the return.
    /// A replay of history makes facts alone.
    private static func gap(after lastRun: LocalDate?, _ to: LocalDate, _ today: LocalDate) -> LocalDate? {
        guard let lastRun, today.days(since: lastRun) <= longestGapDays, today.days(since: to) <= 1 else { return nil }
        return lastRun
    }

    private static let longestGapDays = 31

    private struct RolledBack: Error { let reports: [DayReport] }

    private func request(_ day: LocalDate, _ now: Instant, _ today: LocalDate) -> ActRequest {
        ActRequest(
            command: "run-day", actor: actor, source: source, input: Array("\(day)".utf8), now: now, today: today)
    }

    private func runOne(_ day: LocalDate, _ now: Instant, _ today: LocalDate) async throws -> DayReport {
        do {
            let written = try await store.write(request(day, now, today)) { [self] books in
                try evaluate(day, in: books, wantsDetails: false)
            }
            if let act = written.act { memory.act = act }
            return written.outcome
        } catch {
            memory.act = -1
            throw error
        }
    }

    /// What the days missed and the day itself would do, rolling all of it back.
    ///
    /// - Parameter policy: Tried out as if it were in force on the day.
    func rehearse(
        _ day: LocalDate, _ now: Instant, _ today: LocalDate, policy: String? = nil
    ) async throws -> [DayReport] {
        do {
            _ = try await store.write(request(day, now, max(today, day))) { [self] books -> DayReport in
                let lastRun = try books.session.row("SELECT max(day) FROM day_run")?.optionalInteger(0)
                let last = lastRun.map { LocalDate(dayNumber: Int($0)) }
                memory.returnsSince = Self.gap(after: last, day, books.today)
                if let policy {
                    _ = try books.settings.appendPolicy(code: "default", content: policy, validFrom: day)
                }
                var next = last.map { min($0.adding(days: 1), day) } ?? day
                var reports: [DayReport] = []
                while next <= day {
                    reports.append(try evaluate(next, in: books, wantsDetails: true))
                    next = next.adding(days: 1)
                }
                throw RolledBack(reports: reports)
            }
        } catch let dryRun as RolledBack {
            memory.act = -1
            memory.state = nil
            return dryRun.reports
        } catch {
            memory.act = -1
            memory.state = nil
            throw error
        }
        throw DatabaseFailure.other(code: 0, detail: "a rehearsal was not rolled back")
    }

    private func evaluate(_ day: LocalDate, in books: Books, wantsDetails: Bool) throws -> DayReport {
        let session = books.session
        let head = try ActRepository(session: session).head()
        if memory.state == nil || memory.act != head.lastAct {
            memory.state = try DayState(session)
            memory.act = head.lastAct
        }
        guard var state = memory.state else { throw DatabaseFailure.other(code: 0, detail: "no state") }
        memory.state = nil  // so that it isn't copied while it grows
        if let lastRun = state.lastRun, day <= lastRun {
            memory.state = state
            return try Self.earlierReport(day, session)
        }
        let (version, policy) = try TrackingPolicy.load(in: session, on: day)
        books.policyVersion = version
        let company = try CompanySettings.load(in: session)
        let evaluation = DayEvaluation(
            day: day, books: books, policy: policy, policyVersion: version, company: company,
            calendar: try CalendarRepository.load(country: company.country, in: session),
            picture: try store.picture.current(in: session, imagePath: nil, forLookUps: true),
            customers: try customers(session, on: day),
            people: try PersonKeys(session), isReturn: memory.returnsSince.map { day > $0 } ?? false,
            wantsDetails: wantsDetails)
        let report = try evaluation.run(&state)
        memory.state = state
        return report
    }

    /// Attributes of customers, read again only when somebody changed one.
    private func customers(_ session: any SQLSession, on day: LocalDate) throws -> CustomerAttributes {
        let last = try session.row("SELECT coalesce(max(id), 0) FROM customer_version")?.integer(0) ?? 0
        // Another version may come into force between the days of a catch-up.
        if let known = memory.customers, memory.customersFact == last,
            known.isValid(from: memory.customersDay, through: day)
        {
            return known
        }
        let attributes = try CustomerAttributes(session, on: day, knownFact: .max)
        memory.customers = attributes
        memory.customersFact = last
        memory.customersDay = day
        return attributes
    }

    /// A day again: says that it was run, and does nothing.
    private static func earlierReport(_ day: LocalDate, _ session: any SQLSession) throws -> DayReport {
        var report = DayReport(day: day)
        report.isRepeat = true
        return report
    }
}
