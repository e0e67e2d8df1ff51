import Ledger
import Operations

/// One step of a simulated life: time passes, somebody does something, and perhaps something goes wrong.
///
/// A step has a seed of its own, so that leaving others out leaves it what it was as far as it can be: that is how a
/// failing life is made short.
struct Step: Sendable {
    let number: Int
    let seed: UInt64

    static func all(seed: UInt64, count: Int) -> [Step] {
        var chance = Chance(seed)
        return (1...max(count, 1)).map { Step(number: $0, seed: chance.next()) }
    }
}

/// Makes up what somebody does next, knowing the books as they are.
struct Imagination {
    var chance: Chance
    let books: PlainCompany
    /// Files that were taken before, to be taken again.
    let files: [(kind: ImportKind, lines: [[String]])]

    mutating func deed() -> Deed {
        switch chance.number(0...99) {
        case 0..<6: return .take(.customers, lines: lines(customer), partial: chance.oneIn(4))
        case 6..<26: return .take(.invoices, lines: lines(invoice), partial: chance.oneIn(4))
        case 26..<38: return .take(.receipts, lines: lines(receipt), partial: chance.oneIn(4))
        case 38..<54: return .take(.allocations, lines: lines(allocation), partial: chance.oneIn(4))
        case 54..<59: return .take(.creditNotes, lines: lines(note), partial: chance.oneIn(4))
        case 59..<62: return .take(.settlements, lines: lines(settlement), partial: chance.oneIn(4))
        case 62..<66:
            guard let file = files.isEmpty ? nil : chance.pick(files) else { return .runDay(books.today) }
            return .take(file.kind, lines: file.lines, partial: false)
        case 66..<70: return rush()
        case 70..<75:
            let part = books.parts.isEmpty ? nil : chance.pick(books.parts)
            let credit = part.map { books.credits[$0.credit] }
            return .unapply(
                credit: credit?.reference ?? reference("R"), ofNote: credit?.kind == .note,
                invoice: part.map { books.invoices[$0.invoice].number } ?? reference("I"), on: someDay(orNone: true))
        case 75..<79:
            let isNote = chance.oneIn(4)
            return .reverse(credit: reference(isNote ? "N" : "R"), isNote: isNote, on: someDay(orNone: true))
        case 79..<82: return .reverseInvoice(reference("I"), on: someDay(orNone: true))
        case 82..<86:
            return .moveDueDay(
                invoice: reference("I"), instalment: chance.oneIn(5) ? 2 : 1,
                to: books.today.adding(days: chance.number(-40...60)), from: someDay(orNone: true))
        case 86..<89: return period()
        case 89..<91:
            return .remindBefore(days: chance.number(1...9), from: books.today.adding(days: chance.number(-1...5)))
        default: return .runDay(books.today.adding(days: chance.oneIn(12) ? 1 : 0))
        }
    }

    // MARK: Lines

    private mutating func lines(_ line: (inout Imagination) -> [String]) -> [[String]] {
        (0..<chance.number(1...4)).map { _ in line(&self) }
    }

    private var customer: (inout Imagination) -> [String] {
        { imagination in
            let code = imagination.reference("C")
            return [code, imagination.chance.oneIn(6) ? "\(code) Renamed" : "\(code) Ltd"]
        }
    }

    private var invoice: (inout Imagination) -> [String] {
        { imagination in
            // Now and then a number that is taken, with the same or other content.
            if imagination.chance.oneIn(8),
                let index = imagination.books.invoices.indices.randomElement(&imagination.chance)
            {
                let known = imagination.books.invoices[index]
                let items = known.items.map { "\($0.due):\(Imagination.decimal($0.amount))" }.joined(separator: ";")
                return [
                    known.number, known.customer, "\(known.issued)", items, Imagination.decimal(known.amount),
                    known.currency,
                ]
            }
            let issued = imagination.books.today.adding(days: -imagination.chance.number(0...70))
            let count = imagination.chance.oneIn(4) ? imagination.chance.number(2...3) : 1
            var items: [String] = []
            var sum = 0
            for _ in 0..<count {
                let amount = imagination.amount()
                sum += amount
                items.append("\(issued.adding(days: imagination.chance.number(0...90))):\(Imagination.decimal(amount))")
            }
            if imagination.chance.oneIn(40) { sum += 1 }
            return [
                imagination.reference("I"), imagination.reference("C"), "\(issued)", items.joined(separator: ";"),
                Imagination.decimal(sum), imagination.currency(),
            ]
        }
    }

    private var receipt: (inout Imagination) -> [String] {
        { imagination in
            let date = imagination.books.today.adding(days: -imagination.chance.number(0...40))
            return [
                imagination.reference("R"), "\(date)", Imagination.decimal(imagination.amount() * 2),
                imagination.currency(), imagination.chance.oneIn(4) ? "" : imagination.reference("C"),
            ]
        }
    }

    private var allocation: (inout Imagination) -> [String] {
        { imagination in
            let books = imagination.books
            // Mostly what fits: the customer's own money, up to what is open.
            let fitting = books.credits.indices.filter { books.left($0) > 0 && books.credits[$0].kind != .correction }
            guard !imagination.chance.oneIn(6), let credit = fitting.randomElement(&imagination.chance),
                let invoice = books.invoices.indices.filter({ index in
                    let target = books.invoices[index]
                    let source = books.credits[credit]
                    return target.currency == source.currency
                        && (source.customer == nil || source.customer == target.customer)
                        && target.items.indices.contains { books.open(index, $0) > 0 }
                }).randomElement(&imagination.chance)
            else {
                return [
                    imagination.reference("R"), imagination.reference("I"), Imagination.decimal(imagination.amount()),
                    "",
                ]
            }
            let open = books.invoices[invoice].items.indices.reduce(0) { $0 + books.open(invoice, $1) }
            let most = min(open, books.left(credit))
            let amount =
                imagination.chance.oneIn(8)
                ? most + 1 : imagination.chance.oneIn(2) ? most : imagination.chance.number(1...most)
            let date = imagination.someDay(orNone: true)
            return [
                books.credits[credit].reference, books.invoices[invoice].number, Imagination.decimal(amount),
                date.map { "\($0)" } ?? "",
            ]
        }
    }

    private var note: (inout Imagination) -> [String] {
        { imagination in
            let date = imagination.books.today.adding(days: -imagination.chance.number(0...30))
            return [
                imagination.reference("N"), imagination.reference("I"), "\(date)",
                Imagination.decimal(max(1, imagination.amount() / 3)),
            ]
        }
    }

    private var settlement: (inout Imagination) -> [String] {
        { imagination in
            let date = imagination.books.today.adding(days: -imagination.chance.number(0...30))
            let amount = imagination.chance.oneIn(2) ? "" : Imagination.decimal(imagination.amount())
            return [imagination.reference("I"), "\(date)", amount]
        }
    }

    /// Many at once: the same invoice, or parts of one receipt.
    private mutating func rush() -> Deed {
        let credits = books.credits.indices.filter {
            books.left($0) > 0 && books.credits[$0].kind == .receipt && books.credits[$0].account.isEmpty
        }
        guard chance.oneIn(2), let credit = credits.randomElement(&chance) else {
            let line = invoice(&self)
            return .rush(.invoices, lines: [[String]](repeating: line, count: chance.number(4...12)))
        }
        let share = Self.decimal(max(1, books.left(credit) / chance.number(2...5)))
        let targets = books.invoices.map(\.number)
        let lines = (0..<chance.number(4...12)).map { _ in
            [books.credits[credit].reference, targets.isEmpty ? "I1" : chance.pick(targets), share, ""]
        }
        return .rush(.allocations, lines: lines)
    }

    private mutating func period() -> Deed {
        let closed = books.closedMonths.keys.max()
        let first = books.firstPosting.map(PlainCompany.month) ?? PlainCompany.month(books.today)
        let next = closed.map { $0 + 1 } ?? first
        let month = chance.oneIn(5) ? next + chance.number(-2...2) : chance.oneIn(3) ? closed ?? next : next
        let state: CorrectRegister.PeriodState =
            month <= closed ?? -1 ? .open : chance.oneIn(2) ? .softClosed : .closed
        let day = LocalDate(year: month / 12, month: month % 12 + 1, day: 1) ?? books.today
        // The month that runs is closed now and then, never one to come.
        return PlainCompany.month(day) > PlainCompany.month(books.today)
            ? .runDay(books.today) : .setPeriod(month: day, state)
    }

    // MARK: Values

    /// A name out of few, so that names meet.
    private mutating func reference(_ letter: String) -> String {
        switch letter {
        case "C": "C\(chance.number(1...5))"
        case "N": "N\(chance.number(1...8))"
        default: "\(letter)\(chance.number(1...24))"
        }
    }

    private mutating func currency() -> String { chance.oneIn(6) ? "USD" : "CNY" }

    private mutating func amount() -> Int { chance.oneIn(3) ? chance.number(1...500) : chance.number(1...90) * 100 }

    private mutating func someDay(orNone: Bool) -> LocalDate? {
        orNone && chance.oneIn(2) ? nil : books.today.adding(days: -chance.number(-1...50))
    }

    static func decimal(_ cents: Int) -> String {
        let rest = cents % 100
        return "\(cents / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}

extension RandomAccessCollection {
    fileprivate func randomElement(_ chance: inout Chance) -> Element? {
        isEmpty ? nil : self[index(startIndex, offsetBy: chance.number(0...count - 1))]
    }
}
