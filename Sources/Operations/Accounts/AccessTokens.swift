internal import Database
internal import Foundation
package import Ledger
internal import Receivables

/// The tokens that programs show: who holds them, and what they may.
///
/// What was found is remembered until anything changes that it depends on: a token, an account, a role, a data scope, a
/// deputy, somebody's manager. So a revoked token ends with the next request, and a request costs one question.
package final class AccessTokens: @unchecked Sendable {
    // `known` is guarded by `lock`.
    private let lock = NSLock()
    private var known: [[UInt8]: Known] = [:]
    private let store: Store

    package struct Holder: Sendable {
        package let viewer: Viewer
        /// The number of the token, never the token.
        package let token: Int64

        /// Of what needs no token.
        package static let nobody = Holder(viewer: .nobody, token: 0)
    }

    private struct Known {
        let stamp: [Int64]
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
            let stamp = try Self.stamp(session)
            if let known = lock.withLock({ known[digest] }), known.stamp == stamp, known.day == today {
                return known.expiresAt > now.microseconds ? known.holder : nil
            }
            guard let found = try find(digest, now, today, session) else { return nil }
            lock.withLock {
                if known.count >= Self.most { known.removeAll() }
                known[digest] = Known(
                    stamp: stamp, day: today, expiresAt: found.expiresAt, holder: found.holder)
            }
            return found.holder
        }
    }

    /// The last facts of all that decides what a token may.
    private static func stamp(_ session: any SQLSession) throws -> [Int64] {
        let row = try session.row(
            """
            SELECT (SELECT max(id) FROM access_token_end), (SELECT max(id) FROM account_event),
                (SELECT max(id) FROM role_grant), (SELECT max(id) FROM data_scope), (SELECT max(id) FROM delegation),
                (SELECT max(id) FROM delegation_end), (SELECT max(id) FROM person_version),
                (SELECT max(id) FROM approval_decision)
            """)
        return (0..<8).map { row?.optionalInteger($0) ?? 0 }
    }

    private func find(
        _ digest: [UInt8], _ now: Instant, _ today: LocalDate, _ session: any SQLSession
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
        return (Holder(viewer: viewer, token: token.id), token.expiresAt)
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
