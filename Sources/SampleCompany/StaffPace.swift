import Ledger

/// How much of its open task list the staff gets done on a day.
struct StaffPace {
    let seed: UInt64

    func finishedTaskShare(on day: LocalDate) -> Double {
        guard day.isWorkingDay else { return 0 }
        var generator = SeededGenerator(seed: seed, stream: .staff, index: day.dayNumber)
        let share =
            if holidayIsNear(day) {
                generator.number(in: 30...50)
            } else if day.adding(workingDays: 2) > day.endOfMonth {
                // The books are being closed.
                generator.number(in: 50...68)
            } else if !day.adding(days: -1).isWorkingDay {
                generator.number(in: 62...80)
            } else {
                generator.middling(in: 68...96)
            }
        return Double(share) / 100
    }

    private func holidayIsNear(_ day: LocalDate) -> Bool {
        (1...3).contains { day.adding(days: $0).isPublicHoliday }
    }
}
