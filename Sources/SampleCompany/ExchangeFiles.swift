import Ledger

/// Writes parts of the history as exchange files; the columns are those of the product's importer.
struct ExchangeFiles {
    let history: History
    let seed: UInt64

    func customers(_ positions: some Sequence<Int>) -> SampleFile? {
        var csv = CSVText([
            "code", "name", "uscc", "industry", "kind", "size", "group", "sales_owner", "collector", "currency",
            "terms_days", "language",
        ])
        for position in positions {
            let customer = history.customers[position]
            csv.row([
                customer.code, customer.name.legal, customer.creditCode ?? "", customer.name.industry,
                customer.kind.rawValue, customer.isLarge ? "large" : "sme",
                customer.parent.map { history.customers[$0].code } ?? "", customer.salesOwner, customer.collector,
                customer.currency.code, String(customer.termsDays), customer.kind == .foreign ? "en" : "zh-Hans",
            ])
        }
        return file("customers", csv)
    }

    func contacts(_ positions: some Sequence<Int>) -> SampleFile? {
        var csv = CSVText(["customer", "name", "purpose", "title", "email", "phone"])
        for position in positions {
            let customer = history.customers[position]
            for contact in Contact.people(at: customer, seed: seed) {
                csv.row([
                    customer.code, contact.name.full, contact.purpose, contact.title,
                    "\(contact.name.mailbox)@\(customer.name.domain)", contact.telephone,
                ])
            }
        }
        return file("contacts", csv)
    }

    func invoices(_ positions: ArraySlice<Int32>) -> SampleFile? {
        var csv = CSVText([
            "number", "customer", "issue_date", "due_date", "instalments", "amount", "net", "tax", "currency",
            "contract", "milestone", "product_line", "sales_owner", "einvoice_number",
        ])
        for position in positions {
            let invoice = history.invoices[Int(position)]
            let customer = history.customers[Int(invoice.customer)]
            let currency = customer.currency
            csv.row([
                invoice.number, customer.code, invoice.issued.description,
                invoice.schedule == .once ? invoice.due.description : "",
                invoice.schedule == .once ? "" : instalments(invoice, currency), decimal(invoice.gross, currency),
                decimal(invoice.net, currency), decimal(invoice.tax, currency), currency.code,
                invoice.contract.map { history.contracts[Int($0)].number } ?? "", invoice.milestone.code,
                invoice.line.rawValue, customer.salesOwner, invoice.electronicNumber ?? "",
            ])
        }
        return file("invoices", csv)
    }

    func creditNotes(_ positions: ArraySlice<Int32>) -> SampleFile? {
        var csv = CSVText(["number", "invoice", "date", "amount", "reason"])
        for position in positions {
            let note = history.creditNotes[Int(position)]
            let invoice = history.invoices[Int(note.invoice)]
            let currency = history.customers[Int(invoice.customer)].currency
            csv.row([
                note.number, invoice.number, note.day.description, decimal(note.amount, currency), note.reason,
            ])
        }
        return file("credit-notes", csv)
    }

    func receipts(_ positions: ArraySlice<Int32>) -> SampleFile? {
        var csv = CSVText([
            "reference", "date", "amount", "currency", "customer", "payer", "payer_account", "method", "remittance",
            "bank_account",
        ])
        for position in positions {
            let receipt = history.receipts[Int(position)]
            let payer = payer(of: receipt)
            csv.row([
                receipt.reference, receipt.day.description, decimal(receipt.amount, receipt.currency),
                receipt.currency.code, payer.code, payer.name, payer.account, receipt.method.rawValue,
                Remittance(receipt: receipt, history: history).text, receipt.bank.account,
            ])
        }
        return file("receipts", csv)
    }

    func allocations(_ positions: ArraySlice<Int32>) -> SampleFile? {
        var csv = CSVText(["receipt", "invoice", "amount", "date"])
        for position in positions {
            let allocation = history.allocations[Int(position)]
            let receipt = history.receipts[Int(allocation.receipt)]
            csv.row([
                receipt.reference, history.invoices[Int(allocation.invoice)].number,
                decimal(allocation.amount, receipt.currency), allocation.day.description,
            ])
        }
        return file("allocations", csv)
    }

    func pauses(_ positions: ArraySlice<Int32>) -> [SamplePause] {
        positions.map {
            let pause = history.pauses[Int($0)]
            return SamplePause(
                invoice: history.invoices[Int(pause.invoice)].number, kind: pause.kind, from: pause.from,
                until: pause.until, reason: pause.reason)
        }
    }

    /// Who the bank says has paid, and which customer that is; the code is empty while nobody knows.
    private func payer(of receipt: Receipt) -> (code: String, name: String, account: String) {
        let customer = receipt.customer.map { history.customers[Int($0)] }
        // No bank issues numbers that begin like this.
        let unknownAccount = "000\(Digits.padded(Int(receipt.wording), to: 10))\(Digits.compact(receipt.day).suffix(4))"
        switch receipt.payer {
        case .customer:
            guard let customer, receipt.method != .cash else { return (customer?.code ?? "", "", "") }
            // Banks abroad write capital letters.
            let isForeign = customer.kind == .foreign
            let name = isForeign ? customer.name.legal.uppercased() : customer.name.legal
            return (customer.code, name, customer.payerAccount)
        case .treasury:
            guard let customer else { return ("", "", "") }
            let group = customer.name.brand
            return (customer.code, "\(group)集团财务有限公司", customer.payerAccount)
        case .thirdParty(let name), .stranger(let name):
            return ("", name, unknownAccount)
        }
    }

    private func instalments(_ invoice: Invoice, _ currency: Currency) -> String {
        invoice.schedule.parts(of: invoice.gross, in: currency, dueFrom: invoice.due)
            .map { "\($0.due):\(decimal($0.amount, currency))" }
            .joined(separator: "; ")
    }

    private func decimal(_ amount: Int64, _ currency: Currency) -> String {
        Money(minorUnits: amount, currency: currency).decimal()
    }

    private func file(_ kind: String, _ csv: CSVText) -> SampleFile? {
        csv.isEmpty ? nil : SampleFile(kind: kind, text: csv.text)
    }
}
