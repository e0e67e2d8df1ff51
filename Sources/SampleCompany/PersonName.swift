/// The invented name of a person and the first half of a mail address made from it.
struct PersonName: Sendable {
    let full: String
    let mailbox: String

    static func chinese(using generator: inout SeededGenerator) -> PersonName {
        let family = generator.pick(familyNames)
        let given = generator.pick([givenOfMen, givenOfWomen])
        let second = generator.pick(given.second)
        guard generator.chance(perMille: 760) else {
            return PersonName(full: family.text + second.text, mailbox: "\(family.sound).\(second.sound)")
        }
        let first = generator.pick(given.first)
        return PersonName(
            full: family.text + first.text + second.text, mailbox: "\(family.sound).\(first.sound)\(second.sound)")
    }

    static func foreign(
        in country: ForeignNaming.Country, using generator: inout SeededGenerator
    ) -> PersonName {
        let (given, family) = ForeignNaming.person(in: country, using: &generator)
        let mailbox = "\(given).\(family)".lowercased()
        return PersonName(full: "\(given) \(family)", mailbox: mailbox)
    }

    private static let familyNames = Word.list(
        """
        王 wang 李 li 张 zhang 刘 liu 陈 chen 杨 yang 黄 huang 赵 zhao 周 zhou 吴 wu 徐 xu 孙 sun 马 ma 朱 zhu 胡 hu \
        郭 guo 何 he 林 lin 罗 luo 高 gao 梁 liang 郑 zheng 谢 xie 宋 song 唐 tang 许 xu 邓 deng 韩 han 冯 feng 曹 cao \
        彭 peng 曾 zeng 肖 xiao 田 tian 董 dong 潘 pan 袁 yuan 蔡 cai 蒋 jiang 余 yu 于 yu 杜 du 叶 ye 程 cheng 魏 wei
        """)
    /// First and second characters that go together in the names of people born since about 1970.
    private static let givenOfMen = (
        first: Word.list(
            """
            志 zhi 建 jian 文 wen 国 guo 俊 jun 子 zi 永 yong 明 ming 宇 yu 晓 xiao 海 hai 云 yun 少 shao 振 zhen
            """),
        second: Word.list(
            """
            强 qiang 磊 lei 勇 yong 杰 jie 涛 tao 超 chao 鹏 peng 飞 fei 斌 bin 波 bo 辉 hui 凯 kai 亮 liang 峰 feng \
            军 jun 伟 wei 浩 hao 刚 gang 东 dong
            """)
    )
    private static let givenOfWomen = (
        first: Word.list(
            """
            晓 xiao 雅 ya 梦 meng 雨 yu 思 si 佳 jia 欣 xin 诗 shi 玉 yu 丽 li 春 chun 小 xiao 秀 xiu 文 wen
            """),
        second: Word.list(
            """
            敏 min 静 jing 霞 xia 玲 ling 梅 mei 红 hong 婷 ting 颖 ying 琳 lin 洁 jie 萍 ping 慧 hui 倩 qian 燕 yan \
            娟 juan 芳 fang 丹 dan 莉 li 艳 yan
            """)
    )
}
