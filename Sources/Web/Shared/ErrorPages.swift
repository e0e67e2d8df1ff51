internal import Ledger
internal import Operations
internal import Receivables

/// What is said when something can't be shown or done, and what to do instead.
enum ErrorPages {
    /// A page without a frame, for whoever may not be signed in.
    static func plain(_ status: Int, _ w: Wording, _ site: Site, _ id: String) -> Reply {
        let (title, text): (Word, Word) =
            switch status {
            case 404: (.error404, .error404Text)
            case 405: (.error405, .error405Text)
            case 413: (.error413, .error413Text)
            case 400: (.error400, .error400Text)
            case 429: (.error429, .error429Text)
            default: (.error500, .error500Text)
            }
        return bare(w(title), w(text, ["id": .text(id)]), status, w, site)
    }

    private static func bare(_ title: String, _ text: String, _ status: Int, _ w: Wording, _ site: Site) -> Reply {
        .html(
            """
            <!doctype html>
            <html lang="\(w.language.rawValue)">
            <head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>\(title) · \(w(.product))</title>
            <link rel="icon" href="/icon.svg" type="image/svg+xml"><link rel="stylesheet" href="\(site.assets.stylesheet)"></head>
            <body>\(Icon.sprite)<main class="main" id="main"><p class="brand">\(Icon.seal)<span><b>\(w(.product))</b></span></p>
            <h1>\(title)</h1><p class="lead">\(text)</p><p class="sec"><a class="btn main-act" href="/">\(w(.toStart))</a></p></main></body>
            </html>
            """, status: status)
    }

    /// Maps what was thrown to an answer, once for all pages; `isOurs` for what is nobody's doing.
    ///
    /// - Parameter asking: `nil` while nobody knows who asks for what.
    static func reply(
        _ error: any Error, _ asking: Asking?, _ w: Wording, _ site: Site, _ id: String
    ) -> (Reply, isOurs: Bool) {
        func page(_ refusal: Refusal, _ status: Int) -> Reply {
            let title = w(status == 404 ? .error404 : .refusedTitle)
            guard let asking, asking.session != nil else { return bare(title, w.message(refusal), status, w, site) }
            return framed(title, w.message(refusal), status, asking)
        }
        switch error {
        case let refusal as Refusal:
            let status: Int =
                switch refusal.code {
                case .accessDenied, .accessScope, .accessRegisteredByYou, .accessOneHand, .approvalOwn: 403
                case .customerUnknown, .invoiceUnknown, .receiptUnknown, .taskUnknown, .actUnknown, .entryUnknown,
                    .approvalUnknown,
                    .linkInvalid, .reminderUnknown, .attachmentUnknown, .webhookUnknown, .webhookMessageUnknown:
                    404
                default: 422
                }
            return (page(refusal, status), false)
        case let refused as PartRefused:
            return (page(refused.refusal, 422), false)
        default:
            return (plain(500, w, site, id), true)
        }
    }

    /// With navigation, and a search that may lead to what was meant.
    private static func framed(_ title: String, _ text: String, _ status: Int, _ asking: Asking) -> Reply {
        let parts = Parts(asking)
        let search: HTML = """
            <form class="form narrow sec" action="/search">\(Parts(asking, form: "again").field("q", asking.w(.searchLabel), type: "search"))<p class="acts">\(parts.submit(asking.w(.search)))</p></form>
            """
        return Layout(asking).page(
            title, at: .none, status: status,
            "\(parts.head(title))\(parts.callout(HTML(text), isBad: true))\(if: status == 404, search)")
    }

    static func denied(_ asking: Asking, _ permission: Permission) -> Reply {
        let roles = permission.roles.map(\.name).sorted().joined(separator: ", ")
        let text = asking.w.message(
            Refusal(.accessDenied, ["permission": .text(permission.rawValue), "roles": .text(roles)]))
        return Layout(asking).page(
            asking.w(.deniedTitle), at: .none, status: 403,
            """
            <header class="head"><div><h1>\(asking.w(.deniedTitle))</h1></div></header><p class="callout">\(Icon.lock.html)<span>\(text)</span></p>
            """)
    }

    /// A form that doesn't come from one of our pages of this session.
    static func forbiddenForm(_ asking: Asking) -> Reply {
        bare(asking.w(.foreignFormTitle), asking.w(.foreignFormText), 403, asking.w, asking.site)
    }

    static func signedOut(_ asking: Asking) -> Reply {
        bare(asking.w(.signedOutTitle), asking.w(.signedOutText), 401, asking.w, asking.site)
    }
}
