package import Database
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
        // Made under another name, readable by nobody else, and put in place when it was checked and has no keys.
        let draft = "\(target).part-\(getpid())"
        defer { for ending in ["", "-wal", "-shm", ".openitems"] { unlink(draft + ending) } }
        do {
            guard FileManager.default.createFile(atPath: draft, contents: nil, attributes: [.posixPermissions: 0o600])
            else { throw DatabaseFailure.cannotOpen(path: draft, detail: String(cString: strerror(errno))) }
            try copyRows(of: store, to: draft)
        } catch let failure as DatabaseFailure {
            if case .cannotOpen(_, let detail) = failure {
                throw Refusal(.outputUnwritable, ["path": .text(target), "reason": .text(detail)])
            }
            throw failure
        }
        let copy = try Store.open(path: draft, clock: { Instant(microseconds: 0) })
        let checked = try Verify().run(in: copy)
        try copy.close()
        if let fault = checked.fault { throw DatabaseFailure.corrupt(detail: "copy: \(fault)") }
        let keys = try removeKeys(from: draft)
        try SQLiteDatabase.seal(draft)
        guard
            FileManager.default.createFile(
                atPath: keysPath, contents: Data(keys.utf8), attributes: [.posixPermissions: 0o600])
        else { throw Refusal(.outputUnwritable, ["path": .text(keysPath), "reason": .text("")]) }
        // A copy whose keys are lost with the power is no copy of what is personal.
        if let file = FileHandle(forUpdatingAtPath: keysPath) {
            try file.synchronize()
            try file.close()
        }
        guard link(draft, target) == 0 else {
            let reason = String(cString: strerror(errno))
            unlink(keysPath)
            throw Refusal(.outputUnwritable, ["path": .text(target), "reason": .text(reason)])
        }
        return Result(path: target, keysPath: keysPath, facts: checked.facts, act: checked.acts)
    }

    /// A file is copied page by page; a store on a server is written row by row into a file that makes itself.
    private func copyRows(of store: Store, to draft: String) throws {
        if let engine = store.engine as? SQLiteDatabase { return try engine.backup(to: draft, replacing: true) }
        unlink(draft)
        let engine = try SQLiteDatabase(path: draft, .new)
        try store.read { try CopyStore.copyRows($0, into: engine) }
        try engine.close()
    }

    /// The keys leave the copy, and its pages too, so that none stays in a free page.
    private func removeKeys(from path: String) throws -> String {
        let engine = try SQLiteDatabase(path: path, .existing)
        let rows = try engine.read { try $0.rows("SELECT subject, key FROM personal_key ORDER BY subject") }
        _ = try engine.write { try $0.session.execute("DELETE FROM personal_key") }
        try engine.compact()
        try engine.close()
        return rows.map { "\($0.integer(0)) \($0.blob(1).hexadecimal)\n" }.joined()
    }
}

/// Brings a copy back as a store, and records that it did: the act names the head that it went back to.
package struct Restore: Sendable {
    package let source: String
    package let target: String
    /// Gives up everything personal when the file of keys is gone.
    package var goesWithoutKeys = false
    /// Whether somebody set another clock, which a live store won't have.
    package var hasOwnClock = false
    private let place: any StorePlace

    package init(from source: String, to target: String, in place: any StorePlace = FilePlace()) {
        self.source = source
        self.target = target
        self.place = place
    }

    /// - Throws: `DatabaseFailure.exists` when there is a store already: it is never overwritten; `Refusal`
    ///   `restore.no-keys`, `clock.not-allowed`, `actor.unknown`.
    package func run(
        as person: String?, else actor: Actor, now: Instant, clock: @escaping @Sendable () -> Instant
    ) async throws -> Int64 {
        guard try !place.exists(target) else { throw DatabaseFailure.exists(path: place.shown(target)) }
        // Made whole as a file, beside the copy's target or, for a server, in the folder for what is passing.
        let files = FilePlace()
        let isFile = place is FilePlace
        let draft = files.draft(of: isFile ? target : NSTemporaryDirectory() + "huikuan-restore")
        defer { files.discard(draft) }
        try SQLiteDatabase.copy(source, to: draft)
        try takeKeys(into: draft)
        let store = try Store.open(path: draft, clock: clock)
        let company = try store.read { try CompanySettings.load(in: $0) }
        if company.kind == .live, hasOwnClock { throw Refusal(.clockNotAllowed) }
        if let person, try !PersonQueries.isKnown(person, in: store) {
            throw Refusal(.actorUnknown, ["person": .text(person)])
        }
        let checked = try Verify().run(in: store)
        if let fault = checked.fault { throw DatabaseFailure.corrupt(detail: fault) }
        let head = "#\(checked.acts):\(checked.headHash)"
        let request = ActRequest(
            command: "restore", actor: person.map { .person(key: $0) } ?? actor, source: "cli",
            input: Array(head.utf8), now: now, today: company.day(of: now))
        _ = try await store.write(request) { books in
            try books.settings.set("restored", head)
            return ["head": head]
        }
        if !isFile { _ = try CopyStore().run(from: store, to: target, in: place) }
        try store.checkpoint()
        try store.close()
        if isFile { try place.putInPlace(draft, as: target) }
        return checked.acts
    }

    private func takeKeys(into path: String) throws {
        let keysPath = source + ".keys"
        let engine = try SQLiteDatabase(path: path, .existing)
        defer { try? engine.close() }
        guard let data = FileManager.default.contents(atPath: keysPath) else {
            // A live store's own file has its keys inside.
            let isNeeded = try engine.read { session in
                try session.row("SELECT subject FROM personal_key LIMIT 1") == nil
            }
            guard goesWithoutKeys || !isNeeded else { throw Refusal(.restoreNoKeys, ["path": .text(keysPath)]) }
            return
        }
        try engine.write { transaction in
            for line in String(decoding: data, as: UTF8.self).split(separator: "\n") {
                let parts = line.split(separator: " ")
                guard parts.count == 2, let subject = Int64(parts[0]), let key = [UInt8](hexadecimal: String(parts[1]))
                else { continue }
                try transaction.session.execute(
                    "INSERT INTO personal_key (subject, key) VALUES (\(subject), \(key)) ON CONFLICT DO NOTHING")
            }
        }
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
