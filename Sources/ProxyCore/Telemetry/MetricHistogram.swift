import Synchronization

/// One series of observations in fixed buckets. Times are kept as whole nanoseconds, other values as they are.
public final class MetricHistogram: Sendable {
    public static let maximumBounds = 15

    let series: MetricSeries.ID
    /// Upper bounds, in the unit the series is shown in.
    let bounds: [Double]
    private let counts = Counts()
    private let nanosecondBounds: InlineArray<15, Int64>
    private let nanoseconds = Atomic<Int64>(0)
    private let sum: MetricGauge

    /// The last is of what is above every bound.
    private struct Counts: ~Copyable, Sendable {
        let buckets = InlineArray<16, Atomic<Int64>> { _ in Atomic(0) }
    }

    init(_ series: MetricSeries.ID, bounds: [Double]) {
        let bounds = Array(bounds.prefix(Self.maximumBounds))
        self.series = series
        self.bounds = bounds
        nanosecondBounds = InlineArray { index in
            index < bounds.count ? Int64(exactly: (bounds[index] * 1e9).rounded()) ?? .max : .max
        }
        sum = MetricGauge(series, onlyRises: false)
    }

    /// A duration; below zero counts as none.
    public func recordNanoseconds(_ duration: Int64) {
        let duration = max(duration, 0)
        var bucket = 0
        while bucket < bounds.count, duration > nanosecondBounds[bucket] { bucket += 1 }
        counts.buckets[bucket].wrappingAdd(1, ordering: .relaxed)
        nanoseconds.wrappingAdd(duration, ordering: .relaxed)
    }

    public func record(_ value: Int64) { record(Double(value)) }

    public func record(_ value: Double) {
        guard value.isFinite else { return }
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        counts.buckets[bucket].wrappingAdd(1, ordering: .relaxed)
        sum.increment(by: value)
    }

    /// Observations up to each bound and, last, all; and their sum.
    func reading() -> (cumulative: [Int64], sum: Double) {
        var total: Int64 = 0
        let cumulative = (0...bounds.count).map { index in
            total &+= counts.buckets[index].load(ordering: .relaxed)
            return total
        }
        return (cumulative, sum.value + Double(nanoseconds.load(ordering: .relaxed)) / 1e9)
    }
}
