/// What an engine can't do and no person asked for: not a refusal, an obstacle.
package enum DatabaseFailure: Error, Hashable, Sendable {
    case missing(path: String)
    case exists(path: String)
    case notAStore(path: String)
    /// Another process held the write lock for longer than was waited.
    case locked(seconds: Int)
    case full
    /// A read, write or sync of a file failed; a full disk can look like that too.
    case disk(detail: String)
    case readOnly
    case corrupt(detail: String)
    /// Written by a later version of the program.
    case newerVersion(found: Int, known: Int)
    /// A rule of the schema; the detail names table and column.
    case constraint(detail: String)
    case cannotOpen(path: String, detail: String)
    case other(code: Int, detail: String)

    /// Whether the engine itself failed, so that nothing else in its transaction can be trusted.
    package var endsTransaction: Bool {
        if case .constraint = self { false } else { true }
    }
}
