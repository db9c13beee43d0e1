import ArgumentParser
import Foundation
import ProxyCore

/// What `proxyd run` was asked for.
struct RunCall {
    var config = Proxyd.defaultPath
    /// Those of `--env-file`.
    var environmentFiles: [String] = []
    var checks = false
    var format = CheckCommand.Format.text

    func run() async throws {
        if checks { return try check() }
        let environment = try EnvironmentOptions.environment(of: environmentFiles)
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

    /// Reports every problem of the configuration. Nothing is started.
    func check() throws {
        try ConfigurationCheck(paths: [config], format: format).run(EnvironmentOptions.merged(environmentFiles))
    }
}

extension RunCall {
    /// The command lines of daemons and scripts, which are read without the parser: it takes a good part of a start, and most of a check.
    ///
    /// Each option once, and with a value that can be nothing but the path of a file: all else is the parser's.
    init?(plain arguments: [String]) {
        self.init()
        var words = arguments[...]
        if words.first == "run" { words.removeFirst() }
        var seen: Set<String> = []
        while let word = words.popFirst() {
            let option = word == "-c" ? "--config" : word
            guard seen.insert(option).inserted else { return nil }
            if option == "--check-config" {
                checks = true
                continue
            }
            guard let value = words.popFirst() else { return nil }
            switch option {
            case "--config" where Self.isPath(value): config = value
            case "--env-file" where Self.isPath(value): environmentFiles = [value]
            case "--format":
                guard let known = CheckCommand.Format(rawValue: value) else { return nil }
                format = known
            default: return nil
            }
        }
    }

    private static func isPath(_ word: String) -> Bool { !word.hasPrefix("-") && word.contains { $0 == "/" || $0 == "." } }
}
