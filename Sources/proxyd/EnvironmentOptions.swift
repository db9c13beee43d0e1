import Admin
import ArgumentParser
import Foundation
import ProxyCore
import Synchronization

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

    func merged() -> EnvironmentFile.Merged { Self.merged(files) }

    static func merged(_ files: [String]) -> EnvironmentFile.Merged {
        read.withLock { read in
            if let known = read[files] { return known }
            let merged = EnvironmentFile.merge(files, over: ProcessInfo.processInfo.environment)
            read[files] = merged
            return merged
        }
    }

    /// A command asks more than once, and a pipe tells once.
    private static let read = Mutex<[[String]: EnvironmentFile.Merged]>([:])

    /// - Throws: `ExitCode` where a file cannot be used; why is told.
    func environment() throws -> [String: String] { try Self.environment(of: files) }

    static func environment(of files: [String]) throws -> [String: String] {
        let merged = merged(files)
        guard merged.problems.isEmpty else {
            Terminal.error(DiagnosticRenderer.text(merged.problems))
            throw ExitCode(Exit.configuration)
        }
        return merged.environment
    }

    /// The same, for a command that works on the state directory that this file names.
    func environment(forStateOf path: String) throws -> [String: String] {
        ServiceSurroundings.environment(try environment(), forFile: path) { access($0 + "/.", F_OK) == 0 }
    }
}
