import Admin
import ArgumentParser
import ProxyCore

/// Says whether the running proxyd is well.
struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Say whether the running proxyd is ready: exits with 0, 1, 69 or 78.",
        discussion: """
            0: it serves. 1: it is degraded, not ready, or does not answer. 69: nobody is there. 78: the \
            file that --config names does not say where to ask. No key is needed. It fits a \
            container's health check: HEALTHCHECK CMD ["proxyd", "health"].
            """)

    @Option(
        name: [.short, .customLong("config")],
        help: "The configuration file, for the address; \(Proxyd.defaultPath) is tried, else http://127.0.0.1:8180 is asked.",
        completion: .file())
    var config: String?
    @OptionGroup var variables: EnvironmentOptions
    @Option(help: "The address to ask instead: http://host:port, https://host:port or unix:/path.")
    var url: String?

    func validate() throws {
        if url != nil && config != nil { throw ValidationError("--url and --config exclude one another") }
    }

    func run() async throws {
        do {
            let health = try await probe().ask()
            print(health.text)
            guard health.isReady else { throw ExitCode(Exit.failure) }
        } catch let failure as RemoteFailure {
            Terminal.error("proxyd: \(failure)\n")
            throw ExitCode(failure.exitCode)
        }
    }

    /// A file that came to have errors still tells where the proxyd is that runs with what it was before.
    private func probe() throws -> HealthProbe {
        if let url { return try HealthProbe(address: url) }
        let (path, environment) = (config ?? Proxyd.defaultPath, try variables.environment())
        let result = ConfigurationLoader.load(path: path, environment: environment)
        let partial = result.partial ?? ConfigurationLoader.remains(of: path, environment: environment)
        if let probe = partial.flatMap(AdminAddress.health) { return probe }
        // Another proxyd may be there than the one that is meant.
        if config != nil { _ = try FileOptions.configuration(of: result) }
        return try HealthProbe(address: "http://127.0.0.1:8180")
    }
}
