import Dialects

/// Counts what keys use of models; one per event loop, for the handles that it keeps.
final class SpendMetrics {
    private let registry: MetricsRegistry
    private let models: ModelNames
    private var handles: [Place: Handles] = [:]
    /// Most requests are of the key and the model of the one before.
    private var last: (place: Place, handles: Handles)?
    private var unpriced: [String: MetricCounter] = [:]
    private var lastUnpriced: (model: String, counter: MetricCounter, uses: Int)?

    /// Above this everything is forgotten, and found again in the registry.
    private static let most = 4_096

    init(registry: MetricsRegistry, models: ModelNames) {
        self.registry = registry
        self.models = models
    }

    /// - Parameters:
    ///   - nanoDollars: nil where the model has no price.
    ///   - isAnswered: the model gave an answer, whatever has come of it.
    func count(_ usage: TokenUsage, _ nanoDollars: Int?, by key: ClientKey, model: String, isAnswered: Bool) {
        if last?.place.key === key, last?.place.model == model, let known = last?.handles, !known.pair.isGone {
            return known.count(usage, nanoDollars ?? 0, registry)
        }
        find(Place(key: key, model: model), isAnswered: isAnswered).count(usage, nanoDollars ?? 0, registry)
    }

    private func find(_ place: Place, isAnswered: Bool) -> Handles {
        if let known = handles[place], !known.pair.isGone {
            last = (place, known)
            return known
        }
        let model = models.label(of: place.model, isAnswered: isAnswered)
        let found = Handles(models.keyed.pair(key: place.key.name, model: model), registry)
        // What is counted with others is looked for each time: it may have a place of its own meanwhile.
        guard !found.pair.isFolded, model == place.model else { return found }
        if handles.count >= Self.most { handles = [:] }
        handles[place] = found
        last = (place, found)
        return found
    }

    // MARK: Without a price

    /// A name can lose its place among the models that are told apart: now and then that is looked up again.
    func countUnpriced(model: String) {
        if let uses = lastUnpriced?.uses, uses < 64, lastUnpriced?.model == model {
            lastUnpriced?.uses = uses + 1
            lastUnpriced?.counter.increment()
            return
        }
        guard models.status(of: model) == .known else { return unpricedCounter(of: ModelNames.other).increment() }
        let counter = unpricedCounter(of: model)
        lastUnpriced = (model, counter, 0)
        counter.increment()
    }

    private func unpricedCounter(of model: String) -> MetricCounter {
        if let known = unpriced[model] { return known }
        if unpriced.count >= Self.most { unpriced = [:] }
        let counter = registry.counter(.unpriced, model)
        unpriced[model] = counter
        return counter
    }

    // MARK: Handles

    /// Keeps the key, so that no other can have its identity.
    private struct Place: Hashable {
        let key: ClientKey
        let model: String

        static func == (a: Place, b: Place) -> Bool { a.key === b.key && a.model == b.model }

        func hash(into hasher: inout Hasher) {
            hasher.combine(ObjectIdentifier(key))
            hasher.combine(model)
        }
    }

    /// The series of a key and a model. Those of caches and money are there from the first that is counted.
    private final class Handles {
        let pair: KeyedModel
        private let input: MetricCounter
        private let output: MetricCounter
        private var cacheRead: MetricCounter?
        private var cacheWrite: MetricCounter?
        private var cost: MetricGauge?

        init(_ pair: KeyedModel, _ registry: MetricsRegistry) {
            self.pair = pair
            input = registry.counter(.tokens, pair.key, pair.model, "input")
            output = registry.counter(.tokens, pair.key, pair.model, "output")
        }

        /// A counter takes no amount below zero.
        func count(_ usage: TokenUsage, _ nanoDollars: Int, _ registry: MetricsRegistry) {
            input.increment(by: Int64(usage.uncachedInput))
            output.increment(by: Int64(usage.output))
            if usage.cacheRead > 0 {
                let counter = cacheRead ?? registry.counter(.tokens, pair.key, pair.model, "cache_read")
                cacheRead = counter
                counter.increment(by: Int64(usage.cacheRead))
            }
            if usage.cacheWrite > 0 {
                let counter = cacheWrite ?? registry.counter(.tokens, pair.key, pair.model, "cache_write")
                cacheWrite = counter
                counter.increment(by: Int64(usage.cacheWrite))
            }
            if nanoDollars > 0 {
                let gauge = cost ?? registry.gauge(.cost, pair.key, pair.model)
                cost = gauge
                gauge.increment(by: Double(nanoDollars) / 1e9)
            }
        }
    }
}

@available(*, unavailable)
extension SpendMetrics: Sendable {}
