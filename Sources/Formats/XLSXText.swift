/// Writes a text of a workbook as a CSV field on one line.
///
/// - Line breaks become spaces, so that a row of the sheet stays a line.
/// - `_x000D_` is a character that XML can't hold or that was written so (ECMA-376 part 1, 22.9.2.19); what would be
///   half a character stays as it is.
/// - What a reader could take for a separator stands in quotes, also where another one is used: whoever recognises the
///   separator counts those outside of quotes.
struct XLSXText {
    private let needsCare: [Bool]
    private let needsQuotes: [Bool]

    init(separator: UInt8) {
        let quoting: [UInt8] = [34, 44, 59, 9, separator]
        needsQuotes = (0...255).map { quoting.contains($0) }
        // `_` may begin an escape.
        needsCare = (0...255).map { quoting.contains($0) || [0, 10, 13, 95].contains($0) }
    }

    func append(_ text: UnsafeBufferPointer<UInt8>, to output: XLSXOutput) {
        let isPlain = needsCare.withUnsafeBufferPointer { needsCare in
            for byte in text where needsCare[Int(byte)] { return false }
            return true
        }
        if isPlain {
            output.append(text)
        } else {
            appendCarefully(text, to: output)
        }
    }

    private func appendCarefully(_ text: UnsafeBufferPointer<UInt8>, to output: XLSXOutput) {
        let isQuoted = text.indices.contains { needsQuotes[Int(text[$0])] || Self.escape(text, at: $0) != nil }
        if isQuoted { output.append(34) }
        var isAfterReturn = false
        func append(_ scalar: Unicode.Scalar) {
            defer { isAfterReturn = scalar == "\r" }
            switch scalar {
            case "\n" where isAfterReturn: break  // the return was the space
            case "\n", "\r": output.append(32)
            case "\0": for byte in "\u{FFFD}".utf8 { output.append(byte) }
            default:
                if scalar == "\"" { output.append(34) }
                UTF8.encode(scalar) { output.append($0) }
            }
        }
        var index = 0
        while index < text.count {
            let byte = text[index]
            if let scalar = Self.escape(text, at: index) {
                append(scalar)
                index += 7
            } else {
                if byte < 0x80 {
                    append(Unicode.Scalar(byte))
                } else {
                    isAfterReturn = false
                    output.append(byte)
                }
                index += 1
            }
        }
        if isQuoted { output.append(34) }
    }

    /// The character that `_xHHHH_` at `index` stands for.
    private static func escape(_ text: UnsafeBufferPointer<UInt8>, at index: Int) -> Unicode.Scalar? {
        guard text[index] == 95, index + 7 <= text.count, text[index + 1] == 120, text[index + 6] == 95 else {
            return nil
        }
        var value: UInt32 = 0
        for byte in text[index + 2..<index + 6] {
            guard let digit = XLSXMarkup.digit(byte) else { return nil }
            value = value << 4 | digit
        }
        return Unicode.Scalar(value)
    }
}
