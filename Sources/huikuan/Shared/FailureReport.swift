import Database
import Formats
import Foundation
import Operations
import Receivables

/// Says what went wrong, in the reader's language, and with which exit code the command ends.
struct FailureReport {
    private let error: any Error

    init(_ error: any Error) { self.error = error }

    /// Prints the message and returns the exit code: 1 for refusals, 3 for failures.
    func show() -> Int32 {
        let wantsJSON = CommandLine.arguments.contains("--json")
        let catalogue = try? Catalogue(SpokenLanguage.choose(asked: Self.option("--language")))
        let (code, message, exitCode) = describe(catalogue)
        if wantsJSON {
            Console.emit(
                .object(["error": .object(["code": .string(code), "message": .string(message)])]))
        }
        Console.complain(message)
        return exitCode
    }

    /// What went wrong, for a line among others.
    var message: String { describe(try? Catalogue(SpokenLanguage.choose(asked: Self.option("--language")))).message }

    private static func option(_ name: String) -> String? {
        let arguments = CommandLine.arguments
        guard let index = arguments.firstIndex(of: name), index + 1 < arguments.count else { return nil }
        return arguments[index + 1]
    }

    private func describe(_ catalogue: Catalogue?) -> (code: String, message: String, exitCode: Int32) {
        func refused(_ refusal: Refusal, _ exitCode: Int32) -> (String, String, Int32) {
            (refusal.code.rawValue, catalogue?.message(refusal) ?? refusal.code.rawValue, exitCode)
        }
        switch error {
        case let refusal as Refusal: return refused(refusal, 1)
        case let failure as DatabaseFailure:
            let (refusal, exitCode) = Self.refusal(of: failure)
            var (code, message, exit) = refused(refusal, exitCode)
            if case .locked = failure,
                let holder = WriterNote.read(store: Self.option("--store") ?? StoreOptions.defaultStore)
            {
                message += " " + (catalogue?.text("failure.locked-by", ["holder": .text(holder)]) ?? holder)
            }
            if code.isEmpty { (code, message, exit) = ("failure", "\(failure)", 3) }
            return (code, message, exit)
        case let failure as ReportFileError:
            return refused(
                Refusal(.outputUnwritable, ["path": .text(failure.path), "reason": .text(failure.reason)]), 1)
        default:
            let message = catalogue?.text(.failureUnexpected, ["detail": .text("\(error)")]) ?? "\(error)"
            return ("failure.unexpected", message, 3)
        }
    }

    private static func refusal(of failure: DatabaseFailure) -> (Refusal, Int32) {
        switch failure {
        case .missing(let path): (Refusal(.storeMissing, ["path": .text(path)]), 1)
        case .exists(let path): (Refusal(.storeExists, ["path": .text(path)]), 1)
        case .notAStore(let path): (Refusal(.storeNotAStore, ["path": .text(path)]), 1)
        case .locked(let seconds): (Refusal(.storeLocked, ["seconds": .count(seconds)]), 3)
        case .full: (Refusal(.storeFull), 3)
        case .disk(let detail): (Refusal(.storeDisk, ["detail": .text(detail)]), 3)
        case .readOnly: (Refusal(.storeReadOnly), 3)
        case .corrupt(let detail): (Refusal(.storeCorrupt, ["detail": .text(detail)]), 3)
        case .newerVersion(let found, let known):
            (Refusal(.storeNewer, ["found": .count(found), "known": .count(known)]), 1)
        case .constraint(let detail): (Refusal(.storeFaulty, ["detail": .text(detail)]), 3)
        case .cannotOpen(let path, let detail):
            (Refusal(.storeUnavailable, ["detail": .text("\(path): \(detail)")]), 3)
        case .other(let code, let detail): (Refusal(.storeUnavailable, ["detail": .text("\(detail) (\(code))")]), 3)
        }
    }
}
