internal import Database
internal import Formats
internal import Ledger
internal import Receivables

/// What other systems can be told of, each kind from the facts of one table.
package enum WebhookEvent: String, CaseIterable, Sendable {
    case customerRegistered = "customer.registered"
    case customerChanged = "customer.changed"
    case contactChanged = "contact.changed"
    case invoiceRegistered = "invoice.registered"
    case invoiceReversed = "invoice.reversed"
    case invoiceStatusChanged = "invoice-status.changed"
    case dueDateChanged = "due-date.changed"
    case receiptRegistered = "receipt.registered"
    case receiptApplied = "receipt.applied"
    case receiptUnapplied = "receipt.unapplied"
    case receiptReversed = "receipt.reversed"
    case creditNoteRegistered = "credit-note.registered"
    case approvalWanted = "approval.wanted"
    case approvalDecided = "approval.decided"
    case taskOpened = "task.opened"
    case taskFinished = "task.finished"
    case reminderMade = "reminder.made"
    case reminderSent = "reminder.sent"
    case dayRun = "day.run"
    case periodChanged = "period.changed"
    case pauseSet = "pause.set"
    case pauseEnded = "pause.ended"
    case signalRaised = "signal.raised"
    case bankAccountChanged = "bank-account.changed"
    case roleChanged = "role.changed"

    /// How a column of an answer is written.
    private enum Column {
        case text(String)
        case id(String)
        case day(String)
        case count(String)
        /// Two columns: minor units and currency.
        case money(String)
        case month(String)
        case approvalKind(String)
        case answer(String)
        case task(String)
        case role(String)
        case state(String)
        case purpose(String)
        case taxStatus(String)
        case flag(String)
    }

    /// The table whose rows are facts of this kind, and which of them are.
    private var source: (table: String, condition: String) {
        switch self {
        case .customerRegistered: ("customer", "")
        case .customerChanged: ("customer_version", "x.n > 1")
        case .contactChanged: ("contact_version", "")
        case .invoiceRegistered: ("invoice", "")
        case .invoiceReversed: ("credit", "x.kind = \(Credit.Kind.correction.rawValue)")
        case .invoiceStatusChanged: ("tax_invoice_event", "")
        case .dueDateChanged: ("item_event", "x.due_day IS NOT NULL")
        case .receiptRegistered: ("credit", "x.kind = \(Credit.Kind.receipt.rawValue)")
        case .creditNoteRegistered: ("credit", "x.kind = \(Credit.Kind.creditNote.rawValue)")
        case .receiptApplied: ("allocation", "x.reverses IS NULL")
        case .receiptUnapplied: ("allocation", "x.reverses IS NOT NULL")
        case .receiptReversed: ("reversal", "")
        case .approvalWanted: ("approval", "")
        case .approvalDecided: ("approval_decision", "")
        case .taskOpened: ("task", "")
        case .taskFinished: ("task_event", "x.kind = 1")
        case .reminderMade: ("reminder", "")
        case .reminderSent: ("reminder_event", "x.kind = \(ReminderEvent.sent.rawValue)")
        case .dayRun: ("day_run", "")
        case .periodChanged: ("period_event", "")
        case .pauseSet: ("pause", "")
        case .pauseEnded: ("pause_end", "")
        case .signalRaised: ("signal", "")
        case .bankAccountChanged: ("bank_account_version", "")
        case .roleChanged: ("role_grant", "")
        }
    }

    /// What is told of each fact: columns after its number, and the tables joined to `x`.
    private var content: (columns: [Column], names: String, joins: String) {
        switch self {
        case .customerRegistered, .customerChanged:
            let isVersion = self == .customerChanged
            return (
                [.text("code"), .text("name"), .text("salesOwner"), .text("collector")],
                "c.code, v.name, s.key, k.key",
                """
                \(isVersion
                    ? "JOIN customer_version v ON v.id = x.id JOIN customer c ON c.id = v.customer"
                    : "JOIN customer c ON c.id = x.id JOIN customer_version v ON v.customer = c.id AND v.n = 1") \
                LEFT JOIN person s ON s.id = v.sales_owner LEFT JOIN person k ON k.id = v.collector
                """
            )
        case .invoiceRegistered:
            return (
                [
                    .text("number"), .text("entity"), .text("customer"), .money("amount"), .day("issueDate"),
                    .day("dueDate"),
                ],
                """
                x.number, e.code, c.code, x.amount, x.currency, x.issue_day,
                (SELECT max(i.due_day) FROM item i WHERE i.invoice = x.id)
                """, "JOIN entity e ON e.id = x.entity JOIN customer c ON c.id = x.customer"
            )
        case .contactChanged:
            // How somebody is reached is asked for with a token that may.
            return (
                [.text("customer"), .purpose("purpose"), .count("version")], "c.code, x.purpose, x.n",
                "JOIN contact k ON k.id = x.contact JOIN customer c ON c.id = k.customer"
            )
        case .invoiceReversed:
            return (
                [
                    .text("number"), .text("entity"), .text("customer"), .money("amount"), .day("date"),
                    .text("reason"),
                ], "v.number, e.code, c.code, x.amount, x.currency, x.value_day, x.reason",
                """
                JOIN invoice v ON v.id = x.about_invoice JOIN entity e ON e.id = v.entity
                JOIN customer c ON c.id = v.customer
                """
            )
        case .invoiceStatusChanged:
            return (
                [.text("number"), .text("entity"), .text("customer"), .taxStatus("invoiceStatus"), .day("date")],
                "v.number, e.code, c.code, x.status, x.value_day",
                """
                JOIN invoice v ON v.id = x.invoice JOIN entity e ON e.id = v.entity
                JOIN customer c ON c.id = v.customer
                """
            )
        case .dueDateChanged:
            return (
                [.text("invoice"), .text("entity"), .count("instalment"), .day("dueDate"), .text("reason")],
                "v.number, e.code, i.n, x.due_day, x.reason",
                "JOIN item i ON i.id = x.item JOIN invoice v ON v.id = i.invoice JOIN entity e ON e.id = v.entity"
            )
        case .receiptRegistered, .creditNoteRegistered:
            return (
                [
                    .text("reference"), .text("bankAccount"), .text("entity"), .text("customer"), .money("amount"),
                    .day("date"),
                ], "x.reference, x.bank_account, e.code, c.code, x.amount, x.currency, x.value_day",
                "JOIN entity e ON e.id = x.entity LEFT JOIN customer c ON c.id = x.customer"
            )
        case .receiptApplied, .receiptUnapplied:
            return (
                [
                    .id("credit"), .text("reference"), .text("invoice"), .text("entity"), .text("customer"),
                    .count("instalment"), .money("amount"), .day("date"),
                ],
                """
                x.credit, k.reference, v.number, e.code, c.code, i.n, abs(x.item_amount), v.currency, x.value_day
                """,
                """
                JOIN credit k ON k.id = x.credit JOIN item i ON i.id = x.item JOIN invoice v ON v.id = i.invoice
                JOIN entity e ON e.id = v.entity JOIN customer c ON c.id = v.customer
                """
            )
        case .receiptReversed:
            return (
                [.id("credit"), .text("reference"), .money("amount"), .day("date"), .text("reason")],
                "x.fact, k.reference, x.amount, k.currency, x.value_day, x.reason", "JOIN credit k ON k.id = x.fact"
            )
        case .approvalWanted:
            return (
                [.id("id"), .approvalKind("kind"), .text("requestedBy"), .text("reason")],
                "x.id, x.kind, p.key, x.reason", "JOIN person p ON p.id = x.requested_by"
            )
        case .approvalDecided:
            return (
                [.id("id"), .approvalKind("kind"), .answer("answer"), .text("decidedBy"), .text("reason")],
                "a.id, a.kind, x.answer, p.key, x.reason",
                "JOIN approval a ON a.id = x.approval JOIN person p ON p.id = x.person"
            )
        case .taskOpened:
            return (
                [.id("id"), .task("kind"), .text("customer"), .text("assignee"), .role("role"), .day("dueDate")],
                "x.id, x.kind, c.code, p.key, x.role, x.due_day",
                "LEFT JOIN customer c ON c.id = x.customer LEFT JOIN person p ON p.id = x.assignee"
            )
        case .taskFinished:
            return (
                [.id("id"), .task("kind"), .text("customer"), .text("finishedBy"), .day("date")],
                "t.id, t.kind, c.code, p.key, x.value_day",
                """
                JOIN task t ON t.id = x.task LEFT JOIN customer c ON c.id = t.customer
                LEFT JOIN person p ON p.id = x.person
                """
            )
        case .reminderMade:
            return (
                [.id("id"), .text("customer"), .day("date"), .text("channel"), .state("state")],
                "x.id, c.code, x.day, x.channel, x.state", "JOIN customer c ON c.id = x.customer"
            )
        case .reminderSent:
            return (
                [.id("id"), .text("customer"), .day("date")], "r.id, c.code, x.value_day",
                "JOIN reminder r ON r.id = x.reminder JOIN customer c ON c.id = r.customer"
            )
        case .dayRun: return ([.day("date")], "x.day", "")
        case .periodChanged:
            return (
                [.text("entity"), .month("month"), .state("state")], "e.code, x.month, x.state",
                "JOIN entity e ON e.id = x.entity"
            )
        case .pauseSet:
            return (
                Self.paused + [.day("from"), .day("until"), .text("reason")],
                "\(Self.pausedNames), x.from_day, x.until_day, x.reason", Self.pausedJoins("x")
            )
        case .pauseEnded:
            return (
                Self.paused + [.day("date"), .text("reason")], "\(Self.pausedNames), x.value_day, x.reason",
                "JOIN pause p ON p.id = x.pause \(Self.pausedJoins("p"))"
            )
        case .signalRaised:
            return (
                [.text("customer"), .text("kind"), .count("severity"), .day("date")],
                "c.code, x.kind, x.severity, x.value_day", "JOIN customer c ON c.id = x.customer"
            )
        case .bankAccountChanged:
            return (
                [.text("entity"), .text("code"), .text("bank"), .flag("active")],
                "e.code, b.code, x.bank, x.is_active",
                "JOIN bank_account b ON b.id = x.bank_account JOIN entity e ON e.id = b.entity"
            )
        case .roleChanged:
            return (
                [.text("person"), .role("role"), .flag("granted")], "p.key, x.role, x.granted",
                "JOIN person p ON p.id = x.person"
            )
        }
    }

    /// What a pause is of: a customer, or one item and so its customer.
    private static let paused: [Column] = [.text("customer"), .text("invoice"), .count("instalment")]
    private static let pausedNames = "coalesce(c.code, d.code), v.number, i.n"

    private static func pausedJoins(_ pause: String) -> String {
        """
        LEFT JOIN customer c ON c.id = \(pause).customer LEFT JOIN item i ON i.id = \(pause).item
        LEFT JOIN invoice v ON v.id = i.invoice LEFT JOIN customer d ON d.id = v.customer
        """
    }

    /// Numbers of facts of this kind, in their order.
    func facts(after first: Int64, through last: Int64, limit: Int, _ session: any SQLSession) throws -> [Int64] {
        let (table, condition) = source
        return try session.rows(
            SQL(
                """
                SELECT x.id FROM \(table) x WHERE x.id > $1 AND x.id <= $2\(condition.isEmpty ? "" : " AND \(condition)")
                 ORDER BY x.id LIMIT $3
                """, [.integer(first), .integer(last), .integer(Int64(limit))])
        ).map { $0.integer(0) }
    }

    /// What is told of the facts in a range.
    func data(from first: Int64, through last: Int64, _ session: any SQLSession) throws -> [JSONValue] {
        let (table, condition) = source
        let (columns, names, joins) = content
        let rows = try session.rows(
            SQL(
                """
                SELECT x.id, \(names) FROM \(table) x \(joins)
                 WHERE x.id BETWEEN $1 AND $2\(condition.isEmpty ? "" : " AND \(condition)") ORDER BY x.id
                """, [.integer(first), .integer(last)]))
        return rows.map { row in
            var members: [JSONValue.Member] = [.init(name: "fact", value: .string("\(row.integer(0))"))]
            var position = 1
            for column in columns {
                members.append(self.member(column, row, &position))
            }
            return .object(members)
        }
    }

    private func member(_ column: Column, _ row: SQLRow, _ position: inout Int) -> JSONValue.Member {
        defer { position += 1 }
        let number = row.optionalInteger(position)
        func word(_ name: String, _ word: (Int64) -> String?) -> JSONValue.Member {
            .init(name: name, value: .optional(number.flatMap(word)))
        }
        switch column {
        case .text(let name): return .init(name: name, value: .optional(row.optionalText(position)))
        case .id(let name): return word(name) { "\($0)" }
        case .count(let name): return .init(name: name, value: number.map(JSONValue.integer) ?? .null)
        case .day(let name): return word(name) { "\(LocalDate(dayNumber: Int($0)))" }
        case .month(let name):
            return word(name) { String("\(PeriodRepository.firstDay(ofMonth: $0))".prefix(7)) }
        case .money(let name):
            let amount = number ?? 0
            position += 1
            guard let currency = Currency(row.text(position)) else { return .init(name: name, value: .null) }
            return .init(
                name: name,
                value: .object([
                    "amount": .string(Money(minorUnits: amount, currency: currency).decimal()),
                    "currency": .string(currency.code),
                ]))
        case .approvalKind(let name): return word(name) { Approval.Kind(rawValue: $0)?.name }
        case .answer(let name): return word(name) { Approval.Answer(rawValue: $0).map { "\($0)" } }
        case .task(let name): return word(name) { WorkTask.Kind(rawValue: $0)?.name }
        case .role(let name): return word(name) { Role(rawValue: $0)?.name }
        case .purpose(let name): return word(name) { Contact.Purpose(rawValue: $0)?.name }
        case .taxStatus(let name): return word(name) { Invoice.TaxStatus(rawValue: $0)?.name }
        case .flag(let name): return .init(name: name, value: number.map { .bool($0 == 1) } ?? .null)
        case .state(let name):
            if self == .periodChanged {
                return word(name) { $0 == 3 ? "closed" : $0 == 2 ? "soft_closed" : "open" }
            }
            return word(name) { ReminderState(rawValue: $0)?.name }
        }
    }
}
