internal import Foundation

/// Work that keeps a processor busy or waits for a disk, beside the few threads that all tasks share.
package enum Beside {
    package static func run<Answer: Sendable>(_ body: @escaping @Sendable () throws -> Answer) async throws -> Answer {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global(qos: .userInitiated).async { continuation.resume(with: Result(catching: body)) }
        }
    }
}
