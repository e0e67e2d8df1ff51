/// A person at a customer, with the purpose for which to write to them.
struct Contact: Sendable {
    let name: PersonName
    let purpose: String
    let title: String
    let telephone: String

    /// The people known at `customer`. Now and then nobody knows whom to ask for the payment.
    static func people(at customer: Customer, seed: UInt64) -> [Contact] {
        var generator = SeededGenerator(seed: seed, stream: .contacts, index: customer.number)
        var wanted: [String] = []
        if customer.number % 17 != 5 { wanted.append("payment") }
        if generator.chance(perMille: 650) { wanted.append("billing") }
        if customer.isLarge, generator.chance(perMille: 500) { wanted.append("project") }
        if generator.chance(perMille: customer.isLarge ? 180 : 320) { wanted.append("management") }
        if customer.isLarge, generator.chance(perMille: 250) { wanted.append("legal") }

        var contacts: [Contact] = []
        for purpose in wanted {
            let contact = contact(at: customer, purpose: purpose, using: &generator)
            // A person answers for one purpose only, so that each line has an identity of its own.
            if !contacts.contains(where: { $0.name.full == contact.name.full }) { contacts.append(contact) }
        }
        return contacts
    }

    private static func contact(
        at customer: Customer, purpose: String, using generator: inout SeededGenerator
    ) -> Contact {
        guard customer.kind == .foreign else {
            // Network codes that no operator of mainland China issues, so that nobody's telephone rings.
            let telephone = generator.pick(["154", "161", "168", "169"]) + generator.digits(8)
            return Contact(
                name: .chinese(using: &generator), purpose: purpose,
                title: generator.pick(titles(purpose, isPublic: customer.kind == .publicBody)), telephone: telephone)
        }
        let country = ForeignNaming.country(of: customer.name.legal)
        let title =
            switch purpose {
            case "payment": "Accounts Payable"
            case "billing": "Purchasing"
            case "project": "Project Manager"
            case "management": "CFO"
            default: "General Counsel"
            }
        return Contact(
            name: .foreign(in: country, using: &generator), purpose: purpose, title: title,
            telephone: ForeignNaming.telephone(in: country, using: &generator))
    }

    private static func titles(_ purpose: String, isPublic: Bool) -> [String] {
        switch (purpose, isPublic) {
        case ("payment", false): ["应付会计", "出纳", "财务主管", "财务部会计"]
        case ("payment", true): ["财务科科员", "计财科副科长", "国库集中支付经办人"]
        case ("billing", false): ["采购专员", "采购部商务", "财务部往来会计"]
        case ("billing", true): ["办公室科员", "采购办经办人"]
        case ("project", false): ["项目经理", "信息部主任", "设备部工程师"]
        case ("project", true): ["信息中心主任", "信息科科长"]
        case ("management", false): ["总经理", "副总经理", "财务总监"]
        case ("management", true): ["分管副主任", "办公室主任"]
        case (_, false): ["法务专员", "法务经理"]
        case (_, true): ["法规科科长", "法律顾问"]
        }
    }
}
