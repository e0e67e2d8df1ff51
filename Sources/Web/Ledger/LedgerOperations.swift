internal import Formats
internal import Foundation
internal import Ledger
internal import Operations
internal import Receivables

/// The books and the journal of acts, for programs.
enum LedgerOperations {
    static let all: [Operation] = [
        balances, entries, entry, journal, accounts, setAccount, periods, setPeriod, translate, acts, act, facts,
    ]

    private static let roles = AccountRole.allCases.map(\.name)

    private static func role(_ call: Call) throws -> AccountRole {
        let name = call.place("account")
        guard let role = AccountRole.allCases.first(where: { $0.name == name }) else {
            throw Refusal(.accountUnknown, ["account": .text(name), "known": .text(roles.joined(separator: ", "))])
        }
        return role
    }

    // MARK: Balances and entries

    private static let balances = Operation.ask(
        "/ledger/balances", "getTrialBalance", .seeLedger, "Opening balance, turnover and balance of every account.",
        query: [
            .init("from", .day, "The first day of the period; the first of `asOf`'s month unless given."),
            .init("asOf", .day, "The last day; today unless given."),
        ],
        result: .named(
            "TrialBalance",
            .record([
                .init("from", .day), .init("asOf", .day),
                .init(
                    "items",
                    .list(
                        of: .named(
                            "AccountBalance",
                            .record([
                                .init("account", .choice(roles)), .init("code", .line(0...80)),
                                .init("name", .line(0...400)), .init("opening", .money, "Debits positive."),
                                .init("debit", .money), .init("credit", .money), .init("balance", .money),
                            ])))),
            ]))
    ) { call in
        let asOf = call.day("asOf") ?? call.today
        let from = call.day("from") ?? asOf.startOfMonth
        guard from <= asOf else { throw Refusal(.dayRangeBackwards) }
        let lines = try await call.look(.seeLedger) { try $0.balances(from: from, on: asOf) }
        return .json(
            .object([
                "from": .string("\(from)"), "asOf": .string("\(asOf)"),
                "items": .array(
                    lines.map { line in
                        .object([
                            "account": .string(line.account.name), "code": .string(line.code),
                            "name": .string(line.name), "opening": Shape.money(line.opening, line.currency),
                            "debit": Shape.money(line.debit, line.currency),
                            "credit": Shape.money(line.credit, line.currency),
                            "balance": Shape.money(line.balance, line.currency),
                        ])
                    }),
            ]))
    }

    private static let entries = Operation.ask(
        "/ledger/accounts/{account}/entries", "listEntries", .seeLedger, "Entries of an account, newest first.",
        query: [.cursor, .limit(200)],
        result: Shape.page(
            "EntryPage",
            .named(
                "Entry",
                .record([
                    .init("id", .identifier), .init("fact", .identifier), .init("act", .count),
                    .init("postingDate", .day), .init("other", .choice(roles), "The account on the other side."),
                    .init("amount", .money, "Debits of the account positive."), .orNull("customer", .line()),
                    .init("subject", .lines(0...1_000)),
                ]))), example: .init(places: ["account": "receivable"])
    ) { call in
        let (role, before, limit) = (try role(call), try call.numberCursor(), call.limit)
        let page = try await call.look(.seeLedger) { try $0.entries(of: role, before: before, limit: limit) }
        return call.page(
            page.rows.map { row in
                .object([
                    "id": Shape.id(row.id), "fact": Shape.id(row.fact), "act": .integer(row.act),
                    "postingDate": .string("\(row.postingDay)"), "other": .string(row.other.name),
                    "amount": Shape.money(row.amount), "customer": .optional(row.customer),
                    "subject": .string(row.subject),
                ])
            }, next: page.next.map { "\($0)" })
    }

    private static let entry = Operation.ask(
        "/ledger/entries/{id}", "getEntry", .seeLedger, "One entry of the books: all that a fact posted.",
        result: .named(
            "EntryRecord",
            .record([
                .init("fact", .identifier), .init("table", .line(0...80)), .init("subject", .lines(0...1_000)),
                .init("entity", .line()), .orNull("customer", .line()), .orNull("act", .count),
                .init("transfers", .list(of: InvoiceOperations.transferShape)),
            ])), example: .init(places: ["id": "{posted}"])
    ) { call in
        let id = call.id
        let picture = try await call.look(.seeLedger) { try $0.entry(ofFact: id) }
        return .json(
            .object([
                "fact": Shape.id(picture.fact), "table": .string(picture.table), "subject": .string(picture.subject),
                "entity": .string(picture.entity), "customer": .optional(picture.customer),
                "act": picture.act.map { .integer($0.number) } ?? .null,
                "transfers": .array(picture.transfers.map(InvoiceOperations.json)),
            ]))
    }

    private static let journal = Operation(
        .get, "/ledger/journal", "getJournal", .permission(.seeLedger),
        "The journal as text for other programs: hledger, beancount or voucher CSV; at most a year at once.",
        query: [
            .init("format", .choice(["hledger", "beancount", "csv"]), "`csv` unless given."),
            .init("from", .day, "The first posting day; the first of this month unless given."),
            .init("to", .day, "The last posting day; today unless given."),
        ], result: .file(["text/plain", "text/csv"])
    ) { call in
        guard call.viewer.seesAll else { throw Refusal(.accessScope) }
        let format = call.query.text("format") ?? "csv"
        let to = call.day("to") ?? call.today
        let from = call.day("from") ?? max(to.startOfMonth, to.adding(days: -366))
        guard from <= to else { throw Refusal(.dayRangeBackwards) }
        guard to.days(since: from) <= 366 else {
            throw Refusal(.dayTooFar, ["day": .day(from), "today": .day(to)])
        }
        let text = try await call.work {
            var export = ExportJournal(JournalFormat(rawValue: format) ?? .csv, from: from, to: to)
            export.catalogue = call.w.catalogue
            let text = TextBox()
            try export.run(in: call.store) { text.text += $0 }
            return text.text
        }
        return Answer(
            file: (Array(text.utf8), "journal.\(format)", format == "csv" ? "text/csv" : "text/plain"))
    }

    private final class TextBox { var text = "" }

    // MARK: Accounts, months, translation

    private static let accounts = Operation.ask(
        "/ledger/accounts", "listAccounts", .seeLedger, "The company's codes and names of accounts.",
        result: Shape.page(
            "AccountPage",
            .named(
                "Account",
                .record([
                    .init("account", .choice(roles)), .init("code", .line(0...80)), .init("name", .line(0...400)),
                ])))
    ) { call in
        let store = call.store
        return call.page(
            try await call.work { try AccountCodes.all(in: store) }.map {
                .object(["account": .string($0.role), "code": .string($0.code), "name": .string($0.name)])
            }, next: nil)
    }

    private static let setAccount = Operation.act(
        .put, "/ledger/accounts/{account}", "setAccount", .setAccount,
        "Gives an account the company's own code and name; what was exported before keeps what it had.",
        body: .named("AccountChange", .record([.init("code", .line(1...40)), .init("name", .line(1...120))])),
        example: .init(
            places: ["account": "bank"], body: .object(["code": .string("100201"), "name": .string("Bank")]))
    ) { call in
        .act(
            try await AccountCodes.set(
                call.place("account"), code: call.body.text("code") ?? "", name: call.body.text("name") ?? "",
                in: call.store, call.request(.setAccount)))
    }

    private static let periods = Operation.ask(
        "/ledger/periods", "listPeriods", .seeLedger, "Months that are not open.",
        query: [Shape.entityParameter],
        result: Shape.page(
            "PeriodPage",
            .named(
                "Period",
                .record([.init("month", .month), .init("state", .choice(["soft_closed", "closed"]))])))
    ) { call in
        let (store, entity) = (call.store, call.query.text("entity"))
        return call.page(
            try await call.work { try PeriodQueries.closed(entity: entity, in: store) }.map {
                .object(["month": .string($0.month), "state": .string($0.state)])
            }, next: nil)
    }

    private static let setPeriod = Operation.act(
        .put, "/ledger/periods/{month}", "setPeriod", .setPeriod, "Closes, soft-closes or opens a month of the books.",
        body: .named(
            "PeriodChange",
            .record([
                .init("state", .choice(["open", "soft_closed", "closed"])),
                .maybe("withEarlier", .flag, "Closes the open months before it too."), Shape.maybeReason,
            ])),
        example: .init(
            places: ["month": "{closableMonth}"],
            body: .object(["state": .string("soft_closed"), "withEarlier": .bool(true)]))
    ) { call in
        guard let month = LocalDate(call.place("month") + "-01") else {
            throw Refusal(.valueNotADate, ["pattern": .text("yyyy-MM")])
        }
        try BookDays.need(month)
        let state: CorrectRegister.PeriodState =
            ["open": .open, "closed": .closed][call.body.text("state") ?? ""] ?? .softClosed
        return .act(
            try await CorrectRegister(in: call.store, call.request(.setPeriod)).setPeriod(
                month: month, to: state, withEarlier: call.body.flag("withEarlier") ?? false,
                reason: call.body.text("reason")))
    }

    private static let translate = Operation.act(
        .post, "/ledger/translation", "translate", .translate,
        "Gives transfers in foreign currencies their functional amounts, as far as rates are known.",
        result: Shape.act(
            "Translated", [.init("translated", .count), .init("waiting", .map(.count), "Without a rate, by currency.")]),
        example: .init()
    ) { call in
        let done = try await Translate().run(in: call.store, call.request(.translate))
        return .act(
            done.act,
            [
                "translated": .count(done.outcome.translated),
                "waiting": .object(
                    done.outcome.waiting.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: .count($0.value)) }
                ),
            ])
    }

    // MARK: The journal of acts

    private static let actFields: [Schema.Field] = [
        .init("act", .identifier), .init("recordedAt", .instant), .init("command", .line()),
        .init("actor", .lines(0...400)), .init("source", .line()), .init("facts", .count),
        .init("firstFact", .count, "Facts have numbers without gaps, as acts have."),
        .init("outcome", .lines(0...100_000), "What the command answered, as JSON."),
        .init("hash", .hexadecimal), .init("previousHash", .text(Schema.Text(kind: .hexadecimal, lengths: 0...128))),
    ]
    private static let actShape = Schema.named("JournalAct", .record(actFields))

    private static func json(_ row: ActFeed.Row) -> JSONValue {
        .object([
            "act": Shape.id(row.number), "recordedAt": .string("\(row.recordedAt)"), "command": .string(row.command),
            "actor": .string(row.actor), "source": .string(row.source), "facts": .integer(row.facts),
            "firstFact": .integer(row.firstFact), "outcome": .string(row.outcome), "hash": .string(row.hash),
            "previousHash": .string(row.previousHash),
        ])
    }

    private static let acts = Operation.ask(
        "/acts", "listActs", .seeActs,
        "The journal of acts in its order: follow it from the last number that you have seen, and miss nothing.",
        about: """
            Numbers have no gaps and acts never change. `last` is the number of the newest act: as long as it is greater \
            than the last one of `items`, ask again at once. With `wait` the answer comes as soon as there is one.
            """,
        query: [
            .init("after", .count, "Acts with greater numbers; 0 unless given."), .limit(1_000),
            .init("wait", .whole(0...5), "Where there is none, wait for one for so many seconds."),
        ],
        result: .named(
            "ActPage", .record([.init("items", .list(of: actShape)), .init("last", .count)]))
    ) { call in
        let (after, limit, viewer, store) = (
            call.query.whole("after") ?? 0, call.limit, call.viewer, call.store
        )
        let deadline = ContinuousClock.now + .seconds(call.query.whole("wait") ?? 0)
        while true {
            let (rows, last) = try await call.work {
                (
                    try ActFeed.acts(after: after, limit: limit, for: viewer, in: store),
                    try ActFeed.last(in: store)
                )
            }
            if !rows.isEmpty || ContinuousClock.now >= deadline {
                return .json(
                    .object(["items": .array(rows.map(json)), "last": .integer(max(last, rows.last?.number ?? 0))]))
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private static let act = Operation.ask(
        "/acts/{act}", "getAct", .seeActs, "One act of the journal.", result: actShape,
        example: .init(places: ["act": "1"])
    ) { call in
        let (number, viewer, store) = (Int64(call.place("act")) ?? 0, call.viewer, call.store)
        return .json(json(try await call.work { try ActFeed.act(number, for: viewer, in: store) }))
    }

    private static let facts = Operation.ask(
        "/acts/{act}/facts", "listFacts", .seeActs,
        "What an act recorded, fact by fact, with the fields as they are stored (docs/STORE.md).",
        about: "Days are numbers of days since 1970-01-01, amounts are in minor units; what is personal is encrypted.",
        query: [.cursor, .limit(1_000)],
        result: Shape.page(
            "FactPage",
            .named(
                "Fact",
                .record([
                    .init("fact", .identifier), .init("table", .line()),
                    .init(
                        "fields",
                        .list(
                            of: .named(
                                "FactField",
                                .record([
                                    .init("name", .line()),
                                    .orNull("number", .whole(Int64.min...Int64.max)),
                                    .orNull("text", .lines(0...1_000_000)),
                                    .orNull("bytes", .text(Schema.Text(kind: .hexadecimal, lengths: 0...10_000_000))),
                                ])))),
                ]))), example: .init(places: ["act": "1"])
    ) { call in
        let (number, after, limit) = (Int64(call.place("act")) ?? 0, try call.numberCursor() ?? 0, call.limit)
        let (viewer, store) = (call.viewer, call.store)
        let facts = try await call.work {
            try ActFeed.facts(ofAct: number, after: after, limit: limit + 1, for: viewer, in: store)
        }
        let shown = facts.prefix(limit)
        return call.page(
            shown.map { fact in
                .object([
                    "fact": Shape.id(fact.number), "table": .string(fact.table),
                    "fields": .array(
                        fact.fields.map { field in
                            var (number, text, bytes) = (JSONValue.null, JSONValue.null, JSONValue.null)
                            switch field.value {
                            case .null: break
                            case .integer(let value): number = .integer(value)
                            case .text(let value): text = .string(value)
                            case .bytes(let value): bytes = .string(value)
                            }
                            return .object([
                                "name": .string(field.name), "number": number, "text": text, "bytes": bytes,
                            ])
                        }),
                ])
            }, next: facts.count > limit ? shown.last.map { "\($0.number)" } : nil)
    }
}
