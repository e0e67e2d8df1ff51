import ArgumentParser
import Formats
import Foundation
import Ledger
import Operations
import Receivables

struct TemplatesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "templates", abstract: "The words of messages to customers: show them, or put others in force.",
        subcommands: [Show.self, Set.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the newest template of a language: a line for each part, \\n for a new line.")
        @OptionGroup var options: StoreOptions
        @Option(help: "The language of the customers; the answer's unless given.") var of: MessageTemplates.Language?

        func run() async throws {
            let session = try Session(options)
            let language = of ?? session.catalogue.language
            let version = try MessageTemplates.newest(language, in: session.store)
            if options.json {
                Console.emit(
                    .object([
                        "language": .string(language.rawValue), "version": .integer(version.number),
                        "from": version.from.map { .string("\($0)") } ?? .null,
                        "content": .string(version.template.lines),
                    ]))
            } else {
                Console.write(version.template.lines, to: STDOUT_FILENO)
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Put a template in force.")
        @Argument(help: "A file of the shape that `templates show` writes.") var file: String
        @OptionGroup var options: StoreOptions
        @Option(help: "The language of the customers; the answer's unless given.") var of: MessageTemplates.Language?
        @Option(help: ArgumentHelp("From this day; tomorrow unless given.", valueName: "day")) var from: DayArgument?
        @Option(help: "Why.") var reason: String

        func run() async throws {
            let session = try Session(options)
            let language = of ?? session.catalogue.language
            guard let data = FileManager.default.contents(atPath: file) else {
                throw Refusal(.fileMissing, ["path": .text(file)])
            }
            let text = String(decoding: data, as: UTF8.self)
            let template = try MessageTemplate(lines: text)
            let first = from?.day ?? session.today.adding(days: 1)
            session.done(
                try await MessageTemplates.propose(
                    template, language, from: first, reason: reason, in: session.store,
                    session.request(.proposeTemplate, "\(language)|\(first)|\(reason)|\(text)")))
        }
    }
}

extension MessageTemplates.Language: ExpressibleByArgument {}
