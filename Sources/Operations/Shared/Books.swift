internal import Database
internal import Ledger
internal import Receivables

/// What a command sees of the store while it runs: repositories that share one transaction.
///
/// Pages and the command line never get at one; only commands of `Operations` write through it.
package final class Books {
    let session: any SQLSession
    let facts: FactWriter
    package let request: ActRequest
    /// Version of the policy that decided, named in the act.
    var policyVersion: Int64?

    private let chance: PersonalRepository.Chance
    private let memory: WriterMemory

    init(
        _ session: any SQLSession, _ request: ActRequest, _ memory: WriterMemory, lastFact: Int64,
        chance: @escaping PersonalRepository.Chance
    ) {
        self.memory = memory
        self.session = session
        self.request = request
        self.chance = chance
        facts = FactWriter(session, lastFact: lastFact)
    }

    var today: LocalDate { request.today }

    /// Whose the last facts were that were asked for: lines of a file name facts of few acts.
    private var registrars: [ActRepository.Registrar] = []

    /// Who recorded a fact and by what; `nil` for what this command records itself.
    func registrar(ofFact fact: Int64) throws -> ActRepository.Registrar? {
        if let known = registrars.first(where: { $0.facts.contains(fact) }) { return known }
        guard let found = try memory.registrar(ofFact: fact, session) else { return nil }
        registrars.insert(found, at: 0)
        if registrars.count > 8 { registrars.removeLast() }
        return found
    }

    /// Whether a page of lines should be looked up at once.
    var looksAhead: Bool { session.looksAhead }

    private(set) lazy var settings = SettingRepository(session: session, facts: facts, today: today)
    private(set) lazy var entities = EntityRepository(session: session, facts: facts)
    private(set) lazy var people = PersonRepository(session: session, facts: facts, today: today)
    private(set) lazy var customers = CustomerRepository(session: session, facts: facts)
    private(set) lazy var personal = PersonalRepository(session: session, facts: facts, chance: chance)
    private(set) lazy var contacts = ContactRepository(session: session, facts: facts, personal: personal)
    private(set) lazy var periods = PeriodRepository(session: session, facts: facts)
    private(set) lazy var ledger = LedgerRepository(session: session, facts: facts, entities: entities)
    private(set) lazy var calendars = CalendarRepository(session: session, facts: facts)
    private(set) lazy var rates = RateRepository(session: session, facts: facts)
    private var invoiceRepository: InvoiceRepository?
    private var creditRepository: CreditRepository?

    /// Invoices and credits keep statements prepared for loops over millions of lines.
    func invoices() throws -> InvoiceRepository {
        if let known = invoiceRepository { return known }
        let repository = try InvoiceRepository(session: session, facts: facts, ledger: ledger)
        invoiceRepository = repository
        return repository
    }

    func credits() throws -> CreditRepository {
        if let known = creditRepository { return known }
        let repository = try CreditRepository(session: session, facts: facts, ledger: ledger)
        creditRepository = repository
        return repository
    }

    /// Forgets what repositories remember, after something that they may remember was undone.
    func forgetCaches() {
        invoiceRepository?.forgetPage()
        creditRepository?.forgetPage()
        entities = EntityRepository(session: session, facts: facts)
        people = PersonRepository(session: session, facts: facts, today: today)
        customers = CustomerRepository(session: session, facts: facts)
        personal = PersonalRepository(session: session, facts: facts, chance: chance)
        contacts = ContactRepository(session: session, facts: facts, personal: personal)
    }

    /// What follows from whatever a command did, in the same act: functional amounts of what it posted.
    func finish() throws {
        if ledger.postedForeign { _ = try Translator(self, from: facts.firstFact).run() }
    }

    private(set) lazy var accounts = AccountRepository(session: session, facts: facts, personal: personal)
    private(set) lazy var approvals = ApprovalRepository(session: session, facts: facts, personal: personal)
    /// Who acts, once it was asked for.
    private var knownViewer: Viewer?

    /// The one who acts, for commands that ask more than the permission, which was asked before they began.
    func viewer() throws -> Viewer {
        if let known = knownViewer { return known }
        let viewer = try memory.viewer(request, session)
        knownViewer = viewer
        return viewer
    }

    func company() throws -> CompanySettings { try memory.company(session) }

    private(set) lazy var tracking = TrackingRepository(session: session, facts: facts)
}
