import Ledger

/// The positions of a list, grouped by day, so that a day's part is found without searching.
struct DayBuckets: Sendable {
    private let first: LocalDate
    private var starts: [Int32]
    private(set) var positions: [Int32]

    /// Groups `count` positions by `day`; those with days outside of `first` to `last` are left out.
    init(count: Int, from first: LocalDate, to last: LocalDate, day: (Int) -> LocalDate) {
        self.first = first
        let days = last.days(since: first) + 1
        starts = [Int32](repeating: 0, count: days + 1)
        for position in 0..<count {
            let offset = day(position).days(since: first)
            if offset >= 0, offset < days { starts[offset + 1] += 1 }
        }
        for offset in 0..<days { starts[offset + 1] += starts[offset] }

        var next = starts
        positions = [Int32](repeating: 0, count: Int(starts[days]))
        for position in 0..<count {
            let offset = day(position).days(since: first)
            guard offset >= 0, offset < days else { continue }
            positions[Int(next[offset])] = Int32(position)
            next[offset] += 1
        }
    }

    subscript(day: LocalDate) -> ArraySlice<Int32> {
        let offset = day.days(since: first)
        guard offset >= 0, offset + 1 < starts.count else { return [] }
        return positions[Int(starts[offset])..<Int(starts[offset + 1])]
    }

    /// Mixes the positions within each day.
    mutating func shuffle(using generator: inout SeededGenerator) {
        for offset in 0..<(starts.count - 1) {
            generator.shuffle(&positions[Int(starts[offset])..<Int(starts[offset + 1])])
        }
    }
}
