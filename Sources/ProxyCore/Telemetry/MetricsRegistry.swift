import Basics
import Synchronization

/// All metrics of the process, and their Prometheus text.
///
/// Asking for a series takes a lock and gives a handle; counting on a handle takes neither, so who counts often keeps it.
/// The number of series is bounded: what would exceed it is counted in the metric's series whose labels all say `other`.
public final class MetricsRegistry: Sendable {
    private let state: Mutex<State>
    private let rendering = Mutex(())
    private let folded = MetricCounter(MetricSeries.ID(name: Metric.seriesFolded.name, labels: ""))
    private let maximumSeries: Int
    private let maximumSeriesPerMetric: Int
    /// The last hour, for who looks on.
    public let live = LiveFigures()

    struct Family {
        var metric: Metric
        var series: [String: MetricSeries] = [:]
    }

    private struct State {
        var families: [String: Family] = [:]
        /// How many series the metrics have that are without a bound of their own.
        var seriesCount = 0
        var collectors: [@Sendable (MetricsRegistry) -> Void] = []

        mutating func keep(_ series: [String: MetricSeries], of name: String) {
            guard let family = families[name] else { return }
            if family.metric.bound == nil { seriesCount -= family.series.count - series.count }
            families[name]?.series = series
        }
    }

    public init(maximumSeries: Int = 5000, maximumSeriesPerMetric: Int = 1000) {
        self.maximumSeries = maximumSeries
        self.maximumSeriesPerMetric = maximumSeriesPerMetric
        var state = State()
        state.families[Metric.seriesFolded.name] = Family(metric: .seriesFolded, series: ["": .counter(folded)])
        self.state = Mutex(state)
    }

    // MARK: Handles

    /// The series with these label values, in the order of the metric's labels. A metric of another kind under this name
    /// gives a handle that counts but is not shown.
    public func counter(_ metric: Metric, _ values: String...) -> MetricCounter {
        guard case .counter(let counter) = series(metric, Self.labels(metric, values), values) else {
            return MetricCounter(MetricSeries.ID(name: metric.name, labels: ""))
        }
        return counter
    }

    /// A gauge, or a sum.
    public func gauge(_ metric: Metric, _ values: String...) -> MetricGauge {
        gauge(metric, labels: Self.labels(metric, values))
    }

    public func histogram(_ metric: Metric, _ values: String...) -> MetricHistogram {
        guard case .histogram(let histogram) = series(metric, Self.labels(metric, values), values) else {
            return MetricHistogram(MetricSeries.ID(name: metric.name, labels: ""), bounds: Metric.magnitudes)
        }
        return histogram
    }

    /// Lets a series go, for what no longer exists.
    public func remove(_ metric: Metric, _ values: String...) {
        remove(MetricSeries.ID(name: metric.name, labels: Self.labels(metric, values)))
    }

    /// Lets all series of a metric go.
    public func removeAll(_ metric: Metric) {
        state.withLock { $0.keep([:], of: metric.name) }
    }

    /// Lets all series go, of whatever metric, that have this value of a label.
    func removeAll(where label: String, is value: String) {
        // A quote within a value is escaped: this text stands for nothing else.
        let text = MetricSeries.labels([(label, value)])
        state.withLock { state in
            for (name, family) in state.families where family.metric.labels.contains(label) {
                let left = family.series.filter { key, _ in key != text && !key.hasPrefix(text + ",") && !key.contains("," + text)
                }
                state.keep(left, of: name)
            }
        }
    }

    /// Called before every rendering, to set what is only known by looking.
    public func addCollector(_ collect: @escaping @Sendable (MetricsRegistry) -> Void) {
        state.withLock { $0.collectors.append(collect) }
    }

    /// Prometheus text exposition format 0.0.4, sorted by name and labels.
    public func render() -> [UInt8] {
        // One at a time: a collector may let series go before it sets them anew, and nobody is to see them missing.
        let families = rendering.withLock { _ -> [String: Family] in
            for collect in state.withLock({ $0.collectors }) { collect(self) }
            return state.withLock { $0.families }
        }
        var text = ""
        for (name, family) in families.inKeyOrder() where !family.series.isEmpty {
            let type: String
            switch family.metric.kind {
            case .counter, .sum: type = "counter"
            case .gauge: type = "gauge"
            case .histogram: type = "histogram"
            }
            if !family.metric.help.isEmpty { text += "# HELP \(name) \(family.metric.help)\n" }
            text += "# TYPE \(name) \(type)\n"
            for (labels, series) in family.series.inKeyOrder() {
                series.render(name, labels, into: &text)
            }
        }
        return Array(text.utf8)
    }

    /// The content type of the body that `render` gives.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    // MARK: Series

    func counter(_ metric: Metric, labels: String) -> MetricCounter {
        guard case .counter(let counter) = series(metric, labels) else {
            return MetricCounter(MetricSeries.ID(name: metric.name, labels: labels))
        }
        return counter
    }

    func gauge(_ metric: Metric, labels: String) -> MetricGauge {
        guard case .gauge(let gauge) = series(metric, labels) else {
            return MetricGauge(MetricSeries.ID(name: metric.name, labels: labels), onlyRises: metric.kind == .sum)
        }
        return gauge
    }

    func histogram(_ metric: Metric, labels: String) -> MetricHistogram {
        guard case .histogram(let histogram) = series(metric, labels) else {
            return MetricHistogram(MetricSeries.ID(name: metric.name, labels: labels), bounds: Metric.magnitudes)
        }
        return histogram
    }

    func remove(_ id: MetricSeries.ID) {
        state.withLock { state in
            guard var left = state.families[id.name]?.series, left.removeValue(forKey: id.labels) != nil else { return }
            state.keep(left, of: id.name)
        }
    }

    /// - Parameter values: of the labels, where they are known: what is too much gives up its open label first.
    private func series(_ metric: Metric, _ labels: String, _ values: [String] = []) -> MetricSeries {
        state.withLock { state in
            if let known = state.families[metric.name]?.series[labels] { return known }
            var labels = labels
            let siblings = state.families[metric.name]?.series.count ?? 0
            let most = metric.bound ?? maximumSeriesPerMetric
            let all = metric.bound == nil ? state.seriesCount : 0
            if !labels.isEmpty, siblings >= most || all >= maximumSeries {
                folded.increment()
                // The rest of its labels are the file's, so that these are few.
                let isFarOver = siblings >= 2 * most || all >= 2 * maximumSeries
                labels = MetricSeries.labels(
                    zip(metric.labels, metric.labels.indices).map { label, index in
                        let isOpen = label == metric.openLabel || isFarOver || metric.openLabel == nil || index >= values.count
                        return (label, isOpen ? ModelNames.other : values[index])
                    })
                if let other = state.families[metric.name]?.series[labels] { return other }
            }
            let metric = state.families[metric.name]?.metric ?? metric
            let made = MetricSeries(MetricSeries.ID(name: metric.name, labels: labels), kind: metric.kind)
            state.families[metric.name, default: Family(metric: metric)].series[labels] = made
            if metric.bound == nil { state.seriesCount += 1 }
            return made
        }
    }

    private static func labels(_ metric: Metric, _ values: [String]) -> String {
        MetricSeries.labels(zip(metric.labels, values))
    }
}
