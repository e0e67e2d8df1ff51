internal import Database
internal import Foundation
package import Ledger
package import Receivables

/// Notes and files that people put beside a record (备注与附件). They are facts: what was said stays said; a later note
/// corrects an earlier one.
package enum Notes {
    /// What a note is about. The raw value stands in the store.
    package enum Kind: Int64, CaseIterable, Sendable {
        case customer = 1
        case invoice, receipt, task

        package var name: String { "\(self)" }

        /// Who sees the record sees what stands beside it.
        package var permission: Permission {
            switch self {
            case .customer: .seeCustomers
            case .invoice: .seeInvoices
            case .receipt: .seeReceipts
            case .task: .seeTasks
            }
        }
    }

    /// A record by its kind and what people call it: a customer's code, an invoice's number, the number of a receipt's or
    /// task's fact.
    package struct Subject: Hashable, Sendable {
        package let kind: Kind
        package let key: String
        /// The entity of an invoice, where its number alone would mean two.
        package let entity: String?

        package init(_ kind: Kind, _ key: String, entity: String? = nil) {
            self.kind = kind
            self.key = key
            self.entity = entity
        }
    }

    package struct File: Sendable {
        package let name: String
        package let bytes: [UInt8]

        package init(name: String, bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// One file may hold so many bytes.
    package static let mostBytes = 10 << 20
    package static let mostCharacters = 4_000

    /// What a file is by its first bytes; the ending that it came with is not believed.
    ///
    /// - Returns: `nil` for what isn't among papers, pictures, sheets, mails and texts.
    package static func mediaType(of bytes: [UInt8]) -> String? {
        func begins(_ mark: [UInt8]) -> Bool { bytes.starts(with: mark) }
        if begins(Array("%PDF-".utf8)) { return "application/pdf" }
        if begins([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return "image/png" }
        if begins([0xFF, 0xD8, 0xFF]) { return "image/jpeg" }
        // Office documents and e-invoices (OFD) are zip files.
        if begins([0x50, 0x4B, 0x03, 0x04]) { return "application/zip" }
        if begins([0xD0, 0xCF, 0x11, 0xE0]) { return "application/x-ole-storage" }
        // Text, in whatever encoding: no control characters but those of lines.
        let isText = bytes.allSatisfy {
            $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D || $0 == 0x0C
        }
        guard isText, !bytes.isEmpty else { return nil }
        let head = String(decoding: bytes.prefix(512), as: UTF8.self).lowercased()
        return ["<!doctype", "<html", "<svg", "<script", "#!"].contains { head.contains($0) } ? nil : "text/plain"
    }
}

/// Writes notes.
package struct NoteCommands: Sendable {
    private let store: Store
    private let request: ActRequest

    package init(in store: Store, _ request: ActRequest) {
        self.store = store
        self.request = request
    }

    /// Puts a note, a file or both beside a record.
    ///
    /// - Throws: `Refusal` `note.empty`, `note.too-long`, `attachment.type`, `attachment.too-large`, and those of a record
    ///   that isn't there or not in the scope.
    package func add(_ text: String, file: Notes.File?, to subject: Notes.Subject) async throws -> Int64? {
        let said = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !said.isEmpty || file != nil else { throw Refusal(.noteEmpty) }
        guard said.count <= Notes.mostCharacters else {
            throw Refusal(.noteTooLong, ["most": .count(Notes.mostCharacters)])
        }
        var type: String?
        if let file {
            guard file.bytes.count <= Notes.mostBytes else {
                throw Refusal(.attachmentTooLarge, ["name": .text(file.name), "most": .count(Notes.mostBytes >> 20)])
            }
            guard let known = Notes.mediaType(of: file.bytes) else {
                throw Refusal(.attachmentType, ["name": .text(file.name)])
            }
            type = known
        }
        let mediaType = type
        return try await store.write(request) { books in
            try books.viewer().need(subject.kind.permission)
            let (fact, customer) = try Self.find(subject, books)
            // Erasing a customer's key erases what was said of them.
            let key = customer ?? fact
            let personal = try books.personal.append([said], subject: key)
            let note = try books.facts.append(.note) { row in
                row.integer(subject.kind.rawValue)
                row.integer(fact)
                row.integer(personal)
            }
            if let file, let mediaType {
                let digest = Self.digest(file.bytes)
                let name = try books.personal.append([String(file.name.prefix(200))], subject: key)
                try books.facts.append(.attachment) { row in
                    row.integer(note)
                    row.blob(digest)
                    row.integer(Int64(file.bytes.count))
                    row.text(mediaType)
                    row.integer(name)
                }
                // The same bytes are kept once.
                if try books.session.row("SELECT 1 FROM attachment_content WHERE sha256 = \(digest)") == nil {
                    try books.session.execute(
                        "INSERT INTO attachment_content (sha256, content) VALUES (\(digest), \(file.bytes))")
                }
            }
            return ["note": note]
        }.act
    }

    static func digest(_ bytes: [UInt8]) -> [UInt8] {
        let hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }

    /// The record's fact and its customer, within the scope of whoever asks.
    private static func find(_ subject: Notes.Subject, _ books: Books) throws -> (fact: Int64, customer: Int64?) {
        let key = subject.key
        switch subject.kind {
        case .customer:
            guard let customer = try books.customers.find(key)?.id.rawValue, try books.isInScope(customer: customer)
            else { throw Refusal(.customerUnknown, ["customer": .text(key)]) }
            return (customer, customer)
        case .invoice:
            let entity = try books.entities.find(subject.entity)
            guard let invoice = try books.invoices().find(entity: entity, number: key),
                try books.isInScope(customer: invoice.customer.rawValue)
            else { throw Refusal(.invoiceUnknown, ["invoice": .text(key)]) }
            return (invoice.id, invoice.customer.rawValue)
        case .receipt:
            let found = try books.session.row(
                "SELECT credit, customer FROM credit_balance WHERE credit = \(Int64(key) ?? 0)")
            guard let row = found, try books.isInScope(customer: row.optionalInteger(1)) else {
                throw Refusal(.receiptUnknown, ["receipt": .text(key)])
            }
            return (row.integer(0), row.optionalInteger(1))
        case .task:
            guard let row = try books.session.row("SELECT id, customer FROM task WHERE id = \(Int64(key) ?? 0)"),
                try books.isInScope(customer: row.optionalInteger(1))
            else { throw Refusal(.taskUnknown, ["task": .text(key)]) }
            return (row.integer(0), row.optionalInteger(1))
        }
    }
}

extension Look {
    package struct NoteRow: Sendable {
        package let id: Int64
        /// `nil` where it was erased.
        package let text: String?
        package let author: String
        package let instant: Instant
        package let act: Int64
        package let files: [FileRow]
    }

    package struct FileRow: Sendable {
        package let id: Int64
        package let name: String
        package let size: Int
        package let mediaType: String
    }

    /// What stands beside a record, newest first. The record itself was looked up, and is in the scope.
    package func notes(_ kind: Notes.Kind, about fact: Int64, limit: Int = 50) throws -> [NoteRow] {
        let personal = PersonalRepository(session: session, facts: nil)
        let acts = ActRepository(session: session)
        return try session.rows(
            """
            SELECT id, personal FROM note WHERE subject = \(fact) AND kind = \(kind.rawValue) ORDER BY id DESC LIMIT \(limit)
            """
        ).map { row in
            let act = try acts.act(ofFact: row.integer(0))
            let files = try session.rows(
                "SELECT id, personal, size_bytes, media_type FROM attachment WHERE note = \(row.integer(0)) ORDER BY id"
            ).map { file in
                FileRow(
                    id: file.integer(0), name: try personal.fields(file.integer(1))?.first ?? "",
                    size: Int(file.integer(2)),
                    mediaType: file.text(3))
            }
            return NoteRow(
                id: row.integer(0), text: try personal.fields(row.integer(1))?.first,
                author: act.map { outlook.names.called($0.actor) } ?? "", instant: act?.instant ?? instant,
                act: act?.seq ?? 0, files: files)
        }
    }

    /// Notes on a customer.
    ///
    /// - Throws: `Refusal` `customer.unknown`.
    package func notes(ofCustomer code: String) throws -> [NoteRow] {
        try notes(.customer, about: try customer(code))
    }

    /// A file that stands beside a record which the viewer sees.
    ///
    /// - Throws: `Refusal` `attachment.unknown`, also for one outside of the scope; `DatabaseFailure.corrupt` when its
    ///   content isn't what was put there.
    package func attachment(_ id: Int64) throws -> (file: FileRow, bytes: [UInt8]) {
        let unknown = Refusal(.attachmentUnknown, ["attachment": .text("\(id)")])
        let found = try session.row(
            """
            SELECT a.sha256, a.size_bytes, a.media_type, a.personal, n.kind, n.subject FROM attachment a
              JOIN note n ON n.id = a.note WHERE a.id = \(id)
            """)
        guard let row = found, let kind = Notes.Kind(rawValue: row.integer(4)), viewer.may(kind.permission),
            try seesRecord(kind, row.integer(5)),
            let content = try session.row("SELECT content FROM attachment_content WHERE sha256 = \(row.blob(0))")?.blob(
                0)
        else { throw unknown }
        guard NoteCommands.digest(content) == row.blob(0) else {
            throw DatabaseFailure.corrupt(detail: "attachment \(id): its content is not what was put there")
        }
        let name = try PersonalRepository(session: session, facts: nil).fields(row.integer(3))?.first ?? ""
        return (FileRow(id: id, name: name, size: Int(row.integer(1)), mediaType: row.text(2)), content)
    }

    private func seesRecord(_ kind: Notes.Kind, _ fact: Int64) throws -> Bool {
        let customer: Int64?
        switch kind {
        case .customer: customer = fact
        case .invoice: customer = try session.row("SELECT customer FROM invoice WHERE id = \(fact)")?.integer(0)
        case .receipt:
            customer = try session.row("SELECT customer FROM credit_balance WHERE credit = \(fact)")?.optionalInteger(0)
        case .task: customer = try session.row("SELECT customer FROM task WHERE id = \(fact)")?.optionalInteger(0)
        }
        return customer.map(sees) ?? viewer.seesAll
    }
}
