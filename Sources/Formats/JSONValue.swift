/// A JSON document whose objects keep the order of their members.
package enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case string(String)
    case array([JSONValue])
    case object([Member])

    package struct Member: Hashable, Sendable {
        package let name: String
        package let value: JSONValue

        package init(name: String, value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    package static func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        .object(members.map { Member(name: $0.key, value: $0.value) })
    }

    package static func count(_ number: Int) -> JSONValue { .integer(Int64(number)) }

    package static func optional(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }

    /// The document on one line.
    package var text: String {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    package func write(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): bytes.append(contentsOf: String(value).utf8)
        case .string(let value): Self.write(value, to: &bytes)
        case .array(let values):
            bytes.append(91)
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(44) }
                value.write(to: &bytes)
            }
            bytes.append(93)
        case .object(let members):
            bytes.append(123)
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(44) }
                Self.write(member.name, to: &bytes)
                bytes.append(58)
                member.value.write(to: &bytes)
            }
            bytes.append(125)
        }
    }

    private static let hexadecimal = Array("0123456789abcdef".utf8)

    fileprivate static func write(_ text: String, to bytes: inout [UInt8]) {
        var text = text
        text.withUTF8 { write($0, to: &bytes) }
    }

    private static func write(_ text: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(34)
        defer { bytes.append(34) }
        // Most texts are written as they are.
        guard text.contains(where: { $0 < 32 || $0 == 34 || $0 == 92 || $0 == 127 }) else {
            bytes.append(contentsOf: text)
            return
        }
        for byte in text {
            switch byte {
            case 34: bytes.append(contentsOf: [92, 34])
            case 92: bytes.append(contentsOf: [92, 92])
            case 10: bytes.append(contentsOf: [92, 110])
            case 13: bytes.append(contentsOf: [92, 114])
            case 9: bytes.append(contentsOf: [92, 116])
            case 0..<32, 127:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(hexadecimal[Int(byte >> 4)])
                bytes.append(hexadecimal[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
    }
}

/// Writes one object member by member, for those that are written by the thousand: the same bytes as of a `JSONValue`.
package struct JSONObjectWriter {
    private var bytes: [UInt8]

    /// - Parameter capacity: About how many bytes will come.
    package init(capacity: Int) {
        bytes = []
        bytes.reserveCapacity(capacity)
        bytes.append(123)
    }

    private mutating func name(_ name: StaticString) {
        if bytes.count > 1 { bytes.append(44) }
        bytes.append(34)
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(34)
        bytes.append(58)
    }

    /// - Parameter name: Plain letters, written as they are.
    package mutating func add(_ name: StaticString, _ text: String) {
        self.name(name)
        JSONValue.write(text, to: &bytes)
    }

    package mutating func add(_ name: StaticString, _ text: String?) {
        if let text { add(name, text) } else { addNull(name) }
    }

    package mutating func add(_ name: StaticString, _ number: some FixedWidthInteger) {
        self.name(name)
        bytes.append(contentsOf: String(number).utf8)
    }

    package mutating func add(_ name: StaticString, _ flag: Bool) {
        self.name(name)
        bytes.append(contentsOf: (flag ? "true" : "false").utf8)
    }

    package mutating func addNull(_ name: StaticString) {
        self.name(name)
        bytes.append(contentsOf: "null".utf8)
    }

    /// All of the object.
    package func finish() -> [UInt8] { bytes + [125] }
}
