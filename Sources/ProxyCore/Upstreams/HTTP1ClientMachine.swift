import HTTP1

/// How far a connection to an upstream has come: one request at a time, then its response.
///
/// It does no I/O: an event changes the state, and what comes back says what the connection has to do. An event that the
/// connection itself cannot bring about in a state stops the process; what the other side sends never does.
struct HTTP1ClientMachine: Sendable {
    private enum State: Sendable, Equatable {
        /// TLS is being agreed on.
        case opening
        /// No request is under way.
        case idle
        /// A request was written; its response's head has not come. So many interim heads have.
        case awaitingHead(interim: Int)
        /// So many bytes of the body are still to come; none once it is whole.
        case length(Int)
        case chunked
        /// The body ends with the connection.
        case untilClose
        case closed
    }

    /// A server that sends more interim responses than this before the real one does not mean well.
    private static let maximumInterim = 32

    private var state: State
    private var keepsAlive = true
    /// Whether a byte of the response at hand has come.
    private(set) var hasReceived = false

    init(isTLS: Bool) {
        state = isTLS ? .opening : .idle
    }

    var isOpening: Bool { if case .opening = state { true } else { false } }
    var isClosed: Bool { if case .closed = state { true } else { false } }

    // MARK: Opening and asking

    /// TLS is agreed on. True: whoever waits for the connection may write now.
    mutating func handshakeCompleted() -> Bool {
        guard case .opening = state else { return false }
        state = .idle
        return true
    }

    /// A request is about to be written. False: this connection takes none.
    mutating func requestBegan() -> Bool {
        guard case .idle = state else { return false }
        state = .awaitingHead(interim: 0)
        hasReceived = false
        return true
    }

    // MARK: Reading

    /// What is to be done with bytes that are there.
    enum Reading: Equatable {
        /// None are there, or nobody wants them.
        case nothing
        /// Nobody asked for them: whatever they are, the next response could not be told from them.
        case unasked
        case parseHead
        /// So many of them are the body's; the last of it or not.
        case body(Int, isLast: Bool)
        case parseChunks
        /// All of them are the body's.
        case bodyUntilClose
    }

    /// Bytes are there that have not been read.
    mutating func read(available: Int) -> Reading {
        guard available > 0 else { return .nothing }
        switch state {
        case .closed: return .nothing
        case .opening, .idle: return .unasked
        case .awaitingHead:
            hasReceived = true
            return .parseHead
        case .length(let left):
            guard left > 0 else { Self.impossible("bytes are read for a body that is whole") }
            let count = min(left, available)
            state = .length(left - count)
            return .body(count, isLast: left == count)
        case .chunked: return .parseChunks
        case .untilClose: return .bodyUntilClose
        }
    }

    /// What a response's head means.
    enum HeadVerdict: Equatable {
        /// Another head follows; this one is not passed on.
        case interim
        /// The receiver gets it, and its body after it.
        case response(hasBody: Bool)
        /// The connection is of no use any more.
        case refused(UpstreamFailure)
    }

    /// A head has been read.
    /// - Parameter asksProxy: whether requests go through a forward proxy on this connection.
    mutating func headArrived(_ head: borrowing HTTPResponseHead, asksProxy: @autoclosure () -> Bool) -> HeadVerdict {
        guard case .awaitingHead(let interim) = state else { Self.impossible("a head is read that nobody awaits") }
        switch head.status {
        case 101: return refuse(.protocolError)
        case ..<200:
            guard interim < Self.maximumInterim else { return refuse(.protocolError) }
            state = .awaitingHead(interim: interim + 1)
            return .interim
        // The proxy's word, to proxyd: no client has credentials for it.
        case 407 where asksProxy(): return refuse(.unreachable(.proxyCredentials))
        // RFC 9110 §15: no status is beyond 599.
        case 600...: return refuse(.protocolError)
        default: break
        }
        keepsAlive = head.keepsAlive
        switch head.framing {
        case .none: state = .length(0)
        case .length(let length): state = .length(length)
        case .chunked: state = .chunked
        case .untilClose: state = .untilClose
        }
        return .response(hasBody: state != .length(0))
    }

    /// What came is no HTTP/1.1.
    mutating func violated() -> UpstreamFailure {
        state = .closed
        return .protocolError
    }

    private mutating func refuse(_ failure: UpstreamFailure) -> HeadVerdict {
        state = .closed
        return .refused(failure)
    }

    /// The response is whole. True: the connection takes the next request; false: it has to be closed.
    /// - Parameter isClean: nothing came behind the response, all of the request is written, and proxyd goes on.
    mutating func responseEnded(isClean: Bool) -> Bool {
        switch state {
        case .length(0), .chunked: break
        case .opening, .idle, .awaitingHead, .length, .untilClose, .closed: Self.impossible("a response ends in the middle")
        }
        guard keepsAlive, isClean else { return false }
        state = .idle
        return true
    }

    // MARK: Ending

    /// What the end of the connection means, and to whom.
    enum Ending: Equatable {
        case nothing
        /// The pool has one connection fewer.
        case leavesPool
        /// Whoever waits for the connection is told.
        case neverOpened(UpstreamFailure)
        /// The body is whole by it.
        case completesBody
        case fails(UpstreamFailure)
    }

    /// The other side has closed, or the channel has.
    mutating func disconnected() -> Ending {
        defer { state = .closed }
        switch state {
        case .closed: return .nothing
        case .opening: return .neverOpened(.tls(.closed))
        case .idle: return .leavesPool
        case .untilClose: return .completesBody
        case .awaitingHead, .length, .chunked: return .fails(.disconnected)
        }
    }

    /// The channel has failed.
    /// - Parameter handshake: what the error means while TLS is being agreed on.
    mutating func broke(_ handshake: () -> UpstreamFailure) -> Ending {
        defer { state = .closed }
        switch state {
        case .closed: return .nothing
        case .opening:
            let failure = handshake()
            return .neverOpened(failure == .disconnected ? .tls(.closed) : failure)
        case .idle: return .leavesPool
        // A reset is no orderly end of a body that lasts until the end.
        case .untilClose: return .fails(.truncated)
        case .awaitingHead, .length, .chunked: return .fails(.disconnected)
        }
    }

    /// Nothing has happened for as long as a connection may do nothing. `.nothing`: it is at work, and goes on.
    mutating func idledTooLong() -> Ending {
        switch state {
        // A handshake that never ends: whoever waited for it has given up long ago.
        case .opening, .idle: disconnected()
        case .awaitingHead, .length, .chunked, .untilClose, .closed: .nothing
        }
    }

    /// Somebody here closes the connection. False: it is closed already.
    mutating func closed() -> Bool {
        if case .closed = state { return false }
        state = .closed
        return true
    }

    private static func impossible(_ what: StaticString) -> Never {
        preconditionFailure("\(what)")
    }
}
