import Admin
import ArgumentParser

/// Who used what.
struct UsageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage", abstract: "Show what was used, from the running proxyd.",
        discussion: "PROXYD_ADMIN_KEY in the environment is an admin key.")

    @Option(help: "The first day: 2026-11-01.")
    var from: String?
    @Option(help: "The last day.")
    var to: String?
    @Option(
        help:
            "What rows are told apart by, with commas: key, model, day, hour, upstream, account, rule, session, agent, tag:NAME.")
    var groupBy = "key"
    @Flag(help: "Print CSV.")
    var csv = false
    @OptionGroup var table: TableOptions

    func validate() throws {
        if csv && table.json { throw ValidationError("--csv and --json exclude one another") }
    }

    func run() async throws {
        let request = AdminClient.UsageRequest(from: from, to: to, groupBy: groupBy)
        try await table.run { client, format in
            csv ? try await client.usageCSV(request) : try await client.usage(request, format)
        }
    }
}
