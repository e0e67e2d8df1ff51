import Foundation
import Testing

@Suite("Files with mistakes") struct RefusedFileTests {
    @Test("The file itself and its header", arguments: RefusedFile.structures)
    func structure(_ file: RefusedFile) throws { try check(file) }

    @Test("A cell", arguments: RefusedFile.cells)
    func cell(_ file: RefusedFile) throws { try check(file) }

    @Test("A line against the books", arguments: RefusedFile.books)
    func line(_ file: RefusedFile) throws { try check(file) }

    /// Every refusal names its place and code, speaks both languages, and leaves the store as it was.
    private func check(_ file: RefusedFile) throws {
        let program = try Program.withBooks()
        let before = try program.standing()
        let path = program.path("file.csv")
        try file.bytes.write(to: URL(fileURLWithPath: path))

        let command = ["import", file.kind, path]
        let english = try Program.finish(program.process(command + ["--json", "--language", "en"]))
        let chinese = try Program.finish(program.process(command + ["--json", "--language", "zh-Hans"]))
        let plain = try Program.finish(program.process(command + ["--language", "en"]))
        #expect([english, chinese, plain].map(\.exitCode) == [1, 1, 1])

        let answer = try ImportAnswer(english)
        let faults = answer.errors.map {
            RefusedFile.Fault(line: $0.line, column: $0.column, value: $0.value, code: $0.code)
        }
        #expect(faults == file.faults)
        #expect(answer.created == 0 && answer.unchanged == 0 && answer.updated == 0)
        #expect(answer.rejected == Set(file.faults.map(\.line)).count || file.faults.allSatisfy { $0.line <= 1 })

        let translated = try ImportAnswer(chinese).errors
        #expect(translated.count == answer.errors.count)
        for (ours, theirs) in zip(answer.errors, translated) {
            #expect(theirs.message.isChinese && theirs.message != ours.message)
            #expect(!ours.message.isEmpty && !ours.message.contains("{") && !theirs.message.contains("{"))
            #expect(plain.complaint.contains(ours.message), "the text for people lacks a message")
        }
        #expect(plain.output.isEmpty, "mistakes belong on the error stream")
        #expect(try program.standing() == before, "a refused file changed the store")
        #expect(!FileManager.default.fileExists(atPath: path + ".rejected.csv"))
    }

    @Test("A file that isn't there, and a folder in its place")
    func missing() throws {
        let program = try Program.withBooks()
        for path in [program.path("none.csv"), program.folder.path] {
            let english = try ImportAnswer(program.run("import", "invoices", path, "--json"))
            let chinese = try ImportAnswer(
                program.run("import", "invoices", path, "--json", "--language", "zh-Hans"))
            let fault = try #require(english.errors.first)
            #expect(english.errors.count == 1 && fault.code == "file.missing" && fault.line == 0)
            #expect(fault.message.contains(path))
            #expect(try #require(chinese.errors.first).message.isChinese)
        }
    }

    struct BadMapping: Sendable, CustomTestStringConvertible {
        let what: String
        let yaml: String
        let code: String
        var testDescription: String { what }
    }

    @Test(
        "A mapping with a mistake",
        arguments: [
            BadMapping(what: "no YAML", yaml: "columns: [a: {", code: "mapping.unreadable"),
            BadMapping(what: "a list", yaml: "- columns\n", code: "mapping.unreadable"),
            BadMapping(what: "columns as a list", yaml: "columns: [a, b]\n", code: "mapping.unreadable"),
            BadMapping(what: "an unknown key", yaml: "colums: {number: no}\n", code: "mapping.unknown-key"),
            BadMapping(what: "a date format that isn't", yaml: "date_format: day\n", code: "mapping.unreadable"),
            BadMapping(what: "a decimal mark that isn't", yaml: "decimal: x\n", code: "mapping.unreadable"),
            BadMapping(what: "lines to skip that aren't", yaml: "skip_lines: many\n", code: "mapping.unreadable"),
            BadMapping(what: "an unknown encoding", yaml: "encoding: klingon\n", code: "mapping.unreadable"),
            BadMapping(what: "a separator that isn't", yaml: "separator: x\n", code: "mapping.unreadable"),
        ])
    func mapping(_ mapping: BadMapping) throws {
        let program = try Program.withBooks()
        let before = try program.standing()
        let file = try program.write(
            "x.csv", "number,customer,issue_date,due_date,amount\nX1,C1,2024-01-10,2024-02-09,1\n")
        let path = try program.write("m.yaml", mapping.yaml)
        let english = try program.run("import", "invoices", file, "--mapping", path, "--json", "--language", "en")
        let chinese = try program.run("import", "invoices", file, "--mapping", path, "--language", "zh-Hans")
        #expect(english.exitCode == 1 && chinese.exitCode == 1)
        #expect(try english.refusalCode() == mapping.code)
        #expect(!english.complaint.contains("{") || mapping.yaml.contains("{"))
        #expect(chinese.complaint.isChinese && chinese.complaint != english.complaint)
        #expect(try program.standing() == before)
    }

    @Test("A mapping that isn't there, and one that names a column which the kind lacks")
    func mappingOfAnother() throws {
        let program = try Program.withBooks()
        let before = try program.standing()
        let file = try program.write(
            "x.csv", "number,customer,issue_date,due_date,amount\nX1,C1,2024-01-10,2024-02-09,1\n")
        let none = try program.run("import", "invoices", file, "--mapping", "none", "--json")
        #expect(none.exitCode == 1)
        #expect(try none.refusalCode() == "mapping.not-found")
        for yaml in ["columns: {colour: number}\n", "constants: {colour: red}\n"] {
            let path = try program.write("m.yaml", yaml)
            let answer = try ImportAnswer(program.run("import", "invoices", file, "--mapping", path, "--json"))
            #expect(answer.errors.map(\.code).contains("mapping.unknown-column"))
            #expect(answer.created == 0)
        }
        #expect(try program.standing() == before)
    }

    @Test("A mapping can't be saved where none is given")
    func savesNoMapping() throws {
        let program = try Program.withBooks()
        let file = try program.write(
            "x.csv", "number,customer,issue_date,due_date,amount\nX1,C1,2024-01-10,2024-02-09,1\n")
        #expect(try program.run("import", "invoices", file, "--save-mapping", "erp").exitCode == 2)
    }

    @Test("Only the first thousand mistakes are listed, and all are counted")
    func many() throws {
        let program = try Program.withBooks()
        let lines = (0..<1500).map { "X\($0),C9,2024-01-10,2024-02-09,1\n" }.joined()
        let answer = try program.take("invoices", "number,customer,issue_date,due_date,amount\n" + lines)
        #expect(answer.rejected == 1500 && answer.errors.count == 1000 && answer.errors.last?.line == 1001)
    }

    private static let mixed = """
        number,customer,issue_date,due_date,amount
        X1,C1,2024-01-10,2024-02-09,10.00
        "X2, second",C9,2024-01-10,2024-02-09,20.00
        X3,C1,2024-01-10,2024-02-09,30.00
        X4,C1,2024-02-30,2024-02-09,ten

        """

    @Test("--partial takes the good lines and writes the others with their reasons")
    func partial() throws {
        let program = try Program.withBooks()
        let answer = try program.take("invoices", Self.mixed, "--partial", "--language", "en")
        #expect(answer.created == 2 && answer.rejected == 2)
        #expect(answer.errors.map(\.line) == [3, 5, 5])
        #expect(try program.open("X1") == "10.00" && program.open("X3") == "30.00")
        let lines = try String(contentsOfFile: program.path("invoices.csv.rejected.csv"), encoding: .utf8)
            .split(whereSeparator: \.isNewline).map(String.init)
        try #require(lines.count == 3)
        #expect(lines[0].contains("number,customer,issue_date,due_date,amount,rejected_line,rejected_reason"))
        #expect(lines[1].hasPrefix("\"X2, second\",C9,2024-01-10,2024-02-09,20.00,3,"))
        #expect(lines[2].contains(",5,") && lines[2].contains("issue_date: ") && lines[2].contains("amount: "))
        for fault in answer.errors { #expect(lines.joined().contains(fault.message.prefix(30))) }

        let again = try program.take("invoices", Self.mixed, "--partial")
        #expect(again.created == 0 && again.unchanged == 2 && again.rejected == 2)
        let mended = Self.mixed.replacingOccurrences(of: "C9", with: "C2")
            .replacingOccurrences(of: "2024-02-30", with: "2024-02-03").replacingOccurrences(of: "ten", with: "40.00")
        let last = try program.take("invoices", mended, "--partial")
        #expect(last.created == 2 && last.unchanged == 2 && last.rejected == 0)
        #expect(
            !FileManager.default.fileExists(atPath: program.path("invoices.csv.rejected.csv")),
            "rejected lines of an earlier run lie beside a file that was taken whole")
    }

    @Test("The file of rejected lines can be mended and imported itself")
    func mendRejected() throws {
        let program = try Program.withBooks()
        try program.take("invoices", Self.mixed, "--partial")
        let rejected = try String(contentsOfFile: program.path("invoices.csv.rejected.csv"), encoding: .utf8)
        let mended = rejected.replacingOccurrences(of: "C9", with: "C2")
            .replacingOccurrences(of: "2024-02-30", with: "2024-02-03").replacingOccurrences(
                of: ",ten,", with: ",40.00,")
        let answer = try program.take("invoices", mended)
        #expect(answer.created == 2, "\(answer.errors.map(\.message))")
    }

    @Test("--dry-run tells the counts and changes nothing, with and without mistakes")
    func dryRun() throws {
        let program = try Program.withBooks()
        let before = try program.standing()
        let good = try program.take(
            "invoices",
            "number,customer,issue_date,due_date,amount\n0001,C1,2024-01-10,2024-02-09,1000\nX1,C1,2024-01-10,2024-02-09,1\n",
            "--dry-run")
        #expect(good.dryRun && good.created == 1 && good.unchanged == 1 && good.rejected == 0)
        let bad = try program.take("invoices", Self.mixed, "--dry-run")
        #expect(bad.dryRun && bad.created == 0 && bad.rejected == 2 && bad.errors.count == 3)
        let partial = try program.take("invoices", Self.mixed, "--dry-run", "--partial")
        #expect(partial.dryRun && partial.created == 2 && partial.rejected == 2)
        #expect(try program.standing() == before)
        #expect(!FileManager.default.fileExists(atPath: program.path("invoices.csv.rejected.csv")))
    }

    @Test("Wrong usage is exit 2 and says what is right")
    func usage() throws {
        let program = try Program.withBooks()
        let file = try program.write("x.csv", "code,name\nX,One\n")
        let before = try program.standing()
        for arguments in [
            ["import", "nonsense", file], ["import", "customers"], ["import", "customers", file, "--colour"],
            ["aging", "--as-of", "2023-02-30"], ["day", "--from", "2024-01-01"], ["reverse", "receipt", "R1"],
            ["period", "close", "2024-13"], ["period", "shut", "2024-01"], ["invoices", "--status", "lost"],
            ["verify", "--head", "nonsense"], ["acts", "--limit", "many"], ["nonsense"],
            ["pause", "0001", "--reason", "x"], ["ledger", "--format", "gnucash"], ["aging", "--language", "klingon"],
        ] {
            let answer = try Program.finish(program.process(arguments))
            #expect(answer.exitCode == 2, "\(arguments)")
            #expect(!answer.complaint.isEmpty && answer.output.isEmpty, "\(arguments)")
        }
        #expect(try program.standing() == before)
    }

    @Test("The language of a refusal: as asked for in either form, else the company's")
    func language() throws {
        let program = try Program()
        try #require(try program.run("init", "--language", "zh-Hans").exitCode == 0)
        let command = ["reverse", "receipt", "R9", "--reason", "x"]
        for (options, isChinese) in [
            (["--language", "zh-Hans"], true), (["--language=zh-Hans"], true), (["--language=en"], false), ([], true),
        ] {
            let process = program.process(command + options)
            process.environment = ["LANG": isChinese ? "en_US.UTF-8" : "zh_CN.UTF-8", "HOME": program.folder.path]
            let answer = try Program.finish(process)
            #expect(answer.exitCode == 1)
            #expect(answer.complaint.isChinese == isChinese, "\(options): \(answer.complaint)")
        }
    }
}
