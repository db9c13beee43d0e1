import ArgumentParser
import Foundation
import ProxyCore

/// Puts a former version of the file back.
struct RollbackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback", abstract: "Put a former version of the configuration file back.",
        discussion: """
            The version that was in force before the file, or the one of the number given, is checked and then written in the place of \
            the file, which keeps its mode and owner; a running proxyd takes it over as any saved file. Fifty versions are kept in the \
            state directory; --list shows them. 78: the version has errors today, or its secrets are missing, which were kept as \
            digests only unless PROXYD_SEAL_KEY was there to seal them. What the file has of them now is found by itself.
            """)

    @Argument(help: "The version's number; the one before the file when it is left out.")
    var number: Int?
    @Option(
        name: [.short, .customLong("config")], help: "The configuration file; \(Proxyd.defaultPath) when it is left out.",
        completion: .file())
    var config: String?
    @Option(help: "The state directory; that of the file when it is left out.", completion: .directory)
    var state: String?
    @Option(help: "A file with secrets of the version, one in a line; - is standard input.", completion: .file())
    var secrets: String?
    @Flag(help: "Show the versions that are kept.")
    var list = false
    @Flag(help: "Check the version, and write nothing.")
    var dryRun = false
    @OptionGroup var variables: EnvironmentOptions

    func run() throws {
        let path = config ?? Proxyd.defaultPath
        let environment = try variables.environment(forStateOf: path)
        let file = ConfigurationLoader.load(path: path, environment: environment)
        let known = file.partial ?? ConfigurationLoader.remains(of: path, environment: environment)
        guard let state = state ?? known?.statePath else {
            Terminal.error(DiagnosticRenderer.text(file.errors))
            Terminal.error("proxyd: \(path) does not tell the state directory; give it with --state\n")
            throw ExitCode(Exit.configuration)
        }
        let damaged = ConfigurationHistory.unreadable(in: state)
        if !damaged.isEmpty { Terminal.error("note: these versions cannot be read: \(damaged.joined(separator: ", "))\n") }
        let zone = known?.timeZone ?? .utc
        if list { return show(ConfigurationHistory.versions(in: state), zone) }
        let given = try given()
        do throws(RollbackFailure) {
            let rollback = try Rollback(to: number, path: path, state: state, environment: environment, secrets: given)
            let warnings = rollback.result.diagnostics.filter { $0.severity != .error }
            Terminal.error(DiagnosticRenderer.text(rollback.errors + warnings))
            guard rollback.errors.isEmpty else { throw RollbackFailure.hasErrors(version: rollback.version.number) }
            if rollback.hasUncheckedCredentials {
                Terminal.error("note: systemd's credentials are not passed to this shell, so they were not checked\n")
            }
            let name = "version \(rollback.version.number) of \(Self.time(rollback.version.event.time, zone))"
            if dryRun {
                print(rollback.texts.isEmpty ? "\(path): \(name) is there already" : "\(path): \(name) can be put back")
                return
            }
            try rollback.write()
            print(rollback.texts.isEmpty ? "\(path): \(name) is there already" : "\(path): \(name) is back")
        } catch {
            Terminal.error("proxyd: \(error)\n")
            throw ExitCode(Self.exitCode(error))
        }
    }

    private func given() throws -> [String] {
        guard let secrets else { return [] }
        guard let text = String(validating: try InputFile.read(secrets), as: UTF8.self) else {
            throw Terminal.misuse("\(secrets) is no text in UTF-8")
        }
        return text.split(whereSeparator: \.isNewline).map(String.init)
    }

    private func show(_ versions: [ConfigurationVersion], _ zone: Zone) {
        for version in versions.reversed() {
            let event = version.event
            let how = [event.trigger?.rawValue, event.who].compactMap { $0 }.joined(separator: " ")
            let what = event.why ?? (event.summary.isEmpty ? event.oldErrors.first ?? "" : event.summary)
            let time = Self.time(event.time, zone)
            print("\(version.number)  \(time)  \(event.state.rawValue)  \(event.hash.prefix(12))  \(how)  \(what)")
        }
    }

    /// As the log of that moment has it, in the file's time zone.
    private static func time(_ date: Date, _ zone: Zone) -> String {
        LogInstant.text(seconds: Int(date.timeIntervalSince1970.rounded(.down)), in: zone)
    }

    private static func exitCode(_ failure: RollbackFailure) -> Int32 {
        switch failure {
        case .none, .unknown, .nothingBefore: Exit.failure
        case .refused, .hasErrors, .missing, .sealed, .strays: Exit.configuration
        case .unwritable: Exit.cannotCreate
        }
    }
}
