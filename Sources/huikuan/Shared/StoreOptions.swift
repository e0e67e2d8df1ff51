import ArgumentParser
import Database
import DatabasePostgres
import Foundation
import Ledger
import Operations
import Receivables

/// Options that every command has.
struct StoreOptions: ParsableArguments {
    // No default that help would print: the address of a server may hold a password.
    @Option(
        name: .customLong("store"),
        help: ArgumentHelp(
            "The company's store: a file, or postgres://…/db?schema=…. Without it what HUIKUAN_STORE names, or ./huikuan.db.",
            valueName: "file"))
    var namedStore: String?

    var store: String { namedStore ?? Self.defaultStore }

    /// Where a store of this name is kept.
    static func place(of store: String) -> any StorePlace {
        PostgresPlace.holds(store) ? PostgresPlace() : FilePlace()
    }

    /// The store's name for messages.
    var shownStore: String { Self.place(of: store).shown(store) }

    static let defaultStore = Surroundings["HUIKUAN_STORE"] ?? "./huikuan.db"

    @Flag(help: "Answer with one JSON document.")
    var json = false

    @Option(name: .customLong("as"), help: ArgumentHelp("Who acts: a person's e-mail or name.", valueName: "person"))
    var person: String?

    @Option(help: ArgumentHelp("Language of the answer: zh-Hans or en.", valueName: "language"))
    var language: String?

    func catalogue(of company: CompanySettings? = nil) throws -> Catalogue {
        if let company { SpokenLanguage.ofCompany.set(company.language) }
        return try Catalogue(SpokenLanguage.choose(asked: language))
    }
}

/// What the environment says. An empty variable is one that isn't set: a unit's file keeps a line for each.
enum Surroundings {
    static subscript(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// The language of answers: as asked for, else the environment's, else the company's, else the terminal's.
enum SpokenLanguage {
    /// The company's language, as soon as its store is open.
    static let ofCompany = Remembered()

    static func choose(asked: String?) -> Catalogue.Language {
        let wanted = asked ?? Surroundings["HUIKUAN_LANGUAGE"] ?? ofCompany.value ?? Surroundings["LANG"] ?? "en"
        return wanted.hasPrefix("zh") ? .chinese : .english
    }

    final class Remembered: @unchecked Sendable {
        // Guarded by `lock`.
        private let lock = NSLock()
        private var text: String?

        var value: String? {
            lock.lock()
            defer { lock.unlock() }
            return text
        }

        func set(_ text: String) {
            lock.lock()
            self.text = text
            lock.unlock()
        }
    }
}

/// An open store with everything that a command's edge adds: clock, actor, language.
struct Session {
    let store: Store
    let company: CompanySettings
    let catalogue: Catalogue
    let actor: Actor
    let now: Instant
    let today: LocalDate
    let options: StoreOptions
    let clock: @Sendable () -> Instant

    /// - Throws: `DatabaseFailure`, and `Refusal` for an unknown person or a clock that a live store won't have.
    init(_ options: StoreOptions) throws {
        self.options = options
        try Edge.checkClock()
        let clock = Edge.clock
        self.clock = clock
        let waiting = Progress("")
        store = try Store.open(path: options.store, in: StoreOptions.place(of: options.store), clock: clock) {
            seconds in
            let catalogue = try? options.catalogue()
            waiting.note(catalogue?.text(.storeWaiting, ["seconds": .count(seconds)]) ?? "")
        }
        company = try store.read { try CompanySettings.load(in: $0) }
        catalogue = try options.catalogue(of: company)
        if company.kind == .live, Edge.setsClock { throw Refusal(.clockNotAllowed) }
        now = clock()
        today = company.day(of: now)
        let named = options.person ?? Surroundings["HUIKUAN_PERSON"]
        if let named {
            guard try PersonQueries.isKnown(named, in: store) else {
                throw Refusal(.actorUnknown, ["person": .text(named)])
            }
            actor = .person(key: named)
        } else {
            actor = Edge.systemUser
        }
    }

    /// The one who asks, once they may see this at all.
    ///
    /// - Throws: `Refusal` `access.denied`.
    func viewer(for permission: Permission) throws -> Viewer {
        let viewer = try Viewer.of(actor, on: today, in: store)
        try viewer.need(permission)
        return viewer
    }

    /// A command of the one who acts; what nobody may, nobody can name.
    func request(_ command: Permission, _ input: String = "") -> ActRequest {
        ActRequest(
            command: command.rawValue, actor: actor, source: "cli", input: Array(input.utf8), now: now, today: today)
    }
}

/// Where time and the user's name come in.
enum Edge {
    static let systemUser = Actor.operatorOfSystem(user: NSUserName())

    /// Read once: to ask for one variable copies all of them, and the clock is asked several times in each request.
    private static let environment = ProcessInfo.processInfo.environment

    /// Whether somebody set another clock for a sample, drill or test store.
    static let setsClock = environment["HUIKUAN_NOW"] != nil || environment["HUIKUAN_SEED"] != nil

    private static let setClock = environment["HUIKUAN_NOW"].flatMap { Instant($0) }

    /// - Throws: `Refusal` `clock.unreadable`: a clock that was set and can't be read must not be the real one.
    static func checkClock() throws {
        if let text = environment["HUIKUAN_NOW"], setClock == nil {
            throw Refusal(.clockUnreadable, ["value": .text(text)])
        }
    }

    static let clock: @Sendable () -> Instant = {
        if let setClock { return setClock }
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Instant(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }
}

/// A day given on the command line.
struct DayArgument: ExpressibleByArgument {
    let day: LocalDate

    init?(argument: String) {
        guard let day = LocalDate(argument), day >= LocalDate.earliestInBooks, day <= LocalDate.latestInBooks else {
            return nil
        }
        self.day = day
    }

    static var defaultCompletionKind: CompletionKind { .default }
}
