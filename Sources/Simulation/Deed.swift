import Ledger
import Operations
import Receivables

/// Something that somebody asks of the company's books, with all its values.
enum Deed: Sendable {
    /// Lines of an exchange file, in the columns of `header`.
    case take(ImportKind, lines: [[String]], partial: Bool)
    /// The same kind of line from many at once, one line each.
    case rush(ImportKind, lines: [[String]])
    case unapply(credit: String, ofNote: Bool, invoice: String, on: LocalDate?)
    case reverse(credit: String, isNote: Bool, on: LocalDate?)
    case reverseInvoice(String, on: LocalDate?)
    case moveDueDay(invoice: String, instalment: Int, to: LocalDate, from: LocalDate?)
    case setPeriod(month: LocalDate, CorrectRegister.PeriodState)
    /// Reminds so many days before the due day.
    case remindBefore(days: Int, from: LocalDate)
    case runDay(LocalDate)

    /// Whether the good lines are taken where others are refused.
    var isPartial: Bool { if case .take(_, _, true) = self { true } else { false } }

    /// The columns of the files that the simulation writes.
    static func header(_ kind: ImportKind) -> [String] {
        switch kind {
        case .customers: ["code", "name"]
        case .invoices: ["number", "customer", "issue_date", "instalments", "amount", "currency"]
        case .receipts: ["reference", "date", "amount", "currency", "customer"]
        case .allocations: ["receipt", "invoice", "amount", "date"]
        case .creditNotes: ["number", "invoice", "date", "amount"]
        case .settlements: ["invoice", "date", "amount"]
        case .contacts, .calendar, .rates: []
        }
    }

    static func text(_ kind: ImportKind, _ lines: [[String]]) -> String {
        ([header(kind)] + lines).map { $0.joined(separator: ",") + "\n" }.joined()
    }
}

extension Deed: CustomStringConvertible {
    var description: String {
        func on(_ day: LocalDate?) -> String { day.map { " on \($0)" } ?? "" }
        switch self {
        case .take(let kind, let lines, let partial):
            let text = lines.map { $0.joined(separator: ",") }.joined(separator: " | ")
            return "import \(kind.rawValue)\(partial ? " --partial" : ""): \(text)"
        case .rush(let kind, let lines):
            return "at once \(kind.rawValue): " + lines.map { $0.joined(separator: ",") }.joined(separator: " | ")
        case .unapply(let credit, let isNote, let invoice, let day):
            return "unapply \(isNote ? "note " : "")\(credit) from \(invoice)\(on(day))"
        case .reverse(let credit, let isNote, let day): return "reverse \(isNote ? "note " : "")\(credit)\(on(day))"
        case .reverseInvoice(let number, let day): return "reverse invoice \(number)\(on(day))"
        case .moveDueDay(let invoice, let n, let due, let from):
            return "due day of \(invoice)#\(n) to \(due)\(from.map { " from \($0)" } ?? "")"
        case .setPeriod(let month, let state): return "period \(String("\(month)".prefix(7))) \(state)"
        case .remindBefore(let days, let from): return "remind \(days) days before, from \(from)"
        case .runDay(let day): return "day \(day)"
        }
    }
}

/// What became of a deed, as the person who asked for it sees it.
enum Answer: Equatable, CustomStringConvertible {
    case imported(created: Int, unchanged: Int, updated: Int, faults: [String])
    /// How many of many at once were created, found there, refused.
    case rushed(created: Int, unchanged: Int, refused: Int)
    case refused(String)
    case done
    /// How often each rule fired on each day; no days when they were run before.
    case days([LocalDate: [String: Int]])

    var description: String {
        switch self {
        case .imported(let created, let unchanged, let updated, let faults):
            "created \(created), unchanged \(unchanged), updated \(updated), faults \(faults)"
        case .rushed(let created, let unchanged, let refused):
            "created \(created), unchanged \(unchanged), refused \(refused)"
        case .refused(let code): "refused \(code)"
        case .done: "done"
        case .days(let days):
            "days "
                + days.sorted { $0.key < $1.key }.map { day, rules in
                    "\(day) \(rules.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))"
                }.joined(separator: "; ")
        }
    }
}
