package import Ledger

/// The buckets of an aging report, in order; every age falls into exactly one.
package struct BucketSet: Hashable, Sendable {
    /// What an age is counted from.
    package enum Basis: String, CaseIterable, Sendable {
        /// The due day: days overdue (逾期天数).
        case due
        /// The issue day of the invoice.
        case invoice
        /// The day the claim was recognised, in calendar months and years (账龄).
        case recognition
    }

    /// The last age of a bucket, inclusive.
    package enum Bound: Hashable, Sendable {
        case days(Int)
        /// The same day so many months after the start (or the last day of a shorter month).
        case months(Int)
    }

    package struct Bucket: Hashable, Sendable {
        /// Stable code, for example `d1_30`; catalogues hold its label.
        package let code: String
        /// Inclusive; `nil` for the last bucket, which has no end.
        package let last: Bound?

        package init(code: String, last: Bound?) {
            self.code = code
            self.last = last
        }
    }

    package let basis: Basis
    package let buckets: [Bucket]

    /// - Returns: `nil` unless bounds rise and the last bucket alone is without end.
    package init?(basis: Basis, buckets: [Bucket]) {
        guard buckets.count >= 2, buckets.count <= 64, buckets.last?.last == nil else { return nil }
        let bounds = buckets.dropLast().map(\.last)
        guard bounds.allSatisfy({ $0.map(Self.isSensible) ?? false }) else { return nil }
        let lengths = bounds.compactMap { $0 }.map(Self.approximateDays)
        guard zip(lengths, lengths.dropFirst()).allSatisfy({ $0 < $1 }) else { return nil }
        self.basis = basis
        self.buckets = buckets
    }

    /// At most a hundred years either way: the table of ages is as long as the longest bound.
    private static func isSensible(_ bound: Bound) -> Bool {
        switch bound {
        case .days(let days): (-36_525...36_525).contains(days)
        case .months(let months): (1...1200).contains(months)
        }
    }

    /// Days of a bound times 100, a month counted as 30.44 days: only to see that bounds rise.
    private static func approximateDays(_ bound: Bound) -> Int {
        switch bound {
        case .days(let days): days * 100
        case .months(let months): months * 3044
        }
    }

    /// The first age of a bucket in the terms of the bound before it; `nil` for the first bucket.
    package func first(of index: Int) -> Bound? {
        guard index > 0, let before = buckets[index - 1].last else { return nil }
        switch before {
        case .days(let days): return .days(days + 1)
        case .months: return before
        }
    }

    /// The bucket of everything that started on `start`, seen on `day`.
    package func index(of start: LocalDate, on day: LocalDate) -> Int {
        for (index, bucket) in buckets.enumerated() {
            switch bucket.last {
            case .days(let days)?: if day.days(since: start) <= days { return index }
            case .months(let months)?: if day <= start.adding(months: months) { return index }
            case nil: return index
            }
        }
        return buckets.count - 1
    }

    /// Buckets by age in days on `day`, so that the kernel looks up instead of comparing.
    ///
    /// Entry `i` is the bucket of age `i + lowest`; ages outside are clamped to the ends.
    package func table(on day: LocalDate) -> BucketTable {
        let longest = buckets.compactMap(\.last).map { bound -> Int in
            switch bound {
            case .days(let days): days + 1
            // A month is at most 31 days long.
            case .months(let months): months * 31 + 1
            }
        }
        let lowest = min(
            -1,
            (buckets.compactMap(\.last).compactMap { if case .days(let days) = $0 { days } else { nil } }.min() ?? 0)
                - 1)
        let highest = max(1, longest.max() ?? 1)
        let entries = (lowest...highest).map { age in
            UInt8(truncatingIfNeeded: index(of: day.adding(days: -age), on: day))
        }
        return BucketTable(lowest: Int32(lowest), entries: entries)
    }

    /// Reads the last ages of all buckets but the endless one: days, or months and years as `6m`, `2y`.
    ///
    /// - Returns: `nil` for anything else than one or more rising ages. The standard ages have the standard codes;
    ///   others are their own labels.
    package init?(basis: Basis, bounds text: String) {
        let words = text.split(separator: ",", omittingEmptySubsequences: false).map { word -> String in
            var trimmed = word.drop { $0 == " " }
            while trimmed.last == " " { trimmed.removeLast() }
            return String(trimmed)
        }
        let bounds = words.compactMap(Self.bound)
        guard !bounds.isEmpty, bounds.count == words.count else { return nil }
        let standard = Self.standard(basis)
        if standard.buckets.dropLast().map(\.last) == bounds {
            self = standard
            return
        }
        var buckets: [Bucket] = []
        for (index, bound) in bounds.enumerated() {
            guard index > 0 else {
                buckets.append(Bucket(code: "≤ \(words[0])", last: bound))
                continue
            }
            // Days are counted from the next one; months meet on the same day.
            var first = words[index - 1]
            if case .days(let days) = bounds[index - 1] { first = "\(days + 1)" }
            buckets.append(Bucket(code: "\(first)–\(words[index])", last: bound))
        }
        buckets.append(Bucket(code: "> \(words[words.count - 1])", last: nil))
        self.init(basis: basis, buckets: buckets)
    }

    private static func bound(_ word: String) -> Bound? {
        if word.hasSuffix("m") { return number(word.dropLast()).map(Bound.months) }
        if word.hasSuffix("y") {
            return number(word.dropLast()).flatMap { (1...100).contains($0) ? .months($0 * 12) : nil }
        }
        return number(word[...]).map(Bound.days)
    }

    /// Digits, and a minus for ages before the start; nothing else that `Int` would take.
    private static func number(_ text: Substring) -> Int? {
        guard text.utf8.allSatisfy({ ($0 >= 48 && $0 <= 57) || $0 == 45 }) else { return nil }
        // A hundred years of days.
        return Int(text).flatMap { (-36_600...36_600).contains($0) ? $0 : nil }
    }

    /// Days overdue: not due, 1–30, 31–60, 61–90, 91–180, 181–365, over 365.
    package static let standardDue = BucketSet(
        trusted: .due,
        [
            ("not_due", .days(0)), ("d1_30", .days(30)), ("d31_60", .days(60)), ("d61_90", .days(90)),
            ("d91_180", .days(180)), ("d181_365", .days(365)), ("over_365", nil),
        ])

    /// Days since the invoice date, in months and years.
    package static let standardInvoice = BucketSet(
        trusted: .invoice,
        [
            ("m0_3", .days(90)), ("m3_6", .days(180)), ("m6_12", .months(12)), ("y1_2", .months(24)),
            ("y2_3", .months(36)), ("over_3y", nil),
        ])

    /// 账龄: by calendar months and years since recognition.
    package static let standardRecognition = BucketSet(
        trusted: .recognition,
        [
            ("m0_6", .months(6)), ("m6_12", .months(12)), ("y1_2", .months(24)), ("y2_3", .months(36)),
            ("y3_4", .months(48)), ("y4_5", .months(60)), ("over_5y", nil),
        ])

    package static func standard(_ basis: Basis) -> BucketSet {
        switch basis {
        case .due: standardDue
        case .invoice: standardInvoice
        case .recognition: standardRecognition
        }
    }

    private init(trusted basis: Basis, _ buckets: [(String, Bound?)]) {
        self.basis = basis
        self.buckets = buckets.map { Bucket(code: $0.0, last: $0.1) }
    }
}

/// Bucket numbers by age in days; see `BucketSet.table(on:)`.
package struct BucketTable: Sendable {
    let lowest: Int32
    let entries: [UInt8]

    /// The bucket of an age in days.
    package func bucket(ofAge age: Int32) -> Int {
        let index = min(max(Int(age) - Int(lowest), 0), entries.count - 1)
        return Int(entries[index])
    }
}
