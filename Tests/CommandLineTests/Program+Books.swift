import Foundation
import Testing

/// Small books that every kind of mistake can be made against.
///
/// 0001 has 890.00 open, R1 has 500.00 left, R2 stands in two bank accounts, 0003 is settled, and G2 belongs
/// to the group of G1. All days are past, so nothing depends on today.
extension Program {
    private static let files: [(kind: String, text: String)] = [
        (
            "customers",
            """
            code,name,currency,terms_days,group
            C1,Harbour Works,CNY,30,
            C2,River Tools,CNY,,
            G1,Delta Holding,CNY,,
            G2,Delta Parts,CNY,,G1
            U1,Atlantic Inc,USD,,
            J1,Kyoto KK,JPY,,

            """
        ),
        ("contacts", "customer,name,purpose,email,phone\nC1,Li Si,payment,li@harbour.cn,123\n"),
        (
            "invoices",
            """
            number,customer,issue_date,due_date,amount
            0001,C1,2024-01-10,2024-02-09,1000.00
            0002,C2,2024-01-10,2024-02-09,500.00
            0003,C1,2024-01-10,2024-02-09,200.00
            0004,G1,2024-01-10,2024-02-09,800.00
            0005,U1,2024-01-10,2024-02-09,300.00

            """
        ),
        (
            "receipts",
            """
            reference,date,amount,customer,bank_account
            R1,2024-02-01,600.00,C1,
            R2,2024-02-01,100.00,C1,A
            R2,2024-02-01,50.00,C1,B
            R3,2024-02-01,900.00,G2,
            R4,2024-02-01,40.00,U1,

            """
        ),
        ("credit-notes", "number,invoice,date,amount\nN1,0001,2024-01-20,10.00\n"),
        ("allocations", "receipt,invoice,amount,date\nR1,0001,100.00,2024-02-01\n"),
        ("settlements", "invoice,date\n0003,2024-02-15\n"),
        ("rates", "day,from,to,rate\n2024-01-01,USD,CNY,7.1\n"),
    ]

    /// The files of a store with these books, made once: a copy is quicker than another play.
    private static let prepared = Result<[String: Data], any Error> {
        let program = try Program()
        try #require(try program.run("init", "--language", "en", "--company", "Test").exitCode == 0)
        for file in files {
            let path = try program.write("\(file.kind).csv", file.text)
            let answer = try program.run("import", file.kind, path)
            try #require(answer.exitCode == 0, "\(file.kind): \(answer.complaint)")
        }
        // A log that was not folded into the file yet belongs to the store too; shared memory does not.
        let names = try FileManager.default.contentsOfDirectory(atPath: program.folder.path)
            .filter { $0.hasPrefix("company.db") && !$0.hasSuffix("-shm") }
        return Dictionary(
            uniqueKeysWithValues: try names.map {
                ($0, try Data(contentsOf: program.folder.appendingPathComponent($0)))
            })
    }

    /// A program with the small books in its store.
    static func withBooks() throws -> Program {
        let program = try Program()
        for (name, data) in try prepared.get() { try data.write(to: program.folder.appendingPathComponent(name)) }
        return program
    }

    /// What identifies the state of a store: the head of its chain, and its acts.
    func standing(store: String? = nil) throws -> String {
        let verified = try run("verify", "--json", store: store)
        try #require(verified.exitCode == 0, "the store is not sound: \(verified.output)\(verified.complaint)")
        return try "\(verified.json()["head"] ?? "")\n" + run("acts", "--json", store: store).output
    }

    /// Imports a text that is written to a file first.
    @discardableResult
    func take(_ kind: String, _ text: String, _ options: String...) throws -> ImportAnswer {
        try take(kind, Data(text.utf8), options)
    }

    func take(_ kind: String, _ bytes: Data, _ options: [String] = []) throws -> ImportAnswer {
        let file = folder.appendingPathComponent("\(kind).csv")
        try bytes.write(to: file)
        let answer = try Self.finish(process(["import", kind, file.path, "--json"] + options))
        return try ImportAnswer(answer)
    }

    /// The items of a list command.
    func items(_ arguments: String...) throws -> [[String: Any]] {
        let answer = try Self.finish(process(arguments + ["--json"]))
        try #require(answer.exitCode == 0, "\(arguments): \(answer.complaint)")
        return try #require(try answer.json()["items"] as? [[String: Any]])
    }

    /// What is open of an invoice, as a decimal.
    func open(_ number: String) throws -> String {
        let item = try #require(try items("invoices", "--number", number).first, "no invoice \(number)")
        return (item["open"] as? [String: String])?["amount"] ?? ""
    }
}

extension Program.Answer {
    /// The code of a refusal of the command as a whole.
    func refusalCode() throws -> String { (try json()["error"] as? [String: Any])?["code"] as? String ?? "" }
}

/// The document that `import --json` answers with.
struct ImportAnswer: Decodable {
    struct Fault: Decodable {
        let line: Int
        let column: String
        let value: String
        let code: String
        let message: String
    }

    let created: Int
    let unchanged: Int
    let updated: Int
    let rejected: Int
    let errors: [Fault]
    let dryRun: Bool

    init(_ answer: Program.Answer) throws {
        do {
            self = try JSONDecoder().decode(ImportAnswer.self, from: Data(answer.output.utf8))
        } catch {
            Issue.record("no answer of an import: \(answer.output) \(answer.complaint)")
            throw error
        }
    }
}

extension String {
    var isChinese: Bool { unicodeScalars.contains { (0x4E00...0x9FFF).contains($0.value) } }
}
