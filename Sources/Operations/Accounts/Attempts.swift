internal import Database
internal import Foundation
internal import Ledger
internal import Receivables

/// Tries of a secret, counted before they are looked at: many at once are still many.
///
/// A series is forgotten after the time of a lock, and a lock is never made longer or shorter. While somebody waits nothing
/// is written: a stranger who goes on trying makes the store neither larger nor slower, and locks nobody else out.
struct Attempts: Sendable {
    /// Whose tries are counted together, and how many wrong ones in a row there may be.
    struct Subject: Sendable {
        let name: String
        let most: Int64

        init(_ name: String, most: Int64) {
            self.name = name
            self.most = most
        }
    }

    static let lockMinutes: Int64 = 15
    private static let minute: Int64 = 60_000_000

    private let store: Store

    init(in store: Store) { self.store = store }

    /// Counts one try for all the subjects, or none where one of them waits.
    ///
    /// - Parameter whenLocked: Called once for each lock, in the same transaction.
    /// - Returns: How many are left before one of them waits.
    /// - Throws: `Refusal` `sign-in.locked`.
    func count(
        _ subjects: [Subject], now: Instant, whenLocked: (any SQLSession) throws -> Void
    ) throws -> Int {
        if let wait = try store.read({ try Self.lockedUntil(subjects, now, $0) }) { throw Self.refusal(wait, now) }
        let result = try store.engine.write { transaction -> (left: Int64, lockedUntil: Int64?) in
            let session = transaction.session
            if let wait = try Self.lockedUntil(subjects, now, session) { return (0, wait) }
            try session.execute(
                "DELETE FROM sign_in_attempt WHERE last_at < \(now.microseconds - 24 * 60 * Self.minute)")
            var left = Int64.max
            for subject in subjects {
                let row = try session.row(
                    "SELECT failures, locked_until, last_at FROM sign_in_attempt WHERE subject = \(subject.name)")
                // After a lock that is over, and after a quiet time, it begins anew.
                let isFresh =
                    row.map { $0.integer(1) == 0 && now.microseconds - $0.integer(2) < Self.lockMinutes * Self.minute }
                    ?? false
                let failures = (isFresh ? row?.integer(0) ?? 0 : 0) + 1
                let locked = failures >= subject.most ? now.microseconds + Self.lockMinutes * Self.minute : 0
                try session.execute(
                    """
                    INSERT INTO sign_in_attempt (subject, failures, locked_until, last_at)
                    VALUES (\(subject.name), \(failures), \(locked), \(now.microseconds))
                    ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures,
                        locked_until = excluded.locked_until, last_at = excluded.last_at
                    """)
                left = min(left, subject.most - failures)
            }
            if left <= 0 { try whenLocked(session) }
            return (left, nil)
        }
        if let wait = result.lockedUntil { throw Self.refusal(wait, now) }
        return Int(result.left)
    }

    /// Whatever was wrong before, it was right now.
    static func forget(_ subject: Subject, _ session: any SQLSession) throws {
        try session.execute("DELETE FROM sign_in_attempt WHERE subject = \(subject.name)")
    }

    /// Takes one try back, and with it a lock that it set.
    static func takeBack(_ subject: Subject, _ session: any SQLSession) throws {
        try session.execute(
            """
            UPDATE sign_in_attempt SET failures = failures - 1, locked_until = 0
             WHERE subject = \(subject.name) AND failures > 0
            """)
    }

    private static func lockedUntil(
        _ subjects: [Subject], _ now: Instant, _ session: any SQLSession
    ) throws -> Int64? {
        try subjects.compactMap {
            try session.row("SELECT locked_until FROM sign_in_attempt WHERE subject = \($0.name)")?.integer(0)
        }.filter { $0 > now.microseconds }.max()
    }

    private static func refusal(_ until: Int64, _ now: Instant) -> Refusal {
        let wait = until - now.microseconds + minute - 1
        return Refusal(.signInLocked, ["minutes": .count(Int(wait / minute))])
    }
}
