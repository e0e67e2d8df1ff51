/// Lines as people see them: whatever ends them, and without blanks at their ends.
enum Lines {
    /// - Returns: The lines without the empty ones at the end of the text.
    static func of(_ text: String) -> [String] {
        // By scalars, as `\r\n` is a single character, and a byte order mark none that is seen.
        var lines = text.unicodeScalars.drop { $0 == "\u{FEFF}" }
            .split(separator: "\n", omittingEmptySubsequences: false).map { trimmed(String($0)) }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    private static func trimmed(_ line: String) -> String {
        var line = line
        while line.last?.isWhitespace == true { line.removeLast() }
        return line
    }
}
