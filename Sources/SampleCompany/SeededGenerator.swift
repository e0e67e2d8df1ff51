/// A repeatable source of chance (SplitMix64): one seed gives the same numbers on every machine.
///
/// The standard library's own `random(in:using:)` may change its algorithm between releases, so
/// ranges, choices and shuffles are done here as well.
struct SeededGenerator: Sendable {
    /// What the numbers are for. Streams of one seed are independent, so that a change in one part
    /// of the company's life leaves the other parts as they were.
    enum Stream: UInt64 {
        case cast = 1, contacts, orders, payments, strangers, numbering, staff
    }

    private var state: UInt64

    init(seed: UInt64, stream: Stream, index: Int = 0) {
        let place = stream.rawValue << 40 | UInt64(truncatingIfNeeded: index)
        state = Self.mixed(Self.mixed(seed &+ 0x9e37_79b9_7f4a_7c15) ^ (place &* 0xd6e8_feb8_6659_fd93))
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return Self.mixed(state)
    }

    /// A number of the range, each as likely as the others; its lower bound when the range was turned around.
    mutating func number(from low: Int, to high: Int) -> Int {
        guard low < high else { return low }
        return low + Int(next().multipliedFullWidth(by: UInt64(high - low + 1)).high)
    }

    mutating func number(in range: ClosedRange<Int>) -> Int {
        number(from: range.lowerBound, to: range.upperBound)
    }

    /// A number of the range, most often near its middle.
    mutating func middling(in range: ClosedRange<Int>) -> Int {
        let sum = number(in: range) + number(in: range) + number(in: range)
        return range.lowerBound + (sum - 3 * range.lowerBound) / 3
    }

    /// A number of the range, most often near its lower end.
    mutating func smallish(in range: ClosedRange<Int>) -> Int {
        let width = range.upperBound - range.lowerBound
        let share = number(from: 0, to: 1_000)
        return range.lowerBound + width * share / 1_000 * share / 1_000
    }

    mutating func chance(perMille: Int) -> Bool { number(from: 0, to: 999) < perMille }

    /// - Precondition: The list isn't empty.
    mutating func pick<Element>(_ list: [Element]) -> Element { list[number(from: 0, to: list.count - 1)] }

    mutating func shuffle<List: RandomAccessCollection & MutableCollection>(_ list: inout List)
    where List.Index == Int {
        var end = list.endIndex - 1
        while end > list.startIndex {
            list.swapAt(end, number(from: list.startIndex, to: end))
            end -= 1
        }
    }

    /// `count` decimal digits, the first one not 0.
    mutating func digits(_ count: Int) -> String {
        var bytes: [UInt8] = [UInt8(number(from: 49, to: 57))]
        while bytes.count < count { bytes.append(UInt8(number(from: 48, to: 57))) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func mixed(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
