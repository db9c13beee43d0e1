import Admin
import ArgumentParser
import Foundation
import ProxyCore

/// Who used what.
struct UsageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage", abstract: "Show what was used, from the running proxyd.",
        discussion: "PROXYD_ADMIN_KEY in the environment is an admin key, else it is that of --config.")

    @Option(help: "The first day, 2026-11-01, a time, 2026-11-01T00:00:00+08:00, or so long back: 7d.")
    var from: String?
    @Option(help: "The last day, which is all in it, or a time.")
    var to: String?
    @Option(
        help:
            "What rows are told apart by, with commas: key, model, day, hour, upstream, account, rule, session, agent, tag:NAME.")
    var groupBy = "key"
    @Flag(help: "Print CSV.")
    var csv = false
    @Option(help: "A file with `prices:`, which the same tokens are shown at; what was booked stays.")
    var reprice: String?
    @OptionGroup var table: TableOptions

    func validate() throws {
        if csv && table.isJSON { throw ValidationError("--csv and --json exclude one another") }
    }

    func run() async throws {
        var request = AdminClient.UsageRequest(from: from, to: to, groupBy: groupBy)
        if let reprice {
            let bytes = try InputFile.read(reprice)
            switch PriceList.load(bytes, path: reprice, environment: ProcessInfo.processInfo.environment) {
            case .success(let prices): request.prices = prices
            case .failure(let problem):
                Terminal.error(problem.text)
                throw ExitCode(Exit.configuration)
            }
        }
        try await table.run { [request] client, format in
            csv ? try await client.usageCSV(request) : try await client.usage(request, format)
        }
    }
}
