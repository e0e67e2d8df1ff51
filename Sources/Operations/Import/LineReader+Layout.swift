internal import Formats
internal import Receivables

extension LineReader {
    /// Where a file has our columns: found once from its header, used for all of its lines.
    struct Layout: Sendable {
        /// The file's own headings, in their order.
        let header: [String]
        let columns: [ImportKind.Column]
        let mapping: ImportMapping
        /// The position in the file by our column; −1 where the file has none.
        let positions: [Int]
        let constants: [[UInt8]?]
        /// Positions in the file without a heading.
        let unnamed: [Int]
        /// The file's names of our columns, for messages.
        let names: [String]

        /// The places of columns by name.
        private static let numbers: [ImportKind: [String: Int]] = Dictionary(
            uniqueKeysWithValues: ImportKind.allCases.map { kind in
                (kind, Dictionary(uniqueKeysWithValues: kind.columns.enumerated().map { ($1.name, $0) }))
            })

        /// - Throws: `LineFault` on line 1 for missing, unknown and repeated columns.
        init(_ kind: ImportKind, header: [String], line: Int, mapping: ImportMapping) throws(HeaderFaults) {
            let columns = kind.columns
            var unnamed: [Int] = []
            var positions = [Int](repeating: -1, count: columns.count)
            var faults: [LineFault] = []
            let ours = Self.numbers[kind] ?? [:]
            func fault(_ name: String, _ code: RefusalCode, _ parameters: [String: Refusal.Parameter]) {
                faults.append(LineFault(line: line, column: name, value: "", refusal: Refusal(code, parameters)))
            }
            var known: Refusal.Parameter { .text(columns.map(\.name).joined(separator: ", ")) }
            // A column of the file may feed one of ours or be ignored; one file column may feed several of ours.
            let sources = Dictionary(grouping: mapping.columns, by: \.value).mapValues { $0.map(\.key) }
            for (position, raw) in header.enumerated() {
                let name = LineReader.trimmed(raw)
                let targets = sources[name] ?? (ours[name] != nil && mapping.columns[name] == nil ? [name] : [])
                // A column without a heading and without cells is what a spreadsheet leaves behind its last one.
                if name.isEmpty {
                    unnamed.append(position)
                    continue
                }
                if targets.isEmpty {
                    if !mapping.ignore.contains(name), !LineReader.rejectedColumns.contains(name) {
                        fault(name, .columnUnknown, ["column": .text(name), "known": known])
                    }
                    continue
                }
                for target in targets {
                    guard let index = ours[target] else { continue }
                    if positions[index] >= 0 { fault(name, .columnTwice, ["column": .text(name)]) }
                    positions[index] = position
                }
            }
            for (target, source) in mapping.columns where ours[target] == nil {
                fault(source, .mappingUnknownColumn, ["column": .text(target), "known": known])
            }
            for name in mapping.constants.keys where ours[name] == nil {
                fault(name, .mappingUnknownColumn, ["column": .text(name), "known": known])
            }
            let constants = columns.map { column in mapping.constants[column.name].map { Array($0.utf8) } }
            for (index, column) in columns.enumerated()
            where column.isRequired && positions[index] < 0 && constants[index] == nil {
                let name = mapping.columns[column.name] ?? column.name
                fault(name, .columnMissing, ["column": .text(name), "found": .text(header.joined(separator: ", "))])
            }
            if !faults.isEmpty { throw HeaderFaults(faults: faults) }
            self.header = header
            self.columns = columns
            self.mapping = mapping
            self.positions = positions
            self.constants = constants
            self.unnamed = unnamed
            names = columns.map { mapping.columns[$0.name] ?? $0.name }
        }
    }

    package struct HeaderFaults: Error { let faults: [LineFault] }
}
