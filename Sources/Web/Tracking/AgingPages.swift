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
    }

    private static let pageSize = 60
    private static let mostItems = 200

    private static func question(_ asking: Asking) -> Question {
        var question = Question(
            asOf: asking.day("asOf") ?? asking.today, knownAt: .now,
            basis: BucketSet.Basis(rawValue: asking.query["basis"]) ?? .due,
            by: AgingReport.Dimension(rawValue: asking.query["by"]) ?? .customer,
            cross: AgingReport.Dimension(rawValue: asking.query["cross"]),
            inTenThousands: asking.query["unit"] == "wan", skip: max(0, Int(asking.query["skip"]) ?? 0))
        if !asking.query["knownAt"].isEmpty {
            do { question.knownAt = try KnownAt(asking.query["knownAt"]) } catch { question.refusal = error }
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
        let isFile = !asking.query["format"].isEmpty
        let content = try await asking.work {
            var request = AgingReport.Request(
                asOf: question.asOf, buckets: try Policies.buckets(question.basis, on: question.asOf, in: store))
            request.knownAt = question.knownAt
            request.dimensions = [question.by] + [question.cross].compactMap { $0 }
            request.viewer = viewer
            let report = try AgingReport.make(request, in: store)
            guard !isFile, viewer.seesAll else { return Content(report: report, movement: nil, trend: nil) }
            let from = question.from ?? question.asOf.startOfMonth.adding(days: -1)
            let movement = try MovementReport.make(
                from: min(from, question.asOf), to: question.asOf, knownAt: question.knownAt, buckets: request.buckets,
                in: store)
            let trend = try TrendReport.make(
                upTo: question.asOf, knownAt: question.knownAt, buckets: request.buckets, in: store)
            return Content(report: report, movement: movement, trend: trend)
        }
        if isFile {
            let table = content.report.table(asking.w.catalogue)
            if let file = try await Parts(asking).file(table, name: asking.w(.navAging)) { return file }
        }
        return AgingPage(asking: asking, question: question, content: content).reply
    }

    /// The items that one figure of a report is made of, as of its day and state of knowledge.
    @Sendable private static func items(_ asking: Asking) async throws -> Reply {
        let question = question(asking)
        if let refusal = question.refusal { throw refusal }
        let (viewer, store) = (asking.viewer, asking.store)
        let code = asking.query["customer"]
        // Whether there is such a customer for this person.
        let name = try await asking.look(.seeAging) { try $0.customerPicture(code).row.name }
        let rows = try await asking.work { () -> [RegisterQueries.InvoiceRow] in
            let set = try Policies.buckets(question.basis, on: question.asOf, in: store)
            guard let index = Int(asking.query["bucket"]), set.buckets.indices.contains(index) else { return [] }
            var filter = RegisterQueries.InvoiceFilter()
            filter.customer = code
            filter.currency = Currency(asking.query["currency"])
            filter.asOf = question.asOf
            filter.knownAt = question.knownAt
            filter.bucket = (set, set.buckets[index].code)
            filter.viewer = viewer
            filter.limit = mostItems
            return try RegisterQueries.invoices(filter, today: asking.today, in: store).rows
        }
        let w = asking.w
        var sums: [Currency: Int128] = [:]
        for row in rows { sums[row.currency, default: 0] += Int128(row.open) }
        let foot: HTML = """
            <tfoot>\(each: sums.sorted { $0.key < $1.key }, { sum in
                "<tr class=\"sum\"><th scope=\"row\">\(w(.total)) \(sum.key.code)</th><td></td>\(w.cell(sum.value, sum.key, strong: true))</tr>"
            })</tfoot>
            """
        return Layout(asking).drawer(
            name, at: .aging,
            """
            <p class="lead">\(w.html(.asOfDay, ["day": w.date(question.asOf, today: asking.today)]))</p>
            \(if: rows.isEmpty, Parts(asking).empty(w(.noOpenItems)))<div class="scroll"><table class="figures slim stackable"><thead><tr><th scope="col">\(w(.number))</th><th scope="col" class="r">\(w(.dueDay))</th><th scope="col" class="r">\(w(.openAmount))</th></tr></thead><tbody>\(each: rows, { row in
                "<tr data-row><th scope=\"row\"><a href=\"/invoices/\(URLText.encode(row.number))\" data-open>\(row.number)</a></th><td class=\"r\">\(w.day(row.dueDay))</td>\(w.cell(row.open, row.currency, strong: true))</tr>"
            })</tbody>\(if: !rows.isEmpty && rows.count < mostItems, foot)</table></div>
            \(if: rows.count == mostItems, "<p class=\"meta\">\(w(.firstOnly, ["count": .count(mostItems)]))</p>")
            """)
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
            let shown = Array(report.ranked.dropFirst(question.skip).prefix(pageSize))
            let next =
                question.skip + pageSize < report.ranked.count
                ? asking.address(("skip", "\(question.skip + pageSize)")) : nil
            return Layout(asking).page(
                w(.navAging), at: .aging, isLandscape: true,
                """
                \(parts.head(w(question.basis == .due ? .agingByDue : question.basis == .invoice ? .agingByInvoice : .agingByRecognition), actions: parts.exports() + "<a class=\"btn\" href=\"\(asking.address(("format", "pdf")))\" download>\(Icon.print.html)PDF</a>"))
                \(question.refusal.map { parts.callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
                \(parts.answer(answer))
                \(filters)
                \(report.ranked.isEmpty ? parts.empty(w(.agingEmpty)) : table(shown))
                \(if: report.ranked.count > pageSize, parts.pager(w(.shownOf, ["from": .count(question.skip + 1), "to": .count(question.skip + shown.count), "all": .count(report.ranked.count)]), next: next, back: question.skip > 0))
                \(each: report.proof, proof)
                \(parts.keys([("J K", .keyRows), ("H L", .keyCells), ("Enter", .keyCell), ("Esc", .keyClose), ("E", .keyExport)]))
                \(if: content.trend != nil || content.movement != nil, "<div class=\"split sec\">\(trend)<aside class=\"rail\" aria-label=\"\(w(.whyChanged))\">\(movement)</aside></div>")
                """)
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
                    "names": HTML(w.list(worst.map(called))),
                    "share": HTML(w.percent(sum, of: overdue)),
                ])
            return w.sentences(sentence, last)
        }

        private var filters: HTML {
            let dimensions = AgingReport.Dimension.allCases.map { ($0.rawValue, w(Self.word($0))) }
            return parts.filters(
                """
                \(parts.field("asOf", w(.asOf), value: "\(question.asOf)", type: "date"))
                \(parts.field("knownAt", w(.knownAt), value: asking.query["knownAt"], more: " placeholder=\"#1234\" size=\"12\""))
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

        private func figure(_ amount: Int128, _ currency: Currency) -> String {
            guard question.inTenThousands else { return w.figure(amount, currency) }
            let unit = Int128(currency.minorUnitsPerUnit) * 1000
            let tenths = (amount + (amount < 0 ? -unit / 2 : unit / 2)) / unit
            let text = w.figure(tenths.magnitude / 10 * 100, Self.plain).dropLast(3)
            return (tenths < 0 ? "\u{2212}" : "") + text + ".\(tenths.magnitude % 10)"
        }

        private static let plain: Currency = {
            guard let currency = Currency("CNY") else { preconditionFailure("CNY is an ISO 4217 code") }
            return currency
        }()

        private func cell(_ amount: Int128, _ currency: Currency, link: String? = nil) -> HTML {
            if amount == 0 { return "<td class=\"r nil\">–</td>" }
            let text = figure(amount, currency)
            let sign: HTML = amount < 0 ? " neg" : ""
            guard let link else { return "<td class=\"r\(sign)\">\(text)</td>" }
            return "<td class=\"r\(sign)\"><a href=\"\(link)\" data-drawer>\(text)</a></td>"
        }

        private func table(_ rows: [AgingReport.Row]) -> HTML {
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
                <div class="scroll"><table class="figures" data-cells><caption class="hidden">\(w(.navAging))</caption><thead><tr><th scope="col">\(w(Self.word(question.by)))\(question.cross.map { HTML(" / \(w(Self.word($0)))") } ?? .nothing)</th><th scope="col" class="r" aria-sort="descending">\(w(.openAmount))</th><th scope="col" class="barcell">\(w(.mix))</th>\(each: labels.enumerated(), { label in "<th scope=\"col\" class=\"r\">\(parts.swatch(label.offset))\(label.element)</th>" })<th scope="col" class="r">\(w(.unapplied))</th></tr></thead>
                \(each: groups, { group in
                    "<tbody><tr class=\"group\"><th colspan=\"\(width)\" scope=\"rowgroup\">\(group.currency.code)\(if: question.inTenThousands, HTML(" · \(w(.unitTenThousand))"))</th></tr>\(each: group.rows, row)\(report.totals.first { $0.currency == group.currency }.map(subtotal) ?? .nothing)</tbody>"
                })\(report.translated.total.map(total) ?? .nothing)</table></div>
                \(if: !report.translated.missing.isEmpty, parts.callout(HTML(w(.noRate, ["currencies": .text(w.list(report.translated.missing.map(\.code)))]))))
                """
        }

        private func row(_ row: AgingReport.Row) -> HTML {
            let isCustomer = question.by == .customer && question.cross == nil
            let name = called(row)
            // What drills down is counted from due days; other bases lead to the customer's list.
            let canDrill =
                isCustomer && !row.key.isEmpty && buckets.isStandardDue && question.asOf == asking.today
                && question.knownAt == .now
            func link(_ bucket: Int) -> String? {
                canDrill
                    ? "/invoices?customer=\(URLText.encode(row.key))&currency=\(row.currency.code)&bucket=\(bucket)"
                    : isCustomer && !row.key.isEmpty
                        ? "/aging/items?customer=\(URLText.encode(row.key))&currency=\(row.currency.code)&bucket=\(bucket)&asOf=\(question.asOf)&basis=\(buckets.basis.rawValue)&knownAt=\(URLText.encode(asking.query["knownAt"]))"
                        : nil
            }
            let head: HTML =
                isCustomer && !row.key.isEmpty
                ? "<a href=\"/customers/\(URLText.encode(row.key))\" data-open>\(name)</a><small>\(row.key)</small>"
                : HTML(name)
            return """
                <tr data-row><th scope="row">\(head)</th><td class="r strong">\(row.open == 0 ? "–" : figure(row.open, row.currency))</td><td class="barcell">\(parts.bucketBar(row.buckets, labels: labels))</td>\
                \(each: row.buckets.enumerated(), { cell($0.element, row.currency, link: link($0.offset)) })\(cell(-row.unapplied, row.currency))</tr>
                """
        }

        /// The parts of a row's name in the reader's language; what has none is said to have none.
        private func called(_ row: AgingReport.Row) -> String {
            let dimensions = [question.by] + [question.cross].compactMap { $0 }
            let names = zip(dimensions, row.names).map { dimension, name in
                switch dimension {
                case .size where !name.isEmpty: w.name(.size, name)
                case .kind where !name.isEmpty: w.name(.customerKind, name)
                case .customer, .group: name.isEmpty ? w(.unknownPayer) : name
                default: name.isEmpty ? w(.notGiven) : name
                }
            }
            return names.joined(separator: " / ")
        }

        private func subtotal(_ row: AgingReport.Row) -> HTML {
            """
            <tr class="sub"><th scope="row">\(w(.subtotal)) \(row.currency.code)</th>\(cell(row.open, row.currency))<td class="barcell">\(parts.bucketBar(row.buckets, labels: labels))</td>\(each: row.buckets, { cell($0, row.currency) })\(cell(-row.unapplied, row.currency))</tr>
            """
        }

        private func total(_ row: AgingReport.Row) -> HTML {
            """
            <tfoot><tr class="sum"><th scope="row">\(w(.total))<small>\(w(.inCurrency, ["currency": .text(row.currency.code)]))</small></th>\(cell(row.open, row.currency))<td class="barcell">\(parts.bucketBar(row.buckets, labels: labels))</td>\(each: row.buckets, { cell($0, row.currency) })\(cell(-row.unapplied, row.currency))</tr></tfoot>
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
                    "<tr><th scope=\"row\">\(w.day(row.day))</th>\(each: row.buckets, { cell($0, base) })\(cell(row.buckets.reduce(0, +), base))<td class=\"r\">\(share(row))</td></tr>"
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
