internal import CCrypto
internal import CPQ
internal import Database
internal import Foundation

/// One connection to a server, used by one thread at a time.
///
/// Statements are prepared once. Inside of a write transaction, statements whose answer nobody needs are sent
/// without waiting (libpq's pipeline), because a wait costs more than the work: what is wrong with one of them is
/// told at the next answer, at the latest before the commit.
final class PostgresConnection {
    private let handle: OpaquePointer?
    private let address: PostgresAddress
    private var names: [String: String] = [:]
    /// Texts whose preparation was sent and not answered yet: an error before it undoes it.
    private var unconfirmed: [String] = []
    private var preparedCount = 0
    private(set) var isPipelined = false
    /// Places of tables behind those that they name; `nil` when it has to be asked for.
    var tableOrder: [String: Int]?
    /// Commands that were sent and not answered yet.
    private var pending = 0
    private static let mostPending = 256

    init(_ address: PostgresAddress) throws {
        self.address = address
        huikuan_keep_crypto()
        var made = Self.connect(address.connection)
        // A server that has no place for another client has one a moment later.
        for attempt in 0..<PostgresDatabase.secondsToWait * 5 {
            guard PQstatus(made) != CONNECTION_OK, Self.isCrowded(made) else { break }
            PQfinish(made)
            usleep(UInt32(100_000 + 37_000 * (attempt % 5)))
            made = Self.connect(address.connection)
        }
        handle = made
        guard PQstatus(handle) == CONNECTION_OK else {
            let detail = String(cString: PQerrorMessage(handle))
            throw DatabaseFailure.cannotOpen(path: address.shown, detail: Self.oneLine(detail))
        }
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
        PQsetClientEncoding(handle, "UTF8")
        // An acknowledged act survives a power cut, whatever the server's own default is. A client that died without a
        // word gives the head back: its connection is found dead within half a minute, and one that only hangs within
        // ten. Look-ups go from key to key, also in tables that the server has no statistics of: it takes one of a single
        // row for one of a thousand, and then reads the whole of the other one. What it compiles for a query takes longer
        // than all of ours.
        try run(
            """
            SET application_name = 'huikuan \(address.schema)'; SET synchronous_commit = on;
            SET search_path = "\(address.schema)"; SET bytea_output = hex; SET jit = off;
            SET random_page_cost = 1.1; \(Self.byKeys.map { "SET \($0) = \($1)" }.joined(separator: "; "));
            SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;
            SET idle_in_transaction_session_timeout = '10min'; SET statement_timeout = '30min'
            """)
    }

    /// How queries are planned whose answers are of a bounded size: from key to key, and once for all values. To plan a
    /// look-up takes longer than to make it.
    private static let byKeys = [
        ("enable_seqscan", "off"), ("enable_hashjoin", "off"), ("enable_mergejoin", "off"),
        ("plan_cache_mode", "force_generic_plan"),
    ]

    /// Has queries planned that read whole tables, for the rest of a transaction; and back again.
    static func planning(byKeys isByKeys: Bool) -> String {
        let settings = byKeys.map { name, value in
            "set_config('\(name)', '\(isByKeys ? value : value == "off" ? "on" : "auto")', true)"
        }
        return "SELECT " + settings.joined(separator: ", ")
    }

    /// Whether the server refused a connection only because it has enough of them.
    private static func isCrowded(_ handle: OpaquePointer?) -> Bool {
        // libpq tells no code for what fails while connecting.
        let said = String(cString: PQerrorMessage(handle))
        return said.contains("too many clients") || said.contains("remaining connection slots")
            || said.contains("too many connections")
    }

    /// Connects with times of our own where the address names none.
    private static func connect(_ address: String) -> OpaquePointer? {
        let defaults = [
            ("connect_timeout", "15"), ("keepalives_idle", "15"), ("keepalives_interval", "5"),
            ("keepalives_count", "3"),
            ("tcp_user_timeout", "30000"),
            // Kerberos is asked of nobody who doesn't ask for it: its library can't be used any more while a process ends.
            ("gssencmode", "disable"), ("dbname", address),
        ]
        let copies = defaults.map { (strdup($0.0), strdup($0.1)) }
        defer {
            for (name, value) in copies {
                free(name)
                free(value)
            }
        }
        let names = copies.map { UnsafePointer<CChar>($0.0) } + [nil]
        let values = copies.map { UnsafePointer<CChar>($0.1) } + [nil]
        // Later ones win, so the address is last.
        return PQconnectdbParams(names, values, 1)
    }

    deinit { PQfinish(handle) }

    var isAlive: Bool { PQstatus(handle) == CONNECTION_OK }

    /// Whether it can be used again: alive, and in the middle of nothing but the end of a reading.
    var isIdle: Bool {
        guard isAlive else { return false }
        if isEnding { return true }
        return !isPipelined && PQtransactionStatus(handle) == PQTRANS_IDLE
            && PQpipelineStatus(handle) == PQ_PIPELINE_OFF
    }

    /// Whether the end of a reading was sent and its answer not read yet.
    private var isEnding = false

    /// Whether a kept connection still leads to the server; hears what it said since.
    var isUsable: Bool {
        if isEnding {
            isEnding = false
            do {
                try readPending()
                _ = try next()
            } catch {
                // What there is to do about it is to have another connection.
                leavePipeline()
                return false
            }
            leavePipeline()
        }
        // A server that went away has closed its side.
        var descriptor = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
        // Its last words come before that.
        for _ in 0..<10 where isAlive && poll(&descriptor, 1, 0) > 0 { PQconsumeInput(handle) }
        return isIdle
    }

    // MARK: Reading

    /// Starts a transaction that reads one state of the store.
    func beginReading() throws {
        firstFailure = nil
        beginPipeline()
        try send("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", [])
    }

    /// Ends it without waiting: whoever uses the connection next hears of it.
    func endReading() throws {
        try dispatch("COMMIT", [])
        guard PQpipelineSync(handle) == 1 else { throw lost() }
        isEnding = true
    }

    /// What went wrong first in the transaction; the server only repeats that it can't go on.
    private var firstFailure: DatabaseFailure?

    /// Starts a transaction and a pipeline with it: all is sent at once and answered at once.
    func begin(_ questions: [SQL]) throws -> [PostgresResult] {
        firstFailure = nil
        rowsOfTransaction = 0
        toAnalyse = []
        beginPipeline()
        do {
            return try answers(to: questions)
        } catch {
            recover()
            throw error
        }
    }

    /// Waits until the server tells of what was asked for by LISTEN, or the time is over.
    ///
    /// - Throws: `cannotOpen` when the connection is lost.
    func waitForNotice(atMost seconds: Double) throws {
        var descriptor = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
        _ = poll(&descriptor, 1, Int32(seconds * 1000))
        guard PQconsumeInput(handle) == 1, isAlive else { throw lost() }
        while let notice = PQnotifies(handle) { PQfreemem(notice) }
    }

    /// Commits and leaves the pipeline, with one wait for all that was sent.
    ///
    /// - Throws: What went wrong in the transaction, also when whoever was told kept it to themselves: the server
    ///   answers a commit of what failed with a rollback.
    func commit() throws {
        if !isPipelined { beginPipeline() }
        try dispatch("COMMIT", [])
        guard PQpipelineSync(handle) == 1 else { throw lost() }
        let tag: String
        do {
            try readPending()
            tag = try next().tag
        } catch {
            leavePipeline()
            throw error
        }
        leavePipeline()
        guard tag == "COMMIT" else {
            throw firstFailure ?? DatabaseFailure.other(code: 25, detail: "the transaction had failed")
        }
    }

    /// Reads on to the synchronisation that was sent, and leaves the pipeline.
    private func leavePipeline() {
        forgetUnconfirmed()
        drain()
        pending = 0
        PQexitPipelineMode(handle)
        isPipelined = false
    }

    /// Runs a statement of the program's own, without values.
    func run(_ text: String) throws {
        if isPipelined {
            _ = try answer(to: text, [])
        } else {
            _ = try check(PQexec(handle, text))
        }
    }

    private var inserts: [String: PostgresQueue.Insert?] = [:]
    /// Tables of changes that may be gathered, by their text.
    private var changes: [String: String?] = [:]
    private var types: [PostgresQueue.Insert: [Oid]] = [:]

    /// A text as an INSERT of nothing but values, if it is one.
    func insert(_ text: String) -> PostgresQueue.Insert? {
        if let known = inserts[text] { return known }
        let insert = PostgresQueue.Insert(text)
        inserts[text] = .some(insert)
        return insert
    }

    /// The table of a change that may be gathered.
    func changedTable(_ text: String) -> String? {
        if let known = changes[text] { return known }
        let table = PostgresQueue.changedTable(text)
        changes[text] = .some(table)
        return table
    }

    /// The types of an insert's columns.
    func types(of insert: PostgresQueue.Insert) throws -> [Oid] {
        if let known = types[insert] { return known }
        let result = try answer(
            to:
                "SELECT attname::text, atttypid::bigint FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0",
            [.text(insert.table)])
        let found = Dictionary(
            (0..<result.count).map { (result.text($0, 0), Oid(result.integer($0, 1))) }, uniquingKeysWith: { $1 })
        let all = insert.names.map { found[$0] ?? 0 }
        types[insert] = all
        return all
    }

    private var knownWords: [String: Set<String>] = [:]

    /// The words of a statement that is asked again and again.
    func words(of text: String) -> Set<String> {
        if let known = knownWords[text] { return known }
        let words = PostgresQueue.words(of: text)
        if knownWords.count > 2_000 { knownWords = [:] }
        knownWords[text] = words
        return words
    }

    // MARK: The pipeline

    func beginPipeline() { isPipelined = PQenterPipelineMode(handle) == 1 }

    /// Waits for all answers and leaves the pipeline.
    func endPipeline() throws {
        guard isPipelined else { return }
        defer { isPipelined = false }
        guard isAlive else { throw lost() }
        var failure: DatabaseFailure?
        do { try settle() } catch let found as DatabaseFailure { failure = found }
        PQpipelineSync(handle)
        drain()
        PQexitPipelineMode(handle)
        if let failure { throw failure }
    }

    /// Runs `body`, which needs to be alone with the server, after everything that was sent is answered.
    func outsideOfPipeline(_ body: () throws -> Void) throws {
        // Also after a failure: whoever goes back to a savepoint does it within the pipeline.
        defer { if isAlive { beginPipeline() } }
        try endPipeline()
        try body()
    }

    /// How many rows a table has, as far as we sent them, and how many its statistics know of.
    private var grown: [String: (rows: Int, known: Int)] = [:]
    private static let rowsWorthStatistics = 100

    /// Has the server look at a table again that has grown tenfold: by the statistics of before a large import, which
    /// nobody else sees yet, it would read whole tables for every look-up.
    ///
    /// What follows in a large transaction needs it at once; after a small one nobody waits for the head while it is done.
    func noteRows(_ rows: Int, of table: String) throws {
        rowsOfTransaction += rows
        var sum = try grown[table] ?? knownRows(of: table)
        sum.rows += rows
        if sum.rows >= max(Self.rowsWorthStatistics, sum.known * 10) {
            if rowsOfTransaction >= Self.largeTransaction {
                try run("ANALYZE \(table)")
                sum.known = sum.rows
            } else {
                toAnalyse.insert(table)
            }
        }
        grown[table] = sum
    }

    private var rowsOfTransaction = 0
    private static let largeTransaction = 1_000
    private var toAnalyse: Set<String> = []

    /// Looks at tables that grew, after a commit. What something else holds just now is left to the server.
    func analyseGrown() {
        for table in toAnalyse.sorted() {
            try? run("ANALYZE (SKIP_LOCKED) \(table)")
            if let rows = grown[table]?.rows { grown[table]?.known = rows }
        }
        toAnalyse = []
    }

    private func knownRows(of table: String) throws -> (rows: Int, known: Int) {
        let result = try answer(
            to: "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = to_regclass($1)", [.text(table)])
        let known = result.count > 0 ? Int(result.integer(0, 0)) : 0
        return (known, known)
    }

    /// Sends rows by COPY.
    func copy(_ text: String, _ bytes: [UInt8]) throws {
        guard let start = PQexec(handle, text) else { throw lost() }
        guard PQresultStatus(start) == PGRES_COPY_IN else {
            let failure = self.failure(start)
            PQclear(start)
            throw failure
        }
        PQclear(start)
        let isSent = bytes.withUnsafeBytes { buffer in
            let base = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            // In parts, so that libpq needn't hold all of it.
            return stride(from: 0, to: buffer.count, by: 1 << 18).allSatisfy { offset in
                PQputCopyData(handle, base.map { $0 + offset }, Int32(min(1 << 18, buffer.count - offset))) == 1
            }
        }
        guard isSent, PQputCopyEnd(handle, nil) == 1 else { throw lost() }
        let end = PQgetResult(handle)
        while let more = PQgetResult(handle) { PQclear(more) }
        guard let end else { throw lost() }
        _ = try check(end)
    }

    /// Where each table stands when rows of several are sent: behind those that it names.
    func orderOfTables() throws -> [String: Int] {
        if let tableOrder { return tableOrder }
        let result = try answer(
            to: """
                SELECT c.relname::text, f.relname::text FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
                  JOIN pg_class f ON f.oid = k.confrelid
                 WHERE k.contype = 'f' AND c.oid <> f.oid AND c.relnamespace = to_regnamespace(current_schema()::text)
                """, [])
        let order = PostgresQueue.order((0..<result.count).map { (result.text($0, 0), result.text($0, 1)) })
        tableOrder = order
        return order
    }

    /// Sends a statement without waiting for its answer.
    ///
    /// - Parameter types: Of its places, where the server can't find them out.
    func send(_ text: String, _ values: [SQLValue], types: [Oid]? = nil) throws {
        guard isPipelined else {
            _ = try answer(to: text, values, types: types)
            return
        }
        try dispatch(text, values, types: types)
        pending += 1
        if pending >= Self.mostPending { try settle() }
    }

    /// Has the server begin with what was sent, which libpq would gather for longer.
    func push() throws {
        guard PQflush(handle) >= 0 else { throw lost() }
    }

    /// Sends a statement and waits for its answer, and for those before it.
    ///
    /// - Parameter isKept: Whether the statement stays prepared for the next time.
    func answer(
        to text: String, _ values: [SQLValue], isKept: Bool = true, types: [Oid]? = nil
    ) throws -> PostgresResult {
        guard isPipelined else {
            let name = try prepare(text, values, isKept, types)
            return try Parameters(values).use { count, texts, lengths, formats in
                try check(PQexecPrepared(handle, name, count, texts, lengths, formats, 0))
            }
        }
        if text.hasPrefix("ROLLBACK") {
            // What was sent before and failed is undone with the rest.
            try? settle()
            let failure = firstFailure
            firstFailure = nil
            do {
                return try answers(to: [SQL(text, values)])[0]
            } catch {
                recover()
                // What failed did so before the savepoint: it is not undone, and is what went wrong.
                firstFailure = failure ?? firstFailure
                throw firstFailure ?? error
            }
        }
        try dispatch(text, values, isKept)
        do {
            guard PQsendFlushRequest(handle) == 1, PQflush(handle) >= 0 else { throw lost() }
            try readPending()
            return try next()
        } catch {
            recover()
            throw error
        }
    }

    private func dispatch(
        _ text: String, _ values: [SQLValue], _ isKept: Bool = true, types: [Oid]? = nil
    ) throws {
        let name = try prepare(text, values, isKept, types)
        let isSent = Parameters(values).use { count, texts, lengths, formats in
            PQsendQueryPrepared(handle, name, count, texts, lengths, formats, 0)
        }
        guard isSent == 1 else { throw lost() }
    }

    /// Sends statements and waits once for the answers of all, and for those before them. Whoever calls recovers.
    private func answers(to questions: [SQL]) throws -> [PostgresResult] {
        try settle()
        var isAnswer: [Bool] = []
        for question in questions {
            let before = pending
            try dispatch(question.text, question.values)
            isAnswer += [Bool](repeating: false, count: pending - before) + [true]
        }
        pending = 0
        guard PQsendFlushRequest(handle) == 1, PQflush(handle) >= 0 else { throw lost() }
        var answers: [PostgresResult] = []
        for isKept in isAnswer {
            let answer = try next()
            if isKept { answers.append(answer) }
        }
        unconfirmed.removeAll(keepingCapacity: true)
        return answers
    }

    /// Reads the answers of all pending commands.
    private func settle() throws {
        guard pending > 0 else { return }
        guard PQsendFlushRequest(handle) == 1, PQflush(handle) >= 0 else { throw lost() }
        do {
            try readPending()
        } catch {
            recover()
            throw error
        }
    }

    private func readPending() throws {
        while pending > 0 {
            pending -= 1
            _ = try next()
        }
        unconfirmed.removeAll(keepingCapacity: true)
    }

    /// The answer of the next command, and the mark behind it.
    private func next() throws -> PostgresResult {
        guard let result = PQgetResult(handle) else { throw lost() }
        let status = PQresultStatus(result)
        // Behind each answer stands a null.
        while let more = PQgetResult(handle) { PQclear(more) }
        guard status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK else {
            let failure = self.failure(result)
            PQclear(result)
            throw failure
        }
        return PostgresResult(result)
    }

    /// After an error the server passes over everything up to a synchronisation.
    private func recover() {
        forgetUnconfirmed()
        guard isPipelined, isAlive else { return }
        PQpipelineSync(handle)
        drain()
        pending = 0
    }

    private func forgetUnconfirmed() {
        for text in unconfirmed { names[text] = nil }
        unconfirmed.removeAll()
    }

    private func drain() {
        var silence = 0
        while isAlive, silence < 4 {
            guard let result = PQgetResult(handle) else {
                silence += 1
                continue
            }
            silence = 0
            let status = PQresultStatus(result)
            PQclear(result)
            if status == PGRES_PIPELINE_SYNC { return }
        }
    }

    // MARK: Statements

    private func prepare(
        _ text: String, _ values: [SQLValue], _ isKept: Bool, _ known: [Oid]? = nil
    ) throws -> String {
        if isKept, let name = names[text] { return name }
        if isKept { preparedCount += 1 }
        let name = isKept ? "s\(preparedCount)" : ""
        let types =
            known
            ?? values.map { value -> Oid in
                switch value {
                case .null: 0
                case .integer: 20
                case .text: 25
                case .blob: 17
                }
            }
        if isPipelined {
            guard PQsendPrepare(handle, name, text, Int32(types.count), types) == 1 else { throw lost() }
            pending += 1
            if isKept { unconfirmed.append(text) }
        } else {
            _ = try check(PQprepare(handle, name, text, Int32(types.count), types))
        }
        if isKept { names[text] = name }
        return name
    }

    /// Whether the schema is there and has anything in it.
    var hasTables: Bool {
        get throws {
            let query = "SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace($1) LIMIT 1"
            return try answer(to: query, [.text(address.schema)]).count > 0
        }
    }

    private func check(_ result: OpaquePointer?) throws -> PostgresResult {
        let status = PQresultStatus(result)
        guard status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK else {
            let failure = self.failure(result)
            PQclear(result)
            throw failure
        }
        return PostgresResult(result)
    }

    // MARK: Failures

    private func lost() -> DatabaseFailure {
        .cannotOpen(path: address.shown, detail: Self.oneLine(String(cString: PQerrorMessage(handle))))
    }

    private func failure(_ result: OpaquePointer?) -> DatabaseFailure {
        guard isAlive else { return lost() }
        let state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) } ?? ""
        let primary = PQresultErrorField(result, Int32(UInt8(ascii: "M"))).map { String(cString: $0) } ?? ""
        let message = primary.isEmpty ? Self.oneLine(String(cString: PQresultErrorMessage(result))) : primary
        if state == "25P02", let firstFailure { return firstFailure }
        let failure = Self.failure(state, message, address)
        if firstFailure == nil { firstFailure = failure }
        return failure
    }

    private static func failure(_ state: String, _ message: String, _ address: PostgresAddress) -> DatabaseFailure {
        switch state.prefix(2) {
        case "23": return .constraint(detail: message)
        case "08", "57": return .cannotOpen(path: address.shown, detail: message)
        case "53": return state == "53100" ? .full : .other(code: 53, detail: message)
        case "55", "40": return .locked(seconds: PostgresDatabase.secondsToWait)
        case "25": return state == "25006" ? .readOnly : .other(code: 25, detail: message)
        case "XX": return .corrupt(detail: message)
        default: return .other(code: Int(state) ?? 0, detail: "\(message) [\(state)]")
        }
    }

    private static func oneLine(_ text: String) -> String {
        let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        // It becomes a part of a sentence.
        return String(line.reversed().drop { ".?! ".contains($0) }.reversed())
    }
}

/// Values as libpq wants them: pointers to texts, lengths and formats.
private struct Parameters {
    private var bytes: [UInt8] = []
    private var offsets: [Int] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []

    init(_ values: [SQLValue]) {
        bytes.reserveCapacity(values.count * 16)
        for value in values {
            var format: Int32 = 0
            offsets.append(bytes.count)
            let start = bytes.count
            switch value {
            case .null: offsets[offsets.count - 1] = -1
            case .integer(let number): bytes.append(contentsOf: String(number).utf8)
            case .text(let text): bytes.append(contentsOf: text.utf8)
            case .blob(let blob):
                bytes.append(contentsOf: blob)
                format = 1
            }
            lengths.append(Int32(bytes.count - start))
            formats.append(format)
            bytes.append(0)
        }
    }

    func use<Answer>(
        _ body: (Int32, [UnsafePointer<CChar>?], [Int32], [Int32]) throws -> Answer
    ) rethrows -> Answer {
        try bytes.withUnsafeBytes { buffer in
            let base = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            let texts = offsets.map { offset -> UnsafePointer<CChar>? in offset < 0 ? nil : base.map { $0 + offset } }
            return try body(Int32(offsets.count), texts, lengths, formats)
        }
    }
}
