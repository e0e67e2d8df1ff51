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

struct ReverseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reverse", abstract: "Take something back by a dated counter-entry with a reason.",
        subcommands: [Receipt.self, Invoice.self, Allocation.self])

    struct Receipt: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A returned transfer or a receipt registered by mistake; its invoices are open again.")
        @Argument(help: "The receipt's reference.") var reference: String
        @OptionGroup var options: StoreOptions
        @Option(help: ArgumentHelp("The event's day; the receipt's own for a mistake.", valueName: "day")) var date:
            DayArgument?
        @Option(help: "Why.") var reason: String

        func run() async throws {
            let session = try Session(options)
            let request = session.request("reverse-receipt", "\(reference)|\(date?.day.description ?? "")|\(reason)")
            session.done(
                try await CorrectRegister(in: session.store, request).reverseReceipt(
                    reference, on: date?.day, reason: reason))
        }
    }

    struct Invoice: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "An invoice registered by mistake.")
        @Argument(help: "The invoice's number.") var number: String
        @OptionGroup var options: StoreOptions
        @Option(help: ArgumentHelp("The day; the invoice's own unless given.", valueName: "day")) var date: DayArgument?
        @Option(help: "Why.") var reason: String

        func run() async throws {
            let session = try Session(options)
            let request = session.request("reverse-invoice", "\(number)|\(date?.day.description ?? "")|\(reason)")
            session.done(
                try await CorrectRegister(in: session.store, request).reverseInvoice(
                    number, on: date?.day, reason: reason))
        }
    }

    struct Allocation: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The allocations of a receipt to an invoice (un-apply).")
        @Argument(help: "The receipt's reference.") var receipt: String
        @Argument(help: "The invoice's number.") var invoice: String
        @OptionGroup var options: StoreOptions
        @Option(help: ArgumentHelp("The day; the allocation's own for a mistake.", valueName: "day")) var date:
            DayArgument?
        @Option(help: "Why.") var reason: String

        func run() async throws {
            let session = try Session(options)
            let request = session.request(
                "reverse-allocation", "\(receipt)|\(invoice)|\(date?.day.description ?? "")|\(reason)")
            session.done(
                try await CorrectRegister(in: session.store, request).unapply(
                    receipt: receipt, invoice: invoice, on: date?.day, reason: reason))
        }
    }
}

struct ChangeDueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "change-due", abstract: "Change an item's due day; the original stays.")

    @Argument(help: "The invoice's number.") var number: String
    @Argument(help: "The new due day.") var due: DayArgument
    @OptionGroup var options: StoreOptions
    @Option(help: "Which instalment, from 1.") var instalment = 1
    @Option(help: ArgumentHelp("In force from this day; today unless given.", valueName: "day")) var from: DayArgument?
    @Option(help: "Why.") var reason: String

    func run() async throws {
        let session = try Session(options)
        let request = session.request("change-due", "\(number)|\(instalment)|\(due.day)|\(reason)")
        session.done(
            try await CorrectRegister(in: session.store, request).changeDueDay(
                invoice: number, instalment: instalment, to: due.day, from: from?.day, reason: reason))
    }
}

struct PeriodCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "period", abstract: "Close, soft-close or open a month of the books.")

    @Argument(help: "close, soft-close or open.") var action: String
    @Argument(help: "The month, for example 2026-01.") var month: String
    @OptionGroup var options: StoreOptions
    @Option(help: "Why.") var reason: String?

    func validate() throws {
        guard ["close", "soft-close", "open"].contains(action) else {
            throw ValidationError("close, soft-close or open")
        }
        guard LocalDate(month + "-01") != nil else { throw ValidationError("MONTH is written like 2026-01") }
    }

    func run() async throws {
        guard let first = LocalDate(month + "-01") else { return }
        let session = try Session(options)
        let state: CorrectRegister.PeriodState = action == "open" ? .open : action == "close" ? .closed : .softClosed
        session.done(
            try await CorrectRegister(in: session.store, session.request("period-\(action)", month)).setPeriod(
                month: first, to: state, reason: reason))
    }
}
