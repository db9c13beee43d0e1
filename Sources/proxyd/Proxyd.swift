import ArgumentParser
import Foundation
import ProxyCore

/// The command line. `proxyd` alone runs the proxy.
struct Proxyd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proxyd",
        abstract: "A gateway between programs and large language models.",
        discussion: """
            One file, proxy.yaml, says what it does; saving the file changes it. Try it without any account: proxyd demo.
            """,
        version: Version.text,
        subcommands: [Demo.self, Simulate.self, SealCommand.self, Reference.self])

    static let defaultPath = "/etc/proxyd/proxy.yaml"

    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

    @Option(name: [.short, .customLong("config")], help: "The configuration file.")
    var config = Self.defaultPath

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

enum Version {
    static let number = "0.1.0"
    static let text = "proxyd \(number)"
}

enum Exit {
    /// EX_CONFIG of sysexits.h.
    static let configuration: Int32 = 78
    /// EX_UNAVAILABLE: an address that cannot be bound, a state directory that cannot be used.
    static let unavailable: Int32 = 69
}

enum Terminal {
    static func error(_ text: String) {
        // Not FileHandle: where nobody takes the text, it ends the process by a trap.
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            guard written > 0 else {
                if written < 0, errno == EINTR { continue }
                return
            }
            rest = rest.dropFirst(written)
        }
    }
}
