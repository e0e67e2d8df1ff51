import ArgumentParser
import Formats
import Foundation
import Ledger
import Operations
import Receivables

struct DayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "day", abstract: "Run the day's rules; missed days are caught up, nothing happens twice.")

    @OptionGroup var options: StoreOptions
    @Option(help: ArgumentHelp("The day to run; today unless given.", valueName: "day")) var date: DayArgument?
    @Option(help: ArgumentHelp("First day of a range.", valueName: "day")) var from: DayArgument?
    @Option(help: ArgumentHelp("Last day of a range.", valueName: "day")) var to: DayArgument?
    @Flag(help: "Show what tomorrow (or --date) would do and why, and change nothing.") var dryRun = false

    func validate() throws {
        if date != nil, from != nil || to != nil { throw ValidationError("Give either --date or --from and --to.") }
        if (from == nil) != (to == nil) { throw ValidationError("--from and --to go together.") }
    }

    func run() async throws {
        let session = try Session(options)
        let last = to?.day ?? date?.day ?? (dryRun ? session.today.adding(days: 1) : session.today)
        let running = RunDay(in: session.store, actor: session.actor, source: "cli")
        let progress = Progress(session.catalogue.text(.dayTitle, ["day": .day(last)]))
        let first = from?.day
        let reports = try await running.run(
            from: first, to: last, now: session.now, today: session.today, isDryRun: dryRun
        ) { day in
            if let first { progress.show(Double(day.days(since: first)) / Double(max(last.days(since: first), 1))) }
        }
        progress.finish()
        if options.json { Console.emit(json(reports)) } else { show(reports, session) }
    }

    private static func counts(_ counts: DayReport.Counts) -> JSONValue {
        .object(["created": .count(counts.created), "held": .count(counts.held), "skipped": .count(counts.skipped)])
    }

    private static func rules(_ rules: [String: DayReport.Counts]) -> JSONValue {
        .object(
            RuleCode.allCases.map {
                JSONValue.Member(name: $0.name, value: counts(rules[$0.name] ?? DayReport.Counts()))
            })
    }

    private func total(_ reports: [DayReport]) -> [String: DayReport.Counts] {
        var total: [String: DayReport.Counts] = [:]
        for report in reports {
            for (rule, counts) in report.rules {
                total[rule, default: DayReport.Counts()].created += counts.created
                total[rule, default: DayReport.Counts()].held += counts.held
                total[rule, default: DayReport.Counts()].skipped += counts.skipped
            }
        }
        return total
    }

    private func json(_ reports: [DayReport]) -> JSONValue {
        .object([
            "days": .array(
                reports.map { report in
                    .object([
                        "date": .string("\(report.date)"), "repeat": .bool(report.isRepeat),
                        "rules": Self.rules(report.rules),
                        "messages": .object(
                            report.messages.sorted { $0.key < $1.key }.map {
                                .init(name: $0.key, value: .count($0.value))
                            }),
                        "tasks": .count(report.tasks), "warnings": .array(report.warnings.map(JSONValue.string)),
                        "details": .array(
                            report.details.map { detail in
                                .object([
                                    "rule": .string(detail.rule), "customer": .string(detail.customer),
                                    "subject": .string(detail.subject), "effect": .string(detail.effect),
                                    "reason": .string(detail.reason),
                                ])
                            }),
                    ])
                }),
            "totals": Self.rules(total(reports)), "dryRun": .bool(dryRun),
        ])
    }

    /// Codes as words; addresses and counts as they are.
    private static func reason(_ detail: DayReport.Detail, _ catalogue: Catalogue) -> String {
        guard detail.effect.hasSuffix("held") || detail.effect == "none" else { return detail.reason }
        return detail.reason.split(separator: ",").map { catalogue.text("reason.\($0)") }.joined(separator: ", ")
    }

    private func show(_ reports: [DayReport], _ session: Session) {
        let catalogue = session.catalogue
        guard let last = reports.last else { return }
        if dryRun { Console.say(catalogue.text(.dayDryRun, ["day": .day(last.date)])) }
        if reports.allSatisfy(\.isRepeat) {
            Console.say(catalogue.text(.dayRepeat, ["day": .day(last.date)]))
            return
        }
        let title =
            reports.count == 1
            ? "\(last.date)"
            : catalogue.text(
                .dayDays, ["count": .count(reports.count), "first": .day(reports[0].date), "last": .day(last.date)])
        let totals = total(reports)
        Console.show(
            ReportTable(
                title: title,
                columns: [
                    .init(catalogue.text(.dayRule), .text), .init(catalogue.text(.dayCreated), .count),
                    .init(catalogue.text(.dayHeld), .count), .init(catalogue.text(.daySkipped), .count),
                ],
                rows: RuleCode.allCases.map { rule in
                    let counts = totals[rule.name] ?? DayReport.Counts()
                    return [
                        .text(catalogue.text("rule.\(rule.name)")), .count(counts.created), .count(counts.held),
                        .count(counts.skipped),
                    ]
                }))
        func sum(_ state: String) -> Refusal.Parameter { .count(reports.reduce(0) { $0 + ($1.messages[state] ?? 0) }) }
        Console.say(
            catalogue.text(
                .dayMessages,
                [
                    "queued": sum("queued"), "held": sum("held"), "past": sum("past"), "released": sum("released"),
                    "tasks": .count(reports.reduce(0) { $0 + $1.tasks }),
                ]))
        for detail in last.details.prefix(40) {
            let parts = [
                catalogue.text("rule.\(detail.rule)"), detail.customer, detail.subject, "→",
                catalogue.text("effect.\(detail.effect.split(separator: ":").joined(separator: "-"))"),
                Self.reason(detail, catalogue),
            ]
            Console.say("  " + parts.filter { !$0.isEmpty }.joined(separator: "  "))
        }
        if last.details.count > 40 {
            Console.say(catalogue.text(.listMore, ["count": .count(last.details.count - 40)]))
        }
        for year in Set(reports.filter { $0.warnings.contains("calendar") }.map(\.date.year)).sorted() {
            Console.say(catalogue.text(.dayWarningCalendar, ["year": .text("\(year)")]))
        }
    }
}
