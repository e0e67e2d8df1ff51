import Foundation

/// Wall and processor time of a piece of work. Processor time compares on a busy machine, wall time doesn't.
struct Measure {
    let wall: Double
    let processor: Double

    static func take<Result>(_ body: () throws -> Result) rethrows -> (Measure, Result) {
        let before = (ContinuousClock.now, processorSeconds())
        let result = try body()
        return (since(before), result)
    }

    static func take<Result>(_ body: () async throws -> Result) async rethrows -> (Measure, Result) {
        let before = (ContinuousClock.now, processorSeconds())
        let result = try await body()
        return (since(before), result)
    }

    /// The quickest of several runs.
    static func best(of runs: Int, _ body: () throws -> Void) rethrows -> Measure {
        var best = Measure(wall: .infinity, processor: .infinity)
        for _ in 0..<runs {
            let (measure, _) = try take(body)
            if measure.wall < best.wall { best = measure }
        }
        return best
    }

    private static func since(_ before: (ContinuousClock.Instant, Double)) -> Measure {
        let parts = (ContinuousClock.now - before.0).components
        return Measure(
            wall: Double(parts.seconds) + Double(parts.attoseconds) / 1e18, processor: processorSeconds() - before.1)
    }

    private static func processorSeconds() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    /// The most memory this process ever held, in MiB.
    static var peakMemory: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss / 1024
    }
}

func report(_ name: String, _ text: String) {
    print(name.padding(toLength: 34, withPad: " ", startingAt: 0) + text)
}

func format(_ value: Double, _ decimals: Int = 2) -> String { String(format: "%.\(decimals)f", value) }
