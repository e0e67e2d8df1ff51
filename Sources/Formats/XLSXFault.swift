/// Why a workbook can't be read.
///
/// Parts are named as in the archive, for example `xl/worksheets/sheet1.xml`; lines of a part count from 1.
package enum XLSXFault: Error, Hashable, Sendable {
    /// Not an archive, or one that can't be unpacked; the reason is in the words of the library or the system.
    case damaged(reason: String)
    /// An archive without a workbook that has a worksheet: another kind of file, for example `.ods` or `.xlsb`.
    case noWorkbook
    /// The workbook has no worksheet of this name; `known` are those it has, at most a hundred.
    case sheetUnknown(name: String, known: [String])
    /// The archive asks for a password.
    case encrypted
    /// More bytes than a sensible workbook has, in a part or in one of its texts.
    case tooLarge(part: String, limit: Int)
    /// A part that grows so much on unpacking that it can only be meant to fill memory or disk.
    case archiveBomb(part: String)
    /// Not well-formed XML, or not what a workbook's part is made of.
    case malformed(part: String, line: Int)
    /// A document type or entity declaration, which no workbook has and which can fetch and multiply texts.
    case declaration(part: String, line: Int)
    /// Elements within elements, more than any workbook's part has.
    case tooDeep(part: String, limit: Int)
    case tooManyColumns(row: Int, limit: Int)
    case tooManyRows(limit: Int)
    /// A formula whose result isn't in the file, because no spreadsheet program has opened and saved it yet. Without
    /// its value the line would be read as if the cell were empty.
    case notCalculated(row: Int, column: Int)
}
