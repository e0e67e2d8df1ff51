package import Ledger

/// One line of a voucher (凭证): an account moved by a fact.
package struct VoucherLine: Sendable {
    package let day: LocalDate
    /// The number of the fact that posts, which is the voucher's number.
    package let entry: Int64
    package let act: Int64
    package let account: AccountRole
    /// The account's code in the company's chart.
    package let accountCode: String
    /// Its name there.
    package let accountName: String
    /// The legal entity's code.
    package let entity: String
    /// Positive is debit, negative credit.
    package let amount: Money
    /// The amount in the functional currency, signed like `amount`; `nil` while no rate is known.
    package let functional: Money?
    package let customer: String
    package let summary: String

    package init(
        day: LocalDate, entry: Int64, act: Int64, account: AccountRole, accountCode: String,
        accountName: String, entity: String, amount: Money,
        functional: Money?, customer: String, summary: String
    ) {
        self.day = day
        self.entry = entry
        self.act = act
        self.account = account
        self.accountCode = accountCode
        self.accountName = accountName
        self.entity = entity
        self.amount = amount
        self.functional = functional
        self.customer = customer
        self.summary = summary
    }
}

/// The journal as text that other programs read.
package enum JournalFormat: String, CaseIterable, Sendable {
    case hledger, beancount, csv, json

    /// What stands before the first entry.
    package func head(firstDay: LocalDate, currencies: [Currency]) -> String {
        switch self {
        case .hledger:
            return "decimal-mark .\n"
                + AccountRole.allCases.map { "account \(Self.account($0, separator: ":"))\n" }.joined()
                + currencies.map { currency in
                    let zeros = Money.zero(currency).decimal()
                    return "commodity 1\(zeros.dropFirst())\(currency.exponent == 0 ? "." : "") \(currency)\n"
                }.joined() + "\n"
        case .beancount:
            return "option \"title\" \"Huikuan\"\n"
                + AccountRole.allCases.map { "\(firstDay) open \(Self.account($0, separator: ":"))\n" }.joined() + "\n"
        case .csv:
            // Voucher columns that Kingdee and Yonyou can map: date, number, summary, account, debit, credit, currency, customer.
            return CSVText.line([
                "date", "voucher", "summary", "account_code", "account", "debit", "credit", "currency", "customer",
                "act", "functional_debit", "functional_credit", "functional_currency", "account_role", "entity",
            ])
        case .json: return "{\"items\":["
        }
    }

    /// What stands after the last entry.
    package var foot: String { self == .json ? "]}\n" : "" }

    /// The lines of one entry, which balance in each currency.
    package func entry(_ lines: [VoucherLine], isFirst: Bool) -> String {
        guard let first = lines.first else { return "" }
        switch self {
        case .hledger:
            let title = Self.oneLine("\(first.customer) | \(first.summary)").split(separator: ";").joined(
                separator: ",")
            return "\(first.day) * (\(first.entry)) \(title)\n"
                + lines.map {
                    "    \(Self.account($0.account, separator: ":"))  \($0.amount.decimal()) \($0.amount.currency)\n"
                }
                .joined() + "\n"
        case .beancount:
            let quoted = [first.customer, first.summary].map { text in
                "\""
                    + Self.oneLine(text).split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "'")
                    .split(separator: "\\", omittingEmptySubsequences: false).joined(separator: "/") + "\""
            }
            return "\(first.day) * \(quoted[0]) \(quoted[1])\n  fact: \"\(first.entry)\"\n"
                + lines.map {
                    "  \(Self.account($0.account, separator: ":"))  \($0.amount.decimal()) \($0.amount.currency)\n"
                }
                .joined() + "\n"
        case .csv:
            return lines.map { line in
                let (debit, credit) = Self.sides(line.amount)
                let (functionalDebit, functionalCredit) = Self.sides(line.functional)
                return CSVText.line([
                    "\(line.day)", "\(line.entry)", line.summary, line.accountCode, line.accountName, debit, credit,
                    line.amount.currency.code, line.customer, "\(line.act)", functionalDebit, functionalCredit,
                    line.functional?.currency.code ?? "", line.account.name, line.entity,
                ])
            }.joined()
        case .json:
            return lines.enumerated().map { index, line in
                (isFirst && index == 0 ? "" : ",")
                    + JSONValue.object([
                        "date": .string("\(line.day)"), "entry": .string("\(line.entry)"),
                        "act": .string("\(line.act)"),
                        "account": .string(line.account.name), "accountCode": .string(line.accountCode),
                        "accountName": .string(line.accountName), "entity": .string(line.entity),
                        "amount": Self.money(line.amount), "functional": line.functional.map(Self.money) ?? .null,
                        "customer": .string(line.customer), "summary": .string(line.summary),
                    ]).text
            }.joined()
        }
    }

    private static func money(_ money: Money) -> JSONValue {
        .object(["amount": .string(money.decimal()), "currency": .string(money.currency.code)])
    }

    /// An amount as debit or credit; neither when there is none.
    private static func sides(_ amount: Money?) -> (debit: String, credit: String) {
        guard let amount, !amount.isZero else { return ("", "") }
        return amount.minorUnits > 0 ? (amount.decimal(), "") : ("", (-amount).decimal())
    }

    /// Whether exchange differences, which exist in the functional currency alone, are written too.
    package var showsFunctionalAmounts: Bool { self == .csv || self == .json }

    /// The account's name in plain-text accounting, for example `Assets:Receivable`.
    static func account(_ role: AccountRole, separator: String) -> String {
        switch role {
        case .receivable: "Assets\(separator)Receivable"
        case .bank: "Assets\(separator)Bank"
        case .clearing: "Equity\(separator)Clearing"
        case .unapplied: "Liabilities\(separator)Unapplied"
        case .suspense: "Liabilities\(separator)Suspense"
        case .advance: "Liabilities\(separator)Advance"
        case .exchangeClearing: "Equity\(separator)ExchangeClearing"
        case .exchangeDifference: "Expenses\(separator)ExchangeDifference"
        }
    }

    private static func oneLine(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 })
    }
}
