internal import Formats
internal import Foundation
internal import Operations
internal import Receivables

/// Notes and files beside records, for programs.
enum NoteOperations {
    static let all: [Operation] = [list, add, attachment]

    private static let kinds = Notes.Kind.allCases.map(\.name)
    private static let shape = Schema.named(
        "Note",
        .record([
            .init("id", .identifier), .orNull("text", .lines(0...8_000), "Null where it was erased."),
            .init("author", .line(0...400)), .init("recordedAt", .instant), .init("act", .count),
            .init(
                "files",
                .list(
                    of: .named(
                        "NoteFile",
                        .record([
                            .init("id", .identifier), .init("name", .lines(0...400)), .init("size", .count),
                            .init("mediaType", .line()),
                        ])))),
        ]))

    private static let list = Operation(
        .get, "/notes", "listNotes", .anyOf(Notes.Kind.allCases.map(\.permission)),
        "Notes beside a record, newest first; at most 50.",
        query: [
            .needed("kind", .choice(kinds), "Of what."),
            .needed(
                "subject", .line(), "A customer's code, an invoice's number, the number of a receipt or task."),
            Shape.entityParameter,
        ], result: .json(Shape.page("NotePage", shape)),
        example: .init(query: ["kind": "customer", "subject": "{customer}"])
    ) { call in
        let kind = Notes.Kind.allCases.first { $0.name == call.query.text("kind") } ?? .customer
        let (subject, entity) = (call.query.text("subject") ?? "", call.query.text("entity"))
        let notes = try await call.look(kind.permission) { look in
            switch kind {
            case .customer: return try look.notes(ofCustomer: subject)
            case .invoice: return try look.notes(.invoice, about: try look.invoice(subject, entity: entity).fact)
            case .receipt:
                return try look.notes(.receipt, about: try look.receipt(fact: Int64(subject) ?? 0).row.fact)
            case .task: return try look.notes(.task, about: try look.task(Int64(subject) ?? 0).row.id)
            }
        }
        return call.page(
            notes.map { note in
                .object([
                    "id": Shape.id(note.id), "text": .optional(note.text), "author": .string(note.author),
                    "recordedAt": .string("\(note.instant)"), "act": .integer(note.act),
                    "files": .array(
                        note.files.map { file in
                            .object([
                                "id": Shape.id(file.id), "name": .string(file.name), "size": .count(file.size),
                                "mediaType": .string(file.mediaType),
                            ])
                        }),
                ])
            }, next: nil)
    }

    private static let add = Operation.act(
        .post, "/notes", "addNote", .addNote, "Puts a note, a file or both beside a record.",
        body: .named(
            "NewNote",
            .record([
                .init("kind", .choice(kinds)), .init("subject", .line()), Shape.entity,
                .maybe("text", .lines(1...4_000)),
                .maybe(
                    "file",
                    .named(
                        "NewFile",
                        .record([
                            .init("name", .line(1...200)),
                            .init("content", .base64(14_000_000), "Base64; at most 10 MB of content."),
                        ]))),
            ])), status: 201,
        example: .init(
            body: .object([
                "kind": .string("customer"), "subject": .string("{customer}"),
                "text": .string("Called: pays on Friday."),
            ]))
    ) { call in
        let kind = Notes.Kind.allCases.first { $0.name == call.body.text("kind") } ?? .customer
        var file: Notes.File?
        if case .record = call.body["file"] {
            let content = Data(base64Encoded: call.body["file"].text("content") ?? "") ?? Data()
            file = Notes.File(name: call.body["file"].text("name") ?? "", bytes: Array(content))
        }
        return .act(
            try await NoteCommands(in: call.store, call.request(.addNote)).add(
                call.body.text("text") ?? "", file: file,
                to: Notes.Subject(kind, call.body.text("subject") ?? "", entity: call.body.text("entity"))))
    }

    private static let attachment = Operation(
        .get, "/attachments/{id}", "getAttachment", .anyOf(Notes.Kind.allCases.map(\.permission)),
        "A file that stands beside a record that the token sees.",
        result: .file([
            "application/pdf", "image/png", "image/jpeg", "application/zip", "application/x-ole-storage", "text/plain",
        ]), example: .init(places: ["id": "{attachment}"], needs: "a file that was put beside a record")
    ) { call in
        let id = call.id
        // Which permission it takes depends on the record; the look asks.
        let any = Notes.Kind.allCases.map(\.permission).first(where: call.viewer.may) ?? .seeCustomers
        let (file, bytes) = try await call.look(any) { try $0.attachment(id) }
        return Answer(file: (bytes, file.name, file.mediaType))
    }
}
