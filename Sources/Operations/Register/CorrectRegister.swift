internal import Database
package import Ledger
package import Receivables

/// Corrections of the register: dated counter-entries with a reason; what was wrong stays visible.
package struct CorrectRegister: Sendable {
    private let store: Store
    private let request: ActRequest

    package init(in store: Store, _ request: ActRequest) {
        self.store = store
        self.request = request
    }

    /// Which credit is meant: its reference, and where that is not enough its bank account and legal entity.
    package struct CreditName: Sendable {
        package var reference: String
        package var bankAccount: String?
        package var entity: String?
        package var kind = Credit.Kind.receipt

        package init(
            _ reference: String, bankAccount: String? = nil, entity: String? = nil, kind: Credit.Kind = .receipt
        ) {
            self.reference = reference
            self.bankAccount = bankAccount
            self.entity = entity
            self.kind = kind
        }
    }

    /// Takes back the allocations of a receipt or credit note to an invoice, from a day on (un-apply, 反核销).
    ///
    /// - Throws: `Refusal` `receipt.unknown`, `invoice.unknown`, `allocation.unknown`, `allocation.reversed`,
    ///   `reversal.too-early`, `reversal.in-future`, `reason.missing`.
    package func unapply(
        _ name: CreditName, invoice: String, on day: LocalDate?, reason: String
    ) async throws -> Int64? {
        try await store.write(request) { books in
            try Self.need(reason)
            let entity = try books.entities.find(name.entity)
            let credit = try Self.find(name, entity, books)
            let target = try Self.find(invoice: invoice, entity, books)
            let items = Set(try books.invoices().items(of: target.id).map(\.id))
            let made = try books.credits().made(where: "a.credit", credit.id).filter { items.contains($0.item) }
            let title = Refusal.Parameter.text("\(name.reference) → \(invoice)")
            guard !made.isEmpty else { throw Refusal(.allocationUnknown, ["allocation": title]) }
            let live = made.filter { !$0.isReversed }
            guard !live.isEmpty else { throw Refusal(.allocationReversed, ["allocation": title]) }
            for allocation in live { try Self.reverse(allocation, on: day, reason, books) }
            return live.count
        }.act
    }

    /// Takes back all that one allocating act of the same actor did (undo, 撤销).
    ///
    /// - Returns: The receipt or credit note whose allocations they were; `nil` when the form was sent before.
    /// - Throws: `Refusal` `allocation.unknown` for an act that isn't the actor's own or allocated nothing,
    ///   `allocation.reversed`, `reason.missing`.
    package func undoAllocation(act: Int64, reason: String) async throws -> Int64? {
        let written = try await store.write(request) { [request] books -> Int64 in
            try Self.need(reason)
            let title = Refusal.Parameter.text("#\(act)")
            let row = try books.session.row(
                "SELECT actor, command, first_fact, fact_count FROM act WHERE seq = \(act)")
            guard let row, row.text(0) == request.actor.name, row.text(1) == Permission.allocate.rawValue else {
                throw Refusal(.allocationUnknown, ["allocation": title])
            }
            let (first, last) = (row.integer(2), row.integer(2) + row.integer(3) - 1)
            let credits = Set(
                try books.session.rows("SELECT credit FROM allocation WHERE id BETWEEN \(first) AND \(last)").map {
                    $0.integer(0)
                })
            guard let credit = credits.first else { throw Refusal(.allocationUnknown, ["allocation": title]) }
            let made = try credits.sorted().flatMap { try books.credits().made(where: "a.credit", $0) }.filter {
                (first...last).contains($0.id)
            }
            for allocation in made {
                let customer = try books.session.row(
                    "SELECT v.customer FROM item i JOIN invoice v ON v.id = i.invoice WHERE i.id = \(allocation.item)")
                guard let customer, try books.isInScope(customer: customer.integer(0)) else {
                    throw Refusal(.allocationUnknown, ["allocation": title])
                }
            }
            let live = made.filter { !$0.isReversed }
            guard !live.isEmpty else { throw Refusal(.allocationReversed, ["allocation": title]) }
            for allocation in live { try Self.reverse(allocation, on: nil, reason, books) }
            return credit
        }
        return written.outcome
    }

    /// Takes a receipt or credit note back: a returned transfer (dated its day) or a mistake (dated as itself).
    /// Its invoices are open again with their old due days.
    package func reverse(_ name: CreditName, on day: LocalDate?, reason: String) async throws -> Int64? {
        try await store.write(request) { books in
            try Self.need(reason)
            let entity = try books.entities.find(name.entity)
            let credit = try Self.find(name, entity, books)
            guard !credit.isReversed else { throw Refusal(.receiptReversed, ["receipt": .text(name.reference)]) }
            try Self.checkDay(day, notBefore: credit.valueDay, books)
            for made in try books.credits().made(where: "a.credit", credit.id) where !made.isReversed {
                try Self.reverse(made, on: day.map { max($0, made.valueDay) }, reason, books)
            }
            guard let free = try books.credits().find(id: credit.id) else { return 0 }
            // The money leaves not before it came, nor before the last allocation of it was taken back.
            let latest =
                try books.session.row(
                    "SELECT coalesce(max(posting_day), 0) FROM allocation WHERE credit = \(credit.id)")?.integer(0) ?? 0
            let valueDay = day ?? credit.valueDay
            let posted = try books.periods.postingDay(entity: entity, valueDay: valueDay)
            try books.credits().reverse(
                free, valueDay: valueDay, postingDay: max(posted, free.postingDay, LocalDate(dayNumber: Int(latest))),
                reason: reason)
            return 1
        }.act
    }

    /// Takes an invoice back that was registered by mistake; what was allocated to it is taken back before.
    package func reverseInvoice(
        _ number: String, entity code: String? = nil, on day: LocalDate?, reason: String
    ) async throws -> Int64? {
        try await store.write(request) { books in
            try Self.need(reason)
            let entity = try books.entities.find(code)
            let invoice = try Self.find(invoice: number, entity, books)
            try Self.checkDay(day, notBefore: invoice.valueDay, books)
            guard try !books.invoices().isTakenBack(invoice) else {
                throw Refusal(.invoiceReversed, ["invoice": .text(number)])
            }
            let items = try books.invoices().items(of: invoice.id)
            guard items.allSatisfy({ $0.open == $0.amount }) else {
                throw Refusal(.invoiceAllocated, ["invoice": .text(number)])
            }
            let valueDay = day ?? invoice.valueDay
            let posted = try books.periods.postingDay(entity: entity, valueDay: valueDay)
            let latest =
                try books.session.row(
                    """
                    SELECT coalesce(max(a.posting_day), 0) FROM allocation a JOIN item i ON i.id = a.item
                     WHERE i.invoice = \(invoice.id)
                    """)?.integer(0) ?? 0
            let postingDay = max(posted, invoice.postingDay, LocalDate(dayNumber: Int(latest)))
            let gross = Money(minorUnits: invoice.gross, currency: invoice.currency)
            var content = CreditRepository.Content(
                kind: .correction, reference: number, customer: invoice.customer, valueDay: valueDay,
                postingDay: postingDay, amount: gross, aboutInvoice: invoice.id, reason: reason)
            content.generation = invoice.generation
            var credit = try books.credits().register(content, entity: entity)
            try Allocating(books: books).allocate(
                gross, of: &credit, to: invoice, on: nil, source: .hand, reason: reason)
            return 1
        }.act
    }

    /// Notes the status of an invoice's tax invoice (发票状态), for example that the customer got it.
    ///
    /// - Throws: `Refusal` `invoice.unknown`, `invoice.same-status`, `reversal.in-future`.
    package func changeTaxStatus(
        invoice number: String, entity code: String? = nil, to status: Invoice.TaxStatus, on day: LocalDate?
    ) async throws -> Int64? {
        try await store.write(request) { books in
            let entity = try books.entities.find(code)
            let invoice = try Self.find(invoice: number, entity, books)
            try Self.checkDay(day, notBefore: LocalDate.earliestInBooks, books)
            guard try books.invoices().taxStatus(of: invoice.id) != status else {
                throw Refusal(.invoiceSameStatus, ["invoice": .text(number), "status": .text(status.name)])
            }
            try books.invoices().changeTaxStatus(of: invoice.id, to: status, on: day ?? books.today)
            return 1
        }.act
    }

    /// Changes an item's due day, with a reason; the original stays for indicators and limitation.
    package func changeDueDay(
        invoice number: String, entity code: String? = nil, instalment: Int, to due: LocalDate,
        from valueDay: LocalDate?, reason: String
    ) async throws -> Int64? {
        try await store.write(request) { books in
            try Self.need(reason)
            let entity = try books.entities.find(code)
            let invoice = try Self.find(invoice: number, entity, books)
            guard let item = try books.invoices().items(of: invoice.id).first(where: { $0.n == Int64(instalment) })
            else {
                throw Refusal(.itemUnknown, ["invoice": .text(number), "instalment": .count(instalment)])
            }
            guard try books.invoices().dueDay(of: item.id) != due else {
                throw Refusal(.dueDateSame, ["day": .day(due)])
            }
            try books.invoices().changeDueDay(of: item.id, to: due, valueDay: valueDay ?? books.today, reason: reason)
            return 1
        }.act
    }

    /// Closes, soft-closes or re-opens a month of the books.
    ///
    /// - Throws: `Refusal` `period.state` when it is so already, `period.order` when months before are open
    ///   (closing) or after are closed (opening).
    /// - Parameter withEarlier: Closes the open months before it too, in the same act.
    package func setPeriod(
        month: LocalDate, to state: PeriodState, withEarlier: Bool = false, reason: String?
    ) async throws -> Int64? {
        try await store.write(request) { books in
            let entity = try books.entities.find(nil)
            let number = PeriodRepository.month(month)
            let wanted = PeriodRepository.State(rawValue: state.rawValue) ?? .open
            let name = Refusal.Parameter.text(String("\(month)".prefix(7)))
            // A month that is typed wrongly mustn't stop all posting.
            guard wanted == .open || month.startOfMonth <= books.today else {
                throw Refusal(.periodFuture, ["month": name])
            }
            guard try books.periods.state(entity: entity, month: number) != wanted else {
                throw Refusal(.periodState, ["month": name])
            }
            let first = try books.session.row("SELECT min(posting_day) FROM transfer")?.optionalInteger(0)
            let firstMonth = first.map { PeriodRepository.month(LocalDate(dayNumber: Int($0))) } ?? number
            if wanted != .open, firstMonth < number {
                for earlier in firstMonth..<number
                where try books.periods.state(entity: entity, month: earlier) == .open {
                    guard withEarlier else { throw Refusal(.periodOrder, ["month": name]) }
                    try books.periods.append(entity: entity, month: earlier, wanted, reason: reason)
                }
            }
            if wanted == .open, try books.periods.state(entity: entity, month: number + 1) != .open {
                throw Refusal(.periodOrder, ["month": name])
            }
            try books.periods.append(entity: entity, month: number, wanted, reason: reason)
            return 1
        }.act
    }

    package enum PeriodState: Int64, Sendable { case open = 1, softClosed, closed }

    private static func need(_ reason: String) throws {
        guard !reason.isEmpty else { throw Refusal(.reasonMissing) }
    }

    static func find(invoice number: String, _ entity: Int64, _ books: Books) throws
        -> InvoiceRepository
        .Reference
    {
        guard let invoice = try books.invoices().find(entity: entity, number: number) else {
            throw Refusal(.invoiceUnknown, ["invoice": .text(number)])
        }
        guard try books.isInScope(customer: invoice.customer.rawValue) else {
            throw Refusal(.invoiceUnknown, ["invoice": .text(number)])
        }
        return invoice
    }

    static func find(_ name: CreditName, _ entity: Int64, _ books: Books) throws -> CreditRepository.State {
        // A correction belongs to its invoice, and is taken back with nothing.
        let isMoney = name.kind == .receipt || name.kind == .creditNote
        let found =
            isMoney
            ? try books.credits().find(entity: entity, kind: name.kind, reference: name.reference)
                .filter { credit in
                    guard name.bankAccount == nil || credit.bankAccount == name.bankAccount else { return false }
                    return try books.isInScope(customer: credit.customer?.rawValue)
                } : []
        let reference = Refusal.Parameter.text(name.reference)
        guard let first = found.first else {
            throw Refusal(name.kind == .creditNote ? .creditNoteUnknown : .receiptUnknown, ["receipt": reference])
        }
        guard found.count == 1 else {
            let accounts = found.map { "“\($0.bankAccount)”" }.joined(separator: ", ")
            throw Refusal(.receiptAmbiguous, ["receipt": reference, "accounts": .text(accounts)])
        }
        return first
    }

    private static func checkDay(_ day: LocalDate?, notBefore earliest: LocalDate, _ books: Books) throws {
        guard let day else { return }
        guard day >= earliest else {
            throw Refusal(.reversalTooEarly, ["day": .day(day), "earliest": .day(earliest)])
        }
        guard day <= books.today else {
            throw Refusal(.reversalInFuture, ["day": .day(day), "today": .day(books.today)])
        }
    }

    /// A counter-entry on the event's day, or on the original's for a mistake; never before the original.
    private static func reverse(
        _ made: CreditRepository.Made, on day: LocalDate?, _ reason: String, _ books: Books
    ) throws {
        try checkDay(day, notBefore: made.valueDay, books)
        let valueDay = day ?? made.valueDay
        let posted = try books.periods.postingDay(entity: made.entity, valueDay: valueDay)
        try books.credits().reverse(
            made, valueDay: valueDay, postingDay: max(posted, made.postingDay), reason: reason)
    }
}
