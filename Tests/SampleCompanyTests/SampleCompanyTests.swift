import Ledger
import SampleCompany
import Testing

@Suite struct SampleCompanyTests {
    static let lives = [1, 7, 20_250_101].map { SampleLife(seed: $0) }

    @Test("The same seed gives the same company, another seed another one")
    func repeatable() {
        func files(_ seed: UInt64) -> [SampleFile] {
            let company = SampleCompany(
                seed: seed, customers: 12, invoices: 80, from: SampleLife.first, to: SampleLife.last)
            return company.opening
                + (0..<731).flatMap { company.day(SampleLife.first.adding(days: $0)).files }
        }
        #expect(files(4) == files(4))
        #expect(files(4) != files(5))
    }

    @Test("Columns are those of the exchange files, in their order")
    func columns() {
        let canonical = [
            "customers": "code name uscc industry kind size group sales_owner collector currency terms_days language",
            "contacts": "customer name purpose title email phone",
            "invoices": """
            number customer issue_date due_date instalments amount net tax currency contract milestone product_line \
            sales_owner einvoice_number
            """,
            "credit-notes": "number invoice date amount reason",
            "receipts": "reference date amount currency customer payer payer_account method remittance bank_account",
            "allocations": "receipt invoice amount date",
        ].mapValues { $0.split(separator: " ").map(String.init) }
        for life in Self.lives { #expect(life.headers == canonical) }
    }

    @Test(
        "Numbers, references and names are given once",
        arguments: [
            ("customers", ["code"]), ("customers", ["name"]), ("contacts", ["customer", "name", "purpose"]),
            ("invoices", ["number"]), ("credit-notes", ["number"]), ("receipts", ["reference"]),
            ("allocations", ["receipt", "invoice", "date"]),
        ])
    func unique(_ kind: String, _ columns: [String]) {
        for life in Self.lives {
            let identities = life[kind].map { row in columns.map { row[$0] } }
            #expect(Set(identities).count == identities.count)
            #expect(!identities.isEmpty)
        }
    }

    @Test("Electronic invoice numbers have 20 digits and are given once, and most yuan invoices have one")
    func electronicNumbers() {
        for life in Self.lives {
            let numbers = life["invoices"].map { $0["einvoice_number"] }.filter { !$0.isEmpty }
            #expect(numbers.allSatisfy { $0.utf8.count == 20 && $0.utf8.allSatisfy { (48...57).contains($0) } })
            #expect(Set(numbers).count == numbers.count)
            let inYuan = life["invoices"].count { $0["currency"] == "CNY" }
            #expect(numbers.count > inYuan * 9 / 10 && numbers.count < inYuan)
        }
    }

    @Test("Net and tax make the amount, tax fits a rate, instalments add up and stand for the due date")
    func amounts() throws {
        for row in Self.lives.flatMap({ $0["invoices"] }) {
            let currency = try #require(row.currency)
            let amount = try #require(row.amount("amount", in: currency))
            let net = try #require(row.amount("net", in: currency))
            let tax = try #require(row.amount("tax", in: currency))
            #expect(amount > 0 && net + tax == amount)
            #expect([0, 6, 9, 13].contains { abs(net * $0 - tax * 100) <= 100 })

            #expect(row["due_date"].isEmpty != row["instalments"].isEmpty)
            guard !row["instalments"].isEmpty else { continue }
            var total: Int64 = 0
            for part in row["instalments"].split(separator: ";") {
                let pair = part.drop { $0 == " " }.split(separator: ":")
                #expect(pair.count == 2 && LocalDate(pair[0]) != nil)
                total += try Money(String(pair[1]), currency: currency).minorUnits
            }
            #expect(total == amount)
        }
    }

    @Test("Allocations never exceed what is open on the invoice or left of the receipt, and come after both")
    func allocations() throws {
        for life in Self.lives {
            let invoices = life.byNumber("invoices", "number")
            let receipts = life.byNumber("receipts", "reference")
            var fromReceipts: [String: Int64] = [:]
            for row in life["allocations"] {
                let invoice = try #require(invoices[row["invoice"]])
                let receipt = try #require(receipts[row["receipt"]])
                let currency = try #require(invoice.currency)
                #expect(receipt.currency == currency)

                let day = try #require(row.day("date"))
                let registered = try #require(invoice.fileDay)
                let issued = try #require(invoice.day("issue_date"))
                let received = try #require(receipt.day("date"))
                #expect(day >= received && day >= issued && day >= registered)

                let amount = try #require(row.amount("amount", in: currency))
                #expect(amount > 0)
                fromReceipts[row["receipt"], default: 0] += amount
            }
            for (reference, used) in fromReceipts {
                let receipt = try #require(receipts[reference])
                let currency = try #require(receipt.currency)
                #expect(used <= (receipt.amount("amount", in: currency) ?? 0))
            }
            // Everything only reduces, so what holds in the end held on every day before.
            let reduced = Dictionary(grouping: life.reductions, by: \.invoice).mapValues {
                $0.reduce(0) { $0 + $1.amount }
            }
            for (number, amount) in reduced {
                let invoice = try #require(invoices[number])
                let currency = try #require(invoice.currency)
                #expect(amount <= (invoice.amount("amount", in: currency) ?? 0))
            }
        }
    }

    @Test("Nothing is dated outside of the history or after the file that reports it")
    func dates() throws {
        for life in Self.lives {
            for (kind, column) in [
                ("invoices", "issue_date"), ("credit-notes", "date"), ("receipts", "date"), ("allocations", "date"),
            ] {
                for row in life[kind] {
                    let day = try #require(row.day(column))
                    let fileDay = try #require(row.fileDay)
                    #expect(day >= SampleLife.first && fileDay <= SampleLife.last)
                    #expect(kind == "invoices" ? day <= fileDay : day == fileDay)
                }
            }
            let late = life["invoices"].count { $0.day("issue_date") != $0.fileDay }
            #expect((5...80).contains(late))
        }
    }

    @Test("Every line names customers and documents that are there already")
    func references() {
        for life in Self.lives {
            let customers = life.byNumber("customers", "code").mapValues { $0.fileDay ?? SampleLife.first }
            let invoices = life.byNumber("invoices", "number").compactMapValues(\.fileDay)
            for row in life["contacts"] + life["invoices"] + life["receipts"] where !row["customer"].isEmpty {
                #expect(customers[row["customer"]].map { $0 <= row.fileDay ?? SampleLife.first } == true)
            }
            for row in life["credit-notes"] + life["allocations"] {
                #expect(invoices[row["invoice"]].map { $0 <= row.fileDay ?? SampleLife.first } == true)
            }
            var known: Set<String> = []
            for row in life["customers"] {
                #expect(row["group"].isEmpty || known.contains(row["group"]))
                known.insert(row["code"])
            }
        }
    }

    @Test("Money arrives on working days only")
    func workingDays() throws {
        let festivals = ["2024-02-10", "2025-01-29"].compactMap { LocalDate($0) }
        for row in Self.lives.flatMap({ $0["receipts"] }) {
            let day = try #require(row.day("date"))
            let (_, month, dayOfMonth) = day.parts
            #expect(day.weekday <= 5)
            #expect(!(month == 10 && dayOfMonth <= 7) && !(month == 1 && dayOfMonth <= 3))
            #expect(!festivals.contains { (-1...6).contains(day.days(since: $0)) })
        }
    }

    @Test("Pauses begin on their day, on open invoices, and last 60 days at most")
    func pauses() throws {
        for life in Self.lives {
            let invoices = life.byNumber("invoices", "number")
            let reductions = Dictionary(grouping: life.reductions, by: \.invoice)
            #expect(Set(life.pauses.map(\.pause.kind)) == [.dispute, .agreed])
            #expect(Set(life.pauses.map(\.pause.invoice)).count == life.pauses.count)
            for (day, pause) in life.pauses {
                let invoice = try #require(invoices[pause.invoice])
                let registered = try #require(invoice.fileDay)
                let currency = try #require(invoice.currency)
                let before = (reductions[pause.invoice] ?? []).filter { $0.day <= day }.reduce(0) { $0 + $1.amount }
                #expect(pause.from == day && registered <= day)
                #expect(pause.until > pause.from && pause.until.days(since: pause.from) <= 60)
                #expect(before < (invoice.amount("amount", in: currency) ?? 0))
                #expect(!pause.reason.isEmpty)
            }
        }
    }

    @Test("The staff works on working days and gets a part of its list done")
    func pace() {
        for (day, share) in Self.lives[0].shares {
            #expect((0...1).contains(share))
            if day.weekday > 5 { #expect(share == 0) }
        }
        #expect(Self.lives[0].shares.contains { $0.share > 0.8 })
        #expect(Self.lives[0].shares.contains { $0.share > 0 && $0.share < 0.5 })
    }

    @Test(
        "Any small company and any short history works",
        arguments: [
            (5, 0, 1), (5, 12, 1), (5, 40, 30), (7, 60, 90), (9, 100, 200), (13, 150, 365), (16, 400, 1_500),
            (61, 5, 731),
        ])
    func small(_ customers: Int, _ invoices: Int, _ days: Int) {
        for seed in 1...4 as ClosedRange<UInt64> {
            let life = SampleLife(
                seed: seed, customers: customers, invoices: invoices, to: SampleLife.first.adding(days: days - 1))
            #expect(life["customers"].count == customers)
            #expect(life["invoices"].count <= invoices + 6)
            for row in life["receipts"] { #expect(row.day("date").map { $0 >= SampleLife.first } == true) }
        }
    }

    @Test("A day outside of the history is empty")
    func outside() {
        let company = SampleCompany(seed: 1, customers: 5, invoices: 20, from: SampleLife.first, to: SampleLife.last)
        for day in [SampleLife.first.adding(days: -1), SampleLife.last.adding(days: 1)] {
            #expect(company.day(day) == company.day(SampleLife.last.adding(days: 400)))
            #expect(company.day(day).files.isEmpty && company.day(day).pauses.isEmpty)
        }
    }
}
