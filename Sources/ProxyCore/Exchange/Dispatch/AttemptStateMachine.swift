/// The life of one attempt: from choosing a candidate to its response, or to the decision to give it up. Pure.
///
///     idle → connecting → waiting → answering → over
///              ↑             |
///              └─ a reused connection that was closed under us: once more, on a fresh one
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
        state = .connecting
        hasTriedFresh = false
    }

    mutating func requestWritten(isReused: Bool) {
        state = .waiting(isReused: isReused)
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
        state = .answering
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

    var isWaiting: Bool {
        switch state {
        case .connecting, .waiting: true
        case .idle, .answering, .over: false
        }
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
