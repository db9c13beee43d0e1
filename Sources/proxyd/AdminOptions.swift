import Admin
import ArgumentParser
import Foundation
import ProxyCore

/// Which proxyd is meant, and with which key.
struct AdminOptions: ParsableArguments {
    @Option(
        name: .customLong("admin"),
        help: "Address of the running proxyd's admin API; without it that of --config, else http://127.0.0.1:8180.")
    var address: String?

    @Option(
        name: [.short, .customLong("config")], help: "The configuration file, for the address; /etc/proxyd/proxy.yaml is tried.")
    var config: String?

    static let keyVariable = "PROXYD_ADMIN_KEY"

    func client() throws -> AdminClient {
        let environment = ProcessInfo.processInfo.environment
        let configuration = try address == nil || config != nil ? read(environment) : nil
        let address = self.address ?? configuration.flatMap { AdminAddress.find(in: $0) } ?? "http://127.0.0.1:8180"
        let shown = environment[Self.keyVariable].map { Secret($0) }
        // The file's key is for the file's address: another one is not told it.
        let own = self.address == nil ? configuration.flatMap { AdminAddress.key(in: $0) } : nil
        guard let key = shown ?? own, !key.reveal().isEmpty else {
            throw RemoteFailure.usage("\(Self.keyVariable) is not set: put an admin key into the environment")
        }
        return try AdminClient(address: address, key: key)
    }

    /// Asks the running proxyd, and prints what it says.
    func run(_ work: (AdminClient) async throws -> String) async throws {
        try await Remote.run { try await work(try client()) }
    }

    /// nil for the usual file where it is not there or cannot be read: it may be another machine's proxyd that is meant.
    private func read(_ environment: [String: String]) throws -> Configuration? {
        if let config { return try FileOptions.load(config, environment) }
        let result = ConfigurationLoader.load(path: Proxyd.defaultPath, environment: environment)
        return result.snapshot?.configuration
    }
}

/// Reading the configuration for a command beside the daemon.
enum FileOptions {
    static func load(_ path: String, _ environment: [String: String]) throws -> Configuration {
        let result = ConfigurationLoader.load(path: path, environment: environment)
        guard let snapshot = result.snapshot else {
            Terminal.error(DiagnosticRenderer.text(result.errors))
            throw ExitCode(Exit.configuration)
        }
        return snapshot.configuration
    }
}

/// What a command of this program prints, and how it ends.
enum Remote {
    static func run(_ work: () async throws -> String) async throws {
        do {
            print(try await work(), terminator: "")
        } catch let failure as RemoteFailure {
            Terminal.error("proxyd: \(failure)\n")
            throw ExitCode(failure.exitCode)
        }
    }
}

extension RemoteFailure {
    var exitCode: Int32 {
        switch self {
        case .usage: Exit.usage
        case .unreachable: Exit.unavailable
        case .forbidden: Exit.noPermission
        case .refused: Exit.failure
        case .failed: Exit.software
        }
    }
}

/// What a command takes that prints a table.
struct TableOptions: ParsableArguments {
    @Flag(help: "Print what the admin API says, as JSON.")
    var json = false
    @OptionGroup var admin: AdminOptions

    /// Asks the running proxyd, and prints what it says in the form that is asked for.
    func run(_ work: (AdminClient, RemoteFormat) async throws -> String) async throws {
        try await admin.run { try await work($0, json ? .json : .table) }
    }
}
