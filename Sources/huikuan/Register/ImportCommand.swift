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
    @Argument(help: "A CSV file (comma, semicolon or tab; UTF-8 or GB18030) or a workbook (.xlsx).") var file: String
    @OptionGroup var options: StoreOptions
    @Option(help: ArgumentHelp("A mapping: a YAML file, or the name of a saved one.", valueName: "file or name"))
    var mapping: String?
    @Option(help: ArgumentHelp("Save the mapping in the store under a name.", valueName: "name")) var saveMapping:
        String?
    @Flag(help: "Propose a mapping from the file's headings, and do nothing else.") var guess = false
    @Flag(help: "Go the whole way, tell everything, change nothing.") var dryRun = false
    @Flag(help: "Take the good lines; the others go to FILE.rejected.csv with their reasons.") var partial = false
    @Flag(help: "Let customers, contacts and tax invoices' states that differ become new versions.") var update = false
    @Option(help: ArgumentHelp("Receipts: the file holds all that came to the bank up to this day.", valueName: "day"))
    var through: DayArgument?

    func validate() throws {
        guard ImportKind(rawValue: kind) != nil else {
            throw ValidationError("KIND is one of \(ImportKind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        if through != nil, kind != ImportKind.receipts.rawValue {
            throw ValidationError("--through goes with receipts")
        }
        if saveMapping != nil, mapping == nil {
            throw ValidationError("--save-mapping saves what --mapping FILE names; give both")
        }
    }

    func run() async throws {
        guard let kind = ImportKind(rawValue: kind) else { return }
        if guess {
            Console.write(try MappingGuess(kind, path: file).yaml(), to: STDOUT_FILENO)
            return
        }
        let session = try Session(options)
        let mapping = try await readMapping(session)
        var importing = FileImport(kind, .file(path: file), mapping: mapping)
        importing.options.isDryRun = dryRun
        importing.options.takesGoodLines = partial
        importing.options.updates = update
        importing.options.through = through?.day
        let progress = Progress(session.catalogue.text(.importProgress, ["kind": .text(kind.rawValue)]))
        importing.onProgress = { progress.show($0) }
        let rejects = partial && !dryRun ? RejectedLines(path: file + ".rejected.csv", mapping, session.catalogue) : nil
        if let rejects { importing.onRejected = { cells, faults in rejects.take(cells, faults) } }
        do {
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
            } else if !options.json, mapping.columns.isEmpty,
                rejected.faults.contains(where: { $0.refusal.code == .columnMissing })
            {
                Console.complain(session.catalogue.text(.importOfferGuess, ["kind": .text(kind.rawValue)]))
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
                saveMapping, yaml, in: session.store, session.request(.saveMapping, saveMapping + yaml))
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
                    "rejected": .count(report.rejected), "postedLater": .count(isRefused ? 0 : report.postedLater),
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
                catalogue.text(.importRejected, ["kind": .text(report.kind), "rejected": .count(faults.count)]))
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
            if report.postedLater > 0 {
                Console.say(catalogue.text(.importPostedLater, ["count": .count(report.postedLater)]))
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

/// Writes rejected lines beside the file they come from; the file takes its place when all is done.
///
/// It is written so that the mapping of the import fits it too: mended, it is imported as it is.
private final class RejectedLines: @unchecked Sendable {
    // Written by the writer's thread, finished after its answer.
    private let path: String
    private let catalogue: Catalogue
    private let mapping: ImportMapping
    private var file: UnsafeMutablePointer<FILE>?
    /// Which columns are the file's own, and not the reasons of an earlier try.
    private var kept: [Int]?
    private var count = 0

    private var partPath: String { path + ".part" }

    init(path: String, _ mapping: ImportMapping, _ catalogue: Catalogue) {
        self.path = path
        self.mapping = mapping
        self.catalogue = catalogue
    }

    deinit {
        guard let file else { return }
        fclose(file)
        unlink(partPath)
    }

    func take(_ cells: [String], _ faults: [LineFault]) {
        guard let kept else {
            let own = cells.indices.filter { !LineReader.rejectedColumns.contains(cells[$0]) }
            kept = own
            file = fopen(partPath, "w")
            // A byte order mark tells spreadsheets, and our own reader, that this is UTF-8 whatever the mapping says.
            put("\u{FEFF}" + String(repeating: "\n", count: mapping.skipLines))
            put(line(own.map { cells[$0] } + LineReader.rejectedColumns))
            return
        }
        count += 1
        let reasons = faults.map { fault in
            (fault.column.isEmpty ? "" : "\(fault.column): ") + catalogue.message(fault.refusal)
        }
        let own = kept.map { $0 < cells.count ? cells[$0] : "" }
        put(line(own + ["\(faults.first?.line ?? 0)", reasons.joined(separator: " | ")]))
    }

    private func line(_ cells: [String]) -> String {
        CSVText.verbatimLine(cells, separator: mapping.separator ?? UInt8(ascii: ","))
    }

    private func put(_ text: String) {
        guard let file else { return }
        fputs(text, file)
    }

    /// - Returns: The path when there was anything to write.
    func finish() throws -> String? {
        guard kept != nil else { return nil }
        let isWritten = file.map { ferror($0) == 0 && fclose($0) == 0 } ?? false
        file = nil
        defer { unlink(partPath) }
        guard count > 0 else { return nil }
        guard isWritten, rename(partPath, path) == 0 else {
            throw Refusal(.outputUnwritable, ["path": .text(path), "reason": .text(String(cString: strerror(errno)))])
        }
        return path
    }
}
