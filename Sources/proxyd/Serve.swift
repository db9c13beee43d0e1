import ArgumentParser
import Foundation
import ProxyCore

/// Runs the proxy, or checks its file. It is a command of its own so that its options are not taken from those of the others.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the proxy; what proxyd does without a command.", shouldDisplay: false)

    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

    @Option(name: [.short, .customLong("config")], help: "The configuration file.")
    var config = Proxyd.defaultPath

    @Flag(help: "Report every problem of the configuration and exit: 0 when it could run, 78 when not.")
    var checkConfig = false

    @Option(help: "How --check-config reports: text or json.")
    var format = Format.text

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let first = ConfigurationLoader.load(path: config, environment: environment)
        if checkConfig {
            try check(first)
            return
        }
        guard let snapshot = first.snapshot else {
            Terminal.error(DiagnosticRenderer.text(first.errors))
            Terminal.error("proxyd: the configuration cannot be used; nothing was started\n")
            throw ExitCode(Exit.configuration)
        }
        ProcessSignals.surviveReloads()
        try await Daemon(path: config, environment: environment, snapshot: snapshot, first: first).run()
    }

    private func check(_ result: LoadResult) throws {
        switch format {
        case .json: print(DiagnosticRenderer.json(result.diagnostics))
        case .text:
            Terminal.error(DiagnosticRenderer.text(result.diagnostics))
            let errors = result.errors.count
            let warnings = result.diagnostics.count - errors
            let counts = [Self.count(errors, "error"), Self.count(warnings, "warning")].compactMap { $0 }.joined(separator: ", ")
            print(errors > 0 ? "\(config): \(counts)" : counts.isEmpty ? "\(config): ok" : "\(config): ok, \(counts)")
        }
        guard result.snapshot != nil else { throw ExitCode(Exit.configuration) }
    }

    private static func count(_ number: Int, _ noun: String) -> String? {
        number == 0 ? nil : "\(number) \(noun)\(number == 1 ? "" : "s")"
    }
}
