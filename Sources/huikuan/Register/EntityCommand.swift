import ArgumentParser
import Formats
import Ledger
import Operations
import Receivables

struct EntityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "entity", abstract: "Legal entities of the company, each with books of its own.",
        subcommands: [Add.self, List.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a legal entity; files name it in their column entity.")
        @Argument(help: "A short code.") var code: String
        @OptionGroup var options: StoreOptions
        @Option(help: "The legal name.") var name: String
        @Option(help: "The functional currency; the company's unless given.") var currency: String?

        func validate() throws {
            guard !code.isEmpty, code.utf8.count <= 40 else { throw ValidationError("CODE has 1 to 40 bytes") }
            if let currency, Currency(currency) == nil {
                throw ValidationError("--currency takes an ISO 4217 code, for example CNY")
            }
        }

        func run() async throws {
            let session = try Session(options)
            let base = currency.flatMap { Currency($0) } ?? session.company.currency
            session.done(
                try await AddEntity(code: code, name: name, currency: base).run(
                    in: session.store, session.request(.addEntity, "\(code)|\(name)|\(base)")))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "All legal entities.")
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let session = try Session(options)
            let entities = try EntityQueries.all(in: session.store)
            if options.json {
                Console.emit(
                    .list(
                        entities.map { entity in
                            .object([
                                "code": .string(entity.code), "name": .string(entity.name),
                                "currency": .string(entity.currency),
                            ])
                        }))
                return
            }
            session.show(
                ReportTable(
                    title: "",
                    columns: [
                        session.column(.columnNumber), session.column(.columnName), session.column(.agingCurrency),
                    ],
                    rows: entities.map { [.text($0.code), .text($0.name), .text($0.currency)] }), more: 0)
        }
    }
}
