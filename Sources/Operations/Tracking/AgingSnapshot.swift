internal import Database
internal import Formats
package import Ledger
internal import OpenItems

/// The daily aging as it was known on the day: figures only, one for each day that was run.
package enum AgingSnapshot {
    static let report = "aging-due"

    /// Open amounts by currency in the standard buckets, and unapplied money; minor units, as text that is the same
    /// for the same figures.
    static func content(_ picture: OpenItems, asOf day: LocalDate, knownFact: Int64) -> String {
        let query = OpenItems.Query(asOf: day, knownFact: knownFact, buckets: .standardDue)
        let aging = picture.aging(query)
        let width = query.buckets.buckets.count
        var sums: [Currency: (buckets: [Int128], unapplied: Int128)] = [:]
        for (index, debtor) in picture.debtors.enumerated() {
            let row = aging.row(index)
            guard aging.unapplied[index] != 0 || row.contains(where: { $0 != 0 }) else { continue }
            var sum = sums[debtor.currency] ?? ([Int128](repeating: 0, count: width), 0)
            for (bucket, amount) in row.enumerated() { sum.buckets[bucket] += amount }
            sum.unapplied += aging.unapplied[index]
            sums[debtor.currency] = sum
        }
        return sums.sorted { $0.key < $1.key }.map { currency, sum in
            "\(currency) \(sum.buckets.map(String.init).joined(separator: ",")) \(sum.unapplied)"
        }.joined(separator: "\n")
    }

    package struct Row: Sendable {
        package let day: LocalDate
        package let currency: Currency
        /// In the order of the standard buckets by due day; minor units.
        package let buckets: [Int128]
        package let unapplied: Int128
    }

    /// The kept figures of days, newest first.
    package static func rows(since: LocalDate?, in store: Store) throws -> [Row] {
        try store.read { session in
            let rows = try session.rows(
                """
                SELECT as_of, content FROM snapshot WHERE report = \(report) AND as_of >= \(since?.dayNumber ?? 0)
                ORDER BY as_of DESC
                """)
            return rows.flatMap { row in
                row.text(1).split(separator: "\n").compactMap { line -> Row? in
                    let parts = line.split(separator: " ")
                    guard parts.count == 3, let currency = Currency(String(parts[0])) else { return nil }
                    return Row(
                        day: LocalDate(dayNumber: Int(row.integer(0))), currency: currency,
                        buckets: parts[1].split(separator: ",").compactMap { Int128($0) },
                        unapplied: Int128(parts[2]) ?? 0)
                }
            }
        }
    }
}
