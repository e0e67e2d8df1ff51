internal import Database

/// Appends facts: binds each row to its table and feeds the same values to the act's digest.
///
/// Every fact gets the next number of the whole store, so that a missing row is a gap, and "known
/// at act K" is "number up to the last fact of K".
final class FactWriter {
    private let session: any SQLSession
    private(set) var lastFact: Int64
    let firstFact: Int64
    private var rows: [UInt16: FactRow] = [:]
    private let digest = FactDigest()

    init(_ session: any SQLSession, lastFact: Int64) {
        self.session = session
        self.lastFact = lastFact
        firstFact = lastFact + 1
    }

    /// Kinds of the tables that facts were appended to, also of those that were undone.
    var kinds: some Sequence<UInt16> { rows.keys }

    var count: Int64 { lastFact - firstFact + 1 }

    /// Appends a fact whose fields `fill` gives in the order of the table's columns.
    ///
    /// - Returns: The fact's number.
    @discardableResult
    func append(_ table: FactTable, _ fill: (FactRow) -> Void) throws -> Int64 {
        let row: FactRow
        if let known = rows[table.kind] {
            row = known
        } else {
            row = FactRow(table, try session.statement(table.insertText), digest)
            rows[table.kind] = row
        }
        row.begin(lastFact + 1)
        fill(row)
        try row.insert()
        lastFact += 1
        return lastFact
    }

    func finish() -> [UInt8] { digest.finish() }

    /// Runs `body` so that what it appended is undone when it throws or answers `false`, and the act goes on.
    func attempt(_ body: () throws -> Bool) throws -> Bool {
        let before = lastFact
        try session.execute("SAVEPOINT attempt")
        digest.hold()
        func undo() throws {
            digest.drop()
            lastFact = before
            try session.execute("ROLLBACK TO attempt")
            try session.execute("RELEASE attempt")
        }
        do {
            guard try body() else {
                try undo()
                return false
            }
        } catch let failure as DatabaseFailure where failure.endsTransaction {
            throw failure
        } catch {
            try undo()
            throw error
        }
        digest.keep()
        try session.execute("RELEASE attempt")
        return true
    }
}

/// The fields of one fact, given in the order of its table's columns.
final class FactRow {
    private let table: FactTable
    private let statement: any SQLStatement
    private let digest: FactDigest
    private var position = 1

    init(_ table: FactTable, _ statement: any SQLStatement, _ digest: FactDigest) {
        self.table = table
        self.statement = statement
        self.digest = digest
    }

    func begin(_ number: Int64) {
        digest.beginFact(table)
        statement.bind(1, number)
        position = 1
    }

    func integer(_ value: Int64) {
        position += 1
        statement.bind(position, value)
        digest.field(UInt8(position - 1), value)
    }

    func integer(_ value: Int64?) {
        if let value { integer(value) } else { null() }
    }

    func text(_ value: String) {
        var copy = value
        copy.withUTF8 { text($0) }
    }

    func text(_ bytes: UnsafeBufferPointer<UInt8>) {
        position += 1
        statement.bind(position, utf8: bytes)
        digest.field(UInt8(position - 1), .text, UnsafeRawBufferPointer(bytes))
    }

    func text(_ value: String?) {
        if let value { text(value) } else { null() }
    }

    func blob(_ value: [UInt8]) {
        position += 1
        statement.bind(position, blob: value)
        value.withUnsafeBytes { digest.field(UInt8(position - 1), .blob, $0) }
    }

    func null() {
        position += 1
        statement.bindNull(position)
    }

    func insert() throws {
        precondition(position == table.columns.count + 1, "\(table.name) has \(table.columns.count) columns")
        try statement.run()
    }
}

/// Fact encoding v1 (ENGINEERING E-21), hashed as it grows: for each fact its kind and version, then for
/// each field that is not null its number, type, length and bytes; integers as 8 bytes, high first.
final class FactDigest {
    private let hash = SHA256()
    private let buffer: UnsafeMutableRawBufferPointer
    private var used = 0
    /// What is held back until it is kept or dropped.
    private var held: [UInt8]?

    init() { buffer = .allocate(byteCount: 1 << 13, alignment: 16) }

    deinit { buffer.deallocate() }

    func beginFact(_ table: FactTable) {
        makeRoom(4)
        put(table.kind.bigEndian)
        put(table.version.bigEndian)
    }

    func field(_ number: UInt8, _ value: Int64) {
        makeRoom(14)
        buffer[used] = number
        buffer[used + 1] = FactTable.ColumnType.integer.rawValue
        used += 2
        put(UInt32(8).bigEndian)
        put(value.bigEndian)
    }

    func field(_ number: UInt8, _ type: FactTable.ColumnType, _ bytes: UnsafeRawBufferPointer) {
        makeRoom(6)
        buffer[used] = number
        buffer[used + 1] = type.rawValue
        used += 2
        put(UInt32(bytes.count).bigEndian)
        if bytes.count > 1024 {
            flush()
            pass(bytes)
        } else {
            makeRoom(bytes.count)
            UnsafeMutableRawBufferPointer(rebasing: buffer[used...]).copyMemory(from: bytes)
            used += bytes.count
        }
    }

    func finish() -> [UInt8] {
        flush()
        return hash.finish()
    }

    /// Holds back what comes from here on.
    func hold() {
        flush()
        held = []
    }

    func keep() {
        flush()
        if let bytes = held { hash.update(bytes) }
        held = nil
    }

    func drop() {
        used = 0
        held = nil
    }

    private func put<Value: FixedWidthInteger>(_ value: Value) {
        buffer.storeBytes(of: value, toByteOffset: used, as: Value.self)
        used += MemoryLayout<Value>.size
    }

    private func makeRoom(_ count: Int) {
        if used + count > buffer.count { flush() }
    }

    private func flush() {
        pass(UnsafeRawBufferPointer(rebasing: buffer[0..<used]))
        used = 0
    }

    private func pass(_ bytes: UnsafeRawBufferPointer) {
        if held == nil { hash.update(bytes) } else { held?.append(contentsOf: bytes) }
    }
}
