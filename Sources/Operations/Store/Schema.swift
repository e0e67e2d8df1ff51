internal import Database

/// The schema, step by step. A step that was released is never edited; `Schema+NNNN` would hold a long one.
enum Schema {
    static let migrator = Migrator([
        Migration(
            number: 1, name: "foundation",
            statements: core + parties + register + ledger + functionalAmounts + tracking,
            appendOnly: ["act"] + factsOfFoundation,
            fill: { session in
                try session.execute(
                    """
                    INSERT INTO head (id, last_act, last_fact, last_hash, last_instant) VALUES (1, 0, 0, \([UInt8]()), 0)
                    """)
            }),
        Migration(number: 2, name: "deliveries", statements: deliveries),
        Migration(
            number: 3, name: "accounts", statements: accounts,
            appendOnly: FactTable.all.filter { (44...55).contains($0.kind) }.map(\.name)),
        Migration(
            number: 4, name: "notes", statements: notes,
            appendOnly: FactTable.all.filter { (56...57).contains($0.kind) }.map(\.name)),
        // Payers quote the tax invoice's number, which stands by its invoice.
        Migration(
            number: 5, name: "tax invoice numbers",
            statements: ["CREATE INDEX tax_invoice_about ON tax_invoice (invoice)"]),
        Migration(
            number: 6, name: "other systems", statements: otherSystems,
            appendOnly: FactTable.all.filter { (58...60).contains($0.kind) }.map(\.name)),
        Migration(number: 7, name: "notices", statements: notices),
    ])

    /// All tables in the order of their creation, so that a table stands behind those that it names.
    static let tables: [String] =
        ["migration"]
        + migrator.statements.compactMap { statement in
            let words = statement.split(separator: " ", maxSplits: 3)
            return words.count > 2 && words[0] == "CREATE" && words[1] == "TABLE" ? String(words[2]) : nil
        }

    /// Settings, reference data and the journal of acts.
    private static let core = [
        """
        CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), last_act INTEGER NOT NULL, last_fact INTEGER NOT NULL,
            last_hash BLOB NOT NULL, last_instant INTEGER NOT NULL) STRICT
        """,
        """
        CREATE TABLE act (seq INTEGER PRIMARY KEY CHECK (seq > 0), recorded_at INTEGER NOT NULL, command TEXT NOT NULL,
            actor TEXT NOT NULL, source TEXT NOT NULL, scope TEXT NOT NULL, key TEXT, input_hash BLOB NOT NULL,
            policy_version INTEGER, first_fact INTEGER NOT NULL, fact_count INTEGER NOT NULL CHECK (fact_count >= 0),
            facts_digest BLOB NOT NULL, outcome TEXT NOT NULL, app_version TEXT NOT NULL, body BLOB NOT NULL,
            previous_hash BLOB NOT NULL, hash BLOB NOT NULL, UNIQUE (scope, key)) STRICT
        """,
        "CREATE TABLE entity (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE) STRICT",
        """
        CREATE TABLE entity_version (id INTEGER PRIMARY KEY, entity INTEGER NOT NULL REFERENCES entity, n INTEGER NOT NULL,
            valid_from INTEGER NOT NULL, name TEXT NOT NULL, functional_currency TEXT NOT NULL, standard TEXT NOT NULL,
            posting TEXT NOT NULL, UNIQUE (entity, n)) STRICT
        """,
        """
        CREATE TABLE setting_version (id INTEGER PRIMARY KEY, name TEXT NOT NULL, n INTEGER NOT NULL,
            valid_from INTEGER NOT NULL, content TEXT NOT NULL, UNIQUE (name, n)) STRICT
        """,
        """
        CREATE TABLE policy_version (id INTEGER PRIMARY KEY, code TEXT NOT NULL, n INTEGER NOT NULL,
            valid_from INTEGER NOT NULL, content TEXT NOT NULL, UNIQUE (code, n)) STRICT
        """,
        """
        CREATE TABLE account_code (id INTEGER PRIMARY KEY, role INTEGER NOT NULL, n INTEGER NOT NULL,
            valid_from INTEGER NOT NULL, code TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (role, n)) STRICT
        """,
        """
        CREATE TABLE calendar_day (id INTEGER PRIMARY KEY, country TEXT NOT NULL, day INTEGER NOT NULL, n INTEGER NOT NULL,
            kind INTEGER NOT NULL CHECK (kind IN (1, 2)), name TEXT, UNIQUE (country, day, n)) STRICT
        """,
        """
        CREATE TABLE rate (id INTEGER PRIMARY KEY, day INTEGER NOT NULL, from_currency TEXT NOT NULL,
            to_currency TEXT NOT NULL, n INTEGER NOT NULL, rate_e8 INTEGER NOT NULL CHECK (rate_e8 > 0), source TEXT,
            UNIQUE (day, from_currency, to_currency, n)) STRICT
        """,
        "CREATE TABLE personal_key (subject INTEGER PRIMARY KEY, key BLOB NOT NULL) STRICT",
        "CREATE TABLE personal (id INTEGER PRIMARY KEY, subject INTEGER NOT NULL, ciphertext BLOB NOT NULL) STRICT",
    ]

    private static let parties = [
        "CREATE TABLE person (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT",
        """
        CREATE TABLE person_version (id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES person, n INTEGER NOT NULL,
            valid_from INTEGER NOT NULL, manager INTEGER REFERENCES person, UNIQUE (person, n)) STRICT
        """,
        """
        CREATE TABLE role_grant (id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES person, role INTEGER NOT NULL,
            n INTEGER NOT NULL, granted INTEGER NOT NULL CHECK (granted IN (0, 1)), UNIQUE (person, role, n)) STRICT
        """,
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE) STRICT",
        """
        CREATE TABLE customer_version (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customer,
            n INTEGER NOT NULL, valid_from INTEGER NOT NULL, name TEXT NOT NULL, name_key TEXT NOT NULL, uscc TEXT,
            industry TEXT, kind INTEGER, size INTEGER, group_id INTEGER REFERENCES customer,
            sales_owner INTEGER REFERENCES person, collector INTEGER REFERENCES person, currency TEXT,
            terms_days INTEGER CHECK (terms_days >= 0), language TEXT,
            incomplete INTEGER NOT NULL CHECK (incomplete IN (0, 1)), UNIQUE (customer, n)) STRICT
        """,
        """
        CREATE TABLE contact (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customer,
            identity BLOB NOT NULL UNIQUE) STRICT
        """,
        """
        CREATE TABLE contact_version (id INTEGER PRIMARY KEY, contact INTEGER NOT NULL REFERENCES contact,
            n INTEGER NOT NULL, valid_from INTEGER NOT NULL, purpose INTEGER NOT NULL,
            personal INTEGER NOT NULL REFERENCES personal, UNIQUE (contact, n)) STRICT
        """,
    ]

    private static let register = [
        """
        CREATE TABLE invoice (id INTEGER PRIMARY KEY, entity INTEGER NOT NULL REFERENCES entity, number TEXT NOT NULL,
            customer INTEGER NOT NULL REFERENCES customer, issue_day INTEGER NOT NULL, value_day INTEGER NOT NULL,
            posting_day INTEGER NOT NULL, recognised_day INTEGER NOT NULL, accepted_day INTEGER, delivered_day INTEGER,
            currency TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount BETWEEN 1 AND 10000000000000),
            net_amount INTEGER, tax_amount INTEGER, contract TEXT, milestone TEXT, product_line TEXT,
            sales_owner INTEGER REFERENCES person, tax_status INTEGER NOT NULL CHECK (tax_status BETWEEN 1 AND 7),
            generation INTEGER NOT NULL CHECK (generation > 0),
            CHECK (net_amount + tax_amount = amount), UNIQUE (entity, number, generation)) STRICT
        """,
        """
        CREATE TABLE item (id INTEGER PRIMARY KEY, invoice INTEGER NOT NULL REFERENCES invoice, n INTEGER NOT NULL,
            amount INTEGER NOT NULL CHECK (amount > 0), due_day INTEGER NOT NULL, UNIQUE (invoice, n)) STRICT
        """,
        """
        CREATE TABLE item_event (id INTEGER PRIMARY KEY, item INTEGER NOT NULL REFERENCES item, n INTEGER NOT NULL,
            kind INTEGER NOT NULL, value_day INTEGER NOT NULL, due_day INTEGER, reason TEXT NOT NULL, UNIQUE (item, n)) STRICT
        """,
        """
        CREATE TABLE tax_invoice (id INTEGER PRIMARY KEY, invoice INTEGER NOT NULL REFERENCES invoice,
            number TEXT NOT NULL UNIQUE) STRICT
        """,
        """
        CREATE TABLE tax_invoice_event (id INTEGER PRIMARY KEY, invoice INTEGER NOT NULL REFERENCES invoice,
            n INTEGER NOT NULL, status INTEGER NOT NULL CHECK (status BETWEEN 1 AND 7), value_day INTEGER NOT NULL,
            UNIQUE (invoice, n)) STRICT
        """,
        """
        CREATE TABLE credit (id INTEGER PRIMARY KEY, entity INTEGER NOT NULL REFERENCES entity, kind INTEGER NOT NULL,
            reference TEXT NOT NULL, bank_account TEXT NOT NULL, customer INTEGER REFERENCES customer,
            value_day INTEGER NOT NULL, posting_day INTEGER NOT NULL, currency TEXT NOT NULL,
            amount INTEGER NOT NULL CHECK (amount BETWEEN 1 AND 10000000000000),
            about_invoice INTEGER REFERENCES invoice, method INTEGER, payer TEXT, payer_account TEXT, remittance TEXT,
            personal INTEGER REFERENCES personal, reason TEXT, generation INTEGER NOT NULL CHECK (generation > 0),
            UNIQUE (entity, kind, reference, bank_account, generation)) STRICT
        """,
        """
        CREATE TABLE credit_event (id INTEGER PRIMARY KEY, credit INTEGER NOT NULL REFERENCES credit, n INTEGER NOT NULL,
            kind INTEGER NOT NULL, value_day INTEGER NOT NULL, posting_day INTEGER NOT NULL,
            customer INTEGER REFERENCES customer, amount INTEGER NOT NULL CHECK (amount >= 0), UNIQUE (credit, n)) STRICT
        """,
        """
        CREATE TABLE allocation (id INTEGER PRIMARY KEY, credit INTEGER NOT NULL REFERENCES credit,
            item INTEGER NOT NULL REFERENCES item, value_day INTEGER NOT NULL, n INTEGER NOT NULL CHECK (n > 0),
            posting_day INTEGER NOT NULL, credit_amount INTEGER NOT NULL CHECK (credit_amount <> 0),
            item_amount INTEGER NOT NULL CHECK (item_amount <> 0), reverses INTEGER REFERENCES allocation,
            source INTEGER NOT NULL, reason TEXT, line TEXT,
            CHECK ((reverses IS NULL) = (credit_amount > 0)), CHECK ((credit_amount > 0) = (item_amount > 0)),
            UNIQUE (credit, item, value_day, n)) STRICT
        """,
        "CREATE INDEX credit_about_invoice ON credit (about_invoice) WHERE about_invoice IS NOT NULL",
        "CREATE UNIQUE INDEX allocation_reverses ON allocation (reverses) WHERE reverses IS NOT NULL",
        "CREATE INDEX allocation_item ON allocation (item)",
        """
        CREATE TABLE reversal (id INTEGER PRIMARY KEY, fact INTEGER NOT NULL UNIQUE REFERENCES credit,
            value_day INTEGER NOT NULL, posting_day INTEGER NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0),
            reason TEXT NOT NULL) STRICT
        """,
        """
        CREATE TABLE item_balance (item INTEGER PRIMARY KEY REFERENCES item, amount INTEGER NOT NULL,
            open INTEGER NOT NULL CHECK (open BETWEEN 0 AND amount),
            unwound INTEGER NOT NULL DEFAULT 0 CHECK (unwound IN (0, 1))) STRICT
        """,
        """
        CREATE TABLE credit_balance (credit INTEGER PRIMARY KEY REFERENCES credit, amount INTEGER NOT NULL,
            unapplied INTEGER NOT NULL CHECK (unapplied BETWEEN 0 AND amount), customer INTEGER,
            unwound INTEGER NOT NULL DEFAULT 0 CHECK (unwound IN (0, 1)),
            reversed INTEGER NOT NULL DEFAULT 0 CHECK (reversed IN (0, 1))) STRICT
        """,
    ]

    private static let ledger = [
        """
        CREATE TABLE transfer (id INTEGER PRIMARY KEY, fact INTEGER NOT NULL, entity INTEGER NOT NULL REFERENCES entity,
            posting_day INTEGER NOT NULL, debit INTEGER NOT NULL, credit INTEGER NOT NULL, currency TEXT NOT NULL,
            amount INTEGER NOT NULL CHECK (amount >= 0), customer INTEGER, CHECK (debit <> credit)) STRICT
        """,
        """
        CREATE TABLE period_event (id INTEGER PRIMARY KEY, entity INTEGER NOT NULL REFERENCES entity,
            month INTEGER NOT NULL, n INTEGER NOT NULL, state INTEGER NOT NULL CHECK (state IN (1, 2, 3)), reason TEXT,
            UNIQUE (entity, month, n)) STRICT
        """,
    ]

    private static let tracking = [
        """
        CREATE TABLE day_run (id INTEGER PRIMARY KEY, day INTEGER NOT NULL UNIQUE, policy_version INTEGER NOT NULL,
            warnings TEXT NOT NULL) STRICT
        """,
        """
        CREATE TABLE occurrence (id INTEGER PRIMARY KEY, rule INTEGER NOT NULL, subject INTEGER NOT NULL,
            occasion INTEGER NOT NULL, episode INTEGER NOT NULL, day INTEGER NOT NULL, result INTEGER NOT NULL,
            reason TEXT, UNIQUE (rule, subject, occasion, episode)) STRICT
        """,
        """
        CREATE TABLE reminder (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customer, day INTEGER NOT NULL,
            audience INTEGER NOT NULL, recipient INTEGER NOT NULL, channel TEXT NOT NULL, language TEXT NOT NULL,
            personal INTEGER NOT NULL REFERENCES personal, template TEXT NOT NULL, state INTEGER NOT NULL,
            held TEXT NOT NULL, UNIQUE (customer, day, audience, recipient)) STRICT
        """,
        """
        CREATE TABLE reminder_item (id INTEGER PRIMARY KEY, reminder INTEGER NOT NULL REFERENCES reminder,
            item INTEGER NOT NULL REFERENCES item, rule INTEGER NOT NULL, open_amount INTEGER NOT NULL,
            UNIQUE (reminder, item, rule)) STRICT
        """,
        """
        CREATE TABLE reminder_event (id INTEGER PRIMARY KEY, reminder INTEGER NOT NULL REFERENCES reminder,
            n INTEGER NOT NULL, kind INTEGER NOT NULL, value_day INTEGER NOT NULL, UNIQUE (reminder, n)) STRICT
        """,
        """
        CREATE TABLE outbox (id INTEGER PRIMARY KEY, message_key TEXT NOT NULL UNIQUE,
            reminder INTEGER NOT NULL REFERENCES reminder, not_before_day INTEGER NOT NULL) STRICT
        """,
        """
        CREATE TABLE task (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, customer INTEGER REFERENCES customer,
            assignee INTEGER REFERENCES person, role INTEGER NOT NULL, opened_day INTEGER NOT NULL,
            due_day INTEGER NOT NULL, rule INTEGER NOT NULL, detail TEXT NOT NULL) STRICT
        """,
        """
        CREATE TABLE task_item (id INTEGER PRIMARY KEY, task INTEGER NOT NULL REFERENCES task, subject INTEGER NOT NULL,
            UNIQUE (task, subject)) STRICT
        """,
        """
        CREATE TABLE task_event (id INTEGER PRIMARY KEY, task INTEGER NOT NULL REFERENCES task, n INTEGER NOT NULL,
            kind INTEGER NOT NULL, person INTEGER REFERENCES person, value_day INTEGER NOT NULL, note TEXT,
            UNIQUE (task, n)) STRICT
        """,
        """
        CREATE TABLE collection_case (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customer,
            opened_day INTEGER NOT NULL) STRICT
        """,
        """
        CREATE TABLE case_item (id INTEGER PRIMARY KEY, collection_case INTEGER NOT NULL REFERENCES collection_case,
            item INTEGER NOT NULL REFERENCES item, due_day INTEGER NOT NULL, episode INTEGER NOT NULL,
            UNIQUE (item, due_day, episode)) STRICT
        """,
        """
        CREATE TABLE case_event (id INTEGER PRIMARY KEY, collection_case INTEGER NOT NULL REFERENCES collection_case,
            n INTEGER NOT NULL, kind INTEGER NOT NULL, stage INTEGER NOT NULL, value_day INTEGER NOT NULL,
            UNIQUE (collection_case, n)) STRICT
        """,
        """
        CREATE TABLE pause (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customer, item INTEGER REFERENCES item,
            kind INTEGER NOT NULL, from_day INTEGER NOT NULL, until_day INTEGER NOT NULL CHECK (until_day >= from_day),
            amount INTEGER, reason TEXT NOT NULL, CHECK ((customer IS NULL) <> (item IS NULL))) STRICT
        """,
        """
        CREATE TABLE pause_end (id INTEGER PRIMARY KEY, pause INTEGER NOT NULL UNIQUE REFERENCES pause,
            value_day INTEGER NOT NULL, reason TEXT NOT NULL) STRICT
        """,
        """
        CREATE TABLE signal (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customer, kind TEXT NOT NULL,
            severity INTEGER NOT NULL, value_day INTEGER NOT NULL, source INTEGER NOT NULL,
            UNIQUE (customer, kind, value_day)) STRICT
        """,
    ]

    /// Amounts in the functional currency, added when a rate is known, and the figures of reports that were kept.
    ///
    /// `untranslated` is the work list: transfers in a foreign currency that have no functional amount yet.
    /// `carrying` holds what a foreign claim or credit (by its fact) is worth, and how much of it was allocated.
    private static let functionalAmounts =
        [
            """
            CREATE TABLE translation (id INTEGER PRIMARY KEY, transfer INTEGER NOT NULL UNIQUE REFERENCES transfer,
                rate_e8 INTEGER CHECK (rate_e8 > 0), functional INTEGER NOT NULL CHECK (functional >= 0),
                difference INTEGER NOT NULL) STRICT
            """,
            """
            CREATE TABLE carrying (subject INTEGER PRIMARY KEY, functional INTEGER NOT NULL CHECK (functional >= 0),
                used INTEGER NOT NULL CHECK (used >= 0), used_functional INTEGER NOT NULL) STRICT
            """,
            """
            CREATE TABLE untranslated (transfer INTEGER PRIMARY KEY REFERENCES transfer, currency TEXT NOT NULL,
                posting_day INTEGER NOT NULL) STRICT
            """,
            """
            CREATE TABLE snapshot (id INTEGER PRIMARY KEY, report TEXT NOT NULL, as_of INTEGER NOT NULL,
                last_fact INTEGER NOT NULL, content TEXT NOT NULL, UNIQUE (report, as_of)) STRICT
            """,
        ]

    /// Attempts to hand messages to a mail server. `holder` sends it until `leased_until`; `result` is 0 while it
    /// waits, 1 when it was sent, 2 when it never will be. That it was sent is a fact of the reminder.
    private static let deliveries = [
        """
        CREATE TABLE delivery (message INTEGER PRIMARY KEY REFERENCES outbox, attempts INTEGER NOT NULL,
            holder TEXT NOT NULL, leased_until INTEGER NOT NULL, not_before INTEGER NOT NULL,
            result INTEGER NOT NULL CHECK (result IN (0, 1, 2)), answer TEXT NOT NULL) STRICT
        """,
        "CREATE INDEX outbox_day ON outbox (not_before_day)",
    ]

    /// What became of letters to people about their accounts: made of facts, and vouching for nothing.
    private static let notices = [
        """
        CREATE TABLE account_notice (number INTEGER PRIMARY KEY, attempts INTEGER NOT NULL, holder TEXT NOT NULL,
            leased_until INTEGER NOT NULL, not_before INTEGER NOT NULL,
            result INTEGER NOT NULL CHECK (result IN (0, 1, 2))) STRICT
        """
    ]

    /// People's accounts, what a second person has to decide, and what a browser's session needs.
    ///
    /// Sessions, attempts and preferences vouch for nothing; they are rows like others, and may be lost.
    private static let accounts = [
        """
        CREATE TABLE person_detail (id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES person, n INTEGER NOT NULL,
            personal INTEGER NOT NULL REFERENCES personal, UNIQUE (person, n)) STRICT
        """,
        """
        CREATE TABLE account (id INTEGER PRIMARY KEY, person INTEGER NOT NULL UNIQUE REFERENCES person) STRICT
        """,
        """
        CREATE TABLE account_event (id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES account, n INTEGER NOT NULL,
            kind INTEGER NOT NULL, personal INTEGER REFERENCES personal, UNIQUE (account, n)) STRICT
        """,
        """
        CREATE TABLE access_token (id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES account,
            kind INTEGER NOT NULL, name TEXT NOT NULL, token_hash BLOB NOT NULL UNIQUE, scopes TEXT NOT NULL,
            expires_at INTEGER NOT NULL) STRICT
        """,
        """
        CREATE TABLE access_token_end (id INTEGER PRIMARY KEY, access_token INTEGER NOT NULL UNIQUE REFERENCES access_token,
            reason INTEGER NOT NULL) STRICT
        """,
        """
        CREATE TABLE data_scope (id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES person, n INTEGER NOT NULL,
            scope INTEGER NOT NULL CHECK (scope IN (1, 2, 3)), UNIQUE (person, n)) STRICT
        """,
        """
        CREATE TABLE delegation (id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES person,
            deputy INTEGER NOT NULL REFERENCES person, from_day INTEGER NOT NULL, until_day INTEGER NOT NULL,
            reason TEXT NOT NULL, CHECK (person <> deputy), CHECK (until_day >= from_day)) STRICT
        """,
        """
        CREATE TABLE delegation_end (id INTEGER PRIMARY KEY, delegation INTEGER NOT NULL UNIQUE REFERENCES delegation,
            value_day INTEGER NOT NULL) STRICT
        """,
        """
        CREATE TABLE approval (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, subject INTEGER NOT NULL,
            personal INTEGER REFERENCES personal, content TEXT NOT NULL, requested_by INTEGER NOT NULL REFERENCES person,
            reason TEXT NOT NULL) STRICT
        """,
        """
        CREATE TABLE approval_decision (id INTEGER PRIMARY KEY, approval INTEGER NOT NULL UNIQUE REFERENCES approval,
            person INTEGER NOT NULL REFERENCES person, answer INTEGER NOT NULL CHECK (answer IN (1, 2, 3)),
            reason TEXT NOT NULL) STRICT
        """,
        """
        CREATE TABLE bank_account (id INTEGER PRIMARY KEY, entity INTEGER NOT NULL REFERENCES entity, code TEXT NOT NULL,
            UNIQUE (entity, code)) STRICT
        """,
        """
        CREATE TABLE bank_account_version (id INTEGER PRIMARY KEY, bank_account INTEGER NOT NULL REFERENCES bank_account,
            n INTEGER NOT NULL, bank TEXT NOT NULL, number TEXT NOT NULL, is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
            UNIQUE (bank_account, n)) STRICT
        """,
        """
        CREATE TABLE session (token_digest BLOB PRIMARY KEY, account INTEGER NOT NULL REFERENCES account, form_token TEXT NOT NULL,
            begun_at INTEGER NOT NULL, seen_at INTEGER NOT NULL, ends_at INTEGER NOT NULL, second_factor INTEGER NOT NULL,
            address TEXT NOT NULL, agent TEXT NOT NULL, last_act INTEGER NOT NULL) STRICT
        """,
        "CREATE INDEX session_account ON session (account)",
        """
        CREATE TABLE sign_in_attempt (subject TEXT PRIMARY KEY, failures INTEGER NOT NULL, locked_until INTEGER NOT NULL,
            last_at INTEGER NOT NULL) STRICT
        """,
        """
        CREATE TABLE security_event (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, person TEXT NOT NULL,
            address TEXT NOT NULL, detail TEXT NOT NULL) STRICT
        """,
        // What pages ask for: the facts about one customer or item, and somebody's open work.
        "CREATE INDEX contact_customer ON contact (customer)",
        "CREATE INDEX task_customer ON task (customer) WHERE customer IS NOT NULL",
        "CREATE INDEX task_assignee ON task (assignee, due_day)",
        "CREATE INDEX task_subject ON task_item (subject)",
        "CREATE INDEX case_customer ON collection_case (customer)",
        "CREATE INDEX pause_customer ON pause (customer) WHERE customer IS NOT NULL",
        "CREATE INDEX pause_item ON pause (item) WHERE item IS NOT NULL",
        "CREATE INDEX reminder_day ON reminder (day)",
        "CREATE INDEX reminder_about ON reminder_item (item)",
        "CREATE INDEX credit_waiting ON credit_balance (credit) WHERE unapplied > 0",
        "CREATE INDEX act_command ON act (command, seq)",
        """
        CREATE TABLE preference (key TEXT PRIMARY KEY, person INTEGER NOT NULL, name TEXT NOT NULL,
            content TEXT NOT NULL) STRICT
        """,
    ]

    /// What people put beside records. Files stand apart from the facts that name them by their hash.
    private static let notes = [
        """
        CREATE TABLE note (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL CHECK (kind IN (1, 2, 3, 4)),
            subject INTEGER NOT NULL, personal INTEGER NOT NULL REFERENCES personal) STRICT
        """,
        "CREATE INDEX note_subject ON note (subject)",
        """
        CREATE TABLE attachment (id INTEGER PRIMARY KEY, note INTEGER NOT NULL REFERENCES note, sha256 BLOB NOT NULL,
            size_bytes INTEGER NOT NULL, media_type TEXT NOT NULL, personal INTEGER NOT NULL REFERENCES personal) STRICT
        """,
        "CREATE INDEX attachment_note ON attachment (note)",
        "CREATE TABLE attachment_content (sha256 BLOB PRIMARY KEY, content BLOB NOT NULL) STRICT",
    ]

    /// Webhooks, with the place of each in the journal and its messages on their way; and who people are at the provider
    /// that signs them in.
    private static let otherSystems = [
        "CREATE TABLE webhook (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE) STRICT",
        """
        CREATE TABLE webhook_version (id INTEGER PRIMARY KEY, webhook INTEGER NOT NULL REFERENCES webhook,
            n INTEGER NOT NULL, events TEXT NOT NULL, is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
            personal INTEGER NOT NULL REFERENCES personal, UNIQUE (webhook, n)) STRICT
        """,
        """
        CREATE TABLE external_identity (id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES account,
            issuer TEXT NOT NULL, subject BLOB NOT NULL, UNIQUE (issuer, subject)) STRICT
        """,
        """
        CREATE TABLE webhook_place (webhook INTEGER PRIMARY KEY REFERENCES webhook, fact INTEGER NOT NULL) STRICT
        """,
        """
        CREATE TABLE webhook_message (number INTEGER PRIMARY KEY, webhook INTEGER NOT NULL REFERENCES webhook,
            event TEXT NOT NULL, act INTEGER NOT NULL, first_fact INTEGER NOT NULL, last_fact INTEGER NOT NULL,
            attempts INTEGER NOT NULL, holder TEXT NOT NULL, leased_until INTEGER NOT NULL, not_before INTEGER NOT NULL,
            state INTEGER NOT NULL CHECK (state IN (0, 1, 2)), status INTEGER NOT NULL, answer TEXT NOT NULL,
            noted_at INTEGER NOT NULL) STRICT
        """,
        "CREATE INDEX webhook_message_due ON webhook_message (state, not_before)",
        "CREATE INDEX webhook_message_of ON webhook_message (webhook, number)",
        "CREATE INDEX approval_about ON approval (subject, kind)",
    ]

    /// The fact tables of the first migration; later ones bring their own guards.
    private static let factsOfFoundation = FactTable.all.filter { $0.kind <= 43 }.map(\.name)
}
