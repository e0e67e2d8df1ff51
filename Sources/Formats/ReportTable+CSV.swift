internal import Ledger

extension ReportTable {
    /// Header and rows as CSV with a byte order mark, which Chinese spreadsheets need to read UTF-8. Totals are left out:
    /// whoever adds the rows up again must not count them twice.
    package var csv: String {
        let lines = [CSVText.line(columns.map(\.title))] + rows.map { CSVText.line($0.map(Self.plain)) }
        return "\u{FEFF}" + lines.joined()
    }

    private static func plain(_ cell: Cell) -> String {
        switch cell {
        case .text(let text): text
        case .amount(let amount, let exponent): Money.decimal(of: amount, exponent: exponent)
        case .count(let count): "\(count)"
        case .day(let day): "\(day)"
        case .empty: ""
        }
    }
}
