/// The life of one attempt: from choosing a candidate to its response, or to the decision to give it up. Pure.
///
///     idle → connecting → waiting → answering → over
///              ↑             |
///              └─ a reused connection that was closed under us: once more, on a fresh one
///     any state → over
///
/// What comes too late changes nothing: an attempt that is over stays so.
struct AttemptStateMachine: Equatable {
    private enum State: Equatable {
        case idle
        /// No connection yet.
        case connecting
        /// The request was written; nothing has come back.
        case waiting(isReused: Bool)
        /// The response's head is here.
        case answering
        case over
    }

    enum FailureAction: Equatable {
        /// The connection had waited idle and was closed before a byte of a response: that says nothing about the upstream.
        case tryFreshConnection
        /// The attempt has failed; nothing of it went to the client.
        case giveUp
        /// Too late for another attempt, or nobody cares any more.
        case ignore
    }

    private var state = State.idle
    private var hasTriedFresh = false

    /// A candidate was chosen.
    mutating func begin() {
        switch state {
        case .idle: state = .connecting
        case .connecting, .waiting, .answering, .over: break
        }
    }

    mutating func requestWritten(isReused: Bool) {
        switch state {
        case .connecting: state = .waiting(isReused: isReused)
        case .idle, .waiting, .answering, .over: break
        }
    }

    /// The upstream said, where a request had just been written, that the connection has waited for too long (408, RFC 9110 15.5.9).
    /// Whether the request is written once more, on a fresh one.
    mutating func metStaleConnection() -> Bool {
        guard case .waiting(isReused: true) = state, !hasTriedFresh else { return false }
        state = .connecting
        hasTriedFresh = true
        return true
    }

    mutating func headCame() {
        switch state {
        case .waiting: state = .answering
        case .idle, .connecting, .answering, .over: break
        }
    }

    /// The connection failed, or no connection came about.
    mutating func failed(hasReceived: Bool, isTimeout: Bool) -> FailureAction {
        switch state {
        case .idle, .over: return .ignore
        case .waiting(isReused: true) where !hasReceived && !isTimeout && !hasTriedFresh:
            state = .connecting
            hasTriedFresh = true
            return .tryFreshConnection
        case .connecting, .waiting, .answering:
            state = .over
            return .giveUp
        }
    }

    mutating func end() {
        state = .over
    }

    /// A request was written, and no response has begun.
    var isAwaitingResponse: Bool {
        switch state {
        case .waiting: true
        case .idle, .connecting, .answering, .over: false
        }
    }

    var isConnecting: Bool { state == .connecting }
}
