import Synchronization

/// Bounds what fallback may add to the load of upstreams: at most 20% more attempts than requests, plus 10 a second.
///
/// Without it, an outage of one upstream would double the load on the next at the worst moment.
final class RetryBudget: Sendable {
    private struct Savings {
        /// Fifths of an attempt that requests earned.
        var earned = 0
        /// Thousandths of an attempt that time earned.
        var timed = 10_000
        var countedRequests = 0
        var lastMilliseconds: Int?
    }

    private static let timedCapacity = 10_000
    private static let fifths = 5
    private static let earnedCapacity = fifths * 1000

    private let requests = Atomic<Int>(0)
    private let savings = Mutex(Savings())

    /// An upstream is asked for the first time for a request.
    func countRequest() {
        requests.wrappingAdd(1, ordering: .relaxed)
    }

    /// Whether one more attempt may be made; takes it from the budget.
    func spend(nowMilliseconds now: Int) -> Bool {
        let requests = requests.load(ordering: .relaxed)
        return savings.withLock { savings in
            savings.earned = min(savings.earned + (requests &- savings.countedRequests), Self.earnedCapacity)
            savings.countedRequests = requests
            let elapsed = min(max(now - (savings.lastMilliseconds ?? now), 0), 1000)
            savings.timed = min(savings.timed + elapsed * 10, Self.timedCapacity)
            savings.lastMilliseconds = now
            if savings.earned >= Self.fifths {
                savings.earned -= Self.fifths
                return true
            }
            guard savings.timed >= 1000 else { return false }
            savings.timed -= 1000
            return true
        }
    }

    /// An attempt that was taken from it was not made.
    func giveBack() {
        savings.withLock { $0.earned = min($0.earned + Self.fifths, Self.earnedCapacity) }
    }
}
