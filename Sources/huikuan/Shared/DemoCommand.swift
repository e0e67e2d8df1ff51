import ArgumentParser

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "demo", abstract: "Make a sample company with two years of living history.")
    @OptionGroup var options: StoreOptions
    func run() async throws {}
}
