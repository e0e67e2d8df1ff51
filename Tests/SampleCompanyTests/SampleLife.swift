import Ledger
import SampleCompany

/// A sample company's whole life, read back from its files by a reader of its own.
struct SampleLife {
    struct Row {
        /// The day whose file holds the row; nil for what exists before the first day.
        let fileDay: LocalDate?
        let values: [String: String]

        subscript(column: String) -> String { values[column] ?? "" }
        func day(_ column: String) -> LocalDate? { LocalDate(self[column]) }
        var currency: Currency? { Currency(self["currency"]) }
        func amount(_ column: String, in currency: Currency) -> Int64? {
            (try? Money(self[column], currency: currency))?.minorUnits
        }
    }

    static let first = LocalDate(year: 2024, month: 1, day: 1)!
    static let last = LocalDate(year: 2025, month: 12, day: 31)!

    private(set) var rows: [String: [Row]] = [:]
    private(set) var headers: [String: [String]] = [:]
    private(set) var pauses: [(day: LocalDate, pause: SamplePause)] = []
    private(set) var shares: [(day: LocalDate, share: Double)] = []

    init(seed: UInt64, customers: Int = 60, invoices: Int = 1_200, from: LocalDate = first, to: LocalDate = last) {
        let company = SampleCompany(seed: seed, customers: customers, invoices: invoices, from: from, to: to)
        for file in company.opening { read(file, on: nil) }
        var day = from
        while day <= to {
            let events = company.day(day)
            for file in events.files { read(file, on: day) }
            pauses += events.pauses.map { (day, $0) }
            shares.append((day, events.finishedTaskShare))
            day = day.adding(days: 1)
        }
    }

    subscript(kind: String) -> [Row] { rows[kind] ?? [] }

    func byNumber(_ kind: String, _ column: String) -> [String: Row] {
        Dictionary(self[kind].map { ($0[column], $0) }) { first, _ in first }
    }

    /// What reduces invoices: allocations and credit notes, with their days.
    var reductions: [(invoice: String, day: LocalDate, amount: Int64)] {
        let invoices = byNumber("invoices", "number")
        return (self["allocations"] + self["credit-notes"]).compactMap { row in
            guard let currency = invoices[row["invoice"]]?.currency, let day = row.day("date"),
                let amount = row.amount("amount", in: currency)
            else { return nil }
            return (row["invoice"], day, amount)
        }
    }

    private mutating func read(_ file: SampleFile, on day: LocalDate?) {
        let lines = Self.parse(file.text)
        guard let header = lines.first else { return }
        headers[file.kind] = header
        for line in lines.dropFirst() {
            rows[file.kind, default: []].append(
                Row(fileDay: day, values: Dictionary(zip(header, line)) { first, _ in first }))
        }
    }

    /// RFC 4180, nothing more.
    private static func parse(_ text: String) -> [[String]] {
        var lines: [[String]] = []
        var line: [String] = []
        var field: [UInt8] = []
        var isQuoted = false
        func string() -> String { String(decoding: field, as: UTF8.self) }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: ",") where !isQuoted:
                line.append(string())
                field = []
            case UInt8(ascii: "\n") where !isQuoted:
                lines.append(line + [string()])
                line = []
                field = []
            default: field.append(byte)
            }
        }
        return lines
    }
}
