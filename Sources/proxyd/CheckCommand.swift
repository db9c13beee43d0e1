import ArgumentParser
import Foundation
import ProxyCore

/// Reports what is wrong with a file. Nothing is started.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Report every problem of a configuration file, with its place.",
        discussion: """
            It exits with 0 when proxyd could run with the file, warnings or not, and with 78 when it could not. It does the same as \
            proxyd --check-config.
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

    @Argument(help: "The configuration file, as --config.", completion: .file())
    var file: String?
    @Option(
        name: [.short, .customLong("config")], help: "The configuration file; \(Proxyd.defaultPath) when it is left out.",
        completion: .file())
    var config: String?
    @OptionGroup var variables: EnvironmentOptions
    @Option(help: "How it reports: text or json.")
    var format = Format.text

    func validate() throws {
        if file != nil && config != nil { throw ValidationError("give the file once, with --config or without") }
    }

    func run() throws {
        try ConfigurationCheck(path: config ?? file ?? Proxyd.defaultPath, format: format).run(variables.merged())
    }
}

/// What a check prints, and how it ends.
struct ConfigurationCheck {
    let path: String
    let format: CheckCommand.Format

    /// - Throws: `ExitCode` where proxyd could not run.
    func run(_ variables: EnvironmentFile.Merged) throws {
        let result = ConfigurationLoader.load(path: path, environment: variables.environment)
        let diagnostics = variables.problems + result.diagnostics
        let errors = diagnostics.count { $0.severity == .error }
        let bounds = errors == 0 ? result.snapshot.map(LeaseBounds.lines) ?? [] : []
        switch format {
        case .json: print(DiagnosticRenderer.json(diagnostics, bounds: bounds))
        case .text:
            Terminal.error(DiagnosticRenderer.text(diagnostics))
            let warnings = diagnostics.count - errors
            let counts = [Self.count(errors, "error"), Self.count(warnings, "warning")].compactMap { $0 }.joined(separator: ", ")
            print(errors > 0 ? "\(path): \(counts)" : counts.isEmpty ? "\(path): ok" : "\(path): ok, \(counts)")
            for line in bounds { print(line) }
        }
        guard result.snapshot != nil, variables.problems.isEmpty else { throw ExitCode(Exit.configuration) }
    }

    private static func count(_ number: Int, _ noun: String) -> String? {
        number == 0 ? nil : "\(number) \(noun)\(number == 1 ? "" : "s")"
    }
}
