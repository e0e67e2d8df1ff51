internal import Formats
internal import Foundation
internal import Ledger
internal import OpenItems
internal import Operations
internal import Receivables

/// Aging, movement and trend, for programs.
enum ReportOperations {
    static let all: [Operation] = [aging, agingFile, behind, movement, trend]

    private static let dimensions = AgingReport.Dimension.allCases.map(\.rawValue)
    private static let bases = BucketSet.Basis.allCases.map(\.rawValue)
    private static let knownAt = Operation.Parameter(
        "knownAt", .line(2...40), "What was known: an instant in UTC, a day, or an act as `#1234`; now unless given.")
    private static let asOf = Operation.Parameter("asOf", .day, "Today unless given.")
    private static let basis = Operation.Parameter("basis", .choice(bases), "`due` unless given.")
    private static let common: [Operation.Parameter] = [
        asOf, knownAt, basis, .init("by", .choice(dimensions), "`customer` unless given."),
        .init("cross", .choice(dimensions), "A second dimension, crossed with the first."),
        .init("currency", .currency, "Only this currency."),
    ]

    private static func request(_ call: Call) throws -> AgingReport.Request {
        let asOf = try day(call, "asOf") ?? call.today
        let basis = call.query.text("basis").flatMap(BucketSet.Basis.init) ?? .due
        var request = AgingReport.Request(
            asOf: asOf, buckets: try Policies.buckets(basis, on: asOf, in: call.store))
        if let known = call.query.text("knownAt") {
            request.knownAt = try KnownAt(known, in: call.site.company)
        }
        let by = call.query.text("by").flatMap(AgingReport.Dimension.init) ?? .customer
        let cross = call.query.text("cross").flatMap(AgingReport.Dimension.init)
        request.dimensions = [by] + [cross].compactMap { $0 == by ? nil : $0 }
        request.currency = call.query.text("currency").flatMap { Currency($0) }
        request.viewer = call.viewer
        return request
    }

    private static func day(_ call: Call, _ name: String) throws -> LocalDate? {
        guard let day = call.day(name) else { return nil }
        try BookDays.need(day)
        return day
    }

    // MARK: Aging

    private static let rowShape = Schema.named(
        "AgingRow",
        .record([
            .init("key", .lines(0...2_000)), .init("name", .lines(0...2_000)), .init("currency", .line()),
            .init("open", .signedDecimal), .init("buckets", .list(of: .signedDecimal)),
            .init("unapplied", .signedDecimal),
        ]))
    /// Days, or months and years as `6m`.
    private static let bound = Schema.line(1...12)

    private static let shape = Schema.named(
        "Aging",
        .record([
            .init("asOf", .day), .init("knownAt", .instant), .init("act", .count), .init("basis", .choice(bases)),
            .init(
                "buckets",
                .list(
                    of: .named(
                        "Bucket",
                        .record([
                            .init("label", .line(0...200)), .init("code", .line()),
                            .orNull(
                                "from", bound, "The first day of age, or months as `6m`; null where it has no start."),
                            .orNull("to", bound),
                        ])))),
            .init("rows", .list(of: rowShape)), .init("totals", .list(of: rowShape), "By currency."),
            .init(
                "proof",
                .list(
                    of: .named(
                        "AgingProof",
                        .record([
                            .init("currency", .line()), .init("buckets", .signedDecimal),
                            .init("control", .signedDecimal), .init("unapplied", .signedDecimal),
                            .init("waiting", .signedDecimal), .init("holds", .flag),
                        ]))), "Buckets against the ledger's control accounts; empty for a part of the customers."),
            .init("filters", .list(of: .line())),
            .init(
                "concentration",
                .list(
                    of: .named(
                        "Concentration",
                        .record([
                            .init("currency", .line()), .init("topTenShare", .signedDecimal, "Per cent."),
                            .init("herfindahl", .count),
                        ])))),
            .orNull("translated", rowShape, "The total in the functional currency."),
            .init("untranslated", .list(of: .line()), "Currencies without a rate."),
        ]))

    private static let aging = Operation.ask(
        "/reports/aging", "getAging", .seeAging, "Who owes, how late, as of any day, known at any moment.",
        query: common, result: shape
    ) { call in
        let report = try await call.work { try AgingReport.make(try request(call), in: call.store) }
        return .json(texts(report.json(call.w.catalogue)))
    }

    /// Numbers of acts and bounds as the shape has them: the command line's document names an act as text and a bound
    /// as a number.
    private static func texts(_ value: JSONValue) -> JSONValue {
        guard case .object(let members) = value else { return value }
        return .object(
            members.map { member in
                if member.name == "act", case .string(let text) = member.value {
                    return .init(name: "act", value: .integer(Int64(text) ?? 0))
                }
                guard member.name == "buckets", case .array(let buckets) = member.value else { return member }
                return .init(
                    name: "buckets",
                    value: .array(
                        buckets.map { bucket in
                            guard case .object(let fields) = bucket else { return bucket }
                            return .object(
                                fields.map { field in
                                    guard case .integer(let days) = field.value else { return field }
                                    return .init(name: field.name, value: .string("\(days)"))
                                })
                        }))
            })
    }

    private static let types = [
        "csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pdf": "application/pdf",
    ]

    private static let agingFile = Operation(
        .get, "/reports/aging/file", "getAgingFile", .permission(.seeAging), "The aging report as a file.",
        query: common + [.init("format", .choice(["csv", "xlsx", "pdf"]), "`xlsx` unless given.")],
        result: .file(types.values.sorted())
    ) { call in
        let format = call.query.text("format") ?? "xlsx"
        let bytes = try await call.work {
            let table = try AgingReport.make(try request(call), in: call.store).table(call.w.catalogue)
            switch format {
            case "csv": return Array(table.csv.utf8)
            case "pdf": return try ReportFile.bytes { try table.writePDF(to: $0) }
            default: return try ReportFile.bytes { try table.writeXLSX(to: $0) }
            }
        }
        return Answer(file: (bytes, "aging.\(format)", types[format] ?? "application/octet-stream"))
    }

    private static let behind = Operation.ask(
        "/reports/aging/items", "listAgingItems", .seeAging, "The open items that a figure of the aging is made of.",
        query: common + [
            .init("key", .list(.line(0...400), 1...2), "The row's key, one for each dimension; all rows unless given."),
            .init("bucket", .whole(0...40), "The bucket's place, from 0; all unless given."),
            .init("limit", .whole(1...5_000), "At most so many, the largest first; 50 unless given."),
        ],
        result: .named(
            "AgingItems",
            .record([
                .init(
                    "items",
                    .list(
                        of: .named(
                            "AgingItem",
                            .record([
                                .init("number", .line()), .init("entity", .line()), .init("customer", .line()),
                                .init("customerName", .line(0...400)), .init("issueDate", .day),
                                .init("dueDate", .day), .init("open", .money),
                            ])))),
                .init("count", .count), .init("sums", .list(of: .money)),
            ]))
    ) { call in
        let keys = call.query.has("key") ? call.query.texts("key") : nil
        let behind = try await call.work {
            let request = try request(call)
            if let keys, keys.count != request.dimensions.count {
                throw Refusal(
                    .dimensionUnknown,
                    ["known": .text(AgingReport.Dimension.allCases.map(\.rawValue).joined(separator: ", "))])
            }
            let bucket = call.query.whole("bucket").map(Int.init)
            if let bucket, !request.buckets.buckets.indices.contains(bucket) {
                throw Refusal(
                    .bucketUnknown,
                    [
                        "bucket": .text("\(bucket)"),
                        "known": .text(request.buckets.buckets.map(\.code).joined(separator: ", ")),
                    ])
            }
            return try AgingReport.behind(
                request, keys: keys, bucket: bucket, limit: call.limit, in: call.store)
        }
        return .json(
            .object([
                "items": .array(
                    behind.items.map { item in
                        .object([
                            "number": .string(item.number), "entity": .string(item.entity),
                            "customer": .string(item.customer), "customerName": .string(item.customerName),
                            "issueDate": .string("\(item.issueDay)"), "dueDate": .string("\(item.dueDay)"),
                            "open": Shape.money(item.open),
                        ])
                    }), "count": .count(behind.count),
                "sums": .array(behind.sums.map { Shape.money($0.open, $0.currency) }),
            ]))
    }

    // MARK: Movement and trend

    private static let movement = Operation.ask(
        "/reports/movement", "getMovement", .seeAging, "What moved open items between two days.",
        query: [.init("from", .day, "The end of this day; the last month's unless given."), asOf, knownAt, basis],
        result: .named(
            "Movement",
            .record([
                .init("from", .day), .init("asOf", .day), .init("knownAt", .instant), .init("act", .count),
                .init("basis", .choice(bases)), .init("buckets", .list(of: .line())),
                .init(
                    "movements",
                    .list(
                        of: .named(
                            "CurrencyMovement",
                            .record([
                                .init("currency", .line()),
                                .init(
                                    "rows",
                                    .list(
                                        of: .named(
                                            "MovementRow",
                                            .record([
                                                .init("code", .line()), .init("total", .signedDecimal),
                                                .init("buckets", .list(of: .signedDecimal)),
                                            ])))),
                            ])))),
            ]))
    ) { call in
        let report = try await call.work {
            let request = try request(call)
            let from = try day(call, "from") ?? request.asOf.startOfMonth.adding(days: -1)
            return try MovementReport.make(
                from: from, to: request.asOf, knownAt: request.knownAt, buckets: request.buckets, as: call.viewer,
                in: call.store)
        }
        return .json(texts(report.json(call.w.catalogue)))
    }

    private static let trend = Operation.ask(
        "/reports/trend", "getTrend", .seeAging, "Thirteen month ends, and how much rolled on from bucket to bucket.",
        query: [asOf, knownAt, basis],
        result: .named(
            "Trend",
            .record([
                .init("knownAt", .instant), .init("act", .count), .init("buckets", .list(of: .line())),
                .init(
                    "items",
                    .list(
                        of: .named(
                            "TrendRow",
                            .record([
                                .init("asOf", .day), .init("currency", .line()), .init("open", .signedDecimal),
                                .init("buckets", .list(of: .signedDecimal)), .init("unapplied", .signedDecimal),
                            ])))),
                .init(
                    "rollRates",
                    .list(
                        of: .named(
                            "RollRate",
                            .record([
                                .init("currency", .line()), .init("from", .line()), .init("to", .line()),
                                .init("percent", .signedDecimal),
                            ])))),
            ]))
    ) { call in
        let report = try await call.work {
            let request = try request(call)
            return try TrendReport.make(
                upTo: request.asOf, knownAt: request.knownAt, buckets: request.buckets, as: call.viewer,
                in: call.store)
        }
        return .json(texts(report.json(call.w.catalogue)))
    }
}
