import Ledger

/// On which days a customer pays at all.
enum PaymentRhythm: Sendable {
    case anyWorkingDay
    /// 1 = Monday … 5 = Friday.
    case weekly(weekday: Int)
    case monthly(day: Int)
    /// Some days before the end of each quarter, and once more before Spring Festival.
    case quarterly(daysBeforeEnd: Int)

    /// The first day of payment that isn't before `day`.
    func paymentDay(onOrAfter day: LocalDate) -> LocalDate {
        switch self {
        case .anyWorkingDay:
            return day.workingDayOnOrAfter
        case .weekly(let weekday):
            return day.adding(days: (weekday - day.weekday + 7) % 7).workingDayOnOrAfter
        case .monthly(let dayOfMonth):
            let thisMonth = day.startOfMonth.adding(days: dayOfMonth - 1)
            return (thisMonth >= day ? thisMonth : thisMonth.adding(months: 1)).workingDayOnOrAfter
        case .quarterly(let daysBeforeEnd):
            return quarterlyDay(onOrAfter: day, daysBeforeEnd: daysBeforeEnd)
        }
    }

    private func quarterlyDay(onOrAfter day: LocalDate, daysBeforeEnd: Int) -> LocalDate {
        let monthsLeft = (3 - day.parts.month % 3) % 3
        var payment = day
        for months in [monthsLeft, monthsLeft + 3] {
            let end = day.startOfMonth.adding(months: months).endOfMonth
            payment = end.adding(days: -daysBeforeEnd).workingDayOnOrBefore
            if payment >= day { break }
        }
        if let festival = day.nextSpringFestival {
            let beforeFestival = festival.adding(days: -daysBeforeEnd - 4).workingDayOnOrBefore
            if beforeFestival >= day { payment = min(payment, beforeFestival) }
        }
        return payment
    }
}
