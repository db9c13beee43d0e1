import Basics
import Dialects
import ProxyCore

/// The admin API of a running proxyd, as the command line asks it.
public struct AdminClient: Sendable {
    let url: UpstreamURL
    /// The address, as messages show it.
    public var address: String { "\(url)" }
    private let key: Secret
    private let caller: any OutgoingCaller
    private let timeout: Duration

    /// - Parameters:
    ///   - address: `http://127.0.0.1:8180`, `https://…` or `unix:/path`.
    ///   - key: an admin key.
    /// - Throws: `RemoteFailure.usage`.
    public init(
        address: String, key: Secret, caller: any OutgoingCaller = SingleCaller(), timeout: Duration = .seconds(60)
    ) throws {
        guard let url = UpstreamURL(typed: address) else {
            throw RemoteFailure.usage("'\(address)' is no address: write http://host:port, https://host:port or unix:/path")
        }
        self.url = url
        self.key = key
        self.caller = caller
        self.timeout = timeout
    }

    /// The body of a 2xx.
    ///
    /// - Parameter path: below `/admin/`; each segment is encoded here.
    /// - Throws: `RemoteFailure`.
    func bytes(
        _ method: String, _ path: [String], query: [(name: String, value: String?)] = [], body: JSONValue? = nil
    ) async throws -> [UInt8] {
        let response = try await answer(method, path, query: query, body: body)
        guard (200..<300).contains(response.status) else { throw Self.failure(response, at: url) }
        return response.body
    }

    /// The answer, whatever it says.
    func answer(
        _ method: String, _ path: [String], query: [(name: String, value: String?)] = [], body: JSONValue? = nil
    ) async throws -> OutgoingResponse {
        let items = query.compactMap { item in item.value.map { "\(PercentEncoding.text(item.name))=\(PercentEncoding.text($0))" }
        }
        let target = "/admin/" + path.map(PercentEncoding.text).joined(separator: "/")
        var request = OutgoingRequest(
            method: method, url: url, target: items.isEmpty ? target : "\(target)?\(items.joined(separator: "&"))",
            headers: [("x-admin-key", key.reveal()), ("accept", "*/*")], timeout: timeout, maximumResponse: 1 << 30)
        if let body {
            request.headers.append(("content-type", "application/json"))
            request.body = body.bytes
        }
        do {
            return try await caller.call(request)
        } catch let failure as OutgoingFailure {
            throw Self.failure(failure, at: url)
        }
    }

    /// The same, as JSON.
    func json(
        _ method: String, _ path: [String], query: [(name: String, value: String?)] = [], body: JSONValue? = nil
    ) async throws -> JSONValue {
        let bytes = try await bytes(method, path, query: query, body: body)
        guard let value = try? JSONValue(parsing: bytes, limits: JSONValue.Limits(depth: 64, count: 50_000_000)) else {
            throw RemoteFailure.failed("\(url) does not answer as proxyd does: is it its admin address?")
        }
        return value
    }

    private static func failure(_ failure: OutgoingFailure, at url: UpstreamURL) -> RemoteFailure {
        switch failure {
        case .unreachable(let reason): .unreachable("nobody answers at \(url): \(reason)")
        case .timeout: .unreachable("\(url) does not answer in time")
        case .brokenResponse(let reason): .failed("\(url): \(reason)")
        }
    }

    static func failure(_ response: OutgoingResponse, at url: UpstreamURL) -> RemoteFailure {
        let told = (try? JSONValue(parsing: response.body))?["error"]?["message"]?.string
        let message = told ?? "\(url) answered \(response.status)"
        switch response.status {
        case 400: return .usage(message)
        case 401, 403: return .forbidden(message)
        case 404 where told == AdminFailure.nothingHere.message || told == nil:
            return .refused(
                "there is no such call at \(url): is it proxyd's admin address, of this version, with an admin key set?")
        case 500...: return .failed(message)
        default: return .refused(message)
        }
    }
}
