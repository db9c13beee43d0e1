import Synchronization

/// Which limits have refused requests: that one is reached, and that it lets requests through again, is a line of the log each.
///
/// A bucket whose requests are refused and let through by turns is reached until none was refused for a minute.
final class ReachedLimits: Sendable {
    private struct Bucket: Hashable {
        let limit: String
        let label: String
    }

    fileprivate struct Reached {
        /// When it was last refused, in milliseconds of the steady clock.
        var refusedAt: Int
        /// When the window begins anew, by the wall clock; nil where only time tells.
        var endsAt: Int?
    }

    private let reached = Mutex<[Bucket: [String: Reached]]>([:])
    private let count = Atomic<Int>(0)

    /// Milliseconds without a refusal.
    static let quiet = 60_000
    /// Clients can name buckets: more are not told one by one.
    static let most = 1_000

    /// Whether any is: what a request that is let through asks first.
    var areAny: Bool { count.load(ordering: .relaxed) > 0 }

    /// - Returns: whether that is news.
    func refused(by refusal: LimitRefusal, now: LimitTime) -> Bool {
        guard let rate = refusal.rate else { return false }
        let bucket = Bucket(limit: refusal.limit.id, label: refusal.label)
        let isSlow = rate.window == .day || rate.window == .month
        return reached.withLock { reached in
            if reached[bucket] == nil, reached.count >= Self.most {
                reached = reached.filter { $0.value.values.contains { now.steady - $0.refusedAt < Self.quiet } }
                guard reached.count < Self.most else { return false }
            }
            let isNew = reached[bucket]?[refusal.name] == nil
            reached[bucket, default: [:]][refusal.name] = Reached(
                refusedAt: now.steady, endsAt: isSlow ? refusal.resetsAt : nil)
            count.store(reached.count, ordering: .relaxed)
            return isNew
        }
    }

    /// A request was let through.
    /// - Returns: which of its limits are free again, and whose bucket.
    func admitted(_ uses: [LimitUse], now: LimitTime) -> [(limit: String, label: String)] {
        reached.withLock { reached in
            var free: [(limit: String, label: String)] = []
            for use in uses {
                let bucket = Bucket(limit: use.limit.id, label: use.label)
                guard let rates = reached[bucket] else { continue }
                let left = rates.filter { !$0.value.isOver(now) }
                for name in rates.keys.sorted() where left[name] == nil { free.append((limit: name, label: use.label)) }
                reached[bucket] = left.isEmpty ? nil : left
            }
            count.store(reached.count, ordering: .relaxed)
            return free
        }
    }

    /// An operator has let a limit begin at zero: its buckets are free with the next request that is let through.
    func reset(limit id: String) {
        reached.withLock { reached in
            for (bucket, rates) in reached where bucket.limit == id {
                reached[bucket] = rates.mapValues { Reached(refusedAt: $0.refusedAt, endsAt: 0) }
            }
        }
    }
}

extension ReachedLimits.Reached {
    fileprivate func isOver(_ now: LimitTime) -> Bool {
        if let endsAt, now.wall >= endsAt { return true }
        return now.steady - refusedAt >= ReachedLimits.quiet
    }
}
