import Synchronization

/// One series that holds a number: a gauge, or a sum that counts up in fractions.
public final class MetricGauge: Sendable {
    let series: MetricSeries.ID
    private let bits = Atomic<UInt64>(0)
    private let onlyRises: Bool

    init(_ series: MetricSeries.ID, onlyRises: Bool) {
        self.series = series
        self.onlyRises = onlyRises
    }

    public var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    public func set(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    public func set(_ value: Int64) { set(Double(value)) }
    public func record(_ value: Int64) { set(Double(value)) }
    public func record(_ value: Double) { set(value) }
    public func reset() { set(0.0) }

    public func increment(by amount: Double) {
        guard amount > 0 || !onlyRises else { return }
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            guard !exchanged else { return }
            old = original
        }
    }

    public func decrement(by amount: Double) { increment(by: -amount) }
}
