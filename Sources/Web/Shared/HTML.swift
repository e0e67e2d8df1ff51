/// Markup whose literal parts are written as they stand and whose values are escaped, by type: only markup goes into
/// markup without being escaped.
struct HTML: ExpressibleByStringInterpolation, Sendable {
    private(set) var bytes: [UInt8]

    init(stringLiteral literal: StaticString) {
        bytes = Array(UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    init(stringInterpolation interpolation: StringInterpolation) { bytes = interpolation.bytes }

    /// Text for people, escaped.
    init(_ text: String) {
        bytes = []
        Self.escape(text, into: &bytes)
    }

    static let nothing: HTML = ""

    var isEmpty: Bool { bytes.isEmpty }

    /// A table's cell with its column's name, which narrow screens show beside it.
    func labelled(_ title: String, isWide: Bool = false) -> HTML {
        guard bytes.starts(with: "<td".utf8) else { return self }
        var cell = self
        let label: HTML = " data-label=\"\(title)\"\(if: isWide, " data-wide")"
        cell.bytes.insert(contentsOf: label.bytes, at: 3)
        return cell
    }

    static func + (left: HTML, right: HTML) -> HTML {
        var sum = left
        sum.bytes.append(contentsOf: right.bytes)
        return sum
    }

    static func += (left: inout HTML, right: HTML) { left.bytes.append(contentsOf: right.bytes) }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate(set) var bytes: [UInt8] = []

        init(literalCapacity: Int, interpolationCount: Int) {
            bytes.reserveCapacity(literalCapacity + interpolationCount * 24)
        }

        mutating func appendLiteral(_ literal: StaticString) {
            bytes.append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
        }

        mutating func appendInterpolation(_ text: String) { HTML.escape(text, into: &bytes) }

        mutating func appendInterpolation(_ number: some FixedWidthInteger) {
            bytes.append(contentsOf: String(number).utf8)
        }

        mutating func appendInterpolation(_ part: HTML) { bytes.append(contentsOf: part.bytes) }

        /// One part for each element.
        mutating func appendInterpolation<Elements: Sequence>(
            each elements: Elements, _ part: (Elements.Element) throws -> HTML
        ) rethrows {
            for element in elements { bytes.append(contentsOf: try part(element).bytes) }
        }

        /// The part when the condition holds.
        mutating func appendInterpolation(if condition: Bool, _ part: @autoclosure () -> HTML) {
            if condition { bytes.append(contentsOf: part().bytes) }
        }
    }

    /// Safe between tags and inside quoted attributes.
    fileprivate static func escape(_ text: String, into bytes: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "<"): bytes.append(contentsOf: "&lt;".utf8)
            case UInt8(ascii: ">"): bytes.append(contentsOf: "&gt;".utf8)
            case UInt8(ascii: "&"): bytes.append(contentsOf: "&amp;".utf8)
            case UInt8(ascii: "\""): bytes.append(contentsOf: "&quot;".utf8)
            case UInt8(ascii: "'"): bytes.append(contentsOf: "&#39;".utf8)
            default: bytes.append(byte)
            }
        }
    }
}

extension Sequence<HTML> {
    /// The parts one after the other.
    func joined() -> HTML { reduce(into: HTML.nothing) { $0 += $1 } }
}
