package import Ledger

/// A finished report: headings, typed columns and rows, ready to be written as XLSX, PDF, CSV or text.
///
/// Texts are already in the reader's language; amounts and days are values, so that a
/// spreadsheet gets real numbers and dates.
package struct ReportTable: Sendable {
    package enum Kind: Hashable, Sendable { case text, amount, count, day }

    package struct Column: Sendable {
        package let title: String
        package let kind: Kind
        package init(_ title: String, _ kind: Kind) {
            self.title = title
            self.kind = kind
        }
    }

    package enum Cell: Hashable, Sendable {
        case text(String)
        /// `minorUnits` counted with `exponent` decimals (see `Money`).
        case amount(Int128, exponent: Int)
        case count(Int)
        case day(LocalDate)
        case empty
    }

    package var title: String
    /// Lines under the title: company, as-of and known-at, basis, filters.
    package var notes: [String]
    package var columns: [Column]
    package var rows: [[Cell]]
    /// Rows set apart at the end, for example one total per currency.
    package var totals: [[Cell]]
    /// Lines after the table: the report's proof.
    package var proof: [String]
    /// Stands at the foot of each printed page, before the page number.
    package var footer: String
    /// Name of the worksheet in XLSX (at most 31 characters are kept).
    package var sheetName: String

    package init(
        title: String, notes: [String] = [], columns: [Column], rows: [[Cell]], totals: [[Cell]] = [],
        proof: [String] = [], footer: String = "", sheetName: String = "Report"
    ) {
        self.title = title
        self.notes = notes
        self.columns = columns
        self.rows = rows
        self.totals = totals
        self.proof = proof
        self.footer = footer
        self.sheetName = sheetName
    }
}
