internal import Database

/// A connection inside of one transaction.
final class PostgresSession: SQLSession {
    let connection: PostgresConnection
    /// Ends with the transaction: its cursors are gone then, and nothing may be sent for it.
    private(set) var isOpen = true
    private var cursors = 0
    /// What was gathered: of the transaction first, then of each savepoint within the one before it.
    private var spans = [Span()]
    private var foreseen: ForeseenAnswers

    /// What was gathered since a savepoint. The server hears of it only when something of it is sent: what is undone
    /// before that is merely forgotten.
    private struct Span {
        var queue = PostgresQueue()
        /// Whether the server knows the savepoint.
        var isSet = false
    }

    /// Whether nothing is written, so that what the server knows of its tables is so.
    private let isReading: Bool

    init(
        _ connection: PostgresConnection, foreseen: [(Foreseen, PostgresResult)] = [], isReading: Bool = false
    ) {
        self.connection = connection
        self.isReading = isReading
        self.foreseen = ForeseenAnswers(foreseen)
    }

    func close() { isOpen = false }

    var dialect: SQLDialect { .postgres }

    /// A wait for the server costs more than a look at a page of rows.
    var looksAhead: Bool { true }

    func execute(_ sql: SQL) throws -> Int {
        // What is undone needn't be done before.
        if sql.text.hasPrefix("ROLLBACK") { discard() } else { try setSavepoints() }
        if sql.text.hasPrefix("CREATE") { connection.tableOrder = nil }
        foreseen.forget(after: sql.text)
        return try connection.answer(to: sql.text, sql.values).changes
    }

    func run(_ sql: SQL) throws { try run(sql.text, sql.values) }

    func rows(_ sql: SQL) throws -> [SQLRow] {
        let result = try ask(sql)
        return (0..<result.count).map { row in
            SQLRow(values: (0..<result.columns).map { result.value(row, $0) })
        }
    }

    /// Asks a question, unless its answer is known: first sends what was gathered for the tables that it reads.
    fileprivate func ask(_ question: SQL) throws -> PostgresResult {
        if let known = foreseen.answer(question) { return known }
        try flushWhatIsRead(by: question.text)
        return try connection.answer(to: question.text, question.values)
    }

    fileprivate func flushWhatIsRead(by text: String) throws {
        guard text.hasPrefix("SELECT") || text.hasPrefix("WITH") else { return try setSavepoints() }
        if spans.contains(where: { $0.queue.isTouched(by: connection.words(of: text)) }) { try flush() }
    }

    func statement(_ text: String) throws -> any SQLStatement { PostgresStatement(text, self, readsInParts: false) }

    func scan(_ text: String) throws -> any SQLStatement { PostgresStatement(text, self, readsInParts: true) }

    // MARK: Savepoints

    func beginSpan() { spans.append(Span()) }

    /// What was gathered since the savepoint belongs to what was before it.
    func keepSpan() throws {
        if spans[spans.count - 1].isSet {
            try flush()
            // What was sent without waiting is answered before the savepoint is given up.
            try connection.run("RELEASE SAVEPOINT p\(spans.count - 1)")
            spans.removeLast()
        } else {
            let last = spans.removeLast()
            spans[spans.count - 1].queue.add(last.queue)
            keptSpans += 1
        }
    }

    /// Savepoints that were kept since anything was sent.
    private var keptSpans = 0

    /// Sends what was kept of savepoints once there are as many as a statement has rows, so that the server is at it while
    /// more is made.
    func sendKept() throws {
        guard spans.count == 1, keptSpans >= PostgresQueue.Insert.rowsAtOnce[0] else { return }
        try flush()
        try connection.push()
    }

    func undoSpan() throws {
        let last = spans.removeLast()
        guard last.isSet else { return }
        try connection.run("ROLLBACK TO SAVEPOINT p\(spans.count)")
        try connection.run("RELEASE SAVEPOINT p\(spans.count)")
    }

    /// Before something changes that isn't gathered.
    private func setSavepoints() throws {
        try flush()
        for index in 1..<max(spans.count, 1) where !spans[index].isSet { try setSavepoint(index) }
    }

    private func setSavepoint(_ index: Int) throws {
        if connection.isPipelined {
            try connection.send("SAVEPOINT p\(index)", [])
        } else {
            try connection.run("SAVEPOINT p\(index)")
        }
        spans[index].isSet = true
    }

    // MARK: What nobody waits for

    private static let mostQueued = 4096
    /// Fewer rows than this are sent some at a time: a COPY waits for the server twice.
    private static let worthACopy = 512

    /// Runs a statement whose answer nobody waits for: at the next one that somebody waits for, or when many are there.
    func run(_ text: String, _ values: [SQLValue]) throws {
        guard connection.isPipelined else {
            try setSavepoints()
            _ = try connection.answer(to: text, values)
            return
        }
        if let insert = connection.insert(text) {
            foreseen.forget(insert, values)
            spans[spans.count - 1].queue.add(insert, values)
        } else if let table = connection.changedTable(text) {
            foreseen.forget(after: text)
            spans[spans.count - 1].queue.add(change: text, of: table, values)
        } else {
            foreseen.forget(after: text)
            try setSavepoints()
            return try connection.send(text, values)
        }
        if spans[spans.count - 1].queue.count >= Self.mostQueued { try flush() }
    }

    /// Sends everything that was gathered.
    func flush() throws {
        keptSpans = 0
        guard let last = spans.lastIndex(where: { $0.queue.count > 0 }) else { return }
        for index in 0...last {
            if index > 0, !spans[index].isSet { try setSavepoint(index) }
            let queue = spans[index].queue
            spans[index].queue = PostgresQueue()
            try send(queue)
        }
    }

    private func send(_ queue: PostgresQueue) throws {
        guard queue.count > 0 else { return }
        let order = queue.rows.count > 1 ? try connection.orderOfTables() : [:]
        let tables = queue.rows.keys.sorted {
            (order[$0.table] ?? .max, $0.table, $0.text) < (order[$1.table] ?? .max, $1.table, $1.text)
        }
        if queue.rowCount >= Self.worthACopy {
            try connection.outsideOfPipeline {
                for insert in tables {
                    let rows = queue.rows[insert] ?? []
                    try connection.copy(
                        "COPY \(insert.table) (\(insert.columns)) FROM STDIN", PostgresQueue.copyText(rows))
                    try connection.noteRows(rows.count, of: insert.table)
                }
            }
        } else {
            for insert in tables {
                let rows = queue.rows[insert] ?? []
                try send(rows, insert)
                try connection.noteRows(rows.count, of: insert.table)
            }
        }
        for change in queue.changes { try connection.send(change.text, change.values) }
    }

    private func send(_ rows: [[SQLValue]], _ insert: PostgresQueue.Insert) throws {
        var rest = rows[...]
        for count in PostgresQueue.Insert.rowsAtOnce {
            while rest.count >= count {
                let some = rest.prefix(count)
                rest = rest.dropFirst(count)
                // Of one row the server finds out by itself what each place is.
                let types = count == 1 ? nil : try connection.types(of: insert)
                try connection.send(
                    insert.text(rows: count), some.flatMap { $0 },
                    types: types.map { types in
                        (0..<count).flatMap { _ in types }
                    })
            }
        }
    }

    /// Forgets what was gathered and not sent.
    func discard() { for index in spans.indices { spans[index].queue = PostgresQueue() } }

    func tableNames() throws -> [String] {
        try rows(
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1"
        ).map { $0.text(0) }
    }

    func columnNames(of table: String) throws -> [String] {
        try rows(
            """
            SELECT column_name::text FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = \(table) ORDER BY ordinal_position
            """
        ).map { $0.text(0) }
    }

    /// Opens a cursor for a query over many rows, which may read whole tables.
    ///
    /// - Returns: Its name.
    fileprivate func declareCursor(_ text: String, _ values: [SQLValue]) throws -> String {
        try flush()
        cursors += 1
        if isReading { try connection.send(PostgresConnection.planning(byKeys: false), []) }
        _ = try connection.answer(
            to: "DECLARE c\(cursors) NO SCROLL CURSOR FOR \(text)", values, isKept: false)
        if isReading { try connection.send(PostgresConnection.planning(byKeys: true), []) }
        return "c\(cursors)"
    }
}

/// A statement with its values, and the rows that it answered with.
final class PostgresStatement: SQLStatement {
    private let text: String
    private let session: PostgresSession
    /// Whether rows come through a cursor, some thousands at a time.
    private let readsInParts: Bool
    private var values: [SQLValue] = []
    private var result: PostgresResult?
    private var row = -1
    private var cursor: String?

    private static let rowsInPart = 4096

    init(_ text: String, _ session: PostgresSession, readsInParts: Bool) {
        self.text = text
        self.session = session
        self.readsInParts = readsInParts
    }

    deinit { reset() }

    private func set(_ position: Int, _ value: SQLValue) {
        if result != nil { reset() }
        while values.count < position { values.append(.null) }
        values[position - 1] = value
    }

    func bind(_ position: Int, _ value: Int64) { set(position, .integer(value)) }
    func bind(_ position: Int, text: String) { set(position, .text(text)) }
    func bind(_ position: Int, utf8 bytes: UnsafeBufferPointer<UInt8>) {
        set(position, .text(String(decoding: bytes, as: UTF8.self)))
    }
    func bind(_ position: Int, blob: [UInt8]) { set(position, .blob(blob)) }
    func bindNull(_ position: Int) { set(position, .null) }

    /// Sent without waiting; what is wrong with it is told at the next answer.
    func run() throws -> Int {
        try session.run(text, values)
        return 1
    }

    func step() throws -> Bool {
        if result == nil {
            if readsInParts {
                cursor = try session.declareCursor(text, values)
                try fetch()
            } else {
                result = try session.ask(SQL(text, values))
                row = -1
            }
        }
        row += 1
        if let result, row < result.count { return true }
        if cursor != nil, result?.count == Self.rowsInPart {
            try fetch()
            row = 0
            if let result, result.count > 0 { return true }
        }
        reset()
        return false
    }

    private func fetch() throws {
        guard let cursor else { return }
        result = try session.connection.answer(to: "FETCH FORWARD \(Self.rowsInPart) FROM \(cursor)", [], isKept: false)
        row = -1
    }

    func reset() {
        result = nil
        row = -1
        guard let name = cursor else { return }
        cursor = nil
        // Closing is a courtesy: the transaction's end does it too.
        if session.isOpen { _ = try? session.connection.answer(to: "CLOSE \(name)", [], isKept: false) }
    }

    func integer(_ column: Int) -> Int64 { result?.integer(row, column) ?? 0 }
    func isNull(_ column: Int) -> Bool { result?.isNull(row, column) ?? true }
    func text(_ column: Int) -> String { withBytes(column) { String(decoding: $0, as: UTF8.self) } }
    func blob(_ column: Int) -> [UInt8] { withBytes(column) { Array($0) } }
    func value(_ column: Int) -> SQLValue { result?.value(row, column) ?? .null }

    func withBytes<Answer>(_ column: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> Answer) rethrows -> Answer {
        guard let result, !result.isNull(row, column) else {
            return try body(UnsafeBufferPointer(start: nil, count: 0))
        }
        return try result.withBytes(row, column, body)
    }
}
