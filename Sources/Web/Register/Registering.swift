internal import Formats
internal import Ledger
internal import Operations
internal import Receivables

/// Records that programs register one by one. They are read just like a line of a file, so that both know the same
/// rules and say the same when something is wrong.
enum Registering {
    /// The fields of a record: the columns of its file, under our names.
    static func schema(_ kind: ImportKind, _ name: String, without: Set<String> = []) -> Schema {
        .named(
            name,
            .record(
                kind.columns.filter { !without.contains($0.name) }.map { column in
                    let schema = schema(of: column.name, in: kind)
                    let about = about(column.name, in: kind)
                    let ours = FieldName.ours(column.name)
                    return column.isRequired
                        ? Schema.Field(ours, schema, about) : Schema.Field.maybe(ours, schema, about)
                }))
    }

    static func schema(of column: String, in kind: ImportKind) -> Schema {
        switch (kind, column) {
        case (_, "currency"), (_, "from"), (_, "to"): .currency
        case (_, "amount"), (_, "net"), (_, "tax"), (_, "invoice_amount"): .decimal
        case (_, "terms_days"): .whole(0...3_650)
        case (_, "instalments"):
            .list(
                of: .named(
                    "NewInstalment",
                    .record([.init("dueDate", .day), .init("amount", .decimal)])), most: 60, least: 1)
        case (.customers, "kind"): .choice(Customer.Kind.allCases.map(\.name))
        case (.customers, "size"): .choice(Customer.Size.allCases.map(\.name))
        case (.calendar, "kind"): .choice(["holiday", "working"])
        case (_, "language"): .choice(Catalogue.Language.allCases.map(\.rawValue))
        case (_, "invoice_status"): .choice(Invoice.TaxStatus.allCases.map(\.name))
        case (_, "method"): .choice(Credit.Method.allCases.map(\.name))
        case (_, "remittance"), (_, "reason"): .line(1...400)
        case (_, let name) where name.hasSuffix("date") || name == "day": .day
        default: .line(1...120)
        }
    }

    private static func about(_ column: String, in kind: ImportKind) -> String {
        switch (kind, column) {
        case (_, "amount"): "A decimal number as text, in the record's currency; with tax."
        case (.invoices, "terms_days"): "Instead of `dueDate`: days from `issueDate`."
        case (.invoices, "due_date"): "Left out, it follows from `termsDays` or the customer's terms."
        case (.invoices, "instalments"): "Instead of `dueDate`: when which part is due; together the amount."
        case (_, "sales_owner"), (_, "collector"): "A colleague's e-mail address."
        case (_, "customer"), (_, "group"): "The customer's code."
        case (_, "entity"): "The legal entity's code; `main` unless the company has several."
        case (_, "einvoice_number"): "Twenty digits."
        default: ""
        }
    }

    /// Registers the record in a call's body.
    ///
    /// - Returns: Whether it is new, and the act; a record that was there with the same content is not registered again.
    static func run(
        _ call: Call, _ kind: ImportKind, _ permission: Permission, more: [String: String] = [:], updates: Bool = false
    ) async throws -> (report: ImportReport, act: Int64?) {
        var columns: [String] = []
        var values: [String] = []
        for column in kind.columns {
            let value = more[column.name] ?? text(call.body[FieldName.ours(column.name)])
            guard let value else { continue }
            columns.append(column.name)
            values.append(value)
        }
        let comma = UInt8(ascii: ",")
        var importing = FileImport(
            kind,
            .text(
                CSVText.verbatimLine(columns, separator: comma) + CSVText.verbatimLine(values, separator: comma)))
        importing.command = permission.rawValue
        importing.options.updates = updates
        importing.key = "api \(call.key)"
        importing.narrowedTo = call.viewer.narrowing
        importing.belief = call.belief
        importing.trace = call.requestID
        let result = try await importing.run(
            in: call.store, actor: call.viewer.actor, source: "api", now: call.now, today: call.today)
        return (result.report, result.act)
    }

    /// As it would stand in a file; `nil` for what isn't given.
    private static func text(_ value: JSONInput) -> String? {
        switch value {
        case .text(let text): text
        case .whole(let number): "\(number)"
        case .list(let parts):
            parts.map { "\($0.text("dueDate") ?? ""):\($0.text("amount") ?? "")" }.joined(separator: "; ")
        default: nil
        }
    }

    /// The answer to a record: 201 where it is new, 200 where it was there.
    static func answer(_ done: (report: ImportReport, act: Int64?), at location: String) -> Answer {
        var answer = Answer.act(done.act, ["isNew": .bool(done.report.created > 0)], at: location)
        answer.status = done.report.created > 0 ? 201 : 200
        return answer
    }

    static let result = Shape.act(
        "Registered", [.init("isNew", .flag, "False where the same record was there already.")])
}

/// Days that the books take.
enum BookDays {
    /// - Throws: `Refusal` `value.date-out-of-range`.
    static func need(_ day: LocalDate) throws {
        guard day >= .earliestInBooks, day <= .latestInBooks else {
            throw Refusal(
                .valueDateOutOfRange,
                ["earliest": .text("\(LocalDate.earliestInBooks)"), "latest": .text("\(LocalDate.latestInBooks)")])
        }
    }
}
