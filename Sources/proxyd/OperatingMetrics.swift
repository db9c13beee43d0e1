import Foundation
import ProxyCore

/// Figures that are read when somebody asks for metrics, not counted as they happen.
enum OperatingMetrics {
    static func install(in metrics: MetricsRegistry, context: ProxyContext, status: Published<ReloadStatus>) {
        metrics.gauge(.buildInfo, Version.number).set(1.0)
        metrics.addCollector { metrics in
            metrics.gauge(.configGeneration).set(Double(status.current.generation))
            metrics.gauge(.configFailing).set(status.current.lastErrors.isEmpty ? 0.0 : 1.0)
            let states = context.accounts.states.current
            let now = Int(Date().timeIntervalSince1970 * 1000)
            metrics.removeAll(.quotaRemaining)
            for (upstream, reading) in states.quotas {
                for model in reading.models.keys {
                    guard case .known(let share) = states.share(upstream: upstream, model: model, now: now) else { continue }
                    metrics.gauge(.quotaRemaining, upstream, model).set(share)
                }
            }
        }
    }
}
