import ArgumentParser
import Formats
import Foundation
import Ledger
import Operations
import Receivables

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Import an exchange file: all of it or nothing.",
        discussion: "Kinds and columns: docs/FILES.md. The same file again changes nothing.")

    @Argument(help: ArgumentHelp(ImportKind.allCases.map(\.rawValue).joined(separator: ", "), valueName: "kind"))
    var kind: String
    @Argument(help: "A CSV file: comma, semicolon or tab; UTF-8 or GB18030.") var file: String
    @OptionGroup var options: StoreOptions
    @Option(help: ArgumentHelp("A mapping: a YAML file, or the name of a saved one.", valueName: "file or name"))
    var mapping: String?
    @Option(help: ArgumentHelp("Save the mapping in the store under a name.", valueName: "name")) var saveMapping:
        String?
    @Flag(help: "Propose a mapping from the file's headings, and do nothing else.") var guess = false
    @Flag(help: "Go the whole way, tell everything, change nothing.") var dryRun = false
    @Flag(help: "Take the good lines; the others go to FILE.rejected.csv with their reasons.") var partial = false
    @Flag(help: "Let customers and contacts that differ become new versions.") var update = false

    func validate() throws {
        guard ImportKind(rawValue: kind) != nil else {
            throw ValidationError("KIND is one of \(ImportKind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
    }

    func run() async throws {
        guard let kind = ImportKind(rawValue: kind) else { return }
        if guess {
            Console.write(try MappingGuess(kind, path: file).yaml(), to: STDOUT_FILENO)
            return
        }
        let session = try Session(options)
        var importing = FileImport(kind, .file(path: file), mapping: try await readMapping(session))
        importing.options.isDryRun = dryRun
        importing.options.takesGoodLines = partial
        importing.options.updates = update
        let progress = Progress(session.catalogue.text(.importProgress, ["kind": .text(kind.rawValue)]))
        importing.onProgress = { progress.show($0) }
        let rejects = partial && !dryRun ? RejectedLines(path: file + ".rejected.csv", session.catalogue) : nil
        if let rejects { importing.onRejected = { cells, faults in rejects.take(cells, faults) } }
        do {
            let note = LockNote("import \(kind.rawValue)", options.store)
            defer { note.end() }
            let result = try await importing.run(
                in: session.store, actor: session.actor, source: "cli", now: session.now, today: session.today)
            progress.finish()
            let rejectedPath = try rejects?.finish()
            show(result.report, result.faults, session.catalogue, rejectedPath: rejectedPath)
            if result.report.created > 100_000 { try session.store.checkpoint() }
        } catch let rejected as ImportRejected {
            progress.finish()
            show(rejected.report, rejected.faults, session.catalogue, rejectedPath: nil)
            if !options.json, let name = try SavedMapping.fitting(file, kind, in: session.store) {
                Console.complain(session.catalogue.text(.importOfferMapping, ["name": .text(name)]))
            }
            throw CommandEnd(exitCode: 1)
        } catch {
            progress.finish()
            throw error
        }
    }

    private func readMapping(_ session: Session) async throws -> ImportMapping {
        guard let mapping else { return ImportMapping() }
        let yaml: String
        if let data = FileManager.default.contents(atPath: mapping) {
            yaml = String(decoding: data, as: UTF8.self)
        } else if let saved = try SavedMapping.find(mapping, in: session.store) {
            yaml = saved
        } else {
            throw Refusal(.mappingNotFound, ["mapping": .text(mapping)])
        }
        let read = try SavedMapping.read(yaml)
        if let saveMapping, !dryRun {
            try await SavedMapping.save(
                saveMapping, yaml, in: session.store, session.request("save-mapping", saveMapping + yaml))
            if !options.json {
                Console.complain(session.catalogue.text(.importSavedMapping, ["name": .text(saveMapping)]))
            }
        }
        return read
    }

    private func show(_ report: ImportReport, _ faults: [LineFault], _ catalogue: Catalogue, rejectedPath: String?) {
        let isRefused = report.rejected > 0 && !partial
        if options.json {
            Console.emit(
                .object([
                    "kind": .string(report.kind), "created": .count(isRefused ? 0 : report.created),
                    "unchanged": .count(isRefused ? 0 : report.unchanged),
                    "updated": .count(isRefused ? 0 : report.updated),
                    "rejected": .count(report.rejected),
                    "errors": .array(
                        faults.map { fault in
                            .object([
                                "line": .count(fault.line), "column": .string(fault.column),
                                "value": .string(fault.value),
                                "code": .string(fault.refusal.code.rawValue),
                                "message": .string(catalogue.message(fault.refusal)),
                            ])
                        }),
                    "dryRun": .bool(report.isDryRun),
                ]))
            return
        }
        if isRefused {
            Console.complain(
                catalogue.text(.importRejected, ["kind": .text(report.kind), "rejected": .count(report.rejected)]))
        } else {
            Console.say(
                catalogue.text(
                    .importDone,
                    [
                        "kind": .text(report.kind), "created": .count(report.created),
                        "unchanged": .count(report.unchanged),
                        "updated": .count(report.updated), "rejected": .count(report.rejected),
                    ]))
            if report.isDryRun { Console.say(catalogue.text(.importDryRun)) }
            if report.alsoCreated > 0 {
                Console.say(catalogue.text(.importAlsoCreated, ["count": .count(report.alsoCreated)]))
            }
            if let rejectedPath { Console.say(catalogue.text(.importRejectedFile, ["path": .text(rejectedPath)])) }
        }
        for fault in faults.prefix(20) { Console.complain("  " + FaultText.line(fault, catalogue)) }
        if faults.count > 20 {
            Console.complain("  " + catalogue.text(.importMoreErrors, ["count": .count(faults.count - 20)]))
        }
    }
}

/// A fault of a line as text: its place, its value and what to do.
enum FaultText {
    static func line(_ fault: LineFault, _ catalogue: Catalogue) -> String {
        var parts: [String] = []
        if fault.line == 0 {
            parts.append(catalogue.text(.importPlaceFile))
        } else if fault.column.isEmpty {
            parts.append(catalogue.text("import.place-line", ["line": .count(fault.line)]))
        } else {
            parts.append(catalogue.text(.importPlace, ["line": .count(fault.line), "column": .text(fault.column)]))
        }
        if !fault.value.isEmpty {
            let value = Console.shortened(String(fault.value.map { $0.isNewline ? " " : $0 }), to: 60)
            parts.append(catalogue.text(.importValue, ["value": .text(value)]))
        }
        return parts.joined(separator: " ") + ": " + catalogue.message(fault.refusal)
    }
}

/// Collects rejected lines beside the file they come from; the file takes its place when all is done.
private final class RejectedLines: @unchecked Sendable {
    // Written by the writer's thread, finished after its answer.
    private let path: String
    private let catalogue: Catalogue
    private var lines: [String] = []

    init(path: String, _ catalogue: Catalogue) {
        self.path = path
        self.catalogue = catalogue
    }

    func take(_ cells: [String], _ faults: [LineFault]) {
        if lines.isEmpty {
            lines.append(CSVText.line(cells + ["rejected_line", "rejected_reason"]))
        } else {
            let reasons = faults.map { fault in
                (fault.column.isEmpty ? "" : "\(fault.column): ") + catalogue.message(fault.refusal)
            }
            lines.append(CSVText.line(cells + ["\(faults.first?.line ?? 0)", reasons.joined(separator: " | ")]))
        }
    }

    /// - Returns: The path when there was anything to write.
    func finish() throws -> String? {
        guard lines.count > 1 else { return nil }
        guard FileManager.default.createFile(atPath: path, contents: Data(lines.joined().utf8)) else {
            throw Refusal(.outputUnwritable, ["path": .text(path), "reason": .text("")])
        }
        return path
    }
}
