import Ledger

/// Words the text that a payer gives its bank to carry.
///
/// The wordings are those that cash application meets: full numbers, shortened ones, contracts,
/// months, or nothing that helps.
struct Remittance {
    let receipt: Receipt
    let history: History

    var text: String {
        switch receipt.payer {
        case .stranger: return choice(["投标保证金", "往来款", "误汇，请退回", "退款", "培训费", ""])
        case .thirdParty: return choice(["货款", "代付货款", "往来款", "转账", "", "代付设备款", "网银转账"])
        case .customer, .treasury: break
        }
        let invoices = invoices
        guard let invoice = invoices.first else { return "货款" }
        if receipt.currency.code != "CNY" { return foreign(invoices) }
        // Nobody can name an invoice that doesn't exist yet.
        if receipt.day < invoice.issued {
            return choice(["预付款", "设备预付款", "定金"]) + (contractNumber(of: invoice).map { " \($0)" } ?? "")
        }
        if receipt.method == .cheque { return "转账支票 \(30_000_000 + Int(receipt.wording % 9_000_000)) 货款" }
        if receipt.method == .cash { return "现金缴款单 货款" }
        if case .treasury = receipt.payer { return treasury(invoices) }
        return domestic(invoices)
    }

    private var invoices: [Invoice] {
        let begin = Int(receipt.firstAllocation)
        let allocations = history.allocations[begin..<(begin + Int(receipt.allocationCount))]
        return allocations.map { history.invoices[Int($0.invoice)] }
    }

    private func domestic(_ invoices: [Invoice]) -> String {
        let invoice = invoices[0]
        let purpose = purpose(of: invoice)
        let (year, month, _) = invoice.issued.parts
        switch receipt.wording % 100 {
        case 0..<22: return "\(purpose) \(numbers(invoices))"
        case 22..<34: return "支付\(numbers(invoices))发票款"
        case 34..<46:
            return contractNumber(of: invoice).map { "\($0) \(invoice.milestone.paymentName)" } ?? purpose
        case 46..<55: return "\(compact(invoice.number))\(purpose)"
        case 55..<62: return "发票尾号\(tails(invoices)) \(purpose)"
        case 62..<74: return choice([purpose, "货款", "往来款", "服务费", "设备款", "合同款"])
        case 74..<82: return "\(year)年\(month)月\(purpose)"
        case 82..<89:
            return invoice.electronicNumber.map { "数电发票\($0) \(purpose)" } ?? "\(purpose) \(invoice.number)"
        case 89..<95: return "网银跨行汇款 用途：\(purpose) \(numbers(invoices)) 请查收"
        default: return "付\(Seller.shortName)\(purpose)\(compact(invoice.number)) 经办：采购部"
        }
    }

    private func treasury(_ invoices: [Invoice]) -> String {
        var payees: [String] = []
        for invoice in invoices {
            let name = history.customers[Int(invoice.customer)].name.brand
            if !payees.contains(name) { payees.append(name) }
        }
        return switch receipt.wording % 3 {
        case 0: "资金池统付：\(payees.joined(separator: "、")) \(numbers(invoices))"
        case 1: "代\(payees.joined(separator: "、"))支付货款"
        default: "集团统一支付 \(numbers(invoices))"
        }
    }

    private func foreign(_ invoices: [Invoice]) -> String {
        let list = invoices.prefix(4).map(\.number).joined(separator: ", ")
        return switch receipt.wording % 5 {
        case 0: "/INV/\(list)"
        case 1: "PAYMENT OF INVOICE \(list)"
        case 2: "INV \(compact(invoices[0].number)) LESS BANK CHARGES"
        case 3: "/ROC/PO\(receipt.wording % 90_000 + 10_000)//INV \(list)"
        default: "GOODS \(contractNumber(of: invoices[0]) ?? list)"
        }
    }

    private func purpose(of invoice: Invoice) -> String {
        switch invoice.line {
        case .hardware: choice(["货款", "货款", "设备款", "网关采购款"])
        case .integration, .installation: choice(["项目款", "工程款", "货款", "合同款"])
        case .development: choice(["软件开发费", "技术服务费", "项目款"])
        case .subscription: choice(["平台服务费", "软件服务费", "云服务费"])
        case .maintenance: choice(["运维费", "技术服务费", "服务费"])
        }
    }

    private func contractNumber(of invoice: Invoice) -> String? {
        invoice.contract.map { history.contracts[Int($0)].number }
    }

    /// Up to three numbers in full, the others only counted.
    private func numbers(_ invoices: [Invoice]) -> String {
        let named = invoices.prefix(3).map(\.number).joined(separator: "、")
        return invoices.count > 3 ? "\(named)等\(invoices.count)张" : named
    }

    private func tails(_ invoices: [Invoice]) -> String {
        invoices.prefix(5).map { Digits.padded(Int($0.sequence), to: 4) }.joined(separator: "、")
    }

    private func compact(_ number: String) -> String { number.filter { $0 != "-" } }

    private func choice(_ list: [String]) -> String { list[Int(receipt.wording >> 8) % list.count] }
}
