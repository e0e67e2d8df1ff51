/// A repeatable source of chance (SplitMix64): one seed gives the same numbers on every machine.
struct Chance {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number of the range, each as likely as the others.
    mutating func number(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(next() % UInt64(range.count))
    }

    /// Whether something happens that happens once in so many times.
    mutating func oneIn(_ times: Int) -> Bool { number(1...times) == 1 }

    mutating func pick<Element>(_ list: [Element]) -> Element { list[number(0...list.count - 1)] }
}
