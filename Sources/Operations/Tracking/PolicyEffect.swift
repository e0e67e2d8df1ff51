internal import Foundation
package import Ledger
internal import Receivables

/// What a day's run would do with another policy, beside what it would do with the present one; nothing is changed.
package struct PolicyEffect: Sendable {
    package let day: LocalDate
    package let rules: [(rule: String, before: Int, after: Int)]

    /// - Throws: `Refusal` for a policy that can't be read.
    package static func preview(
        _ text: String, on day: LocalDate, in store: Store, now: Instant, today: LocalDate
    ) async throws -> PolicyEffect {
        let before = try await rehearse(nil, day, store, now, today)
        let after = try await rehearse(text, day, store, now, today)
        let names = Set(before.rules.keys).union(after.rules.keys).sorted()
        return PolicyEffect(
            day: day,
            rules: names.map { ($0, before.rules[$0]?.created ?? 0, after.rules[$0]?.created ?? 0) })
    }

    private static func rehearse(
        _ text: String?, _ day: LocalDate, _ store: Store, _ now: Instant, _ today: LocalDate
    ) async throws -> DayReport {
        let running = RunDay(in: store, actor: .systemDay, source: "preview")
        if let text { try Policies.check(text) }
        return try await running.rehearse(day, now, today, policy: text).last ?? DayReport(day: day)
    }
}
