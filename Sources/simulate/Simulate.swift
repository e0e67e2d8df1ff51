import ArgumentParser
import Simulation

/// Lives through made-up companies and compares the product with a plain oracle.
@main
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Live through made-up companies, with faults, and compare each step with a plain oracle.")

    @Option(help: "The first seed.") var seed: UInt64 = 1
    @Option(help: "How many seeds, one after the other.") var seeds = 1
    @Option(help: "Steps of each life.") var steps = 60
    @Option(help: "A PostgreSQL database to live in: postgres://…/db. Without it lives are files.") var server: String?
    @Option(help: "Only these steps, as a shortened failure names them: 3,17,20.") var only: String?
    @Flag(help: "Nothing goes wrong and nothing happens at once.") var calm = false
    @Flag(help: "Tell each step.") var verbose = false

    func run() async throws {
        for number in seed..<seed + UInt64(max(seeds, 1)) {
            var simulation = Simulation(seed: number, steps: steps)
            simulation.server = server
            simulation.isCalm = calm
            simulation.only = only.map { Set($0.split(separator: ",").compactMap { Int($0) }) }
            let isVerbose = verbose
            do {
                let ending = try await simulation.run { if isVerbose { print($0) } }
                let faults = ending.faults.values.reduce(0, +)
                print(
                    "seed \(number): \(steps) steps, \(faults) faults, all as the oracle says; digest \(ending.digest.prefix(16))"
                )
            } catch let failure as Simulation.Failure {
                print("seed \(number) fails at step \(failure.step): \(failure.text)\nmaking it short …")
                let short = await simulation.shrunk(failure)
                for line in short.story { print("  " + line) }
                print(short.text)
                let numbers = short.numbers.map(String.init).joined(separator: ",")
                let place = server == nil ? "" : " --postgres"
                print(
                    "script/simulate\(place) --seed \(number) --steps \(steps) --only \(numbers)\(calm ? " --calm" : "")"
                )
                throw ExitCode.failure
            }
        }
    }
}
