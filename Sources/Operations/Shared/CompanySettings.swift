package import Database
internal import Foundation
package import Ledger

/// What is known of the company itself.
package struct CompanySettings: Hashable, Sendable {
    /// What a store is for. Only a live one is believed; only the others accept another clock.
    package enum Kind: String, CaseIterable, Sendable { case live, sample, drill, test }

    package var name: String
    /// The functional currency, and the default of files.
    package var currency: Currency
    /// `zh-Hans` or `en`.
    package var language: String
    /// An identifier of the time zone database, for example `Asia/Shanghai`.
    package var timeZone: String
    package var country: String
    package var kind: Kind

    package init(name: String, currency: Currency, language: String, timeZone: String, country: String, kind: Kind) {
        self.name = name
        self.currency = currency
        self.language = language
        self.timeZone = timeZone
        self.country = country
        self.kind = kind
    }

    private struct Stored: Codable {
        let name, currency, language, timeZone, country, kind: String
    }

    var content: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            let stored = Stored(
                name: name, currency: currency.code, language: language, timeZone: timeZone, country: country,
                kind: kind.rawValue)
            return String(decoding: try encoder.encode(stored), as: UTF8.self)
        }
    }

    /// - Throws: `DatabaseFailure.corrupt` when the store has no company.
    package static func load(in session: any SQLSession) throws -> CompanySettings {
        guard let content = try SettingRepository.content("company", in: session),
            let stored = try? JSONDecoder().decode(Stored.self, from: Data(content.utf8)),
            let currency = Currency(stored.currency), let kind = Kind(rawValue: stored.kind)
        else { throw DatabaseFailure.corrupt(detail: "no company in the store") }
        return CompanySettings(
            name: stored.name, currency: currency, language: stored.language, timeZone: stored.timeZone,
            country: stored.country, kind: kind)
    }

    /// The calendar day of an instant in the company's time zone.
    package func day(of instant: Instant) -> LocalDate { local(instant).utcDay }

    /// Minutes since midnight in the company's time zone.
    package func minuteOfDay(of instant: Instant) -> Int {
        let day = Int64(86_400_000_000)
        let since = local(instant).microseconds % day
        return Int((since < 0 ? since + day : since) / 60_000_000)
    }

    /// The first instant of a day in the company's time zone.
    package func start(of day: LocalDate) -> Instant {
        Instant(microseconds: instant(before: day, minute: 0).microseconds + 1)
    }

    /// The last instant before a minute of a day (24 · 60 is its end) in the company's time zone.
    func instant(before day: LocalDate, minute: Int) -> Instant {
        let wall = Int64(day.dayNumber) * 86_400_000_000 + Int64(minute) * 60_000_000
        var found = Instant(microseconds: wall)
        // The zone's offset hangs on the instant that is looked for: the second look settles it.
        for _ in 0..<2 {
            found = Instant(microseconds: wall - (local(found).microseconds - found.microseconds))
        }
        return Instant(microseconds: found.microseconds - 1)
    }

    /// A day and time of the company's, with its zone, for people to read: `2026-06-01 12:00 (Asia/Shanghai)`.
    func shown(_ instant: Instant) -> String {
        let minute = minuteOfDay(of: instant)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(day(of: instant)) \(two(minute / 60)):\(two(minute % 60)) (\(timeZone))"
    }

    private func local(_ instant: Instant) -> Instant {
        let zone = TimeZone(identifier: timeZone) ?? .gmt
        let offset = zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant.microseconds) / 1e6))
        return Instant(microseconds: instant.microseconds + Int64(offset) * 1_000_000)
    }
}
