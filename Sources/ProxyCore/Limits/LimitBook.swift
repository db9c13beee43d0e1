/// The limits as an operator sees and changes them: at once for the requests to come, and in the ledger for the next process.
public struct LimitBook: Sendable {
    let ledger: UsageLedger
    /// Who tells other nodes of blocks; nil where nobody shares them.
    private let sharing: BlockSharing?

    public init(_ ledger: UsageLedger, sharing: BlockSharing? = nil) {
        self.ledger = ledger
        self.sharing = sharing
    }

    public func refresh(_ limits: [UsageLimit], buckets: [String]) async {
        guard let agent = ledger.limits.bell.agent else { return }
        await agent.refresh(buckets.flatMap { bucket in limits.map { LimitUse($0, bucket: bucket) } })
    }

    public func figures(_ limits: [UsageLimit], bucket: String?, listsUntouched: Bool) -> [LimitFigure] {
        ledger.limits.figures(limits, bucket: bucket, listsUntouched: listsUntouched, now: .now)
    }

    public func figures(
        _ limits: [UsageLimit], count: Int, after last: LimitCharge?
    ) -> (figures: [LimitFigure], next: LimitCharge?) {
        ledger.limits.figures(limits, count: count, after: last, now: .now)
    }

    /// What was used until now is forgotten, what is asked after this returns counts: also for the next process, which tells them
    /// apart by their times alone. So this returns in a later millisecond than what it forgets.
    /// Nodes that share limits tell one another of kinds alone: among them all windows of the kind begin at zero.
    public func reset(_ limit: UsageLimit, bucket: String, kind: LimitRate.Kind?, window: LimitRate.Window?) async throws {
        let agent = ledger.limits.bell.agent
        let window = agent == nil ? window : nil
        ledger.limits.reset(limit: limit.id, bucket: bucket, kind: kind, window: window)
        await agent?.reset(limit: limit.id, bucket: bucket, kind: kind)
        let time = LoopContext.wallClock()
        try await ledger.resetLimit(LimitReset(limit: limit.id, bucket: bucket, kind: kind, window: window, time: time))
        // A clock that is set back meanwhile is not waited for.
        var looks = 0
        while LoopContext.wallClock() == time, looks < 20 {
            try await Task.sleep(for: .milliseconds(2))
            looks += 1
        }
    }

    /// It holds on all nodes also where it cannot be stored.
    public func block(_ limit: UsageLimit, bucket: String, until: Int, as title: String) async throws {
        ledger.limits.block(LimitUse(limit, bucket: bucket), until: until, as: title)
        await sharing?.tell(limit: limit.id, bucket: bucket, until: until, title: title)
        try await ledger.setLimitBlock(limit: limit.id, bucket: bucket, until: until > 0 ? until : nil, title: title)
    }
}
