import ArgumentParser
import Formats
import Foundation
import Ledger
import Operations
import Receivables

struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "Export the journal for hledger, beancount, Kingdee/Yonyou (CSV) or as JSON.")

    @OptionGroup var options: StoreOptions
    @Option(help: "hledger, beancount, csv or json.") var format: String?
    @Option(help: ArgumentHelp("First posting day.", valueName: "day")) var from: DayArgument?
    @Option(help: ArgumentHelp("Last posting day.", valueName: "day")) var to: DayArgument?
    @Option(help: ArgumentHelp("Write to a file.", valueName: "file")) var output: String?

    func validate() throws {
        if let format, JournalFormat(rawValue: format) == nil {
            throw ValidationError("--format takes \(JournalFormat.allCases.map(\.rawValue).joined(separator: ", "))")
        }
    }

    func run() async throws {
        let session = try Session(options)
        _ = try session.viewer(for: .seeLedger)
        let format = format.flatMap(JournalFormat.init) ?? (options.json ? .json : .csv)
        var export = ExportJournal(format, from: from?.day, to: to?.day)
        export.catalogue = session.catalogue
        guard let output else {
            var waiting = ""
            try export.run(in: session.store) { text in
                waiting += text
                if waiting.utf8.count > 1 << 16 {
                    Console.write(waiting, to: STDOUT_FILENO)
                    waiting = ""
                }
            }
            Console.write(waiting, to: STDOUT_FILENO)
            return
        }
        guard FileManager.default.createFile(atPath: output, contents: nil),
            let file = FileHandle(forWritingAtPath: output)
        else { throw Refusal(.outputUnwritable, ["path": .text(output), "reason": .text("")]) }
        defer { try? file.close() }
        try export.run(in: session.store) { try file.write(contentsOf: Data($0.utf8)) }
    }
}

struct TrialBalanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trial-balance", abstract: "Balances of all accounts as of a day.")

    @OptionGroup var options: StoreOptions
    @Option(help: ArgumentHelp("Posting days up to this one; today unless given.", valueName: "day")) var asOf:
        DayArgument?
    @Option(help: ArgumentHelp("The legal entity; the main one unless given.", valueName: "code")) var entity: String?

    func run() async throws {
        let session = try Session(options)
        _ = try session.viewer(for: .seeLedger)
        let day = asOf?.day ?? session.today
        let balance = try LedgerBalances.trialBalance(in: session.store, entity: entity, asOf: day)
        if options.json { Console.emit(Self.json(balance, day)) } else { Self.show(balance, day, session.catalogue) }
        if !balance.differences.isEmpty { throw CommandEnd(exitCode: 1) }
    }

    private static func json(_ balance: LedgerBalances.TrialBalance, _ day: LocalDate) -> JSONValue {
        let base = balance.functionalCurrency
        return .object([
            "asOf": .string("\(day)"), "functionalCurrency": .string(base.code),
            "items": .array(
                balance.lines.map { line in
                    func decimal(_ amount: Int128, _ currency: Currency) -> JSONValue {
                        .string(Money.decimal(of: amount, exponent: currency.exponent))
                    }
                    return .object([
                        "account": .string(line.account.name), "code": .string(line.code), "name": .string(line.name),
                        "currency": .string(line.currency.code), "debit": decimal(line.debit, line.currency),
                        "credit": decimal(line.credit, line.currency), "functional": decimal(line.functional, base),
                    ])
                }),
            "untranslated": .object(
                balance.untranslated.sorted { $0.key < $1.key }.map {
                    .init(name: $0.key.code, value: .count($0.value))
                }),
        ])
    }

    private static func show(_ balance: LedgerBalances.TrialBalance, _ day: LocalDate, _ catalogue: Catalogue) {
        let lines = balance.lines
        let base = balance.functionalCurrency
        let currencies = Set(lines.map(\.currency)).sorted()
        // One currency needs no second column for the same figures.
        let showsFunctional = currencies != [base] && !lines.isEmpty
        let functionalTitle = catalogue.text(.trialBalanceFunctional, ["currency": .text(base.code)])
        func functional(_ amount: Int128) -> [ReportTable.Cell] {
            showsFunctional ? [.amount(amount, exponent: base.exponent)] : []
        }
        var proof: [String] = []
        if !lines.isEmpty {
            let off = balance.differences.map {
                "\($0.currency) \(Money.decimal(of: $0.amount, exponent: $0.currency.exponent))"
            }
            proof.append(
                off.isEmpty
                    ? catalogue.text(.trialBalanceProof)
                    : catalogue.text(.trialBalanceFails, ["differences": .text(off.joined(separator: ", "))]))
        }
        if !balance.untranslated.isEmpty {
            let waiting = balance.untranslated.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            proof.append(
                catalogue.text(.trialBalanceUntranslated, ["waiting": .text(waiting.joined(separator: ", "))]))
        }
        Console.show(
            ReportTable(
                title: catalogue.text(.trialBalanceTitle), notes: [catalogue.text(.agingAsOf, ["day": .day(day)])],
                columns: [
                    .init(catalogue.text(.columnNumber), .text), .init(catalogue.text(.columnAccount), .text),
                    .init(catalogue.text(.agingCurrency), .text), .init(catalogue.text(.columnDebit), .amount),
                    .init(catalogue.text(.columnCredit), .amount),
                ] + (showsFunctional ? [.init(functionalTitle, .amount)] : []),
                rows: lines.map { line in
                    [
                        .text(line.code), .text(catalogue.text("account.\(line.account.name)")),
                        .text(line.currency.code),
                        .amount(line.debit, exponent: line.currency.exponent),
                        .amount(line.credit, exponent: line.currency.exponent),
                    ] + functional(line.functional)
                },
                totals: currencies.map { currency in
                    let own = lines.filter { $0.currency == currency }
                    return [
                        .text(""), .text(catalogue.text(.agingTotal)), .text(currency.code),
                        .amount(own.reduce(0) { $0 + $1.debit }, exponent: currency.exponent),
                        .amount(own.reduce(0) { $0 + $1.credit }, exponent: currency.exponent),
                    ] + functional(own.reduce(0) { $0 + $1.functional })
                }, proof: proof))
    }
}

struct TranslateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "translate",
        abstract: "Give postings in foreign currencies their functional amounts, as far as rates are known.",
        discussion: "Imports of rates and of everything else do this by themselves.")

    @OptionGroup var options: StoreOptions

    func run() async throws {
        let session = try Session(options)
        let written = try await Translate().run(in: session.store, session.request(.translate))
        let outcome = written.outcome
        let waiting = outcome.waiting.sorted { $0.key < $1.key }
        if options.json {
            Console.emit(
                .object([
                    "translated": .count(outcome.translated),
                    "waiting": .object(waiting.map { .init(name: $0.key, value: .count($0.value)) }),
                ]))
            return
        }
        Console.say(session.catalogue.text(.translateDone, ["count": .count(outcome.translated)]))
        guard !waiting.isEmpty else { return }
        let list = waiting.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        Console.say(session.catalogue.text(.trialBalanceUntranslated, ["waiting": .text(list)]))
    }
}

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Recompute everything the store claims; exit 1 with the first difference.")

    @OptionGroup var options: StoreOptions
    @Option(help: ArgumentHelp("A head noted down earlier: finds acts cut off at the end.", valueName: "number:hash"))
    var head: String?

    func run() async throws {
        let session = try Session(options)
        var verify = Verify()
        if let head {
            let parts = head.split(separator: ":")
            guard parts.count == 2, let act = Int64(parts[0]) else { throw ValidationError("--head takes number:hash") }
            verify.expectedHead = (act, String(parts[1]))
        }
        let progress = Progress("verify")
        let result = try verify.run(in: session.store) { progress.show($0) }
        progress.finish()
        if options.json {
            Console.emit(
                .object([
                    "sound": .bool(result.fault == nil), "acts": .integer(result.acts), "facts": .integer(result.facts),
                    "head": .string("\(result.acts):\(result.headHash)"), "fault": .optional(result.fault),
                ]))
        } else if let fault = result.fault {
            Console.complain(session.catalogue.text(.verifyBroken, ["fault": .text(fault)]))
        } else {
            Console.say(
                session.catalogue.text(
                    .verifySound,
                    [
                        "acts": .count(Int(result.acts)), "facts": .count(Int(result.facts)),
                        "hash": .text(result.headHash),
                    ]))
        }
        if result.fault != nil { throw CommandEnd(exitCode: 1) }
    }
}

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copy the live store into a file, and check the copy.")

    @Argument(help: "The copy; it must not exist yet.") var file: String
    @OptionGroup var options: StoreOptions

    func run() async throws {
        let session = try Session(options)
        let result = try BackUp(to: file).run(in: session.store)
        if options.json {
            Console.emit(
                .object([
                    "file": .string(result.path), "keys": .string(result.keysPath), "acts": .integer(result.act),
                    "facts": .integer(result.facts),
                ]))
        } else {
            Console.say(
                session.catalogue.text(
                    .backupDone,
                    ["path": .text(result.path), "facts": .count(Int(result.facts)), "keys": .text(result.keysPath)]))
        }
    }
}

struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Bring a copy back as a store; an existing store is never overwritten.")

    @Argument(help: "A file that `huikuan backup` wrote; its keys are read from FILE.keys.") var file: String
    @OptionGroup var options: StoreOptions
    @Flag(help: "The file of keys is gone: contacts and messages stay unreadable for ever.") var withoutKeys = false

    func run() async throws {
        try Edge.checkClock()
        var restore = Restore(from: file, to: options.store, in: StoreOptions.place(of: options.store))
        restore.goesWithoutKeys = withoutKeys
        restore.hasOwnClock = Edge.setsClock
        let act = try await restore.run(
            as: options.person ?? Surroundings["HUIKUAN_PERSON"], else: Edge.systemUser,
            now: Edge.clock(), clock: Edge.clock)
        if options.json {
            Console.emit(.object(["store": .string(options.shownStore), "act": .integer(act)]))
        } else {
            Console.say(
                try options.catalogue().text(
                    .restoreDone, ["path": .text(options.shownStore), "act": .count(Int(act))]))
        }
    }
}
