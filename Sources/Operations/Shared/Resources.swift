internal import Foundation
internal import Receivables

/// Files that belong to the program: catalogues, the default policy, calendars.
///
/// Looked for in `HUIKUAN_RESOURCES`, beside the executable, and in `../share/huikuan`; a debug build
/// also asks SwiftPM, whose answer is of no use once the build folder is gone.
package enum Resources {
    /// - Throws: `Refusal` `file.missing`.
    package static func text(_ name: String) throws -> String {
        for folder in folders {
            let path = folder + "/" + name
            if let data = FileManager.default.contents(atPath: path) { return String(decoding: data, as: UTF8.self) }
        }
        throw Refusal(.fileMissing, ["path": .text("\(name) (HUIKUAN_RESOURCES)")])
    }

    private static let folders: [String] = {
        var folders: [String] = []
        if let named = ProcessInfo.processInfo.environment["HUIKUAN_RESOURCES"] { folders.append(named) }
        let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        folders.append(executable.appendingPathComponent("huikuan_Operations.resources/Resources").path)
        folders.append(executable.appendingPathComponent("../share/huikuan").standardizedFileURL.path)
        #if DEBUG
            if let path = Bundle.module.resourceURL?.appendingPathComponent("Resources").path { folders.append(path) }
        #endif
        return folders
    }()
}
