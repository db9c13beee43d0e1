import Synchronization

/// Bounds what fallback may add to the load of upstreams: at most 20% more attempts than requests, plus 10 a second.
///
/// Without it, an outage of one upstream would double the load on the next at the worst moment.
final class RetryBudget: Sendable {
    private struct Account {
        /// Fifths of an attempt that requests earned.
        var earned = 0
        /// Thousandths of an attempt that time earned.
        var timed = 10_000
        var countedRequests = 0
        var lastMilliseconds: Int?
    }

    private static let timedCapacity = 10_000
    private static let earnedCapacity = 5 * 1000

    private let requests = Atomic<Int>(0)
    private let account = Mutex(Account())

    /// An upstream is asked for the first time for a request.
    func countRequest() {
        requests.wrappingAdd(1, ordering: .relaxed)
    }

    /// Whether one more attempt may be made; takes it from the budget.
    func spend(nowMilliseconds now: Int) -> Bool {
        let requests = requests.load(ordering: .relaxed)
        return account.withLock { account in
            account.earned = min(account.earned + (requests &- account.countedRequests), Self.earnedCapacity)
            account.countedRequests = requests
            let elapsed = min(max(now - (account.lastMilliseconds ?? now), 0), 1000)
            account.timed = min(account.timed + elapsed * 10, Self.timedCapacity)
            account.lastMilliseconds = now
            if account.earned >= 5 {
                account.earned -= 5
                return true
            }
            guard account.timed >= 1000 else { return false }
            account.timed -= 1000
            return true
        }
    }
}
