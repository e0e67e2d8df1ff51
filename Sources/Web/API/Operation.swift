internal import Formats
internal import Foundation
internal import Ledger
internal import Operations
internal import Receivables

/// One thing that programs can ask for: where, by whom, with what, and what they get.
///
/// The list of operations is all there is: requests are routed and checked by it, and the OpenAPI document, the page
/// of examples and the tests are made from it.
final class Operation: Sendable {
    enum Method: String, CaseIterable, Sendable {
        case get = "GET", post = "POST", put = "PUT", patch = "PATCH", delete = "DELETE"
    }

    enum Access: Sendable, Equatable {
        case anybody
        /// Whoever has a token that works.
        case token
        case permission(Permission)
        /// Any one of these, for operations that show only what the token may see.
        case anyOf([Permission])

        /// Any one of them is enough; where there is none, nothing is asked.
        var permissions: [Permission] {
            switch self {
            case .anybody, .token: []
            case .permission(let permission): [permission]
            case .anyOf(let permissions): permissions
            }
        }
    }

    enum Body: Sendable {
        case none
        case json(Schema)
        /// A file as it is, at most so many bytes.
        case file([String], most: Int)
    }

    enum Result: Sendable {
        case json(Schema)
        case file([String])
        case nothing
    }

    struct Parameter: Sendable {
        let name: String
        let schema: Schema
        let about: String
        var isRequired = false
    }

    /// Values with which the operation can be tried: `{customer}`, `{invoice}`, `{receipt}`, `{task}` … stand for records
    /// that are there.
    struct Example: Sendable {
        var places: [String: String] = [:]
        var query: KeyValuePairs<String, String> = [:]
        var body: JSONValue?
        /// Of an operation with a file.
        var file: String?
        /// What has to be there that not every company has; such an example isn't shown as one that runs anywhere.
        var needs: String?
        /// What a new company has, for `If-Match`.
        var version = 1
    }

    let method: Method
    /// Below `/api/v1`; segments in braces are places.
    let path: String
    /// Names the function of generated clients.
    let name: String
    let access: Access
    let summary: String
    let about: String
    let query: [Parameter]
    let body: Body
    let status: Int
    let result: Result
    /// Whether the answer's `ETag` is the version that a change names in `If-Match`.
    let isVersioned: Bool
    /// Whether it changes something with a version, and asks for the version that the caller knows.
    let needsVersion: Bool
    /// Whether the first thing it does is a command of its sender's (`Call.request`, `Registering`), whose transaction proves
    /// what was believed of the token; all others ask before they begin.
    let provesItself: Bool
    /// Whether the caller may name the version that it knows; left out, the last one is changed.
    let acceptsVersion: Bool
    let example: Example
    let run: @Sendable (Call) async throws -> Answer
    let pattern: PathPattern

    init(
        _ method: Method, _ path: String, _ name: String, _ access: Access, _ summary: String, about: String = "",
        query: [Parameter] = [], body: Body = .none, status: Int = 200, result: Result, isVersioned: Bool = false,
        needsVersion: Bool = false, acceptsVersion: Bool = false, provesItself: Bool = false,
        example: Example = Example(), run: @escaping @Sendable (Call) async throws -> Answer
    ) {
        self.method = method
        self.path = path
        self.name = name
        self.access = access
        self.summary = summary
        self.about = about
        self.query = query
        self.body = body
        self.status = status
        self.result = result
        self.isVersioned = isVersioned
        self.needsVersion = needsVersion
        self.acceptsVersion = acceptsVersion || needsVersion
        self.provesItself = provesItself
        self.example = example
        self.run = run
        pattern = PathPattern(path)
    }

    /// A question about something that the permission shows.
    static func ask(
        _ path: String, _ name: String, _ permission: Permission, _ summary: String, about: String = "",
        query: [Parameter] = [], result: Schema, isVersioned: Bool = false, example: Example = Example(),
        run: @escaping @Sendable (Call) async throws -> Answer
    ) -> Operation {
        Operation(
            .get, path, name, .permission(permission), summary, about: about, query: query, result: .json(result),
            isVersioned: isVersioned, example: example, run: run)
    }

    /// A command; its answer names the act.
    static func act(
        _ method: Method = .post, _ path: String, _ name: String, _ permission: Permission, _ summary: String,
        about: String = "", body: Schema? = nil, status: Int = 200, result: Schema = Shape.act,
        needsVersion: Bool = false, acceptsVersion: Bool = false, provesItself: Bool = false,
        example: Example = Example(), run: @escaping @Sendable (Call) async throws -> Answer
    ) -> Operation {
        Operation(
            method, path, name, .permission(permission), summary, about: about,
            body: body.map(Body.json) ?? .none, status: status, result: .json(result), needsVersion: needsVersion,
            acceptsVersion: acceptsVersion, provesItself: provesItself, example: example, run: run)
    }

    /// Whether it changes something: then it asks for an idempotency key.
    var isCommand: Bool { method != .get }

    /// What the document and generated clients group it by.
    var tag: String { pattern.first }

    /// What stands in a place of a path: ids are numbers of the store, everything else is what people call it.
    static func schema(ofPlace name: String) -> Schema {
        switch name {
        case "id", "act": .identifier
        case "instalment": .whole(1...1_000)
        case "language": .choice(Catalogue.Language.allCases.map(\.rawValue))
        case "account": .choice(AccountRole.allCases.map(\.name))
        default: .line()
        }
    }
}

extension Operation.Parameter {
    init(_ name: String, _ schema: Schema, _ about: String) {
        self.name = name
        self.schema = schema
        self.about = about
    }

    static func needed(_ name: String, _ schema: Schema, _ about: String) -> Operation.Parameter {
        var parameter = Operation.Parameter(name, schema, about)
        parameter.isRequired = true
        return parameter
    }

    static func limit(_ most: Int64 = 500) -> Operation.Parameter {
        Operation.Parameter("limit", .whole(1...most), "At most so many, 50 unless given.")
    }

    static let cursor = Operation.Parameter(
        "cursor", .cursor, "Where to go on: `next` of the page before. Left out, the list begins.")
}

/// A request that was checked: what it asks for fits the operation's shapes.
struct Call: Sendable {
    let site: Site
    let operation: Operation
    let places: [String: String]
    /// Checked values of the address's query, by name.
    let query: JSONInput
    let body: JSONInput
    /// A body that is a file, on its way to the disk.
    var upload: (@Sendable () async throws -> Uploads.Upload)?
    /// The idempotency key of a command.
    let key: String
    /// The version that the caller knows, of an operation that asks for one.
    let version: Int64?
    let requestID: String
    let now: Instant
    let today: LocalDate
    let w: Wording
    /// What addresses in answers begin with.
    let base: String
    let origin: SignIn.Origin
    /// Who asks; an operation for anybody has none.
    var viewer: Viewer
    /// The number of the token that it came with.
    let token: Int64
    /// What is still to be proven of them; `nil` where it was asked for.
    var belief: Belief?

    var store: Store { site.store }

    func place(_ name: String) -> String { places[name] ?? "" }

    /// The number in a place; zero is nobody's.
    var id: Int64 { Int64(place("id")) ?? 0 }

    var limit: Int { Int(query.whole("limit") ?? 50) }

    func day(_ name: String) -> LocalDate? { query.text(name).flatMap { LocalDate($0) } }

    /// A day of a command's body.
    ///
    /// - Throws: `Refusal` `value.date-out-of-range` for one that the books don't take.
    func bookDay(_ name: String) throws -> LocalDate? {
        guard let day = body.text(name).flatMap({ LocalDate($0) }) else { return nil }
        try BookDays.need(day)
        return day
    }

    /// Answers from the store, away from the threads that serve connections.
    func look<Value: Sendable>(
        _ permission: Permission, on day: LocalDate? = nil, _ body: @escaping @Sendable (Look) throws -> Value
    ) async throws -> Value {
        let (viewer, store, day) = (viewer, store, day ?? today)
        return try await site.work { try store.look(as: viewer, for: permission, on: day, body) }
    }

    func work<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await site.work(body)
    }

    /// The command that was asked for, under its idempotency key: what is the same key and the same request is done once.
    func request(_ permission: Permission, source: String = "api") -> ActRequest {
        var request = ActRequest(
            command: permission.rawValue, actor: viewer.actor, source: source, key: "api \(key)", input: input,
            now: now,
            today: today)
        request.narrowedTo = viewer.narrowing
        request.belief = belief
        request.trace = requestID
        return request
    }

    /// All that was asked for, in the same bytes each time; what is secret is never a part of it.
    private var input: [UInt8] {
        let path = places.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "&")
        return Array(
            "\(operation.name)?\(path)&\(query.canonical)&\(version.map { "\($0)" } ?? "")&\(body.canonical)".utf8)
    }

    // MARK: Pages of lists

    /// What a cursor of ours holds; `nil` at the start.
    ///
    /// - Throws: `Refusal` `request.cursor` for one that isn't ours.
    func cursor() throws -> String? {
        guard let given = query.text("cursor") else { return nil }
        var text = given.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        while text.utf8.count % 4 != 0 { text += "=" }
        guard let data = Data(base64Encoded: text), let content = String(data: data, encoding: .utf8),
            content.hasPrefix("\(operation.name) ")
        else { throw Refusal(.requestCursor) }
        return String(content.dropFirst(operation.name.count + 1))
    }

    func numberCursor() throws -> Int64? {
        guard let content = try cursor() else { return nil }
        guard let number = Int64(content), number >= 0 else { throw Refusal(.requestCursor) }
        return number
    }

    func page(_ rows: [JSONValue], next: String?, _ more: [JSONValue.Member] = []) -> Answer {
        let cursor = next.map { content in
            Data("\(operation.name) \(content)".utf8).base64EncodedString().replacingOccurrences(of: "+", with: "-")
                .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
        }
        return .json(
            .object(
                [
                    .init(name: "items", value: .array(rows)), .init(name: "next", value: .optional(cursor)),
                ] + more))
    }
}

/// What a program gets.
struct Answer: Sendable {
    var body: JSONValue?
    var file: (bytes: [UInt8], name: String, type: String)?
    /// The version of what is shown, for `ETag`.
    var version: Int64?
    /// Whether nothing of what is shown changes without its version.
    var isWhole = true
    /// The act that the command recorded; `nil` where nothing changed.
    var act: Int64?
    /// Below `/api/v1`: where what was made is found.
    var location: String?
    var status: Int?

    static func json(_ body: JSONValue) -> Answer { Answer(body: body) }

    /// A command's answer.
    static func act(_ act: Int64?, _ more: KeyValuePairs<String, JSONValue> = [:], at location: String? = nil) -> Answer
    {
        Answer(
            body: .object(
                [.init(name: "act", value: act.map { .string("\($0)") } ?? .null)]
                    + more.map { .init(name: $0.key, value: $0.value) }), act: act, location: location)
    }
}

/// Shapes that several operations share.
enum Shape {
    static let act = Schema.named(
        "Act",
        .record([
            .orNull("act", .identifier, "The number of the act in the journal; null where nothing had to be changed.")
        ]))

    /// A command's answer with more than its act.
    static func act(_ name: String, _ fields: [Schema.Field]) -> Schema {
        .named(
            name,
            .record(
                [.orNull("act", .identifier, "The number of the act; null where nothing had to be changed.")] + fields)
        )
    }

    static func page(_ name: String, _ row: Schema, _ more: [Schema.Field] = []) -> Schema {
        .named(
            name,
            .record(
                [
                    .init("items", .list(of: row)),
                    .orNull("next", .cursor, "The cursor of the next page; null on the last one."),
                ] + more))
    }

    static let reason = Schema.Field("reason", .line(1...400), "Why; it stands in the journal.")
    static let maybeReason = Schema.Field.maybe("reason", .line(1...400), "Why; it stands in the journal.")
    static let entity = Schema.Field.maybe(
        "entity", .line(1...80), "The legal entity's code; `main` unless the company has several.")
    static let entityParameter = Operation.Parameter(
        "entity", .line(1...80), "The legal entity's code, where one number could mean two.")

    static func money(_ money: Money) -> JSONValue {
        .object(["amount": .string(money.decimal()), "currency": .string(money.currency.code)])
    }

    static func money(_ amount: Int64, _ currency: Currency) -> JSONValue {
        money(Money(minorUnits: amount, currency: currency))
    }

    static func money(_ amount: Int128, _ currency: Currency) -> JSONValue {
        .object([
            "amount": .string(Money.decimal(of: amount, exponent: currency.exponent)),
            "currency": .string(currency.code),
        ])
    }

    static func id(_ number: Int64) -> JSONValue { .string("\(number)") }
    static func day(_ day: LocalDate?) -> JSONValue { .optional(day.map { "\($0)" }) }
    static func instant(_ instant: Instant?) -> JSONValue { .optional(instant.map { "\($0)" }) }
}

extension JSONValue {
    static func texts(_ texts: some Sequence<String>) -> JSONValue { .array(texts.map(JSONValue.string)) }
}
