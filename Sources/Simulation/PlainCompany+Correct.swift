import Ledger
import Operations

/// Taking things back, moving due days, closing months (spec 03.5, 09).
extension PlainCompany {
    mutating func perform(_ deed: Deed) -> Answer {
        var after = self
        do {
            let answer = try after.carryOut(deed)
            self = after
            return answer
        } catch {
            return .refused((error as? No)?.code ?? "\(error)")
        }
    }

    private mutating func carryOut(_ deed: Deed) throws -> Answer {
        switch deed {
        case .take(let kind, let lines, let partial): return take(kind, lines, partial: partial)
        case .rush: return .done
        case .unapply(let reference, let isNote, let number, let day):
            let credit = try creditNamed(reference, isNote)
            let target = try invoiceNamed(number)
            let made = parts.indices.filter {
                parts[$0].credit == credit && parts[$0].invoice == target && parts[$0].amount > 0
            }
            guard !made.isEmpty else { throw No("allocation.unknown") }
            let live = made.filter { !parts[$0].isTakenBack }
            guard !live.isEmpty else { throw No("allocation.reversed") }
            for part in live { try takeBack(part, on: day) }
        case .reverse(let reference, let isNote, let day): try reverse(try creditNamed(reference, isNote), on: day)
        case .reverseInvoice(let number, let day): try reverseInvoice(try invoiceNamed(number), on: day)
        case .moveDueDay(let number, let n, let due, let from):
            let target = try invoiceNamed(number)
            guard invoices[target].items.indices.contains(n - 1) else { throw No("item.unknown") }
            guard dueDay(target, n - 1) != due else { throw No("due-date.same") }
            invoices[target].items[n - 1].changes.append((from ?? today, due))
        case .setPeriod(let day, let state): try setPeriod(Self.month(day), Int(state.rawValue))
        case .remindBefore(let days, let from):
            if let last = tracking.lastRun, from <= last { throw No("policy.too-early") }
            policies.append((from, days))
        case .runDay(let day):
            guard day <= today else { throw No("day.too-far") }
            return .days(run(through: day))
        }
        return .done
    }

    private func invoiceNamed(_ number: String) throws -> Int {
        guard let found = invoice(number) else { throw No("invoice.unknown") }
        return found
    }

    private func creditNamed(_ reference: String, _ isNote: Bool) throws -> Int {
        let found = credits(isNote ? .note : .receipt, reference)
        guard let first = found.first else { throw No(isNote ? "credit-note.unknown" : "receipt.unknown") }
        guard found.count == 1 else { throw No("receipt.ambiguous") }
        return first
    }

    private func check(_ day: LocalDate?, notBefore earliest: LocalDate) throws {
        guard let day else { return }
        guard day >= earliest else { throw No("reversal.too-early") }
        guard day <= today else { throw No("reversal.in-future") }
    }

    private mutating func takeBack(_ index: Int, on day: LocalDate?) throws {
        let part = parts[index]
        try check(day, notBefore: part.day)
        let date = day ?? part.day
        let posted = max(postingDay(date), part.posted)
        parts[index].isTakenBack = true
        allocations += 1
        parts.append(
            Part(
                credit: part.credit, invoice: part.invoice, item: part.item, day: date, posted: posted,
                amount: -part.amount, line: nil, allocation: allocations))
        let credit = credits[part.credit]
        movements.append(
            Movement(customer: credit.customer, currency: credit.currency, posted: posted, amount: part.amount))
    }

    private mutating func reverse(_ credit: Int, on day: LocalDate?) throws {
        guard !credits[credit].isReversed else { throw No("receipt.reversed") }
        try check(day, notBefore: credits[credit].day)
        for index in parts.indices where parts[index].credit == credit && parts[index].amount > 0 {
            guard !parts[index].isTakenBack else { continue }
            try takeBack(index, on: day.map { max($0, parts[index].day) })
        }
        let latest = parts.filter { $0.credit == credit }.map(\.posted).max() ?? credits[credit].posted
        let posted = max(postingDay(day ?? credits[credit].day), credits[credit].posted, latest)
        credits[credit].isReversed = true
        let taken = credits[credit]
        movements.append(
            Movement(customer: taken.customer, currency: taken.currency, posted: posted, amount: -taken.amount))
    }

    private mutating func reverseInvoice(_ index: Int, on day: LocalDate?) throws {
        let invoice = invoices[index]
        try check(day, notBefore: invoice.issued)
        guard !invoice.isTakenBack else { throw No("invoice.reversed") }
        guard invoice.items.indices.allSatisfy({ open(index, $0) == invoice.items[$0].amount }) else {
            throw No("invoice.allocated")
        }
        let date = day ?? invoice.issued
        let latest = parts.filter { $0.invoice == index }.map(\.posted).max() ?? invoice.posted
        let correction = add(
            Credit(
                kind: .correction, reference: invoice.number, registeredCustomer: invoice.customer,
                customer: invoice.customer, day: date, posted: max(postingDay(date), invoice.posted, latest),
                currency: invoice.currency, amount: invoice.amount, about: index))
        try allocate(invoice.amount, of: correction, to: index, on: nil, line: nil, mayCross: true)
        invoices[index].isTakenBack = true
    }

    /// Months are closed from the earliest on, and opened from the latest on. 1 is open, 2 soft-closed, 3 closed.
    private mutating func setPeriod(_ month: Int, _ state: Int) throws {
        guard closedMonths[month] ?? 1 != state else { throw No("period.state") }
        let first = firstPosting.map(Self.month) ?? month
        if state != 1, first < month, (first..<month).contains(where: { closedMonths[$0] == nil }) {
            throw No("period.order")
        }
        if state == 1, closedMonths[month + 1] != nil { throw No("period.order") }
        closedMonths[month] = state == 1 ? nil : state
    }
}
