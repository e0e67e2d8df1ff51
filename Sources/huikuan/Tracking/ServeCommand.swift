import ArgumentParser
import Database
import Foundation
import Ledger
import Mail
import Operations
import Receivables

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve a store: run each day when its time has come, send messages, follow the journal.",
        discussion: """
            Several servers may serve one store: a day is run by whoever wakes first, a message is sent by one of them, \
            and what a server that dies leaves behind, another one takes over.
            """)

    @OptionGroup var options: StoreOptions
    @Option(
        help: ArgumentHelp(
            "The mail server: smtp://user@host:587 or smtps://…; with its password in HUIKUAN_SMTP.",
            valueName: "address"))
    var smtp: String?
    @Option(help: ArgumentHelp("The sender of messages; HUIKUAN_MAIL_FROM unless given.", valueName: "address"))
    var from: String?
    @Option(help: "Seconds after which another server sends what this one took and said no more about.") var lease = 60

    func validate() throws {
        guard (1...3600).contains(lease) else { throw ValidationError("--lease is between 1 and 3600 seconds.") }
    }

    func run() async throws {
        let session = try Session(options)
        let post = try post(session)
        let serving = Serving(session, post, lease: lease)
        Console.say(session.catalogue.text(.serveStarted, ["store": .text(options.shownStore)]))
        if post == nil { Console.say(session.catalogue.text(.serveWithoutMail)) }
        let signals = Self.signals { serving.end() }
        await serving.serve()
        signals.forEach { $0.cancel() }
        Console.say(session.catalogue.text(.serveEnded))
    }

    /// Whom messages are handed to, and who sends them; `nil` where nobody named a server.
    private func post(_ session: Session) throws -> (server: MailServer, sender: MailAddress)? {
        let environment = ProcessInfo.processInfo.environment
        guard let named = smtp ?? environment["HUIKUAN_SMTP"] else { return nil }
        guard let server = MailServer(named) else {
            // What can't be read may hold a password.
            throw Refusal(.mailServerUnreadable, ["value": .text(smtp ?? "HUIKUAN_SMTP")])
        }
        let address = from ?? environment["HUIKUAN_MAIL_FROM"] ?? ""
        guard let sender = MailAddress(address, name: session.company.name) else {
            throw Refusal(.mailSenderUnreadable, ["value": .text(address)])
        }
        return (server, sender)
    }

    /// Ctrl-C and a service's stop end the work after what is being done.
    private static func signals(_ end: @escaping @Sendable () -> Void) -> [any DispatchSourceSignal] {
        [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler(handler: end)
            source.resume()
            return source
        }
    }
}

/// The work of a server: a loop that looks every second for what is due, and a thread that follows the journal.
private final class Serving: @unchecked Sendable {
    // `hasEnded` is guarded by `condition`; `trouble` belongs to the loop.

    private let session: Session
    private let post: (server: MailServer, sender: MailAddress)?
    private let scheduler: Scheduler
    private let outbox: Outbox
    private let condition = NSCondition()
    private var hasEnded = false
    private var trouble: String?

    init(_ session: Session, _ post: (server: MailServer, sender: MailAddress)?, lease: Int) {
        self.session = session
        self.post = post
        scheduler = Scheduler(for: session.store)
        outbox = Outbox(
            of: session.store, holder: "\(ProcessInfo.processInfo.hostName)/\(getpid())/\(UUID().uuidString.prefix(8))",
            leaseSeconds: lease)
    }

    func end() {
        condition.lock()
        hasEnded = true
        condition.broadcast()
        condition.unlock()
    }

    private var isEnded: Bool { condition.withLock { hasEnded } }

    func serve() async {
        let follower = Thread { [self] in
            while !isEnded {
                try? session.store.keepUp()
                session.store.waitForChange(atMost: 2)
            }
        }
        follower.name = "huikuan.follower"
        follower.start()
        while !isEnded {
            do {
                try await work()
                trouble = nil
            } catch {
                // Said once, however long it lasts.
                let message = FailureReport(error).message
                if message != trouble { say(.serveTrouble, ["detail": .text(message)]) }
                trouble = message
            }
            rest()
        }
    }

    private func rest() {
        condition.lock()
        defer { condition.unlock() }
        let end = Date(timeIntervalSinceNow: trouble == nil ? 1 : 5)
        while !hasEnded, condition.wait(until: end) {}
    }

    private func work() async throws {
        for report in try await scheduler.runDue(now: now) {
            let new = report.rules.values.reduce(0) { $0 + $1.created }
            say(.serveDay, ["day": .day(report.date), "count": .count(new)])
        }
        guard let post else { return }
        var sent = 0
        while !isEnded {
            let messages = try outbox.take(atMost: 20, now: now)
            if messages.isEmpty { break }
            for message in messages {
                let result = send(message, post)
                try outbox.note(result, of: message, now: now)
                if case .sent = result { sent += 1 }
            }
            _ = try await outbox.record(now: now, today: today)
        }
        _ = try await outbox.record(now: now, today: today)
        if sent > 0 { say(.serveSent, ["count": .count(sent)]) }
    }

    private func send(_ message: Outbox.Message, _ post: (server: MailServer, sender: MailAddress)) -> Outbox.Result {
        func failed(_ detail: String) { say(.serveNotSent, ["message": .text(message.key), "detail": .text(detail)]) }
        guard let to = MailAddress(message.recipient) else {
            failed("“\(message.recipient)”")
            return .never("no address")
        }
        let letter = Letter(
            identity: message.identity, from: post.sender, to: to, subject: message.subject, text: message.text,
            date: now.microseconds / 1_000_000)
        switch post.server.send(letter) {
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
    private var now: Instant {
        let passed = (ContinuousClock.now - started).components
        guard Edge.setsClock else { return session.clock() }
        return Instant(
            microseconds: session.now.microseconds + passed.seconds * 1_000_000 + passed.attoseconds / 1_000_000_000_000
        )
    }

    private var today: LocalDate { session.company.day(of: now) }
}
