import ArgumentParser

/// Runs the proxy; what `proxyd` does without a command.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the proxy; what proxyd does without a command.")

    @Option(name: [.short, .customLong("config")], help: "The configuration file.", completion: .file())
    var config = Proxyd.defaultPath

    @OptionGroup var variables: EnvironmentOptions

    @Flag(help: "Report every problem of the configuration and exit, as proxyd check does: 0 when it could run, 78 when not.")
    var checkConfig = false

    @Option(help: "How --check-config reports: text or json.")
    var format = CheckCommand.Format.text

    func run() async throws {
        try await RunCall(config: config, environmentFiles: variables.files, checks: checkConfig, format: format).run()
    }
}
