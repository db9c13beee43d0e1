import Admin
import ArgumentParser
import Foundation
import Logging
import ProxyCore

/// Which state is meant: a running proxyd's, or a directory that nobody runs on.
struct StateOptions: ParsableArguments {
    @Option(help: "The state directory of a proxyd that does not run; without it the running one is asked.")
    var state: String?
    @OptionGroup var admin: AdminOptions

    /// The directory to work on, and its configuration where that is known; nil when the running proxyd is to be asked.
    func stopped() throws -> (state: StoppedState, configuration: Configuration?)? {
        let result = try admin.config.map {
            ConfigurationLoader.load(path: $0, environment: try admin.variables.environment(forStateOf: $0))
        }
        if let state { return (StoppedState(state), try result.map(FileOptions.configuration) ?? lastRun(on: state)) }
        guard admin.address == nil, let result else { return nil }
        // A file with errors says whose directory it is; work on that takes a whole one.
        if let partial = result.partial, StoppedState(partial.statePath).isInUse { return nil }
        let file = try FileOptions.configuration(of: result)
        return (StoppedState(file.statePath), file)
    }
}

extension StateOptions {
    /// The file that ran on a directory last, as it is now: where it still is there, has no error, and means that directory.
    private func lastRun(on state: String) throws -> Configuration? {
        let ran = ConfigurationHistory.versions(in: state).last { [.applied, .started].contains($0.event.state) }
        guard let path = ran?.files.first?.path else { return nil }
        let result = ConfigurationLoader.load(path: path, environment: try admin.variables.environment(forStateOf: path))
        guard let file = result.snapshot?.configuration else { return nil }
        func whole(_ path: String) -> String {
            URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL.path
        }
        return whole(file.statePath) == whole(state) ? file : nil
    }
}

/// How work on a state directory ends when it cannot be done.
enum StateWork {
    static func run<Result>(_ work: () async throws -> Result) async throws -> Result {
        do {
            return try await work()
        } catch let failure as RemoteFailure {
            Terminal.error("proxyd: \(failure)\n")
            throw ExitCode(failure.exitCode)
        } catch let failure as StateFailure {
            Terminal.error("proxyd: \(failure)\n")
            throw ExitCode(failure.exitCode)
        } catch let failure as LedgerFailure {
            Terminal.error("proxyd: \(failure)\n")
            throw ExitCode(Exit.unavailable)
        }
    }

    /// What the ledger has to say goes to standard error.
    static let logger = Logger(label: "proxyd") { label in StreamLogHandler.standardError(label: label) }
}

extension StateFailure {
    var exitCode: Int32 {
        switch self {
        case .notEmpty, .uncreatable: Exit.cannotCreate
        default: Exit.unavailable
        }
    }
}

/// Copies keys, usage and the audit log into one file.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Write keys, usage and the audit log into one file.",
        discussion: """
            A running proxyd is asked for a copy of this moment (PROXYD_ADMIN_KEY is an admin key); --state, or the directory of \
            --config, is copied where nobody runs on it. proxyd restore puts the copy back. Where nodes share a store (cluster.store), \
            the copy has all keys and this node's own usage and audit log; pg_dump copies those of all nodes.
            """)

    @Argument(help: "The file to write; it must not exist.")
    var file: String
    @OptionGroup var options: StateOptions

    func validate() throws {
        if file == "-" { throw ValidationError("a backup is written to a file, and - is none") }
    }

    func run() async throws {
        let file = file
        try checkPlace()
        try await StateWork.run {
            if let (state, configuration) = try options.stopped() {
                try await state.backUp(
                    to: file, timeZone: configuration?.timeZone, keepsRequests: configuration?.usage.keepsRequests ?? true,
                    logger: StateWork.logger)
                return
            }
            let client = try await options.admin.client()
            let partial = file + ".partial"
            let output = try Self.made { try OutputFile(partial) }
            do {
                _ = try await client.backUp { try output.write($0) }
                try output.finish(as: file)
            } catch {
                unlink(partial)
                throw error
            }
        }
        print("\(file): keys, usage and audit log are in it")
    }

    /// Says no before anything is copied.
    private func checkPlace() throws {
        var status = stat()
        if lstat(file, &status) == 0 { throw Self.failure("\(file) is there already") }
        let folder = URL(fileURLWithPath: file).deletingLastPathComponent().path
        if access(folder + "/.", W_OK | X_OK) != 0 {
            throw Self.failure("\(file) cannot be made: \(String(cString: strerror(errno)))")
        }
    }

    private static func made<File>(_ make: () throws -> File) throws -> File {
        do {
            return try make()
        } catch let failure as StateFailure {
            throw Self.failure("\(failure)")
        }
    }

    private static func failure(_ text: String) -> ExitCode {
        Terminal.error("proxyd: \(text)\n")
        return ExitCode(Exit.cannotCreate)
    }
}

/// `proxyd restore`.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Put a backup into the state directory of a proxyd that does not run.",
        discussion:
            "What is there stays as it is, unless --replace is given: then it is put into a folder beside the restored state.")

    @Argument(help: "A file that proxyd backup wrote.")
    var file: String
    @Flag(help: "Restore although the directory has keys or usage.")
    var replace = false
    @Option(help: "The state directory; that of --config when it is left out.")
    var state: String?
    @Option(
        name: [.short, .customLong("config")],
        help: "The configuration file; \(Proxyd.defaultPath) when it is left out.", completion: .file())
    var config: String?
    @OptionGroup var variables: EnvironmentOptions
    /// What all others take; no running proxyd is asked here.
    @Option(name: .customLong("admin"), help: .hidden)
    var address: String?

    func validate() throws {
        guard address != nil, config == nil, state == nil else { return }
        throw ValidationError("a running proxyd goes on with what it has: stop it, then give --state DIR or --config FILE")
    }

    func run() async throws {
        try InputFile.check(file)
        let path: String
        if let state {
            path = state
        } else {
            let file = config ?? Proxyd.defaultPath
            path = try FileOptions.load(file, try variables.environment(forStateOf: file)).statePath
        }
        let existing: StoppedState.Existing = replace ? .movedAside : .refused
        let old = try await StateWork.run { try StoppedState(path).restore(from: file, existing: existing) }
        if let old { print("what was there is in \(old)") }
        print("\(path): restored from \(file)")
    }
}

/// `proxyd ledger`.
struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "Look after the usage ledger.", subcommands: [Verify.self])

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify",
            abstract: "Walk through the database and the journal, and say what is damaged: exits with 0 or 1.")

        @OptionGroup var options: StateOptions

        func run() async throws {
            let report = try await StateWork.run {
                if let (state, _) = try options.stopped() { return try state.verify() }
                return try await options.admin.client().verify()
            }
            print(report.text, terminator: "")
            guard report.isWhole else { throw ExitCode(Exit.failure) }
        }
    }
}
