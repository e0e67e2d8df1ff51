internal import Database
package import Ledger
internal import Receivables

/// Corrections of the register: dated counter-entries with a reason; what was wrong stays visible.
package struct CorrectRegister: Sendable {
    private let store: Store
    private let request: ActRequest

    package init(in store: Store, _ request: ActRequest) {
        self.store = store
        self.request = request
    }

    /// Takes back the allocations of a receipt to an invoice, from a day on (un-apply, 反核销).
    ///
    /// - Throws: `Refusal` `receipt.unknown`, `invoice.unknown`, `allocation.unknown`, `allocation.reversed`,
    ///   `reversal.too-early`, `reason.missing`.
    package func unapply(receipt: String, invoice: String, on day: LocalDate?, reason: String) async throws -> Int64? {
        try await store.write(request) { books in
            try Self.need(reason)
            let entity = try books.entities.find(nil)
            let credit = try Self.find(receipt, entity, books)
            guard let target = try books.invoices().find(entity: entity, number: invoice) else {
                throw Refusal(.invoiceUnknown, ["invoice": .text(invoice)])
            }
            let items = Set(try books.invoices().items(of: target.id).map(\.id))
            let made = try books.credits().made(where: "a.credit", credit.id).filter { items.contains($0.item) }
            let name = Refusal.Parameter.text("\(receipt) → \(invoice)")
            guard !made.isEmpty else { throw Refusal(.allocationUnknown, ["allocation": name]) }
            let live = made.filter { !$0.isReversed }
            guard !live.isEmpty else { throw Refusal(.allocationReversed, ["allocation": name]) }
            for allocation in live { try Self.reverse(allocation, on: day, reason, books) }
            return live.count
        }.act
    }

    /// Takes a receipt back: a returned transfer (dated its day) or a mistake (dated as the receipt).
    /// Its invoices are open again with their old due days.
    package func reverseReceipt(_ reference: String, on day: LocalDate?, reason: String) async throws -> Int64? {
        try await store.write(request) { books in
            try Self.need(reason)
            let entity = try books.entities.find(nil)
            let credit = try Self.find(reference, entity, books)
            guard !credit.isReversed else { throw Refusal(.receiptReversed, ["receipt": .text(reference)]) }
            try Self.checkDay(day, notBefore: credit.valueDay)
            for made in try books.credits().made(where: "a.credit", credit.id) where !made.isReversed {
                try Self.reverse(made, on: day.map { max($0, made.valueDay) }, reason, books)
            }
            guard let free = try books.credits().find(id: credit.id) else { return 0 }
            let latest =
                try books.session.row(
                    "SELECT coalesce(max(posting_day), 0) FROM allocation WHERE credit = \(credit.id)")?.integer(0) ?? 0
            // The money leaves not before the last allocation of it was taken back.
            let valueDay = max(day ?? credit.valueDay, LocalDate(dayNumber: Int(latest)))
            let postingDay = try books.periods.postingDay(entity: entity, valueDay: valueDay)
            try books.credits().reverse(free, valueDay: valueDay, postingDay: postingDay, reason: reason)
            return 1
        }.act
    }

    /// Takes an invoice back that was registered by mistake; what was allocated to it is taken back first.
    package func reverseInvoice(_ number: String, on day: LocalDate?, reason: String) async throws -> Int64? {
        try await store.write(request) { books in
            try Self.need(reason)
            let entity = try books.entities.find(nil)
            guard let invoice = try books.invoices().find(entity: entity, number: number) else {
                throw Refusal(.invoiceUnknown, ["invoice": .text(number)])
            }
            try Self.checkDay(day, notBefore: invoice.valueDay)
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
            var credit = try books.credits().register(
                CreditRepository.Content(
                    kind: .correction, reference: number, customer: invoice.customer, valueDay: valueDay,
                    postingDay: postingDay, amount: gross, aboutInvoice: invoice.id, reason: reason),
                entity: entity)
            try Allocating(books: books).allocate(
                gross, of: &credit, to: invoice, on: nil, n: 1, source: .hand, reason: reason)
            return 1
        }.act
    }

    /// Changes an item's due day, with a reason; the original stays for indicators and limitation.
    package func changeDueDay(
        invoice number: String, instalment: Int, to due: LocalDate, from valueDay: LocalDate?, reason: String
    ) async throws -> Int64? {
        try await store.write(request) { books in
            try Self.need(reason)
            let entity = try books.entities.find(nil)
            guard let invoice = try books.invoices().find(entity: entity, number: number) else {
                throw Refusal(.invoiceUnknown, ["invoice": .text(number)])
            }
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
    package func setPeriod(month: LocalDate, to state: PeriodState, reason: String?) async throws -> Int64? {
        try await store.write(request) { books in
            let entity = try books.entities.find(nil)
            let number = PeriodRepository.month(month)
            let wanted = PeriodRepository.State(rawValue: state.rawValue) ?? .open
            let name = Refusal.Parameter.text(String("\(month)".prefix(7)))
            guard try books.periods.state(entity: entity, month: number) != wanted else {
                throw Refusal(.periodState, ["month": name])
            }
            let first = try books.session.row("SELECT min(posting_day) FROM transfer")?.optionalInteger(0)
            let firstMonth = first.map { PeriodRepository.month(LocalDate(dayNumber: Int($0))) } ?? number
            if wanted != .open, firstMonth < number {
                for earlier in firstMonth..<number
                where try books.periods.state(entity: entity, month: earlier) == .open {
                    throw Refusal(.periodOrder, ["month": name])
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

    private static func find(_ reference: String, _ entity: Int64, _ books: Books) throws -> CreditRepository.State {
        let found = try books.credits().find(entity: entity, kind: .receipt, reference: reference)
        guard let first = found.first else { throw Refusal(.receiptUnknown, ["receipt": .text(reference)]) }
        guard found.count == 1 else {
            let accounts = found.map(\.bankAccount).joined(separator: ", ")
            throw Refusal(.receiptAmbiguous, ["receipt": .text(reference), "accounts": .text(accounts)])
        }
        return first
    }

    private static func checkDay(_ day: LocalDate?, notBefore earliest: LocalDate) throws {
        guard let day, day < earliest else { return }
        throw Refusal(.reversalTooEarly, ["day": .day(day), "earliest": .day(earliest)])
    }

    /// A counter-entry on the event's day, or on the original's for a mistake; never before the original.
    private static func reverse(
        _ made: CreditRepository.Made, on day: LocalDate?, _ reason: String, _ books: Books
    ) throws {
        try checkDay(day, notBefore: made.valueDay)
        let valueDay = day ?? made.valueDay
        let posted = try books.periods.postingDay(entity: made.entity, valueDay: valueDay)
        try books.credits().reverse(
            made, valueDay: valueDay, postingDay: max(posted, made.postingDay), reason: reason)
    }
}
