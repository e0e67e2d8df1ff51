/// Why invoices are reduced, refused or left waiting, in the words of a case file.
enum Reasons {
    static func returns(of line: ProductLine) -> [String] {
        switch line {
        case .hardware: ["部分设备退货", "到货数量短少，按实收冲减", "外观瑕疵协商折让", "执行新价目表，差额冲减"]
        case .integration, .installation: ["合同价款调整补充协议", "工程量核减", "甲供材料扣款"]
        case .development: ["人天核减", "需求范围调减补充协议"]
        case .subscription, .maintenance: ["服务等级未达标，按协议扣减", "停机时长补偿", "账号数核减"]
        }
    }

    static func disputes(of line: ProductLine) -> [String] {
        switch line {
        case .hardware:
            [
                "客户称到货设备批次不良率超标，已附检验报告，要求换货后付款", "到货数量与发货单不符，客户要求核对签收单",
                "设备与现场系统接口不兼容，客户要求整改", "客户称单价与框架协议价目表不一致，要求核价",
            ]
        case .integration, .installation, .development:
            [
                "客户对二期功能验收结论有异议，列出未闭环问题清单，整改复验前暂不付款", "客户称上线延期，主张按合同扣减违约金",
                "验收报告未盖章，客户不认可付款条件成就", "客户对工作量有异议，要求提供工时与签证明细",
            ]
        case .subscription, .maintenance:
            ["服务中断时长双方统计口径不一致", "客户称部分账号未启用，要求按实际使用计费", "客户主张合同已到期，不认可自动续费"]
        }
    }

    static func waits(of kind: CustomerKind) -> [String] {
        switch kind {
        case .stateOwned:
            ["待集团资金计划下达，客户书面承诺按计划支付，同意暂缓催收", "客户财务系统切换，付款暂停，已提供排款说明"]
        case .publicBody: ["财政资金拨付流程中，经办人已提供用款申请单，同意暂缓催收", "预算调整待批复，客户书面说明付款安排"]
        default:
            [
                "客户提出分期支付方案并承诺先付首期，经财务经理同意暂缓催收", "客户融资款到账在即，已提供投资协议首页，约定到账后付款",
                "客户下游回款延迟，双方约定分两次付清", "客户法定代表人出具付款承诺书，约定期限内支付",
            ]
        }
    }
}
