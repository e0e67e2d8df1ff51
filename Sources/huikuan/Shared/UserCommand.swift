import ArgumentParser
import Formats
import Foundation
import Ledger
import Operations
import Receivables

struct UserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "People who sign in: invite, list, give roles, close, make links and tokens.",
        subcommands: [Add.self, List.self, Roles.self, Disable.self, Enable.self, Link.self, Token.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Register somebody and print an invitation, or set a password that they change when they sign in."
        )
        @Argument(help: "The e-mail address.") var email: String
        @OptionGroup var options: StoreOptions
        @Option(help: "The name.") var name: String?
        @Option(help: ArgumentHelp(Role.allCases.map(\.name).joined(separator: ", "))) var role: [String] = []
        @Option(help: "Which customers they see: own, team or all.") var scope: String?
        @Flag(help: "Read an initial password from standard input instead.") var passwordStdin = false
        @Option(help: "What links begin with, for example https://huikuan.example.") var url: String?

        func validate() throws {
            try UserCommand.check(roles: role)
            if let scope { _ = try UserCommand.scope(scope) }
        }

        func run() async throws {
            let session = try Session(options)
            let roles = Set(role.compactMap(Role.named))
            let key = email.lowercased()
            if passwordStdin {
                guard let password = readLine(strippingNewline: true) else {
                    throw Refusal(.passwordTooShort, ["count": .count(Password.shortest)])
                }
                _ = try await WorkCommands(in: session.store, session.request(.setPerson, key)).setPerson(
                    key, manager: nil, roles: Array(roles), without: [])
                try await AccountCommands(in: session.store, session.request(.setPerson, key)).setInitialPassword(
                    password, of: key, name: name ?? "")
                try await setScope(session, key)
                if session.options.json { return Console.emit(.object(["person": .string(key)])) }
                return Console.say(session.catalogue.text(.userPassword, ["person": .text(key)]))
            }
            let link = try await AccountCommands(in: session.store, session.request(.invite, key)).invite(
                key, name: name ?? "", roles: roles)
            try await setScope(session, key)
            guard let link else { return }
            UserCommand.show(link, "\(url ?? "")/invitation/\(link.token)", .userInvited, session)
        }

        private func setScope(_ session: Session, _ key: String) async throws {
            guard let scope else { return }
            _ = try await AccountCommands(in: session.store, session.request(.setScope, key + scope)).setScope(
                try UserCommand.scope(scope), of: key)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List people with their roles and accounts.")
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let session = try Session(options)
            let people = try AccountQueries.people(in: session.store, now: session.now)
            if options.json {
                return Console.emit(
                    .list(
                        people.map { person in
                            .object([
                                "person": .string(person.key), "name": .string(person.name),
                                "roles": .array(person.roles.map(\.name).sorted().map { .string($0) }),
                                "scope": .string(person.scope.name), "account": .bool(person.hasAccount),
                                "active": .bool(person.isActive), "invited": .bool(person.isInvited),
                                "secondFactor": .bool(person.hasSecondFactor),
                            ])
                        }))
            }
            session.show(
                ReportTable(
                    title: "",
                    columns: [
                        session.column(.columnAssignee), session.column(.columnName), session.column(.columnKind),
                        session.column(.columnState),
                    ],
                    rows: people.map { person in
                        let state =
                            person.isInvited
                            ? "invited" : person.isActive ? "active" : person.hasAccount ? "closed" : "-"
                        return [
                            .text(person.key), .text(person.name),
                            .text(person.roles.map(\.name).sorted().joined(separator: ", ")), .text(state),
                        ]
                    }), more: 0)
        }
    }

    struct Roles: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Set somebody's roles, and which customers they see.")
        @Argument(help: "The e-mail address or name.") var person: String
        @OptionGroup var options: StoreOptions
        @Option(help: ArgumentHelp(Role.allCases.map(\.name).joined(separator: ", "))) var role: [String] = []
        @Option(help: "own, team or all.") var scope: String?

        func validate() throws {
            try UserCommand.check(roles: role)
            if let scope { _ = try UserCommand.scope(scope) }
        }

        func run() async throws {
            let session = try Session(options)
            let act = try await AccountCommands(
                in: session.store, session.request(.proposeRoles, "\(person)|\(role)")
            )
            .setRoles(Set(role.compactMap(Role.named)), of: person)
            if let scope {
                _ = try await AccountCommands(in: session.store, session.request(.setScope, "\(person)|\(scope)"))
                    .setScope(try UserCommand.scope(scope), of: person)
            }
            session.done(act)
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Close somebody's account; their sessions end at once.")
        @Argument(help: "The e-mail address or name.") var person: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let session = try Session(options)
            session.done(
                try await AccountCommands(in: session.store, session.request(.disableAccount, person)).setActive(
                    false, person: person))
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Open a closed account again.")
        @Argument(help: "The e-mail address or name.") var person: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let session = try Session(options)
            session.done(
                try await AccountCommands(in: session.store, session.request(.disableAccount, person)).setActive(
                    true, person: person))
        }
    }

    struct Link: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a link that signs somebody in once, without a password, within half an hour.")
        @Argument(help: "The e-mail address or name.") var person: String
        @OptionGroup var options: StoreOptions
        @Option(help: "What the link begins with.") var url = "http://127.0.0.1:8080"
        @Flag(help: "Take their second factor away first, when the telephone is lost; their sessions end.")
        var withoutSecondFactor = false

        func run() async throws {
            let session = try Session(options)
            if withoutSecondFactor {
                try await AccountCommands(in: session.store, session.request(.setSecondFactor, person))
                    .removeSecondFactor(of: person)
            }
            let link = try await AccountCommands(in: session.store, session.request(.changePassword, person))
                .signInLink(
                    for: person)
            UserCommand.show(link, "\(url)/link/\(link.token)", .userLink, session)
        }
    }

    struct Token: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token for programs that act for the person named by --as; it is shown this once.")
        @Argument(help: "What it is for.") var name: String
        @OptionGroup var options: StoreOptions
        @Option(help: ArgumentHelp("A permission, for example see-invoices.")) var scope: [String] = []
        @Option(help: "Days until it expires.") var days = 90

        func validate() throws {
            for name in scope where Permission(rawValue: name) == nil {
                throw ValidationError(
                    "\(name) is no permission; permissions are \(Permission.allCases.map(\.rawValue).joined(separator: ", "))"
                )
            }
        }

        func run() async throws {
            let session = try Session(options)
            let link = try await AccountCommands(
                in: session.store, session.request(.makeToken, "\(name)|\(scope)|\(days)")
            )
            .makeToken(name: name, scopes: Set(scope.compactMap(Permission.init)), days: days)
            guard let link else { return }
            UserCommand.show(link, link.token, .userToken, session)
        }
    }

    fileprivate static func check(roles: [String]) throws {
        for name in roles where Role.named(name) == nil {
            throw ValidationError("\(name) is no role; roles are \(Role.allCases.map(\.name).joined(separator: ", "))")
        }
    }

    fileprivate static func scope(_ name: String) throws -> DataScope {
        guard let scope = DataScope.allCases.first(where: { $0.name == name }) else {
            throw ValidationError("\(name) is no data scope; it is own, team or all")
        }
        return scope
    }

    fileprivate static func show(_ link: AccountCommands.Link, _ text: String, _ key: TextKey, _ session: Session) {
        if session.options.json {
            return Console.emit(
                .object([
                    "person": .string(link.person), "secret": .string(text), "expiresAt": .string("\(link.expiresAt)"),
                ]))
        }
        Console.say(session.catalogue.text(key, ["person": .text(link.person), "link": .text(text)]))
    }
}
