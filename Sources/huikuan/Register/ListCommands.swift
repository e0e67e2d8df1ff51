import ArgumentParser
import Formats
import Foundation
import Ledger
import OpenItems
import Operations
import Receivables

/// What lists have in common.
struct ListOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Rows at most.", valueName: "count")) var limit: Int?
    @Option(help: ArgumentHelp("Go on behind this place: the answer's next.", valueName: "cursor")) var after = 0

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit takes a number from 1") }
        guard after >= 0 else { throw ValidationError("--after takes what the answer before gave as next") }
    }

    /// JSON lists are whole unless a limit is given. Rows before the cursor are asked for too, and dropped.
    func limit(json: Bool) -> Int { limit.map { $0 + after } ?? (json ? Int.max : 50 + after) }

    /// The rows behind the cursor, and the next cursor when there are more.
    func page<Row>(_ page: RegisterQueries.Page<Row>) -> (rows: [Row], next: Int?) {
        (Array(page.rows.dropFirst(after)), page.more > 0 ? page.rows.count : nil)
    }
}

extension JSONValue {
    /// Every list's document (spec E-36).
    static func list(_ items: [JSONValue], next: Int? = nil) -> JSONValue {
        .object(["items": .array(items), "next": .optional(next.map(String.init))])
    }

    static func list<Row>(
        _ page: RegisterQueries.Page<Row>, _ list: ListOptions, _ row: (Row) -> JSONValue
    ) -> JSONValue {
        let (rows, next) = list.page(page)
        return .list(rows.map(row), next: next)
    }

    static func money(_ money: Money) -> JSONValue {
        .object(["amount": .string(money.decimal()), "currency": .string(money.currency.code)])
    }
}

extension Session {
    func show(_ table: ReportTable, more: Int, textLimit: Int = 34) {
        if table.rows.isEmpty { return Console.say(catalogue.text(.listNothing)) }
        Console.show(table, textLimit: textLimit)
        if more > 0 { Console.say(Console.dim(catalogue.text(.listMore, ["count": .count(more)]))) }
    }

    func column(_ key: TextKey, _ kind: ReportTable.Kind = .text) -> ReportTable.Column {
        ReportTable.Column(catalogue.text(key), kind)
    }
}

struct CustomersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "customers", abstract: "List customers.")

    @Argument(help: "Part of the name or code.") var search: String?
    @OptionGroup var options: StoreOptions
    @OptionGroup var list: ListOptions
    @Option(help: "A sales owner's e-mail or name.") var owner: String?

    func run() async throws {
        let session = try Session(options)
        let page = try RegisterQueries.customers(
            matching: search, owner: owner, limit: list.limit(json: options.json),
            for: try session.viewer(for: .seeCustomers), in: session.store)
        if options.json {
            return Console.emit(
                .list(page, list) { row in
                    .object([
                        "code": .string(row.code), "name": .string(row.name), "group": .optional(row.group),
                        "kind": .optional(row.kind?.name), "size": .optional(row.size?.name),
                        "industry": .optional(row.industry), "salesOwner": .optional(row.salesOwner),
                        "collector": .optional(row.collector), "uscc": .optional(row.uscc),
                        "currency": .optional(row.currency), "termsDays": row.termsDays.map { .count($0) } ?? .null,
                        "language": .optional(row.language), "incomplete": .bool(row.isIncomplete),
                    ])
                })
        }
        session.show(
            ReportTable(
                title: "",
                columns: [
                    session.column(.columnCustomer), session.column(.columnName), session.column(.columnGroup),
                    session.column(.columnKind), session.column(.columnOwner),
                ],
                rows: list.page(page).rows.map { row in
                    [
                        .text(row.code), .text(row.name), .text(row.group ?? ""),
                        .text(row.kind.map { session.catalogue.text("kind.\($0.name)") } ?? ""),
                        .text(row.salesOwner ?? ""),
                    ]
                }), more: page.more)
    }
}

struct ContactsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "contacts", abstract: "List contacts of customers.")

    @OptionGroup var options: StoreOptions
    @OptionGroup var list: ListOptions
    @Option(help: "A customer's code.") var customer: String?

    func run() async throws {
        let session = try Session(options)
        let page = try RegisterQueries.contacts(
            customer: customer, limit: list.limit(json: options.json),
            for: try session.viewer(for: .seeCustomers), in: session.store)
        if options.json {
            return Console.emit(
                .list(page, list) { row in
                    .object([
                        "customer": .string(row.customer), "name": .string(row.name),
                        "purpose": .string(row.purpose.name), "title": .optional(row.title),
                        "email": .optional(row.email), "phone": .optional(row.phone),
                    ])
                })
        }
        session.show(
            ReportTable(
                title: "",
                columns: [
                    session.column(.columnCustomer), session.column(.columnName), session.column(.columnKind),
                    session.column(.columnRecipient),
                ],
                rows: list.page(page).rows.map { row in
                    [
                        .text(row.customer), .text(row.name),
                        .text(session.catalogue.text("purpose.\(row.purpose.name)")),
                        .text([row.email, row.phone].compactMap { $0 }.joined(separator: " · ")),
                    ]
                }), more: page.more)
    }
}

struct InvoicesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invoices", abstract: "List items of invoices: the drill-down of every aging figure.")

    @OptionGroup var options: StoreOptions
    @OptionGroup var list: ListOptions
    @Option(help: "A customer's code.") var customer: String?
    @Option(help: ArgumentHelp(Invoice.Status.allCases.map(\.rawValue).joined(separator: ", "))) var status: String?
    @Option(help: "A sales owner's e-mail or name.") var owner: String?
    @Option(help: "An invoice's number.") var number: String?
    @Option(help: "A collector's e-mail or name.") var collector: String?
    @Option(help: "The code of a group's top customer.") var group: String?
    @Option(help: "A contract's number.") var contract: String?
    @Option(help: "Only this currency.") var currency: String?
    @Option(help: ArgumentHelp("Due before this day.", valueName: "day")) var dueBefore: DayArgument?
    @Option(help: ArgumentHelp("As of this day, as in aging.", valueName: "day")) var asOf: DayArgument?
    @Option(help: ArgumentHelp("What was known: an instant in UTC or an act, #12.", valueName: "instant or act"))
    var knownAt: String?
    @Option(help: ArgumentHelp("One bucket of the aging report: its code, for example d31_60.", valueName: "code"))
    var bucket: String?
    @Option(help: "The bucket's basis: due, invoice or recognition.") var basis = "due"
    @Flag(help: "Only items with something open.") var open = false

    func validate() throws {
        guard BucketSet.Basis(rawValue: basis) != nil else {
            throw ValidationError("--basis takes due, invoice or recognition")
        }
        if let currency, Currency(currency) == nil { throw ValidationError("--currency takes an ISO 4217 code") }
        if let status, Invoice.Status(rawValue: status) == nil {
            throw ValidationError("--status takes \(Invoice.Status.allCases.map(\.rawValue).joined(separator: ", "))")
        }
    }

    func run() async throws {
        let session = try Session(options)
        var filter = RegisterQueries.InvoiceFilter()
        filter.customer = customer
        filter.status = status.flatMap(Invoice.Status.init)
        filter.owner = owner
        filter.number = number
        filter.contract = contract
        filter.collector = collector
        filter.group = group
        filter.currency = currency.flatMap { Currency($0) }
        filter.dueBefore = dueBefore?.day
        filter.asOf = asOf?.day
        if let knownAt { filter.knownAt = try KnownAt(knownAt) }
        let day = asOf?.day ?? session.today
        if let bucket, let basis = BucketSet.Basis(rawValue: basis) {
            let set = try Policies.buckets(basis, on: day, in: session.store)
            guard set.buckets.contains(where: { $0.code == bucket }) else {
                let known = set.buckets.map(\.code).joined(separator: ", ")
                throw Refusal(.bucketUnknown, ["bucket": .text(bucket), "known": .text(known)])
            }
            filter.bucket = (set, bucket)
        }
        filter.onlyOpen = open
        filter.viewer = try session.viewer(for: .seeInvoices)
        filter.limit = list.limit(json: options.json)
        let page = try RegisterQueries.invoices(filter, today: session.today, in: session.store)
        if options.json { return Console.emit(.list(page, list) { json($0, day) }) }
        session.show(
            ReportTable(
                title: "",
                columns: [
                    session.column(.columnNumber), session.column(.columnCustomer), session.column(.columnName),
                    session.column(.columnIssued, .day), session.column(.columnDue, .day),
                    session.column(.columnDaysOverdue, .count), session.column(.agingCurrency),
                    session.column(.columnAmount, .amount), session.column(.columnOpen, .amount),
                    session.column(.columnStatus),
                ],
                rows: list.page(page).rows.map { row in
                    let late = row.open > 0 ? max(0, day.days(since: row.dueDay)) : 0
                    return [
                        .text(
                            row.instalment > 1 || row.amount != row.gross
                                ? "\(row.number)/\(row.instalment)" : row.number),
                        .text(row.customer), .text(row.customerName), .day(row.issueDay),
                        .day(row.dueDay), late > 0 ? .count(late) : .empty, .text(row.currency.code),
                        .amount(Int128(row.amount), exponent: row.currency.exponent),
                        .amount(Int128(row.open), exponent: row.currency.exponent),
                        .text(session.catalogue.text("status.\(row.status.rawValue)")),
                    ]
                }), more: page.more)
    }

    private func json(_ row: RegisterQueries.InvoiceRow, _ today: LocalDate) -> JSONValue {
        func money(_ amount: Int64?) -> JSONValue {
            amount.map { .money(Money(minorUnits: $0, currency: row.currency)) } ?? .null
        }
        return .object([
            "number": .string(row.number), "entity": .string(row.entity), "customer": .string(row.customer),
            "customerName": .string(row.customerName), "instalment": .count(row.instalment),
            "issueDate": .string("\(row.issueDay)"), "postingDate": .string("\(row.postingDay)"),
            "recognisedDate": .string("\(row.recognisedDay)"),
            "dueDate": .string("\(row.dueDay)"), "originalDueDate": .string("\(row.originalDueDay)"),
            "amount": money(row.amount), "open": money(row.open), "net": money(row.net), "tax": money(row.tax),
            "status": .string(row.status.rawValue), "taxStatus": .string(row.taxStatus.name),
            "eInvoiceNumber": .optional(row.eInvoiceNumber), "contract": .optional(row.contract),
            "milestone": .optional(row.milestone), "productLine": .optional(row.productLine),
            "owner": .optional(row.owner),
            "daysOverdue": .count(row.open > 0 ? max(0, today.days(since: row.dueDay)) : 0),
        ])
    }
}

struct ReceiptsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "receipts", abstract: "List receipts, newest first.")

    @OptionGroup var options: StoreOptions
    @OptionGroup var list: ListOptions
    @Option(help: "A customer's code.") var customer: String?
    @Flag(help: "Only receipts with something unapplied.") var unapplied = false

    func run() async throws {
        let session = try Session(options)
        let page = try RegisterQueries.receipts(
            customer: customer, onlyUnapplied: unapplied, limit: list.limit(json: options.json),
            for: try session.viewer(for: .seeReceipts), in: session.store)
        if options.json {
            return Console.emit(
                .list(page, list) { row in
                    .object([
                        "reference": .string(row.reference), "bankAccount": .string(row.bankAccount),
                        "date": .string("\(row.day)"), "customer": .optional(row.customer),
                        "payer": .optional(row.payer),
                        "amount": .money(row.amount), "unapplied": .money(row.unapplied),
                        "reversed": .bool(row.isReversed),
                    ])
                })
        }
        session.show(
            ReportTable(
                title: "",
                columns: [
                    session.column(.columnReference), session.column(.columnDay, .day), session.column(.columnCustomer),
                    session.column(.columnName), session.column(.agingCurrency), session.column(.columnAmount, .amount),
                    session.column(.columnUnapplied, .amount), session.column(.columnStatus),
                ],
                rows: list.page(page).rows.map { row in
                    let exponent = row.amount.currency.exponent
                    return [
                        .text(row.reference), .day(row.day), .text(row.customer ?? ""), .text(row.payer ?? ""),
                        .text(row.amount.currency.code), .amount(Int128(row.amount.minorUnits), exponent: exponent),
                        .amount(Int128(row.unapplied.minorUnits), exponent: exponent),
                        .text(row.isReversed ? session.catalogue.text("receipt.reversed-state") : ""),
                    ]
                }), more: page.more)
    }
}

struct ActsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "acts", abstract: "The journal of acts, newest first.")

    @OptionGroup var options: StoreOptions
    @OptionGroup var list: ListOptions
    @Option(help: "Only this command, for example import-invoices.") var command: String?

    func run() async throws {
        let session = try Session(options)
        _ = try session.viewer(for: .seeActs)
        let page = try RegisterQueries.acts(
            command: command, limit: list.limit(json: options.json), in: session.store)
        if options.json {
            return Console.emit(
                .list(page, list) { row in
                    .object([
                        "act": .string("\(row.number)"), "recordedAt": .string("\(row.instant)"),
                        "command": .string(row.command), "actor": .string(row.actor), "source": .string(row.source),
                        "facts": .integer(row.facts), "outcome": .string(row.outcome), "hash": .string(row.hash),
                    ])
                })
        }
        session.show(
            ReportTable(
                title: "",
                columns: [
                    session.column(.columnAct, .count), session.column(.columnTime), session.column(.columnCommand),
                    session.column(.columnActor), session.column(.columnFacts, .count),
                ],
                rows: list.page(page).rows.map { row in
                    [
                        .count(Int(row.number)), .text(String("\(row.instant)".prefix(19))), .text(row.command),
                        .text(row.actor), .count(Int(row.facts)),
                    ]
                }), more: page.more)
    }
}
