internal import Database
internal import Foundation
package import Ledger
internal import OpenItems
package import Receivables

extension Look {
    package enum ReceiptState: String, CaseIterable, Sendable { case waiting, all }

    package struct ReceiptFilter: Sendable {
        package var state = ReceiptState.waiting
        package var customer: String?
        /// A part of the reference or payer.
        package var text = ""
        /// The fact that the page before ended with.
        package var before: Int64?
        package var limit = 50

        package init() {}
    }

    package struct ReceiptRow: Sendable {
        package let fact: Int64
        package let kind: Credit.Kind
        package let reference: String
        package let bankAccount: String
        package let entity: String
        package let day: LocalDate
        package let postingDay: LocalDate
        package let customer: String?
        package let customerName: String?
        package let payer: String?
        package let remittance: String?
        package let amount: Money
        package let unapplied: Money
        package let isReversed: Bool
    }

    package struct ReceiptPage: Sendable {
        package let rows: [ReceiptRow]
        package let next: Int64?
        /// What waits, of the whole scope.
        package let waiting: [(currency: Currency, count: Int, amount: Int128)]
    }

    /// Receipts and credit notes, newest first.
    package func receipts(_ filter: ReceiptFilter) throws -> ReceiptPage {
        var rows: [ReceiptRow] = []
        var cut: Int64?
        let before = filter.before ?? Int64.max
        let onlyWaiting = filter.state == .waiting
        if let code = filter.customer {
            let id = try customer(code)
            let facts = outlook.moneyFacts(ofDebtors: Set(outlook.debtorsOfCustomer[id] ?? [])).reversed()
                .filter { $0 < before }
            try take(&rows, facts, onlyWaiting, filter)
        } else {
            // Only what is shown is read, however many there are; what the scope hides is passed over.
            let atOnce = filter.text.isEmpty && viewer.seesAll ? min(250, filter.limit + 25) : 250
            var cursor = before
            var looked = 0
            while rows.count <= filter.limit, looked < max(5_000, 2 * filter.limit) {
                let facts = try session.rows(
                    onlyWaiting
                        ? """
                        SELECT b.credit FROM credit_balance b WHERE b.unapplied > 0 AND b.credit < \(cursor)
                         ORDER BY b.credit DESC LIMIT \(atOnce)
                        """
                        : "SELECT id FROM credit WHERE id < \(cursor) ORDER BY id DESC LIMIT \(atOnce)"
                ).map { $0.integer(0) }
                guard let last = facts.last else { break }
                try take(&rows, facts, onlyWaiting, filter)
                looked += facts.count
                cursor = last
                // Where looking is given up, the next page goes on from there.
                cut = facts.count < atOnce ? nil : last
            }
        }
        let shown = Array(rows.prefix(filter.limit))
        return ReceiptPage(
            rows: shown, next: rows.count > filter.limit ? shown.last?.fact : rows.count < filter.limit ? cut : nil,
            waiting: try waitingSums())
    }

    private func waitingSums() throws -> [(currency: Currency, count: Int, amount: Int128)] {
        let visible = visibleDebtors()
        var sums: [Currency: (count: Int, amount: Int128)] = [:]
        for (index, debtor) in outlook.items.debtors.enumerated() {
            guard outlook.aging.unapplied[index] != 0, visible?[index] ?? true else { continue }
            sums[debtor.currency, default: (0, 0)].amount += outlook.aging.unapplied[index]
            sums[debtor.currency, default: (0, 0)].count += 1
        }
        return sums.sorted { $0.key < $1.key }.map { ($0.key, $0.value.count, $0.value.amount) }
    }

    private func take(
        _ rows: inout [ReceiptRow], _ facts: some Sequence<Int64>, _ onlyWaiting: Bool, _ filter: ReceiptFilter
    ) throws {
        let text = filter.text.lowercased()
        var batch: [Int64] = []
        func flush() throws {
            for row in try receipts(facts: batch) {
                guard row.kind == .receipt || row.kind == .creditNote, !onlyWaiting || row.unapplied.isPositive,
                    text.isEmpty || row.reference.lowercased().contains(text)
                        || row.payer?.lowercased().contains(text) ?? false
                        || row.customerName?.lowercased().contains(text) ?? false
                else { continue }
                rows.append(row)
            }
            batch = []
        }
        for fact in facts {
            batch.append(fact)
            if batch.count == 250 { try flush() }
            if rows.count > filter.limit { return }
        }
        if !batch.isEmpty { try flush() }
    }

    /// Credits by their facts, in the order asked for, within the scope.
    func receipts(facts: [Int64]) throws -> [ReceiptRow] {
        var read: [SQLRow] = []
        try session.rows(
            about: facts.map { .integer($0) }, [],
            { places in
                """
                SELECT c.id, c.kind, c.reference, c.bank_account, e.code, c.value_day, c.posting_day, b.customer, c.payer,
                    p.subject, c.remittance, c.currency, c.amount, b.unapplied, b.reversed, p.ciphertext
                  FROM credit c JOIN credit_balance b ON b.credit = c.id JOIN entity e ON e.id = c.entity
                  LEFT JOIN personal p ON p.id = c.personal
                 WHERE c.id IN (\(places))
                """
            },
            visit: { row in if row.optionalInteger(7).map(sees) ?? viewer.seesAll { read.append(row) } })
        let personal = PersonalRepository(session: session, facts: nil)
        if session.looksAhead { try personal.lookAhead(Set(read.compactMap { $0.optionalInteger(9) })) }
        var found: [Int64: ReceiptRow] = [:]
        for row in read {
            guard let kind = Credit.Kind(rawValue: row.integer(1)), let currency = Currency(row.text(11)) else {
                continue
            }
            let entry = row.optionalInteger(7).flatMap { outlook.attributes[$0] }
            let hidden = try row.optionalInteger(9).flatMap { try personal.fields(subject: $0, row.blob(15)) }
            found[row.integer(0)] = ReceiptRow(
                fact: row.integer(0), kind: kind, reference: row.text(2), bankAccount: row.text(3),
                entity: row.text(4), day: LocalDate(dayNumber: Int(row.integer(5))),
                postingDay: LocalDate(dayNumber: Int(row.integer(6))), customer: entry?.code,
                customerName: entry?.name, payer: hidden?.first ?? row.optionalText(8),
                remittance: row.optionalText(10) ?? hidden.flatMap { $0.count > 2 ? $0[2] : nil },
                amount: Money(minorUnits: row.integer(12), currency: currency),
                unapplied: Money(minorUnits: row.integer(13), currency: currency), isReversed: row.integer(14) == 1)
        }
        return facts.compactMap { found[$0] }
    }

    /// A receipt with what it paid, and what it could pay.
    package struct ReceiptPicture: Sendable {
        package let row: ReceiptRow
        package let allocations: [AllocationRow]
        package let transfers: [TransferRow]
        package let registeredBy: String
        package let registeredAt: Instant
        package let act: Int64
        /// Whether the viewer registered it by hand, and so may not allocate it.
        package let isOwn: Bool
        package let proposals: [Proposal]
        /// Open items of the customer, and of their group, to choose from; the due ones first.
        package let candidates: [ItemRow]
    }

    /// Which items a receipt seems to pay, and why.
    package struct Proposal: Sendable {
        package enum Reason: String, Sendable {
            /// The numbers stand in the remittance text.
            case numbersNamed = "numbers-named"
            /// One open item has just this amount, or some that fall due one after the other have it together.
            case amountFits = "amount-fits"
            /// By law the one due first, unless the payer says something else (Civil Code, art. 560).
            case dueFirst = "due-first"
        }

        package let reason: Reason
        package let parts: [(item: ItemRow, amount: Int64)]
        /// Of the receipt, after the parts.
        package let left: Int64
    }

    /// - Parameter number: An invoice that stands first among the candidates, whoever owes it.
    /// - Throws: `Refusal` `receipt.unknown`, also for one outside of the scope.
    package func receipt(fact: Int64, and number: String = "") throws -> ReceiptPicture {
        guard let row = try receipts(facts: [fact]).first, row.kind == .receipt || row.kind == .creditNote else {
            throw Refusal(.receiptUnknown, ["receipt": .text("\(fact)")])
        }
        let allocations = try allocations(where: "a.credit", [fact])
        let act = try ActRepository(session: session).act(ofFact: fact)
        var candidates = try candidates(for: row)
        if !number.isEmpty, viewer.may(.seeInvoices) {
            // One that somebody names: another payer's, or one further down.
            let known = Set(candidates.map(\.fact))
            let named = try items(numbered: number, limit: 40).compactMap { outlook.position(ofFact: $0) }.filter {
                let debtor = outlook.items.debtors[Int(outlook.items.debtor(of: $0))]
                return outlook.open[$0] > 0 && debtor.currency == row.amount.currency && sees(debtor.customer)
            }
            candidates =
                try rows(of: named).filter {
                    $0.number == number && $0.entity == row.entity && !known.contains($0.fact)
                }
                + candidates
        }
        return ReceiptPicture(
            row: row, allocations: allocations, transfers: try transfers(of: [fact] + allocations.map(\.fact)),
            registeredBy: act.map { outlook.names.called($0.actor) } ?? "", registeredAt: act?.instant ?? instant,
            act: act?.seq ?? 0,
            isOwn: viewer.person != nil && act?.actor == viewer.key && act?.source != "import",
            proposals: proposals(row, candidates), candidates: candidates)
    }

    private func candidates(for row: ReceiptRow) throws -> [ItemRow] {
        guard let code = row.customer, row.unapplied.isPositive else { return [] }
        let id = try customer(code)
        let top = outlook.attributes.groupTop(of: id)
        var customers = [id]
        if outlook.attributes[id]?.group != nil || top != id {
            customers += outlook.attributes.byID.keys.filter {
                $0 != id && outlook.attributes.groupTop(of: $0) == top && sees($0)
            }
        }
        let debtors = customers.flatMap { outlook.debtorsOfCustomer[$0] ?? [] }.filter {
            outlook.items.debtors[Int($0)].currency == row.amount.currency
        }
        let positions = outlook.items.positions(ofDebtors: Set(debtors)).filter { outlook.open[$0] > 0 }
            .sorted { (outlook.due[$0], outlook.items.fact(at: $0)) < (outlook.due[$1], outlook.items.fact(at: $1)) }
        return try rows(of: Array(positions.prefix(200))).filter { $0.entity == row.entity }
    }

    private func proposals(_ row: ReceiptRow, _ items: [ItemRow]) -> [Proposal] {
        let money = row.unapplied.minorUnits
        guard money > 0, !items.isEmpty else { return [] }
        var proposals: [Proposal] = []
        func fill(_ chosen: [ItemRow], _ reason: Proposal.Reason) -> Proposal {
            var left = money
            var parts: [(ItemRow, Int64)] = []
            for item in chosen where left > 0 {
                let part = min(item.open, left)
                parts.append((item, part))
                left -= part
            }
            return Proposal(reason: reason, parts: parts, left: left)
        }
        let named = Self.named(items, in: row.remittance ?? "")
        if !named.isEmpty { proposals.append(fill(named, .numbersNamed)) }
        if let one = items.first(where: { $0.open == money }) {
            proposals.append(fill([one], .amountFits))
        } else {
            // Those due one after the other that together are just the amount.
            var sum: Int64 = 0
            var start = 0
            for end in items.indices {
                sum += items[end].open
                while sum > money, start < end {
                    sum -= items[start].open
                    start += 1
                }
                if sum == money, end > start {
                    proposals.append(fill(Array(items[start...end]), .amountFits))
                    break
                }
            }
        }
        proposals.append(fill(items, .dueFirst))
        var seen: Set<String> = []
        return proposals.filter { proposal in
            seen.insert(proposal.parts.map { "\($0.item.fact):\($0.amount)" }.joined(separator: ",")).inserted
        }
    }

    /// The items whose numbers a text names. Where it names some as a whole, ends that happen to agree mean nothing.
    package static func named(_ items: [ItemRow], in text: String) -> [ItemRow] {
        for asWhole in [true, false] {
            let found = items.filter { item in
                [item.number, item.taxNumber].compactMap { $0 }.contains { names($0, in: text, asWhole: asWhole) }
            }
            if !found.isEmpty { return found }
        }
        return []
    }

    /// Whether a text names a number: all of it; or else its end from the last sign that is no digit, four digits at
    /// least.
    private static func names(_ number: String, in text: String, asWhole: Bool) -> Bool {
        guard !text.isEmpty else { return false }
        if asWhole {
            if stands(number, in: text, alone: { $0.isLetter || $0.isNumber }) { return true }
            // Banks and payers leave dashes and spaces out.
            let bare = number.filter { $0.isLetter || $0.isNumber }
            return bare.count >= 6
                && text.filter { $0.isLetter || $0.isNumber }.uppercased().contains(bare.uppercased())
        }
        let digits = String(number.reversed().prefix { $0.isNumber }.reversed())
        guard digits.count >= 4 else { return false }
        return stands(digits, in: text) { $0.isNumber || "-/_".contains($0) }
    }

    /// Whether a text has a part that isn't a part of something longer.
    private static func stands(_ part: String, in text: String, alone isMore: (Character) -> Bool) -> Bool {
        var rest = Substring(text)
        while let range = rest.range(of: part) {
            let before = range.lowerBound == text.startIndex ? nil : text[text.index(before: range.lowerBound)]
            let after = range.upperBound == text.endIndex ? nil : text[range.upperBound]
            if !(before.map(isMore) ?? false), !(after.map(isMore) ?? false) { return true }
            rest = rest[range.upperBound...]
        }
        return false
    }
}
