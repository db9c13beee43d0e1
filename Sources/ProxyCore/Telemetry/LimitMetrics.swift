import Basics

/// What is used of limits, read when somebody asks for metrics. Buckets are too many for labels: the one nearest to its end is told.
public enum LimitMetrics {
    public static func install(in metrics: MetricsRegistry, ledger: UsageLedger, snapshots: SnapshotStore) {
        metrics.addCollector { [weak ledger] metrics in
            guard let ledger else { return }
            collect(metrics, ledger.limits, snapshots.current.limits, now: .now)
        }
    }

    static func collect(_ metrics: MetricsRegistry, _ table: LimitTable, _ limits: LimitSet, now: LimitTime) {
        for metric in [Metric.limitUsed, .limitMax, .limitLeaseHeld] { metrics.removeAll(metric) }
        let all = limits.policies.inKeyOrder().map(\.value) + limits.entries.map(\.limit)
        guard !all.isEmpty else { return }
        for figure in table.tightest(all, now: now) {
            let unit = figure.rate.kind == .cost ? 1e9 : 1
            metrics.gauge(.limitUsed, figure.limit, figure.rate.kind.rawValue).set(Double(figure.used) / unit)
            metrics.gauge(.limitMax, figure.limit, figure.rate.kind.rawValue).set(Double(figure.rate.most) / unit)
        }
        for (limit, kind, amount) in table.held(now: now) {
            let unit = kind == .cost ? 1e9 : 1
            for title in Set(limit.rates.filter { $0.kind == kind }.map { limit.title($0) }) {
                metrics.gauge(.limitLeaseHeld, title, kind.rawValue).set(Double(amount) / unit)
            }
        }
    }
}
