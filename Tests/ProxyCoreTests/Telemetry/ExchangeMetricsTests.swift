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
        entry.amounts.inputTokens = 10
        entry.amounts.outputTokens = 3
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
            #"proxyd_tokens_total{direction="input",model="claude"} 20"#,
            #"proxyd_tokens_total{direction="output",model="claude"} 6"#,
            #"proxyd_outcomes_total{ended_by="done",stage="relay"} 2"#,
            #"proxyd_conversion_lossy_total{parameter="top_k",action="dropped"} 1"#,
            "proxyd_open_connections 1", "proxyd_active_requests 1",
        ] {
            #expect(text.contains(line + "\n"), "\(line)")
        }
    }

    @Test("money is counted by key and model, and what has no price is told")
    func money() {
        let registry = MetricsRegistry()
        let metrics = ExchangeMetrics(registry: registry)
        let keys = (0..<20).map { number in
            ClientKey(
                id: "key_\(number)", name: "name \(number)", digest: KeyDigest(hashing: "sk-\(number)"), masked: "sk-…",
                created: 0,
                source: .admin)
        }
        for _ in 0..<3 {
            for key in keys { metrics.spent(500_000_000, by: key, model: "opus") }
            metrics.spent(250_000_000, by: keys[0], model: "haiku")
            metrics.spent(0, by: keys[0], model: "free")
            metrics.spent(nil, by: keys[0], model: "strange")
        }
        let text = MetricsRegistryTests.text(registry)
        for number in keys.indices {
            #expect(text.contains("proxyd_cost_usd_total{key=\"name \(number)\",model=\"opus\"} 1.5\n"))
        }
        #expect(text.contains(#"proxyd_cost_usd_total{key="name 0",model="haiku"} 0.75"#))
        #expect(!text.contains("free"))
        // Clients name what no price is known of.
        #expect(text.contains(#"proxyd_unpriced_requests_total{model="other"} 3"#))
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
