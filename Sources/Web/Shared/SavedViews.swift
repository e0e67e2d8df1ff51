internal import Operations

/// Lists as somebody likes to see them, kept with the person under a name.
enum SavedViews {
    static let routes: [Route] = [
        Route(.get, "/views", .session, form), Route(.post, "/views", .session, save),
        Route(.post, "/views/remove", .session, remove),
    ]

    private static let most = 40

    /// The way to keep the list as it is shown.
    static func link(_ asking: Asking) -> HTML {
        "<a class=\"btn small quiet\" href=\"/views?at=\(URLText.encode(asking.address(("after", nil), ("before", nil), ("skip", nil))))\" data-drawer>\(asking.w(.saveView))</a>"
    }

    /// The person's views of this list.
    static func list(_ asking: Asking) -> HTML {
        let prefix = "view:\(asking.path):"
        let views = (asking.session?.preferences ?? [:]).filter { $0.key.hasPrefix(prefix) }.sorted { $0.key < $1.key }
        guard !views.isEmpty else { return .nothing }
        return """
            <nav class="tabs" aria-label="\(asking.w(.savedViews))">\(each: views, { view in
                let isCurrent = asking.address(("after", nil), ("before", nil), ("skip", nil)) == view.value
                return "<a href=\"\(view.value)\" data-main\(if: isCurrent, " aria-current=\"page\"")>\(String(view.key.dropFirst(prefix.count)))</a>"
            })<a href="/views?at=\(URLText.encode(asking.path))" data-drawer>\(asking.w(.manage))</a></nav>
            """
    }

    @Sendable private static func form(_ asking: Asking) async throws -> Reply {
        let w = asking.w
        let parts = Parts(asking)
        let at = AccountPages.local(asking.query["at"])
        let path = String(at.prefix { $0 != "?" })
        let prefix = "view:\(path):"
        let views = (asking.session?.preferences ?? [:]).filter { $0.key.hasPrefix(prefix) }.sorted { $0.key < $1.key }
        return Layout(asking).drawer(
            w(.savedViews), at: .none,
            """
            <form class="form" method="post" action="/views" data-loose>\(Layout.formFields(asking))<input type="hidden" name="at" value="\(at)">\(parts.field("name", w(.viewName), isRequired: true, more: " maxlength=\"40\" autofocus"))<p class="acts">\(parts.submit(w(.saveView)))</p></form>
            <ul class="check sec">\(each: views, { view in
                let name = String(view.key.dropFirst(prefix.count))
                return "<li>\(Icon.list.html)<div class=\"row\"><a href=\"\(view.value)\">\(name)</a><form method=\"post\" action=\"/views/remove\" data-loose>\(Layout.formFields(asking))<input type=\"hidden\" name=\"view\" value=\"\(view.key)\"><input type=\"hidden\" name=\"at\" value=\"\(path)\"><button class=\"link\">\(w(.remove))</button></form></div></li>"
            })</ul>
            """)
    }

    @Sendable private static func save(_ asking: Asking) async throws -> Reply {
        let at = AccountPages.local(asking.form["at"])
        let name = String(asking.form["name"].prefix(40))
        let mine = (asking.session?.preferences ?? [:]).keys.filter { $0.hasPrefix("view:") }
        if !name.isEmpty, mine.count < most {
            let (site, viewer) = (asking.site, asking.viewer)
            let path = String(at.prefix { $0 != "?" })
            try await asking.work { try site.signIn.setPreference("view:\(path):\(name)", at, of: viewer) }
        }
        return Notice.redirect(at, "saved")
    }

    @Sendable private static func remove(_ asking: Asking) async throws -> Reply {
        let key = asking.form["view"]
        if key.hasPrefix("view:") {
            let (site, viewer) = (asking.site, asking.viewer)
            try await asking.work { try site.signIn.removePreference(key, of: viewer) }
        }
        return Notice.redirect(AccountPages.local(asking.form["at"]), "saved")
    }
}
