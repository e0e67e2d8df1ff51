/// What a company does: the word in its name and the industry (国民经济行业分类) it belongs to.
struct Trade: Sendable {
    let name: String
    let industry: String

    static let manufacturing = make(
        "制造业",
        """
        精密机械 智能装备 电子 半导体材料 汽车零部件 医疗器械 新能源 光电 自动化设备 仪器仪表 轨道交通装备 \
        电气 传动设备 包装机械 新材料 食品 纺织 机床 模具 泵业
        """)
    static let software = make("软件和信息技术服务业", "软件 信息技术 数据科技 网络科技 智能科技 信息系统 云计算")
    static let services =
        make("交通运输、仓储和邮政业", "物流 供应链管理 国际货运代理 仓储")
        + make("批发和零售业", "商贸 电子商务 连锁超市 医药 机电设备")
        + make("建筑业", "建设工程 机电安装工程 建筑智能化工程")
        + make("农、林、牧、渔业", "农业科技 种业")
    static let startups = make(
        "软件和信息技术服务业", "智能科技 机器人科技 数据科技 人工智能科技 自动驾驶科技 量子科技 低空科技 具身智能科技")
    static let stateOwned =
        make("电力、热力、燃气及水生产和供应业", "能源 水务 燃气 热力 电力建设")
        + make("交通运输、仓储和邮政业", "轨道交通 港务 交通投资 机场")
        + make("建筑业", "城市建设投资 市政工程 建工")
        + make("采矿业", "矿业")

    private static func make(_ industry: String, _ names: String) -> [Trade] {
        names.split(separator: " ").map { Trade(name: String($0), industry: industry) }
    }
}
