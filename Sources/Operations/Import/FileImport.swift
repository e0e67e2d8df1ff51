internal import Database
package import Formats
internal import Foundation
package import Ledger
package import Receivables

/// Imports one exchange file: all of it or nothing, or with `takesGoodLines` the good lines.
///
/// The file is read twice. First outside of the store's lock, to recognise its encoding, to hash it
/// and to find what is wrong with the cells; then inside, line by line, against the books. Memory
/// is bounded whatever the size of the file.
package struct FileImport: Sendable {
    package enum Source: Sendable {
        case file(path: String)
        case text(String)
    }

    package struct Options: Sendable {
        /// Goes the whole way and rolls back.
        package var isDryRun = false
        /// Takes good lines and reports the others (`--partial`).
        package var takesGoodLines = false
        /// Lets differing customers and contacts become new versions (`--update`).
        package var updates = false
        /// The file holds all that came to the bank up to this day (`--through`).
        package var through: LocalDate?

        package init() {}
    }

    /// Faults kept for the answer; further ones are counted.
    package static let faultsKept = 1000

    package let kind: ImportKind
    package let source: Source
    package var mapping: ImportMapping
    package var options: Options
    /// The command's name where it isn't a file that is imported: a record typed by hand is read the same way.
    package var command: String?
    /// The key of the form that it comes from, so that a form sent twice does one thing.
    package var key: String?
    /// What a token narrows its holder to; `nil` narrows nothing.
    package var narrowedTo: Set<Permission>?
    /// What its sender is believed to be allowed; `nil` where it was asked for.
    package var belief: Belief?
    /// The number of the request that it came with, for the log.
    package var trace: String?
    /// Told the share of the work done, 0 … 1.
    package var onProgress: (@Sendable (Double) -> Void)?
    /// Told each rejected line's cells and its faults, and the header first (with no faults).
    package var onRejected: (@Sendable ([String], [LineFault]) -> Void)?

    package init(
        _ kind: ImportKind, _ source: Source, mapping: ImportMapping = ImportMapping(), options: Options = Options()
    ) {
        self.kind = kind
        self.source = source
        self.mapping = mapping
        self.options = options
    }

    package struct Result: Sendable {
        package let report: ImportReport
        package let faults: [LineFault]
        package let act: Int64?
    }

    /// - Throws: `ImportRejected` with all faults when lines are wrong and `takesGoodLines` is not set;
    ///   `DatabaseFailure` when the store can't be written.
    package func run(
        in store: Store, actor: Actor, source origin: String, now: Instant, today: LocalDate
    ) async throws -> Result {
        let asksAhead = store.engine.file == nil
        // What was typed is looked at sooner than another thread would come to it.
        let examined = try isShort ? examine(asksAhead) : await Beside.run { try examine(asksAhead) }
        var request = ActRequest(
            command: command ?? "import-\(kind.rawValue)", actor: actor, source: origin, key: key,
            input: input(examined), now: now, today: today)
        request.narrowedTo = narrowedTo
        request.belief = belief
        request.trace = trace
        let outcome = Outcome()
        do {
            let written = try await store.write(request, foreseeing: examined.foreseen) { books in
                let (report, faults) = try register(in: books, examined)
                outcome.keep(report, faults)
                if report.rejected > 0, !options.takesGoodLines { throw ImportRejected(report: report, faults: faults) }
                if options.isDryRun { throw RolledBack() }
                return report
            }
            return Result(report: written.outcome, faults: outcome.faults, act: written.act)
        } catch is RolledBack {
            return Result(report: outcome.report ?? ImportReport(kind: kind), faults: outcome.faults, act: nil)
        }
    }

    /// What was asked for: the file's content, and how it was to be read.
    private func input(_ examined: Examined) -> [UInt8] {
        let how =
            "\(mapping.canonicalText)|\(options.takesGoodLines)|\(options.updates)|\(options.through?.description ?? "")"
        return examined.hash + Array(how.utf8)
    }

    /// The way out of a dry run.
    private struct RolledBack: Error {}

    /// What the closure found out, also when it is rolled back.
    private final class Outcome: @unchecked Sendable {
        // Written by the writer's thread before it answers, read after the answer.
        private(set) var report: ImportReport?
        private(set) var faults: [LineFault] = []

        func keep(_ report: ImportReport, _ faults: [LineFault]) {
            self.report = report
            self.faults = faults
        }
    }

    // MARK: Outside of the lock

    private struct Examined: Sendable {
        let encoding: TextEncoding
        let hash: [UInt8]
        let size: Int
        let layout: LineReader.Layout
        /// All lines of a short text without a fault in their form, so that it needn't be read again.
        let lines: [KeptLine]?
        let foreseen: [Foreseen]
    }

    /// A line's cells and its number.
    private typealias KeptLine = (line: Int, fields: [[UInt8]])

    private var isShort: Bool {
        if case .text(let text) = source { text.utf8.count <= Self.shortText } else { false }
    }

    private static let shortText = 4_096

    /// - Parameter asksAhead: Whether to say what the first lines will ask.
    private func examine(_ asksAhead: Bool) throws -> Examined {
        let hash = SHA256()
        var size = 0
        do {
            var hasMark = false
            let recognised = try TextEncoding.recognise(
                try bytes(), said: try isWorkbook() ? nil : mapping.encoding,
                alternative: { () throws(ByteSourceFault) in try bytes() }
            ) { part in
                if size == 0 { hasMark = part.starts(with: [0xEF, 0xBB, 0xBF]) }
                hash.update(part)
                size += part.count
            }
            let isSaid = try mapping.encoding == .gb18030 && !hasMark && !isWorkbook()
            let encoding = isSaid ? .gb18030 : recognised
            let digest = hash.finish()
            let found = try checkCells(encoding, size, asksAhead: asksAhead && size <= Self.shortText)
            return Examined(
                encoding: encoding, hash: digest, size: size, layout: found.layout, lines: found.lines,
                foreseen: found.foreseen)
        } catch let fault as ByteSourceFault {
            throw rejected(Self.fileFault(fault))
        }
    }

    private func bytes() throws(ByteSourceFault) -> any ByteSource {
        switch source {
        case .file(let path): try Self.bytes(path, mapping)
        case .text(let text): MemoryBytes(text)
        }
    }

    /// A file's text, that of a workbook being its worksheet's cells as CSV in UTF-8.
    static func bytes(_ path: String, _ mapping: ImportMapping) throws(ByteSourceFault) -> any ByteSource {
        try XLSXBytes.isXLSX(path: path)
            ? try XLSXBytes(path: path, sheet: mapping.sheet, mapping: mapping) : try FileBytes(path: path)
    }

    /// What a mapping says of the encoding is about text files.
    private func isWorkbook() throws(ByteSourceFault) -> Bool {
        guard case .file(let path) = source else { return false }
        return try XLSXBytes.isXLSX(path: path)
    }

    private func reader(_ encoding: TextEncoding, hashing: SHA256? = nil) throws -> CSVReader {
        var source = try bytes()
        if let hashing { source = HashedBytes(source, hashing) }
        let text: any ByteSource = encoding == .utf8 ? source : try ConvertedBytes(from: encoding, source)
        let reader = CSVReader(text, separator: mapping.separator)
        try reader.skipLines(mapping.skipLines)
        return reader
    }

    /// Bytes that enter a hash on their way.
    private final class HashedBytes: ByteSource {
        private let source: any ByteSource
        private let hash: SHA256
        var portion: Int { source.portion }

        init(_ source: any ByteSource, _ hash: SHA256) {
            self.source = source
            self.hash = hash
        }

        func read(into buffer: UnsafeMutableRawBufferPointer) throws(ByteSourceFault) -> Int {
            let count = try source.read(into: buffer)
            hash.update(UnsafeRawBufferPointer(rebasing: buffer[0..<count]))
            return count
        }
    }

    /// Reads the header and finds our columns in it; a header that was read before is just passed over.
    private func readHeader(_ reader: CSVReader, known: LineReader.Layout? = nil) throws -> LineReader.Layout {
        guard try reader.next() else {
            throw rejected(LineFault(line: 1, column: "", value: "", refusal: Refusal(.fileEmpty)))
        }
        if let known { return known }
        let names = reader.fields.map(LineReader.trimmed)
        do {
            return try LineReader.Layout(kind, header: names, line: reader.line, mapping: mapping)
        } catch {
            throw rejected(error.faults)
        }
    }

    /// Finds faults of the file's structure without holding up anybody.
    private func checkCells(
        _ encoding: TextEncoding, _ size: Int, asksAhead: Bool
    ) throws -> (layout: LineReader.Layout, lines: [KeptLine]?, foreseen: [Foreseen]) {
        var foreseen: [Foreseen] = []
        var kept: [KeptLine]? = isShort ? [] : nil
        do {
            let reader = try reader(encoding)
            let layout = try readHeader(reader)
            let cells = LineReader(layout)
            var lines = 0
            while try reader.next() {
                lines += 1
                if lines % 20_000 == 0 { onProgress?(0.15 * Double(reader.bytesRead) / Double(max(size, 1))) }
                cells.begin(reader)
                if kept != nil, !reader.isBlank {
                    cells.checkUnnamed()
                    kept = cells.faults.isEmpty && reader.count == layout.header.count ? kept : nil
                    kept?.append((cells.line, cells.fields))
                }
                let isWhole = !reader.isBlank && reader.count == layout.header.count
                if asksAhead, isWhole, lines <= Self.linesAskedAhead { foreseen += kind.line.init(cells).foreseen }
            }
            return (layout, kept?.isEmpty ?? true ? nil : kept, foreseen)
        } catch let fault as CSVFault {
            throw rejected(lineFault(fault))
        }
    }

    private static let linesAskedAhead = 4

    // MARK: In the books

    private func register(in books: Books, _ examined: Examined) throws -> (ImportReport, [LineFault]) {
        do {
            return try registerLines(in: books, examined)
        } catch let fault as CSVFault {
            throw rejected(lineFault(fault))
        } catch let fault as ByteSourceFault {
            throw rejected(Self.fileFault(fault))
        }
    }

    private func registerLines(in books: Books, _ examined: Examined) throws -> (ImportReport, [LineFault]) {
        try register(kind.line, in: books, examined)
    }

    private func register<Line: ImportLine>(
        _ type: Line.Type, in books: Books, _ examined: Examined
    ) throws -> (ImportReport, [LineFault]) {
        var report = ImportReport(kind: kind)
        report.isDryRun = options.isDryRun
        var faults: [LineFault] = []
        var waiting: [KeptLine] = []
        let context = ImportContext(
            updates: options.updates, createsCustomers: mapping.createMissing.contains("customers"),
            baseCurrency: try books.company().currency)

        let cells = LineReader(examined.layout)
        let names = examined.layout.header
        onRejected?(names, [])

        func take(_ line: Line) throws {
            var outcome = LineOutcome.rejected
            var wholeLine: [LineFault] = []
            if cells.faults.isEmpty {
                do {
                    outcome = try register(line, cells, in: books, context)
                } catch let refusal as Refusal {
                    wholeLine = [LineFault(line: cells.line, column: "", value: "", refusal: refusal)]
                }
            } else {
                try line.checkReferences(cells, in: books, context)
            }
            switch outcome {
            case .created: report.created += 1
            case .proposed: report.proposed = (report.proposed ?? 0) + 1
            case .unchanged: report.unchanged += 1
            case .updated: report.updated += 1
            case .deferred: waiting.append((cells.line, cells.fields))
            case .rejected:
                report.rejected += 1
                let all = cells.faults + wholeLine
                faults.append(contentsOf: all.prefix(max(0, Self.faultsKept - faults.count)))
                onRejected?(cells.fields.map { String(decoding: $0, as: UTF8.self) }, all)
            }
        }

        func takeAll(_ lines: [KeptLine]) throws {
            for line in lines {
                cells.begin(line.fields, line: line.line)
                try take(Line(cells))
            }
        }

        var page: [KeptLine] = []
        // A line or two are looked up by themselves.
        let linesAtOnce = books.looksAhead && !options.takesGoodLines && examined.size > Self.shortText ? 1_000 : 0
        func takePage() throws {
            guard !page.isEmpty else { return }
            let kept = page
            page.removeAll(keepingCapacity: true)
            try Line.lookAhead(
                kept.map { line in
                    cells.begin(line.fields, line: line.line)
                    return Line(cells)
                }, in: books)
            try takeAll(kept)
        }

        /// Reads the file once more and takes line by line; answers how many there were.
        func read() throws -> Int {
            let hash = SHA256()
            let reader = try self.reader(examined.encoding, hashing: hash)
            _ = try readHeader(reader, known: examined.layout)
            var lines = 0
            while try reader.next() {
                lines += 1
                if lines % 2_000 == 0 {
                    onProgress?(0.15 + 0.85 * Double(reader.bytesRead) / Double(max(examined.size, 1)))
                }
                if reader.isBlank { continue }
                cells.begin(reader)
                cells.checkUnnamed()
                guard reader.count == names.count else {
                    try takePage()
                    cells.begin(reader)
                    cells.checkUnnamed()
                    cells.note(Refusal(.fileRagged, ["found": .count(reader.count), "expected": .count(names.count)]))
                    report.rejected += 1
                    if faults.count < Self.faultsKept { faults.append(contentsOf: cells.faults) }
                    onRejected?(reader.fields, cells.faults)
                    continue
                }
                if linesAtOnce == 0 {
                    try take(Line(cells))
                } else if cells.faults.isEmpty {
                    page.append((cells.line, cells.fields))
                    if page.count >= linesAtOnce { try takePage() }
                } else {
                    try takePage()
                    cells.begin(reader)
                    cells.checkUnnamed()
                    try take(Line(cells))
                }
            }
            try takePage()
            // What the act says was read is what was read.
            guard hash.finish() == examined.hash else {
                throw rejected(LineFault(line: 0, column: "", value: "", refusal: Refusal(.fileChanged)))
            }
            return lines
        }

        let lines: Int
        if let known = examined.lines {
            try takeAll(known)
            lines = known.count
        } else {
            lines = try read()
        }
        context.isLastLook = true
        let last = waiting
        waiting = []
        try takeAll(try Self.parentsFirst(last, cells, books))
        report.alsoCreated = context.alsoCreated
        report.postedLater = context.postedLater
        // New rates make functional amounts possible that had to wait.
        if kind == .rates, report.created + report.updated > 0 { _ = try Translator(books).run() }
        if kind == .receipts { try noteCoverage(context, isEmpty: lines == 0, in: books) }
        faults.sort { $0.line < $1.line }
        return (report, faults)
    }

    /// Registers a line. When bad lines are left out, nothing of one may stay behind: not even a customer who was
    /// registered on the way.
    private func register(
        _ line: some ImportLine, _ cells: LineReader, in books: Books, _ context: ImportContext
    ) throws -> LineOutcome {
        guard options.takesGoodLines else { return try line.register(cells, in: books, context) }
        var outcome = LineOutcome.rejected
        let before = context.mark
        do {
            let stays = try books.facts.attempt {
                outcome = try line.register(cells, in: books, context)
                return outcome != .rejected
            }
            if stays { return outcome }
        } catch let refusal as Refusal {
            books.forgetCaches()
            context.mark = before
            throw refusal
        }
        books.forgetCaches()
        context.mark = before
        return .rejected
    }

    /// Notes through which day the bank's data are in: as said, else the newest day of what the file brought; an
    /// empty file says that nothing came up to now.
    private func noteCoverage(_ context: ImportContext, isEmpty: Bool, in books: Books) throws {
        if let through = options.through, through > books.today {
            throw Refusal(.reversalInFuture, ["day": .day(through), "today": .day(books.today)])
        }
        let said = options.through ?? (isEmpty ? books.today : nil)
        if let said, context.receiptDays.isEmpty {
            for account in try BankCoverage.accounts(in: books.session) {
                try BankCoverage.note(account: account, through: said, in: books)
            }
        }
        for (account, day) in context.receiptDays.sorted(by: { $0.key < $1.key }) {
            // A receipt dated in the future is a typing error, and says nothing of days that have not come.
            try BankCoverage.note(account: account, through: min(max(day, said ?? day), books.today), in: books)
        }
    }

    /// Customers whose parent waits too come after it.
    private static func parentsFirst(
        _ waiting: [KeptLine], _ cells: LineReader, _ books: Books
    ) throws -> [KeptLine] {
        guard waiting.count > 1 else { return waiting }
        var byCode: [String: Int] = [:]
        var parent: [String] = []
        for (index, line) in waiting.enumerated() {
            cells.begin(line.fields, line: line.line)
            byCode[cells.text(0) ?? ""] = index
            parent.append(cells.text(6) ?? "")
        }
        var placed = [Bool](repeating: false, count: waiting.count)
        var order: [(line: Int, fields: [[UInt8]])] = []
        for start in waiting.indices {
            var chain: [Int] = []
            var index: Int? = start
            while let current = index, !placed[current] {
                // Marked at once, so that a circle ends where it began.
                placed[current] = true
                chain.append(current)
                index = byCode[parent[current]]
            }
            for current in chain.reversed() { order.append(waiting[current]) }
        }
        return order
    }

    // MARK: Faults of the file

    private func rejected(_ faults: [LineFault]) -> ImportRejected {
        var report = ImportReport(kind: kind)
        report.isDryRun = options.isDryRun
        report.rejected = faults.count
        return ImportRejected(report: report, faults: faults)
    }

    private func rejected(_ fault: LineFault) -> ImportRejected { rejected([fault]) }

    static func fileFault(_ fault: ByteSourceFault) -> LineFault {
        let refusal: Refusal
        switch fault {
        case .missing(let path): refusal = Refusal(.fileMissing, ["path": .text(path)])
        case .unreadable(let path, let reason):
            refusal = Refusal(.fileMissing, ["path": .text("\(path) (\(reason))")])
        case .notAFile(let path): refusal = Refusal(.fileNotAFile, ["path": .text(path)])
        case .encoding: refusal = Refusal(.fileEncoding)
        case .spreadsheet(let fault): return workbookFault(fault)
        }
        return LineFault(line: 0, column: "", value: "", refusal: refusal)
    }

    private static func workbookFault(_ fault: XLSXFault) -> LineFault {
        func of(_ code: RefusalCode, _ parameters: [String: Refusal.Parameter] = [:], line: Int = 0) -> LineFault {
            LineFault(line: line, column: "", value: "", refusal: Refusal(code, parameters))
        }
        switch fault {
        case .damaged(let reason): return of(.workbookUnreadable, ["detail": .text(reason)])
        case .noWorkbook: return of(.workbookUnreadable, ["detail": .text("xl/workbook.xml")])
        case .malformed(let part, let line): return of(.workbookUnreadable, ["detail": .text("\(part):\(line)")])
        case .encrypted: return of(.workbookEncrypted)
        case .sheetUnknown(let name, let known):
            return of(
                .workbookNoSheet, ["sheet": .text(name), "known": .text(known.prefix(10).joined(separator: ", "))])
        case .declaration(let part, _), .archiveBomb(let part), .tooDeep(let part, _), .tooLarge(let part, _):
            return of(.workbookHostile, ["part": .text(part)])
        case .tooManyColumns(let row, let limit):
            return of(.workbookTooLarge, ["limit": .count(limit)], line: row)
        case .tooManyRows(let limit): return of(.workbookTooLarge, ["limit": .count(limit)])
        case .notCalculated(let row, let column):
            return of(.workbookNotCalculated, ["column": .count(column)], line: row)
        }
    }

    private func lineFault(_ fault: CSVFault) -> LineFault {
        func at(_ line: Int, _ code: RefusalCode, _ parameters: [String: Refusal.Parameter] = [:]) -> LineFault {
            LineFault(line: line, column: "", value: "", refusal: Refusal(code, parameters))
        }
        switch fault {
        case .source(let fault): return Self.fileFault(fault)
        case .nul(let line): return at(line, .fileNul)
        case .unclosedQuote(let line): return at(line, .fileUnclosedQuote)
        case .strayQuote(let line): return at(line, .fileStrayQuote)
        case .lineTooLarge(let line, let limit): return at(line, .fileLineTooLarge, ["limit": .count(limit)])
        case .cellTooLarge(let line, let limit): return at(line, .fileCellTooLarge, ["limit": .count(limit)])
        }
    }
}
