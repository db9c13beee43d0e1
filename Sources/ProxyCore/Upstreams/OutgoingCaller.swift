/// Outgoing calls beside the data path (quota polls, Lark), over the data path's own client.
public protocol OutgoingCaller: Sendable {
    /// Gives the whole response, whatever its status; throws `OutgoingFailure`.
    func call(_ request: OutgoingRequest) async throws -> OutgoingResponse
}

/// A call beside the data path.
public struct OutgoingRequest: Sendable {
    public var method: String
    public var url: UpstreamURL
    /// Path and query, beginning with `/`.
    public var target: String
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    /// The deadline of the whole call.
    public var timeout: Duration
    /// Bytes of the response's body.
    public var maximumResponse: Int
    public var trustedAuthorities: TrustedAuthorities?
    public var way = Way.byRule

    public enum Way: Sendable, Hashable {
        /// The call goes as `https_proxy` and `no_proxy` say for its host.
        case byRule
        /// The call goes as the upstream that it belongs to is reached; nil: directly.
        case upstreams(ForwardProxy?)
    }

    public init(
        method: String = "GET", url: UpstreamURL, target: String, headers: [(name: String, value: String)] = [],
        body: [UInt8] = [], timeout: Duration = .seconds(5), maximumResponse: Int = 8 << 20,
        trustedAuthorities: TrustedAuthorities? = nil
    ) {
        self.method = method
        self.url = url
        self.target = target
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.maximumResponse = maximumResponse
        self.trustedAuthorities = trustedAuthorities
    }
}

/// The whole response to a call.
public struct OutgoingResponse: Sendable {
    public var status: Int
    /// Names in lower case.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]

    public init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// Why an outgoing call gave no response.
public enum OutgoingFailure: Error, Sendable, Hashable {
    case unreachable(String)
    /// A connection was there.
    case timeout
    case brokenResponse(String)
}
