internal import Formats
internal import Ledger
internal import Operations
internal import Receivables

/// Requests that run, for every operation: with records that are there and that the viewer sees.
struct Examples: Sendable {
    /// By the words that stand in braces in examples.
    let values: [String: String]

    /// Finds records of each kind for the examples.
    static func find(for viewer: Viewer, on today: LocalDate, now: Instant, in store: Store) throws -> Examples {
        var values: [String: String] = [
            "today": "\(today)", "inTwoWeeks": "\(today.adding(days: 14))", "customer": "C0001", "invoice": "I-1",
            "invoiceOfReceipt": "I-1", "receipt": "1", "creditNote": "1", "task": "1", "otherTask": "1",
            "person": "colleague@example.com", "posted": "1", "token": "1", "delegation": "1", "approval": "1",
            "ownApproval": "1", "allocation": "1", "attachment": "1", "heldReminder": "1", "import": "1",
            "closableMonth": String("\(today.startOfMonth.adding(days: -1))".prefix(7)), "service": "warehouse",
            "policy": "tracking: …", "placeOfInvoice": "{invoice}", "placeOfCustomer": "{customer}",
        ]
        func look<Value>(_ permission: Permission, _ body: (Look) throws -> Value) throws -> Value? {
            viewer.may(permission) ? try store.look(as: viewer, for: permission, on: today, body) : nil
        }
        if viewer.may(.seeCustomers),
            let first = try RecordQueries.customers(after: "", limit: 1, for: viewer, in: store).first
        {
            values["customer"] = first.code
        }
        var filter = Look.ItemFilter()
        filter.sort = .issue
        filter.limit = 1
        if let item = try look(.seeInvoices, { try $0.items(filter).rows.first }) ?? nil {
            values["invoice"] = item.number
            let invoice = try RecordQueries.invoice(item.number, entity: item.entity, for: viewer, in: store)
            values["posted"] = "\(invoice.fact)"
            values["customer"] = invoice.customer
        }
        if let receipts = try look(.seeReceipts, { look in try Self.receipts(look) }) {
            for (name, value) in receipts { values[name] = value }
        }
        var tasks = Look.TaskFilter()
        tasks.whose = .all
        tasks.limit = 20
        let open = try look(.seeTasks) { try $0.tasks(tasks).rows.filter(\.mayFinish) } ?? []
        if let task = open.first { values["task"] = "\(task.id)" }
        if open.count > 1 { values["otherTask"] = "\(open[1].id)" }
        if let token = try AccountQueries.tokens(of: viewer, in: store).first(where: { !$0.isRevoked }) {
            values["token"] = "\(token.id)"
        }
        if viewer.may(.seePeople) {
            let people = try AccountQueries.people(in: store, now: now)
            if let other = people.first(where: { $0.key != viewer.key && $0.hasAccount && $0.roles == [.sales] })
                ?? people.first(where: { $0.key != viewer.key })
            {
                values["person"] = other.key
            }
        }
        if viewer.may(.seeSettings) { values["policy"] = try Policies.newest(in: store).text }
        return Examples(values: values)
    }

    /// A receipt that waits and can pay something, and what it can pay.
    private static func receipts(_ look: Look) throws -> [String: String] {
        var found: [String: String] = [:]
        var filter = Look.ReceiptFilter()
        filter.state = .all
        filter.limit = 60
        for row in try look.receipts(filter).rows {
            if row.kind == .creditNote { found["creditNote"] = "\(row.fact)" }
            guard row.kind == .receipt, found["receipt"] == nil else { continue }
            let picture = try look.receipt(fact: row.fact)
            if !picture.isOwn, let item = picture.candidates.first {
                found["receipt"] = "\(row.fact)"
                found["invoiceOfReceipt"] = item.number
            }
        }
        return found
    }

    // MARK: One request

    func path(_ operation: Operation) -> String {
        let segments = operation.path.split(separator: "/").map { segment -> String in
            guard segment.hasPrefix("{") else { return String(segment) }
            let name = String(segment.dropFirst().dropLast())
            return URLText.encode(filled(operation.example.places[name] ?? "1"))
        }
        let query = operation.example.query.map { "\($0.key)=\(URLText.encode(filled($0.value)))" }
        return "/" + segments.joined(separator: "/") + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }

    func body(_ operation: Operation) -> String? {
        if let file = operation.example.file { return file.replacing("\\n", with: "\n") }
        guard case .json = operation.body else { return nil }
        return filled(operation.example.body ?? .object([])).text
    }

    /// As one types it, with the address and the token in variables of the shell.
    func curl(_ operation: Operation) -> String {
        var line = "curl -sS"
        if operation.method != .get { line += " -X \(operation.method.rawValue)" }
        line += " \"$HUIKUAN\(APIServer.base)\(path(operation))\""
        if operation.access != .anybody { line += " -H \"Authorization: Bearer $TOKEN\"" }
        if operation.isCommand { line += " -H \"Idempotency-Key: $RANDOM$RANDOM$RANDOM\"" }
        if operation.needsVersion { line += " -H 'If-Match: \"\(operation.example.version)\"'" }
        if let body = body(operation) {
            let type = operation.example.file == nil ? "application/json" : "text/csv"
            line += " -H \"Content-Type: \(type)\" --data-binary \(Self.quoted(body))"
        }
        return line
    }

    private static func quoted(_ text: String) -> String {
        guard text.contains(where: { $0 == "\n" || $0 == "'" }) else { return "'\(text)'" }
        let escaped = text.replacing("\\", with: "\\\\").replacing("'", with: "\\'").replacing("\n", with: "\\n")
        return "$'\(escaped)'"
    }

    private func filled(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text): .string(filled(text))
        case .array(let values): .array(values.map(filled))
        case .object(let members): .object(members.map { .init(name: $0.name, value: filled($0.value)) })
        case .null, .bool, .integer: value
        }
    }

    private func filled(_ text: String) -> String {
        // One pass: a brace in a value, or a place of somebody else's, stays what it is.
        text.replacing(/\{([A-Za-z]+)\}/) { match in values[String(match.1)] ?? String(match.0) }
    }
}
