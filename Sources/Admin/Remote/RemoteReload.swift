import Dialects
import ProxyCore

/// What became of a reload that was waited for.
public enum RemoteReload: Sendable, Hashable {
    /// One line that says what changed; warnings after it.
    case applied(String)
    /// Each diagnostic as a check prints it; what ran goes on.
    case refused(String)
}

extension AdminClient {
    /// Lets the running proxyd read its file, and waits until it did.
    ///
    /// - Parameter force: whether it applies too where `reload_guard` would refuse it.
    /// - Parameter now: whether everybody goes by it at once, also where some keys would try it first.
    /// - Throws: `RemoteFailure`.
    public func reload(force: Bool = false, now: Bool = false) async throws -> RemoteReload {
        let response = try await answer(
            "POST", ["reload"], query: [("force", force ? "true" : nil), ("now", now ? "true" : nil)])
        let body = try? JSONValue(parsing: response.body)
        let diagnostics = body?["diagnostics"]?.array ?? []
        if body?["status"]?.string == "refused" {
            let lines = diagnostics.map { ($0["shown"]?.string ?? $0["text"]?.string ?? "the file was refused") + "\n" }
            return .refused(lines.joined() + "proxyd: refused; generation \(Self.generation(body)) goes on\n")
        }
        guard (200..<300).contains(response.status), let body else { throw Self.failure(response, at: url) }
        let warnings = (body["warnings"]?.array ?? []).compactMap { $0["text"]?.string.map { TextTable.harmless($0) + "\n" } }
        let isChanged = body["changed"]?.bool ?? false
        let changes = body["changes"]?.string.map { TextTable.harmless(": \($0)") } ?? ""
        if body["status"]?.string == "canary" {
            let canary = body["canary"]
            let share = (canary?["share"]?.double ?? 0) * 100
            return .applied(
                "on trial: generation \(Self.generation(body)) serves \(share.rounded() == share ? "\(Int(share))" : "\(share)")% of the "
                    + "keys until \(TextTable.harmless(canary?["until"]?.string ?? "?"))\(changes)\n" + warnings.joined())
        }
        let words = (body["words"]?.array ?? []).compactMap { $0.string.map { "  \(TextTable.harmless($0))\n" } }
        return .applied(
            (isChanged
                ? "applied: generation \(Self.generation(body))\(changes)\n" : "unchanged: generation \(Self.generation(body))\n")
                + words.joined() + warnings.joined())
    }

    private static func generation(_ body: JSONValue?) -> String { body?["generation"]?.int.map(String.init) ?? "?" }
}

extension HealthProbe {
    /// Waits until what runs was read from files of this hash, or a file was refused; for a reload that a signal asked for.
    ///
    /// - Parameter hash: of the files; nil where they have errors.
    /// - Returns: nil where neither came about in time.
    public func waitForReload(hash: String?, errorBefore: String?, within limit: Duration) async -> RemoteReload? {
        let clock = ContinuousClock()
        let end = clock.now + limit
        repeat {
            guard (try? await Task.sleep(for: .milliseconds(100))) != nil else { return nil }
            guard let (running, tried, error) = await configuration() else { continue }
            if let error, hash == nil || error != errorBefore { return .refused("\(TextTable.harmless(error))\n") }
            if running == hash, error == nil { return .applied("applied\n") }
            if let tried, tried == hash, error == nil { return .applied("on trial: some keys go by it\n") }
        } while clock.now < end
        return nil
    }
}
