internal import Foundation

/// A worksheet's cells as CSV (UTF-8, RFC 4180), so that a workbook is imported like any other file.
///
/// Row r of the sheet is line r of the CSV: a row that isn't there is an empty line, and a line break in a cell is a
/// space. Cells behind a row's last are left away, but a row with cells has as many fields as the heading, the first
/// row with cells after the lines that the mapping skips.
///
/// - A text or a formula's result comes as it is, also where it looks like a number or a day.
/// - A number comes as a plain decimal with the mapping's decimal mark, of fifteen significant digits at most; only a
///   whole number that is written out in the file, as a long account number may be, keeps all of its digits.
/// - A number that its style shows as a day comes as the day, without the time, in the mapping's pattern.
/// - A boolean comes as `TRUE` or `FALSE`, an error as its text, for example `#N/A`.
///
/// Hidden rows and columns are read like all others. The sheet streams through memory of a fixed size; only the shared
/// strings, of at most 256 MiB, are in memory as a whole.
///
/// Only Office Open XML (`.xlsx`, `.xlsm`) is read: the older `.xls` is no archive and not taken for a workbook at all;
/// `.ods` and `.xlsb` are archives and refused with `XLSXFault.noWorkbook`.
package final class XLSXBytes: ByteSource {
    private static let portion = 1 << 16
    /// Bytes that the CSV may have: a few cells far to the right make many separators of little markup.
    private static let largest = 2 << 30

    private let output = XLSXOutput(capacity: portion * 2)
    private let sheet: XLSXSheet
    /// Bytes of the output that were handed out.
    private var taken = 0
    private var written = 0
    private var isAtEnd = false
    private var fault: XLSXFault?

    /// Opens a workbook and reads all of it but the cells.
    ///
    /// - Parameters:
    ///   - name: The worksheet; `nil` is the first one that isn't hidden.
    ///   - mapping: How the import reads days and numbers, and where its heading is. Its separator is used, or a comma;
    ///     its encoding is not: what comes is UTF-8.
    package init(path: String, sheet name: String? = nil, mapping: ImportMapping) throws(ByteSourceFault) {
        // Tells missing files, folders and pipes apart, which the library doesn't.
        _ = try FileBytes(path: path)
        do throws(XLSXFault) {
            let archive = try XLSXArchive(path: path)
            let workbook = try XLSXWorkbook(archive)
            let name = try workbook.worksheet(name)
            let separator = mapping.separator ?? 44
            let text = XLSXText(separator: separator)
            let styles = try workbook.styles.map { part throws(XLSXFault) in try XLSXStyles(part, in: archive) }
            let strings = try workbook.sharedStrings.map { part throws(XLSXFault) in
                try XLSXSharedStrings(part, in: archive, text: text)
            }
            guard let part = try archive.part(name) else { throw .damaged(reason: "\(name): not in the archive") }
            sheet = XLSXSheet(
                try XLSXMarkup(part), strings: strings ?? XLSXSharedStrings(), styles: styles ?? XLSXStyles(),
                text: text, isFrom1904: workbook.isFrom1904, mapping: mapping, separator: separator, output: output)
        } catch {
            throw .spreadsheet(error)
        }
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(ByteSourceFault) -> Int {
        if let fault { throw .spreadsheet(fault) }
        if taken == output.count, !isAtEnd {
            output.removeAll()
            taken = 0
            do throws(XLSXFault) {
                isAtEnd = try !sheet.write(until: Self.portion)
                written += output.count
                guard written <= Self.largest else { throw XLSXFault.tooLarge(part: sheet.part, limit: Self.largest) }
            } catch {
                fault = error
                throw .spreadsheet(error)
            }
        }
        let part = output.bytes[taken...].prefix(buffer.count)
        buffer.copyBytes(from: part)
        taken += part.count
        return part.count
    }

    /// Whether a file is an archive, by its first bytes: no text file begins like one.
    package static func isXLSX(path: String) throws(ByteSourceFault) -> Bool {
        let file = try FileBytes(path: path)
        let start = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 1)
        defer { start.deallocate() }
        var count = 0
        while count < start.count {
            let more = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: start[count...]))
            if more == 0 { break }
            count += more
        }
        return start.prefix(count).elementsEqual([0x50, 0x4B, 3, 4])
    }
}
