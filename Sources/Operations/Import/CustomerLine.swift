internal import Database
internal import Ledger
internal import Receivables

/// A line of `customers`.
struct CustomerLine: ImportLine {
    private enum Column {
        static let code = 0, name = 1, uscc = 2, industry = 3, kind = 4, size = 5, group = 6, salesOwner = 7
        static let collector = 8, currency = 9, termsDays = 10, language = 11
    }

    private enum Language: String, CaseIterable { case chinese = "zh-Hans", english = "en" }

    private let code: String
    private let name: String
    private let uscc: String?
    private let industry: String?
    private let kind: Customer.Kind?
    private let size: Customer.Size?
    private let group: String?
    private let salesOwner: String?
    private let collector: String?
    private let currency: Currency?
    private let termsDays: Int?
    private let language: String?

    init(_ cells: LineReader) {
        code = cells.required(Column.code)
        name = cells.required(Column.name)
        uscc = cells.text(Column.uscc)
        industry = cells.text(Column.industry)
        kind = cells.choice(Column.kind) { (kind: Customer.Kind) in kind.name }
        size = cells.choice(Column.size) { (size: Customer.Size) in size.name }
        group = cells.text(Column.group)
        salesOwner = cells.text(Column.salesOwner)
        collector = cells.text(Column.collector)
        currency = cells.currency(Column.currency)
        termsDays = cells.count(Column.termsDays, atMost: 3650)
        language = cells.choice(Column.language) { (language: Language) in language.rawValue }?.rawValue
        if let group, group == code { cells.refuse(Column.group, .customerInOwnGroup, ["customer": .text(code)]) }
    }

    static func lookAhead(_ lines: [Self], in books: Books) throws {
        try books.customers.lookAhead(Set(lines.map(\.code) + lines.compactMap(\.group)))
    }

    var foreseen: [Foreseen] { ([code] + [group].compactMap { $0 }).map(CustomerRepository.foreseen) }

    func checkReferences(_ cells: LineReader, in books: Books, _ context: ImportContext) throws {
        // A parent may stand further down in the file, so nothing can be said of it yet.
    }

    func register(_ cells: LineReader, in books: Books, _ context: ImportContext) throws -> LineOutcome {
        var parent: ID<Customer>?
        if let group {
            parent = try books.customers.find(group)?.id
            if parent == nil {
                guard context.isLastLook else { return .deferred }
                cells.add(Column.group, Refusal(.customerUnknown, ["customer": .text(group)]))
                return .rejected
            }
        }
        if let parent, let own = try books.customers.find(code)?.id, try books.customers.isAbove(own, parent) {
            cells.add(
                Column.group, Refusal(.customerGroupCircle, ["customer": .text(code), "group": .text(group ?? "")]))
            return .rejected
        }
        var owner = try salesOwner.map { try books.people.findOrRegister($0) }
        let collecting = try collector.map { try books.people.findOrRegister($0) }

        // Whoever sees some customers alone registers their own, and learns nothing of others'.
        let viewer = try books.viewer()
        if !viewer.seesAll {
            if let other = try books.customers.find(code), try !books.isInScope(customer: other.id.rawValue) {
                throw Refusal(.customerDiffers, ["customer": .text(code), "differences": .text("…")])
            }
            // Only a new one becomes theirs: a known one keeps whom it has.
            if try books.customers.find(code) == nil,
                !viewer.sees(salesOwner: owner?.rawValue, collector: collecting?.rawValue)
            {
                owner = viewer.person.map { ID($0) } ?? owner
            }
        }

        guard let known = try books.customers.find(code), let last = try books.customers.content(known.id) else {
            var content = Customer.Content(name: name)
            apply(to: &content, parent, owner, collecting)
            try books.customers.register(code: code, content, on: books.today, isIncomplete: false)
            return .created
        }
        var content = last.content
        content.name = name
        apply(to: &content, parent, owner, collecting)
        if content == last.content, !last.isIncomplete { return .unchanged }
        // A customer that was only known by its code is completed without asking.
        guard context.updates || last.isIncomplete else {
            throw Refusal(
                .customerDiffers,
                ["customer": .text(code), "differences": differences(last.content, parent, owner, collecting)])
        }
        try books.customers.appendVersion(of: known.id, n: last.n + 1, content, on: books.today, isIncomplete: false)
        return .updated
    }

    /// Sets what the line gives and leaves the rest.
    private func apply(
        to content: inout Customer.Content, _ parent: ID<Customer>?, _ owner: ID<Person>?, _ collecting: ID<Person>?
    ) {
        if let uscc { content.uscc = uscc }
        if let industry { content.industry = industry }
        if let kind { content.kind = kind }
        if let size { content.size = size }
        if let parent { content.group = parent }
        if let owner { content.salesOwner = owner }
        if let collecting { content.collector = collecting }
        if let currency { content.currency = currency }
        if let termsDays { content.termsDays = termsDays }
        if let language { content.language = language }
    }

    private func differences(
        _ last: Customer.Content, _ parent: ID<Customer>?, _ owner: ID<Person>?, _ collecting: ID<Person>?
    ) -> Refusal.Parameter {
        var differences = Differences()
        differences.compare("name", registered: last.name, given: name)
        differences.compare("uscc", registered: last.uscc, given: uscc)
        differences.compare("industry", registered: last.industry, given: industry)
        differences.compare("kind", registered: last.kind, given: kind) { $0.name }
        differences.compare("size", registered: last.size, given: size) { $0.name }
        differences.compare("group", registered: last.group, given: parent) { _ in group ?? "" }
        differences.compare("sales_owner", registered: last.salesOwner, given: owner) {
            $0 == owner ? salesOwner ?? "" : "…"
        }
        differences.compare("collector", registered: last.collector, given: collecting) {
            $0 == collecting ? collector ?? "" : "…"
        }
        differences.compare("currency", registered: last.currency, given: currency)
        differences.compare("terms_days", registered: last.termsDays, given: termsDays)
        differences.compare("language", registered: last.language, given: language)
        return differences.parameter
    }
}

/// A line of `contacts`.
struct ContactLine: ImportLine {
    private enum Column { static let customer = 0, name = 1, purpose = 2, title = 3, email = 4, phone = 5 }

    private let customer: String
    private let purpose: Contact.Purpose
    private let content: Contact.Content

    init(_ cells: LineReader) {
        customer = cells.required(Column.customer)
        let name = cells.required(Column.name)
        if !cells.has(Column.purpose) { _ = cells.text(Column.purpose) }
        purpose = cells.choice(Column.purpose) { (purpose: Contact.Purpose) in purpose.name } ?? .payment
        content = Contact.Content(
            name: name, title: cells.text(Column.title), email: cells.text(Column.email),
            phone: cells.text(Column.phone))
    }

    var foreseen: [Foreseen] { [CustomerRepository.foreseen(customer)] }

    func checkReferences(_ cells: LineReader, in books: Books, _ context: ImportContext) throws {
        try context.checkCustomer(customer, Column.customer, cells, in: books)
    }

    func register(_ cells: LineReader, in books: Books, _ context: ImportContext) throws -> LineOutcome {
        guard let reference = try context.customer(customer, Column.customer, cells, in: books) else {
            return .rejected
        }
        let known = try books.contacts.find(customer: reference.id, name: content.name, purpose: purpose)
        if purpose.getsPaymentMessages, known?.content != content, let person = try books.viewer().person {
            if let known, Self.isSame(known.content, content) { return .unchanged }
            guard known == nil || context.updates else { throw differs(known?.content) }
            _ = try books.approvals.propose(
                .paymentContact, about: reference.id.rawValue,
                [content.name, content.title ?? "", content.email ?? "", content.phone ?? ""], content: purpose.name,
                by: person, reason: "")
            return .proposed
        }
        guard let known else {
            try books.contacts.register(customer: reference.id, purpose: purpose, content, on: books.today)
            return .created
        }
        if Self.isSame(known.content, content) { return .unchanged }
        guard context.updates else { throw differs(known.content) }
        var merged = known.content
        merged.title = content.title ?? merged.title
        merged.email = content.email ?? merged.email
        merged.phone = content.phone ?? merged.phone
        try books.contacts.appendVersion(
            of: known.id, n: known.n + 1, customer: reference.id, purpose: purpose, merged, on: books.today)
        return .updated
    }
    /// Whether what the line gives is registered so already.
    private static func isSame(_ registered: Contact.Content, _ given: Contact.Content) -> Bool {
        compare(registered, given).isEmpty
    }

    private static func compare(_ registered: Contact.Content?, _ given: Contact.Content) -> Differences {
        var differences = Differences()
        differences.compare("title", registered: registered?.title, given: given.title)
        differences.compare("email", registered: registered?.email, given: given.email)
        differences.compare("phone", registered: registered?.phone, given: given.phone)
        return differences
    }

    private func differs(_ registered: Contact.Content?) -> Refusal {
        Refusal(
            .contactDiffers,
            [
                "contact": .text(content.name), "customer": .text(customer),
                "differences": Self.compare(registered, content).parameter,
            ])
    }
}
