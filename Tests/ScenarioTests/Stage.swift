import Foundation

/// Plays a scenario in a folder of its own, which is gone afterwards.
final class Stage {
    /// A step at which the program did something else than the story tells.
    struct Difference {
        let step: Scenario.Step
        let answer: [String]
        let exitCode: Int32
        /// The line of the scenario from which on the answer differs.
        let line: Int

        var description: String {
            """
            \(step.instruction)
            --- expected (exit \(step.exitCode)), different from line \(line) on
            \(step.content.joined(separator: "\n"))
            --- actual (exit \(exitCode))
            \(answer.joined(separator: "\n"))
            """
        }
    }

    /// A command before the story's clock was set: it would run by the wall's.
    struct NoClock: Error {}

    private let folder: URL
    private var now: String?
    /// What the story's names stand for, such as `{task}`.
    private(set) var words: [String: String] = [:]

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("scenario-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// SwiftPM builds the program beside the test bundle; `HUIKUAN_BINARY` names another.
    static let binary: URL = {
        if let named = ProcessInfo.processInfo.environment["HUIKUAN_BINARY"] { return URL(fileURLWithPath: named) }
        return URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("huikuan")
    }()

    /// Plays one step, after those before it.
    ///
    /// - Returns: What differs from the story; `nil` when all is as it tells.
    func play(_ step: Scenario.Step) throws -> Difference? {
        switch step.instruction {
        case .now(let instant): now = instant
        case .file(let name): try Data(step.content.map { $0 + "\n" }.joined().utf8).write(to: file(name))
        case .delete(let name): try FileManager.default.removeItem(at: file(name))
        case .see(let name):
            let text = try? String(contentsOf: file(name), encoding: .utf8)
            return compare(text.map(Lines.of) ?? ["(there is no file \(name))"], 0, step)
        case .run(let command):
            let (answer, exitCode) = try run(command)
            return compare(answer, exitCode, step)
        }
        return nil
    }

    private func file(_ name: String) -> URL { folder.appendingPathComponent(name) }

    private func compare(_ answer: [String], _ exitCode: Int32, _ step: Scenario.Step) -> Difference? {
        let expectation = Expectation(step.content, known: words)
        let found = expectation.words(in: answer)
        words.merge(found ?? wordsOfFittingLines(step, answer)) { $1 }
        guard found == nil || exitCode != step.exitCode else { return nil }
        let line = step.line + (found == nil ? 1 + expectation.firstDifference(in: answer) : 0)
        return Difference(step: step, answer: answer, exitCode: exitCode, line: line)
    }

    /// So that what follows a difference isn't lost with it.
    private func wordsOfFittingLines(_ step: Scenario.Step, _ answer: [String]) -> [String: String] {
        zip(step.content, answer).reduce(into: [:]) { words, line in
            words.merge(Expectation([line.0], known: self.words).words(in: [line.1]) ?? [:]) { $1 }
        }
    }

    private func run(_ command: String) throws -> (answer: [String], exitCode: Int32) {
        guard let now else { throw NoClock() }
        let told = words.reduce(command.replacingOccurrences(of: "company.db", with: store)) {
            $0.replacingOccurrences(of: $1.key, with: $1.value)
        }
        let arguments = Array(CommandWords.split(told).dropFirst())
        let process = Process()
        process.executableURL = Self.binary
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.environment = Self.environment.merging(["HUIKUAN_NOW": now, "HUIKUAN_STORE": store]) { $1 }
        let output = Pipe()
        let complaint = Pipe()
        process.standardOutput = output
        process.standardError = complaint
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let errors = complaint.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let said = String(decoding: text + errors, as: UTF8.self)
        return (Lines.of(said.replacingOccurrences(of: store, with: "company.db")), process.terminationStatus)
    }

    /// `HUIKUAN_TEST_SERVER` names a PostgreSQL database in which each story gets a schema of its own; without it
    /// its store is the file company.db.
    static let server = ProcessInfo.processInfo.environment["HUIKUAN_TEST_SERVER"]

    private let store: String =
        server.map { server in
            "\(server)?schema=s_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
        } ?? "company.db"

    /// What a person has set for the program, such as a store or a language, stays out of the story.
    private static let environment = ProcessInfo.processInfo.environment.filter { name, _ in
        name == "HUIKUAN_RESOURCES" || !(name.hasPrefix("HUIKUAN_") || name.hasPrefix("LC_") || name == "LANG")
    }
}
