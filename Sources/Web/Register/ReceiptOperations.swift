internal import Formats
internal import Ledger
internal import Operations
internal import Receivables

/// Receipts and what they paid, for programs.
enum ReceiptOperations {
    static let all: [Operation] = [list, record, register, allocate, unapply, reverse, reverseCreditNote, undo]

    private static let fields: [Schema.Field] = [
        .init("id", .identifier), .init("kind", .choice(["receipt", "creditNote"])),
        .init("reference", .line(0...400)), .init("bankAccount", .line(0...400)), .init("entity", .line()),
        .init("date", .day), .init("postingDate", .day), .orNull("customer", .line()),
        .orNull("customerName", .line(0...400)), .orNull("payer", .line(0...400)),
        .orNull("remittance", .lines()), .init("amount", .money), .init("unapplied", .money),
        .init("isReversed", .flag),
    ]
    private static let shape = Schema.named("Receipt", .record(fields))

    private static func members(_ row: Look.ReceiptRow) -> [JSONValue.Member] {
        [
            .init(name: "id", value: Shape.id(row.fact)),
            .init(name: "kind", value: .string(row.kind == .receipt ? "receipt" : "creditNote")),
            .init(name: "reference", value: .string(row.reference)),
            .init(name: "bankAccount", value: .string(row.bankAccount)),
            .init(name: "entity", value: .string(row.entity)), .init(name: "date", value: .string("\(row.day)")),
            .init(name: "postingDate", value: .string("\(row.postingDay)")),
            .init(name: "customer", value: .optional(row.customer)),
            .init(name: "customerName", value: .optional(row.customerName)),
            .init(name: "payer", value: .optional(row.payer)),
            .init(name: "remittance", value: .optional(row.remittance)),
            .init(name: "amount", value: Shape.money(row.amount)),
            .init(name: "unapplied", value: Shape.money(row.unapplied)),
            .init(name: "isReversed", value: .bool(row.isReversed)),
        ]
    }

    static func json(_ row: Look.ReceiptRow) -> JSONValue { .object(members(row)) }

    private static let list = Operation.ask(
        "/receipts", "listReceipts", .seeReceipts, "Receipts and credit notes, newest first.",
        query: [
            .init(
                "state", .choice(Look.ReceiptState.allCases.map(\.rawValue)),
                "`all` unless given; `waiting` have something unapplied."),
            .init("customer", .line(), "A customer's code."),
            .init("q", .line(1...80), "A part of the reference, the payer or the customer's name."), .cursor, .limit(),
        ],
        result: Shape.page("ReceiptPage", shape)
    ) { call in
        var filter = Look.ReceiptFilter()
        filter.state = call.query.text("state").flatMap(Look.ReceiptState.init) ?? .all
        filter.customer = call.query.text("customer")
        filter.text = call.query.text("q") ?? ""
        filter.before = try call.numberCursor()
        filter.limit = call.limit
        let asked = filter
        let page = try await call.look(.seeReceipts) { try $0.receipts(asked) }
        return call.page(page.rows.map(json), next: page.next.map { "\($0)" })
    }

    private static let record = Operation.ask(
        "/receipts/{id}", "getReceipt", .seeReceipts,
        "A receipt with what it paid, what it could pay, and what it posted.",
        result: .named(
            "ReceiptRecord",
            .record(
                fields + [
                    .init("registeredBy", .line(0...400)), .init("registeredAt", .instant),
                    .init("act", .count),
                    .init(
                        "isOwn", .flag,
                        "Whether the holder of the token registered it by hand, and so may not allocate it."),
                    .init("allocations", .list(of: InvoiceOperations.allocationShape)),
                    .init("transfers", .list(of: InvoiceOperations.transferShape)),
                    .init(
                        "proposals",
                        .list(
                            of: .named(
                                "Proposal",
                                .record([
                                    .init("reason", .line()),
                                    .init(
                                        "parts",
                                        .list(
                                            of: .named(
                                                "ProposalPart",
                                                .record([
                                                    .init("invoice", .line()), .init("instalment", .count),
                                                    .init("amount", .money),
                                                ])))), .init("left", .money),
                                ])))),
                ])), example: .init(places: ["id": "{receipt}"])
    ) { call in
        let id = call.id
        let picture = try await call.look(.seeReceipts) { try $0.receipt(fact: id) }
        let currency = picture.row.amount.currency
        return .json(
            .object(
                members(picture.row) + [
                    .init(name: "registeredBy", value: .string(picture.registeredBy)),
                    .init(name: "registeredAt", value: .string("\(picture.registeredAt)")),
                    .init(name: "act", value: .integer(picture.act)),
                    .init(name: "isOwn", value: .bool(picture.isOwn)),
                    .init(name: "allocations", value: .array(picture.allocations.map(InvoiceOperations.json))),
                    .init(name: "transfers", value: .array(picture.transfers.map(InvoiceOperations.json))),
                    .init(
                        name: "proposals",
                        value: .array(
                            picture.proposals.map { proposal in
                                .object([
                                    "reason": .string(proposal.reason.rawValue),
                                    "parts": .array(
                                        proposal.parts.map { part in
                                            .object([
                                                "invoice": .string(part.item.number),
                                                "instalment": .count(part.item.instalment),
                                                "amount": Shape.money(part.amount, currency),
                                            ])
                                        }), "left": Shape.money(proposal.left, currency),
                                ])
                            })),
                ]))
    }

    private static let register = Operation(
        .post, "/receipts", "registerReceipt", .permission(.registerReceipt), "Registers money that came.",
        about: "Its reference is unique within the bank account: the same receipt again changes nothing.",
        body: .json(Registering.schema(.receipts, "NewReceipt")), status: 201, result: .json(Registering.result),
        provesItself: true,
        example: .init(
            body: .object([
                "reference": .string("E-R-1"), "date": .string("{today}"), "amount": .string("100.00"),
                "customer": .string("{customer}"), "payer": .string("Example Technology Ltd"),
                "remittance": .string("invoice {invoice}"),
            ]))
    ) { call in
        let done = try await Registering.run(call, .receipts, .registerReceipt)
        return Registering.answer(done, at: "/receipts")
    }

    private static func name(_ call: Call) async throws -> CorrectRegister.CreditName {
        let (id, viewer, store) = (call.id, call.viewer, call.store)
        return try await call.work { try RecordQueries.creditName(id, for: viewer, in: store) }
    }

    private static let allocate = Operation.act(
        .post, "/receipts/{id}/allocations", "allocateReceipt", .allocate,
        "Allocates a receipt to invoices: all parts or none.",
        about: "Who registered a receipt by hand doesn't allocate it.",
        body: .named(
            "NewAllocation",
            .record([
                .init(
                    "parts",
                    .list(
                        of: .named(
                            "AllocationPart",
                            .record([
                                .init("invoice", .line()), .maybe("instalment", .whole(1...1_000)),
                                .init("amount", .decimal, "In the receipt's currency."),
                            ])), most: 200, least: 1)),
                .maybe("date", .day, "Left out, the later of the receipt's and the invoice's day."),
                Shape.maybeReason,
            ])),
        result: Shape.act("Allocated", [.init("left", .decimal, "What is left of the receipt, in its currency.")]),
        provesItself: true,
        example: .init(
            places: ["id": "{receipt}"],
            body: .object([
                "parts": .array([.object(["invoice": .string("{invoiceOfReceipt}"), "amount": .string("0.01")])])
            ]))
    ) { call in
        let name = try await name(call)
        let parts = call.body.list("parts").map { part in
            AllocateReceipt.Part(
                invoice: part.text("invoice") ?? "", instalment: part.whole("instalment").map(Int.init),
                amount: part.text("amount") ?? "")
        }
        let done = try await AllocateReceipt(in: call.store, call.request(.allocate)).run(
            name, parts, on: try call.bookDay("date"), reason: call.body.text("reason"))
        let (id, viewer, store) = (call.id, call.viewer, call.store)
        let currency = try await call.work { try RecordQueries.currency(ofCredit: id, for: viewer, in: store) }
        return .act(
            done.act, ["left": .string(Money(minorUnits: done.outcome.left, currency: currency).decimal())])
    }

    private static let unapply = Operation.act(
        .post, "/receipts/{id}/unapplication", "unapplyReceipt", .reverseAllocation,
        "Takes back what was allocated of a receipt to an invoice.",
        body: .named(
            "Unapplication",
            .record([
                .init("invoice", .line()),
                .maybe("date", .day, "Left out, the day of the allocation: it was a mistake."),
                Shape.reason,
            ])),
        example: .init(
            places: ["id": "{receipt}"],
            body: .object(["invoice": .string("{invoiceOfReceipt}"), "reason": .string("other invoice meant")]))
    ) { call in
        .act(
            try await CorrectRegister(in: call.store, call.request(.reverseAllocation)).unapply(
                try await name(call), invoice: call.body.text("invoice") ?? "", on: try call.bookDay("date"),
                reason: call.body.text("reason") ?? ""))
    }

    private static let reversal = Schema.named(
        "ReceiptReversal",
        .record([
            .maybe("date", .day, "The day that the money went back; left out, it was a mistake from the start."),
            Shape.reason,
        ]))

    private static let reverse = Operation.act(
        .post, "/receipts/{id}/reversal", "reverseReceipt", .reverseReceipt,
        "Takes a receipt back: a returned transfer, or a mistake. What it paid is open again.", body: reversal,
        example: .init(places: ["id": "{receipt}"], body: .object(["reason": .string("returned by the bank")]))
    ) { call in
        let name = try await name(call)
        guard name.kind == .receipt else { throw Refusal(.receiptUnknown, ["receipt": .text(call.place("id"))]) }
        return .act(
            try await CorrectRegister(in: call.store, call.request(.reverseReceipt)).reverse(
                name, on: try call.bookDay("date"), reason: call.body.text("reason") ?? ""))
    }

    private static let reverseCreditNote = Operation.act(
        .post, "/credit-notes/{id}/reversal", "reverseCreditNote", .reverseCreditNote,
        "Takes a credit note back; what it reduced is open again.",
        body: reversal,
        example: .init(places: ["id": "{creditNote}"], body: .object(["reason": .string("wrong invoice")]))
    ) { call in
        let name = try await name(call)
        guard name.kind == .creditNote else {
            throw Refusal(.creditNoteUnknown, ["receipt": .text(call.place("id"))])
        }
        return .act(
            try await CorrectRegister(in: call.store, call.request(.reverseCreditNote)).reverse(
                name, on: try call.bookDay("date"), reason: call.body.text("reason") ?? ""))
    }

    private static let undo = Operation.act(
        .post, "/acts/{act}/undo", "undoAllocation", .reverseAllocation,
        "Takes back all that one's own allocating act did.",
        body: .named("Undo", .record([Shape.reason])),
        example: .init(
            places: ["act": "{allocation}"], body: .object(["reason": .string("by mistake")]),
            needs: "an act of one's own that allocated")
    ) { call in
        let receipt = try await CorrectRegister(in: call.store, call.request(.reverseAllocation)).undoAllocation(
            act: Int64(call.place("act")) ?? 0, reason: call.body.text("reason") ?? "")
        return Answer(
            body: .object(["act": .null]), location: receipt.map { "/receipts/\($0)" })
    }
}
