import ArgumentParser
import Formats
import Foundation
import Ledger
import OpenItems
import Operations
import Receivables

struct AgingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aging", abstract: "Open items by age, as of any day, as known at any act.")

    @OptionGroup var options: StoreOptions
    @Option(help: ArgumentHelp("Facts posted up to this day; today unless given.", valueName: "day")) var asOf:
        DayArgument?
    @Option(help: ArgumentHelp("What was known: an instant in UTC or an act, #12.", valueName: "instant or act"))
    var knownAt: String?
    @Option(help: "due, invoice or recognition.") var basis = "due"
    @Option(help: "Bounds instead of the policy's buckets: days, months, years, for example 0,30,60,90 or 6m,1y,2y.")
    var buckets: String?
    @Option(
        help: ArgumentHelp(
            "One of \(AgingReport.Dimension.allCases.map(\.rawValue).joined(separator: ", ")); two with a comma are crossed.",
            valueName: "key"))
    var by = "customer"
    @Option(help: ArgumentHelp("Only these customers' codes, with commas.", valueName: "codes")) var customer: String?
    @Option(help: "Only this currency.") var currency: String?
    @Option(help: ArgumentHelp("Show what moved open items from the end of this day to --as-of.", valueName: "day"))
    var from: DayArgument?
    @Flag(help: "Show the last thirteen month ends, and how much rolled from bucket to bucket.") var trend = false
    @Flag(help: "Group by today's attributes instead of those in force on the day.") var attributesToday = false
    @Option(help: "table, json, csv, xlsx or pdf.") var format: String?
    @Option(help: ArgumentHelp("Write to a file.", valueName: "file")) var output: String?

    private enum Format: String, CaseIterable { case table, json, csv, xlsx, pdf }

    func validate() throws {
        guard BucketSet.Basis(rawValue: basis) != nil else {
            throw ValidationError("--basis takes due, invoice or recognition")
        }
        if let format, Format(rawValue: format) == nil {
            throw ValidationError("--format takes table, json, csv, xlsx or pdf")
        }
        if let currency, Currency(currency) == nil { throw ValidationError("--currency takes an ISO 4217 code") }
        if from != nil, trend { throw ValidationError("Give either --from or --trend.") }
        if from != nil || trend, customer != nil || currency != nil || by != "customer" || attributesToday {
            throw ValidationError("--from and --trend show the whole company: leave out --by and the filters.")
        }
        let isFile = format == "xlsx" || format == "pdf"
        if isFile, output == nil { throw ValidationError("--format \(format ?? "") needs --output FILE") }
    }

    func run() async throws {
        let session = try Session(options)
        let day = asOf?.day ?? session.today
        let known = try knownAt.map { try KnownAt($0) } ?? .now
        let viewer = try session.viewer(for: .seeAging)
        // They show the whole company, which a data scope hides.
        if from != nil || trend, !viewer.seesAll {
            throw Refusal(.accessDenied, ["permission": .text("see-aging"), "roles": .text("all")])
        }
        if let from {
            let report = try MovementReport.make(
                from: from.day, to: day, knownAt: known, buckets: try bucketSet(session, day), in: session.store)
            return try write(report.table(session.catalogue), json: report.json(session.catalogue), session)
        }
        if trend {
            let report = try TrendReport.make(
                upTo: day, knownAt: known, buckets: try bucketSet(session, day), in: session.store)
            return try write(report.table(session.catalogue), json: report.json(session.catalogue), session)
        }
        let report = try AgingReport.make(try request(session, day, known), in: session.store)
        try write(report.table(session.catalogue), json: report.json(session.catalogue), session)
        if report.proof.contains(where: { !$0.holds }) { throw CommandEnd(exitCode: 1) }
    }

    private func write(_ table: ReportTable, json document: JSONValue, _ session: Session) throws {
        switch format.flatMap(Format.init) ?? (options.json ? .json : .table) {
        case .json:
            if let output { try Self.write(document.text + "\n", to: output) } else { Console.emit(document) }
        case .csv:
            if let output { try Self.write(table.csv, to: output) } else { Console.write(table.csv, to: STDOUT_FILENO) }
        case .xlsx: try table.writeXLSX(to: output ?? "")
        case .pdf: try table.writePDF(to: output ?? "")
        case .table:
            if table.rows.isEmpty { Console.say(session.catalogue.text(.agingNothing)) }
            let limit = Console.isTerminal ? 40 : nil
            Console.show(table, rowLimit: limit) { session.catalogue.text(.agingMore, ["count": .count($0)]) }
        }
    }

    private func request(
        _ session: Session, _ day: LocalDate, _ knownAt: KnownAt
    ) throws -> AgingReport.Request {
        var request = AgingReport.Request(asOf: day, buckets: try bucketSet(session, day))
        request.viewer = try session.viewer(for: .seeAging)
        request.knownAt = knownAt
        let known = AgingReport.Dimension.allCases.map(\.rawValue).joined(separator: ", ")
        request.dimensions = try by.split(separator: ",").map { word in
            guard let dimension = AgingReport.Dimension(rawValue: String(word)) else {
                throw Refusal(.dimensionUnknown, ["known": .text(known)])
            }
            return dimension
        }
        request.usesTodaysAttributes = attributesToday
        request.customers = Set((customer ?? "").split(separator: ",").map(String.init))
        request.currency = currency.flatMap { Currency($0) }
        return request
    }

    /// The policy's buckets in force on the day, or those asked for.
    private func bucketSet(_ session: Session, _ day: LocalDate) throws -> BucketSet {
        let basis = BucketSet.Basis(rawValue: basis) ?? .due
        guard let buckets else { return try Policies.buckets(basis, on: day, in: session.store) }
        guard let set = BucketSet(basis: basis, bounds: buckets) else {
            throw Refusal(.bucketsUnreadable, ["value": .text(buckets)])
        }
        return set
    }

    static func write(_ text: String, to path: String) throws {
        guard FileManager.default.createFile(atPath: path, contents: Data(text.utf8)) else {
            throw Refusal(.outputUnwritable, ["path": .text(path), "reason": .text("")])
        }
    }
}

struct SnapshotsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshots", abstract: "The aging figures that each day's run kept; verify recomputes them.")

    @OptionGroup var options: StoreOptions
    @Option(help: ArgumentHelp("Of this day or later; the last 31 days unless given.", valueName: "day"))
    var since: DayArgument?

    func run() async throws {
        let session = try Session(options)
        let first = since?.day ?? session.today.adding(days: -31)
        let rows = try AgingSnapshot.rows(since: first, in: session.store)
        let buckets = BucketSet.standardDue
        if options.json {
            return Console.emit(
                .list(
                    rows.map { row in
                        func decimal(_ amount: Int128) -> JSONValue {
                            .string(Money.decimal(of: amount, exponent: row.currency.exponent))
                        }
                        return .object([
                            "asOf": .string("\(row.day)"), "currency": .string(row.currency.code),
                            "open": decimal(row.buckets.reduce(0, +)), "buckets": .array(row.buckets.map(decimal)),
                            "unapplied": decimal(row.unapplied),
                        ])
                    }))
        }
        if rows.isEmpty { return Console.say(session.catalogue.text(.listNothing)) }
        Console.show(
            TrendReport.table(
                session.catalogue.text(.snapshotTitle),
                rows.map {
                    TrendReport.Row(day: $0.day, currency: $0.currency, buckets: $0.buckets, unapplied: $0.unapplied)
                }, buckets, [], session.catalogue))
    }
}
