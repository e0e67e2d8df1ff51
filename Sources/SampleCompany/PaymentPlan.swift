import Ledger

/// Decides what one customer pays and when; its disputes, returns and agreed delays come about here as well.
struct PaymentPlan {
    let customer: Customer
    let first: LocalDate
    let last: LocalDate
    var generator: SeededGenerator
    /// Payments up to the last day, in no particular order.
    private(set) var payments: [IntendedPayment] = []

    init(customer: Customer, from first: LocalDate, to last: LocalDate, generator: SeededGenerator) {
        self.customer = customer
        self.first = first
        self.last = last
        self.generator = generator
    }

    /// Plans the payments of `invoices`, all of this customer.
    mutating func decide(_ invoices: Range<Int>, _ history: inout History) {
        let refused = refusedInvoice(invoices, history)
        for position in invoices where !history.invoices[position].isWithdrawn {
            let invoice = history.invoices[position]
            if position == refused {
                refuse(position, history.invoices[position], &history)
            } else if invoice.schedule == .once {
                decideSingle(position, invoice, &history)
            } else {
                for part in parts(of: invoice) {
                    pay(part.amount, of: position, on: intendedDay(invoice, due: part.due))
                }
            }
        }
    }

    // MARK: One invoice

    private mutating func decideSingle(_ position: Int, _ invoice: Invoice, _ history: inout History) {
        if generator.chance(perMille: 13), invoice.gross > 3_000_000 {
            return dispute(position, invoice, &history)
        }
        let day = intendedDay(invoice, due: invoice.due)
        var amount = invoice.gross
        if generator.chance(perMille: 22), let note = returned(position, invoice, before: day) {
            history.creditNotes.append(note)
            amount -= note.amount
        }
        if invoice.line == .hardware, generator.chance(perMille: customer.habit.paysInAdvance) {
            let early = invoice.issued.adding(days: -generator.number(in: 2...18)).workingDayOnOrBefore
            if early >= max(first, customer.joined), customer.habit.stopsOn.map({ early < $0 }) ?? true {
                return payments.append(IntendedPayment(day: early, invoice: Int32(position), amount: amount))
            }
        }
        agreeToWait(position, invoice, until: day, &history)
        guard generator.chance(perMille: partPayment(around: invoice.due)), amount > 2_000_000 else {
            return pay(amount, of: position, on: day)
        }
        // People round what they pay in part, but not what they owe.
        let part = amount * Int64(generator.number(in: 3...7)) / 10 / 100_000 * 100_000
        pay(part, of: position, on: day)
        let rest = day.adding(days: generator.number(in: 18...75))
        pay(amount - part, of: position, on: customer.habit.rhythm.paymentDay(onOrAfter: rest))
    }

    private mutating func pay(_ amount: Int64, of position: Int, on day: LocalDate) {
        guard amount > 0, day <= last, customer.habit.stopsOn.map({ day < $0 }) ?? true else { return }
        payments.append(IntendedPayment(day: day, invoice: Int32(position), amount: amount))
    }

    private mutating func intendedDay(_ invoice: Invoice, due: LocalDate) -> LocalDate {
        let habit = customer.habit
        var delay = generator.middling(in: habit.delay) + drift(at: due)
        // Some invoices lie forgotten on a desk.
        if generator.chance(perMille: 60) { delay += generator.smallish(in: 40...400) }
        let earliest = invoice.registered.adding(days: 3)
        let ripe = max(earliest, due.adding(days: delay))
        let day = habit.rhythm.paymentDay(onOrAfter: ripe)
        guard customer.kind != .foreign else { return day }
        return beforeTheHolidays(day, earliest: max(earliest, due.adding(days: -10)))
    }

    /// Chinese companies clear their desks before Spring Festival, and public bodies before their budget ends.
    private mutating func beforeTheHolidays(_ day: LocalDate, earliest: LocalDate) -> LocalDate {
        var early = day
        if customer.kind == .publicBody, day.parts.month == 1, generator.chance(perMille: 500) {
            early = day.startOfMonth.adding(days: -generator.number(in: 4...16))
        } else if let festival = day.adding(days: -25).nextSpringFestival, festival < day.adding(days: 2),
            generator.chance(perMille: 450)
        {
            early = festival.adding(days: -generator.number(in: 3...10))
        }
        early = early.workingDayOnOrBefore
        return early >= earliest ? min(day, early) : day
    }

    /// The delay that has been added by then; it grows slowly at first.
    private func drift(at day: LocalDate) -> Int {
        let length = max(1, last.days(since: first))
        let elapsed = min(max(0, day.days(since: first)), length)
        return customer.habit.drift * elapsed / length * elapsed / length
    }

    private func partPayment(around day: LocalDate) -> Int {
        customer.role == .worsens && drift(at: day) < 30 ? 30 : customer.habit.partPayment
    }

    private func parts(of invoice: Invoice) -> [(due: LocalDate, amount: Int64)] {
        invoice.schedule.parts(of: invoice.gross, in: customer.currency, dueFrom: invoice.due)
    }

    // MARK: Returns, disputes, agreements

    /// A credit note for a small part, if it can come before the payment.
    private mutating func returned(_ position: Int, _ invoice: Invoice, before day: LocalDate) -> CreditNote? {
        let noted = invoice.registered.adding(workingDays: generator.number(in: 4...20))
        guard noted < day, noted <= last, invoice.gross > 1_000_000 else { return nil }
        let reason = generator.pick(Reasons.returns(of: invoice.line))
        let amount = invoice.gross * Int64(generator.number(in: 15...120)) / 1_000
        return CreditNote(invoice: Int32(position), day: noted, amount: amount, reason: reason)
    }

    private mutating func dispute(_ position: Int, _ invoice: Invoice, _ history: inout History) {
        let raised = max(invoice.registered, invoice.due.adding(days: generator.number(in: -12...15)))
            .workingDayOnOrAfter
        let until = raised.adding(days: generator.number(in: 20...60))
        pause(
            position, .dispute, from: raised, until: until, generator.pick(Reasons.disputes(of: invoice.line)), &history
        )

        var amount = invoice.gross
        switch generator.number(from: 0, to: 9) {
        case 0...1: return  // Nobody has given in yet.
        case 2...6:
            let noted = until.workingDayOnOrAfter
            let reduction = amount * Int64(generator.number(in: 5...25)) / 100
            amount -= reduction
            if noted <= last {
                history.creditNotes.append(
                    CreditNote(
                        invoice: Int32(position), day: noted, amount: reduction, reason: "争议处理：协商折让"))
            }
        default: break
        }
        let settled = until.adding(days: generator.number(in: 5...50))
        pay(amount, of: position, on: customer.habit.rhythm.paymentDay(onOrAfter: settled))
    }

    /// The invoice that a refusing customer refuses: the largest one that fell due in the last months.
    private func refusedInvoice(_ invoices: Range<Int>, _ history: History) -> Int? {
        guard customer.role == .disputes else { return nil }
        return invoices.filter {
            let invoice = history.invoices[$0]
            return invoice.schedule == .once && !invoice.isWithdrawn
                && (last.adding(days: -170)...last.adding(days: -40)).contains(invoice.due)
        }.max { history.invoices[$0].gross < history.invoices[$1].gross }
    }

    /// Refuses for good; the two sides are still talking on the last day.
    private mutating func refuse(_ position: Int, _ invoice: Invoice, _ history: inout History) {
        let raised = max(invoice.registered, last.adding(days: -generator.number(in: 15...35)).workingDayOnOrAfter)
        let reason = generator.pick(Reasons.disputes(of: invoice.line))
        pause(position, .dispute, from: raised, until: raised.adding(days: 60), reason, &history)
    }

    private mutating func agreeToWait(
        _ position: Int, _ invoice: Invoice, until payment: LocalDate, _ history: inout History
    ) {
        let stopped = customer.habit.stopsOn.map { payment >= $0 } ?? false
        guard stopped || payment.days(since: invoice.due) >= 40 else { return }
        guard generator.chance(perMille: customer.role == .worsens ? 250 : 60) else { return }
        let from = max(invoice.registered, invoice.due.adding(days: generator.number(in: 6...28))).workingDayOnOrAfter
        let latest = from.adding(days: generator.number(in: 15...30))
        let until = stopped ? latest : min(latest, payment)
        guard from < until else { return }
        pause(position, .agreed, from: from, until: until, generator.pick(Reasons.waits(of: customer.kind)), &history)
    }

    private func pause(
        _ position: Int, _ kind: SamplePause.Kind, from: LocalDate, until: LocalDate, _ reason: String,
        _ history: inout History
    ) {
        guard from <= last else { return }
        history.pauses.append(
            Pause(invoice: Int32(position), kind: kind, from: from, until: until, reason: reason))
    }
}
