internal import Foundation
internal import Ledger
internal import Operations
internal import Receivables

/// How things are said to one person: texts, amounts and dates in their language (DESIGN.md, "Writing").
struct Wording: Sendable {
    let catalogue: Catalogue
    let language: Catalogue.Language
    let isEnglish: Bool

    init(_ catalogue: Catalogue) {
        self.catalogue = catalogue
        language = catalogue.language
        isEnglish = catalogue.language == .english
    }

    func callAsFunction(_ word: Word, _ parameters: [String: Refusal.Parameter] = [:]) -> String {
        catalogue.text(word.rawValue, parameters)
    }

    /// A text whose places hold markup, such as an amount in bold.
    ///
    /// - Parameter count: What words that stand in the singular or plural go by: `{count:item/items}`.
    func html(_ word: Word, _ parts: [String: HTML], count: Int = 2) -> HTML {
        var rest = Substring(catalogue.text(word.rawValue))
        var html = HTML.nothing
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            html += HTML(String(rest[..<open]))
            let name = String(rest[rest.index(after: open)..<close])
            let choice = name.split(separator: ":", maxSplits: 1)
            if choice.count == 2 {
                let words = choice[1].split(separator: "/", omittingEmptySubsequences: false)
                html += HTML(String(count == 1 ? words[0] : words[words.count - 1]))
            } else {
                html += parts[name] ?? HTML("{\(name)}")
            }
            rest = rest[rest.index(after: close)...]
        }
        return html + HTML(String(rest))
    }

    /// A name of the product's own (a state, a rule, a command) in words; a name without a text shows itself.
    func name(_ kind: NameKind, _ name: String) -> String {
        let key = "name.\(kind.rawValue).\(name)"
        return catalogue.keys.contains(key) ? catalogue.text(key) : name
    }

    enum NameKind: String, CaseIterable {
        case role, rule, task, check, held, reminder, command, account, event, signal, purpose, status, size, table
        case customerKind = "customer-kind"
        case taxStatus = "tax-status"
        case permission, scope, approval, source, pause, security, proposal, column, effect, store, policy, template,
            language, period, country
        case importKind = "import"
        case webhookEvent = "webhook-event"
    }

    func message(_ refusal: Refusal) -> String {
        var parameters = refusal.parameters
        // Lists of roles and permissions are named in the reader's language.
        if case .text(let roles)? = parameters["roles"] {
            parameters["roles"] = .text(
                roles.split(separator: ",").map { name(.role, $0.trimmingCharacters(in: .whitespaces)) }
                    .joined(separator: isEnglish ? ", " : "、"))
        }
        if case .text(let permission)? = parameters["permission"] {
            parameters["permission"] = .text(name(.permission, permission))
        }
        if case .text(let column)? = parameters["column"] { parameters["column"] = .text(name(.column, column)) }
        if case .text(let part)? = parameters["part"] { parameters["part"] = .text(name(.template, part)) }
        if case .text(let role)? = parameters["role"] { parameters["role"] = .text(name(.role, role)) }
        // What the command line is told to do isn't what a page's reader can do.
        let own = "page.\(refusal.code.rawValue)"
        return catalogue.keys.contains(own)
            ? catalogue.text(own, parameters) : catalogue.message(Refusal(refusal.code, parameters))
    }

    // MARK: Amounts

    /// `1,234.50`, with a minus sign (U+2212) where it is negative; without a currency, as tables have it.
    func figure(_ minorUnits: some BinaryInteger, _ currency: Currency) -> String {
        let magnitude = String(minorUnits.magnitude)
        let exponent = currency.exponent
        let padded = String(repeating: "0", count: max(0, exponent + 1 - magnitude.count)) + magnitude
        let whole = padded.dropLast(exponent)
        var grouped = ""
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index) % 3 == 0 { grouped.append(",") }
            grouped.append(digit)
        }
        let fraction = exponent > 0 ? "." + padded.suffix(exponent) : ""
        return (minorUnits < 0 ? "\u{2212}" : "") + grouped + fraction
    }

    /// `¥1,234.50` and `EUR 86,400.00`, as sentences have it.
    func amount(_ minorUnits: some BinaryInteger, _ currency: Currency) -> String {
        let figure = figure(minorUnits, currency)
        guard currency.code == "CNY" else { return "\(currency.code) \(figure)" }
        return figure.hasPrefix("\u{2212}") ? "\u{2212}¥" + figure.dropFirst() : "¥" + figure
    }

    func amount(_ money: Money) -> String { amount(money.minorUnits, money.currency) }

    /// A table's cell: right-aligned, negative in red, an en dash for nothing.
    func cell(_ minorUnits: some BinaryInteger, _ currency: Currency, strong: Bool = false) -> HTML {
        if minorUnits == 0 { return "<td class=\"r nil\">–</td>" }
        let text = figure(minorUnits, currency)
        if minorUnits < 0 { return "<td class=\"r neg\">\(text)</td>" }
        return strong ? "<td class=\"r strong\">\(text)</td>" : "<td class=\"r\">\(text)</td>"
    }

    /// A plain decimal for an input.
    func input(_ minorUnits: Int64, _ currency: Currency) -> String { figure(minorUnits, currency) }

    func percent(_ part: some BinaryInteger, of whole: some BinaryInteger) -> String {
        guard whole != 0 else { return "–" }
        let tenths = (Int128(part) * 1000 + Int128(whole) / 2) / Int128(whole)
        return "\(tenths / 10).\(abs(tenths % 10))%"
    }

    // MARK: Days and times

    /// `2026-06-16`, as tables have it, in a `time` element that never breaks.
    func day(_ day: LocalDate) -> HTML { "<time datetime=\"\("\(day)")\">\("\(day)")</time>" }

    func day(_ day: LocalDate?) -> HTML { day.map { self.day($0) } ?? "–" }

    /// As people say it, with the year where it isn't the present one.
    func date(_ day: LocalDate, today: LocalDate) -> HTML {
        "<time datetime=\"\("\(day)")\">\(dateText(day, today: today))</time>"
    }

    func dateText(_ day: LocalDate, today: LocalDate) -> String {
        let (year, month, number) = day.parts
        let parts: [String: Refusal.Parameter] = [
            "day": .count(number), "month": .text(self(Self.months[month - 1])), "year": .count(year),
        ]
        return year == today.year ? self(.dateShort, parts) : self(.dateLong, parts)
    }

    private static let months: [Word] = [
        .month1, .month2, .month3, .month4, .month5, .month6, .month7, .month8, .month9, .month10, .month11, .month12,
    ]

    func weekday(_ day: LocalDate) -> String {
        self([.weekday1, .weekday2, .weekday3, .weekday4, .weekday5, .weekday6, .weekday7][day.weekday - 1])
    }

    /// Day and time in the company's time zone; today and yesterday by their names.
    func moment(_ instant: Instant, _ company: CompanySettings, today: LocalDate) -> HTML {
        let day = company.day(of: instant)
        let minutes = company.minuteOfDay(of: instant)
        let hour = "\(minutes / 60)"
        let minute = "\(minutes % 60)"
        let time = (hour.count < 2 ? "0" : "") + hour + ":" + (minute.count < 2 ? "0" : "") + minute
        let name =
            day == today ? self(.today) : day == today.adding(days: -1) ? self(.yesterday) : dateText(day, today: today)
        return "<time datetime=\"\("\(instant)")\">\(name) \(time)</time>"
    }

    /// Day and time in the company's time zone, as files have it.
    func momentText(_ instant: Instant, _ company: CompanySettings) -> String {
        let minutes = company.minuteOfDay(of: instant)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(company.day(of: instant)) \(two(minutes / 60)):\(two(minutes % 60))"
    }

    /// How far a due day lies behind or ahead.
    func lateness(_ days: Int) -> String {
        if days > 0 { return self(.daysOverdue, ["days": .count(days)]) }
        if days == 0 { return self(.dueToday) }
        return self(.daysLeft, ["days": .count(-days)])
    }

    /// Sentences after each other: full-width marks need no space behind them.
    func sentences(_ parts: HTML...) -> HTML {
        parts.filter { !$0.isEmpty }.enumerated().map { $0.offset > 0 && isEnglish ? " " + $0.element : $0.element }
            .joined()
    }

    func list(_ texts: [String]) -> String { texts.joined(separator: isEnglish ? ", " : "、") }
}
