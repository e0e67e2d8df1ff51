import Ledger

/// Turns what customers mean to pay into receipts and allocations, with all that goes wrong on the way.
struct Settlement {
    private let seed: UInt64
    private let first: LocalDate
    private let last: LocalDate
    private var generator: SeededGenerator

    init(seed: UInt64, from first: LocalDate, to last: LocalDate) {
        self.seed = seed
        self.first = first
        self.last = last
        generator = SeededGenerator(seed: seed, stream: .strangers)
    }

    /// - Precondition: The invoices of each customer stand together, in the order of the customers.
    mutating func settle(_ history: inout History) {
        var begin = 0
        var treasuries: [Int: [IntendedPayment]] = [:]
        for position in history.customers.indices {
            var end = begin
            while end < history.invoices.count, history.invoices[end].customer == position { end += 1 }
            var plan = PaymentPlan(
                customer: history.customers[position], from: first, to: last,
                generator: SeededGenerator(seed: seed, stream: .payments, index: position))
            plan.decide(begin..<end, &history)
            begin = end

            var generator = plan.generator
            var own = plan.payments
            if let treasury = treasury(of: position, history) {
                // The treasury pays most, but subsidiaries have accounts of their own.
                own = []
                for payment in plan.payments {
                    if generator.chance(perMille: 650) {
                        treasuries[treasury, default: []].append(payment)
                    } else {
                        own.append(payment)
                    }
                }
            }
            var payments = PayerSettlement(payer: position, paysForGroup: false, last: last, generator: generator)
            payments.settle(own, &history)
        }
        for (treasury, payments) in treasuries.sorted(by: { $0.key < $1.key }) {
            let generator = SeededGenerator(seed: seed, stream: .payments, index: history.customers.count + treasury)
            var settlement = PayerSettlement(payer: treasury, paysForGroup: true, last: last, generator: generator)
            settlement.settle(payments, &history)
        }
        receiveFromStrangers(&history)
    }

    private func treasury(of position: Int, _ history: History) -> Int? {
        if case .groupParent = history.customers[position].role { return position }
        return history.customers[position].parent
    }

    /// Money that has nothing to do with any invoice.
    private mutating func receiveFromStrangers(_ history: inout History) {
        for _ in 0..<(history.receipts.count / 220) {
            let day = first.adding(days: generator.number(from: 0, to: last.days(since: first))).workingDayOnOrAfter
            guard day <= last else { continue }
            let amount: Int64 = generator.pick([
                2_000_000, 5_000_000, 1_000_000, Int64(generator.number(in: 20_000...900_000)),
            ])
            history.receipts.append(
                Receipt(
                    customer: nil, payer: .stranger(CompanyNaming.stranger(using: &generator)), day: day,
                    amount: amount, currency: .yuan, bank: generator.pick([.bankOfChina, .merchantsBank]),
                    method: .transfer, firstAllocation: Int32(history.allocations.count), allocationCount: 0,
                    wording: UInt32(truncatingIfNeeded: generator.next())))
        }
    }
}
