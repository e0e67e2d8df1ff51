internal import Database
internal import Foundation
internal import Ledger

/// Through which day each bank account's receipts were brought in: the safe-to-send gate asks for it.
///
/// A file of receipts reaches through its newest day; an empty one says that nothing came up to the day it was
/// imported. `--through` says it outright.
enum BankCoverage {
    private static let setting = "bank-data"
    /// An account that brought nothing for so long is taken for closed.
    private static let forgottenAfterDays = 60

    static func note(account: String, through day: LocalDate, in books: Books) throws {
        var days = try read(books.session)
        guard days[account].map({ $0 < day.dayNumber }) ?? true else { return }
        days[account] = day.dayNumber
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        try books.settings.set(setting, String(decoding: try encoder.encode(days), as: UTF8.self))
    }

    /// The accounts known so far; the one without a name when there is none yet.
    static func accounts(in session: any SQLSession) throws -> [String] {
        let known = try read(session).keys.sorted()
        return known.isEmpty ? [""] : known
    }

    /// Whether all accounts in use reach through `oldest`.
    static func isCurrent(since oldest: LocalDate, in session: any SQLSession) throws -> Bool {
        let days = try read(session).values.filter { $0 > oldest.dayNumber - forgottenAfterDays }
        return !days.isEmpty && days.allSatisfy { $0 >= oldest.dayNumber }
    }

    /// The accounts in use with the day that their data reach through, the one furthest behind first.
    static func days(in session: any SQLSession) throws -> [(account: String, day: LocalDate)] {
        let known = try read(session)
        let newest = known.values.max() ?? 0
        return known.filter { $0.value > newest - forgottenAfterDays }.sorted {
            ($0.value, $0.key) < ($1.value, $1.key)
        }
        .map { ($0.key, LocalDate(dayNumber: $0.value)) }
    }

    private static func read(_ session: any SQLSession) throws -> [String: Int] {
        guard let content = try SettingRepository.content(setting, in: session) else { return [:] }
        if let days = try? JSONDecoder().decode([String: Int].self, from: Data(content.utf8)) { return days }
        // Stores of before accounts were told apart hold a single day.
        return LocalDate(content).map { ["": $0.dayNumber] } ?? [:]
    }
}
