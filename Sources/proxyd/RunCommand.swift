import ArgumentParser
import Foundation
import ProxyCore

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
        if checkConfig {
            try ConfigurationCheck(paths: [config], format: format).run(variables.merged())
            return
        }
        let environment = try variables.environment()
        let first = ConfigurationLoader.load(path: config, environment: environment)
        guard let snapshot = first.snapshot else {
            Terminal.error(DiagnosticRenderer.text(first.errors))
            Terminal.error("proxyd: the configuration cannot be used; nothing was started\n")
            if !FileManager.default.fileExists(atPath: config) {
                Terminal.error("proxyd: `proxyd init` writes a first file, `proxyd run -c FILE` takes another one\n")
            }
            throw ExitCode(Exit.configuration)
        }
        ProcessSignals.surviveReloads()
        try await Daemon(path: config, environment: environment, snapshot: snapshot, first: first).run()
    }
}
