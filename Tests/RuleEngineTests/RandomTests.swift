import Basics
import Testing

@testable import RuleEngine

@Suite struct RandomTests {
    private static let conditions = [
        "key.policy == 'free'", "request.input_tokens > 1000", "request.headers.x == 'y'", "1 / request.size > 0",
        "request.stream",
        "request.headers.exists(k, k == request.model)", "quota('a', request.model) < 0.5 || healthy('b')",
        "request.metadata.map(k, k + request.model)[0] == 'm'", "now.getHours('Asia/Singapore') < 12",
        "cidr('10.0.0.0/8').containsIP(client.ip)", "key.tags[?'a'].orValue(request.id).size() > 2",
        "request.model.matches('a+b?[m-z]*') ? key.tokens_today % 2 == 0 : has(request.max_tokens)",
        "[dyn(key.name), 3].all(x, x < 3)",
    ]
    private static let words = ["", "m", "free", "a", "x", "y", "claude-opus", "gpt-5", "é", "10.1.2.3", "::1", "a*b"]

    private func facts(_ generator: inout SplitMix64) -> Facts {
        func word(_ generator: inout SplitMix64) -> String { RandomTests.words.randomElement(using: &generator) ?? "" }
        func number(_ generator: inout SplitMix64) -> Int {
            [0, 1, -1, 2_000, Int.max, Int.min, Int.random(in: -100...100, using: &generator)].randomElement(using: &generator)
                ?? 0
        }
        var facts = Facts()
        facts.request.model = word(&generator)
        facts.request.id = word(&generator)
        facts.request.stream = Bool.random(using: &generator)
        facts.request.size = number(&generator)
        facts.request.inputTokens = number(&generator)
        facts.request.maxTokens = number(&generator)
        for _ in 0..<Int.random(in: 0...4, using: &generator) { facts.request.headers[word(&generator)] = word(&generator) }
        for _ in 0..<Int.random(in: 0...4, using: &generator) { facts.request.metadata[word(&generator)] = word(&generator) }
        facts.key.policy = word(&generator)
        facts.key.name = word(&generator)
        facts.key.tokensToday = number(&generator)
        facts.clientIP = word(&generator)
        facts.now = Facts.Timestamp(seconds: number(&generator), nanoseconds: number(&generator))
        let share = Double.random(in: -1...1, using: &generator)
        facts.quota = { _, _ in share }
        facts.utcOffset = { zone, seconds in zone.isEmpty ? nil : seconds % 40_000 }
        return facts
    }

    @Test func decidingIsTotalAndDeterministicAndAgreesWithItsExplanation() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SplitMix64(state: seed)
        let conditions = try RandomTests.conditions.map { try Condition($0) }
        for _ in 0..<500 {
            let rules = (0..<Int.random(in: 0...6, using: &generator)).map { index in
                let models = (0..<Int.random(in: 0...2, using: &generator)).map { _ in
                    Glob((RandomTests.words.randomElement(using: &generator) ?? "") + (Bool.random(using: &generator) ? "*" : ""))
                }
                return Rule(
                    name: "r\(index)", models: models,
                    condition: Bool.random(using: &generator) ? conditions.randomElement(using: &generator) : nil,
                    action: Bool.random(using: &generator) ? .route([]) : .reject(Rejection(status: 429, message: "later")))
            }
            let set = RuleSet(rules)
            for _ in 0..<10 {
                let facts = facts(&generator)
                let decision = set.decide(facts)
                #expect(set.decide(facts) == decision, "seed \(seed)")
                #expect(set.explain(facts).decision == decision, "seed \(seed)")
                for unreachable in set.unreachable() {
                    switch decision {
                    case .route(unreachable.rule, _), .reject(unreachable.rule, _):
                        Issue.record("reached the unreachable, seed \(seed)")
                    case .route, .reject, .noMatch: break
                    }
                }
            }
        }
    }

    private static let fragments = [
        "(", ")", "[", "]", "{", "}", "?", ":", ".", ",", "&&", "||", "!", "-", "+", "*", "/", "%", "==", "<", " in ", "'", "\"",
        "\\", "`", "r'",
        "b'", "0x", "1e9", "9223372036854775807", "18446744073709551615u", "-9223372036854775808", "''", "null", "true",
        "request", "key.tags",
        "now", ".all(a, a)", ".map(x, x + x)", ".?a", "[?0]", "optional.none()", "matches('(a|b)*c{2,3}')", "duration('1h')",
        "\u{0}", "é", "🐱",
        "math.greatest(1, 2u, 3.0)", "'%s'.format([1])", "timestamp(0)", "ip('::1')", "cel.bind(a, 1, a)", "//",
    ]

    /// 20,000 damaged expressions: each is refused or evaluated, and none ends the process.
    @Test func noMutationOfAnExpressionTraps() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("mutations from seed \(seed)")
        var generator = SplitMix64(state: seed)
        let published = try Conformance.cases()?.map(\.expression) ?? []
        let sources = RandomTests.conditions + published
        var (accepted, refused) = (0, 0)
        for _ in 0..<8_000 {
            var scalars = Array((sources.randomElement(using: &generator) ?? "").unicodeScalars)
            for _ in 0...Int.random(in: 0...3, using: &generator) { mutate(&scalars, sources, &generator) }
            let source = String(String.UnicodeScalarView(scalars))
            let isChecked = Bool.random(using: &generator)
            if let expression = try? CELExpression(source, bindings: [("x", .dyn)], isChecked: isChecked) {
                accepted += 1
                _ = try? expression.evaluate(["x": .map(CELMap(["name": "v"]))])
            } else {
                refused += 1
            }
            if let condition = try? Condition(source) { _ = condition.evaluate(facts(&generator)) }
        }
        #expect(accepted > 1_000 && refused > 1_000, "seed \(seed)")
    }

    private func mutate(_ scalars: inout [Unicode.Scalar], _ sources: [String], _ generator: inout SplitMix64) {
        let place = Int.random(in: 0...scalars.count, using: &generator)
        let end = min(scalars.count, place + Int.random(in: 0...6, using: &generator))
        let fragment = Array((RandomTests.fragments.randomElement(using: &generator) ?? "").unicodeScalars)
        switch Int.random(in: 0...4, using: &generator) {
        case 0: scalars.removeSubrange(place..<end)
        case 1: scalars.insert(contentsOf: fragment, at: place)
        case 2: scalars.replaceSubrange(place..<end, with: fragment)
        case 3: scalars.insert(contentsOf: scalars[place..<end], at: place)
        default:
            let other = Array((sources.randomElement(using: &generator) ?? "").unicodeScalars)
            let from = Int.random(in: 0...other.count, using: &generator)
            scalars.replaceSubrange(place..., with: other[from...])
        }
    }
}
