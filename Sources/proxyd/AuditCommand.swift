import Admin
import ArgumentParser

/// What operators did.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Show what operators did, the newest first.",
        discussion: "PROXYD_ADMIN_KEY in the environment is an admin key, else it is that of --config.")

    @Option(help: "The first day, 2026-11-01, a time, 2026-11-01T00:00:00+08:00, or so long back: 7d.")
    var since: String?
    @Option(help: "How many entries, 1000 at most.")
    var limit = 100
    @OptionGroup var table: TableOptions

    func run() async throws {
        try await table.run { try await $0.audit(since: since, limit: limit, $1) }
    }
}
