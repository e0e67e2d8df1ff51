package import Ledger

/// Which days are worked in a country: weekends, public holidays and shifted working days (调休).
///
/// Days without an entry follow the week: Monday to Friday are worked.
package struct WorkingCalendar: Sendable {
    package enum Kind: Int64, Sendable { case holiday = 1, working = 2 }

    private let exceptions: [Int: Kind]
    private let years: Set<Int>

    /// - Parameter exceptions: Public holidays and shifted working days.
    package init(exceptions: [LocalDate: Kind] = [:]) {
        self.exceptions = Dictionary(uniqueKeysWithValues: exceptions.map { ($0.key.dayNumber, $0.value) })
        years = Set(exceptions.keys.map(\.year))
    }

    /// Whether the list of `year` is loaded; without it weekends only are counted.
    package func knows(year: Int) -> Bool { years.contains(year) }

    package func isWorkingDay(_ day: LocalDate) -> Bool {
        switch exceptions[day.dayNumber] {
        case .holiday: false
        case .working: true
        case nil: day.weekday <= 5
        }
    }

    /// The first working day on or after `day`.
    package func onOrAfter(_ day: LocalDate) -> LocalDate {
        var candidate = day
        while !isWorkingDay(candidate) { candidate = candidate.adding(days: 1) }
        return candidate
    }

    /// The last working day on or before `day`.
    package func onOrBefore(_ day: LocalDate) -> LocalDate {
        var candidate = day
        while !isWorkingDay(candidate) { candidate = candidate.adding(days: -1) }
        return candidate
    }

    /// The day `count` working days after `day`; `count` ≥ 0, and 0 gives the first working day ≥ `day`.
    package func adding(workingDays count: Int, to day: LocalDate) -> LocalDate {
        var candidate = onOrAfter(day)
        for _ in 0..<count { candidate = onOrAfter(candidate.adding(days: 1)) }
        return candidate
    }

    /// How many working days lie after `start` up to and including `end`; 0 when `end` ≤ `start`.
    package func workingDays(after start: LocalDate, through end: LocalDate) -> Int {
        var count = 0
        var day = start.adding(days: 1)
        while day <= end {
            if isWorkingDay(day) { count += 1 }
            day = day.adding(days: 1)
        }
        return count
    }
}
