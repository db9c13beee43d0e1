import Dialects
import RuleEngine
import Testing

@testable import ProxyCore

/// The words of `choose`: the same for the accounts of an upstream and for the members of `any`.
struct ChooseAmongTests {
    private typealias Fixture = ChoosingFixture
    private static let now = ChoosingFixture.now

    private static func firsts(_ upstreams: [Upstream], _ route: Route, _ states: AccountStates, runs: Int) -> [String: Int] {
        var firsts: [String: Int] = [:]
        for seed in 0..<runs {
            let plan = Fixture.plan(route, upstreams, seed: UInt64(seed) &* 0x9e37_79b9)
            firsts[Fixture.walk(plan, upstreams, states).first ?? "", default: 0] += 1
        }
        return firsts
    }

    // MARK: Accounts

    @Test(arguments: Tier.Choice.allCases)
    func `every word tries all accounts, each once`(choice: Tier.Choice) {
        for count in [1, 2, 3, 64, 65, 130] {
            let upstreams = [Fixture.upstream(count, choice)]
            let order = Fixture.walk(Fixture.plan(Fixture.route(upstreams), upstreams, seed: 3), upstreams)
            #expect(order.count == count)
            #expect(Set(order).count == count)
        }
    }

    @Test(arguments: Tier.Choice.allCases)
    func `no word chooses who cannot serve`(choice: Tier.Choice) {
        let upstreams = [Fixture.upstream(5, choice)]
        let book = AccountBook()
        for account in ["0", "2", "4"] {
            book.cool(
                Fixture.id(account), model: "m", until: Self.now + 60_000, reason: .response(.status(429)), now: Self.now)
        }
        for seed in 0..<50 {
            let plan = Fixture.plan(Fixture.route(upstreams), upstreams, seed: UInt64(seed))
            #expect(Set(Fixture.walk(plan, upstreams, book.states.current)) == ["u/1", "u/3"])
        }
    }

    @Test func `weights share the load of accounts`() {
        let upstreams = [Fixture.upstream("u", [("a", 3), ("b", 1)], .weighted)]
        let firsts = Self.firsts(upstreams, Fixture.route(upstreams), AccountStates(), runs: 4_000)
        #expect((2_800...3_200).contains(firsts["u/a"] ?? 0), "a was first \(firsts) times of 4000, a weight of 3 to 1")
    }

    @Test func `the fullest, and the one whose quota expires soonest`() {
        var states = AccountStates()
        let hour = 3_600_000
        states.windows[Fixture.id("0")] = Fixture.windows([("7d", 0.9, Self.now + 50 * hour)])
        states.windows[Fixture.id("1")] = Fixture.windows([("7d", 0.5, Self.now + 20 * hour)])
        states.windows[Fixture.id("2")] = Fixture.windows([("7d", 0.04, Self.now + 10 * hour)])
        func order(_ choice: Tier.Choice) -> [String] {
            let upstreams = [Fixture.upstream(3, choice)]
            return Fixture.walk(Fixture.plan(Fixture.route(upstreams), upstreams), upstreams, states)
        }
        #expect(order(.mostQuota) == ["u/0", "u/1", "u/2"])
        // Under its threshold it is a last resort, however soon its quota expires.
        #expect(order(.soonestReset) == ["u/1", "u/0", "u/2"])
    }

    @Test func `a reset that nobody knows comes last, quota that has not begun first, rates between`() {
        var states = AccountStates()
        let known: [(String, Double, Int?)] = [
            ("7d", 0.5, nil), ("requests", 0.5, Self.now + 50_000), ("7d", 0.5, Self.now + 3_600_000), ("7d", 1, nil),
            ("requests", 0.5, Self.now + 20_000),
        ]
        for (number, (kind, share, reset)) in known.enumerated() {
            var windows = AccountWindows()
            _ = windows.take(
                [QuotaWindow(.all, kind: kind, share: share, resetsAt: reset, source: .headers, takenAt: Self.now)], now: Self.now
            )
            states.windows[Fixture.id("\(number)")] = windows
        }
        let upstreams = [Fixture.upstream(5, .soonestReset)]
        let order = Fixture.walk(Fixture.plan(Fixture.route(upstreams), upstreams), upstreams, states)
        #expect(order == ["u/3", "u/2", "u/4", "u/1", "u/0"])
    }

    @Test func `of what nobody knows the first is taken`() {
        for choice in [Tier.Choice.mostQuota, .soonestReset, .cheapest, .first] {
            let upstreams = [Fixture.upstream(4, choice)]
            #expect(
                Fixture.walk(Fixture.plan(Fixture.route(upstreams), upstreams), upstreams) == ["u/0", "u/1", "u/2", "u/3"])
        }
    }

    @Test func `of idle accounts not always the first is taken`() {
        let upstreams = [Fixture.upstream(4, .leastBusy)]
        let firsts = Self.firsts(upstreams, Fixture.route(upstreams), AccountStates(), runs: 400)
        #expect(firsts.count == 4)
    }

    // MARK: Members of any

    @Test func `the words choose among the members of any`() {
        let upstreams = [Fixture.upstream("a", [("x", 1)]), Fixture.upstream("b", [("x", 1)])]
        var states = AccountStates()
        let hour = 3_600_000
        states.windows[Fixture.id("x", of: "a")] = Fixture.windows([("7d", 0.8, Self.now + 30 * hour)])
        states.windows[Fixture.id("x", of: "b")] = Fixture.windows([("7d", 0.6, Self.now + 2 * hour)])
        func first(_ choice: Tier.Choice, costs: [String: Int] = [:]) -> String? {
            let route = Fixture.route(upstreams, models: ["m", "n"], choice)
            var plan = Fixture.plan(route, upstreams)
            plan.costs = costs
            return Fixture.walk(plan, upstreams, states).first
        }
        #expect(first(.mostQuota) == "a/x")
        #expect(first(.soonestReset) == "b/x")
        #expect(first(.first) == "a/x")
        #expect(first(.cheapest, costs: ["m": 20, "n": 10]) == "b/x")
        #expect(first(.cheapest, costs: ["m": 20]) == "a/x", "what has no price comes last")
    }

    @Test func `a member none of whose accounts can serve is chosen last`() {
        let upstreams = [Fixture.upstream("a", [("x", 1), ("y", 1)]), Fixture.upstream("b", [("x", 1)])]
        let book = AccountBook()
        for account in ["x", "y"] {
            book.cool(
                Fixture.id(account, of: "a"), model: "m", until: Self.now + 60_000, reason: .response(.status(429)), now: Self.now
            )
        }
        for choice in [Tier.Choice.leastBusy, .mostQuota, .soonestReset, .cheapest] {
            let plan = Fixture.plan(Fixture.route(upstreams, choice), upstreams)
            #expect(Fixture.walk(plan, upstreams, book.states.current) == ["b/x"])
        }
    }

    // MARK: Staying

    @Test func `who served a conversation is asked first, as long as it can serve`() {
        let upstreams = [Fixture.upstream(3, .first)]
        let route = Fixture.route(upstreams)
        var plan = Fixture.plan(route, upstreams)
        let mark = route.tiers[0].mark(of: Fixture.id("2"), model: "m")
        plan.bound.conversation = AffinityBinding(mark: mark, usedAt: Self.now)
        #expect(Fixture.walk(plan, upstreams) == ["u/2", "u/0", "u/1"])
        let book = AccountBook()
        book.cool(Fixture.id("2"), model: "m", until: Self.now + 60_000, reason: .response(.status(429)), now: Self.now)
        #expect(Fixture.walk(plan, upstreams, book.states.current) == ["u/0", "u/1"])
    }

    @Test func `within any the model is part of whom a conversation stays with`() {
        let upstreams = [Fixture.upstream("u", [("x", 1)]), Fixture.upstream("u", [("x", 1)])]
        let route = Fixture.route(upstreams, models: ["m", "n"], .first)
        var plan = Fixture.plan(route, upstreams)
        plan.bound.conversation = AffinityBinding(
            mark: route.tiers[0].mark(of: Fixture.id("x"), model: "n"), usedAt: Self.now)
        #expect(plan.next(AccountStates(), now: Self.now)?.target == 1)
    }

    @Test func `within any an upstream's accounts keep what the upstream says`() {
        let pair = [("x", 1), ("y", 1)]
        func walk(of tier: AffinityKind, _ own: AffinityKind, _ change: (inout AttemptPlan, UInt64) -> Void) -> [String] {
            let upstreams = [Fixture.upstream("a", pair, affinity: own), Fixture.upstream("b", pair, affinity: own)]
            let route = Fixture.route(upstreams, .first, affinity: tier)
            var plan = Fixture.plan(route, upstreams)
            // An account's own mark is the same where its upstream is the only one.
            let id = Fixture.id("y", of: "b")
            change(&plan, tier == .none ? id.mark : route.tiers[0].mark(of: id, model: "m"))
            return Fixture.walk(plan, upstreams)
        }
        let conversation = { (plan: inout AttemptPlan, mark: UInt64) in
            plan.bound.conversation = AffinityBinding(mark: mark, usedAt: Self.now)
        }
        #expect(walk(of: .conversation, .conversation, conversation) == ["b/y", "b/x", "a/x", "a/y"])
        #expect(walk(of: .conversation, .none, conversation) == ["b/x", "b/y", "a/x", "a/y"])
        #expect(walk(of: .none, .conversation, conversation) == ["a/x", "a/y", "b/y", "b/x"])
        #expect(walk(of: .conversation, .key, conversation) == ["b/x", "b/y", "a/x", "a/y"])
        let key = { (plan: inout AttemptPlan, mark: UInt64) in
            plan.bound.bind(key: AffinityBinding(mark: mark, usedAt: Self.now), in: TextMark.of("upstream", "b"))
        }
        #expect(walk(of: .none, .key, key) == ["a/x", "a/y", "b/y", "b/x"])
        let upstreams = [Fixture.upstream("a", pair, affinity: .key), Fixture.upstream("b", pair)]
        let traits = RouteTraits(Fixture.route(upstreams, affinity: .none), upstreams.map { UpstreamAccounts($0) })
        #expect(traits.keepsConversations && traits.keepsKeys)
    }

    @Test func `a key has an account in each upstream, and an upstream in each tier of several`() {
        let pair = [("x", 1), ("y", 1)]
        let upstreams = ["a", "b"].map { Fixture.upstream($0, pair, affinity: .key) }
        let route = Fixture.route(upstreams, .first, affinity: .key)
        let accounts = upstreams.map { UpstreamAccounts($0) }
        let tier = route.tiers[0]
        let scopes = RouteTraits(route, accounts).keyScopes
        #expect(scopes == [tier.severalScope, accounts[0].scope, accounts[1].scope] && Set(scopes).count == 3)
        let (table, keys) = (AffinityTable(), AffinityKeys(key: AffinityKeys.mark(ofKey: "key_1")))
        func bind(_ scope: UInt64, to mark: UInt64) {
            table.bind(keys.mark(.key, in: scope), to: mark, before: nil, now: Self.now)
        }
        func walk() -> [String] {
            var plan = Fixture.plan(route, upstreams)
            plan.bound = BoundAccounts(keys, in: scopes, table, now: Self.now)
            return Fixture.walk(plan, upstreams)
        }
        bind(accounts[0].scope, to: Fixture.id("y", of: "a").mark)
        bind(accounts[1].scope, to: Fixture.id("y", of: "b").mark)
        #expect(walk() == ["a/y", "a/x", "b/y", "b/x"])
        bind(tier.severalScope, to: tier.mark(of: Fixture.id("x", of: "b"), model: "m"))
        #expect(walk() == ["b/y", "b/x", "a/y", "a/x"])
        #expect(BoundAccounts(AffinityKeys(), in: scopes, table, now: Self.now).isEmpty)
    }

    @Test func `what has nothing to choose from keeps nothing`() {
        let one = [Fixture.upstream("a", [("x", 1)])]
        #expect(RouteTraits(Fixture.route(one), one.map { UpstreamAccounts($0) }) == RouteTraits())
        let two = [Fixture.upstream("a", [("x", 1), ("y", 1)])]
        let traits = RouteTraits(Fixture.route(two), two.map { UpstreamAccounts($0) })
        #expect(traits.keepsConversations && !traits.keepsKeys && !traits.drawsLots)
        let silent = [Fixture.upstream("a", [("x", 1), ("y", 1)], .weighted, affinity: .none)]
        let drawn = RouteTraits(Fixture.route(silent), silent.map { UpstreamAccounts($0) })
        #expect(drawn.isPlain && drawn.drawsLots)
    }

    // MARK: Waiting

    @Test func `who will be back is waited for, and nobody is asked who would only say so`() {
        let upstreams = [Fixture.upstream(2, .first)]
        let book = AccountBook()
        for (account, rest) in [("0", 9_000), ("1", 4_000)] {
            book.cool(
                Fixture.id(account), model: "m", until: Self.now + rest, reason: .response(.status(429)), now: Self.now)
        }
        var plan = Fixture.plan(Fixture.route(upstreams, wait: .seconds(20)), upstreams)
        #expect(plan.next(book.states.current, now: Self.now) == nil)
        #expect(plan.awaited?.until == Self.now + 4_000)
        #expect(plan.awaited?.candidate.account == 1)
        plan.beginAgain()
        #expect(plan.next(book.states.current, now: Self.now + 4_000)?.account == 1)
        #expect(plan.awaited == nil)
        var impatient = Fixture.plan(Fixture.route(upstreams), upstreams)
        #expect(impatient.next(book.states.current, now: Self.now)?.account == 1)
        #expect(impatient.awaited == nil)
    }

    @Test func `who failed a request and is not out for it is not asked again when it has waited`() throws {
        let upstreams = [Fixture.upstream(3, .first)]
        var plan = Fixture.plan(Fixture.route(upstreams, .first, wait: .seconds(10)), upstreams)
        let book = AccountBook()
        var asked: [Int] = []
        func walk(now: Int) {
            while let next = plan.next(book.states.current, now: now) {
                plan.wasAsked(next)
                asked.append(next.account)
                // The second is out for a while; the others fail, and nothing takes them out.
                guard next.account == 1 else { continue }
                book.cool(
                    Fixture.id("1"), model: "m", until: now + 2_000, reason: .response(.status(429)), now: now)
            }
        }
        walk(now: Self.now)
        #expect(asked == [0, 1, 2])
        #expect(try #require(plan.awaited).until == Self.now + 2_000)
        for again in 1...3 {
            plan.beginAgain()
            walk(now: Self.now + again * 2_500)
        }
        #expect(asked == [0, 1, 2, 1, 1, 1])
    }

    @Test func `who is too dear for a limit is not waited for, and not asked when the request has waited`() {
        let upstreams = [Fixture.upstream(3, .first)]
        let book = AccountBook()
        for (account, rest) in [("0", 2_000), ("1", 4_000)] {
            book.cool(
                Fixture.id(account), model: "m", until: Self.now + rest, reason: .response(.status(429)), now: Self.now)
        }
        var plan = Fixture.plan(Fixture.route(upstreams, wait: .seconds(20)), upstreams)
        let ready = plan.next(book.states.current, now: Self.now)
        #expect(ready?.account == 2)
        if let ready { plan.passOverForLimit(ready) }
        #expect(plan.next(book.states.current, now: Self.now) == nil)
        #expect(plan.awaited?.candidate.account == 0)
        plan.passOverAwaited()
        #expect(plan.next(book.states.current, now: Self.now) == nil)
        #expect(plan.awaited?.candidate.account == 1)
        #expect(plan.passedOver.filter { $0.reason == .limit }.map(\.candidate.account) == [2, 0])
        plan.beginAgain()
        #expect(plan.next(book.states.current, now: Self.now + 4_000)?.account == 1)
    }

    @Test func `whoever has something left is asked before anybody waits`() {
        let upstreams = [Fixture.upstream(2, .first)]
        let book = AccountBook()
        book.cool(Fixture.id("0"), model: "m", until: Self.now + 4_000, reason: .response(.status(429)), now: Self.now)
        var states = book.states.current
        states.windows[Fixture.id("1")] = Fixture.windows([("7d", 0.02, Self.now + 3_600_000)])
        var plan = Fixture.plan(Fixture.route(upstreams, wait: .seconds(20)), upstreams)
        #expect(plan.next(states, now: Self.now)?.account == 1)
        #expect(plan.awaited == nil)
    }

    @Test func `positions are taken, also far ones`() {
        var taken = TakenPositions()
        for position in [0, 63, 64, 127, 128, 1_000] {
            #expect(!taken.contains(position))
            taken.insert(position)
            #expect(taken.contains(position))
            #expect(!taken.contains(position + 1) || position == 63 || position == 127)
        }
        #expect([0, 63, 64, 127, 128, 1_000, 5_000].map(taken.contains) == [true, true, true, true, true, true, false])
    }
}
