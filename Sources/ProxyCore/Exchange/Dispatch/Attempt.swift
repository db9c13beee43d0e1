import Dialects
import NIOCore
import RuleEngine

/// One candidate that is asked: from its request to its response, or to the decision that somebody else is asked.
///
/// It lives and dies with the candidate, and is what the upstream's connection reports to. So a call that comes late, for an attempt
/// that was given up, reaches that attempt, which ignores it, and never the next one.
final class Attempt: UpstreamReceiver {
    /// The exchange lets go of its attempt when it is over; until then each keeps the other.
    let exchange: Exchange
    let candidate: Candidate
    /// What every response from there carries.
    let target: TargetRuntime
    let upstream: UpstreamRuntime

    var phase = AttemptStateMachine()
    var relay = RelayMachine()
    var connection: UpstreamConnection?
    /// What is waited for comes until then.
    var deadline = NIODeadline.distantFuture
    var changes = RequestChanges()
    var traits = ResponseTraits()
    var draft = ResponseDraft()
    var body = RelayedBody()
    var share = AccountShare()
    var clock = AttemptClock()

    /// When it was asked, and when its response's head came; microseconds from the request's head on, -1 for never.
    struct AttemptClock {
        var asked = -1
        var headCame = -1
    }

    /// What was done to the request, as far as the way back must know.
    struct RequestChanges {
        var conversion: ConversionContext? {
            didSet { isConverted = conversion != nil }
        }
        /// Asked at every turn; a context is large, and to look whether there is one would copy it.
        private(set) var isConverted = false
        var lossy: [LossyNote] = []
        /// Tokens that the answer may have, where that is more than the client asked for.
        var raisedOutput: Int?
        /// The usage was asked for by us: the client gets no chunk with it.
        var hidesUsageChunk = false
        /// Who owns the thoughts of its response; found while the request's body is here.
        var scopes: ThoughtScopes?
    }

    /// What has come of the response's body and has not gone out.
    struct RelayedBody {
        var held = ByteBuffer()
        /// Takes the coding off what is read whole.
        var inflater: Inflater?
        /// What an event stream goes through.
        var pipe: BodyPipe?
        /// What a whole response used.
        var usage: TokenUsage?
        var media = MediaUsage()
        var long = LongResponse()
        /// What it takes of the room for long responses.
        var place: ResponseRoom.Place?
        /// What an error that passes goes through.
        var maskedTail: MaskedTail?
        /// What a success goes through that passes unread because it is no model's response.
        var maskedEcho: MaskedEcho?
        /// Why what passed ended too early.
        var cutBy: UpstreamFailure?
        /// A stream that is peeked into is let through then.
        var peekedUntil = NIODeadline.distantFuture
        /// When a silent stream's client was last told that it lives.
        var saidAliveAt = NIODeadline.uptimeNanoseconds(0)
    }

    init(_ exchange: Exchange, _ candidate: Candidate) {
        self.exchange = exchange
        self.candidate = candidate
        let view = self.exchange.view
        if let renewed = self.exchange.renewed(self.candidate) {
            upstream = renewed
            target = view.makeTarget(route: self.exchange.rule, self.candidate, at: renewed)
        } else {
            target = view.target(route: self.exchange.rule, candidate: self.candidate)
            upstream = view.upstream(self.candidate.upstream)
        }
    }

    var request: ClientRequest {
        _read { yield exchange.request }
    }
    var loop: LoopContext { exchange.loop }
    /// Looked at in place: a route is a dozen references, and every request asks it for something.
    var route: Route {
        _read { yield exchange.view.snapshot.routes[exchange.rule] }
    }
    /// The dialect of a response that passes as it is.
    var dialect: ClientDialect { upstream.dialect(of: request.endpoint) }

    /// The times that the request's row tells; nil for an attempt that was not asked.
    var times: UsageRecord.Times? { times(exchange.figures.elapsedMicroseconds) }

    /// - Parameter elapsed: microseconds from the request's head until now.
    func times(_ elapsed: Int) -> UsageRecord.Times? {
        guard clock.asked >= 0 else { return nil }
        let firstByte = clock.headCame >= 0 ? (clock.headCame - clock.asked) / 1000 : nil
        let duration = max(0, elapsed - clock.asked) / 1000
        return UsageRecord.Times(start: clock.asked / 1000, firstByte: firstByte, duration: duration)
    }

    // MARK: Asking

    func begin(_ request: consuming UpstreamRequest) {
        phase.begin()
        if let connection = upstream.pool.takeIdle() {
            write(request, on: connection, isReused: true)
        } else {
            connect(request)
        }
    }

    private func connect(_ request: consuming UpstreamRequest) {
        // The channel knows its own limit for TCP; this one covers TLS as well.
        deadline = loop.sweeper.now + target.times.connect + DeadlineSweeper.period
        let pool = upstream.pool
        pool.connect(timeout: target.times.connect) { [self] result in
            guard phase.isConnecting else {
                // Given up meanwhile; the next request will be glad of the connection.
                if case .success(let connection) = result { pool.putBack(connection) }
                return
            }
            switch result {
            case .success(let connection): write(request, on: connection, isReused: false)
            case .failure(let failure): giveUp(failure, hasReceived: false)
            }
        }
    }

    private func write(_ request: borrowing UpstreamRequest, on connection: UpstreamConnection, isReused: Bool) {
        phase.requestWritten(isReused: isReused)
        self.connection = connection
        deadline = loop.sweeper.now + target.times.firstByte + DeadlineSweeper.period
        let isSmall = request.body.readableBytes <= Self.smallBody
        connection.send(method: self.request.method, to: self, body: isSmall ? nil : request.body) { out in
            writeHead(of: request, into: &out)
            if isSmall { out.writeImmutableBuffer(request.body) }
        }
    }

    /// Bodies up to this size travel in the same buffer as the head.
    private static let smallBody = 16 << 10

    /// Asks once more, on a connection of its own.
    private func tryFresh() {
        connection?.cancel()
        connection = nil
        guard let request = makeRequest() else {
            // What could be said once can be said again; where not, nobody waits for it.
            phase.end()
            exchange.dispatch()
            return
        }
        connect(request)
    }

    // MARK: Failing

    /// The upstream closed a connection that has waited for too long, and says so where a request had just been written.
    func metStaleConnection(_ status: Int) -> Bool {
        guard status == 408, phase.metStaleConnection() else { return false }
        tryFresh()
        return true
    }

    /// No response comes of this attempt; nothing has gone to the client.
    func giveUp(_ failure: UpstreamFailure, hasReceived: Bool) {
        switch phase.failed(hasReceived: hasReceived, isTimeout: failure.trigger == .timeout) {
        case .ignore: connection = nil
        case .tryFreshConnection: tryFresh()
        case .giveUp:
            // Who had the request and was silent, or had begun to answer, has worked on it.
            if relay.leavesUnrecorded || (relay.state == .awaitingHead && failure == .firstByteTimeout) { abandonUsage() }
            relay.fail()
            leave()
            exchange.attemptFailed(self, failure)
        }
    }

    /// The upstream is asked for nothing more.
    func leave() {
        connection?.cancel()
        connection = nil
    }

    /// Nothing is waited for any more: the exchange goes on, or is over.
    func end() {
        phase.end()
        relay.end()
        leave()
    }

    /// The last sign of life of the upstream. An error's body is not waited for as an answer is: its status says the most of it.
    func resetIdleTimer() {
        deadline = loop.sweeper.now + (relay.isJudging ? min(target.times.idle, RelayLimits.errorSilence) : target.times.idle)
    }
}

@available(*, unavailable)
extension Attempt: Sendable {}
