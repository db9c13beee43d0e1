import Admin
import ArgumentParser
import Foundation
import ProxyCore

/// Reports what is wrong with a file. Nothing is started.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Report every problem of a configuration file, with its place.",
        discussion: """
            It exits with 0 when proxyd could run with the file, or each of them, warnings or not, and with 78 when it could not. It \
            does the same as proxyd --check-config. A file called - is the standard input.
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

    @Argument(help: "The configuration files, each by itself; one is as --config.", completion: .file())
    var files: [String] = []
    @Option(
        name: [.short, .customLong("config")], help: "The configuration file; \(Proxyd.defaultPath) when it is left out.",
        completion: .file())
    var config: String?
    @OptionGroup var variables: EnvironmentOptions
    @Option(help: "How it reports: text or json.")
    var format = Format.text

    func validate() throws {
        if !files.isEmpty && config != nil { throw ValidationError("give the file once, with --config or without") }
    }

    func run() throws {
        let paths = files.isEmpty ? [config ?? Proxyd.defaultPath] : files
        try ConfigurationCheck(paths: paths, format: format).run(variables.merged())
    }
}

/// What a check prints, and how it ends.
struct ConfigurationCheck {
    let paths: [String]
    let format: CheckCommand.Format

    /// - Throws: `ExitCode` where proxyd could not run with one of the files.
    func run(_ variables: EnvironmentFile.Merged) throws {
        var canRun = variables.problems.isEmpty
        var shown = variables.problems
        var bounds: [String] = []
        // The service's folders are there when it starts.
        func environment(_ path: String) -> [String: String] {
            ServiceSurroundings.environment(variables.environment, forFile: path) { _ in true }
        }
        if format == .text { Self.print(variables.problems) }
        for path in paths {
            let result = ConfigurationLoader.check(path: path, environment: environment(path))
            let found = result.diagnostics + (result.stateProblem.map { [$0] } ?? []) + result.keyClashes
            let diagnostics = found.filter { !variables.explains($0) }
            if result.snapshot == nil || result.stateProblem != nil { canRun = false }
            let isFine = result.snapshot != nil && !diagnostics.contains { $0.severity == .error }
            let own = isFine ? result.snapshot.map(LeaseBounds.lines) ?? [] : []
            switch format {
            case .json:
                shown += diagnostics
                bounds += own
            case .text: Self.print(path, diagnostics, own, isFine: isFine)
            }
        }
        if format == .json { Swift.print(DiagnosticRenderer.json(shown, bounds: bounds)) }
        guard canRun else { throw ExitCode(Exit.configuration) }
    }

    /// What is wrong with files of the environment, of each by itself.
    private static func print(_ problems: [Diagnostic]) {
        var files: [String] = []
        for problem in problems where !files.contains(problem.location.file) { files.append(problem.location.file) }
        for file in files { print(file, problems.filter { $0.location.file == file }, [], isFine: false) }
    }

    private static func print(_ path: String, _ diagnostics: [Diagnostic], _ bounds: [String], isFine: Bool) {
        let errors = diagnostics.count { $0.severity == .error }
        Terminal.error(DiagnosticRenderer.text(diagnostics))
        let warnings = diagnostics.count - errors
        let counts = [count(errors, "error"), count(warnings, "warning")].compactMap { $0 }.joined(separator: ", ")
        let verdict = isFine ? "ok" : errors > 0 ? nil : "no error of its own"
        Swift.print("\(path): " + [verdict, counts.isEmpty ? nil : counts].compactMap { $0 }.joined(separator: ", "))
        for line in bounds { Swift.print(line) }
    }

    private static func count(_ number: Int, _ noun: String) -> String? {
        number == 0 ? nil : "\(number) \(noun)\(number == 1 ? "" : "s")"
    }
}
