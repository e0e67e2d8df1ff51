/// A connection inside one transaction. It is used by one thread and never outlives its closure.
package protocol SQLSession: AnyObject {
    /// Runs a statement and returns how many rows it changed.
    @discardableResult func execute(_ sql: SQL) throws -> Int

    /// Runs a statement whose answer nobody waits for: what is wrong with it is told by the commit at the latest.
    func run(_ sql: SQL) throws

    /// All rows of a query, for answers of a bounded size.
    func rows(_ sql: SQL) throws -> [SQLRow]

    /// A prepared statement, kept by its text for the life of the connection.
    func statement(_ text: String) throws -> any SQLStatement

    /// A statement for a query over many rows, which come a part at a time.
    func scan(_ text: String) throws -> any SQLStatement

    /// The tables of the store.
    func tableNames() throws -> [String]

    /// A table's columns in their order; the first is its key.
    func columnNames(of table: String) throws -> [String]

    var dialect: SQLDialect { get }

    /// Whether loops should look up a page of what they need at once, because each look-up waits for a server.
    var looksAhead: Bool { get }
}

extension SQLSession {
    package var looksAhead: Bool { false }

    /// Rows of a query about many keys, some hundred at a time.
    ///
    /// - Parameters:
    ///   - text: The query, given the places of the keys: `$2, $3, …`.
    ///   - first: The values of the places before those.
    package func rows(
        about keys: some Collection<SQLValue>, _ first: [SQLValue] = [], _ text: (String) -> String,
        visit: (SQLRow) throws -> Void
    ) throws {
        var rest = Array(keys)[...]
        while let last = rest.prefix(Self.mostKeysAtOnce).last {
            let some = Array(rest.prefix(Self.mostKeysAtOnce))
            // In a few sizes alone, so that each is prepared once.
            let count = Self.keysAtOnce.first { $0 >= some.count } ?? some.count
            let places = (first.count + 1...first.count + count).map { "$\($0)" }.joined(separator: ", ")
            let filled = some + [SQLValue](repeating: last, count: count - some.count)
            for row in try rows(SQL(text(places), first + filled)) { try visit(row) }
            rest = rest.dropFirst(some.count)
        }
    }

    private static var keysAtOnce: [Int] { [1, 8, 64, mostKeysAtOnce] }
    private static var mostKeysAtOnce: Int { 250 }

    /// The first row of a query, or `nil`.
    package func row(_ sql: SQL) throws -> SQLRow? { try rows(sql).first }
}

/// A prepared statement for loops: bind by position (from 1), then `run` or `step`.
///
/// Values stay bound until they are bound again. Columns are counted from 0.
package protocol SQLStatement: AnyObject, SQLColumns {
    func bind(_ position: Int, _ value: Int64)
    func bind(_ position: Int, text: String)
    func bind(_ position: Int, utf8 bytes: UnsafeBufferPointer<UInt8>)
    func bind(_ position: Int, blob: [UInt8])
    func bindNull(_ position: Int)

    /// Runs a statement without rows to its end and returns how many rows it changed.
    @discardableResult func run() throws -> Int

    /// Moves to the next row; `false` at the end, after which the statement can be used again.
    func step() throws -> Bool

    /// Ends a query before its last row.
    func reset()

    func integer(_ column: Int) -> Int64
    func isNull(_ column: Int) -> Bool
    func text(_ column: Int) -> String
    func blob(_ column: Int) -> [UInt8]
    func value(_ column: Int) -> SQLValue

    /// The bytes of a text or blob without a copy, valid within `body` only.
    func withBytes<Result>(_ column: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result) rethrows -> Result
}

extension SQLStatement {
    package func bind(_ position: Int, value: SQLValue) {
        switch value {
        case .null: bindNull(position)
        case .integer(let number): bind(position, number)
        case .text(let text): bind(position, text: text)
        case .blob(let bytes): bind(position, blob: bytes)
        }
    }

    package func optionalInteger(_ column: Int) -> Int64? { isNull(column) ? nil : integer(column) }
    package func optionalText(_ column: Int) -> String? { isNull(column) ? nil : text(column) }
}

/// An engine that runs closures in transactions. Closures are synchronous: nothing in them waits
/// for anything but the engine.
package protocol DatabaseEngine: Sendable {
    /// Runs `body` in a write transaction that is the only one at its time, and commits it.
    ///
    /// `body` gets the transaction to set savepoints in. Anything thrown rolls everything back.
    ///
    /// - Parameters:
    ///   - ahead: Questions that `body` will ask, so that a server is asked all of them at once.
    ///   - isThere: Asked of the store when the answer to the commit was lost: whether what was written is
    ///     there. What a server remembers of transactions is no witness: after a crash it gives their numbers again.
    func write<Result>(
        ahead: [Foreseen], _ body: (any WriteTransaction) throws -> Result,
        isThere: (any SQLSession) throws -> Bool
    ) throws -> Result

    /// Runs `body` on a snapshot of the last committed state.
    func read<Result>(_ body: (any SQLSession) throws -> Result) throws -> Result

    /// The file that holds the store; `nil` for a store on a server, beside which nothing can be kept.
    var file: String? { get }

    /// Waits until somebody may have committed something, at most so many seconds.
    func waitForChange(atMost seconds: Double)

    /// After large writes: brings what was committed to where it stays.
    func checkpoint() throws

    /// Ends all work; nothing can be read or written afterwards.
    func close() throws
}

extension DatabaseEngine {
    /// Writes what may be written again when nobody knows whether it is there.
    package func write<Result>(_ body: (any WriteTransaction) throws -> Result) throws -> Result {
        try write(ahead: [], body, isThere: { _ in false })
    }
}

package protocol WriteTransaction: AnyObject {
    var session: any SQLSession { get }

    /// Runs `body` so that what it wrote is undone when it throws, and the transaction goes on.
    func savepoint<Result>(_ body: () throws -> Result) throws -> Result
}
