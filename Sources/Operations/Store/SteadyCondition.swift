internal import Foundation

/// A lock with a condition that waits by a clock that nobody sets.
///
/// `NSCondition` waits until a time of day: set back meanwhile, it waits for as much longer.
final class SteadyCondition: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func withLock<Result>(_ body: () throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Wakes who waits. Under the lock, as are both waits.
    func signal() { pthread_cond_signal(condition) }

    func wait() { pthread_cond_wait(condition, mutex) }

    /// Waits until `end` at most.
    ///
    /// - Parameter end: What `deadline(in:)` gave.
    /// - Returns: Whether there is time left.
    func wait(until end: Deadline) -> Bool {
        var time = end.time
        return pthread_cond_timedwait(condition, mutex, &time) == 0
    }

    struct Deadline { fileprivate var time: timespec }

    /// - Parameter duration: Less than a second.
    static func deadline(in duration: Duration) -> Deadline {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        time.tv_nsec += Int(duration.components.attoseconds / 1_000_000_000)
        if time.tv_nsec >= 1_000_000_000 {
            time.tv_sec += 1
            time.tv_nsec -= 1_000_000_000
        }
        return Deadline(time: time)
    }
}
