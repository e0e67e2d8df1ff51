internal import Ledger
internal import Receivables

/// A line of `calendar`: a public holiday or a shifted working day.
struct CalendarLine: ImportLine {
    private enum Kind: String, CaseIterable { case holiday, working }

    private let country: String
    private let day: LocalDate
    private let kind: WorkingCalendar.Kind
    private let name: String?

    init(_ cells: LineReader) {
        country = cells.required(0)
        day = cells.requiredDay(1)
        if !cells.has(2) { _ = cells.text(2) }
        let word = cells.choice(2) { (kind: Kind) in kind.rawValue }
        kind = word == .working ? .working : .holiday
        name = cells.text(3)
    }

    func checkReferences(_ cells: LineReader, in books: Books, _ context: ImportContext) throws {}

    func register(_ cells: LineReader, in books: Books, _ context: ImportContext) throws -> LineOutcome {
        let known = try books.calendars.find(country: country, day: day)
        if known?.kind == kind { return .unchanged }
        guard known == nil || context.updates else {
            throw Refusal(.calendarDiffers, ["country": .text(country), "day": .day(day)])
        }
        try books.calendars.append(country: country, day: day, n: (known?.n ?? 0) + 1, kind, name: name)
        return known == nil ? .created : .updated
    }
}

/// A line of `rates`: units of one currency for one unit of another, from a day on.
struct RateLine: ImportLine {
    private let day: LocalDate
    private let from: Currency?
    private let to: Currency?
    private let rate: Int64
    private let source: String?

    init(_ cells: LineReader) {
        day = cells.requiredDay(0)
        from = cells.currency(1)
        to = cells.currency(2)
        let number = cells.number(3)
        source = cells.text(4)
        do throws(AmountError) {
            rate = try number?.timesHundredMillion() ?? 0
        } catch {
            rate = 0
        }
        if number != nil, rate <= 0 { cells.refuse(3, .valueNotARate) }
    }

    func checkReferences(_ cells: LineReader, in books: Books, _ context: ImportContext) throws {}

    func register(_ cells: LineReader, in books: Books, _ context: ImportContext) throws -> LineOutcome {
        guard let from, let to else { return .rejected }
        let known = try books.rates.find(day: day, from: from, to: to)
        if known?.rate == rate { return .unchanged }
        guard known == nil || context.updates else {
            func text(_ rate: Int64) -> Refusal.Parameter { .text(Money.decimal(of: Int128(rate), exponent: 8)) }
            throw Refusal(
                .rateDiffers,
                [
                    "from": .text(from.code), "to": .text(to.code), "day": .day(day),
                    "registered": text(known?.rate ?? 0), "given": text(rate),
                ])
        }
        try books.rates.append(day: day, from: from, to: to, n: (known?.n ?? 0) + 1, rate: rate, source: source)
        return known == nil ? .created : .updated
    }
}
