import Ledger

/// When business happens: more at the ends of quarters, little around Spring Festival, growing from year to year.
struct Season: Sendable {
    let first: LocalDate
    let last: LocalDate

    /// January to December; 135 is the busiest.
    private static let months = [85, 55, 110, 95, 95, 120, 90, 95, 115, 85, 105, 135]

    /// A day of the range, as likely as it is busy; its first day when the range was turned around.
    func day(from low: LocalDate, to high: LocalDate, using generator: inout SeededGenerator) -> LocalDate {
        guard low < high else { return low }
        let length = max(1, last.days(since: first))
        while true {
            let day = low.adding(days: generator.number(from: 0, to: high.days(since: low)))
            // Business more than doubles over the history.
            let elapsed = min(max(0, day.days(since: first)), length)
            let growth = 450 + 550 * elapsed / length
            if generator.number(from: 0, to: 135_000) < Self.months[day.parts.month - 1] * growth { return day }
        }
    }
}
