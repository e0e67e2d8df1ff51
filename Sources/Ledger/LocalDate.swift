/// A calendar day as printed on an invoice: no time, no zone. Years 1 to 9999 (Gregorian).
package struct LocalDate: Hashable, Comparable, Sendable {
    /// Days since 1970-01-01, negative before it.
    package let dayNumber: Int

    package init(dayNumber: Int) { self.dayNumber = dayNumber }

    /// Creates the day, or returns `nil` when the calendar has no such day.
    package init?(year: Int, month: Int, day: Int) {
        guard (1...9999).contains(year), (1...12).contains(month) else { return nil }
        guard (1...Self.days(inMonth: month, of: year)).contains(day) else { return nil }

        // Count from 1 March, so that the leap day ends the year and month lengths repeat.
        let marchYear = month > 2 ? year : year - 1
        let monthsSinceMarch = (month + 9) % 12
        let dayOfYear = (153 * monthsSinceMarch + 2) / 5 + day - 1
        let leapDays = marchYear / 4 - marchYear / 100 + marchYear / 400
        dayNumber = 365 * marchYear + leapDays + dayOfYear - 719_468
    }

    /// Reads `yyyy-MM-dd`, or returns `nil` for any other text and for days that don't exist.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count == 10, bytes[4] == 45, bytes[7] == 45 else { return nil }
        func number(_ range: Range<Int>) -> Int? {
            var value = 0
            for index in range {
                guard bytes[index] >= 48, bytes[index] <= 57 else { return nil }
                value = value * 10 + Int(bytes[index] - 48)
            }
            return value
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10) else { return nil }
        self.init(year: year, month: month, day: day)
    }

    /// Year, month (1–12) and day of the month.
    package var parts: (year: Int, month: Int, day: Int) {
        let shifted = dayNumber + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    package var year: Int { parts.year }

    /// The first and the last day that books take: anything else is a typing error.
    package static let earliestInBooks = LocalDate(dayNumber: 0)
    package static let latestInBooks = LocalDate(dayNumber: 84_005)  // 2199-12-31

    /// 1 = Monday … 7 = Sunday (ISO 8601).
    package var weekday: Int {
        let sinceThursday = dayNumber % 7  // 1970-01-01 was a Thursday
        return (sinceThursday + 7 + 3) % 7 + 1
    }

    /// The Monday of this day's ISO week.
    package var startOfWeek: LocalDate { adding(days: 1 - weekday) }

    /// The first day of this day's month.
    package var startOfMonth: LocalDate { adding(days: 1 - parts.day) }

    /// The last day of this day's month.
    package var endOfMonth: LocalDate {
        let (year, month, day) = parts
        return adding(days: Self.days(inMonth: month, of: year) - day)
    }

    package func adding(days: Int) -> LocalDate { LocalDate(dayNumber: dayNumber + days) }

    /// The same day `months` later, or the last day of that month when it is shorter.
    package func adding(months: Int) -> LocalDate {
        let (year, month, day) = parts
        let count = year * 12 + month - 1 + months
        let newYear = count >= 0 ? count / 12 : (count - 11) / 12
        let newMonth = count - newYear * 12 + 1
        let newDay = min(day, Self.days(inMonth: newMonth, of: newYear))
        return LocalDate(year: newYear, month: newMonth, day: newDay) ?? self
    }

    /// How many days this day lies after `other`; negative when before.
    package func days(since other: LocalDate) -> Int { dayNumber - other.dayNumber }

    package static func < (left: LocalDate, right: LocalDate) -> Bool { left.dayNumber < right.dayNumber }

    package static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension LocalDate: CustomStringConvertible {
    /// `yyyy-MM-dd`.
    package var description: String {
        let (year, month, day) = parts
        func padded(_ number: Int, to width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return "\(padded(year, to: 4))-\(padded(month, to: 2))-\(padded(day, to: 2))"
    }
}
