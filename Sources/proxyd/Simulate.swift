import ArgumentParser
import Foundation
import NIOPosix
import Simulator

/// A pretended LLM provider.
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Pretend to be an LLM provider, for a first try and for fire drills.",
        discussion: """
            It speaks the Anthropic and OpenAI formats, serves /health with accounts whose quota drains and refills, and fails
            on request: POST /simulate says how.
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

    var options: SimulatorOptions {
        var options = SimulatorOptions()
        options.name = name
        options.wordsPerSecond = wordsPerSecond
        options.drainPerRequest = drain
        options.refillPerMinute = refill
        options.requiredKey = key
        return options
    }

    func run() async throws {
        let server = try await SimulatorServer.start(
            host: host, port: port, options: options, group: .singletonMultiThreadedEventLoopGroup)
        print("simulating a provider at http://\(host):\(server.port)")
        // Whoever waits for this line may read it through a pipe.
        fflush(nil)
        try await server.closed()
    }
}
