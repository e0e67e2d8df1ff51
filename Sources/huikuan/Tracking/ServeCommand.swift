import ArgumentParser
import Database
import Formats
import Foundation
import Ledger
import Logging
import Mail
import Operations
import Receivables
import ServiceLifecycle
import UnixSignals
import Web

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve a store: its pages, each day's run when its time has come, messages, the journal.",
        discussion: """
            Several servers may serve one store: a day is run by whoever wakes first, a message is sent by one of them, \
            and what a server that dies leaves behind, another one takes over.
            """)

    @OptionGroup var options: StoreOptions
    @Option(
        help: ArgumentHelp(
            "The mail server: smtp://user@host:587 or smtps://user@host; its password is in HUIKUAN_SMTP_PASSWORD.",
            valueName: "address"))
    var smtp: String?
    @Option(help: ArgumentHelp("The sender of messages; HUIKUAN_MAIL_FROM unless given.", valueName: "address"))
    var from: String?
    @Option(help: "The address to listen at.") var host = "127.0.0.1"
    @Option(help: "The port; 0 takes any free one.") var port = 8080
    @Option(
        help: ArgumentHelp(
            "What people type into their browsers, behind a proxy: https://huikuan.example.", valueName: "url"))
    var publicUrl: String?
    @OptionGroup var provider: ProviderOptions
    @Flag(help: "No pages: only days, messages and the journal.") var noPages = false
    @Flag(help: "Show the gallery of all elements of pages.") var development = false
    @Option(help: "Seconds within which a message is sent; afterwards another server may send it.") var lease = 300
    @Option(help: "Seconds within which a webhook's receiver has to answer.") var webhookTimeout = 10
    @Option(
        help:
            "Requests a second that one token may make of the API, and one person's browser (20 at least); 0 for any number."
    )
    var requestsPerSecond = Site.usualRequestsPerSecond
    @Option(
        help: ArgumentHelp(
            "A role whose holders need a second factor (may be repeated, or all); HUIKUAN_SECOND_FACTOR unless given, with commas.",
            valueName: "role"))
    var secondFactor: [String] = []

    func validate() throws {
        guard (5...3600).contains(lease) else { throw ValidationError("--lease is between 5 and 3600 seconds.") }
        guard (1...60).contains(webhookTimeout) else {
            throw ValidationError("--webhook-timeout is between 1 and 60 seconds.")
        }
        guard (0...1_000_000).contains(requestsPerSecond) else {
            throw ValidationError("--requests-per-second is between 0 and 1000000.")
        }
        guard (0...65_535).contains(port) else { throw ValidationError("--port is between 0 and 65535.") }
        _ = try rolesWithSecondFactor()
    }

    private func rolesWithSecondFactor() throws -> Set<Role> {
        let given =
            secondFactor.isEmpty
            ? Surroundings["HUIKUAN_SECOND_FACTOR"]?.split(separator: ",").map(String.init) ?? [] : secondFactor
        return try given.reduce(into: []) { roles, name in
            if name == "all" { return roles = Set(Role.allCases) }
            guard let role = Role.allCases.first(where: { $0.name == name }) else {
                let known = Role.allCases.map(\.name).joined(separator: ", ")
                throw ValidationError("--second-factor takes all, or one of \(known); \(name) is neither.")
            }
            roles.insert(role)
        }
    }

    func run() async throws {
        let place = StoreOptions.place(of: options.store)
        if !noPages, try !place.exists(options.store) {
            // Nothing is there yet: the pages begin with making it.
            guard let port = try await firstRun() else { return }
            return try await serve(port: port)
        }
        try await serve(port: port)
    }

    private func serve(port: Int) async throws {
        try Password.needList()
        let session = try Session(options)
        let post = try post(session)
        let serving = Serving(session, post, lease: lease, webhookSeconds: webhookTimeout)
        var logger = Logger(label: "huikuan") { _ in JSONLines() }
        logger.logLevel = .info
        var services: [any Service] = [Work(serving: serving)]
        // What may be refused of its settings is refused before it says that it serves.
        if !noPages { services.append(try pages(session, serving, logger, port)) }
        Console.say(session.catalogue.text(.serveStarted, ["store": .text(options.shownStore)]))
        if post == nil { Console.say(session.catalogue.text(.serveWithoutMail)) }
        do {
            try await ServiceGroup(
                configuration: .init(
                    services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: Self.quiet)
            ).run()
        } catch {
            serving.end()
            let detail = FailureReport(error).message
            Console.complain(
                session.catalogue.text(
                    .servePortTaken, ["port": .count(port), "host": .text(host), "detail": .text(detail)]))
            throw CommandEnd(exitCode: 3)
        }
        Console.say(session.catalogue.text(.serveEnded))
    }

    /// The web server, which tells where it is once it takes connections.
    private func pages(
        _ session: Session, _ serving: Serving, _ logger: Logger, _ port: Int
    ) throws -> any Service {
        let site = try Site(
            session.store, clock: { serving.now }, publicAddress: publicUrl, isDevelopment: development,
            requestsPerSecond: requestsPerSecond, provider: try provider.settings(),
            secondFactorFor: try rolesWithSecondFactor())
        let (host, publicUrl, catalogue) = (host, site.publicAddress, session.catalogue)
        return WebServer(site, logger: logger).service(host: host, port: port) { port in
            let address = publicUrl ?? "http://\(host):\(port)"
            Console.say(catalogue.text(.serveAddress, ["address": .text(address)]))
            if let path = site.setUpPath {
                Console.say(catalogue.text(.serveSetUp, ["address": .text(address + path)]))
            }
        }
    }

    /// Serves the page that makes a company, until it is made.
    ///
    /// - Returns: The port, for the server that goes on; `nil` when it was asked to stop before.
    private func firstRun() async throws -> Int? {
        let catalogue = try options.catalogue()
        let (made, end) = AsyncStream.makeStream(of: Void.self)
        let path = options.store
        let first = try FirstRun(logger: Self.quiet) { wish in
            try await Self.make(wish, path)
        } onMade: {
            end.yield()
        }
        let found = FoundPort()
        let (host, publicUrl) = (host, publicUrl)
        let service = first.service(host: host, port: port) { port in
            found.set(port)
            let address = (publicUrl ?? "http://\(host):\(port)") + first.path
            Console.say(catalogue.text(.serveFirstRun, ["store": .text(path), "address": .text(address)]))
        }
        let group = ServiceGroup(
            configuration: .init(services: [service], gracefulShutdownSignals: [.sigterm, .sigint], logger: Self.quiet))
        let watch = Task {
            for await _ in made {
                // The page that was asked for last is still on its way.
                try? await Task.sleep(for: .milliseconds(300))
                await group.triggerGracefulShutdown()
            }
        }
        defer { watch.cancel() }
        try await group.run()
        return try StoreOptions.place(of: path).exists(path) ? found.port : nil
    }

    /// The port that the system gave.
    private final class FoundPort: @unchecked Sendable {
        // Guarded by `lock`.
        private let lock = NSLock()
        private var number = 0
        var port: Int { lock.withLock { number } }
        func set(_ port: Int) { lock.withLock { number = port } }
    }

    /// Makes what was wished for, and says where to go on.
    private static func make(_ wish: FirstRun.Wish, _ path: String) async throws -> String {
        let place = StoreOptions.place(of: path)
        let now = Edge.clock()
        func request(_ command: Permission, _ company: CompanySettings) -> ActRequest {
            ActRequest(
                command: command.rawValue, actor: Edge.systemUser, source: "web", now: now, today: company.day(of: now))
        }
        switch wish {
        case .company(let settings, let name, let email, let password):
            try AccountCommands.check(newAccount: email, name: name, password: password)
            let store = try await CreateCompany(settings).run(
                path: path, in: place, actor: Edge.systemUser, now: now, clock: Edge.clock)
            try await AccountCommands(in: store, request(.setPerson, settings)).setUp(
                email, name: name, password: password)
            try store.close()
            return "/sign-in"
        case .sample(let language):
            let (store, company) = try await SamplePlay.make(path, language: language)
            let people = try AccountQueries.people(in: store, now: now)
            let person = people.first { $0.roles.contains(.financeManager) }?.key ?? ""
            let link = try await AccountCommands(in: store, request(.changePassword, company)).signInLink(for: person)
            try store.close()
            return "/link/\(link.token)"
        }
    }

    /// What the lifecycle of services says of itself interests nobody.
    private static let quiet = Logger(label: "huikuan.services") { _ in SwiftLogNoOpLogHandler() }

    /// Days, messages and the journal, until the server is asked to stop.
    private struct Work: Service {
        let serving: Serving

        func run() async throws {
            // Where the pages can't be served, the rest is cancelled.
            await withTaskCancellationHandler {
                await withGracefulShutdownHandler {
                    await serving.serve()
                } onGracefulShutdown: {
                    serving.end()
                }
            } onCancel: {
                serving.end()
            }
        }
    }

    /// Whom messages are handed to, and who sends them; `nil` where nobody named a server.
    private func post(_ session: Session) throws -> (server: MailServer, sender: MailAddress)? {
        guard let named = smtp ?? Surroundings["HUIKUAN_SMTP"] else { return nil }
        guard let server = MailServer(named, password: Surroundings["HUIKUAN_SMTP_PASSWORD"]) else {
            // What can't be read may hold a password, and is not shown.
            throw Refusal(.mailServerUnreadable, ["option": .text(smtp == nil ? "HUIKUAN_SMTP" : "--smtp")])
        }
        let address = from ?? Surroundings["HUIKUAN_MAIL_FROM"] ?? ""
        guard let sender = MailAddress(address, name: session.company.name) else {
            throw Refusal(.mailSenderUnreadable, ["value": .text(address)])
        }
        return (server, sender)
    }
}

/// Log lines as JSON on standard error, one for each request and failure.
struct JSONLines: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line: [(name: String, value: JSONValue)] = [
            ("time", .string("\(Edge.clock())")), ("level", .string("\(event.level)")),
            ("message", .string("\(event.message)")),
        ]
        for (key, value) in (event.metadata ?? [:]).sorted(by: { $0.key < $1.key }) {
            line.append((key, .string("\(value)")))
        }
        Console.complain(JSONValue.object(line.map { JSONValue.Member(name: $0.name, value: $0.value) }).text)
    }
}

/// The work of a server: loops that look every second for days and messages that are due, and a thread that follows
/// the journal.
private final class Serving: @unchecked Sendable {
    // `hasEnded` is guarded by `lock`.

    private let session: Session
    private let post: (server: MailServer, sender: MailAddress)?
    private let scheduler: Scheduler
    private let outbox: Outbox
    private let notices: AccountNotices
    private let lease: Int
    private let webhookSeconds: Int
    private let holder: String
    private let lock = NSLock()
    private var hasEnded = false

    init(
        _ session: Session, _ post: (server: MailServer, sender: MailAddress)?, lease: Int, webhookSeconds: Int
    ) {
        self.session = session
        self.post = post
        self.lease = lease
        self.webhookSeconds = webhookSeconds
        scheduler = Scheduler(for: session.store)
        holder = "\(ProcessInfo.processInfo.hostName)/\(getpid())/\(UUID().uuidString.prefix(8))"
        outbox = Outbox(of: session.store, holder: holder, leaseSeconds: lease)
        notices = AccountNotices(of: session.store, holder: holder, leaseSeconds: lease)
    }

    private static let secondsBetweenLooks = 0.1

    func end() { lock.withLock { hasEnded = true } }

    private var isEnded: Bool { lock.withLock { hasEnded } }

    func serve() async {
        let follower = Thread { [self] in
            while !isEnded {
                try? session.store.keepUp()
                session.store.waitForChange(atMost: 2)
                // Busy writers aren't followed act by act: whoever asks in between brings it up to date themselves.
                Thread.sleep(forTimeInterval: Self.secondsBetweenLooks)
            }
        }
        follower.name = "huikuan.follower"
        follower.start()
        // A mail server that takes its time keeps no day from being run.
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.again { try await self.runDays() } }
            group.addTask { await self.again { try await self.deliver() } }
            group.addTask { await self.again { try await self.tellOwners() } }
            group.addTask { await self.again { try await self.tellWebhooks() } }
        }
    }

    /// Does a piece of work every second until the end; what goes wrong is said once, however long it lasts.
    private func again(_ work: () async throws -> Void) async {
        var trouble: String?
        while !isEnded {
            do {
                try await work()
                trouble = nil
            } catch {
                let message = FailureReport(error).message
                if message != trouble { say(.serveTrouble, ["detail": .text(message)]) }
                trouble = message
            }
            for _ in 0..<(trouble == nil ? 5 : 25) where !isEnded { try? await Task.sleep(for: .milliseconds(200)) }
        }
    }

    private func runDays() async throws {
        for report in try await scheduler.runDue(now: now) {
            let new = report.rules.values.reduce(0) { $0 + $1.created }
            say(.serveDay, ["day": .day(report.date), "count": .count(new)])
        }
    }

    private func tellWebhooks() async throws {
        let sender = webhooks
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            DispatchQueue.global().async { continuation.resume(with: Result { try sender.work() }) }
        }
    }

    private lazy var webhooks = WebhookSender(
        session.store, holder: holder, seconds: webhookSeconds, clock: { [self] in now }
    ) { [self] message, said in
        say(.serveWebhook, ["webhook": .text(message.webhook), "message": .text(message.id), "detail": .text(said)])
    }

    private func deliver() async throws {
        guard let post else { return }
        var sent = 0
        while !isEnded, let message = try outbox.take(now: now) {
            let result = await handOver(
                Piece(
                    key: message.key, identity: message.identity, recipient: message.recipient,
                    subject: message.subject, text: message.text), post)
            try await noted { _ = try outbox.note(result, of: message, now: now) }
            if case .sent = result { sent += 1 }
            if sent % 20 == 19 { _ = try await outbox.record(now: now, today: today) }
        }
        _ = try await outbox.record(now: now, today: today)
        if sent > 0 { say(.serveSent, ["count": .count(sent)]) }
    }

    /// Writes to people about what happened to their accounts.
    private func tellOwners() async throws {
        guard let post else { return }
        while !isEnded, let notice = try notices.take(now: now) {
            let result = await handOver(
                Piece(
                    key: notice.identity, identity: notice.identity, recipient: notice.recipient,
                    subject: notice.subject, text: notice.text), post)
            try await noted { try notices.note(result, of: notice, now: now) }
        }
    }

    /// What is handed to the mail server.
    private struct Piece: Sendable {
        /// As the log calls it.
        let key: String
        let identity: String
        let recipient: String
        let subject: String
        let text: String
    }

    private func handOver(_ piece: Piece, _ post: (server: MailServer, sender: MailAddress)) async -> Outbox.Result {
        await withCheckedContinuation { continuation in
            // It waits for another machine, which no thread of ours must be short of.
            DispatchQueue.global().async { [self] in continuation.resume(returning: send(piece, post)) }
        }
    }

    /// What was sent is noted, however often that has to be tried: else it would be sent again.
    private func noted(_ note: () throws -> Void) async throws {
        for attempt in 1... {
            do {
                return try note()
            } catch {
                if attempt >= lease { throw error }
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func send(_ message: Piece, _ post: (server: MailServer, sender: MailAddress)) -> Outbox.Result {
        func failed(_ detail: String) { say(.serveNotSent, ["message": .text(message.key), "detail": .text(detail)]) }
        guard let to = MailAddress(message.recipient) else {
            failed("no address")
            return .never("no address")
        }
        let letter = Letter(
            identity: message.identity, from: post.sender, to: to, subject: message.subject, text: message.text,
            date: now.microseconds / 1_000_000)
        switch post.server.send(letter, within: max(lease - 5, lease * 3 / 4)) {
        case .taken: return .sent
        case .notNow(let said):
            failed(said)
            return .notNow(said)
        case .never(let said):
            failed(said)
            return .never(said)
        }
    }

    private func say(_ key: TextKey, _ parameters: [String: Refusal.Parameter]) {
        Console.say("\(now) " + session.catalogue.text(key, parameters))
    }

    private let started = ContinuousClock.now

    /// The clock goes on from where it was set.
    var now: Instant {
        let passed = (ContinuousClock.now - started).components
        guard Edge.setsClock else { return session.clock() }
        return Instant(
            microseconds: session.now.microseconds + passed.seconds * 1_000_000 + passed.attoseconds / 1_000_000_000_000
        )
    }

    private var today: LocalDate { session.company.day(of: now) }
}
