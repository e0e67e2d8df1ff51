internal import Formats
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import Operations
internal import Receivables

/// Answers programs: finds the operation, asks for the token, checks what came against the operation's shapes, runs it.
struct APIServer: Sendable {
    static let prefix = ["api", "v1"]
    static let base = "/api/v1"
    /// Of the interface; which program serves it is nobody's business who has no token.
    static let version = "1.0"

    /// A browser that is led here shows nothing of it as a page.
    static let neverAPage = (name: "Content-Disposition", value: "attachment; filename=\"api.json\"")

    let site: Site

    struct Outcome {
        let reply: Reply
        /// The operation's path with its places, never the address that was asked for.
        let route: String
        var act: Int64?
    }

    /// - Parameters:
    ///   - path: Segments behind the prefix, decoded.
    ///   - address: What links in answers begin with.
    func answer(
        _ request: Request, path: [String], query rawQuery: String, id: String, origin: SignIn.Origin, base: String,
        logger: Logger
    ) async -> Outcome {
        let w = site.wording(Self.language(request, site))
        let found = site.operations.compactMap { operation in operation.pattern.match(path).map { (operation, $0) } }
            .sorted { $0.0.pattern.fixedSegments > $1.0.pattern.fixedSegments }
        // Where a fixed path and a place both fit, the fixed one is meant.
        let best = found.filter { $0.0.pattern.fixedSegments == found.first?.0.pattern.fixedSegments }
        let method = request.method == .head ? .get : Operation.Method(rawValue: request.method.rawValue)
        guard let (operation, places) = best.first(where: { $0.0.method == method }) else {
            guard !best.isEmpty else {
                return Outcome(reply: Problem(404, Refusal(.requestPath)).reply(w, id), route: "-")
            }
            let allowed = Set(best.map(\.0.method.rawValue)).sorted().joined(separator: ", ")
            let problem = Problem(
                405, Refusal(.requestMethod, ["allowed": .text(allowed)]), headers: [("Allow", allowed)])
            return Outcome(reply: problem.reply(w, id), route: Self.base + best[0].0.path)
        }
        let route = Self.base + operation.path
        do {
            let asking = try await asking(request, operation, origin)
            let limits = try share(of: asking.holder)
            try await need(operation, asking.holder, origin)
            let call: Call
            do {
                call = try await self.call(
                    request, operation, places, rawQuery, asking, w, id: id, origin: origin, base: base)
            } catch {
                // Nothing is said to a token that doesn't work any more.
                if asking.belief != nil {
                    try await need(operation, try await asked(asking.token, origin), origin)
                }
                throw error
            }
            let answer = try await run(call, asking)
            var reply = self.reply(answer, operation, request)
            reply.headers += limits
            return Outcome(reply: reply, route: route, act: answer.act)
        } catch {
            if let problem = Problem(error) { return Outcome(reply: problem.reply(w, id), route: route) }
            logger.error("failed", metadata: ["request": "\(id)", "route": "\(route)", "error": "\(error)"])
            return Outcome(
                reply: Problem(500, Refusal(.requestFailed, ["id": .text(id)])).reply(w, id), route: route)
        }
    }

    /// As the caller asks, else the company's.
    private static func language(_ request: Request, _ site: Site) -> Catalogue.Language {
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

    // MARK: Who asks

    private struct Asking {
        let token: String
        let holder: AccessTokens.Holder
        /// What is still to be proven; `nil` where the token was asked for.
        var belief: Belief?
    }

    private func asking(_ request: Request, _ operation: Operation, _ origin: SignIn.Origin) async throws -> Asking {
        guard operation.access != .anybody else { return Asking(token: "", holder: .nobody) }
        let header = request.headers[.authorization] ?? ""
        let words = header.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer" else {
            throw refused(.tokenMissing, origin, "Bearer")
        }
        let token = String(words[1])
        if operation.provesItself {
            let now = site.clock()
            // Whoever was believed less is asked for again.
            if let holder = site.tokens.believed(token, now: now, today: site.today(of: now)),
                Self.may(operation.access, holder.viewer), !site.needsSecondFactor(holder)
            {
                return Asking(token: token, holder: holder, belief: Belief(in: holder))
            }
        }
        return Asking(token: token, holder: try await asked(token, origin))
    }

    /// Asks who holds a token now.
    private func asked(_ token: String, _ origin: SignIn.Origin) async throws -> AccessTokens.Holder {
        let (site, now) = (site, site.clock())
        let today = site.today(of: now)
        guard let holder = try await site.work({ try site.tokens.holder(of: token, now: now, today: today) }) else {
            try await site.work { try site.noteRefusedToken(from: origin) }
            throw refused(.tokenInvalid, origin, "Bearer error=\"invalid_token\"")
        }
        return holder
    }

    /// - Throws: `Refusal` `access.denied`, `token.second-factor`.
    private func need(
        _ operation: Operation, _ holder: AccessTokens.Holder, _ origin: SignIn.Origin
    ) async throws {
        guard operation.access != .anybody else { return }
        guard !site.needsSecondFactor(holder) else {
            await site.noteDenied(holder.viewer, "second-factor", at: Self.base + operation.path, from: origin)
            throw Refusal(.tokenSecondFactor)
        }
        guard !Self.may(operation.access, holder.viewer), let first = operation.access.permissions.first else { return }
        await site.noteDenied(holder.viewer, first.rawValue, at: Self.base + operation.path, from: origin)
        try holder.viewer.need(first)
    }

    private static func may(_ access: Operation.Access, _ viewer: Viewer) -> Bool {
        access.permissions.isEmpty || access.permissions.contains(where: viewer.may)
    }

    /// Takes a request of the token's share.
    ///
    /// - Returns: Headers that tell what is left.
    private func share(of holder: AccessTokens.Holder) throws -> [(name: String, value: String)] {
        guard holder.token != AccessTokens.Holder.nobody.token else { return [] }
        let share = site.rateLimits.take("token:\(holder.token)")
        if let wait = share.wait {
            throw Problem(
                429, Refusal(.requestTooMany, ["seconds": .count(wait)]), headers: [("Retry-After", "\(wait)")])
        }
        return share.left == .max ? [] : [(name: "RateLimit-Remaining", value: "\(share.left)")]
    }

    /// Runs an operation; where its sender's rights were only believed and no command proved them, asks before anything
    /// is said, and where they had changed, runs it again with what they are now.
    private func run(_ call: Call, _ asking: Asking) async throws -> Answer {
        guard let belief = asking.belief else { return try await call.operation.run(call) }
        let result: Result<Answer, any Error>
        do { result = .success(try await call.operation.run(call)) } catch { result = .failure(error) }
        if belief.isProven, !result.isBroken { return try result.get() }
        let holder = try await asked(asking.token, call.origin)
        try await need(call.operation, holder, call.origin)
        if belief.isStill(holder), !result.isBroken { return try result.get() }
        var again = call
        again.viewer = holder.viewer
        again.belief = nil
        return try await call.operation.run(again)
    }

    /// Who tries tokens is told so, and after many of them has to wait.
    private func refused(_ code: RefusalCode, _ origin: SignIn.Origin, _ challenge: String) -> Problem {
        if let wait = site.failureLimits.take("address:\(origin.network)").wait {
            return Problem(
                429, Refusal(.requestTooMany, ["seconds": .count(wait)]), headers: [("Retry-After", "\(wait)")])
        }
        return Problem(401, Refusal(code), headers: [("WWW-Authenticate", challenge)])
    }

    // MARK: What came

    private func call(
        _ request: Request, _ operation: Operation, _ places: [String: String], _ rawQuery: String,
        _ asking: Asking, _ w: Wording, id: String, origin: SignIn.Origin, base: String
    ) async throws -> Call {
        var parts: [Problem.Part] = []
        for (name, value) in places.sorted(by: { $0.key < $1.key }) {
            let schema = Operation.schema(ofPlace: name)
            guard let given = schema.parameter([value]), schema.faults(given).isEmpty else {
                parts.append(wrong(schema, name, w))
                continue
            }
        }
        let query = self.query(rawQuery, operation, w, &parts)
        let (key, version) = headers(request, operation, w, &parts)
        guard parts.isEmpty else { throw Problem(400, parts) }
        var body = JSONInput.null
        var upload: (@Sendable () async throws -> Uploads.Upload)?
        switch operation.body {
        case .none: break
        case .json(let schema): body = try await json(request, schema, w)
        case .file(let types, let most):
            let type = mediaType(request)
            guard types.contains(type) else {
                throw Problem(415, Refusal(.requestMedia, ["expected": .text(types.joined(separator: ", "))]))
            }
            let (site, stream, owner) = (site, request.body, asking.holder.viewer.key)
            let limit = Refusal(.requestTooLarge, ["limit": .count(most)])
            if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > most {
                throw Problem(413, limit)
            }
            let name = type.hasSuffix("sheet") ? "import.xlsx" : "import.csv"
            upload = {
                try await site.uploads.keep(stream, name: name, owner: owner, most: most, tooLarge: limit)
            }
        }
        let now = site.clock()
        return Call(
            site: site, operation: operation, places: places, query: query, body: body, upload: upload, key: key,
            version: version, requestID: id, now: now, today: site.today(of: now), w: w, base: base, origin: origin,
            viewer: asking.holder.viewer, token: asking.holder.token, belief: asking.belief)
    }

    private func wrong(_ schema: Schema, _ field: String, _ w: Wording) -> Problem.Part {
        Problem.Part(
            refusal: Refusal(
                .requestWrong,
                [
                    "field": .text(field),
                    "expected": .text(w.catalogue.text(schema.expected, schema.expectedParameters)),
                ]), field: field)
    }

    private func query(
        _ raw: String, _ operation: Operation, _ w: Wording, _ parts: inout [Problem.Part]
    ) -> JSONInput {
        let fields = Fields(encoded: raw)
        var values: [String: JSONInput] = [:]
        for parameter in operation.query {
            let texts = fields.all(parameter.name)
            guard !texts.isEmpty else {
                if parameter.isRequired {
                    parts.append(
                        Problem.Part(
                            refusal: Refusal(.requestMissing, ["field": .text(parameter.name)]), field: parameter.name))
                }
                continue
            }
            guard let value = parameter.schema.parameter(texts), parameter.schema.faults(value).isEmpty else {
                parts.append(wrong(parameter.schema, parameter.name, w))
                continue
            }
            values[parameter.name] = value
        }
        let known = operation.query.map(\.name)
        for name in Set(fields.pairs.map(\.name)).subtracting(known).sorted() {
            let list = known.isEmpty ? "–" : known.joined(separator: ", ")
            parts.append(
                Problem.Part(
                    refusal: Refusal(.requestUnknown, ["field": .text(String(name.prefix(80))), "known": .text(list)]),
                    field: String(name.prefix(80))))
        }
        return .record(values)
    }

    static let keySchema = Schema.text(Schema.Text(kind: .key, lengths: 1...100))

    private func headers(
        _ request: Request, _ operation: Operation, _ w: Wording, _ parts: inout [Problem.Part]
    ) -> (key: String, version: Int64?) {
        var key = ""
        if operation.isCommand {
            key = HTTPField.Name("Idempotency-Key").flatMap { request.headers[$0] } ?? ""
            if !Self.keySchema.faults(.text(key)).isEmpty {
                parts.append(Problem.Part(refusal: Refusal(.requestNoKey), field: "Idempotency-Key"))
            }
        }
        guard operation.needsVersion || operation.acceptsVersion && request.headers[.ifMatch] != nil else {
            return (key, nil)
        }
        let given = request.headers[.ifMatch] ?? ""
        let digits = given.dropFirst().dropLast()
        guard given.hasPrefix("\""), given.hasSuffix("\""), given.count >= 3, let version = Int64(digits), version >= 0,
            "\(version)" == digits, digits.count <= 18
        else {
            parts.append(Problem.Part(refusal: Refusal(.requestNoVersion), field: "If-Match"))
            return (key, nil)
        }
        return (key, version)
    }

    private func mediaType(_ request: Request) -> String {
        let header = request.headers[.contentType] ?? ""
        return header.split(separator: ";").first.map { $0.trimmed.lowercased() } ?? ""
    }

    private static let largestBody = 16 << 20

    private func json(_ request: Request, _ schema: Schema, _ w: Wording) async throws -> JSONInput {
        guard mediaType(request) == "application/json" else {
            throw Problem(415, Refusal(.requestMedia, ["expected": .text("application/json")]))
        }
        let bytes: [UInt8]
        do {
            bytes = Array(buffer: try await request.body.collect(upTo: Self.largestBody))
        } catch is NIOTooManyBytesError {
            throw Problem(413, Refusal(.requestTooLarge, ["limit": .count(Self.largestBody)]))
        }
        let value: JSONInput
        do { value = try JSONInput(bytes) } catch {
            throw Problem(400, Refusal(.requestUnreadable))
        }
        let faults = schema.faults(value)
        guard faults.isEmpty else { throw Problem(400, faults.prefix(50).map { part($0, w) }) }
        return value
    }

    private func part(_ fault: Schema.Fault, _ w: Wording) -> Problem.Part {
        let field = fault.place.isEmpty ? "/" : String(fault.place.prefix(200))
        switch fault.reason {
        case .missing:
            return Problem.Part(refusal: Refusal(.requestMissing, ["field": .text(field)]), field: field)
        case .unknown(let known):
            return Problem.Part(
                refusal: Refusal(
                    .requestUnknown, ["field": .text(field), "known": .text(known.joined(separator: ", "))]),
                field: field)
        case .wrong(let schema): return wrong(schema, field, w)
        }
    }

    // MARK: What goes

    private func reply(_ answer: Answer, _ operation: Operation, _ request: Request) -> Reply {
        var reply: Reply
        if let file = answer.file {
            reply = .file(file.bytes, name: file.name, type: file.type)
        } else if let body = answer.body {
            var bytes: [UInt8] = []
            body.write(to: &bytes)
            reply = Reply(
                status: answer.status ?? operation.status,
                headers: [("Content-Type", "application/json"), Self.neverAPage], body: bytes)
        } else {
            reply = Reply(status: 204)
        }
        if let location = answer.location { reply = reply.with("Location", Self.base + location) }
        guard operation.method == .get else { return reply }
        // Strong: the same tag, the same bytes.
        let tag = answer.version.map { "\"\($0)\"" } ?? "\"\(Secret.tag(of: reply.body))\""
        if answer.isWhole, let asked = request.headers[.ifNoneMatch],
            asked.split(separator: ",").contains(where: { $0.trimmed == tag })
        {
            return Reply(status: 304, headers: [("ETag", tag)])
        }
        return reply.with("ETag", tag)
    }
}

extension Result where Success == Answer, Failure == any Error {
    fileprivate var isBroken: Bool { if case .failure(let error) = self { error is BeliefBroken } else { false } }
}
