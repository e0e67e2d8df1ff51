internal import Foundation

/// Where stores are found by their names: files here, schemas on a server elsewhere.
///
/// A new store is made aside under a draft's name, filled, closed, and then put in place at once: whoever dies
/// half-way, or is second, leaves nothing behind and takes nothing away.
package protocol StorePlace: Sendable {
    func exists(_ name: String) throws -> Bool

    /// The name for messages: without a password.
    func shown(_ name: String) -> String

    /// - Parameter onWait: Called about once a second with the seconds spent waiting for another writer.
    /// - Throws: `DatabaseFailure`.
    func open(_ name: String, onWait: (@Sendable (Int) -> Void)?) throws -> any DatabaseEngine

    /// A name that nobody else uses, for a draft of a store.
    func draft(of name: String) throws -> String

    /// Makes an empty store, without a schema yet.
    func make(_ draft: String) throws -> any DatabaseEngine

    /// Gives a closed draft its name.
    ///
    /// - Throws: `DatabaseFailure.exists` when somebody was first.
    func putInPlace(_ draft: String, as name: String) throws

    /// Takes away what is left of a draft; after `putInPlace` nothing is.
    func discard(_ draft: String)
}

/// Stores as SQLite files, named by their paths.
package struct FilePlace: StorePlace {
    package init() {}

    package func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: name) }

    package func shown(_ name: String) -> String { name }

    package func open(_ name: String, onWait: (@Sendable (Int) -> Void)?) throws -> any DatabaseEngine {
        try SQLiteDatabase(path: name, .existing, onWait: onWait)
    }

    package func draft(of name: String) -> String { "\(name).new-\(getpid())-\(UUID().uuidString.prefix(8))" }

    package func make(_ draft: String) throws -> any DatabaseEngine { try SQLiteDatabase(path: draft, .new) }

    package func putInPlace(_ draft: String, as name: String) throws {
        guard link(draft, name) == 0 else {
            if errno == EEXIST { throw DatabaseFailure.exists(path: name) }
            throw DatabaseFailure.cannotOpen(path: name, detail: String(cString: strerror(errno)))
        }
    }

    package func discard(_ draft: String) {
        for ending in ["", "-wal", "-shm", ".openitems"] { unlink(draft + ending) }
    }
}
