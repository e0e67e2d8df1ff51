internal import Foundation
internal import NIOCore
internal import Operations
internal import Receivables

/// Files that somebody uploaded and is looking at before they are imported; kept for two hours at most, each known to
/// the one who brought it alone.
final class Uploads: @unchecked Sendable {
    // Everything is guarded by `lock`.
    private let lock = NSLock()
    private var byID: [String: Upload] = [:]
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
        "huikuan-uploads-\(UUID().uuidString)")

    struct Upload: Sendable {
        let id: String
        let owner: String
        let name: String
        let path: String
        let begun: Date
        /// Bytes, as far as they came.
        var size = 0
        /// Share of the work done while it is imported, and how it ended.
        var progress: Double?
        var outcome: Outcome?
        /// Of one that a program brought: its idempotency key, and what came of it.
        var key: String?
        /// Stands for its bytes and what was asked for.
        var mark = ""
        var job: Job?

        var isDone: Bool {
            if case .imported = outcome { return true }
            return !(job?.state ?? "").isEmpty
        }
    }

    /// What came of an import.
    struct Job: Sendable {
        /// `done`, `rejected` or `failed`.
        var state = ""
        var report: ImportReport?
        var faults: [LineFault] = []
        var act: Int64?
    }

    enum Outcome: Sendable {
        case imported(summary: String, act: Int64?)
        case failed(message: String)
    }

    private static let keptSeconds = 7200.0
    private static let most = 200
    /// Bytes that one person's files may have together.
    private let quota: Int

    init(quota: Int = 2 << 30) { self.quota = quota }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// - Throws: `Refusal` `upload.quota`; what the disk says.
    func keep(_ bytes: [UInt8], name: String, owner: String) throws -> Upload {
        try lock.withLock {
            sweep()
            try needRoom(for: bytes.count, owner)
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            let id = UUID().uuidString.lowercased()
            // The type is recognised by the content; the ending alone comes from outside, and only a known one.
            let ending = ["xlsx", "csv", "txt", "tsv"].first { name.lowercased().hasSuffix("." + $0) } ?? "csv"
            let path = folder.appendingPathComponent("\(id).\(ending)").path
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            let upload = Upload(id: id, owner: owner, name: name, path: path, begun: Date(), size: bytes.count)
            byID[id] = upload
            return upload
        }
    }

    /// Keeps a file while it comes, without holding it in memory.
    ///
    /// - Throws: `tooLarge` once more came than may; `Refusal` `upload.quota`; what the disk says.
    func keep<Bytes: AsyncSequence & Sendable>(
        _ stream: Bytes, name: String, owner: String, most: Int, tooLarge: Refusal
    ) async throws -> Upload where Bytes.Element == ByteBuffer {
        let upload = try keep([], name: name, owner: owner)
        do {
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: upload.path))
            defer { try? file.close() }
            var count = 0
            for try await part in stream {
                count += part.readableBytes
                guard count <= most else { throw tooLarge }
                try lock.withLock {
                    try needRoom(for: part.readableBytes, owner)
                    byID[upload.id]?.size = count
                }
                try file.write(contentsOf: Data(part.readableBytesView))
            }
        } catch {
            forget(upload.id)
            throw error
        }
        return upload
    }

    /// What was imported needn't be kept: it makes room first.
    private func needRoom(for count: Int, _ owner: String) throws {
        func used() -> Int { byID.values.filter { $0.owner == owner }.reduce(0) { $0 + $1.size } }
        guard used() + count > quota else { return }
        for upload in byID.values where upload.owner == owner && upload.isDone {
            try? FileManager.default.removeItem(atPath: upload.path)
            byID[upload.id]?.size = 0
        }
        guard used() + count <= quota else {
            throw Refusal(.uploadQuota, ["limit": .count(quota >> 20)])
        }
    }

    /// Somebody's uploads whose work goes on or has ended, the last one first.
    func all(owner: String) -> [Upload] {
        lock.withLock { byID.values.filter { $0.owner == owner }.sorted { $0.begun > $1.begun } }
    }

    /// Takes an idempotency key for an upload. One whose work was refused or failed leaves its key to the next.
    ///
    /// - Returns: The owner's other upload that has the key; the new one is forgotten then.
    func claim(_ id: String, key: String, mark: String) -> Upload? {
        let known = lock.withLock { () -> Upload? in
            guard var upload = byID[id] else { return nil }
            let other = byID.values.first { $0.key == key && $0.owner == upload.owner && $0.id != id }
            if let other, other.job.map({ $0.state == "done" }) ?? true { return other }
            if let other { byID[other.id]?.key = "" }
            upload.key = key
            upload.mark = mark
            upload.progress = 0
            byID[id] = upload
            return nil
        }
        if known != nil { forget(id) }
        return known
    }

    /// The same for the same bytes and the same options.
    static func mark(of upload: Upload, _ options: String) throws -> String {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: upload.path))
        defer { try? file.close() }
        var mark = Secret.tag(of: Array(options.utf8))
        while let part = try file.read(upToCount: 1 << 20), !part.isEmpty {
            mark = Secret.tag(of: Array(mark.utf8) + part)
        }
        return mark
    }

    private func forget(_ id: String) {
        lock.withLock {
            if let upload = byID.removeValue(forKey: id) { try? FileManager.default.removeItem(atPath: upload.path) }
        }
    }

    /// Somebody's own upload.
    func find(_ id: String, owner: String) -> Upload? {
        lock.withLock { byID[id].flatMap { $0.owner == owner ? $0 : nil } }
    }

    func change(_ id: String, _ change: (inout Upload) -> Void) {
        lock.withLock {
            guard var upload = byID[id] else { return }
            change(&upload)
            byID[id] = upload
        }
    }

    private func sweep() {
        let old = byID.values.filter { -$0.begun.timeIntervalSinceNow > Self.keptSeconds }
        let excess = byID.values.sorted { $0.begun < $1.begun }.dropLast(Self.most)
        for upload in old + excess {
            try? FileManager.default.removeItem(atPath: upload.path)
            byID[upload.id] = nil
        }
    }
}
