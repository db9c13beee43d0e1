import ArgumentParser
import Foundation
import NIOPosix
import ProxyCore
import Simulator

/// The proxy between you and two simulated providers: everything works, nothing costs.
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Run the proxy with two simulated providers, no account needed.",
        discussion: """
            It reads ./proxy.yaml, or writes one first where there is none. Edit it while the demo runs, and the next answer follows.
            """)

    @Option(name: [.short, .customLong("config")], help: "The configuration file; it is written when there is none.")
    var config = "proxy.yaml"

    func run() async throws {
        if !FileManager.default.fileExists(atPath: config) {
            // It holds keys, if only for play, so it is nobody else's to read.
            try FirstFile(path: config).write(EmbeddedDefaults.example)
        }
        let group = MultiThreadedEventLoopGroup.singleton
        let primary = try await simulator("primary", at: EmbeddedDefaults.simulatedAnthropic, group)
        let spare = try await simulator("spare", at: EmbeddedDefaults.simulatedOpenAI, group)

        let environment = ProcessInfo.processInfo.environment
        let first = ConfigurationLoader.load(path: config, environment: environment)
        guard let snapshot = first.snapshot else {
            Terminal.error(DiagnosticRenderer.text(first.errors))
            throw ExitCode(Exit.configuration)
        }
        var daemon = Daemon(path: config, environment: environment, snapshot: snapshot, first: first)
        let config = self.config
        daemon.onReady = { addresses in
            guard let port = addresses.first(where: { !$0.isAdmin && $0.port != 0 })?.port else { return }
            let keys = Keys(file: config, environment)
            Terminal.error(Self.welcome(port: port, config: config, keys))
        }
        try await daemon.run()
        await primary.stop()
        await spare.stop()
    }

    private func simulator(_ name: String, at address: String, _ group: MultiThreadedEventLoopGroup) async throws
        -> SimulatorServer
    {
        let port = address.split(separator: ":").last.flatMap { Int($0) } ?? 0
        var options = SimulatorOptions()
        options.name = name
        options.wordsPerSecond = 12
        options.drainPerRequest = 0.05
        options.refillPerMinute = 0.5
        do {
            return try await SimulatorServer.start(port: port, options: options, group: group)
        } catch {
            Terminal.error("proxyd: the simulated provider cannot listen on \(address): \(Simulate.reason(error))\n")
            throw ExitCode(Exit.unavailable)
        }
    }

    /// What the commands to try are given: the keys of the file that is written first, or words where the file at hand has others.
    private struct Keys {
        let example: String
        let admin: String

        init(file: String, _ environment: [String: String]) {
            let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
            func key(_ first: String, unless variable: String) -> String {
                environment[variable] == nil && text.contains(first) ? first : "<a key of \(file)>"
            }
            example = key(EmbeddedDefaults.exampleKey, unless: "PROXYD_EXAMPLE_KEY")
            admin = key(EmbeddedDefaults.exampleAdminKey, unless: "PROXYD_ADMIN_KEY")
        }
    }

    private static func welcome(port: Int, config: String, _ keys: Keys) -> String {
        """

        proxyd listens on http://127.0.0.1:\(port), between you and two simulated providers. Ask it something:

          curl -N http://127.0.0.1:\(port)/v1/messages -H 'x-api-key: \(keys.example)' -H 'content-type: application/json' \\
            -d '{"model":"claude-sonnet-4-6","max_tokens":200,"stream":true,"messages":[{"role":"user","content":"Hello!"}]}'

        Make the first provider fail twice, ask again, and see the fallback in the log:

          curl http://\(EmbeddedDefaults.simulatedAnthropic)/simulate -d '{"model":"*","fail":"429","times":2}'

        What it knows of quotas:   curl -H 'x-api-key: \(keys.admin)' http://127.0.0.1:\(port)/admin/fallback
        The dashboard:             http://127.0.0.1:\(port)/admin/   (admin key: \(keys.admin))
        The configuration:         \(config): edit and save it, and the next answer follows.


        """
    }
}
