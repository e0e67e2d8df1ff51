package import Database
internal import Foundation
package import Ledger
package import Receivables

/// Creates a company's store: its settings, the legal entity `main`, account codes, the default policy
/// and the working-day calendar of its country, all in the first act.
package struct CreateCompany: Sendable {
    package let company: CompanySettings

    package init(_ company: CompanySettings) { self.company = company }

    package func run(
        path: String, in place: any StorePlace = FilePlace(), actor: Actor, now: Instant,
        clock: @escaping @Sendable () -> Instant, chance: (@Sendable (Int) -> [UInt8])? = nil
    ) async throws -> Store {
        guard try !place.exists(path) else { throw DatabaseFailure.exists(path: place.shown(path)) }
        let policy = try Resources.text("policy/default.yaml")
        let calendar = try? Resources.text("calendar/\(company.country).csv")
        let draft = try place.draft(of: path)
        defer { place.discard(draft) }
        let store = try Store.create(draft, in: place, clock: clock, chance: chance)
        try await fill(store, policy, actor, now)
        if let calendar {
            _ = try await FileImport(.calendar, .text(calendar)).run(
                in: store, actor: actor, source: "init", now: now, today: company.day(of: now))
        }
        try store.checkpoint()
        try store.close()
        try place.putInPlace(draft, as: path)
        return try Store.open(path: path, in: place, clock: clock, chance: chance)
    }

    private func fill(_ store: Store, _ policy: String, _ actor: Actor, _ now: Instant) async throws {
        let today = company.day(of: now)
        let content = try company.content
        let request = ActRequest(
            command: "init", actor: actor, source: "cli", input: Array(content.utf8), now: now, today: today)
        _ = try await store.write(request) { books in
            try books.settings.set("company", content)
            _ = try books.entities.append(
                code: Entity.mainCode, name: company.name, currency: company.currency, on: today)
            for account in AccountRole.allCases {
                let (code, name) = account.inChineseChart
                try books.facts.append(.accountCode) { row in
                    row.integer(account.rawValue)
                    row.integer(1)
                    row.integer(Int64(today.dayNumber))
                    row.text(code)
                    row.text(name)
                }
            }
            // The key by which equal identities are found; later it is never made again.
            try books.personal.createStoreKey()
            _ = try books.settings.appendPolicy(
                code: "default", content: policy, validFrom: LocalDate(dayNumber: 0))
            return ["company": company.name]
        }
    }
}

extension AccountRole {
    /// Code and name with which a company starts: leaf accounts of the Chinese enterprise chart (企业会计准则), and the
    /// two clearing accounts, which the general ledger empties, outside of it.
    var inChineseChart: (code: String, name: String) {
        switch self {
        case .receivable: ("112201", "应收账款—应收客户款")
        case .clearing: ("9901", "应收结转")
        case .bank: ("1002", "银行存款")
        case .unapplied: ("112202", "应收账款—待核销收款")
        case .suspense: ("224101", "其他应付款—待认领")
        case .advance: ("2203", "预收账款")
        case .exchangeClearing: ("9902", "往来结转")
        case .exchangeDifference: ("660302", "财务费用—汇兑损益")
        }
    }
}
