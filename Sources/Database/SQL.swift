/// A value as the engines know it: days, instants, booleans and money are integers.
package enum SQLValue: Hashable, Sendable {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])
}

/// A type that can be bound into `SQL`.
package protocol SQLConvertible {
    var sqlValue: SQLValue { get }
}

extension SQLValue: SQLConvertible { package var sqlValue: SQLValue { self } }
extension Int64: SQLConvertible { package var sqlValue: SQLValue { .integer(self) } }
extension Int: SQLConvertible { package var sqlValue: SQLValue { .integer(Int64(self)) } }
extension String: SQLConvertible { package var sqlValue: SQLValue { .text(self) } }
extension [UInt8]: SQLConvertible { package var sqlValue: SQLValue { .blob(self) } }

/// SQL text whose interpolations are bound, never pasted.
///
/// Every interpolated value becomes a new placeholder `$1`, `$2`, … in order, which SQLite and
/// PostgreSQL number alike. Literal parts of a query go in with `\(raw:)`.
package struct SQL: ExpressibleByStringInterpolation, Hashable, Sendable {
    package let text: String
    package let values: [SQLValue]

    package init(stringLiteral text: String) {
        self.text = text
        values = []
    }

    /// Text of the program's own with the values of its places.
    package init(_ text: String, _ values: [SQLValue]) {
        self.text = text
        self.values = values
    }

    package init(stringInterpolation: StringInterpolation) {
        text = stringInterpolation.text
        values = stringInterpolation.values
    }

    package struct StringInterpolation: StringInterpolationProtocol {
        var text = ""
        var values: [SQLValue] = []

        package init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + interpolationCount * 3)
        }

        package mutating func appendLiteral(_ literal: String) { text += literal }

        package mutating func appendInterpolation(_ value: some SQLConvertible) {
            values.append(value.sqlValue)
            text += "$\(values.count)"
        }

        package mutating func appendInterpolation(_ value: (some SQLConvertible)?) {
            values.append(value?.sqlValue ?? .null)
            text += "$\(values.count)"
        }

        /// Pastes SQL of the program's own, such as a table's name; never anything that came in.
        package mutating func appendInterpolation(raw literal: String) { text += literal }
    }
}

/// What a row of an answer can be asked for, whether it was kept or a statement stands on it.
package protocol SQLColumns {
    func integer(_ index: Int) -> Int64
    func optionalInteger(_ index: Int) -> Int64?
    func text(_ index: Int) -> String
    func optionalText(_ index: Int) -> String?
}

/// One row of an answer, values by column index.
package struct SQLRow: Sendable, SQLColumns {
    package let values: [SQLValue]

    package init(values: [SQLValue]) { self.values = values }

    package subscript(index: Int) -> SQLValue { values[index] }

    /// The integer in a column that the schema declares NOT NULL.
    package func integer(_ index: Int) -> Int64 {
        guard case .integer(let value) = values[index] else { return 0 }
        return value
    }

    package func optionalInteger(_ index: Int) -> Int64? {
        guard case .integer(let value) = values[index] else { return nil }
        return value
    }

    package func text(_ index: Int) -> String { optionalText(index) ?? "" }

    package func optionalText(_ index: Int) -> String? {
        guard case .text(let value) = values[index] else { return nil }
        return value
    }

    package func blob(_ index: Int) -> [UInt8] { optionalBlob(index) ?? [] }

    package func optionalBlob(_ index: Int) -> [UInt8]? {
        guard case .blob(let value) = values[index] else { return nil }
        return value
    }
}
