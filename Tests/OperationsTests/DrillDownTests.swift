import Foundation
import Ledger
import OpenItems
import Receivables
import TestSupport
import Testing

@testable import Operations

/// Every figure of an aging report is made of the items that the list shows for it.
@Suite struct DrillDownTests {
    /// A small company whose facts come over time: back-dated receipts, un-applying, moved due days.
    private func company(seed: UInt64) async throws -> TestCompany {
        let company = try await TestCompany(now: "2026-09-01T04:00:00Z")
        var state = seed
        func next(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(limit))
        }
        func day(_ offset: Int) throws -> String { "\(try #require(LocalDate("2026-01-01")).adding(days: offset))" }
        try await company.take(.customers, "code,name,sales_owner", "C0,A,x@x.cn", "C1,B,y@x.cn", "C2,D,x@x.cn")
        var invoices: [String] = []
        for number in 0..<60 {
            let issued = next(180)
            let currency = ["CNY", "CNY", "USD"][next(3)]
            invoices.append(
                "I\(number),C\(next(3)),\(try day(issued)),\(try day(issued + next(90))),\(100 + next(900)),\(currency)"
            )
        }
        try await importLines(company, .invoices, "number,customer,issue_date,due_date,amount,currency", invoices)
        for round in 0..<4 {
            var receipts: [String] = []
            var allocations: [String] = []
            for line in invoices where next(3) == 0 {
                let cells = line.split(separator: ",")
                let reference = "R\(round)-\(cells[0])"
                let paid = try day(185 + next(60))
                receipts.append("\(reference),\(paid),\(20 + next(30)),\(cells[5]),\(cells[1])")
                allocations.append("\(reference),\(cells[0]),\(1 + next(20)),\(paid)")
            }
            try await importLines(company, .receipts, "reference,date,amount,currency,customer", receipts)
            try await importLines(company, .allocations, "receipt,invoice,amount,date", allocations)
            let number = "I\(next(60))"
            let later = try #require(LocalDate(try day(200 + next(90))))
            let from = try #require(LocalDate(try day(100 + next(140))))
            _ = try? await CorrectRegister(in: company.store, company.request("change-due")).changeDueDay(
                invoice: number, instalment: 1, to: later, from: from, reason: "agreed")
            if let line = allocations.first {
                let cells = line.split(separator: ",").map(String.init)
                _ = try await CorrectRegister(in: company.store, company.request("unapply")).unapply(
                    .init(cells[0]), invoice: cells[1], on: nil, reason: "wrong")
            }
        }
        return company
    }

    private func importLines(_ company: TestCompany, _ kind: ImportKind, _ header: String, _ lines: [String])
        async throws
    {
        let text = ([header] + lines).joined(separator: "\n") + "\n"
        _ = try await FileImport(kind, .text(text)).run(
            in: company.store, actor: company.actor, source: "test", now: company.now, today: company.today)
    }

    @Test(
        "Items add up to each bucket of each customer, as of any day and as known at any act",
        arguments: [1, 2, 3] as [UInt64])
    func itemsAddUp(seed: UInt64) async throws {
        let company = try await company(seed: seed)
        let acts = try Verify().run(in: company.store)
        #expect(acts.fault == nil)
        for text in ["2026-03-31", "2026-06-30", "2026-07-15", "2026-08-20", "2026-12-31"] {
            for known in [KnownAt.now, .act(acts.acts - 4), .act(acts.acts - 9)] {
                for basis in BucketSet.Basis.allCases {
                    try compare(company, try #require(LocalDate(text)), known, .standard(basis))
                }
            }
        }
    }

    private func compare(_ company: TestCompany, _ day: LocalDate, _ known: KnownAt, _ set: BucketSet) throws {
        var request = AgingReport.Request(asOf: day, buckets: set)
        request.knownAt = known
        let report = try AgingReport.make(request, in: company.store)
        #expect(!report.proof.contains { !$0.holds })
        for row in report.rows {
            for (index, bucket) in set.buckets.enumerated() {
                var filter = RegisterQueries.InvoiceFilter()
                filter.customer = row.key
                filter.currency = row.currency
                filter.asOf = day
                filter.knownAt = known
                filter.bucket = (set, bucket.code)
                filter.limit = .max
                let items = try RegisterQueries.invoices(filter, today: company.today, in: company.store).rows
                let sum = items.reduce(Int128(0)) { $0 + Int128($1.open) }
                #expect(sum == row.buckets[index], "\(row.key) \(bucket.code) on \(day), \(known)")
            }
        }
    }

    @Test(
        "Items add up to each figure of every report, crossed or not, for everybody and within a data scope",
        arguments: AgingReport.Dimension.allCases)
    func everyFigure(by dimension: AgingReport.Dimension) async throws {
        let company = try await company(seed: 7)
        _ = try await WorkCommands(in: company.store, company.request("set-person")).setPerson(
            "x@x.cn", manager: nil, roles: [.sales], without: [])
        try await AccountCommands(in: company.store, company.request("set-person")).register("x@x.cn", name: "X")
        let own = try Viewer.of(.person(key: "x@x.cn"), on: company.today, in: company.store)
        for viewer in [nil, own] {
            for cross in [nil, AgingReport.Dimension.owner, .customer] where cross != dimension {
                var request = AgingReport.Request(
                    asOf: try #require(LocalDate("2026-07-31")), buckets: .standardDue)
                request.dimensions = [dimension] + [cross].compactMap { $0 }
                request.viewer = viewer
                let report = try AgingReport.make(request, in: company.store)
                #expect(viewer != nil || !report.rows.isEmpty)
                for row in report.rows + report.totals {
                    request.currency = row.currency
                    for bucket in row.buckets.indices.map(Optional.init) + [nil] {
                        let behind = try AgingReport.behind(
                            request, keys: row.keys.isEmpty ? nil : row.keys, bucket: bucket, limit: 3,
                            in: company.store)
                        let sum = behind.sums.first { $0.currency == row.currency }?.open ?? 0
                        #expect(sum == bucket.map { row.buckets[$0] } ?? row.open, "\(row.keys) \(bucket ?? -1)")
                        #expect(behind.items.count == min(behind.count, 3))
                    }
                }
            }
        }
        // A narrower scope sees the movement of its own customers, and no other.
        let all = try MovementReport.make(
            from: try #require(LocalDate("2026-05-31")), to: try #require(LocalDate("2026-07-31")), knownAt: .now,
            buckets: .standardDue, in: company.store)
        let mine = try MovementReport.make(
            from: all.from, to: all.to, knownAt: .now, buckets: .standardDue, as: own, in: company.store)
        var request = AgingReport.Request(asOf: all.to, buckets: .standardDue)
        request.viewer = own
        for total in try AgingReport.make(request, in: company.store).totals {
            #expect(mine.movements.first { $0.currency == total.currency }?.movement.closing ?? [] == total.buckets)
        }
        #expect(all.movements.first?.movement.closing != mine.movements.first?.movement.closing)
    }

    @Test(
        "Opening balance and turnover of each account come to its closing balance, debits to credits",
        arguments: [1, 2, 3] as [UInt64])
    func trialBalance(seed: UInt64) async throws {
        let company = try await company(seed: seed)
        let viewer = Viewer.everything(company.actor)
        let days = try ["2026-01-01", "2026-06-01", "2026-08-31"].map { try #require(LocalDate($0)) }
        for (from, asOf) in [(days[0], days[2]), (days[1], days[2]), (days[1], days[1])] {
            let lines = try company.store.look(as: viewer, for: .seeLedger, on: company.today) {
                try $0.balances(from: from, on: asOf)
            }
            let expected = try LedgerBalances.trialBalance(in: company.store, asOf: asOf).lines
            for line in lines {
                #expect(line.opening + line.debit - line.credit == line.balance, "\(line.account) \(line.currency)")
                let other = expected.first { $0.account == line.account && $0.currency == line.currency }
                #expect(other.map { Int128($0.debit - $0.credit) } ?? 0 == line.balance)
            }
            #expect(lines.contains { $0.debit != 0 && $0.credit != 0 } || from == asOf)
            for (_, group) in Dictionary(grouping: lines, by: \.currency) {
                #expect(group.reduce(0) { $0 + $1.debit } == group.reduce(0) { $0 + $1.credit })
            }
        }
    }

    @Test("A state of knowledge is named by an act, a day or a minute, in the company's time")
    func knownAt() async throws {
        let company = try await company(seed: 1)
        func instant(_ text: String) throws -> String? {
            guard case .instant(let instant) = try KnownAt(text, in: company.settings) else { return nil }
            return "\(instant)"
        }
        // Shanghai is eight hours ahead.
        #expect(try instant("2026-06-30")?.hasPrefix("2026-06-30T15:59:59.99") ?? false)
        #expect(try instant("2026-06-30 18:00")?.hasPrefix("2026-06-30T10:00:59.99") ?? false)
        #expect(try instant("2026-06-30T18:00")?.hasPrefix("2026-06-30T10:00:59.99") ?? false)
        #expect(try instant("2026-06-30T18:00Z")?.hasPrefix("2026-06-30T18:00") ?? false)
        #expect(try KnownAt("#12", in: company.settings) == .act(12))
        for text in ["yesterday", "2026-06-30 25:00", "2026-06-31", "#x", "2026-06-30 18", "2026-06-30 18:00:99"] {
            #expect(throws: Refusal(.instantUnreadable, ["value": .text(text)])) {
                _ = try KnownAt(text, in: company.settings)
            }
        }
    }

    @Test(
        "A movement starts and ends with the aging of its days, whatever happened between",
        arguments: [4, 5] as [UInt64])
    func movements(seed: UInt64) async throws {
        let company = try await company(seed: seed)
        let days = try ["2026-05-31", "2026-07-31"].map { try #require(LocalDate($0)) }
        let report = try MovementReport.make(
            from: days[0], to: days[1], knownAt: .now, buckets: .standardDue, in: company.store)
        for (index, day) in days.enumerated() {
            let aging = try AgingReport.make(
                AgingReport.Request(asOf: day, buckets: .standardDue), in: company.store)
            for (currency, movement) in report.movements {
                let total = try #require(aging.totals.first { $0.currency == currency })
                let side = index == 0 ? movement.opening : movement.closing
                #expect(total.buckets == side)
            }
        }
        #expect(throws: Refusal(.dayRangeBackwards)) {
            _ = try MovementReport.make(
                from: days[1], to: days[0], knownAt: .now, buckets: .standardDue, in: company.store)
        }
    }

    @Test("Month ends are the last thirteen, the day itself included when it is one")
    func monthEnds() throws {
        let ends = TrendReport.monthEnds(upTo: try #require(LocalDate("2026-02-28")))
        #expect(ends.count == 13 && ends.last == LocalDate("2026-02-28") && ends.first == LocalDate("2025-02-28"))
        let before = try #require(LocalDate("2026-02-27"))
        #expect(TrendReport.monthEnds(upTo: before).last == LocalDate("2026-01-31"))
    }

    @Test("What is kept each day comes out again, and a changed figure doesn't")
    func snapshots() async throws {
        let company = try await company(seed: 6)
        try await company.run(day: "2026-08-31", from: "2026-08-01")
        let kept = try AgingSnapshot.rows(since: nil, in: company.store)
        #expect(kept.count >= 31)
        try await company.take(.customers, "code,name", "C9,Nine")
        try await company.take(
            .invoices, "number,customer,issue_date,due_date,amount", "LATE,C9,2026-08-10,2026-08-20,5")
        #expect(try company.fault() == nil)
    }
}
