import ArgumentParser
import Foundation
import ProxyCore

/// Where the values of `${NAME}` come from, besides the environment.
struct EnvironmentOptions: ParsableArguments {
    @Option(
        name: .customLong("env-file"),
        help: """
            A file of NAME=value lines, as systemd's EnvironmentFile= takes them; it wins over the environment. May be given several \
            times: the later wins. It is read at the start, not at a reload.
            """,
        completion: .file())
    var files: [String] = []

    func merged() -> EnvironmentFile.Merged {
        EnvironmentFile.merge(files, over: ProcessInfo.processInfo.environment)
    }

    /// - Throws: `ExitCode` where a file cannot be used; why is told.
    func environment() throws -> [String: String] {
        let merged = merged()
        guard merged.problems.isEmpty else {
            Terminal.error(DiagnosticRenderer.text(merged.problems))
            throw ExitCode(Exit.configuration)
        }
        return merged.environment
    }
}
