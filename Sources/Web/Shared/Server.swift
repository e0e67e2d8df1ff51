internal import Foundation
internal import HTTPTypes
package import Hummingbird
internal import Ledger
package import Logging
internal import NIOCore
internal import Operations
internal import Receivables

/// The web server: turns requests into what pages are made from, and answers into responses with their headers.
package struct WebServer: Sendable {
    private let site: Site
    private let logger: Logger

    package init(_ site: Site, logger: Logger) {
        self.site = site
        self.logger = logger
    }

    /// The service to run; it ends what it began when it is asked to stop.
    ///
    /// - Parameter onRunning: Told the port, once connections are taken.
    package func service(
        host: String, port: Int, onRunning: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> some ApplicationProtocol {
        Application(
            responder: Responder(site: site, logger: logger),
            server: .http1(configuration: .init(idleTimeout: .seconds(75))),
            configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
            onServerRunning: { channel in await onRunning(channel.localAddress?.port ?? port) }, logger: logger)
    }
}

struct WebContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let address: String

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        address = source.channel.remoteAddress?.ipAddress ?? ""
    }
}

/// Answers from a site.
struct Responder: HTTPResponder {
    let site: Site
    let logger: Logger

    func respond(to request: Request, context: WebContext) async throws -> Response {
        let begun = ContinuousClock.now
        let id = Self.requestID()
        let outcome = await outcome(request, context, id)
        let (reply, route) = (outcome.reply, outcome.route)
        let passed = (ContinuousClock.now - begun).components
        let seconds = Double(passed.seconds) + Double(passed.attoseconds) / 1e18
        site.metrics.note(route: route, status: reply.status, seconds: seconds)
        // The address that was asked for may hold a link's secret, and names may stand in queries: neither is logged.
        var metadata: Logger.Metadata = [
            "request": "\(id)", "method": "\(request.method)", "route": "\(route)", "status": "\(reply.status)",
            "ms": "\(Int(seconds * 1000))", "bytes": "\(reply.body.count)",
        ]
        let acts = site.metrics.takeActs(of: id)
        if let act = acts.last ?? outcome.act {
            metadata["act"] = "\(act)"
            if acts.count > 1 { metadata["acts"] = "\(acts.count)" }
        }
        logger.info("request", metadata: metadata)
        return Self.response(reply, id, isHead: request.method == .head)
    }

    /// A reply with the headers that every answer has.
    static func response(_ reply: Reply, _ id: String, isHead: Bool) -> Response {
        var response = Response(status: .init(code: reply.status))
        for header in reply.headers {
            guard let name = HTTPField.Name(header.name) else { continue }
            response.headers.append(HTTPField(name: name, value: header.value))
        }
        for (name, value) in securityHeaders where response.headers[name] == nil {
            response.headers[name] = value
        }
        if let name = HTTPField.Name("X-Request-Id") { response.headers[name] = id }
        if !reply.body.isEmpty || reply.status == 200 {
            response.body = .init(byteBuffer: ByteBuffer(bytes: isHead ? [] : reply.body))
        }
        return response
    }

    static func requestID() -> String {
        let text = String(UInt32.random(in: 0...UInt32.max), radix: 16, uppercase: true)
        return String(repeating: "0", count: 8 - text.count) + text
    }

    /// Scripts and styles from here alone and none in the page; no frames; no addresses told to others; pages of the
    /// books are kept by nobody in between.
    private static let securityHeaders: [(HTTPField.Name, String)] = {
        let headers = [
            (
                "Content-Security-Policy",
                """
                default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                form-action 'self'; base-uri 'none'; frame-ancestors 'none'
                """
            ),
            ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"), ("Referrer-Policy", "same-origin"),
            ("Cross-Origin-Opener-Policy", "same-origin"), ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()"),
            ("Cache-Control", "no-store"), ("Vary", "Cookie, X-Part"),
        ]
        return headers.compactMap { header in HTTPField.Name(header.0).map { ($0, header.1) } }
    }()

    // MARK: From the request to the answer

    private func outcome(_ request: Request, _ context: WebContext, _ id: String) async -> APIServer.Outcome {
        let (path, query) = Self.split(request.uri.string)
        let segments = path.split(separator: "/").map { URLText.decode($0, isForm: false) }
        guard segments.starts(with: APIServer.prefix) else {
            let (reply, route) = await answer(request, context, id)
            return APIServer.Outcome(reply: reply, route: route)
        }
        let server = APIServer(site: site)
        return await server.answer(
            request, path: Array(segments.dropFirst(APIServer.prefix.count)), query: query, id: id,
            origin: origin(request, context), base: base(request, context), logger: logger)
    }

    private func answer(_ request: Request, _ context: WebContext, _ id: String) async -> (Reply, route: String) {
        let (rawPath, rawQuery) = Self.split(request.uri.string)
        // In a page's links two slashes would name another machine.
        guard !rawPath.contains("//") else {
            return (ErrorPages.plain(404, site.wording(chooseLanguage(request, nil)), site, id), "-")
        }
        let segments = rawPath.split(separator: "/").map { URLText.decode($0, isForm: false) }
        var language = chooseLanguage(request, nil)
        guard let method = Asking.Method(rawValue: request.method == .head ? "GET" : request.method.rawValue) else {
            return (.text("405", status: 405).with("Allow", "GET, POST"), "-")
        }
        let found = site.routes.compactMap { route -> (Route, [String: String])? in
            route.pattern.match(segments).map { (route, $0) }
        }.sorted { $0.0.pattern.fixedSegments > $1.0.pattern.fixedSegments }
        guard let (route, places) = found.first(where: { $0.0.method == method }) else {
            let status = found.isEmpty ? 404 : 405
            return (ErrorPages.plain(status, site.wording(language), site, id), found.isEmpty ? "-" : found[0].0.path)
        }
        // Who only looks whether it is there mustn't use a link up.
        guard request.method != .head || !route.path.hasPrefix("/link/") else {
            return (.text("405", status: 405).with("Allow", "GET"), route.path)
        }
        let now = site.clock()
        let cookies = Self.cookies(request)
        var current: SignIn.Current?
        var made: Asking?
        do {
            if let token = Cookies.session(in: cookies, isSecure: isSecure(request, context)) {
                let site = site
                current = try await site.work { try site.signIn.current(token, today: site.today) }
            }
            language = chooseLanguage(request, current)
            let query = Fields(encoded: rawQuery)
            let partName = HTTPField.Name("X-Part")
            let part = partName.flatMap { request.headers[$0] } ?? query["part"]
            var asking = Asking(
                site: site, method: method, path: rawPath, places: places, query: query, form: Fields(), files: [],
                cookies: cookies, part: part, origin: origin(request, context), isSecure: isSecure(request, context),
                base: base(request, context), requestID: id, now: now, today: site.today(of: now), session: current,
                w: site.wording(language))
            made = asking
            // Nothing is read of what somebody sends who may not send it.
            if let current, let wait = site.pageLimits.take(current.viewer.key).wait {
                let reply = ErrorPages.plain(429, site.wording(language), site, id)
                return (reply.with("Retry-After", "\(wait)"), route.path)
            }
            if let refused = Guard.refusal(asking, route, request) { return (refused, route.path) }
            if let current, let denied = Guard.denied(current, route) {
                await site.noteDenied(current.viewer, denied.rawValue, at: route.path, from: asking.origin)
                return (ErrorPages.denied(asking, denied), route.path)
            }
            if method == .post {
                let bytes = Array(buffer: try await request.body.collect(upTo: route.bodyLimit))
                let type = request.headers[.contentType] ?? ""
                var form = Fields()
                var files: [UploadedFile] = []
                if type.hasPrefix("multipart/form-data") {
                    guard let parts = Multipart(bytes, contentType: type) else {
                        return (ErrorPages.plain(400, site.wording(language), site, id), route.path)
                    }
                    form = parts.fields
                    files = parts.files
                } else {
                    form = Fields(encoded: String(decoding: bytes, as: UTF8.self))
                }
                asking.form = form
                asking.files = files
                made = asking
                // Nobody types them, and what stands behind a NUL isn't kept by every store.
                guard
                    !form.pairs.contains(where: {
                        $0.value.utf8.contains { $0 < 32 && $0 != 9 && $0 != 10 && $0 != 13 }
                    })
                else { throw Refusal(.valueControlCharacter) }
                if let refused = Guard.formRefusal(asking, route) { return (refused, route.path) }
            }
            return (try await route.answer(asking), route.path)
        } catch let error as HTTPError {
            return (ErrorPages.plain(Int(error.status.code), site.wording(language), site, id), route.path)
        } catch is NIOTooManyBytesError {
            return (ErrorPages.plain(413, site.wording(language), site, id), route.path)
        } catch {
            if let denied = error as? Refusal, denied.code == .accessDenied, let current,
                case .text(let permission) = denied.parameters["permission"]
            {
                await site.noteDenied(current.viewer, permission, at: route.path, from: origin(request, context))
            }
            let (reply, isOurs) = ErrorPages.reply(error, made, site.wording(language), site, id)
            if isOurs {
                logger.error("failed", metadata: ["request": "\(id)", "route": "\(route.path)", "error": "\(error)"])
            }
            return (reply, route.path)
        }
    }

    static func split(_ address: String) -> (path: String, query: String) {
        let parts = address.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
    }

    private static func cookies(_ request: Request) -> [String: String] {
        var cookies: [String: String] = [:]
        for header in request.headers[values: .cookie] {
            for pair in header.split(separator: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1)
                guard parts.count == 2 else { continue }
                cookies[parts[0].filter { $0 != " " }] = String(parts[1])
            }
        }
        return cookies
    }

    /// As the person set it, else as this browser was set, else as it asks, else the company's.
    private func chooseLanguage(_ request: Request, _ current: SignIn.Current?) -> Catalogue.Language {
        if let set = current?.preferences["language"].flatMap(Catalogue.Language.init) { return set }
        if let set = Self.cookies(request)[Cookies.language].flatMap(Catalogue.Language.init) { return set }
        let asked = request.headers[.acceptLanguage]?.lowercased() ?? ""
        let chinese = asked.range(of: "zh")?.lowerBound
        let english = asked.range(of: "en")?.lowerBound
        switch (chinese, english) {
        case (let one?, let other?): return one < other ? .chinese : .english
        case (_?, nil): return .chinese
        case (nil, _?): return .english
        default: return Catalogue.Language(rawValue: site.company.language) ?? .chinese
        }
    }

    /// The address as a proxy on this machine tells it; others can write into that header what they like.
    private func origin(_ request: Request, _ context: WebContext) -> SignIn.Origin {
        var address = context.address
        if Self.isLocal(address), let name = HTTPField.Name("X-Forwarded-For"), let forwarded = request.headers[name],
            let last = forwarded.split(separator: ",").last
        {
            address = last.filter { $0 != " " }
        }
        return SignIn.Origin(address: address, agent: request.headers[.userAgent] ?? "")
    }

    private static func isLocal(_ address: String) -> Bool {
        address.hasPrefix("127.") || address == "::1" || address.isEmpty
    }

    /// As people know the server, else as this browser reached it.
    private func base(_ request: Request, _ context: WebContext) -> String {
        if let known = site.publicAddress { return known }
        return "http\(isSecure(request, context) ? "s" : "")://\(request.head.authority ?? "127.0.0.1")"
    }

    /// Whether the browser speaks TLS, which only a proxy on this machine can tell.
    private func isSecure(_ request: Request, _ context: WebContext) -> Bool {
        if site.publicAddress?.hasPrefix("https:") ?? false { return true }
        let said = HTTPField.Name("X-Forwarded-Proto").flatMap { request.headers[$0] }
        return Self.speaksTLS(said, from: context.address)
    }

    /// - Parameter said: What `X-Forwarded-Proto` says; anybody else than a proxy on this machine could say it too.
    static func speaksTLS(_ said: String?, from address: String) -> Bool { isLocal(address) && said == "https" }
}

enum Cookies {
    static let language = "hk_language"

    /// Over TLS the name itself makes browsers take it from this very host alone (RFC 6265bis), so that no neighbouring
    /// host can plant a session.
    private static func name(_ isSecure: Bool) -> String { isSecure ? "__Host-hk_session" : "hk_session" }

    static func session(in cookies: [String: String], isSecure: Bool) -> String? { cookies[name(isSecure)] }

    static func session(_ token: String, isSecure: Bool) -> String {
        "\(name(isSecure))=\(token); Path=/; HttpOnly; SameSite=Lax\(isSecure ? "; Secure" : "")"
    }

    static func noSession(isSecure: Bool) -> String {
        "\(name(isSecure))=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0\(isSecure ? "; Secure" : "")"
    }

    static func language(_ language: Catalogue.Language, isSecure: Bool) -> String {
        "\(Self.language)=\(language.rawValue); Path=/; SameSite=Lax; Max-Age=31536000\(isSecure ? "; Secure" : "")"
    }
}

/// What is checked of every request before its page: a session, the permission, and that a form is ours.
enum Guard {
    static func refusal(_ asking: Asking, _ route: Route, _ request: Request) -> Reply? {
        if asking.method == .post {
            // Browsers tell where a form was sent from; programs without a browser have no cookies to misuse.
            if isForeign(request, asking) { return ErrorPages.forbiddenForm(asking) }
        }
        guard route.access != .anybody else { return nil }
        guard let session = asking.session else {
            if asking.method == .post || !asking.part.isEmpty {
                return ErrorPages.signedOut(asking)
            }
            let next = asking.path == "/" ? "" : "?next=\(URLText.encode(asking.path + asking.query.query))"
            return asking.path == "/" ? AccountPages.signIn(asking) : .redirect("/sign-in" + next)
        }
        if session.mustChangePassword, !["/password", "/sign-out", "/preferences"].contains(route.path) {
            return .redirect("/password")
        }
        if asking.site.needsSecondFactor(session), !AccountPages.placesWithoutSecondFactor.contains(route.path) {
            return .redirect("/account")
        }
        return nil
    }

    /// What somebody would need for a page and hasn't.
    static func denied(_ session: SignIn.Current, _ route: Route) -> Permission? {
        guard case .permission(let permission) = route.access, !session.viewer.may(permission) else { return nil }
        return permission
    }

    /// A form of a session has its token. Forms of those who aren't signed in have none, also when somebody else is signed
    /// in with the same browser.
    static func formRefusal(_ asking: Asking, _ route: Route) -> Reply? {
        guard route.access != .anybody || route.path == "/preferences", let session = asking.session,
            !Secret.areEqual(session.formToken, asking.form["form"])
        else { return nil }
        return ErrorPages.forbiddenForm(asking)
    }

    private static func isForeign(_ request: Request, _ asking: Asking) -> Bool {
        if let name = HTTPField.Name("Sec-Fetch-Site"), let site = request.headers[name] {
            return site != "same-origin" && site != "none"
        }
        guard let origin = request.headers[.origin] else { return false }
        guard origin != "null", let host = request.head.authority else { return true }
        return origin != "http://\(host)" && origin != "https://\(host)"
    }
}
