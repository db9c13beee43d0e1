import Dialects
import NIOCore

/// Stage Relay: the upstream's answer becomes the client's.
extension Exchange {
    // MARK: From the upstream

    func received(head: borrowing HTTPResponseHead, bytes: UnsafeRawBufferPointer) {
        guard let candidate else { return }
        // The upstream closes a connection that has waited for too long, and does not know yet of the request.
        if head.status == 408, attempt.metStaleConnection() {
            upstream?.cancel()
            tryFresh(candidate)
            return
        }
        attempt.headCame()
        relay.status = head.status
        relay.framing = head.framing
        readFacts(of: head, bytes: bytes)
        readLimits(of: head, bytes: bytes)
        if head.status >= 400 {
            relay.mode = .judging
            relay.inflater = relay.coding.makeInflater()
            renderHead(head, bytes: bytes)
            return
        }
        if head.status >= 300, !mayBeNotModified { return failRedirect() }
        if isGenerating, relay.coding == .unknown, !asksForCoding() { return failAnswer(.noAnswer) }
        let upstreamDialect = view.upstreams[candidate.upstream].dialect
        if relay.isEventStream, wantsArray, conversion == nil { conversion = mirror(upstreamDialect) }
        expectContent()
        renderHead(head, bytes: bytes)
        if conversion != nil {
            if relay.coding == .unknown { return failAnswer(.noAnswer) }
            takeCodingOff()
            // A stream that answers a whole request is put together first.
            if relay.isEventStream, request.streams { beginStream(upstreamDialect) } else { relay.mode = .holding }
        } else if relay.takesCodingOff {
            takeCodingOff()
            relay.mode = .holding
        } else if relay.isEventStream, request.streams || !isGenerating, relay.coding != .unknown {
            relay.inflater = relay.coding.makeInflater()
            beginStream(upstreamDialect)
        } else {
            holdWhole()
        }
    }

    /// A stream of events comes: it is held until it proves to be one of its format, where that is known.
    func beginStream(_ dialect: Dialect) {
        relay.mode = .gating(until: .now() + RelayState.gateTime)
        if let conversion {
            relay.converter = Box(StreamConverter(from: dialect, to: clientDialect, context: conversion))
            return
        }
        relay.meter = Box(StreamMeter(dialect: endpoint == .named ? .openai : dialect))
        // A compressed stream passes as it is.
        if relay.inflater == nil || relay.takesCodingOff {
            if hidesUsageChunk {
                relay.filter = Box(UsageChunkFilter())
            } else {
                // Without anything to look for it still keeps an event together: half of one would spoil the error behind it, or
                // show half of what an error quotes.
                relay.filter = Box(UsageChunkFilter(mayHaveQuirks ? .thoughtSignatures : .nothing))
            }
        }
        if !isGenerating { open() }
    }

    /// A whole answer whose length is known is gathered behind its head, ready to go out as it lies.
    private func holdWhole() {
        relay.mode = .holding
        let hasBody = !isHead && relay.status != 204 && relay.status != 304
        // What is neither JSON nor events and is nobody's answer is passed on as it is made.
        if endpoint == .other, hasBody, relay.kind == .other || relay.kind == .page {
            return relay.isHTML && isPosted && !request.namesNoModel ? failAnswer(.noAnswer) : open()
        }
        // It passes unread, so that what it says of its end cannot be waited for.
        if relay.isEventStream, relay.coding == .unknown { return open() }
        guard case .length(let length) = relay.framing, length <= RelayState.heldBytes, !isHead,
            !relay.lacksContentType, !isFolded, !(request.streams && isGenerating)
        else { return }
        endHead(length: length)
        relay.bodyStart = relay.head.readableBytes
        relay.head.reserveCapacity(minimumWritableBytes: length)
    }

    func received(body: UnsafeRawBufferPointer) {
        // Until its first event a stream is on the first byte's time, however often it pings.
        if case .gating = relay.mode {} else { touch() }
        switch relay.mode {
        case .none, .ended: break
        case .judging, .holding:
            guard relay.inflater != nil else { return hold(body) }
            inflate(body, limit: RelayState.convertedBytes) { self.hold($0) }
        case .gating:
            guard relay.takesCodingOff else { return gate(body) }
            inflate(body, limit: RelayState.convertedBytes) { self.gateOrPass($0) }
        case .passing:
            guard relay.takesCodingOff else { return pass(body) }
            inflate(body, limit: RelayState.convertedBytes) { self.gateOrPass($0) }
        }
    }

    /// One read may bring the first event and what follows it.
    private func gateOrPass(_ body: UnsafeRawBufferPointer) {
        if case .gating = relay.mode { gate(body) } else if relay.mode == .passing { pass(body) }
    }

    /// A piece of an answer that is looked at before any of it goes out.
    private func hold(_ body: UnsafeRawBufferPointer) {
        if relay.mode == .judging {
            relay.held.writeBytes(body)
            if relay.held.readableBytes > RelayState.errorBytes { judgeHeld() }
            return
        }
        guard relay.mode == .holding else { return gateOrPass(body) }
        if relay.bodyStart != nil {
            relay.head.writeBytes(body)
            return
        }
        relay.held.writeBytes(body)
        if relay.mayBeEvents, !turnsToEvents() { return }
        guard relay.held.readableBytes > RelayState.heldBytes else { return }
        if conversion == nil, !isFolded {
            openHeld()
        } else if relay.held.readableBytes > RelayState.convertedBytes {
            failed(.tooLong)
        }
    }

    func readComplete() {
        guard relay.mode == .passing, !isSealed else { return }
        connection.flush()
        guard !connection.isWritable else { return }
        upstream?.pause()
        // Its client may read nothing for long: what is only kept for its memory goes.
        loopScratch = []
        relay.held = ByteBuffer()
    }

    func ended() {
        upstream = nil
        relay.hasEnded = true
        if relay.takesCodingOff, relay.inflater?.isComplete == false, failUndecoded() { return }
        switch relay.mode {
        case .none, .ended: break
        case .judging: judgeHeld()
        case .holding: endWhole()
        case .gating: endGated()
        case .passing: endStream()
        }
    }

    func failed(_ failure: UpstreamFailure) {
        let hasReceived = upstream?.hasReceived ?? false
        switch relay.mode {
        case .none, .holding, .gating: attemptFailed(failure, hasReceived: hasReceived)
        case .judging:
            // Its status is known, and that says more than how the connection ended. What came of its body is all there is.
            upstream?.cancel()
            upstream = nil
            relay.hasEnded = true
            judgeHeld()
        case .passing: cut(failure)
        case .ended: break
        }
    }

    /// The last sign of life of the upstream.
    func touch() {
        deadline = loop.sweeper.now + times.idle
    }

    // MARK: To the client

    func clientHasRoom() {
        guard relay.mode == .passing, let upstream else { return }
        // It was we who made it wait.
        touch()
        upstream.resume()
    }

    func clientInputClosed() {
        bytesAtInputClosed = connection.bytesFlushed
    }

    /// Whether the client took bytes after it had closed its side.
    var hasWrittenSinceInputClosed: Bool { connection.bytesFlushed > bytesAtInputClosed }

    func sweep(now: NIODeadline) {
        keepAlive(now: now)
        if case .gating(let until) = relay.mode, now > until, relay.held.readableBytes > 0 { openUnproven() }
        guard now > deadline, !isOver, !isSealed else { return }
        if attempt.isConnecting {
            attemptFailed(.connectTimeout, hasReceived: false)
        } else if attempt.isWaiting {
            attemptFailed(.firstByteTimeout, hasReceived: false)
        } else {
            switch relay.mode {
            case .none, .ended: break
            case .gating: failed(.firstByteTimeout)
            case .judging, .holding: failed(relay.heldCount > 0 ? .idleTimeout : .firstByteTimeout)
            case .passing:
                if connection.isWritable { cut(.idleTimeout) } else { giveUpOnClient() }
            }
        }
    }

    /// The client has read nothing for as long as an upstream may be silent.
    private func giveUpOnClient() {
        upstream?.cancel()
        upstream = nil
        isClientGone = true
        bookUnfinished()
        finishBroken(by: "client", reason: "stalled")
        connection.giveUp()
    }

    // MARK: Judging

    private func judgeHeld() {
        guard let candidate else { return }
        relay.mode = .ended
        // A coding that cannot be read says nothing.
        if relay.coding == .unknown { relay.held.clear() }
        maskSecrets()
        let dialect = view.upstreams[candidate.upstream].dialect
        let held = relay.held
        held.withUnsafeReadableBytes { bytes in
            var error = UpstreamError.read(status: relay.status, body: bytes, dialect: dialect)
            if let seconds = relay.retryAfterSeconds {
                error.retryAfterSeconds = seconds
                error.tellsReset = relay.tellsReset
            }
            judge(error, body: bytes)
        }
    }

    // MARK: Whole answers

    private func openHeld() {
        guard let candidate else { return }
        let dialect = view.upstreams[candidate.upstream].dialect
        if isGenerating, !holdsBeginning(dialect) { return failAnswer(.noAnswer) }
        if dialect == clientDialect { relay.usage = nil }
        writeContentType("content-type: application/json\r\n")
        if isGenerating, !relay.takesCodingOff, case .length(let length) = relay.framing { relay.lengthLeft = length }
        open()
        let held = relay.held
        relay.held = ByteBuffer()
        held.withUnsafeReadableBytes { emitLong($0) }
        // Files and the like may be long, and tell no usage.
        if endpoint != .other { largeBody = held }
    }

    /// The whole answer is here.
    private func endWhole() {
        guard let candidate else { return }
        let dialect = view.upstreams[candidate.upstream].dialect
        if let conversion {
            if holdsEmptyAnswer() { return failEmptyAnswer() }
            endConverted(conversion, from: dialect)
            return
        }
        switch endpoint {
        case .generate, .named:
            if isFolded, endpoint == .named { return failAnswer(.noAnswer) }
            guard let answer = judgedWhole(dialect) else { return }
            if answer.mayBeEmptyAnswer, holdsEmptyAnswer() { return failEmptyAnswer() }
            if let mirror = neededMirror(dialect) {
                conversion = mirror
                return endConverted(mirror, from: mirror.upstream)
            }
            if answer.mayHoldCalls { mendHeld() }
            relay.usage = answer.usage
        case .countTokens:
            let isCount = withDecodedHeld { TokenCounting.isAnswer($0, of: dialect) }
            guard isCount else { return failAnswer(.noCount) }
        case .other, .local:
            if isPosted, holdsNoDocument() { return failAnswer(.noAnswer) }
            if relay.kind != .other {
                let answer = relay.withHeldBytes { BodyMeter($0, dialect: dialect, promise: .answer) }
                relay.usage = answer.usage
                if answer.mayHoldError, !relay.isCompressed { maskSecrets() }
            }
        }
        writeContentType("content-type: application/json\r\n")
        noteSuccess()
        book()
    }

    private func endCounted(from dialect: Dialect) {
        let held = relay.held
        guard let body = held.withUnsafeReadableBytes({ TokenCounting.answer($0, from: dialect, to: clientDialect) }) else {
            relay.mode = .ended
            let error = UpstreamError(errorClass: .upstreamBroken, status: 502, message: "the upstream's answer holds no count")
            judge(error, body: UnsafeRawBufferPointer(start: nil, count: 0))
            return
        }
        relay.held = ByteBuffer(bytes: body)
        noteSuccess()
        book()
    }

    private func endConverted(_ conversion: ConversionContext, from dialect: Dialect) {
        if relay.isEventStream == false, looksLikeEvents() == true { relay.isEventStream = true }
        if case .countTokens = endpoint { return endCounted(from: dialect) }
        let held = relay.held
        if request.streams {
            // A whole answer where a stream was asked for becomes the stream.
            var converter = StreamConverter(from: dialect, to: clientDialect, context: conversion)
            var out: [UInt8] = []
            held.withUnsafeReadableBytes { bytes in
                if converter.consumeWhole(bytes, into: &out).contains(.error) {} else { _ = converter.finish(into: &out) }
            }
            if let error = converter.error, out.isEmpty || !converter.isComplete {
                judge(error, body: UnsafeRawBufferPointer(start: nil, count: 0))
                return
            }
            keepThoughts(converter.thoughts)
            relay.converter = Box(converter)
            relay.isEventStream = true
            relay.framing = .chunked
            renderConvertedHead()
            open()
            out.withUnsafeBytes { emit($0) }
            relay.hasEnded = true
            book()
            return
        }
        var result: Result<WholeAnswer, UpstreamError>?
        held.withUnsafeReadableBytes { bytes in
            do throws(UpstreamError) {
                let convert = relay.isEventStream ? AnswerConverter.fold : AnswerConverter.convertWhole
                result = .success(try convert(bytes, dialect, clientDialect, conversion))
            } catch {
                result = .failure(error)
            }
        }
        switch result {
        case .success(let answer):
            if relay.isEventStream {
                relay.isEventStream = false
                relay.lacksContentType = false
                renderConvertedHead()
            }
            keepThoughts(answer.thoughts)
            relay.usage = answer.usage
            relay.held = ByteBuffer(bytes: answer.body)
            relay.mode = .holding
            noteSuccess()
            book()
        case .failure(let error):
            relay.mode = .ended
            judge(error, body: UnsafeRawBufferPointer(start: nil, count: 0))
        case nil:
            break
        }
    }

    // MARK: Streams

    func gate(_ body: UnsafeRawBufferPointer) {
        let signals: Signals
        if relay.converter != nil {
            signals = convert(body)
            gatedSignals.formUnion(signals)
        } else {
            signals = meter(body)
            gatedSignals.formUnion(signals)
            filterOrHold(body)
        }
        if signals.contains(.content), holdsEmptyAnswer() {
            failEmptyAnswer()
        } else if signals.contains(.terminal), relay.meter?.value.endsEmpty == true {
            failAnswer(.noAnswer)
        } else if signals.contains(.content) || (signals.contains(.terminal) && !signals.contains(.error)) {
            openGate()
        } else if signals.contains(.error) {
            failBeforeContent()
        } else if relay.held.readableBytes > RelayState.gateBytes {
            openUnproven()
        }
    }

    /// Reads along: what passes, or a copy of it without its coding.
    private func meter(_ body: UnsafeRawBufferPointer) -> Signals {
        guard relay.inflater != nil, !relay.takesCodingOff else { return relay.meter?.value.consume(body) ?? .content }
        var signals: Signals = []
        inflate(body, limit: RelayState.convertedBytes) { signals.formUnion(self.relay.meter?.value.consume($0) ?? []) }
        return signals
    }

    /// A stream has said nothing meaningful for as long as one is held: it is let through if it is one of its format at all.
    private func openUnproven() {
        guard let meter = relay.meter?.value else { return openGate() }
        if meter.hasKnownEvents || (!meter.hasForeignEvents && !meter.isWithinEvent) {
            openGate()
        } else if meter.hasForeignEvents || relay.held.readableBytes > RelayState.openingBytes {
            failAnswer(.noAnswer)
        }
    }

    /// Converts into `held`; the caller decides when that goes out.
    private func convert(_ body: UnsafeRawBufferPointer) -> Signals {
        loopScratch.removeAll(keepingCapacity: true)
        let signals = relay.converter?.value.consume(body, into: &loopScratch) ?? []
        if signals.contains(.error) { maskScratch() }
        relay.held.writeBytes(loopScratch)
        if signals.contains(.terminal), let thoughts = relay.converter?.value.thoughts { keepThoughts(thoughts) }
        return signals
    }

    private func filterOrHold(_ body: UnsafeRawBufferPointer) {
        guard relay.filter != nil else {
            relay.held.writeBytes(body)
            return
        }
        loopScratch.removeAll(keepingCapacity: true)
        let isUnchanged = relay.filter?.value.consume(body, into: &loopScratch) ?? true
        if isUnchanged { relay.held.writeBytes(body) } else { relay.held.writeBytes(loopScratch) }
    }

    /// The stream opened with an error: it can still be asked for elsewhere.
    private func failBeforeContent() {
        guard let error = (relay.converter?.value.error ?? relay.meter?.value.error)?.withinSuccess else {
            openGate()
            return
        }
        let isBroken = error.errorClass == .upstreamBroken
        if !isBroken, case .deliver = AnswerJudge.judge(error, policy: routeInUse.fallback), conversion == nil {
            openGate()
            return
        }
        relay.mode = .ended
        upstream?.cancel()
        upstream = nil
        judge(error, body: UnsafeRawBufferPointer(start: nil, count: 0))
    }

    private func openGate() {
        let signals = gatedSignals
        gatedSignals = []
        if signals.contains(.error) {
            relay.masks = true
            maskSecrets()
        }
        open()
        let held = relay.held
        relay.held = ByteBuffer()
        if held.readableBytes > 0 { held.withUnsafeReadableBytes { emit($0) } }
        if signals.contains(.terminal) { book() } else if !isSealed { connection.flush() }
    }

    private func endGated() {
        let signals: Signals
        if relay.converter != nil {
            loopScratch.removeAll(keepingCapacity: true)
            signals = relay.converter?.value.finish(into: &loopScratch) ?? []
            relay.held.writeBytes(loopScratch)
            if signals.contains(.terminal), let thoughts = relay.converter?.value.thoughts { keepThoughts(thoughts) }
        } else {
            signals = relay.meter?.value.finish() ?? []
            if relay.filter != nil {
                loopScratch.removeAll(keepingCapacity: true)
                relay.filter?.value.finish(into: &loopScratch)
                relay.held.writeBytes(loopScratch)
            }
        }
        gatedSignals.formUnion(signals)
        if signals.contains(.error) || (relay.converter != nil && relay.converter?.value.isComplete == false) {
            failBeforeContent()
            // Where the error is the client's after all, the stream that held it has ended.
            if relay.mode == .passing { endStream() }
            return
        }
        // Pings and comments are no answer, nor are events of another format.
        guard relay.held.readableBytes > 0, gatedSignals.contains(.content) else { return failAnswer(.noAnswer) }
        openGate()
        endStream()
    }

    private func pass(_ body: UnsafeRawBufferPointer) {
        if relay.converter != nil {
            let signals = convert(body)
            let held = relay.held
            relay.held.clear()
            held.withUnsafeReadableBytes { emit($0) }
            if signals.contains(.terminal) || signals.contains(.error) { book() }
        } else if relay.meter != nil {
            let signals = meter(body)
            if signals.contains(.error) { relay.masks = true }
            if relay.masks {
                passMasked(body)
            } else if relay.filter != nil {
                loopScratch.removeAll(keepingCapacity: true)
                let isUnchanged = relay.filter?.value.consume(body, into: &loopScratch) ?? true
                if isUnchanged { emit(body) } else { loopScratch.withUnsafeBytes { emit($0) } }
            } else {
                emit(body)
            }
            if signals.contains(.terminal) { book() }
        } else {
            if let kept = largeBody?.readableBytes {
                if kept > configuration.limits.body { largeBody = nil } else { largeBody?.writeBytes(body) }
            }
            if let solid = body.last(where: { $0 > 0x20 }) { relay.lastSolid = solid }
            emitLong(body)
        }
    }

    /// The upstream's stream, or its long answer, has ended as its framing said.
    private func endStream() {
        if relay.converter != nil {
            loopScratch.removeAll(keepingCapacity: true)
            let signals = relay.converter?.value.finish(into: &loopScratch) ?? []
            loopScratch.withUnsafeBytes { emit($0) }
            if signals.contains(.terminal), let thoughts = relay.converter?.value.thoughts { keepThoughts(thoughts) }
            if relay.converter?.value.isComplete == false { relay.closesAfter = true }
        } else if relay.meter != nil {
            if relay.meter?.value.finish().contains(.error) == true { relay.masks = true }
            if case .generate = endpoint, let meter = relay.meter?.value, !meter.isComplete, meter.error == nil {
                cut(.truncated)
                return
            }
            releaseFiltered()
        } else {
            guard endsLong() else { return cut(.truncated) }
        }
        if isBooked, !isSealed { completeStream() } else { book() }
    }

    /// What the filter still holds is the end of the answer.
    private func releaseFiltered() {
        guard relay.filter != nil else { return }
        loopScratch.removeAll(keepingCapacity: true)
        relay.filter?.value.finish(into: &loopScratch)
        if relay.masks { maskScratch() }
        loopScratch.withUnsafeBytes { emit($0) }
    }

    /// The process ends before the answer did.
    func processEnds() {
        guard !isOver else { return }
        if relay.mode == .passing { cut(.shutDown) } else { answerFailure(reason: "shutdown") }
    }

    /// The upstream went away in the middle: what came is booked, and the client sees that it is not all.
    func cut(_ failure: UpstreamFailure) {
        upstream?.cancel()
        upstream = nil
        if isBooked, relay.converter?.value.isComplete ?? relay.meter?.value.isComplete ?? false {
            // The answer was complete; only its framing lacked an end.
            releaseFiltered()
            relay.hasEnded = true
            if !isSealed { completeStream() }
            return
        }
        if relay.converter != nil {
            // The converter knows what the client has seen: numbers, ids, an array to be closed.
            loopScratch.removeAll(keepingCapacity: true)
            let error = UpstreamError(
                errorClass: failure.status == 504 ? .timeout : .upstreamBroken, status: failure.status, message: failure.message)
            _ = relay.converter?.value.fail(error, into: &loopScratch)
            loopScratch.withUnsafeBytes { emit($0) }
        } else if relay.isEventStream, relay.isCompressed || relay.meter?.value.hasEnded == true {
            // Behind the mark of the end no client reads on, and inside of a coding no words of ours can stand.
            relay.endsUntold = true
        } else if relay.isEventStream {
            // An event too long to be held back went out in part: what follows must not be taken for its end.
            if relay.filter?.value.isWithinEvent == true { Array("\n\n".utf8).withUnsafeBytes { emit($0) } }
            let event = ErrorBody.streamEvent(
                failure.status == 504 ? .timeout : .upstreamBroken, message: failure.message, requestID: requestID,
                dialect: clientDialect)
            event.withUnsafeBytes { emit($0) }
        }
        cutReason = failure
        if isBooked, !isSealed { completeStream() } else { book() }
    }
}
