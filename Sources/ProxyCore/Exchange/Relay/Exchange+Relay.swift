import Dialects
import NIOCore

/// Stage Relay: the upstream's answer becomes the client's.
extension Exchange {
    // MARK: From the upstream

    func received(head: borrowing HTTPResponseHead, bytes: UnsafeRawBufferPointer) {
        guard let candidate else { return }
        attempt.headCame()
        relay.status = head.status
        relay.framing = head.framing
        readFacts(of: head, bytes: bytes)
        readLimits(of: head, bytes: bytes)
        if head.status >= 400 {
            relay.mode = .judging
            renderHead(head, bytes: bytes)
            return
        }
        if let origin {
            origin.successes.increment()
            if loop.states.accounts[origin.id] != nil {
                loop.shared.accounts.succeed(
                    origin.id, model: candidate.model, proves: reach == .generations ? .generation : .access)
            }
        }
        renderHead(head, bytes: bytes)
        let upstreamDialect = view.upstreams[candidate.upstream].dialect
        if let conversion {
            // A stream that answers a whole request is put together first.
            if relay.isEventStream, request.streams {
                relay.converter = Box(StreamConverter(from: upstreamDialect, to: clientDialect, context: conversion))
                relay.mode = .gating(until: .now() + RelayState.gateTime)
            } else {
                relay.mode = .holding
            }
        } else if relay.isEventStream, !relay.isCompressed {
            relay.meter = Box(StreamMeter(dialect: upstreamDialect))
            if hidesUsageChunk {
                relay.filter = Box(UsageChunkFilter())
            } else if case .generate = endpoint {
                // Without anything to look for it still keeps an event together: half of one would spoil the error that follows it.
                relay.filter = Box(UsageChunkFilter(mayHaveQuirks ? .thoughtSignatures : .nothing))
            }
            if case .generate = endpoint { relay.mode = .gating(until: .now() + RelayState.gateTime) } else { open() }
        } else {
            holdWhole()
        }
    }

    /// A whole answer whose length is known is gathered behind its head, ready to go out as it lies.
    private func holdWhole() {
        relay.mode = .holding
        guard case .length(let length) = relay.framing, length <= RelayState.heldBytes, !isHead else { return }
        endHead(length: length)
        relay.bodyStart = relay.head.readableBytes
        relay.head.reserveCapacity(minimumWritableBytes: length)
    }

    func received(body: UnsafeRawBufferPointer) {
        // Until its first event a stream is on the first byte's time, however often it pings.
        if case .gating = relay.mode {} else { touch() }
        switch relay.mode {
        case .none, .ended: break
        case .judging:
            relay.held.writeBytes(body)
            if relay.held.readableBytes > RelayState.errorBytes { judgeHeld() }
        case .holding:
            if relay.bodyStart != nil {
                relay.head.writeBytes(body)
            } else {
                relay.held.writeBytes(body)
                guard relay.held.readableBytes > RelayState.heldBytes else { break }
                if conversion == nil {
                    openHeld()
                } else if relay.held.readableBytes > RelayState.convertedBytes {
                    failed(.tooLong)
                }
            }
        case .gating:
            gate(body)
        case .passing:
            pass(body)
        }
    }

    func readComplete() {
        guard relay.mode == .passing, !isSealed else { return }
        connection.flush()
        if !connection.isWritable { upstream?.pause() }
    }

    func ended() {
        upstream = nil
        relay.hasEnded = true
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
        if case .gating(let until) = relay.mode, now > until, relay.held.readableBytes > 0 { openGate() }
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
        if view.upstreams[candidate.upstream].dialect == clientDialect { relay.usage = nil }
        open()
        let held = relay.held
        relay.held = ByteBuffer()
        held.withUnsafeReadableBytes { emit($0) }
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
        case .countTokens: break
        case .generate, .named, .other, .local:
            let answer = relay.withHeldBytes { BodyMeter($0, dialect: dialect) }
            if answer.mayBeEmptyAnswer, holdsEmptyAnswer() { return failEmptyAnswer() }
            if answer.mayHoldCalls { mendHeld() }
            relay.usage = answer.usage
        }
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
        book()
    }

    private func endConverted(_ conversion: ConversionContext, from dialect: Dialect) {
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
                renderConvertedHead()
            }
            keepThoughts(answer.thoughts)
            relay.usage = answer.usage
            relay.held = ByteBuffer(bytes: answer.body)
            relay.mode = .holding
            book()
        case .failure(let error):
            relay.mode = .ended
            judge(error, body: UnsafeRawBufferPointer(start: nil, count: 0))
        case nil:
            break
        }
    }

    // MARK: Streams

    private func gate(_ body: UnsafeRawBufferPointer) {
        let signals: Signals
        if relay.converter != nil {
            signals = convert(body)
            gatedSignals.formUnion(signals)
        } else {
            signals = relay.meter?.value.consume(body) ?? .content
            gatedSignals.formUnion(signals)
            filterOrHold(body)
        }
        if signals.contains(.content), holdsEmptyAnswer() {
            failEmptyAnswer()
        } else if signals.contains(.content) || (signals.contains(.terminal) && !signals.contains(.error)) {
            openGate()
        } else if signals.contains(.error) {
            failBeforeContent()
        } else if relay.held.readableBytes > RelayState.gateBytes {
            openGate()
        }
    }

    /// Converts into `held`; the caller decides when that goes out.
    private func convert(_ body: UnsafeRawBufferPointer) -> Signals {
        loopScratch.removeAll(keepingCapacity: true)
        let signals = relay.converter?.value.consume(body, into: &loopScratch) ?? []
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
        guard let error = relay.converter?.value.error ?? relay.meter?.value.error else {
            openGate()
            return
        }
        if case .deliver = AnswerJudge.judge(error, policy: routeInUse.fallback), conversion == nil {
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
        // Pings and comments are no answer; a stream of a kind that the meter does not know is passed on as it is.
        guard relay.held.readableBytes > 0, gatedSignals.contains(.content) || relay.meter?.value.hasForeignEvents == true else {
            attemptFailed(.noAnswer, hasReceived: true)
            return
        }
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
            let signals = relay.meter?.value.consume(body) ?? []
            if relay.filter != nil {
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
            emit(body)
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
            _ = relay.meter?.value.finish()
            if case .generate = endpoint, let meter = relay.meter?.value, !meter.hasForeignEvents, !meter.isComplete,
                meter.error == nil
            {
                cut(.truncated)
                return
            }
            releaseFiltered()
        } else if let whole = largeBody, let candidate {
            whole.withUnsafeReadableBytes { bytes in
                let found = BodyMeter.usage(of: bytes, dialect: view.upstreams[candidate.upstream].dialect)
                relay.usage = found
            }
            largeBody = nil
        }
        if isBooked, !isSealed { completeStream() } else { book() }
    }

    /// What the filter still holds is the end of the answer.
    private func releaseFiltered() {
        guard relay.filter != nil else { return }
        loopScratch.removeAll(keepingCapacity: true)
        relay.filter?.value.finish(into: &loopScratch)
        loopScratch.withUnsafeBytes { emit($0) }
    }

    /// The process ends before the answer did.
    func processEnds() {
        guard !isOver else { return }
        if relay.mode == .passing { cut(.shutDown) } else { answerFailure(reason: "shutdown") }
    }

    /// The upstream went away in the middle: what came is booked, and the client sees that it is not all.
    private func cut(_ failure: UpstreamFailure) {
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
