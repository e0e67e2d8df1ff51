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

    /// A file of another target's bundle, beside the executable or in `../share/huikuan`.
    ///
    /// - Parameter fallback: The folder where a debug build has it.
    /// - Throws: `Refusal` `file.missing`.
    package static func bytes(_ name: String, bundle: String, fallback: String?) throws -> [UInt8] {
        let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let beside = executable.appendingPathComponent(bundle).path
        for folder in [beside] + folders + [fallback].compactMap({ $0 }) {
            if let data = FileManager.default.contents(atPath: folder + "/" + name) { return Array(data) }
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
