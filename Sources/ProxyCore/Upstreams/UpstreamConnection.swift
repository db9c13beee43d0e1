import HTTP1
import NIOCore
import NIOSSL
import NIOTLS

/// Who receives an upstream's response. Calls come on the connection's loop, in this order, and end with `ended` or `failed`.
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

/// A connection to an upstream: writes one request at a time, reads its response. How far it has come is the machine's matter.
final class UpstreamConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let pool: ConnectionPool
    private let loop: LoopContext
    private let isDirect: Bool
    private var outlet: DirectChannel?
    private var machine: HTTP1ClientMachine
    /// Strong while a response is awaited; every way a response can end lets go of it.
    private var receiver: (any UpstreamReceiver)?
    private var whenReadyCall: ((Result<UpstreamConnection, UpstreamFailure>) -> Void)?

    private var inbound = ByteBuffer()
    private var reader = UpstreamReader()
    /// What the next write takes; kept between requests for its memory.
    private var outbound = ByteBuffer()
    private var isPaused = false
    private var isWritable = true
    private var reads = Reads()
    /// Requests that were written here before the one at hand.
    private(set) var served = 0
    private var idleSince = NIODeadline.uptimeNanoseconds(0)
    var sweepIndex = -1

    /// What was asked of the channel.
    private struct Reads {
        /// A read that has not brought anything yet.
        var isAsked = false
        var inSmallPieces = false
        /// The upstream has closed; what is left of it is read as it is asked for.
        var isEnding = false
    }

    /// - Parameters:
    ///   - isTLS: TLS has to be agreed on before anything is written.
    ///   - isDirect: no other handler of the pipeline looks at what is written.
    init(pool: ConnectionPool, loop: LoopContext, isTLS: Bool, isDirect: Bool) {
        self.pool = pool
        self.loop = loop
        self.isDirect = isDirect
        machine = HTTP1ClientMachine(isTLS: isTLS)
    }

    var isOpen: Bool { !machine.isClosed && outlet != nil }

    /// Whether a byte of the response at hand has come.
    var hasReceived: Bool { machine.hasReceived }

    /// Calls back as soon as requests can be written: at once, or when TLS is set up.
    func whenReady(_ call: @escaping (Result<UpstreamConnection, UpstreamFailure>) -> Void) {
        if machine.isOpening {
            whenReadyCall = call
        } else {
            call(machine.isClosed ? .failure(.tls(.closed)) : .success(self))
        }
    }

    // MARK: Writing

    /// Writes one request: `fill` appends head and small body to the buffer it is given; `body` follows by itself.
    func send(method: HTTPMethod, to receiver: any UpstreamReceiver, body: ByteBuffer?, fill: (inout ByteBuffer) -> Void) {
        guard let outlet, machine.requestBegan() else {
            receiver.failed(.disconnected)
            return
        }
        self.receiver = receiver
        reader.method = method
        isPaused = false
        if reads.inSmallPieces {
            reads.inSmallPieces = false
            outlet.readPieces(UpstreamBuffers.ofResponses)
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

    /// The request's memory is not kept for a next one while a long response streams.
    func releaseWrittenRequest() {
        outbound = ByteBuffer()
    }

    /// The response goes to the client as it comes, and the client may be slow: what is read at once is what has to be kept for a
    /// client that does not read, and there may be thousands of those. With TLS it always is.
    func readInSmallPieces() {
        guard isDirect, !reads.inSmallPieces else { return }
        reads.inSmallPieces = true
        outlet?.readPieces(UpstreamBuffers.ofStreams)
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

    /// The receiver wants no more of this response. A half-read connection is of no use to anybody.
    func cancel() {
        receiver = nil
        close()
    }

    func close() {
        if machine.closed() { outlet?.closeUnread() }
    }

    private func readOn() {
        guard !machine.isClosed, !isPaused, !reads.isAsked, let outlet else { return }
        reads.isAsked = true
        outlet.read()
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        outlet = DirectChannel(context, isDirect: isDirect)
        // Also while it is being opened: a connection that seems to have been idle forever would be swept at once.
        idleSince = loop.sweeper.now
        loop.sweeper.add(self)
        if context.channel.isActive { readOn() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        outlet = nil
        loop.sweeper.remove(self)
    }

    func channelActive(context: ChannelHandlerContext) {
        idleSince = loop.sweeper.now
        readOn()
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSUserEvent, case .handshakeCompleted = event, machine.handshakeCompleted() {
            ready(.success(self))
        }
        if event is UnreadEnd.Ending { reads.isEnding = true }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if machine.isClosed { return }
        var incoming = unwrapInboundIn(data)
        if isDirect, !reads.isAsked, !reads.isEnding, pool.key.socketPath == nil, UnreadEnd.hasEnded(context) {
            return keepEnd(incoming, context)
        }
        if inbound.readableBytes == 0 {
            inbound = incoming
        } else {
            inbound.writeBuffer(&incoming)
        }
        while process() {}
    }

    /// What comes unasked is read on to the end, for the upstream has closed.
    private func keepEnd(_ unasked: ByteBuffer, _ context: ChannelHandlerContext) {
        reads.isEnding = true
        outlet = DirectChannel(context, isDirect: false)
        try? context.pipeline.syncOperations.addHandler(UnreadEnd(unasked: unasked), position: .first)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        reads.isAsked = false
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
        tell(machine.disconnected())
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        tell(
            machine.broke {
                let handler = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
                return UpstreamFailure(handshake: error, certificate: handler?.peerCertificate)
            })
        DirectChannel(context, isDirect: isDirect && !reads.isEnding).closeUnread()
    }

    // MARK: Ending

    /// The connection is no more; whoever waits for it is told. They may ask for another at once, so all is in order by then.
    private func tell(_ ending: HTTP1ClientMachine.Ending) {
        switch ending {
        case .nothing: break
        case .leavesPool: pool.forget(self)
        case .neverOpened(let failure): ready(.failure(failure))
        case .completesBody:
            let receiver = takeReceiver()
            receiver?.ended()
            receiver?.readComplete()
        case .fails(let failure): takeReceiver()?.failed(failure)
        }
    }

    private func ready(_ result: Result<UpstreamConnection, UpstreamFailure>) {
        let call = whenReadyCall
        whenReadyCall = nil
        call?(result)
    }

    private func takeReceiver() -> (any UpstreamReceiver)? {
        defer { receiver = nil }
        return receiver
    }

    /// What the upstream sent cannot be gone on from.
    private func giveUp(_ failure: UpstreamFailure) -> Bool {
        takeReceiver()?.failed(failure)
        outlet?.closeUnread()
        return false
    }

    // MARK: Reading

    // Each of these may hand something to the receiver, which may cancel: only the machine's state after that counts.

    /// Does the next thing that can be done with what is there. Whether there may be more to do.
    private func process() -> Bool {
        switch machine.read(available: inbound.readableBytes) {
        case .nothing: return false
        case .unasked:
            pool.forget(self)
            close()
            return false
        case .parseHead: return processHead()
        case .body(let count, let isLast):
            inbound.withUnsafeReadableBytes { bytes in
                receiver?.received(body: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            }
            if machine.isClosed { return false }
            inbound.moveReaderIndex(forwardBy: count)
            if isLast { finish() }
            return true
        case .parseChunks: return processChunks()
        case .bodyUntilClose:
            inbound.withUnsafeReadableBytes { receiver?.received(body: $0) }
            if !machine.isClosed { inbound = ByteBuffer() }
            return false
        }
    }

    private func processHead() -> Bool {
        switch inbound.withUnsafeReadableBytes({ reader.readHead($0) }) {
        case .incomplete: return false
        case .invalid: return giveUp(machine.violated())
        case .complete: break
        }
        switch machine.headArrived(reader.head, asksProxy: pool.key.proxy != nil) {
        case .interim:
            inbound.moveReaderIndex(forwardBy: reader.head.byteCount)
        case .refused(let failure): return giveUp(failure)
        case .response(let hasBody):
            inbound.withUnsafeReadableBytes { receiver?.received(head: reader.head, bytes: $0) }
            if machine.isClosed { return false }
            inbound.moveReaderIndex(forwardBy: reader.head.byteCount)
            if !hasBody { finish() }
        }
        return true
    }

    private func processChunks() -> Bool {
        // A copy, since the receiver is called while it is at work.
        var chunks = reader.chunks
        let (pass, consumed) = inbound.withUnsafeReadableBytes { bytes in
            chunks.forEach(in: bytes) { piece in
                receiver?.received(body: piece)
                return !machine.isClosed
            }
        }
        reader.chunks = chunks
        switch pass {
        case .stopped: return false
        case .needsMore:
            inbound.moveReaderIndex(forwardBy: consumed)
            return false
        case .ended:
            inbound.moveReaderIndex(forwardBy: consumed)
            finish()
            return true
        case .invalid: return giveUp(machine.violated())
        }
    }

    /// The response is whole. The connection is back in its pool, or closed, before the receiver hears of it: the receiver may
    /// send the next request at once.
    private func finish() {
        let receiver = takeReceiver()
        served += 1
        isPaused = false
        // A response that came before the whole request was written, or with something behind it, leaves the connection in doubt.
        if machine.responseEnded(isClean: inbound.readableBytes == 0 && isWritable && !reads.isEnding && !loop.isDraining) {
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
        guard now - idleSince > ConnectionPool.idleTime else { return }
        let ending = machine.idledTooLong()
        guard ending != .nothing else { return }
        tell(ending)
        outlet?.closeUnread()
    }
}

@available(*, unavailable)
extension UpstreamConnection: Sendable {}

/// What reads the responses of one connection.
private struct UpstreamReader {
    var parser = HTTPResponseParser(limits: HTTPLimits(headBytes: 64 << 10, fieldCount: 256))
    var head = HTTPResponseHead()
    var chunks = ChunkedDecoder()
    /// The method of the request at hand.
    var method = HTTPMethod.post

    mutating func readHead(_ bytes: UnsafeRawBufferPointer) -> HTTPParseResult {
        let result = parser.parse(bytes, request: method, into: &head)
        if case .complete = result, head.framing == .chunked { chunks = ChunkedDecoder() }
        return result
    }
}
