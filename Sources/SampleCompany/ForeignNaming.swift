/// Composes names of foreign customers and the people there.
enum ForeignNaming {
    /// Where a foreign customer is at home; its currency and its people's names follow from it.
    enum Country: Int, CaseIterable, Sendable {
        case unitedStates, germany, japan, singapore

        var currencyCode: String {
            switch self {
            case .unitedStates, .singapore: "USD"
            case .germany: "EUR"
            case .japan: "JPY"
            }
        }
    }

    /// - Parameter longStem: Whether to give the stem a second ending, when the short ones are taken.
    static func company(longStem: Bool, using generator: inout SeededGenerator) -> CompanyName {
        let country = generator.pick([Country.unitedStates, .unitedStates, .germany, .japan, .singapore])
        return company(in: country, longStem: longStem, using: &generator)
    }

    /// The country is read back from the name's form, so that a name is all that has to be kept.
    static func country(of legalName: String) -> Country {
        if legalName.hasSuffix("GmbH") { return .germany }
        if legalName.hasSuffix("K.K.") { return .japan }
        return legalName.hasSuffix("Pte. Ltd.") ? .singapore : .unitedStates
    }

    /// A person's name, family name last.
    static func person(in country: Country, using generator: inout SeededGenerator) -> (given: String, family: String) {
        switch country {
        case .unitedStates:
            (
                generator.pick(words("Dana Miles Karen Joel Renee Curtis Paula Grant")),
                generator.pick(words("Hollis Brandt Ferrow Whitlam Castell Norwood Pruett Langden"))
            )
        case .germany:
            (
                generator.pick(words("Anke Jens Birgit Torsten Silke Uwe Katrin Malte")),
                generator.pick(words("Rehbein Lohmark Stadler Wiegand Harms Ottmann Kessler Brinkhof"))
            )
        case .japan:
            (
                generator.pick(words("Naoko Kenta Yumi Takuya Misaki Shinji Emi Daichi")),
                generator.pick(words("Kirimoto Hazawa Nishigaki Tokuda Mizuhara Sugimine Ibuse Tanigase"))
            )
        case .singapore:
            (
                generator.pick(words("Wei-Ling Jun-Hao Priya Marcus Hui-Min Farid Grace Kelvin")),
                generator.pick(words("Tan Lim Goh Nair Ong Rahman Chua Seah"))
            )
        }
    }

    /// A telephone number that rings nowhere: ranges kept free for fiction, or that no network uses.
    static func telephone(in country: Country, using generator: inout SeededGenerator) -> String {
        switch country {
        case .unitedStates: "+1 \(generator.pick([312, 408, 617, 713])) 555 01\(generator.number(from: 10, to: 99))"
        case .germany: "+49 30 23125 \(generator.number(from: 100, to: 999))"
        case .japan: "+81 3 0\(generator.number(from: 100, to: 999)) \(generator.number(from: 1000, to: 9999))"
        case .singapore: "+65 2\(generator.number(from: 100, to: 999)) \(generator.number(from: 1000, to: 9999))"
        }
    }

    private static func company(
        in country: Country, longStem: Bool, using generator: inout SeededGenerator
    ) -> CompanyName {
        let parts = nameParts[country.rawValue]
        var stem = generator.pick(parts.beginnings) + generator.pick(parts.endings)
        if longStem { stem += generator.pick(parts.endings) }
        return CompanyName(
            legal: "\(stem) \(generator.pick(parts.trades)) \(generator.pick(parts.forms))", brand: stem,
            domain: "\(stem.lowercased()).example", industry: country == .singapore ? "批发和零售业" : "制造业",
            region: nil)
    }

    /// Syllables, trades and legal forms, in the order of `Country`.
    private static let nameParts = [
        (
            beginnings: words("Hal Bren Vor Kest Tam Nor Ald Cor Quen Dray Ost Bel Mer Tol Wex"),
            endings: words("vern mere dale wick holt mont stead lund bury more lock"),
            trades: words("Robotics Controls Instruments Packaging Fluidics Logistics"),
            forms: ["Inc.", "LLC", "Corp."]
        ),
        (
            beginnings: words("Bruck Lind Wald Eich Hain Falk Rau Stahl Mohr Erlen Birk Kranz"),
            endings: words("moor horst bruch tal werder kamp brink furt rode"),
            trades: words("Automation Messtechnik Antriebe Sensorik Fördertechnik Anlagenbau"), forms: ["GmbH"]
        ),
        (
            beginnings: words("Kiri Toki Haze Ibu Sugi Nire Tsuru Mizu Ama Hoshi Shio"),
            endings: words("numa gase mine tani shiro kawa sato hama"),
            trades: words("Seiki Denshi Kogyo Sangyo Keiso"), forms: ["K.K."]
        ),
        (
            beginnings: words("Strait Meridia Lumera Kallan Selat Tembu Angsa Pasir"),
            endings: words("tech line port grid sense works"),
            trades: words("Systems Marine Supply Trading"), forms: ["Pte. Ltd."]
        ),
    ]

    private static func words(_ list: String) -> [String] { list.split(separator: " ").map(String.init) }
}
