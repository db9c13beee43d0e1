import Metrics

/// What libraries count through swift-metrics is shown beside our own.
extension MetricsRegistry: MetricsFactory {
    public func makeCounter(label: String, dimensions: [(String, String)]) -> CounterHandler {
        counter(Self.metric(label, .counter, dimensions, suffix: "_total"), labels: Self.labels(dimensions))
    }

    public func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> FloatingPointCounterHandler {
        gauge(Self.metric(label, .sum, dimensions, suffix: "_total"), labels: Self.labels(dimensions))
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> MeterHandler {
        gauge(Self.metric(label, .gauge, dimensions), labels: Self.labels(dimensions))
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> RecorderHandler {
        guard aggregate else { return gauge(Self.metric(label, .gauge, dimensions), labels: Self.labels(dimensions)) }
        return histogram(Self.metric(label, .histogram(Metric.magnitudes), dimensions), labels: Self.labels(dimensions))
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> TimerHandler {
        histogram(
            Self.metric(label, .histogram(Metric.durations), dimensions, suffix: "_seconds"), labels: Self.labels(dimensions))
    }

    public func destroyCounter(_ handler: CounterHandler) {
        if let counter = handler as? MetricCounter { remove(counter.series) }
    }

    public func destroyFloatingPointCounter(_ handler: FloatingPointCounterHandler) {
        if let sum = handler as? MetricGauge { remove(sum.series) }
    }

    public func destroyMeter(_ handler: MeterHandler) {
        if let gauge = handler as? MetricGauge { remove(gauge.series) }
    }

    public func destroyRecorder(_ handler: RecorderHandler) {
        if let gauge = handler as? MetricGauge { remove(gauge.series) }
        if let histogram = handler as? MetricHistogram { remove(histogram.series) }
    }

    public func destroyTimer(_ handler: TimerHandler) {
        if let histogram = handler as? MetricHistogram { remove(histogram.series) }
    }

    /// By Prometheus' habits: dots become underscores, counters end in `_total`, times in `_seconds`.
    private static func metric(
        _ label: String, _ kind: Metric.Kind, _ dimensions: [(String, String)], suffix: String = ""
    ) -> Metric {
        let name = MetricSeries.sanitized(label)
        return Metric(
            name.hasSuffix(suffix) ? name : name + suffix, "", kind, labels: dimensions.map(\.0).sorted())
    }

    private static func labels(_ dimensions: [(String, String)]) -> String {
        MetricSeries.labels(dimensions.sorted { $0.0 < $1.0 })
    }
}
