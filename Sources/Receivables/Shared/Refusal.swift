package import Ledger

/// Why something a person asked for is not done: a code, and the facts a message needs.
///
/// The catalogues turn it into a sentence in the reader's language that says what to do
/// (`Resources/catalogue`); `docs/ERRORS.md` lists all codes.
package struct Refusal: Error, Hashable, Sendable {
    package let code: RefusalCode
    package let parameters: [String: Parameter]

    package init(_ code: RefusalCode, _ parameters: [String: Parameter] = [:]) {
        self.code = code
        self.parameters = parameters
    }

    /// A fact named in a message; the edge writes it the way the reader's language does.
    package enum Parameter: Hashable, Sendable {
        case text(String)
        case count(Int)
        case money(Money)
        case day(LocalDate)
    }
}

/// Every reason for a refusal. The raw value is public: it stands in JSON answers and in logs.
package enum RefusalCode: String, CaseIterable, Sendable {
    // Files and their cells.
    case fileMissing = "file.missing"
    case fileEmpty = "file.empty"
    case fileEncoding = "file.encoding"
    case fileNul = "file.nul"
    case fileUnclosedQuote = "file.unclosed-quote"
    case fileStrayQuote = "file.stray-quote"
    case fileRagged = "file.ragged"
    case fileCellTooLarge = "file.cell-too-large"
    case fileLineTooLarge = "file.line-too-large"
    case fileNotAFile = "file.not-a-file"
    case fileChanged = "file.changed"
    case workbookUnreadable = "workbook.unreadable"
    case workbookEncrypted = "workbook.encrypted"
    case workbookNoSheet = "workbook.no-sheet"
    case workbookHostile = "workbook.hostile"
    case workbookTooLarge = "workbook.too-large"
    case workbookNotCalculated = "workbook.not-calculated"
    case columnMissing = "column.missing"
    case columnUnknown = "column.unknown"
    case columnTwice = "column.twice"
    case columnUnnamed = "column.unnamed"
    case valueMissing = "value.missing"
    case valueTooLong = "value.too-long"
    case valueControlCharacter = "value.control-character"
    case valueNotADate = "value.not-a-date"
    case valueImpossibleDate = "value.impossible-date"
    case valueDateOutOfRange = "value.date-out-of-range"
    case valueNotAnAmount = "value.not-an-amount"
    case valueTooManyDecimals = "value.too-many-decimals"
    case valueTooLarge = "value.too-large"
    case valueNotPositive = "value.not-positive"
    case valueNegative = "value.negative"
    case valueNotACount = "value.not-a-count"
    case valueNotAChoice = "value.not-a-choice"
    case valueUnknownCurrency = "value.unknown-currency"
    case valueNotARate = "value.not-a-rate"
    case valueNotAnEInvoiceNumber = "value.not-an-einvoice-number"
    case valueNotInstalments = "value.not-instalments"
    // Mappings.
    case mappingUnreadable = "mapping.unreadable"
    case mappingUnknownKey = "mapping.unknown-key"
    case mappingUnknownColumn = "mapping.unknown-column"
    case mappingNotFound = "mapping.not-found"
    // Customers and contacts.
    case customerUnknown = "customer.unknown"
    case customerDiffers = "customer.differs"
    case customerInOwnGroup = "customer.in-own-group"
    case customerGroupCircle = "customer.group-circle"
    case contactDiffers = "contact.differs"
    // Invoices.
    case invoiceUnknown = "invoice.unknown"
    case invoiceDiffers = "invoice.differs"
    case invoiceNoDueDate = "invoice.no-due-date"
    case invoiceTwoDueDates = "invoice.two-due-dates"
    case invoiceNetTaxGross = "invoice.net-tax-gross"
    case invoiceInstalmentsSum = "invoice.instalments-sum"
    case invoiceAllocated = "invoice.allocated"
    case invoiceReversed = "invoice.reversed"
    case invoiceSameStatus = "invoice.same-status"
    case invoiceEInvoiceTaken = "invoice.einvoice-taken"
    case entityUnknown = "entity.unknown"
    case entityExists = "entity.exists"
    case itemUnknown = "item.unknown"
    case dueDateSame = "due-date.same"
    // Credits and allocations.
    case creditNoteDiffers = "credit-note.differs"
    case creditNoteUnknown = "credit-note.unknown"
    case creditNoteBeforeInvoice = "credit-note.before-invoice"
    case creditNoteAboveInvoice = "credit-note.above-invoice"
    case receiptUnknown = "receipt.unknown"
    case receiptAmbiguous = "receipt.ambiguous"
    case receiptDiffers = "receipt.differs"
    case receiptReversed = "receipt.reversed"
    case allocationAboveOpen = "allocation.above-open"
    case allocationAboveReceipt = "allocation.above-receipt"
    case allocationTooEarly = "allocation.too-early"
    case allocationTooSmall = "allocation.too-small"
    case allocationTwoAmounts = "allocation.two-amounts"
    case allocationOtherCurrency = "allocation.other-currency"
    case allocationOtherCustomer = "allocation.other-customer"
    case allocationOtherEntity = "allocation.other-entity"
    case allocationDiffers = "allocation.differs"
    case allocationUnknown = "allocation.unknown"
    case allocationReversed = "allocation.reversed"
    case settlementNothingOpen = "settlement.nothing-open"
    case settlementDiffers = "settlement.differs"
    case reversalTooEarly = "reversal.too-early"
    case reversalInFuture = "reversal.in-future"
    case reasonMissing = "reason.missing"
    // Reference data and periods.
    case calendarDiffers = "calendar.differs"
    case rateDiffers = "rate.differs"
    case periodOrder = "period.order"
    case periodState = "period.state"
    case policyUnreadable = "policy.unreadable"
    case policyTooEarly = "policy.too-early"
    case accountUnknown = "account.unknown"
    case accountTaken = "account.taken"
    // The day, tasks, pauses.
    case dayRangeBackwards = "day.range-backwards"
    case dayTooFar = "day.too-far"
    case taskUnknown = "task.unknown"
    case taskClosed = "task.closed"
    case pauseTooLong = "pause.too-long"
    case pauseBackwards = "pause.backwards"
    case pauseAmount = "pause.amount"
    case reminderUnknown = "reminder.unknown"
    case reminderNotHeld = "reminder.not-held"
    case reminderNoContact = "reminder.no-contact"
    // Commands, actors and the store.
    case keyReused = "key.reused"
    case actorUnknown = "actor.unknown"
    case clockNotAllowed = "clock.not-allowed"
    case clockUnreadable = "clock.unreadable"
    case restoreNoKeys = "restore.no-keys"
    case personalKeyMissing = "personal.key-missing"
    case instantUnreadable = "instant.unreadable"
    case actUnknown = "act.unknown"
    case bucketsUnreadable = "buckets.unreadable"
    case bucketUnknown = "bucket.unknown"
    case dimensionUnknown = "dimension.unknown"
    case mailServerUnreadable = "mail.server-unreadable"
    case mailSenderUnreadable = "mail.sender-unreadable"
    case outputExists = "output.exists"
    case copySourceMoved = "copy.source-moved"
    case outputUnwritable = "output.unwritable"
    case storeMissing = "store.missing"
    case storeExists = "store.exists"
    case storeNotAStore = "store.not-a-store"
    case storeLocked = "store.locked"
    case storeFull = "store.full"
    case storeDisk = "store.disk"
    case storeReadOnly = "store.read-only"
    case storeCorrupt = "store.corrupt"
    case storeNewer = "store.newer"
    case storeUnavailable = "store.unavailable"
    case storeFaulty = "store.faulty"
}
