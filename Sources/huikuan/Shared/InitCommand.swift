import ArgumentParser
import Formats
import Foundation
import Ledger
import Operations
import Receivables

struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Create a company's store; an existing one is never overwritten.")

    @OptionGroup var options: StoreOptions
    @Option(help: "The functional currency, by ISO 4217.") var currency = "CNY"
    @Option(help: ArgumentHelp("A time zone, for example Asia/Shanghai.", valueName: "zone")) var timezone =
        "Asia/Shanghai"
    @Option(help: ArgumentHelp("The company's legal name.", valueName: "name")) var company = ""
    @Option(help: ArgumentHelp("Country of the working-day calendar.", valueName: "code")) var country = "CN"
    @Option(help: "live, sample, drill or test: only a live one refuses another clock.") var kind = "live"

    func validate() throws {
        guard Currency(currency) != nil else {
            throw ValidationError("--currency takes an ISO 4217 code, for example CNY")
        }
        guard TimeZone(identifier: timezone) != nil else {
            throw ValidationError("--timezone takes a zone, for example Asia/Shanghai")
        }
        guard CompanySettings.Kind(rawValue: kind) != nil else {
            throw ValidationError("--kind takes live, sample, drill or test")
        }
        let languages = Catalogue.Language.allCases.map(\.rawValue)
        if let language = options.language, !languages.contains(language) {
            throw ValidationError("--language takes \(languages.joined(separator: " or "))")
        }
    }

    func run() async throws {
        guard let money = Currency(currency), let kind = CompanySettings.Kind(rawValue: kind) else { return }
        try Edge.checkClock()
        if kind == .live, Edge.setsClock { throw Refusal(.clockNotAllowed) }
        let settings = CompanySettings(
            name: company, currency: money, language: options.language ?? "zh-Hans", timeZone: timezone,
            country: country,
            kind: kind)
        _ = try await CreateCompany(settings).run(
            path: options.store, in: StoreOptions.place(of: options.store), actor: Edge.systemUser, now: Edge.clock(),
            clock: Edge.clock)
        if options.json {
            Console.emit(.object(["store": .string(options.shownStore), "currency": .string(money.code)]))
        } else {
            let name = company.isEmpty ? "–" : company
            Console.say(
                try options.catalogue(of: settings).text(
                    .initDone,
                    ["path": .text(options.shownStore), "company": .text(name), "currency": .text(money.code)]))
        }
    }
}
