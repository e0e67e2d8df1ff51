package import Database
internal import Foundation
internal import Ledger
internal import Receivables

/// Moves a company from one place to another, whatever the engines: row by row, then everything is checked.
///
/// The copy is the same store: the same acts, facts, keys and digest. It says nothing of its own in the journal, so
/// that only one of the two should be worked with afterwards.
package struct CopyStore: Sendable {
    package struct Result: Sendable {
        package let acts: Int64
        package let facts: Int64
        /// SHA-256 over all rows of all tables, equal for both.
        package let digest: String
    }

    package init() {}

    /// - Throws: `Refusal` `copy.source-moved` when acts came meanwhile; `DatabaseFailure.exists` when there is a store
    ///   already; `corrupt` when the copy doesn't verify.
    package func run(
        from source: Store, to name: String, in place: any StorePlace, onProgress: ((Double) -> Void)? = nil
    ) throws -> Result {
        guard try !place.exists(name) else { throw DatabaseFailure.exists(path: place.shown(name)) }
        let draft = try place.draft(of: name)
        defer { place.discard(draft) }
        let engine = try place.make(draft)
        let (head, digest) = try source.read { session in
            try Self.copyRows(session, into: engine, onProgress)
            return (try ActRepository(session: session).head(), try StoreDigest.make(session))
        }
        let copied = try engine.read { try StoreDigest.make($0) }
        try engine.checkpoint()
        try engine.close()
        guard copied == digest else { throw DatabaseFailure.corrupt(detail: "copy: its digest differs") }
        let copy = try Store.open(path: draft, in: place, clock: { Instant(microseconds: 0) })
        let checked = try Verify().run(in: copy)
        try copy.close()
        if let fault = checked.fault { throw DatabaseFailure.corrupt(detail: "copy: \(fault)") }
        // Acts that came meanwhile would be missing in the copy.
        guard try source.read({ try ActRepository(session: $0).head() }) == head else {
            throw Refusal(.copySourceMoved)
        }
        try place.putInPlace(draft, as: name)
        return Result(acts: checked.acts, facts: checked.facts, digest: digest)
    }

    /// Fills an empty store with the schema and all rows of a snapshot, in one transaction.
    static func copyRows(
        _ source: any SQLSession, into engine: any DatabaseEngine, _ onProgress: ((Double) -> Void)? = nil
    ) throws {
        try engine.write { transaction in
            let target = transaction.session
            try Schema.migrator.migrate(target)
            // The first rows that the migrations filled in come with the copy.
            for table in ["migration", "head"] { try target.execute("DELETE FROM \(raw: table)") }
            for (number, table) in Schema.tables.enumerated() {
                try copy(table, source, target)
                onProgress?(Double(number + 1) / Double(Schema.tables.count))
            }
        }
    }

    private static func copy(_ table: String, _ source: any SQLSession, _ target: any SQLSession) throws {
        let columns = try source.columnNames(of: table)
        let names = columns.joined(separator: ", ")
        let places = (1...columns.count).map { "$\($0)" }.joined(separator: ", ")
        // In the order of the first column, the key: a row never names a later one of its own table.
        let rows = try source.scan("SELECT \(names) FROM \(table) ORDER BY \(columns[0])")
        defer { rows.reset() }
        let insert = try target.statement("INSERT INTO \(table) (\(names)) VALUES (\(places))")
        while try rows.step() {
            for position in 1...columns.count { insert.bind(position, value: rows.value(position - 1)) }
            try insert.run()
        }
    }
}

/// One hash over everything that a store holds: equal stores have equal digests on every engine.
package enum StoreDigest {
    package static func make(_ session: any SQLSession) throws -> String {
        let hash = SHA256()
        for table in Schema.tables {
            let columns = try session.columnNames(of: table)
            hash.update(Array("\n\(table)(\(columns.joined(separator: ",")))".utf8))
            let rows = try session.scan(
                "SELECT \(columns.joined(separator: ", ")) FROM \(table) ORDER BY \(columns[0])")
            defer { rows.reset() }
            while try rows.step() {
                var bytes: [UInt8] = []
                for column in columns.indices { append(rows.value(column), to: &bytes) }
                hash.update(bytes)
            }
        }
        return hash.finish().hexadecimal
    }

    package static func make(of store: Store) throws -> String { try store.read { try make($0) } }

    /// Type, length and content, so that no two rows read alike.
    private static func append(_ value: SQLValue, to bytes: inout [UInt8]) {
        func content(_ type: UInt8, _ content: some Collection<UInt8>) {
            bytes.append(type)
            withUnsafeBytes(of: UInt64(content.count).littleEndian) { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: content)
        }
        switch value {
        case .null: bytes.append(0)
        case .integer(let number):
            bytes.append(1)
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        case .text(let text): content(2, text.utf8)
        case .blob(let blob): content(3, blob)
        }
    }
}
