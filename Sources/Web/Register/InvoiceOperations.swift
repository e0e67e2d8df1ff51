internal import Formats
internal import Ledger
internal import OpenItems
internal import Operations
internal import Receivables

/// The register of invoices, for programs.
enum InvoiceOperations {
    static let all: [Operation] = [
        list, record, events, register, reverse, changeDue, changeStatus, pause, resume, registerCreditNote,
    ]

    private static let itemShape = Schema.named(
        "Item",
        .record([
            .init("fact", .identifier), .init("number", .line()), .init("entity", .line()),
            .init("instalment", .count), .init("instalments", .count), .init("customer", .line(0...400)),
            .init("customerName", .line(0...400)), .orNull("salesOwnerName", .line(0...400)), .init("issueDate", .day),
            .init("dueDate", .day), .init("amount", .money), .init("open", .money), .orNull("contract", .line()),
            .init("taxStatus", .choice(Invoice.TaxStatus.allCases.map(\.name))), .orNull("eInvoiceNumber", .line()),
            .init("daysOverdue", .whole(-200_000...200_000), "Negative before the due day."),
        ]))

    static func json(_ row: Look.ItemRow) -> JSONValue {
        .object([
            "fact": Shape.id(row.fact), "number": .string(row.number), "entity": .string(row.entity),
            "instalment": .count(row.instalment), "instalments": .count(row.instalments),
            "customer": .string(row.customer), "customerName": .string(row.customerName),
            "salesOwnerName": .optional(row.salesOwner), "issueDate": .string("\(row.issueDay)"),
            "dueDate": .string("\(row.dueDay)"), "amount": Shape.money(row.amount, row.currency),
            "open": Shape.money(row.open, row.currency), "contract": .optional(row.contract),
            "taxStatus": .string(row.taxStatus.name), "eInvoiceNumber": .optional(row.taxNumber),
            "daysOverdue": .count(row.daysOverdue),
        ])
    }

    private static let list = Operation.ask(
        "/items", "listItems", .seeInvoices, "Items of invoices: each instalment is one.",
        query: [
            .init("state", .choice(Look.ItemState.allCases.map(\.rawValue)), "`open` unless given."),
            .init("customer", .line(), "A customer's code."),
            .init("person", .line(), "A sales owner's or collector's key."), .init("currency", .currency, "ISO 4217."),
            .init("contract", .line(), "A contract's number."), .init("number", .line(1...80), "A part of the number."),
            .init("dueFrom", .day, "Due on this day or later."), .init("dueTo", .day, "Due on this day or before."),
            .init("bucket", .whole(0...6), "The place of a bucket of the aging by due day, from 0."),
            .init("sort", .choice(Look.ItemSort.allCases.map(\.rawValue)), "`due` unless given."),
            .init("reversed", .flag, "The other way round."), .cursor, .limit(),
        ],
        result: Shape.page(
            "ItemPage", itemShape,
            [
                .init("count", .count, "Of all that fit."),
                .init(
                    "totals",
                    .list(
                        of: .named(
                            "ItemTotal", .record([.init("open", .money), .init("amount", .money)])))),
            ])
    ) { call in
        var filter = Look.ItemFilter()
        filter.state = call.query.text("state").flatMap(Look.ItemState.init) ?? .open
        filter.customer = call.query.text("customer")
        filter.person = call.query.text("person")
        filter.currency = call.query.text("currency").flatMap { Currency($0) }
        filter.contract = call.query.text("contract")
        filter.number = call.query.text("number") ?? ""
        filter.dueFrom = call.day("dueFrom")
        filter.dueTo = call.day("dueTo")
        filter.bucket = call.query.whole("bucket").map(Int.init)
        filter.sort = call.query.text("sort").flatMap(Look.ItemSort.init) ?? .due
        filter.isReversed = call.query.flag("reversed") ?? false
        if let text = try call.cursor() {
            guard let cursor = Look.Cursor(text) else { throw Refusal(.requestCursor) }
            filter.after = cursor
        }
        filter.limit = call.limit
        let asked = filter
        let page = try await call.look(.seeInvoices) { try $0.items(asked) }
        return call.page(
            page.rows.map(json), next: page.next?.text,
            [
                .init(name: "count", value: .count(page.count)),
                .init(
                    name: "totals",
                    value: .array(
                        page.totals.map { total in
                            .object([
                                "open": Shape.money(total.open, total.currency),
                                "amount": Shape.money(total.amount, total.currency),
                            ])
                        })),
            ])
    }

    // MARK: The record

    static let shape = Schema.named(
        "Invoice",
        .record([
            .init("fact", .identifier), .init("number", .line()), .init("entity", .line()), .init("customer", .line()),
            .init("amount", .money, "With tax."), .orNull("net", .money), .orNull("tax", .money),
            .init("open", .money),
            .init("status", .choice(Invoice.Status.allCases.map(\.rawValue))),
            .init("taxStatus", .choice(Invoice.TaxStatus.allCases.map(\.name))), .orNull("eInvoiceNumber", .line()),
            .init("issueDate", .day), .init("postingDate", .day), .init("recognisedDate", .day),
            .orNull("acceptedDate", .day), .orNull("deliveredDate", .day), .orNull("contract", .line()),
            .orNull("milestone", .line()), .orNull("productLine", .line()), .orNull("salesOwner", .line()),
            .init(
                "items",
                .list(
                    of: .named(
                        "Instalment",
                        .record([
                            .init("instalment", .count), .init("dueDate", .day), .init("originalDueDate", .day),
                            .init("amount", .money), .init("open", .money),
                        ])))),
        ]))

    static func json(_ row: RecordQueries.InvoiceRecord) -> JSONValue {
        func money(_ amount: Int64) -> JSONValue { Shape.money(amount, row.currency) }
        return .object([
            "fact": Shape.id(row.fact), "number": .string(row.number), "entity": .string(row.entity),
            "customer": .string(row.customer), "amount": money(row.amount), "net": row.net.map(money) ?? .null,
            "tax": row.tax.map(money) ?? .null, "open": money(row.open), "status": .string(row.status.rawValue),
            "taxStatus": .string(row.taxStatus.name), "eInvoiceNumber": .optional(row.eInvoiceNumber),
            "issueDate": .string("\(row.issueDay)"), "postingDate": .string("\(row.postingDay)"),
            "recognisedDate": .string("\(row.recognisedDay)"), "acceptedDate": Shape.day(row.acceptedDay),
            "deliveredDate": Shape.day(row.deliveredDay), "contract": .optional(row.contract),
            "milestone": .optional(row.milestone), "productLine": .optional(row.productLine),
            "salesOwner": .optional(row.salesOwner),
            "items": .array(
                row.items.map { item in
                    .object([
                        "instalment": .count(item.instalment), "dueDate": .string("\(item.dueDay)"),
                        "originalDueDate": .string("\(item.originalDueDay)"), "amount": money(item.amount),
                        "open": money(item.open),
                    ])
                }),
        ])
    }

    private static let record = Operation.ask(
        "/invoices/{number}", "getInvoice", .seeInvoices, "An invoice with its instalments and what is open of them.",
        query: [Shape.entityParameter], result: shape, example: .init(places: ["number": "{invoice}"])
    ) { call in
        let (number, entity, viewer, store) = (
            call.place("number"), call.query.text("entity"), call.viewer, call.store
        )
        return .json(
            json(
                try await call.work {
                    try RecordQueries.invoice(number, entity: entity, for: viewer, in: store)
                }))
    }

    private static let events = Operation.ask(
        "/invoices/{number}/history", "getInvoiceHistory", .seeInvoices,
        "What paid an invoice, what it posted, and what happened to it; the last some dozen of each.",
        query: [Shape.entityParameter],
        result: .named(
            "InvoiceHistory",
            .record([
                .init("number", .line()), .init("allocations", .list(of: allocationShape)),
                .init("transfers", .list(of: transferShape)), .init("events", .list(of: CustomerOperations.eventShape)),
            ])), example: .init(places: ["number": "{invoice}"])
    ) { call in
        let (number, entity) = (call.place("number"), call.query.text("entity"))
        let picture = try await call.look(.seeInvoices) { try $0.invoice(number, entity: entity) }
        return .json(
            .object([
                "number": .string(picture.number), "allocations": .array(picture.allocations.map(json)),
                "transfers": .array(picture.transfers.map(json)),
                "events": .array(picture.events.map(CustomerOperations.json)),
            ]))
    }

    static let allocationShape = Schema.named(
        "Allocation",
        .record([
            .init("fact", .identifier), .init("credit", .line(0...400), "The receipt's or credit note's reference."),
            .init("bankAccount", .line(0...400)), .init("invoice", .line()), .init("instalment", .count),
            .init("postingDate", .day), .init("amount", .money),
            .init("isReversal", .flag, "Whether it takes another one back."),
            .init("isReversed", .flag, "Whether another one took it back."), .orNull("reason", .lines()),
        ]))

    static func json(_ row: Look.AllocationRow) -> JSONValue {
        .object([
            "fact": Shape.id(row.fact), "credit": .string(row.reference), "bankAccount": .string(row.bankAccount),
            "invoice": .string(row.invoice), "instalment": .count(row.instalment),
            "postingDate": .string("\(row.postingDay)"), "amount": Shape.money(row.amount),
            "isReversal": .bool(row.isReversal), "isReversed": .bool(row.isReversed),
            "reason": .optional(row.reason),
        ])
    }

    static let transferShape = Schema.named(
        "Transfer",
        .record([
            .init("fact", .identifier), .init("act", .count), .init("postingDate", .day),
            .init("debit", .choice(AccountRole.allCases.map(\.name))),
            .init("credit", .choice(AccountRole.allCases.map(\.name))), .init("amount", .money),
        ]))

    static func json(_ row: Look.TransferRow) -> JSONValue {
        .object([
            "fact": Shape.id(row.fact), "act": .integer(row.act), "postingDate": .string("\(row.postingDay)"),
            "debit": .string(row.debit.name), "credit": .string(row.credit.name), "amount": Shape.money(row.amount),
        ])
    }

    // MARK: What is done with them

    private static let register = Operation(
        .post, "/invoices", "registerInvoice", .permission(.registerInvoice), "Registers an invoice.",
        about: "Its number is unique within the legal entity: the same invoice again changes nothing.",
        body: .json(Registering.schema(.invoices, "NewInvoice")), status: 201, result: .json(Registering.result),
        provesItself: true,
        example: .init(
            body: .object([
                "number": .string("E-INV-1"), "customer": .string("{customer}"), "issueDate": .string("{today}"),
                "dueDate": .string("{today}"), "amount": .string("1130.00"), "tax": .string("130.00"),
            ]))
    ) { call in
        let done = try await Registering.run(call, .invoices, .registerInvoice)
        return Registering.answer(done, at: "/invoices/\(URLText.encode(call.body.text("number") ?? ""))")
    }

    private static let registerCreditNote = Operation(
        .post, "/credit-notes", "registerCreditNote", .permission(.registerCreditNote),
        "Registers a credit note about an invoice; it reduces the instalments due first.",
        body: .json(Registering.schema(.creditNotes, "NewCreditNote")), status: 201,
        result: .json(Registering.result),
        provesItself: true,
        example: .init(
            body: .object([
                "number": .string("E-CN-1"), "invoice": .string("{invoice}"), "date": .string("{today}"),
                "amount": .string("1.00"), "reason": .string("price"),
            ]))
    ) { call in
        let done = try await Registering.run(call, .creditNotes, .registerCreditNote)
        return Registering.answer(done, at: "/receipts")
    }

    private static let dated: [Schema.Field] = [
        Shape.entity,
        .maybe("date", .day, "The day that it is dated; left out, the day of what is taken back: it was a mistake."),
        Shape.reason,
    ]

    private static let reverse = Operation.act(
        .post, "/invoices/{number}/reversal", "reverseInvoice", .reverseInvoice,
        "Takes an invoice back that was registered by mistake.",
        about: "What was allocated to it has to be taken back before.",
        body: .named("InvoiceReversal", .record(dated)),
        example: .init(
            places: ["number": "E-INV-1"], body: .object(["reason": .string("registered twice")]))
    ) { call in
        .act(
            try await CorrectRegister(in: call.store, call.request(.reverseInvoice)).reverseInvoice(
                call.place("number"), entity: call.body.text("entity"), on: try call.bookDay("date"),
                reason: call.body.text("reason") ?? ""))
    }

    private static let changeDue = Operation.act(
        .post, "/invoices/{number}/due-date", "changeDueDate", .changeDue,
        "Changes when an instalment is due; the day that was agreed first stays known.",
        body: .named(
            "DueDateChange",
            .record([
                Shape.entity, .maybe("instalment", .whole(1...1_000), "The first one unless given."),
                .init("dueDate", .day), .maybe("from", .day, "Since when it holds; today unless given."), Shape.reason,
            ])),
        example: .init(
            places: ["number": "{invoice}"],
            body: .object(["dueDate": .string("2030-01-31"), "reason": .string("agreed by phone")]))
    ) { call in
        let due = try call.bookDay("dueDate") ?? call.today
        return .act(
            try await CorrectRegister(in: call.store, call.request(.changeDue)).changeDueDay(
                invoice: call.place("number"), entity: call.body.text("entity"),
                instalment: Int(call.body.whole("instalment") ?? 1), to: due, from: try call.bookDay("from"),
                reason: call.body.text("reason") ?? ""))
    }

    private static let changeStatus = Operation.act(
        .post, "/invoices/{number}/tax-status", "changeTaxStatus", .invoiceStatus,
        "Notes the status of the tax invoice, for example that the customer has it.",
        body: .named(
            "TaxStatusChange",
            .record([
                Shape.entity, .init("status", .choice(Invoice.TaxStatus.allCases.map(\.name))), .maybe("date", .day),
            ])),
        example: .init(places: ["number": "{invoice}"], body: .object(["status": .string("booked")]))
    ) { call in
        let status = Invoice.TaxStatus.allCases.first { $0.name == call.body.text("status") } ?? .delivered
        return .act(
            try await CorrectRegister(in: call.store, call.request(.invoiceStatus)).changeTaxStatus(
                invoice: call.place("number"), entity: call.body.text("entity"), to: status,
                on: try call.bookDay("date")))
    }

    private static let pause = Operation.act(
        .post, "/invoices/{number}/pauses", "pauseInvoice", .pause, "Stops dunning on an invoice for a while.",
        body: .named(
            "NewPause",
            .record([
                Shape.entity, .init("kind", .choice(Pause.Kind.allCases.map(\.name))),
                .maybe("instalment", .whole(1...1_000), "One instalment; all of them unless given."),
                .maybe("from", .day, "Today unless given."), .init("until", .day, "The last day."),
                .maybe("amount", .decimal, "How much of it is disputed; all of it unless given."), Shape.reason,
            ])),
        example: .init(
            places: ["number": "{invoice}"],
            body: .object([
                "kind": .string("dispute"), "until": .string("{inTwoWeeks}"), "reason": .string("delivery incomplete"),
            ]))
    ) { call in
        let from = try call.bookDay("from") ?? call.today
        let until = try call.bookDay("until") ?? call.today
        let kind = Pause.Kind.allCases.first { $0.name == call.body.text("kind") } ?? .dispute
        return .act(
            try await WorkCommands(in: call.store, call.request(.pause)).pause(
                invoice: call.place("number"), entity: call.body.text("entity"),
                instalment: call.body.whole("instalment").map(Int.init), kind, from: from, until: until,
                amount: call.body.text("amount"), reason: call.body.text("reason") ?? ""))
    }

    private static let resume = Operation.act(
        .post, "/invoices/{number}/resumption", "resumeInvoice", .resume, "Ends the pauses of an invoice.",
        body: .named("Resumption", .record([Shape.entity, .maybe("date", .day, "Today unless given."), Shape.reason])),
        example: .init(places: ["number": "{invoice}"], body: .object(["reason": .string("solved")]))
    ) { call in
        let day = try call.bookDay("date") ?? call.today
        return .act(
            try await WorkCommands(in: call.store, call.request(.resume)).resume(
                invoice: call.place("number"), entity: call.body.text("entity"), on: day,
                reason: call.body.text("reason") ?? ""))
    }
}
