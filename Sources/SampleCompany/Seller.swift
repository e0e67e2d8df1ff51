/// The sample company itself and its invented people, whom the files know by their mail addresses.
enum Seller {
    static let legalName = "云桥智联科技股份有限公司"
    static let shortName = "云桥智联"
    /// Begins the numbers of its documents.
    static let numberPrefix = "YQ"
    static let salesOwners = ["lin.yue", "shen.zhixing", "xu.xinghe", "gu.qinghe", "cheng.yian"].map(address)
    static let collectors = ["he.jingyi", "luo.sichen", "tang.wanqiu"].map(address)

    /// What people are called.
    static func name(_ address: String) -> String { names[address] ?? address }

    private static let names = Dictionary(
        uniqueKeysWithValues: [
            ("lin.yue", "林悦"), ("shen.zhixing", "沈知行"), ("xu.xinghe", "许星河"), ("gu.qinghe", "顾清和"),
            ("cheng.yian", "程以安"), ("he.jingyi", "何静宜"), ("luo.sichen", "罗思辰"), ("tang.wanqiu", "唐晚秋"),
            ("su.wan", "苏晚"), ("bai.zhuo", "白琢"), ("qiao.mu", "乔木"), ("yan.shu", "言舒"), ("wen.ruo", "温若"),
            ("jiang.heng", "江衡"), ("ji.mingche", "季明澈"), ("ye.anran", "叶安然"),
        ].map { (address($0.0), $0.1) })

    /// People of finance, by the role's word in files.
    static let finance = [
        ("accountant", "su.wan"), ("cashier", "bai.zhuo"), ("credit", "qiao.mu"), ("legal", "yan.shu"),
        ("finance_manager", "wen.ruo"), ("management", "jiang.heng"), ("auditor", "ji.mingche"), ("admin", "ye.anran"),
    ].map { (role: $0.0, address: address($0.1)) }

    private static func address(_ name: String) -> String { "\(name)@yunqiao.example" }
}
