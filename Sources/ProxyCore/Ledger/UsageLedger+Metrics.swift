extension UsageLedger {
    /// What storage is like, and what it has cost, told when somebody asks for metrics.
    public func install(in metrics: MetricsRegistry) {
        let (requests, tokens) = (metrics.counter(.unaccountedRequests), metrics.counter(.unaccountedTokens))
        metrics.addCollector { [weak self] metrics in
            guard let self else { return }
            metrics.gauge(.storageFailing).set(health == .ok ? 0.0 : 1.0)
            requests.set(losses.requests)
            tokens.set(losses.tokens)
        }
    }
}
