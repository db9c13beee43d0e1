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
            It reads ./proxy.yaml, or writes one first where there is none. Edit it while the demo runs, and the next answer follows. \
            The file that it writes listens at port 8180, or at that of --port; the simulated providers are where its upstreams \
            simulated and spare are, at the ports 1000 and 1001 above it.
            """)

    @Option(name: [.short, .customLong("config")], help: "The configuration file; it is written when there is none.")
    var config = "proxy.yaml"

    @Option(help: "The port of the file that is written; \(EmbeddedDefaults.examplePort) when it is left out.")
    var port: Int?

    func validate() throws {
        if let port, !(1...64_534).contains(port) {
            throw ValidationError("--port \(port): a port is 1 to 64534 here, as those 1000 and 1001 above it are taken, too")
        }
    }

    func run() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let environment = ProcessInfo.processInfo.environment
        let isNew = !FileManager.default.fileExists(atPath: config)
        if !isNew, port != nil {
            throw ValidationError("\(config) is there, and says its ports itself; --port is for a file that is written")
        }
        if isNew {
            try FirstFile(path: config).checkPlace()
            try await checkPort(group)
        }
        let vendors = isNew ? Vendors(port: chosenPort) : Vendors(load(environment))
        let primary = try await simulator("primary", at: vendors.primary, isNew, group)
        let spare = try await simulator("spare", at: vendors.spare, isNew, group)
        // It holds keys, if only for play, so it is nobody else's to read.
        if isNew { try FirstFile(path: config).write(EmbeddedDefaults.example(port: chosenPort)) }

        let first = load(environment)
        guard let snapshot = first.snapshot else {
            Terminal.error(DiagnosticRenderer.text(first.errors))
            throw ExitCode(Exit.configuration)
        }
        var daemon = Daemon(path: config, environment: environment, snapshot: snapshot, first: first)
        let config = self.config
        daemon.onReady = { addresses in
            guard let port = addresses.first(where: { !$0.isAdmin && $0.port != 0 })?.port else { return }
            let keys = Keys(file: config, environment)
            Terminal.error(Self.welcome(port: port, vendors, config: config, keys))
        }
        try await daemon.run()
        await primary.stop()
        await spare.stop()
    }

    private var chosenPort: Int { port ?? EmbeddedDefaults.examplePort }

    private func load(_ environment: [String: String]) -> LoadResult {
        ConfigurationLoader.load(path: config, environment: environment)
    }

    /// Ports of 127.0.0.1.
    private struct Vendors {
        let primary: Int
        let spare: Int

        /// Of the example at this port.
        init(port: Int) { (primary, spare) = (port + 1_000, port + 1_001) }

        /// Where the file looks for them, and else those of the example.
        init(_ file: LoadResult) {
            let upstreams = (file.snapshot?.configuration ?? file.partial)?.upstreams ?? []
            func port(_ name: String, _ usual: Int) -> Int {
                guard let url = upstreams.first(where: { $0.name == name })?.url, !url.isTLS, url.socketPath == nil,
                    url.host == "127.0.0.1", url.port > 0
                else { return usual }
                return url.port
            }
            primary = port("simulated", EmbeddedDefaults.examplePort + 1_000)
            spare = port("spare", EmbeddedDefaults.examplePort + 1_001)
        }
    }

    /// Before a file is written that nobody could listen by.
    private func checkPort(_ group: MultiThreadedEventLoopGroup) async throws {
        do {
            try await SimulatorServer.start(port: chosenPort, group: group).stop()
        } catch {
            throw cannotListen("the demo", chosenPort, error, true)
        }
    }

    private func simulator(_ name: String, at port: Int, _ isNew: Bool, _ group: MultiThreadedEventLoopGroup) async throws
        -> SimulatorServer
    {
        var options = SimulatorOptions()
        options.name = name
        options.wordsPerSecond = 12
        options.drainPerRequest = 0.05
        options.refillPerMinute = 0.5
        do {
            return try await SimulatorServer.start(port: port, options: options, group: group)
        } catch {
            throw cannotListen("the simulated provider", port, error, isNew)
        }
    }

    /// - Parameter isNew: the file is not there yet.
    private func cannotListen(_ who: String, _ taken: Int, _ error: any Error, _ isNew: Bool) -> ExitCode {
        let other = chosenPort > 64_000 ? chosenPort - 100 : chosenPort + 100
        let way =
            isNew
            ? "--port \(other) takes \(other), \(other + 1_000) and \(other + 1_001)"
            : "\(config) says where, in the url of the upstreams simulated and spare"
        Terminal.error("proxyd: \(who) cannot listen on 127.0.0.1:\(taken): \(Simulate.reason(error)); \(way)\n")
        return ExitCode(Exit.unavailable)
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

    private static func welcome(port: Int, _ vendors: Vendors, config: String, _ keys: Keys) -> String {
        """

        proxyd listens on http://127.0.0.1:\(port), between you and two simulated providers. Ask it something:

          curl -N http://127.0.0.1:\(port)/v1/messages -H 'x-api-key: \(keys.example)' -H 'content-type: application/json' \\
            -d '{"model":"claude-sonnet-4-6","max_tokens":200,"stream":true,"messages":[{"role":"user","content":"Hello!"}]}'

        Make the first provider fail twice, ask again, and see the fallback in the log:

          curl http://127.0.0.1:\(vendors.primary)/simulate -d '{"model":"*","fail":"429","times":2}'

        What it knows of quotas:   curl -H 'x-api-key: \(keys.admin)' http://127.0.0.1:\(port)/admin/fallback
        The dashboard:             http://127.0.0.1:\(port)/admin/   (admin key: \(keys.admin))
        The configuration:         \(config): edit and save it, and the next answer follows.


        """
    }
}
