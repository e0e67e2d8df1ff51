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
        .json(
            OpenAPIDocument(operations: call.site.operations, texts: OperationTexts(call.w.catalogue)).json)
    }
}
