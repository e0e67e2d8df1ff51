import ArgumentParser
import Formats
import Foundation
import Ledger
import Operations
import Receivables

/// What lists have in common.
struct ListOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Rows at most.", valueName: "count")) var limit: Int?

    /// JSON lists are whole unless a limit is given.
    func limit(json: Bool) -> Int { limit ?? (json ? Int.max : 50) }
}

extension JSONValue {
    /// Every list's document (spec E-36).
    static func list(_ items: [JSONValue]) -> JSONValue { .object(["items": .array(items), "next": .null]) }

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

    func run() async throws {
        let session = try Session(options)
        let page = try RegisterQueries.customers(
            matching: search, limit: list.limit(json: options.json), in: session.store)
        if options.json {
            Console.emit(
                .list(
                    page.rows.map { row in
                        .object([
                            "code": .string(row.code), "name": .string(row.name), "group": .optional(row.group),
                            "kind": .optional(row.kind?.name), "salesOwner": .optional(row.salesOwner),
                            "collector": .optional(row.collector), "uscc": .optional(row.uscc),
                            "incomplete": .bool(row.isIncomplete),
                        ])
                    }))
            return
        }
        session.show(
            ReportTable(
                title: "",
                columns: [
                    session.column(.columnCustomer), session.column(.columnName), session.column(.columnGroup),
                    session.column(.columnKind), session.column(.columnOwner),
                ],
                rows: page.rows.map { row in
                    [
                        .text(row.code), .text(row.name), .text(row.group ?? ""), .text(row.kind?.name ?? ""),
                        .text(row.salesOwner ?? ""),
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
    @Option(help: "A contract's number.") var contract: String?
    @Option(help: ArgumentHelp("Due before this day.", valueName: "day")) var dueBefore: DayArgument?
    @Flag(help: "Only items with something open.") var open = false

    func validate() throws {
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
        filter.dueBefore = dueBefore?.day
        filter.onlyOpen = open
        filter.limit = list.limit(json: options.json)
        let page = try RegisterQueries.invoices(filter, in: session.store)
        if options.json { return Console.emit(.list(page.rows.map { json($0, session.today) })) }
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
                rows: page.rows.map { row in
                    let late = row.open > 0 ? max(0, session.today.days(since: row.dueDay)) : 0
                    return [
                        .text(row.number), .text(row.customer), .text(row.customerName), .day(row.issueDay),
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
            customer: customer, onlyUnapplied: unapplied, limit: list.limit(json: options.json), in: session.store)
        if options.json {
            Console.emit(
                .list(
                    page.rows.map { row in
                        .object([
                            "reference": .string(row.reference), "bankAccount": .string(row.bankAccount),
                            "date": .string("\(row.day)"), "customer": .optional(row.customer),
                            "payer": .optional(row.payer),
                            "amount": .money(row.amount), "unapplied": .money(row.unapplied),
                            "reversed": .bool(row.isReversed),
                        ])
                    }))
            return
        }
        session.show(
            ReportTable(
                title: "",
                columns: [
                    session.column(.columnReference), session.column(.columnDay, .day), session.column(.columnCustomer),
                    session.column(.columnName), session.column(.agingCurrency), session.column(.columnAmount, .amount),
                    session.column(.columnUnapplied, .amount),
                ],
                rows: page.rows.map { row in
                    let exponent = row.amount.currency.exponent
                    return [
                        .text(row.reference), .day(row.day), .text(row.customer ?? ""), .text(row.payer ?? ""),
                        .text(row.amount.currency.code), .amount(Int128(row.amount.minorUnits), exponent: exponent),
                        .amount(Int128(row.unapplied.minorUnits), exponent: exponent),
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
        let page = try RegisterQueries.acts(
            command: command, limit: list.limit(json: options.json), in: session.store)
        if options.json {
            Console.emit(
                .list(
                    page.rows.map { row in
                        .object([
                            "act": .string("\(row.number)"), "recordedAt": .string("\(row.instant)"),
                            "command": .string(row.command), "actor": .string(row.actor), "source": .string(row.source),
                            "facts": .integer(row.facts), "outcome": .string(row.outcome), "hash": .string(row.hash),
                        ])
                    }))
            return
        }
        session.show(
            ReportTable(
                title: "",
                columns: [
                    session.column(.columnAct, .count), session.column(.columnTime), session.column(.columnCommand),
                    session.column(.columnActor), session.column(.columnFacts, .count),
                ],
                rows: page.rows.map { row in
                    [
                        .count(Int(row.number)), .text(String("\(row.instant)".prefix(19))), .text(row.command),
                        .text(row.actor), .count(Int(row.facts)),
                    ]
                }), more: page.more)
    }
}
