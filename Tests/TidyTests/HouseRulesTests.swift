import Foundation
import Testing

@testable import Operations
import Receivables

/// House rules as tests: what the architecture asks of every file (docs/MAP.md).
@Suite struct HouseRulesTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every Swift file of a folder by its path below the root.
    private static func sources(_ folder: String) throws -> [(path: String, text: String)] {
        let start = root.appendingPathComponent(folder)
        let files = FileManager.default.enumerator(at: start, includingPropertiesForKeys: nil)
        return try (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "swift" }.map { file in
            (String(file.path.dropFirst(root.path.count + 1)), try String(contentsOf: file, encoding: .utf8))
        }
    }

    private static func imports(_ text: String) -> Set<String> {
        Set(
            text.split(separator: "\n").compactMap { line in
                let words = line.split(separator: " ")
                guard let index = words.firstIndex(of: "import"), index <= 1, index + 1 < words.count,
                    index == 0 || ["package", "internal", "public", "private", "@testable"].contains(String(words[0]))
                else { return nil }
                return String(words[index + 1])
            })
    }

    /// Which modules a target may import.
    private static let allowed: [String: Set<String>] = [
        "Ledger": [],
        "Receivables": ["Ledger"],
        "OpenItems": ["Ledger", "Foundation"],
        "Formats": ["Ledger", "Foundation", "Glibc", "Yams", "CXlsx", "CZip", "CPangoCairo"],
        "Database": ["Foundation", "GRDB", "CSQLite"],
        "DatabasePostgres": ["Foundation", "Database", "CPQ", "CCrypto"],
        "Mail": ["Foundation", "CCurl", "CCrypto"],
        "Outbound": ["Foundation", "CCurl", "CCrypto"],
        "SampleCompany": ["Ledger"],
        "Operations": [
            "Ledger", "Receivables", "OpenItems", "Formats", "Database", "Foundation", "CSodium", "CCrypto",
        ],
        "Web": [
            "Ledger", "Receivables", "OpenItems", "Formats", "Operations", "Outbound", "Foundation", "Hummingbird",
            "HTTPTypes",
            "NIOCore", "NIOPosix", "Logging",
        ],
        "Simulation": [
            "Ledger", "Receivables", "OpenItems", "Database", "DatabasePostgres", "Operations", "Foundation",
        ],
        "huikuan": [
            "Ledger", "Receivables", "OpenItems", "Formats", "Database", "DatabasePostgres", "Mail", "Operations",
            "Outbound", "SampleCompany", "Web", "Foundation", "ArgumentParser", "Logging", "ServiceLifecycle",
            "UnixSignals",
        ],
    ]

    @Test("A target imports only what stands below it", arguments: allowed.keys.sorted())
    func importsPointDown(target: String) throws {
        let allowed = try #require(Self.allowed[target])
        let files = try Self.sources("Sources/\(target)")
        #expect(!files.isEmpty)
        for file in files {
            let foreign = Self.imports(file.text).subtracting(allowed)
            #expect(foreign.isEmpty, "\(file.path) imports \(foreign.sorted())")
        }
    }

    @Test(
        "The core knows no clock, no waiting, no chance and no binary fractions", arguments: ["Ledger", "Receivables"])
    func coreIsPure(target: String) throws {
        let words = ["async", "await", "Double", "Float", "SystemRandomNumberGenerator", ".random(", "ContinuousClock"]
        for file in try Self.sources("Sources/\(target)") {
            let code = file.text.split(separator: "\n").filter { !$0.contains("//") }.joined(separator: "\n")
            for word in words { #expect(!code.contains(word), "\(file.path) says \(word)") }
        }
    }

    @Test("Only the command line prints, and SQL stands in Operations and the databases alone")
    func edgesStayEdges() throws {
        for target in Self.allowed.keys.sorted() {
            for file in try Self.sources("Sources/\(target)") {
                if target != "huikuan" { #expect(!file.text.contains("print("), "\(file.path) prints") }
                // The simulation cuts connections on purpose.
                guard !["Operations", "Database", "DatabasePostgres"].contains(target),
                    !file.path.hasSuffix("FaultyPlace.swift")
                else { continue }
                for word in ["SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM"]
                where !file.path.contains("Session.swift") {
                    #expect(!file.text.contains("\"\(word)"), "\(file.path) holds SQL")
                }
            }
        }
    }

    @Test("What connects to other machines is linked by the parts that are made for it, and no address is written in")
    func networkAtTheEdge() throws {
        let homes = ["CCurl": ["Outbound", "Mail"], "CPQ": ["DatabasePostgres", "Benchmarks"]]
        for target in Self.allowed.keys.sorted() {
            for file in try Self.sources("Sources/\(target)") {
                for (library, parts) in homes where !parts.contains(target) {
                    #expect(!file.text.contains("import \(library)\n"), "\(file.path) links \(library)")
                }
                for word in ["URLSession", "FoundationNetworking", "Data(contentsOf: URL(string"] {
                    #expect(!file.text.contains(word), "\(file.path) has \(word)")
                }
                for match in file.text.matches(of: /"https?:\/\/([a-z0-9.-]+)/) {
                    let host = String(match.1)
                    let isNobodys =
                        host.hasSuffix(".example") || host == "example.com" || host.hasPrefix("127.0.0.1")
                        || host == "localhost" || host.hasSuffix("schemas.openxmlformats.org")
                        || host.hasSuffix("w3.org")
                    #expect(isNobodys, "\(file.path) names \(host)")
                }
            }
        }
    }

    @Test("No chapter of the core names a type of a later one")
    func chaptersPointBack() throws {
        let order = ["Shared", "Register", "Tracking"]
        var home: [String: Int] = [:]
        for (index, chapter) in order.enumerated() {
            for file in try Self.sources("Sources/Receivables/\(chapter)") {
                for line in file.text.split(separator: "\n") {
                    guard let match = line.prefixMatch(of: /package (?:struct|enum|protocol) ([A-Z][A-Za-z]+)/) else {
                        continue
                    }
                    home[String(match.1)] = index
                }
            }
        }
        for (index, chapter) in order.enumerated() {
            for file in try Self.sources("Sources/Receivables/\(chapter)") {
                let code = file.text.split(separator: "\n").filter { !$0.contains("//") }.joined(separator: "\n")
                let words = Set(code.matches(of: /\b[A-Z][A-Za-z]+/).map { String($0.0) })
                for (type, place) in home where place > index {
                    #expect(!words.contains(type), "\(file.path) names \(type) of \(order[place])")
                }
            }
        }
    }

    @Test("Every refusal is spoken in both languages, with the same places, and nothing else is")
    func refusalsHaveMessages() throws {
        let codes = Set(RefusalCode.allCases.map(\.rawValue))
        let texts = Set(TextKey.allCases.map(\.rawValue))
        let english = try Self.catalogue("en")
        let chinese = try Self.catalogue("zh-Hans")
        #expect(Set(english.keys) == Set(chinese.keys))
        #expect(codes.subtracting(english.keys).isEmpty)
        #expect(texts.subtracting(english.keys).isEmpty)
        for (key, text) in english {
            let other = try #require(chinese[key])
            #expect(Self.places(text) == Self.places(other), "\(key): places differ")
        }
    }

    @Test("Every refusal is provoked by a test, and thrown by some source")
    func refusalsAreProvoked() throws {
        let tests = try Self.sources("Tests").map(\.text).joined() + Self.scenarios()
        let code = try Self.sources("Sources").filter { !$0.path.hasSuffix("/Refusal.swift") }.map(\.text).joined()
        for refusal in RefusalCode.allCases {
            #expect(
                tests.contains(".\(refusal)") || tests.contains("\"\(refusal.rawValue)\""),
                "no test provokes \(refusal.rawValue)")
            #expect(code.contains(".\(refusal)"), "nothing throws \(refusal.rawValue)")
        }
    }

    /// The plain-text scenarios, which name codes in the program's JSON answers.
    private static func scenarios() throws -> String {
        let folder = root.appendingPathComponent("Tests/ScenarioTests/Scenarios")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return try names.sorted().map { name in
            try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
        }.joined()
    }

    private static func catalogue(_ language: String) throws -> [String: String] {
        var entries: [String: String] = [:]
        for name in ["errors", "texts"] {
            let file = root.appendingPathComponent("Sources/Operations/Resources/catalogue/\(name).\(language).txt")
            for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") where !line.hasPrefix("#")
            {
                let range = try #require(line.range(of: " = "), "\(name).\(language): \(line)")
                let key = String(line[..<range.lowerBound])
                #expect(entries[key] == nil, "\(key) stands twice")
                entries[key] = String(line[range.upperBound...])
            }
        }
        return entries
    }

    private static func places(_ text: String) -> Set<String> {
        Set(text.matches(of: /\{([a-z-]+)\}/).map { String($0.1) })
    }

    @Test("No Chinese text stands in the sources outside of names of accounts and headings of files")
    func textsStandInCatalogues() throws {
        let exceptions = [
            "ImportKind.swift", "CreateCompany.swift", "CustomerRepository.swift", "Huikuan.swift", "Directory.swift",
        ]
        for target in ["Operations", "huikuan", "Formats", "Receivables", "Web"] {
            for file in try Self.sources("Sources/\(target)") where !exceptions.contains(where: file.path.hasSuffix) {
                for line in file.text.split(separator: "\n") where !line.contains("//") {
                    let isChinese = line.unicodeScalars.contains { (0x4E00...0x9FFF).contains($0.value) }
                    #expect(!isChinese, "\(file.path): \(line)")
                }
            }
        }
    }
}
