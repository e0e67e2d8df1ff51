internal import Database
internal import Foundation
package import Ledger
internal import Receivables

/// The tokens that programs show: who holds them, and what they may.
///
/// What was found is remembered until anything changes that it depends on: a token, an account, a role, a data scope, a
/// deputy, somebody's manager. So a revoked token ends with the next request, and a request costs one question; a command
/// that proves itself (`Operation.provesItself`) costs none.
package final class AccessTokens: @unchecked Sendable {
    // `known` is guarded by `lock`.
    private let lock = NSLock()
    private var known: [[UInt8]: Known] = [:]
    private let store: Store

    package struct Holder: Sendable {
        package let viewer: Viewer
        /// The number of the token, never the token.
        package let token: Int64
        /// Whether the holder signs in with a second factor: of ours, or of the company's own service. A service account
        /// doesn't sign in.
        package let hasSecondFactor: Bool
        /// What this was found as of.
        let stamp: RightsStamp

        /// Of what needs no token.
        package static let nobody = Holder(viewer: .nobody, token: 0, hasSecondFactor: true, stamp: .none)
    }

    private struct Known {
        let day: LocalDate
        let expiresAt: Int64
        let holder: Holder
    }

    private static let most = 10_000

    package init(in store: Store) { self.store = store }

    /// Who holds a token, as of now; `nil` where it is unknown, expired, revoked or not approved yet, or its holder's
    /// account is closed.
    package func holder(of token: String, now: Instant, today: LocalDate) throws -> Holder? {
        guard token.hasPrefix("hk_"), token.utf8.count <= 200 else { return nil }
        let digest = Secret.digest(token)
        return try store.read { session in
            let stamp = try store.rights.stamp(session)
            if let known = lock.withLock({ known[digest] }), known.holder.stamp == stamp, known.day == today {
                return known.expiresAt > now.microseconds ? known.holder : nil
            }
            guard let found = try find(digest, now, today, stamp, session) else {
                _ = lock.withLock { known.removeValue(forKey: digest) }
                return nil
            }
            lock.withLock {
                if known.count >= Self.most { known.removeAll() }
                known[digest] = Known(day: today, expiresAt: found.expiresAt, holder: found.holder)
            }
            return found.holder
        }
    }

    /// Who held a token when it was last asked for, without asking; `nil` where that isn't known.
    ///
    /// It has to be proven before anybody is answered.
    package func believed(_ token: String, now: Instant, today: LocalDate) -> Holder? {
        guard token.utf8.count <= 200 else { return nil }
        let digest = Secret.digest(token)
        guard let known = lock.withLock({ known[digest] }), known.day == today, known.expiresAt > now.microseconds
        else { return nil }
        return known.holder
    }

    private func find(
        _ digest: [UInt8], _ now: Instant, _ today: LocalDate, _ stamp: RightsStamp, _ session: any SQLSession
    ) throws -> (holder: Holder, expiresAt: Int64)? {
        guard let token = try AccountRepository.token(digest, in: session), token.kind == .api, !token.isEnded,
            token.expiresAt > now.microseconds, try Self.isApproved(token.id, session),
            let person = try session.row(
                "SELECT p.key, p.id FROM account a JOIN person p ON p.id = a.person WHERE a.id = \(token.account)"),
            let account = try AccountRepository.account(of: person.integer(1), in: session), account.isActive
        else { return nil }
        let scopes = Set(token.scopes.split(separator: " ").compactMap { Permission(rawValue: String($0)) })
        let viewer = try Viewer.load(
            .person(key: person.text(0)), on: today, narrowedTo: scopes, in: session)
        let hasSecondFactor =
            try account.secondFactorFact != nil || viewer.key.hasPrefix(ServiceAccounts.prefix)
            || session.row("SELECT 1 FROM external_identity WHERE account = \(account.id) LIMIT 1") != nil
        return (
            Holder(viewer: viewer, token: token.id, hasSecondFactor: hasSecondFactor, stamp: stamp), token.expiresAt
        )
    }

    /// A service account's token works once a second person agreed to it.
    private static func isApproved(_ token: Int64, _ session: any SQLSession) throws -> Bool {
        let row = try session.row(
            """
            SELECT d.answer FROM approval a LEFT JOIN approval_decision d ON d.approval = a.id
             WHERE a.kind = \(Approval.Kind.serviceToken.rawValue) AND a.subject = \(token) ORDER BY a.id DESC LIMIT 1
            """)
        return row.map { $0.optionalInteger(0) == Approval.Answer.approved.rawValue } ?? true
    }
}
