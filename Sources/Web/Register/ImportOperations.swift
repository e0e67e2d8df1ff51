internal import Formats
internal import Foundation
internal import Ledger
internal import Operations
internal import Receivables

/// Files of many records, for programs: brought, worked on while the program asks how far it is (批量导入).
enum ImportOperations {
    static let all: [Operation] = [kinds, bring, list, progress, saveMapping]

    private static let permissions = ImportKind.allCases.map(\.permission)
    private static let kindNames = ImportKind.allCases.map(\.rawValue)
    static let mostBytes = 1 << 30

    private static let kinds = Operation.ask(
        "/imports/kinds", "listImportKinds", .seeImports, "What files may hold, and their columns.",
        result: Shape.page(
            "ImportKindPage",
            .named(
                "ImportKind",
                .record([
                    .init("kind", .choice(kindNames)), .init("permission", .line()),
                    .init(
                        "columns",
                        .list(
                            of: .named(
                                "ImportColumn", .record([.init("name", .line()), .init("required", .flag)])))),
                ])))
    ) { call in
        call.page(
            ImportKind.allCases.map { kind in
                .object([
                    "kind": .string(kind.rawValue), "permission": .string(kind.permission.rawValue),
                    "columns": .array(
                        kind.columns.map {
                            .object(["name": .string($0.name), "required": .bool($0.isRequired)])
                        }),
                ])
            }, next: nil)
    }

    // MARK: Bringing a file

    private static let jobFields: [Schema.Field] = [
        .init("id", .line()), .init("state", .choice(["running", "done", "rejected", "failed"])),
        .init("progress", .whole(0...100), "Per cent of the work."),
        .orNull("act", .identifier), .orNull("created", .count), .orNull("updated", .count),
        .orNull("unchanged", .count), .orNull("rejected", .count),
        .orNull("proposed", .count, "Lines that wait for a second person."),
        .init(
            "errors",
            .list(
                of: .named(
                    "ImportError",
                    .record([
                        .init("line", .count, "0 for the file as a whole."),
                        .init("column", .lines(0...4_000)), .init("value", .lines(0...4_000)), .init("code", .line()),
                        .init("message", .lines(0...20_000)),
                    ]))), "The first thousand."),
    ]
    private static let job = Schema.named("Import", .record(jobFields))

    private static let bring = Operation(
        .post, "/imports", "startImport", .anyOf(permissions), "Brings a file and starts its import.",
        about: """
            All or nothing, unless `partial` is given. The answer comes at once; `Location` tells where to ask how far it \
            is. The same file again changes nothing: lines are recognised by what they are.
            """,
        query: [
            .needed("kind", .choice(kindNames), "What the file holds."),
            .init("dryRun", .flag, "Goes the whole way and takes everything back."),
            .init("partial", .flag, "Takes the good lines and tells the others."),
            .init("update", .flag, "Takes over what differs, where the kind has versions."),
            .init("through", .day, "The file holds all that came to the bank up to this day."),
            .init("mapping", .line(1...80), "The name of a saved mapping; else one that fits the header, else none."),
            .init("dateFormat", .line(1...20), "`yyyy-MM-dd` unless given."),
            .init("createCustomers", .flag, "Customers that aren't there are made, with their code as name."),
        ],
        body: .file(
            [
                "application/octet-stream", "text/csv",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            ], most: mostBytes),
        status: 202, result: .json(job),
        example: .init(
            query: ["kind": "customers", "dryRun": "true"],
            file: "code,name\\nE-2001,First Example\\nE-2002,Second Example\\n")
    ) { call in
        guard let kind = ImportKind(rawValue: call.query.text("kind") ?? ""), let upload = call.upload else {
            throw Refusal(.requestPath)
        }
        try call.viewer.need(kind.permission)
        let key = "import \(call.key)"
        var mapping = ImportMapping()
        if let name = call.query.text("mapping") {
            let store = call.store
            guard let yaml = try await call.work({ try SavedMapping.find(name, in: store) }) else {
                throw Refusal(.mappingNotFound, ["mapping": .text(name)])
            }
            mapping = try SavedMapping.read(yaml)
        }
        if let format = call.query.text("dateFormat") {
            mapping = try SavedMapping.read("columns: {}\ndate_format: \(quoted(format))\n")
        }
        if call.query.flag("createCustomers") == true { mapping.createMissing.insert("customers") }
        let kept = try await upload()
        // The same key and the same file once, also for two that come at once; another file under it is refused.
        let options = call.query.canonical
        let mark = try await call.work { try Uploads.mark(of: kept, options) }
        if let known = call.site.uploads.claim(kept.id, key: key, mark: mark) {
            guard known.mark == mark else { throw Refusal(.keyReused, ["key": .text(call.key)]) }
            return started(known, call.w)
        }
        var importing = FileImport(kind, .file(path: kept.path), mapping: mapping)
        importing.options.isDryRun = call.query.flag("dryRun") ?? false
        importing.options.takesGoodLines = call.query.flag("partial") ?? false
        importing.options.updates = call.query.flag("update") ?? false
        importing.options.through = call.day("through")
        importing.narrowedTo = call.viewer.narrowing
        importing.trace = call.requestID
        importing.key = importing.options.isDryRun ? nil : "api \(call.key)"
        importing.onProgress = { [site = call.site] share in
            site.uploads.change(kept.id) { $0.progress = share }
        }
        let work = importing
        Task.detached { await run(work, kept.id, call) }
        return started(call.site.uploads.find(kept.id, owner: call.viewer.key) ?? kept, call.w)
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    private static func started(_ upload: Uploads.Upload, _ w: Wording) -> Answer {
        Answer(body: json(upload, w), location: "/imports/\(upload.id)")
    }

    private static func run(_ importing: FileImport, _ id: String, _ call: Call) async {
        var job = Uploads.Job()
        do {
            let result = try await importing.run(
                in: call.store, actor: call.viewer.actor, source: "import", now: call.now, today: call.today)
            job = Uploads.Job(state: "done", report: result.report, faults: result.faults, act: result.act)
        } catch let rejected as ImportRejected {
            // Nothing of it was taken, also of its good lines.
            var report = rejected.report
            (report.created, report.updated, report.unchanged, report.proposed) = (0, 0, 0, nil)
            job = Uploads.Job(state: "rejected", report: report, faults: rejected.faults)
        } catch let refusal as Refusal {
            job = Uploads.Job(
                state: "rejected", faults: [LineFault(line: 0, column: "", value: "", refusal: refusal)])
        } catch {
            let fault = LineFault(
                line: 0, column: "", value: "", refusal: Refusal(.requestFailed, ["id": .text(call.requestID)]))
            job = Uploads.Job(state: "failed", faults: [fault])
        }
        let ended = job
        call.site.uploads.change(id) {
            $0.job = ended
            $0.progress = 1
        }
    }

    private static func json(_ upload: Uploads.Upload, _ w: Wording) -> JSONValue {
        let job = upload.job
        func count(_ value: Int?) -> JSONValue { value.map { .count($0) } ?? .null }
        return .object([
            "id": .string(upload.id), "state": .string(job?.state ?? "running"),
            "progress": .count(Int((upload.progress ?? 0) * 100)), "act": job?.act.map(Shape.id) ?? .null,
            "created": count(job?.report?.created), "updated": count(job?.report?.updated),
            "unchanged": count(job?.report?.unchanged), "rejected": count(job?.report?.rejected),
            "proposed": count(job?.report?.proposed),
            "errors": .array(
                (job?.faults ?? []).map { fault in
                    .object([
                        "line": .count(fault.line), "column": .string(fault.column), "value": .string(fault.value),
                        "code": .string(fault.refusal.code.rawValue), "message": .string(w.message(fault.refusal)),
                    ])
                }),
        ])
    }

    private static let list = Operation(
        .get, "/imports", "listImports", .anyOf(permissions),
        "The holder's imports of the last two hours, newest first.",
        result: .json(Shape.page("ImportPage", job))
    ) { call in
        call.page(
            call.site.uploads.all(owner: call.viewer.key).filter { $0.key != nil }.map { json($0, call.w) }, next: nil)
    }

    private static let progress = Operation(
        .get, "/imports/{import}", "getImport", .anyOf(permissions), "How far an import is, and what came of it.",
        result: .json(job), example: .init(places: ["import": "{import}"], needs: "an import that was started")
    ) { call in
        guard let upload = call.site.uploads.find(call.place("import"), owner: call.viewer.key), upload.key != nil
        else { throw Refusal(.importUnknown, ["id": .text(call.place("import"))]) }
        return .json(json(upload, call.w))
    }

    private static let saveMapping = Operation.act(
        .put, "/mappings/{name}", "saveMapping", .saveMapping,
        "Saves a mapping of a file's headings under a name (docs/FILES.md).",
        body: .named("Mapping", .record([.init("yaml", .lines(1...20_000))])),
        result: .named("SavedMapping", .record([.init("name", .line())])),
        example: .init(
            places: ["name": "erp"], body: .object(["yaml": .string("columns: {number: InvoiceNo}\n")]))
    ) { call in
        let yaml = call.body.text("yaml") ?? ""
        _ = try SavedMapping.read(yaml)
        try await SavedMapping.save(call.place("name"), yaml, in: call.store, call.request(.saveMapping))
        return .json(.object(["name": .string(call.place("name"))]))
    }
}
