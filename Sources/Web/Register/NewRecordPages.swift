internal import Formats
internal import Ledger
internal import Operations
internal import Receivables

/// Records typed by hand. They are read just like a line of a file, so that both know the same rules.
enum NewRecordPages {
    static let routes: [Route] = [
        Route(.get, "/new/customers", .permission(.registerCustomer)) { try await form($0, customers) },
        Route(.post, "/new/customers", .permission(.registerCustomer)) { try await register($0, customers) },
        Route(.get, "/new/invoices", .permission(.registerInvoice)) { try await form($0, invoices) },
        Route(.post, "/new/invoices", .permission(.registerInvoice)) { try await register($0, invoices) },
        Route(.get, "/new/receipts", .permission(.registerReceipt)) { try await form($0, receipts) },
        Route(.post, "/new/receipts", .permission(.registerReceipt)) { try await register($0, receipts) },
        Route(.get, "/new/credit-notes", .permission(.registerCreditNote)) { try await form($0, creditNotes) },
        Route(.post, "/new/credit-notes", .permission(.registerCreditNote)) { try await register($0, creditNotes) },
        Route(.get, "/customers/{code}/change", .permission(.changeCustomer)) { try await form($0, customer) },
        Route(.post, "/customers/{code}/change", .permission(.changeCustomer)) { try await register($0, customer) },
        Route(.get, "/new/calendar", .permission(.importCalendar)) { try await form($0, calendar) },
        Route(.post, "/new/calendar", .permission(.importCalendar)) { try await register($0, calendar) },
        Route(.get, "/customers/options", .permission(.seeCustomers), options),
    ]

    private struct Form: Sendable {
        let kind: ImportKind
        let permission: Permission
        let title: Word
        let place: Place
        /// Columns shown at once; the others stand behind a disclosure.
        let first: [String]
        /// The record is known, and gets a new version.
        var changes = false
    }

    private static let customers = Form(
        kind: .customers, permission: .registerCustomer, title: .newCustomer, place: .customers,
        first: ["code", "name", "sales_owner", "collector", "terms_days", "uscc"])
    private static let invoices = Form(
        kind: .invoices, permission: .registerInvoice, title: .newInvoice, place: .invoices,
        first: ["number", "customer", "issue_date", "due_date", "amount", "tax", "contract", "currency"])
    private static let receipts = Form(
        kind: .receipts, permission: .registerReceipt, title: .newReceipt, place: .receipts,
        first: ["reference", "date", "amount", "customer", "payer", "remittance", "currency"])
    private static let creditNotes = Form(
        kind: .creditNotes, permission: .registerCreditNote, title: .newCreditNote, place: .receipts,
        first: ["number", "invoice", "date", "amount", "reason"])

    /// A known customer's own facts; what money hangs on stands in other records.
    private static let customer = Form(
        kind: .customers, permission: .changeCustomer, title: .changeCustomerAct, place: .customers,
        first: [
            "name", "sales_owner", "collector", "terms_days", "uscc", "kind", "size", "industry", "group", "currency",
            "language",
        ], changes: true)
    private static let calendar = Form(
        kind: .calendar, permission: .importCalendar, title: .calendarDayAct, place: .settings,
        first: ["date", "kind", "name"], changes: true)

    /// What may be chosen in the fields.
    private struct Choices: Sendable {
        let people: [(key: String, name: String)]
        let entities: [EntityQueries.Row]
        let banks: [String]
        /// What is registered.
        let known: [String: String]
    }

    private static func choices(_ asking: Asking, _ form: Form) async throws -> Choices {
        let store = asking.store
        let code = form.changes && form.kind == .customers ? asking.place("code") : nil
        let (people, known) = try await asking.look(form.changes && code == nil ? .seeDay : .seeCustomers) { look in
            (look.colleagues(), try code.map { try look.customerFields($0) } ?? [:])
        }
        return try await asking.work {
            Choices(
                people: people, entities: try EntityQueries.all(in: store),
                banks: try ApprovalQueries.bankAccounts(in: store).filter(\.isActive).map(\.code), known: known)
        }
    }

    /// The values of a column that has only some.
    private static func values(_ column: String, of kind: ImportKind, _ asking: Asking, _ choices: Choices)
        -> [(String, String)]?
    {
        let w = asking.w
        let company = asking.site.company
        let values: [(String, String)]
        switch (kind, column) {
        case (.customers, "kind"):
            values = Customer.Kind.allCases.map { ($0.name, w.name(.customerKind, $0.name)) }
        case (.customers, "size"): values = Customer.Size.allCases.map { ($0.name, w.name(.size, $0.name)) }
        case (.calendar, "kind"):
            return [("holiday", w(.dayOff)), ("working", w(.workingDay))]
        case (_, "language"):
            values = MessageTemplates.Language.allCases.map { ($0.rawValue, w.name(.language, $0.rawValue)) }
        case (_, "currency"):
            let usual = [company.currency.code, "CNY", "USD", "EUR", "HKD", "JPY", "GBP", "SGD"]
            let codes = usual.enumerated().filter { usual.firstIndex(of: $0.element) == $0.offset }.map(\.element)
            values = codes.map { ($0, $0) }
        case (_, "invoice_status"):
            values = Invoice.TaxStatus.allCases.map { ($0.name, w.name(.taxStatus, $0.name)) }
        case (_, "entity") where choices.entities.count > 1:
            values = choices.entities.map { ($0.code, "\($0.code) · \($0.name)") }
        case (_, "bank_account") where !choices.banks.isEmpty: values = choices.banks.map { ($0, $0) }
        default: return nil
        }
        return [("", "–")] + values
    }

    /// Customers that fit what is typed, for the list under the field.
    @Sendable private static func options(_ asking: Asking) async throws -> Reply {
        let text = asking.query["q"]
        let found = try await asking.look(.seeCustomers) { $0.customerOptions(text) }
        return .html(
            "<datalist>\(each: found, { "<option value=\"\($0.code)\">\($0.name)</option>" })</datalist>")
    }

    private static func hint(_ column: String, _ w: Wording) -> String {
        switch column {
        case "customer", "group": w(.customerHint)
        case "due_date": w(.dueHint)
        default: ""
        }
    }

    private static func form(_ asking: Asking, _ form: Form, faults: [LineFault] = []) async throws -> Reply {
        let w = asking.w
        let parts = Parts(asking)
        let choices = try await choices(asking, form)
        let whole = faults.filter { $0.column.isEmpty }
        func field(_ column: ImportKind.Column) -> HTML {
            let fault = faults.first { $0.column == column.name }
            let typed =
                isTouched(column.name, asking)
                ? asking.form[column.name] : choices.known[column.name] ?? asking.query[column.name]
            let isDay = column.name.hasSuffix("date")
            let value =
                typed.isEmpty && asking.method == .get && ["issue_date", "date"].contains(column.name)
                ? "\(asking.today)" : typed
            let label = w.name(.column, column.name) + (column.isRequired ? " *" : "")
            let error = fault.map { w.message($0.refusal) }
            if let values = values(column.name, of: form.kind, asking, choices) {
                // A value that isn't among the usual ones stays what it is.
                let all = values.contains { $0.0 == value } ? values : values + [(value, value)]
                return parts.select(column.name, label, all, selected: value, error: error)
            }
            var more = HTML.nothing
            switch column.name {
            case "amount", "net", "tax": more = " inputmode=\"decimal\""
            case "sales_owner", "collector": more = " list=\"people\" autocomplete=\"off\""
            case "customer", "group":
                more = " list=\"\(column.name)-options\" data-options=\"/customers/options\" autocomplete=\"off\""
            default: break
            }
            return parts.field(
                column.name, label, value: value, type: isDay ? "date" : "text", hint: hint(column.name, w),
                error: error, isRequired: column.isRequired, more: more)
                + (["customer", "group"].contains(column.name)
                    ? "<datalist id=\"\(column.name)-options\"></datalist>" : .nothing)
        }
        // One company's accounts need no name of the company; its calendar is its country's.
        let columns = form.kind.columns.filter {
            !($0.name == "entity" && choices.entities.count < 2)
                && !(form.changes && ["code", "country"].contains($0.name))
        }
        let first = form.first.compactMap { name in columns.first { $0.name == name } }
        let others = columns.filter { column in !form.first.contains(column.name) }
        let isOpen = faults.contains { fault in others.contains { $0.name == fault.column } }
        let trail: [(String, String)] =
            form.kind == .calendar
            ? [(w(.navSettings), "/settings?tab=calendar")]
            : form.changes ? [(choices.known["name"] ?? "", "/customers/\(URLText.encode(asking.place("code")))")] : []
        let people: HTML =
            "<datalist id=\"people\">\(each: choices.people.prefix(300), { "<option value=\"\($0.key)\">\($0.name)</option>" })</datalist>"
        return Layout(asking).page(
            w(form.title), at: form.place, status: faults.isEmpty ? 200 : 422,
            """
            \(parts.head(w(form.title), trail: trail))
            \(each: whole, { parts.callout(HTML(w.message($0.refusal)), isBad: true) })
            <form class="form" method="post" action="\(asking.path)">\(Layout.formFields(asking))\(choices.known["version"].map { "<input type=\"hidden\" name=\"version\" value=\"\($0)\">" } ?? .nothing)
            \(if: form.changes, "\(each: form.first.filter { choices.known[$0] != nil }, { "<input type=\"hidden\" name=\"was:\($0)\" value=\"\(choices.known[$0] ?? "")\">" })")
            <div class="two-columns">\(each: first, field)</div>
            \(if: !others.isEmpty, "<details\(if: isOpen, " open")><summary>\(w(.moreFields))</summary><div class=\"two-columns\">\(each: others, field)</div></details>")
            \(if: columns.contains { $0.name == "sales_owner" }, people)<p class="acts">\(parts.submit(w(form.changes ? .save : form.title)))</p></form>
            """)
    }

    /// Whether somebody typed something else into a field than what stood there: what they left alone stays whatever a
    /// colleague made of it meanwhile.
    private static func isTouched(_ column: String, _ asking: Asking) -> Bool {
        guard asking.form.has(column) else { return false }
        return !asking.form.has("was:\(column)") || asking.form[column] != asking.form["was:\(column)"]
    }

    /// A known customer's new version, with what was typed into its fields.
    private static func change(_ asking: Asking, _ form: Form, _ meant: [String: String]) async throws -> Reply {
        let code = asking.place("code")
        var fields: [String: String] = [:]
        for column in form.first where isTouched(column, asking) {
            fields[column] = meant[column] ?? asking.form[column]
        }
        do {
            _ = try await ChangeCustomer(in: asking.store, asking.request(.changeCustomer)).run(
                code, fields, seen: Int64(asking.form["version"]))
        } catch let refused as FieldRefused {
            let fault = LineFault(line: 0, column: refused.column, value: "", refusal: refused.refusal)
            return try await Self.form(asking, form, faults: [fault])
        } catch let refusal as Refusal where refusal.code == .customerChanged {
            return try await Self.form(
                asking, form, faults: [LineFault(line: 0, column: "", value: "", refusal: refusal)])
        }
        return Notice.redirect("/customers/\(URLText.encode(code))", "saved")
    }

    private static func register(_ asking: Asking, _ form: Form) async throws -> Reply {
        let columns = form.kind.columns.map(\.name)
        // Who types a name means its customer.
        var meant: [String: String] = [:]
        for name in ["customer", "group"] where !asking.form[name].isEmpty && asking.may(.seeCustomers) {
            let typed = asking.form[name]
            meant[name] = try await asking.look(.seeCustomers) { $0.customerNamed(typed) }
        }
        if form.kind == .customers, form.changes { return try await change(asking, form, meant) }
        // And who types a colleague's name means them; a name that is no address would become a person of its own.
        let people = try await choices(asking, form).people
        for name in ["sales_owner", "collector"] {
            let typed = asking.form[name].trimmed
            guard !typed.isEmpty, !typed.contains("@"), columns.contains(name) else { continue }
            let same = people.filter { $0.name == typed }
            guard same.count == 1 else {
                let fault = LineFault(
                    line: 0, column: name, value: typed, refusal: Refusal(.actorUnknown, ["person": .text(typed)]))
                return try await Self.form(asking, form, faults: [fault])
            }
            meant[name] = same[0].key
        }
        let place = form.changes ? ["code": asking.place("code"), "country": asking.site.company.country] : [:]
        let values = columns.map { name -> String in
            let typed = place[name] ?? meant[name] ?? asking.form[name]
            return ["amount", "net", "tax"].contains(name) ? AmountText.plain(typed) : typed
        }
        let text =
            CSVText.verbatimLine(columns, separator: UInt8(ascii: ","))
            + CSVText.verbatimLine(values, separator: UInt8(ascii: ","))
        var importing = FileImport(form.kind, .text(text))
        importing.command = form.permission.rawValue
        importing.options.updates = form.changes
        importing.trace = asking.requestID
        let key = asking.form["key"]
        importing.key = key.isEmpty ? nil : "\(asking.path) \(key)"
        do {
            _ = try await importing.run(
                in: asking.store, actor: asking.viewer.actor, source: "web", now: asking.now, today: asking.today)
        } catch let rejected as ImportRejected {
            return try await Self.form(asking, form, faults: rejected.faults)
        }
        let target: String =
            switch form.kind {
            case .customers: "/customers/\(URLText.encode(place["code"] ?? asking.form["code"]))"
            case .calendar: "/settings?tab=calendar"
            case .invoices: asking.may(.seeInvoices) ? "/invoices/\(URLText.encode(asking.form["number"]))" : "/"
            case .receipts: "/receipts?q=\(URLText.encode(asking.form["reference"]))"
            default: "/invoices/\(URLText.encode(asking.form["invoice"]))"
            }
        return Notice.redirect(target, form.changes ? "saved" : "registered")
    }
}
