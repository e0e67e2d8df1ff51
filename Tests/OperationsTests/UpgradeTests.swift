import Database
import DatabasePostgres
import Foundation
import Ledger
import OpenItems
import Receivables
import TestSupport
import Testing

@testable import Operations

/// A store that the first release wrote, as its engine's own tool dumped it (`Fixtures`), in the present program.
@Suite struct UpgradeTests {
    private static let head = (
        act: Int64(56), hash: "5fe04b78a3ea12ba3e2d75a97f78f7400b59b625e619286af73a6897d47c5f06"
    )

    @Test("A store of the first release opens, is sound, says what it said, and goes on working")
    func firstRelease() async throws {
        let (name, place) = try Self.store()
        defer { place.discard(name) }
        let now = try #require(Instant("2026-05-08T02:00:00Z"))
        let store = try Store.open(path: name, in: place, clock: { now })
        var verify = Verify()
        verify.expectedHead = Self.head
        let before = try verify.run(in: store)
        #expect(before.fault == nil && before.acts == 56 && before.facts == 986)

        let report = try AgingReport.make(
            AgingReport.Request(asOf: try #require(LocalDate("2026-05-07")), buckets: .standardDue), in: store)
        let rows = report.rows.map { row -> String in
            let amounts = (row.buckets + [row.unapplied]).map { Money.decimal(of: $0, exponent: 2) }
            return ([row.key] + amounts).joined(separator: " ")
        }
        #expect(
            rows == [
                "C1 50.00 20.00 250.50 0.00 0.00 0.00 0.00 15.00", "C2 10.00 0.00 6.00 0.00 0.00 0.00 0.00 6.00",
                "P1 0.00 80.00 0.00 0.00 0.00 0.00 0.00 8.00",
            ])
        let contacts = try RegisterQueries.contacts(customer: "C1", limit: 10, in: store).rows
        #expect(contacts.map(\.email) == ["p@x.cn"], "what is personal is read with its old keys")

        let actor = Actor.operatorOfSystem(user: "test")
        let today = try #require(LocalDate("2026-05-08"))
        _ = try await FileImport(.receipts, .text("reference,date,amount,customer\nR9,2026-05-08,15,C1\n")).run(
            in: store, actor: actor, source: "test", now: now, today: today)
        let days = try await RunDay(in: store, actor: actor, source: "test").run(to: today, now: now, today: today)
        #expect(days.map(\.date) == [today])
        let after = try verify.run(in: store)
        #expect(after.fault == nil && after.acts == 58)
        try store.close()
        let again = try Store.open(path: name, in: place, clock: { now })
        #expect(try Verify().run(in: again).headHash == after.headHash)
        try again.close()
    }

    /// The dump read into a new store: a file by `sqlite3`, a schema by `psql`.
    private static func store() throws -> (name: String, place: any StorePlace) {
        let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")
        func run(_ script: String, _ arguments: String...) throws {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", "set -e; " + script, "sh"] + arguments
            try process.run()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0, "\(script)")
        }
        guard let server = TestCompany.server else {
            let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).db").path
            try run(
                "gzip -dc \"$1\" | sqlite3 \"$2\"", fixtures.appendingPathComponent("first-release.sqlite.sql.gz").path,
                path)
            return (path, FilePlace())
        }
        let schema = "u_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
        try run(
            "gzip -dc \"$1\" | sed \"s/first_release/$3/g\" | psql --quiet --set ON_ERROR_STOP=1 \"$2\" >/dev/null",
            fixtures.appendingPathComponent("first-release.postgres.sql.gz").path, server, schema)
        return (server + (server.contains("?") ? "&" : "?") + "schema=" + schema, PostgresPlace())
    }
}
