internal import Database
package import Ledger
package import Receivables

/// The words of messages to customers, in one language: data with versions and days like a policy.
///
/// What was written stays as it was: a message keeps its text, whatever its template becomes.
package struct MessageTemplate: Hashable, Sendable {
    /// A part of a message that has words of its own.
    package enum Part: String, CaseIterable, Sendable {
        case subject, greeting
        /// Before what falls due soon.
        case dueSoon = "due-soon"
        /// Before what is past due.
        case overdue
        /// One invoice.
        case line, closing

        var key: TextKey {
            switch self {
            case .subject: .reminderSubject
            case .greeting: .reminderGreeting
            case .dueSoon: .reminderDueSoon
            case .overdue: .reminderOverdue
            case .line: .reminderLine
            case .closing: .reminderClosing
            }
        }

        /// What may stand in braces there.
        package var places: [String] {
            switch self {
            case .line: ["invoice", "issued", "due", "amount"]
            case .closing: ["company", "customer", "accounts"]
            default: ["company", "customer"]
            }
        }

        /// What can't be left out.
        package var needed: [String] { self == .line ? ["invoice", "amount"] : [] }

        package var mayHaveLines: Bool { self != .subject && self != .line }
    }

    package var texts: [Part: String]

    /// What nobody could see in the words isn't kept: other control characters than line breaks and tabs.
    package init(_ texts: [Part: String]) {
        self.texts = texts.mapValues { words in
            String(
                String.UnicodeScalarView(
                    words.replacing("\r\n", with: "\n").unicodeScalars.filter { scalar in
                        scalar.value >= 0x20 && scalar.value != 0x7F || scalar == "\n" || scalar == "\t"
                    }))
        }
    }

    package subscript(part: Part) -> String { texts[part] ?? "" }

    /// Characters of one part; longer than any letter needs.
    private static let most = 2000

    /// - Throws: `Refusal` `template.empty`, `template.too-long`, `template.line-break`, `template.unknown-place`,
    ///   `template.place-missing`.
    package func check() throws(Refusal) {
        for part in Part.allCases { try check(part) }
    }

    private func check(_ part: Part) throws(Refusal) {
        let text = self[part]
        func refusal(_ code: RefusalCode, _ more: [String: Refusal.Parameter] = [:]) -> Refusal {
            Refusal(code, ["part": .text(part.rawValue)].merging(more) { first, _ in first })
        }
        guard !text.allSatisfy(\.isWhitespace) else { throw refusal(.templateEmpty) }
        guard text.count <= Self.most else { throw refusal(.templateTooLong, ["most": .count(Self.most)]) }
        guard part.mayHaveLines || !text.contains(where: \.isNewline) else { throw refusal(.templateLineBreak) }
        let places = Self.places(text)
        let known = part.places.map { "{\($0)}" }.joined(separator: " ")
        for place in places where !part.places.contains(place) {
            throw refusal(.templateUnknownPlace, ["place": .text("{\(place)}"), "known": .text(known)])
        }
        for place in part.needed where !places.contains(place) {
            throw refusal(.templatePlaceMissing, ["place": .text("{\(place)}")])
        }
    }

    /// What stands in braces; an open brace without its end is a place that nobody knows.
    private static func places(_ text: String) -> [String] {
        text.split(separator: "{", omittingEmptySubsequences: false).dropFirst().map { rest in
            rest.firstIndex(of: "}").map { String(rest[..<$0]) } ?? "\(rest.prefix(20))…"
        }
    }

    // MARK: As text

    /// A line `part = words` each; `\n` stands for a new line.
    package var lines: String {
        Part.allCases.map { part in
            let words = self[part].replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
            return "\(part.rawValue) = \(words)\n"
        }.joined()
    }

    /// - Throws: `Refusal` `template.unreadable` for a line that isn't a part's.
    package init(lines: String) throws(Refusal) {
        var texts: [Part: String] = [:]
        // A line break of another system is one character of its own.
        let lines = lines.replacing("\r\n", with: "\n").split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            if line.allSatisfy(\.isWhitespace) || line.first == "#" { continue }
            guard let equals = line.firstRange(of: " = "),
                let part = Part(rawValue: String(line[..<equals.lowerBound]))
            else {
                let parts = Part.allCases.map(\.rawValue).joined(separator: ", ")
                throw Refusal(.templateUnreadable, ["line": .count(index + 1), "parts": .text(parts)])
            }
            texts[part] = Self.unescaped(line[equals.upperBound...])
        }
        self.init(texts)
    }

    private static func unescaped(_ words: Substring) -> String {
        var text = ""
        var isEscaped = false
        for character in words {
            if isEscaped {
                text.append(character == "n" ? "\n" : character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else {
                text.append(character)
            }
        }
        return text
    }
}

/// The company's templates of messages to customers: shown, tried out, and changed with a second person.
package enum MessageTemplates {
    package typealias Language = Catalogue.Language

    package struct Version: Sendable {
        /// Zero: the product's own words.
        package let number: Int64
        package let from: LocalDate?
        package let template: MessageTemplate
    }

    private static func code(_ language: Language) -> String { "messages.\(language.rawValue)" }

    /// The version made last, in force or still to come: what a change begins with.
    package static func newest(_ language: Language, in store: Store) throws -> Version {
        try store.read { try newest(language, in: $0) }
    }

    private static func newest(_ language: Language, in session: any SQLSession) throws -> Version {
        let row = try session.row(
            "SELECT n, valid_from, content FROM policy_version WHERE code = \(code(language)) ORDER BY n DESC LIMIT 1")
        guard let row else { return Version(number: 0, from: nil, template: product(try Catalogue(language))) }
        return Version(
            number: row.integer(0), from: LocalDate(dayNumber: Int(row.integer(1))),
            template: try MessageTemplate(lines: row.text(2)))
    }

    private static func product(_ catalogue: Catalogue) -> MessageTemplate {
        MessageTemplate(
            Dictionary(uniqueKeysWithValues: MessageTemplate.Part.allCases.map { ($0, catalogue.pattern($0.key)) }))
    }

    /// Versions of a language, newest first.
    package static func history(_ language: Language, in store: Store) throws -> [SettingQueries.PolicyRow] {
        try SettingQueries.versions(of: code(language), in: store)
    }

    /// A language's texts with the company's own words, as they hold on a day.
    static func catalogue(_ language: Language, on day: LocalDate, in session: any SQLSession) throws -> Catalogue {
        let catalogue = try Catalogue(language)
        let row = try session.row(
            """
            SELECT content FROM policy_version WHERE code = \(code(language)) AND valid_from <= \(day.dayNumber)
             ORDER BY n DESC LIMIT 1
            """)
        guard let row else { return catalogue }
        return replacing(try MessageTemplate(lines: row.text(0)), in: catalogue)
    }

    private static func replacing(_ template: MessageTemplate, in catalogue: Catalogue) -> Catalogue {
        catalogue.replacing(Dictionary(uniqueKeysWithValues: template.texts.map { ($0.key.key, $0.value) }))
    }

    /// Where customers pay to: a line for each account in use, with its entity where there are several.
    static func accounts(in session: any SQLSession) throws -> String {
        let rows = try session.rows(
            """
            SELECT n.name, v.bank, v.number FROM bank_account b JOIN entity e ON e.id = b.entity
              JOIN entity_version n ON n.entity = e.id JOIN bank_account_version v ON v.bank_account = b.id
             WHERE v.is_active = 1 AND n.n = (SELECT max(m.n) FROM entity_version m WHERE m.entity = e.id)
               AND v.n = (SELECT max(w.n) FROM bank_account_version w WHERE w.bank_account = b.id)
             ORDER BY e.code, b.code
            """)
        let isSeveral = Set(rows.map { $0.text(0) }).count > 1
        return rows.map { (isSeveral ? "\($0.text(0)) " : "") + "\($0.text(1)) \($0.text(2))" }.joined(separator: "\n")
    }

    // MARK: Trying out

    package struct Sample: Sendable {
        /// Whose open invoices it is shown with.
        package let customer: String
        package let subject: String
        package let text: String
    }

    /// What a customer would be sent with a template, for what they owe now; somebody who was written
    /// to or invoiced lately, unless a customer is named. `nil` where nobody owes anything.
    ///
    /// - Throws: What `MessageTemplate.check` throws, and `Refusal` `customer.unknown`.
    package static func sample(
        _ template: MessageTemplate, _ language: Language, customer named: String? = nil, today: LocalDate,
        in store: Store
    ) throws -> Sample? {
        try template.check()
        let catalogue = replacing(template, in: try Catalogue(language))
        return try store.read { session in
            for customer in try candidates(named, language, in: session) {
                let lines = try openLines(of: customer, today, session)
                if lines.isEmpty { continue }
                let name = try session.row(
                    "SELECT name FROM customer_version WHERE customer = \(customer) ORDER BY n DESC LIMIT 1")
                let letter = ReminderLetter(
                    catalogue: catalogue, company: try CompanySettings.load(in: session).name,
                    customer: name?.text(0) ?? "", accounts: try accounts(in: session), lines: lines)
                return Sample(customer: letter.customer, subject: letter.subject, text: letter.text)
            }
            return nil
        }
    }

    private static func openLines(
        of customer: Int64, _ today: LocalDate, _ session: any SQLSession
    ) throws -> [ReminderLetter.Line] {
        try session.rows(
            """
            SELECT v.number, v.issue_day, i.due_day, b.open, v.currency FROM item i
              JOIN item_balance b ON b.item = i.id JOIN invoice v ON v.id = i.invoice
             WHERE v.customer = \(customer) AND b.open > 0 ORDER BY i.due_day, i.id LIMIT 4
            """
        ).map { row in
            guard let currency = Currency(row.text(4)) else {
                throw DatabaseFailure.corrupt(detail: "currency \(row.text(4))")
            }
            let due = LocalDate(dayNumber: Int(row.integer(2)))
            return ReminderLetter.Line(
                isOverdue: due < today, invoice: row.text(0), issueDay: LocalDate(dayNumber: Int(row.integer(1))),
                dueDay: due, amount: Money(minorUnits: row.integer(3), currency: currency))
        }
    }

    /// Whom a template may be shown with: who is named; else who was written to last, in the language before others,
    /// and who was invoiced last.
    private static func candidates(
        _ code: String?, _ language: Language, in session: any SQLSession
    ) throws -> [Int64] {
        if let code {
            guard let row = try session.row("SELECT id FROM customer WHERE code = \(code)") else {
                throw Refusal(.customerUnknown, ["customer": .text(code)])
            }
            return [row.integer(0)]
        }
        let written = try session.rows(
            "SELECT customer, language FROM reminder WHERE audience = 1 ORDER BY id DESC LIMIT 100")
        let invoiced = try session.rows("SELECT customer FROM invoice ORDER BY id DESC LIMIT 100")
        let ordered =
            written.filter { $0.text(1) == language.rawValue }.map { $0.integer(0) } + invoiced.map { $0.integer(0) }
        var seen: Set<Int64> = []
        return ordered.filter { seen.insert($0).inserted }
    }

    // MARK: Changing

    /// Other words from a day on. They wait for a second person, because a letter that names another bank account is
    /// how payment fraud starts; on the command line they hold at once.
    ///
    /// - Parameter seen: The newest version that whoever changes it knows; `nil` where nobody looked.
    /// - Throws: `Refusal` `reason.missing`, `policy.too-early`, `policy.changed`, and what `MessageTemplate.check`
    ///   throws.
    package static func propose(
        _ template: MessageTemplate, _ language: Language, from day: LocalDate, reason: String,
        insteadOf seen: Int64? = nil, in store: Store, _ request: ActRequest
    ) async throws -> Int64? {
        guard !reason.isEmpty else { throw Refusal(.reasonMissing) }
        try template.check()
        return try await store.write(request) { books in
            let earliest = try earliest(in: books)
            if let earliest, day < earliest {
                throw Refusal(.policyTooEarly, ["day": .day(day), "earliest": .day(earliest)])
            }
            let newest = try newest(language, in: books.session).number
            if let seen { try need(newest, toBe: seen) }
            guard let person = try books.viewer().person else {
                try books.settings.set("policy-reason", reason)
                return try append(template, language, day, books)
            }
            let content = [language.rawValue, "\(day)", "\(newest)", template.lines].joined(separator: "\u{1f}")
            return try books.approvals.propose(
                .messageTemplate, about: 0, nil, content: content, by: person, reason: reason)
        }.act
    }

    private static func earliest(in books: Books) throws -> LocalDate? {
        try books.session.row("SELECT max(day) FROM day_run")?.optionalInteger(0)
            .map { LocalDate(dayNumber: Int($0)).adding(days: 1) }
    }

    private static func need(_ newest: Int64, toBe seen: Int64) throws(Refusal) {
        if newest != seen { throw Refusal(.policyChanged, ["version": .text("\(newest)")]) }
    }

    private static func append(
        _ template: MessageTemplate, _ language: Language, _ day: LocalDate, _ books: Books
    ) throws -> Int64 {
        try books.settings.appendPolicy(code: code(language), content: template.lines, validFrom: day)
    }

    /// What a proposal holds.
    package struct Proposal: Sendable {
        package let language: Language
        package let from: LocalDate
        /// The version it was made from.
        package let seen: Int64
        package let template: MessageTemplate

        /// - Parameter fields: As `propose` keeps them.
        package init?(_ fields: [String]) {
            guard fields.count == 4, let language = Language(rawValue: fields[0]), let from = LocalDate(fields[1]),
                let seen = Int64(fields[2]), let template = try? MessageTemplate(lines: fields[3])
            else { return nil }
            (self.language, self.from, self.seen, self.template) = (language, from, seen, template)
        }
    }

    /// Puts what was agreed to in force: from its day, or from the first that isn't run yet.
    ///
    /// - Throws: `Refusal` `policy.changed` where another version came meanwhile.
    static func apply(_ content: String, _ books: Books) throws {
        let fields = content.split(separator: "\u{1f}", omittingEmptySubsequences: false).map(String.init)
        guard let proposal = Proposal(fields) else {
            throw Refusal(.templateUnreadable, ["line": .count(1), "parts": .text("")])
        }
        try need(try newest(proposal.language, in: books.session).number, toBe: proposal.seen)
        let day = max(proposal.from, try earliest(in: books) ?? proposal.from)
        _ = try append(proposal.template, proposal.language, day, books)
    }
}
