internal import Formats
internal import Operations
internal import Receivables

/// Why a program doesn't get what it asked for, as RFC 9457 writes it: a code that programs know, and in the caller's
/// language what is wrong and what to do.
struct Problem: Sendable {
    struct Part: Sendable {
        let refusal: Refusal
        /// Where in the request: `/parts/0/amount`, a parameter's or a header's name; empty for all of it.
        let field: String
        var line: Int?
    }

    let status: Int
    let parts: [Part]
    var headers: [(name: String, value: String)] = []

    init(_ status: Int, _ refusal: Refusal, field: String = "", headers: [(name: String, value: String)] = []) {
        self.status = status
        parts = [Part(refusal: refusal, field: field)]
        self.headers = headers
    }

    init(_ status: Int, _ parts: [Part]) {
        self.status = status
        self.parts = parts
    }

    static let schema = Schema.named(
        "Problem",
        .record([
            .init("type", .line(), "A URI that names the code."),
            .init("title", .lines(), "What is wrong."),
            .init("status", .whole(400...599)),
            .init(
                "detail", .lines(0...20_000), "What is wrong, with what to do, in the language of `Accept-Language`."),
            .init("code", .line(), "The code of the refusal (docs/ERRORS.md)."),
            .orNull(
                "field", .line(0...400), "Where in the request, as a JSON pointer or the name of a parameter or header."
            ),
            .init("cure", .lines(0...20_000), "What to do."),
            .init("request", .line(), "The number of the request, for whoever looks into it."),
            .init(
                "errors",
                .list(
                    of: .named(
                        "ProblemPart",
                        .record([
                            .init("code", .line()), .orNull("field", .line(0...400)),
                            .orNull("line", .count, "The line of a file."), .init("detail", .lines(0...20_000)),
                            .init("cure", .lines(0...20_000)),
                        ]))), "All that is wrong, where that is more than one thing."),
        ]))

    func reply(_ w: Wording, _ id: String) -> Reply {
        guard let first = parts.first else { return Reply(status: status) }
        let (said, cure) = w.catalogue.parts(first.refusal)
        let code = first.refusal.code.rawValue
        var reply = Reply(
            status: status,
            headers: [("Content-Type", "application/problem+json"), APIServer.neverAPage] + headers)
        reply.body = Array(
            JSONValue.object([
                "type": .string("urn:huikuan:\(code)"), "title": .string(said), "status": .count(status),
                "detail": .string(w.catalogue.message(first.refusal)), "code": .string(code),
                "field": .optional(first.field.isEmpty ? nil : first.field), "cure": .string(cure),
                "request": .string(id),
                "errors": .array(
                    parts.map { part in
                        .object([
                            "code": .string(part.refusal.code.rawValue),
                            "field": .optional(part.field.isEmpty ? nil : part.field),
                            "line": part.line.map { .count($0) } ?? .null,
                            "detail": .string(w.catalogue.message(part.refusal)),
                            "cure": .string(w.catalogue.parts(part.refusal).cure),
                        ])
                    }),
            ]).text.utf8)
        return reply.with("Content-Language", w.language.rawValue)
    }

    // MARK: From what was thrown

    /// - Parameter fields: What the columns of files are called in this operation's body, where they differ.
    /// - Returns: `nil` for what is nobody's doing.
    init?(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let refusal as Refusal: self.init(Self.status(of: refusal.code), refusal)
        case let refused as PartRefused:
            self.init(409, refused.refusal, field: "/parts/\(refused.index)")
        case let refused as FieldRefused:
            self.init(409, refused.refusal, field: "/\(FieldName.ours(refused.column))")
        case let rejected as ImportRejected:
            self.init(
                409,
                rejected.faults.map { fault in
                    Part(
                        refusal: fault.refusal,
                        field: fault.column.isEmpty ? "" : "/\(FieldName.ours(fault.column))")
                })
        default: return nil
        }
    }

    /// What is well formed and still refused is a conflict with what the books say: 409. So programs can tell it from a
    /// request that will never be understood, 400.
    static func status(of code: RefusalCode) -> Int {
        switch code {
        case .accessDenied, .tokenSecondFactor, .accessScope, .accessRegisteredByYou, .accessOneHand, .approvalOwn: 403
        case .customerUnknown, .invoiceUnknown, .receiptUnknown, .creditNoteUnknown, .taskUnknown, .actUnknown,
            .entryUnknown, .approvalUnknown, .linkInvalid, .reminderUnknown, .attachmentUnknown, .importUnknown,
            .webhookUnknown,
            .webhookMessageUnknown, .serviceUnknown,
            .requestPath:
            404
        case .requestUnreadable, .requestMissing, .requestUnknown, .requestWrong, .requestNoKey,
            .requestNoVersion:
            400
        case .requestMethod: 405
        case .requestMedia: 415
        case .requestTooLarge: 413
        case .requestTooMany: 429
        case .tokenMissing, .tokenInvalid: 401
        default: 409
        }
    }
}

extension Problem: Error {}

/// Names of fields: `issue_date` in a file is `issueDate` here.
enum FieldName {
    static func ours(_ column: String) -> String {
        if column == "einvoice_number" { return "eInvoiceNumber" }
        var name = ""
        var isNext = false
        for character in column {
            if character == "_" {
                isNext = true
            } else {
                name += isNext ? character.uppercased() : String(character)
                isNext = false
            }
        }
        return name
    }
}
