internal import Glibc

/// Reads a part's XML element by element, in memory of a fixed size.
///
/// It takes less than XML allows, and nothing that could reach beyond the part or make it grow: UTF-8 only, the five
/// predefined entities and numeric references only, no document type, elements at most 64 deep, tags of at most
/// 256 KiB. What it takes is checked: names, tags that match, attributes that stand once, characters, one root.
/// Namespaces are not resolved; elements are known by their local names, and whoever reads asks for them where the
/// format has them and nowhere else.
final class XLSXMarkup {
    enum Event {
        /// An element starts; `name` and `attribute(_:)` tell which, `depth` counts it.
        case start
        /// An element ended; `depth` doesn't count it any more.
        case end
        /// The part ended as it should.
        case finish
    }

    static let deepest = 64
    /// Bytes that the text between two looks at it may have; spreadsheets stop at 32,767 characters.
    static let longestText = 1 << 20
    private static let capacity = 1 << 18
    private static let longestName = 1024
    private static let mostAttributes = 256

    /// Kinds of bytes, as bits.
    private enum Class {
        static let nameStart: UInt8 = 1
        static let name: UInt8 = 2
        static let space: UInt8 = 4
        /// Stops the run of plain text between tags: `<`, `&`, `]`, a return and control characters.
        static let stopsText: UInt8 = 8
        /// Stops the run of plain characters in an attribute: quotes, `<`, `&`, other spaces and control characters.
        static let stopsValue: UInt8 = 16
    }

    private struct Attribute {
        let name: XLSXName
        let isPrefixed: Bool
        /// The qualified name and the value, counted from the buffer's start.
        let whole: Range<Int>
        var value: Range<Int>
        /// Whether the value has references or line breaks.
        var isCoded: Bool
    }

    let part: XLSXPart
    /// Unread bytes are `position ..< end`; sixteen zeros follow them, which stop every run.
    private let base: UnsafeMutablePointer<UInt8>
    private var position = 0
    private var end = 0
    private var sourceEnded = false
    private var linesBefore = 1
    private var validator = UTF8Validator()
    private let classes: UnsafeMutablePointer<UInt8>

    private let textBase: UnsafeMutablePointer<UInt8>
    private var textCount = 0
    private var keepsText = false

    private let attributes: UnsafeMutablePointer<Attribute>
    private var attributeCount = 0
    /// The qualified names of the open elements, one after the other, and where each ends.
    private let openNames: UnsafeMutablePointer<UInt8>
    private let openEnds: UnsafeMutablePointer<Int>
    private var hasRoot = false
    private var endsAtOnce = false

    /// The element of the last event.
    private(set) var name = XLSXName.other
    /// How many elements are open.
    private(set) var depth = 0

    init(_ part: XLSXPart) throws(XLSXFault) {
        self.part = part
        base = .allocate(capacity: Self.capacity + 16)
        textBase = .allocate(capacity: Self.longestText)
        openNames = .allocate(capacity: Self.deepest * Self.longestName)
        openEnds = .allocate(capacity: Self.deepest + 1)
        openEnds[0] = 0
        attributes = .allocate(capacity: Self.mostAttributes)
        classes = .allocate(capacity: 256)
        for (byte, bits) in Self.allClasses.enumerated() { classes[byte] = bits }
        try readDeclaration()
    }

    deinit {
        base.deallocate()
        textBase.deallocate()
        openNames.deallocate()
        openEnds.deallocate()
        attributes.deallocate()
        classes.deallocate()
    }

    private static let allClasses = (0...255).map { classes(of: $0) }

    private static func classes(of byte: UInt8) -> UInt8 {
        var bits: UInt8 = 0
        switch byte {
        case 65...90, 97...122, 95, 0x80...: bits = Class.nameStart | Class.name
        case 48...57, 45, 46: bits = Class.name
        case 9, 10, 13, 32: bits = Class.space
        default: break
        }
        if byte < 32 {
            bits |= Class.stopsValue
            if byte != 9, byte != 10 { bits |= Class.stopsText }
        }
        if [60, 38].contains(byte) { bits |= Class.stopsText | Class.stopsValue }
        if byte == 93 { bits |= Class.stopsText }
        if [34, 39].contains(byte) { bits |= Class.stopsValue }
        return bits
    }

    // MARK: What whoever reads asks for

    /// Moves to the next start or end of an element.
    func next() throws(XLSXFault) -> Event {
        if endsAtOnce {
            endsAtOnce = false
            depth -= 1
            return .end
        }
        while true {
            guard try readText() else {
                guard depth == 0, hasRoot else { throw malformed }
                return .finish
            }
            _ = try ensure(2)
            switch base[position + 1] {
            case 47:
                while try !readEndTag() { try refillOrFail() }
                return .end
            case 33: try readMarkedSection()
            case 63: try skipInstruction()
            default:
                while try !readStartTag() { try refillOrFail() }
                return .start
            }
        }
    }

    /// Keeps the text from here on, until `ignoreText()`; what was kept before stays.
    func keepText() { keepsText = true }
    func ignoreText() { keepsText = false }
    func clearText() { textCount = 0 }

    /// The text kept, valid until the next call.
    var text: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: textBase, count: textCount) }

    /// The value of an attribute of the element that just started, valid until the next call.
    func attribute(_ name: XLSXName, isPrefixed: Bool = false) -> UnsafeBufferPointer<UInt8>? {
        for index in 0..<attributeCount
        where attributes[index].name == name && attributes[index].isPrefixed == isPrefixed {
            let value = attributes[index].value
            return UnsafeBufferPointer(start: base + value.lowerBound, count: value.count)
        }
        return nil
    }

    func textAttribute(_ name: XLSXName, isPrefixed: Bool = false) -> String? {
        attribute(name, isPrefixed: isPrefixed).map { String(decoding: $0, as: UTF8.self) }
    }

    /// A fault at the place that was read last; also for what is XML but not what the format says.
    var malformed: XLSXFault { .malformed(part: part.name, line: line) }

    /// The line that was read last.
    private var line: Int { linesBefore + lineFeeds(before: position) }

    // MARK: Tags

    /// Reads the tag at `position`; `false` when the buffer ends inside of it.
    private func readStartTag() throws(XLSXFault) -> Bool {
        guard depth > 0 || !hasRoot else { throw malformed }
        guard let tag = try scanName(position + 1) else { return false }
        attributeCount = 0
        var hasCoded = false
        var isEmpty = false
        var index = tag.end
        while true {
            let gap = index
            while classes[Int(base[index])] & Class.space != 0 { index += 1 }
            if base[index] == 62 { break }
            if base[index] == 47 {
                if index + 1 == end { return false }
                guard base[index + 1] == 62 else { throw malformed }
                isEmpty = true
                index += 1
                break
            }
            if index == end { return false }
            guard index > gap, let attribute = try scanAttribute(index) else {
                if index == gap { throw malformed }
                return false
            }
            hasCoded = hasCoded || attribute.isCoded
            try add(attribute)
            index = attribute.value.upperBound + 1
        }

        guard depth < Self.deepest else { throw .tooDeep(part: part.name, limit: Self.deepest) }
        name = XLSXName(base + tag.local, count: tag.end - tag.local)
        let nameStart = position + 1
        if !isEmpty {
            let from = openEnds[depth]
            memcpy(openNames + from, base + nameStart, tag.end - nameStart)
            openEnds[depth + 1] = from + tag.end - nameStart
        }
        depth += 1
        hasRoot = true
        endsAtOnce = isEmpty
        position = index + 1
        if hasCoded { try decodeAttributes() }
        return true
    }

    private func readEndTag() throws(XLSXFault) -> Bool {
        let start = position + 2
        guard let tag = try scanName(start) else { return false }
        var index = tag.end
        while classes[Int(base[index])] & Class.space != 0 { index += 1 }
        guard base[index] == 62 else {
            if index == end { return false }
            throw malformed
        }
        guard depth > 0 else { throw malformed }
        let from = openEnds[depth - 1]
        guard openEnds[depth] - from == tag.end - start, memcmp(openNames + from, base + start, tag.end - start) == 0
        else { throw malformed }
        name = XLSXName(base + tag.local, count: tag.end - tag.local)
        depth -= 1
        position = index + 1
        return true
    }

    /// Finds where a name's local part starts and where it ends; `nil` when the buffer ends inside of it.
    @inline(__always)
    private func scanName(_ start: Int) throws(XLSXFault) -> (local: Int, end: Int)? {
        var local = start
        var index = start
        while true {
            guard classes[Int(base[index])] & Class.nameStart != 0 else {
                if index == end { return nil }
                throw malformed
            }
            repeat { index += 1 } while classes[Int(base[index])] & Class.name != 0
            // One prefix, no more.
            guard base[index] == 58, local == start else { break }
            index += 1
            local = index
        }
        if index == end { return nil }
        guard index - start <= Self.longestName else { throw malformed }
        return (local, index)
    }

    /// Reads `name="value"`; `nil` when the buffer ends inside of it.
    @inline(__always)
    private func scanAttribute(_ start: Int) throws(XLSXFault) -> Attribute? {
        guard let tag = try scanName(start) else { return nil }
        var index = tag.end
        while classes[Int(base[index])] & Class.space != 0 { index += 1 }
        if index == end { return nil }
        guard base[index] == 61 else { throw malformed }
        index += 1
        while classes[Int(base[index])] & Class.space != 0 { index += 1 }
        if index == end { return nil }
        let quote = base[index]
        guard quote == 34 || quote == 39 else { throw malformed }
        index += 1
        let from = index
        var isCoded = false
        while true {
            while classes[Int(base[index])] & Class.stopsValue == 0 { index += 1 }
            let byte = base[index]
            if byte == quote { break }
            if index == end { return nil }
            switch byte {
            case 34, 39: break
            case 38, 9, 10, 13: isCoded = true
            default: throw malformed
            }
            index += 1
        }
        return Attribute(
            name: XLSXName(base + tag.local, count: tag.end - tag.local), isPrefixed: tag.local != start,
            whole: start..<tag.end, value: from..<index, isCoded: isCoded)
    }

    private func add(_ attribute: Attribute) throws(XLSXFault) {
        guard attributeCount < Self.mostAttributes else { throw malformed }
        let whole = attribute.whole
        for index in 0..<attributeCount where attributes[index].name == attribute.name {
            let other = attributes[index].whole
            let isRepeated =
                other.count == whole.count
                && memcmp(base + other.lowerBound, base + whole.lowerBound, whole.count) == 0
            if isRepeated { throw malformed }
        }
        (attributes + attributeCount).initialize(to: attribute)
        attributeCount += 1
    }

    /// Resolves references in place: what they stand for is never longer than they are.
    private func decodeAttributes() throws(XLSXFault) {
        for index in 0..<attributeCount where attributes[index].isCoded {
            let value = attributes[index].value
            var read = value.lowerBound
            var write = read
            while read < value.upperBound {
                switch base[read] {
                case 38:
                    let (scalar, length) = try reference(at: read, before: value.upperBound)
                    UTF8.encode(scalar) { byte in
                        base[write] = byte
                        write += 1
                    }
                    read += length
                case 9, 10, 13:
                    // A space, as XML says; the line it began still counts.
                    if base[read] == 10 { linesBefore += 1 }
                    base[write] = 32
                    write += 1
                    read += 1
                default:
                    base[write] = base[read]
                    write += 1
                    read += 1
                }
            }
            attributes[index].value = value.lowerBound..<write
        }
    }

    // MARK: Text

    /// Reads up to the next `<`; `false` at the end of the part.
    private func readText() throws(XLSXFault) -> Bool {
        while true {
            let start = position
            var index = start
            while classes[Int(base[index])] & Class.stopsText == 0 { index += 1 }
            if index > start {
                if keepsText { try keep(start..<index) }
                if depth == 0 { try requireSpace(start..<index) }
                position = index
            }
            switch base[index] {
            case 60: return true
            case 0 where index == end:
                if try !refill() { return false }
            case 38:
                _ = try ensure(16)
                let (scalar, length) = try reference(at: position, before: min(position + 16, end))
                guard depth > 0 else { throw malformed }
                if keepsText { try keep(scalar) }
                position += length
            case 93:
                _ = try ensure(3)
                guard base[position + 1] != 93 || base[position + 2] != 62, depth > 0 else { throw malformed }
                if keepsText { try keep(position..<position + 1) }
                position += 1
            case 13:
                try readReturn(keepsText: keepsText)
            default: throw malformed
            }
        }
    }

    /// A return, with or without a line feed after it, is a line feed (XML 1.0, 2.11).
    private func readReturn(keepsText: Bool) throws(XLSXFault) {
        _ = try ensure(2)
        position += 1
        if keepsText { try keep("\n") }
        if position < end, base[position] == 10 { position += 1 }
    }

    private func requireSpace(_ range: Range<Int>) throws(XLSXFault) {
        for index in range where classes[Int(base[index])] & Class.space == 0 { throw malformed }
    }

    @inline(__always)
    private func keep(_ range: Range<Int>) throws(XLSXFault) {
        guard range.count <= Self.longestText - textCount else {
            throw .tooLarge(part: part.name, limit: Self.longestText)
        }
        memcpy(textBase + textCount, base + range.lowerBound, range.count)
        textCount += range.count
    }

    private func keep(_ scalar: Unicode.Scalar) throws(XLSXFault) {
        guard textCount + 4 <= Self.longestText else { throw .tooLarge(part: part.name, limit: Self.longestText) }
        UTF8.encode(scalar) { byte in
            textBase[textCount] = byte
            textCount += 1
        }
    }

    private static let entities: [(name: String, scalar: Unicode.Scalar)] = [
        ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"), ("&quot;", "\""), ("&apos;", "'"),
    ]

    /// Reads the reference that starts at `index`.
    private func reference(at index: Int, before limit: Int) throws(XLSXFault) -> (Unicode.Scalar, length: Int) {
        let bytes = UnsafeBufferPointer(start: base + index, count: max(limit - index, 0))
        guard bytes.count >= 4, bytes[1] == 35 else {
            for (name, scalar) in Self.entities where bytes.starts(with: name.utf8) {
                return (scalar, name.utf8.count)
            }
            throw malformed
        }
        guard let length = bytes.firstIndex(of: 59) else { throw malformed }
        let isHexadecimal = bytes[2] == 120
        let digits = bytes[(isHexadecimal ? 3 : 2)..<length]
        var value: UInt32 = 0
        guard !digits.isEmpty, digits.count <= 10 else { throw malformed }
        for byte in digits {
            guard let digit = Self.digit(byte), digit < (isHexadecimal ? 16 : 10) else { throw malformed }
            value = value &* (isHexadecimal ? 16 : 10) &+ digit
            guard value <= 0x10FFFF else { throw malformed }
        }
        let isCharacter = value >= 32 ? value != 0xFFFE && value != 0xFFFF : [9, 10, 13].contains(value)
        guard isCharacter, let scalar = Unicode.Scalar(value) else { throw malformed }
        return (scalar, length + 1)
    }

    /// The value of a hexadecimal digit.
    static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 48...57: UInt32(byte - 48)
        case 65...70: UInt32(byte - 55)
        case 97...102: UInt32(byte - 87)
        default: nil
        }
    }

    // MARK: What stands between elements

    /// The byte order mark and `<?xml … ?>`, in which only UTF-8 may be said.
    private func readDeclaration() throws(XLSXFault) {
        _ = try refill()
        if end >= 3, base[0] == 0xEF, base[1] == 0xBB, base[2] == 0xBF { position = 3 }
        guard startsWith("<?xml"), classes[Int(base[position + 5])] & Class.space != 0 else { return }
        let start = UnsafeBufferPointer(start: base + position, count: min(end - position, 1024))
        guard let length = start.indices.dropFirst().first(where: { start[$0 - 1] == 63 && start[$0] == 62 }) else {
            throw malformed
        }
        let text = String(decoding: start[..<length], as: UTF8.self).lowercased()
        position += length + 1
        guard let range = text.firstRange(of: "encoding") else { return }
        let words = text[range.upperBound...].split(maxSplits: 2, omittingEmptySubsequences: false) {
            $0 == "\"" || $0 == "'"
        }
        guard words.count == 3, ["utf-8", "utf8", "us-ascii", "ascii"].contains(words[1]) else { throw malformed }
    }

    private func skipInstruction() throws(XLSXFault) {
        position += 2
        _ = try ensure(4)
        // A second declaration could say another encoding.
        let isDeclaration = startsWith("xml") && classes[Int(base[position + 3])] & Class.name == 0
        guard !isDeclaration, classes[Int(base[position])] & Class.nameStart != 0 else { throw malformed }
        try skip(until: "?>")
    }

    private func readMarkedSection() throws(XLSXFault) {
        _ = try ensure(9)
        if startsWith("<!--") {
            position += 4
            try skip(until: "--")
            guard try ensure(1), base[position] == 62 else { throw malformed }
            position += 1
        } else if startsWith("<![CDATA[") {
            guard depth > 0 else { throw malformed }
            position += 9
            try skip(until: "]]>", keepsText: keepsText)
        } else if classes[Int(base[position + 2])] & Class.nameStart != 0 {
            throw .declaration(part: part.name, line: line)
        } else {
            throw malformed
        }
    }

    private func startsWith(_ text: StaticString) -> Bool {
        text.utf8CodeUnitCount <= end - position && memcmp(base + position, text.utf8Start, text.utf8CodeUnitCount) == 0
    }

    /// Moves behind the next occurrence of `terminator`.
    private func skip(until terminator: StaticString, keepsText: Bool = false) throws(XLSXFault) {
        while true {
            guard try ensure(terminator.utf8CodeUnitCount) else { throw malformed }
            if startsWith(terminator) { break }
            let byte = base[position]
            if byte == 13 {
                try readReturn(keepsText: keepsText)
                continue
            }
            guard byte >= 32 || byte == 9 || byte == 10 else { throw malformed }
            if keepsText { try keep(position..<position + 1) }
            position += 1
        }
        position += terminator.utf8CodeUnitCount
    }

    // MARK: Bytes

    /// Makes at least `count` bytes ready from `position` on; `false` when the part ends before that.
    @inline(__always)
    private func ensure(_ count: Int) throws(XLSXFault) -> Bool {
        while end - position < count {
            if try !refill() { return false }
        }
        return true
    }

    /// Gets the rest of a tag.
    private func refillOrFail() throws(XLSXFault) {
        guard position > 0 || end < Self.capacity else { throw .tooLarge(part: part.name, limit: Self.capacity) }
        guard try refill() else { throw malformed }
    }

    /// Fills the buffer, keeping what is unread; `false` when nothing came.
    private func refill() throws(XLSXFault) -> Bool {
        guard !sourceEnded else { return false }
        linesBefore += lineFeeds(before: position)
        memmove(base, base + position, end - position)
        end -= position
        position = 0
        let before = end
        while end < Self.capacity {
            let free = UnsafeMutableRawBufferPointer(start: base + end, count: Self.capacity - end)
            let count = try part.read(into: free)
            if count == 0 {
                sourceEnded = true
                break
            }
            end += count
        }
        memset(base + end, 0, 16)
        try validate(before..<end)
        return end > before
    }

    /// Checks that new bytes are UTF-8, up to the character that goes on in the next ones.
    private func validate(_ range: Range<Int>) throws(XLSXFault) {
        var whole = range.upperBound
        var index = whole
        // The start of the last character, if it is long and new.
        while index > range.lowerBound, whole - index < 4, base[index - 1] & 0xC0 == 0x80 { index -= 1 }
        if index > range.lowerBound, base[index - 1] >= 0xC0 {
            let lead = base[index - 1]
            let length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
            if whole - index + 1 < length { whole = index - 1 }
        }
        validator.take(UnsafeRawBufferPointer(start: base + range.lowerBound, count: whole - range.lowerBound))
        let isDecided = range.count >= 4 || sourceEnded
        guard !isDecided || validator.isValidAtEnd else { throw malformed }
        validator.take(UnsafeRawBufferPointer(start: base + whole, count: range.upperBound - whole))
        guard !sourceEnded || validator.isValidAtEnd else { throw malformed }
    }

    private func lineFeeds(before index: Int) -> Int {
        var count = 0
        for byte in UnsafeBufferPointer(start: base, count: index) where byte == 10 { count += 1 }
        return count
    }
}
