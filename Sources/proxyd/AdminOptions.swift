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
        name: [.short, .customLong("config")],
        help: "The configuration file, for the address and an admin key; \(Proxyd.defaultPath) is tried.", completion: .file())
    var config: String?
    @OptionGroup var variables: EnvironmentOptions

    static let keyVariable = "PROXYD_ADMIN_KEY"

    /// Whether a file says where to ask and with which key.
    var asksByFile: Bool { address == nil && Self.key(in: ProcessInfo.processInfo.environment) == nil }

    /// The environment's admin key; an empty one is as good as none.
    static func key(in environment: [String: String]) -> Secret? {
        guard let text = environment[keyVariable], !text.isEmpty else { return nil }
        return Secret(text)
    }

    /// - Throws: `RemoteFailure`; where there is no key, it tells a proxyd that wants one from nobody.
    func client() async throws -> AdminClient {
        let environment = try variables.environment()
        let configuration = try address == nil || config != nil ? read(environment) : nil
        let found = configuration.flatMap { AdminAddress.find(in: $0) }
        let address = self.address ?? found ?? "http://127.0.0.1:8180"
        // An address that was typed is told the key of a file that was typed with it, and of no other.
        guard let key = Self.key(in: environment) ?? configuration.flatMap({ AdminAddress.key(in: $0) }), !key.reveal().isEmpty
        else {
            let probe = self.address == nil && found != nil ? configuration.flatMap { AdminAddress.health(in: $0) } : nil
            _ = try await (probe ?? HealthProbe(address: address)).ask()
            let other = config == nil ? ", or name the file that has one by --config" : ""
            throw RemoteFailure.usage("\(Self.keyVariable) is not set: put an admin key into the environment\(other)")
        }
        guard self.address == nil, found != nil, let configuration else { return try AdminClient(address: address, key: key) }
        return try AdminClient(address: address, key: key, caller: AdminAddress.caller(in: configuration))
    }

    /// Asks the running proxyd, and prints what it says.
    func run(_ work: (AdminClient) async throws -> String) async throws {
        try await Remote.run { try await work(try await client()) }
    }

    /// A file that proxyd could not run with here still says where it runs: credentials and variables of its unit are not in a shell.
    /// nil for the usual file where it is not there or cannot be read: it may be another machine's proxyd that is meant.
    private func read(_ environment: [String: String]) throws -> Configuration? {
        let path = config ?? Proxyd.defaultPath
        let result = ConfigurationLoader.load(path: path, environment: environment)
        if let partial = result.partial ?? ConfigurationLoader.remains(of: path, environment: environment) { return partial }
        guard config != nil else { return nil }
        return try FileOptions.configuration(of: result)
    }
}

/// Reading the configuration for a command beside the daemon.
enum FileOptions {
    static func load(_ path: String, _ environment: [String: String]) throws -> Configuration {
        try configuration(of: ConfigurationLoader.load(path: path, environment: environment))
    }

    static func configuration(of result: LoadResult) throws -> Configuration {
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
        case .forbidden, .refused: Exit.failure
        case .failed: Exit.software
        }
    }
}

/// What a command takes that prints a table.
struct TableOptions: ParsableArguments {
    @Flag(help: "Print what the admin API says, as JSON; the same as --format json.")
    var json = false
    @Option(help: "How it is printed: text, a table, or json.")
    var format = CheckCommand.Format.text
    @OptionGroup var admin: AdminOptions

    var isJSON: Bool { json || format == .json }

    /// Asks the running proxyd, and prints what it says in the form that is asked for.
    func run(_ work: (AdminClient, RemoteFormat) async throws -> String) async throws {
        try await admin.run { try await work($0, isJSON ? .json : .table) }
    }
}
