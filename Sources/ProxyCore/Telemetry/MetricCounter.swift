import Synchronization

/// One series that counts up in whole numbers; incrementing it is one atomic addition.
public final class MetricCounter: Sendable {
    let series: MetricSeries.ID
    private let count = Atomic<Int64>(0)

    init(_ series: MetricSeries.ID) {
        self.series = series
    }

    public var value: Int64 { count.load(ordering: .relaxed) }

    /// Amounts below zero are ignored: a counter never falls.
    @inline(__always)
    public func increment(by amount: Int64) {
        guard amount > 0 else { return }
        count.wrappingAdd(amount, ordering: .relaxed)
    }

    @inline(__always)
    public func increment() {
        count.wrappingAdd(1, ordering: .relaxed)
    }

    public func reset() {
        count.store(0, ordering: .relaxed)
    }

    /// Takes over a total that is counted elsewhere.
    func set(_ total: Int) {
        count.store(Int64(total), ordering: .relaxed)
    }
}
