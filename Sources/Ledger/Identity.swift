/// The identity of one `Entity`: the number of the fact that created it.
///
/// An `ID<Invoice>` cannot be passed where an `ID<Customer>` is due.
package struct ID<Entity>: Hashable, Comparable, Sendable {
    package let rawValue: Int64

    package init(_ rawValue: Int64) { self.rawValue = rawValue }

    package static func < (left: ID, right: ID) -> Bool { left.rawValue < right.rawValue }
}

/// A point in time: microseconds since 1970-01-01 00:00 UTC.
package struct Instant: Hashable, Comparable, Sendable {
    package let microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    package static func < (left: Instant, right: Instant) -> Bool { left.microseconds < right.microseconds }

    /// The calendar day of this instant in UTC.
    package var utcDay: LocalDate {
        let day: Int64 = 86_400_000_000
        let number = microseconds >= 0 ? microseconds / day : (microseconds - day + 1) / day
        return LocalDate(dayNumber: Int(number))
    }
}

extension Instant: CustomStringConvertible {
    /// ISO 8601 in UTC with microseconds, for example `2026-03-01T08:00:00.000000Z`.
    package var description: String {
        let sinceMidnight = microseconds - Int64(utcDay.dayNumber) * 86_400_000_000
        func padded(_ number: Int64, to width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let (seconds, fraction) = sinceMidnight.quotientAndRemainder(dividingBy: 1_000_000)
        let clock = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { padded($0, to: 2) }.joined(separator: ":")
        return "\(utcDay)T\(clock).\(padded(fraction, to: 6))Z"
    }

    /// Reads ISO 8601 in UTC: `yyyy-MM-ddThh:mm[:ss[.ffffff]]Z`, seconds and fraction optional.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 17, bytes.last == 90, bytes[10] == 84 || bytes[10] == 32,
            let day = LocalDate(String(decoding: bytes[0..<10], as: UTF8.self))
        else { return nil }
        let clock = bytes[11..<(bytes.count - 1)].split(separator: 58, omittingEmptySubsequences: false)
        guard clock.count == 2 || clock.count == 3 else { return nil }
        func number(_ digits: some Collection<UInt8>, digits counts: ClosedRange<Int> = 2...2) -> Int64? {
            guard counts.contains(digits.count), digits.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
            return digits.reduce(Int64(0)) { $0 * 10 + Int64($1 - 48) }
        }
        guard let hour = number(clock[0]), let minute = number(clock[1]), hour < 24, minute < 60 else { return nil }
        var micros = (hour * 60 + minute) * 60_000_000
        if clock.count == 3 {
            let parts = clock[2].split(separator: 46, omittingEmptySubsequences: false)
            guard parts.count <= 2, let second = number(parts[0]), second < 60 else { return nil }
            micros += second * 1_000_000
            if parts.count == 2 {
                guard let fraction = number(parts[1], digits: 1...6) else { return nil }
                micros += fraction * powersOfTen[6 - parts[1].count]
            }
        }
        self.init(microseconds: Int64(day.dayNumber) * 86_400_000_000 + micros)
    }
}
