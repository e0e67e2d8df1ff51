internal import Formats
internal import Ledger
internal import Operations
internal import Receivables

/// Customers, their contacts and figures, for programs.
enum CustomerOperations {
    static let all: [Operation] = [list, record, register, change, figures, ranked, timeline, contacts, setContact]

    // MARK: The record

    static let fields: [Schema.Field] = [
        .init("code", .line()), .init("name", .line(1...400)),
        .orNull("uscc", .line(), "The unified social credit code."),
        .orNull("industry", .line()), .orNull("kind", .choice(Customer.Kind.allCases.map(\.name))),
        .orNull("size", .choice(Customer.Size.allCases.map(\.name))),
        .orNull("group", .line(), "The code of the customer above it."),
        .orNull("salesOwner", .line(), "The person's key, mostly an e-mail address."), .orNull("collector", .line()),
        .orNull("currency", .line()), .orNull("termsDays", .whole(0...36_500)), .orNull("language", .line()),
        .init("incomplete", .flag, "Whether it was made on the way, and its name still has to be given."),
        .init("version", .count, "Counts the changes; the same as the `ETag` of the record."),
    ]
    static let shape = Schema.named("Customer", .record(fields))

    static func json(_ row: RecordQueries.CustomerRecord) -> JSONValue {
        .object([
            "code": .string(row.code), "name": .string(row.name), "uscc": .optional(row.uscc),
            "industry": .optional(row.industry), "kind": .optional(row.kind?.name), "size": .optional(row.size?.name),
            "group": .optional(row.group), "salesOwner": .optional(row.salesOwner),
            "collector": .optional(row.collector), "currency": .optional(row.currency),
            "termsDays": row.termsDays.map { .count($0) } ?? .null, "language": .optional(row.language),
            "incomplete": .bool(row.isIncomplete), "version": .integer(row.version),
        ])
    }

    private static let list = Operation.ask(
        "/customers", "listCustomers", .seeCustomers, "Customers in the data scope, by code.",
        query: [.cursor, .limit(1_000)], result: Shape.page("CustomerPage", shape)
    ) { call in
        let (after, limit, viewer, store) = (try call.cursor() ?? "", call.limit, call.viewer, call.store)
        let rows = try await call.work {
            try RecordQueries.customers(after: after, limit: limit + 1, for: viewer, in: store)
        }
        let shown = rows.prefix(limit)
        return call.page(shown.map(json), next: rows.count > limit ? shown.last?.code : nil)
    }

    private static let record = Operation.ask(
        "/customers/{code}", "getCustomer", .seeCustomers, "What is registered of a customer.", result: shape,
        isVersioned: true, example: .init(places: ["code": "{customer}"])
    ) { call in
        let (code, viewer, store) = (call.place("code"), call.viewer, call.store)
        let row = try await call.work { try RecordQueries.customer(code, for: viewer, in: store) }
        return Answer(body: json(row), version: row.version)
    }

    private static let register = Operation(
        .post, "/customers", "registerCustomer", .permission(.registerCustomer), "Registers a customer.",
        about: "The same customer again changes nothing; one that differs is refused: change it instead.",
        body: .json(Registering.schema(.customers, "NewCustomer")), status: 201, result: .json(Registering.result),
        provesItself: true,
        example: .init(
            body: .object([
                "code": .string("E-1001"), "name": .string("Example Technology Ltd"), "termsDays": .integer(30),
                "currency": .string("CNY"),
            ]))
    ) { call in
        let done = try await Registering.run(call, .customers, .registerCustomer)
        return Registering.answer(done, at: "/customers/\(URLText.encode(call.body.text("code") ?? ""))")
    }

    private static let changeable: [(field: String, column: String)] = ImportKind.customers.columns.filter {
        $0.name != "code"
    }.map { (FieldName.ours($0.name), $0.name) }

    private static let change = Operation.act(
        .patch, "/customers/{code}", "changeCustomer", .changeCustomer,
        "Changes what is registered of a customer: fields that are given; `null` empties one.",
        body: .named(
            "CustomerChange",
            .record(
                changeable.map {
                    .maybe($0.field, Registering.schema(of: $0.column, in: .customers))
                })), needsVersion: true,
        provesItself: true,
        example: .init(
            places: ["code": "{customer}"], body: .object(["industry": .string("software")]))
    ) { call in
        var fields: [String: String] = [:]
        for (field, column) in changeable where call.body.has(field) {
            fields[column] = call.body.text(field) ?? call.body.whole(field).map { "\($0)" } ?? ""
        }
        let act = try await ChangeCustomer(in: call.store, call.request(.changeCustomer)).run(
            call.place("code"), fields, seen: call.version)
        return .act(act)
    }

    // MARK: Figures

    private static let figureFields: [Schema.Field] = [
        .init("open", .signedDecimal), .init("overdue", .signedDecimal),
        .init("beyond90", .signedDecimal, "Overdue by more than 90 days."), .init("unapplied", .signedDecimal),
        .init("currency", .line(), "The company's functional currency, at the day's rate."),
        .init("partial", .flag, "Whether something has no rate, and is missing in the figures."),
        .init(
            "byCurrency",
            .list(
                of: .named(
                    "CurrencyFigures",
                    .record([
                        .init("currency", .line()), .init("open", .signedDecimal), .init("overdue", .signedDecimal),
                        .init("unapplied", .signedDecimal),
                    ])))),
    ]
    private static let figureShape = Schema.named("Figures", .record(figureFields))

    static func json(_ figures: Look.CustomerFigures, _ currency: Currency) -> JSONValue {
        func decimal(_ amount: Int128, _ currency: Currency) -> JSONValue {
            .string(Money.decimal(of: amount, exponent: currency.exponent))
        }
        return .object([
            "open": decimal(figures.open, currency), "overdue": decimal(figures.overdue, currency),
            "beyond90": decimal(figures.beyond90, currency), "unapplied": decimal(figures.unapplied, currency),
            "currency": .string(currency.code), "partial": .bool(figures.isPartial),
            "byCurrency": .array(
                figures.byCurrency.map { entry in
                    .object([
                        "currency": .string(entry.currency.code), "open": decimal(entry.open, entry.currency),
                        "overdue": decimal(entry.overdue, entry.currency),
                        "unapplied": decimal(entry.unapplied, entry.currency),
                    ])
                }),
        ])
    }

    private static let figures = Operation.ask(
        "/customers/{code}/figures", "getCustomerFigures", .seeCustomers,
        "What a customer owes today, and how it paid in the last year.",
        about: "Amounts are zero for tokens that show neither aging nor invoices.",
        result: .named(
            "CustomerFigures",
            .record([
                .init("code", .line()), .init("figures", figureShape),
                .init("settled", .count, "Items settled in the last year."), .init("onTime", .count),
                .orNull("daysLate", .whole(-100_000...100_000), "On average."),
                .init("oldestOverdueDays", .count), .orNull("lastReceiptDate", .day),
            ])), example: .init(places: ["code": "{customer}"])
    ) { call in
        let code = call.place("code")
        let picture = try await call.look(.seeCustomers) { try $0.customerPicture(code) }
        return .json(
            .object([
                "code": .string(picture.row.code), "figures": json(picture.row.figures, call.site.company.currency),
                "settled": .count(picture.settled), "onTime": .count(picture.onTime),
                "daysLate": picture.daysLate.map { .count($0) } ?? .null,
                "oldestOverdueDays": .count(picture.oldestOverdueDays),
                "lastReceiptDate": Shape.day(picture.lastReceiptDay),
            ]))
    }

    private static let ranked = Operation.ask(
        "/reports/customers", "rankCustomers", .seeCustomers, "Customers with what they owe, ranked.",
        query: [
            .init("q", .line(1...80), "A part of the code or name, or pinyin initials."),
            .init("person", .line(), "A sales owner's or collector's key."),
            .init("state", .choice(["all", "open", "overdue"]), "Which of them; all unless given."),
            .init("sort", .choice(Look.CustomerSort.allCases.map(\.rawValue)), "By what; `overdue` unless given."),
            .init("reversed", .flag, "The other way round."), .cursor, .limit(),
        ],
        result: Shape.page(
            "RankedCustomerPage",
            .named(
                "RankedCustomer",
                .record([
                    .init("code", .line()), .init("name", .line(0...400)), .orNull("salesOwner", .line()),
                    .orNull("collector", .line()), .orNull("group", .line()), .orNull("industry", .line()),
                    .init("figures", figureShape),
                ])),
            [.init("count", .count, "Of all that fit."), .init("totals", figureShape)])
    ) { call in
        var filter = Look.CustomerFilter()
        filter.text = call.query.text("q") ?? ""
        filter.person = call.query.text("person")
        filter.onlyOpen = call.query.text("state") == "open"
        filter.onlyOverdue = call.query.text("state") == "overdue"
        filter.sort = call.query.text("sort").flatMap(Look.CustomerSort.init) ?? .overdue
        filter.isReversed = call.query.flag("reversed") ?? false
        filter.skip = Int(min(try call.numberCursor() ?? 0, 100_000_000))
        filter.limit = call.limit
        let asked = filter
        let page = try await call.look(.seeCustomers) { $0.customers(asked) }
        let currency = call.site.company.currency
        let end = asked.skip + page.rows.count
        return call.page(
            page.rows.map { row in
                .object([
                    "code": .string(row.code), "name": .string(row.name), "salesOwner": .optional(row.salesOwnerKey),
                    "collector": .optional(row.collectorKey), "group": .optional(row.group),
                    "industry": .optional(row.industry), "figures": json(row.figures, currency),
                ])
            }, next: end < page.count && !page.rows.isEmpty ? "\(end)" : nil,
            [
                .init(name: "count", value: .count(page.count)),
                .init(name: "totals", value: json(page.totals, currency)),
            ])
    }

    // MARK: What happened

    static let eventShape = Schema.named(
        "Event",
        .record([
            .init("kind", .line(), "`invoice`, `receipt`, `allocation`, `reminder`, …"), .init("fact", .identifier),
            .init("act", .identifier), .init("recordedAt", .instant), .init("actor", .line(0...400)),
            .init("date", .day), .orNull("amount", .money), .init("subject", .lines(0...4_000)),
            .init("detail", .lines(0...4_000)),
        ]))

    static func json(_ event: Look.Event) -> JSONValue {
        .object([
            "kind": .string(event.kind), "fact": Shape.id(event.fact), "act": Shape.id(event.act),
            "recordedAt": .string("\(event.instant)"), "actor": .string(event.actor), "date": .string("\(event.day)"),
            "amount": event.amount.map(Shape.money) ?? .null, "subject": .string(event.subject),
            "detail": .string(event.detail),
        ])
    }

    private static let timeline = Operation.ask(
        "/customers/{code}/timeline", "listCustomerEvents", .seeCustomers,
        "What happened with a customer, newest first.",
        query: [.cursor, .limit(200)], result: Shape.page("EventPage", eventShape),
        example: .init(places: ["code": "{customer}"])
    ) { call in
        let (code, before, limit) = (call.place("code"), try call.numberCursor(), call.limit)
        let page = try await call.look(.seeCustomers) { try $0.timeline(of: code, before: before, limit: limit) }
        return call.page(page.events.map(json), next: page.next.map { "\($0)" })
    }

    // MARK: Contacts

    private static let contacts = Operation.ask(
        "/customers/{code}/contacts", "listContacts", .seeCustomers, "Whom to write to at a customer; at most 50.",
        result: Shape.page(
            "ContactPage",
            .named(
                "Contact",
                .record([
                    .init("name", .line(0...400)), .init("purpose", .choice(Contact.Purpose.allCases.map(\.name))),
                    .orNull("title", .line(0...400)), .orNull("email", .line(0...400)),
                    .orNull("phone", .line(0...400)),
                ]))), example: .init(places: ["code": "{customer}"])
    ) { call in
        let code = call.place("code")
        let picture = try await call.look(.seeCustomers) { try $0.customerPicture(code) }
        return call.page(
            picture.contacts.map { contact in
                .object([
                    "name": .string(contact.name), "purpose": .string(contact.purpose.name),
                    "title": .optional(contact.title), "email": .optional(contact.email),
                    "phone": .optional(contact.phone),
                ])
            }, next: nil)
    }

    private static let setContact = Operation.act(
        .put, "/customers/{code}/contacts", "setContact", .proposeContact,
        "Registers or changes a contact of a customer, known by name and purpose.",
        about: "Contacts for payment and billing wait for a second person, because that is how payment fraud starts.",
        body: .named(
            "ContactChange",
            .record([
                .init("name", .line(1...120)), .init("purpose", .choice(Contact.Purpose.allCases.map(\.name))),
                .maybe("title", .line(1...120)), .maybe("email", .line(3...200)), .maybe("phone", .line(1...60)),
                Shape.maybeReason,
            ])),
        result: .named("ContactResult", .record([.init("waits", .flag, "Whether a second person has to agree.")])),
        example: .init(
            places: ["code": "{customer}"],
            body: .object([
                "name": .string("Chen Min"), "purpose": .string("project"), "email": .string("chen@example.com"),
            ]))
    ) { call in
        let purpose = Contact.Purpose.allCases.first { $0.name == call.body.text("purpose") } ?? .payment
        let waits = try await Approvals(in: call.store, call.request(.proposeContact)).setContact(
            .init(
                customer: call.place("code"), name: call.body.text("name") ?? "", purpose: purpose,
                title: call.body.text("title") ?? "", email: call.body.text("email") ?? "",
                phone: call.body.text("phone") ?? "", reason: call.body.text("reason") ?? ""))
        return .json(.object(["waits": .bool(waits)]))
    }
}
