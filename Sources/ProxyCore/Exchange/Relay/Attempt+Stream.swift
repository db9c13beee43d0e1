import Basics
import Dialects
import NIOCore

/// Event streams: held until the first meaningful event, then passed on as they come.
extension Attempt {
    /// How long a stream may be held that says nothing meaningful.
    private static let peekTime = TimeAmount.seconds(15)

    /// A stream of events comes: it is held until it proves to be one of its format, where that is known.
    /// - Parameter isList: it is Gemini's array of chunks.
    func beginStream(isList: Bool = false) {
        if relay.isHolding { relay.turnsToEvents() } else { relay.headCame(.peek) }
        body.peekedUntil = .now() + Self.peekTime
        if changes.isConverted, let conversion = changes.conversion {
            body.pipe = BodyPipe(StreamConverter(conversion), redactor: target.redactor, isList: isList)
            return
        }
        if isList {
            body.pipe = BodyPipe(listOf: StreamMeter(dialect: dialect, isListed: true), redactor: target.redactor)
            return
        }
        // A compressed stream passes as it is, and a copy of it is read.
        let isCoded = body.inflater != nil && !traits.takesCodingOff
        // Without anything to look for the filter still keeps an event together: half of one would spoil the error behind it, or
        // show half of what an error quotes.
        let subject: UsageChunkFilter.Subject =
            changes.hidesUsageChunk ? .usageChunk : mayHaveQuirks ? .thoughtSignatures : .nothing
        body.pipe = BodyPipe(
            StreamMeter(dialect: request.endpoint == .named ? .openai : dialect),
            filter: isCoded ? nil : UsageChunkFilter(subject), decoder: isCoded ? body.inflater : nil,
            listener: listener, redactor: target.redactor, echoes: request.endpoint == .other)
        if !request.isGenerating { commit() }
    }

    /// Sends a piece through the pipe, and what comes out of it to `sink`.
    private func consume(_ bytes: UnsafeRawBufferPointer, _ sink: (UnsafeRawBufferPointer) -> Void) -> Signals {
        guard let step = body.pipe?.consume(bytes, into: &loop.scratch) else {
            sink(bytes)
            return .content
        }
        if step.isUnchanged { sink(bytes) } else { loop.scratch.withUnsafeBytes(sink) }
        if let failure = step.failure { codingFailed(failure) }
        if step.signals.contains(.terminal), let pipe = body.pipe { keepWhatCame(of: pipe) }
        return step.signals
    }

    // MARK: Before the first event

    func peek(_ bytes: UnsafeRawBufferPointer) {
        let signals = consume(bytes) { body.held.writeBytes($0) }
        guard relay.isPeeking else { return }
        if !signals.contains(.error), body.pipe?.beginsBroken == true {
            failResponse(.brokenEvent)
        } else if signals.contains(.content), holdsEmptyResponse {
            failEmptyResponse()
        } else if signals.contains(.terminal), body.pipe?.endsEmpty == true {
            failResponse(.emptyResponse)
        } else if signals.contains(.content) || (signals.contains(.terminal) && !signals.contains(.error)) {
            letThrough()
        } else if signals.contains(.error) {
            failBeforeContent()
        } else if body.held.readableBytes > RelayLimits.peekedBytes {
            openUnproven()
        }
    }

    /// A stream has said nothing meaningful for as long as one is held: it is let through if it is one of its format at all.
    func openUnproven() {
        switch body.pipe?.suspicion ?? .none {
        case .none: letThrough()
        case .undecided: if body.held.readableBytes > RelayLimits.openingBytes { failResponse(.emptyResponse) }
        case .foreign: failResponse(.emptyResponse)
        }
    }

    private func letThrough() {
        let signals = body.pipe?.raised ?? []
        if signals.contains(.error) { maskSecrets() }
        commit()
        let held = body.held
        body.held = ByteBuffer()
        if held.readableBytes > 0 { held.withUnsafeReadableBytes { emit($0) } }
        if signals.contains(.error) { judgeTold() }
        if signals.contains(.terminal) { recordUsage() } else if !relay.awaitsLedger { exchange.writer.flush() }
    }

    /// The stream opened with an error: it can still be asked for elsewhere.
    private func failBeforeContent() {
        guard let said = body.pipe?.error else { return letThrough() }
        // An array is asked for elsewhere, or refused, as a whole response is: nothing of it has gone out.
        if let pipe = body.pipe, pipe.isList {
            return fail(with: said, said: withHeld { Array($0) } + (pipe.hasEnded ? [] : [UInt8(ascii: "]")]))
        }
        let error = said.withinSuccess
        if error.errorClass != .upstreamBroken, !changes.isConverted, body.pipe?.beginsBroken != true,
            case .deliver = RetryPolicy.verdict(on: error, policy: exchange.fallback)
        {
            return letThrough()
        }
        fail(with: said)
    }

    func endPeeked() {
        guard var pipe = body.pipe else { return failResponse(.emptyResponse) }
        var signals = pipe.end()
        signals.formUnion(pipe.drain(into: &loop.scratch))
        body.pipe = pipe
        loop.scratch.withUnsafeBytes { _ = body.held.writeBytes($0) }
        if signals.contains(.terminal) || pipe.endsComplete { keepWhatCame(of: pipe) }
        if signals.contains(.error) || (pipe.isConverting && !pipe.isComplete) {
            failBeforeContent()
            // Where the error is the client's after all, the stream that held it has ended.
            if relay.isPassing { endStream() }
            return
        }
        // Pings and comments are no response, nor are events of another format.
        guard body.held.readableBytes > 0, pipe.raised.contains(.content) else { return failResponse(.emptyResponse) }
        letThrough()
        endStream()
    }

    // MARK: Passing

    func pass(_ bytes: UnsafeRawBufferPointer) {
        guard body.pipe != nil else { return passPiece(bytes) }
        let signals = consume(bytes) { emit($0) }
        if signals.contains(.error) { judgeTold() }
        if signals.contains(.terminal) || (signals.contains(.error) && body.pipe?.isConverting == true) { recordUsage() }
    }

    /// The upstream's stream, or its long response, has ended as its framing said.
    func endStream() {
        if body.pipe != nil {
            _ = body.pipe?.end()
            if body.pipe?.isTruncated(asResponse: request.isGenerating) == true { return cut(.truncated) }
            drain()
        } else {
            guard endsLong() else { return cut(.truncated) }
        }
        endPassing()
    }

    /// What the pipe still holds is the end of the response.
    private func drain() {
        let signals = body.pipe?.drain(into: &loop.scratch) ?? []
        loop.scratch.withUnsafeBytes { emit($0) }
        if let pipe = body.pipe, signals.contains(.terminal) || pipe.endsComplete { keepWhatCame(of: pipe) }
    }

    /// The upstream went away in the middle: what came is recorded, and the client sees that it is not all.
    func cut(_ failure: UpstreamFailure) {
        leave()
        if let pipe = body.pipe, relay.isRecorded || pipe.isList, pipe.isComplete {
            // The response was complete; only its framing lacked an end.
            if !pipe.isConverting { drain() }
            relay.endsAsComplete()
            return endPassing()
        }
        body.cutBy = failure
        // Who has told an error ends as it likes, and has failed once.
        if body.pipe?.error == nil { accountBroke(failure) } else { judgeTold() }
        relay.cut(isReported: tell(failure))
        endPassing()
    }

    /// Tells the client within the stream that it is cut. Whether that was possible.
    private func tell(_ failure: UpstreamFailure) -> Bool {
        let errorClass = failure.errorClass
        if let pipe = body.pipe, pipe.isConverting || pipe.isList {
            // Behind its end nothing can stand.
            if pipe.isList, pipe.hasEnded { return false }
            let error = UpstreamError(errorClass: errorClass, status: failure.status, message: failure.message)
            body.pipe?.fail(error, into: &loop.scratch)
            loop.scratch.withUnsafeBytes { emit($0) }
            return traits.isEventStream
        }
        // Behind the mark of the end no client reads on, and inside of a coding no words of ours can stand.
        guard traits.isEventStream, !traits.isCompressed, body.pipe?.hasEnded != true else { return false }
        // An event too long to be held back went out in part: what follows must not be taken for its end.
        if body.pipe?.isWithinEvent == true { Array("\n\n".utf8).withUnsafeBytes { emit($0) } }
        let event = ErrorBody.streamEvent(
            errorClass, message: failure.message, requestID: exchange.requestID, dialect: request.dialect,
            sequence: body.pipe?.nextSequence ?? 0)
        event.withUnsafeBytes { emit($0) }
        return true
    }
}
