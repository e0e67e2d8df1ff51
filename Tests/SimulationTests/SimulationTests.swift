import Foundation
import Simulation
import Testing

@Suite struct SimulationTests {
    /// `HUIKUAN_SEEDS` names other seeds than those of every run: `1000-1999`.
    static let seeds: [UInt64] = {
        let named = ProcessInfo.processInfo.environment["HUIKUAN_SEEDS"]?.split(separator: "-").compactMap {
            UInt64($0)
        }
        guard let named, let first = named.first, let last = named.last, first <= last else { return Array(1...200) }
        return Array(first...last)
    }()

    static let server = ProcessInfo.processInfo.environment["HUIKUAN_TEST_SERVER"]
    static let noServer: Comment = "skipped: HUIKUAN_TEST_SERVER names no server"
    static let onServer: Comment = "skipped: these live in files, the same on every server"

    @Test(
        "Whatever people do and whatever goes wrong, the books say what the oracle says",
        .enabled(if: server == nil, onServer), arguments: seeds)
    func lives(seed: UInt64) async throws { try await live(Simulation(seed: seed, steps: 30)) }

    @Test("So they do on a server", .enabled(if: server != nil, noServer), arguments: seeds.prefix(20))
    func livesOnServer(seed: UInt64) async throws {
        var simulation = Simulation(seed: seed, steps: 30)
        simulation.server = Self.server
        try await live(simulation)
    }

    @Test(
        "The same life gives the same bytes on both engines", .enabled(if: server != nil, noServer),
        arguments: seeds.prefix(3))
    func sameBytes(seed: UInt64) async throws {
        var simulation = Simulation(seed: seed, steps: 40)
        simulation.isCalm = true
        let inFile = try await simulation.run().digest
        simulation.server = Self.server
        #expect(try await simulation.run().digest == inFile)
    }

    @Test(
        "A change that is lost without a word is found, told in few steps, and found again by them",
        arguments: [UInt64(8), 15])
    func findsWhatIsLost(seed: UInt64) async throws {
        var simulation = Simulation(seed: seed, steps: 60)
        // Nothing else goes wrong, so that the change isn't undone by accident.
        simulation.isCalm = true
        simulation.losesChange = 1
        let failure = await #expect(throws: Simulation.Failure.self) { try await simulation.run() }
        let short = await simulation.shrunk(try #require(failure))
        #expect(short.text.contains("open") || short.text.contains("verify"), "\(short.text)")
        #expect(short.numbers.count <= 8 && short.story.count == short.numbers.count, "\(short.story)")
        simulation.only = Set(short.numbers)
        let again = await #expect(throws: Simulation.Failure.self) { try await simulation.run() }
        #expect(again?.text == short.text && again?.story == short.story)
    }

    @Test("Faults of every kind come")
    func everythingGoesWrong() async throws {
        var came: [String: Int] = [:]
        for seed in UInt64(1)...25 {
            let ending = try await Simulation(seed: seed, steps: 30).run()
            came.merge(ending.faults) { $0 + $1 }
        }
        for kind in Simulation.faults { #expect(came[kind, default: 0] > 3, "\(kind)") }
    }

    private func live(_ simulation: Simulation) async throws {
        do {
            try await simulation.run()
        } catch let failure as Simulation.Failure {
            let short = await simulation.shrunk(failure)
            let numbers = short.numbers.map(String.init).joined(separator: ",")
            Issue.record(
                """
                \(short.story.joined(separator: "\n"))
                \(short.text)
                script/simulate\(simulation.server == nil ? "" : " --postgres") --seed \(short.seed) --steps \(simulation.steps) --only \(numbers)
                """)
        }
    }
}
