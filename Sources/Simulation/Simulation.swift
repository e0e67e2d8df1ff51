/// Lives that are made up from a seed, lived by a real store, and compared with a plain oracle after each step.
///
/// One seed gives the same steps each time. A life that fails is made short: steps are left out as long as it fails.
package struct Simulation: Sendable {
    package let seed: UInt64
    package let steps: Int
    /// A PostgreSQL database; `nil` lives in files.
    package var server: String?
    /// Nothing goes wrong and nothing happens at once: the same seed gives the same bytes on every engine.
    package var isCalm = false
    /// Only these steps; `nil` for all.
    package var only: Set<Int>?
    /// Loses the n-th change of an open amount without a word, to see that it is found.
    package var losesChange: Int?

    package init(seed: UInt64, steps: Int) {
        self.seed = seed
        self.steps = steps
    }

    /// What was not as it must be, and the steps that lead there.
    package struct Failure: Error, Sendable {
        package let seed: UInt64
        package let step: Int
        package let text: String
        /// What was done, each step in a line, the last one being where it was found.
        package let story: [String]
        package let numbers: [Int]
    }

    /// How a life ended.
    package struct Ending: Sendable {
        /// The digest of the store.
        package let digest: String
        /// How often each kind of fault came.
        package let faults: [String: Int]
    }

    /// The kinds of faults that come.
    package static var faults: [String] { Fault.Kind.allCases.map(\.rawValue) }

    /// - Throws: `Failure`.
    @discardableResult
    package func run(onStep: ((String) -> Void)? = nil) async throws -> Ending {
        let life = try await Life(seed: seed, server: server, isCalm: isCalm, losesChange: losesChange)
        var story: [String] = []
        var numbers: [Int] = []
        var current = 0
        do {
            for step in Step.all(seed: seed, count: steps) where only?.contains(step.number) ?? true {
                current = step.number
                numbers.append(step.number)
                try await life.live(step) { words in
                    story.append("\(step.number). \(words)")
                    onStep?("\(step.number). \(words)")
                }
            }
            try life.verify()
            return Ending(digest: try life.digest(), faults: life.sprung)
        } catch let difference as Life.Difference {
            throw Failure(seed: seed, step: current, text: difference.text, story: story, numbers: numbers)
        } catch {
            throw Failure(seed: seed, step: current, text: "failed: \(error)", story: story, numbers: numbers)
        }
    }

    /// Leaves out steps of a life that fails, as long as it fails, and returns the shortest that was found.
    package func shrunk(_ failure: Failure) async -> Failure {
        var shortest = failure
        var size = max(1, shortest.numbers.count / 2)
        while true {
            var start = 0
            var isShorter = false
            while start < shortest.numbers.count {
                let left = shortest.numbers[..<start] + shortest.numbers[min(start + size, shortest.numbers.count)...]
                var shorter = self
                shorter.only = Set(left)
                do {
                    try await shorter.run()
                    start += size
                } catch {
                    guard let found = error as? Failure, found.numbers.count < shortest.numbers.count else {
                        start += size
                        continue
                    }
                    shortest = found
                    isShorter = true
                }
            }
            if size == 1, !isShorter { return shortest }
            size = max(1, size / 2)
        }
    }
}
