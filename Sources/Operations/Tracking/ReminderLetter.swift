internal import Ledger
internal import Receivables

/// What a message to a customer says (催款函), put together from the company's words.
struct ReminderLetter {
    struct Line {
        /// Past due, or due soon.
        let isOverdue: Bool
        let invoice: String
        let issueDay: LocalDate
        let dueDay: LocalDate
        /// What is asked for.
        let amount: Money
    }

    let catalogue: Catalogue
    let company: String
    let customer: String
    /// Where to pay to, a line each.
    let accounts: String
    let lines: [Line]

    private var everywhere: [String: Refusal.Parameter] {
        ["company": .text(company), "customer": .text(customer)]
    }

    var subject: String { catalogue.text(.reminderSubject, everywhere) }

    var text: String {
        var parts = [catalogue.text(.reminderGreeting, everywhere)]
        for (isOverdue, heading) in [(false, TextKey.reminderDueSoon), (true, .reminderOverdue)] {
            let items = lines.filter { $0.isOverdue == isOverdue }
            if items.isEmpty { continue }
            parts.append(catalogue.text(heading, everywhere))
            parts += items.map { item in
                catalogue.text(
                    .reminderLine,
                    [
                        "invoice": .text(item.invoice), "issued": .day(item.issueDay), "due": .day(item.dueDay),
                        "amount": .money(item.amount),
                    ])
            }
        }
        let closing = everywhere.merging(["accounts": .text(accounts)]) { first, _ in first }
        parts.append(catalogue.text(.reminderClosing, closing))
        return parts.joined(separator: "\n")
    }
}
