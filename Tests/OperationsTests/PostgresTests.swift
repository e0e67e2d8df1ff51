import Database
import DatabasePostgres
import Foundation
import Ledger
import Receivables
import TestSupport
import Testing

@testable import Operations

@Suite("A server's address")
struct PostgresAddressTests {
    @Test("names a schema, and is shown without its password")
    func reads() throws {
        let address = try #require(PostgresAddress("postgres://me:secret@db.example:5433/ar?sslmode=require&schema=c1"))
        #expect(address.schema == "c1")
        #expect(address.connection == "postgres://me:secret@db.example:5433/ar?sslmode=require")
        #expect(address.shown == "postgres://me@db.example:5433/ar?sslmode=require&schema=c1")
        #expect(PostgresAddress(address.name) == address)
        let spelled = try #require(PostgresAddress("postgres://db/ar?user=me&Password=secret&sslpassword=x&schema=c1"))
        #expect(!spelled.shown.contains("secret") && !spelled.shown.contains("sslpassword"))
        #expect(PostgresPlace().shown("postgres://me:secret@db/ar?schema=NO") == "postgres://…")
        #expect(PostgresAddress("postgresql://db/ar")?.schema == "huikuan")
        for schema in ["", "Big", "a-b", "1a", "a\"b", String(repeating: "x", count: 61)] {
            #expect(PostgresAddress("postgres://db/ar?schema=\(schema)") == nil, "\(schema)")
        }
        #expect(PostgresPlace.holds("postgres://db/ar") && !PostgresPlace.holds("./postgres.db"))
    }
}

/// What only a store on a server can show; everything else the other suites show on both engines.
@Suite(.enabled(if: TestCompany.server != nil, "skipped: HUIKUAN_TEST_SERVER names no server"))
struct PostgresTests {
    @Test("An acknowledged act survives a power cut: every connection commits synchronously")
    func synchronous() async throws {
        let company = try await TestCompany()
        let engine = try #require(company.store.engine as? PostgresDatabase)
        #expect(try engine.synchronousCommit() == "on")
        #expect(try engine.write { try $0.session.row("SHOW synchronous_commit")?.text(0) } == "on")
    }

    @Test("Rows are appended only: the server refuses changes, and verify finds them behind its back")
    func appendOnly() async throws {
        let company = try await TestCompany.withOneOfEverything()
        #expect(try company.fault() == nil)
        let engine = company.store.engine
        for statement in ["UPDATE item SET amount = amount + 1", "DELETE FROM act"] {
            #expect(throws: DatabaseFailure.self, "\(statement)") {
                try engine.write { try $0.session.execute(SQL(stringLiteral: statement)) }
            }
        }
        let changes = [
            "UPDATE item SET amount = amount + 1 WHERE id = (SELECT min(id) FROM item)",
            "UPDATE act SET actor = actor || 'x' WHERE seq = 3", "DELETE FROM signal",
            "UPDATE allocation SET value_day = value_day + 1 WHERE id = (SELECT min(id) FROM allocation)",
            "UPDATE head SET last_act = last_act - 1", "UPDATE item_balance SET open = open - 1 WHERE open > 0",
        ]
        for change in changes {
            let copy = try TestCopy(of: company)
            try copy.store.engine.write { transaction in
                try transaction.session.execute("SET LOCAL session_replication_role = replica")
                try transaction.session.execute(SQL(stringLiteral: change))
            }
            #expect(try Verify().run(in: copy.store).fault != nil, "\(change)")
        }
        let copy = try TestCopy(of: company)
        _ = try copy.store.engine.write { try $0.session.execute("ALTER TABLE item DISABLE TRIGGER item_no_update") }
        #expect(try Verify().run(in: copy.store).fault?.contains("item_no_update") ?? false)
    }

    @Test("A company moves to a file and back: equal digests, and it goes on working")
    func copies() async throws {
        let company = try await TestCompany.withOneOfEverything()
        let digest = try StoreDigest.make(of: company.store)
        let path = company.folder.appendingPathComponent("moved.db").path
        let moved = try CopyStore().run(from: company.store, to: path, in: FilePlace())
        #expect(moved.digest == digest)
        let file = try Store.open(path: path, clock: { company.now })
        #expect(try StoreDigest.make(of: file) == digest)
        #expect(throws: DatabaseFailure.exists(path: path)) {
            try CopyStore().run(from: company.store, to: path, in: FilePlace())
        }
        let back = try TestCopy(of: company)
        #expect(try StoreDigest.make(of: back.store) == digest)
        _ = try await WorkCommands(in: back.store, company.request("set-person")).setPerson(
            "new@x.cn", manager: nil, roles: [], without: [])
        #expect(try Verify().run(in: back.store).fault == nil)
        #expect(try StoreDigest.make(of: back.store) != digest)
    }

    @Test("A backup is a file, without keys, and comes back as a store on the server")
    func backsUp() async throws {
        let company = try await TestCompany.withOneOfEverything()
        let target = company.folder.appendingPathComponent("copy.db").path
        let copied = try BackUp(to: target).run(in: company.store)
        let (name, place) = TestCopy.place()
        defer { place.discard(name) }
        let act = try await Restore(from: target, to: name, in: place).run(
            as: nil, else: company.actor, now: company.now, clock: { company.now })
        #expect(act == copied.act)
        let restored = try Store.open(path: name, in: place, clock: { company.now })
        #expect(try Verify().run(in: restored).fault == nil)
        let contacts = try RegisterQueries.contacts(customer: nil, limit: 10, in: restored).rows
        #expect(contacts.contains { $0.name == "P" })
    }

    @Test("There is one store of a name, whoever is second; and none where nobody made one")
    func oneStore() async throws {
        let company = try await TestCompany()
        await #expect(throws: DatabaseFailure.self) {
            _ = try await CreateCompany(company.settings).run(
                path: company.path, in: PostgresPlace(), actor: company.actor, now: company.now,
                clock: { company.now })
        }
        let (name, place) = TestCopy.place()
        #expect {
            _ = try Store.open(path: name, in: place, clock: { company.now })
        } throws: { error in
            if case DatabaseFailure.missing = error { true } else { false }
        }
    }

    @Test("A connection that is lost in the middle loses nothing that was acknowledged, and the next act goes on")
    func lostConnection() async throws {
        let company = try await TestCompany()
        let before = try Verify().run(in: company.store)
        await #expect(throws: DatabaseFailure.self) {
            _ = try await company.store.write(company.request("lost")) { books -> Int in
                _ = try books.people.findOrRegister("somebody")
                _ = try books.session.rows("SELECT pg_terminate_backend(pg_backend_pid())")
                return 1
            }
        }
        #expect(try Verify().run(in: company.store).facts == before.facts)
        try await company.take(.customers, "code,name", "C1,One")
        let after = try Verify().run(in: company.store)
        #expect(after.fault == nil && after.acts == before.acts + 1)
        // Cut while it is idle, a connection is made anew without a word.
        let schema = try #require(PostgresAddress(company.path)?.schema)
        let other = try TestCompany.server.map { try PostgresPlace().open($0 + "?schema=\(schema)", onWait: nil) }
        _ = try other?.read { session in
            try session.rows(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE application_name = \("huikuan " + schema) AND pid <> pg_backend_pid()
                """)
        }
        try await company.take(.customers, "code,name", "C2,Two")
        #expect(try Verify().run(in: company.store).acts == before.acts + 2)
    }

    @Test(
        "A connection is encrypted, and refused where the certificate is not the one that is trusted",
        .enabled(if: certificate != nil, "skipped: HUIKUAN_TEST_CERTIFICATE names no certificate"))
    func encrypted() async throws {
        let company = try await TestCompany()
        let certificate = try #require(Self.certificate)
        func open(_ more: String) throws -> Store {
            try Store.open(path: company.path + "&" + more, in: PostgresPlace(), clock: { company.now })
        }
        let store = try open("sslmode=verify-full&sslrootcert=\(certificate)")
        let isEncrypted = try store.read { session in
            try session.row("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")?.integer(0)
        }
        #expect(isEncrypted == 1)
        let other = company.folder.appendingPathComponent("other.crt").path
        try FileManager.default.copyItem(atPath: "/etc/ssl/certs/ca-certificates.crt", toPath: other)
        #expect(throws: DatabaseFailure.self) { try open("sslmode=verify-full&sslrootcert=\(other)") }
    }

    private static let certificate = ProcessInfo.processInfo.environment["HUIKUAN_TEST_CERTIFICATE"]

    @Test("Commits of others are heard of at once, and by looking where nobody tells")
    func hears() async throws {
        let company = try await TestCompany()
        let follower = try company.reopen()
        follower.waitForChange(atMost: 5)  // begins to listen
        let task = Task {
            try await company.take(.customers, "code,name", "C1,One")
        }
        let begin = ContinuousClock.now
        while try follower.read({ try $0.row("SELECT id FROM customer")?.integer(0) }) == nil {
            follower.waitForChange(atMost: 30)
        }
        #expect(ContinuousClock.now - begin < .seconds(25))
        _ = try await task.value
        try follower.keepUp()
        let engine = try #require(follower.engine as? PostgresDatabase)
        _ = try engine.read { session in
            try session.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND pid <> pg_backend_pid()"
            )
        }
        follower.waitForChange(atMost: 1)
        follower.waitForChange(atMost: 1)
    }

    @Test("Of what was asked for after rows, nothing comes before them; what was undone is never sent")
    func queue() async throws {
        let company = try await TestCompany()
        let engine = company.store.engine
        try engine.write { transaction in
            let session = transaction.session
            try session.execute("CREATE TABLE parent (id BIGINT PRIMARY KEY, note TEXT)")
            try session.execute(
                "CREATE TABLE child (id BIGINT PRIMARY KEY, parent BIGINT REFERENCES parent, note TEXT)")
            for number in Int64(1)...200 {
                // The child is asked for first, and its parent is changed before it is there.
                let child = try session.statement("INSERT INTO child (id, parent, note) VALUES ($1, $2, $3)")
                child.bind(1, number)
                child.bind(2, number)
                child.bind(3, text: "tab\t line\n back\\ 龘 \\N")
                try child.run()
                let change = try session.statement("UPDATE parent SET note = 'changed' WHERE id = $1")
                change.bind(1, number)
                try change.run()
                let parent = try session.statement("INSERT INTO parent (id, note) VALUES ($1, $2)")
                parent.bind(1, number)
                parent.bindNull(2)
                try parent.run()
            }
            let undone: Void? = try? transaction.savepoint {
                let parent = try session.statement("INSERT INTO parent (id, note) VALUES ($1, $2)")
                parent.bind(1, 1_000)
                parent.bindNull(2)
                try parent.run()
                throw Undone()
            }
            #expect(undone == nil)
        }
        try engine.read { session in
            let counts = try session.row("SELECT count(*), count(note), min(note), max(id) FROM parent")
            #expect(counts?.integer(0) == 200 && counts?.integer(1) == 200 && counts?.integer(3) == 200)
            #expect(counts?.text(2) == "changed")
            let child = try session.row("SELECT note, count(*) OVER () FROM child LIMIT 1")
            #expect(child?.text(0) == "tab\t line\n back\\ 龘 \\N" && child?.integer(1) == 200)
        }
    }

    private struct Undone: Error {}

    @Test("A failure that somebody kept to themselves doesn't become a commit")
    func swallowed() async throws {
        let company = try await TestCompany()
        let before = try Verify().run(in: company.store)
        #expect(throws: DatabaseFailure.self) {
            try company.store.engine.write { transaction in
                try transaction.session.execute("UPDATE head SET last_act = last_act + 1")
                _ = try? transaction.session.row("SELECT 1 FROM nowhere")
            }
        }
        #expect(try Verify().run(in: company.store).headHash == before.headHash)
        #expect(try company.fault() == nil)
    }

    @Test("Four servers register and allocate at once: each invoice once, never more than there is, one chain")
    func severalServers() async throws {
        let company = try await TestCompany()
        try await company.take(.customers, "code,name", "C1,One")
        let lines = (0..<48).map { "I\($0),C1,2026-05-01,2026-05-31,10" }
        try await company.take(
            .invoices, (["number,customer,issue_date,due_date,amount"] + lines).joined(separator: "\n"))
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-06-01,100,C1")
        let servers = try (0..<4).map { _ in try company.reopen() }
        let taken = await withTaskGroup(of: Int.self) { group in
            for number in 0..<48 {
                group.addTask {
                    let store = servers[number % 4]
                    func take(_ kind: ImportKind, _ text: String) async -> Int {
                        let result = try? await FileImport(kind, .text(text)).run(
                            in: store, actor: company.actor, source: "test", now: company.now, today: company.today)
                        return result?.report.created ?? 0
                    }
                    let invoices = await take(
                        .invoices,
                        "number,customer,issue_date,due_date,amount\nN\(number / 4),C1,2026-05-01,2026-05-31,7\n")
                    let allocated = await take(
                        .allocations, "receipt,invoice,amount,date\nR1,I\(number),3,2026-06-01\n")
                    return invoices * 1_000 + allocated
                }
            }
            var sum = 0
            for await count in group { sum += count }
            return sum
        }
        #expect(taken == 12_033, "12 invoices once each, 33 times 3 of 100")
        #expect(try company.fault() == nil)
    }

    @Test("A writer waits for another one, says so, and gives up with a clear failure")
    func waits() async throws {
        let company = try await TestCompany()
        let holder = try #require(company.store.engine as? PostgresDatabase)
        let waited = Waited()
        let other = try Store.open(path: company.path, in: PostgresPlace(), clock: { company.now }) { _ in
            waited.count()
        }
        let later = try holder.write { _ in
            let task = Task {
                try await other.write(company.request("later")) { books in
                    _ = try books.people.findOrRegister("somebody")
                    return 1
                }
            }
            Thread.sleep(forTimeInterval: 2.5)
            return task
        }
        #expect(try await later.value.act != nil)
        #expect(waited.times >= 1)
        #expect(try company.fault() == nil)
    }

    @Test("Connections that the server closed while they were idle are noticed before anything is asked of them")
    func closedWhileIdle() async throws {
        let company = try await TestCompany()
        for _ in 0..<3 {
            _ = try company.store.read { try $0.row("SELECT 1") }
            let admin = try #require(company.reopen().engine as? PostgresDatabase)
            try admin.read { session in
                _ = try session.rows(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name LIKE 'huikuan %' AND state = 'idle'"
                )
            }
            try await Task.sleep(for: .milliseconds(200))
            #expect(try company.store.read { try $0.row("SELECT 7")?.integer(0) } == 7)
            _ = try await company.store.write(company.request("do")) { books in
                try books.people.findOrRegister("somebody").rawValue
            }
        }
        #expect(try company.fault() == nil)
    }

    @Test("A process may end while its connections are at work")
    func endsAtWork() async {
        await #expect(processExitsWith: .success) {
            let server = try #require(TestCompany.server)
            // Handlers run backwards: this one gives the others time when all that libraries take away by then is gone.
            atexit { usleep(300_000) }
            _ = try PostgresPlace().exists(server)
            for _ in 0..<16 {
                Thread.detachNewThread { while true { _ = try? PostgresPlace().exists(server) } }
            }
            try await Task.sleep(for: .milliseconds(300))
            exit(EXIT_SUCCESS)
        }
    }

    private final class Waited: @unchecked Sendable {
        // Guarded by `lock`.
        private let lock = NSLock()
        private var sum = 0

        func count() { lock.withLock { sum += 1 } }
        var times: Int { lock.withLock { sum } }
    }
}

/// A copy of a company's store on the test server, gone when it isn't used any more.
private final class TestCopy {
    let store: Store
    private let name: String
    private let place: any StorePlace

    init(of company: TestCompany) throws {
        (name, place) = Self.place()
        _ = try CopyStore().run(from: company.store, to: name, in: place)
        store = try Store.open(path: name, in: place, clock: { company.now })
    }

    deinit { place.discard(name) }

    static func place() -> (String, any StorePlace) {
        let server = TestCompany.server ?? ""
        let chance = UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
        return (server + (server.contains("?") ? "&" : "?") + "schema=c_" + chance, PostgresPlace())
    }
}
