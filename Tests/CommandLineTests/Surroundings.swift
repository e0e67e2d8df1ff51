import Foundation

/// A small Python program that plays the other side: another process on the same file.
struct Python {
    private let process: Process
    private let input: Pipe
    private let output: Pipe

    static func run(_ program: String, _ argument: String) throws -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", program, argument]
        return try Program.finish(process).exitCode == 0
    }

    static func start(_ program: String, _ argument: String) throws -> Python {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", program, argument]
        let input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        return Python(process: process, input: input, output: output)
    }

    func waitForLine() -> String {
        String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func letGo() {
        input.fileHandleForWriting.write(Data("\n".utf8))
        process.waitUntilExit()
    }
}

/// A disk of a few megabytes in memory. Mounting one needs rights that not every machine gives; then the
/// tests that need it are shown as skipped.
final class SmallDisk {
    let path: String

    static let isAllowed: Bool = {
        guard let disk = try? SmallDisk(megabytes: 1) else { return false }
        return !disk.path.isEmpty
    }()

    private struct NotMounted: Error {}

    init(megabytes: Int) throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("disk-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard try Self.run("mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", path) else {
            try FileManager.default.removeItem(atPath: path)
            throw NotMounted()
        }
    }

    deinit {
        _ = try? Self.run("umount", path)
        try? FileManager.default.removeItem(atPath: path)
    }

    func makeReadOnly() -> Bool { (try? Self.run("mount", "-o", "remount,ro", path)) ?? false }

    private static func run(_ arguments: String...) throws -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        return try Program.finish(process).exitCode == 0
    }
}
