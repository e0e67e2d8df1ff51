import Foundation

/// A story in plain text that a finance clerk can read, played against the real program.
///
/// What stands at the edge of the page is an instruction or, behind `#`, the story itself. What is indented by two
/// spaces belongs to the instruction above it:
///
///     now 2026-03-27T01:00:00Z            the clock, from here on
///     file customers.csv                  writes what is indented into a file
///     $ huikuan import customers c.csv    runs the program; indented is what it says, then what it complains of
///     exit 1                              below the answer: how the program ends, where that isn't 0
///     see invoices.csv.rejected.csv       indented is what a file holds
///     delete copy.db.keys                 removes a file
///
/// In an answer `…` stands for anything in a line, and a line of `…` for any lines. `{task}` stands for a word, such
/// as the number of a task, that is remembered: whatever follows in the story may use it.
struct Scenario {
    enum Instruction: CustomStringConvertible {
        case now(String)
        case file(String)
        case run(String)
        case see(String)
        case delete(String)

        /// Reads the line that an instruction stands on.
        init?(_ line: String) {
            let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { return nil }
            switch parts[0] {
            case "now": self = .now(parts[1])
            case "file": self = .file(parts[1])
            case "$": self = .run(parts[1])
            case "see": self = .see(parts[1])
            case "delete": self = .delete(parts[1])
            default: return nil
            }
        }

        var description: String {
            switch self {
            case .now(let instant): "now \(instant)"
            case .file(let name): "file \(name)"
            case .run(let command): "$ \(command)"
            case .see(let name): "see \(name)"
            case .delete(let name): "delete \(name)"
            }
        }
    }

    struct Step {
        let instruction: Instruction
        /// The line of the file that it stands on, from 1.
        let line: Int
        /// What is indented below it, without the indentation.
        var content: [String] = []
        /// The line of the file that the content ends on, with an `exit` below it.
        var lastLine: Int
        var exitCode: Int32 = 0
    }

    /// A line that is neither an instruction nor part of one.
    struct Unreadable: Error, CustomStringConvertible {
        let file: String
        let line: Int
        let text: String
        var description: String { "\(file):\(line): this is no instruction: \(text)" }
    }

    let file: URL
    let steps: [Step]

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Scenarios")

    /// All scenarios by their names, in order.
    static let names: [String] = {
        let files = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        return (files ?? []).filter { $0.pathExtension == "scenario" }
            .map { $0.deletingPathExtension().lastPathComponent }.sorted()
    }()

    init(named name: String) throws { try self.init(Self.folder.appendingPathComponent(name + ".scenario")) }

    init(_ file: URL) throws {
        self.file = file
        var steps: [Step] = []
        // Content may hold empty lines; those before the next instruction only set it apart.
        var emptyLines = 0
        var takesContent = false
        for (index, line) in Lines.of(try String(contentsOf: file, encoding: .utf8)).enumerated() {
            let number = index + 1
            if line.isEmpty {
                emptyLines += 1
            } else if line.hasPrefix("  "), takesContent, let last = steps.indices.last {
                let between = steps[last].content.isEmpty ? 0 : emptyLines
                steps[last].content += Array(repeating: "", count: between) + [String(line.dropFirst(2))]
                steps[last].lastLine = number
                emptyLines = 0
            } else if line.hasPrefix("#") {
                takesContent = false
            } else if line.hasPrefix("exit "), let code = Int32(line.dropFirst(5)), let last = steps.indices.last {
                steps[last].exitCode = code
                steps[last].lastLine = number
                takesContent = false
            } else if let instruction = Instruction(line) {
                steps.append(Step(instruction: instruction, line: number, lastLine: number))
                emptyLines = 0
                takesContent = true
            } else {
                throw Unreadable(file: file.lastPathComponent, line: number, text: line)
            }
        }
        self.steps = steps
    }

    /// The commands that the story uses.
    var commands: Set<String> {
        Set(
            steps.compactMap { step in
                guard case .run(let command) = step.instruction else { return nil }
                return CommandWords.split(command).dropFirst().first
            })
    }
}
