import ArgumentParser
import Formats
import Foundation
import Ledger
import Operations
import Receivables
import SampleCompany

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Make a sample technology company with two years of history, played through the real commands.")

    @OptionGroup var options: StoreOptions
    @Option(help: "How many customers.") var customers = 60
    @Option(help: "About how many invoices.") var invoices = 1_200
    @Option(help: "Another number makes another company.") var seed: UInt64 = 20_250_101
    @Option(help: ArgumentHelp("The last day; today unless given.", valueName: "day")) var to: DayArgument?
    @Option(help: "How many days of history.") var days = 731

    func validate() throws {
        guard customers >= 5 else { throw ValidationError("--customers: the stories need at least 5") }
        guard invoices >= 0 else { throw ValidationError("--invoices takes 0 or more") }
        guard (1...3_660).contains(days) else { throw ValidationError("--days takes 1 to 3660") }
    }

    func run() async throws {
        let settings = CompanySettings(
            name: "", currency: try Self.yuan(), language: options.language ?? "zh-Hans", timeZone: "Asia/Shanghai",
            country: "CN", kind: .sample)
        let last = to?.day ?? settings.day(of: Edge.clock())
        let sample = SampleCompany(
            seed: seed, customers: customers, invoices: invoices, from: last.adding(days: 1 - days), to: last)
        var company = settings
        company.name = sample.companyName
        let catalogue = try options.catalogue(of: company)
        let progress = Progress(catalogue.text(.demoProgress, ["company": .text(company.name)]))
        try await SamplePlay(sample, company, path: options.store, from: last.adding(days: 1 - days), to: last).run {
            progress.show($0)
        }
        progress.finish()
        if options.json {
            Console.emit(.object(["store": .string(options.shownStore), "lastDay": .string("\(last)")]))
        } else {
            Console.say(
                catalogue.text(
                    .demoDone,
                    [
                        "company": .text(company.name), "customers": .count(customers), "invoices": .count(invoices),
                        "days": .count(days), "path": .text(options.shownStore),
                    ]))
        }
    }

    private static func yuan() throws -> Currency {
        guard let yuan = Currency("CNY") else { throw Refusal(.valueUnknownCurrency) }
        return yuan
    }
}

/// Plays a sample company day by day: the day's run in the morning, work on tasks, then what came in.
struct SamplePlay {
    private let sample: SampleCompany
    private let company: CompanySettings
    private let path: String
    private let from: LocalDate
    private let to: LocalDate
    private let clock = PlayClock()

    init(_ sample: SampleCompany, _ company: CompanySettings, path: String, from: LocalDate, to: LocalDate) {
        self.sample = sample
        self.company = company
        self.path = path
        self.from = from
        self.to = to
    }

    /// The time of the play: each day's acts happen on that day.
    private final class PlayClock: @unchecked Sendable {
        // Set between commands, read by the writer's thread during them.
        private let lock = NSLock()
        private var instant = Instant(microseconds: 0)
        private let present = Edge.clock()

        /// `hour` counts in the company's time zone, eight hours ahead of UTC. Nothing of today happens later than now.
        func set(_ day: LocalDate, hour: Int64) {
            let time = Instant(microseconds: Int64(day.dayNumber) * 86_400_000_000 + (hour - 8) * 3_600_000_000)
            let isLater =
                time.microseconds > present.microseconds && time.microseconds < present.microseconds + 86_400_000_000
            lock.lock()
            instant = isLater ? present : time
            lock.unlock()
        }

        func now() -> Instant {
            lock.lock()
            defer { lock.unlock() }
            return instant
        }
    }

    /// The usual sample company up to today, and its store.
    static func make(_ path: String, language: String) async throws -> (Store, CompanySettings) {
        guard let yuan = Currency("CNY") else { throw Refusal(.valueUnknownCurrency) }
        var company = CompanySettings(
            name: "", currency: yuan, language: language, timeZone: "Asia/Shanghai", country: "CN", kind: .sample)
        let last = company.day(of: Edge.clock())
        let from = last.adding(days: -730)
        let sample = SampleCompany(seed: 20_250_101, customers: 60, invoices: 1_200, from: from, to: last)
        company.name = sample.companyName
        try await SamplePlay(sample, company, path: path, from: from, to: last).run { _ in }
        let store = try Store.open(path: path, in: StoreOptions.place(of: path), clock: Edge.clock)
        return (store, company)
    }

    func run(_ onProgress: (Double) -> Void) async throws {
        let clock = clock
        clock.set(from.adding(days: -1), hour: 9)
        let store = try await CreateCompany(company).run(
            path: path, in: StoreOptions.place(of: path), actor: Edge.systemUser, now: clock.now(),
            clock: { clock.now() })
        for person in sample.staff {
            _ = try await WorkCommands(in: store, request("set-person", person.address)).setPerson(
                person.address, manager: person.manager, roles: [Role.named(person.role)].compactMap { $0 }, without: []
            )
            try await AccountCommands(in: store, request("set-person", person.name)).register(
                person.address, name: person.name)
        }
        for file in sample.opening { try await take(file, store) }

        let running = RunDay(in: store, actor: .systemDay, source: "demo")
        var day = from
        while day <= to {
            try await play(day, store, running)
            onProgress(Double(day.days(since: from)) / Double(max(to.days(since: from), 1)))
            day = day.adding(days: 1)
        }
        try store.checkpoint()
    }

    /// The member of the staff with one of these roles; whoever set the store up where there is none.
    private func staff(_ roles: Set<Role>) -> Actor {
        let person = sample.staff.first { member in Role.named(member.role).map(roles.contains) ?? false }
        return person.map { .person(key: $0.address) } ?? Edge.systemUser
    }

    private func request(_ command: String, _ input: String, by actor: Actor = Edge.systemUser) -> ActRequest {
        let now = clock.now()
        return ActRequest(
            command: command, actor: actor, source: "demo", input: Array(input.utf8), now: now,
            today: company.day(of: now))
    }

    private func play(_ day: LocalDate, _ store: Store, _ running: RunDay) async throws {
        let events = sample.day(day)
        clock.set(day, hour: 6)
        _ = try await running.run(to: day, now: clock.now(), today: day)
        clock.set(day, hour: 11)
        // The last days' work is left for whoever looks at the sample; and nobody gets everything done.
        if to.days(since: day) > 3 { try await work(on: day, share: events.finishedTaskShare * 0.6, store) }
        clock.set(day, hour: 17)
        for file in events.files { try await take(file, store) }
        // The bank's file comes every working day; on some there is nothing in it.
        if day.weekday <= 5, !events.files.contains(where: { $0.kind == ImportKind.receipts.rawValue }) {
            try await take(SampleFile(kind: ImportKind.receipts.rawValue, text: "reference,date,amount\n"), store)
        }
        if day.weekday == 1 { try await take(rates(on: day), store) }
        for pause in events.pauses {
            let kind: Pause.Kind = pause.kind == .dispute ? .dispute : .agreed
            let limit = kind == .dispute ? 60 : 30
            let until = min(pause.until, pause.from.adding(days: limit))
            _ = try await WorkCommands(in: store, request("pause", pause.invoice, by: staff([.collector]))).pause(
                invoice: pause.invoice, kind, from: pause.from, until: until, amount: nil, reason: pause.reason)
        }
    }

    /// Invented rates that move a little, so that foreign items can be translated.
    private func rates(on day: LocalDate) -> SampleFile {
        let week = (day.dayNumber / 7) % 13
        return SampleFile(
            kind: ImportKind.rates.rawValue,
            text:
                "day,from,to,rate,source\n\(day),USD,CNY,7.\(10 + week),sample\n\(day),EUR,CNY,7.\(70 + week),sample\n"
                + "\(day),JPY,CNY,0.04\(60 + week),sample\n")
    }

    /// The staff finishes the tasks due first, as many as the day allows.
    private func work(on day: LocalDate, share: Double, _ store: Store) async throws {
        let open = try TrackingQueries.tasks(
            owner: nil, customer: nil, includingClosed: false, limit: .max, in: store
        ).rows
        let count = Int(Double(open.count) * share)
        guard count > 0 else { return }
        for (assignee, tasks) in Dictionary(grouping: open.prefix(count), by: { $0.assignee ?? "" }).sorted(by: {
            $0.key < $1.key
        }) {
            let ids = tasks.map(\.id)
            let actor: Actor = assignee.isEmpty ? Edge.systemUser : .person(key: assignee)
            _ = try await WorkCommands(in: store, request("finish-tasks", "\(ids)", by: actor)).finish(
                tasks: ids, note: nil)
        }
    }

    private func take(_ file: SampleFile, _ store: Store) async throws {
        guard let kind = ImportKind(rawValue: file.kind) else {
            throw Refusal(.fileMissing, ["path": .text(file.kind)])
        }
        let now = clock.now()
        // What a person says of payment contacts would wait for another.
        let actor = kind == .contacts ? Edge.systemUser : staff(kind.permission.roles)
        _ = try await FileImport(kind, .text(file.text)).run(
            in: store, actor: actor, source: "demo", now: now, today: company.day(of: now))
    }
}
