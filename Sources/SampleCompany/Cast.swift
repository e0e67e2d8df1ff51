import Ledger

/// Invents the customers and gives each its part.
struct Cast {
    private let first: LocalDate
    private let last: LocalDate
    private var generator: SeededGenerator
    private var naming = CompanyNaming()

    init(seed: UInt64, from first: LocalDate, to last: LocalDate) {
        self.first = first
        self.last = last
        generator = SeededGenerator(seed: seed, stream: .cast)
    }

    /// One customer's part before it has a name.
    private struct Part {
        var kind: CustomerKind
        var role: CustomerRole
        var joined: LocalDate
    }

    /// The customers in the order in which they are entered; a parent always before its subsidiaries.
    mutating func customers(count: Int) -> [Customer] {
        let parts = parts(count: count)
        var groupNames: [Int: [CompanyName]] = [:]
        var groupParents: [Int: Int] = [:]
        var originals: [Int: Customer] = [:]
        var customers: [Customer] = []
        customers.reserveCapacity(parts.count)

        for (index, part) in parts.enumerated() {
            let name: CompanyName
            switch part.role {
            case .groupParent(let group):
                var names = naming.group(members: Self.subsidiaries, using: &generator)
                name = names.removeFirst()
                groupNames[group] = names
                groupParents[group] = index
            case .groupMember(let group):
                name = groupNames[group]?.popLast() ?? naming.name(part.kind, using: &generator)
            case .duplicate(let pair):
                name =
                    originals[pair].map { naming.duplicate(of: $0.name) }
                    ?? naming.name(part.kind, using: &generator)
            default:
                name = naming.name(part.kind, using: &generator)
            }

            var customer = customer(number: index + 1, part: part, name: name, originals: originals)
            if case .groupMember(let group) = part.role { customer.parent = groupParents[group] }
            if case .duplicated(let pair) = part.role { originals[pair] = customer }
            customers.append(customer)
        }
        forgetCreditCodes(&customers)
        return customers
    }

    /// Nobody has asked some customers for their code yet.
    private mutating func forgetCreditCodes(_ customers: inout [Customer]) {
        var candidates = customers.indices.filter { customers[$0].role == .ordinary && customers[$0].kind != .foreign }
        generator.shuffle(&candidates)
        for position in candidates.prefix(max(1, customers.count / 25)) { customers[position].creditCode = nil }
    }

    private static let subsidiaries = 3
    /// A company with this many customers tells each story once; a larger one tells them again.
    private static let customersPerStory = 60

    /// All parts, those of the stories among the ordinary ones, in the order of joining.
    private mutating func parts(count: Int) -> [Part] {
        var parts: [Part] = []
        for story in 0..<max(1, count / Self.customersPerStory) {
            parts += storyParts(story, customers: count)
        }
        let kinds: [CustomerKind] =
            [.stateOwned, .stateOwned, .stateOwned, .listed, .listed, .listed, .startup, .startup, .startup]
            + [.publicBody, .publicBody, .publicBody, .foreign, .foreign, .foreign]
            + Array(repeating: .privateCompany, count: 10)
        var waiting: [CustomerKind] = []
        while parts.count < count {
            if waiting.isEmpty {
                waiting = kinds
                generator.shuffle(&waiting)
            }
            let kind = waiting.removeLast()
            parts.append(Part(kind: kind, role: .ordinary, joined: first))
            if generator.chance(perMille: 160) {
                parts[parts.count - 1].joined = day(fromPerMille: 50, toPerMille: 700)
            }
        }

        generator.shuffle(&parts)
        // Parents and originals first, because the others refer to them.
        func precedence(_ role: CustomerRole) -> Int {
            switch role {
            case .groupParent: 0
            case .duplicate: 2
            default: 1
            }
        }
        return parts.enumerated().sorted { left, right in
            (left.element.joined, precedence(left.element.role), left.offset)
                < (right.element.joined, precedence(right.element.role), right.offset)
        }.map(\.element)
    }

    private mutating func storyParts(_ story: Int, customers: Int) -> [Part] {
        var parts: [(kind: CustomerKind, role: CustomerRole)] = [(.startup, .worsens), (.privateCompany, .stopsLate)]
        if customers >= 8 { parts += [(.listed, .paysTwice), (.stateOwned, .disputes)] }
        if customers >= 12 {
            parts.append((.privateCompany, .stopsEarly))
            parts.append((.stateOwned, .groupParent(group: story)))
            parts += Array(repeating: (.stateOwned, .groupMember(group: story)), count: Self.subsidiaries)
        }
        var entered = parts.prefix(customers).map { Part(kind: $0.kind, role: $0.role, joined: first) }
        if customers >= 15 {
            entered.append(Part(kind: .privateCompany, role: .duplicated(pair: story), joined: first))
            entered.append(
                Part(
                    kind: .privateCompany, role: .duplicate(pair: story),
                    joined: day(fromPerMille: 450, toPerMille: 600)))
        }
        return entered
    }

    private mutating func customer(
        number: Int, part: Part, name: CompanyName, originals: [Int: Customer]
    ) -> Customer {
        let kind = part.kind
        let isLarge = isLarge(part)
        var habit = PaymentHabit.usual(for: kind, using: &generator)
        var creditCode = creditCode(kind, name: name)
        var account = payerAccount(kind)
        var owner = generator.pick(Seller.salesOwners)

        switch part.role {
        case .stopsEarly, .stopsLate:
            habit = PaymentHabit(delay: -3...12)
            habit.stopsOn =
                part.role == .stopsEarly
                ? day(fromPerMille: 340, toPerMille: 400) : day(fromPerMille: 660, toPerMille: 740)
        case .worsens:
            habit = PaymentHabit(delay: 0...10)
            habit.combinesInvoices = false
            habit.drift = 150
            habit.partPayment = 260
        case .duplicate(let pair):
            if let original = originals[pair] {
                habit = original.habit
                creditCode = original.creditCode
                account = original.payerAccount
                owner = Seller.salesOwners.first { $0 != original.salesOwner } ?? owner
            }
        case .groupParent(let group), .groupMember(let group):
            // One treasury pays for the whole group, so its companies share their days.
            habit.rhythm = .quarterly(daysBeforeEnd: 3 + group % 7)
            habit.delay = -5...20
        case .ordinary, .disputes, .paysTwice, .duplicated: break
        }

        let currency = currency(kind, name: name)
        return Customer(
            number: number, name: name, kind: kind, role: part.role, isLarge: isLarge, creditCode: creditCode,
            salesOwner: owner, collector: collector(kind), currency: currency, termsDays: terms(kind),
            joined: part.joined, habit: habit, weight: weight(kind, role: part.role, isLarge: isLarge),
            payerAccount: account,
            bank: currency.code != "CNY" || generator.chance(perMille: 450) ? .bankOfChina : .merchantsBank,
            parent: nil)
    }

    private mutating func isLarge(_ part: Part) -> Bool {
        switch part.role {
        case .groupParent, .groupMember, .disputes, .paysTwice, .stopsEarly, .stopsLate: return true
        default: break
        }
        return switch part.kind {
        case .stateOwned, .listed: generator.chance(perMille: 850)
        case .publicBody: true
        case .foreign: generator.chance(perMille: 500)
        case .privateCompany: generator.chance(perMille: 180)
        case .startup: false
        }
    }

    private mutating func creditCode(_ kind: CustomerKind, name: CompanyName) -> String? {
        guard let region = name.region else { return nil }
        return UnifiedCreditCode.make(
            kind == .publicBody ? .publicInstitution : .enterprise, region: region, using: &generator)
    }

    private mutating func payerAccount(_ kind: CustomerKind) -> String {
        kind == .foreign ? generator.digits(10) : generator.digits(generator.pick([15, 17, 19]))
    }

    private mutating func currency(_ kind: CustomerKind, name: CompanyName) -> Currency {
        guard kind == .foreign else { return .yuan }
        let country = ForeignNaming.country(of: name.legal)
        // Some trade with Singapore is settled in yuan.
        if country == .singapore, generator.chance(perMille: 300) { return .yuan }
        return Currency(country.currencyCode) ?? .yuan
    }

    private mutating func terms(_ kind: CustomerKind) -> Int {
        switch kind {
        case .stateOwned: generator.pick([60, 90, 90])
        case .listed: generator.pick([60, 60, 90])
        case .privateCompany: generator.pick([30, 30, 45, 60])
        case .startup: generator.pick([15, 30, 30])
        case .publicBody: generator.pick([30, 60])
        case .foreign: generator.pick([30, 45, 60])
        }
    }

    private mutating func weight(_ kind: CustomerKind, role: CustomerRole, isLarge: Bool) -> Int {
        switch role {
        case .groupParent: return 420
        case .groupMember: return generator.number(in: 200...300)
        case .stopsEarly, .stopsLate, .worsens: return 430
        case .disputes, .paysTwice: return 320
        case .duplicate: return 50
        case .ordinary, .duplicated: break
        }
        let usual =
            switch kind {
            case .stateOwned, .listed: 230
            case .privateCompany: isLarge ? 260 : 130
            case .startup: 80
            case .publicBody: 120
            case .foreign: 170
            }
        return usual * generator.smallish(in: 40...260) / 100
    }

    private mutating func collector(_ kind: CustomerKind) -> String {
        switch kind {
        case .stateOwned, .publicBody: Seller.collectors[0]
        case .foreign: Seller.collectors[2]
        default: generator.pick(Array(Seller.collectors.dropFirst()))
        }
    }

    private mutating func day(fromPerMille low: Int, toPerMille high: Int) -> LocalDate {
        let offset = last.days(since: first) * generator.number(from: low, to: high) / 1_000
        return max(first, first.adding(days: offset).workingDayOnOrBefore)
    }
}
