internal import Foundation
internal import Ledger
package import Receivables

/// The product's texts in one language, from data files beside the program.
package final class Catalogue: Sendable {
    package enum Language: String, CaseIterable, Sendable {
        case chinese = "zh-Hans"
        case english = "en"
    }

    package let language: Language
    private let texts: [String: String]

    /// - Throws: `Refusal` `file.missing` when the program's resources aren't found.
    package init(_ language: Language) throws {
        self.language = language
        var texts: [String: String] = [:]
        for name in ["errors", "texts", "web"] {
            let content = try Resources.text("catalogue/\(name).\(language.rawValue).txt")
            for line in content.split(separator: "\n") where !line.hasPrefix("#") {
                guard let range = line.range(of: " = ") else { continue }
                texts[String(line[..<range.lowerBound])] = String(line[range.upperBound...])
            }
        }
        self.texts = texts
        keys = Set(texts.keys)
    }

    /// The same catalogue with a company's own words in some places.
    private init(_ language: Language, _ texts: [String: String]) {
        self.language = language
        self.texts = texts
        keys = Set(texts.keys)
    }

    /// All keys of the language, for the test that compares languages.
    package let keys: Set<String>

    /// A text as it stands, with its places open.
    func pattern(_ key: TextKey) -> String { texts[key.rawValue] ?? "" }

    /// The same catalogue with other texts under some keys.
    func replacing(_ own: [TextKey: String]) -> Catalogue {
        var replaced = texts
        for (key, text) in own { replaced[key.rawValue] = text }
        return Catalogue(language, replaced)
    }

    /// A text with its parameters put in; a key without a text shows itself. `{count:item/items}` chooses by number.
    package func text(_ key: String, _ parameters: [String: Refusal.Parameter] = [:]) -> String {
        filled(Substring(texts[key] ?? key), parameters)
    }

    private func filled(_ pattern: Substring, _ parameters: [String: Refusal.Parameter]) -> String {
        // One pass from left to right, so that a brace in a value is never taken for a place.
        var rest = pattern
        var text = ""
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            text += rest[..<open]
            text += value(of: rest[rest.index(after: open)..<close], parameters)
            rest = rest[rest.index(after: close)...]
        }
        return text + rest
    }

    /// A place's value; `{count:item/items}` is the first word where the count is one, else the second.
    private func value(of place: Substring, _ parameters: [String: Refusal.Parameter]) -> String {
        let parts = place.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, case .count(let count)? = parameters[String(parts[0])] else {
            return parameters[String(place)].map(string) ?? "{\(place)}"
        }
        let words = parts[1].split(separator: "/", omittingEmptySubsequences: false)
        return String(count == 1 ? words[0] : words[words.count - 1])
    }

    package func text(_ key: TextKey, _ parameters: [String: Refusal.Parameter] = [:]) -> String {
        text(key.rawValue, parameters)
    }

    /// A refusal as a sentence that says what to do.
    package func message(_ refusal: Refusal) -> String { text(refusal.code.rawValue, refusal.parameters) }

    /// The same in its two parts: what is wrong, and what to do. The pattern is cut, never a value that stands in it.
    package func parts(_ refusal: Refusal) -> (said: String, cure: String) {
        let pattern = texts[refusal.code.rawValue] ?? refusal.code.rawValue
        let end = language == .chinese ? pattern.range(of: "。") : pattern.range(of: ". ")
        guard let end, end.upperBound < pattern.endIndex else {
            let whole = message(refusal)
            return (whole, whole)
        }
        let mark = language == .chinese ? pattern[end] : "."
        return (
            filled(pattern[..<end.lowerBound] + mark, refusal.parameters),
            filled(pattern[end.upperBound...], refusal.parameters)
        )
    }

    private func string(_ parameter: Refusal.Parameter) -> String {
        switch parameter {
        case .text(let text): text
        case .count(let count): "\(count)"
        case .money(let money): "\(money)"
        case .day(let day): "\(day)"
        }
    }
}
