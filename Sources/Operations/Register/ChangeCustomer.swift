internal import Database
internal import Foundation
internal import Ledger
package import Receivables

/// One field of a form is refused.
package struct FieldRefused: Error, Sendable {
    /// As a customers file calls it.
    package let column: String
    package let refusal: Refusal
}

/// Changes what is registered of a customer: a new version, with the fields that are given.
///
/// Other than a file's line it can empty a field, and takes nobody for a new person: who misspells a colleague's name is
/// told so.
package struct ChangeCustomer: Sendable {
    private let store: Store
    private let request: ActRequest

    package init(in store: Store, _ request: ActRequest) {
        self.store = store
        self.request = request
    }

    /// - Parameters:
    ///   - fields: By the columns of a customers file; an empty one is cleared, one that isn't there stays.
    ///   - seen: The version that whoever changes it knows; `nil` where nobody looked.
    /// - Throws: `FieldRefused`; `Refusal` `customer.unknown`, `customer.changed`.
    package func run(_ code: String, _ fields: [String: String], seen: Int64? = nil) async throws -> Int64? {
        try await store.write(request) { books in
            guard let customer = try books.customers.find(code), let last = try books.customers.content(customer.id)
            else { throw Refusal(.customerUnknown, ["customer": .text(code)]) }
            try books.needInScope(customer: customer.id.rawValue, named: code)
            if let seen, seen != last.n { throw Refusal(.customerChanged, ["customer": .text(code)]) }
            var content = last.content
            for (column, value) in fields.sorted(by: { $0.key < $1.key }) {
                do {
                    try Self.set(
                        column, to: value.trimmingCharacters(in: .whitespacesAndNewlines), in: &content,
                        of: customer.id, code, books)
                } catch let refusal as Refusal {
                    throw FieldRefused(column: column, refusal: refusal)
                }
            }
            guard content != last.content || last.isIncomplete else { return last.n }
            try books.customers.appendVersion(
                of: customer.id, n: last.n + 1, content, on: books.today, isIncomplete: false)
            return last.n + 1
        }.act
    }

    private static func set(
        _ column: String, to value: String, in content: inout Customer.Content, of id: ID<Customer>, _ code: String,
        _ books: Books
    ) throws {
        func choice<Value>(_ all: [Value], _ name: (Value) -> String) throws -> Value? {
            if value.isEmpty { return nil }
            if let found = all.first(where: { name($0) == value }) { return found }
            throw Refusal(.valueNotAChoice, ["choices": .text(all.map(name).joined(separator: ", "))])
        }
        guard value.count <= 200 else { throw Refusal(.valueTooLong, ["limit": .count(200)]) }
        let text = value.isEmpty ? nil : value
        switch column {
        case "name":
            guard let text else { throw Refusal(.valueMissing, ["column": .text(column)]) }
            content.name = text
        case "uscc": content.uscc = text
        case "industry": content.industry = text
        case "kind": content.kind = try choice(Customer.Kind.allCases, \.name)
        case "size": content.size = try choice(Customer.Size.allCases, \.name)
        case "language": content.language = try choice(Catalogue.Language.allCases, \.rawValue)?.rawValue
        case "currency":
            let currency = text.flatMap { Currency($0) }
            guard text == nil || currency != nil else { throw Refusal(.valueUnknownCurrency) }
            content.currency = currency
        case "terms_days":
            let days = text.flatMap { Int($0) }
            guard text == nil || days.map({ (0...3650).contains($0) }) ?? false else {
                throw Refusal(.valueNotACount, ["limit": .count(3650)])
            }
            content.termsDays = days
        case "sales_owner": content.salesOwner = try text.map { try person($0, books) }
        case "collector": content.collector = try text.map { try person($0, books) }
        case "group":
            guard let text else {
                content.group = nil
                return
            }
            guard let parent = try books.customers.find(text)?.id, try books.isInScope(customer: parent.rawValue)
            else { throw Refusal(.customerUnknown, ["customer": .text(text)]) }
            guard text != code else { throw Refusal(.customerInOwnGroup, ["customer": .text(code)]) }
            guard try !books.customers.isAbove(id, parent) else {
                throw Refusal(.customerGroupCircle, ["customer": .text(code), "group": .text(text)])
            }
            content.group = parent
        default: throw Refusal(.columnUnknown, ["column": .text(column)])
        }
    }

    /// The person whose e-mail it is, or whose name nobody else has.
    private static func person(_ text: String, _ books: Books) throws -> ID<Person> {
        if let known = try books.people.find(text) { return known }
        let names = try PersonNames(books.session).all.filter { $0.name == text }
        guard names.count == 1, let person = try books.people.find(names[0].key) else {
            throw Refusal(.actorUnknown, ["person": .text(text)])
        }
        return person
    }
}
