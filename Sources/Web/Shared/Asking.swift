internal import Foundation
internal import Ledger
internal import Operations
internal import Receivables

/// One request, with who asks and in which language: all that a page is made from.
struct Asking: Sendable {
    let site: Site
    let method: Method
    /// As the browser asked, without the query.
    let path: String
    /// Values of the places in the route's path, decoded.
    let places: [String: String]
    let query: Fields
    var form: Fields
    var files: [UploadedFile]
    let cookies: [String: String]
    /// The token of the browser's session; empty without one.
    var sessionToken: String { Cookies.session(in: cookies, isSecure: isSecure) ?? "" }
    /// `main`, `drawer`, `suggest`, … when only a part of the page is wanted.
    let part: String
    let origin: SignIn.Origin
    /// Whether the browser speaks to us, or to what stands before us, by TLS.
    let isSecure: Bool
    /// What an address begins with that is sent to somebody: `https://huikuan.example`.
    let base: String
    let requestID: String
    let now: Instant
    let today: LocalDate
    /// The session; `nil` for somebody who isn't signed in.
    let session: SignIn.Current?
    let w: Wording

    enum Method: String, Sendable { case get = "GET", post = "POST" }

    var store: Store { site.store }

    /// - Precondition: The route asks for a session.
    var viewer: Viewer {
        guard let session else { preconditionFailure("\(path) is answered without a session") }
        return session.viewer
    }

    func may(_ permission: Permission) -> Bool { session?.viewer.may(permission) ?? false }

    /// The value of a place of the path.
    func place(_ name: String) -> String { places[name] ?? "" }

    /// Answers from the store, away from the threads that serve connections.
    func look<Answer: Sendable>(
        _ permission: Permission, on day: LocalDate? = nil, _ body: @escaping @Sendable (Look) throws -> Answer
    ) async throws -> Answer {
        let viewer = viewer
        let store = store
        let day = day ?? today
        return try await site.work { try store.look(as: viewer, for: permission, on: day, body) }
    }

    /// Runs something that waits for the store, away from the threads that serve connections.
    func work<Answer: Sendable>(_ body: @escaping @Sendable () throws -> Answer) async throws -> Answer {
        try await site.work(body)
    }

    /// A command of the one who asks. Its key is the form's, so that a form that is sent twice does one thing.
    ///
    /// What was typed is a part of what is asked for, but for secrets: not even their hashes belong into the journal.
    func request(_ permission: Permission, isOnce: Bool = true) -> ActRequest {
        let key = isOnce ? form["key"] : ""
        var secrets: Set<String> = ["form", "key", "password", "old", "secret"]
        // A one-time code; elsewhere a code is an account's or a customer's.
        if permission == .setSecondFactor { secrets.insert("code") }
        let input = form.pairs.filter { !secrets.contains($0.name) }.map { "\($0.name)=\($0.value)" }
            .joined(separator: "&")
        var request = ActRequest(
            command: permission.rawValue, actor: viewer.actor, source: "web",
            key: key.isEmpty ? nil : String("\(path) \(key)".prefix(200)), input: Array(input.utf8), now: now,
            today: today)
        request.trace = requestID
        return request
    }

    /// The address of this page with other values in its query.
    func address(_ changes: (String, String?)...) -> String {
        var fields = query
        for change in changes { fields = fields.with(change) }
        return path + fields.with(("part", nil)).query
    }

    /// How many lines of a list were passed over; no list has a thousand million.
    var skipped: Int { min(max(0, Int(query["skip"]) ?? 0), 1_000_000_000) }

    func day(_ name: String) -> LocalDate? {
        let text = form.has(name) ? form[name] : query[name]
        return LocalDate(text).flatMap {
            $0 >= LocalDate.earliestInBooks && $0 <= LocalDate.latestInBooks ? $0 : nil
        }
    }
}

/// A path with places, who may ask for it, and the answer.
struct Route: Sendable {
    /// What somebody needs who asks.
    enum Access: Sendable, Equatable {
        /// Anybody, without a session.
        case anybody
        /// Whoever is signed in.
        case session
        case permission(Permission)
    }

    let method: Asking.Method
    let path: String
    let access: Access
    /// The largest body in bytes.
    let bodyLimit: Int
    let answer: @Sendable (Asking) async throws -> Reply
    let pattern: PathPattern

    /// - Parameter path: Its segments in braces are places: `/customers/{code}`.
    init(
        _ method: Asking.Method, _ path: String, _ access: Access, bodyLimit: Int = 256 << 10,
        _ answer: @escaping @Sendable (Asking) async throws -> Reply
    ) {
        self.method = method
        self.path = path
        self.access = access
        self.bodyLimit = bodyLimit
        self.answer = answer
        pattern = PathPattern(path)
    }
}
