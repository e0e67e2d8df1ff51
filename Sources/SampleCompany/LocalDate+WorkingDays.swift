import Ledger

/// The days on which Chinese companies and their banks work.
///
/// Working weekends before and after long holidays are left out: nobody misses a payment on a Sunday.
extension LocalDate {
    var isWeekend: Bool { weekday > 5 }

    var isWorkingDay: Bool { !isWeekend && !isPublicHoliday }

    var isPublicHoliday: Bool {
        let (year, month, day) = parts
        switch month {
        case 1 where day <= 3, 5 where day <= 5, 10 where day <= 7: return true
        case 4 where day == 4 || day == 5: return true
        default: break
        }
        guard let moon = Self.lunarHolidays[year] else { return false }
        return (moon.springFestival - 1...moon.springFestival + 6).contains(dayNumber)
            || dayNumber == moon.dragonBoat || dayNumber == moon.midAutumn
    }

    var workingDayOnOrAfter: LocalDate {
        var day = self
        while !day.isWorkingDay { day = day.adding(days: 1) }
        return day
    }

    var workingDayOnOrBefore: LocalDate {
        var day = self
        while !day.isWorkingDay { day = day.adding(days: -1) }
        return day
    }

    /// The `count`-th working day after this one; this day itself when `count` is 0.
    func adding(workingDays count: Int) -> LocalDate {
        var day = self
        for _ in 0..<max(0, count) { day = day.adding(days: 1).workingDayOnOrAfter }
        return day
    }

    /// The first Spring Festival on or after this day, as far as the table below knows.
    var nextSpringFestival: LocalDate? {
        let year = year
        return [year, year + 1].lazy.compactMap { Self.lunarHolidays[$0]?.springFestival }
            .first { $0 >= dayNumber }.map { LocalDate(dayNumber: $0) }
    }

    /// Holidays of the lunar calendar, as published; years beyond the table have none.
    private static let lunarHolidays: [Int: (springFestival: Int, dragonBoat: Int, midAutumn: Int)] = {
        let published = [
            ("2023-01-22", "2023-06-22", "2023-09-29"), ("2024-02-10", "2024-06-10", "2024-09-17"),
            ("2025-01-29", "2025-05-31", "2025-10-06"), ("2026-02-17", "2026-06-19", "2026-09-25"),
            ("2027-02-06", "2027-06-09", "2027-09-15"), ("2028-01-26", "2028-05-28", "2028-10-03"),
        ]
        var table: [Int: (springFestival: Int, dragonBoat: Int, midAutumn: Int)] = [:]
        for (spring, boat, moon) in published {
            guard let spring = LocalDate(spring), let boat = LocalDate(boat), let moon = LocalDate(moon)
            else { continue }
            table[spring.year] = (spring.dayNumber, boat.dayNumber, moon.dayNumber)
        }
        return table
    }()
}
