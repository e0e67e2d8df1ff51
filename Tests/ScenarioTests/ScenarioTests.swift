import Foundation
import Testing

/// Plain-text stories played against the real program; `Scenario` explains how they are written.
@Suite struct ScenarioTests {
    @Test("The program does what the story tells", arguments: Scenario.names)
    func story(name: String) throws {
        let scenario = try Scenario(named: name)
        let stage = try Stage()
        var differences: [Stage.Difference] = []
        for step in scenario.steps {
            guard let difference = try stage.play(step) else { continue }
            differences.append(difference)
            if Scenario.accepts { continue }
            Issue.record(
                Comment(rawValue: difference.description),
                sourceLocation: SourceLocation(
                    fileID: "ScenarioTests/\(scenario.file.lastPathComponent)", filePath: scenario.file.path,
                    line: difference.line, column: 1))
        }
        if Scenario.accepts, !differences.isEmpty { try scenario.accept(differences) }
    }

    @Test("Every command has a story, but for the sample company's and the server's, which others tell")
    func everyCommand() throws {
        let process = Process()
        process.executableURL = Stage.binary
        process.arguments = ["--help"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let help = Lines.of(String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self))
        process.waitUntilExit()
        let listed = help.drop { $0 != "SUBCOMMANDS:" }.compactMap { line in
            line.prefixMatch(of: #/  ([a-z-]+)( |$)/#).map { String($0.1) }
        }
        try #require(listed.contains("import"))
        let told = try Scenario.names.reduce(into: Set<String>()) { $0.formUnion(try Scenario(named: $1).commands) }
        #expect(Set(listed).subtracting(told) == ["demo", "serve"])
    }

    @Test(
        "An answer fits what is expected of it, or doesn't",
        arguments: [
            (["a", "b"], ["a", "b"], true),
            (["a", "b"], ["a"], false),
            (["a"], ["a", "b"], false),
            (["Sound: 7 acts, … facts. Head …"], ["Sound: 7 acts, 812 facts. Head #7 ab"], true),
            (["a…c"], ["abd"], false),
            (["a", "…", "z"], ["a", "b", "c", "z"], true),
            (["a", "…", "z"], ["a", "z"], true),
            (["…"], [], true),
            (["1.00 (CNY)"], ["1x00 (CNY)"], false),
            (["{task}  due"], ["12      due"], true),
            (["{task}  due"], ["      due"], false),
        ])
    func expectations(expected: [String], answer: [String], fits: Bool) {
        #expect((Expectation(expected).words(in: answer) != nil) == fits)
    }

    @Test("A word that was met once stands for itself from then on")
    func words() {
        let met = Expectation(["{task}  a", "{other} b"]).words(in: ["12   a", "13 b"])
        #expect(met == ["{task}": "12", "{other}": "13"])
        #expect(Expectation(["{task}!"], known: ["{task}": "12"]).words(in: ["12!"]) != nil)
        #expect(Expectation(["{task}!"], known: ["{task}": "12"]).words(in: ["13!"]) == nil)
        #expect(Expectation(["a", "b…", "c"]).firstDifference(in: ["a", "bb", "d"]) == 2)
        #expect(Expectation(["a"]).firstDifference(in: ["a", "b"]) == 1)
    }

    @Test("Phrases in quotes are one word, and may be empty")
    func commandWords() {
        #expect(
            CommandWords.split(#"huikuan pause I1 --reason "two words" --note """#).suffix(4) == [
                "--reason", "two words", "--note", "",
            ])
    }
}
