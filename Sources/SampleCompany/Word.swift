/// A Chinese character or word and how it sounds, for the mail addresses made from it.
struct Word: Sendable {
    let text: String
    let sound: String

    /// Reads a list such as `澜 lan 砚 yan`.
    static func list(_ pairs: String) -> [Word] {
        let parts = pairs.split(whereSeparator: \.isWhitespace)
        return stride(from: 0, to: parts.count - 1, by: 2).map {
            Word(text: String(parts[$0]), sound: String(parts[$0 + 1]))
        }
    }
}
