package import Ledger

extension DateFormat {
    /// Writes a day as `day(_:)` reads it.
    ///
    /// `M` and `d` are written without a leading zero. A year that `yy` can't say, being one of another century, is
    /// written with all of the day as `yyyy-MM-dd`, which nobody takes for the day of this century.
    package func text(of day: LocalDate) -> String {
        let output = XLSXOutput(capacity: 64)
        let (year, month, day) = day.parts
        append(year: year, month: month, day: day, to: output)
        return String(decoding: output.bytes, as: UTF8.self)
    }

    /// Writes a day of which nobody says that the calendar has it.
    func append(year: Int, month: Int, day: Int, to output: XLSXOutput) {
        let pattern = pattern.utf8
        var isAbbreviated = false
        let start = output.count
        var index = pattern.startIndex
        while index < pattern.endIndex {
            let byte = pattern[index]
            var width = 0
            while index < pattern.endIndex, pattern[index] == byte {
                width += 1
                index = pattern.index(after: index)
            }
            switch byte {
            case 121:
                isAbbreviated = width == 2
                output.append(isAbbreviated ? year % 100 : year, width: width)
            case 77: output.append(month, width: width)
            case 100: output.append(day, width: width)
            default: output.append(byte, times: width)
            }
        }
        if isAbbreviated, !(2000...2099).contains(year) {
            output.truncate(to: start)
            DateFormat.iso.append(year: year, month: month, day: day, to: output)
        }
    }
}
