internal import Foundation
internal import Receivables

/// Customers as a search finds them: by any part of a code or name, and by the first letters of how a Chinese name is
/// read (拼音首字母).
struct Directory: Sendable {
    /// One customer, in order of codes.
    struct Entry: Sendable {
        let id: Int64
        let code: String
        let initials: Initials
    }

    let entries: [Entry]
    private let words: TextBlob

    init(_ attributes: CustomerAttributes) {
        var readings = Readings()
        let sorted = attributes.byID.sorted { $0.value.code < $1.value.code }
        entries = sorted.map { id, entry in
            Entry(id: id, code: entry.code, initials: readings.initials(of: entry.name))
        }
        words = sorted.reduce(into: TextBlob()) { blob, pair in
            let entry = pair.value
            blob.append("\(entry.code)\n\(entry.name)\n\(entry.nameKey)".lowercased())
        }
    }

    /// Customers that fit, those whose code or name begins with the text first.
    func search(_ text: String, limit: Int, where isWanted: (Int64) -> Bool) -> [Int64] {
        let wanted = text.trimmingCharacters(in: .whitespaces).lowercased()
        guard !wanted.isEmpty else { return [] }
        var first: [Int] = []
        var others: [Int] = []
        words.find(Array(wanted.utf8).filter { $0 != 0 }, from: 0, to: entries.count) { place, isAtWord in
            if isAtWord {
                if others.last == place { others.removeLast() }
                first.append(place)
            } else if others.last != place {
                others.append(place)
            }
            return isAtWord
        }
        if let letters = Initials.masks(ofQuery: wanted), first.count + others.count < limit {
            let known = Set(first).union(others)
            for (place, entry) in entries.enumerated()
            where entry.initials.contain(letters) && !known.contains(place) { others.append(place) }
        }
        var found: [Int64] = []
        for place in first + others where isWanted(entries[place].id) {
            found.append(entries[place].id)
            if found.count >= limit { break }
        }
        return found
    }
}

/// The letters that each character of a name may begin with.
struct Initials: Sendable {
    /// Bit 0 is a, bit 25 is z, bit 26 is 0; a character that begins with nothing is left out.
    fileprivate let masks: [UInt64]

    /// Whether somewhere in a row the characters begin with these letters.
    fileprivate func contain(_ letters: [UInt64]) -> Bool {
        guard letters.count <= masks.count else { return false }
        return (0...masks.count - letters.count).contains { start in
            letters.indices.allSatisfy { masks[start + $0] & letters[$0] != 0 }
        }
    }

    /// `nil` for a query that isn't made of at least two letters and digits.
    fileprivate static func masks(ofQuery text: String) -> [UInt64]? {
        let masks = text.unicodeScalars.map(mask)
        return masks.count >= 2 && !masks.contains(0) ? masks : nil
    }

    fileprivate static func mask(_ scalar: Unicode.Scalar) -> UInt64 {
        switch scalar {
        case "a"..."z": 1 << UInt64(scalar.value - 97)
        case "0"..."9": 1 << UInt64(scalar.value - 48 + 26)
        default: 0
        }
    }
}

/// How characters are read. The transform that comes with the system knows one reading each, and for some characters
/// of company names the wrong one (ENGINEERING, "Pinyin").
private struct Readings {
    private var known: [Unicode.Scalar: UInt64] = [:]

    private static let several: [(String, String)] = [
        ("行", "hx"), ("长", "cz"), ("重", "cz"), ("厦", "sx"), ("朝", "cz"), ("调", "dt"), ("曾", "cz"), ("单", "ds"),
        ("解", "jx"), ("区", "qo"), ("仇", "qc"), ("乐", "ly"), ("盛", "sc"), ("覃", "qt"), ("石", "sd"), ("藏", "cz"),
        ("会", "hk"), ("车", "cj"), ("率", "ls"), ("传", "cz"), ("弹", "dt"), ("给", "gj"), ("参", "cs"), ("宿", "sx"),
        ("校", "xj"), ("系", "xj"), ("奇", "qj"), ("贾", "jg"), ("尉", "wy"), ("翟", "zd"), ("种", "zc"), ("降", "jx"),
        ("沈", "sc"), ("广", "ga"), ("万", "wm"), ("查", "cz"), ("澄", "cd"), ("泊", "bp"), ("堡", "bp"), ("剥", "bx"),
    ]

    init() {
        for (character, letters) in Self.several {
            guard let scalar = character.unicodeScalars.first else { continue }
            known[scalar] = letters.unicodeScalars.reduce(0) { $0 | Initials.mask($1) }
        }
    }

    mutating func initials(of name: String) -> Initials {
        Initials(
            masks: name.lowercased().unicodeScalars.compactMap { scalar in
                let mask = mask(of: scalar)
                return mask == 0 ? nil : mask
            })
    }

    private mutating func mask(of scalar: Unicode.Scalar) -> UInt64 {
        let plain = Initials.mask(scalar)
        if plain != 0 || scalar.isASCII { return plain }
        if let mask = known[scalar] { return mask }
        let latin = String(scalar).applyingTransform(.mandarinToLatin, reverse: false)?
            .folding(options: .diacriticInsensitive, locale: nil).lowercased()
        let mask = latin?.unicodeScalars.first.map(Initials.mask) ?? 0
        known[scalar] = mask
        return mask
    }
}
