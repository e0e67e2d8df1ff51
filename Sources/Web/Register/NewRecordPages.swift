internal import Formats
internal import Ledger
internal import Operations
internal import Receivables

/// Records typed by hand. They are read just like a line of a file, so that both know the same rules.
enum NewRecordPages {
    static let routes: [Route] = [
        Route(.get, "/new/customers", .permission(.registerCustomer)) { form($0, customers) },
        Route(.post, "/new/customers", .permission(.registerCustomer)) { try await register($0, customers) },
        Route(.get, "/new/invoices", .permission(.registerInvoice)) { form($0, invoices) },
        Route(.post, "/new/invoices", .permission(.registerInvoice)) { try await register($0, invoices) },
        Route(.get, "/new/receipts", .permission(.registerReceipt)) { form($0, receipts) },
        Route(.post, "/new/receipts", .permission(.registerReceipt)) { try await register($0, receipts) },
        Route(.get, "/new/credit-notes", .permission(.registerCreditNote)) { form($0, creditNotes) },
        Route(.post, "/new/credit-notes", .permission(.registerCreditNote)) { try await register($0, creditNotes) },
    ]

    private struct Form: Sendable {
        let kind: ImportKind
        let permission: Permission
        let title: Word
        let place: Place
        /// Columns shown at once; the others stand behind a disclosure.
        let first: [String]
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

    private static func form(_ asking: Asking, _ form: Form, faults: [LineFault] = []) -> Reply {
        let w = asking.w
        let parts = Parts(asking)
        let whole = faults.filter { $0.column.isEmpty }
        func field(_ column: ImportKind.Column) -> HTML {
            let fault = faults.first { $0.column == column.name }
            let typed = asking.form.has(column.name) ? asking.form[column.name] : asking.query[column.name]
            let isDay = column.name.hasSuffix("date")
            let value =
                typed.isEmpty && asking.method == .get && ["issue_date", "date"].contains(column.name)
                ? "\(asking.today)" : typed
            return parts.field(
                column.name, w.name(.column, column.name) + (column.isRequired ? " *" : ""), value: value,
                type: isDay ? "date" : "text", error: fault.map { w.message($0.refusal) },
                isRequired: column.isRequired,
                more: ["amount", "net", "tax"].contains(column.name) ? " inputmode=\"decimal\"" : .nothing)
        }
        let columns = form.kind.columns
        let first = form.first.compactMap { name in columns.first { $0.name == name } }
        let others = columns.filter { column in !form.first.contains(column.name) }
        let isOpen = faults.contains { fault in others.contains { $0.name == fault.column } }
        return Layout(asking).page(
            w(form.title), at: form.place, status: faults.isEmpty ? 200 : 422,
            """
            \(parts.head(w(form.title)))
            \(each: whole, { parts.callout(HTML(w.message($0.refusal)), isBad: true) })
            <form class="form" method="post" action="\(asking.path)">\(Layout.formFields(asking))
            <div class="two-columns">\(each: first, field)</div>
            \(if: !others.isEmpty, "<details\(if: isOpen, " open")><summary>\(w(.moreFields))</summary><div class=\"two-columns\">\(each: others, field)</div></details>")
            <p class="acts">\(parts.submit(w(form.title)))</p></form>
            """)
    }

    private static func register(_ asking: Asking, _ form: Form) async throws -> Reply {
        let columns = form.kind.columns.map(\.name)
        let values = columns.map { name -> String in
            let typed = asking.form[name]
            return ["amount", "net", "tax"].contains(name) ? AmountText.plain(typed) : typed
        }
        let text =
            CSVText.verbatimLine(columns, separator: UInt8(ascii: ","))
            + CSVText.verbatimLine(values, separator: UInt8(ascii: ","))
        var importing = FileImport(form.kind, .text(text))
        importing.command = form.permission.rawValue
        let key = asking.form["key"]
        importing.key = key.isEmpty ? nil : "\(asking.path) \(key)"
        do {
            _ = try await importing.run(
                in: asking.store, actor: asking.viewer.actor, source: "web", now: asking.now, today: asking.today)
        } catch let rejected as ImportRejected {
            return Self.form(asking, form, faults: rejected.faults)
        }
        let target: String =
            switch form.kind {
            case .customers: "/customers/\(URLText.encode(asking.form["code"]))"
            case .invoices: asking.may(.seeInvoices) ? "/invoices/\(URLText.encode(asking.form["number"]))" : "/"
            case .receipts: "/receipts?q=\(URLText.encode(asking.form["reference"]))"
            default: "/invoices/\(URLText.encode(asking.form["invoice"]))"
            }
        return Notice.redirect(target, "registered")
    }
}
