internal import Ledger
internal import Operations
internal import Receivables

/// Notes and files beside a record (备注与附件).
enum NotePages {
    static let routes: [Route] = [
        Route(.post, "/notes", .permission(.addNote), bodyLimit: Notes.mostBytes + (256 << 10), add),
        Route(.get, "/attachments/{id}", .session, attachment),
    ]

    /// The section of a record's page.
    static func section(_ notes: [Look.NoteRow], _ subject: Notes.Subject, _ asking: Asking) -> HTML {
        let w = asking.w
        let mayAdd = asking.may(.addNote)
        guard mayAdd || !notes.isEmpty else { return .nothing }
        return """
            <section class="sec" aria-labelledby="no"><header class="sec-head"><h2 id="no">\(w(.notesTitle))</h2></header>
            <ul class="note-list">\(each: notes, { note($0, asking) })</ul>\(if: mayAdd, form(subject, asking))</section>
            """
    }

    private static func note(_ note: Look.NoteRow, _ asking: Asking) -> HTML {
        let w = asking.w
        let text: HTML =
            note.text.map { $0.isEmpty ? .nothing : "<p class=\"text\">\($0)</p>" } ?? "<p>\(w(.noteErased))</p>"
        return """
            <li>\(text)\(each: note.files, { "<p>\(Icon.file.html) <a href=\"/attachments/\($0.id)\" download>\($0.name)</a> <span class=\"meta\">\(size($0.size))</span></p>" })\
            <p class="meta">\(Parts(asking).actor(note.author)) \(w.moment(note.instant, asking.site.company, today: asking.today))</p></li>
            """
    }

    private static func size(_ bytes: Int) -> String {
        bytes < 1 << 20 ? "\(max(1, bytes >> 10)) KB" : "\(bytes >> 20) MB"
    }

    private static func form(_ subject: Notes.Subject, _ asking: Asking) -> HTML {
        let w = asking.w
        let parts = Parts(asking, form: "note")
        let isRefused = asking.form.has("subject")
        return """
            <details\(if: isRefused, " open")><summary>\(w(.noteAct))</summary><form class="form" method="post" action="/notes" enctype="multipart/form-data">\(Layout.formFields(asking))<input type="hidden" name="kind" value="\(subject.kind.name)"><input type="hidden" name="subject" value="\(subject.key)">\(if: subject.entity != nil, "<input type=\"hidden\" name=\"entity\" value=\"\(subject.entity ?? "")\">")<input type="hidden" name="back" value="\(isRefused ? AccountPages.local(asking.form["back"]) : asking.path)">
            \(parts.area("text", w(.note), value: asking.form.raw("text")))\(parts.field("file", w(.noteFile), type: "file", hint: w(.noteFileHint)))<p class="acts">\(parts.submit(w(.noteAct), main: false))</p></form></details>
            """
    }

    @Sendable private static func add(_ asking: Asking) async throws -> Reply {
        guard let kind = Notes.Kind.allCases.first(where: { $0.name == asking.form["kind"] }) else {
            return .redirect("/")
        }
        let entity = asking.form["entity"]
        let subject = Notes.Subject(kind, asking.form["subject"], entity: entity.isEmpty ? nil : entity)
        let file = asking.files.first { $0.field == "file" && !$0.bytes.isEmpty }
        do {
            _ = try await NoteCommands(in: asking.store, asking.request(.addNote)).add(
                asking.form.raw("text"), file: file.map { Notes.File(name: $0.name, bytes: $0.bytes) }, to: subject)
        } catch let refusal as Refusal where refusal.code != .accessDenied {
            let parts = Parts(asking)
            let back = AccountPages.local(asking.form["back"])
            return Layout(asking).page(
                asking.w(.notesTitle), at: .none, status: 422,
                """
                \(parts.head(asking.w(.notesTitle), trail: [(subject.key, back)]))
                \(parts.callout(HTML(asking.w.message(refusal)), isBad: true))\(form(subject, asking))
                """)
        }
        return Notice.redirect(AccountPages.local(asking.form["back"]), "saved")
    }

    @Sendable private static func attachment(_ asking: Asking) async throws -> Reply {
        let id = Int64(asking.place("id")) ?? 0
        // Which permission it takes depends on the record; the look asks.
        let (file, bytes) = try await asking.look(.seeDay) { try $0.attachment(id) }
        return .file(bytes, name: file.name, type: file.mediaType)
    }
}
