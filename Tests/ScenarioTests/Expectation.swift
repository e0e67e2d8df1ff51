import Foundation

/// What an answer is expected to say: lines in which `…` stands for anything and `{name}` for a word.
struct Expectation {
    let lines: [String]
    /// What names stand for that were met earlier, with their braces.
    let known: [String: String]

    init(_ lines: [String], known: [String: String] = [:]) {
        self.lines = lines
        self.known = known
    }

    /// - Returns: What the names stand for that were met here; `nil` when the answer says something else.
    func words(in answer: [String]) -> [String: String]? {
        let (pattern, names) = pattern(lines[...])
        let text = answer.map { $0 + "\n" }.joined()
        guard let groups = Self.groups(#"\A"# + pattern + #"\z"#, text) else { return nil }
        return Dictionary(zip(names, groups)) { $1 }
    }

    /// The index of the first line that the answer doesn't have; the number of lines when the answer goes on.
    func firstDifference(in answer: [String]) -> Int {
        let text = answer.map { $0 + "\n" }.joined()
        return lines.indices.first { index in
            Self.groups(#"\A"# + pattern(lines[...index]).text, text) == nil
        } ?? lines.count
    }

    private func pattern(_ lines: ArraySlice<String>) -> (text: String, names: [String]) {
        var text = ""
        var names: [String] = []
        for line in lines {
            if line == "…" {
                text += #"(?:.*\n)*?"#
                continue
            }
            var position = line.startIndex
            for match in line.matches(of: /…|\{[a-z-]+\}/) {
                text += Self.escaped(line[position..<match.range.lowerBound])
                let mark = String(match.output)
                if mark == "…" {
                    text += ".*"
                } else if let word = known[mark] {
                    text += Self.escaped(word[...]) + " *?"
                } else {
                    // The spaces behind a word align what follows it, and differ with its length.
                    text += #"(\S+) *?"#
                    names.append(mark)
                }
                position = match.range.upperBound
            }
            text += Self.escaped(line[position...]) + #"\n"#
        }
        return (text, names)
    }

    private static func escaped(_ text: Substring) -> String { NSRegularExpression.escapedPattern(for: String(text)) }

    /// - Returns: What the pattern's groups hold; `nil` when it doesn't fit the text.
    private static func groups(_ pattern: String, _ text: String) -> [String]? {
        let whole = NSRange(text.startIndex..., in: text)
        guard let match = try? NSRegularExpression(pattern: pattern).firstMatch(in: text, range: whole) else {
            return nil
        }
        return (1..<max(match.numberOfRanges, 1)).map { group in
            Range(match.range(at: group), in: text).map { String(text[$0]) } ?? ""
        }
    }
}
