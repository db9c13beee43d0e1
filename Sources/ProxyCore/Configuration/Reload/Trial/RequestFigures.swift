import RuleEngine
import Synchronization

/// What requests came to, as a trial compares them. Loops count in it without a lock.
final class RequestFigures: Sendable {
    private let requests = Atomic<Int>(0)
    private let errors = Atomic<Int>(0)
    private let refusals = Atomic<Int>(0)
    /// Nanodollars of those whose cost is known, and the greatest of them.
    private let cost = Atomic<Int>(0)
    private let greatestCost = Atomic<Int>(0)
    private let costed = Atomic<Int>(0)
    /// Times until the first byte: four buckets for each power of two of microseconds.
    private let times = Times()

    private final class Times: Sendable {
        let buckets = InlineArray<128, Atomic<Int>> { _ in Atomic(0) }
    }

    /// One request that has ended.
    struct Sample: Sendable {
        var end = End.served
        /// Nanodollars; negative where nobody knows.
        var cost = -1
        /// Negative where there was none.
        var firstByteMicroseconds = -1

        enum End: Sendable { case served, failed, refused }
    }

    /// The sums of one moment.
    struct Sums: Sendable {
        var requests = 0
        var errors = 0
        var refusals = 0
        var cost = 0
        var greatestCost = 0
        var costed = 0
        var times = [Int](repeating: 0, count: 128)

        static func + (a: Sums, b: Sums) -> Sums {
            var sums = a
            sums.requests += b.requests
            sums.errors += b.errors
            sums.refusals += b.refusals
            sums.cost = a.cost.addingReportingOverflow(b.cost).partialValue
            sums.greatestCost = max(a.greatestCost, b.greatestCost)
            sums.costed += b.costed
            for (index, count) in b.times.enumerated() where sums.times.indices.contains(index) { sums.times[index] += count }
            return sums
        }
    }

    func count(_ sample: Sample) {
        requests.wrappingAdd(1, ordering: .relaxed)
        switch sample.end {
        case .served: break
        case .failed: errors.wrappingAdd(1, ordering: .relaxed)
        case .refused: refusals.wrappingAdd(1, ordering: .relaxed)
        }
        if sample.cost >= 0 {
            cost.wrappingAdd(sample.cost, ordering: .relaxed)
            greatestCost.max(sample.cost, ordering: .relaxed)
            costed.wrappingAdd(1, ordering: .relaxed)
        }
        if sample.firstByteMicroseconds >= 0 {
            times.buckets[Self.bucket(of: sample.firstByteMicroseconds)].wrappingAdd(1, ordering: .relaxed)
        }
    }

    var sums: Sums {
        var sums = Sums()
        sums.requests = requests.load(ordering: .relaxed)
        sums.errors = errors.load(ordering: .relaxed)
        sums.refusals = refusals.load(ordering: .relaxed)
        sums.cost = cost.load(ordering: .relaxed)
        sums.greatestCost = greatestCost.load(ordering: .relaxed)
        sums.costed = costed.load(ordering: .relaxed)
        for index in 0..<128 { sums.times[index] = times.buckets[index].load(ordering: .relaxed) }
        return sums
    }

    /// 0–127; the last is for half an hour and more.
    static func bucket(of microseconds: Int) -> Int {
        guard microseconds >= 4 else { return max(0, microseconds) }
        let exponent = Int.bitWidth - 1 - microseconds.leadingZeroBitCount
        let quarter = microseconds >> (exponent - 2) & 3
        return min((exponent - 1) * 4 + quarter, 127)
    }

    /// The middle of a bucket, in milliseconds.
    static func milliseconds(ofBucket bucket: Int) -> Double {
        guard bucket >= 4 else { return Double(bucket) / 1_000 }
        let unit = Double(1 << (bucket / 4 - 1))
        return (Double(4 + bucket % 4) + 0.5) * unit / 1_000
    }
}

extension RequestFigures.Sums {
    /// The figures that `rollback_if` sees.
    var figures: RollbackExpression.Figures {
        var figures = RollbackExpression.Figures()
        figures.requests = requests
        figures.errorRate = share(of: Double(errors))
        figures.refusals = share(of: Double(refusals))
        if costed > 0 { figures.costPerRequest = Double(cost) / Double(costed) / 1e9 }
        figures.firstByteMilliseconds = median
        return figures
    }

    /// The same, of which chance may be no part: a standard deviation fewer errors and refusals, and all but the most expensive
    /// request. One bad request shows nothing.
    var certain: RollbackExpression.Figures {
        var figures = figures
        figures.errorRate = share(of: Double(errors) - Double(errors).squareRoot())
        figures.refusals = share(of: Double(refusals) - Double(refusals).squareRoot())
        figures.costPerRequest = costed > 1 ? Double(cost &- greatestCost) / Double(costed - 1) / 1e9 : 0
        if timed < Self.fewest { figures.firstByteMilliseconds = 0 }
        return figures
    }

    /// So many requests tell what one costs, and how long one takes.
    static let fewest = 5

    var timed: Int { times.reduce(0, +) }

    private func share(of count: Double) -> Double { requests > 0 ? max(0, count) / Double(requests) : 0 }

    private var median: Double {
        let middle = (timed + 1) / 2
        guard middle > 0 else { return 0 }
        var seen = 0
        for (index, count) in times.enumerated() {
            seen += count
            if seen >= middle { return RequestFigures.milliseconds(ofBucket: index) }
        }
        return 0
    }
}
