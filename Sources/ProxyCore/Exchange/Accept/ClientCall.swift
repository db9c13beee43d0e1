import Dialects
import HTTP1

/// What a request's method and target say, worked out once for the many requests of a connection that say the same.
final class ClientCall {
    /// Without the query.
    let path: String
    let endpoint: Endpoint
    let dialect: ClientDialect
    /// Why it is not served, whoever asks.
    let problem: DataPath.Problem?
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
        let (path, _) = splitTarget(target)
        self.path = String(decoding: path, as: UTF8.self)
        method = head.method
        self.target = Array(target)
        let saysAnthropicVersion = head.first(.anthropicVersion) != nil
        self.saysAnthropicVersion = saysAnthropicVersion
        problem = DataPath.problem(method: head.method, path: path)
        let endpoint = Endpoint.of(method: head.method, path: path)
        self.endpoint = endpoint
        isDataPlane = endpoint != .local || DataPath.isOne(path)
        if problem == nil {
            dialect = Endpoint.errorDialect(path: path, saysAnthropicVersion: saysAnthropicVersion)
        } else {
            dialect = DataPath.asReadLeniently(path).withUnsafeBytes {
                Endpoint.errorDialect(path: $0, saysAnthropicVersion: saysAnthropicVersion)
            }
        }
        self.clientAddress = clientAddress
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
