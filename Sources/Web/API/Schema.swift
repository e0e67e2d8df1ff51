internal import Formats
internal import Foundation
internal import Ledger
internal import Operations
internal import Receivables

/// The shape of a JSON value: what a request must have, and what an answer has.
///
/// One value both checks requests and is written into the OpenAPI document, so that the document can't promise what
/// isn't so. Records of requests are closed: a field that isn't known is refused, because it was meant to do something.
indirect enum Schema: Sendable {
    case text(Text)
    case whole(ClosedRange<Int64>)
    case flag
    case list(Schema, ClosedRange<Int>)
    case record([Field])
    /// A record whose names are data, such as rules' codes.
    case map(Schema)
    /// The value or `null`.
    case optional(Schema)
    /// Stands once in the document, under a name.
    case named(String, Schema)

    struct Field: Sendable {
        let name: String
        let schema: Schema
        let about: String
        let isRequired: Bool
    }

    /// What a text may be. Lengths are counted in Unicode code points, as JSON Schema does.
    struct Text: Sendable {
        enum Kind: Sendable {
            /// One line: no control characters.
            case line
            /// Several lines: no control characters but tabs and line ends.
            case lines
            /// An amount in decimal notation, never a binary fraction.
            case decimal
            /// The same, negative too.
            case signedDecimal
            /// A calendar day, `yyyy-MM-dd`.
            case day
            /// `yyyy-MM`.
            case month
            /// A number of the store: ids are texts, because not every language has integers of 64 bits.
            case identifier
            /// UTC, with microseconds.
            case instant
            case base64
            /// Lower-case hexadecimal digits.
            case hexadecimal
            /// A place in a list, as an answer gave it.
            case cursor
            /// Printable ASCII without spaces.
            case key
        }

        var kind = Kind.line
        var lengths: ClosedRange<Int>
        var choices: [String] = []
    }

    // MARK: Making

    static func line(_ lengths: ClosedRange<Int> = 1...200) -> Schema { .text(Text(kind: .line, lengths: lengths)) }
    static func lines(_ lengths: ClosedRange<Int> = 0...4_000) -> Schema { .text(Text(kind: .lines, lengths: lengths)) }
    static let decimal = Schema.text(Text(kind: .decimal, lengths: 1...20))
    static let signedDecimal = Schema.text(Text(kind: .signedDecimal, lengths: 1...48))
    static let day = Schema.text(Text(kind: .day, lengths: 10...10))
    static let month = Schema.text(Text(kind: .month, lengths: 7...7))
    static let identifier = Schema.text(Text(kind: .identifier, lengths: 1...18))
    static let instant = Schema.text(Text(kind: .instant, lengths: 20...40))
    static let hexadecimal = Schema.text(Text(kind: .hexadecimal, lengths: 1...128))
    static let cursor = Schema.text(Text(kind: .cursor, lengths: 1...12_000))
    static func base64(_ most: Int) -> Schema { .text(Text(kind: .base64, lengths: 1...most)) }
    static let count = Schema.whole(0...9_007_199_254_740_991)

    static func choice(_ choices: [String]) -> Schema {
        .text(Text(kind: .line, lengths: 1...200, choices: choices))
    }

    static func list(of schema: Schema, most: Int = 1_000_000, least: Int = 0) -> Schema { .list(schema, least...most) }

    static let currency = Schema.named("Currency", .choice(Currency.all.map(\.code)))

    /// An amount with its currency, as everywhere.
    static let money = Schema.named(
        "Money",
        .record([
            .init("amount", .signedDecimal, "A decimal number as text, with the currency's decimals."),
            .init("currency", .currency, "ISO 4217."),
        ]))

    // MARK: Checking

    /// What is wrong with a value, by its place: `/parts/0/amount`.
    struct Fault: Error, Sendable {
        enum Reason: Sendable {
            case missing
            case unknown([String])
            case wrong(Schema)
        }

        let place: String
        let reason: Reason
    }

    /// All that is wrong with a value.
    func faults(_ value: JSONInput, at place: String = "") -> [Fault] {
        switch (self, value) {
        case (.named(_, let schema), _): return schema.faults(value, at: place)
        case (.optional, .null): return []
        case (.optional(let schema), _): return schema.faults(value, at: place)
        case (.text(let text), .text(let given)) where text.fits(given): return []
        case (.whole(let range), .whole(let number)) where range.contains(number): return []
        case (.flag, .flag): return []
        case (.list(let schema, let range), .list(let values)) where range.contains(values.count):
            return values.enumerated().flatMap { schema.faults($1, at: "\(place)/\($0)") }
        case (.map(let schema), .record(let fields)):
            return fields.sorted { $0.key < $1.key }.flatMap { schema.faults($1, at: "\(place)/\($0)") }
        case (.record(let known), .record(let fields)):
            var faults: [Fault] = []
            for field in known {
                if let given = fields[field.name] {
                    faults += field.schema.faults(given, at: "\(place)/\(field.name)")
                } else if field.isRequired {
                    faults.append(Fault(place: "\(place)/\(field.name)", reason: .missing))
                }
            }
            for name in fields.keys.sorted() where !known.contains(where: { $0.name == name }) {
                faults.append(Fault(place: "\(place)/\(name)", reason: .unknown(known.map(\.name))))
            }
            return faults
        default: return [Fault(place: place, reason: .wrong(self))]
        }
    }

    /// A value of an address's query: the same rules, read from text.
    func parameter(_ texts: [String]) -> JSONInput? {
        switch self {
        case .named(_, let schema), .optional(let schema): return schema.parameter(texts)
        case .list(let schema, _):
            let values = texts.compactMap { schema.parameter([$0]) }
            return values.count == texts.count ? .list(values) : nil
        case .text: return texts.count == 1 ? .text(texts[0]) : nil
        case .whole:
            guard texts.count == 1, let number = Int64(texts[0]), "\(number)" == texts[0] else { return nil }
            return .whole(number)
        case .flag:
            guard texts.count == 1 else { return nil }
            return texts[0] == "true" ? .flag(true) : texts[0] == "false" ? .flag(false) : nil
        case .record, .map: return nil
        }
    }

    // MARK: Writing

    /// As JSON Schema 2020-12, with names instead of what stands in the document's components.
    ///
    /// - Parameter isAnswer: Answers may get more fields in later versions, and hold texts as they are; requests are closed.
    func json(isAnswer: Bool = false) -> JSONValue {
        switch self {
        case .named(let name, _): return .object(["$ref": .string("#/components/schemas/\(name)")])
        case .optional(let schema):
            switch schema {
            case .text, .whole, .flag:
                let json = schema.json(isAnswer: isAnswer)
                guard case .object(let members) = json else { return json }
                return .object(
                    members.map { member in
                        if member.name == "type" {
                            return .init(name: "type", value: .array([member.value, .string("null")]))
                        }
                        if member.name == "enum", case .array(let values) = member.value {
                            return .init(name: "enum", value: .array(values + [.null]))
                        }
                        return member
                    })
            default:
                return .object([
                    "anyOf": .array([schema.json(isAnswer: isAnswer), .object(["type": .string("null")])])
                ])
            }
        case .text(let text): return text.json(isAnswer: isAnswer)
        case .whole(let range):
            return .object([
                "type": .string("integer"), "format": .string("int64"), "minimum": .integer(range.lowerBound),
                "maximum": .integer(range.upperBound),
            ])
        case .flag: return .object(["type": .string("boolean")])
        case .list(let schema, let range):
            var members: [JSONValue.Member] = [
                .init(name: "type", value: .string("array")),
                .init(name: "items", value: schema.json(isAnswer: isAnswer)),
            ]
            if range.lowerBound > 0 { members.append(.init(name: "minItems", value: .count(range.lowerBound))) }
            if range.upperBound < 1_000_000 { members.append(.init(name: "maxItems", value: .count(range.upperBound))) }
            return .object(members)
        case .map(let schema):
            return .object(["type": .string("object"), "additionalProperties": schema.json(isAnswer: isAnswer)])
        case .record(let fields):
            return .object(
                [
                    .init(name: "type", value: .string("object")),
                    .init(
                        name: "properties",
                        value: .object(
                            fields.map { field in
                                .init(
                                    name: field.name,
                                    value: Self.described(field.schema.json(isAnswer: isAnswer), field.about))
                            })),
                    .init(name: "required", value: .texts(fields.filter(\.isRequired).map(\.name))),
                ] + (isAnswer ? [] : [.init(name: "additionalProperties", value: .bool(false))]))
        }
    }

    private static func described(_ schema: JSONValue, _ about: String) -> JSONValue {
        guard !about.isEmpty, case .object(let members) = schema else { return schema }
        return .object(members + [.init(name: "description", value: .string(about))])
    }

    /// The named schemas that stand within this one, by name.
    func components(into found: inout [String: Schema]) {
        switch self {
        case .named(let name, let schema):
            guard found[name] == nil else { return }
            found[name] = schema
            schema.components(into: &found)
        case .optional(let schema), .list(let schema, _), .map(let schema): schema.components(into: &found)
        case .record(let fields): for field in fields { field.schema.components(into: &found) }
        case .text, .whole, .flag: break
        }
    }

    /// What is expected, in the words of a catalogue.
    var expected: TextKey {
        switch self {
        case .named(_, let schema), .optional(let schema): schema.expected
        case .text(let text): text.expected
        case .whole: .expectedWhole
        case .flag: .expectedFlag
        case .list: .expectedList
        case .record, .map: .expectedRecord
        }
    }

    var expectedParameters: [String: Refusal.Parameter] {
        switch self {
        case .named(_, let schema), .optional(let schema): schema.expectedParameters
        case .text(let text):
            [
                "least": .count(text.lengths.lowerBound), "most": .count(text.lengths.upperBound),
                "choices": .text(text.choices.prefix(40).joined(separator: ", ")),
            ]
        case .whole(let range):
            ["least": .text("\(range.lowerBound)"), "most": .text("\(range.upperBound)")]
        case .list(_, let range): ["least": .count(range.lowerBound), "most": .count(range.upperBound)]
        case .flag, .record, .map: [:]
        }
    }
}

extension Schema.Field {
    /// A field that must be there.
    init(_ name: String, _ schema: Schema, _ about: String = "") {
        self.init(name: name, schema: schema, about: about, isRequired: true)
    }

    /// A field of a request that may be left out, or be `null`.
    static func maybe(_ name: String, _ schema: Schema, _ about: String = "") -> Schema.Field {
        Schema.Field(name: name, schema: .optional(schema), about: about, isRequired: false)
    }

    /// A field of an answer that may be `null`, but is there.
    static func orNull(_ name: String, _ schema: Schema, _ about: String = "") -> Schema.Field {
        Schema.Field(name: name, schema: .optional(schema), about: about, isRequired: true)
    }
}

extension Schema.Text {
    func fits(_ text: String) -> Bool {
        if !choices.isEmpty { return choices.contains(text) }
        guard lengths.contains(text.unicodeScalars.count) else { return false }
        switch kind {
        case .line: return text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
        case .lines:
            return text.unicodeScalars.allSatisfy {
                $0.value >= 0x20 && $0.value != 0x7F || $0 == "\n" || $0 == "\r" || $0 == "\t"
            }
        case .decimal: return Self.isDecimal(text[...], whole: 12)
        case .signedDecimal: return Self.isDecimal(text.hasPrefix("-") ? text.dropFirst() : text[...], whole: 40)
        case .day: return LocalDate(text) != nil
        case .month: return LocalDate(text + "-01") != nil
        case .identifier: return text.utf8.first != 0x30 && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        case .instant: return Instant(text) != nil
        case .base64: return Data(base64Encoded: text) != nil
        case .hexadecimal:
            return text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        case .key: return text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        case .cursor:
            return text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D
                    || $0 == 0x5F
            }
        }
    }

    private static func isDecimal(_ text: Substring, whole: Int) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        func areDigits(_ part: Substring) -> Bool { part.utf8.allSatisfy { (0x30...0x39).contains($0) } }
        guard parts.count <= 2, (1...whole).contains(parts[0].utf8.count), areDigits(parts[0]),
            parts[0].utf8.count == 1 || parts[0].utf8.first != 0x30
        else { return false }
        return parts.count == 1 || (1...4).contains(parts[1].utf8.count) && areDigits(parts[1])
    }

    /// The same rule as `fits`, as a regular expression of ECMA-262.
    private var pattern: String? {
        switch kind {
        case .line: #"^[^\u0000-\u001f\u007f]*$"#
        case .lines: #"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$"#
        case .decimal: #"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,4})?$"#
        case .signedDecimal: #"^-?(0|[1-9][0-9]{0,39})(\.[0-9]{1,4})?$"#
        case .month: "^[0-9]{4}-(0[1-9]|1[0-2])$"
        case .identifier: "^[1-9][0-9]{0,17}$"
        case .hexadecimal: "^[0-9a-f]*$"
        case .cursor: "^[0-9A-Za-z_-]+$"
        case .key: "^[!-~]+$"
        case .base64: "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
        case .day, .instant: nil
        }
    }

    func json(isAnswer: Bool) -> JSONValue {
        var members: [JSONValue.Member] = [.init(name: "type", value: .string("string"))]
        guard choices.isEmpty else {
            members.append(.init(name: "enum", value: .array(choices.map(JSONValue.string))))
            return .object(members)
        }
        switch kind {
        case .day: members.append(.init(name: "format", value: .string("date")))
        case .instant: members.append(.init(name: "format", value: .string("date-time")))
        case .line, .lines, .hexadecimal: if isAnswer { break } else { fallthrough }
        default:
            members.append(.init(name: "minLength", value: .count(lengths.lowerBound)))
            members.append(.init(name: "maxLength", value: .count(lengths.upperBound)))
            if let pattern { members.append(.init(name: "pattern", value: .string(pattern))) }
        }
        return .object(members)
    }

    var expected: TextKey {
        guard choices.isEmpty else { return .expectedChoice }
        switch kind {
        case .line, .cursor, .key, .base64, .hexadecimal: return .expectedLine
        case .lines: return .expectedLines
        case .decimal, .signedDecimal: return .expectedDecimal
        case .day: return .expectedDay
        case .month: return .expectedMonth
        case .identifier: return .expectedIdentifier
        case .instant: return .expectedInstant
        }
    }
}
