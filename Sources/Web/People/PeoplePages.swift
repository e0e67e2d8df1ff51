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
        let active = people.filter(\.isActive).count
        let mayChange = asking.may(.proposeRoles)
        return Layout(asking).page(
            w(.navPeople), at: .people, status: refused == nil ? 200 : 422,
            """
            \(parts.head(w(.navPeople)))
            \(refused.map { parts.callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            \(link.map { invited($0, asking) } ?? .nothing)
            \(parts.answer(w.html(.peopleAnswer, ["count": parts.bold("\(people.count)"), "active": parts.bold("\(active)")])))
            \(if: asking.may(.invite), inviteForm(asking))
            <div class="scroll sec"><table class="figures slim"><caption class="hidden">\(w(.navPeople))</caption><thead><tr><th scope="col">\(w(.person))</th><th scope="col">\(w(.roles))</th><th scope="col">\(w(.scope))</th><th scope="col">\(w(.accountState))</th><th scope="col">\(w(.lastSeen))</th>\(if: mayChange, "<th scope=\"col\">\(w(.change))</th>")</tr></thead><tbody>\(each: people, { row($0, asking, mayChange) })</tbody></table></div>
            """)
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

    private static func roleChoices(_ held: Set<Role>, _ w: Wording) -> HTML {
        """
        <fieldset><legend>\(w(.roles))</legend><div class="choices">\(each: Role.allCases, { role in
            "<label><input type=\"checkbox\" name=\"role\" value=\"\(role.name)\"\(if: held.contains(role), " checked")>\(w.name(.role, role.name))</label>"
        })</div></fieldset>
        """
    }

    private static func row(_ person: AccountQueries.PersonRow, _ asking: Asking, _ mayChange: Bool) -> HTML {
        let w = asking.w
        let parts = Parts(asking)
        let state: HTML =
            person.isActive && !person.isInvited
            ? parts.status(w(.accountActive), "good")
            : person.isInvited
                ? parts.status(w(.accountInvited), "warn")
                : person.hasAccount ? parts.status(w(.accountClosed), "bad") : parts.status(w(.accountNone))
        let pending = person.pendingRoles.sorted { $0.rawValue < $1.rawValue }.map { w.name(.role, $0.name) }
        let waits: HTML =
            pending.isEmpty
            ? .nothing : "<small>\(parts.status(w(.rolesWait, ["roles": .text(w.list(pending))]), "warn"))</small>"
        let change: HTML =
            "<td><a href=\"/people/change?person=\(URLText.encode(person.key))\" data-drawer>\(w(.change))</a></td>"
        return """
            <tr data-row><th scope="row">\(person.name)<small>\(person.key)\(person.manager.map { HTML(" · \(w(.managerIs, ["name": .text($0)]))") } ?? .nothing)</small></th><td>\(w.list(person.roles.sorted { $0.rawValue < $1.rawValue }.map { w.name(.role, $0.name) }))\(waits)</td><td>\(w.name(.scope, person.scope.name))</td><td>\(state)\(if: person.hasSecondFactor, "<small>\(w(.secondFactor))</small>")</td><td>\(person.lastSeen.map { w.moment($0, asking.site.company, today: asking.today) } ?? "–")</td>\(if: mayChange, change)</tr>
            """
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
            <form class="form sec" method="post" action="/people/roles">\(Layout.formFields(asking))<input type="hidden" name="person" value="\(person.key)">\(roleChoices(person.roles, w))<p class="meta">\(w(.rolesNeedManagement))</p>
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
            // What may be refused comes first, so that a refusal changes nothing.
            if asking.may(.setPerson), asking.form.has("manager") {
                _ = try await AccountCommands(in: asking.store, asking.request(.setPerson, isOnce: false)).setManager(
                    asking.form["manager"], of: person)
            }
            let commands = AccountCommands(in: asking.store, asking.request(.proposeRoles))
            _ = try await commands.setRoles(Set(asking.form.all("role").compactMap(Role.named)), of: person)
            if let scope = DataScope.allCases.first(where: { $0.name == asking.form["scope"] }) {
                // The form's key belongs to its first command.
                _ = try await AccountCommands(in: asking.store, asking.request(.setScope, isOnce: false)).setScope(
                    scope, of: person)
            }
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
