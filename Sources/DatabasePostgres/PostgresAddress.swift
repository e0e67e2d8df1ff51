internal import Foundation

/// Where a company's store is on a server: `postgres://…/db?schema=huikuan`, one schema for each company.
package struct PostgresAddress: Hashable, Sendable {
    /// What libpq is asked for: the address without our own parameter.
    package let connection: String
    package let schema: String

    /// Whether a store's name is an address of this kind.
    package static func isOne(_ name: String) -> Bool {
        name.hasPrefix("postgres://") || name.hasPrefix("postgresql://")
    }

    /// - Returns: `nil` when the schema isn't a plain name: small letters, digits and `_`, 60 at most.
    package init?(_ name: String) {
        let parts = name.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var schema = "huikuan"
        var others: [Substring] = []
        for parameter in parts.count > 1 ? parts[1].split(separator: "&") : [] {
            if parameter.hasPrefix("schema=") {
                schema = String(parameter.dropFirst(7))
            } else {
                others.append(parameter)
            }
        }
        let isPlain = schema.utf8.allSatisfy { ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == 95 }
        guard isPlain, !schema.isEmpty, schema.utf8.count <= 60, schema.first.map({ !$0.isNumber }) ?? false else {
            return nil
        }
        self.schema = schema
        connection = String(parts[0]) + (others.isEmpty ? "" : "?" + others.joined(separator: "&"))
    }

    private init(connection: String, schema: String) {
        self.connection = connection
        self.schema = schema
    }

    /// Another schema of the same database.
    func with(schema: String) -> PostgresAddress { PostgresAddress(connection: connection, schema: schema) }

    /// Where commits to the schema are told.
    var channel: String { "hk_" + schema }

    /// The whole address, as it can be read again.
    package var name: String { connection + (connection.contains("?") ? "&" : "?") + "schema=" + schema }

    /// The address for messages: without a password.
    package var shown: String {
        let parts = name.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let others = (parts.count > 1 ? parts[1].split(separator: "&") : []).filter { parameter in
            !parameter.lowercased().hasPrefix("password=") && !parameter.lowercased().hasPrefix("sslpassword=")
        }
        let name = String(parts[0]) + "?" + others.joined(separator: "&")
        guard let at = name.firstIndex(of: "@"), let scheme = name.range(of: "://"), scheme.upperBound < at
        else { return name }
        let user = name[scheme.upperBound..<at].split(separator: ":").first ?? ""
        return String(name[..<scheme.upperBound] + user + name[at...])
    }
}
