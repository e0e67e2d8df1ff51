internal import Foundation
internal import Ledger

/// The picture as a file beside the store, so that a report needn't read all facts again.
///
/// It is a convenience and never believed: it names the act it was made at and that act's hash, and
/// is dropped when the store's journal says otherwise, when a length doesn't fit, or when its own
/// check sum is wrong.
extension OpenItems {
    private static let magic: UInt64 = 0x314f_4950_4b49_5548  // HUIKPIO1, little endian
    private static let formatVersion: UInt64 = 4

    /// Writes the picture as made at `act`; a new file takes the old one's place at once.
    ///
    /// - Precondition: The picture is sorted.
    package func writeImage(to path: String, act: Int64, hash: [UInt8]) throws {
        precondition(sortedItems == items.count && sortedAllocations == allocations.count, "sort before writing")
        let temporary = path + ".new"
        guard FileManager.default.createFile(atPath: temporary, contents: nil),
            let file = FileHandle(forWritingAtPath: temporary)
        else { return }
        defer { try? file.close() }
        var head = Data()
        for value in [Self.magic, Self.formatVersion, UInt64(bitPattern: act), UInt64(bitPattern: lastFact)] {
            withUnsafeBytes(of: value) { head.append(contentsOf: $0) }
        }
        head.append(contentsOf: hash)
        let texts = try Self.texts(of: self)
        for count in [items.count, allocations.count, movements.count, texts.count] {
            withUnsafeBytes(of: UInt64(count)) { head.append(contentsOf: $0) }
        }
        try file.write(contentsOf: head)
        func write<Element>(_ column: [Element]) throws {
            try column.withUnsafeBytes { bytes in
                var offset = 0
                while offset < bytes.count {
                    let end = min(bytes.count, offset + (1 << 26))
                    try file.write(contentsOf: Data(bytes[offset..<end]))
                    offset = end
                }
            }
        }
        try write(items.fact); try write(items.debtor); try write(items.posting); try write(items.issue)
        try write(items.recognised); try write(items.due); try write(items.amount); try write(items.owner)
        try write(items.contract); try write(items.product)
        try write(allocations.item); try write(allocations.day); try write(allocations.amount);
        try write(allocations.fact); try write(allocations.kind)
        try write(movements.debtor); try write(movements.day); try write(movements.amount); try write(movements.fact)
        try file.write(contentsOf: texts)
        var sum = checkSum &+ Self.checkSum(ofBytes: Array(head) + texts)
        try withUnsafeBytes(of: &sum) { try file.write(contentsOf: Data($0)) }
        try file.close()
        guard rename(temporary, path) == 0 else { return }
    }

    /// Reads the picture of a file, and the act it was made at; `nil` when there is none to be used.
    package static func readImage(from path: String) -> (items: OpenItems, act: Int64, hash: [UInt8])? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var isWhole = true
        func column<Element>(_ count: Int, of type: Element.Type) -> [Element] {
            guard isWhole else { return [] }
            return [Element](unsafeUninitializedCapacity: count) { buffer, initialised in
                let bytes = UnsafeMutableRawBufferPointer(buffer)
                var offset = 0
                while offset < bytes.count {
                    let got = read(
                        descriptor, bytes.baseAddress.map { $0 + offset }, min(bytes.count - offset, 1 << 28))
                    if got <= 0 { isWhole = false; break }
                    offset += got
                }
                initialised = isWhole ? count : 0
            }
        }
        let head = column(4, of: UInt64.self)
        guard isWhole, head[0] == magic, head[1] == formatVersion else { return nil }
        let hash = column(32, of: UInt8.self)
        let counts = column(4, of: UInt64.self).map { Int(truncatingIfNeeded: $0) }
        guard isWhole, counts.allSatisfy({ $0 >= 0 && $0 < 1 << 40 }) else { return nil }
        var information = stat()
        let itemBytes = 8 * 2 + 4 * 8, allocationBytes = 25, movementBytes = 24
        let expected =
            32 + 32 + 32 + counts[0] * itemBytes + counts[1] * allocationBytes + counts[2] * movementBytes + counts[3]
            + 8
        guard fstat(descriptor, &information) == 0, Int(information.st_size) == expected else { return nil }

        var picture = OpenItems()
        picture.lastFact = Int64(bitPattern: head[3])
        picture.items.fact = column(counts[0], of: Int64.self)
        picture.items.debtor = column(counts[0], of: Int32.self)
        picture.items.posting = column(counts[0], of: Int32.self)
        picture.items.issue = column(counts[0], of: Int32.self)
        picture.items.recognised = column(counts[0], of: Int32.self)
        picture.items.due = column(counts[0], of: Int32.self)
        picture.items.amount = column(counts[0], of: Int64.self)
        picture.items.owner = column(counts[0], of: Int32.self)
        picture.items.contract = column(counts[0], of: Int32.self)
        picture.items.product = column(counts[0], of: Int32.self)
        picture.allocations.item = column(counts[1], of: Int32.self)
        picture.allocations.day = column(counts[1], of: Int32.self)
        picture.allocations.amount = column(counts[1], of: Int64.self)
        picture.allocations.fact = column(counts[1], of: Int64.self)
        picture.allocations.kind = column(counts[1], of: UInt8.self)
        picture.movements.debtor = column(counts[2], of: Int32.self)
        picture.movements.day = column(counts[2], of: Int32.self)
        picture.movements.amount = column(counts[2], of: Int64.self)
        picture.movements.fact = column(counts[2], of: Int64.self)
        let texts = column(counts[3], of: UInt8.self)
        let sum = column(1, of: UInt64.self)
        let rest = [head, counts.map { UInt64($0) }].map { $0.withUnsafeBytes(Array.init) }
        let expectedSum = picture.checkSum &+ Self.checkSum(ofBytes: rest[0] + hash + rest[1] + texts)
        guard isWhole, sum == [expectedSum], picture.takeTexts(texts), picture.hasSoundIndexes else { return nil }
        picture.rebuildIndexes()
        return (picture, Int64(bitPattern: head[2]), hash)
    }

    /// Adds up all columns, each element by its place; guards against a torn or damaged file and against figures
    /// that changed places, not against an attacker (`verify` reads facts).
    private var checkSum: UInt64 {
        func sum<Element: FixedWidthInteger>(_ column: [Element], _ weight: UInt64) -> UInt64 {
            column.withUnsafeBufferPointer { buffer in
                var total: UInt64 = 0
                var place = weight
                for element in buffer {
                    total &+= (UInt64(truncatingIfNeeded: element) ^ place) &* (place | 1)
                    place &+= 0x9E37_79B9_7F4A_7C15
                }
                return total
            }
        }
        let ofItems =
            sum(items.fact, 3) &+ sum(items.debtor, 5) &+ sum(items.posting, 7) &+ sum(items.issue, 11)
            &+ sum(items.recognised, 13) &+ sum(items.due, 17) &+ sum(items.amount, 19) &+ sum(items.owner, 23)
            &+ sum(items.contract, 29) &+ sum(items.product, 31)
        let ofAllocations =
            sum(allocations.item, 37) &+ sum(allocations.day, 41) &+ sum(allocations.amount, 43)
            &+ sum(allocations.fact, 47) &+ sum(allocations.kind, 71)
        let ofMovements =
            sum(movements.debtor, 53) &+ sum(movements.day, 59) &+ sum(movements.amount, 61) &+ sum(movements.fact, 67)
        return ofItems &+ ofAllocations &+ ofMovements
    }

    /// Adds up what stands in no column, each byte by its place.
    private static func checkSum(ofBytes bytes: [UInt8]) -> UInt64 {
        bytes.withUnsafeBufferPointer { $0.reduce(UInt64(0)) { sum, byte in sum &* 31 &+ UInt64(byte) } }
    }

    private var hasSoundIndexes: Bool {
        func fits(_ column: [Int32], _ count: Int) -> Bool { column.allSatisfy { $0 >= 0 && Int($0) < count } }
        return fits(items.debtor, debtors.count) && fits(items.owner, owners.count)
            && fits(items.contract, contracts.count) && fits(items.product, productLines.count)
            && fits(allocations.item, items.count) && fits(movements.debtor, debtors.count)
    }

    // MARK: What is not a column

    private struct Texts: Codable {
        var debtorEntities: [Int64]
        var debtorCustomers: [Int64]
        var debtorCurrencies: [String]
        var owners: [Int64]
        var contracts: [String]
        var productLines: [String]
        /// Item, value day, due day, fact.
        var dueChanges: [[Int64]]
        /// Account, day, high and low half of the amount, by currency.
        var turnovers: [String: [[Int64]]]
    }

    private static func texts(of picture: OpenItems) throws -> Data {
        var changes: [[Int64]] = []
        for (item, list) in picture.dueChanges.sorted(by: { $0.key < $1.key }) {
            for change in list {
                changes.append([Int64(item), Int64(change.valueDay), Int64(change.due), change.fact])
            }
        }
        var turnovers: [String: [[Int64]]] = [:]
        for (key, days) in picture.turnovers {
            for (day, amount) in days {
                turnovers[key.currency.code, default: []].append([
                    key.account, Int64(day), Int64(amount >> 64), Int64(bitPattern: UInt64(truncatingIfNeeded: amount)),
                ])
            }
        }
        let texts = Texts(
            debtorEntities: picture.debtors.map(\.entity), debtorCustomers: picture.debtors.map(\.customer),
            debtorCurrencies: picture.debtors.map(\.currency.code), owners: picture.owners,
            contracts: picture.contracts,
            productLines: picture.productLines, dueChanges: changes, turnovers: turnovers)
        let encoder = PropertyListEncoder()
        encoder.outputFormat = .binary
        return try encoder.encode(texts)
    }

    private mutating func takeTexts(_ bytes: [UInt8]) -> Bool {
        guard let texts = try? PropertyListDecoder().decode(Texts.self, from: Data(bytes)),
            texts.debtorEntities.count == texts.debtorCustomers.count,
            texts.debtorCurrencies.count == texts.debtorCustomers.count
        else { return false }
        for index in texts.debtorCustomers.indices {
            guard let currency = Currency(texts.debtorCurrencies[index]) else { return false }
            debtors.append(
                Debtor(entity: texts.debtorEntities[index], customer: texts.debtorCustomers[index], currency: currency))
        }
        owners = texts.owners
        contracts = texts.contracts
        productLines = texts.productLines
        for change in texts.dueChanges where change.count == 4 {
            let valueDay = Int32(truncatingIfNeeded: change[1])
            dueChanges[Int32(truncatingIfNeeded: change[0]), default: []].append(
                DueChange(valueDay: valueDay, due: Int32(truncatingIfNeeded: change[2]), fact: change[3]))
        }
        for (code, rows) in texts.turnovers {
            guard let currency = Currency(code) else { return false }
            for row in rows where row.count == 4 {
                let amount = Int128(row[2]) << 64 | Int128(UInt64(bitPattern: row[3]))
                turnovers[Turnover(account: row[0], currency: currency), default: [:]][
                    Int32(truncatingIfNeeded: row[1])] = amount
            }
        }
        return true
    }
}
