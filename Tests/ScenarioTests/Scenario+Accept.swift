import Foundation

extension Scenario {
    /// Whether what the program says is to be written into the scenarios, to be read before it is kept:
    /// `HUIKUAN_SCENARIOS=accept script/test --filter ScenarioTests`.
    static let accepts = ProcessInfo.processInfo.environment["HUIKUAN_SCENARIOS"] == "accept"

    /// Writes what the program said in the place of what was expected. Lines that fit keep their `…` and names.
    func accept(_ differences: [Stage.Difference]) throws {
        var lines = Lines.of(try String(contentsOf: file, encoding: .utf8))
        for difference in differences.sorted(by: { $0.step.line > $1.step.line }) {
            let step = difference.step
            let answer = difference.answer.enumerated().map { index, line -> String in
                guard step.content.indices.contains(index) else { return line }
                let expected = step.content[index]
                return expected != "…" && Expectation([expected]).words(in: [line]) != nil ? expected : line
            }
            let ending = difference.exitCode == 0 ? [] : ["exit \(difference.exitCode)"]
            lines.replaceSubrange(
                step.line..<step.lastLine, with: answer.map { $0.isEmpty ? "" : "  " + $0 } + ending)
        }
        try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: file)
    }
}
