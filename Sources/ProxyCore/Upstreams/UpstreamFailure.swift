import Dialects

/// Why an upstream gave no whole response.
public enum UpstreamFailure: Error, Sendable, Hashable {
    /// No connection came about.
    case unreachable(ConnectObstacle)
    case connectTimeout
    /// The certificate was not accepted, or there was no handshake.
    case tls(TLSFault)
    /// Connected, and silent for too long.
    case firstByteTimeout
    case idleTimeout
    /// The connection ended before the response did.
    case disconnected
    /// The connection ended in order, but the stream without its format's completion.
    case truncated
    /// What came is no HTTP, or not what its head promised.
    case protocolError
    /// A whole response that is none: no JSON where JSON was asked for, a stream without any event.
    case emptyResponse
    /// More than is held of a response that has to be converted.
    case tooLong
    /// proxyd may open no further file, so no connection; the upstream was not asked.
    case noDescriptors
    /// proxyd itself ends.
    case shutDown
    /// An operator has blocked a limit's bucket that the request counts in.
    case blocked

    /// The trigger in `fallback.on` that this is.
    var trigger: FallbackPolicy.Trigger {
        switch self {
        case .unreachable, .tls, .disconnected, .truncated, .protocolError, .emptyResponse, .tooLong, .noDescriptors, .shutDown,
            .blocked:
            .unreachable
        case .connectTimeout, .firstByteTimeout, .idleTimeout: .timeout
        }
    }

    /// Nothing of the request had gone out: it says the same of every other.
    var isBeforeRequest: Bool {
        switch self {
        case .unreachable, .connectTimeout, .tls, .noDescriptors: true
        case .firstByteTimeout, .idleTimeout, .disconnected, .truncated, .protocolError, .emptyResponse, .tooLong, .shutDown,
            .blocked:
            false
        }
    }

    /// The status that the client gets when there is no other.
    var status: Int {
        switch self {
        case .connectTimeout, .firstByteTimeout, .idleTimeout: 504
        case .unreachable, .tls, .disconnected, .truncated, .protocolError, .emptyResponse, .tooLong, .shutDown: 502
        case .noDescriptors: 503
        case .blocked: 429
        }
    }

    /// Who has caused it.
    var party: Outcome.Party {
        switch self {
        case .noDescriptors, .shutDown, .blocked: .proxy
        case .unreachable, .connectTimeout, .tls, .firstByteTimeout, .idleTimeout, .disconnected, .truncated, .protocolError,
            .emptyResponse, .tooLong:
            .upstream
        }
    }

    /// What a client is told that it is.
    var errorClass: ErrorClass {
        switch status {
        case 504: .timeout
        case 429: .rateLimit
        default: .upstreamBroken
        }
    }

    /// One word for logs and metrics.
    var label: StaticString {
        switch self {
        case .unreachable(let obstacle): obstacle.label
        case .connectTimeout: "connect_timeout"
        case .tls(let fault): fault.label
        case .firstByteTimeout: "first_byte_timeout"
        case .idleTimeout: "idle_timeout"
        case .disconnected: "cut"
        case .truncated: "truncated"
        case .protocolError: "nonsense"
        case .emptyResponse: "no_answer"
        case .tooLong: "too_long"
        case .noDescriptors: "no_descriptors"
        case .shutDown: "shutdown"
        case .blocked: "blocked"
        }
    }

    /// The message for people; it names no address, for those belong to the operator.
    public var message: String {
        switch self {
        case .unreachable(let obstacle): obstacle.message
        case .connectTimeout: "the upstream did not accept the connection in time"
        case .tls(let fault): fault.message
        case .firstByteTimeout: "the upstream did not begin to answer in time"
        case .idleTimeout: "the upstream fell silent in the middle of its answer"
        case .disconnected: "the upstream ended the connection before its answer was complete"
        case .truncated: "upstream stream ended before completion"
        case .protocolError: "the upstream sent something that is not HTTP"
        case .emptyResponse: "the upstream's answer held nothing that could be passed on"
        case .tooLong: "the upstream's answer is too long to be converted"
        case .noDescriptors: "the proxy can open no further connection to an upstream at the moment"
        case .shutDown: "the proxy is shutting down"
        case .blocked: "the operator of the proxy has blocked this use"
        }
    }
}
