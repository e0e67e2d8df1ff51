import Ledger
import OpenItems
import Testing

@Suite("An item's overdue episode")
struct EpisodeTests {
    /// What happened to an item of 100, posted on day 0 and due on day 10.
    enum Event: Sendable {
        /// So much allocated, or taken back, on a day.
        case allocated(Int64, on: Int)
        /// A new due day, in force from a day on.
        case due(Int, from: Int)
    }

    struct Story: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let events: [Event]
        /// The number of the episode on some days.
        let episodes: [Int: Int]
    }

    private static let stories = [
        Story(
            testDescription: "settled and open again",
            events: [.allocated(100, on: 20), .allocated(-100, on: 30)],
            episodes: [0: 1, 10: 1, 11: 1, 20: 1, 29: 1, 30: 2, 400: 2]),
        Story(
            testDescription: "settled and open again twice, the second time in two parts",
            events: [
                .allocated(100, on: 20), .allocated(-100, on: 30), .allocated(40, on: 35), .allocated(60, on: 40),
                .allocated(-40, on: 50), .allocated(-60, on: 60),
            ], episodes: [29: 1, 30: 2, 35: 2, 40: 2, 49: 2, 50: 3, 60: 3, 100: 3]),
        Story(
            testDescription: "taken back on the day that it was allocated",
            events: [.allocated(100, on: 20), .allocated(-100, on: 20)],
            episodes: [19: 1, 20: 1, 21: 1, 100: 1]),
        Story(
            testDescription: "taken back and settled otherwise on one day",
            events: [.allocated(100, on: 20), .allocated(-100, on: 30), .allocated(100, on: 30)],
            episodes: [20: 1, 30: 1, 100: 1]),
        Story(
            testDescription: "settled in part, which is taken back",
            events: [.allocated(99, on: 20), .allocated(-99, on: 30)], episodes: [20: 1, 30: 1, 100: 1]),
        Story(
            testDescription: "settled before it was due, open again when it was overdue",
            events: [.allocated(100, on: 5), .allocated(-100, on: 30)], episodes: [5: 1, 11: 1, 30: 1, 100: 1]),
        Story(
            testDescription: "settled when overdue, open again on the last day before another due day passes",
            events: [.allocated(100, on: 15), .due(40, from: 20), .allocated(-100, on: 40)],
            episodes: [15: 1, 39: 1, 40: 1, 41: 2, 100: 2]),
        Story(
            testDescription: "due day moved on when overdue",
            events: [.due(60, from: 20)], episodes: [11: 1, 19: 1, 20: 1, 60: 1, 61: 2, 100: 2]),
        Story(
            testDescription: "due day moved on before it passed",
            events: [.due(60, from: 10)], episodes: [11: 1, 60: 1, 61: 1, 100: 1]),
        Story(
            testDescription: "due day moved to another past day",
            events: [.due(12, from: 20)], episodes: [19: 1, 20: 2, 100: 2]),
        Story(
            testDescription: "due day moved to the same day",
            events: [.due(10, from: 20)], episodes: [19: 1, 20: 1, 100: 1]),
        Story(
            testDescription: "due day moved twice, overdue between",
            events: [.due(30, from: 20), .due(60, from: 40)],
            episodes: [19: 1, 30: 1, 31: 2, 40: 2, 60: 2, 61: 3, 100: 3]),
        Story(
            testDescription: "a due day moved back-dated, behind one recorded before",
            events: [.due(60, from: 40), .due(30, from: 5)],
            episodes: [11: 1, 30: 1, 31: 1, 39: 1, 40: 1, 60: 1, 61: 2]),
        Story(
            testDescription: "due day moved, then settled and open again",
            events: [.due(30, from: 20), .allocated(100, on: 35), .allocated(-100, on: 50)],
            episodes: [19: 1, 31: 2, 35: 2, 50: 3, 100: 3]),
    ]

    @Test("has a number that rises when it is overdue anew", arguments: stories)
    func number(story: Story) {
        let start = PlainBooks.firstDay
        var books = PlainBooks()
        // Items that can have one episode alone are not asked about.
        let plain = books.invoice(100, posted: start, due: start.adding(days: 10))
        books.allocate(100, to: plain, on: start.adding(days: 20))
        let item = books.invoice(100, posted: start, due: start.adding(days: 10))
        for event in story.events {
            switch event {
            case .allocated(let amount, let day): books.allocate(amount, to: item, on: start.adding(days: day))
            case .due(let due, let day):
                books.moveDueDay(of: item, to: start.adding(days: due), from: start.adding(days: day))
            }
        }
        for shape in [PlainBooks.Shape.unsorted, .sorted] {
            let picture = books.picture(shape)
            let position = Int(picture.position(ofFact: item))
            for (day, episode) in story.episodes.sorted(by: { $0.key < $1.key }) {
                #expect(picture.laterEpisodes(on: start.adding(days: day)) == [position: episode], "day \(day)")
                #expect(books.episode(of: item, on: start.adding(days: day)) == episode, "day \(day), counted")
            }
        }
    }

    @Test("is found for no item that can have one alone")
    func none() {
        let start = PlainBooks.firstDay
        var books = PlainBooks()
        let item = books.invoice(100, posted: start, due: start)
        books.allocate(30, to: item, on: start.adding(days: 5))
        books.allocate(70, to: item, on: start.adding(days: 6))
        #expect(OpenItems().laterEpisodes(on: start).isEmpty)
        #expect(books.picture(.sorted).laterEpisodes(on: start.adding(days: 100)).isEmpty)
    }

    @Test("is the one that counting day by day finds", arguments: [21, 22, 23] as [UInt64])
    func counted(seed: UInt64) {
        let books = PlainBooks.random(seed: seed)
        let picture = books.picture(.withTail)
        var random = SeededGenerator(seed: seed)
        var highest = 0
        for _ in 0..<3 {
            let day = PlainBooks.firstDay.adding(days: .random(in: 100...1000, using: &random))
            let changed = books.dueChanges.values.map(\.item)
            let takenBack = books.allocations.values.filter { $0.amount < 0 }.map(\.item)
            let expected = Set(changed + takenBack).map {
                (Int(picture.position(ofFact: $0)), books.episode(of: $0, on: day))
            }
            #expect(picture.laterEpisodes(on: day) == Dictionary(uniqueKeysWithValues: expected))
            highest = max(highest, expected.map(\.1).max() ?? 0)
        }
        #expect(highest > 1)
    }
}

extension PlainBooks {
    /// Counts the runs of days that an item was open and past one due day, day by day.
    fileprivate func episode(of item: Int64, on day: LocalDate) -> Int {
        guard let posted = items[item]?.postingDay, posted <= day.number else { return 1 }
        let parts = allocations.values.filter { $0.item == item }
        let changes = dueChanges.filter { $0.value.item == item }.sorted {
            ($0.value.valueDay, $0.key) < ($1.value.valueDay, $1.key)
        }
        var count = 0
        var before: Int32?
        for today in posted...day.number {
            let open = (items[item]?.amount ?? 0) - parts.filter { $0.day <= today }.reduce(0) { $0 + $1.amount }
            let due = changes.last { $0.value.valueDay <= today }?.value.due ?? items[item]?.dueDay ?? 0
            let overdueBy = open > 0 && today > due ? due : nil
            if let overdueBy, overdueBy != before { count += 1 }
            before = overdueBy
        }
        return max(count, 1)
    }
}
