import Admin
import ArgumentParser
import Foundation
import ProxyCore

/// Moving in from the systems that proxyd replaces.
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Make a proxy.yaml of the predecessors' files, and take over their keys and usage.",
        discussion: """
            The configuration is printed, to be reviewed; with PROXYD_SEAL_KEY in the environment its secrets are sealed. --write puts \
            the keys and what was used under them into the state directory of a proxyd that does not run: that of --state, else \
            of --config.
            """)

    @Option(help: "The predecessor's keys.json.")
    var keys: String?
    @Option(help: "The predecessor's fallback.json.")
    var fallback: String?
    @Option(name: .customLong("env"), help: "The environment file of the second predecessor.")
    var environmentFile: String?
    @Flag(help: "Put keys and usage into the state directory.")
    var write = false
    @Option(help: "The state directory.")
    var state: String?
    @Option(name: [.short, .customLong("config")], help: "The configuration file, whose state directory and keys count.")
    var config: String?

    func validate() throws {
        if keys == nil && fallback == nil && environmentFile == nil {
            throw ValidationError("give --keys, --fallback or --env")
        }
        if write && keys == nil { throw ValidationError("--write needs --keys") }
        if write && state == nil && config == nil { throw ValidationError("--write needs --state or --config") }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let now = Int(Date().timeIntervalSince1970)
        let sealKey = environment[Seal.keyVariable].map { Secret($0) }
        let taken: PredecessorKeys?
        let yaml: String
        do {
            taken = try keys.map { try PredecessorKeys(try Self.read($0), now: now) }
            yaml = try ImportedConfiguration(
                keys: taken, fallback: try fallback.map { try PredecessorFallback(try Self.read($0)) },
                environment: try environmentFile.map {
                    try PredecessorEnvironment(String(decoding: try Self.read($0), as: UTF8.self))
                }, sealKey: sealKey
            ).yaml()
        } catch let failure as ImportFailure {
            Terminal.error("proxyd: \(failure)\n")
            throw ExitCode(Exit.failure)
        } catch let failure as Seal.Failure {
            Terminal.error("proxyd: \(failure)\n")
            throw ExitCode(Exit.usage)
        }
        for note in taken?.notes ?? [] { Terminal.error("note: \(note)\n") }
        print(yaml, terminator: "")
        guard write, let taken else { return }
        let file = try config.map { try FileOptions.load($0, environment) }
        guard let path = state ?? file?.statePath else { return }
        let result = try await StateWork.run {
            try StoppedState(path).add(
                taken.keys, declared: file?.keys ?? [], timeZone: file?.timeZone ?? .utc, now: now)
        }
        for (name, now) in result.renamed.sorted(by: { $0.key < $1.key }) {
            Terminal.error("note: a key is called '\(now)' now, since '\(name)' was taken or cannot be a name\n")
        }
        for name in result.known { Terminal.error("note: the key of '\(name)' was there already, and is left as it is\n") }
        Terminal.error("\(path): \(result.imported.count) keys and their usage taken over\n")
    }

    private static func read(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else { throw ImportFailure("\(path) cannot be read") }
        return Array(data)
    }
}
