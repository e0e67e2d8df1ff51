/// Composes names of companies and public bodies that don't exist.
///
/// Brands are rare characters set side by side, places are invented, and no name is given twice.
struct CompanyNaming {
    private var taken: Set<String> = []

    mutating func name(_ kind: CustomerKind, using generator: inout SeededGenerator) -> CompanyName {
        // A third character multiplies the brands by twenty, so a free name is found after a few tries.
        var attempt = 0
        while true {
            attempt += 1
            let name = proposal(kind, longBrand: attempt > 4, using: &generator)
            if taken.insert(name.legal).inserted { return name }
        }
    }

    /// A state-owned group: the parent's name first, then its subsidiaries'.
    mutating func group(members: Int, using generator: inout SeededGenerator) -> [CompanyName] {
        var attempt = 0
        while true {
            attempt += 1
            // Places run out in a company with thousands of customers; brands don't.
            let place = attempt < 9 ? generator.pick(Self.places) : Self.brand(long: true, using: &generator)
            let trade = generator.pick(Self.groupTrades)
            let group = "\(place.text)\(trade.name)集团"
            guard taken.insert("\(group)有限公司").inserted else { continue }

            let region = generator.pick(City.all).region
            var fields = Self.groupFields
            generator.shuffle(&fields)
            return ([""] + fields.prefix(members)).map { field in
                let legal = "\(group)\(field)有限公司"
                taken.insert(legal)
                return CompanyName(
                    legal: legal, brand: place.text + (field.isEmpty ? trade.name : field),
                    domain: "\(place.sound)jituan.example", industry: trade.industry, region: region)
            }
        }
    }

    /// The same company as somebody else would have typed it.
    mutating func duplicate(of original: CompanyName) -> CompanyName {
        var legal = original.legal
        if let city = City.all.first(where: { legal.hasPrefix($0.name) }) {
            legal = city.name + "市" + legal.dropFirst(city.name.count)
        } else {
            legal = String(legal.dropLast("有限公司".count)) + "公司"
        }
        taken.insert(legal)
        return CompanyName(
            legal: legal, brand: original.brand, domain: original.domain, industry: original.industry,
            region: original.region)
    }

    /// A company that nobody knows as a customer, to pay in another's name.
    static func stranger(using generator: inout SeededGenerator) -> String {
        let city = generator.pick(City.all).name
        let trade = generator.pick(["商贸", "贸易", "企业管理咨询", "供应链管理", "信息咨询", "劳务服务"])
        return "\(city)\(brand(long: false, using: &generator).text)\(trade)有限公司"
    }

    private func proposal(
        _ kind: CustomerKind, longBrand: Bool, using generator: inout SeededGenerator
    ) -> CompanyName {
        switch kind {
        case .publicBody: return publicBody(longBrand: longBrand, using: &generator)
        case .foreign: return ForeignNaming.company(longStem: longBrand, using: &generator)
        case .stateOwned where !longBrand:
            let place = generator.pick(Self.places)
            let trade = generator.pick(Trade.stateOwned)
            let form = generator.pick(["集团有限公司", "有限责任公司", "有限公司", "集团股份有限公司"])
            return CompanyName(
                legal: place.text + trade.name + form, brand: place.text + trade.name,
                domain: "\(place.sound)-group.example", industry: trade.industry,
                region: generator.pick(City.all).region)
        default: return company(kind, longBrand: longBrand, using: &generator)
        }
    }

    private func company(
        _ kind: CustomerKind, longBrand: Bool, using generator: inout SeededGenerator
    ) -> CompanyName {
        let brand = Self.brand(long: longBrand || generator.chance(perMille: 120), using: &generator)
        let city = generator.pick(kind == .startup ? City.startupCities : City.all)
        let trade =
            switch kind {
            case .stateOwned: generator.pick(Trade.stateOwned)
            case .startup: generator.pick(Trade.startups)
            default:
                switch generator.number(from: 0, to: 9) {
                case 0...5: generator.pick(Trade.manufacturing)
                case 6...7: generator.pick(Trade.software)
                default: generator.pick(Trade.services)
                }
            }
        let form =
            switch kind {
            case .listed: "股份有限公司"
            case .stateOwned: "有限责任公司"
            default: generator.pick(["有限公司", "有限公司", "有限公司", "有限公司", "有限责任公司", "股份有限公司"])
            }
        let legal =
            generator.chance(perMille: 130)
            ? "\(brand.text)（\(city.name)）\(trade.name)\(form)" : "\(city.name)\(brand.text)\(trade.name)\(form)"
        return CompanyName(
            legal: legal, brand: brand.text, domain: "\(brand.sound).example", industry: trade.industry,
            region: city.region)
    }

    private func publicBody(longBrand: Bool, using generator: inout SeededGenerator) -> CompanyName {
        let place = generator.pick(Self.places)
        let level = generator.pick(["市", "市", "县", "区"])
        let body = generator.pick(Self.publicBodies)
        let district = longBrand ? "\(generator.pick(Self.places).text)新区" : ""
        return CompanyName(
            legal: place.text + level + district + body.name, brand: place.text + level + body.name,
            domain: "\(place.sound)-gov.example", industry: body.industry, region: generator.pick(City.all).region)
    }

    private static func brand(long: Bool, using generator: inout SeededGenerator) -> Word {
        let first = generator.pick(firstCharacters)
        let second = generator.pick(secondCharacters)
        guard long else { return Word(text: first.text + second.text, sound: first.sound + second.sound) }
        let third = generator.pick(secondCharacters)
        return Word(text: first.text + second.text + third.text, sound: first.sound + second.sound + third.sound)
    }

    private static let groupTrades = Trade.stateOwned.filter {
        ["能源", "水务", "城市建设投资", "交通投资", "港务"].contains($0.name)
    }
    private static let groupFields = [
        "智慧运营", "工程建设", "物资供应", "新能源", "资产管理", "信息科技", "检测技术", "设施维护", "供应链",
    ]

    private static let firstCharacters = Word.list(
        """
        澜 lan 砚 yan 岫 xiu 珩 heng 翊 yi 霁 ji 煦 xu 淞 song 汐 xi 泷 long 骊 li 峤 qiao 颢 hao 绎 yi 聿 yu \
        暄 xuan 芷 zhi 栎 li 檀 tan 筠 yun 朔 shuo 弈 yi 谧 mi 澈 che 曜 yao 珞 luo 璟 jing 垣 yuan 穹 qiong \
        樾 yue 邃 sui 隽 jun 恪 ke 砺 li 岑 cen 堃 kun 旻 min 煜 yu 琰 yan 湛 zhan 棠 tang 浔 xun 祁 qi 湄 mei
        """)
    private static let secondCharacters = Word.list(
        """
        川 chuan 舟 zhou 原 yuan 序 xu 维 wei 域 yu 程 cheng 驰 chi 衡 heng 联 lian 汇 hui 纬 wei 境 jing 擎 qing \
        航 hang 纳 na 枢 shu 矩 ju 界 jie 屿 yu 工 gong 桥 qiao 石 shi 岭 ling 恒 heng 立 li 创 chuang 合 he
        """)

    /// Cities that no map shows.
    private static let places = Word.list(
        """
        岫江 xiujiang 霁川 jichuan 汐港 xigang 昱江 yujiang 桐屏 tongping 枫堰 fengyan 桂汀 guiting 南筠 nanyun \
        北峤 beiqiao 澄岭 chengling 竹泊 zhubo 翠屿 cuiyu 沅湖 yuanhu 黎浦 lipu 云栎 yunli 临澈 linche 东珞 dongluo \
        西檀 xitan 安砚 anyan 泽岚 zelan 永珩 yongheng 平樾 pingyue 宁岫 ningxiu 清垣 qingyuan 青泷 qinglong \
        锦渡 jindu 槐川 huaichuan 鹭津 lujin 松汀 songting 芦洲 luzhou
        """)

    private static let publicBodies: [(name: String, industry: String)] =
        [
            "大数据管理局", "教育局", "住房和城乡建设局", "城市管理局", "交通运输局", "水利局", "应急管理局",
            "行政审批服务中心", "公共资源交易中心", "不动产登记中心", "自然资源和规划局", "市场监督管理局",
            "机关事务服务中心", "生态环境局",
        ].map { ($0, "公共管理、社会保障和社会组织") }
        + ["人民医院", "中心医院", "妇幼保健院", "疾病预防控制中心", "中医院"].map { ($0, "卫生和社会工作") }
        + ["职业技术学院", "第一中学", "高级技工学校", "实验小学"].map { ($0, "教育") }
        + ["图书馆", "博物馆", "文化馆", "融媒体中心"].map { ($0, "文化、体育和娱乐业") }
}
