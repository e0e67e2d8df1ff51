internal import Database

/// An append-only table: what its rows are and in which order their fields enter the digest.
///
/// `kind` and the positions of columns are part of the digest of every act ever recorded: a number
/// is never reused, a column is never moved or removed, and a new one is added at the end.
struct FactTable: Hashable, Sendable {
    struct Column: Hashable, Sendable {
        let name: String
        let type: ColumnType
    }

    enum ColumnType: UInt8, Sendable { case integer = 1, text, blob }

    let name: String
    let kind: UInt16
    /// Raised when the meaning of a column changes; the old encoder is kept for older facts.
    let version: UInt16 = 1
    /// Without `id`, which every fact table has first.
    let columns: [Column]
    let insertText: String

    /// - Parameter columns: Names, ended by `:t` for text or `:b` for blobs; integers have no ending.
    init(_ kind: UInt16, _ name: String, _ columns: String) {
        self.kind = kind
        self.name = name
        let columns = columns.split(whereSeparator: \.isWhitespace).map { word in
            let parts = word.split(separator: ":")
            let type: ColumnType = parts.count == 1 ? .integer : parts[1] == "t" ? .text : .blob
            return Column(name: String(parts[0]), type: type)
        }
        self.columns = columns
        let names = ["id"] + columns.map(\.name)
        let places = (1...names.count).map { "$\($0)" }
        insertText = "INSERT INTO \(name) (\(names.joined(separator: ", "))) VALUES (\(places.joined(separator: ", ")))"
    }

    static func == (one: FactTable, other: FactTable) -> Bool { one.kind == other.kind }
    func hash(into hasher: inout Hasher) { hasher.combine(kind) }
}

/// Who vouches for a table's rows (ENGINEERING E-10). A tidy test sees that every table has a class.
enum TableClass: Sendable {
    /// Append-only and in its act's digest.
    case fact
    /// Recomputed by `verify`.
    case derived
    /// Holds no amount, date or hash of a fact.
    case outside
}

extension FactTable {
    static let entity = FactTable(1, "entity", "code:t")
    static let entityVersion = FactTable(
        2, "entity_version", "entity n valid_from name:t functional_currency:t standard:t posting:t")
    static let settingVersion = FactTable(3, "setting_version", "name:t n valid_from content:t")
    static let policyVersion = FactTable(4, "policy_version", "code:t n valid_from content:t")
    static let accountCode = FactTable(5, "account_code", "role n valid_from code:t name:t")
    static let calendarDay = FactTable(6, "calendar_day", "country:t day n kind name:t")
    static let rate = FactTable(7, "rate", "day from_currency:t to_currency:t n rate_e8 source:t")
    static let person = FactTable(8, "person", "key:t")
    static let personVersion = FactTable(9, "person_version", "person n valid_from manager")
    static let roleGrant = FactTable(10, "role_grant", "person role n granted")
    static let customer = FactTable(11, "customer", "code:t")
    static let customerVersion = FactTable(
        12, "customer_version",
        """
        customer n valid_from name:t name_key:t uscc:t industry:t kind size group_id sales_owner collector \
        currency:t terms_days language:t incomplete
        """)
    static let personal = FactTable(13, "personal", "subject ciphertext:b")
    static let contact = FactTable(14, "contact", "customer identity:b")
    static let contactVersion = FactTable(15, "contact_version", "contact n valid_from purpose personal")
    static let invoice = FactTable(
        16, "invoice",
        """
        entity number:t customer issue_day value_day posting_day recognised_day accepted_day delivered_day \
        currency:t amount net_amount tax_amount contract:t milestone:t product_line:t sales_owner tax_status generation
        """)
    static let item = FactTable(17, "item", "invoice n amount due_day")
    static let itemEvent = FactTable(18, "item_event", "item n kind value_day due_day reason:t")
    static let taxInvoice = FactTable(19, "tax_invoice", "invoice number:t")
    static let taxInvoiceEvent = FactTable(20, "tax_invoice_event", "invoice n status value_day")
    static let credit = FactTable(
        21, "credit",
        """
        entity kind reference:t bank_account:t customer value_day posting_day currency:t amount about_invoice \
        method payer:t payer_account:t remittance:t personal reason:t generation
        """)
    static let creditEvent = FactTable(22, "credit_event", "credit n kind value_day posting_day customer amount")
    static let allocation = FactTable(
        23, "allocation",
        "credit item value_day n posting_day credit_amount item_amount reverses source reason:t line:t")
    static let reversal = FactTable(24, "reversal", "fact value_day posting_day amount reason:t")
    static let transfer = FactTable(
        25, "transfer", "fact entity posting_day debit credit currency:t amount customer")
    static let translation = FactTable(26, "translation", "transfer rate_e8 functional difference")
    static let periodEvent = FactTable(27, "period_event", "entity month n state reason:t")
    static let dayRun = FactTable(28, "day_run", "day policy_version warnings:t")
    static let occurrence = FactTable(29, "occurrence", "rule subject occasion episode day result reason:t")
    static let reminder = FactTable(
        30, "reminder",
        "customer day audience recipient channel:t language:t personal template:t state held:t")
    static let reminderItem = FactTable(31, "reminder_item", "reminder item rule open_amount")
    static let reminderEvent = FactTable(32, "reminder_event", "reminder n kind value_day")
    static let outbox = FactTable(33, "outbox", "message_key:t reminder not_before_day")
    static let task = FactTable(34, "task", "kind customer assignee role opened_day due_day rule detail:t")
    static let taskItem = FactTable(35, "task_item", "task subject")
    static let taskEvent = FactTable(36, "task_event", "task n kind person value_day note:t")
    static let collectionCase = FactTable(37, "collection_case", "customer opened_day")
    static let caseItem = FactTable(38, "case_item", "collection_case item due_day episode")
    static let caseEvent = FactTable(39, "case_event", "collection_case n kind stage value_day")
    static let pause = FactTable(40, "pause", "customer item kind from_day until_day amount reason:t")
    static let pauseEnd = FactTable(41, "pause_end", "pause value_day reason:t")
    static let signal = FactTable(42, "signal", "customer kind:t severity value_day source")

    static let snapshot = FactTable(43, "snapshot", "report:t as_of last_fact content:t")

    static let personDetail = FactTable(44, "person_detail", "person n personal")
    static let account = FactTable(45, "account", "person")
    static let accountEvent = FactTable(46, "account_event", "account n kind personal")
    static let accessToken = FactTable(
        47, "access_token", "account kind name:t token_hash:b scopes:t expires_at")
    static let accessTokenEnd = FactTable(48, "access_token_end", "access_token reason")
    static let dataScope = FactTable(49, "data_scope", "person n scope")
    static let delegation = FactTable(50, "delegation", "person deputy from_day until_day reason:t")
    static let delegationEnd = FactTable(51, "delegation_end", "delegation value_day")
    static let approval = FactTable(52, "approval", "kind subject personal content:t requested_by reason:t")
    static let approvalDecision = FactTable(53, "approval_decision", "approval person answer reason:t")
    static let bankAccount = FactTable(54, "bank_account", "entity code:t")
    static let bankAccountVersion = FactTable(
        55, "bank_account_version", "bank_account n bank:t number:t is_active")
    static let note = FactTable(56, "note", "kind subject personal")
    static let attachment = FactTable(57, "attachment", "note sha256:b size_bytes media_type:t personal")
    static let webhook = FactTable(58, "webhook", "code:t")
    static let webhookVersion = FactTable(59, "webhook_version", "webhook n events:t is_active personal")
    static let externalIdentity = FactTable(60, "external_identity", "account issuer:t subject:b")

    static let all: [FactTable] = [
        .entity, .entityVersion, .settingVersion, .policyVersion, .accountCode, .calendarDay, .rate, .person,
        .personVersion, .roleGrant, .customer, .customerVersion, .personal, .contact, .contactVersion, .invoice, .item,
        .itemEvent, .taxInvoice, .taxInvoiceEvent, .credit, .creditEvent, .allocation, .reversal, .transfer,
        .translation, .periodEvent, .dayRun, .occurrence, .reminder, .reminderItem, .reminderEvent, .outbox, .task,
        .taskItem,
        .taskEvent, .collectionCase, .caseItem, .caseEvent, .pause, .pauseEnd, .signal, .snapshot,
        .personDetail, .account, .accountEvent, .accessToken, .accessTokenEnd, .dataScope, .delegation, .delegationEnd,
        .approval, .approvalDecision, .bankAccount, .bankAccountVersion, .note, .attachment, .webhook,
        .webhookVersion, .externalIdentity,
    ]

    /// The class of every table of the store that is not in `all`.
    static let otherTables: [String: TableClass] = [
        "act": .fact, "head": .derived, "item_balance": .derived, "credit_balance": .derived,
        "carrying": .derived, "untranslated": .derived, "migration": .outside, "personal_key": .outside,
        "delivery": .outside, "session": .outside, "sign_in_attempt": .outside, "security_event": .outside,
        "preference": .outside, "attachment_content": .outside,
        "webhook_place": .outside, "webhook_message": .outside, "account_notice": .outside,
    ]
}
