import Database
import Foundation
import Logging
import Operations
import Receivables
import TestSupport
import Testing

@testable import Web

/// What those see who watch a server.
@Suite struct MetricsTests {
    @Test("Metrics tell of commands, the queue, the day and what waits; the log names the act of a request")
    func operations() async throws {
        let company = try await TestCompany()
        let (lines, log) = AsyncStream.makeStream(of: Logger.Metadata.self)
        let served = try await Served(company, logger: Logger(label: "test") { _ in RecordingLog(log) })
        let browser = try await served.signIn("a@b.c", .accountant)
        let last = try company.store.read { try $0.row("SELECT max(seq) FROM act")?.integer(0) ?? 0 }
        let before = company.store.writing.acts
        let made = try await browser.post(
            "/new/customers", ["code": "C1", "name": "One", "key": "k1"])
        #expect(made.status == 303, "\(made.text.suffix(500))")
        let text = try await browser.get("/metrics").text
        func value(_ name: String) -> Double? {
            text.split(separator: "\n").first { $0.hasPrefix(name + " ") }.flatMap {
                Double($0.split(separator: " ")[1])
            }
        }
        let commands = try #require(value("huikuan_command_seconds_count"))
        #expect(commands >= 1 && value("huikuan_command_seconds_bucket{le=\"+Inf\"}") == commands)
        #expect(try #require(value("huikuan_command_seconds_sum")) > 0)
        #expect(value("huikuan_commands_waiting") == 0)
        #expect(value("huikuan_acts_total") == Double(before + 1))
        for name in [
            "huikuan_outbox_waiting", "huikuan_outbox_undelivered", "huikuan_webhook_waiting",
            "huikuan_webhook_undelivered", "huikuan_day_run_behind_days", "huikuan_commands_refused_total",
        ] {
            #expect(value(name) != nil, "\(name)")
        }
        var found: String?
        for await line in lines {
            if line["route"] == "/new/customers", line["method"] == "POST" { found = line["act"].map { "\($0)" } }
            if line["route"] == "/metrics" { break }
        }
        #expect(found == "\(last + 1)")
    }

    @Test("Nobody from elsewhere reads metrics without the right to see the status")
    func fromElsewhere() async throws {
        let served = try await Served(try await TestCompany())
        let stranger = served.stranger()
        #expect(try await stranger.get("/metrics").status == 200)
        // A proxy on this machine says whom it asks for.
        stranger.headers["X-Forwarded-For"] = "203.0.113.9"
        #expect(try await stranger.get("/metrics").status == 404)
        let sales = try await served.signIn("s@b.c", .sales)
        sales.headers["X-Forwarded-For"] = "203.0.113.9"
        #expect(try await sales.get("/metrics").status == 404)
        let admin = try await served.signIn("d@b.c", .admin)
        admin.headers["X-Forwarded-For"] = "203.0.113.9"
        #expect(try await admin.get("/metrics").status == 200)
    }

    /// Hands on what is said of each line of the log.
    struct RecordingLog: LogHandler {
        let lines: AsyncStream<Logger.Metadata>.Continuation
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .info

        init(_ lines: AsyncStream<Logger.Metadata>.Continuation) { self.lines = lines }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { lines.yield(event.metadata ?? [:]) }
    }
}
