package import Database
internal import Foundation

/// Stores as schemas on servers, named by addresses: `postgres://…/db?schema=huikuan`.
package struct PostgresPlace: StorePlace {
    package init() {}

    /// Whether a store's name is an address of a server.
    package static func holds(_ name: String) -> Bool { PostgresAddress.isOne(name) }

    package func shown(_ name: String) -> String {
        PostgresAddress(name)?.shown ?? String(name.prefix { $0 != ":" }) + "://…"
    }

    private func address(_ name: String) throws -> PostgresAddress {
        guard let address = PostgresAddress(name) else {
            throw DatabaseFailure.cannotOpen(
                path: shown(name), detail: "schema=… takes small letters, digits and _, 60 at most")
        }
        return address
    }

    package func exists(_ name: String) throws -> Bool {
        let address = try address(name)
        return try PostgresConnection(address).hasTables
    }

    package func open(_ name: String, onWait: (@Sendable (Int) -> Void)?) throws -> any DatabaseEngine {
        let address = try address(name)
        let connection = try PostgresConnection(address)
        guard try connection.hasTables else { throw DatabaseFailure.missing(path: address.shown) }
        return PostgresDatabase(address, connection, onWait: onWait)
    }

    package func draft(of name: String) throws -> String {
        let address = try address(name)
        let chance = UUID().uuidString.prefix(8).lowercased()
        return address.with(schema: "\(address.schema.prefix(47))_new_\(chance)").name
    }

    package func make(_ draft: String) throws -> any DatabaseEngine {
        let address = try address(draft)
        let connection = try PostgresConnection(address)
        try connection.run("CREATE SCHEMA \"\(address.schema)\"")
        return PostgresDatabase(address, connection, onWait: nil)
    }

    package func putInPlace(_ draft: String, as name: String) throws {
        let draft = try address(draft)
        let target = try address(name)
        let connection = try PostgresConnection(target)
        guard try !connection.hasTables else { throw DatabaseFailure.exists(path: target.shown) }
        do {
            // A schema that was prepared for us and has nothing in it gives way; one with anything in it refuses.
            try connection.run("BEGIN")
            try connection.run("DROP SCHEMA IF EXISTS \"\(target.schema)\" RESTRICT")
            try connection.run("ALTER SCHEMA \"\(draft.schema)\" RENAME TO \"\(target.schema)\"")
            try connection.run("COMMIT")
        } catch {
            try? connection.run("ROLLBACK")
            if try connection.hasTables { throw DatabaseFailure.exists(path: target.shown) }
            throw error
        }
    }

    package func discard(_ draft: String) {
        guard let address = PostgresAddress(draft), let connection = try? PostgresConnection(address) else { return }
        try? connection.run("DROP SCHEMA IF EXISTS \"\(address.schema)\" CASCADE")
    }
}
