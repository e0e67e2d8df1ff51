internal import Database
package import Formats
internal import Foundation
package import Receivables

/// Mappings kept in the store by name, and offered again for a file with the same header.
package enum SavedMapping {
    private static let prefix = "mapping:"

    /// - Throws: `Refusal` `mapping.unreadable` or `mapping.unknown-key`.
    package static func read(_ yaml: String) throws(Refusal) -> ImportMapping {
        do throws(ImportMapping.Fault) {
            return try ImportMapping(yaml: yaml)
        } catch {
            switch error {
            case .unreadable(let detail): throw Refusal(.mappingUnreadable, ["detail": .text(detail)])
            case .unknownKey(let key, let known):
                throw Refusal(.mappingUnknownKey, ["key": .text(key), "known": .text(known.joined(separator: ", "))])
            case .badValue(let key, let value, let expected):
                throw Refusal(.mappingUnreadable, ["detail": .text("\(key): \(value) – \(expected)")])
            }
        }
    }

    package static func find(_ name: String, in store: Store) throws -> String? {
        try store.read { try SettingRepository.content(prefix + name, in: $0) }
    }

    package static func save(_ name: String, _ yaml: String, in store: Store, _ request: ActRequest) async throws {
        _ = try await store.write(request) { books in
            try books.settings.set(prefix + name, yaml)
            return ["mapping": name]
        }
    }

    /// The name of a saved mapping whose columns all stand in a file's header, the fullest first.
    package static func fitting(_ path: String, _ kind: ImportKind, in store: Store) throws -> String? {
        guard let header = try? header(of: path) else { return nil }
        let rows = try store.read { session in
            try session.rows(
                """
                SELECT name, content FROM setting_version s WHERE name LIKE 'mapping:%'
                    AND n = (SELECT max(n) FROM setting_version t WHERE t.name = s.name) ORDER BY name
                """)
        }
        let known = Set(kind.columns.map(\.name))
        let fitting = rows.compactMap { row -> (name: String, count: Int)? in
            guard let mapping = try? read(row.text(1)), !mapping.columns.isEmpty,
                mapping.columns.allSatisfy({ known.contains($0.key) && header.contains($0.value) })
            else { return nil }
            return (String(row.text(0).dropFirst(prefix.count)), mapping.columns.count)
        }
        return fitting.max { $0.count < $1.count }?.name
    }

    /// The headings of a file and its first lines, for somebody who says which column is which.
    ///
    /// - Throws: `Refusal` when it can't be read as a table.
    package static func preview(of path: String, lines: Int) throws -> (header: [String], rows: [[String]]) {
        do {
            let reader = try reader(of: path)
            guard try reader.next() else { throw Refusal(.fileEmpty) }
            let header = reader.fields.map(LineReader.trimmed)
            var rows: [[String]] = []
            while rows.count < lines, try reader.next() {
                if !reader.isBlank { rows.append(reader.fields.map { String($0.prefix(60)) }) }
            }
            return (header, rows)
        } catch let fault as ByteSourceFault {
            throw FileImport.fileFault(fault).refusal
        } catch CSVFault.source(let fault) {
            throw FileImport.fileFault(fault).refusal
        } catch is CSVFault {
            throw Refusal(.fileEncoding)
        }
    }

    static func header(of path: String) throws -> [String] {
        let reader = try reader(of: path)
        return try reader.next() ? reader.fields.map(LineReader.trimmed) : []
    }

    private static func reader(of path: String) throws -> CSVReader {
        func source() throws(ByteSourceFault) -> any ByteSource { try FileImport.bytes(path, ImportMapping()) }
        let encoding = try TextEncoding.recognise(
            try source(), alternative: { () throws(ByteSourceFault) in try source() }
        ) { _ in }
        let bytes = encoding == .utf8 ? try source() : try ConvertedBytes(from: encoding, try source())
        return CSVReader(bytes)
    }
}

/// Proposes a mapping for a file from its headings, Chinese or English (`--guess`).
package struct MappingGuess {
    private let kind: ImportKind
    private let header: [String]

    /// - Throws: `Refusal` `file.missing` or `file.empty`.
    package init(_ kind: ImportKind, path: String) throws {
        self.kind = kind
        do {
            header = try SavedMapping.header(of: path)
        } catch let fault as ByteSourceFault {
            throw FileImport.fileFault(fault).refusal
        } catch CSVFault.source(let fault) {
            throw FileImport.fileFault(fault).refusal
        } catch {
            throw Refusal(.fileMissing, ["path": .text(path)])
        }
        guard !header.isEmpty else { throw Refusal(.fileEmpty) }
    }

    /// Which heading of the file seems to be which of our columns; those that are called the same among them.
    package var columns: [String: String] {
        var free = Set(header)
        var columns: [String: String] = [:]
        for column in kind.columns {
            let names = [column.name, column.name.replacingOccurrences(of: "_", with: " ")] + column.headings
            guard let found = header.first(where: { free.contains($0) && names.contains(normalised($0)) }) else {
                continue
            }
            free.remove(found)
            columns[column.name] = found
        }
        return columns
    }

    /// A mapping in YAML, with a remark for each required column that no heading fits.
    package func yaml() -> String {
        var free = Set(header)
        var columns: [(ours: String, theirs: String)] = []
        var missing: [String] = []
        for column in kind.columns {
            let names = [column.name, column.name.replacingOccurrences(of: "_", with: " ")] + column.headings
            let found = header.first { free.contains($0) && names.contains(normalised($0)) }
            if let found {
                free.remove(found)
                if found != column.name { columns.append((column.name, found)) }
            } else if column.isRequired {
                missing.append(column.name)
            }
        }
        func quoted(_ text: String) -> String { "\"" + text.replacingOccurrences(of: "\"", with: "\\\"") + "\"" }
        var lines = ["columns:"] + columns.map { "  \($0.ours): \(quoted($0.theirs))" }
        if columns.isEmpty { lines = ["columns: {}"] }
        let rest = header.filter { free.contains($0) && !kind.columns.map(\.name).contains($0) }
        if !rest.isEmpty { lines.append("ignore: [\(rest.map(quoted).joined(separator: ", "))]") }
        lines += missing.map { "# \($0): no heading fits; name one under columns, or give a constant" }
        return lines.joined(separator: "\n") + "\n"
    }

    private func normalised(_ heading: String) -> String {
        heading.precomposedStringWithCompatibilityMapping.lowercased()
            .components(separatedBy: CharacterSet(charactersIn: "(（")).first?.trimmingCharacters(in: .whitespaces)
            ?? heading
    }
}
