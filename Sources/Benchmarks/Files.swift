import Foundation
import Ledger

/// Exchange files of a company of any size: three years up to the end of 2025, a fifth of it still open.
struct Files {
    let folder: URL
    let invoices: Int

    /// A small seeded generator: equal files in every run.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
    }

    func path(_ kind: String) -> String { folder.appendingPathComponent("\(kind).csv").path }

    func write() throws {
        var random = Generator(state: 1)
        let customers = max(20, invoices / 50)
        guard let start = LocalDate("2023-01-01") else { return }
        var texts = [
            "customers": "code,name\n", "invoices": "number,customer,issue_date,due_date,amount,currency\n",
            "receipts": "reference,date,amount,currency,customer\n", "allocations": "receipt,invoice,amount,date\n",
        ]
        for number in 0..<customers { texts["customers"]?.append("C\(number),Customer \(number) Ltd\n") }
        let days = (0..<1500).map { "\(start.adding(days: $0))" }
        for number in 0..<invoices {
            let issued = number * 1096 / invoices
            let customer = Int.random(in: 0..<customers, using: &random)
            let due = issued + [0, 15, 30, 30, 30, 45, 60, 90][Int.random(in: 0..<8, using: &random)]
            let cents = Int.random(in: 1_000...5_000_000, using: &random)
            texts["invoices"]?.append("INV-\(number),C\(customer),\(days[issued]),\(days[due]),\(decimal(cents)),USD\n")
            let paid = min(issued + Int.random(in: 5...120, using: &random), 1_095)
            guard paid < 1_090, Int.random(in: 0..<100, using: &random) < 85 else { continue }
            let share = Int.random(in: 0..<10, using: &random) == 0 ? cents / 2 : cents
            texts["receipts"]?.append("R-\(number),\(days[paid]),\(decimal(share)),USD,C\(customer)\n")
            texts["allocations"]?.append("R-\(number),INV-\(number),\(decimal(share)),\(days[paid])\n")
        }
        for (kind, text) in texts { try Data(text.utf8).write(to: URL(fileURLWithPath: path(kind))) }
    }

    private func decimal(_ cents: Int) -> String { "\(cents / 100).\(cents % 100 < 10 ? "0" : "")\(cents % 100)" }
}
