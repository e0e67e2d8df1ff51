internal import Foundation

/// How often somebody may ask: so many requests a second, and for a moment twice as many (token bucket).
///
/// Kept in memory, for each server alone: it keeps one program from taking the server from all others.
final class RateLimits: @unchecked Sendable {
    // Everything is guarded by `lock`.
    private let lock = NSLock()
    private var buckets: [String: Bucket] = [:]
    private let perSecond: Double
    private let burst: Double

    private struct Bucket {
        var left: Double
        var seen: ContinuousClock.Instant
    }

    /// - Parameter perSecond: 0 limits nothing.
    init(perSecond: Int, burst: Int) {
        self.perSecond = Double(perSecond)
        self.burst = Double(burst)
    }

    /// Takes one request of somebody's share.
    ///
    /// - Returns: What is left of it; and where nothing was, how many seconds to wait.
    func take(_ subject: String, now: ContinuousClock.Instant = .now) -> (left: Int, wait: Int?) {
        guard perSecond > 0 else { return (Int.max, nil) }
        return lock.withLock {
            if buckets.count > 20_000 { forget(now) }
            var bucket = buckets[subject] ?? Bucket(left: burst, seen: now)
            let passed = (now - bucket.seen).components
            let seconds = Double(passed.seconds) + Double(passed.attoseconds) / 1e18
            bucket.left = min(burst, bucket.left + seconds * perSecond)
            bucket.seen = now
            guard bucket.left >= 1 else {
                buckets[subject] = bucket
                return (0, max(1, Int(((1 - bucket.left) / perSecond).rounded(.up))))
            }
            bucket.left -= 1
            buckets[subject] = bucket
            return (Int(bucket.left), nil)
        }
    }

    /// Those whose share is full again are as if they had never been seen.
    private func forget(_ now: ContinuousClock.Instant) {
        let full = Duration.seconds(burst / perSecond)
        buckets = buckets.filter { now - $0.value.seen < full }
    }
}
