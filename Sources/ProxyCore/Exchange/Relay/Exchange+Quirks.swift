import Dialects
import NIOCore

/// What some Anthropic-compatible servers do that no client of the format expects (conversion.md 9.3), and answers in other words.
extension Exchange {
    /// The answer that such a server gives when it got none itself.
    private static let emptyAnswer: StaticString = "[No response after retries"

    /// Whether the upstream is one whose answers are looked at.
    var mayHaveQuirks: Bool {
        guard let candidate, endpoint == .generate(.anthropic) || conversion != nil else { return false }
        let view = view.upstreams[candidate.upstream]
        return view.dialect == .anthropic && !view.upstream.isFirstParty
    }

    /// Whether what is held of an answer is no answer at all, said as one.
    func holdsEmptyAnswer() -> Bool {
        guard mayHaveQuirks else { return false }
        return relay.withHeldBytes { bytes in
            bytes.count < 4096 && MessagesQuirks.isEmptyAnswer(bytes)
        }
    }

    /// Asks elsewhere for an answer that was none.
    func failEmptyAnswer() {
        relay.mode = .ended
        upstream?.cancel()
        upstream = nil
        let error = UpstreamError(errorClass: .upstreamBroken, status: 502, message: "the upstream gave an empty answer")
        judge(error, body: UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// Puts right what a whole answer says wrongly, without changing its length.
    func mendHeld() {
        guard mayHaveQuirks, conversion == nil, !relay.isCompressed else { return }
        guard let bytes = relay.withHeldBytes({ MessagesQuirks.mended($0) }) else { return }
        if let start = relay.bodyStart {
            relay.head.setBytes(bytes, at: relay.head.readerIndex + start)
        } else {
            relay.held.setBytes(bytes, at: relay.held.readerIndex)
        }
    }

    // MARK: Silence

    /// How long a converted stream may be silent before the client is told that it lives.
    static let silence = TimeAmount.seconds(15)

    /// Says something that means nothing to a client whose upstream is thinking.
    func keepAlive(now: NIODeadline) {
        guard relay.mode == .passing, relay.converter != nil, relay.isEventStream, !isBooked, connection.isWritable else {
            return
        }
        let lastSign = deadline - times.idle
        guard now - max(lastSign, saidAliveAt) >= Self.silence else { return }
        saidAliveAt = now
        let sign = SSEWriter.keepAlive(for: clientDialect)
        guard !sign.isEmpty else { return }
        sign.withUnsafeBytes { emit($0) }
        connection.flush()
    }

    // MARK: Limits

    /// Reads what the head says of limits: for a client that is told them, and for how long to wait when one is used up.
    func readLimits(of head: borrowing HTTPResponseHead, bytes: UnsafeRawBufferPointer) {
        guard let candidate else { return }
        let exposes = conversion != nil && view.upstreams[candidate.upstream].upstream.conversion.exposesRateLimits
        guard exposes || (head.status == 429 && relay.retryAfterSeconds == nil) else { return }
        var limits = RateLimitHeaders(now: LoopContext.wallClock() / 1000)
        for index in head.fields.indices {
            let field = head.fields[index]
            limits.read(name: field.name.bytes(in: bytes), value: field.value.bytes(in: bytes))
        }
        if head.status == 429, relay.retryAfterSeconds == nil, let seconds = limits.retryAfterSeconds {
            relay.retryAfterSeconds = seconds
            relay.tellsReset = true
        }
        guard exposes else { return }
        limitLines = limits.lines(for: clientDialect).flatMap { Array("\($0.name): \($0.value)\r\n".utf8) }
    }
}
