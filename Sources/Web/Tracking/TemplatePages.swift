internal import Ledger
internal import Operations
internal import Receivables

/// What customers are written: its words, tried out with what somebody owes now, and changed with a second person.
enum TemplatePages {
    static let routes: [Route] = [
        Route(.get, "/templates", .permission(.seeReminders)) { try await show($0) },
        Route(.post, "/templates", .permission(.proposeTemplate), bodyLimit: 1 << 16) { try await propose($0) },
    ]

    private struct Content: Sendable {
        let newest: MessageTemplates.Version
        let history: [SettingQueries.PolicyRow]
        let sample: MessageTemplates.Sample?
        let waits: Bool
    }

    private static func language(_ asking: Asking) -> MessageTemplates.Language {
        let asked = asking.method == .post ? asking.form["language"] : asking.query["language"]
        return MessageTemplates.Language(rawValue: asked) ?? asking.w.language
    }

    private static func show(_ asking: Asking, typed: MessageTemplate? = nil, refused: Refusal? = nil) async throws
        -> Reply
    {
        let (store, today, viewer, language) = (asking.store, asking.today, asking.viewer, language(asking))
        let content = try await asking.work {
            let newest = try MessageTemplates.newest(language, in: store)
            let waiting = try ApprovalQueries.list(for: viewer, onlyWaiting: true, limit: 200, in: store).contains {
                $0.kind == .messageTemplate && MessageTemplates.Proposal($0.proposed)?.language == language
            }
            // Whose debts nobody here may see aren't shown as an example.
            let template = typed ?? newest.template
            var sample: MessageTemplates.Sample?
            // What can't be said is told at its field; there is nothing to show of it.
            do {
                if viewer.seesAll {
                    sample = try MessageTemplates.sample(template, language, today: today, in: store)
                }
            } catch is Refusal {}
            return Content(
                newest: newest, history: try MessageTemplates.history(language, in: store), sample: sample,
                waits: waiting)
        }
        let w = asking.w
        let parts = Parts(asking)
        let template = typed ?? content.newest.template
        let languages: [(String, String)] = MessageTemplates.Language.allCases.map {
            ($0.rawValue, w.name(.language, $0.rawValue))
        }
        let isTried = asking.method == .post && refused == nil
        return Layout(asking).page(
            w(.navTemplates), at: .reminders, status: refused == nil ? 200 : 422,
            """
            \(parts.head(w(.navTemplates), trail: [(w(.navReminders), "/reminders")]))
            <nav class="tabs" aria-label="\(w(.language))">\(each: languages, { entry in
                "<a href=\"/templates?language=\(entry.0)\" data-main\(if: entry.0 == language.rawValue, " aria-current=\"page\"")>\(entry.1)</a>"
            })</nav>
            \(parts.answer(answer(content, asking)))
            \(if: content.waits, parts.callout(w.html(.templateWaits, ["approvals": "<a href=\"/approvals\">\(w(.navApprovals))</a>"])))
            \(refused.flatMap { part(of: $0) == nil ? parts.callout(HTML(w.message($0)), isBad: true) : nil } ?? .nothing)
            <div class="split sec"><div>\(asking.may(.proposeTemplate) ? form(template, content, language, asking, refused) : texts(template, asking))</div>
            <aside class="rail" aria-label="\(w(.templateSample))"><section><h2>\(w(.templateSample))</h2>\(sample(content.sample, isTried: isTried, asking))</section>\(if: !content.history.isEmpty, "<section><h2>\(w(.history))</h2><ul>\(each: content.history, { SettingsPages.history($0, asking) })</ul></section>")</aside></div>
            """)
    }

    private static func answer(_ content: Content, _ asking: Asking) -> HTML {
        let w = asking.w
        guard let from = content.newest.from else { return HTML(w(.templateProduct)) }
        return w.html(
            .templateAnswer,
            [
                "version": Parts(asking).bold("\(content.newest.number)"),
                "day": w.date(from, today: asking.today),
            ])
    }

    private static func sample(_ sample: MessageTemplates.Sample?, isTried: Bool, _ asking: Asking) -> HTML {
        let w = asking.w
        guard let sample else { return Parts(asking).empty(w(.templateSampleNone)) }
        return """
            <p class="meta">\(w(isTried ? .templateSampleTyped : .templateSampleNow, ["customer": .text(sample.customer)]))</p><div class="letter"><b>\(sample.subject)</b><p>\(sample.text)</p></div>
            """
    }

    /// The part that a refusal is about.
    private static func part(of refusal: Refusal) -> MessageTemplate.Part? {
        guard case .text(let name)? = refusal.parameters["part"] else { return nil }
        return MessageTemplate.Part(rawValue: name)
    }

    private static func form(
        _ template: MessageTemplate, _ content: Content, _ language: MessageTemplates.Language, _ asking: Asking,
        _ refused: Refusal?
    ) -> HTML {
        let w = asking.w
        let parts = Parts(asking)
        let wrong = refused.flatMap { part(of: $0) }
        let from = asking.form.has("from") ? asking.form["from"] : "\(asking.today.adding(days: 1))"
        func field(_ part: MessageTemplate.Part) -> HTML {
            let label = w.name(.template, part.rawValue)
            let error = part == wrong ? refused.map(w.message) : nil
            let hint = w(.templatePlaces, ["places": .text(part.places.map { "{\($0)}" }.joined(separator: " "))])
            return part.mayHaveLines
                ? parts.area(part.rawValue, label, value: template[part], hint: hint, error: error)
                : parts.field(part.rawValue, label, value: template[part], hint: hint, error: error, isRequired: true)
        }
        return """
            <form class="form" method="post" action="/templates">\(Layout.formFields(asking))<input type="hidden" name="language" value="\(language.rawValue)"><input type="hidden" name="version" value="\(asking.form.has("version") ? asking.form["version"] : "\(content.newest.number)")">
            \(each: MessageTemplate.Part.allCases, field)
            <div class="two-columns">\(parts.field("from", w(.fromDay), value: from, type: "date", isRequired: true))\(parts.field("reason", w(.reason), value: asking.form["reason"], isRequired: true))</div>
            <p class="acts"><button class="btn" name="act" value="try" formnovalidate data-busy="\(w(.busy))">\(w(.templateTry))</button>\(parts.submit(w(.proposeAct)))</p></form>
            """
    }

    private static func texts(_ template: MessageTemplate, _ asking: Asking) -> HTML {
        "<dl class=\"before-after\">\(each: MessageTemplate.Part.allCases, { "<dt>\(asking.w.name(.template, $0.rawValue))</dt><dd class=\"wide-text\">\(template[$0])</dd>" })</dl>"
    }

    @Sendable private static func propose(_ asking: Asking) async throws -> Reply {
        let language = language(asking)
        let typed = MessageTemplate(
            Dictionary(
                uniqueKeysWithValues: MessageTemplate.Part.allCases.map {
                    ($0, asking.form.raw($0.rawValue).replacing("\r\n", with: "\n").trimmed)
                }))
        do {
            if asking.form["act"] == "try" {
                try typed.check()
                return try await show(asking, typed: typed)
            }
            guard let from = asking.day("from") else {
                throw Refusal(.valueNotADate, ["value": .text(asking.form["from"]), "format": .text("yyyy-MM-dd")])
            }
            _ = try await MessageTemplates.propose(
                typed, language, from: from, reason: asking.form["reason"], insteadOf: Int64(asking.form["version"]),
                in: asking.store, asking.request(.proposeTemplate))
            return Notice.redirect("/templates?language=\(language.rawValue)", "proposed")
        } catch let refusal as Refusal {
            return try await show(asking, typed: typed, refused: refusal)
        }
    }
}
