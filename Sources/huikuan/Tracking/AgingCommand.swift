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
    @Option(help: "Day bounds instead of the standard buckets, for example 0,30,60,90.") var buckets: String?
    @Option(
        help: ArgumentHelp(
            "One of \(AgingReport.Dimension.allCases.map(\.rawValue).joined(separator: ", ")); two with a comma are crossed.",
            valueName: "key"))
    var by = "customer"
    @Option(help: ArgumentHelp("Only these customers' codes, with commas.", valueName: "codes")) var customer: String?
    @Option(help: "Only this currency.") var currency: String?
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
        let isFile = format == "xlsx" || format == "pdf"
        if isFile, output == nil { throw ValidationError("--format \(format ?? "") needs --output FILE") }
    }

    func run() async throws {
        let session = try Session(options)
        let report = try AgingReport.make(try request(session), in: session.store)
        let format = format.flatMap(Format.init) ?? (options.json ? .json : .table)
        switch format {
        case .json:
            let document = report.json(session.catalogue)
            if let output { try Self.write(document.text + "\n", to: output) } else { Console.emit(document) }
        case .csv:
            let text = report.table(session.catalogue).csv
            if let output { try Self.write(text, to: output) } else { Console.write(text, to: STDOUT_FILENO) }
        case .xlsx: try report.table(session.catalogue).writeXLSX(to: output ?? "")
        case .pdf: try report.table(session.catalogue).writePDF(to: output ?? "")
        case .table:
            let table = report.table(session.catalogue)
            if report.rows.isEmpty { Console.say(session.catalogue.text(.agingNothing)) }
            let limit = Console.isTerminal ? 40 : nil
            Console.show(table, rowLimit: limit) { session.catalogue.text(.agingMore, ["count": .count($0)]) }
        }
        if report.proof.contains(where: { !$0.holds }) { throw CommandEnd(exitCode: 1) }
    }

    private func request(_ session: Session) throws -> AgingReport.Request {
        guard let basis = BucketSet.Basis(rawValue: basis) else {
            throw Refusal(.dimensionUnknown, ["known": .text("")])
        }
        var request = AgingReport.Request(asOf: asOf?.day ?? session.today, buckets: try bucketSet(basis))
        if let knownAt { request.knownAt = try KnownAt(knownAt) }
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

    private func bucketSet(_ basis: BucketSet.Basis) throws -> BucketSet {
        guard let buckets else { return .standard(basis) }
        let bounds = buckets.split(separator: ",").compactMap { Int($0) }
        var list = bounds.enumerated().map { index, last in
            BucketSet.Bucket(code: index == 0 ? "≤ \(last)" : "\(bounds[index - 1] + 1)–\(last)", last: .days(last))
        }
        list.append(BucketSet.Bucket(code: "> \(bounds.last ?? 0)", last: nil))
        guard bounds.count == buckets.split(separator: ",").count, let set = BucketSet(basis: basis, buckets: list)
        else {
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
