import Ledger

/// What one customer orders.
struct CustomerOrders {
    let customer: Customer
    let position: Int
    let season: Season
    var generator: SeededGenerator

    private var first: LocalDate { season.first }
    private var last: LocalDate { season.last }
    /// Who stops paying is supplied for a while, then no longer.
    private var lastOrder: LocalDate { customer.habit.stopsOn.map { min(last, $0.adding(days: 130)) } ?? last }

    private enum ContractKind { case project, framework, subscription, order }

    /// Signs contracts until they have brought `wanted` invoices, or the customer has had enough.
    mutating func fill(_ history: inout History, wanted: Int) {
        let target = history.invoices.count + wanted
        var attempts = 0
        while history.invoices.count < target, attempts < 60 + 2 * wanted {
            attempts += 1
            let missing = target - history.invoices.count
            switch contractKind() {
            case .project: signProject(&history)
            case .framework: signFramework(&history, orders: missing)
            case .subscription: signSubscription(&history, periods: missing)
            case .order: orderWithoutContract(&history)
            }
        }
    }

    private mutating func contractKind() -> ContractKind {
        if generator.chance(perMille: 12) { return .order }
        // Projects bring four invoices, frameworks about six: these are chances of contracts, not of invoices.
        let (projects, frameworks): (Int, Int) =
            switch customer.kind {
            case .stateOwned: (650, 150)
            case .listed: (420, 280)
            case .privateCompany: (340, 330)
            case .startup: (60, 300)
            case .publicBody: (680, 40)
            case .foreign: (60, 640)
            }
        let draw = generator.number(from: 0, to: 999)
        if draw < projects { return .project }
        return draw < projects + frameworks ? .framework : .subscription
    }

    // MARK: Projects

    private mutating func signProject(_ history: inout History) {
        // Projects signed before the history bring their later stages into it.
        let signed = season.day(from: firstSigning(daysBefore: 560), to: lastOrder, using: &generator)
        let advance = signed.adding(days: generator.number(in: 3...15))
        let delivery = signed.adding(days: generator.middling(in: 35...130))
        let acceptance = delivery.adding(days: generator.middling(in: 20...100))
        let line = generator.pick([ProductLine.integration, .integration, .development, .installation])
        let amount = projectAmount()
        let shares = Money(minorUnits: amount, currency: customer.currency).shared(by: [3, 3, 3, 1])
            .map(\.minorUnits)
        let contract = sign(on: signed, &history)

        func stage(_ number: Int8, _ amount: Int64, _ schedule: Schedule = .once) -> Draft {
            Draft(contract: contract, milestone: .stage(number), line: line, schedule: schedule, gross: amount)
        }
        issue(stage(1, shares[0]), on: advance, terms: generator.pick([10, 15, 15, 30]), &history)
        issue(stage(2, shares[1]), on: delivery, terms: customer.termsDays, &history)

        // The retention: claimed on acceptance but due a year later, in one invoice with the acceptance
        // or in its own, or claimed only when the warranty has ended.
        let warranty = acceptance.adding(months: 12)
        switch generator.number(from: 0, to: 99) {
        case 0..<20:
            issue(stage(3, shares[2] + shares[3], .withRetention), on: acceptance, terms: customer.termsDays, &history)
        case 20..<88:
            issue(stage(3, shares[2]), on: acceptance, terms: customer.termsDays, &history)
            issue(stage(4, shares[3]), on: acceptance, terms: warranty.days(since: acceptance), &history)
        default:
            issue(stage(3, shares[2]), on: acceptance, terms: customer.termsDays, &history)
            issue(stage(4, shares[3]), on: warranty, terms: 30, &history)
        }
    }

    private mutating func projectAmount() -> Int64 {
        // In thousands of yuan.
        let range =
            switch customer.kind {
            case .stateOwned: 380...3_000
            case .listed: 300...2_200
            case .publicBody: 220...1_600
            case .privateCompany: customer.isLarge ? 200...1_200 : 100...640
            case .startup, .foreign: 100...480
            }
        let thousands = generator.smallish(in: range)
        // Most prices were rounded in negotiation; the others still show the sum of their parts.
        let yuan: Int64 =
            switch generator.number(from: 0, to: 9) {
            case 0...4: Int64(thousands / 10 * 10) * 1_000
            case 5...6: Int64(thousands) * 1_000
            default: Int64(thousands) * 1_000 + Int64(generator.number(in: 10...990))
            }
        return inCurrency(yuan * 100, roundedTo: 100)
    }

    // MARK: Hardware

    private mutating func signFramework(_ history: inout History, orders missing: Int) {
        let signed = season.day(from: firstSigning(daysBefore: 364), to: lastOrder, using: &generator)
        let end = min(lastOrder, signed.adding(days: 364))
        let begin = max(first, signed.adding(days: 3))
        guard begin <= end else { return }
        let contract = sign(on: signed, &history)
        let terms = generator.pick(customer.isLarge ? [45, 60, 60] : [30, 45, 60])
        // Of a contract signed before the history only the rest of its year is left.
        let orders = (generator.number(in: 3...9) * end.days(since: begin) + 182) / 364
        let days = (0..<min(missing, orders))
            .map { _ in hardwareDay(from: begin, to: end) }
            .sorted()
        for (index, day) in days.enumerated() {
            let draft = Draft(
                contract: contract, milestone: .batch(Int16(index + 1)), line: .hardware, schedule: .once,
                gross: hardwareAmount(pieces: 4...72))
            issue(draft, on: day, terms: terms, &history)
        }
    }

    private mutating func orderWithoutContract(_ history: inout History) {
        let draft = Draft(
            contract: nil, milestone: .none, line: .hardware, schedule: .once, gross: hardwareAmount(pieces: 1...9))
        issue(draft, on: hardwareDay(from: max(first, customer.joined), to: lastOrder), terms: 30, &history)
    }

    /// Many deliveries are invoiced in the last days of the month, before the tax period ends.
    private mutating func hardwareDay(from low: LocalDate, to high: LocalDate) -> LocalDate {
        let day = season.day(from: low, to: high, using: &generator)
        guard generator.chance(perMille: 300) else { return day }
        return min(high, day.endOfMonth.adding(days: -generator.number(in: 0...5)))
    }

    private mutating func hardwareAmount(pieces: ClosedRange<Int>) -> Int64 {
        // Fen apiece, tax included.
        let price = generator.pick([
            128_800, 198_600, 286_050, 397_900, 486_000, 645_280, 898_500, 1_286_000, 1_860_700, 2_879_900,
        ])
        let scale = customer.isLarge ? 2 : 1
        let quantity = generator.smallish(in: pieces) * scale
        let discount = generator.pick([1_000, 1_000, 980, 965, 950, 925, 900, 880])
        return inCurrency(Int64(price * quantity) * Int64(discount) / 1_000, roundedTo: 1)
    }

    // MARK: Subscriptions

    private mutating func signSubscription(_ history: inout History, periods missing: Int) {
        let signed = season.day(from: firstSigning(daysBefore: 720), to: lastOrder, using: &generator)
        let start = signed.adding(days: generator.number(in: 3...25))
        let isQuarterly = generator.chance(perMille: customer.kind == .startup ? 800 : 450)
        let line: ProductLine = generator.chance(perMille: 700) ? .subscription : .maintenance
        let perYear = subscriptionAmount()
        // Some large customers receive the invoice for the year and pay it by quarters.
        let schedule: Schedule =
            !isQuarterly && customer.isLarge && generator.chance(perMille: 520) ? .quarterly : .once
        let gross = isQuarterly ? perYear / 4 : perYear
        let contract = sign(on: signed, &history)
        var brought = 0
        var months = 0
        while months < 36, brought < missing {
            let begins = start.adding(months: months)
            guard begins <= lastOrder else { break }
            let (year, month, _) = begins.parts
            let quarter = isQuarterly ? Int8((month + 2) / 3) : 0
            let draft = Draft(
                contract: contract, milestone: .period(year: Int16(year), quarter: quarter), line: line,
                schedule: schedule, gross: gross)
            let before = history.invoices.count
            let day = begins.adding(days: generator.number(in: -6...4))
            issue(draft, on: day, terms: customer.kind == .startup ? 15 : 30, &history)
            brought += history.invoices.count - before
            months += isQuarterly ? 3 : 12
        }
    }

    private mutating func subscriptionAmount() -> Int64 {
        let seats = generator.smallish(in: customer.isLarge ? 60...700 : 20...240)
        let perSeat = generator.pick([36_800, 49_800, 59_900, 88_000])
        let platform = generator.pick([0, 1_280_000, 2_980_000, 5_860_000])
        return inCurrency(Int64(seats * perSeat + platform), roundedTo: 4)
    }

    // MARK: Issuing

    /// An invoice before it has a day.
    private struct Draft {
        let contract: Int32?
        let milestone: Milestone
        let line: ProductLine
        let schedule: Schedule
        let gross: Int64
    }

    /// Adds the invoice unless its day lies outside of the history or of the customer's active time.
    private mutating func issue(_ draft: Draft, on day: LocalDate, terms: Int, _ history: inout History) {
        let issued = dayOfIssue(near: day, after: draft.contract.map { history.contracts[Int($0)].signed })
        guard issued >= max(first, customer.joined), issued <= lastOrder else { return }

        let lateness = generator.chance(perMille: 32) ? generator.number(in: 2...8) : 0
        let registered = issued.adding(days: lateness)
        let isDomestic = customer.currency == .yuan
        // Exports carry no tax.
        let percent = customer.kind == .foreign ? 0 : draft.line.taxPercent
        let net = (draft.gross * 100 * 2 + 100 + percent) / (2 * (100 + percent))
        var invoice = Invoice(
            customer: Int32(position), contract: draft.contract, milestone: draft.milestone, line: draft.line,
            schedule: draft.schedule, issued: issued,
            registered: registered <= last && lateness > 0 ? registered.workingDayOnOrBefore : issued,
            due: issued.adding(days: terms), gross: draft.gross, net: net)
        invoice.registered = max(invoice.registered, issued)
        invoice.hasElectronicInvoice = isDomestic && !generator.chance(perMille: 35)

        history.invoices.append(invoice)
        if isDomestic, draft.schedule == .once, generator.chance(perMille: 11) {
            withdrawLast(terms: terms, &history)
        }
    }

    private mutating func dayOfIssue(near day: LocalDate, after signed: LocalDate?) -> LocalDate {
        // Now and then somebody works on a weekend.
        if day.isWeekend, !day.isPublicHoliday, generator.chance(perMille: 80) { return day }
        // Both sides of a holiday share its invoices, unless that would bring one before its contract.
        let before = day.workingDayOnOrBefore
        guard generator.chance(perMille: 500), signed.map({ $0 < before }) ?? true else {
            return day.workingDayOnOrAfter
        }
        return before
    }

    /// Takes the last invoice back in full some days later and issues another one in its place.
    private mutating func withdrawLast(terms: Int, _ history: inout History) {
        let position = history.invoices.count - 1
        let invoice = history.invoices[position]
        let day = invoice.registered.adding(workingDays: generator.number(in: 2...12))
        guard day <= lastOrder else { return }
        history.invoices[position].isWithdrawn = true
        history.creditNotes.append(
            CreditNote(
                invoice: Int32(position), day: day, amount: invoice.gross,
                reason: generator.pick(Self.withdrawalReasons)))

        var replacement = invoice
        replacement.issued = day
        replacement.registered = day
        replacement.due = day.adding(days: terms)
        history.invoices.append(replacement)
    }

    private static let withdrawalReasons = [
        "发票抬头开具有误，红冲重开", "税号填写错误，全额红冲后重开", "客户变更开票信息，红冲重开", "商品税收编码选择有误，红冲重开",
    ]

    private func sign(on day: LocalDate, _ history: inout History) -> Int32 {
        history.contracts.append(Contract(signed: day))
        return Int32(history.contracts.count - 1)
    }

    private func firstSigning(daysBefore: Int) -> LocalDate {
        // A customer that joins later has signed nothing before.
        customer.joined > first ? customer.joined : first.adding(days: -daysBefore)
    }

    /// Fen as minor units of the customer's currency, at a rate good enough for prices; a multiple of `unit`.
    private func inCurrency(_ fen: Int64, roundedTo unit: Int64) -> Int64 {
        let amount =
            switch customer.currency.code {
            case "USD": fen * 10 / 71
            case "EUR": fen * 10 / 78
            case "JPY": fen / 5
            default: fen
            }
        return max(1, amount / unit) * unit
    }
}
