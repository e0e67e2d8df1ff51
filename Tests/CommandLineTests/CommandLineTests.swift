import Foundation
import Testing

@Suite struct CommandLineTests {
    @Test("Exit codes: 0 done, 1 refused, 2 wrong usage; one JSON document; messages in both languages")
    func exitCodes() throws {
        let program = try Program()
        try program.company()
        #expect(
            try program.run("import", "invoices", program.path("invoices.csv"), "--json").json()["created"] as? Int
                == 10)
        let again = try program.run("import", "invoices", program.path("invoices.csv"), "--json")
        #expect(try again.json()["created"] as? Int == 0 && again.json()["unchanged"] as? Int == 10)
        try program.write("bad.csv", "number,customer,issue_date,due_date,amount\nI99,C9,2026-02-30,2026-03-01,1.234\n")
        let english = try program.run("import", "invoices", program.path("bad.csv"), "--json")
        let chinese = try program.run("import", "invoices", program.path("bad.csv"), "--json", "--language", "zh-Hans")
        #expect(english.exitCode == 1 && chinese.exitCode == 1)
        let messages = try [english, chinese].map { answer in
            (try answer.json()["errors"] as? [[String: Any]] ?? []).compactMap { $0["message"] as? String }
        }
        #expect(messages[0].count == messages[1].count && !messages[0].isEmpty && messages[0] != messages[1])
        #expect(messages[1].allSatisfy { $0.unicodeScalars.contains { (0x4E00...0x9FFF).contains($0.value) } })
        #expect(try program.run("import", "nonsense", "x.csv").exitCode == 2)
        #expect(try program.run("aging", "--as-of", "yesterday").exitCode == 2)
        #expect(try program.run("aging", "--format", "pdf").exitCode == 2)
        #expect(try program.run("aging", "--by", "colour").exitCode == 1)
        #expect(try program.run("aging", "--buckets", "30,20").exitCode == 1)
        #expect(try program.run("day", "--as", "nobody").exitCode == 1)
        #expect(try program.run("import", "invoices", program.path("invoices.csv"), "--mapping", "none").exitCode == 1)
    }

    @Test("A store that is missing, no store, newer or damaged is told apart, and nothing is made of it")
    func stores() throws {
        let program = try Program()
        func code(_ answer: Program.Answer) throws -> String {
            (try answer.json()["error"] as? [String: Any])?["code"] as? String ?? ""
        }
        #expect(try code(program.run("aging", "--json")) == "store.missing")
        #expect(!FileManager.default.fileExists(atPath: program.store))
        let text = try program.write("text.db", "this is no store, and was never one")
        #expect(try code(program.run("aging", "--json", store: text)) == "store.not-a-store")
        #expect(try code(program.run("aging", "--json", store: program.folder.path)) == "store.not-a-store")
        try program.company()
        #expect(try code(program.run("init", "--json")) == "store.exists")
        let live = program.process(["aging", "--json"])
        live.environment = ProcessInfo.processInfo.environment.merging(["HUIKUAN_NOW": "2020-01-01T00:00:00Z"]) { $1 }
        #expect(try code(Program.finish(live)) == "clock.not-allowed")

        try program.run("import", "invoices", program.path("invoices.csv"))
        let bytes = try Data(contentsOf: URL(fileURLWithPath: program.store))
        var damaged = bytes
        for index in 8192..<min(16384, damaged.count) { damaged[index] = 0xA5 }
        try damaged.write(to: URL(fileURLWithPath: program.path("damaged.db")))
        #expect(try program.run("verify", store: program.path("damaged.db")).exitCode != 0)
        try #require(
            try Python.run(
                "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute(\"insert into migration values(999,'x')\"); c.commit()",
                program.store))
        #expect(try code(program.run("aging", "--json")) == "store.newer")
    }

    @Test("Another process that writes is waited for")
    func locked() async throws {
        let program = try Program()
        try program.company()
        let holder = try Python.start(
            """
            import sqlite3,sys,time
            c=sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('begin immediate'); print('held', flush=True)
            sys.stdin.readline()
            """, program.store)
        try #require(holder.waitForLine() == "held")
        let waiting = program.process(["import", "invoices", program.path("invoices.csv"), "--json"])
        let output = Pipe()
        waiting.standardOutput = output
        try waiting.run()
        holder.letGo()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        waiting.waitUntilExit()
        #expect(waiting.terminationStatus == 0 && String(decoding: text, as: UTF8.self).contains("\"created\":10"))
    }

    @Test(
        "A full disk stops an import with a clear message, and leaves the store sound",
        .enabled(if: SmallDisk.isAllowed))
    func fullDisk() throws {
        let disk = try SmallDisk(megabytes: 3)
        let program = try Program()
        try program.company(invoices: 30_000)
        let store = disk.path + "/company.db"
        try #require(try program.run("init", "--language", "en", store: store).exitCode == 0)
        try #require(try program.run("import", "customers", program.path("customers.csv"), store: store).exitCode == 0)
        let answer = try program.run("import", "invoices", program.path("invoices.csv"), "--json", store: store)
        #expect(answer.exitCode == 3)
        #expect((try answer.json()["error"] as? [String: Any])?["code"] as? String == "store.full")
        #expect(try program.run("verify", store: store).exitCode == 0)
    }

    @Test("A disk that is only for reading is said to be so", .enabled(if: SmallDisk.isAllowed))
    func readOnly() throws {
        let disk = try SmallDisk(megabytes: 8)
        let program = try Program()
        let store = disk.path + "/company.db"
        try #require(try program.run("init", "--language", "en", store: store).exitCode == 0)
        try #require(disk.makeReadOnly())
        let answer = try program.run("aging", "--json", store: store)
        #expect((try answer.json()["error"] as? [String: Any])?["code"] as? String == "store.read-only")
    }

    @Test("Two processes import and run the day at once: both succeed, nothing is there twice")
    func atOnce() throws {
        let program = try Program()
        try program.company(invoices: 400)
        let imports = ["invoices", "invoices"].map { program.process(["import", $0, program.path("\($0).csv")]) }
        for process in imports { try process.run() }
        for process in imports { process.waitUntilExit() }
        #expect(imports.allSatisfy { $0.terminationStatus == 0 })
        let days = (0..<2).map { _ in program.process(["day", "--from", "2026-02-01", "--to", "2026-02-20"]) }
        for process in days { try process.run() }
        for process in days { process.waitUntilExit() }
        #expect(days.allSatisfy { $0.terminationStatus == 0 })
        let items = try program.run("invoices", "--json").json()["items"] as? [Any]
        #expect(items?.count == 400)
        #expect(try program.run("verify").exitCode == 0)
    }

    @Test("Killed at any moment and started again, an import ends as an undisturbed one")
    func killed() throws {
        let program = try Program()
        try program.company(invoices: 3_000)
        var random = SystemRandomNumberGenerator()
        for kind in ["invoices", "receipts", "allocations"] {
            for _ in 0..<4 {
                let process = program.process(["import", kind, program.path("\(kind).csv")])
                process.standardOutput = FileHandle.nullDevice
                process.standardError = FileHandle.nullDevice
                try process.run()
                usleep(UInt32.random(in: 1_000...250_000, using: &random))
                if process.isRunning { kill(process.processIdentifier, SIGKILL) }
                process.waitUntilExit()
            }
            let last = try program.run("import", kind, program.path("\(kind).csv"), "--json").json()
            #expect((last["created"] as? Int ?? 0) + (last["unchanged"] as? Int ?? 0) == 3_000)
        }
        #expect(try program.run("verify").exitCode == 0)
        let total =
            try program.run("aging", "--as-of", "2026-12-31", "--by", "currency", "--json").json()["totals"]
            as? [[String: Any]]
        #expect(total?.first?["open"] as? String == "120000.00")
    }

    @Test("A mapping is proposed, saved and used; rejected lines go to a file of their own")
    func mappings() throws {
        let program = try Program()
        try program.company()
        try program.write(
            "erp.csv",
            "发票号,客户编码,开票日期,到期日,价税合计,仓库\n0001,C1,2026/1/5,2026/2/5,\"1,130.00\",A\n0002,C9,2026/1/5,2026/2/5,5,A\n")
        let guess = try program.run("import", "invoices", program.path("erp.csv"), "--guess")
        try program.write("erp.yaml", guess.output + "date_format: yyyy/M/d\n")
        let partial = try program.run(
            "import", "invoices", program.path("erp.csv"), "--mapping", program.path("erp.yaml"), "--save-mapping",
            "erp",
            "--partial", "--json")
        #expect(try partial.json()["created"] as? Int == 1 && partial.json()["rejected"] as? Int == 1)
        let rejected = try String(contentsOfFile: program.path("erp.csv.rejected.csv"), encoding: .utf8)
        #expect(rejected.contains("0002") && rejected.contains("rejected_reason"))
        let bare = try program.run("import", "invoices", program.path("erp.csv"), "--language", "en")
        #expect(bare.exitCode == 1 && bare.complaint.contains("--mapping erp"))
        let saved = try program.run(
            "import", "invoices", program.path("erp.csv"), "--mapping", "erp", "--partial", "--json")
        #expect(try saved.json()["unchanged"] as? Int == 1)
        #expect(try (program.run("invoices", "--number", "0001", "--json").json()["items"] as? [Any])?.count == 1)
    }

    @Test("Aging is written as a spreadsheet, as PDF and as CSV; other programs read the journal and agree")
    func outputs() throws {
        let program = try Program()
        try program.company()
        for kind in ["invoices", "receipts", "allocations"] {
            try program.run("import", kind, program.path("\(kind).csv"))
        }
        for format in ["xlsx", "pdf", "csv"] {
            let answer = try program.run(
                "aging", "--as-of", "2026-03-31", "--format", format, "--output", program.path("a.\(format)"))
            #expect(answer.exitCode == 0)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: program.path("a.pdf"))).starts(with: Data("%PDF".utf8)))
        #expect(try program.run("aging", "--format", "pdf", "--output", "/nowhere/a.pdf").exitCode == 1)
        try program.run("ledger", "--format", "hledger", "--output", program.path("j.hledger"))
        try program.run("ledger", "--format", "beancount", "--output", program.path("j.beancount"))
        let check = Process()
        check.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        check.arguments = ["hledger", "-f", program.path("j.hledger"), "bal", "-N", "-O", "csv", "Assets:Receivable"]
        #expect(try Program.finish(check).output.contains("400.00 CNY"))
        let bean = Process()
        bean.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        bean.arguments = ["bean-check", program.path("j.beancount")]
        #expect(try Program.finish(bean).exitCode == 0)
    }

    @Test(
        "Every command explains itself",
        arguments: [
            "init", "demo", "import", "day", "aging", "customers", "invoices", "receipts", "tasks", "reminders", "acts",
            "reverse", "change-due", "pause", "period", "person", "trial-balance", "ledger", "verify", "backup",
            "restore",
        ])
    func help(command: String) throws {
        let process = Process()
        process.executableURL = Program.binary
        process.arguments = [command, "--help"]
        let answer = try Program.finish(process)
        #expect(answer.exitCode == 0 && answer.output.contains("USAGE: huikuan \(command)"))
    }
}
