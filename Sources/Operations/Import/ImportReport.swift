internal import Formats
package import Receivables

/// What an import did, or would do.
package struct ImportReport: Codable, Hashable, Sendable {
    package var kind: String
    /// Lines that registered something.
    package var created = 0
    /// Lines that were registered before with the same content.
    package var unchanged = 0
    /// Lines that gave a customer or contact a new version (`--update`).
    package var updated = 0
    package var rejected = 0
    /// Lines that wait for a second person.
    package var proposed: Int?
    package var isDryRun = false
    /// Codes registered on the way (`create_missing`).
    package var alsoCreated = 0
    /// Lines whose month was closed, so that they are posted on a later day.
    package var postedLater = 0

    package init(kind: ImportKind) { self.kind = kind.rawValue }
}

extension ImportReport: StoredOutcome {
    var storedText: String {
        var object = JSONObjectWriter(capacity: 160)
        object.add("alsoCreated", alsoCreated)
        object.add("created", created)
        object.add("isDryRun", isDryRun)
        object.add("kind", kind)
        object.add("postedLater", postedLater)
        if let proposed { object.add("proposed", proposed) }
        object.add("rejected", rejected)
        object.add("unchanged", unchanged)
        object.add("updated", updated)
        return String(decoding: object.finish(), as: UTF8.self)
    }
}

/// Why a line, or the file, was not taken: its place, its value and the refusal.
package struct LineFault: Error, Hashable, Sendable {
    /// From 1, as an editor counts; 0 for the file as a whole.
    package let line: Int
    /// The column's name in the file; empty for the line as a whole.
    package let column: String
    /// The value as it stands in the file, shortened.
    package let value: String
    package let refusal: Refusal

    package init(line: Int, column: String, value: String, refusal: Refusal) {
        self.line = line
        self.column = column
        self.value = value
        self.refusal = refusal
    }
}

/// The file was not taken: nothing in the store has changed.
package struct ImportRejected: Error, Sendable {
    package let report: ImportReport
    /// The first faults in the order of the file (at most `FileImport.faultsKept`).
    package let faults: [LineFault]
}
