internal import Foundation
package import Ledger
internal import NIOPosix
package import Operations
package import Receivables

/// Everything that the pages of one company share.
package final class Site: Sendable {
    let store: Store
    let company: CompanySettings
    let clock: @Sendable () -> Instant
    let assets: Assets
    let catalogues: [Catalogue.Language: Catalogue]
    let signIn: SignIn
    let metrics = Metrics()
    let uploads = Uploads()
    /// Shown once where the server was started, while nobody can sign in.
    let setUpToken: String?
    /// Shows the gallery of all elements.
    let isDevelopment: Bool
    /// The address that people know, such as `https://huikuan.example`; `nil` for what the browser asked for.
    package let publicAddress: String?
    /// Asked by whoever sends messages and runs days; `nil` where nothing of that runs.
    let routes: [Route]
    /// What programs can ask for.
    let operations: [Operation]
    let descriptions = Descriptions()
    let tokens: AccessTokens
    let rateLimits: RateLimits
    /// Where people sign in too; `nil` where they do here alone.
    let provider: Provider?
    /// How often an address may try tokens that don't work.
    let failureLimits = RateLimits(perSecond: 20, burst: 600)
    /// How often one person may ask for pages.
    let pageLimits: RateLimits
    /// Who needs a second factor, by their roles.
    private let secondFactorFor: Set<Role>
    private let providerLimits = RateLimits(perSecond: 1, burst: 60)
    private let refusedTokens = RateLimits(perSecond: 1, burst: 3)
    private let pool: NIOThreadPool

    /// - Parameters:
    ///   - clock: Time for sessions, links and commands.
    ///   - publicAddress: What links that leave the program begin with.
    ///   - requestsPerSecond: How often one token, or one person's browser, may ask; 0 limits nothing.
    ///   - pagesPerSecond: Another number for browsers; as often as a token, and 20 times at least, unless given.
    ///   - secondFactorFor: Roles with which people need a second factor, unless the company's own service signs them in.
    /// - Throws: `Refusal` `file.missing` when the program's resources aren't found.
    package init(
        _ store: Store, clock: @escaping @Sendable () -> Instant, publicAddress: String? = nil,
        isDevelopment: Bool = false, requestsPerSecond: Int = Site.usualRequestsPerSecond,
        provider: ProviderSettings? = nil, secondFactorFor: Set<Role> = [], pagesPerSecond: Int? = nil
    ) throws {
        self.store = store
        self.clock = clock
        self.publicAddress = publicAddress.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
        self.isDevelopment = isDevelopment
        company = try store.read { try CompanySettings.load(in: $0) }
        assets = try Assets()
        var catalogues: [Catalogue.Language: Catalogue] = [:]
        for language in Catalogue.Language.allCases { catalogues[language] = try Catalogue(language) }
        self.catalogues = catalogues
        signIn = SignIn(in: store, clock: clock)
        store.observeActs { [metrics] in metrics.note($0) }
        setUpToken = try AccountQueries.hasAny(in: store) ? nil : SetUpLink.make()
        routes = Routes.all(isDevelopment: isDevelopment)
        operations = APIOperations.all
        tokens = AccessTokens(in: store)
        self.provider = provider.map { Provider($0) }
        rateLimits = RateLimits(perSecond: requestsPerSecond, burst: 2 * requestsPerSecond)
        // Parts of pages count too, so that a person needs some in any case.
        let pages = pagesPerSecond ?? (requestsPerSecond == 0 ? 0 : max(requestsPerSecond, Self.fewestPagesPerSecond))
        pageLimits = RateLimits(perSecond: pages, burst: 2 * pages)
        self.secondFactorFor = secondFactorFor
        pool = NIOThreadPool(numberOfThreads: max(4, 2 * ProcessInfo.processInfo.activeProcessorCount))
        pool.start()
    }

    deinit { pool.shutdownGracefully { _ in } }

    /// The path of the page where the first person is registered; `nil` once there is one.
    package var setUpPath: String? { setUpToken.map { "/set-up/\($0)" } }

    func wording(_ language: Catalogue.Language) -> Wording {
        guard let catalogue = catalogues[language] else { preconditionFailure("every language has a catalogue") }
        return Wording(catalogue)
    }

    /// Runs what waits for the disk or counts for long on threads of its own.
    func work<Answer: Sendable>(_ body: @escaping @Sendable () throws -> Answer) async throws -> Answer {
        try await pool.runIfActive(body)
    }

    /// One program's share of the server, where nobody says otherwise.
    package static let usualRequestsPerSecond = 1_000
    private static let fewestPagesPerSecond = 20

    /// Somebody tried a token that doesn't work: said in the security log, but for a flood of them.
    func noteRefusedToken(from origin: SignIn.Origin) throws {
        guard refusedTokens.take("address:\(origin.network)").wait == nil else { return }
        try signIn.note("token-refused", "", from: origin, "")
    }

    /// Somebody asked for what their roles don't allow: said in the security log, but for a flood of them.
    ///
    /// - Parameter what: The permission, or `second-factor`.
    func noteDenied(_ viewer: Viewer, _ what: String, at route: String, from origin: SignIn.Origin) async {
        guard refusedTokens.take("denied:\(viewer.key)").wait == nil else { return }
        // A refusal is one, whether it could be noted or not.
        try? await work {
            try self.signIn.note("access-denied", viewer.key, from: origin, "\(what) \(route)")
        }
    }

    /// Whether somebody has to set a second factor before anything else; whoever comes by the company's own service has that
    /// one's.
    func needsSecondFactor(_ session: SignIn.Current) -> Bool {
        !session.isByProvider && !session.hasSecondFactor && !session.viewer.roles.isDisjoint(with: secondFactorFor)
    }

    /// Whether a token doesn't work until its holder has set a second factor.
    func needsSecondFactor(_ holder: AccessTokens.Holder) -> Bool {
        !holder.hasSecondFactor && !holder.viewer.roles.isDisjoint(with: secondFactorFor)
    }

    /// What the sign-in service's answers were refused for, as seldom as that.
    func noteProvider(_ kind: String, from origin: SignIn.Origin, _ detail: String) throws {
        guard refusedTokens.take("provider:\(origin.network)").wait == nil else { return }
        try signIn.note(kind, "", from: origin, detail)
    }

    /// Each sign-in at the service makes us ask it, for somebody whom nobody knows yet.
    ///
    /// - Throws: `Refusal` `request.too-many`.
    func needShare(ofProvider origin: SignIn.Origin) throws(Refusal) {
        if let wait = providerLimits.take("address:\(origin.network)").wait {
            throw Refusal(.requestTooMany, ["seconds": .count(wait)])
        }
    }

    func today(of now: Instant) -> LocalDate { company.day(of: now) }
}

/// The secret of the set-up page.
enum SetUpLink {
    static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<4).map { _ in
            let text = String(generator.next(), radix: 36)
            return String(repeating: "0", count: 13 - text.count) + text
        }.joined()
    }
}
