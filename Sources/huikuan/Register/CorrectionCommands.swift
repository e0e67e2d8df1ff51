import ArgumentParser
import Formats
import Ledger
import Operations
import Receivables

extension Session {
    /// Says that a command was recorded, and as which act.
    func done(_ act: Int64?) {
        if options.json {
            Console.emit(.object(["act": act.map { .string("\($0)") } ?? .null]))
        } else if let act {
            Console.say(catalogue.text(.registerDone, ["act": .count(Int(act))]))
        } else {
            Console.say(catalogue.text(.nothingChanged))
        }
    }
}

/// What tells one of several equal references from the others.
struct PlaceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The legal entity; the main one unless given.", valueName: "code")) var entity: String?
    @Option(help: ArgumentHelp("The bank account, where several have the reference.", valueName: "account"))
    var bankAccount: String?
}

struct ReverseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reverse", abstract: "Take something back by a dated counter-entry with a reason.",
        subcommands: [Receipt.self, CreditNote.self, Invoice.self, Allocation.self])

    struct Receipt: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A returned transfer or a receipt registered by mistake; its invoices are open again.")
        @Argument(help: "The receipt's reference.") var reference: String
        @OptionGroup var options: StoreOptions
        @OptionGroup var place: PlaceOptions
        @Option(help: ArgumentHelp("The event's day; the receipt's own for a mistake.", valueName: "day")) var date:
            DayArgument?
        @Option(help: "Why.") var reason: String

        func run() async throws {
            try await take(reference, .receipt, place, date, reason, Session(options))
        }
    }

    struct CreditNote: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A credit note registered by mistake; its invoice is open again.")
        @Argument(help: "The credit note's number.") var number: String
        @OptionGroup var options: StoreOptions
        @OptionGroup var place: PlaceOptions
        @Option(help: ArgumentHelp("The day; the note's own unless given.", valueName: "day")) var date: DayArgument?
        @Option(help: "Why.") var reason: String

        func run() async throws {
            try await take(number, .creditNote, place, date, reason, Session(options))
        }
    }

    private static func take(
        _ reference: String, _ kind: Credit.Kind, _ place: PlaceOptions, _ date: DayArgument?, _ reason: String,
        _ session: Session
    ) async throws {
        let input = [reference, place.bankAccount ?? "", place.entity ?? "", date?.day.description ?? "", reason]
        let command: Permission = kind == .receipt ? .reverseReceipt : .reverseCreditNote
        let request = session.request(command, input.joined(separator: "|"))
        let name = CorrectRegister.CreditName(
            reference, bankAccount: place.bankAccount, entity: place.entity, kind: kind)
        session.done(
            try await CorrectRegister(in: session.store, request).reverse(name, on: date?.day, reason: reason))
    }

    struct Invoice: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "An invoice registered by mistake.")
        @Argument(help: "The invoice's number.") var number: String
        @OptionGroup var options: StoreOptions
        @Option(help: ArgumentHelp("The legal entity; the main one unless given.", valueName: "code"))
        var entity: String?
        @Option(help: ArgumentHelp("The day; the invoice's own unless given.", valueName: "day")) var date: DayArgument?
        @Option(help: "Why.") var reason: String

        func run() async throws {
            let session = try Session(options)
            let input = "\(number)|\(entity ?? "")|\(date?.day.description ?? "")|\(reason)"
            session.done(
                try await CorrectRegister(in: session.store, session.request(.reverseInvoice, input)).reverseInvoice(
                    number, entity: entity, on: date?.day, reason: reason))
        }
    }

    struct Allocation: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The allocations of a receipt or credit note to an invoice (un-apply).")
        @Argument(help: "The receipt's reference, or the credit note's number with --credit-note.") var receipt: String
        @Argument(help: "The invoice's number.") var invoice: String
        @OptionGroup var options: StoreOptions
        @OptionGroup var place: PlaceOptions
        @Flag(help: "RECEIPT is a credit note.") var creditNote = false
        @Option(help: ArgumentHelp("The day; the allocation's own for a mistake.", valueName: "day")) var date:
            DayArgument?
        @Option(help: "Why.") var reason: String

        func run() async throws {
            let session = try Session(options)
            let input = [
                receipt, invoice, place.bankAccount ?? "", place.entity ?? "", "\(creditNote)",
                date?.day.description ?? "", reason,
            ]
            let request = session.request(.reverseAllocation, input.joined(separator: "|"))
            let name = CorrectRegister.CreditName(
                receipt, bankAccount: place.bankAccount, entity: place.entity, kind: creditNote ? .creditNote : .receipt
            )
            session.done(
                try await CorrectRegister(in: session.store, request).unapply(
                    name, invoice: invoice, on: date?.day, reason: reason))
        }
    }
}

struct InvoiceStatusCommand: AsyncParsableCommand {
    private static let states = Receivables.Invoice.TaxStatus.allCases.map(\.name).joined(separator: ", ")

    static let configuration = CommandConfiguration(
        commandName: "invoice-status",
        abstract: "Note the status of an invoice's tax invoice, for example that the customer got it.",
        discussion: "What the customer never got is not dunned.")

    @Argument(help: "The invoice's number.") var number: String
    @Argument(help: ArgumentHelp(Self.states)) var status: String
    @OptionGroup var options: StoreOptions
    @Option(help: ArgumentHelp("The legal entity; the main one unless given.", valueName: "code")) var entity: String?
    @Option(help: ArgumentHelp("Since this day; today unless given.", valueName: "day")) var date: DayArgument?

    private var wanted: Receivables.Invoice.TaxStatus? {
        Receivables.Invoice.TaxStatus.allCases.first { $0.name == status }
    }

    func validate() throws {
        guard wanted != nil else { throw ValidationError("STATUS is one of \(Self.states)") }
    }

    func run() async throws {
        guard let wanted else { return }
        let session = try Session(options)
        let input = "\(number)|\(status)|\(entity ?? "")|\(date?.day.description ?? "")"
        session.done(
            try await CorrectRegister(in: session.store, session.request(.invoiceStatus, input)).changeTaxStatus(
                invoice: number, entity: entity, to: wanted, on: date?.day))
    }
}

struct ChangeDueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "change-due", abstract: "Change an item's due day; the original stays.")

    @Argument(help: "The invoice's number.") var number: String
    @Argument(help: "The new due day.") var due: DayArgument
    @OptionGroup var options: StoreOptions
    @Option(help: ArgumentHelp("The legal entity; the main one unless given.", valueName: "code")) var entity: String?
    @Option(help: "Which instalment, from 1.") var instalment = 1
    @Option(help: ArgumentHelp("In force from this day; today unless given.", valueName: "day")) var from: DayArgument?
    @Option(help: "Why.") var reason: String

    func run() async throws {
        let session = try Session(options)
        let input = "\(number)|\(entity ?? "")|\(instalment)|\(due.day)|\(from?.day.description ?? "")|\(reason)"
        let request = session.request(.changeDue, input)
        session.done(
            try await CorrectRegister(in: session.store, request).changeDueDay(
                invoice: number, entity: entity, instalment: instalment, to: due.day, from: from?.day, reason: reason))
    }
}

struct PeriodCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "period", abstract: "Close, soft-close or open a month of the books, or list those not open.")

    @Argument(help: "close, soft-close, open or list.") var action: String
    @Argument(help: "The month, for example 2026-01.") var month: String?
    @OptionGroup var options: StoreOptions
    @Option(help: "Why.") var reason: String?

    func validate() throws {
        guard ["close", "soft-close", "open", "list"].contains(action) else {
            throw ValidationError("close, soft-close, open or list")
        }
        guard action == "list" || month.flatMap({ DayArgument(argument: $0 + "-01") }) != nil else {
            throw ValidationError("MONTH is written like 2026-01")
        }
    }

    func run() async throws {
        let session = try Session(options)
        guard let month, let first = LocalDate(month + "-01") else { return try list(session) }
        let state: CorrectRegister.PeriodState = action == "open" ? .open : action == "close" ? .closed : .softClosed
        session.done(
            try await CorrectRegister(
                in: session.store, session.request(.setPeriod, "\(month)|\(reason ?? "")")
            ).setPeriod(
                month: first, to: state, reason: reason))
    }

    private func list(_ session: Session) throws {
        let months = try PeriodQueries.closed(in: session.store)
        if options.json {
            return Console.emit(
                .list(months.map { .object(["month": .string($0.month), "state": .string($0.state)]) }))
        }
        session.show(
            ReportTable(
                title: "", columns: [session.column(.columnDay), session.column(.columnState)],
                rows: months.map { [.text($0.month), .text(session.catalogue.text("period.\($0.state)"))] }), more: 0)
    }
}
