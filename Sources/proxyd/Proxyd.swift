import ArgumentParser
import Foundation
import ProxyCore

/// The command line. `proxyd` alone runs the proxy.
struct Proxyd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proxyd",
        abstract: "A gateway between programs and large language models.",
        discussion: """
            proxyd alone runs it: proxyd [--config FILE], which is /etc/proxyd/proxy.yaml when it is left out. proxyd --check-config \
            [-c FILE] [--format text|json] reports every problem of the file and exits: 0 when it could run, 78 when not.

            One file, proxy.yaml, says what it does; saving the file changes it. proxyd init writes a first one. Try it without any \
            account: proxyd demo.
            """,
        version: Version.text,
        subcommands: [
            RunCommand.self, CheckCommand.self, ReloadCommand.self, RollbackCommand.self, ExplainCommand.self, EvalCommand.self,
            ReplayCommand.self, UsageCommand.self, KeysCommand.self, LimitsCommand.self, ModelsCommand.self, PresetsCommand.self,
            HealthCommand.self, InitCommand.self, ImportCommand.self, AuditCommand.self, BackupCommand.self, RestoreCommand.self,
            LedgerCommand.self, StoreCommand.self, SealCommand.self, UnsealCommand.self, ResealCommand.self, Simulate.self,
            Demo.self, CompletionsCommand.self, VersionCommand.self,
            Reference.self,
        ], defaultSubcommand: RunCommand.self)

    static let defaultPath = "/etc/proxyd/proxy.yaml"
}

enum Version {
    static let number = "0.1.0"
    static let text = "proxyd \(number)"
}

/// Exit codes, after sysexits.h.
enum Exit {
    /// It was understood, and not done or found wanting.
    static let failure: Int32 = 1
    /// EX_USAGE: the command line says what cannot be.
    static let usage: Int32 = 64
    /// EX_UNAVAILABLE: an address that cannot be bound, a state directory that cannot be used.
    static let unavailable: Int32 = 69
    /// EX_SOFTWARE: something is wrong with the proxyd that was asked.
    static let software: Int32 = 70
    /// EX_CANTCREAT: there is something where something was to be made.
    static let cannotCreate: Int32 = 73
    /// EX_CONFIG of sysexits.h.
    static let configuration: Int32 = 78

    /// All of them, as the manual page tells them.
    static let meanings: [(code: Int32, meaning: String)] = [
        (0, "It was done."),
        (
            failure,
            "It was understood, and not done or found wanting: there is no such key, the admin key is wrong or its role not "
                + "enough, what was asked for is not healthy."
        ),
        (usage, "The command line says what cannot be, or names a file that cannot be read."),
        (unavailable, "Nobody answers at the address; or an address cannot be listened on, a state directory cannot be used."),
        (software, "Something is wrong with the proxyd that was asked: its log says what."),
        (cannotCreate, "A file cannot be made, or something is in its place; nothing is written over."),
        (configuration, "The configuration is wrong; what is wrong was printed with its place."),
    ]
}

/// A file that the command line names.
enum InputFile {
    /// - Parameter path: `-` is standard input.
    /// - Throws: the exit code, after why it cannot be read was told.
    static func read(_ path: String) throws -> [UInt8] {
        let file = try handle(path)
        guard let data = try? file.readToEnd() ?? Data() else { throw unreadable(path) }
        return Array(data)
    }

    /// A file, or a pipe, as a shell makes one of a command's output.
    static func handle(_ path: String) throws -> FileHandle {
        if path == "-" { return .standardInput }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFDIR, let handle = FileHandle(forReadingAtPath: path) else {
            throw unreadable(path)
        }
        return handle
    }

    /// Says no before anything is done, where it cannot be read.
    static func check(_ path: String) throws {
        guard access(path, R_OK) == 0 else { throw unreadable(path) }
    }

    static func unreadable(_ path: String) -> ExitCode {
        var status = stat()
        let isThere = stat(path, &status) == 0 && access(path, R_OK) == 0
        let reason = String(cString: strerror(isThere ? status.st_mode & S_IFMT == S_IFDIR ? EISDIR : EIO : errno))
        return Terminal.misuse("\(path) cannot be read: \(reason)")
    }
}

enum Terminal {
    /// Says what is wrong with what was typed, and how the process ends.
    static func misuse(_ text: String) -> ExitCode {
        error("proxyd: \(text)\n")
        return ExitCode(Exit.usage)
    }

    static func error(_ text: String) {
        // Not FileHandle: where nobody takes the text, it ends the process by a trap.
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            guard written > 0 else {
                if written < 0, errno == EINTR { continue }
                return
            }
            rest = rest.dropFirst(written)
        }
    }
}
