import ArgumentParser
import Foundation
import Operations
import Receivables
import Web

/// Signing in at the company's own sign-in service (OpenID Connect).
struct ProviderOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A sign-in service (OpenID Connect): its issuer. HUIKUAN_OIDC_ISSUER unless given; the client's secret is in HUIKUAN_OIDC_SECRET.",
            valueName: "url"))
    var oidcIssuer: String?
    @Option(help: ArgumentHelp("The client's id there; HUIKUAN_OIDC_CLIENT unless given.", valueName: "id"))
    var oidcClient: String?
    @Option(help: ArgumentHelp("How the button calls the service.", valueName: "name")) var oidcName: String?
    @Option(
        help: ArgumentHelp(
            "Roles of a group at the service: ar-team=accountant,collector. Those who are in none lose the roles that groups give.",
            valueName: "group=roles"))
    var oidcRole: [String] = []
    @Option(help: ArgumentHelp("The claim that holds groups.", valueName: "claim")) var oidcGroups = "groups"
    @Flag(help: "The service gives e-mail addresses itself: take them without its word that they were confirmed.")
    var oidcTrustEmails = false

    func validate() throws { _ = try roles() }

    private func roles() throws -> [String: Set<Role>] {
        var roles: [String: Set<Role>] = [:]
        let given =
            oidcRole.isEmpty
            ? Surroundings["HUIKUAN_OIDC_ROLES"]?.split(separator: ";").map(String.init) ?? [] : oidcRole
        for entry in given {
            let parts = entry.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            let names =
                parts.count == 2 ? parts[1].split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } : []
            let found = names.compactMap(Role.named)
            guard parts.count == 2, !parts[0].isEmpty, !names.isEmpty, found.count == names.count else {
                throw ValidationError(
                    "--oidc-role is written group=roles; roles are \(Role.allCases.map(\.name).joined(separator: ", "))"
                )
            }
            roles[parts[0], default: []].formUnion(found)
        }
        return roles
    }

    /// `nil` where no service is named.
    func settings() throws -> ProviderSettings? {
        guard let issuer = oidcIssuer ?? Surroundings["HUIKUAN_OIDC_ISSUER"] else { return nil }
        return try ProviderSettings(
            issuer: issuer, client: oidcClient ?? Surroundings["HUIKUAN_OIDC_CLIENT"] ?? "",
            secret: Surroundings["HUIKUAN_OIDC_SECRET"],
            name: oidcName ?? Surroundings["HUIKUAN_OIDC_NAME"] ?? URL(string: issuer)?.host ?? issuer,
            groupsClaim: oidcGroups,
            rules: ExternalSignIn.Rules(roles: try roles(), trustsEmails: oidcTrustEmails))
    }
}
