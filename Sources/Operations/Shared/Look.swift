internal import Database
internal import Foundation
package import Ledger
internal import OpenItems
package import Receivables

/// One look into the store by somebody: all its answers are of one act, within their data scope.
///
/// Pages ask nothing of the store but through a look, so that no list, export or drill-down can forget the scope.
package struct Look {
    let session: any SQLSession
    let outlook: Outlook
    let store: Store
    package let viewer: Viewer
    package let day: LocalDate

    /// The act that everything in this look is as of.
    package var act: Int64 { outlook.act }
    package var instant: Instant { outlook.instant }
    package var company: CompanySettings { outlook.company }

    /// Whether the viewer sees a customer; money of an unknown payer is seen by those who see everybody.
    func sees(_ customer: Int64) -> Bool {
        if viewer.seesAll { return true }
        let entry = outlook.attributes[customer]
        return viewer.sees(salesOwner: entry?.salesOwner, collector: entry?.collector)
    }

    /// By debtor index, whether the viewer sees it; `nil` for all.
    func visibleDebtors() -> [Bool]? {
        viewer.seesAll ? nil : outlook.items.debtors.map { sees($0.customer) }
    }

    /// The number of a customer in the scope.
    ///
    /// - Throws: `Refusal` `customer.unknown`, also for one outside of the scope.
    func customer(_ code: String) throws -> Int64 {
        guard let id = try session.row("SELECT id FROM customer WHERE code = \(code)")?.integer(0), sees(id) else {
            throw Refusal(.customerUnknown, ["customer": .text(code)])
        }
        return id
    }

    package func personName(_ id: Int64?) -> String? { outlook.names[id] }
}

extension Store {
    /// Opens a look for somebody and answers from it: one snapshot, one act.
    ///
    /// - Throws: `Refusal` `access.denied` when they may not see this at all.
    package func look<Answer>(
        as viewer: Viewer, for permission: Permission, on day: LocalDate, _ body: (Look) throws -> Answer
    ) throws -> Answer {
        try viewer.need(permission)
        return try read { session in
            try body(
                Look(
                    session: session, outlook: try outlooks.current(self, on: day, in: session), store: self,
                    viewer: viewer, day: day))
        }
    }
}

/// The least elements of a long list in order, without sorting the list.
struct TopList<Element> {
    private let limit: Int
    private let isBefore: (Element, Element) -> Bool
    /// At most twice as many as are wanted, in no order.
    private var elements: [Element] = []
    /// Everything wanted comes before this one.
    private var last: Element?

    init(_ limit: Int, _ isBefore: @escaping (Element, Element) -> Bool) {
        self.limit = limit
        self.isBefore = isBefore
    }

    mutating func add(_ element: Element) {
        if let last, !isBefore(element, last) { return }
        elements.append(element)
        if elements.count >= 2 * limit { prune() }
    }

    private mutating func prune() {
        elements.sort(by: isBefore)
        if elements.count > limit { elements.removeLast(elements.count - limit) }
        if elements.count == limit { last = elements.last }
    }

    func sorted() -> [Element] { Array(elements.sorted(by: isBefore).prefix(limit)) }
}
