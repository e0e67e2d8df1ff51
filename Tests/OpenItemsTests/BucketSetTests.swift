import Ledger
import OpenItems
import Testing

@Suite("The buckets of an aging report")
struct BucketSetTests {
    private func code(_ set: BucketSet, _ start: String, on day: String) throws -> String {
        let (start, day) = (try #require(LocalDate(start)), try #require(LocalDate(day)))
        let index = set.index(of: start, on: day)
        let age = Int32(day.days(since: start))
        #expect(set.table(on: day).bucket(ofAge: age) == index)
        #expect(set.plainIndex(of: start, on: day) == index)
        return set.buckets[index].code
    }

    @Test(
        "by days overdue are those of the golden figures (K11)",
        arguments: [
            ("2025-06-30", "not_due"), ("2025-06-29", "d1_30"), ("2025-05-31", "d1_30"), ("2025-05-30", "d31_60"),
            ("2025-04-01", "d61_90"), ("2025-03-31", "d91_180"), ("2024-06-30", "d181_365"),
            ("2024-06-29", "over_365"), ("2022-06-30", "over_365"), ("2025-07-01", "not_due"),
            ("2045-01-01", "not_due"),
        ])
    func daysOverdue(due: String, bucket: String) throws {
        #expect(try code(.standardDue, due, on: "2025-06-30") == bucket)
    }

    @Test("may tell years overdue apart as the golden figures do (K11)")
    func yearsOverdue() throws {
        let set = try #require(BucketSet(basis: .due, bounds: "0,30,60,90,180,365,730,1095"))
        #expect(try code(set, "2024-06-29", on: "2025-06-30") == "366–730")
        #expect(try code(set, "2022-06-30", on: "2025-06-30") == "> 1095")
    }

    @Test(
        "since recognition end on the anniversary, whatever the days between (K12)",
        arguments: [
            ("2022-06-30", "2025-06-30", "y2_3"), ("2022-06-29", "2025-06-30", "y3_4"),
            ("2025-06-30", "2025-06-30", "m0_6"), ("2026-01-01", "2025-06-30", "m0_6"),
            ("2024-12-30", "2025-06-30", "m0_6"), ("2024-12-29", "2025-06-30", "m6_12"),
            ("2024-06-30", "2025-06-30", "m6_12"), ("2024-06-29", "2025-06-30", "y1_2"),
            ("2020-06-30", "2025-06-30", "y4_5"), ("2020-06-29", "2025-06-30", "over_5y"),
            // The last day of a shorter month ends them.
            ("2024-02-29", "2025-02-28", "m6_12"), ("2024-02-29", "2025-03-01", "y1_2"),
            ("2024-02-29", "2028-02-29", "y3_4"), ("2024-02-29", "2028-03-01", "y4_5"),
            ("2024-08-31", "2025-02-28", "m0_6"), ("2024-08-31", "2025-03-01", "m6_12"),
            ("2023-08-31", "2024-02-29", "m0_6"), ("2023-08-31", "2024-03-01", "m6_12"),
        ])
    func anniversaries(start: String, day: String, bucket: String) throws {
        #expect(try code(.standardRecognition, start, on: day) == bucket)
    }

    @Test(
        "since the invoice mix days and months",
        arguments: [
            ("2025-06-30", "m0_3"), ("2025-04-01", "m0_3"), ("2025-03-31", "m3_6"), ("2025-01-01", "m3_6"),
            ("2024-12-31", "m6_12"), ("2024-06-30", "m6_12"), ("2024-06-29", "y1_2"), ("2023-06-30", "y1_2"),
            ("2023-06-29", "y2_3"), ("2022-06-30", "y2_3"), ("2022-06-29", "over_3y"),
        ])
    func invoiceDays(issued: String, bucket: String) throws {
        #expect(try code(.standardInvoice, issued, on: "2025-06-30") == bucket)
    }

    @Test(
        "hold every age once, and the table says the same as the calendar",
        arguments: ["2025-06-30", "2024-02-29", "2025-02-28", "2025-03-01", "2026-08-31", "1970-01-01", "2100-03-01"])
    func table(text: String) throws {
        let day = try #require(LocalDate(text))
        let sets =
            BucketSet.Basis.allCases.map(BucketSet.standard)
            + [
                try #require(BucketSet(basis: .due, bounds: "-30,-10,0,7")),
                try #require(BucketSet(basis: .invoice, bounds: "1m,45,3m,100")),
                try #require(BucketSet(basis: .recognition, bounds: "1y,400,2y")),
                try #require(BucketSet(basis: .due, bounds: "10")),
            ]
        for set in sets {
            let table = set.table(on: day)
            let wrong = (-50...2_500).filter { age in
                let start = day.adding(days: -age)
                let index = set.index(of: start, on: day)
                return table.bucket(ofAge: Int32(age)) != index || set.plainIndex(of: start, on: day) != index
            }
            #expect(wrong.isEmpty, "\(set.buckets.map(\.code))")
            #expect(table.bucket(ofAge: -1_000_000) == 0)
            #expect(table.bucket(ofAge: 1_000_000) == set.buckets.count - 1)
        }
    }

    @Test("are read from their last ages in days, months and years")
    func parsing() throws {
        let set = try #require(BucketSet(basis: .due, bounds: "0, 15,1m ,6m,2y"))
        #expect(set.basis == .due)
        #expect(set.buckets.map(\.last) == [.days(0), .days(15), .months(1), .months(6), .months(24), nil])
        #expect(set.buckets.map(\.code) == ["≤ 0", "1–15", "16–1m", "1m–6m", "6m–2y", "> 2y"])
        #expect(
            set.buckets.indices.map(set.first(of:)) == [nil, .days(1), .days(16), .months(1), .months(6), .months(24)])
        #expect(BucketSet(basis: .due, bounds: "-7,0")?.buckets.map(\.code) == ["≤ -7", "-6–0", "> 0"])
        #expect(BucketSet(basis: .due, bounds: "30")?.buckets.map(\.code) == ["≤ 30", "> 30"])
        #expect(BucketSet(basis: .due, bounds: "36525,1201m") == nil)
        #expect(BucketSet(basis: .due, bounds: "365,1y")?.buckets.count == 3)
        #expect(BucketSet(basis: .due, bounds: "1y,365") == nil)
        for bounds in ["30,,60", "0,30,", "3 0,60", "+30,60"] { #expect(BucketSet(basis: .due, bounds: bounds) == nil) }
        #expect(BucketSet(basis: .due, bounds: "-36525,1m,100y")?.buckets.count == 4)
    }

    @Test(
        "have the standard codes where their ages are the standard ones",
        arguments: [
            (BucketSet.Basis.due, "0,30,60,90,180,365"), (.invoice, "90,180,12m,24m,36m"),
            (.invoice, "90, 180, 1y, 2y, 3y"), (.recognition, "6m,1y,2y,3y,4y,5y"),
        ])
    func standard(basis: BucketSet.Basis, bounds: String) {
        let set = BucketSet(basis: basis, bounds: bounds)
        #expect(set == .standard(basis))
        #expect(set?.buckets.map(\.code).contains { $0.hasPrefix("≤") } == false)
    }

    @Test("of another basis are their own labels")
    func otherBasis() {
        let set = BucketSet(basis: .recognition, bounds: "0,30,60,90,180,365")
        #expect(set?.basis == .recognition)
        #expect(set?.buckets.first?.code == "≤ 0")
    }

    @Test(
        "are refused where ages don't rise or aren't ages",
        arguments: [
            "", ",", " ", "30,30", "60,30", "0,30,20", "1m,1m", "2y,12m", "12m,1y", "1m,30", "366,12m", "words", "30,x",
            "m", "y", "30d", "1.5", "0x10", "1m2", "３０", "0m,1m", "-1m", "1201m", "101y", "36526", "-36526",
            "99999999999999999999", "9223372036854775807", "9223372036854775807m", "9223372036854775807y",
            (0...63).map(String.init).joined(separator: ","),
        ])
    func refused(bounds: String) {
        #expect(BucketSet(basis: .due, bounds: bounds) == nil)
    }

    @Test(
        "are refused, and nothing stops, where an age is the smallest number there is",
        arguments: ["-9223372036854775808,0", "-9223372036854775808y,0", "-9223372036854775808m,0"])
    func smallest(bounds: String) {
        #expect(BucketSet(basis: .due, bounds: bounds) == nil)
    }

    @Test("are two or more, rise, and have one without end: the last")
    func made() {
        func make(_ bounds: BucketSet.Bound?...) -> BucketSet? {
            let buckets = bounds.enumerated().map { BucketSet.Bucket(code: "\($0)", last: $1) }
            return BucketSet(basis: .due, buckets: buckets)
        }
        #expect(make(.days(0), nil)?.buckets.count == 2)
        #expect(make(.days(29), .months(1), .days(31), nil)?.buckets.count == 4)
        #expect(make() == nil)
        #expect(make(nil) == nil)
        #expect(make(.days(0), .days(1)) == nil)
        #expect(make(.days(0), nil, nil) == nil)
        #expect(make(.days(1), .days(0), nil) == nil)
        #expect(BucketSet(basis: .due, bounds: (0...62).map(String.init).joined(separator: ","))?.buckets.count == 64)
    }
}
