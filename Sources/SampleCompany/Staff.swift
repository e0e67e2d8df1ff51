/// The invented people of the sample company, who are known to the files by their mail addresses.
enum Staff {
    static let domain = "yunqiao.example"
    static let salesOwners = ["lin.yue", "shen.zhixing", "xu.xinghe", "gu.qinghe", "cheng.yian"].map(address)
    static let collectors = ["he.jingyi", "luo.sichen", "tang.wanqiu"].map(address)

    private static func address(_ name: String) -> String { "\(name)@\(domain)" }
}
