/// Figures of accounts that are read when somebody asks for metrics. Labels are the file's names and kinds of windows: never a model.
public enum AccountMetrics {
    /// - Parameter now: milliseconds of `SteadyClock`.
    public static func install(
        in metrics: MetricsRegistry, accounts: AccountBook, snapshots: SnapshotStore,
        now: @escaping @Sendable () -> Int = { SteadyClock.milliseconds }
    ) {
        metrics.addCollector { metrics in
            collect(metrics, accounts, snapshots.current.configuration.upstreams, now: now())
        }
    }

    /// What is told anew each time, of the accounts that there are.
    private static let told: [Metric] = [
        .accountUp, .accountQuotaShare, .accountQuotaResets, .accountInFlight, .quotaWasted, .affinity,
    ]

    private static func collect(_ metrics: MetricsRegistry, _ accounts: AccountBook, _ upstreams: [Upstream], now: Int) {
        // Windows are noticed to be over when somebody looks, too.
        accounts.quota.flush(now: now)
        accounts.quota.expire(now: now)
        let states = accounts.states.current
        for metric in told { metrics.removeAll(metric) }
        for id in upstreams.flatMap(\.accountIDs) {
            let (upstream, account) = (id.upstream, id.account)
            metrics.gauge(.accountUp, upstream, account).set(isUp(id, states, now: now) ? 1.0 : 0.0)
            metrics.gauge(.accountInFlight, upstream, account).set(Double(states.load(of: id)?.inFlight ?? 0))
            for result in AffinityTable.Result.allCases {
                let count = states.load(of: id)?.affinity(result) ?? 0
                metrics.counter(.affinity, upstream, account, result.rawValue).set(count)
            }
            for (kind, window) in tightest(states.windows[id]?.list(now: now) ?? []) {
                if let share = window.share { metrics.gauge(.accountQuotaShare, upstream, account, kind).set(share) }
                guard let reset = window.resetsAt, reset > now else { continue }
                metrics.gauge(.accountQuotaResets, upstream, account, kind).set(Double(reset &- now) / 1000)
            }
        }
        for waste in accounts.quota.wasted {
            metrics.gauge(.quotaWasted, waste.account.upstream, waste.account.account, waste.kind).set(waste.shares)
        }
    }

    /// Whether it takes requests for some model, as its state is told: who waits to be tried once more is not back.
    private static func isUp(_ id: AccountID, _ states: AccountStates, now: Int) -> Bool {
        if let held = states.accounts[id]?.standing(now: now).word, held != .ready, held != .cooling { return false }
        switch states.availability(of: id, model: "*", now: now) {
        case .ready, .cooling: return true
        case .outOfQuota, .outOfMoney, .refused, .failing, .drained: return false
        }
    }

    /// The window of each kind with the least left: models are too many for labels.
    private static func tightest(_ windows: [QuotaWindow]) -> [String: QuotaWindow] {
        Dictionary(windows.map { ($0.kind, $0) }) { ($0.share ?? 2) <= ($1.share ?? 2) ? $0 : $1 }
    }
}
