internal import Database
internal import Foundation
package import Ledger
package import Receivables

/// Copies a live store into one file, and checks the copy. Keys of personal data go to a second file:
/// whoever has the copy alone cannot read what is personal.
package struct BackUp: Sendable {
    package let target: String

    package init(to target: String) { self.target = target }

    package struct Result: Sendable {
        package let path: String
        package let keysPath: String
        package let facts: Int64
        package let act: Int64
    }

    /// - Throws: `Refusal` `output.exists`; `BrokenCopy` when the copy doesn't verify.
    package func run(in store: Store) throws -> Result {
        let keysPath = target + ".keys"
        for path in [target, keysPath] where FileManager.default.fileExists(atPath: path) {
            throw Refusal(.outputExists, ["path": .text(path)])
        }
        guard let engine = store.engine as? SQLiteDatabase else {
            throw DatabaseFailure.other(code: 0, detail: "only a file can be copied")
        }
        do {
            try engine.backup(to: target)
        } catch let failure as DatabaseFailure {
            if case .cannotOpen(_, let detail) = failure {
                throw Refusal(.outputUnwritable, ["path": .text(target), "reason": .text(detail)])
            }
            throw failure
        }
        let copy = try Store.open(path: target, clock: { Instant(microseconds: 0) })
        let checked = try Verify().run(in: copy)
        try? FileManager.default.removeItem(atPath: target + ".openitems")
        if let fault = checked.fault { throw DatabaseFailure.corrupt(detail: "copy: \(fault)") }
        try moveKeys(from: target, to: keysPath)
        return Result(path: target, keysPath: keysPath, facts: checked.facts, act: checked.acts)
    }

    /// The keys leave the copy, and its pages too, so that none stays in a free page.
    private func moveKeys(from path: String, to keysPath: String) throws {
        let engine = try SQLiteDatabase(path: path, .existing)
        let rows = try engine.read { try $0.rows("SELECT subject, key FROM personal_key ORDER BY subject") }
        let lines = rows.map { "\($0.integer(0)) \($0.blob(1).hexadecimal)\n" }.joined()
        guard
            FileManager.default.createFile(
                atPath: keysPath, contents: Data(lines.utf8), attributes: [.posixPermissions: 0o600])
        else { throw Refusal(.outputUnwritable, ["path": .text(keysPath), "reason": .text("")]) }
        _ = try engine.write { try $0.session.execute("DELETE FROM personal_key") }
        try engine.compact()
        try engine.close()
    }
}

/// Brings a copy back as a store, and records that it did: the act names the head that it went back to.
package struct Restore: Sendable {
    package let source: String
    package let target: String

    package init(from source: String, to target: String) {
        self.source = source
        self.target = target
    }

    /// - Throws: `DatabaseFailure.exists` when there is a store already; it is never overwritten.
    package func run(
        actor: Actor, now: Instant, clock: @escaping @Sendable () -> Instant
    ) async throws -> Int64 {
        guard !FileManager.default.fileExists(atPath: target) else { throw DatabaseFailure.exists(path: target) }
        let copy = try SQLiteDatabase(path: source, .existing)
        try copy.backup(to: target)
        try copy.close()
        do {
            try takeKeys()
            let store = try Store.open(path: target, clock: clock)
            let checked = try Verify().run(in: store)
            if let fault = checked.fault { throw DatabaseFailure.corrupt(detail: fault) }
            let company = try store.read { try CompanySettings.load(in: $0) }
            let head = "#\(checked.acts):\(checked.headHash)"
            let request = ActRequest(
                command: "restore", actor: actor, source: "cli", input: Array(head.utf8), now: now,
                today: company.day(of: now))
            _ = try await store.write(request) { books in
                try books.settings.set("restored", head)
                return ["head": head]
            }
            return checked.acts
        } catch {
            for ending in ["", "-wal", "-shm", ".openitems"] {
                try? FileManager.default.removeItem(atPath: target + ending)
            }
            throw error
        }
    }

    private func takeKeys() throws {
        guard let data = FileManager.default.contents(atPath: source + ".keys") else { return }
        let engine = try SQLiteDatabase(path: target, .existing)
        try engine.write { transaction in
            for line in String(decoding: data, as: UTF8.self).split(separator: "\n") {
                let parts = line.split(separator: " ")
                guard parts.count == 2, let subject = Int64(parts[0]), let key = [UInt8](hexadecimal: String(parts[1]))
                else { continue }
                try transaction.session.execute(
                    "INSERT INTO personal_key (subject, key) VALUES (\(subject), \(key)) ON CONFLICT DO NOTHING")
            }
        }
        try engine.close()
    }
}

extension [UInt8] {
    /// Reads hexadecimal digits; `nil` for anything else.
    init?(hexadecimal text: String) {
        let digits = Array<UInt8>(text.utf8)
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(byte)
        }
        self = bytes
    }
}
