import RuleEngine
import Testing

struct PathGlobTests {
    @Test(arguments: [
        ("/v1/files/**", "/v1/files", true), ("/v1/files/**", "/v1/files/a/b", true), ("/v1/files/**", "/v1/filesystem", false),
        ("/v1/files/*", "/v1/files/a", true), ("/v1/files/*", "/v1/files/a/b", false), ("/v1/*/content", "/v1/a/content", true),
        ("/v1/**/content", "/v1/a/b/content", true), ("/v1/files", "/v1/files", true), ("/v1/files", "/v1/files/", false),
        ("/**", "/v1/x", true), ("/v1/b*", "/v1/batches", true), ("/v1/***", "/v1/x/y", true),
    ])
    func `a star stays between slashes and two do not`(glob: String, path: String, fits: Bool) {
        #expect(PathGlob(glob).matches(path) == fits)
    }

    private func decide(_ model: String, _ path: String) -> RoutingDecision {
        let tier = Tier(text: "u", targets: [Tier.Target(upstream: "u", model: nil)])
        let rules = RuleSet([
            Rule(name: "gpt", models: [Glob("gpt-*")], condition: nil, action: .route([tier])),
            Rule(
                name: "files", models: [Glob("claude-*")], paths: [PathGlob("/v1/files/**")], condition: nil,
                action: .route([tier])),
            Rule(name: "batches", models: [], paths: [PathGlob("/v1/batches")], condition: nil, action: .route([tier])),
        ])
        var facts = Facts()
        facts.request.model = model
        facts.request.path = path
        let decision = rules.decide(facts)
        #expect(rules.explain(facts).decision == decision)
        // What rules match by is kept for a replay.
        #expect(rules.reads == .line)
        return decision
    }

    @Test func `a request that names no model meets a rule by its path`() {
        #expect(decide("*", "/v1/files/1") == .route(rule: 1, capture: nil))
        #expect(decide("claude-a", "/v1/files/1") == .route(rule: 1, capture: "a"))
        #expect(decide("claude-a", "/v1/other") == .noMatch)
        #expect(decide("gpt-5", "/v1/files/1") == .route(rule: 0, capture: "5"))
        #expect(decide("mistral", "/v1/batches") == .route(rule: 2, capture: nil))
        #expect(decide("*", "/v1/x") == .noMatch)
    }
}
