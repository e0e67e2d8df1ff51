internal import Formats
internal import Ledger
internal import Operations
internal import Receivables

/// People and their rights, and changes that wait for a second person (人员、复核).
enum PeoplePages {
    static let routes: [Route] = [
        Route(.get, "/people", .permission(.seePeople)) { try await people($0) },
        Route(.get, "/people/change", .permission(.proposeRoles)) { try await change($0) },
        Route(.post, "/people/invite", .permission(.invite), invite),
        Route(.post, "/people/roles", .permission(.proposeRoles), setRoles),
        Route(.post, "/people/active", .permission(.disableAccount), setActive),
        // Whoever asked for something sees what became of it.
        Route(.get, "/approvals", .session) { try await approvals($0) },
        Route(.get, "/approvals/count", .permission(.decide)) { .html(Layout.decisions($0)) },
        Route(.post, "/approvals/{id}/withdraw", .permission(.withdrawProposal), withdraw),
        Route(.post, "/approvals", .permission(.decide), decideMany),
        Route(.post, "/approvals/{id}", .permission(.decide), decide),
    ]

    private static func people(
        _ asking: Asking, refused: Refusal? = nil, link: AccountCommands.Link? = nil
    ) async throws -> Reply {
        let (store, now) = (asking.store, asking.now)
        let people = try await asking.work { try AccountQueries.people(in: store, now: now) }
        let w = asking.w
        let parts = Parts(asking)
        let columns = list(asking)
        let shown = filtered(people, asking)
        if let file = try await columns.file(name: w(.navPeople), most: .max, { shown }) { return file }
        let active = people.filter(\.isActive).count
        let roles = [("", w(.showAll))] + Role.allCases.map { ($0.name, w.name(.role, $0.name)) }
        return Layout(asking).page(
            w(.navPeople), at: .people, status: refused == nil ? 200 : 422,
            """
            \(parts.head(w(.navPeople), actions: "\(parts.button(w(.services), "/people/services")) \(columns.actions)"))
            \(refused.map { parts.callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            \(link.map { invited($0, asking) } ?? .nothing)
            \(parts.answer(w.html(.peopleAnswer, ["count": parts.bold("\(people.count)"), "active": parts.bold("\(active)")])))
            \(if: asking.may(.invite), inviteForm(asking))
            \(parts.filters(
                """
                \(Parts(asking, form: "list").field("q", w(.search), value: asking.query["q"], type: "search"))
                \(Parts(asking, form: "list").select("role", w(.roles), roles, selected: asking.query["role"]))
                """, keep: ["sort", "reversed"], end: SavedViews.link(asking)))
            \(SavedViews.list(asking))
            \(shown.isEmpty ? parts.empty(w(.emptyFiltered)) : columns.html(shown, sort: asking.query["sort"].isEmpty ? "name" : asking.query["sort"], isReversed: asking.query["reversed"] == "1"))
            """)
    }

    /// Those who fit, in the order that is asked for.
    private static func filtered(_ people: [AccountQueries.PersonRow], _ asking: Asking) -> [AccountQueries.PersonRow] {
        let text = asking.query["q"].lowercased()
        let role = Role.named(asking.query["role"])
        let fitting = people.filter { person in
            (text.isEmpty || person.name.lowercased().contains(text) || person.key.lowercased().contains(text))
                && (role.map(person.roles.contains) ?? true)
        }
        // By address, which sorts Chinese names as they are spoken.
        let sorted =
            asking.query["sort"] == "seen"
            ? fitting.sorted { ($1.lastSeen?.microseconds ?? 0) < ($0.lastSeen?.microseconds ?? 0) }
            : fitting
        return asking.query["reversed"] == "1" ? sorted.reversed() : sorted
    }

    private static func invited(_ link: AccountCommands.Link, _ asking: Asking) -> HTML {
        let address = "\(asking.base)/invitation/\(link.token)"
        return """
            <section class="callout"><span>\(asking.w(.invitedText, ["person": .text(link.person)]))<br><a class="secret" href="\(address)">\(address)</a> <button class="btn small" type="button" data-copy="\(address)" data-copied="\(asking.w(.copied))">\(asking.w(.copy))</button></span></section>
            """
    }

    private static func inviteForm(_ asking: Asking) -> HTML {
        let w = asking.w
        let parts = Parts(asking)
        return """
            <details\(if: !asking.form["email"].isEmpty, " open")><summary>\(w(.inviteAct))</summary><form class="form narrow" method="post" action="/people/invite">\(Layout.formFields(asking))
            \(parts.field("name", w(.name), value: asking.form["name"], isRequired: true))\(parts.field("email", w(.email), value: asking.form["email"], type: "email", isRequired: true))
            \(roleChoices(Set(asking.form.all("role").compactMap(Role.named)), w))<p class="meta">\(w(.rolesNeedManagement))</p><p class="acts">\(parts.submit(w(.inviteAct)))</p></form></details>
            """
    }

    static func roleChoices(_ held: Set<Role>, _ w: Wording) -> HTML {
        """
        <fieldset><legend>\(w(.roles))</legend><div class="choices">\(each: Role.allCases, { role in
            "<label><input type=\"checkbox\" name=\"role\" value=\"\(role.name)\"\(if: held.contains(role), " checked")>\(w.name(.role, role.name))</label>"
        })</div></fieldset>
        """
    }

    /// The columns of people.
    private static func list(_ asking: Asking) -> ListTable<AccountQueries.PersonRow> {
        typealias Row = AccountQueries.PersonRow
        let w = asking.w
        let parts = Parts(asking)
        let company = asking.site.company
        func names(_ roles: Set<Role>) -> String {
            w.list(roles.sorted { $0.rawValue < $1.rawValue }.map { w.name(.role, $0.name) })
        }
        func state(_ person: Row) -> (word: Word, kind: String) {
            if person.isInvited { return (.accountInvited, "warn") }
            if person.isActive { return (.accountActive, "good") }
            return person.hasAccount ? (.accountClosed, "bad") : (.accountNone, "")
        }
        let name = ListColumn<Row>(
            id: "name", title: w(.person), kind: .text, sort: "name", rises: true, isAlways: true,
            cell: { person in
                "<th scope=\"row\">\(person.name)<small>\(person.key)\(person.manager.map { HTML(" · \(w(.managerIs, ["name": .text($0)]))") } ?? .nothing)</small></th>"
            }, value: { .text($0.name) })
        let key = ListColumn<Row>(
            id: "key", title: w(.email), kind: .text, isFileOnly: true, cell: { _ in .nothing },
            value: { .text($0.key) })
        let manager = ListColumn<Row>(
            id: "manager", title: w(.manager), kind: .text, isFileOnly: true, cell: { _ in .nothing },
            value: { .text($0.manager ?? "") })
        let roles = ListColumn<Row>(
            id: "roles", title: w(.roles), kind: .text,
            cell: { person in
                let waits: HTML =
                    person.pendingRoles.isEmpty
                    ? .nothing
                    : "<small>\(parts.status(w(.rolesWait, ["roles": .text(names(person.pendingRoles))]), "warn"))</small>"
                return "<td>\(names(person.roles))\(waits)</td>"
            }, value: { .text(names($0.roles)) })
        let scope = ListColumn<Row>(
            id: "scope", title: w(.scope), kind: .text, cell: { "<td>\(w.name(.scope, $0.scope.name))</td>" },
            value: { .text(w.name(.scope, $0.scope.name)) })
        let account = ListColumn<Row>(
            id: "account", title: w(.accountState), kind: .text,
            cell: { person in
                let (word, kind) = state(person)
                return
                    "<td>\(parts.status(w(word), kind))\(if: person.hasSecondFactor, "<small>\(w(.secondFactor))</small>")</td>"
            }, value: { .text(w(state($0).word)) })
        let seen = ListColumn<Row>(
            id: "seen", title: w(.lastSeen), kind: .text, sort: "seen",
            cell: { "<td>\($0.lastSeen.map { w.moment($0, company, today: asking.today) } ?? "–")</td>" },
            value: { .text($0.lastSeen.map { w.momentText($0, company) } ?? "") })
        let change = ListColumn<Row>(
            id: "change", title: w(.change), kind: .text, isAlways: true,
            cell: {
                "<td><a href=\"/people/change?person=\(URLText.encode($0.key))\" data-drawer data-open>\(w(.change))</a></td>"
            })
        return ListTable(
            asking: asking, title: w(.navPeople),
            columns: [name, key, manager, roles, scope, account, seen] + (asking.may(.proposeRoles) ? [change] : []))
    }

    /// One person's roles, scope and manager, and their account.
    private static func change(_ asking: Asking) async throws -> Reply {
        let (store, now, key) = (asking.store, asking.now, asking.query["person"])
        let people = try await asking.work { try AccountQueries.people(in: store, now: now) }
        guard let person = people.first(where: { $0.key == key }) else {
            throw Refusal(.actorUnknown, ["person": .text(key)])
        }
        let w = asking.w
        let parts = Parts(asking)
        let managers = [("", "–")] + people.filter { $0.key != key }.map { ($0.key, $0.name) }
        let scopes =
            (person.isScopeSet ? [] : [("", w(.scopeUsual))])
            + DataScope.allCases.map { ($0.name, w.name(.scope, $0.name)) }
        let active: HTML = """
            <form class="form sec" method="post" action="/people/active" data-loose>\(Layout.formFields(asking))<input type="hidden" name="person" value="\(person.key)"><p class="caution">\(Icon.warn.html)<span>\(w(person.isActive ? .closeAccountText : .openAccountText))</span></p><p class="acts"><button class="btn danger" name="active" value="\(person.isActive ? "0" : "1")">\(w(person.isActive ? .closeAccount : .openAccount))</button></p></form>
            """
        return Layout(asking).drawer(
            person.name, at: .people,
            """
            <p class="lead">\(person.key)</p>
            \(if: !person.pendingRoles.isEmpty, parts.callout(HTML(w(.rolesWait, ["roles": .text(w.list(person.pendingRoles.sorted { $0.rawValue < $1.rawValue }.map { w.name(.role, $0.name) }))]))))
            <form class="form sec" method="post" action="/people/roles">\(Layout.formFields(asking))<input type="hidden" name="person" value="\(person.key)"><input type="hidden" name="version" value="\(person.version)">\(roleChoices(person.roles, w))<p class="meta">\(w(.rolesNeedManagement))</p>
            \(parts.select("scope", w(.scope), scopes, selected: person.isScopeSet ? person.scope.name : ""))
            \(if: asking.may(.setPerson), parts.select("manager", w(.manager), managers, selected: person.managerKey ?? ""))<p class="acts">\(parts.submit(w(.save)))</p></form>
            \(if: person.hasAccount && person.key != asking.viewer.key, active)
            \(if: !person.hasAccount || person.isInvited, "<form class=\"sec\" method=\"post\" action=\"/people/invite\" data-loose>\(Layout.formFields(asking))<input type=\"hidden\" name=\"email\" value=\"\(person.key)\"><input type=\"hidden\" name=\"name\" value=\"\(person.name)\"><button class=\"btn small\">\(w(.inviteAgain))</button></form>")
            """)
    }

    @Sendable private static func invite(_ asking: Asking) async throws -> Reply {
        do {
            let link = try await AccountCommands(in: asking.store, asking.request(.invite)).invite(
                asking.form["email"], name: asking.form["name"],
                roles: Set(asking.form.all("role").compactMap(Role.named)))
            // A page that is asked for again shows no second link: the first one counts.
            guard let link else { return Notice.redirect("/people", "saved") }
            return try await people(asking, link: link)
        } catch let refusal as Refusal {
            return try await people(asking, refused: refusal)
        }
    }

    @Sendable private static func setRoles(_ asking: Asking) async throws -> Reply {
        let person = asking.form["person"]
        do {
            let manager = asking.may(.setPerson) && asking.form.has("manager") ? asking.form["manager"] : nil
            _ = try await AccountCommands(in: asking.store, asking.request(.proposeRoles)).setDuties(
                Set(asking.form.all("role").compactMap(Role.named)), manager: manager,
                scope: DataScope.allCases.first { $0.name == asking.form["scope"] }, of: person,
                seen: Int64(asking.form["version"]))
            // What management still has to agree to isn't saved yet.
            let (store, now) = (asking.store, asking.now)
            let waits =
                try await asking.work { try AccountQueries.people(in: store, now: now) }
                .first { $0.key == person }?.pendingRoles.isDisjoint(
                    with: asking.form.all("role").compactMap(Role.named)) == false
            return Notice.redirect("/people", waits ? "proposed" : "saved")
        } catch let refusal as Refusal {
            return try await people(asking, refused: refusal)
        }
    }

    @Sendable private static func setActive(_ asking: Asking) async throws -> Reply {
        do {
            _ = try await AccountCommands(in: asking.store, asking.request(.disableAccount)).setActive(
                asking.form["active"] == "1", person: asking.form["person"])
            return Notice.redirect("/people", "saved")
        } catch let refusal as Refusal {
            return try await people(asking, refused: refusal)
        }
    }

    // MARK: Approvals

    private static func approvals(_ asking: Asking, refused: Refusal? = nil) async throws -> Reply {
        let (store, viewer) = (asking.store, asking.viewer)
        let (rows, current) = try await asking.work {
            let rows = try ApprovalQueries.list(for: viewer, onlyWaiting: false, limit: 100, in: store)
            var current: [MessageTemplates.Language: MessageTemplate] = [:]
            for language in MessageTemplates.Language.allCases {
                current[language] = try MessageTemplates.newest(language, in: store).template
            }
            return (rows, current)
        }
        let w = asking.w
        let parts = Parts(asking)
        let waiting = rows.filter { $0.answer == nil }
        let decided = rows.filter { $0.answer != nil }
        return Layout(asking).page(
            w(.navApprovals), at: .approvals, status: refused == nil ? 200 : 422,
            """
            \(parts.head(w(.navApprovals)))
            \(refused.map { parts.callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            \(parts.answer(!asking.may(.seeApprovals) ? HTML(w(.approvalsOwn)) : w.html(waiting.isEmpty ? .approvalsNone : .approvalsAnswer, ["count": parts.bold("\(waiting.count)")], count: waiting.count)))
            <div class="lanes sec">\(each: waiting, { lane($0, asking, current) })</div>
            \(if: waiting.count { $0.isMine } > 1, manyForm(asking))
            \(if: !decided.isEmpty, "<section class=\"sec\"><h2>\(w(.decided))</h2><ul class=\"check\">\(each: decided, { decision($0, asking) })</ul></section>")
            """)
    }

    /// What is asked for; of a template, what its words were and would be.
    private static func proposed(
        _ row: ApprovalQueries.Row, _ asking: Asking, _ current: [MessageTemplates.Language: MessageTemplate]
    ) -> HTML {
        let w = asking.w
        guard row.kind == .messageTemplate, let proposal = MessageTemplates.Proposal(row.proposed) else {
            let fields =
                row.kind == .roleGrant ? row.proposed.map { w.name(.role, $0) } : row.proposed.filter { !$0.isEmpty }
            return "<b>\(row.subjectName)</b>\(w.list(fields))"
        }
        let before = current[proposal.language]
        let changed = MessageTemplate.Part.allCases.filter { before?[$0] != proposal.template[$0] }
        return """
            <b>\(w.name(.language, proposal.language.rawValue)) · \(w(.sinceDay, ["day": .text(w.dateText(proposal.from, today: asking.today))]))</b>\(each: changed, { part in
                "<p class=\"pre\"><span class=\"meta\">\(w.name(.template, part.rawValue))</span>\n\(proposal.template[part])</p><p class=\"pre meta\">\(w(.templateWas)) \(before?[part] ?? "")</p>"
            })
            """
    }

    private static func lane(
        _ row: ApprovalQueries.Row, _ asking: Asking, _ current: [MessageTemplates.Language: MessageTemplate]
    ) -> HTML {
        let w = asking.w
        let parts = Parts(asking)
        return """
            <section class="lane\(if: row.isMine, " mine")"><header><h3>\(w.name(.approval, row.kind.name))</h3>\(if: row.isMine, "<label class=\"meta\"><input type=\"checkbox\" name=\"approval\" value=\"\(row.id)\" form=\"many\" data-pick> \(row.id)</label>")\(if: !row.isMine, "<span class=\"meta\">\(row.id)</span>")</header>
            <div class="says">\(proposed(row, asking, current))</div><p class="by">\(row.requestedBy) \(w.moment(row.requestedAt, asking.site.company, today: asking.today))</p>\(if: !row.reason.isEmpty, "<p class=\"why\">\(row.reason)</p>")
            \(if: row.isMine, "<form class=\"form\" method=\"post\" action=\"/approvals/\(row.id)\" data-loose>\(Layout.formFields(asking))\(parts.field("reason-\(row.id)", w(.decisionReason)))<p class=\"acts\"><button class=\"btn\" name=\"answer\" value=\"1\" data-busy=\"\(w(.busy))\">\(w(.approve))</button><button class=\"btn danger\" name=\"answer\" value=\"2\" data-busy=\"\(w(.busy))\">\(w(.reject))</button></p></form>")
            \(if: row.isOwn, "<p class=\"meta\">\(w(.secondPersonNeeded))</p>\(if: asking.may(.withdrawProposal), "<form method=\"post\" action=\"/approvals/\(row.id)/withdraw\" data-loose>\(Layout.formFields(asking))<button class=\"link\">\(w(.withdraw))</button></form>")")</section>
            """
    }

    private static func decision(_ row: ApprovalQueries.Row, _ asking: Asking) -> HTML {
        let w = asking.w
        let (mark, word, kind): (Icon, Word, String) =
            switch row.answer {
            case .approved: (.check, .approved, "good")
            case .rejected: (.no, .rejected, "bad")
            default: (.close, .withdrawn, "")
            }
        return """
            <li class="\(kind)">\(mark.html)<div>\(w(word)): \(w.name(.approval, row.kind.name)) \(row.subjectName) <span class="meta">\(row.requestedBy) → \(row.decidedBy ?? "")</span>\(if: !row.decisionReason.isEmpty, "<p>\(row.decisionReason)</p>")</div></li>
            """
    }

    /// One decision on several: a file of contacts makes many proposals.
    private static func manyForm(_ asking: Asking) -> HTML {
        let w = asking.w
        return """
            <form class="form narrow sec" id="many" method="post" action="/approvals" data-loose>\(Layout.formFields(asking))<h2>\(w(.decideChosen))</h2>\(Parts(asking, form: "many").field("reason", w(.decisionReason), value: asking.form["reason"]))<p class="acts"><button class="btn" name="answer" value="1" data-busy="\(w(.busy))">\(w(.approve))</button><button class="btn danger" name="answer" value="2" data-busy="\(w(.busy))">\(w(.reject))</button></p></form>
            """
    }

    @Sendable private static func decideMany(_ asking: Asking) async throws -> Reply {
        do {
            let ids = asking.form.all("approval").compactMap { Int64($0) }
            guard let answer = Int64(asking.form["answer"]).flatMap(Approval.Answer.init), !ids.isEmpty else {
                return Notice.redirect("/approvals", "nothing")
            }
            _ = try await Approvals(in: asking.store, asking.request(.decide)).decide(
                ids, answer, reason: asking.form["reason"])
            return Notice.redirect("/approvals", "decided")
        } catch let refusal as Refusal where asking.may(.seeApprovals) {
            return try await approvals(asking, refused: refusal)
        }
    }

    @Sendable private static func withdraw(_ asking: Asking) async throws -> Reply {
        do {
            _ = try await Approvals(in: asking.store, asking.request(.withdrawProposal)).withdraw(
                Int64(asking.place("id")) ?? 0)
            return Notice.redirect("/approvals", "decided")
        } catch let refusal as Refusal {
            return try await approvals(asking, refused: refusal)
        }
    }

    @Sendable private static func decide(_ asking: Asking) async throws -> Reply {
        let id = Int64(asking.place("id")) ?? 0
        do {
            guard let answer = Int64(asking.form["answer"]).flatMap(Approval.Answer.init) else {
                return try await approvals(asking)
            }
            _ = try await Approvals(in: asking.store, asking.request(.decide)).decide(
                id, answer, reason: asking.form["reason-\(id)"])
            return Notice.redirect("/approvals", "decided")
        } catch let refusal as Refusal where asking.may(.seeApprovals) {
            return try await approvals(asking, refused: refusal)
        }
    }
}
