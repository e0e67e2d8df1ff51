internal import CSQLite
internal import Foundation
internal import GRDB

/// A session on one SQLite connection of GRDB; statements are kept prepared by their text.
final class SQLiteSession: SQLSession {
    let database: Database
    private let path: String

    init(_ database: Database, path: String) {
        self.database = database
        self.path = path
    }

    func execute(_ sql: SQL) throws -> Int {
        let statement = try prepared(sql.text)
        for (index, value) in sql.values.enumerated() { statement.bind(index + 1, value: value) }
        return try statement.run()
    }

    func run(_ sql: SQL) throws { _ = try execute(sql) }

    func rows(_ sql: SQL) throws -> [SQLRow] {
        let statement = try prepared(sql.text)
        for (index, value) in sql.values.enumerated() { statement.bind(index + 1, value: value) }
        defer { statement.reset() }
        var rows: [SQLRow] = []
        let columns = statement.columnCount
        while try statement.step() { rows.append(SQLRow(values: (0..<columns).map { statement.value($0) })) }
        return rows
    }

    func statement(_ text: String) throws -> any SQLStatement {
        let statement = try prepared(text)
        statement.orderPlaces()
        return statement
    }

    /// Rows of this engine come one by one anyway.
    func scan(_ text: String) throws -> any SQLStatement { try statement(text) }

    func tableNames() throws -> [String] {
        try rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name").map {
            $0.text(0)
        }
    }

    func columnNames(of table: String) throws -> [String] {
        try rows("SELECT name FROM pragma_table_info(\(table)) ORDER BY cid").map { $0.text(0) }
    }

    var dialect: SQLDialect { .sqlite }

    private func prepared(_ text: String) throws -> SQLiteStatement {
        do {
            return SQLiteStatement(try database.cachedStatement(sql: text), path: path)
        } catch let error as DatabaseError {
            throw DatabaseFailure(error, path: path)
        }
    }
}

/// A statement of GRDB driven through SQLite's own calls, because loops over millions of rows
/// must not pay for boxing each value.
final class SQLiteStatement: SQLStatement {
    private let statement: Statement
    private let handle: OpaquePointer?
    private let path: String
    private var isAtRow = false
    /// Where `$n` stands among SQLite's own numbers, when that differs.
    private var places: [Int32: Int32]?

    init(_ statement: Statement, path: String) {
        self.statement = statement
        self.path = path
        handle = statement.sqliteStatement
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    deinit { sqlite3_reset(handle) }

    /// SQLite takes `$2` for a name and numbers names as they come, so that `$2` before `$1` would be bound to the
    /// first value (ENGINEERING E-8). Interpolated SQL numbers its places in order and needs none of this.
    func orderPlaces() {
        let count = sqlite3_bind_parameter_count(handle)
        guard count > 0 else { return }
        func number(_ index: Int32) -> Int32 {
            sqlite3_bind_parameter_name(handle, index).flatMap { Int32(exactly: atoi($0 + 1)) } ?? index
        }
        guard (1...count).contains(where: { number($0) != $0 }) else { return }
        let numbers = (1...count).map(number)
        places = Dictionary(uniqueKeysWithValues: zip(numbers, 1...count))
    }

    private func place(_ position: Int) -> Int32 { places?[Int32(position)] ?? Int32(position) }

    var columnCount: Int { Int(sqlite3_column_count(handle)) }

    func bind(_ position: Int, _ value: Int64) {
        prepareToBind()
        sqlite3_bind_int64(handle, place(position), value)
    }

    func bind(_ position: Int, text: String) {
        var copy = text
        copy.withUTF8 { bind(position, utf8: $0) }
    }

    func bind(_ position: Int, utf8 bytes: UnsafeBufferPointer<UInt8>) {
        prepareToBind()
        guard let start = bytes.baseAddress else {
            sqlite3_bind_text(handle, place(position), "", 0, transient)
            return
        }
        start.withMemoryRebound(to: CChar.self, capacity: bytes.count) { characters in
            _ = sqlite3_bind_text(handle, place(position), characters, Int32(bytes.count), transient)
        }
    }

    func bind(_ position: Int, blob: [UInt8]) {
        prepareToBind()
        if blob.isEmpty {
            sqlite3_bind_zeroblob(handle, place(position), 0)
        } else {
            blob.withUnsafeBytes { bytes in
                _ = sqlite3_bind_blob(handle, place(position), bytes.baseAddress, Int32(bytes.count), transient)
            }
        }
    }

    func bindNull(_ position: Int) {
        prepareToBind()
        sqlite3_bind_null(handle, place(position))
    }

    /// SQLite ignores bindings to a statement that stands on a row, so it is ended first.
    private func prepareToBind() {
        if isAtRow { reset() }
    }

    func run() throws -> Int {
        let code = sqlite3_step(handle)
        guard code == SQLITE_DONE || code == SQLITE_ROW else { throw failure() }
        let changes = Int(sqlite3_changes(sqlite3_db_handle(handle)))
        sqlite3_reset(handle)
        return changes
    }

    func step() throws -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW:
            isAtRow = true
            return true
        case SQLITE_DONE:
            reset()
            return false
        default: throw failure()
        }
    }

    func reset() {
        sqlite3_reset(handle)
        isAtRow = false
    }

    func integer(_ column: Int) -> Int64 { sqlite3_column_int64(handle, Int32(column)) }

    func isNull(_ column: Int) -> Bool { sqlite3_column_type(handle, Int32(column)) == SQLITE_NULL }

    func text(_ column: Int) -> String { withBytes(column) { String(decoding: $0, as: UTF8.self) } }

    func blob(_ column: Int) -> [UInt8] { withBytes(column) { Array($0) } }

    func value(_ column: Int) -> SQLValue {
        switch sqlite3_column_type(handle, Int32(column)) {
        case SQLITE_NULL: .null
        case SQLITE_INTEGER: .integer(integer(column))
        case SQLITE_BLOB: .blob(blob(column))
        default: .text(text(column))
        }
    }

    func withBytes<Result>(_ column: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result) rethrows -> Result {
        // A text is asked for as text, so that a number stored by another program reads the same.
        let start: UnsafeRawPointer? =
            sqlite3_column_type(handle, Int32(column)) == SQLITE_BLOB
            ? sqlite3_column_blob(handle, Int32(column))
            : UnsafeRawPointer(sqlite3_column_text(handle, Int32(column)))
        let count = Int(sqlite3_column_bytes(handle, Int32(column)))
        guard let start, count > 0 else { return try body(UnsafeBufferPointer(start: nil, count: 0)) }
        return try body(UnsafeBufferPointer(start: start.assumingMemoryBound(to: UInt8.self), count: count))
    }

    private func failure() -> DatabaseFailure {
        let connection = sqlite3_db_handle(handle)
        let code = sqlite3_extended_errcode(connection)
        let detail = String(cString: sqlite3_errmsg(connection))
        reset()
        return DatabaseFailure(code: code, detail: detail, path: path)
    }
}

/// Tells SQLite to copy what is bound (`SQLITE_TRANSIENT`, a macro that Swift can't see).
private let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

extension DatabaseFailure {
    init(_ error: DatabaseError, path: String) {
        self.init(code: error.extendedResultCode.rawValue, detail: error.message ?? "", path: path)
    }

    init(code: Int32, detail: String, path: String) {
        self =
            switch code & 0xff {
            case SQLITE_BUSY, SQLITE_LOCKED: .locked(seconds: SQLiteDatabase.secondsToWait)
            case SQLITE_FULL: .full
            case SQLITE_IOERR: .disk(detail: "\(detail), \(code)")
            case SQLITE_READONLY, SQLITE_PERM: .readOnly
            case SQLITE_CORRUPT: .corrupt(detail: detail)
            case SQLITE_NOTADB: .notAStore(path: path)
            case SQLITE_CONSTRAINT: .constraint(detail: detail)
            case SQLITE_CANTOPEN: .cannotOpen(path: path, detail: detail)
            default: .other(code: Int(code), detail: detail)
            }
    }
}
