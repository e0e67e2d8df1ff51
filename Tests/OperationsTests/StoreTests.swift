import Database
import Foundation
import Ledger
import Receivables
import TestSupport
import Testing

@testable import Operations

@Suite struct StoreTests {
    /// Why a test that looks into a store's file has nothing to do on a server.
    static let aboutFiles: Comment = "skipped: it looks into the store's file"

    private struct Stop: Error {}

    @Test(
        "An acknowledged act survives a power cut: the writer syncs fully",
        .enabled(if: TestCompany.server == nil, StoreTests.aboutFiles))
    func synchronous() async throws {
        let company = try await TestCompany()
        let engine = try #require(company.store.engine as? SQLiteDatabase)
        #expect(try engine.synchronousLevel() == 2)
    }

    @Test("Anything thrown leaves the store as it was")
    func rollsBack() async throws {
        let company = try await TestCompany()
        let before = try Verify().run(in: company.store)
        await #expect(throws: Stop.self) {
            _ = try await company.store.write(company.request("fails")) { books -> Int in
                _ = try books.people.findOrRegister("somebody")
                throw Stop()
            }
        }
        let after = try Verify().run(in: company.store)
        #expect(after.fault == nil && after.facts == before.facts && after.headHash == before.headHash)
    }

    @Test("A key gives the first answer again, and is refused for other input; a refused command leaves no key")
    func idempotencyKeys() async throws {
        let company = try await TestCompany()
        @Sendable func register(_ books: Books) throws -> Int {
            _ = try books.people.findOrRegister("somebody")
            return 7
        }
        await #expect(throws: Stop.self) {
            _ = try await company.store.write(company.request("do", key: "k", input: "x")) { _ -> Int in throw Stop() }
        }
        let first = try await company.store.write(company.request("do", key: "k", input: "x"), register)
        let again = try await company.store.write(company.request("do", key: "k", input: "x")) { _ in 8 }
        #expect(first.outcome == 7 && again.outcome == 7 && again.isReplay && again.act == first.act)
        await #expect(throws: Refusal(.keyReused, ["key": .text("k")])) {
            _ = try await company.store.write(company.request("do", key: "k", input: "y")) { _ in 9 }
        }
    }

    @Test("Many writers at once: every act stands in the chain once, a refused one harms nobody")
    func groupCommit() async throws {
        let company = try await TestCompany()
        let before = try Verify().run(in: company.store).acts
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask {
                    _ = try? await company.store.write(company.request("do", input: "\(number)")) { books in
                        _ = try books.people.findOrRegister("person \(number)")
                        if number % 10 == 3 { throw Stop() }
                        return number
                    }
                }
            }
        }
        let after = try Verify().run(in: company.store)
        #expect(after.fault == nil)
        #expect(after.acts == before + 180)
        let people = try company.store.read { try $0.row("SELECT count(*) FROM person")?.integer(0) }
        #expect(people == 180)
    }

    @Test("A store that is worked with while it is copied isn't copied; left alone, it is, with one digest")
    func copies() async throws {
        let company = try await TestCompany.withOneOfEverything()
        let path = company.folder.appendingPathComponent("moved.db").path
        let engine = company.store.engine
        #expect {
            _ = try CopyStore().run(from: company.store, to: path, in: FilePlace()) { _ in
                _ = try? engine.write { try $0.session.execute("UPDATE head SET last_instant = last_instant + 1") }
            }
        } throws: {
            ($0 as? Refusal)?.code == .copySourceMoved
        }
        #expect(!FileManager.default.fileExists(atPath: path))
        let other = try await TestCompany.withOneOfEverything()
        let digest = try StoreDigest.make(of: other.store)
        #expect(try CopyStore().run(from: other.store, to: path, in: FilePlace()).digest == digest)
        let rights = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(rights == 0o600)
    }

    @Test("Rows that the schema refuses leave no act, though others commit in the same group")
    func refusedBySchema() async throws {
        let company = try await TestCompany()
        try await company.take(.customers, "code,name", "C1,One")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-05-01,2026-05-31,100")
        let before = try Verify().run(in: company.store)
        let done = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<24 {
                group.addTask {
                    let written = try? await company.store.write(company.request("try")) { books -> Int in
                        _ = try books.people.findOrRegister("p\(number)")
                        guard number % 3 == 0 else { return 1 }
                        try books.session.statement("UPDATE item_balance SET open = -1").run()
                        return 2
                    }
                    return written != nil
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(done == 16)
        let after = try Verify().run(in: company.store)
        #expect(after.fault == nil && after.acts == before.acts + 16)
    }

    @Test("Sixty-four at once register one invoice: it stands once")
    func race() async throws {
        let company = try await TestCompany()
        try await company.take(.customers, "code,name", "C1,One")
        let outcomes = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    let taken = try? await company.take(
                        .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-01-01,2026-01-31,100")
                    return taken?.report.created ?? -1
                }
            }
            return await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(outcomes.filter { $0 == 1 }.count == 1)
        #expect(outcomes.filter { $0 == 0 }.count == 63)
    }

    @Test("Fifty at once allocate one receipt: never more than it is")
    func overAllocation() async throws {
        let company = try await TestCompany()
        try await company.take(.customers, "code,name", "C1,One")
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-02-01,100,C1")
        let header = "number,customer,issue_date,due_date,amount"
        for number in 0..<50 { try await company.take(.invoices, header, "I\(number),C1,2026-01-01,2026-01-31,30") }
        let taken = await withTaskGroup(of: Int.self) { group in
            for number in 0..<50 {
                group.addTask {
                    let result = try? await company.take(.allocations, "receipt,invoice,amount", "R1,I\(number),30")
                    return result?.report.created ?? 0
                }
            }
            return await group.reduce(0, +)
        }
        #expect(taken == 3)
        #expect(try company.fault() == nil)
    }

    @Test("The journal's time never goes back, whatever the clock does")
    func clockStepsBack() async throws {
        let company = try await TestCompany(now: "2026-06-01T04:00:00Z")
        company.setClock("2026-05-01T04:00:00Z")
        try await company.take(.customers, "code,name", "C1,One")
        #expect(try company.fault() == nil)
    }

    @Test("Another process's acts are seen by a store that was open before")
    func twoProcesses() async throws {
        let company = try await TestCompany()
        try await company.take(.customers, "code,name", "C1,One")
        _ = try company.aging("C1", on: "2026-06-30")
        let other = try company.reopen()
        _ = try await FileImport(
            .invoices, .text("number,customer,issue_date,due_date,amount\nI1,C1,2026-01-01,2026-06-30,100\n")
        ).run(in: other, actor: company.actor, source: "test", now: company.now, today: company.today)
        #expect(try company.aging("C1", on: "2026-06-30")[0] == "100.00")
    }

    @Test(
        "A deleted, an inserted and a changed row of any fact table is found, also behind the schema's back",
        .enabled(if: TestCompany.server == nil, StoreTests.aboutFiles))
    func tampering() async throws {
        let company = try await TestCompany()
        try await company.take(.customers, "code,name,sales_owner", "C1,One,a@x.cn")
        try await company.take(.contacts, "customer,name,purpose,email", "C1,P,payment,p@x.cn")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-01-01,2026-01-31,100")
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-02-01,60,C1")
        try await company.take(.allocations, "receipt,invoice,amount", "R1,I1,60")
        try await company.run(day: "2026-03-15")
        #expect(try company.fault() == nil)
        for table in FactTable.all.map(\.name) + ["act", "item_balance", "credit_balance", "head"] {
            let key = ["item_balance": "item", "credit_balance": "credit", "act": "seq"][table] ?? "id"
            let count = try company.store.read { session in
                try session.statement("SELECT count(*) FROM \(table)").firstInteger()
            }
            guard count > 0 else { continue }
            let changes = [
                "DELETE FROM \(table) WHERE \(key) = (SELECT max(\(key)) FROM \(table))",
                "UPDATE \(table) SET \(key) = \(key) + 100000 WHERE \(key) = (SELECT max(\(key)) FROM \(table))",
            ]
            for change in changes {
                let path = company.folder.appendingPathComponent("copy-\(UUID().uuidString).db").path
                try (company.store.engine as? SQLiteDatabase)?.backup(to: path)
                try #require(Tampering.change(path, change), "\(change)")
                let store = try Store.open(path: path, clock: { company.now })
                #expect(try Verify().run(in: store).fault != nil, "\(change)")
            }
        }
    }

    @Test(
        "Every column of every table is vouched for: one changed value is found, without the schema's help",
        .enabled(if: TestCompany.server == nil, StoreTests.aboutFiles))
    func everyColumn() async throws {
        let company = try await TestCompany.withOneOfEverything()
        #expect(try company.fault() == nil)
        let tables =
            FactTable.all.map(\.name) + ["act", "head", "item_balance", "credit_balance", "carrying", "untranslated"]
        var tried = 0
        for table in tables {
            let columns = try company.store.read { session in
                try session.rows("SELECT name FROM pragma_table_info(\(table)) ORDER BY cid").map { $0.text(0) }
            }
            for column in columns {
                let path = company.folder.appendingPathComponent("column.db").path
                for ending in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + ending) }
                try (company.store.engine as? SQLiteDatabase)?.backup(to: path)
                let isThere = try company.store.read { session in
                    try session.row("SELECT 1 FROM \(raw: table) WHERE \(raw: column) IS NOT NULL LIMIT 1") != nil
                }
                guard isThere else { continue }
                let change = """
                    UPDATE \(table) SET \(column) = CASE typeof(\(column)) WHEN 'integer' THEN \(column) + 1000003
                        WHEN 'blob' THEN CAST(\(column) || x'00' AS BLOB) ELSE \(column) || 'x' END
                     WHERE rowid = (SELECT min(rowid) FROM \(table) WHERE \(column) IS NOT NULL)
                    """
                try #require(Tampering.change(path, change), "\(change)")
                let store = try Store.open(path: path, clock: { company.now })
                let fault = try Verify().run(in: store).fault
                #expect(fault.map { !$0.hasPrefix("schema") } ?? false, "\(table).\(column): \(fault ?? "sound")")
                tried += 1
            }
        }
        #expect(tried > 150)
    }

    @Test(
        "A guard that was taken away, a key that is gone, and figures that changed places in the image are found",
        .enabled(if: TestCompany.server == nil, StoreTests.aboutFiles))
    func quietTampering() async throws {
        let company = try await TestCompany.withOneOfEverything()
        for change in ["SELECT 1", "DROP INDEX allocation_reverses"] {
            let path = company.folder.appendingPathComponent("\(UUID().uuidString).db").path
            try (company.store.engine as? SQLiteDatabase)?.backup(to: path)
            // Tampering drops the triggers first, which is enough to be found.
            try #require(Tampering.change(path, change))
            let store = try Store.open(path: path, clock: { company.now })
            #expect(try Verify().run(in: store).fault?.hasPrefix("schema") == true)
        }
        let path = company.folder.appendingPathComponent("key.db").path
        try (company.store.engine as? SQLiteDatabase)?.backup(to: path)
        try #require(Tampering.change(path, "UPDATE personal_key SET key = zeroblob(32) WHERE subject > 0"))
        let store = try Store.open(path: path, clock: { company.now })
        #expect(try Verify().run(in: store).fault?.contains("personal") == true)
    }

    @Test("A backup of a live store verifies without its keys, and comes back with them")
    func backup() async throws {
        let company = try await TestCompany()
        try await company.take(.customers, "code,name", "C1,One")
        try await company.take(.contacts, "customer,name,purpose,email", "C1,P,payment,p@x.cn")
        let target = company.folder.appendingPathComponent("copy.db").path
        let result = try BackUp(to: target).run(in: company.store)
        let keyless = try Store.open(path: target, clock: { company.now })
        #expect(try Verify().run(in: keyless).fault == nil)
        #expect(try keyless.read { try $0.row("SELECT count(*) FROM personal_key")?.integer(0) } == 0)
        #expect(throws: Refusal(.outputExists, ["path": .text(target)])) {
            try BackUp(to: target).run(in: company.store)
        }
        let back = company.folder.appendingPathComponent("back.db").path
        let act = try await Restore(from: result.path, to: back).run(
            as: nil, else: company.actor, now: company.now, clock: { company.now })
        #expect(act == result.act)
        let restored = try Store.open(path: back, clock: { company.now })
        #expect(try Verify().run(in: restored).fault == nil)
        let again = try await FileImport(.contacts, .text("customer,name,purpose,email\nC1,P,payment,p@x.cn\n")).run(
            in: restored, actor: company.actor, source: "test", now: company.now, today: company.today)
        #expect(again.report.unchanged == 1)
    }

    @Test(
        "A head noted down finds that the last acts were cut off",
        .enabled(if: TestCompany.server == nil, StoreTests.aboutFiles))
    func cutOff() async throws {
        let company = try await TestCompany()
        let old = company.folder.appendingPathComponent("old.db").path
        try (company.store.engine as? SQLiteDatabase)?.backup(to: old)
        try await company.take(.customers, "code,name", "C1,One")
        let head = try Verify().run(in: company.store)
        var verify = Verify()
        verify.expectedHead = (head.acts, head.headHash)
        #expect(try verify.run(in: company.store).fault == nil)
        #expect(try verify.run(in: Store.open(path: old, clock: { company.now })).fault != nil)
    }
}

extension SQLStatement {
    func firstInteger() throws -> Int64 {
        defer { reset() }
        return try step() ? integer(0) : 0
    }
}
