internal import Database
package import Ledger
package import OpenItems
internal import Receivables

/// The aging of open items as of any day, known at any act (spec 04, 4.3).
package struct AgingReport: Sendable {
    package enum Dimension: String, CaseIterable, Sendable {
        case customer, group, owner, collector, currency, kind, size, industry, entity, contract, product
    }

    package struct Request: Sendable {
        package var asOf: LocalDate
        package var knownAt = KnownAt.now
        package var buckets: BucketSet
        /// One dimension, or two that are crossed.
        package var dimensions: [Dimension] = [.customer]
        /// Takes today's attributes instead of those in force at `asOf`.
        package var usesTodaysAttributes = false
        /// Only these customers' codes; empty for all.
        package var customers: Set<String> = []
        package var currency: Currency?
        /// Who asks: only customers in their data scope count. `nil` counts all.
        package var viewer: Viewer?

        package init(asOf: LocalDate, buckets: BucketSet) {
            self.asOf = asOf
            self.buckets = buckets
        }
    }

    /// Amounts in minor units of `currency`.
    package struct Row: Sendable {
        /// By dimension: the customer's code, the owner's e-mail, …
        package let keys: [String]
        /// What each dimension's part is called: a person's name, a customer's; a code where there is no name.
        package let names: [String]
        package let currency: Currency
        package let buckets: [Int128]
        package let unapplied: Int128

        package init(
            keys: [String], names: [String], currency: Currency, buckets: [Int128], unapplied: Int128
        ) {
            self.keys = keys
            self.names = names
            self.currency = currency
            self.buckets = buckets
            self.unapplied = unapplied
        }

        /// Crossed keys are joined by ` / `.
        package var key: String { keys.joined(separator: " / ") }
        package var name: String { names.joined(separator: " / ") }
        package var open: Int128 { buckets.reduce(0, +) }
    }

    /// The report's own proof, per currency: buckets, open items and the ledger's accounts must agree.
    package struct Proof: Sendable {
        package let currency: Currency
        package let buckets: Int128
        package let control: Int128
        package let unapplied: Int128
        package let waiting: Int128

        package var holds: Bool { buckets == control && unapplied == waiting }
    }

    /// The weight of the largest debtors in one currency.
    package struct Concentration: Sendable {
        package let currency: Currency
        /// Share of the ten largest, in hundredths of a per cent.
        package let topTen: Int
        /// Herfindahl-Hirschman index: the sum of squared shares, times 10,000.
        package let index: Int
    }

    package let asOf: LocalDate
    package let known: KnownAt.State
    package let buckets: BucketSet
    package let dimensions: [Dimension]
    package let rows: [Row]
    package let totals: [Row]
    /// Empty when only some customers were asked for.
    package let proof: [Proof]
    package let company: CompanySettings
    /// What the report was narrowed to, as it was asked for; empty for everything.
    package let filters: [String]
    /// How much of the open amount is owed by few (spec 04, 4.3); for reports by customer or group.
    package let concentration: [Concentration]
    /// Totals in the functional currency at the as-of rate, and the currencies that have none.
    package let translated: (total: Row?, missing: [Currency], rates: [(currency: Currency, rateE8: Int64)])
    /// Rows with something in them: the company's currency first, within a currency the largest open amounts.
    package let ranked: [Row]
    /// Of each currency the three rows that are overdue most.
    package let worst: [Row]

    /// - Throws: `Refusal` for an unknown act, customer or more than two dimensions.
    package static func make(_ request: Request, in store: Store) throws -> AgingReport {
        try store.read { session in
            func made() throws -> AgingReport {
                let picture = try store.picture.current(in: session, imagePath: store.imagePath)
                return try AgingBuilder(request, session, picture, store).report()
            }
            guard request.customers.isEmpty else { return try made() }
            let known = try request.knownAt.state(in: session)
            let parts = [
                "aging", "\(request.asOf)", "\(known.isNow)", "\(known.act)", request.buckets.cacheKey,
                request.dimensions.map(\.rawValue).joined(separator: "+"), "\(request.usesTodaysAttributes)",
                request.currency?.code ?? "", request.viewer?.scopeKey ?? "all",
            ]
            return try store.outlooks.reports.report(
                parts.joined(separator: "|"), act: ActRepository(session: session).head().lastAct, made)
        }
    }
}

extension AgingReport {
    /// An open item behind a figure.
    package struct Item: Sendable {
        package let number: String
        /// The code of the entity whose claim it is.
        package let entity: String
        package let customer: String
        package let customerName: String
        /// In force on the report's day.
        package let dueDay: LocalDate
        package let issueDay: LocalDate
        package let open: Money
    }

    /// The items that one figure of the report is made of.
    package struct Behind: Sendable {
        /// The largest first.
        package let items: [Item]
        package let count: Int
        /// What the row is called, by dimension; empty for all rows.
        package let names: [String]
        /// Of all of them, in minor units.
        package let sums: [(currency: Currency, open: Int128)]
    }

    /// The open items behind one figure: of one row or of all, in one bucket or in all.
    ///
    /// - Parameter keys: A value for each dimension of the request, as `Row.keys` has them; `nil` for all rows.
    /// - Throws: `Refusal` for an unknown act.
    package static func behind(
        _ request: Request, keys: [String]?, bucket: Int?, limit: Int, in store: Store
    ) throws -> Behind {
        try store.read { session in
            let picture = try store.picture.current(in: session, imagePath: store.imagePath)
            return try AgingBuilder(request, session, picture, store).behind(keys, bucket, limit)
        }
    }
}

/// Puts a report together: sums from the picture, names and proof from the store.
private struct AgingBuilder {
    let request: AgingReport.Request
    let session: any SQLSession
    let picture: OpenItems
    let known: KnownAt.State
    let attributes: CustomerAttributes
    let people: PersonKeys
    /// As they are now, for the data scope.
    let present: CustomerAttributes
    let names: PersonNames
    let company: CompanySettings
    /// Entities' codes.
    let entities: [Int64: String]

    init(
        _ request: AgingReport.Request, _ session: any SQLSession, _ picture: OpenItems, _ store: Store
    ) throws {
        self.request = request
        self.session = session
        self.picture = picture
        known = try request.knownAt.state(in: session)
        let attributeDay = request.usesTodaysAttributes ? LocalDate(dayNumber: 1_000_000) : request.asOf
        let parts = try store.outlooks.parts(in: session)
        // Mostly what is in force now was in force on the day.
        attributes =
            known.isNow && parts.attributes.isValid(from: attributeDay, through: LocalDate(dayNumber: 1_000_000))
            ? parts.attributes : try CustomerAttributes(session, on: attributeDay, knownFact: known.lastFact)
        people = parts.people
        present = parts.attributes
        names = parts.names
        company = try CompanySettings.load(in: session)
        entities = Dictionary(
            uniqueKeysWithValues: try session.rows("SELECT id, code FROM entity").map { ($0.integer(0), $0.text(1)) })
    }

    private var query: OpenItems.Query {
        OpenItems.Query(
            asOf: request.asOf, knownFact: known.isNow ? .max : known.lastFact, buckets: request.buckets)
    }

    func report() throws -> AgingReport {
        guard request.dimensions.count == 1 || request.dimensions.count == 2 else {
            throw Refusal(
                .dimensionUnknown,
                ["known": .text(AgingReport.Dimension.allCases.map(\.rawValue).joined(separator: ", "))])
        }
        let wanted = try wantedDebtors()
        let rows = try makeRows(wanted)
        let totals = Self.totals(rows, width: request.buckets.buckets.count)
        return AgingReport(
            asOf: request.asOf, known: known, buckets: request.buckets, dimensions: request.dimensions, rows: rows,
            totals: totals, proof: request.customers.isEmpty && !isScoped ? try proof(totals) : [], company: company,
            filters: request.customers.sorted() + [request.currency?.code].compactMap { $0 },
            concentration: concentration(rows), translated: try translated(totals), ranked: ranked(rows),
            worst: Self.worst(rows))
    }

    private func ranked(_ rows: [AgingReport.Row]) -> [AgingReport.Row] {
        let base = company.currency
        let ranks = rows.filter { $0.open != 0 || $0.unapplied != 0 }.map { (row: $0, open: $0.open) }
        return ranks.sorted { left, right in
            if left.row.currency != right.row.currency {
                if left.row.currency == base || right.row.currency == base { return left.row.currency == base }
                return left.row.currency < right.row.currency
            }
            return left.open != right.open ? left.open > right.open : left.row.key < right.row.key
        }.map(\.row)
    }

    private static func worst(_ rows: [AgingReport.Row]) -> [AgingReport.Row] {
        var tops: [Currency: TopList<(row: AgingReport.Row, overdue: Int128)>] = [:]
        for row in rows {
            let overdue = row.buckets.dropFirst().reduce(0, +)
            guard overdue > 0 else { continue }
            tops[row.currency, default: TopList(3) { $0.overdue > $1.overdue }].add((row, overdue))
        }
        return tops.values.flatMap { $0.sorted().map(\.row) }
    }

    /// Whether each debtor is asked for.
    private func wantedDebtors() throws -> [Bool] {
        guard !request.customers.isEmpty || request.currency != nil || isScoped else {
            return [Bool](repeating: true, count: picture.debtors.count)
        }
        var ids: Set<Int64> = []
        let byCode = Dictionary(attributes.byID.map { ($1.code, $0) }) { first, _ in first }
        for code in request.customers {
            guard let id = byCode[code] else { throw Refusal(.customerUnknown, ["customer": .text(code)]) }
            ids.insert(id)
        }
        return picture.debtors.map { debtor in
            sees(debtor.customer) && (ids.isEmpty || ids.contains(debtor.customer))
                && (request.currency == nil || request.currency == debtor.currency)
        }
    }

    private var isScoped: Bool { !(request.viewer?.seesAll ?? true) }

    private func sees(_ customer: Int64) -> Bool { present.isSeen(customer, by: request.viewer) }

    /// Whether something of a row is in the data scope: a person's or product's name is everybody's, a customer's isn't.
    private func viewerSeesRow(_ key: OpenItems.Key, _ rows: [Int32], _ wanted: [Bool]) -> Bool {
        guard isScoped, case .debtor = key else { return true }
        return rows.contains { wanted[Int($0)] }
    }

    func behind(_ keys: [String]?, _ bucket: Int?, _ limit: Int) throws -> AgingReport.Behind {
        let wanted = try wantedDebtors()
        var filters: [(key: OpenItems.Key, rows: Set<Int32>)] = []
        var called: [String] = []
        if let keys, keys.count == request.dimensions.count {
            for (part, asked) in zip(try crossKeys(), keys) {
                let rows = part.labels.indices.filter { part.labels[$0].key == asked }.map(Int32.init)
                filters.append((part.key, Set(rows)))
                // What nobody here may see has no name either.
                let isSeen = viewerSeesRow(part.key, rows, wanted)
                called.append(isSeen ? rows.first.map { part.labels[Int($0)].name } ?? asked : asked)
            }
        }
        let found = picture.openItems(query, of: filters, where: wanted, bucket: bucket, limit: limit)
        var numbers: [Int64: (number: String, issueDay: LocalDate, entity: String)] = [:]
        try session.rows(
            about: found.items.map { .integer(picture.fact(of: $0.item)) }, [],
            {
                """
                SELECT i.id, v.number, v.issue_day, e.code FROM item i JOIN invoice v ON v.id = i.invoice
                  JOIN entity e ON e.id = v.entity WHERE i.id IN (\($0))
                """
            },
            visit: { numbers[$0.integer(0)] = ($0.text(1), LocalDate(dayNumber: Int($0.integer(2))), $0.text(3)) })
        let items = found.items.map { entry in
            let debtor = picture.debtors[entry.debtor]
            let customer = attributes[debtor.customer]
            let (number, issueDay, entity) = numbers[picture.fact(of: entry.item)] ?? ("", request.asOf, "main")
            return AgingReport.Item(
                number: number, entity: entity, customer: customer?.code ?? "", customerName: customer?.name ?? "",
                dueDay: LocalDate(dayNumber: Int(entry.due)), issueDay: issueDay,
                open: Money(minorUnits: entry.open, currency: debtor.currency))
        }
        return AgingReport.Behind(
            items: items, count: found.count, names: called,
            sums: found.sums.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }

    private func concentration(_ rows: [AgingReport.Row]) -> [AgingReport.Concentration] {
        guard request.dimensions == [.customer] || request.dimensions == [.group] else { return [] }
        return Dictionary(grouping: rows, by: \.currency).sorted { $0.key < $1.key }.compactMap { currency, rows in
            let amounts = rows.map(\.open).filter { $0 > 0 }.sorted(by: >)
            let total = amounts.reduce(0, +)
            guard total > 0 else { return nil }
            // Shares in millionths, so that a thousand debtors' squares still add up well.
            let shares = amounts.map { $0 * 1_000_000 / total }
            return AgingReport.Concentration(
                currency: currency, topTen: Int(amounts.prefix(10).reduce(0, +) * 10_000 / total),
                index: Int(shares.reduce(Int128(0)) { $0 + $1 * $1 } / 100_000_000))
        }
    }

    private struct RowKey: Hashable {
        let texts: [String]
        let currency: Currency
    }

    private func makeRows(_ wanted: [Bool]) throws -> [AgingReport.Row] {
        let width = request.buckets.buckets.count
        var sums: [RowKey: (buckets: [Int128], unapplied: Int128, names: [String])] = [:]
        func add(
            _ keys: [String], _ names: [String], _ currency: Currency, _ buckets: some Sequence<Int128>,
            _ unapplied: Int128
        ) {
            let rowKey = RowKey(texts: keys, currency: currency)
            var row = sums[rowKey] ?? ([Int128](repeating: 0, count: width), 0, names)
            for (index, amount) in buckets.enumerated() { row.buckets[index] += amount }
            row.unapplied += unapplied
            sums[rowKey] = row
        }
        let isByDebtor = request.dimensions.allSatisfy { ![.owner, .contract, .product].contains($0) }
        if isByDebtor {
            let aging = picture.aging(query)
            for (index, debtor) in picture.debtors.enumerated() where wanted[index] {
                let row = aging.row(index)
                let unapplied = aging.unapplied[index]
                guard unapplied != 0 || row.contains(where: { $0 != 0 }) else { continue }
                let (keys, names) = try label(debtor)
                add(keys, names, debtor.currency, row, unapplied)
            }
        } else {
            try addCrossed(wanted, add)
        }
        return sums.map { key, row in
            AgingReport.Row(
                keys: key.texts, names: row.names, currency: key.currency, buckets: row.buckets,
                unapplied: row.unapplied)
        }.sorted { ($0.key, $0.currency) < ($1.key, $1.currency) }
    }

    /// Rows finer than a debtor: the invoice's own owner, contract or product line. Unapplied money has
    /// none of these; it stands with its customer's owner, or in a row without a key.
    private func addCrossed(
        _ wanted: [Bool], _ add: ([String], [String], Currency, [Int128], Int128) -> Void
    ) throws {
        let parts = try crossKeys()
        let labels = parts.map(\.labels)
        let width = request.buckets.buckets.count
        for (key, amounts) in picture.aging(query, by: parts.map(\.key), where: wanted) {
            let row = [labels[0][Int(key.first)]] + (labels.count > 1 ? [labels[1][Int(key.second)]] : [])
            add(row.map(\.key), row.map(\.name), key.currency, amounts, 0)
        }
        let unapplied = picture.unapplied(query)
        for (index, debtor) in picture.debtors.enumerated() where wanted[index] && unapplied[index] != 0 {
            let parts = try request.dimensions.map { dimension -> (key: String, name: String) in
                switch dimension {
                case .owner:
                    return person(attributes[debtor.customer]?.salesOwner)
                case .contract, .product: return ("", "")
                default: return try label(debtor, dimension)
                }
            }
            add(
                parts.map(\.key), parts.map(\.name), debtor.currency, [Int128](repeating: 0, count: width),
                unapplied[index])
        }
    }

    /// How items fall into rows, by dimension: the key by which the picture sums, and what its values are called.
    private func crossKeys() throws -> [(key: OpenItems.Key, labels: [(key: String, name: String)])] {
        try request.dimensions.map { dimension in
            switch dimension {
            case .owner:
                var texts: [String: Int32] = [:]
                var list: [(key: String, name: String)] = []
                func code(_ person: Int64?) -> Int32 {
                    let text = people[person] ?? ""
                    if let known = texts[text] { return known }
                    texts[text] = Int32(list.count)
                    list.append((text, names[person] ?? text))
                    return Int32(list.count - 1)
                }
                let ofOwner = picture.owners.map { code($0 == 0 ? nil : $0) }
                let ofDebtor = picture.debtors.map { code(attributes[$0.customer]?.salesOwner) }
                return (.owner(ofOwner, elseDebtor: ofDebtor), list)
            case .contract: return (.contract, picture.contracts.map { ($0, $0) })
            case .product: return (.productLine, picture.productLines.map { ($0, $0) })
            default:
                return (
                    .debtor(picture.debtors.indices.map(Int32.init)),
                    try picture.debtors.map { try label($0, dimension) }
                )
            }
        }
    }

    private func person(_ id: Int64?) -> (key: String, name: String) {
        let key = people[id] ?? ""
        return (key, names[id] ?? key)
    }

    private func label(_ debtor: OpenItems.Debtor) throws -> (keys: [String], names: [String]) {
        let parts = try request.dimensions.map { try label(debtor, $0) }
        return (parts.map(\.key), parts.map(\.name))
    }

    private func label(_ debtor: OpenItems.Debtor, _ dimension: AgingReport.Dimension) throws -> (
        key: String, name: String
    ) {
        let entry = attributes[debtor.customer]
        func twice(_ text: String?) -> (key: String, name: String) { (text ?? "", text ?? "") }
        switch dimension {
        case .customer: return (entry?.code ?? "", entry?.name ?? "")
        case .group:
            // A customer without a parent is its own group.
            let top = attributes[attributes.groupTop(of: debtor.customer)]
            return (top?.code ?? "", top?.name ?? "")
        case .collector: return person(entry?.collector)
        case .currency: return twice(debtor.currency.code)
        case .kind: return twice(entry?.kind?.name)
        case .size: return twice(entry?.size?.name)
        case .industry: return twice(entry?.industry)
        case .entity:
            return twice(entities[debtor.entity])
        case .owner: return person(entry?.salesOwner)
        case .contract, .product: return twice("")
        }
    }

    private static func totals(_ rows: [AgingReport.Row], width: Int) -> [AgingReport.Row] {
        let byCurrency = Dictionary(grouping: rows, by: \.currency)
        return byCurrency.keys.sorted().map { currency in
            var sums = [Int128](repeating: 0, count: width)
            var unapplied: Int128 = 0
            for row in byCurrency[currency] ?? [] {
                for index in sums.indices { sums[index] += row.buckets[index] }
                unapplied += row.unapplied
            }
            return AgingReport.Row(keys: [], names: [], currency: currency, buckets: sums, unapplied: unapplied)
        }
    }

    /// The ledger's side: the control account, and where unapplied money waits.
    private func proof(_ totals: [AgingReport.Row]) throws -> [AgingReport.Proof] {
        let ledger = known.isNow ? nil : try LedgerBalances.read(session, asOf: request.asOf, knownFact: known.lastFact)
        func balances(_ account: AccountRole) -> [Currency: Int128] {
            ledger?[account] ?? (ledger == nil ? picture.balances(of: account, on: request.asOf) : [:])
        }
        let control = balances(.receivable)
        let waiting = [AccountRole.unapplied, .suspense, .advance].map(balances)
        let currencies = Set(totals.map(\.currency)).union(control.filter { $0.value != 0 }.keys)
        return currencies.sorted().filter { request.currency == nil || request.currency == $0 }.map { currency in
            let total = totals.first { $0.currency == currency }
            return AgingReport.Proof(
                currency: currency, buckets: total?.open ?? 0, control: control[currency] ?? 0,
                unapplied: total?.unapplied ?? 0, waiting: -waiting.reduce(0) { $0 + ($1[currency] ?? 0) })
        }
    }

    private func translated(_ totals: [AgingReport.Row]) throws -> (
        AgingReport.Row?, [Currency], [(currency: Currency, rateE8: Int64)]
    ) {
        guard totals.contains(where: { $0.currency != company.currency }) else { return (nil, [], []) }
        var sums = [Int128](repeating: 0, count: request.buckets.buckets.count)
        var unapplied: Int128 = 0
        var missing: [Currency] = []
        var rates: [(currency: Currency, rateE8: Int64)] = []
        for row in totals {
            guard
                let rate = try RateRepository.rate(
                    from: row.currency, to: company.currency, on: request.asOf, knownFact: known.lastFact,
                    in: session)
            else {
                missing.append(row.currency)
                continue
            }
            if row.currency != company.currency { rates.append((row.currency, rate)) }
            func inBase(_ amount: Int128) -> Int128 {
                // minor units: amount × rate / 10⁸ × 10^(exponents' difference), half away from zero
                let numerator = amount * Int128(rate) * Int128(company.currency.minorUnitsPerUnit)
                let denominator = Int128(100_000_000) * Int128(row.currency.minorUnitsPerUnit)
                return (numerator + (numerator < 0 ? -denominator / 2 : denominator / 2)) / denominator
            }
            for index in sums.indices { sums[index] += inBase(row.buckets[index]) }
            unapplied += inBase(row.unapplied)
        }
        let row = AgingReport.Row(keys: [], names: [], currency: company.currency, buckets: sums, unapplied: unapplied)
        // A sum that leaves a currency out would be taken for the whole.
        return (missing.isEmpty ? row : nil, missing, rates)
    }
}
