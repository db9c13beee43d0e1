import Admin
import ArgumentParser
import Foundation
import ProxyCore

/// What another file would make of requests that were recorded.
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Show what a file would make of recorded requests; nothing is sent.",
        discussion: """
            proxyd records with log: {decisions: FILE}. Each request is decided anew by the rules, policies and tiers of --config, with \
            the quota, health and time that it had. It exits with 1 when more changes than --max-changed, or \
            when nothing could be decided, and with 78 for a file that proxyd could not run with.
            """)

    @Option(help: "A file of recorded decisions; - is standard input.", completion: .file())
    var decisions: String?
    @Option(
        help: "Instead of a file: the requests that the running proxyd keeps rows of, since a day, a time, or so long back: 7d.")
    var since: String?
    @Option(help: "The share of requests that may go elsewhere or end otherwise: 2%.")
    var maxChanged: String?
    @Option(help: "How it reports: text or json.")
    var format = CheckCommand.Format.text
    @OptionGroup var admin: AdminOptions

    func validate() throws {
        if (decisions == nil) == (since == nil) { throw ValidationError("give either --decisions or --since") }
        if let maxChanged, Self.share(maxChanged) == nil { throw ValidationError("--max-changed is a share as 2% or 0.02") }
    }

    func run() async throws {
        let merged = admin.variables.merged()
        let result = ConfigurationLoader.load(path: admin.config ?? Proxyd.defaultPath, environment: merged.environment)
        guard let snapshot = result.snapshot, merged.problems.isEmpty else {
            Terminal.error(DiagnosticRenderer.text(merged.problems + result.diagnostics.filter { !merged.explains($0) }))
            throw ExitCode(Exit.configuration)
        }
        let report = try await report(DecisionReplay(snapshot))
        print(format == .json ? report.json.text : report.text, terminator: format == .json ? "\n" : "")
        if report.total == 0 {
            let what = decisions ?? "no request has a row"
            Terminal.error("proxyd: " + (report.firstBad.map { "\(what): \($0)" } ?? "nothing was recorded: \(what)") + "\n")
            throw ExitCode(Exit.failure)
        }
        if let most = maxChanged.flatMap(Self.share), let objection = objection(report, most) {
            Terminal.error("proxyd: \(objection)\n")
            throw ExitCode(Exit.failure)
        }
    }

    /// Why a report does not pass --max-changed: too much changes, or it does not show how much.
    private func objection(_ report: ReplayReport, _ most: Double) -> String? {
        let given = "--max-changed \(maxChanged ?? "")"
        if report.undecided == report.total {
            return "no request could be decided from what was recorded, so \(given) cannot be met"
        }
        if report.otherVersions > 0 {
            return "\(report.otherVersions) lines are of another version, so \(given) cannot be met; \(report.firstBad ?? "")"
        }
        return report.changedShare > most ? "more requests change than \(given) allows" : nil
    }

    private func report(_ replay: DecisionReplay) async throws -> ReplayReport {
        do {
            if let since { return try await admin.client().replay(since: since, replay) }
            return try await ReplayFile(try InputFile.handle(decisions ?? "-")).replay(replay)
        } catch let failure as ReplayFailure {
            Terminal.error("proxyd: \(decisions ?? ""): \(failure)\n")
            throw ExitCode(Exit.failure)
        } catch let failure as RemoteFailure {
            Terminal.error("proxyd: \(failure)\n")
            throw ExitCode(failure.exitCode)
        }
    }

    /// 0–1; nil for what is no share.
    private static func share(_ text: String) -> Double? {
        let isPercent = text.hasSuffix("%")
        guard let number = Double(isPercent ? String(text.dropLast()) : text), number.isFinite else { return nil }
        let share = isPercent ? number / 100 : number
        return (0...1).contains(share) ? share : nil
    }
}
