internal import Ledger
internal import Operations
internal import Receivables

/// Where a page stands in the navigation.
enum Place: String {
    case myDay, customers, invoices, receipts, imports, aging, tasks, reminders, checks, ledger, acts, approvals,
        settings
    case people, status, account, none
}

/// The frame around every page: navigation, search, person.
struct Layout {
    let asking: Asking
    private var w: Wording { asking.w }

    init(_ asking: Asking) { self.asking = asking }

    /// A whole page, or its main part where only that is asked for.
    func page(
        _ title: String, at place: Place, isLandscape: Bool = false, status: Int = 200, _ content: HTML
    ) -> Reply {
        let full = "\(title) · \(w(.product))"
        let main: HTML = """
            <main class="main" id="main" tabindex="-1" data-title="\(full)">
            \(content)
            \(footer)
            </main>
            """
        if asking.part == "main" { return Reply.html(main, status: status).with("X-Part", "main") }
        let reply = Reply.html(
            """
            <!doctype html>
            <html lang="\(w.language.rawValue)"\(attributes)>
            \(head(full))
            <body>
            <a class="skip" href="#main">\(w(.skip))</a>
            \(Icon.sprite)
            <div class="app\(if: isLandscape, " landscape")">
            \(navigation(place))
            \(bar)
            \(main)
            <div id="drawer-place"></div>
            \(dock(place))
            </div>
            \(toast)
            \(keys)
            <script src="\(asking.site.assets.script)" defer></script>
            </body>
            </html>
            """, status: status)
        return toast.isEmpty ? reply : reply.with("Set-Cookie", Notice.said)
    }

    /// A part that opens beside the page; without the script it is a page of its own.
    func drawer(_ title: String, at place: Place, _ content: HTML) -> Reply {
        guard asking.part == "drawer" else {
            return page(
                title, at: place,
                "<header class=\"head\"><div><h1>\(title)</h1></div></header><div class=\"sheet\">\(content)</div>")
        }
        return .html(
            """
            <aside class="drawer open" id="drawer" aria-label="\(title)" tabindex="-1">
            <header><div><h2>\(title)</h2></div><a class="tool" href="#main" data-close aria-label="\(w(.close))">\(Icon.close.html)</a></header>
            \(content)
            </aside>
            """)
    }

    func head(_ title: String) -> HTML { Self.head(title, asking.site.assets) }

    static func head(_ title: String, _ assets: Assets, more: HTML = .nothing) -> HTML {
        """
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>\(title)</title>
        <link rel="icon" href="/icon.svg" type="image/svg+xml">
        <link rel="stylesheet" href="\(assets.stylesheet)">\(more)
        </head>
        """
    }

    /// What the person set for themselves.
    var attributes: HTML {
        let set = asking.session?.preferences ?? [:]
        var html = HTML.nothing
        if let theme = set["theme"], ["light", "dark"].contains(theme) { html += " data-theme=\"\(theme)\"" }
        if set["density"] == "compact" { html += " data-density=\"compact\"" }
        if set["keys"] == "off" { html += " data-keys=\"off\"" }
        return html
    }

    /// The hidden fields of every form that writes: whose it is, and which one, so that it does one thing once.
    static func formFields(_ asking: Asking, isOnce: Bool = true) -> HTML {
        let token = asking.session?.formToken ?? ""
        return """
            <input type="hidden" name="form" value="\(token)">\
            \(if: isOnce, "<input type=\"hidden\" name=\"key\" value=\"\(Self.onceKey())\">")
            """
    }

    private static func onceKey() -> String { String(UInt64.random(in: 1...UInt64.max), radix: 36) }

    // MARK: Navigation

    private struct Entry {
        let place: Place
        let path: String
        let word: Word
        let permission: Permission
    }

    private static let register = [
        Entry(place: .invoices, path: "/invoices", word: .navInvoices, permission: .seeInvoices),
        Entry(place: .receipts, path: "/receipts", word: .navReceipts, permission: .seeReceipts),
        Entry(place: .imports, path: "/imports", word: .navImports, permission: .seeImports),
    ]
    private static let tracking = [
        Entry(place: .aging, path: "/aging", word: .navAging, permission: .seeAging),
        Entry(place: .tasks, path: "/tasks", word: .navTasks, permission: .seeTasks),
        Entry(place: .reminders, path: "/reminders", word: .navReminders, permission: .seeReminders),
        Entry(place: .checks, path: "/checks", word: .navChecks, permission: .seeChecks),
    ]
    private static let books = [
        Entry(place: .ledger, path: "/ledger", word: .navLedger, permission: .seeLedger),
        Entry(place: .acts, path: "/acts", word: .navActs, permission: .seeActs),
    ]

    private func navigation(_ place: Place) -> HTML {
        """
        <nav class="side" id="nav" aria-label="\(w(.mainNavigation))">
        <a class="brand" href="/">\(Icon.seal)<span><b>\(w(.product))</b><small>\(asking.site.company.name)</small></span></a>
        <a class="tool close" href="#main" aria-label="\(w(.close))">\(Icon.close.html)</a>
        \(go("/", Icon.home.html, .navMyDay, .navMyDay, place == .myDay, key: "d"))
        \(if: asking.may(.seeCustomers), go("/customers", Icon.people.html, .navCustomers, .navCustomers, place == .customers, key: "c"))
        \(if: (Self.register + Self.tracking).contains { asking.may($0.permission) }, "<p class=\"part\">\(w(.navProcess))</p>")
        \(chapter("3", .navRegister, .navRegisterShort, Self.register, place))
        \(chapter("4", .navTracking, .navTrackingShort, Self.tracking, place))
        \(chapter("", .navBooks, .navBooksShort, Self.books, place))
        <div class="end">
        \(phoneSettings)
        \(if: asking.may(.seeApprovals) || asking.may(.withdrawProposal) || asking.may(.decide), go("/approvals", Icon.shield.html, .navApprovals, .navApprovalsShort, place == .approvals, key: "a", count: asking.may(.decide) ? Self.decisions(asking) : .nothing))
        \(if: asking.may(.seeSettings), go("/settings", Icon.gear.html, .navSettings, .navSettings, place == .settings, key: "s"))
        \(if: asking.may(.seePeople), go("/people", Icon.people.html, .navPeople, .navPeople, place == .people, key: "p"))
        \(if: asking.may(.seeStatus), go("/status", Icon.list.html, .navStatus, .navStatusShort, place == .status, key: nil))
        </div>
        </nav>
        """
    }

    private func go(
        _ path: String, _ mark: HTML, _ long: Word, _ short: Word, _ isCurrent: Bool, key: String?,
        count: HTML = .nothing
    ) -> HTML {
        let current: HTML = isCurrent ? " aria-current=\"page\"" : ""
        let data: HTML = key.map { " data-go=\"\($0)\"" } ?? ""
        return """
            <a class="go" href="\(path)"\(current)\(data)><span class="n">\(mark)</span>\
            <span class="long">\(w(long))</span><span class="short">\(w(short))</span>\(count)</a>
            """
    }

    /// How many requests wait for the person; looked at again when they come back to the page.
    static func decisions(_ asking: Asking) -> HTML {
        let count = asking.session?.decisions ?? 0
        return """
            <span class="count num" data-refresh="/approvals/count"\(if: count == 0, " hidden")>\(count)</span>
            """
    }

    private func chapter(_ number: String, _ long: Word, _ short: Word, _ entries: [Entry], _ place: Place) -> HTML {
        // The books are of all customers together.
        let isNarrow = !(asking.session?.viewer.seesAll ?? false)
        let mine = entries.filter { asking.may($0.permission) && !(isNarrow && [.ledger, .acts].contains($0.place)) }
        guard let first = mine.first else { return .nothing }
        let isOpen = mine.contains { $0.place == place }
        let mark: HTML = number.isEmpty ? Icon.book.html : HTML(number)
        let current: HTML = isOpen ? " aria-current=\"true\"" : ""
        return """
            <a class="go" href="\(first.path)"\(current) data-go="\(number.isEmpty ? "l" : number)"><span class="n">\(mark)</span>\
            <span class="long">\(w(long))</span><span class="short">\(w(short))</span></a>
            \(if: isOpen, subentries(mine, place))
            """
    }

    private func subentries(_ entries: [Entry], _ place: Place) -> HTML {
        """
        <ul class="sub">\(each: entries, { entry in
            let current: HTML = entry.place == place ? " aria-current=\"page\"" : ""
            return "<li><a href=\"\(entry.path)\"\(current)>\(w(entry.word))</a></li>"
        })</ul>
        """
    }

    private var phoneSettings: HTML { .nothing }

    private var bar: HTML {
        """
        <header class="bar">
        <a class="tool menu" href="#nav" aria-label="\(w(.menu))">\(Icon.menu.html)</a>
        <form class="find" role="search" action="/search"><label class="hidden" for="q">\(w(.searchLabel))</label>\(Icon.search.html)\
        <input id="q" name="q" type="search" placeholder="\(w(.searchLabel))" title="\(w(.searchHint))" autocomplete="off"><kbd aria-hidden="true">/</kbd></form>
        <div class="tools">
        <form class="inline wide" method="post" action="/preferences" data-loose>\(Self.formFields(asking, isOnce: false))<input type="hidden" name="back" value="\(back)">\
        <button class="tool" name="language" value="\(w.isEnglish ? "zh-Hans" : "en")" lang="\(w.isEnglish ? "zh-Hans" : "en")">\(w(.otherLanguage))</button></form>
        <form class="inline wide" method="post" action="/preferences" data-theme-form data-optimistic data-loose>\(Self.formFields(asking, isOnce: false))<input type="hidden" name="back" value="\(back)">\
        <button class="tool" name="theme" value="\(nextTheme)" aria-label="\(w(.theme))" title="\(w(.theme))">\(Icon.theme.html)</button></form>
        \(personMenu)
        </div>
        </header>
        """
    }

    private var back: String { asking.method == .get ? asking.address() : "/" }

    private var nextTheme: String { asking.session?.preferences["theme"] == "dark" ? "light" : "dark" }

    private var personMenu: HTML {
        let name = asking.session?.name ?? ""
        let roles = asking.viewer.roles.sorted { $0.rawValue < $1.rawValue }.map { w.name(.role, $0.name) }
        return """
            <details class="menu"><summary class="tool" aria-label="\(name)"><span class="me" aria-hidden="true">\(String(name.prefix(1)).uppercased())</span><span class="wide">\(name)</span></summary>
            <div class="pop"><p class="who"><b>\(name)</b><br><span class="meta">\(roles.isEmpty ? w(.noRole) : w.list(roles))</span></p>
            <a href="/account">\(w(.myAccount))</a>
            <form method="post" action="/preferences" data-loose>\(Self.formFields(asking, isOnce: false))<input type="hidden" name="back" value="\(back)"><button name="language" value="\(w.isEnglish ? "zh-Hans" : "en")">\(w(.otherLanguageLong))</button>
            <button name="theme" value="\(nextTheme)">\(w(.theme))</button>
            <button name="density" value="\(asking.session?.preferences["density"] == "compact" ? "normal" : "compact")">\(w(asking.session?.preferences["density"] == "compact" ? .densityNormal : .densityCompact))</button></form>
            <form method="post" action="/sign-out" data-loose>\(Self.formFields(asking, isOnce: false))<button>\(w(.signOut))</button></form></div></details>
            """
    }

    private func dock(_ place: Place) -> HTML {
        let entries: [(String, Icon, Word, Place, Permission)] = [
            ("/", .home, .navMyDay, .myDay, .seeDay), ("/customers", .people, .navCustomers, .customers, .seeCustomers),
            ("/receipts", .bank, .navReceiptsShort, .receipts, .seeReceipts),
            ("/aging", .table, .navAgingShort, .aging, .seeAging), ("/tasks", .list, .navTasks, .tasks, .seeTasks),
        ]
        return """
            <nav class="dock" aria-label="\(w(.oftenUsed))">\(each: entries.filter { asking.may($0.4) }, { entry in
                let current: HTML = entry.3 == place ? " aria-current=\"page\"" : ""
                return "<a href=\"\(entry.0)\"\(current)>\(entry.1.html)\(w(entry.2))</a>"
            })</nav>
            """
    }

    /// What the act before did, with the way to undo it.
    private var toast: HTML {
        guard let done = asking.cookies["hk_done"], let text = Notice.text(done, w) else { return .nothing }
        let undo = asking.may(.reverseAllocation) ? Notice.act(done) : nil
        return """
            <div class="toast" role="status" data-fade>\(Icon.check.html)<span>\(text)</span>\(undo.map { act in
                "<form class=\"inline\" method=\"post\" action=\"/undo\" data-loose>\(Self.formFields(asking))<input type=\"hidden\" name=\"act\" value=\"\(act)\"><button class=\"link\" data-key=\"z\">\(w(.undo)) <kbd>Z</kbd></button></form>" as HTML
            } ?? .nothing)</div>
            """
    }

    /// Company, and as of which act: the last line on paper.
    private var footer: HTML {
        "<p class=\"print-foot\">\(asking.site.company.name) · \(w(.printedAt)) \(w.moment(asking.now, asking.site.company, today: asking.today))</p>"
    }

    private var keys: HTML {
        let list: [(String, Word)] = [
            ("/", .keySearch), ("G D", .keyMyDay), ("G C", .keyCustomers), ("G 3", .keyRegister), ("G 4", .keyTracking),
            ("J K", .keyRows), ("H L", .keyCells), ("Enter", .keyOpen), ("O", .keyNewTab), ("X", .keySelect),
            ("E", .keyExport), ("N", .keyNext), ("F2", .keyEdit), ("Z", .keyUndo), ("Esc", .keyClose), ("?", .keyHelp),
        ]
        return """
            <dialog id="keys" aria-label="\(w(.keysTitle))"><h2>\(w(.keysTitle))</h2><div class="keylist">\(each: list, { key in
                "<span>\(each: key.0.split(separator: " ").map(String.init), { "<kbd>\($0)</kbd>" })</span><span>\(w(key.1))</span>"
            })</div><p class="meta">\(w(.keysOff)) <a href="/account">\(w(.myAccount))</a></p><form method="dialog"><button class="btn">\(w(.close))</button></form></dialog>
            """
    }
}

/// What a redirect says about the act before it: a word and a number, in a cookie that lasts for one page.
enum Notice {
    static let words: [String: Word] = [
        "allocated": .doneAllocated, "registered": .doneRegistered, "unapplied": .doneUnapplied, "saved": .doneSaved,
        "finished": .doneFinished, "released": .doneReleased, "paused": .donePaused, "proposed": .doneProposed,
        "decided": .doneDecided, "reversed": .doneReversed, "invited": .doneInvited, "nothing": .doneNothing,
    ]

    static func text(_ cookie: String, _ w: Wording) -> String? {
        words[String(cookie.prefix { $0 != "." })].map { w($0) }
    }

    /// The act that can be undone.
    static func act(_ cookie: String) -> Int64? {
        cookie.firstIndex(of: ".").flatMap { Int64(cookie[cookie.index(after: $0)...]) }
    }

    /// Takes the notice away once it was shown.
    static let said = "hk_done=; Path=/; Max-Age=0; SameSite=Lax; HttpOnly"

    /// Redirects and says once what was done.
    ///
    /// - Parameter undo: The act that can be taken back at once.
    static func redirect(_ path: String, _ name: String, undo: Int64? = nil) -> Reply {
        let said = name + (undo.map { ".\($0)" } ?? "")
        return Reply.redirect(path).with("Set-Cookie", "hk_done=\(said); Path=/; Max-Age=8; SameSite=Lax; HttpOnly")
    }
}
