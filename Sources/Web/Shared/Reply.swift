internal import Foundation

/// An answer to a browser.
struct Reply: Sendable {
    var status = 200
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []

    static func html(_ html: HTML, status: Int = 200) -> Reply {
        Reply(status: status, headers: [("Content-Type", "text/html; charset=utf-8")], body: html.bytes)
    }

    static func text(_ text: String, status: Int = 200, type: String = "text/plain; charset=utf-8") -> Reply {
        Reply(status: status, headers: [("Content-Type", type)], body: Array(text.utf8))
    }

    /// The browser asks for the other page itself, so that going back never sends a form again.
    static func redirect(_ path: String) -> Reply {
        Reply(status: 303, headers: [("Location", path)])
    }

    /// A file to be kept. The name is ASCII for old programs and UTF-8 for others (RFC 6266).
    static func file(_ bytes: [UInt8], name: String, type: String) -> Reply {
        // Neither a path, nor what ends a line or turns the direction of reading so that an ending looks like another.
        let name = String(name.unicodeScalars.map { isHarmless($0) ? Character($0) : "_" })
        let plain = String(name.unicodeScalars.map { $0.isASCII ? Character($0) : "_" })
        return Reply(
            status: 200,
            headers: [
                ("Content-Type", type),
                ("Content-Disposition", "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(URLText.encode(name))"),
            ], body: bytes)
    }

    private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        default: !["\"", "/", "\\"].contains(scalar)
        }
    }

    static let done = Reply(status: 204)

    func with(_ name: String, _ value: String) -> Reply {
        var copy = self
        copy.headers.append((name, value))
        return copy
    }
}

/// Text in addresses and forms.
enum URLText {
    /// Percent-encodes everything but letters, digits and `-._~`.
    static func encode(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.append(Character(UnicodeScalar(byte)))
            default:
                encoded += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return encoded
    }

    /// - Parameter isForm: Whether `+` stands for a space.
    static func decode(_ text: some StringProtocol, isForm: Bool) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            if byte == UInt8(ascii: "+"), isForm {
                bytes.append(UInt8(ascii: " "))
            } else if byte == UInt8(ascii: "%") {
                guard let high = rest.next(), let low = rest.next(), let one = digit(high), let other = digit(low)
                else {
                    continue
                }
                bytes.append(one << 4 | other)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - 48
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - 87
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - 55
        default: nil
        }
    }
}

/// Named values of an address's query or a form, in their order; a name may come several times.
struct Fields: Sendable {
    private(set) var pairs: [(name: String, value: String)]

    init(_ pairs: [(name: String, value: String)] = []) { self.pairs = pairs }

    /// Reads `a=1&b=2`; at most a thousand pairs.
    init(encoded text: some StringProtocol) {
        pairs = text.split(separator: "&", maxSplits: 1000, omittingEmptySubsequences: true).map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (
                URLText.decode(parts[0], isForm: true),
                parts.count > 1 ? URLText.decode(parts[1], isForm: true) : ""
            )
        }
    }

    /// The first value of a name, without spaces around it; empty when it isn't there.
    subscript(name: String) -> String {
        pairs.first { $0.name == name }?.value.trimmingASCIISpaces ?? ""
    }

    /// As typed.
    func raw(_ name: String) -> String { pairs.first { $0.name == name }?.value ?? "" }

    func all(_ name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }

    func has(_ name: String) -> Bool { pairs.contains { $0.name == name } }

    /// The same with other values; `nil` takes a name away.
    func with(_ changes: (String, String?)...) -> Fields {
        var copy = pairs.filter { pair in !changes.contains { $0.0 == pair.name } }
        for case (let name, let value?) in changes where !value.isEmpty { copy.append((name, value)) }
        return Fields(copy)
    }

    /// `?a=1&b=2`, or nothing.
    var query: String {
        let text = pairs.filter { !$0.value.isEmpty }.map { "\(URLText.encode($0.name))=\(URLText.encode($0.value))" }
        return text.isEmpty ? "" : "?" + text.joined(separator: "&")
    }
}

extension StringProtocol {
    /// Without spaces and line ends around it.
    var trimmed: String { trimmingASCIISpaces }

    fileprivate var trimmingASCIISpaces: String {
        var text = Substring(self)
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}

/// A file that came with a form.
struct UploadedFile: Sendable {
    let field: String
    /// As the browser gives it, without any folder.
    let name: String
    let bytes: [UInt8]
}

/// The parts of a `multipart/form-data` body (RFC 7578).
struct Multipart {
    private(set) var fields = Fields()
    private(set) var files: [UploadedFile] = []

    /// - Returns: `nil` for a body that isn't made of such parts.
    init?(_ body: [UInt8], contentType: String) {
        guard let range = contentType.range(of: "boundary=") else { return nil }
        let boundary = contentType[range.upperBound...].prefix { $0 != ";" }.filter { $0 != "\"" }
        guard (1...70).contains(boundary.utf8.count) else { return nil }
        let mark = Array("--\(boundary)".utf8)
        var pairs: [(name: String, value: String)] = []
        var position = 0
        guard body.starts(with: mark) else { return nil }
        position = mark.count
        while pairs.count + files.count < 1000 {
            // After a mark: two dashes end it, a line's end begins a part.
            guard position + 2 <= body.count else { return nil }
            if body[position] == 45, body[position + 1] == 45 { break }
            position += 2
            guard let headEnd = Self.find([13, 10, 13, 10], in: body, from: position),
                let end = Self.find([13, 10] + mark, in: body, from: headEnd + 2)
            else { return nil }
            let head = String(decoding: body[position..<headEnd], as: UTF8.self)
            let start = headEnd + 4
            let content = start <= end ? Array(body[start..<end]) : []
            if let name = Self.parameter("name", in: head) {
                if let file = Self.parameter("filename", in: head) {
                    let plain = file.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? ""
                    files.append(UploadedFile(field: name, name: String(plain.prefix(200)), bytes: content))
                } else {
                    pairs.append((name, String(decoding: content, as: UTF8.self)))
                }
            }
            position = end + 2 + mark.count
        }
        fields = Fields(pairs)
    }

    private static func parameter(_ name: String, in head: String) -> String? {
        for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix("content-disposition:") {
            // A name in quotes may hold what parts the others.
            guard let range = line.range(of: "; \(name)=\"") ?? line.range(of: ";\(name)=\"") else { continue }
            return String(line[range.upperBound...].prefix { $0 != "\"" })
        }
        return nil
    }

    private static func find(_ pattern: [UInt8], in body: [UInt8], from start: Int) -> Int? {
        guard body.count >= pattern.count, start >= 0 else { return nil }
        return body.withUnsafeBufferPointer { bytes in
            var position = start
            while position <= bytes.count - pattern.count {
                if bytes[position] == pattern[0],
                    pattern.indices.allSatisfy({ bytes[position + $0] == pattern[$0] })
                {
                    return position
                }
                position += 1
            }
            return nil
        }
    }
}
