import Ledger
import Receivables
import Testing

func day(_ text: String) throws -> LocalDate { try #require(LocalDate(text)) }

extension WorkingCalendar {
    /// National Day of 2026 off from 1 to 7 October, and Saturday 10 October worked for it.
    static func nationalDay() throws -> WorkingCalendar {
        var exceptions: [LocalDate: Kind] = [try day("2026-10-10"): .working]
        for offset in 0...6 { exceptions[try day("2026-10-01").adding(days: offset)] = .holiday }
        return WorkingCalendar(exceptions: exceptions)
    }
}

@Suite("The working calendar")
struct WorkingCalendarTests {
    @Test("follows the week, public holidays and shifted working days")
    func kinds() throws {
        let calendar = try WorkingCalendar.nationalDay()
        #expect(try calendar.isWorkingDay(day("2026-09-30")))
        #expect(try !calendar.isWorkingDay(day("2026-10-01")))
        #expect(try !calendar.isWorkingDay(day("2026-10-11")))
        #expect(try calendar.isWorkingDay(day("2026-10-10")))
        #expect(try !WorkingCalendar().isWorkingDay(day("2026-10-10")))
        #expect(calendar.knows(year: 2026))
        #expect(!calendar.knows(year: 2027))
    }

    @Test("finds the nearest working day")
    func nearest() throws {
        let calendar = try WorkingCalendar.nationalDay()
        #expect(try calendar.onOrAfter(day("2026-10-01")) == day("2026-10-08"))
        #expect(try calendar.onOrBefore(day("2026-10-07")) == day("2026-09-30"))
        #expect(try calendar.onOrAfter(day("2026-10-08")) == day("2026-10-08"))
        #expect(try DayShift.none.apply(to: day("2026-10-03"), calendar) == day("2026-10-03"))
        #expect(try DayShift.next.apply(to: day("2026-10-03"), calendar) == day("2026-10-08"))
    }

    @Test("counts working days")
    func counting() throws {
        let calendar = try WorkingCalendar.nationalDay()
        #expect(try calendar.adding(workingDays: 0, to: day("2026-10-03")) == day("2026-10-08"))
        #expect(try calendar.adding(workingDays: 3, to: day("2026-10-08")) == day("2026-10-12"))
        #expect(try calendar.workingDays(after: day("2026-09-30"), through: day("2026-10-12")) == 4)
        #expect(try calendar.workingDays(after: day("2026-10-12"), through: day("2026-10-12")) == 0)
        #expect(try calendar.workingDays(after: day("2026-10-12"), through: day("2026-10-01")) == 0)
    }
}

@Suite("A rule of the day")
struct DayRuleTests {
    @Test("reminds before National Day of what is due right after it")
    func dueSoon() throws {
        let calendar = try WorkingCalendar.nationalDay()
        let item = DueItem(dueDay: try day("2026-10-08"), episode: 1)
        let rule = DueSoonRule(offsetDays: -3, shift: .previous)
        for offset in -60...30 {
            let today = item.dueDay.adding(days: offset)
            let mayFire = try today >= day("2026-09-30") && today <= item.dueDay
            let expected = mayFire ? Occasion(dueDay: item.dueDay, episode: 0) : nil
            #expect(rule.occasion(of: item, on: today, calendar) == expected, "on \(today)")
        }
    }

    @Test("reminds on the exact day, or after the holidays, as the policy says")
    func dueSoonShifts() throws {
        let calendar = try WorkingCalendar.nationalDay()
        let item = DueItem(dueDay: try day("2026-10-08"), episode: 1)
        let exact = DueSoonRule(offsetDays: -3, shift: .none), after = DueSoonRule(offsetDays: -3, shift: .next)
        #expect(try exact.occasion(of: item, on: day("2026-10-04"), calendar) == nil)
        #expect(try exact.occasion(of: item, on: day("2026-10-05"), calendar) != nil)
        #expect(try after.occasion(of: item, on: day("2026-10-07"), calendar) == nil)
        #expect(try after.occasion(of: item, on: day("2026-10-08"), calendar) != nil)
    }

    @Test("starts collection on the first day overdue, with the episode")
    func overdueStart() throws {
        let item = DueItem(dueDay: try day("2026-03-31"), episode: 2)
        let rule = OverdueStartRule(offsetDays: 1)
        #expect(rule.occasion(of: item, on: item.dueDay, WorkingCalendar()) == nil)
        for offset in [1, 2, 400] {
            let occasion = rule.occasion(of: item, on: item.dueDay.adding(days: offset), WorkingCalendar())
            #expect(occasion == Occasion(dueDay: item.dueDay, episode: 2))
        }
    }

    @Test("assesses the risk of an item past thirty days overdue")
    func overdueRisk() throws {
        let item = DueItem(dueDay: try day("2026-01-31"), episode: 1)
        let rule = OverdueRiskRule(offsetDays: 31, taskDueWorkingDays: 3)
        #expect(rule.occasion(of: item, on: item.dueDay.adding(days: 30), WorkingCalendar()) == nil)
        let occasion = rule.occasion(of: item, on: item.dueDay.adding(days: 31), WorkingCalendar())
        #expect(occasion == Occasion(dueDay: item.dueDay, episode: 1))
    }

    @Test(
        "escalates a late task by working days",
        arguments: [
            ("2026-09-30", 0), ("2026-10-07", 0), ("2026-10-08", 1), ("2026-10-09", 1), ("2026-10-10", 2),
            ("2026-10-11", 2), ("2026-10-12", 2), ("2026-10-13", 3), ("2026-12-31", 3), ("2026-09-01", 0),
        ])
    func taskLate(today: String, level: Int) throws {
        let rule = TaskLateRule(escalateAfter: [1, 3, 5])
        #expect(try rule.level(dueDay: day("2026-09-30"), on: day(today), .nationalDay()) == level)
    }
}

@Suite("What holds a message back")
struct SendGateTests {
    @Test("is nothing for a complete registration")
    func nothing() { #expect(SendGate().reasons.isEmpty) }

    @Test("is told in one order")
    func order() {
        var gate = SendGate()
        gate.frequencyCap = 2
        gate.messagesThisWeek = 1
        #expect(gate.reasons.isEmpty)
        gate.messagesThisWeek = 2
        #expect(gate.reasons == [.frequencyCap])
        gate.hasUnappliedCash = true
        gate.isBankDataCurrent = false
        gate.isComplete = false
        gate.hasContact = false
        gate.isGoLive = true
        // What a single item holds back is told by the message's lines.
        #expect(gate.reasons == HoldReason.allCases.filter { $0 != .invoiceNotDelivered && $0 != .paused })
    }
}

@Suite("A pause of dunning")
struct PauseTests {
    private static let policy = TrackingPolicy(
        dueSoon: DueSoonRule(offsetDays: -3, shift: .previous), overdueStart: OverdueStartRule(offsetDays: 1),
        overdueRisk: OverdueRiskRule(offsetDays: 31, taskDueWorkingDays: 3),
        taskLate: TaskLateRule(escalateAfter: [1, 3, 5]),
        dataQuality: DataQualityRule(taskDueWorkingDays: 5, unappliedDays: 7, unknownPayerDays: 3), switchedOff: [],
        messagesMaximumAgeDays: 7, goLiveDays: 5, bankDataMaximumAgeWorkingDays: 1, unappliedMateriality: 100,
        heldExpiresDays: 14, frequencyCapPerWeek: 2, disputeMaximumDays: 60, agreedPauseMaximumDays: 30)

    @Test(
        "is checked for its reason, its direction and its length, in this order",
        arguments: [
            (Pause.Kind.dispute, 0, "r", nil), (.dispute, 60, "r", nil), (.dispute, 61, "r", RefusalCode.pauseTooLong),
            (.agreed, 30, "r", nil), (.agreed, 31, "r", .pauseTooLong), (.agreed, -1, "r", .pauseBackwards),
            (.agreed, -1, "", .reasonMissing), (.agreed, 31, "", .reasonMissing),
        ] as [(Pause.Kind, Int, String, RefusalCode?)])
    func check(kind: Pause.Kind, days: Int, reason: String, refusal: RefusalCode?) throws {
        let start = try day("2026-05-01")
        var code: RefusalCode?
        do throws(Refusal) {
            try Pause.check(kind, from: start, until: start.adding(days: days), reason: reason, Self.policy)
        } catch {
            code = error.code
        }
        #expect(code == refusal)
    }
}
