package import Ledger

/// One claim (应收单). Its tax invoice (发票) is another thing with a status of its own.
package enum Invoice {
    /// The state of the claim's tax invoice (发票状态): decides what can be chased.
    package enum TaxStatus: Int64, CaseIterable, Sendable {
        case notInvoiced = 1, requested, issued, delivered, booked, redLetterPending, redLettered

        /// The word in files and JSON.
        package var name: String {
            switch self {
            case .notInvoiced: "not_invoiced"
            case .requested: "requested"
            case .issued: "issued"
            case .delivered: "delivered"
            case .booked: "booked"
            case .redLetterPending: "red_letter_pending"
            case .redLettered: "red_lettered"
            }
        }

        /// Whether the customer has got the tax invoice, so that it may be reminded of it.
        package var hasReachedCustomer: Bool { self == .delivered || self == .booked }
    }

    /// Settlement status (结清状态), derived from facts and never typed.
    package enum Status: String, CaseIterable, Sendable {
        case open, partlyPaid = "partly_paid", paid, credited, cancelled

        /// - Parameters:
        ///   - gross: The invoice's amount in minor units.
        ///   - open: What is left of it.
        ///   - byReceipts: Allocated from receipts.
        ///   - byCredits: Allocated from credit notes and the like.
        ///   - byCorrection: Allocated from the correction that takes a wrong registration back.
        package init(gross: Int64, open: Int64, byReceipts: Int64, byCredits: Int64, byCorrection: Int64) {
            self =
                if open == gross { .open } else if open > 0 {
                    byReceipts > 0 ? .partlyPaid : .open
                } else if byCorrection > 0 { .cancelled } else if byReceipts == 0 { .credited } else { .paid }
        }
    }

    /// A part of an invoice that falls due on one day; an invoice without a schedule has one.
    package struct Instalment: Hashable, Sendable {
        package let dueDay: LocalDate
        /// In minor units of the invoice's currency; positive.
        package let amount: Int64

        package init(dueDay: LocalDate, amount: Int64) {
            self.dueDay = dueDay
            self.amount = amount
        }
    }

    /// Everything that a registration says about the claim, in minor units of `currency`.
    package struct Content: Hashable, Sendable {
        package var number: String
        package var customer: ID<Customer>
        package var issueDay: LocalDate
        package var valueDay: LocalDate
        package var postingDay: LocalDate
        /// The day the claim arose in the books; age (账龄) counts from it.
        package var recognisedDay: LocalDate
        package var acceptedDay: LocalDate?
        package var deliveredDay: LocalDate?
        package var currency: Currency
        package var gross: Int64
        package var net: Int64?
        package var tax: Int64?
        package var contract: String?
        package var milestone: String?
        package var productLine: String?
        package var salesOwner: ID<Person>?
        package var taxStatus: TaxStatus
        package var eInvoiceNumber: String?
        package var instalments: [Instalment]
        /// 2 and on for what is registered anew after it was taken back.
        package var generation: Int64 = 1

        package init(number: String, customer: ID<Customer>, issueDay: LocalDate, currency: Currency, gross: Int64) {
            self.number = number
            self.customer = customer
            self.issueDay = issueDay
            valueDay = issueDay
            postingDay = issueDay
            recognisedDay = issueDay
            self.currency = currency
            self.gross = gross
            taxStatus = .delivered
            instalments = []
        }
    }

    /// Completes net and tax from what is given, and checks that they add up to gross.
    ///
    /// - Throws: `Refusal` `invoice.net-tax-gross`.
    package static func netAndTax(
        gross: Money, net: Money?, tax: Money?
    ) throws(Refusal) -> (net: Money?, tax: Money?) {
        switch (net, tax) {
        case (nil, nil): return (nil, nil)
        case (let net?, nil) where net.minorUnits <= gross.minorUnits: return (net, gross - net)
        case (nil, let tax?) where tax.minorUnits <= gross.minorUnits: return (gross - tax, tax)
        case (_?, nil), (nil, _?):
            let nothing = Money.zero(gross.currency)
            throw Refusal(
                .invoiceNetTaxGross,
                ["net": .money(net ?? nothing), "tax": .money(tax ?? nothing), "gross": .money(gross)])
        case (let net?, let tax?):
            guard net + tax == gross else {
                throw Refusal(
                    .invoiceNetTaxGross, ["net": .money(net), "tax": .money(tax), "gross": .money(gross)])
            }
            return (net, tax)
        }
    }
}

/// One instalment of an invoice: the unit of aging, reminders, promises and allocation.
package enum Item {}

/// The company or a part of it that keeps books of its own. A new company has one, `main`.
package enum Entity {
    package static let mainCode = "main"
}
