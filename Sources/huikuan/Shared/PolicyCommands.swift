import ArgumentParser
import Formats
import Foundation
import Ledger
import Operations
import Receivables

struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "The company's rules as data: show them, or put others in force.",
        subcommands: [Show.self, Set.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Write the policy in force as YAML.")
        @OptionGroup var options: StoreOptions
        @Option(help: ArgumentHelp("In force on this day; today unless given.", valueName: "day")) var date:
            DayArgument?

        func run() async throws {
            let session = try Session(options)
            let (version, text) = try Policies.text(on: date?.day ?? session.today, in: session.store)
            if options.json {
                Console.emit(.object(["version": .integer(version), "content": .string(text)]))
            } else {
                Console.write(text, to: STDOUT_FILENO)
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a policy in force: switch rules off, move days, change buckets.")
        @Argument(help: "A YAML file of the shape that `policy show` writes.") var file: String
        @OptionGroup var options: StoreOptions
        @Option(help: ArgumentHelp("From this day; tomorrow unless given.", valueName: "day")) var from: DayArgument?
        @Option(help: "Why.") var reason: String

        func run() async throws {
            let session = try Session(options)
            guard let data = FileManager.default.contents(atPath: file) else {
                throw Refusal(.fileMissing, ["path": .text(file)])
            }
            let text = String(decoding: data, as: UTF8.self)
            let first = from?.day ?? session.today.adding(days: 1)
            session.done(
                try await Policies.set(
                    text, from: first, reason: reason, in: session.store,
                    session.request(.setPolicy, "\(first)|\(reason)|\(text)")))
        }
    }
}

struct AccountsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accounts",
        abstract: "The ledger's accounts by role; accounts ROLE CODE NAME gives one your own code.")

    @Argument(help: "An account role, for example receivable.") var role: String?
    @Argument(help: "The code in your chart of accounts.") var code: String?
    @Argument(help: "Its name there.") var name: String?
    @OptionGroup var options: StoreOptions

    func validate() throws {
        guard (role == nil) == (name == nil) else {
            throw ValidationError("Give ROLE, CODE and NAME, or none of them.")
        }
    }

    func run() async throws {
        let session = try Session(options)
        if let role, let code, let name {
            return session.done(
                try await AccountCodes.set(
                    role, code: code, name: name, in: session.store,
                    session.request(.setAccount, "\(role)|\(code)|\(name)")))
        }
        let accounts = try AccountCodes.all(in: session.store)
        if options.json {
            return Console.emit(
                .list(
                    accounts.map {
                        .object(["role": .string($0.role), "code": .string($0.code), "name": .string($0.name)])
                    }))
        }
        session.show(
            ReportTable(
                title: "",
                columns: [
                    session.column(.columnKind), session.column(.columnNumber), session.column(.columnAccount),
                ],
                rows: accounts.map { [.text($0.role), .text($0.code), .text($0.name)] }), more: 0)
    }
}
