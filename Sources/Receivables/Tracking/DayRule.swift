package import Ledger

/// The rules that a day evaluates (spec 04, 4.1). The raw value stands in stored occurrences: never renumber one.
package enum RuleCode: Int64, CaseIterable, Sendable {
    case dueSoon = 1, overdueStart, overdueRisk, taskLate, dataQuality

    /// The code in policies, JSON and on pages.
    package var name: String {
        switch self {
        case .dueSoon: "due-soon"
        case .overdueStart: "overdue-start"
        case .overdueRisk: "overdue-risk"
        case .taskLate: "task-late"
        case .dataQuality: "data-quality"
        }
    }
}

/// What a rule looks at: an item that is open on the day.
package struct DueItem: Hashable, Sendable {
    package let dueDay: LocalDate
    /// The number of the item's overdue episode, from 1: a maximal run of days open and past due.
    package let episode: Int

    package init(dueDay: LocalDate, episode: Int) {
        self.dueDay = dueDay
        self.episode = episode
    }
}

/// Why a rule fires: it does so once for each occasion of a subject, whatever happens in between.
package struct Occasion: Hashable, Sendable {
    package let dueDay: LocalDate
    /// 0 for occasions that no episode belongs to.
    package let episode: Int

    package init(dueDay: LocalDate, episode: Int) {
        self.dueDay = dueDay
        self.episode = episode
    }
}

/// Where a trigger that falls on a day off goes.
package enum DayShift: String, CaseIterable, Sendable {
    case none, previous, next

    package func apply(to day: LocalDate, _ calendar: WorkingCalendar) -> LocalDate {
        switch self {
        case .none: day
        case .previous: calendar.onOrBefore(day)
        case .next: calendar.onOrAfter(day)
        }
    }
}

/// A rule about one open item: on which occasion it fires on a day, if on any.
///
/// Rules look at crossings, never at equality: whoever was down for five days sends each notice once on
/// the return, and an item registered late is noticed the same day.
extension DayShift {
    /// Whether a trigger day, shifted, has come on a day.
    func hasReached(_ trigger: LocalDate, on day: LocalDate, _ calendar: WorkingCalendar) -> Bool {
        // No run of days off is longer than two weeks, so most days need no calendar.
        if self == .none || abs(day.days(since: trigger)) > 15 { return day >= trigger }
        return day >= apply(to: trigger, calendar)
    }
}

package protocol DayRule: Sendable {
    var code: RuleCode { get }
    func occasion(of item: DueItem, on day: LocalDate, _ calendar: WorkingCalendar) -> Occasion?
}

/// Reminds before the due day: on the first day run D ≥ T while the item is not overdue, where T is the
/// due day plus `offsetDays`, shifted off days off. A changed due day has its own reminder.
package struct DueSoonRule: DayRule {
    package let code = RuleCode.dueSoon
    /// −3: three days before.
    package let offsetDays: Int
    package let shift: DayShift

    package init(offsetDays: Int, shift: DayShift) {
        self.offsetDays = offsetDays
        self.shift = shift
    }

    package func occasion(of item: DueItem, on day: LocalDate, _ calendar: WorkingCalendar) -> Occasion? {
        // No run of days off is longer than two weeks, so a due day further ahead can't be triggered yet.
        guard day <= item.dueDay, day.days(since: item.dueDay) >= offsetDays - 15 else { return nil }
        let trigger = shift.apply(to: item.dueDay.adding(days: offsetDays), calendar)
        return day >= trigger ? Occasion(dueDay: item.dueDay, episode: 0) : nil
    }
}

/// Starts collection on the first day overdue, or later when the item was noticed late.
package struct OverdueStartRule: DayRule {
    package let code = RuleCode.overdueStart
    /// 1: the day after the due day.
    package let offsetDays: Int
    package let shift: DayShift

    package init(offsetDays: Int, shift: DayShift = .none) {
        self.offsetDays = offsetDays
        self.shift = shift
    }

    package func occasion(of item: DueItem, on day: LocalDate, _ calendar: WorkingCalendar) -> Occasion? {
        guard day > item.dueDay, shift.hasReached(item.dueDay.adding(days: offsetDays), on: day, calendar) else {
            return nil
        }
        return Occasion(dueDay: item.dueDay, episode: item.episode)
    }
}

/// Starts a risk assessment of an item more than 30 days overdue, once for each overdue episode.
package struct OverdueRiskRule: DayRule {
    package let code = RuleCode.overdueRisk
    /// 31: the first day past 30 days overdue.
    package let offsetDays: Int
    package let shift: DayShift
    /// Working days until the assessment is due.
    package let taskDueWorkingDays: Int

    package init(offsetDays: Int, shift: DayShift = .none, taskDueWorkingDays: Int) {
        self.offsetDays = offsetDays
        self.shift = shift
        self.taskDueWorkingDays = taskDueWorkingDays
    }

    package func occasion(of item: DueItem, on day: LocalDate, _ calendar: WorkingCalendar) -> Occasion? {
        guard day > item.dueDay, shift.hasReached(item.dueDay.adding(days: offsetDays), on: day, calendar) else {
            return nil
        }
        return Occasion(dueDay: item.dueDay, episode: item.episode)
    }
}

/// Escalates a task that is late by so many working days: once for each step.
package struct TaskLateRule: Sendable {
    /// Working days after the due day, rising: manager, finance manager, management.
    package let escalateAfter: [Int]

    package init(escalateAfter: [Int]) { self.escalateAfter = escalateAfter }

    /// How many steps a task due on `dueDay` has reached on `day`; 0 when it is not late enough.
    package func level(dueDay: LocalDate, on day: LocalDate, _ calendar: WorkingCalendar) -> Int {
        guard day > dueDay else { return 0 }
        let late = calendar.workingDays(after: dueDay, through: day)
        return escalateAfter.count { late >= $0 }
    }
}
