import Admin
import ArgumentParser
import Foundation
import ProxyCore

/// Lets the running proxyd take its file over, and says whether it did.
struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Let the running proxyd read its file again, and say whether it was applied.",
        discussion: """
            0: it was applied, or nothing changed. 78: it was refused, and what is wrong is printed; what ran goes on. 69: nobody is \
            there. Saving the file does the same by itself, and says so in the log. PROXYD_ADMIN_KEY in the environment is an admin \
            key, else it is that of --config. A service manager's reload with MAINPID set needs none where the file has no admin \
            key, or this machine may not ask with it: it is a SIGHUP then, and /health is asked what came of it.
            """)

    @Flag(help: "Apply it although reload_guard would refuse it for what it removes.")
    var force = false
    @Flag(help: "Let everybody go by it at once, also where reload.canary would let some keys try it first.")
    var now = false
    @OptionGroup var admin: AdminOptions

    func run() async throws {
        do {
            switch try await reload() {
            case .applied(let text): print(text, terminator: "")
            case .refused(let text):
                Terminal.error(text)
                throw ExitCode(Exit.configuration)
            }
        } catch let failure as RemoteFailure {
            Terminal.error("proxyd: \(failure)\n")
            throw ExitCode(failure.exitCode)
        }
    }

    private func reload() async throws -> RemoteReload {
        guard let main = try serviceManagers() else { return try await ask() }
        if AdminAddress.key(in: main.configuration) == nil || AdminAddress.wantsCertificate(in: main.configuration) {
            return try await signal(main)
        }
        do {
            return try await ask()
        } catch RemoteFailure.forbidden {
            // `admin.allow_from` may not have this machine, or what runs may have another key still.
            return try await signal(main)
        } catch RemoteFailure.unreachable {
            return try await signal(main)
        }
    }

    /// Asks with the file's own key and address: what runs may not have taken either over yet, though it is about to.
    private func ask() async throws -> RemoteReload {
        var tries = admin.asksByFile ? 5 : 1
        while true {
            tries -= 1
            do {
                return try await admin.client().reload(force: force, now: now)
            } catch RemoteFailure.forbidden where tries > 0 {
                try await Task.sleep(for: .milliseconds(400))
            } catch RemoteFailure.unreachable where tries > 2 {
                try await Task.sleep(for: .milliseconds(400))
            }
        }
    }

    /// The process that a service manager wants to reload, and its file. A class, as a whole configuration is far too large to be copied.
    private final class Main {
        let process: pid_t
        let file: LoadResult
        let configuration: Configuration

        init(process: pid_t, file: LoadResult, configuration: Configuration) {
            (self.process, self.file, self.configuration) = (process, file, configuration)
        }
    }

    private func serviceManagers() throws -> Main? {
        let environment = try admin.variables.environment()
        guard !force, !now, admin.address == nil, let process = environment["MAINPID"].flatMap({ pid_t($0) }),
            process > 1
        else { return nil }
        let file = ConfigurationLoader.load(path: admin.config ?? Proxyd.defaultPath, environment: environment)
        return file.partial.map { Main(process: process, file: file, configuration: $0) }
    }

    private func signal(_ main: Main) async throws -> RemoteReload {
        guard let probe = AdminAddress.health(in: main.configuration) else {
            throw RemoteFailure.usage("the file has no admin key and no address that /health could be asked at")
        }
        let isHidden = AdminAddress.hidesHealth(in: main.configuration)
        let before = isHidden ? nil : try await probe.refusal()
        guard kill(main.process, SIGHUP) == 0 else {
            throw RemoteFailure.unreachable("the process \(main.process) cannot be told: \(String(cString: strerror(errno)))")
        }
        if isHidden {
            guard main.file.errors.isEmpty else { return .refused(DiagnosticRenderer.text(main.file.errors)) }
            return .applied("told by SIGHUP; every address asks for a certificate, so only the log says what came of it\n")
        }
        let hash = main.file.snapshot?.hash
        guard let outcome = await probe.waitForReload(hash: hash, errorBefore: before, within: .seconds(20)) else {
            throw RemoteFailure.failed("it is not known after 20 seconds whether the file was applied; the log says")
        }
        if case .refused = outcome, !main.file.errors.isEmpty { return .refused(DiagnosticRenderer.text(main.file.errors)) }
        return outcome
    }
}
