import Testing

@testable import RuleEngine

private func route(_ name: String, _ models: [String], when: String? = nil) throws -> Rule {
    let tier = Tier(text: "up/*", targets: [Tier.Target(upstream: "up", model: "*")])
    return Rule(
        name: name, models: models.map { Glob($0) }, condition: try when.map { try Condition($0) }, action: .route([tier]))
}

private func reject(_ name: String, _ models: [String], when: String? = nil) throws -> Rule {
    let condition = try when.map { try Condition($0) }
    return Rule(
        name: name, models: models.map { Glob($0) }, condition: condition, action: .reject(Rejection(status: 403, message: name)))
}

@Suite struct RuleSetTests {
    @Test func theFirstRuleThatMatchesDecides() throws {
        let rules = RuleSet([
            try reject("no opus for free", ["claude-opus*"], when: "key.policy == 'free'"),
            try route("openai", ["openai/*", "gpt-*"]),
            try route("claude", ["claude-*"], when: "request.headers.missing == 'x'"),
            try route("rest", ["claude-*"]),
        ])
        var facts = sampleFacts()
        #expect(rules.decide(facts) == .reject(rule: 0, Rejection(status: 403, message: "no opus for free")))
        facts.key.policy = "paid"
        #expect(rules.decide(facts) == .route(rule: 3, capture: "opus-4-6"))
        facts.request.model = "openai/gpt-5"
        #expect(rules.decide(facts) == .route(rule: 1, capture: "gpt-5"))
        facts.request.model = "llama"
        #expect(rules.decide(facts) == .noMatch)
        #expect(rules.reads == [.key, .headers])
    }

    @Test func explainsEveryRuleItTriedWithTheInputsItRead() throws {
        let rules = RuleSet([
            try route("gpt", ["gpt-*"]),
            try reject("big", ["claude-*"], when: "request.input_tokens > 200000 && key.policy == 'free'"),
            try route(
                "team", [],
                when:
                    "request.headers['x-team'] == 'blue' || has(request.headers.authorization) && quota('antigravity', 'claude') > 0.5"
            ),
            try route("broken", ["*"], when: "request.metadata.team == 'x'"),
            try route("last", ["claude-opus*", "*"]),
            try route("never", ["*"]),
        ])
        let explanation = rules.explain(sampleFacts())
        typealias Step = Explanation.Step
        typealias Input = Explanation.Input
        typealias Part = Explanation.Part
        #expect(explanation.decision == .route(rule: 4, capture: "-4-6"))
        #expect(
            explanation.steps == [
                Step(rule: 0, name: "gpt", models: .notMatched, condition: nil, inputs: [], parts: [], matched: false),
                Step(
                    rule: 1, name: "big", models: .matched(glob: "claude-*", capture: "opus-4-6"), condition: .false,
                    inputs: [Input(name: "request.input_tokens", value: "190000")],
                    parts: [
                        Part(text: "request.input_tokens > 200000", outcome: .false),
                        Part(text: "key.policy == 'free'", outcome: .true),
                    ], matched: false),
                Step(
                    rule: 2, name: "team", models: .matched(glob: nil, capture: nil), condition: .false,
                    inputs: [
                        Input(name: "request.headers[\"x-team\"]", value: "\"red\""),
                        Input(name: "request.headers[\"authorization\"]", value: "<redacted>"),
                        Input(name: "quota(\"antigravity\", \"claude\")", value: "0.25"),
                    ],
                    parts: [
                        Part(text: "request.headers['x-team'] == 'blue'", outcome: .false),
                        Part(text: "has(request.headers.authorization)", outcome: .true),
                        Part(text: "quota('antigravity', 'claude') > 0.5", outcome: .false),
                    ], matched: false),
                Step(
                    rule: 3, name: "broken", models: .matched(glob: "*", capture: "claude-opus-4-6"),
                    condition: .failed("no such key: team"), inputs: [Input(name: "request.metadata[\"team\"]", value: "absent")],
                    parts: [Part(text: "request.metadata.team == 'x'", outcome: .failed("no such key: team"))], matched: false),
                Step(
                    rule: 4, name: "last", models: .matched(glob: "claude-opus*", capture: "-4-6"), condition: nil, inputs: [],
                    parts: [], matched: true),
            ])
    }

    @Test(
        arguments: [
            ("request.stream", ["request.stream"]),
            (
                "!(request.stream && (key.id == '' || !request.thinking))",
                ["request.stream", "key.id == ''", "!request.thinking"]
            ),
            ("['a&&b'].exists(x, x == key.id || x == '')", ["['a&&b'].exists(x, x == key.id || x == '')"]),
            ("request.model == 'ä' || request.stream", ["request.model == 'ä'", "request.stream"]),
        ])
    func aConditionsPartsAreItsTerms(_ source: String, _ parts: [String]) throws {
        #expect(try Condition(source).parts(sampleFacts()).map(\.text) == parts)
    }

    @Test func anExplanationNeverHoldsTheValueOfASecret() throws {
        let condition = try Condition("request.headers.all(k, request.headers[k] != 'x') && request.headers.authorization != ''")
        let inputs = condition.explain(sampleFacts()).inputs
        #expect(inputs.map(\.name) == ["request.headers", "request.headers[\"authorization\"]"])
        #expect(!inputs.contains { $0.value.contains("s3cret") })
    }

    @Test(
        arguments: [
            ([["*"], ["claude-*"]], ["1<0"]), ([["claude-*"], ["claude-opus", "gpt-*"]], []),
            ([["claude-*"], ["claude-opus*"], []], ["1<0"]),
            ([[], ["*"], []], ["1<0", "2<0"]), ([["a*", "b*"], ["b1", "a*c"], ["c"]], ["1<0"]),
            ([["a*"], ["b*"], ["ab", "bc*"]], ["2<0+1"]), ([["a*"], ["b*"], ["ab", "c"]], []),
            ([["a*"], ["b*"], ["bx", "by"]], ["2<1"]),
        ] as [([[String]], [String])])
    func tellsRulesThatAreNeverReached(_ models: [[String]], _ expected: [String]) throws {
        let rules = RuleSet(try models.map { try route("r", $0) })
        #expect(rules.unreachable().map { "\($0.rule)<\($0.by.map(String.init).joined(separator: "+"))" } == expected)
    }

    @Test func tellsConditionsThatNeverHold() throws {
        #expect(try Condition("false").isAlwaysFalse && Condition("1 == 2").isAlwaysFalse)
        #expect(try !Condition("true").isAlwaysFalse && !Condition("key.id == ''").isAlwaysFalse)
    }

    @Test func aConditionKeepsLaterRulesReachableUnlessItIsAlwaysTrue() throws {
        for open in ["key.id == ''", "key.id == '' || key.id == 'x'"] {
            #expect(RuleSet([try route("a", ["*"], when: open), try route("b", ["x"])]).unreachable().isEmpty)
        }
        for always in ["1 < 2", "true || key.id == ''"] {
            #expect(RuleSet([try route("a", ["*"], when: always), try route("b", ["x"])]).unreachable().count == 1)
        }
    }
}
