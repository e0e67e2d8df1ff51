import Foundation
import Testing

/// Refusals and failures that only the program as a whole meets: each by its code, and with its exit code.
@Suite struct RefusedCommandsTests {
    private func code(_ answer: Program.Answer) throws -> String {
        (try answer.json()["error"] as? [String: Any])?["code"] as? String ?? "none: \(answer.complaint)"
    }

    /// The code of the first fault of a refused import.
    private func fault(_ answer: Program.Answer) throws -> String {
        ((try answer.json()["errors"] as? [[String: Any]])?.first?["code"] as? String) ?? "none: \(answer.complaint)"
    }

    @Test("Options and arguments that name nothing known")
    func names() throws {
        let program = try Program()
        try program.company()
        #expect(try code(program.run("day", "--as", "nobody", "--json")) == "actor.unknown")
        #expect(try code(program.run("aging", "--known-at", "yesterday", "--json")) == "instant.unreadable")
        for bounds in ["30,20", "x", "0,999999999999", ""] {
            #expect(try code(program.run("aging", "--buckets", bounds, "--json")) == "buckets.unreadable", "\(bounds)")
        }
        #expect(try code(program.run("invoices", "--bucket", "d7_9", "--json")) == "bucket.unknown")
        #expect(
            try code(program.run("import", "invoices", program.path("invoices.csv"), "--mapping", "none", "--json"))
                == "mapping.not-found")
        #expect(try code(program.run("accounts", "cash", "1001", "Cash", "--json")) == "account.unknown")
        #expect(try code(program.run("accounts", "bank", "9901", "Bank", "--json")) == "account.taken")
        #expect(try program.run("accounts", "bank", "100201", "Bank of the South", "--json").exitCode == 0)
        #expect(try code(program.run("invoices", "--customer", "C9", "--json")) == "customer.unknown")
        #expect(try program.run("customers", "--limit=-1").exitCode == 2)
        #expect(try program.run("aging", "--as-of", "2999-01-01").exitCode == 2)
        #expect(try program.run("import", "invoices", "x.csv", "--save-mapping", "x").exitCode == 2)
    }

    @Test("A workbook is imported like any other file", .enabled(if: Workbooks.areThere, Workbooks.howToGet))
    func workbook() throws {
        let program = try Program()
        try program.company()
        try Workbooks.make(
            program.path("客户.xlsx"),
            """
            s.append(['客户编号', '客户名称', '账期']); s.append(['X1', '甲公司', 30]); s.append(['X2', '=1', None])
            s['B3'].data_type = 's'
            o = b.create_sheet('发票'); o.append(['number', 'customer', 'issue_date', 'due_date', 'amount'])
            o.append(['I1', 'X1', datetime.date(2026, 5, 1), datetime.date(2026, 5, 31), 1234.5])
            """)
        let guessed = try program.run("import", "customers", program.path("客户.xlsx"), "--guess")
        try program.write("m.yaml", guessed.output)
        let customers = try program.run(
            "import", "customers", program.path("客户.xlsx"), "--mapping", program.path("m.yaml"), "--json")
        #expect(try customers.json()["created"] as? Int == 2)
        // What it says of the encoding is about text files.
        try program.write("n.yaml", "sheet: 发票\nencoding: GB18030\n")
        let invoices = try program.run(
            "import", "invoices", program.path("客户.xlsx"), "--mapping", program.path("n.yaml"), "--json")
        #expect(try invoices.json()["created"] as? Int == 1)
        let listed = try program.run("invoices")
        #expect(listed.output.contains("2026-05-31") && listed.output.contains("1,234.50"))
    }

    @Test("Workbooks that can't be used as they are", .enabled(if: Workbooks.areThere, Workbooks.howToGet))
    func badWorkbooks() throws {
        let program = try Program()
        try program.company()
        func refused(_ name: String, _ script: String) throws -> String? {
            try Workbooks.make(program.path(name), script)
            return try fault(program.run("import", "customers", program.path(name), "--json"))
        }
        let head = "s.append(['code', 'name'])"
        #expect(try refused("formula.xlsx", "\(head); s.append(['X1', '=A1'])") == "workbook.not-calculated")
        try program.write("s.yaml", "sheet: Other\n")
        try Workbooks.make(program.path("sheet.xlsx"), head)
        #expect(
            try fault(
                program.run(
                    "import", "customers", program.path("sheet.xlsx"), "--mapping", program.path("s.yaml"), "--json"))
                == "workbook.no-sheet")
        try program.write("cut.xlsx", "PK\u{3}\u{4} and nothing else")
        #expect(
            try fault(program.run("import", "customers", program.path("cut.xlsx"), "--json"))
                == "workbook.unreadable")
        let sheet = "xl/worksheets/sheet1.xml"
        func remade(_ change: String) -> String { "\(head)\nremake = lambda n, d: \(change)" }
        let doctype = "d.replace(b'<worksheet', b'<!DOCTYPE x []><worksheet', 1) if n == '\(sheet)' else d"
        #expect(try refused("doctype.xlsx", remade(doctype)) == "workbook.hostile")
        let wide = "d.replace(b'r=\"B1\"', b'r=\"XFE1\"', 1) if n == '\(sheet)' else d"
        #expect(try refused("wide.xlsx", remade(wide)) == "workbook.too-large")
        #expect(try refused("locked.xlsx", "\(head)\nlocked = True") == "workbook.encrypted")
    }

    @Test("Files that can't be used as they are")
    func files() throws {
        let program = try Program()
        try program.company()
        try program.write("wide.csv", "code,name\n" + String(repeating: ",", count: 10_000) + "\n")
        #expect(
            try fault(program.run("import", "customers", program.path("wide.csv"), "--json")) == "file.line-too-large")
        #expect(try fault(program.run("import", "customers", "/dev/null", "--json")) == "file.not-a-file")
        try program.write("unnamed.csv", "code,name,\nC8,Eight,x\n")
        #expect(
            try fault(program.run("import", "customers", program.path("unnamed.csv"), "--json")) == "column.unnamed")
        try program.write("blank.csv", "code,name,,\r\nC8,Eight,,\r\n,,,\r\n,,,\r\n")
        #expect(
            try program.run("import", "customers", program.path("blank.csv"), "--json").json()["created"] as? Int == 1)
        try program.write("mac.csv", "code,name\rC7,Seven\r")
        #expect(
            try program.run("import", "customers", program.path("mac.csv"), "--json").json()["created"] as? Int == 1)
        try program.write("m.yaml", "columns: {colour: Farbe}\n")
        #expect(
            try fault(
                program.run(
                    "import", "customers", program.path("mac.csv"), "--mapping", program.path("m.yaml"), "--json"))
                == "mapping.unknown-column")
        try program.write(
            "tax.csv", "number,customer,issue_date,due_date,amount,net,tax\nT,C1,2026-01-01,2026-02-01,100,-50,150\n")
        #expect(try fault(program.run("import", "invoices", program.path("tax.csv"), "--json")) == "value.negative")
        // Latin letters with accents in a western encoding are not taken for Chinese.
        let western = Data("code,name\nC6,M".utf8) + Data([0xFC]) + Data("ller GmbH\n".utf8)
        try western.write(to: URL(fileURLWithPath: program.path("western.csv")))
        #expect(try fault(program.run("import", "customers", program.path("western.csv"), "--json")) == "file.encoding")
    }

    @Test("A policy that can't be in force")
    func policies() throws {
        let program = try Program()
        try program.company()
        try program.write("p.yaml", "tracking: [")
        func set(_ more: String...) throws -> String {
            try code(
                Program.finish(
                    program.process(["policy", "set", program.path("p.yaml"), "--reason", "x", "--json"] + more)))
        }
        #expect(try set() == "policy.unreadable")
        try program.write("p.yaml", "tracking: {rules: {due-sooner: {enabled: false}}}\n")
        #expect(try set() == "policy.unreadable")
        // A list in the place of a map was once passed over: `simulate --seed 15` found it.
        try program.write("p.yaml", "tracking: {rules: [{code: due-soon, offset_days: -6}]}\n")
        #expect(try set() == "policy.unreadable")
        try program.write("p.yaml", "tracking: {rules: {due-soon: {enabled: false}}}\n")
        try program.run("day", "--date", "2026-02-10")
        #expect(try set("--from", "2026-02-10") == "policy.too-early")
        let policy = try program.run("policy", "show", "--json").json()["content"] as? String
        #expect(policy?.contains("due-soon") == true)
    }

    @Test("Places that can't be written, and stores that can't be used")
    func places() throws {
        let program = try Program()
        #expect(try code(program.run("init", "--json", store: "/nowhere/at/all.db")) == "store.unavailable")
        try program.company()
        #expect(
            try code(program.run("aging", "--format", "xlsx", "--output", "/nowhere/a.xlsx", "--json"))
                == "output.unwritable")
        let wrongClock = program.process(["aging", "--json"])
        wrongClock.environment = ProcessInfo.processInfo.environment.merging(["HUIKUAN_NOW": "soon"]) { $1 }
        #expect(try code(Program.finish(wrongClock)) == "clock.unreadable")

        try #require(
            try Python.run(
                """
                import sqlite3,sys; c=sqlite3.connect(sys.argv[1])
                c.execute("create trigger broken before insert on invoice begin select raise(abort, 'no'); end"); c.commit()
                """, program.store))
        let refused = try program.run("import", "invoices", program.path("invoices.csv"), "--json")
        #expect(try code(refused) == "store.faulty" && refused.exitCode == 3)
        #expect(try program.run("verify").complaint.contains("broken"))
    }

    @Test("A store whose writer doesn't let go says who it is")
    func locked() throws {
        let program = try Program()
        try program.company()
        let holder = try Python.start(
            """
            import sqlite3,sys,os
            c=sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('begin immediate')
            open(sys.argv[1]+'.writer','w').write('%d import-invoices' % os.getpid()); print('held', flush=True)
            sys.stdin.readline()
            """, program.store)
        try #require(holder.waitForLine() == "held")
        defer { holder.letGo() }
        let waiting = program.process(["import", "invoices", program.path("invoices.csv"), "--json"])
        waiting.environment = ProcessInfo.processInfo.environment.merging(["HUIKUAN_LOCK_SECONDS": "1"]) { $1 }
        let answer = try Program.finish(waiting)
        #expect(try code(answer) == "store.locked" && answer.exitCode == 3)
        #expect(answer.complaint.contains("import-invoices"))
    }

    @Test("A file that can't grow any more is told as the disk's failure; nothing is saved, and then it goes on")
    func diskFails() throws {
        let program = try Program()
        try program.company(invoices: 3_000)
        let process = program.process(["import", "invoices", program.path("invoices.csv"), "--json"])
        let arguments = [process.executableURL?.path ?? ""] + (process.arguments ?? [])
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        // In blocks of 512 bytes: too little for the log of what is written.
        process.arguments = ["-c", "trap '' XFSZ; ulimit -f 300; exec \"$@\"", "sh"] + arguments
        let answer = try Program.finish(process)
        #expect(try code(answer) == "store.disk" && answer.exitCode == 3)
        let again = try program.run("import", "invoices", program.path("invoices.csv"), "--json")
        #expect(try again.json()["created"] as? Int == 3_000)
        #expect(try program.run("verify").exitCode == 0)
    }

    @Test("A damaged store is said to be so, and not read on")
    func damaged() throws {
        let program = try Program()
        try program.company(invoices: 2_000)
        try program.run("import", "invoices", program.path("invoices.csv"))
        var bytes = try Data(contentsOf: URL(fileURLWithPath: program.store))
        for index in stride(from: 20_480, to: bytes.count, by: 64) { bytes[index] ^= 0xFF }
        try bytes.write(to: URL(fileURLWithPath: program.path("damaged.db")))
        let answer = try program.run("aging", "--json", store: program.path("damaged.db"))
        #expect(try code(answer) == "store.corrupt" && answer.exitCode == 3)
    }

    @Test("A backup goes into no place that is taken, comes back with its keys, and without them only when told so")
    func backups() throws {
        let program = try Program()
        try program.company()
        try program.write("contacts.csv", "customer,name,purpose,email\nC1,Payer,payment,p@x.cn\n")
        try program.run("import", "contacts", program.path("contacts.csv"))
        let copy = program.path("copy.db")
        #expect(try program.run("backup", copy).exitCode == 0)
        #expect(try code(program.run("backup", copy, "--json")) == "output.exists")
        let attributes = try FileManager.default.attributesOfItem(atPath: copy)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        try FileManager.default.moveItem(atPath: copy + ".keys", toPath: program.path("keys"))
        let back = program.path("back.db")
        #expect(try code(program.run("restore", copy, "--json", store: back)) == "restore.no-keys")
        #expect(!FileManager.default.fileExists(atPath: back))
        #expect(try program.run("restore", copy, "--without-keys", store: back).exitCode == 0)
        #expect(
            try fault(program.run("import", "contacts", program.path("contacts.csv"), "--json", store: back))
                == "personal.key-missing")
        #expect(try code(program.run("restore", copy, "--json", "--without-keys", store: back)) == "store.exists")
        let live = program.process(["restore", copy, "--without-keys", "--json"], store: program.path("other.db"))
        live.environment = ProcessInfo.processInfo.environment.merging(["HUIKUAN_NOW": "2099-01-01T00:00:00Z"]) { $1 }
        #expect(try code(Program.finish(live)) == "clock.not-allowed")
        try FileManager.default.moveItem(atPath: program.path("keys"), toPath: copy + ".keys")
        let whole = program.path("whole.db")
        #expect(try program.run("restore", copy, store: whole).exitCode == 0)
        let again = try program.run("import", "contacts", program.path("contacts.csv"), "--json", store: whole)
        #expect(try again.json()["unchanged"] as? Int == 1)
    }

    @Test("Two that create one store at once: one does, the other is refused, and what there is stays")
    func createdOnce() throws {
        for _ in 0..<5 {
            let program = try Program()
            let processes = (0..<4).map { _ in program.process(["init", "--json"]) }
            for process in processes {
                process.standardOutput = FileHandle.nullDevice
                process.standardError = FileHandle.nullDevice
                try process.run()
            }
            for process in processes { process.waitUntilExit() }
            #expect(processes.count { $0.terminationStatus == 0 } == 1)
            #expect(try program.run("verify").exitCode == 0)
            let left = try FileManager.default.contentsOfDirectory(atPath: program.folder.path)
            #expect(!left.contains { $0.contains(".new-") }, "\(left)")
        }
    }
}

/// Makes workbooks with openpyxl: `b` is the workbook and `s` its first sheet; `remake` changes the archive's parts, and
/// `locked` marks them as encrypted.
private enum Workbooks {
    private static let python = "/usr/bin/python3"

    static let areThere: Bool = {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = ["-c", "import openpyxl"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()

    static let howToGet: Comment = "skipped: no workbooks can be made here; install python3-openpyxl"

    static func make(_ path: String, _ script: String) throws {
        let frame = """
            import datetime, openpyxl, sys, zipfile
            b = openpyxl.Workbook(); s = b.active; remake = None; locked = False
            \(script)
            b.save(sys.argv[1])
            if remake:
                with zipfile.ZipFile(sys.argv[1]) as z: parts = [(n, z.read(n)) for n in z.namelist()]
                with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as z:
                    for n, d in parts: z.writestr(n, remake(n, d))
            if locked:
                d = bytearray(open(sys.argv[1], 'rb').read())
                for mark, flags in ((b'PK\\x03\\x04', 6), (b'PK\\x01\\x02', 8)):
                    i = d.find(mark)
                    while i >= 0: d[i + flags] |= 1; i = d.find(mark, i + 4)
                open(sys.argv[1], 'wb').write(d)
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = ["-c", frame, path]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(frame)")
    }
}
