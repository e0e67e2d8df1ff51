internal import Database
internal import Foundation
package import Ledger
internal import OpenItems
internal import Receivables

extension Look {
    package struct ReminderFilter: Sendable {
        /// `held`, `queued`, `sent`, … as they are called in answers; empty for all.
        package var state = ""
        /// A customer's code; empty for none that there is.
        package var customer: String?
        /// Days of the run that wrote them, inclusive.
        package var from: LocalDate?
        package var to: LocalDate?
        package var before: Int64?
        package var limit = 30

        package init() {}
    }

    package struct ReminderPage: Sendable {
        package let rows: [TrackingQueries.ReminderRow]
        package let next: Int64?
    }

    /// Reminders, newest first.
    ///
    /// - Throws: `Refusal` `customer.unknown`.
    package func reminders(_ filter: ReminderFilter) throws -> ReminderPage {
        if filter.customer == "" { return ReminderPage(rows: [], next: nil) }
        let wanted = try filter.customer.map { try customer($0) }
        let personal = PersonalRepository(session: session, facts: nil)
        let from = (filter.from ?? .earliestInBooks).dayNumber
        let to = (filter.to ?? .latestInBooks).dayNumber
        var rows: [TrackingQueries.ReminderRow] = []
        var cursor = filter.before ?? Int64.max
        var looked = 0
        while rows.count <= filter.limit, looked < max(6_000, filter.limit * 4) {
            let found = try session.rows(
                """
                SELECT r.id, r.day, r.customer, r.audience, r.state, r.held, r.personal,
                    (SELECT e.kind FROM reminder_event e WHERE e.reminder = r.id ORDER BY e.n DESC LIMIT 1)
                  FROM reminder r WHERE r.id < \(cursor) AND r.day BETWEEN \(from) AND \(to)\(raw: wanted.map { " AND r.customer = \($0)" } ?? "")
                 ORDER BY r.id DESC LIMIT 200
                """)
            for row in found where rows.count <= filter.limit {
                cursor = row.integer(0)
                guard sees(row.integer(2)) else { continue }
                let made = ReminderState(rawValue: row.integer(4)) ?? .queued
                let state = row.optionalInteger(7).flatMap(ReminderEvent.init)?.name ?? made.name
                guard filter.state.isEmpty || filter.state == state else { continue }
                let entry = outlook.attributes[row.integer(2)]
                let fields = try personal.fields(row.integer(6)) ?? ["", "", ""]
                rows.append(
                    TrackingQueries.ReminderRow(
                        id: row.integer(0), day: LocalDate(dayNumber: Int(row.integer(1))), customer: entry?.code ?? "",
                        customerName: entry?.name ?? "", audience: Audience(rawValue: row.integer(3)) ?? .customer,
                        recipient: fields[0], state: state, held: row.text(5).split(separator: ",").map(String.init),
                        items: try TrackingQueries.items(ofReminder: row.integer(0), session),
                        subject: fields.count > 1 ? fields[1] : "", text: fields.count > 2 ? fields[2] : ""))
            }
            looked += found.count
            if found.count < 200 { break }
        }
        let shown = Array(rows.prefix(filter.limit))
        // Where looking was given up, the next page goes on from there.
        let isCut = rows.count <= filter.limit && looked >= max(6_000, filter.limit * 4)
        return ReminderPage(rows: shown, next: rows.count > filter.limit ? shown.last?.id : isCut ? cursor : nil)
    }
}
