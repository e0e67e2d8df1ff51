internal import Foundation
internal import HTTPTypes
package import Hummingbird
internal import Ledger
package import Logging
package import Operations
internal import Receivables

/// The server of a store that isn't there yet: one page, behind the link that the terminal shows, which makes a
/// company with its first administrator, or the sample company.
package struct FirstRun: Sendable {
    /// What somebody wants.
    package enum Wish: Sendable {
        case company(CompanySettings, name: String, email: String, password: String)
        case sample(language: String)
    }

    private let responder: FirstRunResponder
    private let logger: Logger

    /// - Parameters:
    ///   - make: Makes the store; answers where to go on once the real server is there.
    ///   - onMade: Told when the page has been answered.
    /// - Throws: `Refusal` `file.missing`.
    package init(
        logger: Logger, make: @escaping @Sendable (Wish) async throws -> String, onMade: @escaping @Sendable () -> Void
    ) throws {
        var catalogues: [Catalogue.Language: Catalogue] = [:]
        for language in Catalogue.Language.allCases { catalogues[language] = try Catalogue(language) }
        responder = FirstRunResponder(
            assets: try Assets(), catalogues: catalogues, token: SetUpLink.make(), make: make, onMade: onMade)
        self.logger = logger
    }

    package var path: String { "/set-up/\(responder.token)" }

    package func service(
        host: String, port: Int, onRunning: @escaping @Sendable (Int) async -> Void
    ) -> some ApplicationProtocol {
        Application(
            responder: responder, configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
            onServerRunning: { channel in await onRunning(channel.localAddress?.port ?? port) }, logger: logger)
    }
}

struct FirstRunResponder: HTTPResponder {
    let assets: Assets
    let catalogues: [Catalogue.Language: Catalogue]
    let token: String
    let make: @Sendable (FirstRun.Wish) async throws -> String
    let onMade: @Sendable () -> Void

    func respond(to request: Request, context: WebContext) async throws -> Response {
        let (path, query) = Responder.split(request.uri.string)
        let reply = await answer(request, path, Fields(encoded: query))
        return Responder.response(reply, Responder.requestID(), isHead: request.method == .head)
    }

    private func answer(_ request: Request, _ path: String, _ query: Fields) async -> Reply {
        if path.hasPrefix("/assets/"), let asset = assets.find(String(path.dropFirst(8))) {
            return Reply(headers: [("Content-Type", asset.type)], body: asset.bytes)
        }
        if path == "/icon.svg" { return .text(Assets.icon, type: "image/svg+xml") }
        if path == "/health" { return .text("ok\n") }
        let asked = request.headers[.acceptLanguage]?.lowercased() ?? ""
        let language =
            Catalogue.Language(rawValue: query["language"])
            ?? (asked.contains("zh") || asked.isEmpty ? .chinese : .english)
        guard let catalogue = catalogues[language] else { return .text("", status: 500) }
        let w = Wording(catalogue)
        let gate = GatePage(w: w, assets: assets, company: "")
        guard Secret.areEqual(path, "/set-up/\(token)") else {
            return gate.reply(
                w(.firstRunTitle), status: path == "/" ? 200 : 404,
                "<div><h2>\(w(.firstRunTitle))</h2><p class=\"lead\">\(w(.firstRunLinkText))</p></div>")
        }
        guard request.method == .post else { return form(gate, w, Fields(), nil) }
        if let name = HTTPField.Name("Sec-Fetch-Site"), let site = request.headers[name], site != "same-origin" {
            return .text("", status: 403)
        }
        guard let body = try? await request.body.collect(upTo: 64 << 10) else { return .text("", status: 413) }
        return await take(gate, w, Fields(encoded: String(buffer: body)))
    }

    private func take(_ gate: GatePage, _ w: Wording, _ fields: Fields) async -> Reply {
        do {
            let next: String
            if fields["act"] == "sample" {
                next = try await make(.sample(language: w.language.rawValue))
            } else {
                guard let currency = Currency(fields["currency"]) else { throw Refusal(.valueUnknownCurrency) }
                guard !fields["company"].isEmpty else { throw Refusal(.valueMissing, ["column": .text("name")]) }
                guard TimeZone(identifier: fields["timeZone"]) != nil else {
                    throw Refusal(
                        .valueNotAChoice, ["value": .text(fields["timeZone"]), "choices": .text("Asia/Shanghai")])
                }
                let settings = CompanySettings(
                    name: fields["company"], currency: currency, language: w.language.rawValue,
                    timeZone: fields["timeZone"], country: "CN", kind: .live)
                next = try await make(
                    .company(settings, name: fields["name"], email: fields["user"], password: fields.raw("password")))
            }
            onMade()
            return gate.reply(
                w(.firstRunDone), status: 200, head: "<meta http-equiv=\"refresh\" content=\"3;url=\(next)\">",
                "<div><h2>\(w(.firstRunDone))</h2><p class=\"lead\">\(w(.firstRunGoesOn))</p><p class=\"sec\"><a class=\"btn main-act\" href=\"\(next)\">\(w(.toStart))</a></p></div>"
            )
        } catch let refusal as Refusal {
            return form(gate, w, fields, refusal)
        } catch {
            return gate.reply(
                w(.error500), status: 500,
                "<p class=\"callout bad\">\(w(.firstRunFailed, ["detail": .text("\(error)")]))</p>")
        }
    }

    private func form(_ gate: GatePage, _ w: Wording, _ fields: Fields, _ refused: Refusal?) -> Reply {
        func field(_ name: String, _ label: Word, _ value: String, type: String = "text", more: HTML = .nothing) -> HTML
        {
            """
            <div class="field"><label for="\(name)">\(w(label))</label><input id="\(name)" name="\(name)" type="\(type)" value="\(fields.has(name) ? fields[name] : value)" required\(more)></div>
            """
        }
        let other = w.isEnglish ? "zh-Hans" : "en"
        return gate.reply(
            w(.firstRunTitle), status: refused == nil ? 200 : 422,
            """
            <form method="post" action="/set-up/\(token)?language=\(w.language.rawValue)" class="wide" data-loose>
            <div><h2>\(w(.firstRunTitle))</h2><p class="lead">\(w(.firstRunText))</p></div>
            \(refused.map { "<p class=\"callout bad\" role=\"alert\">\(Icon.no.html)<span>\(w.message($0))</span></p>" } ?? .nothing)
            \(field("company", .companyName, ""))
            \(field("currency", .currency, "CNY"))
            \(field("timeZone", .timeZone, "Asia/Shanghai"))
            \(field("name", .yourName, "", more: " autocomplete=\"name\""))
            \(field("user", .email, "", type: "email", more: " autocomplete=\"username\""))
            \(PasswordField(w: w).new)
            <button class="btn main-act" type="submit" data-busy="\(w(.busy))">\(w(.firstRunAct))</button>
            </form>
            <form method="post" action="/set-up/\(token)?language=\(w.language.rawValue)" class="wide sec" data-loose><p class="lead">\(w(.firstRunSampleText))</p><button class="btn" name="act" value="sample" data-busy="\(w(.busy))">\(w(.firstRunSample))</button></form>
            <p class="meta sec"><a href="/set-up/\(token)?language=\(other)" lang="\(other)">\(w(.otherLanguageLong))</a></p>
            """)
    }
}
