import Ledger
import Operations

/// Registering lines of files, as the specification says it (spec 03, 10.6).
extension PlainCompany {
    enum LineAnswer { case created, unchanged, updated }

    /// Takes a file: all of it or nothing, or the good lines.
    mutating func take(_ kind: ImportKind, _ lines: [[String]], partial: Bool) -> Answer {
        var after = self
        var counts = (created: 0, unchanged: 0, updated: 0)
        var faults: [String] = []
        var seen: [String: Int] = [:]
        for line in lines {
            var next = after
            do {
                switch try next.take(kind, line, &seen) {
                case .created: counts.created += 1
                case .unchanged: counts.unchanged += 1
                case .updated: counts.updated += 1
                }
                after = next
            } catch {
                faults += error.codes
            }
        }
        if faults.isEmpty || partial { self = after }
        return .imported(
            created: counts.created, unchanged: counts.unchanged, updated: counts.updated, faults: faults)
    }

    struct Faults: Error {
        let codes: [String]
        init(_ codes: [String]) { self.codes = codes }
        init(_ no: No) { codes = [no.code] }
    }

    private mutating func take(_ kind: ImportKind, _ line: [String], _ seen: inout [String: Int]) throws(Faults)
        -> LineAnswer
    {
        do {
            switch kind {
            case .customers: return try takeCustomer(line)
            case .invoices: return try takeInvoice(line)
            case .receipts: return try takeReceipt(line)
            case .allocations: return try takeAllocation(line, &seen)
            case .creditNotes: return try takeNote(line)
            case .settlements: return try takeSettlement(line)
            case .contacts, .calendar, .rates: return .unchanged
            }
        } catch let faults as Faults {
            throw faults
        } catch {
            throw Faults((error as? No) ?? No("\(error)"))
        }
    }

    private mutating func takeCustomer(_ line: [String]) throws -> LineAnswer {
        guard let known = customers[line[0]] else {
            customers[line[0]] = line[1]
            return .created
        }
        if known == line[1] { return .unchanged }
        throw No("customer.differs")
    }

    private mutating func takeInvoice(_ line: [String]) throws -> LineAnswer {
        guard customers[line[1]] != nil else { throw No("customer.unknown") }
        let items = line[3].split(separator: ";").map { part -> Item in
            let pair = part.split(separator: ":")
            return Item(amount: cents(String(pair[1])), due: day(String(pair[0])))
        }
        let amount = cents(line[4])
        guard items.reduce(0, { $0 + $1.amount }) == amount else { throw No("invoice.instalments-sum") }
        let issued = day(line[2])
        let new = Invoice(
            number: line[0], customer: line[1], issued: issued, posted: postingDay(issued), currency: line[5],
            amount: amount, items: items)
        if let index = invoice(line[0]) {
            let old = invoices[index]
            let isSame =
                old.customer == new.customer && old.issued == issued && old.currency == new.currency
                && old.amount == amount && old.items.map(\.amount) == items.map(\.amount)
                && old.items.map(\.due) == items.map(\.due)
            if isSame { return .unchanged }
            guard old.isTakenBack else { throw No("invoice.differs") }
        }
        invoices.append(new)
        return .created
    }

    private mutating func takeReceipt(_ line: [String]) throws -> LineAnswer {
        let customer = line[4].isEmpty ? nil : line[4]
        if let customer, customers[customer] == nil { throw No("customer.unknown") }
        let (date, amount) = (day(line[1]), cents(line[2]))
        if let index = credits(.receipt, line[0]).first(where: { credits[$0].account.isEmpty }) {
            let old = credits[index]
            let isSame =
                old.amount == amount && old.currency == line[3]
                && (date == old.day || date == old.posted || postingDay(date) == old.posted)
                && (customer == nil || customer == old.registeredCustomer)
            if isSame { return .unchanged }
            guard old.isReversed else { throw No("receipt.differs") }
        }
        add(
            Credit(
                kind: .receipt, reference: line[0], registeredCustomer: customer, customer: customer, day: date,
                posted: postingDay(date), currency: line[3], amount: amount))
        return .created
    }

    private mutating func takeAllocation(_ line: [String], _ seen: inout [String: Int]) throws -> LineAnswer {
        var found = credits(.receipt, line[0])
        if found.isEmpty { found = credits(.note, line[0]) }
        let target = invoice(line[1])
        var faults: [String] = []
        if found.isEmpty { faults.append("receipt.unknown") }
        if found.count > 1 { faults.append("receipt.ambiguous") }
        if target == nil { faults.append("invoice.unknown") }
        guard faults.isEmpty, let target else { throw Faults(faults) }
        let credit = found[0]
        let amount = cents(line[2])
        let given = line[3].isEmpty ? nil : day(line[3])
        let date = given ?? max(credits[credit].day, invoices[target].issued)
        let place = "\(credit)/\(target)/\(date)"
        seen[place, default: 0] += 1
        let name = ":\(seen[place] ?? 1)"

        // What is registered already of the pair on that day, each line as it was registered last.
        let made = parts.filter { part in
            part.credit == credit && part.invoice == target && part.day == date && part.amount > 0
        }
        var lines: [String: (amount: Int, isTakenBack: Bool)] = [:]
        for allocation in Set(made.map(\.allocation)).sorted() {
            let own = made.filter { $0.allocation == allocation }
            let sum = own.reduce(0) { $0 + $1.amount }
            // What was allocated by hand or by a rule stands for the line in its place.
            lines[own[0].line ?? ":\(lines.count + 1)"] = (sum, own[0].isTakenBack)
        }
        if let same = lines[name], same.amount == amount { return .unchanged }
        if !(lines[name]?.isTakenBack ?? false),
            lines.values.contains(where: { !$0.isTakenBack && $0.amount != amount })
        {
            throw No("allocation.differs")
        }
        try allocate(amount, of: credit, to: target, on: given, line: name)
        return .created
    }

    private mutating func takeNote(_ line: [String]) throws -> LineAnswer {
        guard let about = invoice(line[1]) else { throw No("invoice.unknown") }
        let (date, amount) = (day(line[2]), cents(line[3]))
        let target = invoices[about]
        if let index = credits(.note, line[0]).first {
            let old = credits[index]
            let isSame =
                old.about == about && old.day == date && old.amount == amount && old.currency == target.currency
            if isSame { return .unchanged }
            guard old.isReversed else { throw No("credit-note.differs") }
        }
        guard date >= target.issued else { throw No("credit-note.before-invoice") }
        let noted = credits.filter { $0.kind == .note && $0.about == about && !$0.isReversed }
        guard amount <= target.amount - noted.reduce(0, { $0 + $1.amount }) else {
            throw No("credit-note.above-invoice")
        }
        let note = add(
            Credit(
                kind: .note, reference: line[0], registeredCustomer: target.customer, customer: target.customer,
                day: date, posted: max(postingDay(max(date, target.issued)), target.posted), currency: target.currency,
                amount: amount, about: about))
        for item in inOrder(about) where left(note) > 0 {
            let used = parts.filter { $0.invoice == about && $0.item == item }
            let least = least(of: target.items[item].amount, used, from: credits[note].posted)
            let applicable = min(open(about, item), left(note), least)
            guard applicable > 0 else { continue }
            try allocate(
                applicable, of: note, to: about, items: [item], on: nil, line: nil, isContinued: left(note) < amount)
        }
        return .created
    }

    private mutating func takeSettlement(_ line: [String]) throws -> LineAnswer {
        guard let target = invoice(line[0]) else { throw No("invoice.unknown") }
        let date = day(line[1])
        let given = line[2].isEmpty ? nil : cents(line[2])
        let account = "settlement \(date)"
        if let index = credits(.receipt, line[0]).first(where: { credits[$0].account == account }) {
            let old = credits[index]
            if !old.isReversed || given == nil || given == old.amount {
                guard given == nil || given == old.amount else { throw No("settlement.differs") }
                return .unchanged
            }
        }
        let whole = invoices[target].items.indices.reduce(0) { $0 + open(target, $1) }
        let amount = given ?? whole
        guard amount > 0 else { throw No("settlement.nothing-open") }
        guard amount <= whole else { throw No("allocation.above-open") }
        guard date >= invoices[target].issued else { throw No("allocation.too-early") }
        let receipt = add(
            Credit(
                kind: .receipt, reference: line[0], account: account,
                registeredCustomer: invoices[target].customer, customer: invoices[target].customer, day: date,
                posted: max(postingDay(date), invoices[target].posted), currency: invoices[target].currency,
                amount: amount))
        try allocate(amount, of: receipt, to: target, on: nil, line: nil)
        return .created
    }

    // MARK: Credits and their parts

    @discardableResult
    mutating func add(_ credit: Credit) -> Int {
        credits.append(credit)
        movements.append(
            Movement(
                customer: credit.customer, currency: credit.currency, posted: credit.posted, amount: credit.amount))
        return credits.count - 1
    }

    /// An invoice's items, those due first before the others.
    func inOrder(_ invoice: Int) -> [Int] {
        invoices[invoice].items.indices.sorted { (dueDay(invoice, $0), $0) < (dueDay(invoice, $1), $1) }
    }

    mutating func allocate(
        _ amount: Int, of credit: Int, to invoice: Int, items named: [Int]? = nil, on given: LocalDate?, line: String?,
        mayCross: Bool = false, isContinued: Bool = false
    ) throws {
        let target = invoices[invoice]
        let source = credits[credit]
        let earliest = max(source.day, target.issued)
        let date = given ?? earliest
        guard date >= earliest else { throw No("allocation.too-early") }
        guard !source.isReversed else { throw No("receipt.reversed") }
        guard source.currency == target.currency else { throw No("allocation.other-currency") }
        guard mayCross || source.customer == nil || source.customer == target.customer else {
            throw No("allocation.other-customer")
        }
        let items = named ?? inOrder(invoice)
        guard amount <= left(credit) else { throw No("allocation.above-receipt") }
        guard amount <= items.reduce(0, { $0 + open(invoice, $1) }) else { throw No("allocation.above-open") }
        let posted = max(postingDay(date), source.posted, target.posted)
        var shares: [(item: Int, amount: Int)] = []
        var rest = amount
        for item in items where rest > 0 && open(invoice, item) > 0 {
            let share = min(rest, open(invoice, item))
            shares.append((item, share))
            rest -= share
        }
        for share in shares {
            let used = parts.filter { $0.invoice == invoice && $0.item == share.item }
            guard share.amount <= least(of: target.items[share.item].amount, used, from: posted) else {
                throw No("allocation.above-open")
            }
        }
        guard amount <= least(of: source.amount, parts.filter { $0.credit == credit }, from: posted) else {
            throw No("allocation.above-receipt")
        }
        if source.customer == nil { identify(credit, as: target.customer) }
        if !isContinued { allocations += 1 }
        for share in shares {
            parts.append(
                Part(
                    credit: credit, invoice: invoice, item: share.item, day: date, posted: posted,
                    amount: share.amount, line: line, allocation: allocations))
            movements.append(
                Movement(
                    customer: credits[credit].customer, currency: source.currency, posted: posted,
                    amount: -share.amount))
        }
    }

    /// The payer is found: what waits with nobody waits with the customer, from the receipt's own day on.
    private mutating func identify(_ credit: Int, as customer: String) {
        let posted = max(postingDay(credits[credit].day), credits[credit].posted)
        let waiting = left(credit)
        let currency = credits[credit].currency
        movements.append(Movement(customer: nil, currency: currency, posted: posted, amount: -waiting))
        movements.append(Movement(customer: customer, currency: currency, posted: posted, amount: waiting))
        credits[credit].customer = customer
    }

    // MARK: Words

    func cents(_ text: String) -> Int {
        let parts = text.split(separator: ".")
        return (Int(parts[0]) ?? 0) * 100 + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    }

    func day(_ text: String) -> LocalDate { LocalDate(text) ?? LocalDate(dayNumber: 0) }
}
