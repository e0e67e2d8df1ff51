internal import Formats
internal import Ledger
internal import Operations
internal import Receivables

/// Files: brought, their columns assigned, tried out, imported (导入).
enum ImportPages {
    static let routes: [Route] = [
        Route(.get, "/imports", .permission(.seeImports)) { try await start($0) },
        Route(.post, "/imports", .permission(.seeImports), bodyLimit: 64 << 20, upload),
        Route(.get, "/imports/{id}", .permission(.seeImports)) { try await mapping($0) },
        Route(.post, "/imports/{id}/try", .permission(.seeImports)) { try await rehearse($0) },
        Route(.post, "/imports/{id}/commit", .permission(.seeImports), commit),
        Route(.get, "/imports/{id}/progress", .permission(.seeImports), progress),
        Route(.get, "/imports/template/{kind}", .permission(.seeImports), template),
    ]

    private static func kinds(_ asking: Asking) -> [ImportKind] {
        ImportKind.allCases.filter { asking.may($0.permission) }
    }

    // MARK: Bring a file

    private static func start(_ asking: Asking, refused: Refusal? = nil) async throws -> Reply {
        let w = asking.w
        let parts = Parts(asking)
        let mine = kinds(asking)
        var filter = Look.ActFilter()
        filter.limit = 400
        let asked = filter
        let page = try await asking.look(.seeImports) { try $0.acts(asked) }
        let acts = page.rows.filter { $0.command.hasPrefix("import-") }.prefix(12)
        let chosen = asking.form.has("kind") ? asking.form["kind"] : asking.query["kind"]
        let form: HTML = """
            <form class="form" method="post" action="/imports" enctype="multipart/form-data" data-loose>\(Layout.formFields(asking, isOnce: false))
            \(parts.select("kind", w(.fileHolds), mine.map { ($0.rawValue, w.name(.importKind, $0.rawValue)) }, selected: chosen))
            <div class="drop" data-dropzone><div class="field"><label for="file">\(w(.file))</label><input id="file" name="file" type="file" accept=".csv,.xlsx,.txt,.tsv" required></div><p class="meta">\(w(.fileHint))</p></div>
            <p class="acts">\(parts.submit(w(.upload)))</p></form>
            """
        return Layout(asking).page(
            w(.navImports), at: .imports, status: refused == nil ? 200 : 422,
            """
            \(parts.head(w(.navImports)))
            \(parts.answer(HTML(w(.importsText))))
            \(refused.map { parts.callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            <div class="split sec"><section>\(mine.isEmpty ? parts.callout(HTML(w(.importNotYours))) : form)</section>
            <aside class="rail" aria-label="\(w(.templates))"><section><h2>\(w(.templates))</h2><ul>\(each: mine, { "<li><a href=\"/imports/template/\($0.rawValue)\" download>\(w.name(.importKind, $0.rawValue))</a></li>" })</ul></section></aside></div>
            <section class="sec"><h2>\(w(.lastImports))</h2>\(acts.isEmpty ? parts.empty(w(.importsNone)) : history(acts, asking))</section>
            """)
    }

    private static func history(_ acts: some Sequence<RegisterQueries.ActRow>, _ asking: Asking) -> HTML {
        let w = asking.w
        return """
            <div class="scroll"><table class="figures slim"><thead><tr><th scope="col">\(w(.act))</th><th scope="col">\(w(.time))</th><th scope="col">\(w(.command))</th><th scope="col">\(w(.actor))</th><th scope="col" class="r">\(w(.factsHead))</th></tr></thead><tbody>\(each: acts, { row in
                "<tr data-row><th scope=\"row\">\(asking.may(.seeActs) ? "<a href=\"/acts/\(row.number)\" data-drawer data-open>#\(row.number)</a>" : HTML("#\(row.number)"))</th><td>\(w.moment(row.instant, asking.site.company, today: asking.today))</td><td>\(w.name(.command, row.command))</td><td>\(Parts(asking).actor(row.actor))</td><td class=\"r\">\(row.facts)</td></tr>"
            })</tbody></table></div>
            """
    }

    @Sendable private static func upload(_ asking: Asking) async throws -> Reply {
        guard let kind = ImportKind(rawValue: asking.form["kind"]) else { return .redirect("/imports") }
        try asking.viewer.need(kind.permission)
        guard let file = asking.files.first(where: { $0.field == "file" }), !file.bytes.isEmpty else {
            return try await start(asking, refused: Refusal(.fileEmpty))
        }
        let site = asking.site
        let owner = asking.viewer.key
        let upload = try await asking.work { try site.uploads.keep(file.bytes, name: file.name, owner: owner) }
        do {
            _ = try await asking.work { try SavedMapping.preview(of: upload.path, lines: 1) }
        } catch let refusal as Refusal {
            return try await start(asking, refused: refusal)
        }
        return .redirect("/imports/\(upload.id)?kind=\(kind.rawValue)")
    }

    // MARK: Which column is which

    private struct Prepared {
        let upload: Uploads.Upload
        let kind: ImportKind
        let header: [String]
        let rows: [[String]]
        let chosen: [String: String]
        let dateFormat: String
        let createsCustomers: Bool
        /// Takes over what differs from what is registered.
        let updates: Bool
    }

    private static func prepare(_ asking: Asking) async throws -> Prepared {
        guard let upload = asking.site.uploads.find(asking.place("id"), owner: asking.viewer.key) else {
            throw Refusal(.fileMissing, ["path": .text(asking.place("id"))])
        }
        let name = asking.form.has("kind") ? asking.form["kind"] : asking.query["kind"]
        guard let kind = ImportKind(rawValue: name) else { throw Refusal(.fileMissing, ["path": .text(name)]) }
        try asking.viewer.need(kind.permission)
        let store = asking.store
        let (preview, guess, saved) = try await asking.work {
            let preview = try SavedMapping.preview(of: upload.path, lines: 4)
            let fitting = try SavedMapping.fitting(upload.path, kind, in: store)
            let saved = try fitting.flatMap { try SavedMapping.find($0, in: store) }.flatMap {
                try? SavedMapping.read($0)
            }
            return (preview, try MappingGuess(kind, path: upload.path).columns, saved)
        }
        var chosen: [String: String] = [:]
        for column in kind.columns {
            let field = "column:\(column.name)"
            if asking.form.has(field) {
                chosen[column.name] = asking.form[field]
            } else if !asking.form.has("kind") {
                chosen[column.name] = saved?.columns[column.name] ?? guess[column.name] ?? ""
            }
        }
        return Prepared(
            upload: upload, kind: kind, header: preview.header, rows: preview.rows, chosen: chosen,
            dateFormat: asking.form.has("dates") ? asking.form["dates"] : dateFormat(preview.rows),
            createsCustomers: asking.form["createCustomers"] == "1", updates: asking.form["updates"] == "1")
    }

    /// A guess from the first lines.
    private static func dateFormat(_ rows: [[String]]) -> String {
        for cell in rows.joined() {
            if cell.wholeMatch(of: /\d{4}\/\d{1,2}\/\d{1,2}/) != nil { return "yyyy/M/d" }
            if cell.wholeMatch(of: /\d{1,2}\/\d{1,2}\/\d{4}/) != nil { return "M/d/yyyy" }
            if cell.wholeMatch(of: /\d{4}\.\d{1,2}\.\d{1,2}/) != nil { return "yyyy.M.d" }
        }
        return "yyyy-MM-dd"
    }

    private static let dateFormats = [
        "yyyy-MM-dd", "yyyy/M/d", "yyyy.M.d", "yyyy\u{5E74}M\u{6708}d\u{65E5}", "M/d/yyyy", "d/M/yyyy", "d.M.yyyy",
        "yyyyMMdd",
    ]

    /// The mapping as our own YAML, so that what people click is what `--mapping` reads.
    private static func yaml(_ prepared: Prepared) -> String {
        func quoted(_ text: String) -> String {
            "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        }
        let used = prepared.kind.columns.compactMap { column in
            prepared.chosen[column.name].flatMap { $0.isEmpty ? nil : (column.name, $0) }
        }
        var lines = used.isEmpty ? ["columns: {}"] : ["columns:"] + used.map { "  \($0.0): \(quoted($0.1))" }
        let rest = prepared.header.filter { heading in !heading.isEmpty && !used.contains { $0.1 == heading } }
        if !rest.isEmpty { lines.append("ignore: [\(rest.map(quoted).joined(separator: ", "))]") }
        if prepared.dateFormat != "yyyy-MM-dd" { lines.append("date_format: \(quoted(prepared.dateFormat))") }
        if prepared.createsCustomers { lines.append("create_missing: [customers]") }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func mapping(_ asking: Asking, result: Tried? = nil, refused: Refusal? = nil) async throws -> Reply {
        let prepared = try await prepare(asking)
        let w = asking.w
        let parts = Parts(asking)
        let options = [("", w(.columnNone))] + prepared.header.filter { !$0.isEmpty }.map { ($0, $0) }
        let mayUpdate = [ImportKind.customers, .contacts, .invoices, .calendar, .rates].contains(prepared.kind)
        let createsMissing = [ImportKind.invoices, .contacts, .receipts].contains(prepared.kind)
        return Layout(asking).page(
            prepared.upload.name, at: .imports, status: refused == nil ? 200 : 422,
            """
            \(parts.head(prepared.upload.name, meta: HTML(w.name(.importKind, prepared.kind.rawValue)), trail: [(w(.navImports), "/imports")]))
            \(refused.map { parts.callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            \(result.map { tried($0, prepared, asking) } ?? parts.answer(HTML(w(.mappingText))))
            <form class="form sec" method="post" action="/imports/\(prepared.upload.id)/try" data-mapping data-loose>\(Layout.formFields(asking))<input type="hidden" name="kind" value="\(prepared.kind.rawValue)">
            <section><h2>\(w(.columnsOfFile))</h2><ul class="chips">\(each: prepared.header.filter { !$0.isEmpty }, { "<li data-heading=\"\($0)\" draggable=\"true\">\($0)</li>" })</ul></section>
            <div class="two-columns">\(each: prepared.kind.columns, { column in
                "<div data-drop>\(parts.select("column:\(column.name)", "\(w.name(.column, column.name))\(column.isRequired ? " *" : "")", options, selected: prepared.chosen[column.name] ?? ""))</div>"
            })</div>
            <div class="two-columns">\(parts.select("dates", w(.dateFormat), dateFormats.map { ($0, $0) }, selected: prepared.dateFormat))\(if: createsMissing, "<label class=\"inline\"><input type=\"checkbox\" name=\"createCustomers\" value=\"1\"\(if: prepared.createsCustomers, " checked")> \(w(.createCustomers))</label>")\(if: mayUpdate, "<label class=\"inline\"><input type=\"checkbox\" name=\"updates\" value=\"1\"\(if: prepared.updates, " checked")> \(w(prepared.kind == .invoices ? .updateStatus : .updateKnown))</label>")</div>
            <p class="acts">\(parts.submit(w(.tryOut), main: result?.isGood != true))</p></form>
            <section class="sec"><h2>\(w(.firstLines))</h2><div class="scroll"><table class="figures"><thead><tr>\(each: prepared.header, { "<th scope=\"col\">\($0)</th>" })</tr></thead><tbody>\(each: prepared.rows, { row in "<tr>\(each: row, { "<td>\($0)</td>" })</tr>" })</tbody></table></div></section>
            """)
    }

    // MARK: Try and commit

    struct Tried: Sendable {
        let report: ImportReport?
        let faults: [LineFault]
        let yaml: String
        var isGood: Bool { faults.isEmpty && (report?.rejected ?? 0) == 0 }
    }

    private static func tried(_ result: Tried, _ prepared: Prepared, _ asking: Asking) -> HTML {
        let w = asking.w
        let parts = Parts(asking)
        if result.isGood, let report = result.report {
            return """
                \(parts.answer(w.html(.tryGood, ["created": parts.bold("\(report.created)"), "unchanged": HTML("\(report.unchanged)")])))
                \(if: report.updated > 0, parts.callout(HTML(w(.tryUpdates, ["count": .count(report.updated)]))))
                \(if: (report.proposed ?? 0) > 0, parts.callout(HTML(w(.importProposed, ["count": .count(report.proposed ?? 0)]))))
                <form method="post" action="/imports/\(prepared.upload.id)/commit" data-loose>\(Layout.formFields(asking))<input type="hidden" name="kind" value="\(prepared.kind.rawValue)"><input type="hidden" name="mapping" value="\(result.yaml)">\(if: prepared.updates, "<input type=\"hidden\" name=\"updates\" value=\"1\">")
                <p class="acts">\(parts.submit(w(.importNow, ["count": .count(report.created + report.updated)])))<label class="inline"><input type="checkbox" name="remember" value="1"> \(w(.rememberMapping))</label></p></form>
                """
        }
        return """
            \(parts.callout(HTML(w(.tryBad, ["count": .count(result.faults.count)])), isBad: true))
            <div class="scroll sec"><table class="figures slim"><caption class="hidden">\(w(.faults))</caption><thead><tr><th scope="col" class="r">\(w(.line))</th><th scope="col">\(w(.columnHead))</th><th scope="col">\(w(.value))</th><th scope="col">\(w(.whatToDo))</th></tr></thead><tbody>\(each: result.faults.prefix(200), { fault in
                "<tr data-row><th scope=\"row\" class=\"r\">\(fault.line == 0 ? "–" : HTML("\(fault.line)"))</th><td>\(w.name(.column, fault.column))</td><td><code>\(String(fault.value.prefix(60)))</code></td><td>\(w.message(fault.refusal))</td></tr>"
            })</tbody></table></div>\(if: result.faults.count > 200, "<p class=\"meta\">\(w(.moreFaults, ["count": .count(result.faults.count - 200)]))</p>")
            """
    }

    private static func rehearse(_ asking: Asking) async throws -> Reply {
        let prepared = try await prepare(asking)
        let yaml = yaml(prepared)
        do {
            var importing = FileImport(
                prepared.kind, .file(path: prepared.upload.path), mapping: try SavedMapping.read(yaml))
            importing.options.isDryRun = true
            importing.options.updates = prepared.updates
            let result = try await importing.run(
                in: asking.store, actor: asking.viewer.actor, source: "import", now: asking.now, today: asking.today)
            return try await mapping(asking, result: Tried(report: result.report, faults: result.faults, yaml: yaml))
        } catch let rejected as ImportRejected {
            return try await mapping(
                asking, result: Tried(report: rejected.report, faults: rejected.faults, yaml: yaml))
        } catch let refusal as Refusal {
            return try await mapping(asking, refused: refusal)
        }
    }

    /// Imports behind the page, which shows how far it is.
    @Sendable private static func commit(_ asking: Asking) async throws -> Reply {
        let prepared = try await prepare(asking)
        let site = asking.site
        let id = prepared.upload.id
        if prepared.upload.progress != nil {
            return .redirect("/imports/\(id)/progress?kind=\(prepared.kind.rawValue)")
        }
        let yaml = asking.form.raw("mapping")
        let mapping = try SavedMapping.read(yaml)
        if asking.form["remember"] == "1", asking.may(.saveMapping) {
            try await SavedMapping.save(
                "\(prepared.kind.rawValue)-\(prepared.upload.name)", yaml, in: asking.store,
                asking.request(.saveMapping, isOnce: false))
        }
        site.uploads.change(id) { $0.progress = 0 }
        let actor = asking.viewer.actor
        let (now, today, w, path, kind) = (asking.now, asking.today, asking.w, prepared.upload.path, prepared.kind)
        let updates = prepared.updates
        Task.detached {
            var outcome: Uploads.Outcome
            do {
                var importing = FileImport(kind, .file(path: path), mapping: mapping)
                importing.options.updates = updates
                importing.onProgress = { share in site.uploads.change(id) { $0.progress = share } }
                let result = try await importing.run(
                    in: site.store, actor: actor, source: "import", now: now, today: today)
                outcome = .imported(
                    summary: w(
                        .importedSummary,
                        [
                            "created": .count(result.report.created), "updated": .count(result.report.updated),
                            "unchanged": .count(result.report.unchanged),
                        ]),
                    act: result.act)
            } catch let refusal as Refusal {
                outcome = .failed(message: w.message(refusal))
            } catch let rejected as ImportRejected {
                outcome = .failed(message: w(.tryBad, ["count": .count(rejected.faults.count)]))
            } catch {
                outcome = .failed(message: w(.error500Text, ["id": .text("-")]))
            }
            let ended = outcome
            site.uploads.change(id) {
                $0.outcome = ended
                $0.progress = 1
            }
        }
        return .redirect("/imports/\(id)/progress?kind=\(prepared.kind.rawValue)")
    }

    @Sendable private static func progress(_ asking: Asking) async throws -> Reply {
        guard let upload = asking.site.uploads.find(asking.place("id"), owner: asking.viewer.key) else {
            throw Refusal(.fileMissing, ["path": .text(asking.place("id"))])
        }
        let w = asking.w
        let parts = Parts(asking)
        let state: HTML
        switch upload.outcome {
        case .imported(let summary, let act):
            state = """
                <section id="progress"><p class="answer">\(summary)</p><p class="acts sec">\(act.map { asking.may(.seeActs) ? parts.button("#\($0)", "/acts/\($0)") : .nothing } ?? .nothing)\(parts.button(w(.nextFile), "/imports", main: true))</p></section>
                """
        case .failed(let message):
            state =
                "<section id=\"progress\">\(parts.callout(HTML(message), isBad: true))<p class=\"acts sec\">\(parts.button(w(.navImports), "/imports", main: true))</p></section>"
        case nil:
            let percent = Int((upload.progress ?? 0) * 100)
            state = """
                <section id="progress" data-poll="/imports/\(upload.id)/progress"><p class="answer">\(w(.importRunning))</p><label class="meta" for="share">\(percent) %</label> <progress id="share" max="100" value="\(percent)">\(percent) %</progress></section>
                """
        }
        if asking.part == "poll" { return .html(state) }
        return Layout(asking).page(
            upload.name, at: .imports, "\(parts.head(upload.name, trail: [(w(.navImports), "/imports")]))\(state)")
    }

    @Sendable private static func template(_ asking: Asking) async throws -> Reply {
        guard let kind = ImportKind(rawValue: asking.place("kind")) else {
            throw Refusal(.fileMissing, ["path": .text(asking.place("kind"))])
        }
        return .file(
            Array(("\u{FEFF}" + kind.columns.map(\.name).joined(separator: ",") + "\n").utf8),
            name: "\(kind.rawValue).csv",
            type: "text/csv; charset=utf-8")
    }
}
