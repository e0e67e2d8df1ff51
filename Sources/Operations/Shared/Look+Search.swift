internal import Database
internal import Foundation
internal import Ledger
internal import OpenItems
internal import Receivables

extension Look {
    /// What a search found, at most a handful of each kind.
    package struct Found: Sendable {
        package let customers: [(code: String, name: String)]
        package let items: [ItemRow]
        package let receipts: [ReceiptRow]
        package let contracts: [String]

        package var isEmpty: Bool { customers.isEmpty && items.isEmpty && receipts.isEmpty && contracts.isEmpty }
    }

    /// Customers, invoices, receipts and contracts by any part of a number or name, and by pinyin initials.
    package func search(_ text: String, limit: Int = 6) throws -> Found {
        let wanted = String(text.trimmingCharacters(in: .whitespaces).prefix(80))
        guard !wanted.isEmpty else { return Found(customers: [], items: [], receipts: [], contracts: []) }
        let customers = outlook.directory.search(wanted, limit: limit, where: sees).compactMap { id in
            outlook.attributes[id].map { ($0.code, $0.name) }
        }
        var items: [ItemRow] = []
        var contracts: [String] = []
        if viewer.may(.seeInvoices) {
            let positions = try self.items(numbered: wanted, limit: limit * 3)
                .compactMap { outlook.position(ofFact: $0) }
                .filter { sees(outlook.items.debtors[Int(outlook.items.debtor(of: $0))].customer) }
            items = try rows(of: Array(positions.prefix(limit)))
            if viewer.seesAll {
                let folded = wanted.lowercased()
                for contract in outlook.items.contracts where contracts.count < limit && !contract.isEmpty {
                    if contract.lowercased().contains(folded) { contracts.append(contract) }
                }
            }
        }
        return Found(
            customers: customers, items: items,
            receipts: viewer.may(.seeReceipts) ? try receipts(referenced: wanted, limit: limit) : [],
            contracts: contracts)
    }

    private func receipts(referenced text: String, limit: Int) throws -> [ReceiptRow] {
        let end = text + "\u{10FFFF}"
        let facts = try session.rows(
            """
            SELECT id FROM credit WHERE entity IN (SELECT id FROM entity) AND kind IN (1, 2) AND reference >= \(text)
               AND reference < \(end) ORDER BY reference, id LIMIT \(limit * 2)
            """
        ).map { $0.integer(0) }
        return Array(try receipts(facts: facts).prefix(limit))
    }
}
