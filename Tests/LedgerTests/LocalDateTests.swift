import Ledger
import Testing

@Suite("A calendar day")
struct LocalDateTests {
    private func day(_ text: String) throws -> LocalDate { try #require(LocalDate(text)) }

    @Test("is the same by number, by parts and by text from 1900 to 2100")
    func everyDay() {
        // Counted up by hand from a day that is known: Monday, 1 January 1900.
        var number = -25_567
        var weekday = 1
        var wrong: [String] = []
        for year in 1900...2100 {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year == 2000)
            for (month, length) in zip(1..., [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
                for dayOfMonth in 1...length {
                    let day = LocalDate(year: year, month: month, day: dayOfMonth)
                    let parts = LocalDate(dayNumber: number).parts
                    let text = LocalDate(dayNumber: number).description
                    let isRight =
                        day?.dayNumber == number && parts == (year, month, dayOfMonth) && LocalDate(text) == day
                        && day?.weekday == weekday && day?.startOfMonth.dayNumber == number - dayOfMonth + 1
                        && day?.endOfMonth.dayNumber == number - dayOfMonth + length
                        && day?.startOfWeek.dayNumber == number - weekday + 1
                    if !isRight { wrong.append("\(year)-\(month)-\(dayOfMonth)") }
                    number += 1
                    weekday = weekday % 7 + 1
                }
                if LocalDate(year: year, month: month, day: length + 1) != nil { wrong.append("\(year)-\(month) long") }
            }
        }
        #expect(wrong.isEmpty)
        #expect(number == 47_847)
    }

    @Test("is written as in ISO 8601")
    func text() throws {
        #expect(LocalDate(dayNumber: 0).description == "1970-01-01")
        #expect(LocalDate(year: 1, month: 1, day: 1)?.description == "0001-01-01")
        #expect(LocalDate(year: 9999, month: 12, day: 31)?.description == "9999-12-31")
        #expect(try day("2026-03-01") > day("2026-02-28"))
        #expect(try day("2026-03-01").days(since: day("2026-02-27")) == 2)
    }

    @Test(
        "is not read from other texts",
        arguments: [
            "", "2026-02-29", "1900-02-29", "2026-13-01", "2026-00-10", "2026-01-00", "2026-04-31", "2026-1-01",
            "2026-01-1", "0000-01-01", "2026/01/01", "2026-01-01 ", " 2026-01-01", "20260101", "-026-01-01",
            "２０２６-01-01", "2026-01-0x", "+026-01-01",
        ])
    func unreadable(text: String) { #expect(LocalDate(text) == nil) }

    @Test(
        "moves by months to the same day or to the end of a shorter month",
        arguments: [
            ("2024-01-31", 1, "2024-02-29"), ("2023-01-31", 1, "2023-02-28"), ("2026-03-31", -1, "2026-02-28"),
            ("2024-02-29", 12, "2025-02-28"), ("2024-02-29", 48, "2028-02-29"), ("2026-01-15", -13, "2024-12-15"),
            ("2026-12-31", 2, "2027-02-28"), ("2026-08-31", 1, "2026-09-30"), ("2026-05-05", 0, "2026-05-05"),
            ("2026-12-01", 1, "2027-01-01"), ("2026-01-01", -1, "2025-12-01"),
        ])
    func months(start: String, count: Int, end: String) throws {
        #expect(try day(start).adding(months: count) == day(end))
    }
}

@Suite("A point in time")
struct InstantTests {
    @Test(
        "is written in UTC with microseconds",
        arguments: [
            (0, "1970-01-01T00:00:00.000000Z"), (-1, "1969-12-31T23:59:59.999999Z"),
            (1_772_352_000_000_000, "2026-03-01T08:00:00.000000Z"), (86_399_999_999, "1970-01-01T23:59:59.999999Z"),
            (-86_400_000_000, "1969-12-31T00:00:00.000000Z"), (-86_400_000_001, "1969-12-30T23:59:59.999999Z"),
        ])
    func text(microseconds: Int64, text: String) {
        #expect(Instant(microseconds: microseconds).description == text)
        #expect(Instant(text)?.microseconds == microseconds)
    }

    @Test("comes back from its own text")
    func roundTrip() {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<5000 {
            let bound: Int64 = 4_000_000_000_000_000
            let instant = Instant(microseconds: .random(in: -bound...bound, using: &random))
            #expect(Instant(instant.description) == instant)
        }
    }

    @Test(
        "may leave out seconds and the end of the fraction",
        arguments: [
            ("2026-03-01T08:00Z", "2026-03-01T08:00:00.000000Z"),
            ("2026-03-01 08:00:30Z", "2026-03-01T08:00:30.000000Z"),
            ("2026-03-01T08:00:30.5Z", "2026-03-01T08:00:30.500000Z"),
        ])
    func shorter(text: String, whole: String) { #expect(Instant(text)?.description == whole) }

    @Test(
        "is not read from other texts",
        arguments: [
            "", "2026-03-01", "2026-03-01T08:00", "2026-03-01T24:00Z", "2026-03-01T08:60Z", "2026-03-01T08:00:60Z",
            "2026-03-01T08:00:00.Z", "2026-03-01T08:00:00.1234567Z", "2026-03-01T8:00:000Z", "2026-02-30T08:00Z",
            "2026-03-01T08:00:00+08:00", "2026-03-01X08:00Z", "2026-03-01T08:00:00.0.0Z", "2026-03-01T08:00:00:00Z",
        ])
    func unreadable(text: String) { #expect(Instant(text) == nil) }
}
