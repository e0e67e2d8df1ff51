internal import Foundation

/// A JSON value as somebody sent it.
indirect enum JSONInput: Sendable, Equatable {
    case null
    case flag(Bool)
    case whole(Int64)
    /// A number that is no whole one; no field here takes it, and money least of all.
    case fraction(Double)
    case text(String)
    case list([JSONInput])
    case record([String: JSONInput])

    /// - Throws: `DecodingError` for bytes that are no JSON document.
    init(_ bytes: [UInt8]) throws {
        self = try JSONDecoder().decode(JSONInput.self, from: Data(bytes))
    }

    subscript(name: String) -> JSONInput {
        if case .record(let fields) = self { return fields[name] ?? .null }
        return .null
    }

    /// The text of a field; `nil` for `null` and for what isn't there.
    func text(_ name: String) -> String? {
        if case .text(let text) = self[name] { return text }
        return nil
    }

    func whole(_ name: String) -> Int64? {
        if case .whole(let number) = self[name] { return number }
        return nil
    }

    func flag(_ name: String) -> Bool? {
        if case .flag(let flag) = self[name] { return flag }
        return nil
    }

    func list(_ name: String) -> [JSONInput] {
        if case .list(let list) = self[name] { return list }
        return []
    }

    func texts(_ name: String) -> [String] {
        list(name).compactMap { if case .text(let text) = $0 { text } else { nil } }
    }

    func has(_ name: String) -> Bool {
        if case .record(let fields) = self { return fields[name] != nil }
        return false
    }

    /// The same value always in the same letters, for telling whether a request was sent before.
    var canonical: String {
        switch self {
        case .null: "null"
        case .flag(let flag): flag ? "true" : "false"
        case .whole(let number): "\(number)"
        case .fraction(let number): "\(number)"
        case .text(let text): "\(text.utf8.count):\(text)"
        case .list(let list): "[\(list.map(\.canonical).joined(separator: ","))]"
        case .record(let fields):
            "{\(fields.sorted { $0.key < $1.key }.map { "\($0.key.utf8.count):\($0.key)=\($0.value.canonical)" }.joined(separator: ","))}"
        }
    }
}

extension JSONInput: Decodable {
    private struct Key: CodingKey {
        let stringValue: String
        let intValue: Int?

        init(stringValue: String) {
            self.stringValue = stringValue
            intValue = nil
        }

        init(intValue: Int) {
            stringValue = "\(intValue)"
            self.intValue = intValue
        }
    }

    init(from decoder: any Decoder) throws {
        if let container = try? decoder.singleValueContainer() {
            // Most values are texts.
            if let text = try? container.decode(String.self) {
                self = .text(text)
                return
            }
            if container.decodeNil() {
                self = .null
                return
            }
            if let flag = try? container.decode(Bool.self) {
                self = .flag(flag)
                return
            }
            if let number = try? container.decode(Int64.self) {
                self = .whole(number)
                return
            }
            if let number = try? container.decode(Double.self) {
                self = .fraction(number)
                return
            }
        }
        if let container = try? decoder.container(keyedBy: Key.self) {
            var fields: [String: JSONInput] = [:]
            for key in container.allKeys { fields[key.stringValue] = try container.decode(JSONInput.self, forKey: key) }
            self = .record(fields)
            return
        }
        var container = try decoder.unkeyedContainer()
        var list: [JSONInput] = []
        while !container.isAtEnd { list.append(try container.decode(JSONInput.self)) }
        self = .list(list)
    }
}
