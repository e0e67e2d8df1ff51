internal import Foundation

/// A note beside the store that says who is writing for long, for those who wait for it.
///
/// It is written once the write lock is held and taken away before the lock is given back, so it never names
/// somebody who waits. Whatever is wrong with it costs a name in a message, nothing else.
package enum WriterNote {
    /// Commands that may hold the lock for more than a moment.
    static func isWorthIt(_ command: String) -> Bool { command.hasPrefix("import-") || command == "run-day" }

    private static func path(_ store: String) -> String { store + ".writer" }

    static func leave(_ command: String, store: String) {
        // Written in place: whoever reads half of it sees nobody, and a killed command leaves no other file behind.
        let descriptor = open(path(store), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return }
        var text = "\(getpid()) \(command)"
        text.withUTF8 { _ = write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }

    static func remove(store: String) { unlink(path(store)) }

    /// Process and command of who is writing; `nil` when nobody said so, or died since.
    package static func read(store: String) -> String? {
        guard let data = FileManager.default.contents(atPath: path(store)) else { return nil }
        let text = String(decoding: data, as: UTF8.self)
        guard let process = text.split(separator: " ").first.flatMap({ Int32($0) }), kill(process, 0) == 0 else {
            return nil
        }
        return text
    }
}
