import Foundation

/// A file with a mistake, and what the program has to say about it.
struct RefusedFile: Sendable, CustomTestStringConvertible {
    struct Fault: Equatable, Sendable, CustomStringConvertible {
        let line: Int
        let column: String
        let value: String
        let code: String

        var description: String { "\(line):\(column) “\(value)” \(code)" }
    }

    let what: String
    let kind: String
    let bytes: Data
    let faults: [Fault]

    init(_ what: String, _ kind: String, _ text: String, _ faults: Fault...) {
        (self.what, self.kind, bytes, self.faults) = (what, kind, Data(text.utf8), faults)
    }

    init(_ what: String, _ kind: String, bytes: Data, _ faults: Fault...) {
        (self.what, self.kind, self.bytes, self.faults) = (what, kind, bytes, faults)
    }

    var testDescription: String { "\(kind): \(what)" }

    /// A fault of a cell.
    private static func at(_ line: Int, _ column: String, _ value: String, _ code: String) -> Fault {
        Fault(line: line, column: column, value: value, code: code)
    }

    /// A fault of a line as a whole.
    private static func line(_ line: Int, _ code: String) -> Fault {
        Fault(line: line, column: "", value: "", code: code)
    }

    /// One invoice with one cell that is wrong.
    private static func invoice(_ what: String, _ column: String, _ value: String, _ code: String) -> RefusedFile {
        var cells = [
            "number": "X1", "customer": "C1", "issue_date": "2024-01-10", "due_date": "2024-02-09", "amount": "10",
        ]
        if column == "instalments" || column == "terms_days" { cells["due_date"] = nil }
        cells[column] = value
        let names = cells.keys.sorted()
        let quoted = names.map { "\"\((cells[$0] ?? "").replacingOccurrences(of: "\"", with: "\"\""))\"" }
        let text = names.joined(separator: ",") + "\n" + quoted.joined(separator: ",") + "\n"
        return RefusedFile(what, "invoices", text, at(2, column, value, code))
    }

    private static let invoiceHead = "number,customer,issue_date,due_date,amount\n"
    private static let good = "X1,C1,2024-01-10,2024-02-09,10.00\n"

    // MARK: The file and its header

    static let structures: [RefusedFile] = [
        RefusedFile(
            "a required column is missing", "invoices",
            "number,customer,issue_date,due_date\nX,C1,2024-01-10,2024-02-09\n",
            at(1, "amount", "", "column.missing")),
        RefusedFile(
            "two required columns are missing", "receipts", "reference\nX\n", at(1, "date", "", "column.missing"),
            at(1, "amount", "", "column.missing")),
        RefusedFile(
            "an unknown column", "invoices",
            "number,customer,issue_date,due_date,amount,colour\nX,C1,2024-01-10,2024-02-09,1,red\n",
            at(1, "colour", "", "column.unknown")),
        RefusedFile(
            "a column twice", "customers", "code,name,name\nX,One,Two\n", at(1, "name", "", "column.twice")),
        RefusedFile("an empty file", "invoices", "", line(1, "file.empty")),
        RefusedFile("a file of empty lines", "invoices", "\n\r\n\n", line(1, "file.empty")),
        RefusedFile(
            "neither UTF-8 nor GB18030", "customers", bytes: Data("code,name\nX,".utf8 + [0xFF, 0xFE, 0xFF, 0x0A]),
            line(0, "file.encoding")),
        RefusedFile(
            "a line with a cell too few", "invoices", invoiceHead + good + "X2,C1,2024-01-10,2024-02-09\n",
            line(3, "file.ragged")),
        RefusedFile(
            "a line with a cell too many", "invoices", invoiceHead + "X2,C1,2024-01-10,2024-02-09,1,2\n" + good,
            line(2, "file.ragged")),
        RefusedFile(
            "a quotation mark that is never closed", "customers", "code,name\nX,One\nY,\"Two\nZ,Three\n",
            line(3, "file.unclosed-quote")),
        RefusedFile(
            "text after a closing quotation mark", "customers", "code,name\nX,\"One\" Two\nY,Three\n",
            line(2, "file.stray-quote")),
        RefusedFile("a zero byte", "customers", "code,name\nX,One\nY,T\0wo\n", line(3, "file.nul")),
        RefusedFile(
            "a cell of ten megabytes", "customers",
            "code,name\nX,One\nY,\"" + String(repeating: "a", count: 10 << 20) + "\"\n",
            line(3, "file.cell-too-large")),
    ]

    // MARK: Cells

    static let cells: [RefusedFile] = [
        invoice("a date in another form", "issue_date", "10/01/2024", "value.not-a-date"),
        invoice("a date without zeros", "due_date", "2024-2-9", "value.not-a-date"),
        invoice("a day that the calendar lacks", "issue_date", "2023-02-30", "value.impossible-date"),
        invoice("29 February of a common year", "due_date", "2025-02-29", "value.impossible-date"),
        invoice("a thirteenth month", "issue_date", "2024-13-01", "value.impossible-date"),
        invoice("a date too early", "issue_date", "1969-12-31", "value.date-out-of-range"),
        invoice("a date too late", "due_date", "2200-01-01", "value.date-out-of-range"),
        invoice("three decimals of CNY", "amount", "1.234", "value.too-many-decimals"),
        RefusedFile(
            "decimals of JPY", "invoices", invoiceHead + "X1,J1,2024-01-10,2024-02-09,1.5\n",
            at(2, "amount", "1.5", "value.too-many-decimals")),
        invoice("a word for an amount", "amount", "ten", "value.not-an-amount"),
        invoice("a currency sign", "amount", "¥100", "value.not-an-amount"),
        invoice("an exponent", "amount", "1e5", "value.not-an-amount"),
        invoice("two decimal marks", "amount", "1.2.3", "value.not-an-amount"),
        invoice("digits grouped wrongly", "amount", "1,00.00", "value.not-an-amount"),
        invoice("Not a Number", "amount", "NaN", "value.not-an-amount"),
        invoice("an amount one fen too large", "amount", "100000000000.01", "value.too-large"),
        invoice("an amount beyond all bounds", "amount", "99999999999999999999999999", "value.too-large"),
        invoice("zero", "amount", "0.00", "value.not-positive"),
        invoice("a negative amount", "amount", "-5", "value.not-positive"),
        invoice("an unknown customer", "customer", "C9", "customer.unknown"),
        invoice("a currency that isn't", "currency", "CNN", "value.unknown-currency"),
        invoice("a currency in small letters", "currency", "cny", "value.unknown-currency"),
        invoice("a required cell that is empty", "customer", "", "value.missing"),
        invoice("a required cell of spaces", "number", "   ", "value.missing"),
        invoice("a status that isn't", "invoice_status", "lost", "value.not-a-choice"),
        invoice("a short e-invoice number", "einvoice_number", "123", "value.not-an-einvoice-number"),
        invoice("a control character", "contract", "K\u{1}1", "value.control-character"),
        invoice("instalments in words", "instalments", "soon", "value.not-instalments"),
        invoice(
            "instalments that don't add up", "instalments", "2024-02-01:5;2024-03-01:4", "invoice.instalments-sum"),
        invoice("negative terms", "terms_days", "-1", "value.not-a-count"),
        invoice("half a day of terms", "terms_days", "30.5", "value.not-a-count"),
        invoice("terms in words", "terms_days", "thirty", "value.not-a-count"),
        invoice("terms of more than ten years", "terms_days", "3651", "value.not-a-count"),
        invoice("a legal entity that isn't", "entity", "E9", "entity.unknown"),
        RefusedFile(
            "a text that is too long", "customers", "code,name\nX,\(String(repeating: "a", count: 2001))\n",
            at(2, "name", String(repeating: "a", count: 120), "value.too-long")),
        RefusedFile(
            "an unknown kind", "customers", "code,name,kind\nX,One,company\n",
            at(2, "kind", "company", "value.not-a-choice")),
        RefusedFile(
            "terms of a customer", "customers", "code,name,terms_days\nX,One,net 30\n",
            at(2, "terms_days", "net 30", "value.not-a-count")),
        RefusedFile(
            "a group that isn't", "customers", "code,name,group\nX,One,G9\n", at(2, "group", "G9", "customer.unknown")),
        RefusedFile(
            "a customer in its own group", "customers", "code,name,group\nX,One,X\n",
            at(2, "group", "X", "customer.in-own-group")),
        RefusedFile(
            "a contact's purpose", "contacts", "customer,name,purpose\nC1,Wang,friend\n",
            at(2, "purpose", "friend", "value.not-a-choice")),
        RefusedFile(
            "a receipt of nothing", "receipts", "reference,date,amount\nX,2024-02-01,0\n",
            at(2, "amount", "0", "value.not-positive")),
        RefusedFile(
            "a receipt's customer", "receipts", "reference,date,amount,customer\nX,2024-02-01,1,C9\n",
            at(2, "customer", "C9", "customer.unknown")),
        RefusedFile(
            "a receipt's method", "receipts", "reference,date,amount,method\nX,2024-02-01,1,barter\n",
            at(2, "method", "barter", "value.not-a-choice")),
        RefusedFile(
            "a rate of zero", "rates", "day,from,to,rate\n2024-01-02,USD,CNY,0\n",
            at(2, "rate", "0", "value.not-a-rate")),
        RefusedFile(
            "a day's kind", "calendar", "country,date,kind\nCN,2024-01-02,free\n",
            at(2, "kind", "free", "value.not-a-choice")),
    ]

    // MARK: Against the books

    static let books: [RefusedFile] = [
        RefusedFile(
            "above what is open", "allocations", "receipt,invoice,amount\nR3,0004,850.00\n",
            at(2, "amount", "850.00", "allocation.above-open")),
        RefusedFile(
            "above the receipt", "allocations", "receipt,invoice,amount\nR1,0001,500.01\n",
            at(2, "amount", "500.01", "allocation.above-receipt")),
        RefusedFile(
            "above the receipt with the second line", "allocations",
            "receipt,invoice,amount\nR1,0001,400.00\nR1,0001,400.00\n",
            at(3, "amount", "400.00", "allocation.above-receipt")),
        RefusedFile(
            "before the receipt", "allocations", "receipt,invoice,amount,date\nR1,0001,50.00,2024-01-31\n",
            at(2, "date", "2024-01-31", "allocation.too-early")),
        RefusedFile(
            "across customers without a reason", "allocations", "receipt,invoice,amount\nR1,0002,50.00\n",
            line(2, "allocation.other-customer")),
        RefusedFile(
            "in another currency", "allocations", "receipt,invoice,amount,reason\nR1,0005,50.00,agreed\n",
            line(2, "allocation.other-currency")),
        RefusedFile(
            "an unknown invoice", "allocations", "receipt,invoice,amount\nR1,0009,50.00\n",
            at(2, "invoice", "0009", "invoice.unknown")),
        RefusedFile(
            "an unknown receipt", "allocations", "receipt,invoice,amount\nR9,0001,50.00\n",
            at(2, "receipt", "R9", "receipt.unknown")),
        RefusedFile(
            "a receipt that is not in that bank account", "allocations",
            "receipt,invoice,amount,bank_account\nR2,0001,50.00,C\n", at(2, "receipt", "R2", "receipt.unknown")),
        RefusedFile(
            "a receipt that stands twice", "allocations", "receipt,invoice,amount\nR2,0001,50.00\n",
            at(2, "receipt", "R2", "receipt.ambiguous")),
        RefusedFile(
            "an instalment that isn't", "allocations", "receipt,invoice,amount,instalment\nR1,0001,50.00,7\n",
            at(2, "instalment", "7", "item.unknown")),
        RefusedFile(
            "another amount on the same day", "allocations", "receipt,invoice,amount,date\nR1,0001,150.00,2024-02-01\n",
            line(2, "allocation.differs")),
        RefusedFile(
            "another amount", "invoices", invoiceHead + "0001,C1,2024-01-10,2024-02-09,999.00\n",
            line(2, "invoice.differs")),
        RefusedFile(
            "another due date", "invoices", invoiceHead + "0001,C1,2024-01-10,2024-02-10,1000.00\n",
            line(2, "invoice.differs")),
        RefusedFile(
            "a number twice in one file", "invoices", invoiceHead + good + "X1,C1,2024-01-10,2024-02-09,11.00\n",
            line(3, "invoice.differs")),
        RefusedFile(
            "net and tax that don't add up", "invoices",
            "number,customer,issue_date,due_date,amount,net,tax\nX1,C1,2024-01-10,2024-02-09,1000.00,900.00,50.00\n",
            line(2, "invoice.net-tax-gross")),
        RefusedFile(
            "due date and instalments", "invoices",
            "number,customer,issue_date,due_date,instalments,amount\nX1,C1,2024-01-10,2024-02-09,2024-02-09:10,10\n",
            at(2, "due_date", "2024-02-09", "invoice.two-due-dates")),
        RefusedFile(
            "no due date at all", "invoices", "number,customer,issue_date,amount\nX1,C2,2024-01-10,10\n",
            line(2, "invoice.no-due-date")),
        RefusedFile(
            "another amount", "receipts", "reference,date,amount,customer\nR1,2024-02-01,601.00,C1\n",
            line(2, "receipt.differs")),
        RefusedFile(
            "another amount", "credit-notes", "number,invoice,date,amount\nN1,0001,2024-01-20,11.00\n",
            line(2, "credit-note.differs")),
        RefusedFile(
            "before its invoice", "credit-notes", "number,invoice,date,amount\nN2,0001,2024-01-09,10.00\n",
            at(2, "date", "2024-01-09", "credit-note.before-invoice")),
        RefusedFile(
            "above its invoice", "credit-notes", "number,invoice,date,amount\nN2,0001,2024-01-20,1000.01\n",
            at(2, "amount", "1000.01", "credit-note.above-invoice")),
        RefusedFile(
            "an unknown invoice", "credit-notes", "number,invoice,date,amount\nN2,0009,2024-01-20,1.00\n",
            at(2, "invoice", "0009", "invoice.unknown")),
        RefusedFile(
            "another amount", "settlements", "invoice,date,amount\n0003,2024-02-15,150.00\n",
            line(2, "settlement.differs")),
        RefusedFile(
            "nothing is open", "settlements", "invoice,date\n0003,2024-03-01\n", line(2, "settlement.nothing-open")),
        RefusedFile(
            "above what is open", "settlements", "invoice,date,amount\n0002,2024-03-01,500.01\n",
            at(2, "amount", "500.01", "allocation.above-open")),
        RefusedFile(
            "before the invoice", "settlements", "invoice,date\n0002,2024-01-09\n",
            at(2, "date", "2024-01-09", "allocation.too-early")),
        RefusedFile(
            "an unknown invoice", "settlements", "invoice,date\n0009,2024-03-01\n",
            at(2, "invoice", "0009", "invoice.unknown")),
        RefusedFile("another name", "customers", "code,name\nC1,Harbour Works Ltd\n", line(2, "customer.differs")),
        RefusedFile(
            "another address", "contacts", "customer,name,purpose,email\nC1,Li Si,payment,other@harbour.cn\n",
            line(2, "contact.differs")),
        RefusedFile(
            "another rate", "rates", "day,from,to,rate\n2024-01-01,USD,CNY,7.2\n", line(2, "rate.differs")),
        RefusedFile(
            "another kind of day", "calendar", "country,date,kind\nCN,2024-01-01,working\n", line(2, "calendar.differs")
        ),
        RefusedFile(
            "several mistakes on several lines", "invoices",
            """
            number,customer,issue_date,due_date,amount
            X1,C1,2024-01-10,2024-02-09,10.00
            X2,C1,2024-02-30,soon,ten
            X3,C9,2024-01-10,2024-02-09,10.00
            0001,C1,2024-01-10,2024-02-09,1.00
            X4,C1,2024-01-10,2024-02-09,0

            """,
            at(3, "issue_date", "2024-02-30", "value.impossible-date"), at(3, "due_date", "soon", "value.not-a-date"),
            at(3, "amount", "ten", "value.not-an-amount"), at(4, "customer", "C9", "customer.unknown"),
            line(5, "invoice.differs"), at(6, "amount", "0", "value.not-positive")),
        RefusedFile(
            "the mistakes of one line, in its cells and against the books", "invoices",
            "number,customer,issue_date,due_date,amount,currency\nX2,C9,2024-02-30,2024-03-01,1.234,CNY\n",
            at(2, "customer", "C9", "customer.unknown"), at(2, "issue_date", "2024-02-30", "value.impossible-date"),
            at(2, "amount", "1.234", "value.too-many-decimals")),
        RefusedFile(
            "the line of a mistake after a cell of several lines", "customers",
            "code,name\nX,\"One\nof three\nlines\"\nC1,Another\n", line(5, "customer.differs")),
    ]
}
