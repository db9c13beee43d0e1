import Foundation
import ProxyCore
import Synchronization

/// Figures that are read when somebody asks for metrics, not counted as they happen.
enum OperatingMetrics {
    static func install(
        in metrics: MetricsRegistry, context: ProxyContext, server: ProxyServer, status: Published<ReloadStatus>
    ) {
        // There from the start, so that the first of them is seen to be one more.
        for metric in [Metric.telemetryDropped, .eventsDropped, .decisionsDropped, .alertsDropped] { _ = metrics.counter(metric) }
        context.ledger.install(in: metrics)
        AccountMetrics.install(in: metrics, accounts: context.accounts, snapshots: context.snapshots)
        LimitMetrics.install(in: metrics, ledger: context.ledger, snapshots: context.snapshots)
        let log = LogFigures(sink: context.logSink, lost: metrics.counter(.logLinesLost))
        metrics.addCollector { metrics in
            tell(status.current, metrics)
            tellCertificates(server.certificates, metrics)
            context.models.makeRoom { !context.keys.keys(named: $0).isEmpty }
            log.tell(metrics)
            tellQuotas(context.accounts.states.current, metrics)
        }
    }

    /// What the log has lost since it was last looked at, and whether it fails.
    private final class LogFigures: Sendable {
        private let sink: LogSink
        private let lost: MetricCounter
        private let lastReported = Mutex(0)

        init(sink: LogSink, lost: MetricCounter) {
            self.sink = sink
            self.lost = lost
        }

        func tell(_ metrics: MetricsRegistry) {
            let lines = sink.lostLines
            let fresh = lastReported.withLock { lastReported in
                defer { lastReported = lines }
                return lines - lastReported
            }
            if fresh > 0 { lost.increment(by: Int64(fresh)) }
            metrics.gauge(.logFailing).set(sink.isFailing ? 1.0 : 0.0)
        }
    }

    private static func tellCertificates(_ certificates: [(listener: String, notAfter: Int)], _ metrics: MetricsRegistry) {
        metrics.removeAll(.certificateEnd)
        for (listener, notAfter) in certificates { metrics.gauge(.certificateEnd, listener).set(Double(notAfter)) }
    }

    private static func tellQuotas(_ states: AccountStates, _ metrics: MetricsRegistry) {
        let now = SteadyClock.milliseconds
        metrics.removeAll(.quotaRemaining)
        for (upstream, reading) in states.quotas {
            for model in reading.models.keys {
                guard case .known(let share) = states.quotaLevel(upstream: upstream, model: model, now: now) else { continue }
                metrics.gauge(.quotaRemaining, upstream, model).set(share)
            }
        }
    }

    private static func tell(_ status: ReloadStatus, _ metrics: MetricsRegistry) {
        let isGood = status.lastErrors.isEmpty
        metrics.gauge(.configGeneration).set(Double(status.generation))
        metrics.gauge(.configFailing).set(isGood ? 0.0 : 1.0)
        metrics.gauge(.configReloadSuccess).set(isGood ? 1.0 : 0.0)
        metrics.gauge(.configReloadSuccessTime).set(status.lastSuccess.timeIntervalSince1970.rounded(.down))
    }
}
