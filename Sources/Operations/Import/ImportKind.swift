package import Receivables

/// What a file holds (spec 10.6), with its columns in order.
package enum ImportKind: String, CaseIterable, Sendable {
    case customers, contacts, invoices, receipts, allocations, settlements, calendar, rates
    case creditNotes = "credit-notes"

    /// One column of an exchange file.
    package struct Column: Hashable, Sendable {
        package let name: String
        /// The header must have it, and each line a value in it.
        package let isRequired: Bool
        /// Headings in other programs' files, for `--guess`; lower case.
        package let headings: [String]
    }

    package var columns: [Column] {
        switch self {
        case .customers: Self.customerColumns
        case .contacts: Self.contactColumns
        case .invoices: Self.invoiceColumns
        case .creditNotes: Self.creditNoteColumns
        case .receipts: Self.receiptColumns
        case .allocations: Self.allocationColumns
        case .settlements: Self.settlementColumns
        case .calendar: Self.calendarColumns
        case .rates: Self.rateColumns
        }
    }

    private static func column(_ name: String, _ headings: String...) -> Column {
        let isRequired = name.hasSuffix("*")
        let plain = isRequired ? String(name.dropLast()) : name
        return Column(name: plain, isRequired: isRequired, headings: headings)
    }

    private static let customerColumns = [
        column("code*", "客户编码", "客户编号", "客户代码", "customer id", "customer code", "customerid"),
        column("name*", "客户名称", "客户", "公司名称", "名称", "customer name", "customer"),
        column("uscc", "统一社会信用代码", "税号", "纳税人识别号", "tax id"),
        column("industry", "行业", "所属行业"),
        column("kind", "客户类型", "企业性质", "类型", "type"),
        column("size", "规模", "企业规模"),
        column("group", "集团", "上级客户", "母公司", "parent"),
        column("sales_owner", "销售", "销售负责人", "业务员", "salesperson", "account manager"),
        column("collector", "催收员", "催收负责人"),
        column("currency", "币种", "币别", "结算币种"),
        column("terms_days", "账期", "信用期", "付款天数", "payment terms", "terms"),
        column("language", "语言"),
    ]
    private static let contactColumns = [
        column("customer*", "客户编码", "客户编号", "客户", "customer code"),
        column("name*", "姓名", "联系人", "contact"),
        column("purpose*", "用途", "职能"),
        column("title", "职务", "职位"),
        column("email", "邮箱", "电子邮箱", "e-mail", "mail"),
        column("phone", "电话", "手机", "联系电话", "mobile", "tel"),
    ]
    private static let invoiceColumns = [
        column("number*", "发票号", "发票号码", "应收单号", "单据编号", "单号", "invoice number", "invoice no", "invoiceno", "invoice"),
        column("customer*", "客户编码", "客户编号", "客户", "往来单位", "customer code", "customer id", "customerid"),
        column("issue_date*", "开票日期", "单据日期", "日期", "invoice date", "invoicedate", "date"),
        column("due_date", "到期日", "到期日期", "应收日期", "due date", "duedate"),
        column("terms_days", "账期", "信用期", "terms"),
        column("instalments", "分期", "收款计划"),
        column("amount*", "金额", "价税合计", "含税金额", "应收金额", "amount", "total", "invoice amount", "invoiceamount"),
        column("net", "不含税金额", "net amount"),
        column("tax", "税额", "vat", "tax amount"),
        column("currency", "币种", "币别"),
        column("posting_date", "记账日期", "入账日期"),
        column("recognised_date", "确认日期", "收入确认日"),
        column("accepted_date", "验收日期"),
        column("contract", "合同号", "合同编号", "contract no"),
        column("milestone", "收款节点", "里程碑"),
        column("product_line", "产品线", "产品"),
        column("sales_owner", "销售", "业务员", "销售负责人", "salesperson"),
        column("einvoice_number", "数电票号码", "全电发票号码", "电子发票号码"),
        column("invoice_status", "发票状态"),
        column("delivered_date", "交付日期", "送达日期"),
        column("entity", "法人主体", "公司主体", "账套"),
    ]
    private static let creditNoteColumns = [
        column("number*", "红字发票号", "贷项编号", "单据编号", "credit note number"),
        column("invoice*", "原发票号", "发票号", "应收单号", "invoice number"),
        column("date*", "日期", "开票日期", "单据日期"),
        column("amount*", "金额", "价税合计"),
        column("reason", "原因", "红冲原因", "备注"),
        column("entity", "法人主体"),
    ]
    private static let receiptColumns = [
        column("reference*", "流水号", "交易流水号", "收款单号", "凭证号", "单据编号", "reference no", "transaction id"),
        column("date*", "日期", "收款日期", "交易日期", "入账日期", "value date", "payment date"),
        column("amount*", "金额", "收款金额", "交易金额", "贷方发生额", "收入金额", "payment amount"),
        column("currency", "币种", "币别"),
        column("customer", "客户编码", "客户编号", "客户", "customer code"),
        column("payer", "付款方", "付款人", "对方户名", "对方名称", "payer name"),
        column("payer_account", "付款账号", "对方账号"),
        column("method", "收款方式", "结算方式"),
        column("remittance", "摘要", "附言", "用途", "备注", "description", "memo"),
        column("bank_account", "本方账号", "收款账号", "银行账户"),
        column("value_date", "起息日"),
        column("entity", "法人主体"),
    ]
    private static let allocationColumns = [
        column("receipt*", "收款单号", "流水号", "payment", "payment id"),
        column("invoice*", "发票号", "应收单号", "invoice number", "invoice no"),
        column("amount*", "核销金额", "金额", "applied"),
        column("date", "核销日期", "日期"),
        column("instalment", "期次"),
        column("invoice_amount", "应收币种金额"),
        column("bank_account", "收款账号", "银行账户"),
        column("reason", "原因", "说明"),
        column("entity", "法人主体"),
    ]
    private static let settlementColumns = [
        column("invoice*", "发票号", "应收单号", "invoice number", "invoicenumber"),
        column("date*", "收款日期", "结清日期", "paid on", "settleddate", "paid date"),
        column("amount", "收款金额", "金额"),
        column("entity", "法人主体"),
    ]
    private static let calendarColumns = [
        column("country*", "国家"), column("date*", "日期"), column("kind*", "类型"), column("name", "名称"),
    ]
    private static let rateColumns = [
        column("day*", "日期"), column("from*", "原币"), column("to*", "目标币"), column("rate*", "汇率"),
        column("source", "来源"),
    ]
}

extension ImportKind {
    /// What somebody needs who imports such a file.
    package var permission: Permission {
        switch self {
        case .customers: .importCustomers
        case .contacts: .importContacts
        case .invoices: .importInvoices
        case .receipts: .importReceipts
        case .allocations: .importAllocations
        case .settlements: .importSettlements
        case .creditNotes: .importCreditNotes
        case .calendar: .importCalendar
        case .rates: .importRates
        }
    }
}
