internal import Foundation

/// The encodings of exchange files.
package enum TextEncoding: Hashable, Sendable {
    case utf8
    /// The superset of GBK and GB 2312 that Chinese spreadsheets write.
    case gb18030

    package var name: String { self == .utf8 ? "UTF-8" : "GB18030" }

    /// The encoding of a mapping's `encoding:` word, or `nil` when it is not known.
    package init?(named name: String) {
        switch name.lowercased() {
        case "utf-8", "utf8", "utf-8-sig": self = .utf8
        case "gb18030", "gbk", "gb2312", "gb-2312", "cp936": self = .gb18030
        default: return nil
        }
    }

    /// Reads `source` to its end and recognises its encoding.
    ///
    /// - Parameters:
    ///   - said: The encoding that a person named; without it, bytes that look more like a western encoding are not
    ///     taken for Chinese, because `Müller` would be registered as `M黮ler` for good.
    ///   - body: Called with all bytes in order, for a hash over the file.
    /// - Throws: `ByteSourceFault.encoding` when the bytes are neither UTF-8 nor GB18030.
    package static func recognise(
        _ source: any ByteSource, said: TextEncoding? = nil,
        alternative: () throws(ByteSourceFault) -> any ByteSource, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(ByteSourceFault) -> TextEncoding {
        var pairs = ChinesePairs()
        var validator = UTF8Validator()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: source.portion, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try source.read(into: buffer)
            if count == 0 { break }
            let part = UnsafeRawBufferPointer(rebasing: buffer[0..<count])
            body(part)
            validator.take(part)
            pairs.take(part)
        }
        if validator.isValidAtEnd { return .utf8 }
        guard said == .gb18030 || pairs.looksChinese else { throw .encoding(name: TextEncoding.gb18030.name) }
        let converted = try ConvertedBytes(from: .gb18030, try alternative())
        while try converted.read(into: buffer) > 0 {}
        return .gb18030
    }
}

/// Counts the double bytes of GBK: Chinese text has both bytes high; a western letter is followed by a plain one.
struct ChinesePairs {
    private var high = 0
    private var mixed = 0
    private var isInside = false

    var looksChinese: Bool { mixed * 8 <= high }

    mutating func take(_ bytes: UnsafeRawBufferPointer) {
        for byte in bytes {
            if isInside {
                isInside = false
                if byte >= 0x80 { high += 1 } else { mixed += 1 }
            } else if byte >= 0x80 {
                isInside = true
            }
        }
    }
}

/// Checks UTF-8 part by part (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
struct UTF8Validator {
    private var needed = 0
    private var lowest: UInt8 = 0x80
    private var highest: UInt8 = 0xBF
    private var isValid = true

    var isValidAtEnd: Bool { isValid && needed == 0 }

    mutating func take(_ bytes: UnsafeRawBufferPointer) {
        guard isValid else { return }
        var index = 0
        let end = bytes.count
        while index < end {
            if needed == 0 {
                // Eight ASCII bytes at a time.
                while index + 8 <= end,
                    bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
                { index += 8 }
                if index >= end { return }
            }
            let byte = bytes[index]
            index += 1
            if needed > 0 {
                guard byte >= lowest, byte <= highest else { isValid = false; return }
                (lowest, highest) = (0x80, 0xBF)
                needed -= 1
            } else if byte >= 0x80 {
                switch byte {
                case 0xC2...0xDF: needed = 1
                case 0xE0: needed = 2; lowest = 0xA0
                case 0xED: needed = 2; highest = 0x9F
                case 0xE1...0xEF: needed = 2
                case 0xF0: needed = 3; lowest = 0x90
                case 0xF4: needed = 3; highest = 0x8F
                case 0xF1...0xF3: needed = 3
                default: isValid = false; return
                }
            }
        }
    }
}

/// Another encoding's bytes as UTF-8.
package final class ConvertedBytes: ByteSource {
    private let source: any ByteSource
    private let converter: iconv_t
    private let name: String
    private var input = [UInt8](repeating: 0, count: 1 << 16)
    /// Converted; `ready` of it isn't handed out yet.
    private var output = [UInt8](repeating: 0, count: 1 << 17)
    private var ready = 0..<0
    private var pending = 0
    private var isAtEnd = false

    package init(from encoding: TextEncoding, _ source: any ByteSource) throws(ByteSourceFault) {
        self.source = source
        name = encoding.name
        guard let converter = iconv_open("UTF-8", encoding.name), Int(bitPattern: converter) != -1 else {
            throw .encoding(name: encoding.name)
        }
        self.converter = converter
    }

    deinit { iconv_close(converter) }

    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(ByteSourceFault) -> Int {
        // Whoever reads may have room for less than a character.
        if ready.isEmpty { ready = 0..<(try convertMore()) }
        let count = min(ready.count, buffer.count)
        output.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[ready.prefix(count)])) }
        ready = ready.dropFirst(count)
        return count
    }

    /// Fills `output` from its start; 0 at the end.
    private func convertMore() throws(ByteSourceFault) -> Int {
        while true {
            if !isAtEnd, pending < input.count {
                let start = pending
                let count = try fill(from: start)
                if count == 0 { isAtEnd = true }
                pending += count
            }
            if pending == 0 {
                if isAtEnd { return 0 }
                continue
            }
            let (written, used, failed) = convert()
            input.replaceSubrange(0..<(pending - used), with: input[used..<pending])
            pending -= used
            if failed || (written == 0 && isAtEnd && used == 0) { throw .encoding(name: name) }
            if written > 0 { return written }
        }
    }

    private func fill(from start: Int) throws(ByteSourceFault) -> Int {
        let part = UnsafeMutableRawBufferPointer.allocate(byteCount: input.count - start, alignment: 1)
        defer { part.deallocate() }
        let count = try source.read(into: part)
        input.replaceSubrange(start..<start + count, with: part[0..<count])
        return count
    }

    private func convert() -> (written: Int, used: Int, failed: Bool) {
        input.withUnsafeMutableBytes { bytes in
            output.withUnsafeMutableBytes { buffer in
                var from = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
                var left = pending
                var to = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
                var room = buffer.count
                let result = iconv(converter, &from, &left, &to, &room)
                // EINVAL: the last character goes on in the next part; E2BIG: the buffer is full.
                let failed = result == -1 && errno != EINVAL && errno != E2BIG
                return (buffer.count - room, pending - left, failed)
            }
        }
    }
}
