internal import Formats
internal import Ledger
internal import Operations
internal import Receivables

/// People, their accounts, tokens and decisions, for programs.
enum PeopleOperations {
    static let all: [Operation] = [
        me, people, person, invite, setPerson, setRoles, setScope, setActive, tokens, makeToken, revokeToken,
        delegations,
        delegate, endDelegation, approvals, decide, withdraw, services, addService, makeServiceToken,
        revokeServiceToken,
    ]

    private static let roles = Role.allCases.map(\.name)
    private static let scopes = DataScope.allCases.map(\.name)
    private static let permissions = Permission.allCases.map(\.rawValue)

    private static let me = Operation(
        .get, "/me", "getMe", .token, "Who the token is, and what it may.",
        result: .json(
            .named(
                "Me",
                .record([
                    .init("person", .line()), .init("roles", .list(of: .choice(roles))),
                    .init("scope", .choice(scopes), "Which customers are seen."),
                    .init("permissions", .list(of: .choice(permissions)), "What the token may do now."),
                    .init("today", .day, "The company's day."),
                ])))
    ) { call in
        .json(
            .object([
                "person": .string(call.viewer.key), "roles": .texts(call.viewer.roles.map(\.name).sorted()),
                "scope": .string(call.viewer.scope.name),
                "permissions": .texts(Permission.allCases.filter(call.viewer.may).map(\.rawValue)),
                "today": .string("\(call.today)"),
            ]))
    }

    // MARK: People

    private static let shape = Schema.named(
        "Person",
        .record([
            .init("person", .line(0...400)), .init("name", .line(0...400)),
            .init("roles", .list(of: .choice(roles))), .init("pendingRoles", .list(of: .choice(roles))),
            .init("scope", .choice(scopes)), .orNull("manager", .line(0...400)), .init("account", .flag),
            .init("active", .flag), .init("invited", .flag), .init("secondFactor", .flag),
            .init(
                "version", .count,
                "Another one with each change of roles, scope or manager; the same as the `ETag` of the record."),
        ]))

    private static func json(_ person: AccountQueries.PersonRow) -> JSONValue {
        .object([
            "person": .string(person.key), "name": .string(person.name),
            "roles": .texts(person.roles.map(\.name).sorted()),
            "pendingRoles": .texts(person.pendingRoles.map(\.name).sorted()),
            "scope": .string(person.scope.name), "manager": .optional(person.managerKey),
            "account": .bool(person.hasAccount), "active": .bool(person.isActive),
            "invited": .bool(person.isInvited), "secondFactor": .bool(person.hasSecondFactor),
            "version": .integer(person.version),
        ])
    }

    private static let people = Operation.ask(
        "/people", "listPeople", .seePeople, "Everybody with their roles and accounts.",
        result: Shape.page("PersonPage", shape)
    ) { call in
        let (store, now) = (call.store, call.now)
        return call.page(
            try await call.work { try AccountQueries.people(in: store, now: now) }.map(json), next: nil)
    }

    private static let person = Operation.ask(
        "/people/{person}", "getPerson", .seePeople, "A person with roles and account.", result: shape,
        isVersioned: true, example: .init(places: ["person": "{person}"])
    ) { call in
        let (store, now, key) = (call.store, call.now, call.place("person"))
        guard let row = try await call.work({ try AccountQueries.people(in: store, now: now, only: key).first }) else {
            throw Problem(404, Refusal(.actorUnknown, ["person": .text(key)]))
        }
        return Answer(body: json(row), version: row.version, isWhole: false)
    }

    private static let invite = Operation.act(
        .post, "/people/invitations", "invite", .invite, "Registers a person and makes an invitation.",
        about: "Roles wait for somebody of management. The link is shown this once: the same request again shows none.",
        body: .named(
            "NewInvitation",
            .record([
                .init("email", .line(3...200)), .maybe("name", .line(1...120)),
                .maybe("roles", .list(.choice(roles), 0...10)),
            ])), status: 201,
        result: .named(
            "Invitation",
            .record([
                .init("person", .line(0...400)), .orNull("link", .line(1...400)), .orNull("expiresAt", .instant),
            ])),
        example: .init(
            body: .object([
                "email": .string("new.colleague@example.com"), "name": .string("New Colleague"),
                "roles": .array([.string("sales")]),
            ]))
    ) { call in
        let email = call.body.text("email") ?? ""
        let link = try await AccountCommands(in: call.store, call.request(.invite)).invite(
            email, name: call.body.text("name") ?? "", roles: Set(call.body.texts("roles").compactMap(Role.named)))
        return .json(
            .object([
                "person": .string(link?.person ?? email.lowercased()),
                "link": .optional(link.map { "\(call.base)/invitation/\($0.token)" }),
                "expiresAt": Shape.instant(link?.expiresAt),
            ]))
    }

    /// A person in the path who isn't there is a place that isn't; one in the body is a mistake in it.
    private static func ofPerson(_ call: Call, _ body: () async throws -> Int64?) async throws -> Answer {
        do {
            return .act(try await body())
        } catch let refusal as Refusal
            where refusal.code == .actorUnknown && refusal.parameters["person"] == .text(call.place("person"))
        {
            throw Problem(404, refusal)
        }
    }

    private static let setPerson = Operation.act(
        .put, "/people/{person}/manager", "setManager", .setPerson,
        "Who stands above a person: late tasks are told there, and a team's data scope follows it.",
        body: .named("ManagerChange", .record([.maybe("manager", .line(), "`null` for nobody.")])),
        acceptsVersion: true,
        example: .init(places: ["person": "{person}"], body: .object(["manager": .null]))
    ) { call in
        try await ofPerson(call) {
            try await AccountCommands(in: call.store, call.request(.setPerson)).setManager(
                call.body.text("manager") ?? "", of: call.place("person"), seen: call.version)
        }
    }

    private static let setRoles = Operation.act(
        .put, "/people/{person}/roles", "setRoles", .proposeRoles,
        "Asks for a person's roles; taking some away holds at once, giving some waits for management.",
        body: .named("RolesChange", .record([.init("roles", .list(.choice(roles), 0...10))])),
        acceptsVersion: true,
        example: .init(places: ["person": "{person}"], body: .object(["roles": .array([.string("sales")])]))
    ) { call in
        try await ofPerson(call) {
            try await AccountCommands(in: call.store, call.request(.proposeRoles)).setRoles(
                Set(call.body.texts("roles").compactMap(Role.named)), of: call.place("person"), seen: call.version)
        }
    }

    private static let setScope = Operation.act(
        .put, "/people/{person}/scope", "setScope", .setScope, "Which customers a person sees.",
        body: .named("ScopeChange", .record([.init("scope", .choice(scopes))])), acceptsVersion: true,
        example: .init(places: ["person": "{person}"], body: .object(["scope": .string("team")]))
    ) { call in
        try await ofPerson(call) {
            try await AccountCommands(in: call.store, call.request(.setScope)).setScope(
                DataScope.allCases.first { $0.name == call.body.text("scope") } ?? .own, of: call.place("person"),
                seen: call.version)
        }
    }

    private static let setActive = Operation.act(
        .put, "/people/{person}/account", "setAccountState", .disableAccount,
        "Closes an account, or opens it again; sessions, links and tokens end.",
        body: .named("AccountState", .record([.init("active", .flag)])),
        example: .init(places: ["person": "{person}"], body: .object(["active": .bool(false)]))
    ) { call in
        .act(
            try await AccountCommands(in: call.store, call.request(.disableAccount)).setActive(
                call.body.flag("active") ?? false, person: call.place("person")))
    }

    // MARK: Tokens

    private static let tokens = Operation.ask(
        "/tokens", "listTokens", .makeToken, "The holder's tokens, newest first; never the secrets.",
        result: Shape.page(
            "TokenPage",
            .named(
                "Token",
                .record([
                    .init("id", .identifier), .init("name", .line(0...400)), .init("scopes", .list(of: .line())),
                    .init("expiresAt", .instant), .init("revoked", .flag),
                ])))
    ) { call in
        let (viewer, store) = (call.viewer, call.store)
        return call.page(
            try await call.work { try AccountQueries.tokens(of: viewer, in: store) }.map { token in
                .object([
                    "id": Shape.id(token.id), "name": .string(token.name), "scopes": .texts(token.scopes),
                    "expiresAt": .string("\(token.expiresAt)"), "revoked": .bool(token.isRevoked),
                ])
            }, next: nil)
    }

    static let newToken = Schema.named(
        "NewToken",
        .record([
            .init("name", .line(1...80), "What it is for."),
            .init("scopes", .list(.choice(permissions), 1...100), "What it may do; never more than its holder."),
            .maybe("days", .whole(1...366), "Until it expires; 90 unless given."),
        ]))
    static let madeToken = Schema.named(
        "MadeToken",
        .record([
            .orNull("token", .line(), "Shown this once: the same request again shows none."),
            .orNull("expiresAt", .instant),
        ]))

    private static let makeToken = Operation.act(
        .post, "/tokens", "makeToken", .makeToken, "Makes a token of the same holder.", body: newToken, status: 201,
        result: madeToken,
        example: .init(
            body: .object(["name": .string("reports"), "scopes": .array([.string("see-customers")])]))
    ) { call in
        let link = try await AccountCommands(in: call.store, call.request(.makeToken)).makeToken(
            name: call.body.text("name") ?? "",
            scopes: Set(call.body.texts("scopes").compactMap { Permission(rawValue: $0) }),
            days: Int(call.body.whole("days") ?? 90))
        return .json(
            .object(["token": .optional(link?.token), "expiresAt": Shape.instant(link?.expiresAt)]))
    }

    private static let revokeToken = Operation.act(
        .delete, "/tokens/{id}", "revokeToken", .makeToken, "Ends a token of the same holder.",
        example: .init(places: ["id": "{token}"])
    ) { call in
        guard call.id != call.token else { throw Refusal(.tokenOwn) }
        return .act(
            try await AccountCommands(in: call.store, call.request(.makeToken)).revokeToken(call.id))
    }

    // MARK: Deputies

    private static let delegations = Operation.ask(
        "/delegations", "listDelegations", .delegate, "Who stands in for whom, now or later.",
        result: Shape.page(
            "DelegationPage",
            .named(
                "Delegation",
                .record([
                    .init("id", .identifier), .init("person", .line(0...400)), .init("deputy", .line(0...400)),
                    .init("from", .day), .init("until", .day), .init("reason", .line(0...400)),
                ])))
    ) { call in
        let (today, store) = (call.today, call.store)
        return call.page(
            try await call.work { try AccountQueries.delegations(on: today, in: store) }.map { row in
                .object([
                    "id": Shape.id(row.id), "person": .string(row.person), "deputy": .string(row.deputy),
                    "from": .string("\(row.from)"), "until": .string("\(row.until)"), "reason": .string(row.reason),
                ])
            }, next: nil)
    }

    private static let delegate = Operation.act(
        .post, "/delegations", "delegate", .delegate,
        "Lends the holder's tasks and decisions to a colleague, for three months at most.",
        body: .named(
            "NewDelegation",
            .record([
                .init("deputy", .line(), "The colleague's key."), .init("from", .day), .init("until", .day),
                Shape.maybeReason,
            ])), status: 201,
        example: .init(
            body: .object([
                "deputy": .string("{person}"), "from": .string("{today}"), "until": .string("{inTwoWeeks}"),
            ]))
    ) { call in
        .act(
            try await AccountCommands(in: call.store, call.request(.delegate)).delegate(
                to: call.body.text("deputy") ?? "", from: try call.bookDay("from") ?? call.today,
                until: try call.bookDay("until") ?? call.today, reason: call.body.text("reason") ?? ""))
    }

    private static let endDelegation = Operation.act(
        .delete, "/delegations/{id}", "endDelegation", .delegate, "Ends a delegation of the holder's from today on.",
        example: .init(places: ["id": "{delegation}"], needs: "a delegation of one's own")
    ) { call in
        .act(
            try await AccountCommands(in: call.store, call.request(.delegate)).endDelegation(call.id))
    }

    // MARK: Approvals

    private static let approvals = Operation(
        .get, "/approvals", "listApprovals", .anyOf([.seeApprovals, .decide, .withdrawProposal]),
        "What waits for a second person, or was decided; what the holder may see of it, newest first.",
        query: [.init("waiting", .flag, "Only what waits."), .cursor, .limit(500)],
        result: .json(
            Shape.page(
                "ApprovalPage",
                .named(
                    "Approval",
                    .record([
                        .init("id", .identifier), .init("kind", .choice(Approval.Kind.allCases.map(\.name))),
                        .init("subject", .line(0...400)), .init("subjectName", .line(0...400)),
                        .init("proposed", .list(of: .lines(0...40_000))), .init("requestedBy", .line(0...400)),
                        .init("requestedAt", .instant), .init("reason", .lines()),
                        .orNull("answer", .choice(["approved", "rejected", "withdrawn"])),
                        .orNull("decidedBy", .line(0...400)), .init("decisionReason", .lines()),
                        .init("mayDecide", .flag), .init("isOwn", .flag),
                    ]))))
    ) { call in
        let (viewer, store, waiting) = (call.viewer, call.store, call.query.flag("waiting") ?? false)
        let (before, limit) = (try call.numberCursor(), call.limit)
        let found = try await call.work {
            try ApprovalQueries.list(
                for: viewer, onlyWaiting: waiting, before: before, limit: limit + 1, in: store)
        }
        let rows = found.prefix(limit)
        return call.page(
            rows.map { row in
                .object([
                    "id": Shape.id(row.id), "kind": .string(row.kind.name), "subject": .string(row.subject),
                    "subjectName": .string(row.subjectName), "proposed": .texts(row.proposed),
                    "requestedBy": .string(row.requestedBy), "requestedAt": .string("\(row.requestedAt)"),
                    "reason": .string(row.reason), "answer": .optional(row.answer.map { "\($0)" }),
                    "decidedBy": .optional(row.decidedBy), "decisionReason": .string(row.decisionReason),
                    "mayDecide": .bool(row.isMine), "isOwn": .bool(row.isOwn),
                ])
            }, next: found.count > limit ? rows.last.map { "\($0.id)" } : nil)
    }

    private static let decide = Operation.act(
        .post, "/approvals/{id}/decision", "decide", .decide, "Agrees to what somebody else asked for, or doesn't.",
        about: "Nobody decides on what they asked for themselves.",
        body: .named(
            "Decision",
            .record([
                .init("answer", .choice(["approved", "rejected"])),
                .maybe("reason", .line(1...400), "Needed for a rejection."),
            ])),
        example: .init(
            places: ["id": "{approval}"], body: .object(["answer": .string("approved")]),
            needs: "a request of somebody else")
    ) { call in
        .act(
            try await Approvals(in: call.store, call.request(.decide)).decide(
                call.id, call.body.text("answer") == "approved" ? .approved : .rejected,
                reason: call.body.text("reason") ?? ""))
    }

    private static let withdraw = Operation.act(
        .post, "/approvals/{id}/withdrawal", "withdraw", .withdrawProposal,
        "Takes back what the holder asked for, before anybody decided.",
        example: .init(places: ["id": "{ownApproval}"], needs: "a request of one's own")
    ) { call in
        .act(try await Approvals(in: call.store, call.request(.withdrawProposal)).withdraw(call.id))
    }

    // MARK: Service accounts

    private static let services = Operation.ask(
        "/service-accounts", "listServiceAccounts", .seePeople, "Accounts of programs, with their tokens.",
        result: Shape.page(
            "ServiceAccountPage",
            .named(
                "ServiceAccount",
                .record([
                    .init("name", .line()), .init("roles", .list(of: .choice(roles))),
                    .init("pendingRoles", .list(of: .choice(roles))), .init("scope", .choice(scopes)),
                    .init("active", .flag),
                    .init(
                        "tokens",
                        .list(
                            of: .named(
                                "ServiceToken",
                                .record([
                                    .init("id", .identifier), .init("name", .line(0...400)),
                                    .init("scopes", .list(of: .line())), .init("expiresAt", .instant),
                                    .init("revoked", .flag), .init("waits", .flag, "For somebody of management."),
                                ])))),
                ])))
    ) { call in
        let (store, now) = (call.store, call.now)
        return call.page(
            try await call.work { try ServiceAccounts.all(in: store, now: now) }.map { row in
                .object([
                    "name": .string(row.name), "roles": .texts(row.roles.map(\.name).sorted()),
                    "pendingRoles": .texts(row.pendingRoles.map(\.name).sorted()),
                    "scope": .string(row.scope.name), "active": .bool(row.isActive),
                    "tokens": .array(
                        row.tokens.map { token in
                            .object([
                                "id": Shape.id(token.id), "name": .string(token.name), "scopes": .texts(token.scopes),
                                "expiresAt": .string("\(token.expiresAt)"), "revoked": .bool(token.isRevoked),
                                "waits": .bool(token.waits),
                            ])
                        }),
                ])
            }, next: nil)
    }

    private static let addService = Operation.act(
        .post, "/service-accounts", "addServiceAccount", .addServiceAccount,
        "Makes an account for a program that acts in nobody's name.",
        about: "Its roles wait for somebody of management, as a person's do.",
        body: .named(
            "NewServiceAccount",
            .record([
                .init("name", .line(2...40), "Lower-case letters, digits and dashes."),
                .init("roles", .list(.choice(roles), 1...10)), .maybe("scope", .choice(scopes)),
            ])), status: 201,
        example: .init(
            body: .object([
                "name": .string("warehouse"), "roles": .array([.string("auditor")]), "scope": .string("all"),
            ]))
    ) { call in
        .act(
            try await ServiceAccounts(in: call.store, call.request(.addServiceAccount)).add(
                call.body.text("name") ?? "", roles: Set(call.body.texts("roles").compactMap(Role.named)),
                scope: DataScope.allCases.first { $0.name == call.body.text("scope") }))
    }

    private static let makeServiceToken = Operation.act(
        .post, "/service-accounts/{service}/tokens", "makeServiceToken", .makeServiceToken,
        "Makes a token of a service account; it works once somebody of management agreed.", body: newToken, status: 201,
        result: .named(
            "MadeServiceToken",
            .record([
                .orNull("token", .line(), "Shown this once: the same request again shows none."),
                .orNull("expiresAt", .instant), .init("waits", .flag, "For somebody of management."),
            ])),
        example: .init(
            places: ["service": "{service}"],
            body: .object(["name": .string("nightly"), "scopes": .array([.string("see-acts")])]),
            needs: "a service account whose roles were approved")
    ) { call in
        let made = try await ServiceAccounts(in: call.store, call.request(.makeServiceToken)).makeToken(
            of: call.place("service"), called: call.body.text("name") ?? "",
            scopes: Set(call.body.texts("scopes").compactMap { Permission(rawValue: $0) }),
            days: Int(call.body.whole("days") ?? 90))
        return .json(
            .object([
                "token": .optional(made.link?.token), "expiresAt": Shape.instant(made.link?.expiresAt),
                "waits": .bool(made.waits),
            ]))
    }

    private static let revokeServiceToken = Operation.act(
        .delete, "/service-accounts/{service}/tokens/{id}", "revokeServiceToken", .makeServiceToken,
        "Ends a token of a service account.",
        example: .init(places: ["service": "{service}", "id": "{token}"], needs: "a token of a service account")
    ) { call in
        .act(
            try await ServiceAccounts(in: call.store, call.request(.makeServiceToken)).revoke(
                call.id, of: call.place("service")))
    }
}
