import ArgumentParser
import Foundation

/// The command line: `huikuan COMMAND --store FILE`.
@main
struct Huikuan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "huikuan",
        abstract: "Huikuan (回款): receivables from the customer's credit to the money in the bank.",
        version: "0.1.0",
        subcommands: [
            InitCommand.self, DemoCommand.self, ImportCommand.self, DayCommand.self, AgingCommand.self,
            SnapshotsCommand.self,
            CustomersCommand.self, ContactsCommand.self, InvoicesCommand.self, ReceiptsCommand.self, TasksCommand.self,
            RemindersCommand.self,
            ActsCommand.self, ReverseCommand.self, InvoiceStatusCommand.self, ChangeDueCommand.self, PauseCommand.self,
            PeriodCommand.self,
            PersonCommand.self, UserCommand.self, PolicyCommand.self, TemplatesCommand.self, AccountsCommand.self,
            EntityCommand.self,
            TranslateCommand.self,
            TrialBalanceCommand.self, LedgerCommand.self, VerifyCommand.self, BackupCommand.self,
            RestoreCommand.self, CopyCommand.self, DigestCommand.self, ServeCommand.self,
        ])

    /// Exits 0 on success, 1 on refused input or a failed check, 2 on wrong usage, 3 on a failure that is
    /// nobody's doing.
    static func main() async {
        // A reader that goes away (`| head`) is seen as a failed write, and ends the command quietly.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as CommandEnd {
            Foundation.exit(error.exitCode)
        } catch {
            let code = exitCode(for: error)
            let message = fullMessage(for: error)
            if code == .success {
                print(message)
                Foundation.exit(0)
            }
            if code == .validationFailure {
                Console.complain(message)
                Foundation.exit(2)
            }
            Foundation.exit(FailureReport(error).show())
        }
    }
}

/// Ends a command that has already said everything.
struct CommandEnd: Error { let exitCode: Int32 }
