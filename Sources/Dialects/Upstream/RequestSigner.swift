/// A credential's line in the head of a request.
public struct CredentialField: Sendable, Hashable {
    /// The field's name, in lower case.
    public let name: String
    /// The value as it was configured; whoever writes it sees to what a head cannot carry.
    public let value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// What a signature may depend on.
public struct RequestToSign: Sendable {
    public let method: String
    public let host: String
    /// Path and query.
    public let target: [UInt8]
    public let body: [UInt8]
    /// Seconds since 1970.
    public let now: Int

    public init(method: String, host: String, target: [UInt8], body: [UInt8], now: Int) {
        self.method = method
        self.host = host
        self.target = target
        self.body = body
        self.now = now
    }
}

/// Writes one account's credential into the heads of its requests.
public enum RequestSigner: Sendable {
    /// The same lines for every request: whoever sends them writes them out once.
    case fixed([CredentialField])
    /// Lines of each request's own, as AWS's signatures are.
    case each(@Sendable (RequestToSign) -> [CredentialField])

    /// The lines of one request.
    public func fields(for request: @autoclosure () -> RequestToSign) -> [CredentialField] {
        switch self {
        case .fixed(let fields): fields
        case .each(let sign): sign(request())
        }
    }
}
