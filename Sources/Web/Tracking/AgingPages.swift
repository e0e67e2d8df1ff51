internal import Formats
internal import Foundation
internal import Ledger
internal import OpenItems
internal import Operations
internal import Receivables

/// Who owes us, how late, how bad (账龄分析), with movement and trend.
enum AgingPages {
    static let routes: [Route] = [
        Route(.get, "/aging", .permission(.seeAging), show), Route(.get, "/aging/items", .permission(.seeAging), items),
    ]

    /// What the address asks for.
    private struct Question: Sendable {
        var asOf: LocalDate
        var knownAt: KnownAt
        var basis: BucketSet.Basis
        var by: AgingReport.Dimension
        var cross: AgingReport.Dimension?
        var inTenThousands: Bool
        var skip: Int
        var refusal: Refusal?
        var from: LocalDate?

        var dimensions: [AgingReport.Dimension] { [by] + [cross].compactMap { $0 } }
    }

    private static let pageSize = 60
    private static let mostItems = 200

    private static func question(_ asking: Asking) -> Question {
        var question = Question(
            asOf: asking.day("asOf") ?? asking.today, knownAt: .now,
            basis: BucketSet.Basis(rawValue: asking.query["basis"]) ?? .due,
            by: AgingReport.Dimension(rawValue: asking.query["by"]) ?? .customer,
            cross: AgingReport.Dimension(rawValue: asking.query["cross"]),
            inTenThousands: asking.query["unit"] == "wan", skip: asking.skipped)
        if !asking.query["knownAt"].isEmpty {
            do { question.knownAt = try KnownAt(asking.query["knownAt"], in: asking.site.company) } catch {
                question.refusal = error
            }
        }
        if question.cross == question.by { question.cross = nil }
        question.from = asking.day("from")
        return question
    }

    private struct Content: Sendable {
        let report: AgingReport
        let movement: MovementReport?
        let trend: TrendReport?
    }

    @Sendable private static func show(_ asking: Asking) async throws -> Reply {
        let question = question(asking)
        let viewer = asking.viewer
        let store = asking.store
        try viewer.need(.seeAging)
        // Figures of another day than the one asked for would be taken for it.
        if let refusal = question.refusal { return unreadable(asking, question, refusal) }
        let isFile = !asking.query["format"].isEmpty
        let content = try await asking.work {
            var request = AgingReport.Request(
                asOf: question.asOf, buckets: try Policies.buckets(question.basis, on: question.asOf, in: store))
            request.knownAt = question.knownAt
            request.dimensions = question.dimensions
            request.viewer = viewer
            let report = try AgingReport.make(request, in: store)
            guard !isFile else { return Content(report: report, movement: nil, trend: nil) }
            let from = question.from ?? question.asOf.startOfMonth.adding(days: -1)
            let movement = try MovementReport.make(
                from: min(from, question.asOf), to: question.asOf, knownAt: question.knownAt, buckets: request.buckets,
                as: viewer, in: store)
            let trend = try TrendReport.make(
                upTo: question.asOf, knownAt: question.knownAt, buckets: request.buckets, as: viewer, in: store)
            return Content(report: report, movement: movement, trend: trend)
        }
        if isFile {
            let table = content.report.table(asking.w.catalogue)
            if let file = try await Parts(asking).file(table, name: asking.w(.navAging)) { return file }
        }
        return AgingPage(asking: asking, question: question, content: content).reply
    }

    /// The page without figures: what was asked for can't be understood.
    private static func unreadable(_ asking: Asking, _ question: Question, _ refusal: Refusal) -> Reply {
        let parts = Parts(asking)
        return Layout(asking).page(
            asking.w(.navAging), at: .aging, status: 422,
            """
            \(parts.head(asking.w(.navAging)))\(parts.callout(HTML(asking.w.message(refusal)), isBad: true))\(filters(asking, question))
            """)
    }

    /// The items that one figure of a report is made of, as of its day and state of knowledge.
    @Sendable private static func items(_ asking: Asking) async throws -> Reply {
        let question = question(asking)
        if let refusal = question.refusal { throw refusal }
        let (viewer, store) = (asking.viewer, asking.store)
        try viewer.need(.seeAging)
        let keys = asking.query.all("key")
        let (behind, buckets) = try await asking.work {
            var request = AgingReport.Request(
                asOf: question.asOf, buckets: try Policies.buckets(question.basis, on: question.asOf, in: store))
            request.knownAt = question.knownAt
            request.dimensions = question.dimensions
            request.currency = Currency(asking.query["currency"])
            request.viewer = viewer
            let bucket = Int(asking.query["bucket"]).flatMap { request.buckets.buckets.indices.contains($0) ? $0 : nil }
            let behind = try AgingReport.behind(
                request, keys: keys.isEmpty ? nil : keys, bucket: bucket, limit: mostItems, in: store)
            return (behind, request.buckets)
        }
        let w = asking.w
        let bucket = Int(asking.query["bucket"]).flatMap { buckets.buckets.indices.contains($0) ? $0 : nil }
        let isCustomer = question.dimensions == [.customer] && !keys.isEmpty
        let title =
            behind.names.isEmpty ? w(.everybody) : AgingPage.called(behind.names, question.dimensions, w)
        let foot: HTML = """
            <tfoot>\(each: behind.sums, { sum in
                "<tr class=\"sum\"><th scope=\"row\">\(w(.total)) \(sum.currency.code)</th><td></td>\(w.cell(sum.open, sum.currency, strong: true))</tr>"
            })</tfoot>
            """
        let what = bucket.map { " · " + Parts(asking).bucketLabel($0, of: buckets) } ?? ""
        return Layout(asking).drawer(
            title + what, at: .aging,
            """
            <p class="lead">\(w.html(.asOfDay, ["day": w.date(question.asOf, today: asking.today)])) \(w(.itemsCount, ["count": .count(behind.count)]))</p>
            \(if: isCustomer && !(keys.first ?? "").isEmpty, "<p class=\"acts\"><a class=\"btn small\" href=\"/customers/\(URLText.encode(keys.first ?? ""))\">\(w(.seeCustomer))</a></p>")
            \(if: behind.items.isEmpty, Parts(asking).empty(w(.noOpenItems)))<div class="scroll"><table class="figures slim stackable"><thead><tr><th scope="col">\(w(.number))</th><th scope="col" class="r">\(w(.dueDay))</th><th scope="col" class="r">\(w(.openAmount))</th></tr></thead><tbody>\(each: behind.items, { item($0, question, isCustomer, asking) })</tbody>\(if: !behind.items.isEmpty, foot)</table></div>
            \(if: behind.count > mostItems, "<p class=\"meta\">\(w(.firstOnly, ["count": .count(mostItems)]))</p>")
            """)
    }

    private static func item(_ item: AgingReport.Item, _ question: Question, _ isCustomer: Bool, _ asking: Asking)
        -> HTML
    {
        let w = asking.w
        let late = question.asOf.days(since: item.dueDay)
        let number: HTML =
            asking.may(.seeInvoices)
            ? "<a href=\"/invoices/\(URLText.encode(item.number))\(item.entity == "main" ? "" : "?entity=\(URLText.encode(item.entity))")\" data-open>\(item.number)</a>"
            : HTML(item.number)
        return """
            <tr data-row><th scope="row">\(number)\(if: !isCustomer, "<small>\(item.customerName)</small>")</th><td class="r">\(w.day(item.dueDay))<small\(if: late > 0, " class=\"bad\"")>\(w.lateness(late))</small></td>\(w.cell(item.open.minorUnits, item.open.currency, strong: true))</tr>
            """
    }

    private static func filters(_ asking: Asking, _ question: Question) -> HTML {
        let w = asking.w
        let parts = Parts(asking)
        let dimensions = AgingReport.Dimension.allCases.map { ($0.rawValue, w(word($0))) }
        return parts.filters(
            """
            \(parts.field("asOf", w(.asOf), value: "\(question.asOf)", type: "date"))
            \(parts.field("knownAt", w(.knownAt), value: asking.query["knownAt"], more: " placeholder=\"\(w(.knownAtHint))\" title=\"\(w(.knownAtLong))\" size=\"17\""))
            \(parts.segments(w(.basis), "basis", [("due", w(.basisDue)), ("invoice", w(.basisInvoice)), ("recognition", w(.basisRecognition))], selected: question.basis.rawValue))
            \(parts.select("by", w(.rowsBy), dimensions, selected: question.by.rawValue))
            \(parts.select("cross", w(.crossedWith), [("", w(.nothingElse))] + dimensions, selected: question.cross?.rawValue ?? ""))
            \(parts.segments(w(.unit), "unit", [("", w(.unitOne)), ("wan", w(.unitTenThousand))], selected: question.inTenThousands ? "wan" : ""))
            """, keep: ["basis", "unit"], end: SavedViews.link(asking)) + SavedViews.list(asking)
    }

    private static func word(_ dimension: AgingReport.Dimension) -> Word {
        switch dimension {
        case .customer: .customer
        case .group: .group
        case .owner: .salesOwner
        case .collector: .collector
        case .currency: .currency
        case .kind: .customerKind
        case .size: .size
        case .industry: .industry
        case .entity: .entity
        case .contract: .contract
        case .product: .productLine
        }
    }

    private struct AgingPage {
        let asking: Asking
        let question: Question
        let content: Content
        private var w: Wording { asking.w }
        private var parts: Parts { Parts(asking) }
        private var report: AgingReport { content.report }
        private var base: Currency { asking.site.company.currency }
        private var buckets: BucketSet { report.buckets }
        private var labels: [String] { buckets.buckets.indices.map { parts.bucketLabel($0, of: buckets) } }

        var reply: Reply {
            let sums = question.cross == nil ? [:] : groupSums
            let shown = Array(ordered(sums).dropFirst(question.skip).prefix(pageSize))
            let next =
                question.skip + pageSize < report.ranked.count
                ? asking.address(("skip", "\(question.skip + pageSize)")) : nil
            return Layout(asking).page(
                w(.navAging), at: .aging, isLandscape: true,
                """
                \(parts.head(w(question.basis == .due ? .agingByDue : question.basis == .invoice ? .agingByInvoice : .agingByRecognition), actions: parts.exports() + "<a class=\"btn\" href=\"\(asking.address(("format", "pdf")))\" download>\(Icon.print.html)PDF</a>"))
                \(parts.answer(answer))
                \(AgingPages.filters(asking, question))
                \(report.ranked.isEmpty ? parts.empty(w(.agingEmpty)) : table(shown, sums))
                \(if: report.ranked.count > pageSize, parts.pager(w(.shownOf, ["from": .count(question.skip + 1), "to": .count(question.skip + shown.count), "all": .count(report.ranked.count)]), next: next, back: question.skip > 0))
                \(each: report.proof, proof)
                \(parts.keys([("J K", .keyRows), ("H L", .keyCells), ("Enter", .keyCell), ("Esc", .keyClose), ("E", .keyExport)]))
                \(if: content.trend != nil || content.movement != nil, "<div class=\"split sec\">\(trend)<aside class=\"rail\" aria-label=\"\(w(.whyChanged))\">\(movement)</aside></div>")
                """)
        }

        /// As they are shown: crossed rows under what they have in common, the largest such group first.
        private func ordered(_ sums: [String: AgingReport.Row]) -> [AgingReport.Row] {
            guard question.cross != nil else { return report.ranked }
            let places = report.ranked.enumerated().map { offset, row in
                (row: row, offset: offset, sum: sums[Self.groupKey(row)]?.open ?? 0)
            }
            return places.sorted { left, right in
                guard left.row.currency == right.row.currency, left.row.keys[0] != right.row.keys[0] else {
                    return left.offset < right.offset
                }
                return left.sum != right.sum ? left.sum > right.sum : left.row.keys[0] < right.row.keys[0]
            }.map(\.row)
        }

        private static func groupKey(_ row: AgingReport.Row) -> String { "\(row.currency.code) \(row.keys[0])" }

        /// What rows have in common that share their first dimension and currency.
        private var groupSums: [String: AgingReport.Row] {
            Dictionary(grouping: report.ranked, by: Self.groupKey).compactMapValues { rows in
                guard let first = rows.first else { return nil }
                let buckets = first.buckets.indices.map { bucket in
                    rows.reduce(Int128(0)) { $0 + $1.buckets[bucket] }
                }
                return AgingReport.Row(
                    keys: [first.keys[0]], names: [first.names[0]], currency: first.currency, buckets: buckets,
                    unapplied: rows.reduce(0) { $0 + $1.unapplied })
            }
        }

        private var answer: HTML {
            guard
                let total = report.translated.total ?? report.totals.first(where: { $0.currency == base })
                    ?? report.totals.first
            else { return HTML(w(.agingNothingOwed)) }
            let overdue = total.buckets.dropFirst().reduce(0, +)
            let isDue = buckets.basis == .due
            let old = zip(total.buckets, buckets.buckets.indices).reduce(Int128(0)) { sum, part in
                buckets.isBeyond90(part.1) ? sum + part.0 : sum
            }
            let worst = report.worst.filter { $0.currency == total.currency }.prefix(3)
            let sentence = w.html(
                isDue ? .agingAnswer : .agingAnswerOther,
                [
                    "open": parts.bold(w.amount(total.open, total.currency)),
                    "overdue": parts.bad(w.amount(overdue, total.currency)),
                    "share": HTML(w.percent(overdue, of: total.open)), "old": parts.bold(w.amount(old, total.currency)),
                ])
            guard isDue, question.by == .customer, question.cross == nil, !worst.isEmpty else { return sentence }
            let sum = worst.reduce(Int128(0)) { $0 + $1.buckets.dropFirst().reduce(0, +) }
            let last = w.html(
                .agingWorst,
                [
                    "names": HTML(w.list(worst.map { Self.called($0.names, question.dimensions, w) })),
                    "share": HTML(w.percent(sum, of: overdue)),
                ])
            return w.sentences(sentence, last)
        }

        private func figure(_ amount: Int128, _ currency: Currency) -> String {
            guard question.inTenThousands else { return w.figure(amount, currency) }
            let unit = Int128(currency.minorUnitsPerUnit) * 1000
            let tenths = (amount + (amount < 0 ? -unit / 2 : unit / 2)) / unit
            let text = w.figure(tenths.magnitude / 10 * 100, Self.plain).dropLast(3)
            return (amount < 0 ? "\u{2212}" : "") + text + ".\(tenths.magnitude % 10)"
        }

        private static let plain: Currency = {
            guard let currency = Currency("CNY") else { preconditionFailure("CNY is an ISO 4217 code") }
            return currency
        }()

        /// - Parameters:
        ///   - link: What opens beside the page.
        ///   - page: A page of its own.
        private func cell(
            _ amount: Int128, _ currency: Currency, link: String? = nil, page: String? = nil, strong: Bool = false
        ) -> HTML {
            if amount == 0 { return "<td class=\"r nil\">–</td>" }
            let text = figure(amount, currency)
            let kind: HTML = "r\(if: amount < 0, " neg")\(if: strong, " strong")"
            if let link { return "<td class=\"\(kind)\"><a href=\"\(link)\" data-drawer>\(text)</a></td>" }
            if let page { return "<td class=\"\(kind)\"><a href=\"\(page)\">\(text)</a></td>" }
            return "<td class=\"\(kind)\">\(text)</td>"
        }

        private func table(_ rows: [AgingReport.Row], _ sums: [String: AgingReport.Row]) -> HTML {
            var groups: [(currency: Currency, rows: [AgingReport.Row])] = []
            for row in rows {
                if groups.last?.currency == row.currency {
                    groups[groups.count - 1].rows.append(row)
                } else {
                    groups.append((row.currency, [row]))
                }
            }
            let width = buckets.buckets.count + 4
            return """
                <div class="scroll"><table class="figures" data-cells><caption class="hidden">\(w(.navAging))</caption><thead><tr><th scope="col">\(w(AgingPages.word(question.by)))\(question.cross.map { HTML(" / \(w(AgingPages.word($0)))") } ?? .nothing)</th><th scope="col" class="r" aria-sort="descending">\(w(.openAmount))</th><th scope="col" class="barcell">\(w(.mix))</th>\(each: labels.enumerated(), { label in "<th scope=\"col\" class=\"r\">\(parts.swatch(label.offset))\(label.element)</th>" })<th scope="col" class="r">\(w(.unapplied))</th></tr></thead>
                \(each: groups, { group in
                    "<tbody><tr class=\"group\"><th colspan=\"\(width)\" scope=\"rowgroup\">\(group.currency.code)\(if: question.inTenThousands, HTML(" · \(w(.unitTenThousand))"))</th></tr>\(question.cross == nil ? group.rows.map(row).joined() : crossed(group.rows, sums))\(report.totals.first { $0.currency == group.currency }.map(subtotal) ?? .nothing)</tbody>"
                })\(report.translated.total.map(total) ?? .nothing)</table></div>
                \(if: !report.translated.missing.isEmpty, parts.callout(HTML(w(.noRate, ["currencies": .text(w.list(report.translated.missing.map(\.code)))]))))
                """
        }

        /// Crossed rows, each group under what it has in common and with its sums.
        private func crossed(_ rows: [AgingReport.Row], _ sums: [String: AgingReport.Row]) -> HTML {
            var html = HTML.nothing
            var last: String?
            for one in rows {
                let key = Self.groupKey(one)
                if key != last, let sum = sums[key] {
                    html += """
                        <tr class="sub" data-row><th scope="row">\(Self.called(sum.names, [question.by], w))</th>\(figures(sum, dimensions: [question.by]))</tr>
                        """
                }
                last = key
                html += row(one)
            }
            return html
        }

        /// The way to what a figure is made of.
        private func link(_ row: AgingReport.Row, _ bucket: Int?, dimensions: [AgingReport.Dimension]) -> String {
            // What goes without saying isn't said: a page has hundreds of these.
            var link = "/aging/items?currency=\(row.currency.code)"
            if question.asOf != asking.today { link += "&asOf=\(question.asOf)" }
            if buckets.basis != .due { link += "&basis=\(buckets.basis.rawValue)" }
            if let first = dimensions.first, first != .customer { link += "&by=\(first.rawValue)" }
            if dimensions.count > 1 { link += "&cross=\(dimensions[1].rawValue)" }
            if let bucket { link += "&bucket=\(bucket)" }
            for key in row.keys { link += "&key=\(URLText.encode(key))" }
            if !asking.query["knownAt"].isEmpty { link += "&knownAt=\(URLText.encode(asking.query["knownAt"]))" }
            return link
        }

        private func row(_ row: AgingReport.Row) -> HTML {
            let isCustomer = question.by == .customer && question.cross == nil && !row.keys[0].isEmpty
            let name =
                question.cross == nil
                ? Self.called(row.names, question.dimensions, w)
                : Self.called(row.names[1], question.dimensions[1], w)
            let head: HTML =
                isCustomer
                ? "<a href=\"/customers/\(URLText.encode(row.keys[0]))\" data-open>\(name)</a><small>\(row.keys[0])</small>"
                : HTML(name)
            let unapplied =
                isCustomer && asking.may(.seeReceipts)
                ? "/receipts?customer=\(URLText.encode(row.keys[0]))" : nil
            return """
                <tr data-row><th scope="row"\(if: question.cross != nil, " class=\"in\"")>\(head)</th>\(figures(row, dimensions: question.dimensions, unapplied: unapplied))</tr>
                """
        }

        /// All the figures of a row, each a way to what it is made of.
        private func figures(
            _ row: AgingReport.Row, dimensions: [AgingReport.Dimension], unapplied: String? = nil
        ) -> HTML {
            """
            \(cell(row.open, row.currency, link: link(row, nil, dimensions: dimensions), strong: true))<td class="barcell">\(parts.bucketBar(row.buckets, labels: labels))</td>\
            \(each: row.buckets.enumerated(), { cell($0.element, row.currency, link: link(row, $0.offset, dimensions: dimensions)) })\(cell(-row.unapplied, row.currency, page: unapplied))
            """
        }

        /// The parts of a row's name in the reader's language; what has none is said to have none.
        static func called(_ names: [String], _ dimensions: [AgingReport.Dimension], _ w: Wording) -> String {
            zip(dimensions, names).map { called($1, $0, w) }.joined(separator: " / ")
        }

        private static func called(_ name: String, _ dimension: AgingReport.Dimension, _ w: Wording) -> String {
            switch dimension {
            case .size where !name.isEmpty: w.name(.size, name)
            case .kind where !name.isEmpty: w.name(.customerKind, name)
            case .customer, .group: name.isEmpty ? w(.unknownPayer) : name
            default: name.isEmpty ? w(.notGiven) : name
            }
        }

        private func subtotal(_ row: AgingReport.Row) -> HTML {
            """
            <tr class="sub"><th scope="row">\(w(.subtotal)) \(row.currency.code)</th>\(figures(row, dimensions: []))</tr>
            """
        }

        /// The rates that the total was translated at: `1 USD = 7.1586`.
        private var rates: String {
            w.list(
                report.translated.rates.map { entry in
                    let digits = String(entry.rateE8 % 100_000_000 + 100_000_000).dropFirst()
                    let kept = digits.prefix(4) + digits.dropFirst(4).reversed().drop { $0 == "0" }.reversed()
                    return "1 \(entry.currency.code) = \(entry.rateE8 / 100_000_000).\(kept)"
                })
        }

        private func total(_ row: AgingReport.Row) -> HTML {
            """
            <tfoot><tr class="sum"><th scope="row">\(w(.total))<small>\(w(.inCurrency, ["currency": .text(row.currency.code), "rates": .text(rates)]))</small></th>\(cell(row.open, row.currency))<td class="barcell">\(parts.bucketBar(row.buckets, labels: labels))</td>\(each: row.buckets, { cell($0, row.currency) })\(cell(-row.unapplied, row.currency))</tr>
            <tr class="share"><th scope="row">\(w(.shareOfTotal))</th><td class="r">\(w.percent(row.open, of: row.open))</td><td class="barcell"></td>\(each: row.buckets, { "<td class=\"r\">\(w.percent($0, of: row.open))</td>" })<td></td></tr></tfoot>
            """
        }

        private func proof(_ proof: AgingReport.Proof) -> HTML {
            parts.proof(
                proof.holds,
                w.html(
                    .agingProof,
                    [
                        "buckets": HTML(w.amount(proof.buckets, proof.currency)),
                        "control": HTML(w.amount(proof.control, proof.currency)),
                        "difference": HTML(w.figure(proof.buckets - proof.control, proof.currency)),
                    ]),
                w.html(
                    .asOfAct,
                    [
                        "act": HTML("#\(report.known.act)"),
                        "time": w.moment(report.known.instant, asking.site.company, today: asking.today),
                    ]))
        }

        // MARK: Trend and movement

        private var trend: HTML {
            guard let trend = content.trend else { return .nothing }
            let rows = trend.rows.filter { $0.currency == base }
            guard rows.count > 1 else { return .nothing }
            let largest = rows.map { $0.buckets.reduce(0, +) }.max() ?? 1
            let step = 1300 / max(rows.count, 1)
            func share(_ row: TrendReport.Row) -> String {
                w.percent(row.buckets.dropFirst().reduce(0, +), of: row.buckets.reduce(0, +))
            }
            return """
                <section><header class="sec-head"><h2>\(w(.gettingBetter))</h2><p class="meta">\(w(.trendText, ["currency": .text(base.code)]))</p></header><figure><div class="cols pct" aria-hidden="true">\(each: rows, { "<span>\(share($0))</span>" })</div>
                <svg class="plot" viewBox="0 0 1300 168" preserveAspectRatio="none" role="img" aria-label="\(w(.trendLabel, ["first": .text(rows.first.map(share) ?? ""), "last": .text(rows.last.map(share) ?? ""), "count": .count(rows.count)]))">\(each: rows.enumerated(), { column($0.offset, $0.element, step, largest) })<path class="axis" d="M0 167.5H1300"/></svg>
                <div class="cols" aria-hidden="true">\(each: rows, { "<span>\(String("\($0.day)".dropFirst(2).prefix(5)))</span>" })</div></figure>
                <details><summary>\(w(.asTable))</summary><div class="scroll"><table class="figures"><thead><tr><th scope="col">\(w(.monthEnd))</th>\(each: labels, { "<th scope=\"col\" class=\"r\">\($0)</th>" })<th scope="col" class="r">\(w(.openAmount))</th><th scope="col" class="r">\(w(.overdueShare))</th></tr></thead><tbody>\(each: rows, { row in
                    "<tr><th scope=\"row\"><a href=\"\(asking.address(("asOf", "\(row.day)")))\">\(w.day(row.day))</a></th>\(each: row.buckets, { cell($0, base) })\(cell(row.buckets.reduce(0, +), base))<td class=\"r\">\(share(row))</td></tr>"
                })</tbody></table></div></details></section>
                """
        }

        private func column(_ index: Int, _ row: TrendReport.Row, _ step: Int, _ largest: Int128) -> HTML {
            var top = 168.0
            var html = HTML.nothing
            for (bucket, amount) in row.buckets.enumerated() where amount > 0 {
                let height = Double(amount) / Double(max(largest, 1)) * 150
                top -= height
                html +=
                    "<rect class=\"b\(min(bucket, 6))\" x=\"\(index * step + 18)\" y=\"\(Self.decimal(top))\" width=\"\(step - 36)\" height=\"\(Self.decimal(height))\"/>"
            }
            return html
        }

        private static func decimal(_ value: Double) -> String {
            let tenths = Int((value * 10).rounded())
            return "\(tenths / 10).\(abs(tenths % 10))"
        }

        private var movement: HTML {
            guard let movement = content.movement,
                let own = movement.movements.first(where: { $0.currency == base })?.movement
            else { return .nothing }
            func sum(_ list: [Int128]) -> Int128 { list.reduce(0, +) }
            let settled = own.settled.sorted { $0.key < $1.key }
            return """
                <section><h2>\(w(.whyChanged))</h2><dl class="facts"><dt>\(w.date(movement.from, today: asking.today))</dt><dd class="r num">\(w.figure(sum(own.opening), base))</dd>\
                <dt>\(w(.movementNew))</dt><dd class="r num">\(w.figure(sum(own.added), base))</dd>\
                \(each: settled, { "<dt>\(w.name(.event, Self.kind($0.key)))</dt><dd class=\"r num neg\">\(w.figure(-sum($0.value), base))</dd>" })\
                <dt class="sum">\(w.date(movement.to, today: asking.today))</dt><dd class="r num sum">\(w.figure(sum(own.closing), base))</dd></dl>
                <form class="form sec" action="/aging" data-live>\(each: asking.query.with(("from", nil), ("part", nil)).pairs, { "<input type=\"hidden\" name=\"\($0.name)\" value=\"\($0.value)\">" })\(parts.field("from", w(.movementSince), value: "\(movement.from)", type: "date"))<button class="btn small quiet" type="submit">\(w(.apply))</button></form>
                <h3 class="sec">\(w(.movementRolled))</h3><dl class="facts">\(each: own.rolled.enumerated().filter { $0.element != 0 }, { "<dt>\(labels[$0.offset])</dt><dd class=\"r num\(if: $0.element < 0, " neg")\">\(w.figure($0.element, base))</dd>" })</dl></section>
                """
        }

        private static func kind(_ number: UInt8) -> String {
            switch Credit.Kind(rawValue: Int64(number)) {
            case .receipt: "allocation"
            case .creditNote: "credit-note"
            default: "correction"
            }
        }
    }
}

extension BucketSet {
    /// Whether lists, which count in the standard buckets, mean the same by an index.
    fileprivate var isStandardDue: Bool {
        basis == .due && buckets.map(\.code) == BucketSet.standardDue.buckets.map(\.code)
    }

    /// Whether a bucket begins after the 90th day.
    fileprivate func isBeyond90(_ index: Int) -> Bool {
        switch first(of: index) {
        case .days(let days)?: days > 90
        case .months(let months)?: months > 3
        case nil: false
        }
    }
}
