/// A number as a workbook writes it, of which at most fifteen significant digits count.
///
/// Spreadsheets show fifteen digits of the binary number they hold, and write seventeen, so that `0.3` may stand in the
/// file as `0.30000000000000004`. The digits are rounded as digits, half away from zero; no binary fraction is made.
struct XLSXNumber {
    private static let mostDigits = 15
    /// More zeros than a number that a spreadsheet can hold has before or behind its digits.
    private static let largestExponent = 400

    private var isNegative = false
    private var significand: UInt64 = 0
    /// The number is `significand` × 10 to this.
    private var exponent = 0
    private var significantDigits = 0
    private var hasFraction = false
    /// Whether the text is digits, with a point between digits at most, and a minus at most.
    private var isPlain = true

    /// Reads `-12.5`, `1E+3`, `.5`; `nil` for anything else.
    init?(_ text: UnsafeBufferPointer<UInt8>) {
        var index = 0
        if let sign = text.first, sign == 45 || sign == 43 {
            isNegative = sign == 45
            isPlain = isNegative
            index = 1
        }
        let whole = takeDigits(text, &index, isFraction: false)
        var fraction = 0
        if index < text.count, text[index] == 46 {
            index += 1
            hasFraction = true
            fraction = takeDigits(text, &index, isFraction: true)
        }
        guard whole + fraction > 0 else { return nil }
        isPlain = isPlain && whole > 0 && (fraction > 0) == hasFraction
        if index < text.count, text[index] | 32 == 101 {
            isPlain = false
            index += 1
            guard let power = Self.power(text, &index) else { return nil }
            exponent += power
        }
        guard index == text.count else { return nil }
        if significand == 0 { exponent = 0 }
        guard abs(exponent) <= Self.largestExponent || isPlain else { return nil }
        round()
    }

    /// Whether the text can stay as it is: a plain decimal that isn't longer than what counts. The digits of a long
    /// whole number, which may be that of an account, all count.
    var staysAsItIs: Bool { isPlain && (significantDigits <= Self.mostDigits || !hasFraction) }

    /// The day number, if it can be that of a day: the time of day is cut off.
    var day: Int? {
        guard !isNegative else { return nil }
        var value = significand
        guard exponent <= 7 else { return nil }
        guard exponent >= -19 else { return 0 }
        for _ in 0..<abs(exponent) {
            value = exponent > 0 ? value * 10 : value / 10
            // More than any day number, and little enough for another digit.
            guard value < 1_000_000_000_000_000_000 else { return nil }
        }
        return Int(value)
    }

    /// Writes the number without an exponent.
    func append(to output: XLSXOutput, decimalMark: UInt8) {
        let digits = String(significand)
        let count = digits.utf8.count
        if isNegative, significand > 0 { output.append(45) }
        if exponent >= 0 {
            output.append(digits)
            output.append(48, times: exponent)
            return
        }
        let whole = count + exponent
        if whole > 0 {
            output.append(digits.prefix(whole))
        } else {
            output.append(48)
        }
        output.append(decimalMark)
        output.append(48, times: -whole)
        output.append(digits.dropFirst(max(whole, 0)))
    }

    /// Takes one digit more than counts into the significand, for rounding, and the place of all others.
    @inline(__always)
    private mutating func takeDigits(_ text: UnsafeBufferPointer<UInt8>, _ index: inout Int, isFraction: Bool) -> Int {
        let start = index
        while index < text.count, case let digit = text[index] &- 48, digit < 10 {
            if significantDigits <= Self.mostDigits {
                significand = significand * 10 + UInt64(digit)
                if isFraction { exponent -= 1 }
            } else if !isFraction {
                exponent += 1
            }
            if significand > 0 { significantDigits += 1 }
            index += 1
        }
        return index - start
    }

    private static func power(_ text: UnsafeBufferPointer<UInt8>, _ index: inout Int) -> Int? {
        var isNegative = false
        if index < text.count, text[index] == 45 || text[index] == 43 {
            isNegative = text[index] == 45
            index += 1
        }
        let start = index
        var value = 0
        while index < text.count, case let digit = text[index] &- 48, digit < 10 {
            value = min(value * 10 + Int(digit), 1_000_000)
            index += 1
        }
        guard index > start else { return nil }
        return isNegative ? -value : value
    }

    private mutating func round() {
        if significantDigits > Self.mostDigits {
            significand = (significand + 5) / 10
            exponent += 1
        }
        while significand > 0, exponent < 0, significand % 10 == 0 {
            significand /= 10
            exponent += 1
        }
    }
}
