import Dialects
import ProxyCore

/// Asks a running proxyd how it is, as a container's health check does.
public struct HealthProbe: Sendable {
    let url: UpstreamURL
    private let target: String
    private let caller: any OutgoingCaller

    public struct Health: Sendable, Hashable {
        public var isReady: Bool
        /// One line.
        public var text: String
    }

    init(url: UpstreamURL, caller: any OutgoingCaller) {
        var url = url
        target = Self.paths.first { url.basePath.hasSuffix($0) } ?? "/health"
        if url.basePath.hasSuffix(target) { url.basePath.removeLast(target.count) }
        self.url = url
        self.caller = caller
    }

    private static let paths = ["/health", "/healthz", "/readyz"]

    /// - Parameter address: `http://127.0.0.1:8180`, `https://…` or `unix:/path`; one of the paths that tell health may follow.
    /// - Throws: `RemoteFailure.usage`.
    public init(address: String) throws(RemoteFailure) {
        guard let url = UpstreamURL(typed: address) else {
            throw RemoteFailure.usage("'\(address)' is no address: write http://host:port, https://host:port or unix:/path")
        }
        // Here it is asked for by its own machine, which needs no certificate that is right for that name.
        let isLoopback = url.host == "localhost" || url.host == "::1" || url.host.hasPrefix("127.")
        self.init(url: url, caller: SingleCaller(trust: isLoopback ? .anyone : .authorities))
    }

    /// - Throws: `RemoteFailure.unreachable` where nobody is there.
    public func ask() async throws(RemoteFailure) -> Health {
        let request = OutgoingRequest(url: url, target: target, timeout: .seconds(5))
        let response: OutgoingResponse
        do {
            response = try await caller.call(request)
        } catch {
            switch error as? OutgoingFailure {
            case .timeout: return Health(isReady: false, text: "not ready: \(url) does not answer in 5 seconds")
            case .brokenResponse(let reason): return Health(isReady: false, text: "not ready: \(url): \(reason)")
            case .unreachable(let reason): throw .unreachable("nobody answers at \(url): \(reason)")
            case nil: throw .unreachable("nobody answers at \(url): \(error)")
            }
        }
        guard let body = try? JSONValue(parsing: response.body), let status = body["status"]?.string else {
            return Health(isReady: false, text: "not ready: what answers at \(url) is no proxyd (status \(response.status))")
        }
        let isReady = (200..<300).contains(response.status)
        let notes = ([isReady ? "ready" : status] + Self.notes(body)).joined(separator: "; ")
        return Health(isReady: isReady, text: TextTable.harmless(notes))
    }

    /// What else is to be known.
    private static func notes(_ body: JSONValue) -> [String] {
        var notes: [String] = []
        if let reason = body["reason"]?.string { notes.append(reason) }
        if let storage = body["services"]?["storage"]?.string, storage != "ok" { notes.append("storage is \(storage)") }
        let down = (body["upstreams"]?.array ?? []).filter { $0["status"]?.string == "down" }.compactMap { upstream in
            upstream["name"]?.string.map { name in name + (upstream["reason"]?.string.map { " (\($0))" } ?? "") }
        }
        if !down.isEmpty { notes.append("upstreams down: \(down.joined(separator: ", "))") }
        if let generation = body["config"]?["generation"]?.int { notes.append("configuration generation \(generation)") }
        if let tried = body["config"]?["canary"]?["generation"]?.int { notes.append("generation \(tried) is on trial") }
        if let error = body["config"]?["error"]?.string { notes.append("the file was refused: \(error)") }
        return notes
    }

    /// Why the file was refused, where it was.
    ///
    /// - Throws: `RemoteFailure.unreachable`.
    public func refusal() async throws(RemoteFailure) -> String? {
        _ = try await ask()
        return await configuration()?.error
    }

    /// What runs, as far as anybody may know it.
    func configuration() async -> (hash: String, tried: String?, error: String?)? {
        let request = OutgoingRequest(url: url, target: "/health", timeout: .seconds(5))
        guard let response = try? await caller.call(request), let body = try? JSONValue(parsing: response.body),
            let hash = body["config"]?["hash"]?.string
        else { return nil }
        return (hash, body["config"]?["canary"]?["hash"]?.string, body["config"]?["error"]?.string)
    }
}
