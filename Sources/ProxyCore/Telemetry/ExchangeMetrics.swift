import Dialects

/// Counts exchanges; one per event loop, because it keeps the handles it used last and so seldom asks the registry.
public final class ExchangeMetrics {
    private let registry: MetricsRegistry
    private let models: ModelNames
    private let active: MetricGauge
    private let connections: MetricGauge
    /// What this loop adds to the last hour's figures.
    let live: LiveFigures.Part
    /// Few and in use all the time: found by comparing, which within a snapshot is comparing pointers.
    private var recent: [(labels: RouteLabels?, series: Series)] = []
    private var series: [SeriesKey: Series] = [:]
    private var attempts: [[String]: MetricCounter] = [:]
    /// The counters by `Outcome.place`; made when first counted, so that nothing shows that never happened.
    private var outcomes = [MetricCounter?](repeating: nil, count: Outcome.places)

    private let spend: SpendMetrics
    private let operators: MetricCounter

    private static let recentLimit = 8
    /// More combinations than this are not met by honest traffic; the registry folds them, this forgets them.
    private static let seriesLimit = 2048

    public init(registry: MetricsRegistry, models: ModelNames? = nil) {
        self.registry = registry
        let models = models ?? ModelNames(registry: registry)
        self.models = models
        spend = SpendMetrics(registry: registry, models: models)
        operators = registry.counter(.adminRequests)
        active = registry.gauge(.activeRequests)
        connections = registry.gauge(.openConnections)
        live = registry.live.part()
    }

    public func connectionOpened() { connections.increment(by: 1) }
    public func connectionClosed() { connections.decrement(by: 1) }
    public func exchangeBegan() { active.increment(by: 1) }

    /// Counts a whole exchange by what its log line says; a probe, a scrape or an operator's call is in no other count.
    public func exchangeEnded(_ entry: borrowing RequestLogEntry) {
        active.decrement(by: 1)
        guard !entry.isAdmin else { return operators.increment() }
        let series = series(of: entry)
        series.requests.increment()
        series.seconds.recordNanoseconds(Int64(entry.totalMicroseconds) &* 1000)
        if entry.firstByteMicroseconds >= 0 {
            series.firstByte.recordNanoseconds(Int64(entry.firstByteMicroseconds) &* 1000)
        }
        counter(of: entry.outcome).increment()
    }

    /// Counts an attempt at an account; `result` is one word: `ok`, a status, `timeout`, `unreachable`, …
    public func attempt(upstream: String, account: String, result: String) {
        attempts(upstream: upstream, account: account, result: result).increment()
    }

    /// The counter that `attempt` counts with.
    func attempts(upstream: String, account: String, result: String) -> MetricCounter {
        let key = [upstream, account, result]
        let counter = attempts[key] ?? registry.counter(.upstreamAttempts, upstream, account, result)
        if attempts.count >= Self.seriesLimit { attempts = [:] }
        attempts[key] = counter
        return counter
    }

    /// Counts a request sent on; `reason` is proxy.yaml's word for it, or the status.
    public func fallback(reason: String) {
        registry.counter(.fallbacks, reason).increment()
    }

    /// Counts a request that a limit refused, by what the file calls it.
    public func limitRefused(_ name: String) {
        registry.counter(.limitRefused, name).increment()
        registry.counter(.limitRefusals, name).increment()
    }

    /// Counts what a request used, and what that cost.
    /// - Parameters:
    ///   - nanoDollars: nil where the model has no price.
    ///   - isAnswered: the model gave an answer, whatever has come of it.
    func used(_ usage: TokenUsage, _ nanoDollars: Int?, by key: ClientKey, model: String, isAnswered: Bool) {
        spend.count(usage, nanoDollars, by: key, model: model, isAnswered: isAnswered)
        if nanoDollars == nil { spend.countUnpriced(model: model) }
    }

    /// Counts a request that is known too late to have used a model without a price.
    func unpriced(model: String) { spend.countUnpriced(model: model) }

    /// Counts what a conversion changed or left out, by conversion.md 10's words. A member's name may be the client's invention.
    public func lossy(parameter: String, action: String) {
        registry.counter(.conversionLossy, KnownParameters.label(parameter), action).increment()
    }

    // MARK: Handles

    private struct SeriesKey: Hashable {
        var status: Int
        var model: String
        var upstream: String
        var rule: String
    }

    private final class Series {
        let key: SeriesKey
        let requests: MetricCounter
        let seconds: MetricHistogram
        let firstByte: MetricHistogram
        /// The model, where it has its place by serving.
        let proven: ProvenModel?
        private var uses = 0

        /// Counts a use for the model's place; false when that is another's by now. Often told at first, then now and then.
        @inline(__always)
        func serves() -> Bool {
            guard let proven else { return true }
            uses &+= 1
            if uses > 64, uses & 63 != 0 { return true }
            return proven.serve(uses > 64 ? 64 : 1)
        }

        init(_ key: SeriesKey, proven: ProvenModel?, registry: MetricsRegistry) {
            self.key = key
            self.proven = proven
            requests = registry.counter(.requests, key.rule, key.upstream, key.model, String(key.status))
            seconds = registry.histogram(.requestSeconds, key.upstream, key.model)
            firstByte = registry.histogram(.firstByteSeconds, key.upstream, key.model)
        }
    }

    private func series(of entry: borrowing RequestLogEntry) -> Series {
        for recent in recent
        where recent.series.key.status == entry.status && recent.labels === entry.labels
            && recent.series.key.model == entry.modelServed
        {
            if recent.series.serves() { return recent.series }
            break
        }
        return findSeries(of: entry)
    }

    private func findSeries(of entry: borrowing RequestLogEntry) -> Series {
        let isResponse = entry.status > 0 && entry.status < 400
        let place = isResponse ? models.prove(entry.modelServed) : models.place(of: entry.modelServed)
        var key = SeriesKey(
            status: entry.status, model: entry.modelServed, upstream: entry.labels?.upstream ?? "",
            rule: entry.labels?.rule ?? "")
        var proven: ProvenModel?
        switch place {
        case .declared: break
        case .proven(let model): proven = model
        case .none: key.model = ModelNames.other
        }
        for index in recent.indices.reversed() where recent[index].labels === entry.labels && recent[index].series.key == key {
            recent.remove(at: index)
        }
        if series.count >= Self.seriesLimit { series = [:] }
        if let known = series[key], known.proven !== proven { series[key] = nil }
        let found = series[key] ?? Series(key, proven: proven, registry: registry)
        series[key] = found
        if isResponse { _ = found.serves() }
        // What strangers ask for is looked up each time: it may be proved meanwhile, and pushes nobody out here.
        guard key.model == entry.modelServed else { return found }
        if recent.count >= Self.recentLimit { recent.removeLast() }
        recent.insert((entry.labels, found), at: 0)
        return found
    }

    private func counter(of outcome: Outcome) -> MetricCounter {
        if let counter = outcomes[outcome.place] { return counter }
        let counter = registry.counter(.outcomes, outcome.party.label.description, outcome.stage.label.description)
        outcomes[outcome.place] = counter
        return counter
    }
}

@available(*, unavailable)
extension ExchangeMetrics: Sendable {}
