import Ledger

/// Gives contracts, invoices, credit notes and receipts the numbers of their days.
struct Numbering {
    private let first: LocalDate
    private let last: LocalDate
    private var generator: SeededGenerator

    init(seed: UInt64, from first: LocalDate, to last: LocalDate) {
        self.first = first
        self.last = last
        generator = SeededGenerator(seed: seed, stream: .numbering)
    }

    mutating func number(_ history: inout History) {
        numberContracts(&history.contracts)
        numberInvoices(&history.invoices)

        let notes = history.creditNotes
        for position in shuffledDays(notes.count, from: first, day: { notes[$0].day }) {
            history.creditNotes[position.index].sequence = position.sequence
        }
        let receipts = history.receipts
        // Between ours the banks number the payments of others.
        var sequence: Int32 = 0
        for position in shuffledDays(receipts.count, from: first, day: { receipts[$0].day }) {
            sequence = (position.sequence == 1 ? 0 : sequence) + Int32(generator.number(in: 1...9))
            history.receipts[position.index].sequence = sequence
        }
    }

    private mutating func numberContracts(_ contracts: inout [Contract]) {
        let signed = contracts.map(\.signed)
        let earliest = signed.min() ?? first
        var year = 0
        var sequence: Int32 = 0
        for position in shuffledDays(signed.count, from: earliest, day: { signed[$0] }) {
            if signed[position.index].year != year {
                // The first year of the history began before its first contract.
                sequence = year == 0 ? Int32(earliest.parts.month * 9) : 0
                year = signed[position.index].year
            }
            // Some numbers went to contracts that brought no invoice.
            sequence += Int32(generator.number(in: 1...2))
            contracts[position.index].sequence = sequence
        }
    }

    private mutating func numberInvoices(_ invoices: inout [Invoice]) {
        let issued = invoices.map(\.issued)
        var serial: Int64 = 1_482_060
        for position in shuffledDays(issued.count, from: first, day: { issued[$0] }) {
            serial += Int64(generator.number(in: 3...9_000))
            invoices[position.index].sequence = position.sequence
            invoices[position.index].electronicSerial = serial
        }
    }

    /// The positions in the order of their days, mixed within each day, with their place in it, from 1.
    private mutating func shuffledDays(
        _ count: Int, from first: LocalDate, day: (Int) -> LocalDate
    ) -> [(index: Int, sequence: Int32)] {
        var buckets = DayBuckets(count: count, from: first, to: last, day: day)
        buckets.shuffle(using: &generator)
        var numbered: [(index: Int, sequence: Int32)] = []
        numbered.reserveCapacity(count)
        var today: LocalDate?
        var sequence: Int32 = 0
        for position in buckets.positions {
            let its = day(Int(position))
            sequence = its == today ? sequence + 1 : 1
            today = its
            numbered.append((Int(position), sequence))
        }
        return numbered
    }
}
