internal import Foundation

/// How the writer of a store does: for those who watch servers.
package struct WriterFigures: Sendable {
    /// Upper bounds of the classes of latency, in seconds, each inclusive.
    package static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

    /// Commands that wait for their turn now.
    package var waiting = 0
    /// Commands by the time from coming to their answer; one more than `bounds`, for those that took longer.
    package var latencies = [Int](repeating: 0, count: bounds.count + 1)
    /// All commands that were answered, and how long they took together, in seconds.
    package var commands = 0
    package var seconds = 0.0
    /// Transactions that they were committed in.
    package var groups = 0
    package var acts = 0
    package var refused = 0

    mutating func note(_ seconds: Double) {
        latencies[Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count] += 1
        commands += 1
        self.seconds += seconds
    }
}

/// An act that has just become durable, for the log.
package struct CommittedAct: Sendable {
    package let number: Int64
    package let command: String
    /// The number of the request that it came with.
    package let trace: String?
}
