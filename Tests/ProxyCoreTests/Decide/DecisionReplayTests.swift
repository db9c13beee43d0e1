import Dialects
import RuleEngine
import Testing

@testable import ProxyCore

/// Recorded requests that another file decides.
@Suite struct DecisionReplayTests {
    static let file = """
        upstreams:
          a: {url: "http://127.0.0.1:1", dialect: anthropic, accounts: [{name: a1}, {name: a2}]}
          b: {url: "http://127.0.0.1:2", dialect: anthropic}
        prices: {m: {input: 1, output: 1}, other: {input: 2, output: 2}}
        policies: {default: {}, narrow: {models: ["x-*"]}, near: {allow_from: [10.0.0.0/8]}}
        keys: [{name: alice, key: sk-alice-0123456789abcdef}]
        rules:
          - {name: no, models: [gone], reject: {status: 410, message: gone}}
          - {name: sick, models: [m], when: "!healthy('a')", tiers: [b/m]}
          - {name: little, models: [m], when: "quota('a', 'm') < 0.2 && quota('a', 'm') >= 0.0", tiers: [b/other]}
          - {name: late, models: [m], when: "limit('x') < 0.5", tiers: [b/m]}
          - {name: all, models: [m, "x-*"], tiers: [a/m, b/m]}
        usage_limits: [{name: x, per: "'all'", requests_per_day: 10}]
        """

    private static func recorded(_ model: String = "m", _ change: (inout RecordedDecision) -> Void = { _ in }) -> RecordedDecision
    {
        var one = RecordedDecision()
        one.facts.request.model = model
        one.facts.request.path = "/v1/messages"
        one.facts.key.id = "key_1"
        one.facts.key.name = "alice"
        one.facts.key.policy = "default"
        one.facts.clientIP = "127.0.0.1"
        one.isDeclared = true
        one.decided.rule = "all"
        one.decided.target = .init(tier: "a/m", upstream: "a", model: "m", account: "a1")
        one.decided.status = 200
        one.used = .init(upstream: "a", model: "m", usage: TokenUsage(uncachedInput: 1_000_000), cost: 1_000_000_000)
        change(&one)
        return one
    }

    private static func decide(_ one: RecordedDecision, edit: (String, String)? = nil) throws -> DecisionReplay.Verdict {
        var file = Self.file
        if let edit {
            #expect(file.contains(edit.0))
            file = file.replacing(edit.0, with: edit.1)
        }
        let result = ConfigurationFixture.load(file)
        return DecisionReplay(try #require(result.snapshot, "\(result.diagnostics)")).decide(one)
    }

    @Test func `the same file changes nothing`() throws {
        let verdict = try Self.decide(Self.recorded())
        #expect(verdict.change == .none)
        #expect(verdict.rule == "all")
        #expect(verdict.cost == 1_000_000_000)
    }

    @Test(
        arguments: [
            (("tiers: [a/m, b/m]", "tiers: [b/m, a/m]"), .elsewhere, 1_000_000_000),
            (("tiers: [a/m, b/m]", "tiers: [a/other]"), .elsewhere, 2_000_000_000),
            // Equals: whom it gets is chance.
            (("tiers: [a/m, b/m]", "tiers: [{any: [b/m, a/m]}]"), .none, 1_000_000_000),
            (("{name: all, models: [m,", "{name: all, models: [n,"), .refused, nil),
            (("default: {}", "default: {models: [y]}"), .refused, nil),
            (("keys: [{name: alice,", "keys: [{name: bob,"), .refused, nil),
            (("m: {input: 1,", "m: {input: 3,"), .none, 3_000_000_000),
            (("{name: all,", "{name: renamed,"), .none, 1_000_000_000),
        ] as [((String, String), DecisionReplay.Verdict.Change, Int?)])
    func `a change is told, with what it costs`(
        _ edit: (String, String), _ change: DecisionReplay.Verdict.Change, _ cost: Int?
    ) throws {
        let verdict = try Self.decide(Self.recorded(), edit: edit)
        #expect(verdict.change == change)
        #expect(verdict.cost == cost)
    }

    @Test func `accounts stand as they stood`() throws {
        let out = RecordedMoment.Account(obstacle: "cooling", milliseconds: 60_000)
        for (accounts, expected) in [
            (["a": ["a1": ["m": out]]], "a"), (["a": ["a1": ["m": out], "a2": ["m": out]]], "b"),
            (["a": ["a1": ["m": .init(share: 0.01)], "a2": ["m": .init(share: 0.01)]]], "b"),
            (["a": ["a1": ["m": .init(share: 0.01)], "a2": ["m": .init(share: 0.5)]]], "a"),
            (["a": ["a1": ["other": out], "a2": ["other": out]]], "a"),
            (["a": ["a1": ["m": .init(obstacle: "refused", milliseconds: 9)], "a2": ["m": .init(obstacle: "drained")]]], "b"),
        ] as [([String: [String: [String: RecordedMoment.Account]]], String)] {
            let verdict = try Self.decide(
                Self.recorded {
                    $0.moment.accounts = accounts
                    $0.moment.healthy = ["a": true]
                    $0.moment.quota = ["a/m": -1]
                })
            #expect(verdict.target?.upstream == expected, "\(accounts)")
        }
    }

    @Test func `rules are told what they were told`() throws {
        #expect(try Self.decide(Self.recorded { $0.moment.healthy = ["a": false] }).rule == "sick")
        #expect(try Self.decide(Self.recorded { $0.moment.quota = ["a/m": 0.1] }).rule == "little")
        #expect(try Self.decide(Self.recorded { $0.moment.limits = ["x": 0.1] }).rule == "late")
    }

    @Test func `refusals are compared by their reason`() throws {
        func refused(_ reason: String, _ model: String, rule: String? = nil) -> RecordedDecision {
            Self.recorded(model) {
                $0.decided = .init()
                $0.decided.refusal = reason
                $0.decided.rule = rule
                $0.used = nil
            }
        }
        #expect(try Self.decide(refused("notFound", "unknown")).change == .none)
        #expect(try Self.decide(refused("permission", "unknown")).change == .otherwiseRefused)
        #expect(try Self.decide(refused("notFound", "m")).change == .admitted)
        // A limit's no says nothing of where it would go.
        #expect(try Self.decide(refused("limit", "m", rule: "all")).change == .undecided)
    }

    @Test func `what the record does not have is not guessed, and not asked for in vain`() throws {
        let noHeaders = Self.recorded { $0.known.remove(.headers) }
        let reads = ("when: \"limit('x') < 0.5\"", "when: \"'x-a' in request.headers\"")
        #expect(try Self.decide(noHeaders, edit: reads).change == .undecided)
        // Its rule is not one that reads them.
        #expect(try Self.decide(Self.recorded("x-1") { $0.known.remove(.headers) }, edit: reads).change == .none)
        let noPath = Self.recorded {
            $0.known = [.model, .key, .time, .origin, .quota, .health, .limits]
            $0.facts.request.path = ""
        }
        #expect(try Self.decide(noPath).change == .none)
        let byPath = ("{name: late, models: [m],", "{name: late, paths: [/v1/messages],")
        #expect(try Self.decide(noPath, edit: byPath).change == .undecided)
    }

    @Test func `addresses and made keys are heeded`() throws {
        let near = Self.recorded {
            $0.facts.key.policy = "near"
            $0.isDeclared = false
        }
        #expect(try Self.decide(near).change == .refused)
        var inside = near
        inside.facts.clientIP = "10.1.2.3"
        #expect(try Self.decide(inside).change == .none)
        var gone = near
        gone.facts.key.policy = "no such policy"
        #expect(try Self.decide(gone).change == .refused)
    }
}
