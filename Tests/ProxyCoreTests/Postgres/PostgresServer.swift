import Foundation
import Glibc
import Synchronization

@testable import ProxyCore

/// A PostgreSQL of the tests' own on a socket in a scratch folder, where Debian's package is installed: one for all tests, each
/// with a database of its own.
final class PostgresServer: Sendable {
    static let shared: PostgresServer? = try? PostgresServer()
    static var isThere: Bool { shared != nil }

    private let folder: String
    private let binaries: String
    private let process: Process
    private let databases = Mutex(0)

    struct Failed: Error {}

    init() throws {
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        guard let newest = versions.compactMap({ Int($0) }).max() else { throw Failed() }
        binaries = "/usr/lib/postgresql/\(newest)/bin"
        folder = "/tmp/proxyd-pg-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        mkdir(folder, 0o700)
        if getuid() == 0 { chown(folder, Self.nobody, Self.nobody) }
        try Self.run(
            "\(binaries)/initdb", "-D", "\(folder)/data", "-U", "proxyd", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync")
        process = Self.process(
            "\(binaries)/postgres", "-D", "\(folder)/data", "-k", folder, "-p", "5432", "-c", "listen_addresses=", "-c",
            "fsync=off")
        try process.run()
        // Ends with the process that the tests run in, whatever ends that.
        let (server, path) = (process.processIdentifier, folder)
        Self.atEnd.withLock { $0 = (server, path) }
        atexit {
            guard let (server, path) = PostgresServer.atEnd.withLock({ $0 }) else { return }
            kill(server, SIGQUIT)
            var status: Int32 = 0
            waitpid(server, &status, 0)
            try? FileManager.default.removeItem(atPath: path)
        }
        for _ in 0..<200 {
            if (try? PostgresConnection(to: address("postgres"), patience: 5)) != nil { return }
            usleep(50_000)
        }
        throw Failed()
    }

    private static let atEnd = Mutex<(server: pid_t, folder: String)?>(nil)
    private static let nobody: uid_t = 65_534

    private func address(_ database: String) -> PostgresAddress {
        let host = folder.replacingOccurrences(of: "/", with: "%2F")
        return PostgresAddress(url: Secret("postgres://proxyd@\(host)/\(database)"), ca: nil)
    }

    /// A new database.
    func database() throws -> PostgresAddress {
        let name = databases.withLock { count in
            count += 1
            return "test\(count)"
        }
        try PostgresConnection(to: address("postgres")).execute("CREATE DATABASE \(name)")
        return address(name)
    }

    /// PostgreSQL does not run as root.
    private static func process(_ program: String, _ arguments: String...) -> Process {
        let process = Process()
        let isRoot = getuid() == 0
        process.executableURL = URL(fileURLWithPath: isRoot ? "/usr/bin/setpriv" : program)
        let lead = ["--reuid=65534", "--regid=65534", "--clear-groups", program]
        process.arguments = (isRoot ? lead : []) + arguments
        process.currentDirectoryURL = URL(fileURLWithPath: "/")
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        return process
    }

    private static func run(_ program: String, _ arguments: String...) throws {
        let process = process(program)
        process.arguments = (process.arguments ?? []) + arguments
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failed() }
    }
}

/// What a test of a store runs over.
enum StoreKind: String, CaseIterable, Sendable {
    case sqlite, postgres

    static var here: [StoreKind] { PostgresServer.isThere ? allCases : [.sqlite] }

    /// Options of a ledger that has its usage there.
    func options(_ address: PostgresAddress?, state: String) -> UsageLedger.Options {
        var options = UsageLedger.Options.manual
        guard self == .postgres, let address else { return options }
        options.openStore = { _ in PostgresStore(address, as: PostgresStore.Identity(state: state, node: "node"), patience: 10) }
        return options
    }

    func address() throws -> PostgresAddress? { self == .postgres ? try PostgresServer.shared?.database() : nil }
}
