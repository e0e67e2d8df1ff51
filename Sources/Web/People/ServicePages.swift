internal import Foundation
internal import Operations
internal import Receivables

/// Accounts of programs and their tokens (服务账号).
enum ServicePages {
    static let routes: [Route] = [
        Route(.get, "/people/services", .permission(.seePeople)) { try await services($0) },
        Route(.post, "/people/services", .permission(.addServiceAccount), add),
        Route(.get, "/people/services/{name}/token", .permission(.makeServiceToken)) { try await token($0) },
        Route(.post, "/people/services/{name}/token", .permission(.makeServiceToken), makeToken),
        Route(.post, "/people/services/{name}/tokens/{id}/revoke", .permission(.makeServiceToken), revoke),
    ]

    private typealias Row = ServiceAccounts.Row

    /// A token that was just made, shown this once.
    private struct Made {
        let service: String
        let token: String
        let waits: Bool
    }

    private static func services(_ asking: Asking, refused: Refusal? = nil, made: Made? = nil) async throws -> Reply {
        let (store, now) = (asking.store, asking.now)
        let rows = try await asking.work { try ServiceAccounts.all(in: store, now: now) }
        let w = asking.w
        let parts = Parts(asking)
        return Layout(asking).page(
            w(.services), at: .people, status: refused == nil ? 200 : 422,
            """
            \(parts.head(w(.services), trail: [(w(.navPeople), "/people")]))
            \(refused.map { parts.callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            \(made.map { shown($0, w) } ?? .nothing)
            <p class="lead">\(w(.servicesText))</p>
            \(if: asking.may(.addServiceAccount), addForm(asking, isOpen: refused != nil))
            \(rows.isEmpty ? parts.empty(w(.servicesEmpty)) : "\(each: rows, { service($0, asking) })")
            """)
    }

    private static func shown(_ made: Made, _ w: Wording) -> HTML {
        """
        <section class="sec"><h2>\(w(.tokenMade)) · \(made.service)</h2><p class="lead">\(w(.tokenMadeText))\(if: made.waits, " \(w(.serviceTokenWaits))")</p><p class="secret">\(made.token)</p></section>
        """
    }

    private static func addForm(_ asking: Asking, isOpen: Bool) -> HTML {
        let w = asking.w
        let parts = Parts(asking)
        let scopes = [("", w(.scopeUsual))] + DataScope.allCases.map { ($0.name, w.name(.scope, $0.name)) }
        let held = Set(asking.form.all("role").compactMap(Role.named))
        return """
            <details\(if: isOpen, " open")><summary>\(w(.serviceAct))</summary><form class="form narrow" method="post" action="/people/services">\(Layout.formFields(asking))
            \(parts.field("name", w(.serviceName), value: asking.form["name"], isRequired: true))
            \(PeoplePages.roleChoices(held, w))\(parts.select("scope", w(.scope), scopes, selected: asking.form["scope"]))<p class="meta">\(w(.rolesNeedManagement))</p><p class="acts">\(parts.submit(w(.serviceAct)))</p></form></details>
            """
    }

    private static func service(_ row: Row, _ asking: Asking) -> HTML {
        let w = asking.w
        let parts = Parts(asking)
        func names(_ roles: Set<Role>) -> String {
            w.list(roles.sorted { $0.rawValue < $1.rawValue }.map { w.name(.role, $0.name) })
        }
        let state = parts.status(w(row.isActive ? .accountActive : .accountClosed), row.isActive ? "good" : "bad")
        let waits: HTML =
            row.pendingRoles.isEmpty
            ? .nothing : parts.status(w(.rolesWait, ["roles": .text(names(row.pendingRoles))]), "warn")
        let path = "/people/services/\(URLText.encode(row.name))"
        let isOpen = asking.may(.makeServiceToken) && row.isActive && !row.roles.isEmpty
        return """
            <section class="sec"><h2>\(row.name)</h2><p>\(row.roles.isEmpty ? "–" : names(row.roles)) · \(w.name(.scope, row.scope.name)) · \(state) \(waits)</p>
            <ul class="check">\(each: row.tokens, { token($0, path, asking) })</ul>
            \(if: isOpen, "<p class=\"acts\"><a class=\"btn small\" href=\"\(path)/token\" data-drawer>\(w(.serviceToken))</a></p>")</section>
            """
    }

    private static func token(_ token: ServiceAccounts.TokenRow, _ path: String, _ asking: Asking) -> HTML {
        let w = asking.w
        let parts = Parts(asking)
        let day = w.day(asking.site.company.day(of: token.expiresAt))
        let isOver = token.expiresAt <= asking.now
        let state: HTML =
            token.isRevoked
            ? parts.tag(w(.revoked))
            : isOver ? parts.tag(w(.tokenExpired)) : token.waits ? parts.status(w(.tokenWaiting), "warn") : .nothing
        let end: HTML = """
            <form method="post" action="\(path)/tokens/\(token.id)/revoke" data-loose>\(Layout.formFields(asking))<button class="link">\(w(.revoke))</button></form>
            """
        let mayEnd = asking.may(.makeServiceToken) && !token.isRevoked && !isOver
        let until = w.html(.tokenUntil, ["day": day])
        let rights = w(.tokenRights, ["count": .count(token.scopes.count)])
        return """
            <li>\(Icon.lock.html)<div class="row"><span>\(token.name) · \(until) · \(rights)\(state.isEmpty ? .nothing : " · \(state)")</span>\(if: mayEnd, end)</div></li>
            """
    }

    private static func found(_ asking: Asking) async throws -> Row {
        let (store, now, name) = (asking.store, asking.now, asking.place("name"))
        let rows = try await asking.work { try ServiceAccounts.all(in: store, now: now) }
        guard let row = rows.first(where: { $0.name == name }) else {
            throw Refusal(.serviceUnknown, ["name": .text(name)])
        }
        return row
    }

    /// What a new token is for, and what it may do of all that its account may.
    private static func token(_ asking: Asking, refused: Refusal? = nil) async throws -> Reply {
        let row = try await found(asking)
        let w = asking.w
        let parts = Parts(asking)
        let chosen = Set(asking.form.all("scope"))
        let may = Permission.allCases.filter { $0 != .decide && $0.isAllowed(row.roles) }
        var reply = Layout(asking).drawer(
            w(.serviceTokenFor, ["name": .text(row.name)]), at: .people,
            """
            \(refused.map { parts.callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            <form class="form" method="post" action="/people/services/\(URLText.encode(row.name))/token">\(Layout.formFields(asking))\(parts.field("label", w(.tokenName), value: asking.form["label"], isRequired: true))\(parts.field("days", w(.tokenDays), value: asking.form.has("days") ? asking.form["days"] : "90", type: "number"))
            <fieldset><legend>\(w(.tokenScopes))</legend><div class="choices">\(each: may, { permission in
                "<label><input type=\"checkbox\" name=\"scope\" value=\"\(permission.rawValue)\"\(if: chosen.contains(permission.rawValue), " checked")>\(w.name(.permission, permission.rawValue))</label>"
            })</div></fieldset><p class="meta">\(w(.serviceTokenWaits))</p><p class="acts">\(parts.submit(w(.tokenAct)))</p></form>
            """)
        if refused != nil { reply.status = 422 }
        return reply
    }

    @Sendable private static func add(_ asking: Asking) async throws -> Reply {
        do {
            let scope = DataScope.allCases.first { $0.name == asking.form["scope"] }
            _ = try await ServiceAccounts(in: asking.store, asking.request(.addServiceAccount)).add(
                asking.form["name"], roles: Set(asking.form.all("role").compactMap(Role.named)), scope: scope)
        } catch let refusal as Refusal {
            return try await services(asking, refused: refusal)
        }
        return Notice.redirect("/people/services", "saved")
    }

    @Sendable private static func makeToken(_ asking: Asking) async throws -> Reply {
        let name = asking.place("name")
        do {
            let scopes = Set(asking.form.all("scope").compactMap(Permission.init))
            let (link, waits) = try await ServiceAccounts(in: asking.store, asking.request(.makeServiceToken))
                .makeToken(
                    of: name, called: asking.form["label"], scopes: scopes, days: Int(asking.form["days"]) ?? 90)
            // A page that is asked for again shows no second token: the first one counts.
            guard let link else { return Notice.redirect("/people/services", "saved") }
            return try await services(asking, made: Made(service: name, token: link.token, waits: waits))
        } catch let refusal as Refusal {
            return try await token(asking, refused: refusal)
        }
    }

    @Sendable private static func revoke(_ asking: Asking) async throws -> Reply {
        _ = try await ServiceAccounts(in: asking.store, asking.request(.makeServiceToken)).revoke(
            Int64(asking.place("id")) ?? 0, of: asking.place("name"))
        return Notice.redirect("/people/services", "saved")
    }
}
