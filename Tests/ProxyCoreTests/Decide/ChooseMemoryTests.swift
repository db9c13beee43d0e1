import RuleEngine
import Testing

@testable import ProxyCore

/// What a loop found a moment ago when it compared accounts.
struct ChooseMemoryTests {
    private typealias Fixture = ChoosingFixture
    private static let now = ChoosingFixture.now

    private static func finding(_ model: String, at time: Int, order: [Int] = [0]) -> ChooseMemory.Finding {
        ChooseMemory.Finding(upstream: 0, model: model, madeAt: time, version: 7, order: order, loads: order.map { _ in nil })
    }

    @Test func `what was found holds for a moment, for its upstream and model`() {
        let memory = ChooseMemory()
        memory.keep(Self.finding("m", at: 100, order: [3]))
        #expect(memory.find(upstream: 0, model: "m", version: 7, now: 100 + ChooseMemory.lifetime - 1)?.order == [3])
        #expect(memory.find(upstream: 0, model: "m", version: 7, now: 100 + ChooseMemory.lifetime) == nil)
        #expect(memory.find(upstream: 1, model: "m", version: 7, now: 100) == nil)
        #expect(memory.find(upstream: 0, model: "n", version: 7, now: 100) == nil)
        #expect(memory.find(upstream: 0, model: "m", version: 8, now: 100) == nil, "something was published meanwhile")
        memory.keep(Self.finding("m", at: 120, order: [4]))
        #expect(memory.find(upstream: 0, model: "m", version: 7, now: 120)?.order == [4])
    }

    @Test func `what is published counts at once`() {
        let upstreams = [Fixture.upstream(3, .mostQuota)]
        let memory = ChooseMemory()
        var states = AccountStates()
        func first() -> String? {
            var plan = Fixture.plan(Fixture.route(upstreams), upstreams)
            plan.memory = memory
            return Fixture.walk(plan, upstreams, states).first
        }
        #expect(first() == "u/0")
        states.windows[Fixture.id("0")] = Fixture.windows([("5h", 0.4, Self.now + 3_600_000)])
        #expect(first() == "u/1")
        states.windows[Fixture.id("1")] = Fixture.windows([("5h", 0.3, Self.now + 3_600_000)])
        states.windows[Fixture.id("2")] = Fixture.windows([("5h", 0.2, Self.now + 3_600_000)])
        #expect(first() == "u/0")
    }

    @Test func `models that clients think of are not all kept`() {
        let memory = ChooseMemory()
        for number in 0..<1_000 { memory.keep(Self.finding("m\(number)", at: 0)) }
        let kept = (0..<1_000).count { memory.find(upstream: 0, model: "m\($0)", version: 7, now: 0) != nil }
        #expect(kept == 32)
        #expect(memory.find(upstream: 0, model: "m999", version: 7, now: 0) != nil)
    }

    @Test(arguments: Tier.Choice.allCases)
    func `who was found and cannot serve any more is not asked`(choice: Tier.Choice) {
        let upstreams = [Fixture.upstream(3, choice)]
        let memory = ChooseMemory()
        func first(_ states: AccountStates, seed: UInt64) -> String? {
            var plan = Fixture.plan(Fixture.route(upstreams), upstreams, seed: seed)
            plan.memory = memory
            return Fixture.walk(plan, upstreams, states).first
        }
        let book = AccountBook()
        _ = first(book.states.current, seed: 1)
        for account in ["0", "1"] {
            book.cool(
                Fixture.id(account), model: "m", until: Self.now + 60_000, reason: .response(.status(429)), now: Self.now)
        }
        for seed in 0..<20 { #expect(first(book.states.current, seed: UInt64(seed)) == "u/2") }
    }

    @Test(arguments: Tier.Choice.allCases)
    func `all are still tried, each once`(choice: Tier.Choice) {
        let upstreams = [Fixture.upstream(7, choice)]
        let memory = ChooseMemory()
        for seed in 0..<20 {
            var plan = Fixture.plan(Fixture.route(upstreams), upstreams, seed: UInt64(seed))
            plan.memory = memory
            let order = Fixture.walk(plan, upstreams)
            #expect(order.count == 7)
            #expect(Set(order).count == 7)
        }
    }
}
