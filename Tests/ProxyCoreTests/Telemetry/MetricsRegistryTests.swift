import Testing

@testable import ProxyCore

@Suite("Metrics registry")
struct MetricsRegistryTests {
    private static let kinds = Metric("kinds_total", "By kind.", .counter, labels: ["kind", "place"])
    private static let level = Metric("level", "How high.", .gauge)
    private static let delay = Metric("delay_seconds", "How long.", .histogram([0.1, 1]), labels: ["kind"])

    @Test("the text is sorted, typed and complete")
    func text() {
        let registry = MetricsRegistry()
        registry.counter(Self.kinds, "b", "x").increment(by: 2)
        registry.counter(Self.kinds, "a", "y").increment()
        registry.counter(Self.kinds, "b", "x").increment()
        registry.gauge(Self.level).set(0.25)
        let delay = registry.histogram(Self.delay, "k")
        for nanoseconds in [100_000_000, 100_000_001, 2_000_000_000, -5] as [Int64] { delay.recordNanoseconds(nanoseconds) }
        #expect(
            Self.text(registry) == """
                # HELP delay_seconds How long.
                # TYPE delay_seconds histogram
                delay_seconds_bucket{kind="k",le="0.1"} 2
                delay_seconds_bucket{kind="k",le="1"} 3
                delay_seconds_bucket{kind="k",le="+Inf"} 4
                delay_seconds_sum{kind="k"} 2.200000001
                delay_seconds_count{kind="k"} 4
                # HELP kinds_total By kind.
                # TYPE kinds_total counter
                kinds_total{kind="a",place="y"} 1
                kinds_total{kind="b",place="x"} 3
                # HELP level How high.
                # TYPE level gauge
                level 0.25
                # HELP proxyd_metrics_series_folded_total \(Metric.seriesFolded.help)
                # TYPE proxyd_metrics_series_folded_total counter
                proxyd_metrics_series_folded_total 0

                """)
    }

    @Test(
        "a label's value is escaped and bounded",
        arguments: [
            ("plain", "plain"), (#"a"b\c"#, #"a\"b\\c"#), ("a\nb", #"a\nb"#), ("tab\there\r", "tab here "), ("größer", "größer"),
            (String(repeating: "x", count: 200), String(repeating: "x", count: 128)),
            (String(repeating: "€", count: 100), String(repeating: "€", count: 42)),
        ])
    func escapes(_ value: String, _ expected: String) {
        let registry = MetricsRegistry()
        registry.counter(Self.kinds, value, "p").increment()
        #expect(Self.text(registry).contains("kinds_total{kind=\"\(expected)\",place=\"p\"} 1\n"))
    }

    @Test("past the bound of a metric, series are counted together, and that is told")
    func boundPerMetric() {
        let registry = MetricsRegistry(maximumSeries: 100, maximumSeriesPerMetric: 3)
        for number in 0..<10 { registry.counter(Self.kinds, "\(number)", "p").increment() }
        registry.counter(Self.kinds, "2", "p").increment()
        registry.gauge(Self.level).set(1.0)
        let text = Self.text(registry)
        #expect(text.contains(#"kinds_total{kind="2",place="p"} 2"#))
        #expect(text.contains(#"kinds_total{kind="other",place="other"} 7"#))
        #expect(!text.contains(#"kind="3""#))
        #expect(text.contains("proxyd_metrics_series_folded_total 7"))
        #expect(text.contains("level 1\n"))
    }

    @Test("a metric with a bound of its own takes no room from the others")
    func ownBound() {
        let registry = MetricsRegistry(maximumSeries: 4, maximumSeriesPerMetric: 3)
        let own = Metric("own_total", "With a bound.", .counter, labels: ["model"], bound: 6)
        for number in 0..<8 { registry.counter(own, "\(number)").increment() }
        for number in 0..<3 { registry.counter(Self.kinds, "\(number)", "p").increment() }
        let text = Self.text(registry)
        #expect(text.contains(#"own_total{model="5"} 1"#))
        #expect(text.contains(#"own_total{model="other"} 2"#))
        #expect(text.contains(#"kinds_total{kind="2",place="p"} 1"#))
        registry.removeAll(own)
        registry.counter(own, "9").increment()
        #expect(Self.text(registry).contains(#"own_total{model="9"} 1"#))
    }

    @Test("the bound of all series holds too, and what is removed makes room")
    func boundOfAll() {
        let registry = MetricsRegistry(maximumSeries: 2, maximumSeriesPerMetric: 100)
        registry.counter(Self.kinds, "a", "p").increment()
        registry.histogram(Self.delay, "a").recordNanoseconds(1)
        registry.counter(Self.kinds, "b", "p").increment()
        #expect(Self.text(registry).contains(#"kinds_total{kind="other",place="other"} 1"#))
        registry.removeAll(Self.kinds)
        registry.counter(Self.kinds, "c", "p").increment()
        let text = Self.text(registry)
        #expect(text.contains(#"kinds_total{kind="c",place="p"} 1"#))
        #expect(!text.contains(#""other""#))
        registry.remove(Self.kinds, "c", "p")
        #expect(!Self.text(registry).contains("kinds_total"))
    }

    @Test("no count is lost between threads")
    func concurrency() async {
        let registry = MetricsRegistry()
        let gauge = registry.gauge(Self.level)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    let histogram = registry.histogram(Self.delay, "k")
                    for number in 0..<10_000 {
                        registry.counter(Self.kinds, "\(number % 3)", "p").increment()
                        gauge.increment(by: task < 2 ? 1 : -1)
                        histogram.record(0.5)
                    }
                }
            }
        }
        let counts = (0..<3).map { registry.counter(Self.kinds, "\($0)", "p").value }
        #expect(counts == [13_336, 13_332, 13_332])
        #expect(gauge.value == 0)
        #expect(registry.histogram(Self.delay, "k").reading() == ([0, 40_000, 40_000], 20_000))
    }

    @Test("a name of another kind gives a handle that works and is not shown")
    func kindConflict() {
        let registry = MetricsRegistry()
        registry.gauge(Self.level).set(3.0)
        registry.counter(Metric("level", "", .counter)).increment()
        #expect(Self.text(registry).contains("# TYPE level gauge\nlevel 3\n"))
    }

    @Test("collectors are asked before every rendering")
    func collectors() {
        let registry = MetricsRegistry()
        registry.addCollector { $0.gauge(Self.level).increment(by: 1) }
        #expect(Self.text(registry).contains("level 1\n"))
        #expect(Self.text(registry).contains("level 2\n"))
    }

    @Test("who renders at the same time misses no series that a collector sets anew")
    func renderedAtOnce() async {
        let registry = MetricsRegistry()
        registry.addCollector { registry in
            registry.removeAll(Self.level)
            registry.gauge(Self.level).set(1.0)
        }
        let missing = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var missing = 0
                    for _ in 0..<500 where !Self.text(registry).contains("level 1\n") { missing += 1 }
                    return missing
                }
            }
            return await group.reduce(0, +)
        }
        #expect(missing == 0)
    }

    @Test("the process shows what it uses")
    func process() throws {
        let registry = MetricsRegistry()
        ProcessMetrics.install(in: registry, version: "1.2.3")
        let text = Self.text(registry)
        #expect(text.contains(#"proxyd_build_info{version="1.2.3"} 1"#))
        #expect(registry.gauge(.processResidentBytes).value > 1_000_000)
        #expect(registry.gauge(.processVirtualBytes).value >= registry.gauge(.processResidentBytes).value)
        #expect(registry.gauge(.processOpenFiles).value >= 1)
        #expect(registry.gauge(.processMaximumFiles).value >= registry.gauge(.processOpenFiles).value)
        #expect(registry.gauge(.processCPUSeconds).value > 0)
        #expect(abs(registry.gauge(.processStartSeconds).value - Double(ProxyLogHandler.now()) / 1000) < 3600)
    }

    static func text(_ registry: MetricsRegistry) -> String { String(decoding: registry.render(), as: UTF8.self) }
}
