import Ledger

/// How a customer pays. Chances are counted per thousand.
struct PaymentHabit: Sendable {
    /// Days after the due day when the payment is put in motion; negative before it.
    var delay: ClosedRange<Int>
    /// Days that the delay has grown by at the end of the history; negative when the customer gets better.
    var drift = 0
    var rhythm = PaymentRhythm.anyWorkingDay
    /// From this day on nothing is paid any more.
    var stopsOn: LocalDate?
    var partPayment = 40
    /// Whether one payment covers all invoices that are ripe on its day.
    var combinesInvoices = true
    var paysInAdvance = 0
    var deductsBankCharges = 0

    init(delay: ClosedRange<Int>) { self.delay = delay }

    static func usual(for kind: CustomerKind, using generator: inout SeededGenerator) -> PaymentHabit {
        var habit: PaymentHabit
        switch kind {
        case .stateOwned:
            habit = PaymentHabit(delay: 5...generator.number(in: 45...85))
            habit.rhythm = .quarterly(daysBeforeEnd: generator.number(in: 2...11))
            habit.partPayment = 60
        case .listed:
            habit = PaymentHabit(delay: -5...generator.number(in: 20...80))
            habit.rhythm = .monthly(day: generator.pick([10, 15, 20, 25, 28]))
        case .privateCompany:
            let base = generator.smallish(in: -3...110)
            habit = PaymentHabit(delay: base - 5...base + generator.number(in: 10...40))
            habit.rhythm = generator.pick([
                .anyWorkingDay, .anyWorkingDay, .weekly(weekday: 4), .weekly(weekday: 5), .monthly(day: 25),
            ])
            habit.combinesInvoices = generator.chance(perMille: 600)
            habit.drift = generator.pick([0, 0, 0, 15, -12, 25])
            habit.paysInAdvance = generator.pick([0, 0, 60, 150])
            habit.partPayment = 70
        case .startup:
            habit = PaymentHabit(delay: -3...generator.number(in: 20...70))
            habit.combinesInvoices = false
            habit.drift = generator.pick([0, 0, 20, 40])
            habit.paysInAdvance = 120
            habit.partPayment = 90
        case .publicBody:
            habit = PaymentHabit(delay: 50...90)
            habit.rhythm = .monthly(day: generator.pick([18, 20, 22]))
            habit.partPayment = 15
        case .foreign:
            habit = PaymentHabit(delay: -6...generator.number(in: 1...5))
            habit.rhythm = generator.pick([.anyWorkingDay, .weekly(weekday: 4)])
            habit.partPayment = 5
            habit.deductsBankCharges = 260
        }
        return habit
    }
}
