import Admin
import ArgumentParser
import Foundation
import ProxyCore

/// Moving in from the systems that proxyd replaces.
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Make a proxy.yaml of the predecessors' files, and take over their keys and usage.",
        discussion: """
            The configuration is printed, to be reviewed; with PROXYD_SEAL_KEY in the environment its secrets are sealed. --write hands \
            the keys and what was used under them to the running proxyd, that of --admin, else of --config, else the usual one \
            (PROXYD_ADMIN_KEY is an admin key), or puts them into the state directory of --state, else of --config, where nobody runs on it.
            """)

    @Option(help: "The predecessor's keys.json.")
    var keys: String?
    @Option(help: "The predecessor's fallback.json.")
    var fallback: String?
    @Option(name: .customLong("env"), help: "The environment file of the second predecessor.")
    var environmentFile: String?
    @Flag(help: "Take over keys and usage too.")
    var write = false
    @OptionGroup var options: StateOptions

    func validate() throws {
        if keys == nil && fallback == nil && environmentFile == nil {
            throw ValidationError("give --keys, --fallback or --env")
        }
        if write && keys == nil { throw ValidationError("--write needs --keys") }
        let hasKey = ProcessInfo.processInfo.environment[AdminOptions.keyVariable] != nil
        if write && options.state == nil && options.admin.config == nil && options.admin.address == nil && !hasKey {
            throw ValidationError("--write needs --admin, --state or --config, or \(AdminOptions.keyVariable) in the environment")
        }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let now = Int(Date().timeIntervalSince1970)
        let sealKey = environment[Seal.keyVariable].map { Secret($0) }
        let taken: PredecessorKeys?
        let yaml: String
        do {
            taken = try keys.map { try PredecessorKeys(try InputFile.read($0), now: now) }
            yaml = try ImportedConfiguration(
                keys: taken, fallback: try fallback.map { try PredecessorFallback(try InputFile.read($0)) },
                environment: try environmentFile.map {
                    try PredecessorEnvironment(String(decoding: try InputFile.read($0), as: UTF8.self))
                }, sealKey: sealKey
            ).yaml()
        } catch let failure as ImportFailure {
            Terminal.error("proxyd: \(failure)\n")
            throw ExitCode(Exit.failure)
        } catch let failure as Seal.Failure {
            Terminal.error("proxyd: \(failure)\n")
            throw ExitCode(Exit.usage)
        }
        for note in taken?.notes ?? [] { Self.tell(note) }
        print(yaml, terminator: "")
        guard write, let taken else { return }
        try await StateWork.run { try await put(taken.keys) }
    }

    private func put(_ keys: [ImportedKey]) async throws {
        if let (state, file) = try options.stopped() {
            let result = try state.add(keys, declared: file?.keys)
            Self.tell(result)
            Terminal.error("\(state.path): \(result.imported.count) keys and their usage taken over\n")
            return
        }
        let client = try await options.admin.client()
        var count = 0
        do {
            try await client.add(keys) { result in
                Self.tell(result)
                count += result.imported.count
            }
        } catch {
            if count > 0 {
                Terminal.error("\(count) keys and their usage taken over before it failed; run it again for the others\n")
            }
            throw error
        }
        Terminal.error("\(client.address): \(count) keys and their usage taken over\n")
    }

    private static func tell(_ result: ImportResult) {
        for name in result.renamed {
            tell("a key is called '\(name.to)' now, since '\(name.from)' was taken or cannot be a name")
        }
        for name in result.booked {
            tell("'\(name)' is a key of the configuration, and stays as it is there; what was used under it is taken over")
        }
        for name in result.known { tell("the key of '\(name)' was there already, and is left as it is") }
    }

    private static func tell(_ note: String) { Terminal.error("note: \(ImportedConfiguration.oneLine(note))\n") }
}
