internal import CPQ
internal import Database

/// The rows that a query answered with, as libpq holds them.
final class PostgresResult {
    private let handle: OpaquePointer?
    let count: Int
    let columns: Int

    init(_ handle: OpaquePointer?) {
        self.handle = handle
        count = Int(PQntuples(handle))
        columns = Int(PQnfields(handle))
    }

    deinit { PQclear(handle) }

    /// What the server says was done, for example `COMMIT`.
    var tag: String { PQcmdStatus(handle).map { String(cString: $0) } ?? "" }

    /// How many rows a statement changed.
    var changes: Int { Int(String(cString: PQcmdTuples(handle))) ?? 0 }

    func isNull(_ row: Int, _ column: Int) -> Bool { PQgetisnull(handle, Int32(row), Int32(column)) == 1 }

    /// The text form of a value, valid as long as the result is.
    private func characters(_ row: Int, _ column: Int) -> UnsafeBufferPointer<UInt8> {
        let length = Int(PQgetlength(handle, Int32(row), Int32(column)))
        guard let start = PQgetvalue(handle, Int32(row), Int32(column)), length > 0 else {
            return UnsafeBufferPointer(start: nil, count: 0)
        }
        return UnsafeBufferPointer(start: UnsafeRawPointer(start).assumingMemoryBound(to: UInt8.self), count: length)
    }

    /// A whole number; the engine's booleans are 1 and 0, as everywhere else.
    func integer(_ row: Int, _ column: Int) -> Int64 {
        let text = characters(row, column)
        guard let first = text.first else { return 0 }
        if first == 116 { return 1 }
        var value: Int64 = 0
        for byte in text where byte >= 48 && byte <= 57 { value = value &* 10 &+ Int64(byte &- 48) }
        return first == 45 ? -value : value
    }

    private static let bytea: UInt32 = 17
    private static let numbers: Set<UInt32> = [16, 20, 21, 23, 1700]

    func value(_ row: Int, _ column: Int) -> SQLValue {
        if isNull(row, column) { return .null }
        let type = PQftype(handle, Int32(column))
        if Self.numbers.contains(type) { return .integer(integer(row, column)) }
        return withBytes(row, column) { bytes in
            type == Self.bytea ? .blob(Array(bytes)) : .text(String(decoding: bytes, as: UTF8.self))
        }
    }

    func text(_ row: Int, _ column: Int) -> String {
        withBytes(row, column) { String(decoding: $0, as: UTF8.self) }
    }

    /// The bytes of a text or blob, valid within `body` only.
    func withBytes<Answer>(
        _ row: Int, _ column: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> Answer
    ) rethrows -> Answer {
        let text = characters(row, column)
        guard PQftype(handle, Int32(column)) == Self.bytea, text.count >= 2 else { return try body(text) }
        // `\x` and two digits for each byte.
        let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 2 - 1) { buffer, count in
            count = text.count / 2 - 1
            for index in 0..<count {
                buffer[index] = Self.nibble(text[2 * index + 2]) << 4 | Self.nibble(text[2 * index + 3])
            }
        }
        return try bytes.withUnsafeBufferPointer(body)
    }

    private static func nibble(_ digit: UInt8) -> UInt8 { digit >= 97 ? digit - 87 : digit - 48 }
}
