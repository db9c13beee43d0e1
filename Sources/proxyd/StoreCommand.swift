import ArgumentParser
import ProxyCore

/// Work on the store that nodes share.
struct StoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Work on the store that nodes share.", subcommands: [Migrate.self])

    struct Migrate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "migrate",
            abstract: "Put what a state directory has into PostgreSQL: keys, usage, records and the audit log.",
            discussion: """
                The state directory and cluster.store are the configuration's. proxyd must not run on the directory; one that runs \
                with cluster.store does the same by itself when it first reaches the store. All of it is put there in one \
                transaction and counted again; doing it again replaces it.
                """)

        @Option(help: "What is copied: sqlite, the state directory's own database.")
        var from = "sqlite"
        @Option(help: "Where it is copied: postgres, the configuration's cluster.store.")
        var to = "postgres"
        @Option(name: [.short, .customLong("config")], help: "The configuration file.", completion: .file())
        var config = Proxyd.defaultPath
        @OptionGroup var variables: EnvironmentOptions

        func validate() throws {
            guard from == "sqlite" else { throw ValidationError("--from is sqlite") }
            guard to == "postgres" else { throw ValidationError("--to is postgres") }
        }

        func run() async throws {
            let configuration = try FileOptions.load(config, try variables.environment(forStateOf: config))
            guard let settings = SharedBooking.Settings(configuration.cluster) else {
                Terminal.error("proxyd: \(config) has no cluster.store\n")
                throw ExitCode(Exit.configuration)
            }
            do {
                try SharedBooking.loadLibrary()
            } catch {
                Terminal.error("proxyd: \(error)\n")
                throw ExitCode(Exit.unavailable)
            }
            let report = try await StateWork.run {
                try await StoppedState(configuration.statePath).share(
                    into: settings, timeZone: configuration.timeZone, keepsRequests: configuration.usage.keepsRequests,
                    logger: StateWork.logger)
            }
            print(
                """
                \(report.store): \(report.requests) requests in \(report.rows) rows and \(report.blocks) blocks of records, \
                \(report.keys) keys, \(report.entries) entries of the audit log; counted again there
                """)
        }
    }
}
