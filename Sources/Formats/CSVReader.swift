/// What is wrong with a CSV file itself, before any cell is looked at. Lines count from 1.
package enum CSVFault: Error, Hashable, Sendable {
    case source(ByteSourceFault)
    case nul(line: Int)
    case unclosedQuote(line: Int)
    /// Something other than a separator follows a closing quote.
    case strayQuote(line: Int)
    case cellTooLarge(line: Int, limit: Int)
    /// More cells or bytes than any sensible line has; the payload is the limit of bytes.
    case lineTooLarge(line: Int, limit: Int)
}

/// Reads CSV (RFC 4180) record by record from UTF-8 bytes, in memory of a fixed size.
///
/// The separator is recognised from the first record: comma, semicolon or tab. A byte order mark is
/// skipped, empty lines are passed over; `\n`, `\r\n` and, outside of quotes, a lone `\r` end a record.
package final class CSVReader {
    private let source: any ByteSource
    private let cellLimit: Int
    private var separator: UInt8
    private var recognisesSeparator: Bool

    private var buffer: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var start = 0
    private var end = 0
    private var sourceEnded = false
    private var nextLine = 1
    private var endedByReturn = false

    /// Field `i` is `bounds[2 * i] ..< bounds[2 * i + 1]`, counted from `start` of the record.
    private var bounds: [Int] = []
    private var quoted: [Int] = []
    private var recordStart = 0
    private var recordLength = 0

    /// The line the current record starts on.
    package private(set) var line = 0
    /// Bytes taken from the source so far, for progress.
    package private(set) var bytesRead = 0

    /// - Parameters:
    ///   - separator: `nil` recognises it.
    ///   - cellLimit: Bytes that a cell may have at most.
    package init(_ source: any ByteSource, separator: UInt8? = nil, cellLimit: Int = 1 << 20) {
        self.source = source
        self.cellLimit = cellLimit
        self.separator = separator ?? 44
        recognisesSeparator = separator == nil
        capacity = source.portion
        buffer = .allocate(capacity: capacity)
        bounds.reserveCapacity(64)
    }

    deinit { buffer.deallocate() }

    /// How many fields the current record has.
    package var count: Int { bounds.count / 2 }

    /// A field of the current record, valid until the next call of `next()`.
    package func bytes(_ index: Int) -> UnsafeBufferPointer<UInt8> {
        let from = bounds[2 * index]
        return UnsafeBufferPointer(start: buffer + recordStart + from, count: bounds[2 * index + 1] - from)
    }

    package func text(_ index: Int) -> String { String(decoding: bytes(index), as: UTF8.self) }

    /// Whether no field of the current record holds anything but spaces: what spreadsheets leave behind their last row.
    package var isBlank: Bool {
        (0..<count).allSatisfy { field in bytes(field).allSatisfy { $0 == 32 || $0 == 9 } }
    }

    private static let largestLine = 8 << 20
    private static let mostFields = 4096

    /// All fields of the current record.
    package var fields: [String] { (0..<count).map(text) }

    /// Skips whole lines, whatever stands in them.
    package func skipLines(_ count: Int) throws(CSVFault) {
        for _ in 0..<count {
            while true {
                if start == end, try !refill() { return }
                let byte = buffer[start]
                start += 1
                if byte == 10 { break }
            }
            nextLine += 1
        }
    }

    /// Moves to the next record; `false` at the end.
    package func next() throws(CSVFault) -> Bool {
        if line == 0 {
            if nextLine == 1 { try skipByteOrderMark() }
            if recognisesSeparator { try recogniseSeparator() }
        }
        while true {
            guard try readRecord() else { return false }
            let isEmptyLine = count == 1 && bounds[0] == bounds[1] && quoted.isEmpty
            if !isEmptyLine { break }
        }
        for field in quoted { unescape(field) }
        if recordLength > cellLimit {
            for field in 0..<count where bounds[2 * field + 1] - bounds[2 * field] > cellLimit {
                throw .cellTooLarge(line: line, limit: cellLimit)
            }
        }
        return true
    }

    private func skipByteOrderMark() throws(CSVFault) {
        while end - start < 3 { if try !refill() { break } }
        if end - start >= 3, buffer[start] == 0xEF, buffer[start + 1] == 0xBB, buffer[start + 2] == 0xBF { start += 3 }
    }

    /// The candidate that stands most often in the first record outside of quotes.
    private func recogniseSeparator() throws(CSVFault) {
        recognisesSeparator = false
        var counts: [UInt8: Int] = [44: 0, 59: 0, 9: 0]
        var index = start
        var inQuotes = false
        var isEmptyLine = true
        while true {
            if index == end {
                let offset = index - start
                if end - start > cellLimit { break }
                if try !refill() { break }
                index = start + offset
            }
            let byte = buffer[index]
            if byte == 34 { inQuotes.toggle() }
            if !inQuotes {
                if byte == 10 || byte == 13, !isEmptyLine { break }
                if counts[byte] != nil { counts[byte, default: 0] += 1 }
            }
            if byte != 10, byte != 13 { isEmptyLine = false }
            index += 1
        }
        separator = [44, 59, 9].max { (counts[$0] ?? 0) < (counts[$1] ?? 0) } ?? 44
        if (counts[separator] ?? 0) == (counts[44] ?? 0) { separator = 44 }
    }

    private enum State { case fieldStart, plain, quoted, afterQuote }

    /// Finds the fields of one record without touching their bytes.
    private func readRecord() throws(CSVFault) -> Bool {
        bounds.removeAll(keepingCapacity: true)
        quoted.removeAll(keepingCapacity: true)
        if endedByReturn {
            // A return and a line feed are one end.
            endedByReturn = false
            if start < end ? true : try refill(), buffer[start] == 10 { start += 1 }
        }
        line = nextLine
        var state = State.fieldStart
        var offset = 0  // from `start`
        var fieldStart = 0
        // While it is being read: every byte may be half of a doubled quote, and two quotes and a return don't count.
        let longest = 2 * cellLimit + 3
        while true {
            if start + offset == end {
                guard offset - fieldStart <= longest else { throw .cellTooLarge(line: line, limit: cellLimit) }
                if try !refill() {
                    if state == .quoted { throw .unclosedQuote(line: line) }
                    if offset == 0 { return false }
                    finishField(fieldStart, offset, state)
                    finishRecord(consumed: offset)
                    return true
                }
            }
            let byte = buffer[start + offset]
            if byte == 0 { throw .nul(line: nextLine) }
            switch state {
            case .quoted:
                if byte == 34 { state = .afterQuote } else if byte == 10 { nextLine += 1 }
            case .fieldStart where byte == 34:
                state = .quoted
            case .afterQuote where byte == 34:
                state = .quoted
            default:
                if byte == separator {
                    finishField(fieldStart, offset, state)
                    fieldStart = offset + 1
                    state = .fieldStart
                    guard count <= Self.mostFields else { throw .lineTooLarge(line: line, limit: Self.largestLine) }
                } else if byte == 10 || byte == 13 {
                    finishField(fieldStart, offset, state)
                    nextLine += 1
                    finishRecord(consumed: offset + 1)
                    endedByReturn = byte == 13
                    return true
                } else if state == .afterQuote {
                    throw .strayQuote(line: line)
                } else {
                    state = .plain
                }
            }
            offset += 1
            if offset - fieldStart > longest { throw .cellTooLarge(line: line, limit: cellLimit) }
            if offset > Self.largestLine { throw .lineTooLarge(line: line, limit: Self.largestLine) }
        }
    }

    private func finishField(_ from: Int, _ to: Int, _ state: State) {
        if state == .afterQuote {
            quoted.append(count)
            bounds.append(from + 1)
            bounds.append(to - 1)
        } else {
            bounds.append(from)
            bounds.append(to)
        }
    }

    private func finishRecord(consumed: Int) {
        recordStart = start
        recordLength = consumed
        start += consumed
    }

    /// Doubled quotes become single ones, in place.
    private func unescape(_ field: Int) {
        let base = buffer + recordStart
        let to = bounds[2 * field + 1]
        var read = bounds[2 * field]
        var write = read
        while read < to {
            if base[read] == 34 { read += 1 }
            if read < to { base[write] = base[read] }
            read += 1
            write += 1
        }
        bounds[2 * field + 1] = min(write, to)
    }

    /// Gets more bytes behind `end`, keeping those from `start` on; `false` when there are no more.
    private func refill() throws(CSVFault) -> Bool {
        guard !sourceEnded else { return false }
        if start > 0 {
            (buffer).update(from: buffer + start, count: end - start)
            end -= start
            start = 0
        }
        if end == capacity {
            let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity * 2)
            larger.update(from: buffer, count: end)
            buffer.deallocate()
            buffer = larger
            capacity *= 2
        }
        let count: Int
        do throws(ByteSourceFault) {
            count = try source.read(into: UnsafeMutableRawBufferPointer(start: buffer + end, count: capacity - end))
        } catch {
            throw .source(error)
        }
        if count == 0 { sourceEnded = true }
        end += count
        bytesRead += count
        return count > 0
    }
}
