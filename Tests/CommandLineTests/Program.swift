import Foundation
import Testing

/// The real program, run as a process in a folder of its own.
final class Program: Sendable {
    struct Answer {
        let exitCode: Int32
        let output: String
        let complaint: String

        /// The JSON document that the program answered with.
        func json() throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any], "\(output)")
        }
    }

    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("huikuan-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// SwiftPM builds the program beside the test bundle; `HUIKUAN_BINARY` names another.
    static let binary: URL = {
        if let named = ProcessInfo.processInfo.environment["HUIKUAN_BINARY"] { return URL(fileURLWithPath: named) }
        return URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("huikuan")
    }()

    /// A file in the folder; with `HUIKUAN_TEST_SERVER`, a PostgreSQL database, a schema of its own there.
    var store: String { schema ?? path("company.db") }

    private let schema: String? = ProcessInfo.processInfo.environment["HUIKUAN_TEST_SERVER"].map { server in
        "\(server)?schema=p_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
    }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: folder.appendingPathComponent(name))
        return path(name)
    }

    /// A process that runs a command on the store.
    func process(_ arguments: [String], store: String? = nil) -> Process {
        let process = Process()
        process.executableURL = Self.binary
        process.arguments = arguments + ["--store", store ?? self.store]
        process.currentDirectoryURL = folder
        return process
    }

    @discardableResult
    func run(_ arguments: String..., store: String? = nil) throws -> Answer {
        try Self.finish(process(arguments, store: store))
    }

    static func finish(_ process: Process) throws -> Answer {
        let output = Pipe()
        let complaint = Pipe()
        process.standardOutput = output
        process.standardError = complaint
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let errors = complaint.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Answer(
            exitCode: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
            complaint: String(decoding: errors, as: UTF8.self))
    }

    /// A store with customers, and files of invoices, receipts and allocations beside it.
    func company(invoices: Int = 10) throws {
        try #require(try run("init", "--language", "en").exitCode == 0)
        try write("customers.csv", "code,name\nC1,One\nC2,Two\n")
        let numbers = 0..<invoices
        try write(
            "invoices.csv",
            "number,customer,issue_date,due_date,amount\n"
                + numbers.map { "I\($0),C\($0 % 2 + 1),2026-01-01,2026-02-\(10 + $0 % 18),100.00\n" }.joined())
        try write(
            "receipts.csv",
            "reference,date,amount,customer\n" + numbers.map { "R\($0),2026-02-01,60.00,C\($0 % 2 + 1)\n" }.joined())
        try write("allocations.csv", "receipt,invoice,amount\n" + numbers.map { "R\($0),I\($0),60.00\n" }.joined())
        try #require(try run("import", "customers", path("customers.csv")).exitCode == 0)
    }
}
