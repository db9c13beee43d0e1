import NIOCore
import NIOSSL
import NIOTLS

/// Who receives an upstream's answer. Calls come on the connection's loop, in this order, and end with `ended` or `failed`.
protocol UpstreamReceiver: AnyObject {
    /// A head that is not 1xx. `bytes` is what its slices count from; both are gone when the call returns.
    func received(head: borrowing HTTPResponseHead, bytes: UnsafeRawBufferPointer)
    /// A piece of the body without its framing; gone when the call returns.
    func received(body: UnsafeRawBufferPointer)
    /// The body is whole.
    func ended()
    /// All that one read brought has been handed over.
    func readComplete()
    func failed(_ failure: UpstreamFailure)
}

/// A connection to an upstream: writes one request at a time, reads its answer.
final class UpstreamConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        /// TLS is being agreed on.
        case opening
        case idle
        /// A request was written; no head yet.
        case head
        case length(Int)
        case chunked
        case untilClose
        case closed
    }

    private let pool: ConnectionPool
    private let loop: LoopContext
    private var context: ChannelHandlerContext?
    private var outlet: ChannelOutlet?
    private let isTLS: Bool
    private var phase: Phase
    /// Strong while an answer is awaited; every way an answer can end lets go of it.
    private var receiver: (any UpstreamReceiver)?
    private var whenReadyCall: ((Result<UpstreamConnection, UpstreamFailure>) -> Void)?

    private var inbound = ByteBuffer()
    /// What the next write takes; kept between requests for its memory.
    private var outbound = ByteBuffer()
    private var parser = HTTPResponseParser(limits: HTTPLimits(headBytes: 64 << 10, fieldCount: 256))
    private var head = HTTPResponseHead()
    private var chunks = ChunkedDecoder()
    private var requestMethod = HTTPMethod.post
    private var isPaused = false
    private var readsSmall = false
    private var isWritable = true
    /// Heads of 1xx before the real one.
    private var interim = 0
    private static let maximumInterim = 32
    private var reads = false
    /// A byte of the answer at hand has come.
    private(set) var hasReceived = false
    /// Requests that were written here before the one at hand.
    private(set) var served = 0
    private var idleSince = NIODeadline.uptimeNanoseconds(0)
    var sweepIndex = -1

    init(pool: ConnectionPool, loop: LoopContext, isTLS: Bool) {
        self.pool = pool
        self.loop = loop
        self.isTLS = isTLS
        phase = isTLS ? .opening : .idle
    }

    var isOpen: Bool {
        if case .closed = phase { return false }
        return context != nil
    }

    /// Calls back as soon as requests can be written: at once, or when TLS stands.
    func whenReady(_ call: @escaping (Result<UpstreamConnection, UpstreamFailure>) -> Void) {
        switch phase {
        case .opening: whenReadyCall = call
        case .closed: call(.failure(.tls(.closed)))
        case .idle, .head, .length, .chunked, .untilClose: call(.success(self))
        }
    }

    // MARK: Writing

    /// Writes one request: `fill` appends head and small body to the buffer it is given; `body` follows by itself.
    func send(method: HTTPMethod, to receiver: any UpstreamReceiver, body: ByteBuffer?, fill: (inout ByteBuffer) -> Void) {
        guard let outlet, case .idle = phase else {
            receiver.failed(.cut)
            return
        }
        self.receiver = receiver
        requestMethod = method
        hasReceived = false
        interim = 0
        isPaused = false
        phase = .head
        if readsSmall {
            readsSmall = false
            try? context?.channel.syncOptions?.setOption(.recvAllocator, value: UpstreamBuffers.ofAnswers)
        }
        outbound.clear()
        fill(&outbound)
        if let body {
            outlet.write(outbound)
            outlet.writeAndFlush(body)
        } else {
            outlet.writeAndFlush(outbound)
        }
        if outbound.capacity > 64 << 10 { outbound = ByteBuffer() }
        readOn()
    }

    /// The request's memory is not kept for a next one while a long answer streams.
    func releaseWrittenRequest() {
        outbound = ByteBuffer()
    }

    /// From here on the answer goes to the client as it comes, and the client may be slow: what is read at once is what has to be
    /// kept for a client that does not read, and there may be thousands of those.
    func readInSmallPieces() {
        guard !readsSmall else { return }
        readsSmall = true
        try? context?.channel.syncOptions?.setOption(.recvAllocator, value: UpstreamBuffers.ofStreams)
    }

    /// The receiver has no room: nothing is read until `resume`.
    func pause() {
        isPaused = true
    }

    func resume() {
        guard isPaused else { return }
        isPaused = false
        readOn()
    }

    /// The receiver wants no more of this answer. A half-read connection is of no use to anybody.
    func cancel() {
        receiver = nil
        close()
    }

    func close() {
        if case .closed = phase { return }
        phase = .closed
        context?.close(promise: nil)
    }

    private func readOn() {
        if case .closed = phase { return }
        guard !isPaused, !reads, let outlet else { return }
        reads = true
        outlet.read()
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        outlet = ChannelOutlet(context, isAlone: !isTLS)
        // Also while it is being opened: a connection that seems to have been idle forever would be swept at once.
        idleSince = loop.sweeper.now
        loop.sweeper.add(self)
        if context.channel.isActive { readOn() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        outlet = nil
        loop.sweeper.remove(self)
    }

    func channelActive(context: ChannelHandlerContext) {
        idleSince = loop.sweeper.now
        readOn()
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .opening = phase, let event = event as? TLSUserEvent, case .handshakeCompleted = event {
            phase = .idle
            let call = whenReadyCall
            whenReadyCall = nil
            call?(.success(self))
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .closed = phase { return }
        var incoming = unwrapInboundIn(data)
        if inbound.readableBytes == 0 {
            inbound = incoming
        } else {
            inbound.writeBuffer(&incoming)
        }
        process()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        reads = false
        receiver?.readComplete()
        // A buffer that is used up goes back to the channel, which then fills the same memory again.
        if inbound.readableBytes == 0 { inbound = ByteBuffer() }
        readOn()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended(by: .cut)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let failure: UpstreamFailure
        switch phase {
        case .opening:
            let handler = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
            failure = UpstreamFailure(handshake: error, certificate: handler?.peerCertificate)
        // A reset is no orderly end of a body that lasts until the end.
        case .untilClose: failure = .truncated
        case .idle, .head, .length, .chunked, .closed: failure = .cut
        }
        ended(by: failure)
        context.close(promise: nil)
    }

    /// The connection is no more; whoever waits for it is told.
    private func ended(by failure: UpstreamFailure) {
        let before = phase
        phase = .closed
        switch before {
        case .closed: return
        case .idle: pool.forget(self)
        case .opening:
            let call = whenReadyCall
            whenReadyCall = nil
            call?(.failure(failure == .cut ? .tls(.closed) : failure))
        case .untilClose where failure == .cut:
            let receiver = self.receiver
            self.receiver = nil
            receiver?.ended()
            receiver?.readComplete()
        case .head, .length, .chunked, .untilClose: tell(failure)
        }
    }

    private func tell(_ failure: UpstreamFailure) {
        let receiver = self.receiver
        self.receiver = nil
        receiver?.failed(failure)
    }

    // MARK: Reading

    private func process() {
        while true {
            switch phase {
            case .opening, .idle:
                // Bytes nobody asked for: whatever they are, the next answer could not be told from them.
                if inbound.readableBytes > 0 {
                    pool.forget(self)
                    close()
                }
                return
            case .closed:
                return
            case .head:
                guard processHead() else { return }
            case .length(let left):
                let count = min(left, inbound.readableBytes)
                guard count > 0 else { return }
                phase = .length(left - count)
                inbound.withUnsafeReadableBytes { bytes in
                    receiver?.received(body: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
                }
                if case .closed = phase { return }
                inbound.moveReaderIndex(forwardBy: count)
                if left == count { finish(canBeReused: head.keepsAlive) }
            case .chunked:
                guard processChunks() else { return }
            case .untilClose:
                guard inbound.readableBytes > 0 else { return }
                inbound.withUnsafeReadableBytes { receiver?.received(body: $0) }
                if case .closed = phase { return }
                inbound.clear()
            }
        }
    }

    /// Whether there is more to do.
    private func processHead() -> Bool {
        guard inbound.readableBytes > 0 else { return false }
        hasReceived = true
        let result = inbound.withUnsafeReadableBytes { parser.parse($0, request: requestMethod, into: &head) }
        switch result {
        case .incomplete:
            return false
        case .invalid:
            phase = .closed
            tell(.nonsense)
            context?.close(promise: nil)
            return false
        case .complete:
            if head.status < 200 {
                interim += 1
                guard head.status != 101, interim <= Self.maximumInterim else {
                    phase = .closed
                    tell(.nonsense)
                    context?.close(promise: nil)
                    return false
                }
                inbound.moveReaderIndex(forwardBy: head.byteCount)
                return true
            }
            // RFC 9110 §15: no status is beyond 599.
            if head.status > 599 {
                phase = .closed
                tell(.nonsense)
                context?.close(promise: nil)
                return false
            }
            if head.status == 407, pool.key.proxy != nil {
                // The proxy's word, to proxyd: no client has credentials for it.
                phase = .closed
                tell(.unreachable(.proxyCredentials))
                context?.close(promise: nil)
                return false
            }
            switch head.framing {
            case .none: phase = .length(0)
            case .length(let length): phase = .length(length)
            case .chunked:
                chunks = ChunkedDecoder()
                phase = .chunked
            case .untilClose: phase = .untilClose
            }
            inbound.withUnsafeReadableBytes { receiver?.received(head: head, bytes: $0) }
            if case .closed = phase { return false }
            inbound.moveReaderIndex(forwardBy: head.byteCount)
            if case .length(0) = phase { finish(canBeReused: head.keepsAlive) }
            return true
        }
    }

    /// Whether there is more to do.
    private func processChunks() -> Bool {
        enum Pause { case needsMore, ended, invalid, gone }
        var used = 0
        let pause: Pause = inbound.withUnsafeReadableBytes { bytes in
            while true {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
                switch chunks.next(rest) {
                case .data(let range, let consumed):
                    receiver?.received(body: UnsafeRawBufferPointer(rebasing: rest[range]))
                    used += consumed
                    if case .closed = phase { return .gone }
                case .needMore(let consumed):
                    used += consumed
                    return .needsMore
                case .end(let consumed):
                    used += consumed
                    return .ended
                case .invalid:
                    return .invalid
                }
            }
        }
        switch pause {
        case .gone: return false
        case .needsMore:
            inbound.moveReaderIndex(forwardBy: used)
            return false
        case .ended:
            inbound.moveReaderIndex(forwardBy: used)
            finish(canBeReused: head.keepsAlive)
            return true
        case .invalid:
            phase = .closed
            tell(.nonsense)
            context?.close(promise: nil)
            return false
        }
    }

    /// The answer is whole.
    private func finish(canBeReused: Bool) {
        let receiver = self.receiver
        self.receiver = nil
        served += 1
        isPaused = false
        // An answer that came before the whole request was written, or with something behind it, leaves the connection in doubt.
        if canBeReused, inbound.readableBytes == 0, isWritable, !loop.isDraining {
            phase = .idle
            idleSince = loop.sweeper.now
            pool.putBack(self)
        } else {
            close()
        }
        receiver?.ended()
        receiver?.readComplete()
    }
}

extension UpstreamConnection: Sweepable {
    func sweep(now: NIODeadline) {
        if case .opening = phase, now - idleSince > ConnectionPool.idleTime {
            // A handshake that never ends: whoever waited for it has given up long ago.
            ended(by: .tls(.closed))
            context?.close(promise: nil)
            return
        }
        guard case .idle = phase, now - idleSince > ConnectionPool.idleTime else { return }
        pool.forget(self)
        close()
    }
}

@available(*, unavailable)
extension UpstreamConnection: Sendable {}
