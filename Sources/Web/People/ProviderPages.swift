internal import Foundation
internal import Operations
internal import Receivables

/// Signing in at the company's sign-in service: the way there, and the way back.
enum ProviderPages {
    static let routes: [Route] = [
        Route(.get, "/sign-in/provider", .anybody, leave), Route(.get, "/sign-in/provider/return", .anybody, comeBack),
    ]

    private static let cookie = "hk_provider"

    private static func cookie(_ value: String, _ asking: Asking) -> String {
        // Lax: the browser comes back by following a link of the provider.
        "\(cookie)=\(value); Path=/sign-in/provider; HttpOnly; SameSite=Lax; Max-Age=\(value.isEmpty ? 0 : 600)"
            + (asking.isSecure ? "; Secure" : "")
    }

    private static func redirect(_ asking: Asking) -> String { asking.base + "/sign-in/provider/return" }

    @Sendable private static func leave(_ asking: Asking) async throws -> Reply {
        guard let provider = asking.site.provider else {
            return ErrorPages.plain(404, asking.w, asking.site, asking.requestID)
        }
        let pending = Provider.Pending(next: AccountPages.local(asking.query["next"]))
        let back = redirect(asking)
        do {
            try asking.site.needShare(ofProvider: asking.origin)
            let address = try await provider.ask { try provider.address(pending, redirect: back) }
            return Reply.redirect(address).with("Set-Cookie", cookie(pending.cookie, asking))
        } catch let refusal as Refusal {
            return AccountPages.signIn(asking, refused: refusal)
        }
    }

    @Sendable private static func comeBack(_ asking: Asking) async throws -> Reply {
        guard let provider = asking.site.provider else {
            return ErrorPages.plain(404, asking.w, asking.site, asking.requestID)
        }
        func refused(_ refusal: Refusal) -> Reply {
            AccountPages.signIn(asking, refused: refusal).with("Set-Cookie", cookie("", asking))
        }
        let state = asking.query["state"]
        guard let pending = asking.cookies[cookie].flatMap(Provider.Pending.init), !state.isEmpty,
            Secret.areEqual(pending.state, state)
        else { return refused(Refusal(.providerState)) }
        guard asking.query["error"].isEmpty else {
            let reason = asking.query["error"].filter { $0.isASCII && ($0.isLetter || $0 == "_") }
            return refused(Refusal(.providerRefused, ["reason": .text(String(reason.prefix(60)))]))
        }
        // Where a provider says who it is, it must be the one that was asked (RFC 9207).
        let issuer = asking.query["iss"]
        guard issuer.isEmpty || issuer == provider.settings.issuer else { return refused(Refusal(.providerState)) }
        let (code, back, now, today, site) = (
            asking.query["code"], redirect(asking), asking.now, asking.today, asking.site
        )
        do {
            try site.needShare(ofProvider: asking.origin)
            let claims = try await provider.ask {
                try provider.claims(code: code, pending, redirect: back, now: now)
            }
            let key = try await ExternalSignIn(in: site.store).person(
                claims, provider.settings.rules, now: now, today: today)
            let started = try await asking.work {
                try site.signIn.start(for: key, SignIn.byProvider, from: asking.origin)
            }
            return Reply.redirect(AccountPages.local(pending.next))
                .with("Set-Cookie", Cookies.session(started.token, isSecure: asking.isSecure))
                .with("Set-Cookie", cookie("", asking))
        } catch let fault as IdentityTokenCheck.Fault {
            // Why is for whoever looks after the server, and not for whoever made the token.
            try await asking.work { try site.noteProvider("provider-token", from: asking.origin, "\(fault)") }
            return refused(Refusal(.providerToken))
        } catch let refusal as Refusal {
            try await asking.work {
                try site.noteProvider("provider-refused", from: asking.origin, refusal.code.rawValue)
            }
            return refused(refusal)
        }
    }
}
