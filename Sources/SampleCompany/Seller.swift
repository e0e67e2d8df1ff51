/// The sample company itself and its invented people, whom the files know by their mail addresses.
enum Seller {
    static let legalName = "云桥智联科技股份有限公司"
    static let shortName = "云桥智联"
    /// Begins the numbers of its documents.
    static let numberPrefix = "YQ"
    static let salesOwners = ["lin.yue", "shen.zhixing", "xu.xinghe", "gu.qinghe", "cheng.yian"].map(address)
    static let collectors = ["he.jingyi", "luo.sichen", "tang.wanqiu"].map(address)

    /// People of finance, by the role's word in files.
    static let finance = [
        ("accountant", "su.wan"), ("cashier", "bai.zhuo"), ("credit", "qiao.mu"), ("legal", "yan.shu"),
        ("finance_manager", "wen.ruo"), ("management", "jiang.heng"),
    ].map { (role: $0.0, address: address($0.1)) }

    private static func address(_ name: String) -> String { "\(name)@yunqiao.example" }
}
