import Dialects
import NIOCore

/// A client's connection: takes requests off the wire, one at a time, and puts their answers on it.
///
/// Requests that come early (pipelined) wait in `inbound`, so answers go out in order.
final class ClientConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        /// Between requests, or in the middle of a head.
        case head
        /// The whole head is here, the body not yet.
        case length(Int)
        case chunked
        /// An exchange is at work; what comes in meanwhile waits.
        case answering
        /// The last answer is out; what still comes in is thrown away until the client has closed.
        case lingering(until: NIODeadline)
        case closed
    }

    let loop: LoopContext
    /// What the listener says, as of the exchange at hand.
    private(set) var settings: ListenerSettings
    /// What it said when the connection was accepted.
    private let acceptedUnder: ListenerSettings
    private var publishedSettings: Published<ListenerSettings>.Reader
    private(set) var context: ChannelHandlerContext?
    private var outlet: ChannelOutlet?
    private var phase = Phase.head
    private var parser: HTTPRequestParser
    private var inbound = ByteBuffer()
    private var chunks = ChunkedDecoder()
    private var reads = false
    private var inputClosedAt: NIODeadline?
    private var phaseBegan = NIODeadline.uptimeNanoseconds(0)
    private var isFirstRequest = true
    var sweepIndex = -1
    private var seat: ClientSeat

    /// The request at hand. Its slices count from the first byte of `headBytes`.
    private(set) var head = HTTPRequestHead()
    private(set) var headBytes = ByteBuffer()
    private(set) var body = ByteBuffer()
    /// The top-level members of `body`, when it is a JSON object; kept for its memory.
    var members: [JSONMember] = []
    private var exchange: Exchange?
    /// One connection shows the same key again and again.
    var credentials = CredentialCache()

    /// Of the last answer, when the connection seemed idle.
    private var leftAtLastLook = 0

    /// What goes out with the next flush.
    var outbound = ByteBuffer()
    /// Bytes of answers given to the channel; grows only.
    private(set) var bytesFlushed = 0

    init(loop: LoopContext, listener: BoundListener) {
        self.loop = loop
        publishedSettings = Published.Reader(listener.settings)
        settings = publishedSettings.read()
        acceptedUnder = settings
        seat = ClientSeat(listener.slots)
        parser = HTTPRequestParser(limits: HTTPLimits(headBytes: loop.view.snapshot.configuration.limits.headers))
    }

    private lazy var origin = ClientOrigin(context?.channel)
    /// The client's address, textual.
    var clientAddress: String { origin.client.text }
    var clientRange: AddressRange.Address? { origin.client.address }
    var speaksForOthers: Bool { origin.speaksForOthers }

    /// Reads whom a trusted proxy asks for.
    func findClient(_ head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer, _ trusted: TrustedProxies) {
        // What is kept for a next request holds the address.
        if origin.read(head, bytes: bytes, trusted: trusted) { lastCall = nil }
    }

    /// The call that a head makes; mostly that of the request before.
    func call(_ head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer) -> ClientCall {
        if let lastCall, lastCall.matches(head, bytes: bytes) { return lastCall }
        let call = ClientCall(head, bytes: bytes, clientAddress: clientAddress)
        lastCall = head.target.count <= ClientCall.keptBytes ? call : nil
        return call
    }

    private var lastCall: ClientCall?

    /// A model's name as text, or why it is none; mostly that of the request before.
    func modelName(_ bytes: UnsafeRawBufferPointer) -> ModelReading {
        if bytes.hasSameBytes(as: lastModel.bytes), !lastModel.bytes.isEmpty { return .name(lastModel.text) }
        // An escape takes six bytes at most for each of a name's: what is longer need not be undone to be too long.
        guard bytes.count <= 6 * ModelName.maximumBytes + 2 else { return .problem(ModelName.tooLong) }
        guard let text = JSONScan.string(of: bytes, in: 0..<bytes.count), !text.isEmpty else {
            return .problem("the request names no model: 'model' must be a string that is not empty")
        }
        if let problem = ModelName.problem(text) { return .problem(problem) }
        lastModel = (Array(bytes), text)
        return .name(text)
    }

    enum ModelReading {
        case name(String)
        case problem(String)
    }

    private var lastModel: (bytes: [UInt8], text: String) = ([], "")

    /// Whether the channel takes more without piling it up.
    private(set) var isWritable = true
    var isClosed: Bool { if case .closed = phase { true } else { false } }

    // MARK: Answering

    /// Adds a buffer to what goes out next, by taking its place where nothing waits.
    func append(_ bytes: inout ByteBuffer) {
        if outbound.readableBytes == 0 {
            outbound = ByteBuffer()
            swap(&outbound, &bytes)
        } else {
            outbound.writeBuffer(&bytes)
            bytes = ByteBuffer()
        }
    }

    /// Sends what is in `outbound`.
    func flush() {
        guard outbound.readableBytes > 0, let outlet else { return }
        bytesFlushed &+= outbound.readableBytes
        outlet.writeAndFlush(outbound)
        outbound.clear()
        if outbound.capacity > 64 << 10 { outbound = ByteBuffer() }
    }

    /// The exchange is over and all of its answer is in `outbound` or sent.
    func finishAnswer(keepAlive: Bool) {
        guard case .answering = phase else { return }
        exchange = nil
        releaseRequest()
        flush()
        // A write that fails closes the channel within `flush`: nothing may begin again on it.
        guard case .answering = phase else { return }
        guard keepAlive, inputClosedAt == nil, !loop.isDraining else {
            closeInPeace()
            return
        }
        begin(.head)
        // Not from within the call that ended the last answer: its caller still looks at its own state.
        if inbound.readableBytes > 0 {
            loop.eventLoop.assumeIsolated().execute { [self] in
                process()
                readOn()
            }
        } else {
            readOn()
        }
    }

    /// The answer cannot be completed: the client gets what there is of it, and must see that it is not all.
    func abort() {
        exchange = nil
        flush()
        closeInPeace()
    }

    /// The client takes nothing any more.
    func giveUp() {
        exchange = nil
        close()
    }

    /// The process ends: an answer that is on its way is cut in the client's dialect.
    func end() {
        if let exchange { exchange.processEnds() } else { close() }
    }

    /// Bytes that the channel has taken and the kernel not yet.
    private var bytesOnTheWay: Int {
        (try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    /// Puts what a body stands for in its place.
    func replaceBody(_ decoded: ByteBuffer) { body = decoded }

    /// Frees the request's memory as soon as no further attempt can need it.
    func releaseRequest() {
        headBytes = ByteBuffer()
        body = ByteBuffer()
        head.reset()
    }

    /// Ends the connection so that the client gets to read the last answer: closing with unread bytes would reset it.
    private func closeInPeace() {
        guard let context else { return }
        switch phase {
        case .closed, .lingering: return
        case .head, .length, .chunked, .answering: break
        }
        // The time to read it begins when its last byte has left; until then `timeouts.idle` bounds it.
        begin(.lingering(until: .distantFuture))
        inbound = ByteBuffer()
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { [self] _ in
            guard case .lingering = phase else { return }
            guard inputClosedAt == nil else {
                close()
                return
            }
            begin(.lingering(until: loop.sweeper.now + ClientPatience.lingering))
            self.context?.close(mode: .output, promise: nil)
        }
        readOn()
    }

    func close() {
        if case .closed = phase { return }
        phase = .closed
        context?.close(promise: nil)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        outlet = ChannelOutlet(context, isAlone: acceptedUnder.tls == nil)
        outbound = context.channel.allocator.buffer(capacity: 0)
        loop.sweeper.add(self)
        phaseBegan = loop.sweeper.now
        loop.connectionOpened()
        if context.channel.isActive { readOn() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        seat.leave()
        loop.sweeper.remove(self)
        loop.connectionClosed()
        self.context = nil
        outlet = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        guard seat.take(for: context.channel, loop) else {
            refuseConnection()
            return
        }
        readOn()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var incoming = unwrapInboundIn(data)
        switch phase {
        case .lingering(let until):
            // A client that still sends has not read yet; one that never ends is not waited for.
            if until != .distantFuture {
                phase = .lingering(
                    until: min(loop.sweeper.now + ClientPatience.lingering, phaseBegan + ClientPatience.longestLingering))
            }
            return
        case .closed:
            return
        case .head, .length, .chunked, .answering:
            // A head's time runs from its first byte, a body's from its last.
            if case .answering = phase {
            } else if case .head = phase, inbound.readableBytes > 0 {
            } else {
                phaseBegan = loop.sweeper.now
            }
            if inbound.readableBytes == 0 { inbound = incoming } else { inbound.writeBuffer(&incoming) }
            process()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        reads = false
        if inbound.readableBytes == 0 { inbound = ByteBuffer() }
        readOn()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        guard isWritable else { return }
        exchange?.clientHasRoom()
        // Requests that came early waited for the answers before them to be read.
        guard case .head = phase else { return }
        loop.eventLoop.assumeIsolated().execute { [self] in
            guard case .head = phase else { return }
            process()
            readOn()
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let source = event as? ProxyHeader.Source {
            origin.name(by: source)
            return
        }
        if event is ConnectionEviction {
            giveWay()
            return
        }
        guard let event = event as? ChannelEvent, event == .inputClosed else { return }
        inputClosedAt = loop.sweeper.now
        switch phase {
        case .head, .length, .chunked: close()
        case .lingering(let until):
            if until != .distantFuture { close() }
        case .answering:
            // It may only have closed its side and still be listening; the first bytes it refuses, or silence, will tell.
            exchange?.clientInputClosed()
        case .closed: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        let exchange = self.exchange
        self.exchange = nil
        phase = .closed
        exchange?.clientGone()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close()
    }

    private func readOn() {
        guard !reads, let outlet, inputClosedAt == nil else { return }
        switch phase {
        case .closed: return
        case .answering where inbound.readableBytes >= ClientPatience.waitingBytes: return
        // Who does not read its answers asks for no more of them.
        case .head where !isWritable: return
        case .answering, .head, .length, .chunked, .lingering:
            reads = true
            outlet.read()
        }
    }

    // MARK: Reading

    private func begin(_ phase: Phase) {
        self.phase = phase
        phaseBegan = loop.sweeper.now
        leftAtLastLook = 0
        switch phase {
        case .head, .lingering: seat.becomeIdle(loop)
        case .length, .chunked, .answering, .closed: break
        }
    }

    /// Another connection has the slot now.
    private func giveWay() {
        if case .closed = phase { return }
        // The end of its last answer may still be on its way to a slow reader.
        if seat.isAcquainted, bytesOnTheWay > 0 {
            closeInPeace()
            return
        }
        phase = .closed
        // Past TLS, which would wait for the other side to say goodbye.
        context?.channel._channelCore.close0(error: ChannelError.eof, mode: .all, promise: nil)
    }

    private func process() {
        while true {
            switch phase {
            case .head:
                guard isWritable, processHead() else { return }
            case .length(let length):
                guard inbound.readableBytes >= head.byteCount + length else { return }
                headBytes = inbound.readSlice(length: head.byteCount) ?? ByteBuffer()
                body = inbound.readSlice(length: length) ?? ByteBuffer()
                bodyIsHere()
            case .chunked:
                guard processChunks() else { return }
            case .answering, .lingering, .closed:
                return
            }
        }
    }

    /// Whether there is more to do.
    private func processHead() -> Bool {
        guard inbound.readableBytes > 0 else { return false }
        switch inbound.withUnsafeReadableBytes({ parser.parse($0, into: &head) }) {
        case .incomplete:
            return false
        case .invalid(let violation):
            begin(.answering)
            refuseMessage(violation)
            return false
        case .complete:
            break
        }
        // Its slot may have been given away in this very moment.
        guard seat.beginWork() else {
            giveWay()
            return false
        }
        if seat.isGuest { seat.promote(loop) }
        isFirstRequest = false
        // Its answer says that there will be no further one.
        if loop.isDraining { head.keepsAlive = false }
        settings = publishedSettings.read()
        // What is asked of connections has changed: this request is answered, the next one comes on another.
        if settings !== acceptedUnder, !settings.goesOnServing(acceptedUnder) { head.keepsAlive = false }
        let exchange = Exchange(connection: self, loop: loop)
        self.exchange = exchange
        let length: Int
        switch head.framing {
        case .none: length = 0
        case .length(let count): length = count
        case .chunked, .untilClose: length = -1
        }
        let isWhole = length >= 0 && inbound.readableBytes - head.byteCount >= length
        // The stage Authenticate sees the head where it lies.
        var admitted = inbound.withUnsafeReadableBytes { exchange.headArrived(head, bytes: $0, bodyLength: max(length, 0)) }
        if seat.isGuest, !exchange.admitGuest() { admitted = false }
        if admitted, exchange.policy != nil { seat.showedKey() }
        if case .closed = phase { return false }
        guard admitted else {
            // Its answer goes out before the body was read, if there is one: after it nothing can be trusted to be a request.
            begin(.answering)
            let canGoOn = isWhole && head.keepsAlive && !seat.isGuest
            if exchange.servesWithoutBody { headBytes = ByteBuffer(bytes: inbound.readableBytesView.prefix(head.byteCount)) }
            if canGoOn { inbound.moveReaderIndex(forwardBy: head.byteCount + length) } else { inbound = ByteBuffer() }
            exchange.answerRefusal(keepAlive: canGoOn)
            return false
        }
        if head.expectsContinue, !isWhole {
            outbound.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
            flush()
            if case .closed = phase { return false }
        }
        if !isWhole {
            if exchange.key == nil {
                // A stranger's body is nothing that another one should wait for.
                seat.becomeIdle(loop)
            } else if length < 0 || length > ClientPatience.longBody {
                try? context?.channel.syncOptions?.setOption(.recvAllocator, value: ClientBuffers.forBodies)
            }
        }
        if length >= 0 {
            if !isWhole { inbound.reserveCapacity(min(head.byteCount + length, 1 << 20)) }
            begin(.length(length))
        } else {
            // A copy: `inbound` is written to while the body arrives.
            headBytes = ByteBuffer(bytes: inbound.readableBytesView.prefix(head.byteCount))
            inbound.moveReaderIndex(forwardBy: head.byteCount)
            chunks = ChunkedDecoder()
            body = ByteBuffer()
            begin(.chunked)
        }
        return true
    }

    /// Whether there is more to do.
    private func processChunks() -> Bool {
        enum Pause { case needsMore, ended, invalid(HTTPViolation), tooLarge }
        let limit = exchange?.bodyLimit ?? 0
        var used = 0
        let pause: Pause = inbound.withUnsafeReadableBytes { bytes in
            while true {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
                switch chunks.next(rest) {
                case .data(let range, let consumed):
                    guard body.readableBytes + range.count <= limit else { return .tooLarge }
                    body.writeBytes(UnsafeRawBufferPointer(rebasing: rest[range]))
                    used += consumed
                case .needMore(let consumed):
                    used += consumed
                    return .needsMore
                case .end(let consumed):
                    used += consumed
                    return .ended
                case .invalid(let violation):
                    return .invalid(violation)
                }
            }
        }
        inbound.moveReaderIndex(forwardBy: used)
        switch pause {
        case .needsMore:
            return false
        case .ended:
            bodyIsHere()
            return true
        case .invalid(let violation):
            begin(.answering)
            exchange?.refuse(violation)
            exchange?.answerRefusal(keepAlive: false)
            return false
        case .tooLarge:
            begin(.answering)
            exchange?.refuseTooLarge()
            exchange?.answerRefusal(keepAlive: false)
            return false
        }
    }

    private func bodyIsHere() {
        guard seat.beginWork() else {
            giveWay()
            return
        }
        begin(.answering)
        exchange?.bodyArrived()
    }

    // MARK: Refusing what is no request

    private func refuseMessage(_ violation: HTTPViolation) {
        refuse(violation.status, "invalid_request_error", violation.message)
        finishAnswer(keepAlive: false)
    }

    private func refuseConnection() {
        refuse(503, "service_unavailable_error", "too many connections", headers: [("retry-after", "1")])
        // No lingering: those are too many already.
        flush()
        close()
    }

    /// An error to somebody of whom no request is known; `message` is ours and needs no escaping.
    private func refuse(_ status: Int, _ type: String, _ message: String, headers: [(name: String, value: String)] = []) {
        let body = "{\"error\":{\"message\":\"\(message)\",\"type\":\"\(type)\",\"param\":null,\"code\":null}}"
        LocalAnswer.write(
            status: status, contentType: "application/json", body: Array(body.utf8), keepAlive: false, headers: headers,
            to: &outbound)
    }
}

extension ClientConnection: Sweepable {
    /// Whether a client that seems idle has taken more of its last answer since it seemed so before.
    private func stillReads(_ now: NIODeadline) -> Bool {
        let left = bytesOnTheWay
        guard left > 0, left != leftAtLastLook else { return false }
        leftAtLastLook = left
        phaseBegan = now
        return true
    }

    /// For the first byte of a request.
    private func patience(_ timeouts: Timeouts) -> TimeAmount {
        let time = TimeAmount(isFirstRequest ? timeouts.head : timeouts.idle)
        return seat.isGuest ? min(time, ClientPatience.guestPatience) : time
    }

    func sweep(now: NIODeadline) {
        let timeouts = loop.view.snapshot.configuration.timeouts
        switch phase {
        case .head:
            if loop.isDraining {
                // It was accepted, so its request may be on its way.
                if isFirstRequest, now - phaseBegan < ClientPatience.drainGrace { return }
                // A slow reader may still have to get the end of its last answer.
                if bytesOnTheWay > 0 { closeInPeace() } else { close() }
            } else if inbound.readableBytes > 0, isWritable {
                guard now - phaseBegan > TimeAmount(timeouts.head) else { return }
                begin(.answering)
                refuse(408, "timeout_error", "the request head did not arrive in time")
                finishAnswer(keepAlive: false)
            } else if now - phaseBegan > patience(timeouts) {
                if !stillReads(now) { close() }
            }
        case .length, .chunked:
            guard now - phaseBegan > TimeAmount(timeouts.idle) else { return }
            begin(.answering)
            exchange?.refuseSlowBody()
            exchange?.answerRefusal(keepAlive: false)
        case .answering:
            if let inputClosedAt, now - inputClosedAt > ClientPatience.graceAfterInputClosed,
                exchange?.hasWrittenSinceInputClosed == false
            {
                close()
                return
            }
            exchange?.sweep(now: now)
        case .lingering(let until):
            if now > until || (now - phaseBegan > TimeAmount(timeouts.idle) && !stillReads(now)) { close() }
        case .closed:
            break
        }
    }
}

@available(*, unavailable)
extension ClientConnection: Sendable {}
