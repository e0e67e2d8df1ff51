/// Builds one canonical CSV text: a header line, then rows, quoted as RFC 4180 asks.
struct CSVText {
    private let columns: Int
    private var bytes: [UInt8] = []
    private var lines = 0

    init(_ header: [String]) {
        columns = header.count
        row(header)
        lines = 0
    }

    /// Whether there is nothing but the header.
    var isEmpty: Bool { lines == 0 }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    mutating func row(_ fields: [String]) {
        precondition(fields.count == columns, "a row has a field for each column")
        for (index, field) in fields.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            append(field)
        }
        bytes.append(UInt8(ascii: "\n"))
        lines += 1
    }

    private mutating func append(_ field: String) {
        let special = field.utf8.contains { $0 == 34 || $0 == 44 || $0 == 10 || $0 == 13 }
        guard special else { return bytes.append(contentsOf: field.utf8) }
        bytes.append(UInt8(ascii: "\""))
        for byte in field.utf8 {
            if byte == UInt8(ascii: "\"") { bytes.append(byte) }
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
