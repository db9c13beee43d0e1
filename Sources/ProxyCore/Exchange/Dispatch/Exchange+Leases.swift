import Dialects
import NIOCore

/// Where limits are shared by several nodes, and what this one holds of them is too little, the server is asked. The request waits
/// for one answer, and not for longer than a moment.
extension Exchange {
    /// - Parameter candidate: who is asked then; nil where the request waits for somebody who rests, and looks again.
    func waitForLease(_ slots: [Int], _ candidate: Candidate?) {
        guard let grant, let agent = loop.shared.limits.bell.agent else { return giveUpLease(candidate) }
        let since = grant.lease?.since
        grant.lease = LeaseWait(candidate: candidate, since: since ?? SteadyClock.milliseconds)
        let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let eventLoop = loop.eventLoop
        if since == nil {
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
        dispatch()
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
