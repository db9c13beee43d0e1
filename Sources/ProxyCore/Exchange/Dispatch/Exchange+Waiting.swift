import Dialects
import HTTP1
import NIOCore

/// Where nobody has quota and somebody has it again in time, the request waits (`fallback.wait`). It waits with what its limits have
/// reserved for it: as one that runs it counts in them, and nobody waits whom a limit refuses.
extension Exchange {
    /// One who waits, or has waited.
    struct Waiting {
        let ticket: WaitingRoom.Ticket
        /// Until when it waits, as `SteadyClock` counts.
        let deadline: Int
        /// It has been its turn.
        var isReleased = false
        /// It may ask once more, whatever it has asked before: the room bounds how many do.
        var mayAskAgain = false
        /// When a stream's client was last told that it lives.
        var saidAliveAt: Int
    }

    /// How long a stream's client hears nothing.
    private static let silence = 4_900
    /// A client that has to wait for longer is told not to ask again by itself.
    private static let longestRetry = 60

    private var room: WaitingRoom { loop.shared.accounts.waiting }

    /// Whether others wait for what was found: then the request waits behind them.
    func queues(for candidate: Candidate, now: Int) -> Bool {
        guard plan?.traits.waits == true, room.isOccupied, trail.attempts == 0, trail.waiting?.isReleased != true,
            room.hasQueue(lane(of: candidate))
        else { return false }
        plan?.attempts.takeBack()
        wait(for: AttemptPlan.Awaited(candidate: candidate, until: now), now: now)
        return true
    }

    /// Nobody can serve now: the limits are asked for who will be able to soonest.
    /// - Returns: false where the walk goes on: somebody else is asked or waited for.
    func waits(for awaited: AttemptPlan.Awaited, now: Int) -> Bool {
        switch reserve(for: awaited.candidate) {
        case .granted: wait(for: awaited, now: now)
        case .passedOver:
            plan?.attempts.passOverAwaited()
            loop.metrics.fallback(reason: "limit")
            return false
        case .elsewhere: return false
        case .refused(let refusal): reply(refusal)
        case .asks(let slots): waitForLease(slots, nil)
        }
        return true
    }

    /// Waits for who will be able to serve soonest, or says how long that takes.
    private func wait(for awaited: AttemptPlan.Awaited, now: Int) {
        let deadline = trail.waiting?.deadline ?? now &+ fallback.wait.milliseconds
        guard awaited.until <= deadline, now < deadline else { return refuseToWait(for: awaited, now: now) }
        let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let eventLoop = loop.eventLoop
        let ticket = room.enter(lane(of: awaited.candidate), most: configuration.limits.waiting, again: trail.waiting?.ticket) {
            eventLoop.execute { bound.value.itsTurn() }
        }
        guard let ticket else { return refuseToWait(for: awaited, now: now) }
        trail.waiting = Waiting(ticket: ticket, deadline: deadline, saidAliveAt: trail.waiting?.saidAliveAt ?? now)
    }

    /// Looks whether it goes on. Called as long as the client's connection lives.
    func sweepWaiting() {
        guard let waiting = trail.waiting, !waiting.isReleased, !isOver, var peek = plan?.attempts else { return }
        let now = SteadyClock.milliseconds
        peek.beginAgain()
        if let candidate = peek.next(loop.states, now: now) {
            guard now < waiting.deadline else { return itsTurn() }
            room.look(waiting.ticket, lane: lane(of: candidate), isOpen: true, now: now)
        } else if let awaited = peek.awaited {
            guard awaited.until <= waiting.deadline, now < waiting.deadline else { return refuseToWait(for: awaited, now: now) }
            room.look(waiting.ticket, lane: lane(of: awaited.candidate), isOpen: false, now: now)
        } else {
            // Nobody will ever be back by itself.
            return itsTurn()
        }
        guard now &- waiting.saidAliveAt >= Self.silence else { return }
        trail.waiting?.saidAliveAt = now
        sayAlive()
    }

    /// The walk over the tiers begins again.
    private func itsTurn() {
        guard let waiting = trail.waiting, !waiting.isReleased, !isOver else { return }
        lookForBlocks()
        guard !isOver else { return }
        leaveWaitingRoom()
        trail.waiting?.isReleased = true
        trail.waiting?.mayAskAgain = true
        plan?.attempts.beginAgain()
        dispatch()
    }

    /// The candidate's upstream with the key that a reload gave the account while the request waited: the old one may be worth nothing.
    /// Nil where it has the key still, or where the account is another server's by now.
    func renewed(_ candidate: Candidate) -> UpstreamRuntime? {
        guard trail.waiting != nil else { return nil }
        let newest = loop.shared.snapshots.current
        guard !snapshot.isInForce(where: newest) else { return nil }
        var upstream = configuration.upstreams[candidate.upstream]
        let account = upstream.accounts[candidate.account]
        let other = newest.configuration.upstreams.first { $0.name == upstream.name }
        guard let other, other.url == upstream.url, other.dialect == upstream.dialect, other.keyHeader == upstream.keyHeader,
            let old = account.key, let key = other.accounts.first(where: { $0.name == account.name })?.key, key != old
        else { return nil }
        upstream.accounts[candidate.account].key = key
        return UpstreamRuntime(upstream, loop: loop)
    }

    /// Whether the next attempt is the one that it has waited for; once.
    func takesTurn() -> Bool {
        guard trail.waiting?.mayAskAgain == true else { return false }
        trail.waiting?.mayAskAgain = false
        return true
    }

    /// Frees its place for others.
    func leaveWaitingRoom() {
        guard let waiting = trail.waiting, !waiting.isReleased else { return }
        room.leave(waiting.ticket)
    }

    private func refuseToWait(for awaited: AttemptPlan.Awaited, now: Int) {
        // Somebody else was too dear for a limit: that is what the client can do something about.
        if let refusal = grant?.refusal, trail.failures.isEmpty { return reply(refusal) }
        // Who failed for another reason than want of quota tells more, and may be well again sooner.
        if trail.failures.contains(where: { !$0.isRoutine }) { return answerFailure(.allFailed) }
        let seconds = min(max(1, (awaited.until &- now &+ 999) / 1000), RetryAfter.longest)
        // What an upstream said of its limit tells more than that there is one.
        if var limit = trail.newest.worst, limit.isTooManyRequests {
            limit.retryAfterSeconds = seconds
            return answer(with: limit, .allFailed)
        }
        var reply = LocalReply(
            .rateLimit, status: 429,
            "every account that could serve '\(Router.shown(request.content.model))' is out of quota or rests; the first is back in "
                + "\(seconds) s", retryAfterSeconds: seconds, stage: .dispatch)
        if seconds > Self.longestRetry { reply.fields.append(HeaderLine(name: "x-should-retry", value: "false")) }
        self.reply(reply)
    }

    /// The account's model that a request waits for, as a number among those of all upstreams.
    private func lane(of candidate: Candidate) -> UInt64 {
        var mark = TextMark()
        mark.add(snapshot.accountIDs[candidate.upstream][candidate.account].mark)
        mark.add(candidate.model)
        return mark.value
    }

    // MARK: Streams

    /// Tells a client that wants a stream that it lives. The first time the stream is opened for that: from then on whatever comes
    /// of the request is part of it.
    private func sayAlive() {
        let sign = SSEWriter.keepAlive(for: request.dialect)
        guard isStream, !sign.isEmpty, writer.isWritable else { return }
        if !(writer is OpenedStreamWriter) { openStream() }
        sign.withUnsafeBytes { writer.write($0) }
        figures.amounts.bytesOut &+= sign.count
        writer.flush()
    }

    /// Whether what was asked for is a stream of events.
    private var isStream: Bool {
        switch request.endpoint {
        case .generate: request.content.streams
        case .named: request.content.streams && !request.path.hasSuffix("/embeddings")
        case .countTokens, .other, .local: false
        }
    }

    private func openStream() {
        var draft = writer.draft(status: 200, room: 512) { fields in
            fields.field("content-type", "text/event-stream; charset=utf-8")
            fields.field("cache-control", "no-cache")
            fields.field("x-accel-buffering", "no")
            writeRequestID(into: &fields)
        }
        writer.frame(&draft, length: nil)
        writer.send(&draft)
        writer = OpenedStreamWriter(writer, dialect: request.dialect, requestID: requestID)
    }
}
