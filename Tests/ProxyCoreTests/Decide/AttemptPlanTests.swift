import Dialects
import RuleEngine
import Testing

@testable import ProxyCore

/// The walk over tiers: who is asked, in which order, and who is passed over.
struct AttemptPlanTests {
    static let now = 1_800_000_000_000

    /// Upstreams `a` (accounts a1, a2) and `b` (b1); tiers a/m, b/n.
    private static let upstreams = [
        Upstream(
            name: "a", url: UpstreamURL(isTLS: false, host: "127.0.0.1", port: 1, basePath: ""), dialect: .anthropic,
            accounts: [Account(name: "a1", key: nil), Account(name: "a2", key: nil)]),
        Upstream(
            name: "b", url: UpstreamURL(isTLS: false, host: "127.0.0.1", port: 2, basePath: ""), dialect: .anthropic,
            accounts: [Account(name: "b1", key: nil)]),
    ]

    private static func route(enabled: Bool = true, thresholds: (Double, Double) = (0.05, 0.05)) -> Route {
        var fallback = FallbackPolicy()
        fallback.enabled = enabled
        func tier(_ upstream: Int, _ name: String, _ model: String, _ threshold: Double) -> ResolvedTier {
            let target = Tier.Target(upstream: name, model: model)
            return ResolvedTier(
                text: "\(name)/\(model)",
                targets: [.init(upstream: upstream, tierTarget: target, threshold: threshold, timeouts: Timeouts())],
                choice: .weighted)
        }
        return Route(name: "r", tiers: [tier(0, "a", "m", thresholds.0), tier(1, "b", "n", thresholds.1)], fallback: fallback)
    }

    private static func states(_ shares: [String: [String: Double]] = [:], change: (AccountBook) -> Void = { _ in })
        -> AccountStates
    {
        let book = AccountBook()
        for (upstream, models) in shares {
            var reading = QuotaReading(takenAt: now, goodUntil: now + 60_000)
            for (model, share) in models {
                reading.models[model] = .init(accounts: [.init(account: "x", fraction: share, emptyUntil: nil, resetAt: nil)])
            }
            book.record(reading, upstream: upstream, threshold: 0.05, now: now)
        }
        change(book)
        return book.states.current
    }

    private static func walk(_ route: Route, _ states: AccountStates) -> [String] {
        var plan = AttemptPlan(
            routes: [route], rule: 0, accounts: upstreams.map { UpstreamAccounts($0) }, askedFor: "m", capture: nil, seed: 1)
        var order: [String] = []
        while order.count < 20, let candidate = plan.next(states, now: now) {
            plan.wasAsked(candidate)
            order.append(upstreams[candidate.upstream].accounts[candidate.account].name)
        }
        return order
    }

    @Test func `tiers are asked in order, every account of one before the next`() {
        #expect(Self.walk(Self.route(), Self.states()) == ["a1", "a2", "b1"])
    }

    @Test(arguments: [
        (0.049, ["b1", "a1", "a2"]),  // passed over, and the last resort after b failed
        (0.05, ["a1", "a2", "b1"]),  // exactly the threshold is enough
        (0.0, ["b1"]),  // with nothing left it is no resort either
    ])
    func `a tier under its threshold is passed over`(share: Double, expected: [String]) {
        #expect(Self.walk(Self.route(), Self.states(["a": ["m": share], "b": ["n": 1]])) == expected)
    }

    @Test func `when every tier is under its threshold the fullest is asked first all the same`() {
        #expect(Self.walk(Self.route(), Self.states(["a": ["m": 0.01], "b": ["n": 0.02]])) == ["b1", "a1", "a2"])
        #expect(Self.walk(Self.route(), Self.states(["a": ["m": 0], "b": ["n": 0]])).first == "a1")
    }

    @Test func `an account that its poll calls unusable does not count, and is asked after all others`() throws {
        func polled(_ share: Double) throws -> AccountStates {
            let book = AccountBook()
            book.keepOnly(Self.upstreams)
            let accounts = #"[{"name":"a1","status":"error"},{"name":"a2","models":{"m":{"remainingFraction":\#(share)}}}]"#
            let body = Array(#"{"accounts":\#(accounts)}"#.utf8)
            let reading = try #require(QuotaReading(health: body, takenAt: Self.now, goodUntil: Self.now + 60_000))
            book.record(reading, upstream: "a", threshold: 0.05, now: Self.now)
            return book.states.current
        }
        #expect(Self.walk(Self.route(), try polled(0.5)) == ["a2", "b1", "a1"])
        #expect(Self.walk(Self.route(), try polled(0.04)) == ["b1", "a2", "a1"])
        #expect(Self.walk(Self.route(thresholds: (0, 0)), try polled(0.5)) == ["a2", "b1", "a1"])
    }

    @Test func `an account that cools down or was refused is passed over`() {
        let cooling = Self.states {
            $0.cool(AccountID(upstream: "a", account: "a1"), model: "m", until: Self.now + 1000, reason: .response(.status(429)))
        }
        #expect(Self.walk(Self.route(), cooling) == ["a2", "b1"])
        let refused = Self.states {
            $0.refuse(AccountID(upstream: "a", account: "a2"), AccountState.Refusal(until: Self.now + 300_000))
        }
        #expect(Self.walk(Self.route(), refused) == ["a1", "b1"])
        let other = Self.states {
            $0.cool(AccountID(upstream: "a", account: "a1"), model: "x", until: Self.now + 1000, reason: .response(.status(429)))
        }
        #expect(Self.walk(Self.route(), other) == ["a1", "a2", "b1"])
        let over = Self.states {
            $0.cool(AccountID(upstream: "a", account: "a1"), model: "m", until: Self.now, reason: .response(.status(429)))
        }
        #expect(Self.walk(Self.route(), over) == ["a1", "a2", "b1"])
    }

    @Test func `when all cool down, whoever is ready soonest is asked`() {
        let states = Self.states { book in
            book.cool(
                AccountID(upstream: "a", account: "a1"), model: "m", until: Self.now + 3000, reason: .response(.status(429)))
            book.cool(
                AccountID(upstream: "a", account: "a2"), model: "m", until: Self.now + 1000, reason: .response(.status(429)))
            book.cool(
                AccountID(upstream: "b", account: "b1"), model: "n", until: Self.now + 2000, reason: .response(.status(429)))
        }
        #expect(Self.walk(Self.route(), states) == ["a2"])
    }

    @Test func `an open breaker is passed over, and asked when nobody else is left; a refused or drained account never`() {
        func id(_ name: String) -> AccountID { AccountID(upstream: name == "b1" ? "b" : "a", account: name) }
        func fail(_ book: AccountBook, _ name: String) {
            for _ in 0..<Breaker.row {
                let failure = AccountFailure(reason: .response(.statusClass(5)), model: "m", modelStatus: .known)
                book.fail(id(name), failure, now: Self.now)
            }
        }
        #expect(Self.walk(Self.route(), Self.states { fail($0, "a1") }) == ["a2", "b1"])
        #expect(Self.walk(Self.route(), Self.states { book in for name in ["a1", "a2", "b1"] { fail(book, name) } }) == ["a1"])
        let left = Self.states { book in
            fail(book, "b1")
            book.refuse(id("a1"), AccountState.Refusal(until: Self.now + 1), now: Self.now)
            book.drain(id("a2"))
        }
        #expect(Self.walk(Self.route(), left) == ["b1"])
        let none = Self.states { book in
            for name in ["a1", "a2"] { book.refuse(id(name), AccountState.Refusal(until: Self.now + 1), now: Self.now) }
            book.drain(id("b1"))
        }
        #expect(Self.walk(Self.route(), none) == [])
        let poor = Self.states { book in
            for name in ["a1", "a2"] { book.drain(id(name)) }
            book.refuse(id("b1"), AccountState.Refusal(until: Self.now + 1, kind: .money), now: Self.now)
        }
        #expect(Self.walk(Self.route(), poor) == ["b1"])
        // Without fallback only the first tier is asked, and of it nobody whom an operator took out.
        #expect(Self.walk(Self.route(enabled: false), poor).isEmpty)
    }

    @Test func `without fallback the first of the chain is asked, once, whatever is known of it`() {
        let states = Self.states(["a": ["m": 0]])
        #expect(Self.walk(Self.route(enabled: false), states) == ["a1"])
    }

    @Test func `equals are shared by weight and all of them tried`() {
        func target(_ upstream: Int, _ name: String, _ weight: Int) -> ResolvedTier.Target {
            .init(
                upstream: upstream, tierTarget: Tier.Target(upstream: name, model: nil, weight: weight), threshold: 0.05,
                timeouts: Timeouts())
        }
        let route = Route(
            name: "r", tiers: [ResolvedTier(text: "any", targets: [target(0, "a", 1), target(1, "b", 3)], choice: .weighted)],
            fallback: FallbackPolicy())
        var firsts = [0, 0]
        for seed in 0..<4000 {
            var plan = AttemptPlan(
                routes: [route], rule: 0, accounts: Self.upstreams.map { UpstreamAccounts($0) }, askedFor: "m", capture: nil,
                seed: UInt64(seed))
            var seen: Set<Int> = []
            guard let first = plan.next(AccountStates(), now: Self.now) else { continue }
            firsts[first.upstream] += 1
            seen.insert(first.upstream)
            while let next = plan.next(AccountStates(), now: Self.now) { seen.insert(next.upstream) }
            #expect(seen == [0, 1])
        }
        #expect((2800...3200).contains(firsts[1]), "b was first \(firsts[1]) times of 4000, a weight of 3 to 1")
    }

    @Test func `a fresh quota ends a cooldown early, an empty one does not`() {
        func availability(after share: Double) -> Availability {
            let book = AccountBook()
            let id = AccountID(upstream: "a", account: "a1")
            book.cool(id, model: "m", until: Self.now + 60_000, reason: .response(.status(429)))
            var reading = QuotaReading(takenAt: Self.now, goodUntil: Self.now + 60_000)
            reading.models["m"] = .init(accounts: [.init(account: "x", fraction: share, emptyUntil: nil, resetAt: nil)])
            book.record(reading, upstream: "a", threshold: 0.05, now: Self.now)
            return book.states.current.availability(of: id, model: "m", now: Self.now)
        }
        #expect(availability(after: 0.9) == .ready)
        #expect(availability(after: 0.04) == .cooling(until: Self.now + 60_000))
    }
}
