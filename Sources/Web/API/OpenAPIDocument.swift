internal import Formats
internal import Ledger
internal import Operations
internal import Receivables

/// The description of the API as OpenAPI 3.1, made from the operations themselves.
struct OpenAPIDocument {
    let operations: [Operation]
    let texts: OperationTexts

    var json: JSONValue {
        var components: [String: Schema] = [:]
        for operation in operations {
            if case .json(let schema) = operation.body { schema.components(into: &components) }
            for parameter in operation.query { parameter.schema.components(into: &components) }
        }
        let ofRequests = Set(components.keys)
        for operation in operations {
            if case .json(let schema) = operation.result { schema.components(into: &components) }
        }
        Problem.schema.components(into: &components)
        var paths: [(path: String, operations: [Operation])] = []
        for operation in operations {
            if let index = paths.firstIndex(where: { $0.path == operation.path }) {
                paths[index].operations.append(operation)
            } else {
                paths.append((operation.path, [operation]))
            }
        }
        let tags = operations.map(\.tag).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        return .object([
            "openapi": .string("3.1.0"),
            "info": .object([
                "title": .string("Huikuan"), "version": .string(APIServer.version),
                "description": .string(Self.about),
                "license": .object(["name": .string("Apache-2.0"), "identifier": .string("Apache-2.0")]),
            ]),
            "servers": .array([.object(["url": .string(APIServer.base)])]),
            "security": .array([.object(["token": .array([])])]),
            "tags": .array(tags.map { .object(["name": .string($0)]) }),
            "paths": .object(
                paths.map { path, operations in
                    .init(
                        name: path,
                        value: .object(
                            operations.map { .init(name: $0.method.rawValue.lowercased(), value: json($0)) }))
                }),
            "components": .object([
                "securitySchemes": .object([
                    "token": .object([
                        "type": .string("http"), "scheme": .string("bearer"),
                        "description": .string(
                            "A token made under “My account” or by `huikuan user token`. It may do what its holder may, and of that only what it names."
                        ),
                    ])
                ]),
                "responses": .object(
                    Self.problems.map { status, about in
                        .init(
                            name: Self.name(ofProblem: status),
                            value: .object([
                                "description": .string(about),
                                "content": .object([
                                    "application/problem+json": .object(["schema": Problem.schema.json()])
                                ]),
                            ]))
                    }),
                "schemas": .object(
                    components.sorted { $0.key < $1.key }.map {
                        .init(name: $0.key, value: $0.value.json(isAnswer: !ofRequests.contains($0.key)))
                    }),
            ]),
        ])
    }

    private static let about = """
        Receivables: customers, invoices, receipts, aging, tasks, the ledger and the journal of acts.

        Money is a decimal number as text with its currency, never a binary fraction; days are `yyyy-MM-dd`; ids are texts.

        Every command asks for an `Idempotency-Key`: the same key with the same request is done once and gets the same \
        answer, however often it is sent; with another request it is refused (409, `key.reused`). A refused command \
        leaves no key behind.

        Lists are read page by page: `next` of an answer is `cursor` of the next request. What has a version has it as \
        its `ETag`; a change names it in `If-Match` and is refused (409) when somebody else was faster.

        What can't be understood is refused with 400, what a token may not do with 403, what isn't there, or isn't in \
        the data scope, with 404, and what is well formed but against what the books say with 409. Problems come as \
        `application/problem+json` with a code, the field, and what to do, in the language of `Accept-Language` \
        (`zh-Hans` or `en`).
        """

    private func json(_ operation: Operation) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init(name: "operationId", value: .string(operation.name)),
            .init(name: "tags", value: .texts([operation.tag])),
            .init(name: "summary", value: .string(texts.summary(operation))),
        ]
        let about = [operation.about, Self.permission(operation)].filter { !$0.isEmpty }.joined(separator: "\n\n")
        if !about.isEmpty { members.append(.init(name: "description", value: .string(about))) }
        if operation.access == .anybody { members.append(.init(name: "security", value: .array([]))) }
        let parameters = Self.parameters(operation)
        if !parameters.isEmpty { members.append(.init(name: "parameters", value: .array(parameters))) }
        switch operation.body {
        case .none: break
        case .json(let schema):
            members.append(
                .init(
                    name: "requestBody",
                    value: .object([
                        "required": .bool(true),
                        "content": .object(["application/json": .object(["schema": schema.json()])]),
                    ])))
        case .file(let types, _):
            members.append(
                .init(
                    name: "requestBody",
                    value: .object([
                        "required": .bool(true),
                        "content": .object(
                            types.map { type in
                                .init(
                                    name: type,
                                    value: .object([
                                        "schema": .object(["type": .string("string"), "format": .string("binary")])
                                    ]))
                            }),
                    ])))
        }
        members.append(.init(name: "responses", value: Self.responses(operation)))
        return .object(members)
    }

    private static func permission(_ operation: Operation) -> String {
        switch operation.access {
        case .anybody: "No token is needed."
        case .token: "Any token."
        case .permission(let permission): "Permission: `\(permission.rawValue)`."
        case .anyOf(let permissions):
            "Any of these permissions: \(permissions.map { "`\($0.rawValue)`" }.joined(separator: ", "))."
        }
    }

    private static func parameters(_ operation: Operation) -> [JSONValue] {
        func parameter(_ name: String, in place: String, _ schema: JSONValue, _ about: String, _ isRequired: Bool)
            -> JSONValue
        {
            .object([
                "name": .string(name), "in": .string(place), "required": .bool(isRequired),
                "description": .string(about), "schema": schema,
            ])
        }
        var parameters = operation.pattern.places.map { name in
            parameter(name, in: "path", Operation.schema(ofPlace: name).json(), Self.place(name, operation), true)
        }
        parameters += operation.query.map {
            parameter($0.name, in: "query", $0.schema.json(), $0.about, $0.isRequired)
        }
        if operation.isCommand {
            parameters.append(
                parameter(
                    "Idempotency-Key", in: "header", APIServer.keySchema.json(),
                    "New for each command, the same when it is sent again: for example a UUID.", true))
        }
        if operation.acceptsVersion {
            parameters.append(
                parameter(
                    "If-Match", in: "header",
                    .object(["type": .string("string"), "pattern": .string("^\"(0|[1-9][0-9]{0,17})\"$")]),
                    operation.needsVersion
                        ? "The `ETag` that the caller knows."
                        : "The `ETag` that the caller knows; left out, whatever it is now is changed.",
                    operation.needsVersion))
        }
        return parameters
    }

    private static func place(_ name: String, _ operation: Operation) -> String {
        switch name {
        case "code": "The customer's code."
        case "number": "The invoice's number; a slash in it is sent as `%2F`."
        case "person": "The person's e-mail address or key."
        case "id": "The number that a list gives."
        case "act": "The number of an act."
        default: "\(name) of \(operation.tag)"
        }
    }

    private static func responses(_ operation: Operation) -> JSONValue {
        var responses: [JSONValue.Member] = []
        func add(_ status: Int) {
            responses.append(
                .init(
                    name: "\(status)",
                    value: .object(["$ref": .string("#/components/responses/\(Self.name(ofProblem: status))")])))
        }
        let tag = JSONValue.object([
            "description": .string(
                operation.isVersioned
                    ? "The version: name it in `If-Match` to change it." : "The same as long as the answer is."),
            "schema": .object(["type": .string("string")]),
        ])
        var good: [JSONValue.Member] = [.init(name: "description", value: .string(operation.summary))]
        if operation.method == .get {
            good.append(.init(name: "headers", value: .object(["ETag": tag])))
        }
        switch operation.result {
        case .json(let schema):
            good.append(
                .init(name: "content", value: .object(["application/json": .object(["schema": schema.json()])])))
        case .file(let types):
            good.append(
                .init(
                    name: "content",
                    value: .object(
                        types.map { type in
                            .init(
                                name: type,
                                value: .object([
                                    "schema": .object(["type": .string("string"), "format": .string("binary")])
                                ]))
                        })))
        case .nothing: break
        }
        responses.append(.init(name: "\(operation.status)", value: .object(good)))
        if operation.method == .get {
            responses.append(
                .init(name: "304", value: .object(["description": .string("As `If-None-Match` names it.")])))
        }
        add(400)
        if operation.access != .anybody {
            add(401)
            add(403)
        }
        add(404)
        add(409)
        switch operation.body {
        case .none: break
        default:
            add(413)
            add(415)
        }
        add(429)
        add(500)
        return .object(responses)
    }

    private static let problems: [(status: Int, about: String)] = [
        (400, "The request can't be understood."), (401, "There is no token, or it doesn't work."),
        (403, "The token may not do this."), (404, "There is no such record in the token's data scope."),
        (409, "The books say something else, or the key or version was used."), (413, "The body is too large."),
        (415, "The body is of another media type."),
        (429, "Too many requests: wait as long as `Retry-After` says."),
        (500, "Something failed here; nothing was changed."),
    ]

    private static func name(ofProblem status: Int) -> String { "Problem\(status)" }
}
