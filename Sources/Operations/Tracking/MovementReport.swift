internal import Database
package import Formats
package import Ledger
package import OpenItems
internal import Receivables

/// What moved open items between two days, by bucket and currency (spec 04, 4.3).
package struct MovementReport: Sendable {
    package let from: LocalDate
    package let to: LocalDate
    package let known: KnownAt.State
    package let buckets: BucketSet
    package let movements: [(currency: Currency, movement: OpenItems.Movement)]

    /// From the end of one day to the end of another.
    ///
    /// - Parameter viewer: Who asks: only customers in their data scope count. `nil` counts all.
    /// - Throws: `Refusal` `day.range-backwards`, `act.unknown`.
    package static func make(
        from: LocalDate, to: LocalDate, knownAt: KnownAt, buckets: BucketSet, as viewer: Viewer? = nil, in store: Store
    ) throws -> MovementReport {
        guard from <= to else { throw Refusal(.dayRangeBackwards) }
        return try store.read { session in
            let known = try knownAt.state(in: session)
            let key =
                "movement|\(from)|\(to)|\(known.isNow)|\(known.act)|\(buckets.cacheKey)|\(viewer?.scopeKey ?? "all")"
            return try store.outlooks.figures.report(key, act: ActRepository(session: session).head().lastAct) {
                let picture = try store.picture.current(in: session, imagePath: store.imagePath)
                let movements = picture.movement(
                    after: from, through: to, knownFact: known.isNow ? .max : known.lastFact, buckets,
                    where: try wanted(by: viewer, picture, session, store))
                return MovementReport(
                    from: from, to: to, known: known, buckets: buckets,
                    movements: movements.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
            }
        }
    }

    /// Which debtors somebody sees; `nil` for all.
    static func wanted(by viewer: Viewer?, _ picture: OpenItems, _ session: any SQLSession, _ store: Store) throws
        -> [Bool]?
    {
        guard let viewer, !viewer.seesAll else { return nil }
        let present = try store.outlooks.parts(in: session).attributes
        return picture.debtors.map { present.isSeen($0.customer, by: viewer) }
    }

    /// The lines of a movement: code and amounts by bucket, reductions negative.
    private static func lines(_ movement: OpenItems.Movement) -> [(code: String, amounts: [Int128])] {
        let none = [Int128](repeating: 0, count: movement.opening.count)
        var byCode: [String: [Int128]] = [:]
        for (kind, amounts) in movement.settled {
            let name: String
            switch Credit.Kind(rawValue: Int64(kind)) {
            case .receipt?: name = "receipt"
            case .creditNote?: name = "credit_note"
            case .correction?: name = "correction"
            default: name = "other"
            }
            byCode[name] = zip(byCode[name] ?? none, amounts).map { $0 - $1 }
        }
        let settled = ["receipt", "credit_note", "correction", "other"].compactMap { code in
            byCode[code].map { (code: code, amounts: $0) }
        }
        return [("opening", movement.opening), ("added", movement.added)] + settled
            + [("rolled", movement.rolled), ("closing", movement.closing)]
    }

    package func json(_ catalogue: Catalogue) -> JSONValue {
        .object([
            "from": .string("\(from)"), "asOf": .string("\(to)"), "knownAt": .string("\(known.instant)"),
            "act": .string("\(known.act)"), "basis": .string(buckets.basis.rawValue),
            "buckets": .array(buckets.buckets.map { .string($0.code) }),
            "movements": .array(
                movements.map { currency, movement in
                    func decimal(_ amount: Int128) -> JSONValue {
                        .string(Money.decimal(of: amount, exponent: currency.exponent))
                    }
                    return .object([
                        "currency": .string(currency.code),
                        "rows": .array(
                            Self.lines(movement).map { line in
                                .object([
                                    "code": .string(line.code), "total": decimal(line.amounts.reduce(0, +)),
                                    "buckets": .array(line.amounts.map(decimal)),
                                ])
                            }),
                    ])
                }),
        ])
    }

    package func table(_ catalogue: Catalogue) -> ReportTable {
        let title = catalogue.text(.movementTitle, ["from": .day(from), "to": .day(to)])
        let knownText = catalogue.text(
            .agingKnownAt, ["act": .text("\(known.act)"), "instant": .text("\(known.instant)")])
        var columns = [
            ReportTable.Column(catalogue.text(.movementRow), .text),
            ReportTable.Column(catalogue.text(.agingCurrency), .text),
            ReportTable.Column(catalogue.text(.agingTotal), .amount),
        ]
        columns += buckets.buckets.map { ReportTable.Column(catalogue.label(of: $0), .amount) }
        let rows = movements.flatMap { currency, movement in
            Self.lines(movement).map { line -> [ReportTable.Cell] in
                [
                    .text(catalogue.text("movement.\(line.code)")), .text(currency.code),
                    .amount(line.amounts.reduce(0, +), exponent: currency.exponent),
                ] + line.amounts.map { .amount($0, exponent: currency.exponent) }
            }
        }
        return ReportTable(title: title, notes: [knownText], columns: columns, rows: rows, footer: knownText)
    }
}

/// The same aging at the last thirteen month ends, and how much rolled on from one bucket into the next.
package struct TrendReport: Sendable {
    package struct Row: Sendable {
        package let day: LocalDate
        package let currency: Currency
        package let buckets: [Int128]
        package let unapplied: Int128

        package init(day: LocalDate, currency: Currency, buckets: [Int128], unapplied: Int128) {
            self.day = day
            self.currency = currency
            self.buckets = buckets
            self.unapplied = unapplied
        }
    }

    /// The share of a bucket that stood in the next one a month later, over the year, in hundredths of a per cent.
    package struct RollRate: Sendable {
        package let currency: Currency
        package let from: BucketSet.Bucket
        package let to: BucketSet.Bucket
        package let rate: Int
    }

    package let known: KnownAt.State
    package let buckets: BucketSet
    package let rows: [Row]
    package let rollRates: [RollRate]

    package static func make(
        upTo day: LocalDate, knownAt: KnownAt, buckets: BucketSet, as viewer: Viewer? = nil, in store: Store
    ) throws -> TrendReport {
        try store.read { session in
            let known = try knownAt.state(in: session)
            let key = "trend|\(day)|\(known.isNow)|\(known.act)|\(buckets.cacheKey)|\(viewer?.scopeKey ?? "all")"
            return try store.outlooks.figures.report(key, act: ActRepository(session: session).head().lastAct) {
                let picture = try store.picture.current(in: session, imagePath: store.imagePath)
                let wanted = try MovementReport.wanted(by: viewer, picture, session, store)
                var earliest: [Int64: Int32] = [:]
                func earliestChange(_ fact: Int64) -> Int32 {
                    if let known = earliest[fact] { return known }
                    let day = picture.earliestDay(afterFact: fact)
                    earliest[fact] = day
                    return day
                }
                let rows = monthEnds(upTo: day).flatMap { monthEnd -> [Row] in
                    func made() -> [Row] {
                        sums(
                            picture,
                            OpenItems.Query(
                                asOf: monthEnd, knownFact: known.isNow ? .max : known.lastFact, buckets: buckets),
                            where: wanted)
                    }
                    guard known.isNow, wanted == nil else { return made() }
                    return store.outlooks.months.rows(
                        buckets.cacheKey, monthEnd, picture, earliestChange: earliestChange, made)
                }
                return TrendReport(known: known, buckets: buckets, rows: rows, rollRates: rollRates(rows, buckets))
            }
        }
    }

    /// The last thirteen ends of months up to a day, the earliest first.
    static func monthEnds(upTo day: LocalDate) -> [LocalDate] {
        var ends: [LocalDate] = []
        let next = day.adding(days: 1).parts
        guard var first = LocalDate(year: next.year, month: next.month, day: 1) else { return [] }
        while ends.count < 13 {
            ends.append(first.adding(days: -1))
            let parts = first.adding(days: -1).parts
            guard let before = LocalDate(year: parts.year, month: parts.month, day: 1) else { break }
            first = before
        }
        return ends.reversed()
    }

    private static func sums(_ picture: OpenItems, _ query: OpenItems.Query, where wanted: [Bool]?) -> [Row] {
        let aging = picture.aging(query)
        let none = [Int128](repeating: 0, count: query.buckets.buckets.count)
        var sums: [Currency: (buckets: [Int128], unapplied: Int128)] = [:]
        for (index, debtor) in picture.debtors.enumerated() where wanted?[index] ?? true {
            let before = sums[debtor.currency] ?? (none, 0)
            sums[debtor.currency] = (
                zip(before.buckets, aging.row(index)).map { $0 + $1 }, before.unapplied + aging.unapplied[index]
            )
        }
        return sums.sorted { $0.key < $1.key }.map {
            Row(day: query.asOf, currency: $0.key, buckets: $0.value.buckets, unapplied: $0.value.unapplied)
        }
    }

    private static func rollRates(_ rows: [Row], _ buckets: BucketSet) -> [RollRate] {
        Dictionary(grouping: rows, by: \.currency).sorted { $0.key < $1.key }.flatMap { currency, rows in
            (0..<buckets.buckets.count - 1).compactMap { bucket -> RollRate? in
                let before = rows.dropLast().reduce(Int128(0)) { $0 + $1.buckets[bucket] }
                let after = rows.dropFirst().reduce(Int128(0)) { $0 + $1.buckets[bucket + 1] }
                guard before > 0 else { return nil }
                // Flow rate: what is in the next bucket a month later. More than all of it can't have rolled on: the rest
                // came due between two month ends, or was there already where a bucket is wider than a month.
                let rate = min(10_000, (after * 20_000 + before) / (before * 2))
                return RollRate(
                    currency: currency, from: buckets.buckets[bucket], to: buckets.buckets[bucket + 1],
                    rate: Int(rate))
            }
        }
    }

    package func json(_ catalogue: Catalogue) -> JSONValue {
        .object([
            "knownAt": .string("\(known.instant)"), "act": .string("\(known.act)"),
            "buckets": .array(buckets.buckets.map { .string($0.code) }),
            "items": .array(
                rows.map { row in
                    func decimal(_ amount: Int128) -> JSONValue {
                        .string(Money.decimal(of: amount, exponent: row.currency.exponent))
                    }
                    return .object([
                        "asOf": .string("\(row.day)"), "currency": .string(row.currency.code),
                        "open": decimal(row.buckets.reduce(0, +)), "buckets": .array(row.buckets.map(decimal)),
                        "unapplied": decimal(row.unapplied),
                    ])
                }),
            "rollRates": .array(
                rollRates.map { rate in
                    .object([
                        "currency": .string(rate.currency.code), "from": .string(rate.from.code),
                        "to": .string(rate.to.code), "percent": .string(AgingReport.percent(rate.rate)),
                    ])
                }),
        ])
    }

    package func table(_ catalogue: Catalogue) -> ReportTable {
        let lines = Dictionary(grouping: rollRates, by: \.currency).sorted { $0.key < $1.key }.map { currency, rates in
            let text = rates.map { rate in
                "\(catalogue.label(of: rate.from)) → \(catalogue.label(of: rate.to)) \(AgingReport.percent(rate.rate)) %"
            }
            return catalogue.text(
                .trendRoll, ["currency": .text(currency.code), "rates": .text(text.joined(separator: " · "))])
        }
        return Self.table(catalogue.text(.trendTitle), rows, buckets, lines, catalogue)
    }

    /// Figures by day and currency.
    package static func table(
        _ title: String, _ rows: [Row], _ buckets: BucketSet, _ lines: [String], _ catalogue: Catalogue
    ) -> ReportTable {
        var columns = [
            ReportTable.Column(catalogue.text(.columnDay), .day),
            ReportTable.Column(catalogue.text(.agingCurrency), .text),
            ReportTable.Column(catalogue.text(.agingOpen), .amount),
        ]
        columns += buckets.buckets.map { ReportTable.Column(catalogue.label(of: $0), .amount) }
        columns.append(ReportTable.Column(catalogue.text(.agingUnapplied), .amount))
        return ReportTable(
            title: title, columns: columns,
            // A currency that nobody owes anything in at a month's end has no line of dashes for it.
            rows: rows.filter { $0.unapplied != 0 || $0.buckets.contains { $0 != 0 } }.map {
                row -> [ReportTable.Cell] in
                let exponent = row.currency.exponent
                return [
                    .day(row.day), .text(row.currency.code), .amount(row.buckets.reduce(0, +), exponent: exponent),
                ] + row.buckets.map { .amount($0, exponent: exponent) } + [.amount(row.unapplied, exponent: exponent)]
            }, proof: lines)
    }
}
