import Basics
import Dialects
import HTTP1

/// Addresses that clients write in another way: what is meant is read once, and everything behind it sees the one spelling.
struct PathAlias: Equatable {
    /// The path that is meant, without a query.
    var path: [UInt8]
    /// The model that the address names: Azure's deployment.
    var model: String?
    /// Parameters of the query that belong to the address alone.
    var dropped: [StaticString] = []

    static func == (a: PathAlias, b: PathAlias) -> Bool { a.path == b.path && a.model == b.model }

    /// Bases without a version (LiteLLM's and many users'), one word each.
    private static let versionless: [StaticString] = [
        "/chat/completions", "/completions", "/embeddings", "/responses", "/models", "/audio/speech", "/audio/transcriptions",
        "/audio/translations", "/images/generations", "/images/edits", "/images/variations", "/moderations",
    ]
    /// Those with something behind them.
    private static let versionlessFolders: [StaticString] = ["/responses/", "/models/"]

    /// Nil: the path means what it says.
    /// - Parameter path: as sent, without a query.
    init?(_ path: UnsafeRawBufferPointer) {
        guard path.count > 2, path.count <= Endpoint.maximumPath, path[0] == HTTPByte.slash else { return nil }
        // Nearly all paths begin so, and end in no slash.
        let isPlain = path.starts(with: "/v1/") && !path.starts(with: "/v1/projects/")
        if isPlain {
            guard path[path.count - 1] == HTTPByte.slash, let known = Self.withoutSlash(path) else { return nil }
            self.init(path: known)
            return
        }
        if let alias = Self.azure(path) ?? Self.google(path) {
            self = alias
        } else if Self.isVersionless(path) {
            self.init(path: Array("/v1".utf8) + path)
        } else {
            return nil
        }
        if let known = self.path.withUnsafeBytes({ Self.withoutSlash($0) }) { self.path = known }
    }

    private init(path: [UInt8], model: String? = nil, dropped: [StaticString] = []) {
        self.path = path
        self.model = model
        self.dropped = dropped
    }

    private static func isVersionless(_ path: UnsafeRawBufferPointer) -> Bool {
        if versionlessFolders.contains(where: { path.starts(with: $0) && path.count > $0.utf8CodeUnitCount }) { return true }
        let end = path[path.count - 1] == HTTPByte.slash ? path.count - 1 : path.count
        let whole = UnsafeRawBufferPointer(rebasing: path[..<end])
        return versionless.contains { whole.equals($0) }
    }

    /// A slash behind an endpoint of the contract is forgiven.
    private static func withoutSlash(_ path: UnsafeRawBufferPointer) -> [UInt8]? {
        guard path.count > 1, path[path.count - 1] == HTTPByte.slash else { return nil }
        let whole = UnsafeRawBufferPointer(rebasing: path[..<(path.count - 1)])
        return DataPath.isKnown(whole) ? Array(whole) : nil
    }

    // MARK: Vendors' addresses

    /// Azure's two kinds, and what SDKs with a fixed path make of a base.
    private static func azure(_ path: UnsafeRawBufferPointer) -> PathAlias? {
        guard path.starts(with: "/openai/") else { return nil }
        let call = UnsafeRawBufferPointer(rebasing: path["/openai/".utf8.count...])
        guard call.starts(with: "deployments/") else {
            if call.starts(with: "v1/") { return PathAlias(path: [HTTPByte.slash] + call, dropped: ["api-version"]) }
            return call.isEmpty ? nil : PathAlias(path: Array("/v1/".utf8) + call, dropped: ["api-version"])
        }
        let rest = UnsafeRawBufferPointer(rebasing: call["deployments/".utf8.count...])
        guard let end = rest.firstIndex(of: HTTPByte.slash), end > 0, end + 1 < rest.count,
            rest[..<end].allSatisfy({ PercentEncoding.isUnreserved($0) || $0 == UInt8(ascii: ":") }),
            end <= ModelName.maximumBytes
        else { return nil }
        return PathAlias(
            path: Array("/v1".utf8) + rest[end...], model: String(decoding: rest[..<end], as: UTF8.self), dropped: ["api-version"]
        )
    }

    /// Vertex' names of Gemini's models, Gemini's own address for OpenAI's clients, and lists of the alpha version.
    private static func google(_ path: UnsafeRawBufferPointer) -> PathAlias? {
        if path.starts(with: "/v1beta/openai/") {
            return PathAlias(path: Array("/v1/".utf8) + path["/v1beta/openai/".utf8.count...])
        }
        if path.equals("/v1alpha/models") { return PathAlias(path: Array("/v1beta/models".utf8)) }
        let isVertex =
            path.starts(with: "/v1beta1/publishers/") || path.starts(with: "/v1beta1/projects/")
            || path.starts(with: "/v1/projects/")
        guard isVertex else { return nil }
        let mark = Array("/publishers/google/models/".utf8)
        guard let start = FormModel.index(of: mark, in: path), start + mark.count < path.count else { return nil }
        let call = UnsafeRawBufferPointer(rebasing: path[(start + mark.count)...])
        // Before it stand a project's and a place's names, no model's.
        guard !path[..<start].contains(HTTPByte.percent), !call.contains(HTTPByte.slash) else { return nil }
        return PathAlias(path: Array("/v1beta/models/".utf8) + call)
    }
}
