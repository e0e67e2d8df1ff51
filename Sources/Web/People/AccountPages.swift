internal import Ledger
internal import Operations
internal import Receivables

/// Signing in and out, invitations, one's own account.
enum AccountPages {
    static let routes: [Route] = [
        Route(.get, "/sign-in", .anybody) { $0.session == nil ? signIn($0) : .redirect("/") },
        Route(.post, "/sign-in", .anybody, take),
        Route(.post, "/sign-out", .session, leave),
        Route(.get, "/link/{token}", .anybody, follow),
        Route(.get, "/invitation/{token}", .anybody, invitation),
        Route(.post, "/invitation/{token}", .anybody, accept),
        Route(.get, "/set-up/{token}", .anybody, setUp),
        Route(.post, "/set-up/{token}", .anybody, begin),
        Route(.post, "/preferences", .anybody, prefer),
        Route(.get, "/password", .session) { password($0) },
        Route(.post, "/password", .session, changePassword),
        Route(.get, "/account", .session) { try await account($0) },
        Route(.post, "/account/second-factor", .permission(.setSecondFactor), setSecondFactor),
        Route(.post, "/account/sessions/{id}/end", .session, endSession),
        Route(.post, "/account/tokens", .permission(.makeToken), makeToken),
        Route(.post, "/account/tokens/{id}/revoke", .permission(.makeToken), revokeToken),
        Route(.post, "/account/delegation", .permission(.delegate), delegate),
        Route(.post, "/account/delegation/{id}/end", .permission(.delegate), endDelegation),
    ]

    /// Where somebody may go who has to set a second factor first.
    static let placesWithoutSecondFactor: Set<String> = [
        "/account", "/account/second-factor", "/password", "/sign-out", "/preferences",
    ]

    // MARK: Signing in

    static func signIn(_ asking: Asking, refused: Refusal? = nil) -> Reply {
        let w = asking.w
        let email = asking.form["user"]
        let next = asking.form.has("next") ? asking.form["next"] : asking.query["next"]
        return gate(
            asking, w(.signIn), status: refused == nil ? 200 : 401,
            """
            <form id="in" action="/sign-in" method="post" data-loose>
            <div><h2>\(w(.signIn))</h2><p class="meta">\(w(.signInNoAccount))</p></div>
            \(refused.map { Parts(asking).callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            <input type="hidden" name="next" value="\(next)">
            \(provider(asking, next))
            <div class="field"><label for="u">\(w(.email))</label><input id="u" name="user" type="email" autocomplete="username" value="\(email)" required></div>
            \(PasswordField(w: w).present("p", named: "password", .password))
            <div class="field"><label for="t">\(w(.code)) <span class="hint">\(w(.codeHint))</span></label><input id="t" name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="6" pattern="[0-9]{6}"></div>
            <button class="btn main-act" type="submit" data-busy="\(w(.busy))">\(w(.signIn))</button>
            <p class="meta small-print">\(w(.signInLogged))</p>
            </form>
            """)
    }

    /// The way to the company's own sign-in service, where there is one.
    private static func provider(_ asking: Asking, _ next: String) -> HTML {
        guard let provider = asking.site.provider else { return .nothing }
        let address = "/sign-in/provider" + Fields([("next", local(next))]).query
        return
            "<p class=\"acts\"><a class=\"btn main-act\" href=\"\(address)\">\(asking.w(.signInProvider, ["name": .text(provider.settings.name)]))</a></p><p class=\"meta\">\(asking.w(.signInOr))</p>"
    }

    @Sendable private static func take(_ asking: Asking) async throws -> Reply {
        let site = asking.site
        let (email, password, code) = (asking.form["user"], asking.form.raw("password"), asking.form["code"])
        do {
            let started = try await site.signIn.signIn(email, password: password, code: code, from: asking.origin)
            return Reply.redirect(local(asking.form["next"]))
                .with("Set-Cookie", Cookies.session(started.token, isSecure: asking.isSecure))
        } catch let refusal as Refusal {
            return signIn(asking, refused: refusal)
        }
    }

    /// A place on this site to go on to; never another site.
    static func local(_ next: String) -> String {
        guard next.hasPrefix("/"), !next.hasPrefix("//"), !next.contains("\\"), !next.contains(where: \.isNewline),
            next.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value < 127 })
        else { return "/" }
        return next
    }

    @Sendable private static func leave(_ asking: Asking) async throws -> Reply {
        let site = asking.site
        let token = asking.sessionToken
        let key = asking.viewer.key
        try await asking.work { try site.signIn.signOut(token, key, from: asking.origin) }
        return Reply.redirect("/sign-in").with("Set-Cookie", Cookies.noSession(isSecure: asking.isSecure))
            .with("Clear-Site-Data", "\"cache\"")
    }

    /// A one-time link signs in, and is used up by it.
    @Sendable private static func follow(_ asking: Asking) async throws -> Reply {
        let started = try await asking.site.signIn.signIn(link: asking.place("token"), from: asking.origin) { person in
            ActRequest(
                command: Permission.changePassword.rawValue, actor: .person(key: person), source: "web",
                now: asking.now,
                today: asking.today)
        }
        return Reply.redirect("/").with("Set-Cookie", Cookies.session(started.token, isSecure: asking.isSecure))
    }

    // MARK: Invitations and the first person

    @Sendable private static func invitation(_ asking: Asking) async throws -> Reply {
        try await invitation(asking, refused: nil)
    }

    private static func invitation(_ asking: Asking, refused: Refusal?) async throws -> Reply {
        let (store, token, now) = (asking.store, asking.place("token"), asking.now)
        guard
            let invited = try await asking.work({ try AccountQueries.invitation(token, now: now, in: store) })
        else { throw Refusal(.linkInvalid) }
        let w = asking.w
        return gate(
            asking, w(.invitationTitle), status: refused == nil ? 200 : 422,
            """
            <form method="post" action="/invitation/\(token)" data-loose>
            <div><h2>\(w(.invitationTitle))</h2><p class="meta">\(w(.invitationText, ["name": .text(invited.name)]))</p></div>
            \(refused.map { Parts(asking).callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            <div class="field"><label for="u">\(w(.email))</label><input id="u" name="user" type="email" autocomplete="username" value="\(invited.email)" readonly></div>
            \(PasswordField(w: asking.w).new)
            <button class="btn main-act" type="submit" data-busy="\(w(.busy))">\(w(.invitationAccept))</button>
            </form>
            """)
    }

    @Sendable private static func accept(_ asking: Asking) async throws -> Reply {
        let (store, token, now, site) = (asking.store, asking.place("token"), asking.now, asking.site)
        guard let invited = try await asking.work({ try AccountQueries.invitation(token, now: now, in: store) }) else {
            throw Refusal(.linkInvalid)
        }
        do {
            let request = ActRequest(
                command: Permission.changePassword.rawValue, actor: .person(key: invited.email), source: "web",
                now: now,
                today: asking.today)
            let key = try await AccountCommands(in: store, request).accept(token, password: asking.form.raw("password"))
            let started = try await asking.work { try site.signIn.start(for: key, from: asking.origin) }
            return Reply.redirect("/").with("Set-Cookie", Cookies.session(started.token, isSecure: asking.isSecure))
        } catch let refusal as Refusal where refusal.code != .linkInvalid {
            return try await invitation(asking, refused: refusal)
        }
    }

    @Sendable private static func setUp(_ asking: Asking) async throws -> Reply { try setUp(asking, refused: nil) }

    private static func isSetUp(_ asking: Asking) -> Bool {
        guard let token = asking.site.setUpToken else { return false }
        return Secret.areEqual(token, asking.place("token"))
    }

    private static func setUp(_ asking: Asking, refused: Refusal?) throws -> Reply {
        guard isSetUp(asking) else { throw Refusal(.linkInvalid) }
        let w = asking.w
        return gate(
            asking, w(.setUpTitle), status: refused == nil ? 200 : 422,
            """
            <form method="post" action="/set-up/\(asking.place("token"))" class="wide" data-loose>
            <div><h2>\(w(.setUpTitle))</h2><p class="lead">\(w(.setUpText, ["company": .text(asking.site.company.name)]))</p></div>
            \(refused.map { Parts(asking).callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            <div class="field"><label for="name">\(w(.yourName))</label><input id="name" name="name" value="\(asking.form["name"])" autocomplete="name" required></div>
            <div class="field"><label for="u">\(w(.email))</label><input id="u" name="user" type="email" autocomplete="username" value="\(asking.form["user"])" required></div>
            \(PasswordField(w: asking.w).new)
            <button class="btn main-act" type="submit" data-busy="\(w(.busy))">\(w(.setUpAct))</button>
            <p class="meta">\(w(.setUpNext))</p>
            </form>
            """)
    }

    @Sendable private static func begin(_ asking: Asking) async throws -> Reply {
        guard isSetUp(asking) else { throw Refusal(.linkInvalid) }
        let site = asking.site
        let email = asking.form["user"]
        do {
            let request = ActRequest(
                command: Permission.setPerson.rawValue, actor: .operatorOfSystem(user: "set-up"), source: "web",
                now: asking.now, today: asking.today)
            try await AccountCommands(in: asking.store, request).setUp(
                email, name: asking.form["name"], password: asking.form.raw("password"))
            let started = try await asking.work {
                try site.signIn.start(for: email.lowercased(), from: asking.origin)
            }
            return Reply.redirect("/people").with(
                "Set-Cookie", Cookies.session(started.token, isSecure: asking.isSecure))
        } catch let refusal as Refusal {
            return try setUp(asking, refused: refusal)
        }
    }

    private static func gate(_ asking: Asking, _ title: String, status: Int, _ form: HTML) -> Reply {
        GatePage(w: asking.w, assets: asking.site.assets, company: asking.site.company.name).reply(
            title, status: status,
            """
            \(form)
            <form class="inline sec" method="post" action="/preferences" data-loose><input type="hidden" name="form" value=""><input type="hidden" name="back" value="\(asking.method == .get ? asking.address() : "/sign-in")"><button class="link" name="language" value="\(w(asking).isEnglish ? "zh-Hans" : "en")" lang="\(w(asking).isEnglish ? "zh-Hans" : "en")">\(asking.w(.otherLanguageLong))</button></form>
            """)
    }

    private static func w(_ asking: Asking) -> Wording { asking.w }

    // MARK: Preferences

    private static let choices: [String: Set<String>] = [
        "language": Set(Catalogue.Language.allCases.map(\.rawValue)), "theme": ["light", "dark", "system"],
        "density": ["normal", "compact"], "keys": ["on", "off"],
    ]

    @Sendable private static func prefer(_ asking: Asking) async throws -> Reply {
        let site = asking.site
        var reply = Reply.redirect(local(asking.form["back"]))
        for (name, allowed) in choices.sorted(by: { $0.key < $1.key }) {
            let value = asking.form[name]
            guard allowed.contains(value) else { continue }
            if let viewer = asking.session?.viewer {
                try await asking.work { try site.signIn.setPreference(name, value, of: viewer) }
            }
            if name == "language", let language = Catalogue.Language(rawValue: value) {
                reply = reply.with("Set-Cookie", Cookies.language(language, isSecure: asking.isSecure))
            }
        }
        return reply
    }

    // MARK: One's own account

    private static func password(_ asking: Asking, refused: Refusal? = nil) -> Reply {
        let w = asking.w
        let mustChange = asking.session?.mustChangePassword ?? false
        return Layout(asking).page(
            w(.changePassword), at: .account, status: refused == nil ? 200 : 422,
            """
            \(Parts(asking).head(w(.changePassword)))
            \(if: mustChange, Parts(asking).callout(HTML(w(.passwordMustChange))))
            \(refused.map { Parts(asking).callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            <form class="form narrow sec" method="post" action="/password" data-loose>\(Layout.formFields(asking))
            \(if: asking.session?.hasPassword ?? false, PasswordField(w: w).present("old", named: "old", .oldPassword))
            \(PasswordField(w: asking.w).new)
            <p class="acts">\(Parts(asking).submit(w(.changePassword)))</p></form>
            """)
    }

    @Sendable private static func changePassword(_ asking: Asking) async throws -> Reply {
        do {
            try await AccountCommands(in: asking.store, asking.request(.changePassword, isOnce: false)).changePassword(
                from: asking.form.raw("old"), to: asking.form.raw("password"))
        } catch let refusal as Refusal {
            return password(asking, refused: refusal)
        }
        let site = asking.site
        let viewer = asking.viewer
        let token = asking.sessionToken
        try await asking.work { try site.signIn.endOthers(of: viewer, but: token) }
        return Notice.redirect("/account", "saved")
    }

    private static func account(
        _ asking: Asking, refused: Refusal? = nil, made: AccountCommands.Link? = nil
    ) async throws -> Reply {
        let w = asking.w
        let parts = Parts(asking)
        let (store, viewer, today) = (asking.store, asking.viewer, asking.today)
        let tokens = try await asking.work { try AccountQueries.tokens(of: viewer, in: store) }
        let site = asking.site
        let token = asking.sessionToken
        let sessions = try await asking.work { try site.signIn.sessions(of: viewer, current: token) }
        let people = try await asking.work { try AccountQueries.people(in: store, now: asking.now) }
        let delegations = try await asking.work { try AccountQueries.delegations(on: today, in: store) }
        // What an app was given stays until its code was right.
        let second = AccountCommands.newSecondFactor(
            for: viewer.key, company: asking.site.company.name, secret: asking.form["secret"])
        let mine = Permission.allCases.filter { viewer.may($0) }
        let set = asking.session?.preferences ?? [:]
        let roles = viewer.roles.sorted { $0.rawValue < $1.rawValue }.map { w.name(.role, $0.name) }
        let secondForm: HTML =
            asking.session?.hasSecondFactor ?? false
            ? """
            <p class="lead">\(w(.secondFactorOn))</p><form method="post" action="/account/second-factor" data-loose>\(Layout.formFields(asking))\(parts.field("code", w(.code), isRequired: true, more: " inputmode=\"numeric\" maxlength=\"6\" autocomplete=\"one-time-code\""))<button class="btn danger" type="submit">\(w(.secondFactorOff))</button></form>
            """
            : """
            <p class="lead">\(w(.secondFactorText))</p><p class="secret" data-secret>\(second.secret)</p><p class="meta"><a href="\(second.address)">\(w(.secondFactorLink))</a></p>
            <form class="form narrow" method="post" action="/account/second-factor" data-loose>\(Layout.formFields(asking))<input type="hidden" name="secret" value="\(second.secret)">\(parts.field("code", w(.code), isRequired: true, more: " inputmode=\"numeric\" maxlength=\"6\" autocomplete=\"one-time-code\""))<p class="acts">\(parts.submit(w(.secondFactorAct), main: false))</p></form>
            """
        return Layout(asking).page(
            w(.myAccount), at: .account, status: refused == nil ? 200 : 422,
            """
            \(parts.head(asking.session?.name ?? "", meta: HTML("\(viewer.key) · \(roles.isEmpty ? w(.noRole) : w.list(roles)) · \(w.name(.scope, viewer.scope.name))"), actions: parts.button(w(.changePassword), "/password")))
            \(refused.map { parts.callout(HTML(w.message($0)), isBad: true) } ?? .nothing)
            \(if: asking.session.map(site.needsSecondFactor) ?? false, parts.callout(HTML(w(.secondFactorNeeded))))
            \(made.map { link in "<section class=\"sec\"><h2>\(w(.tokenMade))</h2><p class=\"lead\">\(w(.tokenMadeText))</p><p class=\"secret\">\(link.token)</p></section>" as HTML } ?? .nothing)
            <div class="two-columns sec">
            <section><h2>\(w(.display))</h2><form class="form" method="post" action="/preferences" data-loose>\(Layout.formFields(asking, isOnce: false))<input type="hidden" name="back" value="/account">
            \(parts.select("language", w(.language), [("zh-Hans", w(.chinese)), ("en", w(.english))], selected: w.language.rawValue))
            \(parts.select("theme", w(.theme), [("system", w(.themeSystem)), ("light", w(.themeLight)), ("dark", w(.themeDark))], selected: set["theme"] ?? "system"))
            \(parts.select("density", w(.density), [("normal", w(.densityNormal)), ("compact", w(.densityCompact))], selected: set["density"] ?? "normal"))
            \(Parts(asking, form: "single").select("keys", w(.singleKeys), [("on", w(.on)), ("off", w(.off))], selected: set["keys"] ?? "on"))
            <p class="acts">\(parts.submit(w(.save)))</p></form></section>
            <section><h2>\(w(.secondFactor))</h2>\(secondForm)</section>
            <section><h2>\(w(.ownSessions))</h2><p class="lead">\(w(.sessionsText, ["minutes": .count(Int(SignIn.idleMinutes)), "hours": .count(Int(SignIn.absoluteHours))]))</p>
            <ul class="check">\(each: sessions, { session in self.session(session, asking) })</ul></section>
            <section><h2>\(w(.delegation))</h2><p class="lead">\(w(.delegationText))</p>
            <ul class="check">\(each: delegations.filter { [$0.keys.person, $0.keys.deputy].contains(asking.viewer.key) }, { row in
                "<li>\(Icon.people.html)<div class=\"row\"><span>\(row.person) → \(row.deputy) · \(w.day(row.from)) – \(w.day(row.until)) \(row.reason)</span>\(if: row.keys.person == asking.viewer.key, "<form method=\"post\" action=\"/account/delegation/\(row.id)/end\" data-loose>\(Layout.formFields(asking))<button class=\"link\">\(w(.end))</button></form>")</div></li>"
            })</ul>
            <form class="form" method="post" action="/account/delegation" data-loose>\(Layout.formFields(asking))
            \(parts.select("deputy", w(.deputy), [("", "–")] + people.filter { $0.isActive && $0.key != viewer.key }.map { ($0.key, $0.name) }, selected: asking.form["deputy"]))
            <div class="two">\(parts.field("from", w(.fromDay), value: "\(today)", type: "date", isRequired: true))\(parts.field("until", w(.untilDay), type: "date", isRequired: true))</div>
            \(parts.field("reason", w(.reason)))<p class="acts">\(parts.submit(w(.delegationAct), main: false))</p></form></section>
            <section><h2>\(w(.tokens))</h2><p class="lead">\(w(.tokensText))</p><p><a href="/api">\(w(.apiTitle))</a></p>
            <ul class="check">\(each: tokens, { token in
                "<li>\(Icon.lock.html)<div class=\"row\"><span>\(token.name) · \(w.day(asking.site.company.day(of: token.expiresAt))) · \(token.scopes.count)</span>\(if: !token.isRevoked, "<form method=\"post\" action=\"/account/tokens/\(token.id)/revoke\" data-loose>\(Layout.formFields(asking))<button class=\"link\">\(w(.revoke))</button></form>")\(if: token.isRevoked, parts.tag(w(.revoked)))</div></li>"
            })</ul>
            <form class="form" method="post" action="/account/tokens" data-loose>\(Layout.formFields(asking))\(parts.field("name", w(.tokenName), isRequired: true))\(parts.field("days", w(.tokenDays), value: "90", type: "number"))
            <fieldset><legend>\(w(.tokenScopes))</legend><div class="choices">\(each: mine, { permission in
                "<label><input type=\"checkbox\" name=\"scope\" value=\"\(permission.rawValue)\">\(w.name(.permission, permission.rawValue))</label>"
            })</div></fieldset><p class="acts">\(parts.submit(w(.tokenAct), main: false))</p></form></section>
            </div>
            """)
    }

    private static func session(_ session: SignIn.OpenSession, _ asking: Asking) -> HTML {
        let w = asking.w
        let company = asking.site.company
        let used = w.moment(session.seenAt, company, today: asking.today)
        let end: HTML =
            session.isCurrent
            ? Parts(asking).tag(w(.sessionHere))
            : """
            <form method="post" action="/account/sessions/\(session.id)/end" data-loose>\(Layout.formFields(asking, isOnce: false))<button class="link">\(w(.end))</button></form>
            """
        return """
            <li>\(Icon.lock.html)<div class="row"><span>\(browser(session.agent, w)) · \(session.address) · \(w.html(.sessionUsed, ["moment": used]))</span>\(end)</div></li>
            """
    }

    /// A browser and its system by the words that people know them by; browsers name themselves after each other.
    private static func browser(_ agent: String, _ w: Wording) -> String {
        func first(_ words: [(String, String)]) -> String? { words.first { agent.contains($0.0) }?.1 }
        let program = first([
            ("Edg", "Edge"), ("OPR", "Opera"), ("MicroMessenger", "WeChat"), ("Firefox", "Firefox"),
            ("Chrome", "Chrome"), ("Safari", "Safari"),
        ])
        let system = first([
            ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS"),
            ("Linux", "Linux"),
        ])
        let known = [program, system].compactMap { $0 }
        return known.isEmpty ? w(.sessionProgram) : w.list(known)
    }

    @Sendable private static func endSession(_ asking: Asking) async throws -> Reply {
        let (site, viewer, id, origin) = (asking.site, asking.viewer, asking.place("id"), asking.origin)
        try await asking.work { try site.signIn.end(session: id, of: viewer, from: origin) }
        return Notice.redirect("/account", "saved")
    }

    @Sendable private static func setSecondFactor(_ asking: Asking) async throws -> Reply {
        let secret = asking.form["secret"]
        do {
            try await AccountCommands(in: asking.store, asking.request(.setSecondFactor, isOnce: false))
                .setSecondFactor(
                    secret.isEmpty ? nil : secret, code: asking.form["code"])
        } catch let refusal as Refusal {
            return try await account(asking, refused: refusal)
        }
        return Notice.redirect("/account", "saved")
    }

    @Sendable private static func makeToken(_ asking: Asking) async throws -> Reply {
        do {
            let scopes = Set(asking.form.all("scope").compactMap(Permission.init))
            let link = try await AccountCommands(in: asking.store, asking.request(.makeToken)).makeToken(
                name: asking.form["name"], scopes: scopes, days: Int(asking.form["days"]) ?? 90)
            guard let link else { return Notice.redirect("/account", "saved") }
            return try await account(asking, made: link)
        } catch let refusal as Refusal {
            return try await account(asking, refused: refusal)
        }
    }

    @Sendable private static func revokeToken(_ asking: Asking) async throws -> Reply {
        _ = try await AccountCommands(in: asking.store, asking.request(.makeToken)).revokeToken(
            Int64(asking.place("id")) ?? 0)
        return Notice.redirect("/account", "saved")
    }

    @Sendable private static func delegate(_ asking: Asking) async throws -> Reply {
        do {
            guard let from = asking.day("from"), let until = asking.day("until") else {
                throw Refusal(.delegationBackwards)
            }
            _ = try await AccountCommands(in: asking.store, asking.request(.delegate)).delegate(
                to: asking.form["deputy"], from: from, until: until, reason: asking.form["reason"])
        } catch let refusal as Refusal {
            return try await account(asking, refused: refusal)
        }
        return Notice.redirect("/account", "saved")
    }

    @Sendable private static func endDelegation(_ asking: Asking) async throws -> Reply {
        _ = try await AccountCommands(in: asking.store, asking.request(.delegate)).endDelegation(
            Int64(asking.place("id")) ?? 0)
        return Notice.redirect("/account", "saved")
    }
}
