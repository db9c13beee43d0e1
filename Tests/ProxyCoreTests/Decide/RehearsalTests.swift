import Dialects
import Foundation
import RuleEngine
import Testing

@testable import ProxyCore

/// What `POST /admin/explain` is told.
@Suite struct RehearsalTests {
    private static let file = """
        upstreams:
          a: {url: "http://127.0.0.1:1", dialect: anthropic, accounts: [{name: a1}, {name: a2}]}
          b: {url: "http://127.0.0.1:2", dialect: openai}
        policies:
          narrow: {models: ["claude-*"]}
          near: {allow_from: [10.0.0.0/8]}
        rules:
          - {name: no, models: [gpt-2], reject: {status: 410, message: gone}}
          - {name: sick, models: ["gpt-*"], when: "!healthy('a')", tiers: [b]}
          - {name: all, models: ["claude-*", "gpt-*"], tiers: [a, b]}
        """
    private static let now = 1_000_000

    private static func key(_ policy: String, enabled: Bool = true, expires: Int? = nil) -> ClientKey {
        ClientKey(
            id: "key_1", name: "k", digest: KeyDigest(hashing: "sk-1"), masked: "...", policy: policy, enabled: enabled,
            created: 0,
            expires: expires, source: .admin)
    }

    private static func rehearse(
        _ caller: Rehearsal.Caller, _ model: String, dialect: ClientDialect = .anthropic, states: AccountStates = AccountStates(),
        file: String = RehearsalTests.file, session: String = "", remembered: RememberedAccounts? = nil
    ) throws -> Rehearsal {
        var facts = Facts()
        facts.key.id = "key_1"
        facts.request.session = session
        facts.request.model = model
        facts.clientIP = "127.0.0.1"
        facts.now = Facts.Timestamp(seconds: 100)
        let snapshot = try #require(ConfigurationFixture.load(file).snapshot)
        return Rehearsal(
            facts, from: caller, dialect: dialect, snapshot: snapshot, states: states, remembered: remembered, steady: now)
    }

    @Test(
        arguments: [
            (.key(key("default")), "claude-5", nil),
            (.key(key("default", expires: 101)), "claude-5", nil),
            (.policy("narrow"), "claude-5", nil),
            // A rule's own no is what the explanation says.
            (.policy("default"), "gpt-2", nil),
            (.policy("default"), "o3", nil),
            (.key(nil), "claude-5", "401 the API key is not known"),
            (.key(key("default", enabled: false)), "claude-5", "403 the API key is disabled"),
            (.key(key("default", expires: 100)), "claude-5", "403 the API key has expired"),
            (.key(key("gone")), "claude-5", "403 the API key's policy is not configured"),
            (.policy("gone"), "claude-5", "403 the API key's policy is not configured"),
            (.key(key("near")), "claude-5", "403 the API key may not be used from this address"),
            (.policy("narrow"), "gpt-2", "403 the API key may not use the model 'gpt-2'"),
        ] as [(Rehearsal.Caller, String, String?)])
    func theDataPathsRefusalIsTold(_ caller: Rehearsal.Caller, _ model: String, _ expected: String?) throws {
        let rehearsal = try Self.rehearse(caller, model)
        #expect(rehearsal.refusal.map { "\($0.status) \($0.message)" } == expected)
        if expected != nil { #expect(rehearsal.attempts.isEmpty) }
    }

    @Test func whoeverWouldBeAskedIsToldInOrder() throws {
        let book = AccountBook()
        book.cool(
            AccountID(upstream: "a", account: "a1"), model: "claude-5", until: Self.now + 1000, reason: .response(.status(429)),
            now: Self.now)
        let rehearsal = try Self.rehearse(.policy("default"), "claude-5", states: book.states.current)
        #expect(
            rehearsal.attempts.map { "\($0.tier) \($0.account.account) \($0.model)" } == ["a a2 claude-5", "b default claude-5"])
        #expect(rehearsal.explanation.decision == .route(rule: 2, capture: "5"))
    }

    @Test func pricesAreComparedAsTheyAreForARequest() throws {
        let file =
            Self.file + """

                  - {name: dear, models: [o3], tiers: [{any: [a/big, b/small], choose: cheapest}]}
                prices: {big: {input: 15, output: 75}, small: {input: 1, output: 5}}
                """
        let rehearsal = try Self.rehearse(.policy("default"), "o3", file: file)
        #expect(rehearsal.attempts.map(\.model) == ["small", "big", "big"])
    }

    @Test(arguments: [("0s", nil, ["a1"]), ("1s", nil, []), ("2s", "a1 2000", [])] as [(String, String?, [String])])
    func whoeverIsWaitedForIsTold(_ wait: String, _ awaited: String?, _ asked: [String]) throws {
        let file = """
            upstreams:
              a: {url: "http://127.0.0.1:1", dialect: anthropic, accounts: [{name: a1}, {name: a2}]}
            fallback: {wait: \(wait)}
            rules: [{name: all, models: ["claude-*"], tiers: [a]}]
            """
        let book = AccountBook()
        for (account, rest) in [("a1", 2000), ("a2", 3000)] {
            book.cool(
                AccountID(upstream: "a", account: account), model: "claude-5", until: Self.now + rest,
                reason: .response(.status(429)), now: Self.now)
        }
        let rehearsal = try Self.rehearse(.policy("default"), "claude-5", states: book.states.current, file: file)
        #expect(rehearsal.awaited.map { "\($0.account.account) \($0.until - Self.now)" } == awaited)
        #expect(rehearsal.attempts.map(\.account.account) == asked)
    }

    @Test(
        "Who served a session before is asked first",
        arguments: [("s", ["a2 true", "a1 false", "default false"]), ("t", ["a1 false", "a2 false", "default false"])])
    func whoServedBefore(_ session: String, _ asked: [String]) throws {
        let book = AccountBook()
        book.affinity.bind(
            AffinityKeys.mark(ofSession: "s", key: "key_1", model: "claude-5"), to: AccountID(upstream: "a", account: "a2").mark,
            before: nil, now: Self.now)
        let rehearsal = try Self.rehearse(.policy("default"), "claude-5", session: session, remembered: book.remembered)
        #expect(rehearsal.attempts.map { "\($0.account.account) \($0.isBound)" } == asked)
    }

    @Test func healthIsTheRulesHealth() throws {
        let book = AccountBook()
        for account in ["a1", "a2"] {
            book.refuse(AccountID(upstream: "a", account: account), AccountState.Refusal(until: Self.now + 1000))
        }
        let sick = try Self.rehearse(.policy("default"), "gpt-5", states: book.states.current)
        #expect(sick.explanation.decision == .route(rule: 1, capture: "5"))
        #expect(sick.attempts.map(\.account.upstream) == ["b"])
        #expect(try Self.rehearse(.policy("default"), "gpt-5").explanation.decision == .route(rule: 2, capture: "5"))
    }

    // MARK: Limits

    private static let limited = """
        upstreams:
          a: {url: "http://127.0.0.1:1", dialect: anthropic}
          b: {url: "http://127.0.0.1:2", dialect: openai}
        policies:
          few: {requests_per_day: 1}
          poor: {budget_per_day: 10 USD}
        usage_limits:
          - {name: teams, per: "key.tags['team']", requests_per_day: 1, on_exhausted: {tiers: [b]}}
        prices: {dear: {input: 1, output: 1000000}, cheap: {input: 1, output: 1}}
        rules:
          - {name: low, models: [m], when: "limit('few.requests_per_day') == 0.0", reject: {status: 418, message: low}}
          - {name: all, models: ["*"], tiers: [a/dear, b/cheap]}
        """

    /// - Parameter used: requests of today, of the policy's limit or of the team's.
    private static func meet(
        _ policy: String, tags: [String: String] = [:], used: Int = 0, model: String = "n", file: String = limited,
        states: AccountStates = AccountStates()
    ) throws -> Rehearsal {
        let key = ClientKey(
            id: "key_1", name: "k", digest: KeyDigest(hashing: "sk-1"), masked: "...", policy: policy, tags: tags, created: 0,
            source: .admin)
        var facts = Facts()
        facts.key.take(key)
        facts.request.model = model
        facts.request.method = "POST"
        facts.request.path = "/v1/messages"
        facts.request.maxTokens = 100
        let snapshot = try #require(ConfigurationFixture.load(file).snapshot)
        let table = LimitTableTests.table()
        let now = LimitTime.at(LimitTableTests.noon)
        let limits = (snapshot.limits.policies[policy].map { [$0] } ?? []) + snapshot.limits.entries.map(\.limit)
        for limit in limits {
            let bucket = limit.origin == .policy ? key.id : tags["team"] ?? ""
            guard !bucket.isEmpty else { continue }
            for _ in 0..<used {
                let held = try table.reserve([LimitUse(limit, bucket: bucket)], { _ in LimitAmounts(requests: 1) }, now: now)
                table.settle(held, used: LimitAmounts(requests: 1), now: now)
            }
        }
        var setting = Rehearsal.Setting()
        setting.limits = LimitLook(table, now: now)
        return Rehearsal(
            facts, from: .key(key), dialect: .anthropic, snapshot: snapshot, states: states, steady: Self.now,
            setting: setting)
    }

    @Test func aLimitThatIsUsedUpRefuses() throws {
        let free = try Self.meet("few")
        #expect(free.status == 200 && free.refusal == nil && free.attempts.count == 2)
        #expect(
            free.limits.map { "\($0.figure.limit) \($0.figure.used)+\($0.needed)/\($0.figure.rate.most) \($0.fits)" }
                == ["few.requests_per_day 0+1/1 true"])
        let spent = try Self.meet("few", used: 1)
        #expect(spent.status == 429 && spent.refusal?.cause == .limit && spent.attempts.isEmpty)
        #expect(spent.refusal?.message.hasPrefix("the limit 'few.requests_per_day' (requests_per_day 1, key k)") == true)
        #expect(spent.limits.map(\.fits) == [false])
    }

    @Test func rulesSeeWhatLimitsHaveLeft() throws {
        #expect(try Self.meet("few", model: "m").explanation.decision == .route(rule: 1, capture: "m"))
        let low = try Self.meet("few", used: 1, model: "m")
        #expect(low.status == 418 && low.refusal == nil)
    }

    @Test func whoIsTooDearIsPassedOver() throws {
        let poor = try Self.meet("poor")
        #expect(poor.attempts.map(\.model) == ["cheap"])
        #expect(poor.limits.map(\.fits) == [true])
        let dear = Self.limited.replacingOccurrences(of: "tiers: [a/dear, b/cheap]", with: "tiers: [a/dear]")
        let refused = try Self.meet("poor", file: dear)
        #expect(refused.status == 429 && refused.refusal?.cause == .limit)
    }

    @Test func aLimitSendsElsewhere() throws {
        let first = try Self.meet("default", tags: ["team": "red"])
        #expect(first.elsewhere == nil && first.attempts.first?.account.upstream == "a")
        let second = try Self.meet("default", tags: ["team": "red"], used: 1)
        #expect(second.status == 200 && second.elsewhere == 2)
        #expect(second.attempts.map(\.account.upstream) == ["b"])
        #expect(second.limits.map(\.fits) == [false])
        // Beside others that apply to the new route it is told too: it is why the request goes there.
        let beside = try Self.meet(
            "rich", tags: ["team": "red"], used: 1,
            file: Self.limited.replacingOccurrences(of: "  poor: {", with: "  rich: {requests_per_day: 9}\n  poor: {"))
        #expect(beside.status == 200 && beside.elsewhere == 2)
        #expect(beside.limits.map { "\($0.figure.limit) \($0.fits)" } == ["teams false", "rich.requests_per_day true"])
    }

    @Test func whereEverybodyRestsTheLimitsAreAskedBeforeARequestWaits() throws {
        let book = AccountBook()
        for (upstream, model, rest) in [("a", "dear", 1_000), ("b", "cheap", 2_000)] {
            book.cool(
                AccountID(upstream: upstream, account: "default"), model: model, until: Self.now + rest,
                reason: .response(.status(429)), now: Self.now)
        }
        for wait in ["500ms", "9s"] {
            let file = Self.limited + "\nfallback: {wait: \(wait)}"
            let free = try Self.meet("few", file: file, states: book.states.current)
            #expect(free.awaited?.model == (wait == "9s" ? "dear" : nil) && free.refusal == nil)
            let spent = try Self.meet("few", used: 1, file: file, states: book.states.current)
            #expect(spent.status == 429 && spent.refusal?.cause == .limit && spent.awaited == nil)
            #expect(spent.limits.map(\.fits) == [false])
        }
        let poor = try Self.meet("poor", file: Self.limited + "\nfallback: {wait: 9s}", states: book.states.current)
        #expect(poor.awaited?.model == "cheap" && poor.refusal == nil)
    }

    @Test func storageThatFailsRefuses() throws {
        let snapshot = try #require(ConfigurationFixture.load(Self.limited).snapshot)
        var facts = Facts()
        facts.request.model = "n"
        var setting = Rehearsal.Setting()
        setting.canRecord = false
        let rehearsal = Rehearsal(
            facts, from: .policy("default"), dialect: .anthropic, snapshot: snapshot, states: AccountStates(), steady: Self.now,
            setting: setting)
        #expect(rehearsal.status == 503 && rehearsal.refusal?.cause == .other && rehearsal.attempts.isEmpty)
    }
}
