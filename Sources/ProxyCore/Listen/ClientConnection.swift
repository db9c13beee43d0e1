import Dialects
import Glibc
import HTTP1
import NIOCore

/// A client's connection: takes requests off the wire, one at a time, and puts their responses on it.
///
/// Requests that come early (pipelined) wait in the reader, so responses go out in order.
final class ClientConnection: ChannelInboundHandler, ResponseWriter {
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
        /// The last response is out; what still comes in is thrown away until the client has closed.
        case lingering(until: NIODeadline)
        case closed
    }

    let loop: LoopContext
    private let isDirect: Bool
    private var listener: ListenerState
    private(set) var context: ChannelHandlerContext?
    private var outlet: DirectChannel?
    private var phase = Phase.head
    private var reader: HTTP1RequestReader
    private var response = HTTP1ResponseWriter()
    private var exchange: Exchange?
    private let memory: ClientMemory
    private var seat: ClientSeat
    private lazy var peer = ClientPeer(context?.channel)
    private var clock = Clock()
    /// A read has been asked for and has not brought anything.
    private var reads = false
    var sweepIndex = -1

    /// What the client's deadlines, and ours, are measured by.
    private struct Clock {
        var phaseBegan = NIODeadline.uptimeNanoseconds(0)
        var isFirstRequest = true
        var inputClosedAt: NIODeadline?
        /// What had been flushed by then.
        var bytesAtInputClosed = 0
        /// What was left to write of the last response, when the connection last seemed idle.
        var leftAtLastLook = 0
    }

    /// - Parameters:
    ///   - acceptedUnder: what the listener said when the connection was accepted; its pipeline is made by that.
    ///   - isDirect: no other handler of the pipeline looks at what is written.
    init(loop: LoopContext, listener: BoundListener, acceptedUnder: ListenerSettings, isDirect: Bool) {
        self.loop = loop
        self.isDirect = isDirect
        self.listener = ListenerState(listener, acceptedUnder: acceptedUnder)
        memory = ClientMemory(loop.modelTexts)
        seat = ClientSeat(listener.slots)
        reader = HTTP1RequestReader()
    }

    /// What the head of a request may have, by what is in force now.
    private var headLimit: Int { loop.view.snapshot.configuration.limits.headers }

    /// Whether the channel takes more without piling it up.
    private(set) var isWritable = true

    // MARK: Answering

    func draft(status: Int, room: Int, _ fields: (inout HeadCursor) -> Void) -> ResponseDraft {
        response.draft(status: status, room: room, fields)
    }

    func frame(_ draft: inout ResponseDraft, length: Int?) { response.frame(&draft, length: length) }
    func send(_ draft: inout ResponseDraft) { response.send(&draft) }
    func write(_ bytes: UnsafeRawBufferPointer) { response.write(bytes) }
    func end() { response.end() }
    func withdraw() -> Bool { response.withdraw() }

    func flush() {
        if let outlet { response.flush(to: outlet) }
        guard !isWritable else { return }
        seat.unread(bytesOnTheWay, loop)
        response.releaseMemory()
    }

    func finish(keepAlive: Bool) {
        guard case .answering = phase else { return }
        takeBackRequest()
        flush()
        // A write that fails closes the channel within `flush`: nothing may begin again on it.
        guard case .answering = phase else { return }
        guard keepAlive, response.canGoOn, clock.inputClosedAt == nil, !loop.isDraining else {
            closeInPeace()
            return
        }
        begin(.head)
        // Not from within the call that ended the last response: its caller still looks at its own state.
        if !reader.isEmpty {
            loop.eventLoop.assumeIsolated().execute { [self] in
                process()
                readOn()
            }
        } else {
            readOn()
        }
    }

    func abort() {
        takeBackRequest()
        flush()
        if response.endsByClose { reset() } else { closeInPeace() }
    }

    func giveUp() {
        takeBackRequest()
        close()
    }

    /// The exchange is over: its memory serves the next one.
    private func takeBackRequest() {
        guard let exchange else { return }
        self.exchange = nil
        reader.takeBack(&exchange.request)
    }

    /// The process ends: a response that is on its way is cut in the client's dialect.
    func processEnds() {
        if let exchange { exchange.processEnds() } else { close() }
    }

    var bytesOnTheWay: Int {
        (try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    /// Ends the connection so that the client gets to read the last response: closing with unread bytes would reset it.
    private func closeInPeace() {
        guard let context else { return }
        switch phase {
        case .closed, .lingering: return
        case .head, .length, .chunked, .answering: break
        }
        // The time to read it begins when its last byte has left; until then `timeouts.idle` bounds it.
        begin(.lingering(until: .distantFuture))
        reader.discard()
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { [self] _ in
            guard case .lingering = phase else { return }
            guard clock.inputClosedAt == nil else {
                close()
                return
            }
            begin(.lingering(until: loop.sweeper.now + ClientLimits.lingering))
            self.context?.close(mode: .output, promise: nil)
        }
        readOn()
    }

    func close() {
        if case .closed = phase { return }
        phase = .closed
        context?.close(promise: nil)
    }

    /// A body that ends where the connection ends is cut: an end in order would make it whole.
    private func reset() {
        guard let context else { return }
        begin(.lingering(until: .distantFuture))
        reader.discard()
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { [self] _ in
            guard let channel = self.context?.channel as? any SocketOptionProvider else { return close() }
            channel.setSoLinger(linger(l_onoff: 1, l_linger: 0)).assumeIsolated().whenComplete { [self] _ in close() }
        }
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        outlet = DirectChannel(context, isDirect: isDirect)
        loop.sweeper.add(self)
        clock.phaseBegan = loop.sweeper.now
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
                    until: min(loop.sweeper.now + ClientLimits.lingering, clock.phaseBegan + ClientLimits.longestLingering))
            }
            return
        case .closed:
            return
        case .head, .length, .chunked, .answering:
            // A head's time runs from its first byte, a body's from its last.
            if case .answering = phase {
            } else if case .head = phase, !reader.isEmpty {
            } else {
                clock.phaseBegan = loop.sweeper.now
            }
            if case .head = phase, reader.isEmpty { reader.expectHead(limit: headLimit) }
            reader.take(&incoming)
            process()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        reads = false
        reader.release()
        readOn()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        guard isWritable else { return }
        seat.unread(0, loop)
        exchange?.clientHasRoom()
        // Requests that came early waited for the responses before them to be read.
        guard case .head = phase else { return }
        loop.eventLoop.assumeIsolated().execute { [self] in
            guard case .head = phase else { return }
            process()
            readOn()
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let source = event as? ProxyHeader.Source {
            peer.name(by: source)
            memory.clientChanged()
            return
        }
        if event is ConnectionEviction {
            giveWay()
            return
        }
        guard let event = event as? ChannelEvent, event == .inputClosed else { return }
        clock.inputClosedAt = loop.sweeper.now
        switch phase {
        case .head, .length, .chunked: close()
        case .lingering(let until):
            if until != .distantFuture { close() }
        case .answering:
            // It may only have closed its side and still be listening; the first bytes it refuses, or silence, will tell.
            clock.bytesAtInputClosed = response.bytesFlushed
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
        guard !reads, let outlet, clock.inputClosedAt == nil else { return }
        switch phase {
        case .closed: return
        case .answering where reader.count >= seat.waitingBytes: return
        // Who does not read its responses asks for no more of them.
        case .head where !isWritable: return
        case .answering, .head, .length, .chunked, .lingering:
            reads = true
            outlet.read()
        }
    }

    // MARK: Reading

    private func begin(_ phase: Phase) {
        self.phase = phase
        clock.phaseBegan = loop.sweeper.now
        clock.leftAtLastLook = 0
        switch phase {
        case .head:
            // What has not begun is expected with its first byte.
            if !reader.isEmpty { reader.expectHead(limit: headLimit) }
            seat.becomeIdle(loop)
        case .lingering: seat.becomeIdle(loop)
        case .answering: seat.leaveLongBody()
        case .length, .chunked, .closed: break
        }
    }

    /// Another connection has the slot now.
    private func giveWay() {
        switch phase {
        case .closed: return
        case .length where seat.isAcquainted, .chunked where seat.isAcquainted:
            if let exchange { return failBody { exchange.bodyOfTooMany() } }
        case .head, .length, .chunked, .answering, .lingering: break
        }
        // The end of its last response may still be on its way to a slow reader.
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
                guard let exchange else { return }
                guard reader.takeMessage(bodyLength: length, into: &exchange.request) else {
                    return boundStranger(exchange, holding: reader.count)
                }
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
        switch reader.nextHead() {
        case .incomplete: return false
        case .invalid(let violation):
            begin(.answering)
            refuseHead(violation.status, .badRequest, violation.message)
            return false
        case .complete: break
        }
        // Its slot may have been given away in this very moment.
        guard seat.beginWork() else {
            giveWay()
            return false
        }
        if seat.isGuest { seat.promote(loop) }
        clock.isFirstRequest = false
        let view = loop.view
        // Its response says that there will be no further one.
        let isLast = listener.hasMovedOn() || loop.isDraining
        response.begin(reader.head)
        if isLast { response.stopKeepingAlive() }
        let length = reader.bodyLength
        let isWhole = reader.holds(bodyLength: length)
        let (expectsContinue, settings) = (reader.head.expectsContinue, listener.settings)
        // The first stages see the head where it is.
        let waiting = reader.waiting
        let (exchange, verdict) = waiting.withUnsafeReadableBytes { bytes in
            let exchange = Exchange(makeRequest(bytes, settings, view), writer: self, loop: loop, view: view)
            self.exchange = exchange
            let verdict = exchange.headArrived(bytes, bodyLength: length ?? 0)
            guard seat.isGuest else { return (exchange, verdict) }
            let caller = verdict.takesBody ? exchange.caller : nil
            seat.promote(loop, key: caller?.policy == nil ? nil : caller?.key)
            return (exchange, seat.isGuest ? exchange.verdictForGuest(verdict) : verdict)
        }
        if seat.isGuest { response.stopKeepingAlive() }
        if !seat.isAcquainted, verdict.takesBody, let caller = exchange.caller, caller.policy != nil { seat.showed(caller.key) }
        if case .closed = phase { return false }
        guard verdict.takesBody else {
            answerAtHead(exchange, verdict, isWhole: isWhole, length)
            return false
        }
        if expectsContinue, !isWhole {
            response.continues()
            flush()
            if case .closed = phase { return false }
        }
        awaitBody(length, isWhole: isWhole, exchange)
        return true
    }

    private func makeRequest(_ bytes: UnsafeRawBufferPointer, _ settings: ListenerSettings, _ view: LoopSnapshot) -> ClientRequest
    {
        let peer = peer
        if view.trustsProxies || peer.speaksForOthers,
            peer.read(reader.head, bytes: bytes, trusted: view.trustedProxies)
        {
            memory.clientChanged()
        }
        let client = peer.client
        let call = memory.call(reader.head, bytes: bytes, client: client)
        let rare = RareFields(reader.head, bytes: bytes)
        var request = reader.makeRequest(call: call, rare: rare, client: client, settings: settings, memory: memory)
        request.isFromProxy = view.trustsProxies && peer.isProxy
        return request
    }

    /// The response goes out before the body was read, if there is one: after it nothing can be trusted to be a request.
    private func answerAtHead(_ exchange: Exchange, _ verdict: HeadVerdict, isWhole: Bool, _ length: Int?) {
        begin(.answering)
        let canGoOn = isWhole && response.canGoOn && !seat.isGuest
        if !canGoOn { response.stopKeepingAlive() }
        switch verdict {
        case .serve: reader.copyHead(into: &exchange.request)
        // Its trace may be the client's.
        case .reply where exchange.isTraced: reader.copyHead(into: &exchange.request)
        case .reply, .preflight, .takeBody: break
        }
        reader.skipMessage(exchange.request, bodyLength: canGoOn ? length : nil)
        exchange.answer(verdict)
    }

    private func awaitBody(_ length: Int?, isWhole: Bool, _ exchange: Exchange) {
        if !isWhole {
            if exchange.caller == nil {
                // A stranger's body is nothing that another one should wait for.
                seat.becomeIdle(loop)
            } else {
                seat.awaitBody(loop)
                if (length ?? .max) > ClientLimits.longBody {
                    try? context?.channel.syncOptions?.setOption(.recvAllocator, value: ClientBuffers.forBodies)
                }
            }
        }
        if let length {
            // What a stranger tells of it is not believed.
            if !isWhole, !exchange.takesStrangersBody { reader.expect(bodyLength: length, exchange.request) }
            begin(.length(length))
        } else {
            reader.beginChunks(&exchange.request)
            begin(.chunked)
        }
    }

    /// Whether there is more to do.
    private func processChunks() -> Bool {
        guard let exchange else { return false }
        switch reader.nextChunks(into: &exchange.request.body, limit: exchange.bodyLimit) {
        case .needsMore: boundStranger(exchange, holding: exchange.request.body.readableBytes + reader.count)
        case .ended:
            bodyIsHere()
            return true
        case .invalid(let violation): failBody { exchange.bodyFailed(violation) }
        case .tooLarge: failBody { exchange.bodyTooLarge() }
        }
        return false
    }

    /// More is to come of a body that anybody may send: few of them may be long at once.
    private func boundStranger(_ exchange: Exchange, holding count: Int) {
        guard count > ClientLimits.strangersBytes, exchange.takesStrangersBody, !seat.takeLongBody() else { return }
        failBody { exchange.bodyOfTooMany() }
    }

    /// What comes behind a body that cannot be taken is no request.
    private func failBody(_ answer: () -> Void) {
        begin(.answering)
        response.stopKeepingAlive()
        answer()
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

    /// What asks for something, as far as its first line tells, is a request that is refused like any other.
    private func refuseHead(_ status: Int, _ errorClass: ErrorClass, _ message: String) {
        guard reader.keepRequestLine() else {
            refuse(status, errorClass == .timeout ? "timeout_error" : "invalid_request_error", message)
            return finish(keepAlive: false)
        }
        let (settings, view, waiting) = (listener.settings, loop.view, reader.waiting)
        let exchange = waiting.withUnsafeReadableBytes { bytes in
            Exchange(makeRequest(bytes, settings, view), writer: self, loop: loop, view: view)
        }
        self.exchange = exchange
        response.beginRefusal()
        exchange.reply(LocalReply(errorClass, status: status, message, stage: .accept))
    }

    private func refuseConnection() {
        refuse(503, "service_unavailable_error", "too many connections", HeaderLine(name: "retry-after", value: "1"))
        // No lingering: those are too many already.
        flush()
        close()
    }

    /// An error to a client whose request is not known; `message` is ours and needs no escaping.
    private func refuse(_ status: Int, _ type: String, _ message: String, _ field: HeaderLine? = nil) {
        response.beginRefusal()
        let body = Array("{\"error\":{\"message\":\"\(message)\",\"type\":\"\(type)\",\"param\":null,\"code\":null}}".utf8)
        reply(status: status, room: 256, body: body) { fields in
            fields.field("content-type", "application/json")
            if let field { fields.field(field) }
        }
    }
}

extension ClientConnection: Sweepable {
    /// Whether a client that seems idle has taken more of its last response since it seemed so before.
    private func stillReads(_ now: NIODeadline) -> Bool {
        let left = bytesOnTheWay
        guard left > 0, left != clock.leftAtLastLook else { return false }
        clock.leftAtLastLook = left
        clock.phaseBegan = now
        return true
    }

    /// How long the first byte of a request is waited for.
    private func idleLimit(_ timeouts: Timeouts) -> TimeAmount {
        min(TimeAmount(clock.isFirstRequest ? timeouts.head : timeouts.idle), seat.patience(loop))
    }

    func sweep(now: NIODeadline) {
        let timeouts = loop.view.snapshot.configuration.timeouts
        switch phase {
        case .head:
            if now - clock.phaseBegan > ClientLimits.keptMemory { response.releaseMemory() }
            if loop.isDraining {
                // It was accepted, so its request may be on its way.
                if clock.isFirstRequest, now - clock.phaseBegan < ClientLimits.drainGrace { return }
                // A slow reader may still have to get the end of its last response.
                if bytesOnTheWay > 0 { closeInPeace() } else { close() }
            } else if !reader.isEmpty, isWritable {
                guard now - clock.phaseBegan > TimeAmount(timeouts.head) else { return }
                begin(.answering)
                refuseHead(408, .timeout, "the request head did not arrive in time")
            } else if now - clock.phaseBegan > idleLimit(timeouts) {
                if !stillReads(now) { close() }
            }
        case .length, .chunked:
            // The configuration that the request has begun with holds until its end.
            let timeouts = exchange?.configuration.timeouts ?? timeouts
            guard now - clock.phaseBegan > TimeAmount(timeouts.idle) else { return }
            failBody { exchange?.bodyTooSlow() }
        case .answering:
            if let closedAt = clock.inputClosedAt, now - closedAt > ClientLimits.graceAfterInputClosed,
                response.bytesFlushed <= clock.bytesAtInputClosed
            {
                close()
                return
            }
            exchange?.sweep(now: now)
        case .lingering(let until):
            let limit = min(TimeAmount(timeouts.idle), seat.patience(loop))
            if now > until || (now - clock.phaseBegan > limit && !stillReads(now)) { close() }
        case .closed:
            break
        }
    }
}

@available(*, unavailable)
extension ClientConnection: Sendable {}
