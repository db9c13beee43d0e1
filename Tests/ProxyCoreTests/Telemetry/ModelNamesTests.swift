import Testing

@testable import ProxyCore

/// Whose names metrics have series for.
struct ModelNamesTests {
    private static func count(_ metrics: ExchangeMetrics, _ model: String, status: Int = 200, times: Int = 1) {
        for _ in 0..<times {
            var entry = RequestLogEntry()
            entry.labels = labels
            entry.modelServed = model
            entry.status = status
            metrics.exchangeBegan()
            metrics.exchangeEnded(entry)
        }
    }

    private static let labels = RouteLabels(rule: "all", upstream: "a")

    private static func line(_ model: String, _ status: Int, _ count: Int) -> String {
        "proxyd_requests_total{rule=\"all\",upstream=\"a\",model=\"\(model)\",status=\"\(status)\"} \(count)\n"
    }

    @Test func `few names that only clients have said are told when they are limited, for an hour each`() {
        let models = ModelNames(registry: MetricsRegistry())
        let told = (0..<1_000).filter { models.status(ofLimited: "made-up-\($0)", now: 0) == .newcomer }
        #expect(told == Array(0..<20))
        #expect(models.status(ofLimited: "made-up-3", now: 1) == .newcomer)
        #expect(models.status(ofLimited: "made-up-500", now: 1) == .stranger)
        #expect(models.status(ofLimited: "made-up-500", now: 3_600_001) == .newcomer)
        #expect(models.status(ofAnswered: "made-up-600") == .known)
        #expect(models.status(ofLimited: "made-up-600", now: 2) == .known)
        #expect(models.status(of: "made-up-500") == .stranger)
    }

    @Test func `a model that answers is known while there are places`() {
        let models = ModelNames(registry: MetricsRegistry())
        let known = (0..<1_000).count { models.status(ofAnswered: "echo\($0)") == .known }
        #expect(known == 100)
        let directory = ModelDirectory()
        directory.record([ListedModel(id: "listed")], of: "a", at: 0)
        models.consult(directory)
        #expect(models.isListed("listed", at: "a") && !models.isListed("listed", at: "b") && !models.isListed("other", at: "a"))
    }

    @Test func `names that nobody answers to are one other, and a model that answers has its own series`() {
        let registry = MetricsRegistry()
        let metrics = ExchangeMetrics(registry: registry)
        for number in 0..<1_100 { Self.count(metrics, "nope\(number)", status: 404) }
        Self.count(metrics, "gpt-4o")
        Self.count(metrics, "gpt-4o", status: 429)
        let text = MetricsRegistryTests.text(registry)
        #expect(text.contains(Self.line("other", 404, 1_100)))
        #expect(text.contains(Self.line("gpt-4o", 200, 1)))
        #expect(text.contains(Self.line("gpt-4o", 429, 1)))
        #expect(!text.contains("nope"))
    }

    @Test func `where a server answers to every name, who serves again and again has a place, and memory stays`() {
        let registry = MetricsRegistry()
        let metrics = ExchangeMetrics(registry: registry)
        for number in 0..<20_000 { Self.count(metrics, "made-up-\(number)") }
        Self.count(metrics, "claude-real", times: 7)
        for number in 0..<20_000 { Self.count(metrics, "further-\(number)") }
        Self.count(metrics, "claude-real", times: 3)
        let text = MetricsRegistryTests.text(registry)
        #expect(text.contains(Self.line("claude-real", 200, 8)))
        #expect(text.utf8.count < 1 << 20)
        #expect(text.split(separator: "\n").allSatisfy { $0.utf8.count < 1_024 })
    }

    @Test func `a place that was taken over leaves no series, and comes back whole`() {
        let registry = MetricsRegistry()
        let metrics = ExchangeMetrics(registry: registry)
        for number in 0..<100 { Self.count(metrics, "old-\(number)") }
        for number in 0..<100 { Self.count(metrics, "new-\(number)", times: 4) }
        let text = MetricsRegistryTests.text(registry)
        #expect(!text.contains("model=\"old-"))
        for number in 0..<100 { #expect(text.contains("model=\"new-\(number)\"")) }
        Self.count(metrics, "old-1", times: 20)
        #expect(MetricsRegistryTests.text(registry).contains("model=\"old-1\""))
    }

    @Test func `one loop's series see that another gave their place away`() {
        let registry = MetricsRegistry()
        let models = ModelNames(registry: registry)
        let (one, two) = (
            ExchangeMetrics(registry: registry, models: models), ExchangeMetrics(registry: registry, models: models)
        )
        Self.count(one, "mine")
        for number in 0..<100 { Self.count(two, "new-\(number)", times: 9) }
        #expect(!MetricsRegistryTests.text(registry).contains("\"mine\""))
        Self.count(one, "mine", times: 20)
        #expect(MetricsRegistryTests.text(registry).contains("\"mine\""))
    }

    @Test func `when all series are taken the model gives way, not rule and status`() {
        let registry = MetricsRegistry(maximumSeriesPerMetric: 10)
        for number in 0..<20 { registry.counter(.requests, "r", "u", "m\(number)", "200").increment() }
        registry.counter(.requests, "denied", "", "", "403").increment()
        let text = MetricsRegistryTests.text(registry)
        #expect(text.contains(#"proxyd_requests_total{rule="r",upstream="u",model="other",status="200"} 10"#))
        #expect(text.contains(#"proxyd_requests_total{rule="denied",upstream="",model="other",status="403"} 1"#))
    }

    @Test(
        arguments: [
            ("top_k", "top_k"), ("generationConfig.topK", "generationConfig.topK"), ("tools.web_search", "tools.web_search"),
            ("tools.my_tool", "tools.other"), ("messages.content.document", "messages.content.document"),
            ("messages.content.zzz", "messages.content.other"), ("input.made_up", "input.other"), ("zzzz", "other"),
            ("", "other"),
        ])
    func `parameters that no format has are other`(parameter: String, label: String) {
        #expect(KnownParameters.label(parameter) == label)
    }
}
