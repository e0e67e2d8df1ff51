import Foundation
import Ledger
import OpenItems
import Testing

@Suite("A damaged file of the picture")
struct DamagedImageTests {
    private static let hash = [UInt8](repeating: 0xa5, count: 32)
    /// Where the parts of the head begin, and how long it is.
    private static let version = 8, act = 16, headLength = 96

    /// Writes the picture of small books and lends its bytes.
    private func use(_ body: (KeptFile, [UInt8]) throws -> Void) throws {
        var picture = PlainBooks.random(seed: 41, steps: 30).picture(.sorted)
        picture.addTurnover(account: .receivable, currency: .yuan, day: 20_000, amount: 1 << 70)
        try KeptFile.use { file in
            try picture.writeImage(to: file.path, act: 99, hash: Self.hash)
            try body(file, file.read())
        }
    }

    private func isRefused(_ file: KeptFile, _ bytes: some Sequence<UInt8>) throws -> Bool {
        try file.write(bytes)
        return OpenItems.readImage(from: file.path) == nil
    }

    @Test("isn't used when it ends early or goes on")
    func length() throws {
        try use { file, bytes in
            let lengths = Set(stride(from: 0, to: bytes.count, by: 23)).union(bytes.count - 40..<bytes.count)
            let used = try lengths.filter { try !isRefused(file, bytes.prefix($0)) }
            #expect(used.isEmpty)
            #expect(try isRefused(file, bytes + [0]))
            #expect(try isRefused(file, bytes + bytes))
            #expect(try isRefused(file, [UInt8](repeating: 0, count: bytes.count)))
            try file.write(bytes)
            #expect(OpenItems.readImage(from: file.path) != nil)
        }
    }

    @Test("isn't used when one byte of it is another", arguments: [0x01, 0x80] as [UInt8])
    func flipped(bits: UInt8) throws {
        try use { file, bytes in
            var used: [Int] = []
            for place in bytes.indices {
                try file.write(bytes[place] ^ bits, at: place)
                if OpenItems.readImage(from: file.path) != nil { used.append(place) }
                try file.write(bytes[place], at: place)
            }
            #expect(used.isEmpty)
            #expect(OpenItems.readImage(from: file.path) != nil)
        }
    }

    @Test("isn't used when two figures changed places")
    func swapped() throws {
        let books = PlainBooks.random(seed: 42, steps: 150)
        // Large enough to be found among the bytes.
        let invoiced = books.items.values.map(\.amount).filter { $0.magnitude > 1 << 33 }
        let allocated = books.allocations.values.map(\.amount).filter { $0.magnitude > 1 << 33 }
        try KeptFile.use { file in
            try books.picture(.sorted).writeImage(to: file.path, act: 99, hash: Self.hash)
            let bytes = try file.read()
            for figures in [invoiced, allocated] {
                let places = figures.compactMap { Self.place(of: $0, in: bytes) }.sorted()
                try #require(places.count > 3)
                for (left, right) in zip(places, places.dropFirst()) + [(places[0], places[places.count - 1])] {
                    var damaged = bytes
                    for byte in 0..<8 { damaged.swapAt(left + byte, right + byte) }
                    #expect(try damaged == bytes || isRefused(file, damaged), "\(left) and \(right)")
                }
            }
        }
    }

    @Test("isn't used when all its bytes are random", arguments: [1, 2, 3] as [UInt64])
    func random(seed: UInt64) throws {
        try use { file, bytes in
            var random = SeededGenerator(seed: seed)
            // Behind a sound head, so that the rest is read.
            let noise = bytes.dropFirst(Self.headLength).map { _ in UInt8.random(in: 0...255, using: &random) }
            try file.write(bytes.prefix(Self.headLength) + noise)
            #expect(OpenItems.readImage(from: file.path) == nil)
        }
    }

    @Test("isn't used when it is whole, but of another version")
    func version() throws {
        try use { file, bytes in
            // As a control: made anew with its check sum, a file of another act is read.
            try file.write(Self.changing(bytes, at: Self.act, by: 1))
            #expect(OpenItems.readImage(from: file.path)?.act == 100)
            for step in [1, 2, -1, -2] as [Int8] {
                #expect(try isRefused(file, Self.changing(bytes, at: Self.version, by: step)))
                #expect(try isRefused(file, Self.changing(bytes, at: 0, by: step)))
            }
        }
    }

    @Test("isn't used when it isn't there or is a folder")
    func missing() throws {
        try KeptFile.use { file in
            #expect(OpenItems.readImage(from: file.path) == nil)
            #expect(OpenItems.readImage(from: file.folder) == nil)
        }
    }

    private static func place(of figure: Int64, in bytes: [UInt8]) -> Int? {
        let wanted = withUnsafeBytes(of: figure) { Array($0) }
        return (0...bytes.count - 8).first { bytes[$0..<$0 + 8].elementsEqual(wanted) }
    }

    /// Changes one byte of the head, and the check sum with it: each byte of head and texts counts 31 times what the
    /// next one does.
    private static func changing(_ bytes: [UInt8], at place: Int, by step: Int8) -> [UInt8] {
        func number(at place: Int) -> UInt64 {
            (0..<8).reduce(0) { $0 | UInt64(bytes[place + $1]) << (8 * UInt64($1)) }
        }
        var changed = bytes
        changed[place] = UInt8(truncatingIfNeeded: Int(bytes[place]) + Int(step))
        let texts = Int(number(at: headLength - 8))
        let weight = (0..<headLength - place - 1 + texts).reduce(UInt64(1)) { product, _ in product &* 31 }
        let sum = number(at: bytes.count - 8) &+ weight &* UInt64(bitPattern: Int64(step))
        for byte in 0..<8 { changed[bytes.count - 8 + byte] = UInt8(truncatingIfNeeded: sum >> (8 * UInt64(byte))) }
        return changed
    }
}

/// A file in a folder of its own, which is gone afterwards.
struct KeptFile {
    let folder: String
    var path: String { folder + "/books.openitems" }

    /// Names of other files that stand beside it.
    var others: [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder))?.filter { $0 != "books.openitems" } ?? []
    }

    func read() throws -> [UInt8] { try [UInt8](Data(contentsOf: URL(filePath: path))) }
    func write(_ bytes: some Sequence<UInt8>) throws { try Data(bytes).write(to: URL(filePath: path)) }

    /// Writes one byte over that at its place.
    func write(_ byte: UInt8, at place: Int) throws {
        let file = try FileHandle(forUpdating: URL(filePath: path))
        defer { try? file.close() }
        try file.seek(toOffset: UInt64(place))
        try file.write(contentsOf: Data([byte]))
    }

    /// Lends a folder that is gone afterwards.
    static func use(_ body: (KeptFile) throws -> Void) throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "huikuan-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        try body(KeptFile(folder: url.path()))
    }
}
