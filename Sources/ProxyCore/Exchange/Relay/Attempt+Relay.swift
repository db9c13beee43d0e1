import Dialects
import HTTP1
import NIOCore

/// Stage Relay: the upstream's response becomes the client's. What a call does depends on how far the response has come, which
/// `RelayMachine` alone knows.
extension Attempt {
    // MARK: From the upstream

    func received(head: borrowing HTTPResponseHead, bytes: UnsafeRawBufferPointer) {
        if metStaleConnection(head.status) { return }
        phase.headCame()
        if clock.headCame < 0 { clock.headCame = exchange.figures.elapsedMicroseconds }
        if loop.tellsBytes { tellPiece("response head read", bytes: bytes.count, status: head.status) }
        traits = ResponseTraits()
        traits.read(head, bytes: bytes, now: LoopContext.wallClock() / 1000)
        readLimits(of: head, bytes: bytes)
        readQuota(of: head, bytes: bytes)
        if traits.status >= 400 {
            relay.headCame(.judge)
            resetIdleTimer()
            body.inflater = traits.coding.makeInflater()
            draftHead(head, bytes: bytes)
            return
        }
        // A client may ask for a file that it has already.
        let mayBeNotModified = request.endpoint == .other && traits.status == 304
        if traits.status >= 300, !mayBeNotModified { return failRedirect() }
        if request.isGenerating, traits.coding == .unknown, !asksForCoding { return failResponse(.emptyResponse) }
        if traits.isEventStream, request.wantsArray, !changes.isConverted { changes.conversion = mirror }
        expectContent()
        draftHead(head, bytes: bytes)
        if changes.isConverted {
            if traits.coding == .unknown { return failResponse(.emptyResponse) }
            takeCodingOff()
            // A stream that answers a whole request is put together first.
            if traits.isEventStream, request.content.streams { beginStream() } else { relay.headCame(.hold) }
        } else if traits.takesCodingOff {
            takeCodingOff()
            relay.headCame(.hold)
        } else if traits.isEventStream, request.content.streams || !request.isGenerating, traits.coding != .unknown {
            body.inflater = traits.coding.makeInflater()
            beginStream()
        } else {
            holdWhole()
        }
    }

    func received(body bytes: UnsafeRawBufferPointer) {
        if loop.tellsBytes { tellPiece("response bytes read", bytes: bytes.count) }
        // Until its first event a stream is on the first byte's time, however often it pings.
        if !relay.isPeeking { resetIdleTimer() }
        switch relay.state {
        case .judging, .holding:
            guard body.inflater != nil else { return hold(bytes) }
            inflate(bytes) { self.hold($0) }
        case .peeking, .passing:
            guard traits.takesCodingOff else { return peekOrPass(bytes) }
            inflate(bytes) { self.peekOrPass($0) }
        case .awaitingHead, .recording, .over, .failed:
            break
        }
    }

    /// One read may bring the first event and what follows it.
    func peekOrPass(_ bytes: UnsafeRawBufferPointer) {
        if relay.isPeeking { peek(bytes) } else if relay.isPassing { pass(bytes) }
    }

    func readComplete() {
        guard relay.isPassing, !relay.awaitsLedger else { return }
        let writer = exchange.writer
        writer.flush()
        if body.pipe == nil, writer.bytesOnTheWay > 0 { connection?.readInSmallPieces() }
        guard !writer.isWritable else { return }
        connection?.pause()
        // Its client may read nothing for long: what is only kept for its memory goes.
        loop.scratch = []
        body.held = ByteBuffer()
    }

    func ended() {
        connection = nil
        if loop.tellsBytes { tellPiece("response ended", bytes: 0) }
        let action = relay.sourceEnded()
        if traits.takesCodingOff, body.inflater?.isComplete == false, failsUndecoded() { return }
        switch action {
        case .judge: judgeHeld()
        case .endWhole: endWhole()
        case .endPeeked: endPeeked()
        case .endStream: endStream()
        case .ignore: break
        }
    }

    func failed(_ failure: UpstreamFailure) {
        let hasReceived = connection?.hasReceived ?? false
        switch relay.sourceFailed() {
        case .giveUp: giveUp(failure, hasReceived: hasReceived)
        case .judge:
            // What came of its body is all there is.
            leave()
            judgeHeld()
        case .cut: cut(failure)
        case .ignore: break
        }
    }

    // MARK: To the client

    func clientHasRoom() {
        guard relay.isPassing, let connection else { return }
        // It was we who made it wait.
        resetIdleTimer()
        connection.resume()
    }

    func sweep(now: NIODeadline) {
        keepAlive(now: now)
        if relay.isPeeking, now > body.peekedUntil, body.held.readableBytes > 0 { openUnproven() }
        if body.long.kept != nil, isStalled(now) { keepEnd(of: body.long.kept ?? ByteBuffer()) }
        guard now > deadline else { return }
        switch relay.lateness {
        case .ignore: break
        case .giveUp: failed(lateness)
        case .cut: if exchange.writer.isWritable { cut(.idleTimeout) } else { giveUpOnClient() }
        }
    }

    /// What took too long before anything went out.
    private var lateness: UpstreamFailure {
        switch relay.state {
        case .awaitingHead: phase.isConnecting ? .connectTimeout : .firstByteTimeout
        case .judging, .holding: max(body.held.readableBytes, draft.bodyCount) > 0 ? .idleTimeout : .firstByteTimeout
        case .peeking, .passing, .recording, .over, .failed: .firstByteTimeout
        }
    }

    /// The client has read nothing for as long as an upstream may be silent.
    private func giveUpOnClient() {
        leave()
        recordUnfinishedUsage()
        exchange.finishBroken(Outcome(.client, in: .relay, .stalled))
        exchange.writer.giveUp()
    }

    /// How long a client may read nothing of a long response of which a copy is kept.
    private static let stall = TimeAmount.seconds(2)

    /// Whether the client has read nothing for a while, though there is something for it.
    private func isStalled(_ now: NIODeadline) -> Bool {
        relay.isPassing && !exchange.writer.isWritable && now - (deadline - target.times.idle) > Self.stall
    }

    /// How long a converted stream may be silent before the client is told that it lives.
    private static let silence = TimeAmount.seconds(15)

    /// Says something that means nothing to a client whose upstream is thinking.
    private func keepAlive(now: NIODeadline) {
        let writer = exchange.writer
        guard relay.isPassing, body.pipe?.isConverting == true, traits.isEventStream, !relay.isRecorded, writer.isWritable else {
            return
        }
        let lastSign = deadline - target.times.idle
        guard now - max(lastSign, body.saidAliveAt) >= Self.silence else { return }
        body.saidAliveAt = now
        let sign = SSEWriter.keepAlive(for: request.dialect)
        guard !sign.isEmpty else { return }
        sign.withUnsafeBytes { emit($0) }
        writer.flush()
    }

    // MARK: Limits

    /// Reads what the head says of limits: for a client that is told them, and for how long to wait when one is used up.
    private func readLimits(of head: borrowing HTTPResponseHead, bytes: UnsafeRawBufferPointer) {
        let exposes = changes.isConverted && upstream.upstream.conversion.exposesRateLimits
        let asksWait = traits.status == 429 && traits.retryAfterSeconds == nil && upstream.readsQuota
        guard exposes || asksWait else { return }
        var limits = RateLimitHeaders(now: LoopContext.wallClock() / 1000)
        for index in head.fields.indices {
            let field = head.fields[index]
            limits.read(name: field.name.bytes(in: bytes), value: field.value.bytes(in: bytes))
        }
        if asksWait, let seconds = limits.retryAfterSeconds {
            traits.retryAfterSeconds = seconds
            traits.tellsReset = true
        }
        guard exposes else { return }
        for line in limits.lines(for: request.dialect) { traits.limits.add(line.name, line.value) }
    }
}
