import Ledger

/// What is open by age, customer and currency.
extension PlainCompany {
    struct Debtor: Hashable, Sendable {
        let customer: String
        let currency: String
    }

    /// Open amounts not due, 1–30, 31–60, 61–90, 91–180, 181–365 and more than 365 days overdue.
    func aging(on day: LocalDate) -> [Debtor: [Int]] {
        var rows: [Debtor: [Int]] = [:]
        for index in invoices.indices where invoices[index].posted <= day {
            for item in invoices[index].items.indices {
                let late = day.days(since: dueDay(index, item, on: day))
                let bucket = [0, 30, 60, 90, 180, 365].count { late > $0 }
                let debtor = Debtor(customer: invoices[index].customer, currency: invoices[index].currency)
                rows[debtor, default: [Int](repeating: 0, count: 7)][bucket] += open(index, item, on: day)
            }
        }
        return rows.filter { $0.value.contains { $0 != 0 } }
    }

    /// Money that waits to be allocated; the debtor without a customer is the unknown payer.
    func unapplied(on day: LocalDate) -> [Debtor: Int] {
        var sums: [Debtor: Int] = [:]
        for movement in movements where movement.posted <= day {
            sums[Debtor(customer: movement.customer ?? "", currency: movement.currency), default: 0] += movement.amount
        }
        return sums.filter { $0.value != 0 }
    }
}
