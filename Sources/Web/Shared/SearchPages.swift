internal import Ledger
internal import Operations
internal import Receivables

/// Search from everywhere: customers, invoices, receipts, contracts.
enum SearchPages {
    static let routes: [Route] = [Route(.get, "/search", .permission(.seeCustomers), search)]

    @Sendable private static func search(_ asking: Asking) async throws -> Reply {
        let text = asking.query["q"]
        let isSuggestion = asking.part == "suggest"
        let found = try await asking.look(.seeCustomers) { try $0.search(text, limit: isSuggestion ? 6 : 20) }
        let w = asking.w
        if isSuggestion { return .html(suggestions(found, asking)) }
        let parts = Parts(asking)
        let one = found.customers.count + found.items.count + found.receipts.count + found.contracts.count == 1
        if one, let customer = found.customers.first { return .redirect("/customers/\(URLText.encode(customer.code))") }
        if one, let item = found.items.first { return .redirect("/invoices/\(URLText.encode(item.number))") }
        return Layout(asking).page(
            w(.search), at: .none,
            """
            \(parts.head(w(.searchFor, ["text": .text(text)])))
            \(if: found.isEmpty, parts.empty(w(text.isEmpty ? .searchHint : .searchNothing)))
            \(if: !found.customers.isEmpty, "<section class=\"sec\"><h2>\(w(.navCustomers))</h2><ul class=\"check\">\(each: found.customers, { "<li data-row>\(Icon.people.html)<a href=\"/customers/\(URLText.encode($0.code))\" data-open>\($0.name) <span class=\"meta\">\($0.code)</span></a></li>" })</ul></section>")
            \(if: !found.items.isEmpty, "<section class=\"sec\"><h2>\(w(.navInvoices))</h2>\(ItemTable(asking: asking).table(Look.ItemPage(of: found.items), showsCustomer: true))</section>")
            \(if: !found.receipts.isEmpty, "<section class=\"sec\"><h2>\(w(.navReceipts))</h2><ul class=\"check\">\(each: found.receipts, { "<li data-row>\(Icon.bank.html)<div class=\"row\"><a href=\"/receipts/\($0.fact)\" data-open>\($0.reference) \($0.customerName ?? $0.payer ?? "")</a><span class=\"num\">\(w.amount($0.amount))</span></div></li>" })</ul></section>")
            \(if: !found.contracts.isEmpty, "<section class=\"sec\"><h2>\(w(.contracts))</h2><ul class=\"check\">\(each: found.contracts, { "<li data-row>\(Icon.file.html)<a href=\"/invoices?state=all&contract=\(URLText.encode($0))\" data-open>\($0)</a></li>" })</ul></section>")
            """)
    }

    private static func suggestions(_ found: Look.Found, _ asking: Asking) -> HTML {
        let w = asking.w
        var number = 0
        func option(_ address: String, _ text: String, _ note: String) -> HTML {
            number += 1
            return
                "<a role=\"option\" id=\"suggest-\(number)\" href=\"\(address)\"><span>\(text)</span><span class=\"meta\">\(note)</span></a>"
        }
        func group(_ title: Word, _ options: [HTML]) -> HTML {
            options.isEmpty ? .nothing : "<p class=\"part\" role=\"presentation\">\(w(title))</p>\(options.joined())"
        }
        return """
            <div class="suggest" id="suggest" role="listbox" aria-label="\(w(.search))">\(group(.navCustomers, found.customers.map { option("/customers/\(URLText.encode($0.code))", $0.name, $0.code) }))\
            \(group(.navInvoices, found.items.map { option("/invoices/\(URLText.encode($0.number))", $0.number, $0.customerName) }))\
            \(group(.navReceipts, found.receipts.map { option("/receipts/\($0.fact)", $0.reference, w.amount($0.amount)) }))\
            \(group(.contracts, found.contracts.map { option("/invoices?state=all&contract=\(URLText.encode($0))", $0, "") }))\
            \(if: found.isEmpty, "<p class=\"part\">\(w(.searchNothing))</p>")</div>
            """
    }
}
