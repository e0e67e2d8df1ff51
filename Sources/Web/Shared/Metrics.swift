internal import Foundation

/// Counters for those who watch servers, in the text format of Prometheus.
final class Metrics: @unchecked Sendable {
    // Everything is guarded by `lock`.
    private let lock = NSLock()
    private var requests: [String: Int] = [:]
    private var buckets: [Int] = Array(repeating: 0, count: Metrics.bounds.count + 1)
    private var seconds = 0.0
    private var count = 0

    private static let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

    /// - Parameter route: The route's path with its places, never the address that was asked for.
    func note(route: String, status: Int, seconds: Double) {
        lock.withLock {
            requests["route=\"\(route)\",status=\"\(status)\"", default: 0] += 1
            let bucket = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
            buckets[bucket] += 1
            self.seconds += seconds
            count += 1
        }
    }

    /// - Parameter gauges: Further values by name.
    func text(_ gauges: [(name: String, help: String, value: Int64)]) -> String {
        lock.withLock {
            var lines = [
                "# HELP huikuan_requests_total Requests by route and status.", "# TYPE huikuan_requests_total counter",
            ]
            lines += requests.sorted { $0.key < $1.key }.map { "huikuan_requests_total{\($0.key)} \($0.value)" }
            lines += [
                "# HELP huikuan_request_seconds How long answers took.", "# TYPE huikuan_request_seconds histogram",
            ]
            var sum = 0
            for (bound, number) in zip(Self.bounds, buckets) {
                sum += number
                lines.append("huikuan_request_seconds_bucket{le=\"\(bound)\"} \(sum)")
            }
            lines.append("huikuan_request_seconds_bucket{le=\"+Inf\"} \(count)")
            lines += ["huikuan_request_seconds_sum \(seconds)", "huikuan_request_seconds_count \(count)"]
            for gauge in gauges {
                lines += [
                    "# HELP \(gauge.name) \(gauge.help)", "# TYPE \(gauge.name) gauge", "\(gauge.name) \(gauge.value)",
                ]
            }
            return lines.joined(separator: "\n") + "\n"
        }
    }
}
