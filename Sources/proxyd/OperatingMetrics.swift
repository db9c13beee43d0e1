import Foundation
import ProxyCore
import Synchronization

/// Figures that are read when somebody asks for metrics, not counted as they happen.
enum OperatingMetrics {
    static func install(in metrics: MetricsRegistry, context: ProxyContext, status: Published<ReloadStatus>) {
        let lost = metrics.counter(.logLinesLost)
        let lastReported = Mutex(0)
        context.ledger.install(in: metrics)
        AccountMetrics.install(in: metrics, accounts: context.accounts, snapshots: context.snapshots)
        metrics.addCollector { metrics in
            metrics.gauge(.configGeneration).set(Double(status.current.generation))
            metrics.gauge(.configFailing).set(status.current.lastErrors.isEmpty ? 0.0 : 1.0)
            let lines = context.logSink.lostLines
            let fresh = lastReported.withLock { lastReported in
                defer { lastReported = lines }
                return lines - lastReported
            }
            if fresh > 0 { lost.increment(by: Int64(fresh)) }
            metrics.gauge(.logFailing).set(context.logSink.isFailing ? 1.0 : 0.0)
            let states = context.accounts.states.current
            let now = SteadyClock.milliseconds
            metrics.removeAll(.quotaRemaining)
            for (upstream, reading) in states.quotas {
                for model in reading.models.keys {
                    guard case .known(let share) = states.quotaLevel(upstream: upstream, model: model, now: now) else { continue }
                    metrics.gauge(.quotaRemaining, upstream, model).set(share)
                }
            }
        }
    }
}
