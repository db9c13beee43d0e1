import Dialects
import Testing

@testable import ProxyCore

@Suite("Exchange metrics")
struct ExchangeMetricsTests {
    @Test("an exchange is counted by what its log line says")
    func exchange() {
        let registry = MetricsRegistry()
        let metrics = ExchangeMetrics(registry: registry)
        var entry = RequestLogEntry()
        entry.labels = RouteLabels(rule: "opus", upstream: "antigravity")
        entry.modelServed = "claude"
        entry.status = 200
        entry.totalMicroseconds = 2_000_000
        entry.firstByteMicroseconds = 30_000
        metrics.connectionOpened()
        for _ in 0..<2 {
            metrics.exchangeBegan()
            metrics.attempt(upstream: "antigravity", account: "a", result: "429")
            metrics.attempt(upstream: "antigravity", account: "b", result: "ok")
            metrics.fallback(reason: "429")
            metrics.exchangeEnded(entry)
        }
        var scrape = RequestLogEntry()
        scrape.isAdmin = true
        scrape.status = 200
        for _ in 0..<2 {
            metrics.exchangeBegan()
            metrics.exchangeEnded(scrape)
        }
        metrics.exchangeBegan()
        metrics.lossy(parameter: "top_k", action: "dropped")
        let text = MetricsRegistryTests.text(registry)
        for line in [
            #"proxyd_requests_total{rule="opus",upstream="antigravity",model="claude",status="200"} 2"#,
            #"proxyd_request_seconds_sum{upstream="antigravity",model="claude"} 4"#,
            #"proxyd_first_byte_seconds_bucket{upstream="antigravity",model="claude",le="0.025"} 0"#,
            #"proxyd_first_byte_seconds_bucket{upstream="antigravity",model="claude",le="0.05"} 2"#,
            #"proxyd_upstream_attempts_total{upstream="antigravity",account="a",result="429"} 2"#,
            #"proxyd_upstream_attempts_total{upstream="antigravity",account="b",result="ok"} 2"#,
            #"proxyd_fallbacks_total{reason="429"} 2"#,
            "proxyd_admin_requests_total 2",
            #"proxyd_outcomes_total{ended_by="done",stage="relay"} 2"#,
            #"proxyd_conversion_lossy_total{parameter="top_k",action="dropped"} 1"#,
            "proxyd_open_connections 1", "proxyd_active_requests 1",
        ] {
            #expect(text.contains(line + "\n"), "\(line)")
        }
    }

    private static func key(_ number: Int) -> ClientKey {
        ClientKey(
            id: "key_\(number)", name: "name \(number)", digest: KeyDigest(hashing: "sk-\(number)"), masked: "sk-…", created: 0,
            source: .admin)
    }

    @Test("tokens and money are counted by key and model, and what has no price is told")
    func money() {
        let registry = MetricsRegistry()
        let metrics = ExchangeMetrics(registry: registry)
        let keys = (0..<20).map(Self.key)
        let usage = TokenUsage(uncachedInput: 10, cacheRead: 5, cacheWrite: 2, output: 7, reasoning: 3)
        for _ in 0..<3 {
            for key in keys { metrics.used(usage, 500_000_000, by: key, model: "opus", isAnswered: true) }
            metrics.used(TokenUsage(output: 1), 250_000_000, by: keys[0], model: "haiku", isAnswered: true)
            metrics.used(TokenUsage(output: 1), 0, by: keys[0], model: "free", isAnswered: true)
            metrics.used(TokenUsage(uncachedInput: 4), nil, by: keys[0], model: "strange", isAnswered: false)
        }
        let text = MetricsRegistryTests.text(registry)
        for number in keys.indices {
            #expect(text.contains("proxyd_cost_usd_total{key=\"name \(number)\",model=\"opus\"} 1.5\n"))
            for (kind, count) in [("input", 30), ("cache_read", 15), ("cache_write", 6), ("output", 21)] {
                let line = "proxyd_tokens_total{key=\"name \(number)\",model=\"opus\",kind=\"\(kind)\"} \(count)\n"
                #expect(text.contains(line), "\(line)")
            }
        }
        #expect(text.contains(#"proxyd_cost_usd_total{key="name 0",model="haiku"} 0.75"#))
        #expect(!text.contains(#"proxyd_cost_usd_total{key="name 0",model="free""#))
        #expect(!text.contains(#"model="haiku",kind="cache_read""#))
        // Clients name what nobody has answered to.
        #expect(text.contains(#"proxyd_tokens_total{key="name 0",model="other",kind="input"} 12"#))
        #expect(text.contains(#"proxyd_unpriced_requests_total{model="other"} 3"#))
        #expect(!text.contains("strange"))
    }

    @Test("of thousands of keys as many are told apart as there are places; keys that are no more make room")
    func manyKeys() {
        let registry = MetricsRegistry()
        let models = ModelNames(registry: registry)
        let metrics = ExchangeMetrics(registry: registry, models: models)
        let keys = (0..<3_000).map(Self.key)
        let usage = TokenUsage(uncachedInput: 1, output: 1)
        for key in keys { metrics.used(usage, 1_000_000_000, by: key, model: "opus", isAnswered: true) }
        metrics.used(usage, 1_000_000_000, by: keys[0], model: "opus", isAnswered: true)
        var text = MetricsRegistryTests.text(registry)
        #expect(text.contains(#"proxyd_cost_usd_total{key="name 0",model="opus"} 2"#))
        #expect(text.contains("proxyd_cost_usd_total{key=\"other\",model=\"opus\"} \(keys.count - KeyedModels.most)\n"))
        #expect(text.split(separator: "\n").count { $0.hasPrefix("proxyd_cost_usd_total{") } == KeyedModels.most + 1)
        #expect(text.contains("proxyd_metrics_series_folded_total 0\n"))

        models.makeRoom { $0 != "name 0" && $0 != "name 1" }
        #expect(!MetricsRegistryTests.text(registry).contains("\"name 0\""))
        for _ in 0..<2 { metrics.used(usage, 1_000_000_000, by: keys[2_999], model: "opus", isAnswered: true) }
        metrics.used(usage, 1_000_000_000, by: keys[0], model: "opus", isAnswered: true)
        text = MetricsRegistryTests.text(registry)
        #expect(text.contains(#"proxyd_cost_usd_total{key="name 2999",model="opus"} 2"#))
        #expect(text.contains(#"proxyd_cost_usd_total{key="name 0",model="opus"} 1"#))
    }

    @Test("a model that gave its place away is counted as other by each loop")
    func lostPlace() {
        let registry = MetricsRegistry()
        let models = ModelNames(registry: registry)
        let metrics = ExchangeMetrics(registry: registry, models: models)
        let (key, usage) = (Self.key(1), TokenUsage(output: 1))
        metrics.used(usage, 0, by: key, model: "mine", isAnswered: true)
        for number in 0..<100 {
            for _ in 0..<9 { _ = models.prove("new-\(number)") }
            guard case .proven(let model) = models.prove("new-\(number)") else { continue }
            _ = model.serve(9)
        }
        #expect(!MetricsRegistryTests.text(registry).contains("\"mine\""))
        metrics.used(usage, 0, by: key, model: "mine", isAnswered: true)
        #expect(MetricsRegistryTests.text(registry).contains(#"{key="name 1",model="other",kind="output"} 1"#))
    }

    @Test("an exchange that told nothing counts no tokens and no first byte")
    func nothing() {
        let registry = MetricsRegistry()
        let metrics = ExchangeMetrics(registry: registry)
        var entry = RequestLogEntry()
        entry.status = 401
        metrics.exchangeBegan()
        metrics.exchangeEnded(entry)
        let text = MetricsRegistryTests.text(registry)
        #expect(text.contains(#"proxyd_requests_total{rule="",upstream="",model="",status="401"} 1"#))
        #expect(text.contains(#"proxyd_first_byte_seconds_count{upstream="",model=""} 0"#))
    }

    @Test("many combinations are each counted right, whatever was used last")
    func combinations() {
        let registry = MetricsRegistry()
        let metrics = ExchangeMetrics(registry: registry)
        for round in 0..<3 {
            for number in 0..<40 {
                var entry = RequestLogEntry()
                entry.labels = RouteLabels(rule: "rule-with-a-long-name-\(number % 5)")
                entry.modelServed = "model-with-a-long-name-\(number)"
                entry.status = 200 + round % 2
                metrics.exchangeEnded(entry)
            }
        }
        for number in 0..<40 {
            let rule = "rule-with-a-long-name-\(number % 5)"
            let model = "model-with-a-long-name-\(number)"
            #expect(registry.counter(.requests, rule, "", model, "200").value == 2)
            #expect(registry.counter(.requests, rule, "", model, "201").value == 1)
        }
    }
}
