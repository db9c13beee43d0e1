import Dialects
import HTTP1

/// What a request's method and target say, worked out once for the many requests of a connection that say the same.
final class ClientCall {
    /// The path without the query; what an address in another spelling means.
    let path: String
    /// Where the address is written in another way: what it names beside the path, and the target that it means.
    let alias: PathAlias?
    let meantTarget: [UInt8]?
    let endpoint: Endpoint
    let dialect: ClientDialect
    /// Why it is not served, whoever asks.
    let problem: DataPath.Problem?
    /// `alt=sse`: a Gemini client wants its stream as events.
    let asksForEvents: Bool
    /// Whether browsers may come across origins: not to what operators use.
    let isDataPlane: Bool
    private let method: HTTPMethod
    private let target: [UInt8]
    private let saysAnthropicVersion: Bool
    private let clientAddress: String

    /// Longer targets are not kept for a next request.
    static let keptBytes = 256

    init(_ head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer, clientAddress: String) {
        let target = head.target.bytes(in: bytes)
        let (sent, query) = splitTarget(target)
        let alias = PathAlias(sent)
        self.alias = alias
        meantTarget = alias.map { alias in
            let kept = query.map { QueryString.removing(alias.dropped, from: $0) } ?? []
            return kept.isEmpty ? alias.path : alias.path + [HTTPByte.questionMark] + kept
        }
        asksForEvents =
            query.flatMap { QueryString.value(of: "alt", in: $0) }.map { equalsIgnoringCase($0, "sse") } ?? false
        method = head.method
        self.target = Array(target)
        let saysAnthropicVersion = head.first(.anthropicVersion) != nil
        self.saysAnthropicVersion = saysAnthropicVersion
        self.clientAddress = clientAddress
        let read = alias.map { $0.path.withUnsafeBytes { Reading($0, head.method, saysAnthropicVersion) } }
        let reading = read ?? Reading(sent, head.method, saysAnthropicVersion)
        path = reading.path
        problem = alias == nil ? reading.problem : DataPath.problem(sent: sent, method: head.method) ?? reading.problem
        endpoint = reading.endpoint
        isDataPlane = reading.isDataPlane
        dialect = reading.dialect
    }

    /// What a path says.
    private struct Reading {
        let path: String
        let problem: DataPath.Problem?
        let endpoint: Endpoint
        let isDataPlane: Bool
        let dialect: ClientDialect

        init(_ path: UnsafeRawBufferPointer, _ method: HTTPMethod, _ saysAnthropicVersion: Bool) {
            self.path = String(decoding: path, as: UTF8.self)
            problem = DataPath.problem(method: method, path: path)
            let endpoint = Endpoint.of(method: method, path: path)
            self.endpoint = endpoint
            isDataPlane = endpoint != .local || DataPath.isOne(path)
            if problem == nil {
                dialect = Endpoint.errorDialect(path: path, saysAnthropicVersion: saysAnthropicVersion)
            } else {
                dialect = DataPath.asReadLeniently(path).withUnsafeBytes {
                    Endpoint.errorDialect(path: $0, saysAnthropicVersion: saysAnthropicVersion)
                }
            }
        }
    }

    /// Whether a head says the same.
    func matches(_ head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer) -> Bool {
        method == head.method && head.target.bytes(in: bytes).hasSameBytes(as: target)
            && saysAnthropicVersion == (head.first(.anthropicVersion) != nil)
    }

    /// What a Gemini client's path names.
    private(set) lazy var gemini = GeminiPath(path)

    /// The log's words on it.
    private(set) lazy var logFields = LogFields(
        client: clientAddress, method: method == .other ? "OTHER" : method.text, path: LoggedPath.text(path),
        dialect: dialect.rawValue)
}

@available(*, unavailable)
extension ClientCall: Sendable {}
