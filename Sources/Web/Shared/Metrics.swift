internal import Foundation
internal import Operations

/// Counters for those who watch servers, in the text format of Prometheus.
final class Metrics: @unchecked Sendable {
    // Everything is guarded by `lock`.
    private let lock = NSLock()
    private var requests: [String: Int] = [:]
    private var buckets: [Int] = Array(repeating: 0, count: Metrics.bounds.count + 1)
    private var seconds = 0.0
    private var count = 0

    // Acts of requests that aren't answered yet, by the request's number.
    private var acts: [String: [Int64]] = [:]

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

    /// Notes an act of a request, for the request's line in the log.
    func note(_ act: CommittedAct) {
        guard let trace = act.trace else { return }
        lock.withLock {
            // Whoever goes away before the answer leaves few behind; they mustn't become many.
            if acts.count > 10_000 { acts.removeAll() }
            acts[trace, default: []].append(act.number)
        }
    }

    /// The acts of a request that is answered now.
    func takeActs(of trace: String) -> [Int64] { lock.withLock { acts.removeValue(forKey: trace) ?? [] } }

    /// - Parameter gauges: Further values by name.
    func text(_ gauges: [(name: String, help: String, value: Int64)], _ writing: WriterFigures) -> String {
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
            lines += Self.lines(writing)
            for gauge in gauges {
                lines += [
                    "# HELP \(gauge.name) \(gauge.help)", "# TYPE \(gauge.name) gauge", "\(gauge.name) \(gauge.value)",
                ]
            }
            return lines.joined(separator: "\n") + "\n"
        }
    }
    private static func lines(_ writing: WriterFigures) -> [String] {
        var lines = [
            "# HELP huikuan_command_seconds Time from a command's coming to its durable answer.",
            "# TYPE huikuan_command_seconds histogram",
        ]
        var sum = 0
        for (bound, number) in zip(WriterFigures.bounds, writing.latencies) {
            sum += number
            lines.append("huikuan_command_seconds_bucket{le=\"\(bound)\"} \(sum)")
        }
        lines.append("huikuan_command_seconds_bucket{le=\"+Inf\"} \(writing.commands)")
        lines += [
            "huikuan_command_seconds_sum \(writing.seconds)", "huikuan_command_seconds_count \(writing.commands)",
        ]
        for (name, help, value) in [
            ("huikuan_acts_total", "Acts recorded since the start.", writing.acts),
            ("huikuan_commands_refused_total", "Commands refused since the start.", writing.refused),
            ("huikuan_commits_total", "Transactions that commands were committed in.", writing.groups),
        ] {
            lines += ["# HELP \(name) \(help)", "# TYPE \(name) counter", "\(name) \(value)"]
        }
        return lines
    }
}
