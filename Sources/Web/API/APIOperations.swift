internal import Formats
internal import Foundation
internal import Operations

/// All that programs can ask for, in the order of the document.
enum APIOperations {
    static let all: [Operation] =
        [description] + PeopleOperations.all + CustomerOperations.all + InvoiceOperations.all + ReceiptOperations.all
        + ImportOperations.all + NoteOperations.all + ReportOperations.all + WorkOperations.all
        + LedgerOperations.all + SettingOperations.all + WebhookOperations.all

    private static let description = Operation(
        .get, "/openapi.json", "getDescription", .anybody, "This description.",
        result: .json(.named("Description", .map(.optional(.line(0...1)))))
    ) { call in
        let (operations, w) = (call.site.operations, call.w)
        return .json(
            call.site.descriptions.find(w.language) {
                OpenAPIDocument(operations: operations, texts: OperationTexts(w.catalogue)).json
            })
    }
}

/// The API's description in each language, made once: anybody may ask for it.
final class Descriptions: @unchecked Sendable {
    // `made` is guarded by `lock`.
    private let lock = NSLock()
    private var made: [Catalogue.Language: JSONValue] = [:]

    func find(_ language: Catalogue.Language, _ make: () -> JSONValue) -> JSONValue {
        lock.withLock {
            if let known = made[language] { return known }
            let new = make()
            made[language] = new
            return new
        }
    }
}
