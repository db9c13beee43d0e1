import ArgumentParser
import Foundation
import NIOCore
import NIOPosix
import Simulator

/// A pretended LLM provider.
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Pretend to be an LLM provider, for a first try and for fire drills.",
        discussion: """
            It speaks the Anthropic and OpenAI formats, serves /health with accounts whose quota drains and refills, tells in its \
            headers what is left of accounts' windows, and fails on request: POST /simulate says how. docs/fire-drills.md walks \
            through it.
            """)

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 is any that is free.")
    var port = 9180

    @Option(help: "A name that its answers mention.")
    var name = "simulator"

    @Option(help: "Words a second in streamed answers; 0 sends them at once.")
    var wordsPerSecond = 20.0

    @Option(help: "Share of an account's quota that one answer uses up.")
    var drain = 0.0

    @Option(help: "Share of quota that comes back in a minute.")
    var refill = 0.0

    @Option(help: "A key that requests must show.")
    var key: String?

    @Option(name: .customLong("account"), help: "An account, as NAME or NAME=KEY; may be given several times.")
    var accounts: [String] = []

    @Option(name: .customLong("model"), help: "A model that is listed; may be given several times.")
    var models: [String] = []

    @Option(
        name: .customLong("window"),
        help: "What each account may use, as KIND=LIMIT or KIND=LIMIT/PERIOD: 5h=200, tokens=40k/1m; may be given several times.")
    var windows: [String] = []

    @Option(help: "Whose headers tell of windows: \(LimitHeaderFamily.allCases.map(\.rawValue).joined(separator: ", ")).")
    var headers: String?

    @Option(help: "US dollars that each account has.")
    var money: Double?

    @Option(help: "US dollars that one answer costs.")
    var price = 0.01

    func options() throws -> SimulatorOptions {
        var options = SimulatorOptions()
        if !accounts.isEmpty { options.accounts = try accounts.map(Self.account) }
        if !models.isEmpty { options.models = models }
        options.windows = try windows.map { text in
            guard let window = SimulatedWindow(text: text) else {
                throw ValidationError("--window \(text): a window is KIND=LIMIT/PERIOD, as 5h=200 or requests=50/1m")
            }
            return window
        }
        options.headers = try headers.map { word in
            guard let family = LimitHeaderFamily(rawValue: word) else {
                let known = LimitHeaderFamily.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--headers \(word): there are \(known)")
            }
            return family
        }
        options.balance = money
        options.price = price
        options.name = name
        options.wordsPerSecond = wordsPerSecond
        options.drainPerRequest = drain
        options.refillPerMinute = refill
        options.requiredKey = key
        return options
    }

    private static func account(_ text: String) throws -> SimulatorOptions.Account {
        let halves = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = halves.first, !name.isEmpty, halves.count == 1 || !halves[1].isEmpty else {
            throw ValidationError("--account \(text): an account is NAME or NAME=KEY")
        }
        return SimulatorOptions.Account(name: String(name), key: halves.count == 2 ? String(halves[1]) : nil)
    }

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port \(port): a port is 0 to 65535") }
        for (name, share) in [("drain", drain), ("refill", refill)] where !(0...1).contains(share) {
            throw ValidationError("--\(name) \(share): a share is 0 to 1")
        }
        for (name, number) in [("words-per-second", wordsPerSecond), ("money", money ?? 0), ("price", price)]
        where !(number >= 0 && number.isFinite) {
            throw ValidationError("--\(name) \(number): it is 0 or more")
        }
        _ = try options()
    }

    /// Why it cannot listen.
    static func reason(_ error: any Error) -> String {
        (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "it is no address of this machine"
    }

    func run() async throws {
        let server: SimulatorServer
        do {
            server = try await SimulatorServer.start(
                host: host, port: port, options: try options(), group: .singletonMultiThreadedEventLoopGroup)
        } catch {
            Terminal.error("proxyd: cannot listen on \(host):\(port): \(Self.reason(error))\n")
            throw ExitCode(Exit.unavailable)
        }
        print("simulating a provider at http://\(host):\(server.port)")
        // Whoever waits for this line may read it through a pipe.
        fflush(nil)
        try await server.closed()
    }
}
