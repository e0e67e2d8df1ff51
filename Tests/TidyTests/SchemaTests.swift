import Database
import Foundation
import TestSupport
import Testing

@testable import Operations

/// The schema is what the code says of it.
@Suite struct SchemaTests {
    @Test("Every table has a class, and every fact table the columns that its digest reads")
    func tablesAreKnown() async throws {
        let company = try await TestCompany()
        try company.store.read { session in
            let names = try session.rows(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
            let found = Set(names.map { $0.text(0) })
            #expect(found == Set(FactTable.all.map(\.name)).union(FactTable.otherTables.keys))
            for table in FactTable.all {
                let columns = try session.rows("SELECT name, type FROM pragma_table_info(\(table.name)) ORDER BY cid")
                #expect(columns.map { $0.text(0) } == ["id"] + table.columns.map(\.name), "\(table.name)")
                for (column, row) in zip(table.columns, columns.dropFirst()) {
                    let type = column.type == .integer ? "INTEGER" : column.type == .text ? "TEXT" : "BLOB"
                    #expect(row.text(1) == type, "\(table.name).\(column.name)")
                }
            }
        }
        #expect(Set(FactTable.all.map(\.kind)).count == FactTable.all.count)
    }

    @Test("Data definition keeps to the words that all engines share")
    func vocabularyIsShared() async throws {
        let company = try await TestCompany()
        try company.store.read { session in
            for row in try session.rows("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL")
            {
                let text = row.text(1)
                if row.text(0).hasPrefix("sqlite_") { continue }
                #expect(text.contains("STRICT"), "\(row.text(0))")
                for word in ["AUTOINCREMENT", "REAL", "BOOLEAN", "DATETIME", "JSON", "VARCHAR", "DEFERRABLE"] {
                    #expect(!text.uppercased().contains(word), "\(row.text(0)) says \(word)")
                }
            }
        }
    }

    @Test("Facts can't be changed or deleted, and an invoice, allocation or occasion can't be there twice")
    func schemaDefendsItself() async throws {
        let company = try await TestCompany()
        try await company.take(.customers, "code,name", "C1,Customer")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "I1,C1,2026-01-01,2026-01-31,100")
        try await company.take(.receipts, "reference,date,amount,customer", "R1,2026-02-01,100,C1")
        try await company.take(.allocations, "receipt,invoice,amount", "R1,I1,60")
        try await company.run(day: "2026-02-01")
        func refuses(_ text: String) async {
            await #expect(throws: (any Error).self, "\(text)") {
                _ = try await company.store.write(company.request("tamper")) { books in
                    try books.session.statement(text).run()
                    return 1
                }
            }
        }
        await refuses("UPDATE invoice SET amount = amount + 1")
        await refuses("DELETE FROM allocation")
        await refuses("UPDATE act SET actor = 'nobody'")
        await refuses(
            "INSERT INTO invoice SELECT id + 1000, entity, number, customer, issue_day, value_day, posting_day, recognised_day, accepted_day, delivered_day, currency, amount, net_amount, tax_amount, contract, milestone, product_line, sales_owner, tax_status FROM invoice"
        )
        await refuses(
            "INSERT INTO allocation SELECT id + 1000, credit, item, value_day, n, posting_day, credit_amount, item_amount, NULL, source, reason FROM allocation"
        )
        await refuses(
            "INSERT INTO occurrence SELECT id + 1000, rule, subject, occasion, episode, day, result, reason FROM occurrence"
        )
        await refuses(
            "INSERT INTO reminder SELECT id + 1000, customer, day, audience, recipient, channel, language, personal, template, state, held FROM reminder"
        )
        await refuses("UPDATE item_balance SET open = open - 4100")
        await refuses("UPDATE credit_balance SET unapplied = unapplied - 4100")
        #expect(try company.fault() == nil)
    }
}
