import Database
import DatabasePostgres
import Foundation
import Ledger
import Receivables
import TestSupport
import Testing

@testable import Operations

/// Questions that are asked along with a transaction's beginning, and savepoints that the server needn't hear of. Both
/// engines must answer alike, whether they ask ahead or not.
@Suite("Asked ahead")
struct ForeseenTests {
    private static let numbers = Foreseen(
        "SELECT id, note FROM thing WHERE code = \("a")",
        from: [
            Foreseen.Source("thing", .value(column: "code", .text("a"))),
            Foreseen.Source("part", .answer(column: "thing", place: 0)),
        ])

    private func prepared() async throws -> TestCompany {
        let company = try await TestCompany()
        try company.store.engine.write { transaction in
            let session = transaction.session
            let text = session.dialect == .postgres ? "BIGINT" : "INTEGER"
            for statement in [
                "CREATE TABLE thing (id \(text) PRIMARY KEY, code TEXT NOT NULL UNIQUE, note TEXT)",
                "CREATE TABLE part (id \(text) PRIMARY KEY, thing \(text) NOT NULL)",
                "INSERT INTO thing (id, code, note) VALUES (1, 'a', 'first')",
            ] {
                try session.execute(SQL(stringLiteral: statement))
            }
        }
        return company
    }

    private func add(_ id: Int64, _ code: String, _ session: any SQLSession) throws {
        try session.run(
            SQL(
                "INSERT INTO thing (id, code, note) VALUES ($1, $2, $3)",
                [.integer(id), .text(code), .text("n\(id)")]))
    }

    @Test("What a transaction writes is seen by what it asks afterwards, also when that was asked ahead")
    func answersFollow() async throws {
        let company = try await prepared()
        let engine = company.store.engine
        let all = Foreseen("SELECT count(*) FROM thing", from: [Foreseen.Source("thing")])
        let absent = Foreseen(
            "SELECT id, note FROM thing WHERE code = \("b")",
            from: [Foreseen.Source("thing", .value(column: "code", .text("b")))])
        try engine.write(
            ahead: [Self.numbers, all, absent],
            { transaction in
                let session = transaction.session
                func counts() throws -> [Int64] {
                    [
                        try session.row(all.question)?.integer(0) ?? -1,
                        try session.row(absent.question)?.integer(0) ?? 0,
                    ]
                }
                #expect(try counts() == [1, 0])
                #expect(try session.row(Self.numbers.question)?.text(1) == "first")
                try add(2, "c", session)
                #expect(try counts() == [2, 0])
                try add(3, "b", session)
                #expect(try counts() == [3, 3])
                try session.run("UPDATE thing SET note = 'second' WHERE id = 1")
                #expect(try session.row(Self.numbers.question)?.text(1) == "second")
                let statement = try session.statement(absent.question.text)
                statement.bind(1, text: "b")
                #expect(try statement.step())
                #expect(statement.text(1) == "n3")
                statement.reset()
                try session.execute("DELETE FROM thing WHERE id = 3")
                #expect(try counts() == [2, 0])
            }, isThere: { _ in false })
    }

    @Test(
        "Savepoints: what is kept is there and in its order, what is undone isn't, however deep and whenever it was sent"
    )
    func savepoints() async throws {
        let company = try await prepared()
        let ids = try company.store.engine.write { transaction -> [Int64] in
            let session = transaction.session
            func codes() throws -> Int64 { try session.row("SELECT count(*) FROM thing")?.integer(0) ?? -1 }
            try add(2, "two", session)
            // Undone before the engine hears of it.
            let silent: Void? = try? transaction.savepoint {
                try add(3, "three", session)
                throw Undone()
            }
            // Undone after it was asked for.
            let asked: Void? = try? transaction.savepoint {
                try add(4, "four", session)
                #expect(try codes() == 3)
                throw Undone()
            }
            #expect(silent == nil && asked == nil)
            try transaction.savepoint {
                try add(5, "five", session)
                let inner: Void? = try? transaction.savepoint {
                    try add(6, "six", session)
                    #expect(try codes() == 4)
                    throw Undone()
                }
                #expect(inner == nil)
                try transaction.savepoint { try add(7, "seven", session) }
                #expect(try codes() == 4)
            }
            try transaction.savepoint { try add(8, "eight", session) }
            let outer: Void? = try? transaction.savepoint {
                try transaction.savepoint { try add(9, "nine", session) }
                throw Undone()
            }
            #expect(outer == nil)
            // As many as a group has: some are sent while more are made.
            for number in Int64(100)..<150 {
                let kept: Void? = try? transaction.savepoint {
                    try add(number, "c\(number)", session)
                    if number % 5 == 0 { throw Undone() }
                }
                #expect((kept == nil) == (number % 5 == 0))
            }
            return try session.rows("SELECT id FROM thing ORDER BY id").map { $0.integer(0) }
        }
        #expect(ids == [1, 2, 5, 7, 8] + (100..<150).filter { $0 % 5 != 0 })
        let kept = try company.store.read { try $0.rows("SELECT id FROM thing ORDER BY id").map { $0.integer(0) } }
        #expect(kept == ids)
    }

    @Test(
        "Of many at once, those that the schema refuses are told so, and nobody else, also where rows went ahead",
        arguments: [true, false])
    func refusedByTheSchema(asks: Bool) async throws {
        let company = try await prepared()
        let before = try Verify().run(in: company.store).acts
        let refused = await withTaskGroup(of: Int?.self) { group in
            for number in 0..<120 {
                group.addTask {
                    do {
                        _ = try await company.store.write(company.request("try", key: "k\(number)")) { books -> Int in
                            // Whoever asks has what the others wrote sent before.
                            if asks { _ = try books.people.findOrRegister("p\(number)") }
                            // Every tenth takes a code that is there: nobody asks before it is written.
                            let isRefused = number % 10 == 7
                            try add(Int64(100 + number), isRefused ? "a" : "c\(number)", books.session)
                            return number
                        }
                        return nil
                    } catch DatabaseFailure.constraint {
                        return number
                    } catch {
                        return -1
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(refused.compactMap { $0 }) == Set((0..<12).map { $0 * 10 + 7 }))
        let after = try Verify().run(in: company.store)
        #expect(after.acts == before + 108)
        let things = try company.store.read { try $0.row("SELECT count(*) FROM thing")?.integer(0) }
        #expect(things == 109)
        #expect(company.store.writing.refused == 12)
    }

    @Test("A right that another server took away is gone, also when this one wrote in between without asking")
    func rightsOfOthers() async throws {
        let company = try await TestCompany()
        try await company.add("wu@b.c", [.accountant])
        let other = try company.reopen()
        @Sendable func write(_ number: Int) async throws {
            _ = try await company.store.write(company.request(.registerCustomer, by: "wu@b.c")) { books in
                _ = try books.people.findOrRegister("p\(number)")
                return number
            }
        }
        try await write(1)
        try await write(2)
        _ = try await WorkCommands(in: other, company.request("set-person")).setPerson(
            "wu@b.c", manager: nil, roles: [], without: [.accountant])
        // What the system does asks nobody's rights.
        _ = try await company.store.write(company.request("do")) { books in
            _ = try books.people.findOrRegister("q")
            return 3
        }
        await #expect(throws: Refusal.self) { try await write(4) }
    }

    @Test("A failing row among many tells of itself, whatever was sent with it")
    func failingRowAmongMany() async throws {
        let company = try await prepared()
        await #expect(throws: DatabaseFailure.self) {
            _ = try await company.store.write(company.request("try")) { books -> Int in
                try add(50, "a", books.session)
                for number in Int64(100)...140 { try add(number, "m\(number)", books.session) }
                return try books.session.row("SELECT count(*) FROM thing").map { Int($0.integer(0)) } ?? 0
            }
        }
        // Behind a failing row, others are gathered by the dozen, and one command is refused by itself.
        let outcomes = await withTaskGroup(of: Int.self) { group in
            for number in 0..<40 {
                group.addTask {
                    do {
                        _ = try await company.store.write(company.request("try", key: "m\(number)")) { books -> Int in
                            _ = try books.people.findOrRegister("p\(number)")
                            let first = Int64(1_000 + number * 100)
                            if number % 8 == 3 { try add(first, "a", books.session) }
                            for next in first + 1...first + 30 { try add(next, "m\(next)", books.session) }
                            if number % 8 == 5 { throw Undone() }
                            return try books.session.row("SELECT count(*) FROM thing").map { Int($0.integer(0)) } ?? 0
                        }
                        return 0
                    } catch DatabaseFailure.constraint {
                        return 1
                    } catch is Undone {
                        return 2
                    } catch {
                        return 3
                    }
                }
            }
            return await group.reduce(into: [0, 0, 0, 0]) { $0[$1] += 1 }
        }
        #expect(outcomes == [30, 5, 5, 0])
        let things = try company.store.read { try $0.row("SELECT count(*) FROM thing")?.integer(0) }
        #expect(things == 901)
        try company.store.engine.write { transaction in
            for table in ["part", "thing"] {
                try transaction.session.execute(SQL(stringLiteral: "DROP TABLE \(table)"))
            }
        }
        #expect(try company.fault() == nil)
    }

    @Test("An import's outcome is written as the encoder of the library writes it")
    func storedText() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        var report = ImportReport(kind: .creditNotes)
        for step in 0..<4 {
            report.created = step * 1_000
            report.proposed = step == 2 ? 5 : nil
            report.isDryRun = step == 3
            report.postedLater = step
            let text = String(decoding: try encoder.encode(report), as: UTF8.self)
            #expect(report.storedText == text)
            #expect(try JSONDecoder().decode(ImportReport.self, from: Data(report.storedText.utf8)) == report)
        }
    }

    @Test("A name of plain letters is reduced as any other, only sooner")
    func nameKeys() {
        let words = [
            "Acme", "ACME ", "Ltd", " Ltd.", " Co., Ltd.", " GmbH", " AG", " INC.", " inc", " LLC", ", ", " S.A.", "3M",
            "A-B", " Limited", "\t", "(China)", " Corp", "o", "ag",
        ]
        for number in 0..<8_000 {
            // Up to three of the words, one after the other.
            let picked = [number % words.count, number / 20 % (words.count + 1), number / 420 % (words.count + 1)]
            let name = "Name" + picked.filter { $0 < words.count }.map { words[$0] }.joined()
            // Punctuation that isn't plain takes the other way, and stands in no key.
            #expect(CustomerRepository.nameKey(name) == CustomerRepository.nameKey("「" + name), "\(name)")
        }
        #expect(CustomerRepository.nameKey("Acme Trading Co., Ltd.") == "acmetrading")
        #expect(CustomerRepository.nameKey("华芯半导体（上海）有限公司") == "华芯半导体上海")
    }

    private struct Undone: Error {}
}
