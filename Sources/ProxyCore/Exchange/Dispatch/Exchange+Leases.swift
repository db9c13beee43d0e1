import Dialects
import NIOCore

/// Where limits are shared by several nodes, and what this one holds of them is too little, the server is asked. The request waits
/// for one answer, and not for longer than a moment.
extension Exchange {
    /// Rules, or limits, ask what is left of buckets of which the server has not told this node: it is asked first.
    /// - Returns: whether the request waits for that, and goes on later.
    func waitsForShares() -> Bool {
        guard snapshot.rules.reads.contains(.limits) || snapshot.limits.reads.contains(.limits),
            configuration.cluster?.limits.isEmpty == false, let key = caller?.key, let agent = loop.shared.limits.bell.agent
        else { return false }
        let limits = snapshot.limits
        // A request whose limits cannot be computed is refused later.
        let uses = try? limits.uses(policy: key.policy, id: key.id, name: key.name) {
            snapshot.asLimitsSee(gatherFacts(reads: limits.reads))
        }
        guard let uses else { return false }
        let slots = loop.shared.limits.askAhead(uses, now: .now)
        guard !slots.isEmpty else { return false }
        let grant = LimitGrant(LimitUses(uses), demand: LimitDemand(), seenBlocks: loop.shared.limits.blockCount)
        grant.lease = LeaseWait()
        self.grant = grant
        wait(for: slots, agent, isFirst: true)
        return true
    }

    /// - Parameter candidate: who is asked then; nil where the request waits for somebody who rests, and looks again.
    func waitForLease(_ slots: [Int], _ candidate: Candidate?) {
        guard let grant, let agent = loop.shared.limits.bell.agent else { return giveUpLease(candidate) }
        let since = grant.lease?.since
        grant.lease = LeaseWait(candidate: candidate, since: since ?? SteadyClock.milliseconds)
        wait(for: slots, agent, isFirst: since == nil)
    }

    private func wait(for slots: [Int], _ agent: LeaseAgent, isFirst: Bool) {
        let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let eventLoop = loop.eventLoop
        if isFirst {
            eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(agent.patience))) { [weak self] in
                self?.leaseWaitIsOver()
            }
        }
        agent.wait(for: slots) {
            eventLoop.execute { bound.value.leaseIsAnswered() }
        }
    }

    /// Nobody shares limits any more: it goes by what this node knows.
    private func giveUpLease(_ candidate: Candidate?) {
        guard grant?.lease?.isOver != true else { return reply(unreachable) }
        grant?.lease = LeaseWait(candidate: candidate, isOver: true)
        dispatch()
    }

    private func leaseIsAnswered() {
        guard !isOver, grant?.lease?.isWaiting == true else { return }
        if plan != nil { return dispatch() }
        grant = nil
        goOn()
    }

    private func leaseWaitIsOver() {
        guard !isOver, grant?.lease != nil else { return }
        grant?.lease?.isOver = true
        leaseIsAnswered()
    }

    /// The server that shares limits is away, and the file says that nobody is let through then.
    var unreachable: LocalReply {
        LocalReply(
            .overloaded, status: 503, "the server that shares limits among the nodes is away", retryAfterSeconds: 1,
            stage: .dispatch)
    }
}

extension LimitGrant {
    /// The candidate that was chosen before the request waited.
    func takeCandidate() -> Candidate? {
        guard let lease, lease.isWaiting else { return nil }
        self.lease?.isWaiting = false
        return lease.candidate
    }
}
