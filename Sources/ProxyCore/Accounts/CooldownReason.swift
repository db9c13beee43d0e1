/// Why an account rests for a model. The words are our own, never the upstream's text.
public enum CooldownReason: Sendable, Hashable, CustomStringConvertible {
    /// It answered what `fallback.on` sends a request on for.
    case response(FallbackPolicy.Trigger)
    /// It gave no whole response.
    case failure(UpstreamFailure)

    /// `429`, `5xx`, `connect_timeout`
    public var description: String {
        switch self {
        case .response(let trigger): trigger.description
        case .failure(let failure): failure.label.description
        }
    }

    /// The same in words: `it answered 429`, `nobody listens at the upstream's address`.
    public var words: String {
        switch self {
        case .response(.status(let status)): "it answered \(status)"
        case .response(.statusClass(let digit)): "it answered \(digit)xx"
        case .response(.exhausted): "it said that it is exhausted"
        case .response(.unauthorized): "it refused the credential for this"
        case .response(.unreachable): "it could not be reached"
        case .response(.timeout): "it did not answer in time"
        case .failure(let failure): failure.message
        }
    }

    /// Nobody was there: it is about the whole upstream.
    public var isUnreachable: Bool {
        switch self {
        case .failure(.unreachable), .failure(.connectTimeout), .failure(.tls): true
        case .response, .failure: false
        }
    }
}
