package import Ledger

/// Who owes (客户). Its content changes by new versions; nothing of it is overwritten.
package enum Customer {
    package enum Kind: Int64, CaseIterable, Sendable {
        case stateOwned = 1, listed, privateCompany, startup, publicBody, foreign, individual

        /// The word in files and JSON.
        package var name: String {
            switch self {
            case .stateOwned: "soe"
            case .listed: "listed"
            case .privateCompany: "private"
            case .startup: "startup"
            case .publicBody: "public_body"
            case .foreign: "foreign"
            case .individual: "individual"
            }
        }
    }

    package enum Size: Int64, CaseIterable, Sendable {
        case large = 1, sme

        package var name: String { self == .large ? "large" : "sme" }
    }

    /// What is known of a customer from one version on.
    package struct Content: Hashable, Sendable {
        package var name: String
        /// As given; whether its check character is right is a data-quality question.
        package var uscc: String?
        package var industry: String?
        package var kind: Kind?
        package var size: Size?
        /// The parent (集团).
        package var group: ID<Customer>?
        package var salesOwner: ID<Person>?
        package var collector: ID<Person>?
        /// Default currency of the customer's invoices and receipts.
        package var currency: Currency?
        /// Days from the issue of an invoice to its due day, unless the invoice says otherwise.
        package var termsDays: Int?
        /// Language of messages: `zh-Hans` or `en`.
        package var language: String?

        package init(name: String) { self.name = name }
    }
}

/// A person at a customer, with a purpose (联系人).
package enum Contact {
    package enum Purpose: Int64, CaseIterable, Sendable {
        case payment = 1, billing, legal, management, project

        package var name: String { String(describing: self) }

        /// Reminders go to these, so that a change of one needs a second person: that is how payment fraud starts.
        package var getsPaymentMessages: Bool { self == .payment || self == .billing }
    }

    /// Personal data; stored encrypted under the customer's key.
    package struct Content: Hashable, Sendable {
        package var name: String
        package var title: String?
        package var email: String?
        package var phone: String?

        package init(name: String, title: String? = nil, email: String? = nil, phone: String? = nil) {
            self.name = name
            self.title = title
            self.email = email
            self.phone = phone
        }
    }
}
