internal import Formats
internal import Ledger
internal import Operations
internal import Receivables

/// Settings, search and the state of the store, for programs.
enum SettingOperations {
    static let all: [Operation] = [
        company, policy, setPolicy, previewPolicy, calendar, setCalendarDay, rates, entities, addEntity, bankAccounts,
        proposeBankAccount, search, status, security,
    ]

    private static let company = Operation.ask(
        "/settings/company", "getCompany", .seeSettings, "The company, its currency, language, time zone and country.",
        result: .named(
            "Company",
            .record([
                .init("name", .line(0...400)), .init("currency", .line()), .init("language", .line()),
                .init("timeZone", .line()), .init("country", .line()), .init("version", .line(), "Of the program."),
            ]))
    ) { call in
        let company = call.site.company
        return .json(
            .object([
                "name": .string(company.name), "currency": .string(company.currency.code),
                "language": .string(company.language), "timeZone": .string(company.timeZone),
                "country": .string(company.country), "version": .string(Store.appVersion),
            ]))
    }

    // MARK: Policy

    private static let policy = Operation.ask(
        "/settings/policy", "getPolicy", .seeSettings, "The newest version of the policy, in force or still to come.",
        result: .named(
            "Policy",
            .record([
                .init("version", .count), .init("text", .lines(0...1_000_000), "YAML."),
                .init(
                    "versions",
                    .list(
                        of: .named(
                            "PolicyVersion",
                            .record([
                                .init("version", .count), .init("from", .day), .init("act", .count),
                                .init("actor", .line(0...400)), .init("recordedAt", .instant),
                            ])))),
            ])), isVersioned: true
    ) { call in
        let store = call.store
        let (newest, versions) = try await call.work {
            (try Policies.newest(in: store), try SettingQueries.policies(in: store))
        }
        return Answer(
            body: .object([
                "version": .integer(newest.version), "text": .string(newest.text),
                "versions": .array(
                    versions.map { row in
                        .object([
                            "version": .integer(row.version), "from": .string("\(row.from)"),
                            "act": .integer(row.act), "actor": .string(row.actor),
                            "recordedAt": .string("\(row.instant)"),
                        ])
                    }),
            ]), version: newest.version)
    }

    private static let setPolicy = Operation.act(
        .put, "/settings/policy", "setPolicy", .setPolicy, "Puts a policy in force from a day on.",
        body: .named(
            "PolicyChange",
            .record([
                .init("text", .lines(1...500_000), "All of it, as YAML."),
                .maybe("from", .day, "Tomorrow unless given; never a day that was run."), Shape.reason,
            ])), needsVersion: true,
        example: .init(
            body: .object(["text": .string("{policy}"), "reason": .string("as agreed")]))
    ) { call in
        .act(
            try await Policies.set(
                call.body.text("text") ?? "", from: try call.bookDay("from") ?? call.today.adding(days: 1),
                reason: call.body.text("reason") ?? "", insteadOf: call.version, in: call.store,
                call.request(.setPolicy)))
    }

    private static let previewPolicy = Operation(
        .post, "/settings/policy/preview", "previewPolicy", .permission(.setPolicy),
        "What a day's run would do with another policy, beside what it would do with the present one.",
        body: .json(
            .named(
                "PolicyTrial",
                .record([
                    .init("text", .lines(1...500_000)),
                    .maybe("date", .day, "Tomorrow unless given, at most 31 days from now."),
                ]))),
        result: .json(
            .named(
                "PolicyEffect",
                .record([
                    .init("date", .day),
                    .init(
                        "rules",
                        .list(
                            of: .named(
                                "RuleEffect",
                                .record([
                                    .init("rule", .line()), .init("before", .count), .init("after", .count),
                                ])))),
                ]))), example: .init(body: .object(["text": .string("{policy}")]))
    ) { call in
        let day = max(try call.bookDay("date") ?? call.today.adding(days: 1), .earliestInBooks)
        let effect = try await PolicyEffect.preview(
            call.body.text("text") ?? "", on: min(day, call.today.adding(days: 31)), in: call.store, now: call.now,
            today: call.today)
        return .json(
            .object([
                "date": .string("\(effect.day)"),
                "rules": .array(
                    effect.rules.map {
                        .object(["rule": .string($0.rule), "before": .count($0.before), "after": .count($0.after)])
                    }),
            ]))
    }

    // MARK: Calendar and rates

    private static let calendar = Operation.ask(
        "/settings/calendar", "listCalendarDays", .seeSettings,
        "Days of a year that are no usual weekday or weekend.",
        query: [.init("year", .whole(1970...2199), "This year unless given.")],
        result: Shape.page(
            "CalendarPage",
            .named(
                "CalendarDay",
                .record([
                    .init("date", .day), .init("kind", .choice(["holiday", "working"])), .init("name", .line(0...400)),
                ])))
    ) { call in
        let year = Int(call.query.whole("year") ?? Int64(call.today.year))
        let (store, country) = (call.store, call.site.company.country)
        return call.page(
            try await call.work { try SettingQueries.days(of: year, country: country, in: store) }.map { day in
                .object([
                    "date": .string("\(day.day)"), "kind": .string(day.isHoliday ? "holiday" : "working"),
                    "name": .string(day.name),
                ])
            }, next: nil)
    }

    private static let setCalendarDay = Operation.act(
        .put, "/settings/calendar/{date}", "setCalendarDay", .importCalendar,
        "Says that a day is a holiday, or worked; a later word replaces an earlier one.",
        body: .named(
            "CalendarChange",
            .record([.init("kind", .choice(["holiday", "working"])), .maybe("name", .line(1...120))])),
        example: .init(
            places: ["date": "2030-05-02"],
            body: .object(["kind": .string("holiday"), "name": .string("company day")]))
    ) { call in
        let done = try await Registering.run(
            call, .calendar, .importCalendar,
            more: ["country": call.site.company.country, "date": call.place("date")], updates: true)
        return .act(done.act)
    }

    private static let rates = Operation.act(
        .post, "/settings/rates", "registerRate", .importRates, "Registers an exchange rate of a day.",
        body: .named(
            "NewRate",
            .record([
                .init("day", .day), .init("from", .currency), .init("to", .currency),
                .init(
                    "rate", .line(1...30),
                    "Units of `to` for one of `from`, as a decimal number with at most 8 decimals."),
                .maybe("source", .line(1...80)),
            ])), status: 201,
        example: .init(
            body: .object([
                "day": .string("{today}"), "from": .string("CHF"), "to": .string("CNY"), "rate": .string("8.1"),
            ]))
    ) { call in
        let done = try await Registering.run(call, .rates, .importRates)
        return .act(done.act)
    }

    // MARK: Entities and bank accounts

    private static let entities = Operation.ask(
        "/settings/entities", "listEntities", .seeSettings, "The company's legal entities.",
        result: Shape.page(
            "EntityPage",
            .named(
                "Entity",
                .record([
                    .init("code", .line()), .init("name", .line(0...400)), .init("currency", .line()),
                ])))
    ) { call in
        let store = call.store
        return call.page(
            try await call.work { try EntityQueries.all(in: store) }.map {
                .object(["code": .string($0.code), "name": .string($0.name), "currency": .string($0.currency)])
            }, next: nil)
    }

    private static let addEntity = Operation.act(
        .post, "/settings/entities", "addEntity", .addEntity, "Adds a legal entity.",
        body: .named(
            "NewEntity",
            .record([
                .init("code", .line(1...40)), .init("name", .line(1...200)), .init("currency", .currency),
            ])), status: 201,
        example: .init(
            body: .object([
                "code": .string("branch"), "name": .string("Branch Ltd"), "currency": .string("CNY"),
            ]))
    ) { call in
        guard let currency = call.body.text("currency").flatMap({ Currency($0) }) else {
            throw Refusal(.valueUnknownCurrency)
        }
        return .act(
            try await AddEntity(
                code: call.body.text("code") ?? "", name: call.body.text("name") ?? "", currency: currency
            ).run(in: call.store, call.request(.addEntity)))
    }

    private static let bankAccounts = Operation.ask(
        "/settings/bank-accounts", "listBankAccounts", .seeSettings, "Where customers are asked to pay to.",
        result: Shape.page(
            "BankAccountPage",
            .named(
                "BankAccount",
                .record([
                    .init("entity", .line()), .init("code", .line(0...400)), .init("bank", .line(0...400)),
                    .init("number", .line(0...80)), .init("active", .flag),
                ])))
    ) { call in
        let store = call.store
        return call.page(
            try await call.work { try ApprovalQueries.bankAccounts(in: store) }.map { row in
                .object([
                    "entity": .string(row.entity), "code": .string(row.code), "bank": .string(row.bank),
                    "number": .string(row.number), "active": .bool(row.isActive),
                ])
            }, next: nil)
    }

    private static let proposeBankAccount = Operation.act(
        .post, "/settings/bank-accounts", "proposeBankAccount", .proposeBankAccount,
        "Proposes a bank account that customers are asked to pay to; a second person decides.",
        body: .named(
            "BankAccountChange",
            .record([
                .init("code", .line(1...40)), Shape.entity, .init("bank", .line(1...120)),
                .init("number", .line(6...60)), .maybe("active", .flag, "True unless given."), Shape.reason,
            ])), status: 202,
        example: .init(
            body: .object([
                "code": .string("second"), "bank": .string("Example Bank"), "number": .string("6222020200112233"),
                "reason": .string("new account"),
            ]))
    ) { call in
        .act(
            try await Approvals(in: call.store, call.request(.proposeBankAccount)).proposeBankAccount(
                code: call.body.text("code") ?? "", entity: call.body.text("entity"),
                bank: call.body.text("bank") ?? "", number: call.body.text("number") ?? "",
                isActive: call.body.flag("active") ?? true, reason: call.body.text("reason") ?? ""))
    }

    // MARK: Search, status, security

    private static let search = Operation.ask(
        "/search", "search", .seeCustomers,
        "Customers, invoices, receipts and contracts by any part of a number or name.",
        query: [.needed("q", .line(1...80), "What is looked for; pinyin initials too.")],
        result: .named(
            "Found",
            .record([
                .init(
                    "customers",
                    .list(
                        of: .named(
                            "FoundCustomer", .record([.init("code", .line()), .init("name", .line(0...400))])))),
                .init("invoices", .list(of: .line())), .init("receipts", .list(of: .identifier)),
                .init("contracts", .list(of: .line())),
            ])), example: .init(query: ["q": "{customer}"])
    ) { call in
        let text = call.query.text("q") ?? ""
        let found = try await call.look(.seeCustomers) { try $0.search(text, limit: 20) }
        return .json(
            .object([
                "customers": .array(
                    found.customers.map { .object(["code": .string($0.code), "name": .string($0.name)]) }),
                "invoices": .texts(found.items.map(\.number)),
                "receipts": .array(found.receipts.map { Shape.id($0.fact) }), "contracts": .texts(found.contracts),
            ]))
    }

    private static let status = Operation.ask(
        "/status", "getStatus", .seeStatus, "The state of the store and of its messages.",
        result: .named(
            "Status",
            .record([
                .init("acts", .count), .init("facts", .count), .init("lastAct", .instant),
                .init("headHash", .hexadecimal), .orNull("lastDayRun", .day), .init("messagesWaiting", .count),
                .init("messagesUndelivered", .count), .init("sessions", .count), .init("accounts", .count),
            ]))
    ) { call in
        let (store, now) = (call.store, call.now)
        let figures = try await call.work { try SettingQueries.figures(in: store, now: now) }
        return .json(
            .object([
                "acts": .integer(figures.acts), "facts": .integer(figures.facts),
                "lastAct": .string("\(figures.lastInstant)"), "headHash": .string(figures.headHash),
                "lastDayRun": Shape.day(figures.lastDayRun), "messagesWaiting": .integer(figures.waitingMessages),
                "messagesUndelivered": .integer(figures.undelivered), "sessions": .integer(figures.sessions),
                "accounts": .integer(figures.people),
            ]))
    }

    private static let security = Operation.ask(
        "/security-events", "listSecurityEvents", .seeSecurity, "Sign-ins and what was refused, newest first.",
        query: [.cursor, .limit(5_000)],
        result: Shape.page(
            "SecurityEventPage",
            .named(
                "SecurityEvent",
                .record([
                    .init("at", .instant), .init("kind", .line()), .init("person", .lines(0...400)),
                    .init("address", .lines(0...400)), .init("detail", .lines(0...4_000)),
                ])))
    ) { call in
        let (store, before, limit) = (call.store, try call.numberCursor(), call.limit)
        let found = try await call.work {
            try AccountQueries.securityEvents(before: before, limit: limit + 1, in: store)
        }
        let rows = found.prefix(limit)
        return call.page(
            rows.map { row in
                .object([
                    "at": .string("\(row.instant)"), "kind": .string(row.kind), "person": .string(row.person),
                    "address": .string(row.address), "detail": .string(row.detail),
                ])
            }, next: found.count > limit ? rows.last.map { "\($0.number)" } : nil)
    }
}
