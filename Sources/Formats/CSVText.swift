/// Writes CSV fields (RFC 4180) so that a spreadsheet never takes a text for a formula.
package enum CSVText {
    /// A line of fields, ended by `\n`.
    package static func line(_ fields: [String]) -> String {
        fields.map { quoted(neutralised($0), separator: 44) }.joined(separator: ",") + "\n"
    }

    /// A line of somebody's own cells as they were, formulas and all, ended by `\n`.
    package static func verbatimLine(_ fields: [String], separator: UInt8) -> String {
        fields.map { quoted($0, separator: separator) }.joined(separator: String(decoding: [separator], as: UTF8.self))
            + "\n"
    }

    private static func quoted(_ text: String, separator: UInt8) -> String {
        let needsQuotes = text.utf8.contains { $0 == separator || $0 == 34 || $0 == 10 || $0 == 13 }
        return needsQuotes
            ? "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
            : text
    }

    /// A text that starts like a formula gets an apostrophe before it; numbers stay numbers.
    private static func neutralised(_ text: String) -> String {
        guard let first = text.utf8.first, [61, 43, 45, 64, 9, 13].contains(first) else { return text }
        let isNumber = text.utf8.dropFirst().allSatisfy { ($0 >= 48 && $0 <= 57) || $0 == 46 || $0 == 44 }
        return isNumber && text.utf8.count > 1 && (first == 45 || first == 43) ? text : "'" + text
    }
}
