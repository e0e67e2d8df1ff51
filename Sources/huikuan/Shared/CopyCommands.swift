import ArgumentParser
import Database
import Formats
import Foundation
import Ledger
import Operations
import Receivables

struct CopyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy",
        abstract: "Move a company between a file and a server: everything, checked by its digest.")

    @Option(help: ArgumentHelp("The store to copy.", valueName: "store")) var from: String
    @Option(help: ArgumentHelp("The new store; it must not exist yet.", valueName: "store")) var to: String
    @Flag(help: "Answer with one JSON document.") var json = false
    @Option(help: ArgumentHelp("Language of the answer: zh-Hans or en.", valueName: "language")) var language: String?

    func run() async throws {
        let source = try Store.open(path: from, in: StoreOptions.place(of: from), clock: Edge.clock)
        SpokenLanguage.ofCompany.set(try source.read { try CompanySettings.load(in: $0) }.language)
        let catalogue = try Catalogue(SpokenLanguage.choose(asked: language))
        let place = StoreOptions.place(of: to)
        let progress = Progress(catalogue.text(.copyProgress))
        let result = try CopyStore().run(from: source, to: to, in: place) { progress.show($0) }
        progress.finish()
        if json {
            Console.emit(
                .object([
                    "from": .string(StoreOptions.place(of: from).shown(from)), "to": .string(place.shown(to)),
                    "acts": .integer(result.acts), "facts": .integer(result.facts), "digest": .string(result.digest),
                ]))
        } else {
            Console.say(
                catalogue.text(
                    .copyDone,
                    [
                        "path": .text(place.shown(to)), "acts": .count(Int(result.acts)),
                        "facts": .count(Int(result.facts)), "digest": .text(result.digest),
                    ]))
        }
    }
}

struct DigestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "digest", abstract: "One hash over all rows of the store: equal stores have equal digests.")

    @OptionGroup var options: StoreOptions

    func run() async throws {
        let session = try Session(options)
        let digest = try StoreDigest.make(of: session.store)
        if options.json {
            Console.emit(.object(["digest": .string(digest)]))
        } else {
            Console.say(digest)
        }
    }
}
